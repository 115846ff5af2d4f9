//! The process's manager: which allocator serves the program's own calls.
//!
//! By default that is the heap, and the exported functions call it directly.
//! [`select`] puts another allocator in its place, once, before the program
//! starts; generated code then calls the `managed` twins of the exported
//! functions (see [`crate::abi::address`]), and the runtime's own users of
//! program memory, such as the buffers of `std/allocator`, come through the
//! functions of this module.
//!
//! What a session says about the heap comes from here:
//!
//! ```text
//! pub fn totals() -> heap::Totals
//! pub fn set_memory_limit(bytes: Option<u64>)
//! pub fn memory_limit() -> Option<u64>
//! pub fn memory_held() -> u64
//! pub fn last_refusal() -> Option<Refusal>
//! pub fn forget_refusal()
//! ```
//!
//! The runtime's bookkeeping never lies in the selected allocator, and neither
//! does code: both stay with the heap.

mod blocks;
pub mod bump;
pub(crate) mod checked;
pub mod free_list;
mod heap;
pub mod kmem;
pub(crate) mod refusal;
pub mod stack;
pub mod system;

pub use crate::os::limit::{memory_held, memory_limit, set_memory_limit};
pub use refusal::{Refusal, forget_refusal, last_refusal};

use crate::heap::{Figures, Totals};
use crate::size;
use core::fmt;
use std::sync::OnceLock;

/// An allocator that can serve a whole program.
///
/// It keeps enough in its blocks to free and resize them by address alone.
///
/// # Safety
///
/// Blocks are live until freed, disjoint, aligned as asked (16 at least), and
/// `usable_size` bytes long. Any thread may call any function at any time. No
/// function allocates through Rust's global allocator.
pub unsafe trait ProcessAllocator: Sync {
    /// The name `--allocator` knows it by.
    fn name(&self) -> &'static str;

    /// Allocates `size` bytes at a multiple of `align`, a power of two. A size
    /// of 0 gets a block of its own. Null when there is no room.
    fn allocate(&self, size: usize, align: usize) -> *mut u8;

    /// As `allocate`, and the bytes asked for are zero.
    fn allocate_zeroed(&self, size: usize, align: usize) -> *mut u8 {
        let block = self.allocate(size, align);
        if !block.is_null() {
            // SAFETY: the block was just allocated with `size` bytes.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator (not null).
    unsafe fn deallocate(&self, block: *mut u8);

    /// Resizes a block, keeping its contents up to the smaller size. The new
    /// block is aligned to `align`. Null: no room, and the old block stays.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator (not null); after success only
    /// the returned address is valid.
    unsafe fn reallocate(&self, block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        let usable = unsafe { self.usable_size(block) };
        if new_size <= usable && size::is_aligned(block as usize, align) {
            return block;
        }
        // SAFETY: the caller's word.
        unsafe { self.move_block(block, usable, new_size, align) }
    }

    /// The part of `reallocate` that moves: allocates, copies the smaller of
    /// `usable` and `new_size` bytes, frees the old block.
    ///
    /// # Safety
    ///
    /// As for `reallocate`, and `usable` is the block's usable size.
    unsafe fn move_block(&self, block: *mut u8, usable: usize, new_size: usize, align: usize) -> *mut u8 {
        let moved = self.allocate(new_size, align);
        if !moved.is_null() {
            // SAFETY: two live blocks, both at least that long; the old one is
            // the caller's to give up.
            unsafe {
                core::ptr::copy_nonoverlapping(block, moved, usable.min(new_size));
                self.deallocate(block);
            }
        }
        moved
    }

    /// Usable bytes of a block, at least what was asked for.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator (not null).
    unsafe fn usable_size(&self, block: *mut u8) -> usize;

    /// What the allocator holds.
    fn figures(&self) -> Figures;
}

/// A kind of allocator `--allocator` can name.
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// Whether it works in a buffer of fixed size.
    pub sized: bool,
    /// Makes the allocator, in a buffer of so many bytes when it is sized.
    /// `None` when there is no memory for the buffer.
    pub create: fn(usize) -> Option<&'static dyn ProcessAllocator>,
}

/// Every kind, one row each.
pub static FAMILIES: &[Family] =
    &[heap::FAMILY, system::FAMILY, bump::FAMILY, free_list::FAMILY, stack::FAMILY, kmem::FAMILY];

/// The buffer of a sized allocator when none is given, in bytes.
pub const DEFAULT_SIZE: usize = 64 << 20;

/// What `--allocator` asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The kind's name.
    pub name: &'static str,
    /// The buffer's size in bytes; of no meaning for kinds without one.
    pub size: usize,
}

