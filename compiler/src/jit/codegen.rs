//! IR to machine code: lowers and compiles functions on every core, a batch at a time, and keeps only what the
//! linker needs: bytes, relocations and the rows of the code map.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{ExternalName, Function, LibCall};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{Context, FinalizedMachReloc, FinalizedRelocTarget};

use super::{JitError, codemap};
use crate::lower::{Inlined, Lowered};

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
    /// Offset of its code.
    pub offset: u32,
    /// End of its rows (they begin where those of the function before it end).
    pub rows_end: u32,
}

/// The code of consecutive functions.
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
    /// Index of a batch's first function.
    pub fn first(batch: usize) -> usize {
        batch * BATCH
    }

    /// The batch of function `index`, and the function's place in it.
    pub fn of(index: u32) -> (usize, usize) {
        (index as usize / BATCH, index as usize % BATCH)
    }

    /// Adds the function that `context` has just compiled.
    fn add(&mut self, context: &Context, head: u32, inlined: &[Inlined]) {
        let Some(compiled) = context.compiled_code() else { return };
        let buffer = &compiled.buffer;
        let align = FUNCTION_ALIGN.max(buffer.alignment as usize);
        // Padding is never run; the breakpoint instruction says so if it is.
        self.code.resize(self.code.len().next_multiple_of(align), 0xcc);
        let offset = self.code.len() as u32;
        self.code.extend_from_slice(buffer.data());
        self.relocs.extend(buffer.relocs().iter().map(|reloc| convert(reloc, &context.func, offset)));
        codemap::encode_rows(buffer, head, inlined, &mut self.rows);
        self.functions.push(BatchFunction { offset, rows_end: self.rows.len() as u32 });
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
    /// Makes their IR.
    pub build: Build<'a>,
    /// Source position of a function's head.
    pub head: &'a (dyn Fn(u32) -> u32 + Sync),
    /// Threads to use, the calling one included; `None`: as many as there are cores.
    pub threads: Option<NonZeroUsize>,
}

impl Job<'_> {
    /// Compiles everything; the result has the batches in order, whichever thread made them.
    ///
    /// # Errors
    /// [`JitError::Compile`] of the function with the lowest index that the code generator refuses.
    pub fn run(&self) -> Result<Vec<Batch>, JitError> {
        let batches = self.count.div_ceil(BATCH);
        let threads = if self.count < PARALLEL_FROM { 1 } else { self.threads().min(batches) };
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(batches));
        let work = || {
            let mut context = Context::new();
            loop {
                let batch = next.fetch_add(1, Ordering::Relaxed);
                if batch >= batches {
                    break;
                }
                let result = self.batch(batch, &mut context);
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

    fn batch(&self, batch: usize, context: &mut Context) -> Result<Batch, JitError> {
        let first = Batch::first(batch);
        let mut out = Batch::default();
        for index in first..(first + BATCH).min(self.count) {
            let index = index as u32;
            context.clear();
            let Lowered { func, inlined } = (self.build)(index);
            context.func = func;
            if let Err(error) = context.compile(self.isa, &mut ControlPlane::default()) {
                return Err(JitError::Compile { function: index, reason: error.inner.to_string() });
            }
            out.add(context, (self.head)(index), &inlined);
        }
        Ok(out)
    }
}
