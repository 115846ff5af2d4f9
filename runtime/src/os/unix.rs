//! Linux and macOS: `mmap` and its family. Contracts are in the parent module; time,
//! threads and processes are in `unix_process`.

use super::Protection;
#[cfg(test)]
use super::refusals::{Call, refused};
use core::ffi::c_void;
use core::ptr::null_mut;

/// Puts `errno` back as it was when dropped: `free` must not change it, whatever
/// the OS says to the calls it makes.
pub(super) struct KeptErrno(i32);

impl KeptErrno {
    fn place() -> *mut i32 {
        // SAFETY: no preconditions; the place is the thread's own and always valid.
        unsafe {
            #[cfg(target_os = "linux")]
            return libc::__errno_location();
            #[cfg(not(target_os = "linux"))]
            return libc::__error();
        }
    }

    pub(super) fn new() -> KeptErrno {
        // SAFETY: see `place`.
        KeptErrno(unsafe { *KeptErrno::place() })
    }
}

impl Drop for KeptErrno {
    fn drop(&mut self) {
        // SAFETY: see `place`.
        unsafe { *KeptErrno::place() = self.0 }
    }
}

pub(super) fn query_page_size() -> usize {
    #[cfg(test)]
    if let Some(size) = super::pretended_page_size() {
        return size;
    }
    // SAFETY: `sysconf` has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
}

/// Maps anonymous memory at an address of the kernel's choice; null on failure.
fn map_anywhere(size: usize, protection: i32) -> *mut u8 {
    #[cfg(test)]
    if refused(Call::Map) {
        return null_mut();
    }
    let _errno = KeptErrno::new();
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: an anonymous mapping at no fixed address touches nothing existing.
    let ptr = unsafe { libc::mmap(null_mut(), size, protection, flags, -1, 0) };
    if ptr == libc::MAP_FAILED { null_mut() } else { ptr.cast() }
}

fn map_with(size: usize, align: usize, protection: i32) -> *mut u8 {
    super::check_pages(0, size);
    // Only a system whose pages are pretended maps at other addresses.
    let align = align.max(super::page_size());
    let ptr = map_anywhere(size, protection);
    if ptr.is_null() || (ptr as usize).is_multiple_of(align) {
        // The kernel packs mappings, so after one aligned mapping the next of
        // the same size is usually aligned as well.
        return ptr;
    }
    // SAFETY: just mapped, and nobody has seen it.
    unsafe { give_up(ptr, size) };
    let Some(padded) = size.checked_add(align) else { return null_mut() };
    let whole = map_anywhere(padded, protection);
    if whole.is_null() {
        return null_mut();
    }
    let skip = (whole as usize).wrapping_neg() & (align - 1);
    // SAFETY: `skip + size <= padded`, so the kept part lies inside.
    unsafe {
        let kept = whole.add(skip);
        for (start, len) in [(whole, skip), (kept.add(size), padded - skip - size)] {
            if len != 0 {
                give_up(start, len);
            }
        }
        kept
    }
}

/// Maps `size` zeroed read-write bytes at a multiple of `align`; null on failure.
pub fn map(size: usize, align: usize) -> *mut u8 {
    map_with(size, align, libc::PROT_READ | libc::PROT_WRITE)
}

/// Gives a mapping back.
///
/// # Safety
///
/// `ptr..ptr + size` must be whole OS pages of a mapping nobody uses any more.
pub unsafe fn unmap(ptr: *mut u8, size: usize) {
    super::check_pages(ptr as usize, size);
    // SAFETY: the caller's word.
    unsafe { give_up(ptr, size) }
}

/// As [`unmap`], in pages of the kernel's.
///
/// # Safety
///
/// As there.
unsafe fn give_up(ptr: *mut u8, size: usize) {
    #[cfg(test)]
    if refused(Call::Unmap) {
        return;
    }
    let _errno = KeptErrno::new();
    // SAFETY: the caller gives the range up. A failure (the kernel's limit on
    // the number of mappings) leaves the range mapped, which wastes and is safe.
    unsafe { libc::munmap(ptr.cast(), size) };
}

