//! What lies at an address.

use std::fmt::Write;
use std::ops::Range;

use vex_runtime::heap::walk::{self, BlockInfo, PageKind};
use vex_runtime::report::{self, FreedBlock, LiveBlock};

use super::leaks;
use super::style::{self, DIM, STRONG, Style, bytes, count, size};
use crate::jit::{self, Part};
use crate::session::Session;
use crate::session::peek::Peek;
use crate::typed::GlobalId;

/// Addresses below this are what is left of a null pointer with an offset.
const NULL_PAGE: usize = 4096;

/// What lies at an address.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A null pointer, or one with an offset.
    Null,
    /// A variable.
    Variable { id: GlobalId, range: Range<usize> },
    /// Code of a function: its name and where it begins.
    Code { name: String, start: usize },
    /// The session's own memory, beside its functions and variables.
    Own(Part),
    /// A live block in the books, and the block of the heap that is it or that it lies in.
    Live(LiveBlock, Option<BlockInfo>),
    /// A block of the heap that is live but not in the books.
    Inner(BlockInfo),
    /// A block of the heap that is not live, and what it was last.
    Free(BlockInfo, Option<FreedBlock>),
    /// Where a block was that is no more; there may still be memory.
    Freed(FreedBlock),
    /// Bookkeeping of the heap, or slices that no page uses.
    Heap,
    /// A library or the compiler, and the symbol.
    Library { file: String, symbol: Option<(String, usize)> },
    /// The stack of an input that has ended.
    PastStack,
    /// Memory of the process, with the system's name for it.
    Mapped(String),
    /// Nothing.
    Unmapped,
}

impl Place {
    /// The block or variable, if the address is in one.
    pub fn bounds(&self) -> Option<Range<usize>> {
        let of = |start: usize, len: usize| Some(start..start.saturating_add(len));
        match self {
            Place::Variable { range, .. } => Some(range.clone()),
            Place::Live(block, _) => of(block.address, block.size),
            Place::Inner(block) => of(block.start, block.usable),
            Place::Free(block, None) => of(block.start, block.usable),
            Place::Free(_, Some(freed)) | Place::Freed(freed) => of(freed.address, freed.size),
            _ => None,
        }
    }
}

impl Session {
    /// What lies at an address.
    pub(super) fn place(&self, address: usize) -> Place {
        if address < NULL_PAGE {
            return Place::Null;
        }
        if let Some((id, range)) = self.variable_at(address) {
            return Place::Variable { id, range };
        }
        if let Some(part) = self.code.part_at(address) {
            return match self.code.code_at(address) {
                Some((name, start)) => Place::Code { name: name.to_string(), start },
                None => Place::Own(part),
            };
        }
        let block = walk::find(address).filter(|block| block.kind != PageKind::Code);
        if let Some(live) = report::find(address) {
            return Place::Live(live, block);
        }
        let freed = report::freed(address);
        match (block, freed) {
            (Some(block), freed) if !block.live => return Place::Free(block, freed),
            (Some(block), None) => return Place::Inner(block),
            (_, Some(freed)) => return Place::Freed(freed),
            (None, None) => {}
        }
        if in_heap(address) {
            return Place::Heap;
        }
        if let Some((file, symbol)) = library(address) {
            return Place::Library { file, symbol };
        }
        match (Peek::new().readable(address), mapping(address)) {
            (_, Some(name)) => Place::Mapped(name),
            (true, None) => Place::Mapped(String::new()),
            _ if jit::was_stack(address) => Place::PastStack,
            _ => Place::Unmapped,
        }
    }

    /// The variable whose value the address is in, and where that is.
    pub(super) fn variable_at(&self, address: usize) -> Option<(GlobalId, Range<usize>)> {
        (0..self.program.globals.len()).rev().find_map(|index| {
            let id = GlobalId(index as u32);
            let range = self.range_of(id)?;
            range.contains(&address).then_some((id, range))
        })
    }

    /// Where the value of a variable is.
    pub(in crate::session) fn range_of(&self, id: GlobalId) -> Option<Range<usize>> {
        let (ty, start) = self.value_of(id)?;
        Some(start..start + self.program.types.layout(ty).size as usize)
    }

