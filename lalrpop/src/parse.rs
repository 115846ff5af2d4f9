//! Tokens to tree: parses each chunk of a file by itself, so that one mistake leaves the rest of the file readable.
//!
//! Inside a chunk the unit of recovery is the statement: the one that cannot be parsed is reported, replaced by an
//! error token and the chunk parsed again, until it parses or the enclosing statement is the chunk itself.

mod expected;
mod explain;

use lalrpop_util::ParseError;

use explain::Explained;
pub(crate) use explain::foreign_word;

use crate::ast::*;
use crate::builder::{Builder, Parsed};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::grammar::StartParser;
use crate::lexer::{Lexed, Lexeme, lex};
use crate::literal;
use crate::newline::{ChunkState, Layout, layout};
use crate::spelling::Spelling;
use crate::token::Token;

type Failure = ParseError<u32, Token, &'static str>;

/// Most syntax errors explained for one file.
const MOST_ERRORS: usize = 500;
/// Most statements of one chunk that are replaced.
const MOST_RECOVERIES: u32 = 50;
/// Tokens that may be parsed again for the sake of recovery, in a whole file.
const RECOVERY_BUDGET: usize = 4_000_000;

/// Parses a whole file whose first byte is at position `base`.
///
/// The tree holds whatever could be parsed; it is whole when there are no errors. The diagnostics are in source order.
pub fn parse_file(text: &str, base: u32, spelling: Spelling) -> (SourceUnit, Vec<Diagnostic>) {
    let Lexed { tokens, docs, mut diagnostics, .. } = lex(text, base, spelling);
    let mistakes = diagnostics.iter().map(|d| d.span().lo).collect();
    let mut laid = layout(&tokens, text, base);
    let ends_with_semicolon = tokens.last().is_some_and(|last| last.token == Token::Semi);
    drop(tokens);
    drop_swallowed(&mut laid.diagnostics, &diagnostics, text, base);
    diagnostics.append(&mut laid.diagnostics);
    let mut parser = FileParser::new(text, base, spelling, &docs, &laid);
    parser.mistakes = mistakes;
    let mut unit = SourceUnit { top: Vec::new(), ends_with_semicolon };
    for index in 0..laid.chunks.len() {
        let stmts = parser.chunk(index);
        unit.top.extend(stmts.into_iter().map(|s| match s.kind {
            StmtKind::Item(item) => Top::Item(*item),
            _ => Top::Stmt(s),
        }));
    }
    diagnostics.append(parser.builder.diagnostics.get_mut());
    diagnostics.sort_by_key(|d| d.span().lo);
    (unit, diagnostics)
}

/// A string without its closing quote swallows the rest of its line, or, with three quotes, of the text, closing brackets
/// included: drops the messages about brackets that were opened there before it and miss their partner.
fn drop_swallowed(brackets: &mut Vec<Diagnostic>, lexical: &[Diagnostic], text: &str, base: u32) {
    let strings: Vec<usize> = lexical
        .iter()
        .filter(|d| d.code == codes::UNTERMINATED_STRING)
        .map(|d| (d.span().lo - base) as usize)
        .collect();
    brackets.retain(|bracket| {
        let at = (bracket.span().lo - base) as usize;
        let swallows = |string: &usize| {
            let all = text[*string..].starts_with(literal::BLOCK);
            at < *string && (all || !text[at..*string].contains('\n'))
        };
        bracket.code != codes::UNCLOSED_BRACKET || !strings.iter().any(swallows)
    });
}

/// Parses a lone expression, such as the one between the braces of a format string.
///
/// # Errors
/// What is wrong with the text when it is no expression.
pub fn parse_expr(text: &str, base: u32, spelling: Spelling) -> Result<Expr, Vec<Diagnostic>> {
    let Lexed { tokens, docs, mut diagnostics, .. } = lex(text, base, spelling);
    let mut laid = layout(&tokens, text, base);
    diagnostics.append(&mut laid.diagnostics);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let mut parser = FileParser::new(text, base, spelling, &docs, &laid);
    let result = parser.run(Token::StartExpr, &laid.tokens);
    if let Err(failure) = &result {
        let explained = parser.explain(failure, &laid.tokens, None);
        parser.builder.report(explained.message);
    }
    diagnostics.append(parser.builder.diagnostics.get_mut());
    match result {
        Ok(Parsed::Expr(expr)) if diagnostics.is_empty() => Ok(expr),
        _ => Err(diagnostics),
    }
}

