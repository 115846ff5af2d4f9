//! Where standard output goes while a value prints itself, and the stream that
//! gathers text instead of writing it.
//!
//! A function that prints a value of its type (`Display.show`) prints to stream
//! 1 like any other code. Whoever wants the text elsewhere has stream 1 lead
//! there meanwhile, and back afterwards. There is one such state in the process,
//! as there is one program; code that is left in the middle (a panic, a stop)
//! has it put right by [`abandon`].
//!
//! What is printed to stream 4 is kept. Captures nest: each takes what was
//! printed since it began. Short text stays in the stream's own buffer, long text
//! moves to memory that grows; the program gets a copy in a block of its own,
//! from whatever allocator it uses.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicI32, Ordering};

use super::{Buffer, CAPTURE, CAPTURED, PANIC, STDOUT, Writer, lock};
use crate::abi::VexStr;
use crate::builtins::format::PrintSpec;

/// Memory for captured text that is given back when it is larger, in bytes.
const MOST_KEPT: usize = 1 << 20;

/// The stream that stream 1 leads to.
static TARGET: AtomicI32 = AtomicI32::new(STDOUT);

/// What captures need beyond the stream's own buffer.
struct Captures {
    /// Bytes that came before those in the buffer.
    spilled: Vec<u8>,
    /// How many bytes there were when each capture began, the innermost last.
    marks: Vec<usize>,
}

/// The captures of the process, guarded by the lock of [`CAPTURED`].
struct Guarded(UnsafeCell<Captures>);

// SAFETY: the cell is only reached by `captures`, whose callers hold the lock.
unsafe impl Sync for Guarded {}

static CAPTURES: Guarded = Guarded(UnsafeCell::new(Captures { spilled: Vec::new(), marks: Vec::new() }));

/// The stream's buffer and the rest of the captures, for as long as it is locked.
fn parts(writer: &mut Writer) -> (&mut Buffer, &mut Captures) {
    debug_assert!(core::ptr::eq(writer.stream, &CAPTURED));
    // SAFETY: `writer` holds the stream's lock, and is borrowed for as long as
    // the results live, so these are the only references.
    unsafe { (&mut *writer.stream.buffer.get(), &mut *CAPTURES.0.get()) }
}

/// Takes bytes that do not fit into the buffer.
pub(super) fn spill(writer: &mut Writer, bytes: &[u8]) {
    let (buffer, captures) = parts(writer);
    captures.spilled.extend_from_slice(&buffer.bytes[..buffer.len]);
    captures.spilled.extend_from_slice(bytes);
    buffer.len = 0;
}

/// The text of the innermost capture, in one piece.
fn text(writer: &mut Writer) -> &[u8] {
    let (_, captures) = parts(writer);
    let start = captures.marks.last().copied().unwrap_or(0);
    if start < captures.spilled.len() {
        spill(writer, b"");
    }
    let (buffer, captures) = parts(writer);
    match start.checked_sub(captures.spilled.len()) {
        Some(start) => &buffer.bytes[start..buffer.len],
        None => &captures.spilled[start..],
    }
}

/// Begins a capture.
fn begin(writer: &mut Writer) {
    let (buffer, captures) = parts(writer);
    captures.marks.push(captures.spilled.len() + buffer.len);
}

/// Ends the innermost capture and forgets its text.
fn end(writer: &mut Writer) {
    let (buffer, captures) = parts(writer);
    let start = captures.marks.pop().unwrap_or(0);
    match start.checked_sub(captures.spilled.len()) {
        Some(start) => buffer.len = start,
        None => {
            buffer.len = 0;
            captures.spilled.truncate(start);
        }
    }
    if captures.marks.is_empty() && captures.spilled.capacity() > MOST_KEPT {
        captures.spilled = Vec::new();
    }
}

/// The stream that a program's print to `stream` goes to.
#[inline]
pub(super) fn target(stream: i32) -> i32 {
    match TARGET.load(Ordering::Relaxed) {
        STDOUT => stream,
        to => redirected(stream, to),
    }
}

fn redirected(stream: i32, to: i32) -> i32 {
    match stream {
        STDOUT => to,
        // A value that prints itself panics. What the message of another panic
        // has so far is not what happened last.
        PANIC => {
            lock(PANIC).buffer().len = 0;
            forget();
            PANIC
        }
        other => other,
    }
}

/// Whether what is printed to standard output goes there.
pub(super) fn is_plain() -> bool {
    TARGET.load(Ordering::Relaxed) == STDOUT
}

/// Stream 1 is standard output again, and no text is kept.
fn forget() {
    TARGET.store(STDOUT, Ordering::Relaxed);
    let mut writer = lock(CAPTURE);
    let (buffer, captures) = parts(&mut writer);
    buffer.len = 0;
    captures.marks.clear();
    captures.spilled = Vec::new();
}

/// Forgets redirections and captures of code that will not go on, even where it
/// held the lock.
pub(super) fn abandon() {
    CAPTURED.locked.store(false, Ordering::Release);
    forget();
}

crate::exports! {
    group Builtin;

    /// Has what is printed to stream 1 go to the stream `to` and returns where
    /// it went before. Where `to` is 1 itself nothing changes: it goes to where
    /// the code around wants it.
    pub fn vexrt_redirect(to: i32) -> i32 {
        match to {
            STDOUT => TARGET.load(Ordering::Relaxed),
            _ => TARGET.swap(to, Ordering::Relaxed),
        }
    }

    /// Has what is printed to stream 1 go to where it went before; takes what
    /// `vexrt_redirect` returned.
    pub fn vexrt_redirect_back(before: i32) {
        TARGET.store(before, Ordering::Relaxed);
    }

    /// Begins to keep what is printed to stream 4. Captures nest.
    pub fn vexrt_capture_begin() {
        begin(&mut lock(CAPTURE));
    }

    /// The number of bytes that the innermost capture has.
    pub fn vexrt_capture_len() -> usize {
        text(&mut lock(CAPTURE)).len()
    }

    /// Ends the innermost capture. Its text is copied to `block`, which has room
    /// for all of it and may be null when there is none; a panic when `block` is
    /// null nevertheless, because there was no memory for it.
    pub fn vexrt_capture_end(block: *mut c_void) -> VexStr {
        let mut writer = lock(CAPTURE);
        let text = text(&mut writer);
        let len = text.len();
        if !block.is_null() {
            // SAFETY: `block` is a new block of the program's, at least as long
            // as `vexrt_capture_len` said, so it is not part of the text.
            unsafe { core::ptr::copy_nonoverlapping(text.as_ptr(), block.cast(), len) };
        }
        end(&mut writer);
        drop(writer);
        if block.is_null() && len > 0 {
            crate::fault!(Panic, "no memory for a text of {len} bytes")
        }
        VexStr { ptr: block.cast_const().cast(), len }
    }

    /// Ends the innermost capture and prints its text to `stream`: cut to the
    /// precision, then filled up to the width.
    pub fn vexrt_capture_print(stream: i32, spec: *const PrintSpec) {
        // SAFETY: the compiler passes a spec in constant data.
        let spec = unsafe { &*spec };
        let mut writer = lock(CAPTURE);
        let text = text(&mut writer).to_vec();
        end(&mut writer);
        drop(writer);
        spec.text(&mut super::program(stream), &text);
    }
}

#[cfg(test)]
mod tests;
