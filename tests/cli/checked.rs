//! `--checked` as users meet it: what stops, what is reported and where, and with which status it ends.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use serde_json::Value;
use vex_tests::{Folder, Run};

use super::vexc;

/// `vexc run --checked` with these options of a program with this text, called `a.vx`.
fn checked(folder: &Folder, options: &[&str], text: &str) -> Run {
    folder.file("a.vx", text);
    vexc(folder).args(["run", "--checked"]).args(options).arg("a.vx")
}

const OVERFLOW: &str = "\
println(\"before\")
unsafe {
    let p = vex_malloc(24) as *u8!
    for i in 0..=24 { p[i] = 1 }
    vex_free(p as ptr)
}
";

#[test]
fn the_first_error_stops_the_program_behind_its_output() {
    let folder = Folder::new();
    let (status, printed) = checked(&folder, &[], OVERFLOW).merged();
    assert_eq!(status, 99, "{printed}");
    for part in [
        "before\nmemory error[out-of-bounds]: write past the end of a block\n  at a.vx:4:23 in main\n",
        "\n    4 |     for i in 0..=24 { p[i] = 1 }\n      |                       ^^^^ writes 1 byte directly behind a 24-byte heap block\n",
        "\n  allocated at a.vx:3:13 in main\n    3 |     let p = vex_malloc(24) as *u8!\n      |             ^^^^^^^^^^^^^^\n",
        " 01 01 01 01 01 01 01 01[##]## ## ## ## ## ## ##\n",
        "\n  help: the block has room for 24 bytes, 0 to 23: this is number 24\n",
        "\n  help: line 4, `for i in 0..=24`: if that is meant to end with the block, `..=` goes one too far",
    ] {
        assert!(printed.contains(part), "no {part:?} in:\n{printed}");
    }
}

#[test]
fn programs_come_from_anywhere_and_in_any_spelling() {
    let folder = Folder::new();
    let run = vexc(&folder).args(["run", "--checked", "-"]).input(OVERFLOW).output();
    run.expect_status(99).expect_stderr("at <stdin>:4:23 in main");
    folder.file("b.vera", "import \"vera:memory\"\nfunction main() -> i64 {\n    let p = allocate(8)\n    store_i64(p + 1, 5)\n    free(p, 8)\n    return 0\n}\n");
    vexc(&folder).args(["run", "--checked", "b.vera"]).output().expect_status(99).expect_stderr("b.vera:4");
    folder.file("c.vais", "U std/allocator\nF main() -> i64 {\n    p := PoolAllocator::new(16, 2)\n    p.drop()\n    p.drop()\n    0\n}\n");
    vexc(&folder).args(["run", "--checked", "c.vais"]).output().expect_status(99).expect_stderr("c.vais:5");
}

