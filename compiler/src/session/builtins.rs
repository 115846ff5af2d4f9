//! What the functions say that are always there, and what a declaration of the library is called.

use vex_runtime::abi::AbiTy;
use vex_syntax::Span;
use vex_syntax::ast::{Item, ItemKind, TypeExpr, TypeKind};

/// Builtins that have no row in the runtime's table: how they are written and what they do.
const BUILTINS: &[(&str, &str, &str)] = &[
    ("print", "print(values…)", "Prints its values, or a string with `{}` for each value after it."),
    ("println", "println(values…)", "As `print`, and ends the line."),
    ("eprint", "eprint(values…)", "As `print`, to standard error."),
    ("eprintln", "eprintln(values…)", "As `println`, to standard error."),
    ("format", "format(values…): String", "What `print` would print, as a string of its own."),
    ("panic", "panic(message): !", "Ends the program with a message, a backtrace and status 101."),
    ("assert", "assert(condition, message…)", "Panics unless the condition holds."),
    ("assert_eq", "assert_eq(a, b, message…)", "Panics, showing both, unless the values are equal."),
    ("unreachable", "unreachable(): !", "Panics: this place should never be reached."),
    ("exit", "exit(status): !", "Ends the program with an exit status."),
    ("args", "args(): &[str]", "The program's arguments, its own name not among them."),
    ("read_line", "read_line(): str", "The next line of standard input, without its end."),
    ("read_all", "read_all(): str", "The rest of standard input."),
    ("read_file", "read_file(path: str): str", "A whole file."),
    ("write_file", "write_file(path: str, text: str)", "Writes a whole file."),
    ("at_end", "at_end(): bool", "Whether standard input has ended."),
    ("now_ns", "now_ns(): i64", "A clock that only goes forward, in nanoseconds."),
    ("sizeof", "sizeof(T): usize", "The size of a type or value in bytes."),
    ("alignof", "alignof(T): usize", "The alignment of a type in bytes."),
    (
        "needs_drop",
        "needs_drop(T): bool",
        "Whether there is something to do when a value of a type is dropped.",
    ),
    ("offsetof", "offsetof(T, field): usize", "The offset of a field in bytes."),
    ("str_from", "str_from(p: ptr, bytes: usize): str", "The bytes at an address, as a string."),
    (
        "checked_add",
        "checked_add(a, b): Option",
        "The sum, or nothing when it overflows; `checked_sub`, `checked_mul` too.",
    ),
    ("wrapping_add", "wrapping_add(a, b)", "The sum, wrapped around; `wrapping_sub`, `wrapping_mul` too."),
];

/// A type of the runtime's table as a program writes it.
pub(super) fn abi_name(ty: AbiTy) -> String {
    match ty {
        AbiTy::Ptr | AbiTy::ConstPtr | AbiTy::Callback(_) => "ptr".into(),
        AbiTy::CStr => "*u8".into(),
        AbiTy::Never => "!".into(),
        AbiTy::Struct(name) => name.into(),
        AbiTy::PtrTo(name) => format!("*{name}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The page of a builtin.
pub(super) fn doc(name: &str) -> Option<String> {
    let (_, form, text) = BUILTINS.iter().find(|(known, _, _)| *known == name)?;
    Some(format!("{form}\n  {text}\n"))
}

/// Place and comment of the function or type `name` in an item, if it is there; `owner` is the type of a method.
pub(super) fn declared_in(item: &Item, owner: Option<&str>, name: &str) -> Option<(Span, String)> {
    let found = |span: Span, doc: &str| Some((span, doc.to_string()));
    match &item.kind {
        ItemKind::Fn(decl) if owner.is_none() && decl.name.name.as_str() == name => {
            found(item.span, &item.doc)
        }
        ItemKind::Struct(decl) if owner.is_none() && decl.name.name.as_str() == name => {
            found(item.span, &item.doc)
        }
        ItemKind::Enum(decl) if owner.is_none() && decl.name.name.as_str() == name => {
            found(item.span, &item.doc)
        }
        ItemKind::Trait(decl) if owner.is_none() && decl.name.name.as_str() == name => {
            found(item.span, &item.doc)
        }
        ItemKind::Trait(decl) if owner.is_some_and(|owner| decl.name.name.as_str() == owner) => {
            let decl = decl.functions.iter().find(|decl| decl.name.name.as_str() == name)?;
            found(decl.head, &decl.doc)
        }
        ItemKind::Fn(decl)
            if decl.name.name.as_str() == name
                && owner.is_some_and(|owner| decl.owner.as_ref().is_some_and(|ty| is_named(ty, owner))) =>
        {
            found(item.span, &item.doc)
        }
        ItemKind::Const(decl) | ItemKind::Global(decl)
            if owner.is_none() && decl.name.name.as_str() == name =>
        {
            found(item.span, &item.doc)
        }
        ItemKind::Impl(block) if owner.is_some_and(|owner| is_named(&block.ty, owner)) => {
            let decl = block.functions.iter().find(|decl| decl.name.name.as_str() == name)?;
            found(decl.head, &decl.doc)
        }
        _ => None,
    }
}

fn is_named(ty: &TypeExpr, name: &str) -> bool {
    matches!(&ty.kind, TypeKind::Path { names, .. } if names.last().is_some_and(|n| n.name.as_str() == name))
}

/// The names of builtins without a row in the runtime's table.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, _, _)| *name)
}
