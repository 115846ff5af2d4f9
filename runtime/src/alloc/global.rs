//! The global allocator: single blocks from the process's manager, by layout.
//!
//! For long-lived objects and unknown patterns. It has no state of its own and
//! no figures; `global_dealloc` needs the layout the block was allocated with.

use super::{request, source};
use crate::layout::{Allocation, Layout};
use core::ptr::NonNull;

/// Allocates uninitialized memory; [`Allocation::NONE`] when the layout is bad
/// or there is no memory. Zero bytes give a block of their own.
pub fn global_alloc(layout: Layout) -> Allocation {
    obtain(layout, false)
}

/// Allocates zeroed memory; otherwise as [`global_alloc`].
pub fn global_alloc_zeroed(layout: Layout) -> Allocation {
    obtain(layout, true)
}

/// Frees a block; address 0 is ignored. The process's allocator knows the size,
/// so a wrong layout does no harm.
///
/// # Safety
///
/// `ptr` must be 0 or a live block of this allocator.
pub unsafe fn global_dealloc(ptr: i64, _layout: Layout) {
    if let Some(block) = pointer(ptr) {
        // SAFETY: the caller's word.
        unsafe { source::deallocate(block) }
    }
}

/// Moves a block to `new_layout`, size and alignment, keeping the bytes both
/// have; on failure the old block stays valid. Address 0 allocates.
///
/// # Safety
///
/// `ptr` must be 0 or a live block of this allocator with `old_layout`.
pub unsafe fn global_realloc(ptr: i64, old_layout: Layout, new_layout: Layout) -> Allocation {
    let Some(block) = pointer(ptr) else { return global_alloc(new_layout) };
    let (Some(_), Some((bytes, align))) = (request(old_layout), request(new_layout)) else {
        return Allocation::NONE;
    };
    // SAFETY: the caller's word.
    let moved = unsafe { source::reallocate(block, bytes.max(1), align) };
    moved.map_or(Allocation::NONE, |block| allocation(block, new_layout))
}

fn obtain(layout: Layout, zeroed: bool) -> Allocation {
    request(layout)
        .and_then(|(bytes, align)| source::allocate(bytes.max(1), align, zeroed))
        .map_or(Allocation::NONE, |block| allocation(block, layout))
}

fn allocation(block: NonNull<u8>, layout: Layout) -> Allocation {
    Allocation { ptr: block.as_ptr().expose_provenance() as i64, size: layout.size }
}

fn pointer(ptr: i64) -> Option<NonNull<u8>> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(ptr as usize))
}

crate::exports! {
    group Allocator;

    /// Allocates uninitialized memory; `{0, 0}` on failure.
    pub fn vex_global_alloc(layout: Layout) -> Allocation {
        global_alloc(layout)
    }

    /// Allocates zeroed memory; `{0, 0}` on failure.
    pub fn vex_global_alloc_zeroed(layout: Layout) -> Allocation {
        global_alloc_zeroed(layout)
    }

    /// Frees a block of `vex_global_alloc` that has this layout; 0 is ignored.
    pub fn vex_global_dealloc(ptr: i64, layout: Layout) {
        // SAFETY: the caller's word is what `global_dealloc` asks for.
        unsafe { global_dealloc(ptr, layout) }
    }

    /// Moves a block from one layout to another, keeping the bytes both have;
    /// `{0, 0}` on failure, and then the old block stays valid.
    pub fn vex_global_realloc(ptr: i64, old_layout: Layout, new_layout: Layout) -> Allocation {
        // SAFETY: the caller's word is what `global_realloc` asks for.
        unsafe { global_realloc(ptr, old_layout, new_layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::layouts::{layout_array, layout_new};

    /// The bytes of a block.
    ///
    /// # Safety
    ///
    /// The block must be live and initialized.
    unsafe fn bytes(block: Allocation) -> &'static mut [u8] {
        let start = core::ptr::with_exposed_provenance_mut(block.ptr as usize);
        // SAFETY: the caller's word.
        unsafe { core::slice::from_raw_parts_mut(start, block.size as usize) }
    }

    #[test]
    fn realloc_changes_size_and_alignment_and_keeps_the_bytes() {
        let mut layout = layout_new(100, 64);
        let mut block = global_alloc_zeroed(layout);
        // SAFETY: the block is live and zeroed.
        unsafe { bytes(block) }.fill(0x5A);
        let mut kept = 100;
        for next in [
            layout_new(1000, 128),
            layout_new(3, 1),
            layout_new(5000, 4096),
            layout_new(50, 4096),
            layout_new(0, 8),
        ] {
            // SAFETY: the block is live with `layout`.
            block = unsafe { global_realloc(block.ptr, layout, next) };
            assert!(block.ptr != 0 && block.ptr % next.align == 0);
            kept = kept.min(next.size as usize);
            // SAFETY: the first `kept` bytes were written.
            let first = unsafe {
                core::slice::from_raw_parts(
                    core::ptr::with_exposed_provenance::<u8>(block.ptr as usize),
                    kept,
                )
            };
            assert!(first.iter().all(|&byte| byte == 0x5A));
            layout = next;
        }
        // SAFETY: the block is live with `layout`.
        unsafe { global_dealloc(block.ptr, layout) };
    }

    #[test]
    fn a_failed_realloc_leaves_the_old_block() {
        let layout = layout_new(32, 16);
        let block = global_alloc_zeroed(layout);
        // SAFETY: the block is live and zeroed.
        unsafe { bytes(block) }.fill(9);
        let bad = [
            layout_new(-1, 16),
            layout_new(64, 3),
            layout_array(8, 8, i64::MAX),
            layout_new(i64::MAX, 16),
            layout_new(i64::MAX, 32),
        ];
        for new_layout in bad {
            // SAFETY: the block is live with `layout`.
            assert_eq!(unsafe { global_realloc(block.ptr, layout, new_layout) }, Allocation::NONE);
        }
        // SAFETY: refused because of the old layout, before the block is touched.
        let refused = unsafe { global_realloc(block.ptr, layout_new(32, 3), layout) };
        assert_eq!(refused, Allocation::NONE);
        for new_layout in [layout_new(64, 16), layout_new(64, 32)] {
            // SAFETY: as above.
            let refused =
                source::testing::with_budget(0, || unsafe { global_realloc(block.ptr, layout, new_layout) });
            assert_eq!(refused, Allocation::NONE);
        }
        // SAFETY: still live, still written.
        assert!(unsafe { bytes(block) }.iter().all(|&byte| byte == 9));
        // SAFETY: the block is live with `layout`.
        unsafe { global_dealloc(block.ptr, layout) };
    }

    #[test]
    fn null_and_bad_layouts() {
        // SAFETY: null is ignored, and reallocating it allocates.
        unsafe {
            global_dealloc(0, layout_new(8, 8));
            let block = global_realloc(0, layout_new(0, 1), layout_new(8, 8));
            assert_ne!(block, Allocation::NONE);
            global_dealloc(block.ptr, layout_new(8, 8));
        }
        for bad in [layout_new(-1, 8), layout_new(8, 0), layout_new(8, 12), layout_new(i64::MAX, 8)] {
            assert_eq!(global_alloc(bad), Allocation::NONE);
            assert_eq!(global_alloc_zeroed(bad), Allocation::NONE);
        }
        let empty = global_alloc(layout_new(0, 64));
        assert!(empty.ptr != 0 && empty.ptr % 64 == 0);
        // SAFETY: the block is live with this layout.
        unsafe { global_dealloc(empty.ptr, layout_new(0, 64)) };
    }
}
