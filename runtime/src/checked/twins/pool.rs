//! Twins of the pool allocator.

use super::regions::{self, Use, begin, enter, place};
use super::twins;
use crate::alloc::pool::{BLOCK_UNIT, PoolAllocator};
use crate::checked::Origin;

twins! {
    fn vex_pool_init(this: *mut PoolAllocator, block_size: i64, num_blocks: i64) {
        if let Some(this) = place(this, NAME) {
            begin(this, PoolAllocator::new(block_size, num_blocks));
        }
    }

    fn vex_pool_alloc(this: *mut PoolAllocator) -> i64 {
        let Some(this) = enter(this, NAME, Use::Change) else { return 0 };
        let block = (*this).alloc();
        if block != 0 {
            let request = regions::part(Origin::Pool, (*this).block_size, BLOCK_UNIT, false);
            regions::carved((*this).buffer, block, &request);
        }
        block
    }

    fn vex_pool_dealloc(this: *mut PoolAllocator, ptr: i64) -> i64 {
        match enter(this, NAME, Use::Change) {
            Some(this) if ptr != 0 && regions::give_back(&*this, ptr, NAME) => (*this).dealloc(ptr),
            _ => -1,
        }
    }

    fn vex_pool_num_free_blocks(this: *mut PoolAllocator) -> i64 {
        enter(this, NAME, Use::Look).map_or(0, |this| (*this).num_free_blocks())
    }

    fn vex_pool_num_allocated(this: *mut PoolAllocator) -> i64 {
        enter(this, NAME, Use::Look).map_or(0, |this| (*this).num_allocated())
    }

    fn vex_pool_drop(this: *mut PoolAllocator) -> i64 {
        regions::drop(this, NAME)
    }
}
