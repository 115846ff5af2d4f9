//! Type parameters of declarations: which there are, what they are bound to, and fresh arguments for them.

use std::rc::Rc;

use vex_syntax::ast::{self, TypeExpr, TypeKind};
use vex_syntax::{Diagnostic, Span, Symbol};

use super::function::FnCx;
use super::infer::VarKind;
use super::names::Lookup;
use super::resolve::primitive;
use super::{Checker, codes};
use crate::loader::ModuleId;
use crate::types::{FuncId, StructId, TraitId, Ty, TyKind, Types};

/// The type parameters of a declaration, those of the declaration around it first.
#[derive(Clone, Debug, Default)]
pub(super) struct Generics {
    /// Name and type of each.
    pub(super) params: Vec<(ast::Ident, Ty)>,
    /// What `Self` stands for.
    pub(super) self_ty: Option<Ty>,
}

/// What a type parameter is bound to.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    /// The parameter, or the type that stands for it.
    pub(super) ty: Ty,
    pub(super) what: Need,
    /// Where it is written.
    pub(super) span: Span,
}

/// What a type has to be able to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Need {
    /// Have a trait with these arguments.
    Trait(TraitId, Vec<Ty>),
    /// Be copied.
    Copy,
    /// Be called with these arguments, and give this.
    Call(Vec<Ty>, Ty),
}

/// The bounds of type parameters as they are written.
pub(super) type BoundDecls<'a> = Vec<(Ty, &'a TypeExpr)>;

/// What methods are found by: the declared type whatever its arguments, or the type itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Head {
    Declared(StructId),
    /// `&[T]` and `&[T]!`
    Slice,
    /// `[T; N]`
    Array,
    Other(Ty),
}

impl Generics {
    /// The types of the parameters, in order.
    pub(super) fn types(&self) -> Vec<Ty> {
        self.params.iter().map(|(_, ty)| *ty).collect()
    }
}

/// What methods of a type are found by.
pub(super) fn head(types: &Types, ty: Ty) -> Head {
    match types.kind(ty) {
        TyKind::Struct { def, .. } => Head::Declared(*def),
        TyKind::Slice { .. } => Head::Slice,
        TyKind::Array { .. } => Head::Array,
        _ => Head::Other(ty),
    }
}

/// The name of a bound without arguments and without `$`.
fn bound_name(bound: &TypeExpr) -> Option<&'static str> {
    match &bound.kind {
        TypeKind::Path { names, .. } => names.last().map(|name| name.name.as_str().trim_start_matches('$')),
        _ => None,
    }
}

/// Whether a type parameter is bound to types that are copied.
fn asks_for_copies(param: &ast::GenericParam) -> bool {
    param.bounds.iter().any(|bound| bound_name(bound) == Some("Copy"))
}

impl<'a> Checker<'a> {
    /// What methods of a type are found by.
    pub(super) fn head(&self, ty: Ty) -> Head {
        head(&self.types, ty)
    }

    /// The method or static function of a type with this name.
    pub(super) fn method_of(&self, ty: Ty, name: Symbol) -> Option<FuncId> {
        self.methods.get(&(self.head(ty), name)).copied()
    }

    /// The parameters that a declaration adds to those around it, and the bounds it writes. A name that is known
    /// already gets more bounds.
    pub(super) fn add_generics(
        &mut self,
        outer: &Generics,
        declared: &'a [ast::GenericParam],
        bounds: &mut BoundDecls<'a>,
    ) -> Generics {
        let mut generics = outer.clone();
        for (index, param) in declared.iter().enumerate() {
            let again = declared[..index].iter().any(|earlier| earlier.name.name == param.name.name);
            let known = generics.params.iter().find(|(name, _)| name.name == param.name.name);
            let ty = match known {
                Some((name, _)) if again => {
                    let title = format!("the type parameter `{}` is declared twice", param.name.name);
                    let d = Diagnostic::error(codes::DUPLICATE, param.name.span, title).at("again here");
                    self.error(d.label(name.span, "first here").help("rename or remove one of them"));
                    continue;
                }
                Some(&(_, ty)) => match *self.types.kind(ty) {
                    TyKind::Param { index, name, copy: false } if asks_for_copies(param) => {
                        // Here its values are copied, although elsewhere they are not.
                        let copied = self.types.param(index, name, true);
                        generics.params[index as usize].1 = copied;
                        copied
                    }
                    _ => ty,
                },
                None => {
                    let copy = asks_for_copies(param);
                    let ty = self.types.param(generics.params.len() as u32, param.name.name, copy);
                    generics.params.push((param.name, ty));
                    ty
                }
            };
            bounds.extend(param.bounds.iter().map(|bound| (ty, bound)));
        }
        generics
    }

