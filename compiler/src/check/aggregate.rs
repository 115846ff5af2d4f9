//! Values made of parts: tuples, arrays and structure literals.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use super::infer::VarKind;
use super::names::Lookup;
use crate::typed::{Expr, ExprKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    pub(super) fn tuple(&mut self, elems: &'a [ast::Expr], expect: Expect, span: Span) -> Expr {
        let hints = match expect.ty().map(|ty| self.kind(ty).clone()) {
            Some(TyKind::Tuple(hints)) if hints.len() == elems.len() => Some(hints),
            _ => None,
        };
        let mut values = Vec::new();
        for (index, elem) in elems.iter().enumerate() {
            values.push(match &hints {
                Some(hints) => self.value_of(elem, hints[index]),
                None => self.value(elem, Expect::Any),
            });
        }
        let types: Vec<Ty> = values.iter().map(|value| value.ty).collect();
        if types.iter().any(|&ty| self.shallow(ty) == Ty::ERROR) {
            return self.poison(span);
        }
        let ty = self.cx.types.intern(TyKind::Tuple(types));
        Expr { kind: ExprKind::Tuple(values), ty, span }
    }

    /// The element type that the surroundings want of an array.
    pub(super) fn element_hint(&mut self, expect: Expect) -> Option<Ty> {
        match expect.ty().map(|ty| self.kind(ty).clone()) {
            Some(TyKind::Array { elem, .. } | TyKind::Slice { elem, .. }) => Some(elem),
            _ => None,
        }
    }

    pub(super) fn array(&mut self, elems: &'a [ast::Expr], expect: Expect, span: Span) -> Expr {
        let hint = self.element_hint(expect);
        let mut values: Vec<Expr> = Vec::with_capacity(elems.len());
        let mut elem_ty = hint;
        for elem in elems {
            let value = match elem_ty {
                Some(ty) => self.value_of(elem, ty),
                None => self.value(elem, Expect::Any),
            };
            elem_ty.get_or_insert(value.ty);
            values.push(value);
        }
        let elem = elem_ty.unwrap_or_else(|| self.fresh(VarKind::General, span));
        if self.shallow(elem) == Ty::ERROR {
            return self.poison(span);
        }
        let ty = self.cx.types.intern(TyKind::Array { elem, len: elems.len() as u64 });
        Expr { kind: ExprKind::Array(values), ty, span }
    }

    pub(super) fn repeat(
        &mut self,
        value: &'a ast::Expr,
        count: &'a ast::Expr,
        expect: Expect,
        span: Span,
    ) -> Expr {
        let value = match self.element_hint(expect) {
            Some(ty) => self.value_of(value, ty),
            None => self.value(value, Expect::Any),
        };
        let Some(len) = self.cx.constant_int_in(self.module, count, Ty::USIZE, &self.names) else {
            return self.poison(span);
        };
        let elem = value.ty;
        let ty = self.cx.array_type(elem, len, span);
        if ty == Ty::ERROR {
            return self.poison(span);
        }
        if len > 1 && self.is_owned(elem) {
            let shown = self.a(elem);
            let title = format!("{shown} needs dropping, so it cannot be repeated");
            let d = Diagnostic::error(codes::MOVE_OUT, value.span, title);
            self.error(d.help("write the elements out, so that each has an owner of its own"));
        }
        Expr { kind: ExprKind::Repeat(Box::new(value)), ty, span }
    }

    /// The type of a literal. Type arguments that are not written are inferred.
    fn literal_type(&mut self, written: &'a ast::TypeExpr) -> Ty {
        if let ast::TypeKind::Path { names, args } = &written.kind
            && let ([name], true) = (names.as_slice(), args.is_empty())
            && let Lookup::Found(id) = self.cx.lookup_type(self.module, name.name)
            && !self.cx.types.structs[id.0 as usize].generics.is_empty()
        {
            return self.fresh_type(id, written.span);
        }
        self.resolve_type(written)
    }

    pub(super) fn struct_literal(
        &mut self,
        ty: &'a ast::TypeExpr,
        fields: &'a [ast::FieldInit],
        span: Span,
    ) -> Expr {
        let ty_span = ty.span;
        let ty = self.literal_type(ty);
        let TyKind::Struct { def, .. } = *self.cx.types.kind(ty) else {
            if ty != Ty::ERROR {
                let title = format!("`{}` is not a structure", self.cx.show(ty));
                self.error(Diagnostic::error(codes::UNKNOWN_TYPE, ty_span, title));
            }
            for field in fields {
                self.value(&field.value, Expect::Any);
            }
            return self.poison(span);
        };
        self.cx.ensure_struct(def);
        if self.cx.asks(def) {
            self.made.push((ty, ty_span));
        }
        let structure = &self.cx.types.structs[def.0 as usize];
        if self.cx.session.is_some() && structure.declares_drop && structure.drop_fn.is_none() {
            let title = format!("`{}` cannot be made before its `drop` is declared", structure.name);
            let help = format!("declare it: `fn (self: &{}!) drop() {{ … }}`", structure.name);
            self.error(Diagnostic::error(codes::DROP, span, title).help(help));
        }
        let declared = self.cx.types.fields_of(ty);
        let mut values: Vec<(u32, Expr)> = Vec::new();
        let mut known = true;
        for field in fields {
            let Some(index) = declared.iter().position(|f| f.name == field.name.name) else {
                self.unknown_field(ty, field.name, codes::STRUCT_FIELDS);
                known = false;
                self.value(&field.value, Expect::Any);
                continue;
            };
            let value = self.value_of(&field.value, declared[index].ty);
            if values.iter().any(|(i, _)| *i == index as u32) {
                let title = format!("the field `{}` is given twice", field.name.name);
                self.error(Diagnostic::error(codes::STRUCT_FIELDS, field.name.span, title));
                continue;
            }
            values.push((index as u32, value));
        }
        let missing: Vec<String> = declared
            .iter()
            .enumerate()
            .filter(|(index, _)| !values.iter().any(|(i, _)| *i == *index as u32))
            .map(|(_, field)| format!("`{}`", field.name))
            .collect();
        // A field with a wrong name is probably one of those that are missing.
        if !missing.is_empty() && known {
            let title = format!("the literal of `{}` lacks {}", self.cx.show(ty), missing.join(", "));
            let first = self.cx.types.structs[def.0 as usize].span;
            let d = Diagnostic::error(codes::STRUCT_FIELDS, ty_span, title);
            self.error(d.label(first, "declared here").help("a literal gives every field a value"));
        }
        Expr { kind: ExprKind::Struct(values), ty, span }
    }
}
