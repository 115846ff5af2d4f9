//! Control flow: branches, blocks and their scopes, bindings.

use cranelift_codegen::ir::{self, Block, InstBuilder};

use super::addr::Addr;
use super::checked::Point;
use super::func::{Home, Leaves, Lower};
use super::scan;
use crate::typed::{self, Expr, ExprKind, LocalId, Pattern, StmtKind};
use crate::types::Ty;

/// A value that somebody has to drop.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// The value of a local, if it has one.
    Local(LocalId),
    /// A flat part of a value that is being put together.
    Leaves(Ty, Leaves),
    /// Such a part in memory.
    Memory(Ty, Addr),
}

/// What has to be dropped when a part of the program ends.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// What needs dropping, oldest first.
    pub drops: Vec<Held>,
}

impl<'a> Lower<'a> {
    /// Evaluates what is neither a place nor an operator. The value goes to `dest`, if its type needs memory.
    pub(super) fn control(&mut self, expr: &'a Expr, dest: Option<Addr>) -> Leaves {
        use ExprKind::*;
        match &expr.kind {
            If { cond, then, els } => return self.branch(expr.ty, cond, then, els.as_deref(), dest),
            Block(block) => return self.block(expr.ty, block, dest),
            Match { value, arms } => return self.match_value(expr.ty, value, arms, dest),
            Forget(value) => self.forget(value),
            Scope { temps, value } => return self.scoped(expr.ty, temps, value, dest),
            While { id, cond, body } => self.while_loop(*id, cond, body),
            Loop { id, body } => return self.endless_loop(expr.ty, *id, body, dest),
            ForRange { id, local, lo, hi, inclusive, body } => {
                self.for_range(*id, *local, [lo, hi], *inclusive, body);
            }
            Break { target, value } => self.break_loop(*target, value.as_deref()),
            Continue(target) => {
                self.continue_loop(*target);
            }
            Return(value) => self.return_value(value.as_deref()),
            Defer(defer) => self.defer(defer),
            Assign { place, value, drop_old } => self.assign(place, value, *drop_old),
            Update { op, place, value } => self.update(*op, place, value, expr.span),
            Print { stream, pieces } => return self.print(*stream, pieces, expr),
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
        if let (None, Some(els)) = (dest, els)
            && let (Some(then), Some(els)) = (self.at_hand(then, ty), self.at_hand(els, ty))
            && !matches!(cond.kind, ExprKind::Logic { .. })
        {
            let cond = self.scalar(cond);
            let (then, els) = (self.scalar(then), self.scalar(els));
            return super::expr::one(self.b.ins().select(cond, then, els));
        }
        let merge = if dest.is_some() { self.b.create_block() } else { self.block_for(ty) };
        let on_true = self.b.create_block();
        let on_false = if els.is_some() { self.b.create_block() } else { merge };
        let point = self.condition_point(cond);
        self.condition(cond, on_true, on_false);
        let point = point.unwrap_or_else(|| self.point());
        self.enter(on_true);
        self.resume(&point);
        let guarded = std::mem::replace(&mut self.guarded, scan::guarded_call(then, els).is_some());
        let leaves = self.arm(then, ty, dest);
        self.guarded = guarded;
        self.jump(merge, &leaves);
        if let Some(els) = els {
            self.enter(on_false);
            self.resume(&point);
            let leaves = self.arm(els, ty, dest);
            self.jump(merge, &leaves);
        }
        self.enter(merge);
        self.resume(&point);
        self.params(merge)
    }

    /// The value of an arm, if it is a constant or what a register holds already: choosing between two such values takes
    /// less time than a branch, above all one that nobody can foresee.
    fn at_hand(&mut self, arm: &'a Expr, ty: Ty) -> Option<&'a Expr> {
        let value = match &arm.kind {
            ExprKind::Block(block) if block.stmts.is_empty() => block.value.as_deref()?,
            _ => arm,
        };
        let ready = match &value.kind {
            ExprKind::Local(id) => self.flat(ty) && matches!(self.home(*id), Home::Vars(_)),
            ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::Null => true,
            _ => false,
        };
        (ready && value.ty == ty && self.info(ty).len() == 1).then_some(value)
    }

    /// What is known before a condition, where not all of it need be evaluated.
    fn condition_point(&self, cond: &Expr) -> Option<Point> {
        match &cond.kind {
            ExprKind::Not(inner) => self.condition_point(inner),
            ExprKind::Logic { .. } => Some(self.point()),
            _ => None,
        }
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
                let point = self.point();
                self.enter(rest);
                self.resume(&point);
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
        self.end_variables(block);
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
                self.begin_shadow(*id, init);
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
                self.scopes[depth].drops.push(Held::Local(temp));
            }
        }
        let leaves = self.arm(value, ty, dest);
        self.drop_scopes(depth);
        self.scopes.truncate(depth);
        leaves
    }
}
