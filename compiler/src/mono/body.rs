//! Bodies: type arguments put in, and what depended on them made what it is.

use vex_syntax::{Diagnostic, Symbol};

use super::Mono;
use crate::typed::walk;
use crate::typed::{
    BinaryOp, Callee, Expr, ExprKind, Function, FunctionBody, Local, LocalId, Query, UpdateOp,
};
use crate::types::{FuncId, TraitId, Ty, TyKind};

impl Mono {
    /// Replaces the type parameters of an expression and its parts.
    pub(super) fn expr(&mut self, expr: &mut Expr, args: &[Ty]) {
        expr.ty = self.ty(expr.ty, args);
        self.compare(expr, args);
        walk::children_mut(expr, &mut |part| self.expr(part, args));
        self.caller = if expr.span.is_none() { self.caller } else { expr.span };
        self.node(expr, args);
    }

    fn node(&mut self, expr: &mut Expr, args: &[Ty]) {
        let ty = expr.ty;
        match &mut expr.kind {
            ExprKind::Call { callee: Callee::Func { func, args: own }, .. } => {
                let own: Vec<Ty> = std::mem::take(own).into_iter().map(|arg| self.ty(arg, args)).collect();
                *func = self.instance(*func, &own);
            }
            ExprKind::Cast { value, .. } if self.is_closure(value.ty) => {
                let value = std::mem::replace(&mut **value, nothing());
                expr.kind = self.kept_closure(value, ty);
            }
            ExprKind::Func { func, args: own } => {
                let own: Vec<Ty> = std::mem::take(own).into_iter().map(|arg| self.ty(arg, args)).collect();
                let code = self.instance(*func, &own);
                *func = self.without_captures(code, ty);
            }
            ExprKind::Call { callee: callee @ Callee::Pointer(_), args: values } => {
                self.call_of_closure(callee, values);
            }
            ExprKind::Global(id) => self.global(*id),
            ExprKind::Print { pieces, .. } | ExprKind::Panic { pieces } | ExprKind::Assert { pieces, .. } => {
                self.pieces(pieces);
            }
            ExprKind::AssertEq { left, right, pieces } => {
                self.is_printed(left.ty);
                self.is_printed(right.ty);
                self.pieces(pieces);
            }
            ExprKind::Layout { of, what } => {
                let (of, what) = (self.ty(*of, args), *what);
                let types = &self.program.types;
                expr.kind = match what {
                    Query::Size => ExprKind::Int(types.layout(of).size),
                    Query::Align => ExprKind::Int(types.layout(of).align),
                    Query::NeedsDrop => ExprKind::Bool(types.needs_drop(of)),
                };
            }
            ExprKind::Binary { .. } | ExprKind::Not(_) | ExprKind::If { .. } => fold(expr),
            ExprKind::Move(place) if !self.program.types.needs_drop(ty) => {
                expr.kind = std::mem::replace(&mut place.kind, ExprKind::Unit);
            }
            ExprKind::Take(place) if !self.program.types.needs_drop(ty) => {
                expr.kind = std::mem::replace(&mut place.kind, ExprKind::Unit);
            }
            ExprKind::Assign { place, drop_old, .. } => {
                *drop_old = *drop_old && self.program.types.needs_drop(place.ty);
            }
            ExprKind::PtrOffset { base, scale, .. } => *scale = self.step(base.ty),
            ExprKind::PtrDiff { left, right, scale } if left.ty == right.ty => {
                // Distances in elements of no size have been refused; here one counts as a byte.
                *scale = self.step(left.ty).max(1);
            }
            ExprKind::Update { op: UpdateOp::PtrOffset { scale, .. }, place, .. } => {
                *scale = self.step(place.ty)
            }
            _ => {}
        }
    }

    /// Bytes that a step of a pointer moves by.
    fn step(&self, pointer: Ty) -> u64 {
        match self.program.types.kind(pointer) {
            TyKind::RawPtr { pointee, .. } => self.program.types.layout(*pointee).size,
            _ => 1,
        }
    }

