//! Who allocated what, by allocator and source position.
//!
//! For `--heap-report`. Generated code stores the position of a call into
//! [`vex_report_site`] and calls the function's tracking twin ([`twin`]) in
//! place of the function; the twin calls the function and keeps the books here.
//! Programs that are not watched never come near this module.
//!
//! Every block counts for the position that allocated it, also when it is freed
//! elsewhere. Bytes are bytes as requested. What an allocator of `std/allocator`
//! carves out of its buffer is counted for it; the buffer itself is not counted
//! again, unless the program allocated it (`from_buffer`).
//!
//! To watch a program: [`enable`] once, give the JIT the addresses of
//! [`address`], run, and print [`rows`] and [`totals`].

mod books;
mod twins;

pub use books::{Allocator, Figures, Row};
pub use twins::{address, enable, twin};

use books::Books;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

/// The source position of the allocation call that is about to happen, in
/// whatever numbering generated code uses; 0 is "unknown".
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "a symbol of the C ABI")]
pub static vex_report_site: AtomicU32 = AtomicU32::new(0);

/// The address of [`vex_report_site`], a 4-byte cell generated code may write.
pub fn site_cell() -> *mut u32 {
    vex_report_site.as_ptr()
}

/// Sets the current position, as generated code does.
pub fn set_site(site: u32) {
    vex_report_site.store(site, Ordering::Relaxed);
}

static BOOKS: Mutex<Books> = Mutex::new(Books::new());

fn books() -> MutexGuard<'static, Books> {
    BOOKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// One row per allocator and position, most bytes allocated first.
pub fn rows() -> Vec<Row> {
    books().rows()
}

/// One row per allocator that was used, positions summed; `site` is 0 and the
/// peak is that of the sum.
pub fn totals() -> Vec<Row> {
    books().totals()
}

/// Forgets everything recorded so far, for the next program in this process.
pub fn clear() {
    *books() = Books::new();
}
