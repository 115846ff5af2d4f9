//! Programs in another spelling.
//!
//! A translation is a list of edits to the text, so comments and names stay as they are; the formatter lays the result
//! out. Words are exchanged token by token ([`words`]), statements and declarations that differ in form node by node
//! ([`forms`], [`values`]). What a default of the spelling decides without being written is written out: the type
//! checker says where ([`Uses`]).

mod edits;
mod forms;
mod names;
mod output;
mod uses;
mod values;
mod words;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ast::visit::Visitor;
use crate::ast::{SourceUnit, Top};
use crate::lexer::{Comment, Lexeme, lex};
use crate::span::Span;
use crate::spelling::Spelling;
use crate::spelling_table::words_for;
use crate::symbol::Symbol;
use crate::token::Token;

use edits::Edits;
pub use uses::{TraitRefs, Uses};

/// A program that is to be translated. It has been parsed and checked without errors.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// Its text.
    pub text: &'a str,
    /// The position of its first byte.
    pub base: u32,
    /// How it is spelled.
    pub spelling: Spelling,
    /// Its tree.
    pub unit: &'a SourceUnit,
    /// Where defaults of its spelling decide what happens.
    pub uses: &'a Uses,
    /// Which references the functions of traits from other modules take.
    pub traits: &'a TraitRefs,
}

/// A program in another spelling, not yet formatted.
#[derive(Clone, Debug)]
pub struct Translation {
    /// Its text.
    pub text: String,
    /// Names that are words of the new spelling, and what they are called instead.
    pub renamed: Vec<(String, String)>,
}

/// Something that the other spelling has no form for.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Where it is.
    pub span: Span,
    /// What it is, in one sentence.
    pub title: String,
    /// What to do about it.
    pub help: String,
}

/// Writes a program in the spelling `to`.
///
/// # Errors
///
/// What the other spelling has no form for.
pub fn translate(original: &Original<'_>, to: Spelling) -> Result<Translation, Vec<Problem>> {
    let lexed = lex(original.text, original.base, original.spelling);
    let mut rewriter = Rewriter {
        text: original.text,
        base: original.base,
        from: original.spelling,
        to,
        tokens: lexed.tokens,
        comments: lexed.comments,
        edits: Edits::default(),
        done: FxHashSet::default(),
        wrapped: FxHashSet::default(),
        uses: Sets::new(original.uses),
        traits: original.traits,
        renames: FxHashMap::default(),
        problems: Vec::new(),
        tight: false,
        keep_references: false,
        contracts: FxHashMap::default(),
        read_only: FxHashSet::default(),
    };
    rewriter.names(original.unit);
    rewriter.contracts(original.unit);
    for top in &original.unit.top {
        match top {
            Top::Item(item) => rewriter.item(item),
            Top::Stmt(stmt) => rewriter.stmt(stmt),
        }
    }
    rewriter.raw_operations(&original.uses.raw);
    rewriter.words();
    rewriter.comments();
    if !rewriter.problems.is_empty() {
        return Err(rewriter.problems);
    }
    let mut renamed: Vec<(String, String)> =
        rewriter.renames.iter().map(|(old, new)| (old.to_string(), new.clone())).collect();
    renamed.sort();
    Ok(Translation { text: rewriter.edits.apply(original.text, original.base), renamed })
}

/// The uses as sets.
struct Sets {
    printed_bools: FxHashSet<Span>,
    printed_with_bools: FxHashSet<Span>,
    tested: FxHashSet<Span>,
    negated: FxHashSet<Span>,
    changed: FxHashSet<Span>,
    read_only_borrows: FxHashSet<Span>,
    c_calls: FxHashSet<Span>,
}

impl Sets {
    fn new(uses: &Uses) -> Sets {
        let set = |spans: &[Span]| spans.iter().copied().collect();
        Sets {
            printed_bools: set(&uses.printed_bools),
            printed_with_bools: set(&uses.printed_with_bools),
            tested: set(&uses.tested),
            negated: set(&uses.negated),
            changed: set(&uses.changed),
            read_only_borrows: set(&uses.read_only_borrows),
            c_calls: set(&uses.c_calls),
        }
    }
}

struct Rewriter<'a> {
    text: &'a str,
    base: u32,
    from: Spelling,
    to: Spelling,
    /// The tokens in order, those inside format strings after their string.
    tokens: Vec<Lexeme>,
    comments: Vec<Comment>,
    edits: Edits,
    /// First bytes of the tokens that are dealt with.
    done: FxHashSet<u32>,
    /// What got something around it, and what.
    wrapped: FxHashSet<(Span, &'static str)>,
    uses: Sets,
    traits: &'a TraitRefs,
    renames: FxHashMap<Symbol, String>,
    problems: Vec<Problem>,
    /// Whether the expression at hand is an operand of what binds tighter than `as`.
    tight: bool,
    /// Whether references are as a trait of another module has them.
    keep_references: bool,
    /// Which traits the types have, by their names.
    contracts: FxHashMap<String, Vec<String>>,
    /// References that a trait of another module wants read-only.
    read_only: FxHashSet<Symbol>,
}

impl<'a> Rewriter<'a> {
    /// How the new spelling writes a keyword.
    fn word(&self, token: Token) -> &'static str {
        words_for(token, self.to).next().unwrap_or_default()
    }

    fn slice(&self, lo: u32, hi: u32) -> &'a str {
        self.text.get((lo - self.base) as usize..(hi - self.base) as usize).unwrap_or("")
    }

    /// Index of the first token that starts at `lo` or later.
    fn index(&self, lo: u32) -> usize {
        self.tokens.partition_point(|token| token.lo < lo)
    }

    /// The tokens between two places.
    fn between(&self, lo: u32, hi: u32) -> Vec<Lexeme> {
        self.tokens[self.index(lo)..].iter().copied().take_while(|token| token.lo < hi).collect()
    }

    /// The token that starts at `lo`, if it is this one.
    fn token_at(&self, lo: u32, token: Token) -> Option<Lexeme> {
        self.tokens.get(self.index(lo)).copied().filter(|found| found.lo == lo && found.token == token)
    }

    fn replace(&mut self, token: Lexeme, text: impl Into<String>) {
        self.done.insert(token.lo);
        self.edits.replace(token.lo, token.hi, text.into());
    }

    fn problem(&mut self, span: Span, title: impl Into<String>, help: &str) {
        self.problems.push(Problem { span, title: title.into(), help: help.to_owned() });
    }

    /// Whether a default is that of `.vais` in the old spelling and not in the new one.
    fn leaves_vais(&self) -> bool {
        self.from == Spelling::Vais && self.to != Spelling::Vais
    }

    /// Whether a default becomes that of `.vais`.
    fn enters_vais(&self) -> bool {
        self.from != Spelling::Vais && self.to == Spelling::Vais
    }
}
