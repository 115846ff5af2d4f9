//! Places: expressions that stand for memory, or for the SSA variables that stand for it.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use cranelift_frontend::Variable;

use super::addr::{Addr, Kind};
use super::func::{Home, Leaves, Lower};
use super::ops::Sum;
use super::rt::Rt;
use super::value::TypeInfo;
use crate::typed::{Expr, ExprKind, LocalId};
use crate::types::{Ty, TyKind};
use vex_syntax::Span;

/// Where the value of a place is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In SSA variables from this one on.
    Vars(u32),
    /// In memory.
    Mem(Addr),
    /// Nowhere: a part of a value that was just computed.
    Leaves(Leaves),
}

impl Place {
    /// The leaves of a part from `first` on, or what lies at `offset`.
    fn part(self, offset: u64, first: u32) -> Place {
        match self {
            Place::Vars(var) => Place::Vars(var + first),
            Place::Mem(addr) => Place::Mem(addr.plus(offset as i64)),
            Place::Leaves(leaves) => Place::Leaves(leaves[first as usize..].into()),
        }
    }
}

impl<'a> Lower<'a> {
    /// Evaluates what a place depends on. Any other expression is evaluated and stands for its value.
    pub(super) fn place(&mut self, expr: &'a Expr) -> Place {
        match &expr.kind {
            ExprKind::Local(id) => self.local_place(*id),
            ExprKind::Global(id) => Place::Mem(self.global(*id)),
            ExprKind::Field { base, index } => {
                if let Some(value) = self.field_of_shadow(base, *index) {
                    return Place::Leaves(super::expr::one(value));
                }
                let field = self.info(base.ty).fields[*index as usize];
                self.place(base).part(field.offset, field.leaf)
            }
            ExprKind::Payload { base, variant, index } => {
                let field = self.info(base.ty).variants[*variant as usize][*index as usize];
                self.place(base).part(field.offset, field.leaf)
            }
            ExprKind::Index { base, index } => Place::Mem(self.element(base, index, expr.span)),
            ExprKind::Deref(pointer) => match self.bound(pointer) {
                Some(bound) => bound.place(),
                None => Place::Mem(self.pointee(pointer)),
            },
            ExprKind::Temp { local, init } => {
                if !self.flat(expr.ty) {
                    self.home_in_memory(*local);
                }
                self.init_local(*local, init);
                self.local_place(*local)
            }
            _ if self.flat(expr.ty) => Place::Leaves(self.value(expr)),
            _ => Place::Mem(self.in_memory(expr)),
        }
    }

    fn local_place(&mut self, id: LocalId) -> Place {
        match self.home(id) {
            Home::Vars(first) => Place::Vars(first),
            Home::Bound(bound) => Place::Leaves(super::expr::one(self.bound_address(bound))),
            home => Place::Mem(Addr::home(home)),
        }
    }

    /// Evaluates into fresh memory.
    pub(super) fn in_memory(&mut self, expr: &'a Expr) -> Addr {
        let temp = self.shared_temp(expr.ty);
        self.into(expr, temp);
        temp
    }

    /// Reads a place of flat type.
    pub(super) fn read(&mut self, place: Place, info: &TypeInfo) -> Leaves {
        match place {
            Place::Vars(first) => self.use_vars(first, info.len()),
            Place::Mem(addr) => self.load_leaves(addr, info),
            Place::Leaves(mut leaves) => {
                leaves.truncate(info.len());
                leaves
            }
        }
    }

    /// Writes a flat value to a place.
    pub(super) fn write(&mut self, place: &Place, info: &TypeInfo, leaves: &[ir::Value]) {
        match place {
            Place::Vars(first) => self.def_vars(*first, leaves),
            Place::Mem(addr) => self.store_leaves(*addr, info, leaves),
            Place::Leaves(_) => unreachable!("a computed value is not assigned to"),
        }
    }

    /// The memory of a place; a value without one is written to fresh memory.
    pub(super) fn place_memory(&mut self, place: Place, ty: Ty) -> Addr {
        match place {
            Place::Mem(addr) => addr,
            place => {
                let info = self.info(ty);
                let leaves = self.read(place, info);
                let temp = self.shared_temp(ty);
                self.store_leaves(temp, info, &leaves);
                temp
            }
        }
    }

    /// The address of a place or value, for a reference to it.
    pub(super) fn borrow(&mut self, expr: &'a Expr) -> ir::Value {
        if self.info(expr.ty).size == 0 {
            return self.borrow_nothing(expr);
        }
        if let ExprKind::Temp { local, .. } = &expr.kind {
            self.home_in_memory(*local);
        }
        let place = self.place(expr);
        let addr = self.place_memory(place, expr.ty);
        self.address(addr)
    }

