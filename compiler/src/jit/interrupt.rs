//! Ctrl-C. The program's buffered output is written and the process ends with status 130, wherever the program is:
//! in a loop without calls, in a long call of the runtime, or waiting for input.
//!
//! Generated code never holds the lock of an output buffer, so the handler can nearly always take it, write and end.
//! If the interrupted code is just printing, a timer tries again; if that code is stuck (a pipe nobody reads), the
//! process ends without. In an interactive session the program is stopped instead, at the next function it calls,
//! or, if it calls none, where it is.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use vex_runtime::builtins::{process, stream};

use super::arch;
use super::run::{self, End};
use super::signals;

/// Exit status of a process that Ctrl-C ended.
const STATUS: i32 = 130;

/// Microseconds between attempts.
const PERIOD: libc::suseconds_t = 2_000;

/// Attempts before giving up; with [`PERIOD`], half of what a user notices.
const ATTEMPTS: u32 = 25;

/// Attempts since Ctrl-C; 0: none was pressed.
static ATTEMPT: AtomicU32 = AtomicU32::new(0);

/// Seconds that a program which failed may take to end.
const LAST_WORDS: libc::time_t = 3;

/// The status to end with when time is up; 0: nothing is being waited for.
static OVERDUE: AtomicI32 = AtomicI32::new(0);

/// Whether the handlers are installed.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs the handlers.
pub(super) fn install() {
    signals::install(libc::SIGINT, on_interrupt);
    signals::install(libc::SIGALRM, on_timer);
    INSTALLED.store(true, Ordering::Relaxed);
}

/// Sees to it that the process ends soon, with `status`: a program that failed inside the runtime or the C library
/// may have left a lock that whoever writes the last reports waits for.
pub(super) fn end_soon(status: i32) {
    if INSTALLED.load(Ordering::Relaxed) {
        OVERDUE.store(status, Ordering::Relaxed);
        set_timer(LAST_WORDS, 0);
    }
}

extern "C" fn on_interrupt(_signal: c_int, _info: *mut libc::siginfo_t, _context: *mut c_void) {
    if let Some(run) = run::current().filter(|run| run.recover) {
        run.interrupted.set(true);
        run.stop_at_next_call();
    }
    // The timer also covers a write that blocks below.
    ATTEMPT.store(1, Ordering::Relaxed);
    set_timer(0, PERIOD);
    attempt();
}

extern "C" fn on_timer(_signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    if ATTEMPT.load(Ordering::Relaxed) == 0 {
        match OVERDUE.load(Ordering::Relaxed) {
            0 => return,
            status => process::exit_now(status),
        }
    }
    if ATTEMPT.fetch_add(1, Ordering::Relaxed) < ATTEMPTS {
        return attempt();
    }
    let Some(run) = run::current().filter(|run| run.recover) else { process::exit_now(STATUS) };
    // SAFETY: the kernel's argument to a SA_SIGINFO handler.
    let pc = unsafe { arch::registers(context) }.pc;
    if run.interrupted.get() && run.ground().map(pc).is_some() {
        set_timer(0, 0);
        ATTEMPT.store(0, Ordering::Relaxed);
        run.leave(End::Interrupted)
    }
}

/// Ends the process if the streams are free.
fn attempt() {
    if run::current().is_some_and(|run| run.recover) {
        return;
    }
    if stream::flush_from_signal() {
        process::exit_now(STATUS)
    }
}

/// Raises SIGALRM again and again after so many seconds and microseconds, or with zeroes no more.
fn set_timer(seconds: libc::time_t, micros: libc::suseconds_t) {
    let time = libc::timeval { tv_sec: seconds, tv_usec: micros };
    let timer = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: a valid structure; the former timer is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut()) };
}
