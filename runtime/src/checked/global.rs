//! The checked heap as Rust's global allocator: [`CheckedAlloc`].
//!
//! ```no_run
//! #[global_allocator]
//! static ALLOCATOR: vex_runtime::checked::global::CheckedAlloc =
//!     vex_runtime::checked::global::CheckedAlloc::new();
//! # fn main() {}
//! ```
//!
//! It finds what `unsafe` code and broken containers do to allocations: a `Layout` at
//! `dealloc` or `realloc` that is not the block's, a block freed twice, a pointer that is
//! no block, requests of no bytes, writes just past a block's ends, writes to blocks
//! that were freed, and, when asked, what is still allocated. Reports name both layouts
//! and both call sites. The first one ends the process with [`EXIT_CODE`], unless
//! [`keep_going`] was called.
//!
//! Rust's own accesses are not instrumented, so a write past a block is found when the
//! block is freed or resized, or at the end, by the bytes around it:
//!
//! ```text
//! block of the checked heap ─▶ [ guard, a multiple of the alignment | data | guard ]
//! ```
//!
//! [`EXIT_CODE`]: super::EXIT_CODE

mod rounds;
mod sites;
mod words;

pub use rounds::{check_all, live, report_live};
pub use words::keep_going;

use super::{
    AccessInfo, BadFree, BlockInfo, Defect, DefectKind, Given, Options, Origin, Release, Request, Trace,
};
use crate::sync::Lock;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU8, Ordering};
use std::alloc::System;

/// Bytes of the guard in front of a block at least, and of the one behind it.
const GUARD: usize = 32;

/// What guards are filled with.
const GUARD_BYTE: u8 = 0xC5;

/// Bytes of freed blocks that are kept from being used again.
const DELAY: usize = 32 << 20;

/// The checked heap as a `#[global_allocator]`; see the [module](self).
///
/// The checked mode is switched on by the first allocation. Where that is not possible
/// (it needs Linux on x86-64 and addresses to reserve), the system's allocator serves,
/// and a line on standard error says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckedAlloc(());

impl CheckedAlloc {
    /// The allocator.
    pub const fn new() -> CheckedAlloc {
        CheckedAlloc(())
    }
}

/// Nothing was allocated yet.
const COLD: u8 = 0;
/// The first allocation is switching the checked mode on.
const STARTING: u8 = 1;
/// Blocks are the checked heap's.
const ON: u8 = 2;
/// There is no checked heap.
const OFF: u8 = 3;

static STATE: AtomicU8 = AtomicU8::new(COLD);

/// Whether new blocks are the checked heap's.
#[inline]
fn is_on() -> bool {
    match STATE.load(Ordering::Acquire) {
        ON => true,
        COLD => start(),
        // While it starts, what that needs comes from the system.
        _ => false,
    }
}

#[cold]
fn start() -> bool {
    if STATE.compare_exchange(COLD, STARTING, Ordering::AcqRel, Ordering::Acquire).is_err() {
        return false;
    }
    let options = Options { delay: DELAY, ..Options::default() };
    let started = super::enable(options);
    if let Err(error) = &started {
        crate::fault::write_stderr(format!("vex: no checked allocator: {error}\n").as_bytes());
    } else {
        super::set_handler(words::tell);
        rounds::at_exit();
    }
    STATE.store(if started.is_ok() { ON } else { OFF }, Ordering::Release);
    started.is_ok()
}

/// Blocks of the system's from before the checked heap was there.
struct Early {
    blocks: [usize; Early::MOST],
    count: usize,
}

impl Early {
    /// More than starting takes.
    const MOST: usize = 1024;
}

static EARLY: Lock<Early> = Lock::new(Early { blocks: [0; Early::MOST], count: 0 });

/// Notes a block of the system's, null or not.
fn early(block: *mut u8) -> *mut u8 {
    if STATE.load(Ordering::Acquire) == OFF || block.is_null() {
        return block;
    }
    let mut early = EARLY.lock();
    let count = early.count;
    if count == Early::MOST {
        // Such a block could not be told from a stray pointer.
        drop(early);
        // SAFETY: just allocated; a layout of the system's allocator is of no meaning to it.
        unsafe { libc::free(block.cast()) };
        return null_mut();
    }
    early.blocks[count] = block.addr();
    early.count += 1;
    block
}

