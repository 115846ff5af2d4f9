//! Calls: what a function's summary means for these arguments, and whether the arguments go together.

use std::rc::Rc;

use vex_syntax::Span;

use super::Summary;
use super::flow::Flow;
use super::holds::{names_reference, raw_like};
use super::loan::{Loan, Loans, Root, Why, add, add_all};
use crate::typed::{Callee, Expr, ExprKind};
use crate::types::{FuncId, Ty, TyKind};

impl<'c> Flow<'_, 'c, '_> {
    pub(super) fn call(&mut self, callee: &'c Callee, args: &'c [Expr], whole: &'c Expr) -> Loans {
        let first = self.waiting.len();
        let called = match callee {
            Callee::Pointer(pointer) => self.expr(pointer),
            _ => Loans::new(),
        };
        for arg in args {
            let value = self.expr(arg);
            self.waiting.push(value);
        }
        let values = self.waiting.split_off(first);
        for (value, arg) in values.iter().zip(args) {
            self.check_argument(value, arg);
        }
        self.check_closures(args, &values);
        let mut found = match callee {
            Callee::Func { func, args: types } => {
                let func = self.program.resolve(*func, types);
                let known = self.program.summaries.get(&func).cloned();
                // Of one that calls this function, too, nothing is known at the first look.
                match known.or_else(|| self.program.is_known(func).then(Rc::default)) {
                    Some(summary) => {
                        self.check_exclusive(Some((func, &summary)), args, &values);
                        self.apply(&summary, args, &values, whole)
                    }
                    None => {
                        self.check_exclusive(None, args, &values);
                        self.unknown(Some(func), args, &values, whole)
                    }
                }
            }
            Callee::Pointer(_) => {
                self.check_exclusive(None, args, &values);
                let mut found = self.unknown(None, args, &values, whole);
                add_all(&mut found, &called);
                found
            }
            Callee::Runtime(name) => {
                self.copied(name, args, &values, whole);
                Loans::new()
            }
        };
        if self.texts_only(whole.ty) {
            // A text is never in a variable itself, only in memory that one owns. A parameter may be such a text.
            found.retain(|loan| loan.deep || matches!(loan.root, Root::Param(_)));
        }
        if raw_like(&self.program.cx.types, whole.ty) && !self.function.library {
            // A raw pointer makes no promises, whoever gives it.
            found.clear();
        }
        found
    }

    /// The elements that `vex_memcpy` copies refer afterwards to what they did before.
    fn copied(&mut self, name: &str, args: &'c [Expr], values: &[Loans], whole: &'c Expr) {
        let ([dest, source, _], [to, from, _]) = (args, values) else { return };
        let moves = matches!(name, "vex_memcpy" | "vex_memmove");
        if !moves || !self.points_to_references(dest) || !self.points_to_references(source) {
            return;
        }
        let mut kept = self.contents(from);
        kept.iter_mut().for_each(|loan| loan.raw = false);
        kept.retain(|loan| !to.iter().any(|to| loan.same_place(to)));
        for to in to {
            self.keep(Loan { raw: false, ..*to }, &kept, whole);
        }
    }

    /// Whether a raw pointer, before it became untyped, was one to values that refer to something.
    fn points_to_references(&mut self, pointer: &Expr) -> bool {
        if let ExprKind::Cast { value, .. } = &pointer.kind {
            return self.points_to_references(value);
        }
        match *self.program.cx.types.kind(pointer.ty) {
            TyKind::RawPtr { pointee, .. } => pointee != Ty::STR && self.holds(pointee),
            _ => false,
        }
    }

    /// What a loan of a summary is for these arguments.
    fn translate(&self, loan: &Loan, values: &[Loans]) -> Loans {
        let Root::Param(index) = loan.root else { return vec![Loan { at: Span::NONE, ..*loan }] };
        let Some(value) = values.get(index as usize) else { return Loans::new() };
        let mut found = Loans::new();
        for base in value {
            let mut base = Loan { dead: None, ..*base };
            if !base.deep {
                base.path.extend(&loan.path);
            }
            base.deep |= loan.deep && !loan.far;
            match loan.far {
                true => add_all(&mut found, &self.contents(&[base])),
                false => add(&mut found, base),
            };
        }
        if loan.far && loan.deep {
            found.iter_mut().for_each(|loan| loan.deep = true);
        }
        found
    }

