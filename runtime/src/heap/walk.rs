//! Looking at the heap from outside: what lies where, and which block an address
//! belongs to. For pictures of the heap and for explaining pointers.
//!
//! ```text
//! pub fn walk(visit: &mut dyn FnMut(&Region))
//! pub fn page_blocks(page: &PageInfo, visit: &mut dyn FnMut(usize, bool)) -> bool
//! pub fn find(address: usize) -> Option<BlockInfo>
//! pub fn totals() -> Totals
//! ```
//!
//! Exact for pages of the calling thread, spans and large blocks. Pages of other
//! threads are read while those may be at work in them: what is said about their
//! blocks may be a moment old, or half old and half new.
//!
//! Nothing here allocates from the heap, and a visitor must neither use the heap nor
//! call this file's functions. While a function of this file runs, no
//! memory of the heap goes back to the OS, so nothing unmapped is ever read,
//! whatever the program did to its memory.

use super::chunk::{self, CHUNK, Chunk, Kind, Page, SLICE, SLICES, Slot};
use super::class::{CLASSES, TABLE};
use super::thread::{self, ThreadHeap};
use super::{figures, harden, large, registry, spans};
use core::sync::atomic::Ordering;

/// What a page's span is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Blocks of one size class.
    Small,
    /// One block in slices of a chunk.
    Span,
    /// One block in a mapping of its own.
    Large,
    /// As `Large`, but not the program's: code of the JIT. Not in any total.
    Code,
}

/// Who may allocate from a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The calling thread.
    This,
    /// Another thread, one that has ended, or a first-class heap.
    Other,
    /// Nobody: the page is one block, which any thread may free.
    Shared,
}

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// The page's first byte, which is the first block's.
    pub address: usize,
    /// Bytes of the page.
    pub bytes: usize,
    /// What it is used for.
    pub kind: PageKind,
    /// Bytes of each block, slack included.
    pub block_size: usize,
    /// Blocks there is room for.
    pub blocks: usize,
    /// Blocks that are live.
    pub live: usize,
    /// Who may allocate from it.
    pub owner: Owner,
}

/// A chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkInfo {
    /// The chunk's first byte.
    pub address: usize,
    /// Bytes of address space.
    pub bytes: usize,
    /// Bytes of its header that are in memory.
    pub header: usize,
    /// Bytes in slices that no page uses.
    pub free: usize,
    /// How many of those are in memory all the same.
    pub kept: usize,
}

/// What [`walk`] comes across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// A chunk; its pages follow.
    Chunk(ChunkInfo),
    /// A page of the chunk before, or a large block.
    Page(PageInfo),
}

/// The block an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// The block's first byte.
    pub start: usize,
    /// Its usable bytes; for a small block, its class's size.
    pub usable: usize,
    /// Whether the program holds it.
    pub live: bool,
    /// What its page is used for.
    pub kind: PageKind,
    /// The page's first byte.
    pub page: usize,
    /// Who may allocate from the page.
    pub owner: Owner,
}

/// Where the heap's bytes are; those of [`PageKind::Code`] are left out.
/// `held == live_bytes + free + overhead`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Usable bytes of live blocks.
    pub live_bytes: usize,
    /// Live blocks.
    pub live_blocks: usize,
    /// Bytes of memory that no live block uses and a block can.
    pub free: usize,
    /// Bytes of bookkeeping.
    pub overhead: usize,
    /// Bytes of memory from the OS.
    pub held: usize,
    /// Bytes of address space from the OS, of which some are not in memory.
    pub reserved: usize,
}

/// Visits every chunk, page and large block, by address. `visit` must neither use
/// the heap nor look at it: collect what is to be looked at further.
pub fn walk(visit: &mut dyn FnMut(&Region)) {
    spans::still(|| {
        chunk::for_each(|header| match header.is_large() {
            true if large::is_live(header) => visit(&Region::Page(large_page(header))),
            true => {}
            false => walk_chunk(header, visit),
        });
    });
}

fn walk_chunk(chunk: &Chunk, visit: &mut dyn FnMut(&Region)) {
    let (free, dirty) = (chunk.free.get(), chunk.dirty.get());
    visit(&Region::Chunk(ChunkInfo {
        address: chunk.address(),
        bytes: CHUNK,
        header: chunk::header_bytes(),
        free: free.count_ones() as usize * SLICE,
        kept: (free & dirty).count_ones() as usize * SLICE,
    }));
    let mut index = 1;
    while index < SLICES {
        index += match View::of(chunk, index) {
            Some(view) => {
                visit(&Region::Page(view.info()));
                view.slices
            }
            None => 1,
        };
    }
}

/// Calls `visit` with the address of every block of a page and whether it is
/// live, by address; false, and nothing visited, when the page is gone. `visit`
/// must not use the heap.
pub fn page_blocks(page: &PageInfo, visit: &mut dyn FnMut(usize, bool)) -> bool {
    spans::still(|| {
        let Some(header) = chunk::containing(page.address, large::largest()) else { return false };
        if header.is_large() {
            let found = large::is_live(header) && header.large.block.get().addr() == page.address;
            if found {
                visit(page.address, true);
            }
            return found;
        }
        let Some(view) = View::at(header, page.address).filter(|view| view.start == page.address) else {
            return false;
        };
        let free = view.free_slots();
        (0..view.blocks).for_each(|slot| visit(view.start + slot * view.size, !free.has(slot)));
        true
    })
}

