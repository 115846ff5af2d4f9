//! The live blocks of the books, by address.

use core::hash::{BuildHasherDefault, Hasher};
use core::ops::Range;
use std::collections::{BTreeMap, HashMap};

/// A live block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Bytes as requested.
    pub bytes: u64,
    /// The number of its allocation.
    pub serial: u64,
    /// The number of its row.
    pub row: u32,
}

impl Block {
    /// Whether `address` lies in the block, which is at `at`. A block of no bytes
    /// has its first address.
    pub fn contains(&self, at: usize, address: usize) -> bool {
        (address.wrapping_sub(at) as u64) < self.bytes.max(1)
    }
}

/// Whose blocks: allocators in different spaces may have blocks at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The process's allocator.
    Heap,
    /// kmem.
    Kmem,
    /// Bump allocators.
    Bump,
    /// Pools.
    Pool,
    /// Free lists.
    FreeList,
    /// Stack allocators.
    Stack,
}

/// Mixes an address: blocks are aligned, and often the same distance apart.
#[derive(Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    fn write_usize(&mut self, value: usize) {
        let mixed = (self.0 ^ value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// Blocks without order.
type Scattered = HashMap<usize, Block, BuildHasherDefault<Mix>>;

/// Every live block.
pub struct Live {
    /// Blocks that are freed one by one: those of the heap and of kmem.
    scattered: [Scattered; 2],
    /// Blocks inside buffers, which can be freed by ranges of addresses.
    carved: [BTreeMap<usize, Block>; 4],
}

impl Live {
    /// No blocks.
    pub const fn new() -> Live {
        Live {
            scattered: [const { HashMap::with_hasher(BuildHasherDefault::new()) }; 2],
            carved: [const { BTreeMap::new() }; 4],
        }
    }

    /// Adds a block, and returns the one that was there.
    pub fn insert(&mut self, space: Space, at: usize, block: Block) -> Option<Block> {
        match space as usize {
            index @ 0..2 => self.scattered[index].insert(at, block),
            index => self.carved[index - 2].insert(at, block),
        }
    }

    /// Takes the block that starts at `at`.
    pub fn remove(&mut self, space: Space, at: usize) -> Option<Block> {
        match space as usize {
            index @ 0..2 => self.scattered[index].remove(&at),
            index => self.carved[index - 2].remove(&at),
        }
    }

    /// Takes the blocks that start in a range of addresses.
    pub fn remove_all(&mut self, space: Space, range: Range<usize>) -> Vec<(usize, Block)> {
        match space as usize {
            index @ 0..2 => self.scattered[index].extract_if(|at, _| range.contains(at)).collect(),
            index => {
                let map = &mut self.carved[index - 2];
                let found: Vec<_> = map.range(range).map(|(&at, &block)| (at, block)).collect();
                for (at, _) in &found {
                    map.remove(at);
                }
                found
            }
        }
    }

    /// Visits every block, in no order.
    pub fn for_each(&self, mut visit: impl FnMut(usize, &Block)) {
        self.scattered.iter().flatten().for_each(|(&at, block)| visit(at, block));
        self.carved.iter().flatten().for_each(|(&at, block)| visit(at, block));
    }

    /// The innermost block that `address` lies in: the one that starts last, and
    /// among those the smallest. When `start` is where a block of the heap starts
    /// that the address lies in, no other block of the heap is looked at.
    pub fn find(&self, address: usize, start: Option<usize>) -> Option<(usize, Block)> {
        let [heap, kmem] = &self.scattered;
        let known = start.and_then(|start| Some((start, *heap.get(&start)?)));
        let search = |map: &Scattered| {
            let found = map.iter().find(|(at, block)| block.contains(**at, address));
            found.map(|(&at, &block)| (at, block))
        };
        let of_heap = known.or_else(|| search(heap));
        let carved = self.carved.iter().filter_map(|map| {
            let (&at, &block) = map.range(..=address).next_back()?;
            Some((at, block))
        });
        of_heap
            .into_iter()
            .chain(search(kmem))
            .chain(carved)
            .filter(|(at, block)| block.contains(*at, address))
            .max_by_key(|(at, block)| (*at, core::cmp::Reverse(block.bytes)))
    }
}
