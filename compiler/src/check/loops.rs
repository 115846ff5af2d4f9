//! Loops, and what leaves them.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx, LoopCx};
use super::infer::VarKind;
use crate::typed::{Block, Expr, ExprKind, LoopId, Pattern, Stmt, StmtKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    pub(super) fn enter_loop(&mut self, value: Option<Ty>) -> LoopId {
        let id = LoopId(self.next_loop);
        self.next_loop += 1;
        self.loops.push(LoopCx { id, value, broken: false });
        id
    }

    /// The body of a loop, for its effect.
    pub(super) fn loop_body(&mut self, body: &'a ast::Block) -> Box<Expr> {
        let straight = std::mem::replace(&mut self.straight, false);
        let body = self.block(body, Expect::Effect);
        self.straight = straight;
        Box::new(self.discard(body))
    }

    pub(super) fn while_loop(&mut self, cond: &'a ast::Expr, body: &'a ast::Block, span: Span) -> Expr {
        let id = self.enter_loop(None);
        let cond = Box::new(self.condition(cond));
        let body = self.loop_body(body);
        let left = self.loops.pop().expect("entered above");
        let endless = matches!(cond.kind, ExprKind::Bool(true)) && !left.broken;
        let ty = if endless { Ty::NEVER } else { Ty::UNIT };
        if endless {
            return Expr { kind: ExprKind::Loop { id, body }, ty, span };
        }
        Expr { kind: ExprKind::While { id, cond, body }, ty, span }
    }

    pub(super) fn endless_loop(&mut self, body: &'a ast::Block, expect: Expect, span: Span) -> Expr {
        let value = match expect {
            Expect::Type(ty) => ty,
            Expect::Any => self.fresh(VarKind::General, span),
            Expect::Effect => Ty::UNIT,
        };
        let id = self.enter_loop(Some(value));
        let body = self.loop_body(body);
        let left = self.loops.pop().expect("entered above");
        let ty = if left.broken { value } else { Ty::NEVER };
        Expr { kind: ExprKind::Loop { id, body }, ty, span }
    }

    pub(super) fn for_loop(
        &mut self,
        pattern: &'a ast::Pattern,
        iter: &'a ast::Expr,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        if let ast::ExprKind::Range { lo, hi, inclusive } = &iter.kind {
            return self.for_range(pattern, lo, hi, *inclusive, body, span);
        }
        self.for_each(pattern, iter, body, span)
    }

    pub(super) fn for_range(
        &mut self,
        pattern: &'a ast::Pattern,
        lo: &'a ast::Expr,
        hi: &'a ast::Expr,
        inclusive: bool,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        let lo = self.at_site(lo.span, |fx| fx.value(lo, Expect::Any));
        let hi = self.at_site(hi.span, |fx| fx.value(hi, Expect::Any));
        let (lo, hi) = (self.scalar(lo), self.scalar(hi));
        let (lo, hi) = self.same_number(lo, hi);
        let ty = self.shallow(lo.ty);
        if !self.is_integer(ty) || !self.unify(lo.ty, hi.ty) {
            let (a, b) = (self.shown(lo.ty), self.shown(hi.ty));
            if ty != Ty::ERROR && self.shallow(hi.ty) != Ty::ERROR {
                let title = format!("a range runs over integers of one type, not from {a} to {b}");
                self.error(Diagnostic::error(codes::OPERATOR, lo.span.to(hi.span), title));
            }
        }
        let id = self.enter_loop(None);
        let mut local = None;
        let body = self.scoped(|fx| {
            let declared = fx.declare_pattern(pattern, ty, false);
            local = Some(match declared {
                Pattern::Local(local) => {
                    fx.info[local.0 as usize].loop_variable = true;
                    local
                }
                _ => fx.hidden(pattern.span(), ty),
            });
            fx.loop_body(body)
        });
        self.loops.pop();
        let local = local.expect("set above");
        let (lo, hi) = (Box::new(lo), Box::new(hi));
        Expr { kind: ExprKind::ForRange { id, local, lo, hi, inclusive, body }, ty: Ty::UNIT, span }
    }

    /// `for x in a`: over the elements of an array or slice, by index.
    pub(super) fn for_each(
        &mut self,
        pattern: &'a ast::Pattern,
        iter: &'a ast::Expr,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        let outer = std::mem::take(&mut self.temps);
        let source = self.at_site(iter.span, |fx| fx.expr(iter, Expect::Any));
        let source = match self.iterator(source) {
            Ok(iterator) => {
                let temps = std::mem::replace(&mut self.temps, outer);
                let run = self.run_iterator(pattern, iterator, body, span);
                if temps.is_empty() {
                    return run;
                }
                return Expr { kind: ExprKind::Scope { temps, value: Box::new(run) }, ty: Ty::UNIT, span };
            }
            Err(source) => source,
        };
        let Some((slice, elem)) = self.as_slice(source) else {
            self.temps = outer;
            self.enter_loop(None);
            self.scoped(|fx| {
                fx.declare_pattern(pattern, Ty::ERROR, true);
                fx.loop_body(body);
            });
            self.loops.pop();
            return self.poison(span);
        };
        let elem = self.copied_element(elem, iter.span);
        let temps = std::mem::replace(&mut self.temps, outer);
        let at = |kind, ty| Expr { kind, ty, span: iter.span };
        self.depth += 1;
        let items = self.hidden(iter.span, slice.ty);
        let counter = self.hidden(iter.span, Ty::USIZE);
        let id = self.enter_loop(None);
        let base = Box::new(at(ExprKind::Local(items), slice.ty));
        let index = Box::new(at(ExprKind::Local(counter), Ty::USIZE));
        let element = at(ExprKind::Index { base: base.clone(), index }, elem);
        let body = Box::new(self.bound_body(pattern, element, body));
        self.loops.pop();
        self.depth -= 1;
        let lo = Box::new(at(ExprKind::Int(0), Ty::USIZE));
        let hi = Box::new(at(ExprKind::Len(base), Ty::USIZE));
        let walk = ExprKind::ForRange { id, local: counter, lo, hi, inclusive: false, body };
        let hold = StmtKind::Let { pattern: Pattern::Local(items), init: Some(slice) };
        let hold = Stmt { kind: hold, span: iter.span };
        let walk = Stmt { kind: StmtKind::Expr(Expr { kind: walk, ty: Ty::UNIT, span }), span };
        let block = ExprKind::Block(Block { stmts: vec![hold, walk], value: None });
        let block = Expr { kind: block, ty: Ty::UNIT, span };
        if temps.is_empty() {
            return block;
        }
        Expr { kind: ExprKind::Scope { temps, value: Box::new(block) }, ty: Ty::UNIT, span }
    }

    /// The type of the elements, unless a loop cannot hand them out one by one.
    fn copied_element(&mut self, elem: Ty, span: Span) -> Ty {
        if !self.is_owned(elem) {
            return elem;
        }
        let title = format!("{} cannot be moved out of an element", self.a(elem));
        let d = Diagnostic::error(codes::MOVE_OUT, span, title);
        let d = d.note("a loop over elements copies each, and this type has values with one owner");
        self.error(d.help("run over the indices, `for i in 0..list.len()`, and lend `&list[i]`"));
        Ty::ERROR
    }

    /// The body of a loop over elements, with the pattern bound to the current one.
    pub(super) fn bound_body(
        &mut self,
        pattern: &'a ast::Pattern,
        element: Expr,
        body: &'a ast::Block,
    ) -> Expr {
        self.scoped(|fx| {
            let ty = element.ty;
            let init = Some(fx.consume(element));
            let bound = fx.declare_pattern(pattern, ty, false);
            if let Pattern::Local(local) = bound {
                fx.info[local.0 as usize].loop_variable = true;
            }
            let bind = Stmt { kind: StmtKind::Let { pattern: bound, init }, span: pattern.span() };
            let inner = fx.loop_body(body);
            let span = inner.span;
            let run = Stmt { kind: StmtKind::Expr(*inner), span };
            let block = ExprKind::Block(Block { stmts: vec![bind, run], value: None });
            Expr { kind: block, ty: Ty::UNIT, span }
        })
    }

    /// A slice over an array place, a reference to an array, or a slice; with the element type.
    pub(super) fn as_slice(&mut self, source: Expr) -> Option<(Expr, Ty)> {
        let span = source.span;
        match self.kind(source.ty).clone() {
            TyKind::Slice { elem, .. } => Some((source, elem)),
            TyKind::Array { elem, .. } => {
                let place = if self.is_place(&source) { source } else { self.temporary(source) };
                let reference = self.borrow_place(place, false);
                let ty = self.cx.types.intern(TyKind::Slice { mutable: false, elem });
                Some((Expr { kind: ExprKind::ArrayToSlice(Box::new(reference)), ty, span }, elem))
            }
            TyKind::Ref { pointee, .. } => match self.kind(pointee).clone() {
                TyKind::Array { elem, .. } => {
                    let ty = self.cx.types.intern(TyKind::Slice { mutable: false, elem });
                    Some((Expr { kind: ExprKind::ArrayToSlice(Box::new(source)), ty, span }, elem))
                }
                _ => self.not_iterable(source),
            },
            TyKind::Error => None,
            _ => self.not_iterable(source),
        }
    }

    pub(super) fn not_iterable<T>(&mut self, source: Expr) -> Option<T> {
        let shown = self.a(source.ty);
        let title = format!("`for` cannot run over {shown}");
        let mut d = Diagnostic::error(codes::NOT_INDEXABLE, source.span, title);
        d = if self.is_integer(source.ty) {
            d.fix("write a range", Span::new(source.span.lo, source.span.lo), "0..")
        } else if self.shallow(source.ty) == Ty::STR {
            d.fix("run over its bytes", source.span.after(), ".bytes()")
        } else {
            d.note("it runs over ranges `a..b`, arrays and slices")
        };
        self.error(d);
        None
    }

    pub(super) fn break_expr(&mut self, value: Option<&'a ast::Expr>, span: Span) -> Expr {
        let Some(current) = self.loops.last_mut() else {
            self.outside_loop("break", span);
            return Expr { ty: Ty::NEVER, ..self.poison(span) };
        };
        current.broken = true;
        let (target, wanted) = (current.id, current.value);
        let value = match (value, wanted) {
            (Some(value), Some(ty)) if self.shallow(ty) != Ty::UNIT => {
                Some(Box::new(self.value_of(value, ty)))
            }
            (Some(value), _) => {
                let title = "only a `loop` whose value is used can be left with a value";
                self.error(Diagnostic::error(codes::MISPLACED, value.span, title));
                None
            }
            (None, Some(ty)) if !self.unify(ty, Ty::UNIT) => {
                let shown = self.show(ty);
                let title = format!("this `break` needs a value of type `{shown}`");
                self.error(Diagnostic::error(codes::MISMATCH, span, title));
                None
            }
            (None, _) => None,
        };
        Expr { kind: ExprKind::Break { target, value }, ty: Ty::NEVER, span }
    }

    pub(super) fn continue_expr(&mut self, span: Span) -> Expr {
        match self.loops.last() {
            Some(current) => Expr { kind: ExprKind::Continue(current.id), ty: Ty::NEVER, span },
            None => {
                self.outside_loop("continue", span);
                Expr { ty: Ty::NEVER, ..self.poison(span) }
            }
        }
    }

    pub(super) fn outside_loop(&mut self, word: &str, span: Span) {
        let title = format!("`{word}` stands outside any loop");
        let mut d = Diagnostic::error(codes::OUTSIDE_LOOP, span, title);
        if self.defer.is_some() {
            d = d.note("a deferred expression runs later, when the loops around it have ended");
        }
        self.error(d);
    }
}
