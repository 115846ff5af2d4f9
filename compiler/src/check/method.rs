//! Method calls: the receiver, and the methods of the language's own types.

use vex_syntax::ast::{self, BinaryOp};
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::arguments::Given;
use super::codes;
use super::function::{Expect, FnCx};
use crate::typed::{CastKind, Expr, ExprKind};
use crate::types::{FuncId, Ty, TyKind};

/// The methods that a type of the language has from the start.
pub fn builtin_methods(kind: &TyKind) -> Vec<&'static str> {
    match kind {
        TyKind::Str => vec!["len", "isEmpty", "bytes", "asPtr"],
        TyKind::Slice { .. } | TyKind::Array { .. } => vec!["len", "isEmpty", "asPtr"],
        TyKind::Int(_) => super::builtins::INTEGER_METHODS.to_vec(),
        TyKind::F32 | TyKind::F64 => super::builtins::FLOAT_METHODS.to_vec(),
        _ => Vec::new(),
    }
}

impl<'a> FnCx<'_, 'a> {
    pub(super) fn call_method(
        &mut self,
        base: &'a ast::Expr,
        name: ast::Ident,
        mutating: bool,
        types: &[Ty],
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let object = self.expr(base, Expect::Any);
        self.call_method_on(object, name, mutating, types, args, span)
    }

    /// A method without arguments, called by the language itself.
    pub(super) fn call_on(&mut self, object: Expr, name: ast::Ident, span: Span) -> Expr {
        self.call_method_on(object, name, false, &[], &[], span)
    }

    pub(super) fn call_method_on(
        &mut self,
        mut object: Expr,
        name: ast::Ident,
        mutating: bool,
        types: &[Ty],
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let original = object.ty;
        loop {
            let ty = self.shallow(object.ty);
            if ty == Ty::ERROR {
                self.check_all(args);
                return self.poison(span);
            }
            if let Some((func, first)) = self.method_for(ty, name) {
                let owner = first.is_empty().then_some(ty);
                let given = Given { owner, types: types.to_vec(), first };
                return self.call_declared(func, given, object, (name, mutating), args, span);
            }
            if let Some(value) = self.field_function(&object, name) {
                return self.call_pointer(value, args, span);
            }
            object = match self.call_builtin_method(object, name, args, span) {
                Ok(value) => return value,
                Err(object) => object,
            };
            let object_span = object.span;
            match self.kind(object.ty).clone() {
                TyKind::Ref { pointee, .. } => {
                    object = Expr { kind: ExprKind::Deref(Box::new(object)), ty: pointee, span: object_span };
                }
                TyKind::RawPtr { pointee, .. } => {
                    self.need_unsafe(object_span, "calling a method through a raw pointer");
                    object = Expr { kind: ExprKind::Deref(Box::new(object)), ty: pointee, span: object_span };
                }
                // A literal that nothing else gives a type has the usual one.
                TyKind::Infer(_) if self.is_integer(object.ty) => {
                    self.unify(object.ty, Ty::I64);
                }
                TyKind::Infer(_) if self.is_float(object.ty) => {
                    self.unify(object.ty, Ty::F64);
                }
                TyKind::Infer(_) => {
                    self.cannot_infer(object_span);
                    self.check_all(args);
                    return self.poison(span);
                }
                TyKind::Array { elem, .. } | TyKind::Slice { mutable: true, elem } => {
                    match self.slice_with(object, elem, name) {
                        Some(slice) => object = slice,
                        None => break,
                    }
                }
                _ if !self.is_string(object.ty) || !self.is_method_of_str(name) => break,
                _ => object = self.text_of(object),
            }
        }
        let ty = self.receiver_type(original);
        self.unknown_method(ty, name);
        self.check_all(args);
        self.poison(span)
    }

    /// An array, or a slice that may be changed, as a slice that has the method.
    fn slice_with(&mut self, object: Expr, elem: Ty, name: ast::Ident) -> Option<Expr> {
        let slice = self.cx.types.intern(TyKind::Slice { mutable: false, elem });
        self.method_for(slice, name)?;
        if let TyKind::Slice { .. } = self.kind(object.ty) {
            return Some(self.cast(object, slice, CastKind::Bits));
        }
        let (span, reference) = (object.span, self.lent(object));
        Some(Expr { kind: ExprKind::ArrayToSlice(Box::new(reference)), ty: slice, span })
    }

    /// The method of a type, its own or a trait's; with what is known of its type arguments.
    pub(super) fn method_for(&mut self, ty: Ty, name: ast::Ident) -> Option<(FuncId, Vec<Ty>)> {
        if let Some(func) = self.cx.method_of(ty, name.name)
            && self.fits_owner(func, ty)
        {
            return Some((func, Vec::new()));
        }
        let found = match self.var_kind(ty) {
            Some(_) => None,
            None => self.trait_method(ty, name),
        };
        found.or_else(|| self.library_method(ty, name))
    }

    /// A method of the library by its name with underscores, as `.vais` programs write it: `is_some` for `isSome`.
    fn library_method(&mut self, ty: Ty, name: ast::Ident) -> Option<(FuncId, Vec<Ty>)> {
        let mut words = name.name.as_str().split('_');
        let mut camel = words.next()?.to_string();
        for word in words {
            let mut letters = word.chars();
            camel.extend(letters.next()?.to_uppercase());
            camel.push_str(letters.as_str());
        }
        if camel == name.name.as_str() {
            return None;
        }
        let func = self.cx.method_of(ty, Symbol::new(&camel))?;
        (self.cx.is_of_library(func) && self.fits_owner(func, ty)).then(|| (func, Vec::new()))
    }

    /// Whether a method is one of this type rather than of the same type with other arguments.
    fn fits_owner(&mut self, func: FuncId, ty: Ty) -> bool {
        let Some(owner) = self.cx.funcs[func.0 as usize].owner else { return true };
        let ty = self.known(ty);
        let count = self.cx.funcs[func.0 as usize].generics.params.len();
        self.cx.types.has_infer(ty) || self.cx.matches(owner, ty, &mut vec![Ty::ERROR; count])
    }

    pub(super) fn receiver_type(&self, ty: Ty) -> Ty {
        match self.kind(ty) {
            TyKind::Ref { pointee, .. } | TyKind::RawPtr { pointee, .. } => self.receiver_type(*pointee),
            _ => self.shallow(ty),
        }
    }

    /// A field that holds a function, called like a method.
    fn field_function(&mut self, object: &Expr, name: ast::Ident) -> Option<Expr> {
        let object_ty = self.shallow(object.ty);
        let def = self.cx.types.struct_of(object_ty)?;
        let index = def.fields.iter().position(|field| field.name == name.name)?;
        let ty = self.cx.types.field_ty(object_ty, index);
        self.is_callable(ty).then(|| {
            let base = Box::new(object.clone());
            Expr { kind: ExprKind::Field { base, index: index as u32 }, ty, span: object.span.to(name.span) }
        })
    }

    fn call_declared(
        &mut self,
        func: FuncId,
        given: Given,
        object: Expr,
        (name, mutating): (ast::Ident, bool),
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        let signature = self.cx.signature(func);
        if !signature.has_self {
            let shown = self.show(object.ty);
            let title = format!("`{}` is a static function of `{shown}`, not a method", name.name);
            let d = Diagnostic::error(codes::UNKNOWN_METHOD, name.span, title);
            self.error(d.help(format!("call it on the type: `{shown}.{}(…)`", name.name)));
            return self.poison(span);
        }
        let wanted = signature.params[0];
        let kind = self.kind(wanted).clone();
        if mutating
            && !matches!(kind, TyKind::Ref { mutable: true, .. } | TyKind::RawPtr { mutable: true, .. })
        {
            let title = format!("`{}` does not change its receiver, so it is called without `!`", name.name);
            self.error(Diagnostic::error(codes::MISPLACED, name.span, title));
        }
        let receiver = match kind {
            TyKind::Ref { mutable: true, .. } if self.may_be_lent_in_vais(func, &object) => {
                // Every `&self` of `.vais` may change what it is given; this one is given something to read.
                let reference = self.receiver_reference(object, false, name);
                let TyKind::Ref { pointee, .. } = *self.kind(reference.ty) else { return self.poison(span) };
                let ty = self.cx.types.reference(pointee, true);
                self.cast(reference, ty, CastKind::Bits)
            }
            TyKind::Ref { mutable, .. } => self.receiver_reference(object, mutable, name),
            TyKind::RawPtr { mutable, .. } => {
                let reference = self.receiver_reference(object, mutable, name);
                let pointee = self.kind(reference.ty).clone();
                let TyKind::Ref { pointee, .. } = pointee else { return self.poison(span) };
                let pointer = self.cx.types.raw_ptr(pointee, mutable);
                self.cast(reference, pointer, CastKind::Bits)
            }
            // That it is of the type has been seen when the method was found.
            _ => self.consume(object),
        };
        self.call_func(func, given, Some(receiver), args, name.span, span)
    }

    /// Whether a method of a `.vais` file is called, in one, on something that can only be read.
    fn may_be_lent_in_vais(&self, func: FuncId, object: &Expr) -> bool {
        self.spelling == Spelling::Vais && self.cx.is_of_vais(func) && !self.can_be_written(object)
    }

    fn receiver_reference(&mut self, object: Expr, mutable: bool, name: ast::Ident) -> Expr {
        let place = if self.is_place(&object) { object } else { self.temporary(object) };
        let place = if mutable { self.writable(place) } else { place };
        let span = place.span.to(name.span);
        if mutable && !self.mutable_receiver(&place, name.name.as_str(), span) {
            return self.poison(span);
        }
        self.borrow_place(place, mutable)
    }

    fn no_arguments(&mut self, name: ast::Ident, args: &'a [ast::Expr]) {
        if let Some(first) = args.first() {
            let title = format!("`{}` takes no arguments", name.name);
            self.error(Diagnostic::error(codes::ARGUMENTS, first.span, title));
        }
    }

    /// Methods of strings, slices, arrays, options and numbers; `Err` gives the object back.
    fn call_builtin_method(
        &mut self,
        object: Expr,
        name: ast::Ident,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Result<Expr, Expr> {
        let word = name.name.as_str();
        match self.kind(object.ty).clone() {
            TyKind::Str | TyKind::Slice { .. } => self.sequence_method(object, name, args, span),
            TyKind::Array { len, elem } => match word {
                "len" => {
                    self.no_arguments(name, args);
                    Ok(Expr { kind: ExprKind::Int(len), ty: Ty::USIZE, span })
                }
                "isEmpty" | "is_empty" => Ok(Expr { kind: ExprKind::Bool(len == 0), ty: Ty::BOOL, span }),
                "asPtr" | "as_ptr" => {
                    self.no_arguments(name, args);
                    let place = if self.is_place(&object) { object } else { self.temporary(object) };
                    let mutable = self.read_only(&place).is_none();
                    let reference = self.borrow_place(place, mutable);
                    let ty = self.cx.types.raw_ptr(elem, mutable);
                    Ok(self.cast(reference, ty, CastKind::Bits))
                }
                _ => Err(object),
            },
            _ if self.is_integer(object.ty) && super::builtins::INTEGER_METHODS.contains(&word)
                || self.is_float(object.ty) && super::builtins::FLOAT_METHODS.contains(&word) =>
            {
                let object = self.consume(object);
                let mut values = vec![object];
                for arg in args {
                    let value = self.value(arg, Expect::Any);
                    values.push(self.scalar(value));
                }
                Ok(self.numeric(word, values, name.span, span).unwrap_or_else(|| self.poison(span)))
            }
            _ => Err(object),
        }
    }

    fn sequence_method(
        &mut self,
        object: Expr,
        name: ast::Ident,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Result<Expr, Expr> {
        let kind = self.kind(object.ty).clone();
        let len = |object| Expr { kind: ExprKind::Len(Box::new(object)), ty: Ty::USIZE, span };
        let value = match (name.name.as_str(), kind) {
            ("len", _) => len(object),
            ("isEmpty" | "is_empty", _) => {
                let zero = Expr { kind: ExprKind::Int(0), ty: Ty::USIZE, span };
                let (left, right) = (Box::new(len(object)), Box::new(zero));
                Expr { kind: ExprKind::Binary { op: BinaryOp::Eq, left, right }, ty: Ty::BOOL, span }
            }
            ("bytes", TyKind::Str) => {
                let ty = self.cx.types.intern(TyKind::Slice { mutable: false, elem: Ty::U8 });
                Expr { span, ..self.cast(object, ty, CastKind::Bits) }
            }
            ("asPtr" | "as_ptr", kind) => {
                let (elem, mutable) = match kind {
                    TyKind::Slice { elem, mutable } => (elem, mutable),
                    _ => (Ty::U8, false),
                };
                let ty = self.cx.types.raw_ptr(elem, mutable);
                Expr { kind: ExprKind::DataPtr(Box::new(object)), ty, span }
            }
            _ => return Err(object),
        };
        self.no_arguments(name, args);
        Ok(value)
    }
}
