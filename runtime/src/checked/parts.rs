//! Parts: the blocks that an allocator makes in a buffer, found by their address.
//!
//! Each stretch of 8 bytes of the arena heads a list of the parts that start in it, live
//! or dead, and each 4096 bytes know the part that covers their first, so a search goes
//! back over 512 heads at most. A dead part is in its list until its place is made a part
//! again, or its tag another object's.

use super::blocks::{shade, tag_in, tagged};
use super::heap::Heap;
use super::info::{Origin, State};
use super::map::{ADDRESS_MASK, ARENA, FREED, POISON, POISONED, in_arena};
use super::space::{self, COVERS, GRANULES};
use super::spans::{Use, page_of, span};
use super::tags::{Flags, Record, entry_of, record, record_of, set_entry};
use super::{Request, depot, shadow};
use core::ops::Range;

/// Bytes that share a list.
const GRANULE: usize = 8;

/// Bytes that share a cover.
const COVER: usize = 4096;

/// Up to so many bytes, parts of a range are looked for by address, and else in the list
/// of their parent.
const SEARCHED: usize = 4096;

/// The list that an address belongs to.
#[inline]
fn granule(address: usize) -> usize {
    (address - ARENA) / GRANULE
}

/// The numbers of the covers inside a range, but for one at its start.
#[inline]
fn covers(start: usize, len: usize) -> Range<usize> {
    (start - ARENA) / COVER + 1..(start - ARENA + len).div_ceil(COVER).max(1)
}

/// Whether an object at `base` has an address; one of no bytes has its first.
#[inline]
pub fn contains(base: usize, size: usize, address: usize) -> bool {
    address.wrapping_sub(base) < size.max(1)
}

impl Heap {
    /// The object that a range of a buffer belongs to as a part: the innermost live one
    /// that has all of it, and of parts only those that are buffers themselves. 0 when
    /// there is none.
    fn buffer_of(&self, buffer: usize, range: &Range<usize>) -> u32 {
        let has = |tag: u32| {
            let (base, size) = (entry_of(tag).base, entry_of(tag).size);
            base <= range.start && range.end <= base + size
        };
        if let Some(tag) = tag_in(buffer)
            && record_of(tag).is_live()
            && has(tag)
        {
            return tag;
        }
        let mut next = self.part_at(range.start).or_else(|| self.block_at(range.start));
        while let Some(tag) = next {
            let found = record_of(tag);
            let is_buffer = !found.flags.contains(Flags::PART) || found.flags.contains(Flags::CARVED);
            if is_buffer && found.is_live() && has(tag) {
                return tag;
            }
            next = match found.parent {
                0 if found.flags.contains(Flags::PART) => self.block_at(range.start),
                0 => None,
                parent => Some(parent),
            };
        }
        0
    }

    /// Makes a part; see [`super::sub_allocate`]. `None` when there is no tag left.
    pub fn make_part(&mut self, buffer: usize, address: usize, request: &Request<'_>) -> Option<*mut u8> {
        let size = request.size;
        if !in_arena(address) || size > ADDRESS_MASK - address {
            return None;
        }
        self.drop_dead_parts(address, size);
        let parent = self.buffer_of(buffer, &(address..address + size));
        let tag = self.take_tag(0)?;
        self.serial += 1;
        let flags = Flags::PART | Flags::LISTED | if request.zeroed { Flags::ZEROED } else { Flags::empty() };
        let mut new = Record::new(size, self.serial, request.trace.0, request.origin, flags);
        new.align = request.align.trailing_zeros() as u8;
        new.reason = request.reason.map_or(0, depot::text);
        new.chain = space::read(GRANULES, granule(address));
        // SAFETY: the lock is held; the tag is nobody else's.
        unsafe { *record(tag) = new };
        set_entry(tag, address, size);
        space::write(GRANULES, granule(address), tag);
        covers(address, size).for_each(|cover| space::write(COVERS, cover, tag));
        if parent != 0 {
            self.adopt_child(parent, tag);
            // SAFETY: the lock is held; the reference ends with the statement.
            unsafe { record(parent) }.flags.insert(Flags::CARVED);
        }
        // SAFETY: the lock is held; the copy needs no reference.
        self.program_parts |=
            page_of(address).is_none_or(|page| unsafe { *span(page) }.used_for == Use::Program);
        shadow::set(address, size, shade(1 + (tag % 63) as u8, request.zeroed));
        Some(tagged(tag, address))
    }