    /// A place in words: a line, and the source line that has to do with it.
    pub(super) fn describe(&self, address: usize, place: &Place, style: &Style) -> String {
        let what = match place {
            Place::Null if address == 0 => "null: points nowhere".into(),
            Place::Null => format!("null and {}: points nowhere", count(address, "byte")),
            Place::Variable { id, range } => self.describe_variable(*id, range, address),
            Place::Code { name, start } => {
                format!("{}code of the function `{name}`", into(address, *start))
            }
            Place::Own(part) => match part {
                Part::Code => "code of the session, of no function that it still has".into(),
                Part::Constants => "constant data of the session, such as the text of strings".into(),
                Part::Variables => "memory for the session's variables, of none of them".into(),
            },
            Place::Live(block, heap) => return self.describe_live(block, heap.as_ref(), address, style),
            Place::Inner(block) => self.describe_inner(block, address),
            Place::Free(block, None) => format!(
                "{}a free {} of the heap that was not in use lately",
                into(address, block.start),
                sized("block", block.start, block.usable)
            ),
            Place::Free(_, Some(freed)) | Place::Freed(freed) => {
                return self.describe_freed(freed, address, style);
            }
            Place::Heap => "memory of the heap in no block: its bookkeeping, or free".into(),
            Place::Library { file, symbol: Some((name, start)) } => {
                format!("{}`{name}` in {file}", into(address, *start))
            }
            Place::Library { file, symbol: None } => format!("in {file}"),
            Place::PastStack => {
                "nothing there now; it was the stack of an input that has ended, so the local variable is gone".into()
            }
            Place::Mapped(name) if name.is_empty() => "memory of the process, none that the session gave out".into(),
            Place::Mapped(name) => format!("memory of the process, none that the session gave out: {name}"),
            Place::Unmapped => "nothing there: no memory has this address".into(),
        };
        style::wrap(&format!("{}: {what}", style.paint(STRONG, &format!("{address:#x}"))), style.width)
    }

    fn describe_variable(&self, id: GlobalId, range: &Range<usize>, address: usize) -> String {
        let global = &self.program.globals[id.0 as usize];
        let name = global.name.as_str();
        let ty = self.show_type(global.ty);
        let offset = into(address, range.start);
        let whose = match (self.env.variable(name) == Some(id), name) {
            (true, _) => format!("the variable `{name}: {ty}`"),
            (false, "_") => format!("an earlier `_`, of type `{ty}`"),
            (false, "") => format!("a value of type `{ty}` without a name"),
            (false, _) => format!("an earlier variable `{name}: {ty}`, which a later `{name}` hides"),
        };
        format!("{offset}{whose}, {} at {:#x}", size(range.len()), range.start)
    }

    /// A block that the runtime allocated.
    fn describe_inner(&self, block: &BlockInfo, address: usize) -> String {
        match self.allocator_around(address).and_then(|found| Some((found.figures()?, found))) {
            Some((figures, found)) => format!(
                "{}the buffer of {}, {} at {:#x}; in none of its live blocks",
                into(address, figures.buffer),
                found.name(),
                bytes(figures.capacity),
                figures.buffer,
            ),
            None => format!(
                "{}a live {} of the heap that the program did not ask for: a buffer of an allocator, or the runtime's",
                into(address, block.start),
                sized("block", block.start, block.usable),
            ),
        }
    }

    fn describe_live(
        &self,
        block: &LiveBlock,
        heap: Option<&BlockInfo>,
        address: usize,
        style: &Style,
    ) -> String {
        let mut text = format!(
            "{}: {}a live {} from {}",
            style.paint(STRONG, &format!("{address:#x}")),
            into(address, block.address),
            sized("block", block.address, block.size),
            block.allocator.name(),
        );
        match (heap, leaks::layer(block.allocator)) {
            (Some(heap), 0) if heap.usable > block.size => {
                let _ = write!(text, ", {} with slack", bytes(heap.usable));
            }
            (_, 0) => {}
            _ => match (self.allocator_around(address), heap) {
                (Some(found), _) if found.kind == "kmem" => {}
                (Some(found), _) => text.push_str(&format!(", in the buffer of {}", found.name())),
                (None, Some(heap)) => {
                    let _ = write!(text, ", in the {}", sized("heap block", heap.start, heap.usable));
                }
                (None, None) => {}
            },
        }
        if let Some(reason) = block.reason.as_deref().filter(|reason| !reason.is_empty()) {
            let _ = write!(text, ", for \"{reason}\"");
        }
        style::wrap(&text, style.width) + &self.source_row("allocated", block.site, style)
    }

