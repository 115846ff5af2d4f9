//! What the twins share: ranges of the program's, sizes as it wrote them, and reports.

use crate::checked::{self, BadFree, BlockInfo, Defect, DefectKind, Given, Origin, Release, Trace, map};
use crate::layout::Layout;
use crate::size;
use core::ffi::c_void;
use core::ops::Range;

/// What C's `ptrdiff_t` cannot say: sizes from here on were negative numbers.
const NEGATIVE: usize = isize::MAX as usize + 1;

/// The address of `len` bytes that `function` will read; `None` after a report. Bytes
/// that were never written may be among them with `unwritten_ok`.
pub(super) fn readable(
    pointer: *const c_void,
    len: usize,
    unwritten_ok: bool,
    function: &str,
) -> Option<*const u8> {
    reach(pointer, len, false, unwritten_ok, function).map(<*mut u8>::cast_const)
}

/// The address of `len` bytes that `function` will write, which count as written from
/// now on; `None` after a report.
pub(super) fn writable(pointer: *const c_void, len: usize, function: &str) -> Option<*mut u8> {
    reach(pointer, len, true, true, function)
}

fn reach(
    pointer: *const c_void,
    len: usize,
    write: bool,
    unwritten_ok: bool,
    function: &str,
) -> Option<*mut u8> {
    let reached = checked::check_range(pointer.cast(), len, write, unwritten_ok, function);
    // After a report it is some other place.
    (reached.addr() == map::strip(pointer.addr())).then_some(reached)
}

/// A pointer without its tag.
pub(super) fn plain<T>(pointer: *mut T) -> *mut T {
    match map::strip(pointer.addr()) {
        same if same == pointer.addr() => pointer,
        address => core::ptr::with_exposed_provenance_mut(address),
    }
}

/// An address as a pointer.
pub(super) fn at(address: i64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address as usize)
}

/// A pointer as an address.
pub(super) fn address(pointer: *mut u8) -> i64 {
    map::strip(pointer.expose_provenance()) as i64
}

/// Reports a size that cannot have been meant.
#[cold]
pub(super) fn bad_size(function: &str, size: i128) {
    let mut defect = Defect::new(DefectKind::BadSize, 0);
    defect.function = function;
    defect.given = Given { size: Some(size), ..Given::default() };
    defect.trace = Trace::capture();
    checked::report(&defect);
}

/// A size of a function that takes unsigned ones; `None` after the report that it was a
/// negative number. A large size is only a request that fails.
pub(super) fn unsigned(function: &str, size: usize) -> Option<usize> {
    if size >= NEGATIVE {
        bad_size(function, i128::from(size as i64));
        return None;
    }
    Some(size)
}

/// A size of a function that takes signed ones; `None` after the report that it is
/// negative.
pub(super) fn signed(function: &str, size: i64) -> Option<usize> {
    if size < 0 {
        bad_size(function, i128::from(size));
    }
    size::from_signed(size)
}

/// Size and alignment of a layout; `None` when it describes no block. Negative sizes are
/// reported, but for -1: that is what layouts are that did not fit, and every allocation
/// refuses.
pub(super) fn layout(function: &str, layout: Layout) -> Option<(usize, usize)> {
    if layout.size < -1 {
        bad_size(function, i128::from(layout.size));
    }
    crate::alloc::request(layout)
}

/// A free that says the layout of the block.
pub(super) fn release(by: Origin, function: &str, layout: Layout) -> Release<'_> {
    Release {
        size: Some(i128::from(layout.size)),
        align: Some(i128::from(layout.align)),
        ..Release::new(by, function, Trace::capture())
    }
}

/// Reports something about a pointer and what it belongs to.
#[cold]
pub(super) fn wrong(
    kind: DefectKind,
    pointer: usize,
    block: Option<BlockInfo>,
    function: &str,
    by: Option<Origin>,
) {
    let mut defect = Defect::new(kind, pointer);
    defect.block = block;
    defect.function = function;
    defect.given.by = by;
    defect.trace = Trace::capture();
    checked::report(&defect);
}

/// The size of a live block of `by`, as it was asked for; 0 for null, and after a report.
pub(super) fn size_of_live(pointer: *const c_void, by: Origin, function: &str) -> usize {
    if pointer.is_null() {
        return 0;
    }
    let block = checked::lookup(map::strip(pointer.addr()));
    let size = checked::size_of(pointer.cast());
    let kind = match (&block, size) {
        (Some(block), Some(size)) if block.origin == by => return size,
        (Some(_), Some(_)) => DefectKind::WrongAllocator,
        (Some(block), None) if !block.is_live() => DefectKind::UseAfterFree,
        (Some(_), None) => DefectKind::BadFree(BadFree::Interior),
        (None, _) => DefectKind::BadFree(BadFree::Foreign),
    };
    wrong(kind, pointer.addr(), block, function, Some(by));
    0
}

/// The shadow of a range, which is empty when not all of it is the program's memory.
fn shadow(start: usize, len: usize) -> *mut [u8] {
    let inside = checked::is_enabled() && map::in_arena(start) && map::ARENA_END - start >= len;
    let first = core::ptr::with_exposed_provenance_mut(start + map::SHADOW_OFFSET);
    core::ptr::slice_from_raw_parts_mut(first, if inside { len } else { 0 })
}

/// Which of the bytes of a range were never written; empty when all were.
pub(super) fn unwritten_bytes(start: usize, len: usize) -> Vec<bool> {
    // SAFETY: the shadow of the program's memory is mapped, and only one thread runs
    // code that changes it.
    let shadow = unsafe { &*shadow(start, len) };
    match shadow.iter().any(|byte| byte & map::UNWRITTEN != 0) {
        true => shadow.iter().map(|byte| byte & map::UNWRITTEN != 0).collect(),
        false => Vec::new(),
    }
}

/// Has the bytes of a range count as never written; those that must not be touched stay
/// so.
pub(super) fn mark_unwritten(range: Range<usize>) {
    // SAFETY: as in `unwritten_bytes`.
    let shadow = unsafe { &mut *shadow(range.start, range.len()) };
    for byte in shadow.iter_mut().filter(|byte| **byte & map::POISON == 0) {
        *byte |= map::UNWRITTEN;
    }
}
