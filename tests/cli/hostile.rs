//! Input nobody writes on purpose, and surroundings that fail: always a message, never a crash of the compiler.

use std::process::Stdio;
use std::time::{Duration, Instant};

use vex_tests::Folder;

use super::{run_vex, vexc};

/// Every way the compiler itself may end on a program that is wrong.
fn refused(text: impl Into<Vec<u8>>) -> vex_tests::Output {
    let folder = Folder::new();
    folder.file("a.vx", text.into());
    let run = vexc(&folder).args(["check", "a.vx"]).output().expect_status(1);
    assert!(!run.stderr.is_empty() && !run.stderr.contains("panicked at"), "{}", run.stderr);
    run
}

#[test]
fn a_nul_byte() {
    refused("println(1)\n\0\n").expect_stderr("a.vx:2:1");
}

#[test]
fn bytes_that_are_no_text() {
    let bytes: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    refused(bytes).expect_stderr("not UTF-8");
}

#[test]
fn ten_thousand_nested_parentheses() {
    let text = format!("println({}1{})\n", "(".repeat(10_000), ")".repeat(10_000));
    refused(text).expect_stderr("E0013");
}

#[test]
fn a_thousand_nested_blocks_run() {
    let text = format!("fn main() {{ {}println(1){} }}\n", "{ ".repeat(1000), " }".repeat(1000));
    run_vex(&text).output().expect_status(0).expect_stdout("1\n");
}

#[test]
fn two_thousand_nested_parentheses_run() {
    let text = format!("println({}1{})\n", "(".repeat(2000), ")".repeat(2000));
    run_vex(&text).output().expect_status(0).expect_stdout("1\n");
}

#[test]
fn a_long_chain_of_operators_is_no_crash() {
    for operator in [" + ", " && ", " .. ", " < ", " as i64 + ", "[0]", ".x", "()"] {
        let folder = Folder::new();
        folder.file("a.vx", format!("let x = 1{}1\n", operator.repeat(200_000)));
        let run = vexc(&folder).args(["check", "a.vx"]).output();
        assert!(run.status == 0 || run.status == 1, "{operator}: {}: {:.300}", run.status, run.stderr);
    }
}

#[test]
fn two_hundred_errors_are_all_reported() {
    let text: String = (0..200).map(|n| format!("println(missing_{n})\n")).collect();
    let run = refused(text).expect_stderr("missing_0`").expect_stderr("missing_199`");
    run.expect_stderr("200 errors");
}

#[test]
fn ten_megabytes_compile() {
    let line = "    x = x * 31 + 7 // a comment that makes the line as long as lines are\n";
    let function =
        |n: usize| format!("fn f{n}(n: i64): i64 {{\n    let! x = n\n{}    return x\n}}\n", line.repeat(100));
    let mut text: String = (0..1400).map(function).collect();
    text.push_str("println(f7(1) == f8(1))\n");
    assert!(text.len() > 10_000_000);
    let folder = Folder::new();
    folder.file("big.vx", text);
    vexc(&folder).args(["run", "--opt", "none", "big.vx"]).output().expect_status(0).expect_stdout("true\n");
}

#[test]
fn one_line_of_ten_megabytes() {
    let text = format!("println(\"{}\".len())\n", "x".repeat(10_000_000));
    run_vex(&text).output().expect_status(0).expect_stdout("10000000\n");
    let run = refused(format!("{} println(missing)", " ".repeat(1_000_000)));
    assert!(run.stderr.len() < 10_000, "{} bytes", run.stderr.len());
}

#[test]
fn modules_in_a_circle() {
    let folder = Folder::new();
    folder.file("a.vx", "import \"b\"\nfn main() { }\n");
    folder.file("b.vera", "import \"a\"\n");
    vexc(&folder).args(["run", "a.vx"]).output().expect_status(1).expect_stderr("E0105");
}

#[test]
fn modules_outside_the_root_folder() {
    let folder = Folder::new();
    folder.file("secret.vx", "fn f() { }\n");
    folder.file("root/a.vx", "import \"../secret\"\nfn main() { }\n");
    let run = |file: &str| vexc(&folder).args(["run", file]).output().expect_status(1);
    run("root/a.vx").expect_stderr("outside");
    #[cfg(unix)]
    {
        let link = folder.path().join("root/link.vx");
        std::os::unix::fs::symlink(folder.path().join("secret.vx"), link).expect("a link");
        folder.file("root/b.vx", "import \"link\"\nfn main() { }\n");
        run("root/b.vx").expect_stderr("outside");
        let absolute = folder.path().join("secret");
        folder.file("root/c.vx", format!("import \"{}\"\nfn main() {{ }}\n", absolute.display()));
        run("root/c.vx");
    }
}

#[test]
fn recursion_without_end_is_a_report() {
    let text = "fn forever(n: i64): i64 { return forever(n + 1) + 1 }\nprintln(forever(0))\n";
    run_vex(text).output().expect_status(101).expect_stderr("stack overflow").expect_stderr("<stdin>:1");
}

#[test]
fn an_allocator_that_runs_out_returns_null() {
    let folder = Folder::new();
    let text = "unsafe {\n    let! n = 0\n    while vex_malloc(100) != null_ptr { n = n + 1 }\n    println(n > 0, n < 11)\n}\n";
    folder.file("a.vx", text);
    for choice in ["bump:1K", "freelist:1K", "stack:1K", "kmem:1K"] {
        let run = vexc(&folder).args(["run", "--allocator", choice, "a.vx"]).output();
        run.expect_status(0).expect_stdout("true true\n");
    }
}

#[test]
fn all_allocators_run_a_program() {
    let text = "unsafe {\n    let! p = vex_malloc(100)\n    p = vex_realloc(p, 5000)\n    vex_free(p)\n}\nprintln(\"ok\")\n";
    for choice in ["heap", "system", "bump", "freelist:1M", "stack:1M", "kmem:1M"] {
        let folder = Folder::new();
        folder.file("a.vx", text);
        let run = vexc(&folder).args(["run", "--allocator", choice, "a.vx"]).output();
        run.expect_status(0).expect_stdout("ok\n");
    }
}

/// `program | head -1`: the reader goes away after the first line of what would be a gigabyte.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_the_program() {
    use std::io::{BufRead, BufReader};
    let folder = Folder::new();
    folder.file("a.vx", "let! n = 0\nwhile n < 100000000 {\n    println(\"line {}\", n)\n    n = n + 1\n}\n");
    let mut command = vexc(&folder).args(["run", "a.vx"]).command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    let start = Instant::now();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((line.as_str(), output.stderr.as_slice()), ("line 0\n", &b""[..]));
    assert_eq!(vex_tests::status_number(output.status), 128 + libc::SIGPIPE);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_once() {
    let folder = Folder::new();
    folder.file("a.vx", "let! n = 0\nwhile n < 100000 {\n    println(\"line {}\", n)\n    n = n + 1\n}\n");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the full device");
    let mut command = vexc(&folder).args(["run", "a.vx"]).command();
    let output = command.stdout(full).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("No space left") && stderr.lines().count() == 1, "{stderr}");
}
