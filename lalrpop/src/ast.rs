//! The syntax tree: what was written, with a span on every node and no meaning yet.
//!
//! The tree is the same for all three spellings. Names are not resolved, types are not known, and where the
//! written form leaves the meaning open (`sizeof(x)`: a type or a value?) the tree keeps the written form.

mod items;
mod patterns;
pub mod visit;

use crate::span::Span;
use crate::symbol::Symbol;

pub use items::{
    ConstDecl, EnumDecl, ExternDecl, FieldDecl, FnDecl, GenericParam, ImplDecl, ImportDecl, ImportName, Item,
    ItemKind, Param, SelfParam, SourceUnit, StructDecl, Top, TraitDecl, VariantDecl,
};
pub use patterns::{
    AtPattern, Closure, ClosureParam, MatchArm, Pattern, RangePattern, StructPattern, VariantPattern,
};

/// Deepest nesting of expressions, blocks and types that the parser accepts; recursion over the tree is safe below it.
pub const MAX_DEPTH: u32 = 2_500;

/// A name and where it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ident {
    /// The name.
    pub name: Symbol,
    /// Its place.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// The whole statement.
    pub span: Span,
}

/// The kinds of statement; control flow is an expression.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `let p = e`, `let! p: T = e`, `var x = e`, `x := e`, `x := mut e`.
    Let {
        /// What is bound.
        pattern: Pattern,
        /// Whether the names can be assigned to.
        mutable: bool,
        /// The written type.
        ty: Option<Box<TypeExpr>>,
        /// The initial value; `None` declares a name that is assigned later.
        value: Option<Expr>,
    },
    /// A declaration inside a block: a constant, a function or a structure. Boxed: it is large, rare and would set the
    /// size of every statement.
    Item(Box<Item>),
    /// An expression for its effect or, last in a block, its value.
    Expr(Expr),
}

/// `{ … }`.
#[derive(Clone, Debug)]
pub struct Block {
    /// The statements in order. When the last is an expression and `ends_with_semicolon` is false, it is the block's value.
    pub stmts: Vec<Stmt>,
    /// Whether a `;` was written after the last statement, which makes the block's value `()`.
    pub ends_with_semicolon: bool,
    /// With its braces.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The whole expression.
    pub span: Span,
    /// Nesting depth of the tree below; at most [`MAX_DEPTH`].
    pub depth: u32,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// An integer literal. The suffix is a type name (`255u8`).
    Int {
        /// The value; literals above 2⁶⁴−1 are an error of the lexer.
        value: u64,
        /// The written suffix.
        suffix: Option<Ident>,
    },
    /// A float literal.
    Float {
        /// The value.
        value: f64,
        /// The written suffix.
        suffix: Option<Ident>,
    },
    /// A string literal, escapes resolved. The raw text is in the source at the expression's span.
    Str(std::sync::Arc<str>),
    /// A character literal, `'a'`.
    Char(char),
    /// `true`, `false`, `yes`-or-no of any spelling.
    Bool(bool),
    /// `null_ptr`, `null`, `nil`.
    Null,
    /// A name; `self` too.
    Name(Symbol),
    /// A `$name` or `#name` builtin without its mark.
    Builtin(Symbol),
    /// `a.name`, `T::name`.
    Field {
        /// Left of the dot.
        base: Box<Expr>,
        /// Right of it.
        name: Ident,
    },
    /// `t.0`.
    TupleField {
        /// The tuple.
        base: Box<Expr>,
        /// Which one, from 0.
        index: u32,
        /// Where the number is.
        index_span: Span,
    },
    /// `a[i]`.
    Index {
        /// What is indexed.
        base: Box<Expr>,
        /// The index.
        index: Box<Expr>,
    },
    /// `f(…)`, `a.m(…)` (callee is a field), `T::f(…)`, `T(…)`, `f<A>(…)` (callee is generic).
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// Whether it was called with the mutating mark, `m!(…)`.
        mutating: bool,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `@(…)`: a call of the enclosing function.
    Recur(Vec<Expr>),
    /// `name<A, B>`: type arguments after a name.
    Generic {
        /// The name.
        base: Box<Expr>,
        /// The type arguments.
        args: Vec<TypeExpr>,
    },
    /// `-e`, `!e`, `~e`, `*e`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// The operand.
        value: Box<Expr>,
    },
    /// `&place`, `&place!`.
    Borrow {
        /// Whether it was written with `!`.
        mutable: bool,
        /// What is borrowed.
        place: Box<Expr>,
    },
    /// A suffix `!` that is neither a borrow's nor a call's; meaningful only where a type is expected (`sizeof(*u8!)`).
    Bang(Box<Expr>),
    /// `a + b` and all other binary operators.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `place = e`, `place += e`.
    Assign {
        /// The operator of a compound assignment.
        op: Option<BinaryOp>,
        /// What is assigned.
        place: Box<Expr>,
        /// The value.
        value: Box<Expr>,
    },
    /// `e as T`.
    Cast {
        /// The value.
        value: Box<Expr>,
        /// The target type.
        ty: Box<TypeExpr>,
    },
    /// `a..b`, `a..=b`.
    Range {
        /// First value.
        lo: Box<Expr>,
        /// End.
        hi: Box<Expr>,
        /// Whether the end is part of it.
        inclusive: bool,
    },
    /// `value |> f`.
    Pipe {
        /// The argument.
        value: Box<Expr>,
        /// What is called with it.
        func: Box<Expr>,
    },
    /// `if`, `elif`, `I`, and `c ? a : b` (whose branches are blocks of one expression).
    If {
        /// The condition.
        cond: Box<Expr>,
        /// Taken when it holds.
        then: Box<Block>,
        /// A block or another `if`.
        els: Option<Box<Expr>>,
    },
    /// `{ … }`.
    Block(Block),
    /// `unsafe { … }`.
    Unsafe(Block),
    /// `while c { }`, `L c { }`.
    While {
        /// The condition.
        cond: Box<Expr>,
        /// The body.
        body: Box<Block>,
    },
    /// `loop { }`, `L { }`.
    Loop(Block),
    /// `for x in e { }`, `L x: e { }`.
    For {
        /// What each element is bound to.
        pattern: Box<Pattern>,
        /// A range, an array, a slice, an iterator or what has one.
        iter: Box<Expr>,
        /// The body.
        body: Box<Block>,
    },
    /// `return e`.
    Return(Option<Box<Expr>>),
    /// `break`, `break e`.
    Break(Option<Box<Expr>>),
    /// `continue`.
    Continue,
    /// `defer e`, `defer { … }`.
    Defer(Box<Expr>),
    /// `(a, b)`; `()` is the empty tuple.
    Tuple(Vec<Expr>),
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `[e; n]`.
    Repeat {
        /// The element.
        value: Box<Expr>,
        /// How many.
        count: Box<Expr>,
    },
    /// `match e { … }`, `M e { … }`.
    Match {
        /// What is looked at.
        value: Box<Expr>,
        /// The arms in order.
        arms: Vec<MatchArm>,
    },
    /// `let p = e` as a condition, or as a part of one that `&&` joins; true when the pattern takes the value.
    Let {
        /// The pattern.
        pattern: Box<Pattern>,
        /// What it is to take.
        value: Box<Expr>,
    },
    /// `e?`
    Try(Box<Expr>),
    /// `|a| e`
    Closure(Box<Closure>),
    /// `S { a: 1, b }`, `Shape.Circle { r: 1 }`.
    Struct {
        /// The structure's name, with type arguments if written.
        ty: Box<TypeExpr>,
        /// The fields in written order.
        fields: Vec<FieldInit>,
    },
    /// Something that could not be parsed; an error has been reported.
    Error,
}

