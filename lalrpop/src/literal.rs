//! The values of number and string literals.

mod quotes;

use std::ops::Range;

pub(crate) use quotes::{BLOCK, Quotes, check_block, quotes};

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::token::Token;

/// The suffixes a number may have.
const INT_SUFFIXES: [&str; 10] = ["i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32", "u64", "usize"];
const FLOAT_SUFFIXES: [&str; 2] = ["f32", "f64"];

/// The value of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Int(u64),
    /// A float: one with a point or an exponent, or an integer with a float suffix.
    Float(f64),
}

/// Why a number has no value, with the range of bytes inside the literal that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum BadNumber {
    /// Above 2⁶⁴−1.
    TooLarge,
    /// A letter that is no digit of the base and starts no suffix.
    Digit(std::ops::Range<usize>, u32),
    /// A suffix that is no number type.
    Suffix(std::ops::Range<usize>),
    /// `0x` without digits.
    NoDigits,
}

/// The value of a number literal and the range of its suffix.
///
/// # Errors
/// What is wrong with it.
pub fn number(text: &str, token: Token) -> Result<(Number, Option<std::ops::Range<usize>>), BadNumber> {
    if token == Token::Float {
        return float(text);
    }
    let (radix, start) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, 2),
        [b'0', b'o' | b'O', ..] => (8, 2),
        [b'0', b'b' | b'B', ..] => (2, 2),
        _ => (10, 0),
    };
    let digits = &text[start..];
    let end = digits.find(|c: char| !c.is_digit(radix) && c != '_').unwrap_or(digits.len()) + start;
    let suffix = end..text.len();
    if radix == 10 && FLOAT_SUFFIXES.contains(&&text[suffix.clone()]) {
        return float(text);
    }
    if !suffix.is_empty() && !INT_SUFFIXES.contains(&&text[suffix.clone()]) {
        let first = text.as_bytes()[end];
        let is_digit = first.is_ascii_digit() || (radix == 2 && first.is_ascii_hexdigit() && first != b'f');
        return Err(if is_digit { BadNumber::Digit(end..end + 1, radix) } else { BadNumber::Suffix(suffix) });
    }
    let mut value = 0u64;
    let mut any = false;
    for digit in text[start..end].chars().filter_map(|c| c.to_digit(radix)) {
        any = true;
        value = value
            .checked_mul(u64::from(radix))
            .and_then(|v| v.checked_add(u64::from(digit)))
            .ok_or(BadNumber::TooLarge)?;
    }
    if !any {
        return Err(BadNumber::NoDigits);
    }
    Ok((Number::Int(value), (!suffix.is_empty()).then_some(suffix)))
}

fn float(text: &str) -> Result<(Number, Option<std::ops::Range<usize>>), BadNumber> {
    let end = float_end(text);
    let suffix = end..text.len();
    if !suffix.is_empty() && !FLOAT_SUFFIXES.contains(&&text[suffix.clone()]) {
        return Err(BadNumber::Suffix(suffix));
    }
    let digits: String = text[..end].chars().filter(|c| *c != '_').collect();
    let value = digits.parse().map_err(|_| BadNumber::NoDigits)?;
    Ok((Number::Float(value), (!suffix.is_empty()).then_some(suffix)))
}

/// Where the digits and the exponent of a float end.
fn float_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(|b| b.is_ascii_digit() || *b == b'_') {
            at += 1;
        }
        at
    };
    let mut at = digits(0);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1 + sign);
        }
    }
    at
}

