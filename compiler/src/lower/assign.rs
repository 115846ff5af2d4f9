//! Assignment, and reading options.

use cranelift_codegen::ir::InstBuilder;

use super::control::Held;
use super::func::{Home, Lower};
use super::place::Place;
use crate::typed::{Expr, ExprKind, UpdateOp};
use vex_syntax::Span;

impl<'a> Lower<'a> {
    /// `place = value`
    pub(super) fn assign(&mut self, place: &'a Expr, value: &'a Expr, drop_old: bool) {
        let info = self.info(place.ty);
        if self.copy_whole(place, value) {
            // Done.
        } else if info.flat {
            let parts = self.begin_parts([value, place]);
            let leaves = self.value_or_zeros(value, place.ty);
            self.hold(&parts, place.ty, || Held::Leaves(place.ty, leaves.clone()));
            let target = self.place(place);
            self.end_parts(parts);
            if drop_old && info.needs_drop {
                self.drop_place(&target, place);
            }
            self.at(place.span);
            self.write(&target, info, &leaves);
        } else {
            self.assign_memory(place, value, drop_old && info.needs_drop);
        }
        self.set_flag(place, true);
    }

    /// Copies a structure from memory to memory where accesses are tested, so that fields that nobody wrote may be among
    /// what is copied. False, and nothing done, where it has to go through registers.
    fn copy_whole(&mut self, place: &'a Expr, value: &'a Expr) -> bool {
        let info = self.info(place.ty);
        let several = info.flat && info.len() > 1 && !info.needs_drop;
        let in_memory = matches!(value.kind, ExprKind::Deref(_) | ExprKind::Field { .. });
        if !self.is_checked()
            || !several
            || !in_memory
            || value.ty != place.ty
            || !self.is_settled_place(place)
        {
            return false;
        }
        let (source, target) = (self.place(value), self.place(place));
        self.at(value.span);
        match (source, target) {
            (Place::Mem(source), Place::Mem(target))
                if self.is_guarded(&source) && self.is_guarded(&target) =>
            {
                self.copy_tested(target, source, info.size, info.align);
            }
            (source, target) => {
                let leaves = self.read(source, info);
                self.at(place.span);
                self.write(&target, info, &leaves);
            }
        }
        true
    }

    /// Whether evaluating a place changes nothing and reads nothing but pointers.
    fn is_settled_place(&mut self, place: &'a Expr) -> bool {
        match &place.kind {
            ExprKind::Local(_) | ExprKind::Global(_) => true,
            ExprKind::Field { base, .. } | ExprKind::Deref(base) => self.is_settled_place(base),
            ExprKind::PtrOffset { base, offset, .. } => {
                self.is_settled_place(base) && self.is_independent(offset)
            }
            _ => false,
        }
    }

    fn assign_memory(&mut self, place: &'a Expr, value: &'a Expr, drop_old: bool) {
        let info = self.info(place.ty);
        if !drop_old && self.is_independent(value) {
            let target = self.place(place);
            let target = self.place_memory(target, place.ty);
            return self.into(value, target);
        }
        let source = match &value.kind {
            ExprKind::Local(_) | ExprKind::Global(_) | ExprKind::Field { .. } | ExprKind::Deref(_)
                if !drop_old && is_plain_place(place) =>
            {
                let source = self.place(value);
                self.place_memory(source, value.ty)
            }
            _ => {
                let temp = self.temp(place.ty);
                self.arm(value, place.ty, Some(temp));
                temp
            }
        };
        let parts = self.begin_parts([value, place]);
        self.hold(&parts, place.ty, || Held::Memory(place.ty, source));
        let target = self.place(place);
        self.end_parts(parts);
        if drop_old {
            self.drop_place(&target, place);
        }
        let target = self.place_memory(target, place.ty);
        self.at(place.span);
        self.copy(target, source, info);
    }

    /// Whether a value can be written piece by piece over the old one: it neither reads memory nor ends early.
    fn is_independent(&mut self, value: &'a Expr) -> bool {
        use ExprKind::*;
        match &value.kind {
            Int(_) | Float(_) | Bool(_) | Str(_) | Null | Unit | Func { .. } => true,
            Local(id) => self.flat(value.ty) && matches!(self.home(*id), Home::Vars(_)),
            Neg(_)
            | BitNot(_)
            | Not(_)
            | Binary { .. }
            | Cast { .. }
            | Tuple(_)
            | Struct(_)
            | Variant { .. }
            | Array(_)
            | Repeat(_) => {
                let mut all = true;
                crate::typed::walk::children(value, &mut |part| all = all && self.is_independent(part));
                all
            }
            _ => false,
        }
    }

    /// `place op= value`
    pub(super) fn update(&mut self, op: UpdateOp, place: &'a Expr, value: &'a Expr, span: Span) {
        let info = self.info(place.ty);
        let target = self.place(place);
        let new = match op {
            UpdateOp::Binary(op) => {
                if let Some(new) = self.update_by_constant(op, place, &target, value) {
                    new
                } else {
                    let right = self.value(value);
                    self.at(span);
                    let old = self.read(target.clone(), info);
                    self.binary_values(op, place.ty, &old, value.ty, &right)
                }
            }
            UpdateOp::PtrOffset { scale, negative } => {
                let bytes = self.byte_offset(value, scale);
                self.at(span);
                let old = self.read(target.clone(), info)[0];
                if negative { self.b.ins().isub(old, bytes) } else { self.b.ins().iadd(old, bytes) }
            }
        };
        self.at(span);
        self.write(&target, info, &[new]);
    }

    fn update_by_constant(
        &mut self,
        op: crate::typed::BinaryOp,
        place: &'a Expr,
        target: &Place,
        value: &'a Expr,
    ) -> Option<cranelift_codegen::ir::Value> {
        use crate::typed::BinaryOp::{Shl, Shr};
        if !matches!(op, Shl | Shr) || self.const_int(value).is_none() {
            return None;
        }
        self.at(place.span);
        let old = self.read(target.clone(), self.info(place.ty));
        self.constant_shift(op, place.ty, &old, value)
    }
}

/// Whether evaluating a place changes nothing.
fn is_plain_place(place: &Expr) -> bool {
    match &place.kind {
        ExprKind::Local(_) | ExprKind::Global(_) => true,
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => is_plain_place(base),
        ExprKind::Deref(pointer) => is_plain_place(pointer),
        _ => false,
    }
}
