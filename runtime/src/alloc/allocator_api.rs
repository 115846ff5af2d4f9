//! Rust's `Allocator` trait, as the crate `allocator-api2` has it, for the whole family:
//! containers that take an allocator work with any of them.
//!
//! | allocator | as an `Allocator` |
//! | --- | --- |
//! | the general heap | [`GeneralHeap`] |
//! | a first-class heap | [`Heap`], which must outlive what is in it, or `&Heap` |
//! | a manager | [`Manager`] |
//! | kmem's buffer | [`Kmem`], with a reason |
//! | bump, pool, free list, stack | [`Region`] around them, or `&Region` |
//!
//! Requests of no bytes take nothing, from any of them. A `Region` is for one thread; the
//! others are for any number. What each strategy cannot do it refuses, and the container
//! says so: a pool has no block longer than its own, a bump allocator only takes back the
//! block it gave last, and so does a stack, which never takes back what was freed before.

use super::bump::BumpAllocator;
use super::free_list::FreeListAllocator;
use super::kmem;
use super::pool::PoolAllocator;
use super::stack::StackAllocator;
use crate::heap::{self, Heap};
use crate::layout;
use crate::manager::{CapabilityFlags, Manager};
use allocator_api2::alloc::{AllocError, Allocator};
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;

/// The general heap, that of `vex_malloc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GeneralHeap;

/// kmem's buffer: zeroed blocks, each held for a reason, by which
/// [`kmem::usage`] counts them. A full buffer is an error here, not a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kmem {
    /// What the blocks are for.
    pub reason: &'static str,
}

/// Where blocks of at least one byte come from.
trait Source {
    /// Allocates at least one byte.
    fn take(&self, layout: Layout) -> *mut u8;

    /// As [`take`](Source::take), and the bytes are zero.
    fn take_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = self.take(layout);
        if !block.is_null() {
            // SAFETY: the block is that long.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    /// # Safety
    ///
    /// `block` is live, with this layout, and nobody uses it any more.
    unsafe fn give(&self, block: NonNull<u8>, layout: Layout);

    /// Resizes a block, which may move; null, and nothing changed, when that cannot be done.
    ///
    /// # Safety
    ///
    /// `block` is live, with the layout `old`; after success only the result is valid.
    unsafe fn resize(&self, block: NonNull<u8>, old: Layout, new: Layout) -> *mut u8;
}

impl Source for GeneralHeap {
    fn take(&self, layout: Layout) -> *mut u8 {
        heap::allocate(layout.size(), layout.align())
    }

    fn take_zeroed(&self, layout: Layout) -> *mut u8 {
        heap::allocate_zeroed(layout.size(), layout.align())
    }

    unsafe fn give(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's word.
        unsafe { heap::deallocate_sized(block.as_ptr(), layout.size(), layout.align()) }
    }

    unsafe fn resize(&self, block: NonNull<u8>, _old: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the caller's word.
        unsafe { heap::reallocate(block.as_ptr(), new.size(), new.align()) }
    }
}

impl Source for Heap {
    fn take(&self, layout: Layout) -> *mut u8 {
        self.allocate(layout.size(), layout.align())
    }

    fn take_zeroed(&self, layout: Layout) -> *mut u8 {
        self.allocate_zeroed(layout.size(), layout.align())
    }

    unsafe fn give(&self, block: NonNull<u8>, _layout: Layout) {
        // SAFETY: the caller's word.
        unsafe { self.deallocate(block.as_ptr()) }
    }

    unsafe fn resize(&self, block: NonNull<u8>, _old: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the caller's word.
        unsafe { self.reallocate(block.as_ptr(), new.size(), new.align()) }
    }
}

impl Source for Manager<'_> {
    fn take(&self, layout: Layout) -> *mut u8 {
        self.allocate(CapabilityFlags::empty(), layout)
    }

    unsafe fn give(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's word.
        unsafe { self.deallocate(block.as_ptr(), layout) }
    }

    unsafe fn resize(&self, block: NonNull<u8>, old: Layout, new: Layout) -> *mut u8 {
        if new.align() > old.align() {
            return copied(self, block, old, new);
        }
        // SAFETY: the caller's word.
        unsafe { self.reallocate(CapabilityFlags::empty(), block.as_ptr(), old, new.size()) }
    }
}

