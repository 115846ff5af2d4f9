//! `vexc explain`: a page for each diagnostic code, written in
//! `docs/errors/CODE.md` and embedded here.
//!
//! A page is Markdown: a heading `# CODE: title`, an explanation, and fenced
//! examples marked `wrong` or `right`, such as ```` ```vx wrong ````. Modules that an
//! example imports stand before it, as ```` ```vx file shapes.vx ````. Tests compile
//! every one: a wrong example gives exactly the page's code, a right one nothing.

mod render;
mod table;

pub use render::render;
use vex_syntax::Spelling;

/// The explanation of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The code, such as `E0301`.
    pub code: &'static str,
    /// The whole page.
    pub text: &'static str,
}

/// An example in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Whether it shows the mistake rather than its cure.
    pub wrong: bool,
    /// The spelling it is written in.
    pub spelling: Spelling,
    /// The program.
    pub source: &'static str,
    /// The line of the page it starts on, from 1.
    pub line: usize,
    /// Names and texts of the other files it needs: those between the example before it and itself.
    pub files: Vec<(&'static str, &'static str)>,
}

/// What a fenced block is.
enum Block {
    Example { wrong: bool, spelling: Spelling, line: usize },
    File(&'static str),
    Other,
}

/// All pages, sorted by code.
pub fn pages() -> impl Iterator<Item = Page> {
    table::PAGES.iter().map(|&(code, text)| Page { code, text })
}

/// A page as a terminal shows it.
pub fn to_terminal(page: &Page, color: bool) -> String {
    render::render(page.text, color)
}

/// The page of a code, which may be written in small letters or without its
/// leading zeros.
pub fn find(code: &str) -> Option<Page> {
    let code = normal(code)?;
    pages().find(|page| page.code == code)
}

/// A code as pages spell it: `e301` becomes `E0301`.
fn normal(code: &str) -> Option<String> {
    let mut chars = code.trim().chars();
    let letter = chars.next()?.to_ascii_uppercase();
    let number: u32 = chars.as_str().parse().ok()?;
    Some(format!("{letter}{number:04}"))
}

impl Page {
    /// What the code stands for, in a few words.
    pub fn title(&self) -> &'static str {
        let heading = self.text.lines().next().unwrap_or_default();
        heading.split_once(": ").map_or(heading, |(_, title)| title)
    }

    /// The examples, in order.
    pub fn examples(&self) -> Vec<Example> {
        let (mut found, mut files) = (Vec::new(), Vec::new());
        let mut open: Option<(Block, usize)> = None;
        let mut at = 0;
        for (number, line) in self.text.split_inclusive('\n').enumerate() {
            let start = at;
            at += line.len();
            let Some(info) = line.trim_end().strip_prefix("```") else { continue };
            match open.take() {
                None => open = Some((block(info, number + 2), at)),
                Some((Block::Other, _)) => {}
                Some((Block::File(name), from)) => files.push((name, &self.text[from..start])),
                Some((Block::Example { wrong, spelling, line }, from)) => {
                    let (source, files) = (&self.text[from..start], std::mem::take(&mut files));
                    found.push(Example { wrong, spelling, source, line, files });
                }
            }
        }
        found
    }
}

/// What the words after the opening fence say; the block starts on line `line`.
fn block(info: &'static str, line: usize) -> Block {
    let mut words = info.split_whitespace();
    let spelling = words.next().and_then(Spelling::from_extension);
    match (spelling, words.next(), words.next()) {
        (Some(spelling), Some(kind @ ("wrong" | "right")), None) => {
            Block::Example { wrong: kind == "wrong", spelling, line }
        }
        (Some(_), Some("file"), Some(name)) => Block::File(name),
        _ => Block::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page {
        code: "E0042",
        text: "# E0042: an answer without its question\n\nText.\n\n```vx wrong\nlet x = 42\n```\n\nMore.\n\n\
               ```vx file m.vx\nlet m = 1\n```\n\n```vais right\nx := 6 * 7\n```\n\n```text\nneither\n```\n",
    };

    #[test]
    fn a_page_has_a_title_and_examples() {
        assert_eq!(PAGE.title(), "an answer without its question");
        let Ok([wrong, right]) = <[Example; 2]>::try_from(PAGE.examples()) else { panic!("two examples") };
        let example = |wrong, spelling, source, line, files| Example { wrong, spelling, source, line, files };
        assert_eq!(wrong, example(true, Spelling::Vex, "let x = 42\n", 6, vec![]));
        let module = vec![("m.vx", "let m = 1\n")];
        assert_eq!(right, example(false, Spelling::Vais, "x := 6 * 7\n", 16, module));
    }

    #[test]
    fn codes_are_found_however_they_are_written() {
        assert_eq!(normal("e301").as_deref(), Some("E0301"));
        assert_eq!(normal(" W0007 ").as_deref(), Some("W0007"));
        assert_eq!(normal("E"), None);
        assert_eq!(normal(""), None);
        assert_eq!(normal("é1").as_deref(), Some("é0001"));
    }

    #[test]
    fn every_page_is_complete_and_in_order() {
        let mut last = "";
        for page in pages() {
            assert!(last < page.code, "{} is out of order", page.code);
            last = page.code;
            assert!(page.text.starts_with(&format!("# {}: ", page.code)), "{}: heading", page.code);
            assert_eq!(find(page.code), Some(page));
            let examples = page.examples();
            // 2500 brackets are no example for people; a test of its own makes them.
            let generated = page.code == vex_syntax::codes::TOO_DEEP.0;
            assert!(generated || examples.iter().any(|e| e.wrong), "{}: no wrong example", page.code);
            assert!(examples.iter().any(|e| !e.wrong), "{}: no right example", page.code);
        }
    }

    /// A page that is written but not in the table would never be shown.
    #[test]
    fn the_table_lists_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of pages")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"))
            .filter(|name| name.ends_with(".md"))
            .collect();
        files.sort();
        let listed: Vec<String> = pages().map(|page| format!("{}.md", page.code)).collect();
        assert_eq!(listed, files);
    }
}
