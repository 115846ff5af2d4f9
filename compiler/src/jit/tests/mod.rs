//! The JIT tested with functions written by hand, so that a failure here is never the front end's.

mod compile;
mod faults;
mod interrupts;
pub(super) mod support;
