//! The functions that are always there: output, panics, input, numbers, sizes, raw memory.

use vex_runtime::abi::{self, AbiTy, Group};
use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::function::{Expect, FnCx, Literal};
use super::infer::VarKind;
use super::{Signature, codes};
use crate::typed::{Access, Callee, CastKind, Expr, ExprKind, Intrinsic, Stream};
use crate::types::{Ty, TyKind};

/// Builtins of every spelling that are not rows of the runtime's table.
const COMMON: &[&str] = &[
    "print",
    "println",
    "eprint",
    "eprintln",
    "panic",
    "assert",
    "assert_eq",
    "assertEq",
    "unreachable",
    "exit",
    "args",
    "read_line",
    "read_all",
    "read_file",
    "write_file",
    "at_end",
    "now_ns",
    "sizeof",
    "alignof",
    "offsetof",
    "str_from",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "atan2",
    "exp",
    "log",
    "pow",
    "floor",
    "ceil",
    "abs",
    "min",
    "max",
    "checked_add",
    "checked_sub",
    "checked_mul",
    "wrapping_add",
    "wrapping_sub",
    "wrapping_mul",
];

/// C's names, in `.vais`.
const VAIS: &[&str] =
    &["malloc", "calloc", "realloc", "free", "memcpy", "memmove", "memset", "memcmp", "puts", "printf"];

/// Numeric builtins that integers have as methods.
pub(super) const INTEGER_METHODS: &[&str] = &[
    "abs",
    "min",
    "max",
    "checked_add",
    "checked_sub",
    "checked_mul",
    "wrapping_add",
    "wrapping_sub",
    "wrapping_mul",
];

/// Numeric builtins that floats have as methods.
pub(super) const FLOAT_METHODS: &[&str] =
    &["sqrt", "sin", "cos", "tan", "exp", "log", "pow", "floor", "ceil", "abs", "min", "max"];

const ACCESSES: &[(&str, Access)] = &[
    ("i8", Access::I8),
    ("u8", Access::U8),
    ("byte", Access::U8),
    ("i16", Access::I16),
    ("u16", Access::U16),
    ("i32", Access::I32),
    ("u32", Access::U32),
    ("i64", Access::I64),
    ("u64", Access::U64),
    ("f32", Access::F32),
    ("f64", Access::F64),
];

const ACCESS_NAMES: &[&str] = &[
    "load_i8",
    "load_u8",
    "load_byte",
    "load_i16",
    "load_u16",
    "load_i32",
    "load_u32",
    "load_i64",
    "load_u64",
    "load_f32",
    "load_f64",
    "store_i8",
    "store_u8",
    "store_byte",
    "store_i16",
    "store_u16",
    "store_i32",
    "store_u32",
    "store_i64",
    "store_u64",
    "store_f32",
    "store_f64",
];

/// The names of all builtins of a spelling, for suggestions.
pub(super) fn names(spelling: Spelling) -> impl Iterator<Item = &'static str> {
    let vais: &[&str] = if spelling == Spelling::Vais { VAIS } else { &[] };
    let rows = abi::exports().filter(|row| is_prelude(row.group)).map(|row| row.symbol);
    COMMON.iter().chain(vais).chain(ACCESS_NAMES).copied().chain(rows)
}

/// Whether there is a builtin of this name.
pub(super) fn exists(name: &str, spelling: Spelling) -> bool {
    COMMON.contains(&name)
        || ACCESS_NAMES.contains(&name)
        || (spelling == Spelling::Vais && VAIS.contains(&name))
        || prelude_row(name).is_some()
}

fn is_prelude(group: Group) -> bool {
    matches!(group, Group::MemPrelude | Group::VeraPrimitive)
}

fn prelude_row(name: &str) -> Option<&'static abi::Export> {
    if !name.starts_with("vex_") && !name.starts_with("__vera_") {
        return None;
    }
    abi::find(name).filter(|row| is_prelude(row.group))
}

