//! A first-class heap in memory: allocating, freeing, destroying.

use super::all;
use crate::fault;
use crate::heap::chunk::{self, Chunk, Kind, Page, PageList, SLICE, Slot};
use crate::heap::class::{self, CLASSES};
use crate::heap::thread::{State, ThreadHeap};
use crate::heap::{cache, harden, large, local, registry, spans, walk};
use crate::os::limit;
use crate::process::refusal;
use crate::sync::atomic::{AtomicBool, AtomicPtr};
use crate::sync::{Guard, Lock};
use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::{null, null_mut};
use core::sync::atomic::Ordering;

/// A first-class heap in memory, which it keeps for good.
///
/// Its small live blocks are `heap`'s `base - count` summed over the classes, less
/// those in `inbox`.
#[repr(C)]
pub struct RawHeap {
    /// Whether it was made and not destroyed; changed under `lock`.
    pub(super) alive: AtomicBool,
    /// Guards `heap` and what it contains.
    pub(super) lock: Lock<Big>,
    /// Blocks that were freed while the lock was taken.
    inbox: AtomicPtr<Slot>,
    /// Next of all first-class heaps; set once.
    pub(super) next: Cell<*const RawHeap>,
    /// Next destroyed one, under the lock of all.
    pub(super) next_spare: Cell<*const RawHeap>,
    /// Bins and pages.
    pub(super) heap: ThreadHeap,
}

// SAFETY: `heap` is used under `lock`, `next` never changes once another thread
// can see it, and `next_spare` is used under the lock of all.
unsafe impl Sync for RawHeap {}

/// Blocks without a size class.
pub(super) struct Big {
    /// Records of span blocks.
    pub spans: PageList,
    /// Records of large blocks.
    pub larges: PageList,
    /// Blocks on both lists.
    pub blocks: usize,
    /// Their usable bytes.
    pub used: usize,
}

// SAFETY: the lists lead to records of blocks that are the heap's, which are used
// under its lock.
unsafe impl Send for Big {}

/// The first-class heap that the block with this record belongs to. The block is
/// live, or its record may be anybody's.
#[inline]
pub fn home_of(page: &Page) -> Option<&'static RawHeap> {
    let owner = page.owner.load(Ordering::Relaxed).cast_const();
    // SAFETY: heaps are never unmapped, so what was an owner is still a heap.
    let heap = unsafe { owner.as_ref() }?;
    if heap.state() != State::Private {
        return None;
    }
    // SAFETY: a heap in this state is the field of a `RawHeap`.
    Some(unsafe { &*owner.byte_sub(offset_of!(RawHeap, heap)).cast::<RawHeap>() })
}

/// The first-class heap a block belongs to, null for a block of the general heap
/// and for an address in no heap.
///
/// # Safety
///
/// `block` is null or a live block of some heap.
pub unsafe fn heap_of(block: *const u8) -> *const RawHeap {
    let home = chunk::find(block).and_then(|chunk| home_of(chunk.page_of(block)));
    home.map_or(null(), |heap| heap)
}

/// Runs `resize`, which may move a span block or a large block together with its
/// record and returns where it is then, null for where it was, while no heap's list
/// leads to that record.
pub fn apart(chunk: &'static Chunk, block: *mut u8, resize: impl FnOnce() -> *mut u8) -> *mut u8 {
    let page = chunk.page_of(block);
    let Some(home) = home_of(page) else { return resize() };
    let mut big = home.lock.lock();
    if !home.detach(&mut big, chunk, page) {
        drop(big);
        crate::heap::not_a_block(block);
    }
    let resized = resize();
    let now = if resized.is_null() { block } else { resized };
    if let Some(chunk) = chunk::find(now) {
        home.attach(&mut big, chunk, now);
    }
    resized
}

