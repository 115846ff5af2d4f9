//! Computing constants: settled expressions to values, as the machine would compute them.

use vex_syntax::ast::BinaryOp;
use vex_syntax::{Diagnostic, Span};

use super::{Checker, codes};
use crate::typed::{CastKind, Const, Expr, ExprKind, IntTy};
use crate::types::{Ty, TyKind};

/// Most elements an evaluated array may have, those of arrays in it included.
const MAX_ELEMENTS: u64 = 1 << 22;

type Computed = Result<Const, Box<Diagnostic>>;

fn not_constant(span: Span) -> Computed {
    let title = "this is not known when the program is compiled";
    let d = Diagnostic::error(codes::NOT_CONSTANT, span, title);
    Err(Box::new(d.note("a constant is made of literals, other constants, operators, casts and `sizeof`")))
}

impl Checker<'_> {
    /// Computes a settled expression.
    pub(super) fn compute(&mut self, expr: &Expr) -> Computed {
        Ok(match &expr.kind {
            ExprKind::Int(bits) => Const::Int(*bits),
            ExprKind::Bool(value) => Const::Int(u64::from(*value)),
            ExprKind::Float(value) => self.float(*value, expr.ty),
            ExprKind::Str(text) => Const::Str(text.clone()),
            ExprKind::Null => Const::Ptr(0),
            ExprKind::Unit => Const::Aggregate(Vec::new()),
            ExprKind::Func { func, .. } => Const::Func(*func),
            ExprKind::Global(id) if !self.globals[id.0 as usize].mutable => {
                match self.globals[id.0 as usize].init.clone() {
                    Some(value) => value,
                    None => return not_constant(expr.span),
                }
            }
            ExprKind::Temp { init, .. } => return self.compute(init),
            ExprKind::Scope { value, .. } => return self.compute(value),
            ExprKind::Block(block) if block.stmts.is_empty() => match &block.value {
                Some(value) => return self.compute(value),
                None => Const::Aggregate(Vec::new()),
            },
            ExprKind::If { cond, then, els: Some(els) } => match self.compute(cond)? {
                Const::Int(0) => return self.compute(els),
                Const::Int(_) => return self.compute(then),
                _ => return not_constant(expr.span),
            },
            ExprKind::Neg(_)
            | ExprKind::Not(_)
            | ExprKind::BitNot(_)
            | ExprKind::Logic { .. }
            | ExprKind::Binary { .. }
            | ExprKind::Cast { .. } => return self.compute_operator(expr),
            _ => return self.compute_parts(expr),
        })
    }

    /// Values made of parts, and the parts of values.
    fn compute_parts(&mut self, expr: &Expr) -> Computed {
        Ok(match &expr.kind {
            ExprKind::Field { base, index } => match self.compute(base)? {
                Const::Aggregate(mut fields) if (*index as usize) < fields.len() => {
                    fields.swap_remove(*index as usize)
                }
                _ => return not_constant(expr.span),
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
            ExprKind::Variant { variant, fields } => {
                let mut values: Vec<(u32, Const)> = Vec::new();
                for (index, value) in fields {
                    values.push((*index, self.compute(value)?));
                }
                values.sort_by_key(|(index, _)| *index);
                Const::Variant(*variant, values.into_iter().map(|(_, value)| value).collect())
            }
            ExprKind::Tag(value) => match self.compute(value)? {
                Const::Variant(variant, _) => Const::Int(u64::from(variant)),
                _ => return not_constant(expr.span),
            },
            ExprKind::Repeat(value) => {
                let TyKind::Array { len, .. } = *self.types.kind(expr.ty) else {
                    return not_constant(expr.span);
                };
                if self.elements(expr.ty) > MAX_ELEMENTS {
                    let title = "this array is too large for a constant";
                    let d = Diagnostic::error(codes::CONSTANT_FAILS, expr.span, title);
                    return Err(Box::new(d.note(format!("it may have {MAX_ELEMENTS} elements"))));
                }
                Const::Aggregate(vec![self.compute(value)?; len as usize])
            }
            ExprKind::Len(value) => match self.compute(value)? {
                Const::Str(text) => Const::Int(text.len() as u64),
                _ => return not_constant(expr.span),
            },
            _ => return not_constant(expr.span),
        })
    }

    /// How many scalars a value of this type has, arrays multiplied out.
    fn elements(&self, ty: Ty) -> u64 {
        match self.types.kind(ty) {
            TyKind::Array { elem, len } => self.elements(*elem).saturating_mul(*len),
            TyKind::Tuple(elems) => elems.iter().fold(1, |sum: u64, &e| sum.saturating_add(self.elements(e))),
            TyKind::Struct { .. } => self.types.layout(ty).size.max(1),
            _ => 1,
        }
    }

    fn compute_operator(&mut self, expr: &Expr) -> Computed {
        Ok(match &expr.kind {
            ExprKind::Neg(value) => match self.compute(value)? {
                Const::Int(bits) => Const::Int(self.wrap(bits.wrapping_neg(), expr.ty)),
                Const::Float(value) => Const::Float(-value),
                _ => return not_constant(expr.span),
            },
            ExprKind::Not(value) => match self.compute(value)? {
                Const::Int(bits) => Const::Int(u64::from(bits == 0)),
                _ => return not_constant(expr.span),
            },
            ExprKind::BitNot(value) => match self.compute(value)? {
                Const::Int(bits) => Const::Int(self.wrap(!bits, expr.ty)),
                _ => return not_constant(expr.span),
            },
            ExprKind::Logic { and, left, right } => match self.compute(left)? {
                Const::Int(bits) if (bits != 0) == *and => return self.compute(right),
                Const::Int(bits) => Const::Int(bits),
                _ => return not_constant(expr.span),
            },
            ExprKind::Binary { op, left, right } => match (self.compute(left)?, self.compute(right)?) {
                (Const::Int(a), Const::Int(b)) => {
                    return self.compute_integers(*op, (a, left.ty), (b, right.ty), expr.span);
                }
                (Const::Float(a), Const::Float(b)) => match float_operation(*op, a, b) {
                    Some(Const::Float(value)) => self.float(value, expr.ty),
                    Some(value) => value,
                    None => return not_constant(expr.span),
                },
                (Const::Str(a), Const::Str(b)) => Const::Int(u64::from(compare(*op, &a, &b))),
                (Const::Ptr(a), Const::Ptr(b)) => Const::Int(u64::from(compare(*op, &a, &b))),
                _ => return not_constant(expr.span),
            },
            ExprKind::Cast { value, kind } => {
                let from = value.ty;
                let value = self.compute(value)?;
                match self.compute_cast(value, *kind, from, expr.ty) {
                    Some(value) => value,
                    None => return not_constant(expr.span),
                }
            }
            _ => return not_constant(expr.span),
        })
    }

    /// A float as a value of its type has it.
    fn float(&self, value: f64, ty: Ty) -> Const {
        Const::Float(if ty == Ty::F32 { f64::from(value as f32) } else { value })
    }

    fn compute_index(&mut self, base: &Expr, index: &Expr, span: Span) -> Computed {
        match (self.compute(base)?, self.compute(index)?) {
            (Const::Aggregate(elems), Const::Int(index)) => {
                elems.get(index as usize).cloned().ok_or_else(|| {
                    let title = format!("index {} is out of bounds for length {}", index as i64, elems.len());
                    Box::new(Diagnostic::error(codes::CONSTANT_FAILS, span, title))
                })
            }
            _ => not_constant(span),
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
        (a, ty): (u64, Ty),
        (b, right_ty): (u64, Ty),
        span: Span,
    ) -> Computed {
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
                return fail(format!("this constant shifts {} by {y}", self.a(ty)));
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
            (Const::Int(bits), CastKind::IntToFloat) => self.float(self.extend(bits, from) as f64, to),
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
            (Const::Float(value), CastKind::FloatToFloat) => self.float(value, to),
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
