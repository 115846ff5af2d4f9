//! Blocks, bindings and control flow.

use vex_syntax::ast::{self, StmtKind as AstStmt};
use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::{Expect, FnCx, LoopCx};
use super::infer::VarKind;
use super::local::Binding;
use crate::typed::{
    BinaryOp, Block, Expr, ExprKind, GlobalId, GlobalPattern, LoopId, Pattern, Stmt, StmtKind,
};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// `{ … }` in a scope of its own.
    pub(super) fn block(&mut self, block: &'a ast::Block, expect: Expect) -> Expr {
        let mut out = Vec::new();
        let mut value = None;
        let mut diverges = false;
        self.scoped(|fx| {
            let count = block.stmts.len();
            for (index, stmt) in block.stmts.iter().enumerate() {
                if diverges {
                    fx.unreachable_code(stmt.span);
                }
                let last = index + 1 == count && !block.ends_with_semicolon;
                if last && let AstStmt::Expr(expr) = &stmt.kind {
                    value = fx.tail(expr, expect, stmt.span, &mut out, &mut diverges);
                } else {
                    fx.stmt(stmt, &mut out, &mut diverges);
                }
            }
        });
        let ty = match &value {
            Some(value) => self.shallow(value.ty),
            None if diverges => Ty::NEVER,
            None => Ty::UNIT,
        };
        // A block that does not reach its end has no value, whatever its last expression's type.
        let ty = if diverges { Ty::NEVER } else { ty };
        let value = if diverges && value.is_some() && ty == Ty::NEVER {
            let value = value.expect("just seen");
            if value.ty != Ty::NEVER {
                let span = value.span;
                out.push(Stmt { kind: StmtKind::Expr(value), span });
                None
            } else {
                Some(value)
            }
        } else {
            value
        };
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
            let value = self.with_temps(|fx| fx.value(expr, expect));
            Some(value)
        };
        self.straight = outer;
        value
    }

    fn unreachable_code(&mut self, span: Span) {
        if !self.cx.loaded.module(self.module).library
            && !self
                .cx
                .diags
                .iter()
                .any(|d| d.code == codes::UNREACHABLE && d.span().hi >= span.lo && d.span().lo <= span.lo)
        {
            self.cx.diags.push(Diagnostic::warning(codes::UNREACHABLE, span, "this is never reached"));
        }
    }

    /// An expression statement.
    fn effect(&mut self, expr: &'a ast::Expr) -> Expr {
        let value = self.with_temps(|fx| {
            let value = fx.expr(expr, Expect::Effect);
            if fx.is_place(&value) && fx.cx.types.needs_drop(fx.shallow(value.ty)) {
                // Naming a move-only variable as a statement does nothing to it.
                return fx.borrow_place(value, false);
            }
            value
        });
        self.discard(value)
    }

    fn stmt(&mut self, stmt: &'a ast::Stmt, out: &mut Vec<Stmt>, diverges: &mut bool) {
        match &stmt.kind {
            AstStmt::Let { pattern, mutable, ty, value } => {
                self.let_stmt(pattern, *mutable, ty.as_ref(), value.as_ref(), stmt.span, out, diverges);
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

    fn local_item(&mut self, item: &'a ast::Item) {
        match &item.kind {
            ast::ItemKind::Const(decl) => {
                let id = self.cx.add_const(decl, self.module);
                self.cx.ensure_const_in(id, &self.names);
                self.bind_name(decl.name.name, Binding::Const(id));
            }
            _ => {
                let title = "a declaration inside a block is not supported yet";
                let d = Diagnostic::error(vex_syntax::codes::NOT_SUPPORTED, item.span, title);
                self.error(d.help("move it to the top level of the file"));
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
    fn binding_value(
        &mut self,
        ty: Option<&'a ast::TypeExpr>,
        value: Option<&'a ast::Expr>,
        name: Span,
    ) -> (Ty, Option<Expr>) {
        let declared = match ty {
            Some(ty) if !matches!(ty.kind, ast::TypeKind::Infer) => {
                Some(self.cx.resolve_type(self.module, ty))
            }
            _ => None,
        };
        match (declared, value) {
            (Some(ty), Some(value)) => {
                let value = self.value_of(value, ty);
                (ty, Some(value))
            }
            (Some(ty), None) => (ty, None),
            (None, None) => (self.fresh(VarKind::General, name), None),
            (None, Some(value)) => {
                let value = self.value(value, Expect::Any);
                let ty = self.shallow(value.ty);
                if ty == Ty::NEVER {
                    let value = self.coerce(value, Ty::UNIT);
                    return (Ty::UNIT, Some(value));
                }
                (ty, Some(value))
            }
        }
    }

    /// Temporaries of a `let` end with the statement, except one that the new variable refers to: it gets a scope
    /// as long as the variable's.
    fn keep_temps(&mut self, init: Expr, temps: Vec<crate::typed::LocalId>, out: &mut Vec<Stmt>) -> Expr {
        if temps.is_empty() {
            return init;
        }
        let refers = matches!(
            self.kind(init.ty),
            TyKind::Ref { .. } | TyKind::Slice { .. } | TyKind::RawPtr { .. } | TyKind::Ptr
        );
        let (ty, span) = (init.ty, init.span);
        if !refers {
            return Expr { kind: ExprKind::Scope { temps, value: Box::new(init) }, ty, span };
        }
        for &temp in &temps {
            out.push(Stmt { kind: StmtKind::Let { pattern: Pattern::Local(temp), init: None }, span });
        }
        init
    }

    /// The statements of a script: its bindings are globals.
    pub(super) fn script_body(&mut self, stmts: &[&'a ast::Stmt]) -> Expr {
        let span = match (stmts.first(), stmts.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::NONE,
        };
        let mut out = Vec::new();
        let mut diverges = false;
        self.depth = 1;
        let mut next =
            self.cx.globals.iter().position(|g| g.module == self.module && g.decl.is_none()).unwrap_or(0);
        for stmt in stmts {
            if diverges {
                self.unreachable_code(stmt.span);
            }
            match &stmt.kind {
                AstStmt::Let { pattern, ty, value, .. } => {
                    self.script_let(pattern, ty.as_ref(), value.as_ref(), stmt.span, &mut next, &mut out);
                }
                _ => self.stmt(stmt, &mut out, &mut diverges),
            }
        }
        let ty = if diverges { Ty::NEVER } else { Ty::UNIT };
        Expr { kind: ExprKind::Block(Block { stmts: out, value: None }), ty, span }
    }

    fn script_let(
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
        let Some(init) = init else { return };
        self.unify(init.ty, ty);
        let init = self.keep_temps(init, temps, out);
        out.push(Stmt { kind: StmtKind::InitGlobal { pattern, init }, span });
    }

    fn script_pattern(&mut self, pattern: &ast::Pattern, ty: Ty, next: &mut usize) -> GlobalPattern {
        match pattern {
            ast::Pattern::Name(name) => {
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
            ast::Pattern::Tuple(elems, span) => {
                let tys = self.tuple_parts(ty, elems.len(), *span).unwrap_or(vec![Ty::ERROR; elems.len()]);
                let parts = elems.iter().zip(tys).map(|(elem, ty)| self.script_pattern(elem, ty, next));
                GlobalPattern::Tuple(parts.collect())
            }
        }
    }

    fn enter_loop(&mut self, value: Option<Ty>) -> LoopId {
        let id = LoopId(self.next_loop);
        self.next_loop += 1;
        self.loops.push(LoopCx { id, value, broken: false });
        id
    }

    /// The body of a loop, for its effect.
    fn loop_body(&mut self, body: &'a ast::Block) -> Box<Expr> {
        let straight = std::mem::replace(&mut self.straight, false);
        let body = self.block(body, Expect::Effect);
        self.straight = straight;
        Box::new(self.discard(body))
    }

    pub(super) fn while_loop(&mut self, cond: &'a ast::Expr, body: &'a ast::Block, span: Span) -> Expr {
        let id = self.enter_loop(None);
        let cond = Box::new(self.condition(cond));
        let body = self.loop_body(body);
        let left = self.loops.pop().expect("entered above");
        let endless = matches!(cond.kind, ExprKind::Bool(true)) && !left.broken;
        let ty = if endless { Ty::NEVER } else { Ty::UNIT };
        if endless {
            return Expr { kind: ExprKind::Loop { id, body }, ty, span };
        }
        Expr { kind: ExprKind::While { id, cond, body }, ty, span }
    }

    pub(super) fn endless_loop(&mut self, body: &'a ast::Block, expect: Expect, span: Span) -> Expr {
        let value = match expect {
            Expect::Type(ty) => ty,
            Expect::Any => self.fresh(VarKind::General, span),
            Expect::Effect => Ty::UNIT,
        };
        let id = self.enter_loop(Some(value));
        let body = self.loop_body(body);
        let left = self.loops.pop().expect("entered above");
        let ty = if left.broken { value } else { Ty::NEVER };
        Expr { kind: ExprKind::Loop { id, body }, ty, span }
    }

    pub(super) fn for_loop(
        &mut self,
        pattern: &'a ast::Pattern,
        iter: &'a ast::Expr,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        if let ast::ExprKind::Range { lo, hi, inclusive } = &iter.kind {
            return self.for_range(pattern, lo, hi, *inclusive, body, span);
        }
        self.for_each(pattern, iter, body, span)
    }

    fn for_range(
        &mut self,
        pattern: &'a ast::Pattern,
        lo: &'a ast::Expr,
        hi: &'a ast::Expr,
        inclusive: bool,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        let (lo, hi) = (self.value(lo, Expect::Any), self.value(hi, Expect::Any));
        let (lo, hi) = (self.scalar(lo), self.scalar(hi));
        let (lo, hi) = self.same_number(lo, hi);
        let ty = self.shallow(lo.ty);
        if !self.is_integer(ty) || !self.unify(lo.ty, hi.ty) {
            let (a, b) = (self.show(lo.ty), self.show(hi.ty));
            if ty != Ty::ERROR && self.shallow(hi.ty) != Ty::ERROR {
                let title = format!("a range runs over integers of one type, not from `{a}` to `{b}`");
                self.error(Diagnostic::error(codes::OPERATOR, lo.span.to(hi.span), title));
            }
        }
        let id = self.enter_loop(None);
        let mut local = None;
        let body = self.scoped(|fx| {
            let declared = fx.declare_pattern(pattern, ty, fx.spelling == vex_syntax::Spelling::Vais);
            local = Some(match declared {
                Pattern::Local(local) => local,
                _ => fx.hidden(pattern.span(), ty),
            });
            fx.loop_body(body)
        });
        self.loops.pop();
        let local = local.expect("set above");
        let (lo, hi) = (Box::new(lo), Box::new(hi));
        Expr { kind: ExprKind::ForRange { id, local, lo, hi, inclusive, body }, ty: Ty::UNIT, span }
    }

    /// `for x in a`: over the elements of an array or slice, by index.
    fn for_each(
        &mut self,
        pattern: &'a ast::Pattern,
        iter: &'a ast::Expr,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        let outer = std::mem::take(&mut self.temps);
        let source = self.expr(iter, Expect::Any);
        let Some((slice, elem)) = self.as_slice(source) else {
            self.temps = outer;
            let id = self.enter_loop(None);
            self.scoped(|fx| {
                fx.declare_pattern(pattern, Ty::ERROR, true);
                fx.loop_body(body);
            });
            self.loops.pop();
            let _ = id;
            return self.poison(span);
        };
        let temps = std::mem::replace(&mut self.temps, outer);
        let at = |kind, ty| Expr { kind, ty, span: iter.span };
        self.depth += 1;
        let items = self.hidden(iter.span, slice.ty);
        let counter = self.hidden(iter.span, Ty::USIZE);
        let id = self.enter_loop(None);
        let read = |ty| at(ExprKind::Local(items), ty);
        let slice_ty = slice.ty;
        let element = at(
            ExprKind::Index {
                base: Box::new(read(slice_ty)),
                index: Box::new(at(ExprKind::Local(counter), Ty::USIZE)),
            },
            elem,
        );
        let body = self.scoped(|fx| {
            let init = fx.consume(element);
            let bound = fx.declare_pattern(pattern, elem, fx.spelling == vex_syntax::Spelling::Vais);
            let bind =
                Stmt { kind: StmtKind::Let { pattern: bound, init: Some(init) }, span: pattern.span() };
            let inner = fx.loop_body(body);
            let inner_span = inner.span;
            let run = Stmt { kind: StmtKind::Expr(*inner), span: inner_span };
            Expr {
                kind: ExprKind::Block(Block { stmts: vec![bind, run], value: None }),
                ty: Ty::UNIT,
                span: inner_span,
            }
        });
        self.loops.pop();
        self.depth -= 1;
        let len = at(ExprKind::Len(Box::new(read(slice_ty))), Ty::USIZE);
        let zero = at(ExprKind::Int(0), Ty::USIZE);
        let (lo, hi, body) = (Box::new(zero), Box::new(len), Box::new(body));
        let walk = Expr {
            kind: ExprKind::ForRange { id, local: counter, lo, hi, inclusive: false, body },
            ty: Ty::UNIT,
            span,
        };
        let hold = Stmt {
            kind: StmtKind::Let { pattern: Pattern::Local(items), init: Some(slice) },
            span: iter.span,
        };
        let run = Stmt { kind: StmtKind::Expr(walk), span };
        let block =
            Expr { kind: ExprKind::Block(Block { stmts: vec![hold, run], value: None }), ty: Ty::UNIT, span };
        if temps.is_empty() {
            return block;
        }
        Expr { kind: ExprKind::Scope { temps, value: Box::new(block) }, ty: Ty::UNIT, span }
    }

    /// A slice over an array place, a reference to an array, or a slice; with the element type.
    fn as_slice(&mut self, source: Expr) -> Option<(Expr, Ty)> {
        let span = source.span;
        match self.kind(source.ty).clone() {
            TyKind::Slice { elem, .. } => Some((source, elem)),
            TyKind::Array { elem, .. } => {
                let place = if self.is_place(&source) { source } else { self.temporary(source) };
                let reference = self.borrow_place(place, false);
                let ty = self.cx.types.intern(TyKind::Slice { mutable: false, elem });
                Some((Expr { kind: ExprKind::ArrayToSlice(Box::new(reference)), ty, span }, elem))
            }
            TyKind::Ref { pointee, .. } => match self.kind(pointee).clone() {
                TyKind::Array { elem, .. } => {
                    let ty = self.cx.types.intern(TyKind::Slice { mutable: false, elem });
                    Some((Expr { kind: ExprKind::ArrayToSlice(Box::new(source)), ty, span }, elem))
                }
                _ => self.not_iterable(source),
            },
            TyKind::Error => None,
            _ => self.not_iterable(source),
        }
    }

    fn not_iterable<T>(&mut self, source: Expr) -> Option<T> {
        let shown = self.show(source.ty);
        let title = format!("`for` cannot run over a `{shown}`");
        let mut d = Diagnostic::error(codes::NOT_INDEXABLE, source.span, title);
        d = if self.is_integer(source.ty) {
            d.fix("write a range", Span::new(source.span.lo, source.span.lo), "0..")
        } else {
            d.note("it runs over ranges `a..b`, arrays and slices")
        };
        self.error(d);
        None
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
                    let shown = self.show(value.ty);
                    let title = format!("this function returns nothing, not a `{shown}`");
                    let d = Diagnostic::error(codes::MISMATCH, value_span, title);
                    self.error(d.help(format!("give the function the result type `{shown}`")));
                }
                Some(Box::new(value))
            }
            Some(value) => Some(Box::new(self.value_of(value, ret))),
            None => {
                if ret != Ty::UNIT && ret != Ty::ERROR {
                    let shown = self.show(ret);
                    let title = format!("`return` needs a `{shown}` here");
                    let d = Diagnostic::error(codes::MISSING_RETURN, span, title);
                    self.error(d.label(self.ret_span, "the function promises it here"));
                }
                None
            }
        };
        Expr { kind: ExprKind::Return(value), ty: Ty::NEVER, span }
    }

    pub(super) fn break_expr(&mut self, value: Option<&'a ast::Expr>, span: Span) -> Expr {
        let Some(current) = self.loops.last_mut() else {
            self.outside_loop("break", span);
            return Expr { ty: Ty::NEVER, ..self.poison(span) };
        };
        current.broken = true;
        let (target, wanted) = (current.id, current.value);
        let value = match (value, wanted) {
            (Some(value), Some(ty)) if self.shallow(ty) != Ty::UNIT => {
                Some(Box::new(self.value_of(value, ty)))
            }
            (Some(value), _) => {
                let title = "only a `loop` whose value is used can be left with a value";
                self.error(Diagnostic::error(codes::MISPLACED, value.span, title));
                None
            }
            (None, Some(ty)) if !self.unify(ty, Ty::UNIT) => {
                let shown = self.show(ty);
                let title = format!("this `break` needs a value of type `{shown}`");
                self.error(Diagnostic::error(codes::MISMATCH, span, title));
                None
            }
            (None, _) => None,
        };
        Expr { kind: ExprKind::Break { target, value }, ty: Ty::NEVER, span }
    }

    pub(super) fn continue_expr(&mut self, span: Span) -> Expr {
        match self.loops.last() {
            Some(current) => Expr { kind: ExprKind::Continue(current.id), ty: Ty::NEVER, span },
            None => {
                self.outside_loop("continue", span);
                Expr { ty: Ty::NEVER, ..self.poison(span) }
            }
        }
    }

    fn outside_loop(&mut self, word: &str, span: Span) {
        let title = format!("`{word}` stands outside any loop");
        let mut d = Diagnostic::error(codes::OUTSIDE_LOOP, span, title);
        if self.defer.is_some() {
            d = d.note("a deferred expression runs later, when the loops around it have ended");
        }
        self.error(d);
    }

    /// Widens the narrower of two integers of one sign.
    pub(super) fn same_number(&mut self, left: Expr, right: Expr) -> (Expr, Expr) {
        let (a, b) = (left.ty, right.ty);
        match self.try_coerce(right, a) {
            Ok(right) => (left, right),
            Err(right) => match self.try_coerce(left, b) {
                Ok(left) | Err(left) => (left, right),
            },
        }
    }

    /// The operator of `op` for messages and dispatch in the binary operators.
    pub(super) fn is_comparison(op: BinaryOp) -> bool {
        use BinaryOp::*;
        matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
    }
}

/// `{ … }` and `unsafe { … }` run exactly when the statement is reached.
fn is_plain_block(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::Block(_) | ast::ExprKind::Unsafe(_))
}

fn is_defer(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::Defer(_))
}
