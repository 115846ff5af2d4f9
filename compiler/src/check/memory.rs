//! Raw memory: the rows of the runtime's table, C's names, loads and stores.

use vex_runtime::abi;
use vex_syntax::ast;
use vex_syntax::{Span, Symbol};

use super::Signature;
use super::builtins::{abi_type, runtime};
use super::function::{Expect, FnCx};
use super::infer::VarKind;
use crate::typed::{Access, Callee, CastKind, Expr, ExprKind, Intrinsic, Stream};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    pub(super) fn call_row(&mut self, row: &'static abi::Export, args: &'a [ast::Expr], span: Span) -> Expr {
        let params = row.params.iter().map(|(_, ty)| abi_type(*ty).unwrap_or(Ty::ERROR)).collect();
        let names = row.params.iter().map(|(name, _)| Symbol::new(name)).collect();
        let ret = abi_type(row.ret).unwrap_or(Ty::ERROR);
        let signature = Signature { params, names, defaults: Vec::new(), has_self: false, ret };
        self.call_function(Callee::Runtime(row.symbol), &signature, None, args, span)
    }

    /// C's names over `i64` addresses.
    pub(super) fn call_c_name(&mut self, word: &str, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let (symbol, count, ret) = match word {
            "malloc" => ("vex_malloc", 1, Ty::I64),
            "calloc" => ("vex_calloc", 2, Ty::I64),
            "realloc" => ("vex_realloc", 2, Ty::I64),
            "free" => ("vex_free", 1, Ty::UNIT),
            "memcpy" => ("vex_memcpy", 3, Ty::I64),
            "memmove" => ("vex_memmove", 3, Ty::I64),
            "memset" => ("vex_memset", 3, Ty::I64),
            "memcmp" => ("vex_memcmp", 3, Ty::I32),
            "puts" => return self.print(Stream::Stdout, true, args, span),
            _ => return self.printf(args, at, span),
        };
        if args.len() != count {
            return self.count_error(word, count, args, at, span).unwrap_or_else(|| self.poison(span));
        }
        let mut values = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            let value = self.value(arg, Expect::Any);
            let byte = symbol == "vex_memset" && index == 1;
            values.push(if byte { self.any_integer(value, Ty::I32) } else { self.address(value) });
        }
        let call = runtime(symbol, values, ret, span);
        if ret == Ty::I32 { self.cast(call, Ty::I64, CastKind::IntToInt) } else { call }
    }

    /// An address: an `i64` (any signed integer widens to it), or any pointer.
    pub(super) fn address(&mut self, value: Expr) -> Expr {
        let ty = self.shallow(value.ty);
        if self.is_pointer(ty) || matches!(self.cx.types.kind(ty), TyKind::Ref { .. }) {
            return self.cast(value, Ty::I64, CastKind::Bits);
        }
        if ty == Ty::STR {
            let span = value.span;
            let data = Expr { kind: ExprKind::DataPtr(Box::new(value)), ty: Ty::PTR, span };
            return self.cast(data, Ty::I64, CastKind::Bits);
        }
        self.any_integer(value, Ty::I64)
    }

    /// Any integer, cut or extended to `ty`.
    pub(super) fn any_integer(&mut self, value: Expr, ty: Ty) -> Expr {
        let value = self.scalar(value);
        if self.var_kind(value.ty) == Some(VarKind::Int) || !self.is_integer(value.ty) {
            return self.coerce(value, ty);
        }
        if self.shallow(value.ty) == ty { value } else { self.cast(value, ty, CastKind::IntToInt) }
    }

    pub(super) fn raw_access(
        &mut self,
        word: &str,
        access: Access,
        args: &'a [ast::Expr],
        at: Span,
        span: Span,
    ) -> Expr {
        let value_ty = match access {
            Access::F32 => Ty::F32,
            Access::F64 => Ty::F64,
            _ => Ty::I64,
        };
        let store = word.starts_with("store");
        if args.len() != 1 + usize::from(store) {
            let wanted = 1 + usize::from(store);
            return self.count_error(word, wanted, args, at, span).unwrap_or_else(|| self.poison(span));
        }
        let address = self.value(&args[0], Expect::Any);
        let address = self.address(address);
        if !store {
            let kind = ExprKind::Intrinsic { op: Intrinsic::Load(access), args: vec![address] };
            return Expr { kind, ty: value_ty, span };
        }
        let value = self.value(&args[1], Expect::Type(value_ty));
        let value = if value_ty == Ty::I64 {
            if self.shallow(value.ty) == Ty::BOOL {
                self.cast(value, Ty::I64, CastKind::IntToInt)
            } else {
                self.any_integer(value, Ty::I64)
            }
        } else {
            self.coerce(value, value_ty)
        };
        let kind = ExprKind::Intrinsic { op: Intrinsic::Store(access), args: vec![address, value] };
        Expr { kind, ty: Ty::UNIT, span }
    }
}
