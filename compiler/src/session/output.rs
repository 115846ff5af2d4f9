//! Writing to the streams that the session shares with its programs, in order.

use std::fmt::Display;

use vex_runtime::builtins::stream;
use vex_syntax::{Diagnostic, render};

use super::Session;

/// While it lives, what is written to standard output goes nowhere.
pub(super) struct Muted {
    /// Where it went before; -1 when that cannot be kept, and then it still goes there.
    before: libc::c_int,
    at_line_start: bool,
}

impl Muted {
    /// From now on.
    pub(super) fn begin() -> Muted {
        stream::flush_all();
        let at_line_start = stream::at_line_start();
        // SAFETY: takes numbers and a C string, and changes only the descriptors named.
        let before = unsafe {
            let before = libc::fcntl(libc::STDOUT_FILENO, libc::F_DUPFD_CLOEXEC, 3);
            let nowhere = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if before >= 0 && nowhere >= 0 {
                libc::dup2(nowhere, libc::STDOUT_FILENO);
            }
            if nowhere >= 0 {
                libc::close(nowhere);
            }
            before
        };
        Muted { before, at_line_start }
    }
}

impl Drop for Muted {
    fn drop(&mut self) {
        stream::flush_all();
        if self.before >= 0 {
            // SAFETY: the descriptor was made by `begin`, and nothing else uses it.
            unsafe {
                libc::dup2(self.before, libc::STDOUT_FILENO);
                libc::close(self.before);
            }
        }
        stream::note_written(if self.at_line_start { b"\n" } else { b" " });
    }
}

impl Session {
    /// Writes to standard output.
    pub(super) fn say(&self, text: &str) {
        stream::emit(stream::STDOUT, text.as_bytes());
    }

    /// Writes a line to standard output.
    pub(super) fn say_line(&self, text: impl Display) {
        self.say(&format!("{text}\n"));
    }

    /// Starts a line if the program left the last one open.
    pub(super) fn fresh_line(&self) {
        if !stream::at_line_start() {
            stream::emit(stream::STDOUT, b"\n");
        }
    }

    /// Writes to standard error.
    pub(super) fn complain(&self, text: &str) {
        stream::emit(stream::STDERR, text.as_bytes());
    }

    /// Reports an error that is about no place in a source.
    pub(super) fn error(&self, title: &str, help: Option<&str>) {
        let paint = |code: &'static str| if self.options.color_errors { code } else { "" };
        let (red, cyan, reset) = (paint("\x1b[1;91m"), paint("\x1b[1;96m"), paint("\x1b[0m"));
        let mut text = format!("{red}error{reset}: {title}\n");
        if let Some(help) = help {
            text.push_str(&format!("{cyan}help{reset}: {help}\n"));
        }
        self.complain(&text);
    }

    /// Reports something worth knowing.
    pub(super) fn note(&self, text: &str) {
        let paint = |code: &'static str| if self.options.color_errors { code } else { "" };
        self.complain(&format!("{}note{}: {text}\n", paint("\x1b[1;92m"), paint("\x1b[0m")));
    }

    /// Reports diagnostics in order.
    pub(super) fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        let mut text = String::new();
        for diagnostic in diagnostics {
            text.push_str(&render::render(diagnostic, &self.sources, self.options.color_errors));
        }
        self.complain(&text);
    }

    /// A text in a colour, if standard output has any.
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        if self.options.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}
