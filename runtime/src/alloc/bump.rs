//! The bump allocator: blocks one after the other, given back all at once.
//!
//! For frames, scratch space and parsers: allocation is an addition, and `reset`
//! frees everything. It cannot free one block. A buffer it made itself is freed
//! by `drop`; a buffer it was given (`from_buffer`) never is.

use super::owned::{self, Kind};
use super::{end_of, outcome, place, request};
use crate::abi::{AbiTy, AbiType};
use crate::layout::{Allocation, Layout};

/// A bump allocator with the document's fields.
///
/// `0 <= allocated <= offset <= capacity`; blocks lie below `buffer + offset`.
#[repr(C)]
#[derive(Debug, Default)]
pub struct BumpAllocator {
    /// Address of the buffer; 0 when there is none (dropped, or `new` failed).
    pub(crate) buffer: i64,
    /// The buffer's size in bytes.
    pub(crate) capacity: i64,
    /// Bytes used from the start of the buffer, padding included.
    pub(crate) offset: i64,
    /// Bytes requested since the start or the last `reset`, without padding.
    pub(crate) allocated: i64,
}

impl BumpAllocator {
    /// An allocator over a fresh buffer of `capacity` bytes. All fields are zero
    /// when the capacity is negative or there is no memory.
    pub fn new(capacity: i64) -> BumpAllocator {
        match owned::obtain(Kind::Bump, capacity, 0, false) {
            Some(buffer) => BumpAllocator { buffer, capacity, offset: 0, allocated: 0 },
            None => BumpAllocator::default(),
        }
    }

    /// An allocator over a buffer that stays the caller's. All fields are zero
    /// when the address is 0, the capacity negative, or the end would wrap.
    ///
    /// # Safety
    ///
    /// `capacity` bytes at `buffer` must be writable and used by nobody else for
    /// as long as the allocator is.
    pub unsafe fn from_buffer(buffer: i64, capacity: i64) -> BumpAllocator {
        if buffer == 0 || end_of(buffer, capacity).is_none() {
            return BumpAllocator::default();
        }
        owned::lend(buffer);
        BumpAllocator { buffer, capacity, offset: 0, allocated: 0 }
    }

    /// Allocates uninitialized memory; [`Allocation::NONE`] when the layout is
    /// bad or there is no room. A request of zero bytes takes no room.
    #[inline]
    pub fn alloc(&mut self, layout: Layout) -> Allocation {
        self.try_alloc(layout).unwrap_or(Allocation::NONE)
    }

    /// Allocates memory whose requested bytes are zero.
    pub fn alloc_zeroed(&mut self, layout: Layout) -> Allocation {
        let block = self.alloc(layout);
        if block.size > 0 {
            let bytes = core::ptr::with_exposed_provenance_mut::<u8>(block.ptr as usize);
            // SAFETY: `alloc` just carved `size` writable bytes at `ptr`.
            unsafe { bytes.write_bytes(0, block.size as usize) };
        }
        block
    }

    /// Forgets every block; -1 when the allocator has no buffer.
    #[inline]
    pub fn reset(&mut self) -> i64 {
        if self.buffer != 0 {
            self.offset = 0;
            self.allocated = 0;
        }
        outcome(self.buffer != 0)
    }

    /// Bytes between the offset and the end of the buffer.
    pub fn remaining(&self) -> i64 {
        self.capacity.wrapping_sub(self.offset)
    }

    /// Bytes requested since the start or the last `reset`, without padding.
    pub fn total_allocated(&self) -> i64 {
        self.allocated
    }

    /// Frees the buffer if it is the allocator's own and zeroes every field; -1
    /// when there is no buffer, or a copy of the struct was dropped before.
    pub fn drop(&mut self) -> i64 {
        if self.buffer == 0 {
            return outcome(false);
        }
        // Neither ours nor ours lately means `from_buffer`: the memory stays the
        // caller's.
        if !owned::release(Kind::Bump, self.buffer) && owned::was_released(self.buffer) {
            return outcome(false);
        }
        *self = BumpAllocator::default();
        outcome(true)
    }

