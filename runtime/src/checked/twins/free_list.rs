//! Twins of the free-list allocator.

use super::regions::{self, Use, begin, enter, place};
use super::twins;
use crate::alloc::free_list::FreeListAllocator;
use crate::checked::Origin;
use crate::layout::{Allocation, Layout};

twins! {
    fn vex_freelist_init(this: *mut FreeListAllocator, capacity: i64) {
        if let Some(this) = place(this, NAME) {
            begin(this, FreeListAllocator::new(capacity));
        }
    }

    fn vex_freelist_alloc(this: *mut FreeListAllocator, wanted: Layout) -> Allocation {
        let Some(this) = enter(this, NAME, Use::Change) else { return Allocation::NONE };
        let block = (*this).alloc(wanted);
        if block.ptr != 0 {
            // All of the size that is returned may be used.
            let request = regions::part(Origin::FreeList, block.size, wanted.align, false);
            regions::carved((*this).buffer, block.ptr, &request);
        }
        block
    }

    fn vex_freelist_dealloc(this: *mut FreeListAllocator, ptr: i64) -> i64 {
        match enter(this, NAME, Use::Change) {
            Some(this) if ptr != 0 && regions::give_back(&*this, ptr, NAME) => (*this).dealloc(ptr),
            _ => -1,
        }
    }

    fn vex_freelist_total_allocated(this: *mut FreeListAllocator) -> i64 {
        enter(this, NAME, Use::Look).map_or(0, |this| (*this).total_allocated())
    }

    fn vex_freelist_remaining(this: *mut FreeListAllocator) -> i64 {
        enter(this, NAME, Use::Look).map_or(0, |this| (*this).remaining())
    }

    fn vex_freelist_drop(this: *mut FreeListAllocator) -> i64 {
        regions::drop(this, NAME)
    }
}
