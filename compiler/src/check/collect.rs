//! Declares every name of every module before any type or body is looked at, so order does not matter.

use std::rc::Rc;
use std::sync::LazyLock;

use vex_syntax::ast::{self, Item, ItemKind, StmtKind, Top};
use vex_syntax::{Diagnostic, Span, Symbol};

use super::generics::Generics;
use super::names::{add_import, keep_imports};
use super::{
    Checker, ConstInfo, ConstSource, FuncInfo, GlobalInfo, GlobalKind, ModuleScope, Script, State,
    StructInfo, Value, codes,
};
use crate::loader::ModuleId;
use crate::typed::GlobalId;
use crate::types::{FuncId, StructDef, StructId, Ty};

/// The declaration that stands for a script's statements: a function `main` without parameters.
pub(super) fn script_declaration() -> &'static ast::FnDecl {
    static DECL: LazyLock<ast::FnDecl> = LazyLock::new(|| ast::FnDecl {
        name: ast::Ident { name: Symbol::new("main"), span: Span::NONE },
        mutating: false,
        owner: None,
        self_param: None,
        generics: Vec::new(),
        params: Vec::new(),
        ret: None,
        body: None,
        head: Span::NONE,
        doc: String::new(),
    });
    &DECL
}

impl<'a> Checker<'a> {
    pub(super) fn collect(&mut self) {
        let loaded = self.loaded;
        for (index, module) in loaded.modules.iter().enumerate() {
            let id = ModuleId(index as u32);
            for top in &module.unit.top {
                if let Top::Item(item) = top {
                    self.declare_types(id, item);
                }
            }
        }
        self.index_variants();
        // What a module imports is declared before it. That is the order they are in, except in a session, whose own
        // module is the first.
        let main = loaded.main().0 as usize;
        let order = (0..loaded.modules.len()).filter(|index| *index != main).chain([main]);
        for index in order.filter(|index| *index < loaded.modules.len()) {
            let (id, module) = (ModuleId(index as u32), &loaded.modules[index]);
            for top in &module.unit.top {
                if let Top::Item(item) = top {
                    self.declare_values(id, item);
                }
            }
            self.declare_statements(id);
            let scope = self.scope(id);
            let earlier = (
                std::mem::take(&mut scope.imported_values),
                std::mem::take(&mut scope.imported_types),
                std::mem::take(&mut scope.imported_traits),
            );
            self.declare_imports(id);
            // What this input of a session does not import anew stays imported.
            let scope = self.scope(id);
            keep_imports(&mut scope.imported_values, earlier.0);
            keep_imports(&mut scope.imported_types, earlier.1);
            keep_imports(&mut scope.imported_traits, earlier.2);
        }
        // Contracts and methods need the types of all modules, so they come last; and what needs dropping is known
        // before anything asks.
        for declare in [Self::declare_contracts, Self::declare_trait_functions, Self::declare_methods] {
            for (index, module) in loaded.modules.iter().enumerate() {
                let id = ModuleId(index as u32);
                for top in &module.unit.top {
                    if let Top::Item(item) = top {
                        declare(self, id, item);
                    }
                }
            }
        }
    }

    fn scope(&mut self, module: ModuleId) -> &mut ModuleScope {
        &mut self.modules[module.0 as usize]
    }

    pub(super) fn declare_types(&mut self, module: ModuleId, item: &'a Item) {
        match &item.kind {
            ItemKind::Trait(decl) => self.declare_trait(module, decl),
            ItemKind::Struct(decl) => {
                let def = StructDef::new(decl.name.name, decl.name.span);
                let info = StructInfo {
                    decl: Some(decl),
                    enum_decl: None,
                    module,
                    state: State::New,
                    generics: Rc::default(),
                    bound_decls: Vec::new(),
                    bounds: None,
                };
                self.add_type(decl.name, &decl.generics, def, info, "structure");
            }
            ItemKind::Enum(decl) => self.declare_enum(module, decl),
            _ => {}
        }
    }

