//! The stack allocator: the last block allocated is the first to go.
//!
//! For expression evaluation and nested temporaries. Blocks are named by their
//! order alone: `pop` takes no pointer. In front of each block, at the old top
//! rounded up to 8, lies the 8-byte header the document counts; it holds the
//! `prev_offset` of before, so every `pop` finds the one below.
//!
//! ```text
//! prev_offset ─▶ [pad to 8][header][pad to align][block] ◀─ offset
//! ```

use super::owned::{self, Kind};
use super::{end_of, outcome, place, request};
use crate::abi::{AbiTy, AbiType};
use crate::layout::{Allocation, Layout};
use crate::size;

/// Bytes of the header in front of each block, and its alignment.
pub const HEADER: usize = 8;

/// A stack allocator with the document's fields.
///
/// `0 <= prev_offset <= offset <= capacity`, and `prev_offset == offset` only in
/// an empty stack, where both are 0.
#[repr(C)]
#[derive(Debug, Default)]
pub struct StackAllocator {
    /// Address of the buffer; 0 when there is none (dropped, or `new` failed).
    pub(crate) buffer: i64,
    /// The buffer's size in bytes.
    pub(crate) capacity: i64,
    /// The top: bytes in use, headers and padding included.
    pub(crate) offset: i64,
    /// The top as it was before the most recent allocation.
    pub(crate) prev_offset: i64,
}

impl StackAllocator {
    /// An allocator over a fresh buffer of `capacity` bytes. All fields are zero
    /// when the capacity is negative or there is no memory.
    pub fn new(capacity: i64) -> StackAllocator {
        match owned::obtain(Kind::Stack, capacity, 0, false) {
            Some(buffer) => StackAllocator { buffer, capacity, offset: 0, prev_offset: 0 },
            None => StackAllocator::default(),
        }
    }

    /// Allocates uninitialized memory on top; [`Allocation::NONE`] when the
    /// layout is bad or block and header do not fit.
    pub fn alloc(&mut self, layout: Layout) -> Allocation {
        self.try_alloc(layout).unwrap_or(Allocation::NONE)
    }

    fn try_alloc(&mut self, layout: Layout) -> Option<Allocation> {
        let (bytes, align) = request(layout)?;
        if self.buffer == 0 {
            return None;
        }
        let limit = end_of(self.buffer, self.capacity)?;
        let (header, body) = place(end_of(self.buffer, self.offset)?, HEADER, HEADER, limit)?;
        let (start, end) = place(body, bytes, align, limit)?;
        // SAFETY: `HEADER` bytes at `header`, 8-aligned, end at or below `limit`
        // and lie above the top, so no block is there.
        unsafe { core::ptr::with_exposed_provenance_mut::<i64>(header).write(self.prev_offset) };
        self.prev_offset = self.offset;
        self.offset = (end - self.buffer as usize) as i64;
        Some(Allocation { ptr: start as i64, size: layout.size })
    }

    /// Frees the most recent block; -1, with nothing changed, when there is none
    /// or the header below it was overwritten.
    pub fn pop(&mut self) -> i64 {
        match self.header() {
            Some(below) => {
                self.offset = self.prev_offset;
                self.prev_offset = below;
                outcome(true)
            }
            None => outcome(false),
        }
    }

    /// What the top block's header says; `None` when the stack is empty or the
    /// figures make no sense.
    fn header(&self) -> Option<i64> {
        if self.buffer == 0 || self.prev_offset < 0 || self.prev_offset >= self.offset {
            return None;
        }
        let top = end_of(self.buffer, self.offset)?.min(end_of(self.buffer, self.capacity)?);
        let (header, _) = place(end_of(self.buffer, self.prev_offset)?, HEADER, HEADER, top)?;
        // SAFETY: the header lies inside the buffer, below the top.
        let below = unsafe { core::ptr::with_exposed_provenance::<i64>(header).read() };
        let sensible = (0..self.prev_offset).contains(&below) || (below, self.prev_offset) == (0, 0);
        sensible.then_some(below)
    }

    /// Forgets every block; -1 when the allocator has no buffer.
    pub fn reset(&mut self) -> i64 {
        if self.buffer != 0 {
            self.offset = 0;
            self.prev_offset = 0;
        }
        outcome(self.buffer != 0)
    }

    /// Bytes between the top and the end of the buffer.
    pub fn remaining(&self) -> i64 {
        self.capacity.wrapping_sub(self.offset)
    }

    /// Frees the buffer and zeroes every field; -1 when it was dropped before.
    pub fn drop(&mut self) -> i64 {
        if !owned::release(Kind::Stack, self.buffer) {
            return outcome(false);
        }
        *self = StackAllocator::default();
        outcome(true)
    }
}

const _: () = assert!(size::is_alignment(HEADER));

impl AbiType for *mut StackAllocator {
    const TY: AbiTy = AbiTy::PtrTo("StackAllocator");
}

