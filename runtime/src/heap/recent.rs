//! Blocks of [`SPAN_MAX`] bytes and less that are spans, and large blocks of up to
//! [`LARGEST`] bytes, that were freed a moment ago: one of each length waits in a
//! place of its own for the next one who wants just that, who takes it without a
//! lock.
//!
//! A block in a place is free in every respect but its memory: its slices are in
//! use, its mapping is registered and charged for. Its record says [`Kind::Free`], so
//! that a second free is noticed and whoever walks the heap passes it by. The block
//! freed last takes the place; the one that was there goes the ordinary way. What
//! nobody wanted from one round to the next is given up: see [`idle`].
//!
//! A place is one word: the block's address, which ends in 16 zeros, with the length
//! and the mark of a round in them. So it can be judged without looking at memory
//! that may be gone by then.

use super::chunk::{self, Kind, Page, SLICE};
use super::{SPAN_MAX, harden, idle, large, spans};
use crate::os;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the longest mapping that is kept.
pub const LARGEST: usize = (8 << 20) + SLICE + if harden::ON { SLICE } else { 0 };

/// Places of large blocks.
const LARGE_PLACES: usize = 4;

/// Who has kept so many bytes looks whether it is time to give something up.
const LOOK_BYTES: usize = 16 << 20;

/// What lengths are counted in.
const UNIT: usize = 4096;

/// Was there at the last round.
const OLD: usize = 1;

/// The places of spans, by their slices.
static SPANS: [AtomicUsize; SPAN_MAX / SLICE + 1] = [const { AtomicUsize::new(0) }; SPAN_MAX / SLICE + 1];

/// The places of large blocks, by [`place_of`] their mapping.
static LARGE: [AtomicUsize; LARGE_PLACES] = [const { AtomicUsize::new(0) }; LARGE_PLACES];

/// Bytes kept since somebody looked, roughly.
static KEPT: AtomicUsize = AtomicUsize::new(0);

const _: () = assert!(LARGEST / UNIT < SLICE / 2);

fn word_of(block: *mut u8, bytes: usize) -> usize {
    block as usize | (bytes / UNIT * 2)
}

fn block_of(word: usize) -> *mut u8 {
    (word & !(SLICE - 1)) as *mut u8
}

fn bytes_of(word: usize) -> usize {
    (word & (SLICE - 1)) / 2 * UNIT
}

/// The record of the block, which belongs to whoever has taken it from its place.
fn record_of(block: *mut u8) -> &'static Page {
    // SAFETY: what is in a place keeps its chunk or its mapping, header included.
    unsafe { (*chunk::header_of(block)).page_of(block) }
}

/// The place for mappings of so many bytes: neighbouring lengths have different ones.
fn place_of(bytes: usize) -> &'static AtomicUsize {
    let eighth = bytes.ilog2() - 3;
    &LARGE[(bytes >> eighth) % LARGE_PLACES]
}

/// Takes the span block of so many slices, if it is at a multiple of `align`; null
/// when there is none.
#[inline]
pub fn take_span(slices: usize, align: usize) -> *mut u8 {
    let fits = |word| (block_of(word) as usize).is_multiple_of(align);
    take(&SPANS[slices], Kind::Span, fits, spans::take_back)
}

/// Takes a large block whose mapping has `needed` bytes and at most an eighth more;
/// null when there is none.
#[inline]
pub fn take_large(needed: usize) -> *mut u8 {
    if needed > LARGEST {
        return null_mut();
    }
    let fits = |word| bytes_of(word) >= needed && bytes_of(word) - needed <= needed / 8;
    take(place_of(needed), Kind::Large, fits, large::take_back)
}

/// Takes the block of a place if it fits; `displaced` gets one that must leave.
#[inline]
fn take(place: &AtomicUsize, kind: Kind, fits: impl Fn(usize) -> bool, displaced: fn(*mut u8)) -> *mut u8 {
    let seen = place.load(Ordering::Relaxed);
    if seen == 0 || !fits(seen) {
        return null_mut();
    }
    let word = place.swap(0, Ordering::Acquire);
    if word == 0 {
        return null_mut();
    }
    if !fits(word) {
        // Another one than was seen.
        let other = place.swap(word, Ordering::AcqRel);
        if other != 0 {
            displaced(block_of(other));
        }
        return null_mut();
    }
    let block = block_of(word);
    record_of(block).kind.set(kind);
    block
}

