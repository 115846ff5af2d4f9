//! Names that are words of the new spelling.

use rustc_hash::FxHashSet;

use super::Rewriter;
use crate::ast::visit::{self, Visitor};
use crate::ast::{Expr, ExprKind, FnDecl, Ident, Item, ItemKind, Pattern, SourceUnit};
use crate::spelling_table::keyword;
use crate::symbol::Symbol;

/// Every name that a file declares.
#[derive(Default)]
struct Declared(FxHashSet<Symbol>);

impl Declared {
    fn add(&mut self, ident: Ident) {
        self.0.insert(ident.name);
    }
}

impl Visitor for Declared {
    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Struct(decl) => {
                self.add(decl.name);
                decl.fields.iter().for_each(|field| self.add(field.name));
                decl.generics.iter().for_each(|param| self.add(param.name));
            }
            ItemKind::Enum(decl) => {
                self.add(decl.name);
                decl.generics.iter().for_each(|param| self.add(param.name));
                for variant in &decl.variants {
                    self.add(variant.name);
                    variant.fields.iter().for_each(|field| self.add(field.name));
                }
            }
            ItemKind::Trait(decl) => {
                self.add(decl.name);
                decl.generics.iter().for_each(|param| self.add(param.name));
            }
            ItemKind::Impl(decl) => decl.generics.iter().for_each(|param| self.add(param.name)),
            ItemKind::Const(decl) | ItemKind::Global(decl) => self.add(decl.name),
            ItemKind::Import(decl) => {
                decl.alias.iter().for_each(|alias| self.add(*alias));
                decl.names.iter().flatten().filter_map(|name| name.alias).for_each(|alias| self.add(alias));
            }
            ItemKind::Fn(_) | ItemKind::Extern(_) => {}
        }
        visit::walk_item(self, item);
    }

    fn function(&mut self, function: &FnDecl) {
        self.add(function.name);
        function.generics.iter().for_each(|param| self.add(param.name));
        function.params.iter().for_each(|param| self.add(param.name));
        visit::walk_function(self, function);
    }

    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Closure(closure) = &expr.kind {
            closure.params.iter().for_each(|param| self.pattern(&param.pattern));
        }
        visit::walk_expr(self, expr);
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Name(ident) | Pattern::Mut(ident) => self.add(*ident),
            Pattern::At(at) => self.add(at.name),
            _ => {}
        }
        visit::walk_pattern(self, pattern);
    }
}

impl Rewriter<'_> {
    /// Finds other names for those declared here that are words of the new spelling.
    pub(super) fn names(&mut self, unit: &SourceUnit) {
        let mut declared = Declared::default();
        visit::walk_unit(&mut declared, unit);
        let taken: FxHashSet<&str> = self.tokens.iter().map(|token| self.slice(token.lo, token.hi)).collect();
        let mut new = FxHashSet::default();
        let mut clashing: Vec<Symbol> =
            declared.0.into_iter().filter(|name| keyword(name.as_str(), self.to).is_some()).collect();
        clashing.sort_by_key(|name| name.to_string());
        for name in clashing {
            let mut other = format!("{name}_");
            while taken.contains(&*other) || new.contains(&other) {
                other.push('_');
            }
            new.insert(other.clone());
            self.renames.insert(name, other);
        }
    }
}
