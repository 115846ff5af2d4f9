//! Reports of the global allocator, in words.

use super::sites;
use crate::checked::{BadFree, BlockInfo, Defect, DefectKind, EXIT_CODE, Side, State, Verdict};
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Whether the process goes on after a report.
static KEEPS_GOING: AtomicBool = AtomicBool::new(false);

/// Whether a report is being written: what goes wrong meanwhile is not reported.
static BUSY: AtomicBool = AtomicBool::new(false);

/// Decides whether the process goes on after a report; at first it does not.
pub fn keep_going(on: bool) {
    KEEPS_GOING.store(on, Ordering::Relaxed);
}

/// The handler of defects: writes the report, and ends the process or goes on.
pub(super) fn tell(defect: &Defect<'_>) -> Verdict {
    if BUSY.swap(true, Ordering::AcqRel) {
        return Verdict::Continue;
    }
    crate::fault::write_stderr(text(defect).as_bytes());
    if !KEEPS_GOING.load(Ordering::Relaxed) {
        // What is wrong on the way out is of no interest any more, and the end may be
        // where this was found.
        // SAFETY: no preconditions.
        unsafe { libc::_exit(EXIT_CODE) }
    }
    BUSY.store(false, Ordering::Release);
    Verdict::Continue
}

/// What is wrong, in one sentence.
fn title(defect: &Defect<'_>) -> String {
    let function = defect.function;
    match defect.kind {
        DefectKind::WrongSize | DefectKind::WrongAlign => {
            format!("`{function}` with another layout than the block was allocated with")
        }
        DefectKind::DoubleFree => format!("`{function}` of a block that was freed already"),
        DefectKind::BadFree(BadFree::Interior) => {
            format!("`{function}` of a pointer into a block, not to its start")
        }
        DefectKind::BadFree(_) => format!("`{function}` of a pointer that is no block of this allocator"),
        DefectKind::BadSize => {
            format!("`{function}` was asked for 0 bytes, which `GlobalAlloc` does not allow")
        }
        DefectKind::OutOfBounds => match defect.side() {
            Some(Side::Before(bytes)) => {
                format!("something wrote in front of a block, {bytes} bytes before it")
            }
            Some(Side::After(0)) => "something wrote past the end of a block, right behind it".into(),
            Some(Side::After(bytes)) => {
                format!("something wrote past the end of a block, {bytes} bytes behind it")
            }
            _ => "something wrote past a block".into(),
        },
        DefectKind::UseAfterFree => match defect.side() {
            Some(Side::Inside(offset)) => format!("something wrote to a freed block, {offset} bytes into it"),
            _ => "something wrote to a freed block".into(),
        },
        _ => format!("{defect}"),
    }
}

fn layout(size: i128, align: i128) -> String {
    format!("{size} bytes aligned to {align}")
}

/// The report.
fn text(defect: &Defect<'_>) -> String {
    let mut out = format!("error: {}\n", title(defect));
    let given = defect.given;
    if let (Some(size), Some(align)) = (given.size, given.align) {
        let _ = writeln!(out, "  pointer {:#x}, layout {}, given at", defect.address, layout(size, align));
        sites::list(&mut out, defect.trace);
    } else if !defect.trace.is_empty() {
        let _ = writeln!(out, "  found at");
        sites::list(&mut out, defect.trace);
    }
    if let Some(block) = &defect.block {
        describe(&mut out, block);
    }
    let _ = writeln!(out, "  help: {}", help(defect.kind));
    out
}

/// The block and its history.
fn describe(out: &mut String, block: &BlockInfo) {
    let layout = layout(block.size as i128, block.align as i128);
    let _ = writeln!(out, "  the block {:#x}, layout {layout}, was allocated at", block.base);
    sites::list(out, block.allocated);
    if let Some(before) = &block.moved_from {
        let _ =
            writeln!(out, "  from {} bytes at {:#x} by `realloc`, allocated at", before.size, before.base);
        sites::list(out, before.allocated);
    }
    if let Some(freed) = block.freed.filter(|_| block.state != State::Live) {
        let how = if block.state == State::Moved { "moved by `realloc`" } else { "freed" };
        let _ = writeln!(out, "  and {how} at");
        sites::list(out, freed);
    }
}

/// What to do.
fn help(kind: DefectKind) -> &'static str {
    match kind {
        DefectKind::WrongSize | DefectKind::WrongAlign => {
            "pass the layout of the allocation: `Box::from_raw` and `Vec::from_raw_parts` need the type and the \
             capacity that the block was made with"
        }
        DefectKind::DoubleFree => {
            "free it once: one of the two owners must not own it (`mem::forget`, `into_raw`)"
        }
        DefectKind::BadFree(BadFree::Interior) => "free the pointer that the allocation returned",
        DefectKind::BadFree(_) => "give it back to whoever allocated it; C's blocks to C's `free`",
        DefectKind::BadSize => "ask `Layout::size` first; types without bytes need no allocation",
        DefectKind::OutOfBounds => "look at `unsafe` code that writes to the block through a raw pointer",
        _ => "look for raw pointers and references that outlive the block",
    }
}

/// Writes live blocks, grouped by where they were allocated, the most bytes first.
pub(super) fn list_live(blocks: &[BlockInfo]) {
    let mut groups: BTreeMap<&[usize], (usize, usize, &BlockInfo)> = BTreeMap::new();
    for block in blocks {
        let group = groups.entry(block.allocated.frames()).or_insert((0, 0, block));
        group.0 += 1;
        group.1 += block.size;
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(_, bytes, _)| core::cmp::Reverse(*bytes));
    for (count, bytes, first) in groups {
        let mut out = format!("still allocated: {bytes} bytes in {count} blocks, allocated at\n");
        sites::list(&mut out, first.allocated);
        crate::fault::write_stderr(out.as_bytes());
    }
}
