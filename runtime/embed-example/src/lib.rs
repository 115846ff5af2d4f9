//! A code generator that is not ours, allocating from the Vex heap without calls.
//!
//! What it needs of the heap is public: the functions to call ([`vex_runtime::embed::symbols`]), and the offsets by which
//! code takes and gives blocks itself ([`vex_runtime::heap::inline`]). Nothing here uses the project's own compiler; a
//! program in C would start from `vex_symbols` and `vex_fast_path` of `vex_memory.h`, and emit the same code.
//!
//! | file | what |
//! | --- | --- |
//! | `fast` | the code that takes and gives a block |
//! | `programs` | two loops around it, compiled and run |
//!
//! Whoever does this must keep to three rules. Code is for the thread whose heap it is given: here that is an argument of
//! every function. Code that knows another version of the offsets must call. And a slot's words belong to the heap while
//! it is free.

pub mod fast;
pub mod programs;

// The table of symbols has those of the memory manager too, of which every program defines one.
vex_runtime::instantiate_memory_manager!(vex_runtime::manager::PROCESS);