crate::exports! {
    group Allocator;

    /// Makes `self` a stack allocator over a fresh buffer; all fields are zero
    /// when there is no memory.
    pub fn vex_stack_init(this: *mut StackAllocator, capacity: i64) {
        // SAFETY: the caller passes writable memory for the struct.
        unsafe { this.write(StackAllocator::new(capacity)) }
    }

    /// Allocates on top; `{0, 0}` on failure.
    pub fn vex_stack_alloc(this: *mut StackAllocator, layout: Layout) -> Allocation {
        // SAFETY: the caller passes a stack allocator nobody else uses meanwhile.
        unsafe { (*this).alloc(layout) }
    }

    /// Frees the most recent block; 0, or -1 when there is none.
    pub fn vex_stack_pop(this: *mut StackAllocator) -> i64 {
        // SAFETY: as for `vex_stack_alloc`.
        unsafe { (*this).pop() }
    }

    /// Forgets every block; 0, or -1 when there is no buffer.
    pub fn vex_stack_reset(this: *mut StackAllocator) -> i64 {
        // SAFETY: as for `vex_stack_alloc`.
        unsafe { (*this).reset() }
    }

    /// Bytes left.
    pub fn vex_stack_remaining(this: *mut StackAllocator) -> i64 {
        // SAFETY: as for `vex_stack_alloc`.
        unsafe { (*this).remaining() }
    }

    /// Frees the buffer and zeroes every field; 0, or -1 when it was dropped.
    pub fn vex_stack_drop(this: *mut StackAllocator) -> i64 {
        // SAFETY: as for `vex_stack_alloc`.
        unsafe { (*this).drop() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::layouts::{layout_for_i32, layout_for_i64, layout_new};

    #[test]
    fn pop_undoes_every_allocation_exactly() {
        let mut s = StackAllocator::new(4096);
        let layouts = [(8, 8), (10, 32), (0, 1), (1, 1), (3, 64), (8, 8), (100, 256), (0, 16)];
        let mut tops = vec![(s.offset, s.prev_offset)];
        for (bytes, align) in layouts {
            let block = s.alloc(layout_new(bytes, align));
            assert!(block.ptr != 0 && block.ptr % align == 0 && block.size == bytes);
            tops.push((s.offset, s.prev_offset));
        }
        tops.pop();
        while let Some(before) = tops.pop() {
            assert_eq!(s.pop(), 0);
            assert_eq!((s.offset, s.prev_offset), before);
        }
        assert_eq!((s.pop(), s.remaining()), (-1, 4096));
        assert_eq!((s.drop(), s.drop()), (0, -1));
        assert_eq!((s.buffer, s.capacity, s.offset, s.prev_offset), (0, 0, 0, 0));
    }

    #[test]
    fn a_block_and_its_header_fill_the_buffer_to_the_byte() {
        let mut s = StackAllocator::new(64);
        assert_eq!(s.alloc(layout_new(57, 1)), Allocation::NONE);
        assert_eq!(s.remaining(), 64);
        assert_eq!(s.alloc(layout_new(56, 1)).size, 56);
        assert_eq!(s.remaining(), 0);
        assert_eq!(s.alloc(layout_new(0, 1)), Allocation::NONE, "no room for a header");
        assert_eq!((s.pop(), s.remaining()), (0, 64));
        s.drop();
        for capacity in 0..HEADER as i64 {
            let mut tiny = StackAllocator::new(capacity);
            assert_eq!(tiny.alloc(layout_new(0, 1)), Allocation::NONE);
            assert_eq!((tiny.pop(), tiny.remaining(), tiny.drop()), (-1, capacity, 0));
        }
    }

    #[test]
    fn an_overwritten_header_refuses_the_pop() {
        let mut s = StackAllocator::new(256);
        let a = s.alloc(layout_for_i64());
        s.alloc(layout_for_i32());
        let before = (s.offset, s.prev_offset);
        for nonsense in [-1, s.prev_offset, i64::MAX] {
            // SAFETY: writing past block `a` inside the buffer is the bug under test.
            unsafe { core::ptr::with_exposed_provenance_mut::<i64>(a.ptr as usize + 8).write(nonsense) };
            assert_eq!(s.pop(), -1);
            assert_eq!((s.offset, s.prev_offset), before);
        }
        assert_eq!((s.reset(), s.remaining()), (0, 256));
        s.drop();
    }

    #[test]
    fn bad_layouts_and_dropped_stacks_are_refused() {
        let mut s = StackAllocator::new(64);
        for (bytes, align) in [(-1, 8), (8, 0), (8, 6), (i64::MAX, 1), (i64::MAX, 8), (8, 1 << 62)] {
            assert_eq!(s.alloc(layout_new(bytes, align)), Allocation::NONE, "{bytes} {align}");
        }
        assert_eq!((s.remaining(), s.pop()), (64, -1));
        s.drop();
        assert_eq!((s.alloc(layout_for_i64()), s.pop(), s.reset()), (Allocation::NONE, -1, -1));
        let mut none = StackAllocator::new(-5);
        assert_eq!((none.capacity, none.drop()), (0, -1));
    }
}
