//! The fixed buffer of kmem and its books, without the lock around them.
//!
//! The space is a free list's ([`FreeListAllocator`]); beside it, for every
//! address a block ever started at, a record says which request it was. Records
//! outlive their block, until another block starts at the same address, so a
//! double release can name what was released.

use super::reasons::{ReasonText, Reasons, Usage};
use crate::alloc::figures::{AllocFigures, free_list_figures};
use crate::alloc::free_list::{FreeListAllocator, GRANULE};
use crate::alloc::layouts::layout_new;
use crate::alloc::owned::{self, BUFFER_ALIGN, Kind};
use crate::alloc::side::SideVec;
use crate::{checked, os, process, size};
use core::ptr::NonNull;

/// Why kmem refused a call; each carries what its message needs.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// The buffer itself could not be made.
    NoBuffer {
        /// Its size in bytes.
        capacity: usize,
        /// The memory limit in bytes that was in the way, if it was that.
        limit: Option<u64>,
    },
    /// A request of no or fewer bytes.
    BadSize {
        /// The request.
        bytes: i64,
        /// What for.
        reason: ReasonText,
    },
    /// No free piece is large enough.
    NoRoom {
        /// The request.
        bytes: usize,
        /// What for.
        reason: ReasonText,
        /// The largest request that would succeed.
        largest: usize,
        /// The buffer's size in bytes.
        capacity: usize,
    },
    /// A block that was released already.
    DoubleRelease {
        /// The block's address.
        at: usize,
        /// Its size as requested.
        bytes: u64,
        /// What it was for.
        reason: ReasonText,
    },
    /// A pointer into a block, not to its start.
    Interior {
        /// The pointer.
        at: usize,
        /// The block's size as requested.
        bytes: u64,
        /// What the block is for.
        reason: ReasonText,
    },
    /// A pointer no call of kmem returned.
    Unknown {
        /// The pointer.
        at: usize,
    },
    /// The size of the null pointer was asked for.
    Null,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Refusal::NoBuffer { capacity, limit: None } => {
                write!(f, "kmem: the system has no memory for the buffer of {capacity} bytes")
            }
            Refusal::NoBuffer { capacity, limit: Some(limit) } => write!(
                f,
                "kmem: the memory limit of {limit} bytes has no room for the buffer of {capacity} bytes"
            ),
            Refusal::BadSize { bytes, reason } => {
                write!(f, "kmem: {bytes} bytes requested for \"{}\"; ask for at least 1", reason.label())
            }
            Refusal::NoRoom { bytes, reason, largest, capacity } => write!(
                f,
                "kmem: no room for \"{}\": {bytes} bytes requested, the largest free piece of the \
                 {capacity}-byte buffer is {largest} bytes",
                reason.label()
            ),
            Refusal::DoubleRelease { at, bytes, reason } => {
                write!(f, "kmem: {at:#x} ({bytes} bytes for \"{}\") was released already", reason.label())
            }
            Refusal::Interior { at, bytes, reason } => write!(
                f,
                "kmem: {at:#x} points into an allocation ({bytes} bytes for \"{}\"), not to its start",
                reason.label()
            ),
            Refusal::Unknown { at } => write!(f, "kmem: {at:#x} is not an allocation of kmem"),
            Refusal::Null => write!(f, "kmem: the size of the null pointer was asked for"),
        }
    }
}

/// One request, live or released.
#[derive(Clone, Copy)]
struct Record {
    /// The size as requested, in bytes.
    bytes: u64,
    /// The number of its reason.
    reason: u32,
    live: bool,
}

/// A fixed buffer that deals out zeroed blocks with reasons.
///
/// A record is live exactly when the free list's block at its address is.
pub struct Buffer {
    list: FreeListAllocator,
    /// By granule: 0, or the number of its record plus one.
    index: SideVec<u32>,
    records: SideVec<Record>,
    reasons: Reasons,
    total: Usage,
    /// The mapping that holds tags, prefix and buffer.
    mapping: NonNull<u8>,
    mapped: usize,
}

