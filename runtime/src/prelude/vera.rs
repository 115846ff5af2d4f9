//! The allocation functions of the vera:memory document for C programs. In the language
//! the module of that name builds the same on the two primitives.

use super::{DEFAULT_ALIGN, Heap, Selected, Source};
use crate::size;
use core::ffi::c_void;
use core::ptr::null_mut;

crate::exports! {
    group Vera, twins S = Heap | Selected;

    /// Allocates `size` bytes, uninitialized, aligned to 16 bytes.
    ///
    /// Null when `size` is negative or there is no memory.
    pub fn vera_allocate(size: i64) -> *mut c_void {
        match size::from_signed(size) {
            Some(size) => S::allocate(size, DEFAULT_ALIGN).cast(),
            None => null_mut(),
        }
    }

    /// Allocates `size` bytes, uninitialized, at a multiple of `align`.
    ///
    /// Null when `size` is negative, `align` is not a power of two, or there is
    /// no memory.
    pub fn vera_allocate_aligned(size: i64, align: i64) -> *mut c_void {
        match (size::from_signed(size), size::align_from_signed(align)) {
            (Some(size), Some(align)) => S::allocate(size, align.max(DEFAULT_ALIGN)).cast(),
            _ => null_mut(),
        }
    }

    /// Frees a block of `vera_allocate` of this `size`. Null is ignored; a wrong
    /// size does no harm.
    pub fn vera_free(addr: *mut c_void, size: i64) {
        let _ = size;
        // SAFETY: the caller passes null or a live block.
        unsafe { S::deallocate(addr.cast()) }
    }

    /// Frees a block of `vera_allocate_aligned` of this `size` and `align`. Null
    /// is ignored; a wrong size or alignment does no harm.
    pub fn vera_free_aligned(addr: *mut c_void, size: i64, align: i64) {
        let _ = (size, align);
        // SAFETY: the caller passes null or a live block.
        unsafe { S::deallocate(addr.cast()) }
    }
}
