//! What the language's `xila/memory` calls: the manager itself, by layout.

use super::{CapabilityFlags, get_instance};
use crate::layout::Layout;
use crate::size;
use core::ffi::c_void;
use core::ptr::null_mut;

/// The layout as Rust has it; `None` for a negative size or a bad alignment.
fn checked(layout: Layout) -> Option<core::alloc::Layout> {
    let (size, align) = (size::from_signed(layout.size)?, size::align_from_signed(layout.align)?);
    core::alloc::Layout::from_size_align(size, align).ok()
}

crate::exports! {
    group Xila;

    /// Allocates a block of the manager with the given capabilities (1:
    /// executable, 2: direct memory access).
    ///
    /// Null when there is no memory, the layout describes no block, or a
    /// capability is unknown or cannot be met.
    pub fn xila_manager_allocate(capabilities: u8, layout: Layout) -> *mut c_void {
        match (CapabilityFlags::from_bits(capabilities), checked(layout)) {
            (Some(capabilities), Some(layout)) => get_instance().allocate(capabilities, layout).cast(),
            _ => null_mut(),
        }
    }

    /// Gives a block of the manager back, allocated with this layout. Null and a
    /// layout that describes no block are ignored.
    pub fn xila_manager_deallocate(pointer: *mut c_void, layout: Layout) {
        if let Some(layout) = checked(layout) {
            // SAFETY: the caller passes null or a live block with its layout.
            unsafe { get_instance().deallocate(pointer.cast(), layout) }
        }
    }

    /// Resizes a block of the manager to `new_size` bytes at its old alignment,
    /// keeping its contents; the result has the given capabilities. A null
    /// `pointer` allocates. Null: it failed, and the old block stays.
    pub fn xila_manager_reallocate(
        capabilities: u8,
        pointer: *mut c_void,
        old: Layout,
        new_size: usize,
    ) -> *mut c_void {
        match (CapabilityFlags::from_bits(capabilities), checked(old)) {
            (Some(capabilities), Some(old)) if new_size <= size::MAX_SIZE => {
                // SAFETY: the caller passes null or a live block with its layout.
                unsafe { get_instance().reallocate(capabilities, pointer.cast(), old, new_size).cast() }
            }
            _ => null_mut(),
        }
    }

    /// Bytes in live blocks of the manager.
    pub fn xila_manager_get_used() -> usize {
        get_instance().get_used()
    }

    /// Bytes the manager holds that are not in live blocks.
    pub fn xila_manager_get_free() -> usize {
        get_instance().get_free()
    }

    /// All bytes the manager holds: used and free.
    pub fn xila_manager_get_total_size() -> usize {
        get_instance().get_total_size()
    }

    /// Bytes in an OS page.
    pub fn xila_manager_get_page_size() -> usize {
        get_instance().get_page_size()
    }

    /// Makes instructions written to `size` bytes at `pointer` visible to
    /// execution. Null is ignored.
    pub fn xila_manager_flush_instruction_cache(pointer: *mut c_void, size: usize) {
        get_instance().flush_instruction_cache(pointer.cast(), size)
    }

    /// Writes cached data at `pointer`, `size` bytes, back to memory for
    /// devices. Null is ignored.
    pub fn xila_manager_flush_data_cache(pointer: *mut c_void, size: usize) {
        get_instance().flush_data_cache(pointer.cast(), size)
    }
}
