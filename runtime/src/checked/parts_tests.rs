//! Parts of buffers against a model, and what becomes of them.

use super::super::testing::{Random, found, found_one, in_child_enabled};
use super::super::*;
use super::super::{map, shadow};

const SIZE: usize = 1 << 16;

fn at(pointer: *mut u8) -> usize {
    map::strip(pointer.addr())
}

fn plain(address: usize) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address)
}

fn buffer(size: usize) -> *mut u8 {
    let buffer = allocate(size, 16, false, Origin::Bump, Trace::NONE);
    poison(at(buffer)..at(buffer) + size);
    buffer
}

fn request(size: usize, zeroed: bool) -> Request<'static> {
    Request { size, align: 1, zeroed, origin: Origin::Bump, trace: Trace::of(&[7]), reason: None }
}

fn release(origin: Origin) -> Release<'static> {
    Release::new(origin, "dealloc", Trace::of(&[8]))
}

#[test]
fn parts_agree_with_a_model() {
    in_child_enabled(|| {
        let mut random = Random(77);
        let buffer = buffer(SIZE);
        let base = at(buffer);
        let mut live: Vec<(usize, usize, *mut u8)> = Vec::new();
        for step in 0..4000 {
            match random.below(20) {
                0..11 => {
                    let size =
                        if random.below(12) == 0 { 1 + random.below(9000) } else { 1 + random.below(60) };
                    let start = random.below(SIZE - size);
                    let clash = |(other, len, _): &(usize, usize, *mut u8)| {
                        *other < start + size && start < other + len
                    };
                    if live.iter().any(clash) {
                        continue;
                    }
                    let given = if random.below(2) == 0 { buffer } else { plain(base) };
                    let part = sub_allocate(given, base + start, &request(size, step % 2 == 0));
                    live.push((start, size, part));
                }
                11..17 if !live.is_empty() => {
                    let (start, size, part) = live.swap_remove(random.below(live.len()));
                    let given = if random.below(2) == 0 { part } else { plain(at(part)) };
                    assert!(sub_free(given, &release(Origin::Bump)));
                    assert_eq!(shadow::get(base + start + size / 2), map::FREED);
                }
                17 => {
                    let start = random.below(SIZE);
                    let range = start..SIZE.min(start + random.below(6000));
                    // No allocator cuts a block.
                    if live.iter().any(|(start, size, _)| (start + 1..start + size).contains(&range.start)) {
                        continue;
                    }
                    sub_free_range(base + range.start..base + range.end, Trace::of(&[9]));
                    live.retain(|(start, ..)| !range.contains(start));
                }
                _ => {
                    let offset = random.below(SIZE);
                    let found = lookup(base + offset).expect("the buffer at least");
                    let expected =
                        live.iter().find(|(start, size, _)| (*start..start + size).contains(&offset));
                    match expected {
                        Some((start, size, _)) => {
                            assert_eq!(
                                (found.base, found.size, found.state),
                                (base + start, *size, State::Live)
                            );
                            let parent = found.parent.expect("the buffer");
                            assert_eq!((parent.base, parent.size), (base, SIZE));
                        }
                        None => assert!(found.base == base && found.size == SIZE || !found.is_live()),
                    }
                }
            }
        }
        for (_, size, part) in &live {
            check_range(*part, *size, true, false, "");
        }
        assert!(found().is_empty());
        let (_, size, part) = live[0];
        check_range(part, size + 1, true, false, "");
        assert_eq!(found_one().side(), Some(Side::After(0)));
        assert!(deallocate(buffer, &release(Origin::Bump)));
        for (_, _, part) in live {
            check_range(part, 1, true, false, "");
            assert_eq!(found_one().kind, DefectKind::StaleRegion);
        }
    });
}

#[test]
fn a_reset_ends_what_is_in_the_buffer_and_not_the_buffer() {
    in_child_enabled(|| {
        let outer = buffer(4096);
        let inner = sub_allocate(outer, at(outer), &request(1024, false));
        let whole = at(inner)..at(inner) + 1024;
        // A buffer in a buffer, at the same address.
        poison(whole.clone());
        sub_free_range(whole.clone(), Trace::NONE);
        let part = sub_allocate(inner, at(inner), &request(1024, true));
        check_range(part, 1024, false, false, "");
        assert!(found().is_empty());
        check_range(inner, 8, true, false, "");
        // The allocator's own bytes are not the program's, but those of its blocks are.
        assert!(found().is_empty());
        sub_free_range(whole.clone(), Trace::of(&[21]));
        check_range(part, 1, false, false, "");
        let defect = found_one();
        let block = defect.block.expect("the part");
        assert_eq!((defect.kind, block.state), (DefectKind::StaleRegion, State::Reset));
        assert_eq!(block.freed.map(Trace::frames), Some(&[21usize][..]));
        check_range(inner, 8, true, false, "");
        assert_eq!(found_one().kind, DefectKind::StaleRegion);
        let again = sub_allocate(inner, at(inner), &request(16, false));
        assert_ne!(again, part);
        check_range(again, 16, true, false, "");
        // By an address alone the bytes behind it are nobody's.
        check_range(plain(at(again) + 16), 1, false, false, "");
        assert_eq!(found_one().kind, DefectKind::StaleRegion);
        unpoison(at(again) + 16..at(again) + 32);
        check_range(plain(at(again) + 16), 16, false, false, "");
        assert!(found().is_empty());
    });
}

