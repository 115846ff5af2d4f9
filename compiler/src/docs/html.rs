//! Documentation as pages that need no server: an index, a page for each module, a style sheet, and a script that
//! searches. The pages can be read without the script, which only adds the search.

use serde_json::json;
use vex_syntax::Spelling;

use super::Docs;
use super::code::{self, escape};
use super::markdown::{self, Links};
use super::model::{self, Contract, Entry, GroupKind, Kind, Module, TypeDoc};
use super::names::Target;

/// A file of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name; all files lie in one folder.
    pub name: String,
    /// Its text.
    pub text: String,
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("search.js");

/// Where the script holds the list of what can be found.
const ITEMS: &str = "/* items */ []";

/// The site of the modules with these numbers.
pub fn site(docs: &Docs, modules: &[usize]) -> Vec<File> {
    let site = Site { docs, pages: page_names(docs, modules) };
    let mut files = vec![
        File { name: "index.html".into(), text: site.index(modules) },
        File { name: "style.css".into(), text: STYLE.into() },
        File { name: "search.js".into(), text: SCRIPT.replacen(ITEMS, &site.items(modules), 1) },
    ];
    for &number in modules {
        let Some(name) = &site.pages[number] else { continue };
        files.push(File { name: name.clone(), text: Page::of_module(&site, number) });
    }
    files
}

/// For each module the name of its page, if it has one: unlike all others, also where capital letters do not count.
fn page_names(docs: &Docs, modules: &[usize]) -> Vec<Option<String>> {
    let mut pages: Vec<Option<String>> = vec![None; docs.modules.len()];
    let mut taken = vec!["index".to_owned()];
    for &number in modules {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '.' };
        let name: String = docs.modules[number].name.chars().map(plain).collect();
        let parts: Vec<&str> = name.split('.').filter(|part| !part.is_empty()).collect();
        let stem = if parts.is_empty() { "module".to_owned() } else { parts.join(".") };
        let mut name = stem.clone();
        let mut count = 1;
        while taken.contains(&name.to_ascii_lowercase()) {
            count += 1;
            name = format!("{stem}-{count}");
        }
        taken.push(name.to_ascii_lowercase());
        pages[number] = Some(format!("{name}.html"));
    }
    pages
}

/// What all pages know.
struct Site<'a> {
    docs: &'a Docs,
    /// The name of each module's page.
    pages: Vec<Option<String>>,
}

impl Site<'_> {
    /// The address of a place as seen from the page of module number `from`; `None` where there is no page.
    fn href(&self, from: Option<usize>, target: Target<'_>) -> Option<String> {
        let page = self.pages.get(target.module)?.as_deref()?;
        let here = from == Some(target.module);
        Some(match target.anchor {
            Some(anchor) if here => format!("#{anchor}"),
            Some(anchor) => format!("{page}#{anchor}"),
            None => page.to_owned(),
        })
    }

    /// The page of everything: the modules, and the names of what they declare.
    fn index(&self, modules: &[usize]) -> String {
        let mut body = String::from("<main>\n<h1>Modules</h1>\n<dl class=\"modules\">\n");
        let mut names: Vec<(&str, String, &str)> = Vec::new();
        for &number in modules {
            let (module, Some(page)) = (&self.docs.modules[number], &self.pages[number]) else { continue };
            let links = PageLinks { site: self, from: number, here: None, within: None, generics: &[] };
            let summary = markdown::summary_to_html(&module.summary(), module.spelling, &links);
            let name = escape(&module.name);
            body.push_str(&format!("<dt><a href=\"{page}\">{name}</a></dt>\n<dd>{summary}</dd>\n"));
            let types = module.types.iter().map(|ty| &ty.entry).filter(|entry| entry.kind != Kind::Foreign);
            for entry in types.chain(&module.functions).chain(&module.constants) {
                names.push((&entry.path, format!("{page}#{}", entry.anchor), &module.name));
            }
        }
        body.push_str("</dl>\n<h2>All names</h2>\n<ul class=\"names\">\n");
        names.sort_by_key(|(name, _, module)| (name.to_lowercase(), *name, *module));
        for (name, href, module) in names {
            let (name, module) = (escape(name), escape(module));
            body.push_str(&format!(
                "<li><a href=\"{href}\"><code>{name}</code></a> <small>{module}</small></li>\n"
            ));
        }
        body.push_str("</ul>\n</main>\n");
        document("Documentation", &body)
    }

    /// What can be searched, as the script wants it: name, kind, module, address and first sentence of each.
    fn items(&self, modules: &[usize]) -> String {
        let mut items = Vec::new();
        for &number in modules {
            let (module, Some(page)) = (&self.docs.modules[number], &self.pages[number]) else { continue };
            items.push(json!([module.name, "module", "", page, module.summary()]));
            for entry in module.entries().filter(|entry| entry.kind != Kind::Foreign) {
                let summary = model::summary(&entry.doc);
                let href = format!("{page}#{}", entry.anchor);
                items.push(json!([entry.path, entry.kind.word(), module.name, href, summary]));
            }
        }
        let rows: Vec<String> = items.iter().map(ToString::to_string).collect();
        format!("[\n{}\n]", rows.join(",\n"))
    }
}

