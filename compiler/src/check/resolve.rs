//! Written types to types, and declarations to signatures and layouts, each resolved when first needed.

use std::rc::Rc;

use vex_syntax::ast::{self, TypeExpr, TypeKind};
use vex_syntax::{Diagnostic, Span, Spelling};

use super::names::Lookup;
use super::structs::MAX_SIZE;
use super::{Checker, ConstSource, Signature, State, codes, suggest};
use crate::loader::ModuleId;
use crate::typed::GlobalId;
use crate::types::{FuncId, StructId, Ty, TyKind};

/// The types whose names are part of the language.
pub(super) const PRIMITIVES: &[(&str, Ty)] = &[
    ("bool", Ty::BOOL),
    ("i8", Ty::I8),
    ("i16", Ty::I16),
    ("i32", Ty::I32),
    ("i64", Ty::I64),
    ("isize", Ty::ISIZE),
    ("u8", Ty::U8),
    ("u16", Ty::U16),
    ("u32", Ty::U32),
    ("u64", Ty::U64),
    ("usize", Ty::USIZE),
    ("f32", Ty::F32),
    ("f64", Ty::F64),
    ("char", Ty::CHAR),
    ("str", Ty::STR),
    ("ptr", Ty::PTR),
];

/// The primitive type of this name.
pub(super) fn primitive(name: &str) -> Option<Ty> {
    PRIMITIVES.iter().find(|(known, _)| *known == name).map(|(_, ty)| *ty)
}

impl<'a> Checker<'a> {
    /// The type a written type stands for; `Ty::ERROR` after reporting why there is none.
    pub(super) fn resolve_type(&mut self, module: ModuleId, ty: &TypeExpr) -> Ty {
        let resolved = self.resolve_kind(module, ty);
        self.checked_size(resolved, ty.span)
    }

    fn resolve_kind(&mut self, module: ModuleId, ty: &TypeExpr) -> Ty {
        match &ty.kind {
            TypeKind::Path { names, args } => self.resolve_path(module, ty.span, names, args),
            TypeKind::RawPtr { mutable, pointee } => {
                let pointee = self.resolve_type(module, pointee);
                if pointee == Ty::ERROR { pointee } else { self.types.raw_ptr(pointee, *mutable) }
            }
            TypeKind::Ref { mutable, pointee } => self.resolve_ref(module, *mutable, pointee),
            TypeKind::Array { elem, len } => {
                let elem = self.resolve_type(module, elem);
                match self.constant_length(module, len) {
                    Some(len) if elem != Ty::ERROR => self.array_type(elem, len, ty.span),
                    _ => Ty::ERROR,
                }
            }
            TypeKind::Slice(_) => {
                let title = "a slice type stands behind a reference";
                let d = Diagnostic::error(codes::MISPLACED, ty.span, title);
                self.error(d.help("write `&[T]`, or `&[T]!` to write through it"));
                Ty::ERROR
            }
            TypeKind::Tuple(elems) if elems.is_empty() => Ty::UNIT,
            TypeKind::Tuple(elems) => {
                let elems: Vec<Ty> = elems.iter().map(|elem| self.resolve_type(module, elem)).collect();
                if elems.contains(&Ty::ERROR) { Ty::ERROR } else { self.types.intern(TyKind::Tuple(elems)) }
            }
            TypeKind::Fn { params, ret } => {
                let params: Vec<Ty> = params.iter().map(|param| self.resolve_type(module, param)).collect();
                let ret = ret.as_ref().map_or(Ty::UNIT, |ret| self.resolve_type(module, ret));
                if ret == Ty::ERROR || params.contains(&Ty::ERROR) {
                    return Ty::ERROR;
                }
                self.types.intern(TyKind::Fn { params, ret })
            }
            TypeKind::Never => Ty::NEVER,
            TypeKind::Infer => {
                let title = "this type must be written out";
                self.error(Diagnostic::error(codes::CANNOT_INFER, ty.span, title));
                Ty::ERROR
            }
            TypeKind::Error => Ty::ERROR,
        }
    }

    fn resolve_ref(&mut self, module: ModuleId, mutable: bool, pointee: &TypeExpr) -> Ty {
        // `.vais` writes `&T` for what the other spellings write `&T!`.
        let mutable = mutable || self.spelling(module) == Spelling::Vais;
        if let TypeKind::Slice(elem) = &pointee.kind {
            let elem = self.resolve_type(module, elem);
            return if elem == Ty::ERROR { elem } else { self.types.intern(TyKind::Slice { mutable, elem }) };
        }
        let pointee = self.resolve_type(module, pointee);
        if pointee == Ty::ERROR { pointee } else { self.types.reference(pointee, mutable) }
    }

