//! Implicit conversions and explicit casts.

use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::FnCx;
use super::infer::VarKind;
use crate::typed::{CastKind, Expr, ExprKind};
use crate::types::{Ty, TyKind};

impl FnCx<'_, '_> {
    /// Converts `expr` to `to` if that needs no `as`; reports a mismatch otherwise.
    pub(super) fn coerce(&mut self, expr: Expr, to: Ty) -> Expr {
        let span = expr.span;
        match self.try_coerce(expr, to) {
            Ok(expr) => expr,
            Err(expr) => {
                let d = self.mismatch(&expr, to);
                self.error(d);
                Expr { ty: Ty::ERROR, span, ..expr }
            }
        }
    }

    /// The report of a value of another type than `to`.
    pub(super) fn mismatch(&mut self, expr: &Expr, to: Ty) -> Diagnostic {
        let (found, wanted) = (self.show(expr.ty), self.show(to));
        let title = format!("expected `{wanted}`, found `{found}`");
        let mut d = Diagnostic::error(codes::MISMATCH, expr.span, title).at(format!("this is a `{found}`"));
        let (from, to) = (self.shallow(expr.ty), self.shallow(to));
        let types = &self.cx.types;
        let numeric = |ty| types.as_int(ty).is_some() || types.is_float(ty);
        let castable = (numeric(from) && numeric(to))
            || (types.is_raw_ptr(from) && (types.is_raw_ptr(to) || types.as_int(to).is_some()))
            || (types.as_int(from).is_some() && types.is_raw_ptr(to))
            || matches!((types.kind(from), types.kind(to)), (TyKind::Ref { pointee: a, .. }, TyKind::RawPtr { pointee: b, .. }) if a == b)
            || (matches!(types.kind(from), TyKind::Ref { .. }) && to == Ty::PTR);
        if castable {
            d = d.fix("convert it with `as`", expr.span.after(), format!(" as {wanted}"));
        } else if to == Ty::BOOL && types.as_int(from).is_some() {
            d = d.fix("compare it with zero", expr.span.after(), " != 0");
        } else if matches!(types.kind(to), TyKind::Ref { pointee, .. } if *pointee == from) {
            let mutable = matches!(types.kind(to), TyKind::Ref { mutable: true, .. });
            d = d.help(format!("borrow it with `&`{}", if mutable { " and a `!` after it" } else { "" }));
        } else if matches!(types.kind(from), TyKind::Ref { pointee, .. } if *pointee == to) {
            d = d.help("read what it refers to with `*`");
        }
        d
    }

    /// Converts, or gives the expression back.
    pub(super) fn try_coerce(&mut self, mut expr: Expr, to: Ty) -> Result<Expr, Expr> {
        let (from, to) = (self.shallow(expr.ty), self.shallow(to));
        if from == to || from == Ty::ERROR || to == Ty::ERROR {
            return Ok(expr);
        }
        if from == Ty::NEVER {
            let span = expr.span;
            return Ok(Expr {
                kind: ExprKind::Cast { value: Box::new(expr), kind: CastKind::Never },
                ty: to,
                span,
            });
        }
        if let ExprKind::Int(bits) = expr.kind
            && self.var_kind(from) == Some(VarKind::Int)
        {
            if self.is_float(to) {
                self.forget_literal(expr.span);
                expr.kind = ExprKind::Float(bits as i64 as f64);
                expr.ty = to;
                return Ok(expr);
            }
            if bits == 0 && self.is_pointer(to) {
                self.forget_literal(expr.span);
                expr.kind = ExprKind::Null;
                expr.ty = to;
                return Ok(expr);
            }
        }
        if matches!(expr.kind, ExprKind::Null) && self.is_pointer(to) {
            expr.ty = to;
            return Ok(expr);
        }
        if let (Some(a), Some(b)) = (self.cx.types.as_int(from), self.cx.types.as_int(to)) {
            if a.signed() == b.signed() && a.bits() < b.bits() {
                return Ok(self.cast(expr, to, CastKind::IntToInt));
            }
            return Err(expr);
        }
        if let Some(kind) = self.pointer_step(from, to) {
            return Ok(match kind {
                Step::Bits => self.cast(expr, to, CastKind::Bits),
                Step::ArrayToSlice => {
                    let span = expr.span;
                    Expr { kind: ExprKind::ArrayToSlice(Box::new(expr)), ty: to, span }
                }
            });
        }
        if self.unify(from, to) { Ok(expr) } else { Err(expr) }
    }

