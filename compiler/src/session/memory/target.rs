//! Which memory the argument of a command names.

use super::super::Session;
use super::super::peek::Peek;
use crate::types::{Ty, TyKind};

/// A number as commands take it: decimal or hexadecimal, with underscores or commas if need be.
pub fn number(text: &str) -> Option<usize> {
    let digits: String = text.chars().filter(|&c| c != '_' && c != ',').collect();
    // A sign is no part of a number here, though Rust would take one.
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if hex.starts_with('+') => None,
        Some(hex) => usize::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// Splits `PTR N` into the text of the pointer and the number, which may be missing.
///
/// # Errors
/// The text that stands for the number when it is none or 0.
pub fn with_count(args: &str) -> Result<(&str, Option<usize>), &str> {
    let Some((front, last)) = args.rsplit_once(char::is_whitespace) else { return Ok((args, None)) };
    let front = front.trim_end();
    // The number may be the end of an expression: `p + 8`.
    let is_open = front.ends_with(|c: char| "+-*/%&|^<>=,.([{!~?:".contains(c)) || front.ends_with(" as");
    if is_open || !last.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return Ok((args, None));
    }
    match number(last) {
        Some(0) => Err(last),
        Some(count) => Ok((front, Some(count))),
        // So many that they do not fit a number are as many as there are.
        None if last.bytes().all(|b| b.is_ascii_digit()) => Ok((front, Some(usize::MAX))),
        None if last.starts_with('-') && number(&last[1..]).is_some() => Err(last),
        None => Ok((args, None)),
    }
}

impl Session {
    /// The address that `text` names, an argument of `command`: a number, a variable (where it points, or where it is
    /// itself if it is no pointer), or any expression whose value is a pointer or an integer. `None` when there is no
    /// such thing, which was then reported.
    pub(super) fn target(&mut self, command: &str, text: &str) -> Option<usize> {
        let text = text.trim();
        if text.is_empty() {
            let title = format!("`:{command}` needs an address, a variable or an expression");
            self.error(&title, Some(&format!("`:{command} p` or `:{command} 0x7f0012345678`")));
            return None;
        }
        if text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            let address = number(text);
            if address.is_none() {
                self.error(
                    &format!("`{text}` is no address"),
                    Some("addresses have up to 16 hexadecimal digits"),
                );
            }
            return address;
        }
        if let Some(id) = self.env.variable(text) {
            if !self.holds_value(id) {
                self.error(&format!("`{text}` holds no value"), None);
                return None;
            }
            let (ty, address) = self.value_of(id)?;
            return Some(if self.points(ty) { Peek::new().pointer(address)? } else { address });
        }
        let value = self.evaluate(command, text)?;
        if self.points(value.ty) {
            return Peek::new().pointer(value.address);
        }
        match self.program.types.kind(value.ty) {
            TyKind::Int(int) if int.bits() == 64 => Peek::new().pointer(value.address),
            _ => {
                let ty = self.show_type(value.ty);
                let help = format!("the address of something is `&{text}`");
                self.error(&format!("`{text}` is of type `{ty}`, which is no pointer"), Some(&help));
                None
            }
        }
    }

    /// Whether the first word of a value of this type is the address it points to.
    pub(super) fn points(&self, ty: Ty) -> bool {
        matches!(
            self.program.types.kind(ty),
            TyKind::Ptr
                | TyKind::RawPtr { .. }
                | TyKind::Ref { .. }
                | TyKind::Fn { .. }
                | TyKind::Str
                | TyKind::Slice { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number("0x7f_00"), Some(0x7f00));
        assert_eq!(number("4096"), Some(4096));
        for bad in ["", "+1", "-1", "0x", "0x+1", "12z", "0x1ffffffffffffffff", "p"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_count_is_told_from_the_end_of_an_expression() {
        assert_eq!(with_count("p"), Ok(("p", None)));
        assert_eq!(with_count("p 32"), Ok(("p", Some(32))));
        assert_eq!(with_count("0x10 0x20"), Ok(("0x10", Some(32))));
        assert_eq!(with_count("p + 8"), Ok(("p + 8", None)));
        assert_eq!(with_count("p + 8 16"), Ok(("p + 8", Some(16))));
        assert_eq!(with_count("f(1, 2)"), Ok(("f(1, 2)", None)));
        assert_eq!(with_count("p 99999999999999999999999"), Ok(("p", Some(usize::MAX))));
        assert_eq!(with_count("p 0"), Err("0"));
        assert_eq!(with_count("p -5"), Err("-5"));
    }
}
