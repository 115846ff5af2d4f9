//! Prefix operators and `as`.

use vex_syntax::ast::{self, UnaryOp};
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{CastKind, Expr, ExprKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    pub(super) fn unary(&mut self, op: UnaryOp, operand: &'a ast::Expr, expect: Expect, span: Span) -> Expr {
        match op {
            UnaryOp::Neg => {
                if let ast::ExprKind::Int { value, suffix } = operand.kind {
                    return self.integer(value, true, suffix, expect, span);
                }
                let value = self.value(operand, expect);
                let value = self.scalar(value);
                if self.is_integer(value.ty) || self.is_float(value.ty) {
                    let ty = value.ty;
                    return Expr { kind: ExprKind::Neg(Box::new(value)), ty, span };
                }
                match self.overloaded_neg(value, span) {
                    Ok(value) => value,
                    Err(value) => self.bad_unary("-", value, span),
                }
            }
            UnaryOp::Not => self.not(operand, span),
            UnaryOp::BitNot => {
                let value = self.value(operand, expect);
                let value = self.scalar(value);
                self.bit_not(value, "~", span)
            }
            UnaryOp::Deref => self.deref(operand, span),
        }
    }

    pub(super) fn bit_not(&mut self, value: Expr, op: &str, span: Span) -> Expr {
        if self.is_integer(value.ty) {
            let ty = value.ty;
            return Expr { kind: ExprKind::BitNot(Box::new(value)), ty, span };
        }
        self.bad_unary(op, value, span)
    }

    pub(super) fn not(&mut self, operand: &'a ast::Expr, span: Span) -> Expr {
        let value = self.value(operand, Expect::Any);
        let value = self.scalar(value);
        if self.shallow(value.ty) == Ty::BOOL {
            return Expr { kind: ExprKind::Not(Box::new(value)), ty: Ty::BOOL, span };
        }
        if self.is_integer(value.ty) {
            self.cx.uses.negated.push(span);
        }
        if self.is_integer(value.ty) && self.spelling == vex_syntax::Spelling::Vais {
            let test = self.non_zero(value);
            return Expr { kind: ExprKind::Not(Box::new(test)), ty: Ty::BOOL, span };
        }
        self.bit_not(value, "!", span)
    }

    pub(super) fn bad_unary(&mut self, op: &str, value: Expr, span: Span) -> Expr {
        if self.shallow(value.ty) != Ty::ERROR {
            let shown = self.a(value.ty);
            let title = format!("`{op}` does not apply to {shown}");
            self.error(Diagnostic::error(codes::OPERATOR, span, title));
        }
        self.poison(span)
    }

    pub(super) fn explicit_cast(&mut self, value: &'a ast::Expr, ty: &'a ast::TypeExpr, span: Span) -> Expr {
        let to = self.resolve_type(ty);
        let value = self.value(value, Expect::Any);
        let from = self.shallow(value.ty);
        if to == Ty::ERROR || from == Ty::ERROR {
            return Expr { ty: to, ..self.poison(span) };
        }
        if self.cx.is_plain_enum(from) && self.cx.types.as_int(to).is_some() {
            return Expr { kind: ExprKind::Tag(Box::new(value)), ty: to, span };
        }
        if to == Ty::CHAR {
            return self.as_character(value, span);
        }
        match (self.cx.types.kind(from), self.cx.types.kind(to)) {
            (TyKind::Str | TyKind::Slice { .. }, TyKind::Ptr | TyKind::RawPtr { .. }) => {
                let data = Expr { kind: ExprKind::DataPtr(Box::new(value)), ty: Ty::PTR, span };
                return Expr { span, ..self.cast(data, to, CastKind::Bits) };
            }
            (TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Int(_), TyKind::Fn { .. }) => {
                self.need_unsafe(span, "making a function of an address");
            }
            _ => {}
        }
        // Which conversion it is gets settled when the types are.
        Expr { span, ..self.cast(value, to, CastKind::Bits) }
    }
}
