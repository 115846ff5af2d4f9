//! What is printed, and the functions of the C library.

use super::Rewriter;
use super::values::binds_tightly;
use crate::ast::visit::Visitor;
use crate::ast::{Expr, ExprKind};
use crate::format_string::{FormatPiece, parse_format};
use crate::lexer::lex;
use crate::span::Span;
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
        let format = printed.first().filter(|first| matches!(first.kind, ExprKind::Str(_)));
        match format.and_then(|first| self.token_at(first.span.lo, Token::Str)) {
            Some(literal) => self.format(Span::new(literal.lo, literal.hi), &printed[1..]),
            None => printed.iter().for_each(|arg| self.printed(arg)),
        }
    }

    /// A value that is printed as it is.
    fn printed(&mut self, arg: &Expr) {
        self.check_inside(arg.span);
        if let Some((before, after)) = self.shown(arg) {
            self.around(arg.span, "shown", false, &before, &after, 2);
        }
    }

    fn check_inside(&mut self, span: Span) {
        if self.uses.printed_with_bools.contains(&span) && (self.leaves_vais() || self.enters_vais()) {
            let title = "this prints with a boolean inside, which .vais shows as 1 or 0";
            self.problem(span, title, "print its parts one by one");
        }
    }

    /// What to put around a value so that it prints as it did.
    fn shown(&self, value: &Expr) -> Option<(String, String)> {
        if !self.uses.printed_bools.contains(&value.span) {
            return None;
        }
        let chosen =
            matches!(value.kind, ExprKind::Binary { .. } | ExprKind::Unary { .. } | ExprKind::Cast { .. });
        let tight = binds_tightly(&value.kind);
        let parts = |tight: bool| if tight { ("", "") } else { ("(", ")") };
        if self.leaves_vais() {
            let (open, close) = parts(tight);
            Some((open.to_owned(), format!("{close} as i64")))
        } else if self.enters_vais() {
            let (open, close) = parts(tight || chosen);
            Some((open.to_owned(), format!("{close} ? \"true\" : \"false\"")))
        } else {
            None
        }
    }

    /// A format string with its arguments. An expression inside the braces that has to become one with quotes is moved
    /// behind the string.
    fn format(&mut self, literal: Span, args: &[Expr]) {
        let raw = self.slice(literal.lo, literal.hi);
        let Ok(pieces) = parse_format(raw, literal.lo, self.from) else { return };
        if !pieces.iter().any(|piece| matches!(piece, FormatPiece::Arg { .. })) {
            // No format string: what follows is printed as it is.
            return args.iter().for_each(|arg| self.printed(arg));
        }
        let mut position = 0;
        for piece in pieces {
            let FormatPiece::Arg { expr, span, .. } = piece else { continue };
            let Some(expr) = expr else {
                if let Some(arg) = args.get(position) {
                    self.check_inside(arg.span);
                    if let Some((before, after)) = self.shown(arg) {
                        self.around(arg.span, "shown", false, &before, &after, 2);
                        self.undebug(span);
                    }
                }
                position += 1;
                continue;
            };
            let moved = self.enters_vais() && self.uses.printed_bools.contains(&expr.span);
            self.check_inside(expr.span);
            self.embedded(&expr);
            if moved {
                self.undebug(span);
                let Some((before, after)) = self.shown(&expr) else { continue };
                let text = format!("{before}{}{after}", self.slice(expr.span.lo, expr.span.hi));
                let tokens = self.between(expr.span.lo, expr.span.hi);
                self.done.extend(tokens.iter().map(|token| token.lo));
                self.edits.replace(expr.span.lo, expr.span.hi, String::new());
                match args.get(position) {
                    Some(next) => self.edits.before(next.span.lo, format!("{text}, ")),
                    None => {
                        let end = args.last().map_or(literal.hi, |last| last.span.hi);
                        self.edits.after(end, format!(", {text}"));
                    }
                }
            } else if let Some((before, after)) = self.shown(&expr) {
                self.around(expr.span, "shown", false, &before, &after, 2);
            }
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

    /// Leaves the `?` out of a placeholder whose value becomes text, which it would quote.
    fn undebug(&mut self, span: Span) {
        let text = self.slice(span.lo, span.hi);
        if self.enters_vais() && text.ends_with("?}") {
            let length = if text.ends_with(":?}") { 3 } else { 2 };
            self.edits.replace(span.hi - length, span.hi - 1, String::new());
        }
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
