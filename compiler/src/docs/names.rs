//! What a name means: in a signature, in documentation text, on the command line.

use super::Docs;
use super::model::{Contract, Entry, Kind, Module, TypeDoc};
use crate::suggest;

/// A place that a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The number of the module.
    pub module: usize,
    /// The entry there; `None` for the module itself.
    pub anchor: Option<&'a str>,
}

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// A type or trait with all that belongs to it.
    Type(&'a TypeDoc),
    /// Everything else.
    Entry(&'a Entry),
}

/// A name as declarations have it: `Vec::push!()` is `Vec.push`.
fn plain(name: &str) -> String {
    let name = name.trim();
    let name = name.split_once(['(', '<']).map_or(name, |(before, _)| before);
    let name = name.trim_end_matches('!').trim_start_matches(['$', '#']);
    name.replace("::", ".")
}

impl Docs {
    /// The number of the module of this name; `std.vec` and `vera/memory` find theirs, too.
    pub fn module(&self, name: &str) -> Option<usize> {
        let normal = |name: &str| name.replace([':', '.'], "/");
        let exact = self.modules.iter().position(|module| module.name == name);
        exact.or_else(|| self.modules.iter().position(|module| normal(&module.name) == normal(name)))
    }

    /// What `name` means in a text or signature of module number `from`, inside the type `within` if there is one.
    ///
    /// Names of the module win over those of the modules it imports; elsewhere in the library only types, and what
    /// belongs to one, are looked for, and only where a single module declares them.
    pub fn resolve(&self, from: usize, within: Option<&str>, name: &str) -> Option<Target<'_>> {
        if let Some(module) = self.modules.iter().position(|module| module.name == name) {
            return Some(Target { module, anchor: None });
        }
        let name = plain(name);
        if name.is_empty() {
            return None;
        }
        let member = within.map(|ty| format!("{ty}.{name}"));
        let here = member.iter().chain([&name]).find_map(|path| self.anchor(from, path));
        if here.is_some() {
            return here;
        }
        if let Some((module, rest)) = name.rsplit_once('/').and_then(|(m, rest)| {
            let (last, path) = rest.split_once('.')?;
            Some((self.module(&format!("{m}/{last}"))?, path))
        }) {
            return self.anchor(module, rest);
        }
        let imports = self.modules.get(from).map(|module| module.imports.as_slice()).unwrap_or_default();
        let imported = imports.iter().filter_map(|name| self.module(name));
        if let Some(found) = imported.filter(|&module| module != from).find_map(|m| self.anchor(m, &name)) {
            return Some(found);
        }
        let is_type = name.starts_with(char::is_uppercase);
        let mut elsewhere =
            (0..self.modules.len()).filter(|_| is_type).filter_map(|module| self.anchor(module, &name));
        let found = elsewhere.next();
        if elsewhere.next().is_some() { None } else { found }
    }

    /// The declaration of this path in a module.
    fn anchor(&self, module: usize, path: &str) -> Option<Target<'_>> {
        let anchor = self.modules.get(module)?.anchor(path)?;
        Some(Target { module, anchor: Some(anchor) })
    }

    /// What types have the trait with this anchor, in all modules: each with the number of its module.
    pub fn having(&self, module: usize, anchor: &str) -> Vec<(usize, &TypeDoc, &Contract)> {
        let wanted = Target { module, anchor: Some(anchor) };
        let mut found = Vec::new();
        for (number, other) in self.modules.iter().enumerate() {
            for ty in &other.types {
                let having = ty.contracts.iter();
                let having =
                    having.filter(|contract| self.resolve(number, None, &contract.name) == Some(wanted));
                found.extend(having.map(|contract| (number, ty, contract)));
            }
        }
        found
    }

    /// The modules that declare what people call `name`, with the path it has there.
    pub fn declaring(&self, name: &str) -> Vec<(&Module, &str)> {
        let name = plain(name);
        let mut found = Vec::new();
        for module in &self.modules {
            let mut entries = module.entries().filter(|entry| entry.kind != Kind::Foreign);
            let entry = entries.find(|entry| entry.path == name || entry.name() == name);
            found.extend(entry.map(|entry| (module, entry.path.as_str())));
        }
        found
    }

    /// The name of a module that is most like `name`, or whose last part it is.
    pub fn similar_module(&self, name: &str) -> Option<&str> {
        let names = || self.modules.iter().map(|module| module.name.as_str());
        let last = |module: &str| module.rsplit(['/', ':']).next().unwrap_or(module).to_owned();
        let near = suggest::nearest(name, names());
        near.or_else(|| names().find(|module| last(module).eq_ignore_ascii_case(name))).or_else(|| {
            let lasts: Vec<String> = names().map(last).collect();
            let near = suggest::nearest(name, lasts.iter().map(String::as_str))?;
            names().find(|module| last(module) == near)
        })
    }
}

impl Module {
    /// What a path such as `Vec.push` or `Vec::push` names.
    pub fn find(&self, path: &str) -> Option<Shown<'_>> {
        let path = plain(path);
        if let Some(found) = self.types.iter().find(|ty| ty.entry.path == path) {
            return Some(Shown::Type(found));
        }
        self.entries().find(|entry| entry.path == path).map(Shown::Entry)
    }

    /// The path most like one that is not there: the same name in another place, or a similar one.
    pub fn similar(&self, path: &str) -> Option<&str> {
        let path = plain(path);
        let last = path.rsplit('.').next().unwrap_or(&path);
        let paths = || self.entries().map(|entry| entry.path.as_str());
        let same =
            self.entries().find(|entry| entry.name() == last || entry.path.eq_ignore_ascii_case(&path));
        if let Some(same) = same {
            return Some(&same.path);
        }
        let names: Vec<&str> = self.entries().map(Entry::name).collect();
        suggest::nearest(&path, paths()).or_else(|| {
            let near = suggest::nearest(last, names)?;
            paths().find(|path| path.rsplit('.').next() == Some(near))
        })
    }
}
