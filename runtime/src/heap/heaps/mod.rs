//! First-class heaps: heaps that a program makes itself, allocates from, and
//! destroys with every block still in them.
//!
//! Such a heap is a [`ThreadHeap`](super::thread::ThreadHeap) that belongs to no thread, behind a lock, so it
//! has size classes, bins and pages of its own, and its pages' records name it as
//! their owner. Blocks too big for a size class are on a list of the heap. Any
//! thread may use it and may free its blocks, also with the functions that know of
//! no heap, because a block's record says where it belongs: such a free takes the
//! lock if it is open, and otherwise leaves the block in the heap's inbox, without
//! waiting. Nothing of such a heap is ever under way in a thread's batches, so
//! when it is destroyed there is nobody to wait for.
//!
//! Costs: an uncontended lock for each operation, so threads that allocate a lot at
//! once should have a heap each; two OS pages and what the free lists need for the
//! heap itself. It cannot have blocks with capabilities (see [`large`](super::large)).
//!
//! Misuse: a heap's own memory is kept when it is destroyed and given to the heap
//! made after all other destroyed ones have been made again. Until then, using it or
//! destroying it again is a fault. Freeing a block of a destroyed heap is a fault
//! where a free of any address is: unless there is a block at that address again.

mod all;
mod look;
mod raw;

pub(super) use all::{acquire, collect_all, receive_all, release};
pub use raw::{RawHeap, heap_of};
pub(super) use raw::{apart, home_of};

use super::figures::Figures;
use core::ptr::NonNull;

/// A heap of one's own; dropping it destroys it, with every block still in it.
///
/// Blocks are raw memory: whoever uses one after the heap is gone uses freed
/// memory, as after freeing it.
pub struct Heap(&'static RawHeap);

impl Heap {
    /// An empty heap. `None` when there is no memory for one.
    pub fn new() -> Option<Heap> {
        all::obtain().map(Heap)
    }

    /// Allocates `size` bytes at a multiple of `align`, a power of two; blocks are
    /// 16-aligned at least. Contents undefined. Null: no memory.
    pub fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        self.0.allocate(size, align, false)
    }

    /// As [`allocate`](Heap::allocate), and the bytes asked for are zero.
    pub fn allocate_zeroed(&self, size: usize, align: usize) -> *mut u8 {
        self.0.allocate(size, align, true)
    }

    /// Frees a block of this heap; null is ignored. A block of another heap is a
    /// fault.
    ///
    /// # Safety
    ///
    /// `block` is null or a live block, which nobody uses any more.
    pub unsafe fn deallocate(&self, block: *mut u8) {
        // SAFETY: the caller's word.
        unsafe { self.0.deallocate(block) }
    }

    /// Resizes a block of this heap, as [`reallocate`](super::reallocate) does; it
    /// stays in this heap. A block of another heap is a fault.
    ///
    /// # Safety
    ///
    /// `block` is a live block (not null); after success only the returned address
    /// is valid.
    pub unsafe fn reallocate(&self, block: *mut u8, size: usize, align: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        unsafe { self.0.reallocate(block, size, align) }
    }

    /// What the heap holds: its pages and big blocks. Exact when no other thread
    /// uses it.
    pub fn figures(&self) -> Figures {
        self.0.figures()
    }

    /// Calls `visit` with the address and the usable bytes of every live block.
    /// `visit` must not use this heap, except to free blocks of size classes by
    /// [`deallocate`](super::deallocate), nor fork.
    pub fn for_each_block(&self, visit: &mut dyn FnMut(usize, usize)) {
        self.0.for_each_block(visit);
    }

    /// Gives back what the heap can spare: its free slots and empty pages.
    pub fn collect(&self) {
        self.0.collect();
    }

    /// The heap as a pointer, for C; it is not destroyed until
    /// [`from_raw`](Heap::from_raw) has it back.
    pub fn into_raw(self) -> NonNull<RawHeap> {
        let heap = NonNull::from(self.0);
        core::mem::forget(self);
        heap
    }

    /// The heap of a pointer.
    ///
    /// # Safety
    ///
    /// The pointer came from [`into_raw`](Heap::into_raw), and makes a heap no more
    /// than once.
    pub unsafe fn from_raw(heap: NonNull<RawHeap>) -> Heap {
        // SAFETY: heaps are never unmapped.
        Heap(unsafe { heap.as_ref() })
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

impl core::fmt::Debug for Heap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Heap").field(&(self.0 as *const RawHeap)).finish()
    }
}
