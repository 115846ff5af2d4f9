//! The text of a value, from its type and its address.
//!
//! It is the text that the language's own `{:?}` prints, made here instead of by generated code, for two reasons: showing
//! a value costs no compilation, and it cannot fail. Memory is only looked at through [`Peek`], so a value that the
//! program left in ruins is shown as far as it is there, and what is wrong with it is said in angle brackets. How much
//! is shown is limited, and the work is in proportion to what is shown.

mod containers;
mod parts;

use std::fmt::Write;

use vex_runtime::builtins::print;
use vex_syntax::Span;

use super::peek::Peek;
use crate::types::{IntTy, Ty, TyKind, Types};

/// How much of a value is shown. Whatever is left out is counted in its place: `… 900 more`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text after which nothing new is begun. What is begun still ends: brackets close, and a last number or
    /// name is whole.
    pub bytes: usize,
    /// Elements of each array and slice.
    pub elements: usize,
    /// How many structures, arrays, tuples, options and references may stand inside each other. This is what ends a
    /// circle of references.
    pub depth: usize,
    /// Bytes of each string.
    pub str_bytes: usize,
    /// Whether booleans are `1` and `0`, as in a spelling that prints them so.
    pub bools_as_ints: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 4096, elements: 100, depth: 24, str_bytes: 1000, bools_as_ints: false }
    }
}

/// Someone who knows what lies at addresses.
pub trait Names {
    /// The name of the function whose code begins at `address`.
    fn function(&self, address: usize) -> Option<String>;

    /// Whether the language's own library declares what is declared at this place.
    fn is_library(&self, span: Span) -> bool;
}

/// The text of the value of type `ty` at `address`.
///
/// It is what `{:?}` prints, except that a function which `names` knows is shown by its name, that what exceeds
/// `limits` is left out, and that what cannot be shown is described: `<unreadable: 0x10>` where there is no memory,
/// `<invalid bool 7>` for a byte that no boolean has.
pub fn value(types: &Types, ty: Ty, address: usize, limits: &Limits, names: &dyn Names) -> String {
    let mut shower = Shower { types, limits, names, peek: Peek::new(), depth: 0, out: String::new() };
    shower.value(ty, address);
    shower.out
}

/// Whether there was memory to show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Yes,
    No,
}

/// The state of showing one value.
struct Shower<'a> {
    types: &'a Types,
    limits: &'a Limits,
    names: &'a dyn Names,
    peek: Peek,
    /// Aggregates and references around what is shown now.
    depth: usize,
    out: String,
}

