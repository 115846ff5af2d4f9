//! Tests of the heap. Those that count run in a forked child, where no other
//! test allocates; so every one of them also tests `fork`.

use super::*;
use crate::fault::{FaultKind, testing::expect_fault};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};

/// A small deterministic generator (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Mostly small sizes, some of every kind of block.
    fn size(&mut self) -> usize {
        match self.below(100) {
            0..60 => self.below(256),
            60..90 => self.below(8 << 10),
            90..97 => self.below(300 << 10),
            97..99 => self.below(2 << 20),
            _ => self.below(9 << 20),
        }
    }
}

/// Runs `test` in a forked child and fails when it does.
fn in_child(test: impl FnOnce()) {
    // SAFETY: the child runs the test and exits without returning here.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        // The harness keeps what a test prints to itself, and the child's copy
        // of the harness dies with it: say it to standard error directly.
        std::panic::set_hook(Box::new(|info| {
            let text = format!("in the child: {info}\n");
            // SAFETY: `text` is readable for its length.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        }));
        let ok = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test)).is_ok();
        // SAFETY: leaves at once, running no exit handlers of the parent's.
        unsafe { libc::_exit(if ok { 0 } else { 1 }) }
    }
    let mut status = 0;
    // SAFETY: `child` is a child of this process and `status` is writable.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
}

/// A live block of a test: what it was asked for, and what was written to it.
struct Live {
    block: *mut u8,
    size: usize,
    fill: u8,
}

// SAFETY: a block may be used by whichever thread has it.
unsafe impl Send for Live {}

impl Live {
    fn new(size: usize, align: usize, fill: u8) -> Live {
        let block = allocate(size, align);
        assert!(!block.is_null());
        assert_eq!(block as usize % align.max(MIN_ALIGN), 0, "{size} at {align}");
        let live = Live { block, size, fill };
        live.write();
        live
    }

    /// Fills the start, the end, and a word per OS page between them.
    fn write(&self) {
        for at in self.places() {
            // SAFETY: inside the block.
            unsafe { *self.block.add(at) = self.fill };
        }
    }

    fn check(&self) {
        // SAFETY: the block is live.
        assert!(unsafe { usable_size(self.block) } >= self.size);
        for at in self.places() {
            // SAFETY: inside the block.
            assert_eq!(unsafe { *self.block.add(at) }, self.fill, "at {at} of {}", self.size);
        }
    }

    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let size = self.size;
        (0..size.min(64)).chain((64..size).step_by(1021)).chain(size.saturating_sub(8)..size)
    }

    fn resize(&mut self, size: usize, align: usize) {
        // SAFETY: the block is live and the old address is not used again.
        let moved = unsafe { reallocate(self.block, size, align) };
        assert!(!moved.is_null());
        let kept = Live { block: moved, size: self.size.min(size), fill: self.fill };
        for at in kept.places().filter(|at| self.places().any(|p| p == *at)).take(80) {
            // SAFETY: inside both the old and the new size.
            assert_eq!(unsafe { *moved.add(at) }, self.fill);
        }
        (self.block, self.size) = (moved, size);
        self.write();
    }

    fn free(self) {
        self.check();
        // SAFETY: the block is live, and `self` is gone.
        unsafe { deallocate(self.block) };
    }
}

#[test]
fn random_operations_agree_with_a_model() {
    in_child(|| {
        let start = figures();
        let mut random = Random(0x5EED_0001);
        let mut live: Vec<Live> = Vec::new();
        let mut used = 0usize;
        // SAFETY: only called with live blocks.
        let usable = |live: &Live| unsafe { usable_size(live.block) };
        for step in 0..20_000 {
            match random.below(10) {
                0..5 => {
                    let align = 1 << if random.below(8) == 0 { random.below(18) } else { random.below(5) };
                    let block = Live::new(random.size(), align, step as u8);
                    used += usable(&block);
                    live.push(block);
                }
                5..7 if !live.is_empty() => {
                    let index = random.below(live.len());
                    used -= usable(&live[index]);
                    live[index].resize(random.size(), MIN_ALIGN);
                    used += usable(&live[index]);
                }
                _ if !live.is_empty() => {
                    let block = live.swap_remove(random.below(live.len()));
                    used -= usable(&block);
                    block.free();
                }
                _ => {}
            }
            if step % 500 == 0 {
                let now = figures();
                assert_eq!(now.used - start.used, used);
                assert_eq!(now.blocks - start.blocks, live.len());
                assert_eq!(now.total, now.used + now.free);
                let mut ranges: Vec<_> = live.iter().map(|l| (l.block as usize, usable(l))).collect();
                ranges.sort_unstable();
                assert!(ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "blocks overlap");
            }
        }
        live.into_iter().for_each(Live::free);
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
    });
}

