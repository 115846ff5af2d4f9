//! Chunks, slices and page records: where a block's bookkeeping is found.
//!
//! A chunk is [`CHUNK`] bytes at a multiple of [`CHUNK`], cut into [`SLICES`]
//! slices; the first holds the [`Chunk`] header, the others blocks. From any
//! block the header is one mask away and the slice's [`Page`] record one shift
//! further. A large block has a chunk header of its own in front of it, found
//! the same way: a block may start exactly where the header's chunk ends, so
//! the mask is applied to the address before the block.

use super::free_bits::FreeBits;
use super::thread::ThreadHeap;
use crate::sync::atomic::AtomicPtr;
use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Bytes in a chunk, and its alignment.
pub const CHUNK: usize = 4 << 20;
/// Bytes in a slice.
pub const SLICE: usize = 64 << 10;
/// Slices in a chunk.
pub const SLICES: usize = CHUNK / SLICE;

/// Marks a free slot, mixed with the slot's address so that a copy of freed
/// memory elsewhere does not carry it. All ones: one instruction mixes it, and no
/// program holds addresses of that form.
const FREE_MARK: usize = !0;

/// The first two words of a free slot.
#[repr(C)]
pub struct Slot {
    /// The next free slot of the list.
    pub next: *mut Slot,
    /// [`free_mark`] of the slot while it is free; zero when handed out.
    pub mark: usize,
}

/// The mark of a free slot at `slot`.
#[inline]
pub fn free_mark(slot: *const u8) -> usize {
    slot as usize ^ super::harden::mark_key(FREE_MARK)
}

/// What a slice is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Free, or the header's own slice.
    Free = 0,
    /// Part of a page of one size class.
    Small = 1,
    /// Part of a span that is one block.
    Span = 2,
    /// The slice where a large block starts.
    Large = 3,
}

/// Which of its owner's lists a page is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Listed {
    /// Has free or fresh slots.
    Avail = 0,
    /// Has neither.
    Full = 1,
}

/// The record of a slice. The first fields are the same in every slice of a
/// span; the rest counts in the span's first slice, the page proper.
///
/// In a page: `fresh` slots were ever handed out, `out` of them are not here, and
/// the other `fresh - out` are in the page's [`FreeBits`].
#[repr(C)]
pub struct Page {
    /// The heap that may allocate here; null unless `kind` is `Small`.
    pub owner: AtomicPtr<ThreadHeap>,
    /// The span's first byte.
    pub start: Cell<*mut u8>,
    /// The class's inverse, to recognise slot addresses.
    pub inverse: Cell<u64>,
    /// What the slice is used for.
    pub kind: Cell<Kind>,
    /// The size class.
    pub class: Cell<u8>,
    /// Index of the span's first slice.
    pub head: Cell<u8>,
    /// Slices in the span.
    pub slices: Cell<u8>,
    /// Slots in the page.
    pub capacity: Cell<u16>,
    /// Which list of its owner the page is on.
    pub listed: Cell<Listed>,
    /// The first word of the page's free bits that can have any.
    pub first_free: Cell<u16>,
    /// Slots that were ever handed out; those after them were never touched. Its thread
    /// writes it, others that free a block read it.
    pub fresh: AtomicU32,
    /// Slots that are not here: with the program or in a thread's bins.
    pub out: Cell<u32>,
    /// Next page on the owner's list.
    pub next: Cell<*mut Page>,
    /// Previous page on the owner's list.
    pub prev: Cell<*mut Page>,
}

/// What the header of a large block says.
#[repr(C)]
pub struct LargeHeader {
    /// Start of the mapping.
    pub map: Cell<*mut u8>,
    /// Bytes of the mapping.
    pub map_size: Cell<usize>,
    /// The block.
    pub block: Cell<*mut u8>,
    /// Capabilities of the block, see `large`.
    pub flags: Cell<u8>,
    /// Bytes charged for the mapping, see [`crate::os::limit`]; 0 for a block
    /// that is not the program's.
    pub charged: Cell<usize>,
}

/// The header of a chunk, or of a large block's mapping.
///
/// The span allocator's fields are guarded by its lock.
#[repr(C)]
pub struct Chunk {
    /// Bit `i`: slice `i` is free. Bit 0 is never set.
    pub free: Cell<u64>,
    /// Bit `i`: slice `i` may hold something other than zeros.
    pub dirty: Cell<u64>,
    /// Bit `i`: slice `i` is free and in memory since the last round of purging.
    pub aged: Cell<u64>,
    /// Which halves of the chunk may be huge pages, see [`huge`](super::huge).
    pub huge: Cell<u8>,
    /// Neighbours among the chunks with free slices.
    pub next: Cell<*mut Chunk>,
    /// See `next`.
    pub prev: Cell<*mut Chunk>,
    /// For a large block: its mapping.
    pub large: LargeHeader,
    /// One record per slice, and one for a block right behind the chunk.
    pub pages: [Page; SLICES + 1],
    /// The free slots of the page that starts in each slice. Part of the header of a
    /// chunk only, not of that of a large block.
    pub free_slots: [FreeBits; SLICES],
}

