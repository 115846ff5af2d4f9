//! Looking at a first-class heap, and giving back what it can spare.

use super::raw::{RawHeap, big_bytes};
use crate::heap::chunk::{Kind, Page, SLICE};
use crate::heap::class::TABLE;
use crate::heap::figures::Figures;
use crate::heap::{local, walk};
use crate::{os, size};
use core::sync::atomic::Ordering;

impl RawHeap {
    /// Gives the memory of the bins' slots back; they are all empty, so nothing is
    /// read there before it is written. The lock is held.
    pub(super) fn discard_slots(&'static self) {
        let page = os::page_size();
        let slots = self.heap.slots.as_ptr_range();
        let start = (slots.start as usize).next_multiple_of(page);
        let end = size::align_down(slots.end as usize, page);
        if start < end {
            // SAFETY: whole OS pages of the heap's own memory, whose contents are not
            // needed. Where that cannot be done, they stay.
            let _ = unsafe { os::discard(start as *mut u8, end - start) };
        }
    }

    /// See [`Heap::collect`](super::Heap::collect).
    pub fn collect(&'static self) {
        let _big = self.enter();
        self.receive();
        local::collect(&self.heap);
    }

    /// See [`Heap::figures`](super::Heap::figures).
    pub fn figures(&'static self) -> Figures {
        let big = self.enter();
        self.receive();
        let (mut used, mut total, mut blocks) = (big.used, big.used, big.blocks);
        for (class, info) in TABLE.iter().enumerate() {
            let cached = self.heap.bins[class].count.load(Ordering::Relaxed) as i64;
            let live = (self.heap.base[class].load(Ordering::Relaxed) - cached) as usize;
            used += live * info.size as usize;
            blocks += live;
        }
        self.for_each_page(|page| total += page.slices.get() as usize * SLICE);
        Figures { used, free: total - used, total, blocks }
    }

    /// See [`Heap::for_each_block`](super::Heap::for_each_block).
    pub fn for_each_block(&'static self, visit: &mut dyn FnMut(usize, usize)) {
        let big = self.enter();
        self.receive();
        self.for_each_page(|page| walk::live_slots(&self.heap, page, visit));
        for list in [&big.spans, &big.larges] {
            let mut next = list.first();
            while let Some(page) = next {
                // SAFETY: pages on a list belong to live chunks.
                let chunk = unsafe { &*walk::chunk_of(page) };
                let block = match page.kind.get() {
                    Kind::Large => chunk.large.block.get(),
                    _ => page.start.get(),
                };
                visit(block.addr(), big_bytes(chunk, page));
                // SAFETY: as above.
                next = unsafe { page.next.get().as_ref() };
            }
        }
    }

    fn for_each_page(&self, mut visit: impl FnMut(&Page)) {
        for list in self.heap.avail.iter().chain(&self.heap.full) {
            let mut next = list.first();
            while let Some(page) = next {
                visit(page);
                // SAFETY: pages on a list belong to live chunks.
                next = unsafe { page.next.get().as_ref() };
            }
        }
    }
}
