//! Leaks: which blocks were never freed, by the line that allocated them and by what still leads to them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;

use serde_json::{Value, json};
use vex_syntax::{SourceMap, Spelling};

use super::json as defect_json;
use super::model::{Block, position};
use super::text::{Paint, site};
use super::words::{self, bytes};

/// Which leaks are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    #[default]
    All,
    /// Those that no variable leads to.
    Lost,
    /// None.
    None,
}

/// What leads to a leaked block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// Nothing.
    Lost,
    /// Only blocks that it leads to itself.
    Cyclic,
    /// Only blocks that are leaked, one of them allocated at this position.
    ByLeaked(u32),
    /// A global variable: its name, if it is known.
    Reachable(Option<String>),
}

/// Blocks that the same line allocated and that the same leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What leads to them.
    pub held: Held,
    /// How many there are.
    pub count: usize,
    /// Their bytes in all.
    pub bytes: usize,
    /// The first one.
    pub first: Block,
}

/// Puts groups together that people see as one: those that are lost first, then those of most bytes. Blocks whose line
/// allows it are left out.
pub fn group(parts: impl IntoIterator<Item = Group>, which: Which, sources: &SourceMap) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut index = HashMap::new();
    for part in parts {
        let at = position(&part.first.allocated, sources);
        let unwanted = match which {
            Which::All => false,
            Which::Lost => matches!(part.held, Held::Reachable(_)),
            Which::None => true,
        };
        if unwanted || is_allowed(at, sources) {
            continue;
        }
        match index.entry((at, part.first.origin, part.held.clone())) {
            Entry::Vacant(entry) => {
                entry.insert(groups.len());
                groups.push(part);
            }
            Entry::Occupied(entry) => {
                let group = &mut groups[*entry.get()];
                group.count += part.count;
                group.bytes += part.bytes;
            }
        }
    }
    let rank = |held: &Held| match held {
        Held::Lost => 0,
        Held::Cyclic => 1,
        Held::ByLeaked(_) => 2,
        Held::Reachable(_) => 3,
    };
    groups.sort_by_key(|group| (rank(&group.held), std::cmp::Reverse(group.bytes)));
    groups
}

/// The words of a comment that allows a leak.
const ALLOW: &str = "@ allow leak";

/// Whether the line of an allocation, or a comment in the line above, allows it to leak.
fn is_allowed(position: u32, sources: &SourceMap) -> bool {
    let Some((file, at)) = sources.locate(position) else { return false };
    let line = |number: u32| file.text.get(file.line_start(number)..)?.lines().next();
    let marks: &[&str] = if file.spelling == Spelling::Vais { &["#", "//"] } else { &["//"] };
    let allows = |comment: &str| comment.trim_start().starts_with(ALLOW);
    let same = line(at.line).unwrap_or("");
    let behind = marks.iter().any(|mark| same.split(mark).skip(1).any(allows));
    let above = if at.line > 1 { line(at.line - 1).unwrap_or("").trim_start() } else { "" };
    behind || marks.iter().any(|mark| above.strip_prefix(mark).is_some_and(allows))
}

/// `1 block`, `3 blocks`.
fn blocks(count: usize) -> String {
    if count == 1 { "1 block".into() } else { format!("{count} blocks") }
}

