//! The Vex memory runtime: an allocator family behind one contract, the memory
//! operations compiled programs call, and the C ABI over both.
//!
//! # Words used here, one meaning each
//!
//! - **block**: the bytes one allocation call returned; what `free` takes.
//! - **chunk**: an aligned stretch of address space the heap reserves from the
//!   OS at once and cuts into spans.
//! - **span**: consecutive slices of a chunk that serve one purpose: one page,
//!   or free space.
//! - **page**: the heap's unit of work: a span whose blocks all have one size
//!   class. Never the hardware's page, which is always called **OS page**.
//! - **slot**: the place of one block inside a page, free or in use.
//! - **size class**: one of the fixed block sizes small requests round up to.
//! - **free list**: a singly linked list of free slots threaded through the
//!   slots themselves; last in, first out.
//! - **large block**: a block too big for any size class; it comes from the OS
//!   in whole OS pages and goes back the same way.
//! - **owner**: the thread heap that may allocate from a page. A free by any
//!   other thread is a **remote free**.
//! - **arena**: memory released all at once rather than block by block.
//! - **layout**: a size and an alignment.
//! - **manager**: an implementation of the allocation contract
//!   ([`manager::ManagerTrait`]).
//! - **fault**: a misuse or a failure the runtime cannot return from; see
//!   [`fault`].
//!
//! `size` always counts bytes and `count` always counts elements. An alignment
//! is a power of two unless a function says it checks.
//!
//! # Modules
//!
//! | module | what |
//! | --- | --- |
//! | [`abi`] | one row per exported symbol: the JIT, the checker and the C header read it |
//! | [`header`] | the C header, printed from those rows |
//! | [`os`] | address space, protection, clocks and hooks of each system |
//! | [`heap`] | the general-purpose allocator |
//! | [`prelude`] | the Mem prelude and VERA's functions over the heap or the process's manager |
//! | [`process`] | which allocator serves the program: `--allocator` |
//! | [`manager`] | the allocation contract, code memory, Xila's C ABI |
//! | [`fault`] | the one way the runtime reports what it cannot return from |
//! | [`size`] | checked size and alignment arithmetic |
//! | `tls` | what the heap keeps per thread |
//! | [`sync`] | the lock of slow paths, and its care for `fork` |
//! | [`layout`] | the two structs of `std/allocator` that cross the ABI |
//! | [`alloc`] | the allocators programs hold: bump, pool, free list, stack, global |
//! | [`report`] | who allocated what, by allocator and source position |
//! | [`embed`] | what programs that embed the heap ask of it: heaps of their own, figures, symbols |
//! | [`checked`] | the checked mode: tags, shadow, a heap of its own, what it finds |
//! | [`builtins`] | what generated code calls: printing, panics, input and output |

/// The guide's programs in Rust, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
mod guide {}

pub mod abi;
pub mod alloc;
pub mod builtins;
pub mod checked;
#[cfg(test)]
mod conformance;
pub mod embed;
pub mod fault;
pub mod header;
pub mod heap;
pub mod layout;
#[cfg(test)]
mod long;
pub mod manager;
pub mod os;
pub mod prelude;
pub mod process;
pub mod report;
pub mod size;
#[cfg(unix)]
mod startup;
pub mod sync;
mod tls;
