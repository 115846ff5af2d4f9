//! Sessions without an editor: inputs from a pipe or a file, and terminals that cannot do more than print.

use std::io::{self, IsTerminal, Write};

use vex_syntax::Spelling;

use super::lines::{Lines, Read, text_of};
use super::split::{Input, Splitter};
use super::supervisor::{Fatal, Say, Supervisor};
use super::{Options, banner, interrupt, is_interactive, margin, tell};
use crate::session::Next;

/// Exit status when Ctrl-C ends a session that nobody is asked in.
const INTERRUPTED: u8 = 130;

/// Runs the session to its end.
///
/// # Errors
/// The session cannot go on.
pub(super) fn run(supervisor: &mut Supervisor<'_>, options: &Options) -> Result<u8, Fatal> {
    let asks = is_interactive();
    // What a line goes on with is known only where all lines are there already; a pipe's writer may wait for an answer.
    let look_ahead = !asks && is_file();
    let mut plain = Plain {
        splitter: Splitter::new(supervisor.spelling(), look_ahead),
        supervisor,
        asks,
        echoes: options.transcript,
        color: options.color_errors,
        line: 0,
        damage: Vec::new(),
        failed: false,
        quit: None,
        interrupts: interrupt::count(),
    };
    if asks && options.banner {
        show(&banner(options.spelling));
    }
    for input in &options.first {
        plain.feed(input)?;
    }
    if plain.quit.is_none() {
        plain.session()?;
    }
    let Plain { failed, quit, .. } = plain;
    let closed = supervisor.close();
    let status = quit.unwrap_or(0);
    Ok(if status == 0 && !asks && (failed || !closed) { super::FAILED } else { status })
}

struct Plain<'s, 'a> {
    supervisor: &'s mut Supervisor<'a>,
    splitter: Splitter,
    /// Whether somebody sees prompts.
    asks: bool,
    /// Whether prompts and inputs are part of the output.
    echoes: bool,
    /// Whether messages are coloured.
    color: bool,
    /// Number of the last line read.
    line: usize,
    /// Lines that were no text and are not reported yet.
    damage: Vec<String>,
    failed: bool,
    quit: Option<u8>,
    /// How many Ctrl-C there were before.
    interrupts: usize,
}

impl Plain<'_, '_> {
    /// Reads and feeds until the end.
    fn session(&mut self) -> Result<(), Fatal> {
        let mut lines = Lines::new(libc::STDIN_FILENO);
        let mut asked = false;
        while self.quit.is_none() {
            if self.asks && !asked {
                self.prompt();
            }
            // One Ctrl-C may be for what has ended meanwhile; that changes nothing.
            asked = false;
            match lines.next() {
                Ok(Read::Line(line)) => self.take(line)?,
                Ok(Read::End) => {
                    if self.asks {
                        show("\n");
                    }
                    break;
                }
                Ok(Read::Interrupted) => asked = !self.interrupted(),
                Err(error) => {
                    let message = format!("standard input cannot be read: {error}");
                    tell(&Say::Error(message), self.color);
                    self.failed = true;
                    break;
                }
            }
        }
        match self.splitter.finish() {
            Some(input) if self.quit.is_none() => self.run_input(&input)?,
            _ => {}
        }
        self.tell_damage();
        Ok(())
    }

    fn take(&mut self, line: Vec<u8>) -> Result<(), Fatal> {
        self.line += 1;
        let (mut line, mut damage) = match text_of(line) {
            Ok(line) => (line, None),
            Err((line, what)) => (line, Some(format!("line {} is not UTF-8 text: {what}", self.line))),
        };
        if self.line == 1 && line.starts_with('\u{FEFF}') {
            line.drain(..'\u{FEFF}'.len_utf8());
        }
        for input in self.splitter.push(&line, damage.is_some()) {
            if self.quit.is_none() {
                // An earlier input may have waited for this line.
                if input.damaged {
                    self.damage.extend(damage.take());
                }
                self.run_input(&input)?;
            }
        }
        self.damage.extend(damage);
        Ok(())
    }

    fn run_input(&mut self, input: &Input) -> Result<(), Fatal> {
        if self.echoes {
            let recorded = recorded(input, self.supervisor.spelling());
            // Whoever reads it may have gone away; the session finds out with its own output.
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(recorded.as_bytes()).and_then(|()| stdout.flush());
        }
        self.tell_damage();
        if input.damaged {
            self.failed = true;
            return Ok(());
        }
        self.feed(&input.text)
    }

    /// Reports what was no text.
    fn tell_damage(&mut self) {
        for message in self.damage.drain(..) {
            tell(&Say::Error(message), self.color);
        }
    }

    fn feed(&mut self, text: &str) -> Result<(), Fatal> {
        let reply = self.supervisor.feed(text)?;
        self.failed |= !reply.ok;
        self.splitter.set_spelling(reply.spelling);
        if let Next::Quit(status) = reply.next {
            self.quit = Some(status);
        }
        if self.asks {
            self.interrupts = interrupt::count();
            if !reply.at_line_start {
                show("\n");
            }
        } else {
            if self.echoes && !reply.at_line_start {
                println!();
            }
            self.interrupted();
        }
        Ok(())
    }

    /// If there was a Ctrl-C: it cancels what is being typed, or ends a session in which nobody types.
    fn interrupted(&mut self) -> bool {
        if interrupt::count() == self.interrupts {
            return false;
        }
        self.interrupts = interrupt::count();
        if self.asks {
            let was_open = self.splitter.is_open();
            self.splitter.clear();
            show(if was_open { "\n" } else { "\n(Ctrl-D or :quit ends the session)\n" });
        } else {
            self.quit = Some(INTERRUPTED);
        }
        true
    }

    fn prompt(&self) {
        let spelling = self.supervisor.spelling();
        show(&if self.splitter.is_open() { margin::dots(spelling) } else { margin::prompt(spelling) });
    }
}

/// An input after its prompts, as a terminal shows it.
fn recorded(input: &Input, spelling: Spelling) -> String {
    let mut text = String::new();
    let mut splitter = Splitter::new(spelling, true);
    let mut begun = false;
    let comments = input.comments.lines().filter(|line| !line.trim().is_empty());
    for line in comments.chain(input.text.lines()) {
        let prompt = if begun { margin::dots(spelling) } else { margin::prompt(spelling) };
        text.push_str(format!("{prompt}{line}").trim_end());
        text.push('\n');
        // Comments before an input leave nothing open, so they are asked for like an input.
        splitter.push(line, false);
        begun |= splitter.has_begun();
    }
    text
}

/// Shows something to the person at the terminal, not to whoever reads a redirected standard output.
fn show(text: &str) {
    let stdout = io::stdout();
    // There is nowhere to report that this fails.
    let _ = if stdout.is_terminal() {
        let mut stdout = stdout.lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    } else {
        io::stderr().lock().write_all(text.as_bytes())
    };
}

/// Whether standard input is a file.
fn is_file() -> bool {
    // SAFETY: all zeroes is a valid `stat`, which the call then fills.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: writes the structure given.
    let known = unsafe { libc::fstat(libc::STDIN_FILENO, &mut stat) } == 0;
    known && stat.st_mode & libc::S_IFMT == libc::S_IFREG
}
