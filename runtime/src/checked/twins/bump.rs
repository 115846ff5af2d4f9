//! Twins of the bump allocator.

use super::regions::{self, Use, begin, begin_lent, enter, place};
use super::twins;
use crate::alloc::bump::BumpAllocator;
use crate::checked::Origin;
use crate::layout::{Allocation, Layout};

/// Allocates, and makes the block a part of the buffer.
fn allocate(function: &str, this: *mut BumpAllocator, wanted: Layout, zeroed: bool) -> Allocation {
    let Some(this) = enter(this, function, Use::Change) else { return Allocation::NONE };
    // SAFETY: `enter` found it to be in reach, and nobody else uses it meanwhile.
    let bump = unsafe { &mut *this };
    regions::settle(bump.buffer, bump.offset);
    let block = if zeroed { bump.alloc_zeroed(wanted) } else { bump.alloc(wanted) };
    if block.ptr != 0 {
        let request = regions::part(Origin::Bump, block.size, wanted.align, zeroed);
        regions::carved(bump.buffer, block.ptr, &request);
        regions::settle(bump.buffer, bump.offset);
    }
    block
}

twins! {
    fn vex_bump_init(this: *mut BumpAllocator, capacity: i64) {
        if let Some(this) = place(this, NAME) {
            begin(this, BumpAllocator::new(capacity));
        }
    }

    fn vex_bump_from_buffer(this: *mut BumpAllocator, buffer: i64, capacity: i64) {
        let Some(this) = place(this, NAME) else { return };
        let usable = match crate::size::from_signed(capacity) {
            Some(bytes) if buffer != 0 => regions::lendable(buffer, bytes, NAME),
            _ => true,
        };
        begin_lent(this, if usable { BumpAllocator::from_buffer(buffer, capacity) } else { BumpAllocator::default() });
    }

    fn vex_bump_alloc(this: *mut BumpAllocator, layout: Layout) -> Allocation {
        allocate(NAME, this, layout, false)
    }

    fn vex_bump_alloc_zeroed(this: *mut BumpAllocator, layout: Layout) -> Allocation {
        allocate(NAME, this, layout, true)
    }

    fn vex_bump_reset(this: *mut BumpAllocator) -> i64 {
        let Some(this) = enter(this, NAME, Use::Change) else { return -1 };
        regions::clear((*this).buffer);
        (*this).reset()
    }

    fn vex_bump_remaining(this: *mut BumpAllocator) -> i64 {
        enter(this, NAME, Use::Look).map_or(0, |this| (*this).remaining())
    }

    fn vex_bump_total_allocated(this: *mut BumpAllocator) -> i64 {
        enter(this, NAME, Use::Look).map_or(0, |this| (*this).total_allocated())
    }

    fn vex_bump_drop(this: *mut BumpAllocator) -> i64 {
        regions::drop(this, NAME)
    }
}
