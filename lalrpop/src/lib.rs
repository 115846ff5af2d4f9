//! Source text to tokens to syntax tree. Knows no types, no files and no code generator.

mod angle;
pub mod ast;
pub mod ast_print;
mod builder;
pub mod codes;
pub mod diagnostic;
#[allow(missing_docs, unused, clippy::all, clippy::pedantic)]
mod grammar {
    include!(concat!(env!("OUT_DIR"), "/grammar.rs"));
}
pub mod format;
pub mod format_string;
pub mod lexer;
pub mod literal;
pub mod newline;
mod operators;
pub mod parse;
pub mod render;
pub mod span;
pub mod spelling;
pub mod spelling_table;
pub mod symbol;
pub mod token;
pub mod translate;

pub use ast_print::{print_ast, print_tokens};
pub use diagnostic::{Code, Diagnostic, Severity};
pub use format_string::{Align, FormatKind, FormatPiece, FormatSpec, parse_format};
pub use parse::{is_incomplete, parse_expr, parse_file};
pub use render::{render, render_json};
pub use span::{FileId, SourceMap, Span};
pub use spelling::Spelling;
pub use symbol::Symbol;
