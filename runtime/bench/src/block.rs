//! Blocks as the workloads hold them.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

/// The alignment of ordinary blocks.
pub const ALIGN: usize = 16;

/// A block that a workload holds.
#[derive(Clone, Copy)]
pub struct Block {
    address: *mut u8,
    layout: Layout,
}

// SAFETY: a block belongs to whoever holds it; nothing in it belongs to a thread.
unsafe impl Send for Block {}

// What every contestant does is compiled into the workloads for all of them alike: handing a block over through memory
// costs more than allocating it.
impl Block {
    /// Allocates a block and writes to both its ends.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    #[inline(always)]
    pub fn new<A: GlobalAlloc>(allocator: &A, size: usize, align: usize) -> Block {
        let layout = Block::layout(size, align);
        // SAFETY: no workload asks for 0 bytes.
        Block::written(unsafe { allocator.alloc(layout) }, layout)
    }

    /// Allocates a zeroed block, looks at both its ends and writes there.
    ///
    /// # Panics
    ///
    /// When there is no memory, or it is not zero.
    #[inline(always)]
    pub fn zeroed<A: GlobalAlloc>(allocator: &A, size: usize) -> Block {
        let layout = Block::layout(size, ALIGN);
        // SAFETY: no workload asks for 0 bytes.
        let address = unsafe { allocator.alloc_zeroed(layout) };
        assert!(!address.is_null(), "no memory");
        // SAFETY: the block has these bytes.
        let ends = unsafe { address.read() | address.add(size - 1).read() };
        assert_eq!(ends, 0, "zeroed memory is zero");
        Block::written(address, layout)
    }

    /// A block that a workload found again.
    pub fn at(address: *mut u8, size: usize, align: usize) -> Block {
        Block { address, layout: Block::layout(size, align) }
    }

    /// A layout that the optimiser knows nothing about.
    #[inline(always)]
    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(black_box(size), align).expect("a layout")
    }

    #[inline(always)]
    fn written(address: *mut u8, layout: Layout) -> Block {
        assert!(!address.is_null(), "no memory");
        // SAFETY: the block has these bytes, and it is ours.
        unsafe {
            address.write(1);
            address.add(layout.size() - 1).write(2);
        }
        Block { address, layout }
    }

    /// Resizes a block and writes to every 4 KiB that it gained.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    pub fn grow<A: GlobalAlloc>(self, allocator: &A, size: usize) -> Block {
        // SAFETY: the block is live with this layout, and no workload asks for 0 bytes.
        let address = unsafe { allocator.realloc(self.address, self.layout, size) };
        let layout = Block::layout(size, self.layout.align());
        let block = Block::written(address, layout);
        for at in (self.layout.size()..size).step_by(4096) {
            // SAFETY: `at` is below the block's size.
            unsafe { address.add(at).write(3) };
        }
        block
    }

    /// Writes to every 4 KiB of the block.
    pub fn touch(&self) {
        for at in (0..self.layout.size()).step_by(4096) {
            // SAFETY: `at` is below the block's size, and the block is live.
            unsafe { self.address.add(at).write(4) };
        }
    }

    /// The bytes, as whatever a workload keeps there.
    pub fn address(&self) -> *mut u8 {
        self.address
    }

    /// Bytes asked for.
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    /// Frees the block; the copies of it that there are must not be used.
    #[inline(always)]
    pub fn free<A: GlobalAlloc>(self, allocator: &A) {
        // SAFETY: the workloads free every block once, with the layout it has.
        unsafe { allocator.dealloc(self.address, self.layout) }
    }
}

/// Numbers at random: xorshift.
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    #[inline]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    #[inline]
    pub fn below(&mut self, limit: usize) -> usize {
        // The high bits are the better ones; the product never exceeds 64 bits for limits below 2^32.
        (((self.next() >> 32) * limit as u64) >> 32) as usize
    }

    /// A size between the two, small ones far more often: every power of two is as likely as any other.
    #[inline]
    pub fn size(&mut self, least: usize, most: usize) -> usize {
        let doublings = (most / least).ilog2() as usize;
        let base = least << self.below(doublings);
        base + self.below(base)
    }
}
