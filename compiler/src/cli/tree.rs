//! Prints the typed tree from its `Debug` text: indented, without places in the source, parts that fit on a line on
//! one line.
//!
//! Working on the text means that there is no printer to update when the tree grows.

/// Columns a part may take to stay on one line.
const WIDTH: usize = 100;

/// A part of a node: its field's name, if it has one, and itself.
type Part<'a> = (Option<&'a str>, Node<'a>);

/// A node of the tree.
enum Node<'a> {
    /// A number, a string, a name without parts.
    Leaf(String),
    /// `Name { field: part, … }`, `Name(part, …)`, `[part, …]`, each with its type after it when it has one.
    Group { name: &'a str, open: char, parts: Vec<Part<'a>>, ty: Option<String> },
}

/// Turns `debug`, the `{:?}` text of a value, into lines. `shorten` may give the text of a group by its name and the
/// text of its only part, such as that of `Ty(3)`.
pub(super) fn print(debug: &str, shorten: &dyn Fn(&str, &str) -> Option<String>) -> String {
    let mut parser = Parser { text: debug, at: 0, shorten };
    let mut out = String::new();
    if let Some(node) = parser.node() {
        write(&node, 0, "", &mut out);
    }
    out
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    shorten: &'a dyn Fn(&str, &str) -> Option<String>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a sign if it is next.
    fn take(&mut self, sign: char) -> bool {
        self.spaces();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    /// The next node; `None` for one that is not worth showing.
    fn node(&mut self) -> Option<Node<'a>> {
        self.spaces();
        if let Some(quote @ ('"' | '\'')) = self.rest().chars().next() {
            return Some(Node::Leaf(self.quoted(quote).to_owned()));
        }
        let word = self.word();
        for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
            if self.take(open) {
                let parts = self.parts(close);
                return self.group(word, open, parts);
            }
        }
        (word != "None").then(|| Node::Leaf(word.to_owned()))
    }

    /// A name or number, up to the next sign.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find([' ', ',', '(', ')', '[', ']', '{', '}', ':']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A string or character with its quotes and escapes.
    fn quoted(&mut self, quote: char) -> &'a str {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|&(_, c)| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let text = &rest[..end.map_or(rest.len(), |(at, _)| at + 1)];
        self.at += text.len();
        text
    }

    /// The parts up to the closing bracket, each with its field name where it has one.
    fn parts(&mut self, close: char) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        while !self.take(close) && !self.rest().is_empty() {
            let field = if close == '}' { self.field() } else { None };
            if let Some(node) = self.node()
                && !hidden(field, &node)
            {
                parts.push((field, node));
            }
            self.take(',');
        }
        parts
    }

    /// `name:` of a field.
    fn field(&mut self) -> Option<&'a str> {
        self.spaces();
        let start = self.at;
        let name = self.word();
        if self.take(':') {
            return Some(name);
        }
        self.at = start;
        None
    }

    /// The node made of a name and parts, unless it says nothing.
    fn group(&self, name: &'a str, open: char, mut parts: Vec<Part<'a>>) -> Option<Node<'a>> {
        if name == "Span" {
            return None;
        }
        if let [(_, Node::Leaf(only))] = parts.as_slice()
            && let Some(text) = (self.shorten)(name, only)
        {
            return Some(Node::Leaf(text));
        }
        // Wrappers without a meaning of their own: what is inside says it all.
        let named = |(field, _): &Part<'_>, wanted: &str| *field == Some(wanted);
        match (name, parts.as_mut_slice()) {
            ("Some" | "Symbol" | "Expr" | "Stmt", [_]) => parts.pop().map(|(_, part)| part),
            ("Block", [(None, Node::Group { name: "Block", .. })]) => parts.pop().map(|(_, part)| part),
            ("Expr", [kind, ty]) if named(kind, "kind") && named(ty, "ty") => {
                let (ty, kind) = (parts.pop()?.1, parts.pop()?.1);
                Some(typed(kind, ty))
            }
            _ => Some(Node::Group { name, open, parts, ty: None }),
        }
    }
}

