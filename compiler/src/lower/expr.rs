//! Expressions: to SSA values when their type is flat, into memory in any case, or for their effect only.

use cranelift_codegen::ir::{self, InstBuilder, types};
use smallvec::SmallVec;

use super::addr::Addr;
use super::control::Held;
use super::func::{Home, Leaves, Lower};
use super::place::Place;
use crate::typed::{CastKind, Expr, ExprKind, FunctionBody, LocalId};
use crate::types::{Ty, TyKind};

impl<'a> Lower<'a> {
    /// Evaluates an expression with one leaf.
    pub(super) fn scalar(&mut self, expr: &'a Expr) -> ir::Value {
        let leaves = self.value(expr);
        match leaves[..] {
            [leaf] => leaf,
            // An expression that does not end may stand for a scalar.
            _ => self.zero(self.ptr),
        }
    }

    /// Evaluates an expression of flat type.
    pub(super) fn value(&mut self, expr: &'a Expr) -> Leaves {
        use ExprKind::*;
        let info = self.info(expr.ty);
        debug_assert!(info.flat, "{} is not flat", self.types.display(expr.ty));
        match &expr.kind {
            Int(bits) => one(self.int(info.leaves[0].ty, *bits as i64)),
            Float(value) => one(self.float(expr.ty, *value)),
            Bool(value) => one(self.int(types::I8, i64::from(*value))),
            Null => one(self.int(self.ptr, 0)),
            Unit => Leaves::new(),
            Str(text) => self.str(text),
            Func { func, args } => one(self.function_address(*func, args)),
            Local(_) | Global(_) | Field { .. } | Index { .. } | Deref(_) | Temp { .. } | Payload { .. } => {
                let place = self.place(expr);
                if matches!(place, Place::Mem(_)) {
                    self.at(expr.span);
                }
                self.read(place, info)
            }
            Move(place) => self.take(place),
            Take(place) => self.value(place),
            Borrow(place) if self.is_checked() && self.is_raw_borrow(expr) => {
                one(self.narrowed_place(place, expr.ty))
            }
            Borrow(place) => one(self.borrow(place)),
            ArrayToSlice(array) => self.array_to_slice(array),
            Neg(e) => one(self.negate(e)),
            Not(e) => {
                let value = self.scalar(e);
                one(self.b.ins().bxor_imm_u(value, 1))
            }
            BitNot(e) => {
                let value = self.scalar(e);
                one(self.b.ins().bnot(value))
            }
            Binary { op, left, right } => one(self.binary(*op, left, right, expr.span)),
            Logic { .. } => one(self.logic(expr)),
            Checked { op, left, right } => self.checked(*op, left, right),
            PtrOffset { base, offset, scale, negative } => {
                one(self.ptr_offset(base, offset, *scale, *negative))
            }
            PtrDiff { left, right, scale } => one(self.ptr_diff(left, right, *scale)),
            Cast { value, kind } => self.cast(value, *kind, expr.ty),
            DataPtr(e) => one(self.value(e)[0]),
            Len(e) => one(self.value(e)[1]),
            StrFromParts { data, len } => {
                let data = self.scalar(data);
                let len = self.scalar(len);
                [data, len].into_iter().collect()
            }
            Call { callee, args } => self.call(callee, args, expr, None),
            Intrinsic { op, args } => self.intrinsic(*op, args, expr),
            Tuple(parts) => self.part_values(parts.iter()).into_iter().flatten().collect(),
            Struct(fields) => self.flat_struct(expr.ty, fields),
            Variant { variant, fields } => self.flat_variant(expr.ty, *variant, fields),
            Tag(value) => one(self.tag(value, expr.ty)),
            // Only empty arrays, or arrays of nothing, are flat.
            Array(_) | Repeat(_) => {
                crate::typed::walk::children(expr, &mut |part| self.effect(part));
                Leaves::new()
            }
            _ => self.control(expr, None),
        }
    }

