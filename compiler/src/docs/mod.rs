//! Documentation made of `///` comments: what modules declare, as plain data, and that as text for a terminal or as
//! pages. Nothing here reads or writes files.
//!
//! - [`model`] is what is documented; it is made from a module's tree, signatures as they are written.
//! - [`names`] finds what a name means, for links, for single items and for suggestions.
//! - [`terminal`] shows a module or an item in a terminal, [`html`] makes the pages of a site.

mod code;
mod collect;
pub mod html;
mod markdown;
pub mod model;
pub mod names;
mod source;
pub mod terminal;

use vex_syntax::{Diagnostic, Severity, SourceMap, Spelling};

use crate::stdlib;
use model::Module;

/// Documented modules that know of each other.
#[derive(Debug, Default)]
pub struct Docs {
    /// The modules; those of the library come first, in its order.
    pub modules: Vec<Module>,
}

/// Why a module cannot be documented.
#[derive(Debug)]
pub struct Unreadable {
    /// What is wrong with its syntax.
    pub diagnostics: Vec<Diagnostic>,
    /// The file the diagnostics are about.
    pub sources: SourceMap,
}

impl Docs {
    /// The modules of the language's own library. One with a mistake in it is left out. Parsing needs the deep stack that
    /// the compiler has for it, here and in [`Docs::add`].
    pub fn library() -> Docs {
        let mut docs = Docs::default();
        for module in stdlib::modules() {
            // The tests of the library notice a mistake; there is nothing to be said about it here.
            let _ = docs.read(module.name, true, module.file, module.text, module.spelling);
        }
        docs
    }

    /// Adds a module that is in no library; its number.
    ///
    /// # Errors
    ///
    /// What is wrong with its syntax. A text larger than a source map takes has no diagnostics.
    pub fn add(
        &mut self,
        name: &str,
        file: &str,
        text: &str,
        spelling: Spelling,
    ) -> Result<usize, Unreadable> {
        self.read(name, false, file, text, spelling)
    }

    fn read(
        &mut self,
        name: &str,
        library: bool,
        file: &str,
        text: &str,
        spelling: Spelling,
    ) -> Result<usize, Unreadable> {
        let mut sources = SourceMap::new();
        let Ok(id) = sources.add(file, None, spelling, text, library) else {
            return Err(Unreadable { diagnostics: Vec::new(), sources });
        };
        let base = sources.file(id).base;
        let (unit, diagnostics) = vex_syntax::parse::parse_file(text, base, spelling);
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(Unreadable { diagnostics, sources });
        }
        let source = source::Source::new(text, base, spelling);
        self.modules.push(collect::collect(name, library, source, &unit));
        Ok(self.modules.len() - 1)
    }
}
