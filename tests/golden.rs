//! Runs every example and every case with the golden runner that users have.

use std::path::PathBuf;

use vex_tests::root;
use vexc::golden::{Options, run};

/// Runs a folder's programs and fails with the runner's report.
fn all_pass(folder: &str, flags: &[&str]) {
    let options = Options {
        flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
        vexc: PathBuf::from(env!("CARGO_BIN_EXE_vexc-under-test")),
        paths: vec![root().join(folder)],
        filter: None,
        jobs: std::thread::available_parallelism().map_or(1, usize::from),
        bless: false,
        color: false,
    };
    let mut report = Vec::new();
    let summary = run(&options, &mut report).unwrap_or_else(|error| panic!("{folder}: {error}"));
    assert!(summary.failed == 0 && summary.passed > 0, "{}", String::from_utf8_lossy(&report));
}

#[test]
fn examples() {
    all_pass("examples", &[]);
}

#[test]
fn cases() {
    all_pass("tests/cases", &[]);
}

/// What a program means does not depend on how much is made of it: which calls become code, which variables live in
/// registers.
#[test]
fn examples_and_cases_do_the_same_without_optimisation() {
    all_pass("examples", &["--opt", "none"]);
    all_pass("tests/cases", &["--opt", "none"]);
}
