//! What is printed, and the functions of the C library.

use super::Rewriter;
use super::values::binds_tightly;
use crate::ast::visit::Visitor;
use crate::ast::{Expr, ExprKind};
use crate::format_string::{FormatKind, FormatPiece, parse_format};
use crate::lexer::lex;
use crate::span::Span;
use crate::spelling::Spelling;
use crate::token::Token;

impl Rewriter<'_> {
    /// A call that may print: values that the new spelling would print differently, and expressions in the text.
    pub(super) fn output(&mut self, callee: &Expr, args: &[Expr]) {
        let name = match &callee.kind {
            ExprKind::Name(name) | ExprKind::Builtin(name) => name.as_str(),
            _ => return,
        };
        let skipped = match name {
            "print" | "println" | "eprint" | "eprintln" | "panic" | "puts" => 0,
            "assert" => 1,
            "assert_eq" | "assertEq" => 2,
            _ => return,
        };
        let Some(printed) = args.get(skipped..) else { return };
        let literal = printed.first().filter(|first| matches!(first.kind, ExprKind::Str(_)));
        let literal = literal.and_then(|first| self.token_at(first.span.lo, Token::Str));
        match literal.and_then(|token| self.placeholders(Span::new(token.lo, token.hi))) {
            Some(pieces) => self.format(pieces, &printed[1..]),
            None => self.plain(printed),
        }
    }

    /// Whether what is printed here prints in another way in the new spelling.
    fn prints_otherwise(&self, span: Span) -> bool {
        (self.leaves_vais() || self.enters_vais())
            && (self.uses.printed_bools.contains(&span) || self.uses.printed_with_bools.contains(&span))
    }

    /// The letter that makes booleans print as they did.
    fn letter(&self) -> char {
        if self.from == Spelling::Vais { 'd' } else { 't' }
    }

    /// Values printed one after the other. Where one has a boolean inside, a format string says how it prints.
    fn plain(&mut self, args: &[Expr]) {
        let inside =
            |arg: &Expr| self.prints_otherwise(arg.span) && !self.uses.printed_bools.contains(&arg.span);
        let Some(first) = args.first() else { return };
        if args.iter().any(inside) {
            let pieces = args.iter().map(|arg| match self.prints_otherwise(arg.span) {
                true => format!("{{:{}}}", self.letter()),
                false => "{}".to_owned(),
            });
            let text = pieces.collect::<Vec<_>>().join(" ");
            return self.edits.before(first.span.lo, format!("\"{text}\", "));
        }
        for arg in args.iter().filter(|arg| self.prints_otherwise(arg.span)).collect::<Vec<_>>() {
            let tight = binds_tightly(&arg.kind);
            if self.leaves_vais() {
                self.around(arg.span, "shown", !tight, "", " as i64", 2);
            } else {
                let binds = matches!(
                    arg.kind,
                    ExprKind::Binary { .. } | ExprKind::Unary { .. } | ExprKind::Cast { .. }
                );
                self.around(arg.span, "shown", !tight && !binds, "", " ? \"true\" : \"false\"", 2);
            }
        }
    }

    /// The pieces of a format string; `None` for text without placeholders.
    fn placeholders(&self, literal: Span) -> Option<Vec<FormatPiece>> {
        let raw = self.slice(literal.lo, literal.hi);
        if !raw.contains('{') {
            return None;
        }
        parse_format(raw, literal.lo, self.from).ok()
    }

    /// A format string with its arguments.
    fn format(&mut self, pieces: Vec<FormatPiece>, args: &[Expr]) {
        let mut rest = args.iter();
        for piece in pieces {
            let FormatPiece::Arg { expr, spec, span } = piece else { continue };
            let value = match &expr {
                Some(expr) => {
                    self.embedded(expr);
                    Some(expr.span)
                }
                None => rest.next().map(|arg| arg.span),
            };
            if spec.bool_words.is_some() || !value.is_some_and(|value| self.prints_otherwise(value)) {
                continue;
            }
            // Behind the expression only a specification can have a `:`.
            let after = expr.map_or(span.lo + 1, |expr| expr.span.hi);
            let has_spec = self.slice(after, span.hi).contains(':');
            let letter = self.letter();
            let kind = u32::from(spec.kind != FormatKind::Display);
            let text = if has_spec { letter.to_string() } else { format!(":{letter}") };
            self.edits.before(span.hi - 1 - kind, text);
        }
    }

    /// An expression inside a string, with its tokens.
    fn embedded(&mut self, expr: &Expr) {
        let (lo, hi) = (expr.span.lo, expr.span.hi);
        let inner = lex(self.slice(lo, hi), lo, self.from).tokens;
        let at = self.tokens.partition_point(|token| token.lo < lo);
        self.tokens.splice(at..at, inner);
        self.expr(expr);
    }

    /// A call of a function of the C library over `i64` addresses, by what there is in all spellings.
    pub(super) fn c_call(&mut self, span: Span, callee: &Expr, args: &[Expr], tight: bool) {
        let ExprKind::Name(name) = &callee.kind else { return };
        let Some(token) = self.token_at(callee.span.lo, Token::Name) else { return };
        let (types, result): (&[&str], &str) = match name.as_str() {
            "malloc" => (&["usize"], " as i64"),
            "calloc" => (&["usize", "usize"], " as i64"),
            "realloc" => (&["ptr", "usize"], " as i64"),
            "free" => (&["ptr"], ""),
            "memcpy" | "memmove" => (&["ptr", "ptr", "usize"], " as i64"),
            "memset" => (&["ptr", "i32", "usize"], " as i64"),
            "memcmp" => (&["ptr", "ptr", "usize"], " as i64"),
            "puts" => return self.replace(token, "println"),
            "printf" => return self.printf(token.lo, args),
            _ => return,
        };
        self.replace(token, format!("vex_{name}"));
        for (arg, ty) in args.iter().zip(types) {
            if !matches!(arg.kind, ExprKind::Int { suffix: None, .. }) || *ty == "ptr" {
                self.around(arg.span, "cast", !binds_tightly(&arg.kind), "", &format!(" as {ty}"), 1);
            }
        }
        if !result.is_empty() {
            let (before, after) = if tight { ("(", ")") } else { ("", "") };
            self.around(span, "result", false, before, &format!("{result}{after}"), 2);
        }
    }

    /// `printf` with the format string that `print` takes.
    fn printf(&mut self, callee: u32, args: &[Expr]) {
        let Some(literal) = args.first().and_then(|first| self.token_at(first.span.lo, Token::Str)) else {
            return;
        };
        let Some(name) = self.token_at(callee, Token::Name) else { return };
        self.replace(name, "print");
        let raw = self.slice(literal.lo, literal.hi);
        match print_format(raw) {
            Some(text) => self.replace(literal, text),
            None => self.problem(
                Span::new(literal.lo, literal.hi),
                "this format of `printf` has no form in other spellings",
                "print with `print` and `{}`",
            ),
        }
    }
}