    pub(super) fn array_type(&mut self, elem: Ty, len: u64, at: Span) -> Ty {
        let array = self.types.intern(TyKind::Array { elem, len });
        // What the element's size is may not be known yet; the structure around it is looked at when it is.
        if self.is_complete(elem) && self.types.layout(array).size > MAX_SIZE {
            self.too_large(array, at);
            return Ty::ERROR;
        }
        self.checked_size(array, at)
    }

    /// Reports a type whose values are too large for variables.
    pub(super) fn too_large(&mut self, ty: Ty, at: Span) {
        let title = format!("{} is larger than 1 GiB", self.a(ty));
        let d = Diagnostic::error(codes::INFINITE_TYPE, at, title);
        self.error(d.help("allocate memory for it and keep a pointer"));
    }

    /// The type, or an error where it is made of too many parts.
    pub(super) fn checked_size(&mut self, ty: Ty, at: Span) -> Ty {
        if std::mem::take(&mut self.types.too_large) {
            let title = "this type is made of more than 10000 others";
            let d = Diagnostic::error(codes::INFINITE_TYPE, at, title);
            self.error(d.help("give a part of it a name, as a structure"));
            return Ty::ERROR;
        }
        ty
    }

    fn resolve_path(
        &mut self,
        module: ModuleId,
        ty_span: Span,
        names: &[ast::Ident],
        args: &[TypeExpr],
    ) -> Ty {
        let id = match names {
            [name] => match self.resolve_type_name(module, *name) {
                Ok(id) => id,
                Err(ty) if args.is_empty() || ty == Ty::ERROR => return ty,
                Err(ty) => {
                    let title = format!("`{}` takes no type arguments", self.show(ty));
                    self.error(Diagnostic::error(codes::TYPE_ARGUMENTS, ty_span, title));
                    return Ty::ERROR;
                }
            },
            [alias, name] => match self.alias(module, alias.name) {
                Some(from) => match self.modules[from.0 as usize].types.get(&name.name) {
                    Some(&id) => id,
                    None => {
                        self.not_in_module(from, alias.name.as_str(), *name);
                        return Ty::ERROR;
                    }
                },
                None => return self.unknown_type(module, *alias),
            },
            _ => return self.unknown_type(module, names[0]),
        };
        self.declared_type(module, id, args, ty_span)
    }

    /// The declared type of this name, or the type that a name of another kind stands for.
    fn resolve_type_name(&mut self, module: ModuleId, name: ast::Ident) -> Result<StructId, Ty> {
        let generics = &self.generics;
        if let Some((_, ty)) = generics.params.iter().rev().find(|(param, _)| param.name == name.name) {
            return Err(*ty);
        }
        if let (Some(ty), "Self") = (generics.self_ty, name.name.as_str()) {
            return Err(ty);
        }
        if let Some(ty) = primitive(name.name.as_str()) {
            return Err(ty);
        }
        match self.lookup_type(module, name.name) {
            Lookup::Found(id) => Ok(id),
            Lookup::Ambiguous(first, second) => {
                self.ambiguous(module, name, first, second);
                Err(Ty::ERROR)
            }
            Lookup::Missing => Err(self.unknown_type(module, name)),
        }
    }

    fn unknown_type(&mut self, importer: ModuleId, name: ast::Ident) -> Ty {
        let title = format!("there is no type `{}`", name.name);
        let mut d = Diagnostic::error(codes::UNKNOWN_TYPE, name.span, title);
        let text = name.name.as_str();
        let foreign = match text {
            "int" | "long" | "Int" | "integer" => Some("i64"),
            "float" | "double" | "Float" => Some("f64"),
            "string" | "Str" => Some("str"),
            "boolean" | "Bool" => Some("bool"),
            "byte" => Some("u8"),
            "size_t" | "uint" => Some("usize"),
            "void" => Some("()"),
            _ => None,
        };
        let scope = &self.modules[importer.0 as usize];
        let known = PRIMITIVES.iter().map(|(name, _)| *name);
        let known = known.chain(scope.types.keys().chain(scope.imported_types.keys()).map(|s| s.as_str()));
        if let Some(near) = foreign.or_else(|| suggest::nearest(text, known)) {
            d = d.fix(format!("did you mean `{near}`?"), name.span, near);
        } else if let Some(module) = super::names::library_module_of(text) {
            let import = super::names::import_words(module, self.spelling(importer));
            d = d.help(format!("`{text}` is in the module `{module}`: write `{import}` at the top"));
        }
        self.error(d);
        Ty::ERROR
    }

