//! What generated code calls when its own check of an access finds something, and for
//! what it does not check itself.

use super::map;
use core::ffi::c_void;
use core::sync::atomic::AtomicUsize;

/// See [`super::lowest_stack_tag_cell`].
pub(super) static LOWEST_STACK_TAG: AtomicUsize = AtomicUsize::new(usize::MAX);

crate::exports! {
    group Builtin;

    /// Decides on an access of `what` bytes at `p` through a pointer made of `base`,
    /// and returns the address to access: `p` without its tag when it is fine or
    /// foreign, else, if the program goes on, memory that it can do no harm in.
    pub fn vexrt_checked_access(p: *mut c_void, base: *mut c_void, what: u64) -> *mut c_void {
        let _ = (base, what);
        core::ptr::with_exposed_provenance_mut(map::strip(p.addr()))
    }

    /// Checks `n` bytes at `p` for reading or writing, and returns the address to access,
    /// as `vexrt_checked_access` does. Bytes that will be written count as written.
    pub fn vexrt_checked_range(p: *mut c_void, n: usize, what: u64) -> *mut c_void {
        let _ = (n, what);
        core::ptr::with_exposed_provenance_mut(map::strip(p.addr()))
    }

    /// Copies `n` bytes, which may overlap, and which of them were never written.
    pub fn vexrt_checked_copy(dst: *mut c_void, src: *mut c_void, n: usize, what: u64) {
        let _ = what;
        // SAFETY: the caller's word.
        unsafe { core::ptr::copy(src.cast::<u8>(), dst.cast(), n) }
    }

    /// A pointer to the `size` bytes at `p` that cannot reach beyond them.
    pub fn vexrt_checked_narrow(p: *mut c_void, size: usize) -> *mut c_void {
        let _ = size;
        p
    }

    /// The pointer that an integer is: with the tag of the object that it lies in.
    pub fn vexrt_checked_adopt(address: i64) -> *mut c_void {
        super::adopt(address as usize).cast()
    }

    /// A pointer for a function in C: without its tag, and all of its block counts as
    /// written, since that function may write it.
    pub fn vexrt_checked_expose(p: *mut c_void) -> *mut c_void {
        core::ptr::with_exposed_provenance_mut(map::strip(p.addr()))
    }

    /// Ends the variables below `frame_end`, whose function returns.
    pub fn vexrt_checked_leave(frame_end: usize) {
        let _ = frame_end;
    }
}
