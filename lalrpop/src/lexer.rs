//! Source text to tokens: runs the generated lexer, sets comments aside, reports what is no token, then gives words
//! and marks their meaning in the file's spelling.

mod chars;
mod strings;
mod words;

use logos::Logos;

use words::Words;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::span::Span;
use crate::spelling::Spelling;
use crate::spelling_table;
use crate::token::Token;

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexeme {
    /// What it is.
    pub token: Token,
    /// Whether a newline lies between it and the token before it.
    pub newline_before: bool,
    /// First byte, in the position space of the source map.
    pub lo: u32,
    /// One past the last byte.
    pub hi: u32,
}

impl Lexeme {
    /// Its place.
    pub fn span(self) -> Span {
        Span::new(self.lo, self.hi)
    }
}

/// A comment, kept for tools that must not lose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where, with its marks.
    pub span: Span,
    /// Whether it is a `///` comment, which belongs to the item after it.
    pub doc: bool,
    /// Whether nothing but blanks precedes it on its line.
    pub own_line: bool,
}

/// What the lexer makes of a text.
#[derive(Clone, Debug, Default)]
pub struct Lexed {
    /// The tokens in order, without comments and line breaks.
    pub tokens: Vec<Lexeme>,
    /// The comments in order.
    pub comments: Vec<Comment>,
    /// For each token that `///` comments precede: its first byte and their text without the slashes.
    pub docs: Vec<(u32, String)>,
    /// What is no token, or a token with a mistake inside.
    pub diagnostics: Vec<Diagnostic>,
}

/// Most errors reported for one file by the lexer; binary data would give one for each byte.
const MOST_ERRORS: usize = 50;

/// Splits `text` into tokens. `base` is the position of its first byte.
pub fn lex(text: &str, base: u32, spelling: Spelling) -> Lexed {
    let mut reader =
        Reader { text, base, spelling, out: Lexed::default(), newline: true, doc: String::new() };
    reader.out.tokens.reserve(text.len() / 4);
    reader.read();
    let mut out = reader.out;
    Words { text, base, spelling }.resolve(&mut out.tokens);
    out
}

struct Reader<'a> {
    text: &'a str,
    base: u32,
    spelling: Spelling,
    out: Lexed,
    /// A line break was read since the last token.
    newline: bool,
    /// The `///` comments read since the last token.
    doc: String,
}

