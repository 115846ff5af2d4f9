//! Calls that become the callee's code: tiny functions without loops. Each source location in such code says what
//! was called where, so that reports show the calls as if they had been made.

use super::control::Scope;
use super::decl::Summary;
use super::func::{Leaves, Lower, Ret};
use super::value::TypeTable;
use crate::typed::{self, Expr, ExprKind, FunctionBody, StmtKind};
use crate::types::{Ty, TyKind, Types};

/// How many parts the body of a function that is put in place may have.
const BUDGET: u32 = 40;

/// How deep functions are put into each other, a recursive one into itself too.
const DEPTH: u32 = 2;

/// How many parts may be put into one function in all.
const TOTAL: u32 = 1500;

/// The number of parts of a function's body, if calls of it may become its code.
pub(super) fn is_candidate(types: &Types, table: &TypeTable, function: &typed::Function) -> Option<u32> {
    let FunctionBody::Code(body) = &function.body else { return None };
    let plain = |ty: Ty| table.get(ty).flat && !table.get(ty).needs_drop;
    let mut judge = Judge { types, table, budget: BUDGET };
    let fits =
        function.locals.iter().all(|local| plain(local.ty)) && plain(function.ret) && judge.accepts(body);
    fits.then(|| BUDGET - judge.budget)
}

struct Judge<'p> {
    types: &'p Types,
    table: &'p TypeTable,
    budget: u32,
}

impl Judge<'_> {
    fn accepts(&mut self, expr: &Expr) -> bool {
        let info = self.table.get(expr.ty);
        // An array may be looked at where it is.
        let part = !info.flat
            && matches!(expr.kind, ExprKind::Deref(_) | ExprKind::Field { .. } | ExprKind::Global(_));
        if self.budget == 0 || (!info.flat && !part) || info.needs_drop || !self.accepts_kind(expr) {
            return false;
        }
        self.budget -= 1;
        let mut all = true;
        crate::typed::walk::children(expr, &mut |part| all = all && self.accepts(part));
        all
    }

    fn accepts_kind(&mut self, expr: &Expr) -> bool {
        use ExprKind::*;
        match &expr.kind {
            Array(_) | Repeat(_) | Move(_) | Temp { .. } | Defer(_) | Print { .. } | AssertEq { .. } => false,
            While { .. } | Loop { .. } | ForRange { .. } | Break { .. } | Continue(_) => false,
            Scope { temps, .. } => temps.is_empty(),
            Assign { drop_old, .. } => !drop_old,
            Binary { left, .. } => *self.types.kind(left.ty) != TyKind::Str,
            Block(block) => block.stmts.iter().all(|stmt| !matches!(stmt.kind, StmtKind::InitGlobal { .. })),
            // A message is many calls.
            Panic { pieces } | Assert { pieces, .. } => {
                self.budget = self.budget.saturating_sub(4 + 2 * pieces.len() as u32);
                self.budget > 0
            }
            _ => true,
        }
    }
}

impl<'a> Lower<'a> {
    /// A call as the callee's code, if that is wanted.
    pub(super) fn call_in_place(
        &mut self,
        function: &'a typed::Function,
        instance: u32,
        args: &'a [Expr],
        expr: &'a Expr,
    ) -> Option<Leaves> {
        let summary = &self.decls.summaries[instance as usize];
        let FunctionBody::Code(body) = &function.body else { return None };
        let size = summary.in_place?;
        if self.depth >= DEPTH || self.inlined_size + size > TOTAL {
            return None;
        }
        self.inlined_size += size;
        let ranges: Vec<Option<(i64, i64)>> = args.iter().map(|arg| self.range_of(arg)).collect();
        let values: Vec<Leaves> = args.iter().map(|arg| self.value(arg)).collect();
        if function.library {
            self.mark_site(expr);
        }
        let call = self.location(expr.span);
        let around = self.inlined_call.replace((instance, call));
        self.at(function.span);
        let leaves = self.in_frame(function, summary, |lower| {
            for ((&local, value), range) in function.params.iter().zip(&values).zip(&ranges) {
                lower.store_local(local, value);
                lower.learn_given(local, *range);
            }
            if !summary.returns {
                let leaves = lower.body_value(function, body);
                return leaves;
            }
            let end = lower.block_for(function.ret);
            lower.ret = Ret::Block(end);
            let leaves = lower.body_value(function, body);
            lower.jump(end, &leaves);
            lower.enter(end);
            lower.params(end)
        });
        self.inlined_call = around;
        self.at(expr.span);
        Some(leaves)
    }

    /// Runs `work` with the variables of another function.
    fn in_frame<T>(
        &mut self,
        function: &'a typed::Function,
        summary: &'a Summary,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        use std::mem::{replace, take};
        let locals = function.locals.len();
        let function = self.function.replace(function);
        let summary = replace(&mut self.summary, summary);
        let homes = replace(&mut self.homes, vec![None; locals]);
        let flags = replace(&mut self.flags, vec![None; locals]);
        let facts = replace(&mut self.facts, vec![None; locals]);
        let scopes = replace(&mut self.scopes, vec![Scope::default()]);
        let loops = take(&mut self.loops);
        let ret = replace(&mut self.ret, Ret::Leaves(None));
        let exits = take(&mut self.exits);
        let shadows = take(&mut self.shadows);
        let library = self.function.is_some_and(|function| function.library);
        let report = self.report;
        self.report &= !library;
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        (self.function, self.summary, self.homes, self.flags) = (function, summary, homes, flags);
        (self.facts, self.scopes, self.loops) = (facts, scopes, loops);
        (self.ret, self.exits, self.report) = (ret, exits, report);
        self.shadows = shadows;
        result
    }
}
