//! The books of the checked mode behind their lock, and the slots of the checked heap.
//!
//! A slot is a header of 16 poisoned bytes, the block, and poison up to the next slot, so
//! that each block has poison in front and behind; the bigger the block, the more.

use super::map::{ARENA, NEVER, REDZONE};
use super::owned::Owned;
use super::spans::{self, PAGE, Spans, Use, page_of, span, start_of};
use super::tags::{Tags, set_entry};
use super::{shadow, space};

/// Bytes in front of a block.
pub const HEADER: usize = 16;

/// The biggest slot; a block that needs more has a span of its own.
pub const MOST_SLOT: usize = 1 << 15;

/// Sizes of slots: in steps of 16 up to 512, then 8 for each doubling.
const CLASSES: usize = 31 + 6 * 8;

/// What lies in front of the block of a slot. It has what a free needs to know, so that
/// the record of the tag, which was not touched for long, is only written.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The tag of the block, also of the last one of a free slot.
    pub tag: u32,
    /// The next free slot of the span, as [`super::spans::Span::free`] is.
    pub link: u16,
    /// The colour of the slot's blocks.
    pub colour: u8,
    /// The number of who made the block.
    pub origin: u8,
    /// Of a live block whose record nobody has changed since, what [`seal`] says of it.
    pub seal: u32,
    /// The flags of its record.
    pub flags: u8,
    /// The logarithm of its alignment.
    pub align: u8,
    /// Nothing.
    spare: u16,
}

const _: () = assert!(size_of::<Header>() == HEADER);

/// What the header of a live block with an unchanged record says, and what a program
/// writes into the middle of another block hardly does.
#[inline]
pub fn seal(slot: usize, tag: u32) -> u32 {
    (slot as u32 ^ tag.rotate_left(16)).wrapping_mul(0x9E37_79B1) | 1
}

/// The header of a slot.
///
/// # Safety
///
/// `slot` is the start of a slot that was given out once, the heap's lock is held, and no
/// other reference to the header is in use.
#[inline]
pub unsafe fn header<'a>(slot: usize) -> &'a mut Header {
    // SAFETY: the header was written when the slot was first given out. A program that
    // writes there is caught, and any bytes are a valid header.
    unsafe { &mut *core::ptr::with_exposed_provenance_mut(slot) }
}

/// The class of slots of at least `bytes`, from 1 to [`MOST_SLOT`].
#[inline]
pub fn class_of(bytes: usize) -> usize {
    debug_assert!((1..=MOST_SLOT).contains(&bytes));
    if bytes <= 512 {
        return (bytes.max(32) - 17) / 16;
    }
    let power = (bytes - 1).ilog2() as usize;
    31 + (power - 9) * 8 + ((bytes - 1 - (1 << power)) >> (power - 3))
}

/// Bytes of a slot of a class.
pub fn bytes_of(class: usize) -> usize {
    match class.checked_sub(31) {
        None => 32 + class * 16,
        Some(above) => {
            let power = 9 + above / 8;
            (1 << power) + (above % 8 + 1) * (1 << (power - 3))
        }
    }
}

/// Everything that the lock guards.
pub struct Heap {
    /// The pages.
    pub spans: Spans,
    /// The tags.
    pub tags: Tags,
    /// By class, the spans that have room, as the first's page plus 1.
    room: [u32; CLASSES],
    /// Allocations so far.
    pub serial: u64,
    /// Bytes of blocks that are kept from use.
    pub kept: usize,
    /// So many bytes are kept.
    pub delay: usize,
    /// Blocks of the heap that are live.
    pub blocks: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Variables with a pointer to them.
    pub variables: usize,
    /// Whether parts were made in memory that is no block's.
    pub program_parts: bool,
    /// The program's stack.
    pub stack: (usize, usize),
}

/// The one instance.
pub static HEAP: Owned<Heap> = Owned::new(Heap {
    spans: Spans::new(),
    tags: Tags::new(),
    room: [0; CLASSES],
    serial: 0,
    kept: 0,
    delay: 0,
    blocks: 0,
    bytes: 0,
    variables: 0,
    program_parts: false,
    stack: (0, 0),
});

