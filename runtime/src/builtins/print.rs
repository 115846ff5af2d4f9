//! Printing one value the plain way, `{}` and `{:?}`.
//!
//! Nothing here allocates: numbers are written into a buffer on the stack, then
//! copied to the stream's.

use core::ffi::c_void;
use core::fmt::Write;

use super::stream::{self, Writer};
use crate::abi::VexStr;

/// Decimal digits of the largest `u64`.
const MAX_DIGITS: usize = 20;

/// The decimal digits of `value`, in the tail of `buffer`.
pub(super) fn decimal(mut value: u64, buffer: &mut [u8; MAX_DIGITS]) -> &[u8] {
    let mut at = MAX_DIGITS;
    loop {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return &buffer[at..];
        }
    }
}

/// Writes a string as a literal: in quotes, with the escapes of the language.
/// Bytes that are not UTF-8 come out as `\x..`.
pub fn quote(out: &mut impl Write, bytes: &[u8]) {
    // A stream takes whatever it is given; errors end the program there.
    let _ = out.write_char('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            escape(out, c, '"');
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    let _ = out.write_char('"');
}

/// Writes a character of a literal that stands between `quotes`.
fn escape(out: &mut impl Write, c: char, quotes: char) {
    let _ = match c {
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\0' => out.write_str("\\0"),
        c if c == quotes => write!(out, "\\{c}"),
        c if c.is_control() => write!(out, "\\u{{{:x}}}", c as u32),
        c => out.write_char(c),
    };
}

/// Writes a character as a literal: in quotes, with the escapes of the language. A
/// number that is the code of no character is the replacement character.
pub fn quote_char(out: &mut impl Write, code: u32) {
    let _ = out.write_char('\'');
    escape(out, character(code), '\'');
    let _ = out.write_char('\'');
}

/// The character with this code, or the replacement character.
pub(super) fn character(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The shortest text that reads back as `value`, with `.0` when it is whole and
/// an exponent below 1e-5 and from 1e16 on.
pub fn float(out: &mut impl Write, value: f64, single: bool) {
    let _ = if single { write!(out, "{:?}", value as f32) } else { write!(out, "{value:?}") };
}

fn integer(out: &mut Writer, negative: bool, magnitude: u64) {
    let mut buffer = [0; MAX_DIGITS];
    if negative {
        out.put(b"-");
    }
    out.put(decimal(magnitude, &mut buffer));
}

crate::exports! {
    group Builtin;

    /// Prints a string as it is.
    pub fn vexrt_print_str(stream: i32, text: VexStr) {
        // SAFETY: a `str` of the program is readable for its length.
        let bytes = unsafe { text.bytes() };
        stream::program(stream).put(bytes);
    }

    /// Prints a string in quotes, with escapes.
    pub fn vexrt_print_quoted(stream: i32, text: VexStr) {
        // SAFETY: a `str` of the program is readable for its length.
        let bytes = unsafe { text.bytes() };
        quote(&mut stream::program(stream), bytes);
    }

    /// Prints the character with this code.
    pub fn vexrt_print_char(stream: i32, code: u32) {
        let _ = stream::program(stream).write_char(character(code));
    }

    /// Prints a character in quotes, with escapes.
    pub fn vexrt_print_quoted_char(stream: i32, code: u32) {
        quote_char(&mut stream::program(stream), code);
    }

    /// Prints a signed integer in decimal.
    pub fn vexrt_print_i64(stream: i32, value: i64) {
        integer(&mut stream::program(stream), value < 0, value.unsigned_abs());
    }

    /// Prints an unsigned integer in decimal.
    pub fn vexrt_print_u64(stream: i32, value: u64) {
        integer(&mut stream::program(stream), false, value);
    }

    /// Prints a float as the shortest text that reads back.
    pub fn vexrt_print_f64(stream: i32, value: f64) {
        float(&mut stream::program(stream), value, false);
    }

    /// Prints a single-precision float as the shortest text that reads back.
    pub fn vexrt_print_f32(stream: i32, value: f32) {
        float(&mut stream::program(stream), value.into(), true);
    }

    /// Prints `true` or `false`.
    pub fn vexrt_print_bool(stream: i32, value: bool) {
        stream::program(stream).put(if value { b"true" } else { b"false" });
    }

    /// Prints an address as `0x` and hexadecimal digits; null is `0x0`.
    pub fn vexrt_print_ptr(stream: i32, value: *const c_void) {
        let _ = write!(stream::program(stream), "{:#x}", value.addr());
    }

    /// Ends a print call whose text may not end in a newline: what goes to
    /// standard error or to a terminal is written now.
    pub fn vexrt_print_end(stream: i32) {
        stream::end_message(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(bytes: &[u8]) -> String {
        let mut out = String::new();
        quote(&mut out, bytes);
        out
    }

    fn shown(value: f64, single: bool) -> String {
        let mut out = String::new();
        float(&mut out, value, single);
        out
    }

    #[test]
    fn decimal_digits() {
        let mut buffer = [0; MAX_DIGITS];
        assert_eq!(decimal(0, &mut buffer), b"0");
        assert_eq!(decimal(90210, &mut buffer), b"90210");
        assert_eq!(decimal(u64::MAX, &mut buffer), b"18446744073709551615");
    }

    #[test]
    fn quoted_text_reads_as_a_literal() {
        assert_eq!(quoted("a \"b\" \\ \n\t\r\0 é".as_bytes()), r#""a \"b\" \\ \n\t\r\0 é""#);
        assert_eq!(quoted(b"\x01\x7f\xff!"), r#""\u{1}\u{7f}\xff!""#);
    }

    #[test]
    fn a_quoted_character_reads_as_a_literal() {
        let quoted = |code| {
            let mut out = String::new();
            quote_char(&mut out, code);
            out
        };
        assert_eq!(quoted(u32::from('é')), "'é'");
        assert_eq!(quoted(u32::from('\'')), r"'\''");
        assert_eq!(quoted(u32::from('"')), "'\"'");
        assert_eq!(quoted(u32::from('\n')), r"'\n'");
        assert_eq!(quoted(7), r"'\u{7}'");
        assert_eq!(quoted(0xD800), "'\u{fffd}'");
    }

    #[test]
    fn floats_are_shortest_and_show_that_they_are_floats() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (1.5e300, "1.5e300"),
            (0.0001, "0.0001"),
            (1e-7, "1e-7"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(shown(value, false), text);
        }
        assert_eq!(shown(f64::from(0.1f32), true), "0.1");
        assert_eq!(shown(f64::from(16_777_216f32), true), "16777216.0");
    }
}
