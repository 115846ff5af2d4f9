//! The Vex compiler as a library.

pub mod cli;
pub mod explain;
pub mod golden;
pub mod lower;
pub mod stack;
pub mod typed;
pub mod types;
