//! Accesses, right and wrong, each with what is said of it.

use super::super::access::{narrow as narrow_at, *};
use super::super::testing::{Random, found, found_one, in_child_enabled, in_child_with, without};
use super::super::*;
use super::super::{map, shadow};
use core::ffi::c_void;

fn alloc(size: usize) -> *mut u8 {
    allocate(size, 16, false, Origin::Vex, Trace::NONE)
}

fn zeroed(size: usize) -> *mut u8 {
    allocate(size, 16, true, Origin::Vex, Trace::NONE)
}

fn free(pointer: *mut u8) {
    assert!(deallocate(pointer, &Release::new(Origin::Vex, "vex_free", Trace::NONE)));
}

fn at(pointer: *mut u8) -> usize {
    map::strip(pointer.addr())
}

/// An access of so many bytes, aligned to its size, `offset` behind a pointer.
fn access(base: *mut u8, offset: isize, size: u64, write: bool) -> *mut c_void {
    let what = size
        | if write { map::WHAT_WRITE } else { 0 }
        | u64::from(size.trailing_zeros()) << map::WHAT_ALIGN_SHIFT;
    let pointer = base.wrapping_offset(offset);
    // SAFETY: every access may be asked about.
    unsafe { vexrt_checked_access(pointer.cast(), base.cast(), what) }
}

/// The same through an integer.
fn access_integer(base: usize, offset: isize, size: u64) -> *mut c_void {
    let pointer = core::ptr::with_exposed_provenance_mut(base.wrapping_add_signed(offset));
    let base = core::ptr::with_exposed_provenance_mut(base);
    // SAFETY: as above.
    unsafe { vexrt_checked_access(pointer, base, size | map::WHAT_INTEGER) }
}

fn harmless(address: *mut c_void) -> bool {
    address.addr().wrapping_sub(super::super::space::SCRATCH) < 4096
}

#[test]
fn right_accesses_get_their_address() {
    in_child_enabled(|| {
        let block = alloc(24);
        for offset in [0, 8, 16] {
            assert_eq!(access(block, offset, 8, true).addr(), at(block) + offset as usize);
            assert_eq!(access(block, offset, 8, false).addr(), at(block) + offset as usize);
        }
        let elsewhere = (&raw const *Box::new(5u64)).cast_mut().cast();
        assert_eq!(access(elsewhere, 0, 8, true).addr(), elsewhere.addr());
        let area = program_area(4096).expect("room").as_ptr();
        assert_eq!(access(area, 4088, 8, false).addr(), area.addr() + 4088);
        assert!(found().is_empty());
    });
}

#[test]
fn every_distance_past_either_end_is_found() {
    in_child_enabled(|| {
        let (block, other) = (zeroed(40), zeroed(40));
        let far = (at(other) - at(block)) as isize;
        for (offset, side) in [
            (-1, Side::Before(1)),
            (-100_000, Side::Before(100_000)),
            (isize::MIN / 4, Side::Before(1 << 61)),
            (40, Side::After(0)),
            (1000, Side::After(960)),
            (1 << 41, Side::After((1 << 41) - 40)),
            (far, Side::After(far as usize - 40)),
        ] {
            assert!(harmless(access(block, offset, 1, true)));
            let defect = found_one();
            assert_eq!((defect.kind, defect.side()), (DefectKind::OutOfBounds, Some(side)), "{offset}");
            assert_eq!(defect.block.map(|block| block.size), Some(40));
            let landed = (offset == far).then(|| at(other));
            assert_eq!(defect.landed.map(|block| block.base), landed);
        }
        // Across the end the first byte behind it is the one that is wrong.
        access(block, 36, 8, false);
        assert_eq!(found().iter().map(Defect::side).collect::<Vec<_>>(), [Some(Side::After(0))]);
        access(block, -4, 8, true);
        assert_eq!(found_one().side(), Some(Side::Before(4)));
    });
}

