//! The allocators that variables hold, and what they have to show.

use std::fmt::Write;

use vex_runtime::alloc::{self, AllocFigures};
use vex_runtime::report::{Allocator, LiveBlock};

use super::leaks;
use super::style::{self, ALARM, STRONG, Style, bytes, count, percent, size};
use crate::session::Session;
use crate::session::peek::Peek;
use crate::types::{Ty, TyKind};

/// An allocator in a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The variable and the way to it from there: `p`, `level.pool`.
    pub path: String,
    /// Its structure's name; `kmem` for kmem.
    pub kind: &'static str,
    /// Where the structure is; 0 for kmem.
    pub address: usize,
}

/// The kinds of allocator: the word for it, its structure, and what the books call it.
const KINDS: [(&str, &str, Allocator); 5] = [
    ("bump", "BumpAllocator", Allocator::Bump),
    ("pool", "PoolAllocator", Allocator::Pool),
    ("freelist", "FreeListAllocator", Allocator::FreeList),
    ("stack", "StackAllocator", Allocator::Stack),
    ("kmem", "kmem", Allocator::Kmem),
];

/// Bytes of the largest of their structures.
const STRUCTURE: usize = 48;

/// Fields inside of fields that are looked for allocators.
const DEPTH: usize = 4;

/// Elements of an array that are looked at.
const ELEMENTS: u64 = 32;

/// Whether a word is one of the kinds.
pub(super) fn is_kind(word: &str) -> bool {
    KINDS.iter().any(|(name, ..)| *name == word)
}

impl Found {
    /// What it is called in a sentence.
    pub fn name(&self) -> String {
        if self.kind == "kmem" { "kmem".into() } else { format!("`{}`, a {}", self.path, self.kind) }
    }

    /// The word for its kind.
    pub fn word(&self) -> &'static str {
        KINDS.iter().find(|(_, kind, _)| *kind == self.kind).map_or("", |(word, ..)| word)
    }

    /// What the books call it.
    fn allocator(&self) -> Option<Allocator> {
        KINDS.iter().find(|(_, kind, _)| *kind == self.kind).map(|(.., allocator)| *allocator)
    }

    /// The layer of its blocks in a scan for leaks.
    pub fn layer(&self) -> Option<usize> {
        self.allocator().map(leaks::layer)
    }

    /// What it has to show; `None` when its structure makes no sense.
    pub fn figures(&self) -> Option<AllocFigures> {
        let mut words = [0u64; STRUCTURE / 8];
        if self.address != 0 {
            let mut copy = [0; STRUCTURE];
            let wanted = if self.kind == "PoolAllocator" { STRUCTURE } else { 32 };
            if !Peek::new().read(self.address, &mut copy[..wanted]) {
                return None;
            }
            for (word, bytes) in words.iter_mut().zip(copy.chunks_exact(8)) {
                *word = u64::from_ne_bytes(bytes.try_into().unwrap_or_default());
            }
        }
        // SAFETY: a copy of the structure, as large as the largest of the kinds; no program runs meanwhile, and nobody
        // else knows the session's allocators.
        unsafe { alloc::figures(self.kind, words.as_ptr().cast()) }
    }
}

impl Session {
    /// The structure's name, if this type is an allocator of `std/allocator`.
    fn allocator_kind(&self, ty: Ty) -> Option<&'static str> {
        let def = self.program.types.struct_of(ty)?;
        let (_, kind, _) = KINDS.iter().find(|(_, kind, _)| *kind == def.name.as_str())?;
        // A program may have a structure of its own with the name.
        let (file, _) = self.sources.locate(def.span.lo)?;
        file.library.then_some(kind)
    }

    /// The allocators in the session's variables, and kmem if it was used.
    pub(super) fn allocators(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for id in self.env.variables() {
            let name = self.program.globals[id.0 as usize].name;
            if let (true, Some((ty, address))) = (self.holds_value(id), self.value_of(id)) {
                self.allocators_in(ty, address, name.as_str().to_string(), DEPTH, &mut found);
            }
        }
        // `_` may be one that a name means as well.
        let named: Vec<usize> = found.iter().filter(|f| f.path != "_").map(|f| f.address).collect();
        found.retain(|f| !f.path.starts_with('_') || f.path.len() > 1 || !named.contains(&f.address));
        let kmem = Found { path: "kmem".into(), kind: "kmem", address: 0 };
        if kmem.figures().is_some_and(|figures| figures.buffer != 0) {
            found.push(kmem);
        }
        found
    }

    /// The allocator in a variable, or kmem, in whose buffer an address is.
    pub(super) fn allocator_around(&self, address: usize) -> Option<Found> {
        self.allocators().into_iter().find(|found| {
            let figures = found.figures();
            figures.is_some_and(|f| f.buffer != 0 && address.wrapping_sub(f.buffer) < f.capacity)
        })
    }

    /// Adds the allocators in a value; `path` says how it is written.
    pub(super) fn allocators_in(
        &self,
        ty: Ty,
        address: usize,
        path: String,
        depth: usize,
        found: &mut Vec<Found>,
    ) {
        if let Some(kind) = self.allocator_kind(ty) {
            found.push(Found { path, kind, address });
            return;
        }
        let types = &self.program.types;
        match types.kind(ty) {
            TyKind::Ref { pointee, .. } | TyKind::RawPtr { pointee, .. } => {
                if let (Some(kind), Some(address)) =
                    (self.allocator_kind(*pointee), Peek::new().pointer(address))
                {
                    found.push(Found { path, kind, address });
                }
            }
            _ if depth == 0 => {}
            TyKind::Array { elem, len } => {
                let size = types.layout(*elem).size;
                for index in 0..(*len).min(ELEMENTS) {
                    let at = address + (index * size) as usize;
                    self.allocators_in(*elem, at, format!("{path}[{index}]"), depth - 1, found);
                }
            }
            TyKind::Struct { .. } | TyKind::Tuple(_) => {
                let fields = types.field_types(ty);
                for (index, (field, offset)) in fields.iter().zip(types.field_offsets(ty)).enumerate() {
                    let name = types.struct_of(ty).map(|def| def.fields[index].name.as_str().to_string());
                    let path = format!("{path}.{}", name.unwrap_or_else(|| index.to_string()));
                    self.allocators_in(*field, address + offset as usize, path, depth - 1, found);
                }
            }
            _ => {}
        }
    }
}

