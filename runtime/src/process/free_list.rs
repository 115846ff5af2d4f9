//! The free-list allocator as the process's manager: first fit in a fixed
//! buffer, with every pointer checked.

use super::blocks::{self, BLOCK_ALIGN};
use super::{Family, ProcessAllocator};
use crate::alloc::free_list::{FreeListAllocator, GRANULE, HEADER};
use crate::alloc::layouts::layout_new;
use crate::alloc::owned::{self, Kind};
use crate::heap::Figures;
use crate::sync::Lock;
use crate::{fault, os, size};
use core::ptr::{NonNull, null_mut};

/// The free-list allocator's row.
pub const FAMILY: Family = Family {
    name: "freelist",
    sized: true,
    create: |capacity| {
        let list: &'static FreeList = blocks::keep(FreeList::new(capacity)?)?;
        Some(list)
    },
};

/// A free-list allocator behind a lock.
pub struct FreeList {
    state: Lock<State>,
}

struct State {
    list: FreeListAllocator,
    blocks: usize,
}

impl FreeList {
    /// An allocator in a buffer of `capacity` bytes.
    pub fn new(capacity: usize) -> Option<FreeList> {
        let tags = capacity / GRANULE;
        let bytes = os::round_to_pages(size::sum(owned::front(tags)?, capacity)?)?;
        let mapping = NonNull::new(os::limit::map_held(bytes, os::page_size().max(owned::BUFFER_ALIGN)))?;
        // SAFETY: the mapping is fresh, zero, large enough, and never given back.
        let list = unsafe {
            let buffer = owned::dress(Kind::FreeList, mapping, tags);
            FreeListAllocator::over(buffer, i64::try_from(capacity).ok()?)
        };
        Some(FreeList { state: Lock::new(State { list, blocks: 0 }) })
    }
}

/// Reports a pointer that is not a live block.
fn not_a_block(block: *mut u8) -> ! {
    fault!(BadPointer at block, "bad pointer: {block:p} is not the start of a live block")
}

// SAFETY: the free list's blocks are disjoint and live until freed, 16-aligned
// at least, with their size in their header; the lock admits one thread at a
// time.
unsafe impl ProcessAllocator for FreeList {
    fn name(&self) -> &'static str {
        FAMILY.name
    }

    fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        let (Ok(size), Ok(align)) = (i64::try_from(size), i64::try_from(align.max(BLOCK_ALIGN))) else {
            return null_mut();
        };
        let mut state = self.state.lock();
        let block = blocks::pointer(state.list.alloc(layout_new(size, align)).ptr);
        state.blocks += usize::from(!block.is_null());
        block
    }

    unsafe fn deallocate(&self, block: *mut u8) {
        let mut state = self.state.lock();
        if state.list.dealloc(block.addr() as i64) != 0 {
            not_a_block(block);
        }
        state.blocks -= 1;
    }

    unsafe fn usable_size(&self, block: *mut u8) -> usize {
        let payload = self.state.lock().list.payload(block.addr() as i64);
        payload.unwrap_or_else(|| not_a_block(block))
    }

    fn figures(&self) -> Figures {
        let state = self.state.lock();
        let total = state.list.capacity as usize;
        let used = state.list.total_allocated() as usize - state.blocks * HEADER;
        Figures { used, free: total - used, total, blocks: state.blocks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FaultKind, testing::expect_fault};

    #[test]
    fn bad_pointers_are_faults() {
        let f = FreeList::new(4096).expect("memory");
        let block = f.allocate(100, 16);
        // SAFETY: the block is live once; the other frees are the bugs under test.
        unsafe {
            assert_eq!(expect_fault(|| f.deallocate(block.add(16))).0, FaultKind::BadPointer);
            f.deallocate(block);
            assert_eq!(expect_fault(|| f.deallocate(block)).0, FaultKind::BadPointer);
            assert_eq!(expect_fault(|| _ = f.usable_size(block)).0, FaultKind::BadPointer);
        }
        assert_eq!(f.figures(), Figures { used: 0, free: 4096, total: 4096, blocks: 0 });
    }
}
