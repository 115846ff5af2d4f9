//! The twins of functions that allocate, free, copy, compare and print: what they report,
//! and that they do the same as their functions otherwise.

use super::call;
use crate::abi::VexStr;
use crate::checked::testing::{found, found_one, in_child_enabled, in_child_with, without};
use crate::checked::{self, BadFree, Checks, DefectKind, Origin, State, map};
use crate::layout::{Allocation, Layout};
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

type Ptr = *mut c_void;

fn malloc(size: usize) -> Ptr {
    call!(vex_malloc(size) as fn(usize) -> Ptr)
}

fn free(block: Ptr) {
    call!(vex_free(block) as fn(Ptr))
}

fn set(at: Ptr, value: i32, n: usize) {
    call!(vex_memset(at, value, n) as fn(Ptr, i32, usize) -> Ptr);
}

/// A byte of the program's, whatever is known of it.
fn byte(at: Ptr) -> u8 {
    // SAFETY: memory of the checked heap.
    unsafe { *core::ptr::with_exposed_provenance(map::strip(at.addr())) }
}

#[test]
fn the_prelude_reports_what_it_cannot_do() {
    in_child_enabled(|| {
        let block = malloc(100);
        assert!(map::tag_of(block.addr()) >= map::FIRST_TAG && map::strip(block.addr()).is_multiple_of(16));
        assert_eq!(call!(vex_malloc_usable_size(block) as fn(Ptr) -> usize), 100);
        set(block, 7, 100);
        let moved = call!(vex_realloc(block, 300) as fn(Ptr, usize) -> Ptr);
        assert_eq!((byte(moved), byte(moved.wrapping_byte_add(99))), (7, 7));
        assert!(found().is_empty());

        free(block);
        let stale = found_one();
        assert_eq!(stale.kind, DefectKind::DoubleFree);
        let old = stale.block.expect("the old block");
        assert_eq!((old.state, old.moved_to), (State::Moved, Some(map::strip(moved.addr()))));

        call!(vex_malloc_usable_size(block) as fn(Ptr) -> usize);
        assert_eq!(found_one().kind, DefectKind::UseAfterFree);
        free(moved.wrapping_byte_add(8));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Interior));
        free(moved);
        free(null_mut());
        assert!(call!(vex_realloc(malloc(8), 0) as fn(Ptr, usize) -> Ptr).is_null());
        assert!(found().is_empty());
    });
}

#[test]
fn sizes_that_cannot_be_meant_are_reported_and_large_ones_fail() {
    in_child_enabled(|| {
        for size in [usize::MAX, -8isize as usize, 1 << 62, 1 << 47] {
            assert!(malloc(size).is_null());
            let defect = found_one();
            assert_eq!((defect.kind, defect.function), (DefectKind::BadSize, "vex_malloc"));
            assert_eq!(defect.given.size, Some(size as isize as i128));
        }
        assert!(malloc(1 << 46).is_null());
        assert!(call!(vex_calloc(usize::MAX, 2) as fn(usize, usize) -> Ptr).is_null());
        assert!(call!(__vera_sys_alloc(-1, 8) as fn(i64, i64) -> Ptr).is_null());
        assert!(call!(vex_aligned_alloc(3, 8) as fn(usize, usize) -> Ptr).is_null());
        assert!(found().is_empty());
        let block = malloc(8);
        set(block, 0, -1isize as usize);
        assert_eq!(found_one().block.expect("the block").size, 8);
    });
    in_child_with(without(Checks::NEGATIVE_SIZE), || {
        assert!(malloc(usize::MAX).is_null() && found().is_empty());
    });
}

