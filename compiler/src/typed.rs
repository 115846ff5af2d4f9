//! The typed program: every name resolved, every expression with its type, every implicit step written out
//! (borrows of receivers, conversions, moves, temporaries). It no longer knows spellings, modules or scopes of
//! names; it does not yet know registers, stack slots or machine types.
//!
//! A *place* is an expression that stands for memory: `Local`, `Global`, `Field` of a place, `Index`, `Deref`, `Temp`.
//! A place used as a value is copied out of; if its type needs dropping the checker wraps it in `Move`.

use std::sync::Arc;

pub use vex_syntax::ast::BinaryOp;
use vex_syntax::{Span, Symbol};

pub use crate::types::{FuncId, IntTy, StructId, Ty, TyKind, Types};

/// Index of a local variable in its [`Function`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LocalId(pub u32);

/// Index of a global variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GlobalId(pub u32);

/// A loop of a function; the target of `break` and `continue`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LoopId(pub u32);

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
}

/// Where a function's code is.
#[derive(Clone, Debug)]
pub enum FunctionBody {
    /// Here; the expression's value is returned.
    Code(Expr),
    /// A C function with this symbol, from the runtime's table or the process (libc).
    Extern(String),
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
    /// Fields or elements in memory order; the empty one is `()`.
    Aggregate(Vec<Const>),
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// Bring the pattern's locals into scope until the block ends; their drops run in reverse order of declaration.
    Let {
        /// What is bound.
        pattern: Pattern,
        /// The value; `None` leaves the local unset until an assignment.
        init: Option<Expr>,
    },
    /// First assignment of a script's global.
    InitGlobal {
        /// What is bound.
        pattern: GlobalPattern,
        /// The value.
        init: Expr,
    },
    /// Evaluate for its effect; a value that needs dropping is dropped.
    Expr(Expr),
}

/// What a `let` binds.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// One local.
    Local(LocalId),
    /// Nothing; the value is dropped at once.
    Wild,
    /// The elements of a tuple.
    Tuple(Vec<Pattern>),
}

/// What a top-level `let` of a script binds.
#[derive(Clone, Debug)]
pub enum GlobalPattern {
    /// One global. Globals that need dropping are dropped in reverse order of initialisation when the script ends.
    Global(GlobalId),
    /// Nothing; the value is dropped at once.
    Wild,
    /// The elements of a tuple.
    Tuple(Vec<GlobalPattern>),
}

