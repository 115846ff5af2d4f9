//! The precedence of operators between operands: turns a flat chain into a tree.

use crate::ast::{BinaryOp, Expr, ExprKind, Pattern, TypeExpr};
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
    /// `let p =` before its operand.
    Condition(Condition),
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
    Condition,
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
            ChainOp::Condition(_) => Level::Condition,
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

    /// Whether an operator of the level `next` after the right operand ends this operator's part of the chain.
    fn ends_at(&self, next: Level) -> bool {
        if matches!(self, ChainOp::Condition(_)) {
            // `let p = v |> f` looks at what `f` returns: only `&&` and `||` end the value.
            return matches!(next, Level::And | Level::Or);
        }
        self.level() > next || (self.level() == next && !next.to_the_right())
    }

    fn as_str(&self) -> &'static str {
        match self {
            ChainOp::Binary(op) => op.as_str(),
            ChainOp::RangeInclusive => "..=",
            _ => "..",
        }
    }
}

/// `let p =` before an operand, and where its word starts.
type Condition = Box<(Deep<Pattern>, u32)>;

/// `a op b op c …` as written. A lone operand allocates nothing.
#[derive(Debug)]
pub struct Chain {
    first: Expr,
    rest: Vec<(ChainOp, Span, Expr)>,
    /// The operands that are matched with a pattern, by their index. Boxed: few chains have any.
    #[expect(clippy::box_collection, reason = "chains lie on the parser's stack")]
    conditions: Option<Box<Vec<(usize, Condition)>>>,
}

impl Chain {
    /// The chain of one operand.
    pub fn new(first: Expr) -> Chain {
        Chain { first, rest: Vec::new(), conditions: None }
    }

    /// The chain of one operand with `let pattern =` before it, whose first word starts at `lo`.
    pub fn condition(lo: u32, pattern: Deep<Pattern>, first: Expr) -> Chain {
        let mut chain = Chain::new(first);
        chain.add_condition(0, lo, pattern);
        chain
    }

    /// Adds an operator, its place, and the operand after it.
    pub fn push(&mut self, op: ChainOp, span: Span, operand: Expr) {
        self.rest.push((op, span, operand));
    }

    /// Adds an operator, its place, and `let pattern =`, which starts at `lo`, with the operand after it.
    pub fn push_condition(&mut self, op: (ChainOp, Span), lo: u32, pattern: Deep<Pattern>, operand: Expr) {
        self.push(op.0, op.1, operand);
        self.add_condition(self.rest.len(), lo, pattern);
    }

    /// Reports patterns in a condition that are joined to the rest by something other than `&&`.
    fn check_conditions(&self, cx: &Builder<'_>) {
        let conditions = self.conditions.as_deref().map_or(&[][..], Vec::as_slice);
        let after_other = |index: usize| {
            let (op, span, _) = self.rest.get(index.checked_sub(1)?)?;
            (!matches!(op, ChainOp::Binary(BinaryOp::And))).then_some(*span)
        };
        let or = self.rest.iter().find(|(op, ..)| matches!(op, ChainOp::Binary(BinaryOp::Or)));
        let wrong = conditions.iter().find_map(|(index, condition)| {
            let span = after_other(*index).or(or.map(|(_, span, _)| *span))?;
            Some((condition, span))
        });
        let Some((condition, span)) = wrong else { return };
        let (pattern, lo) = &**condition;
        let title = "a pattern in a condition is joined to the rest by `&&` only";
        let message = Diagnostic::error(codes::BAD_PATTERN, span, title)
            .at("not `&&`")
            .label(Span::new(*lo, pattern.node.span().hi), "this pattern");
        cx.report(message.help("its names have a value only where it was found to match"));
    }

    fn add_condition(&mut self, index: usize, lo: u32, pattern: Deep<Pattern>) {
        self.conditions.get_or_insert_default().push((index, Box::new((pattern, lo))));
    }

    /// Casts the last operand.
    pub fn cast(&mut self, cx: &Builder<'_>, ty: Deep<TypeExpr>) {
        let last = self.rest.last_mut().map_or(&mut self.first, |(_, _, operand)| operand);
        let operand = std::mem::replace(last, cx.leaf(ExprKind::Error, 0, 0));
        *last = cx.cast(operand, ty);
    }

    /// The tree. Reports comparisons and ranges that are chained, which have no meaning.
    pub fn build(self, cx: &Builder<'_>) -> Expr {
        if self.rest.is_empty() && self.conditions.is_none() {
            return self.first;
        }
        if self.conditions.is_some() {
            self.check_conditions(cx);
        }
        let mut conditions = self.conditions.map(|c| *c).unwrap_or_default().into_iter().peekable();
        let mut condition_of = |index: usize| {
            let (_, condition) = conditions.next_if(|(at, _)| *at == index)?;
            Some((ChainOp::Condition(condition), Span::NONE))
        };
        let mut operands = Vec::with_capacity(self.rest.len() + 1);
        operands.push(self.first);
        let mut operators: Vec<(ChainOp, Span)> = Vec::with_capacity(self.rest.len());
        operators.extend(condition_of(0));
        for (index, (op, span, operand)) in self.rest.into_iter().enumerate() {
            let level = op.level();
            while let Some((before, before_span)) = operators.pop_if(|(before, _)| before.ends_at(level)) {
                if before.level() == level && level.alone() {
                    cx.report(chained(&before, before_span, &op, span));
                }
                join(cx, &mut operands, before);
            }
            operators.push((op, span));
            operators.extend(condition_of(index + 1));
            operands.push(operand);
        }
        while let Some((op, _)) = operators.pop() {
            join(cx, &mut operands, op);
        }
        operands.pop().unwrap_or_else(|| cx.leaf(ExprKind::Error, 0, 0))
    }
}

/// Joins the last two operands, or puts the last one under its condition.
fn join(cx: &Builder<'_>, operands: &mut Vec<Expr>, op: ChainOp) {
    let Some(right) = operands.pop() else { return };
    if let ChainOp::Condition(condition) = op {
        let (pattern, lo) = *condition;
        let (depth, span) = (pattern.depth.max(right.depth), Span::new(lo, right.span.hi));
        let kind = ExprKind::Let { pattern: Box::new(pattern.node), value: Box::new(right) };
        return operands.push(cx.node(kind, span, depth));
    }
    let Some(left) = operands.pop() else { return };
    let depth = left.depth.max(right.depth);
    let span = left.span.to(right.span);
    let kind = match op {
        ChainOp::Choose(middle) => return operands.push(cx.ternary(left, *middle, right, span)),
        ChainOp::Binary(op) => ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) },
        ChainOp::Pipe => ExprKind::Pipe { value: Box::new(left), func: Box::new(right) },
        ChainOp::Assign(op) => ExprKind::Assign { op, place: Box::new(left), value: Box::new(right) },
        ChainOp::Range | ChainOp::RangeInclusive | ChainOp::Condition(_) => {
            let inclusive = matches!(op, ChainOp::RangeInclusive);
            ExprKind::Range { lo: Box::new(left), hi: Box::new(right), inclusive }
        }
    };
    operands.push(cx.node(kind, span, depth));
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
