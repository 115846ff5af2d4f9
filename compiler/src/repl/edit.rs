//! Sessions at a terminal: the line editor and what it asks of the session.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use rustyline::completion::{Candidate, Completer};
use rustyline::config::BellStyle;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::{History, MemHistory};
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, ExternalPrinter, Helper};

use super::highlight::brackets_at;
use super::margin::{self, Recall};
use super::spelling::Current;
use super::split::first_part;
use super::supervisor::{Fatal, Say, Supervisor};
use super::{FAILED, Options, banner, history, keys, tell};
use crate::session::{self, Next};

/// What Tab puts in where there is nothing to complete.
const INDENTATION: &str = "    ";
/// Most characters of a candidate in the list.
const WIDEST: usize = 76;

/// Whether there is a terminal that lines can be edited on.
pub(super) fn is_possible() -> bool {
    let able = std::env::var_os("TERM")
        .is_some_and(|term| !term.is_empty() && term != "dumb" && term != "cons25" && term != "emacs");
    able && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Runs the session to its end.
///
/// # Errors
/// The session cannot go on.
pub(super) fn run(supervisor: Supervisor<'_>, options: &Options) -> Result<u8, Fatal> {
    let aid = Aid {
        spelling: Current::new(supervisor.spelling()),
        color: options.color,
        supervisor: RefCell::new(supervisor),
        empty: Cell::new(true),
        pair_shown: Cell::new(false),
        finished: Cell::new(false),
    };
    let mut session = match Session::new(aid, options) {
        Ok(session) => session,
        Err(error) => return Err(Fatal::NoProcess(format!("the terminal cannot be used: {error}"))),
    };
    if options.banner {
        show(&banner(options.spelling));
    }
    for input in &options.first {
        if let Some(status) = session.feed(input)? {
            return Ok(session.close(status));
        }
    }
    let status = session.run()?;
    Ok(session.close(status))
}

/// The editor with the session behind it.
struct Session<'a> {
    editor: Editor<Aid<'a>, Recall>,
    history: Option<PathBuf>,
    color: bool,
    color_errors: bool,
    /// Never used. While there is one, the editor waits for keys and signals alike; otherwise a change of the
    /// terminal's size just before it waits would show with the next key.
    _printer: Option<Box<dyn ExternalPrinter>>,
}

impl<'a> Session<'a> {
    fn new(aid: Aid<'a>, options: &Options) -> rustyline::Result<Session<'a>> {
        let config = Config::builder()
            .max_history_size(history::KEPT)?
            .completion_type(CompletionType::List)
            // Margins have to be made visible even without colours.
            .color_mode(ColorMode::Forced)
            .bell_style(BellStyle::None)
            .build();
        let entries = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, Recall::new(entries, aid.spelling.clone()))?;
        keys::bind(&mut editor, &aid.spelling);
        editor.set_helper(Some(aid));
        let (color, color_errors) = (options.color, options.color_errors);
        let _printer = editor.create_external_printer().ok().map(|p| Box::new(p) as Box<dyn ExternalPrinter>);
        let mut session = Session { editor, history: None, color, color_errors, _printer };
        session.load_history(options.history);
        Ok(session)
    }

    fn load_history(&mut self, wanted: bool) {
        let Some(path) = wanted.then(history::place).flatten() else { return };
        match history::load(&path) {
            Ok(entries) => {
                for entry in entries {
                    // Memory is the only thing that could refuse it.
                    let _ = self.editor.history_mut().add_owned(entry);
                }
                self.history = Some(path);
            }
            Err(error) => self.no_history(&path, &error),
        }
    }

    fn no_history(&mut self, path: &std::path::Path, error: &io::Error) {
        self.history = None;
        let text = format!("inputs are not remembered: {}: {error}", path.display());
        tell(&Say::Note(text), self.color_errors);
    }

    fn remember(&mut self, entry: &str) {
        let new = self.editor.history_mut().add(entry).unwrap_or(false);
        if let Some(path) = self.history.clone().filter(|_| new)
            && let Err(error) = history::append(&path, entry)
        {
            self.no_history(&path, &error);
        }
    }

    fn aid(&self) -> &Aid<'a> {
        self.editor.helper().expect("it was set at the start")
    }

    /// Reads and feeds until the end; returns the exit status.
    fn run(&mut self) -> Result<u8, Fatal> {
        loop {
            let spelling = self.aid().spelling.get();
            self.aid().empty.set(true);
            let plain = margin::prompt(spelling);
            let styled = match self.color {
                true => format!("\x1b[1;34m{}\x1b[0m ", plain.trim_end()),
                false => plain.clone(),
            };
            let entry = self.editor.readline(&(plain, styled)).map(|entry| margin::strip(&entry, spelling));
            match entry {
                Ok(entry) if entry.trim().is_empty() => {}
                Ok(entry) => {
                    let entry = entry.trim_end();
                    self.remember(entry);
                    if let Some(status) = self.feed(entry)? {
                        return Ok(status);
                    }
                }
                Err(ReadlineError::Interrupted) => {
                    if self.aid().empty.get() {
                        show("(Ctrl-D or :quit ends the session)\n");
                    }
                }
                Err(ReadlineError::Eof) => return Ok(0),
                Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    tell(&Say::Error("this input is not UTF-8 text".into()), self.color_errors);
                }
                Err(error) => {
                    tell(&Say::Error(format!("the terminal cannot be read: {error}")), self.color_errors);
                    return Ok(FAILED);
                }
            }
        }
    }

    /// Feeds an entry, its commands one by one. Returns the exit status if that was the end.
    fn feed(&mut self, entry: &str) -> Result<Option<u8>, Fatal> {
        let mut rest = entry;
        while !rest.trim().is_empty() {
            let (part, after) = rest.split_at(first_part(rest, self.aid().spelling.get()));
            rest = after;
            let reply = self.aid().supervisor.borrow_mut().feed(part.trim_matches('\n'))?;
            self.aid().spelling.set(reply.spelling);
            if !reply.at_line_start {
                show(if self.color { "\x1b[2m⏎\x1b[0m\n" } else { "\n" });
            }
            if let Next::Quit(status) = reply.next {
                return Ok(Some(status));
            }
        }
        Ok(None)
    }

    fn close(&mut self, status: u8) -> u8 {
        self.aid().supervisor.borrow_mut().close();
        status
    }
}

