//! That memory stays bounded: with much live, never more than twice of it is held,
//! whatever a program does for however long. Live is what was live at most since the
//! last look, a moment ago.
//!
//! What is held is what the heap asked of the OS and did not give back, so the bound
//! is one of the heap's policy and the same on every machine. Enough is live that
//! what threads and caches may keep is small beside it.

use super::*;
use crate::process::memory_held;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;

/// Bytes that are live while the bound is looked at.
const LIVE: usize = 144 << 20;

/// Percent of what is live that may be held. Random order costs a hardened heap some.
const HELD: usize = if cfg!(feature = "hardened") { 250 } else { 200 };

/// Live bytes, by what was asked for.
static NOW: AtomicUsize = AtomicUsize::new(0);

/// The most there were since somebody looked.
static MOST: AtomicUsize = AtomicUsize::new(0);

/// A block that is hardly touched, and knows its size.
struct Thin(*mut u8, usize);

// SAFETY: a block may be used by whichever thread has it.
unsafe impl Send for Thin {}

impl Thin {
    fn new(size: usize) -> Thin {
        let block = allocate(size, 16);
        assert!(!block.is_null());
        // SAFETY: every block is two words long at least.
        unsafe { block.cast::<usize>().write(size) };
        MOST.fetch_max(NOW.fetch_add(size, Relaxed) + size, Relaxed);
        Thin(block, size)
    }

    fn resize(&mut self, size: usize) {
        // SAFETY: live, and the old address is not used after success.
        let block = unsafe { reallocate(self.0, size, 16) };
        assert!(!block.is_null());
        // SAFETY: live.
        assert_eq!(unsafe { block.cast::<usize>().replace(size) }, self.1);
        let now = NOW.fetch_add(size.wrapping_sub(self.1), Relaxed);
        MOST.fetch_max(now.wrapping_add(size).wrapping_sub(self.1), Relaxed);
        *self = Thin(block, size);
    }

    fn free(self) {
        // SAFETY: live, freed once.
        unsafe {
            assert_eq!(self.0.cast::<usize>().read(), self.1, "{} bytes were overwritten", self.1);
            deallocate(self.0);
        }
        NOW.fetch_sub(self.1, Relaxed);
    }
}

/// What was held before.
struct Meter {
    base: usize,
    most: usize,
}

impl Meter {
    fn new() -> Meter {
        NOW.store(0, Relaxed);
        Meter { base: memory_held() as usize, most: 0 }
    }

    /// Fails when more than twice of what was live since the last look is held.
    fn look(&mut self) {
        let live = MOST.swap(NOW.load(Relaxed), Relaxed);
        let held = (memory_held() as usize).saturating_sub(self.base);
        assert!(live >= LIVE / 2, "{live} bytes are too few to judge by");
        assert!(held <= live * HELD / 100, "{held} bytes are held for {live}");
        self.most = self.most.max(held * 100 / live);
    }

    fn report(self, what: &str) {
        println!("{what}: at most {}% of what is live is held", self.most);
        assert!(self.most > 0, "nobody looked");
    }
}

/// How often as much is allocated as is live.
fn turns() -> usize {
    crate::long::pick(6, 100)
}

/// A size of the range whose logarithm is equally likely.
fn any_size(random: &mut Random, least: usize, most: usize) -> usize {
    let octaves = (most / least).ilog2() as usize + 1;
    let low = least << random.below(octaves);
    (low + random.below(low)).min(most)
}

/// Blocks of random sizes die at random, and new ones come.
fn churn(name: &str, least: usize, most: usize) {
    in_child(|| {
        let (mut random, mut meter) = (Random(0x5EED_0300), Meter::new());
        let (mut blocks, mut allocated, mut next) = (Vec::new(), 0, LIVE);
        while allocated < LIVE * turns() {
            let size = any_size(&mut random, least, most);
            allocated += size;
            blocks.push(Thin::new(size));
            while NOW.load(Relaxed) > LIVE {
                blocks.swap_remove(random.below(blocks.len())).free();
            }
            if allocated > next {
                meter.look();
                next += LIVE / 16;
            }
        }
        meter.report(name);
    });
}

#[test]
fn churn_of_small_blocks_is_bounded() {
    churn("small", 500, 16_000);
}

#[test]
fn churn_of_large_blocks_is_bounded() {
    churn("large", 60_000, 6 << 20);
}

#[test]
fn churn_of_all_sizes_is_bounded() {
    churn("all", 64, 4 << 20);
}