#[test]
fn sized_frees_say_what_the_block_is() {
    in_child_enabled(|| {
        let vera = |size, align| call!(__vera_sys_alloc(size, align) as fn(i64, i64) -> Ptr);
        let give = |block, size, align| call!(__vera_sys_free(block, size, align) as fn(Ptr, i64, i64));
        give(vera(24, 8), 24, 8);
        give(vera(24, 64), 24, 64);
        assert!(found().is_empty());
        give(vera(24, 8), 16, 8);
        let defect = found_one();
        assert_eq!((defect.kind, defect.given.expected_size), (DefectKind::WrongSize, Some(24)));
        give(vera(24, 64), 24, 32);
        assert_eq!(found_one().kind, DefectKind::WrongAlign);
        // `free` of a block of `allocate_aligned`.
        give(vera(24, 64), 24, 8);
        let defect = found_one();
        assert_eq!((defect.kind, defect.given.by), (DefectKind::WrongAllocator, Some(Origin::Vera)));

        let layout = |size, align| Layout { size, align };
        let block = call!(vex_global_alloc(layout(40, 8)) as fn(Layout) -> Allocation);
        assert_eq!((map::tag_of(block.ptr as usize), block.size), (0, 40));
        let old = block.ptr;
        let block =
            call!(vex_global_realloc(old, layout(40, 8), layout(80, 16))
                as fn(i64, Layout, Layout) -> Allocation);
        assert!(block.ptr != old && found().is_empty());
        call!(vex_global_dealloc(block.ptr, layout(40, 8)) as fn(i64, Layout));
        assert_eq!(found_one().kind, DefectKind::WrongSize);
        let none = call!(vex_global_alloc(layout(-1, 8)) as fn(Layout) -> Allocation);
        assert!(none == Allocation::NONE && found().is_empty());

        // As much as may be page-locked at once, many times over.
        for _ in 0..600 {
            let device = call!(xila_manager_allocate(2, layout(1 << 14, 64)) as fn(u8, Layout) -> Ptr);
            let moved = call!(xila_manager_reallocate(2, device, layout(1 << 14, 64), 1 << 15)
                as fn(u8, Ptr, Layout, usize) -> Ptr);
            assert!(!device.is_null() && !moved.is_null() && device != moved);
            call!(xila_manager_deallocate(moved, layout(1 << 15, 64)) as fn(Ptr, Layout));
        }
        assert!(found().is_empty());
        let code = call!(xila_manager_allocate(1, layout(64, 64)) as fn(u8, Layout) -> Ptr);
        call!(xila_manager_deallocate(code, layout(64, 32)) as fn(Ptr, Layout));
        assert_eq!(found_one().kind, DefectKind::WrongAlign);
    });
    in_child_with(without(Checks::SIZE), || {
        let block = call!(__vera_sys_alloc(24, 8) as fn(i64, i64) -> Ptr);
        call!(__vera_sys_free(block, 7, 8) as fn(Ptr, i64, i64));
        assert!(found().is_empty());
    });
}

#[test]
fn each_block_goes_back_to_its_own_allocator() {
    in_child_enabled(|| {
        let vera = call!(__vera_sys_alloc(24, 8) as fn(i64, i64) -> Ptr);
        free(vera);
        let defect = found_one();
        assert_eq!((defect.kind, defect.given.by), (DefectKind::WrongAllocator, Some(Origin::Vex)));
        assert_eq!(defect.block.expect("a block").origin, Origin::Vera);

        let c = call!(malloc(24) as fn(usize) -> Ptr);
        free(c);
        assert_eq!(found_one().block.expect("a block").origin, Origin::Libc);
        // What C itself allocated goes back to C.
        // SAFETY: no preconditions.
        let theirs = unsafe { libc::malloc(8) };
        call!(free(theirs) as fn(Ptr));
        assert!(found().is_empty());

        // SAFETY: no preconditions.
        let heap: Ptr = unsafe { crate::embed::heaps::vex_heap_new() }.cast();
        let block = call!(vex_heap_alloc(heap, 40) as fn(Ptr, usize) -> Ptr);
        assert_eq!(call!(vex_heap_of(block) as fn(Ptr) -> Ptr), heap);
        call!(vex_heap_destroy(heap) as fn(Ptr));
        assert!(found().is_empty());
        set(block, 0, 1);
        assert_eq!(found_one().kind, DefectKind::UseAfterFree);
    });
}

#[test]
fn copies_are_checked_at_both_ends_and_carry_what_was_written() {
    in_child_enabled(|| {
        let copy = |to, from, n| call!(vex_memcpy(to, from, n) as fn(Ptr, Ptr, usize) -> Ptr);
        let slide = |to, from, n| call!(vex_memmove(to, from, n) as fn(Ptr, Ptr, usize) -> Ptr);
        let (a, b) = (malloc(16), malloc(16));
        set(a, 1, 8);
        assert_eq!(copy(b, a, 16), b);
        assert!(found().is_empty(), "bytes that were never written may be copied");
        let compare = |n| call!(vex_memcmp(a, b, n) as fn(Ptr, Ptr, usize) -> i32);
        assert_eq!((compare(8), found().len()), (0, 0));
        compare(9);
        let defect = found();
        assert_eq!(defect[0].unwritten.expect("which").first, map::strip(a.addr()) + 8);

        copy(b, a, 17);
        let ends = found().into_iter().map(|defect| (defect.kind, defect.address)).collect::<Vec<_>>();
        assert_eq!(ends, [a, b].map(|at| (DefectKind::OutOfBounds, map::strip(at.addr()) + 16)));
        set(b.wrapping_byte_add(10), 0, 7);
        assert_eq!(found_one().address, map::strip(b.addr()) + 16);
        copy(b, null_mut(), 0);
        copy(b, b, 16);
        assert!(found().is_empty());

        copy(a.wrapping_byte_add(4), a, 8);
        let defect = found_one();
        assert_eq!((defect.kind, defect.given.other), (DefectKind::Overlap, Some(map::strip(a.addr()))));
        // Moved onto itself, the bytes behind the written ones stay as they are.
        let c = malloc(16);
        set(c, 5, 6);
        slide(c.wrapping_byte_add(2), c, 8);
        assert!(found().is_empty());
        assert_eq!((byte(c.wrapping_byte_add(7)), unwritten(c)), (5, 0b1111_1111_0000_0000));
    });
    in_child_with(without(Checks::OVERLAP), || {
        let a = malloc(16);
        call!(vex_memcpy(a.wrapping_byte_add(4), a, 8) as fn(Ptr, Ptr, usize) -> Ptr);
        assert!(found().is_empty());
    });
}

