//! What points at what at the end of a program.

use super::super::testing::{Random, in_child_enabled, in_child_with, without};
use super::super::*;
use super::super::{access, map};

fn block(size: usize) -> *mut u8 {
    allocate(size, 16, true, Origin::Vex, Trace::NONE)
}

fn at(pointer: *mut u8) -> usize {
    map::strip(pointer.addr())
}

/// Writes a word of the program's at an offset.
fn put(place: *mut u8, offset: usize, word: usize) {
    let place = core::ptr::with_exposed_provenance_mut::<usize>(at(place) + offset);
    // SAFETY: the offset is inside of the block.
    unsafe { place.write(word) }
    mark_written(place.addr()..place.addr() + 8);
}

fn set_root(range: Range<usize>) {
    set_roots(core::slice::from_ref(&range));
}

fn kinds(stack: Option<Range<usize>>) -> Vec<LeakKind> {
    leaks(stack).into_iter().map(|leak| leak.kind).collect()
}

#[test]
fn each_block_is_lost_held_in_a_circle_or_reachable() {
    in_child_enabled(|| {
        let area = program_area(4096).expect("room").as_ptr();
        let start = area.addr();
        set_root(start..start + 64);
        let [held, kept, deep, lost, under, first, second, at_circle, own] =
            core::array::from_fn(|_| block(48));
        put(area, 16, kept.addr() + 8);
        // Without its tag, and from the middle to the middle.
        put(kept, 8, at(deep) + 16);
        put(lost, 0, under.addr());
        put(under, 40, held.addr());
        put(first, 0, second.addr());
        put(second, 0, first.addr());
        put(second, 8, at_circle.addr());
        put(own, 0, own.addr());
        let root = LeakKind::Reachable { root: start + 16 };
        let by_lost = LeakKind::HeldBy(at(lost));
        let found = leaks(None);
        let kind = |pointer: *mut u8| {
            let leak = found.iter().find(|leak| leak.block.base == at(pointer));
            leak.expect("a leak").kind.clone()
        };
        assert_eq!(found.len(), 9);
        assert_eq!((kind(kept), kind(deep)), (root.clone(), root));
        assert_eq!((kind(lost), kind(under), kind(held)), (LeakKind::Lost, by_lost.clone(), by_lost));
        assert_eq!(
            (kind(first), kind(second), kind(own)),
            (LeakKind::Cyclic, LeakKind::Cyclic, LeakKind::Cyclic)
        );
        let held_by_circle = kind(at_circle);
        assert!([at(first), at(second)].map(LeakKind::HeldBy).contains(&held_by_circle));
        assert!(found.windows(2).all(|pair| pair[0].block.serial < pair[1].block.serial));
    });
}

#[test]
fn only_words_that_still_point_count() {
    in_child_enabled(|| {
        let area = program_area(4096).expect("room").as_ptr();
        let start = area.addr();
        set_root(start..start + 64);
        let old = block(48);
        deallocate(old, &Release::new(Origin::Vex, "", Trace::NONE));
        let new = block(48);
        assert_eq!(at(old), at(new));
        put(area, 0, old.addr());
        assert_eq!(kinds(None), [LeakKind::Lost], "a stale pointer holds nothing");
        put(area, 8, new.addr() + 49);
        assert_eq!(kinds(None), [LeakKind::Lost], "one behind the end of the block neither");
        put(area, 8, new.addr() + 48);
        assert_eq!(kinds(None), [LeakKind::Reachable { root: start + 8 }], "one at its end does");
        put(area, 8, 0);
        put(area, 100, new.addr());
        assert_eq!(kinds(None), [LeakKind::Lost], "no variable");
        assert_eq!(kinds(Some(start + 96..start + 128)).len(), 1);
        set_stack(start..start + 4096);
        put(area, 104, new.addr());
        assert_eq!(kinds(Some(start + 104..start + 128)), [LeakKind::Reachable { root: start + 104 }]);
        // SAFETY: any pointer may be narrowed.
        let field = unsafe { access::narrow(new.wrapping_add(8).cast(), 8) };
        put(area, 0, field.addr());
        assert_eq!(kinds(None), [LeakKind::Reachable { root: start }], "a field holds its block");
        set_roots(&[]);
        assert_eq!(kinds(None), [LeakKind::Lost]);
    });
}

