//! Between lexer and grammar: newlines become statement ends, brackets are balanced, the file is cut into chunks.
//!
//! A newline ends a statement when the token before it can end one and the token after it continues none; inside `(`
//! and `[` it ends nothing, inside `{` it does again. What leaves this pass always has balanced brackets: a missing
//! closer is reported and added, one too many is reported and left out. A chunk is what lies between two statement
//! ends outside all brackets, so an error in one chunk never reaches the next.

use std::ops::Range;

use crate::ast::MAX_DEPTH;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lexer::Lexeme;
use crate::span::Span;
use crate::token::Token;

/// The tokens the grammar reads.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The tokens with statement ends.
    pub tokens: Vec<Lexeme>,
    /// The ranges of tokens of the chunks; statement ends between chunks belong to none.
    pub chunks: Vec<Chunk>,
    /// Brackets that do not match.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether a bracket is still open at the end of the text.
    pub open_at_end: bool,
}

/// A top-level piece of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its tokens.
    pub tokens: Range<usize>,
    /// Whether its brackets did not match, or nest too deep to be parsed.
    pub state: ChunkState,
}

/// What is known about a chunk before it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkState {
    /// Its brackets match.
    Balanced,
    /// Brackets were added or left out, and that was reported.
    Repaired,
    /// It nests deeper than the limit, and that was reported.
    TooDeep,
}

/// How often the pass goes back to an earlier place to cut a chunk with an unclosed brace short. After that it cuts at
/// every declaration that starts a line.
const MOST_RETRIES: u32 = 16;

/// Most errors reported for one file.
const MOST_ERRORS: usize = 500;

/// Inserts statement ends and cuts `tokens` into chunks. `text` starts at position `base`.
pub fn layout(tokens: &[Lexeme], text: &str, base: u32) -> Layout {
    let mut pass = Pass {
        input: tokens,
        text: text.as_bytes(),
        base,
        out: Layout::default(),
        open: Vec::new(),
        start: Mark::default(),
        state: ChunkState::Balanced,
        retries: 0,
        limit: usize::MAX,
    };
    pass.out.tokens.reserve(tokens.len() + tokens.len() / 8);
    pass.run();
    pass.out
}

/// A bracket that is open.
#[derive(Clone, Copy)]
struct Open {
    token: Token,
    span: Span,
    /// Its index in the input.
    index: usize,
    /// Where its closer is probably missing: the end of the first line inside it that looks like the end of a
    /// statement. Unknown inside braces.
    missing: Option<u32>,
}

/// The state at a chunk's start, to return to.
#[derive(Clone, Copy, Default)]
struct Mark {
    input: usize,
    tokens: usize,
    diagnostics: usize,
}

struct Pass<'a> {
    input: &'a [Lexeme],
    text: &'a [u8],
    base: u32,
    out: Layout,
    open: Vec<Open>,
    start: Mark,
    state: ChunkState,
    retries: u32,
    /// Index in the input at which the current chunk must end.
    limit: usize,
}

