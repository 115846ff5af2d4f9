//! Workloads of one thread.

use std::alloc::GlobalAlloc;
use std::collections::VecDeque;
use std::ptr::null_mut;
use std::time::Duration;

use crate::block::{ALIGN, Block, Random};

/// A block, and at once it is freed again.
pub fn pairs<A: GlobalAlloc>(allocator: &A, size: usize) -> u64 {
    // The largest ones cost a contestant that maps and unmaps them a thousand times what others take.
    let count = if size <= 32 << 10 {
        20_000_000
    } else if size <= 1 << 20 {
        100_000
    } else {
        2000
    };
    for _ in 0..count {
        Block::new(allocator, size, ALIGN).free(allocator);
    }
    count
}

/// A thousand blocks of 16 bytes to 1 KiB; the last one goes first.
pub fn lifo<A: GlobalAlloc>(allocator: &A) -> u64 {
    let (mut random, mut held) = (Random::new(1), Vec::with_capacity(1000));
    let sizes: Vec<usize> = (0..1000).map(|_| random.size(16, 1024)).collect();
    for _ in 0..8000 {
        held.extend(sizes.iter().map(|size| Block::new(allocator, *size, ALIGN)));
        while let Some(block) = held.pop() {
            block.free(allocator);
        }
    }
    8_000_000
}

/// A queue of a thousand blocks of 16 bytes to 1 KiB.
pub fn fifo<A: GlobalAlloc>(allocator: &A) -> u64 {
    let (mut random, mut queue) = (Random::new(2), VecDeque::with_capacity(1001));
    let sizes: Vec<usize> = (0..1000).map(|_| random.size(16, 1024)).collect();
    for _ in 0..8000 {
        for size in &sizes {
            queue.push_back(Block::new(allocator, *size, ALIGN));
            if queue.len() > 1000 {
                queue.pop_front().expect("a full queue").free(allocator);
            }
        }
    }
    queue.into_iter().for_each(|block| block.free(allocator));
    8_000_000
}

/// Blocks of 16 bytes to 8 KiB in 20,000 places, replaced at random.
pub fn random<A: GlobalAlloc>(allocator: &A) -> u64 {
    const COUNT: u64 = 6_000_000;
    let mut random = Random::new(3);
    let mut places: Vec<Option<Block>> = vec![None; 20_000];
    for _ in 0..COUNT {
        let place = random.below(places.len());
        if let Some(old) = places[place].take() {
            old.free(allocator);
        }
        places[place] = Some(Block::new(allocator, random.size(16, 8192), ALIGN));
    }
    places.into_iter().flatten().for_each(|block| block.free(allocator));
    COUNT
}

/// A list of a million nodes of 32 bytes: built, walked, freed; four times.
pub fn list<A: GlobalAlloc>(allocator: &A) -> u64 {
    const NODES: u64 = 1_000_000;
    for _ in 0..4 {
        let mut first: *mut u8 = null_mut();
        for _ in 0..NODES {
            let node = Block::new(allocator, 32, ALIGN).address();
            // SAFETY: the node has 32 bytes, 16-aligned.
            unsafe { node.cast::<*mut u8>().write(first) };
            first = node;
        }
        // SAFETY: every node begins with the next one's address.
        let next = |node: *mut u8| unsafe { node.cast::<*mut u8>().read() };
        let (mut length, mut at) = (0, first);
        while !at.is_null() {
            length += 1;
            at = next(at);
        }
        assert_eq!(length, NODES);
        while !first.is_null() {
            let rest = next(first);
            Block::at(first, 32, ALIGN).free(allocator);
            first = rest;
        }
    }
    4 * NODES
}

