//! Expressions: one method per kind, and the names they start from.

use vex_syntax::ast::{self, ExprKind as Ast, UnaryOp};
use vex_syntax::{Diagnostic, Span, Symbol};

use super::function::{Expect, FnCx, Literal};
use super::infer::VarKind;
use super::local::Binding;
use super::names::Lookup;
use super::resolve::primitive;
use super::{Value, codes, suggest};
use crate::typed::{Block, Callee, CastKind, Expr, ExprKind};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// An expression used for its value: a place is copied or moved out of.
    pub(super) fn value(&mut self, expr: &'a ast::Expr, expect: Expect) -> Expr {
        let expr = self.expr(expr, expect);
        self.consume(expr)
    }

    /// An expression converted to `ty`.
    pub(super) fn value_of(&mut self, expr: &'a ast::Expr, ty: Ty) -> Expr {
        let value = self.value(expr, Expect::Type(ty));
        self.coerce(value, ty)
    }

    /// Marks the read of a place whose type may need dropping as a move.
    pub(super) fn consume(&mut self, expr: Expr) -> Expr {
        if !self.is_place(&expr) {
            return expr;
        }
        let ty = self.shallow(expr.ty);
        let copied = match self.cx.types.kind(ty) {
            TyKind::Infer(_) => self.var_kind(ty) != Some(VarKind::General),
            _ => !self.cx.types.needs_drop(ty) && !self.may_hold_variable(ty),
        };
        if copied {
            return expr;
        }
        let span = expr.span;
        Expr { kind: ExprKind::Move(Box::new(expr)), ty, span }
    }

    fn may_hold_variable(&self, ty: Ty) -> bool {
        match self.kind(ty) {
            TyKind::Infer(_) => self.var_kind(ty) == Some(VarKind::General),
            TyKind::Array { elem, .. } => self.may_hold_variable(*elem),
            TyKind::Tuple(elems) => elems.iter().any(|&elem| self.may_hold_variable(elem)),
            _ => false,
        }
    }

    /// An expression; places stay places.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr, expect: Expect) -> Expr {
        let span = expr.span;
        let simple = |kind, ty| Expr { kind, ty, span };
        match &expr.kind {
            Ast::Int { value, suffix } => self.integer(*value, false, *suffix, span),
            Ast::Float { value, suffix } => self.float(*value, *suffix, span),
            Ast::Str(text) => simple(ExprKind::Str(text.clone()), Ty::STR),
            Ast::Bool(value) => simple(ExprKind::Bool(*value), Ty::BOOL),
            Ast::Null => match expect.ty() {
                Some(ty) if self.is_pointer(ty) => simple(ExprKind::Null, ty),
                _ => simple(ExprKind::Null, Ty::PTR),
            },
            Ast::Name(name) => self.name(*name, span),
            Ast::Builtin(name) => {
                let title = format!("`${name}` is a builtin function: it can only be called");
                self.error(Diagnostic::error(codes::NOT_CALLABLE, span, title));
                self.poison(span)
            }
            Ast::Field { base, name } => self.field(expr, base, *name),
            Ast::TupleField { base, index, index_span } => self.tuple_field(base, *index, *index_span, span),
            Ast::Index { base, index } => self.index(base, index, span),
            Ast::Call { callee, mutating, args } => self.call(callee, *mutating, args, expect, span),
            Ast::Recur(args) => self.recur(args, span),
            Ast::Generic { .. } => {
                self.cx.unsupported(span, "type arguments");
                self.poison(span)
            }
            Ast::Unary { op, value } => self.unary(*op, value, expect, span),
            Ast::Borrow { mutable, place } => self.borrow(*mutable, place, span),
            Ast::Bang(_) => {
                let title = "the `!` after this has no meaning here";
                let d = Diagnostic::error(codes::MISPLACED, span, title);
                self.error(d.note(
                    "it marks mutable borrows `&x!`, mutable pointers `*T!` and mutating calls `m!()`",
                ));
                self.poison(span)
            }
            Ast::Binary { op, left, right } => self.binary(*op, left, right, span),
            Ast::Assign { op, place, value } => self.assign(*op, place, value, span),
            Ast::Cast { value, ty } => self.explicit_cast(value, ty, span),
            Ast::Range { .. } => {
                let title = "a range is not a value; it stands in the head of a `for`";
                self.error(Diagnostic::error(codes::MISPLACED, span, title));
                self.poison(span)
            }
            Ast::Pipe { value, func } => self.pipe(value, func, expect, span),
            Ast::If { cond, then, els } => self.if_expr(cond, then, els.as_deref(), expect, span),
            Ast::Block(block) => self.block(block, expect),
            Ast::Unsafe(block) => {
                self.unsafe_depth += 1;
                let value = self.block(block, expect);
                self.unsafe_depth -= 1;
                value
            }
            Ast::While { cond, body } => self.while_loop(cond, body, span),
            Ast::Loop(body) => self.endless_loop(body, expect, span),
            Ast::For { pattern, iter, body } => self.for_loop(pattern, iter, body, span),
            Ast::Return(value) => self.return_expr(value.as_deref(), span),
            Ast::Break(value) => self.break_expr(value.as_deref(), span),
            Ast::Continue => self.continue_expr(span),
            Ast::Defer(body) => self.defer_expr(body, span),
            Ast::Tuple(elems) if elems.is_empty() => simple(ExprKind::Unit, Ty::UNIT),
            Ast::Tuple(elems) => self.tuple(elems, expect, span),
            Ast::Array(elems) => self.array(elems, expect, span),
            Ast::Repeat { value, count } => self.repeat(value, count, expect, span),
            Ast::Struct { ty, fields } => self.struct_literal(ty, fields, span),
            Ast::Error => self.poison(span),
        }
    }

    fn integer(&mut self, value: u64, negative: bool, suffix: Option<ast::Ident>, span: Span) -> Expr {
        let ty = match suffix.map(|s| (s, primitive(s.name.as_str()))) {
            None => self.fresh(VarKind::Int, span),
            Some((_, Some(ty))) if self.cx.types.as_int(ty).is_some() => ty,
            Some((_, Some(ty))) if self.cx.types.is_float(ty) => {
                let value = if negative { -(value as f64) } else { value as f64 };
                return Expr { kind: ExprKind::Float(value), ty, span };
            }
            Some((suffix, _)) => {
                let title = format!("`{}` is not a number type", suffix.name);
                let d = Diagnostic::error(codes::UNKNOWN_TYPE, suffix.span, title);
                self.error(d.note("the suffix of an integer is a type such as `u8`, `i32` or `usize`"));
                Ty::ERROR
            }
        };
        self.literals.push(Literal { value, negative, ty, span });
        let bits = if negative { value.wrapping_neg() } else { value };
        Expr { kind: ExprKind::Int(bits), ty, span }
    }

    fn float(&mut self, value: f64, suffix: Option<ast::Ident>, span: Span) -> Expr {
        let ty = match suffix.map(|s| (s, primitive(s.name.as_str()))) {
            None => self.fresh(VarKind::Float, span),
            Some((_, Some(ty))) if self.cx.types.is_float(ty) => ty,
            Some((suffix, _)) => {
                let title = format!("`{}` is not a float type", suffix.name);
                let d = Diagnostic::error(codes::UNKNOWN_TYPE, suffix.span, title);
                self.error(d.note("a number with a point can have the suffix `f32` or `f64`"));
                Ty::ERROR
            }
        };
        Expr { kind: ExprKind::Float(value), ty, span }
    }

    /// The value a name stands for, if it stands for one.
    pub(super) fn try_name(&mut self, name: Symbol, span: Span) -> Option<Expr> {
        match self.names.get(&name) {
            Some(&Binding::Local(id)) => {
                let id = self.local_at(id, span);
                let ty = self.locals[id.0 as usize].ty;
                return Some(Expr { kind: ExprKind::Local(id), ty, span });
            }
            Some(&Binding::Const(id)) => return Some(self.constant_value(id, span)),
            Some(&Binding::Global(id)) => return Some(self.global(id, span)),
            None => {}
        }
        match self.cx.lookup_value(self.module, name) {
            Lookup::Found(Value::Global(id)) => {
                if self.script_globals.as_ref().is_some_and(|set| !set.contains(&id))
                    && self.cx.globals[id.0 as usize].decl.is_none()
                {
                    let title = format!("`{name}` is used before it has a value");
                    let first = self.cx.globals[id.0 as usize].span;
                    let d = Diagnostic::error(codes::UNSET, span, title);
                    self.error(d.label(first, "it gets its first value here, later"));
                    return Some(self.poison(span));
                }
                Some(self.global(id, span))
            }
            Lookup::Found(Value::Const(id)) => Some(self.constant_value(id, span)),
            Lookup::Found(Value::Func(func)) => {
                let signature = self.cx.signature(func);
                let kind = TyKind::Fn { params: signature.params, ret: signature.ret };
                let ty = self.cx.types.intern(kind);
                Some(Expr { kind: ExprKind::Func { func, args: Vec::new() }, ty, span })
            }
            Lookup::Ambiguous(first, second) => {
                self.cx.ambiguous(ast::Ident { name, span }, first, second);
                Some(self.poison(span))
            }
            Lookup::Missing => None,
        }
    }

    fn global(&mut self, id: crate::typed::GlobalId, span: Span) -> Expr {
        let ty = self.cx.ensure_global(id);
        Expr { kind: ExprKind::Global(id), ty, span }
    }

    fn name(&mut self, name: Symbol, span: Span) -> Expr {
        if let Some(expr) = self.try_name(name, span) {
            return expr;
        }
        self.unknown_name(name, span);
        self.poison(span)
    }

    /// Reports a name that stands for nothing, with the best guess at what was meant.
    pub(super) fn unknown_name(&mut self, name: Symbol, span: Span) {
        let text = name.as_str();
        if super::builtins::exists(text, self.spelling) {
            let title = format!("`{text}` is a builtin function: it can only be called");
            return self.error(Diagnostic::error(codes::NOT_CALLABLE, span, title));
        }
        let is_type = primitive(text).is_some() || self.type_named(name).is_some();
        if is_type {
            let title = format!("`{text}` is a type, but a value is needed here");
            return self.error(Diagnostic::error(codes::UNKNOWN_NAME, span, title));
        }
        let mut d = Diagnostic::error(codes::UNKNOWN_NAME, span, format!("there is no `{text}` here"));
        if let Some(module) = super::names::library_module_of(text) {
            let import = match self.spelling {
                vex_syntax::Spelling::Vais => format!("U {module}"),
                _ => format!("import \"{module}\""),
            };
            d = d.help(format!("`{text}` is in the module `{module}`: write `{import}` at the top"));
        } else if let Some(near) = self.near_value(text) {
            d = d.fix(format!("did you mean `{near}`?"), span, near);
        }
        self.error(d);
    }

    fn near_value(&self, text: &str) -> Option<&'static str> {
        let scope = &self.cx.modules[self.module.0 as usize];
        let names = self.names.keys().chain(scope.values.keys()).chain(scope.imported_values.keys());
        let names = names.chain(scope.types.keys()).map(|s| s.as_str());
        suggest::nearest(text, names.chain(super::builtins::names(self.spelling)))
    }

    fn explicit_cast(&mut self, value: &'a ast::Expr, ty: &'a ast::TypeExpr, span: Span) -> Expr {
        let to = self.cx.resolve_type(self.module, ty);
        let value = self.value(value, Expect::Any);
        let from = self.shallow(value.ty);
        if to == Ty::ERROR || from == Ty::ERROR {
            return Expr { ty: to, ..self.poison(span) };
        }
        match (self.cx.types.kind(from), self.cx.types.kind(to)) {
            (TyKind::Str | TyKind::Slice { .. }, TyKind::Ptr | TyKind::RawPtr { .. }) => {
                let data = Expr { kind: ExprKind::DataPtr(Box::new(value)), ty: Ty::PTR, span };
                return Expr { span, ..self.cast(data, to, CastKind::Bits) };
            }
            (TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Int(_), TyKind::Fn { .. }) => {
                self.need_unsafe(span, "making a function of an address");
            }
            _ => {}
        }
        // Which conversion it is gets settled when the types are.
        Expr { span, ..self.cast(value, to, CastKind::Bits) }
    }

    fn unary(&mut self, op: UnaryOp, operand: &'a ast::Expr, expect: Expect, span: Span) -> Expr {
        match op {
            UnaryOp::Neg => {
                if let Ast::Int { value, suffix } = operand.kind {
                    return self.integer(value, true, suffix, span);
                }
                let value = self.value(operand, expect);
                let value = self.scalar(value);
                if self.is_integer(value.ty) || self.is_float(value.ty) {
                    let ty = value.ty;
                    return Expr { kind: ExprKind::Neg(Box::new(value)), ty, span };
                }
                self.bad_unary("-", value, span)
            }
            UnaryOp::Not => self.not(operand, span),
            UnaryOp::BitNot => {
                let value = self.value(operand, expect);
                let value = self.scalar(value);
                self.bit_not(value, "~", span)
            }
            UnaryOp::Deref => self.deref(operand, span),
        }
    }

    fn bit_not(&mut self, value: Expr, op: &str, span: Span) -> Expr {
        if self.is_integer(value.ty) {
            let ty = value.ty;
            return Expr { kind: ExprKind::BitNot(Box::new(value)), ty, span };
        }
        self.bad_unary(op, value, span)
    }

    fn not(&mut self, operand: &'a ast::Expr, span: Span) -> Expr {
        let value = self.value(operand, Expect::Any);
        let value = self.scalar(value);
        if self.shallow(value.ty) == Ty::BOOL {
            return Expr { kind: ExprKind::Not(Box::new(value)), ty: Ty::BOOL, span };
        }
        if self.is_integer(value.ty) && self.spelling == vex_syntax::Spelling::Vais {
            let test = self.non_zero(value);
            return Expr { kind: ExprKind::Not(Box::new(test)), ty: Ty::BOOL, span };
        }
        self.bit_not(value, "!", span)
    }

    fn bad_unary(&mut self, op: &str, value: Expr, span: Span) -> Expr {
        if self.shallow(value.ty) != Ty::ERROR {
            let shown = self.show(value.ty);
            let title = format!("`{op}` does not apply to a `{shown}`");
            self.error(Diagnostic::error(codes::OPERATOR, span, title));
        }
        self.poison(span)
    }

    /// `value != 0`.
    pub(super) fn non_zero(&mut self, value: Expr) -> Expr {
        let (span, ty) = (value.span, value.ty);
        let zero = Expr { kind: ExprKind::Int(0), ty, span };
        let (left, right) = (Box::new(value), Box::new(zero));
        Expr { kind: ExprKind::Binary { op: ast::BinaryOp::Ne, left, right }, ty: Ty::BOOL, span }
    }

    /// A condition: a boolean, or in `.vais` also an integer.
    pub(super) fn condition(&mut self, expr: &'a ast::Expr) -> Expr {
        self.with_temps(|fx| {
            let value = fx.value(expr, Expect::Type(Ty::BOOL));
            let value = fx.scalar(value);
            if fx.spelling == vex_syntax::Spelling::Vais && fx.is_integer(value.ty) {
                return fx.non_zero(value);
            }
            fx.coerce(value, Ty::BOOL)
        })
    }

    /// Runs `make` and wraps what it gives in the scope of the temporaries it needed.
    pub(super) fn with_temps(&mut self, make: impl FnOnce(&mut Self) -> Expr) -> Expr {
        let outer = std::mem::take(&mut self.temps);
        let value = make(self);
        let temps = std::mem::replace(&mut self.temps, outer);
        if temps.is_empty() {
            return value;
        }
        let (ty, span) = (value.ty, value.span);
        Expr { kind: ExprKind::Scope { temps, value: Box::new(value) }, ty, span }
    }

    /// Makes a place of a value.
    pub(super) fn temporary(&mut self, value: Expr) -> Expr {
        let (ty, span) = (value.ty, value.span);
        let local = self.hidden(span, ty);
        self.locals[local.0 as usize].flagged = true;
        self.temps.push(local);
        Expr { kind: ExprKind::Temp { local, init: Box::new(value) }, ty, span }
    }

    fn if_expr(
        &mut self,
        cond: &'a ast::Expr,
        then: &'a ast::Block,
        els: Option<&'a ast::Expr>,
        expect: Expect,
        span: Span,
    ) -> Expr {
        let cond = Box::new(self.condition(cond));
        let straight = std::mem::replace(&mut self.straight, false);
        let result = match els {
            None => {
                let then = self.block(then, Expect::Effect);
                let then = Box::new(self.discard(then));
                Expr { kind: ExprKind::If { cond, then, els: None }, ty: Ty::UNIT, span }
            }
            Some(els) => {
                let then = self.block(then, expect);
                let els = self.value(els, expect);
                let (then, els, ty) = self.join(then, els, expect);
                Expr { kind: ExprKind::If { cond, then: Box::new(then), els: Some(Box::new(els)) }, ty, span }
            }
        };
        self.straight = straight;
        result
    }

    /// Gives the two branches one type.
    fn join(&mut self, then: Expr, els: Expr, expect: Expect) -> (Expr, Expr, Ty) {
        if expect == Expect::Effect {
            let (then, els) = (self.discard(then), self.discard(els));
            let both = then.ty == Ty::NEVER && els.ty == Ty::NEVER;
            return (then, els, if both { Ty::NEVER } else { Ty::UNIT });
        }
        if let Some(ty) = expect.ty() {
            let (a, b) = (self.shallow(then.ty), self.shallow(els.ty));
            if a == Ty::NEVER && b == Ty::NEVER {
                return (then, els, Ty::NEVER);
            }
            // Two unit branches where a value is wanted: one report at the end, not one a branch.
            if a == Ty::UNIT && b == Ty::UNIT {
                return (then, els, Ty::UNIT);
            }
            return (self.coerce(then, ty), self.coerce(els, ty), ty);
        }
        if self.shallow(then.ty) == Ty::NEVER {
            let ty = els.ty;
            return (self.coerce(then, ty), els, ty);
        }
        let ty = then.ty;
        match self.try_coerce(els, ty) {
            Ok(els) => (then, els, ty),
            Err(els) => match self.try_coerce(then, els.ty) {
                Ok(then) => {
                    let ty = els.ty;
                    (then, els, ty)
                }
                Err(then) => {
                    let (a, b) = (self.show(then.ty), self.show(els.ty));
                    let title = format!("the branches have different types: `{a}` and `{b}`");
                    let d = Diagnostic::error(codes::MISMATCH, els.span, title).at(format!("a `{b}`"));
                    self.error(d.label(then.span, format!("a `{a}`")));
                    (then, els, Ty::ERROR)
                }
            },
        }
    }

    /// Evaluates for the effect only.
    pub(super) fn discard(&mut self, expr: Expr) -> Expr {
        let ty = self.shallow(expr.ty);
        if ty == Ty::UNIT || ty == Ty::NEVER || ty == Ty::ERROR {
            return expr;
        }
        let span = expr.span;
        let stmt = crate::typed::Stmt { kind: crate::typed::StmtKind::Expr(expr), span };
        Expr { kind: ExprKind::Block(Block { stmts: vec![stmt], value: None }), ty: Ty::UNIT, span }
    }

    fn tuple(&mut self, elems: &'a [ast::Expr], expect: Expect, span: Span) -> Expr {
        let hints = match expect.ty().map(|ty| self.kind(ty).clone()) {
            Some(TyKind::Tuple(hints)) if hints.len() == elems.len() => Some(hints),
            _ => None,
        };
        let mut values = Vec::new();
        for (index, elem) in elems.iter().enumerate() {
            values.push(match &hints {
                Some(hints) => self.value_of(elem, hints[index]),
                None => self.value(elem, Expect::Any),
            });
        }
        let ty = self.cx.types.intern(TyKind::Tuple(values.iter().map(|value| value.ty).collect()));
        Expr { kind: ExprKind::Tuple(values), ty, span }
    }

    /// The element type that the surroundings want of an array.
    fn element_hint(&mut self, expect: Expect) -> Option<Ty> {
        match expect.ty().map(|ty| self.kind(ty).clone()) {
            Some(TyKind::Array { elem, .. } | TyKind::Slice { elem, .. }) => Some(elem),
            _ => None,
        }
    }

    fn array(&mut self, elems: &'a [ast::Expr], expect: Expect, span: Span) -> Expr {
        let hint = self.element_hint(expect);
        let mut values: Vec<Expr> = Vec::with_capacity(elems.len());
        let mut elem_ty = hint;
        for elem in elems {
            let value = match elem_ty {
                Some(ty) => self.value_of(elem, ty),
                None => self.value(elem, Expect::Any),
            };
            elem_ty.get_or_insert(value.ty);
            values.push(value);
        }
        let elem = elem_ty.unwrap_or_else(|| self.fresh(VarKind::General, span));
        let ty = self.cx.types.intern(TyKind::Array { elem, len: elems.len() as u64 });
        Expr { kind: ExprKind::Array(values), ty, span }
    }

    fn repeat(&mut self, value: &'a ast::Expr, count: &'a ast::Expr, expect: Expect, span: Span) -> Expr {
        let value = match self.element_hint(expect) {
            Some(ty) => self.value_of(value, ty),
            None => self.value(value, Expect::Any),
        };
        let Some(len) = self.cx.constant_int_in(self.module, count, Ty::USIZE, &self.names) else {
            return self.poison(span);
        };
        let elem = value.ty;
        let ty = self.cx.types.intern(TyKind::Array { elem, len });
        if self.cx.types.layout(ty).size > 1 << 40 {
            let title = "this array is larger than 1 TiB";
            self.error(Diagnostic::error(codes::CONSTANT_FAILS, span, title));
            return self.poison(span);
        }
        if len > 1 && self.cx.types.needs_drop(self.shallow(elem)) {
            let shown = self.show(elem);
            let title = format!("a `{shown}` needs dropping, so it cannot be repeated");
            let d = Diagnostic::error(codes::MOVE_OUT, value.span, title);
            self.error(d.help("write the elements out, so that each has an owner of its own"));
        }
        Expr { kind: ExprKind::Repeat(Box::new(value)), ty, span }
    }

    fn struct_literal(&mut self, ty: &'a ast::TypeExpr, fields: &'a [ast::FieldInit], span: Span) -> Expr {
        let ty_span = ty.span;
        let ty = self.cx.resolve_type(self.module, ty);
        let TyKind::Struct { def, .. } = *self.cx.types.kind(ty) else {
            if ty != Ty::ERROR {
                let title = format!("`{}` is not a structure", self.cx.show(ty));
                self.error(Diagnostic::error(codes::UNKNOWN_TYPE, ty_span, title));
            }
            for field in fields {
                self.value(&field.value, Expect::Any);
            }
            return self.poison(span);
        };
        self.cx.ensure_struct(def);
        let declared = self.cx.types.structs[def.0 as usize].fields.clone();
        let mut values: Vec<(u32, Expr)> = Vec::new();
        for field in fields {
            let Some(index) = declared.iter().position(|f| f.name == field.name.name) else {
                self.unknown_field(ty, field.name, codes::STRUCT_FIELDS);
                self.value(&field.value, Expect::Any);
                continue;
            };
            let value = self.value_of(&field.value, declared[index].ty);
            if values.iter().any(|(i, _)| *i == index as u32) {
                let title = format!("the field `{}` is given twice", field.name.name);
                self.error(Diagnostic::error(codes::STRUCT_FIELDS, field.name.span, title));
                continue;
            }
            values.push((index as u32, value));
        }
        let missing: Vec<String> = declared
            .iter()
            .enumerate()
            .filter(|(index, _)| !values.iter().any(|(i, _)| *i == *index as u32))
            .map(|(_, field)| format!("`{}`", field.name))
            .collect();
        if !missing.is_empty() {
            let title = format!("the literal of `{}` lacks {}", self.cx.show(ty), missing.join(", "));
            let first = self.cx.types.structs[def.0 as usize].span;
            let d = Diagnostic::error(codes::STRUCT_FIELDS, ty_span, title);
            self.error(d.label(first, "declared here").help("a literal gives every field a value"));
        }
        Expr { kind: ExprKind::Struct(values), ty, span }
    }

    fn pipe(&mut self, value: &'a ast::Expr, func: &'a ast::Expr, expect: Expect, span: Span) -> Expr {
        self.call(func, false, std::slice::from_ref(value), expect, span)
    }

    fn recur(&mut self, args: &'a [ast::Expr], span: Span) -> Expr {
        match self.func {
            Some(func) if self.script_globals.is_none() => {
                let signature = self.cx.signature(func);
                let has_self = signature.has_self;
                let receiver = if has_self { self.try_name(Symbol::new("self"), span) } else { None };
                let receiver = receiver.map(|e| self.consume(e));
                self.call_function(Callee::Func { func, args: Vec::new() }, &signature, receiver, args, span)
            }
            _ => {
                let title = "`@(…)` calls the function it stands in, and there is none";
                self.error(Diagnostic::error(codes::OUTSIDE_LOOP, span, title));
                self.poison(span)
            }
        }
    }
}