#[test]
fn dead_blocks_are_told_from_what_came_after_them() {
    in_child_enabled(|| {
        let block = alloc(24);
        free(block);
        let next = zeroed(24);
        assert_eq!(at(block), at(next), "the place is used again at once");
        assert!(harmless(access(block, 8, 8, false)));
        let defect = found_one();
        assert_eq!((defect.kind, defect.side()), (DefectKind::UseAfterFree, Some(Side::Inside(8))));
        assert_eq!(defect.landed.map(|block| block.serial), Some(2));
        let request = Request {
            size: 50,
            align: 16,
            zeroed: false,
            origin: Origin::Vex,
            trace: Trace::NONE,
            reason: None,
        };
        reallocate(next, &request, &Release::new(Origin::Vex, "vex_realloc", Trace::NONE));
        access(next, 0, 1, true);
        let defect = found_one();
        assert_eq!(
            (defect.kind, defect.block.map(|block| block.state)),
            (DefectKind::UseAfterFree, Some(State::Moved))
        );
    });
}

#[test]
fn pointers_that_are_none_are_told_apart() {
    in_child_enabled(|| {
        let null = core::ptr::null_mut();
        for offset in [0, 8, 100_000, isize::MAX - 7] {
            access(null, offset, 8, false);
            let defect = found_one();
            assert_eq!((defect.kind, defect.address), (DefectKind::Null, offset as usize));
        }
        let tag = (map::LAST_TAG << map::ADDRESS_BITS) | map::ARENA;
        for wild in
            [map::NULL_END, map::TABLE, map::ARENA - 8, map::ARENA_END - 8, tag, 1 << 63, usize::MAX - 7]
        {
            access(core::ptr::without_provenance_mut(wild), 0, 8, true);
            assert_eq!(found_one().kind, DefectKind::Wild, "{wild:#x}");
        }
        let block = alloc(64);
        // SAFETY: only an address is computed.
        assert_eq!(access(unsafe { block.add(4) }, 0, 8, true).addr(), at(block) + 4);
        assert_eq!(found_one().kind, DefectKind::Misaligned);
        access(alloc(0), 0, 1, true);
        assert_eq!(found_one().kind, DefectKind::ZeroSized);
    });
}

#[test]
fn bytes_never_written_are_named() {
    in_child_enabled(|| {
        let block = alloc(24);
        access(block, 0, 4, true);
        access(block, 6, 1, true);
        assert_eq!(access(block, 0, 8, false).addr(), at(block));
        let defect = found_one();
        let unwritten = Unwritten { first: at(block) + 4, count: 3, mask: 0b1011_0000 };
        assert_eq!((defect.kind, defect.unwritten), (DefectKind::Unwritten, Some(unwritten)));
        // Once is enough.
        access(block, 0, 8, false);
        assert!(found().is_empty());
        // SAFETY: inside the block.
        let rest = unsafe { block.add(8) };
        assert_eq!(check_range(rest, 16, false, true, "f").addr(), at(rest));
        assert!(found().is_empty());
        check_range(rest, 16, false, false, "f");
        assert_eq!(found_one().unwritten.map(|bytes| bytes.count), Some(16));
        let zero = zeroed(100);
        check_range(zero, 100, false, false, "f");
        assert!(found().is_empty());
    });
}

#[test]
fn fields_have_bounds_of_their_own() {
    in_child_enabled(|| {
        let block = zeroed(64);
        let narrow = |pointer: *mut u8, size| {
            // SAFETY: every pointer may be narrowed.
            unsafe { narrow_at(pointer.cast(), size) }.cast::<u8>()
        };
        assert_eq!(narrow(block, 64), block);
        let field = narrow(block.wrapping_add(16), 8);
        assert_ne!(field.addr(), block.addr() + 16);
        assert_eq!(narrow(block.wrapping_add(16), 8), field, "the same for the same bytes");
        assert_eq!(narrow(block.wrapping_add(16), 100), block.wrapping_add(16), "no field of the block");
        assert_eq!(access(field, 0, 8, true).addr(), at(block) + 16);
        access(field, 8, 8, true);
        let defect = found_one();
        assert_eq!((defect.kind, defect.side()), (DefectKind::OutOfObject, Some(Side::After(0))));
        let part = defect.block.expect("the field");
        assert_eq!((part.base, part.size, part.is_field), (at(block) + 16, 8, true));
        assert_eq!((part.whole().base, part.whole().size), (at(block), 64));
        access(field, -4, 8, true);
        assert_eq!(found_one().kind, DefectKind::Misaligned.max_of(DefectKind::OutOfObject));
        access(field, 48, 8, true);
        let defect = found_one();
        assert_eq!((defect.kind, defect.block.map(|block| block.size)), (DefectKind::OutOfBounds, Some(64)));
        // Many fields, all found again; and all dead with the block.
        let many: Vec<*mut u8> = (0..60).map(|at| narrow(block.wrapping_add(at), 2)).collect();
        let again: Vec<*mut u8> = (0..60).map(|at| narrow(block.wrapping_add(at), 2)).collect();
        let third: Vec<*mut u8> = (0..60).map(|at| narrow(block.wrapping_add(at), 2)).collect();
        assert!(many.iter().zip(&again).filter(|(one, other)| one != other).count() <= 8);
        assert_eq!(again, third);
        let inner = narrow(many[3], 1);
        assert_ne!(inner, many[3]);
        assert!(!deallocate(many[3], &Release::new(Origin::Vex, "vex_free", Trace::NONE)));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Interior));
        free(many[0]);
        for dead in [many[5], inner, field] {
            access(dead, 0, 1, false);
            let defect = found_one();
            assert_eq!(
                (defect.kind, defect.block.map(|block| block.size)),
                (DefectKind::UseAfterFree, Some(64))
            );
        }
    });
}

