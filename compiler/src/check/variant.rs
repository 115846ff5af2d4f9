//! Making values of types with variants: which variant an expression names, and its payload.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::arguments::count_of;
use super::closure::Form;
use super::enums::VariantId;
use super::function::{Expect, FnCx};
use super::infer::VarKind;
use super::names::Lookup;
use super::{codes, suggest};
use crate::typed::{BinaryOp, Expr, ExprKind};
use crate::types::{StructId, Ty, TyKind, Variant};

/// A variant that an expression or pattern names, with the type arguments that were written.
pub(super) struct Named<'e> {
    pub(super) id: VariantId,
    pub(super) args: &'e [ast::TypeExpr],
}

impl<'a> FnCx<'_, 'a> {
    /// The type with variants that an expression names, with the type arguments written after it.
    pub(super) fn enum_path<'e>(&self, base: &'e ast::Expr) -> Option<(StructId, &'e [ast::TypeExpr])> {
        match &base.kind {
            ast::ExprKind::Name(word) => {
                let hidden = self.names.contains_key(word) || self.cx.alias(self.module, *word).is_some();
                self.enum_named(*word).filter(|_| !hidden).map(|id| (id, &[][..]))
            }
            ast::ExprKind::Field { base, name } => {
                let ast::ExprKind::Name(alias) = base.kind else { return None };
                if self.names.contains_key(&alias) {
                    return None;
                }
                self.enum_in(alias, name.name).map(|id| (id, &[][..]))
            }
            ast::ExprKind::Generic { base, args } => {
                self.enum_path(base).map(|(id, _)| (id, args.as_slice()))
            }
            _ => None,
        }
    }

    /// The type with variants of this name.
    pub(super) fn enum_named(&self, name: Symbol) -> Option<StructId> {
        match self.cx.lookup_type(self.module, name) {
            Lookup::Found(id) if self.cx.is_enum(id) => Some(id),
            _ => None,
        }
    }

    /// The type with variants of this name in the module that is imported under another.
    pub(super) fn enum_in(&self, alias: Symbol, name: Symbol) -> Option<StructId> {
        let from = self.cx.alias(self.module, alias)?;
        let id = *self.cx.modules[from.0 as usize].types.get(&name)?;
        self.cx.is_enum(id).then_some(id)
    }

    /// The variant that an expression names: `Shape.Circle`, `m.Shape.Circle`, or `Circle` where that means nothing
    /// else.
    fn variant_of<'e>(&mut self, expr: &'e ast::Expr, expect: Expect) -> Option<Named<'e>> {
        match &expr.kind {
            ast::ExprKind::Name(name) => {
                let id = self.bare_variant(*name, expect.ty(), expr.span)?;
                Some(Named { id, args: &[] })
            }
            ast::ExprKind::Field { base, name } => {
                self.cx.variants.get(&name.name)?;
                let (def, args) = self.enum_path(base)?;
                let id = self.cx.variant_named(def, name.name)?;
                Some(Named { id, args })
            }
            _ => None,
        }
    }

    /// The variant that a name alone stands for: nothing else has it, and the wanted type or just one of those that
    /// can be named here has such a variant.
    pub(super) fn bare_variant(&mut self, name: Symbol, wanted: Option<Ty>, span: Span) -> Option<VariantId> {
        self.cx.variants.get(&name)?;
        if self.names.contains_key(&name)
            || !matches!(self.cx.lookup_value(self.module, name), Lookup::Missing)
        {
            return None;
        }
        let wanted = wanted.and_then(|ty| self.cx.enum_of(self.shallow(ty)));
        if let Some(id) = wanted.and_then(|def| self.cx.variant_named(def, name)) {
            return Some(id);
        }
        if !matches!(self.cx.lookup_type(self.module, name), Lookup::Missing) {
            return None;
        }
        let all = self.cx.visible_variants(self.module, name);
        if let [first, second, ..] = all[..] {
            let (a, b) = (self.cx.variant_path_text(first), self.cx.variant_path_text(second));
            let title = format!("`{name}` is a variant of two types");
            let d = Diagnostic::error(codes::AMBIGUOUS, span, title);
            self.error(d.note(format!("`{a}` and `{b}`")).help(format!("write `{a}` or `{b}`")));
        }
        all.first().copied()
    }

    /// A type with variants, its arguments as they were written or to be inferred.
    pub(super) fn enum_type(
        &mut self,
        id: StructId,
        args: &[ast::TypeExpr],
        wanted: Option<Ty>,
        span: Span,
    ) -> Ty {
        self.cx.ensure_struct(id);
        let count = self.cx.types.structs[id.0 as usize].generics.len();
        let args: Vec<Ty> = if args.is_empty() {
            (0..count).map(|_| self.fresh(VarKind::General, span)).collect()
        } else if args.len() == count {
            args.iter().map(|arg| self.resolve_type(arg)).collect()
        } else {
            let name = self.cx.types.structs[id.0 as usize].name;
            let title = format!("`{name}` takes {count} type arguments, not {}", args.len());
            self.error(Diagnostic::error(codes::ARGUMENTS, span, title));
            return Ty::ERROR;
        };
        if args.contains(&Ty::ERROR) {
            return Ty::ERROR;
        }
        let ty = self.cx.types.intern(TyKind::Struct { def: id, args });
        if self.cx.asks(id) {
            self.made.push((ty, span));
        }
        if let Some(wanted) = wanted.filter(|&wanted| self.cx.enum_of(self.shallow(wanted)) == Some(id)) {
            self.unify(ty, wanted);
        }
        ty
    }

    /// A variant of a type, its arguments put in.
    pub(super) fn variant_in(&mut self, ty: Ty, variant: u32) -> Variant {
        let ty = self.shallow(ty);
        let mut all = self.cx.types.variants_of(ty).expect("a type with variants");
        all.swap_remove(variant as usize)
    }

    /// `Shape.Circle(1.0)`, if the callee names a variant.
    pub(super) fn variant_call(
        &mut self,
        callee: &'a ast::Expr,
        args: &'a [ast::Expr],
        expect: Expect,
        span: Span,
    ) -> Option<Expr> {
        let Named { id: (def, index), args: types } = self.variant_of(callee, expect)?;
        let ty = self.enum_type(def, types, expect.ty(), callee.span);
        if ty == Ty::ERROR {
            self.check_all(args);
            return Some(self.poison(span));
        }
        let variant = self.variant_in(ty, index);
        if variant.named || variant.fields.len() != args.len() {
            self.wrong_payload((def, index), &variant, Some(args.len()), callee.span);
            self.check_all(args);
            return Some(Expr { ty, ..self.poison(span) });
        }
        let values = args.iter().zip(&variant.fields).enumerate();
        let fields = values.map(|(at, (arg, field))| (at as u32, self.value_of(arg, field.ty))).collect();
        Some(Expr { kind: ExprKind::Variant { variant: index, fields }, ty, span })
    }

    /// `Shape.Point`, if the expression names a variant.
    pub(super) fn variant_value(&mut self, expr: &'a ast::Expr, expect: Expect) -> Option<Expr> {
        if !self.may_name_variant(expr) {
            return None;
        }
        let call = self.wanted_call(expect);
        let wanted = call.as_ref().map_or(expect.ty(), |(_, ret)| Some(*ret));
        let Named { id: (def, index), args } =
            self.variant_of(expr, wanted.map_or(Expect::Any, Expect::Type))?;
        let ty = self.enum_type(def, args, wanted, expr.span);
        if ty == Ty::ERROR {
            return Some(self.poison(expr.span));
        }
        let variant = self.variant_in(ty, index);
        if !variant.fields.is_empty() && !variant.named && (call.is_some() || self.may_be_function(expect)) {
            return Some(self.variant_function(ty, index, &variant, call, expr.span));
        }
        if !variant.fields.is_empty() {
            self.wrong_payload((def, index), &variant, None, expr.span);
            return Some(Expr { ty: Ty::ERROR, ..self.poison(expr.span) });
        }
        Some(Expr { kind: ExprKind::Variant { variant: index, fields: Vec::new() }, ty, span: expr.span })
    }

    /// Whether the last name of an expression is one of a variant.
    fn may_name_variant(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ast::ExprKind::Name(name) => self.cx.variants.contains_key(name),
            ast::ExprKind::Field { name, .. } => self.cx.variants.contains_key(&name.name),
            _ => false,
        }
    }

    /// Whether nothing is known of what is wanted here.
    fn may_be_function(&mut self, expect: Expect) -> bool {
        expect.ty().is_none_or(|ty| {
            let ty = self.shallow(ty);
            self.var_kind(ty).is_some()
        })
    }

    /// `Shape.Circle` as a function that makes a value of its payload: a closure without captures.
    fn variant_function(
        &mut self,
        ty: Ty,
        index: u32,
        variant: &Variant,
        wanted: Option<(Vec<Ty>, Ty)>,
        span: Span,
    ) -> Expr {
        let id = (self.cx.enum_of(ty).expect("a type with variants"), index);
        let types: Vec<Ty> = variant.fields.iter().map(|field| field.ty).collect();
        if let Some((params, _)) = wanted {
            if params.len() != types.len() {
                self.wrong_payload(id, variant, Some(params.len()), span);
                return Expr { ty: Ty::ERROR, ..self.poison(span) };
            }
            for (wanted, &ty) in params.into_iter().zip(&types) {
                if !self.unify(ty, wanted) {
                    self.wrong_part(id, variant, (ty, wanted), span);
                    return Expr { ty: Ty::ERROR, ..self.poison(span) };
                }
            }
        }
        let parts = types.clone();
        let form = Form { head: span, ret_span: span, moves: false, span };
        self.make_closure(form, types, ty, |fx, own| {
            let own = fx.cx.types.reference(own, true);
            let mut params = vec![fx.hidden(span, own)];
            let mut fields = Vec::with_capacity(parts.len());
            for (at, ty) in parts.into_iter().enumerate() {
                let local = fx.hidden(span, ty);
                fx.info[local.0 as usize].parameter = true;
                params.push(local);
                let read = Expr { kind: ExprKind::Local(local), ty, span };
                fields.push((at as u32, fx.consume(read)));
            }
            (params, Expr { kind: ExprKind::Variant { variant: index, fields }, ty, span })
        })
    }

    /// Reports a variant that is to be called with something else than its payload.
    fn wrong_part(&mut self, id: VariantId, variant: &Variant, (ty, wanted): (Ty, Ty), at: Span) {
        let (path, ty, wanted) = (self.cx.variant_path_text(id), self.show(ty), self.show(wanted));
        let title = format!("`{path}` takes a `{ty}`, and is called with a `{wanted}` here");
        let d = Diagnostic::error(codes::MISMATCH, at, title).label(variant.span, "declared here");
        self.error(d.help(format!("write a closure that makes a `{ty}` first: `|x| {path}(…)`")));
    }

    /// Reports a payload that is not the variant's: so many values in parentheses, or none.
    pub(super) fn wrong_payload(&mut self, id: VariantId, variant: &Variant, given: Option<usize>, at: Span) {
        let path = self.cx.variant_path_text(id);
        let names: Vec<&str> = variant.fields.iter().map(|field| field.name.as_str()).collect();
        let (title, help) = match (variant.named, given) {
            (true, _) => (
                format!("the payload of `{path}` has names"),
                format!("write `{path} {{ {} }}`", names.join(": …, ") + ": …"),
            ),
            (false, Some(_)) if names.is_empty() => {
                (format!("`{path}` has no payload"), "leave out the parentheses".to_string())
            }
            (false, Some(given)) => (
                format!("`{path}` takes {}, not {given}", count_of(names.len())),
                format!("write `{path}({})`", vec!["…"; names.len()].join(", ")),
            ),
            (false, None) => (
                format!("`{path}` needs its payload"),
                format!("write `{path}({})`", vec!["…"; names.len()].join(", ")),
            ),
        };
        let d = Diagnostic::error(codes::ARGUMENTS, at, title).label(variant.span, "declared here");
        self.error(d.help(help));
    }

    /// The variant that the path of a literal or pattern in braces names.
    pub(super) fn variant_by_names(&mut self, names: &[ast::Ident], wanted: Option<Ty>) -> Option<VariantId> {
        match names {
            [name] => self.bare_variant(name.name, wanted, name.span),
            [of, name] => self.enum_named(of.name).and_then(|def| self.cx.variant_named(def, name.name)),
            [module, of, name] => {
                self.enum_in(module.name, of.name).and_then(|def| self.cx.variant_named(def, name.name))
            }
            _ => None,
        }
    }

    /// `Shape.Rect { w: 1.0, h: 2.0 }`, if the path names a variant.
    pub(super) fn variant_literal(
        &mut self,
        path: &'a ast::TypeExpr,
        inits: &'a [ast::FieldInit],
        expect: Expect,
        span: Span,
    ) -> Option<Expr> {
        let ast::TypeKind::Path { names, args } = &path.kind else { return None };
        self.cx.variants.get(&names.last()?.name)?;
        let (def, index) = self.variant_by_names(names, expect.ty())?;
        let ty = self.enum_type(def, args, expect.ty(), path.span);
        if ty == Ty::ERROR {
            inits.iter().for_each(|init| drop(self.value(&init.value, Expect::Any)));
            return Some(self.poison(span));
        }
        let variant = self.variant_in(ty, index);
        if !variant.named {
            let path_text = self.cx.variant_path_text((def, index));
            let title = format!("the payload of `{path_text}` has no names");
            let d = Diagnostic::error(codes::STRUCT_FIELDS, path.span, title);
            let places = vec!["…"; variant.fields.len()].join(", ");
            let form = if places.is_empty() { path_text } else { format!("{path_text}({places})") };
            self.error(d.label(variant.span, "declared here").help(format!("write `{form}`")));
            inits.iter().for_each(|init| drop(self.value(&init.value, Expect::Any)));
            return Some(self.poison(span));
        }
        let fields = self.named_payload((def, index), &variant, inits, path.span);
        Some(Expr { kind: ExprKind::Variant { variant: index, fields }, ty, span })
    }

    fn named_payload(
        &mut self,
        id: VariantId,
        variant: &Variant,
        inits: &'a [ast::FieldInit],
        at: Span,
    ) -> Vec<(u32, Expr)> {
        let path = self.cx.variant_path_text(id);
        let mut values: Vec<(u32, Expr)> = Vec::with_capacity(inits.len());
        let mut known = true;
        for init in inits {
            let Some(index) = variant.fields.iter().position(|field| field.name == init.name.name) else {
                self.unknown_payload(&path, variant, init.name);
                known = false;
                self.value(&init.value, Expect::Any);
                continue;
            };
            let value = self.value_of(&init.value, variant.fields[index].ty);
            if values.iter().any(|(given, _)| *given == index as u32) {
                let title = format!("the field `{}` is given twice", init.name.name);
                self.error(Diagnostic::error(codes::STRUCT_FIELDS, init.name.span, title));
                continue;
            }
            values.push((index as u32, value));
        }
        let given = |index: usize| values.iter().any(|(at, _)| *at as usize == index);
        let missing = variant.fields.iter().enumerate().filter(|(index, _)| !given(*index));
        let missing: Vec<String> = missing.map(|(_, field)| format!("`{}`", field.name)).collect();
        if !missing.is_empty() && known {
            let title = format!("the literal of `{path}` lacks {}", missing.join(", "));
            let d = Diagnostic::error(codes::STRUCT_FIELDS, at, title);
            self.error(d.label(variant.span, "declared here").help("a literal gives every field a value"));
        }
        values
    }

    /// Reports a field that a variant's payload does not have.
    pub(super) fn unknown_payload(&mut self, path: &str, variant: &Variant, name: ast::Ident) {
        let title = format!("`{path}` has no field `{}`", name.name);
        let d = Diagnostic::error(codes::STRUCT_FIELDS, name.span, title);
        let names = || variant.fields.iter().map(|field| field.name.as_str());
        let d = match suggest::nearest(name.name.as_str(), names()) {
            Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near),
            None if variant.fields.is_empty() => d.note(format!("`{path}` has no payload")),
            None => d.note(format!("its fields are {}", names().collect::<Vec<_>>().join(", "))),
        };
        self.error(d);
    }

    /// Reports a name after a type with variants that is none of these, nor a function of the type.
    pub(super) fn unknown_variant(&mut self, def: StructId, name: ast::Ident) {
        let structure = &self.cx.types.structs[def.0 as usize];
        let title = format!("`{}` has no variant `{}`", structure.name, name.name);
        let d = Diagnostic::error(codes::UNKNOWN_VARIANT, name.span, title);
        let names: Vec<&str> =
            structure.variants.iter().flatten().map(|variant| variant.name.as_str()).collect();
        let d = match suggest::nearest(name.name.as_str(), names.iter().copied()) {
            Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near),
            None => d.note(format!("it has {}", names.join(", "))),
        };
        self.error(d.label(self.cx.types.structs[def.0 as usize].span, "declared here"));
    }

    /// Reports a name after the dot of a type that has neither such a variant nor such a function.
    pub(super) fn unknown_static(&mut self, ty: Ty, name: ast::Ident) {
        match self.cx.enum_of(ty) {
            Some(def) => self.unknown_variant(def, name),
            None => self.unknown_method(ty, name),
        }
    }

    /// Two values of a type whose variants have no payloads compare by these.
    pub(super) fn compared_tags(&mut self, op: BinaryOp, a: Expr, b: Expr) -> (Expr, Expr) {
        let ty = self.shallow(a.ty);
        if !matches!(op, BinaryOp::Eq | BinaryOp::Ne) || self.cx.enum_of(ty).is_none() {
            return (a, b);
        }
        if !self.cx.is_plain_enum(ty) || self.shallow(b.ty) != ty {
            return (a, b);
        }
        (self.tag_of(a), self.tag_of(b))
    }

    /// Which variant a value is.
    pub(super) fn tag_of(&mut self, value: Expr) -> Expr {
        let ty = self.shallow(value.ty);
        let tag = self.cx.types.tag(ty).map_or(Ty::U8, |tag| self.cx.types.int(tag));
        let span = value.span;
        Expr { kind: ExprKind::Tag(Box::new(value)), ty: tag, span }
    }
}
