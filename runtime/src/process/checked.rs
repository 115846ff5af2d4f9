//! The checked heap as the process's manager, so that buffers that the runtime allocates
//! for the program lie where the program's accesses are checked.
//!
//! [`crate::checked::enable`] selects it; no option names it. Its blocks are the
//! runtime's own until [`crate::checked::relabel`] says otherwise: without a tag, and all
//! written, since the runtime writes them without saying so.

use super::{ProcessAllocator, SELECTED};
use crate::checked::{self, Origin, Release, Request, Trace};
use crate::heap::Figures;

/// The one instance.
static CHECKED: Checked = Checked;

/// The checked heap; all its state is in [`crate::checked`].
struct Checked;

/// Makes it the process's allocator; false when another one is.
pub(crate) fn select() -> bool {
    SELECTED.set(&CHECKED).is_ok()
}

/// A release of a block of the runtime's. Whose it is does not matter to the runtime: it
/// frees buffers that were relabelled.
fn release(block: *mut u8) -> Release<'static> {
    let by = checked::origin_of(block.addr()).unwrap_or(Origin::Internal);
    // A buffer goes because the program dropped its allocator.
    let trace = if by == Origin::Internal { Trace::NONE } else { Trace::capture() };
    Release::new(by, "", trace)
}

fn plain(block: *mut u8) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(checked::map::strip(block.addr()))
}

fn allocate(size: usize, align: usize, zeroed: bool) -> *mut u8 {
    let block = plain(checked::allocate(size, align.max(16), zeroed, Origin::Internal, Trace::NONE));
    if !zeroed && !block.is_null() {
        checked::mark_written(block.addr()..block.addr() + size);
    }
    block
}

// SAFETY: blocks of the checked heap are disjoint, aligned as asked, 16 at least, and keep
// their size on record; its lock admits one thread at a time, and nothing in it allocates.
unsafe impl ProcessAllocator for Checked {
    fn name(&self) -> &'static str {
        "checked"
    }

    fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        allocate(size, align, false)
    }

    fn allocate_zeroed(&self, size: usize, align: usize) -> *mut u8 {
        allocate(size, align, true)
    }

    unsafe fn deallocate(&self, block: *mut u8) {
        checked::deallocate(block, &release(block));
    }

    unsafe fn reallocate(&self, block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
        let release = release(block);
        let request = Request {
            size: new_size,
            align: align.max(16),
            zeroed: false,
            origin: release.by,
            trace: Trace::NONE,
            reason: None,
        };
        let moved = plain(checked::reallocate(block, &request, &release));
        if !moved.is_null() {
            checked::mark_written(moved.addr()..moved.addr() + new_size);
        }
        moved
    }

    unsafe fn usable_size(&self, block: *mut u8) -> usize {
        checked::size_of(block).unwrap_or(0)
    }

    fn figures(&self) -> Figures {
        checked::figures()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::{allocate, current, deallocate, reallocate, usable_size};
    use crate::checked::testing::{found, in_child_enabled};

    #[test]
    fn the_runtime_gets_plain_blocks_of_the_checked_heap() {
        in_child_enabled(|| {
            assert_eq!(current().name(), "checked");
            for align in [1, 16, 64, 4096, 1 << 17] {
                let block = allocate(1000, align);
                assert_eq!((block.addr() % align, block.addr() >> 40), (0, 0));
                // SAFETY: the block is live and of the current allocator throughout.
                unsafe {
                    assert_eq!(usable_size(block), 1000);
                    block.write_bytes(7, 1000);
                    let moved = reallocate(block, 5000, align);
                    assert!(moved != block && moved.addr().is_multiple_of(align));
                    assert_eq!((*moved, *moved.add(999)), (7, 7));
                    assert_eq!(current().figures().blocks, 1);
                    deallocate(moved);
                }
            }
            assert_eq!((current().figures().blocks, current().figures().used), (0, 0));
            assert!(found().is_empty());
        });
    }
}
