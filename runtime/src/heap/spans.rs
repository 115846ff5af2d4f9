//! The span allocator: slices of chunks, under one lock.
//!
//! Pages change hands rarely (64 KiB and more at a time), so one lock serves
//! all threads; span blocks that a program allocates and frees by turns do not even
//! take it, see [`recent`]. Freed slices stay in memory for a while in case they are
//! wanted again; [`purge`] gives them back.

use super::chunk::{self, CHUNK, Chunk, Kind, SLICE, SLICES};
use super::{SPAN_MAX, figures, fork, harden, huge, idle, purge, recent};
use crate::os::{self, limit};
use crate::sync::{Guard, Lock};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Every slice but the header's, and the guard at the end of a hardened one.
pub(super) const ALL_FREE: u64 = if harden::ON { !1 & !(1 << (SLICES - 1)) } else { !1 };

/// What the lock guards, besides the bitmaps of every chunk.
pub(super) struct Spans {
    /// Chunks with free slices and others, most recently freed into first.
    open: *mut Chunk,
    /// Chunks that are free as a whole.
    empty: *mut Chunk,
    /// How many those are.
    pub(super) empties: usize,
    /// Slices in use.
    pub(super) used: usize,
    /// Where the last search for free slices in memory ended: see [`purge`].
    pub(super) sweep: usize,
}

// SAFETY: the pointers are only followed under the lock.
unsafe impl Send for Spans {}

static SPANS: Lock<Spans> =
    Lock::new(Spans { open: null_mut(), empty: null_mut(), empties: 0, used: 0, sweep: 0 });

/// Bytes mapped for chunks.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// Free slices that may not be zero, that is, are in memory. Written under the lock.
static STALE: AtomicUsize = AtomicUsize::new(0);

/// A span fresh from the allocator.
pub struct Span {
    /// Its chunk.
    pub chunk: &'static Chunk,
    /// Its first slice.
    pub index: usize,
    /// Whether all its bytes are zero.
    pub zeroed: bool,
}

/// Bytes mapped for chunks.
pub fn mapped() -> usize {
    MAPPED.load(Ordering::Relaxed)
}

/// Bytes of free slices that are in memory.
pub fn stale() -> usize {
    STALE.load(Ordering::Relaxed) * SLICE
}

/// Allocates `slices` slices that start at a multiple of `align` slices (a power
/// of two, at most half a chunk). `None` when the OS has no memory.
pub fn allocate(slices: usize, align: usize) -> Option<Span> {
    fork::prepare();
    idle::poll();
    let span = SPANS.lock().find(slices, align);
    span.or_else(|| {
        // Free slices that are in memory count as held; without them it may do.
        purge();
        SPANS.lock().find(slices, align)
    })
}

/// Allocates a block that is a span, of `size` bytes at a multiple of `align`, both
/// [`SPAN_MAX`] at most; zeros if that is asked for. Null when the OS has no memory.
pub fn allocate_block(size: usize, align: usize, zeroed: bool) -> *mut u8 {
    debug_assert!(size <= SPAN_MAX && align <= SPAN_MAX);
    let slices = size.div_ceil(SLICE).max(1);
    let mut block = recent::take_span(slices, align);
    let mut is_zero = false;
    if block.is_null() {
        let Some(span) = allocate(slices, (align / SLICE).max(1)) else { return null_mut() };
        block = span.chunk.slice(span.index);
        is_zero = span.zeroed;
        set_records(span.chunk, span.index, slices);
        figures::span_allocated(slices * SLICE);
    }
    if zeroed && !is_zero {
        // SAFETY: the span is `slices * SLICE >= size` bytes long.
        unsafe { block.write_bytes(0, size) };
    }
    block
}

/// Makes the records of a span those of a block.
fn set_records(chunk: &Chunk, index: usize, slices: usize) {
    for page in &chunk.pages[index..index + slices] {
        page.start.set(chunk.slice(index));
        page.head.set(index as u8);
        page.slices.set(slices as u8);
        page.kind.set(Kind::Span);
    }
}

/// Takes a span back. The records of its slices are already cleared.
pub fn free(chunk: &'static Chunk, index: usize, slices: usize) {
    let mut spans = SPANS.lock();
    spans.give(chunk, index, slices);
    after_free(spans);
}