    /// Ends a live part and what is in it.
    pub fn free_part(&mut self, tag: u32, state: State, trace: u32) {
        let (base, size) = (entry_of(tag).base, record_of(tag).size);
        self.end_children(tag, State::Reset, trace);
        if record_of(tag).parent != 0 {
            self.orphan(tag);
        }
        self.end_object(tag, state, trace);
        shadow::set(base, size, FREED);
    }

    /// Ends all parts that start in a range; see [`super::sub_free_range`].
    pub fn free_parts(&mut self, range: Range<usize>, trace: u32) {
        if !in_arena(range.start) || range.end > super::map::ARENA_END || range.is_empty() {
            return;
        }
        let buffer = self.buffer_of(0, &range);
        if buffer == 0 || range.len() <= SEARCHED {
            for at in granule(range.start)..=granule(range.end - 1) {
                let mut tag = space::read(GRANULES, at);
                while tag != 0 {
                    let Record { chain, parent, .. } = record_of(tag);
                    self.free_if_in(tag, &range, buffer, parent, trace);
                    tag = chain;
                }
            }
        } else {
            let mut tag = record_of(buffer).child;
            while tag != 0 {
                let next = record_of(tag).next;
                self.free_if_in(tag, &range, buffer, buffer, trace);
                tag = next;
            }
        }
        shadow::set(range.start, range.len(), POISONED);
    }

    fn free_if_in(&mut self, tag: u32, range: &Range<usize>, buffer: u32, parent: u32, trace: u32) {
        let found = record_of(tag);
        let is_part = found.flags.contains(Flags::PART) && found.is_live();
        if is_part && parent == buffer && range.contains(&entry_of(tag).base) {
            self.free_part(tag, State::Reset, trace);
        }
    }

    /// Makes bytes an allocator's own. A part that starts there is a buffer from now on.
    pub fn poison(&mut self, range: Range<usize>) {
        self.mark_buffer(range.start);
        shadow::set(range.start, range.len(), POISONED);
    }

    /// Makes the part that starts at an address, or else the block there, a buffer.
    pub fn mark_buffer(&mut self, address: usize) {
        let part = self.part_at(address);
        let part = part.filter(|tag| entry_of(*tag).base == address && record_of(*tag).is_live());
        if let Some(tag) = part.or_else(|| self.block_at(address)) {
            self.unseal(tag);
            // SAFETY: the lock is held; the reference ends with the statement.
            unsafe { record(tag) }.flags.insert(Flags::CARVED);
        }
    }

    /// The innermost part that an address lies in, or lay in before it died.
    pub fn part_at(&self, address: usize) -> Option<u32> {
        let page = page_of(address).filter(|_| in_arena(address))?;
        // SAFETY: the lock is held; the copy needs no reference.
        let carved = match unsafe { *span(page) }.used_for {
            Use::Program => self.program_parts,
            _ => record_of(self.block_at(address)?).flags.contains(Flags::CARVED),
        };
        if !carved {
            return None;
        }
        let first = granule(address & !(COVER - 1));
        for at in (first..=granule(address)).rev() {
            let mut tag = space::read(GRANULES, at);
            let mut best: Option<(usize, u64, u32)> = None;
            while tag != 0 {
                let (base, found) = (entry_of(tag).base, record_of(tag));
                if contains(base, found.size, address) {
                    best = best.max(Some((base, found.serial, tag)));
                }
                tag = found.chain;
            }
            if let Some((.., tag)) = best {
                return Some(tag);
            }
        }
        let mut tag = space::read(COVERS, (address - ARENA) / COVER);
        while tag != 0 {
            let found = record_of(tag);
            if !found.flags.contains(Flags::PART) {
                return None;
            }
            if contains(entry_of(tag).base, found.size, address) {
                return Some(tag);
            }
            tag = found.parent;
        }
        None
    }

