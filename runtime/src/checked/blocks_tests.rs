//! Blocks against a model, and every way in which a free can be wrong.

use super::super::testing::{Random, found, found_one, in_child_enabled, in_child_with, without};
use super::super::*;
use super::super::{map, tags};

fn trace(number: usize) -> Trace {
    Trace::of(&[number, number + 1])
}

fn alloc(size: usize) -> *mut u8 {
    allocate(size, 16, false, Origin::Vex, trace(100))
}

fn release() -> Release<'static> {
    Release::new(Origin::Vex, "vex_free", trace(200))
}

fn free(pointer: *mut u8) -> bool {
    deallocate(pointer, &release())
}

fn at(pointer: *mut u8) -> usize {
    map::strip(pointer.addr())
}

/// A block of the model.
struct Model {
    pointer: *mut u8,
    size: usize,
    zeroed: bool,
    fill: u8,
}

impl Model {
    fn check(&self) {
        let (base, tag) = (at(self.pointer), map::tag_of(self.pointer.addr()));
        let entry = tags::entry_of(tag as u32);
        assert_eq!((entry.base, entry.size), (base, self.size));
        let inside = shadow_bytes(base..base + self.size);
        assert!(inside.iter().all(|byte| byte & map::POISON == 0), "{:#x} {}", base, self.size);
        let around = shadow_bytes(base - 8..base)
            .into_iter()
            .chain(shadow_bytes(base + self.size..base + self.size + 8));
        assert!(around.into_iter().all(|byte| byte & map::POISON != 0), "{:#x} {}", base, self.size);
        // SAFETY: the block is live.
        let bytes = unsafe { core::slice::from_raw_parts(plain(self.pointer), self.size) };
        assert!(bytes.iter().all(|byte| *byte == self.fill), "{:#x} {}", base, self.size);
        for probe in [base, base + self.size / 2, base + self.size.max(1) - 1] {
            let found = lookup(probe).expect("a block");
            assert_eq!((found.base, found.size, found.state), (base, self.size, State::Live));
        }
        let written = inside.iter().all(|byte| byte & map::UNWRITTEN == 0);
        assert!(written == (self.zeroed || self.fill != 0) || self.size == 0);
    }
}

fn plain(pointer: *mut u8) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(at(pointer))
}

fn random_size(random: &mut Random) -> usize {
    match random.below(20) {
        0..12 => random.below(130),
        12..17 => random.below(5000),
        17..19 => random.below(40_000),
        _ => random.below(300_000),
    }
}

fn agrees_with_a_model(delay: usize) {
    in_child_with(Options { delay, ..Options::default() }, || {
        let mut random = Random(delay as u64 + 3);
        let mut live: Vec<Model> = Vec::new();
        for step in 0..3000 {
            if random.below(100) < 55 || live.is_empty() {
                let (size, zeroed) = (random_size(&mut random), random.below(3) == 0);
                let align = 1 << if random.below(6) == 0 { random.below(18) } else { 4 };
                let pointer = allocate(size, align, zeroed, Origin::Vex, trace(step));
                assert!(!pointer.is_null() && at(pointer).is_multiple_of(align));
                let mut model = Model { pointer, size, zeroed, fill: 0 };
                if zeroed {
                    model.check();
                }
                model.fill = step as u8 | 1;
                check_range(pointer, size, true, false, "");
                // SAFETY: the block is live.
                unsafe { plain(pointer).write_bytes(model.fill, size) };
                live.push(model);
            } else if random.below(4) == 0 {
                let index = random.below(live.len());
                let model = &mut live[index];
                model.check();
                let size = random_size(&mut random);
                let request = Request {
                    size,
                    align: 16,
                    zeroed: false,
                    origin: Origin::Vex,
                    trace: trace(step),
                    reason: None,
                };
                let moved = reallocate(model.pointer, &request, &release());
                assert!(!moved.is_null());
                let kept = size.min(model.size);
                let shadows = shadow_bytes(at(moved)..at(moved) + size);
                assert!(shadows[..kept].iter().all(|byte| byte & map::UNWRITTEN == 0));
                assert!(shadows[kept..].iter().all(|byte| byte & map::UNWRITTEN != 0));
                // SAFETY: the block is live.
                let bytes = unsafe { core::slice::from_raw_parts(plain(moved), kept) };
                assert!(bytes.iter().all(|byte| *byte == model.fill));
                check_range(moved, size, true, false, "");
                // SAFETY: as above.
                unsafe { plain(moved).write_bytes(model.fill, size) };
                (model.pointer, model.size) = (moved, size);
            } else {
                let model = live.swap_remove(random.below(live.len()));
                model.check();
                assert!(free(model.pointer));
                let dead = tags::entry_of(map::tag_of(model.pointer.addr()) as u32);
                assert_eq!((dead.base, dead.size), (at(model.pointer), 0));
            }
            if step % 1000 == 0 {
                live.iter().for_each(Model::check);
                assert_eq!(figures().blocks, live.len());
                assert_eq!(figures().used, live.iter().map(|model| model.size).sum::<usize>());
            }
        }
        live.into_iter().for_each(|model| assert!(free(model.pointer)));
        assert_eq!((figures().blocks, figures().used), (0, 0));
        assert!(found().is_empty());
    });
}

