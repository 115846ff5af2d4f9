//! Memory goes back while the program is idle; and the blocks freed last, which are
//! handed out again without a lock.

use super::*;
use crate::heap::idle::{HELPER_BYTES, ROUND_MS, free_bytes, is_running, set_on};
use crate::heap::{cache, recent};
use crate::process::memory_held;
use std::time::{Duration, Instant};

/// Allocates `bytes` bytes in blocks of many sizes, writes all of them, and frees them.
fn use_much(bytes: usize) {
    let (mut random, mut blocks, mut sum) = (Random(0x5EED_0300), Vec::new(), 0);
    while sum < bytes {
        let most = 2 << random.below(22);
        let live = Live::new(64 + random.below(most), 16, blocks.len() as u8);
        // SAFETY: the block is live and that long.
        unsafe { live.block.write_bytes(live.fill, live.size) };
        sum += live.size;
        blocks.push(live);
    }
    blocks.into_iter().for_each(Live::free);
}

/// Waits until it is so, ten seconds at most: on an idle machine it takes two.
fn comes_true(mut so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !so() {
        if start.elapsed() > Duration::from_secs(10) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

fn pause() {
    std::thread::sleep(Duration::from_millis(ROUND_MS + 50));
}

/// The threads of this process: number, and the mask of signals they block.
fn threads() -> Vec<(String, String)> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let names = tasks.map(|task| task.expect("readable").file_name().into_string().expect("a number"));
    let mask = |name: String| {
        let status = std::fs::read_to_string(format!("/proc/self/task/{name}/status")).expect("a thread");
        let line = status.lines().find(|line| line.starts_with("SigBlk:")).expect("a mask");
        (name, line.trim_start_matches("SigBlk:").trim().to_owned())
    };
    names.map(mask).collect()
}

#[test]
fn an_idle_program_gives_its_memory_back() {
    in_child(|| {
        set_on(true);
        collect();
        let (before, held) = (resident(), memory_held());
        use_much(192 << 20);
        assert!(is_running());
        // The C library keeps two signals for itself and cannot block two others.
        let helpers = threads().into_iter().filter(|(_, mask)| mask.starts_with("fffffff"));
        assert_eq!(helpers.count(), 1, "{:?}", threads());
        // No call of the heap from here on; what a thread keeps in its bins stays.
        assert!(comes_true(|| free_bytes() == 0), "{} free", free_bytes());
        assert!(memory_held() - held <= 26 << 20, "{} held", memory_held() - held);
        assert!(resident() < before + (28 << 20), "{} {before}", resident());
        assert!(comes_true(|| !is_running() && threads().len() == 1), "{:?}", threads());
        // And again.
        use_much(128 << 20);
        assert!(is_running());
        assert!(comes_true(|| free_bytes() == 0));
    });
}

#[test]
fn small_blocks_freed_in_no_order_keep_few_pages() {
    in_child(|| {
        set_on(true);
        collect();
        let (held, used) = (memory_held(), figures().used);
        let mut random = Random(0x5EED_0500);
        let mut blocks: Vec<_> = (0..400_000).map(|_| allocate(200, 16)).collect();
        for last in (1..blocks.len()).rev() {
            blocks.swap(last, random.below(last + 1));
        }
        // SAFETY: live blocks, each freed once.
        blocks.into_iter().for_each(|block| unsafe { deallocate(block) });
        assert!(is_running());
        assert!(comes_true(|| free_bytes() == 0), "{} free", free_bytes());
        // A page, those of the slots loosely in the bin, an empty one. On a busy machine nothing may be free between two
        // rounds of the helper, of which the second gives back what the first kept.
        assert!(comes_true(|| memory_held() - held <= 3 << 20), "{} held", memory_held() - held);
        assert_eq!(figures().used, used);
        // The bin serves as before.
        let again: Vec<_> = (0..1000).map(|i| Live::new(200, 16, i as u8)).collect();
        again.into_iter().for_each(Live::free);
    });
}

#[test]
fn what_is_in_use_again_does_not_go() {
    in_child(|| {
        set_on(true);
        let blocks: Vec<_> = (0..100).map(|i| Live::new(1 << 20, 16, i as u8)).collect();
        let rest: Vec<_> = (0..100).map(|i| Live::new(1 << 20, 16, i as u8)).collect();
        blocks.into_iter().for_each(Live::free);
        assert!(is_running());
        let stop = Instant::now() + Duration::from_millis(4 * ROUND_MS);
        while Instant::now() < stop {
            let blocks: Vec<_> = (0..100).map(|i| Live::new(1 << 20, 16, i as u8)).collect();
            std::thread::sleep(Duration::from_millis(10));
            blocks.into_iter().for_each(Live::free);
            assert!(free_bytes() >= 80 << 20, "{}", free_bytes());
        }
        rest.iter().for_each(Live::check);
    });
}

#[test]
fn little_starts_no_helper_and_goes_on_the_next_call() {
    in_child(|| {
        for on in [true, false] {
            set_on(on);
            collect();
            let blocks: Vec<_> = (0..(HELPER_BYTES >> 20) - 40).map(|_| Live::new(1 << 20, 16, 1)).collect();
            blocks.into_iter().for_each(Live::free);
            [2 << 20, 3 << 20, 5 << 20].map(|size| Live::new(size, 16, 1)).into_iter().for_each(Live::free);
            assert!(free_bytes() >= 30 << 20 && !is_running() && threads().len() == 1);
            // The first round finds it, the second one takes the places' blocks, the third one the rest.
            for _ in 0..3 {
                pause();
                // Neither of a length that is kept, nor one that is kept.
                Live::new(20 << 20, 1 << 20, 1).free();
            }
            assert_eq!(free_bytes(), 0, "{} {} {}", spans::stale(), cache::bytes(), recent::bytes());
        }
    });
}

#[test]
fn without_a_helper_what_outgrows_the_rest_goes_at_once() {
    in_child(|| {
        set_on(false);
        use_much(192 << 20);
        assert!(spans::stale() <= 33 << 20, "{}", spans::stale());
        assert_eq!(threads().len(), 1);
    });
}

#[test]
fn where_no_thread_can_be_made_there_is_none() {
    in_child(|| {
        set_on(true);
        // The C library keeps the stacks of ended threads, also of those that a fork
        // ended: here they are all in use.
        for _ in 0..64 {
            let parked = std::thread::Builder::new().stack_size(256 << 10).spawn(std::thread::park);
            parked.expect("a thread");
        }
        let blocks: Vec<_> = (0..200).map(|i| Live::new(1 << 20, 16, i as u8)).collect();
        let limit = status("VmSize") as libc::rlim_t;
        // SAFETY: the value is readable.
        let outcome =
            unsafe { libc::setrlimit(libc::RLIMIT_AS, &libc::rlimit { rlim_cur: limit, rlim_max: limit }) };
        assert_eq!(outcome, 0);
        blocks.into_iter().for_each(Live::free);
        assert!(!is_running() && !idle::is_on());
        assert!(spans::stale() <= 33 << 20, "{}", spans::stale());
    });
}

#[test]
fn a_forked_child_has_a_helper_of_its_own() {
    in_child(|| {
        set_on(true);
        for _ in 0..8 {
            use_much(160 << 20);
            assert!(is_running());
            in_child(|| {
                assert!(!is_running() && threads().len() == 1);
                use_much(160 << 20);
                assert!(is_running() && threads().len() == 2);
            });
        }
        in_child(|| {
            use_much(160 << 20);
            assert!(comes_true(|| free_bytes() == 0));
        });
    });
}

#[test]
fn a_block_freed_last_is_handed_out_again() {
    in_child(|| {
        set_on(false);
        collect();
        let start = figures();
        let blocks = [300 << 10, 1 << 20, 2 << 20, 3 << 20, 8 << 20].map(|size| Live::new(size, 16, 3));
        let (addresses, sizes) = (blocks.each_ref().map(|b| b.block), blocks.each_ref().map(|b| b.size));
        blocks.into_iter().for_each(Live::free);
        assert_eq!((figures().used, figures().blocks), (start.used, start.blocks));
        for (address, size) in addresses.into_iter().zip(sizes) {
            assert!(find(address as usize + 5).is_none());
            // SAFETY: not sound by the contract; noticed before anything is touched.
            let (_, message) = crate::fault::testing::expect_fault(|| unsafe { deallocate(address) });
            assert!(message.contains("free"), "{message}");
            let again = Live::new(size - 100, 16, 4);
            assert_eq!(again.block, address);
            // SAFETY: live.
            assert_eq!(figures().used - start.used, unsafe { usable_size(address) });
            assert!(
                find(address as usize + 5).is_some_and(|found| found.live && found.start == address as usize)
            );
            again.free();
            let zeroed = allocate_zeroed(size, 16);
            // SAFETY: live and that long.
            unsafe {
                assert!(core::slice::from_raw_parts(zeroed, size).iter().all(|byte| *byte == 0));
                deallocate(zeroed);
            }
        }
        // One that is more aligned than the one there.
        let one = Live::new(1 << 20, 1 << 20, 1);
        let two = Live::new(1 << 20, 16, 1);
        one.free();
        two.free();
        Live::new(1 << 20, 1 << 20, 1).free();
        collect();
        assert_eq!((recent::bytes(), figures().used, figures().blocks), (0, start.used, start.blocks));
    });
}

#[test]
fn threads_and_forks_share_the_places_without_losing_a_block() {
    in_child(|| {
        set_on(true);
        let start = figures().used;
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for seed in 1..4u64 {
                let stop = &stop;
                scope.spawn(move || {
                    let mut random = Random(0x5EED_0400 + seed);
                    let sizes = [300 << 10, 1 << 20, (2 << 20) + 5, 2 << 20, 3 << 20];
                    while !stop.load(Ordering::Relaxed) {
                        let blocks = [0; 2].map(|_| Live::new(sizes[random.below(5)], 16, seed as u8));
                        blocks.into_iter().for_each(Live::free);
                    }
                });
            }
            for round in 0..40 {
                std::thread::sleep(Duration::from_millis(5));
                recent::age();
                if round % 4 == 0 {
                    in_child(|| {
                        Live::new(1 << 20, 16, 9).free();
                        collect();
                        assert_eq!(recent::bytes(), 0);
                    });
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        settle();
        assert!(figures().used <= start + (64 << 10), "{} {start}", figures().used);
    });
}

#[test]
#[cfg_attr(feature = "hardened", ignore = "where spans lie is random")]
fn a_span_grows_and_shrinks_where_it_is() {
    in_child(|| {
        collect();
        let start = (figures().used, memory_held());
        let mut block = Live::new(300 << 10, 16, 5);
        let first = block.block;
        for size in [400 << 10, 600 << 10, 1 << 20, 2 << 20, 700 << 10, 1 << 20, 300 << 10] {
            block.resize(size, 16);
            assert_eq!(block.block, first, "{size}");
            // SAFETY: live.
            assert_eq!(figures().used - start.0, unsafe { usable_size(first) });
            assert!(find(first as usize + size - 1).is_some_and(|found| found.start == first as usize));
        }
        // What is behind it is somebody else's.
        let behind = Live::new(300 << 10, 16, 6);
        assert_eq!(behind.block as usize, first as usize + 5 * SLICE);
        block.resize(1 << 20, 16);
        assert_ne!(block.block, first);
        behind.check();
        block.free();
        behind.free();
        collect();
        assert_eq!(figures().used, start.0);
        assert!(memory_held() <= start.1 + chunk::header_bytes() as u64);
    });
}

#[test]
fn the_figures_do_not_show_the_helper_at_work() {
    in_child(|| {
        set_on(false);
        collect();
        let start = (figures().used, figures().blocks);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // As the helper does, only more often.
            scope.spawn(|| {
                let mut random = Random(0x5EED_0600);
                while !stop.load(Ordering::Relaxed) {
                    recent::age();
                    (0..random.below(20_000)).for_each(|_| core::hint::spin_loop());
                }
            });
            for _ in 0..5000 {
                let block = allocate(300 << 10, 16);
                // SAFETY: live, and freed once.
                unsafe { deallocate(block) };
                for _ in 0..20 {
                    let now = figures();
                    assert_eq!((now.used, now.blocks), start);
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    });
}
