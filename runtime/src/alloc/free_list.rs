//! The free-list allocator: blocks of any size, first fit, freed in any order.
//!
//! For dynamic structures of mixed sizes. Allocation walks the list of free
//! blocks and takes the low end of the first that fits; freeing is constant
//! time and merges the block with free neighbours on both sides.
//!
//! The buffer is cut into blocks without gaps, each a multiple of [`GRANULE`]
//! long and headed by the document's 16 bytes. Beside the buffer lies one tag
//! byte per granule, the boundary tags: they say where live and free blocks
//! start and where free blocks end, so a foreign, interior or repeated pointer
//! is refused whatever the program wrote into the buffer.
//!
//! ```text
//! live  [size][seal ][ payload …                    ]
//! free  [size][next ][prev][ …               ][size ]
//! tags   LIVE / FREE          0 …              TAIL (free blocks only)
//! ```

use super::owned::{self, Kind};
use super::{outcome, request};
use crate::abi::{AbiTy, AbiType};
use crate::fault;
use crate::layout::{Allocation, Layout};
use crate::size;

/// Bytes of the header in front of each block's payload.
pub const HEADER: usize = 16;
/// Blocks start at multiples of this and are multiples of it long, in bytes.
pub const GRANULE: usize = 16;
/// The smallest block in bytes, header included.
pub const MIN_BLOCK: usize = 32;

/// Tag of a granule inside a block, or at the end of a live one.
const INSIDE: u8 = 0;
/// Tag of a live block's first granule.
const LIVE: u8 = 1;
/// Tag of a free block's first granule.
const FREE: u8 = 2;
/// Tag of a free block's last granule.
const TAIL: u8 = 3;

/// A free-list allocator with the document's fields.
///
/// `allocated` is the sum of the sizes of live blocks, headers included; live
/// and free blocks together fill `capacity` rounded down to a granule; no two
/// free blocks touch.
#[repr(C)]
#[derive(Debug, Default)]
pub struct FreeListAllocator {
    /// Address of the buffer; 0 when there is none (dropped, or `new` failed).
    pub(crate) buffer: i64,
    /// The buffer's size in bytes.
    pub(crate) capacity: i64,
    /// Address of the first free block; 0 when there is none.
    pub(crate) free_list: i64,
    /// Bytes in live blocks, headers and rounding included.
    pub(crate) allocated: i64,
}

/// A free block as it lies in the buffer, the document's two fields first.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct FreeBlock {
    /// Bytes in the block, header included.
    size: usize,
    /// Address of the next free block, 0 at the end of the list.
    next: usize,
    /// Address of the previous free block, 0 at the head of the list.
    prev: usize,
}

/// Where in a free block an allocation goes: a free piece of `gap` bytes stays
/// below it, the block takes `taken`, and `rest` bytes above stay free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    gap: usize,
    taken: usize,
    rest: usize,
}

impl FreeListAllocator {
    /// An allocator over a fresh buffer of `capacity` bytes. All fields are zero
    /// when the capacity is negative or there is no memory.
    pub fn new(capacity: i64) -> FreeListAllocator {
        let tags = size::from_signed(capacity).unwrap_or(0) / GRANULE;
        match owned::obtain(Kind::FreeList, capacity, tags, false) {
            // SAFETY: the buffer is fresh, its tags are zero.
            Some(buffer) => unsafe { FreeListAllocator::over(buffer, capacity) },
            None => FreeListAllocator::default(),
        }
    }

    /// An allocator over a buffer that already has its prefix and zero tags.
    ///
    /// # Safety
    ///
    /// A prefix with one zero tag byte per granule of the buffer must lie in
    /// front of it, and `capacity` bytes there belong to the allocator alone.
    pub(crate) unsafe fn over(buffer: i64, capacity: i64) -> FreeListAllocator {
        let mut list = FreeListAllocator { buffer, capacity, free_list: 0, allocated: 0 };
        let whole = list.granules() * GRANULE;
        if whole >= MIN_BLOCK {
            list.place_free(buffer as usize, FreeBlock { size: whole, next: 0, prev: 0 });
        }
        list
    }

    /// Allocates uninitialized memory by first fit; [`Allocation::NONE`] when
    /// the layout is bad or no free block fits. The allocation's `size` is the
    /// whole payload.
    ///
    /// # Faults
    ///
    /// When a free block was written to and the list is broken.
    pub fn alloc(&mut self, layout: Layout) -> Allocation {
        request(layout).and_then(|(bytes, align)| self.first_fit(bytes, align)).unwrap_or(Allocation::NONE)
    }

