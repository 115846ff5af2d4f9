//! From a module's tree to what is documented of it.

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::ast::{
    ConstDecl, EnumDecl, FieldDecl, FnDecl, GenericParam, ImplDecl, Item, ItemKind, Pattern, SourceUnit,
    Stmt, StmtKind, StructDecl, Top, TraitDecl, TypeExpr, TypeKind, VariantDecl,
};

use super::model::{Contract, Entry, Group, GroupKind, Kind, Module, TypeDoc};
use super::source::Source;

/// Documents a parsed module. What a leading `_` calls private is left out, and so are extern functions without
/// documentation, which a module has for itself.
pub(super) fn collect(name: &str, library: bool, source: Source<'_>, unit: &SourceUnit) -> Module {
    let (doc, spelling) = (source.module_doc(), source.spelling());
    let (name, imports) = (name.to_owned(), Vec::new());
    let (types, functions, constants) = (Vec::new(), Vec::new(), Vec::new());
    let anchors = FxHashMap::default();
    let module = Module { name, spelling, library, doc, imports, types, functions, constants, anchors };
    let mut collector =
        Collector { source, module, by_name: FxHashMap::default(), anchors: FxHashSet::default() };
    // Types first, so that methods that stand before their type find it.
    for item in items(unit) {
        collector.declare(item);
    }
    for top in &unit.top {
        match top {
            Top::Item(item) => collector.item(item),
            Top::Stmt(stmt) => collector.variable(stmt),
        }
    }
    collector.module.index();
    collector.module
}

fn items(unit: &SourceUnit) -> impl Iterator<Item = &Item> {
    unit.top.iter().filter_map(|top| match top {
        Top::Item(item) => Some(item),
        Top::Stmt(_) => None,
    })
}

struct Collector<'a> {
    source: Source<'a>,
    module: Module,
    /// Types by name.
    by_name: FxHashMap<String, usize>,
    anchors: FxHashSet<String>,
}

/// Names of type parameters.
fn names(generics: &[GenericParam]) -> Vec<String> {
    generics.iter().map(|param| param.name.name.as_str().to_owned()).collect()
}

fn is_private(name: &str) -> bool {
    name.starts_with('_')
}

/// A type without its references, which methods look through.
fn without_refs(mut ty: &TypeExpr) -> &TypeExpr {
    while let TypeKind::Ref { pointee, .. } | TypeKind::RawPtr { pointee, .. } = &ty.kind {
        ty = pointee;
    }
    ty
}

