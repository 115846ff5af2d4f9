//! What differs between two runs of the same session, made the same.

/// A line with addresses, times and process numbers replaced by `…`.
pub(super) fn normal(line: &str) -> String {
    let start = memory_line(line).or_else(|| code_line(line));
    let mut text = String::from(if start.is_some() { "…" } else { "" });
    let mut rest = &line[start.unwrap_or(0)..];
    while let Some(c) = rest.chars().next() {
        let before = text.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
        let found = match before {
            true => None,
            false => [address, time, counted, frame, file].iter().find_map(|find| find(rest)),
        };
        let (length, replacement) = found.unwrap_or((c.len_utf8(), ""));
        text.push_str(if replacement.is_empty() { &rest[..length] } else { replacement });
        rest = &rest[length..];
    }
    text
}

/// How many of the first bytes are digits.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// An address, if the text starts with one: its length, and what is put in its place. Small numbers are none.
fn address(text: &str) -> Option<(usize, &'static str)> {
    const SHORTEST: usize = 7;
    let length = text.strip_prefix("0x")?.bytes().take_while(u8::is_ascii_hexdigit).count();
    (length >= SHORTEST).then_some((length + 2, "0x…"))
}

/// The address that a line of memory starts with.
fn memory_line(line: &str) -> Option<usize> {
    const DIGITS: usize = 12;
    let length = line.bytes().take_while(u8::is_ascii_hexdigit).count();
    (length == DIGITS && line[length..].starts_with(['[', ' '])).then_some(length)
}

/// The place in the session's sources that a line of Cranelift's form starts with.
fn code_line(line: &str) -> Option<usize> {
    let length = line.strip_prefix('@')?.bytes().take_while(u8::is_ascii_hexdigit).count();
    (length >= 4).then_some(length + 1)
}

/// A time with its unit.
fn time(text: &str) -> Option<(usize, &'static str)> {
    let mut length = digits(text);
    if length == 0 {
        return None;
    }
    if text[length..].starts_with('.') {
        length += 1 + digits(&text[length + 1..]);
    }
    ["ns", "µs", "ms", "s"].iter().find_map(|unit| {
        let after = text[length..].strip_prefix(' ')?.strip_prefix(unit)?;
        let whole = !after.starts_with(|c: char| c.is_alphanumeric());
        whole.then_some((length + 1 + unit.len(), "… ms"))
    })
}

/// How often a benchmark ran or a function called itself, which depends on the machine.
fn counted(text: &str) -> Option<(usize, &'static str)> {
    let length = digits(text);
    let what = [" samples", " rounds", " more times"];
    let counted = length > 0 && what.iter().any(|what| text[length..].starts_with(what));
    counted.then_some((length, "…"))
}

/// The number of a frame behind very many.
fn frame(text: &str) -> Option<(usize, &'static str)> {
    const SHORTEST: usize = 5;
    let length = digits(text);
    (length >= SHORTEST && text[length..].starts_with(": ")).then_some((length, "…"))
}

/// The name of a temporary file.
fn file(text: &str) -> Option<(usize, &'static str)> {
    let length = digits(text.strip_prefix("vexc-")?);
    (length > 0).then_some(("vexc-".len() + length, "vexc-…"))
}

#[test]
fn only_what_differs_is_replaced() {
    assert_eq!(normal("at 0x7f0012345678, 0x0 and 0xff"), "at 0x…, 0x0 and 0xff");
    assert_eq!(normal("1.5 µs (check 20 ns, run 3.00 s)"), "… ms (check … ms, run … ms)");
    assert_eq!(normal("7f1313410010 2e 70  .p"), "… 2e 70  .p");
    assert_eq!(normal("@09b4    v1 = iconst.i64 1"), "…    v1 = iconst.i64 1");
    assert_eq!(normal("  4177920: input"), "  …: input");
    assert_eq!(normal("… repeated 4177918 more times"), "… repeated … more times");
    assert_eq!(normal("15 samples of 2000 rounds"), "… samples of … rounds");
    assert_eq!(normal("folder/vexc-123.vx"), "folder/vexc-….vx");
    for same in ["3 slots", "i64 = 1234567890", "a.0x12345678", "x12 s", "40 sheep"] {
        assert_eq!(normal(same), same);
    }
}
