//! Patterns that compare: literals, ranges and constants.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::exhaustive::Pat;
use super::function::{Expect, FnCx};
use crate::typed::{Expr, ExprKind, Test};
use crate::types::{Ty, TyKind, Types};

/// The least and greatest value of a type that patterns see as numbers.
pub(super) fn domain(types: &Types, ty: Ty) -> Option<(i128, i128)> {
    Some(match types.kind(ty) {
        TyKind::Bool => (0, 1),
        TyKind::Char => (0, i128::from(u32::from(char::MAX))),
        TyKind::Int(int) if int.signed() => {
            let max = (1i128 << (int.bits() - 1)) - 1;
            (-max - 1, max)
        }
        TyKind::Int(int) => (0, (1i128 << int.bits()) - 1),
        _ => return None,
    })
}

impl<'a> FnCx<'_, 'a> {
    pub(super) fn literal_pattern(&mut self, literal: &'a ast::Expr, place: Expr) -> (Test, Pat) {
        if self.shallow(place.ty) == Ty::ERROR {
            return (Test::Any, Pat::Any);
        }
        let value = self.expr(literal, Expect::Type(place.ty));
        if let Some(number) = plain_integer(literal)
            && self.is_integer(value.ty)
        {
            if self.try_unify(value, &place, literal.span) {
                return ints(place, vec![(number, number)]);
            }
            return (Test::Any, Pat::Any);
        }
        self.constant_pattern(value, place, literal.span)
    }

    fn try_unify(&mut self, value: Expr, place: &Expr, span: Span) -> bool {
        let value = self.coerce(Expr { span, ..value }, place.ty);
        self.shallow(value.ty) != Ty::ERROR
    }

    /// A pattern that is the value of a constant or literal.
    pub(super) fn constant_pattern(&mut self, value: Expr, place: Expr, span: Span) -> (Test, Pat) {
        if let Some(number) = self.known_number(&value) {
            return match self.try_unify(value, &place, span) {
                true => ints(place, vec![(number, number)]),
                false => (Test::Any, Pat::Any),
            };
        }
        let pat = match &value.kind {
            ExprKind::Str(text) => Pat::Text(text.clone()),
            ExprKind::Float(number) => Pat::Number(number.to_bits()),
            ExprKind::Null => Pat::Other,
            _ => {
                if self.shallow(value.ty) != Ty::ERROR {
                    let title = format!("a constant of type {} cannot be a pattern", self.shown(value.ty));
                    let d = Diagnostic::error(codes::PATTERN, span, title);
                    self.error(d.help("bind a name, and compare it in a condition: `x if …`"));
                }
                return (Test::Any, Pat::Any);
            }
        };
        // A `String` is looked at by its text.
        let text = matches!(pat, Pat::Text(_)) && self.is_string(place.ty);
        let place = if text { self.text_of(Expr { span, ..place }) } else { place };
        let value = self.coerce(Expr { span, ..value }, place.ty);
        if self.shallow(value.ty) == Ty::ERROR {
            return (Test::Any, Pat::Any);
        }
        (Test::Cond(self.comparison(BinaryOp::Eq, place, value, span)), pat)
    }

    fn comparison(&self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        let kind = ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) };
        Expr { kind, ty: Ty::BOOL, span }
    }

    /// The value of a constant integer, character or boolean.
    fn known_number(&self, value: &Expr) -> Option<i128> {
        match value.kind {
            ExprKind::Bool(value) => Some(i128::from(value)),
            ExprKind::Int(bits) => Some(match self.kind(value.ty) {
                TyKind::Int(int) if int.signed() => {
                    let unused = 64 - int.bits();
                    i128::from((bits << unused) as i64 >> unused)
                }
                TyKind::Int(_) | TyKind::Char => i128::from(bits),
                TyKind::Infer(_) => i128::from(bits as i64),
                _ => return None,
            }),
            _ => None,
        }
    }

    pub(super) fn range_pattern(&mut self, range: &'a ast::RangePattern, place: Expr) -> (Test, Pat) {
        if self.shallow(place.ty) == Ty::ERROR {
            return (Test::Any, Pat::Any);
        }
        let (lo, hi) = (
            range.lo.as_ref().map(|e| self.range_end(e, &place)),
            range.hi.as_ref().map(|e| self.range_end(e, &place)),
        );
        if [&lo, &hi].into_iter().flatten().any(|end| self.shallow(end.0.ty) == Ty::ERROR) {
            return (Test::Any, Pat::Any);
        }
        if self.is_float(place.ty) {
            return self.float_range(range, lo.map(|end| end.0), hi.map(|end| end.0), place);
        }
        let first = lo.map_or(Some(i128::MIN), |end| end.1);
        let last =
            hi.map_or(Some(i128::MAX), |end| end.1.map(|hi| if range.inclusive { hi } else { hi - 1 }));
        let (Some(first), Some(last)) = (first, last) else {
            let shown = self.a(place.ty);
            let title =
                format!("a range of patterns has constant numbers or characters at its ends, not {shown}");
            self.error(Diagnostic::error(codes::PATTERN, range.span, title));
            return (Test::Any, Pat::Any);
        };
        if first > last {
            let d = Diagnostic::error(codes::PATTERN, range.span, "no value is in this range");
            self.error(d.note("the first value is above the last"));
            return (Test::Any, Pat::Any);
        }
        ints(place, vec![(first, last)])
    }

    /// An end of a range, and its number.
    fn range_end(&mut self, end: &'a ast::Expr, place: &Expr) -> (Expr, Option<i128>) {
        let value = self.expr(end, Expect::Type(place.ty));
        let number = match plain_integer(end) {
            Some(number) if self.is_integer(value.ty) => Some(number),
            _ => self.known_number(&value),
        };
        (self.coerce(value, place.ty), number)
    }

    fn float_range(
        &mut self,
        range: &ast::RangePattern,
        lo: Option<Expr>,
        hi: Option<Expr>,
        place: Expr,
    ) -> (Test, Pat) {
        let last = if range.inclusive { BinaryOp::Le } else { BinaryOp::Lt };
        let ends = [(BinaryOp::Ge, lo), (last, hi)].into_iter().filter_map(|(op, end)| Some((op, end?)));
        let tests: Vec<Test> =
            ends.map(|(op, end)| Test::Cond(self.comparison(op, place.clone(), end, range.span))).collect();
        (Test::All(tests), Pat::Other)
    }
}

fn ints(place: Expr, ranges: Vec<(i128, i128)>) -> (Test, Pat) {
    (Test::Ints { place, ranges: ranges.clone() }, Pat::Ints(ranges))
}

/// The number that is written, with its sign.
fn plain_integer(expr: &ast::Expr) -> Option<i128> {
    match &expr.kind {
        ast::ExprKind::Int { value, .. } => Some(i128::from(*value)),
        ast::ExprKind::Unary { op: ast::UnaryOp::Neg, value } => match value.kind {
            ast::ExprKind::Int { value, .. } => Some(-i128::from(value)),
            _ => None,
        },
        _ => None,
    }
}
