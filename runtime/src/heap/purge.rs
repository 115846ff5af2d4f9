//! Giving free slices back to the OS, and chunks that are free as a whole.
//!
//! A round gives back what was free at the round before, chunk by chunk: the lock of
//! the span allocator is held to choose, not during the OS's work, and meanwhile
//! nobody else can take what was chosen. One empty chunk stays mapped. Whoever needs
//! memory at once, or asks for it, has everything given back, under the lock.

use super::chunk::{self, Chunk, SLICE};
use super::idle::HELPER_BYTES;
use super::spans::{self, ALL_FREE, Spans, add_stale, mask, stale};
use super::{fork, huge};
use crate::os::{self, limit};
use crate::sync::Lock;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that may lie free however little is in use, where there is no helper.
const KEEP: usize = 32 << 20;

/// Chunks looked at before the lock is let go for others.
const LOOK: usize = 32;

/// Slices that the last round left in memory because they are parts of huge pages.
static SPARED: AtomicUsize = AtomicUsize::new(0);

/// Bytes of free slices that the last round found not worth giving back.
pub fn spared() -> usize {
    SPARED.load(Ordering::Relaxed) * SLICE
}

/// Held while a round has chosen slices and not given them back yet.
static ROUND: Lock<()> = Lock::new(());

/// Bytes that may lie free at most where there is no helper, with so many in use.
pub fn bound(used: usize) -> usize {
    KEEP.max(used / 4)
}

/// What a round does next.
enum Step {
    /// Look further.
    Go,
    /// Give these free slices back.
    Discard(&'static Chunk, u64),
    /// Give the chunk back.
    Unmap(&'static Chunk),
}

/// Gives back what was free at the last round already.
pub fn round() {
    fork::prepare();
    let Some(_round) = ROUND.try_lock() else { return };
    let (mut from, mut spared) = (0, 0);
    while let Some(step) = { spans::lock().choose(&mut from, &mut spared) } {
        match step {
            Step::Go => {}
            Step::Discard(chunk, bits) => {
                let gone = discard(chunk, bits);
                spans::lock().discarded(chunk, bits, gone);
            }
            // SAFETY: just dropped.
            Step::Unmap(chunk) => unsafe { spans::unmap(chunk) },
        }
    }
    SPARED.store(spared, Ordering::Relaxed);
}

/// Gives everything back.
pub fn all() {
    fork::prepare();
    // What a round is about to give back is gone when this returns.
    let _round = ROUND.lock();
    spans::lock().purge_all();
}

/// Gives so many bytes of free slices back if more than enough lie free: others are
/// about to be taken from the OS.
pub fn make_room(bytes: usize) {
    if stale() > HELPER_BYTES {
        fork::prepare();
        spans::lock().purge_some(bytes / SLICE);
    }
}

/// Takes the lock for `fork`.
pub fn acquire() {
    ROUND.acquire();
}

/// Opens the lock after `fork`.
///
/// # Safety
///
/// The caller took it with [`acquire`], in this process or in its parent.
pub unsafe fn release() {
    // SAFETY: the caller's word.
    unsafe { ROUND.release() }
}

/// Gives back slices that are free and that nobody else can take; those that went.
fn discard(chunk: &Chunk, bits: u64) -> u64 {
    let (mut rest, mut gone) = (bits, 0);
    while rest != 0 {
        let index = rest.trailing_zeros() as usize;
        let slices = (!(rest >> index)).trailing_zeros() as usize;
        let run = mask(index, slices);
        // SAFETY: the slices are free, and the caller keeps them so.
        if unsafe { os::discard(chunk.slice(index), slices * SLICE) } {
            gone |= run;
        }
        rest &= !run;
    }
    gone
}

impl Spans {
    /// The next step of a round that has come to address `from`; `None` at its end.
    /// Counts slices that are not worth it.
    fn choose(&mut self, from: &mut usize, spared: &mut usize) -> Option<Step> {
        for _ in 0..LOOK {
            let (chunk, next) = chunk::at_or_after(*from)?;
            *from = next;
            if chunk.is_large() {
                continue;
            }
            let stale = chunk.free.get() & chunk.dirty.get();
            let old = stale & chunk.aged.get();
            chunk.aged.set(stale);
            // What is not in memory has been given back.
            if chunk.free.get() == ALL_FREE && old == stale && self.empties > 1 {
                self.drop_chunk(chunk);
                return Some(Step::Unmap(chunk));
            }
            let bits = huge::worth_splitting(chunk, old);
            *spared += (old & !bits).count_ones() as usize;
            if bits != 0 {
                huge::before_discard(chunk, bits);
                add_stale(-i64::from((bits & chunk.dirty.get()).count_ones()));
                self.set_free(chunk, chunk.free.get() & !bits);
                return Some(Step::Discard(chunk, bits));
            }
        }
        Some(Step::Go)
    }

    /// Takes back what was chosen, of which `gone` is in memory no more.
    fn discarded(&mut self, chunk: &'static Chunk, bits: u64, gone: u64) {
        self.set_dirty(chunk, chunk.dirty.get() & !gone);
        add_stale(i64::from((bits & chunk.dirty.get()).count_ones()));
        self.set_free(chunk, chunk.free.get() | bits);
        huge::after_discard(chunk);
    }

    /// Notes what is in memory, less than before.
    fn set_dirty(&mut self, chunk: &Chunk, dirty: u64) {
        let gone = (chunk.dirty.get() & !dirty).count_ones() as usize * SLICE;
        limit::discharge(gone);
        limit::returned(gone);
        chunk.dirty.set(dirty);
        chunk.aged.set(chunk.aged.get() & dirty);
    }

    /// Takes an empty chunk off its list and out of the table, for good.
    pub(super) fn drop_chunk(&mut self, chunk: &'static Chunk) {
        self.unlist(chunk);
        add_stale(-i64::from((chunk.free.get() & chunk.dirty.get()).count_ones()));
        chunk::unregister(chunk);
    }

    /// Gives back everything that is free, and empty chunks but one.
    pub(super) fn purge_all(&mut self) {
        let mut from = 0;
        while let Some((chunk, next)) = chunk::at_or_after(from) {
            from = next;
            self.purge_chunk(chunk);
        }
    }

    /// Gives back so many free slices or a few more, going on where it ended last.
    pub(super) fn purge_some(&mut self, slices: usize) {
        let until = stale().saturating_sub(slices * SLICE);
        for _ in 0..2 * LOOK {
            if stale() <= until {
                return;
            }
            self.sweep = match chunk::at_or_after(self.sweep) {
                Some((chunk, next)) => {
                    self.purge_chunk(chunk);
                    next
                }
                None => 0,
            };
        }
    }

    fn purge_chunk(&mut self, chunk: &'static Chunk) {
        if chunk.is_large() {
            return;
        }
        if chunk.free.get() == ALL_FREE && self.empties > 1 {
            self.drop_chunk(chunk);
            // SAFETY: just dropped.
            return unsafe { spans::unmap(chunk) };
        }
        let bits = huge::all(chunk, chunk.free.get() & chunk.dirty.get());
        huge::before_discard(chunk, bits);
        let gone = discard(chunk, bits);
        add_stale(-i64::from((gone & chunk.dirty.get()).count_ones()));
        self.set_dirty(chunk, chunk.dirty.get() & !gone);
        huge::after_discard(chunk);
    }
}
