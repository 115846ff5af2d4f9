//! The twins of allocators with a buffer, of kmem and of a program's own: blocks inside of
//! buffers, and allocators that are gone.

use super::call;
use crate::abi::VexStr;
use crate::alloc::bump::BumpAllocator;
use crate::alloc::free_list::FreeListAllocator;
use crate::alloc::pool::PoolAllocator;
use crate::alloc::stack::StackAllocator;
use crate::checked::testing::{found, found_one, in_child_enabled, in_child_with, without};
use crate::checked::{BadFree, Checks, DefectKind, Origin, State, map};
use crate::layout::{Allocation, Layout};
use core::ffi::c_void;

type Ptr = *mut c_void;
type Bump = *mut BumpAllocator;
type Pool = *mut PoolAllocator;
type List = *mut FreeListAllocator;
type Stack = *mut StackAllocator;

fn layout(size: i64) -> Layout {
    Layout { size, align: 8 }
}

/// Writes to an address as a program does that has it as an integer.
fn write(at: i64, n: usize) {
    let at = core::ptr::with_exposed_provenance_mut(at as usize);
    call!(vex_memset(at, 1, n) as fn(Ptr, i32, usize) -> Ptr);
}

/// A copy of an allocator, as programs make them: a second one with the same buffer.
fn copy<T>(of: &T) -> T {
    // SAFETY: the structures are plain numbers to the program.
    unsafe { core::ptr::read(of) }
}

fn bump(capacity: i64) -> BumpAllocator {
    let mut made = BumpAllocator::default();
    call!(vex_bump_init(&raw mut made, capacity) as fn(Bump, i64));
    made
}

fn take(from: &mut BumpAllocator, size: i64) -> i64 {
    call!(vex_bump_alloc(from, layout(size)) as fn(Bump, Layout) -> Allocation).ptr
}

#[test]
fn a_bump_allocators_blocks_have_ends_and_an_end() {
    in_child_enabled(|| {
        let mut arena = bump(1024);
        let (a, b) = (take(&mut arena, 24), take(&mut arena, 24));
        assert_eq!((b - a, arena.offset, arena.allocated), (24, 48, 48));
        write(a, 24);
        assert!(found().is_empty());
        // Into the neighbour, into what was not dealt out, and after the end.
        write(a, 25);
        let defect = found_one();
        assert_eq!((defect.kind, defect.address), (DefectKind::OutOfBounds, a as usize + 24));
        write(b, 25);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        call!(vex_bump_reset(&raw mut arena) as fn(Bump) -> i64);
        write(a, 1);
        let defect = found_one();
        assert_eq!(defect.kind, DefectKind::StaleRegion);
        assert_eq!(defect.block.expect("the block").state, State::Reset);
        assert_eq!(take(&mut arena, 100), a);
        write(a, 100);
        assert_eq!(take(&mut arena, 2000), 0);
        assert!(found().is_empty());
        // A program may put the offset back.
        arena.offset = 0;
        assert_eq!(take(&mut arena, 8), a);
        write(a + 50, 1);
        assert_eq!(found_one().kind, DefectKind::StaleRegion);
    });
    in_child_with(without(Checks::REGION), || {
        let mut arena = bump(1024);
        let a = take(&mut arena, 24);
        call!(vex_bump_reset(&raw mut arena) as fn(Bump) -> i64);
        write(a, 1);
        assert!(found().is_empty());
    });
}

#[test]
fn allocators_that_were_dropped_are_stale_and_so_are_their_copies() {
    in_child_enabled(|| {
        let mut arena = bump(256);
        let mut stale = copy(&arena);
        let drop = |arena: &mut BumpAllocator| call!(vex_bump_drop(arena) as fn(Bump) -> i64);
        assert_eq!((drop(&mut arena), arena.buffer), (0, 0));
        assert!(found().is_empty());
        assert_eq!(take(&mut stale, 8), 0);
        let defect = found_one();
        let block = defect.block.expect("the buffer");
        assert_eq!(
            (defect.kind, block.origin, block.state),
            (DefectKind::StaleRegion, Origin::Bump, State::Freed)
        );
        assert_eq!(drop(&mut stale), -1);
        assert_eq!(found_one().kind, DefectKind::DoubleFree);
        assert_eq!((drop(&mut arena), found_one().kind), (-1, DefectKind::DoubleFree));
        assert_eq!((take(&mut arena, 8), found_one().kind), (0, DefectKind::StaleRegion));
        // Also where the buffer's memory is something else by now.
        let mut arena = bump(256);
        let (mut stale, buffer) = (copy(&arena), arena.buffer as usize);
        drop(&mut arena);
        let reused = (0..100).any(|_| {
            let start = map::strip(call!(vex_aligned_alloc(64, 320) as fn(usize, usize) -> Ptr).addr());
            (start..start + 320).contains(&buffer)
        });
        assert!(reused && found().is_empty());
        assert_eq!((take(&mut stale, 8), found_one().kind), (0, DefectKind::StaleRegion));
        // One that never had a buffer is none that was dropped.
        let mut none = bump(-5);
        assert_eq!((take(&mut none, 8), drop(&mut none)), (0, -1));
        assert!(found().is_empty());
    });
}

