//! The Vex compiler as a library.
