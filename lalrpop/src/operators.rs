//! The precedence of operators between operands: turns a flat chain into a tree.

use crate::ast::{BinaryOp, Expr, ExprKind, TypeExpr};
use crate::builder::{Builder, Deep};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// An operator of a chain.
#[derive(Debug)]
pub enum ChainOp {
    /// A binary operator of the tree.
    Binary(BinaryOp),
    /// `..`
    Range,
    /// `..=`
    RangeInclusive,
    /// `? e :`, with what is between.
    Choose(Box<Expr>),
    /// `|>`
    Pipe,
    /// `=`, `+=` …
    Assign(Option<BinaryOp>),
}

/// How loosely or tightly an operator binds, the loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Assign,
    Pipe,
    Choose,
    Range,
    Or,
    And,
    Compare,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Add,
    Multiply,
}

impl Level {
    /// Whether `a op b op c` is `a op (b op c)`.
    fn to_the_right(self) -> bool {
        matches!(self, Level::Assign | Level::Choose)
    }

    /// Whether `a op b op c` has no meaning.
    fn alone(self) -> bool {
        matches!(self, Level::Compare | Level::Range)
    }
}

impl ChainOp {
    fn level(&self) -> Level {
        use BinaryOp::*;
        match self {
            ChainOp::Assign(_) => Level::Assign,
            ChainOp::Pipe => Level::Pipe,
            ChainOp::Choose(_) => Level::Choose,
            ChainOp::Range | ChainOp::RangeInclusive => Level::Range,
            ChainOp::Binary(op) => match op {
                Or => Level::Or,
                And => Level::And,
                Eq | Ne | Lt | Le | Gt | Ge => Level::Compare,
                BitOr => Level::BitOr,
                BitXor => Level::BitXor,
                BitAnd => Level::BitAnd,
                Shl | Shr => Level::Shift,
                Add | Sub => Level::Add,
                Mul | Div | Rem => Level::Multiply,
            },
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            ChainOp::Binary(op) => op.as_str(),
            ChainOp::RangeInclusive => "..=",
            _ => "..",
        }
    }
}

/// `a op b op c …` as written. A lone operand allocates nothing.
#[derive(Debug)]
pub struct Chain {
    first: Expr,
    rest: Vec<(ChainOp, Span, Expr)>,
}

impl Chain {
    /// The chain of one operand.
    pub fn new(first: Expr) -> Chain {
        Chain { first, rest: Vec::new() }
    }

    /// Adds an operator, its place, and the operand after it.
    pub fn push(&mut self, op: ChainOp, span: Span, operand: Expr) {
        self.rest.push((op, span, operand));
    }

    /// Casts the last operand.
    pub fn cast(&mut self, cx: &Builder<'_>, ty: Deep<TypeExpr>) {
        let last = self.rest.last_mut().map_or(&mut self.first, |(_, _, operand)| operand);
        let operand = std::mem::replace(last, cx.leaf(ExprKind::Error, 0, 0));
        *last = cx.cast(operand, ty);
    }

    /// The tree. Reports comparisons and ranges that are chained, which have no meaning.
    pub fn build(self, cx: &Builder<'_>) -> Expr {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut operands = Vec::with_capacity(self.rest.len() + 1);
        operands.push(self.first);
        let mut operators: Vec<(ChainOp, Span)> = Vec::with_capacity(self.rest.len());
        for (op, span, operand) in self.rest {
            let level = op.level();
            while let Some((before, before_span)) = operators.pop_if(|(before, _)| {
                before.level() > level || (before.level() == level && !level.to_the_right())
            }) {
                if before.level() == level && level.alone() {
                    cx.report(chained(&before, before_span, &op, span));
                }
                join(cx, &mut operands, before);
            }
            operators.push((op, span));
            operands.push(operand);
        }
        while let Some((op, _)) = operators.pop() {
            join(cx, &mut operands, op);
        }
        operands.pop().unwrap_or_else(|| cx.leaf(ExprKind::Error, 0, 0))
    }
}

/// Joins the last two operands.
fn join(cx: &Builder<'_>, operands: &mut Vec<Expr>, op: ChainOp) {
    let (Some(right), Some(left)) = (operands.pop(), operands.pop()) else { return };
    let depth = left.depth.max(right.depth);
    let span = left.span.to(right.span);
    let joined = match op {
        ChainOp::Choose(middle) => cx.ternary(left, *middle, right, span),
        ChainOp::Binary(op) => {
            let kind = ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) };
            cx.node(kind, span, depth)
        }
        ChainOp::Range | ChainOp::RangeInclusive => {
            let inclusive = matches!(op, ChainOp::RangeInclusive);
            cx.node(ExprKind::Range { lo: Box::new(left), hi: Box::new(right), inclusive }, span, depth)
        }
        ChainOp::Pipe => {
            cx.node(ExprKind::Pipe { value: Box::new(left), func: Box::new(right) }, span, depth)
        }
        ChainOp::Assign(op) => {
            let kind = ExprKind::Assign { op, place: Box::new(left), value: Box::new(right) };
            cx.node(kind, span, depth)
        }
    };
    operands.push(joined);
}

fn chained(before: &ChainOp, before_span: Span, op: &ChainOp, span: Span) -> Diagnostic {
    let (what, help) = if op.level() == Level::Range {
        ("ranges", "a range has two ends")
    } else {
        ("comparisons", "compare twice: `a < b && b < c`, or put one comparison in parentheses")
    };
    Diagnostic::error(codes::CHAINED_COMPARISON, span, format!("{what} do not chain"))
        .at(format!("second `{}`", op.as_str()))
        .label(before_span, format!("first `{}`", before.as_str()))
        .help(help)
}