    fn pointer_step(&mut self, from: Ty, to: Ty) -> Option<Step> {
        let (a, b) = (self.cx.types.kind(from).clone(), self.cx.types.kind(to).clone());
        match (a, b) {
            (TyKind::RawPtr { .. }, TyKind::Ptr) => Some(Step::Bits),
            (TyKind::RawPtr { mutable: true, pointee: p }, TyKind::RawPtr { mutable: false, pointee: q })
            | (TyKind::Ref { mutable: true, pointee: p }, TyKind::Ref { mutable: false, pointee: q })
            | (TyKind::Slice { mutable: true, elem: p }, TyKind::Slice { mutable: false, elem: q })
                if self.unify(p, q) =>
            {
                Some(Step::Bits)
            }
            (TyKind::Ref { mutable: m, pointee }, TyKind::Slice { mutable: n, elem: q }) if m || !n => {
                match self.kind(pointee).clone() {
                    TyKind::Array { elem, .. } if self.unify(elem, q) => Some(Step::ArrayToSlice),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A cast node.
    pub(super) fn cast(&self, value: Expr, to: Ty, kind: CastKind) -> Expr {
        let span = value.span;
        Expr { kind: ExprKind::Cast { value: Box::new(value), kind }, ty: to, span }
    }

    pub(super) fn is_float(&self, ty: Ty) -> bool {
        self.cx.types.is_float(self.shallow(ty)) || self.var_kind(ty) == Some(VarKind::Float)
    }

    pub(super) fn is_integer(&self, ty: Ty) -> bool {
        self.cx.types.as_int(self.shallow(ty)).is_some() || self.var_kind(ty) == Some(VarKind::Int)
    }

    /// Whether it is a raw pointer of any kind.
    pub(super) fn is_pointer(&self, ty: Ty) -> bool {
        self.cx.types.is_raw_ptr(self.shallow(ty))
    }

    /// The literal at `span` is no integer after all.
    pub(super) fn forget_literal(&mut self, span: Span) {
        if let Some(index) = self.literals.iter().rposition(|literal| literal.span == span) {
            self.literals.swap_remove(index);
        }
    }

    /// How `as` converts between settled types; reports a cast that is not possible.
    pub(super) fn cast_kind(&mut self, from: Ty, to: Ty, span: Span) -> CastKind {
        use TyKind::*;
        let (a, b) = (self.cx.types.kind(from).clone(), self.cx.types.kind(to).clone());
        let address = |kind: &TyKind| matches!(kind, Ptr | RawPtr { .. } | Ref { .. } | Fn { .. });
        match (&a, &b) {
            _ if from == to => CastKind::Bits,
            (Error, _) | (_, Error) => CastKind::Bits,
            (Int(_) | Bool, Int(_)) => CastKind::IntToInt,
            (Int(_) | Bool, F32 | F64) => CastKind::IntToFloat,
            (F32 | F64, Int(_)) => CastKind::FloatToInt,
            (F32 | F64, F32 | F64) => CastKind::FloatToFloat,
            (Int(int), Ptr | RawPtr { .. } | Fn { .. }) => {
                if int.bits() == 64 {
                    CastKind::Bits
                } else {
                    CastKind::IntToPtr
                }
            }
            (x, Int(int)) if address(x) => {
                if int.bits() == 64 {
                    CastKind::Bits
                } else {
                    CastKind::PtrToInt
                }
            }
            (Ptr | RawPtr { .. } | Fn { .. }, Ptr | RawPtr { .. } | Fn { .. }) => CastKind::Bits,
            (Ref { .. }, Ptr) => CastKind::Bits,
            (
                Ref { mutable: m, pointee: p },
                RawPtr { mutable: n, pointee: q } | Ref { mutable: n, pointee: q },
            ) if (*m || !*n) && self.same_target(*p, *q) => CastKind::Bits,
            (Slice { mutable: m, elem: p }, Slice { mutable: n, elem: q }) if (*m || !*n) && p == q => {
                CastKind::Bits
            }
            (Str, Slice { mutable: false, elem }) | (Slice { elem, .. }, Str) if *elem == Ty::U8 => {
                CastKind::Bits
            }
            _ => {
                self.bad_cast(from, to, span);
                CastKind::Bits
            }
        }
    }

    /// Whether a reference to `from` may be seen as a pointer to `to`: the same type, or an array's element.
    fn same_target(&self, from: Ty, to: Ty) -> bool {
        from == to || matches!(self.cx.types.kind(from), TyKind::Array { elem, .. } if *elem == to)
    }

    fn bad_cast(&mut self, from: Ty, to: Ty, span: Span) {
        let (a, b) = (self.show(from), self.show(to));
        let title = format!("a `{a}` cannot be cast to a `{b}`");
        let mut d = Diagnostic::error(codes::CAST, span, title);
        d = match (self.cx.types.kind(from), self.cx.types.kind(to)) {
            (TyKind::Int(_), TyKind::Bool) => d.help("compare it with zero: `x != 0`"),
            (TyKind::Ref { mutable: false, .. }, TyKind::RawPtr { mutable: true, .. }) => {
                d.help("borrow it mutably: `&x!`")
            }
            (TyKind::Ref { .. }, TyKind::RawPtr { .. }) => {
                d.help("cast to a pointer of the same type first, then to the other")
            }
            _ => d.note("`as` converts between integers, floats, pointers, and integers and pointers"),
        };
        self.error(d);
    }
}

enum Step {
    Bits,
    ArrayToSlice,
}