/// Takes a block that is a span back; false when some other thread has done so
/// already.
pub fn free_block(chunk: &'static Chunk, index: usize) -> bool {
    let page = &chunk.pages[index];
    if page.kind.get() != Kind::Span {
        return false;
    }
    recent::keep_span(chunk.slice(index), page.slices.get() as usize);
    true
}

/// Takes the span of a block back that [`recent`] has kept.
pub fn take_back(block: *mut u8) {
    fork::prepare();
    // SAFETY: a block keeps its chunk mapped.
    let chunk: &'static Chunk = unsafe { &*chunk::header_of(block) };
    let page = chunk.page_of(block);
    let (index, slices) = (page.head.get() as usize, page.slices.get() as usize);
    let mut spans = SPANS.lock();
    clear_records(chunk, index, slices);
    figures::span_freed(slices * SLICE);
    spans.give(chunk, index, slices);
    after_free(spans);
}

/// What is to be done when slices have become free.
fn after_free(mut spans: Guard<'_, Spans>) {
    if stale() > purge::bound(spans.used * SLICE) && !idle::is_on() {
        spans.purge_all();
    }
    drop(spans);
    idle::poll();
}

/// Makes a span block `slices` slices long where it lies, by the slices behind it or
/// without some of its own; false when those are not free.
pub fn resize_block(chunk: &'static Chunk, index: usize, slices: usize) -> bool {
    fork::prepare();
    let first = &chunk.pages[index];
    let (old, end) = (first.slices.get() as usize, index + slices);
    if end > SLICES {
        return false;
    }
    let mut spans = SPANS.lock();
    if slices > old {
        let more = mask(index + old, slices - old);
        let fits = || chunk.free.get() & more == more;
        if !fits() {
            drop(spans);
            // What is behind it may be free but kept.
            recent::flush();
            spans = SPANS.lock();
        }
        if !fits() || spans.take(chunk, index + old, slices - old).is_none() {
            return false;
        }
        for page in &chunk.pages[index + old..end] {
            page.start.set(first.start.get());
            page.head.set(index as u8);
            page.kind.set(Kind::Span);
        }
    } else if slices < old {
        clear_records(chunk, index + slices, old - slices);
        spans.give(chunk, index + slices, old - slices);
    }
    for page in &chunk.pages[index..index + slices] {
        page.slices.set(slices as u8);
    }
    after_free(spans);
    true
}

/// Makes the records of a span those of free slices.
pub fn clear_records(chunk: &Chunk, index: usize, slices: usize) {
    for page in &chunk.pages[index..index + slices] {
        page.kind.set(Kind::Free);
        page.owner.store(null_mut(), Ordering::Relaxed);
    }
}

/// Gives every free slice back to the OS.
pub fn purge() {
    fork::prepare();
    recent::flush();
    purge::all();
}

/// Takes the lock.
pub(super) fn lock() -> Guard<'static, Spans> {
    SPANS.lock()
}

/// Runs `body` while no chunk and no large block goes back to the OS. `body` must
/// not use the heap.
pub fn still<R>(body: impl FnOnce() -> R) -> R {
    fork::prepare();
    let _spans = SPANS.lock();
    body()
}

/// As [`still`]; `None` when the lock does not come free for a while, because
/// whoever holds it failed.
pub fn try_still<R>(body: impl FnOnce() -> R) -> Option<R> {
    fork::prepare();
    for _ in 0..1000 {
        if let Some(_spans) = SPANS.try_lock() {
            return Some(body());
        }
        os::yield_now();
    }
    None
}

/// Returns when everybody who was inside [`still`] is out. To be called between
/// taking back the header of a large block and giving up its memory.
pub fn wait_for_walkers() {
    fork::prepare();
    drop(SPANS.lock());
}

/// Takes the lock for `fork`.
pub fn acquire() {
    SPANS.acquire();
}

/// Opens the lock after `fork`.
///
/// # Safety
///
/// The caller took it with [`acquire`], in this process or in its parent.
pub unsafe fn release() {
    // SAFETY: the caller's word.
    unsafe { SPANS.release() }
}

