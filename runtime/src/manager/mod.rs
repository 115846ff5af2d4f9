//! The allocation contract of the Xila memory document, and its implementations.
//!
//! A manager hands out memory by capability and layout. The final program picks
//! one with [`instantiate_memory_manager!`](crate::instantiate_memory_manager!),
//! and everything else reaches it through [`get_instance`], without knowing
//! which it is.
//!
//! | file | what |
//! | --- | --- |
//! | `heap` | the heap as a manager, and the process's manager over it |
//! | `executable` | code memory: written, then sealed |
//! | `abi` | the C ABI: layout in front of the block, one mutex |
//! | `module` | what the language's `xila/memory` calls |

pub mod abi;
pub mod executable;
mod heap;
pub mod module;

#[cfg(test)]
mod tests;

pub use heap::{HEAP, HeapManager, PROCESS, ProcessManager};

use bitflags::bitflags;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

bitflags! {
    /// What memory must be able to do beyond being read and written.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct CapabilityFlags: u8 {
        /// It can be made executable; it shares its OS pages with no other block.
        const Executable = 1;
        /// Devices may access it: it stays where it is in physical memory.
        const DirectMemoryAccess = 2;
    }
}

/// The contract of an allocator that can back everything else.
///
/// # Safety
///
/// Blocks are live until deallocated, disjoint, and of the layout asked for. A
/// manager that cannot meet a capability returns `None` rather than a block
/// without it. No method unwinds, and none allocates through Rust's global
/// allocator, which may be the manager itself.
pub unsafe trait ManagerTrait: Send + Sync {
    /// Allocates a block with the capabilities; contents undefined. `None` when
    /// there is no memory or a capability cannot be met. A size of 0 gets a block.
    ///
    /// # Safety
    ///
    /// None beyond the layout's own validity; unsafe so that an implementation
    /// may rely on being called through [`Manager`].
    unsafe fn allocate(&self, capabilities: CapabilityFlags, layout: Layout) -> Option<NonNull<u8>>;

    /// Gives a block back.
    ///
    /// # Safety
    ///
    /// `pointer` is a live block of this manager, allocated with `layout`.
    unsafe fn deallocate(&self, pointer: NonNull<u8>, layout: Layout);

    /// Resizes a block to `new_size` bytes at the old alignment, keeping the
    /// contents up to the smaller size; the result has the capabilities given.
    /// `None`: the old block stays as it is.
    ///
    /// # Safety
    ///
    /// `pointer` is a live block of this manager, allocated with `layout`; after
    /// success only the returned block is.
    unsafe fn reallocate(
        &self,
        capabilities: CapabilityFlags,
        pointer: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> Option<NonNull<u8>> {
        let new_layout = Layout::from_size_align(new_size, layout.align()).ok()?;
        // SAFETY: the layout is valid; the old block is live with `layout`, the
        // two are distinct, and the old one is the caller's to give up.
        unsafe {
            let moved = self.allocate(capabilities, new_layout)?;
            moved.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
            self.deallocate(pointer, layout);
            Some(moved)
        }
    }

    /// Bytes in live blocks.
    fn get_used(&self) -> usize;

    /// Bytes held but not in live blocks.
    fn get_free(&self) -> usize;

    /// All bytes held: used and free.
    fn get_total_size(&self) -> usize {
        self.get_used() + self.get_free()
    }

    /// Makes instructions written to `address..address + size` visible to
    /// execution. By default what the processor needs, nothing on x86.
    fn flush_instruction_cache(&self, address: NonNull<u8>, size: usize) {
        crate::os::flush_instruction_cache(address.as_ptr(), size);
    }

    /// Writes cached data back to memory for devices. By default nothing: the
    /// processors this runs on keep devices coherent.
    fn flush_data_cache(&self, _address: NonNull<u8>, _size: usize) {}

    /// Bytes in an OS page.
    fn get_page_size(&self) -> usize {
        crate::os::page_size()
    }
}

/// A manager as callers see it: null in, nothing happens; null out, it failed.
#[derive(Clone, Copy)]
pub struct Manager<'a>(&'a dyn ManagerTrait);

