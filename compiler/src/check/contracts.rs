//! Declares methods, and what types say they can do: these need the types of all modules, so they come last.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use vex_syntax::ast::{self, Item, ItemKind};
use vex_syntax::{Diagnostic, Span};

use super::generics::Generics;
use super::{Checker, Value, codes};
use crate::loader::ModuleId;
use crate::types::{FuncId, Ty, TyKind};

impl<'a> Checker<'a> {
    pub(super) fn declare_methods(&mut self, module: ModuleId, item: &'a Item) {
        match &item.kind {
            ItemKind::Fn(decl) => {
                let written = match (&decl.owner, &decl.self_param) {
                    (Some(ty), _) => ty,
                    (None, Some(param)) => match &param.ty {
                        Some(ty) => ty,
                        None => {
                            let title = "a receiver outside an `impl` needs its type";
                            let d = Diagnostic::error(codes::MISPLACED, param.span, title);
                            return self.error(d.help("write `(self: &T)` or `(self: &T!)`"));
                        }
                    },
                    (None, None) => return,
                };
                let (owner, generics) = self.owner_of(module, written, &decl.generics, Generics::default());
                self.declare_method(module, owner, decl, &generics);
            }
            ItemKind::Impl(block) => self.declare_impl(module, block),
            _ => {}
        }
    }

