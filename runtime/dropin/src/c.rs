//! `malloc` and its family.

use core::ptr::null_mut;
use vex_runtime::heap;
use vex_runtime::size;

/// The alignment of every block: that of C's `max_align_t`.
const ALIGN: usize = 16;

/// Sets `errno`.
#[cold]
fn set_errno(code: i32) {
    // SAFETY: libc keeps one per thread, at an address that is always valid.
    unsafe { *libc::__errno_location() = code }
}

/// Passes a block on; for a null one, says in `errno` that memory ran out.
#[inline]
fn or_enomem(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        set_errno(libc::ENOMEM);
    }
    block
}

/// Null, with this `errno`.
#[cold]
fn refuse(code: i32) -> *mut u8 {
    set_errno(code);
    null_mut()
}

/// C's `malloc`: `size` bytes at a multiple of 16, also for a size of 0. Null and
/// `ENOMEM` when there is no memory or the size is absurd.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut u8 {
    or_enomem(heap::allocate(size, ALIGN))
}

/// C's `calloc`: `count * size` bytes, all zero. Null and `ENOMEM` also when the
/// product is too large.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
    match size::array(count, size) {
        Some(bytes) => or_enomem(heap::allocate_zeroed(bytes, ALIGN)),
        None => refuse(libc::ENOMEM),
    }
}

/// C's `free`; keeps `errno`.
///
/// # Safety
///
/// `block` is null or a live block, which nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut u8) {
    // SAFETY: the caller's word.
    unsafe { heap::deallocate(block) }
}

/// C's `realloc`. Of null, `malloc`; to a size of 0, `free`, and null. Null and
/// `ENOMEM` when there is no memory: then the old block stays.
///
/// # Safety
///
/// `block` is null or a live block; after success only the returned address is
/// valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        return malloc(size);
    }
    if size == 0 {
        // SAFETY: the caller's word.
        unsafe { free(block) };
        return null_mut();
    }
    // SAFETY: the caller's word, and the block is not null.
    or_enomem(unsafe { heap::reallocate(block, size, ALIGN) })
}

/// `realloc` to `count * size` bytes; null and `ENOMEM`, and the old block stays,
/// also when the product is too large.
///
/// # Safety
///
/// As for [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8 {
    match size::array(count, size) {
        // SAFETY: the caller's word.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => refuse(libc::ENOMEM),
    }
}

/// `size` bytes at a multiple of `align`, which glibc rounds up to a power of two.
/// Null and `EINVAL` when that is impossible, `ENOMEM` when there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut u8 {
    match align.checked_next_power_of_two() {
        Some(align) => or_enomem(heap::allocate(size, align.max(ALIGN))),
        None => refuse(libc::EINVAL),
    }
}

/// C's `aligned_alloc`: null and `EINVAL` unless `align` is a power of two. The
/// size need not be a multiple of it.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut u8 {
    match size::is_alignment(align) {
        true => memalign(align, size),
        false => refuse(libc::EINVAL),
    }
}

/// POSIX's `posix_memalign`: 0, `EINVAL` or `ENOMEM`, and `*out` only changes with 0. Keeps `errno`.
///
/// # Safety
///
/// `out` is a writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut u8, align: usize, size: usize) -> i32 {
    if !size::is_alignment(align) || !align.is_multiple_of(size_of::<*mut u8>()) {
        return libc::EINVAL;
    }
    let block = heap::allocate(size, align.max(ALIGN));
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's word.
    unsafe { out.write(block) };
    0
}

/// `size` bytes at the start of an OS page.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut u8 {
    memalign(heap::page_size(), size)
}

/// As [`valloc`], and the size is rounded up to whole OS pages.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut u8 {
    let page = heap::page_size();
    match size::align_up(size.max(1), page) {
        Some(size) => memalign(page, size),
        None => refuse(libc::ENOMEM),
    }
}

/// The bytes of a block that may be used, at least those asked for; 0 for null.
///
/// # Safety
///
/// `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *const u8) -> usize {
    // SAFETY: the caller's word.
    unsafe { heap::usable_size(block) }
}

/// Gives back to the OS what the calling thread's heap can spare; always 1.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> i32 {
    heap::collect();
    1
}

/// Other names of `free`, whose further arguments the heap needs not.
macro_rules! frees {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),*);)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// As for [`free`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(block: *mut u8 $(, $argument: usize)*) {
            // SAFETY: the caller's word.
            unsafe { heap::deallocate(block) }
        }
    )*};
}

frees! {
    /// The name of `free` before it was standardised.
    cfree();
    /// C23's `free` of a block from `malloc`, with the size asked for.
    free_sized(_size);
    /// C23's `free` of a block from `aligned_alloc`, with what was asked for.
    free_aligned_sized(_align, _size);
    /// glibc's own name of `free`.
    __libc_free();
    /// glibc's own name of `cfree`.
    __libc_cfree();
}

/// glibc's own name of `malloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_malloc(size: usize) -> *mut u8 {
    or_enomem(heap::allocate(size, ALIGN))
}

/// glibc's own name of `calloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_calloc(count: usize, size: usize) -> *mut u8 {
    calloc(count, size)
}

/// glibc's own name of `realloc`.
///
/// # Safety
///
/// As for [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_realloc(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's word.
    unsafe { realloc(block, size) }
}

/// glibc's own name of `reallocarray`.
///
/// # Safety
///
/// As for [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8 {
    // SAFETY: the caller's word.
    unsafe { reallocarray(block, count, size) }
}

/// glibc's own name of `memalign`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_memalign(align: usize, size: usize) -> *mut u8 {
    memalign(align, size)
}

/// glibc's own name of `valloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_valloc(size: usize) -> *mut u8 {
    valloc(size)
}

/// glibc's own name of `pvalloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_pvalloc(size: usize) -> *mut u8 {
    pvalloc(size)
}

/// glibc's own name of `posix_memalign`.
///
/// # Safety
///
/// As for [`posix_memalign`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __posix_memalign(out: *mut *mut u8, align: usize, size: usize) -> i32 {
    // SAFETY: the caller's word.
    unsafe { posix_memalign(out, align, size) }
}
