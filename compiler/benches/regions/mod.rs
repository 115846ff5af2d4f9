//! The programs about regions (`bump.vx`, `pool.vx`, `stack.vx`) in Rust.
//!
//! Both sides know at compile time how big the blocks are, and neither knows how big the regions are.
//!
//! The pool and the stack refuse what those of `std/allocator` refuse: the pool knows foreign, interior and repeated
//! pointers by a tag for each block, the stack checks its figures and what lies in front of the top block.

use std::alloc::Layout;
use std::hint::black_box;

/// What [`run`] knows.
pub const PROGRAMS: &[&str] = &["bump", "pool", "stack"];

/// Runs one of the programs, or `empty`.
///
/// # Panics
///
/// When there is no program of this name.
pub fn run(name: &str) {
    match name {
        "bump" => println!("{}", bump()),
        "pool" => println!("{}", pool()),
        "stack" => println!("{}", stack()),
        "empty" => {}
        other => panic!("no program is called `{other}`"),
    }
}

fn bump() -> i64 {
    // The capacity is bumpalo's to round; 64 KiB hold a round's 48,000 bytes in both.
    let mut scratch = bumpalo::Bump::with_capacity(65536);
    let layout = Layout::from_size_align(24, 8).expect("a layout");
    let mut sum = 0;
    for round in 0..40_000_i64 {
        for i in 0..2000 {
            let block = scratch.alloc_layout(layout).cast::<i64>();
            // SAFETY: 24 bytes, aligned to 8, are ours until the reset.
            sum += unsafe {
                block.write(round + i);
                block.read()
            };
        }
        scratch.reset();
    }
    sum
}

/// Bytes of a pool's block.
const BLOCK: usize = 64;

/// A pool of blocks of one size, with a tag for each: whether a program holds it.
struct Pool {
    memory: Box<[[u64; BLOCK / 8]]>,
    live: Box<[bool]>,
    /// The first free block; the next one's address is in it. 0 for none.
    free: usize,
}

impl Pool {
    fn new(blocks: usize) -> Pool {
        let mut pool = Pool {
            memory: vec![[0; BLOCK / 8]; blocks].into_boxed_slice(),
            live: vec![true; blocks].into_boxed_slice(),
            free: 0,
        };
        let first = pool.memory.as_mut_ptr().expose_provenance();
        for at in (0..blocks).rev() {
            assert!(pool.dealloc(first + at * BLOCK));
        }
        pool
    }

    /// The number of the block that starts at an address.
    #[inline]
    fn index(&self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.memory.as_ptr().addr());
        let index = offset / BLOCK;
        (offset.is_multiple_of(BLOCK) && index < self.live.len()).then_some(index)
    }

    /// Takes a block; 0 when there is none, or the list was written to.
    #[inline]
    fn alloc(&mut self) -> usize {
        let block = self.free;
        match self.index(block) {
            Some(index) if !self.live[index] => self.live[index] = true,
            _ => return 0,
        }
        // SAFETY: the address is that of a block, which is free, so it holds the list's link.
        self.free = unsafe { std::ptr::with_exposed_provenance::<usize>(block).read() };
        block
    }

    /// Gives a block back; whether it was one that a program held.
    #[inline]
    fn dealloc(&mut self, block: usize) -> bool {
        match self.index(block) {
            Some(index) if self.live[index] => self.live[index] = false,
            _ => return false,
        }
        // SAFETY: the address is that of a block that nobody holds any more.
        unsafe { std::ptr::with_exposed_provenance_mut::<usize>(block).write(self.free) };
        self.free = block;
        true
    }
}

fn pool() -> i64 {
    let mut pool = Pool::new(black_box(1000));
    let mut blocks = [0_usize; 100];
    let mut sum = 0;
    for round in 0..400_000_i64 {
        for (i, place) in blocks.iter_mut().enumerate() {
            let block = pool.alloc();
            // SAFETY: 900 blocks are free whenever a round begins, so there was one.
            unsafe { std::ptr::with_exposed_provenance_mut::<i64>(block).write(round + i as i64) };
            *place = block;
        }
        for block in blocks {
            // SAFETY: it is one of the blocks just taken.
            sum += unsafe { std::ptr::with_exposed_provenance::<i64>(block).read() };
            pool.dealloc(block);
        }
    }
    sum
}

/// A stack of blocks, each with the previous top in front of it.
struct Stack {
    memory: Box<[u64]>,
    /// Bytes in use, and how many it were before the top block.
    offset: usize,
    previous: usize,
}

/// Bytes in front of each block.
const HEADER: usize = 8;

impl Stack {
    /// The place of a header on top of `offset` bytes, and its distance from the start.
    #[inline]
    fn header(&mut self, offset: usize) -> Option<(*mut u64, usize)> {
        let at = offset.checked_next_multiple_of(HEADER)?;
        let inside = at.checked_add(HEADER)? <= self.memory.len() * 8;
        // SAFETY: eight bytes at `at` lie inside the memory.
        inside.then(|| unsafe { (self.memory.as_mut_ptr().byte_add(at), at) })
    }

    /// Takes a block on top; null when there is no room.
    #[inline]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        let Some((header, at)) = self.header(self.offset) else { return std::ptr::null_mut() };
        let (base, rounding) = (self.memory.as_mut_ptr(), layout.align() - 1);
        let start = ((base.addr() + at + HEADER + rounding) & !rounding) - base.addr();
        let Some(end) = start.checked_add(layout.size()) else { return std::ptr::null_mut() };
        if end > self.memory.len() * 8 {
            return std::ptr::null_mut();
        }
        // SAFETY: the header lies inside the memory and above the top; so does the block behind it.
        let block = unsafe {
            header.write(self.previous as u64);
            base.cast::<u8>().add(start)
        };
        (self.previous, self.offset) = (self.offset, end);
        block
    }

    /// Gives the top block back; whether there was one and its header makes sense.
    #[inline]
    fn pop(&mut self) -> bool {
        if self.previous >= self.offset {
            return false;
        }
        let Some((header, _)) = self.header(self.previous) else { return false };
        // SAFETY: the header lies inside the memory, and the top block's was written.
        let below = unsafe { header.read() } as usize;
        if below >= self.previous && (below, self.previous) != (0, 0) {
            return false;
        }
        (self.offset, self.previous) = (self.previous, below);
        true
    }
}

fn stack() -> i64 {
    let memory = vec![0; black_box(65536 / 8)].into_boxed_slice();
    let mut stack = Stack { memory, offset: 0, previous: 0 };
    let layout = Layout::from_size_align(40, 8).expect("a layout");
    let mut sum = 0;
    for round in 0..400_000_i64 {
        for i in 0..100 {
            let block = stack.alloc(layout).cast::<i64>();
            // SAFETY: a hundred blocks of 40 bytes and their headers fit, so there was room.
            sum += unsafe {
                block.write(round + i);
                block.read()
            };
        }
        for _ in 0..100 {
            stack.pop();
        }
    }
    sum
}
