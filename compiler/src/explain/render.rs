//! A page for the terminal: headings and code stand out, the marks go away.

/// The page's text as shown by `vexc explain`.
pub fn render(text: &str, color: bool) -> String {
    let paint = |code: &'static str| if color { code } else { "" };
    let (bold, red, green, reset) =
        (paint("\x1b[1m"), paint("\x1b[31m"), paint("\x1b[32m"), paint("\x1b[0m"));
    let mut out = String::new();
    let mut bar: Option<&str> = None;
    let mut after_block = false;
    for line in text.lines() {
        let between = std::mem::take(&mut after_block);
        if let Some(info) = line.strip_prefix("```") {
            if bar.take().is_some() {
                after_block = true;
            } else {
                // A block directly below another, such as a program's output, is still one of its own.
                out.push_str(if between { "\n" } else { "" });
                let mut words = info.split_whitespace().skip(1);
                let (label, color) = match (words.next(), words.next()) {
                    (Some("wrong"), _) => ("Wrong:".to_owned(), red),
                    (Some("right"), _) => ("Right:".to_owned(), green),
                    (Some("file"), Some(name)) => (format!("{name}:"), bold),
                    _ => (String::new(), ""),
                };
                bar = Some(color);
                if !label.is_empty() {
                    out.push_str(&format!("{color}{label}{}\n\n", if color.is_empty() { "" } else { reset }));
                }
            }
        } else if bar.is_some() {
            out.push_str(if line.is_empty() { "" } else { "    " });
            out.push_str(line);
            out.push('\n');
        } else if let Some(heading) = line.strip_prefix("# ").or_else(|| line.strip_prefix("## ")) {
            out.push_str(&format!("{bold}{heading}{reset}\n"));
        } else {
            out.push_str(&inline(line, bold, reset));
            out.push('\n');
        }
    }
    out
}

/// Code between backquotes and text between pairs of stars, set off by weight where there is colour; without colour
/// the marks stay. What is begun ends with the line.
fn inline(line: &str, bold: &str, reset: &str) -> String {
    if bold.is_empty() {
        return line.to_owned();
    }
    let mut parts = line.split('`');
    let mut out = strong(parts.next().unwrap_or_default(), bold, reset);
    for (index, part) in parts.enumerate() {
        if index % 2 == 0 {
            out.push_str(&format!("{bold}{part}{reset}"));
        } else {
            out.push_str(&strong(part, bold, reset));
        }
    }
    out
}

/// A text without code in it.
fn strong(text: &str, bold: &str, reset: &str) -> String {
    let parts: Vec<&str> = text.split("**").collect();
    // A pair that is not closed is no pair.
    if parts.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + parts.len() * bold.len());
    for (index, part) in parts.iter().enumerate() {
        match index % 2 {
            0 => out.push_str(part),
            _ => out.push_str(&format!("{bold}{part}{reset}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# E0042: title\n\nUse `x`.\n\n```vx wrong\nlet x\n\nlet y\n```\n\n```vx file m.vx\nz\n```\n\n```text\nplain\n```\n";

    #[test]
    fn plain_text_keeps_quotes_and_indents_code() {
        assert_eq!(
            render(PAGE, false),
            "E0042: title\n\nUse `x`.\n\nWrong:\n\n    let x\n\n    let y\n\nm.vx:\n\n    z\n\n    plain\n"
        );
    }

    #[test]
    fn colours_are_closed() {
        let text = render(PAGE, true);
        assert!(text.contains("Use \x1b[1mx\x1b[0m."), "{text:?}");
        assert!(text.contains("\x1b[31mWrong:\x1b[0m"), "{text:?}");
        assert_eq!(render("```\na\n```\n```text\nb\n```\nc\n", false), "    a\n\n    b\nc\n");
        assert_eq!(render("**a** b\n", true), "\x1b[1ma\x1b[0m b\n");
        assert_eq!(render("2 ** 3, `c\n", true), "2 ** 3, \x1b[1mc\x1b[0m\n");
    }
}
