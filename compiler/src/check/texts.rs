//! `String` and `str`, which stand for each other where nothing is kept: a `String` has the methods of `str`, and where one
//! of them is looked at, the other will do.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Span, Spelling, Symbol};

use super::function::FnCx;
use super::generics::Head;
use super::{Checker, method};
use crate::typed::{Callee, CastKind, Expr, ExprKind};
use crate::types::{FuncId, StructId, Ty, TyKind};

impl Checker<'_> {
    /// The library's `String`, where it is loaded.
    fn string_type(&self) -> Option<StructId> {
        let module = self.loaded.string()?;
        self.modules[module.0 as usize].types.get(&Symbol::new("String")).copied()
    }

    /// A method or static function of the library's `String`.
    pub(super) fn string_function(&self, name: &str) -> Option<FuncId> {
        self.methods.get(&(Head::Declared(self.string_type()?), Symbol::new(name))).copied()
    }
}

impl FnCx<'_, '_> {
    /// Whether a type is the library's `String`.
    pub(super) fn is_string(&self, ty: Ty) -> bool {
        match *self.kind(ty) {
            TyKind::Struct { def, .. } => self.cx.string_type() == Some(def),
            _ => false,
        }
    }

    /// Whether a type is a reference to the library's `String`.
    fn is_string_reference(&self, ty: Ty, to_write: bool) -> bool {
        match *self.kind(ty) {
            TyKind::Ref { pointee, mutable } => (to_write || !mutable) && self.is_string(pointee),
            _ => false,
        }
    }

    /// Whether the first type is what a text becomes that is lent as a `String`, and the second that.
    pub(super) fn is_text_lent(&self, from: Ty, to: Ty) -> bool {
        let TyKind::Struct { def, .. } = *self.kind(from) else { return false };
        let module = self.cx.loaded.string().map(|module| &self.cx.modules[module.0 as usize]);
        self.is_string(to) && module.is_some_and(|m| m.types.get(&Symbol::new("_Lent")) == Some(&def))
    }

    /// Whether `str` has a method of this name.
    pub(super) fn is_method_of_str(&mut self, name: ast::Ident) -> bool {
        let word = name.name.as_str();
        method::builtin_methods(&TyKind::Str).contains(&word)
            || matches!(word, "is_empty" | "as_ptr")
            || self.method_for(Ty::STR, name).is_some()
    }

    /// The text of a `String`, which keeps its owner.
    pub(super) fn text_of(&mut self, string: Expr) -> Expr {
        let span = string.span;
        let Some(func) = self.cx.string_function("asStr") else { return self.poison(span) };
        let args = vec![self.lent(string)];
        let callee = Callee::Func { func, args: Vec::new() };
        Expr { kind: ExprKind::Call { callee, args }, ty: Ty::STR, span }
    }

    /// A text as a `String` that is only looked at, and a `String` that is lent as its text; the value is given back
    /// where it is something else that is given or wanted.
    pub(super) fn text_for(&mut self, value: Expr, wanted: Ty) -> Result<Expr, Expr> {
        let given = self.shallow(value.ty);
        if given == Ty::STR && self.is_string_reference(wanted, false) {
            return Ok(self.as_string(value, wanted));
        }
        // Every reference may be written through in `.vais`: there it is one to a copy.
        let writable = self.spelling == Spelling::Vais && !self.callee_changes;
        if given == Ty::STR && writable && self.is_string_reference(wanted, true) {
            return Ok(self.copy_as_string(value, wanted));
        }
        if self.shallow(wanted) == Ty::STR && self.is_string_reference(given, true) {
            let value = self.scalar(value);
            return Ok(self.text_of(value));
        }
        Err(value)
    }

    /// An argument that is lent as a key is: a text where the keys are `String`, and the other way round.
    pub(super) fn text_as_key(&mut self, value: Expr, wanted: Ty) -> Result<Expr, Expr> {
        let TyKind::Ref { pointee: key, .. } = *self.kind(wanted) else { return Err(value) };
        let of = self.receiver_type(value.ty);
        if of == Ty::STR && self.is_string(key) {
            let text = self.scalar(value);
            return Ok(self.as_string(text, wanted));
        }
        if self.shallow(key) == Ty::STR && self.is_string(of) {
            let string = self.scalar(value);
            let text = self.text_of(string);
            return Ok(self.lent(text));
        }
        Err(value)
    }

