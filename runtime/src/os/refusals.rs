//! For tests: an OS that refuses.
//!
//! Every call of the OS layer that can fail asks [`refused`] first. Outside of
//! [`refusing`] nothing is refused; inside, the calls of this thread are counted,
//! and those that the [`Plan`] names fail as if the OS had said no.

use std::cell::Cell;

/// What can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A mapping; also the target of a `remap`.
    Map,
    /// Giving a mapping or a part of one back: it then stays mapped.
    Unmap,
    /// Changing a mapping's size.
    Remap,
    /// Giving back the memory behind OS pages.
    Discard,
    /// Changing what may be done with OS pages.
    Protect,
    /// Keeping OS pages resident.
    Pin,
    /// Having something run when a thread ends.
    ThreadExit,
}

/// Which calls fail, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// This one alone.
    Only(u64),
    /// This one and all after it.
    From(u64),
    /// Of the mappings, this one and all after it; everything else is granted.
    MapsFrom(u64),
}

#[derive(Clone, Copy)]
struct State {
    plan: Plan,
    /// Calls that count, so far.
    calls: u64,
    /// Calls that failed.
    failed: u64,
}

thread_local! {
    static STATE: Cell<Option<State>> = const { Cell::new(None) };
}

/// Whether this call is to fail.
pub(super) fn refused(call: Call) -> bool {
    let Some(mut state) = STATE.get() else { return false };
    let number = state.calls;
    let fails = match state.plan {
        Plan::Only(only) => number == only,
        Plan::From(first) => number >= first,
        Plan::MapsFrom(_) if call != Call::Map => return false,
        Plan::MapsFrom(first) => number >= first,
    };
    state.calls += 1;
    state.failed += u64::from(fails);
    STATE.set(Some(state));
    fails
}

/// Runs `body` under a plan, for the calls of this thread; how many failed.
pub(crate) fn refusing(plan: Plan, body: impl FnOnce()) -> u64 {
    STATE.set(Some(State { plan, calls: 0, failed: 0 }));
    body();
    STATE.take().expect("plans are not nested").failed
}
