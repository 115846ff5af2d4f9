//! Type parameters: what stands for them, and putting it there.

use vex_syntax::Symbol;

use super::{Field, Open, Ty, TyKind, Types, Variant};

impl Types {
    /// A type parameter.
    pub fn param(&mut self, index: u32, name: Symbol, copy: bool) -> Ty {
        self.intern(TyKind::Param { index, name, copy })
    }

    /// Whether a type has type parameters in it.
    pub fn has_params(&self, ty: Ty) -> bool {
        self.open[ty.index()].params
    }

    /// Whether a type has variables of inference in it.
    pub fn has_infer(&self, ty: Ty) -> bool {
        self.open[ty.index()].infer
    }

    pub(super) fn open_of(&self, kind: &TyKind) -> Open {
        match kind {
            TyKind::Param { .. } => Open { params: true, infer: false },
            TyKind::Infer(_) => Open { params: false, infer: true },
            _ => {
                let mut open = Open::default();
                each_part(kind, &mut |ty| {
                    open.params |= self.open[ty.index()].params;
                    open.infer |= self.open[ty.index()].infer;
                });
                open
            }
        }
    }

    pub(super) fn parts_of(&self, kind: &TyKind) -> u32 {
        let mut sum = 1u32;
        each_part(kind, &mut |ty| sum = sum.saturating_add(self.parts[ty.index()]));
        sum
    }

    /// `ty` with the n-th type parameter replaced by `args[n]`; one without an argument stays.
    pub fn subst(&mut self, ty: Ty, args: &[Ty]) -> Ty {
        if args.is_empty() || !self.has_params(ty) {
            return ty;
        }
        if let TyKind::Param { index, .. } = *self.kind(ty) {
            return args.get(index as usize).copied().unwrap_or(ty);
        }
        self.map_parts(ty, &mut |types, part| types.subst(part, args))
    }

    /// `ty` with each type that it is directly made of replaced.
    pub fn map_parts(&mut self, ty: Ty, map: &mut dyn FnMut(&mut Types, Ty) -> Ty) -> Ty {
        let mut kind = self.kind(ty).clone();
        match &mut kind {
            TyKind::RawPtr { pointee: ty, .. }
            | TyKind::Ref { pointee: ty, .. }
            | TyKind::Slice { elem: ty, .. }
            | TyKind::Array { elem: ty, .. } => *ty = map(self, *ty),
            TyKind::Tuple(tys) | TyKind::Struct { args: tys, .. } => {
                tys.iter_mut().for_each(|ty| *ty = map(self, *ty));
            }
            TyKind::Fn { params, ret } => {
                params.iter_mut().for_each(|ty| *ty = map(self, *ty));
                *ret = map(self, *ret);
            }
            _ => return ty,
        }
        self.intern(kind)
    }

    /// Whether `ty` is of the form of `pattern`; notes in `args` what its type parameters stand for, where there is
    /// [`Ty::ERROR`] before.
    pub fn matches(&self, pattern: Ty, ty: Ty, args: &mut [Ty]) -> bool {
        if !self.has_params(pattern) {
            return pattern == ty;
        }
        if let TyKind::Param { index, .. } = *self.kind(pattern) {
            let Some(slot) = args.get_mut(index as usize) else { return false };
            if *slot == Ty::ERROR {
                *slot = ty;
            }
            return *slot == ty;
        }
        let (a, b) = (self.kind(pattern), self.kind(ty));
        let alike = match (a, b) {
            (TyKind::RawPtr { mutable: m, .. }, TyKind::RawPtr { mutable: n, .. })
            | (TyKind::Ref { mutable: m, .. }, TyKind::Ref { mutable: n, .. })
            | (TyKind::Slice { mutable: m, .. }, TyKind::Slice { mutable: n, .. }) => m == n,
            (TyKind::Array { len: m, .. }, TyKind::Array { len: n, .. }) => m == n,
            (TyKind::Struct { def: m, .. }, TyKind::Struct { def: n, .. }) => m == n,
            (TyKind::Tuple(p), TyKind::Tuple(q)) => p.len() == q.len(),
            (TyKind::Fn { params: p, .. }, TyKind::Fn { params: q, .. }) => p.len() == q.len(),
            _ => false,
        };
        let (mut p, mut q) = (Vec::new(), Vec::new());
        each_part(a, &mut |part| p.push(part));
        each_part(b, &mut |part| q.push(part));
        alike && p.len() == q.len() && p.into_iter().zip(q).all(|(p, q)| self.matches(p, q, args))
    }

    /// The type arguments of a declared type; none of others.
    pub fn args_of(&self, ty: Ty) -> &[Ty] {
        match self.kind(ty) {
            TyKind::Struct { args, .. } => args,
            _ => &[],
        }
    }

    /// The fields of a structure type, its arguments put in.
    pub fn fields_of(&mut self, ty: Ty) -> Vec<Field> {
        let Some(def) = self.struct_of(ty) else { return Vec::new() };
        let (fields, args) = (def.fields.clone(), self.args_of(ty).to_vec());
        fields.into_iter().map(|field| Field { ty: self.subst(field.ty, &args), ..field }).collect()
    }

    /// The type of a field of a structure type, by its index.
    pub fn field_ty(&mut self, ty: Ty, index: usize) -> Ty {
        let Some(def) = self.struct_of(ty) else { return Ty::ERROR };
        let (field, args) = (def.fields[index].ty, self.args_of(ty).to_vec());
        self.subst(field, &args)
    }

    /// The variants of a type that has them, its arguments put in; `None` of others.
    pub fn variants_of(&mut self, ty: Ty) -> Option<Vec<Variant>> {
        let (variants, args) = (self.struct_of(ty)?.variants.clone()?, self.args_of(ty).to_vec());
        let put = |types: &mut Types, field: Field| Field { ty: types.subst(field.ty, &args), ..field };
        let variants = variants.into_iter().map(|variant| Variant {
            fields: variant.fields.into_iter().map(|field| put(self, field)).collect(),
            ..variant
        });
        Some(variants.collect())
    }
}

/// Calls `see` on each type that a type is directly made of.
pub fn each_part(kind: &TyKind, see: &mut dyn FnMut(Ty)) {
    match kind {
        TyKind::RawPtr { pointee: ty, .. }
        | TyKind::Ref { pointee: ty, .. }
        | TyKind::Slice { elem: ty, .. }
        | TyKind::Array { elem: ty, .. } => see(*ty),
        TyKind::Tuple(tys) | TyKind::Struct { args: tys, .. } => tys.iter().for_each(|&ty| see(ty)),
        TyKind::Fn { params, ret } => {
            params.iter().for_each(|&ty| see(ty));
            see(*ret);
        }
        _ => {}
    }
}
