//! Blocks of the checked heap: made, found, freed.

use super::heap::{HEADER, Heap, MOST_SLOT, class_of, header};
use super::info::{Origin, State};
use super::map::{
    ADDRESS_BITS, ADDRESS_MASK, COLOUR_SHIFT, FIRST_TAG, FREED, LAST_TAG, REDZONE, UNWRITTEN, in_arena,
    is_foreign,
};
use super::spans::{self, Use, page_of, span, start_of};
use super::tags::{Flags, Next, Record, entry_of, record, record_of, set_entry};
use super::{Request, depot, shadow};

/// A tag and an address as a pointer.
#[inline]
pub fn tagged(tag: u32, address: usize) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((tag as usize) << ADDRESS_BITS | address)
}

/// The tag in a pointer, if an object can have it.
#[inline]
pub fn tag_in(pointer: usize) -> Option<u32> {
    let tag = pointer >> ADDRESS_BITS;
    (FIRST_TAG..=LAST_TAG).contains(&tag).then_some(tag as u32)
}

/// The shadow of a block whose bytes are written or not.
#[inline]
pub fn shade(colour: u8, zeroed: bool) -> u8 {
    colour << COLOUR_SHIFT | if zeroed { 0 } else { UNWRITTEN }
}

/// Why a pointer is not the start of a live block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It points into this one.
    Interior(u32),
    /// The block is dead.
    Dead(u32),
    /// It points at a variable, of this tag if not 0.
    Variable(u32),
    /// It points at a variable or constant of the program, of this tag if not 0.
    Static(u32),
    /// It points at memory of others.
    Foreign,
    /// It points at nothing.
    Wild,
}

impl Heap {
    /// A tag for a new object. Its record and entry are what they were.
    ///
    /// `last` is the tag of the place's last object, which it must not get again: an old
    /// pointer would pass for a new one.
    #[inline]
    pub fn take_tag(&mut self, last: u32) -> Option<u32> {
        while self.tags.waits_for_slot() {
            self.release_one();
        }
        match self.tags.next() {
            Next::Fresh(tag) => Some(tag),
            Next::None => None,
            Next::Dead(tag) if tag == last => {
                let other = match self.tags.next() {
                    Next::Dead(other) | Next::Fresh(other) => Some(other),
                    Next::None => None,
                };
                self.tags.bury(tag);
                other.inspect(|other| self.forget_object(*other))
            }
            Next::Dead(tag) => {
                self.forget_object(tag);
                Some(tag)
            }
        }
    }

    /// Takes a dead object out of the lists that it may still be in.
    #[inline]
    fn forget_object(&mut self, tag: u32) {
        // SAFETY: the lock is held; the reference ends with the statement.
        if unsafe { record(tag) }.flags.contains(Flags::LISTED) {
            self.unlist_part(tag);
        }
    }

    /// Makes a block; a pointer with its tag, or `None` when there is no room.
    #[inline]
    pub fn allocate(&mut self, request: &Request<'_>) -> Option<*mut u8> {
        let size = request.size;
        let spacing = if size < 512 { 0 } else { size / 16 };
        let slack = request.align.saturating_sub(HEADER);
        let (tag, base) = if size < MOST_SLOT && size + spacing + slack + HEADER <= MOST_SLOT {
            let bytes = size.max(1) + spacing + slack + HEADER;
            if self.tags.are_short() {
                return self.allocate_untagged(request, bytes);
            }
            self.place_small(request, bytes)?
        } else {
            self.place_big(request)?
        };
        self.serial += 1;
        let flags = if request.zeroed { Flags::ZEROED } else { Flags::empty() };
        let mut new = Record::new(size, self.serial, request.trace.0, request.origin, flags);
        new.align = request.align.trailing_zeros() as u8;
        new.reason = request.reason.map_or(0, depot::text);
        // SAFETY: the lock is held; the tag is nobody else's.
        unsafe { *record(tag) = new };
        set_entry(tag, base, size);
        self.blocks += 1;
        self.bytes += size;
        Some(tagged(tag, base))
    }