/// The block that `address` lies in, live or free; `None` when it lies in none:
/// outside the heap, in bookkeeping, in what is left at the end of a page, or in
/// free slices. Any number may be asked about. `None` as well when the heap is
/// kept busy by a thread that does not go on, as in a report of its failure.
pub fn find(address: usize) -> Option<BlockInfo> {
    spans::try_still(|| {
        let header = chunk::containing(address, large::largest())?;
        if header.is_large() {
            let PageInfo { address: start, bytes, kind, owner, .. } = large_page(header);
            let inside = large::is_live(header) && (start..start + bytes).contains(&address);
            return inside.then_some(BlockInfo {
                start,
                usable: bytes,
                live: true,
                kind,
                page: start,
                owner,
            });
        }
        let view = View::at(header, address)?;
        let slot = (address - view.start) / view.size;
        (slot < view.blocks).then(|| BlockInfo {
            start: view.start + slot * view.size,
            usable: view.size,
            live: !view.free_slots().has(slot),
            kind: view.kind,
            page: view.start,
            owner: view.owner(),
        })
    })
    .flatten()
}

/// Calls `visit` with the address and the usable bytes of every live block, by
/// address, code of the JIT left out. `visit` must not use the heap.
pub fn for_each_block(visit: &mut dyn FnMut(usize, usize)) {
    spans::still(|| {
        chunk::for_each(|header| {
            if header.is_large() {
                let PageInfo { address, bytes, kind, .. } = large_page(header);
                if kind == PageKind::Large && large::is_live(header) {
                    visit(address, bytes);
                }
                return;
            }
            let mut index = 1;
            while index < SLICES {
                let Some(view) = View::of(header, index) else {
                    index += 1;
                    continue;
                };
                view.visit_live(&view.free_slots(), visit);
                index += view.slices;
            }
        });
    });
}

/// The header of the chunk that a record is part of.
pub(super) fn chunk_of(page: &Page) -> *const Chunk {
    (&raw const *page).map_addr(|address| address & !(CHUNK - 1)).cast()
}

/// As [`for_each_block`], for a page of `heap`, whose lock is held.
pub(super) fn live_slots(heap: &ThreadHeap, page: &Page, visit: &mut dyn FnMut(usize, usize)) {
    // SAFETY: a page of a heap belongs to a live chunk.
    let chunk = unsafe { &*chunk_of(page) };
    if let Some(view) = View::of(chunk, page.head.get().into()) {
        let mut free = view.free_slots();
        view.add_lists(heap, &mut free);
        view.visit_live(&free, visit);
    }
}

/// Where the heap's bytes are. Exact when no other thread is at work.
pub fn totals() -> Totals {
    let mut totals = Totals { overhead: registry::mapped(), ..Totals::default() };
    spans::still(|| {
        chunk::for_each(|header| {
            let (bytes, in_memory) = match header.is_large() {
                true => (chunk::large_header_bytes(), header.large.charged.get()),
                false => {
                    let bytes = chunk::header_bytes();
                    (bytes, bytes + header.dirty.get().count_ones() as usize * SLICE)
                }
            };
            if in_memory > 0 {
                totals.held += in_memory;
                totals.overhead += bytes;
            }
        });
    });
    let figures = figures::figures();
    totals.held += registry::mapped();
    totals.live_bytes = figures.used;
    totals.live_blocks = figures.blocks;
    totals.reserved = figures.total;
    totals.free = totals.held.saturating_sub(figures.used + totals.overhead);
    totals
}

fn large_page(header: &Chunk) -> PageInfo {
    let bytes = large::usable(header);
    PageInfo {
        address: header.large.block.get().addr(),
        bytes,
        kind: if header.large.charged.get() == 0 { PageKind::Code } else { PageKind::Large },
        block_size: bytes,
        blocks: 1,
        live: 1,
        owner: Owner::Shared,
    }
}

/// A page as its record says, with everything that could lead astray checked.
struct View<'a> {
    /// The page proper.
    page: &'a Page,
    kind: PageKind,
    start: usize,
    slices: usize,
    /// Bytes of a slot.
    size: usize,
    /// Slots in the page.
    blocks: usize,
}