    /// Gives a declared type its number, its name and its type parameters.
    pub(super) fn add_type(
        &mut self,
        name: ast::Ident,
        generics: &'a [ast::GenericParam],
        def: StructDef,
        info: StructInfo<'a>,
        what: &str,
    ) {
        let (id, module) = (StructId(self.structs.len() as u32), info.module);
        let mut bound_decls = Vec::new();
        let generics = Rc::new(self.add_generics(&Generics::default(), generics, &mut bound_decls));
        let names = generics.params.iter().map(|(name, _)| name.name).collect();
        self.structs.push(StructInfo { generics, bound_decls, ..info });
        self.types.structs.push(StructDef { generics: names, ..def });
        if let Some(&old) = self.scope(module).types.get(&name.name)
            && old.0 as usize >= self.counts().structs
        {
            let first = self.types.structs[old.0 as usize].span;
            return self.duplicate(name, first, what);
        }
        let known = self.scope(module).types.insert(name.name, id);
        if let (Some(_), Some(base)) = (known, &mut self.session) {
            base.changed.push(name.name);
        }
    }

    pub(super) fn duplicate(&mut self, name: ast::Ident, first: Span, what: &str) {
        let title = format!("the {what} `{}` is declared twice", name.name);
        self.error(
            Diagnostic::error(codes::DUPLICATE, name.span, title)
                .at("again here")
                .label(first, "first here")
                .help("rename or remove one of them"),
        );
    }

    fn declare_value(&mut self, module: ModuleId, name: ast::Ident, value: Value) {
        match self.scope(module).values.get(&name.name).copied() {
            Some(old) if !self.is_earlier(old) => {
                let first = self.value_span(old);
                return self.duplicate(name, first, "name");
            }
            Some(old) => self.replaced(old, value),
            None => {}
        }
        self.scope(module).values.insert(name.name, value);
    }

    pub(super) fn value_span(&self, value: Value) -> Span {
        match value {
            Value::Func(id) => self.funcs[id.0 as usize].ident.span,
            Value::Const(id) => self.consts[id as usize].span,
            Value::Global(id) => self.globals[id.0 as usize].span,
        }
    }

    pub(super) fn declare_values(&mut self, module: ModuleId, item: &'a Item) {
        match &item.kind {
            ItemKind::Fn(decl) if decl.self_param.is_none() && decl.owner.is_none() => {
                let id =
                    self.add_function(decl, module, None, decl.name.name.to_string(), false, &Rc::default());
                self.declare_value(module, decl.name, Value::Func(id));
            }
            ItemKind::Extern(block) => {
                if block.abi != "C" {
                    let title = format!("the ABI \"{}\" is not known", block.abi);
                    let d = Diagnostic::error(codes::EXTERN, block.abi_span, title);
                    self.error(d.fix("the only one is \"C\"", block.abi_span, "\"C\""));
                }
                for decl in &block.functions {
                    let id = self.add_function(
                        decl,
                        module,
                        None,
                        decl.name.name.to_string(),
                        true,
                        &Rc::default(),
                    );
                    self.declare_value(module, decl.name, Value::Func(id));
                }
            }
            ItemKind::Const(decl) => {
                let id = self.add_const(decl, module);
                self.declare_value(module, decl.name, Value::Const(id));
            }
            ItemKind::Global(decl) => {
                let source = ConstSource { ty: decl.ty.as_ref(), value: &decl.value };
                let id = self.add_global(decl.name, module, true, Some(source));
                self.declare_value(module, decl.name, Value::Global(id));
            }
            _ => {}
        }
    }

    pub(super) fn add_const(&mut self, decl: &'a ast::ConstDecl, module: ModuleId) -> u32 {
        self.consts.push(ConstInfo {
            decl: Some(ConstSource { ty: decl.ty.as_ref(), value: &decl.value }),
            name: decl.name.name,
            span: decl.name.span,
            module,
            state: State::New,
            ty: Ty::ERROR,
            value: None,
            storage: None,
        });
        self.consts.len() as u32 - 1
    }

    pub(super) fn add_global(
        &mut self,
        name: ast::Ident,
        module: ModuleId,
        mutable: bool,
        decl: Option<ConstSource<'a>>,
    ) -> GlobalId {
        self.globals.push(GlobalInfo {
            name: name.name,
            span: name.span,
            module,
            mutable,
            ty: Ty::ERROR,
            init: None,
            kind: if decl.is_some() { GlobalKind::Declared } else { GlobalKind::Script },
            decl,
            state: State::New,
        });
        GlobalId(self.globals.len() as u32 - 1)
    }

