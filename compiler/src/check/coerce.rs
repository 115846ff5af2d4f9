//! Implicit conversions and explicit casts.

use vex_syntax::{Diagnostic, Span, Spelling};

use super::function::{FnCx, Literal};
use super::infer::VarKind;
use super::{Checker, codes};
use crate::typed::{CastKind, Expr, ExprKind, Stmt, StmtKind};
use crate::types::{IntTy, Ty, TyKind};

impl FnCx<'_, '_> {
    /// Converts `expr` to `to` if that needs no `as`; reports a mismatch otherwise.
    pub(super) fn coerce(&mut self, expr: Expr, to: Ty) -> Expr {
        let span = expr.span;
        match self.try_coerce(expr, to) {
            Ok(expr) => expr,
            Err(expr) => {
                let d = self.mismatch(&expr, to);
                self.error(d);
                Expr { ty: Ty::ERROR, span, ..expr }
            }
        }
    }

    /// The report of a value of another type than `to`.
    pub(super) fn mismatch(&mut self, expr: &Expr, to: Ty) -> Diagnostic {
        let value = result_of(expr);
        let (found, wanted) = (self.shown(expr.ty), self.shown(to));
        let title = format!("expected {wanted}, found {found}");
        let alike = found == wanted;
        let unit = self.shallow(expr.ty) == Ty::UNIT;
        let label = if unit { "this has no value".into() } else { format!("this is {}", self.a(expr.ty)) };
        let mut d = Diagnostic::error(codes::MISMATCH, value.span, title).at(label);
        let (from, to) = (self.shallow(expr.ty), self.shallow(to));
        let types = &self.cx.types;
        let numeric = |ty| types.as_int(ty).is_some() || types.is_float(ty);
        let castable = (numeric(from) && numeric(to))
            || (types.is_raw_ptr(from) && (types.is_raw_ptr(to) || types.as_int(to).is_some()))
            || (types.as_int(from).is_some() && types.is_raw_ptr(to))
            || (from == Ty::BOOL && types.as_int(to).is_some())
            || (from == Ty::STR && types.is_raw_ptr(to))
            || matches!((types.kind(from), types.kind(to)), (TyKind::Ref { pointee: a, .. }, TyKind::RawPtr { pointee: b, .. }) if a == b)
            || (matches!(types.kind(from), TyKind::Ref { .. }) && to == Ty::PTR);
        if castable {
            let shown = self.show(to);
            d = self.suffix_fix(d, "convert it with `as`", value, &format!(" as {shown}"));
        } else if to == Ty::BOOL && self.is_integer(from) {
            d = self.suffix_fix(d, "compare it with zero", value, " != 0");
        } else if let TyKind::Ref { mutable, pointee } = *self.cx.types.kind(to)
            && pointee == from
        {
            let bang = if mutable && self.spelling != Spelling::Vais { "!" } else { "" };
            d = self.replace_fix(d, "borrow it", value, |text| format!("&{text}{bang}"));
        } else if matches!(*self.cx.types.kind(from), TyKind::Ref { pointee, .. } if pointee == to) {
            d = self.replace_fix(d, "read what it refers to", value, |text| format!("*{text}"));
        } else if matches!(self.cx.types.kind(from), TyKind::Fn { ret, .. } if *ret == to) {
            d = self.suffix_fix(d, "call the function", value, "()");
        } else if from == Ty::STR && self.is_string(to) {
            d = self.suffix_fix(d, "make a `String` of it", value, ".toString()");
        } else if to == Ty::STR && self.is_string(from) {
            d = self.replace_fix(d, "lend its text", value, |text| format!("&{text}"));
        } else if from == Ty::UNIT && matches!(value.kind, ExprKind::If { els: None, .. }) {
            d = d.help("give the `if` an `else` with a value");
        }
        if alike {
            d = d.note("these are two types of the same name, each with a declaration of its own");
        }
        d
    }

    /// Help that puts something after an expression, in parentheses if the expression needs them.
    pub(super) fn suffix_fix(&self, d: Diagnostic, help: &str, value: &Expr, suffix: &str) -> Diagnostic {
        use ExprKind::*;
        let loose = matches!(
            value.kind,
            Binary { .. } | Logic { .. } | PtrOffset { .. } | PtrDiff { .. } | Neg(_) | Not(_) | BitNot(_)
        );
        if loose {
            return self.replace_fix(d, help, value, |text| format!("({text}){suffix}"));
        }
        d.fix(help, value.span.after(), suffix)
    }

