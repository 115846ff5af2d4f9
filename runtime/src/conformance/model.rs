//! The model a subject is compared with, and the random numbers that drive both.

use super::{Block, Frees, Subject};
use core::ptr::NonNull;

/// A subject and the model beside it.
pub(crate) struct Run<S> {
    pub subject: S,
    pub live: Vec<Block>,
    requested: usize,
    fill: u8,
}

impl<S: Subject> Run<S> {
    pub fn new(subject: S) -> Run<S> {
        let run = Run { subject, live: Vec::new(), requested: 0, fill: 1 };
        run.subject.check(&[], 0);
        run
    }

    /// Whether a block of `size` could be had; it is then live and painted.
    pub fn allocate(&mut self, size: usize, align: usize) -> bool {
        let Some(at) = self.subject.allocate(size, align) else {
            self.verify();
            return false;
        };
        self.requested += size;
        self.adopt(at, size, align);
        true
    }

    fn adopt(&mut self, at: NonNull<u8>, size: usize, align: usize) {
        assert_eq!(at.addr().get() % align, 0, "{size} bytes at {at:p} are not aligned to {align}");
        self.fill = self.fill.wrapping_add(37);
        let block = Block { at, size, align, fill: self.fill };
        let (start, end) = (block.addr(), block.addr() + size);
        for other in &self.live {
            let apart = end <= other.addr() || other.addr() + other.size <= start;
            assert!(apart || size == 0 || other.size == 0, "{block:?} overlaps {other:?}");
        }
        block.paint();
        self.live.push(block);
        self.verify();
    }

    pub fn free(&mut self, index: usize) {
        let block = self.live.remove(index);
        assert!(block.intact(block.size), "{block:?} was overwritten");
        assert!(self.subject.deallocate(block), "{block:?} is live and was refused");
        self.verify();
    }

    /// The index of a block that may be freed now, chosen by `pick`.
    pub fn freeable(&self, pick: usize) -> Option<usize> {
        match self.subject.limits().frees {
            Frees::None => None,
            _ if self.live.is_empty() => None,
            Frees::Last => Some(self.live.len() - 1),
            Frees::Any => Some(pick % self.live.len()),
        }
    }

    pub fn resize(&mut self, index: usize, size: usize) -> bool {
        let old = self.live[index];
        let Some(at) = self.subject.reallocate(old, size) else {
            assert!(old.intact(old.size), "a failed reallocation changed {old:?}");
            self.verify();
            return false;
        };
        self.live.remove(index);
        self.requested += size;
        // What was painted, where it is now, as far as it was to be kept.
        let moved = Block { at, ..old };
        assert!(moved.intact(size), "{old:?} lost its contents in {size} bytes at {at:p}");
        self.adopt(at, size, old.align);
        true
    }

    pub fn reset(&mut self) {
        self.subject.reset();
        self.live.clear();
        self.requested = 0;
        self.verify();
    }

    pub fn verify(&self) {
        self.subject.check(&self.live, self.requested);
    }

    pub fn verify_contents(&self) {
        for block in &self.live {
            assert!(block.intact(block.size), "{block:?} was overwritten");
        }
    }

    /// Frees what can be freed and checks that nothing is left behind.
    pub fn finish(mut self) {
        self.verify_contents();
        while let Some(index) = self.freeable(self.live.len() / 2) {
            self.free(index);
        }
        if self.subject.limits().resets {
            self.reset();
        }
        self.verify();
    }
}

/// xorshift64*: small, seeded, good enough to pick operations.
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    /// A size up to `max`, small ones as likely as large ones.
    pub fn size(&mut self, max: usize) -> usize {
        let bits = self.below(max.ilog2() as usize + 2) as u32;
        self.below(2usize.saturating_pow(bits)).min(max)
    }

    pub fn align(&mut self, max: usize) -> usize {
        1 << self.below(max.ilog2() as usize + 1)
    }
}
