//! Tags.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, Opcode, ValueDef, types};
use vex_runtime::checked::map;

use crate::lower::addr::Addr;
use crate::lower::expr::one;
use crate::lower::func::{Leaves, Lower};
use crate::lower::ops::int_condition;
use crate::lower::place::Place;
use crate::lower::rt::Rt;
use crate::typed::{BinaryOp, Expr, ExprKind};
use crate::types::{Ty, TyKind};

/// Bits above an address.
const ABOVE: i64 = 64 - map::ADDRESS_BITS as i64;

/// A place, and the part of its variable or block that a pointer made from it may reach.
struct Bounded {
    addr: Addr,
    /// Start and size; `None`: all that the pointer reaches it was found through.
    bounds: Option<(Addr, u64)>,
}

impl<'a> Lower<'a> {
    /// A pointer without its tag. Addresses that are none of the program's stay as they are.
    pub(in crate::lower) fn stripped(&mut self, pointer: ir::Value) -> ir::Value {
        if self.has_no_tag(pointer) {
            return pointer;
        }
        let tag = self.b.ins().sshr_imm_u(pointer, i64::from(map::ADDRESS_BITS));
        let own = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, tag, map::FIRST_TAG as i64);
        let address = self.b.ins().band_imm_s(pointer, map::ADDRESS_MASK as i64);
        self.b.ins().select(own, pointer, address)
    }

    /// Whether a value is plainly an address without a tag.
    pub(super) fn has_no_tag(&self, value: ir::Value) -> bool {
        let ValueDef::Result(inst, _) = self.b.func.dfg.value_def(value) else { return false };
        matches!(
            self.b.func.dfg.insts[inst].opcode(),
            Opcode::StackAddr | Opcode::SymbolValue | Opcode::Iconst | Opcode::FuncAddr
        )
    }

    /// Whether a type's values are pointers that may have tags.
    pub(in crate::lower) fn may_be_tagged(&self, ty: Ty) -> bool {
        matches!(self.types.kind(ty), TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Ref { .. })
    }

    /// Compares two pointers by their addresses.
    pub(in crate::lower) fn compare_pointers(
        &mut self,
        op: BinaryOp,
        a: ir::Value,
        b: ir::Value,
    ) -> ir::Value {
        let condition = int_condition(op, false);
        if self.is_zero(a) || self.is_zero(b) {
            return self.b.ins().icmp(condition, a, b);
        }
        let (a, b) = (self.b.ins().ishl_imm_u(a, ABOVE), self.b.ins().ishl_imm_u(b, ABOVE));
        self.b.ins().icmp(condition, a, b)
    }

    fn is_zero(&self, value: ir::Value) -> bool {
        let ValueDef::Result(inst, _) = self.b.func.dfg.value_def(value) else { return false };
        matches!(
            self.b.func.dfg.insts[inst],
            ir::InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } if imm.bits() == 0
        )
    }

    /// How many bytes two addresses are apart.
    pub(in crate::lower) fn bytes_between(&mut self, a: ir::Value, b: ir::Value) -> ir::Value {
        let difference = self.b.ins().isub(a, b);
        if !self.is_checked() {
            return difference;
        }
        let high = self.b.ins().ishl_imm_u(difference, ABOVE);
        self.b.ins().sshr_imm_u(high, ABOVE)
    }

    /// A conversion that leaves all bits alone where nothing is checked.
    pub(in crate::lower) fn cast_bits(&mut self, value: &'a Expr, to: Ty) -> Leaves {
        let from = value.ty;
        let (source, target) = (self.types.kind(from).clone(), self.types.kind(to).clone());
        match (source, target) {
            (
                TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Ref { .. },
                TyKind::Int(_) | TyKind::Fn { .. },
            ) => {
                let pointer = self.scalar(value);
                one(self.stripped(pointer))
            }
            (TyKind::Int(_), TyKind::Ptr | TyKind::RawPtr { .. }) => {
                let integer = self.scalar(value);
                one(self.adopted(integer))
            }
            (TyKind::Ref { pointee, .. }, TyKind::Ptr | TyKind::RawPtr { .. }) => {
                one(self.narrowed(value, pointee, to))
            }
            _ => self.value(value),
        }
    }

    /// The pointer that an integer becomes.
    pub(in crate::lower) fn adopted(&mut self, integer: ir::Value) -> ir::Value {
        if self.has_no_tag(integer) && !self.is_zero(integer) || self.is_zero(integer) {
            return integer;
        }
        self.rt(Rt::CheckedAdopt, &[integer])[0]
    }

    /// The raw pointer that a reference to a value of type `pointee` becomes: it reaches that value, or the array that the
    /// value is an element of.
    fn narrowed(&mut self, reference: &'a Expr, pointee: Ty, to: Ty) -> ir::Value {
        match &reference.kind {
            ExprKind::Borrow(place) if self.info(place.ty).size > 0 => self.narrowed_place(place, to),
            _ => {
                let pointer = self.scalar(reference);
                let size = self.info(pointee).size;
                self.narrow(pointer, size)
            }
        }
    }

    /// The raw pointer of type `to` that `&place` is.
    pub(in crate::lower) fn narrowed_place(&mut self, place: &'a Expr, to: Ty) -> ir::Value {
        let Bounded { addr, bounds } = self.bounded(place, to);
        let at = self.address(addr);
        let Some((part, size)) = bounds else { return at };
        let start = self.address(part);
        let narrow = match self.variable_around(place).filter(|&(_, whole)| whole > size) {
            // A part of a variable: it is known as one of that.
            Some((variable, whole)) => {
                let variable = self.address(variable);
                let offset = self.b.ins().isub(start, variable);
                let variable = self.narrow(variable, whole);
                let part = self.b.ins().iadd(variable, offset);
                self.narrow(part, size)
            }
            None => self.narrow(start, size),
        };
        let offset = self.b.ins().isub(at, start);
        self.b.ins().iadd(narrow, offset)
    }

    /// The variable in memory that a place is a part of, and its size.
    fn variable_around(&mut self, place: &'a Expr) -> Option<(Addr, u64)> {
        match &place.kind {
            ExprKind::Local(_) | ExprKind::Global(_) => {
                let variable = match self.place(place) {
                    Place::Mem(addr) if !self.is_guarded(&addr) => addr,
                    _ => return None,
                };
                Some((variable, self.info(place.ty).size))
            }
            ExprKind::Field { base, .. } => self.variable_around(base),
            ExprKind::Index { base, .. } if matches!(self.types.kind(base.ty), TyKind::Array { .. }) => {
                self.variable_around(base)
            }
            _ => None,
        }
    }

    /// Whether a pointer is to the elements of an array of type `of`.
    fn is_to_element(&self, of: Ty, to: Ty) -> bool {
        match (self.types.kind(of), self.types.kind(to)) {
            (TyKind::Array { elem, .. }, TyKind::RawPtr { pointee, .. }) => elem == pointee,
            _ => false,
        }
    }

    /// Whether `&place` is a raw pointer to something.
    pub(in crate::lower) fn is_raw_borrow(&self, borrow: &Expr) -> bool {
        let ExprKind::Borrow(place) = &borrow.kind else { return false };
        !matches!(self.types.kind(borrow.ty), TyKind::Ref { .. }) && self.info(place.ty).size > 0
    }

    fn narrow(&mut self, pointer: ir::Value, size: u64) -> ir::Value {
        if size == 0 {
            return pointer;
        }
        let size = self.int(types::I64, size as i64);
        self.rt(Rt::CheckedNarrow, &[pointer, size])[0]
    }

    /// A place with the bounds of a raw pointer to it.
    fn bounded(&mut self, place: &'a Expr, to: Ty) -> Bounded {
        match &place.kind {
            ExprKind::Field { base, index } if !self.info(base.ty).fields.is_empty() => {
                let inner = self.place(base);
                let inner = self.place_memory(inner, base.ty);
                let field = self.info(base.ty).fields[*index as usize];
                let addr = inner.plus(field.offset as i64);
                Bounded { addr, bounds: Some((addr, self.info(field.ty).size)) }
            }
            ExprKind::Index { base, index }
                if matches!(self.types.kind(base.ty), TyKind::Array { .. })
                    && !self.is_to_element(place.ty, to) =>
            {
                let array = self.place(base);
                let start = self.place_memory(array, base.ty);
                let addr = self.element_of(start, base, index, place.span);
                Bounded { addr, bounds: Some((start, self.info(base.ty).size)) }
            }
            ExprKind::Deref(pointer) if !matches!(self.types.kind(pointer.ty), TyKind::Ref { .. }) => {
                let inner = self.place(place);
                Bounded { addr: self.place_memory(inner, place.ty), bounds: None }
            }
            ExprKind::Index { base, .. } if matches!(self.types.kind(base.ty), TyKind::Slice { .. }) => {
                let inner = self.place(place);
                Bounded { addr: self.place_memory(inner, place.ty), bounds: None }
            }
            _ => {
                if let ExprKind::Temp { local, .. } = &place.kind {
                    self.home_in_memory(*local);
                }
                let inner = self.place(place);
                let addr = self.place_memory(inner, place.ty);
                Bounded { addr, bounds: Some((addr, self.info(place.ty).size)) }
            }
        }
    }
}