    fn replace_fix(
        &self,
        d: Diagnostic,
        help: &str,
        value: &Expr,
        make: impl Fn(&str) -> String,
    ) -> Diagnostic {
        let text = self.cx.sources.text(value.span);
        if text.is_empty() || text.contains('\n') {
            d.help(help)
        } else {
            d.fix(help, value.span, make(text))
        }
    }

    /// A type in a sentence: "`i64`"; of a literal, what kind of number it is.
    pub(super) fn shown(&mut self, ty: Ty) -> String {
        match self.var_kind(ty) {
            Some(VarKind::Int) => "an integer".into(),
            Some(VarKind::Float) => "a float".into(),
            Some(VarKind::General) => "a value of unknown type".into(),
            None if self.shallow(ty) == Ty::UNIT => "nothing".into(),
            None => format!("`{}`", self.show(ty)),
        }
    }

    /// A type in a sentence, with its article: "an `i64`".
    pub(super) fn a(&mut self, ty: Ty) -> String {
        let shown = self.shown(ty);
        if shown.starts_with('`') { with_article(&shown) } else { shown }
    }

    /// Converts, or gives the expression back.
    pub(super) fn try_coerce(&mut self, mut expr: Expr, to: Ty) -> Result<Expr, Expr> {
        let (from, to) = (self.shallow(expr.ty), self.shallow(to));
        if from == to || from == Ty::ERROR || to == Ty::ERROR {
            return Ok(expr);
        }
        if from == Ty::NEVER {
            let span = expr.span;
            return Ok(Expr {
                kind: ExprKind::Cast { value: Box::new(expr), kind: CastKind::Never },
                ty: to,
                span,
            });
        }
        if let ExprKind::Int(bits) = expr.kind
            && self.var_kind(from) == Some(VarKind::Int)
        {
            if self.is_float(to) {
                let literal = self.take_literal(expr.span);
                let value = literal.map_or(bits as i64 as f64, |l| {
                    let value = l.value as f64;
                    if l.negative { -value } else { value }
                });
                expr.kind = ExprKind::Float(value);
                expr.ty = to;
                return Ok(expr);
            }
            if bits == 0 && self.is_pointer(to) {
                self.take_literal(expr.span);
                expr.kind = ExprKind::Null;
                expr.ty = to;
                return Ok(expr);
            }
        }
        if matches!(expr.kind, ExprKind::Null) && self.is_pointer(to) {
            expr.ty = to;
            return Ok(expr);
        }
        if let (TyKind::Param { .. }, TyKind::Fn { params, ret }) =
            (self.cx.types.kind(from), self.cx.types.kind(to).clone())
            && let Some((known, result)) = self.callable(from)
            && known.len() == params.len()
            && known.iter().zip(&params).all(|(&a, &b)| self.unify(a, b))
            && self.unify(result, ret)
        {
            return Ok(self.cast(expr, to, CastKind::Bits));
        }
        if let (TyKind::Struct { .. }, TyKind::Fn { .. }) = (self.cx.types.kind(from), self.cx.types.kind(to))
            && let ExprKind::Struct(captures) = &expr.kind
            && captures.is_empty()
            && let Some(function) = self.closure_as_function(&expr)
        {
            return if self.unify(function.ty, to) { Ok(function) } else { Err(expr) };
        }
        if let (Some(a), Some(b)) = (self.cx.types.as_int(from), self.cx.types.as_int(to)) {
            if a.signed() == b.signed() && a.bits() < b.bits() {
                return Ok(self.cast(expr, to, CastKind::IntToInt));
            }
            return Err(expr);
        }
        if let Some(kind) = self.pointer_step(from, to) {
            return Ok(match kind {
                Step::Bits => self.cast(expr, to, CastKind::Bits),
                Step::ArrayToSlice => {
                    let span = expr.span;
                    Expr { kind: ExprKind::ArrayToSlice(Box::new(expr)), ty: to, span }
                }
            });
        }
        let expr = match self.text_for(expr, to) {
            Ok(text) => return Ok(text),
            Err(expr) => expr,
        };
        if self.unify(from, to) { Ok(expr) } else { Err(expr) }
    }

