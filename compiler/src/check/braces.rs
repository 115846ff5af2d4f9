//! Patterns in braces: of structures, and of variants whose payloads have names.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::exhaustive::Pat;
use super::function::FnCx;
use super::infer::VarKind;
use super::names::Lookup;
use super::pattern::{Mode, Walk, all, payload};
use crate::typed::{Expr, ExprKind, Test};
use crate::types::{StructId, Ty, TyKind, Variant};

impl<'a> FnCx<'_, 'a> {
    pub(super) fn braces_pattern(
        &mut self,
        pattern: &'a ast::StructPattern,
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
    ) -> (Test, Pat) {
        let wanted = self.shallow(place.ty);
        let found = match (&pattern.path[..], self.cx.enum_of(wanted)) {
            ([name], Some(def)) => self.cx.variant_named(def, name.name),
            ([name], None) if !matches!(self.cx.lookup_type(self.module, name.name), Lookup::Missing) => None,
            (path, _) => self.variant_by_names(path, Some(wanted)),
        };
        let Some(id) = found else { return self.struct_pattern(pattern, place, mode, walk) };
        if !self.fits_enum(id, wanted, pattern.span) {
            pattern.fields.iter().for_each(|(_, part)| drop(self.bind_nothing(part, walk)));
            return (Test::Any, Pat::Any);
        }
        let variant = self.variant_in(place.ty, id.1);
        let empty = variant.fields.is_empty() && pattern.fields.is_empty();
        if !(variant.named || empty) {
            self.wrong_payload(id, &variant, Some(usize::MAX), pattern.span);
            pattern.fields.iter().for_each(|(_, part)| drop(self.bind_nothing(part, walk)));
            return (Test::Any, Pat::Any);
        }
        let path = self.cx.variant_path_text(id);
        let test = Test::Variant { place: place.clone(), variant: id.1 };
        let part = |index: usize, ty: Ty, span: Span| payload(&place, id.1, index, ty, span);
        let (mut tests, pats) = self.field_patterns(pattern, &path, &variant, &part, mode, walk);
        tests.insert(0, test);
        (all(tests), Pat::Variant(id.1, pats))
    }

    fn struct_pattern(
        &mut self,
        pattern: &'a ast::StructPattern,
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
    ) -> (Test, Pat) {
        let path = path_type(pattern);
        let def = self.struct_path(&path, place.ty);
        let ty = self.shallow(place.ty);
        let same = def.is_some()
            && matches!(*self.cx.types.kind(ty), TyKind::Struct { def: of, .. } if Some(of) == def);
        if !same {
            if def.is_some() {
                let text = self.cx.sources.text(path.span).to_string();
                self.unfit(&text, ty, pattern.span);
            }
            pattern.fields.iter().for_each(|(_, part)| drop(self.bind_nothing(part, walk)));
            return (Test::Any, Pat::Any);
        }
        let fields = self.cx.types.fields_of(ty);
        let whole = Variant { name: pattern.path[0].name, span: pattern.span, fields, named: true };
        let shown = self.show(ty);
        let part = |index: usize, ty: Ty, span: Span| {
            let base = Box::new(place.clone());
            Expr { kind: ExprKind::Field { base, index: index as u32 }, ty, span }
        };
        let (tests, pats) = self.field_patterns(pattern, &shown, &whole, &part, mode, walk);
        (all(tests), Pat::Parts(pats))
    }

    /// Whether a pattern in braces is one of a variant.
    pub(super) fn names_variant(&mut self, pattern: &ast::StructPattern) -> bool {
        match &pattern.path[..] {
            [name] => matches!(self.cx.lookup_type(self.module, name.name), Lookup::Missing),
            path => self.variant_by_names(path, None).is_some(),
        }
    }

    /// Of a structure that a binding takes apart: the index of each field that the pattern names, and the types of all.
    pub(super) fn taken_fields(
        &mut self,
        pattern: &ast::StructPattern,
        ty: Ty,
    ) -> (Vec<Option<usize>>, Vec<Ty>) {
        let nothing = (vec![None; pattern.fields.len()], Vec::new());
        let path = path_type(pattern);
        let def = self.struct_path(&path, ty);
        let ty = self.shallow(ty);
        if def.is_none() || ty == Ty::ERROR {
            return nothing;
        }
        if !matches!(*self.cx.types.kind(ty), TyKind::Struct { def: of, .. } if Some(of) == def) {
            let text = self.cx.sources.text(path.span).to_string();
            self.unfit(&text, ty, pattern.span);
            return nothing;
        }
        if self.cx.types.struct_of(ty).is_some_and(|def| def.declares_drop) {
            let shown = self.a(ty);
            let title = format!("{shown} cannot be taken apart");
            let d = Diagnostic::error(codes::MOVE_OUT, pattern.span, title);
            self.error(d.note("its `drop` needs the whole of it"));
            return nothing;
        }
        let fields = self.cx.types.fields_of(ty);
        let tys = fields.iter().map(|field| field.ty).collect();
        let shown = self.show(ty);
        let name = pattern.path[0].name;
        let whole = Variant { name, span: pattern.span, fields, named: true };
        let mut places: Vec<Option<usize>> = Vec::with_capacity(pattern.fields.len());
        for (name, _) in &pattern.fields {
            let at = whole.fields.iter().position(|field| field.name == name.name);
            if at.is_none() {
                self.unknown_payload(&shown, &whole, *name);
            } else if places.contains(&at) {
                let title = format!("the field `{}` is given twice", name.name);
                self.error(Diagnostic::error(codes::STRUCT_FIELDS, name.span, title));
            }
            places.push(at);
        }
        let missing = (0..whole.fields.len()).filter(|at| !places.contains(&Some(*at)));
        let missing: Vec<String> = missing.map(|at| format!("`{}`", whole.fields[at].name)).collect();
        if !missing.is_empty() && !pattern.rest && !places.contains(&None) {
            self.lacks(&shown, &missing, pattern.span);
        }
        (places, tys)
    }

    fn lacks(&mut self, path: &str, missing: &[String], span: Span) {
        let title = format!("the pattern of `{path}` lacks {}", missing.join(", "));
        let d = Diagnostic::error(codes::STRUCT_FIELDS, span, title);
        self.error(d.help("name them, or leave the others out with `..`"));
    }

    /// The structure that a pattern names. A value whose type is not known yet becomes one of it.
    fn struct_path(&mut self, path: &ast::TypeExpr, ty: Ty) -> Option<StructId> {
        let ast::TypeKind::Path { names, .. } = &path.kind else { return None };
        let found = match &names[..] {
            [name] => match self.cx.lookup_type(self.module, name.name) {
                Lookup::Found(id) => Some(id),
                _ => None,
            },
            [module, name] => self
                .cx
                .alias(self.module, module.name)
                .and_then(|from| self.cx.modules[from.0 as usize].types.get(&name.name).copied()),
            _ => None,
        };
        match found {
            Some(id) if self.cx.is_enum(id) => {
                let title = format!(
                    "`{}` is an enum: a pattern names one of its variants",
                    self.cx.types.structs[id.0 as usize].name
                );
                self.error(Diagnostic::error(codes::UNKNOWN_VARIANT, path.span, title));
                None
            }
            Some(id) => {
                if self.var_kind(ty) == Some(VarKind::General) {
                    let named = self.enum_type(id, &[], None, path.span);
                    self.unify(ty, named);
                }
                self.cx.ensure_struct(id);
                Some(id)
            }
            None => {
                let last = *names.last()?;
                match self.cx.enum_of(self.shallow(ty)) {
                    None if names.len() == 1 => drop(self.resolve_type(path)),
                    known => self.no_such_variant(names, known, last),
                }
                None
            }
        }
    }

    /// The patterns of named fields, and of those that are left out.
    fn field_patterns(
        &mut self,
        pattern: &'a ast::StructPattern,
        path: &str,
        whole: &Variant,
        part_of: &dyn Fn(usize, Ty, Span) -> Expr,
        mode: Mode,
        walk: &mut Walk,
    ) -> (Vec<Test>, Vec<Pat>) {
        let mut tests = Vec::new();
        let mut pats: Vec<Option<Pat>> = whole.fields.iter().map(|_| None).collect();
        let mut known = true;
        for (name, part) in &pattern.fields {
            let Some(index) = whole.fields.iter().position(|field| field.name == name.name) else {
                self.unknown_payload(path, whole, *name);
                known = false;
                self.bind_nothing(part, walk);
                continue;
            };
            if pats[index].is_some() {
                let title = format!("the field `{}` is given twice", name.name);
                self.error(Diagnostic::error(codes::STRUCT_FIELDS, name.span, title));
                continue;
            }
            let place = part_of(index, whole.fields[index].ty, part.span());
            let (test, pat) = self.pattern(part, place, mode, walk);
            tests.push(test);
            pats[index] = Some(pat);
        }
        let missing = whole.fields.iter().zip(&pats).filter(|(_, pat)| pat.is_none());
        let missing: Vec<String> = missing.map(|(field, _)| format!("`{}`", field.name)).collect();
        if !missing.is_empty() && !pattern.rest && known {
            self.lacks(path, &missing, pattern.span);
        }
        (tests, pats.into_iter().map(|pat| pat.unwrap_or(Pat::Any)).collect())
    }
}

/// The path of a pattern, as a type.
fn path_type(pattern: &ast::StructPattern) -> ast::TypeExpr {
    let kind = ast::TypeKind::Path { names: pattern.path.clone(), args: Vec::new() };
    ast::TypeExpr { kind, span: pattern.path[0].span.to(pattern.path[pattern.path.len() - 1].span) }
}
