//! `if let` and `while let`: conditions that bind names.
//!
//! A condition is a chain, `let P = e && c && let Q = f`. What a pattern binds is in scope in the rest of the chain and
//! in the body.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{Arm, Block, Expr, ExprKind, Pattern, Stmt, StmtKind, Test};
use crate::types::Ty;

/// Whether a condition binds names.
pub(super) fn has_let(cond: &ast::Expr) -> bool {
    match &cond.kind {
        ast::ExprKind::Let { .. } => true,
        ast::ExprKind::Binary { op: BinaryOp::And, left, right } => has_let(left) || has_let(right),
        _ => false,
    }
}

/// The parts of a chain of `&&`, in order.
fn links<'a>(cond: &'a ast::Expr, out: &mut Vec<&'a ast::Expr>) {
    match &cond.kind {
        ast::ExprKind::Binary { op: BinaryOp::And, left, right } if has_let(cond) => {
            links(left, out);
            links(right, out);
        }
        _ => out.push(cond),
    }
}

/// What stands at the end of a chain: makes the expression for when all of it holds.
type Then<'t, 'c, 'a> = &'t mut dyn FnMut(&mut FnCx<'c, 'a>) -> Expr;

impl<'c, 'a> FnCx<'c, 'a> {
    /// A `let` that stands where no condition is.
    pub(super) fn misplaced_let(&mut self, span: Span) -> Expr {
        let title = "a pattern with `let` stands in the condition of an `if` or `while`";
        let d = Diagnostic::error(codes::MISPLACED, span, title);
        self.error(d.note("it may be joined with other conditions by `&&`, but not by `||` or `!`"));
        self.poison(span)
    }

    /// `if let … { } else { }`
    pub(super) fn if_let(
        &mut self,
        cond: &'a ast::Expr,
        then: &'a ast::Block,
        els: Option<&'a ast::Expr>,
        expect: Expect,
        span: Span,
    ) -> Expr {
        let mut chain = Vec::new();
        links(cond, &mut chain);
        let straight = std::mem::replace(&mut self.straight, false);
        let value = match (els, &chain[..]) {
            (None, chain) => {
                let mut body = |fx: &mut Self| {
                    let then = fx.block(then, Expect::Effect);
                    fx.discard(then)
                };
                self.chain(chain, &mut body, span)
            }
            // The rest of the chain is the arm's guard: what it binds moves only when all of it holds.
            (Some(els), [first, rest @ ..]) if !rest.iter().any(|link| has_let(link)) => {
                self.let_or_else(first, rest, then, els, expect, span)
            }
            (Some(els), chain) => self.let_chain_else(chain, then, els, expect, span),
        };
        self.straight = straight;
        value
    }

