//! The export table: every function compiled programs, stdlib externs or C can
//! call is declared once, and everything that needs to know it reads that row.
//!
//! A file that exports functions writes them in one [`exports!`](crate::exports)
//! block, which expands to the `extern "C"` functions and to the file's table.
//! [`exports`] chains the tables. The JIT takes names and addresses from the
//! rows, the type checker compares `extern` declarations with them, and the C
//! header is printed from them.
//!
//! # What may cross
//!
//! Scalars, pointers, [`VexStr`] and `repr(C)` structs of at most two words.
//! At most six integer words of arguments: a two-word struct that straddles the
//! last argument register is passed differently by Cranelift and by the C ABI,
//! and staying in registers rules that out. At most two words come back. Bigger
//! structs go by pointer. Exported functions never unwind.

use core::ffi::c_void;

/// A type as it crosses the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AbiTy {
    /// Nothing comes back.
    Unit,
    /// The function does not return.
    Never,
    /// `bool`, one byte, 0 or 1.
    Bool,
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `isize`.
    Isize,
    /// `usize`.
    Usize,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `void *`.
    Ptr,
    /// `const void *`.
    ConstPtr,
    /// `const char *`, NUL-terminated or null.
    CStr,
    /// [`VexStr`]: two integer words, pointer then length.
    Str,
    /// A `repr(C)` struct of integers, at most two words, by value.
    Struct(&'static str),
    /// A pointer to a named `repr(C)` struct.
    PtrTo(&'static str),
    /// A pointer to a function, of the named type of the C header; null for none.
    Callback(&'static str),
}

impl AbiTy {
    /// How many integer argument registers the type takes when passed by value.
    /// Floats take none: they travel in registers of their own.
    pub const fn words(self) -> usize {
        match self {
            AbiTy::Unit | AbiTy::Never | AbiTy::F32 | AbiTy::F64 => 0,
            AbiTy::Str | AbiTy::Struct(_) => 2,
            _ => 1,
        }
    }
}

/// A Rust type that may appear in an exported signature.
pub trait AbiType {
    /// Its name in the table.
    const TY: AbiTy;
}

/// Return types, which include `()` and `!`: the implementations are on
/// `fn() -> R` because `!` cannot be named as a type argument.
pub trait AbiReturn {
    /// The return type's name in the table.
    const TY: AbiTy;
}

impl<R: AbiType> AbiReturn for fn() -> R {
    const TY: AbiTy = R::TY;
}

/// Names the output of a function type, `!` included.
trait Output {
    type Type;
}

impl<R> Output for fn() -> R {
    type Type = R;
}

impl AbiType for <fn() -> ! as Output>::Type {
    const TY: AbiTy = AbiTy::Never;
}

/// Says how types cross the ABI: `type => AbiTy;` for each.
macro_rules! abi_types {
    ($($rust:ty => $abi:expr;)*) => {
        $(impl $crate::abi::AbiType for $rust {
            const TY: $crate::abi::AbiTy = $abi;
        })*
    };
}
pub(crate) use abi_types;

abi_types! {
    () => AbiTy::Unit;
    bool => AbiTy::Bool;
    i8 => AbiTy::I8;
    i16 => AbiTy::I16;
    i32 => AbiTy::I32;
    i64 => AbiTy::I64;
    isize => AbiTy::Isize;
    u8 => AbiTy::U8;
    u16 => AbiTy::U16;
    u32 => AbiTy::U32;
    u64 => AbiTy::U64;
    usize => AbiTy::Usize;
    f32 => AbiTy::F32;
    f64 => AbiTy::F64;
    *mut c_void => AbiTy::Ptr;
    *const c_void => AbiTy::ConstPtr;
    VexStr => AbiTy::Str;
}

/// The language's `str` at the ABI: bytes and their count, passed as two words.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VexStr {
    /// The first byte; may be dangling (but not read) when `len` is 0.
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
}

impl VexStr {
    /// The string's bytes.
    ///
    /// # Safety
    ///
    /// `ptr` must be readable for `len` bytes, and stay so for `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: non-null, and readable for `len` bytes by the caller's word.
        unsafe { core::slice::from_raw_parts(self.ptr, self.len) }
    }

    /// The string itself, or its longest valid prefix when a program built it
    /// from bytes that are not UTF-8.
    ///
    /// # Safety
    ///
    /// As for [`VexStr::bytes`].
    pub unsafe fn as_str<'a>(self) -> &'a str {
        // SAFETY: the caller's word is exactly what `bytes` asks for.
        let bytes = unsafe { self.bytes() };
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            // The prefix up to the error is valid by definition.
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        }
    }
}

