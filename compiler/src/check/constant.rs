//! Constants: values the compiler computes.

use rustc_hash::FxHashMap;
use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span, Symbol};

use super::function::{Expect, FnCx};
use super::local::Binding;
use super::{Checker, GlobalInfo, State, codes};
use crate::loader::ModuleId;
use crate::typed::{CastKind, Const, Expr, ExprKind, GlobalId, IntTy};
use crate::types::{Ty, TyKind};

type Names = FxHashMap<Symbol, Binding>;

/// Most elements an evaluated array may have.
const MAX_ELEMENTS: u64 = 1 << 24;

impl<'a> Checker<'a> {
    /// The value of a constant expression of type `ty`.
    pub(super) fn constant_of(&mut self, module: ModuleId, expr: &'a ast::Expr, ty: Ty) -> Option<Const> {
        self.evaluate(module, expr, Some(ty), &Names::default()).1
    }

    /// The value of a constant integer expression, as bits of `ty`.
    pub(super) fn constant_int(&mut self, module: ModuleId, expr: &ast::Expr, ty: Ty) -> Option<u64> {
        self.constant_int_in(module, expr, ty, &Names::default())
    }

    /// The same inside a function, whose block constants count too. A length that is an `i64` is fine if not negative.
    pub(super) fn constant_int_in(
        &mut self,
        module: ModuleId,
        expr: &ast::Expr,
        ty: Ty,
        names: &Names,
    ) -> Option<u64> {
        let kept = self.keep(expr.clone());
        let (found, value) = self.evaluate(module, kept, None, names);
        let Some(int) = self.types.as_int(found) else {
            if found != Ty::ERROR {
                let title = format!("a constant integer is needed here, not a `{}`", self.show(found));
                self.error(Diagnostic::error(codes::MISMATCH, expr.span, title));
            }
            return None;
        };
        match value {
            Some(Const::Int(bits)) if int.signed() && (bits as i64) < 0 && ty == Ty::USIZE => {
                let title = format!("the length {} is negative", bits as i64);
                self.error(Diagnostic::error(codes::CONSTANT_FAILS, expr.span, title));
                None
            }
            Some(Const::Int(bits)) => Some(bits),
            _ => None,
        }
    }

    /// Type and value of a declaration `name: ty = value`.
    pub(super) fn evaluate_declared(
        &mut self,
        module: ModuleId,
        ty: Option<&ast::TypeExpr>,
        value: &'a ast::Expr,
    ) -> (Ty, Option<Const>) {
        let ty = ty.map(|ty| self.resolve_type(module, ty));
        self.evaluate(module, value, ty, &Names::default())
    }

    fn evaluate(
        &mut self,
        module: ModuleId,
        expr: &'a ast::Expr,
        ty: Option<Ty>,
        names: &Names,
    ) -> (Ty, Option<Const>) {
        let mut fx = FnCx::new(self, module, None, Ty::ERROR);
        fx.names =
            names.iter().filter(|(_, b)| matches!(b, Binding::Const(_))).map(|(n, b)| (*n, *b)).collect();
        let value = match ty {
            Some(ty) => fx.value_of(expr, ty),
            None => fx.value(expr, Expect::Any),
        };
        let value = fx.finish_expr(value);
        let ty = ty.unwrap_or(value.ty);
        if value.ty == Ty::ERROR || ty == Ty::ERROR {
            return (ty, None);
        }
        if self.types.needs_drop(ty) {
            let title = format!("a `{}` needs dropping, so it cannot be a constant", self.show(ty));
            self.error(Diagnostic::error(codes::NOT_CONSTANT, expr.span, title));
            return (ty, None);
        }
        match self.compute(&value) {
            Ok(value) => (ty, Some(value)),
            Err(d) => {
                self.error(*d);
                (ty, None)
            }
        }
    }

    pub(super) fn ensure_const(&mut self, id: u32) {
        self.ensure_const_in(id, &Names::default());
    }

    /// Evaluates a constant; block constants see the constants around them.
    pub(super) fn ensure_const_in(&mut self, id: u32, names: &Names) {
        let info = &self.consts[id as usize];
        let (source, module, span, name) = (info.decl, info.module, info.span, info.name);
        match info.state {
            State::Done => return,
            State::Busy => {
                let title = format!("the constant `{name}` needs itself");
                self.error(Diagnostic::error(codes::CONSTANT_FAILS, span, title));
                return;
            }
            State::New => {}
        }
        self.consts[id as usize].state = State::Busy;
        let ty = source.ty.map(|ty| self.resolve_type(module, ty));
        let (ty, value) = self.evaluate(module, source.value, ty, names);
        let storage = match &value {
            Some(Const::Aggregate(_)) => {
                let init = value.clone();
                let decl = None;
                let state = State::Done;
                self.globals.push(GlobalInfo { name, span, module, mutable: false, ty, init, decl, state });
                Some(GlobalId(self.globals.len() as u32 - 1))
            }
            _ => None,
        };
        let info = &mut self.consts[id as usize];
        (info.ty, info.value, info.storage, info.state) = (ty, value, storage, State::Done);
    }