/// Which of the 16 bytes at a pointer were never written, lowest bit first.
fn unwritten(at: Ptr) -> u16 {
    let start = map::strip(at.addr());
    let shadow = checked::shadow_bytes(start..start + 16);
    shadow.iter().rev().fold(0, |bits, byte| bits << 1 | u16::from(byte & map::UNWRITTEN))
}

#[test]
fn addresses_without_a_tag_belong_to_the_block_that_they_lie_in() {
    in_child_enabled(|| {
        let a = malloc(24);
        let plain: Ptr = core::ptr::with_exposed_provenance_mut(map::strip(a.addr()));
        set(plain, 0, 24);
        assert!(found().is_empty());
        set(plain, 0, 200);
        let defect = found_one();
        assert_eq!((defect.kind, defect.address), (DefectKind::OutOfBounds, map::strip(a.addr()) + 24));
        free(plain);
        assert!(found().is_empty());
        free(plain);
        assert_eq!(found_one().kind, DefectKind::DoubleFree);
    });
}

#[test]
fn texts_are_read_from_one_end_to_the_other() {
    in_child_enabled(|| {
        let text = malloc(8);
        let words = |len| VexStr { ptr: text.cast_const().cast(), len };
        set(text, i32::from(b'x'), 5);
        assert!(call!(vexrt_str_eq(words(5), "xxxxx".into()) as fn(VexStr, VexStr) -> bool));
        assert!(found().is_empty());
        call!(vexrt_str_eq(words(6), "xxxxxx".into()) as fn(VexStr, VexStr) -> bool);
        assert_eq!(found_one().kind, DefectKind::Unwritten);
        call!(vexrt_print_str(1, words(9)) as fn(i32, VexStr));
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        free(text);
        call!(vexrt_str_cmp(words(5), "x".into()) as fn(VexStr, VexStr) -> i32);
        assert_eq!(found_one().kind, DefectKind::UseAfterFree);

        let file = call!(vexrt_read_file("/proc/self/comm".into()) as fn(VexStr) -> VexStr);
        assert!(file.len > 0 && map::in_arena(map::strip(file.ptr.addr())));
        call!(vexrt_str_eq(VexStr { len: file.len + 1, ..file }, "".into()) as fn(VexStr, VexStr) -> bool);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        assert!(checked::leaks(None).is_empty());
    });
}

#[test]
fn c_strings_end_inside_their_block() {
    in_child_enabled(|| {
        type Str = *const c_char;
        let text = malloc(8);
        let len = || call!(strlen(text.cast_const().cast()) as fn(Str) -> usize);
        set(text, i32::from(b'a'), 8);
        len();
        assert_eq!(found_one().address, map::strip(text.addr()) + 8);
        set(text.wrapping_byte_add(5), 0, 1);
        assert_eq!((len(), found().len()), (5, 0));
        let short = malloc(5);
        call!(strcpy(short, text.cast()) as fn(Ptr, Str) -> Ptr);
        let defect = found_one();
        assert_eq!((defect.kind, defect.function), (DefectKind::OutOfBounds, "strcpy"));
        let twice = call!(strdup(text.cast()) as fn(Str) -> Ptr);
        assert_eq!(call!(strcmp(twice.cast(), c"aaaaa".as_ptr()) as fn(Str, Str) -> i32), 0);
        call!(strcat(twice, c"b".as_ptr()) as fn(Ptr, Str) -> Ptr);
        assert_eq!(found_one().kind, DefectKind::OutOfBounds);
        let at = call!(strchr(text.cast(), 0) as fn(Str, i32) -> Ptr);
        assert_eq!(at, text.wrapping_byte_add(5));
    });
}