/// Whether the text is the start of something that more lines could complete: a bracket or a comment is open, or the
/// last statement ends too early, or a string between three quotes is open. One between single ones that is not closed on
/// its line is not incomplete: no further line can close it.
pub fn is_incomplete(text: &str, spelling: Spelling) -> bool {
    let lexed = lex(text, 1, spelling);
    let open = |d: &Diagnostic| match d.code {
        codes::UNTERMINATED_COMMENT => true,
        codes::UNTERMINATED_STRING => text[d.span().lo as usize - 1..].starts_with(literal::BLOCK),
        _ => false,
    };
    if lexed.diagnostics.iter().any(open) {
        return true;
    }
    let laid = layout(&lexed.tokens, text, 1);
    if !lexed.diagnostics.is_empty() {
        return false;
    }
    if laid.open_at_end {
        return true;
    }
    let Some(last) = laid.chunks.last() else { return false };
    let parser = FileParser::new(text, 1, spelling, &lexed.docs, &laid);
    let result = parser.run(Token::StartTop, &laid.tokens[last.tokens.clone()]);
    matches!(result, Err(ParseError::UnrecognizedEof { .. }))
}

/// The state of parsing one text.
struct FileParser<'a> {
    parser: StartParser,
    builder: Builder<'a>,
    laid: &'a Layout,
    spelling: Spelling,
    budget: usize,
    /// Where the lexer found mistakes, in order; what fails to parse around them is not worth a message.
    mistakes: Vec<u32>,
    /// Words of other spellings that have been reported; each is reported once.
    foreign: Vec<String>,
}