impl Heap {
    /// A span of so many pages, known to generated code; see [`Spans::take`].
    pub fn take_span(&mut self, pages: usize, used_for: Use) -> Option<(usize, bool)> {
        let taken = self.spans.take(pages, used_for);
        set_entry(0, ARENA, self.spans.extent());
        taken
    }

    /// A slot of a class: its address. The block's shadow is poison.
    #[inline]
    pub fn take_slot(&mut self, class: usize) -> Option<usize> {
        let page = match (self.room[class] as usize).checked_sub(1) {
            Some(page) => page,
            None => self.new_span(class)?,
        };
        // SAFETY: the lock is held; no other reference to the span is made below.
        let span = unsafe { span(page) };
        let slot = match span.free {
            0 => {
                let slot = start_of(page) + span.carved as usize;
                let index = span.carved / span.slot;
                span.carved += span.slot;
                // Neighbours differ, and so do the same slots of neighbouring spans.
                let colour = 1 + ((index as usize + page * 7) % 63) as u8;
                // SAFETY: fresh memory of the span, aligned.
                unsafe {
                    core::ptr::with_exposed_provenance_mut::<Header>(slot).write(Header {
                        tag: 0,
                        link: 0,
                        colour,
                        origin: 0,
                        seal: 0,
                        flags: 0,
                        align: 0,
                        spare: 0,
                    });
                }
                slot
            }
            free => {
                let slot = start_of(page) + (free as usize - 1) * 16;
                // SAFETY: a slot in the span's list; the lock is held.
                span.free = u32::from(unsafe { header(slot) }.link);
                if span.free != 0 {
                    // The one that is taken next.
                    super::tags::fetch(start_of(page) + (span.free as usize - 1) * 16);
                }
                slot
            }
        };
        span.used += 1;
        if span.free == 0 && span.carved as usize + span.slot as usize > span.bytes() {
            self.unlist(page);
        }
        Some(slot)
    }

    /// Gives a slot back, whose block's shadow is poison.
    #[inline]
    pub fn give_slot(&mut self, slot: usize) {
        if let Some(page) = page_of(slot) {
            self.give_slot_of(page, slot);
        }
    }

    /// As [`give_slot`](Heap::give_slot), of the span that starts at a page.
    #[inline]
    pub fn give_slot_of(&mut self, page: usize, slot: usize) {
        // SAFETY: the lock is held; no other reference to the span is made while this one
        // is in use.
        let span = unsafe { span(page) };
        // SAFETY: the slot was given out.
        unsafe { header(slot) }.link = span.free as u16;
        span.free = ((slot - start_of(page)) / 16 + 1) as u32;
        span.used -= 1;
        let (listed, empty, class) = (span.listed, span.used == 0, span.class as usize);
        if !listed {
            self.list(page, class);
        } else if empty && (self.room[class] as usize != page + 1 || span.next != 0) {
            self.unlist(page);
            self.spans.give(page);
        }
    }

    fn list(&mut self, page: usize, class: usize) {
        let head = core::mem::replace(&mut self.room[class], page as u32 + 1);
        // SAFETY: the lock is held; each reference ends with its statement.
        unsafe {
            span(page).next = head;
            span(page).previous = 0;
            span(page).listed = true;
            if head != 0 {
                span(head as usize - 1).previous = page as u32 + 1;
            }
        }
    }

    fn unlist(&mut self, page: usize) {
        // SAFETY: the lock is held; each reference ends with its statement.
        unsafe {
            let class = span(page).class as usize;
            let (next, previous) = (span(page).next, span(page).previous);
            match previous {
                0 => self.room[class] = next,
                before => span(before as usize - 1).next = next,
            }
            if next != 0 {
                span(next as usize - 1).previous = previous;
            }
            span(page).listed = false;
        }
    }

