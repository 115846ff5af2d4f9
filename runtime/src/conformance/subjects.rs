//! The family's allocators as subjects of the suite.

use super::{Block, Frees, Limits, Reuse, Subject, conformance};
use crate::alloc::bump::BumpAllocator;
use crate::alloc::free_list::{self, FreeListAllocator};
use crate::alloc::global::{global_alloc, global_dealloc, global_realloc};
use crate::alloc::kmem::{Buffer, ReasonText};
use crate::alloc::layouts::layout_new;
use crate::alloc::pool::PoolAllocator;
use crate::alloc::source;
use crate::alloc::stack::StackAllocator;
use crate::layout::{Allocation, Layout};
use crate::process::{self, Family, ProcessAllocator};
use core::ptr::NonNull;

/// Bytes of the buffers under test.
const CAPACITY: i64 = 32 << 10;

fn layout(size: usize, align: usize) -> Layout {
    layout_new(size as i64, align as i64)
}

fn pointer(ptr: i64) -> Option<NonNull<u8>> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(ptr as usize))
}

/// The block of an allocation that should be at least `size` bytes.
fn block(made: Allocation, size: usize) -> Option<NonNull<u8>> {
    assert!(made.ptr == 0 || made.size >= size as i64);
    pointer(made.ptr)
}

/// Drops an allocator's buffer with the subject.
macro_rules! dropping {
    ($name:ident, $inner:ty) => {
        struct $name($inner);

        impl Drop for $name {
            fn drop(&mut self) {
                assert_eq!(self.0.drop(), 0);
                assert_eq!(self.0.drop(), -1);
            }
        }
    };
}

dropping!(Bump, BumpAllocator);

impl Subject for Bump {
    fn limits(&self) -> Limits {
        Limits {
            max_size: 2000,
            max_align: 512,
            frees: Frees::None,
            reuse: Reuse::Never,
            resets: true,
            refuses: false,
        }
    }

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        block(self.0.alloc(layout(size, align)), size)
    }

    fn deallocate(&mut self, _: Block) -> bool {
        false
    }

    fn reset(&mut self) {
        assert_eq!(self.0.reset(), 0);
    }

    fn check(&self, live: &[Block], requested: usize) {
        assert_eq!(self.0.total_allocated(), requested as i64);
        let top = live.iter().map(|block| block.addr() + block.size).max().unwrap_or(self.0.buffer as usize);
        // Empty requests may lie above the top without moving it.
        assert!(self.0.remaining() >= CAPACITY - (top as i64 - self.0.buffer));
        assert_eq!(self.0.remaining() + self.0.offset, CAPACITY);
    }
}

conformance!(bump, || Bump(BumpAllocator::new(CAPACITY)));

dropping!(Stack, StackAllocator);

impl Subject for Stack {
    fn limits(&self) -> Limits {
        Limits {
            max_size: 2000,
            max_align: 512,
            frees: Frees::Last,
            reuse: Reuse::FromTheTop,
            resets: true,
            refuses: false,
        }
    }

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        block(self.0.alloc(layout(size, align)), size)
    }

    fn deallocate(&mut self, _: Block) -> bool {
        self.0.pop() == 0
    }

    fn reallocate(&mut self, old: Block, size: usize) -> Option<NonNull<u8>> {
        // Moving leaves the old block below the new one, so resizing is popping
        // and allocating again: the bytes are still there.
        let (offset, prev_offset) = (self.0.offset, self.0.prev_offset);
        assert_eq!(self.0.pop(), 0);
        let made = block(self.0.alloc(layout(size, old.align)), size);
        match made {
            Some(at) => assert_eq!(at, old.at, "the same place, for the same alignment"),
            None => (self.0.offset, self.0.prev_offset) = (offset, prev_offset),
        }
        made
    }

    fn reset(&mut self) {
        assert_eq!(self.0.reset(), 0);
    }

    fn check(&self, live: &[Block], _: usize) {
        let top = live.last().map_or(0, |block| (block.addr() + block.size) as i64 - self.0.buffer);
        assert_eq!((self.0.offset, self.0.remaining()), (top, CAPACITY - top));
        let below = live.len().checked_sub(2).map(|index| live[index]);
        let prev = below.map_or(0, |block| (block.addr() + block.size) as i64 - self.0.buffer);
        assert_eq!(self.0.prev_offset, prev);
    }
}

conformance!(stack, || Stack(StackAllocator::new(CAPACITY)));

dropping!(Pool, PoolAllocator);

/// Block size and count of the pool under test.
const POOL: (usize, i64) = (112, 60);

impl Subject for Pool {
    fn limits(&self) -> Limits {
        Limits {
            max_size: POOL.0,
            max_align: 16,
            frees: Frees::Any,
            reuse: Reuse::AtOnce,
            resets: false,
            refuses: true,
        }
    }