/// A whole page.
fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <link rel=\"stylesheet\" href=\"style.css\">\n<script src=\"search.js\" defer></script>\n</head>\n<body>\n\
         <header><a href=\"index.html\">Documentation</a><div id=\"search\" role=\"search\"></div></header>\n\
         {body}</body>\n</html>\n",
        escape(title)
    )
}

/// Where names lead in a part of a page.
struct PageLinks<'a> {
    site: &'a Site<'a>,
    /// The module whose names count.
    from: usize,
    /// The module whose page it is; `None` for the index.
    here: Option<usize>,
    /// The type whose names count first.
    within: Option<&'a str>,
    /// Names that are type parameters.
    generics: &'a [&'a [String]],
}

impl PageLinks<'_> {
    fn target(&self, name: &str) -> Option<Target<'_>> {
        self.site.docs.resolve(self.from, self.within, name)
    }

    /// Where the name of a type in a signature leads.
    fn ty(&self, name: &str) -> Option<String> {
        if self.generics.iter().any(|names| names.iter().any(|known| known == name)) {
            return None;
        }
        let docs = self.site.docs;
        let target = docs.resolve(self.from, None, name)?;
        let anchor = target.anchor?;
        let types = &docs.modules[target.module].types;
        types.iter().any(|ty| ty.entry.anchor == anchor).then(|| self.site.href(self.here, target)).flatten()
    }
}

impl Links for PageLinks<'_> {
    fn reference(&self, name: &str) -> Option<String> {
        self.site.href(self.here, self.target(name)?)
    }

    fn code(&self, name: &str) -> Option<String> {
        // In code a bare word is often a parameter; a member of the type is meant when it is called.
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '!');
        let called = name.split_once('(').filter(|(_, rest)| rest.ends_with(')'));
        let path = called.map_or(name, |(path, _)| path);
        if path.is_empty() || !path.chars().all(is_name) {
            return None;
        }
        let within = self.within.filter(|_| called.is_some());
        let target = self.site.docs.resolve(self.from, within, path)?;
        self.site.href(self.here, target)
    }
}

/// A module's page under construction.
struct Page<'a> {
    site: &'a Site<'a>,
    number: usize,
    spelling: Spelling,
    out: String,
}

impl<'a> Page<'a> {
    fn of_module(site: &Site<'_>, number: usize) -> String {
        let module = &site.docs.modules[number];
        let mut page = Page { site, number, spelling: module.spelling, out: String::new() };
        page.contents(module);
        page.out.push_str(&format!("<main>\n<h1>{}</h1>\n", escape(&module.name)));
        page.doc(&module.doc, None);
        for ty in &module.types {
            page.ty(ty);
        }
        for (title, id, entries) in
            [("Functions", "functions", &module.functions), ("Constants", "constants", &module.constants)]
        {
            if !entries.is_empty() {
                page.out.push_str(&format!("<section id=\"-{id}\">\n<h2>{title}</h2>\n"));
                entries.iter().for_each(|entry| page.entry(entry, None, &[]));
                page.out.push_str("</section>\n");
            }
        }
        page.out.push_str("</main>\n");
        document(&module.name, &page.out)
    }

    /// The list of what is on the page.
    fn contents(&mut self, module: &Module) {
        self.out.push_str("<nav aria-label=\"Contents\">\n<ul>\n");
        for ty in &module.types {
            let (anchor, path) = (&ty.entry.anchor, escape(&ty.entry.path));
            self.out.push_str(&format!("<li><a href=\"#{anchor}\">{path}</a>"));
            let methods: Vec<&Entry> = ty.groups.iter().flat_map(|group| &group.methods).collect();
            if !methods.is_empty() {
                self.out.push_str("\n<ul>\n");
                methods.iter().for_each(|method| self.contents_entry(method));
                self.out.push_str("</ul>\n");
            }
            self.out.push_str("</li>\n");
        }
        module.functions.iter().chain(&module.constants).for_each(|entry| self.contents_entry(entry));
        self.out.push_str("</ul>\n</nav>\n");
    }

    fn contents_entry(&mut self, entry: &Entry) {
        let (anchor, name) = (&entry.anchor, escape(entry.name()));
        self.out.push_str(&format!("<li><a href=\"#{anchor}\">{name}</a></li>\n"));
    }

