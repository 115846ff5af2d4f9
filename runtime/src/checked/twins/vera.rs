//! Twins of VERA's primitives, on which `vera:memory` is built, and of its C functions.

use super::twins;
use crate::checked::{self, Origin, Release, Trace};
use crate::size;
use core::ffi::c_void;
use core::ptr::null_mut;

/// The alignment of `allocate`; another one is that of `allocate_aligned`.
const DEFAULT_ALIGN: i64 = 8;

/// Which of the two functions a block with this alignment is from.
fn origin(align: i64) -> Origin {
    if align == DEFAULT_ALIGN { Origin::Vera } else { Origin::VeraAligned }
}

/// Null for sizes and alignments that no block has, negative ones among them: programs
/// may ask for such to be refused.
fn allocate(size: i64, align: i64) -> *mut c_void {
    match (size::from_signed(size), size::align_from_signed(align)) {
        (Some(size), Some(alignment)) => {
            checked::allocate(size, alignment, false, origin(align), Trace::capture()).cast()
        }
        _ => null_mut(),
    }
}

fn free(function: &str, addr: *mut c_void, size: i64, align: i64) {
    let release = Release {
        size: Some(i128::from(size)),
        align: Some(i128::from(align)),
        ..Release::new(origin(align), function, Trace::capture())
    };
    checked::deallocate(addr.cast(), &release);
}

twins! {
    fn __vera_sys_alloc(size: i64, align: i64) -> *mut c_void {
        allocate(size, align)
    }

    fn __vera_sys_free(addr: *mut c_void, size: i64, align: i64) {
        free(NAME, addr, size, align)
    }

    fn vera_allocate(size: i64) -> *mut c_void {
        allocate(size, DEFAULT_ALIGN)
    }

    fn vera_allocate_aligned(size: i64, align: i64) -> *mut c_void {
        allocate(size, align)
    }

    fn vera_free(addr: *mut c_void, size: i64) {
        free(NAME, addr, size, DEFAULT_ALIGN)
    }

    fn vera_free_aligned(addr: *mut c_void, size: i64, align: i64) {
        free(NAME, addr, size, align)
    }
}
