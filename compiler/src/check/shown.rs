//! Inputs of a session: the value of the last expression, and temporaries that variables refer to.

use rustc_hash::FxHashMap;
use vex_syntax::ast;
use vex_syntax::{Span, Symbol};

use super::function::{Expect, FnCx};
use super::session::Shown;
use super::{GlobalInfo, GlobalKind, State};
use crate::typed::walk;
use crate::typed::{Block, Expr, ExprKind, GlobalId, GlobalPattern, LocalId, Stmt, StmtKind};
use crate::types::Ty;

impl<'a> FnCx<'_, 'a> {
    /// Whether this is the statement whose value the session shows: the last one, an expression without a `;`.
    pub(super) fn is_shown(&self, stmts: &[&'a ast::Stmt], stmt: &'a ast::Stmt) -> bool {
        let is_last = stmts.last().is_some_and(|last| std::ptr::eq(*last, stmt));
        let ast::StmtKind::Expr(expr) = &stmt.kind else { return false };
        let silent = self.cx.loaded.module(self.module).unit.ends_with_semicolon;
        self.cx.session.is_some() && is_last && has_value(expr) && !silent
    }

    /// The expression at the end of an input: its value goes to a new variable. A place whose value has an owner is
    /// only referred to.
    pub(super) fn last_value(&mut self, expr: &'a ast::Expr, out: &mut Vec<Stmt>, diverges: &mut bool) {
        let span = expr.span;
        let outer = std::mem::take(&mut self.temps);
        let value = self.at_site(span, |fx| fx.expr(expr, Expect::Any));
        let ty = self.shallow(value.ty);
        if matches!(ty, Ty::UNIT | Ty::NEVER | Ty::ERROR) {
            let temps = std::mem::replace(&mut self.temps, outer);
            let value = if temps.is_empty() {
                value
            } else {
                Expr { kind: ExprKind::Scope { temps, value: Box::new(value) }, ty, span }
            };
            *diverges |= ty == Ty::NEVER;
            out.push(Stmt { kind: StmtKind::Expr(value), span });
            return;
        }
        let ty = self.resolved(ty).unwrap_or(ty);
        let borrowed = self.is_place(&value) && self.cx.types.needs_drop(ty);
        let value = if borrowed { self.borrow_place(value, false) } else { self.consume(value) };
        let temps = std::mem::replace(&mut self.temps, outer);
        let held = if borrowed { value.ty } else { ty };
        let global = self.new_global(Symbol::new("_"), span, held);
        self.unify(value.ty, held);
        let init = self.keep_script_temps(value, temps, out);
        out.push(Stmt { kind: StmtKind::InitGlobal { pattern: GlobalPattern::Global(global), init }, span });
        if let Some(base) = &mut self.cx.session {
            base.shown = Some(Shown { global, ty, borrowed, span });
        }
    }

    fn new_global(&mut self, name: Symbol, span: Span, ty: Ty) -> GlobalId {
        self.cx.globals.push(GlobalInfo {
            name,
            span,
            module: self.module,
            mutable: false,
            ty,
            init: None,
            kind: GlobalKind::Script,
            decl: None,
            state: State::Done,
        });
        GlobalId(self.cx.globals.len() as u32 - 1)
    }

    /// As [`FnCx::keep_temps`]; what a variable of a session may refer to lives as long as the session.
    pub(super) fn keep_script_temps(&mut self, init: Expr, temps: Vec<LocalId>, out: &mut Vec<Stmt>) -> Expr {
        if self.cx.session.is_none() || !self.may_refer(init.ty) {
            return self.keep_temps(init, temps, out);
        }
        self.promoted.extend(temps);
        init
    }

    /// Turns the temporaries that must outlive the input into variables without a name: those of the values of
    /// variables, and whatever else is referred to and needs no drop. An assignment, a branch or a call may have put
    /// the reference where later inputs find it.
    pub(super) fn promote(&mut self, body: &mut Expr) {
        if self.cx.session.is_none() || self.script_globals.is_none() {
            return;
        }
        let mut referred = Vec::new();
        referred_temporaries(body, &mut referred);
        let lasting = |local: &LocalId| {
            let ty = self.locals[local.0 as usize].ty;
            ty != Ty::ERROR && !self.cx.types.needs_drop(ty)
        };
        referred.retain(lasting);
        let mut globals = FxHashMap::default();
        for local in std::mem::take(&mut self.promoted).into_iter().chain(referred) {
            let (ty, span) = (self.locals[local.0 as usize].ty, self.locals[local.0 as usize].span);
            globals.entry(local).or_insert_with(|| self.new_global(Symbol::new(""), span, ty));
        }
        if globals.is_empty() {
            return;
        }
        replace(body, &globals);
    }
}

/// Whether an expression is written for its value; statements that look like expressions are not.
fn has_value(expr: &ast::Expr) -> bool {
    use ast::ExprKind::*;
    match &expr.kind {
        If { els: None, .. } | While { .. } | For { .. } | Assign { .. } | Defer(_) => false,
        Return(_) | Break(_) | Continue | Error => false,
        If { els: Some(els), .. } => has_value(els),
        _ => true,
    }
}

/// The temporary that a place is, or is part of.
fn root(place: &mut Expr) -> Option<&mut Expr> {
    if let ExprKind::Temp { .. } = place.kind {
        return Some(place);
    }
    match &mut place.kind {
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } | ExprKind::Index { base, .. } => {
            root(base)
        }
        _ => None,
    }
}

/// The temporaries that are borrowed somewhere in an expression.
fn referred_temporaries(expr: &mut Expr, found: &mut Vec<LocalId>) {
    if let ExprKind::Borrow(place) = &mut expr.kind
        && let Some(Expr { kind: ExprKind::Temp { local, .. }, .. }) = root(place)
    {
        found.push(*local);
    }
    walk::children_mut(expr, &mut |child| referred_temporaries(child, found));
}

/// Replaces temporaries by variables: each is set where it was made, before what refers to it.
fn replace(expr: &mut Expr, globals: &FxHashMap<LocalId, GlobalId>) {
    let find = |local: LocalId| globals.get(&local).copied();
    if let ExprKind::Local(local) = expr.kind
        && let Some(global) = find(local)
    {
        expr.kind = ExprKind::Global(global);
    }
    if let ExprKind::Borrow(place) = &mut expr.kind
        && let Some(temp) = root(place)
        && let ExprKind::Temp { local, init } = &mut temp.kind
        && let Some(global) = find(*local)
    {
        let (ty, span) = (expr.ty, expr.span);
        let unit = Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span };
        let init = std::mem::replace(&mut **init, unit.clone());
        temp.kind = ExprKind::Global(global);
        let set = StmtKind::InitGlobal { pattern: GlobalPattern::Global(global), init };
        let value = Some(Box::new(std::mem::replace(expr, unit)));
        let block = Block { stmts: vec![Stmt { kind: set, span }], value };
        *expr = Expr { kind: ExprKind::Block(block), ty, span };
    }
    if let ExprKind::Scope { temps, .. } = &mut expr.kind {
        temps.retain(|temp| find(*temp).is_none());
    }
    walk::children_mut(expr, &mut |child| replace(child, globals));
}
