//! The commands that show memory: `:heap`, `:leaks`, `:alloc`, `:mem`, `:where`.
//!
//! | file | what |
//! | --- | --- |
//! | `style` | numbers and colours, and what the terminal can show |
//! | `target` | which memory an argument names |
//! | `place` | what lies at an address |
//! | `picture` | the heap, a row a page |
//! | `dump` | bytes |
//! | `groups` | blocks by the line that allocated them |
//! | `leaks` | which blocks can be reached from variables |
//! | `allocators` | the allocators that variables hold |
//!
//! The runtime's books and its walk over the heap say what there is; what they say is put into plain data first and
//! made into text from that. Memory is only read through [`Peek`](super::peek::Peek).

mod allocators;
mod dump;
mod groups;
mod leaks;
mod picture;
mod place;
mod style;
mod target;

use std::collections::HashSet;

use vex_runtime::heap::walk::{self, PageInfo, Region};
use vex_runtime::process;
use vex_runtime::report::{self, Allocator, LiveBlock, Since};
use vex_syntax::SourceMap;

use super::peek::Peek;
use super::{Reply, Session};
use crate::typed::GlobalId;
use allocators::Found;
use leaks::{Kind, Node, Scan};
use picture::{Choice, Page, Picture};
use style::{Style, bytes, count};

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
        if self.options.checked {
            return self.no_picture();
        }
        let choice = match args {
            "" => Choice::Some,
            "all" => Choice::All,
            "diff" => return self.heap_diff(),
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

    /// `:heap diff`
    fn heap_diff(&mut self) -> Reply {
        let Some(mark) = self.before else {
            self.say_line("no input has run yet");
            return self.looked(true);
        };
        let Since { allocations, allocated, frees, freed, left } = report::since(mark);
        let left_bytes = left.iter().map(|block| block.size).sum();
        let style = self.style();
        let text = format!(
            "the last input allocated {}, {}; freed {}, {}; left {}, {}\n",
            count(allocations as usize, "block"),
            bytes(allocated as usize),
            style::number(frees as usize),
            bytes(freed as usize),
            style::number(left.len()),
            bytes(left_bytes),
        );
        let groups = groups::group(&left);
        self.say(
            &(style::wrap(&text, style.width) + &groups::show(&groups, &|site| self.line(site), &style)),
        );
        self.looked(true)
    }

    /// `:leaks`
    pub(super) fn leaks(&mut self, args: &str) -> Reply {
        if !args.is_empty() {
            return self
                .bad_argument("`:leaks` takes no argument", "it looks at all variables of the session");
        }
        if self.options.checked {
            return self.checked_leaks();
        }
        let live = report::live();
        let fates = self.fates(&live);
        let of = |fate: Fate| -> Vec<&LiveBlock> {
            live.iter().zip(&fates).filter(|(_, f)| **f == fate).map(|(block, _)| block).collect()
        };
        let sum = |blocks: &[&LiveBlock]| {
            let size = blocks.iter().map(|block| block.size).sum();
            format!("{}, {}", count(blocks.len(), "block"), bytes(size))
        };
        let style = self.style();
        let (lost, hidden, held) = (of(Fate::Lost), of(Fate::Hidden), of(Fate::Held));
        let show = |blocks: &[&LiveBlock]| {
            groups::show(&groups::group(blocks.iter().copied()), &|site| self.line(site), &style)
        };
        let mut text = String::new();
        if lost.is_empty() {
            text.push_str("no leaks\n");
        } else {
            let title = format!("leaked: {}", sum(&lost));
            text.push_str(&format!("{}; no variable leads to them\n", style.paint(style::ALARM, &title)));
            text.push_str(&show(&lost));
        }
        if !hidden.is_empty() {
            text.push_str(&format!("held only by variables that later ones hide: {}\n", sum(&hidden)));
            text.push_str(&show(&hidden));
        }
        let all = if lost.len() + hidden.len() == 0 && held.len() > 1 { ", all" } else { "" };
        text.push_str(&format!("reachable from variables: {}{all}\n", sum(&held)));
        self.say(&text);
        self.looked(true)
    }

    /// `:alloc`
    pub(super) fn alloc(&mut self, args: &str) -> Reply {
        let mut all = self.allocators();
        if allocators::is_kind(args) && self.env.variable(args).is_none() {
            all.retain(|found| found.word() == args);
        } else if !args.is_empty() {
            all.retain(|found| {
                let rest = found.path.strip_prefix(args);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
        }
        if all.is_empty() {
            return self.no_allocator(args);
        }
        let live = report::live();
        let style = self.style();
        let rows: Vec<_> = all
            .into_iter()
            .map(|found| {
                let figures = found.figures();
                let known = figures.as_ref().map_or(0, |f| allocators::blocks_of(&found, f, &live).len());
                (found, figures, known)
            })
            .collect();
        let mut text = allocators::table(&rows, &style);
        for (found, figures, known) in &rows {
            let Some(figures) = figures else { continue };
            text.push('\n');
            text.push_str(&allocators::picture(found, figures, &style));
            if figures.buffer != 0 {
                text.push_str(&allocators::heading(figures, *known));
            }
            let groups = groups::group(allocators::blocks_of(found, figures, &live));
            text.push_str(&groups::show(&groups, &|site| self.line(site), &style));
        }
        self.say(&text);
        self.looked(true)
    }

    /// Says that there is no allocator as `:alloc` wants one.
    fn no_allocator(&self, args: &str) -> Reply {
        match args {
            "" => {
                self.say_line("no variable holds an allocator, and kmem was not used");
                self.looked(true)
            }
            "kmem" => {
                self.say_line("kmem was not used");
                self.looked(true)
            }
            kind if allocators::is_kind(kind) => {
                self.say_line(format_args!("no variable holds a {kind} allocator"));
                self.looked(true)
            }
            name => {
                let title = match self.env.variable(name) {
                    Some(id) => {
                        let ty = self.show_type(self.program.globals[id.0 as usize].ty);
                        format!("`{name}` is of type `{ty}`, which holds no allocator")
                    }
                    None => format!("no variable `{name}` holds an allocator"),
                };
                self.bad_argument(&title, "`:alloc`, `:alloc bump|pool|freelist|stack|kmem` or `:alloc NAME`")
            }
        }
    }

    /// For each of the live blocks, which variables lead to it.
    fn fates(&self, live: &[LiveBlock]) -> Vec<Fate> {
        let mut scan = Scan::new(nodes(live));
        let mut peek = Peek::new();
        let mut fates = vec![Fate::Lost; live.len()];
        for fate in [Fate::Held, Fate::Hidden] {
            for index in 0..self.program.globals.len() {
                let id = GlobalId(index as u32);
                if self.role(id) != Some(fate) {
                    continue;
                }
                let (Some(range), Some((ty, address))) = (self.range_of(id), self.value_of(id)) else {
                    continue;
                };
                let mut found = Vec::new();
                self.allocators_in(ty, address, String::new(), 4, &mut found);
                // Their first field is the buffer.
                let buffer = |at: usize| found.iter().find(|f| f.address == at).and_then(Found::layer);
                scan.from(&range, &buffer, &mut |at, out| peek.read_some(at, out));
            }
            for (index, known) in fates.iter_mut().enumerate() {
                if *known == Fate::Lost && scan.is_reached(index) {
                    *known = fate;
                }
            }
        }
        fates
    }

    /// What becomes of the blocks that a variable leads to; `None` when it holds nothing, or nobody can name it.
    fn role(&self, id: GlobalId) -> Option<Fate> {
        let name = self.program.globals[id.0 as usize].name;
        match self.env.variable(name.as_str()) {
            _ if !self.holds_value(id) => None,
            Some(meant) if meant == id => Some(Fate::Held),
            _ if name.as_str() == "_" => None,
            // Functions may still use it.
            Some(_) if self.is_of_an_input(id) => Some(Fate::Hidden),
            // A module's.
            _ => Some(Fate::Held),
        }
    }

    /// Whether an input declared a variable, rather than a module.
    fn is_of_an_input(&self, id: GlobalId) -> bool {
        let Some(file) = self.sources.find(self.program.globals[id.0 as usize].span.lo) else { return false };
        let source = self.sources.file(file);
        // Only a file can be either.
        !source.library && (source.path.is_none() || self.log.iter().any(|input| input.file == Some(file)))
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
        if let Some(known) = self.checked_place(address).filter(|_| self.options.checked) {
            self.say_line(known);
            return self.looked(true);
        }
        let place = self.place(address);
        self.say_line(self.describe(address, &place, &self.style()));
        self.looked(true)
    }
}

/// Which variables lead to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// None.
    Lost,
    /// Only those whose name now means another.
    Hidden,
    /// One that has its name, or a module's.
    Held,
}

/// The blocks as the scan wants them: the live ones in their order, then the buffers of allocators that lend theirs.
fn nodes(live: &[LiveBlock]) -> Vec<Node> {
    let node = |block: &LiveBlock| {
        let kind = match block.allocator {
            Allocator::Bump | Allocator::Stack => Kind::Lent,
            _ => Kind::Block,
        };
        // Also a block without bytes has an address.
        let range = block.address..block.address.saturating_add(block.size.max(1));
        Node { range, kind, layer: leaks::layer(block.allocator) }
    };
    let mut nodes: Vec<Node> = live.iter().map(node).collect();
    let heap: HashSet<usize> =
        live.iter().filter(|b| leaks::layer(b.allocator) == 0).map(|b| b.address).collect();
    let mut buffers = HashSet::new();
    for block in live.iter().filter(|block| leaks::layer(block.allocator) != 0) {
        let around = walk::find(block.address).filter(|around| around.kind != walk::PageKind::Code);
        if let Some(around) =
            around.filter(|around| !heap.contains(&around.start) && buffers.insert(around.start))
        {
            let range = around.start..around.start.saturating_add(around.usable);
            nodes.push(Node { range, kind: Kind::Buffer, layer: 0 });
        }
    }
    nodes
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
