//! What the grammar wanted, in words: folds sets of terminals into "an expression", "a type" and the like.

use crate::spelling::Spelling;
use crate::spelling_table::words_for;
use crate::token::Token;

/// Terminals that start an expression.
const EXPRESSION: &[&str] = &[
    "name", "builtin", "int", "float", "string", "char", "(", "[", "{", "@", "-", "!", "~", "*", "&", "&&",
    "|", "||", "true", "false", "null", "if", "match", "unsafe", "while", "for", "loop", "anyloop", "return",
    "break", "continue", "defer", "move", "let", "error", "mut",
];

/// Terminals that start a declaration or a binding.
const DECLARATION: &[&str] =
    &["let", "var", "const", "global", "fn", "struct", "enum", "trait", "impl", "extern", "import", "pub"];

/// Terminals that start a pattern.
const PATTERN: &[&str] =
    &["name", "int", "float", "string", "char", "(", "-", "..", "..=", "|", "true", "false", "null", "error"];

/// Terminals that continue an expression.
const OPERATOR: &[&str] = &[
    "(", "[", "{", ".", "::", "..", "..=", "?", "|>", "=", ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=",
    "^=", "<<=", ">>=", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "&&", "||", "==", "!=", "<",
    "<=", ">", ">=", "as", "suffix!", "suffix?", "<types",
];

/// Terminals that start a type.
const TYPE: &[&str] = &["name", "*", "&", "&&", "[", "(", "fn", "!", "builtin"];

/// Terminals that start a bound, or what a type promises.
const BOUND: &[&str] = &["name", "builtin", "[", "(", "!", "fn"];

/// Terminals that end the name of a function that gives an operator its meaning.
const OPERATOR_NAME: &[&str] = &["+", "-", "*", "/", "%", "==", "<=", "[", "suffix!", "<types"];

/// Terminals that continue a pattern; worth a mention only when there is nothing else.
const PATTERN_TAIL: &[&str] = &["(", "{", "..", "..=", "@", "|", "::", ".", "suffix!"];

/// Terminals that continue a type's name; worth a mention only when there is nothing else.
const PATH: &[&str] = &["<types", "::", "."];

/// Terminals that are never worth a mention.
const SILENT: &[&str] = &["start-top", "start-expr", "error", "pub", "mut"];

/// Most alternatives that are listed.
const MOST: usize = 4;

/// The terminals that would have been right at some place.
pub(super) struct Expected<'a> {
    names: Vec<&'a str>,
}

