//! Pointers to a part of an object: a field, a piece of an array, a variable. Each gets a
//! tag of its own, the same for the same bytes of the same object, and dies with it.

use super::access::LOWEST_STACK_TAG;
use super::blocks::{tag_in, tagged};
use super::heap::Heap;
use super::info::{Origin, State};
use super::map::{ADDRESS_MASK, in_arena};
use super::space::{self, NARROWED, VARIABLES};
use super::spans::{Use, page_of, span};
use super::tags::{Flags, Record, entry_of, record, record_of, set_entry};
use super::trace::Trace;
use core::sync::atomic::Ordering;

/// Heads of lists of equal hash.
const HEADS: usize = 1 << 20;

/// Parts of an object that are looked through; objects with more have theirs in lists.
const FEW: usize = 8;

/// Places for variables.
const MOST_VARIABLES: usize = 1 << 22;

/// The list of an object's part.
fn head(parent: u32, base: usize, size: usize) -> usize {
    let mixed = (base ^ (parent as usize) << 36 ^ size << 20).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed >> 40 & (HEADS - 1)
}

impl Heap {
    /// A pointer to `size` bytes at `pointer` and nothing beyond; the pointer itself when
    /// that is all of its object, or not inside of it.
    pub fn narrow(&mut self, pointer: usize, size: usize) -> Option<*mut u8> {
        let address = pointer & ADDRESS_MASK;
        let Some(tag) = tag_in(pointer).or_else(|| self.live_at(pointer)) else {
            return self.narrow_untagged(pointer, size);
        };
        let entry = entry_of(tag);
        let inside = address >= entry.base && address - entry.base <= entry.size;
        if size == 0 || !inside || entry.size - (address - entry.base) < size {
            return None;
        }
        if entry.size == size {
            return Some(tagged(tag, address));
        }
        let origin = record_of(tag).origin;
        self.field(tag, address, size, origin)
    }

    /// The same of an address that is in no block of the heap: that of a variable.
    fn narrow_untagged(&mut self, address: usize, size: usize) -> Option<*mut u8> {
        if !in_arena(address) || size == 0 {
            return None;
        }
        let page = page_of(address)?;
        // SAFETY: the lock is held; the copy needs no reference.
        if unsafe { *span(page) }.used_for != Use::Program {
            return None;
        }
        let on_stack = (self.stack.0..self.stack.1).contains(&address);
        let origin = if on_stack { Origin::Variable } else { Origin::Static };
        self.field(0, address, size, origin)
    }

    /// The tag of the innermost live block that an address without a tag lies in.
    fn live_at(&self, address: usize) -> Option<u32> {
        if !in_arena(address) {
            return None;
        }
        let tag = self.meant_by(address)?;
        record_of(tag).is_live().then_some(tag)
    }

    /// The part of an object, made if it is not there.
    fn field(&mut self, parent: u32, base: usize, size: usize, origin: Origin) -> Option<*mut u8> {
        let is_it = |tag: u32, found: &Record| {
            found.parent == parent && found.size == size && entry_of(tag).base == base
        };
        // Most objects have few parts with a pointer to them.
        let (mut tag, mut left) = (if parent == 0 { 0 } else { record_of(parent).child }, FEW);
        while tag != 0 && left > 0 {
            let found = record_of(tag);
            if is_it(tag, &found) {
                return Some(tagged(tag, base));
            }
            (tag, left) = (found.next, left - 1);
        }
        // One of the first parts may be missed here, and get a second tag.
        let hashed = parent == 0 || left == 0;
        let head = head(parent, base, size);
        let first = if hashed { space::read(NARROWED, head) } else { 0 };
        let mut tag = first;
        while tag != 0 {
            let found = record_of(tag);
            if is_it(tag, &found) {
                return Some(tagged(tag, base));
            }
            tag = found.chain;
        }
        if origin == Origin::Variable && self.variables == MOST_VARIABLES {
            return None;
        }
        let tag = self.take_tag(0)?;
        self.serial += 1;
        let flags = if hashed { Flags::FIELD | Flags::HASHED } else { Flags::FIELD };
        let mut new = Record::new(size, self.serial, Trace::capture().0, origin, flags);
        new.chain = first;
        // SAFETY: the lock is held; the tag is nobody else's.
        unsafe { *record(tag) = new };
        set_entry(tag, base, size);
        if hashed {
            space::write(NARROWED, head, tag);
        }
        match parent {
            0 if origin == Origin::Variable => self.add_variable(tag, base),
            0 => {}
            parent => self.adopt_child(parent, tag),
        }
        Some(tagged(tag, base))
    }

    /// Takes a part out of its list.
    pub fn unlist_field(&mut self, tag: u32) {
        let gone = record_of(tag);
        let head = head(gone.parent, entry_of(tag).base, gone.size);
        let mut at = space::read(NARROWED, head);
        if at == tag {
            return space::write(NARROWED, head, gone.chain);
        }
        while at != 0 {
            let next = record_of(at).chain;
            if next == tag {
                // SAFETY: the lock is held; the reference ends with the statement.
                unsafe { record(at) }.chain = gone.chain;
                return;
            }
            at = next;
        }
    }

    /// Adds a variable to the list, which is in the order of their addresses, highest
    /// first: most are lower than all others, since stacks grow down.
    fn add_variable(&mut self, tag: u32, base: usize) {
        let mut place = self.variables;
        while place > 0 {
            let before = space::read(VARIABLES, place - 1);
            if entry_of(before).base >= base {
                break;
            }
            space::write(VARIABLES, place, before);
            place -= 1;
        }
        space::write(VARIABLES, place, tag);
        self.variables += 1;
        self.note_lowest();
    }

    /// Ends the variables below an address: their functions have returned.
    pub fn leave(&mut self, frame_end: usize) {
        while let Some(last) = self.variables.checked_sub(1) {
            let tag = space::read(VARIABLES, last);
            if entry_of(tag).base >= frame_end {
                break;
            }
            self.variables = last;
            self.end_children(tag, State::Left, 0);
            self.end_object(tag, State::Left, 0);
        }
        self.note_lowest();
    }

    /// Ends the variables that start in these `size` bytes: their block of the source has ended, and their function
    /// goes on.
    pub fn leave_range(&mut self, start: usize, size: usize) {
        // The variables of the function that goes on are the lowest.
        let mut first = self.variables;
        while first > 0 && entry_of(space::read(VARIABLES, first - 1)).base < start.saturating_add(size) {
            first -= 1;
        }
        let mut kept = first;
        for place in first..self.variables {
            let tag = space::read(VARIABLES, place);
            if entry_of(tag).base >= start {
                self.end_children(tag, State::Left, 0);
                self.end_object(tag, State::Left, 0);
            } else {
                space::write(VARIABLES, kept, tag);
                kept += 1;
            }
        }
        self.variables = kept;
        self.note_lowest();
    }

    fn note_lowest(&self) {
        let lowest = match self.variables.checked_sub(1) {
            Some(last) => entry_of(space::read(VARIABLES, last)).base,
            None => usize::MAX,
        };
        LOWEST_STACK_TAG.store(lowest, Ordering::Relaxed);
    }

    /// The innermost variable with a pointer to it that an address lies in.
    pub fn variable_at(&self, address: usize) -> Option<u32> {
        let tags = (0..self.variables).map(|place| space::read(VARIABLES, place));
        tags.filter(|tag| {
            let entry = entry_of(*tag);
            address.wrapping_sub(entry.base) < entry.size
        })
        .min_by_key(|tag| entry_of(*tag).size)
    }
}
