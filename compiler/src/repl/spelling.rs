//! The spelling of the session, for all parts of the editor.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vex_syntax::Spelling;

/// The spelling that the next entry is read in. Copies share it.
#[derive(Clone, Debug)]
pub(super) struct Current(Arc<AtomicUsize>);

impl Current {
    /// Starts with this one.
    pub(super) fn new(spelling: Spelling) -> Current {
        let current = Current(Arc::default());
        current.set(spelling);
        current
    }

    /// Which it is.
    pub(super) fn get(&self) -> Spelling {
        Spelling::ALL[self.0.load(Ordering::Relaxed)]
    }

    /// Changes it for all copies.
    pub(super) fn set(&self, spelling: Spelling) {
        let index = Spelling::ALL.into_iter().position(|s| s == spelling);
        self.0.store(index.unwrap_or(0), Ordering::Relaxed);
    }
}