    pub(super) fn add_function(
        &mut self,
        decl: &'a ast::FnDecl,
        module: ModuleId,
        owner: Option<Ty>,
        name: String,
        is_extern: bool,
        outer: &Rc<Generics>,
    ) -> FuncId {
        let mut bound_decls = Vec::new();
        let mut generics = match decl.generics.is_empty() {
            true => outer.clone(),
            false => Rc::new(self.add_generics(outer, &decl.generics, &mut bound_decls)),
        };
        let owner = owner.map(|owner| self.owner_within(owner, outer, &mut generics));
        let decl_generics = (generics.params.len() - outer.params.len()) as u32;
        let takes_functions = |param: &ast::Param| matches!(param.ty.kind, ast::TypeKind::Fn { .. });
        let mut callables = Vec::new();
        if !is_extern && (decl.body.is_some() || owner.is_some()) && decl.params.iter().any(takes_functions) {
            let own = Rc::make_mut(&mut generics);
            for (index, param) in decl.params.iter().enumerate().filter(|(_, param)| takes_functions(param)) {
                let name = Symbol::new(self.sources.text(param.ty.span));
                let ty = self.types.param(own.params.len() as u32, name, true);
                own.params.push((ast::Ident { name, span: param.ty.span }, ty));
                bound_decls.push((ty, &param.ty));
                callables.push((index, ty));
            }
        }
        if let (true, Some(param)) = (is_extern, decl.generics.first()) {
            let d = Diagnostic::error(codes::EXTERN, param.name.span, "a C function has no type parameters");
            self.error(d);
        }
        self.funcs.push(FuncInfo {
            decl: Some(decl),
            ident: decl.name,
            head: decl.head,
            module,
            owner,
            name,
            signature: None,
            busy: false,
            is_extern,
            required: false,
            decl_generics,
            callables,
            generics,
            bounds: None,
            bound_decls,
            own_bound: None,
            of_trait: None,
        });
        self.bodies.push(None);
        FuncId(self.funcs.len() as u32 - 1)
    }

    /// Top-level statements: bindings become globals; anything else makes the file a script.
    fn declare_statements(&mut self, module: ModuleId) {
        let loaded = self.loaded;
        let unit = &loaded.module(module).unit;
        let stmts: Vec<&'a ast::Stmt> = unit
            .top
            .iter()
            .filter_map(|top| if let Top::Stmt(stmt) = top { Some(stmt) } else { None })
            .collect();
        let main = Symbol::new("main");
        let has_main = matches!(self.scope(module).values.get(&main), Some(Value::Func(_)));
        let runs = stmts.iter().find(|stmt| !matches!(stmt.kind, StmtKind::Let { .. }));
        let is_main_module = module == loaded.main();
        let is_input = is_main_module && self.session.is_some();
        if !is_main_module || (has_main && !is_input) {
            if let Some(stmt) = runs {
                self.misplaced_statement(module, stmt.span, is_main_module);
            }
            for stmt in stmts {
                self.declare_constant_global(module, stmt);
            }
            return;
        }
        if stmts.is_empty() && !is_input {
            return;
        }
        let name = if is_input { "input" } else { "main" };
        let func = self.add_function(self.no_decl, module, None, name.into(), false, &Rc::default());
        self.script = Some(Script { func, module, stmts: stmts.clone() });
        for stmt in stmts {
            if let StmtKind::Let { pattern, mutable, .. } = &stmt.kind {
                self.declare_script_globals(module, pattern, *mutable);
            }
        }
    }

    fn misplaced_statement(&mut self, module: ModuleId, span: Span, is_main_module: bool) {
        let d = if is_main_module {
            let main = self.modules[module.0 as usize].values[&Symbol::new("main")];
            let title = "a file has either a `main` function or top-level statements, not both";
            let d = Diagnostic::error(codes::ENTRY, span, title).at("this statement is at the top level");
            d.label(self.value_span(main), "`main` is here").help("move the statement into `main`")
        } else {
            let title = "an imported module cannot have statements at its top level";
            Diagnostic::error(codes::ENTRY, span, title)
                .help("move it into a function that the program calls")
        };
        self.error(d);
    }

