//! String literals, and where one ends that has no closing quote.

use logos::Logos;

use super::Reader;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::token::Token;

impl Reader<'_> {
    /// A string at `lo..hi`. Returns where to read on.
    pub(super) fn string(&mut self, lo: usize, hi: usize, unterminated: bool) -> usize {
        let raw = &self.text[lo..hi];
        let block = raw.starts_with(literal::BLOCK);
        if unterminated && block {
            let span = self.span(lo, lo + literal::BLOCK.len());
            self.error(
                Diagnostic::error(codes::UNTERMINATED_STRING, span, "this string has no closing `\"\"\"`")
                    .at("starts here")
                    .help("close it with `\"\"\"` on a line of its own"),
            );
        } else if unterminated {
            return self.open_string(lo, hi);
        } else if block && let Some(problem) = literal::check_block(raw, self.base + lo as u32) {
            self.error(problem);
        } else if raw.contains('\\') {
            let problems = literal::check_escapes(raw, self.base + lo as u32);
            problems.into_iter().for_each(|p| self.error(p));
        }
        self.push(Token::Str, lo, hi);
        hi
    }

    /// A string without a closing quote on its line, which ends at `hi`: goes on to the quote on a later line that was
    /// meant to close it, or leaves the brackets before the end of the line to the code around it.
    fn open_string(&mut self, lo: usize, hi: usize) -> usize {
        let span = self.span(lo, hi);
        let message = Diagnostic::error(
            codes::UNTERMINATED_STRING,
            span,
            "this string has no closing quote on its line",
        )
        .at("starts here");
        if let Some(end) = self.close_on_later_line(hi) {
            self.error(message.help(
                "text over several lines stands between `\"\"\"` and `\"\"\"`, each at the end or the start of a line",
            ));
            self.push(Token::Str, lo, end);
            return end;
        }
        self.error(message.help("close it with `\"`; `\\n` stands for a newline inside a string"));
        let end = lo + before_closers(&self.text[lo..hi]);
        self.push(Token::Str, lo, end);
        end
    }

    /// Where a string ends that was meant to go on over line ends: behind the next quote, if that would open another
    /// string without an end, and what follows it looks like what follows a string.
    fn close_on_later_line(&self, hi: usize) -> Option<usize> {
        let quote = hi + self.text[hi..].find('"')?;
        let after = self.text[quote + 1..].trim_start_matches([' ', '\t', '\r']);
        let closes = after.is_empty() || after.starts_with(|c: char| "\n)]},;.:?|&+*/%<>=!".contains(c));
        let line = self.text[..quote].rfind('\n').map_or(0, |at| at + 1);
        let rest = &self.text[line..];
        let mut lexer = Token::lexer(&rest[..rest.find('\n').unwrap_or(rest.len())]);
        // An odd number of quotes on that line: its last string would be open.
        let opens = std::iter::from_fn(|| lexer.next().map(|token| (token, lexer.extras.unterminated)))
            .any(|(token, open)| token == Ok(Token::Str) && open);
        (closes && opens).then_some(quote + 1)
    }
}

/// Where the brackets at the end of an open string begin that close nothing in it: those of the code around it.
fn before_closers(text: &str) -> usize {
    let (mut opened, mut end) = (Vec::new(), 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => opened.push(c),
            ')' | ']' | '}' => {
                let partner = match c {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if opened.last() != Some(&partner) {
                    continue;
                }
                opened.pop();
            }
            ';' | ',' => continue,
            c if c.is_whitespace() => continue,
            _ => {}
        }
        end = at + c.len_utf8();
    }
    // A block that begins at the end of the line is of the code, too.
    match text[..end].strip_suffix('{') {
        Some(before) if !before.ends_with('{') => before.trim_end().len().max(1),
        _ => end.max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::before_closers;

    #[test]
    fn brackets_behind_an_open_string_are_those_of_the_code() {
        let inside = |text: &str| text[..before_closers(text)].to_owned();
        assert_eq!(inside("\"abc)"), "\"abc");
        assert_eq!(inside("\"a (b) }); "), "\"a (b)");
        assert_eq!(inside("\"a) b]"), "\"a) b");
        assert_eq!(inside("\"{a} {"), "\"{a}");
        assert_eq!(inside("\"äö"), "\"äö");
        assert_eq!(inside("\""), "\"");
    }
}
