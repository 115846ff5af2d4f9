//! Conditions and branches, and the temporaries that live as long as a statement.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::coerce::result_of;
use super::function::{Expect, FnCx};
use crate::typed::{Block, Expr, ExprKind};
use crate::types::Ty;

impl<'a> FnCx<'_, 'a> {
    /// A condition: a boolean, or in `.vais` also an integer.
    pub(super) fn condition(&mut self, expr: &'a ast::Expr) -> Expr {
        self.at_site(expr.span, |fx| fx.with_temps(|fx| fx.truth(expr)))
    }

    /// `value != 0`.
    pub(super) fn non_zero(&mut self, value: Expr) -> Expr {
        let (span, ty) = (value.span, value.ty);
        let zero = Expr { kind: ExprKind::Int(0), ty, span };
        let (left, right) = (Box::new(value), Box::new(zero));
        Expr { kind: ExprKind::Binary { op: ast::BinaryOp::Ne, left, right }, ty: Ty::BOOL, span }
    }

    /// Runs `make` and wraps what it gives in the scope of the temporaries it needed.
    pub(super) fn with_temps(&mut self, make: impl FnOnce(&mut Self) -> Expr) -> Expr {
        let outer = std::mem::take(&mut self.temps);
        let value = make(self);
        let temps = std::mem::replace(&mut self.temps, outer);
        if temps.is_empty() {
            return value;
        }
        let (ty, span) = (value.ty, value.span);
        Expr { kind: ExprKind::Scope { temps, value: Box::new(value) }, ty, span }
    }

    /// Makes a place of a value.
    pub(super) fn temporary(&mut self, value: Expr) -> Expr {
        let (ty, span) = (value.ty, value.span);
        let local = self.hidden(span, ty);
        self.locals[local.0 as usize].flagged = true;
        self.temps.push(local);
        Expr { kind: ExprKind::Temp { local, init: Box::new(value) }, ty, span }
    }

    pub(super) fn if_expr(
        &mut self,
        cond: &'a ast::Expr,
        then: &'a ast::Block,
        els: Option<&'a ast::Expr>,
        expect: Expect,
        span: Span,
    ) -> Expr {
        let cond = Box::new(self.condition(cond));
        let straight = std::mem::replace(&mut self.straight, false);
        let result = match els {
            None => {
                let then = self.block(then, Expect::Effect);
                let then = Box::new(self.discard(then));
                Expr { kind: ExprKind::If { cond, then, els: None }, ty: Ty::UNIT, span }
            }
            Some(els) => {
                let then = self.block(then, expect);
                let els = self.value(els, expect);
                let (then, els, ty) = self.join(then, els, expect);
                Expr { kind: ExprKind::If { cond, then: Box::new(then), els: Some(Box::new(els)) }, ty, span }
            }
        };
        self.straight = straight;
        result
    }

    /// Gives the two branches one type.
    pub(super) fn join(&mut self, then: Expr, els: Expr, expect: Expect) -> (Expr, Expr, Ty) {
        if expect == Expect::Effect {
            let (then, els) = (self.discard(then), self.discard(els));
            let both = then.ty == Ty::NEVER && els.ty == Ty::NEVER;
            return (then, els, if both { Ty::NEVER } else { Ty::UNIT });
        }
        if let Some(ty) = expect.ty() {
            let (a, b) = (self.shallow(then.ty), self.shallow(els.ty));
            if a == Ty::NEVER && b == Ty::NEVER {
                return (then, els, Ty::NEVER);
            }
            // Two unit branches where a value is wanted: one report at the end, not one a branch.
            if a == Ty::UNIT && b == Ty::UNIT {
                return (then, els, Ty::UNIT);
            }
            return (self.coerce(then, ty), self.coerce(els, ty), ty);
        }
        if self.shallow(then.ty) == Ty::NEVER {
            let ty = els.ty;
            return (self.coerce(then, ty), els, ty);
        }
        let ty = then.ty;
        match self.try_coerce(els, ty) {
            Ok(els) => (then, els, ty),
            Err(els) => match self.try_coerce(then, els.ty) {
                Ok(then) => {
                    let ty = els.ty;
                    (then, els, ty)
                }
                Err(then) => {
                    let (a, b) = (self.shown(then.ty), self.shown(els.ty));
                    let title = format!("the branches have different types: {a} and {b}");
                    let (a, b) = (self.a(then.ty), self.a(els.ty));
                    let d = Diagnostic::error(codes::MISMATCH, result_of(&els).span, title).at(b);
                    self.error(d.label(result_of(&then).span, a));
                    (then, els, Ty::ERROR)
                }
            },
        }
    }

    /// Evaluates for the effect only.
    pub(super) fn discard(&mut self, expr: Expr) -> Expr {
        let ty = self.shallow(expr.ty);
        if ty == Ty::UNIT || ty == Ty::NEVER || ty == Ty::ERROR {
            return expr;
        }
        let span = expr.span;
        let stmt = crate::typed::Stmt { kind: crate::typed::StmtKind::Expr(expr), span };
        Expr { kind: ExprKind::Block(Block { stmts: vec![stmt], value: None }), ty: Ty::UNIT, span }
    }
}
