//! What the twins of the allocators with a buffer share: bump, pool, free list, stack.
//!
//! The structure is the program's: it copies it, and keeps copies of allocators that it
//! has dropped. So what is known of a buffer is kept here, by its address: an allocator
//! whose buffer is not known is stale.
//!
//! The allocator's own code runs as ever and lays out the buffer, also where it writes
//! into it. Bytes of a buffer it owns are poisoned but for the blocks it has given out,
//! which are parts of the buffer's block. A buffer that was lent stays the program's:
//! only the blocks in it are guarded, by their tags.

use super::support::{readable, writable, wrong};
use crate::alloc::bump::BumpAllocator;
use crate::alloc::free_list::FreeListAllocator;
use crate::alloc::pool::PoolAllocator;
use crate::alloc::stack::StackAllocator;
use crate::checked::{
    self, AccessInfo, BlockInfo, Defect, DefectKind, Origin, Release, Request, State, Trace,
};
use crate::sync::Lock;
use core::ffi::c_void;
use core::ops::Range;
use std::collections::BTreeMap;

/// An allocator with a buffer.
pub(super) trait Regional: Default {
    /// Whose blocks they are.
    const ORIGIN: Origin;
    /// Whether buffers can be lent, or put into the structure by hand.
    const LENT: bool;
    /// The address of the buffer, 0 for none.
    fn buffer(&self) -> i64;
    /// The length of the buffer in bytes.
    fn capacity(&self) -> i64;
    /// Gives the buffer back and zeroes the fields.
    fn finish(&mut self) -> i64;
}

macro_rules! regional {
    ($($allocator:ident, $origin:ident, $lent:literal;)*) => {$(
        impl Regional for $allocator {
            const ORIGIN: Origin = Origin::$origin;
            const LENT: bool = $lent;
            fn buffer(&self) -> i64 {
                self.buffer
            }
            fn capacity(&self) -> i64 {
                self.capacity
            }
            fn finish(&mut self) -> i64 {
                $allocator::drop(self)
            }
        }
    )*};
}

regional! {
    BumpAllocator, Bump, true;
    PoolAllocator, Pool, false;
    FreeListAllocator, FreeList, false;
    StackAllocator, Stack, true;
}

/// A buffer in use.
#[derive(Clone, Copy, Debug)]
struct Region {
    origin: Origin,
    capacity: i64,
    /// Whether it stays the program's.
    lent: bool,
    /// The offset that the allocator had after the last call, of bump and stack.
    top: i64,
}

/// What is known of buffers and allocators.
struct Books {
    /// By address of the buffer.
    live: BTreeMap<i64, Region>,
    /// Buffers that were dropped, by address, until a new one lies there.
    dropped: BTreeMap<i64, BlockInfo>,
    /// Buffers that were dropped, by the address of the structure that then had none.
    emptied: BTreeMap<usize, BlockInfo>,
    /// Whether an allocator could not be made, so that one without a buffer need not
    /// have been dropped.
    failed: bool,
}

/// Dropped buffers that are remembered; beyond that, all are forgotten.
const REMEMBERED: usize = 4096;

static BOOKS: Lock<Books> = Lock::new(Books {
    live: BTreeMap::new(),
    dropped: BTreeMap::new(),
    emptied: BTreeMap::new(),
    failed: false,
});

/// The block that a buffer of an allocator is, or is in, rather than the first block that
/// the allocator has made in it.
fn whole(buffer: i64, origin: Origin) -> Option<BlockInfo> {
    let mut block = checked::lookup(buffer as usize)?;
    while block.origin == origin && !block.is_field {
        match block.parent.take() {
            Some(parent) => block = *parent,
            None => break,
        }
    }
    Some(block)
}

/// The whole buffer.
fn bytes(buffer: i64, capacity: i64) -> Range<usize> {
    buffer as usize..(buffer as usize).saturating_add(capacity.max(0) as usize)
}

/// An address in a buffer as pointer.
pub(super) fn pointer(address: i64) -> *mut u8 {
    super::support::at(address)
}

/// The structure that a new allocator is written to; `None` after a report.
pub(super) fn place<R: Regional>(this: *mut R, function: &str) -> Option<*mut R> {
    writable(this.cast(), size_of::<R>(), function).map(|this| this.cast())
}

