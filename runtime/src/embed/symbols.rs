//! The functions that code of other code generators can call: name, address, and what
//! to put where.
//!
//! They are the rows of the export table, [`crate::abi`], of the groups that the C
//! header declares; the compiler's JIT resolves its own calls by the same rows. A
//! signature is made of machine [`Word`]s in the order of C's calling convention; no
//! function takes more than six integer words, so all of them travel in registers
//! where the convention has six.

use crate::abi::{self, AbiTy, AbiType, Export};
use core::ffi::{CStr, c_char, c_void};
use core::fmt::{self, Write};

/// What takes one register: an argument, a result, or half of a two-word structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// A byte that is 0 or 1.
    Bool,
    /// A signed integer of 8 bits.
    I8,
    /// A signed integer of 16 bits.
    I16,
    /// A signed integer of 32 bits.
    I32,
    /// A signed integer of 64 bits.
    I64,
    /// An unsigned integer of 8 bits.
    U8,
    /// An unsigned integer of 16 bits.
    U16,
    /// An unsigned integer of 32 bits.
    U32,
    /// An unsigned integer of 64 bits.
    U64,
    /// A signed integer as long as an address.
    Isize,
    /// An unsigned integer as long as an address.
    Usize,
    /// A float of 32 bits.
    F32,
    /// A float of 64 bits.
    F64,
    /// An address.
    Ptr,
}

impl Word {
    /// Its bytes in memory.
    pub const fn bytes(self) -> usize {
        match self {
            Word::Bool | Word::I8 | Word::U8 => 1,
            Word::I16 | Word::U16 => 2,
            Word::I32 | Word::U32 | Word::F32 => 4,
            Word::I64 | Word::U64 | Word::F64 => 8,
            Word::Isize | Word::Usize | Word::Ptr => size_of::<usize>(),
        }
    }

    /// Whether it is a float, which travels in registers of its own.
    pub const fn is_float(self) -> bool {
        matches!(self, Word::F32 | Word::F64)
    }

    /// Whether it is extended with its sign where a register is longer.
    pub const fn is_signed(self) -> bool {
        matches!(self, Word::I8 | Word::I16 | Word::I32 | Word::I64 | Word::Isize)
    }

    /// Its name in signatures.
    pub const fn name(self) -> &'static str {
        match self {
            Word::Bool => "bool",
            Word::I8 => "i8",
            Word::I16 => "i16",
            Word::I32 => "i32",
            Word::I64 => "i64",
            Word::U8 => "u8",
            Word::U16 => "u16",
            Word::U32 => "u32",
            Word::U64 => "u64",
            Word::Isize => "isize",
            Word::Usize => "usize",
            Word::F32 => "f32",
            Word::F64 => "f64",
            Word::Ptr => "ptr",
        }
    }
}

/// The words of a type that crosses the ABI.
pub const fn words(ty: AbiTy) -> &'static [Word] {
    match ty {
        AbiTy::Unit | AbiTy::Never => &[],
        AbiTy::Bool => &[Word::Bool],
        AbiTy::I8 => &[Word::I8],
        AbiTy::I16 => &[Word::I16],
        AbiTy::I32 => &[Word::I32],
        AbiTy::I64 => &[Word::I64],
        AbiTy::U8 => &[Word::U8],
        AbiTy::U16 => &[Word::U16],
        AbiTy::U32 => &[Word::U32],
        AbiTy::U64 => &[Word::U64],
        AbiTy::Isize => &[Word::Isize],
        AbiTy::Usize => &[Word::Usize],
        AbiTy::F32 => &[Word::F32],
        AbiTy::F64 => &[Word::F64],
        AbiTy::Ptr | AbiTy::ConstPtr | AbiTy::CStr | AbiTy::PtrTo(_) | AbiTy::Callback(_) => &[Word::Ptr],
        AbiTy::Str => &[Word::Ptr, Word::Usize],
        // Structures by value have two words of 64 bits.
        AbiTy::Struct(_) => &[Word::I64, Word::I64],
    }
}

/// A function that generated code can call.
#[derive(Clone, Copy, Debug)]
pub struct Symbol(&'static Export);

impl Symbol {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.symbol
    }

    /// Its address.
    pub fn address(&self) -> *const u8 {
        self.0.addr.0
    }

    /// The words of its arguments.
    pub fn params(&self) -> impl Iterator<Item = Word> + use<> {
        self.0.params.iter().flat_map(|(_, ty)| words(*ty)).copied()
    }

    /// The words of its result: none, one or two.
    pub fn results(&self) -> &'static [Word] {
        words(self.0.ret)
    }

    /// Whether it never returns.
    pub fn diverges(&self) -> bool {
        self.0.ret == AbiTy::Never
    }
}

