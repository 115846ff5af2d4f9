//! Two loops that allocate, compiled with Cranelift and run.
//!
//! ```text
//! pairs(rounds):         for i in 0..rounds { p = take(SIZE); *p = i; sum += *p; give(p) }
//! batches(rounds, room): for i in 0..rounds { room[j] = take(SIZE) for each j; give(room[j]) for each j }
//! ```

use std::error::Error;

use cranelift_codegen::ir::{self, AbiParam, InstBuilder, MemFlagsData, Signature, types};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module, default_libcall_names};
use vex_runtime::embed::symbols::{self, Word};
use vex_runtime::heap::inline::{FastPath, thread_heap};
use vex_runtime::heap::thread::ThreadHeap;

use crate::fast::{Emitter, load, store};

/// The compiled loops, for blocks of one size.
pub struct Programs {
    pairs: extern "C" fn(*const ThreadHeap, *mut u64, u64) -> u64,
    batches: extern "C" fn(*const ThreadHeap, *mut u64, u64, *mut usize, u64),
    /// Holds the code; it is freed with the process.
    _module: JITModule,
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// What it computed.
    pub sum: u64,
    /// How often it called the heap.
    pub calls: u64,
}

impl Programs {
    /// Compiles both loops for blocks of `size` bytes, at least 8, with the fast paths of these offsets, or with calls.
    /// Freeing guesses that blocks have `likely` bytes.
    ///
    /// # Errors
    /// When the code generator does not know the machine, or the library lacks a function.
    pub fn compile(size: usize, likely: usize, fast: Option<FastPath>) -> Result<Programs, Box<dyn Error>> {
        let mut flags = settings::builder();
        for (name, value) in
            [("opt_level", "speed"), ("use_colocated_libcalls", "false"), ("is_pic", "false")]
        {
            flags.set(name, value)?;
        }
        let isa = cranelift_native::builder()?.finish(settings::Flags::new(flags))?;
        let mut builder = JITBuilder::with_isa(isa, default_libcall_names());
        // Every name that code may call, at once.
        builder.symbols(symbols::all().map(|symbol| (symbol.name(), symbol.address())));
        let mut module = JITModule::new(builder);

        let [malloc, free] = [import(&mut module, "vex_malloc")?, import(&mut module, "vex_free")?];
        let pairs = define(&mut module, "pairs", 3, true, |b, params, module| {
            let emitter = emitter(b, module, fast, [malloc, free], params);
            pairs_body(b, &emitter, params[2], [size, likely]);
        })?;
        let batches = define(&mut module, "batches", 5, false, |b, params, module| {
            let emitter = emitter(b, module, fast, [malloc, free], params);
            batches_body(b, &emitter, &params[2..], [size, likely]);
        })?;
        module.finalize_definitions()?;
        let [pairs, batches] = [pairs, batches].map(|id| module.get_finalized_function(id));
        // SAFETY: the code was compiled for just these arguments and results, in C's convention, and stays in memory
        // with the process: the module is never asked to free it.
        unsafe {
            Ok(Programs {
                pairs: std::mem::transmute::<*const u8, extern "C" fn(*const ThreadHeap, *mut u64, u64) -> u64>(
                    pairs,
                ),
                batches: std::mem::transmute::<
                    *const u8,
                    extern "C" fn(*const ThreadHeap, *mut u64, u64, *mut usize, u64),
                >(batches),
                _module: module,
            })
        }
    }

    /// Takes and gives a block, `rounds` times. The sum is that of 0 to `rounds`.
    pub fn pairs(&self, rounds: u64) -> Run {
        let mut calls = 0;
        let sum = (self.pairs)(thread_heap(), &raw mut calls, rounds);
        Run { sum, calls }
    }

    /// Takes `blocks` blocks and gives them all back, `rounds` times.
    pub fn batches(&self, rounds: u64, blocks: usize) -> Run {
        let mut calls = 0;
        let mut room = vec![0usize; blocks];
        (self.batches)(thread_heap(), &raw mut calls, rounds, room.as_mut_ptr(), blocks as u64);
        Run { sum: 0, calls }
    }
}

/// Declares a function of the heap with the types that its signature says.
fn import(module: &mut JITModule, name: &str) -> Result<FuncId, Box<dyn Error>> {
    let symbol = symbols::find(name).ok_or_else(|| format!("the library has no {name}"))?;
    let mut signature = module.make_signature();
    signature.params.extend(symbol.params().map(abi));
    signature.returns.extend(symbol.results().iter().copied().map(abi));
    Ok(module.declare_function(name, Linkage::Import, &signature)?)
}

