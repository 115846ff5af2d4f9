//! The allocators programs hold in their hands: one file each, one shape each.
//!
//! [`bump`], [`pool`], [`free_list`] and [`stack`] are the structs of the
//! `std/allocator` document: `repr(C)`, with exactly its fields, so a program
//! reads `b.capacity` where the runtime wrote it. [`global`] is the same
//! document's pass-through to the process's manager, [`layouts`] its layout
//! functions. [`kmem`] is the kmem document's fixed buffer.
//!
//! # Rules all of them keep
//!
//! - **Addresses are aligned, not offsets**, for any power of two.
//! - **Every sum and product is checked.** A layout of negative size or bad
//!   alignment, and a request that does not fit, return [`Allocation::NONE`]
//!   and change nothing.
//! - **A request of zero bytes succeeds** with a non-null, aligned address that
//!   need not be unique.
//! - **`0` is done, `-1` is refused**, and a refusal changes nothing.
//! - **Bookkeeping lies outside the counted capacity**, in front of the buffer;
//!   see [`owned`]. The two headers the document counts (16 bytes per block of
//!   the free list, 8 per block of the stack) lie in the buffer.
//!
//! With the feature `allocator-api2`, `allocator_api` has all of them, and the heap, as
//! Rust's `Allocator`.
//!
//! [`figures`] tells what any of them has to show.
//!
//! Blocks are named by `i64` address, as the document has it. Whoever turns such
//! an address into a reference must make sure that the block is not given back
//! while the reference lives.

#[cfg(feature = "allocator-api2")]
pub mod allocator_api;
pub mod bump;
pub mod figures;
pub mod free_list;
pub mod global;
pub mod kmem;
pub mod layouts;
pub mod owned;
pub mod pool;
pub mod side;
pub mod source;
pub mod stack;

pub use figures::{AllocBlock, AllocFigures, figures};

#[cfg(doc)]
use crate::layout::Allocation;
use crate::layout::Layout;
use crate::size;

/// The size and alignment a layout asks for; `None` when it describes no block:
/// a negative size, an alignment that is not a power of two, or more than
/// [`size::MAX_SIZE`] bytes.
#[inline]
pub(crate) const fn request(layout: Layout) -> Option<(usize, usize)> {
    match (size::from_signed(layout.size), size::align_from_signed(layout.align)) {
        (Some(bytes), Some(align)) if bytes <= size::MAX_SIZE => Some((bytes, align)),
        _ => None,
    }
}

/// The first address at or above `from` that is a multiple of `align`, and the
/// end of `bytes` bytes there; `None` when that end lies beyond `limit`.
#[inline]
pub(crate) const fn place(from: usize, bytes: usize, align: usize, limit: usize) -> Option<(usize, usize)> {
    let Some(start) = size::align_up(from, align) else { return None };
    match start.checked_add(bytes) {
        Some(end) if end <= limit => Some((start, end)),
        _ => None,
    }
}

/// The end of a buffer; `None` when its address space would wrap.
#[inline]
pub(crate) const fn end_of(buffer: i64, capacity: i64) -> Option<usize> {
    if capacity < 0 {
        return None;
    }
    (buffer as usize).checked_add(capacity as usize)
}

/// `done` as the document's return value: 0, or -1 for a refusal.
#[inline]
pub(crate) const fn outcome(done: bool) -> i64 {
    if done { 0 } else { -1 }
}
