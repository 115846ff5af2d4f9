//! The bump allocator as the process's manager: frees are ignored.
//!
//! For programs that run and end: nothing is faster, and nothing is ever used
//! twice. A block keeps its size in a header in front of it; the last block
//! grows in place.

use super::blocks::{self, BLOCK_ALIGN};
use super::{Family, ProcessAllocator};
use crate::alloc::bump::BumpAllocator;
use crate::alloc::layouts::layout_new;
use crate::heap::Figures;
use crate::size;
use crate::sync::Lock;
use core::ptr::null_mut;

/// The bump allocator's row.
pub const FAMILY: Family = Family {
    name: "bump",
    sized: true,
    create: |capacity| {
        let bump: &'static Bump = blocks::keep(Bump::new(capacity)?)?;
        Some(bump)
    },
};

/// A bump allocator behind a lock.
pub struct Bump {
    state: Lock<State>,
}

struct State {
    bump: BumpAllocator,
    /// Usable bytes and number of live blocks. The memory of freed ones is not
    /// available all the same.
    used: usize,
    blocks: usize,
}

impl Bump {
    /// An allocator in a buffer of `capacity` bytes.
    pub fn new(capacity: usize) -> Option<Bump> {
        // SAFETY: the buffer is fresh and only this allocator's.
        let bump =
            unsafe { BumpAllocator::from_buffer(blocks::buffer(capacity)?, i64::try_from(capacity).ok()?) };
        Some(Bump { state: Lock::new(State { bump, used: 0, blocks: 0 }) })
    }
}

impl State {
    /// Grows the last block in place; false when `block` is not it or there is
    /// no room.
    fn grow(&mut self, block: *mut u8, old_size: usize, new_size: usize) -> bool {
        let top = (self.bump.buffer + self.bump.offset) as usize;
        let extra = new_size - old_size;
        if block.addr() + old_size != top || extra as i64 > self.bump.remaining() {
            return false;
        }
        self.bump.offset += extra as i64;
        self.bump.allocated += extra as i64;
        self.used += extra;
        // SAFETY: the block is the allocator's, and so is its header.
        unsafe { blocks::write_header(block, new_size) };
        true
    }
}

// SAFETY: blocks are carved from the buffer one after the other and never used
// again, each with its size in front; the lock admits one thread at a time.
unsafe impl ProcessAllocator for Bump {
    fn name(&self) -> &'static str {
        FAMILY.name
    }

    fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        // The header takes one alignment, so that the block behind it is aligned.
        let align = align.max(BLOCK_ALIGN);
        let Some(whole) = size::sum(size, align) else { return null_mut() };
        let mut state = self.state.lock();
        let made = blocks::pointer(state.bump.alloc(layout_new(whole as i64, align as i64)).ptr);
        if made.is_null() {
            return made;
        }
        state.used += size;
        state.blocks += 1;
        // SAFETY: `align` bytes, at least a header, precede the block, and all
        // are inside what was just carved.
        unsafe {
            let block = made.add(align);
            blocks::write_header(block, size);
            block
        }
    }

    unsafe fn deallocate(&self, block: *mut u8) {
        let mut state = self.state.lock();
        // The memory stays as it is; a pointer that is no live block is noticed.
        state.used -= blocks::size_of_block(block, state.bump.buffer, state.bump.capacity);
        state.blocks -= 1;
        // SAFETY: the block is the allocator's and nobody uses it any more.
        unsafe { blocks::retire(block) };
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
        let state = self.state.lock();
        blocks::size_of_block(block, state.bump.buffer, state.bump.capacity)
    }

    fn figures(&self) -> Figures {
        let state = self.state.lock();
        let total = state.bump.capacity as usize;
        Figures { used: state.used, free: total - state.used, total, blocks: state.blocks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FaultKind, testing::expect_fault};

    #[test]
    fn the_last_block_grows_in_place_and_nothing_is_reused() {
        let b = Bump::new(1024).expect("memory");
        let first = b.allocate(10, 1);
        // SAFETY: all blocks are live; freed ones are still there.
        unsafe {
            assert_eq!(b.reallocate(first, 100, 16), first);
            assert_eq!(b.usable_size(first), 100);
            let second = b.allocate(8, 64);
            assert_eq!(second.addr() % 64, 0);
            b.deallocate(second);
            assert_ne!(b.allocate(8, 64), second);
            let moved = b.reallocate(first, 200, 16);
            assert!(moved != first && !moved.is_null());
            assert!(b.reallocate(moved, 2000, 16).is_null());
            assert_eq!(b.usable_size(moved), 200);
        }
        assert_eq!((b.figures().blocks, b.figures().used), (2, 8 + 200));
        // SAFETY: freeing twice is the bug under test.
        let (kind, _) = expect_fault(|| unsafe { b.deallocate(first) });
        assert_eq!(kind, FaultKind::BadPointer);
    }
}
