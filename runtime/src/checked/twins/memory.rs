//! Twins of copies, fills and comparisons: of the Mem prelude, VERA, Xila and C.

use super::support::{mark_unwritten, readable, signed, unsigned, unwritten_bytes, writable};
use super::twins;
use crate::checked::{self, Defect, DefectKind, Given, Trace, map};
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
    let Some(from) = readable(src, count, true, function) else { return };
    let distance = map::strip(dest.addr()).abs_diff(from.addr());
    if distance < count {
        if !may_overlap && distance > 0 && overlap(function, dest, src, count) {
            return;
        }
        // SAFETY: the caller's word.
        return unsafe { copy_overlapping(function, dest, from, count) };
    }
    let Some(to) = writable(dest, count, function) else { return };
    // SAFETY: both ranges are in reach, and lie apart.
    unsafe { to.copy_from_nonoverlapping(from, count) };
    checked::copy_shadow(to.addr(), from.addr(), count);
}

/// Copies to a place that overlaps.
///
/// # Safety
///
/// `from` is readable for `count` bytes, and foreign memory is as the caller says.
unsafe fn copy_overlapping(function: &str, dest: *mut c_void, from: *const u8, count: usize) {
    // The destination counts as written once it was checked, and part of it is the source.
    let unwritten = unwritten_bytes(from.addr(), count);
    let Some(to) = writable(dest, count, function) else { return };
    // SAFETY: both ranges are in reach.
    unsafe { to.copy_from(from, count) };
    let mut rest = &unwritten[..];
    while let Some(start) = rest.iter().position(|unwritten| *unwritten) {
        let len = rest[start..].iter().take_while(|unwritten| **unwritten).count();
        let first = to.addr() + (unwritten.len() - rest.len()) + start;
        mark_unwritten(first..first + len);
        rest = &rest[start + len..];
    }
}

/// Reports ranges that overlap; false when that check is off.
#[cold]
fn overlap(function: &str, dest: *mut c_void, src: *const c_void, count: usize) -> bool {
    let mut defect = Defect::new(DefectKind::Overlap, dest.addr());
    defect.block = checked::lookup(defect.address);
    defect.function = function;
    defect.given =
        Given { size: Some(count as i128), other: Some(map::strip(src.addr())), ..Given::default() };
    defect.trace = Trace::capture();
    checked::report(&defect)
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
        if let Some(count) = unsigned($name, $n) {
            copy($name, $dest, $src, count, $may_overlap);
        }
        $dest
    }};
    (fill $name:expr, $dest:ident, $value:ident, $n:ident) => {{
        if let Some(count) = unsigned($name, $n) {
            fill($name, $dest, $value, count);
        }
        $dest
    }};
    (compare $name:expr, $a:ident, $b:ident, $n:ident) => {
        match unsigned($name, $n) {
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
        if let Some(count) = signed(NAME, count) {
            copy(NAME, dest, src, count, false);
        }
    }

    fn vera_set_memory(dest: *mut c_void, value: i64, count: i64) {
        if let Some(count) = signed(NAME, count) {
            if !(-128..=255).contains(&value) {
                fault!(Precondition, "set_memory: the value is not a byte: {value}");
            }
            fill(NAME, dest, value as i32, count);
        }
    }

    fn vera_zero_memory(dest: *mut c_void, count: i64) {
        if let Some(count) = signed(NAME, count) {
            fill(NAME, dest, 0, count);
        }
    }
}
