//! One thread: contents, alignment, figures, misuse, memory given back.

use super::*;
use crate::fault::{FaultKind, testing::expect_fault};

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
fn who_needs_little_touches_little() {
    in_child(|| {
        let heap = Heap::new().expect("memory");
        for class in TABLE.iter().take_while(|class| class.size <= 16 << 10) {
            let size = class.size as usize;
            let block = heap.allocate(size, MIN_ALIGN);
            let page = chunk::find(block).expect("a block of the heap").page_of(block).head_page();
            let touched = page.fresh.load(Ordering::Relaxed) as usize * size;
            assert!(touched <= page_size().max(size), "{size}: {touched} bytes");
            // The rest is there all the same.
            for _ in 1..class.capacity {
                heap.allocate(size, MIN_ALIGN);
            }
            assert_eq!(page.fresh.load(Ordering::Relaxed), class.capacity as u32);
        }
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
fn what_was_never_handed_out_is_no_block() {
    in_child(|| {
        let block = allocate(48, 16);
        let page = chunk::find(block).expect("a block of the heap").page_of(block);
        let slot = |index: usize| page.start.get().wrapping_add(48 * index);
        let (capacity, fresh) = (page.capacity.get() as usize, page.fresh.load(Ordering::Relaxed) as usize);
        // What is left at the end of the page is too short for a slot.
        // SAFETY: not sound by the contract; noticed before anything is touched.
        let (kind, _) = expect_fault(|| unsafe { deallocate(slot(capacity)) });
        assert_eq!(kind, FaultKind::BadPointer);
        // A place that no block had yet is noticed where that costs nothing: by another
        // thread, and at the latest when it would return to the page.
        assert!(fresh < capacity, "{fresh}");
        let unused = slot(capacity - 1) as usize;
        let there = move || {
            // SAFETY: as above.
            let (kind, _) = expect_fault(|| unsafe { deallocate(unused as *mut u8) });
            assert_eq!(kind, FaultKind::BadPointer);
        };
        std::thread::spawn(there).join().expect("it is noticed");
        // SAFETY: not sound; nothing is allocated before it is noticed.
        unsafe { deallocate(unused as *mut u8) };
        let (kind, message) = expect_fault(collect);
        assert_eq!(kind, FaultKind::BadPointer);
        assert!(message.contains("not the start of a block"), "{message}");
    });
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
        idle::set_on(false);
        collect();
        let (before, resident_before) = (figures(), resident());
        let blocks: Vec<_> = (0..200_000).map(|i| Live::new(200 + i % 300, 16, i as u8)).collect();
        let full = figures();
        assert!(full.used >= before.used + (60 << 20), "{full:?} {before:?}");
        blocks.into_iter().for_each(Live::free);
        let after = figures();
        assert!(after.total <= before.total + (40 << 20), "{after:?} {before:?}");
        assert!(resident() < resident_before + (44 << 20), "{} {resident_before}", resident());
    });
}

#[test]
fn memory_goes_back_from_chunks_that_stay() {
    in_child(|| {
        idle::set_on(false);
        collect();
        let before = resident();
        let mut blocks: Vec<_> = (0..120).map(|i| Live::new(1 << 20, 16, i as u8)).collect();
        // SAFETY: every block is live and that long.
        blocks.iter().for_each(|live| unsafe { live.block.write_bytes(live.fill, live.size) });
        assert!(resident() >= before + (100 << 20));
        let total = figures().total;
        // A third stays, so that no chunk is free as a whole.
        let kept: Vec<_> = (0..40).map(|third| blocks.remove(third * 2)).collect();
        blocks.into_iter().for_each(Live::free);
        assert!(figures().total + (40 << 20) > total, "the chunks are still there");
        assert!(resident() < before + (40 << 20) + (36 << 20), "{} {before}", resident());
        kept.into_iter().for_each(Live::free);
    });
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
