//! Checked sessions: an error stops its input, and the session goes on.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use vex_tests::{Folder, Output};

use super::repl;

fn session(text: &str) -> Output {
    repl(&Folder::new(), &["--checked"]).input(text).output()
}

#[test]
fn each_error_is_reported_at_its_input() {
    let run = session(
        ":unsafe on\nlet p = vex_malloc(8)\nvex_free(p)\nvex_free(p)\nprintln(\"after\")\nload_i64(p)\nprintln(\"end\")\n",
    );
    let run = run.expect_status(1).expect_stdout("after\nend\n");
    for part in [
        "memory error[double-free]: double free\n  at <3>:1:1 in ",
        "freed at <2>:1:1 in ",
        "allocated at <1>:1:9 in ",
        "memory error[use-after-free]: read of a freed block\n  at <5>:1:1 in ",
    ] {
        assert!(run.stderr.contains(part), "no {part:?} in:\n{}", run.stderr);
    }
}

#[test]
fn an_error_is_reported_as_often_as_it_is_made() {
    let run = session("fn f() { unsafe { let p = vex_malloc(1); vex_free(p); vex_free(p) } }\nf()\nf()\n");
    assert_eq!(run.expect_status(1).stderr.matches("memory error[double-free]").count(), 2);
}

#[test]
fn commands_know_the_checked_heap() {
    let run = session(
        ":unsafe on\nlet! p = vex_malloc(24)\nlet q = vex_malloc(8)\n:where p\n:leaks\np = q\n:leaks\n:heap\n",
    );
    for part in [
        "byte 0 of a 24-byte heap block, allocated at <1>:1\n",
        "no leaks\nreachable from variables: 2 blocks, 32 bytes\n",
        "memory error[leak-lost]: leak of 24 bytes in 1 block: nothing points to it any more\n",
        "leaked: 1 block, 24 bytes\nreachable from variables: 1 block, 8 bytes\n",
    ] {
        assert!(run.stdout.contains(part), "no {part:?} in:\n{}\n{}", run.stdout, run.stderr);
    }
    assert!(run.stderr.contains("no picture"), "{}", run.stderr);
}
