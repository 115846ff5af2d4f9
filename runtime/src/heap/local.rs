//! A heap's slow paths: filling and emptying bins, pages coming and going.

use super::chunk::{self, Kind, Listed, Page, PageList, Slot};
use super::class::{self, TABLE};
use super::free_bits::FreeBits;
use super::thread::{State, ThreadHeap};
use super::{drain, harden, map, registry, remote, spans};
use core::cell::Cell;
use core::ptr::null_mut;
use core::sync::atomic::Ordering;

/// Allocates a slot of `class` when the bin is empty. Null: the OS has no memory.
#[cold]
#[inline(never)]
pub fn refill(heap: &'static ThreadHeap, class: usize) -> *mut Slot {
    heap.drains[class].end();
    remote::receive(heap);
    remote::send_all(heap);
    let page = loop {
        // Getting memory may start a thread, for which the C library allocates: then
        // the bin is not empty any more.
        let slot = heap.pop(class);
        if !slot.is_null() {
            return slot;
        }
        if let Some(page) = heap.avail[class].first() {
            break page;
        }
        // A first-class heap takes in no others' blocks: it may be destroyed.
        if heap.state() != State::Private && registry::adopt_any(heap) {
            continue;
        }
        if new_page(heap, class).is_none() {
            return null_mut();
        }
    };
    take_batch(heap, page, class);
    harden::shuffle(heap.slots_of(class));
    heap.pop(class)
}

/// Moves slots from `page` to the empty bin: all its free ones when they are
/// few, else half a bin's worth.
fn take_batch(heap: &ThreadHeap, page: &Page, class: usize) {
    let limit = TABLE[class].limit;
    let taken = match page.fresh.load(Ordering::Relaxed) - page.out.get() {
        0 => take_fresh(heap, page, class),
        free => take_freed(heap, page, class, if free < limit { free } else { limit / 2 }),
    };
    count_taken(heap, page, class, taken);
}

/// Moves so many slots that were used before, of those the page has, to the empty bin.
fn take_freed(heap: &ThreadHeap, page: &Page, class: usize, count: u32) -> u32 {
    let size = TABLE[class].size as usize;
    let mut taker = page.free_slots().taker(page.first_free.get().into());
    let start = page.start.get();
    heap.fill(class, count, || start.wrapping_add(taker.take() * size).cast());
    page.first_free.set(taker.end() as u16);
    count
}

/// Counts slots that went from a page to the bin.
fn count_taken(heap: &ThreadHeap, page: &Page, class: usize, taken: u32) {
    let out = page.out.get();
    page.out.set(out + taken);
    heap.add_base(class, taken as i64);
    if out + taken == page.capacity.get() as u32 {
        heap.avail[class].remove(page);
        heap.full[class].push(page);
        page.listed.set(Listed::Full);
    }
}

/// Moves slots that were never used to the bin, in address order. A little at a
/// time: what is not moved is not touched, and costs no memory.
fn take_fresh(heap: &ThreadHeap, page: &Page, class: usize) -> u32 {
    let size = TABLE[class].size as usize;
    let first = page.fresh.load(Ordering::Relaxed);
    let half = (TABLE[class].limit / 2).max(1);
    // A class of which a thread has one page may never need much: it begins with
    // what fits an OS page, and then takes as much again as it has.
    let only = heap.full[class].first().is_none() && !heap.avail[class].has_several();
    let begin = (crate::os::page_size() / size).max(1) as u32;
    let most = if only { half.min(first.max(begin)) } else { half };
    let count = (page.capacity.get() as u32 - first).min(most);
    let mut next = page.start.get().wrapping_add(first as usize * size);
    heap.fill(class, count, || {
        let slot = next.cast::<Slot>();
        // SAFETY: the slot is below the page's capacity, inside its span, and was
        // never handed out.
        unsafe { (*slot).mark = chunk::free_mark(next) };
        next = next.wrapping_add(size);
        slot
    });
    page.fresh.store(first + count, Ordering::Relaxed);
    count
}

