//! Stable text dumps of tokens and of the tree, for people and for tests.
//!
//! A node is its kind, then its parts in parentheses or, when that gets long, on lines of their own. Without
//! positions the dump depends on the tree alone, so the same program prints the same in every spelling.

mod exprs;
mod items;

use std::fmt::Write;

use crate::ast::{SourceUnit, Top};
use crate::lexer::lex;
use crate::newline::layout;
use crate::span::{SourceFile, Span};
use crate::token::Token;

/// Longest line that holds a node with its parts.
const WIDTH: usize = 100;

/// The tokens of a file as the grammar reads them, one in a line: line and column, kind, text.
pub fn print_tokens(file: &SourceFile) -> String {
    let lexed = lex(&file.text, file.base, file.spelling);
    let laid = layout(&lexed.tokens, &file.text, file.base);
    let mut out = String::new();
    for chunk in &laid.chunks {
        for lexeme in &laid.tokens[chunk.tokens.clone()] {
            let at = file.line_col(lexeme.lo);
            let text = &file.text[(lexeme.lo - file.base) as usize..(lexeme.hi - file.base) as usize];
            // Writing to a string cannot fail.
            let _ = write!(out, "{}:{}\t{:?}", at.line, at.column, lexeme.token);
            if lexeme.token != Token::StmtEnd {
                let _ = write!(out, "\t{text}");
            }
            out.push('\n');
        }
        out.push('\n');
    }
    out.truncate(out.trim_end_matches('\n').len());
    out.push('\n');
    out
}

/// The tree of a file. With `positions`, the file it came from, each node shows the line and column of its start.
pub fn print_ast(unit: &SourceUnit, positions: Option<&SourceFile>) -> String {
    let mut out = String::new();
    for top in &unit.top {
        let node = match top {
            Top::Item(item) => items::item(item),
            Top::Stmt(stmt) => exprs::stmt(stmt),
        };
        node.write(&mut out, 0, positions);
    }
    out
}

/// A node of the dump.
struct Node {
    head: String,
    span: Span,
    parts: Vec<Node>,
    /// Length of the one-line form.
    length: usize,
}

impl Node {
    fn new(head: impl Into<String>, span: Span, parts: Vec<Node>) -> Node {
        let head = head.into();
        let inside: usize = parts.iter().map(|p| p.length + 2).sum();
        let length = head.chars().count() + inside;
        Node { head, span, parts, length }
    }

    fn leaf(head: impl Into<String>, span: Span) -> Node {
        Node::new(head, span, Vec::new())
    }

    /// A part that only groups others.
    fn group(head: &str, parts: Vec<Node>) -> Node {
        Node::new(head, Span::NONE, parts)
    }

    fn head(&self, out: &mut String, positions: Option<&SourceFile>) {
        out.push_str(&self.head);
        if let Some(file) = positions.filter(|_| !self.span.is_none()) {
            let at = file.line_col(self.span.lo);
            let _ = write!(out, " @{}:{}", at.line, at.column);
        }
    }

    fn write(&self, out: &mut String, indent: usize, positions: Option<&SourceFile>) {
        out.extend(std::iter::repeat_n(' ', indent));
        if positions.is_none() && indent + self.length <= WIDTH {
            self.write_line(out);
            out.push('\n');
            return;
        }
        self.head(out, positions);
        out.push('\n');
        for part in &self.parts {
            part.write(out, indent + 2, positions);
        }
    }

    fn write_line(&self, out: &mut String) {
        self.head(out, None);
        for (i, part) in self.parts.iter().enumerate() {
            out.push_str(if i == 0 { "(" } else { ", " });
            part.write_line(out);
        }
        if !self.parts.is_empty() {
            out.push(')');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_file;
    use crate::span::SourceMap;
    use crate::spelling::Spelling;

    fn file(text: &str, spelling: Spelling) -> SourceFile {
        let mut map = SourceMap::new();
        let id = map.add("a", None, spelling, text, false).unwrap();
        map.file(id).clone()
    }

    #[test]
    fn tokens_show_place_kind_and_text() {
        let dump = print_tokens(&file("let! a = 1 # c\nI a {\nB\na }", Spelling::Vais));
        let expected = "1:1\tName\tlet\n1:4\tBang\t!\n1:6\tName\ta\n1:8\tEq\t=\n1:10\tInt\t1\n\n\
            2:1\tIf\tI\n2:3\tName\ta\n2:5\tLBrace\t{\n3:1\tBreak\tB\n3:2\tStmtEnd\n4:1\tName\ta\n4:3\tRBrace\t}\n";
        assert_eq!(dump, expected.replace("1:4\tBang", "1:4\tSuffixBang"));
    }

    #[test]
    fn positions_are_shown_on_request() {
        let file = file("fn f(a: i64) {\n  a + 1\n}", Spelling::Vex);
        let (unit, errors) = parse_file(&file.text, file.base, file.spelling);
        assert!(errors.is_empty());
        assert_eq!(print_ast(&unit, None), "fn f(params(a: i64), body(binary +(name a, int 1)))\n");
        let expected = "fn f @1:1\n  params\n    a: i64 @1:6\n  body @1:14\n    binary + @2:3\n      name a @2:3\n      int 1 @2:7\n";
        assert_eq!(print_ast(&unit, Some(&file)), expected);
    }
}
