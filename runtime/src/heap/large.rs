//! Large blocks: straight from the OS, one mapping each.
//!
//! A mapping starts with a chunk header (only its first OS page is ever
//! touched) and the block follows: one slice further, or at the first multiple
//! of its alignment, or right behind the header's chunk when it is aligned to a
//! chunk or more. All three places are where [`chunk::find`] expects a block.
//! Ordinary blocks that were freed wait for a while: the last one of a length as it
//! is ([`recent`]), the mappings of others in the [`cache`].

use super::chunk::{self, CHUNK, Chunk, Kind, SLICE};
use super::{cache, harden, idle, purge, recent, spans};
use crate::os::{self, limit};
use crate::{fault, size};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// An ordinary block.
pub const PLAIN: u8 = 0;
/// The block may be made executable; its pages are shared with no other block.
pub const EXECUTABLE: u8 = 1;
/// The block is page-locked.
pub const PINNED: u8 = 2;

/// Bytes mapped for large blocks, headers included.
static MAPPED: AtomicUsize = AtomicUsize::new(0);
/// Usable bytes of large blocks, those included that wait in [`recent`].
static USED: AtomicUsize = AtomicUsize::new(0);
/// Such blocks.
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// Bytes of the largest mapping there ever was.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

/// Bytes of the largest mapping there ever was.
pub fn largest() -> usize {
    LARGEST.load(Ordering::Relaxed)
}

/// Bytes mapped, usable bytes, blocks, those in [`recent`] included; without what is
/// not the program's.
pub fn figures() -> (usize, usize, usize) {
    (MAPPED.load(Ordering::Relaxed), USED.load(Ordering::Relaxed), BLOCKS.load(Ordering::Relaxed))
}

/// Where the block lies, counted from its header.
fn offset_for(align: usize) -> usize {
    align.clamp(SLICE, CHUNK)
}

/// Allocates a block of its own mapping; null when the OS has none. Its bytes are
/// zero unless `dirty` allows others.
pub fn allocate(size: usize, align: usize, flags: u8, dirty: bool) -> *mut u8 {
    let offset = offset_for(align);
    let padded =
        os::round_to_pages(size.max(1)).and_then(|size| size::sum(size, offset + harden::guard_bytes()));
    let Some(needed) = padded else { return null_mut() };
    let counted = !limit::is_uncounted();
    if dirty && flags == PLAIN && offset == SLICE && counted {
        let block = recent::take_large(needed);
        if !block.is_null() {
            return block;
        }
        let block = reuse(needed);
        if !block.is_null() {
            return block;
        }
    }
    idle::poll();
    purge::make_room(needed);
    let charged = if counted { charge_for(needed, offset) } else { 0 };
    if !charge(charged) {
        return null_mut();
    }
    let block = map_block(needed, offset, align, flags, charged);
    if block.is_null() {
        limit::discharge(charged);
    }
    block
}

/// What is charged for a mapping: all of it but the untouched part of the header's
/// slices.
fn charge_for(map_size: usize, offset: usize) -> usize {
    map_size - offset + chunk::large_header_bytes()
}

/// A block in a mapping of the cache, of `needed` bytes at least; null when there is
/// none. Nothing in the header changes, so whoever walks the heap may read it.
fn reuse(needed: usize) -> *mut u8 {
    let Some((map, map_size)) = cache::take(needed) else { return null_mut() };
    if !charge(charge_for(map_size, SLICE)) {
        // Too big for the limit, but what was asked for may not be.
        MAPPED.fetch_sub(map_size, Ordering::Relaxed);
        spans::wait_for_walkers();
        // SAFETY: the cache gave the mapping away, and it is used by nobody.
        unsafe { os::unmap(map, map_size) };
        return null_mut();
    }
    // SAFETY: mappings in the cache start with the header of the block they had.
    let header: &'static Chunk = unsafe { &*map.cast::<Chunk>() };
    header.page_of(header.large.block.get()).kind.set(Kind::Large);
    chunk::register(header);
    USED.fetch_add(usable(header), Ordering::Relaxed);
    BLOCKS.fetch_add(1, Ordering::Relaxed);
    header.large.block.get()
}