#[test]
fn every_alignment_is_honoured() {
    for shift in 0..=26 {
        let align = 1usize << shift;
        let blocks: Vec<_> = [0, 1, 24, align - 1, align, align + 1, 3 * align]
            .map(|size| Live::new(size, align, shift as u8))
            .into();
        blocks.into_iter().for_each(Live::free);
    }
    assert!(allocate(1, 1 << 62).is_null());
    assert!(allocate(1, 1 << 63).is_null());
}

#[test]
fn absurd_sizes_fail() {
    for size in [usize::MAX, usize::MAX - 4096, isize::MAX as usize, isize::MAX as usize + 1, 1 << 60] {
        assert!(allocate(size, 16).is_null());
        assert!(allocate_zeroed(size, 1 << 20).is_null());
        let block = Live::new(100, 16, 1);
        // SAFETY: the block is live, and a refusal leaves it so.
        assert!(unsafe { reallocate(block.block, size, 16) }.is_null());
        block.free();
    }
}

#[test]
fn zeroed_blocks_are_zero_also_when_reused() {
    for size in [1, 16, 100, 5000, 100 << 10, 300 << 10, 1 << 20, 3 << 20] {
        for _ in 0..3 {
            let block = allocate_zeroed(size, 16);
            assert!(!block.is_null());
            // SAFETY: the block is live and `size` bytes long.
            unsafe {
                assert!(core::slice::from_raw_parts(block, size).iter().all(|byte| *byte == 0), "{size}");
                block.write_bytes(0xFF, size);
                deallocate(block);
            }
        }
    }
}

#[test]
fn the_block_freed_last_is_handed_out_next() {
    let (first, second) = (allocate(48, 8), allocate(48, 8));
    // SAFETY: each block is freed once while live.
    unsafe {
        deallocate(first);
        deallocate(second);
        assert_eq!(allocate(40, 16), second);
        assert_eq!(allocate(33, 1), first);
        deallocate(first);
        deallocate(second);
    }
}

#[test]
fn sized_frees_with_wrong_sizes_do_no_harm() {
    in_child(|| {
        let start = figures();
        for size in [1usize, 100, 5000, 70_000, 400_000, 3 << 20] {
            for wrong in [0, 1, 64, 1 << 16, 1 << 22, usize::MAX] {
                let block = Live::new(size, 16, 3);
                // SAFETY: live, freed once.
                unsafe { deallocate_sized(block.block, wrong, 1 << 12) };
            }
        }
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
    });
}

#[test]
fn misuse_is_noticed() {
    let kind_of = |block: *mut u8| {
        // SAFETY: not sound by the contract; every case here is one that the
        // heap notices before it touches anything.
        expect_fault(|| unsafe { deallocate(block) })
    };
    for size in [1, 16, 100, 5000, 100 << 10, 1 << 20, 8 << 20] {
        let block = allocate(size, 16);
        assert_eq!(kind_of(block.wrapping_add(8)).0, FaultKind::BadPointer, "{size}");
        // SAFETY: live until here.
        unsafe { deallocate(block) };
        let (kind, message) = kind_of(block);
        assert!(
            message.contains("free already") || message.contains("freed already"),
            "{size} {kind:?} {message}"
        );
        if size <= class::SMALL_MAX {
            assert_eq!(kind, FaultKind::DoubleFree);
            // SAFETY: as above.
            let (kind, _) = expect_fault(|| _ = unsafe { reallocate(block, 10 * size, 16) });
            assert_eq!(kind, FaultKind::DoubleFree);
        }
    }
    let mut local = 0u64;
    assert_eq!(kind_of((&raw mut local).cast()).0, FaultKind::BadPointer);
    assert_eq!(kind_of(0x10 as *mut u8).0, FaultKind::BadPointer);
    assert_eq!(kind_of(usize::MAX as *mut u8).0, FaultKind::BadPointer);
}

#[test]
fn a_program_may_write_any_pattern() {
    // The mark of a free slot must never be mistaken for data of a live block.
    let (a, b) = (allocate(32, 16), allocate(32, 16));
    // SAFETY: `a` is read after it was freed, which is what is tested: a stale
    // copy of its contents in `b` does not make `b` look free.
    unsafe {
        deallocate(a);
        core::ptr::copy_nonoverlapping(a, b, 32);
        deallocate(b);
    }
}

