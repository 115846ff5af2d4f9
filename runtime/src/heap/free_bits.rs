//! Which slots of a page are free: a bit each, in the chunk's header.
//!
//! A list through the slots would do as well, but making one touches every slot when it comes back and again, one after
//! the other, when it is taken out: where a program frees and allocates more than the caches hold, each is a wait for
//! memory. A bit costs neither, hands slots out by address whatever the order they came back in, and is out of reach of a
//! program that writes to memory it has freed.

use super::class::TABLE;
use core::cell::Cell;

/// Words of bits: one per slot of a page of the smallest class.
const WORDS: usize = TABLE[0].capacity as usize / 64;

/// The free slots of a page, by index.
#[repr(C)]
pub struct FreeBits([Cell<u64>; WORDS]);

impl FreeBits {
    /// Begins with no free slot, for a page of `capacity` slots.
    pub fn clear(&self, capacity: usize) {
        for word in &self.0[..capacity.div_ceil(64)] {
            word.set(0);
        }
    }

    /// Adds slots: those of a word whose bits are set. The bits of those that are there
    /// already.
    #[inline]
    pub fn add(&self, word: usize, bits: u64) -> u64 {
        let old = self.0[word % WORDS].get();
        self.0[word % WORDS].set(old | bits);
        old & bits
    }

    /// Whether a slot is there.
    pub fn has(&self, slot: usize) -> bool {
        self.0[slot / 64].get() >> (slot % 64) & 1 != 0
    }

    /// Takes slots out, lowest first, beginning to look in the word `from`.
    pub fn taker(&self, from: usize) -> Taker<'_> {
        Taker { bits: self, word: from, left: self.0[from].get() }
    }
}

/// Takes slots out of [`FreeBits`].
pub struct Taker<'a> {
    bits: &'a FreeBits,
    word: usize,
    /// What is left of that word.
    left: u64,
}

impl Taker<'_> {
    /// The next slot.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn take(&mut self) -> usize {
        while self.left == 0 {
            self.bits.0[self.word].set(0);
            self.word += 1;
            self.left = self.bits.0[self.word].get();
        }
        let bit = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        self.word * 64 + bit
    }

    /// Writes back what was taken; the word to begin with the next time.
    pub fn end(self) -> usize {
        self.bits.0[self.word].set(self.left);
        self.word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_out_lowest_first_and_once() {
        let bits = FreeBits([const { Cell::new(0) }; WORDS]);
        for slot in [700, 3, 64, 63, 4095, 128] {
            assert_eq!(bits.add(slot / 64, 1 << (slot % 64)), 0);
        }
        assert_eq!(bits.add(1, 7), 1);
        assert!(bits.has(64) && bits.has(66) && !bits.has(67));
        let mut taker = bits.taker(0);
        assert_eq!([taker.take(), taker.take(), taker.take()], [3, 63, 64]);
        let from = taker.end();
        assert!(!bits.has(64) && bits.has(128));
        let mut taker = bits.taker(from);
        assert_eq!([(); 5].map(|()| taker.take()), [65, 66, 128, 700, 4095]);
        assert_eq!(taker.end(), WORDS - 1);
        assert!((0..WORDS * 64).all(|slot| !bits.has(slot)));
    }
}