/// Why a choice of allocator was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// No kind has this name.
    UnknownName(String),
    /// The text after the colon is no size.
    BadSize(String),
    /// The kind has no buffer to size.
    NotSized(&'static str),
    /// There is no memory for the buffer.
    OutOfMemory(usize),
    /// The process has selected already.
    AlreadySelected,
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectError::UnknownName(name) => {
                write!(f, "unknown allocator `{name}`; there are ")?;
                for (index, family) in FAMILIES.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { ", " }, family.name)?;
                }
                Ok(())
            }
            SelectError::BadSize(text) => {
                write!(f, "`{text}` is not a size; write a number of bytes, or one with K, M or G")
            }
            SelectError::NotSized(name) => write!(f, "the allocator `{name}` takes no size"),
            SelectError::OutOfMemory(size) => write!(f, "no memory for an allocator of {size} bytes"),
            SelectError::AlreadySelected => write!(f, "the process's allocator is selected already"),
        }
    }
}

impl std::error::Error for SelectError {}

impl Choice {
    /// Reads `NAME` or `NAME:SIZE`, as `--allocator` takes it. `SIZE` is bytes,
    /// or a number followed by `K`, `M` or `G` (powers of 1024).
    pub fn parse(text: &str) -> Result<Choice, SelectError> {
        let (name, size) = match text.split_once(':') {
            Some((name, size)) => (name, Some(size)),
            None => (text, None),
        };
        let family = FAMILIES.iter().find(|family| family.name == name);
        let family = family.ok_or_else(|| SelectError::UnknownName(name.to_owned()))?;
        let size = match size {
            Some(_) if !family.sized => return Err(SelectError::NotSized(family.name)),
            Some(text) => parse_size(text).ok_or_else(|| SelectError::BadSize(text.to_owned()))?,
            None => DEFAULT_SIZE,
        };
        Ok(Choice { name: family.name, size })
    }
}

/// A positive number of bytes with an optional `K`, `M` or `G`, in which options give sizes; `None` for anything else.
pub fn parse_size(text: &str) -> Option<usize> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    size::array(digits.parse().ok()?, unit).filter(|size| *size > 0)
}

/// The selected allocator; empty while it is the heap.
static SELECTED: OnceLock<&'static dyn ProcessAllocator> = OnceLock::new();

/// Makes the chosen allocator the process's. Call once, before the program
/// allocates: blocks of one allocator must not meet the other.
pub fn select(choice: Choice) -> Result<(), SelectError> {
    let family = FAMILIES.iter().find(|family| family.name == choice.name);
    let family = family.ok_or_else(|| SelectError::UnknownName(choice.name.to_owned()))?;
    if SELECTED.get().is_some() {
        return Err(SelectError::AlreadySelected);
    }
    if family.name == heap::FAMILY.name {
        return Ok(());
    }
    let allocator = (family.create)(choice.size).ok_or(SelectError::OutOfMemory(choice.size))?;
    SELECTED.set(allocator).map_err(|_| SelectError::AlreadySelected)
}

/// The selected allocator; `None` while it is the heap.
#[inline]
pub fn selected() -> Option<&'static dyn ProcessAllocator> {
    SELECTED.get().copied()
}

/// The process's allocator, whichever it is.
pub fn current() -> &'static dyn ProcessAllocator {
    selected().unwrap_or(&heap::HEAP)
}

