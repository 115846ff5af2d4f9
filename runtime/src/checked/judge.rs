//! Decides whether an access is right, and if not, what exactly is wrong with it.

use super::blocks::tag_in;
use super::defect::{AccessInfo, Defect, DefectKind, Unwritten, report};
use super::heap::{HEADER, HEAP, Heap, harmless};
use super::info::{BlockInfo, Origin, State};
use super::map::{self, ADDRESS_BITS, NULL_END, POISON, UNWRITTEN, in_arena, is_foreign};
use super::tags::{Flags, Record, entry_of, record_of};
use super::{Trace, shadow};

/// An access.
#[derive(Clone, Copy, Debug)]
pub struct Touch<'a> {
    /// Where, as the program computed it.
    pub pointer: usize,
    /// The pointer that it was computed from, whose tag counts.
    pub base: usize,
    /// How many bytes.
    pub len: usize,
    /// Whether it writes.
    pub write: bool,
    /// The alignment it needs, in bytes.
    pub align: usize,
    /// Whether it may read bytes that were never written.
    pub unwritten_ok: bool,
    /// Whether the address was an integer.
    pub integer: bool,
    /// The function that touches the bytes for the program; empty for the program itself.
    pub function: &'a str,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// All is well at this address.
    Fine(usize),
    /// Memory of others, at this address.
    Foreign(usize),
    /// Something is wrong with it.
    Wrong {
        kind: DefectKind,
        /// The address of the access.
        start: usize,
        /// The first address that is wrong.
        address: usize,
        /// The tag of the object that the pointer belongs to, or 0.
        tag: u32,
    },
}