    /// Makes sure the layout of a type is known.
    pub(super) fn ensure_layout(&mut self, ty: Ty) {
        match self.types.kind(ty).clone() {
            TyKind::Struct { def, .. } => self.ensure_struct(def),
            TyKind::Array { elem, .. } => self.ensure_layout(elem),
            TyKind::Tuple(elems) => elems.into_iter().for_each(|elem| self.ensure_layout(elem)),
            _ => {}
        }
    }

    /// Computes a settled expression.
    fn compute(&mut self, expr: &Expr) -> Result<Const, Box<Diagnostic>> {
        let not_constant = || {
            let d = Diagnostic::error(
                codes::NOT_CONSTANT,
                expr.span,
                "this is not known when the program is compiled",
            );
            Err(Box::new(
                d.note("a constant is made of literals, other constants, operators, casts and `sizeof`"),
            ))
        };
        Ok(match &expr.kind {
            ExprKind::Int(bits) => Const::Int(*bits),
            ExprKind::Bool(value) => Const::Int(u64::from(*value)),
            ExprKind::Float(value) => Const::Float(*value),
            ExprKind::Str(text) => Const::Str(text.clone()),
            ExprKind::Null => Const::Ptr(0),
            ExprKind::Unit => Const::Aggregate(Vec::new()),
            ExprKind::Func { func, .. } => Const::Func(*func),
            ExprKind::Global(id) if !self.globals[id.0 as usize].mutable => {
                match self.globals[id.0 as usize].init.clone() {
                    Some(value) => value,
                    None => return not_constant(),
                }
            }
            ExprKind::Field { base, index } => match self.compute(base)? {
                Const::Aggregate(mut fields) if (*index as usize) < fields.len() => {
                    fields.swap_remove(*index as usize)
                }
                _ => return not_constant(),
            },
            ExprKind::Index { base, index } => return self.compute_index(base, index, expr.span),
            ExprKind::Tuple(elems) | ExprKind::Array(elems) => {
                Const::Aggregate(elems.iter().map(|elem| self.compute(elem)).collect::<Result<_, _>>()?)
            }
            ExprKind::Struct(fields) => {
                let mut values: Vec<(u32, Const)> = Vec::new();
                for (index, value) in fields {
                    values.push((*index, self.compute(value)?));
                }
                values.sort_by_key(|(index, _)| *index);
                Const::Aggregate(values.into_iter().map(|(_, value)| value).collect())
            }
            ExprKind::Repeat(value) => {
                let TyKind::Array { len, .. } = *self.types.kind(expr.ty) else { return not_constant() };
                if len > MAX_ELEMENTS {
                    let title = "this array is too large for a constant";
                    return Err(Box::new(Diagnostic::error(codes::CONSTANT_FAILS, expr.span, title)));
                }
                Const::Aggregate(vec![self.compute(value)?; len as usize])
            }
            ExprKind::Block(block) if block.stmts.is_empty() => match &block.value {
                Some(value) => return self.compute(value),
                None => Const::Aggregate(Vec::new()),
            },
            ExprKind::Neg(value) => match self.compute(value)? {
                Const::Int(bits) => Const::Int(self.wrap(bits.wrapping_neg(), expr.ty)),
                Const::Float(value) => Const::Float(-value),
                _ => return not_constant(),
            },
            ExprKind::Not(value) => match self.compute(value)? {
                Const::Int(bits) => Const::Int(u64::from(bits == 0)),
                _ => return not_constant(),
            },
            ExprKind::BitNot(value) => match self.compute(value)? {
                Const::Int(bits) => Const::Int(self.wrap(!bits, expr.ty)),
                _ => return not_constant(),
            },
            ExprKind::Logic { and, left, right } => match self.compute(left)? {
                Const::Int(bits) if (bits != 0) == *and => return self.compute(right),
                Const::Int(bits) => Const::Int(bits),
                _ => return not_constant(),
            },
            ExprKind::If { cond, then, els: Some(els) } => match self.compute(cond)? {
                Const::Int(0) => return self.compute(els),
                Const::Int(_) => return self.compute(then),
                _ => return not_constant(),
            },
            ExprKind::Binary { op, left, right } => {
                let (a, b) = (self.compute(left)?, self.compute(right)?);
                match (a, b) {
                    (Const::Int(a), Const::Int(b)) => {
                        let (left_ty, right_ty) = (left.ty, right.ty);
                        return self.compute_integers(*op, a, b, left_ty, right_ty, expr.span);
                    }
                    (Const::Float(a), Const::Float(b)) => match float_operation(*op, a, b) {
                        Some(value) => value,
                        None => return not_constant(),
                    },
                    (Const::Str(a), Const::Str(b)) => Const::Int(u64::from(compare(*op, &a, &b))),
                    _ => return not_constant(),
                }
            }
            ExprKind::Cast { value, kind } => {
                let from = value.ty;
                let value = self.compute(value)?;
                match self.compute_cast(value, *kind, from, expr.ty) {
                    Some(value) => value,
                    None => return not_constant(),
                }
            }
            ExprKind::Len(value) => match self.compute(value)? {
                Const::Str(text) => Const::Int(text.len() as u64),
                _ => return not_constant(),
            },
            _ => return not_constant(),
        })
    }

