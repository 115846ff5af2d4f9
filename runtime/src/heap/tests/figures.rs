//! Figures of classes, of heaps, and of what went back.

use super::*;
use crate::heap::figures::{HeapLine, classes, heaps as for_each_heap};
use crate::heap::heaps;
use crate::heap::walk::for_each_block;
use crate::os::limit;

fn lines() -> Vec<HeapLine> {
    // The visitor must not use the heap; the test's own memory comes from elsewhere.
    let mut lines = Vec::new();
    for_each_heap(&mut |line| lines.push(*line));
    lines
}

#[test]
fn lines_of_heaps_add_up() {
    in_child(|| {
        let heap = Heap::new().expect("memory");
        let mine: Vec<_> = (0..1_000).map(|i| Live::new(1 + i % 500, 16, 1)).collect();
        let theirs = std::thread::spawn(|| (0..500).map(|_| Live::new(64, 16, 2)).collect::<Vec<_>>());
        let theirs = theirs.join().expect("the thread finishes");
        let blocks: Vec<_> = (0..100).map(|_| heap.allocate(100, 16)).collect();
        // SAFETY: the block is live.
        let raw = unsafe { heaps::heap_of(blocks[0]) }.addr();
        let all = lines();
        let me = thread::current() as *const ThreadHeap as usize;
        let line = |line: &&HeapLine| line.heap == me;
        assert_eq!(all.iter().find(line).expect("this thread's").state, thread::State::Live as i64);
        let inside = raw..raw + size_of::<heaps::RawHeap>();
        let private = all.iter().find(|line| inside.contains(&line.heap)).expect("the heap's");
        let state = thread::State::Private as i64;
        assert_eq!((private.state, private.blocks, private.bytes), (state, 100, 11_200));
        let classes = classes();
        assert_eq!(
            all.iter().map(|line| line.blocks).sum::<i64>(),
            classes.iter().map(|class| class.live as i64).sum()
        );
        assert_eq!(
            all.iter().map(|line| line.cached_bytes).sum::<usize>(),
            classes.iter().map(|class| class.cached * class.block_size).sum()
        );
        // What others freed is missed where it is freed.
        let before = all.iter().find(line).expect("this thread's").blocks;
        theirs.into_iter().for_each(Live::free);
        assert_eq!(lines().iter().find(line).expect("this thread's").blocks, before - 500);
        mine.into_iter().for_each(Live::free);
    });
}

#[test]
fn what_goes_back_is_counted() {
    in_child(|| {
        let start = limit::memory_returned();
        Live::new(64 << 20, 16, 1).free();
        trim();
        let now = limit::memory_returned();
        assert!(now - start >= 64 << 20, "{start} {now}");
        (0..400).map(|_| Live::new(100 << 10, 16, 1)).collect::<Vec<_>>().into_iter().for_each(Live::free);
        trim();
        let end = limit::memory_returned();
        assert!((40 << 20..128 << 20).contains(&(end - now)), "{now} {end}");
        trim();
        trim();
        assert!(limit::memory_returned() - end < 1 << 20, "what went back once is not counted again");
    });
}

#[test]
fn freed_blocks_that_wait_are_not_walked() {
    in_child(|| {
        for size in [100, 300 << 10, 3 << 20, 20 << 20] {
            let (kept, gone) = (Live::new(size, 16, 1), Live::new(size, 16, 2));
            let (here, there) = (kept.block.addr(), gone.block.addr());
            gone.free();
            let mut seen = [0, 0];
            for_each_block(&mut |block, _| {
                seen[0] += usize::from(block == here);
                seen[1] += usize::from(block == there);
            });
            assert_eq!(seen, [1, 0], "{size}");
            kept.free();
        }
    });
}
