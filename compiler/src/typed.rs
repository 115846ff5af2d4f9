//! The typed program: every name resolved, every expression with its type, every implicit step written out
//! (borrows of receivers, conversions, moves, temporaries). It no longer knows spellings, modules or scopes of
//! names; it does not yet know registers, stack slots or machine types.
//!
//! A *place* is an expression that stands for memory: `Local`, `Global`, `Field` of a place, `Index`, `Deref`, `Temp`.
//! A place used as a value is copied out of; if its type needs dropping the checker wraps it in `Move`.

mod matching;
mod ops;
mod print;
mod program;
pub mod walk;

use std::sync::Arc;

use vex_syntax::Span;
pub use vex_syntax::ast::BinaryOp;

pub use crate::types::{FuncId, IntTy, StructId, TraitId, Ty, TyKind, Types};
pub use matching::{Arm, Test};
pub use ops::{Access, CastKind, Intrinsic, Query, UpdateOp};
pub use print::{Align, FormatSpec, FormatStyle, Piece, Stream};
pub use program::{Const, Contract, Function, FunctionBody, Global, Impl, Lifetime, Local, Placed, Program};

/// Index of a local variable in its [`Function`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LocalId(pub u32);

/// Index of a global variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GlobalId(pub u32);

/// A loop of a function; the target of `break` and `continue`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LoopId(pub u32);

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
    /// A field of the payload of a variant; the base, a place or any value, is known to be of that variant.
    Payload {
        /// A value of a type with variants.
        base: Box<Expr>,
        /// Which variant.
        variant: u32,
        /// Which field.
        index: u32,
    },
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
    /// Read a place bit by bit, whoever owns what is there: how memory without an owner is emptied.
    Take(Box<Expr>),
    /// Evaluate and never drop the value. `()`.
    Forget(Box<Expr>),
    /// Evaluate, then drop these temporaries in reverse, those that were set.
    Scope {
        /// The temporaries.
        temps: Vec<LocalId>,
        /// The value.
        value: Box<Expr>,
    },
    /// The address of a place, as a reference (or raw pointer, when `ty` says so).
    Borrow(Box<Expr>),
    /// What is asked of a type whose arguments are not known yet. Only in generic functions; elsewhere it is an `Int` or
    /// a `Bool`.
    Layout {
        /// The type.
        of: Ty,
        /// What is asked.
        what: Query,
    },
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
    /// Print pieces to a stream. `()`, or a `str` for [`Stream::Text`].
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
    /// A value of a type with variants; every field of the payload once, evaluated in written order.
    Variant {
        /// Which variant.
        variant: u32,
        /// Its payload.
        fields: Vec<(u32, Expr)>,
    },
    /// Which variant a value is, by its index, an integer of any type. A place is only looked at.
    Tag(Box<Expr>),
    /// The value of the first arm that takes the value of a place. One does: the checker has seen to it.
    Match {
        /// What is looked at: a place (or a `Temp`).
        value: Box<Expr>,
        /// The arms in order.
        arms: Vec<Arm>,
    },
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