    fn let_or_else(
        &mut self,
        first: &'a ast::Expr,
        rest: &[&'a ast::Expr],
        then: &'a ast::Block,
        els: &'a ast::Expr,
        expect: Expect,
        span: Span,
    ) -> Expr {
        let ast::ExprKind::Let { pattern, value } = &first.kind else {
            unreachable!("the chain has one `let`")
        };
        self.with_temps(|fx| {
            let looked = fx.at_site(value.span, |fx| fx.scrutinee(value, !rest.is_empty()));
            let taken = fx.scoped(|fx| {
                let (test, bindings, _) = fx.arm_pattern(pattern, &looked.place);
                let guard = fx.all_of(rest);
                Arm { test, bindings, guard, body: fx.block(then, expect) }
            });
            let body = fx.value(els, expect);
            let other = Arm { test: Test::Any, bindings: Vec::new(), guard: None, body };
            let mut arms = vec![taken, other];
            let ty = fx.join_arms(&mut arms, expect);
            Expr { kind: ExprKind::Match { value: Box::new(looked.value), arms }, ty, span }
        })
    }

    /// Plain conditions joined by `&&`.
    fn all_of(&mut self, links: &[&'a ast::Expr]) -> Option<Expr> {
        let mut all: Option<Expr> = None;
        for link in links {
            let right = self.condition(link);
            let span = right.span;
            all = Some(match all {
                None => right,
                Some(left) => {
                    let (left, right) = (Box::new(left), Box::new(right));
                    Expr { kind: ExprKind::Logic { and: true, left, right }, ty: Ty::BOOL, span }
                }
            });
        }
        all
    }

    /// Runs `then` if all of a chain holds. `()`.
    fn chain(&mut self, chain: &[&'a ast::Expr], then: Then<'_, 'c, 'a>, span: Span) -> Expr {
        let Some((first, rest)) = chain.split_first() else { return then(self) };
        let ast::ExprKind::Let { pattern, value } = &first.kind else {
            let cond = Box::new(self.condition(first));
            let body = Box::new(self.chain(rest, then, span));
            return Expr { kind: ExprKind::If { cond, then: body, els: None }, ty: Ty::UNIT, span };
        };
        // Plain conditions right after it are the arm's guard.
        let plain = rest.iter().position(|link| has_let(link)).unwrap_or(rest.len());
        let (guard, rest) = rest.split_at(plain);
        self.with_temps(|fx| {
            let looked = fx.at_site(value.span, |fx| fx.scrutinee(value, !guard.is_empty()));
            let taken = fx.scoped(|fx| {
                let (test, bindings, _) = fx.arm_pattern(pattern, &looked.place);
                let guard = fx.all_of(guard);
                Arm { test, bindings, guard, body: fx.chain(rest, then, span) }
            });
            let body = Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span };
            let other = Arm { test: Test::Any, bindings: Vec::new(), guard: None, body };
            let mut arms = vec![taken, other];
            fx.join_arms(&mut arms, Expect::Effect);
            Expr { kind: ExprKind::Match { value: Box::new(looked.value), arms }, ty: Ty::UNIT, span }
        })
    }

    /// A chain with several `let`s, or one behind a condition, and an `else`. The names are variables around the whole,
    /// set as far as the chain holds.
    fn let_chain_else(
        &mut self,
        chain: &[&'a ast::Expr],
        then: &'a ast::Block,
        els: &'a ast::Expr,
        expect: Expect,
        span: Span,
    ) -> Expr {
        self.with_temps(|fx| {
            let mut stmts = Vec::new();
            let (cond, then) = fx.scoped(|fx| {
                let mut cond: Option<Expr> = None;
                for link in chain {
                    let right = match &link.kind {
                        ast::ExprKind::Let { pattern, value } => fx.let_link(pattern, value, &mut stmts),
                        _ => fx.condition(link),
                    };
                    let span = right.span;
                    cond = Some(match cond {
                        None => right,
                        Some(left) => {
                            let (left, right) = (Box::new(left), Box::new(right));
                            Expr { kind: ExprKind::Logic { and: true, left, right }, ty: Ty::BOOL, span }
                        }
                    });
                }
                (cond.expect("a chain has parts"), fx.block(then, expect))
            });
            let els = fx.value(els, expect);
            let (then, els, ty) = fx.join(then, els, expect);
            let (cond, then, els) = (Box::new(cond), Box::new(then), Some(Box::new(els)));
            let whole = Expr { kind: ExprKind::If { cond, then, els }, ty, span };
            let block = Block { stmts, value: Some(Box::new(whole)) };
            Expr { kind: ExprKind::Block(block), ty, span }
        })
    }

    /// Whether a pattern takes a value. What it binds is in variables that `stmts` declares.
    fn let_link(&mut self, pattern: &'a ast::Pattern, value: &'a ast::Expr, stmts: &mut Vec<Stmt>) -> Expr {
        let span = pattern.span().to(value.span);
        let looked = self.at_site(value.span, |fx| fx.scrutinee(value, false));
        let (test, bindings, _) = self.arm_pattern(pattern, &looked.place);
        let mut sets = Vec::with_capacity(bindings.len());
        let mut own = Vec::with_capacity(bindings.len());
        for (local, value) in bindings {
            let (ty, span) = (value.ty, value.span);
            self.locals[local.0 as usize].flagged = true;
            stmts.push(Stmt { kind: StmtKind::Let { pattern: Pattern::Local(local), init: None }, span });
            let part = self.hidden(span, ty);
            let place = Box::new(Expr { kind: ExprKind::Local(local), ty, span });
            let read = Expr { kind: ExprKind::Local(part), ty, span };
            let value_read = Box::new(self.consume(read));
            let kind = ExprKind::Assign { place, value: value_read, drop_old: false };
            sets.push(Stmt { kind: StmtKind::Expr(Expr { kind, ty: Ty::UNIT, span }), span });
            own.push((part, value));
        }
        let truth = |value: bool| Expr { kind: ExprKind::Bool(value), ty: Ty::BOOL, span };
        let block = Block { stmts: sets, value: Some(Box::new(truth(true))) };
        let body = Expr { kind: ExprKind::Block(block), ty: Ty::BOOL, span };
        let arms = vec![
            Arm { test, bindings: own, guard: None, body },
            Arm { test: Test::Any, bindings: Vec::new(), guard: None, body: truth(false) },
        ];
        Expr { kind: ExprKind::Match { value: Box::new(looked.value), arms }, ty: Ty::BOOL, span }
    }

    /// `while let … { }`
    pub(super) fn while_let(&mut self, cond: &'a ast::Expr, body: &'a ast::Block, span: Span) -> Expr {
        let mut chain = Vec::new();
        links(cond, &mut chain);
        let id = self.enter_loop(None);
        let straight = std::mem::replace(&mut self.straight, false);
        let mut round = |fx: &mut Self| {
            let body = fx.loop_body(body);
            let next = Expr { kind: ExprKind::Continue(id), ty: Ty::NEVER, span };
            let stmts = [*body, next]
                .map(|expr| Stmt { span: expr.span, kind: StmtKind::Expr(expr) })
                .into_iter()
                .collect();
            Expr { kind: ExprKind::Block(Block { stmts, value: None }), ty: Ty::NEVER, span }
        };
        let rounds = self.chain(&chain, &mut round, span);
        self.straight = straight;
        self.loops.pop();
        let end = Expr { kind: ExprKind::Break { target: id, value: None }, ty: Ty::NEVER, span };
        let stmts = [rounds, end]
            .map(|expr| Stmt { span: expr.span, kind: StmtKind::Expr(expr) })
            .into_iter()
            .collect();
        let block = Block { stmts, value: None };
        let body = Box::new(Expr { kind: ExprKind::Block(block), ty: Ty::NEVER, span });
        Expr { kind: ExprKind::Loop { id, body }, ty: Ty::UNIT, span }
    }
}