    fn first_fit(&mut self, bytes: usize, align: usize) -> Option<Allocation> {
        let need = size::align_up(size::sum(bytes, HEADER)?, GRANULE)?.max(MIN_BLOCK);
        let (mut prev, mut at) = (0, self.first());
        while at != 0 {
            let block = self.free_block(at, prev);
            if let Some(cut) = fit(at, block.size, need, align) {
                return Some(self.carve(at, block, cut));
            }
            (prev, at) = (at, block.next);
        }
        None
    }

    /// Gives a block back; -1, with nothing changed, when `ptr` is not the
    /// payload of a live block of this allocator.
    ///
    /// # Faults
    ///
    /// When the block's header or a free neighbour was overwritten.
    pub fn dealloc(&mut self, ptr: i64) -> i64 {
        let at = (ptr as usize).wrapping_sub(HEADER);
        if self.tag(at) != Some(LIVE) {
            return outcome(false);
        }
        let size = self.live_size(at);
        let (start, mut whole, mut place) = match self.free_below(at) {
            // The lower neighbour keeps its place in the list and grows.
            Some((below, block)) => (below, block.size + size, Some(block)),
            None => (at, size, None),
        };
        let above = at + size;
        if self.tag(above) == Some(FREE) {
            let block = self.free_block_anywhere(above);
            whole += block.size;
            match place {
                Some(ref mut lower) => {
                    self.unlink(block);
                    // Unlinking may have been what changed the lower's links.
                    let now = self.read(start);
                    (lower.next, lower.prev) = (now.next, now.prev);
                }
                None => place = Some(block),
            }
            self.set_tag(above, INSIDE);
        }
        if start != at {
            self.set_tag(at - GRANULE, INSIDE);
            self.set_tag(at, INSIDE);
        }
        let links = place.unwrap_or(FreeBlock { size: 0, next: self.first(), prev: 0 });
        self.place_free(start, FreeBlock { size: whole, ..links });
        self.allocated = self.allocated.wrapping_sub(size as i64);
        outcome(true)
    }

    /// Bytes in live blocks, headers and rounding included.
    pub fn total_allocated(&self) -> i64 {
        self.allocated
    }

    /// Bytes not in live blocks, in how many pieces so ever.
    pub fn remaining(&self) -> i64 {
        self.capacity.wrapping_sub(self.allocated)
    }

    /// Frees the buffer and zeroes every field; -1 when it was dropped before.
    pub fn drop(&mut self) -> i64 {
        if !owned::release(Kind::FreeList, self.buffer) {
            return outcome(false);
        }
        *self = FreeListAllocator::default();
        outcome(true)
    }

    /// The payload size of a live block; `None` when `ptr` is not one.
    pub fn payload(&self, ptr: i64) -> Option<usize> {
        let at = (ptr as usize).wrapping_sub(HEADER);
        (self.tag(at) == Some(LIVE)).then(|| self.live_size(at) - HEADER)
    }

    /// The largest request of default alignment that would succeed now.
    pub fn largest_free(&self) -> usize {
        let (mut prev, mut at, mut largest) = (0, self.first(), 0);
        while at != 0 {
            let block = self.free_block(at, prev);
            largest = largest.max(block.size - HEADER);
            (prev, at) = (at, block.next);
        }
        largest
    }

    /// Takes `cut` out of the free block at `at` and makes it live.
    fn carve(&mut self, at: usize, block: FreeBlock, cut: Cut) -> Allocation {
        let start = at + cut.gap;
        let rest_at = start + cut.taken;
        self.set_tag(at + block.size - GRANULE, INSIDE);
        if cut.gap > 0 {
            let next = if cut.rest > 0 { rest_at } else { block.next };
            if cut.rest > 0 {
                self.place_free(rest_at, FreeBlock { size: cut.rest, next: block.next, prev: at });
            }
            self.place_free(at, FreeBlock { size: cut.gap, next, prev: block.prev });
        } else if cut.rest > 0 {
            self.place_free(rest_at, FreeBlock { size: cut.rest, ..block });
        } else {
            self.unlink(block);
        }
        self.set_tag(start, LIVE);
        self.write_word(start, cut.taken);
        self.write_word(start + 8, seal(start, cut.taken));
        self.allocated = self.allocated.wrapping_add(cut.taken as i64);
        Allocation { ptr: (start + HEADER) as i64, size: (cut.taken - HEADER) as i64 }
    }

