//! The checked mode: a heap and checks that find every misuse of memory at its byte.
//!
//! It stands beside the fast heap and shares nothing with it. [`enable`] reserves its
//! memory ([`map`]) and makes its heap the process's allocator; generated code then
//! checks its own loads and stores against the table of tags and the shadow, calls the
//! functions of [`access`] where that finds something, and calls checked twins
//! ([`twin`]) in place of allocation functions. What is wrong goes to the handler
//! ([`set_handler`]) as a [`Defect`].
//!
//! Pointers of this module's functions may carry a tag or not. A pointer without one is
//! an address, and belongs to what lies there.
//!
//! One lock guards the books. It is never held while a handler runs, and nothing here
//! allocates through Rust's global allocator while it is held.

pub mod access;
mod blocks;
pub mod checks;
mod copy;
pub mod defect;
mod depot;
#[cfg(unix)]
pub mod global;
mod heap;
pub mod info;
mod judge;
mod leaks;
pub mod map;
mod narrow;
mod owned;
mod parts;
pub mod program;
mod release;
mod shadow;
mod space;
mod spans;
mod tags;
#[cfg(all(test, unix))]
pub(crate) mod testing;
pub mod trace;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod twins;
mod untagged;

pub use checks::{Checks, OFF_VARIABLE, is_on};
pub use defect::{
    AccessInfo, BadFree, Defect, DefectKind, EXIT_CODE, Given, Handler, Leak, LeakKind, Side, Unwritten,
    Verdict, report, set_handler,
};
pub use info::{BlockInfo, Origin, State};
pub use release::{bad_size, origin_of, overlap};
pub use trace::Trace;

use crate::{os, process};
use core::fmt;
use core::ops::Range;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, Ordering};
use heap::HEAP;
use judge::Touch;

/// How the checked mode works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// So many bytes of freed blocks are kept from being used again. Matters where
    /// programs keep addresses as integers; pointers are told apart by their tags.
    pub delay: usize,
    /// The checks that are on. [`OFF_VARIABLE`] takes away from them.
    pub checks: Checks,
}

impl Default for Options {
    fn default() -> Options {
        Options { delay: 0, checks: Checks::all() }
    }
}

/// Why there is no checked mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnableError {
    /// The processor or the system is not one it is made for.
    Unsupported,
    /// The system refused addresses, which a limit of address space does: what they
    /// were for, where, and how many bytes.
    Reserve(&'static str, usize, usize),
    /// Another allocator serves the process, or the checked mode is on already.
    AlreadySelected,
    /// [`OFF_VARIABLE`] names no check by this.
    UnknownCheck(String),
}

impl fmt::Display for EnableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnableError::Unsupported => write!(f, "the checked mode needs Linux on x86-64"),
            EnableError::Reserve(what, at, bytes) => write!(
                f,
                "the system does not reserve {bytes} bytes of addresses at {at:#x} for {what} of the checked mode; \
                 is there a limit of address space (`ulimit -v`)?"
            ),
            EnableError::AlreadySelected => write!(f, "the process's allocator is selected already"),
            EnableError::UnknownCheck(name) => write!(f, "{OFF_VARIABLE}: there is no check `{name}`"),
        }
    }
}

impl std::error::Error for EnableError {}

/// Whether [`enable`] has succeeded.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// Reserves the memory of the checked mode and makes its heap the process's allocator.
/// Once, before anything is compiled.
pub fn enable(options: Options) -> Result<(), EnableError> {
    let off = std::env::var(OFF_VARIABLE).unwrap_or_default();
    let checks = options.checks & Checks::all_but(&off).map_err(EnableError::UnknownCheck)?;
    if is_enabled() || process::selected().is_some() {
        return Err(EnableError::AlreadySelected);
    }
    space::reserve()?;
    checks::set_checks(checks);
    let mut heap = HEAP.lock();
    heap.delay = options.delay;
    tags::set_entry(0, map::ARENA, 0);
    drop(heap);
    if !process::checked::select() {
        return Err(EnableError::AlreadySelected);
    }
    ENABLED.store(true, Ordering::Release);
    Ok(())
}

