//! Declarations inside blocks: functions and types that only the block knows. They see what the module declares and
//! each other, not the variables around them.

use vex_syntax::Symbol;
use vex_syntax::ast::{self, ItemKind, StmtKind};

use super::function::FnCx;
use super::local::Binding;
use super::{Value, codes};
use crate::types::{FuncId, StructId};
use vex_syntax::Diagnostic;

/// What the names of a block's declarations meant around it.
#[derive(Default)]
pub(super) struct Outer {
    types: Vec<(Symbol, Option<StructId>)>,
    values: Vec<(Symbol, Option<Value>)>,
}

impl<'a> FnCx<'_, 'a> {
    /// Declares the functions and types of a block, and checks the functions.
    pub(super) fn declare_nested(&mut self, block: &'a ast::Block) -> Outer {
        let items = block.stmts.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Item(item) => Some(&**item),
            _ => None,
        });
        let items: Vec<&'a ast::Item> = items.collect();
        let mut outer = Outer::default();
        if items.is_empty() {
            return outer;
        }
        let (module, index) = (self.module, self.module.0 as usize);
        let (first_type, first_impl) = (self.cx.structs.len(), self.cx.impls.len());
        for item in &items {
            let name = match &item.kind {
                ItemKind::Struct(decl) => decl.name.name,
                ItemKind::Enum(decl) => decl.name.name,
                _ => continue,
            };
            if !outer.types.iter().any(|(known, _)| *known == name) {
                let old = self.cx.modules[index].types.remove(&name);
                outer.types.push((name, old));
            }
            self.cx.declare_types(module, item);
        }
        self.cx.index_variants_from(first_type);
        let mut functions: Vec<FuncId> = Vec::new();
        for item in &items {
            let ItemKind::Fn(decl) = &item.kind else { continue };
            let name = decl.name.name;
            if !outer.values.iter().any(|(known, _)| *known == name) {
                let old = self.cx.modules[index].values.remove(&name);
                outer.values.push((name, old));
            }
            // A variable of the name is hidden from here on.
            if let Some(hidden) = self.names.remove(&name) {
                self.undo.push((name, Some(hidden)));
            }
            functions.push(FuncId(self.cx.funcs.len() as u32));
            self.cx.declare_values(module, item);
        }
        for item in &items {
            self.cx.declare_contracts(module, item);
        }
        for id in first_type..self.cx.structs.len() {
            self.cx.ensure_struct(StructId(id as u32));
        }
        self.cx.complete_impls_from(first_impl);
        for func in functions {
            self.cx.check_nested(func);
        }
        outer
    }

    /// The names of a block's declarations mean again what they did around it.
    pub(super) fn forget_nested(&mut self, outer: Outer) {
        let scope = &mut self.cx.modules[self.module.0 as usize];
        for (name, old) in outer.types {
            match old {
                Some(id) => scope.types.insert(name, id),
                None => scope.types.remove(&name),
            };
        }
        for (name, old) in outer.values {
            match old {
                Some(value) => scope.values.insert(name, value),
                None => scope.values.remove(&name),
            };
        }
    }

    /// A declaration among the statements of a block.
    pub(super) fn local_item(&mut self, item: &'a ast::Item) {
        match &item.kind {
            ItemKind::Const(decl) => {
                let id = self.cx.add_const(decl, self.module);
                self.cx.ensure_const_in(id, &self.names);
                self.bind_name(decl.name.name, Binding::Const(id));
            }
            // Declared when the block began.
            ItemKind::Fn(_) | ItemKind::Struct(_) | ItemKind::Enum(_) => {}
            _ => {
                let title = "this declaration belongs to the top level of the file";
                let d = Diagnostic::error(codes::MISPLACED, item.span, title);
                self.error(d.help("move it out of the function"));
            }
        }
    }
}