/// The type that a scalar of the runtime's table has in the language.
pub(super) fn abi_type(ty: AbiTy) -> Option<Ty> {
    Some(match ty {
        AbiTy::Unit => Ty::UNIT,
        AbiTy::Never => Ty::NEVER,
        AbiTy::Bool => Ty::BOOL,
        AbiTy::I8 => Ty::I8,
        AbiTy::I16 => Ty::I16,
        AbiTy::I32 => Ty::I32,
        AbiTy::I64 => Ty::I64,
        AbiTy::U8 => Ty::U8,
        AbiTy::U16 => Ty::U16,
        AbiTy::U32 => Ty::U32,
        AbiTy::U64 => Ty::U64,
        AbiTy::Isize => Ty::ISIZE,
        AbiTy::Usize => Ty::USIZE,
        AbiTy::F32 => Ty::F32,
        AbiTy::F64 => Ty::F64,
        AbiTy::Str => Ty::STR,
        AbiTy::Ptr | AbiTy::ConstPtr | AbiTy::CStr | AbiTy::PtrTo(_) => Ty::PTR,
        AbiTy::Struct(_) => return None,
    })
}

fn runtime(symbol: &'static str, args: Vec<Expr>, ty: Ty, span: Span) -> Expr {
    Expr { kind: ExprKind::Call { callee: Callee::Runtime(symbol), args }, ty, span }
}