/// What the editor asks while an entry is typed.
struct Aid<'a> {
    supervisor: RefCell<Supervisor<'a>>,
    spelling: Current,
    /// Whether there are colours.
    color: bool,
    /// Whether nothing was typed.
    empty: Cell<bool>,
    /// Whether a pair of brackets stands out on the screen.
    pair_shown: Cell<bool>,
    /// Whether the entry is complete and shown for the last time.
    finished: Cell<bool>,
}

impl Helper for Aid<'_> {}

/// Everything is valid: whether an entry is complete is asked where Enter is pressed.
impl Validator for Aid<'_> {}

impl Hinter for Aid<'_> {
    type Hint = String;

    /// No hint, but the one place that every change passes.
    fn hint(&self, line: &str, _cursor: usize, _context: &Context<'_>) -> Option<String> {
        self.empty.set(line.is_empty());
        None
    }
}

impl Highlighter for Aid<'_> {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        let cursor = (!self.finished.get()).then_some(cursor);
        margin::show(line, cursor, self.spelling.get(), self.color).into()
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _completion: CompletionType) -> Cow<'c, str> {
        match candidate.split_once("  ").filter(|_| self.color) {
            Some((text, detail)) => format!("{text}  \x1b[2m{detail}\x1b[0m").into(),
            None => candidate.into(),
        }
    }

    fn highlight_char(&self, line: &str, cursor: usize, kind: CmdKind) -> bool {
        self.finished.set(kind == CmdKind::ForcedRefresh);
        match kind {
            CmdKind::ForcedRefresh => self.pair_shown.take(),
            CmdKind::MoveCursor => {
                let spelling = self.spelling.get();
                let plain = margin::strip(line, spelling);
                let pair = self.color
                    && brackets_at(&plain, margin::strip_at(line, cursor, spelling), spelling).is_some();
                self.pair_shown.replace(pair) || pair
            }
            // A character can change what all others mean.
            CmdKind::Other => {
                self.pair_shown.set(true);
                true
            }
        }
    }
}

/// A candidate as it is put in and as it is listed.
struct Choice {
    text: String,
    listed: String,
}

impl Candidate for Choice {
    fn display(&self) -> &str {
        &self.listed
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

impl Completer for Aid<'_> {
    type Candidate = Choice;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Choice>)> {
        let spelling = self.spelling.get();
        let plain = margin::strip(line, spelling);
        let at = margin::strip_at(line, cursor, spelling);
        let typed = &plain[plain[..at].rfind('\n').map_or(0, |newline| newline + 1)..at];
        if typed.trim().is_empty() {
            return Ok((cursor, vec![Choice { text: INDENTATION.into(), listed: String::new() }]));
        }
        let completion = self.supervisor.borrow_mut().complete(&plain, at);
        let mut choices: Vec<Choice> = completion
            .candidates
            .into_iter()
            .map(|candidate| Choice { listed: listed(&candidate), text: candidate.text })
            .collect();
        if choices.len() > 1 {
            make_room(&mut choices, &margin::show(line, None, spelling, false), margin::columns(spelling));
        }
        Ok((margin::edited_at(line, completion.start, spelling), choices))
    }
}

/// A candidate in the list.
fn listed(candidate: &session::Candidate) -> String {
    let mut listed = candidate.text.clone();
    if !candidate.detail.is_empty() {
        listed = format!("{listed}  {}", candidate.detail.replace(['\n', '\t'], " "));
    }
    if listed.chars().count() > WIDEST {
        listed = listed.chars().take(WIDEST - 1).chain(['…']).collect();
    }
    listed
}

/// Prepares a list for an entry of several rows. The editor prints a list where the cursor is, over the rows below it,
/// then clears as many rows as the entry has, upwards, before it shows the entry again. So the rows below are cleared
/// first, and the list ends with that many rows that nobody misses.
fn make_room(choices: &mut Vec<Choice>, entry: &str, prompt: usize) {
    let columns = columns();
    let rows_of = |line: &str, before: usize| (before + line.chars().count()) / columns + 1;
    let rows: usize =
        entry.split('\n').enumerate().map(|(i, line)| rows_of(line, if i == 0 { prompt } else { 0 })).sum();
    if rows > 1 {
        let first = &mut choices[0];
        first.listed.insert_str(0, "\x1b[J");
        let text = first.text.clone();
        // As wide as the terminal, so that each has a row to itself.
        let blank = || Choice { text: text.clone(), listed: " ".repeat(columns - 1) };
        choices.extend(std::iter::repeat_with(blank).take(rows - 1));
    }
}

/// The width of the terminal.
fn columns() -> usize {
    // SAFETY: all zeroes is a valid `winsize`, which the call fills.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: writes the structure given.
    let known = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &mut size) } == 0;
    if known && size.ws_col > 0 { size.ws_col.into() } else { 80 }
}

/// Shows something that is not the session's output.
fn show(text: &str) {
    let mut stdout = io::stdout().lock();
    // There is nowhere to report that this fails.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
