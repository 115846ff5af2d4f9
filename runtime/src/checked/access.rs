//! What generated code calls when its own check of an access finds something, and for
//! what it does not check itself.

use super::heap::HEAP;
use super::judge::Touch;
use super::map::{WHAT_ALIGN_SHIFT, WHAT_BYTES, WHAT_INTEGER, WHAT_UNWRITTEN_OK, WHAT_WRITE};
use super::tags::entry_of;
use super::{blocks, copy};
use crate::abi::{AbiTy, Address, Export, Group};
use crate::checked_stub;
use core::ffi::c_void;
use core::sync::atomic::AtomicUsize;

/// See [`super::lowest_stack_tag_cell`].
pub(super) static LOWEST_STACK_TAG: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The access that a `what` describes.
#[inline]
fn touch(pointer: usize, base: usize, len: usize, what: u64) -> Touch<'static> {
    Touch {
        pointer,
        base,
        len,
        write: what & WHAT_WRITE != 0,
        align: 1 << (what >> WHAT_ALIGN_SHIFT & 31),
        unwritten_ok: what & WHAT_UNWRITTEN_OK != 0,
        integer: what & WHAT_INTEGER != 0,
        function: "",
    }
}

crate::exports! {
    group Builtin;

    /// Decides on an access of `what` bytes at `p` through a pointer made of `base`,
    /// and returns the address to access: `p` without its tag when it is fine or
    /// foreign, else, if the program goes on, memory that it can do no harm in.
    pub fn vexrt_checked_access(p: *mut c_void, base: *mut c_void, what: u64) -> *mut c_void {
        touch(p.addr(), base.addr(), (what & WHAT_BYTES) as usize, what).settle().cast()
    }

    /// Checks `n` bytes at `p` for reading or writing, and returns the address to access,
    /// as `vexrt_checked_access` does. Bytes that will be written count as written.
    pub fn vexrt_checked_range(p: *mut c_void, n: usize, what: u64) -> *mut c_void {
        super::settle_range(&touch(p.addr(), p.addr(), n, what)).cast()
    }

    /// Copies `n` bytes, which may overlap, and which of them were never written. Of
    /// `what` only the alignment matters.
    pub fn vexrt_checked_copy(dst: *mut c_void, src: *mut c_void, n: usize, what: u64) {
        let source = touch(src.addr(), src.addr(), n, what & !WHAT_WRITE | WHAT_UNWRITTEN_OK);
        copy::copy(&touch(dst.addr(), dst.addr(), n, what | WHAT_WRITE), &source);
    }

    /// The pointer that an integer is: with the tag of the object that it lies in.
    pub fn vexrt_checked_adopt(address: i64) -> *mut c_void {
        super::adopt(address as usize).cast()
    }

    /// A pointer for a function in C: without its tag, and all of its block counts as
    /// written, since that function may write it.
    pub fn vexrt_checked_expose(p: *mut c_void) -> *mut c_void {
        core::ptr::with_exposed_provenance_mut(copy::expose(p.addr()))
    }

    /// Ends the variables below `frame_end`, whose function returns.
    pub fn vexrt_checked_leave(frame_end: usize) {
        HEAP.lock().leave(frame_end);
    }

    /// Ends the variable in the `size` bytes at `start`, whose block of the source ends.
    pub fn vexrt_checked_end(start: usize, size: usize) {
        HEAP.lock().leave_range(start, size);
    }
}

/// A pointer to the `size` bytes at `p` that cannot reach beyond them. It is dead when the
/// object that `p` points at is.
pub(super) unsafe extern "C" fn narrow(p: *mut c_void, size: usize) -> *mut c_void {
    if let Some(tag) = blocks::tag_in(p.addr())
        && entry_of(tag).size == size
    {
        // All of its object, or nothing of it.
        return p;
    }
    let narrowed = HEAP.lock().narrow(p.addr(), size);
    narrowed.map_or(p, |narrowed| narrowed.cast())
}

checked_stub! { fn vexrt_checked_narrow => narrow }

/// The row of [`narrow`], which is entered through a stub: where a pointer to a variable
/// was made is told with it.
pub static NARROW: &[Export] = &[Export {
    symbol: "vexrt_checked_narrow",
    doc: " A pointer to the `size` bytes at `p` that cannot reach beyond them.\n",
    params: &[("p", AbiTy::Ptr), ("size", AbiTy::Usize)],
    ret: AbiTy::Ptr,
    addr: Address(vexrt_checked_narrow as *const u8),
    managed: Address(vexrt_checked_narrow as *const u8),
    group: Group::Builtin,
}];
