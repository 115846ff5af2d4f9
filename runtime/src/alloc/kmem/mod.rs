//! kmem: one fixed buffer, zeroed blocks, and a reason for every one of them.
//!
//! For plain data of a program that wants to know what its memory is for. The
//! buffer is made at the first allocation, [`DEFAULT_CAPACITY`] unless
//! [`configure`] was called before; nothing else is ever asked of the OS except
//! for the books. It cannot serve data with destructors: the bytes are zeroed
//! and handed out again. All functions may be called from any thread.
//!
//! What the document calls an assertion failure (no room, a size below 1, an
//! unknown or interior pointer, a double release) is a fault that names the
//! reason.

mod buffer;
pub mod heap_mem;
mod reasons;

pub use buffer::{Buffer, Refusal};
pub use heap_mem::{HeapMem, Pod};
pub use reasons::{MAX_REASON, ReasonText, Reasons, Usage};

use super::figures::AllocFigures;
use super::free_list;
use crate::abi::{AbiTy, AbiType, VexStr};
use crate::fault;
use crate::sync::{ForkHandlers, Guard, Lock};
use core::ffi::{CStr, c_char, c_void};
use core::fmt::{self, Write};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

/// The buffer's size in bytes unless configured: 64 MiB.
pub const DEFAULT_CAPACITY: usize = 64 << 20;

/// Alignment of every block in bytes.
pub const BLOCK_ALIGN: usize = 16;

struct State {
    capacity: usize,
    buffer: Option<Buffer>,
}

static STATE: Lock<State> = Lock::new(State { capacity: DEFAULT_CAPACITY, buffer: None });

/// Sets the size of the buffer in bytes; false, and nothing changed, when the
/// buffer exists already.
pub fn configure(capacity: usize) -> bool {
    let mut state = state();
    if state.buffer.is_none() {
        state.capacity = capacity;
    }
    state.buffer.is_none()
}

/// Makes the buffer now; false when the system has no memory for it.
pub fn prepare() -> bool {
    with_buffer(|_| Ok(())).is_ok()
}

static HANDLERS: ForkHandlers =
    ForkHandlers::new(crate::heap::prepare_for_fork, before_fork, after_fork, after_fork);

unsafe extern "C" fn before_fork() {
    STATE.acquire();
}

unsafe extern "C" fn after_fork() {
    // SAFETY: taken by `before_fork`, on this thread or the one it is a copy of.
    unsafe { STATE.release() }
}

/// Installs the `fork` handlers; see [`ForkHandlers::ensure`].
pub(crate) fn prepare_for_fork() {
    HANDLERS.ensure();
}

/// The books, for the calling thread alone.
fn state() -> Guard<'static, State> {
    prepare_for_fork();
    STATE.lock()
}

/// Gives up the buffer as if there had been none: a forked child may have that of another test.
#[cfg(test)]
pub(crate) fn forget_buffer() {
    core::mem::forget(state().buffer.take());
}

/// Runs `body` on the buffer, which it makes if there is none yet.
fn with_buffer<R>(body: impl FnOnce(&mut Buffer) -> Result<R, Refusal>) -> Result<R, Refusal> {
    let mut state = state();
    let capacity = state.capacity;
    match &mut state.buffer {
        Some(buffer) => body(buffer),
        none => body(none.insert(Buffer::new(capacity)?)),
    }
}

/// Reads the books; `none` when nothing was ever allocated.
fn read<R>(none: R, body: impl FnOnce(&Buffer) -> R) -> R {
    state().buffer.as_ref().map_or(none, body)
}

/// A zeroed block of `bytes` bytes at a multiple of `align` and of 16. For
/// callers that have another answer to a refusal than a fault.
pub fn try_allocate(bytes: usize, align: usize, reason: &str) -> Result<NonNull<u8>, Refusal> {
    let reason = ReasonText::of(reason);
    with_buffer(|buffer| buffer.allocate(bytes, align.max(BLOCK_ALIGN), reason))
}

/// Gives a block back and returns its requested size; see [`try_allocate`].
pub fn try_release(at: usize) -> Result<u64, Refusal> {
    with_buffer(|buffer| buffer.release(at))
}

/// The requested size of a live block; see [`try_allocate`].
pub fn try_size_of(at: usize) -> Result<u64, Refusal> {
    with_buffer(|buffer| buffer.size_of(at))
}