impl DefectKind {
    /// For a case in which the bounds are looked at first.
    fn max_of(self, first: DefectKind) -> DefectKind {
        assert_ne!(self, first);
        first
    }
}

#[test]
fn variables_die_with_their_function() {
    in_child_enabled(|| {
        let area = program_area(1 << 16).expect("room").as_ptr();
        let (low, high) = (area.addr(), area.addr() + (1 << 15));
        set_stack(low..high);
        let narrow = |address: usize, size| {
            let pointer = core::ptr::with_exposed_provenance_mut::<c_void>(address);
            // SAFETY: every pointer may be narrowed.
            unsafe { narrow_at(pointer, size) }.cast::<u8>()
        };
        // SAFETY: the cell is the runtime's.
        let lowest = || unsafe { lowest_stack_tag_cell().read_volatile() };
        assert_eq!(lowest(), usize::MAX);
        let outer = narrow(high - 64, 16);
        let inner = narrow(high - 256, 16);
        let late = narrow(high - 128, 8);
        assert_eq!(lowest(), high - 256);
        assert_eq!(access(outer, 8, 8, true).addr(), high - 56);
        access(outer, 16, 8, true);
        let defect = found_one();
        assert_eq!(
            (defect.kind, defect.block.map(|block| block.origin)),
            (DefectKind::OutOfBounds, Some(Origin::Variable))
        );
        // SAFETY: no preconditions.
        unsafe { vexrt_checked_leave(high - 100) };
        assert_eq!(lowest(), high - 64);
        let kept = narrow(high - 80, 8);
        let block = narrow(high - 200, 8);
        // SAFETY: no preconditions.
        unsafe { vexrt_checked_end(high - 208, 16) };
        assert_eq!(lowest(), high - 80);
        access(kept, 0, 8, true);
        assert!(found().is_empty());
        for dead in [inner, late, block] {
            assert!(harmless(access(dead, 0, 8, false)));
            assert_eq!(found_one().kind, DefectKind::DeadStack);
        }
        access(outer, 0, 8, false);
        // A variable of the program's for good.
        let global = narrow(high + 100, 4);
        set_stack(low..high);
        assert_eq!(lowest(), usize::MAX);
        access(global, 0, 4, true);
        assert!(found().is_empty());
        access(global, 4, 4, true);
        assert_eq!(found_one().block.map(|block| block.origin), Some(Origin::Static));
        access(outer, 0, 8, false);
        assert_eq!(found_one().kind, DefectKind::DeadStack);
    });
}