/// Whether a number literal has a value.
///
/// # Errors
/// A diagnostic when it has none.
pub fn check_number(text: &str, token: Token, span: Span) -> Result<(), Diagnostic> {
    let Err(problem) = number(text, token) else { return Ok(()) };
    let part =
        |range: std::ops::Range<usize>| Span::new(span.lo + range.start as u32, span.lo + range.end as u32);
    Err(match problem {
        BadNumber::TooLarge => {
            Diagnostic::error(codes::NUMBER_TOO_LARGE, span, "this integer does not fit in 64 bits")
                .at("larger than 18446744073709551615")
                .help("the largest integer literal is 18446744073709551615 (0xFFFFFFFFFFFFFFFF)")
        }
        BadNumber::Digit(range, radix) => {
            let name = if radix == 2 { "binary" } else { "octal" };
            let title = format!("`{}` is no {name} digit", &text[range.clone()]);
            Diagnostic::error(codes::BAD_NUMBER, part(range), title)
                .at("here")
                .help(format!("{name} numbers hold the digits 0 to {}", radix - 1))
        }
        BadNumber::Suffix(range) => {
            let title = format!("`{}` is no number suffix", &text[range.clone()]);
            Diagnostic::error(codes::BAD_NUMBER, part(range), title).at("not a number type").help(
                "a number may end in one of i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64; \
                 a name cannot start with a digit",
            )
        }
        BadNumber::NoDigits => Diagnostic::error(codes::BAD_NUMBER, span, "this number has no digits")
            .at("digits are missing")
            .help("write at least one digit, as in `0x1F`"),
    })
}

/// One piece of a string's inside: its range in the raw text and what it stands for.
type Piece = (std::ops::Range<usize>, Result<char, &'static str>);

/// The characters of the raw text `inside` (between the quotes), escapes resolved.
fn pieces(inside: &str) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let c = inside[at..].chars().next()?;
        let start = at;
        at += c.len_utf8();
        if c != '\\' {
            return Some((start..at, Ok(c)));
        }
        let (length, value) = escape(&inside[at..]);
        at += length;
        Some((start..at, value))
    })
}

/// The length of what follows a backslash and belongs to its escape.
pub(crate) fn escape_length(rest: &str) -> usize {
    escape(rest).0
}

/// What follows a backslash: its length and its value.
fn escape(rest: &str) -> (usize, Result<char, &'static str>) {
    let Some(c) = rest.chars().next() else { return (0, Err("nothing follows the backslash")) };
    let simple = |value| (1, Ok(value));
    match c {
        'n' => simple('\n'),
        't' => simple('\t'),
        'r' => simple('\r'),
        '0' => simple('\0'),
        '\\' | '"' | '\'' => simple(c),
        'x' => {
            let digits = rest[1..].bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
            match u8::from_str_radix(&rest[1..1 + digits], 16) {
                Ok(value) if digits == 2 && value < 0x80 => (3, Ok(char::from(value))),
                Ok(_) if digits == 2 => {
                    (3, Err("strings are UTF-8: `\\x` goes up to 7F, use `\\u{…}` above"))
                }
                _ => (1 + digits, Err("`\\x` takes two hexadecimal digits")),
            }
        }
        'u' => unicode_escape(rest),
        c => (c.len_utf8(), Err("strings know \\n \\t \\r \\0 \\\\ \\\" \\' \\xHH \\u{…}")),
    }
}

fn unicode_escape(rest: &str) -> (usize, Result<char, &'static str>) {
    let Some(inner) = rest[1..].strip_prefix('{') else {
        return (1, Err("`\\u` takes its digits in braces: `\\u{1F600}`"));
    };
    let digits = inner.bytes().take_while(u8::is_ascii_hexdigit).count();
    if !inner[digits..].starts_with('}') {
        return (2 + digits, Err("`\\u{` takes hexadecimal digits and a `}`"));
    }
    let value = u32::from_str_radix(&inner[..digits], 16).ok().and_then(char::from_u32);
    (3 + digits, value.ok_or("this is no Unicode character"))
}

/// The text between the quotes of a raw string or character literal, as it is written.
fn inside(raw: &str) -> &str {
    &raw[quotes(raw).text]
}

/// The value of a raw string literal with its quotes; what is wrong in it is left out.
pub fn string_value(raw: &str) -> String {
    let quotes = quotes(raw);
    part_value(raw, &quotes, quotes.text.clone())
}

