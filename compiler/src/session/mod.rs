//! An interactive session without a terminal: inputs in, what they do and print out.

pub mod peek;
mod reply;
pub mod show;

pub use reply::{Candidate, Completion, Engine, Next, Reply};
