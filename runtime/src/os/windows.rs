//! Windows: `VirtualAlloc` and its family, `HeapAlloc` for bookkeeping.
//! Contracts are in the parent module.
//!
//! A reservation is released as a whole or not at all, so nothing can be trimmed
//! or resized; what is no longer wanted is decommitted instead.

use super::Protection;
use crate::fault;
use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

const MEM_COMMIT: u32 = 0x1000;
const MEM_RESERVE: u32 = 0x2000;
const MEM_DECOMMIT: u32 = 0x4000;
const MEM_RELEASE: u32 = 0x8000;
const PAGE_NOACCESS: u32 = 0x01;
const PAGE_READWRITE: u32 = 0x04;
const PAGE_EXECUTE_READ: u32 = 0x20;
const HEAP_ZERO_MEMORY: u32 = 0x08;
const FLS_OUT_OF_INDEXES: u32 = u32::MAX;

/// `SYSTEM_INFO`.
#[repr(C)]
struct SystemInfo {
    processor_architecture: u16,
    reserved: u16,
    page_size: u32,
    minimum_application_address: *mut c_void,
    maximum_application_address: *mut c_void,
    active_processor_mask: usize,
    number_of_processors: u32,
    processor_type: u32,
    allocation_granularity: u32,
    processor_level: u16,
    processor_revision: u16,
}

/// `PFLS_CALLBACK_FUNCTION`.
type FlsCallback = unsafe extern "system" fn(*mut c_void);

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetSystemInfo(info: *mut SystemInfo);
    fn VirtualAlloc(address: *mut c_void, size: usize, kind: u32, protect: u32) -> *mut c_void;
    fn VirtualFree(address: *mut c_void, size: usize, kind: u32) -> i32;
    fn VirtualProtect(address: *mut c_void, size: usize, protect: u32, old: *mut u32) -> i32;
    fn VirtualLock(address: *mut c_void, size: usize) -> i32;
    fn VirtualUnlock(address: *mut c_void, size: usize) -> i32;
    fn GetProcessHeap() -> *mut c_void;
    fn HeapAlloc(heap: *mut c_void, flags: u32, size: usize) -> *mut c_void;
    fn GetCurrentProcess() -> *mut c_void;
    fn FlushInstructionCache(process: *mut c_void, address: *const c_void, size: usize) -> i32;
    fn GetTickCount64() -> u64;
    fn SwitchToThread() -> i32;
    fn FlsAlloc(callback: Option<FlsCallback>) -> u32;
    fn FlsFree(index: u32) -> i32;
    fn FlsSetValue(index: u32, value: *mut c_void) -> i32;
}

pub(super) fn query_page_size() -> usize {
    let mut info = SystemInfo {
        processor_architecture: 0,
        reserved: 0,
        page_size: 4096,
        minimum_application_address: null_mut(),
        maximum_application_address: null_mut(),
        active_processor_mask: 0,
        number_of_processors: 0,
        processor_type: 0,
        allocation_granularity: 0,
        processor_level: 0,
        processor_revision: 0,
    };
    // SAFETY: `info` is a writable `SYSTEM_INFO`.
    unsafe { GetSystemInfo(&mut info) };
    info.page_size as usize
}

/// Reserves and commits memory at `address`, or anywhere for null.
fn commit(address: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: a new reservation touches nothing existing; when the address is
    // taken the call fails.
    unsafe { VirtualAlloc(address.cast(), size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE).cast() }
}

/// Maps `size` zeroed read-write bytes at a multiple of `align`; null on failure.
pub fn map(size: usize, align: usize) -> *mut u8 {
    let ptr = commit(null_mut(), size);
    if ptr.is_null() || (ptr as usize).is_multiple_of(align) {
        return ptr;
    }
    // SAFETY: just mapped, and nobody has seen it.
    unsafe { unmap(ptr, size) };
    let Some(padded) = size.checked_add(align) else { return null_mut() };
    // Find room, let go of it and take the aligned part. Another thread may be
    // faster; then look again.
    for _ in 0..16 {
        // SAFETY: a new reservation touches nothing existing.
        let room = unsafe { VirtualAlloc(null_mut(), padded, MEM_RESERVE, PAGE_NOACCESS) }.cast::<u8>();
        if room.is_null() {
            return null_mut();
        }
        let aligned = room.wrapping_add((room as usize).wrapping_neg() & (align - 1));
        // SAFETY: the reservation was never used.
        unsafe { unmap(room, padded) };
        let ptr = commit(aligned, size);
        if !ptr.is_null() {
            return ptr;
        }
    }
    null_mut()
}

