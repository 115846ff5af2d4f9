//! Size classes: which block sizes pages serve and how long their spans are.
//!
//! Multiples of 16 up to 128, then eight classes to each doubling up to
//! [`SMALL_MAX`], so above 128 bytes at most an eighth of a slot is slack. The
//! classes of a doubling are the multiples of an eighth of its start, a power of
//! two. A request rounded up to a multiple of its alignment lands in a class whose
//! size is a multiple of that alignment: either the alignment divides that eighth
//! and with it every class of the doubling, or the eighth divides the alignment and
//! the request is the size of a class itself. Slots of a page that starts aligned
//! are therefore aligned.

use super::chunk::SLICE;
use crate::size;

/// The number of size classes.
pub const CLASSES: usize = 96;

/// The largest block a size class serves, in bytes.
pub const SMALL_MAX: usize = 256 << 10;

/// Every block's alignment at least.
pub const MIN_ALIGN: usize = 16;

/// Bytes of free slots a thread keeps per class before it returns some.
const CACHE_BYTES: usize = 64 << 10;

/// The part of a page that may be left over at its end: one of so many.
const fn tail_share(size: usize) -> usize {
    if size <= 32 << 10 { 8 } else { 5 }
}

/// What the heap knows about a class at compile time.
#[derive(Clone, Copy)]
pub struct Class {
    /// The slot size in bytes.
    pub size: u32,
    /// The span of a page, in slices.
    pub slices: u8,
    /// Slots in a page.
    pub capacity: u16,
    /// Free slots a thread keeps before it returns half of them.
    pub limit: u32,
    /// `ceil(2^64 / size)`: see [`divides`].
    pub inverse: u64,
}

impl Class {
    /// Bytes of a page that are slots.
    pub const fn slots_bytes(&self) -> usize {
        self.capacity as usize * self.size as usize
    }
}

/// The classes, smallest first.
pub static TABLE: [Class; CLASSES] = {
    let mut table = [Class { size: 0, slices: 0, capacity: 0, limit: 0, inverse: 0 }; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        table[class] = describe(class);
        class += 1;
    }
    table
};

/// The slot size of a class in bytes.
const fn slot_size(class: usize) -> usize {
    if class < 8 {
        return (class + 1) * MIN_ALIGN;
    }
    let (doubling, eighth) = ((class - 8) / 8, (class - 8) % 8);
    (128 << doubling) + (16 << doubling) * (eighth + 1)
}

const fn describe(class: usize) -> Class {
    let size = slot_size(class);
    // Enough slots that a page is worth its bookkeeping, little waste at the end.
    let least = if size <= 64 << 10 { 8 } else { 4 };
    // Powers of two, and pages aligned to them: the offset in a page is a mask away.
    let mut slices = 1;
    loop {
        let bytes = slices * SLICE;
        // What is left at the end of a page is never touched, so a bigger page would
        // save address space only.
        if bytes / size >= least && (bytes % size) * tail_share(size) <= bytes {
            break;
        }
        slices *= 2;
    }
    let limit = CACHE_BYTES / size;
    Class {
        size: size as u32,
        slices: slices as u8,
        capacity: (slices * SLICE / size) as u16,
        limit: if limit < 2 {
            2
        } else if limit > 256 {
            256
        } else {
            limit as u32
        },
        inverse: (u64::MAX / size as u64).wrapping_add(1),
    }
}

/// Sizes up to this one, in bytes, have their class in [`LOOKUP`].
const LOOKED_UP: usize = 1024;

/// The class of each multiple of 16 bytes. One load for the sizes that programs mix most, instead of a branch that
/// cannot be foreseen.
static LOOKUP: [u8; LOOKED_UP / MIN_ALIGN + 1] = {
    let mut classes = [0; LOOKED_UP / MIN_ALIGN + 1];
    let mut at = 0;
    while at < classes.len() {
        classes[at] = compute(at * MIN_ALIGN) as u8;
        at += 1;
    }
    classes
};

