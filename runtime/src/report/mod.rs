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
//! [`address`], run, and print [`rows`] and [`totals`]. A session that watches all
//! the time also asks about single blocks:
//!
//! ```text
//! pub fn live() -> Vec<LiveBlock>
//! pub fn find(address: usize) -> Option<LiveBlock>
//! pub fn freed(address: usize) -> Option<FreedBlock>
//! pub fn mark() -> Mark
//! pub fn since(mark: Mark) -> Since
//! ```
//!
//! These allocate, and take the lock that every recorded call takes: they are not
//! for signal handlers.

mod books;
mod freed;
mod live;
mod twins;

pub use books::{Allocator, Figures, FreedBlock, LiveBlock, Mark, Row, Since};
pub use twins::{address, enable, twin};

use crate::alloc::kmem;
use crate::{heap, process};
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

static BOOKS: Mutex<Books> = Mutex::new(Books::new(0));

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

/// The recorded blocks that are live, oldest first.
pub fn live() -> Vec<LiveBlock> {
    let mut blocks = books().live(0);
    blocks.iter_mut().for_each(add_reason);
    blocks
}

/// The innermost recorded live block that `address` lies in: that of an arena
/// rather than the block of the heap that the arena's buffer is part of. What lies
/// behind the bytes that were asked for is not in the block.
pub fn find(address: usize) -> Option<LiveBlock> {
    let start = match process::selected() {
        None => heap::find(address).map(|block| block.start),
        Some(_) => None,
    };
    let mut block = books().find(address, start)?;
    add_reason(&mut block);
    Some(block)
}

/// The block freed last that `address` lay in, if it was among the latest 4096.
/// Another block may be live there by now: ask [`find`] first.
pub fn freed(address: usize) -> Option<FreedBlock> {
    books().find_freed(address)
}

/// This moment, for [`since`].
pub fn mark() -> Mark {
    books().mark()
}

/// What was recorded since `mark`, and which of the blocks allocated since are
/// live. Marks of before [`clear`] mean nothing.
pub fn since(mark: Mark) -> Since {
    let mut since = books().since(mark);
    since.left.iter_mut().for_each(add_reason);
    since
}

/// Asks kmem for a block's reason.
fn add_reason(block: &mut LiveBlock) {
    if block.allocator == Allocator::Kmem {
        block.reason = kmem::reason_of(block.address).map(|reason| reason.as_str().to_owned());
    }
}

/// Forgets everything recorded so far, for the next program in this process.
/// Numbers of allocations go on.
pub fn clear() {
    let mut books = books();
    *books = Books::new(books.serial());
}