impl RawHeap {
    /// New memory with an empty heap in it that is not alive; `None` when the OS has none.
    pub(super) fn make() -> Option<&'static RawHeap> {
        let memory = limit::metadata_held(size_of::<RawHeap>()).cast::<RawHeap>();
        if memory.is_null() {
            return None;
        }
        // SAFETY: zeroed room for a heap, for good. Zeros are an open lock around
        // empty lists, a heap that is not alive, and null pointers.
        let raw: &'static RawHeap = unsafe {
            ThreadHeap::place(&raw mut (*memory).heap);
            &*memory
        };
        raw.heap.set_state(State::Private);
        registry::enlist(&raw.heap, size_of::<RawHeap>());
        Some(raw)
    }

    /// Faults when the heap was destroyed.
    fn check_alive(&'static self) {
        if !self.alive.load(Ordering::Relaxed) {
            self.is_gone();
        }
    }

    #[cold]
    #[inline(never)]
    fn is_gone(&'static self) -> ! {
        fault!(BadPointer at (&raw const *self), "the heap {self:p} is used, but it was destroyed")
    }

    /// Takes the lock of a heap that must not be destroyed.
    pub(super) fn enter(&'static self) -> Guard<'static, Big> {
        let big = self.lock.lock();
        if !self.alive.load(Ordering::Relaxed) {
            // What a fault leads to must not find the lock taken.
            drop(big);
            self.is_gone();
        }
        big
    }

    /// See [`Heap::allocate`](super::Heap::allocate); with `zeroed`, the bytes asked for are zero.
    pub fn allocate(&'static self, size: usize, align: usize, zeroed: bool) -> *mut u8 {
        debug_assert!(align.is_power_of_two());
        let Some(class) = class::of_aligned(size, align) else {
            return self.allocate_big(size, align, zeroed);
        };
        let big = self.enter();
        let mut slot = self.heap.pop(class);
        if slot.is_null() {
            slot = self.refill(class);
        }
        drop(big);
        let block = refusal::noting(slot.cast(), size);
        if zeroed && !block.is_null() {
            // SAFETY: the block is at least `size` bytes long.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    /// A slot when the bin is empty. The lock is held.
    #[cold]
    fn refill(&'static self, class: usize) -> *mut Slot {
        self.receive();
        let slot = local::refill(&self.heap, class);
        if !slot.is_null() {
            return slot;
        }
        // Free slots of other classes may keep whole pages.
        local::collect(&self.heap);
        cache::purge();
        local::refill(&self.heap, class)
    }

    #[cold]
    fn allocate_big(&'static self, size: usize, align: usize, zeroed: bool) -> *mut u8 {
        self.check_alive();
        let block = crate::heap::allocate_big(size, align, zeroed);
        if let Some(chunk) = chunk::find(block) {
            let mut big = self.enter();
            self.attach(&mut big, chunk, block);
        }
        block
    }

    /// Makes a block that nobody knows yet the heap's.
    fn attach(&'static self, big: &mut Big, chunk: &Chunk, block: *mut u8) {
        let page = chunk.page_of(block);
        page.owner.store((&raw const self.heap).cast_mut(), Ordering::Relaxed);
        big.list_of(page).push(page);
        big.blocks += 1;
        big.used += big_bytes(chunk, page);
    }

    /// Takes a big block off the heap's list; false when it is not there any more.
    fn detach(&'static self, big: &mut Big, chunk: &Chunk, page: &Page) -> bool {
        if page.owner.load(Ordering::Relaxed).cast_const() != &raw const self.heap {
            return false;
        }
        big.list_of(page).remove(page);
        big.blocks -= 1;
        big.used -= big_bytes(chunk, page);
        page.owner.store(null_mut(), Ordering::Relaxed);
        true
    }

    /// See [`Heap::deallocate`](super::Heap::deallocate).
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn deallocate(&'static self, block: *mut u8) {
        if block.is_null() {
            return;
        }
        let (chunk, page) = self.own_block(block);
        // SAFETY: the caller's word, and the block is this heap's.
        unsafe { self.free(chunk, page, block) }
    }

    /// See [`Heap::reallocate`](super::Heap::reallocate).
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn reallocate(&'static self, block: *mut u8, size: usize, align: usize) -> *mut u8 {
        self.own_block(block);
        // SAFETY: the caller's word.
        unsafe { crate::heap::reallocate(block, size, align) }
    }

    /// Header and record of a block; a fault unless it is this heap's.
    fn own_block(&'static self, block: *mut u8) -> (&'static Chunk, &'static Page) {
        self.check_alive();
        if let Some(chunk) = chunk::find(block) {
            let page = chunk.page_of(block);
            if home_of(page).is_some_and(|home| core::ptr::eq(home, self)) {
                return (chunk, page);
            }
        }
        fault!(BadPointer at block, "bad free: {block:p} is no live block of the heap {:p}", self)
    }

    /// Frees a block whose record says that it is this heap's.
    ///
    /// # Safety
    ///
    /// `block` is a live block, which nobody uses any more; `chunk` is its header
    /// and `page` the record of its slice.
    pub unsafe fn free(&'static self, chunk: &'static Chunk, page: &Page, block: *mut u8) {
        match page.kind.get() {
            Kind::Small => {
                crate::heap::check_slot(page.is_slot(block), block);
                // SAFETY: the caller's word.
                unsafe { self.free_slot(page, block.cast()) }
            }
            Kind::Span => {
                if page.start.get() != block {
                    crate::heap::not_a_block(block);
                }
                let found = self.detach(&mut self.lock.lock(), chunk, page);
                if !found || !spans::free_block(chunk, page.head.get() as usize) {
                    fault!(DoubleFree at block, "double free: the block at {block:p} is free already");
                }
            }
            Kind::Large => {
                if chunk.large.block.get() != block {
                    crate::heap::not_a_block(block);
                }
                if !self.detach(&mut self.lock.lock(), chunk, page) {
                    fault!(DoubleFree at block, "double free: the block at {block:p} is free already");
                }
                // SAFETY: the caller's word.
                unsafe { large::free(chunk) }
            }
            Kind::Free => crate::heap::not_a_block(block),
        }
    }

    /// # Safety
    ///
    /// `slot` is a live block in the page of this heap that `page` is a record of.
    unsafe fn free_slot(&'static self, page: &Page, slot: *mut Slot) {
        let class = page.class.get() as usize;
        if let Some(_big) = self.lock.try_lock() {
            // SAFETY: the block is a slot of this class in a page of this heap.
            if unsafe { self.heap.push(self.heap.bin(class), slot) } {
                local::spill(&self.heap, class);
            }
            return;
        }
        // SAFETY: the block is dead from here on, and two words long at least.
        unsafe { (*slot).mark = chunk::free_mark(slot.cast()) };
        let mut head = self.inbox.load(Ordering::Relaxed);
        loop {
            // SAFETY: the slot is ours until the exchange succeeds.
            unsafe { (*slot).next = harden::seal(slot, head) };
            match self.inbox.compare_exchange_weak(head, slot, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes in what was freed while the lock was taken. The lock is held.
    pub(super) fn receive(&'static self) {
        let mut slot = self.inbox.swap(null_mut(), Ordering::Acquire);
        while !slot.is_null() {
            // SAFETY: slots in the inbox are marked free slots of pages of this heap,
            // in no other list; the list was taken off as a whole.
            unsafe {
                let next = harden::open(slot, (*slot).next);
                let page = (*chunk::header_of(slot.cast())).page_of(slot.cast());
                self.heap.add_base(page.class.get() as usize, -1);
                local::return_to_page(&self.heap, slot);
                slot = next;
            }
        }
    }

    /// Frees every block and gives the heap up; a fault when it is gone already.
    pub fn destroy(&'static self) {
        let mut big = self.enter();
        self.alive.store(false, Ordering::Relaxed);
        // Its blocks go with their pages.
        self.inbox.store(null_mut(), Ordering::Relaxed);
        for class in 0..CLASSES {
            self.heap.keep_last(class, 0);
            self.heap.base[class].store(0, Ordering::Relaxed);
            for list in [&self.heap.avail[class], &self.heap.full[class]] {
                while let Some(page) = list.first() {
                    list.remove(page);
                    local::give_span(page);
                }
            }
        }
        self.heap.pages.set(0);
        while let Some(page) = big.spans.first().or(big.larges.first()) {
            let page = &raw const *page;
            // SAFETY: pages on a list belong to live chunks, until they are freed here.
            let (page, chunk): (&Page, &'static Chunk) = unsafe { (&*page, &*walk::chunk_of(&*page)) };
            self.detach(&mut big, chunk, page);
            if page.kind.get() == Kind::Large {
                // SAFETY: the block is live, and its user gave it up with the heap.
                unsafe { large::free(chunk) };
            } else {
                spans::free_block(chunk, page.head.get() as usize);
            }
        }
        drop(big);
        all::give_up(self);
    }
}

impl Big {
    /// The list that a big block's record belongs on.
    fn list_of(&self, page: &Page) -> &PageList {
        if page.kind.get() == Kind::Large { &self.larges } else { &self.spans }
    }
}

/// Usable bytes of a big block.
pub(super) fn big_bytes(chunk: &Chunk, page: &Page) -> usize {
    match page.kind.get() {
        Kind::Large => large::usable(chunk),
        _ => page.slices.get() as usize * SLICE,
    }
}