    /// The type of a method where its type parameters are those of the method: some may be copied only there.
    pub(super) fn owner_within(&mut self, owner: Ty, outer: &Generics, generics: &mut Rc<Generics>) -> Ty {
        let same = outer.params.iter().zip(&generics.params).all(|((_, a), (_, b))| a == b);
        if same {
            return owner;
        }
        let params = generics.types();
        let own = Rc::make_mut(generics);
        own.self_ty = own.self_ty.map(|ty| self.types.subst(ty, &params));
        self.types.subst(owner, &params)
    }

    /// The parameters that the owner of a method declares by naming them: the `T` of `Vec<T>`, where no type `T` is
    /// known.
    pub(super) fn owner_generics(
        &mut self,
        module: ModuleId,
        owner: &TypeExpr,
        declared: &[ast::GenericParam],
        outer: Generics,
    ) -> Generics {
        let mut generics = outer;
        let owner = match &owner.kind {
            TypeKind::Ref { pointee, .. } | TypeKind::RawPtr { pointee, .. } => pointee,
            _ => owner,
        };
        let args = match &owner.kind {
            TypeKind::Path { args, .. } => args.as_slice(),
            TypeKind::Slice(elem) | TypeKind::Array { elem, .. } => std::slice::from_ref(&**elem),
            _ => &[],
        };
        for arg in args {
            let TypeKind::Path { names, args } = &arg.kind else { continue };
            let ([name], true) = (names.as_slice(), args.is_empty()) else { continue };
            let known = generics.params.iter().any(|(param, _)| param.name == name.name)
                || primitive(name.name.as_str()).is_some()
                || !matches!(self.lookup_type(module, name.name), Lookup::Missing);
            if !known {
                generics = self.add_param(generics, *name, declared);
            }
        }
        generics
    }

    /// One more parameter; the bounds of a declared one of its name count for it.
    pub(super) fn add_param(
        &mut self,
        mut generics: Generics,
        name: ast::Ident,
        declared: &[ast::GenericParam],
    ) -> Generics {
        let copy = declared.iter().any(|param| param.name.name == name.name && asks_for_copies(param));
        let ty = self.types.param(generics.params.len() as u32, name.name, copy);
        generics.params.push((name, ty));
        generics
    }

    /// Runs `work` where the type parameters of a declaration can be named.
    pub(super) fn with_params<R>(&mut self, generics: &Rc<Generics>, work: impl FnOnce(&mut Self) -> R) -> R {
        let outer = std::mem::replace(&mut self.generics, generics.clone());
        let result = work(self);
        self.generics = outer;
        result
    }

    /// The bounds of a function's type parameters.
    pub(super) fn bounds(&mut self, func: FuncId) -> Rc<[Bound]> {
        let info = &mut self.funcs[func.0 as usize];
        if let Some(bounds) = &info.bounds {
            return bounds.clone();
        }
        let (module, generics) = (info.module, info.generics.clone());
        let declared = std::mem::take(&mut info.bound_decls);
        let bounds = self.resolve_bounds(module, &generics, &declared);
        let info = &self.funcs[func.0 as usize];
        let copied = info.callables.iter().map(|&(_, ty)| Bound { ty, what: Need::Copy, span: info.head });
        let bounds: Vec<Bound> = info.own_bound.iter().cloned().chain(copied).chain(bounds).collect();
        let asked = self.asked_by_owner(func);
        // What is written around a function is about its own type parameters, which may be copied only there.
        let params = generics.types();
        let put = |bound: Bound| Bound {
            ty: self.types.subst(bound.ty, &params),
            what: put_into(&mut self.types, &bound.what, &params),
            span: bound.span,
        };
        let bounds: Rc<[Bound]> = bounds.into_iter().chain(asked).map(put).collect();
        self.funcs[func.0 as usize].bounds = Some(bounds.clone());
        bounds
    }

