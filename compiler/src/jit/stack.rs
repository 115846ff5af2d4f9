//! The stack a program runs on: its own, large and fenced, so that recursion without end meets a limit we chose and
//! the handler that reports it has room.

use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use vex_runtime::checked;

/// Bytes below the program's stack that nothing may touch. A frame larger than this probes each page on its way.
const GUARD: usize = 64 * 1024;

/// Bytes for signal handlers, which walk the stack and write the report.
const HANDLER: usize = 128 * 1024;

/// Bytes of the mapping below the program's stack.
const BELOW: usize = GUARD + HANDLER + GUARD;

/// Bytes the check at the start of functions keeps free for what generated code calls: the runtime and libc check
/// nothing.
const MARGIN: usize = 256 * 1024;

/// A mapping of, from low to high: a guard, the handlers' stack, a guard, the program's stack, a guard.
#[derive(Debug)]
pub(super) struct ProgramStack {
    base: *mut u8,
    size: usize,
}

impl ProgramStack {
    /// Reserves a stack of `size` bytes; memory is taken as it is touched.
    ///
    /// # Errors
    /// The OS's, when the address space is not to be had.
    pub fn new(size: usize) -> io::Result<ProgramStack> {
        let size = size.max(2 * MARGIN).next_multiple_of(GUARD);
        let total = BELOW + size + GUARD;
        let stack = ProgramStack { base: reserve(total)?, size };
        for part in [stack.handler(), stack.program()] {
            let (start, len) = (std::ptr::without_provenance_mut(part.start), part.len());
            // SAFETY: whole pages of the mapping just made.
            if unsafe { libc::mprotect(start, len, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(stack)
    }

    /// Addresses of the handlers' stack.
    pub fn handler(&self) -> Range<usize> {
        let start = self.base.addr() + GUARD;
        start..start + HANDLER
    }

    /// Addresses of the program's stack.
    pub fn program(&self) -> Range<usize> {
        let start = self.base.addr() + BELOW;
        start..start + self.size
    }

    /// Addresses below the program's stack: who touches them has run out of it.
    pub fn guard(&self) -> Range<usize> {
        let end = self.program().start;
        end - GUARD..end
    }

    /// The lowest stack pointer with which a function of the program may start.
    pub fn limit(&self) -> usize {
        self.program().start + MARGIN
    }

    /// Where the program's stack begins, 16-aligned: one past its highest byte.
    pub fn top(&self) -> *mut u8 {
        self.base.wrapping_add(BELOW + self.size)
    }
}

/// Addresses that cannot be touched yet. Checked programs have their stack where the addresses leave room for tags.
fn reserve(total: usize) -> io::Result<*mut u8> {
    if checked::is_enabled() {
        let base = checked::program_area(total).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: whole pages of the area just made.
        return match unsafe { libc::mprotect(base.as_ptr().cast(), total, libc::PROT_NONE) } {
            0 => Ok(base.as_ptr()),
            _ => Err(io::Error::last_os_error()),
        };
    }
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | STACK_FLAG;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), total, libc::PROT_NONE, flags, -1, 0) };
    if base == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(base.cast()) }
}

/// Gives back what [`reserve`] had; whoever used it has returned.
fn release(base: *mut u8, total: usize) {
    if !checked::is_enabled() {
        // SAFETY: exactly the mapping made in `reserve`.
        unsafe { libc::munmap(base.cast(), total) };
        return;
    }
    let Some(start) = NonNull::new(base) else { return };
    // SAFETY: exactly the area that `reserve` had, since the checked mode is never switched off; its pages can be
    // written again.
    unsafe {
        if libc::mprotect(base.cast(), total, libc::PROT_READ | libc::PROT_WRITE) == 0 {
            checked::program_area_free(start, total);
        }
    }
}

/// Where the last stack was that is no more: its first byte and one past its last.
static PAST: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Whether an address was on the stack of the program that ended last. There may be other memory by now.
pub fn was_stack(address: usize) -> bool {
    let [start, end] = PAST.each_ref().map(|bound| bound.load(Ordering::Relaxed));
    (start..end).contains(&address)
}

impl Drop for ProgramStack {
    fn drop(&mut self) {
        let Range { start, end } = self.program();
        PAST[0].store(start, Ordering::Relaxed);
        PAST[1].store(end, Ordering::Relaxed);
        release(self.base, BELOW + self.size + GUARD);
    }
}

/// Says that the mapping is a stack, which keeps huge pages out of it: the first touch would clear two megabytes.
#[cfg(target_os = "linux")]
const STACK_FLAG: libc::c_int = libc::MAP_STACK;
#[cfg(not(target_os = "linux"))]
const STACK_FLAG: libc::c_int = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_do_not_overlap() {
        let stack = ProgramStack::new(1 << 20).unwrap();
        assert!(stack.handler().end <= stack.guard().start);
        assert_eq!(stack.guard().end, stack.program().start);
        assert_eq!(stack.top().addr(), stack.program().end);
        assert!(stack.program().contains(&stack.limit()));
        assert_eq!(stack.top().addr() % 16, 0);
        // SAFETY: the highest word of the stack is ours to write.
        unsafe { stack.top().sub(8).cast::<u64>().write_volatile(7) };
    }
}
