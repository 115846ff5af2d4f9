//! Captures that nest and grow, and redirections that end in the middle.

use super::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// There is one state in the process, so one test at a time has it.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    forget();
    guard
}

fn print(stream: i32, text: &str) {
    super::super::program(stream).put(text.as_bytes());
}

fn redirect(to: i32) -> i32 {
    // SAFETY: it only takes numbers, as do the others here.
    unsafe { vexrt_redirect(to) }
}

fn redirect_back(before: i32) {
    // SAFETY: as above.
    unsafe { vexrt_redirect_back(before) }
}

fn capture_begin() {
    // SAFETY: as above.
    unsafe { vexrt_capture_begin() }
}

fn capture_len() -> usize {
    // SAFETY: as above.
    unsafe { vexrt_capture_len() }
}

/// Ends the innermost capture, as generated code does.
fn taken() -> String {
    let mut block = vec![0xAAu8; capture_len() + 1];
    // SAFETY: the block has room for the text.
    let text = unsafe { vexrt_capture_end(block.as_mut_ptr().cast()) };
    assert_eq!(block[text.len], 0xAA, "nothing is written behind the text");
    block.truncate(text.len);
    String::from_utf8(block).expect("text")
}

#[test]
fn captures_nest_at_every_length() {
    let _alone = alone();
    for outer in [0, 1, 1000, 65_535, 65_536, 65_537, 200_000] {
        for inner in [0, 5, 65_536, 300_000] {
            let (a, b) = ("a".repeat(outer), "b".repeat(inner));
            capture_begin();
            print(CAPTURE, &a);
            capture_begin();
            b.as_bytes()
                .chunks(4096)
                .for_each(|part| print(CAPTURE, std::str::from_utf8(part).expect("ASCII")));
            assert_eq!(capture_len(), inner);
            assert!(taken() == b, "the inner one of {outer} and {inner}");
            print(CAPTURE, "end");
            assert!(taken() == a + "end", "the outer one of {outer} and {inner}");
        }
    }
    let mut writer = lock(CAPTURE);
    let (buffer, captures) = parts(&mut writer);
    assert_eq!((buffer.len, captures.marks.len()), (0, 0));
    assert!(captures.spilled.is_empty() && captures.spilled.capacity() <= MOST_KEPT);
}

#[test]
fn a_large_text_is_not_kept_for_good() {
    let _alone = alone();
    capture_begin();
    let text = "x".repeat(3 * MOST_KEPT);
    print(CAPTURE, &text);
    assert!(taken() == text);
    assert!(parts(&mut lock(CAPTURE)).1.spilled.capacity() <= MOST_KEPT);
}

#[test]
fn an_empty_text_needs_no_block() {
    let _alone = alone();
    capture_begin();
    // SAFETY: there is no text.
    assert_eq!(unsafe { vexrt_capture_end(core::ptr::null_mut()) }.len, 0);
}

#[test]
fn standard_output_leads_elsewhere_and_back() {
    let _alone = alone();
    capture_begin();
    let before = redirect(CAPTURE);
    assert_eq!(before, STDOUT);
    print(STDOUT, "one ");
    assert_eq!(redirect(STDOUT), CAPTURE, "what is inside goes where the rest goes");
    print(STDOUT, "two");
    redirect_back(CAPTURE);
    assert!(!is_plain());
    super::super::end_message(STDOUT);
    redirect_back(before);
    assert!(is_plain());
    assert_eq!(taken(), "one two");
}

#[test]
fn what_printed_itself_is_cut_and_padded_whole() {
    let _alone = alone();
    let spec = PrintSpec { style: 1, flags: 0, precision: 3, width: 6, fill: u32::from('.'), align: 3 };
    capture_begin();
    print(CAPTURE, "<");
    capture_begin();
    print(CAPTURE, "äöüß");
    // SAFETY: a valid format.
    unsafe { vexrt_capture_print(CAPTURE, &spec) };
    print(CAPTURE, ">");
    assert_eq!(taken(), "<...äöü>");
}

#[test]
fn code_that_does_not_go_on_leaves_nothing_behind() {
    let _alone = alone();
    capture_begin();
    print(CAPTURE, &"x".repeat(100_000));
    redirect(CAPTURE);
    core::mem::forget(lock(CAPTURE));
    abandon();
    assert!(is_plain());
    capture_begin();
    print(CAPTURE, "new");
    assert_eq!(taken(), "new");
}
