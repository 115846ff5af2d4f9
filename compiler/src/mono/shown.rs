//! Which values are printed, and the functions that print those of types with a `Display` of their own.

use vex_syntax::Symbol;

use super::Mono;
use crate::typed::Piece;
use crate::types::{Ty, TyKind, each_part};

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
        let types = &self.program.types;
        let Some((own, [show, debug])) = self.own_display(ty) else {
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
    fn own_display(&self, ty: Ty) -> Option<(Vec<Ty>, [Option<crate::types::FuncId>; 2])> {
        let contracts = &self.program.contracts;
        contracts.impls.iter().find_map(|known| {
            let mut own = vec![Ty::ERROR; known.generics as usize];
            let fits =
                Some(known.of) == contracts.display && self.program.types.matches(known.ty, ty, &mut own);
            let function = |name: &str| known.functions.get(&Symbol::new(name)).copied();
            fits.then(|| (own, [function("show"), function("debug")]))
        })
    }
}
