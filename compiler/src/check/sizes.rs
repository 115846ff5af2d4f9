//! `sizeof`, `alignof`, `needs_drop` and `offsetof`, whose operands are types or values.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::codes;
use super::function::{Expect, FnCx, Literal};
use super::infer::VarKind;
use super::member::Scope;
use crate::typed::{Expr, ExprKind, Query};
use crate::types::Ty;

impl<'a> FnCx<'_, 'a> {
    /// An integer that adapts to its use, like a literal.
    pub(super) fn literal(&mut self, value: u64, span: Span) -> Expr {
        let ty = self.fresh(VarKind::Int, span);
        self.literals.push(Literal { value, negative: false, ty, span });
        Expr { kind: ExprKind::Int(value), ty, span }
    }

    pub(super) fn size_of(&mut self, name: Symbol, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let [arg] = args else {
            return self.count_error(name.as_str(), 1, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let ty = match self.type_of_expr(arg) {
            Some(ty) => self.resolve_type(&ty),
            None => {
                // Only the type of the operand matters: it is checked but not evaluated.
                let temps = self.temps.len();
                let value = self.expr(arg, Expect::Any);
                self.temps.truncate(temps);
                self.resolved(value.ty).unwrap_or(Ty::ERROR)
            }
        };
        self.type_query(name, ty, span).unwrap_or_else(|| self.poison(span))
    }

    /// `sizeof`, `alignof` or `needs_drop` of a type.
    pub(super) fn type_query(&mut self, name: Symbol, ty: Ty, span: Span) -> Option<Expr> {
        let what = match name.as_str() {
            "sizeof" => Query::Size,
            "alignof" => Query::Align,
            "needs_drop" => Query::NeedsDrop,
            _ => return None,
        };
        if ty == Ty::ERROR {
            return Some(self.poison(span));
        }
        self.cx.ensure_layout(ty);
        if !self.cx.is_complete(ty) {
            return Some(self.endless_size(ty, span));
        }
        if self.cx.types.has_params(ty) {
            let of = ty;
            let ty = match what {
                Query::NeedsDrop => Ty::BOOL,
                Query::Size | Query::Align => self.fresh(VarKind::Int, span),
            };
            return Some(Expr { kind: ExprKind::Layout { of, what }, ty, span });
        }
        let layout = self.cx.types.layout(ty);
        Some(match what {
            Query::Size => self.literal(layout.size, span),
            Query::Align => self.literal(layout.align, span),
            Query::NeedsDrop => {
                Expr { kind: ExprKind::Bool(self.cx.types.needs_drop(ty)), ty: Ty::BOOL, span }
            }
        })
    }

    /// Reports a structure whose declaration asks for its own layout.
    fn endless_size(&mut self, ty: Ty, span: Span) -> Expr {
        let title = format!("the size of `{}` is needed to know its own size", self.show(ty));
        self.error(Diagnostic::error(codes::INFINITE_TYPE, span, title));
        self.poison(span)
    }

    pub(super) fn offset_of(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let [base, field] = args else {
            return self.count_error("offsetof", 2, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let ty = self.type_of_expr(base).map(|ty| self.resolve_type(&ty));
        let (Some(ty), ast::ExprKind::Name(name)) = (ty, &field.kind) else {
            let title = "`offsetof` takes a structure and the name of one of its fields";
            self.error(Diagnostic::error(codes::ARGUMENTS, at, title));
            return self.poison(span);
        };
        if ty == Ty::ERROR {
            return self.poison(span);
        }
        self.cx.ensure_layout(ty);
        if !self.cx.is_complete(ty) {
            return self.endless_size(ty, span);
        }
        let index = self.cx.types.struct_of(ty).and_then(|d| d.fields.iter().position(|f| f.name == *name));
        match index {
            Some(index) => {
                let offset = self.cx.types.field_offsets(ty)[index];
                self.literal(offset, span)
            }
            None => {
                self.unknown_field(ty, ast::Ident { name: *name, span: field.span }, codes::UNKNOWN_FIELD);
                self.poison(span)
            }
        }
    }

    /// An expression that is written like a type and does not name a value, as the type.
    pub(super) fn type_of_expr(&mut self, expr: &ast::Expr) -> Option<ast::TypeExpr> {
        use ast::{ExprKind, TypeKind, UnaryOp};
        let span = expr.span;
        let (inner, mutable) = match &expr.kind {
            ExprKind::Bang(inner) => (&**inner, true),
            _ => (expr, false),
        };
        let kind = match &inner.kind {
            ExprKind::Name(name) if !mutable => {
                let is_value = self.names.contains_key(name)
                    || matches!(
                        self.cx.lookup_value(self.module, *name),
                        super::names::Lookup::Found(super::Value::Const(_) | super::Value::Global(_))
                    );
                let is_type = super::resolve::primitive(name.as_str()).is_some()
                    || self.generics.params.iter().any(|(param, _)| param.name == *name)
                    || self.type_named(*name, span).is_some();
                if is_value || !is_type {
                    return None;
                }
                let names = vec![ast::Ident { name: *name, span }];
                TypeKind::Path { names, args: Vec::new() }
            }
            ExprKind::Field { base, name } if !mutable => match self.scope_of(inner)? {
                Scope::Type(..) => {
                    let ExprKind::Name(alias) = base.kind else { return None };
                    let names = vec![ast::Ident { name: alias, span: base.span }, *name];
                    TypeKind::Path { names, args: Vec::new() }
                }
                Scope::Module(..) => return None,
            },
            ExprKind::Generic { base, args } if !mutable => {
                let mut ty = self.type_of_expr(base)?;
                if let TypeKind::Path { args: given, .. } = &mut ty.kind {
                    given.clone_from(args);
                }
                ty.kind
            }
            ExprKind::Unary { op: UnaryOp::Deref, value } => {
                let (value, inner_mutable) = strip_bang(value);
                let pointee = Box::new(self.type_of_expr(value)?);
                TypeKind::RawPtr { mutable: mutable || inner_mutable, pointee }
            }
            ExprKind::Borrow { mutable, place } => {
                TypeKind::Ref { mutable: *mutable, pointee: Box::new(self.type_of_expr(place)?) }
            }
            ExprKind::Repeat { value, count } => {
                let elem = Box::new(self.type_of_expr(value)?);
                TypeKind::Array { elem, len: Box::new((**count).clone()) }
            }
            ExprKind::Tuple(elems) => {
                TypeKind::Tuple(elems.iter().map(|elem| self.type_of_expr(elem)).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some(ast::TypeExpr { kind, span })
    }
}

pub(super) fn strip_bang(expr: &ast::Expr) -> (&ast::Expr, bool) {
    match &expr.kind {
        ast::ExprKind::Bang(inner) => (inner, true),
        _ => (expr, false),
    }
}