impl<'a> FileParser<'a> {
    fn new(
        text: &'a str,
        base: u32,
        spelling: Spelling,
        docs: &'a [(u32, String)],
        laid: &'a Layout,
    ) -> FileParser<'a> {
        let builder = Builder::new(text, base, spelling, docs);
        FileParser {
            parser: StartParser::new(),
            builder,
            laid,
            spelling,
            budget: RECOVERY_BUDGET,
            mistakes: Vec::new(),
            foreign: Vec::new(),
        }
    }

    fn run(&self, start: Token, tokens: &[Lexeme]) -> Result<Parsed, Failure> {
        let first = tokens.first().map_or(0, |t| t.lo);
        let start = std::iter::once((first, start, first));
        self.builder.too_deep.set(false);
        self.parser.parse(&self.builder, start.chain(tokens.iter().map(|t| (t.lo, t.token, t.hi))))
    }

    /// Parses a chunk; reports its errors and returns what could be saved of it.
    fn chunk(&mut self, index: usize) -> Vec<Stmt> {
        let chunk = &self.laid.chunks[index];
        if chunk.state == ChunkState::TooDeep {
            return Vec::new();
        }
        let tokens = &self.laid.tokens[chunk.tokens.clone()];
        let reported = self.builder.diagnostics.borrow().len();
        match self.run(Token::StartTop, tokens) {
            Ok(parsed) => statements(parsed),
            Err(failure) => {
                self.builder.diagnostics.borrow_mut().truncate(reported);
                self.recover(index, failure)
            }
        }
    }

    /// Parses a chunk that failed with `failure` again and again, each time with one more mistake taken out.
    fn recover(&mut self, index: usize, mut failure: Failure) -> Vec<Stmt> {
        let chunk = &self.laid.chunks[index];
        let next = self.laid.tokens.get(chunk.tokens.end).copied();
        let mut tokens = self.laid.tokens[chunk.tokens.clone()].to_vec();
        let mut errors = Vec::new();
        // In a repaired chunk the first error usually follows from the brackets.
        let mut quiet = chunk.state == ChunkState::Repaired;
        let mut replaced = None;
        let mut saved = Vec::new();
        for _ in 0..MOST_RECOVERIES {
            let more = self.patch(&failure, &mut tokens, next, &mut replaced, quiet, &mut errors);
            let known = self.builder.diagnostics.borrow().len() + errors.len();
            if !more || known >= MOST_ERRORS || self.budget < tokens.len() {
                break;
            }
            quiet = false;
            self.budget -= tokens.len();
            let reported = self.builder.diagnostics.borrow().len();
            match self.run(Token::StartTop, &tokens) {
                Ok(parsed) => {
                    saved = statements(parsed);
                    break;
                }
                Err(again) => {
                    self.builder.diagnostics.borrow_mut().truncate(reported);
                    failure = again;
                }
            }
        }
        self.builder.diagnostics.borrow_mut().append(&mut errors);
        saved
    }

    /// Takes one mistake out of the tokens, and reports it unless it follows from another. `replaced` is where the
    /// last statement was replaced. False when nothing can be taken out any more.
    fn patch(
        &mut self,
        failure: &Failure,
        tokens: &mut Vec<Lexeme>,
        next: Option<Lexeme>,
        replaced: &mut Option<usize>,
        quiet: bool,
        errors: &mut Vec<Diagnostic>,
    ) -> bool {
        let at = index_of(failure, tokens);
        // An error at the replacement itself means that no statement can stand there: go one level out.
        let beyond = replaced.filter(|r| at == *r || at == *r + 1);
        if beyond.is_none() {
            let Explained { message, meant } = self.explain(failure, tokens, next);
            if let Some((index, token)) = meant {
                self.take_as(tokens, index, token, message, errors);
                *replaced = None;
                return true;
            }
            let (code, span) = (message.code, message.span());
            if !quiet && !self.follows_from_mistake(tokens, at) {
                errors.push(message);
            }
            if code == codes::STRUCT_LITERAL_IN_HEAD {
                // Only the literal is taken out: the block after the head is as it was meant.
                let lo = tokens.partition_point(|t| t.lo < span.lo);
                let hi = tokens.partition_point(|t| t.lo < span.hi);
                let (lo, hi) = (lo, hi.max(lo));
                let error = Lexeme { token: Token::Error, newline_before: false, lo: span.lo, hi: span.hi };
                tokens.splice(lo..hi, [error]);
                *replaced = None;
                return true;
            }
        }
        let Some((lo, hi)) = statement_around(tokens, at, beyond) else { return false };
        let error =
            Lexeme { token: Token::Error, newline_before: false, lo: tokens[lo].lo, hi: tokens[hi - 1].hi };
        tokens.splice(lo..hi, [error]);
        *replaced = Some(lo);
        true
    }

    /// Takes a word of another spelling for the keyword it is there; a long word everywhere in the chunk.
    fn take_as(
        &mut self,
        tokens: &mut [Lexeme],
        index: usize,
        token: Token,
        message: Diagnostic,
        errors: &mut Vec<Diagnostic>,
    ) {
        let word = self.builder.text_of(tokens[index].span());
        tokens[index].token = token;
        if word.len() > 1 {
            for i in 1..tokens.len() {
                let member = matches!(tokens[i - 1].token, Token::Dot | Token::ColonColon);
                let same = tokens[i].token == Token::Name && self.builder.text_of(tokens[i].span()) == word;
                if same && !member {
                    tokens[i].token = token;
                }
            }
        }
        if !self.foreign.iter().any(|f| f == word) {
            self.foreign.push(word.to_owned());
            errors.push(message);
        }
    }

    /// Whether the lexer reported something in the statement up to the token at `at`.
    fn follows_from_mistake(&self, tokens: &[Lexeme], at: usize) -> bool {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return false };
        let lo = statement_around(tokens, at, None).map_or(first.lo, |(lo, _)| tokens[lo].lo);
        let hi = tokens.get(at).map_or(last.hi, |t| t.hi);
        let found = self.mistakes.partition_point(|m| *m < lo);
        self.mistakes.get(found).is_some_and(|m| *m <= hi)
    }

    fn explain(&self, failure: &Failure, tokens: &[Lexeme], next: Option<Lexeme>) -> Explained {
        explain::Context {
            tokens,
            at: index_of(failure, tokens),
            next,
            expected: expected_of(failure),
            builder: &self.builder,
            spelling: self.spelling,
        }
        .explain()
    }
}

