//! First-class heaps for C. A null heap stands for the general one.

use crate::abi::{AbiTy, AbiType};
use crate::heap::figures::Figures;
use crate::heap::heaps::{Heap, RawHeap, heap_of};
use crate::heap::{self, walk};
use crate::size;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

/// The alignment of blocks that ask for none.
const ALIGN: usize = 16;

impl AbiType for *mut RawHeap {
    const TY: AbiTy = AbiTy::PtrTo("Heap");
}

/// What is called with a block, its usable bytes and the caller's pointer; false
/// ends the walk.
pub type VisitBlock = Option<unsafe extern "C" fn(*mut c_void, usize, *mut c_void) -> bool>;

impl AbiType for VisitBlock {
    const TY: AbiTy = AbiTy::Callback("VisitBlock");
}

/// What a first-class heap holds, as C sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapFigures {
    /// Usable bytes of live blocks.
    pub used: usize,
    /// Bytes of its pages that no live block uses.
    pub free: usize,
    /// Bytes of its pages and big blocks.
    pub total: usize,
    /// Live blocks.
    pub blocks: usize,
}

impl From<Figures> for HeapFigures {
    fn from(figures: Figures) -> HeapFigures {
        let Figures { used, free, total, blocks } = figures;
        HeapFigures { used, free, total, blocks }
    }
}

impl AbiType for *mut HeapFigures {
    const TY: AbiTy = AbiTy::PtrTo("HeapFigures");
}

/// The heap a pointer names; `None` for null, the general one.
fn named(heap: *mut RawHeap) -> Option<&'static RawHeap> {
    // SAFETY: the caller passes a pointer of `vex_heap_new` or null, and the memory of
    // heaps is never unmapped.
    unsafe { heap.as_ref() }
}

fn allocate(heap: *mut RawHeap, size: usize, align: usize, zeroed: bool) -> *mut c_void {
    let block = match (named(heap), zeroed) {
        (Some(heap), zeroed) => heap.allocate(size, align, zeroed),
        (None, true) => heap::allocate_zeroed(size, align),
        (None, false) => heap::allocate(size, align),
    };
    block.cast()
}

