//! Traits: their declarations, and which types have them.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use vex_syntax::ast::{self, Item, ItemKind, TypeExpr, TypeKind};
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::generics::{Bound, Generics, Head, Need, type_arguments};
use super::names::Lookup;
use super::{Checker, codes, suggest};
use crate::loader::ModuleId;
use crate::typed::{Contract, Impl};
use crate::types::{FuncId, StructId, TraitId, Ty, TyKind};

/// A trait as the checker knows it.
pub(super) struct TraitInfo<'a> {
    /// `None`: an earlier input of the session declared it.
    pub(super) decl: Option<&'a ast::TraitDecl>,
    pub(super) name: Symbol,
    pub(super) span: Span,
    pub(super) module: ModuleId,
    /// `Self`, then its own type parameters.
    pub(super) generics: Rc<Generics>,
    /// Its functions in order.
    pub(super) functions: Vec<(Symbol, FuncId)>,
    /// What a type needs to have it, in terms of its parameters.
    pub(super) supers: Vec<Bound>,
}

/// That a type has a trait.
#[derive(Clone, Debug)]
pub(super) struct ImplInfo {
    pub(super) of: TraitId,
    /// Where it says so.
    pub(super) span: Span,
    pub(super) generics: Rc<Generics>,
    /// What the type's arguments have to be able to do.
    pub(super) bounds: Vec<Bound>,
    pub(super) ty: Ty,
    /// The trait's arguments.
    pub(super) args: Vec<Ty>,
    /// The functions that it brings.
    pub(super) functions: FxHashMap<Symbol, FuncId>,
    /// Whether its functions are made from the type's parts.
    pub(super) derived: bool,
}

/// The traits of the language that the compiler can make for a type whose parts have them.
const DERIVABLE: &[&str] = &["Eq", "Ord", "Hash", "Clone"];

impl<'a> Checker<'a> {
    /// Declares the name of a trait.
    pub(super) fn declare_trait(&mut self, module: ModuleId, decl: &'a ast::TraitDecl) {
        let id = TraitId(self.traits.len() as u32);
        let own = self.types.param(0, Symbol::new("Self"), false);
        let this = Generics {
            params: vec![(ast::Ident { name: Symbol::new("Self"), span: decl.name.span }, own)],
            self_ty: Some(own),
        };
        let generics = Rc::new(self.add_generics(&this, &decl.generics, &mut Vec::new()));
        self.traits.push(TraitInfo {
            decl: Some(decl),
            name: decl.name.name,
            span: decl.name.span,
            module,
            generics,
            functions: Vec::new(),
            supers: Vec::new(),
        });
        if let Some(&old) = self.modules[module.0 as usize].traits.get(&decl.name.name)
            && old.0 as usize >= self.counts().traits
        {
            let first = self.traits[old.0 as usize].span;
            return self.duplicate(decl.name, first, "trait");
        }
        let known = self.modules[module.0 as usize].traits.insert(decl.name.name, id);
        if let (Some(_), Some(base)) = (known, &mut self.session) {
            base.changed.push(decl.name.name);
        }
    }