    /// Where a reference points that a checked function makes; `None` if an expression is something else.
    pub(super) fn borrowed_place(&mut self, expr: &'a Expr) -> Option<Addr> {
        let ExprKind::Borrow(place) = &expr.kind else { return None };
        let plain =
            matches!(place.kind, ExprKind::Index { .. } | ExprKind::Field { .. } | ExprKind::Deref(_));
        if !self.is_checked() || !plain || self.is_raw_borrow(expr) || self.info(place.ty).size == 0 {
            return None;
        }
        let place_value = self.place(place);
        Some(self.place_memory(place_value, place.ty))
    }

    /// A reference to a value without bytes: the address only has to be aligned and not null, except that a
    /// dereferenced pointer stays what it is.
    fn borrow_nothing(&mut self, expr: &'a Expr) -> ir::Value {
        match self.place(expr) {
            Place::Mem(addr) => self.address(addr),
            _ => {
                let align = self.info(expr.ty).align.max(1);
                self.int(self.ptr, align as i64)
            }
        }
    }

    /// Where a pointer or reference points. Constant offsets stay in the address.
    pub(super) fn pointee(&mut self, pointer: &'a Expr) -> Addr {
        let kind = match self.types.kind(pointer.ty) {
            TyKind::Ref { .. } => Kind::Reference,
            TyKind::Int(_) => Kind::Integer,
            _ => Kind::Raw,
        };
        match &pointer.kind {
            ExprKind::Borrow(place) if self.info(place.ty).size > 0 => {
                let place_value = self.place(place);
                let addr = self.place_memory(place_value, place.ty);
                // The pointer has left the checker's sight, but not the place it was just made from.
                if kind == Kind::Reference { addr } else { addr.with_kind(Kind::Raw) }
            }
            ExprKind::PtrOffset { base, offset, scale, negative } => {
                let (address, bytes) = self.offset_address(base, offset, *scale, *negative);
                match address {
                    None => self.pointee(base).with_kind(kind).plus(bytes),
                    Some(Sum { address, root }) => Addr::derived(address, kind, root).plus(bytes),
                }
            }
            _ => {
                let var = self.pointer_variable(pointer);
                let value = self.scalar(pointer);
                let (whole, align) = match self.types.kind(pointer.ty) {
                    TyKind::Ref { pointee, .. } => (self.info(*pointee).size, self.info(*pointee).align),
                    _ => (0, 1),
                };
                Addr::value(value, kind).of_variable(var).of_whole(whole, align)
            }
        }
    }

    /// The value of an integer expression that is plainly constant, extended by its sign to 64 bits.
    pub(super) fn const_int(&self, expr: &'a Expr) -> Option<i64> {
        match &expr.kind {
            ExprKind::Int(bits) => {
                let int = self.types.as_int(expr.ty)?;
                let shift = 64 - int.bits();
                let raised = *bits << shift;
                Some(if int.signed() { raised as i64 >> shift } else { (raised >> shift) as i64 })
            }
            ExprKind::Neg(inner) => {
                let value = self.const_int(inner)?.wrapping_neg();
                self.fits(expr.ty, value).then_some(value)
            }
            ExprKind::Cast { value, kind: crate::typed::CastKind::IntToInt } => {
                let value = self.const_int(value)?;
                self.fits(expr.ty, value).then_some(value)
            }
            _ => None,
        }
    }

    /// Whether an integer type holds a value, so that no wrapping has to be thought of.
    fn fits(&self, ty: Ty, value: i64) -> bool {
        self.types.as_int(ty).is_some_and(|int| int.holds(value.unsigned_abs(), value < 0))
    }

    /// The address of an element, after the check of its index.
    fn element(&mut self, base: &'a Expr, index_expr: &'a Expr, span: Span) -> Addr {
        match self.types.kind(base.ty) {
            TyKind::Array { .. } => {
                let place = self.place(base);
                let start = self.place_memory(place, base.ty);
                self.element_of(start, base, index_expr, span)
            }
            _ => {
                let var = self.pointer_variable(base);
                let parts = self.value(base);
                let start = Addr::value(parts[0], Kind::Reference).of_variable(var);
                self.element_from(start, Some(parts[1]), base, index_expr, span)
            }
        }
    }

    /// The address of an element of the array at `start`, after the check of its index.
    pub(super) fn element_of(&mut self, start: Addr, base: &'a Expr, index: &'a Expr, span: Span) -> Addr {
        self.element_from(start, None, base, index, span)
    }