impl<'a> Manager<'a> {
    /// Wraps a manager.
    pub const fn new(manager: &'a dyn ManagerTrait) -> Manager<'a> {
        Manager(manager)
    }

    /// Allocates a block; null on failure. See [`ManagerTrait::allocate`].
    pub fn allocate(&self, capabilities: CapabilityFlags, layout: Layout) -> *mut u8 {
        // SAFETY: a `Layout` is valid, and this is the way in.
        let block = unsafe { self.0.allocate(capabilities, layout) };
        block.map_or(null_mut(), NonNull::as_ptr)
    }

    /// Gives a block back; null is ignored.
    ///
    /// # Safety
    ///
    /// `pointer` is null or a live block of this manager, allocated with `layout`.
    pub unsafe fn deallocate(&self, pointer: *mut u8, layout: Layout) {
        if let Some(pointer) = NonNull::new(pointer) {
            // SAFETY: the caller's word, and not null.
            unsafe { self.0.deallocate(pointer, layout) }
        }
    }

    /// Resizes a block; null allocates. Null comes back on failure, and then the
    /// old block stays. See [`ManagerTrait::reallocate`].
    ///
    /// # Safety
    ///
    /// `pointer` is null or a live block of this manager, allocated with
    /// `layout`; after success only the returned block is.
    pub unsafe fn reallocate(
        &self,
        capabilities: CapabilityFlags,
        pointer: *mut u8,
        layout: Layout,
        new_size: usize,
    ) -> *mut u8 {
        let block = match NonNull::new(pointer) {
            // SAFETY: the caller's word, and not null.
            Some(pointer) => unsafe { self.0.reallocate(capabilities, pointer, layout, new_size) },
            None => match Layout::from_size_align(new_size, layout.align()) {
                // SAFETY: the layout is valid.
                Ok(layout) => unsafe { self.0.allocate(capabilities, layout) },
                Err(_) => None,
            },
        };
        block.map_or(null_mut(), NonNull::as_ptr)
    }

    /// Bytes in live blocks.
    pub fn get_used(&self) -> usize {
        self.0.get_used()
    }

    /// Bytes held but not in live blocks.
    pub fn get_free(&self) -> usize {
        self.0.get_free()
    }

    /// All bytes held: used and free.
    pub fn get_total_size(&self) -> usize {
        self.0.get_total_size()
    }

    /// See [`ManagerTrait::flush_instruction_cache`]; null is ignored.
    pub fn flush_instruction_cache(&self, address: *mut u8, size: usize) {
        if let Some(address) = NonNull::new(address) {
            self.0.flush_instruction_cache(address, size);
        }
    }

    /// See [`ManagerTrait::flush_data_cache`]; null is ignored.
    pub fn flush_data_cache(&self, address: *mut u8, size: usize) {
        if let Some(address) = NonNull::new(address) {
            self.0.flush_data_cache(address, size);
        }
    }

    /// Bytes in an OS page.
    pub fn get_page_size(&self) -> usize {
        self.0.get_page_size()
    }
}

// SAFETY: the trait's promises are those of `GlobalAlloc`.
unsafe impl GlobalAlloc for Manager<'_> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocate(CapabilityFlags::empty(), layout)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's word.
        unsafe { self.deallocate(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        unsafe { self.reallocate(CapabilityFlags::empty(), ptr, layout, new_size) }
    }
}

unsafe extern "Rust" {
    /// The final program's manager; see [`get_instance`].
    safe static __XILA_MEMORY_MANAGER: Manager<'static>;
}

/// The manager the final program instantiated.
pub fn get_instance() -> &'static Manager<'static> {
    &__XILA_MEMORY_MANAGER
}

/// Defines the manager of the final program, once: its argument names a static
/// that implements [`ManagerTrait`](crate::manager::ManagerTrait).
///
/// ```
/// vex_runtime::instantiate_memory_manager!(vex_runtime::manager::HEAP);
/// # fn main() {
/// let manager = vex_runtime::manager::get_instance();
/// assert_eq!(manager.get_total_size(), manager.get_used() + manager.get_free());
/// # }
/// ```
#[macro_export]
macro_rules! instantiate_memory_manager {
    ($manager:expr) => {
        /// The manager of this program.
        #[unsafe(no_mangle)]
        pub static __XILA_MEMORY_MANAGER: $crate::manager::Manager<'static> =
            $crate::manager::Manager::new(&$manager);
    };
}
