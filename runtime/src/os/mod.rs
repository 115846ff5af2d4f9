//! The OS layer: address space, protection, time and hooks, one file per system.
//!
//! Nothing above this folder calls the OS for memory. Each function's contract
//! is written here once; the two system files implement it under the same name.
//!
//! | function | before | after |
//! | --- | --- | --- |
//! | `page_size()` | – | the OS page size in bytes, a power of two |
//! | `map(size, align)` | `size` a non-zero multiple of the OS page, `align` a power of two | `size` zeroed read-write bytes at a multiple of `align` and of the OS page, or null |
//! | `unmap(ptr, size)` | a whole mapping of `map` or `remap` | the range is no longer mapped |
//! | `trim(ptr, size, start, len)` | `start..start + len` is what to keep of the mapping `ptr..ptr + size`, in OS pages | the rest may be given back; true when it was |
//! | `remap(ptr, old, new, align)` | a whole mapping | the mapping is `new` bytes long, perhaps elsewhere, contents kept, new bytes zero; null changes nothing |
//! | `remap_in_place(ptr, old, new)` | a whole mapping | as `remap`, at the same address; false changes nothing |
//! | `discard(ptr, size)` | OS pages of a mapping | the memory goes back; true: the bytes read as zero |
//! | `prefer_huge(ptr, size, huge)` | OS pages of a mapping | the system may use huge pages there, or shall not; false: as before |
//! | `protect(ptr, size, p)` | OS pages of a mapping | false: nothing changed that matters |
//! | `pin`, `unpin` | OS pages of a mapping | resident until unpinned; false: refused |
//! | `reserve_at(start, size)` | whole OS pages | the range is zeroed read-write memory, not counted until it is touched; false: nothing changed |
//! | `metadata(size)` | `size` non-zero | zeroed, 64-aligned bytes that are never given back, or null |
//! | `now_ms()` | – | a coarse clock that never goes back |
//! | `sleep_ms(ms)` | – | so much time has passed |
//! | `start_helper(work)` | no lock of ours is held | `work()` runs in a thread without a heap, detached and without signals; false: it does not |
//! | `prepare_barriers()` | – | whether `barrier_in_all_threads()` works from now on |
//! | `random()` | – | a number nobody can foresee |
//! | `is_off(name)` | – | whether a variable of the environment is `0` |
//! | `at_thread_exit(f, value)` | – | `f(value)` runs when this thread ends, after the language's own destructors |
//! | `at_fork(before, parent, child)` | – | the three run around every `fork` |
//!
//! [`limit`] counts what the runtime holds of what it mapped, and can limit it.
//!
//! None of these allocates from the heap, except that registering a hook may
//! re-enter `malloc` where the C library does so.

pub mod limit;
#[cfg(all(test, unix))]
pub(crate) mod refusals;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;
#[cfg(unix)]
mod unix_process;
#[cfg(unix)]
pub use unix_process::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

use core::sync::atomic::{AtomicUsize, Ordering};

/// What may be done with a range of OS pages. Never written and executed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing at all.
    None,
    /// Read and write.
    ReadWrite,
    /// Read and execute.
    ReadExecute,
}

/// The OS page size in bytes, asked for once.
pub fn page_size() -> usize {
    static CACHED: AtomicUsize = AtomicUsize::new(0);
    match CACHED.load(Ordering::Relaxed) {
        0 => {
            let size = query_page_size();
            CACHED.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

/// The page size that `VEX_TEST_PAGE_SIZE` tells a test to pretend, a multiple of the
/// system's own.
#[cfg(all(test, unix))]
fn pretended_page_size() -> Option<usize> {
    let size = std::env::var("VEX_TEST_PAGE_SIZE").ok()?.parse::<usize>().ok()?;
    (size.is_power_of_two() && size >= 4096).then_some(size)
}

/// Faults in tests when an address or a size is not in whole OS pages, which a system
/// with pages of that size would refuse.
#[inline]
fn check_pages(address: usize, size: usize) {
    debug_assert!((address | size).is_multiple_of(page_size()), "{address:#x}, {size:#x}: not whole pages");
}

/// `size` rounded up to whole OS pages, or `None` when that wraps.
pub fn round_to_pages(size: usize) -> Option<usize> {
    crate::size::align_up(size, page_size())
}

/// Makes instructions written to `ptr..ptr + size` visible to execution.
///
/// A no-op where the hardware keeps the caches coherent (x86).
pub fn flush_instruction_cache(ptr: *mut u8, size: usize) {
    if !ptr.is_null() && size != 0 {
        flush_instructions(ptr, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_zeroed_aligned_and_writable() {
        let page = page_size();
        assert!(page.is_power_of_two() && page >= 4096);
        #[cfg(unix)]
        assert!(pretended_page_size().is_none_or(|pretended| pretended == page));
        for align in [page, 1 << 20, 1 << 26] {
            let size = 4 * page;
            let ptr = map(size, align);
            assert!(!ptr.is_null());
            assert_eq!(ptr as usize % align, 0);
            // SAFETY: `map` gave `size` readable and writable bytes, and the
            // whole mapping goes back once.
            unsafe {
                assert!((0..size).all(|i| *ptr.add(i) == 0));
                ptr.write_bytes(0xA5, size);
                assert!(discard(ptr, page));
                assert_eq!((*ptr, *ptr.add(page)), (0, 0xA5));
                unmap(ptr, size);
            }
        }
    }

    #[test]
    fn absurd_requests_fail_without_harm() {
        let huge = (usize::MAX / 2) & !(page_size() - 1);
        assert!(map(huge, 1 << 22).is_null());
        assert!(map(page_size(), 1 << 62).is_null());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn remap_keeps_contents_and_alignment() {
        let (page, align) = (page_size(), 1 << 22);
        let ptr = map(page * 2, align);
        assert!(!ptr.is_null());
        // SAFETY: every access is inside the mapping as it is at that point.
        unsafe {
            *ptr.add(page * 2 - 1) = 77;
            let moved = remap(ptr, page * 2, 64 << 20, align);
            assert!(!moved.is_null());
            assert_eq!(moved as usize % align, 0);
            assert_eq!((*moved.add(page * 2 - 1), *moved.add(page * 2)), (77, 0));
            let back = remap(moved, 64 << 20, page, align);
            assert_eq!(back, moved);
            unmap(back, page);
        }
    }
}
