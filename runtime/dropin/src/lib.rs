//! The heap as a drop-in `malloc`: `libvexmalloc.so`, to preload or to link.
//!
//! Every function that C and C++ programs allocate with is exported under its
//! standard name and does what the standards, POSIX and glibc say of it. Where
//! those leave a choice, programs that were tried with glibc see what it does:
//! `realloc(p, 0)` frees and returns null, `memalign` rounds its alignment up.
//!
//! | file | what |
//! | --- | --- |
//! | `c` | `malloc` and its family |
//! | `cxx` | the operators `new` and `delete` |
//! | `report` | `VEX_MALLOC_REPORT=1`: figures at exit |
//!
//! Nothing on the way of a call may allocate, use a lock or formatted output of
//! the standard library, or depend on a constructor having run: the dynamic
//! linker and other libraries call `malloc` before any of ours runs, and libc
//! calls it while a thread is set up and after its destructors have run. Misuse
//! that the heap notices ends the program with one line on standard error.

#[cfg(target_os = "linux")]
mod c;
#[cfg(target_os = "linux")]
mod cxx;
#[cfg(target_os = "linux")]
mod report;
