//! Frees and reallocations, and what can be wrong with them.

use super::blocks::{Problem, tag_in};
use super::defect::{BadFree, Defect, DefectKind, Given, report};
use super::heap::{HEAP, Heap};
use super::info::{BlockInfo, Origin, State};
use super::map::{ADDRESS_MASK, is_foreign, strip};
use super::owned::Inside;
use super::tags::{Flags, Record, entry_of, record, record_of};
use super::untagged::Untagged;
use super::{Release, Request, Trace, is_enabled, shadow};
use core::ptr::null_mut;

/// What is wrong with a free of a live block, if something is.
fn complaint(found: &Record, release: &Release<'_>) -> Option<DefectKind> {
    let wrong = |given: Option<i128>, right: usize| given.is_some_and(|given| given != right as i128);
    if found.origin != release.by {
        Some(DefectKind::WrongAllocator)
    } else if wrong(release.size, found.size) {
        Some(DefectKind::WrongSize)
    } else if wrong(release.align, 1 << found.align) {
        Some(DefectKind::WrongAlign)
    } else {
        None
    }
}

/// Tells of a free that is wrong; the lock must not be held. True when it was reported.
#[cold]
fn complain(kind: DefectKind, pointer: usize, tag: u32, release: &Release<'_>) -> bool {
    let block = BlockInfo::of(tag);
    let given = Given {
        size: release.size,
        expected_size: block.as_ref().map(|block| block.size),
        align: release.align,
        expected_align: block.as_ref().map(|block| block.align),
        by: Some(release.by),
        other: None,
    };
    report(&Defect {
        block,
        function: release.function,
        given,
        trace: release.trace,
        ..Defect::new(kind, pointer)
    })
}

/// Tells of a pointer that is not the start of a live block.
#[cold]
fn complain_of(problem: Problem, pointer: usize, release: &Release<'_>) -> bool {
    let (kind, tag) = match problem {
        Problem::Interior(tag) => (DefectKind::BadFree(BadFree::Interior), tag),
        Problem::Dead(tag) => (DefectKind::DoubleFree, tag),
        Problem::Variable(tag) => (DefectKind::BadFree(BadFree::Stack), tag),
        Problem::Static(tag) => (DefectKind::BadFree(BadFree::Static), tag),
        Problem::Foreign => (DefectKind::BadFree(BadFree::Foreign), 0),
        Problem::Wild => (DefectKind::BadFree(BadFree::Wild), 0),
    };
    complain(kind, pointer, tag, release)
}

impl Heap {
    /// Ends a live object, whatever kind it is.
    fn end(&mut self, tag: u32, state: State, trace: Trace) {
        match record_of(tag).flags.contains(Flags::PART) {
            true => self.free_part(tag, state, trace.0),
            false => self.free(tag, state, trace.0),
        }
    }
}

/// Frees a block or a part; see [`super::deallocate`].
#[inline]
pub fn deallocate(pointer: usize, release: &Release<'_>) -> bool {
    if pointer == 0 || !is_enabled() {
        return false;
    }
    let mut heap = HEAP.lock();
    if heap.free_simple(pointer, release) {
        return true;
    }
    free_any(heap, pointer, release)
}

/// The rest of [`deallocate`].
fn free_any(mut heap: Inside<'_, Heap>, pointer: usize, release: &Release<'_>) -> bool {
    if let Some(block) = heap.untagged_at(pointer, release) {
        heap.free_untagged(&block);
        return true;
    }
    match heap.find_start(pointer, release.by) {
        Ok(tag) => {
            let found = record_of(tag);
            match complaint(&found, release) {
                None => heap.end(tag, State::Freed, release.trace),
                Some(kind) => {
                    drop(heap);
                    // The block is what was meant, so it is free afterwards; a part only
                    // if it is not another allocator's, which still has it on its books.
                    let reported = complain(kind, pointer, tag, release);
                    if reported && kind == DefectKind::WrongAllocator && found.flags.contains(Flags::PART) {
                        return false;
                    }
                    let mut heap = HEAP.lock();
                    if record_of(tag).is_live() && record_of(tag).serial == found.serial {
                        heap.end(tag, State::Freed, release.trace);
                    }
                }
            }
            true
        }
        Err(problem) => {
            drop(heap);
            complain_of(problem, pointer, release);
            false
        }
    }
}

