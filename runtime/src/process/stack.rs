//! The stack allocator as the process's manager: memory comes back when the top
//! block is freed, and with it every freed block below.
//!
//! For programs whose data nests. A block freed out of order waits until all
//! above it are freed; the top block grows in place.

use super::blocks::{self, BLOCK_ALIGN, Header};
use super::{Family, ProcessAllocator};
use crate::alloc::layouts::layout_new;
use crate::alloc::stack::StackAllocator;
use crate::heap::Figures;
use crate::sync::Lock;
use crate::{fault, size};
use core::ptr::null_mut;

/// The stack allocator's row.
pub const FAMILY: Family = Family {
    name: "stack",
    sized: true,
    create: |capacity| {
        let stack: &'static Stack = blocks::keep(Stack::new(capacity)?)?;
        Some(stack)
    },
};

/// What lies in front of a block: the link to the one below, then its header.
#[repr(C)]
struct Link {
    /// The block below; null for the lowest.
    below: *mut u8,
    /// Whether the block waits to be reclaimed.
    freed: bool,
    header: Header,
}

/// Bytes of a [`Link`].
const LINK: usize = size_of::<Link>();

/// A stack allocator behind a lock.
pub struct Stack {
    state: Lock<State>,
}

struct State {
    stack: StackAllocator,
    /// The top block, null when there is none. Never one that waits.
    top: *mut u8,
    /// Usable bytes and number of live blocks.
    used: usize,
    blocks: usize,
}

// SAFETY: the pointer is into the allocator's own buffer.
unsafe impl Send for State {}

impl Stack {
    /// An allocator in a buffer of `capacity` bytes.
    pub fn new(capacity: usize) -> Option<Stack> {
        let (buffer, capacity) = (blocks::buffer(capacity)?, i64::try_from(capacity).ok()?);
        let stack = StackAllocator { buffer, capacity, offset: 0, prev_offset: 0 };
        Some(Stack { state: Lock::new(State { stack, top: null_mut(), used: 0, blocks: 0 }) })
    }
}

impl State {
    /// The size of a live block.
    fn live_size(&self, block: *mut u8) -> usize {
        let size = blocks::size_of_block(block, self.stack.buffer, self.stack.capacity);
        // SAFETY: the header is sealed, so the link in front of it is ours.
        if unsafe { (*link(block)).freed } {
            fault!(DoubleFree at block, "double free: the block at {block:p} is free already");
        }
        size
    }

    /// Pops the top block and all freed ones below it.
    fn reclaim(&mut self) {
        // SAFETY: `top` and what it links to are blocks of the stack.
        while !self.top.is_null() && unsafe { (*link(self.top)).freed } {
            // SAFETY: as above; the block is popped, so its header is stale.
            let below = unsafe {
                blocks::retire(self.top);
                (*link(self.top)).below
            };
            if self.stack.pop() != 0 {
                fault!(Corruption, "stack allocator: the header below {:p} was overwritten", self.top);
            }
            self.top = below;
        }
    }

    /// Grows the top block in place; false when `block` is not it or there is no
    /// room.
    fn grow(&mut self, block: *mut u8, old_size: usize, new_size: usize) -> bool {
        let extra = new_size - old_size;
        if block != self.top || extra as i64 > self.stack.remaining() {
            return false;
        }
        self.stack.offset += extra as i64;
        self.used += extra;
        // SAFETY: the block is the stack's, and so is its header.
        unsafe { blocks::write_header(block, new_size) };
        true
    }
}

/// The link of a block.
fn link(block: *mut u8) -> *mut Link {
    block.wrapping_sub(LINK).cast()
}

