//! Allocators for blocks of any size within one buffer, freed in any order.

use std::collections::VecDeque;
use std::hint::black_box;

use vex_runtime::alloc::free_list::FreeListAllocator;
use vex_runtime::alloc::layouts::layout_new;

use crate::block::{ALIGN, Random};

/// Bytes of the buffer: two to three times what any workload holds.
const CAPACITY: usize = 1 << 20;

/// A block: its address and its size.
type Held = (*mut u8, usize);

/// An allocator over a buffer of [`CAPACITY`] bytes.
trait List {
    /// A block; null when there is no room.
    fn alloc(&mut self, size: usize) -> *mut u8;
    /// Frees a live block.
    fn free(&mut self, block: *mut u8, size: usize);

    /// A block that is written to.
    #[inline]
    fn put(&mut self, size: usize) -> Held {
        let block = self.alloc(size);
        assert!(!block.is_null(), "there is room");
        // SAFETY: the block has these bytes and is ours.
        unsafe { block.write_bytes(1, size) };
        (block, size)
    }
}

impl List for FreeListAllocator {
    #[inline]
    fn alloc(&mut self, size: usize) -> *mut u8 {
        let block = FreeListAllocator::alloc(self, layout_new(size as i64, ALIGN as i64));
        std::ptr::with_exposed_provenance_mut(block.ptr as usize)
    }

    #[inline]
    fn free(&mut self, block: *mut u8, _: usize) {
        assert_eq!(self.dealloc(block.expose_provenance() as i64), 0, "the block is live");
    }
}

/// Talc with its usual bins.
#[cfg(feature = "peers")]
type Talc = talc::base::Talc<talc::source::Manual, talc::DefaultBinning>;

#[cfg(feature = "peers")]
impl List for Talc {
    #[inline]
    fn alloc(&mut self, size: usize) -> *mut u8 {
        let layout = std::alloc::Layout::from_size_align(size, ALIGN).expect("a layout");
        // SAFETY: no workload asks for 0 bytes.
        unsafe { self.allocate(layout) }.map_or(std::ptr::null_mut(), |block| block.as_ptr())
    }

    #[inline]
    fn free(&mut self, block: *mut u8, size: usize) {
        let layout = std::alloc::Layout::from_size_align(size, ALIGN).expect("a layout");
        // SAFETY: the workloads free every block once, with the size it has.
        unsafe { self.deallocate(block, layout) };
    }
}

/// Does a workload with one contestant; `None` when there is no such thing.
pub fn run(contestant: &str, what: &str) -> Option<u64> {
    match contestant {
        "vex" => {
            let mut list = FreeListAllocator::new(black_box(CAPACITY) as i64);
            let done = work(&mut list, what);
            assert_eq!(list.drop(), 0, "the buffer is there");
            done
        }
        #[cfg(feature = "peers")]
        "talc" => {
            let mut buffer: Vec<u8> = Vec::with_capacity(black_box(CAPACITY));
            let mut list = Talc::new(talc::source::Manual);
            // SAFETY: the buffer has these bytes and outlives the allocator's use of it.
            unsafe { list.claim(buffer.as_mut_ptr(), CAPACITY) }.expect("room for its books");
            work(&mut list, what)
        }
        _ => None,
    }
}

fn work(list: &mut impl List, what: &str) -> Option<u64> {
    Some(match what {
        "64 B, pairs" => pairs(list),
        "16-512 B, lifo" => lifo(list),
        "16-512 B, fifo" => fifo(list),
        "16-512 B, at random" => random(list),
        _ => return None,
    })
}

/// A block, and at once it is freed again.
fn pairs(list: &mut impl List) -> u64 {
    const COUNT: u64 = 10_000_000;
    for _ in 0..COUNT {
        let (block, size) = list.put(black_box(64));
        list.free(block, size);
    }
    COUNT
}

/// A thousand sizes of 16 to 512 bytes.
fn sizes() -> Vec<usize> {
    let mut random = Random::new(9);
    (0..1000).map(|_| random.size(16, 512)).collect()
}

/// A thousand blocks; the last one goes first.
fn lifo(list: &mut impl List) -> u64 {
    const ROUNDS: u64 = 3000;
    let (sizes, mut held) = (sizes(), Vec::<Held>::with_capacity(1000));
    for _ in 0..ROUNDS {
        held.extend(sizes.iter().map(|size| list.put(*size)));
        while let Some((block, size)) = held.pop() {
            list.free(block, size);
        }
    }
    ROUNDS * 1000
}

/// A queue of a thousand blocks.
fn fifo(list: &mut impl List) -> u64 {
    const ROUNDS: u64 = 3000;
    let (sizes, mut queue) = (sizes(), VecDeque::<Held>::with_capacity(1001));
    for _ in 0..ROUNDS {
        for size in &sizes {
            queue.push_back(list.put(*size));
            if queue.len() > 1000 {
                let (block, size) = queue.pop_front().expect("a full queue");
                list.free(block, size);
            }
        }
    }
    queue.into_iter().for_each(|(block, size)| list.free(block, size));
    ROUNDS * 1000
}

/// Two thousand blocks, replaced at random.
fn random(list: &mut impl List) -> u64 {
    const COUNT: u64 = 3_000_000;
    let mut random = Random::new(10);
    let mut places: Vec<Held> = (0..2000).map(|_| list.put(random.size(16, 512))).collect();
    for _ in 0..COUNT {
        let place = random.below(places.len());
        let (block, size) = places[place];
        list.free(block, size);
        places[place] = list.put(random.size(16, 512));
    }
    places.into_iter().for_each(|(block, size)| list.free(block, size));
    COUNT
}
