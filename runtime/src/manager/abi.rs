//! Xila's C ABI: sizes and alignments in, null on failure.
//!
//! C's `free` names only an address, the manager wants the layout; so it is kept
//! in front of the block. One mutex serialises the calls, as the document says.

use super::{CapabilityFlags, get_instance};
use crate::sync::{ForkHandlers, Lock};
use crate::{fault, size};
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::null_mut;

/// What lies directly in front of a block.
#[repr(C)]
struct Metadata {
    /// Bytes asked for.
    size: usize,
    /// Alignment asked for.
    align: usize,
    /// Capabilities asked for.
    capabilities: usize,
    /// [`MARK`] mixed with the block's address while it is live.
    mark: usize,
}

/// Tells a live block of this ABI from other addresses.
const MARK: usize = 0x58_49_4C_41_6D_65_6D_21_u64 as usize;

/// The alignment of blocks asked for with alignment 0.
const DEFAULT_ALIGN: usize = 16;

static MUTEX: Lock<()> = Lock::new(());
static HANDLERS: ForkHandlers = ForkHandlers::new(prepare_inner, before_fork, after_fork, after_fork);

/// The locks of whatever the manager is.
fn prepare_inner() {
    crate::heap::prepare_for_fork();
    crate::alloc::kmem::prepare_for_fork();
}

/// Installs the `fork` handlers; see [`ForkHandlers::ensure`].
#[cfg(unix)]
pub(crate) fn prepare_for_fork() {
    HANDLERS.ensure();
}

unsafe extern "C" fn before_fork() {
    MUTEX.acquire();
}

unsafe extern "C" fn after_fork() {
    // SAFETY: taken by `before_fork`, on this thread or the one it is a copy of.
    unsafe { MUTEX.release() }
}

/// Runs `operation` under the mutex.
fn serialised<R>(operation: impl FnOnce() -> R) -> R {
    HANDLERS.ensure();
    let _guard = MUTEX.lock();
    operation()
}

impl Metadata {
    /// How far behind the manager's block the caller's begins.
    fn offset(align: usize) -> usize {
        align.max(size_of::<Metadata>())
    }

    /// The layout the manager is asked for.
    fn layout(size: usize, align: usize) -> Option<Layout> {
        let align = align.max(align_of::<Metadata>());
        Layout::from_size_align(size::sum(size, Metadata::offset(align))?, align).ok()
    }

    /// The metadata of a block.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this ABI.
    unsafe fn of(block: *mut u8) -> *mut Metadata {
        block.wrapping_sub(size_of::<Metadata>()).cast()
    }
}

fn allocate(size: usize, align: usize, capabilities: CapabilityFlags) -> *mut u8 {
    let Some(layout) = Metadata::layout(size, align) else { return null_mut() };
    let start = get_instance().allocate(capabilities, layout);
    if start.is_null() {
        return null_mut();
    }
    let block = start.wrapping_add(Metadata::offset(layout.align()));
    let metadata =
        Metadata { size, align, capabilities: capabilities.bits() as usize, mark: MARK ^ block as usize };
    // SAFETY: the manager's block has `offset` bytes in front of `block`, at
    // least the metadata's size, at an address aligned for it.
    unsafe { Metadata::of(block).write(metadata) };
    block
}

/// Reads a live block's metadata: size, alignment, capabilities. Anything else
/// is a fault.
///
/// # Safety
///
/// The bytes in front of `block` are readable.
unsafe fn read(function: &str, block: *mut u8) -> (usize, usize, CapabilityFlags) {
    // SAFETY: the caller's word; the mark is checked before anything is believed.
    let metadata = unsafe { Metadata::of(block).read_unaligned() };
    if metadata.mark != MARK ^ block as usize {
        fault!(BadPointer at block, "{function}: {block:p} is not a block of xila_memory_allocate, or was freed");
    }
    (metadata.size, metadata.align, CapabilityFlags::from_bits_truncate(metadata.capabilities as u8))
}

/// # Safety
///
/// `block` is a live block of this ABI with this size and alignment.
unsafe fn deallocate(block: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's word: metadata and layout are the block's own.
    unsafe {
        (*Metadata::of(block)).mark = 0;
        if let Some(layout) = Metadata::layout(size, align) {
            get_instance().deallocate(block.wrapping_sub(Metadata::offset(layout.align())), layout);
        }
    }
}

