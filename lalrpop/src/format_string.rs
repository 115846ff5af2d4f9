//! Format strings: `"{} of {total:>8} is {part * 100 / total:.1}%"` to text and arguments.
//!
//! A placeholder is `{`, an optional expression, an optional `:` with a specification, `}`. The specification is
//! `[[fill]align][+][#][0][width][.precision][t|d][kind]`, as in most languages of today but for the `t` and `d`, which
//! say how booleans print. The text is read raw, with its
//! escapes, so that every piece keeps its place in the source.

use crate::ast::Expr;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::literal::{self, Quotes};
use crate::parse::parse_expr;
use crate::span::Span;
use crate::spelling::Spelling;

/// A piece of a format string.
#[derive(Clone, Debug)]
pub enum FormatPiece {
    /// Text to be printed as it is, escapes resolved.
    Text(String),
    /// A value to be printed.
    Arg {
        /// The value; `None` for `{}`, which takes the next argument of the call.
        expr: Option<Expr>,
        /// How to print it.
        spec: FormatSpec,
        /// The placeholder with its braces.
        span: Span,
    },
}

/// How to print a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatSpec {
    /// The form of the value.
    pub kind: FormatKind,
    /// `#`: with `0x`, `0b`, `0o`, or over several lines.
    pub alternate: bool,
    /// `.N`: digits after the point, or characters of a string.
    pub precision: Option<u32>,
    /// Least number of characters.
    pub width: Option<u32>,
    /// What fills the width.
    pub fill: char,
    /// Where the value stands in the width; `None` is right for numbers and left for the rest.
    pub align: Option<Align>,
    /// `0`: fill with zeros between the sign and the digits.
    pub zero_pad: bool,
    /// `+`: a sign for positive numbers too.
    pub sign: bool,
    /// `t`, `d`: whether booleans print as words or as 1 and 0, also those inside of other values; `None` is as the
    /// spelling does.
    pub bool_words: Option<bool>,
}

impl Default for FormatSpec {
    fn default() -> FormatSpec {
        FormatSpec {
            kind: FormatKind::Display,
            alternate: false,
            precision: None,
            width: None,
            fill: ' ',
            align: None,
            zero_pad: false,
            sign: false,
            bool_words: None,
        }
    }
}

/// The forms of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatKind {
    /// For people.
    Display,
    /// `?`: as the literal that makes it; strings quoted.
    Debug,
    /// `x`
    Hex,
    /// `X`
    UpperHex,
    /// `b`
    Binary,
    /// `o`
    Octal,
}

/// Where a value stands in its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// `<`
    Left,
    /// `^`
    Center,
    /// `>`
    Right,
}

/// Largest width and precision.
pub const WIDEST: u32 = 65_535;

/// Splits the raw text of a string literal, quotes included, into pieces. `base` is the position of its first quote.
///
/// # Errors
/// Everything that is wrong with the placeholders.
pub fn parse_format(raw: &str, base: u32, spelling: Spelling) -> Result<Vec<FormatPiece>, Vec<Diagnostic>> {
    let quotes = literal::quotes(raw);
    let mut reader = Reader {
        raw,
        end: quotes.text.end,
        base,
        spelling,
        pieces: Vec::new(),
        text_start: quotes.text.start,
        quotes,
        text: String::new(),
        errors: Vec::new(),
    };
    reader.read();
    if reader.errors.is_empty() { Ok(reader.pieces) } else { Err(reader.errors) }
}

