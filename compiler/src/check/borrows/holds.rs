//! Which types can hold references.

use rustc_hash::FxHashMap;

use crate::types::{StructId, Ty, TyKind, Types};

/// Answers that were found already.
pub(super) struct Holds {
    /// Whether texts in other types count.
    texts: bool,
    /// By the types' numbers.
    types: Vec<Option<bool>>,
    declared: FxHashMap<StructId, bool>,
}

impl Holds {
    /// Nothing is found yet. `texts` is whether a text that is part of a declared type counts.
    pub(super) fn new(texts: bool) -> Holds {
        Holds { texts, types: Vec::new(), declared: FxHashMap::default() }
    }

    /// Whether a value of this type may refer to something that it does not own. What owns memory by a raw pointer
    /// (it declares `$Drop`) refers to nothing by that; a type parameter may.
    pub(super) fn holds(&mut self, types: &Types, ty: Ty) -> bool {
        if let Some(&Some(known)) = self.types.get(ty.index()) {
            return known;
        }
        let found = self.within(types, ty, true);
        if self.types.len() <= ty.index() {
            self.types.resize(ty.index() + 1, None);
        }
        self.types[ty.index()] = Some(found);
        found
    }

    /// The same; type parameters count as `param` says.
    fn within(&mut self, types: &Types, ty: Ty, param: bool) -> bool {
        match types.kind(ty) {
            TyKind::Ref { .. } | TyKind::Slice { .. } | TyKind::RawPtr { .. } => true,
            TyKind::Str | TyKind::Ptr => true,
            TyKind::Param { .. } => param,
            TyKind::Array { elem, .. } => self.within(types, *elem, param),
            TyKind::Tuple(elems) => elems.iter().any(|&elem| self.within(types, elem, param)),
            TyKind::Struct { def, args } => {
                self.declared(types, *def) || args.iter().any(|&arg| self.part(types, arg, param))
            }
            _ => false,
        }
    }

    /// The same of a part of a declared type.
    fn part(&mut self, types: &Types, ty: Ty, param: bool) -> bool {
        (ty != Ty::STR || self.texts) && self.within(types, ty, param)
    }

    /// Whether a declared type does so whatever its arguments.
    fn declared(&mut self, types: &Types, def: StructId) -> bool {
        if let Some(&known) = self.declared.get(&def) {
            return known;
        }
        self.declared.insert(def, false);
        let structure = &types.structs[def.0 as usize];
        let (owner, closure) = (structure.declares_drop, structure.closure.is_some());
        let payloads = structure.variants.iter().flatten().flat_map(|variant| &variant.fields);
        let found = structure.fields.iter().chain(payloads).any(|field| {
            let owned = owner && raw_like(types, field.ty);
            !owned && self.part(types, field.ty, closure)
        });
        if found {
            // What was found on the way took it for a type that does not.
            self.types.clear();
            self.declared.retain(|_, known| *known);
        }
        self.declared.insert(def, found);
        found
    }
}

/// Whether it is a raw pointer or a structure around one.
pub(super) fn raw_like(types: &Types, ty: Ty) -> bool {
    match types.struct_of(ty) {
        Some(def) if def.variants.is_none() && def.fields.len() == 1 => {
            def.fields[0].ty != ty && types.is_raw_ptr(def.fields[0].ty)
        }
        Some(_) => false,
        None => types.is_raw_ptr(ty),
    }
}

/// Whether references stand in a written type, not in a type parameter's place.
pub(super) fn names_reference(types: &Types, ty: Ty) -> bool {
    match types.kind(ty) {
        TyKind::Ref { .. } | TyKind::Slice { .. } => true,
        TyKind::Array { elem, .. } => names_reference(types, *elem),
        TyKind::Tuple(elems) => elems.iter().any(|&elem| names_reference(types, elem)),
        TyKind::Struct { args, .. } => args.iter().any(|&arg| names_reference(types, arg)),
        _ => false,
    }
}

/// Whether it declares `$Drop`: whoever has a raw pointer in such a structure has memory that the structure owns.
pub(super) fn is_owner(types: &Types, ty: Ty) -> bool {
    types.struct_of(ty).is_some_and(|def| def.declares_drop)
}
