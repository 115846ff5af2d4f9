//! What is printed: pieces of text and values, and how values look.

use std::sync::Arc;

use super::Expr;

/// Where printed text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, buffered.
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere: it is the value of the expression, a `str` in a block of `vex_malloc` that has a new owner. Its
    /// pointer is null when the text is empty.
    Text,
}

/// A piece of printed text.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Fixed text.
    Text(Arc<str>),
    /// A value.
    Value {
        /// The value; a place is not moved.
        value: Expr,
        /// How.
        spec: FormatSpec,
    },
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatSpec {
    /// Number base and debug form.
    pub style: FormatStyle,
    /// `#`: prefix of the base.
    pub alternate: bool,
    /// `+`: always a sign.
    pub plus: bool,
    /// Pad with zeros after the sign.
    pub zero: bool,
    /// Digits after the point, or the most characters of a string.
    pub precision: Option<u32>,
    /// Least number of characters.
    pub width: u32,
    /// Where the value goes in the width; `None`: numbers right, others left.
    pub align: Option<Align>,
    /// Character that fills the width; `'\0'` means a space.
    pub fill: char,
    /// Whether booleans print as `1` and `0`.
    pub bool_as_int: bool,
}

/// The style of a printed value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatStyle {
    /// `{}`
    #[default]
    Display,
    /// `{:?}`: strings quoted.
    Debug,
    /// `{:x}`
    Hex,
    /// `{:X}`
    UpperHex,
    /// `{:b}`
    Binary,
    /// `{:o}`
    Octal,
    /// `{:e}`
    Exp,
    /// `printf`'s `%c`: an integer as the character with that code.
    Char,
}

/// Alignment within a width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// `<`
    Left,
    /// `^`
    Center,
    /// `>`
    Right,
}
