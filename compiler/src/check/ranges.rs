//! `a[lo..hi]`: a part of an array, a slice, a string or anything with a method `slice`.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Span, Symbol};

use super::function::{Expect, FnCx};
use crate::typed::{Block, Expr, ExprKind, LocalId, Pattern, Piece, Stmt, StmtKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// `base[lo..hi]`
    pub(super) fn index_range(
        &mut self,
        base: &'a ast::Expr,
        (lo, hi, inclusive): (&'a ast::Expr, &'a ast::Expr, bool),
        span: Span,
    ) -> Expr {
        let object = self.expr(base, Expect::Any);
        let ty = self.receiver_type(object.ty);
        match self.kind(ty) {
            TyKind::Array { .. } | TyKind::Slice { .. } => self.sliced(object, (lo, hi, inclusive), span),
            TyKind::Error => self.poison(span),
            _ => {
                let last = match inclusive {
                    false => hi.clone(),
                    true => ast::Expr {
                        kind: ast::ExprKind::Binary {
                            op: BinaryOp::Add,
                            left: Box::new(hi.clone()),
                            right: Box::new(number(1, hi)),
                        },
                        span: hi.span,
                        depth: hi.depth + 1,
                    },
                };
                let both = ast::ExprKind::Tuple(vec![lo.clone(), last]);
                let depth = lo.depth.max(hi.depth) + 2;
                let kept = self.cx.keep(ast::Expr { kind: both, span: lo.span.to(hi.span), depth });
                let ast::ExprKind::Tuple(args) = &kept.kind else { return self.poison(span) };
                let name = ast::Ident { name: Symbol::new("slice"), span };
                self.call_method_on(object, name, false, &[], args, span)
            }
        }
    }

    fn sliced(
        &mut self,
        object: Expr,
        (lo, hi, inclusive): (&'a ast::Expr, &'a ast::Expr, bool),
        span: Span,
    ) -> Expr {
        let object = match *self.kind(object.ty) {
            TyKind::Ref { pointee, .. } if matches!(self.kind(pointee), TyKind::Slice { .. }) => {
                self.scalar(object)
            }
            _ => object,
        };
        let mutable = match self.kind(object.ty) {
            TyKind::Slice { mutable, .. } | TyKind::Ref { mutable, .. } => *mutable,
            _ => self.is_place(&object) && self.read_only(&object).is_none(),
        };
        let Some((slice, elem)) = self.slice_of(object, mutable) else { return self.poison(span) };
        let lo = self.bound_of(lo);
        let hi = self.bound_of(hi);
        let at = |kind, ty| Expr { kind, ty, span };
        let whole = self.hidden(span, slice.ty);
        let (first, last) = (self.hidden(span, Ty::USIZE), self.hidden(span, Ty::USIZE));
        let read = |local: LocalId, ty| at(ExprKind::Local(local), ty);
        let end = match inclusive {
            false => hi,
            true => {
                let one = Box::new(at(ExprKind::Int(1), Ty::USIZE));
                at(ExprKind::Binary { op: BinaryOp::Add, left: Box::new(hi), right: one }, Ty::USIZE)
            }
        };
        let len = at(ExprKind::Len(Box::new(read(whole, slice.ty))), Ty::USIZE);
        let less =
            |a, b| at(ExprKind::Binary { op: BinaryOp::Le, left: Box::new(a), right: Box::new(b) }, Ty::BOOL);
        let inside = ExprKind::Logic {
            and: true,
            left: Box::new(less(read(first, Ty::USIZE), read(last, Ty::USIZE))),
            right: Box::new(less(read(last, Ty::USIZE), len.clone())),
        };
        let shown = |value| Piece::Value { value, spec: Default::default() };
        let pieces = vec![
            Piece::Text("the range ".into()),
            shown(read(first, Ty::USIZE)),
            Piece::Text("..".into()),
            shown(read(last, Ty::USIZE)),
            Piece::Text(" is not inside the length ".into()),
            shown(len),
        ];
        let outside = Box::new(at(ExprKind::Not(Box::new(at(inside, Ty::BOOL))), Ty::BOOL));
        let fail = Box::new(at(ExprKind::Panic { pieces }, Ty::NEVER));
        let check = at(ExprKind::If { cond: outside, then: fail, els: None }, Ty::UNIT);
        let pointer = self.cx.types.raw_ptr(elem, mutable);
        let start = at(ExprKind::DataPtr(Box::new(read(whole, slice.ty))), pointer);
        let scale = self.cx.types.layout(self.shallow(elem)).size;
        let (base, offset) = (Box::new(start), Box::new(read(first, Ty::USIZE)));
        let data = Box::new(at(ExprKind::PtrOffset { base, offset, scale, negative: false }, pointer));
        let count = ExprKind::Binary {
            op: BinaryOp::Sub,
            left: Box::new(read(last, Ty::USIZE)),
            right: Box::new(read(first, Ty::USIZE)),
        };
        let len = Box::new(at(count, Ty::USIZE));
        let ty = slice.ty;
        let part = at(ExprKind::StrFromParts { data, len }, ty);
        let bind = |local, init| Stmt {
            kind: StmtKind::Let { pattern: Pattern::Local(local), init: Some(init) },
            span,
        };
        let stmts = vec![
            bind(whole, slice),
            bind(first, lo),
            bind(last, end),
            Stmt { kind: StmtKind::Expr(check), span },
        ];
        at(ExprKind::Block(Block { stmts, value: Some(Box::new(part)) }), ty)
    }

    /// A slice over the whole of an array, or the slice itself.
    fn slice_of(&mut self, object: Expr, mutable: bool) -> Option<(Expr, Ty)> {
        let span = object.span;
        let object = match *self.kind(object.ty) {
            TyKind::Array { .. } => {
                let place = if self.is_place(&object) { object } else { self.temporary(object) };
                self.borrow_place(place, mutable)
            }
            _ => object,
        };
        match *self.kind(object.ty) {
            TyKind::Slice { elem, .. } => Some((object, elem)),
            TyKind::Ref { pointee, .. } => {
                let TyKind::Array { elem, .. } = *self.kind(pointee) else { return None };
                let ty = self.cx.types.intern(TyKind::Slice { mutable, elem });
                Some((Expr { kind: ExprKind::ArrayToSlice(Box::new(object)), ty, span }, elem))
            }
            _ => None,
        }
    }

    fn bound_of(&mut self, bound: &'a ast::Expr) -> Expr {
        let value = self.value(bound, Expect::Any);
        let value = self.scalar(value);
        match self.is_integer(value.ty) && self.var_kind(value.ty).is_none() {
            true => self.cast(value, Ty::USIZE, crate::typed::CastKind::IntToInt),
            false => self.coerce(value, Ty::USIZE),
        }
    }
}

/// A number in the place of another expression.
fn number(value: u64, at: &ast::Expr) -> ast::Expr {
    ast::Expr { kind: ast::ExprKind::Int { value, suffix: None }, span: at.span, depth: 1 }
}