struct Reader<'a> {
    raw: &'a str,
    quotes: Quotes,
    /// Where the text ends.
    end: usize,
    base: u32,
    spelling: Spelling,
    pieces: Vec<FormatPiece>,
    /// Start of the raw text that is not yet in `text`.
    text_start: usize,
    text: String,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.raw.as_bytes().get(at).copied().filter(|_| at < self.end)
    }

    fn span(&self, lo: usize, hi: usize) -> Span {
        Span::new(self.base + lo as u32, self.base + hi as u32)
    }

    fn error(&mut self, span: Span, title: &str, at: &str, help: &str) {
        self.errors.push(Diagnostic::error(codes::BAD_FORMAT, span, title).at(at).help(help));
    }

    fn read(&mut self) {
        let mut at = self.text_start;
        while let Some(byte) = self.byte(at) {
            match (byte, self.byte(at + 1)) {
                (b'\\', _) => at += 1 + literal::escape_length(&self.raw[at + 1..self.end]),
                (b'{', Some(b'{')) | (b'}', Some(b'}')) => {
                    self.flush_text(at + 1);
                    self.text_start = at + 2;
                    at += 2;
                }
                (b'{', _) => {
                    self.flush_text(at);
                    at = self.placeholder(at);
                    self.text_start = at;
                }
                (b'}', _) => {
                    let help = "write `}}` for a brace in the text";
                    self.error(self.span(at, at + 1), "`}` without its `{`", "closes no placeholder", help);
                    at += 1;
                }
                _ => at += 1,
            }
        }
        self.flush_text(self.end.max(self.text_start));
        if !self.text.is_empty() {
            self.pieces.push(FormatPiece::Text(std::mem::take(&mut self.text)));
        }
    }

    /// Takes the text up to `end`.
    fn flush_text(&mut self, end: usize) {
        let part = self.text_start.min(end)..end;
        self.text.push_str(&literal::part_value(self.raw, &self.quotes, part));
    }

    /// Reads the placeholder whose `{` is at `open`; returns where it ends.
    fn placeholder(&mut self, open: usize) -> usize {
        let (colon, close) = self.find_ends(open + 1);
        let Some(close) = close else {
            let help = "close it with `}`, or write `{{` for a brace in the text";
            self.error(self.span(open, open + 1), "this placeholder is never closed", "opened here", help);
            return self.end;
        };
        let expr_end = colon.unwrap_or(close);
        let spec = match colon {
            Some(colon) => self.spec(colon + 1, close),
            None => FormatSpec::default(),
        };
        let expr = self.expr(open + 1, expr_end);
        if !self.text.is_empty() {
            self.pieces.push(FormatPiece::Text(std::mem::take(&mut self.text)));
        }
        self.pieces.push(FormatPiece::Arg { expr, spec, span: self.span(open, close + 1) });
        close + 1
    }

    /// Where the `:` of the specification and the closing brace are, looking past brackets, strings, `::` and `?:`.
    fn find_ends(&self, start: usize) -> (Option<usize>, Option<usize>) {
        let (mut depth, mut ternaries, mut in_string) = (0u32, 0u32, false);
        let mut at = start;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\\' => {
                    // `\"` is a quote of the expression; any other escape belongs to a string inside it.
                    in_string ^= self.byte(at + 1) == Some(b'"');
                    at += literal::escape_length(&self.raw[at + 1..self.end]);
                }
                // Only between three quotes there can be one without a backslash.
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'(' | b'[' | b'{' => depth += 1,
                b'}' if depth == 0 => return (None, Some(at)),
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                b'?' if depth == 0 => ternaries += 1,
                b':' if depth == 0 && self.byte(at + 1) == Some(b':') => at += 1,
                b':' if depth == 0 && ternaries > 0 => ternaries -= 1,
                b':' if depth == 0 => {
                    let rest = &self.raw[at + 1..self.end];
                    return (Some(at), rest.find('}').map(|close| at + 1 + close));
                }
                _ => {}
            }
            at += 1;
        }
        (None, None)
    }

    fn expr(&mut self, lo: usize, hi: usize) -> Option<Expr> {
        let text = &self.raw[lo..hi];
        if text.trim().is_empty() {
            return None;
        }
        let unescaped;
        let text = if text.contains('\\') {
            unescaped = unescape_in_place(text);
            &unescaped
        } else {
            text
        };
        match parse_expr(text, self.base + lo as u32, self.spelling) {
            Ok(expr) => Some(expr),
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }

    fn spec(&mut self, lo: usize, hi: usize) -> FormatSpec {
        let text = &self.raw[lo..hi];
        match read_spec(text) {
            Ok(spec) => spec,
            Err((title, help)) => {
                let (lo, hi) = if lo == hi { (lo - 1, hi) } else { (lo, hi) };
                self.error(self.span(lo, hi), title, "in this specification", help);
                FormatSpec::default()
            }
        }
    }
}