    fn pointer_step(&mut self, from: Ty, to: Ty) -> Option<Step> {
        let (a, b) = (self.cx.types.kind(from).clone(), self.cx.types.kind(to).clone());
        match (a, b) {
            (TyKind::RawPtr { .. }, TyKind::Ptr) => Some(Step::Bits),
            (TyKind::RawPtr { mutable: true, pointee: p }, TyKind::RawPtr { mutable: false, pointee: q })
            | (TyKind::Ref { mutable: true, pointee: p }, TyKind::Ref { mutable: false, pointee: q })
            | (TyKind::Slice { mutable: true, elem: p }, TyKind::Slice { mutable: false, elem: q })
                if self.unify(p, q) =>
            {
                Some(Step::Bits)
            }
            // In `.vais` every reference may be written through, also one that the library gives out to be read; alone or
            // as what an option holds.
            (TyKind::Struct { def: m, args: p }, TyKind::Struct { def: n, args: q })
                if m == n
                    && self.spelling == Spelling::Vais
                    && !self.callee_changes
                    && self.same_but_for_marks(&p, &q) =>
            {
                Some(Step::Bits)
            }
            (TyKind::Ref { mutable: false, pointee: p }, TyKind::Ref { mutable: true, pointee: q })
            | (TyKind::Slice { mutable: false, elem: p }, TyKind::Slice { mutable: true, elem: q })
                if self.spelling == Spelling::Vais && !self.callee_changes && self.unify(p, q) =>
            {
                Some(Step::Bits)
            }
            (TyKind::Ref { mutable: m, pointee }, TyKind::Slice { mutable: n, elem: q }) if m || !n => {
                match self.kind(pointee).clone() {
                    TyKind::Array { elem, .. } if self.unify(elem, q) => Some(Step::ArrayToSlice),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether the only type argument on both sides is a reference, to be read here and to be written there.
    fn same_but_for_marks(&mut self, from: &[Ty], to: &[Ty]) -> bool {
        let ([from], [to]) = (from, to) else { return false };
        match (self.kind(*from).clone(), self.kind(*to).clone()) {
            (TyKind::Ref { mutable: false, pointee: p }, TyKind::Ref { mutable: true, pointee: q }) => {
                self.unify(p, q)
            }
            _ => false,
        }
    }

    /// A cast node.
    pub(super) fn cast(&self, value: Expr, to: Ty, kind: CastKind) -> Expr {
        let span = value.span;
        Expr { kind: ExprKind::Cast { value: Box::new(value), kind }, ty: to, span }
    }

    pub(super) fn is_float(&self, ty: Ty) -> bool {
        self.cx.types.is_float(self.shallow(ty)) || self.var_kind(ty) == Some(VarKind::Float)
    }

    pub(super) fn is_integer(&self, ty: Ty) -> bool {
        self.cx.types.as_int(self.shallow(ty)).is_some() || self.var_kind(ty) == Some(VarKind::Int)
    }

    /// Whether it is a raw pointer of any kind.
    pub(super) fn is_pointer(&self, ty: Ty) -> bool {
        self.cx.types.is_raw_ptr(self.shallow(ty))
    }

    /// The literal at `span` is no integer after all: its range is not checked.
    fn take_literal(&mut self, span: Span) -> Option<Literal> {
        let index = self.literals.iter().rposition(|literal| literal.span == span)?;
        Some(self.literals.swap_remove(index))
    }

    /// How `as` converts between settled types; reports a cast that is not possible.
    pub(super) fn cast_kind(&mut self, value: &Expr, to: Ty, span: Span) -> CastKind {
        use TyKind::*;
        let from = value.ty;
        let (a, b) = (self.cx.types.kind(from).clone(), self.cx.types.kind(to).clone());
        let address = |kind: &TyKind| matches!(kind, Ptr | RawPtr { .. } | Ref { .. } | Fn { .. });
        match (&a, &b) {
            _ if from == to => CastKind::Bits,
            (Error, _) | (_, Error) => CastKind::Bits,
            (Int(_) | Bool | Char, Int(_)) | (Int(IntTy::U8 | IntTy::U32), Char) => CastKind::IntToInt,
            (Int(_) | Bool, F32 | F64) => CastKind::IntToFloat,
            (F32 | F64, Int(_)) => CastKind::FloatToInt,
            (F32 | F64, F32 | F64) => CastKind::FloatToFloat,
            (Int(int), Ptr | RawPtr { .. } | Fn { .. }) => {
                if int.bits() == 64 {
                    CastKind::Bits
                } else {
                    CastKind::IntToPtr
                }
            }
            (x, Int(int)) if address(x) => {
                if int.bits() == 64 {
                    CastKind::Bits
                } else {
                    CastKind::PtrToInt
                }
            }
            (Ptr | RawPtr { .. } | Fn { .. }, Ptr | RawPtr { .. } | Fn { .. }) => CastKind::Bits,
            // Of a parameter of function type, whose value is kept.
            (Param { .. }, Fn { .. }) => CastKind::Bits,
            // What `.vais` may do with references that are there to be read.
            (Ref { mutable: false, pointee: p }, Ref { mutable: true, pointee: q })
            | (Slice { mutable: false, elem: p }, Slice { mutable: true, elem: q })
                if p == q && self.spelling == Spelling::Vais =>
            {
                CastKind::Bits
            }
            (Struct { def: m, .. }, Struct { def: n, .. }) if m == n && self.spelling == Spelling::Vais => {
                CastKind::Bits
            }
            (Ref { .. }, Ptr) => CastKind::Bits,
            (
                Ref { mutable: m, pointee: p },
                RawPtr { mutable: n, pointee: q } | Ref { mutable: n, pointee: q },
            ) if (*m || !*n) && self.same_target(*p, *q) => CastKind::Bits,
            (Slice { mutable: m, elem: p }, Slice { mutable: n, elem: q }) if (*m || !*n) && p == q => {
                CastKind::Bits
            }
            (Str, Slice { mutable: false, elem }) | (Slice { elem, .. }, Str) if *elem == Ty::U8 => {
                CastKind::Bits
            }
            _ => {
                self.bad_cast(value, to, span);
                CastKind::Bits
            }
        }
    }

    /// Whether a reference to `from` may be seen as a pointer to `to`: the same type, or an array's element.
    fn same_target(&self, from: Ty, to: Ty) -> bool {
        from == to
            || matches!(self.cx.types.kind(from), TyKind::Array { elem, .. } if *elem == to)
            || self.is_text_lent(from, to)
    }

    fn bad_cast(&mut self, value: &Expr, to: Ty, span: Span) {
        let from = value.ty;
        let title = format!("{} cannot be cast to {}", self.cx.a(from), self.cx.a(to));
        let mut d = Diagnostic::error(codes::CAST, span, title);
        let whole = Expr { span, ..self.poison(span) };
        let text = self.cx.sources.text(value.span).to_string();
        let ty = self.show(to);
        let bang = |mutable: bool| if mutable && self.spelling != Spelling::Vais { "!" } else { "" };
        d = match (self.cx.types.kind(from), self.cx.types.kind(to)) {
            (TyKind::Int(_), TyKind::Bool) => {
                self.replace_fix(d, "compare it with zero", &whole, |_| format!("{text} != 0"))
            }
            (TyKind::Array { elem, .. }, TyKind::RawPtr { mutable, pointee }) if elem == pointee => {
                let fixed = format!("&{text}{} as {ty}", bang(*mutable));
                self.replace_fix(d, "borrow the array first", &whole, |_| fixed.clone())
            }
            (_, TyKind::RawPtr { mutable, pointee }) if from == *pointee => {
                let fixed = format!("&{text}{} as {ty}", bang(*mutable));
                self.replace_fix(d, "borrow it first", &whole, |_| fixed.clone())
            }
            (TyKind::Int(_), TyKind::Char) => {
                d.help("a byte is a character, `as u8 as char`; any number is checked: `as u32 as char`")
            }
            (TyKind::Struct { .. }, TyKind::Int(_)) if self.cx.enum_of(from).is_some() => {
                d.note("only an enum without payloads has a number for each of its values")
            }
            (TyKind::Str, TyKind::Int(_)) => {
                d.help("`s.asPtr() as i64` is the address of its first byte; `as` does not read numbers")
            }
            (TyKind::Ref { mutable: false, pointee: p }, TyKind::RawPtr { mutable: true, pointee: q })
                if p == q =>
            {
                d.help("borrow it mutably: `&x!`")
            }
            (TyKind::Ref { mutable, pointee }, TyKind::RawPtr { .. }) => {
                let same = format!("*{}{}", self.cx.show(*pointee), bang(*mutable));
                let fixed = format!("{text} as {same} as {ty}");
                self.replace_fix(d, "cast to a pointer of its own type first", &whole, |_| fixed.clone())
            }
            _ => d.note("`as` converts between integers, floats, pointers, and integers and pointers"),
        };
        self.error(d);
    }
}

impl Checker<'_> {
    /// A type in a sentence, with its article: "an `i64`".
    pub(super) fn a(&self, ty: Ty) -> String {
        with_article(&format!("`{}`", self.show(ty)))
    }
}

fn with_article(quoted: &str) -> String {
    let name = quoted.trim_start_matches('`');
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    let article = if vowel || name.starts_with("f32") || name.starts_with("f64") { "an" } else { "a" };
    format!("{article} {quoted}")
}

/// The expression whose value another one has: the last of a block.
pub(super) fn result_of(mut expr: &Expr) -> &Expr {
    loop {
        expr = match &expr.kind {
            ExprKind::Block(block) => match (&block.value, block.stmts.last()) {
                (Some(value), _) => value,
                (None, Some(Stmt { kind: StmtKind::Expr(last), .. })) => last,
                (None, _) => return expr,
            },
            ExprKind::Scope { value, .. } => value,
            _ => return expr,
        }
    }
}

enum Step {
    Bits,
    ArrayToSlice,
}
