//! When the compiler itself fails: a Rust panic or a fault that no running program caused. It is said so, in words a
//! user can put into a report, and the process ends with a status of its own.

use std::ffi::{c_int, c_void};
use std::fmt::Write;
use std::panic::PanicHookInfo;

use super::report::Sink;
use super::signals;

/// Exit status of a compiler that failed (`EX_SOFTWARE`).
pub const STATUS: i32 = 70;

/// The signals by which compiled Rust code fails.
const FAULTS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];

/// Takes over panics and faults for the rest of the process. Call it first, on the main thread.
///
/// A running program's own faults are not affected: the JIT's handlers come before these.
pub fn install() {
    signals::use_handler_stack();
    for signal in FAULTS {
        signals::install(signal, on_fault);
    }
    std::panic::set_hook(Box::new(on_panic));
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let mut sink = Sink::new(None);
    let message = info.payload_as_str().unwrap_or("panic");
    let _ = writeln!(sink, "internal compiler error: {message}");
    if let Some(place) = info.location() {
        let _ = writeln!(sink, "  at {}:{}:{}", place.file(), place.line(), place.column());
    }
    finish(sink)
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the kernel's argument to a SA_SIGINFO handler, for a signal that has an address.
    let address = unsafe { (*info).si_addr() }.addr();
    let what = match signal {
        libc::SIGSEGV => "invalid memory access",
        libc::SIGBUS => "bus error",
        libc::SIGFPE => "arithmetic exception",
        _ => "illegal instruction",
    };
    let mut sink = Sink::new(None);
    let _ = writeln!(sink, "internal compiler error: {what} at address {address:#x}");
    finish(sink)
}

/// Asks for a report and ends the process. What a program has printed is not lost.
fn finish(mut sink: Sink<'_>) -> ! {
    vex_runtime::builtins::stream::flush_from_signal();
    let version = env!("CARGO_PKG_VERSION");
    let _ =
        writeln!(sink, "This is a bug in vexc {version}; please report it with the program that shows it.");
    sink.flush();
    vex_runtime::builtins::process::exit_now(STATUS)
}
