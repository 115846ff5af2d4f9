//! Numbers and colours, and what the terminal can show.

use std::ffi::OsString;

/// The width of a terminal that does not tell its own.
const WIDTH: usize = 80;

/// How output looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Characters in a line.
    pub width: usize,
    /// Whether all of Unicode can be shown.
    pub unicode: bool,
    /// Whether there are colours.
    pub color: bool,
}

/// Grey.
pub const DIM: &str = "90";
/// What is worth a look.
pub const ALARM: &str = "91";
/// Headings.
pub const STRONG: &str = "1";

impl Style {
    /// What fits standard output now.
    pub fn now(color: bool) -> Style {
        Style {
            width: terminal_width().unwrap_or(WIDTH).max(40),
            unicode: is_utf8(|name| std::env::var_os(name)),
            color,
        }
    }

    /// A text in a colour, if there are any.
    pub fn paint(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// A cell of a bar that stands for `of` blocks or bytes, `live` of them in use. Only one with none is empty.
    pub fn cell(&self, live: usize, of: usize) -> char {
        let steps = if self.unicode { ['·', '▂', '▄', '▆', '█'] } else { ['.', '-', '=', '+', '#'] };
        match (live, of) {
            (0, _) | (_, 0) => steps[0],
            // Rounded up to a quarter, but full only when it is.
            _ if live >= of => steps[4],
            _ => steps[(live * 4).div_ceil(of).min(3)],
        }
    }

    /// A bar of cells, each with how much of it is in use and how much there is. The used ones are in a colour.
    pub fn bar(&self, cells: &[(usize, usize)], color: &str) -> String {
        let edge = if self.unicode { "│" } else { "|" };
        let mut text = edge.to_string();
        // Runs of one colour share their escape sequences.
        for run in cells.chunk_by(|a, b| (a.0 > 0) == (b.0 > 0)) {
            let cells: String = run.iter().map(|&(live, of)| self.cell(live, of)).collect();
            text.push_str(&self.paint(if run[0].0 > 0 { color } else { DIM }, &cells));
        }
        text + edge
    }

    /// A text of at most `width` characters: a longer one loses its end.
    pub fn cut(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_string();
        }
        let more = if self.unicode { "…" } else { "..." };
        let kept = width.saturating_sub(more.chars().count());
        text.chars().take(kept).chain(more.chars()).collect()
    }
}

/// A number with commas: `1,840`.
pub fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 block`, `1,200 blocks`.
pub fn count(value: usize, thing: &str) -> String {
    format!("{} {thing}{}", number(value), if value == 1 { "" } else { "s" })
}

/// A size in the unit that suits it, in as few characters as possible: `48 B`, `64 KiB`, `1.5 MiB`.
pub fn size(bytes: usize) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    // What would be rounded up to 1024 has the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    let text = format!("{value:.1}");
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), UNITS[unit])
}

/// A size in words: exact as long as it is readable.
pub fn bytes(value: usize) -> String {
    if value < 10 << 10 { count(value, "byte") } else { size(value) }
}

/// Characters of a text, those of escape sequences not counted.
pub fn visible(text: &str) -> usize {
    let mut escaped = false;
    let shows = |c: char| {
        let shows = !escaped && c != '\x1b';
        escaped = (escaped || c == '\x1b') && c != 'm';
        shows
    };
    text.chars().map(shows).filter(|&shows| shows).count()
}

/// A text with newlines where its lines would be longer than `width` characters, if there are spaces.
pub fn wrap(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for piece in text.split_inclusive([' ', '\n']) {
        let word = piece.trim_end();
        if column > 0 && column + visible(word) > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            column = 0;
        }
        out.push_str(piece);
        column = if piece.ends_with('\n') { 0 } else { column + visible(piece) };
    }
    out
}

/// `part` of `whole` in percent. Only none is 0%, only all is 100%.
pub fn percent(part: usize, whole: usize) -> String {
    if part == 0 || whole == 0 {
        return "0%".into();
    }
    let exact = part as f64 / whole as f64 * 100.0;
    match exact.round() {
        rounded if rounded < 1.0 => "<1%".into(),
        rounded if rounded >= 100.0 && part < whole => ">99%".into(),
        rounded => format!("{rounded}%"),
    }
}

/// Whether the locale's characters are UTF-8, as far as the environment says.
fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    if cfg!(windows) {
        return true;
    }
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Columns of the terminal that standard output goes to.
#[cfg(unix)]
fn terminal_width() -> Option<usize> {
    // SAFETY: a structure of numbers, for which zeros are values.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: the request fills the structure it is given.
    let done = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (done == 0 && size.ws_col > 0).then_some(size.ws_col.into())
}

#[cfg(not(unix))]
fn terminal_width() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_numbers_have_commas() {
        let sizes = [0, 1023, 1024, 1536, 65536, (1 << 20) - 1, 1 << 20, usize::MAX].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "64 KiB", "1 MiB", "1 MiB", "16 EiB"]);
        assert_eq!([0, 999, 1000, 1234567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 1840, 10240].map(bytes), ["1 byte", "1,840 bytes", "10 KiB"]);
        assert_eq!(count(1, "block") + &count(2, "page"), "1 block2 pages");
    }

    #[test]
    fn percentages_do_not_claim_none_or_all() {
        let pairs = [(0, 9), (1, 1000), (1, 3), (999, 1000), (9, 9), (0, 0)];
        assert_eq!(
            pairs.map(|(part, whole)| percent(part, whole)),
            ["0%", "<1%", "33%", ">99%", "100%", "0%"]
        );
    }

    #[test]
    fn a_cell_shows_how_full_it_is() {
        let style = Style { width: 80, unicode: true, color: false };
        let cells: String =
            [0, 1, 25, 26, 50, 51, 99, 100].map(|live| style.cell(live, 100)).iter().collect();
        assert_eq!(cells, "·▂▂▄▄▆▆█");
        let ascii = Style { unicode: false, ..style };
        assert_eq!([0, 1, 2].map(|live| ascii.cell(live, 2)), ['.', '=', '#']);
        assert_eq!(style.cell(0, 0), '·');
    }

    #[test]
    fn long_texts_lose_their_end() {
        let style = Style { width: 80, unicode: true, color: false };
        assert_eq!(style.cut("größer", 6), "größer");
        assert_eq!(style.cut("größer", 5), "größ…");
        assert_eq!(Style { unicode: false, ..style }.cut("größer", 5), "gr...");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 8), "one two\nthree");
        assert_eq!(wrap("\x1b[31mone\x1b[0m two", 7), "\x1b[31mone\x1b[0m two");
        assert_eq!(wrap("a\nincredible", 4), "a\nincredible");
    }

    #[test]
    fn the_locale_is_the_first_that_is_set() {
        let with = |set: &'static [(&str, &str)]| {
            is_utf8(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]) && with(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]) && (cfg!(windows) || !with(&[])));
    }
}
