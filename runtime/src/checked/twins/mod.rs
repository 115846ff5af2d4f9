//! The checked twins: what generated code calls in place of the exported functions, and
//! of C's memory functions.
//!
//! A twin does what its function does, for the same arguments with the same results,
//! except that pointers may carry tags, that blocks come from the checked heap, and
//! that misuse is reported: also what the function itself would refuse with -1 or an
//! assertion. Where the program goes on after a report, the function was not called and
//! the result is that of a refusal.
//!
//! Twins are entered through stubs that note their caller, so that blocks know where
//! they were allocated and freed.
//!
//! | file | functions |
//! | --- | --- |
//! | [`prelude`] | the Mem prelude's allocation functions, C's `malloc` and family |
//! | [`memory`] | copies, fills and comparisons |
//! | [`vera`] | VERA's primitives and its C functions |
//! | [`global`] | the global allocator of `std/allocator` |
//! | [`xila`] | the manager of `xila/memory` and Xila's C ABI |
//! | [`kmem`] | kmem |
//! | [`regions`] | what the four allocators with a buffer share |
//! | [`bump`], [`pool`], [`free_list`], [`stack`] | these |
//! | [`text`] | printing, comparing, reading and writing texts; records of `defer` |
//! | [`c_strings`] | C's functions on strings |
//! | [`program`] | what a program says of its own allocators: `std/checked` |
//! | [`heaps`] | first-class heaps |
//! | [`figures`] | functions that fill in a structure of the caller's |

mod bump;
mod c_strings;
mod figures;
mod free_list;
mod global;
mod heaps;
mod kmem;
mod memory;
mod pool;
mod prelude;
mod program;
mod regions;
mod stack;
mod support;
mod text;
mod vera;
mod xila;

#[cfg(test)]
mod allocator_tests;
#[cfg(test)]
mod function_tests;
#[cfg(test)]
mod table_tests;

use crate::abi::Address;

/// A function and its twin.
struct Twin {
    symbol: &'static str,
    /// The stub that leads to the twin.
    stub: Address,
    /// Types of the parameters and the result, for functions of the export table.
    #[cfg(test)]
    signature: (&'static [crate::abi::AbiTy], crate::abi::AbiTy),
}

/// The tables, one line per file.
static TABLES: &[&[Twin]] = &[
    prelude::TWINS,
    memory::TWINS,
    vera::TWINS,
    global::TWINS,
    heaps::TWINS,
    xila::TWINS,
    kmem::TWINS,
    bump::TWINS,
    pool::TWINS,
    free_list::TWINS,
    stack::TWINS,
    text::TWINS,
    c_strings::TWINS,
    program::TWINS,
    figures::TWINS,
];

/// The twin of `symbol`, an exported function or a memory function of the C library.
pub fn twin(symbol: &str) -> Option<*const u8> {
    all().find(|twin| twin.symbol == symbol).map(|twin| twin.stub.0)
}

fn all() -> impl Iterator<Item = &'static Twin> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// Declares twins: for each the function, its stub, and a row of the file's table. The
/// body is unsafe code under the caller's word for the function it stands for, as far as
/// that was not checked.
macro_rules! twins {
    ($(fn $name:ident($($param:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {
        $(
            mod $name {
                #[allow(unused_imports)]
                use super::*;

                pub(super) unsafe extern "C" fn twin($($param: $ty),*) $(-> $ret)? {
                    /// The function that the program called.
                    #[allow(dead_code)]
                    const NAME: &str = stringify!($name);
                    // SAFETY: the caller's word for the function holds for its twin,
                    // and pointers are checked before they are used.
                    #[allow(unused_unsafe)]
                    unsafe { $body }
                }

                $crate::checked_stub! { pub(super) fn stub => twin }
            }
        )*

        /// The twins of this file.
        pub(super) static TWINS: &[super::Twin] = &[$(
            super::Twin {
                symbol: stringify!($name),
                stub: $crate::abi::Address($name::stub as *const u8),
                #[cfg(test)]
                signature: (
                    &[$(<$ty as $crate::abi::AbiType>::TY),*],
                    <fn() $(-> $ret)? as $crate::abi::AbiReturn>::TY,
                ),
            }
        ),*];
    };
}
use twins;

/// Calls the twin of a function as generated code does, by its address.
#[cfg(test)]
macro_rules! call {
    ($symbol:ident($($arg:expr),*) as fn($($ty:ty),*) $(-> $ret:ty)?) => {{
        type F = unsafe extern "C" fn($($ty),*) $(-> $ret)?;
        let address = $crate::checked::twin(stringify!($symbol)).expect("a twin");
        // SAFETY: the type is the function's; the pointers are right, or wrong on purpose.
        unsafe { core::mem::transmute::<*const u8, F>(address)($($arg),*) }
    }};
}
#[cfg(test)]
use call;
