//! The memory operations of the Mem prelude document: the C library's, which
//! are the fastest there are for every size the compiler does not expand.

use core::ffi::c_void;

crate::exports! {
    group MemPrelude;

    /// Copies `n` bytes from `src` to `dest` and returns `dest`. The two ranges
    /// must not overlap.
    pub fn vex_memcpy(dest: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        // SAFETY: the caller passes two ranges of `n` bytes that do not overlap.
        unsafe { libc::memcpy(dest, src, n) }
    }

    /// Copies `n` bytes from `src` to `dest`, which may overlap, and returns `dest`.
    pub fn vex_memmove(dest: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        // SAFETY: the caller passes two ranges of `n` bytes.
        unsafe { libc::memmove(dest, src, n) }
    }

    /// Sets `n` bytes at `dest` to the low byte of `val` and returns `dest`.
    pub fn vex_memset(dest: *mut c_void, val: i32, n: usize) -> *mut c_void {
        // SAFETY: the caller passes a writable range of `n` bytes.
        unsafe { libc::memset(dest, val, n) }
    }

    /// Compares `n` bytes as unsigned numbers: 0 when equal, negative when the
    /// first difference is smaller in `a`, positive when it is greater.
    pub fn vex_memcmp(a: *const c_void, b: *const c_void, n: usize) -> i32 {
        // SAFETY: the caller passes two readable ranges of `n` bytes.
        unsafe { libc::memcmp(a, b, n) }
    }
}
