//! What a code generator needs to take and give blocks by itself: where the fields are that the fast paths use.
//!
//! Taking a block of a class: load the bin's count; if it is not 0, lower it, load the slot at that index of the bin's
//! stack and clear its mark. Giving one back: find the page's record by masking the address, check that the chunk is
//! registered, that the page belongs to the thread's heap, that the address is a slot's and that its mark is not that of a
//! free slot; then write the mark, store the address behind the stack's last slot and raise the count. Wherever a check
//! fails, and when the count would reach the limit, call the function instead: it does all of it.
//!
//! Only the thread whose heap it is may do this; [`thread_heap`] says which that is.

use core::mem::offset_of;
use core::ptr::null;

use super::chunk::{CHUNK, Chunk, Page, SLICE, Slot, registry};
use super::class::{self, SMALL_MAX};
use super::thread::{self, Bin, ThreadHeap};

/// Offsets and constants of the fast paths. All in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastPath {
    /// Goes up when a field changes its meaning.
    pub version: u32,
    /// Bytes of a bin; that of class `c` is so many times `c` behind the heap's address.
    pub bin_size: u32,
    /// Offset in a bin of the number of its slots, 32 bits.
    pub bin_count: u32,
    /// Offset in a bin of the number that must not be reached, 32 bits.
    pub bin_limit: u32,
    /// Offset in a bin of the place of its stack, 32 bits: an offset from the heap's address.
    pub bin_first: u32,
    /// Offset in a free slot of its mark.
    pub slot_mark: u32,
    /// The mark of a free slot is its address, exclusive-or this; that of a block in use may be anything else.
    pub free_mark: usize,
    /// Bytes of a chunk and its alignment. A block's chunk is that of the byte before it.
    pub chunk: usize,
    /// Bytes of a slice.
    pub slice: usize,
    /// The registry: bit `n % 64` of the 64-bit word `n / 64` says whether chunk number `n` is the heap's.
    pub registry: usize,
    /// Words of the registry.
    pub registry_words: usize,
    /// Offset in a chunk of the record of its first slice.
    pub pages: u32,
    /// Bytes of a record.
    pub page_size: u32,
    /// Offset in a record of the address of the heap it belongs to.
    pub page_owner: u32,
    /// Offset in a record of the address of the page's first slot.
    pub page_start: u32,
    /// Offset in a record of the class's inverse: an offset is a slot's when its product with it, in 64 bits, is less.
    pub page_inverse: u32,
    /// Offset in a record of the class, 8 bits.
    pub page_class: u32,
}

/// The fast paths of this heap.
pub fn fast_path() -> FastPath {
    let (registry, registry_words) = registry();
    FastPath {
        version: 1,
        bin_size: size_of::<Bin>() as u32,
        bin_count: offset_of!(Bin, count) as u32,
        bin_limit: offset_of!(Bin, limit) as u32,
        bin_first: offset_of!(Bin, first) as u32,
        slot_mark: offset_of!(Slot, mark) as u32,
        free_mark: super::chunk::free_mark(null()),
        chunk: CHUNK,
        slice: SLICE,
        registry: registry as usize,
        registry_words,
        pages: offset_of!(Chunk, pages) as u32,
        page_size: size_of::<Page>() as u32,
        page_owner: offset_of!(Page, owner) as u32,
        page_start: offset_of!(Page, start) as u32,
        page_inverse: offset_of!(Page, inverse) as u32,
        page_class: offset_of!(Page, class) as u32,
    }
}

/// The class of blocks of `size` bytes; `None` when no class has them.
pub const fn class_of(size: usize) -> Option<usize> {
    if size <= SMALL_MAX { Some(class::of(size)) } else { None }
}

/// Offset in bytes, from a heap's address, of the stack of a class.
pub fn stack_of(class: usize) -> usize {
    thread::stack_of(class)
}

/// The heap of the calling thread, which it gets now if it has none yet. The same for as long as the thread lives.
/// Where there is no memory for one, or the thread is ending, one that has no blocks and owns none.
pub fn thread_heap() -> *const ThreadHeap {
    // Whether it was made or not, what counts is what the thread has now.
    let _ = thread::with_heap(|_| ());
    thread::current()
}

const _: () = assert!(offset_of!(ThreadHeap, bins) == 0);
