//! What a program can ask the heap and tell it, besides for memory.

use crate::abi::{AbiTy, abi_types};
use crate::heap;
use crate::heap::figures::{self, ClassFigures, HeapLine};
use crate::os::limit;
use crate::{fault, process};
use core::ffi::{CStr, c_char, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The version as text, for C.
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version has no zero in it"),
};

/// The version as a number: 10000 for each major, 100 for each minor one, 1 for each
/// patch.
pub const VERSION_NUMBER: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 100
    + number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("versions consist of numbers"),
    }
}

/// Where the process's memory is, in bytes. `held == used + free + overhead`, but for
/// what other threads are doing meanwhile.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// Memory from the OS.
    pub held: usize,
    /// The most that was held at once.
    pub peak: usize,
    /// Address space from the OS, of which some is not in memory.
    pub reserved: usize,
    /// Usable bytes of live blocks.
    pub used: usize,
    /// Live blocks; a count.
    pub blocks: usize,
    /// Memory that no live block uses and a block can.
    pub free: usize,
    /// Bookkeeping.
    pub overhead: usize,
    /// What may be held; all ones when there is no limit.
    pub limit: usize,
    /// What ever went back to the OS.
    pub returned: usize,
}

impl MemoryFigures {
    /// The figures now.
    pub fn now() -> MemoryFigures {
        let totals = heap::totals();
        MemoryFigures {
            held: totals.held,
            peak: limit::memory_peak() as usize,
            reserved: totals.reserved,
            used: totals.live_bytes,
            blocks: totals.live_blocks,
            free: totals.free,
            overhead: totals.overhead,
            limit: limit::memory_limit().map_or(usize::MAX, |bytes| bytes as usize),
            returned: limit::memory_returned() as usize,
        }
    }
}

/// What is called when a fault is reported, before the process ends: its kind, one
/// line of text, the address it is about or null, and the caller's pointer.
pub type FaultHandler = Option<unsafe extern "C" fn(i32, *const c_char, *const c_void, *mut c_void)>;

abi_types! {
    *mut MemoryFigures => AbiTy::PtrTo("Figures");
    *mut ClassFigures => AbiTy::PtrTo("ClassFigures");
    *mut HeapLine => AbiTy::PtrTo("HeapLine");
    FaultHandler => AbiTy::Callback("FaultHandler");
}

/// The handler of C, null for none, and its pointer.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
static USER: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

/// Bytes of a message for C, with the zero at its end; longer ones are cut.
const MESSAGE: usize = 1024;

/// Hands a fault to the handler of C.
fn observe(fault: &fault::Fault<'_>) {
    // A fault of the handler itself is reported without it.
    let handler = HANDLER.swap(core::ptr::null_mut(), Ordering::AcqRel);
    if handler.is_null() {
        return;
    }
    let mut text = [0u8; MESSAGE];
    let len = fault.message.floor_char_boundary(MESSAGE - 1);
    text[..len].copy_from_slice(&fault.message.as_bytes()[..len]);
    type Function = unsafe extern "C" fn(i32, *const c_char, *const c_void, *mut c_void);
    // SAFETY: the only non-null values are functions of this type, from
    // `vex_set_fault_handler`.
    let handler = unsafe { core::mem::transmute::<*mut (), Function>(handler) };
    let address = core::ptr::without_provenance(fault.address);
    // SAFETY: the function is the caller's, for just these arguments.
    unsafe { handler(fault.kind.code(), text.as_ptr().cast(), address, USER.load(Ordering::Acquire)) }
}

crate::exports! {
    group Embed;

    /// The version of the library, such as "1.2.3". The header's is `VEX_VERSION`.
    pub fn vex_version() -> *const c_char {
        VERSION.as_ptr()
    }

    /// The version of the library as a number, 10203 for 1.2.3. The header's is
    /// `VEX_VERSION_NUMBER`.
    pub fn vex_version_number() -> u32 {
        VERSION_NUMBER
    }

    /// Makes a block at least `size` usable bytes long without moving it; false, and
    /// nothing changed, when that cannot be done, and for null.
    ///
    /// What a shorter block does not need may be given back.
    pub fn vex_resize_in_place(ptr: *mut c_void, size: usize) -> bool {
        // SAFETY: the caller passes null or a live block.
        unsafe { heap::resize_in_place(ptr.cast(), size) }
    }

    /// Writes where the process's memory is to `out`, but at most `bytes` bytes of
    /// it; returns how many there are. `bytes` is `sizeof *out`.
    pub fn vex_figures(out: *mut MemoryFigures, bytes: usize) -> usize {
        // SAFETY: the caller passes room for that many bytes.
        unsafe { super::give(&MemoryFigures::now(), out, bytes) }
    }

    /// Writes the figures of the first `count` size classes, smallest first, to
    /// `out`; returns how many classes there are. Big blocks have none.
    pub fn vex_class_figures(out: *mut ClassFigures, count: usize) -> usize {
        let classes = figures::classes();
        if !out.is_null() {
            let count = count.min(classes.len());
            // SAFETY: the caller passes room for that many.
            unsafe { core::ptr::copy_nonoverlapping(classes.as_ptr(), out, count) };
        }
        classes.len()
    }

    /// Writes a line for each of the first `count` heaps to `out`: those of threads,
    /// of ended ones, and first-class ones; returns how many heaps there are.
    pub fn vex_heap_lines(out: *mut HeapLine, count: usize) -> usize {
        let mut index = 0;
        figures::heaps(&mut |line| {
            if index < count && !out.is_null() {
                // SAFETY: the caller passes room for that many.
                unsafe { out.add(index).write(*line) };
            }
            index += 1;
        });
        index
    }

    /// Gives everything back to the OS that can be given back now; by how many bytes
    /// less the process holds. Otherwise memory goes back by itself, in time.
    pub fn vex_trim() -> usize {
        heap::trim()
    }

    /// Sets how many bytes the process may hold from now on; `SIZE_MAX` for no limit.
    /// What would need more gets null. Nothing is taken away.
    pub fn vex_set_memory_limit(bytes: usize) {
        limit::set_memory_limit((bytes != usize::MAX).then_some(bytes as u64));
    }

    /// How many bytes the process may hold; `SIZE_MAX` when there is no limit.
    pub fn vex_memory_limit() -> usize {
        limit::memory_limit().map_or(usize::MAX, |bytes| bytes as usize)
    }

    /// Has `handler` called when misuse is noticed (a double free, a pointer that is
    /// no block, a heap that was destroyed) or something that cannot be gone on from
    /// fails, with `user` as its last argument. Null: nobody is called.
    ///
    /// When it returns, the message goes to standard error and the process aborts. It
    /// may end the process itself. It must not use the heap that the fault is about,
    /// nor throw. It is called once: a fault of its own, or of another thread
    /// meanwhile, is reported without it.
    pub fn vex_set_fault_handler(handler: FaultHandler, user: *mut c_void) {
        USER.store(user, Ordering::Release);
        let handler = handler.map_or(core::ptr::null_mut(), |handler| handler as *mut ());
        HANDLER.store(handler, Ordering::Release);
        fault::set_observer(observe);
    }

    /// The bytes of the request that was refused last for want of memory, by the
    /// heap or by a limit; 0 when none was, or one of 0 bytes.
    pub fn vex_last_refusal() -> usize {
        process::refusal::last_refusal().map_or(0, |refusal| refusal.size)
    }
}
