//! Tokens and comments as groups in brackets, and groups as items.

use rustc_hash::FxHashSet;

use super::role::{self, Places, Role};
use crate::ast::visit::{self, Visitor};
use crate::ast::{Block, Expr, ExprKind, FnDecl, Item, SourceUnit, Top};
use crate::lexer::{Comment, Lexeme, lex};
use crate::newline::layout;
use crate::spelling::Spelling;
use crate::token::Token;

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub token: Token,
    pub role: Role,
    pub text: &'a str,
    /// Newlines between it and what stands before it.
    pub gap: u32,
}

/// A comment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remark<'a> {
    pub text: &'a str,
    /// Newlines between it and what stands before it.
    pub gap: u32,
}

impl Remark<'_> {
    /// Whether the comment takes the rest of its line.
    pub fn ends_line(&self) -> bool {
        !self.text.starts_with("/*")
    }
}

/// A part of an item.
#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    Word(Word<'a>),
    Remark(Remark<'a>),
    Group(Box<Group<'a>>),
}

impl Node<'_> {
    /// Newlines before it.
    pub fn gap(&self) -> u32 {
        match self {
            Node::Word(word) => word.gap,
            Node::Remark(remark) => remark.gap,
            Node::Group(group) => group.open.gap,
        }
    }
}

/// What a bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Statements, or the members of an implementation.
    Block,
    /// Fields, variants, arms or names in braces.
    List,
    /// Parentheses.
    Parens,
    /// Square brackets.
    Brackets,
}

/// A pair of brackets with its content.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    pub kind: Kind,
    pub open: Word<'a>,
    pub close: Word<'a>,
    /// Comments on the line of the opening bracket.
    pub opening: Vec<Remark<'a>>,
    pub items: Vec<Piece<'a>>,
    /// Whether it must take several lines.
    pub forced: bool,
}

/// A statement, field, argument and so on; or a comment on a line of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece<'a> {
    pub nodes: Vec<Node<'a>>,
    /// The `,` or `;` after it.
    pub separator: Option<Token>,
    /// Comments behind it on its line.
    pub trailing: Vec<Remark<'a>>,
    /// Newlines before it.
    pub gap: u32,
}

impl Piece<'_> {
    /// Whether it is a comment alone.
    pub fn is_remark(&self) -> bool {
        self.nodes.iter().all(|node| matches!(node, Node::Remark(_)))
    }

    fn is_forced(&self) -> bool {
        let remark = |remark: &Remark<'_>| remark.ends_line() || remark.gap > 0 || remark.text.contains('\n');
        !self.trailing.is_empty()
            || self.nodes.iter().any(|node| match node {
                Node::Word(_) => false,
                Node::Remark(r) => remark(r),
                Node::Group(group) => group.forced,
            })
    }
}

/// A file.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// A line for the system that runs the file, `#!…`.
    pub preamble: Option<&'a str>,
    pub pieces: Vec<Piece<'a>>,
}

/// Reads `text`, which parses as `unit`.
pub(super) fn build<'a>(text: &'a str, base: u32, spelling: Spelling, unit: &SourceUnit) -> File<'a> {
    let lexed = lex(text, base, spelling);
    let laid = layout(&lexed.tokens, text, base);
    let mut marks = Marks {
        text,
        base,
        blocks: FxHashSet::default(),
        starts: FxHashSet::default(),
        names: FxHashSet::default(),
        odd: Vec::new(),
    };
    marks.unit(unit);
    let mut tokens: Vec<Lexeme> = Vec::with_capacity(laid.tokens.len() + laid.chunks.len());
    for chunk in &laid.chunks {
        marks.chunk(&laid.tokens[chunk.tokens.clone()], &mut tokens);
        let end = tokens.last().map_or(base, |last| last.hi);
        tokens.push(Lexeme { token: Token::StmtEnd, newline_before: false, lo: end, hi: end });
    }
    let places = Marked { marks: &marks, tokens: &tokens };
    let kinds: Vec<Token> = tokens.iter().map(|t| t.token).collect();
    let roles = role::roles(&kinds, &places);
    let start = preamble(text);
    let mut builder = Builder { text, base, at: start, frames: vec![Frame::new(Kind::Block, None)] };
    let mut comments = lexed.comments.iter().copied().peekable();
    for (index, lexeme) in tokens.iter().enumerate() {
        while let Some(comment) = comments.next_if(|c| c.span.lo < lexeme.lo) {
            builder.remark(comment, lexeme.lo);
        }
        let word = (lexeme.token, roles[index]);
        builder.token(*lexeme, word, places.starts(index), marks.blocks.contains(&lexeme.lo));
    }
    comments.for_each(|comment| builder.remark(comment, base + text.len() as u32));
    let preamble = (start > 0).then(|| text[..start].trim_start_matches('\u{FEFF}').trim_end());
    File { preamble: preamble.filter(|p| !p.is_empty()), pieces: builder.finish() }
}

