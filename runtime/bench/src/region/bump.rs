//! Bump allocators: blocks one after the other, forgotten all at once.

use std::alloc::Layout;
use std::hint::black_box;

use vex_runtime::alloc::bump::BumpAllocator;
use vex_runtime::alloc::layouts::layout_new;

use crate::block::Random;

/// Blocks of a round.
const BLOCKS: u64 = 2000;

/// Rounds.
const ROUNDS: u64 = 10_000;

/// What holds a round's blocks: 2,000 of 24 bytes, or of 8 to 200 bytes with what aligning them takes.
const SMALL: usize = 64 << 10;
/// See [`SMALL`].
const LARGE: usize = 512 << 10;

/// A bump allocator with room for a round.
trait Bump {
    /// One over fresh memory.
    fn new(capacity: usize) -> Self;
    /// A block; null when there is no room.
    fn alloc(&mut self, layout: Layout) -> *mut u8;
    /// Forgets all blocks.
    fn reset(&mut self);
}

impl Bump for BumpAllocator {
    fn new(capacity: usize) -> BumpAllocator {
        BumpAllocator::new(capacity as i64)
    }

    #[inline]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        let block = BumpAllocator::alloc(self, layout_new(layout.size() as i64, layout.align() as i64));
        std::ptr::with_exposed_provenance_mut(block.ptr as usize)
    }

    #[inline]
    fn reset(&mut self) {
        BumpAllocator::reset(self);
    }
}

/// `BumpAllocator`, which frees its buffer when told to, as Rust has it.
struct Owned(BumpAllocator);

impl Drop for Owned {
    fn drop(&mut self) {
        assert_eq!(BumpAllocator::drop(&mut self.0), 0, "the buffer is there");
    }
}

#[cfg(feature = "peers")]
impl Bump for bumpalo::Bump {
    fn new(capacity: usize) -> bumpalo::Bump {
        bumpalo::Bump::with_capacity(capacity)
    }

    #[inline]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.try_alloc_layout(layout).map_or(std::ptr::null_mut(), |block| block.as_ptr())
    }

    #[inline]
    fn reset(&mut self) {
        bumpalo::Bump::reset(self);
    }
}

/// Does a workload with one contestant; `None` when there is no such thing.
pub fn run(contestant: &str, what: &str) -> Option<u64> {
    Some(match (contestant, what) {
        ("vex", "24 B, reset") => equal(&mut Owned(Bump::new(SMALL)).0),
        ("vex", "8-200 B, reset") => mixed(&mut Owned(Bump::new(LARGE)).0),
        ("vex", "24 B, new each time") => fresh(|| Owned(Bump::new(SMALL)), |owned| &mut owned.0),
        #[cfg(feature = "peers")]
        ("bumpalo", "24 B, reset") => equal(&mut <bumpalo::Bump as Bump>::new(SMALL)),
        #[cfg(feature = "peers")]
        ("bumpalo", "8-200 B, reset") => mixed(&mut <bumpalo::Bump as Bump>::new(LARGE)),
        #[cfg(feature = "peers")]
        ("bumpalo", "24 B, new each time") => {
            fresh(|| <bumpalo::Bump as Bump>::new(SMALL), |bump: &mut bumpalo::Bump| bump)
        }
        #[cfg(feature = "peers")]
        ("typed-arena", "24 B, new each time") => typed(),
        _ => return None,
    })
}

/// Writes all of a block of 24 bytes and reads a part of it.
#[inline]
fn node(block: *mut u8, value: u64) -> u64 {
    assert!(!block.is_null(), "there is room for a round");
    let block = block.cast::<[u64; 3]>();
    // SAFETY: the block has 24 bytes, aligned to 8, and is ours until the round ends.
    unsafe {
        block.write([value; 3]);
        black_box(block).cast::<u64>().read()
    }
}

/// A round of blocks of 24 bytes.
#[inline]
fn round<B: Bump>(bump: &mut B, layout: Layout) -> u64 {
    (0..BLOCKS).map(|value| node(bump.alloc(layout), value)).sum()
}

/// The layout of [`node`], which the optimiser does not know.
fn node_layout() -> Layout {
    black_box(Layout::new::<[u64; 3]>())
}

/// Blocks of 24 bytes; after each round all are forgotten.
fn equal<B: Bump>(bump: &mut B) -> u64 {
    let (layout, mut sum) = (node_layout(), 0);
    for _ in 0..ROUNDS {
        sum += round(bump, layout);
        bump.reset();
    }
    assert_eq!(sum, ROUNDS * BLOCKS * (BLOCKS - 1) / 2);
    ROUNDS * BLOCKS
}

/// Blocks of 8 to 200 bytes, aligned to 1 to 16.
fn mixed<B: Bump>(bump: &mut B) -> u64 {
    let mut random = Random::new(7);
    let layouts: Vec<Layout> = (0..BLOCKS)
        .map(|_| Layout::from_size_align(8 + random.below(193), 1 << random.below(5)).expect("a layout"))
        .collect();
    for round in 0..ROUNDS / 4 {
        for layout in &layouts {
            let block = bump.alloc(*layout);
            assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()), "room, and aligned");
            // SAFETY: the block has these bytes and is ours until the round ends.
            unsafe { block.write_bytes(round as u8, layout.size()) };
        }
        bump.reset();
    }
    ROUNDS / 4 * BLOCKS
}

/// As [`equal`], but each round has an allocator of its own.
fn fresh<T, B: Bump>(new: impl Fn() -> T, bump: impl Fn(&mut T) -> &mut B) -> u64 {
    let (layout, mut sum) = (node_layout(), 0);
    for _ in 0..ROUNDS {
        let mut owner = new();
        sum += round(bump(&mut owner), layout);
    }
    assert_eq!(sum, ROUNDS * BLOCKS * (BLOCKS - 1) / 2);
    ROUNDS * BLOCKS
}

/// As [`fresh`].
#[cfg(feature = "peers")]
fn typed() -> u64 {
    let mut sum = 0;
    for _ in 0..ROUNDS {
        let arena = typed_arena::Arena::<[u64; 3]>::with_capacity(black_box(BLOCKS as usize));
        sum += (0..BLOCKS).map(|value| black_box(arena.alloc([value; 3]))[0]).sum::<u64>();
    }
    assert_eq!(sum, ROUNDS * BLOCKS * (BLOCKS - 1) / 2);
    ROUNDS * BLOCKS
}
