//! Messages to the user: a code, a title, labelled places, notes and concrete help.

use crate::span::Span;

/// The stable code of a kind of diagnostic, such as `E0201`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program does not compile.
    Error,
    /// The program compiles but probably does not mean this; shown by `check` only.
    Warning,
}

/// A place with a few words about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// A suggestion, with the edit that would carry it out where there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Help {
    /// In words.
    pub text: String,
    /// Replace the text at the span by this string.
    pub edit: Option<(Span, String)>,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Its code.
    pub code: Code,
    /// One line that says what is wrong.
    pub title: String,
    /// The place it is about, then other places that matter.
    pub labels: Vec<Label>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// What to do.
    pub helps: Vec<Help>,
}

impl Diagnostic {
    /// An error about `span`.
    pub fn error(code: Code, span: Span, title: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            title: title.into(),
            labels: vec![Label { span, text: String::new() }],
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// A warning about `span`.
    pub fn warning(code: Code, span: Span, title: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, span, title) }
    }

    /// Sets the words at the primary place.
    pub fn at(mut self, text: impl Into<String>) -> Diagnostic {
        self.labels[0].text = text.into();
        self
    }

    /// Adds another place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a note.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Adds help in words.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.helps.push(Help { text: text.into(), edit: None });
        self
    }

    /// Adds help with an edit: replace the text at `span` by `with`.
    pub fn fix(mut self, text: impl Into<String>, span: Span, with: impl Into<String>) -> Diagnostic {
        self.helps.push(Help { text: text.into(), edit: Some((span, with.into())) });
        self
    }

    /// The primary place.
    pub fn span(&self) -> Span {
        self.labels[0].span
    }
}