impl Source for Kmem {
    fn take(&self, layout: Layout) -> *mut u8 {
        let block = kmem::try_allocate(layout.size(), layout.align(), self.reason);
        block.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    fn take_zeroed(&self, layout: Layout) -> *mut u8 {
        self.take(layout)
    }

    unsafe fn give(&self, block: NonNull<u8>, _layout: Layout) {
        if let Err(refusal) = kmem::try_release(block.addr().get()) {
            crate::fault!(BadPointer at block.as_ptr(), "{refusal}");
        }
    }

    unsafe fn resize(&self, block: NonNull<u8>, old: Layout, new: Layout) -> *mut u8 {
        copied(self, block, old, new)
    }
}

/// A block of the layout `new` with what was in one of `old`, which is given back.
fn copied(source: &impl Source, block: NonNull<u8>, old: Layout, new: Layout) -> *mut u8 {
    let moved = source.take(new);
    if !moved.is_null() {
        // SAFETY: two live blocks of those sizes; the old one is the caller's to give up.
        unsafe {
            moved.copy_from_nonoverlapping(block.as_ptr(), old.size().min(new.size()));
            source.give(block, old);
        }
    }
    moved
}

/// What stands for a block of no bytes.
fn empty(layout: Layout) -> NonNull<u8> {
    // An alignment is not 0.
    NonNull::new(core::ptr::without_provenance_mut(layout.align())).unwrap_or(NonNull::dangling())
}

/// The result of the trait's methods.
fn outcome(block: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let block = NonNull::new(block).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(block, layout.size()))
}

/// Resizes, growing or shrinking.
///
/// # Safety
///
/// As for [`Source::resize`], or `old` has no bytes.
unsafe fn resize(
    source: &impl Source,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    let resized = match (old.size(), new.size()) {
        (0, 0) => empty(new).as_ptr(),
        (0, _) => source.take(new),
        (_, 0) => {
            // SAFETY: the caller's word.
            unsafe { source.give(block, old) };
            empty(new).as_ptr()
        }
        // SAFETY: the caller's word.
        _ => unsafe { source.resize(block, old, new) },
    };
    outcome(resized, new)
}

macro_rules! allocators {
    ($(impl[$($parameter:ident: $bound:ident)?] $name:ty;)*) => {$(
        // SAFETY: blocks stay where they are and live until they are given back, however
        // the allocator is moved; a copy of it gives and takes the same blocks.
        unsafe impl $(<$parameter: $bound>)? Allocator for $name {
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                match layout.size() {
                    0 => outcome(empty(layout).as_ptr(), layout),
                    _ => outcome(self.take(layout), layout),
                }
            }

            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                match layout.size() {
                    0 => outcome(empty(layout).as_ptr(), layout),
                    _ => outcome(self.take_zeroed(layout), layout),
                }
            }

            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                if layout.size() != 0 {
                    // SAFETY: the caller's word.
                    unsafe { self.give(block, layout) }
                }
            }

            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's word.
                unsafe { resize(self, block, old, new) }
            }

            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's word.
                unsafe { resize(self, block, old, new) }
            }
        }
    )*};
}

allocators! {
    impl[] GeneralHeap;
    impl[] Heap;
    impl[] Manager<'_>;
    impl[] Kmem;
    impl[S: Strategy] Region<S>;
}

mod strategy {
    use super::*;

    /// An allocator with a buffer. Addresses as `std/allocator` has them; 0 is none.
    pub trait Strategy {
        /// Allocates at least one byte.
        fn take(&mut self, layout: Layout) -> i64;
        /// Takes a live block back, or does nothing where the strategy cannot.
        fn give(&mut self, block: i64, size: usize);
        /// Resizes a live block where it lies; false when that cannot be done.
        fn resize(&mut self, _block: i64, _old: usize, _new: usize) -> bool {
            false
        }
        /// Gives the buffer back.
        fn finish(&mut self);
    }
}

use strategy::Strategy;

/// The layout as `std/allocator` has it.
fn of(layout: Layout) -> layout::Layout {
    layout::Layout { size: layout.size() as i64, align: layout.align() as i64 }
}

impl Strategy for BumpAllocator {
    fn take(&mut self, layout: Layout) -> i64 {
        self.alloc(of(layout)).ptr
    }

    fn give(&mut self, block: i64, size: usize) {
        self.resize(block, size, 0);
    }

    fn resize(&mut self, block: i64, old: usize, new: usize) -> bool {
        let start = block - self.buffer;
        let (old, Ok(new)) = (old as i64, i64::try_from(new)) else { return false };
        // The block given last ends where the next one begins.
        let last = start + old == self.offset;
        if last && new <= self.capacity - start {
            self.offset = start + new;
            self.allocated = self.allocated.wrapping_add(new - old);
        }
        (last && new <= self.capacity - start) || new <= old
    }