impl Pass<'_> {
    fn run(&mut self) {
        let mut at = 0;
        loop {
            while at < self.input.len() {
                let lexeme = self.input[at];
                if !self.open.is_empty() && self.cuts(at, lexeme) {
                    self.close_all(lexeme.lo);
                    self.end_chunk(at);
                }
                self.step(at, lexeme);
                at += 1;
            }
            match self.retry_point() {
                Some(cut) => {
                    at = self.start.input;
                    self.limit = cut;
                    self.retries += 1;
                    self.out.tokens.truncate(self.start.tokens);
                    self.out.diagnostics.truncate(self.start.diagnostics);
                    self.open.clear();
                    self.state = ChunkState::Balanced;
                }
                None => break,
            }
        }
        self.out.open_at_end = !self.open.is_empty();
        self.close_all(self.base + self.text.len() as u32);
        self.end_chunk(self.input.len());
    }

    /// Whether the token at `at` shows that the brackets open here will not be closed.
    fn cuts(&self, at: usize, lexeme: Lexeme) -> bool {
        if at == self.limit {
            return true;
        }
        if !lexeme.token.starts_item() || !self.starts_line(lexeme) {
            return false;
        }
        // Inside parentheses only a function type could start a line so, and that has no name.
        let in_parens = self.open.last().is_some_and(|open| open.token != Token::LBrace);
        let declares =
            lexeme.token != Token::Fn || self.input.get(at + 1).is_some_and(|t| t.token == Token::Name);
        (in_parens && declares) || self.retries >= MOST_RETRIES
    }

    /// Where to cut the last chunk, if it ends with an open brace and a declaration starts a line after that brace.
    fn retry_point(&self) -> Option<usize> {
        let first = self.open.first()?.index;
        if self.retries >= MOST_RETRIES {
            return None;
        }
        let after = self.input[first + 1..].iter();
        after.enumerate().find_map(|(i, t)| {
            let cut = first + 1 + i;
            (t.token.starts_item() && self.starts_line(*t) && cut > self.start.input).then_some(cut)
        })
    }

    fn starts_line(&self, lexeme: Lexeme) -> bool {
        let offset = (lexeme.lo - self.base) as usize;
        lexeme.newline_before && offset.checked_sub(1).is_none_or(|before| self.text[before] == b'\n')
    }

    fn step(&mut self, at: usize, lexeme: Lexeme) {
        if lexeme.newline_before {
            self.newline(at, lexeme);
        }
        let top_level = self.open.is_empty();
        match lexeme.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                self.open.push(Open { token: lexeme.token, span: lexeme.span(), index: at, missing: None });
                if self.open.len() > MAX_DEPTH as usize && self.state != ChunkState::TooDeep {
                    self.state = ChunkState::TooDeep;
                    self.report(too_deep(lexeme.span()));
                }
                self.out.tokens.push(lexeme);
            }
            Token::RParen | Token::RBracket | Token::RBrace => self.close(lexeme),
            Token::Semi if top_level => {
                self.end_chunk(at);
                self.start.input = at + 1;
            }
            _ => self.out.tokens.push(lexeme),
        }
    }

    fn newline(&mut self, at: usize, next: Lexeme) {
        let Some(last) = self.out.tokens.last() else { return };
        if !last.token.can_end_statement() || next.token.continues_statement() {
            return;
        }
        if let Some(open) = self.open.last_mut().filter(|open| open.token != Token::LBrace) {
            open.missing.get_or_insert(last.hi);
            return;
        }
        if self.open.is_empty() {
            return self.end_chunk(at);
        }
        let end = Lexeme { token: Token::StmtEnd, newline_before: false, lo: last.hi, hi: last.hi };
        self.out.tokens.push(end);
    }

    fn close(&mut self, lexeme: Lexeme) {
        let opens = |open: &Open| open.token.closer() == Some(lexeme.token);
        if self.open.last().is_some_and(opens) {
            self.open.pop();
            self.out.tokens.push(lexeme);
            return;
        }
        self.repaired();
        if self.open.iter().any(opens) {
            // Something inside was not closed: close it here.
            while let Some(open) = self.open.pop_if(|open| !opens(open)) {
                self.report(unclosed(open, Some(lexeme.span())));
                self.synthetic_closer(open, lexeme.lo);
            }
            self.open.pop();
            self.out.tokens.push(lexeme);
        } else if let Some(open) = self.open.pop_if(|open| open.token != Token::LBrace) {
            // `(a]`: the wrong closer for this bracket.
            self.report(wrong_closer(open, lexeme));
            self.synthetic_closer(open, lexeme.lo);
        } else {
            self.report(unmatched(lexeme));
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.out.diagnostics.len() < MOST_ERRORS {
            self.out.diagnostics.push(diagnostic);
        }
    }

    fn repaired(&mut self) {
        if self.state == ChunkState::Balanced {
            self.state = ChunkState::Repaired;
        }
    }

    fn synthetic_closer(&mut self, open: Open, at: u32) {
        let Some(token) = open.token.closer() else { return };
        self.out.tokens.push(Lexeme { token, newline_before: false, lo: at, hi: at });
    }

    /// Closes everything that is open; one message, about the innermost bracket.
    fn close_all(&mut self, at: u32) {
        let Some(innermost) = self.open.last().copied() else { return };
        self.repaired();
        let mut message = unclosed(innermost, None);
        if self.open.len() > 1 {
            let outer = self.open[self.open.len() - 2];
            message = message.label(outer.span, format!("this `{}` is open too", text_of(outer.token)));
        }
        self.report(message);
        while let Some(open) = self.open.pop() {
            self.synthetic_closer(open, at);
        }
    }

    /// Ends the current chunk; the next one starts with the input token `next`.
    fn end_chunk(&mut self, next: usize) {
        let tokens = self.start.tokens..self.out.tokens.len();
        if !tokens.is_empty() {
            self.out.chunks.push(Chunk { tokens, state: self.state });
        }
        self.start =
            Mark { input: next, tokens: self.out.tokens.len(), diagnostics: self.out.diagnostics.len() };
        self.state = ChunkState::Balanced;
        self.limit = usize::MAX;
    }
}

fn text_of(token: Token) -> char {
    match token {
        Token::LParen => '(',
        Token::RParen => ')',
        Token::LBracket => '[',
        Token::RBracket => ']',
        Token::LBrace => '{',
        _ => '}',
    }
}

fn closer_text(open: Open) -> char {
    open.token.closer().map_or(' ', text_of)
}