    /// Frees a block by what its header says, if that is all that there is to know: it is
    /// live, in a slot, and what `release` says of it is true. False, and nothing
    /// changed, otherwise.
    #[inline]
    pub fn free_simple(&mut self, pointer: usize, release: &super::Release<'_>) -> bool {
        let (Some(tag), base) = (tag_in(pointer), pointer & ADDRESS_MASK) else { return false };
        let entry = entry_of(tag);
        if entry.base != base || entry.size == 0 || !base.is_multiple_of(HEADER) {
            return false;
        }
        let Some(page) = page_of(base) else { return false };
        // SAFETY: the lock is held; the copy needs no reference.
        if unsafe { span(page) }.used_for != Use::Slots {
            return false;
        }
        let slot = base - HEADER;
        // SAFETY: memory of the span, at a multiple of 16 as all its blocks; what is there is
        // looked at before it is believed.
        let header = unsafe { header(slot) };
        let wrong = |given: Option<i128>, right: usize| given.is_some_and(|given| given != right as i128);
        if header.seal != super::heap::seal(slot, tag)
            || header.tag != tag
            || header.origin != release.by as u8
            || wrong(release.size, entry.size)
            || wrong(release.align, 1 << header.align)
        {
            return false;
        }
        header.seal = 0;
        let flags = Flags::from_bits_retain(header.flags);
        let now = self.delay == 0 && self.tags.none_wait();
        // SAFETY: the lock is held; the reference is used up to the next call only.
        let dead = unsafe { record(tag) };
        dead.state = State::Freed;
        dead.freed = release.trace.0;
        dead.flags = if now { flags } else { flags | Flags::KEPT };
        set_entry(tag, base, 0);
        let room = entry.size.next_multiple_of(16);
        shadow::set_block(base, room, room, FREED, FREED);
        self.blocks -= 1;
        self.bytes -= entry.size;
        if now {
            self.tags.bury_released(tag);
            self.give_slot_of(page, slot);
        } else {
            self.kept += entry.size + HEADER;
            self.tags.bury(tag);
            while self.kept > self.delay && self.release_one() {}
        }
        true
    }

    /// Has the record of a live block looked at when it is freed: it has changed.
    pub fn unseal(&mut self, tag: u32) {
        let base = entry_of(tag).base;
        if let Some(page) = page_of(base)
            && !record_of(tag).flags.intersects(Flags::FIELD | Flags::PART)
            // SAFETY: the lock is held; the copy needs no reference.
            && unsafe { span(page) }.used_for == Use::Slots
        {
            // SAFETY: the slot that the block lies in was given out.
            unsafe { header(self.place_of(base).start) }.seal = 0;
        }
    }

    /// Finds room in a slot of at least `bytes`, and prepares memory and shadow.
    #[inline]
    fn place_small(&mut self, request: &Request<'_>, bytes: usize) -> Option<(u32, usize)> {
        let class = class_of(bytes);
        let slot = self.take_slot(class)?;
        // SAFETY: the slot was just taken; the reference ends below.
        let header = unsafe { header(slot) };
        let colour = header.colour;
        let Some(tag) = self.take_tag(header.tag) else {
            self.give_slot(slot);
            return None;
        };
        header.tag = tag;
        let base = match request.align {
            0..=HEADER => {
                header.seal = super::heap::seal(slot, tag);
                header.origin = request.origin as u8;
                header.flags = if request.zeroed { Flags::ZEROED.bits() } else { 0 };
                header.align = request.align.trailing_zeros() as u8;
                slot + HEADER
            }
            align => {
                header.seal = 0;
                (slot + HEADER).next_multiple_of(align)
            }
        };
        let room = slot + super::heap::bytes_of(class) - base;
        if base > slot + HEADER {
            shadow::set(slot + HEADER, base - slot - HEADER, REDZONE);
        }
        shadow::set_block(base, request.size, room, shade(colour, request.zeroed), REDZONE);
        if request.zeroed {
            // SAFETY: the slot's bytes behind its header, which nobody uses.
            unsafe { core::ptr::with_exposed_provenance_mut::<u8>(base).write_bytes(0, request.size) };
        }
        Some((tag, base))
    }

    /// Makes a span for a block, and prepares memory and shadow.
    #[cold]
    fn place_big(&mut self, request: &Request<'_>) -> Option<(u32, usize)> {
        let size = request.size;
        let (page, base, fresh) = self.take_big(size, request.align.max(HEADER))?;
        let Some(tag) = self.take_tag(0) else {
            spans::close(start_of(page), {
                // SAFETY: the lock is held; the reference ends here.
                unsafe { span(page) }.bytes()
            });
            self.spans.give(page);
            return None;
        };
        // SAFETY: the lock is held; the reference ends with the statement.
        unsafe { span(page) }.tag = tag;
        let colour = if request.zeroed { 0 } else { 1 + (tag % 63) as u8 };
        if !request.zeroed {
            shadow::set(base, size, shade(colour, false));
        } else if !fresh {
            spans::open(base, size);
            if size < spans::GIVEN_BACK || !spans::forget(base, size) {
                // SAFETY: the block's bytes, which nobody uses yet.
                unsafe { core::ptr::with_exposed_provenance_mut::<u8>(base).write_bytes(0, size) };
            }
        }
        Some((tag, base))
    }

