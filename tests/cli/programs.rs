//! Running programs: where they come from, what they are given, how they end.

use vex_tests::Folder;

use super::{run_vex, vexc};

#[test]
fn a_program_comes_from_a_file_or_from_standard_input() {
    let folder = Folder::new();
    folder.file("a.vx", "println(\"file\")\n");
    vexc(&folder).args(["run", "a.vx"]).output().expect_status(0).expect_stdout("file\n");
    run_vex("println(\"input\")").output().expect_status(0).expect_stdout("input\n");
    let vais = "F main() -> i64 { R 4 }\n";
    vexc(&folder).args(["run", "--spelling", "vais", "-"]).input(vais).output().expect_status(4);
}

#[test]
fn imports_of_standard_input_come_from_the_current_folder() {
    let folder = Folder::new();
    folder.file("m.vx", "fn seven(): i64 { return 7 }\n");
    let text = "import \"m\"\nprintln(seven())\n";
    vexc(&folder).args(["run", "-"]).input(text).output().expect_status(0).expect_stdout("7\n");
}

#[test]
fn a_first_line_for_the_shell_is_skipped() {
    let text = "#!/usr/bin/env -S vexc run\nprintln(missing)\n";
    run_vex(text).output().expect_status(1).expect_stderr("<stdin>:2:9");
    run_vex("#!/usr/bin/env -S vexc run\nprintln(1)").output().expect_status(0).expect_stdout("1\n");
}

#[test]
fn arguments_reach_the_program() {
    let folder = Folder::new();
    folder.file("args.vx", "let a = args()\nfor i in 0..a.len() { println(\"<{}>\", a[i]) }\n");
    let run = |args: &[&str]| vexc(&folder).args(["run", "args.vx"]).args(args).output().expect_status(0);
    run(&[]).expect_stdout("");
    run(&["one", "two 2", ""]).expect_stdout("<one>\n<two 2>\n<>\n");
    run(&["--", "--time", "-x", "--"]).expect_stdout("<--time>\n<-x>\n<-->\n");
}

#[test]
fn the_exit_status_is_the_programs() {
    for (text, status) in [
        ("fn main(): i32 { return 3 }", 3),
        ("fn main(): i64 { return 258 }", 2),
        ("fn main() { }", 0),
        ("exit(9)", 9),
        ("println(1 / (args().len() as i64))", 101),
        ("panic(\"no\")", 101),
        ("assert(1 == 2)", 101),
        ("let x: i64 = \"text\"", 1),
        ("let = 1", 1),
    ] {
        run_vex(text).output().expect_status(status);
    }
}

#[test]
fn output_comes_before_the_report_of_a_failure() {
    let folder = Folder::new();
    folder.file("a.vx", "print(\"before\")\npanic(\"the end: {}\", 6 * 7)\n");
    let run = vexc(&folder).args(["run", "a.vx"]).output().expect_status(101).expect_stdout("before");
    run.expect_stderr("the end: 42").expect_stderr("a.vx:2");
    // The same when both go to one file.
    let both = folder.path().join("both");
    let file = std::fs::File::create(&both).expect("a file");
    let mut command = vexc(&folder).args(["run", "a.vx"]).command();
    command.stdout(file.try_clone().expect("a second handle")).stderr(file);
    command.status().expect("the program starts");
    let text = folder.read("both");
    assert!(text.starts_with("before"), "{text}");
}

#[test]
fn input_can_be_read_by_lines_and_whole() {
    let folder = Folder::new();
    folder.file("a.vx", "println(\"<{}>\", read_line())\nprintln(\"<{}>\", read_all())\n");
    let run = vexc(&folder).args(["run", "a.vx"]).input("one\r\ntwo\nthree");
    run.output().expect_status(0).expect_stdout("<one>\n<two\nthree>\n");
}

#[test]
fn files_are_read_and_written_or_named_in_a_panic() {
    let folder = Folder::new();
    folder.file(
        "a.vx",
        "write_file(\"out.txt\", \"text\")\nprintln(read_file(\"out.txt\"))\nread_file(\"gone\")\n",
    );
    let run = vexc(&folder).args(["run", "a.vx"]).output().expect_status(101).expect_stdout("text\n");
    run.expect_stderr("cannot read gone");
    assert_eq!(folder.read("out.txt"), "text");
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_the_output_and_ends_with_130() {
    use std::io::Read;
    use std::process::Stdio;
    let folder = Folder::new();
    folder.file("a.vx", "print(\"kept\")\neprintln(\"started\")\nlet! n = 0\nwhile true { n = n + 1 }\n");
    let mut command = vexc(&folder).args(["run", "a.vx"]).command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut started = [0; 8];
    child.stderr.as_mut().expect("a pipe").read_exact(&mut started).expect("it says so");
    // SAFETY: the number is that of our child, which has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(vex_tests::status_number(output.status), 130);
    assert_eq!(output.stdout, b"kept");
}
