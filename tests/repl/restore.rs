//! Sessions whose process ends before its time.

use vex_tests::Folder;

use super::repl;
use super::terminal::Terminal;

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
    terminal.keys("while true { }\r");
    // It runs when its process is no longer waiting for something.
    wait_for_state(first, "R");
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

/// Waits until the state of a process is one of these letters; `?` stands for none left.
#[cfg(target_os = "linux")]
fn wait_for_state(pid: i32, letters: &str) {
    let start = std::time::Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let letter = stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('?');
        if letters.contains(letter) {
            return;
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "process {pid} is in state {letter}");
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
    terminal.keys("while true { }\r");
    wait_for_state(session, "R");
    kill(terminal.pid());
    wait_for_state(session, "Z?");
}
