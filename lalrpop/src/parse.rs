//! Tokens to tree: parses each chunk of a file by itself, so that one mistake leaves the rest of the file readable.

use lalrpop_util::ParseError;

use crate::ast::*;
use crate::builder::{Builder, Parsed};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::grammar::StartParser;
use crate::lexer::{Lexeme, lex};
use crate::newline::{ChunkState, layout};
use crate::span::Span;
use crate::spelling::Spelling;
use crate::token::Token;

type Failure = ParseError<u32, Token, &'static str>;

/// Parses a whole file whose first byte is at position `base`.
pub fn parse_file(text: &str, base: u32, spelling: Spelling) -> (SourceUnit, Vec<Diagnostic>) {
    let lexed = lex(text, base, spelling);
    let laid = layout(&lexed.tokens, text, base);
    let builder = Builder::new(text, base, &lexed.docs);
    let parser = StartParser::new();
    let mut diagnostics = lexed.diagnostics;
    diagnostics.extend(laid.diagnostics);
    let mut unit = SourceUnit::default();
    for chunk in &laid.chunks {
        if chunk.state == ChunkState::TooDeep {
            continue;
        }
        let tokens = &laid.tokens[chunk.tokens.clone()];
        builder.too_deep.set(false);
        match run(&parser, &builder, Token::StartTop, tokens) {
            Ok(Parsed::Top(stmts)) => unit.top.extend(stmts.into_iter().map(|s| match s.node.kind {
                StmtKind::Item(item) => Top::Item(item),
                _ => Top::Stmt(s.node),
            })),
            Ok(Parsed::Expr(_)) => {}
            Err(failure) if chunk.state == ChunkState::Balanced => {
                builder.report(explain(failure, tokens));
            }
            Err(_) => {}
        }
    }
    diagnostics.extend(builder.diagnostics.into_inner());
    diagnostics.sort_by_key(|d| d.span().lo);
    (unit, diagnostics)
}

/// Parses a lone expression, such as the one between the braces of a format string.
///
/// # Errors
/// What is wrong with the text when it is no expression.
pub fn parse_expr(text: &str, base: u32, spelling: Spelling) -> Result<Expr, Vec<Diagnostic>> {
    let lexed = lex(text, base, spelling);
    let laid = layout(&lexed.tokens, text, base);
    let builder = Builder::new(text, base, &lexed.docs);
    let mut diagnostics = lexed.diagnostics;
    diagnostics.extend(laid.diagnostics);
    let mut expr = None;
    if diagnostics.is_empty() {
        match run(&StartParser::new(), &builder, Token::StartExpr, &laid.tokens) {
            Ok(Parsed::Expr(e)) => expr = Some(e),
            Ok(Parsed::Top(_)) => {}
            Err(failure) => builder.report(explain(failure, &laid.tokens)),
        }
    }
    diagnostics.extend(builder.diagnostics.into_inner());
    match expr {
        Some(expr) if diagnostics.is_empty() => Ok(expr),
        _ => Err(diagnostics),
    }
}

fn run(
    parser: &StartParser,
    builder: &Builder<'_>,
    start: Token,
    tokens: &[Lexeme],
) -> Result<Parsed, Failure> {
    let first = tokens.first().map_or(0, |t| t.lo);
    let start = std::iter::once((first, start, first));
    parser.parse(builder, start.chain(tokens.iter().map(|t| (t.lo, t.token, t.hi))))
}

fn explain(failure: Failure, _tokens: &[Lexeme]) -> Diagnostic {
    match failure {
        ParseError::UnrecognizedToken { token: (lo, token, hi), .. }
        | ParseError::ExtraToken { token: (lo, token, hi) } => {
            Diagnostic::error(codes::UNEXPECTED_TOKEN, Span::new(lo, hi), format!("unexpected {token:?}"))
        }
        ParseError::UnrecognizedEof { location, .. } | ParseError::InvalidToken { location } => {
            Diagnostic::error(codes::UNEXPECTED_END, Span::new(location, location), "unexpected end")
        }
        ParseError::User { error } => Diagnostic::error(codes::UNEXPECTED_TOKEN, Span::NONE, error),
    }
}
