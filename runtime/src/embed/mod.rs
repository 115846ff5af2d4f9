//! For whoever embeds the heap: what a library, a game, a server or a code generator
//! wants to ask of its allocator and to tell it, in C's terms.
//!
//! | file | what |
//! | --- | --- |
//! | `heaps` | first-class heaps: `vex_heap_*` |
//! | `info` | version, figures, limit, trim, resizing in place, faults |
//! | `fast_path` | taking and giving blocks without a call |
//! | `symbols` | what generated code can call: names, addresses, signatures |
//!
//! Rust programs use [`crate::heap`] directly; of this module, [`symbols`] is for them
//! too. A structure that functions here fill in may become longer: its size is an
//! argument, and what a caller has no room for is not written.

pub mod fast_path;
pub mod heaps;
pub mod info;
pub mod symbols;

/// Copies as much of `value` to `out` as `bytes` has room for, in whole bytes, and
/// returns how long it is.
///
/// # Safety
///
/// `bytes` bytes at `out` are writable, or `out` is null.
unsafe fn give<T: Copy>(value: &T, out: *mut T, bytes: usize) -> usize {
    if !out.is_null() {
        let from = (&raw const *value).cast::<u8>();
        // SAFETY: the caller's word; both ranges are no longer than `T`, and `value` is ours.
        unsafe { core::ptr::copy_nonoverlapping(from, out.cast::<u8>(), bytes.min(size_of::<T>())) };
    }
    size_of::<T>()
}