/// Allocates from the process's allocator; null when there is no room.
#[inline]
pub fn allocate(size: usize, align: usize) -> *mut u8 {
    match selected() {
        None => crate::heap::allocate(size, align),
        Some(other) => refusal::noting(other.allocate(size, align), size),
    }
}

/// As [`allocate`], and the bytes asked for are zero.
#[inline]
pub fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
    match selected() {
        None => crate::heap::allocate_zeroed(size, align),
        Some(other) => refusal::noting(other.allocate_zeroed(size, align), size),
    }
}

/// Frees a block of the process's allocator; null is ignored.
///
/// # Safety
///
/// `block` is null or a live block of the process's allocator.
#[inline]
pub unsafe fn deallocate(block: *mut u8) {
    match selected() {
        // SAFETY: the caller's word.
        None => unsafe { crate::heap::deallocate(block) },
        Some(_) if block.is_null() => {}
        // SAFETY: the caller's word, and not null.
        Some(other) => unsafe { other.deallocate(block) },
    }
}

/// Resizes a block of the process's allocator; null leaves it alone.
///
/// # Safety
///
/// `block` is a live block of the process's allocator (not null); after success
/// only the returned address is valid.
#[inline]
pub unsafe fn reallocate(block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
    match selected() {
        // SAFETY: the caller's word.
        None => unsafe { crate::heap::reallocate(block, new_size, align) },
        // SAFETY: the caller's word.
        Some(other) => refusal::noting(unsafe { other.reallocate(block, new_size, align) }, new_size),
    }
}

/// Usable bytes of a block of the process's allocator; 0 for null.
///
/// # Safety
///
/// `block` is null or a live block of the process's allocator.
#[inline]
pub unsafe fn usable_size(block: *mut u8) -> usize {
    match selected() {
        // SAFETY: the caller's word.
        None => unsafe { crate::heap::usable_size(block) },
        Some(_) if block.is_null() => 0,
        // SAFETY: the caller's word, and not null.
        Some(other) => unsafe { other.usable_size(block) },
    }
}

/// What the process's allocator holds.
pub fn figures() -> Figures {
    current().figures()
}

/// Where the bytes of the process's allocator are. Of one in a fixed buffer, the
/// whole buffer counts as memory from the OS.
pub fn totals() -> Totals {
    if selected().is_none() {
        return crate::heap::totals();
    }
    let Figures { used, free, total, blocks } = figures();
    Totals { live_bytes: used, live_blocks: blocks, free, overhead: 0, held: total, reserved: total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(parse_size("1"), Some(1));
        assert_eq!(parse_size("64M"), Some(64 << 20));
        assert_eq!(parse_size("3k"), Some(3 << 10));
        assert_eq!(parse_size("2G"), Some(2 << 30));
        for bad in
            ["", "M", "0", "-1", "+1", "1.5M", "12X", "1KB", "99999999999999999999", "9999999999G", "é"]
        {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn choices_are_checked_against_the_families() {
        assert_eq!(Choice::parse("heap"), Ok(Choice { name: "heap", size: DEFAULT_SIZE }));
        assert_eq!(Choice::parse("heap:1M"), Err(SelectError::NotSized("heap")));
        let error = Choice::parse("heep:1M").expect_err("no such family");
        assert!(error.to_string().starts_with("unknown allocator `heep`; there are heap"));
        for family in FAMILIES {
            assert_eq!(Choice::parse(family.name).map(|choice| choice.name), Ok(family.name));
            assert_eq!(Choice::parse(&format!("{}:1K", family.name)).is_ok(), family.sized);
        }
    }

    #[test]
    fn without_a_choice_the_heap_serves() {
        assert_eq!(current().name(), "heap");
        let block = allocate(100, 64);
        assert_eq!(block as usize % 64, 0);
        // SAFETY: the block is live and of the current allocator throughout.
        unsafe {
            assert!(usable_size(block) >= 100);
            let block = reallocate(block, 5000, 64);
            assert!(current().usable_size(block) >= 5000);
            assert!(totals().live_blocks > 0 && totals().live_bytes >= 5000);
            deallocate(block);
            deallocate(core::ptr::null_mut());
        }
    }
}
