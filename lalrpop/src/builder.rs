//! What the grammar's actions call: makes tree nodes, keeps their depth within bounds, reports what the grammar
//! lets through but the language does not. Declarations and types are in `builder/`.

mod declarations;
mod patterns;
mod types;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::ast::*;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::span::Span;
use crate::spelling::Spelling;
use crate::spelling_table::contextual;
use crate::symbol::Symbol;
use crate::token::Token;

pub use crate::operators::{Chain, ChainOp};
pub use declarations::{AngleItem, RawParam};

/// Most errors reported for one file.
const MOST_ERRORS: usize = 500;

/// What a run of the grammar yields.
#[derive(Debug)]
pub enum Parsed {
    /// The statements and declarations of a chunk.
    Top(Vec<Deep<Stmt>>),
    /// A lone expression.
    Expr(Expr),
}

/// A node without a depth of its own, with the depth of the tree below it.
#[derive(Clone, Debug)]
pub struct Deep<T> {
    /// The node.
    pub node: T,
    /// Nesting depth.
    pub depth: u32,
}

impl<T> Deep<T> {
    /// Wraps `node`.
    pub fn new(node: T, depth: u32) -> Deep<T> {
        Deep { node, depth }
    }

    /// Parts `items` into the nodes and the depth of the deepest.
    pub fn part(items: Vec<Deep<T>>) -> (Vec<T>, u32) {
        let depth = items.iter().map(|i| i.depth).max().unwrap_or(0);
        (items.into_iter().map(|i| i.node).collect(), depth)
    }
}

/// The items between brackets, and whether a comma follows the last.
#[derive(Debug)]
pub struct Items<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether the list ends with a comma.
    pub trailing_comma: bool,
}

impl<T> Items<T> {
    /// The list of `items`.
    pub fn new(items: Vec<T>, trailing_comma: bool) -> Items<T> {
        Items { items, trailing_comma }
    }
}

impl<T> Default for Items<T> {
    fn default() -> Items<T> {
        Items::new(Vec::new(), false)
    }
}

/// The statements of a block while it is read.
#[derive(Debug)]
pub struct StmtList {
    stmts: Vec<Stmt>,
    semicolon: bool,
    depth: u32,
}

impl StmtList {
    /// Adds a statement; `semicolon`: whether a `;` follows it.
    #[expect(clippy::boxed_local, reason = "the parser holds statements boxed, to keep its symbols small")]
    pub fn push(&mut self, cx: &Builder<'_>, stmt: Box<Deep<Stmt>>, semicolon: bool) {
        let Deep { node, depth } = *stmt;
        if let StmtKind::Item(item) = &node.kind {
            cx.check_local_item(item);
        }
        self.depth = self.depth.max(depth);
        self.semicolon = semicolon;
        self.stmts.push(node);
    }

    /// The block of these statements, with its braces at `l..r`.
    pub fn block(mut self, cx: &Builder<'_>, l: u32, r: u32) -> Deep<Block> {
        // Moved to an allocation of just the right size; the roomy one is used again.
        let stmts = self.stmts.drain(..).collect();
        cx.spare.borrow_mut().push(self.stmts);
        let block = Block { stmts, ends_with_semicolon: self.semicolon, span: Span::new(l, r) };
        Deep::new(block, self.depth)
    }
}

/// The state of the grammar's actions for one file.
#[derive(Debug)]
pub struct Builder<'s> {
    text: &'s str,
    base: u32,
    spelling: Spelling,
    docs: &'s [(u32, String)],
    self_name: Symbol,
    wild: Symbol,
    /// Empty lists for the statements of the next blocks.
    spare: RefCell<Vec<Vec<Stmt>>>,
    /// What has been reported.
    pub diagnostics: RefCell<Vec<Diagnostic>>,
    /// Whether the current chunk was reported as too deep.
    pub too_deep: Cell<bool>,
}

