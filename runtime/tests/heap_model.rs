//! The heap beside a model of it: random operations of many threads, and bytes as
//! operations.
//!
//! `VEX_LONG=1` runs ten million operations instead of some hundred thousand.

mod operations;

use operations::{Block, Blocks, interpreter};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use vex_runtime::heap;
use vex_runtime::sync::Lock;

/// The tests here look at the figures of the whole process, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

/// `usual`, or `thorough` where the environment asks for the long form.
fn pick<T>(usual: T, thorough: T) -> T {
    if std::env::var_os("VEX_LONG").is_some_and(|value| value != "0") { thorough } else { usual }
}

/// A small deterministic generator (xorshift).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 8) as usize % limit
    }

    /// Mostly small sizes, some of every kind of block.
    fn size(&mut self) -> usize {
        match self.below(1000) {
            0..700 => self.below(300),
            700..960 => self.below(6 << 10),
            960..994 => self.below(100 << 10),
            994..999 => self.below(1 << 20),
            _ => self.below(9 << 20),
        }
    }

    /// The alignments of ordinary types, rarely any up to 4 MiB.
    fn align(&mut self) -> usize {
        1 << if self.below(100) == 0 { self.below(23) } else { self.below(5) }
    }
}

/// Blocks on their way between threads; whoever comes by takes them. The runtime's own
/// lock, because a sanitizer sees into it.
struct Exchange([Lock<Vec<Block>>; 8]);

impl Exchange {
    fn leave(&self, at: usize, blocks: impl IntoIterator<Item = Block>) {
        self.0[at % 8].lock().extend(blocks);
    }

    fn fetch(&self, at: usize, count: usize) -> Vec<Block> {
        let mut blocks = self.0[at % 8].lock();
        let rest = blocks.len().saturating_sub(count);
        blocks.split_off(rest)
    }
}

/// One thread's life: random operations until the budget is spent or its time has
/// come, then its blocks are left to others, or freed, or half of each.
fn live(seed: u64, exchange: &Exchange, budget: &AtomicUsize) {
    let mut random = Random::new(seed);
    let mut blocks = Blocks::new(300, seed);
    let life = 1 << (6 + random.below(8));
    for _ in 0..life {
        if budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err() {
            return;
        }
        let place = random.below(300);
        match random.below(100) {
            0..45 => {
                let zeroed = random.below(4) == 0;
                blocks.allocate(place, random.size(), random.align(), zeroed);
            }
            45..58 => {
                let align = if random.below(8) == 0 { random.align() } else { 16 };
                blocks.resize(place, random.size(), align);
            }
            58..82 => blocks.put(place, None),
            82..88 => blocks.check(place),
            88..94 => exchange.leave(random.below(8), blocks.take(place)),
            94..99 => {
                let at = random.below(8);
                exchange.fetch(at, 4).into_iter().for_each(|block| block.free(true));
            }
            _ if random.below(50) == 0 => heap::collect(),
            _ => exchange.fetch(random.below(8), 1).into_iter().for_each(|b| blocks.put(place, Some(b))),
        }
        if blocks.live() > 48 << 20 {
            blocks.take_all().into_iter().for_each(|block| block.free(false));
        }
    }
    match random.below(3) {
        0 => exchange.leave(random.below(8), blocks.take_all()),
        1 => exchange.leave(random.below(8), (0..150).filter_map(|place| blocks.take(place))),
        _ => {}
    }
}

#[test]
fn random_operations_of_many_threads_agree_with_the_model() {
    const LANES: u64 = 6;
    let _turn = TURN.lock();
    let start = heap::figures();
    let exchange = &Exchange([const { Lock::new(Vec::new()) }; 8]);
    let budget = &AtomicUsize::new(pick(300_000, 10_000_000));
    let lives = &AtomicUsize::new(0);
    // Each lane is one thread after the other, so that heaps are given up and taken.
    // Joined one by one: a scope's own end does not wait for what runs at thread exit.
    std::thread::scope(|scope| {
        let lane = |lane: u64| {
            let mut seed = lane + 1;
            while budget.load(Ordering::Relaxed) > 0 {
                seed += LANES;
                std::thread::scope(|scope| {
                    let thread = scope.spawn(|| live(seed, exchange, budget));
                    thread.join().expect("the thread finishes");
                });
                lives.fetch_add(1, Ordering::Relaxed);
            }
        };
        let lanes: Vec<_> = (0..LANES).map(|number| scope.spawn(move || lane(number))).collect();
        lanes.into_iter().for_each(|lane| lane.join().expect("the lane finishes"));
    });
    for at in 0..8 {
        exchange.fetch(at, usize::MAX).into_iter().for_each(|block| block.free(false));
    }
    heap::trim();
    let end = heap::figures();
    assert_eq!((end.used, end.blocks), (start.used, start.blocks), "after {lives:?} threads");
    assert!(end.total <= start.total + (24 << 20), "{end:?} after {lives:?} threads");
    println!("{} threads, {end:?}", lives.load(Ordering::Relaxed));
}

/// What a fuzzer found worth keeping, and what reaches each operation.
#[test]
fn bytes_are_operations_that_agree_with_the_model() {
    let _turn = TURN.lock();
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(corpus)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "{} files", files.len());
    for file in files {
        let bytes = std::fs::read(&file).expect("a readable file");
        println!("{}", file.display());
        interpreter::run(&bytes);
    }
    for seed in 0..pick(60, 6_000) {
        let mut random = Random::new(seed);
        let bytes: Vec<u8> = (0..40 << random.below(6)).map(|_| random.next() as u8).collect();
        println!("seed {seed}");
        interpreter::run(&bytes);
    }
}