    fn describe_freed(&self, freed: &FreedBlock, address: usize, style: &Style) -> String {
        let text = format!(
            "{}: {}a {} from {} that is {}",
            style.paint(STRONG, &format!("{address:#x}")),
            into(address, freed.address),
            sized("block", freed.address, freed.size),
            freed.allocator.name(),
            style.paint(style::ALARM, "freed"),
        );
        let mut text = style::wrap(&text, style.width) + &self.source_row("allocated", freed.site, style);
        if freed.free_site != 0 {
            text.push_str(&self.source_row("freed", freed.free_site, style));
        }
        text
    }

    /// A row that says on which line something happened.
    fn source_row(&self, what: &str, site: u32, style: &Style) -> String {
        let line = self.line(site);
        let row = format!("  {what} at {}  ", line.name);
        let text = style.cut(&line.text, style.width.saturating_sub(row.chars().count()));
        format!("\n{row}{}", style.paint(DIM, &text)).trim_end().to_string()
    }
}

/// `8 bytes into `, unless it is the first byte.
fn into(address: usize, start: usize) -> String {
    match address - start {
        0 => String::new(),
        offset => format!("{} into ", count(offset, "byte")),
    }
}

/// `block of 48 bytes at 0x…`
fn sized(thing: &str, start: usize, len: usize) -> String {
    format!("{thing} of {} at {start:#x}", bytes(len))
}

/// Whether an address is in memory that the heap has.
fn in_heap(address: usize) -> bool {
    let mut found = false;
    walk::walk(&mut |region| {
        let (start, len) = match region {
            walk::Region::Chunk(chunk) => (chunk.address, chunk.bytes),
            walk::Region::Page(page) => (page.address, page.bytes),
        };
        found |= (start..start + len).contains(&address);
    });
    found
}

/// The file that was loaded at an address, and the symbol in front of it with its address.
#[cfg(unix)]
fn library(address: usize) -> Option<(String, Option<(String, usize)>)> {
    use std::ffi::CStr;
    // SAFETY: a structure of pointers and numbers, for which zeros are values.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the address is only compared; the structure is filled when the result is not 0.
    let found = unsafe { libc::dladdr(std::ptr::without_provenance(address), &mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: strings of the loader, which live as long as what was loaded; nothing is unloaded here.
    let text = |text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    let symbol = (!info.dli_sname.is_null()).then(|| (text(info.dli_sname), info.dli_saddr.addr()));
    let file = text(info.dli_fname);
    let name = file.rsplit('/').next().unwrap_or(&file).to_string();
    Some((name, symbol.filter(|(_, start)| *start <= address)))
}

#[cfg(not(unix))]
fn library(_: usize) -> Option<(String, Option<(String, usize)>)> {
    None
}

/// What the system calls the mapping at an address: a file, `[stack]`, `[heap]`, or nothing. `None` where there is
/// none, or no telling.
fn mapping(address: usize) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    mapping_in(&maps, address)
}

/// As [`mapping`], in the text of such a list.
fn mapping_in(maps: &str, address: usize) -> Option<String> {
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (low, high) = fields.next()?.split_once('-')?;
        let range = usize::from_str_radix(low, 16).ok()?..usize::from_str_radix(high, 16).ok()?;
        let permissions = fields.next()?;
        // Reserved address space is no memory.
        let is_memory = range.contains(&address) && !permissions.starts_with("---");
        is_memory.then(|| fields.skip(3).collect::<Vec<_>>().join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_found_by_address() {
        let maps = "\
1000-2000 r-xp 00000000 08:01 77   /lib/a b.so
2000-4000 ---p 00000000 00:00 0
4000-5000 rw-p 00000000 00:00 0    [stack]
5000-6000 rw-p 00000000 00:00 0
";
        let at = |address| mapping_in(maps, address);
        assert_eq!(at(0x1fff).as_deref(), Some("/lib/a b.so"));
        assert_eq!(at(0x4000).as_deref(), Some("[stack]"));
        assert_eq!(at(0x5000).as_deref(), Some(""));
        assert_eq!([at(0x3000), at(0x6000), at(0xfff)], [None, None, None]);
    }

    #[cfg(unix)]
    #[test]
    fn libraries_are_found_by_address() {
        let (file, symbol) = library(libc::malloc as *const () as usize).expect("libc is loaded");
        assert!(!file.contains('/') && !file.is_empty());
        assert!(symbol.is_none_or(|(name, _)| name.contains("alloc")));
        let local = 5;
        assert_eq!(library((&raw const local).addr()), None);
    }
}
