//! Variables that are borrowed and live in SSA variables all the same, because every reference to them is tame (see
//! [`super::plan`]). Code that was put in place of a call works on the variable itself; for any other call that gets a
//! reference, the variable is in memory while the call lasts.

use cranelift_codegen::ir::{self, StackSlot};

use super::addr::{Addr, Kind};
use super::func::{Home, Leaves, Lower};
use super::place::Place;
use crate::typed::{Expr, ExprKind};
use crate::types::{Ty, TyKind};

/// What a reference refers to that is not an address.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// SSA variables from this one on.
    Vars(u32),
    /// This memory.
    Memory(Addr),
}

impl Bound {
    /// What it refers to.
    pub(super) fn place(self) -> Place {
        match self {
            Bound::Vars(first) => Place::Vars(first),
            Bound::Memory(addr) => Place::Mem(addr),
        }
    }
}

/// A variable that lives in SSA variables except during some calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// The first of them.
    first: u32,
    ty: Ty,
    /// Where it is during such calls, once there was one.
    slot: Option<StackSlot>,
}

/// A reference to a part of such a variable, for a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptPart {
    /// The variable's index in [`Lower::kept`].
    pub variable: usize,
    /// Offset of the part in bytes.
    offset: u32,
}

impl<'a> Lower<'a> {
    /// New SSA variables for such a variable; the first one's number.
    pub(super) fn kept_variables(&mut self, ty: Ty) -> u32 {
        let first = self.variables(self.info(ty));
        // Their numbers only grow, so the list is sorted by them.
        self.kept.push(Kept { first, ty, slot: None });
        first
    }

    /// Which variable, and which part of it, begins at an SSA variable.
    fn kept_part(&self, var: u32) -> Option<KeptPart> {
        let variable = self.kept.partition_point(|kept| kept.first <= var).checked_sub(1)?;
        let kept = self.kept[variable];
        let leaf = self.info(kept.ty).leaves.get((var - kept.first) as usize)?;
        Some(KeptPart { variable, offset: leaf.offset })
    }

    /// Whether a place may be a part of such a variable. Evaluates nothing.
    fn is_kept(&self, place: &Expr) -> bool {
        match &place.kind {
            ExprKind::Local(id) | ExprKind::Temp { local: id, .. } => self.summary.kept.contains(id),
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => self.is_kept(base),
            ExprKind::Deref(pointer) => match &pointer.kind {
                ExprKind::Local(_) => self.bound(pointer).is_some(),
                ExprKind::Borrow(inner) => self.is_kept(inner),
                _ => false,
            },
            _ => false,
        }
    }

    /// What a reference is bound to.
    pub(super) fn bound(&self, pointer: &Expr) -> Option<Bound> {
        let ExprKind::Local(id) = pointer.kind else { return None };
        match self.homes[id.0 as usize] {
            Some(Home::Bound(bound)) => Some(bound),
            _ => None,
        }
    }

    /// The address that such a reference stands for.
    pub(super) fn bound_address(&mut self, bound: Bound) -> ir::Value {
        match bound {
            Bound::Memory(addr) => self.address(addr),
            Bound::Vars(_) => unreachable!("a reference that is bound to SSA variables is tame"),
        }
    }

    /// What a reference refers to, when it is an argument for a tame parameter of code in place of a call.
    pub(super) fn bind_reference(&mut self, arg: &'a Expr) -> Option<Bound> {
        match &arg.kind {
            ExprKind::Local(_) => self.bound(arg),
            ExprKind::Borrow(place) => Some(match self.place(place) {
                Place::Vars(first) => Bound::Vars(first),
                Place::Mem(addr) => Bound::Memory(addr),
                value => {
                    let info = self.info(place.ty);
                    let leaves = self.read(value, info);
                    let first = self.kept_variables(place.ty);
                    self.def_vars(first, &leaves);
                    Bound::Vars(first)
                }
            }),
            _ => None,
        }
    }

    /// A reference for a call that stays one: the part of a kept variable that it is to, or an address. `None` when it
    /// is neither made of a kept variable nor bound to anything; nothing is evaluated then.
    pub(super) fn kept_reference(&mut self, arg: &'a Expr) -> Option<Result<KeptPart, ir::Value>> {
        if !matches!(self.types.kind(arg.ty), TyKind::Ref { .. }) {
            return None;
        }
        let place = match &arg.kind {
            ExprKind::Local(_) => self.bound(arg)?.place(),
            ExprKind::Borrow(place) if self.info(place.ty).size > 0 && self.is_kept(place) => {
                self.place(place)
            }
            _ => return None,
        };
        let TyKind::Ref { pointee, .. } = *self.types.kind(arg.ty) else { unreachable!("just looked") };
        Some(match place {
            Place::Vars(first) if let Some(part) = self.kept_part(first) => Ok(part),
            place => {
                let memory = self.place_memory(place, pointee);
                Err(self.address(memory))
            }
        })
    }

    /// The address of a part of a kept variable, for a call.
    pub(super) fn kept_address(&mut self, part: KeptPart) -> ir::Value {
        let memory = self.kept_memory(part.variable);
        self.address(memory.plus(part.offset.into()))
    }

    fn kept_memory(&mut self, variable: usize) -> Addr {
        let Kept { ty, slot, .. } = self.kept[variable];
        let info = self.info(ty);
        let slot = slot.unwrap_or_else(|| self.slot(info.size, info.align));
        self.kept[variable].slot = Some(slot);
        Addr::slot(slot, Kind::Private)
    }

    /// Puts a kept variable into its memory, before a call.
    pub(super) fn spill_kept(&mut self, variable: usize) {
        let Kept { first, ty, .. } = self.kept[variable];
        let info = self.info(ty);
        let memory = self.kept_memory(variable);
        let leaves = self.use_vars(first, info.len());
        self.store_leaves(memory, info, &leaves);
    }

    /// Takes it out of there again, after the call.
    pub(super) fn reload_kept(&mut self, variable: usize) {
        let Kept { first, ty, .. } = self.kept[variable];
        let info = self.info(ty);
        let memory = self.kept_memory(variable);
        let leaves: Leaves = self.load_leaves(memory, info);
        self.def_vars(first, &leaves);
    }
}
