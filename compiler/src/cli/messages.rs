//! Messages of the command itself: those that are about no place in a source.

use std::io::{self, Write};

use super::args::{Common, MessageFormat};
use super::color;

/// Where and how messages go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    /// Whether standard error is coloured.
    pub color: bool,
    /// For people or for programs.
    pub format: MessageFormat,
}

impl Messages {
    /// As the common options say.
    pub(super) fn new(common: &Common) -> Messages {
        Messages { color: color::wanted(common.color, &io::stderr()), format: common.message_format }
    }

    /// Prints an error and returns the status given.
    pub(super) fn fail(&self, status: u8, title: &str) -> u8 {
        self.fail_with_help(status, title, None)
    }

    /// Prints an error with advice and returns the status given.
    pub(super) fn fail_with_help(&self, status: u8, title: &str, help: Option<&str>) -> u8 {
        let text = match self.format {
            MessageFormat::Human => self.human(title, help),
            MessageFormat::Json => json(title, help),
        };
        // There is nowhere to report that a report cannot be written.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        status
    }

    fn human(&self, title: &str, help: Option<&str>) -> String {
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
    let helps: Vec<_> = help.into_iter().map(|text| serde_json::json!({ "text": text })).collect();
    let object = serde_json::json!({
        "severity": "error",
        "code": null,
        "title": title,
        "labels": [],
        "notes": [],
        "helps": helps,
    });
    format!("{object}\n")
}
