//! The functions that are always there: output, panics, input, numbers, sizes, raw memory.

use vex_runtime::abi::{self, AbiTy, Group};
use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::arguments::count_of;
use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{Access, Callee, CastKind, Expr, ExprKind, Intrinsic, Stream};
use crate::types::{Ty, TyKind};

/// Builtins of every spelling that are not rows of the runtime's table.
const COMMON: &[&str] = &[
    "print",
    "println",
    "eprint",
    "eprintln",
    "format",
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
    "needs_drop",
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
    COMMON.iter().chain(super::owned::NAMES).chain(vais).chain(ACCESS_NAMES).copied().chain(rows)
}

/// Whether there is a builtin of this name.
pub(super) fn exists(name: &str, spelling: Spelling) -> bool {
    COMMON.contains(&name)
        || super::owned::NAMES.contains(&name)
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
        AbiTy::Ptr | AbiTy::ConstPtr | AbiTy::CStr | AbiTy::PtrTo(_) | AbiTy::Callback(_) => Ty::PTR,
        AbiTy::Struct(_) => return None,
    })
}

pub(super) fn runtime(symbol: &'static str, args: Vec<Expr>, ty: Ty, span: Span) -> Expr {
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
            self.cx.uses.c_calls.push(span);
            if !matches!(word, "puts" | "printf") {
                self.need_unsafe(at, word);
            }
            return Some(self.call_c_name(word, args, at, span));
        }
        if let Some(access) = word.strip_prefix("load_").or_else(|| word.strip_prefix("store_")) {
            let access = ACCESSES.iter().find(|(name, _)| *name == access)?.1;
            self.need_unsafe(at, &format!("`{word}`"));
            return Some(self.raw_access(word, access, args, at, span));
        }
        Some(match word {
            _ if super::owned::NAMES.contains(&word) => self.owned_builtin(word, args, at, span),
            "print" => self.print(Stream::Stdout, false, args, span),
            "println" => self.print(Stream::Stdout, true, args, span),
            "eprint" => self.print(Stream::Stderr, false, args, span),
            "eprintln" => self.print(Stream::Stderr, true, args, span),
            "format" => self.format(args, at, span),
            "panic" => {
                let pieces = self.pieces(args);
                Expr { kind: ExprKind::Panic { pieces }, ty: Ty::NEVER, span }
            }
            "assert" => self.assertion(args, at, span),
            "assert_eq" | "assertEq" => self.assert_equal(args, at, span),
            "sizeof" | "alignof" | "needs_drop" => self.size_of(name, args, at, span),
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

    pub(super) fn count_error(
        &mut self,
        word: &str,
        wanted: usize,
        args: &'a [ast::Expr],
        at: Span,
        span: Span,
    ) -> Option<Expr> {
        // What stands in `sizeof` and `offsetof` may be a type.
        if !matches!(word, "sizeof" | "alignof" | "needs_drop" | "offsetof") {
            self.check_all(args);
        }
        let title = format!("`{word}` takes {}, not {}", count_of(wanted), args.len());
        self.error(Diagnostic::error(codes::ARGUMENTS, at, title));
        Some(self.poison(span))
    }
}