    fn element_from(
        &mut self,
        start: Addr,
        len: Option<ir::Value>,
        base: &'a Expr,
        index_expr: &'a Expr,
        span: Span,
    ) -> Addr {
        let elem = self.elem(base.ty);
        let stride = self.info(elem).size;
        let constant_len = match self.types.kind(base.ty) {
            TyKind::Array { len, .. } => Some(*len),
            _ => None,
        };
        if let (Some(index), Some(len)) = (self.const_int(index_expr), constant_len)
            && (0..len as i64).contains(&index)
        {
            return start.plus(index * stride as i64);
        }
        let signed = self.is_signed(index_expr.ty);
        let index = self.integer_64(index_expr);
        if self.is_inside(base, index_expr) {
            let offset = self.scaled(index, stride);
            return self.in_element(start, offset, stride);
        }
        let len = match (len, constant_len) {
            (Some(len), _) => len,
            (None, len) => self.int(types::I64, len.unwrap_or(0) as i64),
        };
        self.at(span);
        self.check_index(index, len, signed);
        let offset = self.scaled(index, stride);
        self.in_element(start, offset, stride)
    }

    /// `offset` bytes from the start of an array or slice on, a multiple of `stride`.
    fn in_element(&mut self, start: Addr, offset: ir::Value, stride: u64) -> Addr {
        let before = start.root().map_or(0, |root| root.step);
        self.offset_by(start, offset).in_steps_of(stride, before)
    }

    /// Panics unless `index < len`; both are 64 bits.
    fn check_index(&mut self, index: ir::Value, len: ir::Value, signed: bool) {
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, index, len);
        let panic = if signed { Rt::PanicIndex } else { Rt::PanicIndexUnsigned };
        self.check(inside, |lower| {
            lower.rt(panic, &[index, len]);
        });
    }

    /// Goes on when `condition` holds; otherwise runs `fail`, which does not come back, out of the way.
    pub(super) fn check(&mut self, condition: ir::Value, fail: impl FnOnce(&mut Self)) {
        let (good, bad) = (self.b.create_block(), self.cold_block());
        self.b.ins().brif(condition, good, &[], bad, &[]);
        let point = self.point();
        self.enter(bad);
        fail(self);
        self.end_unreachable();
        self.enter(good);
        self.resume(&point);
    }

    /// Ends a block that is never reached, if it has begun.
    pub(super) fn end_unreachable(&mut self) {
        let begun = self.b.current_block().is_some_and(|block| self.b.func.layout.is_block_inserted(block));
        if self.b.is_unreachable() && !begun {
            return;
        }
        self.b.ins().trap(super::traps::Trap::Returned.code());
    }

    /// `value * scale`, in 64 bits.
    pub(super) fn scaled(&mut self, value: ir::Value, scale: u64) -> ir::Value {
        match scale {
            1 => value,
            _ if scale.is_power_of_two() => self.b.ins().ishl_imm_u(value, i64::from(scale.trailing_zeros())),
            _ => self.b.ins().imul_imm_s(value, scale as i64),
        }
    }

    /// An integer expression of any type, extended to 64 bits by its sign.
    pub(super) fn integer_64(&mut self, expr: &'a Expr) -> ir::Value {
        if let Some(constant) = self.const_int(expr) {
            return self.int(types::I64, constant);
        }
        let value = self.scalar(expr);
        let signed = self.types.as_int(expr.ty).is_some_and(|int| int.signed());
        self.extend_64(value, signed)
    }

    /// Extends an integer to 64 bits.
    pub(super) fn extend_64(&mut self, value: ir::Value, signed: bool) -> ir::Value {
        match (self.b.func.dfg.value_type(value), signed) {
            (types::I64, _) => value,
            (_, true) => self.b.ins().sextend(types::I64, value),
            (_, false) => self.b.ins().uextend(types::I64, value),
        }
    }

    /// The drop flag of the variable that a place is, if it has one: set or cleared when its value comes or goes.
    pub(super) fn set_flag(&mut self, place: &'a Expr, set: bool) {
        match &place.kind {
            ExprKind::Local(id) | ExprKind::Temp { local: id, .. } => self.set_local_flag(*id, set),
            ExprKind::Global(id) => {
                if let Some(flag) = self.global_flag(*id) {
                    let value = self.int(types::I8, i64::from(set));
                    self.store(value, flag);
                }
            }
            _ => {}
        }
    }

    /// The drop flag of a local, when it has one.
    pub(super) fn set_local_flag(&mut self, id: LocalId, set: bool) {
        if let Some(flag) = self.flags[id.0 as usize] {
            let value = self.int(types::I8, i64::from(set));
            self.b.def_var(flag, value);
        }
    }

    /// Gives a local a drop flag, with this value.
    pub(super) fn make_flag(&mut self, id: LocalId, set: bool) -> Variable {
        let flag = match self.flags[id.0 as usize] {
            Some(flag) => flag,
            None => {
                let flag = self.b.declare_var(types::I8);
                self.flags[id.0 as usize] = Some(flag);
                flag
            }
        };
        let value = self.int(types::I8, i64::from(set));
        self.b.def_var(flag, value);
        flag
    }
}