    fn compute_index(&mut self, base: &Expr, index: &Expr, span: Span) -> Result<Const, Box<Diagnostic>> {
        match (self.compute(base)?, self.compute(index)?) {
            (Const::Aggregate(elems), Const::Int(index)) => {
                elems.get(index as usize).cloned().ok_or_else(|| {
                    let title = format!("index {} is out of bounds for length {}", index as i64, elems.len());
                    Box::new(Diagnostic::error(codes::CONSTANT_FAILS, span, title))
                })
            }
            _ => {
                let title = "this is not known when the program is compiled";
                Err(Box::new(Diagnostic::error(codes::NOT_CONSTANT, span, title)))
            }
        }
    }

    /// Cuts bits to the width of an integer type.
    fn wrap(&self, bits: u64, ty: Ty) -> u64 {
        match self.types.as_int(ty) {
            Some(int) => bits & (u64::MAX >> (64 - int.bits())),
            None => bits & 1,
        }
    }

    /// The value of stored bits: sign-extended for signed types.
    fn extend(&self, bits: u64, ty: Ty) -> i128 {
        match self.types.as_int(ty) {
            Some(int) if int.signed() => {
                i128::from(((bits << (64 - int.bits())) as i64) >> (64 - int.bits()))
            }
            _ => i128::from(bits),
        }
    }

    fn compute_integers(
        &self,
        op: BinaryOp,
        a: u64,
        b: u64,
        ty: Ty,
        right_ty: Ty,
        span: Span,
    ) -> Result<Const, Box<Diagnostic>> {
        let fail = |title: String| Err(Box::new(Diagnostic::error(codes::CONSTANT_FAILS, span, title)));
        let int = self.types.as_int(ty).unwrap_or(IntTy::U64);
        let (x, y) = (self.extend(a, ty), self.extend(b, right_ty));
        let value = match op {
            BinaryOp::Add => x + y,
            BinaryOp::Sub => x - y,
            BinaryOp::Mul => x.wrapping_mul(y),
            BinaryOp::Div | BinaryOp::Rem if y == 0 => return fail("this constant divides by zero".into()),
            BinaryOp::Div if int.signed() && y == -1 && !int.holds(x.unsigned_abs() as u64, false) => {
                return fail("this constant's division overflows".into());
            }
            BinaryOp::Div => x / y,
            BinaryOp::Rem => x % y,
            BinaryOp::Shl | BinaryOp::Shr if y < 0 || y >= i128::from(int.bits()) => {
                return fail(format!("this constant shifts a `{}` by {y}", int.name()));
            }
            BinaryOp::Shl => x << y,
            BinaryOp::Shr => x >> y,
            BinaryOp::BitAnd => x & y,
            BinaryOp::BitOr => x | y,
            BinaryOp::BitXor => x ^ y,
            _ => return Ok(Const::Int(u64::from(compare(op, &x, &y)))),
        };
        Ok(Const::Int(self.wrap(value as u64, ty)))
    }

