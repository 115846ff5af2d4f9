//! The C and C++ side: programs compiled against the headers and the C library.
//!
//! Needs `cc`; what needs a C++ compiler is skipped, and says so, where there is
//! none.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use vex_runtime::header::STRUCTS;
use vex_tests::{build_library, root};

/// The static C library, built once per run with the profile of the tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| build_library("vex-memory", "libvex_memory.a"))
}

/// Whether `compiler` can be run.
fn exists(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A folder of this test's own.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_abi").join(name);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// Runs the compiler on `source` with every warning an error.
fn compile(compiler: &str, standard: &str, source: &Path, program: &Path) -> Output {
    let mut command = Command::new(compiler);
    command.args([standard, "-Wall", "-Wextra", "-Werror", "-g", "-I"]).arg(root().join("runtime/include"));
    command.arg(source).arg("-o").arg(program).arg(library()).args(["-lpthread", "-ldl", "-lm"]);
    command.output().expect("the compiler runs")
}

/// Compiles `tests/c/NAME`, which must work, and returns the program, which lies
/// in the scratch folder of `test`.
fn build(test: &str, compiler: &str, standard: &str, name: &str) -> PathBuf {
    let program = scratch(test).join("program");
    let output = compile(compiler, standard, &root().join("tests/c").join(name), &program);
    assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// Runs a program and compares its output with `tests/c/NAME.out`.
fn check_output(program: &Path, golden: &str) {
    let output = Command::new(program).output().expect("the program runs");
    let expected = std::fs::read_to_string(root().join("tests/c").join(golden)).expect("a golden file");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

/// Runs a program that must fail and returns its standard error.
fn failure(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{argument} was to fail: {text}");
    text
}

#[test]
fn every_allocator_works_from_c() {
    check_output(&build("family", "cc", "-std=c11", "family.c"), "family.out");
}

#[test]
fn embedding_works_from_c() {
    let program = build("embed", "cc", "-std=c11", "embed.c");
    check_output(&program, "embed.out");
    // The handler ends the process, except after a double free.
    for (argument, status, parts) in [
        ("double", None, &["[1 1 double free: ", "vex: double free: "][..]),
        ("foreign", Some(7), &["[2 1 bad free: "]),
        ("other", Some(7), &["[2 1 bad free: "]),
        ("gone", Some(7), &["[2 1 the heap ", "destroyed"]),
    ] {
        let output = Command::new(&program).arg(argument).output().expect("the program runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), status, "{argument}: {text}");
        assert!(parts.iter().all(|part| text.contains(part)), "{argument}: {text}");
    }
}

#[test]
fn kmem_works_from_c_with_and_without_a_reason() {
    let program = build("kmem", "cc", "-std=c99", "kmem.c");
    check_output(&program, "kmem.out");
    for (argument, parts) in [
        ("double", ["Scratch buffer", "released already"]),
        ("interior", ["Scratch buffer", "not to its start"]),
        ("foreign", ["kmem", "not an allocation"]),
        ("room", ["Frame buffer", "2000000000 bytes"]),
        ("none", ["Nothing", "0 bytes"]),
    ] {
        let text = failure(&program, argument);
        assert!(parts.iter().all(|part| text.contains(part)), "{argument}: {text}");
    }
}

#[test]
fn kmem_reports_at_exit_what_is_still_held() {
    let program = build("kmem_held", "cc", "-std=c11", "kmem.c");
    let output = Command::new(program).arg("held").output().expect("the program runs");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0].join(" "), "kmem: still held: 16 bytes in 1 allocations");
    assert_eq!(lines[2], ["16", "1", "16", "Scratch", "buffer"]);
}

#[test]
fn structs_have_the_sizes_and_offsets_of_rust() {
    let mut text = String::from("#include \"vex_memory.h\"\n");
    let mut checks = 0;
    let mut check = |condition: String| {
        text.push_str(&format!("_Static_assert({condition}, \"{condition}\");\n"));
        checks += 1;
    };
    for item in STRUCTS {
        check(format!("sizeof(Vex{}) == {}", item.name, item.size));
        for (field, _, offset) in item.fields {
            check(format!("offsetof(Vex{}, {field}) == {offset}", item.name));
        }
    }
    assert!(checks > 20);
    text.push_str("int main(void) { return 0; }\n");
    let folder = scratch("structs");
    let source = folder.join("structs.c");
    std::fs::write(&source, &text).expect("the source is written");
    let output = compile("cc", "-std=c11", &source, &folder.join("program"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The check can fail: one more byte and it does.
    let wrong = text.replacen("== ", "== 1 + ", 1);
    std::fs::write(&source, wrong).expect("the source is written");
    assert!(!compile("cc", "-std=c11", &source, &folder.join("program")).status.success());
}

#[test]
fn heap_mem_works_from_cpp() {
    if !exists("c++") {
        return eprintln!("skipped: no C++ compiler");
    }
    for standard in ["-std=c++11", "-std=c++17"] {
        let program = build("heap_mem", "c++", standard, "heap_mem.cpp");
        check_output(&program, "heap_mem.out");
        let text = failure(&program, "out-of-range");
        assert!(text.contains("index 3 of 3"), "{text}");
    }
}

#[test]
fn heap_mem_is_for_plain_data_only() {
    if !exists("c++") {
        return eprintln!("skipped: no C++ compiler");
    }
    let source = root().join("tests/c/heap_mem_refuses.cpp");
    let output = compile("c++", "-std=c++11", &source, &scratch("refuses").join("program"));
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("heap_mem is for plain data"), "{text}");
}
