//! Twins of the Mem prelude's allocation functions, and of the C library's for programs
//! that declare them.

use super::support::{plain, size_of_live, unsigned, unsigned_of, writable};
use super::twins;
use crate::checked::{self, Origin, Release, Request, Trace};
use crate::size;
use core::ffi::c_void;
use core::ptr::null_mut;

/// The alignment of blocks of functions that take none.
const DEFAULT_ALIGN: usize = 16;

fn allocate(function: &str, size: usize, zeroed: bool, origin: Origin) -> *mut c_void {
    match unsigned(function, size) {
        Some(size) => checked::allocate(size, DEFAULT_ALIGN, zeroed, origin, Trace::capture()).cast(),
        None => null_mut(),
    }
}

/// A count and a size that overflow are what the function is there to notice, negative
/// numbers among them.
fn array(count: usize, size: usize, origin: Origin) -> *mut c_void {
    match size::array(count, size) {
        Some(bytes) => checked::allocate(bytes, DEFAULT_ALIGN, true, origin, Trace::capture()).cast(),
        None => null_mut(),
    }
}

fn aligned(function: &str, align: usize, size: usize, origin: Origin) -> *mut c_void {
    match unsigned(function, size) {
        Some(size) if size::is_alignment(align) => {
            checked::allocate(size, align, false, origin, Trace::capture()).cast()
        }
        _ => null_mut(),
    }
}

fn resize(function: &str, ptr: *mut c_void, size: usize, origin: Origin) -> *mut c_void {
    let trace = Trace::capture();
    let release = Release::new(origin, function, trace);
    let Some(size) = unsigned_of(function, size, ptr) else { return null_mut() };
    if ptr.is_null() {
        return allocate(function, size, false, origin);
    }
    if size == 0 {
        checked::deallocate(ptr.cast(), &release);
        return null_mut();
    }
    let request = Request { size, align: DEFAULT_ALIGN, zeroed: false, origin, trace, reason: None };
    checked::reallocate(ptr.cast(), &request, &release).cast()
}

fn free(function: &str, ptr: *mut c_void, by: Origin) {
    checked::deallocate(ptr.cast(), &Release::new(by, function, Trace::capture()));
}

/// Whether a block is the C library's own: what C functions gave the program.
fn is_c_block(ptr: *mut c_void) -> bool {
    !ptr.is_null() && checked::map::is_foreign(ptr.addr())
}

twins! {
    fn vex_malloc(size: usize) -> *mut c_void {
        allocate(NAME, size, false, Origin::Vex)
    }

    fn vex_calloc(count: usize, size: usize) -> *mut c_void {
        array(count, size, Origin::Vex)
    }

    fn vex_realloc(ptr: *mut c_void, size: usize) -> *mut c_void {
        resize(NAME, ptr, size, Origin::Vex)
    }

    fn vex_free(ptr: *mut c_void) {
        free(NAME, ptr, Origin::Vex)
    }

    fn vex_malloc_usable_size(ptr: *mut c_void) -> usize {
        size_of_live(ptr, Origin::Vex, NAME)
    }

    fn vex_aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        aligned(NAME, alignment, size, Origin::Vex)
    }

    // A block is as long as it was asked for, so none grows where it is.
    fn vex_resize_in_place(ptr: *mut c_void, size: usize) -> bool {
        size_of_live(ptr, Origin::Vex, NAME) == size && !ptr.is_null()
    }

    fn malloc(size: usize) -> *mut c_void {
        allocate(NAME, size, false, Origin::Libc)
    }

    fn calloc(count: usize, size: usize) -> *mut c_void {
        array(count, size, Origin::Libc)
    }

    fn realloc(ptr: *mut c_void, size: usize) -> *mut c_void {
        match is_c_block(ptr) {
            true => libc::realloc(ptr, size),
            false => resize(NAME, ptr, size, Origin::Libc),
        }
    }

    fn reallocarray(ptr: *mut c_void, count: usize, size: usize) -> *mut c_void {
        match size::array(count, size) {
            Some(bytes) if is_c_block(ptr) => libc::realloc(ptr, bytes),
            Some(bytes) => resize(NAME, ptr, bytes, Origin::Libc),
            None => null_mut(),
        }
    }

    fn free(ptr: *mut c_void) {
        match is_c_block(ptr) {
            true => libc::free(ptr),
            false => super::free(NAME, ptr, Origin::Libc),
        }
    }

    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        aligned(NAME, alignment, size, Origin::Libc)
    }

    fn memalign(alignment: usize, size: usize) -> *mut c_void {
        aligned(NAME, alignment, size, Origin::Libc)
    }

    fn posix_memalign(out: *mut *mut c_void, alignment: usize, size: usize) -> i32 {
        let legal = size::is_alignment(alignment) && alignment >= size_of::<usize>();
        let Some(out) = writable(out.cast(), size_of::<usize>(), NAME) else {
            return libc::EINVAL;
        };
        if !legal {
            return libc::EINVAL;
        }
        let block = aligned(NAME, alignment, size, Origin::Libc);
        if block.is_null() {
            return libc::ENOMEM;
        }
        out.cast::<*mut c_void>().write_unaligned(block);
        0
    }

    fn malloc_usable_size(ptr: *mut c_void) -> usize {
        match is_c_block(ptr) {
            true => libc::malloc_usable_size(plain(ptr)),
            false => size_of_live(ptr, Origin::Libc, NAME),
        }
    }
}
