//! Twins of the stack allocator.

use super::regions::{self, Use, begin, enter, place};
use super::twins;
use crate::alloc::stack::StackAllocator;
use crate::checked::Origin;
use crate::layout::{Allocation, Layout};

twins! {
    fn vex_stack_init(this: *mut StackAllocator, capacity: i64) {
        if let Some(this) = place(this, NAME) {
            begin(this, StackAllocator::new(capacity));
        }
    }

    fn vex_stack_alloc(this: *mut StackAllocator, wanted: Layout) -> Allocation {
        let Some(this) = enter(this, NAME, Use::Change) else { return Allocation::NONE };
        regions::settle((*this).buffer, (*this).offset);
        let block = (*this).alloc(wanted);
        if block.ptr != 0 {
            let request = regions::part(Origin::Stack, block.size, wanted.align, false);
            regions::carved((*this).buffer, block.ptr, &request);
            regions::settle((*this).buffer, (*this).offset);
        }
        block
    }

    // The pop of an empty stack is how a program learns that it is empty.
    fn vex_stack_pop(this: *mut StackAllocator) -> i64 {
        let Some(this) = enter(this, NAME, Use::Change) else { return -1 };
        let result = (*this).pop();
        if result == 0 {
            regions::settle((*this).buffer, (*this).offset);
        }
        result
    }

    fn vex_stack_reset(this: *mut StackAllocator) -> i64 {
        let Some(this) = enter(this, NAME, Use::Change) else { return -1 };
        regions::clear((*this).buffer);
        (*this).reset()
    }

    fn vex_stack_remaining(this: *mut StackAllocator) -> i64 {
        enter(this, NAME, Use::Look).map_or(0, |this| (*this).remaining())
    }

    fn vex_stack_drop(this: *mut StackAllocator) -> i64 {
        regions::drop(this, NAME)
    }
}
