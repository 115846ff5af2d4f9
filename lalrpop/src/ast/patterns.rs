//! Patterns, and what has them: arms of a `match` and closures.

use super::{Expr, Ident, TypeExpr};
use crate::span::Span;

/// What a binding binds, or what an arm of a `match` takes.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// One name: a binding, unless it names a variant without a payload or a constant.
    Name(Ident),
    /// `name!` or `mut name`: a binding that may change.
    Mut(Ident),
    /// `_`.
    Wild(Span),
    /// `(a, b, _)`.
    Tuple(Vec<Pattern>, Span),
    /// A literal, with its sign: `0`, `-1`, `"on"`, `'c'`, `true`, `null`.
    Literal(Box<Expr>),
    /// `a..b`, `a..=b`, `a..`, `..b`; the ends are literals or names of constants.
    Range(Box<RangePattern>),
    /// `Some(x)`, `Shape.Circle(r)`, `Shape::Point`, `m.Shape.Point`.
    Variant(Box<VariantPattern>),
    /// `Point { x, y: 0, .. }`, `Shape.Circle { r }`.
    Struct(Box<StructPattern>),
    /// `a | b`.
    Or(Vec<Pattern>, Span),
    /// `name @ pattern`.
    At(Box<AtPattern>),
}

/// A range of values.
#[derive(Clone, Debug)]
pub struct RangePattern {
    /// First value; `None` for the smallest.
    pub lo: Option<Expr>,
    /// End; `None` for the largest.
    pub hi: Option<Expr>,
    /// Whether the end is part of it.
    pub inclusive: bool,
    /// The whole pattern.
    pub span: Span,
}

/// A variant by its path, with patterns for its payload.
#[derive(Clone, Debug)]
pub struct VariantPattern {
    /// The names between the dots; the last is the variant's. One name only when a payload follows.
    pub path: Vec<Ident>,
    /// The patterns in the parentheses; `None` without any.
    pub args: Option<Vec<Pattern>>,
    /// The whole pattern.
    pub span: Span,
}

/// A structure, or a variant with named fields.
#[derive(Clone, Debug)]
pub struct StructPattern {
    /// The names between the dots.
    pub path: Vec<Ident>,
    /// The fields in written order; the short form `{ a }` binds a name.
    pub fields: Vec<(Ident, Pattern)>,
    /// Whether `..` leaves other fields out.
    pub rest: bool,
    /// The whole pattern.
    pub span: Span,
}

/// A name for the whole of what another pattern takes.
#[derive(Clone, Debug)]
pub struct AtPattern {
    /// The name.
    pub name: Ident,
    /// What it has to look like.
    pub pattern: Pattern,
}

impl Pattern {
    /// Where it is written.
    pub fn span(&self) -> Span {
        match self {
            Pattern::Name(ident) | Pattern::Mut(ident) => ident.span,
            Pattern::Wild(span) | Pattern::Tuple(_, span) | Pattern::Or(_, span) => *span,
            Pattern::Literal(expr) => expr.span,
            Pattern::Range(range) => range.span,
            Pattern::Variant(variant) => variant.span,
            Pattern::Struct(structure) => structure.span,
            Pattern::At(at) => at.name.span.to(at.pattern.span()),
        }
    }
}

/// An arm of a `match`.
#[derive(Clone, Debug)]
pub struct MatchArm {
    /// What it takes.
    pub pattern: Pattern,
    /// The condition after `if`.
    pub guard: Option<Expr>,
    /// Its value.
    pub body: Expr,
}

/// `|a, b: T| e`, `move |a|: R { … }`.
#[derive(Clone, Debug)]
pub struct Closure {
    /// Whether `move` takes what it captures by value.
    pub moves: bool,
    /// Its parameters.
    pub params: Vec<ClosureParam>,
    /// The written result type.
    pub ret: Option<TypeExpr>,
    /// Its value.
    pub body: Expr,
    /// From the `move` or the first bar to the end of the parameters and the result type.
    pub head: Span,
}

/// A parameter of a closure.
#[derive(Clone, Debug)]
pub struct ClosureParam {
    /// A name, `_`, or a tuple of them.
    pub pattern: Pattern,
    /// `name!` or `mut name`: assignable inside.
    pub mutable: bool,
    /// The written type.
    pub ty: Option<TypeExpr>,
}