    /// A span of slots, poisoned and in the list of its class.
    #[cold]
    fn new_span(&mut self, class: usize) -> Option<usize> {
        let slot = bytes_of(class);
        let pages = (slot * 16).div_ceil(PAGE);
        let (page, _) = self.take_span(pages, Use::Slots)?;
        shadow::set(start_of(page), pages * PAGE, NEVER);
        // SAFETY: the lock is held; the reference ends with the block.
        let span = unsafe { span(page) };
        span.slot = slot as u32;
        span.class = class as u8;
        self.list(page, class);
        Some(page)
    }

    /// A span for a big block: the block's address, and whether all of it is zero. The
    /// shadow around the block is poison, that of the block as it was.
    #[cold]
    pub fn take_big(&mut self, size: usize, align: usize) -> Option<(usize, usize, bool)> {
        let guard = crate::os::page_size();
        let slack = if align <= PAGE { align.max(guard) } else { align + guard };
        let whole = size.checked_add(slack + guard).filter(|whole| *whole <= super::map::ARENA_BYTES)?;
        let (page, fresh) = self.take_span(whole.div_ceil(PAGE), Use::Big)?;
        let start = start_of(page);
        let base = (start + guard).next_multiple_of(align);
        // SAFETY: the lock is held; the reference ends with the block.
        let span = unsafe { span(page) };
        span.base = base;
        let end = start + span.bytes();
        shadow::set(start, base - start, REDZONE);
        shadow::set(base + size, end - base - size, REDZONE);
        Some((page, base, fresh))
    }

    /// Makes a program's area; see [`super::program_area`].
    pub fn take_area(&mut self, len: usize) -> Option<usize> {
        let guard = crate::os::page_size();
        let whole = len.checked_add(2 * guard).filter(|whole| *whole <= super::map::ARENA_BYTES)?;
        let (page, fresh) = self.take_span(whole.div_ceil(PAGE), Use::Program)?;
        let (start, base) = (start_of(page), start_of(page) + guard);
        // SAFETY: the lock is held; the reference ends with the block.
        let span = unsafe { span(page) };
        span.base = base;
        span.len = len;
        let end = start + span.bytes();
        if !fresh {
            spans::open(base, len);
            let memory = core::ptr::with_exposed_provenance_mut::<u8>(base);
            if !spans::forget(base, len) {
                // SAFETY: the memory is the area's, and nobody else's.
                unsafe { memory.write_bytes(0, len) };
            }
        }
        for (at, bytes) in [(start, guard), (base + len, end - base - len)] {
            shadow::set(at, bytes, super::map::GUARD);
            let memory = core::ptr::with_exposed_provenance_mut::<u8>(at);
            // Refused or not, the shadow is poison.
            // SAFETY: whole OS pages of the span that nobody uses.
            unsafe { crate::os::protect(memory, bytes, crate::os::Protection::None) };
        }
        Some(base)
    }

    /// Gives a program's area back, if one starts at `base`.
    pub fn give_area(&mut self, base: usize) {
        let Some(page) = page_of(base) else { return };
        // SAFETY: the lock is held; the copy needs no reference.
        let area = unsafe { *span(page) };
        if area.used_for != Use::Program || area.base != base {
            return;
        }
        let memory = core::ptr::with_exposed_provenance_mut::<u8>(start_of(page));
        // SAFETY: the span's own pages, which nobody uses any more.
        unsafe { crate::os::protect(memory, area.bytes(), crate::os::Protection::ReadWrite) };
        if area.len >= spans::GIVEN_BACK {
            spans::forget(area.base, area.len);
        }
        spans::close(start_of(page), area.bytes());
        self.spans.give(page);
    }
}

/// Memory in which an access of `len` bytes does no harm.
pub fn harmless(len: usize) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(space::scratch(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_tight() {
        let mut before = 0;
        for class in 0..CLASSES {
            let bytes = bytes_of(class);
            assert!(bytes > before && bytes.is_multiple_of(16));
            assert_eq!((class_of(bytes), class_of(before + 1)), (class, class));
            assert!(before == 0 || (bytes - before) * 8 <= bytes.max(128));
            before = bytes;
        }
        assert_eq!(before, MOST_SLOT);
        // The offset of a slot fits a header's link.
        assert!(MOST_SLOT * 16 / 16 <= u16::MAX as usize);
    }
}
