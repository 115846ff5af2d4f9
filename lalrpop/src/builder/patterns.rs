//! Patterns, and the expressions that have them: arms of a `match`, closures.

use super::{Builder, Deep, Items};
use crate::ast::*;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

impl Builder<'_> {
    /// The pattern `kind` above patterns of depth `below`; one that takes everything when that nests too deep.
    fn pattern_node(&self, pattern: Pattern, below: u32) -> Deep<Pattern> {
        if below < MAX_DEPTH {
            return Deep::new(pattern, below + 1);
        }
        let span = pattern.span();
        self.report_too_deep(span);
        Deep::new(Pattern::Wild(span), 1)
    }

    /// A name, or `_`, as a pattern.
    pub fn name_pattern(&self, name: Ident) -> Pattern {
        if name.name == self.wild { Pattern::Wild(name.span) } else { Pattern::Name(name) }
    }

    /// `name!` or `mut name`
    pub fn mutable_pattern(&self, name: Ident) -> Deep<Pattern> {
        let wild = name.name == self.wild;
        Deep::new(if wild { Pattern::Wild(name.span) } else { Pattern::Mut(name) }, 1)
    }

    /// A name, or a variant without a payload by its path.
    pub fn path_pattern(&self, path: Vec<Ident>, l: u32, r: u32) -> Deep<Pattern> {
        let pattern = match path.as_slice() {
            [name] => self.name_pattern(*name),
            _ => Pattern::Variant(Box::new(VariantPattern { path, args: None, span: Span::new(l, r) })),
        };
        Deep::new(pattern, 1)
    }

    /// `Some(p)`
    pub fn variant_pattern(
        &self,
        path: Vec<Ident>,
        args: Vec<Deep<Pattern>>,
        l: u32,
        r: u32,
    ) -> Deep<Pattern> {
        let (args, depth) = Deep::part(args);
        let variant = VariantPattern { path, args: Some(args), span: Span::new(l, r) };
        self.pattern_node(Pattern::Variant(Box::new(variant)), depth)
    }

    /// `Point { x, y: p, .. }`
    pub fn struct_pattern(
        &self,
        path: Vec<Ident>,
        (fields, rest): (Vec<(Ident, Deep<Pattern>)>, bool),
        l: u32,
        r: u32,
    ) -> Deep<Pattern> {
        let depth = fields.iter().map(|(_, p)| p.depth).max().unwrap_or(0);
        let fields = fields.into_iter().map(|(name, p)| (name, p.node)).collect();
        let pattern = StructPattern { path, fields, rest, span: Span::new(l, r) };
        self.pattern_node(Pattern::Struct(Box::new(pattern)), depth)
    }

    /// `(p, q)`; `(p)` is `p`.
    pub fn tuple_pattern(&self, list: Items<Deep<Pattern>>, l: u32, r: u32) -> Deep<Pattern> {
        let single = list.items.len() == 1 && !list.trailing_comma;
        let mut items = list.items;
        if let Some(inner) = items.pop_if(|_| single) {
            return inner;
        }
        let (items, depth) = Deep::part(items);
        self.pattern_node(Pattern::Tuple(items, Span::new(l, r)), depth)
    }

    /// `0`, `-1`, `'c'`
    pub fn literal_pattern(&self, value: Expr) -> Deep<Pattern> {
        let depth = value.depth;
        Deep::new(Pattern::Literal(Box::new(value)), depth)
    }

    /// `a..b`, `a..=b`, `a..`, `..b`
    pub fn range_pattern(
        &self,
        lo: Option<Expr>,
        hi: Option<Expr>,
        inclusive: bool,
        l: u32,
        r: u32,
    ) -> Deep<Pattern> {
        let span = Span::new(l, r);
        if inclusive && hi.is_none() {
            let message = Diagnostic::error(codes::BAD_PATTERN, span, "this range has no end")
                .at("`..=` is followed by the last value");
            self.report(message.help("a range without an end is written `a..`"));
        }
        let depth = lo.iter().chain(&hi).map(|e| e.depth).max().unwrap_or(0);
        self.pattern_node(Pattern::Range(Box::new(RangePattern { lo, hi, inclusive, span })), depth)
    }

    /// `name @ p`
    pub fn at_pattern(&self, path: Vec<Ident>, inner: Deep<Pattern>) -> Deep<Pattern> {
        let (&[name], depth) = (path.as_slice(), inner.depth) else {
            let span = path.first().zip(path.last()).map_or(Span::NONE, |(a, b)| a.span.to(b.span));
            let message = Diagnostic::error(codes::BAD_PATTERN, span, "`@` follows a single name");
            self.report(message.at("not a new name").help("write `name @ pattern`"));
            return inner;
        };
        self.pattern_node(Pattern::At(Box::new(AtPattern { name, pattern: inner.node })), depth)
    }

    /// `p | q`
    pub fn or_pattern(&self, mut patterns: Vec<Deep<Pattern>>) -> Deep<Pattern> {
        let single = patterns.len() == 1;
        if let Some(only) = patterns.pop_if(|_| single) {
            return only;
        }
        let (patterns, depth) = Deep::part(patterns);
        let span = match patterns.as_slice() {
            [first, .., last] => first.span().to(last.span()),
            _ => Span::NONE,
        };
        self.pattern_node(Pattern::Or(patterns, span), depth)
    }

    /// The names of a path as an expression: the constant at the end of a range.
    pub fn path_expr(&self, path: Vec<Ident>) -> Expr {
        let mut names = path.into_iter();
        let first = names.next().map_or_else(
            || self.leaf(ExprKind::Error, 0, 0),
            |name| self.leaf(ExprKind::Name(name.name), name.span.lo, name.span.hi),
        );
        names.fold(first, |base, name| {
            let (l, r) = (base.span.lo, name.span.hi);
            self.member(base, name, l, r)
        })
    }

    /// The pattern that was read as an expression: what stands before `:=`, or before the `:` of a loop.
    pub fn pattern_of(&self, e: Expr) -> Deep<Pattern> {
        let (span, depth) = (e.span, e.depth);
        let (l, r) = (span.lo, span.hi);
        match e.kind {
            ExprKind::Name(name) => Deep::new(self.name_pattern(Ident { name, span }), 1),
            ExprKind::Tuple(items) => {
                let items = items.into_iter().map(|i| self.pattern_of(i)).collect();
                self.tuple_pattern(Items::new(items, true), l, r)
            }
            ExprKind::Call { callee, mutating: false, args } if is_path(&callee) => {
                let args = args.into_iter().map(|a| self.pattern_of(a)).collect();
                self.variant_pattern(path_of(*callee), args, l, r)
            }
            ExprKind::Struct { ty, fields } => match ty.kind {
                TypeKind::Path { names, args } if args.is_empty() => {
                    let fields = fields.into_iter().map(|f| (f.name, self.pattern_of(f.value))).collect();
                    self.struct_pattern(names, (fields, false), l, r)
                }
                _ => self.no_pattern(span),
            },
            ExprKind::Error => Deep::new(Pattern::Wild(span), depth),
            _ => self.no_pattern(span),
        }
    }

    fn no_pattern(&self, span: Span) -> Deep<Pattern> {
        let message = Diagnostic::error(codes::BAD_PATTERN, span, "this binds no name")
            .at("not a name")
            .help("`:=` declares a new name; `=` assigns to an existing place");
        self.report(message);
        Deep::new(Pattern::Wild(span), 1)
    }

    // ---- Arms and closures ----

    /// `pattern if guard => body`
    #[expect(clippy::boxed_local, reason = "the parser holds it boxed, to keep its symbols small")]
    pub fn arm(&self, head: Box<(Deep<Pattern>, Option<Expr>)>, body: Expr) -> Box<Deep<MatchArm>> {
        let (pattern, guard) = *head;
        let depth = pattern.depth.max(body.depth).max(guard.as_ref().map_or(0, |g| g.depth));
        Box::new(Deep::new(MatchArm { pattern: pattern.node, guard, body }, depth))
    }

    /// What stands for an arm that could not be parsed.
    pub fn error_arm(&self, l: u32, r: u32) -> Box<Deep<MatchArm>> {
        let pattern = Pattern::Wild(Span::new(l, r));
        Box::new(Deep::new(MatchArm { pattern, guard: None, body: self.leaf(ExprKind::Error, l, r) }, 1))
    }

    /// `match e { … }`
    pub fn match_on(&self, value: Expr, arms: Vec<Deep<MatchArm>>, l: u32, r: u32) -> Expr {
        let (arms, below) = Deep::part(arms);
        let depth = below.max(value.depth);
        self.node(ExprKind::Match { value: Box::new(value), arms }, Span::new(l, r), depth)
    }

    /// A parameter of a closure.
    pub fn closure_param(
        &self,
        pattern: Deep<Pattern>,
        mutable: bool,
        ty: Option<Deep<TypeExpr>>,
    ) -> Deep<ClosureParam> {
        let depth = pattern.depth.max(ty.as_ref().map_or(0, |t| t.depth));
        Deep::new(ClosureParam { pattern: pattern.node, mutable, ty: ty.map(|t| t.node) }, depth)
    }

    /// `move |a, b|: R { … }`, from `l` to `r`, with the head up to `h`.
    pub fn closure(
        &self,
        moves: bool,
        params: Vec<Deep<ClosureParam>>,
        ret: Option<Deep<TypeExpr>>,
        body: Expr,
        (l, h, r): (u32, u32, u32),
    ) -> Expr {
        let (params, below) = Deep::part(params);
        let depth = below.max(body.depth).max(ret.as_ref().map_or(0, |t| t.depth));
        let ret = ret.map(|t| t.node);
        let closure = Closure { moves, params, ret, body, head: Span::new(l, h) };
        self.node(ExprKind::Closure(Box::new(closure)), Span::new(l, r), depth)
    }
}

/// Whether the expression is a name, or names joined by dots.
fn is_path(mut e: &Expr) -> bool {
    while let ExprKind::Field { base, .. } = &e.kind {
        e = base;
    }
    matches!(e.kind, ExprKind::Name(_))
}

fn path_of(mut e: Expr) -> Vec<Ident> {
    let mut path = Vec::new();
    loop {
        match e.kind {
            ExprKind::Field { base, name } => {
                path.push(name);
                e = *base;
            }
            ExprKind::Name(name) => {
                path.push(Ident { name, span: e.span });
                break;
            }
            _ => break,
        }
    }
    path.reverse();
    path
}