    /// A `&String` to a temporary that looks like a `String` with this text, and has no owner.
    fn as_string(&mut self, text: Expr, wanted: Ty) -> Expr {
        let span = text.span;
        let Some(func) = self.cx.string_function("_lend") else { return self.poison(span) };
        let ty = self.cx.signature(func).ret;
        let callee = Callee::Func { func, args: Vec::new() };
        let made = Expr { kind: ExprKind::Call { callee, args: vec![text] }, ty, span };
        let reference = self.lent(made);
        self.cast(reference, wanted, CastKind::Bits)
    }

    /// A reference to a temporary `String` with a copy of this text.
    fn copy_as_string(&mut self, text: Expr, wanted: Ty) -> Expr {
        let span = text.span;
        let TyKind::Ref { pointee, mutable } = *self.kind(wanted) else { return self.poison(span) };
        let Some(func) = self.cx.string_function("from") else { return self.poison(span) };
        let callee = Callee::Func { func, args: Vec::new() };
        let made = Expr { kind: ExprKind::Call { callee, args: vec![text] }, ty: pointee, span };
        let place = self.temporary(made);
        self.borrow_place(place, mutable)
    }

    /// An operator on a `String` and a `str`: comparisons compare the texts, `+` makes a `String`. Other operands are given
    /// back.
    pub(super) fn mixed_texts(
        &mut self,
        op: BinaryOp,
        a: Expr,
        b: Expr,
        span: Span,
    ) -> Result<Expr, Box<(Expr, Expr)>> {
        let (left, right) = (self.shallow(a.ty), self.shallow(b.ty));
        let string = match (left == Ty::STR, right == Ty::STR) {
            (true, false) if self.is_string(right) => right,
            (false, true) if self.is_string(left) => left,
            _ => return Err(Box::new((a, b))),
        };
        if Self::is_comparison(op) {
            let text = |fx: &mut Self, value: Expr| match fx.shallow(value.ty) == Ty::STR {
                true => Box::new(value),
                false => Box::new(fx.text_of(value)),
            };
            let (left, right) = (text(self, a), text(self, b));
            return Ok(Expr { kind: ExprKind::Binary { op, left, right }, ty: Ty::BOOL, span });
        }
        let Some((_, func)) = self.core_function("Add", "add").filter(|_| op == BinaryOp::Add) else {
            return Err(Box::new((a, b)));
        };
        let reference = self.cx.types.reference(string, false);
        let args = [a, b].map(|value| match self.shallow(value.ty) == Ty::STR {
            true => self.as_string(value, reference),
            false => self.lent(value),
        });
        let callee = Callee::Func { func, args: vec![string] };
        Ok(Expr { kind: ExprKind::Call { callee, args: args.into() }, ty: string, span })
    }

    /// `string += text`, also of a `String` or a character: it is put at the end. Other operands are given back.
    pub(super) fn text_at_end(
        &mut self,
        op: BinaryOp,
        target: Expr,
        value: Expr,
        span: Span,
    ) -> Result<Expr, Box<(Expr, Expr)>> {
        if op != BinaryOp::Add || !self.is_string(target.ty) {
            return Err(Box::new((target, value)));
        }
        let value = self.scalar(value);
        let (name, value) = match self.shallow(value.ty) {
            Ty::STR => ("pushStr", value),
            Ty::CHAR => ("push", value),
            ty if self.is_string(ty) => ("pushStr", self.text_of(value)),
            _ => return Err(Box::new((target, value))),
        };
        let Some(func) = self.cx.string_function(name) else { return Ok(self.poison(span)) };
        let target = self.borrow_place(target, true);
        let ty = self.cx.signature(func).ret;
        let callee = Callee::Func { func, args: Vec::new() };
        let call = Expr { kind: ExprKind::Call { callee, args: vec![target, value] }, ty, span };
        Ok(self.discard(call))
    }
}