fn unclosed(open: Open, found: Option<Span>) -> Diagnostic {
    let title = format!("this `{}` is never closed", text_of(open.token));
    let message = Diagnostic::error(codes::UNCLOSED_BRACKET, open.span, title).at("opened here");
    if let Some(at) = open.missing {
        let at = Span::new(at, at);
        return message.label(at, format!("`{}` is missing here", closer_text(open))).fix(
            format!("add `{}`", closer_text(open)),
            at,
            closer_text(open),
        );
    }
    match found {
        Some(span) => message.label(span, format!("`{}` is missing before this", closer_text(open))).fix(
            format!("add `{}`", closer_text(open)),
            Span::new(span.lo, span.lo),
            closer_text(open),
        ),
        None => message.help(format!("add the missing `{}`", closer_text(open))),
    }
}

fn wrong_closer(open: Open, found: Lexeme) -> Diagnostic {
    let (want, have) = (closer_text(open), text_of(found.token));
    Diagnostic::error(codes::UNMATCHED_BRACKET, found.span(), format!("expected `{want}`, found `{have}`"))
        .at(format!("should be `{want}`"))
        .label(open.span, format!("to close this `{}`", text_of(open.token)))
        .fix(format!("write `{want}`"), found.span(), want)
}

fn unmatched(found: Lexeme) -> Diagnostic {
    let have = text_of(found.token);
    Diagnostic::error(codes::UNMATCHED_BRACKET, found.span(), format!("this `{have}` closes nothing"))
        .at("no bracket is open here")
        .fix(format!("remove the `{have}`"), found.span(), "")
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(codes::TOO_DEEP, span, format!("brackets nest deeper than {MAX_DEPTH} levels"))
        .at("this one is too deep")
        .help("split the code into functions, or give parts of the expression names")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::lex;
    use crate::spelling::Spelling;

    fn run(text: &str) -> Layout {
        layout(&lex(text, 1, Spelling::Vex).tokens, text, 1)
    }

    /// The chunks' texts, with `;` for each statement end inside.
    fn chunks(text: &str) -> Vec<String> {
        let out = run(text);
        let word = |t: &Lexeme| match t.token {
            Token::StmtEnd => ";",
            _ if t.lo == t.hi => "+",
            _ => &text[t.lo as usize - 1..t.hi as usize - 1],
        };
        let chunk = |c: &Chunk| out.tokens[c.tokens.clone()].iter().map(word).collect::<Vec<_>>().join(" ");
        out.chunks.iter().map(chunk).collect()
    }

    #[test]
    fn newlines_end_statements_where_they_can() {
        assert_eq!(chunks("a\nb"), ["a", "b"]);
        assert_eq!(chunks("a +\nb\n+ c"), ["a + b + c"]);
        assert_eq!(
            chunks("a\n- b\n* c\n& d\n(e)\n[f]\n!g\n~h"),
            ["a", "- b", "* c", "& d", "( e )", "[ f ]", "! g", "~ h"]
        );
        assert_eq!(chunks("f(a\nb)\n{ c\nd }"), ["f ( a b )", "{ c ; d }"]);
        assert_eq!(chunks("f(S {\na\nb\n})"), ["f ( S { a ; b } )"]);
        assert_eq!(chunks("x = c\n? a\n: b\nreturn\ny"), ["x = c ? a : b", "return", "y"]);
        assert_eq!(chunks("a\n.b\n|> c\nas i64"), ["a . b |> c as i64"]);
        assert_eq!(chunks("if a { }\nelse { }\n;;b;"), ["if a { } else { }", "b"]);
        assert_eq!(chunks("p as *u8!\nq"), ["p as * u8 !", "q"]);
    }

    #[test]
    fn missing_closers_are_added_and_do_not_reach_the_next_item() {
        assert_eq!(chunks("fn a() { f(1 }\nfn b() { }"), ["fn a ( ) { f ( 1 + }", "fn b ( ) { }"]);
        assert_eq!(
            chunks("fn a() {\nif x {\n}\nfn b() { }\nfn c() { }"),
            ["fn a ( ) { if x { } +", "fn b ( ) { }", "fn c ( ) { }"]
        );
        assert_eq!(chunks("let x = f(1\nstruct S { a: T }"), ["let x = f ( 1 +", "struct S { a : T }"]);
        assert_eq!(chunks("a)\nb[1)\nc"), ["a", "b [ 1 +", "c"]);
        assert_eq!(run("fn a() { f(1 }\nfn b( { }\n}").diagnostics.len(), 2);
        assert!(run("fn a() {").open_at_end);
        assert!(!run("fn a() { }").open_at_end);
    }

    #[test]
    fn many_open_braces_take_linear_time() {
        let text = "fn a() {\n".repeat(20_000);
        let out = run(&text);
        assert_eq!(out.chunks.len(), 20_000);
        assert_eq!(out.diagnostics.len(), MOST_ERRORS);
    }

    #[test]
    fn bracket_depth_is_limited() {
        let deep = "(".repeat(3000) + &")".repeat(3000);
        let out = run(&deep);
        assert_eq!(out.chunks[0].state, ChunkState::TooDeep);
        assert_eq!(out.diagnostics.len(), 1);
        assert_eq!(out.diagnostics[0].code, codes::TOO_DEEP);
    }
}