impl<'s> Builder<'s> {
    /// A builder for `text`, which starts at position `base`; `docs` as the lexer found them.
    pub fn new(text: &'s str, base: u32, spelling: Spelling, docs: &'s [(u32, String)]) -> Builder<'s> {
        Builder {
            text,
            base,
            spelling,
            docs,
            self_name: Symbol::new(contextual::SELF),
            wild: Symbol::new(contextual::WILD),
            spare: RefCell::default(),
            diagnostics: RefCell::default(),
            too_deep: Cell::new(false),
        }
    }

    /// Reports a problem.
    pub fn report(&self, diagnostic: Diagnostic) {
        let mut diagnostics = self.diagnostics.borrow_mut();
        if diagnostics.len() < MOST_ERRORS {
            diagnostics.push(diagnostic);
        }
    }

    /// The list for the statements of a block.
    pub fn stmts(&self) -> StmtList {
        let stmts = self.spare.borrow_mut().pop().unwrap_or_default();
        StmtList { stmts, semicolon: false, depth: 0 }
    }

    /// The span `lo..hi`.
    pub fn span(&self, lo: u32, hi: u32) -> Span {
        Span::new(lo, hi)
    }

    /// The text at a span of this file.
    pub fn text_of(&self, span: Span) -> &'s str {
        self.slice(span.lo, span.hi)
    }

    /// Whether nothing but blanks follows the position.
    pub fn is_end(&self, at: u32) -> bool {
        let rest = self.text.get(at.saturating_sub(self.base) as usize..).unwrap_or("");
        rest.trim_start().is_empty()
    }

    fn slice(&self, lo: u32, hi: u32) -> &'s str {
        let (lo, hi) = (lo.saturating_sub(self.base) as usize, hi.saturating_sub(self.base) as usize);
        self.text.get(lo..hi).unwrap_or("")
    }

    fn doc(&self, lo: u32) -> String {
        match self.docs.binary_search_by_key(&lo, |d| d.0) {
            Ok(found) => self.docs[found].1.clone(),
            Err(_) => String::new(),
        }
    }

    /// The node `kind` above children of depth `below`; an error node when that nests too deep.
    pub fn node(&self, kind: ExprKind, span: Span, below: u32) -> Expr {
        if below < MAX_DEPTH {
            return Expr { kind, span, depth: below + 1 };
        }
        self.report_too_deep(span);
        Expr { kind: ExprKind::Error, span, depth: 1 }
    }

    fn report_too_deep(&self, span: Span) {
        if !self.too_deep.replace(true) {
            let title = format!("this nests deeper than {MAX_DEPTH} levels");
            self.report(
                Diagnostic::error(codes::TOO_DEEP, span, title)
                    .at("too deep from here")
                    .help("give parts of the expression names with `let`, or split the code into functions"),
            );
        }
    }

    /// A node without children.
    pub fn leaf(&self, kind: ExprKind, l: u32, r: u32) -> Expr {
        Expr { kind, span: Span::new(l, r), depth: 1 }
    }

    // ---- Names and literals ----

    /// The name at `l..r`.
    pub fn ident(&self, l: u32, r: u32) -> Ident {
        Ident { name: Symbol::new(self.slice(l, r)), span: Span::new(l, r) }
    }

    /// The name at `l..r` as an expression.
    pub fn name(&self, l: u32, r: u32) -> Expr {
        self.leaf(ExprKind::Name(Symbol::new(self.slice(l, r))), l, r)
    }

    /// `$name` or `#name`.
    pub fn builtin(&self, l: u32, r: u32) -> Expr {
        self.leaf(ExprKind::Builtin(Symbol::new(self.slice(l + 1, r))), l, r)
    }

    /// A number. The lexer has reported what is wrong with it.
    pub fn number(&self, token: Token, l: u32, r: u32) -> Expr {
        let kind = match literal::number(self.slice(l, r), token) {
            Ok((value, suffix)) => {
                let suffix = suffix.map(|s| self.ident(l + s.start as u32, l + s.end as u32));
                match value {
                    literal::Number::Int(value) => ExprKind::Int { value, suffix },
                    literal::Number::Float(value) => ExprKind::Float { value, suffix },
                }
            }
            Err(_) => ExprKind::Error,
        };
        self.leaf(kind, l, r)
    }

    /// A string.
    pub fn string(&self, l: u32, r: u32) -> Expr {
        self.leaf(ExprKind::Str(Arc::from(literal::string_value(self.slice(l, r)))), l, r)
    }

    /// A character. The lexer has reported what is wrong with it.
    pub fn character(&self, l: u32, r: u32) -> Expr {
        let kind = literal::char_value(self.slice(l, r)).map_or(ExprKind::Error, ExprKind::Char);
        self.leaf(kind, l, r)
    }

    // ---- Postfix ----

    /// `e.name`
    pub fn member(&self, base: Expr, name: Ident, l: u32, r: u32) -> Expr {
        let depth = base.depth;
        self.node(ExprKind::Field { base: Box::new(base), name }, Span::new(l, r), depth)
    }

    /// `@.name`; `m` is the end of the `@`.
    pub fn self_member(&self, m: u32, name: Ident, l: u32, r: u32) -> Expr {
        self.member(self.leaf(ExprKind::Name(self.self_name), l, m), name, l, r)
    }

    /// `e.0`; `m` is the start of the number.
    pub fn tuple_field(&self, base: Expr, m: u32, l: u32, r: u32) -> Expr {
        let depth = base.depth;
        let index = self.slice(m, r).parse().unwrap_or_else(|_| {
            let span = Span::new(m, r);
            let title = format!("`{}` is no tuple field", self.slice(m, r));
            let message = Diagnostic::error(codes::BAD_NUMBER, span, title).at("not a position in a tuple");
            self.report(message.help("the fields of a tuple are `.0`, `.1` and so on"));
            0
        });
        let kind = ExprKind::TupleField { base: Box::new(base), index, index_span: Span::new(m, r) };
        self.node(kind, Span::new(l, r), depth)
    }

    /// `e(…)`, `e!(…)`
    pub fn call(&self, callee: Expr, mut args: Vec<Expr>, l: u32, r: u32) -> Expr {
        args.shrink_to_fit();
        let depth = callee.depth.max(deepest(&args));
        let (callee, mutating) = match callee.kind {
            ExprKind::Bang(inner) => (inner, true),
            kind => (Box::new(Expr { kind, ..callee }), false),
        };
        self.node(ExprKind::Call { callee, mutating, args }, Span::new(l, r), depth)
    }

    /// `@(…)`
    pub fn recur(&self, args: Vec<Expr>, l: u32, r: u32) -> Expr {
        let depth = deepest(&args);
        self.node(ExprKind::Recur(args), Span::new(l, r), depth)
    }

    /// `e[i]`
    pub fn index(&self, base: Expr, index: Expr, l: u32, r: u32) -> Expr {
        let depth = base.depth.max(index.depth);
        self.node(ExprKind::Index { base: Box::new(base), index: Box::new(index) }, Span::new(l, r), depth)
    }

    /// `e!`
    pub fn bang(&self, e: Expr, l: u32, r: u32) -> Expr {
        let depth = e.depth;
        self.node(ExprKind::Bang(Box::new(e)), Span::new(l, r), depth)
    }

    /// `e?`
    pub fn try_(&self, e: Expr, l: u32, r: u32) -> Expr {
        let depth = e.depth;
        self.node(ExprKind::Try(Box::new(e)), Span::new(l, r), depth)
    }

    /// `e<A, B>`
    pub fn generic(&self, base: Expr, args: Vec<Deep<TypeExpr>>, l: u32, r: u32) -> Expr {
        let (args, below) = Deep::part(args);
        let depth = base.depth.max(below);
        self.node(ExprKind::Generic { base: Box::new(base), args }, Span::new(l, r), depth)
    }

    /// `T { a: e, b }`
    pub fn struct_literal(&self, ty: Expr, fields: Vec<Deep<FieldInit>>, l: u32, r: u32) -> Expr {
        let (fields, below) = Deep::part(fields);
        let depth = ty.depth.max(below);
        let ty = self.type_of(ty);
        self.node(ExprKind::Struct { ty: Box::new(ty), fields }, Span::new(l, r), depth)
    }

    /// `name: e`, or `name` alone, whose value is the name.
    pub fn field_init(&self, name: Ident, value: Option<Expr>) -> Deep<FieldInit> {
        let value = value.unwrap_or(Expr { kind: ExprKind::Name(name.name), span: name.span, depth: 1 });
        let depth = value.depth;
        Deep::new(FieldInit { name, value }, depth)
    }

    // ---- Operators ----

    /// `-e`, `!e`, `~e`, `*e`
    pub fn unary(&self, op: UnaryOp, value: Expr, l: u32, r: u32) -> Expr {
        let depth = value.depth;
        self.node(ExprKind::Unary { op, value: Box::new(value) }, Span::new(l, r), depth)
    }

    /// `&e`, `&e!`
    pub fn borrow(&self, place: Expr, l: u32, r: u32) -> Expr {
        let depth = place.depth;
        let (place, mutable) = match place.kind {
            ExprKind::Bang(inner) => (inner, true),
            kind => (Box::new(Expr { kind, ..place }), false),
        };
        self.node(ExprKind::Borrow { mutable, place }, Span::new(l, r), depth)
    }

    /// `e as T`
    pub fn cast(&self, value: Expr, ty: Deep<TypeExpr>) -> Expr {
        let depth = value.depth.max(ty.depth);
        let span = value.span.to(ty.node.span);
        self.node(ExprKind::Cast { value: Box::new(value), ty: Box::new(ty.node) }, span, depth)
    }

    /// `c ? a : b`
    pub fn ternary(&self, cond: Expr, a: Expr, b: Expr, span: Span) -> Expr {
        let depth = cond.depth.max(a.depth).max(b.depth) + 1;
        let block = |e: Expr| {
            let span = e.span;
            let stmts = vec![Stmt { kind: StmtKind::Expr(e), span }];
            Block { stmts, ends_with_semicolon: false, span }
        };
        let (b_span, b_depth) = (b.span, b.depth);
        let els = self.node(ExprKind::Block(block(b)), b_span, b_depth);
        let kind = ExprKind::If { cond: Box::new(cond), then: Box::new(block(a)), els: Some(Box::new(els)) };
        self.node(kind, span, depth)
    }

    // ---- Brackets ----

    /// `(e)`, `(a, b)`, `()`
    pub fn parens(&self, mut list: Items<Expr>, l: u32, r: u32) -> Expr {
        let single = list.items.len() == 1 && !list.trailing_comma;
        if let Some(inner) = list.items.pop_if(|_| single) {
            // The span with the parentheses, so that an edit replaces them too.
            return Expr { span: Span::new(l, r), ..inner };
        }
        let depth = deepest(&list.items);
        self.node(ExprKind::Tuple(list.items), Span::new(l, r), depth)
    }

    /// `[a, b]`
    pub fn array(&self, items: Vec<Expr>, l: u32, r: u32) -> Expr {
        let depth = deepest(&items);
        self.node(ExprKind::Array(items), Span::new(l, r), depth)
    }

    /// `[e; n]`
    pub fn repeat(&self, value: Expr, count: Expr, l: u32, r: u32) -> Expr {
        let depth = value.depth.max(count.depth);
        self.node(ExprKind::Repeat { value: Box::new(value), count: Box::new(count) }, Span::new(l, r), depth)
    }

    // ---- Control flow ----

    /// `return e`, `break e`
    pub fn jump(&self, e: Option<Expr>, make: fn(Option<Box<Expr>>) -> ExprKind, l: u32, r: u32) -> Expr {
        let depth = e.as_ref().map_or(0, |e| e.depth);
        self.node(make(e.map(Box::new)), Span::new(l, r), depth)
    }

    /// `defer e`
    pub fn defer(&self, e: Expr, l: u32, r: u32) -> Expr {
        let depth = e.depth;
        self.node(ExprKind::Defer(Box::new(e)), Span::new(l, r), depth)
    }

    /// `{ … }`
    pub fn block(&self, b: Deep<Block>, l: u32, r: u32) -> Expr {
        self.node(ExprKind::Block(b.node), Span::new(l, r), b.depth)
    }

    /// `unsafe { … }`
    pub fn unsafe_block(&self, b: Deep<Block>, l: u32, r: u32) -> Expr {
        self.node(ExprKind::Unsafe(b.node), Span::new(l, r), b.depth)
    }

    /// `loop { … }`
    pub fn endless(&self, b: Deep<Block>, l: u32, r: u32) -> Expr {
        self.node(ExprKind::Loop(b.node), Span::new(l, r), b.depth)
    }

    /// `while c { … }`
    pub fn while_loop(&self, cond: Expr, body: Deep<Block>, l: u32, r: u32) -> Expr {
        let depth = cond.depth.max(body.depth);
        self.node(ExprKind::While { cond: Box::new(cond), body: Box::new(body.node) }, Span::new(l, r), depth)
    }

    /// `for p in e { … }`
    pub fn for_loop(&self, pattern: Deep<Pattern>, iter: Expr, body: Deep<Block>, l: u32, r: u32) -> Expr {
        let depth = iter.depth.max(body.depth).max(pattern.depth);
        let pattern = Box::new(pattern.node);
        let kind = ExprKind::For { pattern, iter: Box::new(iter), body: Box::new(body.node) };
        self.node(kind, Span::new(l, r), depth)
    }

    /// `if c { … } else …`
    pub fn if_else(&self, cond: Expr, then: Deep<Block>, els: Option<Expr>, l: u32, r: u32) -> Expr {
        let depth = cond.depth.max(then.depth).max(els.as_ref().map_or(0, |e| e.depth));
        let kind = ExprKind::If { cond: Box::new(cond), then: Box::new(then.node), els: els.map(Box::new) };
        self.node(kind, Span::new(l, r), depth)
    }

    // ---- Statements ----

    /// An expression as a statement.
    pub fn expr_stmt(&self, e: Expr, l: u32, r: u32) -> Box<Deep<Stmt>> {
        let depth = e.depth;
        Box::new(Deep::new(Stmt { kind: StmtKind::Expr(e), span: Span::new(l, r) }, depth))
    }

    /// A binding.
    pub fn let_stmt(
        &self,
        pattern: Deep<Pattern>,
        mutable: bool,
        ty: Option<Deep<TypeExpr>>,
        value: Option<Expr>,
        l: u32,
        r: u32,
    ) -> Box<Deep<Stmt>> {
        let below = ty.as_ref().map_or(0, |t| t.depth).max(value.as_ref().map_or(0, |v| v.depth));
        let below = below.max(pattern.depth);
        let kind = StmtKind::Let { pattern: pattern.node, mutable, ty: ty.map(|t| Box::new(t.node)), value };
        Box::new(Deep::new(Stmt { kind, span: Span::new(l, r) }, below))
    }
}

fn deepest(items: &[Expr]) -> u32 {
    items.iter().map(|e| e.depth).max().unwrap_or(0)
}