#[test]
fn a_lent_buffer_stays_the_programs() {
    in_child_enabled(|| {
        let buffer = call!(vex_malloc(128) as fn(usize) -> Ptr);
        let address = map::strip(buffer.addr()) as i64;
        write(address, 128);
        let lend = |capacity| {
            let mut made = BumpAllocator::default();
            let this = &raw mut made;
            call!(vex_bump_from_buffer(this, address, capacity) as fn(Bump, i64, i64));
            made
        };
        assert_eq!(lend(129).buffer, 0);
        let defect = found_one();
        assert_eq!((defect.kind, defect.address), (DefectKind::OutOfBounds, address as usize + 128));
        let mut arena = lend(128);
        let a = take(&mut arena, 16);
        write(a + 8, 8);
        assert_eq!(call!(vex_bump_drop(&raw mut arena) as fn(Bump) -> i64), 0);
        let all = call!(vex_memcmp(buffer, buffer, 128) as fn(Ptr, Ptr, usize) -> i32);
        call!(vex_free(buffer) as fn(Ptr));
        assert!(all == 0 && found().is_empty());
    });
}

#[test]
fn pools_and_free_lists_take_back_their_own_live_blocks_only() {
    in_child_enabled(|| {
        let pool = || {
            let mut made = PoolAllocator::default();
            call!(vex_pool_init(&raw mut made, 60, 4) as fn(Pool, i64, i64));
            made
        };
        let (mut one, mut other) = (pool(), pool());
        let take = |pool: &mut PoolAllocator| call!(vex_pool_alloc(pool) as fn(Pool) -> i64);
        let give = |pool: &mut PoolAllocator, at| call!(vex_pool_dealloc(pool, at) as fn(Pool, i64) -> i64);
        let (a, b) = (take(&mut one), take(&mut one));
        write(a, 64);
        write(b, 64);
        assert!(found().is_empty());
        write(a, 65);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        assert_eq!((give(&mut other, a), found_one().kind), (-1, DefectKind::WrongAllocator));
        assert_eq!((give(&mut one, a + 8), found_one().kind), (-1, DefectKind::BadFree(BadFree::Interior)));
        assert_eq!((give(&mut one, a), one.num_free), (0, 3));
        assert_eq!((give(&mut one, a), found_one().kind), (-1, DefectKind::DoubleFree));
        write(a, 8);
        assert_eq!(found_one().kind, DefectKind::UseAfterFree);
        assert_eq!((take(&mut one), found().len()), (a, 0));
        call!(vex_free(core::ptr::with_exposed_provenance_mut(b as usize)) as fn(Ptr));
        assert_eq!(found_one().kind, DefectKind::WrongAllocator);
        assert_eq!(give(&mut one, b), 0);

        let mut list = FreeListAllocator::default();
        call!(vex_freelist_init(&raw mut list, 4096) as fn(List, i64));
        let block = call!(vex_freelist_alloc(&raw mut list, layout(100)) as fn(List, Layout) -> Allocation);
        write(block.ptr, block.size as usize);
        assert!(found().is_empty());
        write(block.ptr, block.size as usize + 1);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        let list = &raw mut list;
        let give = |at| call!(vex_freelist_dealloc(list, at) as fn(List, i64) -> i64);
        assert_eq!((give(a), found_one().kind), (-1, DefectKind::WrongAllocator));
        assert_eq!((give(block.ptr), give(block.ptr)), (0, -1));
        assert_eq!(found_one().kind, DefectKind::DoubleFree);
    });
}

