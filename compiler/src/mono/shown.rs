//! Which values are printed, and the functions that print those of types with a `Display` of their own.

use vex_syntax::Symbol;

use super::Mono;
use crate::typed::Piece;
use crate::types::{FuncId, TraitId, Ty, TyKind, each_part};

/// How many bounds may lead to one another; the checker stops there, too.
const DEEPEST: u32 = 64;

impl Mono {
    /// The values among these pieces are printed.
    pub(super) fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            if let Piece::Value { value, .. } = piece {
                self.is_printed(value.ty);
            }
        }
    }

    /// A value of this type is printed.
    pub(super) fn is_printed(&mut self, ty: Ty) {
        if self.program.contracts.display.is_some() && self.printed.insert(ty) {
            self.to_show.push(ty);
        }
    }

    /// Makes the functions that print a value of a type, or sees to its parts where it has none. The type is complete.
    pub(super) fn show(&mut self, ty: Ty) {
        let Some((own, [show, debug])) = self.own_display(ty) else {
            let types = &self.program.types;
            let mut parts = Vec::new();
            match types.kind(ty) {
                // Addresses are printed, not what is there.
                TyKind::RawPtr { .. } | TyKind::Fn { .. } => {}
                TyKind::Struct { def, .. } => {
                    let variants = types.structs[def.0 as usize].variants.as_ref().map_or(0, Vec::len);
                    parts = types.field_types(ty);
                    parts.extend((0..variants).flat_map(|variant| types.variant_types(ty, variant)));
                }
                kind => each_part(kind, &mut |part| parts.push(part)),
            }
            parts.into_iter().for_each(|part| self.is_printed(part));
            return;
        };
        if let Some(show) = show {
            let func = self.plain_instance(show, &own);
            self.program.shown.insert(ty, func);
        }
        if let Some(debug) = debug {
            let func = self.plain_instance(debug, &own);
            self.program.debugged.insert(ty, func);
        }
    }

    /// The functions `show` and `debug` that a type brings for `Display`, and their type arguments.
    fn own_display(&mut self, ty: Ty) -> Option<(Vec<Ty>, [Option<FuncId>; 2])> {
        let (own, index) = self.impl_for(ty, self.program.contracts.display?, 0)?;
        let functions = &self.program.contracts.impls[index].functions;
        let function = |name: &str| functions.get(&Symbol::new(name)).copied();
        Some((own, [function("show"), function("debug")]))
    }

    /// The impl by which a type has a trait, if its bounds hold. Whoever calls a trait's function has had that checked,
    /// but anything may be printed.
    fn impl_for(&mut self, ty: Ty, of: TraitId, depth: u32) -> Option<(Vec<Ty>, usize)> {
        let known = self.program.contracts.impls.iter().enumerate().rev();
        let (own, index) = known.filter(|(_, known)| known.of == of).find_map(|(index, known)| {
            let mut own = vec![Ty::ERROR; known.generics as usize];
            self.program.types.matches(known.ty, ty, &mut own).then_some((own, index))
        })?;
        let needs = self.program.contracts.impls[index].needs.clone();
        let holds = needs.into_iter().all(|(ty, of)| {
            let ty = self.program.types.subst(ty, &own);
            self.has_trait(ty, of, depth + 1)
        });
        holds.then_some((own, index))
    }

    /// Whether a type has a trait, as the checker sees it.
    fn has_trait(&mut self, ty: Ty, of: TraitId, depth: u32) -> bool {
        let contracts = &self.program.contracts;
        let is = |known: Option<TraitId>| known == Some(of);
        if is(contracts.display) || depth > DEEPEST {
            return true;
        }
        let (eq, clone) = (is(contracts.eq), is(contracts.clone));
        let from_parts = eq || clone || is(contracts.ord) || is(contracts.hash);
        let arithmetic = contracts.arithmetic.contains_key(&of);
        if self.impl_for(ty, of, depth).is_some() || clone && !self.program.types.needs_drop(ty) {
            return true;
        }
        let kind = self.program.types.kind(ty);
        if matches!(kind, TyKind::Int(_) | TyKind::F32 | TyKind::F64) && (arithmetic || eq) {
            return true;
        }
        let parts = match kind {
            TyKind::Tuple(parts) => parts.clone(),
            TyKind::Array { elem, .. } => vec![*elem],
            TyKind::Slice { elem: part, .. } | TyKind::Ref { pointee: part, .. } if !clone => vec![*part],
            TyKind::Unit => Vec::new(),
            TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Fn { .. } if eq => Vec::new(),
            _ => return false,
        };
        from_parts && parts.into_iter().all(|part| self.has_trait(part, of, depth + 1))
    }
}
