//! The heap: the general-purpose allocator of the family, of mimalloc's class.
//!
//! Threads allocate from their own [`thread::ThreadHeap`]; blocks up to
//! [`class::SMALL_MAX`] come from pages of one size class, blocks up to
//! [`SPAN_MAX`] are spans of their own, larger ones mappings of their own. A
//! block's bookkeeping is found by masking its address. Frees by other threads
//! travel in batches without locks. Empty pages go back to the OS, lazily.
//!
//! Costs: a call pops or pushes one list; up to an eighth of a small block
//! above 128 bytes is slack; a thread keeps up to 64 KiB of free slots per class it uses. It cannot
//! move blocks, and it notices misuse only where that is cheap: an address that
//! is no block of the heap, and a second free while the first is still
//! remembered.
//!
//! Any thread may call anything at any time, also before `main`, after thread
//! destructors and in the child of a `fork`; not in a signal handler that
//! interrupted the heap. Nothing here uses Rust's global allocator.
//!
//! | file | what |
//! | --- | --- |
//! | `class` | size classes |
//! | `map` | from an address to the bin that takes the block there |
//! | `chunk` | chunks, slices, page records: finding a block's bookkeeping |
//! | `free_bits` | which slots of a page are free |
//! | `spans` | slices of chunks from the OS and back |
//! | `thread` | the thread heap and how a thread finds its own |
//! | `local` | filling and emptying bins |
//! | `drain` | bins of threads that only free |
//! | `remote` | frees by other threads |
//! | `registry` | all heaps: thread exit, adoption |
//! | `fork` | locks and heaps across `fork` |
//! | `heaps` | first-class heaps |
//! | `in_place` | resizing blocks where they lie |
//! | `huge` | huge pages |
//! | `harden` | the hardened build |
//! | `purge` | free slices back to the OS |
//! | `large` | large blocks |
//! | `cache` | mappings of large blocks freed lately |
//! | `recent` | one block of each length freed last, without a lock |
//! | `idle` | when memory goes back by itself, and the helper thread |
//! | `figures` | counting |
//! | `inline` | the fast paths, for code generators |
//! | `walk` | looking at it from outside |

mod cache;
pub mod chunk;
pub mod class;
mod drain;
pub mod figures;
mod fork;
pub mod free_bits;
mod harden;
pub mod heaps;
mod huge;
mod idle;
mod in_place;
pub mod inline;
pub mod large;
mod local;
pub mod map;
mod purge;
mod recent;
mod registry;
mod remote;
mod spans;
pub mod thread;
pub mod walk;

#[cfg(all(test, unix))]
pub(crate) mod tests;

pub use figures::{Figures, figures};
pub use fork::prepare as prepare_for_fork;
pub use harden::ON as HARDENED;
pub use heaps::Heap;
pub use huge::splits as huge_pages_split;
pub use idle::prepare as read_settings;
pub use in_place::resize_in_place;
pub use walk::{BlockInfo, Totals, find, totals};

use crate::process::refusal;
use crate::{fault, size};
use chunk::{CHUNK, Kind, SLICE, Slot};
use class::{MIN_ALIGN, TABLE};
use core::ptr::null_mut;
use core::sync::atomic::Ordering;
use thread::{Bin, ThreadHeap};

/// The largest block that comes from a chunk, in bytes.
pub const SPAN_MAX: usize = if harden::ON { CHUNK / 4 } else { CHUNK / 2 };

/// Allocates `size` bytes at a multiple of `align`, contents undefined.
///
/// `align` is a power of two; blocks are 16-aligned at least. A size of 0 gets
/// a block of its own. Null when the OS has no memory or the size is absurd.
#[inline]
pub fn allocate(size: usize, align: usize) -> *mut u8 {
    debug_assert!(align.is_power_of_two());
    match class::of_aligned(size, align) {
        Some(class) => allocate_small(class, size),
        None => allocate_big(size, align, false),
    }
}