/// Whether the checked mode is on.
#[inline]
pub fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Memory of the program's that no allocator gives out: its stack, code, constants and
/// variables. Zeroed, readable and writable, whole OS pages, with a page in front and
/// one behind that cannot be touched. `len` is in bytes, and rounded up to whole OS
/// pages. `None` before [`enable`], and when there is no room.
pub fn program_area(len: usize) -> Option<NonNull<u8>> {
    if !is_enabled() {
        return None;
    }
    let base = HEAP.lock().take_area(os::round_to_pages(len.max(1))?)?;
    NonNull::new(core::ptr::with_exposed_provenance_mut(base))
}

/// Gives back memory of [`program_area`].
///
/// # Safety
///
/// `start` and `len` are those of one call, nobody uses the memory any more, and its
/// pages are readable and writable again.
pub unsafe fn program_area_free(start: NonNull<u8>, len: usize) {
    let _ = len;
    HEAP.lock().give_area(start.as_ptr().addr());
}

/// Says where the program's stack is, for call traces and pointers to variables, before
/// a program runs. Call it in the thread that runs the program, which gets at the books
/// fastest from now on. Pointers to variables of an earlier run are dead afterwards.
pub fn set_stack(range: Range<usize>) {
    HEAP.own();
    let mut heap = HEAP.lock();
    heap.leave(usize::MAX);
    heap.stack = (range.start, range.end);
    drop(heap);
    trace::set_stack(range);
}

/// Says where the program's variables are: pointers are looked for there by [`leaks`].
/// Ranges of an earlier call are forgotten.
pub fn set_roots(ranges: &[Range<usize>]) {
    leaks::set_roots(ranges);
}

/// The checked twin of an exported function or of a memory function of the C library.
pub fn twin(symbol: &str) -> Option<*const u8> {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    return twins::twin(symbol);
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        let _ = symbol;
        None
    }
}

/// A block that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Bytes; 0 gets a block of its own.
    pub size: usize,
    /// Alignment in bytes, a power of two; blocks are 16-aligned at least.
    pub align: usize,
    /// Whether the bytes are zero, and count as written.
    pub zeroed: bool,
    /// Who asks.
    pub origin: Origin,
    /// Where it is asked.
    pub trace: Trace,
    /// Why.
    pub reason: Option<&'a str>,
}

/// A block that is given back.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// Whose function is called; the block must be of the same origin.
    pub by: Origin,
    /// The function, for the report.
    pub function: &'a str,
    /// The size that the program says the block has.
    pub size: Option<i128>,
    /// The alignment that the program says the block has.
    pub align: Option<i128>,
    /// Where it is called.
    pub trace: Trace,
}

