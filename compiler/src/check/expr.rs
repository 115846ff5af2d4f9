//! Expressions: one method per kind, and the names they start from.

use vex_syntax::ast::{self, ExprKind as Ast};
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::arguments::Given;
use super::function::{Expect, FnCx, Literal};
use super::generics::Need;
use super::infer::VarKind;
use super::lets::has_let;
use super::local::Binding;
use super::names::{Lookup, import_words, known_elsewhere, library_module_of};
use super::resolve::primitive;
use super::{GlobalKind, Value, codes, suggest};
use crate::typed::{Callee, Expr, ExprKind};
use crate::types::{FuncId, Ty, TyKind};

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
        let ty = self.known(expr.ty);
        let copied = match self.cx.types.kind(ty) {
            TyKind::Infer(_) => self.var_kind(ty) != Some(VarKind::General),
            _ => !self.cx.types.needs_drop(ty) && !self.cx.types.has_infer(ty),
        };
        if copied {
            return expr;
        }
        let span = expr.span;
        Expr { kind: ExprKind::Move(Box::new(expr)), ty, span }
    }

    /// Whether values of a type have an owner that drops them, as far as is known.
    pub(super) fn is_owned(&mut self, ty: Ty) -> bool {
        let ty = self.known(ty);
        self.cx.types.needs_drop(ty)
    }

    /// Whether they may turn out to have one.
    pub(super) fn may_be_owned(&mut self, ty: Ty) -> bool {
        let ty = self.known(ty);
        let literal = matches!(self.var_kind(ty), Some(VarKind::Int | VarKind::Float));
        self.cx.types.needs_drop(ty) || (self.cx.types.has_infer(ty) && !literal)
    }

    /// An expression; places stay places.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr, expect: Expect) -> Expr {
        let mut value = self.kind_of_expr(expr, expect);
        value.ty = self.cx.checked_size(value.ty, expr.span);
        value
    }

    fn kind_of_expr(&mut self, expr: &'a ast::Expr, expect: Expect) -> Expr {
        let span = expr.span;
        let simple = |kind, ty| Expr { kind, ty, span };
        match &expr.kind {
            Ast::Int { value, suffix } => self.integer(*value, false, *suffix, expect, span),
            Ast::Float { value, suffix } => self.float(*value, *suffix, span),
            Ast::Str(text) => simple(ExprKind::Str(text.clone()), Ty::STR),
            Ast::Bool(value) => simple(ExprKind::Bool(*value), Ty::BOOL),
            Ast::Null => match expect.ty() {
                Some(ty) if self.is_pointer(ty) => simple(ExprKind::Null, ty),
                _ => simple(ExprKind::Null, Ty::PTR),
            },
            Ast::Char(value) => simple(ExprKind::Int(u64::from(u32::from(*value))), Ty::CHAR),
            Ast::Name(name) => match self.variant_value(expr, expect) {
                Some(value) => value,
                None => self.name(*name, span),
            },
            Ast::Builtin(_) | Ast::Bang(_) | Ast::Range { .. } => self.no_value(expr),
            Ast::Field { base, name } => match self.variant_value(expr, expect) {
                Some(value) => value,
                None => self.field(expr, base, *name),
            },
            Ast::TupleField { base, index, index_span } => self.tuple_field(base, *index, *index_span, span),
            Ast::Index { base, index } => self.index(base, index, span),
            Ast::Call { callee, mutating, args } => match self.variant_call(callee, args, expect, span) {
                Some(value) => value,
                None => self.call(callee, *mutating, args, span),
            },
            Ast::Recur(args) => self.recur(args, span),
            Ast::Generic { base, args } => self.generic_value(base, args, span),
            Ast::Unary { op, value } => self.unary(*op, value, expect, span),
            Ast::Borrow { mutable, place } => self.borrow(*mutable, place, span),
            Ast::Binary { op, left, right } => self.binary(*op, left, right, span),
            Ast::Assign { op, place, value } => self.assign(*op, place, value, span),
            Ast::Cast { value, ty } => self.explicit_cast(value, ty, span),
            Ast::Pipe { value, func } => self.call(func, false, std::slice::from_ref(value), span),
            Ast::If { cond, then, els } if has_let(cond) => {
                self.if_let(cond, then, els.as_deref(), expect, span)
            }
            Ast::If { cond, then, els } => self.if_expr(cond, then, els.as_deref(), expect, span),
            // In parentheses it is more than its braces.
            Ast::Block(block) => Expr { span, ..self.block(block, expect) },
            Ast::Unsafe(block) => {
                self.unsafe_depth += 1;
                let value = self.block(block, expect);
                self.unsafe_depth -= 1;
                Expr { span, ..value }
            }
            Ast::While { cond, body } if has_let(cond) => self.while_let(cond, body, span),
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
            Ast::Struct { ty, fields } => match self.variant_literal(ty, fields, expect, span) {
                Some(value) => value,
                None => self.struct_literal(ty, fields, span),
            },
            Ast::Match { value, arms } => self.match_expr(value, arms, expect, span),
            Ast::Let { .. } => self.misplaced_let(span),
            Ast::Try(value) => self.try_expr(value, span),
            Ast::Closure(closure) => self.closure(closure, expect, span),
            Ast::Error => self.poison(span),
        }
    }

    /// Reports a form that stands for no value by itself.
    fn no_value(&mut self, expr: &ast::Expr) -> Expr {
        let d = match &expr.kind {
            Ast::Builtin(name) => {
                let title = format!("`${name}` is a builtin function: it can only be called");
                Diagnostic::error(codes::NOT_CALLABLE, expr.span, title)
            }
            Ast::Range { .. } => {
                let title = "a range is not a value; it stands in the head of a `for`";
                Diagnostic::error(codes::MISPLACED, expr.span, title)
            }
            _ => {
                let title = "the `!` after this has no meaning here";
                let d = Diagnostic::error(codes::MISPLACED, expr.span, title);
                d.note("it marks mutable borrows `&x!`, mutable pointers `*T!` and mutating calls `m!()`")
            }
        };
        self.error(d);
        self.poison(expr.span)
    }

    pub(super) fn integer(
        &mut self,
        value: u64,
        negative: bool,
        suffix: Option<ast::Ident>,
        expect: Expect,
        span: Span,
    ) -> Expr {
        let float = |ty| {
            let value = if negative { -(value as f64) } else { value as f64 };
            Expr { kind: ExprKind::Float(value), ty, span }
        };
        // The lexer lets only the names of number types pass.
        let ty = match suffix.and_then(|s| primitive(s.name.as_str())) {
            None => match expect.ty() {
                Some(ty) if self.is_float(ty) => return float(ty),
                Some(ty) if value == 0 && self.is_pointer(ty) => {
                    return Expr { kind: ExprKind::Null, ty, span };
                }
                _ => self.fresh(VarKind::Int, span),
            },
            Some(ty) if self.cx.types.is_float(ty) => return float(ty),
            Some(ty) => ty,
        };
        self.literals.push(Literal { value, negative, ty, span });
        let bits = if negative { value.wrapping_neg() } else { value };
        Expr { kind: ExprKind::Int(bits), ty, span }
    }

    fn float(&mut self, value: f64, suffix: Option<ast::Ident>, span: Span) -> Expr {
        let ty = suffix.and_then(|s| primitive(s.name.as_str()));
        let ty = ty.unwrap_or_else(|| self.fresh(VarKind::Float, span));
        Expr { kind: ExprKind::Float(value), ty, span }
    }

    /// The value a name stands for, if it stands for one.
    pub(super) fn try_name(&mut self, name: Symbol, span: Span) -> Option<Expr> {
        match self.names.get(&name) {
            Some(&Binding::Local(id, level)) if level != self.level() => {
                return Some(self.outer_variable(level, id, span));
            }
            Some(&Binding::Local(id, _)) => {
                let id = self.local_at(id, span);
                let ty = self.locals[id.0 as usize].ty;
                return Some(Expr { kind: ExprKind::Local(id), ty, span });
            }
            Some(&Binding::Const(id)) => return Some(self.constant_value(id, span)),
            Some(&Binding::Global(id)) => return Some(self.global(id, span)),
            None if self.variables.contains(&name) => return Some(self.not_constant(name, span)),
            None => {}
        }
        match self.cx.lookup_value(self.module, name) {
            Lookup::Found(Value::Global(id))
                if self.script_globals.as_ref().is_some_and(|set| !set.contains(&id))
                    && id.0 as usize >= self.cx.counts().globals
                    && self.cx.globals[id.0 as usize].kind == GlobalKind::Script =>
            {
                let before = self.cx.session.as_ref().and_then(|base| base.before.get(&name).copied());
                if let Some(before) = before {
                    return Some(self.module_value(before, span));
                }
                let title = format!("`{name}` is used before it has a value");
                let first = self.cx.globals[id.0 as usize].span;
                let d = Diagnostic::error(codes::UNSET, span, title);
                self.error(d.label(first, "it gets its value here, later"));
                Some(self.poison(span))
            }
            Lookup::Found(value) => Some(self.module_value(value, span)),
            Lookup::Ambiguous(first, second) => {
                self.cx.ambiguous(self.module, ast::Ident { name, span }, first, second);
                Some(self.poison(span))
            }
            Lookup::Missing => None,
        }
    }

    /// What is declared at the top level of a module, as a value.
    pub(super) fn module_value(&mut self, value: Value, span: Span) -> Expr {
        match value {
            Value::Global(id) => self.global(id, span),
            Value::Const(id) => self.constant_value(id, span),
            Value::Func(func) => self.function_value(func, span),
        }
    }

    /// The address of a function.
    pub(super) fn function_value(&mut self, func: FuncId, span: Span) -> Expr {
        self.function_value_of(func, Given::default(), span)
    }

    /// `f<A>` where nothing is called.
    fn generic_value(&mut self, base: &'a ast::Expr, types: &'a [ast::TypeExpr], span: Span) -> Expr {
        let types: Vec<Ty> = types.iter().map(|ty| self.resolve_type(ty)).collect();
        if let Ast::Name(name) = &base.kind
            && !self.names.contains_key(name)
            && let Lookup::Found(Value::Func(func)) = self.cx.lookup_value(self.module, *name)
        {
            return self.function_value_of(func, Given { types, ..Given::default() }, span);
        }
        let value = self.expr(base, Expect::Any);
        if self.shallow(value.ty) != Ty::ERROR {
            let title = "only functions and types take type arguments";
            self.error(Diagnostic::error(codes::TYPE_ARGUMENTS, span, title));
        }
        self.poison(span)
    }

    pub(super) fn function_value_of(&mut self, func: FuncId, given: Given, span: Span) -> Expr {
        let (args, signature) = self.instantiate(func, given, span);
        // What its parameters of function type take is a function where nothing says which.
        for bound in self.cx.bounds(func).iter() {
            let callable = self.cx.funcs[func.0 as usize].callables.iter().any(|(_, ty)| *ty == bound.ty);
            if let (true, Need::Call(params, ret)) = (callable, self.put(&bound.what, &args)) {
                let (slot, function) = (self.cx.types.subst(bound.ty, &args), TyKind::Fn { params, ret });
                let function = self.cx.types.intern(function);
                self.unify(slot, function);
            }
        }
        self.oblige(func, &args, span);
        if signature.ret == Ty::ERROR || signature.params.contains(&Ty::ERROR) {
            return self.poison(span);
        }
        let kind = TyKind::Fn { params: signature.params.clone(), ret: signature.ret };
        let ty = self.cx.types.intern(kind);
        Expr { kind: ExprKind::Func { func, args }, ty, span }
    }

    fn global(&mut self, id: crate::typed::GlobalId, span: Span) -> Expr {
        if self.func.is_none() && self.cx.globals[id.0 as usize].kind == GlobalKind::Script {
            let name = self.cx.globals[id.0 as usize].name;
            return self.not_constant(name, span);
        }
        let ty = self.cx.ensure_global(id);
        Expr { kind: ExprKind::Global(id), ty, span }
    }

    /// Reports a variable in an expression that the compiler is to compute.
    fn not_constant(&mut self, name: Symbol, span: Span) -> Expr {
        let title = format!("`{name}` is a variable, but a constant is needed here");
        let d = Diagnostic::error(codes::NOT_CONSTANT, span, title);
        let word = if self.spelling == Spelling::Vais { "C" } else { "const" };
        self.error(d.help(format!("declare it as a constant: `{word} {name} = …`")));
        self.poison(span)
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
        if text == "_" {
            let d = Diagnostic::error(codes::UNKNOWN_NAME, span, "`_` is not a value");
            return self.error(d.help(match self.cx.session {
                Some(_) => "in a session `_` is the last value that was shown, and none was",
                None => "`_` throws a value away; give the value a name where it is bound, and use that",
            }));
        }
        if super::builtins::exists(text, self.spelling) {
            let title = format!("`{text}` is a builtin function: it can only be called");
            return self.error(Diagnostic::error(codes::NOT_CALLABLE, span, title));
        }
        let ty = primitive(text).or_else(|| self.type_named(name, span));
        if ty == Some(Ty::ERROR) {
            return;
        }
        if ty.is_some() {
            let title = format!("`{text}` is a type, but a value is needed here");
            return self.error(Diagnostic::error(codes::UNKNOWN_NAME, span, title));
        }
        if self.cx.alias(self.module, name).is_some() {
            let title = format!("`{text}` is a module, but a value is needed here");
            let d = Diagnostic::error(codes::UNKNOWN_NAME, span, title);
            return self.error(d.help(format!("name something in it: `{text}.…`")));
        }
        let mut d = Diagnostic::error(codes::UNKNOWN_NAME, span, format!("there is no `{text}` here"));
        if let Some(known) = known_elsewhere(text, self.spelling) {
            d = d.fix(format!("it is called `{known}` here"), span, known);
        } else if let Some(module) = library_module_of(text) {
            let import = import_words(module, self.spelling);
            d = d.help(format!("`{text}` is in the module `{module}`: write `{import}` at the top"));
        } else if let Some(path) = self.imported_whole(text) {
            let (import, quote) = if self.spelling == Spelling::Vais { ("U", "") } else { ("import", "\"") };
            let named = format!("{import} {quote}{path}{quote} as {text}");
            d = d.help(format!(
                "the names of `{path}` are used as they are; with `{named}` they follow `{text}.`"
            ));
        } else if text == "self" {
            d = d.note("`self` is the receiver of a method; this function has none");
        } else if let Some(near) = self.near_value(text) {
            d = d.fix(format!("did you mean `{near}`?"), span, near);
        }
        self.error(d);
    }

    /// The module with this last part in its name, imported without a name of its own.
    fn imported_whole(&self, text: &str) -> Option<&'a str> {
        let module = self.cx.loaded.module(self.module);
        module.unit.top.iter().find_map(|top| match top {
            ast::Top::Item(ast::Item { kind: ast::ItemKind::Import(import), .. }) => {
                let whole = import.alias.is_none() && import.names.is_none();
                let path = import.path.as_str();
                (whole && path.rsplit(['/', ':']).next() == Some(text)).then_some(path)
            }
            _ => None,
        })
    }

    fn near_value(&self, text: &str) -> Option<&'static str> {
        let scope = &self.cx.modules[self.module.0 as usize];
        let names = self.names.keys().chain(scope.values.keys()).chain(scope.imported_values.keys());
        let names = names.chain(scope.types.keys()).map(|s| s.as_str());
        suggest::nearest(text, names.chain(super::builtins::names(self.spelling)))
    }

    fn recur(&mut self, args: &'a [ast::Expr], span: Span) -> Expr {
        match self.func {
            Some(func) if self.script_globals.is_none() && self.level() == 0 => {
                let signature = self.cx.signature(func);
                let has_self = signature.has_self;
                let receiver = if has_self { self.try_name(Symbol::new("self"), span) } else { None };
                let receiver = receiver.map(|e| self.consume(e));
                let own = self.generics.types();
                self.call_function(Callee::Func { func, args: own }, &signature, receiver, args, span)
            }
            _ => {
                let title = "`@(…)` calls the function it stands in, and there is none";
                self.error(Diagnostic::error(codes::OUTSIDE_LOOP, span, title));
                self.poison(span)
            }
        }
    }
}
