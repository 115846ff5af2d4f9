//! Documentation for a terminal: bold heads where there is colour, signatures as they are written.

use super::Docs;
use super::markdown;
use super::model::{Entry, GroupKind, Kind, Module, TypeDoc};
use super::names::Shown;
use crate::explain;

/// How text is set off.
#[derive(Clone, Copy)]
struct Style {
    color: bool,
    bold: &'static str,
    reset: &'static str,
}

impl Style {
    fn new(color: bool) -> Style {
        let paint = |code: &'static str| if color { code } else { "" };
        Style { color, bold: paint("\x1b[1m"), reset: paint("\x1b[0m") }
    }

    fn bold(self, text: &str) -> String {
        // A line at a time, so that every line of a pager is complete.
        let lines = text.split('\n').map(|line| format!("{}{line}{}", self.bold, self.reset));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The library's modules with their first sentences.
pub fn list(docs: &Docs, color: bool) -> String {
    let style = Style::new(color);
    let width = docs.modules.iter().map(|module| module.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for module in &docs.modules {
        let space = " ".repeat(width - module.name.chars().count() + 2);
        let line = format!("{}{space}{}", style.bold(&module.name), module.summary());
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Everything a module declares.
pub fn module(docs: &Docs, number: usize, color: bool) -> String {
    let module = &docs.modules[number];
    let mut page = Page { docs, number, style: Style::new(color), out: String::new() };
    page.out.push_str(&format!("{}\n", page.style.bold(&module.name)));
    page.doc(&module.doc, None, 0);
    for ty in &module.types {
        page.out.push('\n');
        page.ty(ty);
    }
    page.section("Functions", &module.functions, None);
    page.section("Constants", &module.constants, None);
    page.out
}

/// One item of a module.
pub fn item(docs: &Docs, number: usize, shown: Shown<'_>, color: bool) -> String {
    let module: &Module = &docs.modules[number];
    let mut page = Page { docs, number, style: Style::new(color), out: String::new() };
    let (Shown::Type(TypeDoc { entry, .. }) | Shown::Entry(entry)) = shown;
    page.out.push_str(&format!("{} of {}\n\n", page.style.bold(&entry.path), module.name));
    match shown {
        Shown::Type(ty) => page.ty(ty),
        Shown::Entry(entry) => page.entry(entry, entry.path.rsplit_once('.').map(|(ty, _)| ty), 0),
    }
    page.out
}

struct Page<'a> {
    docs: &'a Docs,
    number: usize,
    style: Style,
    out: String,
}

impl Page<'_> {
    /// A type with all that belongs to it.
    fn ty(&mut self, ty: &TypeDoc) {
        let within = Some(ty.entry.path.as_str());
        match ty.entry.kind {
            Kind::Foreign => {
                let title = format!("for {}", ty.entry.path);
                self.out.push_str(&format!("{}\n", self.style.bold(&title)));
            }
            _ => self.entry(&ty.entry, within, 0),
        }
        let parts = if ty.entry.kind == Kind::Enum { "Variants" } else { "Fields" };
        self.section(parts, &ty.parts, within);
        for group in &ty.groups {
            let title = match &group.kind {
                GroupKind::Methods => "Methods".to_owned(),
                GroupKind::Under(head) => format!("Methods of {head}"),
                GroupKind::Required => "Required functions".to_owned(),
                GroupKind::Provided => "Functions with a default".to_owned(),
            };
            self.section(&title, &group.methods, within);
        }
        if !ty.contracts.is_empty() {
            self.title("Contracts");
        }
        for contract in &ty.contracts {
            self.signature(&contract.head, 4);
            self.doc(&contract.doc, within, 8);
            for method in contract.methods.iter().filter(|method| !method.doc.is_empty()) {
                self.entry(method, within, 8);
            }
        }
        self.having(ty);
    }

    /// The types that have a trait.
    fn having(&mut self, ty: &TypeDoc) {
        if ty.entry.kind != Kind::Trait {
            return;
        }
        let found = self.docs.having(self.number, &ty.entry.anchor);
        if !found.is_empty() {
            self.title("Types with it");
        }
        for (_, ty, contract) in found {
            let head = if contract.written { &ty.entry.signature } else { &contract.head };
            self.signature(head, 4);
        }
    }

    fn title(&mut self, title: &str) {
        self.out.push_str(&format!("\n  {}\n", self.style.bold(title)));
    }

    /// A head with entries below it; nothing without entries.
    fn section(&mut self, title: &str, entries: &[Entry], within: Option<&str>) {
        if entries.is_empty() {
            return;
        }
        self.title(title);
        for (index, entry) in entries.iter().enumerate() {
            // Entries of several lines need air between them.
            if index > 0 && !entries[index - 1].doc.is_empty() {
                self.out.push('\n');
            }
            let of_variant = entry.kind == Kind::Field && entry.path.matches('.').count() > 1;
            self.entry(entry, within, if of_variant { 8 } else { 4 });
        }
    }

    fn entry(&mut self, entry: &Entry, within: Option<&str>, indent: usize) {
        self.signature(&entry.signature, indent);
        self.doc(&entry.doc, within, indent + 4);
    }

    fn signature(&mut self, signature: &str, indent: usize) {
        let text = self.style.bold(signature);
        self.lines(&text, indent);
    }

    /// Documentation text; after the module's name, an empty line parts them.
    fn doc(&mut self, doc: &str, within: Option<&str>, indent: usize) {
        if doc.trim().is_empty() {
            return;
        }
        if indent == 0 {
            self.out.push('\n');
        }
        let resolves = |name: &str| self.docs.resolve(self.number, within, name).is_some();
        let text = explain::render(&markdown::for_terminal(doc, &resolves), self.style.color);
        self.lines(text.trim_end_matches('\n'), indent);
    }

    fn lines(&mut self, text: &str, indent: usize) {
        for line in text.split('\n') {
            if !line.is_empty() {
                self.out.push_str(&" ".repeat(indent));
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
    }
}
