//! The walk over one body: what every value refers to, and what every step ends.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::{Diagnostic, Span};

use super::holds::raw_like;
use super::loan::{Loan, Loans, Root, State, Why, add, add_all, end};
use super::paths::LoopFlow;
use super::places::Place;
use super::{Program, Summary};
use crate::typed::{
    Block, CastKind, Expr, ExprKind, Function, GlobalPattern, LocalId, LoopId, Pattern, Piece, StmtKind, walk,
};
use crate::types::{FuncId, Ty, TyKind};

/// The walk over one body.
pub(super) struct Flow<'p, 'c, 'a> {
    pub(super) program: &'p mut Program<'c, 'a>,
    pub(super) function: &'c Function,
    /// Whether it is the function of a script, whose variables are global.
    pub(super) entry: bool,
    /// `None` where no path leads.
    pub(super) state: Option<State>,
    /// Of calls that are being evaluated: what the arguments so far refer to.
    pub(super) waiting: Vec<Loans>,
    pub(super) loops: FxHashMap<LoopId, LoopFlow>,
    /// What was known of the beginnings of loops when they were walked last.
    pub(super) heads: FxHashMap<LoopId, State>,
    /// Whether reports wait for another walk over the same expression.
    pub(super) quiet: bool,
    pub(super) reported: FxHashSet<Span>,
    pub(super) found: Vec<Diagnostic>,
    pub(super) summary: Summary,
}

impl<'p, 'c, 'a> Flow<'p, 'c, 'a> {
    pub(super) fn new(program: &'p mut Program<'c, 'a>, id: FuncId, function: &'c Function) -> Self {
        let entry = program.is_entry(id);
        Flow {
            program,
            function,
            entry,
            state: Some(State::default()),
            waiting: Vec::new(),
            loops: FxHashMap::default(),
            heads: FxHashMap::default(),
            quiet: false,
            reported: FxHashSet::default(),
            found: Vec::new(),
            summary: Summary::default(),
        }
    }

    pub(super) fn run(&mut self, body: &'c Expr) {
        for (index, &param) in self.function.params.iter().enumerate() {
            let local = &self.function.locals[param.0 as usize];
            if self.holds(local.ty) {
                self.hold(Root::Local(param), vec![Loan::of(Root::Param(index as u32), local.span)]);
            }
        }
        let value = self.expr(body);
        if self.state.is_some() {
            let tail = tail_span(body);
            self.result(&value, tail);
        }
    }

    pub(super) fn finish(self) -> (Summary, Vec<Diagnostic>) {
        (self.summary, self.found)
    }

    pub(super) fn holds(&mut self, ty: Ty) -> bool {
        self.program.holds.holds(&self.program.cx.types, ty)
    }

    /// Whether a value of this type refers to texts, and to nothing else.
    pub(super) fn texts_only(&mut self, ty: Ty) -> bool {
        ty == Ty::STR || (self.holds(ty) && !self.program.refers.holds(&self.program.cx.types, ty))
    }

    /// A variable's value refers to this now.
    pub(super) fn hold(&mut self, root: Root, value: Loans) {
        let Some(state) = &mut self.state else { return };
        if value.is_empty() {
            state.held.remove(&root);
        } else {
            state.held.insert(root, Rc::new(value));
        }
    }

    /// What was in memory is not there any more.
    pub(super) fn end(&mut self, why: Why, at: Span, ends: &dyn Fn(&Loan) -> bool) {
        if let Some(state) = &mut self.state {
            state.end(why, at, ends);
            self.waiting.iter_mut().for_each(|loans| end(loans, why, at, ends));
        }
    }

    /// Variables end. `value` is what comes out of their block.
    pub(super) fn leave(&mut self, locals: impl Iterator<Item = LocalId>, value: &mut Loans, at: Span) {
        let mut borrowed: FxHashSet<LocalId> = FxHashSet::default();
        for id in locals {
            if let Some(state) = &mut self.state {
                state.held.remove(&Root::Local(id));
            }
            if self.function.locals[id.0 as usize].borrowed {
                borrowed.insert(id);
            }
        }
        if borrowed.is_empty() {
            return;
        }
        let ends = |loan: &Loan| matches!(loan.root, Root::Local(id) if borrowed.contains(&id));
        self.end(Why::Ended, at, &ends);
        end(value, Why::Ended, at, &ends);
    }

