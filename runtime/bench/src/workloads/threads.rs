//! Workloads of several threads.

use std::alloc::GlobalAlloc;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::block::{ALIGN, Block, Random};

/// A server: four threads replace blocks of 16 to 512 bytes at random in a thousand places each. After a while a thread
/// ends and leaves its blocks to its successor, which frees what others allocated.
pub fn server<A: GlobalAlloc + Sync + 'static>(allocator: &'static A) -> u64 {
    const THREADS: u64 = 4;
    const LIVES: u64 = 20;
    const COUNT: u64 = 50_000;
    let lines: Vec<_> = (0..THREADS)
        .map(|line| {
            thread::spawn(move || {
                let mut places: Vec<Option<Block>> = vec![None; 1000];
                for life in 0..LIVES {
                    let successor = thread::spawn(move || {
                        let mut random = Random::new(1 + line * LIVES + life);
                        for _ in 0..COUNT {
                            let place = random.below(places.len());
                            if let Some(old) = places[place].take() {
                                old.free(allocator);
                            }
                            places[place] = Some(Block::new(allocator, random.size(16, 512), ALIGN));
                        }
                        places
                    });
                    places = successor.join().expect("a life of a server");
                }
                places.into_iter().flatten().for_each(|block| block.free(allocator));
            })
        })
        .collect();
    lines.into_iter().for_each(|line| line.join().expect("a server"));
    THREADS * LIVES * COUNT
}

/// Two producers allocate blocks of 16 to 256 bytes, two consumers free them; a hundred at a time are handed over.
pub fn handover<A: GlobalAlloc + Sync + 'static>(allocator: &'static A) -> u64 {
    const PAIRS: u64 = 2;
    const BATCHES: u64 = 20_000;
    let mut threads = Vec::new();
    for pair in 0..PAIRS {
        let (sender, receiver) = sync_channel::<Vec<Block>>(64);
        let (back, empty) = sync_channel::<Vec<Block>>(128);
        threads.push(thread::spawn(move || {
            let mut random = Random::new(100 + pair);
            for _ in 0..BATCHES {
                let mut batch = empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(100));
                batch.extend((0..100).map(|_| Block::new(allocator, random.size(16, 256), ALIGN)));
                sender.send(batch).expect("a consumer");
            }
        }));
        threads.push(thread::spawn(move || {
            for mut batch in receiver {
                batch.drain(..).for_each(|block| block.free(allocator));
                // A producer that has ended wants no more of them.
                let _ = back.try_send(batch);
            }
        }));
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a producer or consumer"));
    PAIRS * BATCHES * 100
}

/// Four thousand threads after each other, each with a hundred blocks of 16 bytes to 1 KiB.
pub fn short<A: GlobalAlloc + Sync + 'static>(allocator: &'static A) -> u64 {
    for seed in 0..4000 {
        let thread = thread::spawn(move || {
            let mut random = Random::new(1000 + seed);
            let mut blocks = [None; 100];
            for place in &mut blocks {
                *place = Some(Block::new(allocator, random.size(16, 1024), ALIGN));
            }
            blocks.into_iter().flatten().for_each(|block| block.free(allocator));
        });
        thread.join().expect("a short thread");
    }
    400_000
}
