//! Blocks, bindings and control flow.

use vex_syntax::ast::{self, StmtKind as AstStmt};
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use super::infer::VarKind;
use crate::typed::{Block, Expr, ExprKind, Pattern, Stmt, StmtKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// `{ … }` in a scope of its own.
    pub(super) fn block(&mut self, block: &'a ast::Block, expect: Expect) -> Expr {
        let mut out = Vec::new();
        let mut value = None;
        let (mut diverges, mut warned) = (false, false);
        self.scoped(|fx| {
            let outer = fx.declare_nested(block);
            let count = block.stmts.len();
            for (index, stmt) in block.stmts.iter().enumerate() {
                if diverges && !warned {
                    fx.unreachable_code(stmt.span);
                    warned = true;
                }
                let last = index + 1 == count && !block.ends_with_semicolon;
                if last && let AstStmt::Expr(expr) = &stmt.kind {
                    value = fx.tail(expr, expect, stmt.span, &mut out, &mut diverges);
                } else {
                    fx.stmt(stmt, &mut out, &mut diverges);
                }
            }
            fx.forget_nested(outer);
        });
        let ty = match &value {
            Some(value) => self.shallow(value.ty),
            None if diverges => Ty::NEVER,
            None => Ty::UNIT,
        };
        // A block that does not reach its end has no value, whatever its last expression's type.
        let ty = if diverges { Ty::NEVER } else { ty };
        let value = match value {
            Some(value) if diverges && value.ty != Ty::NEVER => {
                let span = value.span;
                out.push(Stmt { kind: StmtKind::Expr(value), span });
                None
            }
            value => value,
        };
        out.shrink_to_fit();
        Expr { kind: ExprKind::Block(Block { stmts: out, value: value.map(Box::new) }), ty, span: block.span }
    }

    /// The last expression of a block: its value, unless only its effect is wanted.
    fn tail(
        &mut self,
        expr: &'a ast::Expr,
        expect: Expect,
        span: Span,
        out: &mut Vec<Stmt>,
        diverges: &mut bool,
    ) -> Option<Expr> {
        let straight = self.straight && (is_plain_block(expr) || is_defer(expr));
        let outer = std::mem::replace(&mut self.straight, straight);
        let value = if expect == Expect::Effect {
            let value = self.effect(expr);
            *diverges |= self.shallow(value.ty) == Ty::NEVER;
            out.push(Stmt { kind: StmtKind::Expr(value), span });
            None
        } else {
            Some(self.at_site(expr.span, |fx| fx.with_temps(|fx| fx.value(expr, expect))))
        };
        self.straight = outer;
        value
    }

    pub(super) fn unreachable_code(&mut self, span: Span) {
        if !self.cx.loaded.module(self.module).library {
            self.cx.diags.push(Diagnostic::warning(codes::UNREACHABLE, span, "this is never reached"));
        }
    }

    /// An expression statement.
    pub(super) fn effect(&mut self, expr: &'a ast::Expr) -> Expr {
        let value = self.at_site(expr.span, |fx| fx.effect_value(expr));
        self.discard(value)
    }

    fn effect_value(&mut self, expr: &'a ast::Expr) -> Expr {
        self.with_temps(|fx| {
            let value = fx.expr(expr, Expect::Effect);
            if fx.is_place(&value) && fx.may_be_owned(value.ty) {
                // Naming a move-only variable as a statement does nothing to it.
                return fx.borrow_place(value, false);
            }
            value
        })
    }

    pub(super) fn stmt(&mut self, stmt: &'a ast::Stmt, out: &mut Vec<Stmt>, diverges: &mut bool) {
        match &stmt.kind {
            AstStmt::Let { pattern, mutable, ty, value } => {
                self.let_stmt(pattern, *mutable, ty.as_deref(), value.as_ref(), stmt.span, out, diverges);
            }
            AstStmt::Item(item) => self.local_item(item),
            AstStmt::Expr(expr) => {
                let straight = self.straight && (is_plain_block(expr) || is_defer(expr));
                let outer = std::mem::replace(&mut self.straight, straight);
                let value = self.effect(expr);
                self.straight = outer;
                *diverges |= self.shallow(value.ty) == Ty::NEVER;
                out.push(Stmt { kind: StmtKind::Expr(value), span: stmt.span });
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn let_stmt(
        &mut self,
        pattern: &'a ast::Pattern,
        mutable: bool,
        ty: Option<&'a ast::TypeExpr>,
        value: Option<&'a ast::Expr>,
        span: Span,
        out: &mut Vec<Stmt>,
        diverges: &mut bool,
    ) {
        let outer = std::mem::take(&mut self.temps);
        let (ty, init) = self.binding_value(ty, value, pattern.span());
        let temps = std::mem::replace(&mut self.temps, outer);
        let init = init.map(|init| self.keep_temps(init, temps, out));
        *diverges |= init.as_ref().is_some_and(|init| {
            matches!(init.kind, ExprKind::Cast { kind: crate::typed::CastKind::Never, .. })
        });
        let pattern = self.declare_pattern(pattern, ty, mutable);
        if init.is_none()
            && let Pattern::Local(local) = pattern
        {
            self.info[local.0 as usize].late = true;
            self.locals[local.0 as usize].flagged = true;
        }
        out.push(Stmt { kind: StmtKind::Let { pattern, init }, span });
    }

    /// The type and value of a binding.
    pub(super) fn binding_value(
        &mut self,
        ty: Option<&'a ast::TypeExpr>,
        value: Option<&'a ast::Expr>,
        name: Span,
    ) -> (Ty, Option<Expr>) {
        let declared = match ty {
            Some(ty) if !matches!(ty.kind, ast::TypeKind::Infer) => Some(self.resolve_type(ty)),
            _ => None,
        };
        match (declared, value) {
            (Some(ty), Some(value)) => {
                let value = self.at_site(value.span, |fx| fx.value_of(value, ty));
                (ty, Some(value))
            }
            (Some(ty), None) => (ty, None),
            (None, None) => (self.fresh(VarKind::General, name), None),
            (None, Some(value)) => {
                let value = self.at_site(value.span, |fx| fx.value(value, Expect::Any));
                let ty = self.shallow(value.ty);
                if ty == Ty::NEVER {
                    let value = self.coerce(value, Ty::UNIT);
                    return (Ty::UNIT, Some(value));
                }
                (ty, Some(value))
            }
        }
    }

    /// Whether a value of this type may hold the address of something.
    pub(super) fn may_refer(&self, ty: Ty) -> bool {
        match self.kind(ty) {
            TyKind::Ref { .. } | TyKind::Slice { .. } | TyKind::RawPtr { .. } | TyKind::Ptr => true,
            TyKind::Array { elem, .. } => self.may_refer(*elem),
            TyKind::Tuple(elems) => elems.iter().any(|&elem| self.may_refer(elem)),
            TyKind::Struct { def, args } => {
                let def = &self.cx.types.structs[def.0 as usize];
                let payloads = def.variants.iter().flatten().flat_map(|variant| &variant.fields);
                def.fields.iter().chain(payloads).any(|field| self.may_refer(field.ty))
                    || args.iter().any(|&arg| self.may_refer(arg))
            }
            _ => false,
        }
    }

    /// Temporaries of a `let` end with the statement, except one that the new variable refers to: it gets a scope
    /// as long as the variable's.
    pub(super) fn keep_temps(
        &mut self,
        init: Expr,
        temps: Vec<crate::typed::LocalId>,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        if temps.is_empty() {
            return init;
        }
        let (ty, span) = (init.ty, init.span);
        if !self.may_refer(ty) {
            return Expr { kind: ExprKind::Scope { temps, value: Box::new(init) }, ty, span };
        }
        for &temp in &temps {
            out.push(Stmt { kind: StmtKind::Let { pattern: Pattern::Local(temp), init: None }, span });
        }
        init
    }

    pub(super) fn return_expr(&mut self, value: Option<&'a ast::Expr>, span: Span) -> Expr {
        if self.defer.is_some() {
            let title = "a deferred expression cannot return from the function";
            self.error(Diagnostic::error(codes::OUTSIDE_LOOP, span, title));
        }
        let ret = self.ret;
        let value = match value {
            Some(value) if ret == Ty::UNIT && self.func.is_some() => {
                let value_span = value.span;
                let value = self.value(value, Expect::Any);
                if !matches!(self.shallow(value.ty), Ty::UNIT | Ty::NEVER | Ty::ERROR) {
                    let what = match (&self.script_globals, &self.cx.session) {
                        (Some(_), Some(_)) => "an input",
                        (Some(_), None) => "a script",
                        (None, _) => "this function",
                    };
                    let title = format!("{what} returns nothing, not {}", self.a(value.ty));
                    let d = Diagnostic::error(codes::MISMATCH, value_span, title);
                    let ty = self.resolved(value.ty).unwrap_or(Ty::ERROR);
                    let help = format!("give the function the result type `{}`", self.show(ty));
                    let script = "`exit(…)` ends the program with a status".to_string();
                    self.error(d.help(if self.script_globals.is_some() { script } else { help }));
                }
                Some(Box::new(value))
            }
            Some(value) => Some(Box::new(self.value_of(value, ret))),
            None => {
                if ret != Ty::UNIT && ret != Ty::ERROR {
                    let title = format!("`return` needs {} here", self.a(ret));
                    let d = Diagnostic::error(codes::MISSING_RETURN, span, title);
                    self.error(d.label(self.ret_span, "the function promises it here"));
                }
                None
            }
        };
        Expr { kind: ExprKind::Return(value), ty: Ty::NEVER, span }
    }
}

/// `{ … }` and `unsafe { … }` run exactly when the statement is reached.
fn is_plain_block(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::Block(_) | ast::ExprKind::Unsafe(_))
}

fn is_defer(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::Defer(_))
}
