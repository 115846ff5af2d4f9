//! Printing one value with a format: base, sign, precision, width, fill.
//!
//! A value is first written into [`Text`], a small buffer on the stack, to learn
//! how wide it is; only strings go to the stream directly, being there already.

use core::ffi::c_void;
use core::fmt::{self, Write};

use super::print;
use super::stream::{self, Writer};
use crate::abi::{AbiTy, AbiType, VexStr};

/// A format as the compiler stores it in constant data.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintSpec {
    /// 0 display, 1 debug, 2 lower hex, 3 upper hex, 4 binary, 5 octal,
    /// 6 exponent, 7 the character with this code point.
    pub style: u32,
    /// 1: the base's prefix (`#`); 2: a sign in any case (`+`); 4: zeros between
    /// sign and digits instead of fill.
    pub flags: u32,
    /// Digits after the point, or the most characters of a string; -1 for none.
    pub precision: i32,
    /// The least number of characters.
    pub width: u32,
    /// Character that fills the width; 0 is a space.
    pub fill: u32,
    /// 0: numbers right, others left; 1 left, 2 center, 3 right.
    pub align: u32,
}

impl AbiType for *const PrintSpec {
    const TY: AbiTy = AbiTy::PtrTo("PrintSpec");
}

const DISPLAY: u32 = 0;
const DEBUG: u32 = 1;
const HEX: u32 = 2;
const UPPER_HEX: u32 = 3;
const BINARY: u32 = 4;
const OCTAL: u32 = 5;
const EXP: u32 = 6;
const CHAR: u32 = 7;

const ALTERNATE: u32 = 1;
const PLUS: u32 = 2;
const ZERO: u32 = 4;

const LEFT: u32 = 1;
const CENTER: u32 = 2;
const RIGHT: u32 = 3;

/// A formatted number. The longest are fixed floats: 309 digits, a point and
/// the precision, which is cut at [`Text::MAX_PRECISION`].
struct Text {
    bytes: [u8; Text::CAPACITY],
    len: usize,
}

impl Text {
    const CAPACITY: usize = 1536;
    const MAX_PRECISION: usize = 1100;

    fn new() -> Text {
        Text { bytes: [0; Text::CAPACITY], len: 0 }
    }

