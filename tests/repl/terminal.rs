//! A terminal that tests type at and look at: a pty with a model of the screen.
//!
//! Nothing here waits for a time to pass. What a test waits for is on the screen, and a deadline far away ends the wait
//! when it never comes.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use vex_tests::{Run, open_terminal, status_number};

/// How long anything may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// A terminal with a session on its other side.
pub struct Terminal {
    master: File,
    child: Child,
    screen: vt100::Parser,
    /// Everything that was sent to the screen.
    pub sent: Vec<u8>,
}

impl Terminal {
    /// Runs a command as the leader of a new terminal of 80 columns and 24 rows.
    pub fn run(run: Run) -> Terminal {
        let (rows, cols) = (24, 80);
        let (master, slave) = open_terminal(rows, cols);
        let copy = || Stdio::from(slave.try_clone().expect("a copy of the descriptor"));
        let mut command = run.command();
        command.stdin(copy()).stdout(copy()).stderr(copy());
        let lead = || {
            // SAFETY: both only ask the system: for a session of its own, and for its input as the terminal of that.
            let outcome = unsafe { libc::setsid() >= 0 && libc::ioctl(0, libc::TIOCSCTTY, 0) >= 0 };
            if outcome { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        };
        // SAFETY: the closure makes two system calls and allocates nothing.
        unsafe { command.pre_exec(lead) };
        let child = command.spawn().expect("it starts");
        Terminal {
            master,
            child,
            screen: vt100::Parser::new(length(rows), length(cols), 0),
            sent: Vec::new(),
        }
    }

    /// The number of the process.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The rows of the screen, without blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        let screen = self.screen.screen();
        screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned()).collect()
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&Terminal) -> bool) {
        let start = Instant::now();
        while !wanted(self) {
            let left = DEADLINE.saturating_sub(start.elapsed());
            assert!(self.receive(left), "no {what} on the screen:\n{}", self.rows().join("\n"));
        }
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait(&format!("`{text}`"), |terminal| terminal.rows().join("\n").contains(text));
    }

    /// Waits until the screen shows a text that may be too long for one row.
    #[track_caller]
    pub fn wait_for_long(&mut self, text: &str) {
        self.wait(&format!("`{text}`"), |terminal| {
            let screen = terminal.screen.screen();
            screen.rows(0, screen.size().1.get()).collect::<String>().contains(text)
        });
    }

    /// Waits until the row of the cursor is exactly this, and the cursor behind it.
    #[track_caller]
    pub fn wait_for_row(&mut self, row: &str) {
        self.wait(&format!("cursor behind `{row}`"), |terminal| {
            let (line, column) = terminal.screen.screen().cursor_position();
            terminal.rows()[usize::from(line)] == row.trim_end() && usize::from(column) == row.chars().count()
        });
    }

    /// Waits for a prompt with nothing behind it.
    #[track_caller]
    pub fn wait_for_prompt(&mut self) {
        self.wait_for_row("vex> ");
    }

    /// Reads what was sent to the screen; false when nothing came in time, or nothing can.
    fn receive(&mut self, limit: Duration) -> bool {
        let mut poll = libc::pollfd { fd: self.master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one open descriptor, described by one entry.
        let ready = unsafe { libc::poll(&mut poll, 1, limit.as_millis() as i32) };
        let mut bytes = [0; 4096];
        // The end of the last program on it shows as an error.
        let count = if ready > 0 { self.master.read(&mut bytes).unwrap_or(0) } else { 0 };
        self.screen.process(&bytes[..count]);
        self.sent.extend(&bytes[..count]);
        count > 0
    }

    /// How a place on the screen is coloured.
    pub fn style(&self, row: u16, column: u16) -> (vt100::Color, bool, bool) {
        let cell = self.screen.screen().cell(row, column).expect("a place on the screen");
        (cell.fgcolor(), cell.bold(), cell.underline())
    }

    /// Sends bytes that no key sends.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.master.write_all(bytes).expect("the terminal takes it");
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    /// Enters a line and waits until all of it has been answered.
    #[track_caller]
    pub fn enter(&mut self, line: &str) {
        self.keys(line);
        self.keys("\r");
        self.wait("answer", |terminal| terminal.is_idle_after(line));
    }

    /// Whether the last prompt is below the row where `line` was entered.
    fn is_idle_after(&self, line: &str) -> bool {
        let rows = self.rows();
        let (row, column) = self.screen.screen().cursor_position();
        let entered = rows.iter().rposition(|row| row.ends_with(line));
        rows[usize::from(row)] == "vex>" && column == 5 && entered.is_some_and(|at| at < usize::from(row))
    }

    /// Pastes a text, as terminals do it.
    pub fn paste(&mut self, text: &str) {
        self.keys(&format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")));
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, rows: u16, cols: u16) {
        let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        self.screen.screen_mut().set_size(length(rows), length(cols));
        // SAFETY: the descriptor is open, and the size is read.
        let outcome = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        assert_eq!(outcome, 0, "a terminal has a size");
    }

    /// Waits for the end and returns the exit status.
    #[track_caller]
    pub fn end(mut self) -> i32 {
        let start = Instant::now();
        while start.elapsed() < DEADLINE && self.receive(DEADLINE) {}
        assert!(start.elapsed() < DEADLINE, "it goes on:\n{}", self.rows().join("\n"));
        status_number(self.child.wait().expect("it ends"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has usually ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A height or width for the model of the screen.
fn length(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a terminal has a size")
}

/// Keys by their names.
pub mod key {
    pub const UP: &str = "\x1b[A";
    pub const LEFT: &str = "\x1b[D";
    pub const HOME: &str = "\x1b[H";
    pub const END: &str = "\x1b[F";
    pub const BACKSPACE: &str = "\x7f";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_D: &str = "\x04";
    pub const CTRL_R: &str = "\x12";
}