impl Touch<'_> {
    /// Decides, reports what is wrong, marks what is written, and returns the address to
    /// use: memory in which nothing can go wrong after a report.
    #[inline]
    pub fn settle(&self) -> *mut u8 {
        match self.find() {
            Finding::Fine(address) => {
                if self.write && in_arena(address) {
                    shadow::mark_written(address, self.len);
                }
                core::ptr::with_exposed_provenance_mut(address)
            }
            Finding::Foreign(address) => core::ptr::with_exposed_provenance_mut(address),
            Finding::Wrong { kind, start, address, tag } => self.report(kind, start, address, tag),
        }
    }

    /// As [`settle`](Touch::settle), and leaves what is written as it is known.
    pub fn settle_without_mark(&self) -> *mut u8 {
        match self.find() {
            Finding::Fine(address) | Finding::Foreign(address) => {
                core::ptr::with_exposed_provenance_mut(address)
            }
            Finding::Wrong { kind, start, address, tag } => self.report(kind, start, address, tag),
        }
    }

    #[inline]
    fn find(&self) -> Finding {
        if let (false, Some(tag)) = (self.integer, tag_in(self.base)) {
            return self.find_tagged(tag);
        }
        if is_foreign(self.base) && !self.integer || is_foreign(self.pointer) {
            return Finding::Foreign(self.pointer);
        }
        self.find_untagged()
    }

    /// An access through a pointer with a tag.
    fn find_tagged(&self, tag: u32) -> Finding {
        let own = (tag as usize) << ADDRESS_BITS;
        // A pointer that has its address alone was stripped by who computed it.
        let start = match self.pointer >> ADDRESS_BITS {
            0 => self.pointer,
            _ => self.pointer.wrapping_sub(own),
        };
        let wrong = |kind, address| Finding::Wrong { kind, start, address, tag };
        let entry = entry_of(tag);
        let offset = start.wrapping_sub(entry.base);
        if offset < entry.size && entry.size - offset >= self.len {
            return self.find_inside(start, tag);
        }
        let found = record_of(tag);
        match found.state {
            State::Live if found.size == 0 => wrong(DefectKind::ZeroSized, start),
            State::Live => {
                let inside = offset < entry.size;
                let address = if inside { entry.base + entry.size } else { start };
                let (kind, tag) = out_of(tag, found, start, self.len);
                Finding::Wrong { kind, start, address, tag }
            }
            State::Unused => Finding::Wrong { kind: DefectKind::Wild, start, address: start, tag: 0 },
            _ => {
                let (top, state) = cause_of_death(tag, found);
                let kind = match state {
                    State::Left => DefectKind::DeadStack,
                    State::Reset => DefectKind::StaleRegion,
                    _ => DefectKind::UseAfterFree,
                };
                Finding::Wrong { kind, start, address: start, tag: top }
            }
        }
    }

    /// An access inside of the object with the tag `tag`, or of an address without (0).
    fn find_inside(&self, start: usize, tag: u32) -> Finding {
        let wrong = |kind, address| Finding::Wrong { kind, start, address, tag };
        if !start.is_multiple_of(self.align) {
            return wrong(DefectKind::Misaligned, start);
        }
        let bits = if self.write || self.unwritten_ok { POISON } else { POISON | UNWRITTEN };
        if shadow::first_with(start, self.len, bits).is_none() {
            return Finding::Fine(start);
        }
        if let Some(address) = shadow::first_poisoned(start, self.len) {
            return match tag {
                0 => self.find_poisoned(start, address),
                _ => wrong(DefectKind::StaleRegion, address),
            };
        }
        if !self.write
            && !self.unwritten_ok
            && let Some(address) = shadow::first_unwritten(start, self.len)
        {
            let tag = if tag == 0 { self.owner(address) } else { tag };
            return Finding::Wrong { kind: DefectKind::Unwritten, start, address, tag };
        }
        Finding::Fine(start)
    }

    /// An access at an address without a tag.
    fn find_untagged(&self) -> Finding {
        let start = self.pointer;
        let wrong = |kind, tag| Finding::Wrong { kind, start, address: start, tag };
        let based = self.integer && in_arena(self.base);
        if (!self.integer && self.base < NULL_END || start < NULL_END) && !based {
            return wrong(DefectKind::Null, 0);
        }
        let extent = entry_of(0).size;
        let offset = start.wrapping_sub(map::ARENA);
        if based && let Some(tag) = self.other_object(start) {
            let (found, base) = (record_of(tag), entry_of(tag).base);
            let kind = match found.state {
                State::Live if found.size == 0 => DefectKind::ZeroSized,
                State::Live => DefectKind::OutOfBounds,
                State::Reset => DefectKind::StaleRegion,
                _ => DefectKind::UseAfterFree,
            };
            let inside = found.is_live() && start.wrapping_sub(base) < found.size;
            let address = if inside { base + found.size } else { start };
            return Finding::Wrong { kind, start, address, tag };
        }
        if offset >= extent || extent - offset < self.len {
            return self.find_poisoned(start, start);
        }
        self.find_inside(start, 0)
    }

    /// Of an access at an integer computed from the address of an object: that object, if
    /// the access is not inside it.
    fn other_object(&self, start: usize) -> Option<u32> {
        if shadow::get(self.base) & map::COLOUR_MASK == 0 && shadow::get(self.base) & POISON == 0 {
            // Variables, and big zeroed blocks.
            let heap = HEAP.lock();
            let tag = heap.object_at(self.base)?;
            return (!reaches(tag, start, self.len)).then_some(tag);
        }
        let heap = HEAP.lock();
        // One past the end of an object is its, too, if that is where the access goes.
        if let Some(tag) = heap.object_at(start)
            && record_of(tag).is_live()
            && reaches(tag, start, self.len)
            && reaches(tag, self.base, 0)
        {
            return None;
        }
        let tag = heap.object_at(self.base)?;
        (!record_of(tag).is_live() || !reaches(tag, start, self.len)).then_some(tag)
    }

    /// An access at an address without a tag whose byte at `address` is poisoned.
    fn find_poisoned(&self, start: usize, address: usize) -> Finding {
        let mut tag = match self.owner(address) {
            0 => HEAP.lock().near(address).unwrap_or(0),
            owner => owner,
        };
        if self.integer && in_arena(self.base) {
            // Out of a block in a buffer into what is the allocator's of it.
            let from = self.owner(self.base);
            let is_block = record_of(from).is_live() && record_of(from).flags.contains(Flags::PART);
            if is_block && from != tag && record_of(tag).is_live() {
                tag = from;
            }
        }
        let found = record_of(tag);
        let entry = entry_of(tag);
        let kind = match found.state {
            _ if tag == 0 => DefectKind::Wild,
            State::Live if found.size == 0 => DefectKind::ZeroSized,
            State::Live if address.wrapping_sub(entry.base) < entry.size => DefectKind::StaleRegion,
            State::Live | State::Unused => DefectKind::OutOfBounds,
            State::Reset => DefectKind::StaleRegion,
            State::Left => DefectKind::DeadStack,
            State::Freed | State::Moved => DefectKind::UseAfterFree,
        };
        Finding::Wrong { kind, start, address, tag }
    }

    /// The tag of the object that an address lies in or beside, or 0.
    fn owner(&self, address: usize) -> u32 {
        HEAP.lock().object_at(address).unwrap_or(0)
    }

    #[cold]
    #[inline(never)]
    fn report(&self, kind: DefectKind, start: usize, address: usize, tag: u32) -> *mut u8 {
        let real = core::ptr::with_exposed_provenance_mut(start);
        let block = BlockInfo::of(tag);
        let landed = HEAP.lock().object_at(address).filter(|landed| *landed != tag);
        let landed = landed.and_then(BlockInfo::of).filter(|landed| {
            let inside = address.wrapping_sub(landed.base) < landed.size;
            let own = |block: &BlockInfo| block.tag == landed.tag || block.whole().tag == landed.tag;
            inside && !block.as_ref().is_some_and(own)
        });
        let unwritten = (kind == DefectKind::Unwritten).then(|| unwritten(start, self.len, address));
        let defect = Defect {
            access: Some(AccessInfo { write: self.write, size: self.len, align: self.align }),
            address,
            start,
            block,
            landed,
            function: self.function,
            unwritten,
            trace: if self.function.is_empty() { Trace::NONE } else { Trace::capture() },
            ..Defect::new(kind, if self.integer { self.pointer } else { self.base })
        };
        let reported = report(&defect);
        match kind {
            DefectKind::Unwritten => {
                // Once is enough.
                if reported {
                    shadow::mark_written(start, self.len);
                }
                real
            }
            DefectKind::Misaligned => Touch { align: 1, ..*self }.settle(),
            _ if reported => harmless(self.len),
            _ => real,
        }
    }
}