/// Makes a page of `class`, owned by `heap` and on its list.
fn new_page(heap: &'static ThreadHeap, class: usize) -> Option<&'static Page> {
    let info = &TABLE[class];
    // A page is aligned to its own size, so that its slots are aligned to their
    // size's power of two and the offset in a page is a mask away.
    let span = spans::allocate(info.slices as usize, info.slices as usize)?;
    let start = span.chunk.slice(span.index);
    for page in &span.chunk.pages[span.index..span.index + info.slices as usize] {
        page.start.set(start);
        page.inverse.set(info.inverse);
        page.class.set(class as u8);
        page.head.set(span.index as u8);
        page.slices.set(info.slices);
        page.kind.set(Kind::Small);
        page.owner.store(heap as *const ThreadHeap as *mut ThreadHeap, Ordering::Relaxed);
    }
    let page = &span.chunk.pages[span.index];
    page.capacity.set(info.capacity);
    page.first_free.set(0);
    page.free_slots().clear(info.capacity as usize);
    page.fresh.store(0, Ordering::Relaxed);
    page.out.set(0);
    page.listed.set(Listed::Avail);
    map::set(page, heap.bin(class));
    heap.avail[class].push(page);
    heap.pages.set(heap.pages.get() + 1);
    Some(page)
}

/// Returns half of a full bin to the pages, the half that lay there longest.
#[cold]
#[inline(never)]
pub fn spill(heap: &ThreadHeap, class: usize) {
    if !drain::spill(heap, class) {
        let count = heap.bins[class].count.load(Ordering::Relaxed) as u32;
        empty_bin(heap, class, count / 2);
    }
}

/// Fills an empty bin with up to `most` slots of one page; how many.
pub fn pack(heap: &ThreadHeap, class: usize, most: u32) -> u32 {
    // Giving memory back may have started a thread, and allocated for it.
    if heap.bins[class].count.load(Ordering::Relaxed) != 0 {
        return 0;
    }
    let Some(page) = heap.avail[class].first() else { return 0 };
    let free = page.fresh.load(Ordering::Relaxed) - page.out.get();
    if free == 0 {
        return 0;
    }
    let taken = take_freed(heap, page, class, free.min(most));
    count_taken(heap, page, class, taken);
    harden::shuffle(heap.slots_of(class));
    taken
}

/// Returns all slots of a bin but the `keep` most recent ones to their pages.
pub fn empty_bin(heap: &ThreadHeap, class: usize, keep: u32) {
    let slots = heap.slots_of(class);
    let gone = slots.len() - keep as usize;
    let (empty, runs) = return_slots(heap, class, &slots[..gone]);
    heap.keep_last(class, keep);
    heap.add_base(class, -(gone as i64));
    heap.drains[class].returned(gone as u32, runs);
    give_spans(&empty);
}

/// Returns all slots of a bin but the `keep` oldest ones to their pages.
pub fn empty_top(heap: &ThreadHeap, class: usize, keep: u32) {
    let gone = &heap.slots_of(class)[keep as usize..];
    let (empty, runs) = return_slots(heap, class, gone);
    heap.bins[class].count.store(keep.into(), Ordering::Relaxed);
    heap.add_base(class, -(gone.len() as i64));
    heap.drains[class].returned(gone.len() as u32, runs);
    give_spans(&empty);
}

/// Returns slots of a bin, which is to be told, to their pages: those that are empty
/// then, and how often the page changed from one slot to the next.
fn return_slots(heap: &ThreadHeap, class: usize, slots: &[Cell<*mut Slot>]) -> (PageList, u32) {
    let bin = heap.bin(class);
    let (mask, inverse) = (bin.mask as usize, bin.inverse);
    // Giving memory back may start a thread, for which the C library may allocate: not
    // while the bin is in between.
    let empty = PageList::new();
    // Those of one page mostly come together.
    let (mut run, mut runs): (Option<Run<'_>>, u32) = (None, 0);
    for slot in slots {
        let slot = slot.get();
        let start = slot as usize & !mask;
        let run = match &mut run {
            Some(run) if run.start == start => run,
            run => {
                runs += 1;
                if let Some(run) = run.replace(Run::of(slot, start)) {
                    run.end(heap, true, &empty);
                }
                run.as_mut().expect("just begun")
            }
        };
        run.add(class::quotient(inverse, slot as usize & mask));
    }
    if let Some(run) = run {
        run.end(heap, true, &empty);
    }
    (empty, runs)
}

/// Slots that return to one page.
struct Run<'a> {
    page: &'a Page,
    bits: &'a FreeBits,
    /// The page's first byte.
    start: usize,
    /// Slots that came so far.
    count: u32,
    /// The lowest word of the page's bits that has one of them.
    first: usize,
    /// The word that the slots since the last change of words are in, and their bits.
    /// Kept here because a word in memory would be ready for the next slot much later.
    word: usize,
    pending: u64,
}

impl<'a> Run<'a> {
    /// A run for the page of `slot`, which starts at `start`.
    fn of(slot: *mut Slot, start: usize) -> Run<'a> {
        // SAFETY: a slot lies in a chunk, whose header is mapped while it does.
        let chunk = unsafe { &*chunk::header_of(slot.cast()) };
        let page = chunk.page_of(start as *const u8);
        Run { page, bits: page.free_slots(), start, count: 0, first: usize::MAX, word: 0, pending: 0 }
    }

    /// Adds a slot by its index.
    #[inline]
    fn add(&mut self, index: usize) {
        if index >= self.page.fresh.load(Ordering::Relaxed) as usize {
            // It was freed though it was never handed out, which takes a look at the
            // page's record to see.
            self.not_handed_out(index);
        }
        let (word, bit) = (index / 64, 1 << (index % 64));
        if word != self.word || self.pending & bit != 0 {
            self.write();
            self.word = word;
        }
        self.pending |= bit;
        self.count += 1;
    }

    #[cold]
    #[inline(never)]
    fn not_handed_out(&self, index: usize) -> ! {
        let size = TABLE[self.page.class.get() as usize].size as usize;
        super::not_a_block((self.start + index * size) as *mut u8)
    }

    /// Writes the pending bits.
    #[inline]
    fn write(&mut self) {
        let twice = self.bits.add(self.word, core::mem::take(&mut self.pending));
        if twice != 0 {
            let index = self.word * 64 + twice.trailing_zeros() as usize;
            let size = TABLE[self.page.class.get() as usize].size as usize;
            super::free_already((self.start + index * size) as *mut u8);
        }
        self.first = self.first.min(self.word);
    }

    /// Counts them, and moves the page to the list of empty ones when they were the last
    /// that were out; with `keep`, only if the class has another page to allocate from.
    fn end(mut self, heap: &ThreadHeap, keep: bool, empty: &PageList) {
        self.write();
        let page = self.page;
        let out = page.out.get() - self.count;
        page.out.set(out);
        page.first_free.set(page.first_free.get().min(self.first as u16));
        let class = page.class.get() as usize;
        if page.listed.get() == Listed::Full {
            heap.full[class].remove(page);
            heap.avail[class].push(page);
            page.listed.set(Listed::Avail);
        }
        if out == 0 && (!keep || heap.avail[class].has_several()) {
            unlist(heap, page);
            empty.push(page);
        }
    }
}