    /// Comparisons of what turned out to be numbers or strings: `a.eq(&b)` is `a == b`, and `a.cmp(&b) < 0` is `a < b`.
    fn compare(&mut self, expr: &mut Expr, args: &[Ty]) {
        let (eq, ord) = (self.program.contracts.eq, self.program.contracts.ord);
        let kind = std::mem::replace(&mut expr.kind, ExprKind::Unit);
        expr.kind = match kind {
            ExprKind::Call { callee: Callee::Func { func, args: own }, args: operands }
                if self.is_scalar_call(func, &own, eq, "eq", args) =>
            {
                self.comparison(BinaryOp::Eq, operands)
            }
            ExprKind::Binary { op, left, right } if matches!(right.kind, ExprKind::Int(0)) => {
                let span = left.span;
                match left.kind {
                    ExprKind::Call { callee: Callee::Func { func, args: own }, args: operands }
                        if self.is_scalar_call(func, &own, ord, "cmp", args) =>
                    {
                        self.comparison(op, operands)
                    }
                    kind => {
                        let left = Box::new(Expr { kind, ty: left.ty, span });
                        ExprKind::Binary { op, left, right }
                    }
                }
            }
            kind => kind,
        };
    }

    /// Whether a call is of this function of a trait, on a type that the machine compares.
    fn is_scalar_call(
        &mut self,
        func: FuncId,
        own: &[Ty],
        of: Option<TraitId>,
        name: &str,
        args: &[Ty],
    ) -> bool {
        let Some(&(known, known_name)) = self.program.contracts.functions.get(&func) else { return false };
        if Some(known) != of || known_name.as_str() != name {
            return false;
        }
        let this = self.program.types.subst(own[0], args);
        matches!(
            self.program.types.kind(this),
            TyKind::Int(_) | TyKind::F32 | TyKind::F64 | TyKind::Str | TyKind::Char | TyKind::Bool
        ) && (name == "eq" || this != Ty::BOOL)
    }

    /// An operator on what two references refer to.
    fn comparison(&self, op: BinaryOp, operands: Vec<Expr>) -> ExprKind {
        let mut operands = operands.into_iter().map(|operand| Box::new(self.target(operand)));
        let (Some(left), Some(right)) = (operands.next(), operands.next()) else { return ExprKind::Unit };
        ExprKind::Binary { op, left, right }
    }

    /// What a reference refers to.
    fn target(&self, reference: Expr) -> Expr {
        let span = reference.span;
        let ty = match self.program.types.kind(reference.ty) {
            TyKind::Ref { pointee, .. } => *pointee,
            _ => reference.ty,
        };
        match reference.kind {
            ExprKind::Borrow(place) => *place,
            _ => Expr { kind: ExprKind::Deref(Box::new(reference)), ty, span },
        }
    }

    /// A call of a value that turned out to be a closure, or a reference to one.
    fn call_of_closure(&mut self, callee: &mut Callee, values: &mut Vec<Expr>) {
        let Callee::Pointer(pointer) = callee else { return };
        let mut pointer = std::mem::replace(&mut **pointer, nothing());
        while let TyKind::Ref { pointee, .. } = *self.program.types.kind(pointer.ty) {
            let span = pointer.span;
            pointer = Expr { kind: ExprKind::Deref(Box::new(pointer)), ty: pointee, span };
        }
        let code = self.program.types.struct_of(pointer.ty).and_then(|def| def.closure);
        let Some(code) = code else {
            *callee = Callee::Pointer(Box::new(pointer));
            return;
        };
        let own = self.program.types.args_of(pointer.ty).to_vec();
        let func = self.instance(code, &own);
        let span = pointer.span;
        let ty = self.program.types.reference(pointer.ty, true);
        let receiver = match pointer.kind {
            ExprKind::Deref(reference) if reference.ty == ty => *reference,
            kind => {
                let place = Expr { kind, ..pointer };
                Expr { kind: ExprKind::Borrow(Box::new(place)), ty, span }
            }
        };
        values.insert(0, receiver);
        *callee = Callee::Func { func, args: Vec::new() };
    }

    fn is_closure(&self, ty: Ty) -> bool {
        self.program.types.struct_of(ty).is_some_and(|def| def.closure.is_some())
    }

