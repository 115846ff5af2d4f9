//! The span allocator: slices of chunks, under one lock.
//!
//! Pages change hands rarely (64 KiB and more at a time), so one lock serves
//! all threads. Freed slices stay in memory for a while in case they are wanted
//! again: they are given back when they outgrow a share of what is in use, and
//! at the latest when the allocator is next used after [`IDLE_MS`]. A chunk that
//! is free as a whole is unmapped, except for one.

use super::chunk::{self, CHUNK, Chunk, Kind, SLICE, SLICES};
use super::{cache, fork};
use crate::os::{self, limit};
use crate::sync::Lock;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Every slice but the header's.
const ALL_FREE: u64 = !1;
/// Free slices that may stay in memory however little is in use.
const KEEP_SLICES: usize = (8 << 20) / SLICE;
/// Free slices go back at the latest when this much time has passed.
pub const IDLE_MS: u64 = 500;

/// What the lock guards, besides the bitmaps of every chunk.
struct Spans {
    /// Chunks with a free slice, most recently freed into first.
    open: *mut Chunk,
    /// Chunks that are free as a whole.
    empty: usize,
    /// Slices in use.
    used: usize,
    /// Free slices that may not be zero, that is, are in memory.
    stale: usize,
    /// When slices were last given back.
    purged_ms: u64,
}

// SAFETY: the pointer is only followed under the lock.
unsafe impl Send for Spans {}

static SPANS: Lock<Spans> = Lock::new(Spans { open: null_mut(), empty: 0, used: 0, stale: 0, purged_ms: 0 });

/// Bytes mapped for chunks.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

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

/// Allocates `slices` slices that start at a multiple of `align` slices (a power
/// of two, at most half a chunk). `None` when the OS has no memory.
pub fn allocate(slices: usize, align: usize) -> Option<Span> {
    fork::prepare();
    cache::purge_when_idle();
    let mut spans = SPANS.lock();
    spans.purge_when_idle();
    spans.find(slices, align).or_else(|| {
        // Free slices that are in memory count as held; without them it may do.
        spans.purge_all();
        spans.find(slices, align)
    })
}

/// Takes a span back. The records of its slices are already cleared.
pub fn free(chunk: &'static Chunk, index: usize, slices: usize) {
    let mut spans = SPANS.lock();
    spans.give(chunk, index, slices);
    spans.purge_when_grown();
    spans.purge_when_idle();
    drop(spans);
    cache::purge_when_idle();
}

/// Marks the span of a one-block page free and takes it back; false when some
/// other thread has done so already.
pub fn free_block(chunk: &'static Chunk, index: usize) -> bool {
    let mut spans = SPANS.lock();
    let page = &chunk.pages[index];
    if page.kind.get() != Kind::Span {
        return false;
    }
    let slices = page.slices.get() as usize;
    clear_records(chunk, index, slices);
    spans.give(chunk, index, slices);
    spans.purge_when_grown();
    spans.purge_when_idle();
    true
}

