//! Everything the command says on standard error before a program runs: diagnostics, and errors that are about no
//! place in a source.

use std::io::{self, Write};
use std::path::Path;

use vex_syntax::{Diagnostic, Severity, SourceMap, render};

use super::args::{Common, MessageFormat};
use super::color;

/// Where and how messages go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    /// Whether standard error is coloured.
    pub color: bool,
    /// For people or for programs.
    format: MessageFormat,
}

impl Messages {
    /// As the common options say.
    pub(super) fn new(common: &Common) -> Messages {
        Messages { color: color::wanted(common.color, &io::stderr()), format: common.message_format }
    }

    /// Whether messages are for programs.
    pub(super) fn is_json(&self) -> bool {
        self.format == MessageFormat::Json
    }

    /// Prints an error and returns the status given.
    pub(super) fn fail(&self, status: u8, title: &str) -> u8 {
        self.fail_with_help(status, title, None)
    }

    /// Prints an error with advice and returns the status given.
    pub(super) fn fail_with_help(&self, status: u8, title: &str, help: Option<&str>) -> u8 {
        match self.format {
            MessageFormat::Human => write_stderr(&self.plain(title, help)),
            MessageFormat::Json => write_stderr(&json(title, help)),
        }
        status
    }

    /// Prints something to know that is no error.
    pub(super) fn note(&self, text: &str) {
        match self.format {
            MessageFormat::Human => {
                let (cyan, reset) = if self.color { ("\x1b[1;96m", "\x1b[0m") } else { ("", "") };
                write_stderr(&format!("{cyan}note{reset}: {text}\n"));
            }
            MessageFormat::Json => write_stderr(&format!("{}\n", serde_json::json!({ "note": text }))),
        }
    }

    /// Prints diagnostics in order.
    pub(super) fn diagnostics<'a>(
        &self,
        diagnostics: impl IntoIterator<Item = &'a Diagnostic>,
        sources: &SourceMap,
    ) {
        let mut text = String::new();
        for diagnostic in diagnostics {
            match self.format {
                MessageFormat::Human => {
                    text.push_str(&render::render(diagnostic, sources, self.color));
                    text.push('\n');
                }
                MessageFormat::Json => {
                    text.push_str(&render::render_json(diagnostic, sources));
                    text.push('\n');
                }
            }
        }
        write_stderr(&text);
    }

    /// Prints how many errors there were in a program; people who scroll want to know.
    pub(super) fn summary(&self, program: &Path, diagnostics: &[Diagnostic]) {
        let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let name = program.display();
        let text = match (errors, warnings) {
            _ if self.format == MessageFormat::Json => return,
            (0, _) => return,
            (_, 0) => format!("`{name}` does not compile: {}", counted(errors, "error")),
            _ => format!(
                "`{name}` does not compile: {}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            ),
        };
        write_stderr(&self.plain(&text, None));
    }

    fn plain(&self, title: &str, help: Option<&str>) -> String {
        let paint = |code: &'static str| if self.color { code } else { "" };
        let (red, cyan, reset) = (paint("\x1b[1;91m"), paint("\x1b[1;96m"), paint("\x1b[0m"));
        let mut text = format!("{red}error{reset}: {title}\n");
        if let Some(help) = help {
            text.push_str(&format!("{cyan}help{reset}: {help}\n"));
        }
        text
    }
}

/// One line with the fields that diagnostics have, without places.
fn json(title: &str, help: Option<&str>) -> String {
    let helps: Vec<_> =
        help.into_iter().map(|text| serde_json::json!({ "text": text, "edit": null })).collect();
    let rendered = match help {
        Some(help) => format!("error: {title}\nhelp: {help}\n"),
        None => format!("error: {title}\n"),
    };
    let object = serde_json::json!({
        "code": null,
        "severity": "error",
        "title": title,
        "spans": [],
        "notes": [],
        "helps": helps,
        "rendered": rendered,
    });
    format!("{object}\n")
}

/// Writes to standard error; there is nowhere to report that this fails.
pub(super) fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
