//! The heap as a manager, with and without the process's choice in front.

use super::{CapabilityFlags, ManagerTrait};
use crate::heap::{self, large};
use crate::process;
use core::alloc::Layout;
use core::ptr::NonNull;

/// The heap: plain blocks by size class, blocks with capabilities on OS pages of
/// their own. `Executable` memory starts readable and writable and is sealed by
/// [`super::executable`]; `DirectMemoryAccess` memory is page-locked.
pub struct HeapManager;

/// The heap's one instance.
pub static HEAP: HeapManager = HeapManager;

fn flags(capabilities: CapabilityFlags) -> u8 {
    let mut flags = large::PLAIN;
    if capabilities.contains(CapabilityFlags::Executable) {
        flags |= large::EXECUTABLE;
    }
    if capabilities.contains(CapabilityFlags::DirectMemoryAccess) {
        flags |= large::PINNED;
    }
    flags
}

// SAFETY: the heap keeps the promises; blocks with capabilities have their own
// pages, and pinning that fails makes the allocation fail.
unsafe impl ManagerTrait for HeapManager {
    unsafe fn allocate(&self, capabilities: CapabilityFlags, layout: Layout) -> Option<NonNull<u8>> {
        // Unknown capabilities cannot be met.
        CapabilityFlags::from_bits(capabilities.bits())?;
        NonNull::new(match flags(capabilities) {
            large::PLAIN => heap::allocate(layout.size(), layout.align()),
            flags => heap::allocate_own_pages(layout.size(), layout.align(), flags),
        })
    }

    unsafe fn deallocate(&self, pointer: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's word.
        unsafe { heap::deallocate_sized(pointer.as_ptr(), layout.size(), layout.align()) }
    }

    unsafe fn reallocate(
        &self,
        capabilities: CapabilityFlags,
        pointer: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word.
        let has = unsafe { heap::flags_of(pointer.as_ptr()) };
        let wants = flags(capabilities);
        if wants & !has == 0 {
            // SAFETY: the caller's word; the heap keeps a block's capabilities.
            return NonNull::new(unsafe { heap::reallocate(pointer.as_ptr(), new_size, layout.align()) });
        }
        let moved = NonNull::new(heap::allocate_own_pages(new_size, layout.align(), wants | has))?;
        // SAFETY: two live blocks, both at least that long; the old one is the
        // caller's to give up.
        unsafe {
            moved.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
            heap::deallocate(pointer.as_ptr());
        }
        Some(moved)
    }

    fn get_used(&self) -> usize {
        heap::figures().used
    }

    fn get_free(&self) -> usize {
        heap::figures().free
    }

    fn get_total_size(&self) -> usize {
        heap::figures().total
    }
}

/// The process's manager: plain blocks come from the allocator the process
/// selected, blocks with capabilities from the heap. The figures are those of
/// the selected allocator.
pub struct ProcessManager;

/// The process manager's one instance.
pub static PROCESS: ProcessManager = ProcessManager;

impl ProcessManager {
    /// Whether the heap serves a block: it always does unless another allocator
    /// was selected, and then for blocks with capabilities.
    ///
    /// # Safety
    ///
    /// `pointer` is a live block of this manager.
    unsafe fn is_heaps(&self, pointer: NonNull<u8>) -> bool {
        // SAFETY: the caller's word; for blocks of other allocators the heap
        // finds none of its headers, or that of the buffer, which is plain.
        process::selected().is_none() || unsafe { heap::flags_of(pointer.as_ptr()) } != large::PLAIN
    }
}

// SAFETY: both allocators keep the promises, and blocks are told apart by their
// header, which only the heap's own pages have.
unsafe impl ManagerTrait for ProcessManager {
    unsafe fn allocate(&self, capabilities: CapabilityFlags, layout: Layout) -> Option<NonNull<u8>> {
        if !capabilities.is_empty() {
            // SAFETY: the layout is valid.
            return unsafe { HEAP.allocate(capabilities, layout) };
        }
        NonNull::new(process::allocate(layout.size(), layout.align()))
    }

    unsafe fn deallocate(&self, pointer: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's word.
        unsafe {
            if self.is_heaps(pointer) {
                HEAP.deallocate(pointer, layout)
            } else {
                process::deallocate(pointer.as_ptr())
            }
        }
    }

    unsafe fn reallocate(
        &self,
        capabilities: CapabilityFlags,
        pointer: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word.
        unsafe {
            if self.is_heaps(pointer) {
                return HEAP.reallocate(capabilities, pointer, layout, new_size);
            }
            if capabilities.is_empty() {
                return NonNull::new(process::reallocate(pointer.as_ptr(), new_size, layout.align()));
            }
        }
        let new_layout = Layout::from_size_align(new_size, layout.align()).ok()?;
        // SAFETY: the layout is valid; two live blocks, both at least that long;
        // the old one is the caller's to give up.
        unsafe {
            let moved = HEAP.allocate(capabilities, new_layout)?;
            moved.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
            process::deallocate(pointer.as_ptr());
            Some(moved)
        }
    }

    fn get_used(&self) -> usize {
        process::figures().used
    }

    fn get_free(&self) -> usize {
        process::figures().free
    }

    fn get_total_size(&self) -> usize {
        process::figures().total
    }
}
