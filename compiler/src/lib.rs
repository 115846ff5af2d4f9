//! The Vex compiler as a library.

pub mod check;
pub mod cli;
pub mod explain;
pub mod golden;
pub mod loader;
pub mod lower;
pub mod stack;
pub mod stdlib;
pub mod typed;
pub mod types;
