//! Operators: arithmetic, comparison, conversion, pointers.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, InstBuilder, types};

use smallvec::SmallVec;

use super::addr::Root;
use super::expr::one;
use super::func::{Leaves, Lower};
use super::rt::Rt;
use crate::typed::{BinaryOp, CastKind, Expr, ExprKind};
use crate::types::{IntTy, Ty, TyKind};
use vex_syntax::Span;

/// A pointer and what was added to it.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    /// All of it.
    pub address: ir::Value,
    /// Its parts.
    pub root: Root,
}

/// A sum of integers.
#[derive(Default)]
pub(super) struct Terms<'a> {
    /// What is added; with `true`, subtracted.
    pub terms: SmallVec<[(&'a Expr, bool); 4]>,
    pub constant: i64,
}

impl<'a> Lower<'a> {
    /// Arithmetic or comparison.
    pub(super) fn binary(&mut self, op: BinaryOp, left: &'a Expr, right: &'a Expr, span: Span) -> ir::Value {
        if matches!(op, BinaryOp::Eq | BinaryOp::Ne)
            && self.const_int(right) == Some(0)
            && let Some(result) = self.compare_for_equality(left, int_condition(op, true))
        {
            return result;
        }
        let a = self.value(left);
        if let Some(result) = self.constant_shift(op, left.ty, &a, right) {
            return result;
        }
        let b = self.value(right);
        let harmless = !matches!(op, BinaryOp::Div | BinaryOp::Rem | BinaryOp::Shl | BinaryOp::Shr);
        if !harmless || *self.types.kind(left.ty) == TyKind::Str {
            self.at(span);
        }
        // The machine's operation may take the load of an operand in: then a fault there is to name the operand.
        self.binary_values(op, left.ty, &a, right.ty, &b)
    }

    /// As [`Lower::binary`], of values.
    pub(super) fn binary_values(
        &mut self,
        op: BinaryOp,
        ty: Ty,
        a: &[ir::Value],
        right_ty: Ty,
        b: &[ir::Value],
    ) -> ir::Value {
        if a.is_empty() || b.is_empty() {
            // One side does not end.
            return self.zero(types::I8);
        }
        match self.types.kind(ty) {
            TyKind::Int(int) => self.int_binary(op, *int, a[0], b[0], self.types.as_int(right_ty)),
            TyKind::F32 | TyKind::F64 => self.float_binary(op, a[0], b[0]),
            TyKind::Str => self.str_compare(op, a, b),
            _ if self.is_checked() && self.may_be_tagged(ty) => self.compare_pointers(op, a[0], b[0]),
            _ => self.word_binary(op, a[0], b[0]),
        }
    }

    /// A shift by a constant below the width needs no check.
    pub(super) fn constant_shift(
        &mut self,
        op: BinaryOp,
        ty: Ty,
        a: &[ir::Value],
        amount: &'a Expr,
    ) -> Option<ir::Value> {
        let int = self.types.as_int(ty)?;
        let amount = self.const_int(amount)?;
        let harmless = (0..i64::from(int.bits())).contains(&amount);
        if !harmless || !matches!(op, BinaryOp::Shl | BinaryOp::Shr) || a.is_empty() {
            return None;
        }
        let amount = self.int(self.info(ty).leaves[0].ty, amount);
        Some(self.shift(op, a[0], amount, int))
    }

    fn shift(&mut self, op: BinaryOp, a: ir::Value, amount: ir::Value, int: IntTy) -> ir::Value {
        match (op, int.signed()) {
            (BinaryOp::Shl, _) => self.b.ins().ishl(a, amount),
            (_, true) => self.b.ins().sshr(a, amount),
            (_, false) => self.b.ins().ushr(a, amount),
        }
    }

    fn int_binary(
        &mut self,
        op: BinaryOp,
        int: IntTy,
        a: ir::Value,
        b: ir::Value,
        amount: Option<IntTy>,
    ) -> ir::Value {
        use BinaryOp::*;
        let signed = int.signed();
        match op {
            Add => self.b.ins().iadd(a, b),
            Sub => self.b.ins().isub(a, b),
            Mul => self.b.ins().imul(a, b),
            // These trap by themselves on division by zero and on `MIN / -1`.
            Div if signed => self.b.ins().sdiv(a, b),
            Div => self.b.ins().udiv(a, b),
            Rem if signed => self.b.ins().srem(a, b),
            Rem => self.b.ins().urem(a, b),
            Shl | Shr => {
                self.check_shift(b, int.bits(), amount.is_some_and(|int| int.signed()));
                self.shift(op, a, b, int)
            }
            BitAnd | BitOr | BitXor => self.word_binary(op, a, b),
            _ => self.b.ins().icmp(int_condition(op, signed), a, b),
        }
    }

    /// Panics unless a shift amount is below the width.
    fn check_shift(&mut self, amount: ir::Value, bits: u32, signed: bool) {
        let ty = self.b.func.dfg.value_type(amount);
        let limit = self.int(ty, i64::from(bits));
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, amount, limit);
        self.check(inside, |lower| {
            let amount = lower.extend_64(amount, signed);
            let bits = lower.int(types::I32, i64::from(bits));
            lower.rt(Rt::PanicShift, &[amount, bits]);
        });
    }

    fn float_binary(&mut self, op: BinaryOp, a: ir::Value, b: ir::Value) -> ir::Value {
        use BinaryOp::*;
        let condition = match op {
            Add => return self.b.ins().fadd(a, b),
            Sub => return self.b.ins().fsub(a, b),
            Mul => return self.b.ins().fmul(a, b),
            Div => return self.b.ins().fdiv(a, b),
            Rem => {
                let single = self.b.func.dfg.value_type(a) == types::F32;
                return self.rt(if single { Rt::FmodF32 } else { Rt::Fmod }, &[a, b])[0];
            }
            Eq => FloatCC::Equal,
            Ne => FloatCC::NotEqual,
            Lt => FloatCC::LessThan,
            Le => FloatCC::LessThanOrEqual,
            Gt => FloatCC::GreaterThan,
            _ => FloatCC::GreaterThanOrEqual,
        };
        self.b.ins().fcmp(condition, a, b)
    }

    /// Booleans, pointers, references and functions: bitwise and unsigned.
    fn word_binary(&mut self, op: BinaryOp, a: ir::Value, b: ir::Value) -> ir::Value {
        match op {
            BinaryOp::BitAnd => self.b.ins().band(a, b),
            BinaryOp::BitOr => self.b.ins().bor(a, b),
            BinaryOp::BitXor => self.b.ins().bxor(a, b),
            _ => self.b.ins().icmp(int_condition(op, false), a, b),
        }
    }

    fn str_compare(&mut self, op: BinaryOp, a: &[ir::Value], b: &[ir::Value]) -> ir::Value {
        let args = [a[0], a[1], b[0], b[1]];
        match op {
            BinaryOp::Eq => self.rt(Rt::StrEq, &args)[0],
            BinaryOp::Ne => {
                let equal = self.rt(Rt::StrEq, &args)[0];
                self.b.ins().bxor_imm_u(equal, 1)
            }
            _ => {
                let order = self.rt(Rt::StrCmp, &args)[0];
                self.b.ins().icmp_imm_s(int_condition(op, true), order, 0)
            }
        }
    }

    /// `-e`
    pub(super) fn negate(&mut self, expr: &'a Expr) -> ir::Value {
        if let Some(constant) = self.const_int(expr) {
            let ty = self.info(expr.ty).leaves[0].ty;
            return self.int(ty, constant.wrapping_neg());
        }
        let value = self.scalar(expr);
        if self.types.is_float(expr.ty) { self.b.ins().fneg(value) } else { self.b.ins().ineg(value) }
    }

    /// `checked_add` and its kind: an option.
    pub(super) fn checked(&mut self, op: BinaryOp, left: &'a Expr, right: &'a Expr) -> Leaves {
        let (a, b) = (self.scalar(left), self.scalar(right));
        let signed = self.types.as_int(left.ty).is_some_and(|int| int.signed());
        let (value, overflow) = match (op, signed) {
            (BinaryOp::Add, true) => self.b.ins().sadd_overflow(a, b),
            (BinaryOp::Add, false) => self.b.ins().uadd_overflow(a, b),
            (BinaryOp::Sub, true) => self.b.ins().ssub_overflow(a, b),
            (BinaryOp::Sub, false) => self.b.ins().usub_overflow(a, b),
            (_, true) => self.b.ins().smul_overflow(a, b),
            (_, false) => self.b.ins().umul_overflow(a, b),
        };
        let some = self.b.ins().bxor_imm_u(overflow, 1);
        [some, value].into_iter().collect()
    }

    /// `base ± offset * scale`
    pub(super) fn ptr_offset(
        &mut self,
        base: &'a Expr,
        offset: &'a Expr,
        scale: u64,
        negative: bool,
    ) -> ir::Value {
        let (address, bytes) = self.offset_address(base, offset, scale, negative);
        let address = match address {
            Some(sum) => sum.address,
            None => self.scalar(base),
        };
        if bytes == 0 { address } else { self.b.ins().iadd_imm_s(address, bytes) }
    }

    /// `base ± offset * scale` as an address and a constant number of bytes further. The base is not evaluated when
    /// nothing has to be added to it. What does not change in the innermost loop is added to the base first.
    pub(super) fn offset_address(
        &mut self,
        base: &'a Expr,
        offset: &'a Expr,
        scale: u64,
        negative: bool,
    ) -> (Option<Sum>, i64) {
        let mut sum = Terms::default();
        self.terms(offset, negative, &mut sum);
        let bytes = sum.constant.wrapping_mul(scale as i64);
        if sum.terms.is_empty() {
            return (None, bytes);
        }
        let hoist = sum.terms.len() > 1 && self.is_invariant(base);
        let var = self.pointer_variable(base);
        let value = self.scalar(base);
        // Terms are evaluated in the order they are written, and added in the order that suits the loop.
        let (mut early, mut late) = (None, None);
        for (term, negative) in sum.terms {
            let part = if hoist && self.is_invariant(term) { &mut early } else { &mut late };
            let value = self.integer_64(term);
            *part = Some(match *part {
                None => (negative, value),
                Some((sign, before)) if sign == negative => (sign, self.b.ins().iadd(before, value)),
                Some((sign, before)) => (sign, self.b.ins().isub(before, value)),
            });
        }
        let mut address = value;
        for (negative, part) in [early, late].into_iter().flatten() {
            address = self.add_scaled(address, part, scale, negative);
        }
        let mut root = Root { var, ..Root::of(value) };
        if self.is_checked() {
            let mut bytes = |part: Option<(bool, ir::Value)>| {
                let (negative, part) = part?;
                let bytes = self.scaled(part, scale);
                Some(if negative { self.b.ins().ineg(bytes) } else { bytes })
            };
            (root.early, root.late) = (bytes(early), bytes(late));
            root.step = scale;
        }
        (Some(Sum { address, root }), bytes)
    }

    fn add_scaled(&mut self, address: ir::Value, value: ir::Value, scale: u64, negative: bool) -> ir::Value {
        let bytes = self.scaled(value, scale);
        if negative { self.b.ins().isub(address, bytes) } else { self.b.ins().iadd(address, bytes) }
    }

    /// Takes a sum of 64-bit integers apart.
    pub(super) fn terms(&self, expr: &'a Expr, negative: bool, sum: &mut Terms<'a>) {
        if let Some(constant) = self.const_int(expr) {
            let constant = if negative { constant.wrapping_neg() } else { constant };
            sum.constant = sum.constant.wrapping_add(constant);
            return;
        }
        let wide = self.types.as_int(expr.ty).is_some_and(|int| int.bits() == 64);
        match &expr.kind {
            ExprKind::Binary { op: op @ (BinaryOp::Add | BinaryOp::Sub), left, right } if wide => {
                self.terms(left, negative, sum);
                self.terms(right, negative != (*op == BinaryOp::Sub), sum);
            }
            _ => sum.terms.push((expr, negative)),
        }
    }

    /// `offset * scale`
    pub(super) fn byte_offset(&mut self, offset: &'a Expr, scale: u64) -> ir::Value {
        if let Some(constant) = self.const_int(offset) {
            return self.int(types::I64, constant.wrapping_mul(scale as i64));
        }
        let offset = self.integer_64(offset);
        self.scaled(offset, scale)
    }

    /// `(left - right) / scale`
    pub(super) fn ptr_diff(&mut self, left: &'a Expr, right: &'a Expr, scale: u64) -> ir::Value {
        let (a, b) = (self.scalar(left), self.scalar(right));
        let bytes = self.bytes_between(a, b);
        if scale <= 1 {
            return bytes;
        }
        let scale = self.int(types::I64, scale as i64);
        self.b.ins().sdiv(bytes, scale)
    }

    /// Converts to type `to`.
    pub(super) fn cast(&mut self, value: &'a Expr, kind: CastKind, to: Ty) -> Leaves {
        if kind == CastKind::Never {
            self.effect(value);
            return self.zeros(to);
        }
        if kind == CastKind::Bits && self.is_checked() {
            return self.cast_bits(value, to);
        }
        if kind == CastKind::Bits {
            // Also between a string and a slice of bytes, which are two values.
            return self.value(value);
        }
        let target = self.info(to).leaves[0].ty;
        let from = value.ty;
        let source = self.scalar(value);
        if kind == CastKind::IntToPtr && self.is_checked() {
            let integer = self.resize(source, target, self.is_signed(from));
            return one(self.adopted(integer));
        }
        one(match kind {
            CastKind::IntToInt | CastKind::IntToPtr | CastKind::PtrToInt => {
                self.resize(source, target, self.is_signed(from))
            }
            CastKind::IntToFloat => self.int_to_float(source, target, self.is_signed(from)),
            CastKind::FloatToInt => self.float_to_int(source, target, self.is_signed(to)),
            CastKind::FloatToFloat if target == types::F32 => self.demote(source),
            CastKind::FloatToFloat => self.promote(source),
            CastKind::Bits | CastKind::Never => unreachable!("handled above"),
        })
    }

    /// Whether a type is a signed integer.
    pub(super) fn is_signed(&self, ty: Ty) -> bool {
        self.types.as_int(ty).is_some_and(|int| int.signed())
    }

    /// Truncates an integer, or extends it by the sign it has.
    pub(super) fn resize(&mut self, value: ir::Value, target: ir::Type, signed: bool) -> ir::Value {
        let ty = self.b.func.dfg.value_type(value);
        match target.bits().cmp(&ty.bits()) {
            std::cmp::Ordering::Less => self.b.ins().ireduce(target, value),
            std::cmp::Ordering::Equal => value,
            std::cmp::Ordering::Greater if signed => self.b.ins().sextend(target, value),
            std::cmp::Ordering::Greater => self.b.ins().uextend(target, value),
        }
    }

    fn demote(&mut self, value: ir::Value) -> ir::Value {
        if self.b.func.dfg.value_type(value) == types::F32 {
            return value;
        }
        self.b.ins().fdemote(types::F32, value)
    }

    fn promote(&mut self, value: ir::Value) -> ir::Value {
        if self.b.func.dfg.value_type(value) == types::F64 {
            return value;
        }
        self.b.ins().fpromote(types::F64, value)
    }

    fn int_to_float(&mut self, value: ir::Value, target: ir::Type, signed: bool) -> ir::Value {
        if self.b.func.dfg.value_type(value) == types::I64 && !signed {
            return self.b.ins().fcvt_from_uint(target, value);
        }
        // Narrower unsigned integers are exact as signed ones of 64 bits, which convert faster.
        let wide = self.extend_64(value, signed);
        self.b.ins().fcvt_from_sint(target, wide)
    }

    fn float_to_int(&mut self, value: ir::Value, target: ir::Type, signed: bool) -> ir::Value {
        if target.bits() >= 32 {
            return match signed {
                true => self.b.ins().fcvt_to_sint_sat(target, value),
                false => self.b.ins().fcvt_to_uint_sat(target, value),
            };
        }
        // The machine converts to 32 bits at least: saturate again.
        let bits = target.bits();
        let narrow = if signed {
            let wide = self.b.ins().fcvt_to_sint_sat(types::I32, value);
            let (least, most) =
                (self.int(types::I32, -(1 << (bits - 1))), self.int(types::I32, (1 << (bits - 1)) - 1));
            let high = self.b.ins().smax(wide, least);
            self.b.ins().smin(high, most)
        } else {
            let wide = self.b.ins().fcvt_to_uint_sat(types::I32, value);
            let most = self.int(types::I32, (1 << bits) - 1);
            self.b.ins().umin(wide, most)
        };
        self.b.ins().ireduce(target, narrow)
    }
}

/// The condition of a comparison.
pub(super) fn int_condition(op: BinaryOp, signed: bool) -> IntCC {
    use BinaryOp::*;
    match (op, signed) {
        (Eq, _) => IntCC::Equal,
        (Ne, _) => IntCC::NotEqual,
        (Lt, true) => IntCC::SignedLessThan,
        (Le, true) => IntCC::SignedLessThanOrEqual,
        (Gt, true) => IntCC::SignedGreaterThan,
        (Ge, true) => IntCC::SignedGreaterThanOrEqual,
        (Lt, false) => IntCC::UnsignedLessThan,
        (Le, false) => IntCC::UnsignedLessThanOrEqual,
        (Gt, false) => IntCC::UnsignedGreaterThan,
        (Ge, false) => IntCC::UnsignedGreaterThanOrEqual,
        _ => unreachable!("{op:?} does not compare"),
    }
}
