//! What follows a dot where no value stands before it: names of modules and of types.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::arguments::Given;
use super::function::FnCx;
use super::generics::type_arguments;
use super::names::Lookup;
use super::resolve::primitive;
use super::{Value, codes};
use crate::loader::ModuleId;
use crate::typed::Expr;
use crate::types::{FuncId, Ty};

/// What stands left of a dot when it is no value.
pub(super) enum Scope {
    /// A module, and the name it is imported under.
    Module(ModuleId, Symbol),
    /// A type, the module its name is looked up in, and that name.
    Type(Ty, ModuleId, Symbol),
}

impl<'a> FnCx<'_, 'a> {
    /// The structure of this name, as seen from this module.
    pub(super) fn type_named(&mut self, name: Symbol, span: Span) -> Option<Ty> {
        match self.cx.lookup_type(self.module, name) {
            Lookup::Found(id) => Some(self.fresh_type(id, span)),
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
                let param =
                    self.generics.params.iter().find(|(name, _)| name.name == *word).map(|(_, ty)| *ty);
                let own = self.generics.self_ty.filter(|_| word.as_str() == "Self");
                let ty = param.or(own).or_else(|| self.type_named(*word, base.span));
                let ty = ty.or_else(|| primitive(word.as_str()))?;
                Some(Scope::Type(ty, self.module, *word))
            }
            ast::ExprKind::Generic { base, args } => match self.scope_of(base)? {
                Scope::Type(ty, from, word) => {
                    let given: Vec<Ty> = args.iter().map(|arg| self.resolve_type(arg)).collect();
                    let slots = self.cx.types.args_of(ty).to_vec();
                    if slots.len() != given.len() {
                        let title =
                            format!("`{word}` takes {}, not {}", type_arguments(slots.len()), given.len());
                        self.error(Diagnostic::error(codes::TYPE_ARGUMENTS, base.span, title));
                        return Some(Scope::Type(Ty::ERROR, from, word));
                    }
                    slots.into_iter().zip(given).for_each(|(slot, ty)| {
                        self.unify(slot, ty);
                    });
                    let ty = self.known(ty);
                    Some(Scope::Type(ty, from, word))
                }
                Scope::Module(..) => None,
            },
            ast::ExprKind::Field { base, name } => match self.scope_of(base)? {
                Scope::Module(from, _) => {
                    let id = *self.cx.modules[from.0 as usize].types.get(&name.name)?;
                    let ty = self.fresh_type(id, name.span);
                    Some(Scope::Type(ty, from, name.name))
                }
                Scope::Type(..) => None,
            },
            _ => None,
        }
    }

    /// `base.name(…)`: a function of a module, a static function of a type, or a method.
    pub(super) fn call_member(
        &mut self,
        base: &'a ast::Expr,
        name: ast::Ident,
        mutating: bool,
        types: Vec<Ty>,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        match self.scope_of(base) {
            None => self.call_method(base, name, mutating, &types, args, span),
            Some(scope) => {
                if mutating {
                    self.needless_mark(name.span);
                }
                match scope {
                    Scope::Module(from, alias) => self.call_in_module(from, alias, name, types, args, span),
                    Scope::Type(ty, from, word) => {
                        let given = Given { types, ..Given::of(ty) };
                        self.call_static(given, from, word, name, args, span)
                    }
                }
            }
        }
    }

    /// Reports the mark of a mutating call where nothing is mutated.
    pub(super) fn needless_mark(&mut self, name: Span) {
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
        types: Vec<Ty>,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let given = Given { types, ..Given::default() };
        match self.cx.modules[from.0 as usize].values.get(&name.name).copied() {
            Some(Value::Func(func)) => return self.call_func(func, given, None, args, name.span, span),
            Some(value) => {
                let function = self.module_value(value, span);
                return self.call_pointer(function, args, span);
            }
            None => {
                if let Some(&id) = self.cx.modules[from.0 as usize].types.get(&name.name) {
                    let ty = self.fresh_type(id, name.span);
                    if let Some(func) = self.cx.method_of(ty, Symbol::new("new")) {
                        let given = Given { owner: Some(ty), ..given };
                        return self.call_func(func, given, None, args, name.span, span);
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
        given: Given,
        from: ModuleId,
        word: Symbol,
        name: ast::Ident,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let ty = given.owner.unwrap_or(Ty::ERROR);
        if let Some(func) = self.static_function(ty, from, word, name.name) {
            return self.call_func(func, given, None, args, name.span, span);
        }
        if ty != Ty::ERROR
            && let Some((func, first)) = self.trait_method(ty, name)
        {
            let given = Given { owner: None, first, ..given };
            return self.call_func(func, given, None, args, name.span, span);
        }
        if ty != Ty::ERROR {
            self.unknown_static(ty, name);
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
        if let Some(func) = self.cx.method_of(ty, name) {
            return Some(func);
        }
        match self.cx.lookup_value(from, word) {
            Lookup::Found(Value::Func(func)) if name.as_str() == "new" => Some(func),
            _ => None,
        }
    }
}
