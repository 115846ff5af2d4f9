//! The Vex compiler as a library.

pub mod lower;
pub mod typed;
pub mod types;
