//! kmem as the process's manager: the program's own allocations come from the
//! buffer of kmem and show in its figures under one reason.

use super::{Family, ProcessAllocator};
use crate::alloc::kmem::{self, Refusal};
use crate::fault;
use crate::heap::Figures;
use core::ptr::{NonNull, null_mut};

/// kmem's row.
pub const FAMILY: Family = Family {
    name: "kmem",
    sized: true,
    create: |capacity| {
        let ready = kmem::configure(capacity) && kmem::prepare();
        if ready { Some(&KMEM) } else { None }
    },
};

/// The reason of everything allocated through the process's manager.
pub const REASON: &str = "program heap";

/// kmem; all its state is in [`crate::alloc::kmem`].
pub struct Kmem;

/// The one instance.
pub static KMEM: Kmem = Kmem;

fn granted<T>(result: Result<T, Refusal>) -> T {
    result.unwrap_or_else(|refusal| fault!(BadPointer, "{refusal}"))
}

// SAFETY: kmem's blocks are disjoint and live until released, 16-aligned at
// least, with their exact size on record; its lock admits one thread at a time.
unsafe impl ProcessAllocator for Kmem {
    fn name(&self) -> &'static str {
        FAMILY.name
    }

    fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        kmem::try_allocate(size, align, REASON).map_or(null_mut(), NonNull::as_ptr)
    }

    fn allocate_zeroed(&self, size: usize, align: usize) -> *mut u8 {
        // Every block of kmem is zeroed.
        self.allocate(size, align)
    }

    unsafe fn deallocate(&self, block: *mut u8) {
        granted(kmem::try_release(block.addr()));
    }

    unsafe fn usable_size(&self, block: *mut u8) -> usize {
        granted(kmem::try_size_of(block.addr())) as usize
    }

    fn figures(&self) -> Figures {
        let ((total, _), usage) = (kmem::occupancy(), kmem::total());
        let used = usage.bytes as usize;
        Figures { used, free: total.saturating_sub(used), total, blocks: usage.blocks as usize }
    }
}
