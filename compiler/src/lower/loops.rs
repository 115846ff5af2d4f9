//! Loops.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder};
use cranelift_frontend::Variable;
use rustc_hash::FxHashSet;

use super::addr::{Addr, Kind};
use super::facts;
use super::func::{Leaves, Lower};
use crate::typed::{Expr, ExprKind, LocalId, LoopId};
use crate::types::Ty;

/// In loops nested deeper than this, counters live in memory: the register allocator takes quadratic time for values
/// that live across many loops.
const DEEP: usize = 24;

/// A loop around the current position.
#[derive(Clone, Debug)]
pub(super) struct LoopFrame {
    id: LoopId,
    /// Where `break` goes; its parameters are the leaves of the loop's value.
    end: Block,
    /// Where `continue` goes.
    next: Block,
    /// Whether anything goes there.
    continued: bool,
    /// How many scopes are around the loop.
    scopes: usize,
    /// The type of the loop's value.
    ty: Ty,
    /// Where the loop's value goes, unless it is flat.
    dest: Option<Addr>,
    /// The locals that change in it, if it is an innermost loop.
    pub varying: Option<FxHashSet<LocalId>>,
}

/// Where a value is kept that every round needs.
#[derive(Clone, Copy)]
enum Counter {
    Fixed(ir::Value),
    Var(Variable),
    Memory(Addr, ir::Type),
}

impl<'a> Lower<'a> {
    fn frame(&mut self, id: LoopId) -> &mut LoopFrame {
        self.loops.iter_mut().rev().find(|frame| frame.id == id).expect("a loop is left only from inside")
    }

    fn push_loop(&mut self, id: LoopId, [end, next]: [Block; 2], varying: Option<FxHashSet<LocalId>>) {
        let scopes = self.scopes.len();
        let frame = LoopFrame { id, end, next, continued: false, scopes, ty: Ty::UNIT, dest: None, varying };
        self.loops.push(frame);
    }

    /// Ends a loop's body and goes on where `continue` goes.
    fn pop_loop(&mut self) {
        let frame = self.loops.pop().expect("the loop was pushed");
        if frame.continued {
            self.jump(frame.next, &[]);
            self.enter(frame.next);
        }
    }

    /// `continue`
    pub(super) fn continue_loop(&mut self, target: LoopId) {
        let frame = self.frame(target);
        frame.continued = true;
        let (scopes, next) = (frame.scopes, frame.next);
        self.drop_scopes(scopes);
        self.jump(next, &[]);
        self.unreachable();
    }

    /// The condition stands before the loop and again at its end, so that each round has one branch.
    pub(super) fn while_loop(&mut self, id: LoopId, cond: &'a Expr, body: &'a Expr) {
        let (start, next, end) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let varying = facts::varying(&[cond, body], None);
        let point = self.before_loop(&[cond, body]);
        if is_small(cond, &mut 12) {
            self.condition(cond, start, end);
            self.b.switch_to_block(start);
            self.resume(&point);
            self.push_loop(id, [end, next], varying);
            self.poll();
            self.effect(body);
            self.pop_loop();
            self.condition(cond, start, end);
            self.b.seal_block(start);
        } else {
            self.jump(next, &[]);
            self.b.switch_to_block(next);
            self.resume(&point);
            self.condition(cond, start, end);
            self.enter(start);
            self.resume(&point);
            self.push_loop(id, [end, next], varying);
            self.poll();
            self.effect(body);
            self.loops.pop();
            self.jump(next, &[]);
            self.b.seal_block(next);
        }
        self.enter(end);
        self.resume(&point);
    }

    /// `loop`
    pub(super) fn endless_loop(&mut self, ty: Ty, id: LoopId, body: &'a Expr, dest: Option<Addr>) -> Leaves {
        let start = self.b.create_block();
        let end = if dest.is_some() { self.b.create_block() } else { self.block_for(ty) };
        let point = self.before_loop(&[body]);
        self.jump(start, &[]);
        self.b.switch_to_block(start);
        self.resume(&point);
        self.push_loop(id, [end, start], facts::varying(&[body], None));
        if let Some(frame) = self.loops.last_mut() {
            (frame.ty, frame.dest) = (ty, dest);
        }
        self.poll();
        self.effect(body);
        self.loops.pop();
        self.jump(start, &[]);
        self.b.seal_block(start);
        self.enter(end);
        self.resume(&point);
        self.params(end)
    }

    /// `break`
    pub(super) fn break_loop(&mut self, target: LoopId, value: Option<&'a Expr>) {
        let LoopFrame { end, scopes, ty, dest, .. } = *self.frame(target);
        let leaves = match value {
            Some(value) => self.arm(value, ty, dest),
            None => Leaves::new(),
        };
        self.drop_scopes(scopes);
        self.jump(end, &leaves);
        self.unreachable();
    }

