//! What a session has: the commands about types, variables and functions.

use std::fmt::Write;

use vex_runtime::abi;
use vex_syntax::ast::{Item, Top};
use vex_syntax::{Span, Spelling};

use super::show::Limits;
use super::{Reply, Session, builtins};
use crate::typed::{FuncId, GlobalId};
use crate::types::{Field, StructId, Ty, TyKind, Types, Variant};
use crate::{explain, stdlib};

/// A declaration as it was written.
pub(super) struct Written {
    /// Its text, without the comment before it.
    pub text: String,
    /// The `///` comment before it.
    pub doc: String,
    /// How it is spelled.
    pub spelling: Spelling,
}

impl Session {
    /// `:type`
    pub(super) fn type_of(&mut self, args: &str) -> Reply {
        if args.is_empty() {
            self.error("`:type` needs an expression or a type", Some("for instance `:type 1 + 2`"));
            return self.reply(false, false);
        }
        if let Some(id) = self.env.struct_named(args) {
            self.describe_struct(id);
            return self.reply(true, false);
        }
        if self.describe_trait(args) {
            return self.reply(true, false);
        }
        let expression = match self.check_aside(args) {
            Ok(checked) => {
                // The type may be as new as the expression, and be forgotten with it.
                let text = checked.shown.map(|shown| self.type_text(shown.ty));
                self.forget(checked);
                Ok(text)
            }
            Err(diagnostics) => Err(diagnostics),
        };
        let text = match expression {
            Ok(Some(text)) => format!(": {text}"),
            Ok(None) => ": ()".to_string(),
            Err(diagnostics) => match self.written_type(args) {
                Some(text) => text,
                None => {
                    self.diagnostics(&diagnostics);
                    return self.reply(false, false);
                }
            },
        };
        self.say_line(text);
        self.reply(true, false)
    }

    /// A type with its size.
    fn type_text(&self, ty: Ty) -> String {
        let layout = self.program.types.layout(ty);
        format!("{}  ({}, alignment {})", self.show_type(ty), counted(layout.size, "byte"), layout.align)
    }

    /// The type that a text stands for, with its size; `None` when it is no type.
    fn written_type(&mut self, text: &str) -> Option<String> {
        let declaration = match self.spelling {
            Spelling::Vex => format!("fn f(value: {text}) {{ }}"),
            Spelling::Vera => format!("function f(value: {text}) {{ }}"),
            Spelling::Vais => format!("F f(value: {text}) -> () {{ }}"),
        };
        let checked = self.check_aside(&declaration).ok()?;
        let only = self.program.functions.get(checked.first_func);
        let text = only.and_then(|f| match f.params.as_slice() {
            [value] => Some(self.type_text(f.locals[value.0 as usize].ty)),
            _ => None,
        });
        self.forget(checked);
        text
    }

    /// A structure's fields, each with its offset.
    fn describe_struct(&self, id: StructId) {
        let types = &self.program.types;
        let def = &types.structs[id.0 as usize];
        if !def.generics.is_empty() {
            return self.describe_generic(id);
        }
        let Some(ty) =
            types.all().find(|&ty| matches!(types.kind(ty), TyKind::Struct { def, .. } if *def == id))
        else {
            return;
        };
        let layout = types.layout(ty);
        let drops = if def.declares_drop { ", declares $Drop" } else { "" };
        let what = if def.variants.is_some() { "enum" } else { "struct" };
        self.say_line(format_args!(
            "{what} {}  ({}, alignment {}{drops})",
            def.name,
            counted(layout.size, "byte"),
            layout.align
        ));
        let width = def.fields.iter().map(|field| field.name.as_str().len()).max().unwrap_or(0);
        for (field, offset) in def.fields.iter().zip(types.field_offsets(ty)) {
            let shown = types.display(field.ty);
            self.say_line(format_args!("  {offset:>5}  {:width$}: {shown}", field.name.as_str()));
        }
        for variant in def.variants.iter().flatten() {
            self.say_line(format_args!("  {}", variant_text(types, variant)));
        }
    }

    /// A type that has a layout only once its type parameters stand for something.
    fn describe_generic(&self, id: StructId) {
        let types = &self.program.types;
        let def = &types.structs[id.0 as usize];
        let what = if def.variants.is_some() { "enum" } else { "struct" };
        let drops = if def.declares_drop { "  (declares $Drop)" } else { "" };
        let params: Vec<&str> = def.generics.iter().map(|name| name.as_str()).collect();
        self.say_line(format_args!("{what} {}<{}>{drops}", def.name, params.join(", ")));
        for field in &def.fields {
            self.say_line(format_args!("  {}: {}", field.name, types.display(field.ty)));
        }
        for variant in def.variants.iter().flatten() {
            self.say_line(format_args!("  {}", variant_text(types, variant)));
        }
    }

