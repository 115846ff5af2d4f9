//! Rust's containers on every allocator of the family.

use allocator_api2::alloc::{AllocError, Allocator};
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;
use vex_runtime::alloc::allocator_api::{GeneralHeap, Kmem, Region};
use vex_runtime::alloc::bump::BumpAllocator;
use vex_runtime::alloc::free_list::FreeListAllocator;
use vex_runtime::alloc::kmem;
use vex_runtime::alloc::pool::PoolAllocator;
use vex_runtime::alloc::stack::StackAllocator;
use vex_runtime::heap::Heap;
use vex_runtime::manager;

vex_runtime::instantiate_memory_manager!(vex_runtime::manager::PROCESS);

/// Enough for everything here.
const ROOM: i64 = 1 << 20;

/// A small generator (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// Containers of everything that moves, grows and is dropped; no block above `most` bytes.
fn containers<A: Allocator + Copy>(allocator: A, most: usize) {
    let mut numbers: Vec<u64, A> = Vec::new_in(allocator);
    for n in 0..(most / 8).min(1000) as u64 {
        numbers.push(n);
    }
    assert!(numbers.iter().copied().eq(0..(most / 8).min(1000) as u64));
    numbers.truncate(3);
    numbers.shrink_to_fit();
    assert_eq!(numbers[..], [0, 1, 2]);
    let text: Box<str, A> = {
        let mut bytes = Vec::with_capacity_in(11, allocator);
        bytes.extend_from_slice(b"first class");
        // SAFETY: the bytes are ASCII; the pointer and allocator are the box's own parts.
        unsafe {
            let (bytes, allocator) = Box::into_raw_with_allocator(bytes.into_boxed_slice());
            Box::from_raw_in(bytes as *mut str, allocator)
        }
    };
    let boxed = Box::new_in([7u16; 4], allocator);
    let nothing: Box<(), A> = Box::new_in((), allocator);
    assert_eq!((&*text, *boxed, *nothing), ("first class", [7; 4], ()));
}

/// The trait's own promises, in random order: blocks lie where they should, apart from each
/// other, and keep what is in them.
fn promises(allocator: &impl Allocator, most: usize, align: usize, seed: u64) {
    let mut random = Random(seed);
    let mut live: std::vec::Vec<(NonNull<u8>, Layout, u8)> = std::vec::Vec::new();
    let check = |block: NonNull<u8>, len: usize, fill: u8| {
        // SAFETY: the block is live and that long.
        let bytes = unsafe { core::slice::from_raw_parts(block.as_ptr(), len) };
        assert!(bytes.iter().all(|byte| *byte == fill), "{len} bytes of {fill}");
    };
    let mut refused = 0;
    for step in 0..3_000 {
        let fill = step as u8;
        let alignment = 1 << random.below(align.ilog2() as usize + 1);
        let layout = Layout::from_size_align(random.below(most + 1), alignment).expect("a layout");
        let got: Result<NonNull<[u8]>, AllocError> = match random.below(5) {
            0 | 1 if live.len() < 20 => match random.below(2) {
                0 => allocator.allocate(layout),
                _ => allocator.allocate_zeroed(layout).inspect(|block| check(block.cast(), layout.size(), 0)),
            },
            2 | 3 if !live.is_empty() => {
                let (block, old, fill) = live.swap_remove(random.below(live.len()));
                check(block, old.size(), fill);
                let kept = old.size().min(layout.size());
                // SAFETY: the block is live with this layout, and the new one is not shorter
                // or not longer.
                let resized = unsafe {
                    match layout.size() >= old.size() {
                        true if step % 2 == 0 => allocator.grow_zeroed(block, old, layout),
                        true => allocator.grow(block, old, layout),
                        false => allocator.shrink(block, old, layout),
                    }
                };
                match &resized {
                    Ok(resized) => check(resized.cast(), kept, fill),
                    // Then it is as it was.
                    Err(AllocError) => live.push((block, old, fill)),
                }
                resized
            }
            _ if !live.is_empty() => {
                let (block, layout, fill) = live.swap_remove(random.below(live.len()));
                check(block, layout.size(), fill);
                // SAFETY: the block is live with this layout, and forgotten here.
                unsafe { allocator.deallocate(block, layout) };
                continue;
            }
            _ => continue,
        };
        let Ok(block) = got else {
            refused += 1;
            continue;
        };
        assert!(
            block.len() >= layout.size() && block.cast::<u8>().addr().get().is_multiple_of(layout.align())
        );
        // SAFETY: the block is live and that long.
        unsafe { block.cast::<u8>().write_bytes(fill, layout.size()) };
        live.push((block.cast(), layout, fill));
    }
    assert!(refused < 2_000, "{refused} were refused");
    for (block, layout, fill) in live {
        check(block, layout.size(), fill);
        // SAFETY: as above.
        unsafe { allocator.deallocate(block, layout) };
    }
}

