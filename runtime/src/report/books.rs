//! The books of the heap report: rows by allocator and position, and which live
//! block belongs to which row.

use core::ops::Range;
use std::collections::BTreeMap;

/// Which functions a block was allocated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Allocator {
    /// The Mem prelude, and the C names of `.vais` files.
    Vex,
    /// `__vera_sys_alloc`, and so `vera:memory`.
    Vera,
    /// `global_alloc` of `std/allocator`.
    Global,
    /// `xila/memory` and Xila's C ABI.
    Xila,
    /// `BumpAllocator`.
    Bump,
    /// `PoolAllocator`.
    Pool,
    /// `FreeListAllocator`.
    FreeList,
    /// `StackAllocator`.
    Stack,
    /// kmem.
    Kmem,
}

impl Allocator {
    /// The name reports print.
    pub const fn name(self) -> &'static str {
        match self {
            Allocator::Vex => "vex_malloc",
            Allocator::Vera => "vera:memory",
            Allocator::Global => "global",
            Allocator::Xila => "xila/memory",
            Allocator::Bump => "bump",
            Allocator::Pool => "pool",
            Allocator::FreeList => "free list",
            Allocator::Stack => "stack",
            Allocator::Kmem => "kmem",
        }
    }

    /// Whether its blocks are the process manager's, so that another family's
    /// function may free them.
    const fn shares_the_heap(self) -> bool {
        matches!(self, Allocator::Vex | Allocator::Vera | Allocator::Global | Allocator::Xila)
    }

    /// Which map of live blocks it uses. Allocators that can carve a block at
    /// the very address of another's (an arena over a heap block) use different
    /// ones.
    const fn space(self) -> Space {
        match self {
            Allocator::Bump => 1,
            Allocator::Pool => 2,
            Allocator::FreeList => 3,
            Allocator::Stack => 4,
            Allocator::Kmem => 5,
            _ => 0,
        }
    }
}

/// Index of a map of live blocks.
type Space = usize;

/// Counts and bytes of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Blocks allocated.
    pub allocations: u64,
    /// Bytes allocated.
    pub allocated: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Bytes freed.
    pub freed: u64,
    /// The most bytes held at once.
    pub peak: u64,
}

impl Figures {
    /// Blocks allocated and not freed.
    pub fn held_blocks(&self) -> u64 {
        self.allocations - self.frees
    }

    /// Bytes allocated and not freed.
    pub fn held(&self) -> u64 {
        self.allocated - self.freed
    }

    fn allocate(&mut self, bytes: u64) {
        self.allocations += 1;
        self.allocated += bytes;
        self.peak = self.peak.max(self.held());
    }

    fn free(&mut self, bytes: u64) {
        self.frees += 1;
        self.freed += bytes;
    }
}

/// A line of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the blocks were allocated with.
    pub allocator: Allocator,
    /// The position that allocated them, as stored in
    /// [`vex_report_site`](super::vex_report_site).
    pub site: u32,
    /// How many and how much.
    pub figures: Figures,
}

/// A live block.
#[derive(Clone, Copy, Debug)]
struct Block {
    allocator: Allocator,
    site: u32,
    bytes: u64,
}

/// Everything recorded.
pub struct Books {
    rows: BTreeMap<(Allocator, u32), Figures>,
    totals: BTreeMap<Allocator, Figures>,
    live: [BTreeMap<usize, Block>; 6],
}

impl Books {
    /// Empty books.
    pub const fn new() -> Books {
        Books { rows: BTreeMap::new(), totals: BTreeMap::new(), live: [const { BTreeMap::new() }; 6] }
    }

    /// Records a block. One that was live at the address is taken to be gone.
    pub fn allocated(&mut self, allocator: Allocator, site: u32, at: usize, bytes: u64) {
        self.freed(allocator, at);
        self.figures(allocator, site, |figures| figures.allocate(bytes));
        self.live[allocator.space()].insert(at, Block { allocator, site, bytes });
    }

    /// Records a block that takes no room and is never freed.
    pub fn passed(&mut self, allocator: Allocator, site: u32) {
        self.figures(allocator, site, |figures| {
            figures.allocate(0);
            figures.free(0);
        });
    }