/// An expression with its type; that of an expression without a value is not worth showing.
fn typed<'a>(kind: Node<'a>, ty: Node<'a>) -> Node<'a> {
    let Node::Leaf(shown) = ty else { return kind };
    match kind {
        _ if shown == "()" => kind,
        Node::Leaf(text) => Node::Leaf(format!("{text}: {shown}")),
        Node::Group { name, open, parts, .. } => Node::Group { name, open, parts, ty: Some(shown) },
    }
}

/// Whether a part says nothing: an empty list or text, or bookkeeping.
fn hidden(field: Option<&str>, node: &Node<'_>) -> bool {
    match node {
        Node::Leaf(text) => text == "false" && field.is_some(),
        Node::Group { name: "", open: '[', parts, .. } => parts.is_empty() && field.is_some(),
        Node::Group { .. } => false,
    }
}

/// Writes a node at an indentation, after `label`.
fn write(node: &Node<'_>, indent: usize, label: &str, out: &mut String) {
    let start = out.len();
    out.extend(std::iter::repeat_n(' ', indent));
    out.push_str(label);
    if inline(node, out, start + WIDTH) {
        out.push('\n');
        return;
    }
    out.truncate(start + indent + label.len());
    let Node::Group { name, open, parts, ty } = node else { return };
    match (*name, *open) {
        ("", '[') => out.push_str("list"),
        ("", _) => out.push_str("tuple"),
        (name, _) => out.push_str(name),
    }
    write_type(ty.as_deref(), out);
    out.push('\n');
    for (field, part) in parts {
        let label = field.map(|field| format!("{field}: ")).unwrap_or_default();
        write(part, indent + 2, &label, out);
    }
}

/// Writes a node on the current line; false, with a part of it written, when it would end beyond `limit`. A leaf
/// has no other place, so it always fits.
fn inline(node: &Node<'_>, out: &mut String, limit: usize) -> bool {
    match node {
        Node::Leaf(text) => {
            out.push_str(text);
            true
        }
        Node::Group { name, open, parts, ty } => {
            let (before, after) = match open {
                '{' => (" { ", " }"),
                '(' => ("(", ")"),
                _ => ("[", "]"),
            };
            out.push_str(name);
            out.push_str(before);
            for (index, (field, part)) in parts.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                if let Some(field) = field {
                    out.push_str(field);
                    out.push_str(": ");
                }
                if !inline(part, out, limit) || out.len() > limit {
                    return false;
                }
            }
            out.push_str(after);
            write_type(ty.as_deref(), out);
            out.len() <= limit
        }
    }
}

/// `: type` after an expression.
fn write_type(ty: Option<&str>, out: &mut String) {
    if let Some(ty) = ty {
        out.push_str(": ");
        out.push_str(ty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(debug: &str) -> String {
        print(debug, &|_, _| None)
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let span = "span: Span { lo: 1, hi: 2 }";
        let debug = format!(
            "Let {{ init: Some(Expr {{ kind: Int(5), ty: i64, {span} }}), args: [], flag: false, none: None, {span} }}"
        );
        assert_eq!(plain(&debug), "Let { init: Int(5): i64 }\n");
        let debug = format!("Stmt {{ kind: Expr(Expr {{ kind: Unit, ty: (), {span} }}), {span} }}");
        assert_eq!(plain(&debug), "Unit\n");
    }

    #[test]
    fn long_parts_are_indented() {
        let item = "Item { text: \"a, b) \\\" {\", number: -1.5 }";
        let debug = format!("Unit {{ top: [{item}, {item}, {item}], rest: (1, Two) }}");
        let shown = "Item { text: \"a, b) \\\" {\", number: -1.5 }";
        let expected =
            format!("Unit\n  top: list\n    {shown}\n    {shown}\n    {shown}\n  rest: (1, Two)\n");
        assert_eq!(plain(&debug), expected);
    }

    #[test]
    fn groups_can_be_shortened() {
        let types = |name: &str, part: &str| (name == "Ty" && part == "3").then(|| "i64".to_owned());
        assert_eq!(print("Local { ty: Ty(3), other: Ty(4) }", &types), "Local { ty: i64, other: Ty(4) }\n");
    }
}
