//! Storms: threads that fork, end and destroy, signals in the middle of an allocation, memory that runs out; in programs
//! with the drop-in `malloc`, preloaded and linked, and in static programs with the C library.
//!
//! `VEX_LONG=1` makes them long. Needs Linux and `cc`.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use vex_tests::preload::{clean, compile, count, library, run, scratch, succeed};
use vex_tests::{Folder, Run, build_library};

/// A program of `tests/dropin/`, compiled for one test.
fn program(test: &str, source: &str) -> PathBuf {
    compile("cc", source, &["-ldl"], &scratch(&format!("storms/{test}")), "program")
}

#[test]
fn threads_allocate_while_the_program_forks() {
    let program = program("forks", "stress.c");
    assert_eq!(succeed(Command::new(program).args(["forks", &count(200, 2000)])), "done\n");
}

#[test]
fn short_threads_leave_nothing_behind() {
    let program = program("threads", "stress.c");
    assert_eq!(succeed(Command::new(program).args(["short-threads", &count(2000, 10_000)])), "done\n");
}

#[test]
fn destructors_allocate_and_free() {
    let program = program("destructors", "storms.c");
    assert_eq!(succeed(Command::new(program).args(["destructors", &count(800, 10_000)])), "done\n");
}

#[test]
fn signals_stop_threads_in_the_middle_of_an_allocation() {
    let program = program("signals", "storms.c");
    assert_eq!(succeed(Command::new(program).args(["signals", &count(600, 20_000)])), "done\n");
}

#[test]
fn memory_that_ran_out_comes_back() {
    let program = program("exhaust", "storms.c");
    assert_eq!(succeed(Command::new(&program).args(["exhaust", &count(96, 300)])), "done\n");
}

/// The static C library, built once per run with the profile of the tests.
fn static_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| build_library("vex-memory", "libvex_memory.a"))
}

/// Whether an executable (ELF, 64 bits, this machine's byte order) names a dynamic linker.
fn names_an_interpreter(file: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize| u64::from_ne_bytes(file[at..at + 8].try_into().expect("eight bytes"));
    let (headers, size, count) = (number(32), number(54) & 0xFFFF, number(56) & 0xFFFF);
    (0..count).any(|index| number((headers + index * size) as usize) as u32 == INTERPRETER)
}

/// Runs what the storms do, with few repetitions.
fn some_of_everything(stress: &Path, storms: &Path) {
    for (program, arguments) in [
        (stress, ["forks", "20"]),
        (stress, ["short-threads", "400"]),
        (storms, ["destructors", "100"]),
        (storms, ["signals", "200"]),
        (storms, ["exhaust", "96"]),
    ] {
        let output = run(Command::new(program).args(arguments), false);
        assert_eq!(clean(output), "done\n", "{arguments:?}");
    }
}

#[test]
fn static_programs_use_the_c_library() {
    let folder = scratch("storms/static");
    let library = static_library().to_str().expect("a path in UTF-8");
    // Declarations and calls alike become those of the library; libc keeps its own.
    let arguments = [
        "-Dmalloc=vex_malloc",
        "-Dcalloc=vex_calloc",
        "-Drealloc=vex_realloc",
        "-Dfree=vex_free",
        "-DSAYS_NO_ERRNO",
        "-static",
        library,
        "-lm",
    ];
    let [stress, storms] =
        ["stress", "storms"].map(|name| compile("cc", &format!("{name}.c"), &arguments, &folder, name));
    assert!(!names_an_interpreter(&std::fs::read(&storms).expect("the program")), "not static");
    some_of_everything(&stress, &storms);
}

#[test]
fn programs_are_linked_to_the_drop_in() {
    let folder = scratch("storms/linked");
    let path = library().parent().expect("a folder").display();
    let (search, rpath) = (format!("-L{path}"), format!("-Wl,-rpath,{path}"));
    let arguments = [&search, "-Wl,--no-as-needed", "-lvexmalloc", &rpath, "-ldl"];
    let [stress, storms] =
        ["stress", "storms"].map(|name| compile("cc", &format!("{name}.c"), &arguments, &folder, name));
    assert!(names_an_interpreter(&std::fs::read(&storms).expect("the program")));
    some_of_everything(&stress, &storms);
}

#[test]
fn a_program_of_the_language_survives_the_end_of_memory() {
    let folder = Folder::new();
    folder.file("p.vx", include_str!("dropin/exhaust.vx"));
    let command = format!("ulimit -v {}; exec '{}' run p.vx", 3 << 20, env!("CARGO_BIN_EXE_vexc-under-test"));
    let output = Run::new("sh", folder.path()).args(["-c", &command]).output();
    output.expect_status(0).expect_stdout("ran out four times, and the memory came back\n");
}
