//! Bytes in hexadecimal and as characters.

use std::fmt::Write;
use std::ops::Range;

use super::style::{DIM, Style, count};
use crate::session::peek::Peek;

/// Bytes of a line, and of one in a terminal where those do not fit.
const LINE: usize = 16;
const SHORT_LINE: usize = 8;

/// Characters of a line of [`LINE`] bytes.
const WIDTH: usize = 79;

/// What the system protects memory in multiples of, at least.
const PAGE: usize = 4096;

/// `count` bytes from `address` on, `None` for those that cannot be read.
pub fn read(peek: &mut Peek, address: usize, count: usize) -> Vec<Option<u8>> {
    let mut bytes = Vec::with_capacity(count);
    while bytes.len() < count {
        let Some(at) = address.checked_add(bytes.len()) else { break };
        let mut piece = [0; PAGE];
        let piece = &mut piece[..(PAGE - at % PAGE).min(count - bytes.len())];
        let readable = peek.read(at, piece);
        bytes.extend(piece.iter().map(|&byte| readable.then_some(byte)));
    }
    bytes
}

/// The lines for bytes from `address` on. Where the block begins and ends stand brackets; what is outside is dimmed.
pub fn show(address: usize, bytes: &[Option<u8>], block: Option<Range<usize>>, style: &Style) -> String {
    let per_line = if style.width < WIDTH { SHORT_LINE } else { LINE };
    let mut text = String::new();
    let mut last = String::new();
    let mut same = 0;
    for (index, line) in bytes.chunks(per_line).enumerate() {
        let at = address + index * per_line;
        let shown = show_line(at, line, per_line, block.as_ref(), style);
        if shown == last && (index + 1) * per_line < bytes.len() {
            same += 1;
            continue;
        }
        end_run(&mut text, &last, at.wrapping_sub(per_line), &mut same);
        let _ = writeln!(text, "{at:012x}{shown}");
        last = shown;
    }
    text
}

/// Tells how many lines up to the one at `at` were left out: they are as the last one.
fn end_run(text: &mut String, last: &str, at: usize, same: &mut usize) {
    if *same == 1 {
        let _ = writeln!(text, "{:012x}{last}", at);
    } else if *same > 1 {
        let _ = writeln!(text, "{:12} {} like the one above", "*", count(*same, "line"));
    }
    *same = 0;
}

/// A line without its address.
fn show_line(
    at: usize,
    line: &[Option<u8>],
    per_line: usize,
    block: Option<&Range<usize>>,
    style: &Style,
) -> String {
    let inside = |index: usize| block.is_none_or(|block| block.contains(&(at + index)));
    let begins = |index: usize| block.is_some_and(|block| block.start == at + index && !block.is_empty());
    let ends = |index: usize| block.is_some_and(|block| block.end == at + index && !block.is_empty());
    let (mut text, mut characters) = (String::new(), String::new());
    for index in 0..=per_line {
        let here = index <= line.len();
        text.push_str(
            match (index == per_line / 2, here && begins(index) && index < line.len(), here && ends(index)) {
                (false, true, _) => "[",
                (false, _, true) => "]",
                (false, ..) => " ",
                (true, true, true) => "][",
                (true, true, false) => " [",
                (true, _, true) => "] ",
                (true, ..) => "  ",
            },
        );
        let Some(byte) = line.get(index) else {
            if index < per_line {
                text.push_str("  ");
            }
            continue;
        };
        let hex = byte.map_or("??".to_string(), |byte| format!("{byte:02x}"));
        let character = byte.map_or('?', |byte| match byte {
            b' '..=b'~' => byte.into(),
            _ => '.',
        });
        if inside(index) {
            text.push_str(&hex);
            characters.push(character);
        } else {
            text.push_str(&style.paint(DIM, &hex));
            characters.push_str(&style.paint(DIM, &character.to_string()));
        }
    }
    format!("{text} {characters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { width: 80, unicode: true, color: false };

    #[test]
    fn bytes_are_shown_as_numbers_and_characters() {
        let bytes: Vec<Option<u8>> = (0x3c..0x50).map(Some).collect();
        let expected = "\
000000001004 3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK
000000001014 4c 4d 4e 4f                                       LMNO
";
        assert_eq!(show(0x1004, &bytes, None, &PLAIN), expected);
        assert!(expected.lines().all(|line| line.len() < 80));
    }

    #[test]
    fn in_a_narrow_terminal_lines_are_shorter() {
        let text = show(0x1000, &[Some(65); 9], None, &Style { width: 60, ..PLAIN });
        assert_eq!(
            text,
            "000000001000 41 41 41 41  41 41 41 41  AAAAAAAA\n000000001008 41                        A\n"
        );
    }

    #[test]
    fn brackets_tell_where_the_block_is() {
        let bytes = [Some(0); 32];
        let shown = show(0x1000, &bytes, Some(0x1004..0x1018), &PLAIN);
        let expected = "\
000000001000 00 00 00 00[00 00 00 00  00 00 00 00 00 00 00 00  ................
000000001010 00 00 00 00 00 00 00 00] 00 00 00 00 00 00 00 00  ................
";
        assert_eq!(shown, expected);
        let line = show(0x1000, &bytes[..16], Some(0x1000..0x1010), &PLAIN);
        assert!(line.starts_with("000000001000[00") && line.contains("00] ..."), "{line}");
        let colored = show(0x1000, &bytes[..2], Some(0x1001..0x1002), &Style { color: true, ..PLAIN });
        assert!(
            colored.contains("\x1b[90m00\x1b[0m[00]") && colored.contains("\x1b[90m.\x1b[0m."),
            "{colored}"
        );
    }

    #[test]
    fn lines_that_repeat_are_counted() {
        let mut bytes = [Some(0); 96];
        bytes[80] = None;
        let shown = show(0x1000, &bytes, None, &PLAIN);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], "*            4 lines like the one above");
        assert!(
            lines[2].starts_with("000000001050 ?? 00") && lines[2].ends_with(" ?..............."),
            "{shown}"
        );
        assert_eq!(lines.len(), 3);
        // The last line is always there, so that the end can be seen.
        assert_eq!(show(0x1000, &[Some(0); 48], None, &PLAIN).lines().count(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_read_is_none() {
        let mut peek = Peek::new();
        assert_eq!(read(&mut peek, 0, 3), [None; 3]);
        assert_eq!(read(&mut peek, usize::MAX - 1, 100), [None; 2]);
        let data = [1u8, 2, 3];
        assert_eq!(read(&mut peek, data.as_ptr().addr(), 3), [Some(1), Some(2), Some(3)]);
    }
}