#[test]
fn a_shift_of_sizes_is_bounded() {
    in_child(|| {
        let mut meter = Meter::new();
        let mut old: Vec<Thin> = Vec::new();
        // One size gives way to the next, oldest block first.
        for turn in 0..turns() {
            for size in [300, 2_000, 11_000, 70_000, 900_000, 3 << 20] {
                let mut gone = std::mem::take(&mut old).into_iter();
                while NOW.load(Relaxed) < LIVE || gone.len() > 0 {
                    old.push(Thin::new(size + turn));
                    while NOW.load(Relaxed) > LIVE {
                        let Some(block) = gone.next() else { break };
                        block.free();
                    }
                    if old.len().is_multiple_of(16) && NOW.load(Relaxed) > LIVE / 2 {
                        meter.look();
                    }
                }
            }
        }
        meter.report("shift");
    });
}

#[test]
fn growing_by_reallocation_is_bounded() {
    in_child(|| {
        let (mut random, mut meter) = (Random(0x5EED_0301), Meter::new());
        let (mut arrays, mut grown): (Vec<Thin>, usize) = (Vec::new(), 0);
        while grown < LIVE * turns() {
            let index = random.below(arrays.len() + 1);
            match arrays.get_mut(index) {
                // As arrays grow that double, or grow by half.
                Some(array) if array.1 < 12 << 20 => {
                    let more = if random.below(2) == 0 { array.1 } else { array.1 / 2 };
                    array.resize(array.1 + more);
                    grown += more;
                }
                Some(_) => arrays.swap_remove(index).free(),
                None => arrays.push(Thin::new(100 + random.below(1000))),
            }
            while NOW.load(Relaxed) > LIVE {
                let mut array = arrays.swap_remove(random.below(arrays.len()));
                array.resize(array.1 / 3 + 16);
                array.free();
            }
            if NOW.load(Relaxed) > LIVE / 2 {
                meter.look();
            }
        }
        meter.report("growth");
    });
}

#[test]
fn what_one_thread_makes_and_another_frees_is_bounded() {
    in_child(|| {
        let mut meter = Meter::new();
        let (send, receive) = mpsc::channel::<Thin>();
        let consumer = std::thread::spawn(move || {
            for block in receive {
                // Full stays full: only what is too much is taken.
                while NOW.load(Relaxed) < LIVE {
                    if NOW.load(Relaxed) & 1 == 1 {
                        return;
                    }
                    crate::os::yield_now();
                }
                block.free();
            }
        });
        let (mut random, mut allocated, mut next) = (Random(0x5EED_0302), 0, LIVE);
        while allocated < LIVE * turns() {
            if NOW.load(Relaxed) > LIVE + (LIVE / 8) {
                crate::os::yield_now();
                continue;
            }
            // Even, so that an odd number can say that it is over.
            let size = (any_size(&mut random, 200, 40_000) + 1) & !1;
            allocated += size;
            send.send(Thin::new(size)).expect("the consumer lives");
            if allocated > next {
                meter.look();
                next += LIVE / 16;
            }
        }
        NOW.fetch_or(1, Relaxed);
        drop(send);
        consumer.join().expect("the consumer finishes");
        meter.report("producer and consumer");
    });
}

/// One thread after the other, each of which allocates and leaves half; old blocks are
/// freed at random, by those threads or by the one that waits for them.
fn generations(name: &str, freed_by_them: bool) {
    in_child(|| {
        let (mut random, mut meter) = (Random(0x5EED_0303), Meter::new());
        let mut blocks: Vec<Thin> = Vec::new();
        for generation in 0..turns() * 12 {
            let mut old = std::mem::take(&mut blocks);
            let fresh = std::thread::spawn(move || {
                let mut random = Random(generation as u64 + 1);
                let (mut sum, mut made) = (0, Vec::new());
                while sum < LIVE / 4 {
                    let size = any_size(&mut random, 200, 100_000);
                    sum += size;
                    made.push(Thin::new(size));
                    while freed_by_them && NOW.load(Relaxed) > LIVE {
                        old.swap_remove(random.below(old.len())).free();
                    }
                }
                // What is left behind lies all over the pages.
                let keep = made.len() / 2;
                while made.len() > keep {
                    made.swap_remove(random.below(made.len())).free();
                }
                old.append(&mut made);
                old
            });
            blocks = fresh.join().expect("the thread finishes");
            while NOW.load(Relaxed) > LIVE {
                blocks.swap_remove(random.below(blocks.len())).free();
            }
            if NOW.load(Relaxed) > LIVE * 3 / 4 {
                meter.look();
            }
        }
        meter.report(name);
    });
}

#[test]
fn what_ending_threads_leave_is_bounded() {
    generations("ending threads", true);
}

#[test]
fn what_one_thread_frees_of_ended_ones_is_bounded() {
    generations("freed for ended threads", false);
}
