//! A picture of the bytes around an address: what they hold, and what they belong to. It is readable without colours.

use std::fmt::Write;
use std::ops::Range;

/// What is known of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Byte {
    /// The program wrote it.
    Written(u8),
    /// Part of a block, but never written.
    Unwritten,
    /// Part of a block that was freed.
    Freed,
    /// Part of no block: the space that is kept between them.
    Guard,
    /// Not memory of the program.
    Outside,
}

/// What a range of addresses is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The addresses.
    pub range: Range<usize>,
    /// What is there, in a few words.
    pub label: String,
}

/// Bytes in rows, from a multiple of [`ROW`] on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The address of the first byte.
    pub start: usize,
    /// The bytes.
    pub bytes: Vec<Byte>,
    /// What they belong to, by address.
    pub regions: Vec<Region>,
    /// The bytes that the picture is about.
    pub marked: Range<usize>,
}

/// Bytes in a row.
pub const ROW: usize = 16;

/// The most rows of a picture.
const ROWS: usize = 5;

/// The addresses that a picture of an access shows: the rows of its first bytes, and one more on either side.
pub fn window(marked: &Range<usize>) -> Range<usize> {
    let start = (marked.start / ROW * ROW).saturating_sub(ROW);
    let last = marked.end.saturating_sub(1).max(marked.start);
    let end = (last / ROW * ROW).saturating_add(2 * ROW);
    start..end.min(start.saturating_add(ROWS * ROW))
}

/// Columns of the colours of the terminal.
const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const DIM: &str = "\x1b[90m";

impl Byte {
    /// Two characters, and their colour.
    fn cell(self) -> (String, &'static str) {
        match self {
            Byte::Written(value) => (format!("{value:02x}"), ""),
            Byte::Unwritten => ("??".into(), YELLOW),
            Byte::Freed => ("xx".into(), YELLOW),
            Byte::Guard => ("##".into(), DIM),
            Byte::Outside => ("  ".into(), ""),
        }
    }
}

impl Picture {
    /// The rows, and below them what the signs mean.
    pub fn show(&self, color: bool) -> String {
        let mut text = String::new();
        let digits = format!("{:#x}", self.start + self.bytes.len()).len();
        for (index, row) in self.bytes.chunks(ROW).enumerate() {
            let at = self.start + index * ROW;
            let mut line = format!("  {at:#digits$x} ");
            for (column, byte) in row.iter().enumerate() {
                self.sign(at + column, column == 0, color, &mut line);
                let (cell, paint) = byte.cell();
                let paint = if self.marked.contains(&(at + column)) { RED } else { paint };
                match color && !paint.is_empty() {
                    true => line.extend([paint, &cell, "\x1b[0m"]),
                    false => line.push_str(&cell),
                }
            }
            let end = at + row.len();
            if self.marked.end == end && !self.marked.is_empty() {
                self.sign(end, false, color, &mut line);
            } else {
                line.push(' ');
            }
            let labels = self.labels(at..end, index == 0);
            let _ = writeln!(text, "{}", format!("{line}  {labels}").trim_end());
        }
        text.push_str(&self.legend());
        text
    }

    /// What stands before the byte at an address: a bracket around what is marked, a bar where a region begins or ends.
    fn sign(&self, at: usize, first: bool, color: bool, line: &mut String) {
        let border = |region: &Region| region.range.start == at || region.range.end == at;
        let sign = if self.marked.start == at && !self.marked.is_empty() {
            '['
        } else if self.marked.end == at && !self.marked.is_empty() && !first {
            ']'
        } else if self.regions.iter().any(border) {
            '|'
        } else {
            ' '
        };
        match color && matches!(sign, '[' | ']') {
            true => drop(write!(line, "{RED}{sign}\x1b[0m")),
            false => line.push(sign),
        }
    }

    /// The words beside a row: of the regions that begin in it, and in the first row of those before.
    fn labels(&self, row: Range<usize>, first: bool) -> String {
        let begins = |region: &&Region| {
            row.contains(&region.range.start)
                || first && region.range.start < row.start && region.range.end > row.start
        };
        let labels: Vec<&str> = self.regions.iter().filter(begins).map(|region| &*region.label).collect();
        labels.join(" | ")
    }

    fn legend(&self) -> String {
        let mut signs = Vec::new();
        for (byte, what) in [
            (Byte::Unwritten, "?? never written"),
            (Byte::Freed, "xx freed"),
            (Byte::Guard, "## of no block"),
        ] {
            if self.bytes.contains(&byte) {
                signs.push(what);
            }
        }
        if !self.marked.is_empty() {
            signs.push("[ ] the bytes in question");
        }
        if signs.is_empty() { String::new() } else { format!("  {}\n", signs.join("   ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let mut bytes = vec![Byte::Guard; 16];
        bytes.extend((0..20).map(|value| if value < 12 { Byte::Written(value) } else { Byte::Unwritten }));
        bytes.extend([Byte::Guard; 12]);
        bytes.extend([Byte::Freed; 8]);
        bytes.extend([Byte::Outside; 8]);
        let region = |range: Range<usize>, label: &str| Region { range, label: label.into() };
        Picture {
            start: 0x1000,
            bytes,
            regions: vec![
                region(0x1010..0x1024, "the block, 20 bytes"),
                region(0x1030..0x1038, "a freed block, 8 bytes"),
            ],
            marked: 0x1024..0x1028,
        }
    }

    #[test]
    fn bytes_are_shown_with_what_they_belong_to() {
        let expected = "  \
  0x1000  ## ## ## ## ## ## ## ## ## ## ## ## ## ## ## ##
  0x1010 |00 01 02 03 04 05 06 07 08 09 0a 0b ?? ?? ?? ??   the block, 20 bytes
  0x1020  ?? ?? ?? ??[## ## ## ##]## ## ## ## ## ## ## ##
  0x1030 |xx xx xx xx xx xx xx xx|                          a freed block, 8 bytes
  ?? never written   xx freed   ## of no block   [ ] the bytes in question
";
        assert_eq!(picture().show(false), expected);
    }

    #[test]
    fn colours_add_nothing_but_colours() {
        let colored = picture().show(true);
        assert!(colored.contains("\x1b[1;31m["), "{colored}");
        let mut plain = colored;
        for paint in [RED, YELLOW, DIM, "\x1b[0m"] {
            plain = plain.replace(paint, "");
        }
        assert_eq!(plain, picture().show(false));
    }

    #[test]
    fn a_region_that_began_before_is_named_in_the_first_row() {
        let bytes = vec![Byte::Written(1); 16];
        let regions = vec![Region { range: 0x500..0x2000, label: "the block".into() }];
        let text = Picture { start: 0x1000, bytes, regions, marked: 0x100e..0x1010 }.show(false);
        assert!(text.starts_with("  0x1000  01 ") && text.contains("[01 01]  the block\n"), "{text}");
    }

    #[test]
    fn the_window_has_a_row_on_either_side_and_never_many() {
        assert_eq!(window(&(0x1024..0x1028)), 0x1010..0x1040);
        assert_eq!(window(&(0x101c..0x1024)), 0x1000..0x1040);
        assert_eq!(window(&(0x1020..0x9000)), 0x1010..0x1060);
        assert_eq!(window(&(8..8)), 0..32);
        assert!(window(&(usize::MAX - 3..usize::MAX)).len() <= ROWS * ROW);
    }
}
