//! Arguments: of a function whose signature is known, of a function pointer.

use std::rc::Rc;

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::function::{Expect, FnCx};
use super::generics::type_arguments;
use super::{Signature, codes};
use crate::typed::{Callee, CastKind, Const, Expr, ExprKind};
use crate::types::{FuncId, Ty, TyKind};

/// A number of arguments, in words.
pub(super) fn count_of(count: usize) -> String {
    match count {
        0 => "no arguments".into(),
        1 => "1 argument".into(),
        _ => format!("{count} arguments"),
    }
}
/// What is known of the type arguments of a function before its arguments are looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// The type whose method or static function it is.
    pub(super) owner: Option<Ty>,
    /// Type arguments as written.
    pub(super) types: Vec<Ty>,
    /// The first ones: `Self` and the arguments of a trait.
    pub(super) first: Vec<Ty>,
}

impl Given {
    /// Of a method or static function of this type.
    pub(super) fn of(owner: Ty) -> Given {
        Given { owner: Some(owner), ..Given::default() }
    }
}

impl<'a> FnCx<'_, 'a> {
    /// Type arguments for a function, as far as known, and its signature with them put in.
    pub(super) fn instantiate(&mut self, func: FuncId, given: Given, span: Span) -> (Vec<Ty>, Rc<Signature>) {
        let signature = self.cx.signature(func);
        let generics = self.cx.funcs[func.0 as usize].generics.clone();
        if generics.params.is_empty() {
            if !given.types.is_empty() {
                let title = format!("`{}` takes no type arguments", self.cx.funcs[func.0 as usize].name);
                self.error(Diagnostic::error(codes::TYPE_ARGUMENTS, span, title));
            }
            return (Vec::new(), signature);
        }
        let args = self.fresh_args(func, span);
        for (&arg, &first) in args.iter().zip(&given.first) {
            self.unify(arg, first);
        }
        if let (Some(owner), Some(pattern)) = (given.owner, self.cx.funcs[func.0 as usize].owner) {
            let pattern = self.cx.types.subst(pattern, &args);
            self.unify(pattern, owner);
        }
        if !given.types.is_empty() {
            self.give_types(func, &args, &given, span);
        }
        let types = &mut self.cx.types;
        let signature = Signature {
            params: signature.params.iter().map(|&ty| types.subst(ty, &args)).collect(),
            ret: types.subst(signature.ret, &args),
            ..(*signature).clone()
        };
        (args, Rc::new(signature))
    }

    /// Written type arguments. Of a static function those of its type come first, and the last may be left out; a
    /// method's are its own.
    fn give_types(&mut self, func: FuncId, args: &[Ty], given: &Given, span: Span) {
        let info = &self.cx.funcs[func.0 as usize];
        let (own, name) = (info.decl_generics as usize, info.name.clone());
        let args = &args[..args.len() - info.callables.len()];
        let outer = args.len() - own;
        let count = given.types.len();
        let is_method = info.signature.as_ref().is_some_and(|signature| signature.has_self);
        let slots = match count {
            _ if !is_method && outer > 0 && count <= args.len() => &args[..count],
            _ if count == own => &args[outer..],
            _ if count == outer => &args[..outer],
            _ if count == args.len() => args,
            _ => {
                let wanted = if own > 0 { own } else { outer };
                let title = format!("`{name}` takes {}, not {count}", type_arguments(wanted));
                return self.error(Diagnostic::error(codes::TYPE_ARGUMENTS, span, title));
            }
        };
        for (&slot, &ty) in slots.iter().zip(&given.types) {
            if !self.unify(slot, ty) {
                let title =
                    format!("{} and {} are given for one type parameter", self.shown(slot), self.shown(ty));
                self.error(Diagnostic::error(codes::TYPE_ARGUMENTS, span, title));
            }
        }
    }

    /// A call of a known function.
    pub(super) fn call_func(
        &mut self,
        func: FuncId,
        given: Given,
        receiver: Option<Expr>,
        args: &'a [ast::Expr],
        name: Span,
        span: Span,
    ) -> Expr {
        let (type_args, signature) = self.instantiate(func, given, span);
        let info = &self.cx.funcs[func.0 as usize];
        let (is_extern, shown, declared) = (info.is_extern, info.name.clone(), info.ident.name);
        if is_extern {
            self.need_unsafe(name, &format!("calling the extern function `{shown}`"));
        }
        if declared.as_str() == "drop" {
            let owner = self.cx.funcs[func.0 as usize].owner;
            if owner.and_then(|ty| self.cx.types.struct_of(ty)).is_some_and(|def| def.declares_drop) {
                let title = "`drop` of a `$Drop` type is called by the compiler, never by hand";
                let d = Diagnostic::error(codes::DROP, name, title);
                self.error(d.help("end the value's scope, or pass it to a function that takes it by value"));
            }
        }
        if type_args.is_empty() {
            let callee = Callee::Func { func, args: type_args };
            return self.call_function(callee, &signature, receiver, args, span);
        }
        self.oblige(func, &type_args, name);
        let callee = Callee::Func { func, args: type_args };
        let value = self.call_function(callee, &signature, receiver, args, span);
        self.solve(false);
        value
    }

    /// A call with a known signature; the receiver, if any, is its first parameter.
    pub(super) fn call_function(
        &mut self,
        callee: Callee,
        signature: &Signature,
        receiver: Option<Expr>,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let skip = usize::from(receiver.is_some());
        let wanted = &signature.params[skip..];
        // `T.method(object, …)` names the receiver among the arguments.
        let defaults: &[Option<Const>] =
            if signature.has_self && receiver.is_none() { &[] } else { &signature.defaults };
        let least = defaults.iter().position(Option::is_some).unwrap_or(wanted.len());
        let mut values: Vec<Expr> = Vec::with_capacity(signature.params.len());
        values.extend(receiver);
        let bytes_accepted = self.takes_byte(&callee);
        let around = self.callee_changes;
        self.callee_changes = !self.is_vais_callee(&callee);
        for (index, arg) in args.iter().enumerate() {
            match wanted.get(index) {
                Some(&ty) if ty == Ty::I8 && bytes_accepted => values.push(self.byte_argument(arg)),
                Some(&ty) if self.lends(&callee, index + skip) => values.push(self.lent_argument(arg, ty)),
                Some(&ty) => values.push(self.value_of(arg, ty)),
                None => {
                    self.value(arg, Expect::Any);
                }
            }
        }
        self.callee_changes = around;
        if args.len() > wanted.len() || args.len() < least {
            self.wrong_count(&callee, signature, skip, least, args, span);
        } else {
            for (index, &ty) in wanted.iter().enumerate().skip(args.len()) {
                if let Some(value) = &defaults[index] {
                    values.push(self.constant_expr(value.clone(), ty, span));
                }
            }
        }
        Expr { kind: ExprKind::Call { callee, args: values }, ty: signature.ret, span }
    }

    fn is_vais_callee(&self, callee: &Callee) -> bool {
        match callee {
            Callee::Func { func, .. } => self.cx.is_of_vais(*func),
            // What a variable or a parameter of this file calls is of this file's making.
            Callee::Pointer(_) => self.spelling == vex_syntax::Spelling::Vais,
            Callee::Runtime(_) => false,
        }
    }

    /// `set_memory` takes a byte written as 0…255 as well as an `i8`.
    fn takes_byte(&self, callee: &Callee) -> bool {
        match callee {
            Callee::Func { func, .. } => {
                let info = &self.cx.funcs[func.0 as usize];
                info.ident.name.as_str() == "set_memory" && self.cx.loaded.module(info.module).library
            }
            _ => false,
        }
    }

    /// Whether a parameter is a reference to a value of a type parameter, as keys of tables are.
    fn lends(&mut self, callee: &Callee, index: usize) -> bool {
        let Callee::Func { func, args } = callee else { return false };
        if args.is_empty() {
            return false;
        }
        let declared = self.cx.signature(*func).params[index];
        match *self.cx.types.kind(declared) {
            TyKind::Ref { pointee, mutable: false } => {
                matches!(self.cx.types.kind(pointee), TyKind::Param { .. })
            }
            _ => false,
        }
    }

    /// An argument for such a parameter: a value that is given as it is, is lent.
    fn lent_argument(&mut self, arg: &'a ast::Expr, wanted: Ty) -> Expr {
        let given = self.expr(arg, Expect::Any);
        let ty = self.shallow(given.ty);
        if ty == Ty::ERROR {
            return given;
        }
        let given = match self.text_as_key(given, wanted) {
            Ok(key) => return key,
            Err(given) => given,
        };
        let value = match self.cx.types.kind(ty) {
            TyKind::Ref { .. } => self.consume(given),
            _ => self.lent(given),
        };
        self.coerce(value, wanted)
    }

    fn byte_argument(&mut self, arg: &'a ast::Expr) -> Expr {
        if let ast::ExprKind::Int { value: 0..=255, suffix: None } = arg.kind {
            let value = self.value_of(arg, Ty::U8);
            return self.cast(value, Ty::I8, CastKind::IntToInt);
        }
        let value = self.value(arg, Expect::Any);
        if self.shallow(value.ty) == Ty::U8 {
            return self.cast(value, Ty::I8, CastKind::IntToInt);
        }
        self.coerce(value, Ty::I8)
    }

    fn wrong_count(
        &mut self,
        callee: &Callee,
        signature: &Signature,
        skip: usize,
        least: usize,
        args: &'a [ast::Expr],
        span: Span,
    ) {
        let (name, declared) = match callee {
            Callee::Func { func, .. } => {
                let info = &self.cx.funcs[func.0 as usize];
                (format!("`{}`", info.name), Some(info.head))
            }
            Callee::Runtime(symbol) => (format!("`{symbol}`"), None),
            Callee::Pointer(_) => ("this function".to_string(), None),
        };
        let wanted = signature.params.len() - skip;
        let count = match (least, wanted) {
            (a, b) if a == b => count_of(b),
            (a, b) => format!("{a} to {b} arguments"),
        };
        let title = format!("{name} takes {count}, not {}", args.len());
        let place = if args.len() > wanted {
            args[wanted].span
        } else {
            Span::new(span.hi.saturating_sub(1), span.hi)
        };
        let mut d = Diagnostic::error(codes::ARGUMENTS, place, title);
        if args.len() < least && !signature.names.is_empty() {
            // `T.method(object, …)` names the receiver among the arguments.
            let receiver = (signature.has_self && skip == 0).then_some(Symbol::new("self"));
            let names = receiver.iter().chain(&signature.names).take(least).skip(args.len());
            let missing: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            d = d.at(format!("missing here: {}", missing.join(", ")));
        }
        if let Some(head) = declared.filter(|head| !head.is_none()) {
            d = d.label(head, "declared here");
        }
        self.error(d);
    }

    /// A call through a value of function type.
    pub(super) fn call_pointer(&mut self, function: Expr, args: &'a [ast::Expr], span: Span) -> Expr {
        let function = self.scalar(function);
        match self.kind(function.ty).clone() {
            TyKind::Fn { params, ret } => {
                let signature =
                    Signature { params, names: Vec::new(), defaults: Vec::new(), has_self: false, ret };
                self.call_function(Callee::Pointer(Box::new(function)), &signature, None, args, span)
            }
            TyKind::Error => {
                self.check_all(args);
                self.poison(span)
            }
            TyKind::Struct { .. } | TyKind::Param { .. } if self.is_callable(function.ty) => {
                self.call_closure(function, args, span).unwrap_or_else(|| self.poison(span))
            }
            _ => {
                let shown = self.a(function.ty);
                let title = format!("{shown} cannot be called");
                self.error(Diagnostic::error(codes::NOT_CALLABLE, function.span, title));
                self.check_all(args);
                self.poison(span)
            }
        }
    }
}
