//! Type variables of one function: fresh, unify, resolve.

use vex_syntax::Span;

use super::function::FnCx;
use crate::types::{Ty, TyKind, Types, each_part};

/// What a variable may become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum VarKind {
    /// Anything.
    General,
    /// Any integer type; `i64` if nothing says which.
    Int,
    /// `f32` or `f64`; `f64` if nothing says which.
    Float,
}

/// A variable that nothing fixes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unknown(u32);

#[derive(Debug)]
struct Var {
    kind: VarKind,
    bound: Option<Ty>,
    span: Span,
}

/// The variables.
#[derive(Debug, Default)]
pub(super) struct Infer {
    vars: Vec<Var>,
}

impl Infer {
    fn fresh(&mut self, types: &mut Types, kind: VarKind, span: Span) -> Ty {
        self.vars.push(Var { kind, bound: None, span });
        types.intern(TyKind::Infer(self.vars.len() as u32 - 1))
    }

    /// Follows bound variables at the top of `ty`.
    pub(super) fn shallow(&self, types: &Types, mut ty: Ty) -> Ty {
        while let TyKind::Infer(var) = types.kind(ty)
            && let Some(bound) = self.vars[*var as usize].bound
        {
            ty = bound;
        }
        ty
    }

    fn resolved(&self, types: &mut Types, ty: Ty, unknown: &mut Option<Unknown>) -> Ty {
        if !types.has_infer(ty) {
            return ty;
        }
        let ty = self.shallow(types, ty);
        if let TyKind::Infer(var) = *types.kind(ty) {
            return match self.vars[var as usize].kind {
                VarKind::Int => Ty::I64,
                VarKind::Float => Ty::F64,
                VarKind::General => {
                    unknown.get_or_insert(Unknown(var));
                    ty
                }
            };
        }
        types.map_parts(ty, &mut |types, part| self.resolved(types, part, unknown))
    }

    fn known(&self, types: &mut Types, ty: Ty) -> Ty {
        if !types.has_infer(ty) {
            return ty;
        }
        let ty = self.shallow(types, ty);
        types.map_parts(ty, &mut |types, part| self.known(types, part))
    }

    /// The kind of an unbound variable.
    pub(super) fn kind(&self, types: &Types, ty: Ty) -> Option<VarKind> {
        match types.kind(self.shallow(types, ty)) {
            TyKind::Infer(var) => Some(self.vars[*var as usize].kind),
            _ => None,
        }
    }
}

impl FnCx<'_, '_> {
    /// A new type variable.
    pub(super) fn fresh(&mut self, kind: VarKind, span: Span) -> Ty {
        self.infer.fresh(&mut self.cx.types, kind, span)
    }

    /// `ty` with bound variables at its top followed.
    pub(super) fn shallow(&self, ty: Ty) -> Ty {
        self.infer.shallow(&self.cx.types, ty)
    }

    /// What `ty` is, as far as known.
    pub(super) fn kind(&self, ty: Ty) -> &TyKind {
        self.cx.types.kind(self.shallow(ty))
    }

    /// The kind of variable `ty` is, if it is one that is not bound yet.
    pub(super) fn var_kind(&self, ty: Ty) -> Option<VarKind> {
        self.infer.kind(&self.cx.types, ty)
    }