/// The live blocks of the books that an allocator carved out of its buffer.
pub(super) fn blocks_of<'a>(
    found: &Found,
    figures: &AllocFigures,
    live: &'a [LiveBlock],
) -> Vec<&'a LiveBlock> {
    let buffer = figures.buffer..figures.buffer.saturating_add(figures.capacity);
    let allocator = found.allocator();
    let ours = |block: &&LiveBlock| Some(block.allocator) == allocator && buffer.contains(&block.address);
    live.iter().filter(ours).collect()
}

/// The table of figures, a row each.
pub(super) fn table(rows: &[(Found, Option<AllocFigures>, usize)], style: &Style) -> String {
    let width = rows.iter().map(|(found, ..)| found.path.chars().count()).max().unwrap_or(0).max(9);
    let heading = format!(
        "{:<width$} {:<8} {:>9} {:>9} {:>9} {:>9} {:>6} {:>9} {:>6}",
        "allocator", "kind", "capacity", "used", "free", "largest", "fragm.", "peak", "blocks"
    );
    let mut text = style.paint(STRONG, &heading) + "\n";
    for (found, figures, known) in rows {
        let _ = write!(text, "{:<width$} {:<8} ", found.path, found.word());
        let Some(figures) = figures else {
            let _ = writeln!(
                text,
                "{}",
                style.paint(ALARM, "never made, dropped through a copy, or overwritten")
            );
            continue;
        };
        let blocks = figures.live.as_ref().map_or(*known, Vec::len);
        // Any free block of a pool is as good as any other.
        let fragmentation = match figures.block_size {
            Some(_) => "-".into(),
            None => percent((figures.fragmentation() * 1000.0).round() as usize, 1000),
        };
        let _ = writeln!(
            text,
            "{:>9} {:>9} {:>9} {:>9} {:>6} {:>9} {:>6}",
            size(figures.capacity),
            size(figures.used),
            size(figures.free),
            size(figures.largest_free),
            fragmentation,
            figures.peak.map_or("-".into(), size),
            style::number(blocks),
        );
    }
    text
}

/// The picture of a buffer: which parts of it are in use.
pub(super) fn picture(found: &Found, figures: &AllocFigures, style: &Style) -> String {
    let mut text = match (figures.buffer, figures.capacity) {
        (0, 0) => return format!("{} has no buffer: it was dropped\n", found.path),
        (0, _) => return format!("{} has no buffer yet\n", found.path),
        (at, _) => {
            let whose = if figures.owns_buffer { "its own" } else { "which it was given" };
            let mut text =
                format!("{}: buffer of {} at {at:#x}, {whose}", found.path, bytes(figures.capacity));
            if let Some(block) = figures.block_size {
                let _ = write!(text, ", in blocks of {}", bytes(block));
            }
            if let Some(requested) = figures.requested {
                let _ = write!(text, ", {} asked for", bytes(requested));
            }
            style::wrap(&text, style.width) + "\n"
        }
    };
    let cells = cells(figures, style.width.saturating_sub(4).clamp(8, 64));
    let _ = writeln!(text, "  {}", style.bar(&cells, "32"));
    if let Some(at) = figures.damaged {
        let damage = format!("the header at {at:#x} was overwritten");
        let _ = writeln!(text, "  {}", style.paint(ALARM, &damage));
    }
    text
}

