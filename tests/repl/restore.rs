//! Sessions whose process ends before its time.

#[cfg(target_os = "linux")]
use std::io::{BufRead, BufReader, Write};
#[cfg(target_os = "linux")]
use std::process::Stdio;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use vex_tests::Folder;

use super::repl;
use super::terminal::{Terminal, key};

/// The process that the session of `vexc repl`, of this number, lives in.
#[cfg(target_os = "linux")]
fn session_process(pid: i32) -> i32 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a list");
    children.split_whitespace().next().expect("a child").parse().expect("a number")
}

#[cfg(target_os = "linux")]
fn kill(pid: i32) {
    // SAFETY: the number is that of a process that the test started.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_session_comes_back() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(repl(&folder, &["-q"]));
    terminal.wait_for_prompt();
    terminal.enter("let! a = 3000");
    terminal.enter("a = a + 21; println(\"once\")");
    let first = session_process(terminal.pid());
    terminal.keys("println(\"running\"); while true { }\r");
    terminal.wait("program that runs", |terminal| terminal.rows().iter().any(|row| row == "running"));
    kill(first);
    terminal.wait_for_long("was killed by SIGKILL (signal 9) while running this input");
    terminal.wait_for_long("restored by running the 2 earlier inputs again");
    terminal.wait_for_prompt();
    terminal.enter("a + 0");
    terminal.wait_for("3021");
    let printed = terminal.rows().iter().filter(|row| *row == "once").count();
    assert_eq!(printed, 1, "restoring shows nothing of what it runs");
    // Nobody is told until there is something to run; then that runs as well.
    kill(session_process(terminal.pid()));
    terminal.enter("a + 1000");
    terminal.wait_for_long("while it waited for input");
    terminal.wait_for("4021");
}

/// Waits until a process has ended, whether or not somebody has asked how.
#[cfg(target_os = "linux")]
fn wait_for_end(pid: i32) {
    wait_until("the process has ended", || stat(pid).first().is_none_or(|state| state == "Z"));
}

/// How long a process has computed, in ticks of the system.
#[cfg(target_os = "linux")]
fn ticks(pid: i32) -> u64 {
    stat(pid).get(11).map_or(0, |ticks| ticks.parse().expect("a number"))
}

/// What the system knows about a process, from its state on; nothing when there is none.
#[cfg(target_os = "linux")]
fn stat(pid: i32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    after_name.split_whitespace().map(String::from).collect()
}

#[cfg(target_os = "linux")]
fn wait_until(what: &str, wanted: impl Fn() -> bool) {
    let start = Instant::now();
    while !wanted() {
        assert!(start.elapsed() < Duration::from_secs(30), "not seen: {what}");
        std::thread::yield_now();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_session_does_not_outlive_whoever_asks_it() {
    let folder = Folder::new();
    let mut command = repl(&folder, &[]).command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut asking = command.spawn().expect("it starts");
    let mut stdin = asking.stdin.take().expect("a pipe");
    writeln!(stdin, "println(\"ready\")\nwhile true {{ }}").expect("it reads");
    let mut line = String::new();
    let mut stdout = BufReader::new(asking.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("it answers");
    assert_eq!(line, "ready\n");
    let session = session_process(asking.id() as i32);
    // One that waits would notice the end of its questions; this one has to be busy.
    let before = ticks(session);
    wait_until("the loop runs", || ticks(session) > before + 5);
    asking.kill().expect("it runs");
    asking.wait().expect("it has been killed");
    wait_for_end(session);
}

#[test]
fn resetting_and_undoing_are_quiet() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(repl(&folder, &["-q"]));
    terminal.wait_for_prompt();
    terminal.enter("let a = 5100");
    terminal.enter("println(\"shown {a}\")");
    terminal.enter("let b = 5200");
    terminal.enter(":undo");
    terminal.enter("a + 1");
    terminal.wait_for("5101");
    terminal.enter("b");
    terminal.wait_for("error");
    let shown = terminal.rows().iter().filter(|row| *row == "shown 5100").count();
    assert_eq!(shown, 1);
    terminal.enter(":reset");
    terminal.keys("\x0c");
    terminal.wait("clear screen", |terminal| terminal.rows()[0] == "vex>");
    terminal.enter("a");
    terminal.wait_for("error");
    terminal.keys(key::CTRL_D);
    assert_eq!(terminal.end(), 0);
}
