//! What is reported.

use std::rc::Rc;

use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::flow::Flow;
use super::holds::raw_like;
use super::loan::{Loan, Loans, Root, Why};
use crate::typed::{Expr, ExprKind};
use crate::types::TyKind;

impl<'c> Flow<'_, 'c, '_> {
    pub(super) fn report(&mut self, span: Span, d: Diagnostic) {
        // The library answers for what it does with memory.
        if !self.quiet && !self.function.library && self.reported.insert(span) {
            self.found.push(d);
        }
    }

    /// The name of what is referred to, in quotes, and where it is declared; `None` for a temporary.
    pub(super) fn name_of(&self, root: Root) -> Option<(String, Span)> {
        let (name, span) = match root {
            Root::Local(id) => {
                let local = &self.function.locals[id.0 as usize];
                (local.name, local.span)
            }
            Root::Global(id) => {
                let global = &self.program.cx.globals[id.0 as usize];
                (global.name, global.span)
            }
            Root::Param(index) => {
                let local = &self.function.locals[self.function.params[index as usize].0 as usize];
                (local.name, local.span)
            }
        };
        (!name.as_str().is_empty()).then(|| (format!("`{name}`"), span))
    }

    /// What a value refers to has to be there still when the value is used.
    pub(super) fn check_alive(&mut self, held: &[Loan], expr: &'c Expr) {
        let Some(loan) = held.iter().find(|loan| loan.dead.is_some() && !loan.raw).copied() else { return };
        if raw_like(&self.program.cx.types, expr.ty) {
            return;
        }
        self.report_dead(&loan, expr);
        // Later uses have the same cause.
        if let Some(state) = &mut self.state {
            for held in state.held.values_mut() {
                if held.iter().any(|known| known.dead == loan.dead) {
                    Rc::make_mut(held).retain(|known| known.dead != loan.dead);
                }
            }
        }
    }

    /// An argument that a later argument's evaluation made refer to nothing.
    pub(super) fn check_argument(&mut self, value: &Loans, arg: &'c Expr) {
        if let Some(loan) = value.iter().find(|loan| loan.dead.is_some() && !loan.raw).copied()
            && !raw_like(&self.program.cx.types, arg.ty)
        {
            self.report_dead(&loan, arg);
        }
    }

    fn report_dead(&mut self, loan: &Loan, expr: &'c Expr) {
        let Some((why, when)) = loan.dead else { return };
        let what = self.name_of(loan.root).map_or_else(|| "a temporary value".to_string(), |(name, _)| name);
        let by = match variable(expr).map(|root| self.name_of(root)) {
            Some(Some((name, _))) => name,
            // What a `for` runs over has a variable without a name.
            Some(None) if !self.loops.is_empty() => "the loop".to_string(),
            _ => "this".to_string(),
        };
        let (title, label) = match why {
            Why::Moved => {
                (format!("{by} refers to {what}, which was moved"), format!("{what} is moved here"))
            }
            Why::Ended => (format!("{by} refers to {what}, which is gone"), format!("{what} ends here")),
            Why::Replaced => {
                (format!("{by} refers to {what}, whose value was replaced"), "replaced here".to_string())
            }
            Why::Changed => {
                (format!("{what} is changed while {by} refers into it"), "changed here".to_string())
            }
        };
        let span = expr.span;
        let mut d = Diagnostic::error(codes::DANGLING, span, title).at("used here");
        if when != span {
            d = d.label(when, label);
        }
        if loan.at != span && !loan.at.is_none() && loan.at != when {
            d = d.label(loan.at, "borrowed here");
        }
        let help = match why {
            Why::Moved => "use the reference before the move, or clone what it refers to",
            Why::Ended => "declare what is referred to outside the block, or keep the value itself",
            Why::Replaced => "use the reference before that, or clone what it refers to",
            Why::Changed => "end the borrow first: use it before the change, or clone what it refers to",
        };
        let d = match why {
            Why::Changed => d.note("a change may move or free the memory that the reference refers to"),
            _ => d,
        };
        self.report(span, d.help(help));
    }