    /// What a place owned is freed, moved or replaced.
    pub(super) fn change(&mut self, place: &Loan, why: Why, whole: bool, at: Span) {
        if place.deep {
            return;
        }
        let (root, path, far) = (place.root, place.path, place.far);
        self.end(why, at, &|loan| {
            loan.root == root && loan.far == far && (whole || loan.deep) && loan.path.overlaps(&path, false)
        });
        self.summarize_change(place);
    }

    pub(super) fn summarize_change(&mut self, place: &Loan) {
        if !matches!(place.root, Root::Local(_)) && !place.deep {
            let clean = Loan { at: Span::NONE, dead: None, raw: false, ..*place };
            add(&mut self.summary.changes, clean);
        }
    }

    pub(super) fn summarize_writes(&mut self, at: &[Loan]) {
        for place in at.iter().filter(|place| matches!(place.root, Root::Param(_))) {
            add(&mut self.summary.writes, Loan { at: Span::NONE, dead: None, raw: false, ..*place });
        }
    }

    /// The function's result refers to this.
    pub(super) fn result(&mut self, value: &Loans, at: Span) {
        let ret = self.function.ret;
        if !self.holds(ret) {
            return;
        }
        for loan in value.iter().filter(|loan| !matches!(loan.root, Root::Local(_))) {
            add(&mut self.summary.result, Loan { dead: None, at: Span::NONE, ..*loan });
        }
        if !raw_like(&self.program.cx.types, ret) {
            self.check_result(value, at);
        }
    }

    pub(super) fn expr(&mut self, expr: &'c Expr) -> Loans {
        let mut value = self.value(expr);
        self.only_reachable(&mut value, expr.ty);
        if expr.ty == Ty::NEVER {
            self.state = None;
        }
        match value.is_empty() || self.holds(expr.ty) {
            true => value,
            false => Loans::new(),
        }
    }

    fn value(&mut self, expr: &'c Expr) -> Loans {
        match &expr.kind {
            _ if self.is_place(expr) => self.load(expr),
            ExprKind::Take(place) => self.load(place),
            ExprKind::Move(place) => self.moved(place, expr.span),
            ExprKind::Borrow(place) => self.borrow(place, expr),
            ExprKind::Assign { place, value, drop_old } => self.assign(place, value, *drop_old, expr),
            ExprKind::Update { place, value, .. } => {
                let place = self.place(place);
                self.written(&place);
                self.expr(value);
                Loans::new()
            }
            ExprKind::Call { callee, args } => self.call(callee, args, expr),
            ExprKind::If { .. }
            | ExprKind::Logic { .. }
            | ExprKind::While { .. }
            | ExprKind::Loop { .. }
            | ExprKind::ForRange { .. } => self.branch(expr),
            ExprKind::Break { .. } | ExprKind::Continue(_) | ExprKind::Return(_) => {
                self.jump(expr);
                Loans::new()
            }
            ExprKind::Match { value, arms } => self.arms(value, arms, expr.span),
            ExprKind::Block(block) => self.block(block, expr.span),
            ExprKind::Scope { temps, value } => {
                let mut value = self.expr(value);
                self.leave(temps.iter().copied(), &mut value, expr.span);
                value
            }
            ExprKind::Defer(defer) => {
                // It runs at the end: what it does is the function's, but ends nothing here.
                let state = self.state.clone();
                let quiet = std::mem::replace(&mut self.quiet, true);
                self.expr(&defer.body);
                self.quiet = quiet;
                self.state = state;
                Loans::new()
            }
            ExprKind::Print { pieces, .. } => {
                for piece in pieces {
                    if let Piece::Value { value, .. } = piece {
                        self.expr(value);
                    }
                }
                Loans::new()
            }
            _ => self.made(expr),
        }
    }

    /// Values made of others.
    fn made(&mut self, expr: &'c Expr) -> Loans {
        let mut parts = Loans::new();
        walk::children(expr, &mut |part| {
            let value = self.expr(part);
            add_all(&mut parts, &value);
        });
        match &expr.kind {
            ExprKind::Cast { value, kind } => match kind {
                CastKind::Bits if self.ends_checking(value.ty, expr.ty) => Loans::new(),
                _ => parts,
            },
            ExprKind::DataPtr(_) => {
                parts.iter_mut().for_each(|loan| loan.raw = true);
                parts
            }
            ExprKind::Tuple(_)
            | ExprKind::Array(_)
            | ExprKind::Repeat(_)
            | ExprKind::Struct(_)
            | ExprKind::Variant { .. }
            | ExprKind::ArrayToSlice(_)
            | ExprKind::PtrOffset { .. }
            | ExprKind::StrFromParts { .. } => parts,
            _ => Loans::new(),
        }
    }

