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
use crate::sync::Lock;
use core::ffi::c_void;
use core::ptr::null_mut;
use std::collections::BTreeMap;

/// The alignment of blocks asked for with alignment 0.
const DEFAULT_ALIGN: usize = 16;

/// The request for a block.
fn request(size: usize, align: usize) -> Request<'static> {
    Request { size, align, zeroed: false, origin: Origin::Xila, trace: Trace::capture(), reason: None }
}

/// Blocks that are page-locked, with their sizes.
static PINNED: Lock<BTreeMap<usize, usize>> = Lock::new(BTreeMap::new());

/// Page-locks a block if it is there; false when the system refuses.
fn pin(block: *mut u8, size: usize) -> bool {
    let start = map::strip(block.addr());
    // SAFETY: a live block; locking changes nothing that the program sees.
    let pinned = !block.is_null()
        && unsafe { libc::mlock(core::ptr::with_exposed_provenance::<c_void>(start), size) } == 0;
    if pinned {
        PINNED.lock().insert(start, size);
    }
    pinned
}

/// Whether a block was page-locked; it is not any more.
fn unpin(block: *mut c_void) -> bool {
    let start = map::strip(block.addr());
    let Some(size) = PINNED.lock().remove(&start) else { return false };
    // SAFETY: memory of the program's. Other blocks on the same pages lose nothing that
    // the program could see.
    unsafe { libc::munlock(core::ptr::with_exposed_provenance::<c_void>(start), size) };
    true
}

/// Allocates a block with capabilities.
fn allocate(function: &str, capabilities: CapabilityFlags, size: usize, align: usize) -> *mut c_void {
    let block = checked::allocate_as(&request(size, align));
    if capabilities.contains(CapabilityFlags::DirectMemoryAccess) && !pin(block, size) {
        checked::deallocate(block, &Release::new(Origin::Xila, function, Trace::capture()));
        return null_mut();
    }
    block.cast()
}

/// Frees a block.
fn free(pointer: *mut c_void, release: &Release<'_>) {
    if checked::deallocate(pointer.cast(), release) {
        unpin(pointer);
    }
}

/// Moves a block, which keeps its capabilities and gets those asked for.
fn resize(
    pointer: *mut c_void,
    capabilities: CapabilityFlags,
    request: &Request<'_>,
    release: &Release<'_>,
) -> *mut c_void {
    let moved = checked::reallocate(pointer.cast(), request, release);
    if !moved.is_null() {
        let pinned = unpin(pointer) || capabilities.contains(CapabilityFlags::DirectMemoryAccess);
        // The old block is gone, so the program goes on with this one in any case.
        let _ = pinned && pin(moved, request.size);
    }
    moved.cast()
}

/// The capabilities; `None` when one of them is unknown.
fn flags(capabilities: u8) -> Option<CapabilityFlags> {
    CapabilityFlags::from_bits(capabilities)
}

twins! {
    fn xila_manager_allocate(capabilities: u8, wanted: Layout) -> *mut c_void {
        match (flags(capabilities), crate::alloc::request(wanted)) {
            (Some(capabilities), Some((size, align))) => {
                allocate(NAME, capabilities, size, align)
            }
            _ => null_mut(),
        }
    }

    fn xila_manager_deallocate(pointer: *mut c_void, layout: Layout) {
        free(pointer, &release(Origin::Xila, NAME, layout));
    }

    fn xila_manager_reallocate(
        capabilities: u8, pointer: *mut c_void, old: Layout, new_size: usize
    ) -> *mut c_void {
        let (Some(capabilities), Some(size)) = (flags(capabilities), unsigned(NAME, new_size)) else {
            return null_mut();
        };
        let align = size::align_from_signed(old.align).unwrap_or(1);
        match pointer.is_null() {
            true => allocate(NAME, capabilities, size, align),
            false => resize(pointer, capabilities, &request(size, align), &release(Origin::Xila, NAME, old)),
        }
    }

    fn xila_memory_allocate(
        hint: *mut c_void, size: usize, alignment: usize, capabilities: u8
    ) -> *mut c_void {
        let _ = hint;
        let align = if alignment == 0 { DEFAULT_ALIGN } else { alignment };
        match (flags(capabilities), unsigned(NAME, size)) {
            (Some(capabilities), Some(size)) if size::is_alignment(align) => {
                allocate(NAME, capabilities, size, align)
            }
            _ => null_mut(),
        }
    }

    fn xila_memory_deallocate(pointer: *mut c_void) {
        free(pointer, &Release::new(Origin::Xila, NAME, Trace::capture()));
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
            free(pointer, &release);
            return null_mut();
        }
        resize(pointer, CapabilityFlags::empty(), &request, &release)
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
