//! Sessions whose process ends before its time.

use vex_tests::Folder;

use super::repl;
use super::terminal::{Terminal, key};

/// The process that the session lives in.
#[cfg(target_os = "linux")]
fn session_process(terminal: &Terminal) -> i32 {
    let pid = terminal.pid();
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
    let first = session_process(&terminal);
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
    kill(session_process(&terminal));
    terminal.enter("a + 1000");
    terminal.wait_for_long("while it waited for input");
    terminal.wait_for("4021");
}

/// Waits until a process has ended, whether or not somebody has asked how.
#[cfg(target_os = "linux")]
fn wait_for_end(pid: i32) {
    let start = std::time::Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        if state.is_none_or(|state| state == 'Z') {
            return;
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "process {pid} lives on");
        std::thread::yield_now();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_session_does_not_outlive_its_terminal() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(repl(&folder, &["-q"]));
    terminal.wait_for_prompt();
    terminal.enter("let a = 1");
    let session = session_process(&terminal);
    terminal.keys("println(\"running\"); while true { }\r");
    terminal.wait("program that runs", |terminal| terminal.rows().iter().any(|row| row == "running"));
    kill(terminal.pid());
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
