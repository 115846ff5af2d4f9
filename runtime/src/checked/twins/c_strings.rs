//! Twins of C's functions on strings, for programs that declare them: each range is
//! checked up to and with the zero byte that ends it.

use super::support::{plain, readable, unsigned, writable, wrong};
use super::twins;
use crate::checked::{self, DefectKind, Origin, Trace, map};
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

/// How many bytes from `start` on there are before a zero byte, `most`, or memory that
/// must not be touched.
fn length(start: usize, most: usize) -> usize {
    let usable = |at: usize| {
        let shadow = core::ptr::with_exposed_provenance::<u8>(at + map::SHADOW_OFFSET);
        // SAFETY: the shadow of the program's memory is mapped.
        map::in_arena(at) && unsafe { *shadow } & map::POISON == 0
    };
    let byte = core::ptr::with_exposed_provenance::<u8>;
    // SAFETY: memory that may be touched is readable.
    (0..most).find(|len| !usable(start + len) || unsafe { *byte(start + len) } == 0).unwrap_or(most)
}

/// The bytes of a string of at most `most`, without the zero byte; `None` after a report.
fn bounded(text: *const c_char, most: usize, function: &str) -> Option<&'static [u8]> {
    if map::is_foreign(text.addr()) {
        // SAFETY: C's own, and the caller's word.
        let len = unsafe { libc::strnlen(text, most) };
        // SAFETY: that many bytes are there.
        return Some(unsafe { core::slice::from_raw_parts(text.cast(), len) });
    }
    let len = match map::in_arena(map::strip(text.addr())) && checked::is_enabled() {
        true => length(map::strip(text.addr()), most),
        // Whatever it is, it is not there.
        false => 0,
    };
    let ended = usize::from(len < most);
    let start = readable(text.cast(), len + ended, false, function)?;
    // SAFETY: checked just now.
    Some(unsafe { core::slice::from_raw_parts(start, len) })
}

/// The bytes of a string without the zero byte that ends it; `None` after a report.
pub(super) fn c_string(text: *const c_char, function: &str) -> Option<&'static [u8]> {
    if text.is_null() { None } else { bounded(text, usize::MAX, function) }
}

/// As [`c_string`], where null is misuse.
fn string(text: *const c_char, function: &str) -> Option<&'static [u8]> {
    bounded(text, usize::MAX, function)
}

/// A pointer to a byte of a string, with the string's tag; null for no byte.
fn inside(text: *const c_char, offset: Option<usize>) -> *mut c_void {
    offset.map_or(null_mut(), |offset| text.cast_mut().wrapping_add(offset).cast())
}

/// Writes `text` and `zeros` zero bytes at `dest`, and reports where the two overlap.
fn put(dest: *mut c_void, text: &[u8], zeros: usize, function: &str) {
    let to = map::strip(dest.addr());
    let from = text.as_ptr().addr();
    let apart = to >= from + text.len() || from >= to + text.len() + zeros;
    if !apart {
        wrong(DefectKind::Overlap, dest.addr(), checked::lookup(to), function, None);
        return;
    }
    if let Some(start) = writable(dest, text.len() + zeros, function) {
        // SAFETY: checked just now, and apart from the text.
        unsafe {
            start.copy_from_nonoverlapping(text.as_ptr(), text.len());
            start.add(text.len()).write_bytes(0, zeros);
        }
    }
}

/// The order of two strings as C counts it.
fn order(a: &[u8], b: &[u8]) -> i32 {
    a.cmp(b) as i32
}

/// The first place of `part` in `text`.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() { Some(0) } else { text.windows(part.len()).position(|window| window == part) }
}

/// A copy of a string in a block of C's `malloc`.
fn duplicate(text: &[u8]) -> *mut c_void {
    let block = checked::allocate(text.len() + 1, 1, false, Origin::Libc, Trace::capture());
    if let Some(address) = core::ptr::NonNull::new(plain(block)) {
        put_raw(address.as_ptr(), text);
    }
    block.cast()
}

/// Writes a string and its zero byte into a fresh block.
fn put_raw(start: *mut u8, text: &[u8]) {
    // SAFETY: the block has one byte more than the text.
    unsafe {
        start.copy_from_nonoverlapping(text.as_ptr(), text.len());
        start.add(text.len()).write(0);
    }
    checked::mark_written(start.addr()..start.addr() + text.len() + 1);
}

