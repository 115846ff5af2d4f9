//! Control flow: branches, loops, blocks and their scopes.

use cranelift_codegen::ir::{self, Block, InstBuilder};

use rustc_hash::FxHashSet;

use super::addr::Addr;
use super::facts;
use super::func::{Leaves, Lower};
use crate::typed::{self, Expr, ExprKind, LocalId, LoopId, Pattern, StmtKind};
use crate::types::Ty;

/// What has to be dropped when a part of the program ends.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Locals that need dropping, in order of declaration.
    pub drops: Vec<LocalId>,
}

/// A loop around the current position.
#[derive(Clone, Debug)]
pub(super) struct LoopFrame {
    id: LoopId,
    /// Where `break` goes; its parameters are the leaves of the loop's value.
    end: Block,
    /// Where `continue` goes.
    next: Block,
    /// How many scopes are around the loop.
    scopes: usize,
    /// The type of the loop's value.
    ty: Ty,
    /// Where the loop's value goes, unless it is flat.
    dest: Option<Addr>,
    /// The locals that change in it, if it is an innermost loop.
    pub varying: Option<FxHashSet<LocalId>>,
}

impl<'a> Lower<'a> {
    /// Evaluates what is neither a place nor an operator. The value goes to `dest`, if its type needs memory.
    pub(super) fn control(&mut self, expr: &'a Expr, dest: Option<Addr>) -> Leaves {
        use ExprKind::*;
        match &expr.kind {
            If { cond, then, els } => return self.branch(expr.ty, cond, then, els.as_deref(), dest),
            Block(block) => return self.block(expr.ty, block, dest),
            Scope { temps, value } => return self.scoped(expr.ty, temps, value, dest),
            While { id, cond, body } => self.while_loop(*id, cond, body),
            Loop { id, body } => return self.endless_loop(expr.ty, *id, body, dest),
            ForRange { id, local, lo, hi, inclusive, body } => {
                self.for_range(*id, *local, [lo, hi], *inclusive, body);
            }
            Break { target, value } => self.break_loop(*target, value.as_deref()),
            Continue(target) => {
                let (scopes, next) = (self.frame(*target).scopes, self.frame(*target).next);
                self.drop_scopes(scopes);
                self.jump(next, &[]);
                self.unreachable();
            }
            Return(value) => self.return_value(value.as_deref()),
            Defer(defer) => self.defer(defer),
            Assign { place, value, drop_old } => self.assign(place, value, *drop_old),
            Update { op, place, value } => self.update(*op, place, value, expr.span),
            Print { stream, pieces } => self.print(*stream, pieces),
            Panic { pieces } => self.panic("", pieces, expr.span),
            Assert { cond, pieces } => self.assert(cond, pieces, expr.span),
            AssertEq { left, right, pieces } => self.assert_eq(left, right, pieces, expr.span),
            kind => unreachable!("{kind:?} is not control flow"),
        }
        self.zeros(expr.ty)
    }

    /// Evaluates a branch: its leaves, or into `dest`.
    pub(super) fn arm(&mut self, expr: &'a Expr, ty: Ty, dest: Option<Addr>) -> Leaves {
        match dest {
            Some(dest) if expr.ty == ty => {
                self.into(expr, dest);
                Leaves::new()
            }
            Some(_) => {
                self.effect(expr);
                Leaves::new()
            }
            None if ty == Ty::UNIT && expr.ty != Ty::UNIT => {
                self.effect(expr);
                Leaves::new()
            }
            None => self.value_or_zeros(expr, ty),
        }
    }

    fn branch(
        &mut self,
        ty: Ty,
        cond: &'a Expr,
        then: &'a Expr,
        els: Option<&'a Expr>,
        dest: Option<Addr>,
    ) -> Leaves {
        let merge = if dest.is_some() { self.b.create_block() } else { self.block_for(ty) };
        let on_true = self.b.create_block();
        let on_false = if els.is_some() { self.b.create_block() } else { merge };
        self.condition(cond, on_true, on_false);
        self.enter(on_true);
        let leaves = self.arm(then, ty, dest);
        self.jump(merge, &leaves);
        if let Some(els) = els {
            self.enter(on_false);
            let leaves = self.arm(els, ty, dest);
            self.jump(merge, &leaves);
        }
        self.enter(merge);
        self.params(merge)
    }

    /// Goes to one block or the other, evaluating only as much of a condition as needed.
    pub(super) fn condition(&mut self, cond: &'a Expr, on_true: Block, on_false: Block) {
        match &cond.kind {
            ExprKind::Logic { and, left, right } => {
                let rest = self.b.create_block();
                match and {
                    true => self.condition(left, rest, on_false),
                    false => self.condition(left, on_true, rest),
                }
                self.enter(rest);
                self.condition(right, on_true, on_false);
            }
            ExprKind::Not(inner) => self.condition(inner, on_false, on_true),
            ExprKind::Bool(value) => {
                self.b.ins().jump(if *value { on_true } else { on_false }, &[]);
            }
            _ => {
                let value = self.scalar(cond);
                self.b.ins().brif(value, on_true, &[], on_false, &[]);
            }
        }
    }