const TWO: &str = "\
fn fill(p: *i64!, n: i64) { for i in 0..n { unsafe { p[i] = i } } }
unsafe {
    let p = vex_malloc(16)
    fill(p as *i64!, 5)
    vex_free(p)
    vex_free(p)
}
println(\"still here\")
";

#[test]
fn a_program_can_keep_going() {
    let folder = Folder::new();
    let run = checked(&folder, &["--keep-going"], TWO).output().expect_status(99);
    let run = run.expect_stdout("still here\n");
    let errors = run.stderr.matches("memory error[").count();
    assert_eq!(errors, 2, "{}", run.stderr);
    assert!(run.stderr.contains("a.vx:1:") && run.stderr.contains("a.vx:6:"), "{}", run.stderr);
    assert!(
        run.stderr.ends_with("found: 2 memory errors\n  3 times: out-of-bounds at a.vx:1\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn json_is_one_object_a_line() {
    let folder = Folder::new();
    let run = checked(&folder, &["--keep-going", "--message-format", "json"], TWO).output().expect_status(99);
    let objects: Vec<Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["out-of-bounds", "double-free", "summary"]);
    assert_eq!((&objects[0]["file"], &objects[0]["line"]), (&"a.vx".into(), &1.into()));
    assert_eq!(objects[0]["backtrace"][1]["line"], 4);
    assert_eq!(
        (&objects[1]["block"]["freed"]["line"], &objects[1]["block"]["allocated"]["line"]),
        (&5.into(), &3.into())
    );
    assert_eq!(objects[2]["repeats"][0]["count"], 3);
}

const LEAKS: &str = "\
let! kept = null_ptr
fn lose(n: usize) { unsafe { vex_malloc(n) } }
fn main() {
    lose(48)
    lose(16)
    kept = unsafe { vex_malloc(8) }
    // @ allow leak: it is for the whole program
    unsafe { vex_malloc(100) }
    unsafe { vex_malloc(200) } // @ allow leak
}
";

#[test]
fn leaks_are_grouped_by_line_and_kind() {
    let folder = Folder::new();
    let run = checked(&folder, &[], LEAKS).output().expect_status(99);
    for part in [
        "memory error[leak-lost]: leak of 64 bytes in 2 blocks: nothing points to them any more\n  allocated at a.vx:2:30 in lose\n",
        "memory error[leak-reachable]: leak of 8 bytes in 1 block: the global variable `kept` still leads to it\n  allocated at a.vx:6:",
        "\nfound: 72 bytes leaked in 3 blocks\n",
    ] {
        assert!(run.stderr.contains(part), "no {part:?} in:\n{}", run.stderr);
    }
    let run = checked(&folder, &["--leaks", "lost"], LEAKS).output().expect_status(99);
    assert!(run.stderr.contains("leak-lost") && !run.stderr.contains("leak-reachable"), "{}", run.stderr);
    let run = checked(&folder, &["--leaks", "none"], LEAKS).output().expect_status(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn an_end_in_the_middle_leaks_only_what_nobody_holds() {
    let folder = Folder::new();
    let exit =
        "fn main() {\n    let p = unsafe { vex_malloc(5) }\n    exit(3)\n    unsafe { vex_free(p) }\n}\n";
    let run = checked(&folder, &[], exit).output();
    assert_eq!((run.status, run.stderr.as_str()), (3, ""));
    // What is left of a pointer on the stack may keep one of them, not all.
    let lost = "fn lose() { unsafe { vex_malloc(5) } }\nfn main() {\n    for i in 0..50 { lose() }\n    exit(3)\n}\n";
    checked(&folder, &[], lost).output().expect_status(99).expect_stderr("a.vx:1:22 in lose");
}

#[test]
fn panics_stay_panics_and_faults_become_memory_errors() {
    let folder = Folder::new();
    let run = checked(&folder, &[], "unsafe { vex_malloc(5) }\npanic(\"no\")\n").output().expect_status(101);
    assert!(run.stderr.starts_with("panic: no\n") && !run.stderr.contains("leak"), "{}", run.stderr);
    let divide = "fn by(n: i64): i64 { return 1 / n }\nprintln(by(0))\n";
    checked(&folder, &[], divide).output().expect_status(101).expect_stderr("panic: division by zero");
    let null = "let p = null_ptr as *i64\nprintln(unsafe { *p })\n";
    let run = checked(&folder, &[], null).output().expect_status(99);
    run.expect_stderr("memory error[null]: read through a null pointer\n  at a.vx:2:");
    let endless = "fn down(n: i64): i64 { return 1 + down(n + 1) }\nprintln(down(0))\n";
    checked(&folder, &[], endless).output().expect_status(101).expect_stderr("stack overflow");
}

#[test]
fn recursion_is_told_as_it_is() {
    let folder = Folder::new();
    let text = "fn down(n: i64): i64 {\n    if n > 0 { return 1 + down(n - 1) }\n    unsafe { vex_memset(8 as ptr, 0, 1) }\n    return n\n}\nprintln(down(40))\n";
    let run = checked(&folder, &["--opt", "none"], text).output().expect_status(99);
    for part in ["     0: down  a.vx:3:14\n", "    … repeated 39 more times\n    41: main  a.vx:6:9\n"] {
        assert!(run.stderr.contains(part), "no {part:?} in:\n{}", run.stderr);
    }
}

#[test]
fn a_program_without_errors_says_nothing_more() {
    let folder = Folder::new();
    let text = "let p = unsafe { vex_malloc(8) }\nunsafe { vex_free(p) }\nprintln(p != null_ptr)\n";
    let run = checked(&folder, &[], text).output().expect_status(0).expect_stdout("true\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn where_addresses_are_few_it_says_so() {
    let folder = Folder::new();
    folder.file("a.vx", "println(1)\n");
    let script = "ulimit -v 4000000 && exec \"$VEXC\" run --checked a.vx";
    let run = Run::new("sh", folder.path()).args(["-c", script]);
    let run = run.env("VEXC", env!("CARGO_BIN_EXE_vexc-under-test")).output().expect_status(1);
    run.expect_stderr("ulimit -v");
}

#[test]
fn golden_tests_demand_errors_at_their_lines() {
    let folder = Folder::new();
    folder.file("good.vx", "//@ flags: --checked\nprintln(1)\n");
    folder.file("bad.vx", "//@ defect: double-free 5 allocated 3 freed 4\n//@ stderr: double free\nlet p = unsafe { vex_malloc(8) }\nunsafe { vex_free(p) }\nunsafe { vex_free(p) }\n");
    folder.file("leak.vais", "#@ defect: leak 3\nF main() -> i64 {\n    malloc(8)\n    0\n}\n");
    let run = vexc(&folder).args(["test", "."]).output();
    run.expect_status(0).expect_stdout("3 passed, 0 failed\n");
    folder.file("bad.vx", "//@ defect: double-free 5 freed 3\nlet p = unsafe { vex_malloc(8) }\nunsafe { vex_free(p) }\nprintln(1)\nunsafe { vex_free(p) }\n");
    let run = vexc(&folder).args(["test", "bad.vx"]).output().expect_status(0);
    run.expect_stdout("1 passed, 0 failed\n");
    folder.file("bad.vx", "//@ defect: double-free 4\nlet p = unsafe { vex_malloc(8) }\nunsafe { vex_free(p) }\n\nunsafe { vex_free(p) }\n");
    let run = vexc(&folder).args(["test", "bad.vx"]).output().expect_status(1);
    let wanted = "no double-free at bad.vx:4; unexpected double-free at bad.vx:5\n";
    assert!(run.stdout.contains(wanted), "{}", run.stdout);
    folder.file("plain.vx", "unsafe { vex_malloc(1) }\n");
    vexc(&folder).args(["test", "plain.vx"]).output().expect_status(0);
    vexc(&folder).args(["test", "--checked", "plain.vx"]).output().expect_status(1);
    folder.file("plain.vx", "//@ flags: --allocator bump:1M\nunsafe { vex_malloc(1) }\n");
    vexc(&folder).args(["test", "--checked", "plain.vx"]).output().expect_status(0);
}