/// A format of C's as one of ours; the text with its quotes. `None` when it has a conversion that there is none for.
fn print_format(raw: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                out.push(c);
                let escaped = rest.next()?;
                out.push(escaped);
                if escaped == 'u' && rest.peek() == Some(&'{') {
                    out.extend(rest.by_ref().take_while(|c| *c != '}'));
                    out.push('}');
                }
            }
            '{' | '}' => out.extend([c, c]),
            '%' => {
                let mut flags = String::new();
                while let Some(flag) = rest.next_if(|c| c.is_ascii_digit() || "-+ #.lhzjt".contains(*c)) {
                    flags.push(flag);
                }
                let kind = rest.next()?;
                if kind == '%' {
                    out.push('%');
                    continue;
                }
                out.push_str(&placeholder(&flags, kind)?);
            }
            c => out.push(c),
        }
    }
    Some(out)
}

/// The placeholder for a conversion, from what stands between the `%` and its letter.
fn placeholder(flags: &str, kind: char) -> Option<String> {
    let tail = flags.trim_start_matches(['-', '+', ' ', '#', '0']);
    let head = &flags[..flags.len() - tail.len()];
    let mut digits = tail.trim_end_matches(['l', 'h', 'z', 'j', 't']).to_owned();
    let letter = match kind {
        'd' | 'i' | 'u' | 's' | 'g' | 'p' => "",
        'f' => {
            if !digits.contains('.') {
                digits.push_str(".6");
            }
            ""
        }
        'x' => "x",
        'X' => "X",
        'o' => "o",
        _ => return None,
    };
    let mark = |flag: char, text: &'static str| if head.contains(flag) { text } else { "" };
    let spec =
        format!("{}{}{}{}{digits}{letter}", mark('-', "<"), mark('+', "+"), mark('#', "#"), mark('0', "0"));
    Some(if spec.is_empty() { "{}".to_owned() } else { format!("{{:{spec}}}") })
}

#[cfg(test)]
mod tests {
    use super::print_format;

    #[test]
    fn formats_of_c_become_ours() {
        let ours = |text: &str| print_format(text).unwrap_or_default();
        assert_eq!(ours(r#""%d squares, sum %lld\n""#), r#""{} squares, sum {}\n""#);
        assert_eq!(ours(r#""%5.2f|%-6s|%04x|%f|100%%|{}""#), r#""{:5.2}|{:<6}|{:04x}|{:.6}|100%|{{}}""#);
        assert_eq!(print_format("\"%c\""), None);
    }
}
