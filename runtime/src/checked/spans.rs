//! The arena in spans: whole pages of 64 KiB with one use.
//!
//! Every page knows its span, so any address finds the slot that it lies in. What no
//! span has ever had lies behind the frontier, zeroed and with a shadow of 0; free spans
//! lie poisoned in bins by their length and grow together with their neighbours.

use super::map::{ARENA, ARENA_BYTES, NEVER};
use super::shadow;
use super::space::{self, PAGES, SPANS};
use crate::os;

/// Bytes of a page.
pub const PAGE: usize = 1 << 16;

/// Pages in the arena.
const MOST: usize = ARENA_BYTES / PAGE;

/// Bins of free spans, by the logarithm of their pages.
const BINS: usize = 22;

/// Spans of a bin that are tried before a longer one is cut.
const TRIES: usize = 16;

/// What a span is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Use {
    /// Nothing.
    Free,
    /// Slots of one size.
    Slots,
    /// One big block.
    Big,
    /// The program's stack, code or variables.
    Program,
}

/// Consecutive pages.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// How many pages.
    pub pages: u32,
    /// Bytes of a slot.
    pub slot: u32,
    /// Bytes of slots that were given out once.
    pub carved: u32,
    /// The first free slot: its offset in 16 bytes, plus 1; 0 when there is none.
    pub free: u32,
    /// Slots in use, those that are kept from use among them.
    pub used: u32,
    /// The next span of the same list, as its first page plus 1.
    pub next: u32,
    /// The one before.
    pub previous: u32,
    /// The tag of a big block.
    pub tag: u32,
    /// The first address of a big block, or of a program's area without its guards.
    pub base: usize,
    /// Bytes of a program's area.
    pub len: usize,
    /// What it is used for.
    pub used_for: Use,
    /// The size class of its slots.
    pub class: u8,
    /// Whether it is in the list of spans of its class that have room.
    pub listed: bool,
    /// Nothing.
    spare: [u8; 13],
}

const _: () = assert!(size_of::<Span>() == 64);

impl Span {
    /// A span of so many pages.
    const fn new(pages: usize, used_for: Use) -> Span {
        Span {
            pages: pages as u32,
            slot: 0,
            carved: 0,
            free: 0,
            used: 0,
            next: 0,
            previous: 0,
            tag: 0,
            base: 0,
            len: 0,
            used_for,
            class: 0,
            listed: false,
            spare: [0; 13],
        }
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.pages as usize * PAGE
    }
}

/// The first address of a page.
#[inline]
pub const fn start_of(page: usize) -> usize {
    ARENA + page * PAGE
}

/// The span that starts at a page.
///
/// # Safety
///
/// The heap's lock is held, and no other reference to the span is in use.
#[inline]
pub unsafe fn span<'a>(page: usize) -> &'a mut Span {
    debug_assert!(page < MOST);
    // SAFETY: the table has a span for every page, and one of zeroes is a valid one; the
    // rest is the caller's word.
    unsafe { &mut *space::place::<Span>(SPANS, page) }
}

/// The first page of the span that an address of the arena lies in; `None` behind the
/// frontier.
#[inline]
pub fn page_of(address: usize) -> Option<usize> {
    let page = address.wrapping_sub(ARENA) / PAGE;
    if page >= MOST {
        return None;
    }
    (space::read(PAGES, page) as usize).checked_sub(1)
}

/// Which pages are free.
pub struct Spans {
    /// Pages below it have a span.
    frontier: usize,
    /// The first span of each bin, as its page plus 1.
    bins: [u32; BINS],
}

impl Spans {
    /// None used.
    pub const fn new() -> Spans {
        Spans { frontier: 0, bins: [0; BINS] }
    }

    /// Bytes of the arena that have a span.
    pub fn extent(&self) -> usize {
        self.frontier * PAGE
    }

    /// A span of so many pages, and whether its memory and shadow are all zero, as none
    /// ever used it. `None` when the arena is full.
    pub fn take(&mut self, pages: usize, used_for: Use) -> Option<(usize, bool)> {
        if let Some(page) = self.find(pages) {
            self.unlink(page);
            // SAFETY: the lock is held; the reference ends with the statement.
            let whole = unsafe { span(page) }.pages as usize;
            if whole > pages {
                self.add(page + pages, whole - pages);
            }
            self.make(page, pages, used_for);
            return Some((page, false));
        }
        if pages > MOST - self.frontier {
            return None;
        }
        let page = self.frontier;
        self.frontier += pages;
        self.make(page, pages, used_for);
        Some((page, true))
    }

    /// Gives a span back; its shadow is poisoned by the caller.
    pub fn give(&mut self, page: usize) {
        let (mut start, mut pages) = (page, {
            // SAFETY: the lock is held; the reference ends here.
            unsafe { span(page) }.pages as usize
        });
        if page + pages < self.frontier && self.is_free(page + pages) {
            // SAFETY: as above.
            let more = unsafe { span(page + pages) }.pages as usize;
            self.unlink(page + pages);
            pages += more;
        }
        if page > 0
            && let Some(before) = page_of(start_of(page) - 1).filter(|before| self.is_free(*before))
        {
            self.unlink(before);
            pages += page - before;
            start = before;
        }
        self.add(start, pages);
    }

