//! When a constant, a type, or a function with other types takes the place of an earlier one, the functions that
//! mention it are compiled again, so that they mean the new one. A function that is replaced by one of the same types
//! needs none of this: it is called through its symbol.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::ast::Top;
use vex_syntax::lexer::lex;
use vex_syntax::{FileId, Span, Spelling, Symbol, parse_file};

use super::input::Source;
use super::{Again, Session};
use crate::check::CheckedInput;
use crate::typed::{FuncId, GlobalId};

/// Most times that refreshed functions, having other types themselves, lead to further ones.
const MOST_ROUNDS: usize = 16;

/// A declaration that mentions something that has changed.
struct Dependent {
    name: String,
    text: String,
    spelling: Spelling,
    /// The variables it uses that later ones, or others of their name, hide now.
    hidden: Vec<GlobalId>,
}

impl Session {
    /// Compiles again what mentions what this input has changed; what that was.
    pub(super) fn refresh(&mut self, checked: &CheckedInput) -> Vec<Again> {
        let mut again = Vec::new();
        let mut names = self.changed_names(checked);
        // What the input declares itself knows the new meaning.
        let mut done: FxHashSet<Span> = FxHashSet::default();
        let mut before = checked.first_func;
        for _ in 0..MOST_ROUNDS {
            if names.is_empty() {
                break;
            }
            let dependents = self.dependents(&names, before, &mut done);
            before = self.program.functions.len();
            names = Vec::new();
            for (spelling, group) in group(dependents) {
                names.extend(self.refresh_group(spelling, &group, &mut again));
            }
        }
        again
    }

    /// The names that mean something else than before, so that who mentions them is out of date.
    fn changed_names(&self, checked: &CheckedInput) -> Vec<Symbol> {
        let split = checked.split.iter().map(|(old, _)| self.env.declared_name(*old));
        split.chain(checked.changed.iter().copied()).collect()
    }

    /// The declarations of functions from before number `before` that mention one of the names.
    fn dependents(&self, names: &[Symbol], before: usize, done: &mut FxHashSet<Span>) -> Vec<Dependent> {
        let mut found = Vec::new();
        for (span, functions) in self.declarations(before) {
            let Some(file) = self.sources.find(span.lo) else { continue };
            // What an earlier type of the same name had, the later one has.
            if functions.iter().all(|&id| self.env.is_method_again(&self.program.types, id)) {
                continue;
            }
            let (text, spelling) = (self.sources.text(span), self.sources.file(file).spelling);
            let used = functions.iter().filter_map(|id| self.uses.get(id)).flatten().copied();
            let used: Vec<GlobalId> = used.collect();
            // A variable that it uses is not what has changed, even if it has the same name.
            let is_used =
                |name: &Symbol| used.iter().any(|id| self.program.globals[id.0 as usize].name == *name);
            let names: Vec<Symbol> = names.iter().copied().filter(|name| !is_used(name)).collect();
            if mentions(text, spelling, &names) && done.insert(span) {
                found.push(Dependent {
                    name: self.program.functions[functions[0].0 as usize].name.clone(),
                    text: text.to_string(),
                    spelling,
                    hidden: used.into_iter().filter(|&id| self.env.is_hidden(id)).collect(),
                });
            }
        }
        found
    }

    /// The declarations of functions from before number `before`, in the order of the functions, and which they declare.
    fn declarations(&self, before: usize) -> Vec<(Span, Vec<FuncId>)> {
        // Of each file, the places of its declarations.
        let mut files: FxHashMap<FileId, Vec<Span>> = FxHashMap::default();
        let mut places: FxHashMap<Span, usize> = FxHashMap::default();
        let mut found: Vec<(Span, Vec<FuncId>)> = Vec::new();
        for id in self.env.functions().into_iter().filter(|id| (id.0 as usize) < before) {
            let at = self.env.head(id).0.lo;
            let Some(file) = self.sources.find(at) else { continue };
            let spans = files.entry(file).or_insert_with(|| {
                let file = self.sources.file(file);
                let (unit, _) = parse_file(&file.text, file.base, file.spelling);
                let items = unit.top.iter();
                items
                    .filter_map(|top| if let Top::Item(item) = top { Some(item.span) } else { None })
                    .collect()
            });
            let index = spans.partition_point(|span| span.hi <= at);
            let Some(&span) = spans.get(index).filter(|span| span.lo <= at) else { continue };
            let place = *places.entry(span).or_insert(found.len());
            if place == found.len() {
                found.push((span, Vec::new()));
            }
            found[place].1.push(id);
        }
        found
    }

    /// Compiles declarations again, together if they fit together; the names that changed by that.
    fn refresh_group(
        &mut self,
        spelling: Spelling,
        group: &[Dependent],
        again: &mut Vec<Again>,
    ) -> Vec<Symbol> {
        let all: Vec<&str> = group.iter().map(|dependent| &*dependent.text).collect();
        let all = all.join("\n");
        // Where names mean to one what they do not mean to another, each is compiled by itself.
        if group.iter().all(|dependent| dependent.hidden.is_empty())
            && let Ok(changed) = self.declare_again(spelling, &all, &[])
        {
            again.push(Again { spelling, text: all, hidden: Vec::new() });
            return changed;
        }
        let mut changed = Vec::new();
        for dependent in group {
            match self.declare_again(spelling, &dependent.text, &dependent.hidden) {
                Ok(names) => {
                    let (text, hidden) = (dependent.text.clone(), dependent.hidden.clone());
                    again.push(Again { spelling, text, hidden });
                    changed.extend(names);
                }
                Err(why) => {
                    let name = &dependent.name;
                    self.note(&format!("`{name}` does not fit any more and stays as it was: {why}"));
                }
            }
        }
        changed
    }

    /// Declares something again, to which the names of `hidden` variables mean these; the names that changed by that.
    ///
    /// # Errors
    /// Why it cannot be.
    fn declare_again(
        &mut self,
        spelling: Spelling,
        text: &str,
        hidden: &[GlobalId],
    ) -> Result<Vec<Symbol>, String> {
        let meanings = self.env.uncover(hidden);
        let changed = self.declare(spelling, text);
        self.env.cover(meanings);
        changed
    }

    /// As [`Session::declare_again`].
    fn declare(&mut self, spelling: Spelling, text: &str) -> Result<Vec<Symbol>, String> {
        let source = Source { name: "<again>".into(), path: None, spelling, text };
        let file = self.add_source(&source).ok_or("there is no room for it")?;
        let checked = self.check(file, None).map_err(|diagnostics| {
            diagnostics.first().map(|d| d.title.clone()).unwrap_or_else(|| "it has errors".into())
        })?;
        let input = match self.compile(&checked) {
            Ok(input) => input,
            Err(error) => {
                self.forget(checked);
                return Err(error.title());
            }
        };
        self.keep(&checked, &input);
        self.code.discard(&input);
        Ok(self.changed_names(&checked))
    }
}

/// Whether a text has one of the names as a word of its own.
fn mentions(text: &str, spelling: Spelling, names: &[Symbol]) -> bool {
    lex(text, 0, spelling).tokens.iter().any(|token| {
        let word = text.get(token.lo as usize..token.hi as usize).unwrap_or("");
        names.iter().any(|name| name.as_str() == word)
    })
}

/// Declarations by spelling, each in the order they came.
fn group(dependents: Vec<Dependent>) -> BTreeMap<Spelling, Vec<Dependent>> {
    let mut groups: BTreeMap<Spelling, Vec<Dependent>> = BTreeMap::new();
    for dependent in dependents {
        groups.entry(dependent.spelling).or_default().push(dependent);
    }
    groups
}
