//! The margin of entries of several lines: below the prompt, the lines typed after the first start with dots.
//!
//! The editor knows no prompts but the first, and it places the cursor by the width of the text it edits. So the margin
//! is part of that text: one character, as far as the editor moves and deletes, that is as wide as the prompt. Only the
//! editor sees it. It is left out of whatever is run, remembered or completed, and what the terminal shows in its place
//! is as wide.

use std::borrow::Cow;
use std::path::Path;

use rustyline::history::{History, MemHistory, SearchDirection, SearchResult};
use vex_syntax::Spelling;

use super::highlight::highlight;
use super::spelling::Current;

/// Joins the character after it, and is one column wide.
const JOINING: char = '\u{600}';
/// Ends a margin. Nobody types it: it is for private use.
pub(super) const END: char = '\u{F8F0}';

/// The margin of a spelling's entries.
pub(super) fn margin(spelling: Spelling) -> String {
    let mut margin = String::from(JOINING).repeat(columns(spelling) - 1);
    margin.push(END);
    margin
}

/// How wide the prompt is, and the margin below it.
pub(super) fn columns(spelling: Spelling) -> usize {
    spelling.name().len() + 2
}

/// The prompt of the first line.
pub(super) fn prompt(spelling: Spelling) -> String {
    format!("{}> ", spelling.name())
}

/// What the margin looks like, and the prompt of further lines where there is no editor.
pub(super) fn dots(spelling: Spelling) -> String {
    format!("{}> ", ".".repeat(spelling.name().len()))
}

/// An edited text without its margins.
pub(super) fn strip(edited: &str, spelling: Spelling) -> String {
    edited.replace(&margin(spelling), "")
}

/// Where byte `at` of the edited text is in the text without margins.
pub(super) fn strip_at(edited: &str, at: usize, spelling: Spelling) -> usize {
    strip(&edited[..at], spelling).len()
}

/// Where byte `at` of the text without margins is in the edited text: behind a margin rather than before it.
pub(super) fn edited_at(edited: &str, at: usize, spelling: Spelling) -> usize {
    let margin = margin(spelling);
    let (mut plain, mut behind) = (0, 0);
    loop {
        while edited[behind..].starts_with(&margin) {
            behind += margin.len();
        }
        match edited[behind..].chars().next() {
            Some(c) if plain < at => (plain, behind) = (plain + c.len_utf8(), behind + c.len_utf8()),
            _ => return behind,
        }
    }
}

/// A text to edit, with margins at all lines but the first.
pub(super) fn dress(entry: &str, spelling: Spelling) -> String {
    entry.replace('\n', &format!("\n{}", margin(spelling)))
}

/// What the terminal shows for an edited text; as wide as the text is for the editor. With `color`, words are coloured
/// and so are the brackets at the cursor, where there is one.
pub(super) fn show(edited: &str, cursor: Option<usize>, spelling: Spelling, color: bool) -> String {
    let (margin, blanks) = (margin(spelling), " ".repeat(columns(spelling)));
    let spaced = edited.replace(&margin, &blanks);
    let shown = match color {
        true => {
            let cursor = cursor.map(|cursor| edited[..cursor].replace(&margin, &blanks).len());
            highlight(&spaced, cursor, spelling)
        }
        false => spaced,
    };
    if !edited.contains(&margin) {
        return shown;
    }
    let dots = dots(spelling);
    let dots = if color { format!("\x1b[2m{dots}\x1b[22m") } else { dots };
    let mut out = String::with_capacity(shown.len() + 64);
    for (index, (line, edited)) in shown.split('\n').zip(edited.split('\n')).enumerate() {
        if index > 0 {
            out.push('\n');
        }
        // No escape sequence comes between a line's start and its blanks.
        match line.strip_prefix(&blanks).filter(|_| edited.starts_with(&margin)) {
            Some(rest) => out.extend([&dots, rest]),
            None => out.push_str(line),
        }
    }
    out
}

/// Earlier entries, as the editor wants them.
pub(super) struct Recall {
    entries: MemHistory,
    spelling: Current,
}

impl Recall {
    /// Around this memory.
    pub(super) fn new(entries: MemHistory, spelling: Current) -> Recall {
        Recall { entries, spelling }
    }

    fn dress<'e>(&self, found: SearchResult<'e>) -> SearchResult<'e> {
        if !found.entry.contains('\n') {
            return found;
        }
        let entry = dress(&found.entry, self.spelling.get());
        let pos = edited_at(&entry, found.pos, self.spelling.get());
        SearchResult { entry: Cow::Owned(entry), idx: found.idx, pos }
    }
}

type Found<'e> = rustyline::Result<Option<SearchResult<'e>>>;

