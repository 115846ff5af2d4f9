//! Control flow: what splits, joins, repeats and leaves.

use super::flow::Flow;
use super::loan::{Loans, State, add_all, join};
use crate::typed::{Arm, Expr, ExprKind, LoopId, Test};
use vex_syntax::Span;

/// More rounds than these find nothing that matters.
const WALKS: u32 = 4;

/// The ways out of a loop.
#[derive(Default)]
pub(super) struct LoopFlow {
    exit: Option<State>,
    again: Option<State>,
    value: Loans,
}

impl<'c> Flow<'_, 'c, '_> {
    /// Control flow that splits and joins.
    pub(super) fn branch(&mut self, expr: &'c Expr) -> Loans {
        match &expr.kind {
            ExprKind::If { cond, then, els } => {
                self.expr(cond);
                let before = self.state.clone();
                let mut value = self.expr(then);
                let after = std::mem::replace(&mut self.state, before);
                if let Some(els) = els {
                    let other = self.expr(els);
                    add_all(&mut value, &other);
                }
                self.state = join(after, self.state.take());
                value
            }
            ExprKind::Logic { left, right, .. } => {
                self.expr(left);
                let before = self.state.clone();
                self.expr(right);
                self.state = join(before, self.state.take());
                Loans::new()
            }
            ExprKind::While { id, cond, body } => self.repeat(*id, &mut |flow| {
                flow.expr(cond);
                let after = flow.state.clone();
                flow.expr(body);
                after
            }),
            ExprKind::Loop { id, body } => self.repeat(*id, &mut |flow| {
                flow.expr(body);
                None
            }),
            ExprKind::ForRange { id, lo, hi, body, .. } => {
                self.expr(lo);
                self.expr(hi);
                self.repeat(*id, &mut |flow| {
                    let after = flow.state.clone();
                    flow.expr(body);
                    after
                })
            }
            _ => Loans::new(),
        }
    }

    /// Control flow that leaves.
    pub(super) fn jump(&mut self, expr: &'c Expr) {
        match &expr.kind {
            ExprKind::Break { target, value } => {
                let value = value.as_ref().map_or_else(Loans::new, |value| self.expr(value));
                let state = self.state.take();
                let entry = self.loops.entry(*target).or_default();
                entry.exit = join(entry.exit.take(), state);
                add_all(&mut entry.value, &value);
            }
            ExprKind::Continue(target) => {
                let state = self.state.take();
                let entry = self.loops.entry(*target).or_default();
                entry.again = join(entry.again.take(), state);
            }
            ExprKind::Return(value) => {
                if let Some(value) = value {
                    let loans = self.expr(value);
                    self.result(&loans, value.span);
                }
                self.state = None;
            }
            _ => {}
        }
    }

    /// A loop whose rounds are walked by `round`, which gives the state in which the loop may end by itself. Rounds
    /// are walked until they leave nothing new for the next; only what the last walk reports counts.
    fn repeat(&mut self, id: LoopId, round: &mut dyn FnMut(&mut Self) -> Option<State>) -> Loans {
        let Some(entry) = self.state.take() else { return Loans::new() };
        // What is known of the loop's head from an earlier walk over the loop around it holds there, too.
        let mut head = self.heads.remove(&id).unwrap_or_default();
        head.join(entry);
        let mut walks = 0;
        loop {
            let before = self.found.len();
            self.state = Some(head.clone());
            self.loops.insert(id, LoopFlow::default());
            let end = round(self);
            let left = self.loops.remove(&id).unwrap_or_default();
            let next = join(self.state.take(), left.again);
            let changed = next.is_some_and(|next| head.join(next));
            walks += 1;
            if !changed || walks == WALKS {
                self.heads.insert(id, head);
                self.state = join(end, left.exit);
                return left.value;
            }
            for d in self.found.drain(before..) {
                self.reported.remove(&d.span());
            }
        }
    }

    /// A `match`: each arm starts where the value was looked at.
    pub(super) fn arms(&mut self, value: &'c Expr, arms: &'c [Arm], span: Span) -> Loans {
        let place = self.place(value);
        if self.holds(value.ty) {
            let held = self.contents(&place.at);
            self.check_alive(&held, value);
        }
        let close = Span::new(span.hi.saturating_sub(1).max(span.lo), span.hi);
        let before = self.state.take();
        let mut after = None;
        let mut found = Loans::new();
        for arm in arms {
            self.state = before.clone();
            self.test(&arm.test);
            for (local, bound) in &arm.bindings {
                let value = self.expr(bound);
                self.hold(super::loan::Root::Local(*local), value);
            }
            if let Some(guard) = &arm.guard {
                self.expr(guard);
            }
            let mut value = self.expr(&arm.body);
            let bound = arm.bindings.iter().map(|(local, _)| *local);
            self.leave(bound, &mut value, close);
            add_all(&mut found, &value);
            after = join(after, self.state.take());
        }
        self.state = after;
        found
    }

    fn test(&mut self, test: &'c Test) {
        match test {
            Test::Any | Test::Variant { .. } | Test::Ints { .. } => {}
            Test::All(tests) | Test::One(tests) => tests.iter().for_each(|test| self.test(test)),
            Test::Cond(cond) => {
                self.expr(cond);
            }
        }
    }
}