/// A run of `slices` set bits that starts at a multiple of `align`: the lowest one.
fn find_run(free: u64, slices: usize, align: usize) -> Option<usize> {
    let runs = runs(free, slices, align);
    (runs != 0).then(|| harden::pick(runs))
}

/// Where runs of `slices` set bits start at multiples of `align`.
fn runs(free: u64, slices: usize, align: usize) -> u64 {
    let mut runs = free;
    let mut have = 1;
    while have < slices {
        let step = have.min(slices - have);
        runs &= runs >> step;
        have += step;
    }
    // Every `align`-th bit: ALIGNED[log2 align].
    const ALIGNED: [u64; 6] = [
        !0,
        0x5555_5555_5555_5555,
        0x1111_1111_1111_1111,
        0x0101_0101_0101_0101,
        0x0001_0001_0001_0001,
        0x1_0000_0001,
    ];
    runs & ALIGNED[align.trailing_zeros() as usize]
}

/// The bits of a span.
pub(super) fn mask(index: usize, slices: usize) -> u64 {
    (!0 >> (64 - slices)) << index
}

impl Spans {
    /// Allocates a span where there is room for it, in a new chunk at worst.
    fn find(&mut self, slices: usize, align: usize) -> Option<Span> {
        let mut chunk = self.open;
        // SAFETY: chunks on the lists are mapped; the lock is held.
        while let Some(open) = unsafe { chunk.as_ref() } {
            if let Some(index) = find_run(open.free.get(), slices, align) {
                return self.take(open, index, slices);
            }
            chunk = open.next.get();
        }
        let index = find_run(ALL_FREE, slices, align)?;
        // SAFETY: as above.
        if let Some(empty) = unsafe { self.empty.as_ref() } {
            return self.take(empty, index, slices);
        }
        let fresh = self.map_chunk()?;
        let span = self.take(fresh, index, slices);
        if span.is_none() {
            self.drop_chunk(fresh);
            // SAFETY: just dropped.
            unsafe { unmap(fresh) };
        }
        span
    }

    /// Takes free slices; `None` when that would be more than the memory limit.
    fn take(&mut self, chunk: &'static Chunk, index: usize, slices: usize) -> Option<Span> {
        let bits = mask(index, slices);
        let dirty = chunk.dirty.get();
        // Slices in memory are charged for already.
        if !limit::charge((bits & !dirty).count_ones() as usize * SLICE) {
            return None;
        }
        self.used += slices;
        self.set_free(chunk, chunk.free.get() & !bits);
        chunk.dirty.set(dirty | bits);
        chunk.aged.set(chunk.aged.get() & !bits);
        add_stale(-i64::from((dirty & bits).count_ones()));
        Some(Span { chunk, index, zeroed: dirty & bits == 0 })
    }

    fn give(&mut self, chunk: &'static Chunk, index: usize, slices: usize) {
        let bits = mask(index, slices);
        let free = chunk.free.get();
        debug_assert!(free & bits == 0, "a span is freed twice");
        self.used -= slices;
        self.set_free(chunk, free | bits);
        add_stale(slices as i64);
    }

    /// Changes which slices of a chunk are free, and the list it is on.
    pub(super) fn set_free(&mut self, chunk: &'static Chunk, free: u64) {
        let list = |free| if free == ALL_FREE { 2 } else { usize::from(free != 0) };
        let (old, new) = (list(chunk.free.get()), list(free));
        if old != new && old != 0 {
            self.unlist(chunk);
        }
        chunk.free.set(free);
        if old != new && new != 0 {
            self.list(chunk);
        }
    }

    /// Puts a chunk with free slices on its list.
    fn list(&mut self, chunk: &'static Chunk) {
        let is_empty = chunk.free.get() == ALL_FREE;
        self.empties += usize::from(is_empty);
        let list = if is_empty { &mut self.empty } else { &mut self.open };
        chunk.prev.set(null_mut());
        chunk.next.set(*list);
        let this = chunk as *const Chunk as *mut Chunk;
        // SAFETY: chunks on the lists are mapped; the lock is held.
        if let Some(next) = unsafe { list.as_ref() } {
            next.prev.set(this);
        }
        *list = this;
    }

