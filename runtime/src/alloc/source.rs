//! Where the allocators' buffers and the global allocator's blocks come from:
//! the process's manager.
//!
//! One place, so that `--allocator` decides for all of them, and so that a test
//! can make the k-th request fail.

use core::ptr::NonNull;

/// Asks for `size` bytes at a multiple of `align`, all zero if `zeroed`.
pub(crate) fn allocate(size: usize, align: usize, zeroed: bool) -> Option<NonNull<u8>> {
    #[cfg(test)]
    if !testing::permit() {
        return None;
    }
    let layout = std::alloc::Layout::from_size_align(size.max(1), align).ok()?;
    // SAFETY: the layout's size is at least 1.
    NonNull::new(unsafe {
        use std::alloc::GlobalAlloc;
        if zeroed { std::alloc::System.alloc_zeroed(layout) } else { std::alloc::System.alloc(layout) }
    })
}

/// Resizes a block in place or by moving it; `None` leaves the old block alone.
///
/// # Safety
///
/// `block` must come from this module with `old_size` and `align`, and be live.
pub(crate) unsafe fn reallocate(
    block: NonNull<u8>,
    old_size: usize,
    align: usize,
    new_size: usize,
) -> Option<NonNull<u8>> {
    #[cfg(test)]
    if !testing::permit() {
        return None;
    }
    let layout = std::alloc::Layout::from_size_align(old_size.max(1), align).ok()?;
    use std::alloc::GlobalAlloc;
    // SAFETY: the caller's word is what the system allocator asks for.
    NonNull::new(unsafe { std::alloc::System.realloc(block.as_ptr(), layout, new_size.max(1)) })
}

/// Gives a block back.
///
/// # Safety
///
/// `block` must come from this module with `size` and `align`, and be live.
pub(crate) unsafe fn deallocate(block: NonNull<u8>, size: usize, align: usize) {
    use std::alloc::GlobalAlloc;
    let Ok(layout) = std::alloc::Layout::from_size_align(size.max(1), align) else { return };
    // SAFETY: the caller's word is what the system allocator asks for.
    unsafe { std::alloc::System.dealloc(block.as_ptr(), layout) }
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