const _: () = assert!(size_of::<Page>() == 64 && size_of::<Chunk>() <= SLICE);

/// The header in front of `block`. Reads nothing.
#[inline]
pub fn header_of(block: *const u8) -> *mut Chunk {
    ((block as usize).wrapping_sub(1) & !(CHUNK - 1)) as *mut Chunk
}

/// Bytes of a large block's header that are in memory: whole OS pages.
pub fn large_header_bytes() -> usize {
    offset_of!(Chunk, free_slots).next_multiple_of(crate::os::page_size()).min(SLICE)
}

/// Bytes of a chunk's header that can be in memory: whole OS pages.
pub fn header_bytes() -> usize {
    size_of::<Chunk>().next_multiple_of(crate::os::page_size()).min(SLICE)
}

impl Chunk {
    /// The record of the slice `block` is in. `block`'s header must be `self`.
    #[inline]
    pub fn page_of(&self, block: *const u8) -> &Page {
        &self.pages[(block as usize - self.address()) / SLICE]
    }

    /// Whether the header is that of a large block.
    pub fn is_large(&self) -> bool {
        !self.large.map.get().is_null()
    }

    /// The chunk's first byte.
    #[inline]
    pub fn address(&self) -> usize {
        self as *const Chunk as usize
    }

    /// The first byte of slice `index`.
    pub fn slice(&self, index: usize) -> *mut u8 {
        (self.address() + index * SLICE) as *mut u8
    }
}

impl Page {
    /// The page proper of a slice's record: that of the span's first slice.
    #[inline]
    pub fn head_page(&self) -> &Page {
        // SAFETY: a slice's record is part of its chunk's `pages`, `head` is an
        // index into the same array, and headers outlive their pages.
        unsafe { &(&(*header_of(self.start.get().wrapping_add(1))).pages)[self.head.get() as usize] }
    }

    /// The page's free slots.
    #[inline]
    pub fn free_slots(&self) -> &FreeBits {
        // SAFETY: as in `head_page`.
        unsafe { &(&(*header_of(self.start.get().wrapping_add(1))).free_slots)[self.head.get() as usize] }
    }

    /// Whether `block` is the address of a slot that was handed out at least once.
    /// Another thread may be handing out slots; those of the caller's blocks were before.
    #[inline]
    pub fn is_slot(&self, block: *const u8) -> bool {
        let head = self.head_page();
        let offset = block as usize - self.start.get() as usize;
        let divides = super::class::divides(self.inverse.get(), offset);
        divides
            && super::class::quotient(self.inverse.get(), offset)
                < head.fresh.load(Ordering::Relaxed) as usize
    }
}

/// The address bits in use on the supported systems.
const ADDRESS_BITS: usize = 48;

/// One bit per possible chunk: set while a header is there. Untouched parts of
/// the table cost no memory.
static REGISTRY: [AtomicU64; (1 << ADDRESS_BITS) / CHUNK / 64] =
    [const { AtomicU64::new(0) }; (1 << ADDRESS_BITS) / CHUNK / 64];

/// Whether a chunk at this address fits the table.
pub fn is_representable(chunk: *const u8) -> bool {
    (chunk as usize) >> ADDRESS_BITS == 0
}

/// The header of `block` when it lies in memory of this heap.
#[inline]
pub fn find(block: *const u8) -> Option<&'static Chunk> {
    let header = header_of(block);
    let index = header as usize / CHUNK;
    let bits = REGISTRY.get(index / 64)?.load(Ordering::Relaxed);
    if bits >> (index % 64) & 1 == 0 {
        return None;
    }
    // SAFETY: a set bit means a header is mapped there; it is unmapped only
    // when the last block in it was freed, and the caller claims to have one.
    Some(unsafe { &*header })
}

