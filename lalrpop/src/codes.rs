//! The codes of the lexer's and parser's diagnostics: E0001–E0099.

use crate::diagnostic::Code;

/// A token where the grammar wants another.
pub const UNEXPECTED_TOKEN: Code = Code("E0001");
/// The statement or file ends where more is wanted.
pub const UNEXPECTED_END: Code = Code("E0002");
/// An opening bracket without its closing one.
pub const UNCLOSED_BRACKET: Code = Code("E0003");
/// A closing bracket without its opening one.
pub const UNMATCHED_BRACKET: Code = Code("E0004");
/// A string that does not end on its line.
pub const UNTERMINATED_STRING: Code = Code("E0005");
/// A block comment without its end.
pub const UNTERMINATED_COMMENT: Code = Code("E0006");
/// A character that no token starts with.
pub const BAD_CHARACTER: Code = Code("E0007");
/// An escape that strings do not know.
pub const BAD_ESCAPE: Code = Code("E0008");
/// A number with wrong digits or an unknown suffix.
pub const BAD_NUMBER: Code = Code("E0009");
/// An integer literal above 2⁶⁴−1.
pub const NUMBER_TOO_LARGE: Code = Code("E0010");
/// A keyword of another spelling.
pub const OTHER_SPELLING: Code = Code("E0011");
/// A keyword used as a name.
pub const KEYWORD_AS_NAME: Code = Code("E0012");
/// Nesting beyond the limit.
pub const TOO_DEEP: Code = Code("E0013");
/// A structure literal directly in the head of an `if`, a `match` or a loop.
pub const STRUCT_LITERAL_IN_HEAD: Code = Code("E0015");
/// `a < b < c`.
pub const CHAINED_COMPARISON: Code = Code("E0016");
/// The left side of `:=`, or a loop variable, that is no name.
pub const BAD_PATTERN: Code = Code("E0017");
/// A parameter without a type, or a receiver that is not the first parameter.
pub const BAD_PARAMETER: Code = Code("E0018");
/// A declaration where it cannot be.
pub const MISPLACED_ITEM: Code = Code("E0019");
/// A format string that does not follow the rules.
pub const BAD_FORMAT: Code = Code("E0020");

/// A character literal that is not one character.
pub const BAD_CHARACTER_LITERAL: Code = Code("E0021");
/// A text over several lines whose quotes or indentation are wrong.
pub const BAD_TEXT_BLOCK: Code = Code("E0022");

/// Every code of this crate.
pub const ALL: &[Code] = &[
    UNEXPECTED_TOKEN,
    UNEXPECTED_END,
    UNCLOSED_BRACKET,
    UNMATCHED_BRACKET,
    UNTERMINATED_STRING,
    UNTERMINATED_COMMENT,
    BAD_CHARACTER,
    BAD_ESCAPE,
    BAD_NUMBER,
    NUMBER_TOO_LARGE,
    OTHER_SPELLING,
    KEYWORD_AS_NAME,
    TOO_DEEP,
    STRUCT_LITERAL_IN_HEAD,
    CHAINED_COMPARISON,
    BAD_PATTERN,
    BAD_PARAMETER,
    MISPLACED_ITEM,
    BAD_FORMAT,
    BAD_CHARACTER_LITERAL,
    BAD_TEXT_BLOCK,
];