#[test]
fn random_operations_agree_with_a_model() {
    agrees_with_a_model(0);
}

#[test]
fn random_operations_agree_with_a_model_when_blocks_wait() {
    agrees_with_a_model(4 << 20);
}

#[test]
fn a_place_never_gets_the_tag_that_it_had() {
    in_child_enabled(|| {
        let mut last = core::ptr::null_mut();
        for _ in 0..tags::REST * 3 {
            let block = alloc(24);
            assert_ne!(block, last);
            assert!(free(block));
            last = block;
        }
        // One that lay idle while its tag waited for its turn.
        for _ in 0..tags::REST {
            free(alloc(100));
        }
        assert_ne!(alloc(24), last);
    });
}

#[test]
fn a_dead_tag_rests_and_its_block_is_remembered() {
    in_child_enabled(|| {
        let first = alloc(24);
        free(first);
        for _ in 0..tags::REST - 2 {
            free(alloc(24));
        }
        let defect = {
            free(first);
            found_one()
        };
        let block = defect.block.expect("remembered");
        assert_eq!((block.base, block.size, block.serial), (at(first), 24, 1));
        assert_eq!(block.allocated.frames(), [100, 101]);
    });
}

#[test]
fn absurd_requests_get_nothing() {
    in_child_enabled(|| {
        for size in [usize::MAX, usize::MAX - 4096, 1 << 45, map::ARENA_BYTES] {
            assert!(alloc(size).is_null());
        }
        assert!(allocate(10, 3, false, Origin::Vex, Trace::NONE).is_null());
        assert!(allocate(10, 1 << 62, false, Origin::Vex, Trace::NONE).is_null());
        let block = alloc(0);
        assert_ne!(block, alloc(0));
        assert!(free(block) && !free(core::ptr::null_mut()));
        assert!(found().is_empty());
    });
}

#[test]
fn wrong_frees_are_told_apart() {
    in_child_enabled(|| {
        let block = alloc(40);
        // SAFETY: only an address is computed.
        let inner = unsafe { block.add(8) };
        assert!(!free(inner));
        let defect = found_one();
        assert_eq!(defect.kind, DefectKind::BadFree(BadFree::Interior));
        assert_eq!((defect.side(), defect.function), (Some(Side::Inside(8)), "vex_free"));
        // Without its tag it is the same block.
        assert!(!free(plain(inner)));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Interior));
        assert!(free(plain(block)));
        for again in [block, plain(block)] {
            assert!(!free(again));
            let defect = found_one();
            let dead = defect.block.expect("remembered");
            assert_eq!((defect.kind, dead.state), (DefectKind::DoubleFree, State::Freed));
            assert_eq!(dead.freed.map(Trace::frames), Some(&[200usize, 201][..]));
        }
        let foreign = &raw const again_elsewhere as *mut u8;
        assert!(!free(foreign));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Foreign));
        assert!(!free(core::ptr::without_provenance_mut(12345)));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Wild));
        let area = program_area(8192).expect("room").as_ptr();
        set_stack(area.addr()..area.addr() + 4096);
        assert!(!free(area));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Stack));
        // SAFETY: inside the area.
        assert!(!free(unsafe { area.add(5000) }));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Static));
    });
}

