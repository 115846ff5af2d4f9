//! The allocators that take part.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::OnceLock;

use vex_runtime::heap;

/// The heap of the Vex runtime.
struct Vex;

// SAFETY: the heap keeps every promise of the trait; a layout's size is within what it serves, and what it refuses
// is null.
unsafe impl GlobalAlloc for Vex {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        heap::allocate(layout.size(), layout.align())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        heap::allocate_zeroed(layout.size(), layout.align())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's word.
        unsafe { heap::deallocate_sized(block, layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        unsafe { heap::reallocate(block, new_size, layout.align()) }
    }
}

/// Allocates nothing: what it "costs" is the memory of the process itself.
struct Nothing;

// SAFETY: refusing every request is allowed.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// The name of the contestant that allocates nothing.
pub const NOTHING: &str = "nothing";

/// Ours, which the others are compared with.
pub const OURS: &str = "vex";

/// The name of our heap in its hardened build.
pub const HARDENED: &str = "hardened";

/// This program with that heap.
static HARDENED_PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Lets the hardened heap take part, which another build of this program has.
pub fn add_hardened(program: PathBuf) {
    // It is added once, before anybody runs.
    let _ = HARDENED_PROGRAM.set(program);
}

/// The program that has a contestant, and its name there; `None` for this program.
pub fn elsewhere(name: &str) -> Option<(&'static Path, &'static str)> {
    let program = HARDENED_PROGRAM.get().filter(|_| name == HARDENED)?;
    Some((program, OURS))
}

/// The names of all that take part, ours first.
pub fn names() -> Vec<&'static str> {
    let mut names = vec![OURS, "system"];
    if cfg!(feature = "peers") {
        names.extend(["mimalloc", "jemalloc", "snmalloc"]);
    }
    if HARDENED_PROGRAM.get().is_some() {
        names.push(HARDENED);
    }
    names
}

/// Something that can be done with every contestant, whatever its type.
pub trait Job {
    /// What comes of it.
    type Output;

    /// Does it with one.
    fn with<A: GlobalAlloc + Sync + 'static>(self, allocator: &'static A) -> Self::Output;
}

/// Does a job with the contestant of this name; `None` when there is none.
pub fn with<J: Job>(name: &str, job: J) -> Option<J::Output> {
    Some(match name {
        OURS => job.with(&Vex),
        NOTHING => job.with(&Nothing),
        "system" => job.with(&System),
        #[cfg(feature = "peers")]
        "mimalloc" => job.with(&mimalloc::MiMalloc),
        #[cfg(feature = "peers")]
        "jemalloc" => job.with(&tikv_jemallocator::Jemalloc),
        #[cfg(feature = "peers")]
        "snmalloc" => job.with(&snmalloc_rs::SnMalloc),
        _ => return None,
    })
}
