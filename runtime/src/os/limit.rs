//! How much memory the runtime holds, and a limit to it.
//!
//! Held is what a program could use without asking again: not address space that
//! is only reserved, such as the slices of a chunk nothing was put in yet. Whoever
//! maps memory says what it holds of it, with [`charge`] before and [`discharge`]
//! after; a refused charge is answered as if the OS had refused. All of it is off
//! the fast paths: the heap charges in slices.
//!
//! Not counted: code of the JIT ([`uncounted`]), which is not the program's; the
//! stack; what other libraries allocate, and so the `system` allocator.

use crate::tls;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes held.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// The most bytes that were held at once.
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Bytes that went back to the OS.
static RETURNED: AtomicUsize = AtomicUsize::new(0);

/// Bytes that may be held.
static LIMIT: AtomicUsize = AtomicUsize::new(NONE);

/// No limit.
const NONE: usize = usize::MAX;

/// Sets how many bytes the runtime may hold for the program from now on; `None`
/// for as many as the OS gives. Below what is held already, nothing is taken away,
/// but nothing is added.
pub fn set_memory_limit(bytes: Option<u64>) {
    let limit = bytes.map_or(NONE, |bytes| usize::try_from(bytes).unwrap_or(NONE));
    LIMIT.store(limit, Ordering::Relaxed);
}

/// The limit in bytes, if there is one.
pub fn memory_limit() -> Option<u64> {
    let limit = LIMIT.load(Ordering::Relaxed);
    (limit != NONE).then_some(limit as u64)
}

/// The bytes the runtime holds for the program.
pub fn memory_held() -> u64 {
    HELD.load(Ordering::Relaxed) as u64
}

/// The most bytes the runtime ever held for the program at once.
pub fn memory_peak() -> u64 {
    PEAK.load(Ordering::Relaxed) as u64
}

/// The bytes the runtime ever gave back to the OS, those of blocks that it took again
/// counted each time.
pub fn memory_returned() -> u64 {
    RETURNED.load(Ordering::Relaxed) as u64
}

/// Counts bytes that go back to the OS.
pub fn returned(bytes: usize) {
    RETURNED.fetch_add(bytes, Ordering::Relaxed);
}

/// Adds to what is held; false, and nothing added, when that would be more than
/// the limit. Of no bytes, always true.
pub fn charge(bytes: usize) -> bool {
    let limit = LIMIT.load(Ordering::Relaxed);
    let more = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= limit || bytes == 0);
    let before = HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    let granted = before.is_ok();
    if let Ok(before) = before {
        PEAK.fetch_max(before + bytes, Ordering::Relaxed);
    }
    tls::with(|local| local.reached.set(if granted { NONE } else { limit }));
    granted
}

/// The limit in bytes that refused this thread's last charge, if it was refused;
/// asking again says nothing.
pub fn take_reached() -> Option<u64> {
    let limit = tls::with(|local| local.reached.replace(NONE));
    (limit != NONE).then_some(limit as u64)
}

/// Takes from what is held what a [`charge`] added.
pub fn discharge(bytes: usize) {
    HELD.fetch_sub(bytes, Ordering::Relaxed);
}

/// Runs `operation`, whose large blocks are neither counted nor limited: they are
/// not the program's.
pub fn uncounted<R>(operation: impl FnOnce() -> R) -> R {
    let before = tls::with(|local| local.uncounted.replace(true));
    let result = operation();
    tls::with(|local| local.uncounted.set(before));
    result
}

/// Whether this thread is inside [`uncounted`].
pub fn is_uncounted() -> bool {
    tls::with(|local| local.uncounted.get())
}

/// As [`map`](super::map), and what is mapped is held.
pub fn map_held(size: usize, align: usize) -> *mut u8 {
    held(size, || super::map(size, align))
}

/// As [`unmap`](super::unmap), for what [`map_held`] mapped.
///
/// # Safety
///
/// As for [`unmap`](super::unmap).
pub unsafe fn unmap_held(ptr: *mut u8, size: usize) {
    // SAFETY: the caller's word.
    unsafe { super::unmap(ptr, size) };
    discharge(size);
}

/// As [`metadata`](super::metadata), and what is mapped is held.
pub fn metadata_held(size: usize) -> *mut u8 {
    match super::round_to_pages(size) {
        Some(bytes) => held(bytes, || super::metadata(size)),
        None => core::ptr::null_mut(),
    }
}

fn held(size: usize, map: impl FnOnce() -> *mut u8) -> *mut u8 {
    if !charge(size) {
        return core::ptr::null_mut();
    }
    let mapped = map();
    if mapped.is_null() {
        discharge(size);
    }
    mapped
}
