//! The `vexc` command.
fn main() {}