    /// The length of an array type.
    pub(super) fn constant_length(&mut self, module: ModuleId, len: &ast::Expr) -> Option<u64> {
        let value = self.constant_int(module, len, Ty::USIZE)?;
        Some(value)
    }

    /// The signature of a function.
    pub(super) fn signature(&mut self, id: FuncId) -> Rc<Signature> {
        if let Some(signature) = &self.funcs[id.0 as usize].signature {
            return signature.clone();
        }
        let info = &self.funcs[id.0 as usize];
        let (module, owner) = (info.module, info.owner);
        let decl = info.decl.expect("functions of earlier inputs have their signatures");
        if std::mem::replace(&mut self.funcs[id.0 as usize].busy, true) {
            let title = format!("the declaration of `{}` needs the function itself", decl.name.name);
            self.error(Diagnostic::error(codes::CONSTANT_FAILS, decl.name.span, title));
            return Rc::new(unknown_signature(decl));
        }
        let generics = self.funcs[id.0 as usize].generics.clone();
        let around = std::mem::replace(&mut self.generics, generics);
        let mut params = Vec::new();
        if let Some(param) = &decl.self_param {
            params.push(self.self_type(module, owner, param));
        }
        let (mut names, mut defaults) = (Vec::new(), Vec::new());
        let callables = self.funcs[id.0 as usize].callables.clone();
        for (index, param) in decl.params.iter().enumerate() {
            let ty = match callables.iter().find(|(callable, _)| *callable == index) {
                Some((_, ty)) => *ty,
                None => self.resolve_type(module, &param.ty),
            };
            params.push(ty);
            names.push(param.name.name);
            let value = param.default.as_ref().and_then(|expr| self.constant_of(module, expr, ty));
            if value.is_none() && defaults.iter().any(Option::is_some) && param.default.is_none() {
                let title = format!("the parameter `{}` needs a default too", param.name.name);
                let d = Diagnostic::error(codes::ARGUMENTS, param.name.span, title);
                self.error(d.note("after the first parameter with a default, all have one"));
            }
            defaults.push(value);
        }
        let ret = decl.ret.as_ref().map_or(Ty::UNIT, |ty| self.resolve_type(module, ty));
        self.generics = around;
        let has_self = decl.self_param.is_some();
        let signature = Rc::new(Signature { params, names, defaults, has_self, ret });
        self.funcs[id.0 as usize].busy = false;
        self.funcs[id.0 as usize].signature = Some(signature.clone());
        signature
    }

    fn self_type(&mut self, module: ModuleId, owner: Option<Ty>, param: &ast::SelfParam) -> Ty {
        let Some(owner) = owner else { return Ty::ERROR };
        match &param.ty {
            Some(ty) => self.resolve_type(module, ty),
            None if !param.by_ref => owner,
            None => {
                let mutable = param.mutable || self.spelling(module) == Spelling::Vais;
                self.types.reference(owner, mutable)
            }
        }
    }

    /// Resolves a global with a constant initialiser.
    pub(super) fn ensure_global(&mut self, id: GlobalId) -> Ty {
        let info = &self.globals[id.0 as usize];
        let Some(ConstSource { ty, value }) = info.decl else { return info.ty };
        if info.state == State::Busy {
            let (title, span) = (format!("the value of `{}` needs itself", info.name), info.span);
            self.error(Diagnostic::error(codes::CONSTANT_FAILS, span, title));
            return Ty::ERROR;
        }
        if info.state == State::New {
            let module = info.module;
            self.globals[id.0 as usize].state = State::Busy;
            let (ty, value) = self.evaluate_declared(module, ty, value);
            let info = &mut self.globals[id.0 as usize];
            (info.ty, info.init, info.state) = (ty, value, State::Done);
        }
        self.globals[id.0 as usize].ty
    }
}

/// The signature of a function with an error that was reported: whatever it is given and gives has no known type.
fn unknown_signature(decl: &ast::FnDecl) -> Signature {
    let has_self = decl.self_param.is_some();
    Signature {
        params: vec![Ty::ERROR; decl.params.len() + usize::from(has_self)],
        names: decl.params.iter().map(|param| param.name.name).collect(),
        defaults: vec![None; decl.params.len()],
        has_self,
        ret: Ty::ERROR,
    }
}