/// Memory that is not the program's.
#[allow(non_upper_case_globals, reason = "an address for a test")]
static again_elsewhere: u8 = 0;

#[test]
fn what_a_free_says_must_be_true() {
    in_child_enabled(|| {
        let says = |by, size: Option<i128>, align: Option<i128>| Release {
            size,
            align,
            ..Release::new(by, "f", Trace::NONE)
        };
        let cases = [
            (says(Origin::Vera, None, None), Some(DefectKind::WrongAllocator)),
            (says(Origin::Vex, Some(41), None), Some(DefectKind::WrongSize)),
            (says(Origin::Vex, Some(-1), Some(64)), Some(DefectKind::WrongSize)),
            (says(Origin::Vex, Some(40), Some(32)), Some(DefectKind::WrongAlign)),
            (says(Origin::Vex, Some(40), Some(64)), None),
        ];
        for (release, wrong) in cases {
            let block = allocate(40, 64, false, Origin::Vex, Trace::NONE);
            assert!(deallocate(block, &release));
            assert_eq!(found().iter().map(|defect| defect.kind).next(), wrong);
            assert_eq!(figures().blocks, 0);
        }
    });
}

#[test]
fn a_moved_block_knows_where_it_went() {
    in_child_enabled(|| {
        let old = alloc(10);
        let request = Request {
            size: 5,
            align: 16,
            zeroed: false,
            origin: Origin::Vex,
            trace: trace(300),
            reason: None,
        };
        let new = reallocate(old, &request, &release());
        assert_ne!(old, new);
        assert!(!free(old));
        let dead = found_one().block.expect("remembered");
        assert_eq!((dead.state, dead.moved_to), (State::Moved, Some(at(new))));
        let block = lookup(at(new)).expect("live");
        assert_eq!((block.size, block.allocated.frames()), (5, &[300usize, 301][..]));
        assert_eq!(block.moved_from.map(|from| (from.base, from.size)), Some((at(old), 10)));
    });
}

#[test]
fn a_check_that_is_off_finds_nothing() {
    in_child_with(without(Checks::DOUBLE_FREE | Checks::WRONG_ALLOCATOR), || {
        let block = allocate(10, 16, false, Origin::Vera, Trace::NONE);
        assert!(free(block));
        assert!(!free(block));
        assert!(found().is_empty());
    });
    assert_eq!(Checks::all_but("leaks, align"), Ok(Checks::all() - Checks::LEAKS - Checks::ALIGN));
    assert_eq!(Checks::all_but("bounds,no_such"), Err("no_such".to_owned()));
}

#[test]
fn neighbours_are_the_blocks_beside() {
    in_child_enabled(|| {
        let blocks: Vec<usize> = (0..3).map(|_| at(alloc(24))).collect();
        let beside = |address| {
            let (before, after) = neighbours(address);
            (before.map(|block| block.base), after.map(|block| block.base))
        };
        assert_eq!(beside(blocks[1] + 23), (Some(blocks[0]), Some(blocks[2])));
        assert_eq!(beside(blocks[1] + 24), (Some(blocks[0]), Some(blocks[2])));
        assert_eq!(beside(blocks[0]).0, None);
        assert_eq!(beside(blocks[2]).1, None);
    });
}