    /// The type whose methods are declared, and the type parameters it declares itself.
    fn owner_of(
        &mut self,
        module: ModuleId,
        written: &'a ast::TypeExpr,
        declared: &[ast::GenericParam],
        outer: Generics,
    ) -> (Ty, Rc<Generics>) {
        let generics = Rc::new(self.owner_generics(module, written, declared, outer));
        // `fn Vec.new<T>()` leaves the arguments out: the owner is the type with its own parameters.
        let bare = match &written.kind {
            ast::TypeKind::Path { names, args } if args.is_empty() && names.len() == 1 => {
                match self.lookup_type(module, names[0].name) {
                    super::names::Lookup::Found(id) => Some(id),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(id) = bare
            && !self.structs[id.0 as usize].generics.params.is_empty()
        {
            // With other bounds than the type's own, perhaps.
            let names: Vec<ast::Ident> =
                self.structs[id.0 as usize].generics.params.iter().map(|(name, _)| *name).collect();
            let mut known = Generics::default();
            for name in names {
                known = self.add_param(known, name, declared);
            }
            let owner = self.types.intern(TyKind::Struct { def: id, args: known.types() });
            return (owner, Rc::new(Generics { self_ty: Some(owner), ..known }));
        }
        let owner = self.with_params(&generics, |cx| cx.resolve_type(module, written));
        let owner = self.receiver_base(owner);
        let mut generics = (*generics).clone();
        generics.self_ty = Some(owner);
        (owner, Rc::new(generics))
    }

    fn declare_impl(&mut self, module: ModuleId, block: &'a ast::ImplDecl) {
        let mut bounds = Vec::new();
        let own = self.add_generics(&Generics::default(), &block.generics, &mut bounds);
        let (owner, generics) = self.owner_of(module, &block.ty, &[], own);
        if owner == Ty::ERROR {
            return;
        }
        let is_drop = block.contract.as_ref().is_some_and(is_drop);
        let mut functions = FxHashMap::default();
        for decl in &block.functions {
            let func = match &block.contract {
                Some(_) if !is_drop => self.declare_trait_method(module, owner, decl, &generics),
                _ => self.declare_method(module, owner, decl, &generics),
            };
            let Some(func) = func else { continue };
            self.funcs[func.0 as usize].bound_decls.splice(0..0, bounds.iter().copied());
            functions.insert(decl.name.name, func);
        }
        if let (Some(contract), false) = (&block.contract, is_drop) {
            let bounds = self.resolve_bounds(module, &generics, &bounds);
            self.add_impl(module, (&generics, bounds), owner, contract, functions);
        }
    }

    /// A function that a type brings for a trait; it is a method of the type, too, unless it has one of the name.
    fn declare_trait_method(
        &mut self,
        module: ModuleId,
        owner: Ty,
        decl: &'a ast::FnDecl,
        generics: &Rc<Generics>,
    ) -> Option<FuncId> {
        let name = format!("{}.{}", self.show(owner), decl.name.name);
        let func = self.add_function(decl, module, Some(owner), name, false, generics);
        self.methods.entry((self.head(owner), decl.name.name)).or_insert(func);
        Some(func)
    }

    /// `T` of `T`, `&T`, `&T!`, `*T`.
    pub(super) fn receiver_base(&self, ty: Ty) -> Ty {
        match self.types.kind(ty) {
            TyKind::Ref { pointee, .. } | TyKind::RawPtr { pointee, .. } => *pointee,
            _ => ty,
        }
    }

    pub(super) fn declare_contracts(&mut self, module: ModuleId, item: &'a Item) {
        match &item.kind {
            ItemKind::Struct(decl) => self.own_contracts(module, decl.name, &decl.contracts),
            ItemKind::Enum(decl) => self.own_contracts(module, decl.name, &decl.contracts),
            ItemKind::Impl(block) => {
                let Some(contract) = block.contract.as_ref().filter(|contract| is_drop(contract)) else {
                    return;
                };
                let own = self.add_generics(&Generics::default(), &block.generics, &mut Vec::new());
                let (owner, _) = self.owner_of(module, &block.ty, &[], own);
                self.declares_drop(owner, contract.span);
            }
            _ => {}
        }
    }

    /// What follows the name of a declared type.
    fn own_contracts(&mut self, module: ModuleId, name: ast::Ident, contracts: &'a [ast::TypeExpr]) {
        let Some(&id) = self.modules[module.0 as usize].types.get(&name.name) else { return };
        let generics = self.structs[id.0 as usize].generics.clone();
        let owner = self.types.intern(TyKind::Struct { def: id, args: generics.types() });
        for contract in contracts {
            if is_drop(contract) {
                self.declares_drop(owner, name.span);
            } else if is_copy(contract) {
                self.asks_for_copies.push((owner, contract.span));
            } else {
                self.add_impl(module, (&generics, Vec::new()), owner, contract, FxHashMap::default());
            }
        }
    }

    fn declares_drop(&mut self, owner: Ty, at: Span) {
        match *self.types.kind(owner) {
            TyKind::Struct { def, .. } if (def.0 as usize) < self.counts().structs => {
                let title = "`$Drop` is declared together with the structure";
                let d = Diagnostic::error(codes::DROP, at, title).at("an earlier input declared it without");
                self.error(d.help("declare the structure again, with `$Drop`"));
            }
            TyKind::Struct { def, .. } if self.is_enum(def) => self.enum_with_drop(at),
            TyKind::Struct { def, .. } => self.types.structs[def.0 as usize].declares_drop = true,
            TyKind::Error => {}
            _ => {
                let title = "only a structure can declare `$Drop`";
                self.error(Diagnostic::error(codes::DROP, at, title).at("this is none"));
            }
        }
    }

    fn declare_method(
        &mut self,
        module: ModuleId,
        owner: Ty,
        decl: &'a ast::FnDecl,
        generics: &Rc<Generics>,
    ) -> Option<FuncId> {
        if owner == Ty::ERROR {
            return None;
        }
        let name = format!("{}.{}", self.show(owner), decl.name.name);
        let id = self.add_function(decl, module, Some(owner), name, false, generics);
        match self.method_of(owner, decl.name.name) {
            Some(old) if !self.is_earlier(Value::Func(old)) => {
                let first = self.funcs[old.0 as usize].ident.span;
                self.duplicate(decl.name, first, "method");
                return None;
            }
            Some(old) => self.replaced(Value::Func(old), Value::Func(id)),
            None => {}
        }
        self.methods.insert((self.head(owner), decl.name.name), id);
        Some(id)
    }
}

/// Whether a written contract is `$Drop`.
fn is_drop(contract: &ast::TypeExpr) -> bool {
    matches!(&contract.kind, ast::TypeKind::Path { names, .. }
        if names.len() == 1 && matches!(names[0].name.as_str(), "Drop" | "$Drop"))
}

/// Whether a written contract is `Copy`.
fn is_copy(contract: &ast::TypeExpr) -> bool {
    matches!(&contract.kind, ast::TypeKind::Path { names, .. }
        if names.len() == 1 && matches!(names[0].name.as_str(), "Copy" | "$Copy"))
}