impl<'a> Expected<'a> {
    /// The set from the parser's own list, whose names are in quotes.
    pub(super) fn new(list: &'a [String]) -> Expected<'a> {
        Expected { names: list.iter().map(|n| n.trim_matches('"')).collect() }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Whether any expression would have been right.
    pub(super) fn expression(&self) -> bool {
        self.has("int") && self.has("[")
    }

    /// Whether any pattern would have been right.
    pub(super) fn pattern(&self) -> bool {
        self.has("int") && self.has("name") && !self.has("[")
    }

    /// Whether a statement could have started here.
    pub(super) fn statement(&self) -> bool {
        self.expression() && self.has("let") && self.has("struct")
    }

    /// Whether a bound would have been right.
    fn bound(&self) -> bool {
        !self.has("int") && self.has("builtin") && self.has("name")
    }

    /// Whether what precedes is a pattern.
    fn after_pattern(&self) -> bool {
        !self.operator() && !self.has("int") && self.has("..")
    }

    /// Whether what precedes is a parameter of a closure.
    fn after_closure_parameter(&self) -> bool {
        self.after_pattern() && ["suffix!", ":", "|", ","].iter().all(|name| self.has(name))
    }

    /// Whether what precedes is the name of a function that is declared.
    fn after_function_name(&self) -> bool {
        !self.operator() && self.has("(") && self.has("%")
    }

    /// Whether a function of a type, a trait or an extern block could have started here.
    pub(super) fn member(&self) -> bool {
        self.has("fn") && self.has("}") && !self.has("struct")
    }

    /// Whether any type would have been right.
    pub(super) fn type_(&self) -> bool {
        !self.has("int") && self.has("name") && self.has("*") && self.has("[")
    }

    /// Whether an operator would have been right: what precedes is a whole operand.
    pub(super) fn operator(&self) -> bool {
        !self.has("int") && self.has("+") && self.has("as")
    }

    /// Whether this is the head of an `if` or a loop, whose block may follow. Elsewhere a `{` would start the fields of
    /// a structure literal.
    pub(super) fn head(&self) -> bool {
        self.operator() && self.has("{") && !self.has("=")
    }

    /// Takes out of what is left of the set what fits but is hardly what was meant.
    fn drop_unlikely(&self, rest: &mut Vec<&str>, spelling: Spelling) {
        let drop = |rest: &mut Vec<&str>, unlikely: &[&str]| {
            if rest.iter().any(|n| !unlikely.contains(n)) {
                rest.retain(|n| !unlikely.contains(n));
            }
        };
        if self.has("name") && !self.operator() {
            // A pattern or a parameter: its name is what is missing.
            rest.retain(|n| !matches!(*n, "(" | "&" | "suffix!"));
        }
        if self.expression() {
            // The result type of a closure.
            rest.retain(|n| !matches!(*n, ":" | "->"));
        }
        if self.after_closure_parameter() {
            rest.retain(|n| matches!(*n, "," | "|"));
        } else if self.after_pattern() || (self.has("|") && !self.operator()) {
            drop(rest, PATTERN_TAIL);
        }
        if self.after_function_name() {
            drop(rest, OPERATOR_NAME);
            drop(rest, PATH);
        }
        if self.has(",") && self.has("(") && self.has("{") && !self.operator() {
            // The payload of a variant.
            drop(rest, &["(", "{"]);
        }
        drop(rest, PATH);
        if self.has("in") {
            // Both introduce what a loop runs over; each spelling has its own.
            let other = if words_for(Token::In, spelling).next().is_some() { ":" } else { "in" };
            rest.retain(|n| *n != other);
        }
    }

    /// The set in words: "`,` or `)`". `end`: whether the end of the statement would have been right too.
    /// `binding`: whether a name is what a pattern usually is here.
    pub(super) fn words(&self, spelling: Spelling, end: bool, binding: bool) -> String {
        let mut rest: Vec<&str> = self.names.iter().copied().filter(|n| !SILENT.contains(n)).collect();
        let mut words: Vec<String> = Vec::new();
        let mut fold = |rest: &mut Vec<&str>, group: &[&str], word: &str| {
            rest.retain(|n| !group.contains(n));
            words.push(word.to_owned());
        };
        let operator = self.operator();
        if self.statement() {
            rest.retain(|n| !DECLARATION.contains(n));
            fold(&mut rest, EXPRESSION, "a statement");
        } else if self.expression() {
            fold(&mut rest, EXPRESSION, "an expression");
        } else if self.pattern() {
            fold(&mut rest, PATTERN, if binding { "a name" } else { "a pattern" });
        } else if self.type_() {
            fold(&mut rest, TYPE, "a type");
        } else if self.bound() {
            fold(&mut rest, BOUND, if self.has("<types") { "a type" } else { "a trait" });
            rest.retain(|n| *n != "<types");
        } else if operator {
            rest.retain(|n| !OPERATOR.contains(n) || (self.head() && *n == "{"));
        } else if self.member() {
            rest.retain(|n| *n != "name");
            fold(&mut rest, DECLARATION, "a function");
        }
        let in_arms = self.has("newline") && !self.has(";");
        let separator = rest.iter().any(|n| matches!(*n, "newline" | ";"));
        rest.retain(|n| !matches!(*n, "newline" | ";"));
        if operator && (separator || end) {
            // `name: T = e` and the end of the block are not what was meant.
            rest.retain(|n| !matches!(*n, ":" | "}"));
        }
        if separator && words.is_empty() && rest == ["}"] {
            rest.clear();
        }
        self.drop_unlikely(&mut rest, spelling);
        rest.sort_by_key(|n| matches!(*n, ")" | "]" | "}" | "types>"));
        words.extend(rest.iter().map(|n| word(n, spelling)));
        let ends = end || separator;
        let the_end = if in_arms { "the end of the line" } else { "the end of the statement" };
        if operator && words.is_empty() && !ends {
            words.push("an operator".to_owned());
        } else if ends && (words.is_empty() || operator) {
            words.push(the_end.to_owned());
        }
        words.dedup();
        words.truncate(MOST);
        match words.split_last() {
            // What was read is a whole declaration or statement.
            None if self.names.is_empty() => "the end of the statement".to_owned(),
            None => "something else".to_owned(),
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
        }
    }
}

/// One terminal in words.
fn word(name: &str, spelling: Spelling) -> String {
    let keyword = match name {
        "name" => return "a name".to_owned(),
        "string" => return "a string".to_owned(),
        "int" => return "a number".to_owned(),
        "<types" => return "`<`".to_owned(),
        "types>" => return "`>`".to_owned(),
        "suffix!" => return "`!`".to_owned(),
        "builtin" => return "a builtin such as `$Drop`".to_owned(),
        "elif" => Token::Elif,
        "else" => Token::Else,
        "if" => Token::If,
        "fn" => Token::Fn,
        "in" => Token::In,
        "for" => Token::For,
        "match" => Token::Match,
        "enum" => Token::Enum,
        "trait" => Token::Trait,
        "suffix?" => return "`?`".to_owned(),
        "char" => return "a character".to_owned(),
        "let" => Token::Let,
        "impl" => Token::Impl,
        _ => return format!("`{name}`"),
    };
    format!("`{}`", words_for(keyword, spelling).next().unwrap_or(name))
}
