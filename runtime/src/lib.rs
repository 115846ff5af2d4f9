//! The Vex memory runtime.
