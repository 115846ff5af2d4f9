//! What print, panic and assert print: format strings checked against their arguments, or arguments one by one.

use vex_syntax::ast;
use vex_syntax::format_string::{self, FormatKind, FormatPiece};
use vex_syntax::{Diagnostic, Span, Spelling};

use super::arguments::count_of;
use super::codes;
use super::function::{Expect, FnCx};
use super::infer::VarKind;
use crate::typed::{Align, Callee, CastKind, Expr, ExprKind, FormatSpec, FormatStyle, Piece, Stream};
use crate::types::{Ty, TyKind};

impl<'a> FnCx<'_, 'a> {
    /// `print(…)` and its kin.
    pub(super) fn print(&mut self, stream: Stream, newline: bool, args: &'a [ast::Expr], span: Span) -> Expr {
        let mut pieces = self.pieces(args);
        if newline {
            push_text(&mut pieces, "\n");
        }
        Expr { kind: ExprKind::Print { stream, pieces }, ty: Ty::UNIT, span }
    }

    /// `format(…)`: the text as a `String`, which takes the memory over.
    pub(super) fn format(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let pieces = self.pieces(args);
        let Some(func) = self.cx.string_function("adopt") else {
            let title = "`format` makes a `String`, which is not known here";
            self.error(Diagnostic::error(codes::UNKNOWN_NAME, at, title).help("import it from `std/string`"));
            return self.poison(span);
        };
        let ty = self.cx.signature(func).ret;
        let text = Expr { kind: ExprKind::Print { stream: Stream::Text, pieces }, ty: Ty::STR, span };
        let callee = Callee::Func { func, args: Vec::new() };
        Expr { kind: ExprKind::Call { callee, args: vec![text] }, ty, span }
    }

    /// The pieces that a list of arguments prints.
    pub(super) fn pieces(&mut self, args: &'a [ast::Expr]) -> Vec<Piece> {
        if let Some((first, rest)) = args.split_first()
            && matches!(first.kind, ast::ExprKind::Str(_))
            && is_format(self.cx.sources.text(first.span))
        {
            return self.format_pieces(first.span, rest);
        }
        let mut pieces = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                push_text(&mut pieces, " ");
            }
            let value = self.printed(arg);
            self.push_value(&mut pieces, value, FormatSpec::default(), None);
        }
        pieces
    }

    fn printed(&mut self, arg: &'a ast::Expr) -> Expr {
        let value = self.expr(arg, Expect::Any);
        if self.shallow(value.ty) == Ty::NEVER {
            return self.coerce(value, Ty::UNIT);
        }
        // A value that needs dropping lives until the end of the statement; a place is only looked at.
        if !self.is_place(&value) && self.may_be_owned(value.ty) {
            return self.temporary(value);
        }
        value
    }

    fn push_value(
        &mut self,
        pieces: &mut Vec<Piece>,
        value: Expr,
        spec: FormatSpec,
        bool_words: Option<bool>,
    ) {
        match &value.kind {
            ExprKind::Str(text) if spec == FormatSpec::default() => push_text(pieces, text),
            _ => {
                let bool_as_int = !bool_words.unwrap_or(self.spelling != Spelling::Vais);
                pieces.push(Piece::Value { value, spec: FormatSpec { bool_as_int, ..spec } });
            }
        }
    }

    fn format_pieces(&mut self, literal: Span, args: &'a [ast::Expr]) -> Vec<Piece> {
        let raw = self.cx.sources.text(literal).to_string();
        let parsed = match format_string::parse_format(&raw, literal.lo, self.spelling) {
            Ok(parsed) => parsed,
            Err(errors) => {
                errors.into_iter().for_each(|d| self.error(d));
                for arg in args {
                    self.value(arg, Expect::Any);
                }
                return Vec::new();
            }
        };
        let wanted =
            parsed.iter().filter(|piece| matches!(piece, FormatPiece::Arg { expr: None, .. })).count();
        let mut rest = args.iter();
        let mut pieces = Vec::new();
        for piece in parsed {
            match piece {
                FormatPiece::Text(text) => push_text(&mut pieces, &text),
                FormatPiece::Arg { expr, spec, span } => {
                    let value = match expr {
                        Some(expr) => {
                            let expr = self.cx.keep(expr);
                            self.printed(expr)
                        }
                        None => match rest.next() {
                            Some(arg) => self.printed(arg),
                            None => continue,
                        },
                    };
                    let bool_words = spec.bool_words;
                    let spec = convert(spec);
                    self.check_spec(&value, spec, span);
                    self.push_value(&mut pieces, value, spec, bool_words);
                }
            }
        }
        if args.len() != wanted {
            self.wrong_arguments(literal, wanted, args);
        }
        for arg in rest {
            self.value(arg, Expect::Any);
        }
        pieces
    }

    fn wrong_arguments(&mut self, literal: Span, wanted: usize, args: &[ast::Expr]) {
        let places = match wanted {
            0 => "no placeholder `{}`".into(),
            1 => "1 placeholder `{}`".into(),
            _ => format!("{wanted} placeholders `{{}}`"),
        };
        let title = format!("the format string has {places} for {}", count_of(args.len()));
        let d = match args.get(wanted) {
            Some(extra) => Diagnostic::error(codes::FORMAT, extra.span, title)
                .label(literal, "this format string")
                .help("add a `{}` for it, or remove it"),
            None => Diagnostic::error(codes::FORMAT, literal, title).help("add the missing arguments"),
        };
        self.error(d);
    }

    /// Whether a specification makes sense for a value; unknown types are left to their defaults.
    fn check_spec(&mut self, value: &Expr, spec: FormatSpec, span: Span) {
        use FormatStyle::*;
        let number_base = matches!(spec.style, Hex | UpperHex | Binary | Octal);
        let fits = self.is_integer(value.ty)
            || self.is_pointer(value.ty)
            || matches!(
                self.kind(value.ty),
                TyKind::Error | TyKind::Array { .. } | TyKind::Slice { .. } | TyKind::Ref { .. }
            )
            || matches!(self.kind(value.ty), TyKind::Tuple(_) | TyKind::Struct { .. })
            || self.var_kind(value.ty) == Some(VarKind::General);
        if number_base && !fits {
            let shown = self.a(value.ty);
            let title = format!("{shown} cannot be printed in another number base");
            self.error(Diagnostic::error(codes::FORMAT, span, title));
        }
    }

    /// C's `printf`, with the format known when the program is compiled.
    pub(super) fn printf(&mut self, args: &'a [ast::Expr], at: Span, span: Span) -> Expr {
        let Some((ast::Expr { kind: ast::ExprKind::Str(format), span: literal, .. }, rest)) =
            args.split_first()
        else {
            let title = "`printf` takes a string literal as its format";
            self.error(Diagnostic::error(codes::FORMAT, at, title));
            return self.poison(span);
        };
        let mut rest_values = rest.iter();
        let (mut pieces, mut wanted) = (Vec::new(), 0);
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                push_text(&mut pieces, c.encode_utf8(&mut [0; 4]));
                continue;
            }
            let mut flags = String::new();
            while let Some(&f) = chars.peek() {
                if f.is_ascii_digit() || "-+ #.lhzjt".contains(f) {
                    flags.push(f);
                    chars.next();
                } else {
                    break;
                }
            }
            let Some(kind) = chars.next() else { break };
            if kind == '%' {
                push_text(&mut pieces, "%");
                continue;
            }
            wanted += 1;
            let Some(arg) = rest_values.next() else { continue };
            let value = self.printed(arg);
            match self.c_conversion(kind, &flags, value, *literal) {
                Some((value, spec)) => pieces.push(Piece::Value { value, spec }),
                None => return self.poison(span),
            }
        }
        if wanted != rest.len() {
            let title = format!("the format has {wanted} conversions for {} arguments", rest.len());
            self.error(Diagnostic::error(codes::FORMAT, *literal, title));
        }
        Expr { kind: ExprKind::Print { stream: Stream::Stdout, pieces }, ty: Ty::UNIT, span }
    }

    fn c_conversion(
        &mut self,
        kind: char,
        flags: &str,
        value: Expr,
        literal: Span,
    ) -> Option<(Expr, FormatSpec)> {
        let mut spec = c_spec(flags);
        let value = match kind {
            'd' | 'i' | 'u' => value,
            'x' | 'X' | 'o' => {
                spec.style = match kind {
                    'x' => FormatStyle::Hex,
                    'X' => FormatStyle::UpperHex,
                    _ => FormatStyle::Octal,
                };
                value
            }
            'f' | 'g' | 'e' => {
                if kind == 'f' {
                    spec.precision = spec.precision.or(Some(6));
                } else if kind == 'e' {
                    spec.style = FormatStyle::Exp;
                }
                self.coerce(value, Ty::F64)
            }
            'c' => {
                spec.style = FormatStyle::Char;
                value
            }
            's' => self.coerce(value, Ty::STR),
            'p' => {
                if self.is_pointer(value.ty) {
                    value
                } else {
                    self.cast(value, Ty::PTR, CastKind::Bits)
                }
            }
            other => {
                let title = format!("`%{other}` is not a conversion of `printf`");
                let d = Diagnostic::error(codes::FORMAT, literal, title);
                self.error(d.note("there are %d %i %u %x %X %o %c %s %f %e %g %p and %%"));
                return None;
            }
        };
        let boolean = self.shallow(value.ty) == Ty::BOOL;
        let value = if boolean { self.cast(value, Ty::I64, CastKind::IntToInt) } else { value };
        if matches!(kind, 'd' | 'i' | 'u' | 'x' | 'X' | 'o' | 'c')
            && !self.is_integer(value.ty)
            && self.shallow(value.ty) != Ty::ERROR
        {
            let shown = self.a(value.ty);
            let title = format!("`%{kind}` prints an integer, not {shown}");
            self.error(Diagnostic::error(codes::FORMAT, value.span, title));
            return None;
        }
        Some((value, spec))
    }
}

