//! The runtime as a C library, `libvex_memory.a` and `libvex_memory.so`.
//!
//! Every function is the runtime's, exported under the names of
//! `include/vex_memory.h`. This crate only adds what the final program must: the
//! one definition of the memory manager.

vex_runtime::instantiate_memory_manager!(vex_runtime::manager::PROCESS);
