//! Places in source text: byte spans that name their file, and the map that turns them into lines and columns.
//!
//! All files of one compilation share one position space: each file is given a range of positions, so a `Span`
//! is eight bytes and a position alone (as stored in machine code) finds its file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::spelling::Spelling;

/// A half-open byte range `lo..hi` in the position space of a [`SourceMap`].
///
/// The default span is empty at position 0, which belongs to no file; it marks code that has no source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub lo: u32,
    /// One past the last byte.
    pub hi: u32,
}

impl Span {
    /// The span of no source at all.
    pub const NONE: Span = Span { lo: 0, hi: 0 };

    /// Makes the span `lo..hi`.
    pub fn new(lo: u32, hi: u32) -> Span {
        Span { lo, hi }
    }

    /// The smallest span that covers both.
    pub fn to(self, end: Span) -> Span {
        if self == Span::NONE {
            return end;
        }
        if end == Span::NONE {
            return self;
        }
        Span { lo: self.lo.min(end.lo), hi: self.hi.max(end.hi) }
    }

    /// The empty span just after this one: where something is missing.
    pub fn after(self) -> Span {
        Span { lo: self.hi, hi: self.hi }
    }

    /// Whether this span has no source.
    pub fn is_none(self) -> bool {
        self == Span::NONE
    }
}

/// Index of a file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineCol {
    /// Line number, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One source file: its name as the user wrote it, its text, its place in the position space.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name shown in messages.
    pub name: String,
    /// Where it was read from; `None` for text that is in no file (standard input, embedded modules).
    pub path: Option<PathBuf>,
    /// The spelling it is written in.
    pub spelling: Spelling,
    /// The whole text.
    pub text: Arc<str>,
    /// Position of its first byte.
    pub base: u32,
    /// Whether the file is part of the language's own library rather than the user's program.
    pub library: bool,
    /// Where lines start; looked for only once somebody asks, which hardly anybody does for the library.
    line_starts: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// The span of the whole file.
    pub fn span(&self) -> Span {
        Span::new(self.base, self.base + self.text.len() as u32)
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let after = self.text.match_indices('\n').map(|(at, _)| at as u32 + 1);
            std::iter::once(0).chain(after).collect()
        })
    }

    /// Line number (from 1) that holds position `pos`.
    pub fn line_of(&self, pos: u32) -> u32 {
        let offset = pos.saturating_sub(self.base);
        self.line_starts().partition_point(|&start| start <= offset) as u32
    }

    /// Line and column of position `pos`.
    pub fn line_col(&self, pos: u32) -> LineCol {
        let line = self.line_of(pos);
        let start = self.line_starts()[line as usize - 1] as usize;
        let mut end = ((pos - self.base) as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        LineCol { line, column: self.text[start..end].chars().count() as u32 + 1 }
    }

    /// Byte offset in `text` at which line `line` (from 1) starts; the text's length past the last line.
    pub fn line_start(&self, line: u32) -> usize {
        self.line_starts().get(line as usize - 1).map_or(self.text.len(), |&s| s as usize)
    }

    /// Number of lines.
    pub fn line_count(&self) -> u32 {
        self.line_starts().len() as u32
    }
}

/// Every source file of one compilation or session.
#[derive(Clone, Debug)]
pub struct SourceMap {
    files: Vec<SourceFile>,
    next: u32,
}

impl Default for SourceMap {
    fn default() -> Self {
        SourceMap::new()
    }
}

/// The position space is full: the sources of one compilation exceed 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuchSource;

impl SourceMap {
    /// An empty map.
    pub fn new() -> SourceMap {
        SourceMap { files: Vec::new(), next: 1 }
    }

    /// Adds a file and returns its id.
    ///
    /// # Errors
    /// [`TooMuchSource`] when the total would exceed 4 GiB.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        path: Option<&Path>,
        spelling: Spelling,
        text: impl Into<Arc<str>>,
        library: bool,
    ) -> Result<FileId, TooMuchSource> {
        let text: Arc<str> = text.into();
        let base = self.next;
        let len = u32::try_from(text.len()).map_err(|_| TooMuchSource)?;
        self.next = base.checked_add(len).and_then(|n| n.checked_add(1)).ok_or(TooMuchSource)?;
        let id = FileId(self.files.len() as u32);
        let path = path.map(Path::to_path_buf);
        self.files.push(SourceFile {
            name: name.into(),
            path,
            spelling,
            text,
            base,
            library,
            line_starts: OnceLock::new(),
        });
        Ok(id)
    }

    /// The file with this id.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files, in the order they were added.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file that holds position `pos`, unless the position belongs to none.
    pub fn find(&self, pos: u32) -> Option<FileId> {
        if pos == 0 {
            return None;
        }
        let i = self.files.partition_point(|f| f.base <= pos).checked_sub(1)?;
        (pos <= self.files[i].span().hi).then_some(FileId(i as u32))
    }

    /// File, line and column of position `pos`, unless it belongs to no file.
    pub fn locate(&self, pos: u32) -> Option<(&SourceFile, LineCol)> {
        let file = self.file(self.find(pos)?);
        Some((file, file.line_col(pos)))
    }

    /// The text a span covers; empty when the span has no source.
    pub fn text(&self, span: Span) -> &str {
        let Some(id) = self.find(span.lo) else { return "" };
        let file = self.file(id);
        file.text.get((span.lo - file.base) as usize..(span.hi - file.base) as usize).unwrap_or("")
    }

    /// `name:line:column` of a span's start, for plain-text reports; `<unknown>` without source.
    pub fn place(&self, span: Span) -> String {
        match self.locate(span.lo) {
            Some((file, at)) => format!("{}:{}:{}", file.name, at.line, at.column),
            None => "<unknown>".to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_find_their_file_line_and_column() {
        let mut map = SourceMap::new();
        map.add("a", None, Spelling::Vex, "one\ntwo\n", false).unwrap();
        let b = map.add("b", None, Spelling::Vais, "ä = 1\n\nend", false).unwrap();
        let base = map.file(b).base;
        assert_eq!(map.place(Span::new(base + 3, base + 4)), "b:1:3");
        assert_eq!(map.place(Span::new(base + 8, base + 8)), "b:3:1");
        assert_eq!(map.text(Span::new(base, base + 2)), "ä");
        assert_eq!(map.place(Span::new(1, 2)), "a:1:1");
        assert_eq!(map.place(Span::new(5, 5)), "a:2:1");
        assert_eq!(map.place(Span::NONE), "<unknown>");
    }
}
