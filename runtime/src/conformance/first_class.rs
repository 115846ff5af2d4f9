//! First-class heaps as subjects of the suite.

use super::{Block, Frees, Limits, Reuse, Subject, conformance};
use crate::fault::testing::expect_fault;
use crate::heap::{self, Heap};
use core::ptr::NonNull;
use std::collections::BTreeSet;

/// A heap, and how blocks of it are freed: by itself, or by what knows of no heap.
struct FirstClass {
    heap: Heap,
    plain: bool,
    /// The largest request, in bytes.
    most: usize,
}

impl FirstClass {
    fn new(plain: bool) -> FirstClass {
        FirstClass { heap: Heap::new().expect("memory"), plain, most: 3_000_000 }
    }
}

impl Subject for FirstClass {
    fn limits(&self) -> Limits {
        Limits {
            max_size: self.most,
            max_align: 64 << 10,
            frees: Frees::Any,
            reuse: Reuse::AtOnce,
            resets: true,
            refuses: true,
        }
    }

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        NonNull::new(self.heap.allocate(size, align))
    }

    fn deallocate(&mut self, block: Block) -> bool {
        // SAFETY: the suite frees live blocks.
        unsafe {
            match self.plain {
                true => heap::deallocate(block.at.as_ptr()),
                false => self.heap.deallocate(block.at.as_ptr()),
            }
        }
        true
    }

    fn reallocate(&mut self, block: Block, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the suite resizes live blocks.
        NonNull::new(unsafe {
            match self.plain {
                true => heap::reallocate(block.at.as_ptr(), size, block.align),
                false => self.heap.reallocate(block.at.as_ptr(), size, block.align),
            }
        })
    }

    fn reset(&mut self) {
        // Destroying is how a heap forgets its blocks.
        self.heap = Heap::new().expect("memory");
    }

    fn deallocate_bad(&mut self, at: usize) -> bool {
        let block = core::ptr::with_exposed_provenance_mut(at);
        if at == 0 {
            // Ignored, which changes nothing either.
            // SAFETY: null may be freed.
            unsafe { self.heap.deallocate(block) };
            return false;
        }
        // Only the heap itself can say of every address that it is no block of it:
        // elsewhere, another test may have one there.
        // SAFETY: what is refused is what is tested.
        expect_fault(|| unsafe { self.heap.deallocate(block) });
        false
    }

    fn check(&self, live: &[Block], _: usize) {
        // SAFETY: the blocks are live.
        let usable = |block: &Block| unsafe { heap::usable_size(block.at.as_ptr()) };
        let expected: BTreeSet<_> = live.iter().map(|block| (block.addr(), usable(block))).collect();
        let mut seen = BTreeSet::new();
        self.heap.for_each_block(&mut |block, bytes| assert!(seen.insert((block, bytes))));
        assert_eq!(seen, expected);
        let figures = self.heap.figures();
        assert_eq!((figures.used, figures.blocks), (live.iter().map(usable).sum(), live.len()));
        assert_eq!(figures.total, figures.used + figures.free);
    }
}

conformance!(by_itself, || FirstClass::new(false));
conformance!(by_any_thread, || FirstClass::new(true));

/// Every mapping it needs refused once.
#[cfg(unix)]
#[test]
fn a_heap_survives_every_refusal_of_the_os() {
    // So large that what other tests left does not do.
    crate::conformance::os_failures(|| FirstClass { most: 50_000_000, ..FirstClass::new(false) });
}