/// The value of a raw character literal with its quotes; `None` when it is not exactly one character.
pub fn char_value(raw: &str) -> Option<char> {
    let mut pieces = pieces(raw.strip_prefix('\'')?.strip_suffix('\'')?);
    let (_, value) = pieces.next()?;
    if pieces.next().is_some() { None } else { value.ok() }
}

/// Whether one character or escape, right or wrong, stands between the quotes of a raw character literal.
pub(crate) fn is_one_piece(raw: &str) -> bool {
    pieces(inside(raw)).count() == 1
}

/// The value of a part of a raw string literal: indentation removed, escapes resolved.
pub(crate) fn part_value(raw: &str, quotes: &Quotes, part: Range<usize>) -> String {
    let text = quotes::unindented(raw, quotes, part);
    if !text.contains('\\') {
        return text.into_owned();
    }
    unescape(&text)
}

/// A text with its escapes resolved.
pub(crate) fn unescape(text: &str) -> String {
    pieces(text).filter_map(|(_, c)| c.ok()).collect()
}

/// What is wrong in a raw string or character literal; `lo` is the position of its opening quote.
pub fn check_escapes(raw: &str, lo: u32) -> Vec<Diagnostic> {
    let text = quotes(raw).text;
    let (first, inside) = (lo + text.start as u32, &raw[text]);
    pieces(inside)
        .filter_map(|(range, value)| {
            let help = value.err()?;
            let span = Span::new(first + range.start as u32, first + range.end as u32);
            let title = format!(
                "unknown escape `{}`",
                inside[range].escape_debug().to_string().replace("\\\\", "\\")
            );
            Some(Diagnostic::error(codes::BAD_ESCAPE, span, title).at("in this string").help(help))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(text: &str) -> Result<Number, BadNumber> {
        number(text, Token::Int).map(|n| n.0)
    }

    #[test]
    fn integers_of_every_base_have_their_value() {
        assert_eq!(int("1_000"), Ok(Number::Int(1000)));
        assert_eq!(int("0xFF_u8"), Ok(Number::Int(255)));
        assert_eq!(int("0b101"), Ok(Number::Int(5)));
        assert_eq!(int("0o17i16"), Ok(Number::Int(15)));
        assert_eq!(int("18446744073709551615"), Ok(Number::Int(u64::MAX)));
        assert_eq!(int("18446744073709551616"), Err(BadNumber::TooLarge));
        assert_eq!(int("0b12"), Err(BadNumber::Digit(3..4, 2)));
        assert_eq!(int("0x"), Err(BadNumber::NoDigits));
        assert_eq!(int("12abc"), Err(BadNumber::Suffix(2..5)));
        assert_eq!(number("255u8", Token::Int).unwrap().1, Some(3..5));
        assert_eq!(int("2f32"), Ok(Number::Float(2.0)));
    }

    #[test]
    fn floats_have_their_value() {
        let float = |text| number(text, Token::Float).map(|n| n.0);
        assert_eq!(float("1_0.5e-1"), Ok(Number::Float(1.05)));
        assert_eq!(float("1e3"), Ok(Number::Float(1000.0)));
        assert_eq!(float("1.5f32"), Ok(Number::Float(1.5)));
        assert_eq!(float("1.5x"), Err(BadNumber::Suffix(3..4)));
    }

    #[test]
    fn escapes_are_resolved_or_reported() {
        assert_eq!(string_value(r#""a\n\x41\u{e4}\"\\""#), "a\nAä\"\\");
        assert!(check_escapes(r#""\n\t\r\0\'""#, 1).is_empty());
        let wrong = check_escapes(r#""a\q\x9\u{110000}\xFF\u12""#, 1);
        assert_eq!(wrong.len(), 5);
        assert_eq!(wrong[0].span(), Span::new(3, 5));
        assert_eq!(wrong[0].title, "unknown escape `\\q`");
    }
}
