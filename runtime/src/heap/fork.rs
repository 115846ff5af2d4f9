//! `fork`: every lock is taken before it and opened after it on both sides, so
//! the child never inherits a lock that a thread it does not have was holding.
//!
//! A first-class heap's lock is held while one of the others is taken, and the lock of their list while the
//! registry's is; who takes two of the others takes them in the order of [`before`].
//! The handlers must be in place before any thread takes a lock. [`prepare`] is
//! therefore called ahead of the locks on every path that is about to take one.

use super::{cache, heaps, idle, purge, recent, registry, spans};
use crate::sync::ForkHandlers;

static HANDLERS: ForkHandlers = ForkHandlers::new(|| (), before, after_in_parent, after_in_child);

/// Returns once the handlers are installed.
#[inline]
pub fn prepare() {
    HANDLERS.ensure();
}

/// Takes every lock of the heap, in the order everybody takes them.
unsafe extern "C" fn before() {
    heaps::acquire();
    registry::acquire();
    purge::acquire();
    spans::acquire();
    cache::acquire();
}

unsafe extern "C" fn after_in_parent() {
    // SAFETY: taken by `before` on this thread.
    unsafe {
        cache::release();
        spans::release();
        purge::release();
        registry::release();
        heaps::release();
    }
}

unsafe extern "C" fn after_in_child() {
    // SAFETY: taken by `before` on the thread this one is the copy of.
    unsafe {
        cache::release();
        spans::release();
        purge::release();
        registry::release();
        heaps::release();
    }
    registry::abandon_other_threads();
    recent::after_fork();
    idle::after_fork();
}