/// Bytes in use, and all bytes, of equal parts of a buffer, at most `most`.
fn cells(figures: &AllocFigures, most: usize) -> Vec<(usize, usize)> {
    let (capacity, grain) = (figures.capacity, figures.block_size.unwrap_or(1).max(1));
    let per_cell = capacity.div_ceil(most).max(1).next_multiple_of(grain);
    let mut cells: Vec<(usize, usize)> = (0..capacity.div_ceil(per_cell))
        .map(|index| (0, per_cell.min(capacity - index * per_cell)))
        .collect();
    let mut fill = |start: usize, end: usize| {
        let (mut at, end) = (start.min(capacity), end.min(capacity));
        while at < end {
            let cell = at / per_cell;
            let until = ((cell + 1) * per_cell).min(end);
            cells[cell].0 += until - at;
            at = until;
        }
    };
    match &figures.live {
        Some(live) => {
            // Headers lie in front of blocks.
            let sizes = live.iter().fold(0usize, |sum, block| sum.saturating_add(block.size));
            let header = figures.used.saturating_sub(sizes) / live.len().max(1);
            for block in live {
                let start = block.address.saturating_sub(figures.buffer);
                fill(start.saturating_sub(header), start.saturating_add(block.size));
            }
        }
        // What allocates in one direction uses the front.
        None => fill(0, figures.used),
    }
    cells
}

/// How many blocks an allocator has, in words.
pub(super) fn heading(figures: &AllocFigures, known: usize) -> String {
    let blocks = figures.live.as_ref().map_or(known, Vec::len);
    match (blocks, blocks.saturating_sub(known)) {
        (0, _) => "  no live blocks\n".into(),
        (_, 0) => String::new(),
        (_, unknown) => format!("  {} that no line is known of\n", count(unknown, "live block")),
    }
}

#[cfg(test)]
mod tests {
    use vex_runtime::alloc::AllocBlock;

    use super::*;

    const STYLE: Style = Style { width: 90, unicode: true, color: false };

    fn found(path: &str, kind: &'static str) -> Found {
        Found { path: path.into(), kind, address: 0x100 }
    }

    fn pool() -> AllocFigures {
        let block = |address| AllocBlock { address, size: 32, reason: None };
        AllocFigures {
            buffer: 0x1000,
            owns_buffer: true,
            capacity: 320,
            used: 96,
            free: 224,
            largest_free: 32,
            free_pieces: 7,
            block_size: Some(32),
            live: Some(vec![block(0x1000), block(0x1020), block(0x1120)]),
            ..AllocFigures::default()
        }
    }

    #[test]
    fn figures_are_a_row_each() {
        let bump = AllocFigures { capacity: 4096, used: 1024, free: 3072, largest_free: 3072, ..pool() };
        let bump = AllocFigures { free_pieces: 1, block_size: None, live: None, peak: Some(2048), ..bump };
        let rows = [
            (found("level.pool", "PoolAllocator"), Some(pool()), 3),
            (found("b", "BumpAllocator"), Some(bump), 2),
            (found("gone", "StackAllocator"), None, 0),
        ];
        let expected = "\
allocator  kind      capacity      used      free   largest fragm.      peak blocks
level.pool pool         320 B      96 B     224 B      32 B      -         -      3
b          bump         4 KiB     1 KiB     3 KiB     3 KiB     0%     2 KiB      2
gone       stack    never made, dropped through a copy, or overwritten
";
        assert_eq!(table(&rows, &STYLE), expected);
    }

    #[test]
    fn a_buffer_is_a_bar() {
        let expected = "\
p: buffer of 320 bytes at 0x1000, its own, in blocks of 32 bytes
  │██·······█│
";
        assert_eq!(picture(&found("p", "PoolAllocator"), &pool(), &STYLE), expected);
        let half = AllocFigures { live: None, used: 80, block_size: None, ..pool() };
        assert_eq!(cells(&half, 4), [(80, 80), (0, 80), (0, 80), (0, 80)]);
        assert_eq!(cells(&AllocFigures { used: 100, ..half.clone() }, 4)[1], (20, 80));
        let block = AllocBlock { address: 0x1010, size: 144, reason: None };
        let list = AllocFigures { live: Some(vec![block]), used: 160, ..half.clone() };
        assert_eq!(cells(&list, 4), [(80, 80), (80, 80), (0, 80), (0, 80)]);
        // Blocks that are not where they can be do no harm.
        let stray = AllocBlock { address: 0x900, size: usize::MAX, reason: None };
        let wrong = AllocFigures { live: Some(vec![stray]), ..half };
        assert_eq!(cells(&wrong, 4), [(80, 80); 4]);
    }

    #[test]
    fn an_allocator_without_a_buffer_says_so() {
        let text = picture(&found("p", "PoolAllocator"), &AllocFigures::default(), &STYLE);
        assert_eq!(text, "p has no buffer: it was dropped\n");
    }
}