/// Gives a mapping back.
///
/// # Safety
///
/// `ptr..ptr + size` must be a whole mapping nobody uses any more.
pub unsafe fn unmap(ptr: *mut u8, _size: usize) {
    // SAFETY: the caller gives the mapping up.
    unsafe { VirtualFree(ptr.cast(), 0, MEM_RELEASE) };
}

/// Decommits what lies around `start..start + len`; the addresses stay reserved,
/// so the answer is always false.
///
/// # Safety
///
/// The kept range must lie inside the mapping `ptr..ptr + size`, all in whole
/// OS pages, and nobody may use the rest any more.
pub unsafe fn trim(ptr: *mut u8, size: usize, start: *mut u8, len: usize) -> bool {
    let head = start as usize - ptr as usize;
    let tail = size - head - len;
    // SAFETY: both ranges are inside the mapping and outside what is kept.
    unsafe {
        // A size of 0 would decommit the whole reservation.
        if head != 0 {
            VirtualFree(ptr.cast(), head, MEM_DECOMMIT);
        }
        if tail != 0 {
            VirtualFree(start.add(len).cast(), tail, MEM_DECOMMIT);
        }
    }
    false
}

/// Windows cannot resize a mapping: always false.
///
/// # Safety
///
/// None is needed; the signature is the shared one.
pub unsafe fn remap_in_place(_ptr: *mut u8, _old: usize, _new: usize) -> bool {
    false
}

/// Windows cannot resize a mapping: always null.
///
/// # Safety
///
/// None is needed; the signature is the shared one.
pub unsafe fn remap(_ptr: *mut u8, _old: usize, _new: usize, _align: usize) -> *mut u8 {
    null_mut()
}

/// Gives the memory behind OS pages back and keeps their addresses; true: the
/// bytes now read as zero.
///
/// # Safety
///
/// `ptr..ptr + size` must be whole OS pages of a read-write mapping whose
/// contents nobody needs.
pub unsafe fn discard(ptr: *mut u8, size: usize) -> bool {
    // SAFETY: the caller gives the contents up; the range stays reserved.
    unsafe {
        if VirtualFree(ptr.cast(), size, MEM_DECOMMIT) == 0 {
            return false;
        }
        // Committed again at once, so that the range stays what it was to its
        // user. Only the system's commit limit can refuse that.
        if VirtualAlloc(ptr.cast(), size, MEM_COMMIT, PAGE_READWRITE).is_null() {
            fault!(System, "the system has no memory to commit {size} bytes again");
        }
    }
    true
}

/// Changes what may be done with OS pages; false when the OS refuses.
///
/// # Safety
///
/// `ptr..ptr + size` must be whole OS pages of a mapping of the caller's.
pub unsafe fn protect(ptr: *mut u8, size: usize, protection: Protection) -> bool {
    let bits = match protection {
        Protection::None => PAGE_NOACCESS,
        Protection::ReadWrite => PAGE_READWRITE,
        Protection::ReadExecute => PAGE_EXECUTE_READ,
    };
    let mut old = 0;
    // SAFETY: the caller owns the pages; `old` is writable.
    unsafe { VirtualProtect(ptr.cast(), size, bits, &mut old) != 0 }
}

/// Keeps OS pages resident; false when the OS refuses (the working set's size).
///
/// # Safety
///
/// As for [`protect`].
pub unsafe fn pin(ptr: *mut u8, size: usize) -> bool {
    // SAFETY: the pages are committed.
    unsafe { VirtualLock(ptr.cast(), size) != 0 }
}

/// Undoes [`pin`].
///
/// # Safety
///
/// As for [`protect`].
pub unsafe fn unpin(ptr: *mut u8, size: usize) {
    // SAFETY: the pages are committed.
    unsafe { VirtualUnlock(ptr.cast(), size) };
}

/// Only Linux has them: always false.
pub fn prepare_barriers() -> bool {
    false
}

/// Never called, since there are none.
pub fn barrier_in_all_threads() {}

