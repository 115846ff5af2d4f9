//! Builtins about who owns a value: what containers are made with.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{Expr, ExprKind};
use crate::types::{Ty, TyKind};

/// The names of these builtins.
pub(super) const NAMES: &[&str] = &["ptr_read", "forget", "drop", "slice_from"];

impl<'a> FnCx<'_, 'a> {
    /// A call of a builtin of this file.
    pub(super) fn owned_builtin(&mut self, word: &str, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let wanted = if word == "slice_from" { 2 } else { 1 };
        if args.len() != wanted {
            return self.count_error(word, wanted, args, at, span).unwrap_or_else(|| self.poison(span));
        }
        match word {
            "ptr_read" => self.read_through(&args[0], at, span),
            "slice_from" => self.slice_from(&args[0], &args[1], at, span),
            "forget" => {
                let value = self.value(&args[0], Expect::Any);
                Expr { kind: ExprKind::Forget(Box::new(value)), ty: Ty::UNIT, span }
            }
            _ => {
                let value = self.value(&args[0], Expect::Any);
                self.discard(value)
            }
        }
    }

    /// `ptr_read(p)`: the value that a pointer points at, taken bit by bit. Whoever calls it sees to it that nobody
    /// else drops that value.
    fn read_through(&mut self, pointer: &'a ast::Expr, at: Span, span: Span) -> Expr {
        self.need_unsafe(at, "`ptr_read`");
        let pointer = self.value(pointer, Expect::Any);
        match *self.kind(pointer.ty) {
            TyKind::RawPtr { pointee, .. } | TyKind::Ref { pointee, .. } => {
                let place = Expr { kind: ExprKind::Deref(Box::new(pointer)), ty: pointee, span };
                Expr { kind: ExprKind::Take(Box::new(place)), ty: pointee, span }
            }
            TyKind::Error => self.poison(span),
            _ => {
                let title = format!("`ptr_read` reads through a typed pointer, not {}", self.a(pointer.ty));
                self.error(Diagnostic::error(codes::MISMATCH, pointer.span, title));
                self.poison(span)
            }
        }
    }

    /// `slice_from(p, n)`: the `n` elements from `p` on.
    fn slice_from(&mut self, pointer: &'a ast::Expr, len: &'a ast::Expr, at: Span, span: Span) -> Expr {
        self.need_unsafe(at, "`slice_from`");
        let data = self.value(pointer, Expect::Any);
        let len = self.value_of(len, Ty::USIZE);
        match *self.kind(data.ty) {
            TyKind::RawPtr { pointee: elem, mutable } => {
                let ty = self.cx.types.intern(TyKind::Slice { mutable, elem });
                Expr { kind: ExprKind::StrFromParts { data: Box::new(data), len: Box::new(len) }, ty, span }
            }
            TyKind::Error => self.poison(span),
            _ => {
                let title = format!("`slice_from` takes a typed pointer, not {}", self.a(data.ty));
                self.error(Diagnostic::error(codes::MISMATCH, data.span, title));
                self.poison(span)
            }
        }
    }
}
