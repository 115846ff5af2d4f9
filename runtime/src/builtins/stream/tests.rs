//! What each stream holds back, when it writes it, and what becomes of code that leaves in the middle.

use super::*;
#[cfg(unix)]
use std::io::Read;
#[cfg(unix)]
use std::os::fd::AsRawFd;

/// What can be read from a non-blocking pipe right now.
#[cfg(unix)]
fn arrived(from: &mut std::io::PipeReader) -> String {
    let mut bytes = [0; 256];
    match from.read(&mut bytes) {
        Ok(count) => String::from_utf8_lossy(&bytes[..count]).into_owned(),
        Err(_) => String::new(),
    }
}

// The only test that prints to the process's standard output; its writer goes to a pipe.
#[cfg(unix)]
#[test]
fn prompt_output_is_written_when_the_call_ends() {
    let (mut from, to) = std::io::pipe().expect("a pipe");
    // SAFETY: plain numbers; the descriptor is ours.
    unsafe { libc::fcntl(from.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    let mut held = lock(STDOUT);
    let real = held.fd;
    held.fd = to.as_raw_fd();
    held.stream.mode.store(FULL, Ordering::Relaxed);
    assert!(at_line_start());
    held.put(b"kept ");
    assert!(!at_line_start(), "bytes that are held back count");
    held.settle();
    assert_eq!(arrived(&mut from), "");
    held.stream.mode.store(LINE, Ordering::Relaxed);
    held.put(b"and ");
    held.put(b"");
    held.settle();
    assert_eq!((arrived(&mut from), at_line_start()), (String::new(), false));
    held.put(b"shown\n");
    assert!(at_line_start());
    held.settle();
    assert_eq!(arrived(&mut from), "kept and shown\n");
    held.put(b"> ");
    held.end_call();
    assert_eq!(arrived(&mut from), "> ");
    held.put(b"\n");
    held.buffer().len = 0;
    held.fd = real;
    drop(held);
    set_prompt_output(true);
    assert_eq!(OUT.mode.load(Ordering::Relaxed), LINE);
    set_prompt_output(false);
    assert_eq!(OUT.mode.load(Ordering::Relaxed), UNKNOWN);
}

#[test]
fn a_panic_message_is_kept_and_cut_at_the_capacity() {
    let mut writer = lock(PANIC);
    writer.put(b"message");
    writer.flush();
    writer.put(&vec![b'x'; CAPACITY]);
    drop(writer);
    let mut seen = (0, Vec::new());
    with_panic_message(|text| seen = (text.len(), text[..9].to_vec()));
    assert_eq!(seen, (CAPACITY, b"messagexx".to_vec()));
    with_panic_message(|text| assert!(text.is_empty()));
    // Reports that never come back, and code that failed in the middle of a message, spoil nothing.
    lock(PANIC).put(b"first");
    std::mem::forget(lock(PANIC));
    REPORTING.store(true, Ordering::Relaxed);
    abandon_locks();
    assert!(try_lock(PANIC).is_none(), "the message being reported is kept");
    abandon_report();
    with_panic_message(|text| assert!(text.is_empty()));
    lock(PANIC).put(b"half of");
    std::mem::forget(lock(PANIC));
    abandon_locks();
    with_panic_message(|text| assert!(text.is_empty()));
}

#[test]
fn a_signal_never_waits_for_a_held_lock() {
    let held = lock(STDERR);
    assert!(try_lock(STDERR).is_none());
    assert!(!flush_from_signal());
    drop(held);
    assert!(try_lock(STDERR).is_some());
}
