//! What lowering declares before any code exists: function instances, symbols from outside, data objects.
//!
//! Everything is named by a small index, so that functions can be lowered and compiled in any order on any thread;
//! see [`namespace`] for how machine code refers to them.

use cranelift_codegen::ir::Signature;
use cranelift_codegen::ir::Type;
use cranelift_codegen::isa::{CallConv, TargetIsa};
use rustc_hash::FxHashMap;
use vex_syntax::Span;

use super::value::TypeTable;
use crate::typed::{FormatSpec, FuncId, Ty};

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
#[derive(Clone, Debug)]
pub struct LowerOptions {
    /// The C calling convention; also that of the program's own functions.
    pub call_conv: CallConv,
    /// The type of a pointer.
    pub pointer: Type,
    /// Store the source position of each call out of user code to the symbol `vex_report_site` (a `u32`).
    pub heap_report: bool,
    /// Compare the stack pointer with the symbol `vexrt_stack_limit` (a `usize`) at the start of functions.
    pub stack_check: bool,
}

impl LowerOptions {
    /// The options for a target, with stack checks and without a heap report.
    pub fn new(isa: &dyn TargetIsa) -> LowerOptions {
        LowerOptions {
            call_conv: isa.default_call_conv(),
            pointer: isa.pointer_type(),
            heap_report: false,
            stack_check: true,
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
    /// The formats that printing functions are made for.
    pub specs: Vec<FormatSpec>,
    pub(super) types: TypeTable,
    pub(super) index: FxHashMap<Body, u32>,
    pub(super) functions: Vec<u32>,
    pub(super) symbol_index: FxHashMap<String, u32>,
    pub(super) strings: FxHashMap<std::sync::Arc<str>, u32>,
    pub(super) globals: Vec<GlobalData>,
    pub(super) spec_data: Vec<(FormatSpec, u32)>,
}

/// Where a global lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct GlobalData {
    /// Data object of its value.
    pub value: u32,
    /// Data object of its drop flag (one byte), when it needs dropping.
    pub flag: Option<u32>,
}
