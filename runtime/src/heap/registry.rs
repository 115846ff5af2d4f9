//! All heaps: taken by starting threads, given up by ending ones, their pages
//! adopted by the living.

use super::chunk::{Listed, Page, PageList};
use super::class::CLASSES;
use super::thread::{self, State, ThreadHeap};
use super::{fork, local, map, remote};
use crate::os;
use crate::sync::Lock;
use crate::sync::atomic::AtomicUsize;
use core::ptr::{null, null_mut};
use core::sync::atomic::Ordering;

/// What the lock guards.
struct Registry {
    /// Every heap ever made.
    all: *const ThreadHeap,
    /// Heaps in state `Orphan`, and those of them that somebody tends.
    orphans: *const ThreadHeap,
    /// Heaps in state `Spare`.
    spares: *const ThreadHeap,
}

// SAFETY: the pointers are only followed under the lock, to heaps, which are
// never unmapped.
unsafe impl Send for Registry {}

static REGISTRY: Lock<Registry> = Lock::new(Registry { all: null(), orphans: null(), spares: null() });

/// Orphans, readable without the lock.
static ORPHANS: AtomicUsize = AtomicUsize::new(0);
/// Bytes mapped for heaps.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// Bytes mapped for heaps.
pub fn mapped() -> usize {
    MAPPED.load(Ordering::Relaxed)
}

/// A heap for the calling thread: an orphan with its pages, a spare one, or a
/// new one. `None`: the OS has no memory.
pub fn take() -> Option<&'static ThreadHeap> {
    fork::prepare();
    let mut registry = REGISTRY.lock();
    let heap = match registry.pop_idle() {
        Some(heap) => heap,
        None => registry.make()?,
    };
    heap.set_state(State::Live);
    Some(heap)
}

/// Adds a first-class heap, `bytes` long, to those that are counted.
pub fn enlist(heap: &'static ThreadHeap, bytes: usize) {
    let mut registry = REGISTRY.lock();
    heap.next.set(registry.all);
    registry.all = heap;
    MAPPED.fetch_add(os::round_to_pages(bytes).unwrap_or(bytes), Ordering::Relaxed);
}

/// Gives a heap up: what is free goes back, the rest waits for adoption.
pub fn retire(heap: &'static ThreadHeap) {
    local::collect(heap);
    let mut registry = REGISTRY.lock();
    registry.push_idle(heap);
}

/// Adopts the pages of some orphan; false when there is none.
pub fn adopt_any(heap: &'static ThreadHeap) -> bool {
    if ORPHANS.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let mut registry = REGISTRY.lock();
    let Some(orphan) = registry.first_orphan() else { return false };
    registry.merge(heap, orphan);
    drop(registry);
    finish_merge(heap, orphan);
    true
}

/// Takes in what was sent to `orphan`, unless somebody else has it. Its pages stay
/// where they are: a thread that frees may never allocate, and what is free in pages
/// of its own nobody else could use.
pub fn tend(heap: &'static ThreadHeap, orphan: &'static ThreadHeap) {
    loop {
        let registry = REGISTRY.lock();
        if orphan.state() != State::Orphan {
            return;
        }
        // Still on the list, but this thread's alone until it is an orphan again. The
        // lock is not held meanwhile, for a fault may be found, and reported.
        orphan.set_state(State::Live);
        drop(registry);
        remote::take_in(heap, orphan);
        let mut registry = REGISTRY.lock();
        if orphan.pages.get() == 0 {
            registry.unlink_orphan(orphan);
            registry.push_idle(orphan);
            return;
        }
        orphan.set_state(State::Orphan);
        drop(registry);
        // Who sent something meanwhile took the heap for one that somebody looks after.
        if orphan.inbox.load(Ordering::SeqCst).is_null() {
            return;
        }
    }
}

/// Takes in what was sent to a heap whose pages `heap` now has.
fn finish_merge(heap: &'static ThreadHeap, merged: &ThreadHeap) {
    remote::deliver(heap, merged.inbox.swap(null_mut(), Ordering::SeqCst));
}

/// Sums `f` over all heaps, under the lock.
pub fn sum_over_heaps(mut f: impl FnMut(&ThreadHeap)) {
    fork::prepare();
    let registry = REGISTRY.lock();
    let mut next = registry.all;
    // SAFETY: heaps are never unmapped, and `next` is set before a heap is listed.
    while let Some(heap) = unsafe { next.as_ref() } {
        f(heap);
        next = heap.next.get();
    }
}