/// The expression without the backslashes of the string around it. Where a string inside it gets shorter, blanks are
/// added after it, so that everything else keeps its place.
fn unescape_in_place(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\\\"") {
        out.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let mut end = 0;
        while !inside[end..].is_empty() && !inside[end..].starts_with("\\\"") {
            end += match inside[end..].strip_prefix('\\') {
                Some(escaped) => 1 + literal::escape_length(escaped),
                None => inside[end..].chars().next().map_or(1, char::len_utf8),
            };
        }
        let written = rest.len() - inside.len() - start + end + 2;
        let close = (start + written).min(rest.len());
        let literal = format!("\"{}\"", literal::unescape(&inside[..end.min(inside.len())]));
        out.push_str(&literal);
        let length = close - start;
        out.extend(std::iter::repeat_n(' ', length.saturating_sub(literal.len())));
        rest = &rest[close..];
    }
    out.push_str(rest);
    out
}

/// Title and help of a specification that is wrong.
type BadSpec = (&'static str, &'static str);

fn read_spec(text: &str) -> Result<FormatSpec, BadSpec> {
    let mut spec = FormatSpec::default();
    let mut rest = text;
    let align_of = |c: char| match c {
        '<' => Some(Align::Left),
        '^' => Some(Align::Center),
        '>' => Some(Align::Right),
        _ => None,
    };
    let mut chars = rest.chars();
    if let (Some(fill), Some(align)) = (chars.next(), chars.next().and_then(align_of)) {
        (spec.fill, spec.align) = (fill, Some(align));
        rest = chars.as_str();
    } else if let Some(align) = rest.chars().next().and_then(align_of) {
        spec.align = Some(align);
        rest = &rest[1..];
    }
    spec.sign = eat(&mut rest, '+');
    spec.alternate = eat(&mut rest, '#');
    spec.zero_pad = eat(&mut rest, '0');
    spec.width = number(&mut rest)?;
    if eat(&mut rest, '.') {
        spec.precision = number(&mut rest)?;
        if spec.precision.is_none() {
            return Err(("a precision needs digits", "write the number of digits after the point: `{:.2}`"));
        }
    }
    if eat(&mut rest, 't') {
        spec.bool_words = Some(true);
    } else if eat(&mut rest, 'd') {
        spec.bool_words = Some(false);
    }
    spec.kind = match rest {
        "" => FormatKind::Display,
        "?" => FormatKind::Debug,
        "x" => FormatKind::Hex,
        "X" => FormatKind::UpperHex,
        "b" => FormatKind::Binary,
        "o" => FormatKind::Octal,
        _ => {
            return Err((
                "unknown format specification",
                "after the `:` may stand fill and alignment, `+`, `#`, `0`, a width, `.` and a precision, \
                 `t` or `d` for booleans, and one of ? x X b o, as in `{:>8.3}` or `{:#x}`",
            ));
        }
    };
    Ok(spec)
}