impl From<&'static str> for VexStr {
    fn from(text: &'static str) -> VexStr {
        VexStr { ptr: text.as_ptr(), len: text.len() }
    }
}

/// The address of an exported function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub *const u8);

// SAFETY: it is the address of code, which every thread may read and call.
unsafe impl Sync for Address {}
// SAFETY: as above.
unsafe impl Send for Address {}

/// What a function belongs to, which decides who can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// The Mem prelude, `vex_*`: visible in every program; raw memory operations.
    MemPrelude,
    /// VERA's primitives, `__vera_sys_*`: visible in every program; raw as well.
    VeraPrimitive,
    /// `std/allocator`: called by that module's externs.
    Allocator,
    /// `std/kmem`: called by that module's externs.
    Kmem,
    /// `xila/memory` and Xila's C ABI.
    Xila,
    /// `vera:memory`: called by that module's externs.
    Vera,
    /// For programs that embed the heap; see [`crate::embed`].
    Embed,
    /// Printing, panics, input and output: called by generated code only.
    Builtin,
}

impl Group {
    /// Whether the group's functions are declared in the C header.
    pub const fn in_header(&self) -> bool {
        !matches!(self, Group::Builtin)
    }
}

/// One exported function.
#[derive(Debug)]
pub struct Export {
    /// The symbol's name.
    pub symbol: &'static str,
    /// The documentation, one line per line, each line as written after `///`.
    pub doc: &'static str,
    /// Parameter names and types, in order.
    pub params: &'static [(&'static str, AbiTy)],
    /// What comes back.
    pub ret: AbiTy,
    /// The function.
    pub addr: Address,
    /// The function to call instead when the program's manager is not the heap;
    /// the same as `addr` for functions that do not care.
    pub managed: Address,
    /// What the function belongs to.
    pub group: Group,
}