/// Only Linux can reserve addresses without a risk: always false.
pub fn reserve_at(_start: usize, _size: usize) -> bool {
    false
}

/// Zeroed memory for bookkeeping that is never given back; null on failure.
pub fn metadata(size: usize) -> *mut u8 {
    const ALIGN: usize = 64;
    let Some(padded) = size.checked_add(ALIGN) else { return null_mut() };
    // SAFETY: the process heap exists as long as the process.
    let ptr = unsafe { HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, padded) }.cast::<u8>();
    if ptr.is_null() {
        return ptr;
    }
    // The block is never freed, so its own address is not needed again.
    ptr.wrapping_add((ptr as usize).wrapping_neg() & (ALIGN - 1))
}

pub(super) fn flush_instructions(ptr: *mut u8, size: usize) {
    // SAFETY: it only maintains caches for the range.
    unsafe { FlushInstructionCache(GetCurrentProcess(), ptr.cast(), size) };
}

/// A coarse monotonic clock in milliseconds; cheap enough for slow paths.
pub fn now_ms() -> u64 {
    // SAFETY: no preconditions.
    unsafe { GetTickCount64() }
}

/// Asks for huge pages in a range: false, there is no such wish here.
///
/// # Safety
///
/// None is needed; the signature is the shared one.
pub unsafe fn prefer_huge(_ptr: *mut u8, _size: usize, _huge: bool) -> bool {
    false
}

/// A number that is different each time; it can be guessed.
pub fn random() -> u64 {
    let number = 0u64;
    (now_ms() ^ (&raw const number as u64).rotate_left(20)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The number of the calling process; not needed without `fork`.
pub fn process_id() -> i32 {
    0
}

/// Whether the variable of the environment is `0`: it is not read here.
pub fn is_off(_name: &core::ffi::CStr) -> bool {
    false
}

/// Whether the thread is in a handler that runs on a stack for signals: there are none.
pub fn is_on_signal_stack() -> bool {
    false
}

/// Waits so many milliseconds at least. Only helpers do.
pub fn sleep_ms(_ms: u64) {
    yield_now();
}

/// Runs `work` in a thread that nobody waits for. There is none on this system: false.
pub fn start_helper(_work: fn()) -> bool {
    false
}

/// Lets another thread run.
pub fn yield_now() {
    // SAFETY: no preconditions.
    unsafe { SwitchToThread() };
}

/// The fibre-local index whose callback runs at thread exit, plus one (0: none).
static EXIT_INDEX: AtomicUsize = AtomicUsize::new(0);
/// What runs at thread exit.
static EXIT_HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());

unsafe extern "system" fn run_exit_hook(value: *mut c_void) {
    let hook = EXIT_HOOK.load(Ordering::Acquire);
    if !hook.is_null() && !value.is_null() {
        // SAFETY: only `at_thread_exit` stores here, always a `fn(*mut u8)`.
        let hook = unsafe { core::mem::transmute::<*mut (), fn(*mut u8)>(hook) };
        hook(value.cast());
    }
}

/// Runs `hook(value)` when the calling thread ends. The hook is one for the
/// process, the value one for the thread. False when the OS has no index left.
pub fn at_thread_exit(hook: fn(*mut u8), value: *mut u8) -> bool {
    EXIT_HOOK.store(hook as *mut (), Ordering::Release);
    let mut index = EXIT_INDEX.load(Ordering::Acquire);
    if index == 0 {
        // SAFETY: the callback has the right type and lives as long as the process.
        let fresh = unsafe { FlsAlloc(Some(run_exit_hook)) };
        if fresh == FLS_OUT_OF_INDEXES {
            return false;
        }
        let wanted = fresh as usize + 1;
        index = match EXIT_INDEX.compare_exchange(0, wanted, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => wanted,
            Err(winner) => {
                // SAFETY: the index lost the race and was never used.
                unsafe { FlsFree(fresh) };
                winner
            }
        };
    }
    // SAFETY: the index exists for the rest of the process.
    unsafe { FlsSetValue((index - 1) as u32, value.cast()) != 0 }
}

/// There is no `fork` on Windows.
pub fn at_fork(
    _before: unsafe extern "C" fn(),
    _parent: unsafe extern "C" fn(),
    _child: unsafe extern "C" fn(),
) {
}