/// Makes a span block `slices` slices long where it lies, by the slices behind it or
/// without some of its own; false when those are not free.
pub fn resize_block(chunk: &'static Chunk, index: usize, slices: usize) -> bool {
    let mut spans = SPANS.lock();
    let first = &chunk.pages[index];
    let old = first.slices.get() as usize;
    if slices > old {
        let end = index + slices;
        if end > SLICES
            || chunk.free.get() & mask(index + old, slices - old) != mask(index + old, slices - old)
        {
            return false;
        }
        if spans.take(chunk, index + old, slices - old).is_none() {
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
    SPANS.lock().purge_all();
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

/// The lowest run of `slices` set bits that starts at a multiple of `align`.
fn find_run(free: u64, slices: usize, align: usize) -> Option<usize> {
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
    runs &= ALIGNED[align.trailing_zeros() as usize];
    (runs != 0).then(|| runs.trailing_zeros() as usize)
}

/// The bits of a span.
fn mask(index: usize, slices: usize) -> u64 {
    (!0 >> (64 - slices)) << index
}

impl Spans {
    /// Allocates a span where there is room for it, in a new chunk at worst.
    fn find(&mut self, slices: usize, align: usize) -> Option<Span> {
        let mut chunk = self.open;
        // SAFETY: chunks on the list are mapped; the lock is held.
        while let Some(open) = unsafe { chunk.as_ref() } {
            if let Some(index) = find_run(open.free.get(), slices, align) {
                return self.take(open, index, slices);
            }
            chunk = open.next.get();
        }
        let fresh = self.map_chunk()?;
        let span = find_run(ALL_FREE, slices, align).and_then(|index| self.take(fresh, index, slices));
        if span.is_none() && self.empty > 1 {
            self.unmap_chunk(fresh);
        }
        span
    }

    /// Takes free slices; `None` when that would be more than the memory limit.
    fn take(&mut self, chunk: &'static Chunk, index: usize, slices: usize) -> Option<Span> {
        let bits = mask(index, slices);
        let (free, dirty) = (chunk.free.get(), chunk.dirty.get());
        // Slices in memory are charged for already.
        if !limit::charge((bits & !dirty).count_ones() as usize * SLICE) {
            return None;
        }
        if free == ALL_FREE {
            self.empty -= 1;
        }
        self.used += slices;
        self.stale -= (dirty & bits).count_ones() as usize;
        chunk.free.set(free & !bits);
        chunk.dirty.set(dirty | bits);
        if free & !bits == 0 {
            self.unlink(chunk);
        }
        Some(Span { chunk, index, zeroed: dirty & bits == 0 })
    }

    fn give(&mut self, chunk: &'static Chunk, index: usize, slices: usize) {
        let bits = mask(index, slices);
        let free = chunk.free.get();
        debug_assert!(free & bits == 0, "a span is freed twice");
        chunk.free.set(free | bits);
        self.used -= slices;
        self.stale += slices;
        if free == 0 {
            self.link(chunk);
        }
        if free | bits == ALL_FREE {
            self.empty += 1;
            if self.empty > 1 {
                self.unmap_chunk(chunk);
            }
        }
    }

    fn link(&mut self, chunk: &'static Chunk) {
        chunk.prev.set(null_mut());
        chunk.next.set(self.open);
        let this = chunk as *const Chunk as *mut Chunk;
        // SAFETY: chunks on the list are mapped; the lock is held.
        if let Some(next) = unsafe { self.open.as_ref() } {
            next.prev.set(this);
        }
        self.open = this;
    }

    fn unlink(&mut self, chunk: &Chunk) {
        let (next, prev) = (chunk.next.get(), chunk.prev.get());
        // SAFETY: as in `link`.
        unsafe {
            match prev.as_ref() {
                Some(prev) => prev.next.set(next),
                None => self.open = next,
            }
            if let Some(next) = next.as_ref() {
                next.prev.set(prev);
            }
        }
    }

    fn map_chunk(&mut self) -> Option<&'static Chunk> {
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
        MAPPED.fetch_add(CHUNK, Ordering::Relaxed);
        // SAFETY: zeroed memory of the right size and alignment is a valid
        // header: null pointers, `Kind::Free`, `Listed::Avail`, zero counts.
        let chunk: &'static Chunk = unsafe { &*base.cast::<Chunk>() };
        chunk.free.set(ALL_FREE);
        chunk::register(chunk);
        self.empty += 1;
        self.link(chunk);
        Some(chunk)
    }

    fn unmap_chunk(&mut self, chunk: &'static Chunk) {
        self.unlink(chunk);
        self.empty -= 1;
        self.stale -= (chunk.free.get() & chunk.dirty.get()).count_ones() as usize;
        chunk::unregister(chunk);
        MAPPED.fetch_sub(CHUNK, Ordering::Relaxed);
        limit::discharge(chunk::header_bytes() + chunk.dirty.get().count_ones() as usize * SLICE);
        // SAFETY: every slice is free, so no block and no page record is in use.
        unsafe { os::unmap(chunk.address() as *mut u8, CHUNK) };
    }

    /// Gives memory back when free slices outgrow a quarter of those in use.
    fn purge_when_grown(&mut self) {
        if self.stale > KEEP_SLICES.max(self.used / 4) {
            self.purge_all();
        }
    }

    /// Gives memory back that nobody wanted for a while.
    fn purge_when_idle(&mut self) {
        if self.stale == 0 {
            return;
        }
        let now = os::now_ms();
        if now.wrapping_sub(self.purged_ms) >= IDLE_MS {
            // The first call only starts the clock.
            if self.purged_ms != 0 {
                self.purge_all();
            }
            self.purged_ms = now;
        }
    }

    fn purge_all(&mut self) {
        self.purged_ms = os::now_ms();
        let mut next = self.open;
        // SAFETY: chunks on the list are mapped; the lock is held.
        while let Some(chunk) = unsafe { next.as_ref() } {
            next = chunk.next.get();
            self.purge_chunk(chunk);
        }
    }

    fn purge_chunk(&mut self, chunk: &Chunk) {
        let mut rest = chunk.free.get() & chunk.dirty.get();
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            let slices = (!(rest >> index)).trailing_zeros() as usize;
            let bits = mask(index, slices);
            // SAFETY: the slices are free and the lock keeps them so.
            if unsafe { os::discard(chunk.slice(index), slices * SLICE) } {
                chunk.dirty.set(chunk.dirty.get() & !bits);
                self.stale -= slices;
                limit::discharge(slices * SLICE);
            }
            rest &= !bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_where_they_are() {
        assert_eq!(find_run(ALL_FREE, 1, 1), Some(1));
        assert_eq!(find_run(ALL_FREE, 63, 1), Some(1));
        assert_eq!(find_run(ALL_FREE, 64, 1), None);
        assert_eq!(find_run(ALL_FREE, 3, 16), Some(16));
        assert_eq!(find_run(ALL_FREE, 33, 32), None);
        assert_eq!(find_run(ALL_FREE, 32, 32), Some(32));
        assert_eq!(find_run(0b1110_1100_0110, 3, 1), Some(9));
        assert_eq!(find_run(0b1110_1100_0110, 2, 2), Some(6));
        assert_eq!(find_run(1 << 63, 2, 1), None);
        assert_eq!(find_run(0, 1, 1), None);
    }

    #[test]
    fn runs_agree_with_a_plain_search() {
        let mut state = 0x1234_5678_9ABC_DEF1u64;
        for _ in 0..20_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let free = (state | state.rotate_left(7)) & ALL_FREE;
            let (slices, align) = (1 + (state >> 58) as usize % 20, 1 << ((state >> 3) % 6));
            let plain = (0..=64 - slices)
                .step_by(align)
                .find(|&at| (at..at + slices).all(|bit| free >> bit & 1 == 1));
            assert_eq!(find_run(free, slices, align), plain, "{free:#b} {slices} {align}");
        }
    }
}