    /// `&&` or `||` as a value.
    pub(super) fn logic(&mut self, expr: &'a Expr) -> ir::Value {
        let ExprKind::Logic { and, left, right } = &expr.kind else { unreachable!("`&&` or `||`") };
        let merge = self.block_for(Ty::BOOL);
        let rest = self.b.create_block();
        let short = self.int(ir::types::I8, i64::from(!*and));
        let value = self.scalar(left);
        match and {
            true => self.b.ins().brif(value, rest, &[], merge, &[short.into()]),
            false => self.b.ins().brif(value, merge, &[short.into()], rest, &[]),
        };
        self.enter(rest);
        let value = self.scalar(right);
        self.jump(merge, &[value]);
        self.enter(merge);
        self.params(merge)[0]
    }

    fn block(&mut self, ty: Ty, block: &'a typed::Block, dest: Option<Addr>) -> Leaves {
        let depth = self.scopes.len();
        self.scopes.push(Scope::default());
        let leaves = self.statements(ty, block, dest);
        self.drop_scopes(depth);
        self.scopes.truncate(depth);
        leaves
    }

    /// The statements and value of a block, in the current scope.
    pub(super) fn statements(&mut self, ty: Ty, block: &'a typed::Block, dest: Option<Addr>) -> Leaves {
        for stmt in &block.stmts {
            self.statement(&stmt.kind);
            if self.b.is_unreachable() {
                return if dest.is_some() { Leaves::new() } else { self.zeros(ty) };
            }
        }
        match &block.value {
            Some(value) => self.arm(value, ty, dest),
            None if dest.is_some() => Leaves::new(),
            None => self.zeros(ty),
        }
    }

    fn statement(&mut self, stmt: &'a StmtKind) {
        match stmt {
            StmtKind::Let { pattern, init: Some(init) } => self.bind(pattern, init),
            StmtKind::Let { pattern, init: None } => self.declare_pattern(pattern),
            StmtKind::InitGlobal { pattern, init } => self.init_global(pattern, init),
            StmtKind::Expr(expr) => self.effect(expr),
        }
    }

    /// `let pattern = init`
    fn bind(&mut self, pattern: &'a Pattern, init: &'a Expr) {
        match pattern {
            Pattern::Local(id) => {
                self.init_local(*id, init);
                self.learn(*id, init);
                self.enter_local(*id, true);
            }
            Pattern::Wild => self.effect(init),
            Pattern::Tuple(parts) => self.bind_parts(parts, init),
        }
    }

    fn bind_parts(&mut self, parts: &'a [Pattern], init: &'a Expr) {
        let info = self.info(init.ty);
        if info.flat {
            let leaves = self.value(init);
            return self.bind_leaves(parts, init.ty, &leaves);
        }
        let memory = self.in_memory(init);
        self.bind_memory(parts, init.ty, memory);
    }

    fn bind_leaves(&mut self, parts: &'a [Pattern], ty: Ty, leaves: &[ir::Value]) {
        let fields = &self.info(ty).fields;
        for (part, field) in parts.iter().zip(fields) {
            let info = self.info(field.ty);
            let leaves = &leaves[field.leaf as usize..][..info.len()];
            match part {
                Pattern::Local(id) => {
                    self.store_local(*id, leaves);
                    self.enter_local(*id, true);
                }
                Pattern::Tuple(parts) => self.bind_leaves(parts, field.ty, leaves),
                Pattern::Wild if info.needs_drop => {
                    let memory = self.shared_temp(field.ty);
                    self.store_leaves(memory, info, leaves);
                    self.drop_at(field.ty, memory);
                }
                Pattern::Wild => {}
            }
        }
    }

    fn bind_memory(&mut self, parts: &'a [Pattern], ty: Ty, memory: Addr) {
        let fields = &self.info(ty).fields;
        for (part, field) in parts.iter().zip(fields) {
            let info = self.info(field.ty);
            let from = memory.plus(field.offset as i64);
            match part {
                Pattern::Local(id) if info.flat => {
                    let leaves = self.load_leaves(from, info);
                    self.store_local(*id, &leaves);
                    self.enter_local(*id, true);
                }
                Pattern::Local(id) => {
                    let home = self.home(*id);
                    self.copy(Addr::home(home), from, info);
                    self.enter_local(*id, true);
                }
                Pattern::Tuple(parts) => self.bind_memory(parts, field.ty, from),
                Pattern::Wild if info.needs_drop => self.drop_at(field.ty, from),
                Pattern::Wild => {}
            }
        }
    }