/// Whether an access is inside of an object; one of no bytes may be right behind it.
fn reaches(tag: u32, start: usize, len: usize) -> bool {
    let (base, size) = (entry_of(tag).base, record_of(tag).size);
    let offset = start.wrapping_sub(base);
    offset <= size && size - offset >= len
}

/// Which bytes of an access were never written; `first` is the first.
fn unwritten(start: usize, len: usize, first: usize) -> Unwritten {
    let is_unwritten = |at: &usize| shadow::get(*at) & UNWRITTEN != 0;
    let bits = (start..start + len.min(64)).filter(is_unwritten).map(|at| 1u64 << (at - start));
    let (mask, count) =
        (bits.fold(0, |mask, bit| mask | bit), (start..start + len).filter(is_unwritten).count());
    Unwritten { first, count, mask }
}

/// What an access past the ends of a live object has left: the object, or all of the
/// block that the object is a field of.
fn out_of(tag: u32, found: Record, start: usize, len: usize) -> (DefectKind, u32) {
    let (mut top, mut at) = (tag, found);
    while at.flags.contains(Flags::FIELD) && at.parent != 0 {
        top = at.parent;
        at = record_of(top);
    }
    if top != tag && reaches(top, start, len) {
        (DefectKind::OutOfObject, tag)
    } else {
        (DefectKind::OutOfBounds, top)
    }
}

/// The object whose death ended this one, and how it died.
fn cause_of_death(tag: u32, found: Record) -> (u32, State) {
    let (mut top, mut at) = (tag, found);
    while at.flags.contains(Flags::FIELD) && at.parent != 0 {
        let parent = record_of(at.parent);
        if parent.is_live() || parent.serial > at.serial {
            break;
        }
        (top, at) = (at.parent, parent);
    }
    let freed_with_buffer = at.state == State::Reset && at.flags.contains(Flags::PART);
    let state = match at.state {
        State::Reset if !freed_with_buffer => State::Freed,
        state => state,
    };
    (top, state)
}

impl Heap {
    /// The innermost object that an address lies in or beside, live or dead: a variable
    /// with a pointer to it, a part of a buffer, a block.
    pub fn object_at(&self, address: usize) -> Option<u32> {
        if !in_arena(address) {
            return None;
        }
        self.part_at(address).or_else(|| self.block_at(address)).or_else(|| self.variable_at(address))
    }
}

/// An address that lies in no object and beside none belongs to the nearest block up to so
/// many bytes away.
const NEAR: usize = 4096;

impl Heap {
    /// The block of the program's nearest to an address that is in none: a live one if there
    /// is one near, else one that was freed.
    #[cold]
    fn near(&self, address: usize) -> Option<u32> {
        if !in_arena(address) {
            return None;
        }
        // Each block has more bytes that count as its own than these steps have.
        let around = (address.saturating_sub(NEAR)..address + NEAR).step_by(HEADER);
        let blocks = around.filter(|at| in_arena(*at)).filter_map(|at| self.block_at(at));
        let programs = blocks.filter(|tag| record_of(*tag).origin != Origin::Internal);
        programs.min_by_key(|tag| {
            let (base, size) = (entry_of(*tag).base, record_of(*tag).size);
            let distance = base.saturating_sub(address).max(address.saturating_sub(base + size));
            (!record_of(*tag).is_live(), distance)
        })
    }
}

/// Parts beside another are looked for so far away, in bytes.
const BESIDE: usize = 4096;

impl Heap {
    /// The objects in front of and behind the one that an address lies in or beside.
    pub fn beside(&self, address: usize) -> (Option<u32>, Option<u32>) {
        let Some(tag) = self.part_at(address).or_else(|| self.block_at(address)) else { return (None, None) };
        let (base, end) = (entry_of(tag).base, entry_of(tag).base + record_of(tag).size.max(1));
        if record_of(tag).flags.contains(Flags::PART) {
            let other =
                |at: usize| self.part_at(at).filter(|other| *other != tag && entry_of(*other).base != base);
            return ((base - BESIDE..base).rev().find_map(other), (end..end + BESIDE).find_map(other));
        }
        let place = self.place_of(base);
        let other = |at: Option<usize>| self.block_at(at?).filter(|other| *other != tag);
        // A place's first bytes may count as its neighbour's.
        let before = place.start.checked_sub(1).filter(|at| in_arena(*at));
        (other(before), other(place.end.checked_add(HEADER)))
    }
}

#[cfg(all(test, unix))]
#[path = "judge_tests.rs"]
mod tests;
