//! The language's own modules, embedded in the compiler.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;
use vex_syntax::Spelling;

/// An embedded module.
#[derive(Clone, Copy, Debug)]
pub struct LibraryModule {
    /// The name programs import it by.
    pub name: &'static str,
    /// The name its file has in messages.
    pub file: &'static str,
    /// Its spelling.
    pub spelling: Spelling,
    /// Its text.
    pub text: &'static str,
}

macro_rules! modules {
    ($($name:literal = $file:literal, $spelling:ident;)*) => {
        static MODULES: &[LibraryModule] = &[$(LibraryModule {
            name: $name,
            file: concat!("<", $name, ">"),
            spelling: Spelling::$spelling,
            text: include_str!(concat!("../../stdlib/", $file)),
        }),*];
    };
}

modules! {
    "std/core" = "std/core.vx", Vex;
    "std/alloc" = "std/alloc.vx", Vex;
    "std/box" = "std/box.vx", Vex;
    "std/checked" = "std/checked.vx", Vex;
    "std/entries" = "std/entries.vx", Vex;
    "std/map" = "std/map.vx", Vex;
    "std/ptr" = "std/ptr.vx", Vex;
    "std/rc" = "std/rc.vx", Vex;
    "std/set" = "std/set.vx", Vex;
    "std/sort" = "std/sort.vx", Vex;
    "std/span" = "std/span.vx", Vex;
    "std/string" = "std/string.vx", Vex;
    "std/vec" = "std/vec.vx", Vex;
    "std/allocator" = "std/allocator.vais", Vais;
    "std/kmem" = "std/kmem.vx", Vex;
    "vera:memory" = "vera/memory.vera", Vera;
    "xila/memory" = "xila/memory.vx", Vex;
}

/// The module that every other imports without saying so.
pub const CORE: &str = "std/core";

/// The module of the type that `format` makes.
pub const STRING: &str = "std/string";

/// Whether a text may make a string with `format`, which needs [`STRING`].
pub fn uses_format(text: &str) -> bool {
    text.match_indices("format").any(|(at, word)| {
        let before = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        !before && text[at + word.len()..].trim_start().starts_with('(')
    })
}

/// Whether a text may call a method that `str` has by [`STRING`]: it has the name of one behind a dot. That other types
/// have methods of the same name costs little. A text that gives `str` methods of its own gets none besides.
pub fn uses_str_methods(text: &str) -> bool {
    static NAMES: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
        let text = find(STRING).map_or("", |module| module.text);
        let own = text.lines().skip_while(|line| *line != "impl str {").take_while(|line| *line != "}");
        let heads = own.filter_map(|line| line.strip_prefix("    fn "));
        heads.filter_map(|head| head.split(['(', '!', '<']).next()).collect()
    });
    let own = ["impl str", "X str", "self: str", "self: &str"];
    if own.iter().any(|head| text.contains(head)) {
        return false;
    }
    text.match_indices('.').any(|(at, _)| {
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        end > 0 && NAMES.contains(&rest[..end])
    })
}

/// Whether a text may use something of [`CORE`]: it has one of the words that are declared there. Most small programs
/// have none and are not made to wait for it.
pub fn uses_core(text: &str) -> bool {
    static WORDS: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
        let core = find(CORE).map_or("", |module| module.text);
        let lines = core.lines().filter(|line| !line.trim_start().starts_with("//"));
        // What these builtins give is declared there.
        let checked = ["checked_add", "checked_sub", "checked_mul"];
        lines.flat_map(declared_words).chain(checked).collect()
    });
    text.contains('?') || words(text).any(|word| WORDS.contains(word))
}

/// The words of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// The words of a line of the library that name something: types and traits by their capital, functions by the
/// parenthesis after them.
fn declared_words(line: &'static str) -> impl Iterator<Item = &'static str> {
    let capital =
        words(line).filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()) && word.len() > 1);
    let head = line.trim_start();
    let head = if head.starts_with("fn ") { head.split('{').next().unwrap_or(head) } else { "" };
    let before = head.split('(').filter_map(|part| words(part.split('<').next().unwrap_or(part)).last());
    capital.chain(before.filter(|word| !matches!(*word, "fn" | "self" | "new")))
}

/// Whether a module name is the language's own, so no file of the user's can take it.
pub fn is_reserved(path: &str) -> bool {
    path.starts_with("std/") || path.starts_with("vera:") || path.starts_with("xila/")
}

/// The embedded module of this name. `vera/memory` and `std:kmem` find theirs too.
pub fn find(path: &str) -> Option<&'static LibraryModule> {
    let normal = |name: &str| name.replace(':', "/");
    MODULES.iter().find(|m| m.name == path || normal(m.name) == normal(path))
}

/// The names of all embedded modules.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|m| m.name)
}

/// All embedded modules.
pub fn modules() -> &'static [LibraryModule] {
    MODULES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_format_is_seen() {
        for text in ["format(1)", "let s = format (\"{}\", x)", "f(format(1))", "$format(2)"] {
            assert!(uses_format(text), "{text}");
        }
        for text in ["let format = 1", "reformat(1)", "x.format(1)", "format_all(1)", "formatted"] {
            assert!(!uses_format(text), "{text}");
        }
    }

    #[test]
    fn a_method_of_texts_is_seen() {
        for text in ["s.trim()", "\"a b\".split(\" \").count()", "x\n    .parseInt()"] {
            assert!(uses_str_methods(text), "{text}");
        }
        for text in ["s.len()", "trim(s)", "s.trimmed()", "impl str { } s.trim()", "s.next()", "1.5"] {
            assert!(!uses_str_methods(text), "{text}");
        }
    }
}
