//! A file's text as documentation needs it: comments, the heads of declarations, signatures on as few lines as fit.

use vex_syntax::lexer::{Comment, Lexed, Lexeme, lex};
use vex_syntax::token::Token;
use vex_syntax::{Span, Spelling};

/// Columns that a signature may take on one line.
const WIDTH: usize = 96;

/// A file with its tokens and comments.
pub(super) struct Source<'a> {
    text: &'a str,
    base: u32,
    spelling: Spelling,
    tokens: Vec<Lexeme>,
    comments: Vec<Comment>,
    docs: Vec<(u32, String)>,
}

impl<'a> Source<'a> {
    /// Reads the tokens of a file whose first byte is at position `base`.
    pub(super) fn new(text: &'a str, base: u32, spelling: Spelling) -> Source<'a> {
        let Lexed { tokens, comments, docs, .. } = lex(text, base, spelling);
        Source { text, base, spelling, tokens, comments, docs }
    }

    /// The spelling it is written in.
    pub(super) fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// What is written there; nothing for a span of another file.
    fn slice(&self, span: Span) -> &'a str {
        let (lo, hi) =
            (span.lo.saturating_sub(self.base) as usize, span.hi.saturating_sub(self.base) as usize);
        self.text.get(lo..hi).unwrap_or("")
    }

    /// What is written there, without comments and line breaks.
    pub(super) fn line(&self, span: Span) -> String {
        one_line(self.slice(span), self.spelling)
    }

    /// What is written there, without comments, on one line or, when that is long, with a line for each parameter.
    pub(super) fn signature(&self, span: Span) -> String {
        let line = self.line(span);
        if line.chars().count() <= WIDTH { line } else { parameters_on_lines(&line, self.spelling) }
    }

    /// A declaration up to its opening brace, without a word that makes it public.
    pub(super) fn head(&self, declaration: Span) -> String {
        let first = self.tokens.partition_point(|token| token.lo < declaration.lo);
        let mut tokens = self.tokens[first..].iter().take_while(|token| token.lo < declaration.hi).peekable();
        let start = match tokens.peek() {
            Some(token) if token.token == Token::Pub => token.hi,
            _ => declaration.lo,
        };
        let end = tokens.find(|token| token.token == Token::LBrace).map_or(declaration.hi, |brace| brace.lo);
        self.signature(Span::new(start, end)).trim().to_owned()
    }

    /// A constant with its value, or `…` for one that is long.
    pub(super) fn constant(&self, declaration: Span, value: Span) -> String {
        let head = self.head(Span::new(declaration.lo, value.lo));
        let value = self.slice(value);
        if value.contains('\n') || head.chars().count() + value.chars().count() > WIDTH {
            return format!("{head} …");
        }
        format!("{head} {value}")
    }

    /// The documentation before the declaration at `lo`, of which the tree says `doc`: the lines of the last run of
    /// comments, because a run further up, with a blank line after it, is about something else.
    pub(super) fn own_doc(&self, lo: u32, doc: &str) -> String {
        if doc.is_empty() {
            return String::new();
        }
        let end = self.comments.partition_point(|comment| comment.span.lo < lo);
        let Some(last) = self.comments[..end].iter().rposition(|comment| comment.doc) else {
            return doc.to_owned();
        };
        let mut first = last;
        while first > 0 && self.comments[first - 1].doc && self.adjoin(first - 1) {
            first -= 1;
        }
        let lines: Vec<&str> = doc.split('\n').collect();
        let text = lines[lines.len().saturating_sub(last + 1 - first)..].join("\n");
        // The only run of the file may be the module's, and this declaration without any.
        if self.module_run().is_some_and(|run| run == (first..last + 1)) {
            return String::new();
        }
        text
    }

    /// The `///` comments before the statement at `lo`.
    pub(super) fn doc_at(&self, lo: u32) -> String {
        match self.docs.binary_search_by_key(&lo, |doc| doc.0) {
            Ok(found) => self.own_doc(lo, &self.docs[found].1),
            Err(_) => String::new(),
        }
    }