/// Keeps a span block of so many slices.
#[inline]
pub fn keep_span(block: *mut u8, slices: usize) {
    keep(&SPANS[slices], block, slices * SLICE, spans::take_back);
}

/// Keeps a large block, [`SLICE`] bytes behind the start of a mapping of `bytes`
/// bytes, [`LARGEST`] at most.
#[inline]
pub fn keep_large(block: *mut u8, bytes: usize) {
    keep(place_of(bytes), block, bytes, large::take_back);
}

#[inline]
fn keep(place: &AtomicUsize, block: *mut u8, bytes: usize, displaced: fn(*mut u8)) {
    record_of(block).kind.set(Kind::Free);
    let word = place.swap(word_of(block, bytes), Ordering::AcqRel);
    if word != 0 {
        displaced(block_of(word));
    }
    // Counts of threads may get lost among each other: one of them will look.
    let kept = KEPT.load(Ordering::Relaxed) + bytes;
    KEPT.store(if kept < LOOK_BYTES { kept } else { 0 }, Ordering::Relaxed);
    if kept >= LOOK_BYTES {
        idle::poll();
    }
}

/// Every place with what gives its block up.
fn places() -> impl Iterator<Item = (&'static AtomicUsize, fn(*mut u8))> {
    let spans = SPANS.iter().map(|place| (place, spans::take_back as fn(*mut u8)));
    spans.chain(LARGE.iter().map(|place| (place, large::take_back as fn(*mut u8))))
}

/// What waits in places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Usable bytes of the blocks.
    pub bytes: usize,
    /// How many there are.
    pub blocks: usize,
}

/// What waits in the places of spans, and in those of large blocks.
pub fn kept() -> (Kept, Kept) {
    let sum = |places: &[AtomicUsize], header: usize| {
        let words = places.iter().map(|place| place.load(Ordering::Relaxed)).filter(|word| *word != 0);
        words.fold(Kept::default(), |sum, word| Kept {
            bytes: sum.bytes + bytes_of(word) - header,
            blocks: sum.blocks + 1,
        })
    };
    (sum(&SPANS, 0), sum(&LARGE, SLICE + harden::guard_bytes()))
}

/// Calls that are giving up blocks, which are counted twice or not at all meanwhile.
static LEAVING: AtomicUsize = AtomicUsize::new(0);

/// Such calls that are done.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Runs `read` while no block is given up: the helper does that at any time, and no
/// program should see it in the figures. Without that promise when it takes too long.
pub fn unmoved<R>(read: impl Fn() -> R) -> R {
    for tries in 0..1000 {
        let before = LEFT.load(Ordering::SeqCst);
        if LEAVING.load(Ordering::SeqCst) == 0 {
            let result = read();
            if LEAVING.load(Ordering::SeqCst) == 0 && LEFT.load(Ordering::SeqCst) == before {
                return result;
            }
        }
        // Whoever gives something up may have been interrupted for a while.
        if tries < 900 { os::yield_now() } else { os::sleep_ms(1) }
    }
    read()
}

/// Runs `give_up`, see [`unmoved`].
fn leaving(give_up: impl FnOnce()) {
    LEAVING.fetch_add(1, Ordering::SeqCst);
    give_up();
    LEFT.fetch_add(1, Ordering::SeqCst);
    LEAVING.fetch_sub(1, Ordering::SeqCst);
}

/// Forgets what threads of the parent process were doing, in a forked child.
pub fn after_fork() {
    LEAVING.store(0, Ordering::SeqCst);
}

/// Bytes of all blocks here.
pub fn bytes() -> usize {
    let (spans, large) = kept();
    spans.bytes + large.bytes
}

/// A round: gives up what was here at the last one.
pub fn age() {
    for (place, give_up) in places() {
        let word = place.load(Ordering::Relaxed);
        if word == 0 {
            continue;
        }
        let aged = if word & OLD == 0 { word | OLD } else { 0 };
        // Whoever was faster has wanted it.
        let exchange = || place.compare_exchange(word, aged, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if aged != 0 {
            exchange();
            continue;
        }
        leaving(|| {
            if exchange() {
                give_up(block_of(word));
            }
        });
    }
}

/// Gives everything up.
pub fn flush() {
    for (place, give_up) in places() {
        if place.load(Ordering::Relaxed) != 0 {
            leaving(|| {
                let word = place.swap(0, Ordering::AcqRel);
                if word != 0 {
                    give_up(block_of(word));
                }
            });
        }
    }
}
