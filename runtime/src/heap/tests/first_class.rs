//! First-class heaps: a model over several threads, destroying, misuse, `fork`.

use super::*;
use crate::fault::{FaultKind, testing::expect_fault};
use crate::long;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, RwLock, mpsc};

/// A block of a first-class heap, filled as a [`Live`] one.
fn make(heap: &Heap, size: usize, align: usize, fill: u8) -> Live {
    let block = heap.allocate(size, align);
    assert!(!block.is_null());
    assert_eq!(block as usize % align.max(MIN_ALIGN), 0, "{size} at {align}");
    let live = Live { block, size, fill };
    live.write();
    live
}

/// A block of every kind: of a class, a span, in a mapping of its own, aligned to more than a chunk.
const KINDS: [(usize, usize); 5] =
    [(40, 16), (200 << 10, 16), (600 << 10, 16), (5 << 20, 16), (100, 8 << 20)];

#[test]
fn a_heap_knows_its_blocks_and_nothing_else() {
    in_child(|| {
        let heap = Heap::new().expect("memory");
        let other = Live::new(40, 16, 9);
        let mut blocks: Vec<Live> = Vec::new();
        for (index, (size, align)) in KINDS.into_iter().enumerate() {
            blocks.push(make(&heap, size, align, index as u8));
        }
        let usable = |live: &Live| {
            // SAFETY: the block is live.
            unsafe { usable_size(live.block) }
        };
        let expected: BTreeSet<_> = blocks.iter().map(|live| (live.block.addr(), usable(live))).collect();
        let mut seen = BTreeSet::new();
        heap.for_each_block(&mut |block, bytes| assert!(seen.insert((block, bytes))));
        assert_eq!(seen, expected);
        let figures = heap.figures();
        assert_eq!(figures.blocks, blocks.len());
        assert_eq!(figures.used, blocks.iter().map(usable).sum::<usize>());
        assert_eq!(figures.total, figures.used + figures.free);
        // The walk over everything finds them, and the general heap's too.
        let mut all = BTreeSet::new();
        crate::heap::walk::for_each_block(&mut |block, _| assert!(all.insert(block)));
        assert!(blocks.iter().chain([&other]).all(|live| all.contains(&live.block.addr())));
        // SAFETY: all are live.
        unsafe {
            let raw: *const heaps::RawHeap = heaps::heap_of(blocks[0].block);
            assert!(!raw.is_null());
            assert!(blocks.iter().all(|live| heaps::heap_of(live.block) == raw));
            assert!(heaps::heap_of(other.block).is_null() && heaps::heap_of(core::ptr::null()).is_null());
        }
        for block in blocks {
            block.check();
            // SAFETY: the block is live.
            unsafe { heap.deallocate(block.block) };
        }
        assert_eq!((heap.figures().used, heap.figures().blocks), (0, 0));
        other.free();
    });
}

#[test]
fn destroying_frees_every_block() {
    in_child(|| {
        let (mut start, mut total) = (figures(), 0);
        for round in 0..40 {
            let heap = Heap::new().expect("memory");
            for index in 0..3_000 {
                make(&heap, 1 + index * 7 % 3_000, 16, round);
            }
            for (size, align) in KINDS {
                make(&heap, size, align, round);
            }
            assert_eq!(heap.figures().blocks, 3_005);
            drop(heap);
            let now = figures();
            if round == 0 {
                // The heap's own memory stays for the next one.
                total = now.total;
                start.total = now.total;
            }
            assert_eq!((now.used, now.blocks), (start.used, start.blocks), "round {round}");
            assert!(now.total <= total + (4 << 20), "round {round}: {now:?}");
        }
        trim();
        let held = crate::os::limit::memory_held();
        let heap = Heap::new().expect("memory");
        (0..100_000).for_each(|_| _ = make(&heap, 100, 16, 1));
        assert!(crate::os::limit::memory_held() > held + (9 << 20));
        drop(heap);
        trim();
        assert!(crate::os::limit::memory_held() <= held + (1 << 20), "what a heap had goes back");
    });
}

#[test]
fn blocks_stay_in_their_heap_when_resized() {
    in_child(|| {
        let heap = Heap::new().expect("memory");
        let mut live = make(&heap, 24, 16, 3);
        for size in [100, 30 << 10, 100, 300 << 10, 3 << 20, 9 << 20, 20 << 20, 6 << 20, 10, 5 << 20] {
            // Plain `reallocate`: the block's record says where it belongs.
            live.resize(size, 16);
            // SAFETY: the block is live.
            assert!(!unsafe { heaps::heap_of(live.block) }.is_null(), "{size}");
            // SAFETY: as above.
            let usable = unsafe { usable_size(live.block) };
            assert_eq!((heap.figures().blocks, heap.figures().used), (1, usable), "{size}");
        }
        // And one that cannot be made any larger stays where it is.
        // SAFETY: the block is live.
        assert!(unsafe { heap.reallocate(live.block, usize::MAX / 4, 16) }.is_null());
        live.check();
        drop(heap);
    });
}

