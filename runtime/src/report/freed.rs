//! The blocks of the books that were freed last.

use super::live::Block;

/// How many are remembered.
pub const REMEMBERED: usize = 4096;

/// A freed block.
#[derive(Clone, Copy, Debug)]
pub struct Freed {
    /// Where it was.
    pub at: usize,
    /// What it was.
    pub block: Block,
    /// The position that freed it.
    pub free_site: u32,
}

/// The latest [`REMEMBERED`] freed blocks.
pub struct Ring {
    /// A ring, once it is full.
    blocks: Vec<Freed>,
    /// Where the next one goes.
    next: usize,
}

impl Ring {
    /// No blocks.
    pub const fn new() -> Ring {
        Ring { blocks: Vec::new(), next: 0 }
    }

    /// Adds a block, at the cost of the oldest one.
    pub fn push(&mut self, freed: Freed) {
        match self.blocks.get_mut(self.next) {
            Some(oldest) => *oldest = freed,
            None => self.blocks.push(freed),
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// The block freed last that `address` lay in.
    pub fn find(&self, address: usize) -> Option<Freed> {
        let (newer, older) = self.blocks.split_at(self.next.min(self.blocks.len()));
        let mut newest_first = newer.iter().rev().chain(older.iter().rev());
        newest_first.find(|freed| freed.block.contains(freed.at, address)).copied()
    }
}