    /// Makes two types equal, if that is possible.
    pub(super) fn unify(&mut self, a: Ty, b: Ty) -> bool {
        let (a, b) = (self.shallow(a), self.shallow(b));
        if a == b || a == Ty::ERROR || b == Ty::ERROR {
            return true;
        }
        match (self.cx.types.kind(a).clone(), self.cx.types.kind(b).clone()) {
            (TyKind::Infer(x), TyKind::Infer(_)) if self.infer.vars[x as usize].kind == VarKind::General => {
                self.bind(x, b)
            }
            (TyKind::Infer(_), TyKind::Infer(y)) if self.infer.vars[y as usize].kind == VarKind::General => {
                self.bind(y, a)
            }
            (TyKind::Infer(x), TyKind::Infer(y)) => {
                self.infer.vars[x as usize].kind == self.infer.vars[y as usize].kind && self.bind(x, b)
            }
            (TyKind::Infer(x), _) => self.bind(x, b),
            (_, TyKind::Infer(y)) => self.bind(y, a),
            (TyKind::RawPtr { mutable: m, pointee: p }, TyKind::RawPtr { mutable: n, pointee: q })
            | (TyKind::Ref { mutable: m, pointee: p }, TyKind::Ref { mutable: n, pointee: q })
            | (TyKind::Slice { mutable: m, elem: p }, TyKind::Slice { mutable: n, elem: q }) => {
                m == n && self.unify(p, q)
            }
            (TyKind::Array { elem: p, len: m }, TyKind::Array { elem: q, len: n }) => {
                m == n && self.unify(p, q)
            }
            (TyKind::Tuple(p), TyKind::Tuple(q)) => self.unify_all(&p, &q),
            (TyKind::Struct { def: m, args: p }, TyKind::Struct { def: n, args: q }) => {
                m == n && self.unify_all(&p, &q)
            }
            (TyKind::Fn { params: p, ret: r }, TyKind::Fn { params: q, ret: s }) => {
                self.unify_all(&p, &q) && self.unify(r, s)
            }
            _ => false,
        }
    }

    fn unify_all(&mut self, a: &[Ty], b: &[Ty]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(&x, &y)| self.unify(x, y))
    }

    fn bind(&mut self, var: u32, ty: Ty) -> bool {
        let fits = match self.infer.vars[var as usize].kind {
            VarKind::General => !self.occurs(var, ty),
            // Two variables are bound to each other only when both are of this kind.
            VarKind::Int => self.cx.types.as_int(ty).is_some() || self.var_kind(ty) == Some(VarKind::Int),
            VarKind::Float => self.cx.types.is_float(ty) || self.var_kind(ty) == Some(VarKind::Float),
        };
        if fits {
            self.infer.vars[var as usize].bound = Some(ty);
        }
        fits
    }

    fn occurs(&self, var: u32, ty: Ty) -> bool {
        let kind = self.kind(ty);
        if let TyKind::Infer(other) = kind {
            return *other == var;
        }
        let mut found = false;
        each_part(kind, &mut |part| found = found || self.occurs(var, part));
        found
    }

    /// Where a variable that nothing fixes comes from. It is an error from now on, so that it is reported once.
    pub(super) fn give_up(&mut self, Unknown(var): Unknown) -> Span {
        let var = &mut self.infer.vars[var as usize];
        var.bound = Some(Ty::ERROR);
        var.span
    }

    /// `ty` with every variable replaced; unbound literals get their default, `Err` has a variable that nothing fixes.
    pub(super) fn resolved(&mut self, ty: Ty) -> Result<Ty, Unknown> {
        let infer = &self.infer;
        let mut unknown = None;
        let ty = infer.resolved(&mut self.cx.types, ty, &mut unknown);
        unknown.map_or(Ok(ty), Err)
    }

    /// `ty` with the variables replaced that are bound by now.
    pub(super) fn known(&mut self, ty: Ty) -> Ty {
        self.infer.known(&mut self.cx.types, ty)
    }

    /// The type as far as known, for messages; unbound literals show as `{integer}` and `{float}`.
    pub(super) fn show(&mut self, ty: Ty) -> String {
        match self.var_kind(ty) {
            Some(VarKind::Int) => "{integer}".into(),
            Some(VarKind::Float) => "{float}".into(),
            Some(VarKind::General) => "_".into(),
            None => {
                let ty = self.resolved(ty).unwrap_or_else(|_| self.known(ty));
                self.cx.types.display(ty)
            }
        }
    }
}
