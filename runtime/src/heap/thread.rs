//! The thread heap: one per thread, found in one load, ready at compile time.
//!
//! Its first field is the table of [`Bin`]s, one per size class: a stack of free
//! slots from which this thread allocates and to which it frees, whatever page
//! the slots come from, so the slot freed last is the one handed out next. The
//! stacks are arrays, because a list through the slots would make every
//! operation wait for the one before it twice: for the list's head and for what
//! that says of the next slot. Generated code may pop from and push to the bins
//! itself; everything else goes through the functions of this folder.
//!
//! Counting: a class's live blocks are `base - count` summed over the threads.
//! Moving slots between pages and bins changes both numbers alike; allocating
//! and freeing change `count` alone; a remote free lowers `base` of the thread
//! that frees. Hence the fast paths keep one counter, and the figures are exact
//! whenever no operation is under way.

use super::chunk::{PageList, SLICE, Slot};
use super::class::{self, CLASSES};
use super::drain::Drain;
use crate::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32 as Epoch};
use crate::tls;
use core::cell::Cell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A thread's free slots of one class, and what makes an address one of them.
#[repr(C)]
pub struct Bin {
    /// How many there are. Only the thread writes it, others may read it. As wide
    /// as an address: some processors hand a value from a store to the next load
    /// at no cost, but not where it is used wider than it was stored, and in a loop
    /// of allocations that chain is the longest.
    pub count: AtomicU64,
    /// With this many, half of them are returned to their pages.
    pub limit: u32,
    /// Offset in bytes, from the start of the heap, of the bin's part of
    /// [`ThreadHeap::slots`]: `limit` slots, of which the first `count` are there,
    /// the last of them freed last.
    pub first: u32,
    /// Bytes of a page, which is aligned to them, less one.
    pub mask: u32,
    /// Bytes of a page that are slots; what comes after them is none.
    pub end: u32,
    /// The class's inverse: see [`class::divides`].
    pub inverse: u64,
}

/// Bytes of the bins of a heap.
pub const BINS_SIZE: usize = size_of::<Bin>() * CLASSES;

impl Bin {
    /// Whether `block`, an address in a page of this bin's class, is a slot's.
    #[inline]
    pub fn is_slot(&self, block: *const u8) -> bool {
        let offset = block as usize & self.mask as usize;
        offset < self.end as usize && class::divides(self.inverse, offset)
    }
}

/// Slots that all bins of a thread can hold.
pub const SLOTS: usize = {
    let (mut sum, mut class) = (0, 0);
    while class < CLASSES {
        sum += class::TABLE[class].limit as usize;
        class += 1;
    }
    sum
};

/// Remote frees for one heap, collected before they are sent.
#[repr(C)]
pub struct Batch {
    /// The heap whose blocks these are.
    pub target: Cell<*const ThreadHeap>,
    /// The target's epoch when the batch was begun.
    pub epoch: Cell<u32>,
    /// Blocks in the batch.
    pub count: Cell<u32>,
    /// Bytes in the batch.
    pub bytes: Cell<usize>,
    /// The blocks, last freed first.
    pub first: Cell<*mut Slot>,
    /// The block freed first.
    pub last: Cell<*mut Slot>,
}

/// Destinations a thread collects remote frees for at once.
pub const BATCHES: usize = 8;

/// Who uses a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// A thread.
    Live = 0,
    /// Nobody; it still has pages, and any thread may take them over.
    Orphan = 1,
    /// Nobody, and it has no pages.
    Spare = 2,
    /// A thread of the parent process, at the moment of `fork`: its lists may
    /// be in any state, so nobody touches them.
    Lost = 3,
    /// No thread: it is a first-class heap's, see [`heaps`](super::heaps).
    Private = 4,
}

/// A thread's heap. Never unmapped, so a stale pointer to one is still a heap.
#[repr(C)]
pub struct ThreadHeap {
    /// The free lists, by size class.
    pub bins: [Bin; CLASSES],
    /// Live blocks plus `bins[_].count`, by size class: see the file's header.
    pub base: [AtomicI64; CLASSES],
    /// Pages with something to allocate, by size class.
    pub avail: [PageList; CLASSES],
    /// Pages without, by size class.
    pub full: [PageList; CLASSES],
    /// Pages on both lists, all classes.
    pub pages: Cell<usize>,
    /// Blocks other threads freed and this one has not looked at yet.
    pub inbox: AtomicPtr<Slot>,
    /// Blocks this thread freed and has not sent yet.
    pub outbox: [Batch; BATCHES],
    /// Goes up when the heap's pages move to another heap.
    pub epoch: Epoch,
    /// A [`State`]; changed under the registry's lock.
    state: AtomicU8,
    /// Next of all heaps; set once.
    pub next: Cell<*const ThreadHeap>,
    /// Next unused heap, under the registry's lock.
    pub next_idle: Cell<*const ThreadHeap>,
    /// Classes of which blocks are only freed.
    pub drains: [Drain; CLASSES],
    /// The free slots of all bins. Last, and not touched before it is used.
    pub slots: [Cell<*mut Slot>; SLOTS],
}

