//! Looking up module-level names: a module's own, then imported ones. Builtins come after both, elsewhere.

use rustc_hash::FxHashMap;
use vex_syntax::ast::{self, Item, ItemKind, Top};
use vex_syntax::{Diagnostic, Spelling, Symbol};

use super::{Checker, Imported, Value, codes, suggest};
use crate::loader::ModuleId;
use crate::stdlib;
use crate::types::StructId;

/// The result of looking a name up.
pub(super) enum Lookup<T> {
    Found(T),
    Ambiguous(ModuleId, ModuleId),
    Missing,
}

pub(super) fn imported<T: Copy>(entry: Option<&Imported<T>>) -> Lookup<T> {
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

impl<T> From<Option<T>> for Lookup<T> {
    fn from(found: Option<T>) -> Lookup<T> {
        found.map_or(Lookup::Missing, Lookup::Found)
    }
}

impl Checker<'_> {
    /// What every module knows without an import.
    fn core_scope(&self) -> Option<&super::ModuleScope> {
        self.loaded.core().map(|core| &self.modules[core.0 as usize])
    }

    pub(super) fn lookup_value(&self, module: ModuleId, name: Symbol) -> Lookup<Value> {
        let scope = &self.modules[module.0 as usize];
        match scope.values.get(&name) {
            Some(&value) => Lookup::Found(value),
            None => match imported(scope.imported_values.get(&name)) {
                Lookup::Missing => self.core_scope().and_then(|core| core.values.get(&name).copied()).into(),
                found => found,
            },
        }
    }

    pub(super) fn lookup_type(&self, module: ModuleId, name: Symbol) -> Lookup<StructId> {
        let scope = &self.modules[module.0 as usize];
        match scope.types.get(&name) {
            Some(&id) => Lookup::Found(id),
            None => match imported(scope.imported_types.get(&name)) {
                Lookup::Missing => self.core_scope().and_then(|core| core.types.get(&name).copied()).into(),
                found => found,
            },
        }
    }

    /// The module imported under this name.
    pub(super) fn alias(&self, module: ModuleId, name: Symbol) -> Option<ModuleId> {
        self.modules[module.0 as usize].aliases.get(&name).map(|(id, _)| *id)
    }

    pub(super) fn ambiguous(
        &mut self,
        module: ModuleId,
        name: ast::Ident,
        first: ModuleId,
        second: ModuleId,
    ) {
        let (a, b) = (self.import_path(module, first), self.import_path(module, second));
        let import = match self.spelling(module) {
            Spelling::Vais => format!("U {b} as other"),
            _ => format!("import \"{b}\" as other"),
        };
        let title = format!("`{}` comes from two imports", name.name);
        let d = Diagnostic::error(codes::AMBIGUOUS, name.span, title)
            .note(format!("`{a}` and `{b}` both declare it"))
            .help(format!("import one of them under a name, `{import}`, and write `other.{}`", name.name));
        self.error(d);
    }

    /// How `module` names a module it imports.
    fn import_path(&self, module: ModuleId, from: ModuleId) -> String {
        let module = self.loaded.module(module);
        let imports = module.unit.top.iter().filter_map(|top| match top {
            Top::Item(Item { kind: ItemKind::Import(import), .. }) => Some(import),
            _ => None,
        });
        let same = |import: &&ast::ImportDecl| module.imports.get(&import.path_span) == Some(&from);
        imports.into_iter().find(same).map_or_else(String::new, |import| import.path.clone())
    }

    /// Reports a name that a module does not have; `shown` is what the module is called here.
    pub(super) fn not_in_module(&mut self, from: ModuleId, shown: &str, name: ast::Ident) {
        let scope = &self.modules[from.0 as usize];
        let known = scope.values.keys().chain(scope.types.keys()).map(|s| s.as_str());
        let near = suggest::nearest(name.name.as_str(), known);
        let title = format!("the module `{shown}` has no `{}`", name.name);
        let mut d = Diagnostic::error(codes::UNKNOWN_IMPORT, name.span, title);
        if let Some(near) = near {
            d = d.fix(format!("did you mean `{near}`?"), name.span, near);
        }
        self.error(d);
    }
}

/// How a library module is imported in this spelling.
pub(super) fn import_words(module: &str, spelling: Spelling) -> String {
    match spelling {
        Spelling::Vais => format!("U {module}"),
        _ => format!("import \"{module}\""),
    }
}

/// What a name of C or of another spelling or language is called here.
pub(super) fn known_elsewhere(name: &str, spelling: Spelling) -> Option<&'static str> {
    Some(match name {
        "malloc" if spelling != Spelling::Vais => "vex_malloc",
        "calloc" if spelling != Spelling::Vais => "vex_calloc",
        "realloc" if spelling != Spelling::Vais => "vex_realloc",
        "free" if spelling != Spelling::Vais => "vex_free",
        "memcpy" if spelling != Spelling::Vais => "vex_memcpy",
        "memmove" if spelling != Spelling::Vais => "vex_memmove",
        "memset" if spelling != Spelling::Vais => "vex_memset",
        "memcmp" if spelling != Spelling::Vais => "vex_memcmp",
        "printf" | "puts" if spelling != Spelling::Vais => "println",
        "echo" | "console" | "writeln" | "printLine" => "println",
        "NULL" | "nullptr" | "None" => "null",
        "True" => "true",
        "False" => "false",
        "this" => "self",
        _ => return None,
    })
}

/// Adds the imports of earlier inputs of a session to those of this one, which come first.
pub(super) fn keep_imports<T>(
    map: &mut FxHashMap<Symbol, Imported<T>>,
    earlier: FxHashMap<Symbol, Imported<T>>,
) {
    if map.is_empty() {
        *map = earlier;
        return;
    }
    for (name, value) in earlier {
        map.entry(name).or_insert(value);
    }
}

pub(super) fn add_import<T: Copy + PartialEq>(
    map: &mut FxHashMap<Symbol, Imported<T>>,
    name: Symbol,
    value: T,
    from: ModuleId,
) {
    map.entry(name)
        .and_modify(|old| {
            if let Imported::One(known, module) = *old
                && known != value
            {
                *old = Imported::Two(module, from);
            }
        })
        .or_insert(Imported::One(value, from));
}
