//! `e?`: the value that is there, or an early return.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::codes;
use super::function::{Expect, FnCx};
use super::infer::VarKind;
use super::matching::Scrutinee;
use super::pattern::payload;
use crate::typed::{Arm, Expr, ExprKind, Test};
use crate::types::{StructId, Ty};

impl<'a> FnCx<'_, 'a> {
    /// `e?`
    pub(super) fn try_expr(&mut self, operand: &'a ast::Expr, span: Span) -> Expr {
        let value = self.value(operand, Expect::Any);
        let ty = self.shallow(value.ty);
        if ty == Ty::ERROR {
            return self.poison(span);
        }
        let def = self.cx.enum_of(ty);
        let option = self.cx.lang_enum(self.module, "Option");
        let result = self.cx.lang_enum(self.module, "Result");
        let (good, bad) = match def {
            Some(def) if Some(def) == option => ("Some", "None"),
            Some(def) if Some(def) == result => ("Ok", "Err"),
            _ => return self.not_tried(value, span),
        };
        let def = def.expect("it is one of the two");
        let (Some((_, good)), Some((_, bad))) =
            (self.cx.variant_named(def, Symbol::new(good)), self.cx.variant_named(def, Symbol::new(bad)))
        else {
            return self.not_tried(value, span);
        };
        if !self.returns_early(def, ty, bad, span) {
            return self.poison(span);
        }
        let Scrutinee { value, place } = self.held(value);
        let held = self.payload_binding(&place, good, span);
        let body = self.bound_value(&held, span);
        let taken = Arm {
            test: Test::Variant { place: place.clone(), variant: good },
            bindings: held,
            guard: None,
            body,
        };
        let lost = self.payload_binding(&place, bad, span);
        let fields = lost.iter().map(|_| (0, self.bound_value(&lost, span))).collect();
        let early = Expr { kind: ExprKind::Variant { variant: bad, fields }, ty: self.ret, span };
        let body = Expr { kind: ExprKind::Return(Some(Box::new(early))), ty: Ty::NEVER, span };
        let other = Arm { test: Test::Any, bindings: lost, guard: None, body };
        let mut arms = vec![taken, other];
        let ty = self.join_arms(&mut arms, Expect::Any);
        Expr { kind: ExprKind::Match { value: Box::new(value), arms }, ty, span }
    }

    /// The payload of a variant, bound to a variable without a name.
    fn payload_binding(
        &mut self,
        place: &Expr,
        variant: u32,
        span: Span,
    ) -> Vec<(crate::typed::LocalId, Expr)> {
        let fields = self.variant_in(place.ty, variant).fields;
        let Some(field) = fields.first() else { return Vec::new() };
        let part = payload(place, variant, 0, field.ty, span);
        let value = Expr { kind: ExprKind::Take(Box::new(part)), ty: field.ty, span };
        vec![(self.hidden(span, field.ty), value)]
    }

    fn bound_value(&mut self, bound: &[(crate::typed::LocalId, Expr)], span: Span) -> Expr {
        match bound {
            [(local, value)] => {
                let read = Expr { kind: ExprKind::Local(*local), ty: value.ty, span };
                self.consume(read)
            }
            _ => Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span },
        }
    }

    fn not_tried(&mut self, value: Expr, span: Span) -> Expr {
        let shown = self.a(value.ty);
        let title = format!("`?` takes an `Option` or a `Result`, not {shown}");
        self.error(Diagnostic::error(codes::TRY, span, title).label(value.span, shown));
        self.poison(span)
    }

    /// Whether the function can return what `?` finds in place of a value of type `ty`; reports why not.
    fn returns_early(&mut self, def: StructId, ty: Ty, bad: u32, span: Span) -> bool {
        let name = self.cx.types.structs[def.0 as usize].name;
        let help = format!("let the function return `{name}`, or look at the value with `match`");
        if self.defer.is_some() {
            let title = "a deferred expression cannot return from the function";
            self.error(Diagnostic::error(codes::OUTSIDE_LOOP, span, title));
            return false;
        }
        if self.func.is_none() || self.script_globals.is_some() {
            let title = "`?` returns from a function, and there is none here";
            self.error(Diagnostic::error(codes::TRY, span, title).help("look at the value with `match`"));
            return false;
        }
        let ret = self.shallow(self.ret);
        if ret == Ty::ERROR {
            return false;
        }
        if self.var_kind(ret) == Some(VarKind::General) {
            let fresh = self.enum_type(def, &[], None, span);
            self.unify(ret, fresh);
        }
        if self.cx.enum_of(self.shallow(ret)) != Some(def) {
            let shown = match ret {
                Ty::UNIT => "nothing".into(),
                _ => self.a(ret),
            };
            let title = format!("`?` returns {} early, but this function returns {shown}", self.a(ty));
            let d = Diagnostic::error(codes::TRY, span, title).label(self.ret_span, "its result");
            self.error(d.help(help));
            return false;
        }
        let (here, there) = (self.variant_in(ty, bad).fields, self.variant_in(ret, bad).fields);
        let (Some(here), Some(there)) = (here.first(), there.first()) else { return true };
        if !self.unify(here.ty, there.ty) {
            let (a, b) = (self.shown(here.ty), self.shown(there.ty));
            let title = format!("the error is {a} here, but {b} in the function's result");
            let d = Diagnostic::error(codes::TRY, span, title).label(self.ret_span, "its result");
            self.error(d.help("make the one error of the other with `match`"));
            return false;
        }
        true
    }
}
