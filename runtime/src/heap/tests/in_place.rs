//! Resizing blocks where they lie.

use super::*;

#[test]
fn a_block_of_a_class_has_its_slot() {
    let mut live = Live::new(100, 16, 1);
    // SAFETY: the block is live.
    let usable = unsafe { usable_size(live.block) };
    assert!(live.resize_in_place(usable) && live.resize_in_place(1));
    assert!(!live.resize_in_place(usable + 1));
    // SAFETY: null is ignored.
    assert!(!unsafe { resize_in_place(null_mut(), 1) });
    live.free();
}

// Where spans lie is random in the hardened build.
#[cfg(not(feature = "hardened"))]
#[test]
fn a_span_grows_into_free_slices_and_gives_back_its_own() {
    in_child(|| {
        // Whatever free slices there are elsewhere are filled up first.
        let mut others = Vec::new();
        let mut until = |fits: &dyn Fn(usize, usize) -> bool| {
            let mut last = Live::new(300 << 10, 16, 1);
            for _ in 0..1000 {
                let next = Live::new(300 << 10, 16, 1);
                if fits(last.block.addr(), next.block.addr()) {
                    return (last, next);
                }
                others.push(core::mem::replace(&mut last, next));
            }
            panic!("no such block in 1000");
        };
        let (mut first, second) = until(&|last, next| next == last + (320 << 10));
        let start = figures();
        let used = |bytes: usize| start.used - (640 << 10) + bytes;
        assert!(!first.resize_in_place(321 << 10), "there is a block behind it");
        assert!(first.resize_in_place(320 << 10));
        second.check();
        second.free();
        assert!(first.resize_in_place(640 << 10));
        assert_eq!(figures().used, used(640 << 10));
        assert!(!first.resize_in_place(SPAN_MAX + 1), "not beyond what a chunk has");
        // What it gives up, others get.
        assert!(first.resize_in_place(100 << 10));
        assert_eq!(figures().used, used(128 << 10));
        let given_up = first.block.addr() + (128 << 10);
        let (last, next) = until(&|last, next| [last, next].contains(&given_up));
        first.check();
        [first, last, next].into_iter().for_each(Live::free);
        // And `reallocate` does the same before it copies.
        let (mut third, behind) = until(&|last, next| next == last + (320 << 10));
        behind.free();
        let before = third.block;
        third.resize(600 << 10, 16);
        assert_eq!(third.block, before);
        third.free();
    });
}

#[test]
fn a_large_block_keeps_its_mapping() {
    in_child(|| {
        let start = figures();
        let held = crate::os::limit::memory_held();
        let mut live = Live::new(64 << 20, 16, 1);
        let before = live.block;
        assert!(live.resize_in_place(32 << 20));
        #[cfg(target_os = "linux")]
        {
            assert!(crate::os::limit::memory_held() < held + (33 << 20), "the rest went back");
            assert_eq!(figures().used - start.used, 32 << 20);
            assert!(live.resize_in_place(48 << 20), "what was behind it a moment ago is free");
        }
        assert_eq!(live.block, before);
        assert!(!live.resize_in_place(usize::MAX / 2));
        live.check();
        live.free();
        assert_eq!((figures().used, figures().blocks), (start.used, start.blocks));
    });
}

#[test]
fn resized_blocks_never_overlap() {
    in_child(|| {
        let start = figures();
        let mut random = Random(0x1A9_0001);
        let mut blocks: Vec<Live> = Vec::new();
        let mut done = [0; 2];
        for step in 0..20_000 {
            match random.below(3) {
                0 if blocks.len() < 60 => {
                    let most = 1 << (6 + random.below(16));
                    let size = 1 + random.below(most);
                    blocks.push(Live::new(size, 16, step as u8));
                }
                1 if !blocks.is_empty() => {
                    let index = random.below(blocks.len());
                    blocks.swap_remove(index).free();
                }
                _ if !blocks.is_empty() => {
                    let index = random.below(blocks.len());
                    let size = 1 + random.below(blocks[index].size * 3);
                    done[usize::from(blocks[index].resize_in_place(size))] += 1;
                }
                _ => {}
            }
        }
        assert!(done[0] > 500 && done[1] > 500, "{done:?}");
        let expected: usize = blocks
            .iter()
            // SAFETY: the blocks are live.
            .map(|live| unsafe { usable_size(live.block) })
            .sum();
        assert_eq!(figures().used - start.used, expected);
        blocks.into_iter().for_each(Live::free);
        assert_eq!((figures().used, figures().blocks), (start.used, start.blocks));
    });
}