/// Allocates a zeroed block of `bytes` bytes, 16-aligned.
///
/// # Faults
///
/// When `bytes` is below 1 or there is no room; the message names the reason.
pub fn allocate(bytes: i64, reason: &str) -> NonNull<u8> {
    match usize::try_from(bytes) {
        Ok(bytes @ 1..) => granted(try_allocate(bytes, BLOCK_ALIGN, reason)),
        _ => refuse(Refusal::BadSize { bytes, reason: ReasonText::of(reason) }),
    }
}

/// Releases the block that `*mem` points to and nulls `*mem`. A null pointer is
/// ignored.
///
/// # Faults
///
/// When the pointer is not a live block of kmem; `*mem` then stays as it is.
///
/// # Safety
///
/// `mem` must be null or point to a pointer this thread may write, and nobody
/// may use the block any more.
pub unsafe fn release(mem: *mut *mut c_void) {
    if mem.is_null() {
        return;
    }
    // SAFETY: the caller vouches for `mem`; the pointer read is only compared.
    let at = unsafe { mem.read() };
    if !at.is_null() {
        granted(try_release(at.expose_provenance()));
        // SAFETY: as above.
        unsafe { mem.write(core::ptr::null_mut()) };
    }
}

/// The size of a live block, exactly as requested, in bytes.
///
/// # Faults
///
/// When the pointer is null or not a live block of kmem.
pub fn sizeof_allocation(mem: *const c_void) -> u64 {
    granted(try_size_of(mem.addr()))
}

fn granted<R>(result: Result<R, Refusal>) -> R {
    result.unwrap_or_else(|refusal| refuse(refusal))
}

/// Reports a refusal. The lock is free by now: the handler may use kmem.
fn refuse(refusal: Refusal) -> ! {
    fault!(Assertion, "{refusal}")
}

/// The figures of one reason; zeros when it was never used.
pub fn usage(reason: &str) -> Usage {
    read(Usage::default(), |buffer| buffer.reasons().usage_of(&ReasonText::of(reason)))
}

/// The figures of everything together.
pub fn total() -> Usage {
    read(Usage::default(), Buffer::total)
}

/// The buffer's size and how many bytes of it are in live blocks, headers and
/// rounding included; the configured size and 0 while there is no buffer.
pub fn occupancy() -> (usize, usize) {
    let state = state();
    state.buffer.as_ref().map_or((state.capacity, 0), |buffer| (buffer.capacity(), buffer.occupied()))
}

/// What kmem has to show; of a buffer that was not made yet, the capacity.
pub fn figures() -> AllocFigures {
    let state = state();
    match &state.buffer {
        Some(buffer) => buffer.figures(),
        None => AllocFigures {
            capacity: state.capacity,
            free: state.capacity,
            free_pieces: 1,
            largest_free: state.capacity.saturating_sub(free_list::HEADER),
            owns_buffer: true,
            live: Some(Vec::new()),
            ..AllocFigures::default()
        },
    }
}

/// What the live block that starts at `at` is for; `None` when none does.
pub fn reason_of(at: usize) -> Option<ReasonText> {
    read(None, |buffer| buffer.reason_of(at))
}

/// Whether `at` lies in the buffer.
pub fn contains(at: usize) -> bool {
    read(false, |buffer| buffer.contains(at))
}

/// Where the buffer lies; `None` while there is none.
pub(crate) fn buffer() -> Option<core::ops::Range<usize>> {
    read(None, |buffer| Some(buffer.range()))
}

/// Calls `row` for every reason ever used, in the order of first use. `row` must
/// not call kmem.
pub fn for_each_reason(row: impl FnMut(&ReasonText, Usage)) {
    read((), |buffer| rows(buffer, row));
}

fn rows(buffer: &Buffer, mut row: impl FnMut(&ReasonText, Usage)) {
    let reasons = buffer.reasons();
    for number in 0..reasons.count() {
        row(&reasons.text(number), reasons.usage(number));
    }
}