    /// What a call does, and what its result refers to.
    fn apply(&mut self, summary: &Summary, args: &'c [Expr], values: &[Loans], whole: &'c Expr) -> Loans {
        let at = whole.span;
        for (to, value) in &summary.stores {
            let kept = self.translate(value, values);
            for to in self.translate(to, values) {
                // Memory whose elements are moved about in it gets no references to itself.
                let kept: Loans =
                    kept.iter().filter(|loan| !(to.deep && loan.same_place(&to))).copied().collect();
                self.keep(to, &kept, whole);
            }
        }
        let mut found = Loans::new();
        if self.holds(whole.ty) {
            let raw = raw_like(&self.program.cx.types, whole.ty);
            for loan in &summary.result {
                let borrowed = match loan.root {
                    Root::Param(index) => args.get(index as usize).map_or(at, |arg| arg.span),
                    _ => at,
                };
                for known in self.translate(loan, values) {
                    // A parameter was borrowed by the caller; what is borrowed here is the argument.
                    let given = known.at.is_none() || matches!(known.root, Root::Param(_));
                    let place = if given { borrowed } else { known.at };
                    add(&mut found, Loan { raw: known.raw || (loan.raw && raw), at: place, ..known });
                }
            }
        }
        self.waiting.push(found);
        for changed in &summary.changes {
            for place in self.translate(changed, values) {
                if !may_lie_deeper(&place, values) {
                    self.change(&place, Why::Changed, false, at);
                }
            }
        }
        for written in &summary.writes {
            let places = self.translate(written, values);
            self.summarize_writes(&places);
        }
        let mut found = self.waiting.pop().unwrap_or_default();
        // What the call itself changed before it made its result does not end that.
        found
            .iter_mut()
            .filter(|loan| loan.dead.is_some_and(|(_, by)| by == at))
            .for_each(|loan| loan.dead = None);
        found
    }

    /// A call of something without a body here: its result refers to the receiver's memory or, without a receiver, to
    /// every argument's.
    fn unknown(
        &mut self,
        func: Option<FuncId>,
        args: &'c [Expr],
        values: &[Loans],
        whole: &'c Expr,
    ) -> Loans {
        let signature = func.and_then(|func| self.program.cx.funcs[func.0 as usize].signature.clone());
        if func.is_some_and(|func| self.program.cx.funcs[func.0 as usize].is_extern) {
            return Loans::new();
        }
        let declared = signature.as_ref().map_or(whole.ty, |signature| signature.ret);
        let borrows = names_reference(&self.program.cx.types, declared);
        let mut found = Loans::new();
        if self.holds(whole.ty) {
            let receiver = signature.is_some_and(|signature| signature.has_self);
            let count = if receiver { 1 } else { args.len() };
            for (arg, value) in args.iter().zip(values).take(count) {
                add_all(&mut found, &self.lent(arg.ty, value, borrows, whole.ty));
            }
        }
        for (arg, value) in args.iter().zip(values) {
            let TyKind::Ref { mutable: true, pointee } = *self.program.cx.types.kind(arg.ty) else {
                continue;
            };
            self.summarize_writes(value);
            if self.owns(pointee) {
                for place in value.iter().filter(|place| !may_lie_deeper(place, values)) {
                    self.change(place, Why::Changed, false, whole.span);
                }
            }
        }
        found
    }

    /// What a result may refer to that was made of an argument.
    fn lent(&self, ty: Ty, value: &Loans, borrows: bool, ret: Ty) -> Loans {
        let pointee = match *self.program.cx.types.kind(ty) {
            TyKind::Ref { pointee, .. } => pointee,
            TyKind::Slice { elem, .. } => elem,
            _ => return value.clone(),
        };
        let mut found = self.contents(value);
        if borrows {
            add_all(&mut found, value);
        }
        if (borrows || ret == Ty::STR) && self.owns(pointee) {
            for loan in value {
                add(&mut found, Loan { deep: true, ..*loan });
            }
        }
        found
    }

    /// Whether a value of the type is known to own memory.
    fn owns(&self, ty: Ty) -> bool {
        let types = &self.program.cx.types;
        !matches!(types.kind(ty), TyKind::Param { .. }) && types.needs_drop(ty)
    }

    /// No two arguments lend one place while one of them may change it.
    fn check_exclusive(&mut self, known: Option<(FuncId, &Summary)>, args: &'c [Expr], values: &[Loans]) {
        if args.len() < 2 || self.quiet {
            return;
        }
        // In a Vais function every reference can be written through: what counts is whether it is.
        let vais = known.filter(|(func, _)| self.program.is_vais(*func)).map(|(_, summary)| summary);
        let changes = |index: usize| match self.program.cx.types.kind(args[index].ty) {
            TyKind::Ref { mutable: true, .. } | TyKind::Slice { mutable: true, .. } => {
                vais.is_none_or(|summary| {
                    summary.writes.iter().any(|loan| loan.root == Root::Param(index as u32) && !loan.far)
                })
            }
            _ => false,
        };
        for second in 1..args.len() {
            for first in 0..second {
                for (changed, other) in [(first, second), (second, first)] {
                    let frees = changes(changed) && known.is_some_and(|(_, summary)| summary.frees(changed));
                    if frees
                        && let Some(shared) =
                            self.lent_inside(&values[changed], (&args[other], &values[other]))
                    {
                        return self.report_exclusive(&shared, &args[first], &args[second]);
                    }
                }
                if !changes(first) && !changes(second) {
                    continue;
                }
                if let Some(shared) =
                    self.shared((&args[first], &values[first]), (&args[second], &values[second]))
                {
                    return self.report_exclusive(&shared, &args[first], &args[second]);
                }
            }
        }
    }

