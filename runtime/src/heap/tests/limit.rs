//! The memory limit: kept to the byte, and gone when it is lifted.

use super::*;
use crate::alloc::kmem::Buffer;
use crate::alloc::side::SideVec;
use crate::manager::executable;
use crate::process::{Refusal, last_refusal, memory_held, memory_limit, set_memory_limit};

/// Limits the process to `more` bytes above what it holds, and returns the limit.
fn allow(more: u64) -> u64 {
    let limit = memory_held() + more;
    set_memory_limit(Some(limit));
    limit
}

/// Allocates blocks of `size` bytes until there are no more.
fn exhaust(size: usize) -> Vec<*mut u8> {
    let next = || {
        let block = allocate(size, 16);
        (!block.is_null()).then_some(block)
    };
    std::iter::from_fn(next).take(1 << 22).collect()
}

fn free(blocks: Vec<*mut u8>) {
    // SAFETY: live blocks, freed once.
    blocks.into_iter().for_each(|block| unsafe { deallocate(block) });
}

#[test]
fn blocks_of_every_kind_stay_within_the_limit() {
    in_child(|| {
        let mut random = Random(0x5EED_0011);
        for size in [16, 1000, 40 << 10, 300 << 10, 3 << 20] {
            collect();
            let room = 32 << 20;
            let limit = allow(room);
            let blocks = exhaust(size);
            assert!(memory_held() <= limit, "{size}");
            let got = (blocks.len() * size) as u64;
            assert!(got <= room && got > room * 8 / 10, "{size}: {got} of {room}");
            assert_eq!(last_refusal(), Some(Refusal { allocator: "heap", size, limit: Some(limit) }));
            // Freed in any order, so that free slots lie in pages all over.
            let mut blocks = blocks;
            for index in (1..blocks.len()).rev() {
                blocks.swap(index, random.below(index + 1));
            }
            free(blocks);
            // What is free counts no more when somebody else wants it.
            let other = allocate(30 << 20, 16);
            assert!(!other.is_null(), "{size}");
            // SAFETY: live; a refusal leaves it so.
            unsafe {
                assert!(reallocate(other, 40 << 20, 16).is_null());
                other.add((30 << 20) - 1).write(1);
                deallocate(other);
            }
            set_memory_limit(None);
        }
    });
}

#[test]
fn what_is_held_comes_back_to_where_it_was() {
    in_child(|| {
        // So that the thread has its heap and the heap its chunk.
        free(vec![allocate(10, 16)]);
        collect();
        let start = memory_held();
        let mut random = Random(0x5EED_0010);
        let mut live: Vec<Live> = Vec::new();
        for step in 0..3000 {
            match random.below(3) {
                0 if !live.is_empty() => live.swap_remove(random.below(live.len())).free(),
                1 if !live.is_empty() => {
                    let index = random.below(live.len());
                    live[index].resize(random.size(), 16);
                }
                _ => live.push(Live::new(random.size(), 1 << random.below(24), step as u8)),
            }
        }
        let used = figures().used as u64;
        assert!(memory_held() >= used, "{} {used}", memory_held());
        live.into_iter().for_each(Live::free);
        let mut side = SideVec::new();
        (0..10_000u64).for_each(|i| assert!(side.push(i).is_some()));
        assert!(memory_held() >= start + 80_000);
        drop(side);
        collect();
        // At most one empty chunk and a page of each class stay.
        assert!(memory_held() <= start + chunk::header_bytes() as u64, "{} {start}", memory_held());
    });
}

#[test]
fn a_limit_below_what_is_held_takes_nothing_away() {
    in_child(|| {
        let block = Live::new(5 << 20, 16, 7);
        // Free slices in memory could be used again: they are held already.
        collect();
        set_memory_limit(Some(1));
        assert_eq!(memory_limit(), Some(1));
        assert!(allocate(1 << 20, 16).is_null());
        let mut side = SideVec::new();
        assert_eq!(side.push(1u64), None);
        let refused = Buffer::new(1 << 20).err().expect("no room").to_string();
        assert!(refused.contains("memory limit of 1 bytes"), "{refused}");
        block.check();
        let code = executable::allocate(100).expect("code is not the program's");
        // SAFETY: just allocated, and nobody runs it.
        unsafe { executable::free(code, 100) };
        set_memory_limit(None);
        assert_eq!((memory_limit(), side.push(1u64)), (None, Some(0)));
        free(vec![allocate(1 << 20, 16)]);
        block.free();
    });
}