    /// The object that an address without a tag means: the innermost, live or dead, but
    /// where that is a dead part and the program may touch the byte, the innermost live
    /// one around it, which has got the byte back.
    pub fn meant_by(&self, address: usize) -> Option<u32> {
        let Some(part) = self.part_at(address) else { return self.block_at(address) };
        if record_of(part).is_live() || shadow::get(address) & POISON != 0 {
            return Some(part);
        }
        let is_around = |tag: &u32| {
            record_of(*tag).is_live() && contains(entry_of(*tag).base, record_of(*tag).size, address)
        };
        self.around(part).find(is_around).or(Some(part))
    }

    /// What is meant where an object is given back to `by`: of all that begin at its
    /// address, the innermost of that allocator. An address that was an integer cannot
    /// tell a buffer from the first block in it. The object itself if none is.
    pub fn meant(&self, tag: u32, by: Origin) -> u32 {
        let found = record_of(tag);
        if found.origin == by || !found.flags.contains(Flags::PART) {
            return tag;
        }
        let base = entry_of(tag).base;
        let around = self.around(tag).take_while(|other| entry_of(*other).base == base);
        let mut whole = around.filter(|other| !record_of(*other).flags.contains(Flags::FIELD));
        whole.find(|other| record_of(*other).origin == by).unwrap_or(tag)
    }

    /// The objects that one is a part of, innermost first, as far as they are known.
    fn around(&self, tag: u32) -> impl Iterator<Item = u32> {
        let above = |tag: &u32| {
            let Record { parent, serial, .. } = record_of(*tag);
            // The tag of one that is forgotten is a younger object's.
            (parent != 0 && record_of(parent).serial < serial).then_some(parent)
        };
        core::iter::successors(above(&tag), above)
    }

    /// Takes dead parts that start in a range out of their lists.
    fn drop_dead_parts(&mut self, start: usize, size: usize) {
        for at in granule(start)..=granule(start + size.max(1) - 1) {
            let mut tag = space::read(GRANULES, at);
            while tag != 0 {
                let Record { chain, state, .. } = record_of(tag);
                if state != State::Live && contains(start, size, entry_of(tag).base) {
                    self.unlist_part(tag);
                }
                tag = chain;
            }
        }
    }

    /// Takes a part out of its list and its covers.
    pub fn unlist_part(&mut self, tag: u32) {
        let (base, gone) = (entry_of(tag).base, record_of(tag));
        let head = granule(base);
        let mut at = space::read(GRANULES, head);
        if at == tag {
            space::write(GRANULES, head, gone.chain);
        }
        while at != 0 && at != tag {
            let next = record_of(at).chain;
            if next == tag {
                // SAFETY: the lock is held; the reference ends with the statement.
                unsafe { record(at) }.chain = gone.chain;
                break;
            }
            at = next;
        }
        // A parent that died and was forgotten covers nothing.
        let parent = record_of(gone.parent);
        let above = parent.flags.contains(Flags::PART | Flags::LISTED) && parent.serial < gone.serial;
        for cover in covers(base, gone.size) {
            if space::read(COVERS, cover) == tag {
                space::write(COVERS, cover, if above { gone.parent } else { 0 });
            }
        }
        // SAFETY: the lock is held; the reference ends with the statement.
        unsafe { record(tag) }.flags.remove(Flags::LISTED);
    }
}

#[cfg(all(test, unix))]
#[path = "parts_tests.rs"]
mod tests;
