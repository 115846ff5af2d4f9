//! The last request that was refused for want of memory.
//!
//! A refused request is null and nothing more, and a program that does not look
//! fails later, far away. Whoever reports that failure can tell why from here,
//! without a lock, in any state of the process.

use crate::os::limit;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A request that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The allocator's name.
    pub allocator: &'static str,
    /// The bytes asked for.
    pub size: usize,
    /// The memory limit in bytes that was in the way, if it was that.
    pub limit: Option<u64>,
}

/// The size of the last refused request plus one; 0 when none was.
static LAST: AtomicUsize = AtomicUsize::new(0);
/// The limit that refused it plus one; 0 when none did.
static LAST_LIMIT: AtomicU64 = AtomicU64::new(0);

/// Passes a block on, and remembers a null one.
#[inline]
pub(crate) fn noting(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        note(size);
    }
    block
}

#[cold]
fn note(size: usize) {
    let limit = limit::take_reached();
    LAST_LIMIT.store(limit.map_or(0, |limit| limit.saturating_add(1)), Ordering::Relaxed);
    LAST.store(size.saturating_add(1), Ordering::Relaxed);
}

/// The last request that was refused, by the heap or by the selected allocator;
/// `None` when none was.
pub fn last_refusal() -> Option<Refusal> {
    let size = LAST.load(Ordering::Relaxed).checked_sub(1)?;
    let limit = LAST_LIMIT.load(Ordering::Relaxed).checked_sub(1);
    Some(Refusal { allocator: super::current().name(), size, limit })
}

/// Forgets it: for the next program in this process.
pub fn forget_refusal() {
    LAST.store(0, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    // Other tests of this process are refused memory as well, so nothing is
    // assumed about what was remembered before.
    #[test]
    fn refusals_are_remembered() {
        let mut byte = 0u8;
        assert_eq!(noting(&raw mut byte, 10), &raw mut byte);
        limit::take_reached();
        let seen = (0..1000).any(|_| {
            assert!(noting(core::ptr::null_mut(), 40_961).is_null());
            last_refusal() == Some(Refusal { allocator: "heap", size: 40_961, limit: None })
        });
        assert!(seen);
    }
}
