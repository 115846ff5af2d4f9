//! The pool allocator: blocks of one size, allocated and freed in constant time.
//!
//! For object pools, message queues and nodes. It cannot serve another size.
//! Free blocks form a list threaded through the blocks themselves, last in,
//! first out; one tag byte per block, outside the buffer, says which are live,
//! so a foreign, interior or repeated pointer is refused rather than believed.
//!
//! A link of zero stands for the block that follows in the buffer, so zeroed memory
//! already is the list of all blocks in order: a fresh pool touches none of them.
//! Any other link is the next block's address, or [`LAST`].
//!
//! Compiled programs allocate and free without calling this file when nothing is
//! unusual; what they know of it is public here.

use super::outcome;
use super::owned::{self, Kind, Prefix};
use crate::abi::{AbiTy, AbiType};
use crate::fault;
use crate::size;

/// The smallest block in bytes, and what block sizes are multiples of.
pub const BLOCK_UNIT: i64 = 8;

/// Tag of a block that can be allocated; what a fresh pool's tags are.
pub const FREE: u8 = 0;
/// Tag of a block a program holds.
pub const LIVE: u8 = 1;

/// Link of a free block after which the one behind it in the buffer comes, if there is one.
pub const IN_ORDER: i64 = 0;
/// Link of a free block after which none comes: negative, as no address of a block is, and nothing that programs
/// write by mistake.
pub const LAST: i64 = i64::MIN + 0x6C61_7374;

/// Whether a block's tag is that of a live one.
pub(super) fn is_live(tag: u8) -> bool {
    tag == LIVE
}

/// A pool allocator with the document's fields.
///
/// `capacity == block_size * num_blocks`; `num_free` blocks are tagged free and
/// linked from `free_list`, the others are tagged live.
#[repr(C)]
#[derive(Debug, Default)]
pub struct PoolAllocator {
    /// Address of the buffer; 0 when there is none (dropped, or `new` failed).
    pub(crate) buffer: i64,
    /// Bytes in all blocks together.
    pub(crate) capacity: i64,
    /// Bytes per block, a multiple of [`BLOCK_UNIT`].
    pub(crate) block_size: i64,
    /// Address of the first free block; 0 when all are live.
    pub(crate) free_list: i64,
    /// Number of blocks.
    pub(crate) num_blocks: i64,
    /// Number of free blocks.
    pub(crate) num_free: i64,
}

/// Exact division by a block size: one multiplication and one rotation turn an
/// offset into a block number, and into something huge when it is no multiple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisor {
    /// Inverse of the odd part, modulo 2^64.
    pub inverse: u64,
    /// Factors of two in the divisor.
    pub twos: u32,
}

impl Divisor {
    /// The divisor, which is not zero.
    pub fn of(divisor: u64) -> Divisor {
        debug_assert!(divisor > 0);
        let twos = divisor.trailing_zeros();
        let odd = divisor >> twos;
        // Newton's step doubles the correct low bits: 3 at the start, 96 after 5.
        let mut inverse = odd;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        }
        Divisor { inverse, twos }
    }

    /// `value / divisor` when it divides; otherwise a number above every quotient.
    #[inline]
    fn exact(self, value: u64) -> u64 {
        value.wrapping_mul(self.inverse).rotate_right(self.twos)
    }
}

/// The size of the blocks of a pool that was asked for blocks of `block_size`
/// bytes; `None` when there is no such pool.
pub fn rounded(block_size: i64) -> Option<i64> {
    if block_size < 0 {
        return None;
    }
    Some(block_size.max(1).checked_add(BLOCK_UNIT - 1)? & !(BLOCK_UNIT - 1))
}

impl PoolAllocator {
    /// A pool of `num_blocks` blocks of `block_size` bytes, rounded up to a
    /// multiple of 8 and to no less than 8. All fields are zero when an argument
    /// is negative or there is no memory.
    pub fn new(block_size: i64, num_blocks: i64) -> PoolAllocator {
        PoolAllocator::try_new(block_size, num_blocks).unwrap_or_default()
    }

    fn try_new(block_size: i64, num_blocks: i64) -> Option<PoolAllocator> {
        if num_blocks < 0 {
            return None;
        }
        let block_size = rounded(block_size)?;
        let capacity = block_size.checked_mul(num_blocks)?;
        let buffer = owned::obtain(Kind::Pool, capacity, num_blocks as usize, true)?;
        let divisor = Divisor::of(block_size as u64);
        // SAFETY: the buffer is fresh from `obtain`.
        unsafe { (*owned::prefix(buffer)).extra = [divisor.inverse, u64::from(divisor.twos)] };
        let free_list = if num_blocks > 0 { buffer } else { 0 };
        Some(PoolAllocator { buffer, capacity, block_size, free_list, num_blocks, num_free: num_blocks })
    }

