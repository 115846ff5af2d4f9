//! The precedence of binary operators: turns a flat chain of operands into a tree.

use crate::ast::{BinaryOp, Expr, ExprKind};
use crate::builder::Builder;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// An operator of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOp {
    /// A binary operator of the tree.
    Binary(BinaryOp),
    /// `..`
    Range,
    /// `..=`
    RangeInclusive,
}

/// How tightly an operator binds, from `..` up. Operators of one level associate to the left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
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

impl ChainOp {
    fn level(self) -> Level {
        use BinaryOp::*;
        match self {
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

    fn as_str(self) -> &'static str {
        match self {
            ChainOp::Binary(op) => op.as_str(),
            ChainOp::Range => "..",
            ChainOp::RangeInclusive => "..=",
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

    /// The tree. Reports comparisons and ranges that are chained, which have no meaning.
    pub fn build(self, cx: &Builder<'_>) -> Expr {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut operands = vec![self.first];
        let mut operators: Vec<(ChainOp, Span)> = Vec::new();
        for (op, span, operand) in self.rest {
            while let Some(&(before, before_span)) = operators.last() {
                if before.level() < op.level() {
                    break;
                }
                if before.level() == op.level() && matches!(op.level(), Level::Compare | Level::Range) {
                    cx.report(chained(before, before_span, op, span));
                }
                operators.pop();
                reduce(cx, &mut operands, before);
            }
            operators.push((op, span));
            operands.push(operand);
        }
        while let Some((op, _)) = operators.pop() {
            reduce(cx, &mut operands, op);
        }
        operands.pop().unwrap_or_else(|| cx.leaf(ExprKind::Error, 0, 0))
    }
}

/// Joins the last two operands.
fn reduce(cx: &Builder<'_>, operands: &mut Vec<Expr>, op: ChainOp) {
    let (Some(right), Some(left)) = (operands.pop(), operands.pop()) else { return };
    let depth = left.depth.max(right.depth);
    let span = left.span.to(right.span);
    let (left, right) = (Box::new(left), Box::new(right));
    let kind = match op {
        ChainOp::Binary(op) => ExprKind::Binary { op, left, right },
        ChainOp::Range => ExprKind::Range { lo: left, hi: right, inclusive: false },
        ChainOp::RangeInclusive => ExprKind::Range { lo: left, hi: right, inclusive: true },
    };
    operands.push(cx.node(kind, span, depth));
}

fn chained(before: ChainOp, before_span: Span, op: ChainOp, span: Span) -> Diagnostic {
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