    /// Evaluates an expression of any type into memory.
    pub(super) fn into(&mut self, expr: &'a Expr, dest: Addr) {
        use ExprKind::*;
        let info = self.info(expr.ty);
        match &expr.kind {
            _ if info.flat => {
                let leaves = self.value(expr);
                self.store_leaves(dest, info, &leaves);
            }
            Local(_) | Global(_) | Field { .. } | Index { .. } | Deref(_) | Temp { .. } | Payload { .. } => {
                let place = self.place(expr);
                let source = self.place_memory(place, expr.ty);
                self.at(expr.span);
                self.copy(dest, source, info);
            }
            Take(place) => self.into(place, dest),
            Move(inner) => {
                self.into(inner, dest);
                self.set_flag(inner, false);
            }
            Call { callee, args } => {
                self.call(callee, args, expr, Some(dest));
            }
            Cast { value, kind: CastKind::Never } => self.effect(value),
            Tuple(parts) => {
                let offsets = info.fields.iter().map(|field| field.offset);
                self.parts_into(expr.ty, parts.iter().zip(offsets), dest);
            }
            Struct(fields) => {
                let offset = |index: u32| info.fields[index as usize].offset;
                self.parts_into(expr.ty, fields.iter().map(|(index, part)| (part, offset(*index))), dest);
            }
            Variant { variant, fields } => self.variant_into(expr.ty, *variant, fields, dest),
            Array(parts) => {
                let stride = self.info(self.elem(expr.ty)).size;
                self.parts_into(expr.ty, parts.iter().zip((0..).map(|index| index * stride)), dest);
            }
            Repeat(value) => self.repeat(expr.ty, value, dest),
            _ => {
                self.control(expr, Some(dest));
            }
        }
    }