#[test]
fn large_blocks_grow_and_shrink_in_place_of_copies() {
    let mut block = Live::new(3 << 20, 16, 9);
    for size in [30 << 20, 200 << 20, 5 << 20, 4 << 20, 1 << 20, 100, 9 << 20] {
        block.resize(size, 16);
        block.check();
    }
    block.resize(40 << 20, 1 << 23);
    assert_eq!(block.block as usize % (1 << 23), 0);
    block.free();
}

#[test]
fn memory_goes_back_to_the_os() {
    in_child(|| {
        collect();
        let (before, resident_before) = (figures(), resident());
        let blocks: Vec<_> = (0..200_000).map(|i| Live::new(200 + i % 300, 16, i as u8)).collect();
        let full = figures();
        assert!(full.used >= before.used + (60 << 20), "{full:?} {before:?}");
        blocks.into_iter().for_each(Live::free);
        let after = figures();
        assert!(after.total <= before.total + (16 << 20), "{after:?} {before:?}");
        assert!(resident() < resident_before + (24 << 20), "{} {resident_before}", resident());
    });
}

/// Resident bytes of this process.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * page_size()
}

#[test]
fn a_steady_state_takes_no_more_memory() {
    in_child(|| {
        let mut random = Random(0x5EED_0002);
        let mut slots: Vec<Option<Live>> = (0..5_000).map(|_| None).collect();
        let mut churn = |rounds: usize| {
            for _ in 0..rounds {
                let index = random.below(slots.len());
                if let Some(old) = slots[index].replace(Live::new(random.below(2_000), 16, index as u8)) {
                    old.free();
                }
            }
        };
        churn(50_000);
        let early = figures().total;
        churn(500_000);
        assert!(figures().total <= early + (8 << 20), "{early} {}", figures().total);
    });
}

#[test]
fn blocks_may_be_freed_by_other_threads() {
    in_child(|| {
        let start = figures();
        let (send, receive) = mpsc::sync_channel::<Live>(1_000);
        let consumer = std::thread::spawn(move || receive.into_iter().for_each(Live::free));
        let mut random = Random(0x5EED_0003);
        for i in 0..200_000 {
            let size = if i % 1000 == 0 { random.size() } else { random.below(600) };
            send.send(Live::new(size, 16, i as u8)).expect("the consumer lives");
        }
        drop(send);
        consumer.join().expect("the consumer finishes");
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
        assert!(end.total < start.total + (32 << 20), "what was freed is used again: {end:?}");
    });
}

#[test]
fn dead_threads_leave_usable_memory() {
    in_child(|| {
        let start = figures();
        let mut kept = Vec::new();
        for round in 0..50 {
            let blocks = std::thread::spawn(move || {
                (0..2_000).map(|i| Live::new(100 + i % 1000, 16, round as u8)).collect::<Vec<_>>()
            });
            kept.extend(blocks.join().expect("the thread finishes").into_iter().step_by(10));
        }
        // What the threads did not hand over is lost to the program, not to the
        // heap's books; count what is still out before freeing the rest.
        let out = figures();
        assert_eq!(out.blocks - start.blocks, 100_000);
        let count = kept.len();
        kept.into_iter().for_each(Live::free);
        assert_eq!(out.blocks - figures().blocks, count);
    });
}

#[test]
fn pages_of_dead_threads_are_adopted() {
    in_child(|| {
        // Many short-lived threads, each leaving blocks that this thread frees:
        // without adoption every round would take new memory.
        let mut total = 0;
        for round in 0..300 {
            let made = std::thread::spawn(move || {
                (0..3_000).map(|_| Live::new(300, 16, round as u8)).collect::<Vec<_>>()
            });
            made.join().expect("the thread finishes").into_iter().for_each(Live::free);
            if round == 20 {
                total = figures().total;
            }
        }
        assert!(figures().total <= total + (4 << 20), "{total} {:?}", figures());
        // And a living thread gets at what a dead one left half used.
        let made = std::thread::spawn(|| (0..100_000).map(|_| Live::new(64, 16, 7)).collect::<Vec<_>>());
        let mut made = made.join().expect("the thread finishes");
        let rest = made.split_off(1_000);
        rest.into_iter().for_each(Live::free);
        collect();
        let small = figures().total;
        let again: Vec<_> = (0..20_000).map(|_| Live::new(64, 16, 8)).collect();
        assert!(figures().total <= small + (4 << 20));
        again.into_iter().chain(made).for_each(Live::free);
    });
}