/// A field of a structure literal.
#[derive(Clone, Debug)]
pub struct FieldInit {
    /// The field.
    pub name: Ident,
    /// Its value; the short form `S { a }` has the name as its value.
    pub value: Expr,
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
    /// `~`
    BitNot,
    /// `*`
    Deref,
}

/// Infix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Shl,
    Shr,
    BitAnd,
    BitXor,
    BitOr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
}

impl BinaryOp {
    /// The operator as written.
    pub fn as_str(self) -> &'static str {
        use BinaryOp::*;
        match self {
            Add => "+",
            Sub => "-",
            Mul => "*",
            Div => "/",
            Rem => "%",
            Shl => "<<",
            Shr => ">>",
            BitAnd => "&",
            BitXor => "^",
            BitOr => "|",
            Eq => "==",
            Ne => "!=",
            Lt => "<",
            Le => "<=",
            Gt => ">",
            Ge => ">=",
            And => "&&",
            Or => "||",
        }
    }
}

/// A written type.
#[derive(Clone, Debug)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeKind,
    /// Where.
    pub span: Span,
}

/// The kinds of written type.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `i64`, `ptr`, `Point`, `m.Point`, `Vec<i64>`.
    Path {
        /// The names between the dots.
        names: Vec<Ident>,
        /// Type arguments.
        args: Vec<TypeExpr>,
    },
    /// `*T`, `*T!`.
    RawPtr {
        /// Whether it was written with `!`.
        mutable: bool,
        /// What it points at.
        pointee: Box<TypeExpr>,
    },
    /// `&T`, `&T!`.
    Ref {
        /// Whether it was written with `!`.
        mutable: bool,
        /// What it refers to.
        pointee: Box<TypeExpr>,
    },
    /// `[T; N]`.
    Array {
        /// The element.
        elem: Box<TypeExpr>,
        /// The length, a constant expression.
        len: Box<Expr>,
    },
    /// `[T]`.
    Slice(Box<TypeExpr>),
    /// `(A, B)`; `()` is the unit type.
    Tuple(Vec<TypeExpr>),
    /// `fn(A, B): R`.
    Fn {
        /// Parameter types.
        params: Vec<TypeExpr>,
        /// Return type.
        ret: Option<Box<TypeExpr>>,
    },
    /// `!`.
    Never,
    /// `_`: to be inferred.
    Infer,
    /// Something that could not be parsed; an error has been reported.
    Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of a million lines has ten million nodes: what a node grows by, memory grows by tenfold.
    #[test]
    fn nodes_stay_small() {
        assert!(size_of::<Expr>() <= 72, "an expression takes {} bytes", size_of::<Expr>());
        assert!(size_of::<Stmt>() <= 144, "a statement takes {} bytes", size_of::<Stmt>());
    }
}
