//! Constants: values the compiler computes.

use rustc_hash::FxHashMap;
use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::function::{Expect, FnCx};
use super::local::Binding;
use super::{Checker, GlobalInfo, GlobalKind, State, codes};
use crate::loader::ModuleId;
use crate::typed::{Const, Expr, ExprKind, GlobalId};
use crate::types::{Ty, TyKind};

type Names = FxHashMap<Symbol, Binding>;

impl<'a> Checker<'a> {
    /// The value of a constant expression of type `ty`.
    pub(super) fn constant_of(&mut self, module: ModuleId, expr: &'a ast::Expr, ty: Ty) -> Option<Const> {
        self.evaluate(module, expr, Some(ty), &Names::default()).1
    }

    /// The value of a constant integer expression, as bits of `ty`.
    pub(super) fn constant_int(&mut self, module: ModuleId, expr: &ast::Expr, ty: Ty) -> Option<u64> {
        let names = std::mem::take(&mut self.block_names);
        let value = self.constant_int_in(module, expr, ty, &names);
        self.block_names = names;
        value
    }

    /// The same inside a function, whose block constants count too. A length that is an `i64` is fine if not negative.
    pub(super) fn constant_int_in(
        &mut self,
        module: ModuleId,
        expr: &ast::Expr,
        ty: Ty,
        names: &Names,
    ) -> Option<u64> {
        let kept = self.keep(expr.clone());
        let (found, value) = self.evaluate(module, kept, None, names);
        let Some(int) = self.types.as_int(found) else {
            if found != Ty::ERROR {
                let title = format!("a constant integer is needed here, not {}", self.a(found));
                self.error(Diagnostic::error(codes::MISMATCH, expr.span, title));
            }
            return None;
        };
        match value {
            Some(Const::Int(bits)) if int.signed() && (bits as i64) < 0 && ty == Ty::USIZE => {
                let title = format!("the length {} is negative", bits as i64);
                self.error(Diagnostic::error(codes::CONSTANT_FAILS, expr.span, title));
                None
            }
            Some(Const::Int(bits)) => Some(bits),
            _ => None,
        }
    }

    /// Type and value of a declaration `name: ty = value`.
    pub(super) fn evaluate_declared(
        &mut self,
        module: ModuleId,
        ty: Option<&ast::TypeExpr>,
        value: &'a ast::Expr,
    ) -> (Ty, Option<Const>) {
        let ty = ty.map(|ty| self.resolve_type(module, ty));
        self.evaluate(module, value, ty, &Names::default())
    }

    fn evaluate(
        &mut self,
        module: ModuleId,
        expr: &'a ast::Expr,
        ty: Option<Ty>,
        names: &Names,
    ) -> (Ty, Option<Const>) {
        let mut fx = FnCx::new(self, module, None, Ty::ERROR);
        for (&name, &binding) in names {
            if matches!(binding, Binding::Const(_)) {
                fx.names.insert(name, binding);
            } else {
                fx.variables.insert(name);
            }
        }
        let value = match ty {
            Some(ty) => fx.value_of(expr, ty),
            None => fx.value(expr, Expect::Any),
        };
        let value = fx.finish_expr(value);
        let ty = ty.unwrap_or(value.ty);
        if value.ty == Ty::ERROR || ty == Ty::ERROR {
            return (ty, None);
        }
        if self.types.needs_drop(ty) {
            let title = format!("{} needs dropping, so it cannot be a constant", self.a(ty));
            self.error(Diagnostic::error(codes::NOT_CONSTANT, expr.span, title));
            return (ty, None);
        }
        match self.compute(&value) {
            Ok(value) => (ty, Some(value)),
            Err(d) => {
                self.error(*d);
                (ty, None)
            }
        }
    }

    pub(super) fn ensure_const(&mut self, id: u32) {
        self.ensure_const_in(id, &Names::default());
    }

    /// Evaluates a constant; block constants see the constants around them.
    pub(super) fn ensure_const_in(&mut self, id: u32, names: &Names) {
        let info = &self.consts[id as usize];
        let (module, span, name) = (info.module, info.span, info.name);
        match info.state {
            State::Done => return,
            State::Busy => {
                let title = format!("the constant `{name}` needs itself");
                self.error(Diagnostic::error(codes::CONSTANT_FAILS, span, title));
                return;
            }
            State::New | State::Resolved => {}
        }
        let source = info.decl.expect("constants of earlier inputs have their values");
        self.consts[id as usize].state = State::Busy;
        let ty = source.ty.map(|ty| self.resolve_type(module, ty));
        let (ty, value) = self.evaluate(module, source.value, ty, names);
        let storage = match &value {
            Some(Const::Aggregate(_)) | Some(Const::Variant(..)) => {
                let init = value.clone();
                let (kind, decl, state) = (GlobalKind::Constant, None, State::Done);
                let mutable = false;
                self.globals.push(GlobalInfo { name, span, module, mutable, ty, init, kind, decl, state });
                Some(GlobalId(self.globals.len() as u32 - 1))
            }
            _ => None,
        };
        let info = &mut self.consts[id as usize];
        (info.ty, info.value, info.storage, info.state) = (ty, value, storage, State::Done);
    }
}

impl FnCx<'_, '_> {
    /// The use of a constant: its value, or the read-only memory that holds it.
    pub(super) fn constant_value(&mut self, id: u32, span: Span) -> Expr {
        self.cx.ensure_const(id);
        let info = &self.cx.consts[id as usize];
        let ty = info.ty;
        if let Some(storage) = info.storage {
            return Expr { kind: ExprKind::Global(storage), ty, span };
        }
        match info.value.clone() {
            Some(value) => self.constant_expr(value, ty, span),
            None => self.poison(span),
        }
    }

    /// A constant as an expression.
    pub(super) fn constant_expr(&mut self, value: Const, ty: Ty, span: Span) -> Expr {
        let kind = match value {
            Const::Int(bits) if ty == Ty::BOOL => ExprKind::Bool(bits != 0),
            Const::Int(bits) => ExprKind::Int(bits),
            Const::Float(value) => ExprKind::Float(value),
            Const::Str(text) => ExprKind::Str(text),
            Const::Ptr(0) => ExprKind::Null,
            Const::Ptr(bits) => ExprKind::Int(bits),
            Const::Func(func) => ExprKind::Func { func, args: Vec::new() },
            Const::Variant(variant, payload) => {
                let fields = self.variant_in(ty, variant).fields;
                let parts = (0..).zip(payload.into_iter().zip(fields));
                let fields = parts.map(|(at, (part, field))| (at, self.constant_expr(part, field.ty, span)));
                ExprKind::Variant { variant, fields: fields.collect() }
            }
            Const::Aggregate(parts) if parts.is_empty() && ty == Ty::UNIT => ExprKind::Unit,
            Const::Aggregate(parts) => match self.kind(ty).clone() {
                TyKind::Array { elem, .. } => ExprKind::Array(
                    parts.into_iter().map(|part| self.constant_expr(part, elem, span)).collect(),
                ),
                TyKind::Tuple(elems) => {
                    let parts = parts.into_iter().zip(elems);
                    ExprKind::Tuple(parts.map(|(part, ty)| self.constant_expr(part, ty, span)).collect())
                }
                _ => {
                    let fields = self.cx.types.field_types(ty);
                    let parts = parts.into_iter().zip(fields).enumerate();
                    ExprKind::Struct(
                        parts.map(|(i, (part, ty))| (i as u32, self.constant_expr(part, ty, span))).collect(),
                    )
                }
            },
        };
        Expr { kind, ty, span }
    }
}