    /// Ends a live block and everything in it.
    pub fn free(&mut self, tag: u32, state: State, trace: u32) {
        let base = entry_of(tag).base;
        // SAFETY: the lock is held; the reference is used up to the next call only.
        let dead = unsafe { record(tag) };
        let (size, child) = (dead.size, dead.child);
        dead.state = state;
        dead.freed = trace;
        dead.flags.insert(Flags::KEPT);
        self.unseal(tag);
        if child != 0 {
            self.end_children(tag, State::Reset, trace);
        }
        set_entry(tag, base, 0);
        if size <= 256 {
            let room = size.next_multiple_of(16);
            shadow::set_block(base, room, room, FREED, FREED);
        } else {
            if size <= spans::LEFT_OPEN {
                shadow::set(base, size, FREED);
            }
            if size >= spans::GIVEN_BACK {
                spans::forget(base, size);
            }
        }
        self.blocks -= 1;
        self.bytes -= size;
        self.kept += size + HEADER;
        self.tags.bury(tag);
        while self.kept > self.delay && self.release_one() {}
    }

    /// Looks at the dead object that waits longest: its place may be used again. False
    /// when none waits.
    #[inline]
    fn release_one(&mut self) -> bool {
        let Some(tag) = self.tags.next_slot() else { return false };
        // SAFETY: the lock is held; the reference ends before the next call.
        let dead = unsafe { record(tag) };
        if !dead.flags.contains(Flags::KEPT) {
            return true;
        }
        dead.flags.remove(Flags::KEPT);
        self.kept -= dead.size + HEADER;
        let base = entry_of(tag).base;
        let Some(page) = page_of(base) else { return true };
        // SAFETY: the lock is held; the copy needs no reference.
        let span = unsafe { *span(page) };
        match span.used_for {
            Use::Slots if u32::from(dead.align) <= HEADER.ilog2() => self.give_slot(base - HEADER),
            Use::Slots => self.give_slot(self.place_of(base).start),
            Use::Big => {
                if dead.size > spans::LEFT_OPEN {
                    // It is 0 or a colour; poison costs no more than it did.
                    spans::open(base, dead.size);
                }
                self.spans.give(page);
            }
            _ => {}
        }
        true
    }

    /// Ends everything that is part of a live or just ended object: their pointers are
    /// dead. The object itself stays as it is.
    pub fn end_children(&mut self, top: u32, state: State, trace: u32) {
        let mut at = top;
        loop {
            // SAFETY: the lock is held, and each reference ends with its statement.
            let Record { child, parent, next, .. } = unsafe { *record(at) };
            if child != 0 {
                at = child;
            } else if at == top {
                return;
            } else {
                // SAFETY: as above.
                unsafe {
                    record(parent).child = next;
                    if next != 0 {
                        record(next).previous = 0;
                    }
                }
                self.end_object(at, state, trace);
                at = parent;
            }
        }
    }

    /// Ends an object that is no block of the heap, and is in no list of children any more.
    pub fn end_object(&mut self, tag: u32, state: State, trace: u32) {
        // SAFETY: the lock is held; the reference ends before the next call.
        let dead = unsafe { record(tag) };
        dead.state = state;
        dead.freed = trace;
        if dead.flags.contains(Flags::HASHED) {
            self.unlist_field(tag);
        }
        set_entry(tag, entry_of(tag).base, 0);
        self.tags.bury(tag);
    }

    /// Makes `child` a live part of `parent`.
    pub fn adopt_child(&mut self, parent: u32, child: u32) {
        self.unseal(parent);
        // SAFETY: the lock is held; each reference ends with its statement.
        unsafe {
            let first = core::mem::replace(&mut record(parent).child, child);
            if first != 0 {
                record(first).previous = child;
            }
            record(child).next = first;
            record(child).previous = 0;
            record(child).parent = parent;
        }
    }

    /// Takes a live part out of its parent's list.
    pub fn orphan(&mut self, tag: u32) {
        // SAFETY: the lock is held; each reference ends with its statement.
        unsafe {
            let Record { parent, next, previous, .. } = *record(tag);
            match previous {
                0 => record(parent).child = next,
                before => record(before).next = next,
            }
            if next != 0 {
                record(next).previous = previous;
            }
        }
    }

