//! Builtins about numbers, as functions and as methods.

use vex_syntax::ast::BinaryOp;
use vex_syntax::{Diagnostic, Span};

use super::arguments::count_of;
use super::builtins::runtime;
use super::codes;
use super::function::FnCx;
use crate::typed::{CastKind, Expr, ExprKind, Intrinsic};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// The numeric builtins, as functions and as methods.
    pub(super) fn numeric(&mut self, word: &str, mut args: Vec<Expr>, at: Span, span: Span) -> Option<Expr> {
        let count = match word {
            "atan2" | "pow" | "min" | "max" => 2,
            _ if word.starts_with("checked_") || word.starts_with("wrapping_") => 2,
            _ => 1,
        };
        if args.len() != count {
            let title = format!("`{word}` takes {}, not {}", count_of(count), args.len());
            self.error(Diagnostic::error(codes::ARGUMENTS, at, title));
            return None;
        }
        if args.iter().any(|arg| self.shallow(arg.ty) == Ty::ERROR) {
            return None;
        }
        let symbol = match word {
            "sin" => "vexrt_sin",
            "cos" => "vexrt_cos",
            "tan" => "vexrt_tan",
            "exp" => "vexrt_exp",
            "log" => "vexrt_log",
            "pow" => "vexrt_pow",
            "atan2" => "vexrt_atan2",
            _ => return self.number_operation(word, args, span),
        };
        // They compute in `f64`; an `f32` goes there and back.
        let single = self.shallow(args[0].ty) == Ty::F32;
        for arg in &mut args {
            let value = std::mem::replace(arg, self.poison(span));
            *arg = if self.shallow(value.ty) == Ty::F32 {
                self.cast(value, Ty::F64, CastKind::FloatToFloat)
            } else {
                self.coerce(value, Ty::F64)
            };
        }
        let call = runtime(symbol, args, Ty::F64, span);
        Some(if single { self.cast(call, Ty::F32, CastKind::FloatToFloat) } else { call })
    }

    pub(super) fn number_operation(&mut self, word: &str, mut args: Vec<Expr>, span: Span) -> Option<Expr> {
        if args.len() == 2 {
            let right = args.pop()?;
            let left = args.pop()?;
            let (left, right) = self.same_number(left, right);
            if !self.unify(left.ty, right.ty) {
                let (a, b) = (self.a(left.ty), self.a(right.ty));
                let title = format!("`{word}` needs two numbers of one type, not {a} and {b}");
                self.error(Diagnostic::error(codes::OPERATOR, span, title));
                return None;
            }
            args.extend([left, right]);
        }
        let ty = args[0].ty;
        let (integer, float) = (self.is_integer(ty), self.is_float(ty));
        let intrinsic = match word {
            "sqrt" | "floor" | "ceil" if !float => {
                let value = args.pop()?;
                let value = self.coerce(value, Ty::F64);
                if value.ty == Ty::ERROR {
                    return None;
                }
                return self.number_operation(word, vec![value], span);
            }
            "sqrt" => Intrinsic::Sqrt,
            "floor" => Intrinsic::Floor,
            "ceil" => Intrinsic::Ceil,
            "abs" if integer || float => Intrinsic::Abs,
            "min" if integer || float => Intrinsic::Min,
            "max" if integer || float => Intrinsic::Max,
            _ if integer && args.len() == 2 => return self.checked_or_wrapping(word, args, span),
            _ => {
                let shown = self.a(ty);
                let title = format!("`{word}` does not apply to {shown}");
                self.error(Diagnostic::error(codes::OPERATOR, span, title));
                return None;
            }
        };
        Some(Expr { kind: ExprKind::Intrinsic { op: intrinsic, args }, ty, span })
    }

    pub(super) fn checked_or_wrapping(
        &mut self,
        word: &str,
        mut args: Vec<Expr>,
        span: Span,
    ) -> Option<Expr> {
        let (right, left) = (Box::new(args.pop()?), Box::new(args.pop()?));
        let ty = left.ty;
        let op = match word.rsplit('_').next()? {
            "add" => BinaryOp::Add,
            "sub" => BinaryOp::Sub,
            _ => BinaryOp::Mul,
        };
        if word.starts_with("wrapping") {
            return Some(Expr { kind: ExprKind::Binary { op, left, right }, ty, span });
        }
        // The word is one of those that the library's core is loaded for.
        let def = self.cx.core_type("Option")?;
        let option = self.cx.types.intern(TyKind::Struct { def, args: vec![ty] });
        Some(Expr { kind: ExprKind::Checked { op, left, right }, ty: option, span })
    }
}
