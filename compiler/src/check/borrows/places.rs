//! Places: which memory an expression stands for, and what is read from there.

use super::flow::Flow;
use super::holds::is_owner;
use super::loan::{Loan, Loans, Path, Root, add, add_all};
use crate::typed::{Expr, ExprKind};
use crate::types::TyKind;

/// The memory that a place stands for.
#[derive(Default)]
pub(super) struct Place {
    /// Where it may be; nothing where that is not known.
    pub(super) at: Loans,
    /// If it lies in a structure that owns memory by raw pointers: that structure.
    pub(super) owner: Option<Loans>,
    /// If it is part of a value and has no memory: what the value refers to.
    pub(super) value: Option<Loans>,
    /// Whether it is reached through a pointer or reference.
    pub(super) through: bool,
}

impl<'c> Flow<'_, 'c, '_> {
    /// Whether an expression is a place.
    pub(super) fn is_place(&self, expr: &Expr) -> bool {
        matches!(
            expr.kind,
            ExprKind::Local(_)
                | ExprKind::Global(_)
                | ExprKind::Deref(_)
                | ExprKind::Temp { .. }
                | ExprKind::Field { .. }
                | ExprKind::Payload { .. }
                | ExprKind::Index { .. }
        )
    }

    /// Evaluates what leads to a place.
    pub(super) fn place(&mut self, expr: &'c Expr) -> Place {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Local(id) => Place { at: vec![Loan::of(Root::Local(*id), span)], ..Place::default() },
            ExprKind::Global(id) => Place { at: vec![Loan::of(Root::Global(*id), span)], ..Place::default() },
            ExprKind::Temp { local, init } => {
                let value = self.expr(init);
                self.hold(Root::Local(*local), value);
                Place { at: vec![Loan::of(Root::Local(*local), span)], ..Place::default() }
            }
            ExprKind::Field { base, index } => self.part(base, Path::field(*index)),
            ExprKind::Payload { base, variant, index } => {
                self.part(base, Path::field((*variant << 10) | *index))
            }
            ExprKind::Index { base, index } => self.element(base, index),
            ExprKind::Deref(pointer) => {
                let at = self.expr(pointer);
                Place { at, through: true, ..Place::default() }
            }
            _ => {
                let value = self.expr(expr);
                Place { value: Some(value), ..Place::default() }
            }
        }
    }

    fn part(&mut self, base: &'c Expr, step: u32) -> Place {
        let mut place = self.place(base);
        if is_owner(&self.program.cx.types, base.ty) {
            place.owner = Some(place.at.clone());
        }
        place.at.iter_mut().filter(|loan| !loan.deep).for_each(|loan| loan.path.push(step));
        place
    }

    fn element(&mut self, base: &'c Expr, index: &'c Expr) -> Place {
        let slice = matches!(self.program.cx.types.kind(base.ty), TyKind::Slice { .. });
        let mut place = match slice {
            true => Place { at: self.expr(base), through: true, ..Place::default() },
            false => self.place(base),
        };
        self.expr(index);
        let step = match index.kind {
            ExprKind::Int(number) => Path::element(number),
            _ => Path::SOME_ELEMENT,
        };
        place.at.iter_mut().filter(|loan| !loan.deep).for_each(|loan| loan.path.push(step));
        place
    }

    /// What the values in these places refer to.
    pub(super) fn contents(&self, at: &[Loan]) -> Loans {
        let mut found = Loans::new();
        for place in at {
            match place.root {
                Root::Param(_) => {
                    let far = Loan { far: true, deep: false, dead: None, ..*place };
                    add(&mut found, far);
                }
                root => {
                    if let Some(held) = self.state.as_ref().and_then(|state| state.held.get(&root)) {
                        add_all(&mut found, held);
                    }
                }
            }
        }
        found
    }

    /// The value of a place, or of part of a value.
    pub(super) fn load(&mut self, expr: &'c Expr) -> Loans {
        if let ExprKind::Local(_) | ExprKind::Global(_) = expr.kind
            && !self.holds(expr.ty)
        {
            return Loans::new();
        }
        let place = self.place(expr);
        self.read(expr, place)
    }

    /// The value in a place that was evaluated.
    pub(super) fn read(&mut self, expr: &'c Expr, place: Place) -> Loans {
        if !self.holds(expr.ty) {
            return Loans::new();
        }
        let mut found = match place.value {
            Some(value) => value,
            None => {
                let found = self.contents(&place.at);
                self.check_alive(&found, expr);
                found
            }
        };
        if let Some(owner) = place.owner {
            for loan in owner {
                add(&mut found, Loan { deep: true, raw: true, at: expr.span, ..loan });
            }
        }
        found
    }

    /// Writes references to a place.
    pub(super) fn store(&mut self, place: &Place, value: &Loans, expr: &'c Expr) {
        let value: Loans = value.iter().filter(|loan| !loan.raw).copied().collect();
        if value.is_empty() {
            return;
        }
        for &to in &place.at {
            self.keep(to, &value, expr);
        }
    }

    /// Some of these references are kept in a place from now on.
    pub(super) fn keep(&mut self, to: Loan, value: &Loans, expr: &'c Expr) {
        match to.root {
            Root::Param(_) => {
                self.check_kept(to, value, expr);
                for &loan in value.iter().filter(|loan| !matches!(loan.root, Root::Local(_))) {
                    let pair = (Loan { dead: None, ..to }, Loan { dead: None, ..loan });
                    if self.summary.stores.len() < 64 && !self.summary.stores.contains(&pair) {
                        self.summary.stores.push(pair);
                    }
                }
            }
            root => {
                if let Root::Global(_) = root {
                    self.check_kept(to, value, expr);
                }
                if let Some(state) = &mut self.state {
                    add_all(std::rc::Rc::make_mut(state.held.entry(root).or_default()), value);
                }
            }
        }
    }
}