#[test]
fn a_lent_buffer_outlives_what_is_made_in_it() {
    in_child_enabled(|| {
        let outer = buffer(4096);
        let lent = sub_allocate(outer, at(outer), &request(256, true));
        mark_buffer(at(lent));
        let range = at(lent)..at(lent) + 256;
        for _ in 0..2 {
            sub_free_range(range.clone(), Trace::NONE);
            unpoison(range.clone());
            check_range(lent, 256, true, false, "");
            assert!(found().is_empty());
            let part = sub_allocate(plain(at(lent)), at(lent), &request(256, true));
            sub_free_range(range.clone(), Trace::NONE);
            check_range(part, 1, true, false, "");
            assert_eq!(found_one().kind, DefectKind::StaleRegion);
        }
    });
}

#[test]
fn parts_are_freed_by_their_own_allocator_only() {
    in_child_enabled(|| {
        let buffer = buffer(256);
        let part = sub_allocate(buffer, at(buffer) + 64, &request(32, false));
        assert!(!deallocate(part, &release(Origin::Vex)));
        let defect = found_one();
        assert_eq!((defect.kind, defect.given.by), (DefectKind::WrongAllocator, Some(Origin::Vex)));
        assert!(!sub_free(part.wrapping_add(8), &release(Origin::Bump)));
        assert_eq!(found_one().kind, DefectKind::BadFree(BadFree::Interior));
        assert!(sub_free(part, &release(Origin::Bump)));
        assert!(!sub_free(part, &release(Origin::Bump)));
        assert_eq!(found_one().kind, DefectKind::DoubleFree);
        // The first block and the buffer have one address: whose function it is decides.
        let first = sub_allocate(buffer, at(buffer), &Request { origin: Origin::Pool, ..request(32, false) });
        assert!(sub_free(plain(at(first)), &release(Origin::Pool)));
        assert!(found().is_empty());
        let again = sub_allocate(buffer, at(buffer), &Request { origin: Origin::Pool, ..request(32, false) });
        assert!(deallocate(plain(at(again)), &release(Origin::Bump)));
        assert!(found().is_empty());
    });
}

#[test]
fn an_arena_of_variables_has_parts_too() {
    in_child_enabled(|| {
        let area = program_area(8192).expect("room").as_ptr();
        let start = area.addr();
        let part = sub_allocate(area, start + 5000, &request(100, false));
        assert_eq!(lookup(start + 5050).map(|block| block.base), Some(start + 5000));
        check_range(part, 100, true, false, "");
        sub_free_range(start..start + 8192, Trace::NONE);
        unpoison(start..start + 8192);
        check_range(part, 100, true, false, "");
        assert_eq!(found_one().kind, DefectKind::StaleRegion);
        check_range(area, 8192, true, false, "");
        assert!(found().is_empty());
    });
}

#[test]
fn an_address_of_a_buffer_and_its_first_block_means_the_one_in_use() {
    in_child_enabled(|| {
        let made = |size| allocate(size, 16, true, Origin::Vex, Trace::NONE);
        // The arena ends first, and the program has its bytes back.
        let base = at(made(256));
        mark_buffer(base);
        let part = sub_allocate(plain(base), base, &request(8, true));
        assert_eq!(adopt(base).addr(), part.addr());
        sub_free_range(base..base + 256, Trace::NONE);
        assert_eq!(adopt(base).addr(), part.addr(), "the bytes are still the arena's");
        unpoison(base..base + 256);
        assert_ne!(adopt(base).addr(), part.addr());
        check_range(adopt(base), 256, true, false, "");
        assert!(deallocate(adopt(base), &release(Origin::Vex)));
        assert!(found().is_empty());
        check_range(part, 8, false, false, "");
        assert_eq!(found_one().kind, DefectKind::StaleRegion);

        // The buffer is freed while a block of the arena is live.
        let base = at(made(256));
        mark_buffer(base);
        let part = sub_allocate(plain(base), base, &request(8, true));
        let beside = sub_allocate(plain(base), base + 8, &request(8, true));
        assert!(!deallocate(adopt(base + 8), &release(Origin::Vex)), "only at the buffer's own address");
        assert_eq!(found_one().kind, DefectKind::WrongAllocator);
        assert!(deallocate(adopt(base), &release(Origin::Vex)));
        assert!(found().is_empty());
        for stale in [part, beside] {
            check_range(stale, 8, false, false, "");
            assert_eq!(found_one().kind, DefectKind::StaleRegion);
        }
        assert!(!deallocate(part, &release(Origin::Vex)));
        let defect = found_one();
        assert_eq!((defect.kind, defect.block.map(|block| block.size)), (DefectKind::DoubleFree, Some(256)));

        // An arena in the first block of another: one address of three objects.
        let base = at(made(256));
        mark_buffer(base);
        let outer = sub_allocate(plain(base), base, &request(64, true));
        mark_buffer(base);
        let inner = sub_allocate(outer, base, &request(8, true));
        assert_eq!(adopt(base).addr(), inner.addr());
        sub_free_range(base..base + 64, Trace::NONE);
        unpoison(base..base + 64);
        assert_eq!(adopt(base).addr(), outer.addr());
        let inner = sub_allocate(outer, base, &Request { origin: Origin::Pool, ..request(8, true) });
        assert_eq!(adopt(base).addr(), inner.addr());
        assert!(deallocate(adopt(base), &release(Origin::Vex)));
        assert!(found().is_empty());

        // Nobody but the arena may free its block, and that means the block alone.
        let base = at(made(256));
        mark_buffer(base);
        let part = sub_allocate(plain(base), base, &request(8, true));
        assert!(deallocate(adopt(base), &release(Origin::Bump)));
        assert!(!deallocate(part, &release(Origin::Pool)));
        assert_eq!(found_one().kind, DefectKind::DoubleFree);
        assert!(deallocate(plain(base), &release(Origin::Vex)));
        assert!(found().is_empty());
    });
}
