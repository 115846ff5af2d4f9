//! `for` over what hands out its elements one by one: a type with `Iterator`, or with a method `iter` that gives one.

use vex_syntax::ast;
use vex_syntax::{Span, Symbol};

use super::function::FnCx;
use super::generics::Need;
use super::infer::VarKind;
use super::solve::Obligation;
use crate::typed::{BinaryOp, Block, Callee, Expr, ExprKind, LocalId, Pattern, Stmt, StmtKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// The iterator that a `for` runs through, if there is one, and what it hands out.
    pub(super) fn iterator(&mut self, source: Expr) -> Result<(Expr, Ty), Expr> {
        let Some((id, _)) = self.core_function("Iterator", "next") else { return Err(source) };
        let ty = self.shallow(source.ty);
        let span = source.span;
        if self.has_core(ty, id) {
            let item = self.fresh(VarKind::General, span);
            let need = Need::Trait(id, vec![item]);
            self.obligations.push(Obligation { ty, need, func: None, span, depth: 0 });
            self.solve(false);
            let item = self.known(item);
            return Ok((self.consume(source), item));
        }
        let base = self.receiver_type(ty);
        let iter = Symbol::new("iter");
        if !matches!(self.cx.types.kind(base), TyKind::Struct { .. })
            || self.cx.method_of(base, iter).is_none()
        {
            return Err(source);
        }
        let iter = self.call_on(source, FnCx::method_name("iter", span), span);
        let found = self.shallow(iter.ty);
        match self.has_core(found, id) {
            true => self.iterator(iter),
            false => Err(iter),
        }
    }

    /// `for pattern in iterator { body }`
    pub(super) fn run_iterator(
        &mut self,
        pattern: &'a ast::Pattern,
        (iterator, item): (Expr, Ty),
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        let at = iterator.span;
        let make = |kind, ty| Expr { kind, ty, span: at };
        self.depth += 1;
        let source = self.hidden(at, iterator.ty);
        self.locals[source.0 as usize].borrowed = true;
        let id = self.enter_loop(None);
        let next = self.next_of(source, iterator.ty, item, at);
        let option = next.ty;
        let held = self.hidden(at, option);
        let read = |local: LocalId, ty| make(ExprKind::Local(local), ty);
        let tag = make(ExprKind::Tag(Box::new(read(held, option))), Ty::I64);
        let none = make(ExprKind::Int(0), Ty::I64);
        let ended = ExprKind::Binary { op: BinaryOp::Eq, left: Box::new(tag), right: Box::new(none) };
        let leave = make(ExprKind::Break { target: id, value: None }, Ty::NEVER);
        let test = ExprKind::If { cond: Box::new(make(ended, Ty::BOOL)), then: Box::new(leave), els: None };
        let payload = ExprKind::Payload { base: Box::new(read(held, option)), variant: 1, index: 0 };
        let empty = make(ExprKind::Move(Box::new(read(held, option))), option);
        let stmt = |kind| Stmt { kind, span: at };
        let taken = self.copied(make(payload, item), item, at);
        let ty = taken.ty;
        let element = self.hidden(at, ty);
        let stmts = vec![
            stmt(StmtKind::Let { pattern: Pattern::Local(held), init: Some(next) }),
            stmt(StmtKind::Expr(make(test, Ty::UNIT))),
            stmt(StmtKind::Let { pattern: Pattern::Local(element), init: Some(taken) }),
            stmt(StmtKind::Expr(make(ExprKind::Forget(Box::new(empty)), Ty::UNIT))),
        ];
        let element = make(ExprKind::Local(element), ty);
        let inner = self.bound_body(pattern, element, body);
        let inner_span = inner.span;
        let mut round = stmts;
        round.push(Stmt { kind: StmtKind::Expr(inner), span: inner_span });
        let round = Expr { kind: ExprKind::Block(Block { stmts: round, value: None }), ty: Ty::UNIT, span };
        self.loops.pop();
        self.depth -= 1;
        let walk = Expr { kind: ExprKind::Loop { id, body: Box::new(round) }, ty: Ty::UNIT, span };
        let hold = StmtKind::Let { pattern: Pattern::Local(source), init: Some(iterator) };
        let stmts = vec![Stmt { kind: hold, span: at }, Stmt { kind: StmtKind::Expr(walk), span }];
        Expr { kind: ExprKind::Block(Block { stmts, value: None }), ty: Ty::UNIT, span }
    }

    /// What an iterator hands out by a reference for reading and what can be copied is copied; of tuples, each part.
    fn copied(&mut self, place: Expr, item: Ty, span: Span) -> Expr {
        let item = self.known(item);
        let take = |place: Expr, ty: Ty, copy: Ty| {
            let taken = Expr { kind: ExprKind::Take(Box::new(place)), ty, span };
            match ty == copy {
                true => taken,
                false => Expr { kind: ExprKind::Deref(Box::new(taken)), ty: copy, span },
            }
        };
        let TyKind::Tuple(parts) = self.cx.types.kind(item).clone() else {
            let copy = self.copy_of(item);
            return take(place, item, copy);
        };
        let copies: Vec<Ty> = parts.iter().map(|&part| self.copy_of(part)).collect();
        if copies == parts {
            return take(place, item, item);
        }
        let values = parts.iter().zip(&copies).enumerate().map(|(index, (&part, &copy))| {
            let base = Box::new(place.clone());
            let field = Expr { kind: ExprKind::Field { base, index: index as u32 }, ty: part, span };
            take(field, part, copy)
        });
        let values = values.collect();
        let ty = self.cx.types.intern(TyKind::Tuple(copies));
        Expr { kind: ExprKind::Tuple(values), ty, span }
    }

    /// The type of the copy that is made of something; its own if none is made.
    fn copy_of(&mut self, ty: Ty) -> Ty {
        let TyKind::Ref { pointee, mutable: false } = *self.cx.types.kind(ty) else { return ty };
        let pointee = self.known(pointee);
        let copied = !self.cx.types.needs_drop(pointee) && !self.cx.types.has_infer(pointee);
        if copied { pointee } else { ty }
    }

    /// `next` of the iterator in a local.
    fn next_of(&mut self, source: LocalId, ty: Ty, item: Ty, span: Span) -> Expr {
        let (_, func) = self.core_function("Iterator", "next").expect("the caller saw it");
        let place = Expr { kind: ExprKind::Local(source), ty, span };
        let receiver = self.borrow_place(place, true);
        let ret = self.cx.signature(func).ret;
        let (ty, item) = (self.known(ty), self.known(item));
        let option = self.cx.types.subst(ret, &[ty, item]);
        let callee = Callee::Func { func, args: vec![ty, item] };
        Expr { kind: ExprKind::Call { callee, args: vec![receiver] }, ty: option, span }
    }
}
