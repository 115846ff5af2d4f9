//! The walk and `find` against a model: exactly the live blocks are live.

use super::*;
use crate::heap::walk::{Owner, PageInfo, PageKind, Region, page_blocks, totals, walk};
use crate::manager::executable;
use std::collections::{BTreeMap, BTreeSet};

/// All pages there are.
fn pages() -> Vec<PageInfo> {
    let mut pages = Vec::new();
    walk(&mut |region| {
        if let Region::Page(page) = region {
            pages.push(*page);
        }
    });
    pages
}

/// The live blocks as the walk sees them: address and usable bytes. The figures
/// of each page are compared with its blocks.
fn live_blocks() -> BTreeMap<usize, usize> {
    let mut live = BTreeMap::new();
    for page in pages() {
        let (mut count, mut blocks) = (0, 0);
        assert!(page_blocks(&page, &mut |address, is_live| {
            assert_eq!(address, page.address + blocks * page.block_size);
            blocks += 1;
            if is_live {
                count += 1;
                live.insert(address, page.block_size);
            }
        }));
        assert_eq!((blocks, count), (page.blocks, page.live));
        assert!(page.blocks * page.block_size <= page.bytes);
    }
    live
}

/// What every address in a random block and around it must be.
fn check_find(random: &mut Random, live: &BTreeMap<usize, usize>) {
    for (&start, &usable) in live {
        let inside = [0, random.below(usable), usable - 1];
        for found in inside.map(|offset| find(start + offset).expect("an address in a live block")) {
            assert_eq!((found.start, found.usable, found.live), (start, usable, true));
        }
    }
    let mut known: Vec<usize> =
        vec![0, 1, 16, usize::MAX, 1 << 47, 1 << 48, &raw const known_static as usize];
    known.extend(live.keys().flat_map(|start| [start - 1, start ^ (1 << 22), start + (1 << 16)]));
    known.extend((0..5000).map(|_| random.next() as usize >> random.below(40)));
    for address in known {
        let holder =
            live.range(..=address).next_back().filter(|(start, usable)| address - **start < **usable);
        match find(address).filter(|found| found.live) {
            Some(found) => assert_eq!(holder, Some((&found.start, &found.usable)), "{address:#x}"),
            None => assert_eq!(holder, None, "{address:#x}"),
        }
    }
}

#[allow(non_upper_case_globals, reason = "an address outside the heap")]
static known_static: u8 = 0;

#[test]
fn exactly_the_live_blocks_are_live() {
    in_child(|| {
        let before = live_blocks();
        let mut random = Random(0x5EED_0020);
        let mut live: Vec<Live> = Vec::new();
        for step in 0..12_000 {
            match random.below(9) {
                0..5 => {
                    let align = 1 << if random.below(9) == 0 { random.below(24) } else { random.below(5) };
                    live.push(Live::new(random.size(), align, step as u8));
                }
                _ if !live.is_empty() => live.swap_remove(random.below(live.len())).free(),
                _ => {}
            }
            if step == 6000 {
                // What other threads free waits in the inbox of this one.
                let gone: Vec<Live> = live.drain(..live.len() / 2).collect();
                let thread = std::thread::spawn(move || {
                    gone.into_iter().for_each(Live::free);
                    collect();
                });
                thread.join().expect("no failure");
            }
            if step % 2000 == 0 {
                let mut expected = before.clone();
                // SAFETY: the blocks are live.
                expected.extend(live.iter().map(|l| (l.block as usize, unsafe { usable_size(l.block) })));
                let seen = live_blocks();
                assert!(seen == expected, "{step}: {:?}", difference(&seen, &expected));
                check_find(&mut random, &expected);
            }
        }
        let (totals, figures) = (totals(), figures());
        assert_eq!((totals.live_bytes, totals.live_blocks), (figures.used, figures.blocks));
        assert_eq!(totals.held, totals.live_bytes + totals.free + totals.overhead);
        assert_eq!(totals.held as u64, crate::process::memory_held() - start_elsewhere());
        assert!(totals.reserved >= totals.held && totals.overhead > 0);
        live.into_iter().for_each(Live::free);
    });
}

/// Bytes held by others than the heap: tests of this process that had mappings
/// when the child was forked.
fn start_elsewhere() -> u64 {
    collect();
    crate::process::memory_held() - totals().held as u64
}

fn difference(a: &BTreeMap<usize, usize>, b: &BTreeMap<usize, usize>) -> Vec<(usize, usize)> {
    let set = |map: &BTreeMap<usize, usize>| map.iter().map(|(&k, &v)| (k, v)).collect::<BTreeSet<_>>();
    set(a).symmetric_difference(&set(b)).copied().take(5).collect()
}

#[test]
fn a_block_written_to_after_its_free_is_still_free() {
    let (kept, gone) = (Live::new(48, 16, 1), Live::new(48, 16, 2));
    let address = gone.block;
    gone.free();
    // SAFETY: the slot is mapped; the write is the bug under test, and undone
    // before the heap could notice.
    unsafe {
        let mark = address.cast::<usize>().add(1);
        let before = mark.replace(7);
        let found = find(address as usize + 5).expect("a block");
        mark.write(before);
        assert_eq!((found.start, found.live, found.kind), (address as usize, false, PageKind::Small));
        assert_eq!(found.owner, Owner::This);
    }
    assert!(find(kept.block as usize).is_some_and(|found| found.live));
    kept.free();
}

#[test]
fn large_blocks_are_found_by_any_of_their_bytes() {
    in_child(|| {
        let blocks =
            [Live::new(30 << 20, 16, 1), Live::new(9 << 20, 1 << 23, 2), Live::new(3 << 20, 1 << 20, 3)];
        for live in &blocks {
            let start = live.block as usize;
            for offset in (0..live.size).step_by(1 << 20).chain([live.size - 1]) {
                let found = find(start + offset).expect("an address in a large block");
                assert_eq!((found.start, found.live, found.kind), (start, true, PageKind::Large));
            }
            assert_ne!(find(start - 1).map(|found| found.start), Some(start));
        }
        let starts = blocks.each_ref().map(|live| live.block as usize);
        blocks.into_iter().for_each(Live::free);
        assert_eq!(starts.map(find), [None; 3]);
        let used = figures();
        let code = executable::allocate(1 << 20).expect("memory");
        assert_eq!(find(code.addr().get() + 77).map(|found| found.kind), Some(PageKind::Code));
        assert_eq!(figures(), used, "code is not the program's");
        // SAFETY: just allocated, and nobody runs it.
        unsafe { executable::free(code, 1 << 20) };
        assert_eq!(figures(), used);
    });
}

#[test]
fn looking_while_others_work_is_safe() {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 1..3 {
            let stop = &stop;
            scope.spawn(move || {
                let mut random = Random(seed);
                while !stop.load(Ordering::Relaxed) {
                    let blocks: Vec<_> = (0..200).map(|i| Live::new(random.size(), 16, i as u8)).collect();
                    blocks.into_iter().for_each(Live::free);
                }
            });
        }
        let mut random = Random(77);
        for _ in 0..30 {
            for page in pages() {
                page_blocks(&page, &mut |_, _| ());
                find(page.address + random.below(page.bytes));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