impl View<'_> {
    /// The page that `address`, somewhere in `chunk` or right behind it, is in.
    fn at(chunk: &Chunk, address: usize) -> Option<View<'_>> {
        let index = (address - chunk.address()) / SLICE;
        if index >= SLICES {
            return None;
        }
        View::of(chunk, index)
    }

    /// The page that slice `index` belongs to.
    fn of(chunk: &Chunk, index: usize) -> Option<View<'_>> {
        let record = &chunk.pages[index];
        let kind = record.kind.get();
        let (head, slices) = (usize::from(record.head.get()), usize::from(record.slices.get()));
        if head > index || index >= head + slices || head + slices > SLICES {
            return None;
        }
        let (kind, size) = match kind {
            Kind::Small => {
                (PageKind::Small, TABLE[usize::from(record.class.get()).min(CLASSES - 1)].size as usize)
            }
            // Where the first slice says free, the block waits for whom it fits.
            Kind::Span if chunk.pages[head].kind.get() == Kind::Span => (PageKind::Span, slices * SLICE),
            Kind::Span | Kind::Free | Kind::Large => return None,
        };
        let start = chunk.slice(head).addr();
        Some(View { page: &chunk.pages[head], kind, start, slices, size, blocks: slices * SLICE / size })
    }

    fn owner(&self) -> Owner {
        let owner = self.page.owner.load(Ordering::Relaxed);
        match self.kind {
            PageKind::Small if core::ptr::eq(owner, thread::current()) => Owner::This,
            PageKind::Small => Owner::Other,
            _ => Owner::Shared,
        }
    }

    fn info(&self) -> PageInfo {
        PageInfo {
            address: self.start,
            bytes: self.slices * SLICE,
            kind: self.kind,
            block_size: self.size,
            blocks: self.blocks,
            live: self.blocks - self.free_slots().count(),
            owner: self.owner(),
        }
    }

    /// Calls `visit` with address and size of the slots that are not in `free`.
    fn visit_live(&self, free: &Slots, visit: &mut dyn FnMut(usize, usize)) {
        (0..self.blocks)
            .filter(|slot| !free.has(*slot))
            .for_each(|slot| visit(self.start + slot * self.size, self.size));
    }

    /// The slots that are not live.
    ///
    /// Its page's bits or its mark say that a slot is free. A program that wrote to a
    /// block it had freed may have destroyed the mark, so the bins and the inbox of
    /// the calling thread's heap are looked through as well.
    fn free_slots(&self) -> Slots {
        let mut free = Slots([0; Slots::WORDS]);
        if self.kind != PageKind::Small {
            return free;
        }
        let fresh = (self.page.fresh.load(Ordering::Relaxed) as usize).min(self.blocks);
        let bits = self.page.free_slots();
        for slot in 0..self.blocks {
            let address = (self.start + slot * self.size) as *const Slot;
            // SAFETY: the slot lies in the page, which stays mapped meanwhile, and is
            // two words long at least. Another thread may be writing there: the read is
            // volatile, and whatever it finds is only compared.
            let marked = || unsafe { (&raw const (*address).mark).read_volatile() };
            if slot >= fresh || bits.has(slot) || marked() == chunk::free_mark(address.cast()) {
                free.add(slot);
            }
        }
        if self.owner() == Owner::This {
            self.add_lists(thread::current(), &mut free);
        }
        free
    }

    /// Adds the slots of this page on lists of `heap`, the calling thread's.
    fn add_lists(&self, heap: &ThreadHeap, free: &mut Slots) {
        for slot in heap.slots_of(self.page.class.get() as usize) {
            let offset = slot.get().addr().wrapping_sub(self.start);
            if offset / self.size < self.blocks && offset.is_multiple_of(self.size) {
                free.add(offset / self.size);
            }
        }
        let mut slot = heap.inbox.load(Ordering::Acquire).cast_const();
        for _ in 0..LONGEST_INBOX {
            let offset = slot.addr().wrapping_sub(self.start);
            let here = offset / self.size < self.blocks && offset.is_multiple_of(self.size);
            if here {
                free.add(offset / self.size);
            } else if !is_slot(slot) {
                break;
            }
            // SAFETY: the slot is one of a page of the heap, which stays mapped
            // meanwhile. This is the part of the calling thread's inbox that only it
            // changes.
            slot = harden::peek(slot, unsafe { (&raw const (*slot).next).read_volatile() });
        }
    }
}

/// Slots of an inbox that are looked at.
const LONGEST_INBOX: usize = 1 << 16;

/// Whether there is a slot of some page at this address, null or not.
fn is_slot(slot: *const Slot) -> bool {
    if slot.is_null() {
        return false;
    }
    let Some(chunk) = chunk::find(slot.cast()) else { return false };
    if chunk.is_large() {
        return false;
    }
    View::at(chunk, slot.addr()).is_some_and(|view| {
        let offset = slot.addr() - view.start;
        view.kind == PageKind::Small && offset / view.size < view.blocks && offset.is_multiple_of(view.size)
    })
}

/// A set of slots of a page.
struct Slots([u64; Slots::WORDS]);

impl Slots {
    /// Words for a bit per slot of a page of the smallest class.
    const WORDS: usize = TABLE[0].capacity as usize / 64;

    fn add(&mut self, slot: usize) {
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    fn has(&self, slot: usize) -> bool {
        self.0[slot / 64] >> (slot % 64) & 1 != 0
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

// No page has more slots than one of the smallest class.
const _: () = {
    let mut class = 0;
    while class < CLASSES {
        assert!(TABLE[class].capacity as usize <= Slots::WORDS * 64);
        class += 1;
    }
};