impl Collector<'_> {
    // ---- Types ----

    /// Notes a type or trait, without what belongs to it.
    fn declare(&mut self, item: &Item) {
        let (kind, name, generics) = match &item.kind {
            ItemKind::Struct(decl) => (Kind::Struct, decl.name, &decl.generics),
            ItemKind::Enum(decl) => (Kind::Enum, decl.name, &decl.generics),
            ItemKind::Trait(decl) => (Kind::Trait, decl.name, &decl.generics),
            _ => return,
        };
        let name = name.name.as_str();
        if is_private(name) || self.by_name.contains_key(name) {
            return;
        }
        let signature = self.source.head(item.span);
        let entry = self.entry(kind, name, name, signature, names(generics), item.span.lo, &item.doc);
        self.add_type(entry);
    }

    fn add_type(&mut self, entry: Entry) -> usize {
        let index = self.module.types.len();
        self.by_name.insert(entry.path.clone(), index);
        let (parts, groups, contracts) = (Vec::new(), Vec::new(), Vec::new());
        self.module.types.push(TypeDoc { entry, parts, groups, contracts });
        index
    }

    /// The type that methods of `ty` belong to; one that is declared elsewhere is added. `None` for private ones.
    fn owner(&mut self, ty: &TypeExpr) -> Option<usize> {
        let ty = without_refs(ty);
        let name = match &ty.kind {
            TypeKind::Path { names, .. } => names.last()?.name.as_str().to_owned(),
            _ => self.source.line(ty.span),
        };
        if let Some(&known) = self.by_name.get(&name) {
            return Some(known);
        }
        if is_private(&name) || name.is_empty() {
            return None;
        }
        let entry = self.entry(Kind::Foreign, &name, &name, String::new(), Vec::new(), 0, "");
        Some(self.add_type(entry))
    }

    // ---- Declarations ----

    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Fn(decl) => self.function(decl, item),
            ItemKind::Struct(decl) => self.structure(decl),
            ItemKind::Enum(decl) => self.variants(decl),
            ItemKind::Trait(decl) => self.trait_functions(decl),
            ItemKind::Impl(decl) => self.implementation(decl, item),
            ItemKind::Const(decl) => self.constant(Kind::Constant, decl, item),
            ItemKind::Global(decl) => self.constant(Kind::Global, decl, item),
            ItemKind::Extern(decl) => {
                for function in decl.functions.iter().filter(|function| !function.doc.is_empty()) {
                    self.free_function(function, &function.doc);
                }
            }
            ItemKind::Import(decl) => self.module.imports.push(decl.path.clone()),
        }
    }

    fn function(&mut self, decl: &FnDecl, item: &Item) {
        let receiver = decl.self_param.as_ref().and_then(|receiver| receiver.ty.as_ref());
        let Some(owner) = decl.owner.as_ref().or(receiver) else {
            return self.free_function(decl, &item.doc);
        };
        let Some(index) = self.owner(owner) else { return };
        let path = self.module.types[index].entry.path.clone();
        if let Some(mut method) = self.method(&path, decl, &item.doc) {
            // `fn (self: &Vec<T>) len()`: the receiver's arguments name the type's parameters.
            method.generics.extend(argument_names(owner, &[]));
            self.push_method(index, GroupKind::Methods, Vec::new(), method);
        }
    }

    fn free_function(&mut self, decl: &FnDecl, doc: &str) {
        let name = decl.name.name.as_str();
        if is_private(name) {
            return;
        }
        let signature = self.source.signature(decl.head);
        let generics = names(&decl.generics);
        // `fn Point(…)` makes a `Point`: people look for it there.
        if let Some(&index) = self.by_name.get(name) {
            let entry = self.entry(Kind::Method, name, name, signature, generics, decl.head.lo, doc);
            return self.push_method(index, GroupKind::Methods, Vec::new(), entry);
        }
        let anchor = format!("fn.{name}");
        let entry = self.entry(Kind::Function, name, &anchor, signature, generics, decl.head.lo, doc);
        self.module.functions.push(entry);
    }

    fn structure(&mut self, decl: &StructDecl) {
        let Some(&index) = self.by_name.get(decl.name.name.as_str()) else { return };
        let path = decl.name.name.as_str();
        for field in &decl.fields {
            if let Some(entry) = self.field(path, field, &decl.generics) {
                self.module.types[index].parts.push(entry);
            }
        }
        self.written_contracts(index, &decl.contracts, &decl.generics);
    }

    /// What stands after a type's name in its declaration.
    fn written_contracts(&mut self, index: usize, contracts: &[TypeExpr], generics: &[GenericParam]) {
        for contract in contracts {
            let head = self.source.line(contract.span);
            let (doc, methods, generics) = (String::new(), Vec::new(), names(generics));
            let name = name_of(contract).unwrap_or_else(|| head.clone());
            self.module.types[index].contracts.push(Contract {
                name,
                head,
                written: true,
                generics,
                doc,
                methods,
            });
        }
    }

    fn field(&mut self, owner: &str, field: &FieldDecl, generics: &[GenericParam]) -> Option<Entry> {
        let name = field.name.name.as_str();
        if is_private(name) {
            return None;
        }
        let signature = self.source.line(field.name.span.to(field.ty.span));
        let (path, anchor) = (format!("{owner}.{name}"), format!("{owner}.field.{name}"));
        let lo = field.name.span.lo;
        Some(self.entry(Kind::Field, &path, &anchor, signature, names(generics), lo, &field.doc))
    }

    fn variants(&mut self, decl: &EnumDecl) {
        let Some(&index) = self.by_name.get(decl.name.name.as_str()) else { return };
        for variant in &decl.variants {
            let path = format!("{}.{}", decl.name.name, variant.name.name);
            let (signature, lo) = (self.variant_text(variant), variant.name.span.lo);
            let generics = names(&decl.generics);
            let entry = self.entry(Kind::Variant, &path, &path, signature, generics, lo, &variant.doc);
            self.module.types[index].parts.push(entry);
            for field in variant.fields.iter().filter(|field| variant.named && !field.doc.is_empty()) {
                let entry = self.field(&path, field, &decl.generics);
                self.module.types[index].parts.extend(entry);
            }
        }
        self.written_contracts(index, &decl.contracts, &decl.generics);
    }

    /// `Circle(f64)`, `Rect { w: f64, h: f64 }`.
    fn variant_text(&self, variant: &VariantDecl) -> String {
        let name = variant.name.name.as_str();
        let fields = variant.fields.iter().map(|field| match variant.named {
            true => self.source.line(field.name.span.to(field.ty.span)),
            false => self.source.line(field.ty.span),
        });
        let fields = fields.collect::<Vec<_>>().join(", ");
        match (variant.fields.is_empty(), variant.named) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{name} {{ {fields} }}"),
            (false, false) => format!("{name}({fields})"),
        }
    }

    fn trait_functions(&mut self, decl: &TraitDecl) {
        let Some(&index) = self.by_name.get(decl.name.name.as_str()) else { return };
        for function in &decl.functions {
            if let Some(mut method) = self.method(decl.name.name.as_str(), function, &function.doc) {
                method.generics.extend(names(&decl.generics));
                let provided = function.body.is_some();
                let kind = if provided { GroupKind::Provided } else { GroupKind::Required };
                self.push_method(index, kind, Vec::new(), method);
            }
        }
    }

    fn implementation(&mut self, decl: &ImplDecl, item: &Item) {
        let Some(index) = self.owner(&decl.ty) else { return };
        let owner = self.module.types[index].entry.path.clone();
        let head = self.source.head(item.span);
        let parameters = argument_names(&decl.ty, &decl.generics);
        let mut generics = names(&decl.generics);
        generics.extend(parameters.iter().cloned());
        if let Some(contract) = &decl.contract {
            let name = name_of(contract).unwrap_or_else(|| self.source.line(contract.span));
            let path = format!("{owner}.{name}");
            let methods = decl.functions.iter().filter_map(|f| self.method(&path, f, &f.doc)).collect();
            let doc = self.source.own_doc(item.span.lo, &item.doc);
            let contract = Contract { name, head, written: false, generics, doc, methods };
            return self.module.types[index].contracts.push(contract);
        }
        // Bounds and concrete arguments say when the methods are there.
        let bounded = decl.generics.iter().any(|param| !param.bounds.is_empty());
        let concrete = match &decl.ty.kind {
            TypeKind::Path { args, .. } => args.len() != parameters.len(),
            _ => false,
        };
        let kind = if bounded || concrete { GroupKind::Under(head) } else { GroupKind::Methods };
        for function in &decl.functions {
            if let Some(method) = self.method(&owner, function, &function.doc) {
                self.push_method(index, kind.clone(), generics.clone(), method);
            }
        }
    }

    fn method(&mut self, owner: &str, decl: &FnDecl, doc: &str) -> Option<Entry> {
        let name = decl.name.name.as_str();
        if is_private(name) {
            return None;
        }
        let path = format!("{owner}.{name}");
        let signature = self.source.signature(decl.head);
        let generics = names(&decl.generics);
        Some(self.entry(Kind::Method, &path, &path, signature, generics, decl.head.lo, doc))
    }

    /// Adds a method where those of its kind are.
    fn push_method(&mut self, index: usize, kind: GroupKind, generics: Vec<String>, method: Entry) {
        let groups = &mut self.module.types[index].groups;
        match groups.iter_mut().find(|group| group.kind == kind) {
            Some(group) => {
                group.generics.extend(generics);
                group.methods.push(method);
            }
            None => groups.push(Group { kind, generics, methods: vec![method] }),
        }
    }

    fn constant(&mut self, kind: Kind, decl: &ConstDecl, item: &Item) {
        let signature = self.source.constant(item.span, decl.value.span);
        self.push_constant(kind, decl.name.name.as_str(), signature, item.span.lo, &item.doc);
    }

    fn push_constant(&mut self, kind: Kind, name: &str, signature: String, lo: u32, doc: &str) {
        if is_private(name) {
            return;
        }
        let anchor = format!("const.{name}");
        let entry = self.entry(kind, name, &anchor, signature, Vec::new(), lo, doc);
        self.module.constants.push(entry);
    }

    /// A binding outside all functions, which is part of the module's face when it is documented.
    fn variable(&mut self, stmt: &Stmt) {
        let StmtKind::Let { pattern: Pattern::Name(name), value: Some(value), .. } = &stmt.kind else {
            return;
        };
        let doc = self.source.doc_at(stmt.span.lo);
        if !doc.is_empty() {
            let signature = self.source.constant(stmt.span, value.span);
            self.push_constant(Kind::Global, name.name.as_str(), signature, stmt.span.lo, &doc);
        }
    }

    // ---- Entries ----

    #[allow(clippy::too_many_arguments)]
    fn entry(
        &mut self,
        kind: Kind,
        path: &str,
        anchor: &str,
        signature: String,
        generics: Vec<String>,
        lo: u32,
        doc: &str,
    ) -> Entry {
        let doc = self.source.own_doc(lo, doc);
        Entry { kind, path: path.to_owned(), anchor: self.anchor(anchor), signature, generics, doc }
    }

    /// A name for an entry that no other has, in characters that an address may hold as they are.
    fn anchor(&mut self, wanted: &str) -> String {
        let mut plain = String::new();
        for c in wanted.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' => plain.push(c),
                _ => plain.push_str(&format!("-{:x}", u32::from(c))),
            }
        }
        let mut name = plain.clone();
        let mut number = 1;
        while !self.anchors.insert(name.clone()) {
            number += 1;
            name = format!("{plain}-{number}");
        }
        name
    }
}

/// The type's arguments that are parameters: those declared as such, and bare names of a letter or two. `Vec<str>` is
/// about one type of all.
fn argument_names(ty: &TypeExpr, declared: &[GenericParam]) -> Vec<String> {
    let TypeKind::Path { args, .. } = &without_refs(ty).kind else { return Vec::new() };
    let bare = args.iter().filter_map(|arg| match &arg.kind {
        TypeKind::Path { names, args } if names.len() == 1 && args.is_empty() => Some(names[0].name),
        _ => None,
    });
    let is_parameter = |name: &str| {
        declared.iter().any(|param| param.name.name.as_str() == name)
            || (name.len() <= 2 && name.starts_with(char::is_uppercase))
    };
    bare.map(|name| name.as_str()).filter(|name| is_parameter(name)).map(str::to_owned).collect()
}

/// The name of a trait without its module and arguments.
fn name_of(ty: &TypeExpr) -> Option<String> {
    match &ty.kind {
        TypeKind::Path { names, .. } => names.last().map(|name| name.name.as_str().to_owned()),
        _ => None,
    }
}