    /// The block of the heap that an address lies in or beside, live or dead, by its
    /// place alone: the parts of the block are not looked at. Of the bytes between two
    /// blocks, the first belong to the one before, at least the one right behind it.
    pub fn block_at(&self, address: usize) -> Option<u32> {
        let page = page_of(address).filter(|_| in_arena(address))?;
        // SAFETY: the lock is held; the copy needs no reference.
        let span = unsafe { *span(page) };
        let inside = (address - start_of(page)) as u32;
        match span.used_for {
            Use::Slots if inside < span.carved => {
                let slot = inside - inside % span.slot;
                let before = (slot > 0 && inside - slot < HEADER as u32 / 2).then(|| slot - span.slot);
                let in_slot = |slot: u32| {
                    let slot = start_of(page) + slot as usize;
                    // SAFETY: the slot was given out once.
                    self.block_in(unsafe { header(slot) }.tag, slot, span.slot as usize)
                };
                before.and_then(in_slot).or_else(|| in_slot(slot))
            }
            Use::Big => self.block_in(span.tag, start_of(page), span.bytes()),
            _ => None,
        }
    }

    /// The slot or span that a block lies in.
    pub fn place_of(&self, base: usize) -> core::ops::Range<usize> {
        let Some(page) = page_of(base) else { return base..base };
        // SAFETY: the lock is held; the copy needs no reference.
        let span = unsafe { *span(page) };
        let start = start_of(page);
        match span.used_for {
            Use::Slots => {
                let slot = base - (base - start) % span.slot as usize;
                slot..slot + span.slot as usize
            }
            _ => start..start + span.bytes(),
        }
    }

    /// `tag` if it is that of a block in so many bytes at `start`. A place whose last
    /// block's tag is another object's by now has forgotten it.
    fn block_in(&self, tag: u32, start: usize, bytes: usize) -> Option<u32> {
        let here = (FIRST_TAG..=LAST_TAG).contains(&(tag as usize))
            && entry_of(tag).base.wrapping_sub(start) < bytes
            && !record_of(tag).flags.intersects(Flags::FIELD | Flags::PART);
        here.then_some(tag)
    }

    /// The live block that a pointer is the start of: of the heap, or made in a buffer by
    /// the allocator `by`.
    pub fn find_start(&self, pointer: usize, by: Origin) -> Result<u32, Problem> {
        let address = pointer & ADDRESS_MASK;
        let Some(tag) = tag_in(pointer) else {
            return self.find_start_by_address(pointer, by);
        };
        let mut tag = tag;
        let mut found = record_of(tag);
        // A pointer to the first field is one to the block.
        while found.flags.contains(Flags::FIELD) && found.parent != 0 {
            let parent = record_of(found.parent);
            if parent.serial > found.serial {
                return Err(Problem::Dead(tag));
            }
            (tag, found) = (found.parent, parent);
        }
        tag = self.meant(tag, by);
        found = record_of(tag);
        match (found.state, found.origin) {
            (State::Unused, _) => Err(Problem::Wild),
            (_, Origin::Variable) => Err(Problem::Variable(tag)),
            (_, Origin::Static) => Err(Problem::Static(tag)),
            (State::Live, _) if entry_of(tag).base == address => Ok(tag),
            (State::Live, _) => Err(Problem::Interior(tag)),
            _ => Err(Problem::Dead(tag)),
        }
    }

    /// As [`find_start`](Heap::find_start), of a pointer without a tag.
    fn find_start_by_address(&self, address: usize, by: Origin) -> Result<u32, Problem> {
        if !in_arena(address) {
            return Err(if is_foreign(address) { Problem::Foreign } else { Problem::Wild });
        }
        if let Some(part) = self.part_at(address)
            && (record_of(part).origin == by
                || self.block_at(address).is_none_or(|tag| entry_of(tag).base != address))
        {
            return match (record_of(part).is_live(), entry_of(part).base == address) {
                (false, _) => Err(Problem::Dead(part)),
                (true, true) => Ok(part),
                (true, false) => Err(Problem::Interior(part)),
            };
        }
        if let Some(tag) = self.block_at(address) {
            return match (record_of(tag).is_live(), entry_of(tag).base == address) {
                (false, _) => Err(Problem::Dead(tag)),
                (true, true) => Ok(tag),
                (true, false) => Err(Problem::Interior(tag)),
            };
        }
        // SAFETY: the lock is held; the copy needs no reference.
        match page_of(address).map(|page| unsafe { *span(page) }.used_for) {
            Some(Use::Program) if (self.stack.0..self.stack.1).contains(&address) => {
                Err(Problem::Variable(0))
            }
            Some(Use::Program) => Err(Problem::Static(0)),
            _ => Err(Problem::Wild),
        }
    }
}

#[cfg(all(test, unix))]
#[path = "blocks_tests.rs"]
mod tests;