fn eat(rest: &mut &str, c: char) -> bool {
    match rest.strip_prefix(c) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

fn number(rest: &mut &str) -> Result<Option<u32>, BadSpec> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok(None);
    }
    let value = rest[..digits].parse().ok().filter(|v| *v <= WIDEST);
    *rest = &rest[digits..];
    match value {
        Some(value) => Ok(Some(value)),
        None => Err(("this width or precision is too large", "it can be up to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::ExprKind;

    /// Each piece in a line: the text quoted, or the expression's source and what differs from the default.
    fn show(inside: &str) -> Vec<String> {
        let raw = format!("\"{inside}\"");
        let pieces = match parse_format(&raw, 1, Spelling::Vex) {
            Ok(pieces) => pieces,
            Err(errors) => return errors.into_iter().map(|e| format!("{} {}", e.code.0, e.title)).collect(),
        };
        let one = |piece: FormatPiece| match piece {
            FormatPiece::Text(text) => format!("{text:?}"),
            FormatPiece::Arg { expr, spec, span } => {
                let source = expr.map(|e| raw[e.span.lo as usize - 1..e.span.hi as usize - 1].to_owned());
                let whole = &raw[span.lo as usize - 1..span.hi as usize - 1];
                assert!(whole.starts_with('{') && whole.ends_with('}'), "{whole}");
                let kind =
                    if spec.kind == FormatKind::Display { String::new() } else { format!("{:?}", spec.kind) };
                format!("<{}:{kind}>", source.unwrap_or_default())
            }
        };
        pieces.into_iter().map(one).collect()
    }

    fn spec(text: &str) -> FormatSpec {
        read_spec(text).expect("a specification")
    }

    #[test]
    fn text_and_placeholders_alternate() {
        assert_eq!(show("a {} b{x}{{}}\\n"), ["\"a \"", "<:>", "\" b\"", "<x:>", "\"{}\\n\""]);
        assert_eq!(show(""), Vec::<String>::new());
        assert_eq!(show("\\u{41}{}"), ["\"A\"", "<:>"]);
        assert_eq!(show("{ x + 1 :x}{:?}{:X}"), ["<x + 1:Hex>", "<:Debug>", "<:UpperHex>"]);
    }

    #[test]
    fn colons_inside_expressions_are_theirs() {
        assert_eq!(show("{T::new(1):x}"), ["<T::new(1):Hex>"]);
        assert_eq!(show("{c ? a : b:?}"), ["<c ? a : b:Debug>"]);
        assert_eq!(show("{f(S { a: 1 })}"), ["<f(S { a: 1 }):>"]);
        assert_eq!(show("{if c { 1 } else { 2 }:b}"), ["<if c { 1 } else { 2 }:Binary>"]);
        assert_eq!(show("{m.get(\\\"a:}\\\"):?}"), ["<m.get(\\\"a:}\\\"):Debug>"]);
    }

    #[test]
    fn strings_inside_expressions_have_their_value() {
        let raw = r#""{f(\"a\\n\", x)}""#;
        let pieces = parse_format(raw, 10, Spelling::Vex).expect("a format string");
        let [FormatPiece::Arg { expr: Some(expr), .. }] = &pieces[..] else { panic!("{pieces:?}") };
        let ExprKind::Call { args, .. } = &expr.kind else { panic!("{expr:?}") };
        assert!(matches!(&args[0].kind, ExprKind::Str(text) if &**text == "a\n"), "{args:?}");
        assert_eq!(&raw[args[1].span.lo as usize - 10..args[1].span.hi as usize - 10], "x");
    }

    #[test]
    fn specifications_have_their_parts() {
        let plain = FormatSpec::default();
        assert_eq!(spec(".2"), FormatSpec { precision: Some(2), ..plain });
        let right = FormatSpec { align: Some(Align::Right), width: Some(8), precision: Some(3), ..plain };
        assert_eq!(spec(">8.3"), right);
        assert_eq!(spec("*^+#010b").fill, '*');
        assert_eq!(spec("*^+#010b").align, Some(Align::Center));
        assert_eq!(spec("t"), FormatSpec { bool_words: Some(true), ..plain });
        let quoted = FormatSpec { bool_words: Some(false), kind: FormatKind::Debug, width: Some(4), ..plain };
        assert_eq!(spec("4d?"), quoted);
        let hex = FormatSpec { zero_pad: true, width: Some(4), kind: FormatKind::Hex, ..plain };
        assert_eq!(spec("04x"), hex);
        assert_eq!(spec("#?").kind, FormatKind::Debug);
        assert!(spec("#?").alternate);
    }

    #[test]
    fn mistakes_are_reported() {
        assert_eq!(show("a } b"), ["E0020 `}` without its `{`"]);
        assert_eq!(show("a { b"), ["E0020 this placeholder is never closed"]);
        assert_eq!(
            show("{:q}{:.}"),
            ["E0020 unknown format specification", "E0020 a precision needs digits"]
        );
        assert_eq!(show("{:99999}"), ["E0020 this width or precision is too large"]);
        assert_eq!(show("{1 +}").len(), 1);
    }
}
