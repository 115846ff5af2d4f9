//! Operations the compiler knows: raw loads and stores, numbers, and memory operations of a small constant size.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, InstBuilder, types};

use super::addr::{Addr, Kind};
use super::expr::one;
use super::func::{Leaves, Lower};
use crate::typed::{self, Access, CastKind, Expr, ExprKind, Intrinsic};
use crate::types::Ty;

/// Memory operations of at most this many bytes become loads and stores.
const MAX_EXPANDED: i64 = 64;

impl<'a> Lower<'a> {
    /// An operation the compiler knows.
    pub(super) fn intrinsic(&mut self, op: Intrinsic, args: &'a [Expr], expr: &'a Expr) -> Leaves {
        one(match op {
            Intrinsic::Load(access) => self.raw_load(access, &args[0], expr),
            Intrinsic::Store(access) => {
                self.raw_store(access, &args[0], &args[1], expr);
                return Leaves::new();
            }
            Intrinsic::Sqrt => {
                let x = self.scalar(&args[0]);
                self.b.ins().sqrt(x)
            }
            Intrinsic::Floor => {
                let x = self.scalar(&args[0]);
                self.b.ins().floor(x)
            }
            Intrinsic::Ceil => {
                let x = self.scalar(&args[0]);
                self.b.ins().ceil(x)
            }
            Intrinsic::Abs => {
                let x = self.scalar(&args[0]);
                match (self.types.is_float(expr.ty), self.is_signed(expr.ty)) {
                    (true, _) => self.b.ins().fabs(x),
                    (false, true) => self.b.ins().iabs(x),
                    (false, false) => x,
                }
            }
            Intrinsic::Min | Intrinsic::Max => {
                let (a, b) = (self.scalar(&args[0]), self.scalar(&args[1]));
                self.smaller_or_larger(op == Intrinsic::Min, a, b, expr.ty)
            }
            Intrinsic::Unreachable => {
                self.at(expr.span);
                self.b.ins().trap(super::traps::Trap::Unreachable.code());
                self.unreachable();
                return Leaves::new();
            }
        })
    }

    fn smaller_or_larger(&mut self, min: bool, a: ir::Value, b: ir::Value, ty: Ty) -> ir::Value {
        if self.types.is_float(ty) {
            // A NaN loses against a number: compare, then prefer the side that is one.
            let condition = if min { FloatCC::LessThan } else { FloatCC::GreaterThan };
            let better = self.b.ins().fcmp(condition, a, b);
            let chosen = self.b.ins().select(better, a, b);
            let b_is_nan = self.b.ins().fcmp(FloatCC::Unordered, b, b);
            return self.b.ins().select(b_is_nan, a, chosen);
        }
        match (min, self.is_signed(ty)) {
            (true, true) => self.b.ins().smin(a, b),
            (true, false) => self.b.ins().umin(a, b),
            (false, true) => self.b.ins().smax(a, b),
            (false, false) => self.b.ins().umax(a, b),
        }
    }

    fn raw_address(&mut self, address: &'a Expr) -> Addr {
        if !self.is_checked() {
            return self.pointee(address).with_kind(Kind::Raw);
        }
        // An address is an integer here, which a pointer need not become.
        let pointer = match &address.kind {
            ExprKind::Cast { value, kind: CastKind::Bits } if self.may_be_tagged(value.ty) => value,
            _ => address,
        };
        if self.may_be_tagged(pointer.ty) {
            return self.pointee(pointer).with_kind(Kind::Bytes);
        }
        self.integer_address(address)
    }

    fn raw_load(&mut self, access: Access, address: &'a Expr, expr: &'a Expr) -> ir::Value {
        let (ty, signed) = access_type(access);
        let addr = self.raw_address(address);
        self.at(expr.span);
        let value = self.load(ty, addr);
        if ty.is_float() { value } else { self.extend_64(value, signed) }
    }

    fn raw_store(&mut self, access: Access, address: &'a Expr, value: &'a Expr, expr: &'a Expr) {
        let (ty, _) = access_type(access);
        let addr = self.raw_address(address);
        let value = self.scalar(value);
        let value = if ty.is_float() { value } else { self.resize(value, ty, false) };
        self.at(expr.span);
        self.store(value, addr);
    }

