//! What lowering declares before any code exists: function instances, symbols from outside, data objects.
//!
//! Everything is named by a small index, so that functions can be lowered and compiled in any order on any thread;
//! see [`namespace`] for how machine code refers to them.

use std::sync::Arc;

use cranelift_codegen::ir::{Function, Signature, Type};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig, TargetIsa};
use rustc_hash::{FxHashMap, FxHashSet};
use vex_runtime::heap::inline::FastPath;
use vex_syntax::Span;

use super::value::TypeTable;
use crate::typed::{FormatSpec, FuncId, GlobalId, LocalId, Ty};

/// The namespaces of `UserExternalName`s in lowered functions; the index is that of the list named here.
pub mod namespace {
    /// [`Declarations::instances`](super::Declarations::instances): code, defined by us.
    pub const INSTANCE: u32 = 0;
    /// [`Declarations::symbols`](super::Declarations::symbols): functions and data of the runtime or the process.
    pub const SYMBOL: u32 = 1;
    /// [`Declarations::data`](super::Declarations::data): data, defined by us.
    pub const DATA: u32 = 2;
}

/// What machine the code is for, and which extras are compiled in.
#[derive(Clone)]
pub struct LowerOptions {
    /// The target's, as Cranelift's helpers want it.
    pub frontend: TargetFrontendConfig,
    /// The C calling convention; also that of the program's own functions.
    pub call_conv: CallConv,
    /// The type of a pointer.
    pub pointer: Type,
    /// Store the source position of each call out of user code to the symbol `vex_report_site` (a `u32`).
    pub heap_report: bool,
    /// Compare the stack pointer with the symbol `vexrt_stack_limit` (a `usize`) at the start of functions.
    pub stack_check: bool,
    /// Put functions in place of calls, and keep borrowed variables in registers where that is known to be right.
    pub inline: bool,
    /// Compare the stack pointer with that symbol also in each round of a loop, so that any loop can be stopped.
    pub poll: bool,
    /// Take and give blocks of the heap without calling it; `None` where somebody else allocates or wants to know.
    pub heap: Option<FastPath>,
    /// Make the calls that hardly ever happen by functions that leave every register as it was.
    pub kept_calls: bool,
    /// Test every access through a pointer of the program, and call the checked twins of what it calls.
    pub checked: bool,
}

impl std::fmt::Debug for LowerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LowerOptions")
            .field("call_conv", &self.call_conv)
            .field("pointer", &self.pointer)
            .field("heap_report", &self.heap_report)
            .field("stack_check", &self.stack_check)
            .field("inline", &self.inline)
            .field("poll", &self.poll)
            .field("checked", &self.checked)
            .finish_non_exhaustive()
    }
}

impl LowerOptions {
    /// The options for a target, with stack checks and without a heap report.
    pub fn new(isa: &dyn TargetIsa) -> LowerOptions {
        LowerOptions {
            frontend: isa.frontend_config(),
            call_conv: isa.default_call_conv(),
            pointer: isa.pointer_type(),
            heap_report: false,
            stack_check: true,
            inline: true,
            poll: false,
            heap: None,
            kept_calls: false,
            checked: false,
        }
    }
}

/// What an instance's code is made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// A function of the program.
    Function {
        /// Which.
        func: FuncId,
        /// Its type arguments.
        args: Vec<Ty>,
    },
    /// An `extern` function, callable as a function pointer.
    Thunk(FuncId),
    /// Drops the value its argument points at.
    Drop(Ty),
    /// Prints the value its second argument points at to the stream of its first.
    Print {
        /// The type of the value.
        ty: Ty,
        /// Index of the format in [`Declarations::specs`].
        spec: u32,
    },
}

/// A function that will be compiled.
#[derive(Clone, Debug)]
pub struct InstanceDecl {
    /// What it is made from.
    pub body: Body,
    /// As shown in backtraces: `fib`, `Arena.alloc`.
    pub name: String,
    /// Its type for the machine.
    pub sig: Signature,
    /// Its head in the source; [`Span::NONE`] for synthesized functions.
    pub span: Span,
    /// Whether it belongs to the language's own library (or is synthesized).
    pub library: bool,
}

/// Something from outside the program.
#[derive(Clone, Debug)]
pub struct SymbolDecl {
    /// The symbol.
    pub name: String,
    /// Whether it is data; else a function. Functions that are declared twice with different types are one symbol:
    /// each call has its own signature, so whoever links may declare any.
    pub data: bool,
}

/// What a word of a data object points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataTarget {
    /// The code of an instance.
    Instance(u32),
    /// Something from outside.
    Symbol(u32),
    /// Another data object.
    Data(u32),
}

/// A data object.
#[derive(Clone, Debug)]
pub struct DataDecl {
    /// Its first bytes; shorter than `size` when the rest is zero.
    pub bytes: Box<[u8]>,
    /// Its size in bytes.
    pub size: u64,
    /// Its alignment in bytes, a power of two.
    pub align: u64,
    /// Whether the program can write to it.
    pub writable: bool,
    /// Pointer-sized words to fill in: offset in bytes, what it points at (addend 0).
    pub relocs: Vec<(u32, DataTarget)>,
}

/// Source locations of code from this number on are no positions: they count up the entries of
/// [`Lowered::inlined`], of which the first one has this number.
pub const INLINED: u32 = 1 << 31;

