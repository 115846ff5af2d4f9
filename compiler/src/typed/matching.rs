//! The arms of a `match`.

use super::{Expr, LocalId};

/// An arm of a `match`.
#[derive(Clone, Debug)]
pub struct Arm {
    /// What a value has to be for the arm to take it.
    pub test: Test,
    /// What the pattern binds, in order; in scope in guard and body. The values are parts of the matched place, which
    /// they copy, move out of or borrow. One that is moved is bound only after the guard held, which sees it borrowed.
    pub bindings: Vec<(LocalId, Expr)>,
    /// The condition after `if`.
    pub guard: Option<Expr>,
    /// The value.
    pub body: Expr,
}

/// What a value is compared with.
#[derive(Clone, Debug)]
pub enum Test {
    /// Anything is taken.
    Any,
    /// All of these hold.
    All(Vec<Test>),
    /// One of these holds.
    One(Vec<Test>),
    /// The place is of this variant.
    Variant {
        /// A place of a type with variants.
        place: Expr,
        /// Which.
        variant: u32,
    },
    /// The place is one of these values, or in one of these ranges with both ends; integers, characters and booleans as
    /// two's complement bits, extended by the type's sign to 64 bits.
    Ints {
        /// A place of an integer type, `char` or `bool`.
        place: Expr,
        /// The values.
        ranges: Vec<(i128, i128)>,
    },
    /// A condition over the place: floats, strings, pointers.
    Cond(Expr),
}