/// The length of a byte-order mark and a `#!` line.
fn preamble(text: &str) -> usize {
    let mark = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
    if text[mark..].starts_with("#!") {
        return text[mark..].find('\n').map_or(text.len(), |n| mark + n);
    }
    mark
}

/// What the tree says about places in the text; positions of first bytes.
struct Marks<'a> {
    text: &'a str,
    base: u32,
    /// Braces that hold statements.
    blocks: FxHashSet<u32>,
    /// Where statements, members and arms start.
    starts: FxHashSet<u32>,
    /// Where names of functions end.
    names: FxHashSet<u32>,
    /// Names of functions that are more than a word, from their first byte to behind their last.
    odd: Vec<(u32, u32)>,
}

impl Marks<'_> {
    fn unit(&mut self, unit: &SourceUnit) {
        for top in &unit.top {
            self.starts.insert(match top {
                Top::Item(item) => item.span.lo,
                Top::Stmt(stmt) => stmt.span.lo,
            });
        }
        visit::walk_unit(self, unit);
        self.odd.sort_unstable();
    }

    /// Adds the tokens of a chunk but for the newlines inside arms, which end nothing.
    fn chunk(&self, tokens: &[Lexeme], to: &mut Vec<Lexeme>) {
        let mut open = Vec::new();
        for (index, lexeme) in tokens.iter().enumerate() {
            match lexeme.token {
                Token::LBrace => open.push(self.blocks.contains(&lexeme.lo)),
                Token::RBrace => drop(open.pop()),
                Token::StmtEnd if open.last() == Some(&false) => {
                    let next = tokens.get(index + 1);
                    let goes_on = next.is_some_and(|next| {
                        matches!(next.token, Token::Pipe | Token::If) && !self.starts.contains(&next.lo)
                    });
                    let starts = next.is_some_and(|next| next.token == Token::Pipe)
                        && tokens.get(index + 2).is_some_and(|next| self.starts.contains(&next.lo));
                    if goes_on && !starts {
                        continue;
                    }
                }
                _ => {}
            }
            to.push(*lexeme);
        }
    }

    fn members(&mut self, functions: &[FnDecl]) {
        self.starts.extend(functions.iter().map(|f| f.head.lo));
    }
}

impl Visitor for Marks<'_> {
    fn item(&mut self, item: &Item) {
        use crate::ast::ItemKind::*;
        match &item.kind {
            Impl(decl) => self.members(&decl.functions),
            Trait(decl) => self.members(&decl.functions),
            Extern(decl) => self.members(&decl.functions),
            Fn(_) | Struct(_) | Enum(_) | Const(_) | Global(_) | Import(_) => {}
        }
        visit::walk_item(self, item);
    }

    fn function(&mut self, function: &FnDecl) {
        let name = function.name;
        self.names.insert(name.span.hi);
        let written = (name.span.lo - self.base) as usize..(name.span.hi - self.base) as usize;
        if self.text.get(written) != Some(name.name.as_str()) {
            self.odd.push((name.span.lo, name.span.hi));
        }
        visit::walk_function(self, function);
    }

    fn block(&mut self, block: &Block) {
        if block.is_written() {
            self.blocks.insert(block.span.lo);
            self.starts.extend(block.stmts.iter().map(|stmt| stmt.span.lo));
        }
        visit::walk_block(self, block);
    }

    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Match { arms, .. } = &expr.kind {
            self.starts.extend(arms.iter().map(|arm| arm.pattern.span().lo));
        }
        visit::walk_expr(self, expr);
    }
}

