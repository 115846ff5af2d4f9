//! Twins of what programs say of their own allocators: `std/checked`.

use super::support::{mark_unwritten, plain, wrong};
use super::twins;
use crate::checked::{self, AccessInfo, BlockInfo, Defect, DefectKind, Origin, Request, Trace, map};
use core::ffi::c_void;

/// The live block that `n` bytes at `p` lie in, and their address; `None` after a report.
fn surrounding(p: *mut c_void, n: usize, function: &str) -> Option<(BlockInfo, usize)> {
    let address = map::strip(p.addr());
    let Some(mut block) = checked::lookup(address) else {
        if n > 0 {
            let kind = if address < map::NULL_END { DefectKind::Null } else { DefectKind::Wild };
            wrong(kind, p.addr(), None, function, None);
        }
        return None;
    };
    // A block that was made here before is not what is meant.
    while block.is_field || block.origin == Origin::Custom {
        match block.parent.take() {
            Some(parent) => block = *parent,
            None => break,
        }
    }
    let kind = match block.is_live() {
        false => DefectKind::UseAfterFree,
        true if address < block.base || block.end().saturating_sub(address) < n => DefectKind::OutOfBounds,
        true => return Some((block, address)),
    };
    let mut defect = Defect::new(kind, p.addr());
    if kind == DefectKind::OutOfBounds && address >= block.base {
        defect.address = block.end().max(address);
    }
    defect.access = Some(AccessInfo { write: true, size: n, align: 1 });
    defect.block = Some(block);
    defect.function = function;
    defect.trace = Trace::capture();
    checked::report(&defect);
    None
}

twins! {
    fn vex_checked_is_on() -> bool {
        true
    }

    fn vex_checked_poison(p: *mut c_void, n: usize) {
        if let Some((_, start)) = surrounding(p, n, NAME) {
            checked::sub_free_range(start..start + n, Trace::capture());
        }
    }

    fn vex_checked_unpoison(p: *mut c_void, n: usize) {
        if let Some((_, start)) = surrounding(p, n, NAME) {
            checked::sub_free_range(start..start + n, Trace::capture());
            checked::unpoison(start..start + n);
        }
    }

    fn vex_checked_unwritten(p: *mut c_void, n: usize) {
        if let Some((_, start)) = surrounding(p, n, NAME) {
            mark_unwritten(start..start + n);
        }
    }

    fn vex_checked_block(p: *mut c_void, n: usize) -> *mut c_void {
        let Some((block, start)) = surrounding(p, n, NAME) else { return plain(p) };
        let request = Request {
            size: n,
            align: 1,
            zeroed: false,
            origin: Origin::Custom,
            trace: Trace::capture(),
            reason: None,
        };
        let buffer = core::ptr::with_exposed_provenance(block.base);
        checked::sub_allocate(buffer, start, &request).cast()
    }
}
