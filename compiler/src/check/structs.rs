//! Structures: their fields, resolved when first needed, and what they contain by value.

use vex_syntax::{Diagnostic, Span};

use super::{Checker, State, codes};
use crate::types::{Field, StructId, Ty, TyKind, Variant};

/// Most bytes a value may have.
pub(super) const MAX_SIZE: u64 = 1 << 30;

impl Checker<'_> {
    /// Resolves a structure's fields and computes its layout; one that is being worked on is left alone.
    pub(super) fn ensure_struct(&mut self, id: StructId) {
        if self.structs[id.0 as usize].state == State::New {
            self.structs[id.0 as usize].state = State::Busy;
            self.resolve_fields(id);
            self.structs[id.0 as usize].state = State::Resolved;
        }
        if self.structs[id.0 as usize].state == State::Resolved {
            self.structs[id.0 as usize].state = State::Busy;
            self.check_contents(id);
            self.types.complete(id);
            self.structs[id.0 as usize].state = State::Done;
            let ty = self.types.intern(TyKind::Struct { def: id, args: Vec::new() });
            if self.types.layout(ty).size > MAX_SIZE {
                self.too_large(ty, self.types.structs[id.0 as usize].span);
            }
        }
    }

    fn resolve_fields(&mut self, id: StructId) {
        let info = &self.structs[id.0 as usize];
        let module = info.module;
        if let Some(decl) = info.enum_decl {
            return self.resolve_variants(id, module, decl);
        }
        let decl = info.decl.expect("structures of earlier inputs have their fields");
        let generics = info.generics.clone();
        let around = std::mem::replace(&mut self.generics, generics);
        let mut fields: Vec<Field> = Vec::with_capacity(decl.fields.len());
        for field in &decl.fields {
            let ty = self.resolve_type(module, &field.ty);
            if let Some(first) = fields.iter().find(|f| f.name == field.name.name) {
                let title = format!("the field `{}` is declared twice", field.name.name);
                let d = Diagnostic::error(codes::DUPLICATE, field.name.span, title).at("again here");
                self.error(d.label(first.span, "first here").help("rename or remove one of them"));
                continue;
            }
            fields.push(Field { name: field.name.name, ty, span: field.name.span });
        }
        self.generics = around;
        self.types.structs[id.0 as usize].fields = fields;
    }

    /// Completes the structures in a structure's fields, and reports a structure that contains itself.
    fn check_contents(&mut self, id: StructId) {
        if self.is_enum(id) {
            return self.check_payloads(id);
        }
        for index in 0..self.types.structs[id.0 as usize].fields.len() {
            let Field { ty, span, .. } = self.types.structs[id.0 as usize].fields[index].clone();
            self.struct_path.push((id, span));
            if !self.complete_type(ty) {
                // The field cannot be there, so nothing more is said about it.
                self.types.structs[id.0 as usize].fields[index].ty = Ty::ERROR;
            }
            self.struct_path.pop();
        }
    }

    /// Completes every structure that a value of this type contains; false after reporting a circle.
    pub(super) fn complete_type(&mut self, ty: Ty) -> bool {
        match self.types.kind(ty).clone() {
            TyKind::Array { elem, .. } => self.complete_type(elem),
            TyKind::Tuple(elems) => elems.into_iter().all(|elem| self.complete_type(elem)),
            TyKind::Struct { def, args } => {
                let circle = self.struct_path.iter().find(|(id, _)| *id == def).copied();
                match circle {
                    Some((_, field)) => {
                        self.report_infinite(def, field);
                        false
                    }
                    // Its fields are being resolved, and one of them asks for the size of this structure.
                    None if self.structs[def.0 as usize].state == State::Busy => {
                        let structure = &self.types.structs[def.0 as usize];
                        let title =
                            format!("the size of `{}` is needed to know its own size", structure.name);
                        let d = Diagnostic::error(codes::INFINITE_TYPE, structure.span, title);
                        self.error(d);
                        false
                    }
                    None => {
                        self.ensure_struct(def);
                        args.is_empty() || self.complete_parts(ty)
                    }
                }
            }
            _ => true,
        }
    }

    /// Completes what a declared type with arguments contains by way of them.
    fn complete_parts(&mut self, ty: Ty) -> bool {
        let payloads = |variants: Option<Vec<Variant>>| variants.into_iter().flatten().flat_map(|v| v.fields);
        let declared = self.types.struct_of(ty).map_or(Vec::new(), |def| {
            def.fields.iter().cloned().chain(payloads(def.variants.clone())).collect()
        });
        let fields = self.types.fields_of(ty).into_iter().chain(payloads(self.types.variants_of(ty)));
        let open = declared.iter().zip(fields).filter(|(field, _)| self.types.has_params(field.ty));
        let open: Vec<Ty> = open.map(|(_, field)| field.ty).collect();
        open.into_iter().all(|ty| self.complete_type(ty))
    }

    fn report_infinite(&mut self, id: StructId, field: Span) {
        let def = &self.types.structs[id.0 as usize];
        let what = if def.variants.is_some() { "enum" } else { "structure" };
        let title = format!("the {what} `{}` contains itself, so it has no size", def.name);
        let d = Diagnostic::error(codes::INFINITE_TYPE, def.span, title).label(field, "through this field");
        let help = format!("hold it behind a pointer: `*{}!`", def.name);
        self.error(d.help(help));
    }

    /// Makes sure the layout of a type is known, as far as it can be.
    pub(super) fn ensure_layout(&mut self, ty: Ty) {
        match self.types.kind(ty).clone() {
            TyKind::Struct { def, args } => {
                self.ensure_struct(def);
                args.into_iter().for_each(|arg| self.ensure_layout(arg));
            }
            TyKind::Array { elem, .. } => self.ensure_layout(elem),
            TyKind::Tuple(elems) => elems.into_iter().for_each(|elem| self.ensure_layout(elem)),
            _ => {}
        }
    }

    /// Whether the layout of a type is known already.
    pub(super) fn is_complete(&self, ty: Ty) -> bool {
        match self.types.kind(ty) {
            TyKind::Struct { def, .. } => self.structs[def.0 as usize].state == State::Done,
            TyKind::Array { elem, .. } => self.is_complete(*elem),
            TyKind::Tuple(elems) => elems.iter().all(|&elem| self.is_complete(elem)),
            TyKind::Infer(_) => false,
            _ => true,
        }
    }
}