impl History for Recall {
    fn get(&self, index: usize, direction: SearchDirection) -> Found<'_> {
        Ok(self.entries.get(index, direction)?.map(|found| self.dress(found)))
    }

    fn add(&mut self, line: &str) -> rustyline::Result<bool> {
        self.entries.add(line)
    }

    fn add_owned(&mut self, line: String) -> rustyline::Result<bool> {
        self.entries.add_owned(line)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn set_max_len(&mut self, len: usize) -> rustyline::Result<()> {
        self.entries.set_max_len(len)
    }

    fn ignore_dups(&mut self, yes: bool) -> rustyline::Result<()> {
        self.entries.ignore_dups(yes)
    }

    fn ignore_space(&mut self, yes: bool) {
        self.entries.ignore_space(yes);
    }

    fn save(&mut self, path: &Path) -> rustyline::Result<()> {
        self.entries.save(path)
    }

    fn append(&mut self, path: &Path) -> rustyline::Result<()> {
        self.entries.append(path)
    }

    fn load(&mut self, path: &Path) -> rustyline::Result<()> {
        self.entries.load(path)
    }

    fn clear(&mut self) -> rustyline::Result<()> {
        self.entries.clear()
    }

    fn search(&self, term: &str, start: usize, direction: SearchDirection) -> Found<'_> {
        Ok(self.entries.search(term, start, direction)?.map(|found| self.dress(found)))
    }

    fn starts_with(&self, term: &str, start: usize, direction: SearchDirection) -> Found<'_> {
        let term = strip(term, self.spelling.get());
        Ok(self.entries.starts_with(&term, start, direction)?.map(|found| self.dress(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustyline::GraphemeClusterMode;

    #[test]
    fn a_margin_is_as_wide_as_the_prompt() {
        for spelling in Spelling::ALL {
            for mode in
                [GraphemeClusterMode::Unicode, GraphemeClusterMode::WcWidth, GraphemeClusterMode::NoZwj]
            {
                assert_eq!(
                    usize::from(mode.width(&margin(spelling))),
                    columns(spelling),
                    "{spelling:?} {mode:?}"
                );
            }
            assert_eq!(prompt(spelling).len(), columns(spelling));
            assert_eq!(dots(spelling).len(), columns(spelling));
        }
    }

    #[test]
    fn places_go_from_one_text_to_the_other_and_back() {
        let entry = "fn f() {\n\n  ü\n}";
        let edited = dress(entry, Spelling::Vex);
        assert_eq!(strip(&edited, Spelling::Vex), entry);
        for at in (0..=entry.len()).filter(|at| entry.is_char_boundary(*at)) {
            let there = edited_at(&edited, at, Spelling::Vex);
            assert_eq!(strip_at(&edited, there, Spelling::Vex), at);
            assert_eq!(edited[there..].chars().next(), entry[at..].chars().next());
        }
    }

    #[test]
    fn dots_show_where_a_line_starts_with_a_margin() {
        let margin = margin(Spelling::Vex);
        let plain = |edited: &str| show(edited, None, Spelling::Vex, false);
        assert_eq!(plain(&dress("f(\n  1\n)", Spelling::Vex)), "f(\n...>   1\n...> )");
        assert_eq!(plain(&format!("f(\nx{margin})\n     y\n{margin}")), "f(\nx     )\n     y\n...> ");
        let colored = show(&format!("/* (\n{margin}*/ (\n{margin})"), Some(0), Spelling::Vex, true);
        assert_eq!(colored, "\x1b[90m/* (\n\x1b[2m...> \x1b[22m*/\x1b[0m (\n\x1b[2m...> \x1b[22m)");
        let edited = dress("f(\n)", Spelling::Vex);
        let brackets = show(&edited, Some(edited.len()), Spelling::Vex, true);
        assert_eq!(brackets.matches("\x1b[1;4;33m").count(), 2, "{brackets:?}");
    }

    #[test]
    fn entries_come_back_dressed() {
        let spelling = Current::new(Spelling::Vex);
        let mut recall = Recall::new(MemHistory::new(), spelling.clone());
        recall.add("let a = 1").expect("added");
        recall.add("f(\nneedle)").expect("added");
        let found = |found: Found<'_>| found.expect("no error").expect("an entry").entry.into_owned();
        assert_eq!(found(recall.get(1, SearchDirection::Reverse)), dress("f(\nneedle)", Spelling::Vex));
        assert_eq!(found(recall.get(0, SearchDirection::Reverse)), "let a = 1");
        let hit = recall.search("needle", 1, SearchDirection::Reverse).expect("no error").expect("an entry");
        assert_eq!(&hit.entry[hit.pos..], "needle)");
        let typed = dress("f(\nn", Spelling::Vex);
        assert!(recall.starts_with(&typed, 1, SearchDirection::Reverse).expect("no error").is_some());
    }
}