#[test]
fn integers_are_decided_by_where_they_started() {
    in_child_with(Options { delay: 1 << 20, ..Options::default() }, || {
        let blocks: Vec<usize> = (0..4).map(|_| at(zeroed(40))).collect();
        let (one, far) = (blocks[1], (blocks[3] - blocks[1]) as isize);
        assert_eq!(access_integer(one, 32, 8).addr(), one + 32);
        assert_eq!(access_integer(one + 40, -8, 8).addr(), one + 32, "one past the end is a start");
        assert_eq!(access_integer(8, one as isize, 8).addr(), one + 8, "the base is no address");
        assert!(found().is_empty());
        access_integer(one, far, 8);
        let defect = found_one();
        assert_eq!(
            (defect.kind, defect.landed.map(|block| block.base)),
            (DefectKind::OutOfBounds, Some(blocks[3]))
        );
        assert_eq!(defect.block.map(|block| block.base), Some(one));
        for (offset, side) in [(40, Side::After(0)), (-1, Side::Before(1))] {
            access_integer(one, offset, 1);
            assert_eq!(found_one().side(), Some(side));
        }
        let pointer = adopt(one + 8);
        assert_eq!((at(pointer), map::tag_of(pointer.addr()) != 0), (one + 8, true));
        assert_eq!(adopt(one + 40).addr() >> 40, pointer.addr() >> 40);
        free(core::ptr::with_exposed_provenance_mut(one));
        access_integer(one, 8, 8);
        assert_eq!(found_one().kind, DefectKind::UseAfterFree);
        // SAFETY: any integer may be asked about.
        unsafe {
            vexrt_checked_access(
                core::ptr::with_exposed_provenance_mut(one),
                core::ptr::null_mut(),
                1 | map::WHAT_INTEGER,
            )
        };
        assert_eq!(found_one().kind, DefectKind::UseAfterFree);
        access(adopt(one), 0, 8, true);
        assert_eq!(found_one().kind, DefectKind::UseAfterFree);
        assert_eq!(adopt(12345).addr(), 12345);
        assert_eq!(adopt(usize::MAX).addr(), usize::MAX);
    });
}

/// Reads a byte at an integer that was computed from another one, nobody knows which.
fn access_alone(address: usize) -> Defect<'static> {
    let pointer = core::ptr::with_exposed_provenance_mut(address);
    // SAFETY: any integer may be asked about.
    let settled = unsafe { vexrt_checked_access(pointer, core::ptr::null_mut(), 1 | map::WHAT_INTEGER) };
    assert!(harmless(settled));
    found_one()
}

#[test]
fn what_is_in_no_block_belongs_to_the_nearest() {
    in_child_enabled(|| {
        // What lies in front of the first block is the arena's, too.
        program_area(4096).expect("room");
        let (one, big) = (at(alloc(64)), at(alloc(1 << 20)));
        for (base, offset) in [(one, 64), (one, 80), (one, 164), (one, 4000), (one, -8), (one, -1000)] {
            let defect = access_alone(base.wrapping_add_signed(offset));
            assert_eq!(defect.kind, DefectKind::OutOfBounds, "{offset}");
            assert_eq!(defect.block.as_ref().map(|block| block.base), Some(base), "{offset}");
            let side =
                if offset < 0 { Side::Before(-offset as usize) } else { Side::After(offset as usize - 64) };
            assert_eq!(defect.side(), Some(side));
        }
        let behind = map::ARENA + tags::entry_of(0).size;
        assert!(behind - big < 2 << 20, "the last of all spans");
        for far in [behind + 8, big + (1 << 20)] {
            let defect = access_alone(far);
            assert_eq!(defect.block.map(|block| block.base), Some(big));
        }
        // Farther away it could be anyone's.
        for far in [behind + (1 << 20), map::ARENA_END - 8] {
            let defect = access_alone(far);
            assert_eq!((defect.kind, defect.block.is_some()), (DefectKind::Wild, false));
        }
    });
}

#[test]
fn a_live_block_is_nearer_than_a_freed_one() {
    in_child_enabled(|| {
        let blocks: Vec<*mut u8> = (0..3).map(|_| alloc(64)).collect();
        let ends: Vec<usize> = blocks.iter().map(|block| at(*block) + 400).collect();
        free(blocks[2]);
        let defect = access_alone(ends[2]);
        assert_eq!(defect.block.map(|block| block.base), Some(at(blocks[1])));
        free(blocks[0]);
        free(blocks[1]);
        assert_eq!(access_alone(ends[2]).kind, DefectKind::UseAfterFree);
    });
}

