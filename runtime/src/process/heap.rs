//! The heap as the process's manager.

use super::{Family, ProcessAllocator};
use crate::heap::{self, Figures};

/// The heap's row.
pub const FAMILY: Family = Family { name: "heap", sized: false, create: |_| Some(&HEAP) };

/// The heap; all its state is in [`crate::heap`].
pub struct Heap;

/// The one instance.
pub static HEAP: Heap = Heap;

// SAFETY: the heap keeps every promise of the trait; its own tests show it.
unsafe impl ProcessAllocator for Heap {
    fn name(&self) -> &'static str {
        FAMILY.name
    }

    fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        heap::allocate(size, align)
    }

    fn allocate_zeroed(&self, size: usize, align: usize) -> *mut u8 {
        heap::allocate_zeroed(size, align)
    }

    unsafe fn deallocate(&self, block: *mut u8) {
        // SAFETY: the caller's word.
        unsafe { heap::deallocate(block) }
    }

    unsafe fn reallocate(&self, block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        unsafe { heap::reallocate(block, new_size, align) }
    }

    unsafe fn usable_size(&self, block: *mut u8) -> usize {
        // SAFETY: the caller's word.
        unsafe { heap::usable_size(block) }
    }

    fn figures(&self) -> Figures {
        heap::figures()
    }
}