/// What stands between the `%` and the letter of a conversion of `printf`.
fn c_spec(flags: &str) -> FormatSpec {
    let tail = flags.trim_start_matches(['-', '+', ' ', '#', '0']);
    let head = &flags[..flags.len() - tail.len()];
    let digits = tail.trim_end_matches(['l', 'h', 'z', 'j', 't']);
    let (width, precision) = match digits.split_once('.') {
        Some((width, precision)) => (width, Some(precision.parse().unwrap_or(0))),
        None => (digits, None),
    };
    FormatSpec {
        width: width.parse().unwrap_or(0),
        precision,
        plus: head.contains('+'),
        zero: head.contains('0'),
        alternate: head.contains('#'),
        align: head.contains('-').then_some(Align::Left),
        ..FormatSpec::default()
    }
}

/// Whether a literal as written is a format string: it has a `{` or a `}}`, other than those of escapes.
fn is_format(raw: &str) -> bool {
    let mut rest = raw;
    while let Some(at) = rest.find(['{', '}', '\\']) {
        let found = &rest[at..];
        if found.starts_with('{') || found.starts_with("}}") {
            return true;
        }
        rest = match found.strip_prefix("\\u{") {
            Some(escape) => escape.trim_start_matches(|c: char| c.is_ascii_hexdigit()),
            None => found.strip_prefix('\\').unwrap_or(found),
        };
        let mut chars = rest.chars();
        chars.next();
        rest = chars.as_str();
    }
    false
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        *last = format!("{last}{text}").into();
        return;
    }
    pieces.push(Piece::Text(text.into()));
}

