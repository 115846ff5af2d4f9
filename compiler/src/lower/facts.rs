//! Facts about values that are seen in the source: ranges of integers, which make bounds checks unnecessary, and
//! what stays the same throughout a loop, which makes addresses cheap.

use rustc_hash::FxHashSet;

use super::func::Lower;
use crate::typed::walk;
use crate::typed::{BinaryOp, CastKind, Expr, ExprKind, LocalId, Pattern, StmtKind};
use crate::types::{IntTy, Ty, TyKind};

/// What is known of an integer variable that is never assigned to. A least value of `i64::MIN` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// Least value.
    pub min: i64,
    /// Greatest value.
    pub max: i64,
    /// The `str` or slice, never assigned to either, whose length it is below.
    pub below_len: Option<LocalId>,
}

impl<'a> Lower<'a> {
    /// Whether a local keeps the value it was given first.
    fn is_constant(&self, id: LocalId) -> bool {
        !self.summary.assigned.contains(&id) && !self.is_borrowed(id)
    }

    /// Whether something may refer to a local.
    fn is_borrowed(&self, id: LocalId) -> bool {
        self.local(id).borrowed && !self.summary.unlent.contains(&id)
    }

    /// Notes what is known of a local that was just given this value.
    pub(super) fn learn(&mut self, id: LocalId, init: &Expr) {
        if self.types.as_int(init.ty).is_none() || !self.is_constant(id) {
            return;
        }
        self.facts[id.0 as usize] = self.range_of(init).map(|(min, max)| Fact { min, max, below_len: None });
    }

    /// Notes what is known of a parameter whose argument is in this range.
    pub(super) fn learn_given(&mut self, id: LocalId, range: Option<(i64, i64)>) {
        if self.is_constant(id) {
            self.facts[id.0 as usize] = range.map(|(min, max)| Fact { min, max, below_len: None });
        }
    }

    /// Notes what is known of the variable of `for local in lo..hi`.
    pub(super) fn learn_range(&mut self, id: LocalId, [lo, hi]: [&Expr; 2], inclusive: bool) {
        let Some(int) = self.types.as_int(lo.ty) else { return };
        if !self.is_constant(id) {
            return;
        }
        let (first, last) = (self.range_of(lo), self.range_of(hi));
        let below_len = match self.length_of(hi) {
            Some(of) if !inclusive && (!int.signed() || first.is_some_and(|(min, _)| min >= 0)) => Some(of),
            _ => None,
        };
        // Without a known end, values of `u64` and `usize` may lie outside of what a range can say.
        let unknown_end = last.is_none() && !int.signed();
        let min = first.map_or(if int.signed() { i64::MIN } else { 0 }, |(min, _)| min);
        let end = last.map_or(i64::MAX, |(_, max)| max);
        let max = if inclusive { end } else { end.saturating_sub(1) };
        let (min, max) = if unknown_end { (i64::MIN, i64::MAX) } else { (min, max) };
        self.facts[id.0 as usize] = Some(Fact { min, max, below_len });
    }

    /// The local whose length an expression is.
    fn length_of(&self, expr: &Expr) -> Option<LocalId> {
        match &expr.kind {
            ExprKind::Len(of) => match of.kind {
                ExprKind::Local(id) if self.is_constant(id) => Some(id),
                _ => None,
            },
            // A length is below 2^63, so 64 bits hold it with and without sign.
            ExprKind::Cast { value, kind: CastKind::IntToInt } => {
                self.types.as_int(expr.ty).filter(|int| int.bits() == 64)?;
                self.length_of(value)
            }
            _ => None,
        }
    }

    /// Whether `index` is known to be inside the array or slice `base`.
    pub(super) fn is_inside(&self, base: &Expr, index: &Expr) -> bool {
        if let TyKind::Array { len, .. } = self.types.kind(base.ty) {
            return self.range_of(index).is_some_and(|(min, max)| min >= 0 && (max as u64) < *len);
        }
        let (ExprKind::Local(of), ExprKind::Local(id)) = (&base.kind, &index.kind) else { return false };
        self.facts[id.0 as usize].is_some_and(|fact| fact.below_len == Some(*of))
    }

    /// Least and greatest value of an integer expression, as far as they are plain to see.
    pub(super) fn range_of(&self, expr: &Expr) -> Option<(i64, i64)> {
        let int = self.types.as_int(expr.ty)?;
        if let Some(value) = self.const_int(expr) {
            return (int.signed() || value >= 0).then_some((value, value));
        }
        let known = match &expr.kind {
            ExprKind::Local(id) => {
                self.facts[id.0 as usize].filter(|fact| fact.min > i64::MIN).map(|f| (f.min, f.max))
            }
            ExprKind::Cast { value, kind: CastKind::IntToInt } if value.ty != Ty::BOOL => {
                self.range_of(value).filter(|&range| holds(int, range))
            }
            ExprKind::Binary { op, left, right } => self.range_of_binary(*op, left, right, int),
            _ => None,
        };
        known.or(whole_range(int))
    }