/// Writes what is still held as a table, a line per reason; nothing when nothing
/// is held. Does not allocate, and writes nothing when a fault left kmem in the
/// middle of a call, so it can run while the process ends.
pub fn report(out: &mut dyn Write) -> fmt::Result {
    let Some(state) = STATE.try_lock() else { return Ok(()) };
    let Some(buffer) = &state.buffer else { return Ok(()) };
    let total = buffer.total();
    if total.blocks == 0 {
        return Ok(());
    }
    writeln!(out, "kmem: still held: {} bytes in {} allocations", total.bytes, total.blocks)?;
    writeln!(out, "{:>12} {:>12} {:>12}  reason", "bytes", "allocations", "peak bytes")?;
    let mut outcome = Ok(());
    rows(buffer, |reason, usage| {
        if usage.blocks > 0 && outcome.is_ok() {
            let Usage { bytes, blocks, peak_bytes, .. } = usage;
            outcome = writeln!(out, "{bytes:>12} {blocks:>12} {peak_bytes:>12}  {}", reason.label());
        }
    });
    outcome
}

/// Whether [`report`] is to be printed at the end and was not yet.
static REPORT_DUE: AtomicBool = AtomicBool::new(false);

/// Has [`report`] printed to standard error when the process exits; asking twice
/// changes nothing.
pub fn report_at_exit() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);

    extern "C" fn at_exit() {
        finish();
    }

    REPORT_DUE.store(true, Ordering::Relaxed);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handler is a function of this process that neither
        // allocates nor exits.
        unsafe { libc::atexit(at_exit) };
    }
}

/// Prints the report if it is due. Programs that end without C's exit handlers
/// come through here.
pub fn finish() {
    if REPORT_DUE.swap(false, Ordering::Relaxed) {
        let _ = report(&mut Stderr);
    }
}

/// Standard error as a formatter's target: no buffer, no lock, no allocation.
struct Stderr;

impl Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        fault::write_stderr(text.as_bytes());
        Ok(())
    }
}

/// A C string as text: empty for null, cut where it stops being UTF-8.
///
/// # Safety
///
/// `text` must be null or NUL-terminated, and stay so for `'a`.
unsafe fn c_text<'a>(text: *const c_char) -> &'a str {
    if text.is_null() {
        return "";
    }
    // SAFETY: the caller's word.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    }
}

impl AbiType for *const c_char {
    const TY: AbiTy = AbiTy::CStr;
}

impl AbiType for *mut *mut c_void {
    const TY: AbiTy = AbiTy::PtrTo("void *");
}