impl<'a> FnCx<'_, 'a> {
    /// A call of the builtin `name`; `None` if there is none.
    pub(super) fn builtin_call(
        &mut self,
        name: Symbol,
        args: &'a [ast::Expr],
        at: Span,
        span: Span,
    ) -> Option<Expr> {
        let word = name.as_str();
        if !exists(word, self.spelling) {
            return None;
        }
        if let Some(row) = prelude_row(word) {
            self.need_unsafe(at, &format!("calling `{word}`"));
            return Some(self.call_row(row, args, span));
        }
        if self.spelling == Spelling::Vais && VAIS.contains(&word) {
            return Some(self.call_c_name(word, args, at, span));
        }
        if let Some(access) = word.strip_prefix("load_").or_else(|| word.strip_prefix("store_")) {
            let access = ACCESSES.iter().find(|(name, _)| *name == access)?.1;
            self.need_unsafe(at, &format!("`{word}`"));
            return Some(self.raw_access(word, access, args, at, span));
        }
        Some(match word {
            "print" => self.print(Stream::Stdout, false, args, span),
            "println" => self.print(Stream::Stdout, true, args, span),
            "eprint" => self.print(Stream::Stderr, false, args, span),
            "eprintln" => self.print(Stream::Stderr, true, args, span),
            "panic" => {
                let pieces = self.pieces(args);
                Expr { kind: ExprKind::Panic { pieces }, ty: Ty::NEVER, span }
            }
            "assert" => self.assertion(args, at, span),
            "assert_eq" | "assertEq" => self.assert_equal(args, at, span),
            "sizeof" | "alignof" => self.size_of(name, args, at, span),
            "offsetof" => self.offset_of(args, at, span),
            _ => return self.plain_builtin(word, args, at, span),
        })
    }

    fn plain_builtin(&mut self, word: &str, args: &'a [ast::Expr], at: Span, span: Span) -> Option<Expr> {
        let values = |fx: &mut Self, types: &[Ty]| fx.arguments(word, args, types, at);
        Some(match word {
            "unreachable" => {
                values(self, &[])?;
                let kind = ExprKind::Intrinsic { op: Intrinsic::Unreachable, args: Vec::new() };
                Expr { kind, ty: Ty::NEVER, span }
            }
            "exit" => {
                let [code] = args else { return self.count_error(word, 1, args, at, span) };
                let code = self.value(code, Expect::Any);
                let code = self.any_integer(code, Ty::I32);
                runtime("vexrt_exit", vec![code], Ty::NEVER, span)
            }
            "args" => {
                values(self, &[])?;
                let ty = self.cx.types.intern(TyKind::Slice { mutable: false, elem: Ty::STR });
                runtime("vexrt_args", Vec::new(), ty, span)
            }
            "read_line" => runtime("vexrt_read_line", values(self, &[])?, Ty::STR, span),
            "at_end" => runtime("vexrt_at_end", values(self, &[])?, Ty::BOOL, span),
            "read_all" => runtime("vexrt_read_all", values(self, &[])?, Ty::STR, span),
            "read_file" => runtime("vexrt_read_file", values(self, &[Ty::STR])?, Ty::STR, span),
            "write_file" => self.write_file(args, at, span)?,
            "now_ns" => runtime("vexrt_now_ns", values(self, &[])?, Ty::I64, span),
            "str_from" => {
                self.need_unsafe(at, "`str_from`");
                let mut parts = values(self, &[Ty::PTR, Ty::USIZE])?;
                let len = Box::new(parts.pop()?);
                let data = Box::new(parts.pop()?);
                Expr { kind: ExprKind::StrFromParts { data, len }, ty: Ty::STR, span }
            }
            _ => {
                let mut operands = Vec::new();
                for arg in args {
                    let value = self.value(arg, Expect::Any);
                    operands.push(self.scalar(value));
                }
                return Some(self.numeric(word, operands, at, span).unwrap_or_else(|| self.poison(span)));
            }
        })
    }

    /// `write_file(path, bytes)`; the bytes are a string or a slice of bytes.
    fn write_file(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Option<Expr> {
        let [path, bytes] = args else { return self.count_error("write_file", 2, args, at, span) };
        let path = self.value_of(path, Ty::STR);
        let bytes = self.value(bytes, Expect::Any);
        let slice = self.cx.types.intern(TyKind::Slice { mutable: false, elem: Ty::U8 });
        let bytes = match self.kind(bytes.ty) {
            TyKind::Slice { .. } | TyKind::Ref { .. } => {
                let bytes = self.coerce(bytes, slice);
                self.cast(bytes, Ty::STR, CastKind::Bits)
            }
            _ => self.coerce(bytes, Ty::STR),
        };
        Some(runtime("vexrt_write_file", vec![path, bytes], Ty::UNIT, span))
    }

    /// Arguments of fixed types.
    fn arguments(&mut self, word: &str, args: &'a [ast::Expr], types: &[Ty], at: Span) -> Option<Vec<Expr>> {
        if args.len() != types.len() {
            self.count_error(word, types.len(), args, at, at);
            return Some(types.iter().map(|&ty| Expr { ty, ..self.poison(at) }).collect());
        }
        Some(args.iter().zip(types).map(|(arg, &ty)| self.value_of(arg, ty)).collect())
    }

    fn count_error(
        &mut self,
        word: &str,
        wanted: usize,
        args: &'a [ast::Expr],
        at: Span,
        span: Span,
    ) -> Option<Expr> {
        for arg in args {
            self.value(arg, Expect::Any);
        }
        let plural = if wanted == 1 { "" } else { "s" };
        let title = format!("`{word}` takes {wanted} argument{plural}, not {}", args.len());
        self.error(Diagnostic::error(codes::ARGUMENTS, at, title));
        Some(self.poison(span))
    }

    fn call_row(&mut self, row: &'static abi::Export, args: &'a [ast::Expr], span: Span) -> Expr {
        let params = row.params.iter().map(|(_, ty)| abi_type(*ty).unwrap_or(Ty::ERROR)).collect();
        let names = row.params.iter().map(|(name, _)| Symbol::new(name)).collect();
        let ret = abi_type(row.ret).unwrap_or(Ty::ERROR);
        let signature = Signature { params, names, defaults: Vec::new(), has_self: false, ret };
        self.call_function(Callee::Runtime(row.symbol), &signature, None, args, span)
    }

    /// C's names over `i64` addresses.
    fn call_c_name(&mut self, word: &str, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
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
    fn address(&mut self, value: Expr) -> Expr {
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
    fn any_integer(&mut self, value: Expr, ty: Ty) -> Expr {
        let value = self.scalar(value);
        if self.var_kind(value.ty) == Some(VarKind::Int) || !self.is_integer(value.ty) {
            return self.coerce(value, ty);
        }
        if self.shallow(value.ty) == ty { value } else { self.cast(value, ty, CastKind::IntToInt) }
    }

    fn raw_access(
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

    /// The numeric builtins, as functions and as methods.
    pub(super) fn numeric(&mut self, word: &str, mut args: Vec<Expr>, at: Span, span: Span) -> Option<Expr> {
        let count = match word {
            "atan2" | "pow" | "min" | "max" => 2,
            _ if word.starts_with("checked_") || word.starts_with("wrapping_") => 2,
            _ => 1,
        };
        if args.len() != count {
            let plural = if count == 1 { "" } else { "s" };
            let title = format!("`{word}` takes {count} argument{plural}, not {}", args.len());
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

    fn number_operation(&mut self, word: &str, mut args: Vec<Expr>, span: Span) -> Option<Expr> {
        if args.len() == 2 {
            let right = args.pop()?;
            let left = args.pop()?;
            let (left, right) = self.same_number(left, right);
            if !self.unify(left.ty, right.ty) {
                let (a, b) = (self.show(left.ty), self.show(right.ty));
                let title = format!("`{word}` needs two numbers of one type, not a `{a}` and a `{b}`");
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
                return self.number_operation(word, vec![value], span).filter(|value| value.ty != Ty::ERROR);
            }
            "sqrt" => Intrinsic::Sqrt,
            "floor" => Intrinsic::Floor,
            "ceil" => Intrinsic::Ceil,
            "abs" if integer || float => Intrinsic::Abs,
            "min" if integer || float => Intrinsic::Min,
            "max" if integer || float => Intrinsic::Max,
            _ if integer && args.len() == 2 => return self.checked_or_wrapping(word, args, span),
            _ => {
                let shown = self.show(ty);
                let title = format!("`{word}` does not apply to a `{shown}`");
                self.error(Diagnostic::error(codes::OPERATOR, span, title));
                return None;
            }
        };
        Some(Expr { kind: ExprKind::Intrinsic { op: intrinsic, args }, ty, span })
    }

    fn checked_or_wrapping(&mut self, word: &str, mut args: Vec<Expr>, span: Span) -> Option<Expr> {
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
        let option = self.cx.types.intern(TyKind::Option(ty));
        Some(Expr { kind: ExprKind::Checked { op, left, right }, ty: option, span })
    }

    fn assertion(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let Some((cond, message)) = args.split_first() else {
            return self.count_error("assert", 1, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let text = self.cx.sources.text(cond.span).to_string();
        let cond = Box::new(self.condition(cond));
        let pieces = if message.is_empty() {
            let shown: String = text.chars().take(200).collect();
            vec![crate::typed::Piece::Text(format!("assertion failed: {shown}").into())]
        } else {
            self.pieces(message)
        };
        Expr { kind: ExprKind::Assert { cond, pieces }, ty: Ty::UNIT, span }
    }

    fn assert_equal(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let [left, right, message @ ..] = args else {
            return self.count_error("assert_eq", 2, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let left = self.value(left, Expect::Any);
        let right = self.value(right, Expect::Any);
        let (left, right) = (self.scalar(left), self.scalar(right));
        let (left, right) = self.same_number(left, right);
        let pointers = self.is_pointer(left.ty) && self.is_pointer(right.ty);
        let same = pointers || self.unify(left.ty, right.ty);
        if !same || !self.operator_applies(BinaryOp::Eq, left.ty) {
            if self.shallow(left.ty) != Ty::ERROR && self.shallow(right.ty) != Ty::ERROR {
                let (a, b) = (self.show(left.ty), self.show(right.ty));
                let title = format!("a `{a}` and a `{b}` cannot be compared");
                self.error(Diagnostic::error(codes::OPERATOR, span, title));
            }
            return self.poison(span);
        }
        let pieces = self.pieces(message);
        let (left, right) = (Box::new(left), Box::new(right));
        Expr { kind: ExprKind::AssertEq { left, right, pieces }, ty: Ty::UNIT, span }
    }

    /// An integer that adapts to its use, like a literal.
    fn literal(&mut self, value: u64, span: Span) -> Expr {
        let ty = self.fresh(VarKind::Int, span);
        self.literals.push(Literal { value, negative: false, ty, span });
        Expr { kind: ExprKind::Int(value), ty, span }
    }

    fn size_of(&mut self, name: Symbol, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let [arg] = args else {
            return self.count_error(name.as_str(), 1, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let ty = match self.type_of_expr(arg) {
            Some(ty) => self.cx.resolve_type(self.module, &ty),
            None => {
                // Only the type of the operand matters: it is checked but not evaluated.
                let temps = self.temps.len();
                let value = self.expr(arg, Expect::Any);
                self.temps.truncate(temps);
                self.resolved(value.ty).unwrap_or(Ty::ERROR)
            }
        };
        self.type_query(name, ty, span).unwrap_or_else(|| self.poison(span))
    }

    /// `sizeof` or `alignof` of a type.
    pub(super) fn type_query(&mut self, name: Symbol, ty: Ty, span: Span) -> Option<Expr> {
        let pick: fn(crate::types::Layout) -> u64 = match name.as_str() {
            "sizeof" => |layout| layout.size,
            "alignof" => |layout| layout.align,
            _ => return None,
        };
        if ty == Ty::ERROR {
            return Some(self.poison(span));
        }
        self.cx.ensure_layout(ty);
        let value = pick(self.cx.types.layout(ty));
        Some(self.literal(value, span))
    }

    fn offset_of(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let [base, field] = args else {
            return self.count_error("offsetof", 2, args, at, span).unwrap_or_else(|| self.poison(span));
        };
        let ty = self.type_of_expr(base).map(|ty| self.cx.resolve_type(self.module, &ty));
        let (Some(ty), ast::ExprKind::Name(name)) = (ty, &field.kind) else {
            let title = "`offsetof` takes a structure and the name of one of its fields";
            self.error(Diagnostic::error(codes::ARGUMENTS, at, title));
            return self.poison(span);
        };
        if ty == Ty::ERROR {
            return self.poison(span);
        }
        self.cx.ensure_layout(ty);
        let index = self.cx.types.struct_of(ty).and_then(|d| d.fields.iter().position(|f| f.name == *name));
        match index {
            Some(index) => {
                let offset = self.cx.types.field_offsets(ty)[index];
                self.literal(offset, span)
            }
            None => {
                self.unknown_field(ty, ast::Ident { name: *name, span: field.span }, codes::UNKNOWN_FIELD);
                self.poison(span)
            }
        }
    }

    /// An expression that is written like a type and does not name a value, as the type.
    fn type_of_expr(&mut self, expr: &ast::Expr) -> Option<ast::TypeExpr> {
        use ast::{ExprKind, TypeKind, UnaryOp};
        let span = expr.span;
        let (inner, mutable) = match &expr.kind {
            ExprKind::Bang(inner) => (&**inner, true),
            _ => (expr, false),
        };
        let kind = match &inner.kind {
            ExprKind::Name(name) if !mutable => {
                let is_value = self.names.contains_key(name)
                    || matches!(
                        self.cx.lookup_value(self.module, *name),
                        super::names::Lookup::Found(super::Value::Const(_) | super::Value::Global(_))
                    );
                let is_type =
                    super::resolve::primitive(name.as_str()).is_some() || self.type_named(*name).is_some();
                if is_value || !is_type {
                    return None;
                }
                let names = vec![ast::Ident { name: *name, span }];
                TypeKind::Path { names, args: Vec::new() }
            }
            ExprKind::Unary { op: UnaryOp::Deref, value } => {
                let (value, inner_mutable) = strip_bang(value);
                let pointee = Box::new(self.type_of_expr(value)?);
                TypeKind::RawPtr { mutable: mutable || inner_mutable, pointee }
            }
            ExprKind::Borrow { mutable, place } => {
                TypeKind::Ref { mutable: *mutable, pointee: Box::new(self.type_of_expr(place)?) }
            }
            ExprKind::Repeat { value, count } => {
                let elem = Box::new(self.type_of_expr(value)?);
                TypeKind::Array { elem, len: Box::new((**count).clone()) }
            }
            ExprKind::Tuple(elems) => {
                TypeKind::Tuple(elems.iter().map(|elem| self.type_of_expr(elem)).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some(ast::TypeExpr { kind, span })
    }
}

fn strip_bang(expr: &ast::Expr) -> (&ast::Expr, bool) {
    match &expr.kind {
        ast::ExprKind::Bang(inner) => (inner, true),
        _ => (expr, false),
    }
}
