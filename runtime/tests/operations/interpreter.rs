//! Bytes as operations: any bytes are some, so that a fuzzer can look for bytes that
//! reach new code, and what it found can be run again as a test.
//!
//! Operations of other threads are done by a helper thread while this one waits, so
//! that the same bytes always do the same.

use super::{Block, Blocks, null_is_no_block};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use vex_runtime::heap::{self, Heap};

/// Blocks that can be live at once.
const PLACES: usize = 64;

/// Bytes that are live at most; what would be more is freed first.
const LIVE: usize = 48 << 20;

/// The bytes, read from the front; zeroes behind their end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    /// A size: every one below 4 KiB, and larger ones in steps, to 4 MiB.
    fn size(&mut self) -> usize {
        let (high, low) = (self.next(), self.next());
        let number = (high & 15) << 8 | low;
        match high >> 4 {
            0..12 => number,
            12 | 13 => number << 4,
            14 => number << 8,
            _ => number << 10,
        }
    }

    /// A power of two: mostly up to 64, at most 8 MiB.
    fn align(&mut self) -> usize {
        let byte = self.next();
        1 << if byte < 200 { byte % 7 } else { byte % 24 }
    }
}

/// What another thread is asked to do; it answers with a block or without.
enum Order {
    Free(Block, bool),
    Allocate(usize, usize, u64),
    Resize(Block, usize),
    Collect,
}

/// Another thread.
struct Helper {
    orders: Sender<Order>,
    answers: Receiver<Option<Block>>,
    thread: JoinHandle<()>,
}

impl Helper {
    fn new() -> Helper {
        let (orders, inbox) = channel();
        let (outbox, answers) = channel();
        let thread = std::thread::spawn(move || {
            for order in inbox {
                let answer = match order {
                    Order::Free(block, sized) => {
                        block.free(sized);
                        None
                    }
                    Order::Allocate(size, align, pattern) => Block::new(size, align, false, pattern),
                    Order::Resize(mut block, size) => {
                        block.resize(size, 16);
                        Some(block)
                    }
                    Order::Collect => {
                        heap::collect();
                        None
                    }
                };
                // Nobody listens any more when the test failed.
                let _ = outbox.send(answer);
            }
        });
        Helper { orders, answers, thread }
    }

    fn run(&self, order: Order) -> Option<Block> {
        self.orders.send(order).expect("the helper lives");
        self.answers.recv().expect("the helper answers")
    }

    fn end(self) {
        drop((self.orders, self.answers));
        self.thread.join().expect("the helper finishes");
    }
}

/// Runs the operations that `bytes` are. Panics when the heap does something wrong,
/// and when not everything is free afterwards. No other thread may use the heap.
pub fn run(bytes: &[u8]) {
    let before = heap::figures();
    let mut bytes = Bytes(bytes);
    let mut blocks = Blocks::new(PLACES, 1);
    let mut helpers: [Option<Helper>; 2] = [None, None];
    let mut homes: [Option<Heap>; 2] = [None, None];
    while !bytes.0.is_empty() {
        step(&mut bytes, &mut blocks, &mut helpers, &mut homes);
        if blocks.live() > LIVE {
            blocks.take_all().into_iter().for_each(|block| block.free(true));
        }
    }
    blocks.forget(1);
    drop(blocks);
    drop(homes);
    helpers.into_iter().flatten().for_each(Helper::end);
    heap::trim();
    let after = heap::figures();
    assert_eq!((after.blocks, after.used), (before.blocks, before.used), "after and before");
    assert!(after.total <= before.total.max(16 << 20) + (1 << 20), "{after:?} {before:?}");
}

fn step(
    bytes: &mut Bytes<'_>,
    blocks: &mut Blocks,
    helpers: &mut [Option<Helper>; 2],
    homes: &mut [Option<Heap>; 2],
) {
    let operation = bytes.next();
    let place = bytes.next();
    match operation % 16 {
        0..4 => blocks.allocate(place, bytes.size(), 1 << (operation >> 4 & 7), operation >= 128),
        4 => {
            let size = bytes.size();
            blocks.allocate(place, size, bytes.align(), operation >= 128);
        }
        5 if operation & 16 != 0 => blocks.resize_in_place(place, bytes.size()),
        5 | 6 => {
            let size = bytes.size();
            blocks.resize(place, size, if operation >= 200 { bytes.align() } else { 16 });
        }
        7 => blocks.put(place, None),
        8 if operation & 48 == 0 => {
            blocks.forget(1 + (operation >> 7));
            homes[operation >> 7] = None;
        }
        8 => {
            let home = &mut homes[operation >> 7];
            if home.is_none() {
                *home = Heap::new();
            }
            if let Some(heap) = home {
                let block = Block::new_in((1 + (operation >> 7), heap), bytes.size(), 16, place as u64);
                blocks.put(place, block);
            }
        }
        // Many alike, so that bins and pages fill and empty.
        9 => {
            let (size, count) = (bytes.size() & 0x1FFF, bytes.next());
            let many: Vec<_> = (0..count).filter_map(|i| Block::new(size, 8, false, i as u64)).collect();
            many.into_iter().for_each(|block| block.free(true));
        }
        10..15 => elsewhere(operation, place, bytes, blocks, &mut helpers[operation >> 7]),
        _ => look(operation, place, blocks),
    }
}

/// An operation of a helper, which is started when there is none.
fn elsewhere(
    operation: usize,
    place: usize,
    bytes: &mut Bytes<'_>,
    blocks: &mut Blocks,
    helper: &mut Option<Helper>,
) {
    if operation % 16 == 14 {
        if let Some(helper) = helper.take() {
            helper.end();
        }
        return;
    }
    let helper = helper.get_or_insert_with(Helper::new);
    match operation % 16 {
        10 | 11 => {
            if let Some(block) = blocks.take(place) {
                helper.run(Order::Free(block, operation & 16 != 0));
            }
        }
        12 => {
            for index in 0..1 + (operation >> 4 & 7) {
                let size = bytes.size();
                let block = helper.run(Order::Allocate(size, 16, (place + index) as u64));
                blocks.put(place + index, block);
            }
        }
        _ => match blocks.take(place) {
            Some(block) => blocks.put(place, helper.run(Order::Resize(block, bytes.size()))),
            None => blocks.put(place, helper.run(Order::Collect)),
        },
    }
}

/// Operations that change no block.
fn look(operation: usize, place: usize, blocks: &Blocks) {
    match operation >> 4 {
        0 | 1 => heap::collect(),
        2 => _ = heap::trim(),
        3 => null_is_no_block(),
        4 => {
            let totals = heap::totals();
            assert_eq!(totals.held, totals.live_bytes + totals.free + totals.overhead);
        }
        5 => {
            let absurd = usize::MAX >> (place % 16);
            assert!(heap::allocate(absurd, 16).is_null() && heap::allocate_zeroed(absurd, 64).is_null());
        }
        _ => (place..place + 4).for_each(|place| blocks.check(place)),
    }
}
