//! What a reference refers to, and what is known of every variable at one point of a function.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use vex_syntax::Span;

use crate::typed::{GlobalId, LocalId};

/// Whose memory it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Root {
    Local(LocalId),
    Global(GlobalId),
    /// What the references in the argument for a parameter refer to.
    Param(u32),
}

/// The most steps a path has; what lies deeper counts as the whole.
const STEPS: usize = 4;

const ELEMENT: u32 = 1 << 31;
/// An element whose number is a constant.
const CONSTANT: u32 = 1 << 30;

/// Which part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Path {
    len: u8,
    steps: [u32; STEPS],
}

impl Path {
    /// A field.
    pub(super) fn field(index: u32) -> u32 {
        index & (CONSTANT - 1)
    }

    /// An element with a known number.
    pub(super) fn element(index: u64) -> u32 {
        ELEMENT | CONSTANT | (index as u32 & (CONSTANT - 1))
    }

    /// An element, by whatever number.
    pub(super) const SOME_ELEMENT: u32 = ELEMENT;

    pub(super) fn push(&mut self, step: u32) {
        if (self.len as usize) < STEPS {
            self.steps[self.len as usize] = step;
            self.len += 1;
        }
    }

    pub(super) fn extend(&mut self, other: &Path) {
        other.steps[..other.len as usize].iter().for_each(|&step| self.push(step));
    }

    /// The first step and those after it; `None` of the whole.
    pub(super) fn split(&self) -> Option<(u32, Path)> {
        let (first, rest) = self.steps[..self.len as usize].split_first()?;
        let mut path = Path::default();
        rest.iter().for_each(|&step| path.push(step));
        // Steps that were left out are left out of the rest, too.
        (!self.is_full()).then_some((*first, path))
    }

    /// Whether there is no room for steps that it may have besides.
    pub(super) fn is_full(&self) -> bool {
        self.len as usize == STEPS
    }

    /// Whether it has no fewer steps than another.
    pub(super) fn is_within(&self, other: &Path) -> bool {
        self.len >= other.len
    }

    /// Whether two parts may share memory. With `surely` only where they do in any case.
    pub(super) fn overlaps(&self, other: &Path, surely: bool) -> bool {
        let (a, b) = (&self.steps[..self.len as usize], &other.steps[..other.len as usize]);
        a.iter().zip(b).all(|(&a, &b)| {
            let known = |step: u32| step & ELEMENT == 0 || step & CONSTANT != 0;
            match known(a) && known(b) {
                true => a == b,
                false => !surely,
            }
        })
    }
}

/// Why a reference must not be used any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    Moved,
    Ended,
    Replaced,
    Changed,
}

/// That a value refers to something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Loan {
    pub(super) root: Root,
    pub(super) path: Path,
    /// Of a parameter: not what its references refer to, but what the references in there do.
    pub(super) far: bool,
    /// Memory that the place owns, not the place itself.
    pub(super) deep: bool,
    /// Known by a raw pointer only: whoever has it answers for it, until a function gives it out as a safe value.
    pub(super) raw: bool,
    /// Where it was borrowed.
    pub(super) at: Span,
    /// Since when it refers to nothing.
    pub(super) dead: Option<(Why, Span)>,
}

impl Loan {
    pub(super) fn of(root: Root, at: Span) -> Loan {
        Loan { root, path: Path::default(), far: false, deep: false, raw: false, at, dead: None }
    }

    fn same(&self, other: &Loan) -> bool {
        self.same_place(other) && self.raw == other.raw
    }

    /// Whether both are the same memory, by whatever way it is known.
    pub(super) fn same_place(&self, other: &Loan) -> bool {
        (self.root, self.path, self.far, self.deep) == (other.root, other.path, other.far, other.deep)
    }
}

/// What a value refers to; most refer to nothing.
pub(super) type Loans = Vec<Loan>;

/// More than these are not followed.
const MOST: usize = 24;

/// Adds a loan; whether that made a difference.
pub(super) fn add(loans: &mut Loans, loan: Loan) -> bool {
    let known = loans.iter().position(|known| known.same(&loan));
    match known {
        Some(index) if loans[index].dead.is_none() && loan.dead.is_some() => {
            loans[index].dead = loan.dead;
            true
        }
        None if loans.len() < MOST => {
            loans.push(loan);
            true
        }
        _ => false,
    }
}

/// Adds several.
pub(super) fn add_all(loans: &mut Loans, more: &[Loan]) -> bool {
    let mut changed = false;
    for &loan in more {
        changed |= add(loans, loan);
    }
    changed
}

/// What the variables refer to, those that refer to something.
#[derive(Clone, Default, Debug)]
pub(super) struct State {
    pub(super) held: FxHashMap<Root, Rc<Loans>>,
}

impl State {
    /// Adds what another path leaves; whether that made a difference.
    pub(super) fn join(&mut self, other: State) -> bool {
        let mut changed = false;
        for (root, loans) in other.held {
            match self.held.get_mut(&root) {
                Some(known) if Rc::ptr_eq(known, &loans) => {}
                Some(known) => changed |= add_all(Rc::make_mut(known), &loans),
                None => {
                    self.held.insert(root, loans);
                    changed = true;
                }
            }
        }
        changed
    }

    /// Whether nothing refers to anything.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// What is left after a function: what globals refer to.
    pub(super) fn of_globals(mut self) -> State {
        self.held.retain(|root, _| matches!(root, Root::Global(_)));
        self
    }

    /// Ends the loans that `ends` picks.
    pub(super) fn end(&mut self, why: Why, at: Span, ends: &dyn Fn(&Loan) -> bool) {
        for loans in self.held.values_mut() {
            if loans.iter().any(|loan| loan.dead.is_none() && ends(loan)) {
                end(Rc::make_mut(loans), why, at, ends);
            }
        }
    }
}

/// Ends the loans that `ends` picks.
pub(super) fn end(loans: &mut Loans, why: Why, at: Span, ends: &dyn Fn(&Loan) -> bool) {
    for loan in loans.iter_mut().filter(|loan| loan.dead.is_none()) {
        if ends(loan) {
            loan.dead = Some((why, at));
        }
    }
}

/// The states of two paths that meet; `None` where none leads.
pub(super) fn join(a: Option<State>, b: Option<State>) -> Option<State> {
    match (a, b) {
        (None, other) | (other, None) => other,
        (Some(mut a), Some(b)) => {
            a.join(b);
            Some(a)
        }
    }
}