    /// The variable of this function whose memory the value refers to, and that is no raw pointer's business.
    fn own(&self, value: &[Loan]) -> Option<Loan> {
        let own = |loan: &&Loan| matches!(loan.root, Root::Local(_)) && !loan.raw;
        value.iter().find(own).copied()
    }

    /// What a function returns does not refer to its variables.
    pub(super) fn check_result(&mut self, value: &[Loan], at: Span) {
        let Some(loan) = self.own(value) else { return };
        let closure =
            self.program.cx.types.struct_of(self.function.ret).is_some_and(|def| def.closure.is_some());
        let d = match self.name_of(loan.root) {
            Some((name, declared)) => {
                let title = match closure {
                    true => format!(
                        "a closure that refers to {name} is returned, but {name} ends with the function"
                    ),
                    false => format!("a reference to {name} is returned, but {name} ends with the function"),
                };
                let d = Diagnostic::error(codes::ESCAPE, at, title).at("returned here");
                let d =
                    if loan.at != at && !loan.at.is_none() { d.label(loan.at, "borrowed here") } else { d };
                if loan.at == declared { d } else { d.label(declared, "it belongs to this function") }
            }
            None => {
                let title = "a reference to a temporary value is returned";
                let d = Diagnostic::error(codes::ESCAPE, at, title).at("returned here");
                d.note("the value is gone at the end of the function")
            }
        };
        let help = match closure {
            true => "write `move` before the closure, so that it has the values themselves",
            false => "return the value itself, or clone what is returned",
        };
        self.report(at, d.help(help));
    }

    /// What is kept in a global or behind a reference does not refer to variables of this function.
    pub(super) fn check_kept(&mut self, to: Loan, value: &[Loan], expr: &'c Expr) {
        if self.entry && matches!(to.root, Root::Global(_)) {
            return;
        }
        let Some(loan) = self.own(value) else { return };
        let at = expr.span;
        let what = self.name_of(loan.root).map_or_else(|| "a temporary value".to_string(), |(name, _)| name);
        let holder = self.name_of(to.root).map_or_else(|| "there".to_string(), |(name, _)| name);
        let title = format!("a reference to {what} is kept in {holder}, which outlives it");
        let d = Diagnostic::error(codes::ESCAPE, at, title).at("kept here");
        let d = if loan.at != at && !loan.at.is_none() { d.label(loan.at, "borrowed here") } else { d };
        self.report(at, d.help("keep the value itself, or a clone of it"));
    }

    pub(super) fn report_exclusive(&mut self, shared: &Loan, first: &'c Expr, second: &'c Expr) {
        let changed = |expr: &Expr| {
            matches!(
                self.program.cx.types.kind(expr.ty),
                TyKind::Ref { mutable: true, .. } | TyKind::Slice { mutable: true, .. }
            )
        };
        let both = changed(first) && changed(second);
        let name = self.name_of(shared.root).map_or_else(|| "a value".to_string(), |(name, _)| name);
        let title = match both {
            true => format!("{name} is lent twice to be changed in one call"),
            false => format!("{name} is lent to be changed and to be read in one call"),
        };
        let (at, before) = match both {
            true => ("lent again here", "lent here"),
            false if changed(second) => ("to be changed here", "to be read here"),
            false => ("to be read here", "to be changed here"),
        };
        let d = Diagnostic::error(codes::ALIASED, second.span, title).at(at).label(first.span, before);
        let d = d.note("each of the two would see the other's changes");
        self.report(second.span, d.help("lend different parts, or copy the value first"));
    }
}

/// The variable that a place belongs to.
fn variable(expr: &Expr) -> Option<Root> {
    match &expr.kind {
        ExprKind::Local(id) => Some(Root::Local(*id)),
        ExprKind::Global(id) => Some(Root::Global(*id)),
        ExprKind::Field { base, .. } | ExprKind::Index { base, .. } | ExprKind::Borrow(base) => {
            variable(base)
        }
        _ => None,
    }
}
