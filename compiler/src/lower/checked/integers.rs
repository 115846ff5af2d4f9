//! Addresses that are integers. They have no tag, but most of them are a sum: what it starts from says which block was
//! meant, and blocks that lie side by side have shadow bytes of different colours.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use vex_runtime::checked::map;

use super::known::{Key, Known};
use crate::lower::addr::{Addr, Kind, Root};
use crate::lower::func::Lower;
use crate::lower::ops::Terms;
use crate::typed::{BinaryOp, CastKind, Expr, ExprKind};

/// The bits of a shadow byte that are the same in all of a block.
pub(super) const OF_BLOCK: u8 = map::POISON | map::COLOUR_MASK;

impl<'a> Lower<'a> {
    /// The address that an integer expression is.
    pub(in crate::lower) fn integer_address(&mut self, address: &'a Expr) -> Addr {
        let mut sum = Terms::default();
        self.terms(address, false, &mut sum);
        let mut values = Vec::with_capacity(sum.terms.len());
        let mut starts = Vec::new();
        for &(term, negative) in &sum.terms {
            // A pointer that became an integer only for the sum keeps its tag.
            if let ExprKind::Cast { value, kind: CastKind::Bits } = &term.kind
                && self.may_be_tagged(value.ty)
                && !negative
                && !starts.iter().any(|start| matches!(start, Start::Pointer(_)))
            {
                let var = self.pointer_variable(value);
                let pointer = self.scalar(value);
                starts.push(Start::Pointer(Root { var, ..Root::of(pointer) }));
                continue;
            }
            let value = self.integer_64(term);
            if !negative && may_start(term) {
                starts.push(Start::Integer(value, self.integer_variable(term)));
            }
            values.push((negative, value));
        }
        if let Some(pointer) = starts.iter().find_map(|start| match start {
            Start::Pointer(root) => Some(*root),
            Start::Integer(..) => None,
        }) {
            let late = self.summed(&values);
            let base = match late {
                Some(late) => self.b.ins().iadd(pointer.value, late),
                None => pointer.value,
            };
            return Addr::derived(base, Kind::Bytes, Root { late, ..pointer }).plus(sum.constant);
        }
        let base = match self.summed(&values) {
            Some(base) => base,
            None => self.int(self.ptr, 0),
        };
        let root = self.start_of(&starts).unwrap_or(Root::of(base));
        Addr::derived(base, Kind::Integer, root).plus(sum.constant)
    }

    fn summed(&mut self, values: &[(bool, ir::Value)]) -> Option<ir::Value> {
        let mut sum = None;
        for &(negative, value) in values {
            sum = Some(match (sum, negative) {
                (None, false) => value,
                (None, true) => self.b.ins().ineg(value),
                (Some(before), false) => self.b.ins().iadd(before, value),
                (Some(before), true) => self.b.ins().isub(before, value),
            });
        }
        sum
    }

    /// What a sum starts from: of several terms that could be an address, the greatest is.
    fn start_of(&mut self, starts: &[Start]) -> Option<Root> {
        let mut found: Option<Root> = None;
        for start in starts {
            let Start::Integer(value, var) = *start else { continue };
            found = Some(match found {
                None => Root { var, ..Root::of(value) },
                Some(before) => Root::of(self.b.ins().umax(before.value, value)),
            });
        }
        found
    }

    /// The SSA variable that has the value of an integer.
    pub(super) fn integer_variable(&self, expr: &Expr) -> Option<u32> {
        self.types.as_int(expr.ty).filter(|int| int.bits() == 64)?;
        self.place_variable(expr)
    }

    /// The shadow byte at the address that a sum starts from, as `inside`: a poisoned one when that is none.
    pub(super) fn known_start(&mut self, root: Root) -> Known {
        let key = match self.key_of(root) {
            Key::Var(var) => Key::IntegerVar(var),
            Key::Value(value) => Key::Integer(value),
            key => key,
        };
        if let Some(known) = self.find_known(key) {
            return known;
        }
        let size = self.arena_size();
        let offset = self.b.ins().iadd_imm_s(root.value, -(map::ARENA as i64));
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, offset, size);
        let first = self.int(types::I64, map::ARENA as i64);
        let at = self.b.ins().select(inside, root.value, first);
        let shadow = self.b.ins().iadd_imm_s(at, map::SHADOW_OFFSET as i64);
        let state = self.b.ins().uload8(types::I64, Self::shadow_flags(), shadow, 0);
        let known = Known { key, address: root.value, inside: state, size };
        self.remember(known);
        known
    }
}

/// A term that an address may start from.
enum Start {
    /// A pointer.
    Pointer(Root),
    /// An integer, and the variable that it is in.
    Integer(ir::Value, Option<u32>),
}

/// Whether a term of a sum may be an address: it is no product.
fn may_start(term: &Expr) -> bool {
    match &term.kind {
        ExprKind::Binary { op: BinaryOp::Mul | BinaryOp::Shl | BinaryOp::Rem | BinaryOp::Div, .. } => false,
        ExprKind::Cast { value, kind: CastKind::IntToInt } => may_start(value),
        _ => true,
    }
}