/// How a word of a signature is passed.
fn abi(word: Word) -> AbiParam {
    let param = AbiParam::new(match (word, word.bytes()) {
        (Word::F32, _) => types::F32,
        (Word::F64, _) => types::F64,
        (_, 1) => types::I8,
        (_, 2) => types::I16,
        (_, 4) => types::I32,
        _ => types::I64,
    });
    match word {
        _ if word.is_float() || word.bytes() == 8 => param,
        _ if word.is_signed() => param.sext(),
        _ => param.uext(),
    }
}

/// Defines a function of so many words.
fn define(
    module: &mut JITModule,
    name: &str,
    params: usize,
    returns: bool,
    body: impl FnOnce(&mut FunctionBuilder<'_>, &[ir::Value], &mut JITModule),
) -> Result<FuncId, Box<dyn Error>> {
    let word = AbiParam::new(types::I64);
    let signature = Signature {
        params: vec![word; params],
        returns: vec![word; usize::from(returns)],
        call_conv: module.isa().default_call_conv(),
    };
    let id = module.declare_function(name, Linkage::Export, &signature)?;
    let mut context = module.make_context();
    context.func.signature = signature;
    let mut state = FunctionBuilderContext::new();
    let mut b = FunctionBuilder::new(&mut context.func, &mut state);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.seal_block(entry);
    b.switch_to_block(entry);
    let params = b.block_params(entry).to_vec();
    body(&mut b, &params, module);
    b.finalize(module.target_config());
    module.define_function(id, &mut context)?;
    Ok(id)
}

/// What a function allocates with; its first two parameters are the heap and the count of calls.
fn emitter(
    b: &mut FunctionBuilder<'_>,
    module: &mut JITModule,
    fast: Option<FastPath>,
    [malloc, free]: [FuncId; 2],
    params: &[ir::Value],
) -> Emitter {
    let malloc = module.declare_func_in_func(malloc, b.func);
    let free = module.declare_func_in_func(free, b.func);
    Emitter { fast, malloc, free, heap: params[0], calls: params[1] }
}

/// A loop over 0 to `end`, with one more number that each round changes; returns its last value.
fn count_up(
    b: &mut FunctionBuilder<'_>,
    end: ir::Value,
    round: impl FnOnce(&mut FunctionBuilder<'_>, ir::Value, ir::Value) -> ir::Value,
) -> ir::Value {
    let (head, body, after) = (b.create_block(), b.create_block(), b.create_block());
    let [index, carried] = [0, 1].map(|_| b.append_block_param(head, types::I64));
    let zero = b.ins().iconst(types::I64, 0);
    b.ins().jump(head, &[zero.into(), zero.into()]);
    b.switch_to_block(head);
    let more = b.ins().icmp(ir::condcodes::IntCC::UnsignedLessThan, index, end);
    b.ins().brif(more, body, &[], after, &[]);
    b.seal_block(body);
    b.switch_to_block(body);
    let next = round(b, index, carried);
    let one_more = b.ins().iadd_imm_s(index, 1);
    b.ins().jump(head, &[one_more.into(), next.into()]);
    b.seal_block(head);
    b.seal_block(after);
    b.switch_to_block(after);
    carried
}

fn pairs_body(b: &mut FunctionBuilder<'_>, emitter: &Emitter, rounds: ir::Value, [size, likely]: [usize; 2]) {
    let sum = count_up(b, rounds, |b, index, sum| {
        let block = emitter.take(b, size);
        store(b, index, block, 0);
        // Read it back from memory, not from the store above.
        let read = b.ins().load(types::I64, MemFlagsData::new(), block, 0);
        emitter.give(b, block, likely);
        b.ins().iadd(sum, read)
    });
    b.ins().return_(&[sum]);
}

fn batches_body(
    b: &mut FunctionBuilder<'_>,
    emitter: &Emitter,
    params: &[ir::Value],
    [size, likely]: [usize; 2],
) {
    let [rounds, room, blocks] = [params[0], params[1], params[2]];
    let place = |b: &mut FunctionBuilder<'_>, index| {
        let offset = b.ins().ishl_imm_u(index, 3);
        b.ins().iadd(room, offset)
    };
    count_up(b, rounds, |b, _, carried| {
        count_up(b, blocks, |b, index, carried| {
            let block = emitter.take(b, size);
            store(b, index, block, 0);
            let place = place(b, index);
            store(b, block, place, 0);
            carried
        });
        count_up(b, blocks, |b, index, carried| {
            let place = place(b, index);
            let block = load(b, types::I64, place, 0);
            emitter.give(b, block, likely);
            carried
        });
        carried
    });
    b.ins().return_(&[]);
}
