//! Copies, which move with the bytes what is known of them.

use super::blocks::tag_in;
use super::heap::HEAP;
use super::judge::Touch;
use super::map::{in_arena, strip};
use super::shadow;
use super::space::{SCRATCH, SCRATCH_BYTES};
use super::tags::{Flags, record, record_of};

/// Whether an address is where accesses do no harm.
fn is_scratch(address: usize) -> bool {
    address.wrapping_sub(SCRATCH) < SCRATCH_BYTES
}

/// Makes bytes at `to` as much written as those at `from`; see [`super::copy_shadow`].
#[inline]
pub fn copy_shadow(to: usize, from: usize, len: usize) {
    if !in_arena(to) || len == 0 {
        return;
    }
    match in_arena(from) && keeps_track(to) {
        true => shadow::copy_written(to, from, len),
        false => shadow::mark_written(to, len),
    }
}

/// Whether it is known of an address at any time if it was written. Variables that are no
/// block are written by code that does not say so, and blocks that C has got, by C.
#[inline]
fn keeps_track(address: usize) -> bool {
    let heap = HEAP.lock();
    let Some(tag) = heap.meant_by(address) else { return false };
    !record_of(tag).flags.contains(Flags::EXPOSED)
}

/// Copies `len` bytes of the program's, checking both ranges. A destination that could
/// not be written gets nothing.
pub fn copy(destination: &Touch<'_>, source: &Touch<'_>) {
    let len = source.len;
    if len == 0 {
        return;
    }
    // The source first, as the program would.
    let from = source.settle();
    let to = Touch { write: true, ..*destination }.settle_without_mark();
    if is_scratch(to.addr()) || is_scratch(from.addr()) {
        return;
    }
    // SAFETY: both ranges were just found to be inside live objects, or are memory of
    // others that the program vouches for.
    unsafe { core::ptr::copy(from, to, len) };
    copy_shadow(to.addr(), from.addr(), len);
}

/// A pointer for a function in C; see `vexrt_checked_expose`.
pub fn expose(pointer: usize) -> usize {
    let address = strip(pointer);
    let mut lock = HEAP.lock();
    let mut tag = match tag_in(pointer) {
        Some(tag) => tag,
        None => match lock.meant_by(address) {
            Some(tag) if in_arena(address) => tag,
            _ => return address,
        },
    };
    while record_of(tag).flags.contains(Flags::FIELD) && record_of(tag).parent != 0 {
        tag = record_of(tag).parent;
    }
    lock.unseal(tag);
    // SAFETY: the lock is held; the reference ends below.
    let object = unsafe { record(tag) };
    if object.is_live() && !object.flags.contains(Flags::EXPOSED) {
        object.flags.insert(Flags::EXPOSED);
        shadow::mark_written(super::tags::entry_of(tag).base, object.size);
    }
    address
}