/// Where code stands that was put in place of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inlined {
    /// Its position in the source.
    pub position: u32,
    /// The instance it was made from.
    pub instance: u32,
    /// Where the call stands: a position, or the number of an entry before this one.
    pub call: u32,
}

/// The code of a function.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// It, not yet optimised.
    pub func: Function,
    /// What its source locations from [`INLINED`] on mean.
    pub inlined: Vec<Inlined>,
}

impl From<Function> for Lowered {
    /// Code that was not put together from several functions.
    fn from(func: Function) -> Lowered {
        Lowered { func, inlined: Vec::new() }
    }
}

/// Everything a program is made of, once reachable code is known. Immutable; shared by the threads that lower.
#[derive(Debug)]
pub struct Declarations {
    /// The options it was made with.
    pub options: LowerOptions,
    /// Functions to compile.
    pub instances: Vec<InstanceDecl>,
    /// What has to be found outside.
    pub symbols: Vec<SymbolDecl>,
    /// Data objects.
    pub data: Vec<DataDecl>,
    /// Index in `instances` of the program's entry. It takes nothing and returns nothing, an `I32` or an `I64`.
    pub entry: u32,
    /// Whether the program can keep addresses of code other than through symbols.
    pub escapes: bool,
    /// The formats that printing functions are made for.
    pub specs: Vec<FormatSpec>,
    /// In checked code: the instances that free nothing.
    pub(super) quiet: FxHashSet<u32>,
    pub(super) types: TypeTable,
    pub(super) summaries: Vec<Summary>,
    pub(super) index: FxHashMap<Body, u32>,
    /// By function id: its instance without type arguments, or [`NO_INDEX`].
    pub(super) functions: Vec<u32>,
    pub(super) symbol_index: FxHashMap<String, u32>,
    pub(super) strings: FxHashMap<Arc<str>, u32>,
    /// By global id; [`NO_INDEX`] for unreachable ones.
    pub(super) globals: Vec<GlobalData>,
    pub(super) spec_data: FxHashMap<[u32; 6], u32>,
}

/// Stands for an index that was not given out.
pub(super) const NO_INDEX: u32 = u32::MAX;

/// Where a global lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct GlobalData {
    /// Data object of its value.
    pub value: u32,
    /// Data object of the byte that says whether it holds a value; [`NO_INDEX`] when nobody asks.
    pub flag: u32,
    /// Whether these are symbols, not data objects.
    pub outside: bool,
}

/// How the deferred actions of a function are kept track of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Defers {
    /// There are none.
    #[default]
    None,
    /// Each is reached at most once.
    Once,
    /// One is in a loop or in another one: records at run time.
    Many,
}

/// A function whose code can stand in place of its calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct InPlace {
    /// The number of parts of its body, with those of the functions that are put in place in it.
    pub size: u32,
}

/// What has to be known of a function before its code is made.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    /// Whether there is a `return` in it.
    pub returns: bool,
    /// Its deferred actions.
    pub defers: Defers,
    /// How many there are.
    pub defer_count: u32,
    /// Whether calls of it may become its code.
    pub in_place: Option<InPlace>,
    /// Whether data refers to it.
    pub pinned: bool,
    /// Whether it calls itself, maybe through others.
    pub recursive: bool,
    /// The biggest functions of which calls become code, in its loops and elsewhere.
    pub limits: [u32; 2],
    /// References among its parameters and locals that are tame, and locals of which all references are: see
    /// [`super::plan`].
    pub tame: FxHashSet<LocalId>,
    /// The locals that are said to be borrowed and are not.
    pub unlent: FxHashSet<LocalId>,
    /// The borrowed locals that live in SSA variables all the same; all of them are tame.
    pub kept: FxHashSet<LocalId>,
    /// Locals that are assigned to after their declaration.
    pub assigned: FxHashSet<LocalId>,
    /// The size class of the first block of a constant size that it takes.
    pub block_class: Option<usize>,
    /// Globals that it initialises, in order; those that need dropping.
    pub init_globals: Vec<GlobalId>,
}

impl Declarations {
    /// Index of the function among the instances, if it is compiled.
    pub fn index_of(&self, func: FuncId) -> Option<u32> {
        self.functions.get(func.0 as usize).copied().filter(|&index| index != NO_INDEX)
    }

    /// Whether an instance is compiled only when compiled code refers to it: calls of it may have become code.
    pub fn is_optional(&self, index: u32) -> bool {
        self.summaries
            .get(index as usize)
            .is_some_and(|summary| summary.in_place.is_some() && !summary.pinned)
    }

    /// The data objects of a global variable's value and flag, if both are made here.
    pub fn data_of(&self, global: GlobalId) -> Option<(u32, u32)> {
        let GlobalData { value, flag, outside } = *self.globals.get(global.0 as usize)?;
        (!outside && value != NO_INDEX && flag != NO_INDEX).then_some((value, flag))
    }

    /// The data object of a global variable's value, if it is made here.
    pub fn value_of(&self, global: GlobalId) -> Option<u32> {
        let GlobalData { value, outside, .. } = *self.globals.get(global.0 as usize)?;
        (!outside && value != NO_INDEX).then_some(value)
    }

    /// The instance of a function without type arguments, or of any body.
    pub(super) fn instance(&self, body: &Body) -> u32 {
        match body {
            Body::Function { func, args } if args.is_empty() => self.functions[func.0 as usize],
            _ => self.index.get(body).copied().unwrap_or(NO_INDEX),
        }
    }
}
