//! Looking up module-level names: a module's own, then imported ones. Builtins come after both, elsewhere.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Symbol};

use super::{Checker, Imported, Value, codes};
use crate::loader::ModuleId;
use crate::stdlib;
use crate::types::StructId;

/// The result of looking a name up.
pub(super) enum Lookup<T> {
    Found(T),
    Ambiguous(ModuleId, ModuleId),
    Missing,
}

fn imported<T: Copy>(entry: Option<&Imported<T>>) -> Lookup<T> {
    match entry {
        Some(Imported::One(value, _)) => Lookup::Found(*value),
        Some(Imported::Two(first, second)) => Lookup::Ambiguous(*first, *second),
        None => Lookup::Missing,
    }
}

/// The library module that declares `name`, for a hint to import it.
pub(super) fn library_module_of(name: &str) -> Option<&'static str> {
    let declares = |text: &str| {
        text.lines().any(|line| {
            let line = line.trim_start();
            let keyword = ["fn ", "function ", "F ", "S ", "struct ", "const ", "C "];
            keyword.iter().filter_map(|k| line.strip_prefix(k)).any(|rest| {
                rest.strip_prefix(name)
                    .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            })
        })
    };
    stdlib::modules().iter().find(|m| declares(m.text)).map(|m| m.name)
}

impl Checker<'_> {
    pub(super) fn lookup_value(&self, module: ModuleId, name: Symbol) -> Lookup<Value> {
        let scope = &self.modules[module.0 as usize];
        match scope.values.get(&name) {
            Some(&value) => Lookup::Found(value),
            None => imported(scope.imported_values.get(&name)),
        }
    }

    pub(super) fn lookup_type(&self, module: ModuleId, name: Symbol) -> Lookup<StructId> {
        let scope = &self.modules[module.0 as usize];
        match scope.types.get(&name) {
            Some(&id) => Lookup::Found(id),
            None => imported(scope.imported_types.get(&name)),
        }
    }

    pub(super) fn ambiguous(&mut self, name: ast::Ident, first: ModuleId, second: ModuleId) {
        let file = |id: ModuleId| self.sources.file(self.loaded.module(id).file).name.clone();
        let title = format!("`{}` comes from two imports", name.name);
        let d = Diagnostic::error(codes::AMBIGUOUS, name.span, title)
            .note(format!("`{}` and `{}` both declare it", file(first), file(second)))
            .help("import one of them under a name, `import \"m\" as n`, and write `n.name`");
        self.error(d);
    }
}
