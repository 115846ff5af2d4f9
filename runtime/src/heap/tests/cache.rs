//! The cache of large blocks, trimming, and that memory stays bounded.

use super::*;
use crate::heap::{cache, recent};
use crate::process::{memory_held, set_memory_limit};

/// Allocates a block of `size` bytes, writes all of it, and frees it.
fn pair(size: usize) -> *mut u8 {
    let live = Live::new(size, 16, 0xA7);
    let block = live.block;
    // SAFETY: the block is live and that long.
    unsafe { block.write_bytes(live.fill, size) };
    live.free();
    block
}

#[test]
fn a_large_block_freed_is_handed_out_again() {
    in_child(|| {
        collect();
        let start = (memory_held(), figures());
        let (first, guard) = (pair(8 << 20), harden::guard_bytes());
        // As it is, and then only its mapping.
        assert_eq!((recent::bytes(), cache::bytes()), (8 << 20, 0));
        assert_eq!(memory_held(), start.0 + ((8 << 20) + chunk::large_header_bytes() + guard) as u64);
        assert_eq!(figures().used, start.1.used);
        assert_eq!(pair(8 << 20), first);
        recent::flush();
        assert_eq!((recent::bytes(), cache::bytes()), (0, (8 << 20) + SLICE + guard));
        assert_eq!(memory_held(), start.0, "what is kept is not the program's");
        assert_eq!(figures().used, start.1.used);
        let again = |size| {
            let block = pair(size);
            recent::flush();
            block
        };
        assert_eq!(again(8 << 20), first);
        // Within an eighth, and not beyond.
        assert_eq!(again((15 << 20) / 2), first);
        assert_ne!(again(6 << 20), first);
        let (used, held) = (figures().used, memory_held());
        let block = Live::new((15 << 20) / 2, 16, 1);
        assert_eq!((block.block, figures().used - used), (first, 8 << 20));
        assert_eq!(memory_held() - held, ((8 << 20) + chunk::large_header_bytes() + guard) as u64);
        block.free();
        collect();
        assert_eq!((cache::bytes(), memory_held(), figures()), (0, start.0, start.1));
    });
}

#[test]
fn a_cached_mapping_is_no_block() {
    in_child(|| {
        let block = pair(4 << 20);
        assert!(find(block as usize).is_none());
        // SAFETY: not sound by the contract; noticed before anything is touched.
        let (_, message) = crate::fault::testing::expect_fault(|| unsafe { deallocate(block) });
        assert!(message.contains("freed already"), "{message}");
        let zeroed = allocate_zeroed(4 << 20, 16);
        // SAFETY: live and that long.
        unsafe {
            assert!(core::slice::from_raw_parts(zeroed, 4 << 20).iter().all(|byte| *byte == 0));
            deallocate(zeroed);
        }
    });
}

#[test]
fn the_cache_is_bounded_and_gives_way() {
    in_child(|| {
        for count in [1, 3, 20, 60] {
            let blocks: Vec<_> = (0..count).map(|i| Live::new((6 + i % 4) << 20, 16, i as u8)).collect();
            blocks.into_iter().for_each(Live::free);
            assert!(cache::bytes() <= 40 << 20 && cache::bytes() + recent::bytes() > 0);
        }
        pair(100 << 20);
        collect();
        // A limit without room for what is kept.
        set_memory_limit(Some(memory_held() + (5 << 20)));
        pair(4 << 20);
        recent::flush();
        assert!(cache::bytes() > 0);
        let block = Live::new(2 << 20, 16, 1);
        pair((5 << 20) / 2);
        recent::flush();
        assert!(memory_held() + cache::bytes() as u64 <= memory_held() + (5 << 20));
        block.free();
    });
}

