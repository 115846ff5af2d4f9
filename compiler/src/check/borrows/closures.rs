//! Closures as arguments: what they change is not lent to the same call in another way.

use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::flow::Flow;
use super::loan::{Loan, Loans, Root};
use crate::typed::{Expr, ExprKind};
use crate::types::TyKind;

/// What a closure does to the variables around it.
struct Changes {
    /// Written to, or more.
    written: Loans,
    /// What they own is freed, moved or replaced.
    freed: Loans,
}

impl<'c> Flow<'_, 'c, '_> {
    /// No two closures of a call change one place, and none changes what another argument refers to.
    pub(super) fn check_closures(&mut self, args: &'c [Expr], values: &[Loans]) {
        if args.len() < 2 || self.quiet {
            return;
        }
        let found: Vec<_> =
            args.iter().zip(values).map(|(arg, value)| self.changes_of_closure(arg, value)).collect();
        for (at, changes) in found.iter().enumerate() {
            let Some(changes) = changes else { continue };
            for (other, known) in found.iter().enumerate().filter(|(other, _)| *other != at) {
                let shared = match known {
                    Some(known) if other < at => meet(&known.written, &changes.written),
                    Some(_) => None,
                    None => self.lent_to(&args[other], &values[other], changes),
                };
                if let Some(shared) = shared {
                    let (first, second) = (other.min(at), other.max(at));
                    return self.report_closure(&shared, known.is_some(), &args[first], &args[second]);
                }
            }
        }
    }

    /// What an argument changes, if it is a closure.
    fn changes_of_closure(&self, arg: &'c Expr, value: &Loans) -> Option<Changes> {
        let func = self.program.closure_of(arg.ty)?;
        let summary = self.program.summaries.get(&func)?;
        let outside = |loans: &Loans| -> Loans {
            loans.iter().filter_map(|loan| self.seen_outside(loan, arg, value)).collect()
        };
        let freed = outside(&summary.changes);
        let mut written = outside(&summary.writes);
        written.extend(&freed);
        Some(Changes { written, freed })
    }

    /// The place around a closure that a place in its summary is; `None` where that is not known for sure.
    fn seen_outside(&self, loan: &Loan, arg: &'c Expr, value: &Loans) -> Option<Loan> {
        match loan.root {
            Root::Global(_) if !loan.deep && !loan.far => return Some(*loan),
            Root::Param(0) if loan.far && !loan.deep => {}
            _ => return None,
        }
        let (step, rest) = loan.path.split()?;
        let types = &self.program.cx.types;
        let field = types.struct_of(arg.ty)?.fields.get(step as usize)?;
        let mut base = match &arg.kind {
            ExprKind::Struct(parts) => {
                let (_, part) = parts.iter().find(|(index, _)| *index == step)?;
                self.captured(part)?
            }
            // A closure in a variable: the captures are known by their names.
            _ => {
                let named = |loan: &&Loan| match loan.root {
                    Root::Local(id) => self.function.locals[id.0 as usize].name == field.name,
                    _ => false,
                };
                let mut all = value.iter().filter(named);
                let only = all.next()?;
                if all.next().is_some() {
                    return None;
                }
                *only
            }
        };
        // A variable that is a reference: what is changed may be what it refers to.
        let TyKind::Ref { pointee, .. } = types.kind(field.ty) else { return None };
        let by_variable = matches!(&arg.kind, ExprKind::Struct(parts)
            if parts.iter().any(|(index, part)| *index == step && matches!(part.kind, ExprKind::Local(_))));
        if !by_variable && matches!(types.kind(*pointee), TyKind::Ref { .. } | TyKind::Slice { .. }) {
            return None;
        }
        base.path.extend(&rest);
        (!base.raw && !base.deep && base.dead.is_none() && !base.path.is_full()).then_some(base)
    }

    /// What a captured reference refers to.
    fn captured(&self, part: &Expr) -> Option<Loan> {
        match &part.kind {
            ExprKind::Borrow(place) => match place.kind {
                ExprKind::Local(id) => Some(Loan::of(Root::Local(id), part.span)),
                _ => None,
            },
            ExprKind::Local(id) => {
                let held = self.state.as_ref()?.held.get(&Root::Local(*id))?;
                match held.as_slice() {
                    [only] => Some(*only),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The place that an argument refers to although a closure in the same call changes it.
    fn lent_to(&self, arg: &'c Expr, value: &Loans, changes: &Changes) -> Option<Loan> {
        let reference =
            matches!(self.program.cx.types.kind(arg.ty), TyKind::Ref { .. } | TyKind::Slice { .. });
        let alive = value.iter().filter(|loan| !loan.raw && loan.dead.is_none());
        alive.copied().find(|loan| {
            let changed = if loan.deep || !reference { &changes.freed } else { &changes.written };
            (loan.deep || (reference && value.len() == 1)) && overlaps(loan, changed)
        })
    }

    fn report_closure(&mut self, shared: &Loan, both: bool, first: &'c Expr, second: &'c Expr) {
        let name = self.name_of(shared.root).map_or_else(|| "a value".to_string(), |(name, _)| name);
        let title = match both {
            true => format!("{name} is changed by two closures in one call"),
            false => format!("{name} is lent in a call to which a closure is given that changes it"),
        };
        let is_closure = |expr: &Expr| self.program.closure_of(expr.ty).is_some();
        let label = |expr: &Expr| if is_closure(expr) { "this closure changes it" } else { "lent here" };
        let d = Diagnostic::error(codes::ALIASED, second.span, title).at(label(second));
        let d = d.label(first.span, label(first)).note("each of the two would see the other's changes");
        let help = match both {
            true => {
                "do both in one closure, or let the closures give values and change the variable afterwards"
            }
            false => "clone what is lent, or let the closure give values and change the variable afterwards",
        };
        self.report(second.span, d.help(help));
    }
}

fn overlaps(loan: &Loan, places: &Loans) -> bool {
    let same = |place: &&Loan| place.root == loan.root && place.far == loan.far;
    places.iter().filter(same).any(|place| place.path.overlaps(&loan.path, true))
}

/// The first place of some that is one of others.
fn meet(a: &Loans, b: &Loans) -> Option<Loan> {
    a.iter().copied().find(|loan| overlaps(loan, b)).map(|loan| Loan { at: Span::NONE, ..loan })
}
