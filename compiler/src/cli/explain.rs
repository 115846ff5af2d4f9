//! `vexc explain`.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::args::{Common, ExplainArgs};
use super::{FAILED, Messages, OK, color};
use crate::explain;

/// Prints the page of a code, or lists the codes.
pub(super) fn explain(args: &ExplainArgs, common: &Common, messages: &Messages) -> u8 {
    let stdout = io::stdout();
    let text = match &args.code {
        None => list(),
        Some(code) => match explain::find(code) {
            Some(page) => explain::render(page.text, color::wanted(common.color, &stdout)),
            None => {
                return messages.fail(
                    FAILED,
                    &format!("there is no code `{code}`; `vexc explain` without one lists them all"),
                );
            }
        },
    };
    match stdout.lock().write_all(text.as_bytes()) {
        Ok(()) => OK,
        Err(error) => messages.fail(FAILED, &format!("cannot write to standard output: {error}")),
    }
}

/// All codes with their titles.
fn list() -> String {
    let mut text = String::new();
    for page in explain::pages() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", page.code, page.title());
    }
    text
}
