//! Mappings of large blocks freed a moment ago, for those that are wanted next.
//!
//! Mapping memory costs the kernel's work and a fault per OS page; a program that
//! keeps allocating and freeing blocks of a few megabytes should pay it once. A
//! mapping here keeps its header as it was, is in no table of chunks, and counts
//! neither as used nor as held: it goes back to the OS when a newer one needs its
//! place, when nobody wanted it for [`ROUND_MS`], see [`idle`](super::idle), and with
//! [`purge`]. Under a memory limit only what the limit has room for is kept.

use super::idle::ROUND_MS;
use super::{fork, large, spans};
use crate::os::{self, limit};
use crate::sync::Lock;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Mappings kept at most.
const ENTRIES: usize = 8;
/// Bytes of mappings kept at most.
const BYTES: usize = 40 << 20;
/// Bytes of a mapping that is kept at most, so that one does not push out all others.
const LARGEST: usize = BYTES / 2;

/// A mapping nobody uses.
#[derive(Clone, Copy)]
struct Entry {
    map: *mut u8,
    size: usize,
    freed_ms: u64,
}

/// What the lock guards: `count` entries, the one freed last at the end.
struct Cache {
    entries: [Entry; ENTRIES],
    count: usize,
}

// SAFETY: the mappings belong to nobody else.
unsafe impl Send for Cache {}

static CACHE: Lock<Cache> =
    Lock::new(Cache { entries: [Entry { map: null_mut(), size: 0, freed_ms: 0 }; ENTRIES], count: 0 });

/// Bytes of all mappings here. Written under the lock.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes of all mappings here.
pub fn bytes() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// Takes a mapping of at least `size` bytes, and at most an eighth more.
pub fn take(size: usize) -> Option<(*mut u8, usize)> {
    if bytes() == 0 || size > LARGEST {
        return None;
    }
    fork::prepare();
    let mut cache = CACHE.lock();
    let fits = |entry: &Entry| entry.size >= size && entry.size - size <= size / 8;
    let index = cache.entries[..cache.count].iter().rposition(fits)?;
    let entry = cache.remove(index);
    Some((entry.map, entry.size))
}

/// Keeps a mapping that is no longer in the table of chunks; false when it is none
/// to keep.
pub fn put(map: *mut u8, size: usize) -> bool {
    if size > LARGEST || !has_room(size) {
        return false;
    }
    fork::prepare();
    let now = os::now_ms();
    loop {
        let mut cache = CACHE.lock();
        let full = cache.count == ENTRIES || bytes() + size > BYTES;
        if !full && !cache.is_idle(now) {
            cache.add(Entry { map, size, freed_ms: now });
            return true;
        }
        let oldest = cache.remove(0);
        drop(cache);
        give_back(oldest);
    }
}

/// Gives every mapping back.
pub fn purge() {
    give_back_while(|_| true);
}

/// Gives back what nobody wanted for a while.
#[inline]
pub fn purge_when_idle() {
    if bytes() != 0 {
        let now = os::now_ms();
        give_back_while(|cache| cache.is_idle(now));
    }
}

fn give_back_while(unwanted: impl Fn(&Cache) -> bool) {
    fork::prepare();
    loop {
        let mut cache = CACHE.lock();
        if cache.count == 0 || !unwanted(&cache) {
            return;
        }
        let oldest = cache.remove(0);
        drop(cache);
        give_back(oldest);
    }
}

/// Unmaps, outside the lock because that takes long.
fn give_back(entry: Entry) {
    spans::wait_for_walkers();
    large::unmapped(entry.size);
    limit::returned(entry.size);
    // SAFETY: the entry was taken off the list, so nobody else has the mapping.
    unsafe { os::unmap(entry.map, entry.size) };
}

/// Whether the memory limit, if there is one, leaves room for keeping so much.
fn has_room(size: usize) -> bool {
    limit::memory_limit().is_none_or(|limit| limit::memory_held() + (bytes() + size) as u64 <= limit)
}

impl Cache {
    fn add(&mut self, entry: Entry) {
        self.entries[self.count] = entry;
        self.count += 1;
        HELD.store(bytes() + entry.size, Ordering::Relaxed);
    }

    fn remove(&mut self, index: usize) -> Entry {
        let entry = self.entries[index];
        self.entries.copy_within(index + 1..self.count, index);
        self.count -= 1;
        HELD.store(bytes() - entry.size, Ordering::Relaxed);
        entry
    }

    /// Whether the oldest mapping was not wanted for a while.
    fn is_idle(&self, now: u64) -> bool {
        self.count != 0 && now.saturating_sub(self.entries[0].freed_ms) >= ROUND_MS
    }
}

/// Takes the lock for `fork`.
pub fn acquire() {
    CACHE.acquire();
}

/// Opens the lock after `fork`.
///
/// # Safety
///
/// The caller took it with [`acquire`], in this process or in its parent.
pub unsafe fn release() {
    // SAFETY: the caller's word.
    unsafe { CACHE.release() }
}
