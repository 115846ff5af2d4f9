//! The page map: from an address to the bin that takes the block there, in one load.
//!
//! One word per slice of a window of address space around the first chunk: for a slice of a page, the address of the bin
//! of the page's class in the heap that owns it; 0 for everything else. So a thread that finds one of its own bins knows
//! at once that the address is of a page of its own, of which class, and what its slots are. Whatever lies outside the
//! window has no word, and is looked up in its chunk's header instead: right too, but slower.
//!
//! Words change when a page is made, given back or adopted. A thread only acts on a word that names a bin of its own, and
//! nobody else makes or takes those.

use super::chunk::{CHUNK, Page, SLICE};
use super::thread::Bin;
use crate::sync::atomic::AtomicUsize;
use core::ptr::null;
use core::sync::atomic::Ordering;

/// Slices of the window: 64 GiB.
pub const SLICES: usize = 1 << 20;

/// Where in the window the first chunk lies: the systems hand out falling addresses, mostly.
const BELOW: usize = 60 << 30;

/// The window's first address; 0 before the first page.
static START: AtomicUsize = AtomicUsize::new(0);

/// The words. Untouched parts of the table cost no memory.
static WORDS: [AtomicUsize; SLICES] = [const { AtomicUsize::new(0) }; SLICES];

/// The address of the first word.
pub fn words() -> *const AtomicUsize {
    WORDS.as_ptr()
}

/// The window's first address, decided now if it was not: around `near`.
pub fn start(near: *const u8) -> usize {
    let start = START.load(Ordering::Relaxed);
    if start != 0 {
        return start;
    }
    let start = ((near as usize).saturating_sub(BELOW) & !(CHUNK - 1)).max(CHUNK);
    START.compare_exchange(0, start, Ordering::Relaxed, Ordering::Relaxed).err().unwrap_or(start)
}

/// The bin for the block at any address; null when the map does not say.
#[inline]
pub fn bin_of(block: *const u8) -> *const Bin {
    let slice = (block as usize).wrapping_sub(START.load(Ordering::Relaxed)) / SLICE;
    match WORDS.get(slice) {
        Some(word) => word.load(Ordering::Relaxed) as *const Bin,
        None => null(),
    }
}

/// Says which bin takes the blocks of a page: null when it is none any more.
pub fn set(page: &Page, bin: *const Bin) {
    let first = page.start.get() as usize;
    let slice = first.wrapping_sub(start(page.start.get())) / SLICE;
    for slice in slice..slice.saturating_add(page.slices.get() as usize) {
        if let Some(word) = WORDS.get(slice) {
            word.store(bin as usize, Ordering::Relaxed);
        }
    }
}
