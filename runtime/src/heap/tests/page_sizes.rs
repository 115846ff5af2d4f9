//! The heap where OS pages are larger: its own tests once more, in a process that
//! pretends. Every range that goes to the OS is checked to be whole pages of that size.

use std::process::Command;

/// What is run again: what maps, discards, protects and rounds.
const TESTS: [&str; 8] = [
    "heap::tests::single::",
    "heap::tests::cache::",
    "heap::tests::in_place::",
    "heap::tests::limit::what_is_held",
    "heap::tests::huge::",
    "heap::tests::going_back::little",
    "os::tests::",
    "manager::",
];

fn run_with_pages_of(size: usize) {
    if std::env::var_os("VEX_TEST_PAGE_SIZE").is_some() {
        return;
    }
    let itself = std::env::current_exe().expect("this program's own path");
    let output = Command::new(itself)
        .args(TESTS)
        // Long, and about other things.
        .args(["sawtooth", "lifetimes", "threads_and_forks"].map(|name| ["--skip", name]).as_flattened())
        .env("VEX_TEST_PAGE_SIZE", size.to_string())
        .output()
        .expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let passed = text.split(" passed").next().and_then(|text| text.rsplit(' ').next());
    assert!(passed.and_then(|count| count.parse::<u32>().ok()) > Some(20), "{text}");
}

#[test]
fn pages_of_16_kib() {
    run_with_pages_of(16 << 10);
}

#[test]
fn pages_of_64_kib() {
    run_with_pages_of(64 << 10);
}
