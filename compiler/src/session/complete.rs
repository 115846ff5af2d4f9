//! Completion: what the text before the cursor could become.

mod braces;

use vex_runtime::abi::{self, Group};
use vex_syntax::Spelling;

use super::commands::COMMANDS;
use super::inspect::variant_text;
use super::{Candidate, Completion, Session, builtins};
use crate::stdlib;
use crate::types::{StructId, Ty, TyKind};

/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 2_000;

impl Session {
    /// Completes `text` up to byte `at`.
    pub(super) fn completion(&mut self, text: &str, at: usize) -> Completion {
        let at = text.floor_char_boundary(at);
        let before = &text[..at];
        let line = before.trim_start();
        let mut found = if let Some(command) = line.strip_prefix(':') {
            self.after_colon(command, at)
        } else {
            self.in_code(before)
        };
        let word = &text[found.start..at];
        found.candidates.retain(|candidate| candidate.text.starts_with(word));
        found.candidates.sort_by(|a, b| rank(&a.text).cmp(&rank(&b.text)));
        found.candidates.dedup_by(|a, b| a.text == b.text);
        found
    }

    /// The rest of a command.
    fn after_colon(&mut self, command: &str, at: usize) -> Completion {
        let Some((name, args)) = command.split_once(char::is_whitespace) else {
            let candidates = COMMANDS.iter().map(|c| candidate(c.name, c.help)).collect();
            return Completion { start: at - command.len(), candidates };
        };
        let args = args.trim_start();
        let plain = |words: &[&str]| words.iter().map(|word| candidate(word, "")).collect();
        let start = at - args.len();
        match name {
            "load" | "save" => Completion { start, candidates: files(args) },
            "spelling" => Completion { start, candidates: plain(&["vex", "vera", "vais"]) },
            "unsafe" => Completion { start, candidates: plain(&["on", "off"]) },
            "heap" => Completion { start, candidates: plain(&["all", "diff"]) },
            "help" => {
                Completion { start, candidates: COMMANDS.iter().map(|c| candidate(c.name, c.help)).collect() }
            }
            "undo" | "quit" | "reset" | "leaks" => Completion { start: at, candidates: Vec::new() },
            _ => {
                let mut inner = self.in_code(args);
                inner.start += start;
                inner
            }
        }
    }

    /// A word of the language.
    fn in_code(&mut self, before: &str) -> Completion {
        if let Some(found) = self.import_path(before) {
            return found;
        }
        let start = before.len() - word_length(before);
        if inside_text(before) {
            return Completion { start: before.len(), candidates: Vec::new() };
        }
        let head = before[..start].trim_end();
        let member = head.strip_suffix('.').or_else(|| head.strip_suffix("::"));
        let candidates = match member {
            Some(base) => self.members(base),
            None => self.fields_in_braces(head).unwrap_or_else(|| self.names()),
        };
        Completion { start, candidates }
    }

    /// The module after `import "` or `U `.
    fn import_path(&self, before: &str) -> Option<Completion> {
        let line = before.rsplit('\n').next().unwrap_or(before);
        let line = line.trim_start();
        let typed = match self.spelling {
            Spelling::Vais => line.strip_prefix("U ")?,
            _ => {
                let (head, path) = line.rsplit_once('"')?;
                let head = head.trim_end();
                (head.starts_with("import") && !head.contains('"')).then_some(path)?
            }
        };
        let mut candidates: Vec<Candidate> = stdlib::names().map(|name| candidate(name, "library")).collect();
        let is_module = |name: &str| {
            name.ends_with('/')
                || name.rsplit_once('.').and_then(|(_, e)| Spelling::from_extension(e)).is_some()
        };
        for mut file in files(typed).into_iter().filter(|file| is_module(&file.text)) {
            if let Some((stem, _)) = file.text.rsplit_once('.') {
                file.text = stem.to_string();
            }
            candidates.push(file);
        }
        Some(Completion { start: before.len() - typed.len(), candidates })
    }

    /// Everything that can stand at the start of an expression.
    fn names(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for name in self.env.names() {
            let name = name.as_str();
            found.push(candidate(name, &self.detail(name)));
        }
        found.extend(vex_syntax::spelling_table::words(self.spelling).map(|word| candidate(word, "keyword")));
        found.extend(builtins::names().map(|name| candidate(name, "builtin")));
        let rows = abi::exports().filter(|row| matches!(row.group, Group::MemPrelude | Group::VeraPrimitive));
        found.extend(rows.map(|row| candidate(row.symbol, "memory")));
        found
    }

