//! Twins of kmem, in the language and in C.
//!
//! kmem's own buffer and books go on as ever, so that its figures are the same; the
//! buffer lies in the program's memory ([`crate::alloc::kmem::Buffer`]), poisoned but
//! for the exact bytes that were asked for.

use super::c_strings::c_string;
use super::support::{bad_size, plain, readable, size_of_live, writable};
use super::twins;
use crate::abi::VexStr;
use crate::alloc::kmem;
use crate::checked::{self, Origin, Release, Request, Trace};
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The end of what is poisoned of the buffer. It is used from its low end, so there is
/// no need to touch all of its shadow at once.
static GUARDED: AtomicUsize = AtomicUsize::new(0);

/// How far the poison reaches beyond the last block, in bytes.
const AHEAD: usize = 1 << 20;

/// Poisons what is not yet of the first bytes of the buffer, up to `AHEAD` behind `end`.
fn guard(start: usize, end: usize, limit: usize) {
    let from = GUARDED.load(Ordering::Relaxed).max(start);
    let to = end.next_multiple_of(AHEAD).saturating_add(AHEAD).min(limit);
    if from < to {
        checked::poison(from..to);
        GUARDED.store(to, Ordering::Relaxed);
    }
}

fn allocate(function: &str, bytes: i32, reason: &str) -> *mut c_void {
    if bytes < 1 {
        bad_size(function, i128::from(bytes), null_mut());
        return null_mut();
    }
    let block = kmem::allocate(i64::from(bytes), reason).as_ptr();
    let Some(buffer) = kmem::buffer() else { return block.cast() };
    let size = bytes as usize;
    guard(buffer.start, block.addr() + size, buffer.end);
    let request = Request {
        size,
        align: kmem::BLOCK_ALIGN,
        zeroed: true,
        origin: Origin::Kmem,
        trace: Trace::capture(),
        reason: (!reason.is_empty()).then_some(reason),
    };
    let start = core::ptr::with_exposed_provenance(buffer.start);
    checked::sub_allocate(start, block.addr(), &request).cast()
}

/// Releases what `*mem` points to and nulls it.
///
/// # Safety
///
/// `mem` is a pointer of the program's.
unsafe fn release(function: &str, mem: *mut *mut c_void) {
    if mem.is_null() {
        return;
    }
    let Some(found) = readable(mem.cast(), size_of::<usize>(), false, function) else { return };
    // SAFETY: checked just now.
    let block = unsafe { found.cast::<*mut u8>().read_unaligned() };
    if block.is_null() || !checked::sub_free(block, &Release::new(Origin::Kmem, function, Trace::capture())) {
        return;
    }
    // A live part of the buffer is a live block of kmem's.
    let _ = kmem::try_release(plain(block).addr());
    if let Some(place) = writable(mem.cast(), size_of::<usize>(), function) {
        // SAFETY: checked just now.
        unsafe { place.cast::<*mut u8>().write_unaligned(null_mut()) };
    }
}

/// The size of a block; of null, kmem's own assertion.
fn requested_size(function: &str, mem: *const c_void) -> u32 {
    if mem.is_null() {
        kmem::sizeof_allocation(mem);
    }
    u32::try_from(size_of_live(mem, Origin::Kmem, function)).unwrap_or(u32::MAX)
}

/// A reason of the program's; empty after a report.
fn reason(function: &str, text: VexStr) -> &'static str {
    match readable(text.ptr.cast(), text.len, false, function) {
        // SAFETY: checked just now, and used only during the call.
        Some(ptr) => unsafe { VexStr { ptr, len: text.len }.as_str() },
        None => "",
    }
}

twins! {
    fn vex_kmem_allocate(bytes: i32, reason: VexStr) -> *mut c_void {
        allocate(NAME, bytes, super::reason(NAME, reason))
    }

    fn vex_kmem_release(mem: *mut *mut c_void) {
        release(NAME, mem)
    }

    fn vex_kmem_sizeof_allocation(mem: *const c_void) -> u32 {
        requested_size(NAME, mem)
    }

    fn vex_kmem_usage(reason: VexStr) -> i64 {
        kmem::usage(super::reason(NAME, reason)).bytes as i64
    }

    fn kmem_allocate(num_bytes: i32, reason: *const c_char) -> *mut c_void {
        let text = c_string(reason, NAME).unwrap_or(&[]);
        allocate(NAME, num_bytes, core::str::from_utf8(text).unwrap_or(""))
    }

    fn kmem_release(mem: *mut *mut c_void) {
        release(NAME, mem)
    }

    fn kmem_sizeof_allocation(mem: *const c_void) -> u32 {
        requested_size(NAME, mem)
    }
}