/// Counts a mapping that the cache gives back to the OS.
pub fn unmapped(bytes: usize) {
    MAPPED.fetch_sub(bytes, Ordering::Relaxed);
}

/// Charges for a block, at the cost of free slices if need be.
fn charge(bytes: usize) -> bool {
    limit::charge(bytes) || {
        spans::purge();
        limit::charge(bytes)
    }
}

/// Maps `needed` bytes, with the block `offset` bytes behind the header, and
/// writes the header; null when the OS refuses.
fn map_block(needed: usize, offset: usize, align: usize, flags: u8, charged: usize) -> *mut u8 {
    let (map, map_size, base) = if align <= CHUNK {
        let map = os::map(needed, CHUNK);
        (map, needed, map)
    } else {
        match map_far_aligned(needed, align) {
            Some(found) => found,
            None => return null_mut(),
        }
    };
    if map.is_null() {
        return null_mut();
    }
    // SAFETY: the mapping holds the header and the block, `needed` bytes from `base`.
    let block = unsafe { base.add(offset) };
    if !chunk::is_representable(base) {
        // SAFETY: just mapped, never used.
        unsafe { os::unmap(map, map_size) };
        return null_mut();
    }
    // SAFETY: zeroed memory is a valid header; see `spans`.
    let header: &'static Chunk = unsafe { &*base.cast::<Chunk>() };
    header.large.map.set(map);
    header.large.map_size.set(map_size);
    header.large.block.set(block);
    header.large.flags.set(flags);
    header.large.charged.set(charged);
    // SAFETY: the block's pages, to the end of the mapping.
    if flags & PINNED != 0 && !unsafe { os::pin(block, usable(header)) } {
        // SAFETY: just mapped, never used.
        unsafe { os::unmap(map, map_size) };
        return null_mut();
    }
    harden::guard_large(header, true);
    header.page_of(block).kind.set(Kind::Large);
    LARGEST.fetch_max(map_size, Ordering::Relaxed);
    chunk::register(header);
    if charged > 0 {
        MAPPED.fetch_add(map_size, Ordering::Relaxed);
        USED.fetch_add(usable(header), Ordering::Relaxed);
        BLOCKS.fetch_add(1, Ordering::Relaxed);
    }
    block
}

/// A mapping with a chunk-aligned header whose block, one chunk later, is
/// aligned to more than a chunk: mapping, its size, header.
fn map_far_aligned(needed: usize, align: usize) -> Option<(*mut u8, usize, *mut u8)> {
    let padded = size::sum(needed, align)?;
    let map = os::map(padded, CHUNK);
    if map.is_null() {
        return None;
    }
    let block = size::align_up(map as usize + CHUNK, align)?;
    let base = (block - CHUNK) as *mut u8;
    // SAFETY: `base + needed <= map + padded`, because `block` is less than
    // `align` beyond `map + CHUNK`; all are multiples of the OS page.
    let trimmed = unsafe { os::trim(map, padded, base, needed) };
    Some(if trimmed { (base, needed, base) } else { (map, padded, base) })
}

/// Whether the block behind `header` is the program's, not one that waits in [`recent`].
pub fn is_live(header: &Chunk) -> bool {
    header.page_of(header.large.block.get()).kind.get() == Kind::Large
}

/// Usable bytes of the block behind `header`.
pub fn usable(header: &Chunk) -> usize {
    let large = &header.large;
    large.map.get() as usize + large.map_size.get() - harden::guard_bytes() - large.block.get() as usize
}

/// Gives a block back.
///
/// # Safety
///
/// `header` is that of a live large block nobody uses any more.
pub unsafe fn free(header: &'static Chunk) {
    let (map, block) = (header.large.map.get(), header.large.block.get());
    let size = header.large.map_size.get();
    let counted = header.large.charged.get() > 0 && header.large.flags.get() == PLAIN;
    if counted && size <= recent::LARGEST && block as usize - map as usize == SLICE {
        return recent::keep_large(block, size);
    }
    give_back(header);
}

