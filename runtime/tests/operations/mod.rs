//! Operations on the heap beside a model of it: used by the test of many threads,
//! and by an interpreter of bytes that a test and the fuzz target share.
//!
//! A [`Blocks`] is what one thread holds: blocks with a pattern of their own, which
//! is checked whenever a block is touched. What the heap must do is said here once:
//! alignment, usable size, zeroes, contents kept by `reallocate`.

pub mod interpreter;

use core::ptr::null_mut;
use vex_runtime::heap::{self, Heap};

/// A live block and what was written to it.
#[derive(Debug)]
pub struct Block {
    at: *mut u8,
    size: usize,
    align: usize,
    pattern: u64,
    /// The number of the first-class heap it came from; 0 for the threads' heaps.
    home: usize,
}

// SAFETY: a block may be used by whichever thread has it.
unsafe impl Send for Block {}

/// Bytes from which on only parts of a block are written and read.
const WHOLE: usize = 2048;

impl Block {
    /// Allocates; panics where the heap does what it must not. `None`: no memory.
    pub fn new(size: usize, align: usize, zeroed: bool, pattern: u64) -> Option<Block> {
        let at = match zeroed {
            true => heap::allocate_zeroed(size, align),
            false => heap::allocate(size, align),
        };
        Block::made(at, size, align, zeroed, pattern, 0)
    }

    /// As [`new`](Block::new), from a heap of its own with this number.
    pub fn new_in(home: (usize, &Heap), size: usize, align: usize, pattern: u64) -> Option<Block> {
        let zeroed = pattern.is_multiple_of(4);
        let at = match zeroed {
            true => home.1.allocate_zeroed(size, align),
            false => home.1.allocate(size, align),
        };
        Block::made(at, size, align, zeroed, pattern, home.0)
    }

    fn made(
        at: *mut u8,
        size: usize,
        align: usize,
        zeroed: bool,
        pattern: u64,
        home: usize,
    ) -> Option<Block> {
        if at.is_null() {
            return None;
        }
        let block = Block { at, size, align, pattern, home };
        block.check_place();
        if zeroed {
            block.parts(|offset, len| {
                // SAFETY: inside the block.
                let bytes = unsafe { core::slice::from_raw_parts(at.add(offset), len) };
                assert!(bytes.iter().all(|byte| *byte == 0), "{block:?} is not zeroed near {offset}");
            });
        }
        block.write();
        Some(block)
    }

    fn check_place(&self) {
        let align = self.align.max(16);
        assert!((self.at as usize).is_multiple_of(align), "{self:?} is not aligned");
        assert!(self.usable() >= self.size, "{self:?} is too short: {}", self.usable());
    }

    /// Usable bytes, as the heap says.
    pub fn usable(&self) -> usize {
        // SAFETY: the block is live.
        unsafe { heap::usable_size(self.at) }
    }

    /// Calls `visit` with the parts of the block that are written: offset and length.
    fn parts(&self, mut visit: impl FnMut(usize, usize)) {
        if self.size <= WHOLE {
            return visit(0, self.size);
        }
        // The ends, and some bytes of each 16 KiB, around ends of OS pages.
        visit(0, 64);
        let mut offset = 4096 - 8;
        while offset + 16 <= self.size - 64 {
            visit(offset, 16);
            offset += 16 << 10;
        }
        visit(self.size - 64, 64);
    }

    /// The byte that belongs at `offset`.
    fn byte(&self, offset: usize) -> u8 {
        (self.pattern.rotate_left((offset % 61) as u32) >> 7) as u8 ^ offset as u8
    }

    fn write(&self) {
        self.parts(|offset, len| {
            for at in offset..offset + len {
                // SAFETY: inside the block, which is live and ours.
                unsafe { self.at.add(at).write(self.byte(at)) };
            }
        });
    }

    /// Panics unless the first `size` bytes are as they were written.
    pub fn check(&self, size: usize) {
        self.parts(|offset, len| {
            for at in offset..(offset + len).min(size) {
                // SAFETY: inside the block.
                let found = unsafe { self.at.add(at).read() };
                assert_eq!(found, self.byte(at), "{self:?} was changed at {at}");
            }
        });
    }