    /// What a name of the session is.
    fn detail(&self, name: &str) -> String {
        if let Some(id) = self.env.variable(name) {
            return self.show_type(self.program.globals[id.0 as usize].ty);
        }
        if let Some(id) = self.env.function(name) {
            return self.signature_text(id);
        }
        match self.env.struct_named(name).map(|id| &self.program.types.structs[id.0 as usize]) {
            Some(def) if def.variants.is_some() => "enum".into(),
            Some(_) => "struct".into(),
            None if self.env.trait_named(name).is_some() => "trait".into(),
            None => String::new(),
        }
    }

    /// Fields and methods of the value that `base` ends with, the static functions of a type, the names of a module.
    fn members(&mut self, base: &str) -> Vec<Candidate> {
        let chain = chain_before(base);
        let Some((first, rest)) = chain.split_first() else { return Vec::new() };
        if rest.is_empty() {
            let of_module = self.env.names_of_module(first);
            if !of_module.is_empty() {
                return of_module.iter().map(|name| candidate(name.as_str(), "")).collect();
            }
            if let Some(id) = self.env.struct_named(first)
                && self.env.variable(first).is_none()
            {
                let is_it = |ty: &Ty| matches!(self.program.types.kind(*ty), TyKind::Struct { def, .. } if *def == id);
                let ty = self.program.types.all().find(is_it);
                let mut found = self.variants(id);
                found.extend(ty.map_or_else(Vec::new, |ty| self.methods(ty, false)));
                return found;
            }
        }
        let Some(ty) = self.type_of_chain(&chain) else { return Vec::new() };
        let ty = self.without_references(ty);
        let mut found = self.methods(ty, true);
        let fields = self.program.types.fields_of(ty);
        let types = &self.program.types;
        found.extend(fields.iter().map(|field| candidate(field.name.as_str(), &types.display(field.ty))));
        if let TyKind::Tuple(elems) = types.kind(ty) {
            found.extend(
                elems.iter().enumerate().map(|(i, ty)| candidate(&i.to_string(), &types.display(*ty))),
            );
        }
        found.extend(crate::check::builtin_methods(types.kind(ty)).iter().map(|name| candidate(name, "")));
        found
    }

    /// The variants of a type that has them.
    fn variants(&self, id: StructId) -> Vec<Candidate> {
        let types = &self.program.types;
        let all = types.structs[id.0 as usize].variants.iter().flatten();
        all.map(|variant| candidate(variant.name.as_str(), &variant_text(types, variant))).collect()
    }

    fn methods(&self, ty: Ty, receiver: bool) -> Vec<Candidate> {
        let all = self
            .env
            .methods_of(&self.program.types, ty)
            .into_iter()
            .chain(self.env.trait_functions_of(&self.program.types, ty))
            .filter(|(_, id)| self.env.has_receiver(*id) == receiver);
        all.map(|(name, id)| candidate(name.as_str(), &self.signature_text(id))).collect()
    }

    /// The type of `a.b[…].c(…)`, as far as it can be told without running anything.
    fn type_of_chain(&mut self, chain: &[String]) -> Option<Ty> {
        let mut ty: Option<Ty> = None;
        for part in chain {
            ty = Some(match (ty, part.as_str()) {
                (None, name) => match (self.env.variable(name), self.env.function(name)) {
                    (Some(id), _) => self.program.globals[id.0 as usize].ty,
                    (None, Some(id)) => self.program.types.all().find(|ty| self.is_function_type(*ty, id))?,
                    (None, None) => return None,
                },
                (Some(ty), "[]") => {
                    let ty = self.without_references(ty);
                    match self.program.types.kind(ty) {
                        TyKind::Array { elem, .. } | TyKind::Slice { elem, .. } => *elem,
                        // What the trait of indexing gives.
                        _ => self.member_type(ty, "at")?,
                    }
                }
                (Some(ty), "()") => match self.program.types.kind(ty) {
                    TyKind::Fn { ret, .. } => *ret,
                    _ => ty,
                },
                (Some(ty), name) => {
                    let ty = self.without_references(ty);
                    let index = name.parse::<usize>().ok();
                    match (self.program.types.kind(ty), index) {
                        (TyKind::Tuple(elems), Some(index)) => *elems.get(index)?,
                        _ => self.member_type(ty, name)?,
                    }
                }
            });
        }
        ty
    }

