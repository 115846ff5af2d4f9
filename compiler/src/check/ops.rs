//! Binary operators.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{Expr, ExprKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        span: Span,
    ) -> Expr {
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            return self.logic(op == BinaryOp::And, left, right, span);
        }
        let mut a = self.operand(left);
        let mut b = self.operand(right);
        if self.shallow(a.ty) == Ty::ERROR || self.shallow(b.ty) == Ty::ERROR {
            let comparison = Self::is_comparison(op);
            return Expr { ty: if comparison { Ty::BOOL } else { Ty::ERROR }, ..self.poison(span) };
        }
        if matches!(op, BinaryOp::Add | BinaryOp::Sub) && (self.is_pointer(a.ty) || self.is_pointer(b.ty)) {
            match self.pointer_arithmetic(op, a, b, span) {
                Ok(value) => return value,
                Err(operands) => (a, b) = *operands,
            }
        }
        if matches!(op, BinaryOp::Shl | BinaryOp::Shr) {
            return self.shift(op, a, b, span);
        }
        let (a, b) = self.same_number(a, b);
        let same = self.same_pointer(&a, &b) || self.unify(a.ty, b.ty);
        let (a, b) = self.compared_tags(op, a, b);
        if !same || !self.operator_applies(op, a.ty) {
            let (a, b) = match self.mixed_texts(op, a, b, span) {
                Ok(value) => return value,
                Err(operands) => *operands,
            };
            let (a, b) = match self.overloaded(op, a, b, span) {
                Ok(value) => return value,
                Err(operands) => *operands,
            };
            return self.bad_binary(op, a, b, same, span);
        }
        let ty = if Self::is_comparison(op) { Ty::BOOL } else { a.ty };
        Expr { kind: ExprKind::Binary { op, left: Box::new(a), right: Box::new(b) }, ty, span }
    }

    fn operand(&mut self, expr: &'a ast::Expr) -> Expr {
        let value = self.value(expr, Expect::Any);
        let value = self.scalar(value);
        if self.shallow(value.ty) == Ty::NEVER {
            return self.coerce(value, Ty::I64);
        }
        value
    }

    /// Whether both are raw pointers, which compare by address whatever they point at.
    fn same_pointer(&self, a: &Expr, b: &Expr) -> bool {
        self.is_pointer(a.ty) && self.is_pointer(b.ty)
    }

    /// Whether `op` applies to two operands of type `ty`.
    pub(super) fn operator_applies(&self, op: BinaryOp, ty: Ty) -> bool {
        use BinaryOp::*;
        let (integer, float) = (self.is_integer(ty), self.is_float(ty));
        let shallow = self.shallow(ty);
        match op {
            Add | Sub | Mul | Div | Rem => integer || float,
            Shl | Shr => integer,
            BitAnd | BitXor | BitOr => integer || shallow == Ty::BOOL,
            Eq | Ne => {
                integer
                    || float
                    || self.is_pointer(ty)
                    || shallow == Ty::BOOL
                    || shallow == Ty::STR
                    || shallow == Ty::CHAR
                    || matches!(self.kind(ty), TyKind::Fn { .. })
            }
            Lt | Le | Gt | Ge => {
                integer || float || self.is_pointer(ty) || shallow == Ty::STR || shallow == Ty::CHAR
            }
            And | Or => shallow == Ty::BOOL,
        }
    }

    fn logic(&mut self, and: bool, left: &'a ast::Expr, right: &'a ast::Expr, span: Span) -> Expr {
        let left = self.truth(left);
        let straight = std::mem::replace(&mut self.straight, false);
        // Temporaries of the right side exist only when it is evaluated.
        let right = self.with_temps(|fx| fx.truth(right));
        self.straight = straight;
        Expr {
            kind: ExprKind::Logic { and, left: Box::new(left), right: Box::new(right) },
            ty: Ty::BOOL,
            span,
        }
    }

    /// A boolean, or in `.vais` whether an integer is not zero.
    pub(super) fn truth(&mut self, expr: &'a ast::Expr) -> Expr {
        let value = self.value(expr, Expect::Type(Ty::BOOL));
        let value = self.scalar(value);
        if self.spelling == vex_syntax::Spelling::Vais && self.is_integer(value.ty) {
            self.cx.uses.tested.push(expr.span);
            return self.non_zero(value);
        }
        self.coerce(value, Ty::BOOL)
    }

    fn shift(&mut self, op: BinaryOp, a: Expr, b: Expr, span: Span) -> Expr {
        if !self.is_integer(a.ty) || !self.is_integer(b.ty) {
            return self.bad_binary(op, a, b, true, span);
        }
        let ty = a.ty;
        Expr { kind: ExprKind::Binary { op, left: Box::new(a), right: Box::new(b) }, ty, span }
    }

    /// Pointer arithmetic, or the operands back when neither is a pointer that it applies to.
    fn pointer_arithmetic(
        &mut self,
        op: BinaryOp,
        a: Expr,
        b: Expr,
        span: Span,
    ) -> Result<Expr, Box<(Expr, Expr)>> {
        let negative = op == BinaryOp::Sub;
        if self.is_pointer(a.ty) && self.is_integer(b.ty) {
            return Ok(self.offset(a, b, negative, span));
        }
        if self.is_pointer(b.ty) && self.is_integer(a.ty) && !negative {
            return Ok(self.offset(b, a, false, span));
        }
        if negative && self.is_pointer(a.ty) && self.is_pointer(b.ty) {
            let (x, y) = (self.pointer_scale(a.ty), self.pointer_scale(b.ty));
            let scale = if x == y { x } else { 1 };
            if scale != 0 {
                let (left, right) = (Box::new(a), Box::new(b));
                return Ok(Expr { kind: ExprKind::PtrDiff { left, right, scale }, ty: Ty::I64, span });
            }
        }
        Err(Box::new((a, b)))
    }

    fn offset(&mut self, base: Expr, offset: Expr, negative: bool, span: Span) -> Expr {
        let (ty, scale) = (base.ty, self.pointer_scale(base.ty));
        let kind = ExprKind::PtrOffset { base: Box::new(base), offset: Box::new(offset), scale, negative };
        Expr { kind, ty, span }
    }

    fn bad_binary(&mut self, op: BinaryOp, a: Expr, b: Expr, same: bool, span: Span) -> Expr {
        let (x, y) = (self.a(a.ty), self.a(b.ty));
        let numbers = |fx: &Self, ty| fx.is_integer(ty) || fx.is_float(ty);
        let title = if same || !numbers(self, a.ty) || !numbers(self, b.ty) {
            format!("`{}` does not apply to {}", op.as_str(), self.both(a.ty, b.ty))
        } else {
            format!("`{}` needs two numbers of one type, not {x} and {y}", op.as_str())
        };
        let mut d = Diagnostic::error(codes::OPERATOR, span, title);
        d = d.label(a.span, x).label(b.span, y);
        if numbers(self, a.ty) && numbers(self, b.ty) && !same {
            // The float stays a float, and of two integers the wider one.
            let (from, to) = if self.is_float(a.ty) { (&b, a.ty) } else { (&a, b.ty) };
            let to = self.resolved(to).unwrap_or(Ty::ERROR);
            let suffix = format!(" as {}", self.show(to));
            d = self.suffix_fix(d, "convert one of them with `as`", from, &suffix);
        } else if self.shallow(a.ty) == Ty::STR && op == BinaryOp::Add {
            d = d.help("print both, or copy both into a buffer");
        } else if let (TyKind::Param { name, .. }, true) = (self.kind(a.ty).clone(), same) {
            if let Some(of) = Self::trait_of(op) {
                d = d.help(format!("bind the type parameter: `{name}: {of}`"));
            }
        } else if let (TyKind::Struct { def, .. }, true, Some(of)) =
            (self.kind(a.ty), same, Self::trait_of(op))
        {
            let name = self.cx.types.structs[def.0 as usize].name;
            d = d.help(format!("a type has operators by traits: `struct {name}: {of}`"));
        } else if Self::is_comparison(op) && same {
            d = d.note("numbers, strings and pointers are compared; structures field by field");
        }
        self.error(d);
        let comparison = Self::is_comparison(op);
        Expr { ty: if comparison { Ty::BOOL } else { Ty::ERROR }, ..self.poison(span) }
    }

    /// Two types in a sentence.
    pub(super) fn both(&mut self, a: Ty, b: Ty) -> String {
        let (x, y) = (self.a(a), self.a(b));
        if x == y && x.starts_with('a') && x.contains('`') {
            return format!("two values of type {}", self.shown(a));
        }
        format!("{x} and {y}")
    }

    /// Widens the narrower of two integers of one sign.
    pub(super) fn same_number(&mut self, left: Expr, right: Expr) -> (Expr, Expr) {
        let (a, b) = (left.ty, right.ty);
        match self.try_coerce(right, a) {
            Ok(right) => (left, right),
            Err(right) => match self.try_coerce(left, b) {
                Ok(left) | Err(left) => (left, right),
            },
        }
    }

    /// The operator of `op` for messages and dispatch in the binary operators.
    pub(super) fn is_comparison(op: BinaryOp) -> bool {
        use BinaryOp::*;
        matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
    }
}