    /// What the file says about itself: its first comments, if they stand before everything else. `///` comments that
    /// a declaration follows at once are the declaration's.
    pub(super) fn module_doc(&self) -> String {
        let Some(run) = self.module_run() else { return String::new() };
        let lines = self.comments[run].iter().map(|comment| self.comment_text(*comment));
        let lines: Vec<String> = lines.filter(|line| !line.starts_with('@')).collect();
        lines.join("\n").trim_matches('\n').to_owned()
    }

    /// The comments that are about the whole file: the first run of a kind that holds more than directives.
    fn module_run(&self) -> Option<std::ops::Range<usize>> {
        let before = self.tokens.first().map_or(u32::MAX, |token| token.lo);
        let says = |comment: &Comment| !self.comment_text(*comment).starts_with('@');
        let start = self.comments.iter().position(says)?;
        let first = self.comments[start];
        if !first.own_line || first.span.lo > before {
            return None;
        }
        let mut end = start + 1;
        while end < self.comments.len() && self.comments[end].doc == first.doc && self.adjoin(end - 1) {
            end += 1;
        }
        let last = self.comments[end - 1];
        let detached = match self.tokens.first() {
            _ if !first.doc => true,
            Some(token) => {
                self.line_breaks(last.span.hi, token.lo) > 1
                    || matches!(token.token, Token::Import | Token::Extern)
            }
            None => true,
        };
        detached.then_some(start..end)
    }

    /// Whether comment number `index` and the next are on neighbouring lines with nothing between.
    fn adjoin(&self, index: usize) -> bool {
        let (a, b) = (self.comments[index].span, self.comments[index + 1].span);
        let between = self.slice(Span::new(a.hi, b.lo));
        between.trim().is_empty() && between.matches('\n').count() == 1
    }

    fn line_breaks(&self, lo: u32, hi: u32) -> usize {
        self.slice(Span::new(lo, hi)).matches('\n').count()
    }

    /// A comment without its marks.
    fn comment_text(&self, comment: Comment) -> String {
        let text = self.slice(comment.span);
        if let Some(inner) = text.strip_prefix("/*") {
            let inner = inner.strip_suffix("*/").unwrap_or(inner);
            let lines = inner.lines().map(|line| line.trim().trim_start_matches('*').trim_start());
            return lines.collect::<Vec<_>>().join("\n").trim().to_owned();
        }
        let text = text.trim_start_matches(if text.starts_with('#') { '#' } else { '/' });
        text.strip_prefix(' ').unwrap_or(text).trim_end().to_owned()
    }
}

/// A piece of source without comments and line breaks; a comma that only a line break made sensible goes, too.
fn one_line(text: &str, spelling: Spelling) -> String {
    let tokens = lex(text, 0, spelling).tokens;
    let mut out = String::with_capacity(text.len());
    for (index, token) in tokens.iter().enumerate() {
        let (lo, hi) = (token.lo as usize, token.hi as usize);
        let closes = |t: &Lexeme| t.token.is_closer() || t.token == Token::RAngle;
        if token.token == Token::Comma && token_breaks(text, &tokens, index + 1, closes) {
            continue;
        }
        if let Some(before) = index.checked_sub(1).map(|before| tokens[before]) {
            let opened = before.token.closer().is_some() && before.token != Token::LBrace;
            let broken = text[before.hi as usize..lo].contains('\n');
            let tight = broken && (opened || (closes(token) && token.token != Token::RBrace));
            if before.hi != token.lo && !tight {
                out.push(' ');
            }
        }
        out.push_str(&text[lo..hi]);
    }
    out
}

/// Whether the token at `index` is on a line of its own kind: one that `which` takes, after a line break.
fn token_breaks(text: &str, tokens: &[Lexeme], index: usize, which: impl Fn(&Lexeme) -> bool) -> bool {
    let Some(token) = tokens.get(index) else { return false };
    which(token) && text[tokens[index - 1].hi as usize..token.lo as usize].contains('\n')
}

