//! Expressions that have another form, or another meaning, in another spelling.

use super::Rewriter;
use crate::ast::visit::{self, Visitor};
use crate::ast::{BinaryOp, Block, Expr, ExprKind, Ident, Pattern, UnaryOp};
use crate::span::Span;
use crate::spelling::Spelling;
use crate::symbol::Symbol;
use crate::token::Token;

impl Rewriter<'_> {
    /// Rewrites an expression and what is in it.
    pub(super) fn value(&mut self, expr: &Expr) {
        let tight = std::mem::replace(&mut self.tight, false);
        self.adapt(expr);
        match &expr.kind {
            ExprKind::While { cond, body } => {
                self.loop_words(expr, Token::While);
                self.copies_of_condition(cond, body);
            }
            ExprKind::If { cond, then, .. } => self.copies_of_condition(cond, then),
            ExprKind::Match { arms, .. } => {
                for arm in arms {
                    let copies = self.copies(&arm.pattern);
                    if !copies.is_empty() {
                        self.around(arm.body.span, "arm", false, &format!("{{ {copies}"), " }", 0);
                    }
                }
            }
            ExprKind::Loop(_) => self.loop_words(expr, Token::Loop),
            ExprKind::For { pattern, iter, body } => {
                self.for_words(expr, pattern, iter);
                let copies = self.copies(pattern);
                self.edits.after(body.span.lo + 1, copies);
            }
            ExprKind::Borrow { mutable, place } => self.borrow(expr.span, *mutable, place),
            ExprKind::Call { callee, mutating, args } => {
                if *mutating && self.to == Spelling::Vais {
                    self.drop_bang(callee.span.hi);
                }
                self.output(callee, args);
                if self.uses.c_calls.contains(&expr.span) && self.leaves_vais() {
                    self.c_call(expr.span, callee, args, tight);
                }
            }
            ExprKind::Closure(closure) => {
                if let Some(ret) = &closure.ret {
                    self.result_mark(ret);
                }
            }
            _ => {}
        }
        // The operand that binds tighter than `as`, if any, is the first part.
        self.tight = matches!(
            expr.kind,
            ExprKind::Unary { .. }
                | ExprKind::Field { .. }
                | ExprKind::TupleField { .. }
                | ExprKind::Index { .. }
                | ExprKind::Try(_)
                | ExprKind::Call { .. }
                | ExprKind::Borrow { .. }
        );
        if let ExprKind::Call { callee, args, .. } = &expr.kind {
            self.expr(callee);
            self.tight = false;
            args.iter().for_each(|arg| self.expr(arg));
        } else {
            visit::walk_expr(self, expr);
        }
        self.tight = false;
    }

    /// What the checker said of the expression.
    fn adapt(&mut self, expr: &Expr) {
        if self.leaves_vais() && self.uses.tested.contains(&expr.span) {
            self.around(expr.span, "test", binds_loosely(expr), "", " != 0", 3);
        }
        if self.uses.negated.contains(&expr.span)
            && let ExprKind::Unary { op: UnaryOp::Not, value } = &expr.kind
        {
            // In parentheses the operator is not the first token.
            let marks = self.between(expr.span.lo, value.span.lo);
            let Some(mark) = marks.iter().rev().find(|token| token.token == Token::Bang).copied() else {
                return;
            };
            if self.leaves_vais() {
                self.replace(mark, "");
                self.around(value.span, "zero", false, "(", " == 0)", 2);
            } else if self.enters_vais() {
                self.replace(mark, "~");
            }
        }
    }

    /// Puts text around an expression, and parentheses inside that if it binds too loosely.
    pub(super) fn around(
        &mut self,
        span: Span,
        what: &'static str,
        loose: bool,
        before: &str,
        after: &str,
        level: u8,
    ) {
        if !self.wrapped.insert((span, what)) {
            return;
        }
        let (open, close) = if loose { ("(", ")") } else { ("", "") };
        self.edits.wrap(span.lo, span.hi, format!("{before}{open}"), format!("{close}{after}"), level);
    }

    fn loop_words(&mut self, expr: &Expr, kind: Token) {
        let wanted = [Token::While, Token::Loop, Token::AnyLoop];
        let tokens = self.between(expr.span.lo, expr.span.hi);
        let Some(token) = tokens.iter().find(|token| token.token != Token::LParen).copied() else { return };
        if wanted.contains(&token.token) {
            let word = self.word(if self.to == Spelling::Vais { Token::AnyLoop } else { kind });
            self.replace(token, word);
        }
    }

    fn for_words(&mut self, expr: &Expr, pattern: &Pattern, iter: &Expr) {
        let before = self.between(expr.span.lo, pattern.span().lo);
        let wanted = [Token::For, Token::AnyLoop];
        if let Some(token) = before.iter().rev().find(|token| wanted.contains(&token.token)).copied() {
            let any = self.to == Spelling::Vais && is_simple(pattern);
            let word = self.word(if any { Token::AnyLoop } else { Token::For });
            self.replace(token, word);
        }
        let Some(mark) = self.index(iter.span.lo).checked_sub(1).map(|index| self.tokens[index]) else {
            return;
        };
        match (mark.token, self.to) {
            (Token::In, Spelling::Vais) => self.replace(mark, ":"),
            (Token::Colon, Spelling::Vex | Spelling::Vera) => {
                let word = self.word(Token::In);
                self.replace(mark, format!(" {word} "));
            }
            _ => {}
        }
    }

    /// Copies of what the patterns of a condition bind, at the start of the block that has them.
    fn copies_of_condition(&mut self, cond: &Expr, body: &Block) {
        match &cond.kind {
            ExprKind::Let { pattern, .. } => {
                let copies = self.copies(pattern);
                self.edits.after(body.span.lo + 1, copies);
            }
            ExprKind::Binary { left, right, .. } => {
                self.copies_of_condition(left, body);
                self.copies_of_condition(right, body);
            }
            _ => {}
        }
    }

    /// Mutable bindings for those names of a pattern that `.vais` lets be changed; in a pattern they cannot be marked.
    fn copies(&self, pattern: &Pattern) -> String {
        struct Names<'a>(&'a rustc_hash::FxHashSet<Span>, Vec<Ident>);
        impl Visitor for Names<'_> {
            fn pattern(&mut self, pattern: &Pattern) {
                let ident = match pattern {
                    Pattern::Name(ident) => Some(*ident),
                    Pattern::At(at) => Some(at.name),
                    _ => None,
                };
                self.1.extend(ident.filter(|ident| self.0.contains(&ident.span)));
                visit::walk_pattern(self, pattern);
            }
        }
        if !self.leaves_vais() {
            return String::new();
        }
        let mut names = Names(&self.uses.changed, Vec::new());
        names.pattern(pattern);
        let words = self.binding_words(true);
        names.1.iter().map(|ident| format!("{words} {0} = {0}; ", self.called(ident.name))).collect()
    }

    /// What a name is in the new spelling.
    fn called(&self, name: Symbol) -> String {
        self.renames.get(&name).cloned().unwrap_or_else(|| name.to_string())
    }

    /// `&e` of `.vais` is `&e!` elsewhere.
    fn borrow(&mut self, span: Span, mutable: bool, place: &Expr) {
        if self.to == Spelling::Vais {
            if mutable {
                self.drop_bang(place.span.hi);
            }
            return;
        }
        let read_only = root(place).is_some_and(|name| self.read_only.contains(&name));
        if !self.leaves_vais() || mutable || read_only || self.uses.read_only_borrows.contains(&span) {
            return;
        }
        let takes_mark = matches!(
            place.kind,
            ExprKind::Name(_)
                | ExprKind::Field { .. }
                | ExprKind::TupleField { .. }
                | ExprKind::Index { .. }
                | ExprKind::Call { .. }
        );
        if takes_mark {
            self.edits.behind(place.span.hi, "!".to_owned());
        } else {
            self.around(place.span, "borrow", false, "(", ")!", 0);
        }
    }

    /// Puts `unsafe` around what needs it in `.vx`.
    pub(super) fn raw_operations(&mut self, spans: &[Span]) {
        if self.to != Spelling::Vex || self.from == Spelling::Vex {
            return;
        }
        let end = self.base + self.text.len() as u32;
        let mut sites: Vec<Span> =
            spans.iter().copied().filter(|span| span.lo >= self.base && span.hi <= end).collect();
        sites.sort_by_key(|span| (span.lo, std::cmp::Reverse(span.hi)));
        let mut until = 0;
        for site in sites {
            // What is inside another is in its block already.
            if site.hi <= until {
                continue;
            }
            until = site.hi;
            let word = self.word(Token::Unsafe);
            self.around(site, "unsafe", false, &format!("{word} {{ "), " }", 0);
        }
    }
}

