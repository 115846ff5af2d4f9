//! Twins of what generated code calls with texts: printing, comparing, files, input, and
//! the records of `defer`.
//!
//! Texts that the runtime makes go into blocks of the program's memory, so that access
//! to them is checked and quick; they stay for as long as the process does.

use super::support::{plain, readable, writable};
use super::twins;
use crate::abi::VexStr;
use crate::builtins::defer;
use crate::builtins::format::{PrintSpec, vexrt_format_str};
use crate::builtins::input::{vexrt_read_all, vexrt_read_file, vexrt_read_line, vexrt_write_file};
use crate::builtins::print::{vexrt_print_quoted, vexrt_print_str};
use crate::builtins::process::{VexStrs, vexrt_args};
use crate::builtins::stream::redirect::vexrt_capture_end;
use crate::builtins::text::{vexrt_str_cmp, vexrt_str_eq};
use crate::checked::{self, Origin, Release, Trace};
use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// No text.
const EMPTY: VexStr = VexStr { ptr: core::ptr::NonNull::dangling().as_ptr(), len: 0 };

/// A text of the program's that `function` may read; empty after a report.
fn text(text: VexStr, function: &str) -> VexStr {
    match readable(text.ptr.cast(), text.len, false, function) {
        Some(_) if text.len == 0 => EMPTY,
        Some(ptr) => VexStr { ptr, len: text.len },
        None => EMPTY,
    }
}

/// A block of the runtime's in the program's memory, zeroed; null when there is no room.
fn own(size: usize) -> *mut u8 {
    checked::allocate(size, 16, true, Origin::Internal, Trace::capture())
}

/// A text of the runtime's where the program's texts are; itself when there is no room.
fn moved(text: VexStr) -> VexStr {
    let block = if text.len == 0 { null_mut() } else { own(text.len) };
    if block.is_null() {
        return text;
    }
    // SAFETY: a text of the runtime's, and a new block as long as it.
    unsafe { plain(block).copy_from_nonoverlapping(text.ptr, text.len) };
    VexStr { ptr: block, len: text.len }
}

/// The arguments in the program's memory; null until they were asked for.
static ARGS: AtomicPtr<VexStr> = AtomicPtr::new(null_mut());

/// The arguments, copied once.
fn args() -> VexStrs {
    // SAFETY: no preconditions.
    let given = unsafe { vexrt_args() };
    let mut copies = ARGS.load(Ordering::Acquire);
    if copies.is_null() && given.len > 0 {
        copies = own(given.len * size_of::<VexStr>()).cast();
        if copies.is_null() {
            return given;
        }
        for index in 0..given.len {
            // SAFETY: so many arguments there are, and so many have room.
            unsafe { plain(copies).add(index).write(moved(*given.ptr.add(index))) };
        }
        ARGS.store(copies, Ordering::Release);
    }
    if given.len == 0 { given } else { VexStrs { ptr: copies, len: given.len } }
}

/// As [`defer::Record`], in the program's memory: it holds copies of its variables.
#[repr(C, align(16))]
struct Record {
    next: *mut Record,
    site: u32,
    size: u32,
}

const _: () =
    assert!(size_of::<Record>() == defer::COPIES && core::mem::offset_of!(Record, site) == defer::SITE);

/// Makes a record and puts it in front of the list.
///
/// # Safety
///
/// `head` is the function's list cell.
unsafe fn push(head: *mut *mut Record, site: u32, size: u64) -> *mut Record {
    let record: *mut Record = plain(own(defer::COPIES + size as usize)).cast();
    if record.is_null() {
        crate::fault!(System, "no memory for a deferred action");
    }
    // SAFETY: the caller's word, and a new block for a record.
    unsafe {
        record.write(Record { next: *head, site, size: size as u32 });
        *head = record;
    }
    record
}

/// Takes the latest record off the list; it stays until the next call with this list.
///
/// # Safety
///
/// `head` is the function's list cell, followed by that of the record taken last.
unsafe fn pop(head: *mut *mut Record, function: &str) -> *mut Record {
    // SAFETY: the caller's word.
    unsafe {
        let done = head.add(1);
        if !(*done).is_null() {
            checked::deallocate((*done).cast(), &Release::new(Origin::Internal, function, Trace::capture()));
        }
        let record = *head;
        *done = record;
        if !record.is_null() {
            *head = (*record).next;
        }
        record
    }
}

twins! {
    fn vexrt_print_str(stream: i32, words: VexStr) {
        super::vexrt_print_str(stream, text(words, "print"))
    }

    fn vexrt_print_quoted(stream: i32, words: VexStr) {
        super::vexrt_print_quoted(stream, text(words, "print"))
    }

    fn vexrt_format_str(stream: i32, words: VexStr, spec: *const PrintSpec) {
        super::vexrt_format_str(stream, text(words, "print"), plain(spec.cast_mut()))
    }

    fn vexrt_str_eq(a: VexStr, b: VexStr) -> bool {
        super::vexrt_str_eq(text(a, "=="), text(b, "=="))
    }

    fn vexrt_str_cmp(a: VexStr, b: VexStr) -> i32 {
        super::vexrt_str_cmp(text(a, "<"), text(b, "<"))
    }

    fn vexrt_capture_end(block: *mut c_void) -> VexStr {
        let len = crate::builtins::stream::redirect::vexrt_capture_len();
        let place = match block.is_null() {
            true => null_mut(),
            false => writable(block, len, "format").unwrap_or(null_mut()),
        };
        let text = super::vexrt_capture_end(place.cast());
        VexStr { ptr: block.cast_const().cast(), len: text.len }
    }

    fn vexrt_read_line() -> VexStr {
        moved(super::vexrt_read_line())
    }

    fn vexrt_read_all() -> VexStr {
        moved(super::vexrt_read_all())
    }

    fn vexrt_read_file(path: VexStr) -> VexStr {
        moved(super::vexrt_read_file(text(path, "read_file")))
    }

    fn vexrt_write_file(path: VexStr, bytes: VexStr) {
        super::vexrt_write_file(text(path, "write_file"), text(bytes, "write_file"))
    }

    fn vexrt_args() -> VexStrs {
        args()
    }

    fn vexrt_defer_push(head: *mut c_void, site: u32, size: u64) -> *mut c_void {
        push(plain(head).cast(), site, size).cast()
    }

    fn vexrt_defer_pop(head: *mut c_void) -> *mut c_void {
        pop(plain(head).cast(), NAME).cast()
    }
}
