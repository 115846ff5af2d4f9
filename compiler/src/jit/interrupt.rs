//! Ctrl-C. The program's buffered output is written and the process ends with status 130, wherever the program is:
//! in a loop without calls, in a long call of the runtime, or waiting for input.
//!
//! Generated code never holds the lock of an output buffer, so the handler can nearly always take it, write and end.
//! If the interrupted code is just printing, it ends the process itself when it gives the lock back; if it is stuck
//! (a pipe nobody reads), a timer ends the process without.
//!
//! In an interactive session the program is stopped instead, at the next function it calls, or, if it calls none for
//! a while, where it is.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};

use vex_runtime::builtins::{process, stream};

use super::arch;
use super::run::{self, End};
use super::signals;

/// Exit status of a process that Ctrl-C ended.
const STATUS: i32 = 130;

/// Microseconds that an interrupted program may take to come to a good place to end: half of what a user notices.
const GRACE: libc::suseconds_t = 50_000;

/// Seconds that a program which failed may take to end.
const LAST_WORDS: libc::time_t = 3;

/// What Ctrl-C was pressed for, if it was.
static PRESSED: AtomicU8 = AtomicU8::new(NO);
/// It was not.
const NO: u8 = 0;
/// To end the process.
const END: u8 = 1;
/// To stop the program of a session.
const STOP: u8 = 2;

/// The status to end with when the time for last words is up; 0: nothing is being waited for.
static OVERDUE: AtomicI32 = AtomicI32::new(0);

/// Whether the process lives on when Ctrl-C finds nothing to stop.
static SPARED: AtomicBool = AtomicBool::new(false);

/// Whether the handlers are installed.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs the handlers.
pub(super) fn install() {
    signals::install(libc::SIGINT, on_interrupt);
    signals::install(libc::SIGALRM, on_timer);
    INSTALLED.store(true, Ordering::Relaxed);
}

/// Lets the process live on when Ctrl-C finds nothing to stop.
pub(super) fn spare_process() {
    SPARED.store(true, Ordering::Relaxed);
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
        PRESSED.store(STOP, Ordering::Relaxed);
        set_timer(0, GRACE);
        run.interrupted.set(true);
        return run.stop_at_next_call();
    }
    if SPARED.load(Ordering::Relaxed) {
        return;
    }
    PRESSED.store(END, Ordering::Relaxed);
    // Before the attempt below, which may block in a write.
    set_timer(0, GRACE);
    stream::end_when_free(STATUS);
    if stream::flush_from_signal() {
        process::exit_now(STATUS)
    }
}

extern "C" fn on_timer(_signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    match PRESSED.load(Ordering::Relaxed) {
        END => process::exit_now(STATUS),
        STOP => {
            // SAFETY: the kernel's argument to a SA_SIGINFO handler.
            let pc = unsafe { arch::registers(context) }.pc;
            if let Some(run) = run::current()
                && run.interrupted.get()
                && run.ground().map(pc).is_some()
            {
                run.leave(End::Interrupted)
            }
        }
        _ => match OVERDUE.load(Ordering::Relaxed) {
            0 => {}
            status => process::exit_now(status),
        },
    }
}

/// Goes on after a program was stopped: forgets that Ctrl-C was pressed.
pub(super) fn settle() {
    if PRESSED.swap(NO, Ordering::Relaxed) != NO {
        set_timer(0, 0);
    }
}

/// Raises SIGALRM again and again after so many seconds and microseconds, or with zeroes no more.
fn set_timer(seconds: libc::time_t, micros: libc::suseconds_t) {
    let time = libc::timeval { tv_sec: seconds, tv_usec: micros };
    let timer = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: a valid structure; the former timer is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut()) };
}