    /// Takes a block, with whatever bytes it holds; 0 when all are live.
    ///
    /// # Faults
    ///
    /// When a free block was written to and its link lost.
    #[inline]
    pub fn alloc(&mut self) -> i64 {
        if self.buffer == 0 || self.free_list == 0 {
            return 0;
        }
        let block = self.free_list;
        match self.tag_of(block) {
            // SAFETY: the tag byte is the pool's.
            Some(tag) if unsafe { *tag } == FREE => unsafe { *tag = LIVE },
            _ => {
                fault!(Corruption, "pool allocator: a free block was written to; {block:#x} is no free block")
            }
        }
        self.free_list = self.next_of(block);
        self.num_free = self.num_free.wrapping_sub(1);
        block
    }

    /// Gives a block back; -1, with nothing changed, when `ptr` is not a live
    /// block of this pool.
    #[inline]
    pub fn dealloc(&mut self, ptr: i64) -> i64 {
        let Some(tag) = self.tag_of(ptr) else { return outcome(false) };
        // SAFETY: the tag byte is the pool's.
        unsafe {
            if *tag != LIVE {
                return outcome(false);
            }
            *tag = FREE;
        }
        self.link(ptr, self.free_list);
        self.free_list = ptr;
        self.num_free = self.num_free.wrapping_add(1);
        outcome(true)
    }

    /// Number of blocks `alloc` can still give.
    pub fn num_free_blocks(&self) -> i64 {
        self.num_free
    }

    /// Number of live blocks.
    pub fn num_allocated(&self) -> i64 {
        self.num_blocks.wrapping_sub(self.num_free)
    }

    /// Frees the buffer and zeroes every field; -1 when it was dropped before.
    pub fn drop(&mut self) -> i64 {
        if !owned::release(Kind::Pool, self.buffer) {
            return outcome(false);
        }
        *self = PoolAllocator::default();
        outcome(true)
    }

    /// The tag byte of the block at `ptr`; `None` when no block starts there.
    #[inline]
    fn tag_of(&self, ptr: i64) -> Option<*mut u8> {
        if self.buffer == 0 {
            return None;
        }
        // SAFETY: a non-zero buffer came from `obtain`; after `drop` of a copy
        // the struct is stale and its user broke the document's rule.
        let Prefix { tags, tag_count, extra: [inverse, twos], .. } = unsafe { &*owned::prefix(self.buffer) };
        let divisor = Divisor { inverse: *inverse, twos: *twos as u32 };
        let index = divisor.exact(ptr.wrapping_sub(self.buffer) as u64);
        if index >= *tag_count as u64 {
            return None;
        }
        // SAFETY: `index` is below the number of tag bytes.
        Some(unsafe { tags.as_ptr().add(index as usize) })
    }

    /// The block after `block` in the free list, 0 for none. Not yet checked:
    /// `alloc` does that before it hands the block out.
    #[inline]
    fn next_of(&self, block: i64) -> i64 {
        // SAFETY: `block` is a block of the pool, at least 8 bytes, 8-aligned.
        match unsafe { core::ptr::with_exposed_provenance::<i64>(block as usize).read() } {
            IN_ORDER => {
                let next = block.wrapping_add(self.block_size);
                if next == self.end() { 0 } else { next }
            }
            LAST => 0,
            next => next,
        }
    }

    /// Writes the link of a free block.
    #[inline]
    fn link(&self, block: i64, next: i64) {
        let link = if next == 0 { LAST } else { next };
        // SAFETY: as in `next_of`.
        unsafe { core::ptr::with_exposed_provenance_mut::<i64>(block as usize).write(link) }
    }

    /// The address after the last block.
    #[inline]
    fn end(&self) -> i64 {
        self.buffer.wrapping_add(self.capacity)
    }
}

const _: () = assert!(size::is_alignment(BLOCK_UNIT as usize));

impl AbiType for *mut PoolAllocator {
    const TY: AbiTy = AbiTy::PtrTo("PoolAllocator");
}

