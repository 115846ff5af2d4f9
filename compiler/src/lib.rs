//! The Vex compiler as a library.

pub mod check;
pub mod cli;
pub mod codes;
pub mod defects;
pub mod docs;
pub mod driver;
pub mod explain;
pub mod golden;
pub mod jit;
pub mod loader;
pub mod lower;
pub mod mono;
pub mod peek;
pub mod repl;
pub mod session;
pub mod stack;
pub mod stdlib;
pub mod suggest;
pub mod translate;
pub mod typed;
pub mod types;

// The one definition of the program's memory manager: plain blocks from the
// allocator `--allocator` selects, code from the heap.
vex_runtime::instantiate_memory_manager!(vex_runtime::manager::PROCESS);