crate::exports! {
    group Embed;

    /// Makes a heap, from which any thread may allocate and which is destroyed with
    /// all its blocks. Null when there is no memory for one.
    ///
    /// In all functions of heaps, null stands for the general heap, that of
    /// `vex_malloc`, unless they say something else.
    pub fn vex_heap_new() -> *mut RawHeap {
        Heap::new().map_or(null_mut(), |heap| heap.into_raw().as_ptr())
    }

    /// Frees every block of a heap and the heap; null is ignored.
    ///
    /// Nobody may be using it. Using it afterwards is a fault, until the same memory
    /// becomes a heap again, which it does after all other destroyed ones.
    pub fn vex_heap_destroy(heap: *mut RawHeap) {
        if let Some(heap) = NonNull::new(heap) {
            // SAFETY: the pointer is one of `vex_heap_new`; a heap that was destroyed
            // is noticed by the heap.
            drop(unsafe { Heap::from_raw(heap) });
        }
    }

    /// Allocates `size` bytes from a heap, uninitialized, aligned to 16 bytes. Null
    /// when there is no memory.
    ///
    /// Blocks may be freed by `vex_heap_free` or `vex_free`, by any thread.
    pub fn vex_heap_alloc(heap: *mut RawHeap, size: usize) -> *mut c_void {
        allocate(heap, size, ALIGN, false)
    }

    /// Allocates `count * size` zeroed bytes from a heap, aligned to 16 bytes. Null
    /// when there is no memory or the product overflows.
    pub fn vex_heap_calloc(heap: *mut RawHeap, count: usize, size: usize) -> *mut c_void {
        match size::array(count, size) {
            Some(bytes) => allocate(heap, bytes, ALIGN, true),
            None => null_mut(),
        }
    }

    /// Allocates `size` bytes from a heap, uninitialized, at a multiple of
    /// `alignment`. Null when that is not a power of two or there is no memory.
    pub fn vex_heap_aligned(heap: *mut RawHeap, alignment: usize, size: usize) -> *mut c_void {
        match size::is_alignment(alignment) {
            true => allocate(heap, size, alignment.max(ALIGN), false),
            false => null_mut(),
        }
    }

    /// Resizes a block of a heap to `size` bytes, as `vex_realloc` does; it stays in
    /// that heap, which `vex_realloc` sees to as well. A null `ptr` allocates from the heap.
    ///
    /// A block of another heap is a fault, if `heap` is not null.
    pub fn vex_heap_realloc(heap: *mut RawHeap, ptr: *mut c_void, size: usize) -> *mut c_void {
        if ptr.is_null() {
            return allocate(heap, size, ALIGN, false);
        }
        // SAFETY: the caller passes a live block.
        unsafe {
            match (named(heap), size) {
                (Some(heap), 0) => heap.deallocate(ptr.cast()),
                (None, 0) => heap::deallocate(ptr.cast()),
                (Some(heap), size) => return heap.reallocate(ptr.cast(), size, ALIGN).cast(),
                (None, size) => return heap::reallocate(ptr.cast(), size, ALIGN).cast(),
            }
        }
        null_mut()
    }

    /// Frees a block of a heap; null is ignored. A block of another heap is a fault,
    /// if `heap` is not null.
    pub fn vex_heap_free(heap: *mut RawHeap, ptr: *mut c_void) {
        // SAFETY: the caller passes null or a live block.
        unsafe {
            match named(heap) {
                Some(heap) => heap.deallocate(ptr.cast()),
                None => heap::deallocate(ptr.cast()),
            }
        }
    }

    /// The heap a block belongs to; null for a block of the general heap, and for null.
    pub fn vex_heap_of(ptr: *const c_void) -> *mut RawHeap {
        // SAFETY: the caller passes null or a live block.
        unsafe { heap_of(ptr.cast()) }.cast_mut()
    }

    /// Calls `visit` with every live block of a heap, its usable bytes and `user`,
    /// until it returns false; whether it never did.
    ///
    /// With a null heap, every block of every heap, by address; blocks that other
    /// threads are allocating or freeing meanwhile may be there or not, and `visit`
    /// must not use any heap. With another heap, `visit` must not use that one, except to
    /// free blocks of size classes. It must not fork.
    pub fn vex_heap_walk(heap: *mut RawHeap, visit: VisitBlock, user: *mut c_void) -> bool {
        let Some(visit) = visit else { return true };
        let mut going = true;
        let mut each = |block: usize, bytes: usize| {
            // SAFETY: the function is the caller's, for just these arguments.
            going = going && unsafe { visit(core::ptr::with_exposed_provenance_mut(block), bytes, user) };
        };
        match named(heap) {
            Some(heap) => heap.for_each_block(&mut each),
            None => walk::for_each_block(&mut each),
        }
        going
    }

    /// Writes what a heap holds to `out`, but at most `bytes` bytes of it; returns
    /// how many there are. `bytes` is `sizeof *out`.
    pub fn vex_heap_figures(heap: *mut RawHeap, out: *mut HeapFigures, bytes: usize) -> usize {
        let figures = named(heap).map_or_else(heap::figures, RawHeap::figures);
        // SAFETY: the caller passes room for that many bytes.
        unsafe { super::give(&HeapFigures::from(figures), out, bytes) }
    }

    /// Gives back what a heap keeps of what its blocks no longer use: its free slots
    /// and empty pages. For the process to give that back to the OS, see `vex_trim`.
    pub fn vex_heap_collect(heap: *mut RawHeap) {
        match named(heap) {
            Some(heap) => heap.collect(),
            None => heap::collect(),
        }
    }
}
