//! Nodes on one line: their text and how wide it is.

use super::role::{self, Role};
use super::tree::{Group, Kind, Node, Piece};
use crate::token::Token;

/// The token a node starts with.
pub(super) fn first(node: &Node<'_>) -> Option<(Token, Role)> {
    match node {
        Node::Word(word) => Some((word.token, word.role)),
        Node::Group(group) => Some((group.open.token, group.open.role)),
        Node::Remark(_) => None,
    }
}

/// The token a node ends with.
pub(super) fn last(node: &Node<'_>) -> Option<(Token, Role)> {
    match node {
        Node::Group(group) => Some((group.close.token, Role::Plain)),
        _ => first(node),
    }
}

/// Whether a blank stands between two nodes of a line.
pub(super) fn blank(before: &Node<'_>, after: &Node<'_>) -> bool {
    match (last(before), first(after)) {
        (Some(before), Some(after)) => role::blank(before, after),
        _ => true,
    }
}

/// The nodes on one line.
pub(super) fn nodes(nodes: &[Node<'_>], out: &mut String) {
    for (index, one) in nodes.iter().enumerate() {
        if index > 0 && blank(&nodes[index - 1], one) {
            out.push(' ');
        }
        node(one, out);
    }
}

/// One node on one line.
pub(super) fn node(node: &Node<'_>, out: &mut String) {
    match node {
        Node::Word(word) => out.push_str(word.text),
        Node::Remark(remark) => out.push_str(remark.text),
        Node::Group(one) => group(one, out),
    }
}

/// A group with its brackets on one line.
pub(super) fn group(group: &Group<'_>, out: &mut String) {
    out.push_str(group.open.text);
    let braces = matches!(group.kind, Kind::Block | Kind::List);
    if braces {
        out.push(' ');
    }
    for (index, item) in group.items.iter().enumerate() {
        nodes(&item.nodes, out);
        let is_last = index + 1 == group.items.len();
        match item.separator {
            Some(Token::Comma) if is_last && !is_one_tuple(group) => {}
            // Only behind the last statement it means something.
            Some(Token::Semi) if is_last && group.kind == Kind::List => {}
            Some(separator) => out.push_str(text_of(separator)),
            None => {}
        }
        if !is_last || braces {
            out.push(' ');
        }
    }
    out.push_str(group.close.text);
}

/// Whether the comma before the closing bracket says that this is a tuple.
pub(super) fn is_one_tuple(group: &Group<'_>) -> bool {
    group.kind == Kind::Parens
        && group.open.role == Role::Plain
        && matches!(group.items.as_slice(), [Piece { separator: Some(Token::Comma), .. }])
}

/// How a separator is written.
pub(super) fn text_of(separator: Token) -> &'static str {
    if separator == Token::Comma { "," } else { ";" }
}

/// Columns of the first line of a text that has several, and of its last one.
pub(super) fn ends_of_lines(text: &str) -> (usize, usize) {
    let columns = |line: Option<&str>| line.unwrap_or("").chars().count();
    (columns(text.split('\n').next()), columns(text.rsplit('\n').next()))
}

/// The column in which a group ends that starts in column `at`. It may hold texts over several lines; where the line of
/// its start gets too long, the result is the end of that.
pub(super) fn end(one: &Group<'_>, at: usize) -> usize {
    let mut text = String::new();
    group(one, &mut text);
    let (first, last) = ends_of_lines(&text);
    if at + first > super::WIDTH || !text.contains('\n') { at + first } else { last }
}

/// Columns of some nodes on one line.
pub(super) fn nodes_width(some: &[Node<'_>]) -> usize {
    let mut text = String::new();
    nodes(some, &mut text);
    text.chars().count()
}