    /// A call of a C function that is a memory operation of a small constant size, as loads and stores. Addresses
    /// may be pointers or integers, sizes any integers.
    pub(super) fn expand_symbol(&mut self, symbol: &str, args: &'a [Expr], expr: &'a Expr) -> Option<Leaves> {
        let allocated =
            self.expand_heap(symbol, args, expr).or_else(|| self.expand_region(symbol, args, expr));
        if allocated.is_some() || self.is_checked() {
            return allocated;
        }
        let name = symbol.strip_prefix("vex_").unwrap_or(symbol);
        if !matches!(name, "memcpy" | "memmove" | "memset" | "memcmp") || args.len() != 3 {
            return None;
        }
        let size = self.small_size(&args[2])?;
        if name == "memcmp" && size > 1 {
            // Only the order of single bytes, or of nothing, is a subtraction.
            return None;
        }
        let byte = if name == "memset" { Some(self.const_int(&args[1])? as u8) } else { None };
        let first = self.scalar(&args[0]);
        let dst = Addr::value(first, Kind::Raw);
        match (name, byte) {
            ("memcmp", _) => {
                let second = self.scalar(&args[1]);
                return Some(one(self.compare_byte(dst, Addr::value(second, Kind::Raw), size, expr)));
            }
            (_, Some(byte)) => {
                self.at(expr.span);
                self.fill_inline(dst, byte, size);
            }
            _ => {
                let second = self.scalar(&args[1]);
                self.at(expr.span);
                self.copy_inline(dst, Addr::value(second, Kind::Raw), size);
            }
        }
        Some(if self.info(expr.ty).len() == 1 { one(first) } else { Leaves::new() })
    }

    fn compare_byte(&mut self, a: Addr, b: Addr, size: u64, expr: &'a Expr) -> ir::Value {
        let ty = self.info(expr.ty).leaves[0].ty;
        if size == 0 {
            return self.int(ty, 0);
        }
        self.at(expr.span);
        let (a, b) = (self.load(types::I8, a), self.load(types::I8, b));
        let (a, b) = (self.resize(a, ty, false), self.resize(b, ty, false));
        self.b.ins().isub(a, b)
    }

    /// A call of a bulk operation of `vera:memory`, likewise.
    pub(super) fn expand_library(
        &mut self,
        function: &typed::Function,
        args: &'a [Expr],
        expr: &'a Expr,
    ) -> Option<Leaves> {
        if !function.library || self.is_checked() {
            return None;
        }
        let size = args.last().and_then(|size| self.small_size(size));
        match (function.name.as_str(), args) {
            ("copy_memory", [dst, src, _]) => {
                let size = size?;
                let (dst, src) = (self.scalar(dst), self.scalar(src));
                self.at(expr.span);
                self.copy_inline(Addr::value(dst, Kind::Raw), Addr::value(src, Kind::Raw), size);
            }
            ("set_memory", [dst, value, _]) => {
                let size = size?;
                let byte = self.const_int(value).filter(|byte| (-128..=255).contains(byte))?;
                let dst = self.scalar(dst);
                self.at(expr.span);
                self.fill_inline(Addr::value(dst, Kind::Raw), byte as u8, size);
            }
            ("zero_memory", [dst, _]) => {
                let size = size?;
                let dst = self.scalar(dst);
                self.at(expr.span);
                self.fill_inline(Addr::value(dst, Kind::Raw), 0, size);
            }
            _ => return None,
        }
        Some(Leaves::new())
    }

    fn small_size(&self, size: &'a Expr) -> Option<u64> {
        let size = self.const_int(size)?;
        (0..=MAX_EXPANDED).contains(&size).then_some(size as u64)
    }

    /// `vex_memcmp(a, b, n) == 0` and its opposite, of a small constant size: no order has to be found.
    pub(super) fn compare_for_equality(&mut self, call: &'a Expr, condition: IntCC) -> Option<ir::Value> {
        if self.is_checked() {
            return None;
        }
        let ExprKind::Call { callee, args } = &call.kind else { return None };
        let symbol = match callee {
            typed::Callee::Func { func, .. } => match &self.program.functions[func.0 as usize].body {
                typed::FunctionBody::Extern(symbol) => symbol.as_str(),
                _ => return None,
            },
            typed::Callee::Runtime(symbol) => symbol,
            typed::Callee::Pointer(_) => return None,
        };
        if !matches!(symbol, "vex_memcmp" | "memcmp") || args.len() != 3 {
            return None;
        }
        let size = self.small_size(&args[2])?;
        let (a, b) = (self.scalar(&args[0]), self.scalar(&args[1]));
        self.at(call.span);
        let equal = self.equal_inline(Addr::value(a, Kind::Raw), Addr::value(b, Kind::Raw), size);
        Some(if condition == IntCC::Equal { equal } else { self.b.ins().bxor_imm_u(equal, 1) })
    }
}

/// The machine type of an access, and whether it extends by sign.
fn access_type(access: Access) -> (ir::Type, bool) {
    match access {
        Access::I8 => (types::I8, true),
        Access::U8 => (types::I8, false),
        Access::I16 => (types::I16, true),
        Access::U16 => (types::I16, false),
        Access::I32 => (types::I32, true),
        Access::U32 => (types::I32, false),
        Access::I64 => (types::I64, true),
        Access::U64 => (types::I64, false),
        Access::F32 => (types::F32, false),
        Access::F64 => (types::F64, false),
    }
}
