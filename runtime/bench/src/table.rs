//! Tables, as plain text or as Markdown.

use std::fmt::Write as _;

/// A table of words: a title, names of columns, and rows of which the first word says what they are about.
#[derive(Clone, Debug, Default)]
pub struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// A table without rows. The first column, that of the rows' names, is called `first`.
    pub fn new(title: impl Into<String>, first: &str, columns: &[&str]) -> Table {
        let head = std::iter::once(&first).chain(columns).map(|name| name.to_string()).collect();
        Table { title: title.into(), head, ..Table::default() }
    }

    /// Adds a row; what it lacks at the end is empty.
    pub fn row(&mut self, name: impl Into<String>, values: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = std::iter::once(name.into()).chain(values).collect();
        row.resize(self.head.len(), String::new());
        self.rows.push(row);
    }

    /// Adds a line below the table.
    pub fn note(&mut self, line: impl Into<String>) {
        self.notes.push(line.into());
    }

    /// Prints the table, and an empty line.
    pub fn print(&self, markdown: bool) {
        print!("{}", self.text(markdown));
    }

    /// The table as text.
    pub fn text(&self, markdown: bool) -> String {
        if markdown { self.markdown() } else { self.plain() }
    }

    fn markdown(&self) -> String {
        let mut text = format!("{}:\n\n", self.title);
        let mut line = |words: &[String]| {
            let cells: Vec<String> = words.iter().map(|word| word.replace('|', "\\|")).collect();
            writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a string");
        };
        line(&self.head);
        let rule = |at: usize| if at == 0 { "---" } else { "---:" }.to_string();
        line(&(0..self.head.len()).map(rule).collect::<Vec<_>>());
        self.rows.iter().for_each(|row| line(row));
        text.push('\n');
        for note in &self.notes {
            writeln!(text, "{note}\n").expect("writing to a string");
        }
        text
    }

    fn plain(&self) -> String {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |at: usize| all().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        for row in all() {
            let mut line = format!("{:<width$}", row[0], width = widths[0]);
            for (word, width) in row.iter().zip(&widths).skip(1) {
                write!(line, "  {word:>width$}").expect("writing to a string");
            }
            writeln!(text, "{}", line.trim_end()).expect("writing to a string");
        }
        for note in &self.notes {
            writeln!(text, "{note}").expect("writing to a string");
        }
        text.push('\n');
        text
    }
}

/// A factor, as the tables show it.
pub fn factor(value: f64) -> String {
    format!("{value:.2}x")
}