#[test]
fn what_is_the_runtimes_is_no_leak() {
    in_child_enabled(|| {
        let own = allocate(4096, 16, true, Origin::Internal, Trace::NONE);
        let program = block(16);
        put(own, 0, program.addr());
        let part = |offset, origin| {
            let request =
                Request { size: 16, align: 8, zeroed: true, origin, trace: Trace::NONE, reason: Some("why") };
            sub_allocate(own, at(own) + offset, &request)
        };
        let kmem = part(64, Origin::Kmem);
        part(128, Origin::Pool);
        put(kmem, 0, program.addr());
        let found = leaks(None);
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0].block.base, &found[0].kind), (&at(program), &LeakKind::HeldBy(at(kmem))));
        assert_eq!((found[1].block.reason, &found[1].kind), (Some("why"), &LeakKind::Lost));
    });
    in_child_with(without(Checks::LEAKS), || {
        block(10);
        assert!(leaks(None).is_empty());
    });
}

#[test]
fn reachability_agrees_with_a_model() {
    in_child_enabled(|| {
        let area = program_area(4096).expect("room").as_ptr();
        set_root(area.addr()..area.addr() + 4096);
        let mut random = Random(31);
        for round in 0..40 {
            let count = 2 + random.below(40);
            let blocks: Vec<*mut u8> = (0..count).map(|_| block(64)).collect();
            let mut edges = vec![Vec::new(); count];
            for from in 0..count {
                for slot in 0..random.below(3) {
                    let to = random.below(count);
                    let word = if random.below(2) == 0 { blocks[to].addr() } else { at(blocks[to]) };
                    put(blocks[from], slot * 8, word);
                    edges[from].push(to);
                }
            }
            let roots: Vec<usize> = (0..random.below(3)).map(|_| random.below(count)).collect();
            (0..8).for_each(|slot| put(area, slot * 8, roots.get(slot).map_or(0, |to| blocks[*to].addr())));
            let reach = |from: &[usize]| {
                let (mut seen, mut next) = (vec![false; count], from.to_vec());
                while let Some(at) = next.pop() {
                    if !core::mem::replace(&mut seen[at], true) {
                        next.extend(&edges[at]);
                    }
                }
                seen
            };
            let reached = reach(&roots);
            let circle = |node: usize| reach(&edges[node])[node];
            let pointed = |node: usize| (0..count).any(|from| !reached[from] && edges[from].contains(&node));
            let lost: Vec<usize> = (0..count).filter(|node| !reached[*node] && !pointed(*node)).collect();
            let by_lost = reach(&lost);
            for (node, leak) in leaks(None).into_iter().enumerate() {
                let expected = match leak.kind {
                    LeakKind::Reachable { .. } => reached[node],
                    LeakKind::Lost => !reached[node] && !pointed(node),
                    LeakKind::Cyclic => !reached[node] && !by_lost[node] && circle(node),
                    LeakKind::HeldBy(holder) => {
                        let holder = blocks.iter().position(|block| at(*block) == holder).expect("a block");
                        let rightly =
                            lost.contains(&holder) || circle(holder) && !by_lost[holder] && !circle(node);
                        rightly && !reached[node] && reach(&[holder])[node]
                    }
                };
                assert!(expected, "round {round}, block {node}: {:?}", leak.kind);
            }
            blocks.iter().for_each(|block| {
                assert!(deallocate(*block, &Release::new(Origin::Vex, "", Trace::NONE)));
            });
        }
    });
}

#[test]
fn a_buffer_that_was_lent_is_kept_by_its_address() {
    in_child_enabled(|| {
        let area = program_area(4096).expect("room").as_ptr();
        set_root(area.addr()..area.addr() + 64);
        let buffer = at(block(256));
        mark_buffer(buffer);
        let request = Request {
            size: 8,
            align: 8,
            zeroed: true,
            origin: Origin::Bump,
            trace: Trace::NONE,
            reason: None,
        };
        sub_allocate(core::ptr::null(), buffer, &request);
        put(area, 8, buffer);
        assert_eq!(kinds(None), [LeakKind::Reachable { root: area.addr() + 8 }]);
        // The arena is gone: the address is the buffer's alone.
        sub_free_range(buffer..buffer + 256, Trace::NONE);
        unpoison(buffer..buffer + 256);
        assert_eq!(kinds(None), [LeakKind::Reachable { root: area.addr() + 8 }]);
    });
}
