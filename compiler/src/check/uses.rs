//! Notes where a default of the spelling decides what a program does, for those who write it in another spelling.

use rustc_hash::FxHashSet;
use vex_syntax::Span;
use vex_syntax::Spelling;
use vex_syntax::translate::Uses;

use super::Checker;
use super::assign::ReadOnly;
use super::function::FnCx;
use crate::typed::{Expr, ExprKind, FunctionBody, Piece, walk};
use crate::types::{Ty, TyKind, Types};

impl FnCx<'_, '_> {
    /// Whether the spelling lets something be changed although it is read-only; notes that it is, by its declaration.
    pub(super) fn vais_changes(&mut self, why: &ReadOnly, span: Span) -> bool {
        if self.spelling != Spelling::Vais {
            return false;
        }
        match why {
            ReadOnly::Captured(_, declared) => self.cx.uses.changed.push(*declared),
            ReadOnly::Local(id) => self.cx.uses.changed.push(self.locals[id.0 as usize].span),
            ReadOnly::Global(id) if self.cx.globals[id.0 as usize].is_constant() => {
                self.cx.uses.read_only_borrows.push(span);
            }
            ReadOnly::Global(id) => self.cx.uses.changed.push(self.cx.globals[id.0 as usize].span),
            ReadOnly::Through(_) => self.cx.uses.read_only_borrows.push(span),
        }
        true
    }
}

impl Checker<'_> {
    /// What was noted, and what the finished bodies show.
    pub(super) fn take_uses(&mut self) -> Uses {
        let mut uses = std::mem::take(&mut self.uses);
        for function in self.bodies.iter().flatten() {
            if let FunctionBody::Code(body) = &function.body {
                printed(body, &mut self.types, &mut uses);
            }
        }
        uses
    }
}

/// Finds the booleans that are printed.
fn printed(expr: &Expr, types: &mut Types, uses: &mut Uses) {
    let pieces = match &expr.kind {
        ExprKind::Print { pieces, .. }
        | ExprKind::Panic { pieces }
        | ExprKind::Assert { pieces, .. }
        | ExprKind::AssertEq { pieces, .. } => pieces.as_slice(),
        _ => &[],
    };
    for piece in pieces {
        if let Piece::Value { value, .. } = piece {
            if value.ty == Ty::BOOL {
                uses.printed_bools.push(value.span);
            } else if has_bool(value.ty, types, false, &mut FxHashSet::default()) {
                uses.printed_with_bools.push(value.span);
            }
        }
    }
    walk::children(expr, &mut |part| printed(part, types, uses));
}

/// Whether a value of the type shows a boolean when it is printed. `payload`: as a part of a type with parameters.
fn has_bool(ty: Ty, types: &mut Types, payload: bool, seen: &mut FxHashSet<Ty>) -> bool {
    if !seen.insert(ty) {
        return false;
    }
    match types.kind(ty).clone() {
        // What stands for a type parameter can be anything; those of a declared type are its arguments.
        TyKind::Param { .. } => !payload,
        TyKind::Bool => true,
        TyKind::Array { elem: inner, .. }
        | TyKind::Slice { elem: inner, .. }
        | TyKind::Ref { pointee: inner, .. } => has_bool(inner, types, payload, seen),
        TyKind::Tuple(items) => items.iter().any(|ty| has_bool(*ty, types, payload, seen)),
        TyKind::Struct { args, .. } => {
            let def = types.struct_of(ty);
            let fields = def.map_or(0, |def| def.fields.len());
            let parts: Vec<Ty> = def
                .iter()
                .flat_map(|def| def.variants.iter().flatten())
                .flat_map(|variant| variant.fields.iter().map(|field| field.ty))
                .collect();
            args.iter().any(|ty| has_bool(*ty, types, payload, seen))
                || parts.iter().any(|ty| has_bool(*ty, types, true, seen))
                || (0..fields).any(|index| {
                    let field = types.field_ty(ty, index);
                    has_bool(field, types, payload, seen)
                })
        }
        _ => false,
    }
}
