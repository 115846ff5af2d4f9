//! The statements of a script: its bindings are globals.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span};

use super::function::FnCx;
use super::local::Binding;
use super::{GlobalInfo, GlobalKind, codes};
use crate::typed::{Block, Expr, ExprKind, GlobalId, GlobalPattern, Stmt, StmtKind};
use crate::types::Ty;

impl<'a> FnCx<'_, 'a> {
    /// The statements of a script: its bindings are globals.
    pub(super) fn script_body(&mut self, stmts: &[&'a ast::Stmt]) -> Expr {
        let span = match (stmts.first(), stmts.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::NONE,
        };
        let mut out = Vec::new();
        let (mut diverges, mut warned) = (false, false);
        self.depth = 1;
        let known = self.cx.counts().globals;
        let own = |global: &GlobalInfo| global.module == self.module && global.kind == GlobalKind::Script;
        let mut next = self.cx.globals[known..].iter().position(own).unwrap_or(0) + known;
        for stmt in stmts {
            if diverges && !warned {
                self.unreachable_code(stmt.span);
                warned = true;
            }
            match &stmt.kind {
                ast::StmtKind::Let { pattern, ty, value, .. } => {
                    self.script_let(pattern, ty.as_deref(), value.as_ref(), stmt.span, &mut next, &mut out);
                }
                ast::StmtKind::Expr(expr) if self.is_shown(stmts, stmt) => {
                    self.last_value(expr, &mut out, &mut diverges);
                }
                _ => self.stmt(stmt, &mut out, &mut diverges),
            }
        }
        let ty = if diverges { Ty::NEVER } else { Ty::UNIT };
        Expr { kind: ExprKind::Block(Block { stmts: out, value: None }), ty, span }
    }

    pub(super) fn script_let(
        &mut self,
        pattern: &'a ast::Pattern,
        ty: Option<&'a ast::TypeExpr>,
        value: Option<&'a ast::Expr>,
        span: Span,
        next: &mut usize,
        out: &mut Vec<Stmt>,
    ) {
        let outer = std::mem::take(&mut self.temps);
        let (ty, init) = self.binding_value(ty, value, pattern.span());
        let temps = std::mem::replace(&mut self.temps, outer);
        let ty = match self.resolved(ty) {
            Ok(ty) => ty,
            Err(unknown) => {
                self.give_up(unknown);
                let title = "the type of this cannot be inferred";
                let d = Diagnostic::error(codes::CANNOT_INFER, pattern.span(), title);
                self.error(d.help("a top-level binding shows its type at once: write it after the name"));
                Ty::ERROR
            }
        };
        let pattern = self.script_pattern(pattern, ty, next);
        let Some(init) = init else {
            let title = "a top-level binding gets its value where it is declared";
            let d = Diagnostic::error(codes::UNSET, span, title);
            return self.error(d.note("functions can read it at any time after this line"));
        };
        self.unify(init.ty, ty);
        let init = self.keep_script_temps(init, temps, out);
        out.push(Stmt { kind: StmtKind::InitGlobal { pattern, init }, span });
    }

    pub(super) fn script_pattern(
        &mut self,
        pattern: &ast::Pattern,
        ty: Ty,
        next: &mut usize,
    ) -> GlobalPattern {
        match pattern {
            ast::Pattern::Name(name) | ast::Pattern::Mut(name) => {
                let id = GlobalId(*next as u32);
                *next += 1;
                self.cx.globals[id.0 as usize].ty = ty;
                if let Some(set) = &mut self.script_globals {
                    set.insert(id);
                }
                self.bind_name(name.name, Binding::Global(id));
                GlobalPattern::Global(id)
            }
            ast::Pattern::Wild(_) => GlobalPattern::Wild,
            other if !self.irrefutable(other) => GlobalPattern::Wild,
            ast::Pattern::Tuple(elems, span) => {
                let tys = self.tuple_parts(ty, elems.len(), *span).unwrap_or(vec![Ty::ERROR; elems.len()]);
                let parts = elems.iter().zip(tys).map(|(elem, ty)| self.script_pattern(elem, ty, next));
                GlobalPattern::Tuple(parts.collect())
            }
            ast::Pattern::Struct(structure) => {
                let (places, tys) = self.taken_fields(structure, ty);
                let mut all = vec![GlobalPattern::Wild; tys.len()];
                // The variables have their numbers in written order.
                for ((_, part), at) in structure.fields.iter().zip(places) {
                    let part = self.script_pattern(part, at.map_or(Ty::ERROR, |at| tys[at]), next);
                    at.iter().for_each(|at| all[*at] = part.clone());
                }
                GlobalPattern::Tuple(all)
            }
            _ => GlobalPattern::Wild,
        }
    }
}
