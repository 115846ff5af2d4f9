//! The bulk operations of the vera:memory document for C programs.

use crate::{fault, size};
use core::ffi::c_void;

/// A bulk operation's count; negative ones are a fault.
fn count_of(function: &str, count: i64) -> usize {
    match size::from_signed(count) {
        Some(count) => count,
        None => fault!(Precondition, "{function}: the count is negative: {count}"),
    }
}

crate::exports! {
    group Vera;

    /// Copies `count` bytes from `src` to `dest`, which must not overlap. A
    /// negative count is a fault.
    pub fn vera_copy_memory(dest: *mut c_void, src: *const c_void, count: i64) {
        let count = count_of("copy_memory", count);
        // SAFETY: the caller passes two ranges of `count` bytes.
        unsafe { libc::memmove(dest, src, count) };
    }

    /// Sets `count` bytes at `dest` to `value`, an `i8` or a byte from 0 to 255.
    /// A negative count or a value that is no byte is a fault.
    pub fn vera_set_memory(dest: *mut c_void, value: i64, count: i64) {
        let count = count_of("set_memory", count);
        if !(-128..=255).contains(&value) {
            fault!(Precondition, "set_memory: the value is not a byte: {value}");
        }
        // SAFETY: the caller passes a writable range of `count` bytes.
        unsafe { libc::memset(dest, value as i32, count) };
    }

    /// Zeroes `count` bytes at `dest`. A negative count is a fault.
    pub fn vera_zero_memory(dest: *mut c_void, count: i64) {
        let count = count_of("zero_memory", count);
        // SAFETY: the caller passes a writable range of `count` bytes.
        unsafe { libc::memset(dest, 0, count) };
    }
}