/// A signature with a line for each parameter; unchanged if it has none.
fn parameters_on_lines(line: &str, spelling: Spelling) -> String {
    let tokens = lex(line, 0, spelling).tokens;
    let opens = |t: Token| t.closer().is_some() || t == Token::LAngle;
    let closes = |t: Token| t.is_closer() || t == Token::RAngle;
    // The receiver of `fn (self: &T) name(…)` has parentheses, too: the parameters are in the longest pair.
    let (mut depth, mut start, mut best) = (0usize, 0, None);
    for (index, token) in tokens.iter().enumerate() {
        if opens(token.token) {
            if depth == 0 {
                start = index;
            }
            depth += 1;
        } else if closes(token.token) {
            depth = depth.saturating_sub(1);
            let length = token.hi - tokens[start].lo;
            if depth == 0 && tokens[start].token == Token::LParen && best.is_none_or(|(l, _, _)| length > l) {
                best = Some((length, start, index));
            }
        }
    }
    let Some((_, open, close)) = best.filter(|(_, open, close)| open + 1 < *close) else {
        return line.to_owned();
    };
    let mut out = format!("{}\n    ", &line[..tokens[open].hi as usize]);
    let mut at = tokens[open].hi as usize;
    let mut depth = 0usize;
    for token in &tokens[open + 1..close] {
        if opens(token.token) {
            depth += 1;
        } else if closes(token.token) {
            depth = depth.saturating_sub(1);
        } else if token.token == Token::Comma && depth == 0 {
            out.push_str(line[at..token.hi as usize].trim_start());
            out.push_str("\n    ");
            at = token.hi as usize;
        }
    }
    let last = tokens[close].lo as usize;
    out.push_str(line[at..last].trim());
    out.push('\n');
    out.push_str(&line[last..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comments_are_the_modules_unless_a_declaration_takes_them() {
        let module = |text: &str| Source::new(text, 1, Spelling::Vex).module_doc();
        assert_eq!(module("/// About.\n///\n/// More.\n\n/// Adds.\nfn f() {}\n"), "About.\n\nMore.");
        assert_eq!(module("/// Adds.\nfn f() {}\n"), "");
        assert_eq!(module("/// About.\nimport \"a\"\n"), "About.");
        assert_eq!(module("// About,\n// and more.\nfn f() {}\n"), "About,\nand more.");
        assert_eq!(module("//@ exit: 3\n// About.\n\nfn f() {}\n"), "About.");
        assert_eq!(module("//@ skip: no\n/// About.\n\n/// Adds.\nfn f() {}\n"), "About.");
        assert_eq!(module("#!/usr/bin/env vexc\n/* One.\n * Two. */\nfn f() {}\n"), "One.\nTwo.");
        assert_eq!(module("fn f() {}\n// Late.\n"), "");
        assert_eq!(module(""), "");
    }

    #[test]
    fn a_declaration_has_the_comments_next_to_it() {
        let text = "/// About.\n\n/// Adds.\n/// Twice.\nfn f() {}\n";
        let source = Source::new(text, 1, Spelling::Vex);
        let lo = 1 + text.find("fn").expect("it is there") as u32;
        assert_eq!(source.own_doc(lo, "About.\nAdds.\nTwice."), "Adds.\nTwice.");
        let text = "/// About.\n\nfn f() {}\n";
        let source = Source::new(text, 1, Spelling::Vex);
        assert_eq!(source.own_doc(13, "About."), "");
    }

    #[test]
    fn signatures_are_one_line_or_one_for_each_parameter() {
        let line = |text: &str| one_line(text, Spelling::Vex);
        assert_eq!(line("fn f(\n    a: i64, // one\n    b: str,\n): str"), "fn f(a: i64, b: str): str");
        assert_eq!(line("fn  f<T : Ord>(a: &T!)"), "fn f<T : Ord>(a: &T!)");
        let long = "fn (self: &Map<K, V>!) insert_or(key: K, value: Pair<K, V>): Option<V>";
        assert_eq!(
            parameters_on_lines(long, Spelling::Vex),
            "fn (self: &Map<K, V>!) insert_or(\n    key: K,\n    value: Pair<K, V>\n): Option<V>"
        );
        assert_eq!(parameters_on_lines("fn f()", Spelling::Vex), "fn f()");
    }
}