#[test]
fn the_general_heap() {
    containers(GeneralHeap, 100_000);
    promises(&GeneralHeap, 3_000, 4096, 0xA110_0001);
    promises(&GeneralHeap, 300_000, 65536, 0xA110_0002);
}

#[test]
fn a_first_class_heap() {
    let heap = Heap::new().expect("memory");
    containers(&heap, 100_000);
    promises(&heap, 3_000, 4096, 0xA110_0003);
    assert_eq!(heap.figures().blocks, 0);
    // In the heap, and gone with it.
    let mut numbers = Vec::new_in(heap);
    numbers.extend(0..10_000);
    assert_eq!(numbers.allocator().figures().blocks, 1);
    assert_eq!(numbers.iter().sum::<i32>(), 49_995_000);
}

#[test]
fn managers() {
    containers(manager::get_instance(), 100_000);
    promises(manager::get_instance(), 3_000, 4096, 0xA110_0004);
}

#[test]
fn the_bump_allocator() {
    let mut region = Region::new(BumpAllocator::new(ROOM));
    containers(&region, 8_000);
    region.reset();
    promises(&region, 100, 64, 0xA110_0005);
    region.reset();
    // Growing the last block takes no more than what it grows by.
    let mut numbers = Vec::new_in(&region);
    (0..60_000u64).for_each(|n| numbers.push(n));
    assert_eq!(region.look(BumpAllocator::remaining), ROOM - numbers.capacity() as i64 * 8);
    drop(numbers);
    assert_eq!(region.look(BumpAllocator::total_allocated), 0);
    assert!(Vec::<u8, _>::new_in(&region).try_reserve(ROOM as usize + 1).is_err());
}

#[test]
fn the_pool() {
    let region = Region::new(PoolAllocator::new(64, 40));
    containers(&region, 64);
    promises(&region, 64, 64, 0xA110_0006);
    assert_eq!(region.look(PoolAllocator::num_allocated), 0);
    // Its blocks lie 40 bytes apart, so not every one is aligned to 16.
    promises(&Region::new(PoolAllocator::new(40, 40)), 40, 16, 0xA110_000A);
    assert!(Vec::<u8, _>::new_in(&region).try_reserve_exact(65).is_err());
    let all: std::vec::Vec<_> = (0..40).map(|n| Box::new_in(n, &region)).collect();
    assert!(Box::try_new_in(41, &region).is_err());
    assert_eq!(all.iter().map(|n| **n).sum::<i32>(), 780);
}

#[test]
fn the_free_list() {
    let region = Region::new(FreeListAllocator::new(ROOM));
    containers(&region, 8_000);
    promises(&region, 3_000, 256, 0xA110_0007);
    assert_eq!(region.look(FreeListAllocator::total_allocated), 0);
}

#[test]
fn the_stack() {
    let mut region = Region::new(StackAllocator::new(ROOM));
    containers(&region, 8_000);
    region.reset();
    promises(&region, 100, 64, 0xA110_0008);
    region.reset();
    let before = region.look(StackAllocator::remaining);
    {
        let below = Box::new_in([1u8; 100], &region);
        let mut above = Vec::new_in(&region);
        (0..10_000u32).for_each(|n| above.push(n));
        above.truncate(10);
        above.shrink_to_fit();
        assert!(before - region.look(StackAllocator::remaining) < 200);
        assert_eq!((below[99], above[9]), (1, 9));
        // Last in, first out: `above` goes before `below`.
    }
    assert_eq!(region.look(StackAllocator::remaining), before);
}

#[test]
fn kmem_by_reason() {
    assert!(kmem::configure(4 << 20));
    let shapes = Kmem { reason: "shapes" };
    containers(shapes, 8_000);
    promises(&shapes, 3_000, 64, 0xA110_0009);
    let numbers: Vec<u64, Kmem> = Vec::with_capacity_in(100, shapes);
    assert_eq!(kmem::usage("shapes").bytes, 800);
    drop(numbers);
    assert_eq!(kmem::usage("shapes").bytes, 0);
    assert!(Vec::<u8, _>::new_in(shapes).try_reserve(5 << 20).is_err());
}
