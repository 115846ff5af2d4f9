//! What programs say of their own allocators: `std/checked`. Without the checked mode it
//! means nothing, and these functions do nothing; their twins do.

use core::ffi::c_void;

crate::exports! {
    group Builtin;

    /// Whether the checked mode is on.
    pub fn vex_checked_is_on() -> bool {
        false
    }

    /// Says that `n` bytes at `p` are nobody's to use; blocks made in them end.
    pub fn vex_checked_poison(p: *mut c_void, n: usize) {
        let _ = (p, n);
    }

    /// Says that `n` bytes at `p` may be used again.
    pub fn vex_checked_unpoison(p: *mut c_void, n: usize) {
        let _ = (p, n);
    }

    /// Says that nothing was written to `n` bytes at `p`.
    pub fn vex_checked_unwritten(p: *mut c_void, n: usize) {
        let _ = (p, n);
    }

    /// Makes `n` bytes at `p` a block, and returns a pointer to it.
    pub fn vex_checked_block(p: *mut c_void, n: usize) -> *mut c_void {
        let _ = n;
        p
    }
}