crate::exports! {
    group Allocator;

    /// Makes `self` a pool of `num_blocks` blocks of `block_size` bytes; all
    /// fields are zero when there is no memory.
    pub fn vex_pool_init(this: *mut PoolAllocator, block_size: i64, num_blocks: i64) {
        // SAFETY: the caller passes writable memory for the struct.
        unsafe { this.write(PoolAllocator::new(block_size, num_blocks)) }
    }

    /// Takes a block; 0 when none is free.
    pub fn vex_pool_alloc(this: *mut PoolAllocator) -> i64 {
        // SAFETY: the caller passes a pool nobody else uses meanwhile.
        unsafe { (*this).alloc() }
    }

    /// Gives a block back; 0, or -1 when it is not a live block of the pool.
    pub fn vex_pool_dealloc(this: *mut PoolAllocator, ptr: i64) -> i64 {
        // SAFETY: as for `vex_pool_alloc`.
        unsafe { (*this).dealloc(ptr) }
    }

    /// Number of free blocks.
    pub fn vex_pool_num_free_blocks(this: *mut PoolAllocator) -> i64 {
        // SAFETY: as for `vex_pool_alloc`.
        unsafe { (*this).num_free_blocks() }
    }

    /// Number of live blocks.
    pub fn vex_pool_num_allocated(this: *mut PoolAllocator) -> i64 {
        // SAFETY: as for `vex_pool_alloc`.
        unsafe { (*this).num_allocated() }
    }

    /// Frees the buffer and zeroes every field; 0, or -1 when it was dropped.
    pub fn vex_pool_drop(this: *mut PoolAllocator) -> i64 {
        // SAFETY: as for `vex_pool_alloc`.
        unsafe { (*this).drop() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FaultKind, testing::expect_fault};

    #[test]
    fn exact_division_agrees_with_division() {
        for size in (8..2000).step_by(8).chain([1 << 40, 3 << 41, (1 << 62) + 8]) {
            let divisor = Divisor::of(size);
            for index in [0, 1, 2, 63, 1000] {
                let Some(offset) = size.checked_mul(index) else { continue };
                assert_eq!(divisor.exact(offset), index);
                for off in [1, 4, 7, size / 2] {
                    assert!(divisor.exact(offset + off) > u64::MAX / size, "{size} {offset} {off}");
                }
            }
            // Below the buffer: beyond every block count whose capacity fits.
            assert!(divisor.exact(0u64.wrapping_sub(size)) >= i64::MAX as u64 / size);
        }
    }

    #[test]
    fn blocks_come_in_order_and_return_last_in_first_out() {
        let mut p = PoolAllocator::new(64, 3);
        let (a, b, c) = (p.alloc(), p.alloc(), p.alloc());
        assert_eq!((b - a, c - b, p.alloc(), p.num_free_blocks()), (64, 64, 0, 0));
        assert_eq!((p.dealloc(b), p.dealloc(a), p.num_allocated()), (0, 0, 1));
        assert_eq!((p.alloc(), p.alloc(), p.alloc()), (a, b, 0));
        for block in [c, a, b] {
            assert_eq!(p.dealloc(block), 0);
        }
        assert_eq!((p.alloc(), p.alloc(), p.alloc(), p.alloc()), (b, a, c, 0));
        assert_eq!((p.drop(), p.drop()), (0, -1));
        assert_eq!(
            (p.buffer, p.capacity, p.block_size, p.free_list, p.num_blocks, p.num_free),
            (0, 0, 0, 0, 0, 0)
        );
        assert_eq!((p.alloc(), p.dealloc(a)), (0, -1));
    }

    #[test]
    fn bad_pointers_are_refused_and_change_nothing() {
        let (mut p, mut q) = (PoolAllocator::new(24, 5), PoolAllocator::new(24, 5));
        let block = p.alloc();
        let other = q.alloc();
        let never = block + 24;
        for bad in [other, block + 8, block + 1, block - 24, block + 24 * 5, never, 0, -1, i64::MIN] {
            assert_eq!(p.dealloc(bad), -1, "{bad:#x}");
            assert_eq!(p.num_free_blocks(), 4);
        }
        assert_eq!((p.dealloc(block), p.dealloc(block)), (0, -1));
        assert_eq!(p.num_free_blocks(), 5);
        let all: Vec<i64> = (0..5).map(|_| p.alloc()).collect();
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 5);
        assert_eq!(p.alloc(), 0);
        p.drop();
        q.drop();
    }

    #[test]
    fn sizes_round_up_and_absurd_ones_are_refused() {
        for (asked, got) in [(0, 8), (1, 8), (8, 8), (9, 16), (64, 64), (65, 72)] {
            let mut p = PoolAllocator::new(asked, 4);
            assert_eq!((p.block_size, p.capacity, p.num_blocks), (got, got * 4, 4));
            assert_eq!(p.drop(), 0);
        }
        for (size, count) in [(-8, 4), (8, -1), (i64::MAX, 1), (1 << 32, 1 << 32), (8, i64::MAX)] {
            let mut none = PoolAllocator::new(size, count);
            assert_eq!(
                (none.buffer, none.num_blocks, none.alloc(), none.drop()),
                (0, 0, 0, -1),
                "{size} {count}"
            );
        }
        let mut empty = PoolAllocator::new(8, 0);
        assert_eq!((empty.alloc(), empty.num_free_blocks(), empty.drop()), (0, 0, 0));
    }

    #[test]
    fn a_write_to_a_free_block_is_noticed_before_it_spreads() {
        let mut p = PoolAllocator::new(16, 4);
        let block = p.alloc();
        p.dealloc(block);
        // SAFETY: the pool's buffer is mapped; writing a freed block is the bug under test.
        unsafe { core::ptr::with_exposed_provenance_mut::<i64>(block as usize).write(0x4141_4141) };
        assert_eq!(p.alloc(), block);
        let (kind, message) = expect_fault(|| {
            p.alloc();
        });
        assert_eq!(kind, FaultKind::Corruption);
        assert!(message.contains("free block"), "{message}");
        p.drop();
    }
}
