//! `fork`: every lock is taken before it and opened after it on both sides, so
//! the child never inherits a lock that a thread it does not have was holding.
//!
//! The three locks are never held at once, so their order among each other is free.
//! The handlers must be in place before any thread takes a lock. [`prepare`] is
//! therefore called ahead of the locks on every path that is about to take one.

use super::{cache, registry, spans};
use crate::sync::ForkHandlers;

static HANDLERS: ForkHandlers = ForkHandlers::new(|| (), before, after_in_parent, after_in_child);

/// Returns once the handlers are installed.
#[inline]
pub fn prepare() {
    HANDLERS.ensure();
}

/// Takes every lock of the heap, in the order everybody takes them.
unsafe extern "C" fn before() {
    registry::acquire();
    spans::acquire();
    cache::acquire();
}

unsafe extern "C" fn after_in_parent() {
    // SAFETY: taken by `before` on this thread.
    unsafe {
        cache::release();
        spans::release();
        registry::release();
    }
}

unsafe extern "C" fn after_in_child() {
    // SAFETY: taken by `before` on the thread this one is the copy of.
    unsafe {
        cache::release();
        spans::release();
        registry::release();
    }
    registry::abandon_other_threads();
}