/// The class that serves `size` bytes. `size` is at most [`SMALL_MAX`].
#[inline]
pub fn of(size: usize) -> usize {
    if size <= LOOKED_UP {
        return LOOKUP[size.div_ceil(MIN_ALIGN)] as usize;
    }
    compute(size)
}

/// As [`of`], without looking it up.
const fn compute(size: usize) -> usize {
    if size <= 128 {
        return size.saturating_sub(1) / MIN_ALIGN;
    }
    let last = size - 1;
    let doubling = last.ilog2() as usize - 7;
    8 + doubling * 8 + ((last >> (doubling + 4)) & 7)
}

/// The class for `size` bytes at a multiple of `align`; `None` when the block
/// is too big or too aligned for a size class.
#[inline]
pub fn of_aligned(size: usize, align: usize) -> Option<usize> {
    if align <= MIN_ALIGN {
        return if size <= SMALL_MAX { Some(of(size)) } else { None };
    }
    if align > SLICE {
        return None;
    }
    match size::align_up(if size == 0 { 1 } else { size }, align) {
        Some(padded) if padded <= SMALL_MAX => Some(of(padded)),
        _ => None,
    }
}

/// `offset` divided by the size whose inverse is given: exact for multiples below
/// 2^32, for the error of the inverse has no room to show there.
#[inline]
pub const fn quotient(inverse: u64, offset: usize) -> usize {
    ((offset as u128 * inverse as u128) >> 64) as usize
}

/// Whether `offset` is a multiple of the size whose inverse is given. Exact for
/// offsets and sizes below 2^32: the fractional part of `offset / size`, kept in
/// 64 bits, is smaller than one step exactly when the division has no rest.
#[inline]
pub const fn divides(inverse: u64, offset: usize) -> bool {
    (offset as u64).wrapping_mul(inverse) < inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        assert_eq!(TABLE[CLASSES - 1].size as usize, SMALL_MAX);
        for size in 0..=SMALL_MAX {
            let class = of(size);
            assert!(TABLE[class].size as usize >= size, "{size}");
            assert!(class == 0 || (TABLE[class - 1].size as usize) < size, "{size}");
        }
    }

    #[test]
    fn at_most_an_eighth_of_a_slot_is_slack() {
        for size in 129..=SMALL_MAX {
            let slot = TABLE[of(size)].size as usize;
            assert!((slot - size) * 8 <= slot, "{size} in {slot}");
        }
    }

    #[test]
    fn a_thread_heap_stays_small() {
        assert!(size_of::<crate::heap::thread::ThreadHeap>() <= 64 << 10);
    }

    #[test]
    fn an_aligned_request_gets_a_class_of_aligned_slots() {
        for shift in 4..=16 {
            let align = 1 << shift;
            for size in (0..=SMALL_MAX).step_by(61) {
                if let Some(class) = of_aligned(size, align) {
                    assert_eq!(TABLE[class].size as usize % align, 0, "{size} at {align}");
                    assert!(TABLE[class].size as usize >= size);
                }
            }
        }
    }

    #[test]
    fn pages_are_powers_of_two_and_mostly_slots() {
        for class in &TABLE {
            let (bytes, used) =
                (class.slices as usize * SLICE, class.capacity as usize * class.size as usize);
            assert!(used <= bytes && (bytes - used) * tail_share(class.size as usize) <= bytes);
            assert!(class.slices <= 16 && class.capacity >= 4);
            assert!(class.slices.is_power_of_two());
        }
    }

    #[test]
    fn divisibility_is_exact() {
        for class in &TABLE {
            for slot in 0..class.capacity as usize {
                assert_eq!(quotient(class.inverse, slot * class.size as usize), slot);
            }
            for offset in 0..(class.size as usize * 3 + 2) {
                assert_eq!(divides(class.inverse, offset), offset % class.size as usize == 0);
            }
            let end = class.slices as usize * SLICE;
            for offset in end - 40..end {
                assert_eq!(divides(class.inverse, offset), offset % class.size as usize == 0);
            }
        }
    }
}
