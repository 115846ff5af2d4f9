//! The addresses of the checked mode: what is reserved, and where the runtime's own
//! tables lie in it.
//!
//! Everything is reserved at once, at fixed addresses, and costs memory as it is touched.
//! The tables lie above the shadow and below 2^40, so that a program that reads there
//! through an integer is outside of the arena.

use super::EnableError;
use super::map::{ARENA, ARENA_BYTES, ENTRY_SIZE, LAST_TAG, SHADOW_OFFSET, TABLE, TABLE_BYTES};
use crate::os;

/// The runtime's tables, all in one reservation.
const OWN: usize = 0x71_0000_0000;

/// One record of 64 bytes for each tag.
pub const RECORDS: usize = OWN;

/// The queue of tags that are free: 4 bytes each.
pub const QUEUE: usize = 0x72_0000_0000;

/// By page of the arena, the number of its span: 4 bytes each.
pub const PAGES: usize = 0x72_1000_0000;

/// The spans, 64 bytes each.
pub const SPANS: usize = 0x72_2000_0000;

/// By 4096 bytes of the arena, the part of a buffer that covers their first: 4 bytes each.
pub const COVERS: usize = 0x72_4000_0000;

/// Heads of the lists of objects by parent, offset and size: 4 bytes each.
pub const NARROWED: usize = 0x72_6000_0000;

/// Variables with a pointer to them, outermost first: 4 bytes each.
pub const VARIABLES: usize = 0x72_7000_0000;

/// Traces and texts.
pub const DEPOT: usize = 0x73_0000_0000;

/// Bytes of the depot.
pub const DEPOT_BYTES: usize = 2 << 30;

/// Heads of the depot's lists: 4 bytes each.
pub const DEPOT_HEADS: usize = 0x73_8000_0000;

/// Memory for accesses that must do no harm.
pub const SCRATCH: usize = 0x74_0000_0000;

/// Bytes of it.
pub const SCRATCH_BYTES: usize = 16 << 30;

/// By 8 bytes of the arena, the first of the parts of buffers that start there: 4 bytes
/// each.
pub const GRANULES: usize = 0x80_0000_0000;

/// One past the runtime's tables.
const OWN_END: usize = GRANULES + ARENA_BYTES / 8 * 4;

const _: () = {
    assert!(OWN >= ARENA + ARENA_BYTES + SHADOW_OFFSET);
    assert!(RECORDS + (LAST_TAG + 1) * 64 <= QUEUE);
    assert!(QUEUE + (LAST_TAG + 1) * 4 <= PAGES);
    assert!(SCRATCH + SCRATCH_BYTES <= GRANULES);
    assert!(OWN_END <= 1 << super::map::ADDRESS_BITS);
};

/// What grows with the number of blocks, and is touched in no order: behind the start,
/// which is all that small programs need, huge pages spare most of the look-ups of
/// addresses that this costs.
const GROWING: [(usize, usize); 4] = [
    (TABLE, (LAST_TAG + 1) * ENTRY_SIZE),
    (ARENA, ARENA_BYTES),
    (ARENA + SHADOW_OFFSET, ARENA_BYTES),
    (RECORDS, (LAST_TAG + 1) * 64),
];

/// The start of a table that keeps small pages, in bytes.
const SMALL: usize = 4 << 20;

/// Reserves everything. What was reserved before a refusal stays so: the process cannot
/// go on in checked mode anyway.
pub fn reserve() -> Result<(), EnableError> {
    let supported = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    if !supported || os::page_size() != 4096 {
        return Err(EnableError::Unsupported);
    }
    let areas = [
        ("the table of tags", TABLE, TABLE_BYTES),
        ("the program's memory", ARENA, ARENA_BYTES),
        ("the shadow", ARENA + SHADOW_OFFSET, ARENA_BYTES),
        ("the runtime's tables", OWN, OWN_END - OWN),
    ];
    for (what, start, bytes) in areas {
        if !os::reserve_at(start, bytes) {
            return Err(EnableError::Reserve(what, start, bytes));
        }
    }
    for (start, bytes) in GROWING {
        let tail = core::ptr::with_exposed_provenance_mut(start + SMALL);
        // Refused or not, it is memory.
        // SAFETY: whole OS pages of the reservation.
        unsafe { os::prefer_huge(tail, bytes - SMALL, true) };
    }
    Ok(())
}

/// The place of the entry `index` of a table of `T` at `table`.
#[inline]
pub const fn place<T>(table: usize, index: usize) -> *mut T {
    core::ptr::with_exposed_provenance_mut(table + index * size_of::<T>())
}

/// Reads the entry `index` of a table of numbers.
#[inline]
pub fn read(table: usize, index: usize) -> u32 {
    // SAFETY: the tables are reserved, readable and writable, and large enough for every
    // index that their owners use; the lock of the heap is held.
    unsafe { place::<u32>(table, index).read() }
}

/// Writes the entry `index` of a table of numbers.
#[inline]
pub fn write(table: usize, index: usize, value: u32) {
    // SAFETY: as in `read`.
    unsafe { place::<u32>(table, index).write(value) }
}

/// Memory of `len` bytes in which accesses do no harm; the same for all.
pub fn scratch(len: usize) -> usize {
    // A copy of more than that is absurd, and faults behind the end.
    debug_assert!(len <= SCRATCH_BYTES || len > 1 << 36);
    SCRATCH
}