#[test]
fn misuse_is_noticed() {
    in_child(|| {
        let (one, two) = (Heap::new().expect("memory"), Heap::new().expect("memory"));
        for (size, align) in KINDS {
            let block = make(&one, size, align, 1);
            let stranger = Live::new(size, align, 2);
            // SAFETY: the frees that are refused are what is tested.
            unsafe {
                let (kind, text) = expect_fault(|| two.deallocate(block.block));
                assert_eq!(kind, FaultKind::BadPointer, "{text}");
                let (kind, text) = expect_fault(|| two.deallocate(stranger.block));
                assert_eq!(kind, FaultKind::BadPointer, "{text}");
                let inside = block.block.add(16);
                assert_eq!(expect_fault(|| deallocate(inside)).0, FaultKind::BadPointer);
                one.deallocate(block.block);
                expect_fault(|| one.deallocate(block.block));
                expect_fault(|| deallocate(block.block));
            }
            stranger.free();
        }
        // Where a block could be, but none ever was.
        let block = make(&one, 48, 16, 1).block;
        let page = block.map_addr(|address| address & !(chunk::SLICE - 1));
        // SAFETY: inside the page; the free is refused.
        expect_fault(|| unsafe { one.deallocate(page.add(48 * 1300)) });
        let gone = two.into_raw();
        // SAFETY: the heap is made from its pointer once, and destroyed once; what comes after must be refused.
        unsafe {
            let raw = gone.as_ref();
            let block = raw.allocate(100, 16, false);
            raw.destroy();
            assert_eq!(expect_fault(|| raw.destroy()).0, FaultKind::BadPointer);
            assert_eq!(expect_fault(|| _ = raw.allocate(1, 16, false)).0, FaultKind::BadPointer);
            assert_eq!(expect_fault(|| _ = raw.allocate(9 << 20, 16, false)).0, FaultKind::BadPointer);
            assert_eq!(expect_fault(|| raw.deallocate(block)).0, FaultKind::BadPointer);
            expect_fault(|| _ = raw.figures());
        }
    });
}

#[test]
fn a_heap_takes_in_nothing_that_dead_threads_left() {
    in_child(|| {
        let left = std::thread::spawn(|| (0..2_000).map(|_| Live::new(100, 16, 4)).collect::<Vec<_>>());
        let left = left.join().expect("the thread finishes");
        let heap = Heap::new().expect("memory");
        let made: Vec<_> = (0..2_000).map(|_| make(&heap, 100, 16, 5)).collect();
        assert_eq!(heap.figures().blocks, made.len());
        drop(heap);
        left.iter().for_each(Live::check);
        left.into_iter().for_each(Live::free);
    });
}

/// What the threads of the model share. Who uses a heap has `heaps` for reading, who destroys one for writing.
struct Shared {
    heaps: RwLock<Vec<Heap>>,
    /// Blocks, each with the number of its heap.
    blocks: Mutex<Vec<(usize, Live)>>,
}

#[test]
fn several_heaps_agree_with_a_model_of_them() {
    in_child(|| {
        const THREADS: usize = 4;
        const HEAPS: usize = 5;
        let start = figures();
        let heaps = (0..HEAPS).map(|_| Heap::new().expect("memory")).collect();
        let shared = Shared { heaps: RwLock::new(heaps), blocks: Mutex::new(Vec::new()) };
        std::thread::scope(|scope| {
            for me in 0..THREADS {
                let shared = &shared;
                scope.spawn(move || step_through(shared, 0x4EA9_0001 + me as u64));
            }
        });
        let blocks = shared.blocks.into_inner().expect("nobody panicked");
        let heaps = shared.heaps.into_inner().expect("nobody panicked");
        for (index, heap) in heaps.iter().enumerate() {
            let mut seen = BTreeSet::new();
            heap.for_each_block(&mut |block, _| assert!(seen.insert(block)));
            let of_heap = blocks.iter().filter(|(number, _)| *number == index);
            assert_eq!(seen, of_heap.map(|(_, live)| live.block.addr()).collect());
            assert_eq!(heap.figures().blocks, seen.len());
        }
        blocks.iter().for_each(|(_, live)| live.check());
        drop(heaps);
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
    });
}

