//! What a program does that another spelling would take differently.

use rustc_hash::FxHashMap;

use crate::span::Span;

/// The places of a program, found by the type checker, where a default of its spelling decides what happens.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Values that are printed and are booleans.
    pub printed_bools: Vec<Span>,
    /// Values that are printed and have booleans somewhere inside.
    pub printed_with_bools: Vec<Span>,
    /// Integers that are conditions.
    pub tested: Vec<Span>,
    /// `!e` of an integer: in `.vais` whether it is zero, elsewhere all its bits turned.
    pub negated: Vec<Span>,
    /// Expressions with raw memory operations outside `unsafe`: what a block would be put around.
    pub raw: Vec<Span>,
    /// Names of immutable bindings that are changed, or borrowed for it.
    pub changed: Vec<Span>,
    /// `&e` of what is read-only.
    pub read_only_borrows: Vec<Span>,
    /// Calls of functions of the C library that only `.vais` has.
    pub c_calls: Vec<Span>,
}

/// Which references the functions of traits take: by names of trait and function, the receiver, the parameters and the
/// result; true for those that can be written through.
pub type TraitRefs = FxHashMap<(String, String), Vec<bool>>;
