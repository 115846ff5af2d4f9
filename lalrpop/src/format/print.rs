//! The printer: items to lines.

use super::flat;
use super::lines::{self, hugs};
use super::role::{self, Role};
use super::tree::{File, Group, Kind, Node, Piece, Remark};
use super::{INDENT, WIDTH};
use crate::token::Token;

/// The text of a file.
pub(super) fn print(file: &File<'_>) -> String {
    let mut printer = Printer { out: String::new() };
    if let Some(preamble) = file.preamble {
        printer.out.push_str(preamble);
    }
    printer.statements(&file.pieces, 0, true);
    let length = printer.out.trim_end_matches('\n').len();
    printer.out.truncate(length);
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    printer.out
}

/// The columns of a part of a statement.
#[derive(Clone, Copy)]
struct Margin {
    /// Where brackets that take several lines are closed.
    indent: usize,
    /// The same for blocks of statements, which belong to the head of the statement.
    blocks: usize,
}

impl Margin {
    fn of(&self, node: &Node<'_>) -> usize {
        match node {
            Node::Group(group) if group.kind == Kind::Block => self.blocks,
            _ => self.indent,
        }
    }
}

struct Printer {
    out: String,
}

impl Printer {
    fn newline(&mut self, indent: usize) {
        let length = self.out.trim_end_matches(' ').len();
        self.out.truncate(length);
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn column(&self) -> usize {
        self.out.chars().rev().take_while(|c| *c != '\n').count()
    }

    fn remark(&mut self, remark: &Remark<'_>) {
        for (index, line) in remark.text.lines().enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            self.out.push_str(line.trim_end());
        }
    }

    /// Starts the line of an item, after a blank one if there was one.
    fn start(&mut self, item: &Piece<'_>, is_first: bool, indent: usize) {
        if self.out.is_empty() {
            return;
        }
        if item.gap > 1 && !is_first {
            self.newline(0);
        }
        self.newline(indent);
    }

