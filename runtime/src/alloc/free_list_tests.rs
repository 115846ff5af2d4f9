//! What only the free list promises: placement, coalescing, and refusals that
//! hold whatever lies in the buffer.

use super::*;
use crate::alloc::layouts::layout_new;
use crate::fault::{FaultKind, testing::expect_fault};

impl FreeListAllocator {
    /// Checks everything the header comment and the struct's invariant say.
    pub(crate) fn check(&self) {
        let (start, mut live, mut free) = (self.buffer as usize, 0, Vec::new());
        let (mut at, end) = (start, start + self.granules() * GRANULE);
        let mut was_free = false;
        while at < end && end - start >= MIN_BLOCK {
            let size = match self.tag(at) {
                Some(LIVE) => {
                    was_free = false;
                    live += self.live_size(at);
                    self.live_size(at)
                }
                Some(FREE) => {
                    assert!(!was_free, "two free blocks touch at {at:#x}");
                    was_free = true;
                    free.push(at);
                    self.free_block_anywhere(at).size
                }
                tag => panic!("granule {at:#x} starts a block but is tagged {tag:?}"),
            };
            for inside in (at + GRANULE..at + size).step_by(GRANULE) {
                let tail = was_free && inside == at + size - GRANULE;
                assert_eq!(self.tag(inside), Some(if tail { TAIL } else { INSIDE }));
            }
            at += size;
        }
        assert_eq!(live as i64, self.allocated);
        let (mut prev, mut next, mut listed) = (0, self.first(), Vec::new());
        while next != 0 {
            listed.push(next);
            (prev, next) = (next, self.free_block(next, prev).next);
        }
        listed.sort_unstable();
        assert_eq!(listed, free, "the list holds exactly the free blocks");
    }
}

fn poke(at: i64, value: i64) {
    // SAFETY: tests poke words inside live buffers of their own.
    unsafe { core::ptr::with_exposed_provenance_mut::<i64>(at as usize).write(value) }
}

#[test]
fn first_fit_takes_the_low_end_and_neighbours_coalesce() {
    let mut f = FreeListAllocator::new(8192);
    let a = f.alloc(layout_new(100, 8));
    let b = f.alloc(layout_new(500, 8));
    let c = f.alloc(layout_new(200, 256));
    assert_eq!((a.ptr - f.buffer, a.size, b.ptr - a.ptr, c.ptr % 256), (16, 112, 128, 0));
    f.check();
    assert_eq!(f.total_allocated() + f.remaining(), 8192);
    assert_eq!((f.dealloc(b.ptr), f.dealloc(a.ptr)), (0, 0));
    f.check();
    let d = f.alloc(layout_new(560, 8));
    assert_eq!(d.ptr, a.ptr);
    assert_eq!((f.dealloc(d.ptr), f.dealloc(c.ptr), f.total_allocated()), (0, 0, 0));
    f.check();
    let whole = f.alloc(layout_new(8192 - 16, 8));
    assert_eq!((whole.ptr, f.remaining(), f.free_list), (a.ptr, 0, 0));
    assert_eq!(f.alloc(layout_new(0, 1)), Allocation::NONE);
    f.check();
    assert_eq!((f.drop(), f.drop()), (0, -1));
    assert_eq!((f.buffer, f.capacity, f.free_list, f.allocated), (0, 0, 0, 0));
}

#[test]
fn every_order_of_three_frees_leaves_one_block() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut f = FreeListAllocator::new(1024);
        let blocks = [64, 1, 300].map(|bytes| f.alloc(layout_new(bytes, 8)).ptr);
        let guard = f.alloc(layout_new(8, 8)).ptr;
        for index in order {
            assert_eq!(f.dealloc(blocks[index]), 0);
            f.check();
        }
        assert_eq!(f.dealloc(guard), 0);
        f.check();
        assert_eq!((f.largest_free(), f.free_list), (1024 - HEADER, f.buffer));
        f.drop();
    }
}

#[test]
fn bad_pointers_are_refused_whatever_lies_there() {
    let (mut f, mut g) = (FreeListAllocator::new(1024), FreeListAllocator::new(1024));
    let block = f.alloc(layout_new(96, 8));
    let other = g.alloc(layout_new(96, 8));
    // A forged live header in the middle of the payload.
    let inner = block.ptr + 32;
    poke(inner - 16, 48);
    poke(inner - 8, seal(inner as usize - 16, 48) as i64);
    let free = block.ptr + block.size + 16;
    for bad in
        [other.ptr, inner, block.ptr + 1, block.ptr + 16, block.ptr - 16, free, f.buffer, 0, 8, -1, i64::MIN]
    {
        assert_eq!(f.dealloc(bad), -1, "{bad:#x}");
        f.check();
    }
    assert_eq!((f.dealloc(block.ptr), f.dealloc(block.ptr)), (0, -1));
    assert_eq!(f.payload(block.ptr), None);
    assert_eq!((f.total_allocated(), f.remaining()), (0, 1024));
    f.drop();
    g.drop();
}