/// Writes a new allocator that has a buffer of its own, and guards that.
///
/// # Safety
///
/// `this` is [`place`]'s.
pub(super) unsafe fn begin<R: Regional>(this: *mut R, made: R) {
    let (buffer, capacity) = (made.buffer(), made.capacity());
    // SAFETY: the caller's word.
    unsafe { this.write_unaligned(made) };
    if buffer == 0 {
        let mut books = BOOKS.lock();
        books.failed = true;
        books.emptied.remove(&this.addr());
        return;
    }
    if let Some(block) = whole(buffer, R::ORIGIN) {
        checked::relabel(pointer(block.base as i64), R::ORIGIN, Trace::capture());
        checked::poison(block.base..bytes(buffer, capacity).end);
    }
    note(this.addr(), buffer, Region { origin: R::ORIGIN, capacity, lent: false, top: 0 });
}

/// Writes a new allocator over a buffer of the program's.
///
/// # Safety
///
/// As for [`begin`].
pub(super) unsafe fn begin_lent<R: Regional>(this: *mut R, made: R) {
    let (buffer, capacity) = (made.buffer(), made.capacity());
    // SAFETY: the caller's word.
    unsafe { this.write_unaligned(made) };
    match buffer {
        0 => BOOKS.lock().failed = true,
        _ => {
            checked::mark_buffer(buffer as usize);
            note(this.addr(), buffer, Region { origin: R::ORIGIN, capacity, lent: true, top: 0 });
        }
    }
}

fn note(this: usize, buffer: i64, region: Region) {
    let mut books = BOOKS.lock();
    books.emptied.remove(&this);
    books.dropped.remove(&buffer);
    books.live.insert(buffer, region);
}

/// What a call is about to do with an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Look at it.
    Look,
    /// Change it.
    Change,
    /// Drop it.
    Drop,
}

/// The allocator behind `this`, once it is known to be one that is in use, or one that
/// never was made; `None` after a report.
pub(super) fn enter<R: Regional>(this: *mut R, function: &str, intent: Use) -> Option<*mut R> {
    let found: *const R = readable(this.cast::<c_void>(), size_of::<R>(), false, function)?.cast();
    // SAFETY: checked to be readable and written; every bit pattern is a value.
    let (buffer, capacity) = unsafe { ((*found).buffer(), (*found).capacity()) };
    let stale = if buffer == 0 { emptied(found.addr()) } else { unknown::<R>(buffer, capacity) };
    if let Err(block) = stale {
        let kind = if intent == Use::Drop { DefectKind::DoubleFree } else { DefectKind::StaleRegion };
        wrong(kind, buffer as usize, block.map(|block| *block), function, Some(R::ORIGIN));
        return None;
    }
    match intent {
        Use::Look => Some(found.cast_mut()),
        _ => place(this, function),
    }
}

/// The buffer that an allocator had that is none now, if any, as an error.
type Stale = Result<(), Option<Box<BlockInfo>>>;

fn emptied(this: usize) -> Stale {
    let books = BOOKS.lock();
    match books.emptied.get(&this) {
        Some(block) if !books.failed => Err(Some(Box::new(block.clone()))),
        _ => Ok(()),
    }
}

fn unknown<R: Regional>(buffer: i64, capacity: i64) -> Stale {
    let found = {
        let books = BOOKS.lock();
        if let Some(block) = books.dropped.get(&buffer) {
            return Err(Some(Box::new(block.clone())));
        }
        books.live.get(&buffer).copied()
    };
    match found {
        Some(Region { lent: false, origin, capacity: known, .. }) => {
            match origin == R::ORIGIN && known == capacity {
                true => Ok(()),
                false => Err(whole(buffer, R::ORIGIN).map(Box::new)),
            }
        }
        // A buffer of the program's, if it was not freed meanwhile.
        _ => match whole(buffer, R::ORIGIN) {
            Some(block) if !block.is_live() => Err(Some(Box::new(block))),
            None if !R::LENT => Err(None),
            _ => {
                if R::LENT && found.is_none() {
                    let region = Region { origin: R::ORIGIN, capacity, lent: true, top: 0 };
                    BOOKS.lock().live.insert(buffer, region);
                }
                Ok(())
            }
        },
    }
}

/// Makes a block that the allocator has just carved a part of its buffer.
pub(super) fn carved(buffer: i64, address: i64, request: &Request<'_>) {
    checked::sub_allocate(pointer(buffer), address as usize, request);
}

