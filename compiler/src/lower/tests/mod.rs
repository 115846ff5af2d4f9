//! Lowering of small typed programs written by hand.

pub(super) mod build;
mod checked;
mod facts;
mod goldens;
mod places;
mod shapes;
mod threading;
