//! Looking at all blocks: live ones by their guards, freed ones by what they were filled
//! with, and what is still allocated.

use super::words;
use super::{GUARD, damaged, overrun, seen};
use crate::checked::{self, AccessInfo, BlockInfo, Defect, DefectKind, Origin, State, Trace};
use crate::sync::Lock;

/// What freed blocks are filled with.
const DEAD_BYTE: u8 = 0xDD;

/// Longest block that is filled and looked at again, in bytes. The pages of longer ones
/// may be gone.
const FILLED: usize = 8 << 10;

/// Freed blocks that are looked at again.
const REMEMBERED: usize = 4096;

/// A freed block.
#[derive(Clone, Copy)]
struct Grave {
    /// Where its data began; 0 for none.
    data: usize,
    size: usize,
    serial: u64,
}

/// The latest freed blocks, a ring.
struct Graves {
    ring: [Grave; REMEMBERED],
    next: usize,
}

static GRAVES: Lock<Graves> =
    Lock::new(Graves { ring: [Grave { data: 0, size: 0, serial: 0 }; REMEMBERED], next: 0 });

/// Fills a block that is about to be freed, and looks at the one that it takes the place
/// of among those that are remembered.
pub(super) fn bury(block: &BlockInfo) {
    if block.size == 0 || block.size > FILLED {
        return;
    }
    // SAFETY: a live block that nobody uses any more.
    unsafe {
        core::ptr::with_exposed_provenance_mut::<u8>(block.base).write_bytes(DEAD_BYTE, block.size);
    }
    let grave = Grave { data: block.base, size: block.size, serial: block.serial };
    let oldest = {
        let mut graves = GRAVES.lock();
        let next = graves.next;
        graves.next = (next + 1) % REMEMBERED;
        core::mem::replace(&mut graves.ring[next], grave)
    };
    visit(oldest);
}

/// Reports a freed block that was written to since.
fn visit(grave: Grave) {
    let Grave { data, size, serial } = grave;
    if data == 0 {
        return;
    }
    let Some(block) = checked::lookup(data).map(seen) else { return };
    if block.serial != serial || block.state != State::Freed {
        return;
    }
    // SAFETY: memory of the checked heap that no block has got since.
    let bytes = unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<u8>(data), size) };
    let Some(offset) = bytes.iter().position(|byte| *byte != DEAD_BYTE) else { return };
    let written = bytes[offset..].iter().take_while(|byte| **byte != DEAD_BYTE).count();
    let mut defect = Defect::new(DefectKind::UseAfterFree, data);
    defect.address = data + offset;
    defect.access = Some(AccessInfo { write: true, size: written, align: 1 });
    defect.block = Some(block);
    checked::report(&defect);
}

/// Looks at the guards of all live blocks, and at the latest freed ones, and reports
/// what was written where it should not; also done at the end of the process.
pub fn check_all() {
    for block in live(0) {
        if let Some(address) = damaged(&block) {
            overrun(block, address, "", Trace::NONE);
        }
    }
    for index in 0..REMEMBERED {
        let grave = core::mem::replace(&mut GRAVES.lock().ring[index].data, 0);
        let Grave { size, serial, .. } = GRAVES.lock().ring[index];
        visit(Grave { data: grave, size, serial });
    }
}

/// The live blocks of Rust's that were allocated after the one with the number `since`
/// ([`BlockInfo::serial`]), in the order of their allocation; all with 0.
pub fn live(since: u64) -> Vec<BlockInfo> {
    let blocks = checked::leaks(None).into_iter().map(|leak| leak.block);
    blocks.filter(|block| block.origin == Origin::Rust && block.serial > since).map(seen).collect()
}

/// Writes to standard error what is still allocated of the blocks after the number
/// `since`, grouped by where they were allocated; returns how many blocks that are.
///
/// ```no_run
/// # use vex_runtime::checked::global::{live, report_live};
/// let before = live(0).last().map_or(0, |block| block.serial);
/// // … what should leave nothing behind …
/// assert_eq!(report_live(before), 0);
/// ```
pub fn report_live(since: u64) -> usize {
    let blocks = live(since);
    words::list_live(&blocks);
    blocks.len()
}

/// Has [`check_all`] run when the process ends.
pub(super) fn at_exit() {
    extern "C" fn run() {
        check_all();
    }
    const { assert!(GUARD >= 16) }
    // SAFETY: a function of this process.
    unsafe { libc::atexit(run) };
}
