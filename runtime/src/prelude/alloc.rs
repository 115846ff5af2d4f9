//! The allocation functions of the Mem prelude document.

use super::{DEFAULT_ALIGN, Heap, Selected, Source};
use crate::size;
use core::ffi::c_void;
use core::ptr::null_mut;

crate::exports! {
    group MemPrelude, twins S = Heap | Selected;

    /// Allocates `size` bytes, uninitialized, aligned to 16 bytes.
    ///
    /// `vex_malloc(0)` returns a block of its own. Null when there is no memory.
    pub fn vex_malloc(size: usize) -> *mut c_void {
        S::allocate(size, DEFAULT_ALIGN).cast()
    }

    /// Allocates `count * size` zeroed bytes, aligned to 16 bytes.
    ///
    /// Null when there is no memory or the product overflows.
    pub fn vex_calloc(count: usize, size: usize) -> *mut c_void {
        match size::array(count, size) {
            Some(bytes) => S::allocate_zeroed(bytes, DEFAULT_ALIGN).cast(),
            None => null_mut(),
        }
    }

    /// Resizes a block to `size` bytes, keeping its contents up to the smaller size.
    ///
    /// A null `ptr` allocates. A `size` of 0 frees and returns null. Null for
    /// any other `size` means that there is no memory and the block is unchanged.
    pub fn vex_realloc(ptr: *mut c_void, size: usize) -> *mut c_void {
        if ptr.is_null() {
            return S::allocate(size, DEFAULT_ALIGN).cast();
        }
        if size == 0 {
            // SAFETY: the caller passes a live block.
            unsafe { S::deallocate(ptr.cast()) };
            return null_mut();
        }
        // SAFETY: the caller passes a live block, and it is not null.
        unsafe { S::reallocate(ptr.cast(), size, DEFAULT_ALIGN).cast() }
    }

    /// Frees a block of `vex_malloc`, `vex_calloc`, `vex_realloc` or
    /// `vex_aligned_alloc`. Null is ignored.
    pub fn vex_free(ptr: *mut c_void) {
        // SAFETY: the caller passes null or a live block.
        unsafe { S::deallocate(ptr.cast()) }
    }

    /// The usable bytes of a block, at least the bytes asked for; 0 for null.
    pub fn vex_malloc_usable_size(ptr: *mut c_void) -> usize {
        // SAFETY: the caller passes null or a live block.
        unsafe { S::usable_size(ptr.cast()) }
    }

    /// Allocates `size` bytes, uninitialized, at a multiple of `alignment`.
    ///
    /// Null when `alignment` is not a power of two or there is no memory. The
    /// block is freed with `vex_free`.
    pub fn vex_aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        if !size::is_alignment(alignment) {
            return null_mut();
        }
        S::allocate(size, alignment.max(DEFAULT_ALIGN)).cast()
    }
}