    fn range_of_binary(&self, op: BinaryOp, left: &Expr, right: &Expr, int: IntTy) -> Option<(i64, i64)> {
        let (low, high) = self.range_of(right)?;
        let before = self.range_of(left);
        let range = match op {
            BinaryOp::Add => {
                let (min, max) = before?;
                (min.checked_add(low)?, max.checked_add(high)?)
            }
            BinaryOp::Sub => {
                let (min, max) = before?;
                (min.checked_sub(high)?, max.checked_sub(low)?)
            }
            BinaryOp::Mul => {
                let (min, max) = before.filter(|range| range.0 >= 0)?;
                if low < 0 {
                    return None;
                }
                (min.checked_mul(low)?, max.checked_mul(high)?)
            }
            // A remainder has the sign of the dividend and is smaller than the divisor.
            BinaryOp::Rem if low > 0 => {
                let negative = int.signed() && before.is_none_or(|range| range.0 < 0);
                (if negative { 1 - high } else { 0 }, high - 1)
            }
            BinaryOp::BitAnd if low >= 0 => (0, high),
            BinaryOp::Shr if low == high && (0..63).contains(&low) => {
                let (min, max) = before?;
                (min >> low, max >> low)
            }
            BinaryOp::Div if low > 0 => {
                let (min, max) = before.filter(|range| range.0 >= 0)?;
                (min / high, max / low)
            }
            _ => return None,
        };
        holds(int, range).then_some(range)
    }

    /// Whether an expression is cheap, has no effect and has the same value in every round of the innermost loop.
    pub(super) fn is_invariant(&self, expr: &Expr) -> bool {
        let Some(varying) = self.loops.last().and_then(|frame| frame.varying.as_ref()) else { return false };
        match &expr.kind {
            ExprKind::Int(_) => true,
            ExprKind::Local(id) => {
                !varying.contains(id) && !self.is_borrowed(*id) && self.flat(self.local_ty(*id))
            }
            ExprKind::Binary { op: BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul, left, right } => {
                self.is_invariant(left) && self.is_invariant(right)
            }
            ExprKind::Cast { value, kind: CastKind::IntToInt | CastKind::Bits } => self.is_invariant(value),
            _ => false,
        }
    }
}

/// The range of a type of which every value is an `i64`.
fn whole_range(int: IntTy) -> Option<(i64, i64)> {
    match (int.bits(), int.signed()) {
        (64, _) => None,
        (bits, true) => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
        (bits, false) => Some((0, (1 << bits) - 1)),
    }
}

/// Whether a type holds every value of a range, so that nothing wraps.
fn holds(int: IntTy, (min, max): (i64, i64)) -> bool {
    int.holds(min.unsigned_abs(), min < 0) && int.holds(max.unsigned_abs(), max < 0)
}

/// The locals that change within a loop, if there is no loop inside it.
pub(super) fn varying(parts: &[&Expr], counter: Option<LocalId>) -> Option<FxHashSet<LocalId>> {
    let mut found: FxHashSet<LocalId> = counter.into_iter().collect();
    parts.iter().all(|part| collect(part, &mut found)).then_some(found)
}

fn collect(expr: &Expr, found: &mut FxHashSet<LocalId>) -> bool {
    use ExprKind::*;
    match &expr.kind {
        While { .. } | Loop { .. } | ForRange { .. } => return false,
        Assign { place, .. } | Update { place, .. } => found.extend(root(place)),
        Temp { local, .. } => {
            found.insert(*local);
        }
        Block(block) => {
            for stmt in &block.stmts {
                if let StmtKind::Let { pattern, .. } = &stmt.kind {
                    bound(pattern, found);
                }
            }
        }
        Match { arms, .. } => {
            found.extend(arms.iter().flat_map(|arm| &arm.bindings).map(|(local, _)| *local));
        }
        Defer(defer) => found.extend(defer.captures.iter().map(|capture| capture.to)),
        _ => {}
    }
    let mut innermost = true;
    walk::children(expr, &mut |part| innermost = innermost && collect(part, found));
    innermost
}

fn bound(pattern: &Pattern, found: &mut FxHashSet<LocalId>) {
    match pattern {
        Pattern::Local(id) => {
            found.insert(*id);
        }
        Pattern::Wild => {}
        Pattern::Tuple(parts) => parts.iter().for_each(|part| bound(part, found)),
    }
}

/// The local that a place is or is a part of.
pub(super) fn root(place: &Expr) -> Option<LocalId> {
    match &place.kind {
        ExprKind::Local(id) | ExprKind::Temp { local: id, .. } => Some(*id),
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } | ExprKind::Index { base, .. } => {
            root(base)
        }
        _ => None,
    }
}