    /// A closure where a function is wanted that is kept: it must have captured nothing.
    fn kept_closure(&mut self, value: Expr, ty: Ty) -> ExprKind {
        let def = self.program.types.struct_of(value.ty).expect("a closure's type");
        let (code, at, captured) = (def.closure, def.span, def.fields.first().map(|field| field.name));
        let Some(code) = code else { return ExprKind::Unit };
        if let (Some(name), None) = (captured, &self.endless) {
            let title = format!("this closure captures `{name}`, but the function it is given to keeps it");
            let d = Diagnostic::error(crate::codes::BOUND, at, title);
            let d = d.label(value.span, "kept here, as a function");
            self.endless = Some(Box::new(
                d.help("a type parameter can keep it: `F: fn(…)` in place of the function type"),
            ));
        }
        let own = self.program.types.args_of(value.ty).to_vec();
        let code = self.instance(code, &own);
        let func = self.without_captures(code, ty);
        ExprKind::Func { func, args: Vec::new() }
    }

    /// The function that a closure without captures is where a function is wanted: it makes the empty structure
    /// that the closure's code takes.
    fn without_captures(&mut self, code: FuncId, ty: Ty) -> FuncId {
        let TyKind::Fn { params, ret } = self.program.types.kind(ty).clone() else { return code };
        let function = &self.program.functions[code.0 as usize];
        if function.params.len() != params.len() + 1 {
            return code;
        }
        let key = (code, std::sync::Arc::from([ty]));
        if let Some(&known) = self.instances.get(&key) {
            return known;
        }
        let (span, own) = (function.span, function.locals[function.params[0].0 as usize].ty);
        let TyKind::Ref { pointee: captures, .. } = *self.program.types.kind(own) else { return code };
        let local = |ty| Local { name: Symbol::new(""), ty, span, borrowed: false, flagged: false };
        let mut locals: Vec<Local> = params.iter().map(|&ty| local(ty)).collect();
        locals.push(Local { borrowed: true, ..local(captures) });
        let at = |kind, ty| Expr { kind, ty, span };
        let temp = LocalId(params.len() as u32);
        let init = Box::new(at(ExprKind::Struct(Vec::new()), captures));
        let place = at(ExprKind::Temp { local: temp, init }, captures);
        let receiver = at(ExprKind::Borrow(Box::new(place)), own);
        let values = params.iter().enumerate().map(|(index, &ty)| {
            let read = at(ExprKind::Local(LocalId(index as u32)), ty);
            if self.program.types.needs_drop(ty) { at(ExprKind::Move(Box::new(read)), ty) } else { read }
        });
        let args = [receiver].into_iter().chain(values).collect();
        let call = at(ExprKind::Call { callee: Callee::Func { func: code, args: Vec::new() }, args }, ret);
        for local in &mut locals {
            local.flagged = self.program.types.needs_drop(local.ty);
        }
        let thunk = Function {
            name: function.name.clone(),
            span,
            generics: 0,
            callables: 0,
            owner: None,
            params: (0..params.len() as u32).map(LocalId).collect(),
            locals,
            ret,
            body: FunctionBody::Code(call),
            library: function.library,
            via: None,
        };
        let depth = self.depth;
        self.add(key, thunk, depth)
    }
}

fn nothing() -> Expr {
    Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span: vex_syntax::Span::NONE }
}

/// Decides what has become known: code for other types than these is not even looked at by what comes later.
fn fold(expr: &mut Expr) {
    let kind = std::mem::replace(&mut expr.kind, ExprKind::Unit);
    expr.kind = match kind {
        ExprKind::Binary { op, left, right } if !matches!(left.ty, Ty::USIZE | Ty::I64) => {
            ExprKind::Binary { op, left, right }
        }
        ExprKind::Binary { op, left, right } => match (op, &left.kind, &right.kind) {
            (BinaryOp::Eq, ExprKind::Int(a), ExprKind::Int(b)) => ExprKind::Bool(a == b),
            (BinaryOp::Ne, ExprKind::Int(a), ExprKind::Int(b)) => ExprKind::Bool(a != b),
            _ => ExprKind::Binary { op, left, right },
        },
        ExprKind::Not(value) => match value.kind {
            ExprKind::Bool(value) => ExprKind::Bool(!value),
            _ => ExprKind::Not(value),
        },
        ExprKind::If { cond, then, els } => match (&cond.kind, els) {
            (ExprKind::Bool(true), _) if then.ty == expr.ty => then.kind,
            (ExprKind::Bool(false), None) => ExprKind::Unit,
            (ExprKind::Bool(false), Some(els)) if els.ty == expr.ty => els.kind,
            (_, els) => ExprKind::If { cond, then, els },
        },
        kind => kind,
    };
}