    /// A trait's functions; false when there is no trait of this name.
    fn describe_trait(&self, name: &str) -> bool {
        let Some((_, functions)) = self.env.trait_named(name) else { return false };
        self.say_line(format_args!("trait {name}"));
        for (_, id) in functions {
            self.say_line(format_args!("  {}", self.signature_text(*id)));
        }
        true
    }

    /// `:vars`
    pub(super) fn list_variables(&mut self, args: &str) -> Reply {
        let limits = Limits { bytes: 200, elements: 8, ..Limits::default() };
        let mut any = false;
        for id in self.env.variables() {
            let global = &self.program.globals[id.0 as usize];
            if !global.name.as_str().starts_with(args) {
                continue;
            }
            any = true;
            let mark = if self.env.is_mutable(id) { "!" } else { " " };
            let value = self.value_text(id, &limits);
            let ty = self.paint("36", &self.show_type(global.ty));
            self.say_line(format_args!("{mark}{}: {ty} = {value}", global.name));
        }
        for (name, ty, value) in self.env.constants().into_iter().filter(|c| c.0.as_str().starts_with(args)) {
            any = true;
            let value = value.map_or("…".into(), |value| self.constant_text(ty, value, &limits));
            let ty = self.paint("36", &self.show_type(ty));
            self.say_line(format_args!(" const {name}: {ty} = {value}"));
        }
        if !any {
            self.say_line(if args.is_empty() { "no variables yet" } else { "no variable starts like that" });
        }
        self.reply(true, false)
    }

    fn value_text(&self, id: GlobalId, limits: &Limits) -> String {
        match self.value_of(id) {
            Some(_) if self.env.gone.contains_key(&id) => "(moved away)".to_string(),
            Some((ty, address)) => self.text_of(ty, address, limits),
            None => "(no value)".to_string(),
        }
    }

    /// `:fns`
    pub(super) fn list_functions(&mut self, args: &str) -> Reply {
        let mut any = false;
        for id in self.env.functions() {
            let head = self.signature_text(id);
            if !head.starts_with(args) {
                continue;
            }
            any = true;
            let place = self.sources.place(self.env.head(id).1);
            self.say_line(format_args!("{head}  {}", self.paint("2", &place)));
        }
        if !any {
            self.say_line(if args.is_empty() { "no functions yet" } else { "no function starts like that" });
        }
        self.reply(true, false)
    }

    /// `name(a: T): R` of a function.
    pub(super) fn signature_text(&self, id: FuncId) -> String {
        let function = &self.program.functions[id.0 as usize];
        let types = function.params.iter().map(|local| function.locals[local.0 as usize].ty);
        let types: Vec<String> = types.map(|ty| self.show_type(ty)).collect();
        let receiver = usize::from(self.env.has_receiver(id));
        let names = self.env.parameter_names(id);
        let params = self.env.type_parameters(&self.program.types, id);
        let mut text = format!("{}{params}(", function.name);
        for (index, ty) in types.iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            let name = if index < receiver {
                "self"
            } else {
                names.get(index - receiver).map_or("_", |n| n.as_str())
            };
            // Writing to a string cannot fail.
            let _ = write!(text, "{name}: {ty}");
        }
        text.push(')');
        if function.ret != Ty::UNIT {
            let _ = write!(text, ": {}", self.show_type(function.ret));
        }
        text
    }

    /// `:types`
    pub(super) fn list_types(&mut self, args: &str) -> Reply {
        let name = |id: &StructId| self.program.types.structs[id.0 as usize].name.as_str();
        let structs: Vec<StructId> =
            self.env.structs().into_iter().filter(|id| name(id).starts_with(args)).collect();
        let mut traits = self.env.traits();
        traits.retain(|name| name.as_str().starts_with(args));
        if structs.is_empty() && traits.is_empty() {
            self.say_line(if args.is_empty() { "no types yet" } else { "no type starts like that" });
        }
        for id in structs {
            self.describe_struct(id);
        }
        for name in traits {
            self.describe_trait(name.as_str());
        }
        self.reply(true, false)
    }

    /// `:doc`
    pub(super) fn doc(&mut self, args: &str) -> Reply {
        if args.starts_with(':') {
            return self.help(args);
        }
        match self.doc_text(args) {
            Some(text) => {
                self.say_line(text.trim_end());
                self.reply(true, false)
            }
            None if args.is_empty() => {
                self.error("`:doc` needs a name", Some("for instance `:doc vex_malloc` or `:doc E0301`"));
                self.reply(false, false)
            }
            None => {
                self.error(&format!("there is nothing to say about `{args}`"), None);
                self.reply(false, false)
            }
        }
    }

    fn doc_text(&self, name: &str) -> Option<String> {
        if let Some(page) = explain::find(name) {
            return Some(explain::to_terminal(&page, self.options.color));
        }
        let own = self.env.functions().into_iter().find(|&id| {
            let full = &self.program.functions[id.0 as usize].name;
            full == name || self.env.function(name) == Some(id)
        });
        if let Some(id) = own {
            let doc = self.function_doc(id, name).unwrap_or_default();
            return Some(titled(&self.signature_text(id), &doc));
        }
        if let Some((owner, last)) = name.rsplit_once('.')
            && let Some((_, functions)) = self.env.trait_named(owner)
            && let Some((_, id)) = functions.iter().find(|(known, _)| known.as_str() == last)
        {
            let doc = self.function_doc(*id, name).unwrap_or_default();
            return Some(titled(&self.signature_text(*id), &doc));
        }
        if let Some(id) = self.env.struct_named(name) {
            let def = &self.program.types.structs[id.0 as usize];
            let written = self.declaration(def.span)?;
            return Some(titled(head_of(&written.text), &written.doc));
        }
        if let Some((span, _)) = self.env.trait_named(name) {
            let written = self.declaration(span)?;
            return Some(titled(head_of(&written.text), &written.doc));
        }
        library_doc(name).or_else(|| builtin_doc(name))
    }

    /// The comment before a function, which may stand in a block; `name` is what it was asked for by.
    fn function_doc(&self, id: FuncId, name: &str) -> Option<String> {
        let (owner, last) = name.rsplit_once('.').map_or((None, name), |(owner, last)| (Some(owner), last));
        let (item, _) = self.item_at(self.env.head(id).0)?;
        let inside = builtins::declared_in(&item, owner, last).map(|(_, doc)| doc);
        Some(inside.unwrap_or(item.doc))
    }

    /// The declaration that this place lies in, as written.
    pub(super) fn declaration(&self, at: Span) -> Option<Written> {
        let (item, spelling) = self.item_at(at)?;
        Some(Written { text: self.sources.text(item.span).to_string(), doc: item.doc, spelling })
    }

    fn item_at(&self, at: Span) -> Option<(Item, Spelling)> {
        let file = self.sources.file(self.sources.find(at.lo)?);
        let (unit, _) = vex_syntax::parse::parse_file(&file.text, file.base, file.spelling);
        let item = unit.top.into_iter().find_map(|top| match top {
            Top::Item(item) if item.span.lo <= at.lo && at.lo < item.span.hi => Some(item),
            _ => None,
        });
        item.map(|item| (item, file.spelling))
    }
}