    /// Takes a chunk off the list it is on.
    pub(super) fn unlist(&mut self, chunk: &Chunk) {
        let is_empty = chunk.free.get() == ALL_FREE;
        self.empties -= usize::from(is_empty);
        let list = if is_empty { &mut self.empty } else { &mut self.open };
        let (next, prev) = (chunk.next.get(), chunk.prev.get());
        // SAFETY: as in `list`.
        unsafe {
            match prev.as_ref() {
                Some(prev) => prev.next.set(next),
                None => *list = next,
            }
            if let Some(next) = next.as_ref() {
                next.prev.set(prev);
            }
        }
    }

    fn map_chunk(&mut self) -> Option<&'static Chunk> {
        if stale() > idle::HELPER_BYTES {
            // They do not fit, so what is held must not grow because of them.
            self.purge_some(CHUNK / SLICE);
        }
        if !limit::charge(chunk::header_bytes()) {
            return None;
        }
        let base = os::map(CHUNK, CHUNK);
        if base.is_null() || !chunk::is_representable(base) {
            if !base.is_null() {
                // SAFETY: just mapped, never used.
                unsafe { os::unmap(base, CHUNK) };
            }
            limit::discharge(chunk::header_bytes());
            return None;
        }
        let huge = huge::choose(base, MAPPED.fetch_add(CHUNK, Ordering::Relaxed));
        // SAFETY: zeroed memory of the right size and alignment is a valid
        // header: null pointers, `Kind::Free`, `Listed::Avail`, zero counts.
        let chunk: &'static Chunk = unsafe { &*base.cast::<Chunk>() };
        chunk.free.set(ALL_FREE);
        chunk.huge.set(huge);
        harden::guard_chunk(chunk);
        chunk::register(chunk);
        self.list(chunk);
        Some(chunk)
    }
}

/// Changes the number of free slices in memory. The lock is held.
pub(super) fn add_stale(slices: i64) {
    STALE.store(STALE.load(Ordering::Relaxed).wrapping_add_signed(slices as isize), Ordering::Relaxed);
}

/// Gives a chunk back to the OS, with the lock or without it.
///
/// # Safety
///
/// The chunk was [dropped](Spans::drop_chunk).
pub(super) unsafe fn unmap(chunk: &'static Chunk) {
    let dirty = chunk.dirty.get().count_ones();
    MAPPED.fetch_sub(CHUNK, Ordering::Relaxed);
    let held = chunk::header_bytes() + dirty as usize * SLICE;
    limit::discharge(held);
    limit::returned(held);
    // SAFETY: every slice is free, so no block and no page record is in use.
    unsafe { os::unmap(chunk.address() as *mut u8, CHUNK) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowest(free: u64, slices: usize, align: usize) -> Option<usize> {
        let runs = runs(free, slices, align);
        (runs != 0).then(|| runs.trailing_zeros() as usize)
    }

    #[test]
    fn runs_are_found_where_they_are() {
        assert_eq!(lowest(!1, 1, 1), Some(1));
        assert_eq!(lowest(!1, 63, 1), Some(1));
        assert_eq!(lowest(!1, 64, 1), None);
        assert_eq!(lowest(!1, 3, 16), Some(16));
        assert_eq!(lowest(!1, 33, 32), None);
        assert_eq!(lowest(!1, 32, 32), Some(32));
        assert_eq!(lowest(0b1110_1100_0110, 3, 1), Some(9));
        assert_eq!(lowest(0b1110_1100_0110, 2, 2), Some(6));
        assert_eq!(lowest(1 << 63, 2, 1), None);
        assert_eq!(lowest(0, 1, 1), None);
    }

    #[test]
    fn runs_agree_with_a_plain_search() {
        let mut state = 0x1234_5678_9ABC_DEF1u64;
        for _ in 0..20_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let free = (state | state.rotate_left(7)) & !1;
            let (slices, align) = (1 + (state >> 58) as usize % 20, 1 << ((state >> 3) % 6));
            let plain = (0..=64 - slices)
                .step_by(align)
                .find(|&at| (at..at + slices).all(|bit| free >> bit & 1 == 1));
            assert_eq!(lowest(free, slices, align), plain, "{free:#b} {slices} {align}");
        }
    }
}