    /// `for local in lo..hi`
    pub(super) fn for_range(
        &mut self,
        id: LoopId,
        local: LocalId,
        range: [&'a Expr; 2],
        inclusive: bool,
        body: &'a Expr,
    ) {
        let (lo, hi) = (self.scalar(range[0]), self.scalar(range[1]));
        let below = range_condition(inclusive, self.is_signed(range[0].ty));
        let point = self.before_loop(&[body]);
        let any = self.b.ins().icmp(below, lo, hi);
        let counter = self.counter(lo);
        let limit =
            if self.outer_loops + self.loops.len() < DEEP { Counter::Fixed(hi) } else { self.counter(hi) };
        let (start, next, end) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.ins().brif(any, start, &[], end, &[]);

        self.b.switch_to_block(start);
        self.resume(&point);
        let value = self.count(counter);
        self.store_local(local, &[value]);
        self.learn_range(local, range, inclusive);
        self.push_loop(id, [end, next], facts::varying(&[body], Some(local)));
        self.poll();
        self.effect(body);
        self.pop_loop();

        if self.b.is_unreachable() {
            self.end_unreachable();
        } else {
            let (value, limit) = (self.count(counter), self.count(limit));
            let first = self.b.ins().iadd_imm_s(value, 1);
            // The last value may be the type's last one: compare before counting.
            let compared = if inclusive { value } else { first };
            self.set_counter(counter, first);
            let more = if inclusive { IntCC::NotEqual } else { below };
            let more = self.b.ins().icmp(more, compared, limit);
            self.b.ins().brif(more, start, &[], end, &[]);
        }
        self.b.seal_block(start);
        self.enter(end);
        self.resume(&point);
    }

    fn counter(&mut self, first: ir::Value) -> Counter {
        let ty = self.b.func.dfg.value_type(first);
        let counter = if self.outer_loops + self.loops.len() < DEEP {
            Counter::Var(self.b.declare_var(ty))
        } else {
            let size = u64::from(ty.bytes());
            Counter::Memory(Addr::slot(self.slot(size, size), Kind::Private), ty)
        };
        self.set_counter(counter, first);
        counter
    }

    fn count(&mut self, counter: Counter) -> ir::Value {
        match counter {
            Counter::Fixed(value) => value,
            Counter::Var(var) => self.b.use_var(var),
            Counter::Memory(addr, ty) => self.load(ty, addr),
        }
    }

    fn set_counter(&mut self, counter: Counter, value: ir::Value) {
        match counter {
            Counter::Fixed(_) => unreachable!("it does not change"),
            Counter::Var(var) => self.b.def_var(var, value),
            Counter::Memory(addr, _) => self.store(value, addr),
        }
    }

    /// Runs `body` for each index of `from..to`, which is not empty, without a variable of the program.
    pub(super) fn each_index(&mut self, from: u64, to: u64, body: impl FnOnce(&mut Self, ir::Value)) {
        let (start, end) = (self.b.create_block(), self.b.create_block());
        let first = self.int(self.ptr, from as i64);
        let ptr = self.ptr;
        let index = self.b.append_block_param(start, ptr);
        self.jump(start, &[first]);
        self.b.switch_to_block(start);
        body(self, index);
        let next = self.b.ins().iadd_imm_s(index, 1);
        let limit = self.int(self.ptr, to as i64);
        let more = self.b.ins().icmp(IntCC::UnsignedLessThan, next, limit);
        self.b.ins().brif(more, start, &[next.into()], end, &[]);
        self.b.seal_block(start);
        self.enter(end);
    }
}

/// The condition under which a range has a first value.
fn range_condition(inclusive: bool, signed: bool) -> IntCC {
    match (inclusive, signed) {
        (false, true) => IntCC::SignedLessThan,
        (false, false) => IntCC::UnsignedLessThan,
        (true, true) => IntCC::SignedLessThanOrEqual,
        (true, false) => IntCC::UnsignedLessThanOrEqual,
    }
}

/// Whether an expression is plain and has at most `budget` parts, so that it may stand in the code twice.
fn is_small(expr: &Expr, budget: &mut u32) -> bool {
    use ExprKind::*;
    let plain = matches!(
        expr.kind,
        Int(_)
            | Float(_)
            | Bool(_)
            | Null
            | Local(_)
            | Global(_)
            | Field { .. }
            | Deref(_)
            | Index { .. }
            | Neg(_)
            | Not(_)
            | BitNot(_)
            | Binary { .. }
            | Logic { .. }
            | PtrOffset { .. }
            | Cast { .. }
            | Len(_)
            | DataPtr(_)
    );
    if !plain || *budget == 0 {
        return false;
    }
    *budget -= 1;
    let mut small = true;
    crate::typed::walk::children(expr, &mut |child| small = small && is_small(child, budget));
    small
}
