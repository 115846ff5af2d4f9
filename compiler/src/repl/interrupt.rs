//! Ctrl-C in the terminal's process: noted, never fatal.

use std::sync::atomic::{AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// From now on SIGINT is counted instead of ending the process. Calls that wait are interrupted by it.
pub(super) fn install() {
    extern "C" fn count(_signal: libc::c_int) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: all zeroes is a valid `sigaction`: no flags, so that waiting calls return, and an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler only adds to an atomic number, which a signal handler may.
    unsafe { libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut()) };
}

/// How often SIGINT has come. Compare with an earlier number.
pub(super) fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}