/// Says where the allocator's top is now, `offset`. Blocks above a lower one than before
/// are gone: the program has put it back itself.
pub(super) fn settle(buffer: i64, offset: i64) {
    let behind = match BOOKS.lock().live.get_mut(&buffer) {
        Some(region) => {
            let before = core::mem::replace(&mut region.top, offset);
            (offset..before, region.lent)
        }
        None => return,
    };
    let (gone, lent) = behind;
    if !gone.is_empty() {
        take_back(buffer, gone, lent);
    }
}

/// Ends the blocks in a range of offsets of a buffer.
fn take_back(buffer: i64, offsets: Range<i64>, lent: bool) {
    let range = buffer.wrapping_add(offsets.start) as usize..buffer.wrapping_add(offsets.end) as usize;
    checked::sub_free_range(range.clone(), Trace::capture());
    if lent {
        checked::unpoison(range);
    }
}

/// Ends every block of the buffer, whatever the offsets say.
pub(super) fn clear(buffer: i64) {
    let region = BOOKS.lock().live.get_mut(&buffer).map(|region| {
        region.top = 0;
        *region
    });
    if let Some(region) = region {
        take_back(buffer, 0..region.capacity, region.lent);
    }
}

/// Drops an allocator.
pub(super) fn drop<R: Regional>(this: *mut R, function: &str) -> i64 {
    let Some(this) = enter(this, function, Use::Drop) else { return -1 };
    // SAFETY: `enter` found it to be in reach.
    let allocator = unsafe { &mut *this };
    let buffer = allocator.buffer();
    let lent = BOOKS.lock().live.get(&buffer).is_some_and(|region| region.lent);
    if lent {
        clear(buffer);
    }
    let result = allocator.finish();
    if result == 0 {
        let block = whole(buffer, R::ORIGIN);
        forget(this.addr(), buffer, block, lent);
    }
    result
}

/// Notes that a buffer was dropped, and by the allocator at `this`.
fn forget(this: usize, buffer: i64, block: Option<BlockInfo>, lent: bool) {
    let mut books = BOOKS.lock();
    books.live.remove(&buffer);
    if books.emptied.len() + books.dropped.len() > REMEMBERED {
        books.emptied.clear();
        books.dropped.clear();
    }
    let Some(block) = block else { return };
    if !lent {
        books.dropped.insert(buffer, block.clone());
    }
    books.emptied.insert(this, block);
}

/// Whether `capacity` bytes at an address are a buffer to lend; reports why not.
pub(super) fn lendable(buffer: i64, capacity: usize, function: &str) -> bool {
    let Some(block) = whole(buffer, Origin::Bump) else { return true };
    let kind = match block.is_live() {
        false => DefectKind::UseAfterFree,
        true if block.end().saturating_sub(buffer as usize) < capacity => DefectKind::OutOfBounds,
        true => {
            // Lent a second time: blocks of the allocator before are gone.
            if BOOKS.lock().live.contains_key(&buffer) {
                take_back(buffer, 0..capacity as i64, true);
            }
            return true;
        }
    };
    let mut defect = Defect::new(kind, buffer as usize);
    if kind == DefectKind::OutOfBounds {
        defect.address = block.end();
    }
    defect.access = Some(AccessInfo { write: true, size: capacity, align: 1 });
    defect.block = Some(block);
    defect.function = function;
    defect.trace = Trace::capture();
    checked::report(&defect);
    false
}

/// Takes back one block of an allocator that frees blocks by themselves; false after a
/// report.
pub(super) fn give_back<R: Regional>(allocator: &R, ptr: i64, function: &str) -> bool {
    let block = checked::lookup(ptr as usize);
    let theirs = |block: &BlockInfo| {
        let parent = block.parent.as_ref().map(|parent| parent.base..parent.end());
        parent.is_some_and(|parent| !parent.contains(&(allocator.buffer() as usize)))
    };
    if block.as_ref().is_some_and(|block| {
        block.origin == R::ORIGIN && block.state == State::Live && block.base == ptr as usize && theirs(block)
    }) {
        wrong(DefectKind::WrongAllocator, ptr as usize, block, function, Some(R::ORIGIN));
        return false;
    }
    checked::sub_free(pointer(ptr), &Release::new(R::ORIGIN, function, Trace::capture()))
}

/// The request for a block that the allocator is about to carve.
pub(super) fn part(origin: Origin, size: i64, align: i64, zeroed: bool) -> Request<'static> {
    Request {
        size: size.max(0) as usize,
        align: align.max(1) as usize,
        zeroed,
        origin,
        trace: Trace::capture(),
        reason: None,
    }
}