/// The variable that a place is a part of.
fn root(place: &Expr) -> Option<Symbol> {
    match &place.kind {
        ExprKind::Name(name) => Some(*name),
        ExprKind::Field { base, .. } | ExprKind::TupleField { base, .. } | ExprKind::Index { base, .. } => {
            root(base)
        }
        ExprKind::Unary { op: UnaryOp::Deref, value } => root(value),
        _ => None,
    }
}

/// Whether `L p: e` takes the pattern.
fn is_simple(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Name(_) | Pattern::Wild(_) => true,
        Pattern::Tuple(items, _) => items.iter().all(is_simple),
        _ => false,
    }
}

/// Whether an expression has to be put into parentheses before a comparison.
pub(super) fn binds_loosely(expr: &Expr) -> bool {
    use BinaryOp::*;
    match &expr.kind {
        ExprKind::Binary { op, .. } => matches!(op, Eq | Ne | Lt | Le | Gt | Ge | And | Or),
        kind => !binds_tightly(kind) && !matches!(kind, ExprKind::Cast { .. } | ExprKind::Unary { .. }),
    }
}

/// Whether an expression needs no parentheses before `as`.
pub(super) fn binds_tightly(kind: &ExprKind) -> bool {
    use ExprKind::*;
    matches!(
        kind,
        Int { .. }
            | Float { .. }
            | Str(_)
            | Char(_)
            | Bool(_)
            | Null
            | Name(_)
            | Field { .. }
            | TupleField { .. }
            | Index { .. }
            | Call { .. }
            | Recur(_)
            | Generic { .. }
            | Try(_)
            | Tuple(_)
            | Array(_)
    )
}