crate::exports! {
    group Xila;

    /// Allocates `size` bytes at a multiple of `alignment` (0: 16) with the
    /// given capabilities (1: executable, 2: direct memory access).
    ///
    /// `hint` is an address the block would ideally have; managers may ignore
    /// it, and the heap does. Null when there is no memory, the alignment is not
    /// a power of two, or a capability is unknown or cannot be met.
    pub fn xila_memory_allocate(hint: *mut c_void, size: usize, alignment: usize, capabilities: u8) -> *mut c_void {
        let _ = hint;
        let align = if alignment == 0 { DEFAULT_ALIGN } else { alignment };
        match CapabilityFlags::from_bits(capabilities) {
            Some(capabilities) if size::is_alignment(align) => {
                serialised(|| allocate(size, align, capabilities)).cast()
            }
            _ => null_mut(),
        }
    }

    /// Frees a block of `xila_memory_allocate`. Null is ignored.
    pub fn xila_memory_deallocate(pointer: *mut c_void) {
        if pointer.is_null() {
            return;
        }
        // SAFETY: the caller passes a live block; checked outside the mutex, so
        // that a fault does not leave it taken.
        let (size, align, _) = unsafe { read("xila_memory_deallocate", pointer.cast()) };
        // SAFETY: the block is live, with what its metadata says.
        serialised(|| unsafe { deallocate(pointer.cast(), size, align) });
    }

    /// Resizes a block to `size` bytes, keeping its contents, alignment and
    /// capabilities. A null `pointer` allocates, a `size` of 0 frees and returns
    /// null. Null for any other `size`: no memory, and the block is unchanged.
    pub fn xila_memory_reallocate(pointer: *mut c_void, size: usize) -> *mut c_void {
        if pointer.is_null() {
            return serialised(|| allocate(size, DEFAULT_ALIGN, CapabilityFlags::empty())).cast();
        }
        let block = pointer.cast::<u8>();
        // SAFETY: the caller passes a live block; see `xila_memory_deallocate`.
        let (old_size, align, capabilities) = unsafe { read("xila_memory_reallocate", block) };
        serialised(|| {
            if size == 0 {
                // SAFETY: the block is live, with what its metadata says.
                unsafe { deallocate(block, old_size, align) };
                return null_mut();
            }
            let moved = allocate(size, align, capabilities);
            if !moved.is_null() {
                // SAFETY: two live blocks, both at least that long; the old one
                // is the caller's to give up.
                unsafe {
                    core::ptr::copy_nonoverlapping(block, moved, old_size.min(size));
                    deallocate(block, old_size, align);
                }
            }
            moved.cast()
        })
    }

    /// Copies `size` bytes from `source` to `destination`, which must not
    /// overlap, and returns `destination`.
    pub fn xila_memory_copy(destination: *mut c_void, source: *const c_void, size: usize) -> *mut c_void {
        // SAFETY: the caller passes two ranges of `size` bytes.
        unsafe { libc::memcpy(destination, source, size) }
    }

    /// Copies `size` bytes from `source` to `destination`, which may overlap,
    /// and returns `destination`.
    pub fn xila_memory_move(destination: *mut c_void, source: *const c_void, size: usize) -> *mut c_void {
        // SAFETY: the caller passes two ranges of `size` bytes.
        unsafe { libc::memmove(destination, source, size) }
    }

    /// Sets `size` bytes at `destination` to the low byte of `value` and returns
    /// `destination`.
    pub fn xila_memory_set(destination: *mut c_void, value: i32, size: usize) -> *mut c_void {
        // SAFETY: the caller passes a writable range of `size` bytes.
        unsafe { libc::memset(destination, value, size) }
    }

    /// Compares `size` bytes as unsigned numbers: 0, negative or positive.
    pub fn xila_memory_compare(a: *const c_void, b: *const c_void, size: usize) -> i32 {
        // SAFETY: the caller passes two readable ranges of `size` bytes.
        unsafe { libc::memcmp(a, b, size) }
    }
}
