//! What the twins share: ranges of the program's, sizes as it wrote them, and reports.

use crate::checked::judge::Touch;
use crate::checked::{self, BadFree, BlockInfo, Defect, DefectKind, Given, Origin, Release, Trace, map};
use crate::layout::Layout;
use crate::size;
use core::ffi::c_void;
use core::ops::Range;

/// The first size that is absurd: more bytes than a program has addresses, most often a
/// negative number.
const ABSURD: usize = 1 << 47;

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
    let reached = match len {
        // No bytes are fine anywhere.
        0 => return Some(plain(pointer.cast::<u8>().cast_mut())),
        1..=map::ARENA_BYTES => touch(pointer, len, write, unwritten_ok, function).settle(),
        _ => checked::check_range(pointer.cast(), len, write, unwritten_ok, function),
    };
    // After a report it is some other place.
    (reached.addr() == map::strip(pointer.addr())).then_some(reached)
}

/// The access of a function to a range of the program's.
pub(super) fn touch(
    pointer: *const c_void,
    len: usize,
    write: bool,
    unwritten_ok: bool,
    function: &str,
) -> Touch<'_> {
    let pointer = pointer.addr();
    // An address without a tag belongs to the block that it lies in, and the range must
    // not leave it, were it for a live neighbour. What has no colour is no block.
    let integer = map::in_arena(pointer) && checked::is_enabled() && {
        // SAFETY: the shadow of the program's memory is mapped.
        let shadow = unsafe { *core::ptr::with_exposed_provenance::<u8>(pointer + map::SHADOW_OFFSET) };
        shadow & (map::COLOUR_MASK | map::POISON) != 0
    };
    Touch { pointer, base: pointer, len, write, align: 1, unwritten_ok, integer, function }
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

/// Reports a size that cannot have been meant, of what `pointer` points to if that is
/// not null.
#[cold]
pub(super) fn bad_size(function: &str, size: i128, pointer: *const c_void) {
    let mut defect = Defect::new(DefectKind::BadSize, pointer.addr());
    defect.block = if pointer.is_null() { None } else { checked::lookup(defect.address) };
    defect.function = function;
    defect.given = Given { size: Some(size), ..Given::default() };
    defect.trace = Trace::capture();
    checked::report(&defect);
}

/// A size of a function that takes unsigned ones; `None` after the report that it was a
/// negative number or absurd. A large size is only a request that fails.
pub(super) fn unsigned(function: &str, size: usize) -> Option<usize> {
    unsigned_of(function, size, core::ptr::null())
}

/// As [`unsigned`], of a function that does something with what `pointer` points to.
pub(super) fn unsigned_of(function: &str, size: usize, pointer: *const c_void) -> Option<usize> {
    if size >= ABSURD {
        bad_size(function, i128::from(size as i64), pointer);
        return None;
    }
    Some(size)
}

/// A count of a bulk operation; `None` after the report that it is negative.
pub(super) fn count(function: &str, count: i64, pointer: *const c_void) -> Option<usize> {
    if count < 0 {
        bad_size(function, i128::from(count), pointer);
    }
    size::from_signed(count)
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

/// Has the bytes of a range count as never written; those that must not be touched stay
/// so.
pub(super) fn mark_unwritten(range: Range<usize>) {
    // SAFETY: the shadow of the program's memory is mapped, and no other reference to it
    // is in use.
    let shadow = unsafe { &mut *shadow(range.start, range.len()) };
    for byte in shadow.iter_mut().filter(|byte| **byte & map::POISON == 0) {
        *byte |= map::UNWRITTEN;
    }
}
