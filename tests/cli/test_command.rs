//! `vexc test`, as users run it on their own trees.

use vex_tests::Folder;

use super::vexc;

/// A tree with one program of each kind of outcome.
fn tree() -> Folder {
    let folder = Folder::new();
    folder.file("t/pass.vx", "println(1)\n");
    folder.file("t/pass.out", "1\n");
    folder.file("t/sub/status.vais", "#@ exit: 4\nF main() -> i64 { R 4 }\n");
    folder.file("t/sub/error.vx", "//@ error: E0101\nprintln(missing)\n");
    folder.file("t/sub/input.vx", "//@ args: a 'b c'\nprintln(args().len(), read_line())\n");
    folder.file("t/sub/input.in", "from the file\n");
    folder.file("t/sub/input.out", "2 from the file\n");
    folder.file("t/stderr.vx", "//@ exit: 101\n//@ stderr: boom\n//@ stderr: stderr.vx:4\npanic(\"boom\")\n");
    folder.file("t/skipped.vx", "//@ skip: not today\npanic(\"never\")\n");
    folder
}

#[test]
fn a_tree_that_passes() {
    let folder = tree();
    let run = vexc(&folder).args(["test", "t"]).output().expect_status(0);
    run.expect_stdout("skip t/skipped.vx: not today\n5 passed, 0 failed, 1 skipped\n");
    let run = vexc(&folder).args(["test", "t", "--filter", "sub/", "-j", "1"]).output().expect_status(0);
    run.expect_stdout("3 passed, 0 failed\n");
    vexc(&folder).args(["test", "t/pass.vx"]).output().expect_status(0).expect_stdout("1 passed, 0 failed\n");
}

#[test]
fn failures_say_why() {
    let folder = Folder::new();
    folder.file("a.vx", "println(1)\nprintln(2)\n");
    folder.file("a.out", "1\n3\n");
    folder.file("b.vx", "fn main(): i32 { return 2 }\n");
    folder.file("c.vx", "//@ stderr: never said\nprintln(1)\n");
    folder.file("d.vx", "//@ exist: 1\n");
    folder.file("e.vx", "//@ error: E0102\nprintln(missing)\n");
    folder.file("f.vx", "//@ timeout: 0.2\nwhile true { }\n");
    let run = vexc(&folder).args(["test", "."]).output().expect_status(1);
    for part in [
        "FAIL ./a.vx: what it printed differs\n--- a.out\n+++ printed\n@@ -1,2 +1,2 @@\n 1\n-3\n+2\n",
        "FAIL ./b.vx: exit 2, wanted 0\n",
        "FAIL ./c.vx: standard error lacks `never said`\n",
        "FAIL ./d.vx: line 1: there is no directive `exist`",
        "FAIL ./e.vx: no error E0102; unexpected error E0101\n",
        "FAIL ./f.vx: did not end within 0.2 s\n",
    ] {
        assert!(run.stdout.contains(part), "no {part:?} in:\n{}", run.stdout);
    }
    assert!(run.stdout.ends_with("0 passed, 6 failed\n"), "{}", run.stdout);
}

#[test]
fn nothing_to_run_is_an_error() {
    let folder = tree();
    folder.file("empty/readme.txt", "");
    let run = |args: &[&str]| vexc(&folder).arg("test").args(args).output().expect_status(2);
    run(&["gone"]).expect_stderr("gone");
    run(&["empty"]).expect_stderr("no programs in empty");
    run(&["t", "empty"]).expect_stderr("no programs in empty");
    run(&["empty/readme.txt"]).expect_stderr("not a program");
    run(&["t", "--filter", "zzz"]).expect_stderr("`zzz` matches none of the 6 programs");
    run(&[]).expect_stderr("<PATH>");
    run(&["t", "-j", "0"]);
}

#[test]
fn bless_accepts_what_passes_otherwise() {
    let folder = Folder::new();
    folder.file("new.vx", "println(\"new\")\n");
    folder.file("changed.vx", "println(\"now\")\neprintln(\"message\")\n");
    folder.file("changed.out", "before\n");
    folder.file("changed.err", "");
    folder.file("silent.vx", "fn main() { }\n");
    folder.file("broken.vx", "println(\"printed\")\npanic(\"no\")\n");
    let run = vexc(&folder).args(["test", ".", "--bless"]).output().expect_status(1);
    assert!(
        run.stdout.contains("wrote ./changed.out\nwrote ./changed.err\nwrote ./new.out\n"),
        "{}",
        run.stdout
    );
    assert_eq!((folder.read("new.out"), folder.read("changed.err")), ("new\n".into(), "message\n".into()));
    assert!(!folder.path().join("silent.out").exists() && !folder.path().join("broken.out").exists());
    vexc(&folder).args(["test", ".", "--filter", "changed"]).output().expect_status(0);
    let run = vexc(&folder).args(["test", ".", "--bless"]).env("CI", "true").output();
    run.expect_status(2).expect_stderr("CI");
}

#[test]
fn a_program_runs_in_its_own_folder() {
    let folder = Folder::new();
    folder.file("sub/a.vx", "println(read_file(\"data.txt\"))\n");
    folder.file("sub/data.txt", "beside it");
    folder.file("sub/a.out", "beside it\n");
    vexc(&folder).args(["test", "sub"]).output().expect_status(0);
}

/// Programs run in process groups of their own, which Ctrl-C does not reach.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_run_leaves_no_program_behind() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let folder = Folder::new();
    folder.file("sub/a.vx", "while true { }\n");
    let inside = folder.path().join("sub").canonicalize().expect("the folder");
    // The program is whatever works in its folder.
    let running = || {
        let processes = std::fs::read_dir("/proc").expect("the list of processes");
        let mut folders =
            processes.filter_map(|entry| std::fs::read_link(entry.ok()?.path().join("cwd")).ok());
        folders.any(|folder| folder == inside)
    };
    let wait_until = |state: bool| {
        let start = Instant::now();
        while running() != state {
            assert!(start.elapsed() < Duration::from_secs(20), "running: {}", !state);
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let mut child =
        vexc(&folder).args(["test", "sub"]).command().stdout(Stdio::null()).spawn().expect("it starts");
    wait_until(true);
    // SAFETY: the number is that of our child, which has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    child.wait().expect("it ends");
    wait_until(false);
}
