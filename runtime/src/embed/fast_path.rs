//! The fast paths of the heap, for code generators that call from C: see [`crate::heap::inline`], which says what to do
//! with them.

use crate::abi::{AbiTy, abi_types};
use crate::heap::inline::{self, ClassFacts, FastPath};
use crate::heap::{class::CLASSES, thread::ThreadHeap};

abi_types! {
    *mut FastPath => AbiTy::PtrTo("FastPath");
    *mut ClassFacts => AbiTy::PtrTo("ClassFacts");
    *const ThreadHeap => AbiTy::ConstPtr;
}

crate::exports! {
    group Embed;

    /// Writes the offsets by which code takes and gives blocks without a call to
    /// `out`, but at most `bytes` bytes of them; returns how many there are. `bytes`
    /// is `sizeof *out`.
    ///
    /// They are those of this library and this process; code must not outlive
    /// either. Code that does not know the version must call instead.
    pub fn vex_fast_path(out: *mut FastPath, bytes: usize) -> usize {
        // SAFETY: the caller passes room for that many bytes.
        unsafe { super::give(&inline::fast_path(), out, bytes) }
    }

    /// The size class of blocks of `size` bytes; `SIZE_MAX` when they have none.
    pub fn vex_class_of(size: usize) -> usize {
        inline::class_of(size).unwrap_or(usize::MAX)
    }

    /// Writes what code that knows a block's class need not load to `out`, but at
    /// most `bytes` bytes of it; returns how many there are, 0 when there is no such
    /// class. `bytes` is `sizeof *out`.
    pub fn vex_class_facts(class: usize, out: *mut ClassFacts, bytes: usize) -> usize {
        if class >= CLASSES {
            return 0;
        }
        // SAFETY: the caller passes room for that many bytes.
        unsafe { super::give(&inline::facts_of(class), out, bytes) }
    }

    /// The heap of the calling thread, made now if there is none yet, for code that
    /// allocates by the offsets of `vex_fast_path`. The same for as long as the thread lives.
    pub fn vex_thread_heap() -> *const ThreadHeap {
        inline::thread_heap()
    }
}