impl Group {
    /// The name of its kind.
    pub fn name(&self) -> &'static str {
        match self.held {
            Held::Lost => "leak-lost",
            Held::Cyclic => "leak-cyclic",
            Held::ByLeaked(_) => "leak-held",
            Held::Reachable(_) => "leak-reachable",
        }
    }

    /// The leak in one sentence.
    fn title(&self) -> String {
        let (it, them) = if self.count == 1 { ("it", "itself") } else { ("them", "each other") };
        let why = match &self.held {
            Held::Lost => format!("nothing points to {it} any more"),
            Held::Cyclic if self.count == 1 => {
                format!("only it {them}, or what it points to, leads to it")
            }
            Held::Cyclic => format!("they only point to {them}"),
            Held::ByLeaked(_) => format!("only leaked blocks point to {it}"),
            Held::Reachable(Some(name)) => format!("the global variable `{name}` still leads to {it}"),
            Held::Reachable(None) => format!("a global variable still leads to {it}"),
        };
        format!("leak of {} in {}: {why}", bytes(self.bytes as i128), blocks(self.count))
    }

    /// What stands beside the caret.
    fn label(&self) -> String {
        match self.count {
            1 => format!("{} that was never freed", words::block(&self.first)),
            count => format!(
                "{count} blocks that were never freed, the first of them {}",
                words::block(&self.first)
            ),
        }
    }

    fn notes(&self, sources: &SourceMap) -> Vec<String> {
        match self.held {
            Held::ByLeaked(by) => sources.locate(by).map(|(file, at)| {
                format!("a leaked block that was allocated at {}:{} points there", file.name, at.line)
            }),
            _ => None,
        }
        .into_iter()
        .collect()
    }

    fn helps(&self, sources: &SourceMap) -> Vec<String> {
        let mark = match sources.locate(position(&self.first.allocated, sources)) {
            Some((file, _)) if file.spelling == Spelling::Vais => "#",
            _ => "//",
        };
        let free = super::help::right_free(&self.first);
        let first = match self.held {
            Held::Lost => free.map(|free| format!("{free}, while something still points to it")),
            Held::Cyclic => Some("break the circle, and free each of its blocks once".into()),
            Held::ByLeaked(_) => Some("free what a block points to before the block itself".into()),
            Held::Reachable(_) => Some(format!(
                "free it before the program ends; if it is meant to last, write `{mark} {ALLOW}` behind the allocation"
            )),
        };
        first.into_iter().collect()
    }

    /// The report for people.
    pub fn text(&self, sources: &SourceMap, color: bool) -> String {
        let paint = Paint { color };
        let mut text = paint.head(self.name(), &self.title());
        site(&mut text, "allocated at", &self.first.allocated, Some(&self.label()), sources, paint);
        for calls in self.first.reallocated.iter().rev().take(1) {
            site(&mut text, "reallocated at", calls, None, sources, paint);
        }
        for note in self.notes(sources) {
            let _ = writeln!(text, "  {}: {note}", paint.word("note"));
        }
        for help in self.helps(sources) {
            let _ = writeln!(text, "  {}: {help}", paint.word("help"));
        }
        text
    }

    /// The report for tools, one line without a newline.
    pub fn json(&self, sources: &SourceMap) -> String {
        let helps: Vec<Value> = self.helps(sources).into_iter().map(defect_json::edit).collect();
        let global = match &self.held {
            Held::Reachable(name) => name.as_deref(),
            _ => None,
        };
        let mut object = json!({
            "kind": self.name(),
            "severity": "error",
            "title": self.title(),
            "access": null,
            "block": defect_json::block(&self.first, self.first.base, sources),
            "landed": null,
            "notes": self.notes(sources),
            "helps": helps,
            "blocks": self.count,
            "bytes": self.bytes,
            "global": global,
            "rendered": self.text(sources, false),
        });
        defect_json::place(&mut object, &self.first.allocated, sources);
        object.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Block;
    use super::super::tests::{calls, expect, heap_block, sources};
    use super::*;

    fn part(sources: &SourceMap, at: &str, size: usize, held: Held) -> Group {
        let allocated = calls(sources, &[("main", at)]);
        let first = Block { size, allocated, ..heap_block(sources) };
        Group { held, count: 1, bytes: size, first }
    }

    #[test]
    fn blocks_of_a_line_are_one_report() {
        let sources = sources();
        let part = |at, size, held| part(&sources, at, size, held);
        let parts = [
            part("vex_malloc(10)", 10, Held::Reachable(Some("table".into()))),
            part("vex_malloc(24)", 24, Held::Lost),
            part("vex_realloc(p", 7, Held::Cyclic),
            part("vex_malloc(24)", 1000, Held::Lost),
            part("vex_malloc(24)", 5, Held::ByLeaked(1)),
            part("vex_malloc(10)", 10, Held::Cyclic),
            part("vex_malloc(10)", 10, Held::Cyclic),
        ];
        let groups = group(parts.clone(), Which::All, &sources);
        let names: Vec<_> = groups.iter().map(|group| (group.name(), group.count, group.bytes)).collect();
        let all = [
            ("leak-lost", 2, 1024),
            ("leak-cyclic", 2, 20),
            ("leak-cyclic", 1, 7),
            ("leak-held", 1, 5),
            ("leak-reachable", 1, 10),
        ];
        assert_eq!(names, all);
        assert_eq!(group(parts.clone(), Which::Lost, &sources), groups[..4]);
        assert!(group(parts, Which::None, &sources).is_empty());
        let texts: Vec<String> = groups.iter().map(|group| group.text(&sources, false)).collect();
        expect("leaks", &texts.join("\n"));
        let object: Value = serde_json::from_str(&groups[4].json(&sources)).expect("an object");
        assert_eq!((&object["line"], &object["global"]), (&13.into(), &"table".into()));
        assert_eq!((&object["blocks"], &object["bytes"]), (&1.into(), &10.into()));
    }

    #[test]
    fn comments_allow_leaks_of_their_line_and_the_next() {
        let text = "a // @ allow leak\nb //@ allow leak: why\n// @ allow leak\nc\nd // not @ allow leak\ne # @ allow leak\nf\n";
        for (spelling, allowed) in [(Spelling::Vex, "abc"), (Spelling::Vais, "abce")] {
            let mut sources = SourceMap::new();
            sources.add("a", None, spelling, text, false).expect("room");
            let found: String = "abcdef"
                .chars()
                .filter(|c| {
                    let line = text.split('\n').scan(1, |at, line| {
                        let start = *at;
                        *at += line.len() as u32 + 1;
                        Some((start, line))
                    });
                    line.into_iter().any(|(start, line)| line.starts_with(*c) && is_allowed(start, &sources))
                })
                .collect();
            assert_eq!(found, allowed, "{spelling:?}");
        }
        assert!(!is_allowed(0, &sources()));
    }
}
