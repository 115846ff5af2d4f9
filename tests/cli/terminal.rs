//! Programs on a terminal: lines show as they end, prompts before they are answered, and messages are coloured.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use vex_tests::{Folder, open_terminal, status_number};

use super::vexc;

/// A terminal with a program on its other side.
struct Terminal {
    master: File,
    child: Child,
    seen: String,
}

impl Terminal {
    /// Runs a program with all three streams on a new terminal.
    fn run(folder: &Folder, text: &str) -> Terminal {
        folder.file("a.vx", text);
        let (master, slave) = open_terminal(24, 80);
        let copy = || Stdio::from(slave.try_clone().expect("a copy of the descriptor"));
        let mut command = vexc(folder).args(["run", "a.vx"]).env("TERM", "xterm").command();
        let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("it starts");
        Terminal { master, child, seen: String::new() }
    }

    /// Waits until the screen shows `text`.
    fn wait_for(&mut self, text: &str) {
        let start = Instant::now();
        while !self.seen.contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "no `{text}` in {:?}", self.seen);
            let mut bytes = [0; 1024];
            // The end of the last program on it shows as an error.
            let count = self.master.read(&mut bytes).unwrap_or(0);
            assert!(count > 0, "it ended before `{text}`: {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    fn end(mut self) -> i32 {
        status_number(self.child.wait().expect("it ends"))
    }
}

#[test]
fn lines_and_prompts_show_at_once() {
    let folder = Folder::new();
    let text =
        "println(\"line\")\nprint(\"name? \")\nlet name = read_line()\nprintln(\"<{name}>\")\nread_line()\n";
    let mut terminal = Terminal::run(&folder, text);
    terminal.wait_for("line\r\n");
    terminal.wait_for("name? ");
    terminal.type_in("somebody\n");
    // Shown although the program goes on to wait.
    terminal.wait_for("<somebody>\r\n");
    terminal.type_in("\x04");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn progress_shows_without_a_newline() {
    let folder = Folder::new();
    let text = "print(\"half\")\nlet! n = 0\nwhile true { n = n + 1 }\n";
    let mut terminal = Terminal::run(&folder, text);
    terminal.wait_for("half");
    terminal.child.kill().expect("it can be killed");
    terminal.end();
}

#[test]
fn both_streams_keep_their_order() {
    let folder = Folder::new();
    let text = "print(\"a\")\neprint(\"b\")\nprint(\"c\")\neprintln(\"d\")\nprintln(\"e\")\nread_line()\n";
    let mut terminal = Terminal::run(&folder, text);
    terminal.wait_for("e\r\n");
    assert_eq!(terminal.seen, "abcd\r\ne\r\n");
    terminal.type_in("\n");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn ctrl_c_on_the_keyboard_ends_a_program_that_waits() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(&folder, "print(\"waiting\")\nread_line()\nprintln(\"never\")\n");
    terminal.wait_for("waiting");
    // The terminal is not the child's controlling one, so the key is given as the signal it stands for.
    // SAFETY: the number is that of our child, which has not been waited for.
    unsafe { libc::kill(terminal.child.id() as i32, libc::SIGINT) };
    assert_eq!(terminal.end(), 130);
}

#[test]
fn errors_are_coloured_on_a_terminal() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(&folder, "println(missing)\n");
    terminal.wait_for("does not compile");
    assert!(terminal.seen.contains('\x1b'), "{:?}", terminal.seen);
    assert_eq!(terminal.end(), 1);
}
