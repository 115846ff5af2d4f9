//! The protocols of remote frees, of thread exit and of adoption, in many orders.
//!
//! Simulated threads run the heap's own code, with heaps of their own, under the
//! scheduler of `shuttle`: wherever a thread reads or writes what threads agree by
//! (see `sync::atomic`), another may go on. Each scenario is run in orders chosen
//! by chance, and in orders with few switches at places chosen by chance, which
//! find what takes a certain delay at a certain place. After every run nothing may
//! be lost: with all blocks freed no page is in use, and the books are even.
//!
//! What does not show in orders, such as a load that is too relaxed, is left to the
//! machine and to ThreadSanitizer.

use super::*;
use crate::{long, tls};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{JoinHandle, spawn};
use std::sync::{Arc, Mutex};

/// Orders tried of each scenario, by each way of choosing.
fn orders() -> usize {
    long::pick(1_500, 150_000)
}

/// Starts a simulated thread, with a heap that it gives up at its end.
fn thread(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(move || {
        begin();
        body();
        end();
    })
}

/// What a thread's variable is at first; numbers of simulated threads are used again.
fn begin() {
    tls::with(|local| {
        local.heap.set(&thread::NONE);
        local.ended.set(false);
    });
}

/// What the OS does when a thread ends.
fn end() {
    let heap = thread::current();
    if !thread::is_none(heap) {
        thread::end_thread(heap as *const ThreadHeap as *mut u8);
    }
}

/// Runs a scenario in many orders. Its first thread is the one that calls it.
fn in_many_orders(scenario: fn()) {
    in_child(|| {
        let whole = move || {
            begin();
            let start = (figures().blocks, figures().used, pages());
            end();
            scenario();
            // Nobody else is left: what is in use now was lost.
            begin();
            settle();
            let rest = (figures().blocks, figures().used, pages());
            assert_eq!(rest, start, "blocks, bytes and pages after and before");
            end();
        };
        for depth in [0, 2, 3] {
            let mut config = shuttle::Config::new();
            config.stack_size = 1 << 20;
            config.silence_warnings = true;
            let scheduler: Box<dyn Scheduler + Send> = match depth {
                0 => Box::new(RandomScheduler::new_from_seed(0x5EED, orders())),
                _ => Box::new(PctScheduler::new_from_seed(0x5EED + depth as u64, depth, orders())),
            };
            shuttle::Runner::new(scheduler, config).run(whole);
        }
    });
}

/// Blocks that are sent to their owner one by one, and blocks that go in batches.
fn blocks(count: usize) -> Vec<Live> {
    (0..count).map(|i| Live::new(if i % 3 == 2 { 100 } else { 20_000 }, 16, i as u8)).collect()
}

/// Every other block.
fn halves(blocks: Vec<Live>) -> [Vec<Live>; 2] {
    let (mut even, mut odd) = (Vec::new(), Vec::new());
    for (index, block) in blocks.into_iter().enumerate() {
        if index % 2 == 0 { even.push(block) } else { odd.push(block) }
    }
    [even, odd]
}

fn free(blocks: Vec<Live>) {
    blocks.into_iter().for_each(Live::free);
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("the thread finishes"));
}

#[test]
fn an_owner_ends_while_two_threads_free() {
    in_many_orders(|| {
        begin();
        let threads = halves(blocks(6)).map(|half| thread(move || free(half)));
        end();
        join(threads);
    });
}

#[test]
fn an_owner_ends_while_one_thread_frees_and_another_adopts() {
    in_many_orders(|| {
        begin();
        let [first, second] = halves(blocks(8));
        let frees = thread(move || free(first));
        let adopts = thread(move || {
            let mine = blocks(3);
            free(second);
            free(mine);
        });
        end();
        join([frees, adopts]);
    });
}

#[test]
fn pages_pass_from_heap_to_heap_while_blocks_are_sent() {
    in_many_orders(|| {
        begin();
        let [first, second] = halves(blocks(8));
        end();
        let sends = [first, second].map(|half| thread(move || free(half)));
        let adopt = || {
            thread(|| {
                thread::with_heap(registry::adopt_any);
                free(blocks(1));
            })
        };
        join([adopt(), adopt()]);
        join(sends);
    });
}

#[test]
fn an_orphan_becomes_the_heap_of_a_new_thread_while_blocks_are_sent() {
    in_many_orders(|| {
        begin();
        let [first, second] = halves(blocks(6));
        let sends = thread(move || free(first));
        end();
        // Takes the orphan, if it finds one, with all that is on its way there.
        let takes = thread(move || free(blocks(2)));
        let sends_too = thread(move || free(second));
        join([sends, takes, sends_too]);
    });
}

#[test]
fn threads_free_each_others_blocks_and_end() {
    in_many_orders(|| {
        let shared: Arc<Mutex<Vec<Live>>> = Arc::default();
        let threads: Vec<_> = (0..3)
            .map(|me| {
                let shared = shared.clone();
                thread(move || {
                    for step in 0..4 {
                        let block = Live::new(if step % 2 == 0 { 20_000 } else { 100 }, 16, me);
                        // Nothing switches while the lock is held.
                        let other = {
                            let mut shared = shared.lock().expect("no thread panicked");
                            shared.push(block);
                            let place = step * 5 % shared.len();
                            (step > 0).then(|| shared.swap_remove(place))
                        };
                        free(other.into_iter().collect());
                    }
                })
            })
            .collect();
        join(threads);
        begin();
        let rest = std::mem::take(&mut *shared.lock().expect("no thread panicked"));
        free(rest);
        end();
    });
}

#[test]
fn a_first_class_heap_is_used_by_three_threads_and_destroyed() {
    in_many_orders(|| {
        let heap = Arc::new(Heap::new().expect("memory"));
        let shared: Arc<Mutex<Vec<Live>>> = Arc::default();
        let threads: Vec<_> = (0..3)
            .map(|me| {
                let (heap, shared) = (heap.clone(), shared.clone());
                thread(move || {
                    for step in 0..4 {
                        let size = if step % 2 == 0 { 20_000 } else { 100 };
                        let live = Live { block: heap.allocate(size, 16), size, fill: me };
                        live.write();
                        let other = {
                            let mut shared = shared.lock().expect("no thread panicked");
                            shared.push(live);
                            let place = step * 5 % shared.len();
                            (step > 0).then(|| shared.swap_remove(place))
                        };
                        // By its record, whose lock another thread may hold.
                        free(other.into_iter().collect());
                    }
                })
            })
            .collect();
        join(threads);
        let rest = std::mem::take(&mut *shared.lock().expect("no thread panicked"));
        rest.iter().for_each(Live::check);
        assert_eq!(heap.figures().blocks, rest.len());
        drop(heap);
    });
}