/// Returns a free slot to its page.
///
/// # Safety
///
/// `slot` is a marked free slot, in no list, of a page `heap` owns.
pub unsafe fn return_to_page(heap: &ThreadHeap, slot: *mut Slot) {
    // SAFETY: the caller's word.
    unsafe { return_slot(heap, slot, true) }
}

/// As [`return_to_page`], for a heap that nobody allocates from: no empty page stays.
///
/// # Safety
///
/// As for [`return_to_page`].
pub unsafe fn return_to_orphan(heap: &ThreadHeap, slot: *mut Slot) {
    // SAFETY: the caller's word.
    unsafe { return_slot(heap, slot, false) }
}

/// # Safety
///
/// As for [`return_to_page`].
#[inline]
unsafe fn return_slot(heap: &ThreadHeap, slot: *mut Slot, keep: bool) {
    // SAFETY: a slot lies in a chunk, whose header is mapped while it does.
    let page = unsafe { &*chunk::header_of(slot.cast()) }.page_of(slot.cast()).head_page();
    let start = page.start.get() as usize;
    let mut run = Run::of(slot, start);
    run.add(class::quotient(page.inverse.get(), slot as usize - start));
    let empty = PageList::new();
    run.end(heap, keep, &empty);
    give_spans(&empty);
}

/// Takes an empty page off its owner's list.
fn unlist(heap: &ThreadHeap, page: &Page) {
    heap.avail[page.class.get() as usize].remove(page);
    heap.pages.set(heap.pages.get() - 1);
}

/// Gives the spans of pages back.
fn give_spans(pages: &PageList) {
    while let Some(page) = pages.first() {
        pages.remove(page);
        give_span(page);
    }
}

/// Gives back the span of a page that is on no list.
pub fn give_span(page: &Page) {
    let (index, slices) = (page.head.get() as usize, page.slices.get() as usize);
    // SAFETY: the page's chunk is mapped while the page is in use.
    let chunk = unsafe { &*chunk::header_of(page.start.get().wrapping_add(1)) };
    map::set(page, core::ptr::null());
    spans::clear_records(chunk, index, slices);
    spans::free(chunk, index, slices);
}

/// Returns every cached slot and every empty page.
pub fn collect(heap: &'static ThreadHeap) {
    remote::receive(heap);
    remote::send_all(heap);
    for class in 0..class::CLASSES {
        empty_bin(heap, class, 0);
        let empty = PageList::new();
        let mut next = heap.avail[class].first();
        while let Some(page) = next {
            // SAFETY: pages on a list belong to live chunks.
            next = unsafe { page.next.get().as_ref() };
            if page.out.get() == 0 {
                unlist(heap, page);
                empty.push(page);
            }
        }
        give_spans(&empty);
    }
}
