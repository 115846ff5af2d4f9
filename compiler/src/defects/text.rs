//! Memory errors as text for people.

use std::fmt::Write;

use vex_syntax::SourceMap;

use super::help;
use super::model::{Block, Call, Finding, user_call};
use super::words;

/// Colours of a terminal, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Whether there are colours.
    pub color: bool,
}

impl Paint {
    fn red(self, text: &str) -> String {
        self.paint("\x1b[1;31m", text)
    }

    fn blue(self, text: &str) -> String {
        self.paint("\x1b[1;34m", text)
    }

    /// A word such as `help` in the colour that messages of the compiler give it.
    pub fn word(self, text: &str) -> String {
        self.paint("\x1b[1;96m", text)
    }

    /// What a report begins with.
    pub fn head(self, kind: &str, title: &str) -> String {
        format!("{}: {title}\n", self.red(&format!("memory error[{kind}]")))
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("{code}{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The report of a memory error, some lines.
pub fn finding(finding: &Finding, sources: &SourceMap, color: bool) -> String {
    let paint = Paint { color };
    let mut text = paint.head(finding.name(), &words::title(finding));
    let label = words::label(finding, called(finding, sources).as_deref());
    site(&mut text, "at", &finding.calls, Some(&label), sources, paint);
    if let Some(block) = &finding.block {
        history(&mut text, block, sources, paint);
    }
    if let Some(picture) = &finding.picture {
        let _ = write!(text, "\n  bytes around {:#x}\n{}", finding.address, picture.show(color));
    }
    let notes = help::notes(finding, sources);
    let helps = help::helps(finding, sources);
    if !(notes.is_empty() && helps.is_empty()) {
        text.push('\n');
    }
    for note in notes {
        let _ = writeln!(text, "  {}: {note}", paint.word("note"));
    }
    for help in helps {
        let _ = writeln!(text, "  {}: {help}", paint.word("help"));
    }
    text
}

/// The function that the program called, as it wrote it: of the library's own functions the outermost.
pub fn called(finding: &Finding, sources: &SourceMap) -> Option<String> {
    let user = user_call(&finding.calls, sources)?;
    let of_library = finding.calls.iter().take_while(|call| call.depth < user.depth).last();
    let outermost = of_library.map(|call| call.function.clone());
    outermost.or_else(|| (!finding.function.is_empty()).then(|| finding.function.clone()))
}

/// Where a block was freed, reallocated and allocated, the last of it first.
fn history(text: &mut String, block: &Block, sources: &SourceMap, paint: Paint) {
    let past = match block.state {
        vex_runtime::checked::State::Moved => "moved and freed",
        vex_runtime::checked::State::Reset => "taken back",
        vex_runtime::checked::State::Left => "gone since",
        _ => "freed",
    };
    let freed = block.freed.iter().map(|calls| (past, calls));
    let reallocated = block.reallocated.iter().rev().map(|calls| ("reallocated", calls));
    let made = match (block.is_field, block.origin) {
        (true, _) => "the part was taken",
        (_, vex_runtime::checked::Origin::Variable) => "a pointer to it was made",
        _ => "allocated",
    };
    for (what, calls) in freed.chain(reallocated).chain([(made, &block.allocated)]) {
        if !calls.is_empty() {
            text.push('\n');
            site(text, &format!("{what} at"), calls, None, sources, paint);
        }
    }
    if let (true, Some(parent)) = (block.is_field, &block.parent) {
        history(text, parent, sources, paint);
    }
}

/// A place: where, in which function, the line with a caret, and the calls that led there.
pub fn site(
    text: &mut String,
    what: &str,
    calls: &[Call],
    label: Option<&str>,
    sources: &SourceMap,
    paint: Paint,
) {
    let user = user_call(calls, sources);
    let place = user.and_then(|call| Some((call, sources.locate(call.position)?)));
    match place {
        Some((call, (file, at))) => {
            let _ = writeln!(text, "  {what} {}:{}:{} in {}", file.name, at.line, at.column, call.function);
            excerpt(text, call.position, label, sources, paint);
        }
        None => {
            let _ = writeln!(text, "  {what} an unknown place");
            if let Some(label) = label {
                let _ = writeln!(text, "      {label}");
            }
        }
    }
    if calls.len() > 1 {
        trace(text, calls, sources);
    }
}

/// Characters of a source line that are shown.
const LINE_WIDTH: usize = 120;

/// Writes the source line and marks what is at the position.
fn excerpt(text: &mut String, position: u32, label: Option<&str>, sources: &SourceMap, paint: Paint) {
    let Some((file, at)) = sources.locate(position) else { return };
    let line = file.text.get(file.line_start(at.line)..).and_then(|rest| rest.lines().next()).unwrap_or("");
    if line.trim().is_empty() {
        if let Some(label) = label {
            let _ = writeln!(text, "      {} {label}", paint.blue("|"));
        }
        return;
    }
    let column = at.column as usize - 1;
    // Of a very long line, the part around the column.
    let (skip, cut) = if column < LINE_WIDTH / 2 { (0, "") } else { (column - LINE_WIDTH / 2, "…") };
    let (skip, cut) = if line.chars().count() <= LINE_WIDTH { (0, "") } else { (skip, cut) };
    let shown: Vec<char> = line.chars().skip(skip).take(LINE_WIDTH).collect();
    let width = extent(&shown, column - skip);
    let shown: String = shown.iter().map(|c| if c.is_control() { ' ' } else { *c }).collect();
    let bar = paint.blue("|");
    let _ = writeln!(text, "{} {bar} {cut}{}", paint.blue(&format!("{:5}", at.line)), shown.trim_end());
    let indent = column - skip + cut.chars().count();
    let carets = paint.red(&"^".repeat(width));
    let label = label.map(|label| format!(" {}", paint.red(label))).unwrap_or_default();
    let _ = writeln!(text, "      {bar} {:indent$}{carets}{label}", "");
}

/// How many characters belong together from one on: a name and the brackets and fields behind it.
fn extent(line: &[char], from: usize) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = from;
    while let Some(&c) = line.get(at) {
        match c {
            c if is_word(c) => at += 1,
            '.' if line.get(at + 1).copied().is_some_and(is_word) && at > from => at += 1,
            '(' | '[' if at > from => match closing(line, at) {
                Some(end) => at = end + 1,
                None => break,
            },
            _ => break,
        }
    }
    (at - from).max(1)
}

/// Where the bracket at a place is closed.
fn closing(line: &[char], open: usize) -> Option<usize> {
    let (mut depth, mut quoted) = (0, false);
    for (at, &c) in line.iter().enumerate().skip(open) {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Longest function name the places are lined up for.
const NAME_WIDTH: usize = 32;

/// Writes a backtrace.
fn trace(text: &mut String, calls: &[Call], sources: &SourceMap) {
    let width = calls.iter().map(|call| call.function.chars().count()).max().unwrap_or(0).min(NAME_WIDTH);
    let digits = calls.last().map_or(0, |call| call.depth).to_string().len();
    for call in calls {
        if call.gap {
            text.push_str("    … more calls, not shown\n");
        }
        let line = match sources.locate(call.position) {
            Some((file, at)) => {
                format!("{:width$}  {}:{}:{}", call.function, file.name, at.line, at.column)
            }
            None => call.function.clone(),
        };
        let _ = writeln!(text, "    {:digits$}: {line}", call.depth);
        match call.repeated {
            (_, 0) => {}
            (1, rounds) => drop(writeln!(text, "    … repeated {rounds} more times")),
            (cycle, rounds) => drop(writeln!(text, "    … these {cycle} calls repeated {rounds} more times")),
        }
    }
}