// SAFETY: the buffer owns its mapping.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Maps a buffer of `capacity` bytes. No page of it is touched yet.
    pub fn new(capacity: usize) -> Result<Buffer, Refusal> {
        Buffer::try_new(capacity)
            .ok_or_else(|| Refusal::NoBuffer { capacity, limit: os::limit::take_reached() })
    }

    fn try_new(capacity: usize) -> Option<Buffer> {
        let tags = capacity / GRANULE;
        let mapped = os::round_to_pages(size::sum(owned::front(tags)?, capacity)?)?;
        // SAFETY: zero is a `u32`.
        let index = unsafe { SideVec::zeroed(tags.max(1)) }?;
        let align = os::page_size().max(BUFFER_ALIGN);
        let mapping = NonNull::new(match checked::is_enabled() {
            // Checks are of the program's memory.
            true => process::allocate_zeroed(mapped, align),
            false => os::limit::map_held(mapped, align),
        })?;
        // SAFETY: the mapping is fresh, zero, and big enough for both.
        let list = unsafe {
            let buffer = owned::dress(Kind::FreeList, mapping, tags);
            FreeListAllocator::over(buffer, capacity as i64)
        };
        let (records, reasons, total) = (SideVec::new(), Reasons::default(), Usage::default());
        Some(Buffer { list, index, records, reasons, total, mapping, mapped })
    }

    /// A zeroed block of exactly `bytes` bytes at a multiple of `align`.
    pub fn allocate(
        &mut self,
        bytes: usize,
        align: usize,
        reason: ReasonText,
    ) -> Result<NonNull<u8>, Refusal> {
        let refused = |list: &FreeListAllocator| Refusal::NoRoom {
            bytes,
            reason,
            largest: list.largest_free(),
            capacity: list.capacity as usize,
        };
        // Books first: without memory for them there is no allocation.
        let Some(number) = self.reasons.intern(&reason) else { return Err(refused(&self.list)) };
        let layout = match (i64::try_from(bytes), i64::try_from(align)) {
            (Ok(bytes), Ok(align)) => layout_new(bytes, align),
            _ => return Err(refused(&self.list)),
        };
        let block = self.list.alloc(layout);
        let Some(start) = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(block.ptr as usize))
        else {
            return Err(refused(&self.list));
        };
        let record = Record { bytes: bytes as u64, reason: number, live: true };
        if self.note(block.ptr, record).is_none() {
            self.list.dealloc(block.ptr);
            return Err(refused(&self.list));
        }
        // The whole payload, so that a program that grows into the rounding of
        // one build finds the same bytes in the next.
        // SAFETY: the free list just gave this payload to us.
        unsafe { start.write_bytes(0, block.size as usize) };
        self.reasons.usage_mut(number).allocated(bytes as u64);
        self.total.allocated(bytes as u64);
        Ok(start)
    }

    /// Gives a block back and returns its requested size.
    pub fn release(&mut self, at: usize) -> Result<u64, Refusal> {
        let number = self.live_record(at)?;
        let record = &mut self.records[number];
        record.live = false;
        let Record { bytes, reason, .. } = *record;
        let _freed = self.list.dealloc(at as i64);
        debug_assert_eq!(_freed, 0, "a live record has a live block");
        self.reasons.usage_mut(reason).released(bytes);
        self.total.released(bytes);
        Ok(bytes)
    }

    /// The requested size of a live block.
    pub fn size_of(&self, at: usize) -> Result<u64, Refusal> {
        if at == 0 {
            return Err(Refusal::Null);
        }
        self.live_record(at).map(|number| self.records[number].bytes)
    }

    /// What the buffer has to show.
    pub fn figures(&self) -> AllocFigures {
        // SAFETY: the prefix lies in front of the buffer for as long as it is mapped,
        // and has its tags.
        let tags = unsafe {
            let prefix = &*owned::prefix(self.list.buffer);
            core::slice::from_raw_parts(prefix.tags.as_ptr(), prefix.tag_count)
        };
        let mut figures = free_list_figures(&self.list, tags);
        for block in figures.live.iter_mut().flatten() {
            if let Some(number) = self.record(block.address) {
                let Record { bytes, reason, .. } = self.records[number];
                block.size = bytes as usize;
                block.reason = Some(self.reasons.text(reason).as_str().to_owned());
            }
        }
        figures.requested = Some(self.total.bytes as usize);
        figures.peak = Some(self.total.peak_bytes as usize);
        figures
    }

    /// What the live block that starts at `at` is for.
    pub fn reason_of(&self, at: usize) -> Option<ReasonText> {
        let number = self.live_record(at).ok()?;
        Some(self.reasons.text(self.records[number].reason))
    }

    /// Whether `at` lies in the buffer.
    pub fn contains(&self, at: usize) -> bool {
        at.wrapping_sub(self.list.buffer as usize) < self.list.capacity as usize
    }

    /// Where the buffer lies.
    pub(crate) fn range(&self) -> core::ops::Range<usize> {
        let start = self.list.buffer as usize;
        start..start + self.capacity()
    }

    /// The buffer's size in bytes.
    pub fn capacity(&self) -> usize {
        self.list.capacity as usize
    }

    /// Bytes of the buffer in live blocks, headers and rounding included.
    pub fn occupied(&self) -> usize {
        self.list.total_allocated() as usize
    }

    /// Everything together.
    pub fn total(&self) -> Usage {
        self.total
    }

    /// The figures of all reasons.
    pub fn reasons(&self) -> &Reasons {
        &self.reasons
    }

    /// Writes the record of a block that starts at `ptr`.
    fn note(&mut self, ptr: i64, record: Record) -> Option<()> {
        let granule = self.granule(ptr as usize)?;
        match self.index[granule] {
            0 => self.index[granule] = self.records.push(record)? as u32 + 1,
            known => self.records[known as usize - 1] = record,
        }
        Some(())
    }

    /// The number of the live record of the block that starts at `at`.
    fn live_record(&self, at: usize) -> Result<usize, Refusal> {
        match self.record(at) {
            Some(number) if self.records[number].live => Ok(number),
            Some(number) => {
                let Record { bytes, reason, .. } = self.records[number];
                Err(Refusal::DoubleRelease { at, bytes, reason: self.reasons.text(reason) })
            }
            None => Err(self.stray(at)),
        }
    }

    /// What to say about a pointer no block ever started at.
    fn stray(&self, at: usize) -> Refusal {
        let offset = at.wrapping_sub(self.list.buffer as usize);
        if offset >= self.capacity() {
            return Refusal::Unknown { at };
        }
        let below = (0..=offset / GRANULE).rev().map(|granule| self.list.buffer as usize + granule * GRANULE);
        for start in below {
            let Some(payload) = self.list.payload(start as i64) else { continue };
            let inside = at - start < payload;
            return match self.record(start) {
                Some(number) if inside => {
                    let Record { bytes, reason, .. } = self.records[number];
                    Refusal::Interior { at, bytes, reason: self.reasons.text(reason) }
                }
                _ => Refusal::Unknown { at },
            };
        }
        Refusal::Unknown { at }
    }

    fn record(&self, at: usize) -> Option<usize> {
        let entry = self.index[self.granule(at)?];
        (entry != 0).then(|| entry as usize - 1)
    }

    fn granule(&self, at: usize) -> Option<usize> {
        let offset = at.wrapping_sub(self.list.buffer as usize);
        let granule = offset / GRANULE;
        (offset.is_multiple_of(GRANULE) && granule < self.capacity() / GRANULE).then_some(granule)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, or the block, which only this buffer knows.
        unsafe {
            match checked::is_enabled() {
                true => process::deallocate(self.mapping.as_ptr()),
                false => os::limit::unmap_held(self.mapping.as_ptr(), self.mapped),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer() -> Buffer {
        Buffer::new(64 << 10).expect("memory")
    }

    fn allocate(buffer: &mut Buffer, bytes: usize, reason: &str) -> usize {
        buffer.allocate(bytes, 16, ReasonText::of(reason)).expect("room").addr().get()
    }

    #[test]
    fn blocks_are_exact_zeroed_and_zeroed_again() {
        let mut b = buffer();
        for _ in 0..2 {
            let at = allocate(&mut b, 101, "x");
            assert_eq!((at % 16, b.size_of(at).expect("live")), (0, 101));
            // SAFETY: the block has 101 bytes.
            let bytes = unsafe {
                core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut::<u8>(at), 101)
            };
            assert!(bytes.iter().all(|&byte| byte == 0));
            bytes.fill(0xEE);
            assert_eq!(b.release(at).expect("live"), 101);
        }
        assert_eq!((b.total().blocks, b.total().total_bytes, b.occupied()), (0, 202, 0));
    }

    #[test]
    fn refusals_name_the_reason_and_change_nothing() {
        let mut b = buffer();
        let at = allocate(&mut b, 40, "Scratch buffer");
        let text = |refusal: Refusal| refusal.to_string();
        assert!(
            text(b.release(at + 16).unwrap_err())
                .contains("points into an allocation (40 bytes for \"Scratch buffer\")")
        );
        assert!(text(b.release(at + 1).unwrap_err()).contains("points into"));
        assert!(text(b.release(at + 4096).unwrap_err()).contains("is not an allocation"));
        assert!(text(b.release(8).unwrap_err()).contains("is not an allocation"));
        assert!(text(b.size_of(0).unwrap_err()).contains("null"));
        assert_eq!(b.total().blocks, 1);
        b.release(at).expect("live");
        assert!(
            text(b.release(at).unwrap_err())
                .contains("(40 bytes for \"Scratch buffer\") was released already")
        );
        assert!(text(b.size_of(at).unwrap_err()).contains("released already"));
        assert!(b.release(at + 16).is_err(), "into free space");
        let again = allocate(&mut b, 8, "Another");
        assert_eq!((again, b.size_of(at).expect("live again")), (at, 8));
    }

    #[test]
    fn no_room_tells_the_largest_piece_and_that_piece_fits() {
        let mut b = buffer();
        let first = allocate(&mut b, 30_000, "a");
        let _second = allocate(&mut b, 20_000, "b");
        b.release(first).expect("live");
        let Err(Refusal::NoRoom { bytes, largest, capacity, .. }) =
            b.allocate(50_000, 16, ReasonText::of("Frame"))
        else {
            panic!("no room");
        };
        assert_eq!((bytes, capacity), (50_000, 64 << 10));
        assert!(largest >= 30_000);
        assert!(b.allocate(largest + 1, 16, ReasonText::of("Frame")).is_err());
        assert!(b.allocate(largest, 16, ReasonText::of("Frame")).is_ok());
        let refusal = b.allocate(usize::MAX, 16, ReasonText::of("Frame buffer")).unwrap_err().to_string();
        assert!(refusal.contains("Frame buffer") && refusal.contains(&usize::MAX.to_string()), "{refusal}");
    }

    #[test]
    fn usage_is_kept_by_reason() {
        let mut b = buffer();
        let at = allocate(&mut b, 10, "a");
        allocate(&mut b, 20, "a");
        allocate(&mut b, 5, "b");
        b.release(at).expect("live");
        let usage = b.reasons().usage_of(&ReasonText::of("a"));
        assert_eq!((usage.blocks, usage.bytes, usage.peak_bytes, usage.total_bytes), (1, 20, 30, 30));
        assert_eq!((b.total().blocks, b.total().bytes), (2, 25));
    }
}
