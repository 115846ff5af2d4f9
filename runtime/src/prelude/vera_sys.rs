//! The two primitives the vera:memory document builds on.

use super::{DEFAULT_ALIGN, Heap, Selected, Source};
use crate::size;
use core::ffi::c_void;
use core::ptr::null_mut;

crate::exports! {
    group VeraPrimitive, twins S = Heap | Selected;

    /// Allocates `size` bytes, uninitialized, at a multiple of `align`.
    ///
    /// Null when `size` is negative, `align` is not a power of two, or there is
    /// no memory. A `size` of 0 gets a block of its own.
    pub fn __vera_sys_alloc(size: i64, align: i64) -> *mut c_void {
        match (size::from_signed(size), size::align_from_signed(align)) {
            (Some(size), Some(align)) => S::allocate(size, align.max(DEFAULT_ALIGN)).cast(),
            _ => null_mut(),
        }
    }

    /// Frees a block of `__vera_sys_alloc`, allocated with this `size` and `align`.
    ///
    /// Null is ignored. A wrong size or alignment does no harm: the block's own
    /// bookkeeping decides.
    pub fn __vera_sys_free(addr: *mut c_void, size: i64, align: i64) {
        let _ = (size, align);
        // SAFETY: the caller passes null or a live block.
        unsafe { S::deallocate(addr.cast()) }
    }
}