fn convert(spec: format_string::FormatSpec) -> FormatSpec {
    FormatSpec {
        style: match spec.kind {
            FormatKind::Display => FormatStyle::Display,
            FormatKind::Debug => FormatStyle::Debug,
            FormatKind::Hex => FormatStyle::Hex,
            FormatKind::UpperHex => FormatStyle::UpperHex,
            FormatKind::Binary => FormatStyle::Binary,
            FormatKind::Octal => FormatStyle::Octal,
        },
        alternate: spec.alternate,
        plus: spec.sign,
        zero: spec.zero_pad,
        precision: spec.precision,
        width: spec.width.unwrap_or(0),
        align: spec.align.map(|align| match align {
            format_string::Align::Left => Align::Left,
            format_string::Align::Center => Align::Center,
            format_string::Align::Right => Align::Right,
        }),
        fill: if spec.fill == ' ' { '\0' } else { spec.fill },
        bool_as_int: false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_format;

    #[test]
    fn an_opening_or_a_doubled_brace_makes_a_format_string() {
        for format in ["{", "}}", "{}", "a }} b", "\\n{", "\\u{41}{", "\\u{41}}}", "}a{{", "\\\\{"] {
            assert!(is_format(&format!("\"{format}\"")), "{format}");
        }
        for text in ["", "}", "a } b }", "\\u{41}", "\\u{41}}", "\\n}", "\\u{7d}\\u{7d}", "\\\\}"] {
            assert!(!is_format(&format!("\"{text}\"")), "{text}");
        }
    }
}