    /// Changes the size and, if that is possible, the place.
    pub fn resize(&mut self, size: usize, align: usize) {
        self.check(self.size);
        // SAFETY: the block is live, and the old address is not used after success.
        let at = unsafe { heap::reallocate(self.at, size, align) };
        if at.is_null() {
            return self.check(self.size);
        }
        self.at = at;
        self.align = align;
        assert!(self.usable() >= size);
        // The parts that were written before and still exist.
        self.check(size);
        self.size = size;
        self.check_place();
        self.write();
    }

    /// Changes the size if that is possible without moving it.
    pub fn resize_in_place(&mut self, size: usize) {
        self.check(self.size);
        // SAFETY: the block is live.
        if !unsafe { heap::resize_in_place(self.at, size) } {
            return self.check(self.size);
        }
        self.check(size);
        assert!(self.usable() >= size);
        self.size = size;
        self.write();
    }

    /// Frees it, saying its size or not.
    pub fn free(self, sized: bool) {
        self.check(self.size);
        // SAFETY: the block is live, and gone afterwards.
        unsafe {
            match sized {
                true => heap::deallocate_sized(self.at, self.size, self.align),
                false => heap::deallocate(self.at),
            }
        }
    }
}

/// The blocks of one thread, in places.
#[derive(Debug, Default)]
pub struct Blocks {
    places: Vec<Option<Block>>,
    live: usize,
    made: u64,
}

impl Blocks {
    /// Room for so many blocks.
    pub fn new(places: usize, seed: u64) -> Blocks {
        Blocks { places: (0..places).map(|_| None).collect(), live: 0, made: seed << 32 }
    }

    /// Bytes of all blocks, as they were asked for.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Puts a block into a place, and frees what was there.
    pub fn put(&mut self, place: usize, block: Option<Block>) {
        self.live += block.as_ref().map_or(0, |block| block.size);
        let place = place % self.places.len();
        if let Some(old) = core::mem::replace(&mut self.places[place], block) {
            self.live -= old.size;
            old.free(self.made.is_multiple_of(2));
        }
    }

    /// Takes the block out of a place.
    pub fn take(&mut self, place: usize) -> Option<Block> {
        let place = place % self.places.len();
        let block = self.places[place].take()?;
        self.live -= block.size;
        Some(block)
    }

    /// Allocates into a place.
    pub fn allocate(&mut self, place: usize, size: usize, align: usize, zeroed: bool) {
        self.made += 1;
        let block = Block::new(size, align, zeroed, self.made.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        self.put(place, block);
    }

    /// Resizes what is in a place.
    pub fn resize(&mut self, place: usize, size: usize, align: usize) {
        if let Some(mut block) = self.take(place) {
            block.resize(size, align);
            self.put(place, Some(block));
        }
    }

    /// Resizes what is in a place where it is.
    pub fn resize_in_place(&mut self, place: usize, size: usize) {
        if let Some(mut block) = self.take(place) {
            block.resize_in_place(size);
            self.put(place, Some(block));
        }
    }

    /// Forgets the blocks of a heap that is about to be destroyed with them.
    pub fn forget(&mut self, home: usize) {
        for place in 0..self.places.len() {
            if self.places[place].as_ref().is_some_and(|block| block.home == home) {
                let block = self.take(place).expect("just seen");
                block.check(block.size);
            }
        }
    }

    /// Checks what is in a place.
    pub fn check(&self, place: usize) {
        if let Some(block) = &self.places[place % self.places.len()] {
            block.check_place();
            block.check(block.size);
        }
    }

    /// All blocks, for somebody else.
    pub fn take_all(&mut self) -> Vec<Block> {
        self.live = 0;
        self.places.iter_mut().filter_map(Option::take).collect()
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        // After a failure nothing here can be trusted.
        if !std::thread::panicking() {
            self.take_all().into_iter().for_each(|block| block.free(false));
        }
    }
}

/// A null pointer is freed, and has no usable bytes.
pub fn null_is_no_block() {
    // SAFETY: null is allowed.
    unsafe {
        heap::deallocate(null_mut());
        heap::deallocate_sized(null_mut(), 7, 1);
        assert_eq!(heap::usable_size(null_mut()), 0);
    }
}