twins! {
    fn strlen(text: *const c_char) -> usize {
        string(text, NAME).map_or(0, <[u8]>::len)
    }

    fn strnlen(text: *const c_char, n: usize) -> usize {
        unsigned(NAME, n).and_then(|n| bounded(text, n, NAME)).map_or(0, <[u8]>::len)
    }

    fn strcmp(a: *const c_char, b: *const c_char) -> i32 {
        string(a, NAME).zip(string(b, NAME)).map_or(0, |(a, b)| order(a, b))
    }

    fn strncmp(a: *const c_char, b: *const c_char, n: usize) -> i32 {
        bounded(a, n, NAME).zip(bounded(b, n, NAME)).map_or(0, |(a, b)| order(a, b))
    }

    fn strcpy(dest: *mut c_void, src: *const c_char) -> *mut c_void {
        if let Some(text) = string(src, NAME) {
            put(dest, text, 1, NAME);
        }
        dest
    }

    fn strncpy(dest: *mut c_void, src: *const c_char, n: usize) -> *mut c_void {
        if let Some(n) = unsigned(NAME, n)
            && let Some(text) = bounded(src, n, NAME)
        {
            put(dest, text, n - text.len(), NAME);
        }
        dest
    }

    fn strcat(dest: *mut c_void, src: *const c_char) -> *mut c_void {
        if let Some((before, text)) = string(dest.cast(), NAME).zip(string(src, NAME)) {
            put(dest.wrapping_byte_add(before.len()), text, 1, NAME);
        }
        dest
    }

    fn strncat(dest: *mut c_void, src: *const c_char, n: usize) -> *mut c_void {
        if let Some((before, text)) = string(dest.cast(), NAME).zip(bounded(src, n, NAME)) {
            put(dest.wrapping_byte_add(before.len()), text, 1, NAME);
        }
        dest
    }

    fn strchr(text: *const c_char, c: i32) -> *mut c_void {
        let Some(bytes) = string(text, NAME) else { return null_mut() };
        match c as u8 {
            0 => inside(text, Some(bytes.len())),
            c => inside(text, bytes.iter().position(|byte| *byte == c)),
        }
    }

    fn strrchr(text: *const c_char, c: i32) -> *mut c_void {
        let Some(bytes) = string(text, NAME) else { return null_mut() };
        match c as u8 {
            0 => inside(text, Some(bytes.len())),
            c => inside(text, bytes.iter().rposition(|byte| *byte == c)),
        }
    }

    fn strstr(text: *const c_char, part: *const c_char) -> *mut c_void {
        let parts = string(text, NAME).zip(string(part, NAME));
        inside(text, parts.and_then(|(text, part)| find(text, part)))
    }

    fn memchr(start: *const c_void, c: i32, n: usize) -> *mut c_void {
        let Some(n) = unsigned(NAME, n) else { return null_mut() };
        let Some(first) = readable(start, n, false, NAME) else { return null_mut() };
        let bytes = core::slice::from_raw_parts(first, n);
        inside(start.cast(), bytes.iter().position(|byte| *byte == c as u8))
    }

    fn strdup(text: *const c_char) -> *mut c_void {
        string(text, NAME).map_or(null_mut(), duplicate)
    }

    fn strndup(text: *const c_char, n: usize) -> *mut c_void {
        bounded(text, n, NAME).map_or(null_mut(), duplicate)
    }

    fn puts(text: *const c_char) -> i32 {
        string(text, NAME).map_or(-1, |text| libc::puts(text.as_ptr().cast()))
    }

    fn atoi(text: *const c_char) -> i32 {
        string(text, NAME).map_or(0, |text| libc::atoi(text.as_ptr().cast()))
    }

    fn atol(text: *const c_char) -> i64 {
        string(text, NAME).map_or(0, |text| libc::atol(text.as_ptr().cast()))
    }

    fn atof(text: *const c_char) -> f64 {
        string(text, NAME).map_or(0.0, |text| libc::atof(text.as_ptr().cast()))
    }

    fn getenv(name: *const c_char) -> *mut c_void {
        string(name, NAME).map_or(null_mut(), |name| libc::getenv(name.as_ptr().cast()).cast())
    }
}
