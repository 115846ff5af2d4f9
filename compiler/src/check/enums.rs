//! Types with variants: their declaration, and which variants a name may mean.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::names::Lookup;
use super::{Checker, State, StructInfo, codes};
use crate::loader::ModuleId;
use crate::types::{Field, StructDef, StructId, Ty, Variant};

/// A variant: its type and its index.
pub(super) type VariantId = (StructId, u32);

impl<'a> Checker<'a> {
    /// Declares a type with variants and the names of these; payloads are resolved when first needed.
    pub(super) fn declare_enum(&mut self, module: ModuleId, decl: &'a ast::EnumDecl) {
        let mut variants: Vec<Variant> = Vec::with_capacity(decl.variants.len());
        let mut first = rustc_hash::FxHashMap::default();
        for variant in &decl.variants {
            if let Some(&span) = first.get(&variant.name.name) {
                self.duplicate(variant.name, span, "variant");
                continue;
            }
            let (name, span, named) = (variant.name.name, variant.name.span, variant.named);
            first.insert(name, span);
            variants.push(Variant { name, span, fields: Vec::new(), named });
        }
        let def = StructDef { variants: Some(variants), ..StructDef::new(decl.name.name, decl.name.span) };
        let (state, generics) = (State::New, Default::default());
        let info = StructInfo {
            decl: None,
            enum_decl: Some(decl),
            module,
            state,
            generics,
            bound_decls: Vec::new(),
            bounds: None,
        };
        self.add_type(decl.name, &decl.generics, def, info, "type");
    }

    /// Notes which types have variants of which names.
    pub(super) fn index_variants(&mut self) {
        self.index_variants_from(0);
    }

    /// The same for the types from this number on.
    pub(super) fn index_variants_from(&mut self, first: usize) {
        for (id, def) in self.types.structs.iter().enumerate().skip(first) {
            for (index, variant) in def.variants.iter().flatten().enumerate() {
                self.variants.entry(variant.name).or_default().push((StructId(id as u32), index as u32));
            }
        }
    }

    /// Whether a declared type is one with variants.
    pub(super) fn is_enum(&self, id: StructId) -> bool {
        self.types.structs[id.0 as usize].variants.is_some()
    }

    /// The declaration of a type with variants.
    pub(super) fn enum_of(&self, ty: Ty) -> Option<StructId> {
        match *self.types.kind(ty) {
            crate::types::TyKind::Struct { def, .. } if self.is_enum(def) => Some(def),
            _ => None,
        }
    }

    /// Whether a type has variants, none of which has a payload.
    pub(super) fn is_plain_enum(&self, ty: Ty) -> bool {
        self.types
            .struct_of(ty)
            .and_then(|def| def.variants.as_ref())
            .is_some_and(|variants| variants.iter().all(|variant| variant.fields.is_empty()))
    }

    /// Reports `$Drop` of a type with variants.
    pub(super) fn enum_with_drop(&mut self, at: Span) {
        let title = "an enum cannot declare `$Drop`";
        let d = Diagnostic::error(codes::DROP, at, title);
        let d = d.note("dropping an enum drops the payload of the variant that it is");
        self.error(d.help("put the value that needs `$Drop` into a structure, and that into the payload"));
    }

    /// Resolves the payloads of a type with variants.
    pub(super) fn resolve_variants(&mut self, id: StructId, module: ModuleId, decl: &'a ast::EnumDecl) {
        let generics = self.structs[id.0 as usize].generics.clone();
        let around = std::mem::replace(&mut self.generics, generics);
        let mut seen = rustc_hash::FxHashSet::default();
        let mut payloads = Vec::with_capacity(decl.variants.len());
        for variant in decl.variants.iter().filter(|variant| seen.insert(variant.name.name)) {
            payloads.push(self.resolve_payload(module, variant));
        }
        self.generics = around;
        let variants = self.types.structs[id.0 as usize].variants.iter_mut().flatten();
        for (variant, fields) in variants.zip(payloads) {
            variant.fields = fields;
        }
    }

    fn resolve_payload(&mut self, module: ModuleId, variant: &'a ast::VariantDecl) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::with_capacity(variant.fields.len());
        for (index, field) in variant.fields.iter().enumerate() {
            let ty = self.resolve_type(module, &field.ty);
            if !variant.named {
                fields.push(Field { name: Symbol::new(&index.to_string()), ty, span: field.ty.span });
                continue;
            }
            if let Some(first) = fields.iter().find(|known| known.name == field.name.name) {
                let first = first.span;
                self.duplicate(field.name, first, "field");
                continue;
            }
            fields.push(Field { name: field.name.name, ty, span: field.name.span });
        }
        fields
    }

    /// Completes the types in a type's payloads, and reports one that contains itself.
    pub(super) fn check_payloads(&mut self, id: StructId) {
        let count = |cx: &Self, variant: usize| {
            cx.types.structs[id.0 as usize].variants.as_ref().map_or(0, |all| all[variant].fields.len())
        };
        let variants = self.types.structs[id.0 as usize].variants.as_ref().map_or(0, Vec::len);
        for variant in 0..variants {
            for index in 0..count(self, variant) {
                let Some(all) = &self.types.structs[id.0 as usize].variants else { return };
                let Field { ty, span, .. } = all[variant].fields[index].clone();
                self.struct_path.push((id, span));
                let finite = self.complete_type(ty);
                self.struct_path.pop();
                if !finite && let Some(all) = &mut self.types.structs[id.0 as usize].variants {
                    // The payload cannot be there, so nothing more is said about it.
                    all[variant].fields[index].ty = Ty::ERROR;
                }
            }
        }
    }

    /// The variant of this name of a type.
    pub(super) fn variant_named(&self, id: StructId, name: Symbol) -> Option<VariantId> {
        let all = self.variants.get(&name)?;
        all.iter().copied().find(|(of, _)| *of == id)
    }

    /// The variants of this name whose types a module can name.
    pub(super) fn visible_variants(&self, module: ModuleId, name: Symbol) -> Vec<VariantId> {
        let Some(all) = self.variants.get(&name) else { return Vec::new() };
        all.iter().copied().filter(|(id, _)| self.is_visible(module, *id)).collect()
    }

    fn is_visible(&self, module: ModuleId, id: StructId) -> bool {
        let own = self.types.structs[id.0 as usize].name;
        if matches!(self.lookup_type(module, own), Lookup::Found(found) if found == id) {
            return true;
        }
        let scope = &self.modules[module.0 as usize];
        let imported = scope.imported_types.iter().filter(|(name, _)| !scope.types.contains_key(name));
        imported.into_iter().any(|(_, known)| matches!(known, super::Imported::One(of, _) if *of == id))
    }

    /// The enum of this name that the language itself knows of.
    pub(super) fn lang_enum(&self, module: ModuleId, name: &str) -> Option<StructId> {
        match self.lookup_type(module, Symbol::new(name)) {
            Lookup::Found(id) if self.is_enum(id) => Some(id),
            _ => None,
        }
    }

    /// A variant as it is written: `Shape.Circle`; those of `Option` and `Result` by their own names.
    pub(super) fn variant_path_text(&self, (id, variant): VariantId) -> String {
        let def = &self.types.structs[id.0 as usize];
        let name = def.variants.as_ref().map_or("", |all| all[variant as usize].name.as_str());
        match def.name.as_str() {
            "Option" | "Result" => name.to_string(),
            of => format!("{of}.{name}"),
        }
    }
}
