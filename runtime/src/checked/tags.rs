//! Tags: the number in a pointer, the entry that generated code reads of it, and the
//! record of what it is the tag of.
//!
//! A tag is fresh, in use, or in the queue of dead ones, where it stays for the next
//! [`REST`] deaths: so long a stale pointer is told from one to the tag's next object, and
//! its record tells what became of it. Slots of the heap wait in the same queue, see
//! [`Tags::next_slot`].

use super::info::{Origin, State};
use super::map::{ENTRY_SIZE, FIRST_TAG, LAST_TAG, TABLE};
use super::space::{self, QUEUE, RECORDS};

/// A dead tag waits until so many more have died.
pub const REST: u64 = 1 << 19;

/// The highest tag of a small block; the rest are kept for what needs a tag.
pub const LAST_OF_BLOCKS: usize = LAST_TAG - (1 << 16);

/// What generated code reads of a tag.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The object's first address.
    pub base: usize,
    /// Its size in bytes; 0 when it is dead.
    pub size: usize,
}

const _: () = assert!(size_of::<Entry>() == ENTRY_SIZE);

bitflags::bitflags! {
    /// What else is known of an object.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u8 {
        /// It was asked for zeroed.
        const ZEROED = 1 << 0;
        /// It is a field or a piece of an array of its parent, or a variable: it is in
        /// the lists of [`super::narrow`].
        const FIELD = 1 << 1;
        /// It is a block that an allocator made in its parent.
        const PART = 1 << 2;
        /// It is in the lists of [`super::parts`].
        const LISTED = 1 << 3;
        /// Parts were made in it.
        const CARVED = 1 << 4;
        /// It was given to C, which may have written it.
        const EXPOSED = 1 << 5;
        /// It is dead, and its place is not to be used again yet.
        const KEPT = 1 << 6;
        /// It is in a list by its parent, place and size.
        const HASHED = 1 << 7;
    }
}

/// What is known of a tag's object.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Its size in bytes, also after its death.
    pub size: usize,
    /// The number of its allocation.
    pub serial: u64,
    /// The trace of its allocation.
    pub allocated: u32,
    /// The trace of its death.
    pub freed: u32,
    /// The tag of what it is a part of, or 0.
    pub parent: u32,
    /// The first of its live parts.
    pub child: u32,
    /// The next live part of the same parent.
    pub next: u32,
    /// The one before, or 0.
    pub previous: u32,
    /// The next in a list of [`super::narrow`] or [`super::parts`].
    pub chain: u32,
    /// The tag of the block that this one was reallocated from.
    pub from: u32,
    /// The tag of the block that it was reallocated to.
    pub to: u32,
    /// Why it was allocated, a text of the depot.
    pub reason: u32,
    /// Who made it.
    pub origin: Origin,
    /// What has become of it.
    pub state: State,
    /// The logarithm of its alignment.
    pub align: u8,
    /// The rest.
    pub flags: Flags,
    /// Nothing.
    pub spare: u32,
}

const _: () = assert!(size_of::<Record>() == 64);

impl Record {
    /// A new object of `size` bytes without relatives.
    pub const fn new(size: usize, serial: u64, allocated: u32, origin: Origin, flags: Flags) -> Record {
        Record {
            size,
            serial,
            allocated,
            freed: 0,
            parent: 0,
            child: 0,
            next: 0,
            previous: 0,
            chain: 0,
            from: 0,
            to: 0,
            reason: 0,
            origin,
            state: State::Live,
            align: 0,
            flags,
            spare: 0,
        }
    }

    /// Whether it is live.
    #[inline]
    pub fn is_live(&self) -> bool {
        matches!(self.state, State::Live)
    }
}

/// The entry of a tag.
#[inline]
pub fn entry(tag: u32) -> *mut Entry {
    space::place(TABLE, tag as usize)
}

/// The entry of a tag as it is now.
#[inline]
pub fn entry_of(tag: u32) -> Entry {
    // SAFETY: the table has an entry for every number a pointer can have in front.
    unsafe { entry(tag).read() }
}

/// Sets the entry of a tag.
#[inline]
pub fn set_entry(tag: u32, base: usize, size: usize) {
    // SAFETY: as in `entry_of`; the heap's lock is held.
    unsafe { entry(tag).write(Entry { base, size }) }
}