    fn allocate(&mut self, size: usize, _: usize) -> Option<NonNull<u8>> {
        if size > POOL.0 {
            return None;
        }
        pointer(self.0.alloc())
    }

    fn deallocate(&mut self, block: Block) -> bool {
        self.0.dealloc(block.addr() as i64) == 0
    }

    fn reallocate(&mut self, block: Block, size: usize) -> Option<NonNull<u8>> {
        (size <= POOL.0).then_some(block.at)
    }

    fn deallocate_bad(&mut self, at: usize) -> bool {
        self.0.dealloc(at as i64) == 0
    }

    fn check(&self, live: &[Block], _: usize) {
        assert_eq!(self.0.num_allocated(), live.len() as i64);
        assert_eq!(self.0.num_free_blocks(), POOL.1 - live.len() as i64);
    }

    fn starved(&mut self, _: usize, _: usize) -> Option<NonNull<u8>> {
        let filler: Vec<i64> = core::iter::from_fn(|| Some(self.0.alloc()).filter(|&at| at != 0)).collect();
        let starved = pointer(self.0.alloc());
        assert!(filler.iter().rev().all(|&at| self.0.dealloc(at) == 0));
        starved
    }
}

conformance!(pool, || Pool(PoolAllocator::new(POOL.0 as i64, POOL.1)));

dropping!(FreeList, FreeListAllocator);

impl Subject for FreeList {
    fn limits(&self) -> Limits {
        Limits {
            max_size: 3000,
            max_align: 1024,
            frees: Frees::Any,
            reuse: Reuse::AtOnce,
            resets: false,
            refuses: true,
        }
    }

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        block(self.0.alloc(layout(size, align)), size)
    }

    fn deallocate(&mut self, block: Block) -> bool {
        self.0.dealloc(block.addr() as i64) == 0
    }

    fn deallocate_bad(&mut self, at: usize) -> bool {
        self.0.dealloc(at as i64) == 0
    }

    fn check(&self, live: &[Block], _: usize) {
        self.0.check();
        let payload = |block: &Block| self.0.payload(block.addr() as i64).expect("live");
        assert!(live.iter().all(|block| payload(block) >= block.size));
        let bytes: usize = live.iter().map(|block| payload(block) + free_list::HEADER).sum();
        assert_eq!(self.0.total_allocated(), bytes as i64);
        assert_eq!(self.0.remaining(), CAPACITY - bytes as i64);
    }
}

conformance!(free_list_allocator, || FreeList(FreeListAllocator::new(CAPACITY)));

struct Kmem(Buffer);

impl Subject for Kmem {
    fn limits(&self) -> Limits {
        Limits {
            max_size: 3000,
            max_align: 1024,
            frees: Frees::Any,
            reuse: Reuse::AtOnce,
            resets: false,
            refuses: true,
        }
    }

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let at = self.0.allocate(size, align, ReasonText::of("conformance")).ok()?;
        // SAFETY: the block was just made, `size` bytes long.
        assert!((0..size).all(|i| unsafe { at.add(i).read() } == 0), "zeroed, also when used again");
        Some(at)
    }

    fn deallocate(&mut self, block: Block) -> bool {
        self.0.release(block.addr()).is_ok_and(|bytes| bytes == block.size as u64)
    }

    fn deallocate_bad(&mut self, at: usize) -> bool {
        self.0.release(at).is_ok()
    }

    fn check(&self, live: &[Block], _: usize) {
        assert!(live.iter().all(|block| self.0.size_of(block.addr()).ok() == Some(block.size as u64)));
        let bytes: usize = live.iter().map(|block| block.size).sum();
        let usage = self.0.reasons().usage_of(&ReasonText::of("conformance"));
        for figures in [usage, self.0.total()] {
            assert_eq!((figures.blocks, figures.bytes), (live.len() as u64, bytes as u64));
        }
    }
}

conformance!(kmem, || Kmem(Buffer::new(CAPACITY as usize).expect("memory")));

/// The global allocator has no figures; what it can show is that blocks hold.
struct Global;

impl Subject for Global {
    fn limits(&self) -> Limits {
        Limits {
            max_size: 100_000,
            max_align: 8192,
            frees: Frees::Any,
            reuse: Reuse::AtOnce,
            resets: false,
            refuses: false,
        }
    }

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        block(global_alloc(layout(size, align)), size)
    }

    fn deallocate(&mut self, block: Block) -> bool {
        // SAFETY: the suite frees live blocks with the layout they have.
        unsafe { global_dealloc(block.addr() as i64, layout(block.size, block.align)) };
        true
    }

    fn reallocate(&mut self, old: Block, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: as above.
        let made = unsafe {
            global_realloc(old.addr() as i64, layout(old.size, old.align), layout(size, old.align))
        };
        block(made, size)
    }

    fn check(&self, _: &[Block], _: usize) {}

    fn starved(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        source::testing::with_budget(0, || self.allocate(size, align))
    }
}

