//! Twins of copies, fills and comparisons: of the Mem prelude, VERA, Xila and C.

use super::support::{count, readable, touch, unsigned_of, writable};
use super::twins;
use crate::checked::{self, map};
use crate::fault;
use core::ffi::c_void;

/// Copies, and which bytes were written with them.
///
/// # Safety
///
/// As far as it is not checked: foreign memory must be as the caller says.
unsafe fn copy(function: &str, dest: *mut c_void, src: *const c_void, count: usize, may_overlap: bool) {
    if count == 0 {
        return;
    }
    let distance = map::strip(dest.addr()).abs_diff(map::strip(src.addr()));
    if !may_overlap
        && (1..count).contains(&distance)
        && (readable(src, count, true, function).is_none()
            || checked::overlap(dest.addr(), src.addr(), count, function))
    {
        return;
    }
    if count > map::ARENA_BYTES {
        // Reported, as no block is that long.
        let _ = (readable(src, count, true, function), writable(dest, count, function));
        return;
    }
    checked::copy::copy(&touch(dest, count, true, true, function), &touch(src, count, false, true, function));
}

/// # Safety
///
/// As for [`copy`].
unsafe fn fill(function: &str, dest: *mut c_void, value: i32, count: usize) {
    if let Some(to) = writable(dest, count, function) {
        // SAFETY: the range is in reach.
        unsafe { to.write_bytes(value as u8, count) };
    }
}

/// # Safety
///
/// As for [`copy`].
unsafe fn compare(function: &str, a: *const c_void, b: *const c_void, count: usize) -> i32 {
    match (readable(a, count, false, function), readable(b, count, false, function)) {
        // SAFETY: both ranges are in reach.
        (Some(a), Some(b)) => unsafe { libc::memcmp(a.cast(), b.cast(), count) },
        _ => 0,
    }
}

/// The functions with C's types: what is copied to, or null for no such thing.
macro_rules! like_c {
    (copy $name:expr, $dest:ident, $src:ident, $n:ident, $may_overlap:expr) => {{
        if let Some(count) = unsigned_of($name, $n, $dest) {
            copy($name, $dest, $src, count, $may_overlap);
        }
        $dest
    }};
    (fill $name:expr, $dest:ident, $value:ident, $n:ident) => {{
        if let Some(count) = unsigned_of($name, $n, $dest) {
            fill($name, $dest, $value, count);
        }
        $dest
    }};
    (compare $name:expr, $a:ident, $b:ident, $n:ident) => {
        match unsigned_of($name, $n, $a) {
            Some(count) => compare($name, $a, $b, count),
            None => 0,
        }
    };
}

twins! {
    fn vex_memcpy(dest: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        like_c!(copy NAME, dest, src, n, false)
    }

    fn vex_memmove(dest: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        like_c!(copy NAME, dest, src, n, true)
    }

    fn vex_memset(dest: *mut c_void, val: i32, n: usize) -> *mut c_void {
        like_c!(fill NAME, dest, val, n)
    }

    fn vex_memcmp(a: *const c_void, b: *const c_void, n: usize) -> i32 {
        like_c!(compare NAME, a, b, n)
    }

    fn memcpy(dest: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        like_c!(copy NAME, dest, src, n, false)
    }

    fn memmove(dest: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        like_c!(copy NAME, dest, src, n, true)
    }

    fn memset(dest: *mut c_void, val: i32, n: usize) -> *mut c_void {
        like_c!(fill NAME, dest, val, n)
    }

    fn memcmp(a: *const c_void, b: *const c_void, n: usize) -> i32 {
        like_c!(compare NAME, a, b, n)
    }

    fn bcmp(a: *const c_void, b: *const c_void, n: usize) -> i32 {
        like_c!(compare NAME, a, b, n)
    }

    fn xila_memory_copy(destination: *mut c_void, source: *const c_void, size: usize) -> *mut c_void {
        like_c!(copy NAME, destination, source, size, false)
    }

    fn xila_memory_move(destination: *mut c_void, source: *const c_void, size: usize) -> *mut c_void {
        like_c!(copy NAME, destination, source, size, true)
    }

    fn xila_memory_set(destination: *mut c_void, value: i32, size: usize) -> *mut c_void {
        like_c!(fill NAME, destination, value, size)
    }

    fn xila_memory_compare(a: *const c_void, b: *const c_void, size: usize) -> i32 {
        like_c!(compare NAME, a, b, size)
    }

    fn vera_copy_memory(dest: *mut c_void, src: *const c_void, count: i64) {
        if let Some(count) = super::count(NAME, count, dest) {
            copy(NAME, dest, src, count, false);
        }
    }

    fn vera_set_memory(dest: *mut c_void, value: i64, count: i64) {
        if let Some(count) = super::count(NAME, count, dest) {
            if !(-128..=255).contains(&value) {
                fault!(Precondition, "set_memory: the value is not a byte: {value}");
            }
            fill(NAME, dest, value as i32, count);
        }
    }

    fn vera_zero_memory(dest: *mut c_void, count: i64) {
        if let Some(count) = super::count(NAME, count, dest) {
            fill(NAME, dest, 0, count);
        }
    }
}
