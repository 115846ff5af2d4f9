//! Bins of a thread that frees and frees.
//!
//! The slots freed last lie in a bin. When a program gives up all its blocks in no
//! order, each of them may be the only one of its page that is not back yet, and keep
//! 64 KiB and more from going back to the OS while the program is idle; no other thread
//! may touch them there. So a bin that has spilled often without a refill is packed:
//! most of it are slots of one page, and what lies loosely upon them is little. The
//! next refill ends that, and so does freeing in order, which needs none of it.

use super::class::TABLE;
use super::local;
use super::thread::ThreadHeap;
use core::cell::Cell;

/// So many spills in a row mean that the thread only frees, here and there.
const CALM: u32 = 16;

/// Slots that may lie loosely on a packed bin.
const LOOSE: u32 = 16;

/// Bins with less room are not packed.
const LEAST: u32 = 16;

/// After so many spills a bin is packed anew: what was taken out and put back since
/// may lie anywhere.
const ANEW: u32 = 64;

/// What a heap knows of a class of which it frees blocks.
#[repr(C)]
pub struct Drain {
    /// Spills since the last refill.
    spills: Cell<u32>,
    /// Slots at the bottom of the bin that are of one page.
    packed: Cell<u32>,
}

impl Drain {
    /// No spill yet.
    pub const fn new() -> Drain {
        Drain { spills: Cell::new(0), packed: Cell::new(0) }
    }

    /// So many slots of the bin went back to their pages, in so many runs of neighbours.
    /// Where those are few, few pages are kept by what lies in the bin.
    #[inline]
    pub fn returned(&self, slots: u32, runs: u32) {
        if runs * 4 <= slots {
            self.end();
        }
    }

    /// The bin was refilled.
    #[inline]
    pub fn end(&self) {
        self.spills.set(0);
        self.packed.set(0);
    }
}

/// Makes room in a full bin if it is one that drains; false when it is not.
pub fn spill(heap: &ThreadHeap, class: usize) -> bool {
    let drain = &heap.drains[class];
    let (spills, limit) = (drain.spills.get() + 1, TABLE[class].limit);
    drain.spills.set(spills);
    if spills < CALM || limit < LEAST {
        return false;
    }
    let packed = drain.packed.get();
    let is_packed = packed >= limit / 2;
    if is_packed && !spills.is_multiple_of(ANEW) {
        local::empty_top(heap, class, packed);
        return true;
    }
    local::empty_bin(heap, class, 0);
    if is_packed {
        // That those at the bottom were neighbours says nothing.
        drain.spills.set(spills);
    }
    if drain.spills.get() != 0 {
        drain.packed.set(local::pack(heap, class, limit - LOOSE.min(limit / 4)));
    }
    true
}
