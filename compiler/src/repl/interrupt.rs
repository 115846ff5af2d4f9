//! Ctrl-C in the terminal's process: noted, never fatal.

use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The ends of the pipe that wakes who waits: to read, to write. Without it, -1.
static PIPE: [AtomicI32; 2] = [const { AtomicI32::new(-1) }; 2];

/// From now on SIGINT is counted instead of ending the process. Calls that wait are interrupted by it.
pub(super) fn install() {
    extern "C" fn count(_signal: libc::c_int) {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let byte = 0u8;
        // SAFETY: writes one byte that is there; a full pipe or none is an error that is of no interest.
        unsafe { libc::write(PIPE[1].load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
    }
    make_pipe();
    // SAFETY: all zeroes is a valid `sigaction`: no flags, so that waiting calls return, and an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler only adds to an atomic number and writes to a pipe, which a signal handler may.
    unsafe { libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut()) };
}

/// Without a pipe, a Ctrl-C between looking and waiting is noticed late.
fn make_pipe() {
    let Ok((reader, writer)) = std::io::pipe() else { return };
    for (place, end) in PIPE.iter().zip([OwnedFd::from(reader), OwnedFd::from(writer)]) {
        let end = end.into_raw_fd();
        // SAFETY: the descriptor is open; the handler must never wait for room, nor `drain` for a byte.
        unsafe { libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK) };
        place.store(end, Ordering::Relaxed);
    }
}

/// How often SIGINT has come. Compare with an earlier number.
pub(super) fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// Waits until there is something to read from a descriptor, or its end. False when SIGINT came first, or has come
/// since the last time.
pub(super) fn wait_for(descriptor: i32) -> bool {
    let wake = PIPE[0].load(Ordering::Relaxed);
    loop {
        let mut polls = [descriptor, wake].map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
        // SAFETY: two entries, described as two; one that is no descriptor is left out.
        let ready = unsafe { libc::poll(polls.as_mut_ptr(), 2, -1) };
        if polls[1].revents != 0 || (ready < 0 && wake < 0) {
            drain(wake);
            return false;
        }
        if polls[0].revents != 0 {
            return true;
        }
    }
}

fn drain(wake: i32) {
    let mut bytes = [0u8; 64];
    // SAFETY: the buffer has room for as many bytes; the descriptor does not block.
    while unsafe { libc::read(wake, bytes.as_mut_ptr().cast(), bytes.len()) } > 0 {}
}
