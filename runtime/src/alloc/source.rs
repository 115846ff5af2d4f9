//! Where the allocators' buffers and the global allocator's blocks come from:
//! the process's allocator.
//!
//! One place, so that `--allocator` decides for all of them, and so that a test
//! can make the k-th request fail.

use crate::process;
use core::ptr::NonNull;

/// Asks for `size` bytes at a multiple of `align`, all zero if `zeroed`.
pub(crate) fn allocate(size: usize, align: usize, zeroed: bool) -> Option<NonNull<u8>> {
    #[cfg(test)]
    if !testing::permit() {
        return None;
    }
    NonNull::new(match zeroed {
        true => process::allocate_zeroed(size, align),
        false => process::allocate(size, align),
    })
}

/// Resizes a block in place or by moving it; `None` leaves the old block alone.
///
/// # Safety
///
/// `block` must come from this module and be live.
pub(crate) unsafe fn reallocate(block: NonNull<u8>, new_size: usize, align: usize) -> Option<NonNull<u8>> {
    #[cfg(test)]
    if !testing::permit() {
        return None;
    }
    // SAFETY: the caller's word.
    NonNull::new(unsafe { process::reallocate(block.as_ptr(), new_size, align) })
}

/// Usable bytes of a block.
///
/// # Safety
///
/// `block` must come from this module and be live.
pub(crate) unsafe fn usable_size(block: NonNull<u8>) -> usize {
    // SAFETY: the caller's word.
    unsafe { process::usable_size(block.as_ptr()) }
}

/// Gives a block back.
///
/// # Safety
///
/// `block` must come from this module and be live.
pub(crate) unsafe fn deallocate(block: NonNull<u8>) {
    // SAFETY: the caller's word.
    unsafe { process::deallocate(block.as_ptr()) }
}

/// Test support: making the k-th request fail.
#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;

    thread_local! {
        static REMAINING: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Whether the next request may go through; counts it.
    pub(super) fn permit() -> bool {
        match REMAINING.get() {
            None => true,
            Some(0) => false,
            Some(left) => {
                REMAINING.set(Some(left - 1));
                true
            }
        }
    }

    /// Runs `body` with only the first `count` requests of this thread granted.
    pub(crate) fn with_budget<R>(count: u64, body: impl FnOnce() -> R) -> R {
        REMAINING.set(Some(count));
        let result = body();
        REMAINING.set(None);
        result
    }
}