    /// Written bounds to what they ask for.
    pub(super) fn resolve_bounds(
        &mut self,
        module: ModuleId,
        generics: &Rc<Generics>,
        declared: &[(Ty, &'a TypeExpr)],
    ) -> Vec<Bound> {
        self.with_params(generics, |cx| {
            let need = |&(ty, bound): &(Ty, &'a TypeExpr)| {
                let what = cx.resolve_need(module, bound)?;
                Some(Bound { ty, what, span: bound.span })
            };
            declared.iter().filter_map(need).collect()
        })
    }

    fn resolve_need(&mut self, module: ModuleId, bound: &TypeExpr) -> Option<Need> {
        if let TypeKind::Fn { .. } = bound.kind {
            let ty = self.resolve_type(module, bound);
            return match self.types.kind(ty).clone() {
                TyKind::Fn { params, ret } => Some(Need::Call(params, ret)),
                _ => None,
            };
        }
        if bound_name(bound) == Some("Copy") {
            return Some(Need::Copy);
        }
        let (id, args) = self.resolve_trait(module, bound)?;
        Some(Need::Trait(id, args))
    }

    /// A declared type with arguments written or not.
    pub(super) fn declared_type(
        &mut self,
        module: ModuleId,
        id: StructId,
        args: &[TypeExpr],
        at: Span,
    ) -> Ty {
        let def = &self.types.structs[id.0 as usize];
        let (name, wanted) = (def.name, def.generics.len());
        let resolved: Vec<Ty> = args.iter().map(|arg| self.resolve_type(module, arg)).collect();
        if resolved.contains(&Ty::ERROR) {
            return Ty::ERROR;
        }
        if args.len() != wanted {
            let title = match (wanted, args.len()) {
                (0, _) => format!("`{name}` takes no type arguments"),
                (n, given) => format!("`{name}` takes {}, not {given}", type_arguments(n)),
            };
            let names: Vec<&str> =
                self.types.structs[id.0 as usize].generics.iter().map(|name| name.as_str()).collect();
            let mut d = Diagnostic::error(codes::TYPE_ARGUMENTS, at, title);
            if wanted > 0 {
                d = d.help(format!("write `{name}<{}>` with types for them", names.join(", ")));
            }
            self.error(d);
            return Ty::ERROR;
        }
        let ty = self.types.intern(TyKind::Struct { def: id, args: resolved });
        self.note_written(ty, at, None);
        ty
    }
}

/// A number of type arguments, in words.
pub(super) fn type_arguments(count: usize) -> String {
    match count {
        1 => "1 type argument".into(),
        _ => format!("{count} type arguments"),
    }
}

/// A bound with arguments put in.
pub(super) fn put_into(types: &mut Types, need: &Need, args: &[Ty]) -> Need {
    match need {
        Need::Copy => Need::Copy,
        Need::Trait(id, tys) => Need::Trait(*id, tys.iter().map(|&ty| types.subst(ty, args)).collect()),
        Need::Call(params, ret) => {
            let params = params.iter().map(|&ty| types.subst(ty, args)).collect();
            Need::Call(params, types.subst(*ret, args))
        }
    }
}

impl FnCx<'_, '_> {
    /// A fresh variable for each type parameter of a function.
    pub(super) fn fresh_args(&mut self, func: FuncId, span: Span) -> Vec<Ty> {
        let count = self.cx.funcs[func.0 as usize].generics.params.len();
        (0..count).map(|_| self.fresh(VarKind::General, span)).collect()
    }

    /// A declared type with fresh variables for its arguments.
    pub(super) fn fresh_type(&mut self, id: StructId, span: Span) -> Ty {
        let count = self.cx.types.structs[id.0 as usize].generics.len();
        let args = (0..count).map(|_| self.fresh(VarKind::General, span)).collect();
        self.cx.types.intern(TyKind::Struct { def: id, args })
    }

    /// A bound with arguments put in.
    pub(super) fn put(&mut self, need: &Need, args: &[Ty]) -> Need {
        put_into(&mut self.cx.types, need, args)
    }
}