#[test]
fn alignment_leaves_usable_gaps() {
    for align in [1, 2, 8, 16, 32, 64, 128, 512, 4096] {
        let mut f = FreeListAllocator::new(16384);
        let blocks: Vec<_> = (0..3).map(|_| f.alloc(layout_new(40, align))).collect();
        for block in &blocks {
            assert!(block.ptr != 0 && block.ptr % align == 0, "{align}");
        }
        f.check();
        let before = f.total_allocated();
        assert_eq!(f.alloc(layout_new(40, 1 << 40)), Allocation::NONE);
        assert_eq!(f.total_allocated(), before);
        for block in blocks {
            assert_eq!(f.dealloc(block.ptr), 0);
            f.check();
        }
        assert_eq!(f.largest_free(), 16384 - HEADER);
        f.drop();
    }
}

#[test]
fn small_and_odd_buffers_are_safe() {
    for capacity in 0..100 {
        let mut f = FreeListAllocator::new(capacity);
        assert_eq!((f.capacity, f.remaining()), (capacity, capacity));
        let block = f.alloc(layout_new(1, 1));
        assert_eq!(block.ptr != 0, capacity >= MIN_BLOCK as i64);
        assert!(block.ptr == 0 || block.ptr + block.size <= f.buffer + capacity);
        f.check();
        assert_eq!((f.dealloc(block.ptr), f.drop()), (if block.ptr == 0 { -1 } else { 0 }, 0));
    }
    let mut none = FreeListAllocator::new(-1);
    assert_eq!((none.alloc(layout_new(8, 8)), none.dealloc(8), none.drop()), (Allocation::NONE, -1, -1));
}

#[test]
fn bad_layouts_are_refused() {
    let mut f = FreeListAllocator::new(1024);
    for (bytes, align) in
        [(-1, 8), (8, 0), (8, 6), (i64::MAX, 1), (i64::MAX - 15, 8), (1009, 8), (8, 1 << 62)]
    {
        assert_eq!(f.alloc(layout_new(bytes, align)), Allocation::NONE, "{bytes} {align}");
    }
    assert_eq!(f.alloc(layout_new(1008, 8)).size, 1008);
    f.drop();
}

#[test]
fn overwritten_bookkeeping_is_noticed() {
    let mut f = FreeListAllocator::new(1024);
    let blocks: Vec<i64> = (0..6).map(|_| f.alloc(layout_new(48, 8)).ptr).collect();
    poke(blocks[1] - 16, 4096);
    let (kind, message) = expect_fault(|| {
        f.dealloc(blocks[1]);
    });
    assert_eq!(kind, FaultKind::Corruption);
    assert!(message.contains("header"), "{message}");
    poke(blocks[1] - 16, 64);
    f.check();
    f.dealloc(blocks[3]);
    f.dealloc(blocks[5]);
    for (word, value) in [(-16, 7), (-8, blocks[0]), (-8, 12345), (0, blocks[2] - 16), (-16, i64::MAX)] {
        let at = blocks[3] + word;
        // SAFETY: the word is inside the buffer.
        let before = unsafe { core::ptr::with_exposed_provenance::<i64>(at as usize).read() };
        poke(at, value);
        let (kind, _) = expect_fault(|| {
            f.alloc(layout_new(500, 8));
        });
        assert_eq!(kind, FaultKind::Corruption);
        poke(at, before);
        f.check();
    }
    f.drop();
}

#[test]
fn a_forged_link_cannot_make_the_list_run_in_circles() {
    let mut f = FreeListAllocator::new(1024);
    let blocks: Vec<i64> = (0..16).map(|_| f.alloc(layout_new(48, 8)).ptr).collect();
    for index in [1, 3, 5] {
        f.dealloc(blocks[index]);
    }
    // 5 -> 3 -> 1, and from 1 back to 5, a free block like any other.
    poke(blocks[1] - 8, blocks[5] - 16);
    let (kind, _) = expect_fault(|| {
        f.alloc(layout_new(500, 8));
    });
    assert_eq!(kind, FaultKind::Corruption);
    f.drop();
}
