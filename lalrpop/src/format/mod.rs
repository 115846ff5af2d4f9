//! The formatter: one style for every spelling, every comment kept.
//!
//! It works on tokens, not on the tree, so nothing that was written can get lost: brackets make a tree of groups and
//! items ([`tree`]), each token gets the part it plays ([`role`]) from which follows where blanks stand, and the printer
//! ([`print`]) decides where lines end. The syntax tree only says where statements start.
//!
//! The style: four spaces, lines of [`WIDTH`] columns where possible, one statement a line in blocks of several lines,
//! at most one blank line in a row. A block or a list in braces stays on one line if it was written so and fits. What
//! does not fit in one line is broken at its brackets, one item a line with a comma after the last, or before its
//! loosest operators. Where a statement was broken outside all brackets, it stays so.
//!
//! The result is checked before it is returned: it has the same tokens, comments and syntax tree as what was given.

mod flat;
mod lines;
mod print;
mod role;
mod tree;
mod verify;

use crate::diagnostic::{Diagnostic, Severity};
use crate::parse::parse_file;
use crate::spelling::Spelling;

/// Columns a line should not exceed. Strings and comments are not broken, so some do.
pub const WIDTH: usize = 100;

/// Columns of one level of indentation.
pub const INDENT: usize = 4;

/// Why a text was not formatted.
#[derive(Clone, Debug)]
pub enum FormatError {
    /// It does not parse; these are the errors.
    Syntax(Vec<Diagnostic>),
    /// The formatted text would have meant something else, or lost a comment. The text says what differs.
    Changed(String),
}

/// The text of a file in the one style. `base` is the position of its first byte in the source map.
///
/// The depth of recursion is that of the text's brackets, at most [`crate::ast::MAX_DEPTH`].
///
/// # Errors
///
/// [`FormatError::Syntax`] when the text does not parse. [`FormatError::Changed`] would be a mistake of the formatter.
pub fn format(text: &str, base: u32, spelling: Spelling) -> Result<String, FormatError> {
    let (unit, diagnostics) = parse_file(text, base, spelling);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(FormatError::Syntax(diagnostics));
    }
    let file = tree::build(text, base, spelling, &unit);
    let formatted = print::print(&file);
    verify::same(text, &formatted, spelling, &unit).map_err(FormatError::Changed)?;
    Ok(formatted)
}

#[cfg(test)]
mod tests;