// SAFETY: a block is popped only when it and all above it are freed; each has
// its size in front; the lock admits one thread at a time.
unsafe impl ProcessAllocator for Stack {
    fn name(&self) -> &'static str {
        FAMILY.name
    }

    fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        // The link takes whole alignments, so that the block behind is aligned.
        let align = align.max(BLOCK_ALIGN);
        let front = LINK.next_multiple_of(align);
        let Some(whole) = size::sum(size, front) else { return null_mut() };
        let mut state = self.state.lock();
        let made = blocks::pointer(state.stack.alloc(layout_new(whole as i64, align as i64)).ptr);
        if made.is_null() {
            return made;
        }
        let block = made.wrapping_add(front);
        // SAFETY: `front` bytes, at least a link, precede the block, and all are
        // inside what was just carved.
        unsafe {
            (&raw mut (*link(block)).below).write(state.top);
            (&raw mut (*link(block)).freed).write(false);
            blocks::write_header(block, size);
        }
        state.top = block;
        state.used += size;
        state.blocks += 1;
        block
    }

    unsafe fn deallocate(&self, block: *mut u8) {
        let mut state = self.state.lock();
        state.used -= state.live_size(block);
        state.blocks -= 1;
        // SAFETY: the block is live, so its link is ours.
        unsafe { (*link(block)).freed = true };
        state.reclaim();
    }

    unsafe fn reallocate(&self, block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        let old_size = unsafe { self.usable_size(block) };
        if size::is_aligned(block.addr(), align)
            && (new_size <= old_size || self.state.lock().grow(block, old_size, new_size))
        {
            return block;
        }
        // SAFETY: the caller's word.
        unsafe { self.move_block(block, old_size, new_size, align) }
    }

    unsafe fn usable_size(&self, block: *mut u8) -> usize {
        self.state.lock().live_size(block)
    }

    fn figures(&self) -> Figures {
        let state = self.state.lock();
        let total = state.stack.capacity as usize;
        Figures { used: state.used, free: total - state.used, total, blocks: state.blocks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FaultKind, testing::expect_fault};

    #[test]
    fn freeing_the_top_reclaims_what_was_freed_below() {
        let s = Stack::new(4096).expect("memory");
        let blocks: Vec<_> = (0..4).map(|i| s.allocate(100 + i, 16)).collect();
        let top = || s.state.lock().stack.offset;
        let full = top();
        // SAFETY: each block is freed once.
        unsafe {
            s.deallocate(blocks[1]);
            s.deallocate(blocks[2]);
            assert_eq!((top(), s.figures().blocks), (full, 2));
            s.deallocate(blocks[3]);
            assert!(top() < full / 2, "three blocks came back");
            assert_eq!(s.allocate(101, 16), blocks[1]);
            s.deallocate(blocks[1]);
            s.deallocate(blocks[0]);
        }
        assert_eq!((top(), s.figures().used), (0, 0));
    }

    #[test]
    fn the_top_block_grows_in_place_as_far_as_there_is_room() {
        let s = Stack::new(4096).expect("memory");
        let (low, high) = (s.allocate(100, 16), s.allocate(100, 16));
        // SAFETY: both blocks are live throughout.
        unsafe {
            assert_eq!(s.reallocate(high, 1000, 16), high);
            assert_eq!((s.usable_size(high), s.figures().used), (1000, 1100));
            assert!(s.reallocate(high, 4090, 16).is_null());
            assert!(s.reallocate(low, 4090, 16).is_null());
            let moved = s.reallocate(low, 200, 16);
            assert!(moved > high);
            assert_eq!((s.usable_size(moved), s.figures().blocks), (200, 2));
        }
    }

    #[test]
    fn misuse_is_noticed() {
        let s = Stack::new(4096).expect("memory");
        let (low, high) = (s.allocate(64, 16), s.allocate(64, 16));
        // SAFETY: `low` is live; the second free is the bug under test.
        unsafe { s.deallocate(low) };
        // SAFETY: as above.
        let (kind, _) = expect_fault(|| unsafe { s.deallocate(low) });
        assert_eq!(kind, FaultKind::DoubleFree);
        let s = Stack::new(4096).expect("memory");
        let block = s.allocate(64, 16);
        // SAFETY: an interior pointer is the bug under test.
        let (kind, _) = expect_fault(|| unsafe { s.deallocate(block.add(16)) });
        assert_eq!(kind, FaultKind::BadPointer);
        assert!(!high.is_null());
    }
}
