//! Writing to places: what may be assigned to or borrowed mutably, and why not.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::function::{Expect, FnCx};
use super::local::Binding;
use super::names::Lookup;
use super::{Value, codes};
use crate::typed::{Expr, ExprKind, UpdateOp};
use crate::types::{Ty, TyKind};

/// Why a place cannot be written.
pub(super) enum ReadOnly {
    /// A local bound without the mutable mark, or a parameter.
    Local(crate::typed::LocalId),
    Global(crate::typed::GlobalId),
    /// A captured variable without the mutable mark, and where it is declared.
    Captured(Symbol, Span),
    /// Through a pointer or reference of this type.
    Through(Ty),
}

impl<'a> FnCx<'_, 'a> {
    /// The words for a mutable binding in this file's spelling.
    pub(super) fn mutable_binding(&self, name: &str) -> String {
        match self.spelling {
            Spelling::Vex => format!("let! {name}"),
            Spelling::Vera => format!("var {name}"),
            Spelling::Vais => format!("{name} := mut"),
        }
    }

    /// Help to bind `name`, which is declared at `span`, with the mutable mark.
    fn bind_mutable(&self, d: Diagnostic, name: &str, span: Span) -> Diagnostic {
        let how = self.mutable_binding(name);
        let help = format!("bind it with `{how}`");
        let word = Span::new(span.lo.saturating_sub(4), span.lo);
        let before = self.cx.sources.text(Span::new(span.lo.saturating_sub(2), span.lo));
        if before.trim_end().ends_with(['(', '{', ',', '|', ':']) {
            return d.fix("bind it with the mutable mark", span.after(), "!");
        }
        match self.spelling {
            _ if self.cx.sources.text(word) != "let " => d.help(help),
            Spelling::Vera => d.fix(help, Span::new(word.lo, word.hi - 1), "var"),
            _ => d.fix(help, Span::new(word.hi - 1, word.hi - 1), "!"),
        }
    }

    /// Reports a write to something immutable. A variable is reported once: the cause is how it is bound.
    fn report_read_only(&mut self, d: Diagnostic, why: &ReadOnly) {
        let d = match why {
            ReadOnly::Local(id) => {
                if std::mem::replace(&mut self.info[id.0 as usize].reported, true) {
                    return;
                }
                let (local, info) = (&self.locals[id.0 as usize], self.info[id.0 as usize]);
                let (name, span) = (local.name.as_str(), local.span);
                if name == "self" {
                    d.label(span, "`self` is taken by value here").help("take `self: &T!`")
                } else if info.loop_variable {
                    let how = self.mutable_binding("copy");
                    d.label(span, "the loop sets it in each round")
                        .help(format!("copy it into a variable of its own: `{how} = {name}`"))
                } else if info.parameter {
                    d.label(span, "a parameter").fix("make it assignable", span.after(), "!")
                } else {
                    self.bind_mutable(d.label(span, "bound here without the mutable mark"), name, span)
                }
            }
            ReadOnly::Global(id) => {
                let global = &self.cx.globals[id.0 as usize];
                let (name, span) = (global.name.as_str(), global.span);
                if global.is_constant() {
                    d.label(span, "a constant").note("a constant is the same wherever it is used")
                } else {
                    self.bind_mutable(d.label(span, "declared here without the mutable mark"), name, span)
                }
            }
            ReadOnly::Captured(name, declared) => self.bind_mutable(
                d.label(*declared, "bound here without the mutable mark"),
                name.as_str(),
                *declared,
            ),
            ReadOnly::Through(ty) => {
                let shown = self.show(*ty);
                d.note(format!("`{shown}` is read-only; `{shown}!` can be written through"))
            }
        };
        self.error(d);
    }

    pub(super) fn immutable_borrow(&mut self, why: ReadOnly, span: Span) {
        let (code, title) = match why {
            ReadOnly::Through(_) => (codes::READ_ONLY, "a mutable borrow through a read-only reference"),
            _ => (codes::IMMUTABLE_BORROW, "a mutable borrow of something immutable"),
        };
        self.report_read_only(Diagnostic::error(code, span, title), &why);
    }

    /// Whether a receiver may be changed by the method called on it; reports it if not.
    pub(super) fn mutable_receiver(&mut self, place: &Expr, method: &str, span: Span) -> bool {
        match self.read_only(place) {
            // `.vais` lets immutable bindings be changed, but not what a read-only pointer points at.
            Some(why) if !self.vais_changes(&why, span) || matches!(why, ReadOnly::Through(_)) => {
                let title = format!("`{method}` changes its receiver, which is immutable here");
                self.report_read_only(Diagnostic::error(codes::IMMUTABLE_BORROW, span, title), &why);
                false
            }
            _ => true,
        }
    }

    pub(super) fn assign(
        &mut self,
        op: Option<BinaryOp>,
        place: &'a ast::Expr,
        value: &'a ast::Expr,
        span: Span,
    ) -> Expr {
        if op.is_none()
            && let ast::ExprKind::Name(name) = place.kind
            && name.as_str() == "_"
        {
            let value = self.value(value, Expect::Any);
            return self.discard(value);
        }
        let target = self.assigned_place(place);
        let kind = match op {
            None => {
                let ty = target.ty;
                let value = Box::new(self.value_of(value, ty));
                let raw = self.is_behind_raw_pointer(&target);
                // Whether that does anything is known when the types are.
                let drop_old = !raw;
                ExprKind::Assign { place: Box::new(target), value, drop_old }
            }
            Some(op) => {
                let value = self.value(value, Expect::Any);
                let (target, value) = match self.text_at_end(op, target, value, span) {
                    Ok(call) => return call,
                    Err(operands) => *operands,
                };
                let value = self.scalar(value);
                match self.update_operation(op, &target, value, span) {
                    Some((op, value)) => {
                        ExprKind::Update { op, place: Box::new(target), value: Box::new(value) }
                    }
                    None => return self.poison(span),
                }
            }
        };
        Expr { kind, ty: Ty::UNIT, span }
    }

    pub(super) fn update_operation(
        &mut self,
        op: BinaryOp,
        target: &Expr,
        value: Expr,
        span: Span,
    ) -> Option<(UpdateOp, Expr)> {
        if self.is_pointer(target.ty)
            && matches!(op, BinaryOp::Add | BinaryOp::Sub)
            && self.is_integer(value.ty)
        {
            let scale = self.pointer_scale(target.ty);
            return Some((UpdateOp::PtrOffset { scale, negative: op == BinaryOp::Sub }, value));
        }
        let shift = matches!(op, BinaryOp::Shl | BinaryOp::Shr);
        let value = if shift { value } else { self.coerce(value, target.ty) };
        if self.shallow(target.ty) == Ty::ERROR || self.shallow(value.ty) == Ty::ERROR {
            return None;
        }
        if !self.operator_applies(op, target.ty) || (shift && !self.is_integer(value.ty)) {
            let both = self.both(target.ty, value.ty);
            let title = format!("`{}=` does not apply to {both}", op.as_str());
            self.error(Diagnostic::error(codes::OPERATOR, span, title));
            return None;
        }
        Some((UpdateOp::Binary(op), value))
    }

    /// A place that is about to be assigned to.
    pub(super) fn assigned_place(&mut self, place: &'a ast::Expr) -> Expr {
        let direct = match place.kind {
            ast::ExprKind::Name(name) => self.names.get(&name).copied(),
            _ => None,
        };
        let used = match direct {
            Some(Binding::Local(id, level)) if level == self.level() => {
                Some((id, self.info[id.0 as usize].used))
            }
            _ => None,
        };
        if let Some((name, declared)) = self.named_constant(place) {
            let title = format!("`{name}` is a constant and cannot be assigned to");
            let d = Diagnostic::error(codes::IMMUTABLE, place.span, title).label(declared, "declared here");
            self.error(d);
            return self.poison(place.span);
        }
        let target = self.expr(place, Expect::Any);
        let mut target = self.writable(target);
        // Assigning to a reference's name assigns the reference; to a `&T!` parameter's target one writes `*r`.
        if let Some((id, was_used)) = used {
            let info = &mut self.info[id.0 as usize];
            info.used = was_used;
        }
        self.note_change(&target);
        if self.shallow(target.ty) == Ty::ERROR {
            return target;
        }
        if !self.is_place(&target) {
            let d = Diagnostic::error(codes::NOT_A_PLACE, target.span, "this cannot be assigned to");
            self.error(d.note("a variable, a field, an element, or what a pointer points at can"));
            target.ty = Ty::ERROR;
            return target;
        }
        if let Some(why) = self.read_only(&target)
            && (!self.vais_changes(&why, target.span) || matches!(why, ReadOnly::Through(_)))
        {
            let (code, title) = match &why {
                ReadOnly::Local(id) => {
                    (codes::IMMUTABLE, format!("`{}` is immutable", self.locals[id.0 as usize].name))
                }
                ReadOnly::Global(id) => {
                    (codes::IMMUTABLE, format!("`{}` is immutable", self.cx.globals[id.0 as usize].name))
                }
                ReadOnly::Captured(name, _) => (codes::IMMUTABLE, format!("`{name}` is immutable")),
                ReadOnly::Through(ty) => {
                    (codes::READ_ONLY, format!("{} cannot be written through", self.a(*ty)))
                }
            };
            self.report_read_only(Diagnostic::error(code, target.span, title), &why);
        }
        target
    }

    /// The constant that a name stands for, and where it is declared.
    fn named_constant(&self, place: &ast::Expr) -> Option<(Symbol, Span)> {
        let ast::ExprKind::Name(name) = place.kind else { return None };
        let id = match (self.names.get(&name), self.cx.lookup_value(self.module, name)) {
            (Some(Binding::Const(id)), _) => *id,
            (None, Lookup::Found(Value::Const(id))) => id,
            _ => return None,
        };
        Some((name, self.cx.consts[id as usize].span))
    }

    pub(super) fn note_change(&mut self, place: &Expr) {
        match &place.kind {
            ExprKind::Local(id) => self.info[id.0 as usize].changed = true,
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } | ExprKind::Index { base, .. } => {
                self.note_change(base);
            }
            _ => {}
        }
    }

    /// Raw memory holds no value that an assignment could drop.
    pub(super) fn is_behind_raw_pointer(&self, place: &Expr) -> bool {
        match &place.kind {
            ExprKind::Deref(pointer) => self.is_pointer(pointer.ty),
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } | ExprKind::Index { base, .. } => {
                self.is_behind_raw_pointer(base)
            }
            _ => false,
        }
    }

    /// Why a place cannot be written, if it cannot.
    pub(super) fn read_only(&self, place: &Expr) -> Option<ReadOnly> {
        match &place.kind {
            ExprKind::Local(id) => {
                let info = &self.info[id.0 as usize];
                (!info.mutable && !info.late).then_some(ReadOnly::Local(*id))
            }
            ExprKind::Global(id) => {
                (!self.cx.globals[id.0 as usize].mutable).then_some(ReadOnly::Global(*id))
            }
            ExprKind::Field { base, index } => match self.fixed_capture(base, *index) {
                Some((name, declared)) => Some(ReadOnly::Captured(name, declared)),
                None => self.read_only(base),
            },
            ExprKind::Payload { base, .. } => self.read_only(base),
            ExprKind::Index { base, .. } => match self.kind(base.ty) {
                TyKind::Slice { mutable, .. } => (!mutable).then_some(ReadOnly::Through(base.ty)),
                _ => self.read_only(base),
            },
            ExprKind::Deref(pointer) => match self.kind(pointer.ty) {
                TyKind::Ref { mutable: false, .. } | TyKind::RawPtr { mutable: false, .. } => {
                    Some(ReadOnly::Through(pointer.ty))
                }
                _ => None,
            },
            _ => None,
        }
    }
}