    /// Writes a free block, its boundary tags, and the links that point to it.
    fn place_free(&mut self, at: usize, block: FreeBlock) {
        // SAFETY: the caller found `block.size` bytes, at least `MIN_BLOCK`, at
        // `at`, a granule of the buffer that no live block covers.
        unsafe { core::ptr::with_exposed_provenance_mut::<FreeBlock>(at).write(block) };
        self.write_word(at + block.size - 8, block.size);
        self.set_tag(at, FREE);
        self.set_tag(at + block.size - GRANULE, TAIL);
        self.relink(block, at, at);
    }

    /// Takes a free block out of the list; its bytes stay as they are.
    fn unlink(&mut self, block: FreeBlock) {
        self.relink(block, block.next, block.prev);
    }

    /// Points `block`'s neighbours in the list at `as_next` and `as_prev`.
    fn relink(&mut self, block: FreeBlock, as_next: usize, as_prev: usize) {
        match block.prev {
            0 => self.free_list = as_next as i64,
            prev => self.write_word(prev + 8, as_next),
        }
        if block.next != 0 {
            self.write_word(block.next + 16, as_prev);
        }
    }

    fn first(&self) -> usize {
        if self.buffer == 0 { 0 } else { self.free_list as usize }
    }

    /// The free block at `at`, reached from `prev`.
    fn free_block(&self, at: usize, prev: usize) -> FreeBlock {
        let block = self.free_block_anywhere(at);
        if block.prev != prev {
            self.broken(at)
        }
        block
    }

    /// The free block at `at`: tagged so at both ends, and its links as well.
    fn free_block_anywhere(&self, at: usize) -> FreeBlock {
        if self.tag(at) != Some(FREE) {
            self.broken(at)
        }
        let block = self.read(at);
        let last = at.wrapping_add(block.size).wrapping_sub(GRANULE);
        let linked = |link: usize| link == 0 || self.tag(link) == Some(FREE);
        if self.tag(last) != Some(TAIL) || last <= at || !linked(block.next) || !linked(block.prev) {
            self.broken(at)
        }
        block
    }

    /// The free block that ends where the one at `at` starts.
    fn free_below(&self, at: usize) -> Option<(usize, FreeBlock)> {
        if self.tag(at.wrapping_sub(GRANULE)) != Some(TAIL) {
            return None;
        }
        // SAFETY: the tagged granule below `at` is the buffer's.
        let size = unsafe { core::ptr::with_exposed_provenance::<usize>(at - 8).read() };
        let below = at.wrapping_sub(size);
        let block = self.free_block_anywhere(below);
        if block.size != size {
            self.broken(below)
        }
        Some((below, block))
    }

    /// The size of the live block at `at`, which is tagged so.
    fn live_size(&self, at: usize) -> usize {
        let FreeBlock { size, next: sealed, .. } = self.read(at);
        if sealed != seal(at, size) {
            fault!(
                Corruption,
                "free-list allocator: the header of the block at {:#x} was overwritten",
                at + HEADER
            )
        }
        size
    }

    #[cold]
    fn broken(&self, at: usize) -> ! {
        fault!(Corruption, "free-list allocator: a free block was written to; the list breaks at {at:#x}")
    }

    /// Three words at a tagged granule.
    fn read(&self, at: usize) -> FreeBlock {
        // SAFETY: `at` has a LIVE or FREE tag, so a block of at least `MIN_BLOCK`
        // bytes starts there, 16-aligned, inside the buffer.
        unsafe { core::ptr::with_exposed_provenance::<FreeBlock>(at).read() }
    }

    fn write_word(&mut self, at: usize, value: usize) {
        // SAFETY: callers pass words of block headers, links and ends, which are
        // 8-aligned and inside the buffer.
        unsafe { core::ptr::with_exposed_provenance_mut::<usize>(at).write(value) }
    }

    /// How many granules the buffer has.
    fn granules(&self) -> usize {
        // SAFETY: a non-zero buffer has its prefix; a stale struct breaks the
        // document's rule.
        if self.buffer == 0 { 0 } else { unsafe { (*owned::prefix(self.buffer)).tag_count } }
    }

    /// The tag of the granule at address `at`; `None` outside the buffer or
    /// between granules.
    fn tag(&self, at: usize) -> Option<u8> {
        // SAFETY: `tag_at` returns addresses of tag bytes.
        self.tag_at(at).map(|tag| unsafe { *tag })
    }

    fn set_tag(&mut self, at: usize, value: u8) {
        if let Some(tag) = self.tag_at(at) {
            // SAFETY: `tag_at` returns addresses of tag bytes.
            unsafe { *tag = value }
        }
    }