/// Declares exported functions once: the functions themselves and their table.
///
/// ```text
/// exports! {
///     group Kmem;
///
///     /// What it does, for the C header.
///     pub fn kmem_in_use() -> usize {
///         kmem::in_use()
///     }
/// }
/// ```
///
/// expands to `#[unsafe(no_mangle)] pub unsafe extern "C" fn kmem_in_use` and to
/// `pub static EXPORTS: &[Export]`. A block that starts with
/// `group G, twins S = A | B;` compiles every body twice: with the type `S`
/// being `A` in the exported function and `B` in the twin whose address goes
/// into [`Export::managed`].
#[macro_export]
macro_rules! exports {
    (
        group $group:ident;
        $($(#[doc = $doc:literal])* pub fn $name:ident($($param:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*
    ) => {
        $($crate::exports!(@function [] $(#[doc = $doc])* $name ($($param: $ty),*) ($($ret)?) $body);)*

        /// The functions this file exports.
        pub static EXPORTS: &[$crate::abi::Export] = &[$(
            $crate::exports!(@row $group, $name, $name as *const u8, concat!($($doc, "\n"),*), ($($param: $ty),*) ($($ret)?))
        ),*];
    };
    (
        group $group:ident, twins $source:ident = $heap:ty | $managed:ty;
        $($(#[doc = $doc:literal])* pub fn $name:ident($($param:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*
    ) => {
        $($crate::exports!(@function [type $source = $heap;] $(#[doc = $doc])* $name ($($param: $ty),*) ($($ret)?) $body);)*

        /// The functions this file exports.
        pub static EXPORTS: &[$crate::abi::Export] = &[$({
            unsafe extern "C" fn twin($($param: $ty),*) $(-> $ret)? {
                type $source = $managed;
                $body
            }
            $crate::exports!(@row $group, $name, twin as *const u8, concat!($($doc, "\n"),*), ($($param: $ty),*) ($($ret)?))
        }),*];
    };
    (@function [$($prologue:tt)*] $(#[doc = $doc:literal])* $name:ident ($($param:ident: $ty:ty),*) ($($ret:ty)?) $body:block) => {
        $(#[doc = $doc])*
        ///
        /// # Safety
        ///
        /// Every pointer must be what the text above asks for: a live block of
        /// the function's own allocator, or memory of the size it names.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($param: $ty),*) $(-> $ret)? {
            $($prologue)*
            $body
        }
    };
    (@row $group:ident, $name:ident, $managed:expr, $doc:expr, ($($param:ident: $ty:ty),*) ($($ret:ty)?)) => {
        $crate::abi::Export {
            symbol: stringify!($name),
            doc: $doc,
            params: &[$((stringify!($param), <$ty as $crate::abi::AbiType>::TY)),*],
            ret: <fn() $(-> $ret)? as $crate::abi::AbiReturn>::TY,
            addr: $crate::abi::Address($name as *const u8),
            managed: $crate::abi::Address($managed),
            group: $crate::abi::Group::$group,
        }
    };
}

/// The tables, one line per exporting file (the builtins keep their own list).
static TABLES: &[&[Export]] = &[
    crate::prelude::alloc::EXPORTS,
    crate::prelude::ops::EXPORTS,
    crate::prelude::vera_sys::EXPORTS,
    crate::prelude::vera::EXPORTS,
    crate::prelude::vera_ops::EXPORTS,
    crate::manager::abi::EXPORTS,
    crate::manager::module::EXPORTS,
    crate::alloc::layouts::EXPORTS,
    crate::alloc::global::EXPORTS,
    crate::alloc::bump::EXPORTS,
    crate::alloc::pool::EXPORTS,
    crate::alloc::free_list::EXPORTS,
    crate::alloc::stack::EXPORTS,
    crate::alloc::kmem::EXPORTS,
    crate::embed::heaps::EXPORTS,
    crate::embed::info::EXPORTS,
    crate::embed::symbols::EXPORTS,
    crate::embed::fast_path::EXPORTS,
    crate::checked::access::EXPORTS,
    crate::checked::access::NARROW,
    crate::checked::program::EXPORTS,
];

/// Every exported function, in a fixed order.
pub fn exports() -> impl Iterator<Item = &'static Export> {
    TABLES.iter().chain(crate::builtins::TABLES).flat_map(|table| table.iter())
}

/// The row of `symbol`.
pub fn find(symbol: &str) -> Option<&'static Export> {
    exports().find(|export| export.symbol == symbol)
}

/// The address generated code calls for `symbol`: the heap's function, or with
/// `managed` the twin that goes through the selected process manager.
pub fn address(symbol: &str, managed: bool) -> Option<*const u8> {
    find(symbol).map(|export| if managed { export.managed.0 } else { export.addr.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    mod sample {
        struct A;
        struct B;
        impl A {
            const N: i32 = 1;
        }
        impl B {
            const N: i32 = 2;
        }
        exports! {
            group Kmem, twins S = A | B;

            /// First line.
            ///
            /// Third line.
            pub fn vex_abi_test_twin(plus: i32) -> i32 {
                S::N + plus
            }
        }
        pub(super) mod plain {
            exports! {
                group Builtin;

                /// Stops.
                pub fn vex_abi_test_never(text: crate::abi::VexStr, q: f64) -> ! {
                    let _ = (text, q);
                    std::process::abort()
                }
            }
        }
    }

    #[test]
    fn a_row_describes_its_function() {
        let [row] = sample::EXPORTS else { panic!("one row") };
        assert_eq!(row.symbol, "vex_abi_test_twin");
        assert_eq!(row.doc, " First line.\n\n Third line.\n");
        assert_eq!(row.params, [("plus", AbiTy::I32)]);
        assert_eq!(row.ret, AbiTy::I32);
        assert!(row.group.in_header());
        type F = unsafe extern "C" fn(i32) -> i32;
        // SAFETY: both addresses are of functions with exactly this type.
        let (heap, managed) = unsafe {
            (
                core::mem::transmute::<*const u8, F>(row.addr.0),
                core::mem::transmute::<*const u8, F>(row.managed.0),
            )
        };
        // SAFETY: the function has no preconditions.
        assert_eq!(unsafe { (heap(10), managed(10)) }, (11, 12));
        let [row] = sample::plain::EXPORTS else { panic!("one row") };
        assert_eq!(row.ret, AbiTy::Never);
        assert_eq!(row.params, [("text", AbiTy::Str), ("q", AbiTy::F64)]);
        assert!(!row.group.in_header());
    }

    #[test]
    fn every_row_can_be_called_from_generated_code() {
        let mut seen = HashSet::new();
        for export in exports() {
            assert!(seen.insert(export.symbol), "{} is exported twice", export.symbol);
            let words: usize = export.params.iter().map(|(_, ty)| ty.words()).sum();
            assert!(words <= 6, "{} takes {words} integer words", export.symbol);
            assert!(export.ret.words() <= 2, "{} returns too much", export.symbol);
            assert!(!export.doc.trim().is_empty(), "{} has no documentation", export.symbol);
        }
    }
}
