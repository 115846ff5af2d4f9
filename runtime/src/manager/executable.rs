//! Code memory: allocated from the manager with `Executable`, written, sealed.
//!
//! Memory is never writable and executable at once. A range begins readable and
//! writable; [`seal`] makes it readable and executable and flushes the
//! instruction cache; [`unseal`] goes back, for memory to be freed or rewritten.

use super::{CapabilityFlags, get_instance};
use crate::os::{self, Protection, limit};
use crate::size;
use core::alloc::Layout;
use core::ptr::NonNull;

/// The layout of `size` bytes in whole OS pages.
fn pages(size: usize) -> Option<Layout> {
    let bytes = os::round_to_pages(size.max(1))?;
    Layout::from_size_align(bytes, os::page_size()).ok()
}

/// Allocates `size` bytes of code memory, rounded up to whole OS pages,
/// readable and writable, zeroed by the heap's manager. `None` when there is no
/// memory or the manager has no code memory. It does not count as memory that the
/// program holds.
pub fn allocate(size: usize) -> Option<NonNull<u8>> {
    let pages = pages(size)?;
    // A program that has used up its memory can still be replaced by another.
    NonNull::new(limit::uncounted(|| get_instance().allocate(CapabilityFlags::Executable, pages)))
}

/// Makes whole OS pages of code memory executable and no longer writable. False
/// when the OS refuses; then the pages are as before.
///
/// # Safety
///
/// `start..start + size` lies in code memory of [`allocate`], `start` on an OS
/// page; nobody writes to its pages, including the last one's rest, until they
/// are unsealed.
pub unsafe fn seal(start: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the caller's word.
    let sealed = unsafe { protect(start, size, Protection::ReadExecute) };
    if sealed {
        get_instance().flush_instruction_cache(start.as_ptr(), size);
    }
    sealed
}

/// Makes sealed pages writable again and no longer executable.
///
/// # Safety
///
/// As for [`seal`], and no thread is executing or will execute the range.
pub unsafe fn unseal(start: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the caller's word.
    unsafe { protect(start, size, Protection::ReadWrite) }
}

/// # Safety
///
/// The range lies in code memory and begins on an OS page.
unsafe fn protect(start: NonNull<u8>, size: usize, protection: Protection) -> bool {
    if !size::is_aligned(start.as_ptr() as usize, os::page_size()) {
        return false;
    }
    match os::round_to_pages(size) {
        Some(0) => true,
        // SAFETY: whole OS pages of the caller's code memory.
        Some(bytes) => unsafe { os::protect(start.as_ptr(), bytes, protection) },
        None => false,
    }
}

/// Gives code memory back, sealed or not.
///
/// # Safety
///
/// `start` and `size` are those of one call of [`allocate`]; no thread is
/// executing or will execute the range.
pub unsafe fn free(start: NonNull<u8>, size: usize) {
    let Some(layout) = pages(size) else { return };
    // SAFETY: the caller's word. Managers expect their blocks back writable.
    unsafe {
        unseal(start, layout.size());
        get_instance().deallocate(start.as_ptr(), layout);
    }
}