    fn declare_pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::Local(id) => self.enter_local(*id, false),
            Pattern::Wild => {}
            Pattern::Tuple(parts) => parts.iter().for_each(|part| self.declare_pattern(part)),
        }
    }

    fn scoped(&mut self, ty: Ty, temps: &[LocalId], value: &'a Expr, dest: Option<Addr>) -> Leaves {
        let depth = self.scopes.len();
        self.scopes.push(Scope::default());
        for &temp in temps {
            if self.info(self.local_ty(temp)).needs_drop {
                self.make_flag(temp, false);
                self.scopes[depth].drops.push(temp);
            }
        }
        let leaves = self.arm(value, ty, dest);
        self.drop_scopes(depth);
        self.scopes.truncate(depth);
        leaves
    }

    fn frame(&self, id: LoopId) -> &LoopFrame {
        self.loops.iter().rev().find(|frame| frame.id == id).expect("a loop is left only from inside")
    }

    fn push_loop(&mut self, id: LoopId, [end, next]: [Block; 2], varying: Option<FxHashSet<LocalId>>) {
        let scopes = self.scopes.len();
        self.loops.push(LoopFrame { id, end, next, scopes, ty: Ty::UNIT, dest: None, varying });
    }

    /// The condition stands before the loop and again at its end, so that each round has one branch.
    fn while_loop(&mut self, id: LoopId, cond: &'a Expr, body: &'a Expr) {
        let (start, next, end) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let twice = is_small(cond, &mut 12);
        let varying = facts::varying(&[cond, body], None);
        if twice {
            self.condition(cond, start, end);
        } else {
            self.jump(next, &[]);
            self.b.switch_to_block(next);
            self.condition(cond, start, end);
            self.b.seal_block(start);
        }
        self.b.switch_to_block(start);
        self.push_loop(id, [end, next], varying);
        self.effect(body);
        self.loops.pop();
        self.jump(next, &[]);
        if twice {
            self.enter(next);
            self.condition(cond, start, end);
            self.b.seal_block(start);
        } else {
            self.b.seal_block(next);
        }
        self.enter(end);
    }

    fn endless_loop(&mut self, ty: Ty, id: LoopId, body: &'a Expr, dest: Option<Addr>) -> Leaves {
        let start = self.b.create_block();
        let end = if dest.is_some() { self.b.create_block() } else { self.block_for(ty) };
        self.jump(start, &[]);
        self.b.switch_to_block(start);
        self.push_loop(id, [end, start], facts::varying(&[body], None));
        if let Some(frame) = self.loops.last_mut() {
            (frame.ty, frame.dest) = (ty, dest);
        }
        self.effect(body);
        self.loops.pop();
        self.jump(start, &[]);
        self.b.seal_block(start);
        self.enter(end);
        self.params(end)
    }

    fn break_loop(&mut self, target: LoopId, value: Option<&'a Expr>) {
        let LoopFrame { end, scopes, ty, dest, .. } = *self.frame(target);
        let leaves = match value {
            Some(value) => self.arm(value, ty, dest),
            None => Leaves::new(),
        };
        self.drop_scopes(scopes);
        self.jump(end, &leaves);
        self.unreachable();
    }

    fn for_range(
        &mut self,
        id: LoopId,
        local: LocalId,
        range: [&'a Expr; 2],
        inclusive: bool,
        body: &'a Expr,
    ) {
        use ir::condcodes::IntCC::*;
        let signed = self.is_signed(range[0].ty);
        let (lo, hi) = (self.scalar(range[0]), self.scalar(range[1]));
        let below = match (inclusive, signed) {
            (false, true) => SignedLessThan,
            (false, false) => UnsignedLessThan,
            (true, true) => SignedLessThanOrEqual,
            (true, false) => UnsignedLessThanOrEqual,
        };
        let counter_ty = self.b.func.dfg.value_type(lo);
        let (start, next, end) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let again = if inclusive { self.b.create_block() } else { start };
        let counter = self.b.declare_var(counter_ty);
        self.b.def_var(counter, lo);
        let any = self.b.ins().icmp(below, lo, hi);
        self.b.ins().brif(any, start, &[], end, &[]);

        self.b.switch_to_block(start);
        let value = self.b.use_var(counter);
        self.store_local(local, &[value]);
        self.learn_range(local, range, inclusive);
        self.push_loop(id, [end, next], facts::varying(&[body], Some(local)));
        self.effect(body);
        self.loops.pop();
        self.jump(next, &[]);

        self.enter(next);
        let value = self.b.use_var(counter);
        if inclusive {
            // The last value may be the type's last one: compare before counting.
            let last = self.b.ins().icmp(Equal, value, hi);
            self.b.ins().brif(last, end, &[], again, &[]);
            self.enter(again);
            let value = self.b.ins().iadd_imm_s(value, 1);
            self.b.def_var(counter, value);
            self.jump(start, &[]);
        } else {
            let value = self.b.ins().iadd_imm_s(value, 1);
            self.b.def_var(counter, value);
            let more = self.b.ins().icmp(below, value, hi);
            self.b.ins().brif(more, start, &[], end, &[]);
        }
        self.b.seal_block(start);
        self.enter(end);
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
        let more = self.b.ins().icmp(ir::condcodes::IntCC::UnsignedLessThan, next, limit);
        self.b.ins().brif(more, start, &[next.into()], end, &[]);
        self.b.seal_block(start);
        self.enter(end);
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
    super::visit::children(expr, &mut |child| small = small && is_small(child, budget));
    small
}
