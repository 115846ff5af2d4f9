//! What declared types ask of their type arguments, checked where a type is written or one of its values is made.

use std::rc::Rc;

use vex_syntax::{Diagnostic, Span};

use super::generics::{Bound, Need, put_into};
use super::{Checker, codes};
use crate::types::{FuncId, StructId, Ty, TyKind};

/// A type whose arguments are to be checked once everything is declared.
pub(super) struct Written {
    pub(super) ty: Ty,
    pub(super) span: Span,
    /// Those of the function around it, where its type parameters count.
    pub(super) bounds: Option<Rc<[Bound]>>,
}

impl Checker<'_> {
    /// Whether a declared type asks anything of its arguments.
    pub(super) fn asks(&self, id: StructId) -> bool {
        let info = &self.structs[id.0 as usize];
        !info.bound_decls.is_empty() || info.bounds.as_ref().is_some_and(|bounds| !bounds.is_empty())
    }

    /// Notes a type that was written, or of which a value is made.
    pub(super) fn note_written(&mut self, ty: Ty, span: Span, bounds: Option<Rc<[Bound]>>) {
        if let TyKind::Struct { def, .. } = *self.types.kind(ty)
            && self.asks(def)
        {
            self.written.push(Written { ty, span, bounds });
        }
    }

    /// What a declared type asks of its arguments.
    fn asked_by(&mut self, id: StructId) -> Rc<[Bound]> {
        let info = &mut self.structs[id.0 as usize];
        if let Some(bounds) = &info.bounds {
            return bounds.clone();
        }
        let (module, generics) = (info.module, info.generics.clone());
        let declared = std::mem::take(&mut info.bound_decls);
        let bounds: Rc<[Bound]> = self.resolve_bounds(module, &generics, &declared).into();
        self.structs[id.0 as usize].bounds = Some(bounds.clone());
        bounds
    }

    /// What the type of a method asks of its arguments, said of the method's type parameters.
    pub(super) fn asked_by_owner(&mut self, func: FuncId) -> Vec<Bound> {
        let Some(owner) = self.funcs[func.0 as usize].owner else { return Vec::new() };
        let TyKind::Struct { def, args } = self.types.kind(owner).clone() else { return Vec::new() };
        if !self.asks(def) || !args.iter().all(|&arg| matches!(self.types.kind(arg), TyKind::Param { .. })) {
            return Vec::new();
        }
        let asked = self.asked_by(def);
        let put = |bound: &Bound| Bound {
            ty: self.types.subst(bound.ty, &args),
            what: put_into(&mut self.types, &bound.what, &args),
            span: bound.span,
        };
        asked.iter().map(put).collect()
    }

    /// Settles what the declared types of this input ask for.
    pub(super) fn settle_asked(&mut self) {
        for index in self.counts().structs..self.structs.len() {
            self.asked_by(StructId(index as u32));
        }
    }

    /// Checks the types that were noted.
    pub(super) fn check_written(&mut self) {
        for Written { ty, span, bounds } in std::mem::take(&mut self.written) {
            let TyKind::Struct { def, args } = self.types.kind(ty).clone() else { continue };
            if args.contains(&Ty::ERROR) || self.types.has_infer(ty) {
                continue;
            }
            for asked in self.asked_by(def).iter() {
                let arg = self.types.subst(asked.ty, &args);
                let open = self.types.has_params(arg) && bounds.is_none();
                if !open && !self.meets(arg, &asked.what, bounds.as_deref().unwrap_or_default()) {
                    self.unmet_argument(def, arg, asked, span);
                    break;
                }
            }
        }
    }

    /// Whether a type can do what is asked of it, where these bounds hold.
    fn meets(&mut self, ty: Ty, need: &Need, bounds: &[Bound]) -> bool {
        match need {
            Need::Copy if bounds.iter().any(|bound| bound.ty == ty && bound.what == Need::Copy) => true,
            Need::Call(..) => match self.types.kind(ty) {
                TyKind::Fn { .. } | TyKind::Param { .. } => true,
                _ => self.types.struct_of(ty).is_some_and(|def| def.closure.is_some()),
            },
            _ => self.has(ty, need, bounds, 0),
        }
    }

    fn unmet_argument(&mut self, def: StructId, arg: Ty, asked: &Bound, span: Span) {
        let (shown, name) = (self.a(arg), self.types.structs[def.0 as usize].name);
        let (title, what) = match &asked.what {
            Need::Copy => (format!("{shown} cannot be copied: it has one owner"), "Copy".to_string()),
            Need::Call(..) => {
                (format!("{shown} cannot be called"), self.sources.text(asked.span).to_string())
            }
            Need::Trait(of, _) => {
                let of = self.traits[of.0 as usize].name;
                (format!("{shown} has no `{of}`"), of.to_string())
            }
        };
        let mut d = Diagnostic::error(codes::BOUND, span, title).at(format!("`{name}` asks for it"));
        d = d.label(asked.span, "asked for here");
        d = match self.types.kind(arg) {
            TyKind::Param { name, .. } => d.help(format!("bind the type parameter: `{name}: {what}`")),
            TyKind::Struct { def, .. } if what != "Copy" => {
                let of = &self.types.structs[def.0 as usize];
                let word = if of.variants.is_some() { "enum" } else { "struct" };
                d.help(format!("declare it: `{word} {}: {what}`", of.name))
            }
            _ => d.help(format!(
                "give `{name}` another type, or leave the bound out and write it where it is needed"
            )),
        };
        self.error(d);
    }
}
