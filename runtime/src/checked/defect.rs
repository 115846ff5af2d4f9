//! What the checked mode found, as plain data, and who is told.

use super::trace::Trace;
use core::fmt;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

bitflags::bitflags! {
    /// The checks, each of which can be switched off.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Checks: u32 {
        /// Accesses past the ends of a block.
        const BOUNDS = 1 << 0;
        /// Accesses past the ends of a part of a block.
        const SUBOBJECT = 1 << 1;
        /// Accesses of freed blocks.
        const FREED = 1 << 2;
        /// Accesses of variables whose function has returned.
        const STACK = 1 << 3;
        /// Accesses through null.
        const NULL = 1 << 4;
        /// Accesses through numbers that never were an address.
        const WILD = 1 << 5;
        /// Accesses at addresses that the type does not allow.
        const ALIGN = 1 << 6;
        /// Reads of bytes that were never written.
        const UNWRITTEN = 1 << 7;
        /// Frees of freed blocks.
        const DOUBLE_FREE = 1 << 8;
        /// Frees of what is not the start of a block.
        const BAD_FREE = 1 << 9;
        /// Frees through the function of another allocator.
        const WRONG_ALLOCATOR = 1 << 10;
        /// Sizes and alignments at a free that are not those of the allocation.
        const SIZE = 1 << 11;
        /// Copies between overlapping ranges by functions that must not get such.
        const OVERLAP = 1 << 12;
        /// Negative and absurd sizes.
        const NEGATIVE_SIZE = 1 << 13;
        /// Accesses of blocks of no bytes.
        const ZERO_SIZED = 1 << 14;
        /// Accesses of what an allocator took back by `reset`, `pop` or `drop`.
        const REGION = 1 << 15;
        /// Leaks.
        const LEAKS = 1 << 16;
    }
}

/// The variable of the environment that names checks to leave out, separated by commas:
/// the checker is tested by what it then no longer finds.
pub const OFF_VARIABLE: &str = "VEX_CHECKED_OFF";

impl Checks {
    /// Every check but those that `names` lists, in lower case, separated by commas.
    /// Names of no check are handed back as the error.
    pub fn all_but(names: &str) -> Result<Checks, String> {
        let mut checks = Checks::all();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let check = Checks::from_name(&name.to_ascii_uppercase());
            checks.remove(check.ok_or_else(|| name.to_owned())?);
        }
        Ok(checks)
    }
}

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

/// How an access was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessInfo {
    /// Whether it writes.
    pub write: bool,
    /// Its length in bytes.
    pub size: usize,
    /// The alignment it needs, in bytes; 1 when it needs none.
    pub align: usize,
}

/// Why a pointer cannot be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFree {
    /// It points into a block, not at its start.
    Interior,
    /// It points at a variable of a function.
    Stack,
    /// It points at a variable or constant of the program.
    Static,
    /// It points at memory that no allocator of the program's gave out.
    Foreign,
    /// It never was an address of anything.
    Wild,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefectKind {
    /// Past the end or before the start of the block; [`Defect::side`] says how far.
    OutOfBounds,
    /// Past the ends of a part of a block ([`Defect::block`] is the part, and its
    /// parent the block), inside the block.
    OutOfObject,
    /// The block was freed, or moved by a `realloc` ([`State::Moved`]).
    UseAfterFree,
    /// The function whose variable it was has returned.
    DeadStack,
    /// Null, or null and an offset, which is [`Defect::address`].
    Null,
    /// No address of the program's.
    Wild,
    /// An address that the type does not allow.
    Misaligned,
    /// Bytes were read that nobody wrote: [`Defect::unwritten`].
    Unwritten,
    /// The block is free already.
    DoubleFree,
    /// The pointer is not the start of a block.
    BadFree(BadFree),
    /// The block is another allocator's: [`Given::by`].
    WrongAllocator,
    /// The size given is not the block's.
    WrongSize,
    /// The alignment given is not the block's.
    WrongAlign,
    /// The source overlaps the destination of a function that does not allow it.
    Overlap,
    /// A negative or absurd size.
    BadSize,
    /// The block has no bytes.
    ZeroSized,
    /// The bytes are an allocator's own: it has not given them out, or it has taken
    /// them back by `reset`, `pop`, `drop` or a free of the whole.
    StaleRegion,
}

impl DefectKind {
    /// The check that finds it, in a block whose state is `state`.
    pub fn check(self, state: Option<State>) -> Checks {
        match self {
            DefectKind::OutOfBounds => Checks::BOUNDS,
            DefectKind::OutOfObject => Checks::SUBOBJECT,
            DefectKind::UseAfterFree if state == Some(State::Reset) => Checks::REGION,
            DefectKind::UseAfterFree => Checks::FREED,
            DefectKind::DeadStack => Checks::STACK,
            DefectKind::Null => Checks::NULL,
            DefectKind::Wild => Checks::WILD,
            DefectKind::Misaligned => Checks::ALIGN,
            DefectKind::Unwritten => Checks::UNWRITTEN,
            DefectKind::DoubleFree => Checks::DOUBLE_FREE,
            DefectKind::BadFree(_) => Checks::BAD_FREE,
            DefectKind::WrongAllocator => Checks::WRONG_ALLOCATOR,
            DefectKind::WrongSize | DefectKind::WrongAlign => Checks::SIZE,
            DefectKind::Overlap => Checks::OVERLAP,
            DefectKind::BadSize => Checks::NEGATIVE_SIZE,
            DefectKind::ZeroSized => Checks::ZERO_SIZED,
            DefectKind::StaleRegion => Checks::REGION,
        }
    }
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

impl BlockInfo {
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

/// Where an address is, seen from a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// So many bytes before the first one.
    Before(usize),
    /// At this offset inside.
    Inside(usize),
    /// So many bytes past the last one: 0 is the byte behind it.
    After(usize),
}

/// Sizes and alignments that were given, and what they should have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The size given, in bytes, as the program wrote it.
    pub size: Option<i128>,
    /// The size that would have been right.
    pub expected_size: Option<usize>,
    /// The alignment given.
    pub align: Option<i128>,
    /// The alignment that would have been right.
    pub expected_align: Option<usize>,
    /// The allocator whose function was called, of frees.
    pub by: Option<Origin>,
    /// The other pointer, of overlaps: the source, without its tag.
    pub other: Option<usize>,
}