/// The signature, as `(usize, usize) -> ptr`.
impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        for (index, word) in self.params().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            f.write_str(word.name())?;
        }
        f.write_char(')')?;
        match self.results() {
            _ if self.diverges() => f.write_str(" -> !"),
            [] => Ok(()),
            [one] => write!(f, " -> {}", one.name()),
            [first, rest @ ..] => {
                write!(f, " -> ({}", first.name())?;
                rest.iter().try_for_each(|word| write!(f, ", {}", word.name()))?;
                f.write_char(')')
            }
        }
    }
}

/// Every function of the C header, in its order.
pub fn all() -> impl Iterator<Item = Symbol> {
    abi::exports().filter(|export| export.group.in_header()).map(Symbol)
}

/// The function of this name.
pub fn find(name: &str) -> Option<Symbol> {
    all().find(|symbol| symbol.name() == name)
}

/// What is called with a name, an address, a signature and the caller's pointer.
pub type VisitSymbol = Option<unsafe extern "C" fn(*const c_char, *const c_void, *const c_char, *mut c_void)>;

impl AbiType for VisitSymbol {
    const TY: AbiTy = AbiTy::Callback("VisitSymbol");
}

/// A short text that ends with a zero.
struct Text {
    bytes: [u8; 128],
    len: usize,
}

impl Text {
    fn of(what: impl fmt::Display) -> Text {
        let mut text = Text { bytes: [0; 128], len: 0 };
        // Names and signatures are short enough; a test says so.
        let _ = write!(text, "{what}");
        text
    }

    fn as_ptr(&self) -> *const c_char {
        self.bytes.as_ptr().cast()
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        // The last byte stays zero.
        let room = self.bytes[..127].get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

crate::exports! {
    group Embed;

    /// The address of the function of this name; null when there is none.
    pub fn vex_symbol(name: *const c_char) -> *const c_void {
        if name.is_null() {
            return core::ptr::null();
        }
        // SAFETY: the caller passes a string that ends with a zero.
        let name = unsafe { CStr::from_ptr(name) };
        let symbol = name.to_str().ok().and_then(find);
        symbol.map_or(core::ptr::null(), |symbol| symbol.address().cast())
    }

    /// Calls `visit` with name, address and signature of every function of this
    /// header, and `user`, for code generators; returns how many there are.
    ///
    /// A signature is as "(usize, u8) -> (i64, i64)": the words of the arguments, then
    /// those of the result, of which there may be two, or none. Words are bool, i8 to
    /// i64, u8 to u64, isize, usize, f32, f64 and ptr. The texts last as long as the call.
    pub fn vex_symbols(visit: VisitSymbol, user: *mut c_void) -> usize {
        if let Some(visit) = visit {
            for symbol in all() {
                let (name, signature) = (Text::of(symbol.name()), Text::of(symbol));
                // SAFETY: the function is the caller's, for just these arguments.
                unsafe { visit(name.as_ptr(), symbol.address().cast(), signature.as_ptr(), user) };
            }
        }
        all().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_what_c_declares() {
        for (name, signature) in [
            ("vex_malloc", "(usize) -> ptr"),
            ("vex_free", "(ptr)"),
            ("vex_global_realloc", "(i64, i64, i64, i64, i64) -> (i64, i64)"),
            ("vex_memset", "(ptr, i32, usize) -> ptr"),
            ("vex_kmem_allocate", "(i32, ptr, usize) -> ptr"),
            ("vex_heap_walk", "(ptr, ptr, ptr) -> bool"),
            ("vex_version_number", "() -> u32"),
        ] {
            let symbol = find(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(symbol.to_string(), signature, "{name}");
            assert_eq!(Some(symbol.address()), abi::address(name, false));
        }
        assert!(find("vexrt_panic").is_none(), "what the header lacks is for our own JIT");
    }

    #[test]
    fn the_texts_fit_and_words_are_counted_as_the_table_counts_them() {
        for symbol in all() {
            assert!(symbol.name().len() < 128 && symbol.to_string().len() < 128, "{symbol}");
            let integers = symbol.params().filter(|word| !word.is_float()).count();
            assert_eq!(integers, symbol.0.params.iter().map(|(_, ty)| ty.words()).sum::<usize>());
        }
        assert_eq!(Text::of("x".repeat(200)).bytes[127], 0);
    }

    #[test]
    fn c_finds_the_same() {
        unsafe extern "C" fn count(
            name: *const c_char,
            address: *const c_void,
            _: *const c_char,
            user: *mut c_void,
        ) {
            // SAFETY: the name is a string, and the pointer is to the test's number.
            unsafe {
                assert_eq!(vex_symbol(name), address);
                *user.cast::<usize>() += 1;
            }
        }
        let mut seen = 0usize;
        // SAFETY: the function is for these arguments; the texts end with a zero.
        unsafe {
            assert_eq!(vex_symbols(Some(count), (&raw mut seen).cast()), seen);
            assert!(vex_symbol(c"malloc".as_ptr()).is_null() && vex_symbol(core::ptr::null()).is_null());
        }
        assert!(seen > 80);
    }
}