    /// The memory of a place that one argument surely refers to, and another refers into: itself, by what it refers to,
    /// or as a closure that looks at the place.
    fn lent_inside(&mut self, place: &Loans, (arg, other): (&Expr, &Loans)) -> Option<Loan> {
        let [place] = place.as_slice() else { return None };
        if place.deep || place.raw || place.far {
            return None;
        }
        let closure = self.program.closure_of(arg.ty).is_some();
        let inside = |loan: &&Loan| {
            let same = loan.root == place.root && !loan.far && loan.dead.is_none();
            // Of what a closure has it may use a part only.
            let whole = loan.deep || loan.path.is_within(&place.path);
            same && whole && !loan.raw && loan.path.overlaps(&place.path, true)
        };
        let direct = other.iter().filter(|loan| loan.deep || closure).find(inside);
        direct
            .copied()
            .or_else(|| self.behind(arg, other).iter().filter(|loan| loan.deep).find(inside).copied())
    }

    /// What the variables refer to that a reference or a closure refers to.
    fn behind(&mut self, arg: &Expr, value: &Loans) -> Loans {
        let pointee = match *self.program.cx.types.kind(arg.ty) {
            TyKind::Ref { pointee, .. } => Some(pointee),
            _ if self.program.closure_of(arg.ty).is_some() => None,
            _ => return Loans::new(),
        };
        let mut found = Loans::new();
        for loan in value {
            let Root::Local(id) = loan.root else { continue };
            let ty = self.function.locals[id.0 as usize].ty;
            if self.holds(ty) && pointee.is_none_or(|pointee| self.holds(pointee)) {
                let mut held = self.contents(&[*loan]);
                self.only_reachable(&mut held, pointee.unwrap_or(ty));
                add_all(&mut found, &held);
            }
        }
        found
    }

    /// The memory that two references both refer to in any case.
    fn shared(&self, (a, of_a): (&Expr, &Loans), (b, of_b): (&Expr, &Loans)) -> Option<Loan> {
        let types = &self.program.cx.types;
        let refers = |ty| matches!(types.kind(ty), TyKind::Ref { .. } | TyKind::Slice { .. });
        let ([x], [y]) = (of_a.as_slice(), of_b.as_slice()) else { return None };
        if !refers(a.ty)
            || !refers(b.ty)
            || (x.root, x.far, x.deep) != (y.root, y.far, y.deep)
            || x.raw
            || y.raw
        {
            return None;
        }
        if x.far && !same(a, b) {
            return None;
        }
        let surely = !x.deep && x.path.overlaps(&y.path, true);
        (surely || same(a, b)).then_some(*x)
    }
}

impl Summary {
    /// Whether what an argument refers to may lose the memory that it owns.
    fn frees(&self, param: usize) -> bool {
        self.changes.iter().any(|loan| loan.root == Root::Param(param as u32) && !loan.far)
    }
}

/// Whether a reference that may refer to a place may as well refer to memory that the place owns. What is changed by
/// way of it is then not known to be the place.
fn may_lie_deeper(place: &Loan, values: &[Loans]) -> bool {
    let deeper = |loan: &Loan| loan.deep && loan.root == place.root && loan.at == place.at;
    !place.deep && values.iter().flatten().any(deeper)
}

/// Whether two expressions are the same and give the same place.
fn same(a: &Expr, b: &Expr) -> bool {
    use ExprKind::*;
    match (&a.kind, &b.kind) {
        (Local(a), Local(b)) => a == b,
        (Global(a), Global(b)) => a == b,
        (Int(a), Int(b)) => a == b,
        (Str(a), Str(b)) => a == b,
        (Field { base: a, index: i }, Field { base: b, index: j }) => i == j && same(a, b),
        (Index { base: a, index: i }, Index { base: b, index: j }) => same(a, b) && same(i, j),
        (Deref(a), Deref(b)) | (Borrow(a), Borrow(b)) => same(a, b),
        (Cast { value: a, kind: i }, Cast { value: b, kind: j }) => i == j && same(a, b),
        (Binary { op: i, left: a, right: c }, Binary { op: j, left: b, right: d }) => {
            i == j && same(a, b) && same(c, d)
        }
        (
            Call { callee: Callee::Func { func: i, .. }, args: a },
            Call { callee: Callee::Func { func: j, .. }, args: b },
        ) => i == j && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => false,
    }
}
