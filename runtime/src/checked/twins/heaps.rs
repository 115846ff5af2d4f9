//! Twins of first-class heaps: their blocks are the checked heap's, and known by their
//! heap here.

use super::support::unsigned;
use super::twins;
use crate::checked::{self, Origin, Release, Request, Trace, map};
use crate::embed::heaps::{VisitBlock, vex_heap_destroy, vex_heap_walk};
use crate::heap::heaps::RawHeap;
use crate::size;
use crate::sync::Lock;
use core::ffi::c_void;
use core::ptr::null_mut;
use std::collections::BTreeMap;

/// Alignment of blocks that were asked for without one.
const ALIGN: usize = 16;

/// By address of the block, the address of its heap; the general heap's are not here.
static HEAPS: Lock<BTreeMap<usize, usize>> = Lock::new(BTreeMap::new());

fn allocate(function: &str, heap: *mut RawHeap, size: usize, align: usize, zeroed: bool) -> *mut c_void {
    let Some(size) = unsigned(function, size) else { return null_mut() };
    let block = checked::allocate(size, align, zeroed, Origin::Vex, Trace::capture());
    belongs(block, heap);
    block.cast()
}

/// Notes whose a new block is.
fn belongs(block: *mut u8, heap: *mut RawHeap) {
    if !block.is_null() {
        let address = map::strip(block.addr());
        let mut heaps = HEAPS.lock();
        match heap.is_null() {
            true => heaps.remove(&address),
            false => heaps.insert(address, heap.expose_provenance()),
        };
    }
}

/// The heap of a block; null for the general one.
fn owner(block: *const c_void) -> *mut RawHeap {
    let owner = HEAPS.lock().get(&map::strip(block.addr())).copied();
    owner.map_or(null_mut(), core::ptr::with_exposed_provenance_mut)
}

/// Whether `heap` may free a live block; reports when it is another heap's.
fn may_free(function: &str, heap: *mut RawHeap, ptr: *mut c_void) -> bool {
    let wrong = !heap.is_null() && owner(ptr) != heap && checked::size_of(ptr.cast()).is_some();
    if wrong {
        let block = checked::lookup(map::strip(ptr.addr()));
        super::support::wrong(
            checked::DefectKind::WrongAllocator,
            ptr.addr(),
            block,
            function,
            Some(Origin::Vex),
        );
    }
    !wrong
}

/// The live blocks of a heap.
fn blocks(heap: *mut RawHeap) -> Vec<usize> {
    let heaps = HEAPS.lock();
    heaps.iter().filter(|(_, owner)| **owner == heap.addr()).map(|(block, _)| *block).collect()
}

fn free(function: &str, ptr: *mut c_void) {
    let release = Release::new(Origin::Vex, function, Trace::capture());
    if checked::deallocate(ptr.cast(), &release) {
        HEAPS.lock().remove(&map::strip(ptr.addr()));
    }
}

fn resize(function: &str, heap: *mut RawHeap, ptr: *mut c_void, size: usize) -> *mut c_void {
    if ptr.is_null() {
        return allocate(function, heap, size, ALIGN, false);
    }
    let Some(size) = unsigned(function, size) else { return null_mut() };
    if !may_free(function, heap, ptr) {
        return null_mut();
    }
    if size == 0 {
        free(function, ptr);
        return null_mut();
    }
    let owner = owner(ptr);
    let trace = Trace::capture();
    let request = Request { size, align: ALIGN, zeroed: false, origin: Origin::Vex, trace, reason: None };
    let moved = checked::reallocate(ptr.cast(), &request, &Release::new(Origin::Vex, function, trace));
    if !moved.is_null() {
        HEAPS.lock().remove(&map::strip(ptr.addr()));
        belongs(moved, owner);
    }
    moved.cast()
}

twins! {
    fn vex_heap_destroy(heap: *mut RawHeap) {
        for block in blocks(heap) {
            free(NAME, core::ptr::with_exposed_provenance_mut(block));
        }
        super::vex_heap_destroy(heap);
    }

    fn vex_heap_alloc(heap: *mut RawHeap, size: usize) -> *mut c_void {
        allocate(NAME, heap, size, ALIGN, false)
    }

    fn vex_heap_calloc(heap: *mut RawHeap, count: usize, size: usize) -> *mut c_void {
        match size::array(count, size) {
            Some(bytes) => allocate(NAME, heap, bytes, ALIGN, true),
            None => null_mut(),
        }
    }

    fn vex_heap_aligned(heap: *mut RawHeap, alignment: usize, size: usize) -> *mut c_void {
        match size::is_alignment(alignment) {
            true => allocate(NAME, heap, size, alignment.max(ALIGN), false),
            false => null_mut(),
        }
    }

    fn vex_heap_realloc(heap: *mut RawHeap, ptr: *mut c_void, size: usize) -> *mut c_void {
        resize(NAME, heap, ptr, size)
    }

    fn vex_heap_free(heap: *mut RawHeap, ptr: *mut c_void) {
        if may_free(NAME, heap, ptr) {
            free(NAME, ptr);
        }
    }

    fn vex_heap_of(ptr: *const c_void) -> *mut RawHeap {
        owner(ptr)
    }

    fn vex_heap_walk(heap: *mut RawHeap, visit: VisitBlock, user: *mut c_void) -> bool {
        let Some(visit) = visit else { return true };
        if heap.is_null() {
            return super::vex_heap_walk(heap, Some(visit), user);
        }
        blocks(heap).into_iter().all(|block| {
            let start = checked::adopt(block);
            let size = checked::size_of(start).unwrap_or(0);
            visit(start.cast(), size, user)
        })
    }
}
