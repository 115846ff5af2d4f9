//! `assert` and `assert_eq`.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{Block, Expr, ExprKind, FormatSpec, LocalId, Pattern, Piece, Stmt, StmtKind};
use crate::types::Ty;

impl<'a> FnCx<'_, 'a> {
    pub(super) fn assertion(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let Some((cond, message)) = args.split_first() else {
            return self.count_error("assert", 1, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let text = self.cx.sources.text(cond.span).to_string();
        let cond = Box::new(self.condition(cond));
        let pieces = if message.is_empty() {
            let shown: String = text.chars().take(200).collect();
            vec![crate::typed::Piece::Text(shown.into())]
        } else {
            self.pieces(message)
        };
        Expr { kind: ExprKind::Assert { cond, pieces }, ty: Ty::UNIT, span }
    }

    pub(super) fn assert_equal(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let [left, right, message @ ..] = args else {
            return self.count_error("assert_eq", 2, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let left = self.value(left, Expect::Any);
        let right = self.value(right, Expect::Any);
        let (left, right) = (self.scalar(left), self.scalar(right));
        let (left, right) = self.same_number(left, right);
        let pointers = self.is_pointer(left.ty) && self.is_pointer(right.ty);
        let same = pointers || self.unify(left.ty, right.ty);
        if !same || !self.operator_applies(BinaryOp::Eq, left.ty) {
            let (left, right) = match self.compared(left, right, message, span) {
                Ok(assertion) => return assertion,
                Err(sides) => *sides,
            };
            if self.shallow(left.ty) != Ty::ERROR && self.shallow(right.ty) != Ty::ERROR {
                let title = format!("{} cannot be compared", self.both(left.ty, right.ty));
                self.error(Diagnostic::error(codes::OPERATOR, span, title));
            }
            return self.poison(span);
        }
        let pieces = self.pieces(message);
        let (left, right) = (Box::new(left), Box::new(right));
        Expr { kind: ExprKind::AssertEq { left, right, pieces }, ty: Ty::UNIT, span }
    }

    /// `assert_eq` of values that a trait compares, which are only looked at; they are given back where none does.
    fn compared(
        &mut self,
        left: Expr,
        right: Expr,
        message: &'a [ast::Expr],
        span: Span,
    ) -> Result<Expr, Box<(Expr, Expr)>> {
        let known = self.core_function("Eq", "eq").map(|(id, _)| id);
        let ty = self.shallow(left.ty);
        if !known.is_some_and(|id| self.has_core(ty, id)) || !self.unify(left.ty, right.ty) {
            return Err(Box::new((left, right)));
        }
        let at = |kind, ty| Expr { kind, ty, span };
        let sides = [self.lent(left), self.lent(right)];
        let mut stmts = Vec::new();
        let locals: Vec<(LocalId, Ty)> = sides
            .into_iter()
            .map(|side| {
                let (local, ty) = (self.hidden(side.span, side.ty), side.ty);
                let pattern = Pattern::Local(local);
                stmts.push(Stmt { span: side.span, kind: StmtKind::Let { pattern, init: Some(side) } });
                (local, ty)
            })
            .collect();
        let read = |(local, ty)| at(ExprKind::Local(local), ty);
        let target = |side: (LocalId, Ty)| at(ExprKind::Deref(Box::new(read(side))), ty);
        let equal = self.overloaded(BinaryOp::Eq, target(locals[0]), target(locals[1]), span)?;
        // Strings in quotes, and what prints itself as it does.
        let spec = FormatSpec { alternate: true, ..FormatSpec::default() };
        let shown = |side| Piece::Value { value: read(side), spec };
        let text = |text: &str| Piece::Text(text.into());
        let own = self.pieces(message);
        let close = text(if own.is_empty() { ")" } else { "): " });
        let before = text("assertion failed: left == right (left: ");
        let mut pieces = vec![before, shown(locals[0]), text(", right: "), shown(locals[1]), close];
        pieces.extend(own);
        let fail = at(ExprKind::Panic { pieces }, Ty::NEVER);
        let unequal = at(ExprKind::Not(Box::new(equal)), Ty::BOOL);
        let test = ExprKind::If { cond: Box::new(unequal), then: Box::new(fail), els: None };
        stmts.push(Stmt { span, kind: StmtKind::Expr(at(test, Ty::UNIT)) });
        Ok(at(ExprKind::Block(Block { stmts, value: None }), Ty::UNIT))
    }
}