    /// Declares a trait's functions and what it needs.
    pub(super) fn declare_trait_functions(&mut self, module: ModuleId, item: &'a Item) {
        let ItemKind::Trait(decl) = &item.kind else { return };
        let position = self.traits.iter().position(|info| info.span == decl.name.span);
        let Some(id) = position.map(|index| TraitId(index as u32)) else { return };
        let generics = self.traits[id.0 as usize].generics.clone();
        let own = generics.params[0].1;
        let supers: Vec<(Ty, &'a TypeExpr)> = decl.supers.iter().map(|bound| (own, bound)).collect();
        self.traits[id.0 as usize].supers = self.resolve_bounds(module, &generics, &supers);
        for function in &decl.functions {
            let name = format!("{}.{}", decl.name.name, function.name.name);
            let func = self.add_function(function, module, Some(own), name, false, &generics);
            self.funcs[func.0 as usize].of_trait = Some(id);
            // In the trait's own functions `Self` has the trait.
            let args = generics.params[1..].iter().map(|(_, ty)| *ty).collect();
            let own = Bound { ty: own, what: Need::Trait(id, args), span: decl.name.span };
            self.funcs[func.0 as usize].own_bound = Some(own);
            let functions = &mut self.traits[id.0 as usize].functions;
            if let Some(&(_, old)) = functions.iter().find(|(name, _)| *name == function.name.name) {
                let first = self.funcs[old.0 as usize].ident.span;
                self.duplicate(function.name, first, "method");
                continue;
            }
            functions.push((function.name.name, func));
            self.trait_functions.entry(function.name.name).or_default().push((id, func));
        }
    }

    /// The trait of this name.
    pub(super) fn lookup_trait(&self, module: ModuleId, name: Symbol) -> Lookup<TraitId> {
        let name = Symbol::new(name.as_str().trim_start_matches('$'));
        let scope = &self.modules[module.0 as usize];
        match scope.traits.get(&name) {
            Some(&id) => Lookup::Found(id),
            None => match super::names::imported(scope.imported_traits.get(&name)) {
                Lookup::Missing => self.core_trait(name.as_str()).map_or(Lookup::Missing, Lookup::Found),
                found => found,
            },
        }
    }

    /// A declared type of the language.
    pub(super) fn core_type(&self, name: &str) -> Option<StructId> {
        let core = self.loaded.core()?;
        self.modules[core.0 as usize].types.get(&Symbol::new(name)).copied()
    }

    /// A trait of the language.
    pub(super) fn core_trait(&self, name: &str) -> Option<TraitId> {
        let core = self.loaded.core()?;
        self.modules[core.0 as usize].traits.get(&Symbol::new(name)).copied()
    }

    /// A written trait with its arguments.
    pub(super) fn resolve_trait(
        &mut self,
        module: ModuleId,
        written: &TypeExpr,
    ) -> Option<(TraitId, Vec<Ty>)> {
        let TypeKind::Path { names, args } = &written.kind else {
            let d = Diagnostic::error(codes::UNKNOWN_TYPE, written.span, "a trait is needed here");
            self.error(d);
            return None;
        };
        let found = match names.as_slice() {
            [name] => self.lookup_trait(module, name.name),
            [alias, name] => match self.alias(module, alias.name) {
                Some(from) => self.modules[from.0 as usize].traits.get(&name.name).copied().into(),
                None => Lookup::Missing,
            },
            _ => Lookup::Missing,
        };
        let name = *names.last()?;
        let id = match found {
            Lookup::Found(id) => id,
            Lookup::Ambiguous(first, second) => {
                self.ambiguous(module, name, first, second);
                return None;
            }
            Lookup::Missing => {
                self.unknown_trait(module, name);
                return None;
            }
        };
        let args: Vec<Ty> = args.iter().map(|arg| self.resolve_type(module, arg)).collect();
        let wanted = self.traits[id.0 as usize].generics.params.len() - 1;
        if args.contains(&Ty::ERROR) {
            return None;
        }
        if args.len() != wanted {
            let title =
                format!("the trait `{}` takes {}, not {}", name.name, type_arguments(wanted), args.len());
            self.error(Diagnostic::error(codes::TYPE_ARGUMENTS, written.span, title));
            return None;
        }
        Some((id, args))
    }

    fn unknown_trait(&mut self, module: ModuleId, name: ast::Ident) {
        let mut d =
            Diagnostic::error(codes::UNKNOWN_TYPE, name.span, format!("there is no trait `{}`", name.name));
        let scope = &self.modules[module.0 as usize];
        let core = self.loaded.core().map(|core| &self.modules[core.0 as usize]);
        let known = scope.traits.keys().chain(scope.imported_traits.keys());
        let known = known.chain(core.into_iter().flat_map(|core| core.traits.keys())).map(|s| s.as_str());
        if let Lookup::Found(_) = self.lookup_type(module, name.name) {
            d = d.note(format!("`{}` is a type", name.name));
        } else if let Some(near) = suggest::nearest(name.name.as_str(), known.chain(["Copy", "Drop"])) {
            d = d.fix(format!("did you mean `{near}`?"), name.span, near);
        }
        self.error(d);
    }

    /// Notes that a type has a trait; `functions` are those that come with it.
    pub(super) fn add_impl(
        &mut self,
        module: ModuleId,
        (generics, bounds): (&Rc<Generics>, Vec<Bound>),
        ty: Ty,
        contract: &'a TypeExpr,
        functions: FxHashMap<Symbol, FuncId>,
    ) {
        let resolved = self.with_params(generics, |cx| cx.resolve_trait(module, contract));
        let Some((of, args)) = resolved else { return };
        if let TyKind::Param { .. } | TyKind::Never = self.types.kind(ty) {
            let title = "a trait cannot be given to every type at once";
            let d = Diagnostic::error(codes::CONTRACT, contract.span, title);
            return self.error(d.help("name the types, or give the trait's functions a body"));
        }
        let head = self.head(ty);
        if let Some(&old) = self.impl_index.get(&(of, head))
            && old as usize >= self.counts().impls
        {
            let first = self.impls[old as usize].span;
            let title = format!("{} has the trait `{}` twice", self.a(ty), self.traits[of.0 as usize].name);
            let d = Diagnostic::error(codes::DUPLICATE, contract.span, title).at("again here");
            return self.error(d.label(first, "first here").help("remove one of them"));
        }
        let known = self.impl_index.insert((of, head), self.impls.len() as u32);
        if let (Some(_), Some(base)) = (known, &mut self.session) {
            base.given_again.push(of);
        }
        let span = contract.span;
        let derived = false;
        self.impls.push(ImplInfo {
            of,
            span,
            generics: generics.clone(),
            bounds,
            ty,
            args,
            functions,
            derived,
        });
    }

    /// Finds the functions of every trait that a type says it has: its own methods, or made from its parts.
    pub(super) fn complete_impls(&mut self) {
        self.complete_impls_from(self.counts().impls);
    }

    /// The same for the impls from this number on.
    pub(super) fn complete_impls_from(&mut self, first: usize) {
        for index in first..self.impls.len() {
            self.complete_impl(index);
        }
    }

    fn complete_impl(&mut self, index: usize) {
        let ImplInfo { of, ty, span, .. } = self.impls[index].clone();
        let trait_name = self.traits[of.0 as usize].name;
        let is_core = Some(self.traits[of.0 as usize].module) == self.loaded.core();
        let mut missing = Vec::new();
        for (name, func) in self.traits[of.0 as usize].functions.clone() {
            if let Some(&own) = self.impls[index].functions.get(&name) {
                self.check_same(index, func, own);
                continue;
            }
            if let Some(own) = self.method_of(ty, name)
                && self.funcs[own.0 as usize].of_trait.is_none()
            {
                self.check_same(index, func, own);
                self.impls[index].functions.insert(name, own);
                continue;
            }
            if !self.has_body(func) {
                missing.push(name);
            }
        }
        if missing.is_empty() {
            return;
        }
        let declared = matches!(self.types.kind(ty), TyKind::Struct { .. });
        if is_core && declared && DERIVABLE.contains(&trait_name.as_str()) {
            self.derive(index);
            return;
        }
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let title = format!("{} has the trait `{trait_name}` but lacks {}", self.a(ty), names.join(", "));
        let at = self.traits[of.0 as usize].span;
        let mut d = Diagnostic::error(codes::CONTRACT, span, title);
        if self.traits[of.0 as usize].decl.is_some() {
            d = d.label(at, "the trait is declared here");
        }
        let heads: Vec<String> = missing.iter().map(|name| self.method_head(of, *name, ty)).collect();
        self.error(d.help(format!("declare {}", heads.join(", "))));
    }

    /// What a function of a trait looks like on a type, for messages.
    fn method_head(&mut self, of: TraitId, name: Symbol, ty: Ty) -> String {
        let func = self.traits[of.0 as usize].functions.iter().find(|(n, _)| *n == name).map(|(_, f)| *f);
        let Some(func) = func else { return format!("`{name}`") };
        let signature = self.signature(func);
        let own: Vec<Ty> = signature.params.iter().map(|&param| self.types.subst(param, &[ty])).collect();
        let shown: Vec<String> = own
            .iter()
            .skip(usize::from(signature.has_self))
            .zip(&signature.names)
            .map(|(&ty, name)| format!("{name}: {}", self.show(ty)))
            .collect();
        let ret = self.types.subst(signature.ret, &[ty]);
        let ret = if ret == Ty::UNIT { String::new() } else { format!(": {}", self.show(ret)) };
        match own.first().filter(|_| signature.has_self) {
            Some(&receiver) => {
                format!("`fn (self: {}) {name}({}){ret}`", self.show(receiver), shown.join(", "))
            }
            None => format!("`fn {}.{name}({}){ret}`", self.show(ty), shown.join(", ")),
        }
    }

    fn has_body(&self, func: FuncId) -> bool {
        let info = &self.funcs[func.0 as usize];
        info.decl.is_none_or(|decl| decl.body.is_some()) && !info.required
    }

    /// The type gets the trait's functions from its parts, which need the trait, too.
    fn derive(&mut self, index: usize) {
        let ImplInfo { of, generics, span, .. } = self.impls[index].clone();
        for (_, ty) in &generics.params {
            let what = Need::Trait(of, Vec::new());
            self.impls[index].bounds.push(Bound { ty: *ty, what, span });
        }
        self.impls[index].derived = true;
    }

    /// Checks that the parts of types with derived traits have them.
    pub(super) fn check_derived(&mut self) {
        for index in self.counts().impls..self.impls.len() {
            if !self.impls[index].derived {
                continue;
            }
            let ImplInfo { of, ty, span, bounds, .. } = self.impls[index].clone();
            let name = self.traits[of.0 as usize].name;
            for (field, at) in self.parts_with_places(ty) {
                if field != Ty::ERROR && !self.has_trait(field, of, &bounds) {
                    let title = format!(
                        "{} has no `{name}`, so {} cannot get it from its parts",
                        self.a(field),
                        self.a(ty)
                    );
                    let d = Diagnostic::error(codes::BOUND, at, title).at("this part");
                    let d = d.label(span, format!("`{name}` is asked for here"));
                    self.error(d.help(format!(
                        "give the part's type the trait, or declare the functions of `{name}` by hand"
                    )));
                }
            }
        }
    }

    fn parts_with_places(&self, ty: Ty) -> Vec<(Ty, Span)> {
        let Some(def) = self.types.struct_of(ty) else { return Vec::new() };
        let fields = def.fields.iter().chain(def.variants.iter().flatten().flat_map(|v| &v.fields));
        fields.map(|field| (field.ty, field.span)).collect()
    }

    /// Whether the function that a type brings for a trait has the trait's types.
    fn check_same(&mut self, index: usize, wanted: FuncId, own: FuncId) {
        let ImplInfo { of, ty, args, generics, .. } = self.impls[index].clone();
        let (theirs, ours) = (self.signature(wanted), self.signature(own));
        if ours.ret == Ty::ERROR || ours.params.contains(&Ty::ERROR) {
            return;
        }
        let trait_params = self.traits[of.0 as usize].generics.params.len();
        let more = self.funcs[wanted.0 as usize].generics.params.len() - trait_params;
        let own_generics = self.funcs[own.0 as usize].generics.clone();
        let first = generics.params.len().min(own_generics.params.len());
        let mut put: Vec<Ty> = [ty].into_iter().chain(args).collect();
        put.extend(own_generics.params[first..].iter().map(|(_, ty)| *ty));
        // In `.vais` there is one kind of reference; a trait of another module may say the other.
        let loose = self.spelling(self.funcs[own.0 as usize].module) == Spelling::Vais;
        let same = own_generics.params.len() - first == more
            && theirs.params.len() == ours.params.len()
            && theirs.has_self == ours.has_self
            && theirs.params.iter().zip(&ours.params).all(|(&a, &b)| self.fits(a, b, &put, loose))
            && self.fits(theirs.ret, ours.ret, &put, loose);
        if same {
            return;
        }
        let name = self.funcs[own.0 as usize].ident;
        let trait_name = self.traits[of.0 as usize].name;
        let title = format!("`{}` does not look as the trait `{trait_name}` says", name.name);
        let at = self.funcs[wanted.0 as usize].head;
        let mut d = Diagnostic::error(codes::CONTRACT, name.span, title);
        if self.funcs[wanted.0 as usize].decl.is_some() {
            d = d.label(at, "the trait declares it so");
        }
        let head = self.method_head(of, name.name, ty);
        self.error(d.help(format!("declare it as {head}")));
    }

    /// Whether a type of a trait's function is that of a type's own; a reference that is only read may be of either
    /// kind in a receiver. `loose`: so may any other.
    fn fits(&mut self, theirs: Ty, ours: Ty, put: &[Ty], loose: bool) -> bool {
        let theirs = self.types.subst(theirs, put);
        theirs == ours
            || matches!(
                (self.types.kind(theirs), self.types.kind(ours)),
                (TyKind::Ref { mutable: true, pointee: a }, TyKind::Ref { mutable: false, pointee: b }) if a == b
            )
            || loose
                && match (self.types.kind(theirs), self.types.kind(ours)) {
                    (TyKind::Ref { pointee: a, .. }, TyKind::Ref { pointee: b, .. })
                    | (TyKind::Slice { elem: a, .. }, TyKind::Slice { elem: b, .. }) => a == b,
                    _ => false,
                }
    }

    /// What monomorphisation needs to know of traits.
    pub(super) fn contracts(&self) -> Contract {
        let functions = self
            .funcs
            .iter()
            .enumerate()
            .filter_map(|(index, info)| Some((FuncId(index as u32), (info.of_trait?, info.ident.name))));
        let impls = self.impls.iter().map(|info| Impl {
            of: info.of,
            generics: info.generics.params.len() as u32,
            ty: info.ty,
            args: info.args.clone(),
            functions: info.functions.clone(),
            derived: info.derived,
            needs: info.bounds.iter().filter_map(needed_trait).collect(),
        });
        let core = |name| self.core_trait(name);
        Contract {
            functions: functions.collect(),
            impls: impls.collect(),
            declared: self.traits.iter().map(|info| info.functions.clone()).collect(),
            eq: core("Eq"),
            ord: core("Ord"),
            hash: core("Hash"),
            clone: core("Clone"),
            display: core("Display"),
            arithmetic: super::overload::NUMERIC
                .iter()
                .filter_map(|name| Some((core(name)?, super::overload::operator_of(name))))
                .collect(),
        }
    }

    /// Whether a type has a trait, where these bounds hold.
    pub(super) fn has_trait(&mut self, ty: Ty, of: TraitId, bounds: &[Bound]) -> bool {
        self.has(ty, &Need::Trait(of, Vec::new()), bounds, 0)
    }

    /// The impl of a trait that is found by a type's head.
    pub(super) fn impl_of(&self, of: TraitId, head: Head) -> Option<&ImplInfo> {
        self.impl_index.get(&(of, head)).map(|&index| &self.impls[index as usize])
    }
}

/// The type and the trait of a bound, if it is one of a trait.
fn needed_trait(bound: &Bound) -> Option<(Ty, TraitId)> {
    match bound.what {
        Need::Trait(of, _) => Some((bound.ty, of)),
        _ => None,
    }
}
