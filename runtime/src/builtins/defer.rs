//! Records of deferred actions, for functions in which a `defer` can be reached
//! more than once. Other functions know their actions at compile time.

use core::ffi::c_void;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

/// A `defer` that was reached. Generated code fills `size` bytes behind it with
/// the copies of the variables its action reads, and looks at `site` when the
/// function returns.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Record {
    /// The record before it, or null.
    next: *mut Record,
    /// Which `defer` of the function it is.
    pub site: u32,
    /// Bytes of copies behind the record.
    size: u32,
}

/// Where the copies start, counted from the start of the record.
pub const COPIES: usize = size_of::<Record>();

/// Where the site lies, counted from the start of the record.
pub const SITE: usize = std::mem::offset_of!(Record, site);

fn layout(size: u32) -> Layout {
    Layout::from_size_align(COPIES + size as usize, align_of::<Record>())
        .expect("a u32 of bytes behind a record stays below isize::MAX")
}

crate::exports! {
    group Builtin;

    /// Makes a record for a `defer` and puts it in front of the list `head`.
    /// Returns the record; the copies start 16 bytes into it.
    pub fn vexrt_defer_push(head: *mut c_void, site: u32, size: u64) -> *mut c_void {
        let head = head.cast::<*mut Record>();
        let size = u32::try_from(size).expect("the copies of one `defer` are smaller than 4 GiB");
        // SAFETY: the layout's size is at least that of a record.
        let record = unsafe { alloc(layout(size)) }.cast::<Record>();
        if record.is_null() {
            handle_alloc_error(layout(size));
        }
        // SAFETY: `head` is the caller's list cell; `record` was just allocated
        // for a record, with its alignment.
        unsafe {
            record.write(Record { next: *head, site, size });
            *head = record;
        }
        record.cast()
    }

    /// Takes the latest record off the list `head`. The record stays readable
    /// until the next call with this list. Returns null when the list is empty.
    pub fn vexrt_defer_pop(head: *mut c_void) -> *mut c_void {
        let head = head.cast::<*mut Record>();
        // SAFETY: `head` is the caller's list cell, followed by the cell that
        // keeps the record of the last call.
        unsafe {
            let done = head.add(1);
            if !(*done).is_null() {
                dealloc((*done).cast(), layout((**done).size));
            }
            let record = *head;
            *done = record;
            if !record.is_null() {
                *head = (*record).next;
            }
            record.cast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_reverse_with_their_copies() {
        let mut cells: [*mut Record; 2] = [std::ptr::null_mut(); 2];
        let head = (&raw mut cells).cast::<c_void>();
        for site in 0..3u32 {
            // SAFETY: `head` is two cells; the copies hold 8 bytes.
            unsafe {
                let record = vexrt_defer_push(head, site, 8);
                record.cast::<u8>().add(COPIES).cast::<u64>().write(u64::from(site) * 10);
            }
        }
        for site in (0..3u32).rev() {
            // SAFETY: as above; a record from `pop` stays readable until the next.
            let (found, copy) = unsafe {
                let record = vexrt_defer_pop(head).cast::<u8>();
                assert!(!record.is_null());
                (record.add(SITE).cast::<u32>().read(), record.add(COPIES).cast::<u64>().read())
            };
            assert_eq!((found, copy), (site, u64::from(site) * 10));
        }
        // SAFETY: as above.
        assert!(unsafe { vexrt_defer_pop(head) }.is_null());
    }
}
