//! What a session answers: plain data, so that it can cross a process boundary.

use vex_syntax::Spelling;

/// What came of one input. Whatever it printed has been written when this is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What to do next.
    pub next: Next,
    /// Whether all went well; false after a diagnostic, a failure of the program or Ctrl-C.
    pub ok: bool,
    /// Whether the session is different for it, so that a restored session must be fed it again.
    pub keep: bool,
    /// Whether the cursor is at the start of a line.
    pub at_line_start: bool,
    /// The spelling that the next input is read in.
    pub spelling: Spelling,
}

/// What to do after an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read the next input.
    Input,
    /// End with this status.
    Quit(u8),
    /// Take this as the next input, as if it had been typed.
    Feed(String),
    /// Start a new session and feed it these inputs, showing nothing of what they print. Each with whether all went well
    /// when it was fed first.
    Restart(Vec<(String, bool)>),
}

/// What the text before the cursor could become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Byte offset in the text from which a candidate replaces it.
    pub start: usize,
    /// The candidates, best first.
    pub candidates: Vec<Candidate>,
}

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What is put in.
    pub text: String,
    /// What it is, for the list: a type, a signature; may be empty.
    pub detail: String,
}

/// Someone who answers inputs: a session, in this process or another.
pub trait Engine {
    /// Takes one whole input: declarations, statements, an expression, or a `:command`. Prints what it prints.
    fn feed(&mut self, input: &str) -> Reply;

    /// Completes `text` up to byte `at`, which is a character boundary.
    fn complete(&mut self, text: &str, at: usize) -> Completion;

    /// Ends the session; nothing is fed after it. False when something failed.
    fn close(&mut self) -> bool;
}
