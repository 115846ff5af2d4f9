//! What stands between the quotes of a string: on one line between `"` and `"`, or on lines of its own between `"""` and
//! `"""`. From the latter the indentation of the closing quotes is removed.

use std::borrow::Cow;
use std::ops::Range;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// The quotes of a text over several lines.
pub(crate) const BLOCK: &str = "\"\"\"";

/// The parts of a string or character literal as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quotes {
    /// What is between the quotes; without the newlines next to them when they stand on lines of their own.
    pub text: Range<usize>,
    /// Bytes of the indentation that is removed from each line.
    pub indent: usize,
}

/// Looks at a raw literal. One that is not closed, or closed where it should not be, has some text all the same.
pub(crate) fn quotes(raw: &str) -> Quotes {
    if raw.starts_with(BLOCK) {
        return block(raw);
    }
    let start = usize::from(raw.starts_with(['"', '\'']));
    let closed = start == 1 && raw.len() > 1 && raw.as_bytes()[raw.len() - 1] == raw.as_bytes()[0];
    Quotes { text: start..raw.len() - usize::from(closed), indent: 0 }
}

fn block(raw: &str) -> Quotes {
    let open = BLOCK.len();
    let end = if raw.len() >= 2 * open && raw.ends_with(BLOCK) { raw.len() - open } else { raw.len() };
    let Some(first) = raw[open..end].find('\n').filter(|at| is_blank(&raw[open..open + at])) else {
        return Quotes { text: open..end, indent: 0 };
    };
    let start = open + first + 1;
    let last = raw[..end].rfind('\n').map_or(start, |at| at + 1);
    if !is_blank(&raw[last..end]) || end == raw.len() {
        return Quotes { text: start..end, indent: 0 };
    }
    let without = raw[..last].strip_suffix("\r\n").or(raw[..last].strip_suffix('\n')).map_or(last, str::len);
    Quotes { text: start..without.max(start), indent: end - last }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r' | 0x0C))
}

/// A part of the text between the quotes without the indentation of the lines that begin in it. Line ends are `\n`.
pub(crate) fn unindented<'a>(raw: &'a str, quotes: &Quotes, part: Range<usize>) -> Cow<'a, str> {
    let text = &raw[part.clone()];
    if !raw.starts_with(BLOCK) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let begins = index > 0 || part.start == quotes.text.start || raw[..part.start].ends_with('\n');
        let blanks = line.bytes().take(quotes.indent).take_while(|b| matches!(b, b' ' | b'\t')).count();
        let line = &line[if begins { blanks } else { 0 }..];
        match line.strip_suffix("\r\n") {
            Some(before) => out.extend([before, "\n"]),
            None => out.push_str(line),
        }
    }
    Cow::Owned(out)
}

/// What is wrong with the place of the quotes or with the indentation of a raw text over several lines, which is
/// closed; `lo` is the position of its first quote.
pub(crate) fn check_block(raw: &str, lo: u32) -> Option<Diagnostic> {
    let span = |range: Range<usize>| Span::new(lo + range.start as u32, lo + range.end as u32);
    let error = |range, title| Diagnostic::error(codes::BAD_TEXT_BLOCK, span(range), title);
    let open = BLOCK.len();
    let end = raw.len() - open;
    let first = raw[open..end].find('\n').map_or(end, |at| open + at);
    if !is_blank(&raw[open..first]) || first == end {
        return Some(
            error(0..open, "the text begins on the line after `\"\"\"`")
                .at("a newline should follow")
                .help("a text on one line stands between `\"` and `\"`"),
        );
    }
    let last = raw[..end].rfind('\n').map_or(end, |at| at + 1);
    let indent = &raw[last..end];
    if !is_blank(indent) {
        return Some(
            error(end..raw.len(), "the closing `\"\"\"` stands on a line of its own")
                .at("text before it")
                .help("its indentation is removed from every line; `\\\"\"\"` is three quotes in the text"),
        );
    }
    let mut at = first + 1;
    for line in raw[first + 1..last].split_inclusive('\n') {
        if !line.starts_with(indent) && !is_blank(line.trim_end_matches('\n')) {
            let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
            let found = at..at + blanks.max(1).min(line.trim_end().len());
            let help = if indent.contains('\t') || line[..blanks].contains('\t') {
                "begin every line with the same blanks and tabs as that of the closing `\"\"\"`"
            } else {
                "indent it, or move the closing `\"\"\"` to the left"
            };
            return Some(
                error(found, "this line is indented less than the closing `\"\"\"`")
                    .at("the line begins here")
                    .label(span(end..raw.len()), "what stands before these is removed from every line")
                    .help(help),
            );
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::string_value;

    #[test]
    fn the_indentation_of_the_closing_quotes_is_removed() {
        assert_eq!(string_value("\"\"\"\n    a\n      b\n\n    c\n    \"\"\""), "a\n  b\n\nc");
        assert_eq!(string_value("\"\"\"\r\n  a\r\n  b\r\n  \"\"\""), "a\nb");
        assert_eq!(string_value("\"\"\"\n\"\"\""), "");
        assert_eq!(string_value("\"\"\"\n\n\"\"\""), "");
        assert_eq!(string_value("\"\"\"\na\n\n\"\"\""), "a\n");
        assert_eq!(string_value("\"\"\"\n\t\"a\" \\\"\"\" \\n|\\x41\n\t\"\"\""), "\"a\" \"\"\" \n|A");
        assert_eq!(string_value("\"a\""), "a");
    }

    #[test]
    fn quotes_and_lines_have_their_places() {
        let title = |raw: &str| check_block(raw, 1).map(|d| d.title);
        assert_eq!(title("\"\"\"\n  a\n\n b\n \"\"\""), None);
        assert!(title("\"\"\"a\"\"\"").is_some_and(|t| t.contains("line after")));
        assert!(title("\"\"\"\na\"\"\"").is_some_and(|t| t.contains("line of its own")));
        assert!(title("\"\"\"\n  a\n b\n  \"\"\"").is_some_and(|t| t.contains("less")));
        assert!(title("\"\"\"\n\ta\n    \"\"\"").is_some_and(|t| t.contains("less")));
    }
}