    #[inline]
    fn try_alloc(&mut self, layout: Layout) -> Option<Allocation> {
        let (bytes, align) = request(layout)?;
        if self.buffer == 0 {
            return None;
        }
        let top = end_of(self.buffer, self.offset)?;
        if bytes == 0 {
            let start = crate::size::align_up(top, align)?;
            return Some(Allocation { ptr: start as i64, size: 0 });
        }
        let (start, end) = place(top, bytes, align, end_of(self.buffer, self.capacity)?)?;
        self.offset = (end - self.buffer as usize) as i64;
        self.allocated = self.allocated.wrapping_add(layout.size);
        Some(Allocation { ptr: start as i64, size: layout.size })
    }
}

impl AbiType for *mut BumpAllocator {
    const TY: AbiTy = AbiTy::PtrTo("BumpAllocator");
}

crate::exports! {
    group Allocator;

    /// Makes `self` a bump allocator over a fresh buffer; all fields are zero
    /// when there is no memory.
    pub fn vex_bump_init(this: *mut BumpAllocator, capacity: i64) {
        // SAFETY: the caller passes writable memory for the struct.
        unsafe { this.write(BumpAllocator::new(capacity)) }
    }

    /// Makes `self` a bump allocator over the caller's buffer, which it never
    /// frees.
    pub fn vex_bump_from_buffer(this: *mut BumpAllocator, buffer: i64, capacity: i64) {
        // SAFETY: the caller passes writable memory for the struct, and vouches
        // for the buffer as `from_buffer` asks.
        unsafe { this.write(BumpAllocator::from_buffer(buffer, capacity)) }
    }

    /// Allocates uninitialized memory; `{0, 0}` on failure.
    pub fn vex_bump_alloc(this: *mut BumpAllocator, layout: Layout) -> Allocation {
        // SAFETY: the caller passes a bump allocator nobody else uses meanwhile.
        unsafe { (*this).alloc(layout) }
    }

    /// Allocates zeroed memory; `{0, 0}` on failure.
    pub fn vex_bump_alloc_zeroed(this: *mut BumpAllocator, layout: Layout) -> Allocation {
        // SAFETY: as for `vex_bump_alloc`.
        unsafe { (*this).alloc_zeroed(layout) }
    }

    /// Forgets every block; 0, or -1 when there is no buffer.
    pub fn vex_bump_reset(this: *mut BumpAllocator) -> i64 {
        // SAFETY: as for `vex_bump_alloc`.
        unsafe { (*this).reset() }
    }

    /// Bytes left.
    pub fn vex_bump_remaining(this: *mut BumpAllocator) -> i64 {
        // SAFETY: as for `vex_bump_alloc`.
        unsafe { (*this).remaining() }
    }

    /// Bytes requested since the start or the last reset.
    pub fn vex_bump_total_allocated(this: *mut BumpAllocator) -> i64 {
        // SAFETY: as for `vex_bump_alloc`.
        unsafe { (*this).total_allocated() }
    }

    /// Frees the allocator's own buffer and zeroes every field; 0, or -1 when
    /// there is no buffer.
    pub fn vex_bump_drop(this: *mut BumpAllocator) -> i64 {
        // SAFETY: as for `vex_bump_alloc`.
        unsafe { (*this).drop() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::layouts::{layout_for_i32, layout_for_i64, layout_new};

    #[test]
    fn figures_count_requests_and_padding_apart() {
        let mut b = BumpAllocator::new(256);
        let x = b.alloc(layout_new(1, 1));
        let y = b.alloc(layout_new(8, 64));
        assert_eq!((y.ptr % 64, y.ptr - x.ptr), (0, 64));
        assert_eq!((b.total_allocated(), b.offset, b.remaining()), (9, 72, 184));
        assert_eq!(b.alloc(layout_new(185, 1)), Allocation::NONE);
        assert_eq!((b.total_allocated(), b.offset), (9, 72), "a refusal changes nothing");
        assert_eq!(b.alloc(layout_new(184, 1)).size, 184);
        assert_eq!(b.remaining(), 0);
        assert_eq!(b.reset(), 0);
        assert_eq!((b.remaining(), b.total_allocated()), (256, 0));
        assert_eq!(b.drop(), 0);
    }

    #[test]
    fn the_address_is_aligned_even_over_a_crooked_buffer() {
        let mut memory = [0u8; 200];
        let at = memory.as_mut_ptr().expose_provenance() as i64;
        for shift in 0..16 {
            // SAFETY: 100 bytes lie there, used by nobody else.
            let mut b = unsafe { BumpAllocator::from_buffer(at + shift, 100) };
            for align in [1, 2, 4, 8, 16, 32] {
                let block = b.alloc(layout_new(3, align));
                assert_eq!(block.ptr % align, 0);
                assert!(block.ptr == 0 || block.ptr + 3 <= at + shift + 100);
            }
            assert_eq!(b.drop(), 0);
            assert_eq!(b.drop(), -1);
        }
        // Still ours to write: `drop` freed nothing.
        memory.fill(7);
    }

    #[test]
    fn zero_bytes_take_no_room_even_when_full() {
        let mut b = BumpAllocator::new(8);
        b.alloc(layout_for_i64());
        let empty = b.alloc(layout_new(0, 32));
        assert!(empty.ptr != 0 && empty.ptr % 32 == 0 && empty.size == 0);
        assert_eq!((b.remaining(), b.total_allocated()), (0, 8));
        assert_eq!(b.alloc(layout_new(1, 1)), Allocation::NONE);
        b.drop();
    }

    #[test]
    fn zeroing_covers_reused_memory() {
        let mut b = BumpAllocator::new(64);
        let first = b.alloc(layout_new(64, 1));
        let bytes = core::ptr::with_exposed_provenance_mut::<u8>(first.ptr as usize);
        // SAFETY: the block has 64 bytes.
        unsafe { bytes.write_bytes(0xAA, 64) };
        b.reset();
        let again = b.alloc_zeroed(layout_new(64, 1));
        assert_eq!(again.ptr, first.ptr);
        // SAFETY: the block has 64 bytes, just zeroed.
        assert!(unsafe { core::slice::from_raw_parts(bytes, 64) }.iter().all(|&byte| byte == 0));
        b.drop();
    }

    #[test]
    fn bad_layouts_and_absurd_sizes_are_refused() {
        let mut b = BumpAllocator::new(64);
        for (size, align) in [(-1, 8), (8, 0), (8, 3), (8, -8), (i64::MAX, 1), (i64::MAX, 8), (8, 1 << 62)] {
            assert_eq!(b.alloc(layout_new(size, align)), Allocation::NONE, "{size} {align}");
        }
        assert_eq!(b.remaining(), 64);
        b.drop();
        assert_eq!(b.alloc(layout_for_i32()), Allocation::NONE, "after drop");
        assert_eq!((b.reset(), b.remaining()), (-1, 0));
        for capacity in [-1, i64::MIN, i64::MAX] {
            let mut none = BumpAllocator::new(capacity);
            assert_eq!((none.buffer, none.capacity, none.drop()), (0, 0, -1));
        }
        // SAFETY: refused before the memory is used.
        let wrapping = unsafe { BumpAllocator::from_buffer(-8, 100) };
        assert_eq!(wrapping.buffer, 0);
    }

    #[test]
    fn a_copy_may_drop_the_buffer_and_then_the_original_may_not() {
        let mut before = BumpAllocator::new(64);
        let mut copy = BumpAllocator { ..before };
        assert_eq!(copy.drop(), 0);
        assert_eq!((copy.buffer, copy.capacity, copy.offset, copy.allocated), (0, 0, 0, 0));
        assert!(!owned::release(Kind::Bump, before.buffer), "the buffer went with the copy");
        assert_eq!(before.drop(), -1);
        // The same address, lent by a caller, is another matter.
        // SAFETY: nothing is allocated from it.
        let mut lent = unsafe { BumpAllocator::from_buffer(before.buffer, 64) };
        assert_eq!((lent.drop(), lent.drop()), (0, -1));
    }
}