/// Gives the mapping of a block back that [`recent`] has kept.
pub fn take_back(block: *mut u8) {
    // SAFETY: a block keeps its header mapped.
    give_back(unsafe { &*chunk::header_of(block) });
}

/// Gives a dead block's mapping back, or keeps it in the cache.
fn give_back(header: &'static Chunk) {
    let (map, size) = (header.large.map.get(), header.large.map_size.get());
    let block = header.large.block.get();
    // Before the address can be mapped again by another thread.
    if !chunk::unregister(header) {
        fault!(DoubleFree at block, "double free: the block at {block:p} is free already");
    }
    let charged = header.large.charged.get();
    if charged > 0 {
        USED.fetch_sub(usable(header), Ordering::Relaxed);
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        limit::discharge(charged);
        let plain = header.large.flags.get() == PLAIN && map as usize == header.address();
        if plain && block as usize - map as usize == SLICE && cache::put(map, size) {
            idle::poll();
            return;
        }
        MAPPED.fetch_sub(size, Ordering::Relaxed);
        limit::returned(size);
    }
    spans::wait_for_walkers();
    // SAFETY: the mapping is ours as a whole and its only block is dead. Pinned
    // and protected pages lose both with the mapping.
    unsafe { os::unmap(map, size) };
}

/// Resizes a block by changing its mapping, which moves only if it `may_move`; null
/// when that cannot be done, and then the block is untouched.
///
/// # Safety
///
/// `header` is that of a live large block; after success only the returned
/// address is valid.
pub unsafe fn resize(header: &'static Chunk, new_size: usize, may_move: bool) -> *mut u8 {
    let large = &header.large;
    let (map, map_size, block) = (large.map.get(), large.map_size.get(), large.block.get());
    let offset = block as usize - header.address();
    // Blocks aligned beyond a chunk would lose their alignment by moving, and
    // protected or pinned ones are rare enough to be copied.
    if map as usize != header.address() || offset == CHUNK || large.flags.get() != PLAIN {
        return null_mut();
    }
    let padded =
        os::round_to_pages(new_size).and_then(|size| size::sum(size, offset + harden::guard_bytes()));
    let Some(new_map_size) = padded else { return null_mut() };
    if new_map_size == map_size {
        return block;
    }
    let (used, charged) = (usable(header), large.charged.get());
    let grown = new_map_size.saturating_sub(map_size);
    if charged == 0 || !charge(grown) {
        return null_mut();
    }
    chunk::unregister(header);
    spans::wait_for_walkers();
    harden::guard_large(header, false);
    // SAFETY: the whole mapping, which has only this block.
    let moved = unsafe {
        match may_move {
            true => os::remap(map, map_size, new_map_size, CHUNK),
            false if os::remap_in_place(map, map_size, new_map_size) => map,
            false => null_mut(),
        }
    };
    if moved.is_null() || !chunk::is_representable(moved) {
        harden::guard_large(header, true);
        chunk::register(header);
        limit::discharge(grown);
        return null_mut();
    }
    // SAFETY: the header moved with the mapping.
    let header: &'static Chunk = unsafe { &*moved.cast::<Chunk>() };
    // SAFETY: inside the mapping.
    let block = unsafe { moved.add(offset) };
    header.large.map.set(moved);
    header.large.map_size.set(new_map_size);
    header.large.block.set(block);
    harden::guard_large(header, true);
    header.large.charged.set(charged + new_map_size - map_size);
    limit::discharge(map_size.saturating_sub(new_map_size));
    limit::returned(map_size.saturating_sub(new_map_size));
    LARGEST.fetch_max(new_map_size, Ordering::Relaxed);
    chunk::register(header);
    MAPPED.fetch_add(new_map_size.wrapping_sub(map_size), Ordering::Relaxed);
    USED.fetch_add(usable(header).wrapping_sub(used), Ordering::Relaxed);
    block
}