/// The record of a tag.
///
/// # Safety
///
/// The heap's lock is held, `tag` is one that was used, and no other reference to its
/// record is in use.
#[inline]
pub unsafe fn record<'a>(tag: u32) -> &'a mut Record {
    debug_assert!((FIRST_TAG..=LAST_TAG).contains(&(tag as usize)));
    // SAFETY: the table has a record for every tag, and one of zeroes says `Internal` and
    // `Unused`; the rest is the caller's word.
    unsafe { &mut *space::place::<Record>(RECORDS, tag as usize) }
}

/// A copy of the record of a tag; a wrong one tells of an unused tag.
#[inline]
pub fn record_of(tag: u32) -> Record {
    // SAFETY: the table has a record for every tag, and zeroes are a valid one. It is
    // copied, so it does not matter who else refers to it later.
    unsafe { space::place::<Record>(RECORDS, (tag as usize).min(LAST_TAG)).read() }
}

/// Which tags are fresh, and the queue of the dead.
pub struct Tags {
    /// The lowest tag never used.
    fresh: u32,
    /// Deaths so far: where the queue ends.
    died: u64,
    /// Where the queue starts of those whose slot was not looked at.
    slots: u64,
    /// Where the queue starts.
    reused: u64,
}

/// What [`Tags::next`] has.
pub enum Next {
    /// A tag that was never used.
    Fresh(u32),
    /// A dead one, out of the queue now.
    Dead(u32),
    /// None: the queue is empty.
    None,
}

impl Tags {
    /// All tags fresh.
    pub const fn new() -> Tags {
        Tags { fresh: FIRST_TAG as u32, died: 0, slots: 0, reused: 0 }
    }

    /// The lowest tag never used.
    pub fn fresh(&self) -> u32 {
        self.fresh
    }

    /// A tag to use. One out of the queue has had its slot looked at.
    #[inline]
    pub fn next(&mut self) -> Next {
        let waiting = self.died - self.reused;
        let scarce = self.fresh > LAST_OF_BLOCKS as u32;
        if waiting <= REST && (!scarce || waiting == 0) && self.fresh <= LAST_TAG as u32 {
            self.fresh += 1;
            return Next::Fresh(self.fresh - 1);
        }
        if self.reused >= self.slots {
            return Next::None;
        }
        let tag = self.at(self.reused);
        self.reused += 1;
        prefetch(self.at(self.reused + 4));
        Next::Dead(tag)
    }

    /// Whether no tag is left for a small block.
    #[inline]
    pub fn are_short(&self) -> bool {
        self.fresh > LAST_OF_BLOCKS as u32 && self.died == self.reused
    }

    /// Makes the tags for small blocks look used.
    #[cfg(test)]
    pub fn use_up(&mut self) {
        assert_eq!(self.died, 0);
        self.fresh = LAST_OF_BLOCKS as u32 + 1;
    }

    /// Whether [`next`](Tags::next) would need a tag whose slot was not looked at yet.
    #[inline]
    pub fn waits_for_slot(&self) -> bool {
        let waiting = self.died - self.reused;
        (waiting > REST || self.fresh > LAST_TAG as u32)
            && self.reused == self.slots
            && self.slots < self.died
    }

    /// Appends a dead tag to the queue.
    #[inline]
    pub fn bury(&mut self, tag: u32) {
        space::write(QUEUE, self.died as usize % (LAST_TAG + 1), tag);
        self.died += 1;
    }

    /// Whether no dead tag waits for its slot to be looked at.
    #[inline]
    pub fn none_wait(&self) -> bool {
        self.slots == self.died
    }

    /// As [`bury`](Tags::bury), of a tag whose slot was looked at, while none waits.
    #[inline]
    pub fn bury_released(&mut self, tag: u32) {
        self.bury(tag);
        self.slots = self.died;
    }

    /// The dead tag that waits longest of those whose slot was not looked at; it counts as
    /// looked at from now on.
    #[inline]
    pub fn next_slot(&mut self) -> Option<u32> {
        if self.slots == self.died {
            return None;
        }
        self.slots += 1;
        Some(self.at(self.slots - 1))
    }

    #[inline]
    fn at(&self, place: u64) -> u32 {
        space::read(QUEUE, place as usize % (LAST_TAG + 1))
    }
}

/// Fetches what a tag that is used soon has in memory: it was last touched long ago.
#[inline]
fn prefetch(tag: u32) {
    fetch(entry(tag).addr());
    fetch(RECORDS + tag as usize * size_of::<Record>());
}

/// Fetches memory that is used soon.
#[inline]
pub fn fetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: fetching in advance touches no memory as the program sees it.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(core::ptr::with_exposed_provenance(address));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