#[test]
fn what_a_stack_popped_is_gone() {
    in_child_enabled(|| {
        let mut stack = StackAllocator::default();
        call!(vex_stack_init(&raw mut stack, 512) as fn(Stack, i64));
        let this = &raw mut stack;
        let take = |size| call!(vex_stack_alloc(this, layout(size)) as fn(Stack, Layout) -> Allocation).ptr;
        let pop = || call!(vex_stack_pop(this) as fn(Stack) -> i64);
        let (a, b) = (take(30), take(30));
        write(a, 30);
        write(b, 30);
        assert!(found().is_empty());
        write(a, 31);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        assert_eq!(pop(), 0);
        write(a, 30);
        assert!(found().is_empty());
        write(b, 1);
        assert_eq!(found_one().kind, DefectKind::StaleRegion);
        // That an empty one has nothing to pop is what -1 says.
        assert_eq!((pop(), pop()), (0, -1));
        assert!(found().is_empty());
    });
}

#[test]
fn kmem_knows_exact_sizes_and_reasons() {
    in_child_enabled(|| {
        crate::alloc::kmem::forget_buffer();
        let take =
            |bytes, why: &'static str| call!(vex_kmem_allocate(bytes, why.into()) as fn(i32, VexStr) -> Ptr);
        let give = |mut block: Ptr| {
            call!(vex_kmem_release(&raw mut block) as fn(*mut Ptr));
            block
        };
        let (a, b) = (take(44, "names"), take(44, "others"));
        assert!(map::in_arena(map::strip(a.addr())));
        assert_eq!(call!(vex_kmem_sizeof_allocation(a) as fn(Ptr) -> u32), 44);
        assert_eq!(call!(vex_kmem_usage("names".into()) as fn(VexStr) -> i64), 44);
        let compare = |n| call!(vex_memcmp(a, b, n) as fn(Ptr, Ptr, usize) -> i32);
        assert_eq!((compare(44), found().len()), (0, 0), "zeroed");
        compare(45);
        assert_eq!(found()[0].kind, DefectKind::OutOfBounds);
        // What was not dealt out is kmem's own.
        write(map::strip(b.addr()) as i64 + 4096, 1);
        assert_eq!(found_one().kind, DefectKind::StaleRegion);
        assert_eq!(give(b.wrapping_byte_add(4)), b.wrapping_byte_add(4));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Interior));
        assert!(give(b).is_null() && found().is_empty());
        give(b);
        let defect = found_one();
        assert_eq!(defect.kind, DefectKind::DoubleFree);
        assert_eq!(defect.block.expect("the block").reason, Some("others"));
        give(call!(vex_malloc(8) as fn(usize) -> Ptr));
        assert_eq!(found_one().kind, DefectKind::WrongAllocator);
        assert!(take(0, "nothing").is_null());
        assert_eq!(found_one().kind, DefectKind::BadSize);
        call!(vex_free(a) as fn(Ptr));
        assert_eq!(found_one().kind, DefectKind::WrongAllocator);
    });
}

#[test]
fn programs_have_allocators_of_their_own() {
    in_child_enabled(|| {
        let buffer = call!(vex_malloc(256) as fn(usize) -> Ptr);
        let poison = |at: Ptr, n| call!(vex_checked_poison(at, n) as fn(Ptr, usize));
        let block = |at: Ptr, n| call!(vex_checked_block(at, n) as fn(Ptr, usize) -> Ptr);
        let set = |at: Ptr, n| {
            call!(vex_memset(at, 1, n) as fn(Ptr, i32, usize) -> Ptr);
        };
        poison(buffer, 256);
        set(buffer, 1);
        assert_eq!(found_one().kind, DefectKind::StaleRegion);
        let part = block(buffer.wrapping_byte_add(16), 20);
        assert_eq!(map::strip(part.addr()), map::strip(buffer.addr()) + 16);
        set(part, 20);
        assert!(found().is_empty());
        set(part, 21);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        poison(buffer, 256);
        set(part, 1);
        let defect = found_one();
        assert_eq!(
            (defect.kind, defect.block.expect("it").origin),
            (DefectKind::StaleRegion, Origin::Custom)
        );
        call!(vex_checked_unpoison(buffer, 256) as fn(Ptr, usize));
        set(buffer, 256);
        assert!(found().is_empty());
        call!(vex_checked_unwritten(buffer, 4) as fn(Ptr, usize));
        call!(vex_memcmp(buffer, buffer, 4) as fn(Ptr, Ptr, usize) -> i32);
        assert_eq!(found()[0].kind, DefectKind::Unwritten);
        block(buffer.wrapping_byte_add(250), 7);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        assert!(call!(vex_checked_is_on() as fn() -> bool));
        call!(vex_free(buffer) as fn(Ptr));
        assert!(found().is_empty());
    });
}
