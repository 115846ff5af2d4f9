//! `unsafe` blocks for inputs that needed none: those of a session in which unsafe operations are allowed at the prompt.

use vex_syntax::ast::{self, ExprKind, StmtKind};
use vex_syntax::spelling_table::words_for;
use vex_syntax::token::Token;
use vex_syntax::{Span, Spelling};

use super::resolve::Resolver;
use super::walk::children;
use super::{BASE, Piece};

impl Resolver<'_> {
    /// Puts an expression into an `unsafe` block, if it needed none in the session and may need one.
    pub(super) fn allow(&mut self, expr: &ast::Expr) {
        if self.allows_unsafe() && may_be_unsafe(&expr.kind) {
            self.enclose(expr.span);
        }
    }

    /// The same with the body of a function.
    pub(super) fn allow_body(&mut self, body: &ast::Block) {
        let inside = |stmt: &ast::Stmt| match &stmt.kind {
            StmtKind::Let { value, .. } => value.as_ref().is_some_and(|value| may_be_unsafe(&value.kind)),
            StmtKind::Expr(expr) => may_be_unsafe(&expr.kind),
            StmtKind::Item(_) => false,
        };
        if !self.allows_unsafe() || !body.stmts.iter().any(inside) {
            return;
        }
        // The body `= e` has the place of its expression.
        let is_expr = body.stmts.first().is_some_and(|stmt| stmt.span == body.span);
        let inset = u32::from(!is_expr);
        self.enclose(Span::new(body.span.lo + inset, body.span.hi - inset));
    }

    fn allows_unsafe(&self) -> bool {
        self.unsafe_on() && self.spelling() == Spelling::Vex
    }

    fn enclose(&mut self, span: Span) {
        let word = words_for(Token::Unsafe, self.spelling()).next().unwrap_or_default();
        self.edit(Span::new(span.lo, span.lo), Piece::Text(format!("{word} {{ ")));
        // On a line of its own, lest it fall into a comment.
        let last = self.text()[..(span.hi - BASE) as usize].rsplit('\n').next().unwrap_or_default();
        let end = if last.contains("//") { "\n}" } else { " }" };
        self.edit(Span::new(span.hi, span.hi), Piece::Text(end.into()));
    }
}

/// Whether an expression does anything but compute and name things.
fn may_be_unsafe(kind: &ExprKind) -> bool {
    use ExprKind::*;
    match kind {
        Unary { op: ast::UnaryOp::Deref, .. } | Index { .. } | Field { .. } | Call { .. } | Pipe { .. } => {
            true
        }
        If { .. }
        | Match { .. }
        | Closure(_)
        | Try(_)
        | Block(_)
        | While { .. }
        | Loop(_)
        | For { .. }
        | Defer(_) => true,
        Cast { value, .. } => may_be_unsafe(&value.kind),
        Struct { fields, .. } => fields.iter().any(|field| may_be_unsafe(&field.value.kind)),
        Assign { place, value, .. } => may_be_unsafe(&place.kind) || may_be_unsafe(&value.kind),
        Return(value) => value.as_ref().is_some_and(|value| may_be_unsafe(&value.kind)),
        other => {
            let mut found = false;
            children(other, &mut |child| found |= may_be_unsafe(&child.kind));
            found
        }
    }
}