impl Registry {
    fn make(&mut self) -> Option<&'static ThreadHeap> {
        let size = size_of::<ThreadHeap>();
        let memory = os::limit::metadata_held(size).cast::<ThreadHeap>();
        if memory.is_null() {
            return None;
        }
        MAPPED.fetch_add(os::round_to_pages(size)?, Ordering::Relaxed);
        // SAFETY: `metadata` gave zeroed room for a heap, aligned, forever.
        let heap = unsafe { ThreadHeap::place(memory) };
        heap.next.set(self.all);
        self.all = heap;
        Some(heap)
    }

    fn pop_idle(&mut self) -> Option<&'static ThreadHeap> {
        if let Some(orphan) = self.first_orphan() {
            self.unlink_orphan(orphan);
            return Some(orphan);
        }
        // SAFETY: heaps are never unmapped.
        let heap = unsafe { self.spares.as_ref() }?;
        self.spares = heap.next_idle.get();
        Some(heap)
    }

    /// The first orphan that nobody tends.
    fn first_orphan(&self) -> Option<&'static ThreadHeap> {
        let mut next = self.orphans;
        // SAFETY: heaps are never unmapped, and the lock keeps the list still.
        while let Some(heap) = unsafe { next.as_ref() } {
            if heap.state() == State::Orphan {
                return Some(heap);
            }
            next = heap.next_idle.get();
        }
        None
    }

    fn push_idle(&mut self, heap: &'static ThreadHeap) {
        if heap.pages.get() == 0 {
            heap.next_idle.set(self.spares);
            self.spares = heap;
            heap.set_state(State::Spare);
        } else {
            heap.next_idle.set(self.orphans);
            self.orphans = heap;
            heap.set_state(State::Orphan);
            ORPHANS.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Moves all pages of `orphan`, which is on the list, to `heap`.
    fn merge(&mut self, heap: &'static ThreadHeap, orphan: &'static ThreadHeap) {
        self.unlink_orphan(orphan);
        for class in 0..CLASSES {
            for listed in [Listed::Avail, Listed::Full] {
                let (from, to) = (list_of(orphan, class, listed), list_of(heap, class, listed));
                while let Some(page) = from.first() {
                    from.remove(page);
                    to.push(page);
                    set_owner(page, heap);
                }
            }
            let base = orphan.base[class].swap(0, Ordering::Relaxed);
            heap.add_base(class, base);
        }
        heap.pages.set(heap.pages.get() + orphan.pages.replace(0));
        orphan.epoch.fetch_add(1, Ordering::SeqCst);
        orphan.next_idle.set(self.spares);
        self.spares = orphan;
        orphan.set_state(State::Spare);
    }

    fn unlink_orphan(&mut self, orphan: &'static ThreadHeap) {
        ORPHANS.fetch_sub(1, Ordering::Relaxed);
        if core::ptr::eq(self.orphans, orphan) {
            self.orphans = orphan.next_idle.get();
            return;
        }
        let mut before = self.orphans;
        // SAFETY: heaps are never unmapped, and the lock keeps the list still.
        while let Some(heap) = unsafe { before.as_ref() } {
            if core::ptr::eq(heap.next_idle.get(), orphan) {
                heap.next_idle.set(orphan.next_idle.get());
                return;
            }
            before = heap.next_idle.get();
        }
    }
}

fn list_of(heap: &ThreadHeap, class: usize, listed: Listed) -> &PageList {
    match listed {
        Listed::Avail => &heap.avail[class],
        Listed::Full => &heap.full[class],
    }
}

/// Writes the owner into the record of every slice of the page.
fn set_owner(page: &Page, heap: &'static ThreadHeap) {
    let first = page as *const Page;
    for index in 0..page.slices.get() as usize {
        // SAFETY: the records of a span lie side by side in the chunk's array.
        let record = unsafe { &*first.add(index) };
        record.owner.store(heap as *const ThreadHeap as *mut ThreadHeap, Ordering::SeqCst);
    }
    map::set(page, heap.bin(page.class.get() as usize));
}

/// Takes the lock for `fork`.
pub fn acquire() {
    REGISTRY.acquire();
}

/// Opens the lock after `fork`.
///
/// # Safety
///
/// The caller took it with [`acquire`], in this process or in its parent.
pub unsafe fn release() {
    // SAFETY: the caller's word.
    unsafe { REGISTRY.release() }
}

/// In a forked child only the forking thread exists. The other threads' heaps
/// may have been in the middle of anything; they are never touched again, except
/// that blocks may still be sent to their inboxes.
pub fn abandon_other_threads() {
    let mine = thread::current();
    sum_over_heaps(|heap| {
        if heap.state() == State::Live && !core::ptr::eq(heap, mine) {
            heap.set_state(State::Lost);
        }
    });
}
