//! The kinds of defects by the names that JSON, tests and documents use.

use vex_runtime::checked::{BadFree, DefectKind, State};

/// Every kind: its name, and what it is in a few words.
pub const KINDS: &[(&str, &str)] = &[
    ("out-of-bounds", "an access before or behind the block that the pointer belongs to"),
    (
        "out-of-object",
        "an access past the field, array or variable that the pointer was made from, inside its block",
    ),
    ("use-after-free", "an access to a block after it was freed or moved by a reallocation"),
    ("stale-region", "an access to a block of an allocator after its `reset`, `pop` or `drop`"),
    ("dead-stack", "an access to a variable of a function that has returned"),
    ("null", "an access through a null pointer"),
    ("wild", "an access to an address where the program has no memory"),
    ("misaligned", "an access to an address that is no multiple of the type's alignment"),
    ("unwritten", "a read of bytes that were never written"),
    ("zero-sized", "an access to a block of 0 bytes"),
    ("double-free", "a free of a block that was freed before"),
    ("free-interior", "a free of a pointer into the middle of a block"),
    ("free-stack", "a free of a pointer to a variable of a function"),
    ("free-static", "a free of a pointer to a global variable or a constant"),
    ("free-foreign", "a free of a pointer that no allocator gave out"),
    ("wrong-allocator", "a free through a function or an allocator that the block is not from"),
    ("wrong-size", "a free with a size that is not the block's"),
    ("wrong-align", "a free with an alignment that is not the block's"),
    ("overlap", "a copy between ranges that overlap, by a function that may not"),
    ("bad-size", "a size that is negative or larger than any block"),
    ("leak-lost", "a block that was not freed and that nothing points to"),
    ("leak-cyclic", "blocks that were not freed and that only point to each other"),
    ("leak-held", "a block that was not freed and that only lost blocks point to"),
    ("leak-reachable", "a block that was not freed although a global variable still leads to it"),
];

/// The word that stands for any kind of leak in tests.
pub const LEAK: &str = "leak";

/// The name of a kind, of a block in this state.
pub fn name(kind: DefectKind, state: Option<State>) -> &'static str {
    match kind {
        DefectKind::OutOfBounds => "out-of-bounds",
        DefectKind::OutOfObject => "out-of-object",
        DefectKind::UseAfterFree if state == Some(State::Reset) => "stale-region",
        DefectKind::UseAfterFree => "use-after-free",
        DefectKind::DeadStack => "dead-stack",
        DefectKind::Null => "null",
        DefectKind::Wild => "wild",
        DefectKind::Misaligned => "misaligned",
        DefectKind::Unwritten => "unwritten",
        DefectKind::DoubleFree => "double-free",
        DefectKind::BadFree(BadFree::Interior) => "free-interior",
        DefectKind::BadFree(BadFree::Stack) => "free-stack",
        DefectKind::BadFree(BadFree::Static) => "free-static",
        DefectKind::BadFree(BadFree::Foreign | BadFree::Wild) => "free-foreign",
        DefectKind::WrongAllocator => "wrong-allocator",
        DefectKind::WrongSize => "wrong-size",
        DefectKind::WrongAlign => "wrong-align",
        DefectKind::Overlap => "overlap",
        DefectKind::BadSize => "bad-size",
        DefectKind::ZeroSized => "zero-sized",
        DefectKind::StaleRegion => "stale-region",
    }
}

/// Whether a name is that of a kind, or [`LEAK`].
pub fn is_known(name: &str) -> bool {
    name == LEAK || KINDS.iter().any(|(kind, _)| *kind == name)
}

/// Whether what a test asks for is this kind.
pub fn matches(wanted: &str, kind: &str) -> bool {
    wanted == kind || wanted == LEAK && kind.starts_with("leak-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lists_the_kinds() {
        let document = include_str!("../../../docs/checked.md");
        let rows: String = KINDS.iter().map(|(kind, what)| format!("| `{kind}` | {what} |\n")).collect();
        assert!(document.contains(&rows), "docs/checked.md should contain\n{rows}");
    }

    #[test]
    fn tests_may_ask_for_any_leak() {
        assert!(is_known("leak") && is_known("null") && !is_known("leak-") && !is_known("summary"));
        assert!(matches("leak", "leak-held") && !matches("leak", "null") && !matches("null", "leak-held"));
    }
}