    fn compute_cast(&self, value: Const, kind: CastKind, from: Ty, to: Ty) -> Option<Const> {
        Some(match (value, kind) {
            (Const::Int(bits), CastKind::IntToInt) => {
                Const::Int(self.wrap(self.extend(bits, from) as u64, to))
            }
            (Const::Int(bits), CastKind::IntToFloat) => Const::Float(self.extend(bits, from) as f64),
            (Const::Float(value), CastKind::FloatToInt) => {
                let int = self.types.as_int(to)?;
                let bits = if int.signed() {
                    let max = (1i128 << (int.bits() - 1)) - 1;
                    (value as i128).clamp(-max - 1, max) as u64
                } else {
                    (value as i128).clamp(0, i128::from(u64::MAX >> (64 - int.bits()))) as u64
                };
                Const::Int(self.wrap(bits, to))
            }
            (Const::Float(value), CastKind::FloatToFloat) if to == Ty::F32 => {
                Const::Float(f64::from(value as f32))
            }
            (Const::Float(value), CastKind::FloatToFloat) => Const::Float(value),
            (Const::Int(bits), CastKind::IntToPtr) => Const::Ptr(self.extend(bits, from) as u64),
            (Const::Int(bits), CastKind::Bits) if self.types.as_int(to).is_some() => Const::Int(bits),
            (Const::Int(bits), CastKind::Bits) => Const::Ptr(bits),
            (Const::Ptr(bits), CastKind::Bits) if self.types.as_int(to).is_some() => Const::Int(bits),
            (Const::Ptr(bits), CastKind::PtrToInt) => Const::Int(self.wrap(bits, to)),
            (value @ (Const::Ptr(_) | Const::Func(_) | Const::Str(_) | Const::Float(_)), CastKind::Bits) => {
                value
            }
            _ => return None,
        })
    }
}

fn compare<T: PartialOrd>(op: BinaryOp, a: &T, b: &T) -> bool {
    match op {
        BinaryOp::Eq => a == b,
        BinaryOp::Ne => a != b,
        BinaryOp::Lt => a < b,
        BinaryOp::Le => a <= b,
        BinaryOp::Gt => a > b,
        _ => a >= b,
    }
}

fn float_operation(op: BinaryOp, a: f64, b: f64) -> Option<Const> {
    Some(match op {
        BinaryOp::Add => Const::Float(a + b),
        BinaryOp::Sub => Const::Float(a - b),
        BinaryOp::Mul => Const::Float(a * b),
        BinaryOp::Div => Const::Float(a / b),
        BinaryOp::Rem => Const::Float(a % b),
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
            Const::Int(u64::from(compare(op, &a, &b)))
        }
        _ => return None,
    })
}

impl FnCx<'_, '_> {
    /// The use of a constant: its value, or the read-only memory that holds it.
    pub(super) fn constant_value(&mut self, id: u32, span: Span) -> Expr {
        self.cx.ensure_const(id);
        let info = &self.cx.consts[id as usize];
        let ty = info.ty;
        if let Some(storage) = info.storage {
            return Expr { kind: ExprKind::Global(storage), ty, span };
        }
        match info.value.clone() {
            Some(value) => self.constant_expr(value, ty, span),
            None => self.poison(span),
        }
    }

    /// A constant as an expression.
    pub(super) fn constant_expr(&mut self, value: Const, ty: Ty, span: Span) -> Expr {
        let kind = match value {
            Const::Int(bits) if ty == Ty::BOOL => ExprKind::Bool(bits != 0),
            Const::Int(bits) => ExprKind::Int(bits),
            Const::Float(value) => ExprKind::Float(value),
            Const::Str(text) => ExprKind::Str(text),
            Const::Ptr(0) => ExprKind::Null,
            Const::Ptr(bits) => ExprKind::Int(bits),
            Const::Func(func) => ExprKind::Func { func, args: Vec::new() },
            Const::Aggregate(parts) if parts.is_empty() && ty == Ty::UNIT => ExprKind::Unit,
            Const::Aggregate(parts) => match self.kind(ty).clone() {
                TyKind::Array { elem, .. } => ExprKind::Array(
                    parts.into_iter().map(|part| self.constant_expr(part, elem, span)).collect(),
                ),
                TyKind::Tuple(elems) => {
                    let parts = parts.into_iter().zip(elems);
                    ExprKind::Tuple(parts.map(|(part, ty)| self.constant_expr(part, ty, span)).collect())
                }
                _ => {
                    let fields = self.cx.types.field_types(ty);
                    let parts = parts.into_iter().zip(fields).enumerate();
                    ExprKind::Struct(
                        parts.map(|(i, (part, ty))| (i as u32, self.constant_expr(part, ty, span))).collect(),
                    )
                }
            },
        };
        Expr { kind, ty, span }
    }
}
