//! What to do about a memory error: notes that explain it, and the likely fix where there is one.

use vex_runtime::checked::{BadFree, DefectKind, Origin, Side, State};
use vex_syntax::SourceMap;

use super::model::{Block, Finding, position};
use super::words::{self, bytes};

/// Facts that help to understand a memory error.
pub fn notes(finding: &Finding, sources: &SourceMap) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(landed) = finding.landed.as_ref().filter(|landed| landed.origin != Origin::Internal) {
        let mut note = format!("the bytes there belong to {}", words::short(landed));
        if let Some((file, at)) = sources.locate(position(&landed.allocated, sources)) {
            note.push_str(&format!(", allocated at {}:{}", file.name, at.line));
        }
        notes.push(note);
    }
    if let (DefectKind::OutOfObject, Some(block)) = (finding.kind, &finding.block) {
        let part = bytes(block.size as i128);
        notes.push(format!(
            "the pointer was made from {part} of the block, and reaches no further than these"
        ));
    }
    if let (DefectKind::Null, Some(refusal)) = (finding.kind, &finding.refusal) {
        notes.push(refusal.clone());
    }
    notes
}

/// What to do.
pub fn helps(finding: &Finding, sources: &SourceMap) -> Vec<String> {
    let mut helps = Vec::new();
    match (finding.kind, &finding.block) {
        (DefectKind::OutOfBounds, Some(block)) => bounds(finding, block, sources, &mut helps),
        (DefectKind::UseAfterFree, Some(block)) => helps.push(after_free(block)),
        (DefectKind::StaleRegion, Some(_)) if finding.access.is_none() => helps.push(
            "a copy of an allocator is stale when another one is dropped, as by `bump_free` and its like; make a \
             new allocator"
                .into(),
        ),
        (DefectKind::StaleRegion, Some(block)) if !block.is_live() => helps.push(after_free(block)),
        (DefectKind::Unwritten, Some(block)) => helps.push(unwritten(block)),
        (DefectKind::DoubleFree, Some(block)) => helps.push(double_free(block)),
        (DefectKind::WrongAllocator, Some(block)) => helps.extend(right_free(block)),
        (DefectKind::BadFree(BadFree::Interior), Some(block)) => helps.push(interior(finding, block)),
        (DefectKind::WrongSize, _) => helps.push(wrong_size(finding)),
        (DefectKind::WrongAlign, _) => helps.extend(
            (finding.given.expected_align)
                .map(|align| format!("free it with the alignment that it was allocated with: {align}")),
        ),
        (kind, _) => helps.extend(general(kind, finding).map(str::to_owned)),
    }
    helps
}

/// What helps against a kind whatever the block.
fn general(kind: DefectKind, finding: &Finding) -> Option<&'static str> {
    Some(match kind {
        DefectKind::OutOfObject => {
            "if it is meant to reach further, make the pointer from the whole structure or array"
        }
        DefectKind::DeadStack => {
            "return the value instead of a pointer to it, or allocate memory that outlives the function"
        }
        DefectKind::Null if finding.refusal.is_some() => {
            "allocation functions return null when they have no room: look at the result before using it"
        }
        DefectKind::Null => {
            "was the pointer ever set? What may be null has to be compared with null before it is used"
        }
        DefectKind::Wild => "was the pointer ever set? A number is a pointer only if it was made from one",
        DefectKind::Misaligned => {
            "`load_i64`, `store_i64` and their like take any address; for a typed pointer, allocate with its \
             alignment and step by whole elements"
        }
        DefectKind::BadFree(BadFree::Stack) => {
            "variables of functions end by themselves; free only what was allocated"
        }
        DefectKind::BadFree(BadFree::Static) => {
            "global variables and constants are never freed; free only what was allocated"
        }
        DefectKind::BadFree(_) => "free only what an allocation function has returned",
        DefectKind::Overlap if finding.function.ends_with("memcpy") => {
            "`vex_memmove` copies between ranges that overlap"
        }
        DefectKind::Overlap => {
            "copy by way of a buffer of its own, or byte by byte in the order that is safe"
        }
        DefectKind::BadSize if finding.given.size.is_some_and(|size| size < 0) => {
            "look at how the size is computed: it became negative"
        }
        DefectKind::BadSize => "look at how the size is computed: a product or a sum may have overflowed",
        DefectKind::ZeroSized => {
            "a block of 0 bytes can be freed and nothing else: ask for as many bytes as are used"
        }
        DefectKind::StaleRegion => {
            "use only what the allocator returned, and only until the `reset`, `pop` or `drop` that takes it back"
        }
        _ => return None,
    })
}

