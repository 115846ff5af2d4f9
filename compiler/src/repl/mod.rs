//! The terminal side of a session: editing, history, the process that the session lives in.
//!
//! There are two processes. One has the terminal and never runs a program; the other, its child, is the session. What
//! a program does to its process ends the session's at worst, and then the first one makes it again.

#[cfg(unix)]
mod child;
#[cfg(unix)]
mod edit;
#[cfg(unix)]
mod highlight;
#[cfg(unix)]
mod history;
#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod keys;
#[cfg(unix)]
mod lines;
#[cfg(unix)]
mod margin;
#[cfg(unix)]
mod plain;
#[cfg(unix)]
mod protocol;
#[cfg(unix)]
mod spelling;
#[cfg(unix)]
mod split;
#[cfg(unix)]
mod supervisor;

use std::io::{self, IsTerminal};

use vex_syntax::Spelling;

use crate::session::Engine;

/// Exit status of a session that cannot go on.
const FAILED: u8 = 1;

/// How a session looks to its user.
#[derive(Clone, Debug)]
pub struct Options {
    /// The spelling that the session starts with.
    pub spelling: Spelling,
    /// Whether standard output is coloured.
    pub color: bool,
    /// Whether standard error is coloured.
    pub color_errors: bool,
    /// Whether a session at a terminal says what it is.
    pub banner: bool,
    /// Whether a session at a terminal remembers its inputs in a file.
    pub history: bool,
    /// Whether prompts and inputs are written to standard output, where no terminal shows them.
    pub transcript: bool,
    /// Inputs that come before those of the user.
    pub first: Vec<String>,
}

/// Whether inputs come from somebody who wants to be asked for them.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// Runs a session to its end and returns the exit status. `make` makes the engine, in a process of its own, and again
/// when that ends before its time. Call it while there is one thread.
#[cfg(unix)]
pub fn run(options: Options, make: impl FnMut() -> Box<dyn Engine>) -> u8 {
    let color = options.color_errors;
    let is_shown = is_interactive() || options.transcript;
    let say = move |what: supervisor::Say, cursor: supervisor::Cursor| {
        if is_shown && cursor == supervisor::Cursor::Anywhere {
            // The cursor may be where the program left it, or after the `^C` that the terminal shows.
            tell_below(&what, color);
        } else {
            tell(&what, color);
        }
    };
    let mut supervisor = match supervisor::Supervisor::new(make, say, options.spelling, !is_interactive()) {
        Ok(supervisor) => supervisor,
        Err(fatal) => return end(&fatal, color),
    };
    // After the first process was made, which is to take the signal in its own way.
    interrupt::install();
    let ended = if edit::is_possible() {
        edit::run(supervisor, &options)
    } else {
        plain::run(&mut supervisor, &options)
    };
    ended.unwrap_or_else(|fatal| end(&fatal, color))
}

/// Says that there can be no session here.
#[cfg(not(unix))]
pub fn run(_options: Options, _make: impl FnMut() -> Box<dyn Engine>) -> u8 {
    eprintln!("error: `vexc repl` needs Unix: the session runs in a forked process");
    FAILED
}

/// Ends without a session.
#[cfg(unix)]
fn end(fatal: &supervisor::Fatal, color: bool) -> u8 {
    match fatal {
        supervisor::Fatal::NoProcess(why) => {
            tell(&supervisor::Say::Error(format!("the session cannot go on: {why}")), color);
        }
        supervisor::Fatal::OutputGone => {
            // As everybody ends whose reader has gone away.
            // SAFETY: the default action, which needs no handler, and a signal to this process.
            unsafe {
                libc::signal(libc::SIGPIPE, libc::SIG_DFL);
                libc::raise(libc::SIGPIPE);
            }
        }
    }
    FAILED
}

/// Writes a message to standard error, at the start of a line wherever the cursor is.
#[cfg(unix)]
fn tell_below(what: &supervisor::Say, color: bool) {
    eprintln!();
    tell(what, color);
}

/// Writes a message to standard error.
#[cfg(unix)]
fn tell(what: &supervisor::Say, color: bool) {
    use std::io::Write;

    use supervisor::Say;

    let (word, style, text) = match what {
        Say::Error(text) => ("error", "\x1b[1;91m", text),
        Say::Note(text) => ("note", "\x1b[1;96m", text),
    };
    let (style, reset) = if color { (style, "\x1b[0m") } else { ("", "") };
    // There is nowhere to report that this fails.
    let _ = io::stderr().lock().write_all(format!("{style}{word}{reset}: {text}\n").as_bytes());
}

/// The line that a session at a terminal starts with.
#[cfg(unix)]
fn banner(spelling: Spelling) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("Vex {version}, spelling {}; :help for help, Ctrl-D to quit\n", spelling.name())
}