    fn member_type(&mut self, ty: Ty, name: &str) -> Option<Ty> {
        let fields = self.program.types.fields_of(ty);
        if let Some(field) = fields.iter().find(|field| field.name.as_str() == name) {
            return Some(field.ty);
        }
        // A method that will be called.
        let (_, id) = self
            .env
            .methods_of(&self.program.types, ty)
            .into_iter()
            .find(|(known, _)| known.as_str() == name)?;
        let function = &self.program.functions[id.0 as usize];
        let mut args = vec![Ty::ERROR; function.generics as usize];
        let (owner, ret) = (function.owner, function.ret);
        let known = owner.is_none_or(|owner| self.program.types.matches(owner, ty, &mut args));
        known.then(|| self.program.types.subst(ret, &args))
    }

    fn is_function_type(&self, ty: Ty, id: crate::typed::FuncId) -> bool {
        let function = &self.program.functions[id.0 as usize];
        let wanted = function.params.iter().map(|local| function.locals[local.0 as usize].ty);
        matches!(self.program.types.kind(ty), TyKind::Fn { params, ret }
            if *ret == function.ret && params.iter().copied().eq(wanted))
    }

    fn without_references(&self, ty: Ty) -> Ty {
        match self.program.types.kind(ty) {
            TyKind::Ref { pointee, .. } | TyKind::RawPtr { pointee, .. } => self.without_references(*pointee),
            _ => ty,
        }
    }
}

fn candidate(text: &str, detail: &str) -> Candidate {
    Candidate { text: text.to_string(), detail: detail.to_string() }
}

/// Names that begin with an underscore come last.
fn rank(text: &str) -> (bool, &str) {
    (text.starts_with('_'), text)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Bytes of the word that a text ends with.
fn word_length(text: &str) -> usize {
    text.chars().rev().take_while(|c| is_word(*c)).map(char::len_utf8).sum()
}

/// Whether the end of a text lies in a string or a line comment.
fn inside_text(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or(text);
    let (mut in_string, mut escaped, mut last) = (false, false, ' ');
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '/' if !in_string && last == '/' => return true,
            _ => {}
        }
        last = c;
    }
    in_string
}

/// The chain of names, calls and indexes that a text ends with: `a.b[1].c(2)` is `a`, `b`, `[]`, `c`, `()`. Empty where
/// it starts with something else.
fn chain_before(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    loop {
        while let Some((open, kind)) =
            [(']', "[]"), (')', "()")].into_iter().find(|(c, _)| rest.ends_with(*c))
        {
            let Some(start) = matching(rest, open) else { return Vec::new() };
            rest = rest[..start].trim_end();
            parts.push(kind.to_string());
        }
        let length = word_length(rest);
        if length == 0 {
            return Vec::new();
        }
        let (head, word) = rest.split_at(rest.len() - length);
        parts.push(word.to_string());
        let head = head.trim_end();
        match head.strip_suffix('.') {
            Some(before) => rest = before.trim_end(),
            None => break,
        }
    }
    parts.reverse();
    parts
}

/// Where the bracket opens that a text ends with.
fn matching(text: &str, close: char) -> Option<usize> {
    let open = if close == ']' { '[' } else { '(' };
    let mut depth = 0usize;
    for (at, c) in text.char_indices().rev() {
        if c == close {
            depth += 1;
        } else if c == open {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// The files and folders whose names begin with `typed`, as paths like it.
fn files(typed: &str) -> Vec<Candidate> {
    let (folder, shown) = match typed.rsplit_once('/') {
        Some((folder, _)) => (if folder.is_empty() { "/" } else { folder }, format!("{folder}/")),
        None => (".", String::new()),
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let hidden = typed.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
    let entries = entries.flatten().take(MOST_ENTRIES).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_folder = entry.path().is_dir();
        (hidden || !name.starts_with('.'))
            .then(|| candidate(&format!("{shown}{name}{}", if is_folder { "/" } else { "" }), ""))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_read_backwards_over_calls_and_indexes() {
        let chain = |text: &str| chain_before(text).join(" ");
        assert_eq!(chain("a"), "a");
        assert_eq!(chain("1 + a.b"), "a b");
        assert_eq!(chain("x = a.b[f(1)].c(2, (3))"), "a b [] c ()");
        assert_eq!(chain("v[0]"), "v []");
        assert_eq!(chain("(a + b)"), "");
        assert_eq!(chain("f(]"), "");
    }

    #[test]
    fn strings_and_comments_are_not_code() {
        assert!(inside_text("println(\"he"));
        assert!(!inside_text("println(\"he\""));
        assert!(inside_text("a // b"));
        assert!(!inside_text("\"//\" + a\nb"));
        assert!(inside_text("\"\\\""));
    }
}