/// Gives back what lies around `start..start + len` of a mapping.
///
/// # Safety
///
/// The kept range must lie inside the mapping `ptr..ptr + size`, all in whole
/// OS pages, and nobody may use the rest any more.
pub unsafe fn trim(ptr: *mut u8, size: usize, start: *mut u8, len: usize) -> bool {
    let head = start as usize - ptr as usize;
    let tail = size - head - len;
    // SAFETY: both ranges are inside the mapping and outside what is kept.
    unsafe {
        if head != 0 {
            unmap(ptr, head);
        }
        if tail != 0 {
            unmap(start.add(len), tail);
        }
    }
    true
}

/// Changes the size of a mapping where it is; false, and nothing changed, when that
/// cannot be done.
///
/// # Safety
///
/// `ptr..ptr + old` must be a whole mapping.
#[cfg(target_os = "linux")]
pub unsafe fn remap_in_place(ptr: *mut u8, old: usize, new: usize) -> bool {
    super::check_pages(ptr as usize | old, new);
    #[cfg(test)]
    if refused(Call::Remap) {
        return false;
    }
    // SAFETY: without MAYMOVE the mapping stays where it is or nothing happens.
    unsafe { libc::mremap(ptr.cast(), old, new, 0) != libc::MAP_FAILED }
}

/// Only Linux can resize a mapping: always false.
///
/// # Safety
///
/// None is needed; the signature is the shared one.
#[cfg(not(target_os = "linux"))]
pub unsafe fn remap_in_place(_ptr: *mut u8, _old: usize, _new: usize) -> bool {
    false
}

/// Changes the size of a mapping, moving it if it must; null when it cannot.
///
/// # Safety
///
/// `ptr..ptr + old` must be a whole mapping; after success only the returned
/// address may be used.
#[cfg(target_os = "linux")]
pub unsafe fn remap(ptr: *mut u8, old: usize, new: usize, align: usize) -> *mut u8 {
    super::check_pages(ptr as usize | old, new);
    // SAFETY: the caller's word.
    if unsafe { remap_in_place(ptr, old, new) } {
        return ptr;
    }
    let target = map_with(new, align, libc::PROT_NONE);
    if target.is_null() {
        return null_mut();
    }
    #[cfg(test)]
    if refused(Call::Remap) {
        // SAFETY: the reservation was never used.
        unsafe { unmap(target, new) };
        return null_mut();
    }
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: `target` is a fresh mapping of ours, so replacing it harms nobody.
    let moved = unsafe { libc::mremap(ptr.cast(), old, new, flags, target.cast::<c_void>()) };
    if moved == libc::MAP_FAILED {
        // SAFETY: the reservation was never used.
        unsafe { unmap(target, new) };
        return null_mut();
    }
    moved.cast()
}

/// Only Linux can resize a mapping: always null.
///
/// # Safety
///
/// None is needed; the signature is the shared one.
#[cfg(not(target_os = "linux"))]
pub unsafe fn remap(_ptr: *mut u8, _old: usize, _new: usize, _align: usize) -> *mut u8 {
    null_mut()
}

/// Gives the memory behind OS pages back and keeps their addresses; true when
/// the bytes now read as zero.
///
/// # Safety
///
/// `ptr..ptr + size` must be whole OS pages of a read-write mapping whose
/// contents nobody needs.
pub unsafe fn discard(ptr: *mut u8, size: usize) -> bool {
    super::check_pages(ptr as usize, size);
    #[cfg(test)]
    if refused(Call::Discard) {
        return false;
    }
    let _errno = KeptErrno::new();
    // On Linux DONTNEED drops anonymous pages at once and they come back zeroed.
    #[cfg(target_os = "linux")]
    // SAFETY: the caller gives the contents up.
    return unsafe { libc::madvise(ptr.cast(), size, libc::MADV_DONTNEED) } == 0;
    // Elsewhere the advice promises nothing about contents; mapping fresh pages
    // over the old ones does.
    #[cfg(not(target_os = "linux"))]
    {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range is a mapping of ours whose contents are given up.
        let ptr = unsafe { libc::mmap(ptr.cast(), size, protection, flags, -1, 0) };
        ptr != libc::MAP_FAILED
    }
}

