//! The `hardened` build: what makes mistakes and attacks on the heap fail early.
//!
//! - Links through free blocks, and the marks of free blocks, are encoded with a key of
//!   the process and the block's own address. What a link leads to is checked: memory of
//!   the heap that is marked free. A block that is handed out must still have its mark.
//! - Slots are handed out in random order, and spans at random places of their chunk.
//! - Guard pages, which nobody can touch, lie around large blocks, between a chunk's
//!   header and its blocks, and behind the last block of a chunk.
//!
//! Without the feature all of this is not there: the functions are the identity, or
//! constants that the compiler removes.

use super::chunk::{self, Chunk, SLICE, Slot};
use crate::fault;
use crate::os::{self, Protection};
use core::cell::Cell;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Whether this is the hardened build.
pub const ON: bool = cfg!(feature = "hardened");

/// The key; 0 before it is made.
static KEY: AtomicUsize = AtomicUsize::new(0);

/// The state of the generator of random orders.
static STATE: AtomicU64 = AtomicU64::new(0);

/// The process's key, which is never 0.
#[inline]
fn key() -> usize {
    match KEY.load(Ordering::Relaxed) {
        0 => make_key(),
        key => key,
    }
}

#[cold]
fn make_key() -> usize {
    let key = os::random() as usize | 1;
    KEY.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed).err().unwrap_or(key)
}

/// What the mark of a free slot is its address exclusive-or.
#[inline]
pub fn mark_key(usual: usize) -> usize {
    if ON { key() } else { usual }
}

/// What a link is exclusive-or: different for each slot it is stored in.
fn link_key(at: *const Slot) -> usize {
    key().rotate_left(29) ^ (at as usize).rotate_left(17)
}

/// A link as it is stored in the free slot `at`.
#[inline]
pub fn seal(at: *const Slot, link: *mut Slot) -> *mut Slot {
    if ON { (link as usize ^ link_key(at)) as *mut Slot } else { link }
}

/// The link that is stored in the free slot `at`, whatever it is.
#[inline]
pub fn peek(at: *const Slot, sealed: *mut Slot) -> *mut Slot {
    seal(at, sealed)
}

/// The link that is stored in the free slot `at`: null, or the address of a free slot.
/// Anything else is a fault in this build.
#[inline]
pub fn open(at: *const Slot, sealed: *mut Slot) -> *mut Slot {
    let link = peek(at, sealed);
    if ON && !link.is_null() && !is_free_slot(link) {
        fault!(Corruption, "the free block at {at:p} was written to: its link is broken");
    }
    link
}

fn is_free_slot(slot: *mut Slot) -> bool {
    (slot as usize).is_multiple_of(16)
        && chunk::find(slot.cast()).is_some()
        // SAFETY: in a chunk; 16 bytes at a multiple of 16 lie in one OS page, and that
        // is either readable or a guard, where a fault is as good.
        && unsafe { (*slot).mark } == chunk::free_mark(slot.cast())
}

/// Faults unless a slot that is about to be handed out still has its mark.
///
/// # Safety
///
/// The slot is free and the caller's.
#[inline]
pub unsafe fn check_mark(slot: *mut Slot) {
    // SAFETY: the caller's word.
    if ON && unsafe { (*slot).mark } != chunk::free_mark(slot.cast()) {
        fault!(Corruption, "the free block at {slot:p} was written to");
    }
}

/// The next random number (splitmix64). Threads may get the same one, by accident.
fn next_random() -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let state = STATE.load(Ordering::Relaxed).wrapping_add(STEP);
    STATE.store(state, Ordering::Relaxed);
    let mixed = state ^ key() as u64;
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Puts slots in random order.
pub fn shuffle(slots: &[Cell<*mut Slot>]) {
    if ON {
        for last in (1..slots.len()).rev() {
            slots[last].swap(&slots[(next_random() % (last as u64 + 1)) as usize]);
        }
    }
}

/// One of the bits of `runs`, which are not all 0: the lowest, or any.
pub fn pick(runs: u64) -> usize {
    let mut rest = runs;
    if ON {
        for _ in 0..next_random() % u64::from(runs.count_ones()) {
            rest &= rest - 1;
        }
    }
    rest.trailing_zeros() as usize
}

/// Bytes of a large block's mapping, at its end, that are a guard.
#[inline]
pub fn guard_bytes() -> usize {
    if ON { os::page_size() } else { 0 }
}

/// Puts guards around the blocks of a chunk: behind its header, and over its last slice.
pub fn guard_chunk(chunk: &Chunk) {
    if ON {
        let header = size_of::<Chunk>().next_multiple_of(os::page_size());
        forbid(chunk.address() + header, SLICE - header);
        forbid(chunk.slice(chunk::SLICES - 1) as usize, SLICE);
    }
}

/// Puts guards around a large block, or takes them away.
pub fn guard_large(header: &Chunk, on: bool) {
    if ON {
        let first = chunk::large_header_bytes();
        let end = header.large.map.get() as usize + header.large.map_size.get();
        let gap = header.large.block.get() as usize - header.address() - first;
        let protection = if on { Protection::None } else { Protection::ReadWrite };
        change(header.address() + first, gap, protection);
        change(end - guard_bytes(), guard_bytes(), protection);
    }
}

fn forbid(start: usize, size: usize) {
    change(start, size, Protection::None);
}

/// A system that refuses does without the guard.
fn change(start: usize, size: usize, protection: Protection) {
    if size != 0 {
        // SAFETY: whole OS pages of a mapping of ours, in which no block lies.
        unsafe { os::protect(start as *mut u8, size, protection) };
    }
}
