//! What the commands of a session ask about its declarations.

use vex_syntax::{Span, Symbol};

use super::super::generics::{Head, Need, head};
use super::super::{ImplInfo, Imported, Value};
use super::{Environment, INPUTS};
use crate::loader::ModuleId;
use crate::typed::{Const, GlobalId};
use crate::types::{FuncId, StructId, TraitId, Ty, TyKind, Types};

impl Environment {
    /// The variable that a name of the session means.
    pub fn variable(&self, name: &str) -> Option<GlobalId> {
        match self.modules.first()?.values.get(&Symbol::new(name))? {
            Value::Global(id) => Some(*id),
            _ => None,
        }
    }

    /// The function that a name of the session means.
    pub fn function(&self, name: &str) -> Option<FuncId> {
        match self.modules.first()?.values.get(&Symbol::new(name))? {
            Value::Func(id) => Some(*id),
            _ => None,
        }
    }

    /// The variables that names of the session mean, in the order they were declared; `_` among them.
    pub fn variables(&self) -> Vec<GlobalId> {
        let values = self.modules.first().into_iter().flat_map(|scope| scope.values.values());
        let globals = values.filter_map(|value| if let Value::Global(id) = value { Some(*id) } else { None });
        let mut globals: Vec<GlobalId> =
            globals.filter(|id| !self.globals[id.0 as usize].is_constant()).collect();
        globals.sort_unstable();
        globals
    }

    /// The functions and methods that the session's inputs declared and that still have their names, in order.
    pub fn functions(&self) -> Vec<FuncId> {
        let named = self.modules.first().into_iter().flat_map(|scope| scope.values.values());
        let named = named.filter_map(|value| if let Value::Func(id) = value { Some(*id) } else { None });
        let mut all: Vec<FuncId> = named.chain(self.methods.values().copied()).collect();
        all.retain(|id| self.funcs[id.0 as usize].module == ModuleId(INPUTS as u32));
        all.sort_unstable_by_key(|id| id.0);
        all.dedup();
        all
    }

    /// The structures that names of the session mean, in order.
    pub fn structs(&self) -> Vec<StructId> {
        let named = self.modules.first().into_iter().flat_map(|scope| scope.types.values().copied());
        let mut all: Vec<StructId> = named.collect();
        all.sort_unstable_by_key(|id| id.0);
        all
    }

    /// The constants that names of the session mean: name, type and value.
    pub fn constants(&self) -> Vec<(Symbol, Ty, Option<&Const>)> {
        let values = self.modules.first().into_iter().flat_map(|scope| scope.values.values());
        let ids = values.filter_map(|value| if let Value::Const(id) = value { Some(*id) } else { None });
        let mut ids: Vec<u32> = ids.collect();
        ids.sort_unstable();
        ids.into_iter()
            .map(|id| &self.consts[id as usize])
            .map(|c| (c.name, c.ty, c.value.as_ref()))
            .collect()
    }

    /// Whether a variable can be assigned to.
    pub fn is_mutable(&self, id: GlobalId) -> bool {
        self.globals[id.0 as usize].mutable
    }

    /// The name that a function was declared by.
    pub fn declared_name(&self, id: FuncId) -> Symbol {
        self.funcs[id.0 as usize].ident.name
    }

    /// The place of a function's whole head, and of its name.
    pub fn head(&self, id: FuncId) -> (Span, Span) {
        let info = &self.funcs[id.0 as usize];
        (info.head, info.ident.span)
    }

    /// Every name that can be written at the top level: own and imported values and types, and module names.
    pub fn names(&self) -> Vec<Symbol> {
        let Some(scope) = self.modules.first() else { return Vec::new() };
        let values = scope.values.keys().chain(scope.imported_values.keys());
        let types = scope.types.keys().chain(scope.imported_types.keys());
        let traits = scope.traits.keys().chain(scope.imported_traits.keys());
        values.chain(types).chain(traits).chain(scope.aliases.keys()).copied().collect()
    }

    /// The names of a module that was imported under `alias`.
    pub fn names_of_module(&self, alias: &str) -> Vec<Symbol> {
        let module = self.modules.first().and_then(|scope| scope.aliases.get(&Symbol::new(alias)));
        let scope = module.and_then(|(id, _)| self.modules.get(id.0 as usize));
        let names =
            scope.into_iter().flat_map(|s| s.values.keys().chain(s.types.keys()).chain(s.traits.keys()));
        names.copied().collect()
    }

    /// The methods and static functions of a type.
    pub fn methods_of(&self, types: &Types, ty: Ty) -> Vec<(Symbol, FuncId)> {
        let head = head(types, ty);
        let of = self.methods.iter().filter(|((owner, _), _)| *owner == head);
        of.map(|((_, name), func)| (*name, *func)).collect()
    }

