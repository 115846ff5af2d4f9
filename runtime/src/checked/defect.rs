//! What the checked mode found, as plain data, and who is told.

use super::checks::{Checks, is_on};
use super::info::{BlockInfo, Origin, State};
use super::trace::Trace;
use core::fmt;
use core::sync::atomic::{AtomicPtr, Ordering};

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
    /// The first address of it, without a tag; of a free, the address that is freed.
    pub start: usize,
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
            start: super::map::strip(pointer),
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
        // An address of before 0 is in front of everything.
        let offset = self.address.wrapping_sub(block.base) as isize;
        Some(match offset.unsigned_abs() {
            before if offset < 0 => Side::Before(before),
            at if at < block.size => Side::Inside(at),
            at => Side::After(at - block.size),
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

/// The exit code of a program with a defect.
pub const EXIT_CODE: i32 = 99;

/// Installs `handler` for the whole process; the last one installed wins.
pub fn set_handler(handler: Handler) {
    HANDLER.store(handler as *mut (), Ordering::Release);
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
