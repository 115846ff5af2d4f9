//! Resizing a block where it lies.
//!
//! A block of a class has its slot and no more. A span block grows into free slices
//! behind it, a large block into free address space behind its mapping, where the OS
//! can do that; both give back what they lose.

use super::chunk::{self, Kind, SLICE};
use super::{SPAN_MAX, figures, heaps, large, spans, usable_size};
use crate::size;
use core::ptr::null_mut;

/// Makes a block at least `new_size` usable bytes long without moving it; false, and
/// nothing changed, when that cannot be done. Bytes that were added have any contents.
/// Memory that a shorter block does not need is given back in whole slices.
///
/// # Safety
///
/// `block` is null or a live block of the heap.
pub unsafe fn resize_in_place(block: *mut u8, new_size: usize) -> bool {
    let Some(chunk) = chunk::find(block) else {
        super::foreign(block);
        return false;
    };
    if new_size > size::MAX_SIZE {
        return false;
    }
    let page = chunk.page_of(block);
    match page.kind.get() {
        Kind::Small => {
            super::check_slot(page.is_slot(block), block);
            // SAFETY: the caller's word.
            new_size <= unsafe { usable_size(block) }
        }
        Kind::Span => {
            if page.start.get() != block {
                super::not_a_block(block);
            }
            let old = page.slices.get() as usize;
            let slices = new_size.div_ceil(SLICE).max(1);
            if slices == old {
                return true;
            }
            let resized = heaps::apart(chunk, block, || {
                let done = slices * SLICE <= SPAN_MAX
                    && spans::resize_block(chunk, page.head.get() as usize, slices);
                if done { block } else { null_mut() }
            });
            if !resized.is_null() {
                figures::span_resized(old * SLICE, slices * SLICE);
            }
            !resized.is_null()
        }
        Kind::Large => {
            if chunk.large.block.get() != block {
                super::not_a_block(block);
            }
            // SAFETY: the caller's word.
            let resized =
                heaps::apart(chunk, block, || unsafe { large::resize(chunk, new_size.max(1), false) });
            // A block whose mapping cannot be changed may be long enough as it is.
            !resized.is_null() || new_size <= large::usable(chunk)
        }
        Kind::Free => super::not_a_block(block),
    }
}
