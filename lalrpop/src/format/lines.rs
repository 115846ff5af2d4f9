//! Where the lines of a statement end.

use super::flat;
use super::role::{self, Role};
use super::tree::{Group, Kind, Node};
use super::{INDENT, WIDTH};
use crate::token::Token;

/// Whether a group is written around a last item that takes several lines, `f(a, |b| {` … `})`.
pub(super) fn hugs(group: &Group<'_>) -> bool {
    let Some((last, others)) = group.items.split_last() else { return false };
    let magic = last.separator == Some(Token::Comma) && group.close.gap > 0;
    if !matches!(group.kind, Kind::Parens | Kind::Brackets)
        || !group.forced
        || !group.opening.is_empty()
        || magic
    {
        return false;
    }
    let flat = |node: &Node<'_>| match node {
        Node::Word(_) => true,
        Node::Remark(remark) => !remark.ends_line() && remark.gap == 0 && !remark.text.contains('\n'),
        Node::Group(group) => !group.forced,
    };
    let Some((end, start)) = last.nodes.split_last() else { return false };
    others.iter().all(|item| item.trailing.is_empty() && !item.is_remark() && item.nodes.iter().all(flat))
        && last.trailing.is_empty()
        && start.iter().all(flat)
        && matches!(end, Node::Group(group) if group.forced)
}

/// Columns of a forced group up to its first line end.
fn head(group: &Group<'_>) -> usize {
    let Some((last, others)) = group.items.split_last().filter(|_| hugs(group)) else { return 1 };
    let before: usize = others.iter().map(|item| flat::nodes_width(&item.nodes) + 2).sum();
    let Some((Node::Group(inner), start)) = last.nodes.split_last() else { return 1 };
    1 + before + flat::nodes_width(start) + 1 + head(inner)
}

/// Columns of a forced group after its last line start.
fn tail(group: &Group<'_>) -> usize {
    match group.items.last().and_then(|last| last.nodes.last()) {
        Some(Node::Group(inner)) if hugs(group) => 1 + tail(inner),
        _ => 1,
    }
}

/// Whether nodes that start in `column` keep within the width when the groups that must, and those that `broken` says,
/// take several lines, which end at `indent`.
pub(super) fn fits(nodes: &[Node<'_>], column: usize, indent: usize, broken: &dyn Fn(usize) -> bool) -> bool {
    let mut at = column;
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 && flat::blank(&nodes[index - 1], node) {
            at += 1;
        }
        match node {
            Node::Word(word) if word.text.contains('\n') => {
                // A text over several lines stays where it is written.
                let (first, last) = flat::ends_of_lines(word.text);
                if at + first > WIDTH {
                    return false;
                }
                at = last;
            }
            Node::Word(word) => at += word.text.chars().count(),
            Node::Remark(remark) => at += remark.text.lines().last().unwrap_or("").chars().count(),
            Node::Group(group) if group.forced => {
                if at + head(group) > WIDTH {
                    return false;
                }
                at = indent + tail(group);
            }
            Node::Group(_) if broken(index) => {
                if at + 1 > WIDTH {
                    return false;
                }
                at = indent + 1;
            }
            Node::Group(group) => at = flat::end(group, at),
        }
    }
    at <= WIDTH
}

/// Whether a group that fits no line can be broken to some effect.
pub(super) fn breakable(node: &Node<'_>) -> bool {
    let Node::Group(group) = node else { return false };
    let single =
        matches!(group.items.as_slice(), [only] if only.nodes.len() == 1 && !is_group(&only.nodes[0]));
    let braces = matches!(group.kind, Kind::Block | Kind::List);
    !group.forced && !group.items.is_empty() && group.open.role != Role::Receiver && (braces || !single)
}

fn is_group(node: &Node<'_>) -> bool {
    matches!(node, Node::Group(_))
}

/// Whether this is a group in braces.
pub(super) fn is_braces(node: &Node<'_>) -> bool {
    matches!(node, Node::Group(group) if matches!(group.kind, Kind::Block | Kind::List))
}

/// Whether this is a block of statements.
pub(super) fn is_block(node: &Node<'_>) -> bool {
    matches!(node, Node::Group(group) if group.kind == Kind::Block)
}

/// The loosest operators outside brackets.
pub(super) fn loosest(nodes: &[Node<'_>]) -> Option<u8> {
    nodes.iter().enumerate().filter_map(|(index, node)| operator(node).filter(|_| index > 0)).min()
}

/// The level of an operator.
fn operator(node: &Node<'_>) -> Option<u8> {
    let Node::Word(word) = node else { return None };
    match word.role {
        Role::Infix(level) if level < u8::MAX => Some(level),
        Role::Choice => Some(role::CHOICE),
        _ => None,
    }
}

/// Where lines start when the nodes are broken at the operators of a level. An operator that would start a statement at
/// the start of a line ends the line before.
pub(super) fn cuts(nodes: &[Node<'_>], level: u8) -> Vec<usize> {
    let at = |(index, node): (usize, &Node<'_>)| {
        let Node::Word(word) = node else { return None };
        if index == 0 || operator(node) != Some(level) {
            return None;
        }
        Some(if word.token.continues_statement() { index } else { index + 1 })
    };
    nodes.iter().enumerate().filter_map(at).filter(|cut| *cut < nodes.len()).collect()
}

/// Where lines start when a chain of calls is broken before its dots; empty when there are fewer than two.
pub(super) fn chain(nodes: &[Node<'_>]) -> Vec<usize> {
    let dot = |node: &Node<'_>| matches!(node, Node::Word(word) if word.token == Token::Dot);
    let call =
        |node: Option<&Node<'_>>| matches!(node, Some(Node::Group(group)) if group.open.role == Role::Call);
    let named = |index: usize| (index + 2..(index + 4).min(nodes.len() + 1)).any(|at| call(nodes.get(at)));
    let cuts: Vec<usize> = (1..nodes.len()).filter(|index| dot(&nodes[*index]) && named(*index)).collect();
    if cuts.len() < 2 { Vec::new() } else { cuts }
}

/// Where the value of a function starts that has one in place of a body.
pub(super) fn value_of_function(nodes: &[Node<'_>]) -> Option<usize> {
    let token = |node: &Node<'_>| flat::first(node).map(|(token, _)| token);
    let declares = |node: &Node<'_>| matches!(node, Node::Word(word) if word.role == Role::Declares);
    if !nodes.iter().take(2).any(declares) {
        return None;
    }
    nodes
        .iter()
        .position(|node| token(node) == Some(Token::Eq))
        .map(|at| at + 1)
        .filter(|at| *at < nodes.len())
}

/// Whether the line was broken here where it may stay broken.
pub(super) fn keeps_break(after: &Node<'_>, forced_blocks: bool) -> bool {
    if after.gap() == 0 || is_braces(after) {
        return false;
    }
    match flat::first(after) {
        Some((Token::Else | Token::Elif, _)) => !forced_blocks,
        _ => true,
    }
}

/// Whether a line must end here because of a comment.
pub(super) fn ends_at_comment(before: &Node<'_>, after: &Node<'_>) -> bool {
    match (before, after) {
        (Node::Remark(remark), _) if remark.ends_line() => true,
        (_, Node::Remark(remark)) if remark.gap > 0 => true,
        (Node::Remark(remark), after) => remark.gap > 0 && after.gap() > 0,
        _ => false,
    }
}

/// The column of what a statement goes on with on another line.
pub(super) fn continued(indent: usize) -> usize {
    indent + INDENT
}
