//! Operators on types that have the language's traits for them: `==` by `Eq`, `<` by `Ord`, `+` by `Add`, `a[i]` by
//! `Index`. What is written there as an operator is a call of the trait's function on references.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span, Symbol};

use super::codes;
use super::function::FnCx;
use super::generics::Need;
use super::infer::VarKind;
use super::solve::Obligation;
use crate::typed::{Callee, Expr, ExprKind};
use crate::types::{FuncId, TraitId, Ty, TyKind};

/// The trait and function of an arithmetic operator.
fn arithmetic(op: BinaryOp) -> Option<(&'static str, &'static str)> {
    Some(match op {
        BinaryOp::Add => ("Add", "add"),
        BinaryOp::Sub => ("Sub", "sub"),
        BinaryOp::Mul => ("Mul", "mul"),
        BinaryOp::Div => ("Div", "div"),
        BinaryOp::Rem => ("Rem", "rem"),
        _ => return None,
    })
}

/// The operator that a trait of arithmetic gives; none for `Neg`.
pub(super) fn operator_of(of: &str) -> Option<BinaryOp> {
    let all = [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Div, BinaryOp::Rem];
    all.into_iter().find(|op| arithmetic(*op).is_some_and(|(name, _)| name == of))
}

/// The traits that numbers have without saying so.
pub(super) const NUMERIC: &[&str] = &["Add", "Sub", "Mul", "Div", "Rem", "Neg"];

