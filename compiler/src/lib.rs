//! The Vex compiler as a library.

pub mod typed;
pub mod types;
