//! Rust programs on the checked heap: each case of the example in a process of its own,
//! and what is said of it.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "../examples/checked_alloc.rs"]
mod example;

use std::process::Command;

/// Names the case to the process that is to do it.
const CASE: &str = "CHECKED_ALLOC_CASE";

/// Not a test by itself: what the other tests run.
#[test]
fn child() {
    if let Ok(case) = std::env::var(CASE) {
        assert!(example::run(&case));
        std::process::exit(0);
    }
}

/// Exit status and report of a case, with `VEX_CHECKED_OFF` as given.
fn run_without(case: &str, off: &str) -> (Option<i32>, String) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", "child", "--nocapture"]).env(CASE, case).env("VEX_CHECKED_OFF", off);
    let output = command.output().expect("a child");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn run(case: &str) -> (Option<i32>, String) {
    run_without(case, "")
}

/// Runs a case that has to be found, with these parts in its report, in this order.
#[track_caller]
fn found(case: &str, parts: &[&str]) {
    let (status, report) = run(case);
    assert_eq!(status, Some(99), "{case}: {report}");
    let mut rest = &report[..];
    for part in parts {
        let Some(at) = rest.find(part) else { panic!("{case}: no `{part}` at its place in\n{report}") };
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_good_program_runs_as_ever() {
    let (status, report) = run("good");
    assert_eq!((status, report.as_str()), (Some(0), ""));
}

#[test]
fn a_wrong_layout_is_reported_with_both_layouts_and_both_call_sites() {
    let named =
        ["error: `dealloc` with another layout", "layout 16 bytes aligned to 4, given at", "wrong_size"];
    found("size", &[&named[..], &["layout 24 bytes aligned to 4, was allocated at", "wrong_size"]].concat());
    found("align", &["64 bytes aligned to 8, given at", "wrong_align", "aligned to 64, was", "wrong_align"]);
    found(
        "realloc",
        &[
            "error: `realloc` with another layout",
            "16 bytes aligned to 8, given at",
            "checked_alloc.rs:",
            "24 bytes aligned to 8, was allocated at",
            "checked_alloc.rs:",
        ],
    );
}

#[test]
fn frees_of_what_is_no_live_block_are_reported() {
    let double =
        ["freed already", "given at", "double_free", "was allocated at", "double_free", "and freed at"];
    found("double", &double);
    found("foreign", &["no block of this allocator", "foreign"]);
    found("interior", &["a pointer into a block", "interior", "64 bytes aligned to 8, was allocated at"]);
    found("zero", &["asked for 0 bytes", "zero_sized"]);
}

#[test]
fn writes_past_a_block_are_found_when_it_is_freed_or_at_the_end() {
    found(
        "past",
        &["right behind it", "found at", "past_the_end", "10 bytes aligned to 1, was allocated at"],
    );
    found("before", &["1 bytes before it", "found at", "was allocated at", "before_the_start"]);
    found("exit", &["3 bytes behind it", "was allocated at", "past_the_end_of_a_block_that_stays"]);
    found("freed", &["8 bytes into it", "was allocated at", "write_after_free", "and freed at"]);
}

#[test]
fn what_is_still_allocated_is_listed_by_place() {
    let (status, report) = run("leak");
    assert_eq!(status, Some(3), "{report}");
    assert!(report.contains("still allocated: 600 bytes in 3 blocks") && report.contains("leak"), "{report}");
}

#[test]
fn without_its_check_nothing_is_found() {
    for (case, check) in [
        ("size", "size"),
        ("align", "size"),
        ("double", "double_free"),
        ("foreign", "bad_free"),
        ("past", "bounds"),
        ("exit", "bounds"),
        ("freed", "freed"),
    ] {
        assert_eq!(run_without(case, check).1, "", "{case}");
    }
}
