//! An interactive session without a terminal: inputs in, what they do and print out.

mod reply;

pub use reply::{Candidate, Completion, Engine, Next, Reply};
