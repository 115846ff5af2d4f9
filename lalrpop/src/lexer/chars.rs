//! Character literals, and what single quotes are mistaken for: strings and labels.

use super::Reader;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::spelling_table::keyword;
use crate::token::Token;

impl Reader<'_> {
    /// What stands between two single quotes at `lo..hi`. Returns where to read on.
    pub(super) fn character(&mut self, lo: usize, hi: usize) -> usize {
        if let Some(end) = self.label(lo) {
            return end;
        }
        let raw = &self.text[lo..hi];
        let span = self.span(lo, hi);
        if literal::char_value(raw).is_some() {
            self.push(Token::Char, lo, hi);
            return hi;
        }
        let inside = &raw[1..raw.len() - 1];
        let mut end = hi;
        let error = |title: &str| Diagnostic::error(codes::BAD_CHARACTER_LITERAL, span, title);
        if inside.is_empty() && self.text[hi..].starts_with('\'') {
            end = hi + 1;
            let span = self.span(lo, end);
            let title = "a quote between quotes needs a backslash";
            self.error(
                Diagnostic::error(codes::BAD_CHARACTER_LITERAL, span, title)
                    .at("the second `'` ends the literal")
                    .fix("escape it", span, "'\\''"),
            );
        } else if inside.is_empty() {
            self.error(
                error("a character literal without a character").at("nothing between the quotes").fix(
                    "an empty string is quoted with `\"`",
                    span,
                    "\"\"",
                ),
            );
        } else if literal::is_one_piece(raw) {
            let problems = literal::check_escapes(raw, span.lo);
            problems.into_iter().for_each(|p| self.error(p));
        } else {
            self.error(error("a character literal holds one character").at("more than one").fix(
                "strings are quoted with `\"`",
                span,
                format!("\"{}\"", inside.replace('"', "\\\"")),
            ));
        }
        self.push(Token::Error, lo, end);
        end
    }

    /// A single quote at `lo` without a partner on its line. Returns where to read on.
    pub(super) fn open_quote(&mut self, lo: usize) -> usize {
        if let Some(end) = self.label(lo) {
            return end;
        }
        let in_word = self.text[..lo].ends_with(|c: char| c.is_alphanumeric());
        let rest = &self.text[lo + 1..];
        let length = match rest.chars().next() {
            Some('\\') => 1 + literal::escape_length(&rest[1..]),
            Some(c) if !c.is_whitespace() => c.len_utf8(),
            _ => 0,
        };
        if in_word || length == 0 {
            self.bad_character(lo, lo + 1);
            if !in_word {
                self.push(Token::Error, lo, lo + 1);
            }
            return lo + 1;
        }
        let end = lo + 1 + length;
        let (span, after) = (self.span(lo, end), self.span(end, end));
        self.error(
            Diagnostic::error(
                codes::BAD_CHARACTER_LITERAL,
                span,
                "this character literal has no closing quote",
            )
            .at("starts here")
            .fix("close it", after, "'"),
        );
        self.push(Token::Error, lo, end);
        end
    }

    /// A label as other languages have them, `'outer:` before a loop or `'outer` after the word that leaves one. Reports
    /// it, leaves it out, and returns where it ends.
    fn label(&mut self, lo: usize) -> Option<usize> {
        let rest = &self.text[lo + 1..];
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if length == 0 || rest[length..].starts_with('\'') {
            return None;
        }
        let end = lo + 1 + length;
        let after = &self.text[end..];
        let colon = after.starts_with(':') && !after.starts_with("::") && !after.starts_with(":=");
        let leaves = self.out.tokens.last().is_some_and(|last| {
            let word = &self.text[(last.lo - self.base) as usize..(last.hi - self.base) as usize];
            let known = keyword(word, self.spelling);
            matches!(known, Some(Token::Break | Token::Continue | Token::ConstOrContinue))
        });
        if !colon && !leaves {
            return None;
        }
        let name = &self.text[lo..end];
        let span = self.span(lo, end);
        self.error(
            Diagnostic::error(codes::BAD_CHARACTER_LITERAL, span, format!("`{name}` is no label"))
                .at("loops have no labels; `'` quotes a character")
                .help("to leave several loops at once, put them into a function and return from it"),
        );
        Some(end + usize::from(colon))
    }
}
