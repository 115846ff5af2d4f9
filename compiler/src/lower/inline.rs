//! Calls that become the callee's code.
//!
//! A function of the program is put in place when it is tiny and can neither fail nor call anything, so that no
//! report has to name it. One of the language's own library may do both: all of its code counts as standing at the
//! call, which is the place a report should show.

use cranelift_codegen::ir::SourceLoc;

use super::control::Scope;
use super::decl::Summary;
use super::defer::Exits;
use super::func::{Leaves, Lower, Ret};
use super::value::TypeTable;
use crate::typed::{self, BinaryOp, Expr, ExprKind, FunctionBody, Intrinsic as Op, StmtKind, UpdateOp};
use crate::types::{Ty, TyKind, Types};

/// How many parts the body of a function that is put in place may have.
const BUDGET: u32 = 40;

/// How deep library functions are put into each other.
const DEPTH: u32 = 3;

/// Whether calls of a function may become its code.
pub(super) fn is_candidate(types: &Types, table: &TypeTable, function: &typed::Function) -> bool {
    let FunctionBody::Code(body) = &function.body else { return false };
    let plain = |ty: Ty| table.get(ty).flat && !table.get(ty).needs_drop;
    let mut judge = Judge { types, table, function, budget: BUDGET };
    function.locals.iter().all(|local| plain(local.ty)) && plain(function.ret) && judge.accepts(body)
}

struct Judge<'p> {
    types: &'p Types,
    table: &'p TypeTable,
    function: &'p typed::Function,
    budget: u32,
}

impl Judge<'_> {
    fn accepts(&mut self, expr: &Expr) -> bool {
        let flat = self.table.get(expr.ty);
        if self.budget == 0 || !flat.flat || flat.needs_drop || !self.accepts_kind(expr) {
            return false;
        }
        self.budget -= 1;
        let mut all = true;
        super::visit::children(expr, &mut |part| all = all && self.accepts(part));
        all
    }

    fn accepts_kind(&mut self, expr: &Expr) -> bool {
        use ExprKind::*;
        let library = self.function.library;
        match &expr.kind {
            Int(_)
            | Float(_)
            | Bool(_)
            | Str(_)
            | Null
            | Unit
            | Func { .. }
            | Local(_)
            | Global(_)
            | Field { .. }
            | Borrow(_)
            | Neg(_)
            | Not(_)
            | BitNot(_)
            | Logic { .. }
            | Checked { .. }
            | PtrOffset { .. }
            | PtrDiff { .. }
            | Cast { .. }
            | OptionIsSome(_)
            | OptionOr { .. }
            | DataPtr(_)
            | Len(_)
            | StrFromParts { .. }
            | If { .. }
            | Return(_)
            | Tuple(_)
            | Struct(_) => true,
            Deref(pointer) => library || matches!(self.types.kind(pointer.ty), TyKind::Ref { .. }),
            Binary { op, left, right } => library || self.cannot_fail(*op, left.ty, right),
            Assign { drop_old, .. } => !drop_old,
            Update { op: UpdateOp::Binary(op), place, value } => {
                library || self.cannot_fail(*op, place.ty, value)
            }
            Update { .. } => true,
            Intrinsic { op, .. } => library || !accesses(*op),
            Block(block) => {
                let simple = |stmt: &typed::Stmt| !matches!(stmt.kind, StmtKind::InitGlobal { .. });
                block.stmts.iter().all(simple)
            }
            Scope { temps, .. } => temps.is_empty(),
            Call { .. } | Index { .. } | ArrayToSlice(_) => library,
            // A message is many calls.
            Panic { pieces } | Assert { pieces, .. } => {
                self.budget = self.budget.saturating_sub(4 + 2 * pieces.len() as u32);
                library
            }
            _ => false,
        }
    }

    /// Whether an operation neither traps nor calls the runtime.
    fn cannot_fail(&self, op: BinaryOp, ty: Ty, right: &Expr) -> bool {
        if *self.types.kind(ty) == TyKind::Str {
            return false;
        }
        let constant = match right.kind {
            ExprKind::Int(bits) => Some(bits),
            _ => None,
        };
        match op {
            BinaryOp::Div if self.types.is_float(ty) => true,
            BinaryOp::Div | BinaryOp::Rem => constant.is_some_and(|divisor| (1..128).contains(&divisor)),
            BinaryOp::Shl | BinaryOp::Shr => {
                let bits = self.types.as_int(ty).map_or(0, |int| u64::from(int.bits()));
                constant.is_some_and(|amount| amount < bits)
            }
            _ => true,
        }
    }
}

/// Whether an operation reaches memory that may not be there, or fails.
fn accesses(op: Op) -> bool {
    matches!(op, Op::Load(_) | Op::Store(_) | Op::Unreachable)
}

impl<'a> Lower<'a> {
    /// A call as the callee's code, if that is wanted.
    pub(super) fn call_in_place(
        &mut self,
        function: &'a typed::Function,
        summary: &'a Summary,
        args: &'a [Expr],
        expr: &'a Expr,
    ) -> Option<Leaves> {
        let FunctionBody::Code(body) = &function.body else { return None };
        if !summary.in_place || (self.depth > 0 && !function.library) || self.depth >= DEPTH {
            return None;
        }
        let values: Vec<Leaves> = args.iter().map(|arg| self.value(arg)).collect();
        if function.library {
            self.mark_site(expr);
        }
        let pinned = self.pinned;
        if function.library && pinned.is_none() {
            self.pinned = Some(SourceLoc::new(expr.span.lo));
        }
        let leaves = self.in_frame(function, summary, |lower| {
            for (&local, value) in function.params.iter().zip(&values) {
                lower.store_local(local, value);
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
        self.pinned = pinned;
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
        use std::mem::replace;
        let locals = function.locals.len();
        let function = replace(&mut self.function, Some(function));
        let summary = replace(&mut self.summary, summary);
        let homes = replace(&mut self.homes, vec![None; locals]);
        let flags = replace(&mut self.flags, vec![None; locals]);
        let facts = replace(&mut self.facts, vec![None; locals]);
        let scopes = replace(&mut self.scopes, vec![Scope::default()]);
        let loops = replace(&mut self.loops, Vec::new());
        let ret = replace(&mut self.ret, Ret::Leaves(None));
        let exits = replace(&mut self.exits, Exits::default());
        let report = replace(&mut self.report, false);
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        (self.function, self.summary, self.homes, self.flags) = (function, summary, homes, flags);
        (self.facts, self.scopes, self.loops) = (facts, scopes, loops);
        (self.ret, self.exits, self.report) = (ret, exits, report);
        result
    }
}
