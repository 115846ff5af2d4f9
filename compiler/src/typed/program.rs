//! A whole typed program: its functions, variables and constants.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use vex_syntax::{Span, Symbol};

use super::{BinaryOp, Expr, FuncId, GlobalId, LocalId, TraitId, Ty, Types};

/// A checked program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its types.
    pub types: Types,
    /// Its functions, those of imported modules included.
    pub functions: Vec<Function>,
    /// Its global variables.
    pub globals: Vec<Global>,
    /// `main`, or the function made of a script's statements. It takes nothing and returns `()`, `i32` or `i64`.
    pub entry: FuncId,
    /// How long its global variables live.
    pub lifetime: Lifetime,
    /// Which types have which traits.
    pub contracts: Contract,
    /// The functions that print values of types with a `Display` of their own; filled by monomorphisation.
    pub shown: FxHashMap<Ty, FuncId>,
    /// Those for `{:?}` and for values inside of others, of types that have one of their own.
    pub debugged: FxHashMap<Ty, FuncId>,
}

/// What monomorphisation needs to know of traits.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    /// The functions of traits: whose, and their names. Their type parameters begin with `Self` and the trait's own.
    pub functions: FxHashMap<FuncId, (TraitId, Symbol)>,
    /// Which types have which traits.
    pub impls: Vec<Impl>,
    /// The functions of each trait in order.
    pub declared: Vec<Vec<(Symbol, FuncId)>>,
    /// The language's `Eq`.
    pub eq: Option<TraitId>,
    /// The language's `Ord`.
    pub ord: Option<TraitId>,
    /// The language's `Hash`.
    pub hash: Option<TraitId>,
    /// The language's `Clone`.
    pub clone: Option<TraitId>,
    /// The language's `Display`.
    pub display: Option<TraitId>,
    /// The language's traits of arithmetic operators; `None` for the unary minus.
    pub arithmetic: FxHashMap<TraitId, Option<BinaryOp>>,
}

/// That a type has a trait.
#[derive(Clone, Debug)]
pub struct Impl {
    /// Which trait.
    pub of: TraitId,
    /// Number of type parameters.
    pub generics: u32,
    /// The type, in terms of them.
    pub ty: Ty,
    /// The trait's arguments, in terms of them.
    pub args: Vec<Ty>,
    /// The functions that it brings; their type parameters begin with those of the impl. Others are the trait's own.
    pub functions: FxHashMap<Symbol, FuncId>,
    /// Whether its functions are made from the parts of the type.
    pub derived: bool,
    /// The traits that types have to have for it, in terms of them.
    pub needs: Vec<(Ty, TraitId)>,
}

/// How long the global variables of a program live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the entry ends, which drops those that it initialised.
    #[default]
    Program,
    /// Beyond the entry, for as long as the session of which it is one input. Each has a flag that says whether it
    /// holds a value.
    Session,
    /// Of a session, which ends: the entry drops these, last first.
    End(Vec<GlobalId>),
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// As shown in backtraces: `fib`, `Arena.alloc`; `main` for a script.
    pub name: String,
    /// Its head.
    pub span: Span,
    /// Number of type parameters (0 unless generic).
    pub generics: u32,
    /// How many of them, the last ones, stand for parameters of function type and have no name of their own.
    pub callables: u32,
    /// The type whose method or static function it is.
    pub owner: Option<Ty>,
    /// Parameters, receiver first; each is a local.
    pub params: Vec<LocalId>,
    /// Every variable of the body.
    pub locals: Vec<Local>,
    /// What it returns.
    pub ret: Ty,
    /// Where its code is.
    pub body: FunctionBody,
    /// Whether it belongs to the language's own library.
    pub library: bool,
    /// The symbol through which others call it, so that it can be replaced while the process lives; `None`: directly.
    pub via: Option<Arc<str>>,
}

/// Where a function's code is.
#[derive(Clone, Debug)]
pub enum FunctionBody {
    /// Here; the expression's value is returned.
    Code(Expr),
    /// A C function with this symbol, from the runtime's table or the process (libc).
    Extern(String),
    /// Nowhere: a trait asks for it, and each type brings its own.
    Required,
    /// In memory already: an earlier input of the session had it. It is called through its symbol.
    Elsewhere,
}

/// A variable of a function.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name; hidden temporaries have an empty one.
    pub name: Symbol,
    /// Its type.
    pub ty: Ty,
    /// Where it is declared.
    pub span: Span,
    /// Whether its address is taken (by a borrow), so it must live in memory.
    pub borrowed: bool,
    /// Whether some path moves out of it or leaves it unset, so dropping it at scope end needs a flag.
    pub flagged: bool,
}

/// A global variable.
#[derive(Clone, Debug)]
pub struct Global {
    /// Its name.
    pub name: Symbol,
    /// Its type.
    pub ty: Ty,
    /// Where it is declared.
    pub span: Span,
    /// The value it has before the program starts; zero bytes when `None` (a script's binding, set by `InitGlobal`).
    pub init: Option<Const>,
    /// Where it is, when an earlier input of the session declared it.
    pub at: Option<Placed>,
}

/// The symbols of a variable that is in memory already.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its value.
    pub value: Arc<str>,
    /// The byte that says whether it holds one.
    pub flag: Arc<str>,
}

/// A constant value.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// Integers and booleans, as two's complement bits.
    Int(u64),
    /// Floats (an `f32` is rounded when stored).
    Float(f64),
    /// A string.
    Str(Arc<str>),
    /// The null pointer, or a pointer with a constant address.
    Ptr(u64),
    /// The address of a function.
    Func(FuncId),
    /// A value of a type with variants: which, and its payload.
    Variant(u32, Vec<Const>),
    /// Fields or elements in memory order; the empty one is `()`.
    Aggregate(Vec<Const>),
}
