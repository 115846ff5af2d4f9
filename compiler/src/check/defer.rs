//! `defer`: which variables a deferred expression copies, and where it stands.

use rustc_hash::FxHashMap;
use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{Capture, Defer, Expr, ExprKind, LocalId};
use crate::types::Ty;

/// The `defer` being checked.
pub(super) struct DeferCx {
    /// Locals with an index below this one were declared before the deferred expression.
    first_own: u32,
    copies: FxHashMap<LocalId, LocalId>,
}

impl<'a> FnCx<'_, 'a> {
    pub(super) fn defer_expr(&mut self, body: &'a ast::Expr, span: Span) -> Expr {
        if self.defer.is_some() {
            let title = "a `defer` inside a deferred expression";
            let d = Diagnostic::error(codes::MISPLACED, span, title);
            self.error(d.note("what is deferred runs when the function is already returning"));
            return self.poison(span);
        }
        let outermost = self.straight;
        self.defer = Some(DeferCx { first_own: self.locals.len() as u32, copies: FxHashMap::default() });
        let loops = std::mem::take(&mut self.loops);
        let body = self.at_site(body.span, |fx| fx.with_temps(|fx| fx.expr(body, Expect::Effect)));
        let body = self.discard(body);
        self.loops = loops;
        let copies = self.defer.take().expect("set above").copies;
        let mut captures: Vec<Capture> = copies.into_iter().map(|(from, to)| Capture { from, to }).collect();
        captures.sort_by_key(|capture| capture.to);
        let defer = Defer { body, captures, outermost };
        Expr { kind: ExprKind::Defer(Box::new(defer)), ty: Ty::UNIT, span }
    }

    /// The local itself or, inside a deferred expression, the copy of a variable of an inner block.
    pub(super) fn captured(&mut self, id: LocalId, span: Span) -> LocalId {
        let Some(defer) = &self.defer else { return id };
        let depth = self.info[id.0 as usize].depth;
        if id.0 >= defer.first_own || depth <= 1 {
            return id;
        }
        if let Some(&copy) = defer.copies.get(&id) {
            return copy;
        }
        let local = self.locals[id.0 as usize].clone();
        if self.is_owned(local.ty) {
            let title = format!("`{}` is dropped before this runs", local.name);
            let d = Diagnostic::error(codes::DEFER_CAPTURE, span, title)
                .label(local.span, "it belongs to an inner block and is move-only")
                .note("a deferred expression runs when the function returns; it copies the variables of inner blocks");
            self.error(d.help("bind it in the function's outermost block"));
            return id;
        }
        let copy = self.hidden(local.span, local.ty);
        self.locals[copy.0 as usize].name = local.name;
        let mutable = self.info[id.0 as usize].mutable;
        self.info[copy.0 as usize].mutable = mutable;
        self.info[copy.0 as usize].used = true;
        self.info[copy.0 as usize].changed = true;
        if let Some(defer) = &mut self.defer {
            defer.copies.insert(id, copy);
        }
        copy
    }
}
