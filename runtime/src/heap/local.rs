//! A heap's slow paths: filling and emptying bins, pages coming and going.

use super::chunk::{self, Kind, Listed, Page, Slot};
use super::class::{self, TABLE};
use super::thread::{State, ThreadHeap};
use super::{map, registry, remote, spans};
use core::ptr::null_mut;
use core::sync::atomic::Ordering;

/// Allocates a slot of `class` when the bin is empty. Null: the OS has no memory.
#[cold]
#[inline(never)]
pub fn refill(heap: &'static ThreadHeap, class: usize) -> *mut Slot {
    remote::receive(heap);
    remote::send_all(heap);
    let page = loop {
        if let Some(page) = heap.avail[class].first() {
            break page;
        }
        // A first-class heap takes in no others' blocks: it may be destroyed.
        if heap.state() != State::Private && registry::adopt_any(heap) {
            continue;
        }
        match new_page(heap, class) {
            Some(page) => break page,
            None => return null_mut(),
        }
    };
    take_batch(heap, page, class);
    heap.pop(class)
}

/// Moves slots from `page` to the empty bin: all its free ones when they are
/// few, else half a bin's worth.
fn take_batch(heap: &ThreadHeap, page: &Page, class: usize) {
    let limit = TABLE[class].limit;
    let (fresh, out) = (page.fresh.get(), page.out.get());
    let taken = match fresh - out {
        0 => take_fresh(heap, page, class),
        listed => {
            let taken = if listed < limit { listed } else { limit / 2 };
            heap.fill(class, taken, || {
                let slot = page.free.get();
                // SAFETY: the page's list has more slots than are taken here.
                page.free.set(unsafe { (*slot).next });
                slot
            });
            taken
        }
    };
    page.out.set(page.out.get() + taken);
    heap.add_base(class, taken as i64);
    if page.free.get().is_null() && page.fresh.get() == page.capacity.get() as u32 {
        heap.avail[class].remove(page);
        heap.full[class].push(page);
        page.listed.set(Listed::Full);
    }
}

/// Moves slots that were never used to the bin, in address order. A little at a
/// time: what is not moved is not touched, and costs no memory.
fn take_fresh(heap: &ThreadHeap, page: &Page, class: usize) -> u32 {
    let size = TABLE[class].size as usize;
    let first = page.fresh.get();
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
    page.fresh.set(first + count);
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
    page.free.set(null_mut());
    page.fresh.set(0);
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
    let bin = &heap.bins[class];
    let keep = bin.count.load(Ordering::Relaxed) as u32 / 2;
    empty_bin(heap, class, keep);
}

/// Returns all slots of a bin but the `keep` most recent ones to their pages.
pub fn empty_bin(heap: &ThreadHeap, class: usize, keep: u32) {
    let count = heap.bins[class].count.load(Ordering::Relaxed) as u32;
    heap.empty(class, keep, |slot| {
        // SAFETY: slots in a bin are marked free slots of pages this heap owns.
        unsafe { return_to_page(heap, slot) }
    });
    heap.add_base(class, keep as i64 - count as i64);
}

/// Puts a free slot back on its page's list, and gives the page up when that
/// was the last one and the class has another page to allocate from.
///
/// # Safety
///
/// `slot` is a marked free slot, in no list, of a page `heap` owns.
pub unsafe fn return_to_page(heap: &ThreadHeap, slot: *mut Slot) {
    // SAFETY: a slot lies in a chunk, whose header is mapped while it does.
    let chunk = unsafe { &*chunk::header_of(slot.cast()) };
    let page = chunk.page_of(slot.cast()).head_page();
    // SAFETY: the slot is free and in no list.
    unsafe { (*slot).next = page.free.get() };
    page.free.set(slot);
    let out = page.out.get() - 1;
    page.out.set(out);
    let class = page.class.get() as usize;
    if page.listed.get() == Listed::Full {
        heap.full[class].remove(page);
        heap.avail[class].push(page);
        page.listed.set(Listed::Avail);
    }
    if out == 0 && heap.avail[class].has_several() {
        release_page(heap, page);
    }
}

/// Gives an empty page's span back.
fn release_page(heap: &ThreadHeap, page: &Page) {
    heap.avail[page.class.get() as usize].remove(page);
    heap.pages.set(heap.pages.get() - 1);
    give_span(page);
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
        let mut next = heap.avail[class].first();
        while let Some(page) = next {
            // SAFETY: pages on a list belong to live chunks.
            next = unsafe { page.next.get().as_ref() };
            if page.out.get() == 0 {
                release_page(heap, page);
            }
        }
    }
}