    fn declare_constant_global(&mut self, module: ModuleId, stmt: &'a ast::Stmt) {
        let StmtKind::Let { pattern, mutable, ty, value } = &stmt.kind else { return };
        let (ast::Pattern::Name(name), Some(value)) = (pattern, value) else {
            let title = "a top-level binding beside `main` is one name with a constant value";
            return self.error(Diagnostic::error(codes::NOT_CONSTANT, stmt.span, title));
        };
        let source = ConstSource { ty: ty.as_deref(), value };
        let id = self.add_global(*name, module, *mutable, Some(source));
        self.declare_value(module, *name, Value::Global(id));
    }

    fn declare_script_globals(&mut self, module: ModuleId, pattern: &ast::Pattern, mutable: bool) {
        match pattern {
            ast::Pattern::Name(name) | ast::Pattern::Mut(name) => {
                let mutable = mutable || matches!(pattern, ast::Pattern::Mut(_));
                let id = self.add_global(*name, module, mutable, None);
                // A second binding of the name shadows the first from there on; functions see the last one.
                if let Some(Value::Func(_) | Value::Const(_)) = self.scope(module).values.get(&name.name) {
                    return self.declare_value(module, *name, Value::Global(id));
                }
                if let Some(&old) = self.scope(module).values.get(&name.name) {
                    self.replaced(old, Value::Global(id));
                }
                self.scope(module).values.insert(name.name, Value::Global(id));
            }
            ast::Pattern::Tuple(elems, _) => {
                for elem in elems {
                    self.declare_script_globals(module, elem, mutable);
                }
            }
            ast::Pattern::Struct(structure) => {
                for (_, part) in &structure.fields {
                    self.declare_script_globals(module, part, mutable);
                }
            }
            // What else is written there is reported where the binding is checked.
            _ => {}
        }
    }

    fn declare_imports(&mut self, module: ModuleId) {
        let loaded = self.loaded;
        for top in &loaded.module(module).unit.top {
            let Top::Item(Item { kind: ItemKind::Import(import), .. }) = top else { continue };
            let Some(&from) = loaded.module(module).imports.get(&import.path_span) else { continue };
            if let Some(alias) = import.alias {
                self.declare_alias(module, alias, from);
                continue;
            }
            match &import.names {
                Some(names) => {
                    names.iter().for_each(|name| self.import_name(module, from, name, &import.path))
                }
                None => self.import_all(module, from),
            }
        }
    }

    fn declare_alias(&mut self, module: ModuleId, alias: ast::Ident, from: ModuleId) {
        let of_input = |span: Span| self.sources.find(span.lo) == Some(self.loaded.module(module).file);
        match self.modules[module.0 as usize].aliases.get(&alias.name).copied() {
            Some((_, first)) if of_input(first) => self.duplicate(alias, first, "module name"),
            _ => {
                self.scope(module).aliases.insert(alias.name, (from, alias.span));
            }
        }
    }

    fn import_all(&mut self, module: ModuleId, from: ModuleId) {
        let source = self.modules[from.0 as usize].clone();
        let extern_funcs = |cx: &Self, value: Value| {
            matches!(value, Value::Func(id) if cx.funcs[id.0 as usize].is_extern)
                && cx.loaded.module(from).library
        };
        for (name, value) in source.values {
            // What a library module declares `extern` is its own business.
            if !extern_funcs(self, value) {
                add_import(&mut self.scope(module).imported_values, name, value, from);
            }
        }
        for (name, value) in source.types {
            add_import(&mut self.scope(module).imported_types, name, value, from);
        }
        for (name, value) in source.traits {
            add_import(&mut self.scope(module).imported_traits, name, value, from);
        }
    }

    fn import_name(&mut self, module: ModuleId, from: ModuleId, import: &ast::ImportName, path: &str) {
        let source = &self.modules[from.0 as usize];
        let (value, ty) =
            (source.values.get(&import.name.name).copied(), source.types.get(&import.name.name).copied());
        let contract = source.traits.get(&import.name.name).copied();
        let name = import.alias.unwrap_or(import.name).name;
        if let Some(contract) = contract {
            add_import(&mut self.scope(module).imported_traits, name, contract, from);
        }
        if value.is_none() && ty.is_none() && contract.is_none() {
            return self.not_in_module(from, path, import.name);
        }
        if let Some(value) = value {
            add_import(&mut self.scope(module).imported_values, name, value, from);
        }
        if let Some(ty) = ty {
            add_import(&mut self.scope(module).imported_types, name, ty, from);
        }
    }
}