    /// Statements, one a line. Where the newline ends a statement, its `;` is left out; the last one of a block has
    /// a meaning.
    fn statements(&mut self, items: &[Piece<'_>], indent: usize, top: bool) {
        for (index, item) in items.iter().enumerate() {
            let first = index == 0 && (!top || self.out.is_empty());
            self.start(item, first, indent);
            self.item(item, indent, true);
            if item.separator.is_some() && needs_semicolon(items, index, top) {
                self.out.push(';');
            }
            self.trailing(item);
        }
    }

    fn trailing(&mut self, item: &Piece<'_>) {
        for remark in &item.trailing {
            self.out.push(' ');
            self.remark(remark);
        }
    }

    /// The nodes of an item. With `keep`, line breaks outside brackets stay.
    fn item(&mut self, item: &Piece<'_>, indent: usize, keep: bool) {
        let nodes = &item.nodes;
        let forced =
            nodes.iter().any(|node| matches!(node, Node::Group(g) if g.forced && lines::is_braces(node)));
        let heads = nodes.first().and_then(flat::first).is_some_and(|(token, _)| is_head(token));
        let mut start = 0;
        for end in 1..=nodes.len() {
            let ends = end == nodes.len() || {
                let (before, after) = (&nodes[end - 1], &nodes[end]);
                lines::ends_at_comment(before, after) || (keep && lines::keeps_break(after, forced))
            };
            if !ends {
                continue;
            }
            let at = if start == 0 { indent } else { lines::continued(indent) };
            if start > 0 {
                self.newline(at);
            }
            let blocks = if heads { indent } else { at };
            self.part(&nodes[start..end], Margin { indent: at, blocks }, indent);
            start = end;
        }
    }

    /// Nodes that should be one line. What is broken off goes on below, indented from `base`.
    fn part(&mut self, nodes: &[Node<'_>], margin: Margin, base: usize) {
        let column = self.column();
        let fits = |broken: &dyn Fn(usize) -> bool| lines::fits(nodes, column, margin.indent, broken);
        if fits(&|_| false) {
            return self.plain(nodes, margin, &|_| false);
        }
        if let Some(cut) = lines::value_of_function(nodes)
            && lines::fits(&nodes[..cut], column, margin.indent, &|_| false)
            && lines::fits(&nodes[cut..], lines::continued(base), margin.indent, &|_| false)
        {
            return self.broken_at(nodes, &[cut], margin, base);
        }
        let blocks = |index: usize| lines::is_block(&nodes[index]) && lines::breakable(&nodes[index]);
        if (0..nodes.len()).any(blocks) && fits(&blocks) {
            return self.plain(nodes, margin, &blocks);
        }
        let braces = |index: usize| lines::is_braces(&nodes[index]) && lines::breakable(&nodes[index]);
        if (0..nodes.len()).any(braces) && fits(&braces) {
            return self.plain(nodes, margin, &braces);
        }
        let loosest = lines::loosest(nodes);
        if let Some(level) = loosest.filter(|level| *level < role::TIGHT) {
            return self.broken_at(nodes, &lines::cuts(nodes, level), margin, base);
        }
        let groups: Vec<usize> = (0..nodes.len()).rev().filter(|i| lines::breakable(&nodes[*i])).collect();
        let chain = lines::chain(nodes);
        // In a chain of calls only the last may be broken instead of the chain.
        let likely = if chain.is_empty() { groups.len() } else { 1 };
        if let Some(one) = groups.iter().copied().take(likely).find(|one| fits(&|index| index == *one)) {
            return self.plain(nodes, margin, &|index| index == one);
        }
        if !chain.is_empty() {
            return self.broken_at(nodes, &chain, margin, base);
        }
        if let Some(level) = loosest {
            return self.broken_at(nodes, &lines::cuts(nodes, level), margin, base);
        }
        let last = groups.first().copied();
        self.plain(nodes, margin, &|index| Some(index) == last);
    }

    /// Nodes with a new line at each of `cuts`.
    fn broken_at(&mut self, nodes: &[Node<'_>], cuts: &[usize], margin: Margin, base: usize) {
        let at = lines::continued(base);
        let mut start = 0;
        for end in cuts.iter().copied().chain([nodes.len()]) {
            if start > 0 {
                self.newline(at);
            }
            let indent = if start == 0 { margin.indent } else { at };
            let blocks = if margin.blocks == base { base } else { indent };
            let inner = Margin { indent, blocks };
            if cuts.is_empty() {
                return self.plain(&nodes[start..end], inner, &|_| false);
            }
            self.part(&nodes[start..end], inner, base);
            start = end;
        }
    }

    /// Nodes one after the other; the groups that must, and those that `broken` says, take several lines.
    fn plain(&mut self, nodes: &[Node<'_>], margin: Margin, broken: &dyn Fn(usize) -> bool) {
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 && flat::blank(&nodes[index - 1], node) {
                self.out.push(' ');
            }
            match node {
                Node::Group(group) if group.forced || broken(index) => self.group(group, margin.of(node)),
                Node::Remark(remark) => self.remark(remark),
                _ => flat::node(node, &mut self.out),
            }
        }
    }

    /// A group on several lines, closed at `indent`.
    fn group(&mut self, group: &Group<'_>, indent: usize) {
        self.out.push_str(group.open.text);
        let hugs = hugs(group);
        if hugs {
            self.hugged(group, indent);
        } else {
            for remark in &group.opening {
                self.out.push(' ');
                self.remark(remark);
            }
            let inside = indent + INDENT;
            match group.kind {
                Kind::Block => self.statements(&group.items, inside, false),
                Kind::List => self.list(group, inside, true),
                Kind::Parens | Kind::Brackets if is_table(group) => self.table(group, inside),
                Kind::Parens | Kind::Brackets => self.list(group, inside, false),
            }
            self.newline(indent);
        }
        self.out.push_str(group.close.text);
    }

    /// The items of a group whose last one alone takes several lines.
    fn hugged(&mut self, group: &Group<'_>, indent: usize) {
        let Some((last, others)) = group.items.split_last() else { return };
        for item in others {
            flat::nodes(&item.nodes, &mut self.out);
            self.out.push_str(item.separator.map_or("", flat::text_of));
            self.out.push(' ');
        }
        self.plain(&last.nodes, Margin { indent, blocks: indent }, &|_| false);
        if flat::is_one_tuple(group) {
            self.out.push(',');
        }
    }

    /// Items one a line.
    fn list(&mut self, group: &Group<'_>, indent: usize, keep: bool) {
        let end = group.items.iter().rposition(|item| !item.is_remark());
        for (index, item) in group.items.iter().enumerate() {
            self.start(item, index == 0, indent);
            self.item(item, indent, keep);
            match item.separator {
                Some(Token::Semi)
                    if !needs_semicolon(&group.items, index, true) && group.kind == Kind::List => {}
                Some(separator) => self.out.push_str(flat::text_of(separator)),
                None if Some(index) == end && takes_comma(group, item) => self.out.push(','),
                None => {}
            }
            self.trailing(item);
        }
    }

    /// Numbers and names in rows: those that were written, or as many in a row as fit.
    fn table(&mut self, group: &Group<'_>, indent: usize) {
        for (index, item) in group.items.iter().enumerate() {
            let width = flat::nodes_width(&item.nodes) + 2;
            let row = if group.forced { item.gap > 0 } else { false };
            if index == 0 || row || self.column() + width > WIDTH {
                self.start(item, index == 0, indent);
            } else {
                self.out.push(' ');
            }
            flat::nodes(&item.nodes, &mut self.out);
            self.out.push(',');
        }
    }
}

/// Whether a token starts a statement whose blocks belong to its head.
fn is_head(token: Token) -> bool {
    use Token::*;
    matches!(
        token,
        If | While | For | Loop | AnyLoop | Match | Fn | Pub | Struct | Enum | Trait | Impl | Extern | Unsafe
    )
}

/// Whether the `;` after an item is more than the end of its line.
fn needs_semicolon(items: &[Piece<'_>], index: usize, top: bool) -> bool {
    let token =
        |node: Option<&Node<'_>>, of: fn(&Node<'_>) -> Option<(Token, Role)>| node.and_then(of).map(|t| t.0);
    let ends = token(items[index].nodes.last(), flat::last).is_some_and(Token::can_end_statement);
    let next = items[index + 1..].iter().find(|item| !item.is_remark());
    match next {
        None => !top || !ends,
        Some(next) => !ends || token(next.nodes.first(), flat::first).is_none_or(Token::continues_statement),
    }
}

/// Whether these are many small things in an array, or many numbers; those share lines.
fn is_table(group: &Group<'_>) -> bool {
    let small = |item: &Piece<'_>| {
        item.trailing.is_empty()
            && item.nodes.len() <= 2
            && item.separator != Some(Token::Semi)
            && item.nodes.iter().all(|node| matches!(node, Node::Word(_)))
    };
    let number = |item: &Piece<'_>| {
        let last = item.nodes.last().and_then(flat::last);
        last.is_some_and(|(token, _)| matches!(token, Token::Int | Token::Float))
    };
    group.items.len() > 4
        && group.opening.is_empty()
        && group.items.iter().all(small)
        && (group.kind == Kind::Brackets || group.items.iter().all(number))
}

/// Whether a comma belongs behind the last item of a list that takes several lines.
fn takes_comma(group: &Group<'_>, last: &Piece<'_>) -> bool {
    let items = group.items.iter().filter(|item| !item.is_remark()).count();
    let commas = group.items.iter().any(|item| item.separator == Some(Token::Comma));
    let ends = |token: Token| last.nodes.last().and_then(flat::last).is_some_and(|end| end.0 == token);
    if group.items.iter().any(|item| item.separator == Some(Token::Semi)) || ends(Token::DotDot) {
        return false;
    }
    match (group.kind, group.open.role) {
        (Kind::Block, _) | (_, Role::Index | Role::Receiver) => false,
        (Kind::List, _) => {
            let arm = |node: &Node<'_>| matches!(node, Node::Word(word) if word.token == Token::FatArrow);
            commas && !(ends(Token::RBrace) && last.nodes.iter().any(arm))
        }
        (Kind::Parens, Role::Call) => true,
        (Kind::Parens | Kind::Brackets, _) => items > 1,
    }
}