/// The marks as the roles want them.
struct Marked<'a> {
    marks: &'a Marks<'a>,
    tokens: &'a [Lexeme],
}

impl Places for Marked<'_> {
    fn starts(&self, index: usize) -> bool {
        let leads = |index: usize| matches!(self.tokens[index].token, Token::Pub | Token::Pipe);
        let marked = |index: usize| self.tokens.get(index).is_some_and(|t| self.marks.starts.contains(&t.lo));
        if index > 0 && leads(index - 1) && marked(index) {
            return false;
        }
        marked(index) || (leads(index) && marked(index + 1))
    }

    fn in_name(&self, index: usize) -> bool {
        let at = self.tokens[index].lo;
        let before = self.marks.odd.partition_point(|(lo, _)| *lo < at);
        before > 0 && at < self.marks.odd[before - 1].1
    }

    fn ends_name(&self, index: usize) -> bool {
        self.marks.names.contains(&self.tokens[index].hi)
    }
}

/// A bracket that is open.
struct Frame<'a> {
    kind: Kind,
    open: Option<Word<'a>>,
    opening: Vec<Remark<'a>>,
    pieces: Vec<Piece<'a>>,
    now: Piece<'a>,
    /// Commas separate items only outside type arguments and the bars of a closure.
    angles: u32,
    bars: bool,
}

impl<'a> Frame<'a> {
    fn new(kind: Kind, open: Option<Word<'a>>) -> Frame<'a> {
        Frame {
            kind,
            open,
            opening: Vec::new(),
            pieces: Vec::new(),
            now: Piece::default(),
            angles: 0,
            bars: false,
        }
    }

    fn push(&mut self, node: Node<'a>) {
        if self.now.nodes.is_empty() {
            self.now.gap = node.gap();
        }
        self.now.nodes.push(node);
    }

    /// Ends the current item. Comments at its end are put behind it or below it.
    fn end(&mut self, separator: Option<Token>) {
        let mut piece = std::mem::take(&mut self.now);
        if piece.nodes.is_empty() {
            // A `;` too many.
            return;
        }
        piece.separator = separator;
        let mut below = Vec::new();
        if !piece.is_remark() {
            while let Some(Node::Remark(remark)) = piece.nodes.pop_if(|node| matches!(node, Node::Remark(_)))
            {
                below.push(remark);
            }
            below.reverse();
            let own = below.iter().position(|remark| remark.gap > 0).unwrap_or(below.len());
            piece.trailing.extend(below.drain(..own));
        }
        self.pieces.push(piece);
        let own = |remark: Remark<'a>| Piece {
            gap: remark.gap,
            nodes: vec![Node::Remark(remark)],
            ..Piece::default()
        };
        self.pieces.extend(below.into_iter().map(own));
    }
}

struct Builder<'a> {
    text: &'a str,
    base: u32,
    /// Offset behind what was read last.
    at: usize,
    frames: Vec<Frame<'a>>,
}

