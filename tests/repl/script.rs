//! Sessions without a terminal: inputs from a pipe or a file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use vex_tests::{Folder, Output, status_number};

use super::repl;

/// A session with this text on standard input.
fn script(text: impl Into<Vec<u8>>) -> Output {
    repl(&Folder::new(), &[]).input(text).output()
}

/// A session that reads this text from a file.
fn script_file(text: &str) -> (i32, String) {
    let folder = Folder::new();
    let file = File::open(folder.file("script.vx", text)).expect("the file just written");
    let output = repl(&folder, &[]).command().stdin(file).output().expect("it runs");
    (status_number(output.status), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_script_shows_its_output_and_nothing_else() {
    let output =
        script("let a = 40\nprintln(\"{a}\")\n\nfn f(): i64 {\n\n    return a + 2\n}\nprintln(\"{f()}\")");
    output.expect_status(0).expect_stdout("40\n42\n");
}

#[test]
fn values_show() {
    let output = script("40 + 2\n").expect_status(0);
    assert!(output.stdout.contains("i64 = 42"), "{output:?}");
}

#[test]
fn what_fails_is_reported_and_the_rest_runs() {
    let output = script("let a = 1\nprintln(missing)\nprintln(\"after {a}\")\n");
    output.expect_status(1).expect_stdout("after 1\n").expect_stderr("missing");
}

#[test]
fn the_exit_status_is_that_of_quit_unless_something_failed() {
    script(":quit 3\nprintln(\"never\")\n").expect_status(3).expect_stdout("");
    script("missing\n:quit 3\n").expect_status(3);
    script("missing\n:quit\n").expect_status(1);
    script(":quit\n").expect_status(0);
    script("").expect_status(0).expect_stdout("");
}

#[test]
fn bytes_that_are_no_text_cost_one_input() {
    let text = b"println(\"a\")\nfn f() {\n    \xC3\xBC \xFF\n}\nprintln(\"b\")\n";
    let output = script(text).expect_status(1).expect_stdout("a\nb\n");
    assert_eq!(output.stderr, "error: line 3 is not UTF-8 text: byte 0xff at column 7\n");
}

#[test]
fn other_systems_files_are_read() {
    script("\u{FEFF}println(\"a\")\r\nprintln(\"b\")\r\n").expect_status(0).expect_stdout("a\nb\n");
    script("\u{FEFF}:quit 4\r\n").expect_status(4);
}

#[test]
fn an_input_may_miss_its_last_newline_or_its_end() {
    script("println(\"a\")").expect_status(0).expect_stdout("a\n");
    script("println(\"a\")\nfn f() {\n").expect_status(1).expect_stdout("a\n").expect_stderr("never closed");
}

#[test]
fn files_are_read_ahead() {
    let text = "let a = 0\nif a == 1 { println(\"one\") }\n\nelse { println(\"other\") }\nprintln(\"end\")\n";
    assert_eq!(script_file(text), (0, "other\nend\n".into()));
}

#[test]
fn transcripts_of_files_show_what_a_terminal_would() {
    let text = "// one\nlet a = 0\nif a == 1 { println(\"one\") }\n\nelse { println(\"other\") }\n// two\n\n:type a\n";
    let folder = Folder::new();
    let file = File::open(folder.file("script.vx", text)).expect("the file just written");
    let output = repl(&folder, &["--transcript"]).command().stdin(file).output().expect("it runs");
    let expected = "vex> // one\nvex> let a = 0\nvex> if a == 1 { println(\"one\") }\n...>\n\
        ...> else { println(\"other\") }\nother\nvex> // two\nvex> :type a\n: i64  (8 bytes, alignment 8)\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn transcripts_show_bytes_that_are_no_text_above_the_report() {
    let text = b"println(\"a\")\n\xFF\n// \xFF\n".to_vec();
    let (status, printed) = repl(&Folder::new(), &["--transcript"]).input(text).merged();
    let report =
        |line, column| format!("error: line {line} is not UTF-8 text: byte 0xff at column {column}\n");
    let expected = format!("vex> println(\"a\")\na\nvex> \u{FFFD}\n{}{}", report(2, 1), report(3, 4));
    assert_eq!((status, printed), (1, expected));
}

#[test]
fn programs_find_no_input() {
    let text = "let line = read_line()\nprintln(\"<{line}>\")\nprintln(\"end\")\n";
    let output = script(text);
    assert!(output.stdout.ends_with("end\n"), "{output:?}");
}

#[test]
fn answers_come_while_the_writer_waits() {
    let folder = Folder::new();
    let mut command = repl(&folder, &[]).command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let (mut stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let mut stdout = BufReader::new(stdout);
    for n in 0..3 {
        writeln!(stdin, "println(\"{n}\")").expect("it reads");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it answers");
        assert_eq!(line, format!("{n}\n"));
    }
    drop(stdin);
    assert_eq!(status_number(child.wait().expect("it ends")), 0);
}

#[test]
fn a_reader_that_goes_away_ends_the_session() {
    let folder = Folder::new();
    let mut command = repl(&folder, &[]).command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all("println(\"nobody hears this\")\n".repeat(1000).as_bytes());
    });
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
    writer.join().expect("the writer ends");
    assert_eq!(stderr, "");
    assert_eq!(status_number(child.wait().expect("it ends")), 128 + libc::SIGPIPE);
}

#[test]
fn ctrl_c_ends_a_script() {
    let folder = Folder::new();
    let mut command = repl(&folder, &[]).command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    writeln!(stdin, "println(\"ready\")").expect("it reads");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("it answers");
    // SAFETY: the number is that of our child, which has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert_eq!(status_number(child.wait().expect("it ends")), 130);
    drop(stdin);
}

#[test]
fn a_megabyte_is_one_input_like_any_other() {
    let lines = "    n = n + 1 // some words to fill the line\n".repeat(24_000);
    let text = format!("fn f(): i64 {{\n    let! n = 0\n{lines}    return n\n}}\nprintln(\"{{f()}}\")\n");
    assert!(text.len() > 1_000_000);
    let start = Instant::now();
    script(text).expect_status(0).expect_stdout("24000\n");
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[test]
fn ten_thousand_inputs_are_a_session_like_any_other() {
    const ROUNDS: i64 = 2000;
    let mut text = String::from("let! sum = 0\nfn step(n: i64): i64 { n }\nlet pointer = step\n");
    for n in 0..ROUNDS {
        text.push_str(&format!("let x{n} = {n}\nlet last = x{n}\n"));
        text.push_str(&format!("fn step(n: i64): i64 {{ n * 2 + {n} }}\nsum += pointer(last) - x{n}\n"));
        // Half of them fail, and change nothing.
        text.push_str(if n % 2 == 0 { "sum += missing\n" } else { "sum;\n" });
    }
    text.push_str("println(\"{sum} {x0} {x1999} {last} {step(1)}\")\n");
    assert!(text.lines().count() > 10_000);
    let sum: i64 = (0..ROUNDS).map(|n| n * 2).sum();
    let start = Instant::now();
    script(text).expect_status(1).expect_stdout(&format!("{sum} 0 1999 1999 2001\n"));
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[test]
fn the_spelling_can_change_on_the_way() {
    let text =
        ":spelling vais\n# a ( comment\nprintln(\"vais\")\n:spelling vex\n// a ( comment\nprintln(\"vex\")\n";
    script(text).expect_status(0).expect_stdout("vais\nvex\n");
}

#[test]
fn files_are_loaded_first() {
    let folder = Folder::new();
    folder.file("lib.vx", "fn twice(n: i64): i64 { return n * 2 }\n");
    let output = repl(&folder, &["lib.vx"]).input("println(\"{twice(21)}\")\n").output();
    output.expect_status(0).expect_stdout("42\n");
    let output = repl(&folder, &["missing.vx"]).input("println(\"on\")\n").output();
    output.expect_status(1).expect_stdout("on\n").expect_stderr("missing.vx");
}