/// A block: statements, then a value.
#[derive(Clone, Debug)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
    /// The value; `()` without one. Evaluated before the block's locals are dropped.
    pub value: Option<Box<Expr>>,
}

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it does.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Ty,
    /// Its place in the source.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    // Constants.
    /// An integer, as two's complement bits of `ty`; pointers with a constant address too.
    Int(u64),
    /// A float.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A string literal (stored with a NUL after it).
    Str(Arc<str>),
    /// The null pointer, of any pointer type.
    Null,
    /// `()`.
    Unit,
    /// The address of a function.
    Func {
        /// Which.
        func: FuncId,
        /// Type arguments.
        args: Vec<Ty>,
    },

    // Places.
    /// A local variable.
    Local(LocalId),
    /// A global variable.
    Global(GlobalId),
    /// A field of a structure or tuple, by its index in memory order. The base is a place, or any value.
    Field {
        /// The structure or tuple.
        base: Box<Expr>,
        /// Which field.
        index: u32,
    },
    /// An element of an array (a place or value) or of a slice (a value), bounds-checked.
    Index {
        /// The array or slice.
        base: Box<Expr>,
        /// An integer of any type; negative values are out of bounds.
        index: Box<Expr>,
    },
    /// What a pointer or reference points at.
    Deref(Box<Expr>),
    /// A hidden local, set to the value here; a place that lives until the enclosing `Scope` ends.
    Temp {
        /// The hidden local.
        local: LocalId,
        /// Its value.
        init: Box<Expr>,
    },

    // Ownership.
    /// Read a place of a type that needs dropping; its owner no longer drops it.
    Move(Box<Expr>),
    /// Evaluate, then drop these temporaries in reverse, those that were set.
    Scope {
        /// The temporaries.
        temps: Vec<LocalId>,
        /// The value.
        value: Box<Expr>,
    },
    /// The address of a place, as a reference (or raw pointer, when `ty` says so).
    Borrow(Box<Expr>),
    /// Make a slice of a reference to an array.
    ArrayToSlice(Box<Expr>),

    // Operators.
    /// `-e` of an integer (wraps) or float.
    Neg(Box<Expr>),
    /// `!e` of a boolean.
    Not(Box<Expr>),
    /// `~e` of an integer.
    BitNot(Box<Expr>),
    /// Arithmetic and comparison (not `&&`, `||`). Both sides have one type: integers (arithmetic wraps; division by
    /// zero, `MIN / -1` and shifts by the width or more panic), floats, booleans (`== != & | ^`), pointers,
    /// references and functions (comparison by address), `str` (comparison by bytes). Shifts may have an amount of
    /// another integer type.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left operand, evaluated first.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `&&` or `||`; the right side is evaluated only when needed.
    Logic {
        /// `&&` when true.
        and: bool,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `checked_add`, `checked_sub`, `checked_mul`: an option that is empty on overflow (`+ - *` only).
    Checked {
        /// Which.
        op: BinaryOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `base + offset * scale` bytes, or minus. The offset is an integer of any type.
    PtrOffset {
        /// A pointer.
        base: Box<Expr>,
        /// How many elements.
        offset: Box<Expr>,
        /// Bytes an element.
        scale: u64,
        /// Whether to subtract.
        negative: bool,
    },
    /// `(left - right) / scale`, an `i64`.
    PtrDiff {
        /// A pointer.
        left: Box<Expr>,
        /// Another.
        right: Box<Expr>,
        /// Bytes an element.
        scale: u64,
    },
    /// Convert to `ty`.
    Cast {
        /// The value.
        value: Box<Expr>,
        /// How.
        kind: CastKind,
    },
    /// Whether an option holds a value.
    OptionIsSome(Box<Expr>),
    /// The value of an option; panics with the message when it is empty.
    OptionExpect {
        /// The option.
        option: Box<Expr>,
        /// The panic's message.
        message: Box<Expr>,
    },
    /// The value of an option, or the other value (evaluated in any case).
    OptionOr {
        /// The option.
        option: Box<Expr>,
        /// The other value.
        other: Box<Expr>,
    },
    /// Pointer (`ptr`, or `*T` for a slice) of a `str` or slice.
    DataPtr(Box<Expr>),
    /// Length of a `str` (bytes) or slice (elements), a `usize`.
    Len(Box<Expr>),
    /// Make a `str` of a pointer and a length in bytes.
    StrFromParts {
        /// First byte.
        data: Box<Expr>,
        /// Bytes.
        len: Box<Expr>,
    },

    // Effects.
    /// `place = value`; the value is evaluated first. `()`.
    Assign {
        /// Where.
        place: Box<Expr>,
        /// What.
        value: Box<Expr>,
        /// Whether the place's old value is dropped, if it holds one, before the new one is stored.
        drop_old: bool,
    },
    /// `place op= value`, the place evaluated once. `()`.
    Update {
        /// The operation, with the meaning it has in `Binary`, `PtrOffset`.
        op: UpdateOp,
        /// Where.
        place: Box<Expr>,
        /// With what.
        value: Box<Expr>,
    },
    /// A call; arguments are evaluated left to right.
    Call {
        /// Of what.
        callee: Callee,
        /// With what.
        args: Vec<Expr>,
    },
    /// An operation that the compiler knows.
    Intrinsic {
        /// Which.
        op: Intrinsic,
        /// Its operands.
        args: Vec<Expr>,
    },
    /// Print pieces to a stream. `()`.
    Print {
        /// Where to.
        stream: Stream,
        /// What.
        pieces: Vec<Piece>,
    },
    /// Print the pieces as the message of a panic and end. `!`.
    Panic {
        /// The message.
        pieces: Vec<Piece>,
    },
    /// Panic with the pieces as the message unless the condition holds. `()`.
    Assert {
        /// The condition.
        cond: Box<Expr>,
        /// The message; evaluated only on failure.
        pieces: Vec<Piece>,
    },
    /// Panic, showing both values, unless they are equal. `()`.
    AssertEq {
        /// One value; both are scalars or `str`.
        left: Box<Expr>,
        /// The other.
        right: Box<Expr>,
        /// More for the message.
        pieces: Vec<Piece>,
    },

    // Control flow.
    /// `if`; a missing `els` is `()`.
    If {
        /// The condition, a boolean.
        cond: Box<Expr>,
        /// When it holds.
        then: Box<Expr>,
        /// When it does not.
        els: Option<Box<Expr>>,
    },
    /// `{ … }`.
    Block(Block),
    /// `while`. `()`.
    While {
        /// Its id.
        id: LoopId,
        /// The condition, a boolean.
        cond: Box<Expr>,
        /// The body.
        body: Box<Expr>,
    },
    /// `loop`; its value is that of its `break`s, `!` without any.
    Loop {
        /// Its id.
        id: LoopId,
        /// The body.
        body: Box<Expr>,
    },
    /// `for local in lo..hi`, both evaluated once, over an integer type. `()`. The local is in scope in the body only;
    /// assigning to it does not change the iteration. `inclusive` ranges may end at the type's last value.
    ForRange {
        /// Its id.
        id: LoopId,
        /// The variable.
        local: LocalId,
        /// First value.
        lo: Box<Expr>,
        /// End.
        hi: Box<Expr>,
        /// Whether the end is included.
        inclusive: bool,
        /// The body.
        body: Box<Expr>,
    },
    /// `break`. `!`.
    Break {
        /// Which loop.
        target: LoopId,
        /// The loop's value.
        value: Option<Box<Expr>>,
    },
    /// `continue`. `!`.
    Continue(LoopId),
    /// `return`. `!`.
    Return(Option<Box<Expr>>),
    /// Run the body when the function returns. `()`.
    Defer(Box<Defer>),

    // Aggregates.
    /// A tuple.
    Tuple(Vec<Expr>),
    /// An array.
    Array(Vec<Expr>),
    /// `[value; n]` with the length in `ty`; the value is evaluated once and does not need dropping (or n ≤ 1).
    Repeat(Box<Expr>),
    /// A structure; every field once, evaluated in written order.
    Struct(Vec<(u32, Expr)>),
}

/// A deferred expression. All defers of a function that were reached run in reverse order when it returns, after
/// its result is computed and before the variables of its outermost scope are dropped.
#[derive(Clone, Debug)]
pub struct Defer {
    /// What to run. It reads captured variables through their copies.
    pub body: Expr,
    /// Copies taken when the `defer` is reached: variables of inner blocks, which are gone when the body runs.
    pub captures: Vec<Capture>,
    /// Whether it stands directly in the function's outermost block, so it is reached at most once and, at any
    /// later point of the function, is known to have been reached. Others may be reached any number of times.
    pub outermost: bool,
}

/// A variable copied at a `defer`.
#[derive(Clone, Copy, Debug)]
pub struct Capture {
    /// The variable.
    pub from: LocalId,
    /// The copy that the deferred body reads.
    pub to: LocalId,
}

/// What is called.
#[derive(Clone, Debug)]
pub enum Callee {
    /// A function of the program, `extern` ones included.
    Func {
        /// Which.
        func: FuncId,
        /// Type arguments.
        args: Vec<Ty>,
    },
    /// A function of the runtime's table, by its symbol; arguments and result have the types of the table's row
    /// (pointers of any kind for pointers, `i64` for either).
    Runtime(&'static str),
    /// A function pointer.
    Pointer(Box<Expr>),
}

/// The operation of a compound assignment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateOp {
    /// As in `Binary`.
    Binary(BinaryOp),
    /// Move a pointer by elements of `scale` bytes.
    PtrOffset {
        /// Bytes an element.
        scale: u64,
        /// Whether to subtract.
        negative: bool,
    },
}

/// How a cast converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastKind {
    /// Integer or boolean to integer: truncate, or extend by the sign of the source type.
    IntToInt,
    /// Integer to float, rounding.
    IntToFloat,
    /// Float to integer, truncating towards zero, saturating; NaN becomes 0.
    FloatToInt,
    /// Between `f32` and `f64`.
    FloatToFloat,
    /// Between pointers, references, functions and 64-bit integers: the bits stay.
    Bits,
    /// Integer narrower than a pointer to pointer: extend by the sign of the source type.
    IntToPtr,
    /// Pointer to a narrower integer: truncate.
    PtrToInt,
    /// Never to anything: the operand does not end.
    Never,
}

