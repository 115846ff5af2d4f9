//! A generator of random programs. They have types that fit by construction, end soon, use nothing whose result is
//! open, and print much of what they compute.
//!
//! Forms that it leaves out because Vais has none for them: read-only references that a function gives out or that come
//! from a loop over a field of `self`, variables of a type with an owner that get their value later, and structures that
//! a `let` takes apart. And `reverse!` of a vector: of elements with strings in them, it leaves the vector lent.

pub mod containers;
pub mod expressions;
pub mod patterns;
pub mod programs;
pub mod reduce;
pub mod statements;
pub mod types;