    fn is_free(&self, page: usize) -> bool {
        // SAFETY: the lock is held; the reference ends with the statement.
        unsafe { span(page) }.used_for == Use::Free
    }

    fn make(&mut self, page: usize, pages: usize, used_for: Use) {
        // SAFETY: the lock is held; the reference ends with the statement.
        unsafe { *span(page) = Span::new(pages, used_for) };
        (page..page + pages).for_each(|each| space::write(PAGES, each, page as u32 + 1));
    }

    /// A free span of at least so many pages.
    fn find(&self, pages: usize) -> Option<usize> {
        let first = pages.ilog2() as usize;
        for bin in first..BINS {
            let mut link = self.bins[bin];
            for _ in 0..TRIES {
                let Some(page) = (link as usize).checked_sub(1) else { break };
                // SAFETY: the lock is held; the reference ends with the block.
                let span = unsafe { span(page) };
                if span.pages as usize >= pages {
                    return Some(page);
                }
                link = span.next;
            }
        }
        None
    }

    fn add(&mut self, page: usize, pages: usize) {
        self.make(page, pages, Use::Free);
        let bin = (pages.ilog2() as usize).min(BINS - 1);
        let head = core::mem::replace(&mut self.bins[bin], page as u32 + 1);
        // SAFETY: the lock is held; each reference ends with its statement.
        unsafe {
            span(page).next = head;
            if head != 0 {
                span(head as usize - 1).previous = page as u32 + 1;
            }
        }
    }

    fn unlink(&mut self, page: usize) {
        // SAFETY: the lock is held; each reference ends with its statement.
        unsafe {
            let Span { pages, next, previous, .. } = *span(page);
            match previous {
                0 => self.bins[(pages.ilog2() as usize).min(BINS - 1)] = next,
                before => span(before as usize - 1).next = next,
            }
            if next != 0 {
                span(next as usize - 1).previous = previous;
            }
        }
    }
}

/// Above this length, memory that is not used any more goes back to the system.
pub const GIVEN_BACK: usize = 1 << 20;

/// Above this length, the shadow of memory that is not used any more stays as it is: to
/// poison it would take as much memory as the block had.
pub const LEFT_OPEN: usize = 1 << 30;

/// Gives the contents of a range back to the system where they fill OS pages. True when
/// all of the range reads as zero afterwards.
pub fn forget(start: usize, len: usize) -> bool {
    let page = os::page_size();
    let (first, end) = (start.next_multiple_of(page), (start + len) & !(page - 1));
    if first >= end {
        return false;
    }
    let memory = core::ptr::with_exposed_provenance_mut::<u8>(first);
    // SAFETY: whole OS pages inside the range, whose contents the caller gives up.
    let forgotten = unsafe { os::discard(memory, end - first) };
    if forgotten {
        for (at, len) in [(start, first - start), (end, start + len - end)] {
            // SAFETY: the rest of the range.
            unsafe { core::ptr::with_exposed_provenance_mut::<u8>(at).write_bytes(0, len) };
        }
    }
    forgotten
}

/// Makes the shadow of a range 0.
pub fn open(start: usize, len: usize) {
    if len < GIVEN_BACK || !forget(shadow::place(start).addr(), len) {
        shadow::set(start, len, 0);
    }
}

/// Poisons a span of a program's area that is given back.
pub fn close(start: usize, len: usize) {
    if len <= LEFT_OPEN {
        shadow::set(start, len, NEVER);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::heap::HEAP;
    use super::super::testing::{Random, in_child_enabled};
    use super::*;

    #[test]
    fn spans_are_disjoint_and_grow_together() {
        in_child_enabled(|| {
            let mut heap = HEAP.lock();
            let mut random = Random(5);
            let start = heap.spans.frontier;
            let mut taken: Vec<(usize, usize)> = Vec::new();
            for _ in 0..4000 {
                if random.below(2) == 0 && !taken.is_empty() {
                    let (page, _) = taken.swap_remove(random.below(taken.len()));
                    heap.spans.give(page);
                } else {
                    let power = random.below(6);
                    let pages = 1 + random.below(1 << power);
                    let (page, fresh) = heap.spans.take(pages, Use::Big).expect("room");
                    assert!(!fresh || page + pages == heap.spans.frontier);
                    assert!(taken.iter().all(|(other, len)| page + pages <= *other || other + len <= page));
                    assert_eq!(page_of(start_of(page + pages) - 1), Some(page));
                    taken.push((page, pages));
                }
            }
            for (page, _) in taken {
                heap.spans.give(page);
            }
            // All in one piece again.
            let all = heap.spans.frontier - start;
            let free = heap.spans.find(all).expect("one span");
            // SAFETY: the lock is held.
            assert_eq!((free, unsafe { span(free) }.pages as usize), (start, all));
        });
    }
}
