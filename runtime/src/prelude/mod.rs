//! What every program can call without an import, and `vera:memory` for C.
//!
//! The functions that allocate are compiled twice from one body: over [`Heap`],
//! a direct call, and over [`Selected`], which asks for the process's manager.

pub mod alloc;
pub mod ops;
pub mod vera;
pub mod vera_ops;
pub mod vera_sys;

use crate::{heap, process};

/// The alignment of blocks of functions that take none.
const DEFAULT_ALIGN: usize = 16;

/// Where the functions of this folder get their blocks.
trait Source {
    fn allocate(size: usize, align: usize) -> *mut u8;
    fn allocate_zeroed(size: usize, align: usize) -> *mut u8;
    /// # Safety
    /// `block` is null or a live block of this source.
    unsafe fn deallocate(block: *mut u8);
    /// # Safety
    /// `block` is a live block of this source, not null.
    unsafe fn reallocate(block: *mut u8, new_size: usize, align: usize) -> *mut u8;
    /// # Safety
    /// `block` is null or a live block of this source.
    unsafe fn usable_size(block: *mut u8) -> usize;
}

/// The heap, called directly.
struct Heap;

/// Whatever the process selected.
struct Selected;

macro_rules! source {
    ($name:ident, $module:ident) => {
        impl Source for $name {
            #[inline]
            fn allocate(size: usize, align: usize) -> *mut u8 {
                $module::allocate(size, align)
            }

            #[inline]
            fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
                $module::allocate_zeroed(size, align)
            }

            #[inline]
            unsafe fn deallocate(block: *mut u8) {
                // SAFETY: the caller's word.
                unsafe { $module::deallocate(block) }
            }

            #[inline]
            unsafe fn reallocate(block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
                // SAFETY: the caller's word.
                unsafe { $module::reallocate(block, new_size, align) }
            }

            #[inline]
            unsafe fn usable_size(block: *mut u8) -> usize {
                // SAFETY: the caller's word.
                unsafe { $module::usable_size(block) }
            }
        }
    };
}

source!(Heap, heap);
source!(Selected, process);

#[cfg(test)]
mod tests {
    use super::alloc::*;
    use super::ops::*;
    use super::vera::*;
    use super::vera_ops::*;
    use super::vera_sys::*;
    use core::ffi::c_void;
    use core::ptr::null_mut;

    /// Addresses of a twin and its original, to run one test over both.
    fn both<F: Copy>(symbol: &str) -> [F; 2] {
        [false, true].map(|managed| {
            let address = crate::abi::address(symbol, managed).expect("exported");
            // SAFETY: every caller names the symbol's own type; both are pointers.
            unsafe { core::mem::transmute_copy::<*const u8, F>(&address) }
        })
    }

    #[test]
    fn the_prelude_keeps_its_promises() {
        type Malloc = unsafe extern "C" fn(usize) -> *mut c_void;
        type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
        type Calloc = unsafe extern "C" fn(usize, usize) -> *mut c_void;
        let (mallocs, reallocs, callocs) =
            (both::<Malloc>("vex_malloc"), both::<Realloc>("vex_realloc"), both::<Calloc>("vex_calloc"));
        for ((malloc, realloc), calloc) in mallocs.into_iter().zip(reallocs).zip(callocs) {
            // SAFETY: every block is live when used and freed once.
            unsafe {
                let (a, b) = (malloc(0), malloc(0));
                assert!(!a.is_null() && !b.is_null() && a != b);
                vex_free(b);
                assert!(realloc(a, 0).is_null());
                let p = realloc(null_mut(), 100);
                assert!(vex_malloc_usable_size(p) >= 100 && (p as usize).is_multiple_of(16));
                vex_memset(p, 0x141, 100);
                let p = realloc(p, 100_000);
                assert_eq!(*p.cast::<u8>().add(99), 0x41);
                assert!(realloc(p, usize::MAX).is_null());
                vex_free(p);
                vex_free(null_mut());
                assert!(malloc(usize::MAX).is_null());
                assert!(calloc(usize::MAX, 2).is_null() && calloc(1 << 32, 1 << 32).is_null());
                let z = calloc(10, 10);
                assert!(core::slice::from_raw_parts(z.cast::<u8>(), 100).iter().all(|byte| *byte == 0));
                vex_free(z);
                let none = calloc(0, 8);
                assert!(!none.is_null());
                vex_free(none);
                assert_eq!(vex_malloc_usable_size(null_mut()), 0);
            }
        }
    }

    #[test]
    fn alignments_are_powers_of_two_or_refused() {
        // SAFETY: every block is freed once.
        unsafe {
            for bad in [0, 3, 24, usize::MAX] {
                assert!(vex_aligned_alloc(bad, 64).is_null());
            }
            for shift in 0..22 {
                let p = vex_aligned_alloc(1 << shift, 100);
                assert_eq!(p as usize % (1 << shift), 0);
                vex_free(p);
                let p = __vera_sys_alloc(100, 1 << shift);
                assert_eq!(p as usize % (1 << shift), 0);
                __vera_sys_free(p, 100, 1 << shift);
            }
            for (size, align) in [(-1, 8), (8, 3), (8, 0), (8, -8), (i64::MIN, i64::MIN)] {
                assert!(__vera_sys_alloc(size, align).is_null());
                assert!(vera_allocate_aligned(size, align).is_null());
            }
        }
    }

    #[test]
    fn memory_operations_return_what_c_returns() {
        let (mut a, b) = (*b"abcdefgh", *b"abcdefgz");
        let (pa, pb) = (a.as_mut_ptr().cast::<c_void>(), b.as_ptr().cast::<c_void>());
        // SAFETY: all ranges lie in the two arrays.
        unsafe {
            assert!(vex_memcmp(pa, pb, 8) < 0 && vex_memcmp(pb, pa, 8) > 0);
            assert_eq!(vex_memcmp(pa, pb, 7), 0);
            assert_eq!(vex_memmove(pa.add(2), pa, 6), pa.add(2));
            assert_eq!(vex_memcpy(pa, pb, 2), pa);
            assert_eq!(vex_memset(pa.add(7), 0x121, 1), pa.add(7));
            vera_set_memory(pa.add(6), -1, 1);
            vera_zero_memory(pa, 1);
            vera_copy_memory(pa.add(1), pb.add(7), 1);
        }
        assert_eq!(&a, b"\0zabcd\xff!");
    }

    #[test]
    fn vera_blocks_come_and_go() {
        // SAFETY: every block is freed once, also with a wrong size.
        unsafe {
            let p = vera_allocate(0);
            assert!(!p.is_null());
            vera_free(p, 0);
            vera_free(null_mut(), 0);
            assert!(vera_allocate(-1).is_null());
            let p = vera_allocate_aligned(1000, 256);
            vera_free_aligned(p, 7, 3);
        }
    }
}
