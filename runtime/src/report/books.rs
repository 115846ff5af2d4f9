//! The books of the heap report: rows by allocator and position, which live block
//! belongs to which row, and which blocks were freed lately.
//!
//! An allocation and its free cost one hash look-up each beyond the lock; the row
//! of a position that allocated lately is found without one.

use super::freed::{Freed, Ring};
use super::live::{Block, Live, Space};
use core::ops::Range;
use std::collections::HashMap;

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

    /// Every allocator, in the order of their numbers.
    const ALL: [Allocator; 9] = [
        Allocator::Vex,
        Allocator::Vera,
        Allocator::Global,
        Allocator::Xila,
        Allocator::Bump,
        Allocator::Pool,
        Allocator::FreeList,
        Allocator::Stack,
        Allocator::Kmem,
    ];

    /// Which map of live blocks it uses. Allocators that can carve a block at
    /// the very address of another's (an arena over a heap block) use different
    /// ones.
    const fn space(self) -> Space {
        match self {
            Allocator::Bump => Space::Bump,
            Allocator::Pool => Space::Pool,
            Allocator::FreeList => Space::FreeList,
            Allocator::Stack => Space::Stack,
            Allocator::Kmem => Space::Kmem,
            _ => Space::Heap,
        }
    }
}

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
    const ZERO: Figures = Figures { allocations: 0, allocated: 0, frees: 0, freed: 0, peak: 0 };

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

/// A block that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveBlock {
    /// Its first byte.
    pub address: usize,
    /// Its bytes as requested.
    pub size: usize,
    /// What it was allocated with.
    pub allocator: Allocator,
    /// The position that allocated it.
    pub site: u32,
    /// The number of its allocation, counted through the process from 1.
    pub serial: u64,
    /// Why it was allocated, as kmem was told; `None` for every other allocator.
    pub reason: Option<String>,
}

/// A block that was freed lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreedBlock {
    /// Its first byte.
    pub address: usize,
    /// Its bytes as requested.
    pub size: usize,
    /// What it was allocated with.
    pub allocator: Allocator,
    /// The position that allocated it.
    pub site: u32,
    /// The position that freed it: the last call out of user code before, or 0
    /// when there was none.
    pub free_site: u32,
    /// The number of its allocation.
    pub serial: u64,
}

/// A moment, to tell later what has happened since.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    serial: u64,
    sum: Figures,
}

/// What has happened since a [`Mark`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// Blocks allocated.
    pub allocations: u64,
    /// Bytes allocated.
    pub allocated: u64,
    /// Blocks freed, also older ones.
    pub frees: u64,
    /// Bytes freed.
    pub freed: u64,
    /// The blocks allocated since that are live, oldest first.
    pub left: Vec<LiveBlock>,
}

/// Rows that are found without a look-up, a power of two.
const RECENT: usize = 64;

/// Everything recorded.
pub struct Books {
    rows: Vec<Row>,
    /// The number of the row of an allocator and position.
    index: Option<HashMap<(Allocator, u32), u32>>,
    /// Numbers of rows that were used lately, by a hash of allocator and position.
    recent: [u32; RECENT],
    totals: [Figures; Allocator::ALL.len()],
    sum: Figures,
    live: Live,
    freed: Ring,
    /// Allocations so far.
    serial: u64,
}

impl Books {
    /// Empty books. The first allocation has the number after `serial`.
    pub const fn new(serial: u64) -> Books {
        Books {
            rows: Vec::new(),
            index: None,
            recent: [0; RECENT],
            totals: [Figures::ZERO; Allocator::ALL.len()],
            sum: Figures::ZERO,
            live: Live::new(),
            freed: Ring::new(),
            serial,
        }
    }

    /// Allocations so far.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// Records a block. One that was live at the address is taken to be gone.
    pub fn allocated(&mut self, allocator: Allocator, site: u32, at: usize, bytes: u64) {
        let row = self.row(allocator, site);
        self.serial += 1;
        let block = Block { bytes, serial: self.serial, row };
        if let Some(unseen) = self.live.insert(allocator.space(), at, block) {
            self.gone(at, unseen, 0);
        }
        self.figures(row, |figures| figures.allocate(bytes));
    }

    /// Records a block that takes no room and is never freed.
    pub fn passed(&mut self, allocator: Allocator, site: u32) {
        let row = self.row(allocator, site);
        self.serial += 1;
        self.figures(row, |figures| {
            figures.allocate(0);
            figures.free(0);
        });
    }

    /// Records that the block at `at` is gone, if there is one, and that it was
    /// `site` that freed it.
    pub fn freed(&mut self, allocator: Allocator, site: u32, at: usize) {
        if let Some(block) = self.live.remove(allocator.space(), at) {
            debug_assert!({
                let owner = self.rows[block.row as usize].allocator;
                owner == allocator || allocator.shares_the_heap()
            });
            self.gone(at, block, site);
        }
    }