/// A memory access size for the raw loads and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Access {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// Operations the compiler knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrinsic {
    /// `load_…(address)`: the address is a pointer or an `i64`, alignment 1; gives `i64` or `f64`/`f32`.
    Load(Access),
    /// `store_…(address, value)`: the value is an `i64` (truncated) or `f64`/`f32`.
    Store(Access),
    /// Square root of `f64` or `f32`.
    Sqrt,
    /// Rounds down.
    Floor,
    /// Rounds up.
    Ceil,
    /// Absolute value of integer (wraps) or float.
    Abs,
    /// Smaller of two numbers.
    Min,
    /// Larger of two numbers.
    Max,
    /// `unreachable()`: panics. `!`.
    Unreachable,
}

/// Where printed text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, buffered.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of printed text.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Fixed text.
    Text(Arc<str>),
    /// A value.
    Value {
        /// The value; a place is not moved.
        value: Expr,
        /// How.
        spec: FormatSpec,
    },
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatSpec {
    /// Number base and debug form.
    pub style: FormatStyle,
    /// `#`: prefix of the base.
    pub alternate: bool,
    /// `+`: always a sign.
    pub plus: bool,
    /// Pad with zeros after the sign.
    pub zero: bool,
    /// Digits after the point, or the most characters of a string.
    pub precision: Option<u32>,
    /// Least number of characters.
    pub width: u32,
    /// Where the value goes in the width; `None`: numbers right, others left.
    pub align: Option<Align>,
    /// Character that fills the width; `'\0'` means a space.
    pub fill: char,
    /// Whether booleans print as `1` and `0`.
    pub bool_as_int: bool,
}

/// The style of a printed value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatStyle {
    /// `{}`
    #[default]
    Display,
    /// `{:?}`: strings quoted.
    Debug,
    /// `{:x}`
    Hex,
    /// `{:X}`
    UpperHex,
    /// `{:b}`
    Binary,
    /// `{:o}`
    Octal,
    /// `{:e}`
    Exp,
    /// `printf`'s `%c`: an integer as the character with that code.
    Char,
}

/// Alignment within a width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// `<`
    Left,
    /// `^`
    Center,
    /// `>`
    Right,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in the syntax tree: the typed tree of the whole program is in memory at once.
    #[test]
    fn nodes_stay_small() {
        assert!(size_of::<Expr>() <= 72, "an expression takes {} bytes", size_of::<Expr>());
        assert!(size_of::<Stmt>() <= 112, "a statement takes {} bytes", size_of::<Stmt>());
    }
}
