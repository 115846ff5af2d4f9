//! The last request the selected allocator had no room for.
//!
//! A refused request is null and nothing more, and a program that does not look
//! fails later, far away. Whoever reports that failure can tell why from here,
//! without a lock, in any state of the process.

use core::sync::atomic::{AtomicUsize, Ordering};

/// A request that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The allocator's name.
    pub allocator: &'static str,
    /// The bytes asked for.
    pub size: usize,
}

/// The size of the last refused request plus one; 0 when none was.
static LAST: AtomicUsize = AtomicUsize::new(0);

/// Passes a block on, and remembers a null one.
#[inline]
pub(super) fn noting(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        LAST.store(size.saturating_add(1), Ordering::Relaxed);
    }
    block
}

/// The last request the selected allocator refused; `None` when it refused none
/// or the process's allocator is the heap.
pub fn last_refusal() -> Option<Refusal> {
    let size = LAST.load(Ordering::Relaxed).checked_sub(1)?;
    Some(Refusal { allocator: super::selected()?.name(), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_are_remembered() {
        let mut byte = 0u8;
        assert_eq!(noting(&raw mut byte, 10), &raw mut byte);
        assert_eq!(LAST.load(Ordering::Relaxed), 0);
        assert!(noting(core::ptr::null_mut(), 4096).is_null());
        assert_eq!(LAST.load(Ordering::Relaxed), 4097);
        assert_eq!(last_refusal(), None, "the tests' process has not selected an allocator");
    }
}