impl FnCx<'_, '_> {
    /// The trait that gives a type an operator.
    pub(super) fn trait_of(op: BinaryOp) -> Option<&'static str> {
        match op {
            BinaryOp::Eq | BinaryOp::Ne => Some("Eq"),
            _ if Self::is_comparison(op) => Some("Ord"),
            _ => arithmetic(op).map(|(of, _)| of),
        }
    }

    /// The function of a trait of the language.
    pub(super) fn core_function(&self, of: &str, name: &str) -> Option<(TraitId, FuncId)> {
        let id = self.cx.core_trait(of)?;
        let functions = &self.cx.traits[id.0 as usize].functions;
        functions.iter().find(|(known, _)| known.as_str() == name).map(|(_, func)| (id, *func))
    }

    /// Whether a type has a trait of the language, as far as is known.
    pub(super) fn has_core(&mut self, ty: Ty, of: TraitId) -> bool {
        // A literal will have the usual type if nothing else gives it one.
        let ty = self.resolved(ty).unwrap_or_else(|_| self.known(ty));
        let bounds = self.bounds.clone();
        self.cx.has_trait(ty, of, &bounds)
    }

    /// An operator on two values of one type that has its trait; the operands are given back where it has not.
    pub(super) fn overloaded(
        &mut self,
        op: BinaryOp,
        a: Expr,
        b: Expr,
        span: Span,
    ) -> Result<Expr, Box<(Expr, Expr)>> {
        let ty = self.shallow(a.ty);
        let equality = matches!(op, BinaryOp::Eq | BinaryOp::Ne);
        let has_eq = self.core_function("Eq", "eq").is_some_and(|(id, _)| self.has_core(ty, id));
        let (of, name) = match op {
            // What has an order has equal values, too: those of which neither comes first.
            _ if equality && has_eq => ("Eq", "eq"),
            _ if Self::is_comparison(op) => ("Ord", "cmp"),
            _ => match arithmetic(op) {
                Some(found) => found,
                None => return Err(Box::new((a, b))),
            },
        };
        let Some((id, func)) = self.core_function(of, name) else { return Err(Box::new((a, b))) };
        if !self.has_core(ty, id) || !self.unify(a.ty, b.ty) {
            return Err(Box::new((a, b)));
        }
        let args = vec![self.lent(a), self.lent(b)];
        let ret = match name {
            "eq" => Ty::BOOL,
            "cmp" => Ty::I32,
            _ => ty,
        };
        let kind = ExprKind::Call { callee: Callee::Func { func, args: vec![ty] }, args };
        let call = Expr { kind, ty: ret, span };
        let kind = match op {
            BinaryOp::Ne if name == "eq" => ExprKind::Not(Box::new(call)),
            _ if name == "cmp" => {
                let zero = Expr { kind: ExprKind::Int(0), ty: Ty::I32, span };
                ExprKind::Binary { op, left: Box::new(call), right: Box::new(zero) }
            }
            _ => return Ok(call),
        };
        Ok(Expr { kind, ty: Ty::BOOL, span })
    }

    /// A reference to an operand, which keeps its owner.
    pub(super) fn lent(&mut self, operand: Expr) -> Expr {
        let operand = match operand.kind {
            ExprKind::Move(place) => *place,
            _ => operand,
        };
        let place = if self.is_place(&operand) { operand } else { self.temporary(operand) };
        self.borrow_place(place, false)
    }

    /// `-a` of a type that has `Neg`; the operand is given back where it has not.
    pub(super) fn overloaded_neg(&mut self, value: Expr, span: Span) -> Result<Expr, Expr> {
        let ty = self.shallow(value.ty);
        let Some((id, func)) = self.core_function("Neg", "neg") else { return Err(value) };
        if !self.has_core(ty, id) {
            return Err(value);
        }
        let args = vec![self.lent(value)];
        Ok(Expr { kind: ExprKind::Call { callee: Callee::Func { func, args: vec![ty] }, args }, ty, span })
    }

    /// `base[index]` of a type that has `Index`; the base is given back where it has not.
    pub(super) fn overloaded_index(
        &mut self,
        base: Expr,
        index: Expr,
        span: Span,
    ) -> Result<Expr, Box<(Expr, Expr)>> {
        let ty = self.shallow(base.ty);
        let Some((id, func)) = self.core_function("Index", "at") else { return Err(Box::new((base, index))) };
        if !self.has_core(ty, id) {
            return Err(Box::new((base, index)));
        }
        let (key, elem) = (self.fresh(VarKind::General, index.span), self.fresh(VarKind::General, span));
        let need = Need::Trait(id, vec![key, elem]);
        self.obligations.push(Obligation { ty, need, func: None, span, depth: 0 });
        self.solve(false);
        let index = self.index_value(index, key);
        let base = self.lent(base);
        let reference = self.cx.types.reference(elem, false);
        let callee = Callee::Func { func, args: vec![ty, key, elem] };
        let call = Expr { kind: ExprKind::Call { callee, args: vec![base, index] }, ty: reference, span };
        let elem = self.known(elem);
        Ok(Expr { kind: ExprKind::Deref(Box::new(call)), ty: elem, span })
    }

    /// An index as the container wants it: any integer will do for one; a negative one is out of bounds anyway.
    fn index_value(&mut self, index: Expr, key: Ty) -> Expr {
        let wanted = self.shallow(key);
        let index = match self.text_as_key(index, wanted) {
            Ok(key) => return key,
            Err(index) => index,
        };
        if let TyKind::Ref { pointee, .. } = *self.cx.types.kind(wanted)
            && !matches!(self.kind(index.ty), TyKind::Ref { .. })
        {
            let lent = self.lent(index);
            let pointee = self.cx.types.reference(pointee, false);
            return self.coerce(lent, pointee);
        }
        if wanted == Ty::USIZE && self.is_integer(index.ty) && self.var_kind(index.ty).is_none() {
            return self.cast(index, Ty::USIZE, crate::typed::CastKind::IntToInt);
        }
        self.coerce(index, key)
    }

    /// Whether a place could be written, as far as the references say that lead to it.
    pub(super) fn can_be_written(&self, place: &Expr) -> bool {
        match &place.kind {
            ExprKind::Field { base, .. } => self.can_be_written(base),
            ExprKind::Index { base, .. } => match self.kind(base.ty) {
                TyKind::Slice { mutable, .. } => *mutable,
                _ => self.can_be_written(base),
            },
            ExprKind::Deref(pointer) => match (&pointer.kind, self.kind(pointer.ty)) {
                (ExprKind::Call { callee: Callee::Func { func, .. }, args }, _)
                    if self.core_function("Index", "at").is_some_and(|(_, at)| at == *func) =>
                {
                    args.first().is_none_or(|base| match &base.kind {
                        ExprKind::Borrow(place) => self.can_be_written(place),
                        _ => matches!(self.kind(base.ty), TyKind::Ref { mutable: true, .. }),
                    })
                }
                (_, TyKind::Ref { mutable, .. } | TyKind::RawPtr { mutable, .. }) => *mutable,
                _ => true,
            },
            _ => true,
        }
    }

    /// A place that is about to be written: elements found by `Index` are found by `IndexMut` instead.
    pub(super) fn writable(&mut self, place: Expr) -> Expr {
        let Expr { kind, ty, span } = place;
        let kind = match kind {
            ExprKind::Field { base, index } => {
                ExprKind::Field { base: Box::new(self.writable(*base)), index }
            }
            ExprKind::Index { base, index } if matches!(self.kind(base.ty), TyKind::Array { .. }) => {
                ExprKind::Index { base: Box::new(self.writable(*base)), index }
            }
            ExprKind::Deref(pointer) => ExprKind::Deref(Box::new(self.writable_element(*pointer))),
            kind => kind,
        };
        Expr { kind, ty, span }
    }

    fn writable_element(&mut self, call: Expr) -> Expr {
        let Expr { kind, ty, span } = call;
        let (by, to) = (self.core_function("Index", "at"), self.core_function("IndexMut", "atMut"));
        let ExprKind::Call { callee: Callee::Func { func, args: own }, mut args } = kind else {
            return Expr { kind, ty, span };
        };
        let (true, Some((id, mutable))) = (by.is_some_and(|(_, at)| at == func), to) else {
            return Expr {
                kind: ExprKind::Call { callee: Callee::Func { func, args: own }, args },
                ty,
                span,
            };
        };
        if !self.has_core(own[0], id) {
            let title = format!("the elements of {} cannot be changed", self.a(own[0]));
            self.error(Diagnostic::error(codes::READ_ONLY, span, title));
            return self.poison(span);
        }
        let base = args.remove(0);
        let base = match base.kind {
            ExprKind::Borrow(place) => *place,
            _ => {
                let TyKind::Ref { pointee, .. } = *self.kind(base.ty) else { return self.poison(span) };
                let base_span = base.span;
                Expr { kind: ExprKind::Deref(Box::new(base)), ty: pointee, span: base_span }
            }
        };
        let base = self.writable(base);
        if !self.mutable_receiver(&base, "an assignment to an element", base.span) {
            return self.poison(span);
        }
        let receiver = self.borrow_place(base, true);
        args.insert(0, receiver);
        let TyKind::Ref { pointee, .. } = *self.kind(ty) else { return self.poison(span) };
        let ty = self.cx.types.reference(pointee, true);
        Expr { kind: ExprKind::Call { callee: Callee::Func { func: mutable, args: own }, args }, ty, span }
    }

    /// The trait's function of this name, called on a place.
    pub(super) fn method_name(name: &str, span: Span) -> ast::Ident {
        ast::Ident { name: Symbol::new(name), span }
    }
}