/// As [`allocate`], and every byte that was asked for is zero.
pub fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
    debug_assert!(align.is_power_of_two());
    let Some(class) = class::of_aligned(size, align) else {
        return allocate_big(size, align, true);
    };
    let block = allocate_small(class, size);
    if !block.is_null() {
        // SAFETY: the block is at least `size` bytes long.
        unsafe { block.write_bytes(0, size) };
    }
    block
}

/// Allocates a slot of a size class; null when the OS has no memory.
#[inline]
pub fn allocate_class(class: usize) -> *mut u8 {
    allocate_small(class, TABLE[class].size as usize)
}

/// Allocates a slot of a size class for a request of `size` bytes.
#[inline]
fn allocate_small(class: usize, size: usize) -> *mut u8 {
    let slot = thread::current().pop(class);
    if slot.is_null() {
        return allocate_slowly(class, size);
    }
    slot.cast()
}

#[cold]
#[inline(never)]
fn allocate_slowly(class: usize, size: usize) -> *mut u8 {
    let slot = thread::with_heap(|heap| {
        let slot = heap.pop(class);
        if !slot.is_null() {
            return slot;
        }
        let slot = local::refill(heap, class);
        if !slot.is_null() {
            return slot;
        }
        // Free slots of other classes may keep whole pages.
        local::collect(heap);
        cache::purge();
        local::refill(heap, class)
    });
    refusal::noting(slot.unwrap_or(null_mut()).cast(), size)
}

/// Allocates a span block or a large block.
#[cold]
#[inline(never)]
fn allocate_big(size: usize, align: usize, zeroed: bool) -> *mut u8 {
    if size > size::MAX_SIZE || align > size::MAX_SIZE {
        return refusal::noting(null_mut(), size);
    }
    let block = try_allocate_big(size, align, zeroed);
    if !block.is_null() {
        return block;
    }
    collect();
    refusal::noting(try_allocate_big(size, align, zeroed), size)
}

fn try_allocate_big(size: usize, align: usize, zeroed: bool) -> *mut u8 {
    if size > SPAN_MAX || align > SPAN_MAX {
        return large::allocate(size, align, large::PLAIN, !zeroed);
    }
    spans::allocate_block(size, align, zeroed)
}

/// Allocates a zeroed block on OS pages of its own, with the capabilities of
/// [`large`]: `EXECUTABLE` (the pages may be protected as one likes) and
/// `PINNED` (page-locked, or null when the OS refuses).
pub fn allocate_own_pages(size: usize, align: usize, flags: u8) -> *mut u8 {
    let block = match size > size::MAX_SIZE || align > size::MAX_SIZE {
        true => null_mut(),
        false => large::allocate(size, align, flags, false),
    };
    refusal::noting(block, size)
}

/// The capabilities of a block, as [`allocate_own_pages`] got them.
///
/// # Safety
///
/// `block` is a live block of the heap.
pub unsafe fn flags_of(block: *const u8) -> u8 {
    match chunk::find(block) {
        Some(chunk) if chunk.page_of(block).kind.get() == Kind::Large => chunk.large.flags.get(),
        _ => large::PLAIN,
    }
}

/// Frees a block; null is ignored. A pointer that is no live block of the heap
/// is a fault where the heap notices.
///
/// # Safety
///
/// `block` is null or a live block of the heap, which nobody uses any more.
#[inline]
pub unsafe fn deallocate(block: *mut u8) {
    let heap = thread::current();
    match heap.own(map::bin_of(block)) {
        // SAFETY: the caller's word, and the page is this heap's.
        Some(bin) => unsafe { deallocate_own(heap, bin, block) },
        // SAFETY: the caller's word.
        None => unsafe { deallocate_elsewhere(block) },
    }
}

