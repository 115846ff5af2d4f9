//! All first-class heaps there ever were: making them, giving them up, `fork`.

use super::raw::RawHeap;
use crate::heap::{fork, local};
use crate::sync::Lock;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The heap made last of all there ever were; written under the lock of [`SPARES`].
static ALL: AtomicPtr<RawHeap> = AtomicPtr::new(null_mut());

/// Heaps that were destroyed, to be made again.
struct Spares {
    /// The one destroyed first.
    first: *const RawHeap,
    /// The one destroyed last.
    last: *const RawHeap,
}

// SAFETY: the pointers are to heaps, which are never unmapped.
unsafe impl Send for Spares {}

/// Held while a heap is made.
static SPARES: Lock<Spares> = Lock::new(Spares { first: null(), last: null() });

/// A heap for use: the one destroyed longest ago, or a new one.
pub fn obtain() -> Option<&'static RawHeap> {
    fork::prepare();
    let mut spares = SPARES.lock();
    let raw = match spares.pop() {
        Some(raw) => raw,
        None => {
            let raw = RawHeap::make()?;
            raw.next.set(ALL.load(Ordering::Relaxed));
            ALL.store((&raw const *raw).cast_mut(), Ordering::Release);
            raw
        }
    };
    raw.alive.store(true, Ordering::Relaxed);
    Some(raw)
}

/// Takes a destroyed heap back.
pub fn give_up(raw: &'static RawHeap) {
    SPARES.lock().push(raw);
}

/// Calls `visit` with every heap, destroyed or not.
fn for_each_heap(mut visit: impl FnMut(&'static RawHeap)) {
    let mut next = ALL.load(Ordering::Acquire).cast_const();
    // SAFETY: heaps are never unmapped.
    while let Some(raw) = unsafe { next.as_ref() } {
        visit(raw);
        next = raw.next.get();
    }
}

/// Takes in what was freed while a lock was taken, except where it is again.
pub fn receive_all() {
    fork::prepare();
    for_each_heap(|raw| {
        if let Some(_big) = raw.lock.try_lock() {
            raw.receive();
        }
    });
}

/// Gives back what no block uses of heaps that nobody uses at the moment, and the
/// memory of destroyed ones.
pub fn collect_all() {
    fork::prepare();
    for_each_heap(|raw| {
        let Some(_big) = raw.lock.try_lock() else { return };
        raw.receive();
        local::collect(&raw.heap);
        if !raw.alive.load(Ordering::Relaxed) {
            raw.discard_slots();
        }
    });
}

impl Spares {
    fn pop(&mut self) -> Option<&'static RawHeap> {
        // SAFETY: heaps are never unmapped.
        let raw = unsafe { self.first.as_ref() }?;
        self.first = raw.next_spare.replace(null());
        Some(raw)
    }

    fn push(&mut self, raw: &'static RawHeap) {
        if self.first.is_null() {
            self.first = raw;
        } else {
            // SAFETY: as above, and where there is a first one there is a last one.
            unsafe { (*self.last).next_spare.set(raw) };
        }
        self.last = raw;
    }
}

/// Takes every lock for `fork`.
pub fn acquire() {
    SPARES.acquire();
    for_each_heap(|raw| raw.lock.acquire());
}

/// Opens the locks after `fork`.
///
/// # Safety
///
/// The caller took them with [`acquire`], in this process or in its parent.
pub unsafe fn release() {
    // SAFETY: the caller's word.
    for_each_heap(|raw| unsafe { raw.lock.release() });
    // SAFETY: as above.
    unsafe { SPARES.release() };
}