impl<'a> Builder<'a> {
    fn frame(&mut self) -> &mut Frame<'a> {
        if self.frames.is_empty() {
            self.frames.push(Frame::new(Kind::Block, None));
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// The text at a place, and the newlines before it.
    fn take(&mut self, lo: u32, hi: u32) -> (&'a str, u32) {
        let (lo, hi) = ((lo - self.base) as usize, (hi - self.base) as usize);
        let before = self.text.get(self.at..lo).unwrap_or("");
        let gap = before.bytes().filter(|b| *b == b'\n').count() as u32;
        self.at = hi;
        (self.text.get(lo..hi).unwrap_or(""), gap)
    }

    /// A comment; the next token starts at `next`.
    fn remark(&mut self, comment: Comment, next: u32) {
        let first = self.at == 0;
        let (text, gap) = self.take(comment.span.lo, comment.span.hi);
        let remark = Remark { text: text.trim_end(), gap: if first { gap.max(1) } else { gap } };
        // A block comment before something on its line belongs to that.
        let rest = self.text.get(self.at..(next - self.base) as usize).unwrap_or("");
        let alone = remark.ends_line() || rest.contains('\n') || self.at + rest.len() == self.text.len();
        let frame = self.frame();
        if !frame.now.nodes.is_empty() {
            let only_remarks = frame.now.is_remark();
            frame.push(Node::Remark(remark));
            if only_remarks && alone {
                frame.end(None);
            }
        } else if remark.gap > 0 || !alone {
            frame.push(Node::Remark(remark));
            if alone {
                frame.end(None);
            }
        } else if let Some(before) = frame.pieces.last_mut() {
            before.trailing.push(remark);
        } else {
            frame.opening.push(remark);
        }
    }

    fn token(&mut self, lexeme: Lexeme, (token, role): (Token, Role), start: bool, block: bool) {
        if token == Token::StmtEnd {
            return self.frame().end(None);
        }
        let (text, gap) = self.take(lexeme.lo, lexeme.hi);
        let word = Word { token, role, text, gap };
        let frame = self.frame();
        let braces = matches!(frame.kind, Kind::Block | Kind::List);
        if start && braces && !frame.now.is_remark() {
            frame.end(None);
        }
        match token {
            Token::Comma
                if frame.angles == 0 && !frame.bars && frame.open.is_some() && frame.kind != Kind::Block =>
            {
                frame.end(Some(token));
            }
            Token::Semi => frame.end(Some(token)),
            Token::LParen | Token::LBracket | Token::LBrace => {
                let kind = match token {
                    Token::LParen => Kind::Parens,
                    Token::LBracket => Kind::Brackets,
                    _ if block => Kind::Block,
                    _ => Kind::List,
                };
                self.frames.push(Frame::new(kind, Some(word)));
            }
            Token::RParen | Token::RBracket | Token::RBrace => self.close(word),
            _ => {
                match token {
                    Token::LAngle => frame.angles += 1,
                    Token::RAngle => frame.angles = frame.angles.saturating_sub(1),
                    _ => {}
                }
                match role {
                    Role::OpenBar => frame.bars = true,
                    Role::CloseBar => frame.bars = false,
                    _ => {}
                }
                frame.push(Node::Word(word));
            }
        }
    }

    fn close(&mut self, close: Word<'a>) {
        let Some(mut frame) = self.frames.pop() else { return };
        frame.end(None);
        let Some(open) = frame.open else { return };
        let mut group = Group {
            kind: frame.kind,
            open,
            close,
            opening: frame.opening,
            items: frame.pieces,
            forced: false,
        };
        group.forced = is_forced(&group);
        self.frame().push(Node::Group(Box::new(group)));
    }

    fn finish(mut self) -> Vec<Piece<'a>> {
        let mut frame = match self.frames.pop() {
            Some(frame) => frame,
            None => return Vec::new(),
        };
        frame.end(None);
        // Comments behind the byte-order mark, before anything else.
        let own =
            |remark: Remark<'a>| Piece { gap: 1, nodes: vec![Node::Remark(remark)], ..Piece::default() };
        let mut pieces: Vec<Piece<'a>> = frame.opening.into_iter().map(own).collect();
        pieces.append(&mut frame.pieces);
        pieces
    }
}

/// Whether a group must take several lines: it was written so, or holds something that does.
fn is_forced(group: &Group<'_>) -> bool {
    if !group.opening.is_empty() || group.items.iter().any(Piece::is_forced) {
        return true;
    }
    let Some(last) = group.items.last() else { return false };
    match group.kind {
        Kind::Block | Kind::List => {
            let all = group.items.len() - 1;
            let unseparated =
                group.kind == Kind::List && group.items[..all].iter().any(|item| item.separator.is_none());
            unseparated || group.close.gap > 0 || group.items.iter().any(|item| item.gap > 0)
        }
        // A comma before the line of the closing bracket asks for it.
        Kind::Parens | Kind::Brackets => last.separator == Some(Token::Comma) && group.close.gap > 0,
    }
}