/// Frees a block whose size and alignment the caller knows. Wrong ones do no
/// harm: the block's page decides. Right ones save time: the bin is known before
/// the map has answered, which then only confirms it.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline]
pub unsafe fn deallocate_sized(block: *mut u8, size: usize, align: usize) {
    let heap = thread::current();
    if let Some(class) = class::of_aligned(size, align) {
        let bin = heap.bin(class);
        if core::ptr::eq(map::bin_of(block), bin) {
            // SAFETY: the caller's word, and the page is this heap's.
            return unsafe { deallocate_own(heap, bin, block) };
        }
    }
    // SAFETY: the caller's word.
    unsafe { deallocate(block) }
}

/// # Safety
///
/// As for [`deallocate`]; `bin` is the heap's, and that of the block's page.
#[inline]
unsafe fn deallocate_own(heap: &ThreadHeap, bin: &Bin, block: *mut u8) {
    check_slot(bin.is_slot(block), block);
    // SAFETY: the block is a slot of this class in a page of this heap.
    if unsafe { heap.push(bin, block.cast()) } {
        local::spill(heap, heap.class_of(bin));
    }
}

/// Faults unless `block` is the address of a slot, and not marked free.
#[inline]
fn check_slot(is_slot: bool, block: *mut u8) {
    if !is_slot {
        not_a_block(block);
    }
    let mark = chunk::free_mark(block);
    // Mostly one half says that it is none. The other one is where the last byte of a
    // block of 16 lies: who has just written that would wait here to read both.
    let half = u32::from_ne_bytes(*mark.to_ne_bytes().first_chunk().expect("four bytes of a word"));
    // SAFETY: a slot of a page is two readable words at least.
    let marked = unsafe {
        let place = &raw const (*block.cast::<Slot>()).mark;
        place.cast::<u32>().read() == half && place.read() == mark
    };
    if marked {
        free_already(block);
    }
}

#[cold]
#[inline(never)]
fn free_already(block: *mut u8) -> ! {
    fault!(DoubleFree at block, "double free: the block at {block:p} is free already")
}

#[cold]
#[inline(never)]
fn not_a_block(block: *mut u8) -> ! {
    fault!(BadPointer at block, "bad free: {block:p} is not the start of a block")
}

/// Null, or an address outside the heap.
#[cold]
#[inline(never)]
fn foreign(block: *mut u8) {
    if !block.is_null() {
        fault!(BadPointer at block, "bad free: {block:p} was never allocated here, or was freed already");
    }
}

/// Frees a block that is not known to be in a page of the current heap.
///
/// # Safety
///
/// As for [`deallocate`].
#[cold]
#[inline(never)]
unsafe fn deallocate_elsewhere(block: *mut u8) {
    let Some(chunk) = chunk::find(block) else { return foreign(block) };
    let page = chunk.page_of(block);
    if let Some(home) = heaps::home_of(page) {
        // SAFETY: the caller's word.
        return unsafe { home.free(chunk, page, block) };
    }
    match page.kind.get() {
        Kind::Free => fault!(BadPointer at block, "bad free: {block:p} was freed already, or is not a block"),
        Kind::Small => {
            check_slot(page.is_slot(block), block);
            // Without memory for a heap the block leaks, which is the lesser evil.
            thread::with_heap(|heap| {
                if core::ptr::eq(page.owner.load(Ordering::Relaxed), heap) {
                    // SAFETY: the caller's word, and the page is this heap's.
                    unsafe { deallocate_own(heap, heap.bin(page.class.get() as usize), block) }
                } else {
                    // SAFETY: the caller's word.
                    unsafe { remote::free(heap, page, block) }
                }
            });
        }
        Kind::Span => {
            if page.start.get() != block {
                not_a_block(block);
            }
            if !spans::free_block(chunk, page.head.get() as usize) {
                free_already(block);
            }
        }
        Kind::Large => {
            if chunk.large.block.get() != block {
                not_a_block(block);
            }
            // SAFETY: the caller's word.
            unsafe { large::free(chunk) }
        }
    }
}

