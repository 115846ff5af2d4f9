//! IR to machine code: lowers and compiles functions on every core, a batch at a time, and keeps only what the
//! linker needs: bytes, relocations and the rows of the code map. Functions whose calls became code of others are compiled
//! only when something still refers to them, which is known when those others are compiled: so there are rounds.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{ExternalName, Function, LibCall};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{Context, FinalizedMachReloc, FinalizedRelocTarget};

use super::{JitError, codemap};
use crate::lower::{Inlined, Lowered, namespace};

/// Functions in a batch: enough that taking one costs nothing, few enough that the threads end together.
const BATCH: usize = 32;

/// Programs of fewer functions are compiled on the calling thread: starting another costs more than it saves.
const PARALLEL_FROM: usize = 50;

/// Bytes of stack of a further thread: lowering follows the nesting of the source. Memory is taken as it is touched.
const STACK: usize = 1 << 30;

/// Alignment of each function's first byte.
const FUNCTION_ALIGN: usize = 16;

/// Makes the IR of the function with an index.
pub(super) type Build<'a> = &'a (dyn Fn(u32) -> Lowered + Sync);

/// What a relocation refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An index in one of the namespaces of `lower`.
    User { namespace: u32, index: u32 },
    /// A helper of the code generator.
    LibCall(LibCall),
    /// An offset in the batch itself.
    Here(u32),
}

/// A place in a batch's code that needs an address.
#[derive(Clone, Debug)]
pub(super) struct BatchReloc {
    /// Offset in the batch's code.
    pub offset: u32,
    /// How the address is written.
    pub kind: Reloc,
    /// Whose address.
    pub target: Target,
    /// What is added to it.
    pub addend: i64,
}

/// A compiled function's place in its batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchFunction {
    /// Its index.
    pub index: u32,
    /// Offset of its code.
    pub offset: u32,
    /// End of its rows (they begin where those of the function before it end).
    pub rows_end: u32,
}

/// The code of some functions.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Machine code of all of them.
    pub code: Vec<u8>,
    /// Each of them.
    pub functions: Vec<BatchFunction>,
    /// What has to be filled in.
    pub relocs: Vec<BatchReloc>,
    /// Rows of the code map, see [`codemap::encode_rows`].
    pub rows: Vec<u8>,
}

impl Batch {
    /// Adds function `index`, which `context` has just compiled.
    fn add(&mut self, index: u32, context: &Context, head: u32, inlined: &[Inlined]) {
        let Some(compiled) = context.compiled_code() else { return };
        let buffer = &compiled.buffer;
        let align = FUNCTION_ALIGN.max(buffer.alignment as usize);
        // Padding is never run; the breakpoint instruction says so if it is.
        self.code.resize(self.code.len().next_multiple_of(align), 0xcc);
        let offset = self.code.len() as u32;
        self.code.extend_from_slice(buffer.data());
        self.relocs.extend(buffer.relocs().iter().map(|reloc| convert(reloc, &context.func, offset)));
        codemap::encode_rows(buffer, head, inlined, &mut self.rows);
        self.functions.push(BatchFunction { index, offset, rows_end: self.rows.len() as u32 });
    }
}

/// A relocation of the function at `start`, as one of its batch.
fn convert(reloc: &FinalizedMachReloc, function: &Function, start: u32) -> BatchReloc {
    let target = match &reloc.target {
        FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => {
            let name = &function.params.user_named_funcs()[*name];
            Target::User { namespace: name.namespace, index: name.index }
        }
        FinalizedRelocTarget::ExternalName(ExternalName::LibCall(call)) => Target::LibCall(*call),
        FinalizedRelocTarget::ExternalName(other) => unreachable!("lowered code names {other:?}"),
        FinalizedRelocTarget::Func(offset) => Target::Here(start + offset),
    };
    BatchReloc { offset: start + reloc.offset, kind: reloc.kind, target, addend: reloc.addend }
}

/// What to compile and how.
pub(super) struct Job<'a> {
    /// The target.
    pub isa: &'a dyn TargetIsa,
    /// How many functions.
    pub count: usize,
    /// Whether a function is needed only if another one that is needed refers to it.
    pub optional: &'a (dyn Fn(u32) -> bool + Sync),
    /// Makes their IR.
    pub build: Build<'a>,
    /// Source position of a function's head.
    pub head: &'a (dyn Fn(u32) -> u32 + Sync),
    /// Threads to use, the calling one included; `None`: as many as there are cores.
    pub threads: Option<NonZeroUsize>,
}

impl Job<'_> {
    /// Compiles what is needed; the result has the batches in order, whichever thread made them.
    ///
    /// # Errors
    /// [`JitError::Compile`] of the first function that the code generator refuses.
    pub fn run(&self) -> Result<Vec<Batch>, JitError> {
        let (optional, mut next): (Vec<u32>, _) =
            (0..self.count as u32).partition(|&index| (self.optional)(index));
        let mut missing = vec![false; self.count];
        optional.into_iter().for_each(|index| missing[index as usize] = true);
        let mut batches = Vec::new();
        while !next.is_empty() {
            let made = self.round(&next)?;
            next = Vec::new();
            for reloc in made.iter().flat_map(|batch| &batch.relocs) {
                if let Target::User { namespace: namespace::INSTANCE, index } = reloc.target
                    && std::mem::take(&mut missing[index as usize])
                {
                    next.push(index);
                }
            }
            next.sort_unstable();
            batches.extend(made);
        }
        Ok(batches)
    }

    /// Compiles these functions.
    fn round(&self, indices: &[u32]) -> Result<Vec<Batch>, JitError> {
        let batches = indices.len().div_ceil(BATCH);
        let threads = if indices.len() < PARALLEL_FROM { 1 } else { self.threads().min(batches) };
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(batches));
        let work = || {
            let mut context = Context::new();
            loop {
                let batch = next.fetch_add(1, Ordering::Relaxed);
                let Some(indices) = indices.chunks(BATCH).nth(batch) else { break };
                let result = self.batch(indices, &mut context);
                if result.is_err() {
                    // Nobody needs the rest; earlier batches, which other threads have already taken, still end.
                    next.store(batches, Ordering::Relaxed);
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).push((batch, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // Without another thread it only takes longer.
                let _ = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(batch, _)| *batch);
        done.into_iter().map(|(_, result)| result).collect()
    }

    fn threads(&self) -> usize {
        self.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }

    fn batch(&self, indices: &[u32], context: &mut Context) -> Result<Batch, JitError> {
        let mut out = Batch::default();
        for &index in indices {
            context.clear();
            let Lowered { func, inlined } = (self.build)(index);
            context.func = func;
            if let Err(error) = context.compile(self.isa, &mut ControlPlane::default()) {
                return Err(JitError::Compile { function: index, reason: error.inner.to_string() });
            }
            out.add(index, context, (self.head)(index), &inlined);
        }
        Ok(out)
    }
}