    #[inline]
    fn tag_at(&self, at: usize) -> Option<*mut u8> {
        let offset = at.wrapping_sub(self.buffer as usize);
        if offset / GRANULE >= self.granules() || !offset.is_multiple_of(GRANULE) {
            return None;
        }
        // SAFETY: the prefix is live as in `granules`, and the index is below
        // its tag count.
        Some(unsafe { (*owned::prefix(self.buffer)).tags.as_ptr().add(offset / GRANULE) })
    }
}

/// A block of a free list, live or free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its address, header included.
    pub start: usize,
    /// Its bytes, header included.
    pub size: usize,
    /// Whether a program holds it.
    pub live: bool,
    /// Whether its header was overwritten.
    pub damaged: bool,
}

/// Visits every block of the free list in `buffer` by address, as its tags have
/// it; of the buffer only the headers are read, and compared.
pub(super) fn survey(buffer: usize, tags: &[u8], visit: &mut dyn FnMut(Piece)) {
    let starts = |tag: &u8| matches!(*tag, LIVE | FREE);
    let mut at = tags.iter().position(starts).unwrap_or(tags.len());
    while at < tags.len() {
        let next = tags[at + 1..].iter().position(starts).map_or(tags.len(), |skip| at + 1 + skip);
        let (start, size, live) = (buffer + at * GRANULE, (next - at) * GRANULE, tags[at] == LIVE);
        // SAFETY: one tag a granule, so two words of the buffer are there.
        let [stored, sealed] = unsafe { core::ptr::with_exposed_provenance::<[usize; 2]>(start).read() };
        let damaged = stored != size || live && sealed != seal(start, size);
        visit(Piece { start, size, live, damaged });
        at = next;
    }
}

/// Where `need` bytes with an aligned payload go in the free block of `size`
/// bytes at `at`: as low as possible, leaving pieces of at least `MIN_BLOCK`.
fn fit(at: usize, size: usize, need: usize, align: usize) -> Option<Cut> {
    let mut gap = size::align_up(at + HEADER, align)? - HEADER - at;
    if gap > 0 && gap < MIN_BLOCK {
        // A gap exists only for alignments above a granule, so one step is room
        // enough for a block.
        gap = gap.checked_add(align)?;
    }
    let rest = size.checked_sub(size::sum(gap, need)?)?;
    if rest < MIN_BLOCK {
        return Some(Cut { gap, taken: need + rest, rest: 0 });
    }
    Some(Cut { gap, taken: need, rest })
}

/// The second header word of a live block, by which an overwritten header is
/// noticed.
fn seal(at: usize, size: usize) -> usize {
    (at ^ size.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl AbiType for *mut FreeListAllocator {
    const TY: AbiTy = AbiTy::PtrTo("FreeListAllocator");
}

crate::exports! {
    group Allocator;

    /// Makes `self` a free-list allocator over a fresh buffer; all fields are
    /// zero when there is no memory.
    pub fn vex_freelist_init(this: *mut FreeListAllocator, capacity: i64) {
        // SAFETY: the caller passes writable memory for the struct.
        unsafe { this.write(FreeListAllocator::new(capacity)) }
    }

    /// Allocates by first fit; `{0, 0}` on failure.
    pub fn vex_freelist_alloc(this: *mut FreeListAllocator, layout: Layout) -> Allocation {
        // SAFETY: the caller passes an allocator nobody else uses meanwhile.
        unsafe { (*this).alloc(layout) }
    }

    /// Gives a block back; 0, or -1 when it is not a live block of this
    /// allocator.
    pub fn vex_freelist_dealloc(this: *mut FreeListAllocator, ptr: i64) -> i64 {
        // SAFETY: as for `vex_freelist_alloc`.
        unsafe { (*this).dealloc(ptr) }
    }

    /// Bytes in live blocks.
    pub fn vex_freelist_total_allocated(this: *mut FreeListAllocator) -> i64 {
        // SAFETY: as for `vex_freelist_alloc`.
        unsafe { (*this).total_allocated() }
    }

    /// Bytes not in live blocks.
    pub fn vex_freelist_remaining(this: *mut FreeListAllocator) -> i64 {
        // SAFETY: as for `vex_freelist_alloc`.
        unsafe { (*this).remaining() }
    }

    /// Frees the buffer and zeroes every field; 0, or -1 when it was dropped.
    pub fn vex_freelist_drop(this: *mut FreeListAllocator) -> i64 {
        // SAFETY: as for `vex_freelist_alloc`.
        unsafe { (*this).drop() }
    }
}

#[cfg(test)]
#[path = "free_list_tests.rs"]
mod tests;