/// The usable bytes of a block, at least what was asked for; 0 for null and for
/// an address that is not in the heap.
///
/// # Safety
///
/// `block` is null or a live block of the heap.
#[inline]
pub unsafe fn usable_size(block: *const u8) -> usize {
    let Some(chunk) = chunk::find(block) else { return 0 };
    let page = chunk.page_of(block);
    match page.kind.get() {
        Kind::Small => TABLE[page.class.get() as usize].size as usize,
        Kind::Span => page.slices.get() as usize * SLICE,
        Kind::Large => large::usable(chunk),
        Kind::Free => 0,
    }
}

/// Resizes a block to `new_size` bytes at a multiple of `align`, keeping the
/// contents up to the smaller size, and its capabilities. Null: no memory, and the old block stays.
///
/// # Safety
///
/// `block` is a live block of the heap (not null); after success only the
/// returned address is valid.
pub unsafe fn reallocate(block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
    let Some(chunk) = chunk::find(block) else {
        foreign(block);
        return null_mut();
    };
    let page = chunk.page_of(block);
    match page.kind.get() {
        Kind::Small => check_slot(page.is_slot(block), block),
        Kind::Free => not_a_block(block),
        Kind::Span | Kind::Large => {}
    }
    if new_size > size::MAX_SIZE {
        return refusal::noting(null_mut(), new_size);
    }
    let home = heaps::home_of(page);
    // SAFETY: the caller's word.
    let usable = unsafe { usable_size(block) };
    let aligned = size::is_aligned(block as usize, align);
    // In place when the new size fits and would not leave half of it unused.
    if aligned && new_size <= usable && (new_size > usable / 2 || usable <= MIN_ALIGN) {
        return block;
    }
    if page.kind.get() == Kind::Large && new_size > SPAN_MAX && align <= MIN_ALIGN.max(SLICE) {
        let resized = heaps::apart(chunk, block, || {
            // SAFETY: the caller's word.
            unsafe { large::resize(chunk, new_size, true) }
        });
        if !resized.is_null() {
            return resized;
        }
    }
    // SAFETY: the caller's word, and the block is no slot of a page.
    if aligned && page.kind.get() == Kind::Span && unsafe { resize_in_place(block, new_size) } {
        return block;
    }
    // SAFETY: the caller's word.
    let moved = match (home, unsafe { flags_of(block) }) {
        (Some(home), _) => home.allocate(new_size, align, false),
        (None, large::PLAIN) => allocate(new_size, align),
        (None, flags) => allocate_own_pages(new_size, align, flags),
    };
    if moved.is_null() {
        // A smaller block always has a place to stay.
        return if aligned && new_size <= usable { block } else { null_mut() };
    }
    // SAFETY: both blocks are live, distinct and long enough; the old one is
    // the caller's to give up.
    unsafe {
        core::ptr::copy_nonoverlapping(block, moved, usable.min(new_size));
        deallocate(block);
    }
    moved
}

/// Gives back to the OS everything the calling thread's heap can spare: cached
/// slots, empty pages, free slices.
pub fn collect() {
    let heap = thread::current();
    if !thread::is_none(heap) {
        local::collect(heap);
    }
    spans::purge();
    cache::purge();
}

/// Gives back to the OS everything that can be given back now: as [`collect`], and
/// what ended threads left. Returns by how many bytes less the process holds. Other
/// threads keep the free slots they have. Meant for moments when a program knows
/// that it has freed much and will not want it soon; otherwise memory goes back by
/// itself.
pub fn trim() -> usize {
    let kept = || crate::os::limit::memory_held() as usize + cache::bytes();
    let before = kept();
    // Without memory for a heap there is nothing of this thread's to collect.
    let _ = thread::with_heap(|heap| while registry::adopt_any(heap) {});
    heaps::collect_all();
    collect();
    before.saturating_sub(kept())
}

/// Bytes in the unit the OS gives memory in.
pub fn page_size() -> usize {
    crate::os::page_size()
}
