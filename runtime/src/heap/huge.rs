//! Huge pages: chunks that are mapped once the heap has grown.
//!
//! A fault per 2 MiB instead of one per 4 KiB, and fewer misses of the processor's
//! table of pages; but what is touched once is in memory as a whole. So the first
//! [`FROM`] bytes of chunks stay on small pages, whatever the system's default is, and
//! later ones ask for huge pages. A chunk is two of them, its halves.
//!
//! Memory goes back from whole halves where it can. Giving back a part splits the huge
//! page, so a part has to be worth it: less than [`LEAST`] slices of a half stay. A
//! half that was split asks for no huge page until it is free as a whole, or the system
//! would fill it up again behind our back.
//!
//! `VEX_MALLOC_HUGE=0` in the environment leaves everything to the system's default.
//! Systems other than Linux have nothing of this.

use super::chunk::{CHUNK, Chunk, SLICE, SLICES};
use super::harden;
use crate::os;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Bytes of chunks that stay on small pages.
pub const FROM: usize = 128 << 20;

/// Slices of a half that are worth splitting a huge page.
const LEAST: u32 = 8;

/// In a header's bits: the chunk is one that has asked for huge pages.
const ASKED: u8 = 1 << 2;

/// Slices of a half.
const HALF: usize = SLICES / 2;

/// 0: nobody has asked the environment yet; 1: off; 2: on.
static STATE: AtomicU8 = AtomicU8::new(0);

/// Halves of which a part was given back.
static SPLITS: AtomicUsize = AtomicUsize::new(0);

const _: () = assert!(CHUNK == 2 * HALF * SLICE && HALF * SLICE == 2 << 20);

/// Asks the environment, once.
pub fn prepare() {
    if STATE.load(Ordering::Relaxed) == 0 {
        let state = if os::is_off(c"VEX_MALLOC_HUGE") { 1 } else { 2 };
        let _ = STATE.compare_exchange(0, state, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// How many huge pages had a part given back, and were split by that.
pub fn splits() -> usize {
    SPLITS.load(Ordering::Relaxed)
}

/// Says of a chunk that was just mapped, as the `mapped`-th byte of chunks, which
/// pages it shall have; the bits for its header.
pub fn choose(chunk: *mut u8, mapped: usize) -> u8 {
    prepare();
    // Guards would split them.
    if STATE.load(Ordering::Relaxed) == 1 || harden::ON {
        return 0;
    }
    let huge = mapped > FROM;
    // SAFETY: the chunk is a mapping of ours.
    let done = unsafe { os::prefer_huge(chunk, CHUNK, huge) };
    if huge && done { ASKED | 0b11 } else { 0 }
}

/// The slices of half `half`.
fn half_bits(half: usize) -> u64 {
    u64::from(u32::MAX) << (half * HALF)
}

/// What to give back of the free slices `old` and of those that are free besides: these
/// may be in memory, too, being parts of the same huge pages. Nothing of a huge page of
/// which less than `least` slices are free.
fn worth(chunk: &Chunk, old: u64, least: u32) -> u64 {
    if chunk.huge.get() == 0 || old == 0 {
        return old;
    }
    let of_half = |half: usize| {
        let (old, free) = (old & half_bits(half), chunk.free.get() & half_bits(half));
        match chunk.huge.get() >> half & 1 == 1 && old != 0 {
            true if free.count_ones() < least => 0,
            true => free,
            false => old,
        }
    };
    of_half(0) | of_half(1)
}

/// As [`worth`], what nobody wanted for a while.
pub fn worth_splitting(chunk: &Chunk, old: u64) -> u64 {
    worth(chunk, old, LEAST)
}

/// As [`worth`], whatever the cost.
pub fn all(chunk: &Chunk, old: u64) -> u64 {
    worth(chunk, old, 0)
}

/// Prepares the huge pages of a chunk for giving back the free slices `bits`. The lock
/// of the span allocator is held.
pub fn before_discard(chunk: &Chunk, bits: u64) {
    for half in 0..2 {
        // The first half is never given back as a whole: it has the header.
        let is_part = !matches!(bits & half_bits(half), part if part == 0 || part == half_bits(half));
        if is_part && chunk.huge.get() >> half & 1 == 1 {
            SPLITS.fetch_add(1, Ordering::Relaxed);
            prefer(chunk, half, false);
        }
    }
}

/// Lets the second half be a huge page again when nothing of it is left in memory. The
/// lock of the span allocator is held.
pub fn after_discard(chunk: &Chunk) {
    let (all, both) = (half_bits(1), ASKED | 0b10);
    if chunk.huge.get() & both == ASKED && chunk.free.get() & all == all && chunk.dirty.get() & all == 0 {
        prefer(chunk, 1, true);
    }
}

/// Asks for a huge page in a half, or for none.
fn prefer(chunk: &Chunk, half: usize, huge: bool) {
    // SAFETY: the half is part of a mapping of ours.
    if unsafe { os::prefer_huge(chunk.slice(half * HALF), HALF * SLICE, huge) } {
        let others = chunk.huge.get() & !(1 << half);
        chunk.huge.set(others | u8::from(huge) << half);
    }
}
