//! Calls: which function is meant, and its arguments.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::function::{Expect, FnCx};
use super::names::Lookup;
use super::resolve::primitive;
use super::{Value, codes, suggest};
use crate::loader::ModuleId;
use crate::typed::Expr;
use crate::types::{FuncId, Ty, TyKind};

/// What stands left of a dot when it is no value.
pub(super) enum Scope {
    /// A module, and the name it is imported under.
    Module(ModuleId, Symbol),
    /// A type, the module its name is looked up in, and that name.
    Type(Ty, ModuleId, Symbol),
}

impl<'a> FnCx<'_, 'a> {
    pub(super) fn call(
        &mut self,
        callee: &'a ast::Expr,
        mutating: bool,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        match &callee.kind {
            ast::ExprKind::Field { base, name } => self.call_member(base, *name, mutating, args, span),
            _ if mutating => {
                self.needless_mark(callee.span);
                self.call(callee, false, args, span)
            }
            ast::ExprKind::Builtin(name) => match self.builtin_call(*name, args, callee.span, span) {
                Some(value) => value,
                None => self.unknown_builtin(*name, callee.span, args),
            },
            ast::ExprKind::Name(name) => self.call_name(*name, callee, args, span),
            ast::ExprKind::Generic { base, args: types } => match &base.kind {
                ast::ExprKind::Name(name) | ast::ExprKind::Builtin(name)
                    if args.is_empty() && types.len() == 1 =>
                {
                    let ty = self.resolve_type(&types[0]);
                    match self.type_query(*name, ty, span) {
                        Some(value) => value,
                        None => self.unsupported_generic(base, args, callee.span),
                    }
                }
                _ => self.unsupported_generic(base, args, callee.span),
            },
            _ => {
                let function = self.value(callee, Expect::Any);
                self.call_pointer(function, args, span)
            }
        }
    }

    pub(super) fn unsupported_generic(
        &mut self,
        base: &'a ast::Expr,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        self.check_all(args);
        if !self.is_declared_generic(base) {
            self.cx.unsupported(span, "type arguments");
        }
        self.poison(span)
    }

    /// Whether the expression starts with the name of a generic declaration, which has been reported.
    fn is_declared_generic(&self, base: &ast::Expr) -> bool {
        match &base.kind {
            ast::ExprKind::Name(name) => {
                matches!(self.cx.lookup_type(self.module, *name), Lookup::Found(id) if self.cx.is_generic(id))
                    || matches!(self.cx.lookup_value(self.module, *name), Lookup::Found(Value::Func(func))
                        if !self.cx.funcs[func.0 as usize].decl.generics.is_empty())
            }
            ast::ExprKind::Field { base, .. } | ast::ExprKind::Generic { base, .. } => {
                self.is_declared_generic(base)
            }
            _ => false,
        }
    }

    fn unknown_builtin(&mut self, name: Symbol, at: Span, args: &'a [ast::Expr]) -> Expr {
        let title = format!("there is no builtin `{name}`");
        let mut d = Diagnostic::error(codes::UNKNOWN_NAME, at, title);
        if let Some(near) = suggest::nearest(name.as_str(), super::builtins::names(self.spelling)) {
            d = d.help(format!("did you mean `${near}`?"));
        }
        self.error(d);
        self.check_all(args);
        self.poison(at)
    }

    /// Checks arguments that belong to no known function, for the errors in them.
    pub(super) fn check_all(&mut self, args: &'a [ast::Expr]) {
        for arg in args {
            self.value(arg, Expect::Any);
        }
    }

    fn call_name(&mut self, name: Symbol, callee: &'a ast::Expr, args: &'a [ast::Expr], span: Span) -> Expr {
        if self.names.contains_key(&name) {
            let function = self.value(callee, Expect::Any);
            return self.call_pointer(function, args, span);
        }
        match self.cx.lookup_value(self.module, name) {
            Lookup::Found(Value::Func(func)) => return self.call_func(func, None, args, callee.span, span),
            Lookup::Found(_) => {
                let function = self.value(callee, Expect::Any);
                return self.call_pointer(function, args, span);
            }
            Lookup::Ambiguous(first, second) => {
                self.cx.ambiguous(self.module, ast::Ident { name, span: callee.span }, first, second);
                self.check_all(args);
                return self.poison(span);
            }
            Lookup::Missing => {}
        }
        if let Some(ty) = self.type_named(name, callee.span) {
            if ty == Ty::ERROR {
                self.check_all(args);
                return self.poison(span);
            }
            return match self.cx.methods.get(&(ty, Symbol::new("new"))).copied() {
                Some(func) => self.call_func(func, None, args, callee.span, span),
                None => self.no_constructor(ty, callee.span, args),
            };
        }
        if let Some(value) = self.builtin_call(name, args, callee.span, span) {
            return value;
        }
        self.unknown_name(name, callee.span);
        self.check_all(args);
        self.poison(span)
    }

    fn no_constructor(&mut self, ty: Ty, at: Span, args: &'a [ast::Expr]) -> Expr {
        let shown = self.show(ty);
        let title = format!("`{shown}` has no constructor");
        let d = Diagnostic::error(codes::UNKNOWN_METHOD, at, title);
        self.error(d.help(format!("write a literal `{shown} {{ … }}`, or declare `fn {shown}(…): {shown}`")));
        self.check_all(args);
        self.poison(at)
    }

    /// The structure of this name, as seen from this module.
    pub(super) fn type_named(&mut self, name: Symbol, span: Span) -> Option<Ty> {
        match self.cx.lookup_type(self.module, name) {
            Lookup::Found(id) if self.cx.is_generic(id) => Some(Ty::ERROR),
            Lookup::Found(id) => Some(self.cx.types.intern(TyKind::Struct { def: id, args: Vec::new() })),
            Lookup::Ambiguous(first, second) => {
                self.cx.ambiguous(self.module, ast::Ident { name, span }, first, second);
                Some(Ty::ERROR)
            }
            Lookup::Missing => None,
        }
    }

    /// What stands left of a dot when it is a module or a type rather than a value.
    pub(super) fn scope_of(&mut self, base: &ast::Expr) -> Option<Scope> {
        match &base.kind {
            ast::ExprKind::Name(word) if !self.names.contains_key(word) => {
                if let Some(from) = self.cx.alias(self.module, *word) {
                    return Some(Scope::Module(from, *word));
                }
                let value = self.cx.lookup_value(self.module, *word);
                if matches!(value, Lookup::Found(Value::Const(_) | Value::Global(_))) {
                    return None;
                }
                let ty = self.type_named(*word, base.span).or_else(|| primitive(word.as_str()))?;
                Some(Scope::Type(ty, self.module, *word))
            }
            ast::ExprKind::Field { base, name } => match self.scope_of(base)? {
                Scope::Module(from, _) => {
                    let id = *self.cx.modules[from.0 as usize].types.get(&name.name)?;
                    let ty = self.cx.types.intern(TyKind::Struct { def: id, args: Vec::new() });
                    Some(Scope::Type(ty, from, name.name))
                }
                Scope::Type(..) => None,
            },
            _ => None,
        }
    }

    /// `base.name(…)`: a function of a module, a static function of a type, or a method.
    fn call_member(
        &mut self,
        base: &'a ast::Expr,
        name: ast::Ident,
        mutating: bool,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        match self.scope_of(base) {
            None => self.call_method(base, name, mutating, args, span),
            Some(scope) => {
                if mutating {
                    self.needless_mark(name.span);
                }
                match scope {
                    Scope::Module(from, alias) => self.call_in_module(from, alias, name, args, span),
                    Scope::Type(ty, from, word) => self.call_static(ty, from, word, name, args, span),
                }
            }
        }
    }

    /// Reports the mark of a mutating call where nothing is mutated.
    fn needless_mark(&mut self, name: Span) {
        let title = "only a method that changes its receiver is called with `!`";
        let mark = Span::new(name.hi, name.hi + 1);
        let d = Diagnostic::error(codes::MISPLACED, name, title);
        let d = if self.cx.sources.text(mark) == "!" { d.fix("leave it out", mark, "") } else { d };
        self.error(d);
    }

    fn call_in_module(
        &mut self,
        from: ModuleId,
        alias: Symbol,
        name: ast::Ident,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        match self.cx.modules[from.0 as usize].values.get(&name.name).copied() {
            Some(Value::Func(func)) => return self.call_func(func, None, args, name.span, span),
            Some(value) => {
                let function = self.module_value(value, span);
                return self.call_pointer(function, args, span);
            }
            None => {
                if let Some(&id) = self.cx.modules[from.0 as usize].types.get(&name.name) {
                    let ty = self.cx.types.intern(TyKind::Struct { def: id, args: Vec::new() });
                    if let Some(&func) = self.cx.methods.get(&(ty, Symbol::new("new"))) {
                        return self.call_func(func, None, args, name.span, span);
                    }
                    return self.no_constructor(ty, name.span, args);
                }
                self.cx.not_in_module(from, alias.as_str(), name);
            }
        }
        self.check_all(args);
        self.poison(span)
    }

    fn call_static(
        &mut self,
        ty: Ty,
        from: ModuleId,
        word: Symbol,
        name: ast::Ident,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        if let Some(func) = self.static_function(ty, from, word, name.name) {
            return self.call_func(func, None, args, name.span, span);
        }
        if ty != Ty::ERROR {
            self.unknown_method(ty, name);
        }
        self.check_all(args);
        self.poison(span)
    }

    /// `T.name`: a method or static function, or the constructor that is written as a function of the type's name.
    pub(super) fn static_function(
        &mut self,
        ty: Ty,
        from: ModuleId,
        word: Symbol,
        name: Symbol,
    ) -> Option<FuncId> {
        if let Some(&func) = self.cx.methods.get(&(ty, name)) {
            return Some(func);
        }
        match self.cx.lookup_value(from, word) {
            Lookup::Found(Value::Func(func)) if name.as_str() == "new" => Some(func),
            _ => None,
        }
    }

    /// Reports a method or static function that a type does not have.
    pub(super) fn unknown_method(&mut self, ty: Ty, name: ast::Ident) {
        let shown = self.show(ty);
        let key = self.shallow(ty);
        let fields = self.cx.types.struct_of(key).map_or(&[][..], |def| &def.fields);
        if fields.iter().any(|field| field.name == name.name) {
            let title = format!("`{}` is a field of `{shown}`, not a method", name.name);
            let d = Diagnostic::error(codes::UNKNOWN_METHOD, name.span, title);
            return self.error(d.help("read it without the parentheses"));
        }
        let title = format!("`{shown}` has no method `{}`", name.name);
        let mut d = Diagnostic::error(codes::UNKNOWN_METHOD, name.span, title);
        let mut known: Vec<&'static str> = self
            .cx
            .methods
            .keys()
            .filter(|(owner, _)| *owner == key)
            .map(|(_, name)| name.as_str())
            .collect();
        known.extend(super::method::builtin_methods(self.kind(ty)));
        known.sort_unstable();
        if let Some(near) = suggest::nearest(name.name.as_str(), known.iter().copied()) {
            d = d.fix(format!("did you mean `{near}`?"), name.span, near);
        } else if !known.is_empty() {
            d = d.note(format!("it has {}", known.join(", ")));
        }
        self.error(d);
    }

    /// Reports a raw memory operation outside `unsafe`, in the spelling that wants it inside; once a statement.
    pub(super) fn need_unsafe(&mut self, span: Span, what: &str) {
        if self.spelling != Spelling::Vex || self.unsafe_depth > 0 {
            return;
        }
        let site = if self.site.lo <= span.lo && span.hi <= self.site.hi { self.site } else { span };
        if self.unsafe_reported == site {
            return;
        }
        self.unsafe_reported = site;
        let title = format!("{what} is only allowed inside `unsafe {{ }}`");
        let d = Diagnostic::error(codes::UNSAFE, span, title);
        let d = d.note("the compiler cannot check such an operation; `unsafe` marks the lines to look at when memory goes wrong");
        let text = self.cx.sources.text(site);
        let fixed = format!("unsafe {{ {text} }}");
        let d = if text.is_empty() || text.contains('\n') {
            d.help("put `unsafe { }` around the lines that need it")
        } else {
            d.fix("put it in `unsafe { }`", site, fixed)
        };
        self.error(d);
    }

    /// Runs `check` on an expression that an `unsafe` block could be put around.
    pub(super) fn at_site<R>(&mut self, site: Span, check: impl FnOnce(&mut Self) -> R) -> R {
        let outer = std::mem::replace(&mut self.site, site);
        let result = check(self);
        self.site = outer;
        result
    }
}
