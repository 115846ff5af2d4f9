//! What a code generator needs to take and give blocks by itself: where the fields are that the fast paths use.
//!
//! Taking a block of a class: load the bin's count; if it is not 0, lower it, load the slot at that index of the bin's
//! stack and clear its mark. Giving one back: look up the block's bin in the page map, check that it is one of the
//! thread's heap, that the address is a slot's and that its mark is not that of a free slot; then write the mark, store
//! the address behind the stack's last slot and raise the count. Wherever a check fails, and when the count would reach
//! the limit, call the function instead: it does all of it.
//!
//! Only the thread whose heap it is may do this; [`thread_heap`] says which that is.

use core::mem::offset_of;
use core::ptr::null;

use super::chunk::{SLICE, Slot};
use super::class::{self, SMALL_MAX, TABLE};
use super::map;
use super::thread::{self, BINS_SIZE, Bin, ThreadHeap};

/// Offsets and constants of the fast paths. All in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastPath {
    /// Goes up when a field changes its meaning.
    pub version: u32,
    /// Bytes of a bin; that of class `c` is so many times `c` behind the heap's address.
    pub bin_size: u32,
    /// Offset in a bin of the number of its slots, 64 bits.
    pub bin_count: u32,
    /// Offset in a bin of the number that must not be reached, 32 bits.
    pub bin_limit: u32,
    /// Offset in a bin of the place of its stack, 32 bits: an offset from the heap's address.
    pub bin_first: u32,
    /// Offset in a free slot of its mark.
    pub slot_mark: u32,
    /// The mark of a free slot is its address, exclusive-or this; that of a block in use may be anything else.
    pub free_mark: usize,
    /// Offset in a bin of the bytes of a page, less one, 32 bits. Pages are aligned to their size.
    pub bin_mask: u32,
    /// Offset in a bin of its class's inverse, 64 bits: an offset in a page is a slot's when its product with the
    /// inverse, in 64 bits, is less than the inverse.
    pub bin_inverse: u32,
    /// Offset in a bin of the bytes of a page that are slots, 32 bits: an offset in a page is a slot's only below that.
    pub bin_end: u32,
    /// Bytes of all the bins of a heap, which come first in it.
    pub bins_size: u32,
    /// Bytes of a slice: each has a word in the page map.
    pub slice: usize,
    /// The first address that has a word in the page map, a multiple of a slice.
    pub map_start: usize,
    /// Slices that have a word in the page map.
    pub map_slices: usize,
    /// The address of the first word, 64 bits. A word is the address of the bin that takes the slice's blocks, or 0.
    pub map: usize,
}

/// The fast paths of this heap.
pub fn fast_path() -> FastPath {
    // Heaps are mapped where chunks will be.
    let near = thread_heap();
    FastPath {
        version: 3,
        bin_size: size_of::<Bin>() as u32,
        bin_count: offset_of!(Bin, count) as u32,
        bin_limit: offset_of!(Bin, limit) as u32,
        bin_first: offset_of!(Bin, first) as u32,
        slot_mark: offset_of!(Slot, mark) as u32,
        free_mark: super::chunk::free_mark(null()),
        bin_mask: offset_of!(Bin, mask) as u32,
        bin_inverse: offset_of!(Bin, inverse) as u32,
        bin_end: offset_of!(Bin, end) as u32,
        bins_size: BINS_SIZE as u32,
        slice: SLICE,
        map_start: map::start(near.cast()),
        map_slices: map::SLICES,
        map: map::words() as usize,
    }
}

/// The class of blocks of `size` bytes; `None` when no class has them.
pub fn class_of(size: usize) -> Option<usize> {
    if size <= SMALL_MAX { Some(class::of(size)) } else { None }
}

/// What generated code that knows the class of a block need not load.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassFacts {
    /// Bytes of a slot.
    pub size: usize,
    /// Bytes of a page less one, see [`FastPath::bin_mask`].
    pub mask: usize,
    /// See [`FastPath::bin_inverse`].
    pub inverse: u64,
    /// See [`FastPath::bin_end`].
    pub end: usize,
    /// Slots that the bin must not reach.
    pub limit: u32,
    /// Offset in bytes, from a heap's address, of the bin's stack.
    pub stack: usize,
}

/// The facts of a class.
///
/// # Panics
/// When there is no such class.
pub fn facts_of(class: usize) -> ClassFacts {
    let info = &TABLE[class];
    ClassFacts {
        size: info.size as usize,
        mask: info.slices as usize * SLICE - 1,
        inverse: info.inverse,
        end: info.slots_bytes(),
        limit: info.limit,
        stack: thread::stack_of(class),
    }
}

/// The heap of the calling thread, which it gets now if it has none yet. The same for as long as the thread lives.
/// Where there is no memory for one, or the thread is ending, one that has no blocks and owns none.
pub fn thread_heap() -> *const ThreadHeap {
    // Whether it was made or not, what counts is what the thread has now.
    let _ = thread::with_heap(|_| ());
    thread::current()
}

const _: () = assert!(offset_of!(ThreadHeap, bins) == 0);