conformance!(global, || Global);

/// An allocator that cannot have its buffer is empty, refuses everything, and
/// can still be dropped (in vain).
#[test]
fn an_allocator_without_a_buffer_refuses() {
    let starved = |make: &dyn Fn()| source::testing::with_budget(0, make);
    starved(&|| {
        let mut a = BumpAllocator::new(64);
        assert_eq!((a.capacity, a.alloc(layout(1, 1)), a.reset(), a.drop()), (0, Allocation::NONE, -1, -1));
    });
    starved(&|| {
        let mut a = StackAllocator::new(64);
        assert_eq!((a.capacity, a.alloc(layout(1, 1)), a.pop(), a.drop()), (0, Allocation::NONE, -1, -1));
    });
    starved(&|| {
        let mut a = PoolAllocator::new(8, 8);
        assert_eq!((a.capacity, a.alloc(), a.dealloc(8), a.drop()), (0, 0, -1, -1));
    });
    starved(&|| {
        let mut a = FreeListAllocator::new(64);
        assert_eq!(
            (a.capacity, a.alloc(layout(1, 1)), a.dealloc(16), a.drop()),
            (0, Allocation::NONE, -1, -1)
        );
    });
}

/// An allocator that can be the process's, with its own limits.
struct Managed {
    allocator: &'static dyn ProcessAllocator,
    limits: Limits,
    /// Whether its figures count live blocks and nothing else.
    exact: bool,
}

impl Managed {
    fn new(family: &Family, max_size: usize, max_align: usize) -> Managed {
        let allocator = (family.create)(CAPACITY as usize * 4).expect("memory");
        let exact = family.sized && family.name != "kmem";
        let reuse = match family.name {
            "bump" => Reuse::Never,
            "stack" => Reuse::FromTheTop,
            _ => Reuse::AtOnce,
        };
        let limits = Limits { max_size, max_align, frees: Frees::Any, reuse, resets: false, refuses: false };
        Managed { allocator, limits, exact }
    }
}

impl Subject for Managed {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let block = self.allocator.allocate(size, align);
        assert_eq!(block.addr() % 16, 0);
        NonNull::new(block)
    }

    fn deallocate(&mut self, block: Block) -> bool {
        // SAFETY: the suite frees live blocks.
        unsafe { self.allocator.deallocate(block.at.as_ptr()) };
        true
    }

    fn reallocate(&mut self, block: Block, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the suite resizes live blocks.
        NonNull::new(unsafe { self.allocator.reallocate(block.at.as_ptr(), size, block.align) })
    }

    fn check(&self, live: &[Block], _: usize) {
        // SAFETY: the blocks are live.
        let usable = live.iter().map(|block| unsafe { self.allocator.usable_size(block.at.as_ptr()) });
        let sizes = usable.zip(live).map(|(usable, block)| {
            assert!(usable >= block.size);
            usable
        });
        let used: usize = sizes.sum();
        let figures = self.allocator.figures();
        if self.exact {
            assert_eq!((figures.used, figures.blocks), (used, live.len()));
        }
        if self.allocator.name() != "kmem" {
            assert_eq!(figures.total, figures.used + figures.free);
        }
    }
}

conformance!(managed_heap, || Managed::new(&process::FAMILIES[0], 100_000, 8192));
conformance!(managed_system, || Managed::new(&process::system::FAMILY, 100_000, 8192));
conformance!(managed_bump, || Managed::new(&process::bump::FAMILY, 3000, 1024));
conformance!(managed_free_list, || Managed::new(&process::free_list::FAMILY, 3000, 1024));
conformance!(managed_stack, || Managed::new(&process::stack::FAMILY, 3000, 1024));

/// kmem's buffer is the process's: made once, whatever size the tests ask for.
fn managed_kmem() -> Managed {
    let family = &process::kmem::FAMILY;
    let create = |_| -> Option<&'static dyn ProcessAllocator> {
        crate::alloc::kmem::prepare().then_some(&process::kmem::KMEM)
    };
    Managed::new(&Family { create, ..*family }, 3000, 1024)
}

conformance!(kmem_as_manager, managed_kmem);

/// The heap is the allocator that grows by asking the OS.
#[cfg(unix)]
#[test]
fn the_heap_survives_every_refusal_of_the_os() {
    crate::conformance::os_failures(|| Managed::new(&process::FAMILIES[0], 10_000_000, 16));
}