crate::exports! {
    group Kmem;

    /// Allocates `num_bytes` zeroed bytes, 16-aligned, from kmem's buffer. The
    /// reason may be null. Never returns null: a size below 1 and a full buffer
    /// are assertion failures.
    pub fn kmem_allocate(num_bytes: i32, reason: *const c_char) -> *mut c_void {
        // SAFETY: the caller passes null or a C string.
        allocate(i64::from(num_bytes), unsafe { c_text(reason) }).as_ptr().cast()
    }

    /// Releases the block `*mem` points to and sets `*mem` to null. A null
    /// pointer is ignored; anything but a live block is an assertion failure.
    pub fn kmem_release(mem: *mut *mut c_void) {
        // SAFETY: the caller passes the address of a pointer.
        unsafe { release(mem) }
    }

    /// The size of a live block, exactly as requested.
    pub fn kmem_sizeof_allocation(mem: *const c_void) -> u32 {
        // `kmem_allocate` takes an `int`, so the size fits unless the block is
        // the process manager's.
        u32::try_from(sizeof_allocation(mem)).unwrap_or(u32::MAX)
    }

    /// Sets the buffer's size in bytes; false when the buffer exists already.
    pub fn kmem_configure(capacity: usize) -> bool {
        configure(capacity)
    }

    /// `kmem_allocate` with the reason as a `str`.
    pub fn vex_kmem_allocate(bytes: i32, reason: VexStr) -> *mut c_void {
        // SAFETY: the caller passes a string of the language.
        allocate(i64::from(bytes), unsafe { reason.as_str() }).as_ptr().cast()
    }

    /// `kmem_release` for the language's module.
    pub fn vex_kmem_release(mem: *mut *mut c_void) {
        // SAFETY: the caller passes the address of a pointer.
        unsafe { release(mem) }
    }

    /// `kmem_sizeof_allocation` for the language's module.
    pub fn vex_kmem_sizeof_allocation(mem: *const c_void) -> u32 {
        u32::try_from(sizeof_allocation(mem)).unwrap_or(u32::MAX)
    }

    /// Bytes held for one reason.
    pub fn vex_kmem_usage(reason: VexStr) -> i64 {
        // SAFETY: the caller passes a string of the language.
        usage(unsafe { reason.as_str() }).bytes as i64
    }

    /// Bytes held in all.
    pub fn vex_kmem_in_use() -> i64 {
        total().bytes as i64
    }

    /// Allocations held in all.
    pub fn vex_kmem_allocations() -> i64 {
        total().blocks as i64
    }

    /// The buffer's size in bytes.
    pub fn vex_kmem_capacity() -> i64 {
        occupancy().0 as i64
    }

    /// Prints what is still held, a line per reason, to standard error. Prints
    /// nothing when nothing is held.
    pub fn vex_kmem_report() {
        let _ = report(&mut Stderr);
    }

    /// Has `vex_kmem_report` run when the process exits.
    pub fn vex_kmem_report_at_exit() {
        report_at_exit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FaultKind, testing::expect_fault};

    // The buffer is the process's: tests run at once, so each uses reasons of
    // its own and asserts nothing about the others' blocks.

    #[test]
    fn release_nulls_the_pointer_and_ignores_null() {
        let mut p = allocate(44, "release test").as_ptr().cast::<c_void>();
        assert_eq!(sizeof_allocation(p), 44);
        assert_eq!(usage("release test").bytes, 44);
        // SAFETY: `p` is ours.
        unsafe {
            release(&raw mut p);
            assert!(p.is_null());
            release(&raw mut p);
            release(core::ptr::null_mut());
        }
        assert_eq!(usage("release test").bytes, 0);
        assert_eq!(usage("release test").total_blocks, 1);
    }

    #[test]
    fn refusals_are_assertion_failures() {
        let p = allocate(16, "Scratch buffer").as_ptr().cast::<c_void>();
        let (mut first, mut alias) = (p, p);
        // SAFETY: `first` is ours.
        unsafe { release(&raw mut first) };
        let (kind, message) = expect_fault(|| {
            // SAFETY: only compared: the double release is the bug under test.
            unsafe { release(&raw mut alias) }
        });
        assert_eq!(kind, FaultKind::Assertion);
        assert!(message.contains("Scratch buffer"), "{message}");
        assert_eq!(alias, p, "left as it was");
        for (bytes, reason, parts) in [
            (2_000_000_000, "Frame buffer", ["Frame buffer", "2000000000"]),
            (0, "Nothing", ["Nothing", "0 bytes"]),
            (-3, "Less", ["Less", "-3 bytes"]),
        ] {
            let (kind, message) = expect_fault(|| {
                allocate(bytes, reason);
            });
            assert_eq!(kind, FaultKind::Assertion);
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
        let (_, message) = expect_fault(|| {
            sizeof_allocation(core::ptr::null());
        });
        assert!(message.contains("null"), "{message}");
    }

    #[test]
    fn the_report_names_what_is_held() {
        let mut p = allocate(1234, "report test").as_ptr().cast::<c_void>();
        let mut text = String::new();
        // Empty while another test is in the middle of a call.
        while text.is_empty() {
            report(&mut text).expect("a string takes everything");
        }
        let line = text.lines().find(|line| line.ends_with("  report test")).expect("a line for the reason");
        assert_eq!(line.split_whitespace().take(3).collect::<Vec<_>>(), ["1234", "1", "1234"]);
        // SAFETY: `p` is ours.
        unsafe { release(&raw mut p) };
        text.clear();
        report(&mut text).expect("a string takes everything");
        assert!(!text.contains("report test"), "{text}");
    }

    #[test]
    fn configuring_comes_too_late_once_there_is_a_buffer() {
        let mut p = allocate(1, "configure test").as_ptr().cast::<c_void>();
        assert!(!configure(1 << 20));
        assert_eq!(occupancy().0, DEFAULT_CAPACITY);
        // SAFETY: `p` is ours.
        unsafe { release(&raw mut p) };
    }

    #[test]
    fn c_strings_become_reasons() {
        // SAFETY: null, and C strings.
        unsafe {
            assert_eq!(c_text(core::ptr::null()), "");
            assert_eq!(c_text(c"why".as_ptr()), "why");
            assert_eq!(c_text(c"ab\xFFcd".as_ptr()), "ab");
        }
    }
}
