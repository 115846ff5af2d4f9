//! Twins of functions that fill in a structure of the caller's.

use super::c_strings::c_string;
use super::support::writable;
use super::twins;
use crate::embed::fast_path::{vex_class_facts, vex_fast_path};
use crate::embed::heaps::{HeapFigures, vex_heap_figures};
use crate::embed::info::{MemoryFigures, vex_class_figures, vex_figures, vex_heap_lines};
use crate::embed::symbols::vex_symbol;
use crate::heap::figures::{ClassFigures, HeapLine};
use crate::heap::heaps::RawHeap;
use crate::heap::inline::{ClassFacts, FastPath};
use core::ffi::{c_char, c_void};
use core::ptr::{null, null_mut};

/// Where `len` bytes of the program's go; null after a report, and for null.
fn out<T>(place: *mut T, len: usize, function: &str) -> *mut T {
    match place.is_null() {
        true => place,
        false => writable(place.cast(), len, function).map_or(null_mut(), |place| place.cast()),
    }
}

/// How many bytes `give` writes of a structure that the caller knows `bytes` bytes of.
fn given<T>(bytes: usize) -> usize {
    bytes.min(size_of::<T>())
}

twins! {
    fn vex_figures(out: *mut MemoryFigures, bytes: usize) -> usize {
        super::vex_figures(super::out(out, given::<MemoryFigures>(bytes), NAME), bytes)
    }

    fn vex_class_figures(out: *mut ClassFigures, count: usize) -> usize {
        let written = super::vex_class_figures(null_mut(), 0).min(count) * size_of::<ClassFigures>();
        super::vex_class_figures(super::out(out, written, NAME), count)
    }

    fn vex_heap_lines(out: *mut HeapLine, count: usize) -> usize {
        let written = super::vex_heap_lines(null_mut(), 0).min(count);
        super::vex_heap_lines(super::out(out, written * size_of::<HeapLine>(), NAME), written)
    }

    fn vex_heap_figures(heap: *mut RawHeap, out: *mut HeapFigures, bytes: usize) -> usize {
        super::vex_heap_figures(heap, super::out(out, given::<HeapFigures>(bytes), NAME), bytes)
    }

    fn vex_fast_path(out: *mut FastPath, bytes: usize) -> usize {
        super::vex_fast_path(super::out(out, given::<FastPath>(bytes), NAME), bytes)
    }

    fn vex_class_facts(class: usize, out: *mut ClassFacts, bytes: usize) -> usize {
        super::vex_class_facts(class, super::out(out, given::<ClassFacts>(bytes), NAME), bytes)
    }

    fn vex_symbol(name: *const c_char) -> *const c_void {
        match c_string(name, NAME) {
            Some(text) => super::vex_symbol(text.as_ptr().cast()),
            None => null(),
        }
    }
}