/// Bytes of an access that nobody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// The address of the first.
    pub first: usize,
    /// How many there are in the access.
    pub count: usize,
    /// Which of the first 64 bytes of the access are among them, lowest bit first.
    pub mask: u64,
}

/// Something that is wrong with the program.
#[derive(Clone, Debug)]
pub struct Defect<'a> {
    /// What.
    pub kind: DefectKind,
    /// The access, if it is one.
    pub access: Option<AccessInfo>,
    /// The first address of it that is wrong, without a tag.
    pub address: usize,
    /// The pointer that was used, with its tag.
    pub pointer: usize,
    /// What the pointer belongs to.
    pub block: Option<BlockInfo>,
    /// The block that the address lies in, if that is another one.
    pub landed: Option<BlockInfo>,
    /// The function that the program called (`vex_free`), empty for its own accesses.
    pub function: &'a str,
    /// Sizes and alignments.
    pub given: Given,
    /// Bytes that were never written, of [`DefectKind::Unwritten`].
    pub unwritten: Option<Unwritten>,
    /// Where it happened: the calls up to a function that the program called. Empty for
    /// the program's own accesses, whose frames the handler finds on the stack.
    pub trace: Trace,
}

impl<'a> Defect<'a> {
    /// A defect of a kind about a pointer, nothing else known.
    pub fn new(kind: DefectKind, pointer: usize) -> Defect<'a> {
        Defect {
            kind,
            access: None,
            address: super::map::strip(pointer),
            pointer,
            block: None,
            landed: None,
            function: "",
            given: Given::default(),
            unwritten: None,
            trace: Trace::NONE,
        }
    }

    /// Where the address is, seen from the block.
    pub fn side(&self) -> Option<Side> {
        let block = self.block.as_ref()?;
        Some(match self.address {
            at if at < block.base => Side::Before(block.base - at),
            at if at - block.base < block.size => Side::Inside(at - block.base),
            at => Side::After(at - block.base - block.size),
        })
    }
}

/// What a handler decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The program goes on.
    Continue,
}

/// Is told of every defect. One that stops the program does not come back.
pub type Handler = fn(&Defect<'_>) -> Verdict;

/// The installed handler, null for the default one.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// The checks that are on.
static CHECKS: AtomicU32 = AtomicU32::new(u32::MAX);

/// The exit code of a program with a defect.
pub const EXIT_CODE: i32 = 99;

/// Installs `handler` for the whole process; the last one installed wins.
pub fn set_handler(handler: Handler) {
    HANDLER.store(handler as *mut (), Ordering::Release);
}

/// Decides which checks are on.
pub(super) fn set_checks(checks: Checks) {
    CHECKS.store(checks.bits(), Ordering::Relaxed);
}

/// Whether a check is on.
pub fn is_on(check: Checks) -> bool {
    CHECKS.load(Ordering::Relaxed) & check.bits() != 0
}

/// Tells the handler of a defect, unless the check that finds it is off. True when
/// there is a defect and the handler let the program go on; without a handler it ends
/// with a line on standard error and [`EXIT_CODE`]. No lock of ours may be held.
#[cold]
#[inline(never)]
pub fn report(defect: &Defect<'_>) -> bool {
    if !is_on(defect.kind.check(defect.block.as_ref().map(|block| block.state))) {
        return false;
    }
    let installed = HANDLER.load(Ordering::Acquire);
    if installed.is_null() {
        crate::fault::write_stderr(format!("vex: {defect}\n").as_bytes());
        std::process::exit(EXIT_CODE);
    }
    // SAFETY: the only non-null values ever stored are `Handler`s, in `set_handler`.
    let handler = unsafe { core::mem::transmute::<*mut (), Handler>(installed) };
    let Verdict::Continue = handler(defect);
    true
}

impl fmt::Display for Defect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:#x}", self.kind, self.address)?;
        if let Some(AccessInfo { write, size, .. }) = self.access {
            write!(f, ", {} of {size} bytes", if write { "write" } else { "read" })?;
        }
        if let (Some(block), Some(side)) = (&self.block, self.side()) {
            let BlockInfo { base, size, origin, state, .. } = block;
            write!(f, "; {side:?} of {state:?} block {base:#x} of {size} bytes ({})", origin.name())?;
        }
        if !self.function.is_empty() {
            write!(f, "; in {}", self.function)?;
        }
        Ok(())
    }
}

/// Why nothing points at a live block any more, or what still does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeakKind {
    /// Nothing points at it.
    Lost,
    /// Only blocks that point at each other in a circle, this one among them.
    Cyclic,
    /// Only a block that is lost or in a circle: that one's first address.
    HeldBy(usize),
    /// A variable of the program's, or a block that one leads to.
    Reachable {
        /// The address of the variable's word.
        root: usize,
    },
}

/// A block that is live at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The block.
    pub block: BlockInfo,
    /// What still points at it.
    pub kind: LeakKind,
}