impl Heap {
    /// Moves a block without a tag.
    fn reallocate_untagged(&mut self, old: usize, block: &Untagged, request: &Request<'_>) -> *mut u8 {
        let Some(new) = self.allocate(&Request { zeroed: false, ..*request }) else { return null_mut() };
        move_contents(new, old, block.size, request);
        self.free_untagged(block);
        new
    }
}

/// Fills a new block with what is kept of the old one, which is at `old` and `size` bytes
/// long; the lock is held.
fn move_contents(new: *mut u8, old: usize, size: usize, request: &Request<'_>) {
    let moved = new.addr() & ADDRESS_MASK;
    let kept = size.min(request.size);
    shadow::copy_written(moved, old, kept);
    // SAFETY: two live blocks, the one just made; both are at least that long.
    unsafe {
        let place = core::ptr::with_exposed_provenance_mut::<u8>(moved);
        core::ptr::with_exposed_provenance::<u8>(old).copy_to_nonoverlapping(place, kept);
        if request.zeroed {
            place.add(kept).write_bytes(0, request.size - kept);
            shadow::mark_written(moved + kept, request.size - kept);
        }
    }
}

/// Moves a block; see [`super::reallocate`].
pub fn reallocate(pointer: usize, request: &Request<'_>, release: &Release<'_>) -> *mut u8 {
    let mut heap = HEAP.lock();
    if let Some(block) = heap.untagged_at(pointer, release) {
        return heap.reallocate_untagged(pointer, &block, request);
    }
    let tag = match heap.find_start(pointer, release.by) {
        Ok(tag) => tag,
        Err(problem) => {
            drop(heap);
            complain_of(problem, pointer, release);
            return null_mut();
        }
    };
    let found = record_of(tag);
    drop(heap);
    if let Some(kind) = complaint(&found, release)
        && complain(kind, pointer, tag, release)
        && found.flags.contains(Flags::PART)
    {
        return null_mut();
    }
    let mut heap = HEAP.lock();
    let Some(new) = heap.allocate(&Request { zeroed: false, ..*request }) else { return null_mut() };
    let new_tag = tag_in(new.addr()).unwrap_or(0);
    move_contents(new, entry_of(tag).base, found.size, request);
    heap.unseal(tag);
    if new_tag != 0 {
        // SAFETY: the lock is held; each reference ends with its statement.
        unsafe {
            record(new_tag).from = tag;
            record(tag).to = new_tag;
        }
    }
    heap.end(tag, State::Moved, release.trace);
    new
}

/// Whether two ranges that a function must not get have bytes in common; reports it.
pub fn overlap(to: usize, from: usize, len: usize, function: &str) -> bool {
    let (low, high) = (strip(to).min(strip(from)), strip(to).max(strip(from)));
    if len == 0 || high - low >= len {
        return false;
    }
    let tag = tag_in(to).or_else(|| HEAP.lock().object_at(strip(to))).unwrap_or(0);
    let block = if is_foreign(to) { None } else { BlockInfo::of(tag) };
    let given = Given { size: Some(len as i128), other: Some(strip(from)), ..Given::default() };
    report(&Defect {
        block,
        function,
        given,
        trace: Trace::capture(),
        ..Defect::new(DefectKind::Overlap, to)
    })
}

/// Reports a size that nothing has: negative as the program wrote it, or more than there
/// are addresses.
pub fn bad_size(size: i128, pointer: usize, function: &str) -> bool {
    let given = Given { size: Some(size), ..Given::default() };
    report(&Defect { function, given, trace: Trace::capture(), ..Defect::new(DefectKind::BadSize, pointer) })
}

/// The origin of a live block, for those who must know before they free it.
pub fn origin_of(pointer: usize) -> Option<Origin> {
    let heap = HEAP.lock();
    heap.find_start(pointer, Origin::Internal).ok().map(|tag| record_of(tag).origin)
}