    fn ty(&mut self, ty: &TypeDoc) {
        let Entry { kind, path, anchor, signature, generics, doc } = &ty.entry;
        let within = Some(path.as_str());
        let (name, word) = (escape(path), kind.word());
        self.out.push_str(&format!(
            "<section class=\"type\" id=\"{anchor}\">\n<h2><a href=\"#{anchor}\">{name}</a> <small>{word}</small></h2>\n"
        ));
        if !signature.is_empty() {
            let code = self.code(signature, &[generics]);
            self.out.push_str(&format!("<pre class=\"signature\"><code>{code}</code></pre>\n"));
        }
        self.doc(doc, within);
        let parts = if *kind == Kind::Enum { "Variants" } else { "Fields" };
        self.group(parts, &ty.parts, within, &[generics]);
        for group in &ty.groups {
            let title = match &group.kind {
                GroupKind::Methods => "Methods".to_owned(),
                GroupKind::Under(head) => {
                    format!("Methods of <code>{}</code>", self.code(head, &[generics, &group.generics]))
                }
                GroupKind::Required => "Required functions".to_owned(),
                GroupKind::Provided => "Functions with a default".to_owned(),
            };
            self.group(&title, &group.methods, within, &[generics, &group.generics]);
        }
        if !ty.contracts.is_empty() {
            self.out.push_str("<h3>Contracts</h3>\n");
            ty.contracts.iter().for_each(|contract| self.contract(contract, within));
        }
        if *kind == Kind::Trait {
            self.having(anchor);
        }
        self.out.push_str("</section>\n");
    }

    /// The types that have a trait.
    fn having(&mut self, anchor: &str) {
        let found = self.site.docs.having(self.number, anchor);
        if found.is_empty() {
            return;
        }
        self.out.push_str("<h3>Types with it</h3>\n<ul>\n");
        for (number, ty, contract) in found {
            let head = if contract.written { &ty.entry.signature } else { &contract.head };
            // What is written in another module means what it means there.
            let generics: [&[String]; 1] = [&contract.generics];
            let here = Some(self.number);
            let links = PageLinks { site: self.site, from: number, here, within: None, generics: &generics };
            let spelling = self.site.docs.modules[number].spelling;
            let code = code::highlight(head, spelling, &|name| links.ty(name));
            self.out.push_str(&format!("<li><code>{code}</code></li>\n"));
        }
        self.out.push_str("</ul>\n");
    }

    /// A trait that a type has, with its functions.
    fn contract(&mut self, contract: &Contract, within: Option<&str>) {
        let head = self.code(&contract.head, &[&contract.generics]);
        self.out.push_str(&format!("<div class=\"contract\">\n<p><code>{head}</code></p>\n"));
        self.doc(&contract.doc, within);
        contract.methods.iter().for_each(|method| self.entry(method, within, &[&contract.generics]));
        self.out.push_str("</div>\n");
    }

    /// Entries below a title that is HTML; nothing without entries.
    fn group(&mut self, title: &str, entries: &[Entry], within: Option<&str>, generics: &[&[String]]) {
        if !entries.is_empty() {
            self.out.push_str(&format!("<h3>{title}</h3>\n"));
            entries.iter().for_each(|entry| self.entry(entry, within, generics));
        }
    }

    fn entry(&mut self, entry: &Entry, within: Option<&str>, generics: &[&[String]]) {
        let mut generics = generics.to_vec();
        generics.push(&entry.generics);
        let (anchor, path) = (&entry.anchor, escape(&entry.path));
        let code = self.code(&entry.signature, &generics);
        self.out.push_str(&format!(
            "<div class=\"entry\" id=\"{anchor}\">\n<h4><code>{code}</code> \
             <a class=\"self\" href=\"#{anchor}\" aria-label=\"Link to {path}\">#</a></h4>\n"
        ));
        self.doc(&entry.doc, within);
        self.out.push_str("</div>\n");
    }

    /// A signature, types in it as links.
    fn code(&self, signature: &str, generics: &[&[String]]) -> String {
        let links = self.links(None, generics);
        code::highlight(signature, self.spelling, &|name| links.ty(name))
    }

    fn doc(&mut self, doc: &str, within: Option<&str>) {
        if !doc.trim().is_empty() {
            let html = markdown::to_html(doc, self.spelling, &self.links(within, &[]));
            self.out.push_str(&format!("<div class=\"doc\">\n{html}</div>\n"));
        }
    }

    fn links<'b>(&'b self, within: Option<&'b str>, generics: &'b [&'b [String]]) -> PageLinks<'b> {
        PageLinks { site: self.site, from: self.number, here: Some(self.number), within, generics }
    }
}