    /// Evaluates the parts of a value of type `ty`, each to its offset in it.
    pub(super) fn parts_into(
        &mut self,
        ty: Ty,
        parts: impl Iterator<Item = (&'a Expr, u64)> + Clone,
        dest: Addr,
    ) {
        let held = self.begin_parts(parts.clone().map(|(part, _)| part));
        // What leaves the expression may write to `dest` before it drops the parts.
        let memory = if held.are_held() { self.temp(ty) } else { dest };
        for (part, offset) in parts {
            let to = memory.plus(offset as i64);
            self.into(part, to);
            self.hold(&held, part.ty, || Held::Memory(part.ty, to));
        }
        if held.are_held() {
            self.copy(dest, memory, self.info(ty));
        }
        self.end_parts(held);
    }

    /// Evaluates flat parts of a value.
    pub(super) fn part_values(
        &mut self,
        parts: impl Iterator<Item = &'a Expr> + Clone,
    ) -> SmallVec<[Leaves; 4]> {
        let held = self.begin_parts(parts.clone());
        let mut values = SmallVec::new();
        for part in parts {
            let leaves = self.value(part);
            self.hold(&held, part.ty, || Held::Leaves(part.ty, leaves.clone()));
            values.push(leaves);
        }
        self.end_parts(held);
        values
    }

    /// Evaluates an expression and drops its value.
    pub(super) fn effect(&mut self, expr: &'a Expr) {
        let info = self.info(expr.ty);
        if info.needs_drop {
            let temp = self.in_memory(expr);
            return self.drop_at(expr.ty, temp);
        }
        if info.flat {
            self.value(expr);
        } else {
            self.in_memory(expr);
        }
    }

    /// Evaluates an expression whose value nobody drops.
    pub(super) fn forget(&mut self, value: &'a Expr) {
        match &value.kind {
            // Nothing reads it: that its owner has lost it is all there is to say.
            ExprKind::Move(place) => self.set_flag(place, false),
            _ if self.flat(value.ty) => drop(self.value(value)),
            _ => drop(self.in_memory(value)),
        }
    }

    /// Sets a local for the first time.
    pub(super) fn init_local(&mut self, id: LocalId, init: &'a Expr) {
        match self.home(id) {
            Home::Vars(first) => {
                let place = self.borrowed_place(init);
                let leaves = match place {
                    Some(addr) => one(self.address(addr)),
                    None => self.value_or_zeros(init, self.local_ty(id)),
                };
                self.def_vars(first, &leaves);
                if let Some(addr) = place {
                    self.learn_reference(first, leaves[0], addr);
                }
            }
            home => self.into(init, Addr::home(home)),
        }
        self.set_local_flag(id, true);
    }

    /// As [`Lower::value`], when the value may be one that never comes to be.
    pub(super) fn value_or_zeros(&mut self, expr: &'a Expr, ty: Ty) -> Leaves {
        if expr.ty == Ty::NEVER && ty != Ty::NEVER {
            self.effect(expr);
            return self.zeros(ty);
        }
        self.value(expr)
    }

    /// Reads a place whose owner then no longer drops it.
    fn take(&mut self, place: &'a Expr) -> Leaves {
        let leaves = self.value(place);
        self.set_flag(place, false);
        leaves
    }

    /// A string literal.
    pub(super) fn str(&mut self, text: &str) -> Leaves {
        let data = self.decls.strings[text];
        let start = self.data_addr(super::decl::namespace::DATA, data);
        let len = self.int(self.ptr, text.len() as i64);
        [start, len].into_iter().collect()
    }

    fn float(&mut self, ty: Ty, value: f64) -> ir::Value {
        match self.types.kind(ty) {
            TyKind::F32 => self.b.ins().f32const(value as f32),
            _ => self.b.ins().f64const(value),
        }
    }

    /// The address of a function, callable the way all function pointers are.
    fn function_address(&mut self, func: crate::typed::FuncId, args: &[Ty]) -> ir::Value {
        use super::decl::Body;
        let body = match &self.program.functions[func.0 as usize].body {
            FunctionBody::Extern(_) => Body::Thunk(func),
            _ => Body::Function { func, args: args.to_vec() },
        };
        let func = self.reference(&body);
        self.b.ins().func_addr(self.ptr, func)
    }

    fn array_to_slice(&mut self, array: &'a Expr) -> Leaves {
        let start = self.scalar(array);
        let len = match self.types.kind(array.ty) {
            TyKind::Ref { pointee, .. } | TyKind::RawPtr { pointee, .. } => match self.types.kind(*pointee) {
                TyKind::Array { len, .. } => *len,
                kind => unreachable!("a slice of {kind:?}"),
            },
            kind => unreachable!("a slice of {kind:?}"),
        };
        let len = self.int(self.ptr, len as i64);
        [start, len].into_iter().collect()
    }

    fn flat_struct(&mut self, ty: Ty, fields: &'a [(u32, Expr)]) -> Leaves {
        let info = self.info(ty);
        let parts = self.part_values(fields.iter().map(|(_, value)| value));
        if fields.iter().enumerate().all(|(at, (index, _))| at == *index as usize) {
            return parts.into_iter().flatten().collect();
        }
        let mut values: Vec<Leaves> = vec![Leaves::new(); info.fields.len()];
        for ((index, _), part) in fields.iter().zip(parts) {
            values[*index as usize] = part;
        }
        values.into_iter().flatten().collect()
    }

    /// `[value; n]` of a type that takes memory.
    fn repeat(&mut self, ty: Ty, value: &'a Expr, dest: Addr) {
        let TyKind::Array { elem, len } = *self.types.kind(ty) else { unreachable!("an array") };
        let info = self.info(elem);
        if let Some(byte) = self.repeated_byte(value) {
            return self.fill(dest, byte, info.size * len);
        }
        if !info.flat {
            self.into(value, dest);
            if len > 1 {
                self.each_index(1, len, |lower, index| {
                    let offset = lower.scaled(index, info.size);
                    let to = lower.offset_by(dest, offset);
                    lower.copy(to, dest, info);
                });
            }
            return;
        }
        let leaves = self.value(value);
        if len <= 8 {
            for index in 0..len {
                self.store_leaves(dest.plus((index * info.size) as i64), info, &leaves);
            }
            return;
        }
        self.each_index(0, len, |lower, index| {
            let offset = lower.scaled(index, info.size);
            let to = lower.offset_by(dest, offset);
            lower.store_leaves(to, info, &leaves);
        });
    }

    /// The byte that every byte of a constant is, if it is so.
    fn repeated_byte(&self, value: &'a Expr) -> Option<u8> {
        match &value.kind {
            ExprKind::Bool(value) => Some(u8::from(*value)),
            ExprKind::Null => Some(0),
            ExprKind::Float(value) => (value.to_bits() == 0).then_some(0),
            ExprKind::Repeat(inner) => self.repeated_byte(inner),
            _ => {
                let constant = self.const_int(value)?;
                let size = self.info(value.ty).size as usize;
                let bytes = constant.to_le_bytes();
                bytes[..size].iter().all(|byte| *byte == bytes[0]).then_some(bytes[0])
            }
        }
    }

    /// Fills memory with a constant byte.
    pub(super) fn fill(&mut self, dest: Addr, byte: u8, size: u64) {
        if size <= super::addr::MAX_INLINE {
            return self.fill_inline(dest, byte, size);
        }
        let dest = if self.is_guarded(&dest) { self.tested(dest, size, 1, true) } else { dest };
        let start = self.address(dest);
        let value = self.int(types::I32, i64::from(byte));
        let size = self.int(self.ptr, size as i64);
        self.rt(super::rt::Rt::Memset, &[start, value, size]);
    }
}

/// A value with one leaf.
pub(super) fn one(leaf: ir::Value) -> Leaves {
    let mut leaves = Leaves::new();
    leaves.push(leaf);
    leaves
}