    fn finish(&mut self) {
        BumpAllocator::drop(self);
    }
}

impl Strategy for PoolAllocator {
    fn take(&mut self, layout: Layout) -> i64 {
        if layout.size() as u64 > self.block_size as u64 {
            return 0;
        }
        let block = self.alloc();
        if block != 0 && !(block as usize).is_multiple_of(layout.align()) {
            self.dealloc(block);
            return 0;
        }
        block
    }

    fn give(&mut self, block: i64, _size: usize) {
        self.dealloc(block);
    }

    fn resize(&mut self, _block: i64, _old: usize, new: usize) -> bool {
        new as u64 <= self.block_size as u64
    }

    fn finish(&mut self) {
        PoolAllocator::drop(self);
    }
}

impl Strategy for FreeListAllocator {
    fn take(&mut self, layout: Layout) -> i64 {
        self.alloc(of(layout)).ptr
    }

    fn give(&mut self, block: i64, _size: usize) {
        self.dealloc(block);
    }

    fn resize(&mut self, block: i64, _old: usize, new: usize) -> bool {
        self.payload(block).is_some_and(|payload| new <= payload)
    }

    fn finish(&mut self) {
        FreeListAllocator::drop(self);
    }
}

impl StackAllocator {
    /// Whether a live block is the one allocated last: only that lies above the top there
    /// was before it.
    fn is_top(&self, block: i64) -> bool {
        block - self.buffer > self.prev_offset
    }
}

impl Strategy for StackAllocator {
    fn take(&mut self, layout: Layout) -> i64 {
        self.alloc(of(layout)).ptr
    }

    fn give(&mut self, block: i64, _size: usize) {
        if self.is_top(block) {
            self.pop();
        }
    }

    fn resize(&mut self, block: i64, old: usize, new: usize) -> bool {
        let start = block - self.buffer;
        let (old, Ok(new)) = (old as i64, i64::try_from(new)) else { return false };
        let top = self.is_top(block);
        if top && new <= self.capacity - start {
            self.offset = start + new;
        }
        (top && new <= self.capacity - start) || new <= old
    }

    fn finish(&mut self) {
        StackAllocator::drop(self);
    }
}

/// An allocator of `std/allocator`, to be used as an `Allocator` by one thread. Dropping
/// it gives its buffer back.
#[derive(Debug)]
pub struct Region<S: Strategy>(UnsafeCell<S>);

impl<S: Strategy> Region<S> {
    /// Around an allocator. One without a buffer, because there was no memory for it, has
    /// no blocks to give.
    pub fn new(allocator: S) -> Region<S> {
        Region(UnsafeCell::new(allocator))
    }

    /// The allocator, to look at its figures.
    pub fn look<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        // SAFETY: the region is this thread's, and nothing here lets `look` come back to it
        // while a method of it runs.
        look(unsafe { &*self.0.get() })
    }

    fn with<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        // SAFETY: as in `look`; the strategies call nothing of a caller's.
        change(unsafe { &mut *self.0.get() })
    }
}

impl Region<BumpAllocator> {
    /// Forgets every block; there is none left that anybody could use.
    pub fn reset(&mut self) {
        self.0.get_mut().reset();
    }
}

impl Region<StackAllocator> {
    /// Forgets every block; there is none left that anybody could use.
    pub fn reset(&mut self) {
        self.0.get_mut().reset();
    }
}

impl<S: Strategy> Source for Region<S> {
    fn take(&self, layout: Layout) -> *mut u8 {
        core::ptr::with_exposed_provenance_mut(self.with(|strategy| strategy.take(layout)) as usize)
    }

    unsafe fn give(&self, block: NonNull<u8>, layout: Layout) {
        self.with(|strategy| strategy.give(block.addr().get() as i64, layout.size()));
    }

    unsafe fn resize(&self, block: NonNull<u8>, old: Layout, new: Layout) -> *mut u8 {
        let aligned = block.addr().get().is_multiple_of(new.align());
        let here = block.addr().get() as i64;
        if aligned && self.with(|strategy| strategy.resize(here, old.size(), new.size())) {
            return block.as_ptr();
        }
        copied(self, block, old, new)
    }
}

impl<S: Strategy> Drop for Region<S> {
    fn drop(&mut self) {
        self.0.get_mut().finish();
    }
}
