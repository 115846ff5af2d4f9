//! Pools: blocks of 64 bytes, allocated and freed in any order. Both contestants refuse to free what is not live.

use std::hint::black_box;

use vex_runtime::alloc::pool::PoolAllocator;

use crate::block::Random;

/// What is in a block.
type Content = [u64; 8];

/// Blocks of a pool.
const CAPACITY: usize = 10_000;

/// A pool, in which blocks are known by addresses or by numbers.
trait Pool {
    /// Allocates a block and fills it.
    fn put(&mut self, content: Content) -> usize;
    /// The first word of a block.
    fn read(&self, block: usize) -> u64;
    /// Frees a block.
    fn free(&mut self, block: usize);
}

impl Pool for PoolAllocator {
    #[inline]
    fn put(&mut self, content: Content) -> usize {
        let block = self.alloc() as usize;
        assert!(block != 0, "no workload needs more blocks than there are");
        // SAFETY: the block has 64 bytes, aligned to 8, and is ours.
        unsafe { std::ptr::with_exposed_provenance_mut::<Content>(block).write(content) };
        block
    }

    #[inline]
    fn read(&self, block: usize) -> u64 {
        // SAFETY: the workloads read live blocks only.
        unsafe { std::ptr::with_exposed_provenance::<u64>(block).read() }
    }

    #[inline]
    fn free(&mut self, block: usize) {
        assert_eq!(self.dealloc(block as i64), 0, "the block is live");
    }
}

#[cfg(feature = "peers")]
impl Pool for slab::Slab<Content> {
    #[inline]
    fn put(&mut self, content: Content) -> usize {
        self.insert(content)
    }

    #[inline]
    fn read(&self, block: usize) -> u64 {
        self[block][0]
    }

    #[inline]
    fn free(&mut self, block: usize) {
        // Slab hands the content over, which nobody here wants.
        let _ = self.remove(block);
    }
}

/// Does a workload with one contestant; `None` when there is no such thing.
pub fn run(contestant: &str, what: &str) -> Option<u64> {
    match contestant {
        "vex" => {
            let mut pool = PoolAllocator::new(size_of::<Content>() as i64, black_box(CAPACITY) as i64);
            let done = work(&mut pool, what);
            assert_eq!(pool.drop(), 0, "the buffer is there");
            done
        }
        #[cfg(feature = "peers")]
        "slab" => work(&mut slab::Slab::with_capacity(black_box(CAPACITY)), what),
        _ => None,
    }
}

fn work(pool: &mut impl Pool, what: &str) -> Option<u64> {
    match what {
        "64 B, by hundreds" => Some(hundreds(pool)),
        "64 B, at random" => Some(random(pool)),
        _ => None,
    }
}

/// A hundred blocks are taken, then all of them given back.
fn hundreds(pool: &mut impl Pool) -> u64 {
    const ROUNDS: u64 = 200_000;
    let (mut blocks, mut sum) = ([0; 100], 0);
    for round in 0..ROUNDS {
        for (place, value) in blocks.iter_mut().zip(0..) {
            *place = pool.put([value; 8]);
        }
        for block in blocks {
            sum += pool.read(black_box(block)) ^ round;
            pool.free(block);
        }
    }
    black_box(sum);
    ROUNDS * 100
}

/// Blocks are replaced at random while most of the pool is live.
fn random(pool: &mut impl Pool) -> u64 {
    const COUNT: u64 = 10_000_000;
    let mut random = Random::new(8);
    let mut blocks: Vec<usize> = (0..CAPACITY as u64 - 100).map(|value| pool.put([value; 8])).collect();
    let mut sum = 0;
    for value in 0..COUNT {
        let place = random.below(blocks.len());
        sum ^= pool.read(blocks[place]);
        pool.free(blocks[place]);
        // The one that was freed must not be what every allocation gets.
        let other = random.below(blocks.len());
        blocks[place] = pool.put([value; 8]);
        blocks.swap(place, other);
    }
    black_box(sum);
    blocks.into_iter().for_each(|block| pool.free(block));
    COUNT
}