impl Shower<'_> {
    /// Shows the value at `address`.
    fn value(&mut self, ty: Ty, address: usize) -> Seen {
        let types = self.types;
        if types.layout(ty).size > 0 && !self.peek.readable(address) {
            return self.unreadable(address);
        }
        match types.kind(ty) {
            TyKind::Unit | TyKind::Never => self.text("()"),
            TyKind::Bool => self.bool(address),
            TyKind::Int(int) => self.int(*int, address),
            TyKind::Char => self.char(address),
            TyKind::F32 => self.f32(address),
            TyKind::F64 => self.f64(address),
            TyKind::Str => self.str(address),
            TyKind::Ptr | TyKind::RawPtr { .. } => self.pointer(address),
            TyKind::Fn { .. } => self.function(address),
            TyKind::Ref { .. }
            | TyKind::Slice { .. }
            | TyKind::Array { .. }
            | TyKind::Tuple(_)
            | TyKind::Struct { .. } => self.nested(ty, address),
            // Not of a checked program; there is no value to be wrong about.
            TyKind::Param { .. } | TyKind::Infer(_) | TyKind::Error => self.text("_"),
        }
    }

    /// Shows a value that has others inside, unless it is too deep inside others itself.
    fn nested(&mut self, ty: Ty, address: usize) -> Seen {
        if self.depth >= self.limits.depth {
            return self.text("…");
        }
        self.depth += 1;
        let seen = match self.types.kind(ty) {
            TyKind::Ref { pointee, .. } => match self.peek.pointer(address) {
                // That the pointee is not there does not mean that the reference is not.
                Some(target) => {
                    self.value(*pointee, target);
                    Seen::Yes
                }
                None => self.unreadable(address),
            },
            TyKind::Slice { elem, .. } => match self.two_words(address) {
                Some([start, len]) => self.elements(*elem, start, len as u64),
                None => self.unreadable(address),
            },
            TyKind::Array { elem, len } => self.elements(*elem, address, *len),
            _ if self.types.tag(ty).is_some() => self.variant(ty, address),
            _ => self.container(ty, address).unwrap_or_else(|| self.fields(ty, address)),
        };
        self.depth -= 1;
        seen
    }

    fn text(&mut self, text: &str) -> Seen {
        self.out.push_str(text);
        Seen::Yes
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) -> Seen {
        // A string takes whatever it is given.
        let _ = self.out.write_fmt(arguments);
        Seen::Yes
    }

    fn unreadable(&mut self, address: usize) -> Seen {
        self.write(format_args!("<unreadable: {address:#x}>"));
        Seen::No
    }

    /// Whether there is enough text.
    fn is_full(&self) -> bool {
        self.out.len() >= self.limits.bytes
    }

    fn two_words(&mut self, address: usize) -> Option<[usize; 2]> {
        Some([self.peek.pointer(address)?, self.peek.pointer(address.wrapping_add(8))?])
    }

    fn bool(&mut self, address: usize) -> Seen {
        match self.peek.bytes(address) {
            Some([byte @ (0 | 1)]) if self.limits.bools_as_ints => self.write(format_args!("{byte}")),
            Some([0]) => self.text("false"),
            Some([1]) => self.text("true"),
            Some([other]) => self.write(format_args!("<invalid bool {other}>")),
            None => self.unreadable(address),
        }
    }

    fn int(&mut self, int: IntTy, address: usize) -> Seen {
        let mut bytes = [0; 8];
        let size = int.bits() as usize / 8;
        if !self.peek.read(address, &mut bytes[..size]) {
            return self.unreadable(address);
        }
        // The machines there is code for are all little-endian.
        let bits = u64::from_le_bytes(bytes);
        let unused = 64 - int.bits();
        match int.signed() {
            true => self.write(format_args!("{}", (bits << unused) as i64 >> unused)),
            false => self.write(format_args!("{bits}")),
        }
    }

    fn char(&mut self, address: usize) -> Seen {
        let Some(bytes) = self.peek.bytes(address) else { return self.unreadable(address) };
        let code = u32::from_le_bytes(bytes);
        if char::from_u32(code).is_none() {
            return self.write(format_args!("<invalid char {code:#x}>"));
        }
        print::quote_char(&mut self.out, code);
        Seen::Yes
    }

    fn f32(&mut self, address: usize) -> Seen {
        let Some(bytes) = self.peek.bytes(address) else { return self.unreadable(address) };
        print::float(&mut self.out, f32::from_le_bytes(bytes).into(), true);
        Seen::Yes
    }

    fn f64(&mut self, address: usize) -> Seen {
        let Some(bytes) = self.peek.bytes(address) else { return self.unreadable(address) };
        print::float(&mut self.out, f64::from_le_bytes(bytes), false);
        Seen::Yes
    }

    fn pointer(&mut self, address: usize) -> Seen {
        match self.peek.pointer(address) {
            Some(target) => self.write(format_args!("{target:#x}")),
            None => self.unreadable(address),
        }
    }

    fn function(&mut self, address: usize) -> Seen {
        let target = self.peek.pointer(address);
        match target.and_then(|target| self.names.function(target)) {
            Some(name) => self.text(&name),
            None => self.pointer(address),
        }
    }

    fn str(&mut self, address: usize) -> Seen {
        match self.two_words(address) {
            Some([start, len]) => self.quoted(start, len),
            None => self.unreadable(address),
        }
    }

    /// The bytes of a string.
    fn quoted(&mut self, start: usize, len: usize) -> Seen {
        let room = self.limits.bytes.saturating_sub(self.out.len());
        let wanted = len.min(self.limits.str_bytes).min(room);
        let mut bytes = self.peek.read_up_to(start, wanted);
        let read = bytes.len();
        if read == 0 && len > 0 && (wanted > 0 || !self.peek.readable(start)) {
            self.unreadable(start);
            return Seen::Yes;
        }
        if read < len {
            bytes.truncate(whole_characters(&bytes));
        }
        print::quote(&mut self.out, &bytes);
        if read < wanted {
            self.unreadable(start.wrapping_add(read));
        } else if bytes.len() < len {
            self.write(format_args!("… {} more bytes", len - bytes.len()));
        }
        Seen::Yes
    }

    /// The elements of an array or a slice.
    fn elements(&mut self, elem: Ty, start: usize, len: u64) -> Seen {
        let size = self.types.layout(elem).size;
        self.text("[");
        let mut index = 0;
        while index < len {
            if index >= self.limits.elements as u64 || self.is_full() {
                self.separate(index);
                self.write(format_args!("… {} more", len - index));
                break;
            }
            self.separate(index);
            let element = start.wrapping_add(index.wrapping_mul(size) as usize);
            let seen = self.value(elem, element);
            index += 1;
            // The elements behind would say the same, again and again.
            if seen == Seen::No && index < len {
                self.write(format_args!(", … {} more", len - index));
                break;
            }
        }
        self.text("]")
    }

    fn separate(&mut self, index: u64) {
        if index > 0 {
            self.text(", ");
        }
    }
}

/// How many of the bytes remain when a character that was cut at their end is left out.
fn whole_characters(bytes: &[u8]) -> usize {
    let cut = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    // Only a sequence that could still become a character has no length of its error.
    let is_cut = std::str::from_utf8(cut).is_err_and(|error| error.error_len().is_none());
    if is_cut { bytes.len() - cut.len() } else { bytes.len() }
}

#[cfg(test)]
mod tests;
