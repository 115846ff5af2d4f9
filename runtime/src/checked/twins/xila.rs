//! Twins of the manager of `xila/memory`, and of Xila's C ABI.
//!
//! Memory with capabilities is the checked heap's, too: it begins readable and writable
//! as any executable memory does, and what devices access is page-locked.

use super::support::{readable, release, unsigned};
use super::twins;
use crate::checked::{self, Origin, Release, Request, Trace, map};
use crate::layout::Layout;
use crate::manager::CapabilityFlags;
use crate::size;
use core::ffi::c_void;
use core::ptr::null_mut;

/// The alignment of blocks asked for with alignment 0.
const DEFAULT_ALIGN: usize = 16;

/// The request for a block.
fn request(size: usize, align: usize) -> Request<'static> {
    Request { size, align, zeroed: false, origin: Origin::Xila, trace: Trace::capture(), reason: None }
}

/// Page-locks a block if its capabilities ask for that; gives it back when that fails.
fn locked(block: *mut u8, size: usize, capabilities: CapabilityFlags, function: &str) -> *mut c_void {
    if block.is_null() || !capabilities.contains(CapabilityFlags::DirectMemoryAccess) {
        return block.cast();
    }
    let start = core::ptr::with_exposed_provenance::<c_void>(map::strip(block.addr()));
    // SAFETY: the block is live; locking changes nothing that the program sees.
    if unsafe { libc::mlock(start, size) } == 0 {
        return block.cast();
    }
    checked::deallocate(block, &Release::new(Origin::Xila, function, Trace::capture()));
    null_mut()
}

/// The capabilities; `None` when one of them is unknown.
fn flags(capabilities: u8) -> Option<CapabilityFlags> {
    CapabilityFlags::from_bits(capabilities)
}

twins! {
    fn xila_manager_allocate(capabilities: u8, wanted: Layout) -> *mut c_void {
        match (flags(capabilities), crate::alloc::request(wanted)) {
            (Some(capabilities), Some((size, align))) => {
                locked(checked::allocate_as(&request(size, align)), size, capabilities, NAME)
            }
            _ => null_mut(),
        }
    }

    fn xila_manager_deallocate(pointer: *mut c_void, layout: Layout) {
        checked::deallocate(pointer.cast(), &release(Origin::Xila, NAME, layout));
    }

    fn xila_manager_reallocate(
        capabilities: u8, pointer: *mut c_void, old: Layout, new_size: usize
    ) -> *mut c_void {
        let (Some(capabilities), Some(size)) = (flags(capabilities), unsigned(NAME, new_size)) else {
            return null_mut();
        };
        let align = size::align_from_signed(old.align).unwrap_or(1);
        let request = request(size, align);
        let block = match pointer.is_null() {
            true => checked::allocate_as(&request),
            false => checked::reallocate(pointer.cast(), &request, &release(Origin::Xila, NAME, old)),
        };
        locked(block, size, capabilities, NAME)
    }

    fn xila_memory_allocate(
        hint: *mut c_void, size: usize, alignment: usize, capabilities: u8
    ) -> *mut c_void {
        let _ = hint;
        let align = if alignment == 0 { DEFAULT_ALIGN } else { alignment };
        match (flags(capabilities), unsigned(NAME, size)) {
            (Some(capabilities), Some(size)) if size::is_alignment(align) => {
                locked(checked::allocate_as(&request(size, align)), size, capabilities, NAME)
            }
            _ => null_mut(),
        }
    }

    fn xila_memory_deallocate(pointer: *mut c_void) {
        checked::deallocate(pointer.cast(), &Release::new(Origin::Xila, NAME, Trace::capture()));
    }

    fn xila_memory_reallocate(pointer: *mut c_void, size: usize) -> *mut c_void {
        let Some(size) = unsigned(NAME, size) else { return null_mut() };
        let block = checked::lookup(map::strip(pointer.addr()));
        let align = block.map_or(DEFAULT_ALIGN, |block| block.align);
        let request = request(size, align);
        let release = Release::new(Origin::Xila, NAME, request.trace);
        if pointer.is_null() {
            return checked::allocate_as(&request).cast();
        }
        if size == 0 {
            checked::deallocate(pointer.cast(), &release);
            return null_mut();
        }
        checked::reallocate(pointer.cast(), &request, &release).cast()
    }

    fn xila_manager_flush_instruction_cache(pointer: *mut c_void, size: usize) {
        if !pointer.is_null() && let Some(start) = readable(pointer, size, true, NAME) {
            crate::manager::get_instance().flush_instruction_cache(start.cast_mut(), size);
        }
    }

    fn xila_manager_flush_data_cache(pointer: *mut c_void, size: usize) {
        if !pointer.is_null() && let Some(start) = readable(pointer, size, true, NAME) {
            crate::manager::get_instance().flush_data_cache(start.cast_mut(), size);
        }
    }
}