impl<'a> Release<'a> {
    /// A free that says neither size nor alignment.
    pub fn new(by: Origin, function: &'a str, trace: Trace) -> Release<'a> {
        Release { by, function, size: None, align: None, trace }
    }
}

/// Allocates a block of the checked heap: a pointer with a tag, or null when there is no
/// room. The bytes count as never written unless `zeroed`.
pub fn allocate(size: usize, align: usize, zeroed: bool, origin: Origin, trace: Trace) -> *mut u8 {
    allocate_as(&Request { size, align, zeroed, origin, trace, reason: None })
}

/// As [`allocate`], with a reason.
pub fn allocate_as(request: &Request<'_>) -> *mut u8 {
    if !is_enabled() || !request.align.is_power_of_two() {
        return null_mut();
    }
    HEAP.lock().allocate(request).unwrap_or(null_mut())
}

/// Frees a block of the checked heap. A null pointer is ignored. What is wrong is
/// reported (double free, no block, another allocator's, wrong size or alignment).
/// True when the block is free now.
///
/// Any pointer may be given: none is followed before it is known to be a block.
pub fn deallocate(pointer: *mut u8, release: &Release<'_>) -> bool {
    release::deallocate(pointer.addr(), release)
}

/// Moves a block of the checked heap to one of another size, also a smaller one: the old
/// pointer is dead afterwards, and the two blocks know of each other. Contents are kept
/// up to the smaller size, and so is which bytes were written; bytes beyond are zero and
/// count as written with `request.zeroed`. Null when there is no room, or when
/// `pointer` cannot be freed, which is reported; the old block then stays.
pub fn reallocate(pointer: *mut u8, request: &Request<'_>, release: &Release<'_>) -> *mut u8 {
    if !is_enabled() || !request.align.is_power_of_two() {
        return null_mut();
    }
    release::reallocate(pointer.addr(), request, release)
}

/// The size in bytes as requested of the live block that starts at `pointer`.
pub fn size_of(pointer: *const u8) -> Option<usize> {
    let heap = HEAP.lock();
    match heap.find_start(pointer.addr(), Origin::Internal) {
        Ok(tag) => Some(tags::record_of(tag).size),
        Err(_) => heap.untagged_size(pointer.addr()),
    }
}

/// A pointer with its tag to the live object that `address` lies in, or behind the last
/// byte of: what a pointer is that was an integer. Others are returned as they are,
/// those into a freed block with that block's dead tag. A block of a buffer that the
/// program has got back is the buffer again.
pub fn adopt(address: usize) -> *mut u8 {
    let pointer = core::ptr::with_exposed_provenance_mut(address);
    if !map::in_arena(address) {
        return pointer;
    }
    let heap = HEAP.lock();
    let found = heap.meant_by(address).filter(|tag| {
        let offset = address.wrapping_sub(tags::entry_of(*tag).base);
        offset <= tags::record_of(*tag).size
    });
    found.map_or(pointer, |tag| blocks::tagged(tag, address))
}

/// Says that the live block at `pointer`, which the runtime allocated, is the buffer of
/// an allocator `origin` made for the program at `trace`.
pub fn relabel(pointer: *const u8, origin: Origin, trace: Trace) {
    let mut heap = HEAP.lock();
    if let Ok(tag) = heap.find_start(pointer.addr(), Origin::Internal) {
        heap.unseal(tag);
        // SAFETY: the lock is held; the reference ends with the block.
        let object = unsafe { tags::record(tag) };
        object.origin = origin;
        object.allocated = trace.0;
    }
}

/// Makes `size` bytes at `address` a block of an allocator whose buffer they lie in: a
/// pointer with a tag of its own. `buffer` is the buffer as pointer or address; the part
/// is dead when the buffer is. The bytes count as never written unless
/// `request.zeroed`; contents are not touched.
pub fn sub_allocate(buffer: *const u8, address: usize, request: &Request<'_>) -> *mut u8 {
    let part = match is_enabled() && request.align.is_power_of_two() {
        true => HEAP.lock().make_part(buffer.addr(), map::strip(address), request),
        false => None,
    };
    part.unwrap_or(core::ptr::with_exposed_provenance_mut(map::strip(address)))
}

/// Takes back a block of [`sub_allocate`]; reports as [`deallocate`]. True when it is
/// free now. Its bytes are poisoned.
pub fn sub_free(pointer: *mut u8, release: &Release<'_>) -> bool {
    release::deallocate(pointer.addr(), release)
}

/// Takes back all blocks of [`sub_allocate`] that start in a range of a buffer, and
/// poisons the range: `reset`, `pop`, `drop`.
pub fn sub_free_range(range: Range<usize>, trace: Trace) {
    HEAP.lock().free_parts(map::strip(range.start)..map::strip(range.end), trace.0);
}

/// Makes bytes untouchable for the program: an allocator's own.
pub fn poison(range: Range<usize>) {
    if let Some(range) = in_memory(range) {
        HEAP.lock().poison(range);
    }
}

/// Says that an allocator's buffer starts at an address: blocks made there are parts of
/// what lies there, a part of another buffer perhaps, and that is no block of the
/// allocator's own. Needed only where the buffer stays the program's; [`poison`] says it
/// as well.
pub fn mark_buffer(address: usize) {
    let address = map::strip(address);
    if is_enabled() && map::in_arena(address) {
        HEAP.lock().mark_buffer(address);
    }
}

/// Makes bytes of a buffer usable by the program; they count as written.
pub fn unpoison(range: Range<usize>) {
    if let Some(range) = in_memory(range) {
        let _lock = HEAP.lock();
        shadow::set(range.start, range.len(), 0);
    }
}

/// Makes bytes count as written (C or the runtime wrote them), without a look at them.
pub fn mark_written(range: Range<usize>) {
    if let Some(range) = in_memory(range) {
        shadow::mark_written(range.start, range.len());
    }
}

/// The part of a range that is the program's memory, without tags.
fn in_memory(range: Range<usize>) -> Option<Range<usize>> {
    let (start, end) = (map::strip(range.start), map::strip(range.end));
    let end = end.min(map::ARENA + tags::entry_of(0).size);
    (is_enabled() && map::in_arena(start) && start < end).then_some(start..end)
}

/// Checks `len` bytes at `pointer` that a function of the runtime or of the C library is
/// about to touch for the program, and returns the address to touch: without tag when
/// all is fine or the memory is foreign, else, after the report and if the program goes
/// on, memory of that length in which it can do no harm. With `write` the bytes count as
/// written afterwards; bytes never written may be read with `unwritten_ok`. No bytes are
/// fine anywhere.
pub fn check_range(
    pointer: *const u8,
    len: usize,
    write: bool,
    unwritten_ok: bool,
    function: &str,
) -> *mut u8 {
    let pointer = pointer.addr();
    let touch =
        Touch { pointer, base: pointer, len, write, align: 1, unwritten_ok, integer: false, function };
    settle_range(&touch)
}

/// Makes `len` bytes at the address `to` as much written as those at `from`, as a copy
/// of their contents does; the ranges may overlap. Both are in reach ([`check_range`]).
pub fn copy_shadow(to: usize, from: usize, len: usize) {
    copy::copy_shadow(map::strip(to), map::strip(from), len);
}

/// Settles an access of any length.
fn settle_range(touch: &Touch<'_>) -> *mut u8 {
    if touch.len == 0 {
        return core::ptr::with_exposed_provenance_mut(map::strip(touch.pointer));
    }
    if touch.len > map::ARENA_BYTES {
        let given = Given { size: Some(touch.len as isize as i128), ..Given::default() };
        let mut defect =
            Defect { given, function: touch.function, ..Defect::new(DefectKind::BadSize, touch.pointer) };
        defect.trace = if touch.function.is_empty() { Trace::NONE } else { Trace::capture() };
        report(&defect);
        return heap::harmless(touch.len);
    }
    touch.settle()
}

/// The innermost object that `address` lies in, live or not: a block (the bytes around it
/// belong to it, too), a part of a buffer, a variable with a pointer to it.
pub fn lookup(address: usize) -> Option<BlockInfo> {
    let address = map::strip(address);
    let found = HEAP.lock().object_at(address);
    found.and_then(BlockInfo::of)
}

/// The blocks in front of and behind the one that `address` lies in or beside.
pub fn neighbours(address: usize) -> (Option<BlockInfo>, Option<BlockInfo>) {
    let (before, after) = HEAP.lock().beside(map::strip(address));
    (before.and_then(BlockInfo::of), after.and_then(BlockInfo::of))
}

/// The shadow bytes of a range of the program's memory; of other addresses 0.
pub fn shadow_bytes(range: Range<usize>) -> Vec<u8> {
    let shadow = |at: usize| if is_enabled() && map::in_arena(at) { shadow::get(at) } else { 0 };
    range.map(shadow).collect()
}

/// Every block that is live, with what still points at it: words of the ranges of
/// [`set_roots`] and, if given, of the stack. Those of the runtime are left out.
/// In the order of their allocation. Empty with the check off.
pub fn leaks(stack_roots: Option<Range<usize>>) -> Vec<Leak> {
    if !is_enabled() || !is_on(Checks::LEAKS) { Vec::new() } else { leaks::find(stack_roots) }
}

/// What the checked heap holds: live bytes and blocks, and the arena's bytes in use.
pub(crate) fn figures() -> crate::heap::Figures {
    let heap = HEAP.lock();
    let total = heap.spans.extent();
    crate::heap::Figures { used: heap.bytes, free: total - heap.bytes, total, blocks: heap.blocks }
}

/// The address of the cell that generated code compares with its frame when it returns:
/// the lowest address of a variable of which a pointer with a tag was made, or
/// `usize::MAX`. 8 bytes.
pub fn lowest_stack_tag_cell() -> *const usize {
    access::LOWEST_STACK_TAG.as_ptr()
}

#[cfg(all(test, unix))]
#[path = "mode_tests.rs"]
mod tests;
