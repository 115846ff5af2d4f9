//! Twins of the global allocator of `std/allocator`.

use super::support::{address, at, release};

use super::twins;
use crate::alloc::request;
use crate::checked::{self, Origin, Request, Trace};
use crate::layout::{Allocation, Layout};

/// As for every allocation, a layout that describes no block is refused.
fn allocate(wanted: Layout, zeroed: bool) -> Allocation {
    let Some((size, align)) = request(wanted) else { return Allocation::NONE };
    allocation(checked::allocate(size, align, zeroed, Origin::Global, Trace::capture()), wanted)
}

/// A block as the document's functions return it: its address is an integer.
fn allocation(block: *mut u8, layout: Layout) -> Allocation {
    match block.is_null() {
        true => Allocation::NONE,
        false => Allocation { ptr: address(block), size: layout.size },
    }
}

twins! {
    fn vex_global_alloc(layout: Layout) -> Allocation {
        allocate(layout, false)
    }

    fn vex_global_alloc_zeroed(layout: Layout) -> Allocation {
        allocate(layout, true)
    }

    fn vex_global_dealloc(ptr: i64, layout: Layout) {
        checked::deallocate(at(ptr), &release(Origin::Global, NAME, layout));
    }

    fn vex_global_realloc(ptr: i64, old_layout: Layout, new_layout: Layout) -> Allocation {
        if ptr == 0 {
            return allocate(new_layout, false);
        }
        let Some((size, align)) = request(new_layout) else { return Allocation::NONE };
        let trace = Trace::capture();
        let wanted = Request { size, align, zeroed: false, origin: Origin::Global, trace, reason: None };
        allocation(
            checked::reallocate(at(ptr), &wanted, &release(Origin::Global, NAME, old_layout)),
            new_layout,
        )
    }
}
