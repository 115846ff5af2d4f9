//! The commands that show memory: `:heap`, `:leaks`, `:alloc`, `:mem`, `:where`.
//!
//! | file | what |
//! | --- | --- |
//! | `style` | numbers and colours, and what the terminal can show |
//! | `target` | which memory an argument names |
//! | `place` | what lies at an address |
//! | `picture` | the heap, a row a page |
//! | `dump` | bytes |
//!
//! The runtime's books and its walk over the heap say what there is; what they say is put into plain data first and
//! made into text from that. Memory is only read through [`Peek`](super::peek::Peek).

mod dump;
mod picture;
mod place;
mod style;
mod target;

use vex_runtime::heap::walk::{self, PageInfo, Region};
use vex_runtime::process;
use vex_syntax::SourceMap;

use super::peek::Peek;
use super::{Reply, Session};
use picture::{Choice, Page, Picture};
use style::Style;

/// Bytes that `:mem` shows when it is not told.
const DUMPED: usize = 64;

/// The most bytes that `:mem` shows.
const MOST_DUMPED: usize = 4096;

/// A place in a source: its name and line, and the text of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    text: String,
}

impl Line {
    /// The line of a source position that the runtime recorded.
    fn of(sources: &SourceMap, site: u32) -> Line {
        let Some((file, at)) = sources.locate(site) else {
            return Line { name: "an unknown line".into(), text: String::new() };
        };
        let rest = file.text.get(file.line_start(at.line)..).unwrap_or("");
        let text = rest.lines().next().unwrap_or("").trim();
        Line { name: format!("{}:{}", file.name, at.line), text: text.to_string() }
    }
}

impl Session {
    /// How this session's output looks now.
    fn style(&self) -> Style {
        Style::now(self.options.color)
    }

    /// The line of a source position.
    fn line(&self, site: u32) -> Line {
        Line::of(&self.sources, site)
    }

    /// What was done, of a command that changes nothing.
    fn looked(&self, ok: bool) -> Reply {
        self.reply(ok, false)
    }

    /// Reports an argument that a command does not take.
    fn bad_argument(&self, title: &str, help: &str) -> Reply {
        self.error(title, Some(help));
        self.looked(false)
    }

    /// `:heap`
    pub(super) fn heap(&mut self, args: &str) -> Reply {
        let choice = match args {
            "" => Choice::Some,
            "all" => Choice::All,
            text => match target::number(text) {
                Some(bytes) => Choice::Class(bytes),
                None => {
                    return self.bad_argument(
                        &format!("`:heap` does not know `{text}`"),
                        "`:heap`, `:heap all`, `:heap 48` (pages with blocks of 48 bytes) or `:heap diff`",
                    );
                }
            },
        };
        let style = self.style();
        let picture = Picture { totals: process::totals(), limit: process::memory_limit(), pages: pages() };
        self.say(&picture.show(choice, &style));
        self.looked(true)
    }

    /// `:mem`
    pub(super) fn mem(&mut self, args: &str) -> Reply {
        let (text, count) = match target::with_count(args) {
            Ok((text, count)) => (text, count.unwrap_or(DUMPED).min(MOST_DUMPED)),
            Err(count) => {
                let title = format!("`{count}` is no number of bytes that `:mem` can show");
                return self.bad_argument(&title, "`:mem PTR N` shows 1 to 4096 bytes");
            }
        };
        let Some(address) = self.target("mem", text) else { return self.looked(false) };
        let style = self.style();
        let place = self.place(address);
        let mut out = format!("{}\n", self.describe(address, &place, &style));
        let count = count.min((usize::MAX - address).saturating_add(1));
        let mut peek = Peek::new();
        let bytes = dump::read(&mut peek, address, count);
        out.push_str(&dump::show(address, &bytes, place.bounds(), &style));
        self.say(&out);
        self.looked(true)
    }

    /// `:where`
    pub(super) fn where_is(&mut self, args: &str) -> Reply {
        let Some(address) = self.target("where", args) else { return self.looked(false) };
        let place = self.place(address);
        self.say_line(self.describe(address, &place, &self.style()));
        self.looked(true)
    }
}

/// All pages of the heap, by address, with what lies in each of their blocks.
fn pages() -> Vec<Page> {
    // A visitor may not allocate from the heap: memory of the compiler's own is from elsewhere.
    let mut infos: Vec<PageInfo> = Vec::new();
    walk::walk(&mut |region| {
        if let Region::Page(info) = region {
            infos.push(*info);
        }
    });
    infos.retain(|info| info.kind != walk::PageKind::Code);
    let page = |info: PageInfo| {
        let mut live = Vec::with_capacity(info.blocks);
        walk::page_blocks(&info, &mut |_, is_live| live.push(is_live));
        // Another thread's page may be gone by now.
        live.resize(info.blocks, false);
        Page { info, live }
    };
    infos.into_iter().map(page).collect()
}