    /// Records that the block at `at` is gone, if there is one.
    pub fn freed(&mut self, allocator: Allocator, at: usize) {
        if let Some(block) = self.live[allocator.space()].remove(&at) {
            debug_assert!(block.allocator == allocator || allocator.shares_the_heap());
            self.figures(block.allocator, block.site, |figures| figures.free(block.bytes));
        }
    }

    /// Records that every block in a range of addresses is gone.
    pub fn freed_all(&mut self, allocator: Allocator, range: Range<usize>) {
        let gone: Vec<usize> = self.live[allocator.space()].range(range).map(|(&at, _)| at).collect();
        for at in gone {
            self.freed(allocator, at);
        }
    }

    /// One row per allocator and position, most bytes allocated first.
    pub fn rows(&self) -> Vec<Row> {
        let row = |(&(allocator, site), &figures): (&_, &_)| Row { allocator, site, figures };
        let mut rows: Vec<Row> = self.rows.iter().map(row).collect();
        rows.sort_by_key(|row| core::cmp::Reverse(row.figures.allocated));
        rows
    }

    /// One row per allocator.
    pub fn totals(&self) -> Vec<Row> {
        let row = |(&allocator, &figures): (&_, &_)| Row { allocator, site: 0, figures };
        self.totals.iter().map(row).collect()
    }

    fn figures(&mut self, allocator: Allocator, site: u32, mut change: impl FnMut(&mut Figures)) {
        change(self.rows.entry((allocator, site)).or_default());
        change(self.totals.entry(allocator).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_counts_for_the_position_that_allocated_it() {
        let mut books = Books::new();
        books.allocated(Allocator::Vex, 10, 0x1000, 100);
        books.allocated(Allocator::Vex, 20, 0x2000, 50);
        books.allocated(Allocator::Vex, 10, 0x3000, 30);
        // Freed through another family of the same heap.
        books.freed(Allocator::Vera, 0x1000);
        books.freed(Allocator::Vex, 0x9999);
        books.allocated(Allocator::Vex, 10, 0x4000, 5);
        books.freed(Allocator::Vex, 0x4000);
        let [first, second] = books.rows()[..] else { panic!("two rows") };
        assert_eq!((first.allocator, first.site, second.site), (Allocator::Vex, 10, 20));
        let Figures { allocations, allocated, frees, freed, peak } = first.figures;
        assert_eq!((allocations, allocated, frees, freed, peak), (3, 135, 2, 105, 130));
        assert_eq!((first.figures.held(), first.figures.held_blocks()), (30, 1));
        assert_eq!((second.figures.held(), second.figures.frees), (50, 0));
        let [total] = books.totals()[..] else { panic!("one allocator") };
        assert_eq!((total.figures.allocated, total.figures.peak, total.figures.held()), (185, 180, 80));
    }

    #[test]
    fn an_arena_inside_a_heap_block_is_kept_apart() {
        let mut books = Books::new();
        books.allocated(Allocator::Vex, 1, 0x1000, 64);
        books.allocated(Allocator::Bump, 2, 0x1000, 8);
        books.allocated(Allocator::Bump, 2, 0x1008, 8);
        books.allocated(Allocator::Bump, 2, 0x2000, 8);
        books.passed(Allocator::Bump, 2);
        books.freed_all(Allocator::Bump, 0x1000..0x1040);
        let bump = books.totals()[1];
        assert_eq!(bump.allocator, Allocator::Bump);
        assert_eq!((bump.figures.allocations, bump.figures.frees, bump.figures.held()), (4, 3, 8));
        books.freed(Allocator::Vex, 0x1000);
        assert_eq!(books.totals()[0].figures.held(), 0);
    }

    #[test]
    fn an_address_that_comes_back_was_freed_unseen() {
        let mut books = Books::new();
        books.allocated(Allocator::Stack, 1, 0x1000, 10);
        books.allocated(Allocator::Stack, 2, 0x1000, 20);
        let rows = books.rows();
        assert_eq!((rows[0].figures.held(), rows[1].figures.held()), (20, 0));
    }
}