/// The first line of a declaration, without its body.
fn head_of(text: &str) -> &str {
    let line = text.lines().next().unwrap_or(text);
    line.split(" {").next().unwrap_or(line).trim_end_matches([' ', '{', '='])
}

/// A title and the text below it.
fn titled(title: &str, doc: &str) -> String {
    let mut text = format!("{title}\n");
    let lines: Vec<&str> = doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    for line in explain::render(&lines.join("\n"), false).lines() {
        let _ = writeln!(text, "{}", format_args!("  {line}").to_string().trim_end());
    }
    text
}

/// What a module of the library says of a declaration in it; `name` may be a method, `BumpAllocator.alloc`.
fn library_doc(name: &str) -> Option<String> {
    let (owner, last) = name.rsplit_once('.').map_or((None, name), |(owner, last)| (Some(owner), last));
    stdlib::modules().iter().find_map(|module| {
        let (unit, _) = vex_syntax::parse::parse_file(module.text, 1, module.spelling);
        let item = unit.top.iter().find_map(|top| match top {
            Top::Item(item) => builtins::declared_in(item, owner, last),
            Top::Stmt(_) => None,
        })?;
        let (span, doc) = item;
        let head = module.text.get(span.lo as usize - 1..span.hi as usize - 1)?;
        let head = head_of(head);
        Some(titled(&format!("{head}  (in {})", module.name), &doc))
    })
}

/// What the runtime's table or the list of builtins says.
fn builtin_doc(name: &str) -> Option<String> {
    if let Some(text) = builtins::doc(name) {
        return Some(text);
    }
    let row = abi::find(name)?;
    let params: Vec<String> =
        row.params.iter().map(|(name, ty)| format!("{name}: {}", builtins::abi_name(*ty))).collect();
    let result = if row.ret == abi::AbiTy::Unit {
        String::new()
    } else {
        format!(": {}", builtins::abi_name(row.ret))
    };
    Some(titled(&format!("{}({}){result}", row.symbol, params.join(", ")), row.doc))
}

/// `1 byte`, `2 bytes`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A variant as it is declared: `Circle(f64)`, `Rect { w: f64, h: f64 }`.
pub(super) fn variant_text(types: &Types, variant: &Variant) -> String {
    let field = |field: &Field| match variant.named {
        true => format!("{}: {}", field.name, types.display(field.ty)),
        false => types.display(field.ty),
    };
    let fields: Vec<String> = variant.fields.iter().map(field).collect();
    match (fields.is_empty(), variant.named) {
        (true, _) => variant.name.to_string(),
        (false, true) => format!("{} {{ {} }}", variant.name, fields.join(", ")),
        (false, false) => format!("{}({})", variant.name, fields.join(", ")),
    }
}