/// The lowest and the highest index of a bit that was ever set.
static LOWEST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// See [`LOWEST`].
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// Calls `visit` with every header, by address. No memory may go back to the OS
/// meanwhile: see [`still`](super::spans::still).
pub fn for_each(mut visit: impl FnMut(&'static Chunk)) {
    let (lowest, highest) = (LOWEST.load(Ordering::Relaxed), HIGHEST.load(Ordering::Relaxed));
    if lowest > highest {
        return;
    }
    for (word, bits) in (lowest / 64..).zip(&REGISTRY[lowest / 64..=highest / 64]) {
        let mut bits = bits.load(Ordering::Acquire);
        while bits != 0 {
            let index = word * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            // SAFETY: a set bit means a header is mapped there, and the caller sees
            // to it that it stays.
            visit(unsafe { &*((index * CHUNK) as *const Chunk) });
        }
    }
}

/// The first header at or behind `address`, and where to look for the next one. The
/// same caution as for [`for_each`].
pub fn at_or_after(address: usize) -> Option<(&'static Chunk, usize)> {
    let highest = HIGHEST.load(Ordering::Relaxed);
    let mut index = address.div_ceil(CHUNK).max(LOWEST.load(Ordering::Relaxed));
    while index <= highest {
        let bits = REGISTRY[index / 64].load(Ordering::Acquire) >> (index % 64);
        if bits != 0 {
            let index = index + bits.trailing_zeros() as usize;
            // SAFETY: as in `for_each`.
            return Some((unsafe { &*((index * CHUNK) as *const Chunk) }, (index + 1) * CHUNK));
        }
        index = (index & !63) + 64;
    }
    None
}

/// The header whose chunk or large block `address`, which may be any number, can
/// lie in: the nearest one below it, if a mapping of `largest` bytes from there
/// would reach it. The same caution as for [`for_each`].
pub fn containing(address: usize, largest: usize) -> Option<&'static Chunk> {
    let first = header_of(address as *const u8) as usize / CHUNK;
    if first / 64 >= REGISTRY.len() || address == 0 {
        return None;
    }
    let last = first.saturating_sub(largest / CHUNK).max(LOWEST.load(Ordering::Relaxed));
    let mut index = first;
    while index >= last {
        // The bits of the word up to this index.
        let bits = REGISTRY[index / 64].load(Ordering::Acquire) << (63 - index % 64);
        if bits != 0 {
            let index = index - bits.leading_zeros() as usize;
            // SAFETY: as in `for_each`.
            let header = unsafe { &*((index * CHUNK) as *const Chunk) };
            return (index == first || header.is_large()).then_some(header);
        }
        index = (index & !63).checked_sub(1)?;
    }
    None
}

/// Announces a header.
pub fn register(chunk: *const Chunk) {
    let index = chunk as usize / CHUNK;
    // Mostly they stay, and reading is cheaper.
    if index < LOWEST.load(Ordering::Relaxed) {
        LOWEST.fetch_min(index, Ordering::Relaxed);
    }
    if index > HIGHEST.load(Ordering::Relaxed) {
        HIGHEST.fetch_max(index, Ordering::Relaxed);
    }
    REGISTRY[index / 64].fetch_or(1 << (index % 64), Ordering::Release);
}

/// Takes a header back, before its memory goes; false when somebody did so before.
pub fn unregister(chunk: *const Chunk) -> bool {
    let index = chunk as usize / CHUNK;
    let bit = 1 << (index % 64);
    REGISTRY[index / 64].fetch_and(!bit, Ordering::Release) & bit != 0
}

/// A doubly linked list of pages.
#[repr(C)]
pub struct PageList {
    first: Cell<*mut Page>,
}

impl Default for PageList {
    fn default() -> PageList {
        PageList::new()
    }
}

impl PageList {
    /// The empty list.
    pub const fn new() -> PageList {
        PageList { first: Cell::new(null_mut()) }
    }

    /// The first page.
    #[inline]
    pub fn first(&self) -> Option<&Page> {
        // SAFETY: pages on a list belong to live chunks.
        unsafe { self.first.get().as_ref() }
    }

    /// Whether the list has two pages or more.
    pub fn has_several(&self) -> bool {
        self.first().is_some_and(|page| !page.next.get().is_null())
    }

    /// Adds `page` in front.
    pub fn push(&self, page: &Page) {
        let first = self.first.get();
        page.prev.set(null_mut());
        page.next.set(first);
        let this = page as *const Page as *mut Page;
        // SAFETY: as in `first`.
        if let Some(first) = unsafe { first.as_ref() } {
            first.prev.set(this);
        }
        self.first.set(this);
    }

    /// Takes `page`, which must be on this list, off it.
    pub fn remove(&self, page: &Page) {
        let (next, prev) = (page.next.get(), page.prev.get());
        // SAFETY: as in `first`.
        unsafe {
            match prev.as_ref() {
                Some(prev) => prev.next.set(next),
                None => self.first.set(next),
            }
            if let Some(next) = next.as_ref() {
                next.prev.set(prev);
            }
        }
    }
}