// SAFETY: the cells belong to the thread that holds the heap (one at a time,
// handed over under the registry's lock); the rest is atomic.
unsafe impl Sync for ThreadHeap {}

impl Default for ThreadHeap {
    fn default() -> ThreadHeap {
        ThreadHeap::new()
    }
}

impl ThreadHeap {
    /// A heap without pages.
    pub const fn new() -> ThreadHeap {
        ThreadHeap {
            bins: BINS,
            base: [const { AtomicI64::new(0) }; CLASSES],
            avail: [const { PageList::new() }; CLASSES],
            full: [const { PageList::new() }; CLASSES],
            pages: Cell::new(0),
            inbox: AtomicPtr::new(null_mut()),
            outbox: [const {
                Batch {
                    target: Cell::new(core::ptr::null()),
                    epoch: Cell::new(0),
                    count: Cell::new(0),
                    bytes: Cell::new(0),
                    first: Cell::new(null_mut()),
                    last: Cell::new(null_mut()),
                }
            }; BATCHES],
            epoch: Epoch::new(0),
            state: AtomicU8::new(State::Live as u8),
            next: Cell::new(core::ptr::null()),
            next_idle: Cell::new(core::ptr::null()),
            drains: [const { Drain::new() }; CLASSES],
            slots: [const { Cell::new(null_mut()) }; SLOTS],
        }
    }

    /// Makes zeroed memory a heap without pages, touching no more of it than
    /// that takes.
    ///
    /// # Safety
    ///
    /// `memory` is zeroed and has room for a heap, which stays for good.
    pub unsafe fn place(memory: *mut ThreadHeap) -> &'static ThreadHeap {
        // SAFETY: the caller's word; all-zero bytes are an empty heap but for the
        // bins' limits and places.
        unsafe {
            (&raw mut (*memory).bins).write(BINS);
            &*memory
        }
    }

    /// Who uses the heap.
    pub fn state(&self) -> State {
        match self.state.load(Ordering::SeqCst) {
            0 => State::Live,
            1 => State::Orphan,
            2 => State::Spare,
            3 => State::Lost,
            _ => State::Private,
        }
    }

    /// Changes who uses the heap. The caller holds the registry's lock.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::SeqCst);
    }

    /// Adds to a class's `base`; only this heap's thread does.
    #[inline]
    pub fn add_base(&self, class: usize, slots: i64) {
        let base = &self.base[class];
        base.store(base.load(Ordering::Relaxed) + slots, Ordering::Relaxed);
    }

    /// The place of slot `index` of a bin, which may be that behind its last one.
    #[inline]
    fn place_in(&self, bin: &Bin, index: u64) -> *const Cell<*mut Slot> {
        let start = (self as *const ThreadHeap).cast::<u8>().wrapping_add(bin.first as usize);
        start.cast::<Cell<*mut Slot>>().wrapping_add(index as usize)
    }

    /// The slots of a bin that are there, those freed last at the end.
    pub fn slots_of(&self, class: usize) -> &[Cell<*mut Slot>] {
        let bin = &self.bins[class];
        let count = bin.count.load(Ordering::Relaxed);
        debug_assert!(count <= u64::from(bin.limit));
        // SAFETY: a bin's part of `slots` has room for `limit` of them.
        unsafe { core::slice::from_raw_parts(self.place_in(bin, 0), count as usize) }
    }

    /// Takes the slot freed last, null when there is none.
    #[inline]
    pub fn pop(&self, class: usize) -> *mut Slot {
        let bin = self.bin(class);
        let count = bin.count.load(Ordering::Relaxed);
        if count == 0 {
            return null_mut();
        }
        bin.count.store(count - 1, Ordering::Relaxed);
        // SAFETY: below `count` there are slots, and a free slot's words are ours.
        unsafe {
            let slot = (*self.place_in(bin, count - 1)).get();
            super::harden::check_mark(slot);
            (*slot).mark = 0;
            slot
        }
    }

    /// The bin of a class.
    #[inline]
    pub fn bin(&self, class: usize) -> &Bin {
        &self.bins[class]
    }

    /// The bin at this address, if it is one of this heap's.
    #[inline]
    pub fn own(&self, bin: *const Bin) -> Option<&Bin> {
        let offset = (bin as usize).wrapping_sub(&raw const self.bins as usize);
        if offset >= BINS_SIZE {
            return None;
        }
        // SAFETY: inside this heap's bins, and such addresses are only made from
        // references to them.
        Some(unsafe { &*(&raw const self.bins).cast::<u8>().add(offset).cast::<Bin>() })
    }

    /// The class of one of this heap's bins.
    pub fn class_of(&self, bin: &Bin) -> usize {
        (bin as *const Bin as usize - &raw const self.bins as usize) / size_of::<Bin>()
    }

    /// Puts a slot into its bin; true when that has reached its limit, and slots
    /// must leave it before the next one comes.
    ///
    /// # Safety
    ///
    /// `bin` is this heap's, and `slot` an unused slot of its class, in a page of
    /// this heap.
    #[inline]
    pub unsafe fn push(&self, bin: &Bin, slot: *mut Slot) -> bool {
        let count = bin.count.load(Ordering::Relaxed);
        // SAFETY: an unused slot's words are ours; the bin has room, for it is
        // emptied by half whenever it has reached its limit.
        unsafe {
            (*slot).mark = super::chunk::free_mark(slot.cast());
            (*self.place_in(bin, count)).set(slot);
        }
        bin.count.store(count + 1, Ordering::Relaxed);
        count + 1 >= u64::from(bin.limit)
    }

    /// Puts marked free slots into an empty bin, to be taken in their order.
    ///
    /// # Panics
    /// When the bin has too little room.
    pub fn fill(&self, class: usize, count: u32, mut slots: impl FnMut() -> *mut Slot) {
        let bin = &self.bins[class];
        debug_assert_eq!(bin.count.load(Ordering::Relaxed), 0);
        assert!(count <= bin.limit);
        for index in (0..u64::from(count)).rev() {
            // SAFETY: `index` is below the bin's limit.
            unsafe { (*self.place_in(bin, index)).set(slots()) };
        }
        bin.count.store(count.into(), Ordering::Relaxed);
    }

    /// Forgets all slots of a bin but the `keep` freed last.
    pub fn keep_last(&self, class: usize, keep: u32) {
        let slots = self.slots_of(class);
        let (from, to) = (slots[slots.len() - keep as usize..].as_ptr(), slots.as_ptr().cast_mut());
        // SAFETY: both are in the bin's part of the slots, and cells of one thread.
        unsafe { core::ptr::copy(from, to, keep as usize) };
        self.bins[class].count.store(keep.into(), Ordering::Relaxed);
    }
}

