//! Several threads: remote frees, adoption, thread exit, fork.

use super::*;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};

#[test]
fn blocks_may_be_freed_by_other_threads() {
    in_child(|| {
        settle();
        let (start, start_pages) = (figures(), pages());
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
        settle();
        assert_eq!(pages(), start_pages, "blocks were lost on their way to their owners");
        // Guard pages, and spans that lie at random, take more address space.
        let room = if cfg!(feature = "hardened") { 64 << 20 } else { 32 << 20 };
        assert!(end.total < start.total + room, "what was freed is used again: {end:?}");
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
fn freeing_a_dead_threads_blocks_gives_its_pages_back() {
    in_child(|| {
        settle();
        let start = pages();
        let made = std::thread::spawn(|| (0..20_000).map(|_| Live::new(64, 16, 7)).collect::<Vec<_>>());
        made.join().expect("the thread finishes").into_iter().for_each(Live::free);
        // Nothing is allocated here that could make this thread look for orphans.
        collect();
        assert_eq!(pages(), start);
    });
}

#[test]
fn allocating_uses_what_a_dead_thread_left() {
    in_child(|| {
        settle();
        let start = pages();
        let made = std::thread::spawn(|| {
            let mut blocks: Vec<_> = (0..50_000).map(|_| Live::new(64, 16, 7)).collect();
            // One block in each stretch keeps every page in use.
            let kept: Vec<_> = (0..780).map(|index| blocks.swap_remove(index * 60)).collect();
            blocks.into_iter().for_each(Live::free);
            kept
        });
        let kept = made.join().expect("the thread finishes");
        let left = pages();
        assert!(left >= start + 45, "{start} {left}");
        let again: Vec<_> = (0..40_000).map(|_| Live::new(64, 16, 8)).collect();
        assert!(pages() <= left + 2, "{left} {}", pages());
        again.into_iter().chain(kept).for_each(Live::free);
        settle();
        assert_eq!(pages(), start);
    });
}

#[test]
fn fork_waits_for_the_heaps_locks() {
    static FINISHED: AtomicBool = AtomicBool::new(false);
    let (taken, wait) = mpsc::channel();
    let holder = std::thread::spawn(move || {
        spans::acquire();
        taken.send(()).expect("the test waits");
        std::thread::sleep(std::time::Duration::from_millis(100));
        FINISHED.store(true, Ordering::Relaxed);
        // SAFETY: taken above by this thread.
        unsafe { spans::release() };
    });
    wait.recv().expect("the holder has the lock");
    // The lock is held until well after `fork` is called. The child must neither
    // see what it guards half changed nor inherit it closed.
    in_child(|| {
        assert!(FINISHED.load(Ordering::Relaxed), "the child was made while the lock was held");
        Live::new(1 << 20, 16, 1).free();
    });
    holder.join().expect("the holder finishes");
}

#[test]
fn threads_that_pass_blocks_around_keep_them_intact() {
    in_child(|| {
        const THREADS: usize = 6;
        settle();
        let (start, start_pages) = (figures(), pages());
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
        settle();
        assert_eq!(pages(), start_pages, "blocks were lost on their way to their owners");
    });
}

#[test]
fn adoption_races_with_remote_frees() {
    in_child(|| {
        settle();
        let (start, start_pages) = (figures(), pages());
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
        let mut owners = Vec::new();
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
            } else {
                owners.push(owner);
            }
        }
        owners.into_iter().for_each(|owner| owner.join().expect("the owner finishes"));
        drop((to_a, to_b));
        for worker in workers {
            worker.join().expect("the worker finishes");
        }
        let end = figures();
        assert_eq!((end.used, end.blocks), (start.used, start.blocks));
        settle();
        assert_eq!(pages(), start_pages, "blocks were lost on their way to their owners");
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
