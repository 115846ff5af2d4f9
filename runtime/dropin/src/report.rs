//! `VEX_MALLOC_REPORT=1`: figures at exit.
//!
//! The variable is read when the library starts, and ignored in programs that run
//! with rights their user lacks. Many programs close standard error before
//! the library ends, so a copy of it is kept from the beginning.

use core::ffi::{CStr, c_char};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicI32, Ordering};
use vex_runtime::{heap, os};

/// Where the figures go, −1 when nobody asked for them.
static OUTPUT: AtomicI32 = AtomicI32::new(-1);

/// The lowest number for the copy of standard error: out of the way of programs
/// that expect the next file they open to be number 3.
const FIRST: i32 = 200;

unsafe extern "C" {
    /// libc's: as `getenv`, and null in a program that runs with rights its user lacks.
    fn secure_getenv(name: *const c_char) -> *mut c_char;
}

/// Reads the variable.
extern "C" fn start() {
    // SAFETY: the name ends with a zero, and no other thread runs yet.
    let value = unsafe { secure_getenv(c"VEX_MALLOC_REPORT".as_ptr()) };
    // SAFETY: a value is a string that ends with a zero.
    if value.is_null() || unsafe { CStr::from_ptr(value) } != c"1" {
        return;
    }
    // SAFETY: copying a file's number has no preconditions.
    let copy = unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, FIRST) };
    OUTPUT.store(if copy < 0 { libc::STDERR_FILENO } else { copy }, Ordering::Relaxed);
}

/// Prints the figures.
extern "C" fn end() {
    let output = OUTPUT.load(Ordering::Relaxed);
    if output < 0 {
        return;
    }
    let figures = heap::figures();
    let (held, peak) = (os::limit::memory_held(), os::limit::memory_peak());
    let mut line = Line { bytes: [0; 256], len: 0 };
    // SAFETY: no preconditions.
    let process = unsafe { libc::getpid() };
    // The longest line fits.
    let _ = writeln!(
        line,
        "vexmalloc[{process}]: {held} bytes from the OS, at most {peak}; {} bytes live in {} blocks",
        figures.used, figures.blocks
    );
    // SAFETY: the line is readable for its length. A failure has nobody to be told.
    let _ = unsafe { libc::write(output, line.bytes.as_ptr().cast(), line.len) };
}

/// A line under construction, without memory of its own.
struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = start;

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = end;