#[test]
fn threads_that_pass_blocks_around_keep_them_intact() {
    in_child(|| {
        const THREADS: usize = 6;
        let start = figures();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel::<Live>()).unzip();
        let barrier = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(me, inbox)| {
                let (senders, barrier) = (senders.clone(), barrier.clone());
                std::thread::spawn(move || {
                    let mut random = Random(0x5EED_1000 + me as u64);
                    let mut mine = Vec::new();
                    barrier.wait();
                    for step in 0..30_000 {
                        match random.below(4) {
                            0 | 1 => mine.push(Live::new(random.below(1500), 16, step as u8)),
                            2 if !mine.is_empty() => {
                                let block = mine.swap_remove(random.below(mine.len()));
                                let _ = senders[random.below(THREADS)].send(block);
                            }
                            _ if !mine.is_empty() => mine.swap_remove(random.below(mine.len())).free(),
                            _ => {}
                        }
                        inbox.try_iter().for_each(Live::free);
                        // Threads end at different times; the rest goes on.
                        if step > 10_000 && random.below(20_000) == 0 {
                            break;
                        }
                    }
                    drop(senders);
                    (mine, inbox)
                })
            })
            .collect();
        drop(senders);
        let rest: Vec<_> = threads.into_iter().map(|t| t.join().expect("the thread finishes")).collect();
        for (mine, inbox) in rest {
            mine.into_iter().chain(inbox).for_each(Live::free);
        }
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
    });
}

#[test]
fn adoption_races_with_remote_frees() {
    in_child(|| {
        let start = figures();
        // Short-lived owners, and two threads that free their blocks while
        // others adopt the pages.
        let (to_a, from_a) = mpsc::channel::<Live>();
        let (to_b, from_b) = mpsc::channel::<Live>();
        let free_all = |inbox: mpsc::Receiver<Live>| {
            std::thread::spawn(move || {
                for (i, block) in inbox.into_iter().enumerate() {
                    block.free();
                    if i % 3 == 0 {
                        Live::new(80 + i % 64, 16, 5).free();
                    }
                }
            })
        };
        let workers = [free_all(from_a), free_all(from_b)];
        for round in 0..400 {
            let (to_a, to_b) = (to_a.clone(), to_b.clone());
            let owner = std::thread::spawn(move || {
                for i in 0..300 {
                    let to = if i % 2 == 0 { &to_a } else { &to_b };
                    to.send(Live::new(80 + (round + i) % 64, 16, i as u8)).expect("the worker lives");
                }
            });
            if round % 4 == 0 {
                owner.join().expect("the owner finishes");
            }
        }
        drop((to_a, to_b));
        for worker in workers {
            worker.join().expect("the worker finishes");
        }
        // Owners that were not joined may still be giving their heaps up.
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
    });
}

#[test]
fn fork_with_busy_threads_leaves_both_sides_working() {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let busy: Vec<_> = (0..3)
        .map(|seed| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut random = Random(0x5EED_2000 + seed);
                while !stop.load(Ordering::Relaxed) {
                    let size = random.size();
                    Live::new(size, 16, 1).free();
                }
            })
        })
        .collect();
    let kept: Vec<_> = (0..1000).map(|i| Live::new(i, 16, i as u8)).collect();
    for _ in 0..20 {
        in_child(|| {
            let mut random = Random(0x5EED_2100);
            let blocks: Vec<_> = (0..2_000).map(|i| Live::new(random.size() % 70_000, 16, i as u8)).collect();
            kept.iter().for_each(Live::check);
            blocks.into_iter().for_each(Live::free);
            let other = std::thread::spawn(|| Live::new(100, 16, 2).free());
            other.join().expect("a thread of the child finishes");
            collect();
        });
    }
    stop.store(true, Ordering::Relaxed);
    busy.into_iter().for_each(|thread| thread.join().expect("the thread finishes"));
    kept.into_iter().for_each(Live::free);
}

#[test]
fn a_thread_that_has_given_its_heap_up_can_still_allocate() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            // Runs among the thread's destructors, before or after the heap's.
            Live::new(500, 16, 4).free();
        }
    }
    thread_local!(static LATE: Late = const { Late });
    unsafe extern "C" fn latest(block: *mut core::ffi::c_void) {
        // SAFETY: the key's value is a live block; C keys made after the heap's
        // are destroyed after it, when the thread has no heap any more.
        unsafe { deallocate(block.cast()) };
        Live::new(700, 16, 6).free();
    }
    in_child(|| {
        let start = figures();
        let thread = std::thread::spawn(|| {
            LATE.with(|_| ());
            let block = allocate(900, 16);
            let mut key = 0;
            // SAFETY: `key` is writable; the destructor fits the value.
            unsafe {
                assert_eq!(libc::pthread_key_create(&mut key, Some(latest)), 0);
                assert_eq!(libc::pthread_setspecific(key, block.cast()), 0);
            }
        });
        thread.join().expect("the thread finishes");
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
    });
}