fn statements(parsed: Parsed) -> Vec<Stmt> {
    match parsed {
        Parsed::Top(stmts) => stmts.into_iter().map(|s| s.node).collect(),
        Parsed::Expr(_) => Vec::new(),
    }
}

/// Index of the token at which parsing failed; the number of tokens when it failed at their end.
fn index_of(failure: &Failure, tokens: &[Lexeme]) -> usize {
    let (ParseError::UnrecognizedToken { token: (lo, token, hi), .. }
    | ParseError::ExtraToken { token: (lo, token, hi) }) = failure
    else {
        return tokens.len();
    };
    let first = tokens.partition_point(|t| t.lo < *lo);
    let same = |t: &Lexeme| (t.lo, t.token, t.hi) == (*lo, *token, *hi);
    let after = tokens[first..].iter().position(same).unwrap_or(0);
    first + after
}

fn expected_of(failure: &Failure) -> &[String] {
    match failure {
        ParseError::UnrecognizedToken { expected, .. } | ParseError::UnrecognizedEof { expected, .. } => {
            expected
        }
        _ => &[],
    }
}

/// The range of tokens of the statement around token `at`, inside the innermost braces; with `beyond`, inside the
/// innermost braces whose statement is larger than that one token. `None` when that is the whole chunk.
fn statement_around(tokens: &[Lexeme], at: usize, beyond: Option<usize>) -> Option<(usize, usize)> {
    // For each open brace the start of the current statement inside it.
    let mut starts: Vec<(Token, usize)> = Vec::new();
    let target = beyond.unwrap_or(at);
    for (i, t) in tokens.iter().enumerate().take(target) {
        match t.token {
            Token::LBrace | Token::LParen | Token::LBracket => starts.push((t.token, i + 1)),
            closer if closer.is_closer() => {
                starts.pop();
            }
            Token::Semi | Token::StmtEnd => {
                if let Some((_, start)) = starts.last_mut() {
                    *start = i + 1;
                }
            }
            _ => {}
        }
    }
    while let Some((open, start)) = starts.pop() {
        if open != Token::LBrace {
            continue;
        }
        let end = statement_end(tokens, start);
        let larger = |(lo, hi): &(usize, usize)| hi > lo && !(beyond == Some(*lo) && *hi == lo + 1);
        let found = [arm_around(tokens, target, start, end), (start, end)].into_iter().find(larger);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The range of tokens of the arm around token `target`, when the tokens `start..end` are arms that commas separate;
/// otherwise all of them.
fn arm_around(tokens: &[Lexeme], target: usize, start: usize, end: usize) -> (usize, usize) {
    let (mut lo, mut hi) = (start, end);
    let (mut depth, mut arms) = (0u32, false);
    for (i, t) in tokens.iter().enumerate().take(end).skip(start) {
        match t.token {
            Token::LBrace | Token::LParen | Token::LBracket => depth += 1,
            closer if closer.is_closer() => depth = depth.saturating_sub(1),
            Token::FatArrow if depth == 0 => arms = true,
            Token::Comma if depth == 0 && i < target => lo = i + 1,
            Token::Comma if depth == 0 && hi == end => hi = i,
            _ => {}
        }
    }
    if arms { (lo, hi) } else { (start, end) }
}

/// Where the statement that starts at token `start` ends: at the next separator or the brace that closes its block.
fn statement_end(tokens: &[Lexeme], start: usize) -> usize {
    let mut depth = 0u32;
    for (i, t) in tokens.iter().enumerate().skip(start) {
        match t.token {
            Token::LBrace | Token::LParen | Token::LBracket => depth += 1,
            closer if closer.is_closer() && depth == 0 => return i,
            closer if closer.is_closer() => depth -= 1,
            Token::Semi | Token::StmtEnd if depth == 0 => return i,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests;
