//! What is known of a block, for reports.

use super::depot;
use super::heap::HEAP;
use super::tags::{Flags, Record, entry_of, record_of};
use super::trace::Trace;

/// What made a block, and so what may free it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Origin {
    /// The runtime itself, for its own use; such blocks are never leaks.
    Internal,
    /// The Mem prelude, and the C names of `.vais` files.
    Vex,
    /// `allocate` of `vera:memory`, and VERA's primitives.
    Vera,
    /// `allocate_aligned` of `vera:memory`.
    VeraAligned,
    /// `global_alloc` of `std/allocator`.
    Global,
    /// `xila/memory` and Xila's C ABI.
    Xila,
    /// kmem.
    Kmem,
    /// `BumpAllocator`, or its buffer.
    Bump,
    /// `PoolAllocator`, or its buffer.
    Pool,
    /// `FreeListAllocator`, or its buffer.
    FreeList,
    /// `StackAllocator`, or its buffer.
    Stack,
    /// An allocator that the program wrote, by `std/checked`.
    Custom,
    /// A C library's `malloc` called by the program.
    Libc,
    /// Rust's global allocator.
    Rust,
    /// A variable of a function.
    Variable,
    /// A variable or constant of the whole program.
    Static,
}

impl Origin {
    /// Every origin, in the order of their numbers.
    pub const ALL: [Origin; 16] = [
        Origin::Internal,
        Origin::Vex,
        Origin::Vera,
        Origin::VeraAligned,
        Origin::Global,
        Origin::Xila,
        Origin::Kmem,
        Origin::Bump,
        Origin::Pool,
        Origin::FreeList,
        Origin::Stack,
        Origin::Custom,
        Origin::Libc,
        Origin::Rust,
        Origin::Variable,
        Origin::Static,
    ];

    /// The name reports print.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Internal => "runtime",
            Origin::Vex => "vex_malloc",
            Origin::Vera | Origin::VeraAligned => "vera:memory",
            Origin::Global => "global",
            Origin::Xila => "xila/memory",
            Origin::Kmem => "kmem",
            Origin::Bump => "bump",
            Origin::Pool => "pool",
            Origin::FreeList => "free list",
            Origin::Stack => "stack",
            Origin::Custom => "custom allocator",
            Origin::Libc => "malloc",
            Origin::Rust => "Rust",
            Origin::Variable => "variable",
            Origin::Static => "static",
        }
    }

    /// Whether a part that an allocator of this kind gave out must be given back by
    /// itself, so that one that is not is a leak.
    pub const fn parts_leak(self) -> bool {
        matches!(self, Origin::Kmem)
    }
}

/// What has become of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Nothing yet: the tag was never used.
    Unused,
    /// It is in use.
    Live,
    /// It was freed.
    Freed,
    /// A `realloc` moved it and freed this place.
    Moved,
    /// Its allocator was reset, popped or dropped, or the block it was part of freed.
    Reset,
    /// The function whose variable it was has returned.
    Left,
}

/// What is known of a block, live or not, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its tag; 0 when it has none.
    pub tag: u32,
    /// Its first address, without a tag.
    pub base: usize,
    /// Its bytes as requested.
    pub size: usize,
    /// The alignment that was asked for, in bytes.
    pub align: usize,
    /// Whether it was asked for zeroed.
    pub zeroed: bool,
    /// What made it.
    pub origin: Origin,
    /// Why, as the allocation was told (kmem).
    pub reason: Option<&'static str>,
    /// What has become of it.
    pub state: State,
    /// The number of its allocation, counted through the process from 1.
    pub serial: u64,
    /// Where it was allocated; of a part, where it was made.
    pub allocated: Trace,
    /// Where it was freed, moved or taken back.
    pub freed: Option<Trace>,
    /// The block that a `realloc` made this one of, if it is still remembered.
    pub moved_from: Option<Box<BlockInfo>>,
    /// The block that a `realloc` made of this one: its first address.
    pub moved_to: Option<usize>,
    /// Whether it is a field or a piece of an array of its parent, rather than a block
    /// that an allocator made in the parent, its buffer.
    pub is_field: bool,
    /// The block that this one is a part of.
    pub parent: Option<Box<BlockInfo>>,
}

/// Relatives that a description of a block goes on to at most.
const MOST_RELATIVES: usize = 6;

impl BlockInfo {
    /// What is known of a tag's object; `None` when it never had one. The lock of the
    /// heap must not be held.
    pub(super) fn of(tag: u32) -> Option<BlockInfo> {
        BlockInfo::with_relatives(tag, u64::MAX, MOST_RELATIVES)
    }

    /// The same of an object that is older than `before`: of a relative whose tag is
    /// another object's by now there is nothing.
    fn with_relatives(tag: u32, before: u64, left: usize) -> Option<BlockInfo> {
        let lock = HEAP.lock();
        let (entry, record) = (entry_of(tag), record_of(tag));
        drop(lock);
        let Record { size, serial, origin, state, flags, .. } = record;
        if tag == 0 || state == State::Unused || serial >= before {
            return None;
        }
        let relative = |tag: u32| {
            let info = left.checked_sub(1).and_then(|left| BlockInfo::with_relatives(tag, serial, left));
            info.map(Box::new)
        };
        Some(BlockInfo {
            tag,
            base: entry.base,
            size,
            align: 1 << record.align,
            zeroed: flags.contains(Flags::ZEROED),
            origin,
            reason: depot::text_of(record.reason),
            state,
            serial,
            allocated: Trace(record.allocated),
            freed: (state != State::Live).then_some(Trace(record.freed)),
            moved_from: relative(record.from),
            moved_to: (record.to != 0 && record_of(record.to).serial > serial)
                .then(|| entry_of(record.to).base),
            is_field: flags.contains(Flags::FIELD) && record.parent != 0,
            parent: relative(record.parent),
        })
    }

    /// One past its last address.
    pub fn end(&self) -> usize {
        self.base + self.size
    }

    /// Whether it is live.
    pub fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// The block as a whole: the last of its parents that is one object with it.
    pub fn whole(&self) -> &BlockInfo {
        match &self.parent {
            Some(parent) if self.is_field => parent.whole(),
            _ => self,
        }
    }
}