    /// A reference that becomes a raw pointer is not followed further.
    fn ends_checking(&self, from: Ty, to: Ty) -> bool {
        let types = &self.program.cx.types;
        types.is_raw_ptr(to) && !types.is_raw_ptr(from)
    }

    fn moved(&mut self, place: &'c Expr, at: Span) -> Loans {
        let value = self.load(place);
        let root = match place.kind {
            ExprKind::Local(id) => Root::Local(id),
            ExprKind::Global(id) => Root::Global(id),
            _ => return value,
        };
        self.change(&Loan::of(root, at), Why::Moved, true, at);
        value
    }

    fn borrow(&mut self, place: &'c Expr, whole: &'c Expr) -> Loans {
        let found = self.place(place);
        if found.value.is_none() && !found.through && self.holds(place.ty) {
            let held = self.contents(&found.at);
            self.check_alive(&held, place);
        }
        if !matches!(self.program.cx.types.kind(whole.ty), TyKind::Ref { .. } | TyKind::Slice { .. }) {
            return Loans::new();
        }
        let mut at = found.at;
        at.iter_mut().filter(|_| !found.through).for_each(|loan| loan.at = whole.span);
        at
    }

    fn assign(&mut self, place: &'c Expr, value: &'c Expr, drop_old: bool, whole: &'c Expr) -> Loans {
        let value = self.expr(value);
        let found = self.place(place);
        self.written(&found);
        if drop_old {
            for at in &found.at {
                self.change(at, Why::Replaced, !found.through, whole.span);
            }
        }
        let direct = matches!(place.kind, ExprKind::Local(_) | ExprKind::Global(_));
        if direct && let Some(variable) = found.at.first() {
            if let Root::Global(_) = variable.root {
                self.check_kept(*variable, &value, whole);
            }
            let value = if self.holds(place.ty) { value } else { Loans::new() };
            self.hold(variable.root, value);
        } else {
            self.store(&found, &value, whole);
        }
        Loans::new()
    }

    /// A place is written to. In what owns memory by raw pointers that may be what frees it.
    fn written(&mut self, place: &Place) {
        self.summarize_writes(&place.at);
        for owner in place.owner.iter().flatten() {
            self.summarize_change(owner);
        }
    }

    fn block(&mut self, block: &'c Block, span: Span) -> Loans {
        let mut locals = Vec::new();
        for stmt in &block.stmts {
            match &stmt.kind {
                StmtKind::Let { pattern, init } => {
                    let value = init.as_ref().map_or_else(Loans::new, |init| self.expr(init));
                    self.bind(pattern, &value, &mut locals);
                }
                StmtKind::InitGlobal { pattern, init } => {
                    let value = self.expr(init);
                    self.bind_global(pattern, &value);
                }
                StmtKind::Expr(expr) => {
                    self.expr(expr);
                }
            }
        }
        let mut value = block.value.as_ref().map_or_else(Loans::new, |value| self.expr(value));
        let close = Span::new(span.hi.saturating_sub(1).max(span.lo), span.hi);
        self.leave(locals.into_iter(), &mut value, close);
        value
    }

    fn bind(&mut self, pattern: &Pattern, value: &Loans, locals: &mut Vec<LocalId>) {
        match pattern {
            Pattern::Local(id) => {
                locals.push(*id);
                let holds = self.holds(self.function.locals[id.0 as usize].ty);
                self.hold(Root::Local(*id), if holds { value.clone() } else { Loans::new() });
            }
            Pattern::Wild => {}
            Pattern::Tuple(parts) => parts.iter().for_each(|part| self.bind(part, value, locals)),
        }
    }

    fn bind_global(&mut self, pattern: &GlobalPattern, value: &Loans) {
        match pattern {
            GlobalPattern::Global(id) => {
                let holds = self.holds(self.program.cx.globals[id.0 as usize].ty);
                self.hold(Root::Global(*id), if holds { value.clone() } else { Loans::new() });
            }
            GlobalPattern::Wild => {}
            GlobalPattern::Tuple(parts) => parts.iter().for_each(|part| self.bind_global(part, value)),
        }
    }
}

/// The place of the value that a body ends with.
fn tail_span(body: &Expr) -> Span {
    match &body.kind {
        ExprKind::Block(Block { value: Some(value), .. }) | ExprKind::Scope { value, .. } => tail_span(value),
        _ => body.span,
    }
}
