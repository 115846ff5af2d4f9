//! Places: fields, elements, what pointers point at; borrowing them and assigning to them.

use vex_syntax::ast;
use vex_syntax::{Code, Diagnostic, Span, Spelling};

use super::arguments::Given;
use super::codes;
use super::function::{Expect, FnCx};
use super::member::Scope;
use crate::typed::{CastKind, Expr, ExprKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// Whether the expression stands for memory.
    pub(super) fn is_place(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Local(_) | ExprKind::Global(_) | ExprKind::Deref(_) | ExprKind::Temp { .. } => true,
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => self.is_place(base),
            ExprKind::Index { base, .. } => {
                matches!(self.kind(base.ty), TyKind::Slice { .. }) || self.is_place(base)
            }
            _ => false,
        }
    }

    /// Follows references (and, inside `unsafe`, raw pointers) to what has fields or elements.
    pub(super) fn auto_deref(&mut self, mut expr: Expr) -> Expr {
        loop {
            let span = expr.span;
            match *self.kind(expr.ty) {
                TyKind::Ref { pointee, .. } => {
                    expr = Expr { kind: ExprKind::Deref(Box::new(expr)), ty: pointee, span };
                }
                TyKind::RawPtr { pointee, .. } => {
                    self.need_unsafe(span, "access through a raw pointer");
                    expr = Expr { kind: ExprKind::Deref(Box::new(expr)), ty: pointee, span };
                }
                _ => return expr,
            }
        }
    }

    /// Reads through references to scalars, so that operators work on `&i64` as on `i64`.
    pub(super) fn scalar(&mut self, mut expr: Expr) -> Expr {
        while let TyKind::Ref { pointee, .. } = *self.kind(expr.ty) {
            let span = expr.span;
            expr = Expr { kind: ExprKind::Deref(Box::new(expr)), ty: pointee, span };
        }
        expr
    }

    /// `base.name`, as a value.
    pub(super) fn field(&mut self, whole: &'a ast::Expr, base: &'a ast::Expr, name: ast::Ident) -> Expr {
        let span = whole.span;
        if let Some(value) = self.module_member(base, name, span) {
            return value;
        }
        let base = self.expr(base, Expect::Any);
        if self.shallow(base.ty) == Ty::ERROR {
            return self.poison(span);
        }
        let mut base = self.auto_deref(base);
        let ty = self.shallow(base.ty);
        if !matches!(self.cx.types.kind(ty), TyKind::Struct { .. }) {
            if matches!(self.cx.types.kind(ty), TyKind::Infer(_)) {
                self.cannot_infer(base.span);
            } else if ty != Ty::ERROR {
                self.unknown_field(ty, name, codes::UNKNOWN_FIELD);
            }
            return self.poison(span);
        }
        let fields = &self.cx.types.struct_of(ty).expect("a structure").fields;
        let Some(index) = fields.iter().position(|field| field.name == name.name) else {
            self.unknown_field(ty, name, codes::UNKNOWN_FIELD);
            return self.poison(span);
        };
        let field_ty = self.cx.types.field_ty(ty, index);
        if !self.is_place(&base) && self.may_be_owned(ty) {
            base = self.temporary(base);
        }
        Expr { kind: ExprKind::Field { base: Box::new(base), index: index as u32 }, ty: field_ty, span }
    }

    /// `alias.name` and `T.name` where nothing is called.
    fn module_member(&mut self, base: &'a ast::Expr, name: ast::Ident, span: Span) -> Option<Expr> {
        match self.scope_of(base)? {
            Scope::Module(from, alias) => {
                let scope = &self.cx.modules[from.0 as usize];
                if let Some(&value) = scope.values.get(&name.name) {
                    return Some(self.module_value(value, span));
                }
                if scope.types.contains_key(&name.name) {
                    let title = format!("`{alias}.{}` is a type, but a value is needed here", name.name);
                    self.error(Diagnostic::error(codes::UNKNOWN_NAME, span, title));
                } else {
                    self.cx.not_in_module(from, alias.as_str(), name);
                }
            }
            Scope::Type(Ty::ERROR, ..) => {}
            Scope::Type(ty, from, word) => match self.static_function(ty, from, word, name.name) {
                Some(func) => return Some(self.function_value_of(func, Given::of(ty), span)),
                None => self.unknown_static(ty, name),
            },
        }
        Some(self.poison(span))
    }

    pub(super) fn cannot_infer(&mut self, span: Span) {
        let d = Diagnostic::error(codes::CANNOT_INFER, span, "the type of this is not known yet");
        self.error(d.help("write its type where it is bound"));
    }

    /// Reports a field that a type does not have.
    pub(super) fn unknown_field(&mut self, ty: Ty, name: ast::Ident, code: Code) {
        let shown = self.show(ty);
        let mut d = Diagnostic::error(code, name.span, format!("`{shown}` has no field `{}`", name.name));
        if let Some(def) = self.cx.types.struct_of(ty) {
            let fields: Vec<&str> = def.fields.iter().map(|field| field.name.as_str()).collect();
            if let Some(near) = super::suggest::nearest(name.name.as_str(), fields.iter().copied()) {
                d = d.fix(format!("did you mean `{near}`?"), name.span, near);
            } else if fields.is_empty() {
                d = d.note(format!("`{shown}` has no fields"));
            } else {
                d = d.note(format!("its fields are {}", fields.join(", ")));
            }
        }
        let builtin = || super::method::builtin_methods(self.cx.types.kind(ty)).contains(&name.name.as_str());
        if self.cx.method_of(ty, name.name).is_some() || builtin() {
            d = d.fix("it is a method: call it", name.span.after(), "()");
        }
        self.error(d);
    }

    pub(super) fn tuple_field(&mut self, base: &'a ast::Expr, index: u32, at: Span, span: Span) -> Expr {
        let base = self.expr(base, Expect::Any);
        let mut base = self.auto_deref(base);
        let ty = self.shallow(base.ty);
        match self.cx.types.kind(ty) {
            TyKind::Tuple(elems) if (index as usize) < elems.len() => {
                let field = elems[index as usize];
                if !self.is_place(&base) && self.may_be_owned(ty) {
                    base = self.temporary(base);
                }
                Expr { kind: ExprKind::Field { base: Box::new(base), index }, ty: field, span }
            }
            TyKind::Error => self.poison(span),
            _ => {
                let shown = self.show(ty);
                let title = format!("`{shown}` has no element {index}");
                self.error(Diagnostic::error(codes::UNKNOWN_FIELD, at, title));
                self.poison(span)
            }
        }
    }

    pub(super) fn index(&mut self, base: &'a ast::Expr, index: &'a ast::Expr, span: Span) -> Expr {
        if let ast::ExprKind::Range { lo, hi, inclusive } = &index.kind {
            return self.index_range(base, (lo, hi, *inclusive), span);
        }
        let base_value = self.expr(base, Expect::Any);
        let base_value = self.index_base(base_value);
        let index = self.value(index, Expect::Any);
        let index = match self.kind(base_value.ty) {
            TyKind::Struct { .. } | TyKind::Param { .. } => index,
            _ => self.scalar(index),
        };
        let declared = matches!(self.kind(base_value.ty), TyKind::Struct { .. } | TyKind::Param { .. });
        if !declared && !self.is_integer(index.ty) && self.shallow(index.ty) != Ty::ERROR {
            let shown = self.a(index.ty);
            let title = format!("an index is an integer, not {shown}");
            self.error(Diagnostic::error(codes::MISMATCH, index.span, title));
            return self.poison(span);
        }
        match self.kind(base_value.ty).clone() {
            TyKind::Array { elem, .. } => {
                let base = if self.is_place(&base_value) { base_value } else { self.temporary(base_value) };
                Expr {
                    kind: ExprKind::Index { base: Box::new(base), index: Box::new(index) },
                    ty: elem,
                    span,
                }
            }
            TyKind::Slice { elem, .. } => Expr {
                kind: ExprKind::Index { base: Box::new(base_value), index: Box::new(index) },
                ty: elem,
                span,
            },
            TyKind::Str => {
                let bytes = self.cx.types.intern(TyKind::Slice { mutable: false, elem: Ty::U8 });
                let base = self.cast(base_value, bytes, CastKind::Bits);
                Expr {
                    kind: ExprKind::Index { base: Box::new(base), index: Box::new(index) },
                    ty: Ty::U8,
                    span,
                }
            }
            TyKind::RawPtr { pointee, .. } => {
                self.need_unsafe(span, "indexing a raw pointer");
                let ty = base_value.ty;
                let scale = self.cx.types.layout(pointee).size;
                let (base, offset) = (Box::new(base_value), Box::new(index));
                let kind = ExprKind::PtrOffset { base, offset, scale, negative: false };
                Expr { kind: ExprKind::Deref(Box::new(Expr { kind, ty, span })), ty: pointee, span }
            }
            TyKind::Error => self.poison(span),
            TyKind::Ptr => {
                let d =
                    Diagnostic::error(codes::NOT_INDEXABLE, base_value.span, "a `ptr` has no element type");
                self.error(d.help("say what it points at: `p as *u8!`"));
                self.poison(span)
            }
            _ => {
                let (base_value, _) = match self.overloaded_index(base_value, index, span) {
                    Ok(element) => return element,
                    Err(parts) => *parts,
                };
                let shown = self.a(base_value.ty);
                let title = format!("{shown} cannot be indexed");
                let d = Diagnostic::error(codes::NOT_INDEXABLE, base_value.span, title);
                self.error(d.note("arrays, slices, strings and typed raw pointers can"));
                self.poison(span)
            }
        }
    }

    /// What is indexed: references to arrays, slices and pointers are followed.
    fn index_base(&mut self, mut base: Expr) -> Expr {
        while let TyKind::Ref { pointee, .. } = *self.kind(base.ty) {
            let span = base.span;
            base = Expr { kind: ExprKind::Deref(Box::new(base)), ty: pointee, span };
        }
        base
    }

    pub(super) fn deref(&mut self, operand: &'a ast::Expr, span: Span) -> Expr {
        let value = self.value(operand, Expect::Any);
        match *self.kind(value.ty) {
            TyKind::Ref { pointee, .. } => Expr { kind: ExprKind::Deref(Box::new(value)), ty: pointee, span },
            TyKind::RawPtr { pointee, .. } => {
                self.need_unsafe(span, "access through a raw pointer");
                Expr { kind: ExprKind::Deref(Box::new(value)), ty: pointee, span }
            }
            TyKind::Error => self.poison(span),
            TyKind::Ptr => {
                let title = "a `ptr` does not say what it points at";
                let d = Diagnostic::error(codes::NOT_INDEXABLE, span, title);
                self.error(d.help("cast it first: `*(p as *i64)`"));
                self.poison(span)
            }
            _ => {
                let shown = self.a(value.ty);
                let title = format!("{shown} is no pointer or reference");
                self.error(Diagnostic::error(codes::NOT_INDEXABLE, span, title));
                self.poison(span)
            }
        }
    }

    /// `&place`, `&place!`.
    pub(super) fn borrow(&mut self, mutable: bool, place: &'a ast::Expr, span: Span) -> Expr {
        let place = self.expr(place, Expect::Any);
        // `.vais` borrows to write wherever that can be.
        let mutable = mutable || (self.spelling == Spelling::Vais && self.can_be_written(&place));
        if self.shallow(place.ty) == Ty::ERROR {
            return self.poison(span);
        }
        if let ExprKind::Func { .. } = place.kind {
            return Expr { span, ..place };
        }
        let place = if self.is_place(&place) { place } else { self.temporary(place) };
        let place = if mutable { self.writable(place) } else { place };
        if mutable
            && let Some(why) = self.read_only(&place)
            && !self.vais_changes(&why, span)
        {
            self.immutable_borrow(why, span);
            return self.poison(span);
        }
        Expr { span, ..self.borrow_place(place, mutable) }
    }

    /// A reference to a place that is known to allow it.
    pub(super) fn borrow_place(&mut self, place: Expr, mutable: bool) -> Expr {
        self.mark_borrowed(&place, mutable);
        let span = place.span;
        let ty = self.cx.types.reference(place.ty, mutable);
        match place.kind {
            // Borrowing what a reference refers to is the reference itself.
            ExprKind::Deref(pointer) if self.shallow(pointer.ty) == ty => *pointer,
            kind => Expr { kind: ExprKind::Borrow(Box::new(Expr { kind, ..place })), ty, span },
        }
    }

    fn mark_borrowed(&mut self, place: &Expr, mutable: bool) {
        match &place.kind {
            ExprKind::Local(id) | ExprKind::Temp { local: id, .. } => {
                self.locals[id.0 as usize].borrowed = true;
                self.info[id.0 as usize].changed |= mutable;
            }
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => {
                self.mark_borrowed(base, mutable)
            }
            ExprKind::Index { base, .. } if !matches!(self.kind(base.ty), TyKind::Slice { .. }) => {
                self.mark_borrowed(base, mutable);
            }
            _ => {}
        }
    }

    /// Bytes a step of a pointer moves by.
    pub(super) fn pointer_scale(&self, ty: Ty) -> u64 {
        match self.kind(ty) {
            TyKind::RawPtr { pointee, .. } => self.cx.types.layout(*pointee).size,
            _ => 1,
        }
    }
}