#[test]
fn copies_carry_what_was_written() {
    in_child_enabled(|| {
        let mut random = Random(9);
        let (one, two) = (alloc(200), alloc(200));
        let shades = |pointer: *mut u8| shadow_bytes(at(pointer)..at(pointer) + 200);
        let colours = [shades(one)[0] & map::COLOUR_MASK, shades(two)[0] & map::COLOUR_MASK];
        assert_ne!(colours[0], colours[1]);
        for _ in 0..300 {
            access(one, random.below(200) as isize, 1, true);
            let (from, to, len) = (random.below(100), random.below(100), random.below(100));
            let (source, destination) = if random.below(2) == 0 { (one, two) } else { (two, two) };
            let before = shades(source);
            let copy = (destination.wrapping_add(to).cast(), source.wrapping_add(from).cast());
            // SAFETY: both ranges are inside their blocks.
            unsafe { vexrt_checked_copy(copy.0, copy.1, len, 0) };
            let after = shades(destination);
            for step in 0..len {
                assert_eq!(after[to + step] & map::UNWRITTEN, before[from + step] & map::UNWRITTEN);
            }
            assert!(after.iter().all(|byte| byte & map::COLOUR_MASK == colours[1]));
        }
        assert!(found().is_empty());
        // SAFETY: the copy is refused.
        unsafe { vexrt_checked_copy(two.cast(), one.wrapping_add(150).cast(), 100, 0) };
        assert_eq!(found_one().side(), Some(Side::After(0)));
        // What C has got counts as written, also what is copied there later.
        let fresh = alloc(16);
        // SAFETY: any pointer may be given away.
        assert_eq!(unsafe { vexrt_checked_expose(fresh.cast()) }.addr(), at(fresh));
        access(fresh, 0, 8, false);
        // SAFETY: both ranges are inside their blocks.
        unsafe { vexrt_checked_copy(fresh.cast(), alloc(16).cast(), 16, 0) };
        access(fresh, 0, 8, false);
        assert!(found().is_empty());
    });
}

#[test]
fn a_range_is_checked_as_a_whole() {
    in_child_enabled(|| {
        let block = alloc(1000);
        assert_eq!(check_range(block, 1000, true, false, "f").addr(), at(block));
        assert!(shadow_bytes(at(block)..at(block) + 1000).iter().all(|byte| byte & map::UNWRITTEN == 0));
        check_range(block, 1001, false, false, "f");
        let defect = found_one();
        assert_eq!((defect.side(), defect.function), (Some(Side::After(0)), "f"));
        assert_eq!(check_range(core::ptr::null(), 0, true, false, "f"), core::ptr::null_mut());
        check_range(block, -5isize as usize, true, false, "f");
        let defect = found_one();
        assert_eq!((defect.kind, defect.given.size), (DefectKind::BadSize, Some(-5)));
        check_range(core::ptr::null(), 5, false, false, "f");
        assert_eq!(found_one().kind, DefectKind::Null);
        assert!(overlap(block.addr(), block.addr() + 9, 10, "vex_memcpy"));
        assert_eq!(found_one().given.other, Some(at(block) + 9));
        assert!(!overlap(block.addr(), block.addr() + 10, 10, "vex_memcpy"));
    });
}

#[test]
fn what_is_not_checked_is_not_found() {
    let off = Checks::BOUNDS | Checks::FREED | Checks::UNWRITTEN | Checks::ALIGN | Checks::NULL;
    in_child_with(without(off), || {
        let block = alloc(24);
        access(block, 0, 8, false);
        access(block, 24, 8, true);
        access(block.wrapping_add(1), 0, 8, true);
        free(block);
        assert_eq!(access(block, 0, 8, false).addr(), at(block));
        access(core::ptr::null_mut(), 0, 8, false);
        assert!(found().is_empty());
        access(core::ptr::without_provenance_mut(1 << 20), 0, 8, false);
        assert_eq!(found_one().kind, DefectKind::Wild);
    });
}

#[test]
fn shadow_of_the_stack_stays_written() {
    in_child_enabled(|| {
        let area = program_area(4096).expect("room").as_ptr();
        set_stack(area.addr()..area.addr() + 4096);
        let block = alloc(16);
        // SAFETY: both ranges are the program's.
        unsafe { vexrt_checked_copy(area.cast(), block.cast(), 16, 0) };
        assert!(shadow_bytes(area.addr()..area.addr() + 16).iter().all(|byte| *byte == 0));
        assert_eq!(shadow::get(area.addr() - 1), map::GUARD);
        // SAFETY: nobody uses it any more.
        unsafe { program_area_free(core::ptr::NonNull::new(area).expect("not null"), 4096) };
        access(area, 0, 1, false);
        assert_eq!(found_one().kind, DefectKind::Wild);
    });
}