/// The likely fixes of an access outside of a block.
fn bounds(finding: &Finding, block: &Block, sources: &SourceMap, helps: &mut Vec<String>) {
    let size = finding.access.map_or(0, |access| access.size);
    if !finding.function.is_empty() {
        if let Side::Inside(offset) = block.side(finding.start) {
            helps.push(format!(
                "from there on the block has room for {}",
                bytes((block.size - offset) as i128)
            ));
        }
        return;
    }
    let offset = finding.start as i128 - block.base as i128;
    let whole = size > 0 && offset % size as i128 == 0;
    let number = if whole { offset / size as i128 } else { 0 };
    let count = block.size / size.max(1);
    match block.side(finding.start) {
        Side::Before(_) if whole && number > -1000 => {
            helps.push(format!("elements are counted from 0 on: this is number {number}"));
        }
        Side::After(_) | Side::Inside(_) if whole && count > 0 && number < 1 << 32 => {
            let elements = match size {
                1 => bytes(count as i128),
                _ => format!("{count} element{} of {size} bytes", if count == 1 { "" } else { "s" }),
            };
            let numbers = if count == 1 { "number 0".into() } else { format!("0 to {}", count - 1) };
            helps.push(format!("the block has room for {elements}, {numbers}: this is number {number}"));
            if number == count as i128
                && block.size.is_multiple_of(size)
                && let Some((line, text)) = inclusive_loop(finding, sources)
            {
                let (wide, right) = if text.contains("..=") { ("..=", "..") } else { ("<=", "<") };
                helps.push(format!(
                    "line {line}, `{text}`: if that is meant to end with the block, `{wide}` goes one too far and \
                     `{right}` is right"
                ));
            } else if size > 1 && number < block.size as i128 && !mentions_elements(block, sources) {
                let right = (block.size as i128).saturating_mul(size as i128);
                helps.push(format!(
                    "sizes are in bytes: {} elements of {size} bytes take {right} bytes",
                    block.size
                ));
            }
        }
        _ => {}
    }
}

/// Lines above an access in which its loop is looked for.
const LOOP_LINES: u32 = 12;

/// The loop around an access that counts up to and including its end: its line's number, and its head.
fn inclusive_loop(finding: &Finding, sources: &SourceMap) -> Option<(u32, String)> {
    let (file, at) = sources.locate(position(&finding.calls, sources))?;
    let first = at.line.saturating_sub(LOOP_LINES).max(1);
    (first..=at.line).rev().find_map(|line| {
        let text = file.text.get(file.line_start(line)..)?.lines().next()?.trim();
        let head = text.split('{').next().unwrap_or(text).trim();
        let is_loop =
            ["while ", "while(", "for ", "for(", "L ", "loop "].iter().any(|word| head.starts_with(word));
        (is_loop && (head.contains("<=") || head.contains("..="))).then(|| (line, head.to_owned()))
    })
}

/// Whether the line that allocated a block computes its size from that of elements.
fn mentions_elements(block: &Block, sources: &SourceMap) -> bool {
    let Some((file, at)) = sources.locate(position(&block.allocated, sources)) else { return true };
    let line = file.text.get(file.line_start(at.line)..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let code = line.split("//").next().unwrap_or(line).split(" as *").next().unwrap_or(line);
    block.origin != Origin::Vex && block.origin != Origin::Vera
        || code.contains("sizeof")
        || code.contains('*')
}

fn after_free(block: &Block) -> String {
    match (block.state, block.origin) {
        (State::Moved, _) => {
            "a reallocation may move a block: from then on use the pointer that it returned".into()
        }
        (State::Reset, Origin::Bump | Origin::Stack) => {
            "do not use a block after its allocator was reset, popped or dropped, or take it back later"
                .into()
        }
        (State::Reset, _) => "do not use a block after its allocator was dropped, or drop it later".into(),
        _ => "free the block behind its last use, and forget the pointer then".into(),
    }
}

fn unwritten(block: &Block) -> String {
    let zeroed = match block.origin {
        Origin::Vex => "; `vex_calloc` gives zeroed memory",
        Origin::Vera | Origin::VeraAligned => "; `zero_memory` clears it",
        Origin::Global => "; `global_alloc_zeroed` gives zeroed memory",
        Origin::Bump => "; `alloc_zeroed` gives zeroed memory",
        _ => "",
    };
    format!("new memory holds anything: write it before reading it{zeroed}")
}

fn double_free(block: &Block) -> String {
    match (block.state, block.origin) {
        (State::Moved, Origin::Vex) => {
            "`vex_realloc` frees the old block itself: free the one that it returned".into()
        }
        (State::Moved, _) => {
            "a reallocation frees the old block itself: free the one that it returned".into()
        }
        (State::Reset, _) => "what `reset`, `pop` and `drop` take back needs no free of its own".into(),
        _ => "one of the two frees is too many: decide which part of the program owns the block".into(),
    }
}

/// What gives a block back.
pub(super) fn right_free(block: &Block) -> Option<String> {
    let free = match block.origin {
        Origin::Vex => "`vex_free`",
        Origin::Vera => "`free` with its size",
        Origin::VeraAligned => "`free_aligned` with its size and alignment",
        Origin::Global => "`global_dealloc` with its layout",
        Origin::Xila => "`deallocate` with its layout",
        Origin::Kmem => "`kmem_release`",
        Origin::Bump => "`reset` or `drop` of its bump allocator",
        Origin::Pool => "`dealloc` of its own pool",
        Origin::FreeList => "`dealloc` of its own free-list allocator",
        Origin::Stack => "`pop`, `reset` or `drop` of its stack allocator",
        Origin::Libc => "C's `free`",
        Origin::Rust | Origin::Custom | Origin::Internal => "the allocator that it is from",
        Origin::Variable | Origin::Static => return None,
    };
    Some(format!("{} is given back by {free}", words::block(block)))
}

fn interior(finding: &Finding, block: &Block) -> String {
    let offset = finding.start.saturating_sub(block.base);
    format!("free the pointer that the allocation returned, which is {} lower", bytes(offset as i128))
}

fn wrong_size(finding: &Finding) -> String {
    let right = finding.given.expected_size.or(finding.block.as_ref().map(|block| block.size));
    match right {
        Some(right) => format!("free it with the size that it has: {right}"),
        None => "free it with the size that it has".into(),
    }
}