/// Whether a block is the system's; it is forgotten, since it will be freed or resized.
fn take_early(block: *mut u8) -> bool {
    if super::map::in_arena(block.addr()) {
        return false;
    }
    if STATE.load(Ordering::Acquire) == OFF {
        return true;
    }
    let mut early = EARLY.lock();
    let count = early.count;
    let Some(place) = early.blocks[..count].iter().position(|known| *known == block.addr()) else {
        return false;
    };
    early.blocks[place] = early.blocks[count - 1];
    early.count -= 1;
    true
}

/// Bytes in front of the data of a block with this alignment.
fn front(align: usize) -> usize {
    align.max(GUARD)
}

/// What the checked heap is asked for; `None` for what no block can be.
fn request(size: usize, align: usize, zeroed: bool, trace: Trace) -> Option<Request<'static>> {
    let whole = crate::size::sum(front(align) + GUARD, size)?;
    Some(Request { size: whole, align, zeroed, origin: Origin::Rust, trace, reason: None })
}

/// Fills the guards of a block whose data begins at `data`.
///
/// # Safety
///
/// The block is the caller's, with `size` bytes of data.
unsafe fn guard(data: *mut u8, size: usize, align: usize) {
    // SAFETY: the block has so many bytes in front of its data and behind it.
    unsafe {
        data.sub(front(align)).write_bytes(GUARD_BYTE, front(align));
        data.add(size).write_bytes(GUARD_BYTE, GUARD);
    }
}

/// A block as Rust knows it: without its guards.
fn seen(mut block: BlockInfo) -> BlockInfo {
    if block.origin == Origin::Rust {
        let front = front(block.align);
        block.base += front;
        block.size = block.size.saturating_sub(front + GUARD);
        block.moved_from = block.moved_from.map(|before| Box::new(seen(*before)));
        block.moved_to = block.moved_to.map(|after| after + front);
    }
    block
}

/// The first byte of a live block's guards that is not as it was.
fn damaged(block: &BlockInfo) -> Option<usize> {
    let front = front(block.align);
    let intact = |start: usize, len: usize| {
        let bytes = core::ptr::with_exposed_provenance::<u8>(start);
        // SAFETY: the guards of a live block, which nobody uses.
        let bytes = unsafe { core::slice::from_raw_parts(bytes, len) };
        bytes.iter().position(|byte| *byte != GUARD_BYTE).map(|at| start + at)
    };
    intact(block.end(), GUARD).or_else(|| intact(block.base - front, front))
}

/// Reports that something was written past the ends of a block.
#[cold]
fn overrun(block: BlockInfo, address: usize, function: &str, trace: Trace) {
    let mut defect = Defect::new(DefectKind::OutOfBounds, block.base);
    defect.address = address;
    defect.access = Some(AccessInfo { write: true, size: 1, align: 1 });
    defect.block = Some(block);
    defect.function = function;
    defect.trace = trace;
    super::report(&defect);
}

/// Reports a free or a resize that is wrong.
#[cold]
fn wrong(
    kind: DefectKind,
    data: *mut u8,
    layout: Layout,
    block: Option<BlockInfo>,
    function: &str,
    trace: Trace,
) {
    let mut defect = Defect::new(kind, data.addr());
    defect.given = Given {
        size: Some(layout.size() as i128),
        expected_size: block.as_ref().map(|block| block.size),
        align: Some(layout.align() as i128),
        expected_align: block.as_ref().map(|block| block.align),
        by: Some(Origin::Rust),
        other: None,
    };
    defect.block = block;
    defect.function = function;
    defect.trace = trace;
    super::report(&defect);
}