    /// The functions that a type has by its traits, own ones or those of the traits.
    pub fn trait_functions_of(&self, types: &Types, ty: Ty) -> Vec<(Symbol, FuncId)> {
        let has = |known: &&ImplInfo| {
            types.matches(known.ty, ty, &mut vec![Ty::ERROR; known.generics.params.len()])
        };
        let traits = self.impls.iter().filter(has).map(|known| &self.traits[known.of.0 as usize]);
        traits.flat_map(|known| known.functions.iter().copied()).collect()
    }

    /// The trait that a name of the session means: where it is declared, and its functions.
    pub fn trait_named(&self, name: &str) -> Option<(Span, &[(Symbol, FuncId)])> {
        let (scope, name) = (self.modules.first()?, Symbol::new(name));
        let imported = || match scope.imported_traits.get(&name) {
            Some(Imported::One(id, _)) => Some(*id),
            _ => None,
        };
        let id = scope.traits.get(&name).copied().or_else(imported)?;
        let known = &self.traits[id.0 as usize];
        Some((known.span, &known.functions))
    }

    /// The traits that the session's inputs declared and that still have their names, in order.
    pub fn traits(&self) -> Vec<Symbol> {
        let named = self.modules.first().into_iter().flat_map(|scope| &scope.traits);
        let mut all: Vec<(Symbol, TraitId)> = named.map(|(name, id)| (*name, *id)).collect();
        all.sort_unstable_by_key(|(_, id)| id.0);
        all.into_iter().map(|(name, _)| name).collect()
    }

    /// The type parameters that a function declares, with their bounds: `<T: Ord, U>`; empty without any.
    pub fn type_parameters(&self, types: &Types, id: FuncId) -> String {
        let info = &self.funcs[id.0 as usize];
        // A parameter that takes closures has a type parameter without a name of its own.
        let named = |param: &&(vex_syntax::ast::Ident, Ty)| !param.0.name.as_str().contains('(');
        let all: Vec<_> = info.generics.params.iter().filter(named).collect();
        let own = &all[all.len().saturating_sub(info.decl_generics as usize)..];
        let bounds = |ty: Ty| {
            let bounds =
                info.bounds.iter().flat_map(|bounds| bounds.iter()).filter(move |bound| bound.ty == ty);
            bounds.map(|bound| self.need_text(types, &bound.what)).collect::<Vec<_>>().join(" + ")
        };
        let shown = own.iter().map(|(name, ty)| match bounds(*ty) {
            bounds if bounds.is_empty() => name.name.to_string(),
            bounds => format!("{}: {bounds}", name.name),
        });
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { String::new() } else { format!("<{}>", shown.join(", ")) }
    }

    fn need_text(&self, types: &Types, need: &Need) -> String {
        let list = |tys: &[Ty]| tys.iter().map(|&ty| types.display(ty)).collect::<Vec<_>>().join(", ");
        match need {
            Need::Copy => "Copy".to_string(),
            Need::Call(params, ret) if *ret == Ty::UNIT => format!("fn({})", list(params)),
            Need::Call(params, ret) => format!("fn({}): {}", list(params), types.display(*ret)),
            Need::Trait(id, args) => {
                let name = self.traits[id.0 as usize].name;
                if args.is_empty() { name.to_string() } else { format!("{name}<{}>", list(args)) }
            }
        }
    }

    /// Whether the type that now has the name of a method's type has a method of that name already.
    pub fn is_method_again(&self, types: &Types, id: FuncId) -> bool {
        let info = &self.funcs[id.0 as usize];
        let Some(TyKind::Struct { def, .. }) = info.owner.map(|ty| types.kind(ty)) else { return false };
        let scope = self.modules.first();
        let now = scope.and_then(|scope| scope.types.get(&types.structs[def.0 as usize].name));
        now.is_some_and(|now| {
            now != def && self.methods.contains_key(&(Head::Declared(*now), info.ident.name))
        })
    }

    /// Whether a function takes a receiver.
    pub fn has_receiver(&self, id: FuncId) -> bool {
        self.funcs[id.0 as usize].signature.as_ref().is_some_and(|signature| signature.has_self)
    }

    /// The names of a function's parameters, receiver excluded.
    pub fn parameter_names(&self, id: FuncId) -> Vec<Symbol> {
        let signature = self.funcs[id.0 as usize].signature.as_ref();
        signature.map(|signature| signature.names.clone()).unwrap_or_default()
    }

    /// The structure that a name of the session means.
    pub fn struct_named(&self, name: &str) -> Option<StructId> {
        let (scope, name) = (self.modules.first()?, Symbol::new(name));
        let imported = || match scope.imported_types.get(&name) {
            Some(Imported::One(id, _)) => Some(*id),
            _ => None,
        };
        scope.types.get(&name).copied().or_else(imported)
    }
}
