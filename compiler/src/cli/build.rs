//! What commands share: from a file's name to a checked program.

use std::path::Path;

use super::source::{self, SourceError};
use super::{FAILED, Messages};
use crate::check::CheckOptions;
use crate::driver::{Checked, Input, Loaded, Phases};
use vex_syntax::Spelling;

/// Reads and parses a program. On failure the message is out and the exit status comes back.
pub(super) fn load(path: &Path, spelling: Option<Spelling>, messages: &Messages) -> Result<Loaded, u8> {
    let mut phases = Phases::default();
    let input = phases.time("read", || source::read(path, spelling)).map_err(
        |SourceError { title, help, status }| messages.fail_with_help(status, &title, help.as_deref()),
    )?;
    load_input(input, phases, messages)
}

/// Parses a program that has been read.
fn load_input(input: Input, phases: Phases, messages: &Messages) -> Result<Loaded, u8> {
    input.load(phases).map_err(|_| messages.fail(FAILED, "the program is larger than 4 GiB"))
}

/// Reads, parses and checks a program that is to be run. Its errors are printed, its warnings are not.
pub(super) fn check(path: &Path, spelling: Option<Spelling>, messages: &Messages) -> Result<Checked, u8> {
    let checked = load(path, spelling, messages)?.check(CheckOptions { needs_entry: true });
    if checked.failed() {
        let errors: Vec<_> =
            checked.diagnostics.into_iter().filter(|d| d.severity == vex_syntax::Severity::Error).collect();
        messages.diagnostics(&errors, &checked.sources);
        messages.summary(path, &errors);
        return Err(FAILED);
    }
    Ok(checked)
}
