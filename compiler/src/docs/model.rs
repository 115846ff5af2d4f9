//! What is documented: the declarations of modules, as plain data.

use rustc_hash::FxHashMap;
use vex_syntax::Spelling;

/// What an entry declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A structure.
    Struct,
    /// A type with variants.
    Enum,
    /// A trait.
    Trait,
    /// A type of elsewhere that gets methods here.
    Foreign,
    /// A field of a structure or of a variant.
    Field,
    /// A variant.
    Variant,
    /// A function of a type, with a receiver or without.
    Method,
    /// A free function.
    Function,
    /// A constant.
    Constant,
    /// A variable of the module.
    Global,
}

impl Kind {
    /// The kind in a word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Struct => "structure",
            Kind::Enum => "enum",
            Kind::Trait => "trait",
            Kind::Foreign => "type",
            Kind::Field => "field",
            Kind::Variant => "variant",
            Kind::Method => "method",
            Kind::Function => "function",
            Kind::Constant => "constant",
            Kind::Global => "global",
        }
    }
}

/// One documented declaration.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// What people call it in its module: `Vec`, `Vec.push`, `swap`.
    pub path: String,
    /// Its name on the module's page; no other entry of the module has it.
    pub anchor: String,
    /// How it is declared, in the file's own spelling.
    pub signature: String,
    /// The type parameters that its signature may use; they are no types of the library.
    pub generics: Vec<String>,
    /// Its documentation, without the marks of comments.
    pub doc: String,
}

impl Entry {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }
}

/// What the functions of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// That the type has them.
    Methods,
    /// The head of their block, where that says more than the type's name: `impl<T: Ord> Vec<T>`.
    Under(String),
    /// That a type has to have them for a trait.
    Required,
    /// That a trait has a default for them.
    Provided,
}

/// Functions that are there under the same conditions.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub kind: GroupKind,
    /// The type parameters in the head of their block.
    pub generics: Vec<String>,
    /// The functions in the order they are declared.
    pub methods: Vec<Entry>,
}

/// A trait that a type has.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The trait's name, without arguments.
    pub name: String,
    /// `impl<T: Eq> Eq for Vec<T>`, or what stands after the type's name: `$Drop`.
    pub head: String,
    /// Whether it stands in the type's declaration rather than in a block of its own.
    pub written: bool,
    /// The type parameters in the head.
    pub generics: Vec<String>,
    /// What is said about it.
    pub doc: String,
    /// Its functions there.
    pub methods: Vec<Entry>,
}

/// A type or trait with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct TypeDoc {
    /// The declaration itself; its signature is empty for [`Kind::Foreign`].
    pub entry: Entry,
    /// Fields or variants, the fields of a variant after it.
    pub parts: Vec<Entry>,
    /// Its functions; of a trait those that types must or may have.
    pub groups: Vec<Group>,
    /// The traits it has.
    pub contracts: Vec<Contract>,
}

impl TypeDoc {
    /// The type and what belongs to it, in the order it is shown.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let methods = self.groups.iter().flat_map(|group| &group.methods);
        let contracts = self.contracts.iter().flat_map(|contract| &contract.methods);
        std::iter::once(&self.entry).chain(&self.parts).chain(methods).chain(contracts)
    }
}

/// A documented module.
#[derive(Clone, Debug)]
pub struct Module {
    /// The name programs import it by, or that of its file.
    pub name: String,
    /// Its spelling.
    pub spelling: Spelling,
    /// Whether it is one of the language's own.
    pub library: bool,
    /// What the file says about itself.
    pub doc: String,
    /// The modules it imports, as written.
    pub imports: Vec<String>,
    /// Types and traits in the order they are declared.
    pub types: Vec<TypeDoc>,
    /// Free functions.
    pub functions: Vec<Entry>,
    /// Constants, and variables that are documented.
    pub constants: Vec<Entry>,
    /// The anchor of each path that is declared here.
    pub(super) anchors: FxHashMap<String, String>,
}

impl Module {
    /// All entries in the order they are shown.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let types = self.types.iter().flat_map(TypeDoc::entries);
        types.chain(&self.functions).chain(&self.constants)
    }

    /// The anchor of what people call `path` here. Of two entries with one path it is the first that is shown; a type
    /// that only gets methods here is not declared here.
    pub fn anchor(&self, path: &str) -> Option<&str> {
        self.anchors.get(path).map(String::as_str)
    }

    /// Notes the anchors, once all entries are there.
    pub(super) fn index(&mut self) {
        let mut anchors = FxHashMap::default();
        for entry in self.entries().filter(|entry| entry.kind != Kind::Foreign) {
            anchors.entry(entry.path.clone()).or_insert_with(|| entry.anchor.clone());
        }
        self.anchors = anchors;
    }

    /// The module in a sentence.
    pub fn summary(&self) -> String {
        summary(&self.doc)
    }
}

/// The first sentence of a documentation text, on one line.
pub fn summary(doc: &str) -> String {
    let lines = doc.lines().map(str::trim).skip_while(|line| line.is_empty());
    let block = |line: &&str| !line.is_empty() && !line.starts_with("```");
    let text = lines.take_while(block).collect::<Vec<_>>().join(" ");
    match text.match_indices(". ").next() {
        Some((end, _)) => text[..=end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_first_sentence() {
        assert_eq!(summary("One, which\nis long. Two.\n\nThree."), "One, which is long.");
        assert_eq!(summary("\nOnly"), "Only");
        assert_eq!(summary("One:\n```\ncode\n```"), "One:");
        assert_eq!(summary(""), "");
    }
}