/// Offset in bytes, from a heap's address, of a bin's part of its slots.
pub fn stack_of(class: usize) -> usize {
    NONE.bins[class].first as usize
}

/// The empty bins.
#[allow(clippy::declare_interior_mutable_const, reason = "every heap has bins of its own")]
const BINS: [Bin; CLASSES] = {
    let mut bins = [const { Bin { count: AtomicU64::new(0), limit: 0, first: 0, mask: 0, end: 0, inverse: 0 } };
        CLASSES];
    let (mut class, mut first) = (0, core::mem::offset_of!(ThreadHeap, slots) as u32);
    while class < CLASSES {
        bins[class].limit = class::TABLE[class].limit;
        bins[class].first = first;
        bins[class].mask = (class::TABLE[class].slices as usize * SLICE - 1) as u32;
        bins[class].end = class::TABLE[class].slots_bytes() as u32;
        bins[class].inverse = class::TABLE[class].inverse;
        first += class::TABLE[class].limit * size_of::<*mut Slot>() as u32;
        class += 1;
    }
    bins
};

/// Stands in for the heap of a thread that has none: its bins are empty, so
/// allocating takes the slow path, and it owns no page, so freeing does too.
pub(crate) static NONE: ThreadHeap = ThreadHeap::new();

/// The thread's heap, or the stand-in without memory.
#[inline]
pub fn current() -> &'static ThreadHeap {
    tls::heap()
}

/// Whether `heap` is the stand-in.
#[inline]
pub fn is_none(heap: &ThreadHeap) -> bool {
    core::ptr::eq(heap, &NONE)
}

/// Runs `operation` with a real heap: the thread's, made now if need be. A
/// thread that has already given its heap up borrows one for the moment.
/// `None` when the OS has no memory for a heap.
pub fn with_heap<R>(operation: impl FnOnce(&'static ThreadHeap) -> R) -> Option<R> {
    let heap = current();
    if !is_none(heap) {
        return Some(operation(heap));
    }
    let heap = super::registry::take()?;
    if tls::with(|local| local.ended.get()) {
        let result = operation(heap);
        super::registry::retire(heap);
        return Some(result);
    }
    // In this order: registering the hook may allocate.
    tls::with(|local| local.heap.set(heap));
    let value = heap as *const ThreadHeap as *mut u8;
    if !crate::os::at_thread_exit(end_thread, value) {
        // Without a hook the heap could never be given up, so it is only borrowed.
        tls::with(|local| local.heap.set(&NONE));
        tls::with(|local| local.ended.set(true));
        let result = operation(heap);
        super::registry::retire(heap);
        return Some(result);
    }
    Some(operation(heap))
}

/// Gives the ending thread's heap up.
pub(super) fn end_thread(heap: *mut u8) {
    tls::with(|local| local.ended.set(true));
    tls::with(|local| local.heap.set(&NONE));
    // SAFETY: the hook's value is the heap `with_heap` registered it with.
    super::registry::retire(unsafe { &*heap.cast::<ThreadHeap>() });
}