    /// Records that every block in a range of addresses is gone; as for
    /// [`freed`](Books::freed).
    pub fn freed_all(&mut self, allocator: Allocator, site: u32, range: Range<usize>) {
        for (at, block) in self.live.remove_all(allocator.space(), range) {
            self.gone(at, block, site);
        }
    }

    /// One row per allocator and position, most bytes allocated first.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        rows.sort_by_key(|row| (core::cmp::Reverse(row.figures.allocated), row.allocator, row.site));
        rows
    }

    /// One row per allocator.
    pub fn totals(&self) -> Vec<Row> {
        let used = |allocator: &Allocator| self.totals[*allocator as usize].allocations > 0;
        let row = |allocator| Row { allocator, site: 0, figures: self.totals[allocator as usize] };
        Allocator::ALL.into_iter().filter(used).map(row).collect()
    }

    /// The live blocks with a number above `serial`, oldest first.
    pub fn live(&self, serial: u64) -> Vec<LiveBlock> {
        let mut blocks = Vec::new();
        if serial < self.serial {
            self.live.for_each(|at, block| {
                if block.serial > serial {
                    blocks.push(self.describe(at, block));
                }
            });
        }
        blocks.sort_unstable_by_key(|block: &LiveBlock| block.serial);
        blocks
    }

    /// The innermost live block that `address` lies in. `start` is where the block
    /// of the heap starts that the address lies in, if somebody knows.
    pub fn find(&self, address: usize, start: Option<usize>) -> Option<LiveBlock> {
        self.live.find(address, start).map(|(at, block)| self.describe(at, &block))
    }

    /// The block freed last that `address` lay in, among those remembered.
    pub fn find_freed(&self, address: usize) -> Option<FreedBlock> {
        let Freed { at, block, free_site } = self.freed.find(address)?;
        let LiveBlock { address, size, allocator, site, serial, .. } = self.describe(at, &block);
        Some(FreedBlock { address, size, allocator, site, free_site, serial })
    }

    /// This moment.
    pub fn mark(&self) -> Mark {
        Mark { serial: self.serial, sum: self.sum }
    }

    /// What has happened since.
    pub fn since(&self, mark: Mark) -> Since {
        let (now, then) = (self.sum, mark.sum);
        let more = |now: u64, then: u64| now.saturating_sub(then);
        Since {
            allocations: more(now.allocations, then.allocations),
            allocated: more(now.allocated, then.allocated),
            frees: more(now.frees, then.frees),
            freed: more(now.freed, then.freed),
            left: self.live(mark.serial),
        }
    }

    fn describe(&self, at: usize, block: &Block) -> LiveBlock {
        let Row { allocator, site, .. } = self.rows[block.row as usize];
        LiveBlock {
            address: at,
            size: block.bytes as usize,
            allocator,
            site,
            serial: block.serial,
            reason: None,
        }
    }

    /// Counts and remembers a block that is not live any more.
    fn gone(&mut self, at: usize, block: Block, free_site: u32) {
        self.figures(block.row, |figures| figures.free(block.bytes));
        self.freed.push(Freed { at, block, free_site });
    }

    /// The number of the row, which is made if need be.
    fn row(&mut self, allocator: Allocator, site: u32) -> u32 {
        let place = (site as usize).wrapping_mul(0x9E37_79B9).wrapping_add(allocator as usize * 7) % RECENT;
        let known = self.recent[place];
        if let Some(row) = self.rows.get(known as usize)
            && (row.allocator, row.site) == (allocator, site)
        {
            return known;
        }
        let rows = &mut self.rows;
        let number = *self.index.get_or_insert_default().entry((allocator, site)).or_insert_with(|| {
            rows.push(Row { allocator, site, figures: Figures::ZERO });
            rows.len() as u32 - 1
        });
        self.recent[place] = number;
        number
    }

    fn figures(&mut self, row: u32, change: impl Fn(&mut Figures)) {
        let row = &mut self.rows[row as usize];
        change(&mut row.figures);
        change(&mut self.totals[row.allocator as usize]);
        change(&mut self.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::freed::REMEMBERED;

    #[test]
    fn a_block_counts_for_the_position_that_allocated_it() {
        let mut books = Books::new(0);
        books.allocated(Allocator::Vex, 10, 0x1000, 100);
        books.allocated(Allocator::Vex, 20, 0x2000, 50);
        books.allocated(Allocator::Vex, 10, 0x3000, 30);
        // Freed through another family of the same heap.
        books.freed(Allocator::Vera, 9, 0x1000);
        books.freed(Allocator::Vex, 9, 0x9999);
        books.allocated(Allocator::Vex, 10, 0x4000, 5);
        books.freed(Allocator::Vex, 9, 0x4000);
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
        let mut books = Books::new(0);
        books.allocated(Allocator::Vex, 1, 0x1000, 64);
        books.allocated(Allocator::Bump, 2, 0x1000, 8);
        books.allocated(Allocator::Bump, 2, 0x1008, 8);
        books.allocated(Allocator::Bump, 2, 0x2000, 8);
        books.passed(Allocator::Bump, 2);
        books.freed_all(Allocator::Bump, 9, 0x1000..0x1040);
        let bump = books.totals()[1];
        assert_eq!(bump.allocator, Allocator::Bump);
        assert_eq!((bump.figures.allocations, bump.figures.frees, bump.figures.held()), (4, 3, 8));
        books.freed(Allocator::Vex, 9, 0x1000);
        assert_eq!(books.totals()[0].figures.held(), 0);
    }

    #[test]
    fn an_address_that_comes_back_was_freed_unseen() {
        let mut books = Books::new(0);
        books.allocated(Allocator::Stack, 1, 0x1000, 10);
        books.allocated(Allocator::Stack, 2, 0x1000, 20);
        let rows = books.rows();
        assert_eq!((rows[0].figures.held(), rows[1].figures.held()), (20, 0));
    }

    #[test]
    fn live_blocks_are_found_by_any_of_their_bytes() {
        let mut books = Books::new(5);
        books.allocated(Allocator::Vex, 1, 0x1000, 64);
        books.allocated(Allocator::Bump, 2, 0x1010, 8);
        books.allocated(Allocator::Kmem, 3, 0x5000, 10);
        books.allocated(Allocator::Vex, 4, 0x3000, 0);
        let start = |address: usize| books.find(address, None).map(|block| (block.address, block.serial));
        for (address, expected) in [
            (0xFFF, None),
            (0x1000, Some((0x1000, 6))),
            (0x100F, Some((0x1000, 6))),
            (0x1010, Some((0x1010, 7))),
            (0x1017, Some((0x1010, 7))),
            (0x1018, Some((0x1000, 6))),
            (0x1040, None),
            (0x5009, Some((0x5000, 8))),
            (0x500A, None),
            (0x3000, Some((0x3000, 9))),
            (0x3001, None),
        ] {
            assert_eq!(start(address), expected, "{address:#x}");
        }
        assert_eq!(books.find(0x1020, Some(0x1000)).map(|block| block.site), Some(1));
        assert_eq!(books.find(0x1020, Some(0x1020)).map(|block| block.site), Some(1));
        let all: Vec<_> = books.live(0).iter().map(|block| (block.serial, block.size)).collect();
        assert_eq!(all, [(6, 64), (7, 8), (8, 10), (9, 0)]);
    }

    #[test]
    fn the_latest_frees_are_remembered() {
        let mut books = Books::new(0);
        for round in 0..3 {
            books.allocated(Allocator::Vex, 10 + round, 0x1000, 16);
            books.freed(Allocator::Vex, 20 + round, 0x1000);
        }
        let freed = books.find_freed(0x100F).expect("remembered");
        assert_eq!((freed.address, freed.size, freed.site, freed.free_site), (0x1000, 16, 12, 22));
        assert_eq!((freed.allocator, freed.serial), (Allocator::Vex, 3));
        assert_eq!(books.find_freed(0x1010), None);
        // Another block at the same place, and then many elsewhere.
        for other in 1..=2 * REMEMBERED {
            let remembered = books.find_freed(0x1000).map(|freed| freed.serial);
            assert_eq!(remembered.is_some(), other <= REMEMBERED, "{other}");
            books.allocated(Allocator::Bump, 1, 0x10_0000 + other * 16, 16);
            books.freed_all(Allocator::Bump, 7, 0..usize::MAX);
            let newest = books.find_freed(0x10_0000 + other * 16 + 3).expect("just freed");
            assert_eq!((newest.free_site, newest.serial), (7, 3 + other as u64));
        }
    }

    #[test]
    fn what_happened_since_a_mark_is_told() {
        let mut books = Books::new(0);
        books.allocated(Allocator::Vex, 1, 0x1000, 64);
        let mark = books.mark();
        assert_eq!(books.since(mark), Since::default());
        books.allocated(Allocator::Vex, 2, 0x2000, 10);
        books.allocated(Allocator::Pool, 3, 0x3000, 20);
        books.allocated(Allocator::Vex, 2, 0x4000, 30);
        books.freed(Allocator::Vex, 9, 0x1000);
        books.freed(Allocator::Vex, 9, 0x2000);
        let since = books.since(mark);
        assert_eq!((since.allocations, since.allocated, since.frees, since.freed), (3, 60, 2, 74));
        assert_eq!(since.left.iter().map(|b| b.address).collect::<Vec<_>>(), [0x3000, 0x4000]);
    }
}
