//! The OS refusing, at every call there is: each allocation is null or a good block,
//! nothing is corrupt, nothing is lost, and the heap goes on when the OS does.

use super::*;
use crate::heap::heaps::Heap;
use crate::os::refusals::{Plan, refusing};
use crate::process::memory_held;

/// Blocks of a workload, of which some could not be had.
#[derive(Default)]
struct Held {
    blocks: Vec<Live>,
    refused: usize,
}

impl Held {
    /// Allocates if the heap can; what it gives must be good.
    fn get(&mut self, size: usize, align: usize, zeroed: bool) {
        let block = if zeroed { allocate_zeroed(size, align) } else { allocate(size, align) };
        if block.is_null() {
            self.refused += 1;
            return;
        }
        assert!((block as usize).is_multiple_of(align.max(MIN_ALIGN)));
        let live = Live { block, size, fill: self.blocks.len() as u8 | 1 };
        if zeroed {
            // SAFETY: inside the block.
            live.places().for_each(|at| assert_eq!(unsafe { *block.add(at) }, 0));
        }
        live.write();
        self.blocks.push(live);
    }

    /// Resizes; refused, the block stays as it is.
    fn resize(&mut self, index: usize, size: usize) {
        let index = index % self.blocks.len().max(1);
        let Some(live) = self.blocks.get_mut(index) else { return };
        live.check();
        // SAFETY: the block is live and the old address is not used after success.
        let moved = unsafe { reallocate(live.block, size, 16) };
        if moved.is_null() {
            self.refused += 1;
            return live.check();
        }
        let kept = Live { block: moved, size: live.size.min(size), fill: live.fill };
        // SAFETY: inside both the old and the new size.
        (0..kept.size.min(64)).for_each(|at| assert_eq!(unsafe { *moved.add(at) }, kept.fill));
        (live.block, live.size) = (moved, size);
        live.write();
    }

    fn free_every(&mut self, step: usize) {
        let mut index = 0;
        self.blocks.iter().for_each(Live::check);
        while index < self.blocks.len() {
            self.blocks.swap_remove(index).free();
            index += step - 1;
        }
    }
}

/// All that the heap asks the OS for, several times.
fn workload(held: &mut Held) {
    for round in 0..2 {
        for size in [100, 20_000, 70_000, 300_000, 2_300_000] {
            held.get(size, 16, round == 1);
        }
        held.get(1000, 1 << 12, false);
        held.get(3 << 20, 1 << 21, false);
        held.get(100, 1 << 23, false);
        for index in 0..24 {
            held.get(30_000 + index, 16, false);
        }
        for (index, size) in [(4, 5 << 20), (6, 3 << 20), (4, 3 << 20), (3, 900_000), (0, 3 << 20)] {
            held.resize(index, size);
        }
        own_pages();
        first_class();
        held.free_every(3);
        collect();
        if round == 1 {
            trim();
        }
    }
}

/// Blocks with capabilities, protected and not.
fn own_pages() {
    for flags in [large::EXECUTABLE, large::PINNED] {
        let block = allocate_own_pages(10_000, 16, flags);
        if !block.is_null() {
            // SAFETY: live, that long, freed once.
            unsafe {
                block.add(9_999).write(1);
                deallocate(block);
            }
        }
    }
}

/// A heap that is destroyed with its blocks in it.
fn first_class() {
    let Some(heap) = Heap::new() else { return };
    for size in [50, 40_000, 3 << 20] {
        let block = heap.allocate(size, 16);
        if !block.is_null() {
            // SAFETY: inside the block.
            unsafe { block.add(size - 1).write(1) };
        }
    }
}

/// Runs the workload in a thread of its own, so that it also needs a heap and a hook,
/// under a plan; afterwards the thread must be able to work as if nothing had been.
fn run(plan: Plan) -> (u64, usize) {
    let thread = std::thread::spawn(move || {
        let mut held = Held::default();
        // Room beforehand, so that what is counted does not depend on it.
        held.blocks.reserve(1000);
        let failed = refusing(plan, || workload(&mut held));
        held.blocks.iter().for_each(Live::check);
        let refused = held.refused;
        for size in [100, 30_000, 300_000, 3 << 20] {
            held.get(size, 16, true);
        }
        held.resize(usize::MAX, 4 << 20);
        assert_eq!(held.refused, refused, "the OS refuses no more");
        held.free_every(1);
        (failed, refused)
    });
    thread.join().expect("the thread finishes")
}

/// Runs the workload for every number of a call until a plan was not reached.
fn sweep(plan: fn(u64) -> Plan, step: usize) -> (u64, usize) {
    let refused = core::cell::Cell::new(0);
    for number in (0..).step_by(step) {
        let reached = core::cell::Cell::new(true);
        in_child_with(
            || {
                let start = (figures().used, figures().blocks, pages());
                let held = memory_held();
                let (failed, refused) = run(plan(number));
                settle();
                trim();
                assert_eq!(
                    (figures().used, figures().blocks, pages()),
                    start,
                    "{plan:?}",
                    plan = plan(number)
                );
                // A heap, its hook, and what was mapped for bookkeeping stay.
                assert!(memory_held() <= held + (1 << 20), "{} held after {held}", memory_held());
                [u8::from(failed > 0), refused.min(255) as u8]
            },
            |[failed, count]| {
                reached.set(failed != 0);
                refused.set(refused.get() + usize::from(count));
            },
        );
        if !reached.get() {
            return (number, refused.get());
        }
    }
    unreachable!("every workload ends")
}

#[test]
fn any_one_call_of_the_os_may_fail() {
    let (calls, refused) = sweep(Plan::Only, 1);
    println!("{calls} calls, {refused} allocations refused");
    // Nearly always the heap finds another way, but it does make calls.
    assert!(calls > 40, "{calls}");
}

#[test]
fn every_call_of_the_os_may_fail_from_some_on() {
    let (calls, refused) = sweep(Plan::From, crate::long::pick(3, 1));
    println!("{calls} calls, {refused} allocations refused");
    assert!(calls > 40 && refused > 100, "{calls} {refused}");
}

#[test]
fn every_mapping_may_fail_from_some_on() {
    let (calls, refused) = sweep(Plan::MapsFrom, crate::long::pick(3, 1));
    println!("{calls} calls, {refused} allocations refused");
    assert!(calls > 20 && refused > 50, "{calls} {refused}");
}