/// Asks for huge pages in a range, or for none; false when the system has no such wish.
///
/// # Safety
///
/// `ptr..ptr + size` must be whole OS pages of a mapping of the caller's.
pub unsafe fn prefer_huge(_ptr: *mut u8, _size: usize, _huge: bool) -> bool {
    super::check_pages(_ptr as usize, _size);
    #[cfg(target_os = "linux")]
    {
        let _errno = KeptErrno::new();
        let advice = if _huge { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
        // SAFETY: the advice changes no contents.
        unsafe { libc::madvise(_ptr.cast(), _size, advice) == 0 }
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Changes what may be done with OS pages; false when the OS refuses.
///
/// # Safety
///
/// `ptr..ptr + size` must be whole OS pages of a mapping of the caller's.
pub unsafe fn protect(ptr: *mut u8, size: usize, protection: Protection) -> bool {
    super::check_pages(ptr as usize, size);
    #[cfg(test)]
    if refused(Call::Protect) {
        return false;
    }
    let bits = match protection {
        Protection::None => libc::PROT_NONE,
        Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        Protection::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
    };
    // SAFETY: the caller owns the pages.
    unsafe { libc::mprotect(ptr.cast(), size, bits) == 0 }
}

/// Keeps OS pages resident; false when the OS refuses (`RLIMIT_MEMLOCK`).
///
/// # Safety
///
/// As for [`protect`].
pub unsafe fn pin(ptr: *mut u8, size: usize) -> bool {
    super::check_pages(ptr as usize, size);
    #[cfg(test)]
    if refused(Call::Pin) {
        return false;
    }
    // SAFETY: the pages are mapped.
    unsafe { libc::mlock(ptr.cast(), size) == 0 }
}

/// Undoes [`pin`].
///
/// # Safety
///
/// As for [`protect`].
pub unsafe fn unpin(ptr: *mut u8, size: usize) {
    super::check_pages(ptr as usize, size);
    // SAFETY: the pages are mapped.
    unsafe { libc::munlock(ptr.cast(), size) };
}

/// Reserves `size` bytes of addresses at `start`, zeroed and usable as they are touched,
/// which count for nothing until then and are left out of core dumps; false, and nothing
/// changed, when something is there or the system has a limit.
#[cfg(target_os = "linux")]
pub fn reserve_at(start: usize, size: usize) -> bool {
    super::check_pages(start, size);
    #[cfg(test)]
    if refused(Call::Map) {
        return false;
    }
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    let wanted = core::ptr::without_provenance_mut::<c_void>(start);
    // SAFETY: NOREPLACE touches nothing that exists.
    let ptr = unsafe { libc::mmap(wanted, size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if ptr == libc::MAP_FAILED {
        return false;
    }
    if ptr != wanted {
        // A kernel that does not know the flag has put it elsewhere.
        // SAFETY: just mapped, and nobody has seen it.
        unsafe { libc::munmap(ptr, size) };
        return false;
    }
    // Others find the memory by its addresses.
    ptr.expose_provenance();
    // SAFETY: the advice changes no contents.
    unsafe { libc::madvise(ptr, size, libc::MADV_DONTDUMP) };
    true
}

/// Only Linux can reserve addresses without a risk: always false.
#[cfg(not(target_os = "linux"))]
pub fn reserve_at(_start: usize, _size: usize) -> bool {
    false
}

/// Zeroed memory for bookkeeping that is never given back; null on failure.
pub fn metadata(size: usize) -> *mut u8 {
    match super::round_to_pages(size) {
        Some(size) => map(size, 64),
        None => null_mut(),
    }
}

pub(super) fn flush_instructions(_ptr: *mut u8, _size: usize) {
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
    {
        unsafe extern "C" {
            /// The compiler runtime's cache maintenance routine.
            fn __clear_cache(start: *mut c_void, end: *mut c_void);
        }
        // SAFETY: it only maintains caches for the range.
        unsafe { __clear_cache(_ptr.cast(), _ptr.add(_size).cast()) };
    }
}