/// The live block whose data begins at `data`, as Rust knows it; `None` after a report
/// that there is none. What else is wrong with it is reported as well.
fn block(data: *mut u8, layout: Layout, function: &str, trace: Trace) -> Option<BlockInfo> {
    let found = super::lookup(data.addr()).filter(|block| block.origin == Origin::Rust).map(seen);
    let kind = match &found {
        None => DefectKind::BadFree(BadFree::Foreign),
        Some(block) if !block.is_live() => DefectKind::DoubleFree,
        Some(block) if block.base != data.addr() => DefectKind::BadFree(BadFree::Interior),
        Some(block) => {
            let kind = match (block.size == layout.size(), block.align == layout.align()) {
                (false, _) => Some(DefectKind::WrongSize),
                (true, false) => Some(DefectKind::WrongAlign),
                (true, true) => None,
            };
            let damage = damaged(block);
            let block = found.clone();
            if let Some(kind) = kind {
                wrong(kind, data, layout, found, function, trace);
            }
            if let (Some(address), Some(block)) = (damage, block.clone()) {
                overrun(block, address, function, trace);
            }
            return block;
        }
    };
    wrong(kind, data, layout, found, function, trace);
    None
}

/// Reports a request of no bytes, which `GlobalAlloc` does not allow.
#[cold]
fn empty(function: &str, trace: Trace) {
    let mut defect = Defect::new(DefectKind::BadSize, 0);
    defect.given = Given { size: Some(0), by: Some(Origin::Rust), ..Given::default() };
    defect.function = function;
    defect.trace = trace;
    super::report(&defect);
}

/// Allocates a block of the checked heap.
fn allocate(layout: Layout, zeroed: bool, function: &str) -> *mut u8 {
    let trace = sites::here();
    if layout.size() == 0 {
        empty(function, trace);
    }
    let Some(request) = request(layout.size(), layout.align(), zeroed, trace) else { return null_mut() };
    finish(super::allocate_as(&request), layout.size(), layout.align())
}

/// The data of a new block, with guards around it.
fn finish(block: *mut u8, size: usize, align: usize) -> *mut u8 {
    if block.is_null() {
        return block;
    }
    let start = super::map::strip(block.expose_provenance());
    let data = core::ptr::with_exposed_provenance_mut(start + front(align));
    // SAFETY: the block was just made with room for both guards.
    unsafe { guard(data, size, align) };
    data
}

/// A release of a block that was looked at already.
fn release<'a>(function: &'a str, trace: Trace) -> Release<'a> {
    Release::new(Origin::Rust, function, trace)
}

/// The checked heap's own pointer to a block as Rust knows it.
fn whole(block: &BlockInfo) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(block.base - front(block.align))
}

// SAFETY: blocks are those of the checked heap or of the system, disjoint, aligned as
// asked and live until they are freed; nothing here unwinds.
unsafe impl GlobalAlloc for CheckedAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match is_on() {
            true => allocate(layout, false, "alloc"),
            // SAFETY: the caller's word.
            false => early(unsafe { System.alloc(layout) }),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match is_on() {
            true => allocate(layout, true, "alloc_zeroed"),
            // SAFETY: the caller's word.
            false => early(unsafe { System.alloc_zeroed(layout) }),
        }
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        if take_early(data) {
            // SAFETY: the system's block.
            return unsafe { System.dealloc(data, layout) };
        }
        let trace = sites::here();
        if let Some(block) = block(data, layout, "dealloc", trace) {
            rounds::bury(&block);
            super::deallocate(whole(&block), &release("dealloc", trace));
        }
    }

    unsafe fn realloc(&self, data: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if take_early(data) {
            // SAFETY: the system's block.
            return early(unsafe { System.realloc(data, layout, new_size) });
        }
        let trace = sites::here();
        if new_size == 0 {
            empty("realloc", trace);
        }
        let Some(block) = block(data, layout, "realloc", trace) else { return null_mut() };
        let Some(request) = request(new_size, block.align, false, trace) else { return null_mut() };
        let moved = super::reallocate(whole(&block), &request, &release("realloc", trace));
        finish(moved, new_size, block.align)
    }
}
