//! What the fixed-buffer allocators of this folder share: memory for the buffer
//! and the sealed header that keeps a block's size.

use crate::alloc::owned::BUFFER_ALIGN;
use crate::{fault, os};
use core::ptr::{NonNull, null_mut};

/// Alignment of every block, and the size of a [`Header`], in bytes.
pub const BLOCK_ALIGN: usize = 16;

/// Lies directly in front of a block.
#[repr(C)]
pub struct Header {
    /// Usable bytes of the block.
    pub size: usize,
    /// Says that this is a header; see [`seal`].
    seal: usize,
}

const _: () = assert!(size_of::<Header>() == BLOCK_ALIGN);

/// The second word of a header: what neither user data nor another block's
/// header has there, except by design.
fn seal(block: usize, size: usize) -> usize {
    (block ^ size.rotate_left(32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

/// Writes the header of `block`.
///
/// # Safety
///
/// The 16 bytes in front of `block`, which is 16-aligned, must be the caller's.
pub unsafe fn write_header(block: *mut u8, size: usize) {
    // SAFETY: the caller's word.
    unsafe { block.cast::<Header>().sub(1).write(Header { size, seal: seal(block.addr(), size) }) }
}

/// The size of `block`, which lies in the buffer `buffer..buffer + capacity`.
///
/// # Faults
///
/// When `block` is not the start of a block, or of one that was retired.
pub fn size_of_block(block: *mut u8, buffer: i64, capacity: i64) -> usize {
    let offset = block.addr().wrapping_sub(buffer as usize);
    let inside = (size_of::<Header>()..=capacity as usize).contains(&offset);
    if inside && block.addr().is_multiple_of(BLOCK_ALIGN) {
        // SAFETY: the header's bytes are inside the buffer, aligned.
        let header = unsafe { &*block.cast::<Header>().sub(1) };
        if header.seal == seal(block.addr(), header.size) {
            return header.size;
        }
    }
    fault!(BadPointer at block, "bad pointer: {block:p} is not the start of a live block")
}

/// Unseals the header of a block that is gone, so that its address is no longer
/// taken for one.
///
/// # Safety
///
/// `block` must be a block with a header whose memory nobody uses any more.
pub unsafe fn retire(block: *mut u8) {
    // SAFETY: the caller's word.
    unsafe { (*block.cast::<Header>().sub(1)).seal = 0 }
}

/// A buffer of `capacity` bytes, never given back, as the document's structs
/// name it.
pub fn buffer(capacity: usize) -> Option<i64> {
    let bytes = os::round_to_pages(capacity.max(1))?;
    let buffer = NonNull::new(os::limit::map_held(bytes, os::page_size().max(BUFFER_ALIGN)))?;
    Some(buffer.as_ptr().expose_provenance() as i64)
}

/// Puts an allocator where it stays for the rest of the process.
pub fn keep<T: Sync>(allocator: T) -> Option<&'static T> {
    const { assert!(align_of::<T>() <= 64) }
    let place = NonNull::new(os::limit::metadata_held(size_of::<T>()))?.cast::<T>();
    // SAFETY: fresh memory, large enough, 64-aligned, never given back.
    unsafe {
        place.write(allocator);
        Some(place.as_ref())
    }
}

/// An address of a document's struct as a block; null for 0.
pub fn pointer(address: i64) -> *mut u8 {
    match address {
        0 => null_mut(),
        address => core::ptr::with_exposed_provenance_mut(address as usize),
    }
}