fn step_through(shared: &Shared, seed: u64) {
    let mut random = Random(seed);
    for step in 0..long::pick(15_000, 1_000_000) {
        let index = random.below(5);
        if random.below(1_000) == 0 {
            let mut heaps = shared.heaps.write().expect("nobody panicked");
            let mut blocks = shared.blocks.lock().expect("nobody panicked");
            blocks.extract_if(.., |(number, _)| *number == index).for_each(|(_, live)| live.check());
            heaps[index] = Heap::new().expect("memory");
            continue;
        }
        let heaps = shared.heaps.read().expect("nobody panicked");
        let taken = {
            let mut blocks = shared.blocks.lock().expect("nobody panicked");
            let len = blocks.len();
            let one = len > 0 && (len > 400 || random.below(2) == 0);
            one.then(|| blocks.swap_remove(random.below(len)))
        };
        let kept = match taken {
            None => {
                let align = 1 << random.below(14);
                Some((index, make(&heaps[index], random.size(), align, step as u8)))
            }
            Some((number, mut live)) if random.below(3) == 0 => {
                live.check();
                let size = random.size();
                if random.below(2) == 0 || !live.resize_in_place(size) {
                    live.resize(size, 16);
                }
                Some((number, live))
            }
            Some((number, live)) => {
                live.check();
                // SAFETY: the block is live, and no other thread has it.
                unsafe {
                    match random.below(2) {
                        0 => deallocate(live.block),
                        _ => heaps[number].deallocate(live.block),
                    }
                }
                None
            }
        };
        shared.blocks.lock().expect("nobody panicked").extend(kept);
    }
}

#[test]
fn threads_use_one_heap_at_once() {
    in_child(|| {
        const THREADS: usize = 4;
        let start = figures();
        let heap = Arc::new(Heap::new().expect("memory"));
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel::<Live>()).unzip();
        let threads: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(me, inbox)| {
                let (senders, heap) = (senders.clone(), heap.clone());
                std::thread::spawn(move || {
                    let mut random = Random(0x4EA9_1001 + me as u64);
                    for step in 0..20_000 {
                        let size = if step % 500 == 0 { random.size() } else { random.below(1_500) };
                        let _ = senders[random.below(THREADS)].send(make(&heap, size, 16, step as u8));
                        // Freed without a word of the heap, while others allocate from it.
                        inbox.try_iter().take(3).for_each(Live::free);
                    }
                    drop(senders);
                    inbox.into_iter().for_each(Live::free);
                })
            })
            .collect();
        drop(senders);
        threads.into_iter().for_each(|thread| thread.join().expect("the thread finishes"));
        assert_eq!((heap.figures().used, heap.figures().blocks), (0, 0));
        heap.collect();
        assert_eq!(heap.figures().total, 0, "an empty heap keeps no page");
        drop(heap);
        assert_eq!((figures().used, figures().blocks), (start.used, start.blocks));
    });
}

#[test]
fn a_block_freed_while_the_heap_is_looked_at_is_free_afterwards() {
    in_child(|| {
        let start = figures();
        let heap = Heap::new().expect("memory");
        let blocks: Vec<_> = (0..100).map(|_| make(&heap, 64, 16, 1)).collect();
        // The lock is held meanwhile, so these go to the inbox.
        heap.for_each_block(&mut |block, _| {
            // SAFETY: every block of the heap is live and freed once.
            unsafe { deallocate(block as *mut u8) };
        });
        assert_eq!(figures().blocks, start.blocks);
        assert_eq!(heap.figures().blocks, 0);
        expect_fault(|| {
            // SAFETY: what is refused here is what is tested.
            unsafe { deallocate(blocks[0].block) }
        });
        (0..100).for_each(|_| _ = make(&heap, 64, 16, 1));
        assert_eq!(heap.figures().blocks, 100);
    });
}

#[test]
fn a_heap_survives_fork_while_others_use_it() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let heap = Arc::new(Heap::new().expect("memory"));
    let kept = make(&heap, 100, 16, 5);
    let busy = heap.clone();
    let user = std::thread::spawn(move || {
        while !STOP.load(Ordering::Relaxed) {
            make(&busy, 300, 16, 1).free();
            make(&busy, 600 << 10, 16, 1).free();
        }
    });
    for _ in 0..50 {
        in_child(|| {
            kept.check();
            let block = make(&heap, 100, 16, 6);
            assert!(heap.figures().blocks >= 2);
            block.free();
            let other = Heap::new().expect("memory");
            make(&other, 1 << 20, 16, 7);
        });
    }
    STOP.store(true, Ordering::Relaxed);
    user.join().expect("the thread finishes");
    kept.free();
    assert_eq!(heap.figures().blocks, 0);
}

#[test]
fn fork_waits_for_a_heap_in_use() {
    static FINISHED: AtomicBool = AtomicBool::new(false);
    let heap = Arc::new(Heap::new().expect("memory"));
    let kept = make(&heap, 100, 16, 5);
    let (taken, wait) = mpsc::channel();
    let seen = heap.clone();
    let holder = std::thread::spawn(move || {
        seen.for_each_block(&mut |_, _| {
            taken.send(()).expect("the test waits");
            std::thread::sleep(std::time::Duration::from_millis(100));
            FINISHED.store(true, Ordering::Relaxed);
        });
    });
    wait.recv().expect("the holder has the lock");
    in_child(|| {
        assert!(FINISHED.load(Ordering::Relaxed), "the child was made while the heap was in use");
        make(&heap, 100, 16, 6).free();
    });
    holder.join().expect("the holder finishes");
    kept.free();
}