    fn of(arguments: fmt::Arguments<'_>) -> Text {
        let mut text = Text::new();
        let _ = text.write_fmt(arguments);
        text
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Something that takes bytes; a stream, or text in a test.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Writer {
    fn put(&mut self, bytes: &[u8]) {
        Writer::put(self, bytes);
    }
}

impl PrintSpec {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn precision(&self) -> Option<usize> {
        usize::try_from(self.precision).ok()
    }

    /// Fill characters before and after something `chars` wide.
    fn padding(&self, chars: usize, default: u32) -> (usize, usize) {
        let missing = (self.width as usize).saturating_sub(chars);
        match if self.align == 0 { default } else { self.align } {
            RIGHT => (missing, 0),
            CENTER => (missing / 2, missing - missing / 2),
            _ => (0, missing),
        }
    }

    /// Writes `count` fill characters.
    fn fill(&self, out: &mut impl Sink, count: usize) {
        let fill = char::from_u32(self.fill).filter(|c| *c != '\0').unwrap_or(' ');
        let mut encoded = [0; 4];
        let fill = fill.encode_utf8(&mut encoded).as_bytes();
        for _ in 0..count {
            out.put(fill);
        }
    }

    /// Writes text that is `chars` characters wide.
    fn padded(&self, out: &mut impl Sink, chars: usize, default: u32, body: impl FnOnce(&mut dyn Sink)) {
        let (before, after) = self.padding(chars, default);
        self.fill(out, before);
        body(out);
        self.fill(out, after);
    }

    /// Writes a number: a sign, a prefix, then digits. Zeros go in between, and
    /// only finite numbers get them.
    fn number(&self, out: &mut impl Sink, negative: bool, prefix: &str, digits: &[u8], finite: bool) {
        let sign = match negative {
            true => "-",
            false if self.has(PLUS) => "+",
            false => "",
        };
        let chars = sign.len() + prefix.len() + digits.len();
        if self.has(ZERO) && finite {
            out.put(sign.as_bytes());
            out.put(prefix.as_bytes());
            for _ in chars..self.width as usize {
                out.put(b"0");
            }
            return out.put(digits);
        }
        self.padded(out, chars, RIGHT, |out| {
            out.put(sign.as_bytes());
            out.put(prefix.as_bytes());
            out.put(digits);
        });
    }

    /// Writes an integer given by its bits; see [`vexrt_format_int`].
    fn integer(&self, out: &mut impl Sink, bits: u64, kind: i32) {
        let width = kind.unsigned_abs().clamp(1, 64);
        let unused = 64 - width;
        let unsigned = bits << unused >> unused;
        let signed = (bits << unused) as i64 >> unused;
        let negative = kind < 0 && signed < 0;
        let magnitude = if negative { signed.unsigned_abs() } else { unsigned };
        let (text, prefix) = match self.style {
            HEX => (Text::of(format_args!("{unsigned:x}")), "0x"),
            UPPER_HEX => (Text::of(format_args!("{unsigned:X}")), "0x"),
            BINARY => (Text::of(format_args!("{unsigned:b}")), "0b"),
            OCTAL => (Text::of(format_args!("{unsigned:o}")), "0o"),
            CHAR => return self.character(out, unsigned),
            EXP => {
                let text = match self.precision() {
                    Some(digits) => {
                        Text::of(format_args!("{magnitude:.*e}", digits.min(Text::MAX_PRECISION)))
                    }
                    None => Text::of(format_args!("{magnitude:e}")),
                };
                return self.number(out, negative, "", text.bytes(), true);
            }
            _ => {
                let mut buffer = [0; 20];
                return self.number(out, negative, "", print::decimal(magnitude, &mut buffer), true);
            }
        };
        // Other bases show the bits, so there is no sign to write.
        self.number(out, false, if self.has(ALTERNATE) { prefix } else { "" }, text.bytes(), true);
    }

    /// Writes the character with this code point, or the replacement character; for debug, quoted.
    fn character(&self, out: &mut impl Sink, code: u64) {
        let code = u32::try_from(code).unwrap_or(u32::MAX);
        if self.style == DEBUG {
            let mut text = Text::new();
            print::quote_char(&mut text, code);
            return self.padded(out, count(text.bytes()), LEFT, |out| out.put(text.bytes()));
        }
        let mut encoded = [0; 4];
        let text = print::character(code).encode_utf8(&mut encoded);
        self.padded(out, 1, LEFT, |out| out.put(text.as_bytes()));
    }

    /// Writes a float.
    fn float(&self, out: &mut impl Sink, value: f64, single: bool) {
        let (negative, size) = (value.is_sign_negative() && !value.is_nan(), value.abs());
        let digits = self.precision().map(|digits| digits.min(Text::MAX_PRECISION));
        let mut text = Text::new();
        let _ = match (self.style, digits) {
            (EXP, Some(digits)) => write!(text, "{size:.digits$e}"),
            (EXP, None) if single => write!(text, "{:e}", size as f32),
            (EXP, None) => write!(text, "{size:e}"),
            (_, Some(digits)) => write!(text, "{size:.digits$}"),
            (_, None) => {
                print::float(&mut text, size, single);
                Ok(())
            }
        };
        self.number(out, negative, "", text.bytes(), value.is_finite());
    }

    /// Writes what a value printed of itself, cut to the precision.
    pub(super) fn text(&self, out: &mut Writer, bytes: &[u8]) {
        PrintSpec { style: DISPLAY, ..*self }.string(out, bytes);
    }

    /// Writes a string, cut to the precision and, for debug, quoted.
    fn string(&self, out: &mut impl Sink, bytes: &[u8]) {
        let bytes = match self.precision() {
            Some(most) => prefix(bytes, most),
            None => bytes,
        };
        if self.style != DEBUG {
            return self.padded(out, count(bytes), LEFT, |out| out.put(bytes));
        }
        let mut width = Width(0);
        print::quote(&mut width, bytes);
        self.padded(out, width.0, LEFT, |out| print::quote(&mut Quoting(out), bytes));
    }
}

/// Lets [`print::quote`] write to a sink.
struct Quoting<'a>(&'a mut dyn Sink);

impl Write for Quoting<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put(text.as_bytes());
        Ok(())
    }
}

/// Counts the characters written to it.
struct Width(usize);

impl Write for Width {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += count(text.as_bytes());
        Ok(())
    }
}

/// Whether a byte starts a character, in UTF-8; stray continuation bytes do not.
fn starts_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Characters in `bytes`.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| starts_character(**byte)).count()
}

/// The first `most` characters.
fn prefix(bytes: &[u8], most: usize) -> &[u8] {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| starts_character(**byte));
    match starts.map(|(at, _)| at).nth(most) {
        Some(end) => &bytes[..end],
        None => bytes,
    }
}

