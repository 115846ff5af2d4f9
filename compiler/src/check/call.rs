//! Calls: which function is meant, and its arguments.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::arguments::Given;
use super::function::{Expect, FnCx};
use super::generics::Head;
use super::names::Lookup;
use super::{Value, codes, suggest};
use crate::typed::Expr;
use crate::types::Ty;

impl<'a> FnCx<'_, 'a> {
    pub(super) fn call(
        &mut self,
        callee: &'a ast::Expr,
        mutating: bool,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        match &callee.kind {
            ast::ExprKind::Field { base, name } => {
                self.call_member(base, *name, mutating, Vec::new(), args, span)
            }
            _ if mutating => {
                self.needless_mark(callee.span);
                self.call(callee, false, args, span)
            }
            ast::ExprKind::Builtin(name) => match self.builtin_call(*name, args, callee.span, span) {
                Some(value) => value,
                None => self.unknown_builtin(*name, callee.span, args),
            },
            ast::ExprKind::Name(name) => self.call_name(*name, callee, Vec::new(), args, span),
            ast::ExprKind::Generic { base, args: types } => {
                self.call_generic(base, types, mutating, args, span)
            }
            _ => {
                let function = self.value(callee, Expect::Any);
                self.call_pointer(function, args, span)
            }
        }
    }

    /// `f<A>(…)`, `T<A>(…)`, `x.m<A>(…)`, `sizeof<A>()`.
    fn call_generic(
        &mut self,
        base: &'a ast::Expr,
        types: &'a [ast::TypeExpr],
        mutating: bool,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let given: Vec<Ty> = types.iter().map(|ty| self.resolve_type(ty)).collect();
        if given.contains(&Ty::ERROR) {
            self.check_all(args);
            return self.poison(span);
        }
        match &base.kind {
            ast::ExprKind::Field { base, name } => self.call_member(base, *name, mutating, given, args, span),
            ast::ExprKind::Name(name) | ast::ExprKind::Builtin(name) => {
                if args.is_empty()
                    && let [ty] = given[..]
                    && let Some(value) = self.type_query(*name, ty, span)
                {
                    return value;
                }
                self.call_name(*name, base, given, args, span)
            }
            _ => {
                let function = self.value(base, Expect::Any);
                self.call_pointer(function, args, span)
            }
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

    fn call_name(
        &mut self,
        name: Symbol,
        callee: &'a ast::Expr,
        types: Vec<Ty>,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let given = Given { types, ..Given::default() };
        if self.names.contains_key(&name) {
            let function = self.value(callee, Expect::Any);
            return self.call_pointer(function, args, span);
        }
        match self.cx.lookup_value(self.module, name) {
            Lookup::Found(Value::Func(func)) => {
                return self.call_func(func, given, None, args, callee.span, span);
            }
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
            return match self.cx.method_of(ty, Symbol::new("new")) {
                Some(func) => {
                    let given = Given { owner: Some(ty), ..given };
                    self.call_func(func, given, None, args, callee.span, span)
                }
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

    pub(super) fn no_constructor(&mut self, ty: Ty, at: Span, args: &'a [ast::Expr]) -> Expr {
        let shown = self.show(ty);
        let title = format!("`{shown}` has no constructor");
        let d = Diagnostic::error(codes::UNKNOWN_METHOD, at, title);
        self.error(d.help(format!("write a literal `{shown} {{ … }}`, or declare `fn {shown}(…): {shown}`")));
        self.check_all(args);
        self.poison(at)
    }

    /// Reports a method or static function that a type does not have.
    pub(super) fn unknown_method(&mut self, ty: Ty, name: ast::Ident) {
        let shown = self.show(ty);
        let key = self.shallow(ty);
        let head = self.cx.head(key);
        let fields = self.cx.types.struct_of(key).map_or(&[][..], |def| &def.fields);
        if fields.iter().any(|field| field.name == name.name) {
            let title = format!("`{}` is a field of `{shown}`, not a method", name.name);
            let d = Diagnostic::error(codes::UNKNOWN_METHOD, name.span, title);
            return self.error(d.help("read it without the parentheses"));
        }
        let title = format!("`{shown}` has no method `{}`", name.name);
        let mut d = Diagnostic::error(codes::UNKNOWN_METHOD, name.span, title);
        let text = self.is_string(key).then_some(Head::Other(Ty::STR));
        let mut known: Vec<&'static str> = self
            .cx
            .methods
            .keys()
            .filter(|(owner, _)| *owner == head || Some(*owner) == text)
            .map(|(_, name)| name.as_str())
            .collect();
        known.extend(super::method::builtin_methods(self.kind(ty)));
        known.retain(|name| !name.starts_with('_'));
        known.sort_unstable();
        known.dedup();
        if let Some(near) = suggest::nearest(name.name.as_str(), known.iter().copied()) {
            d = d.fix(format!("did you mean `{near}`?"), name.span, near);
        } else if !known.is_empty() {
            d = d.note(format!("it has {}", known.join(", ")));
        }
        self.error(d);
    }

    /// Reports a raw memory operation outside `unsafe`, in the spelling that wants it inside; once a statement.
    pub(super) fn need_unsafe(&mut self, span: Span, what: &str) {
        if self.unsafe_depth > 0 {
            return;
        }
        let site = if self.site.lo <= span.lo && span.hi <= self.site.hi { self.site } else { span };
        if self.spelling != Spelling::Vex {
            return self.cx.uses.raw.push(site);
        }
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
