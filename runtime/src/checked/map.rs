//! Where everything lies in checked mode, and what the bits of a pointer and of a
//! shadow byte mean. Generated code is built from the same numbers.
//!
//! A pointer of the program is `tag << 40 | address`. Tag 0 is no tag; tags below
//! [`FIRST_TAG`] do not exist, because the upper half of user space looks like them:
//! such a pointer is foreign, and nothing is checked of what it points at.
//!
//! An access of `n` bytes at `address` through tag `t` is inside the tag's object when
//! `let off = address - base(t)` has `off < size(t)` and `size(t) - off >= n`. The
//! shorter `off + (n - 1) < size(t)` wraps for the `n - 1` offsets just below the
//! object; blocks of the heap have poison there, objects inside a block do not.

/// Bits of a pointer that are its address.
pub const ADDRESS_BITS: u32 = 40;

/// The address in a pointer that carries a tag.
pub const ADDRESS_MASK: usize = (1 << ADDRESS_BITS) - 1;

/// Where the table of tags starts; a positive 32-bit displacement.
pub const TABLE: usize = 0x2000_0000;

/// Bytes of one entry: base, then size, both of 8 bytes.
pub const ENTRY_SIZE: usize = 16;

/// Offset of the object's first address in an entry.
pub const ENTRY_BASE: usize = 0;

/// Offset of the object's size in bytes in an entry; 0 when it is dead.
pub const ENTRY_LIMIT: usize = 8;

/// The lowest tag an object can have.
pub const FIRST_TAG: usize = 128;

/// The highest tag an object can have.
pub const LAST_TAG: usize = (1 << 23) - 1;

/// Bytes that are mapped for the table: twice what tags need, so that a pointer with
/// bit 63 set finds an empty entry, too.
pub const TABLE_BYTES: usize = 2 * (LAST_TAG + 1) * ENTRY_SIZE;

/// Where memory of the program starts.
pub const ARENA: usize = 0x10_0000_0000;

/// Bytes reserved for memory of the program.
pub const ARENA_BYTES: usize = 128 << 30;

/// One past the last byte reserved for memory of the program.
pub const ARENA_END: usize = ARENA + ARENA_BYTES;

/// From an address to its shadow byte.
pub const SHADOW_OFFSET: usize = 0x40_0000_0000;

/// Set in the shadow of a byte that must not be touched.
pub const POISON: u8 = 0x80;

/// Set in the shadow of a byte that was never written.
pub const UNWRITTEN: u8 = 0x01;

/// The shift of a block's colour in a shadow byte; neighbours differ.
pub const COLOUR_SHIFT: u32 = 1;

/// The bits of a block's colour in a shadow byte.
pub const COLOUR_MASK: u8 = 0x7E;

/// Shadow of bytes that no block ever had.
pub const NEVER: u8 = POISON;

/// Shadow of the bytes in front of a block and behind it.
pub const REDZONE: u8 = POISON | 0x02;

/// Shadow of a block that was freed.
pub const FREED: u8 = POISON | 0x04;

/// Shadow of bytes that an allocator has not given out, or has taken back.
pub const POISONED: u8 = POISON | 0x06;

/// Shadow of the OS pages around a stretch of program memory.
pub const GUARD: u8 = POISON | 0x08;

/// Addresses below this one are taken for null with an offset.
pub const NULL_END: usize = 1 << 16;

/// The `what` of an access: bits of its length in bytes.
pub const WHAT_BYTES: u64 = u32::MAX as u64;

/// The `what` of an access: it writes.
pub const WHAT_WRITE: u64 = 1 << 32;

/// The `what` of an access: the shift of the logarithm of the alignment it needs, 8 bits.
pub const WHAT_ALIGN_SHIFT: u32 = 40;

/// The `what` of an access: bytes that were never written may be read.
pub const WHAT_UNWRITTEN_OK: u64 = 1 << 48;

/// The `what` of an access: its address was an integer, and `base` is the part of the
/// address that the program started from, or 0.
pub const WHAT_INTEGER: u64 = 1 << 49;

/// The tag of a pointer; one of at least [`FIRST_TAG`] may be an object's.
#[inline]
pub const fn tag_of(pointer: usize) -> usize {
    pointer >> ADDRESS_BITS
}

/// A pointer without its tag. One that is no pointer of the program's (foreign, or
/// nonsense with its top bit set) is itself.
#[inline]
pub const fn strip(pointer: usize) -> usize {
    match (pointer as isize) < (FIRST_TAG << ADDRESS_BITS) as isize {
        true => pointer,
        false => pointer & ADDRESS_MASK,
    }
}

/// Whether a pointer is to memory that is not the program's: C's, or the runtime's.
#[inline]
pub const fn is_foreign(pointer: usize) -> bool {
    let tag = tag_of(pointer);
    tag != 0 && tag < FIRST_TAG
}

/// Whether an address without a tag lies in the program's memory.
#[inline]
pub const fn in_arena(address: usize) -> bool {
    address.wrapping_sub(ARENA) < ARENA_BYTES
}

// The areas lie apart and below the tag.
const _: () = {
    assert!(TABLE + (LAST_TAG + 1) * ENTRY_SIZE <= 1 << 31);
    assert!(TABLE + TABLE_BYTES <= ARENA);
    assert!(ARENA_END <= ARENA + SHADOW_OFFSET);
    assert!(ARENA_END + SHADOW_OFFSET <= 1 << ADDRESS_BITS);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripping_leaves_other_peoples_pointers() {
        let pointer = 4711 << ADDRESS_BITS | (ARENA + 5);
        assert_eq!(strip(pointer), ARENA + 5);
        assert_eq!(tag_of(pointer), 4711);
        for other in [0, 17, ARENA, 0x7FFF_1234_5678, usize::MAX, 1 << 63] {
            assert_eq!(strip(other), other);
        }
        assert!(is_foreign(0x7FFF_1234_5678) && is_foreign(0x100_0000_0000));
        assert!(!is_foreign(ARENA) && !is_foreign(pointer));
    }
}