/// A block that grows from 16 bytes to 64 MiB, by half each time; beside it, small blocks come. An operation is one
/// growth.
pub fn grow<A: GlobalAlloc>(allocator: &A) -> u64 {
    let mut growths = 0;
    for _ in 0..10 {
        let (mut size, mut others) = (16, Vec::new());
        let mut block = Block::new(allocator, size, ALIGN);
        while size < 64 << 20 {
            size += size / 2;
            block = block.grow(allocator, size);
            others.push(Block::new(allocator, 48, ALIGN));
            growths += 1;
        }
        block.free(allocator);
        others.into_iter().for_each(|block| block.free(allocator));
    }
    growths
}

/// Zeroed blocks of 16 bytes to 64 KiB, a hundred at a time; now and then one of 1 MiB.
pub fn zeroed<A: GlobalAlloc>(allocator: &A) -> u64 {
    let (mut random, mut held) = (Random::new(4), Vec::with_capacity(101));
    for _ in 0..8000 {
        held.extend((0..100).map(|_| Block::zeroed(allocator, random.size(16, 64 << 10))));
        if random.below(16) == 0 {
            held.push(Block::zeroed(allocator, 1 << 20));
        }
        held.drain(..).for_each(|block| block.free(allocator));
    }
    800_000
}

/// Blocks at multiples of 64, 256 and 4,096, a hundred at a time.
pub fn aligned<A: GlobalAlloc>(allocator: &A) -> u64 {
    let (mut random, mut held) = (Random::new(5), Vec::with_capacity(100));
    for round in 0..60_000 {
        let align = if round % 50 == 0 { 4096 } else { [64, 256][round % 2] };
        held.extend((0..100).map(|_| Block::new(allocator, random.size(32, 2048), align)));
        let straight = held.iter().all(|block: &Block| block.address().addr().is_multiple_of(align));
        assert!(straight, "blocks are aligned");
        held.drain(..).for_each(|block| block.free(allocator));
    }
    6_000_000
}

/// 32 MiB of small blocks, of which seven in eight go; then larger ones come, and so on: what is left in between
/// is all there is to fill.
pub fn sawtooth<A: GlobalAlloc>(allocator: &A) -> u64 {
    let (mut held, mut kept, mut count): (Vec<Block>, Vec<Block>, u64) = (Vec::new(), Vec::new(), 0);
    for _ in 0..4 {
        for size in [32, 112, 48, 400, 96, 1500] {
            held.extend((0..(32 << 20) / size).map(|_| Block::new(allocator, size, ALIGN)));
            count += held.len() as u64;
            for (at, block) in held.drain(..).enumerate() {
                if at % 8 == 0 { kept.push(block) } else { block.free(allocator) }
            }
            if kept.iter().map(Block::size).sum::<usize>() > 12 << 20 {
                kept.drain(..).for_each(|block| block.free(allocator));
            }
        }
    }
    kept.into_iter().for_each(|block| block.free(allocator));
    count
}

/// One block.
pub fn trivial<A: GlobalAlloc>(allocator: &A) -> u64 {
    // The contestant that refuses everything takes part here, to show what the process has anyway.
    let layout = std::alloc::Layout::new::<u64>();
    // SAFETY: the layout is not empty, and the block is freed with it.
    unsafe {
        let block = std::hint::black_box(allocator.alloc(layout));
        if !block.is_null() {
            allocator.dealloc(block, layout);
        }
    }
    1
}

/// 1 GiB in blocks of 64 bytes to 1 MiB, all of it written to and freed; then five seconds pass.
pub fn idle<A: GlobalAlloc>(allocator: &A) -> u64 {
    let (mut random, mut held, mut bytes) = (Random::new(6), Vec::new(), 0);
    while bytes < 1 << 30 {
        let block = Block::new(allocator, random.size(64, 1 << 20), ALIGN);
        block.touch();
        bytes += block.size();
        held.push(block);
    }
    let count = held.len() as u64;
    held.drain(..).for_each(|block| block.free(allocator));
    // The list of blocks is no business of the contestant's, unless it is the system's allocator.
    drop(held);
    std::thread::sleep(Duration::from_secs(5));
    count
}
