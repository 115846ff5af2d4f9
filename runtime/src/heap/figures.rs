//! What the heap holds, counted exactly.

use super::class::{CLASSES, TABLE};
use super::{heaps, large, recent, registry, spans};
use core::sync::atomic::{AtomicUsize, Ordering};

/// What an allocator holds, in bytes unless said otherwise.
///
/// `total == used + free` always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Usable bytes of all live blocks.
    pub used: usize,
    /// Everything else in `total`: free slots, free pages, bookkeeping.
    pub free: usize,
    /// Bytes of address space taken from the OS.
    pub total: usize,
    /// The number of live blocks.
    pub blocks: usize,
}

/// Usable bytes of span blocks, those included that wait in [`recent`].
static SPAN_USED: AtomicUsize = AtomicUsize::new(0);
/// Such blocks.
static SPAN_BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// Counts a span block that was allocated.
pub fn span_allocated(bytes: usize) {
    SPAN_USED.fetch_add(bytes, Ordering::Relaxed);
    SPAN_BLOCKS.fetch_add(1, Ordering::Relaxed);
}

/// Counts a span block that was resized.
pub fn span_resized(old_bytes: usize, new_bytes: usize) {
    SPAN_USED.fetch_add(new_bytes.wrapping_sub(old_bytes), Ordering::Relaxed);
}

/// Counts a span block that was freed.
pub fn span_freed(bytes: usize) {
    SPAN_USED.fetch_sub(bytes, Ordering::Relaxed);
    SPAN_BLOCKS.fetch_sub(1, Ordering::Relaxed);
}

/// What is in blocks of one size class.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassFigures {
    /// Bytes of a block.
    pub block_size: usize,
    /// Live blocks.
    pub live: usize,
    /// Free blocks that heaps keep at hand, beside those in their pages.
    pub cached: usize,
}

/// The figures of every size class, smallest first, as exact as [`figures`].
pub fn classes() -> [ClassFigures; CLASSES] {
    let (live, cached) = by_class();
    core::array::from_fn(|class| ClassFigures {
        block_size: TABLE[class].size as usize,
        live: usize::try_from(live[class]).unwrap_or(0),
        cached: cached[class],
    })
}

/// Live blocks by class, and slots in bins. A race with operations under way can make
/// the first dip below 0.
fn by_class() -> ([i64; CLASSES], [usize; CLASSES]) {
    heaps::receive_all();
    let (mut live, mut cached) = ([0i64; CLASSES], [0; CLASSES]);
    registry::sum_over_heaps(|heap| {
        for class in 0..CLASSES {
            let count = heap.bins[class].count.load(Ordering::Relaxed);
            live[class] += heap.base[class].load(Ordering::Relaxed) - count as i64;
            cached[class] += count as usize;
        }
    });
    (live, cached)
}

/// A heap among others: a thread's, an ended one's, or a first-class one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapLine {
    /// Its address: what `thread_heap` says in its thread. Of a first-class heap, somewhere in it.
    pub heap: usize,
    /// Who uses it, a [`State`](super::thread::State) as a number.
    pub state: i64,
    /// Blocks of size classes it gave minus those it took back. Blocks that one thread
    /// allocates and another frees make the one's grow and the other's fall below 0.
    pub blocks: i64,
    /// Their bytes.
    pub bytes: i64,
    /// Free blocks it keeps at hand.
    pub cached: usize,
    /// Their bytes.
    pub cached_bytes: usize,
}

/// Calls `visit` with a line for every heap there ever was, the one made last first.
/// `visit` must not use the heap. Heaps that are used meanwhile are a moment old.
pub fn heaps(visit: &mut dyn FnMut(&HeapLine)) {
    heaps::receive_all();
    registry::sum_over_heaps(|heap| {
        let mut line = HeapLine {
            heap: (&raw const *heap).addr(),
            state: heap.state() as i64,
            blocks: 0,
            bytes: 0,
            cached: 0,
            cached_bytes: 0,
        };
        for (class, info) in TABLE.iter().enumerate() {
            let cached = heap.bins[class].count.load(Ordering::Relaxed) as usize;
            let live = heap.base[class].load(Ordering::Relaxed) - cached as i64;
            line.blocks += live;
            line.bytes += live * i64::from(info.size);
            line.cached += cached;
            line.cached_bytes += cached * info.size as usize;
        }
        visit(&line);
    });
}

/// The heap's figures. Exact when no other thread is allocating or freeing;
/// otherwise each operation under way is counted or not.
pub fn figures() -> Figures {
    let (live, _) = by_class();
    let (large_mapped, mut used, mut blocks) = recent::unmoved(|| {
        let (large_mapped, large_used, large_blocks) = large::figures();
        let (spans, larges) = recent::kept();
        let used = large_used + SPAN_USED.load(Ordering::Relaxed);
        let blocks = large_blocks + SPAN_BLOCKS.load(Ordering::Relaxed);
        // Races can make these dip below 0, too.
        let (kept, kept_blocks) = (spans.bytes + larges.bytes, spans.blocks + larges.blocks);
        (large_mapped, used.saturating_sub(kept), blocks.saturating_sub(kept_blocks))
    });
    for (class, live) in live.iter().enumerate() {
        let live = usize::try_from(*live).unwrap_or(0);
        used += live * TABLE[class].size as usize;
        blocks += live;
    }
    let total = (spans::mapped() + registry::mapped() + large_mapped).max(used);
    Figures { used, free: total - used, total, blocks }
}