impl Reader<'_> {
    fn read(&mut self) {
        let start = self.skip_preamble();
        let mut lexer = Token::lexer(self.text);
        lexer.bump(start);
        while let Some(result) = lexer.next() {
            let (lo, hi) = (lexer.span().start, lexer.span().end);
            let unterminated = std::mem::take(&mut lexer.extras.unterminated);
            match result {
                Ok(Token::LineBreak) => self.newline = true,
                Ok(Token::LineComment) => self.comment(lo, hi),
                Ok(Token::BlockComment) => {
                    self.comment(lo, hi);
                    self.newline |= self.text[lo..hi].contains('\n');
                    if unterminated {
                        self.unterminated_comment(lo);
                    }
                }
                Ok(Token::Hash) => {
                    let rest = lexer.remainder();
                    let (length, token) = self.hash(rest, lo, hi);
                    lexer.bump(length);
                    match token {
                        Some(token) => self.push(token, lo, hi + length),
                        None => self.comment(lo, hi + length),
                    }
                }
                Ok(token @ (Token::Char | Token::Str)) => {
                    let end = match token {
                        Token::Char => self.character(lo, hi),
                        _ => self.string(lo, hi, unterminated),
                    };
                    if end != hi {
                        lexer = Token::lexer(self.text);
                        lexer.bump(end);
                    }
                }
                Ok(token) => self.token(token, lo, hi),
                Err(()) => {
                    let end = match self.text[lo..].chars().next() {
                        Some('\'') => self.open_quote(lo),
                        c => {
                            let end = lo + c.map_or(1, char::len_utf8);
                            self.bad_character(lo, end);
                            end
                        }
                    };
                    if end < hi {
                        // What was read in search of a longer token is read again.
                        lexer = Token::lexer(self.text);
                        lexer.bump(end);
                    }
                }
            }
        }
    }

    /// A byte-order mark and a `#!` line, which belong to other programs.
    fn skip_preamble(&mut self) -> usize {
        let mark = if self.text.starts_with('\u{FEFF}') { 3 } else { 0 };
        if self.text[mark..].starts_with("#!") {
            return self.text[mark..].find('\n').map_or(self.text.len(), |n| mark + n);
        }
        mark
    }

    fn span(&self, lo: usize, hi: usize) -> Span {
        Span::new(self.base + lo as u32, self.base + hi as u32)
    }

    fn error(&mut self, diagnostic: Diagnostic) {
        if self.out.diagnostics.len() < MOST_ERRORS {
            self.out.diagnostics.push(diagnostic);
        }
    }

    fn push(&mut self, token: Token, lo: usize, hi: usize) {
        let (lo, hi) = (self.base + lo as u32, self.base + hi as u32);
        if !self.doc.is_empty() {
            self.out.docs.push((lo, std::mem::take(&mut self.doc)));
        }
        let newline_before = std::mem::take(&mut self.newline);
        self.out.tokens.push(Lexeme { token, newline_before, lo, hi });
    }

    fn token(&mut self, token: Token, lo: usize, hi: usize) {
        match token {
            Token::Name => self.check_name(lo, hi),
            Token::Int | Token::Float => {
                let after_dot = self.out.tokens.last().is_some_and(|t| t.token == Token::Dot);
                if let Some(dot) = self.text[lo..hi].find('.').filter(|_| after_dot) {
                    // `t.0.1`: two field numbers, not a float.
                    self.push(Token::Int, lo, lo + dot);
                    self.push(Token::Dot, lo + dot, lo + dot + 1);
                    return self.push(Token::Int, lo + dot + 1, hi);
                }
                if let Err(problem) = literal::check_number(&self.text[lo..hi], token, self.span(lo, hi)) {
                    self.error(problem);
                }
            }
            _ => {}
        }
        self.push(token, lo, hi);
    }

    fn comment(&mut self, lo: usize, hi: usize) {
        let text = &self.text[lo..hi];
        let doc = text.starts_with("///") && !text.starts_with("////");
        if doc {
            let line = text[3..].trim_end_matches('\r');
            if !self.doc.is_empty() {
                self.doc.push('\n');
            }
            self.doc.push_str(line.strip_prefix(' ').unwrap_or(line));
        }
        let span = self.span(lo, hi);
        self.out.comments.push(Comment { span, doc, own_line: self.newline });
    }

    fn unterminated_comment(&mut self, lo: usize) {
        let span = self.span(lo, lo + 2);
        self.error(
            Diagnostic::error(codes::UNTERMINATED_COMMENT, span, "this comment has no end")
                .at("starts here")
                .help("close it with `*/`; block comments nest, so each `/*` needs its own `*/`"),
        );
    }

    /// What a `#` starts: how many bytes after it belong to it, and its token; `None` for a comment.
    fn hash(&mut self, rest: &str, lo: usize, hi: usize) -> (usize, Option<Token>) {
        if spelling_table::hash_comments(self.spelling) {
            return (rest.find('\n').unwrap_or(rest.len()), None);
        }
        let name = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if name == 0 || rest.as_bytes()[0].is_ascii_digit() {
            let span = self.span(lo, hi);
            let extension = self.spelling.extension();
            self.error(
                Diagnostic::error(codes::BAD_CHARACTER, span, "`#` starts no comment here")
                    .at(format!("not in .{extension} files"))
                    .fix("comments start with `//`", span, "//"),
            );
            // The rest of the line was meant as a comment.
            return (rest.find('\n').unwrap_or(rest.len()), None);
        }
        (name, Some(Token::Builtin))
    }

    /// Names may hold letters of any script; the lexer lets every non-ASCII character through to here.
    fn check_name(&mut self, lo: usize, hi: usize) {
        if self.text.as_bytes()[lo..hi].is_ascii() {
            return;
        }
        let bad = self.text[lo..hi].char_indices().find(|(_, c)| !c.is_alphanumeric() && *c != '_');
        if let Some((offset, c)) = bad {
            self.bad_character(lo + offset, lo + offset + c.len_utf8());
        }
    }

    fn bad_character(&mut self, lo: usize, hi: usize) {
        let span = self.span(lo, hi);
        let c = self.text[lo..hi].chars().next().unwrap_or('\0');
        let code = codes::BAD_CHARACTER;
        let diagnostic = match c {
            '\0' => Diagnostic::error(code, span, "the file holds a NUL byte")
                .help("source files are UTF-8 text; was this meant to be another file?"),
            '“' | '”' | '„' | '‟' | '«' | '»' => Diagnostic::error(
                code,
                span,
                format!("`{c}` does not quote strings"),
            )
            .fix("strings are quoted with `\"`", span, "\""),
            '‘' | '’' | '\'' | '`' => {
                Diagnostic::error(code, span, format!("unexpected character `{c}`"))
                    .help("strings are quoted with `\"`, characters with `'`")
            }
            '−' | '–' | '—' => Diagnostic::error(code, span, format!("`{c}` is no minus sign")).fix(
                "the minus sign is `-`",
                span,
                "-",
            ),
            c if c.is_whitespace() => {
                let title = format!("unexpected blank character U+{:04X}", c as u32);
                Diagnostic::error(code, span, title).fix("use a space", span, " ")
            }
            '$' => Diagnostic::error(code, span, "`$` without a name after it")
                .help("builtins are written `$panic(…)`, `$println(…)`"),
            '\\' => Diagnostic::error(code, span, "unexpected character `\\`")
                .help("a statement continues on the next line when that line starts with an operator or `.`"),
            c => {
                let title = format!("unexpected character `{}`", c.escape_debug());
                Diagnostic::error(code, span, title).help("remove it, or put it inside a string or a comment")
            }
        };
        self.error(diagnostic.at("here"));
    }
}

#[cfg(test)]
mod tests;