#[test]
fn threads_and_forks_share_the_cache_without_losing_a_block() {
    in_child(|| {
        let stop = AtomicBool::new(false);
        let (stop, start) = (&stop, figures().used);
        std::thread::scope(|scope| {
            for seed in 1..4u64 {
                scope.spawn(move || {
                    let mut random = Random(0x5EED_0100 + seed);
                    while !stop.load(Ordering::Relaxed) {
                        let blocks: Vec<_> = (0..3)
                            .map(|_| Live::new((2 << 20) + random.below(4 << 20), 16, seed as u8))
                            .collect();
                        blocks.into_iter().for_each(Live::free);
                    }
                });
            }
            for _ in 0..30 {
                in_child(|| {
                    (0..4).for_each(|i| _ = pair((2 + i) << 20));
                    collect();
                    assert_eq!(cache::bytes(), 0);
                });
            }
            stop.store(true, Ordering::Relaxed);
        });
        settle();
        assert!(figures().used <= start + (64 << 10), "{} {start}", figures().used);
    });
}

#[test]
fn fork_waits_for_the_cache() {
    static FINISHED: AtomicBool = AtomicBool::new(false);
    let (taken, wait) = std::sync::mpsc::channel();
    prepare_for_fork();
    let holder = std::thread::spawn(move || {
        cache::acquire();
        taken.send(()).expect("the test waits");
        std::thread::sleep(std::time::Duration::from_millis(100));
        FINISHED.store(true, Ordering::Relaxed);
        // SAFETY: taken above by this thread.
        unsafe { cache::release() };
    });
    wait.recv().expect("the holder has the lock");
    in_child(|| {
        assert!(FINISHED.load(Ordering::Relaxed), "the child was made while the lock was held");
        _ = pair(3 << 20);
    });
    holder.join().expect("the holder finishes");
}

#[test]
fn trim_gives_back_what_no_block_uses() {
    in_child(|| {
        trim();
        let (before, held) = (resident(), memory_held());
        let dead = std::thread::spawn(|| {
            (0..50_000).map(|i| Live::new(100 + i % 400, 16, i as u8)).collect::<Vec<_>>()
        });
        dead.join().expect("no failure").into_iter().for_each(Live::free);
        (0..3).for_each(|_| _ = pair(9 << 20));
        assert!(trim() >= 9 << 20);
        assert!(memory_held() <= held + (512 << 10), "{} {held}", memory_held());
        assert!(resident() <= before + (2 << 20), "{} {before}", resident());
    });
}

/// What was held and live when a test began: other tests may have been at work in the process it was forked from.
struct Base {
    held: usize,
    live: usize,
}

impl Base {
    fn now() -> Base {
        // With a helper, what is free goes back a moment later.
        idle::set_on(false);
        trim();
        Base { held: memory_held() as usize, live: figures().used }
    }

    /// Fails when more than twice what is live is held, besides what a thread and
    /// the cache of large blocks may keep.
    fn assert_bounded(&self, what: &str) {
        let held = (memory_held() as usize).saturating_sub(self.held);
        let (live, kept) = (figures().used.saturating_sub(self.live), cache::bytes());
        assert!(held <= 2 * live + (64 << 20), "{what}: {held} held for {live}");
        assert!(kept <= 40 << 20, "{what}: {kept} kept");
    }
}

#[test]
fn a_sawtooth_and_a_shift_of_sizes_stay_within_twice_what_is_live() {
    in_child(|| {
        let base = Base::now();
        let mut blocks: Vec<Live> = Vec::new();
        for round in 0..2 {
            for size in [24, 200, 1500, 9000, 70_000, 500_000, 5 << 20] {
                let count = (48 << 20) / size;
                blocks.extend((0..count).map(|i| Live::new(size, 16, i as u8)));
                base.assert_bounded("full");
                let keep = if round % 2 == 0 { 0 } else { count / 16 };
                blocks.drain(keep..).for_each(Live::free);
                base.assert_bounded("empty");
                blocks.drain(..).for_each(Live::free);
            }
        }
    });
}

#[test]
fn random_lifetimes_stay_within_twice_what_is_live() {
    in_child(|| {
        let base = Base::now();
        let mut random = Random(0x5EED_0200);
        let mut slots: Vec<Option<Live>> = (0..20_000).map(|_| None).collect();
        for step in 0..160_000 {
            let index = random.below(slots.len());
            let most = 2 << random.below(13);
            let fresh = Live::new(16 + random.below(most), 16, step as u8);
            if let Some(old) = slots[index].replace(fresh) {
                old.free();
            }
            if step % 20_000 == 0 {
                base.assert_bounded("random");
            }
        }
    });
}
