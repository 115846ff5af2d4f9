//! Programs in another spelling.
mod uses;

pub use uses::Uses;