crate::exports! {
    group Builtin;

    /// Prints an integer. `kind` is its width in bits, negative when signed.
    pub fn vexrt_format_int(stream: i32, bits: u64, kind: i32, spec: *const PrintSpec) {
        // SAFETY: the compiler passes a spec in constant data.
        let spec = unsafe { &*spec };
        spec.integer(&mut stream::program(stream), bits, kind);
    }

    /// Prints a float, as one of single precision when `single` is not 0.
    pub fn vexrt_format_f64(stream: i32, value: f64, single: i32, spec: *const PrintSpec) {
        // SAFETY: the compiler passes a spec in constant data.
        let spec = unsafe { &*spec };
        spec.float(&mut stream::program(stream), value, single != 0);
    }

    /// Prints a string.
    pub fn vexrt_format_str(stream: i32, text: VexStr, spec: *const PrintSpec) {
        // SAFETY: the compiler passes a spec in constant data; a `str` of the
        // program is readable for its length.
        let (spec, bytes) = unsafe { (&*spec, text.bytes()) };
        spec.string(&mut stream::program(stream), bytes);
    }

    /// Prints a character.
    pub fn vexrt_format_char(stream: i32, code: u32, spec: *const PrintSpec) {
        // SAFETY: the compiler passes a spec in constant data.
        let spec = unsafe { &*spec };
        spec.character(&mut stream::program(stream), u64::from(code));
    }

    /// Prints a boolean.
    pub fn vexrt_format_bool(stream: i32, value: bool, spec: *const PrintSpec) {
        // SAFETY: the compiler passes a spec in constant data.
        let spec = unsafe { &*spec };
        let plain = PrintSpec { style: DISPLAY, ..*spec };
        plain.string(&mut stream::program(stream), if value { b"true" } else { b"false" });
    }

    /// Prints an address: `0x` and hexadecimal digits.
    pub fn vexrt_format_ptr(stream: i32, value: *const c_void, spec: *const PrintSpec) {
        // SAFETY: the compiler passes a spec in constant data.
        let spec = unsafe { &*spec };
        let style = if spec.style == UPPER_HEX { UPPER_HEX } else { HEX };
        let hex = PrintSpec { style, flags: (spec.flags | ALTERNATE) & !PLUS, ..*spec };
        hex.integer(&mut stream::program(stream), value.addr() as u64, 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sink for String {
        fn put(&mut self, bytes: &[u8]) {
            self.push_str(core::str::from_utf8(bytes).expect("whole characters"));
        }
    }

    const PLAIN: PrintSpec =
        PrintSpec { style: DISPLAY, flags: 0, precision: -1, width: 0, fill: 0, align: 0 };

    fn int(value: i64, kind: i32, spec: PrintSpec) -> String {
        let mut out = String::new();
        spec.integer(&mut out, value as u64, kind);
        out
    }

    fn float(value: f64, spec: PrintSpec) -> String {
        let mut out = String::new();
        spec.float(&mut out, value, false);
        out
    }

    fn string(value: &str, spec: PrintSpec) -> String {
        let mut out = String::new();
        spec.string(&mut out, value.as_bytes());
        out
    }

    #[test]
    fn integers_in_their_own_width() {
        assert_eq!(int(-1, -8, PLAIN), "-1");
        assert_eq!(int(-1, 8, PLAIN), "255");
        assert_eq!(int(i64::MIN, -64, PLAIN), "-9223372036854775808");
        assert_eq!(int(-1, -16, PrintSpec { style: HEX, ..PLAIN }), "ffff");
        assert_eq!(int(10, 32, PrintSpec { style: BINARY, flags: ALTERNATE, ..PLAIN }), "0b1010");
        assert_eq!(int(-12345, -64, PrintSpec { style: EXP, ..PLAIN }), "-1.2345e4");
        assert_eq!(int(0xe9, 32, PrintSpec { style: CHAR, width: 3, ..PLAIN }), "é  ");
        assert_eq!(int(0xd800, 32, PrintSpec { style: CHAR, ..PLAIN }), "\u{fffd}");
    }

    #[test]
    fn sign_zeros_and_prefix_share_the_width() {
        assert_eq!(int(-7, -64, PrintSpec { width: 5, flags: ZERO, ..PLAIN }), "-0007");
        assert_eq!(int(7, -64, PrintSpec { width: 5, flags: ZERO | PLUS, ..PLAIN }), "+0007");
        assert_eq!(
            int(255, 64, PrintSpec { style: HEX, width: 8, flags: ZERO | ALTERNATE, ..PLAIN }),
            "0x0000ff"
        );
        assert_eq!(int(7, 64, PrintSpec { width: 4, fill: '*' as u32, align: CENTER, ..PLAIN }), "*7**");
        assert_eq!(int(7, 64, PrintSpec { width: 4, align: LEFT, ..PLAIN }), "7   ");
    }

    #[test]
    fn floats_fixed_and_with_exponent() {
        assert_eq!(float(2.0 / 3.0, PrintSpec { precision: 2, ..PLAIN }), "0.67");
        assert_eq!(float(-1.5, PrintSpec { precision: 0, ..PLAIN }), "-2");
        assert_eq!(float(1234.5, PrintSpec { style: EXP, ..PLAIN }), "1.2345e3");
        assert_eq!(float(-2.5, PrintSpec { width: 8, precision: 1, flags: ZERO, ..PLAIN }), "-00002.5");
        assert_eq!(float(f64::INFINITY, PrintSpec { width: 5, flags: ZERO, ..PLAIN }), "  inf");
        assert_eq!(
            float(f64::MAX, PrintSpec { precision: i32::MAX, ..PLAIN }).len(),
            309 + 1 + Text::MAX_PRECISION
        );
    }

    #[test]
    fn strings_count_characters() {
        assert_eq!(string("äöü", PrintSpec { width: 5, ..PLAIN }), "äöü  ");
        assert_eq!(string("äöü", PrintSpec { precision: 2, ..PLAIN }), "äö");
        assert_eq!(
            string("a\"b", PrintSpec { style: DEBUG, width: 8, align: RIGHT, ..PLAIN }),
            "  \"a\\\"b\""
        );
    }
}
