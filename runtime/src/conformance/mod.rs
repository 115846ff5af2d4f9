//! One suite that every allocator of the family passes.
//!
//! A [`Subject`] adapts an allocator; [`conformance!`] turns it into tests:
//! blocks are aligned, disjoint and writable to the last byte; contents survive
//! `reallocate`; figures are exact after every step; a refused request, a bad
//! pointer and one failure injected at every allocation leave everything as it
//! was; and a long random sequence of all operations agrees with a model.
//!
//! The random sequences are seeded: a failure names its seed and repeats.

mod first_class;
mod model;
mod subjects;

use core::ptr::NonNull;
use model::{Random, Run};

/// Which blocks a subject can free one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frees {
    /// Any, in any order.
    Any,
    /// Only the most recent one that is live.
    Last,
    /// None; only [`Subject::reset`].
    None,
}

/// When the memory of a freed block can be had again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// At once.
    AtOnce,
    /// When everything above it is freed, too.
    FromTheTop,
    /// Never.
    Never,
}

/// What a subject can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest request the suite makes, in bytes.
    pub max_size: usize,
    /// The strictest alignment the suite asks for.
    pub max_align: usize,
    /// Which blocks can be freed.
    pub frees: Frees,
    /// When freed memory can be had again.
    pub reuse: Reuse,
    /// Whether `reset` frees everything.
    pub resets: bool,
    /// Whether bad pointers are refused (and not undefined behaviour).
    pub refuses: bool,
}

/// A live block, as the model remembers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub at: NonNull<u8>,
    pub size: usize,
    pub align: usize,
    /// The byte at index `i` of the block is `fill + i`.
    fill: u8,
}

impl Block {
    pub fn addr(&self) -> usize {
        self.at.addr().get()
    }

    /// The bytes to write and to look at: all of a small block, of a large one
    /// both ends and some between.
    fn places(&self) -> impl Iterator<Item = usize> {
        const END: usize = 2048;
        let low = self.size.min(END);
        let high = self.size.saturating_sub(END).max(low);
        (0..low).chain((low..high).step_by(997)).chain(high..self.size)
    }

    fn paint(&self) {
        for i in self.places() {
            // SAFETY: the block is live and has `size` bytes.
            unsafe { self.at.add(i).write(self.fill.wrapping_add(i as u8)) };
        }
    }

    /// Whether the first `count` bytes are as painted.
    fn intact(&self, count: usize) -> bool {
        // SAFETY: the block is live and has `size` bytes, all painted.
        self.places()
            .filter(|&i| i < count)
            .all(|i| unsafe { self.at.add(i).read() } == self.fill.wrapping_add(i as u8))
    }
}

/// An allocator as the suite sees it.
pub(crate) trait Subject {
    fn limits(&self) -> Limits;

    fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>>;

    /// Frees a block the limits allow to free; whether it was done.
    fn deallocate(&mut self, block: Block) -> bool;

    /// Resizes a block; `None` leaves it alone. The default moves it.
    fn reallocate(&mut self, block: Block, size: usize) -> Option<NonNull<u8>> {
        let fresh = self.allocate(size, block.align)?;
        // SAFETY: both are live, distinct, and at least that long.
        unsafe { fresh.copy_from_nonoverlapping(block.at, block.size.min(size)) };
        assert!(self.deallocate(block));
        Some(fresh)
    }

    /// Frees everything at once, when the limits say it can.
    fn reset(&mut self) {}

    /// Tries to free something that is no live block; whether it was done.
    fn deallocate_bad(&mut self, _at: usize) -> bool {
        false
    }

    /// Asserts that the allocator's figures and bookkeeping are exactly what
    /// these live blocks make them. `requested` is the bytes requested since
    /// the start or the last reset, freed or not.
    fn check(&self, live: &[Block], requested: usize);

    /// Runs `request` so that the allocation it makes fails for lack of memory.
    /// The default asks for more than there can be instead.
    fn starved(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let _ = size;
        self.allocate(crate::size::MAX_SIZE / 2, align)
    }
}

/// Every alignment with sizes around it: aligned, disjoint, writable.
pub(crate) fn alignments<S: Subject>(make: impl Fn() -> S) {
    let limits = make().limits();
    let mut align = 1;
    while align <= limits.max_align {
        let mut run = Run::new(make());
        for size in [0, 1, 7, 8, 9, 15, 16, 17, align, align + 1] {
            if size <= limits.max_size {
                run.allocate(size, align);
            }
        }
        assert!(!run.live.is_empty());
        run.finish();
        align *= 2;
    }
}

/// Contents survive growing and shrinking, and a failed attempt at either.
pub(crate) fn reallocation<S: Subject>(make: impl Fn() -> S) {
    let limits = make().limits();
    if limits.frees == Frees::None {
        return;
    }
    let mut run = Run::new(make());
    let sizes = [1, 16, 100, 33, 0, 1000, 999, 4096, 10_000, 5];
    for align in [8, limits.max_align.min(64)] {
        run.allocate(8, align);
        for size in sizes {
            run.resize(run.live.len() - 1, size.min(limits.max_size));
        }
        let huge = run.subject.reallocate(run.live[0], crate::size::MAX_SIZE / 2);
        assert_eq!(huge, None);
        run.verify_contents();
        run.verify();
    }
    run.finish();
}

/// Filling up: the refusal changes nothing, and freeing makes room again.
pub(crate) fn exhaustion<S: Subject>(make: impl Fn() -> S) {
    let mut run = Run::new(make());
    let size = run.subject.limits().max_size.min(1000);
    // Allocators without a limit of their own stop where more shows nothing new.
    while run.live.len() < 300 && run.allocate(size, 8) {}
    run.verify_contents();
    assert!(run.live.len() > 10);
    let limits = run.subject.limits();
    match limits.reuse {
        Reuse::AtOnce => run.free(run.live.len() / 2),
        Reuse::FromTheTop => run.free(run.live.len() - 1),
        Reuse::Never if limits.resets => run.reset(),
        Reuse::Never => return run.finish(),
    }
    assert!(run.allocate(size, 8), "room was made");
    run.finish();
}

/// Absurd requests and bad pointers are refused and change nothing.
pub(crate) fn refusals<S: Subject>(make: impl Fn() -> S) {
    let mut run = Run::new(make());
    let limits = run.subject.limits();
    for size in [24, 48, 100] {
        run.allocate(size.min(limits.max_size), 8);
    }
    for size in [crate::size::MAX_SIZE, crate::size::MAX_SIZE - 64, 1 << 60] {
        assert_eq!(run.subject.allocate(size, 8), None);
        run.verify();
    }
    if limits.refuses {
        let blocks = run.live.clone();
        let outside = [0u8; 64];
        let mut bad = vec![0, 8, 1, usize::MAX, usize::MAX & !15, outside.as_ptr().addr()];
        for block in &blocks {
            bad.extend([1, 8, 16].map(|step| block.addr() + step));
            bad.extend([8, 16].map(|step| block.addr() - step));
        }
        for at in bad {
            if blocks.iter().all(|block| block.addr() != at) {
                assert!(!run.subject.deallocate_bad(at), "{at:#x} is no block");
                run.verify();
            }
        }
        run.verify_contents();
        if let Some(index) = run.freeable(0) {
            let gone = run.live[index].addr();
            run.free(index);
            assert!(!run.subject.deallocate_bad(gone), "{gone:#x} was freed before");
            run.verify();
        }
    }
    run.finish();
}

/// A script of operations with the k-th allocation failing, for every k.
pub(crate) fn injected_failures<S: Subject>(make: impl Fn() -> S) {
    let count = script(&make, usize::MAX);
    assert!(count > 20, "{count} allocations are too few to mean much");
    for k in 0..count {
        script(&make, k);
    }
}

/// Runs the script and returns how many allocations it made; the one numbered
/// `fail` is starved.
fn script<S: Subject>(make: &impl Fn() -> S, fail: usize) -> usize {
    let mut run = Run::new(make());
    let limits = run.subject.limits();
    let mut random = Random::new(7);
    let mut count = 0;
    for step in 0..40 {
        let size = random.size(limits.max_size.min(400)).max(1);
        let align = random.align(limits.max_align.min(64));
        if step % 4 == 3 {
            if let Some(index) = run.freeable(random.below(1000)) {
                run.free(index);
            }
            continue;
        }
        if count == fail {
            let before = run.live.len();
            assert_eq!(run.subject.starved(size, align), None, "allocation {count} was to fail");
            assert_eq!(run.live.len(), before);
            run.verify();
            run.verify_contents();
        } else {
            run.allocate(size, align);
        }
        count += 1;
    }
    run.finish();
    count
}

/// The OS refusing memory from the k-th request on, for every k: what could not
/// be had is refused, what was had stays whole, and later requests are served.
#[cfg(unix)]
pub(crate) fn os_failures<S: Subject>(make: impl Fn() -> S) {
    use crate::os::refusals::{Plan, refusing};
    let sizes = [100, 60_000, 300_000, 5_000_000, 70_000, 9_000_000, 16];
    let mut refused = 0;
    for k in 0.. {
        let mut run = Run::new(make());
        let limits = run.subject.limits();
        let failed = refusing(Plan::MapsFrom(k), || {
            for size in sizes.iter().cycle().take(28) {
                if *size <= limits.max_size && !run.allocate(*size, 16) {
                    refused += 1;
                }
            }
        });
        run.verify_contents();
        assert!(run.allocate(100.min(limits.max_size), 16), "with memory again");
        run.finish();
        // None was refused, so no larger k can say more.
        if failed == 0 {
            break;
        }
    }
    assert!(refused > 0, "no request ever reached the OS");
}

/// A long random sequence of every operation against the model.
pub(crate) fn random_sequence<S: Subject>(make: impl Fn() -> S) {
    let (seeds, steps) = if cfg!(miri) { (2, 60) } else { (12, 600) };
    for seed in 0..seeds {
        let mut run = Run::new(make());
        let limits = run.subject.limits();
        let mut random = Random::new(seed);
        for step in 0..steps {
            match random.below(10) {
                0..5 => {
                    run.allocate(random.size(limits.max_size), random.align(limits.max_align));
                }
                5..8 => {
                    if let Some(index) = run.freeable(random.below(1 << 20)) {
                        run.free(index);
                    }
                }
                8 => {
                    if let Some(index) = run.freeable(random.below(1 << 20)) {
                        run.resize(index, random.size(limits.max_size));
                    }
                }
                _ if limits.resets && random.below(8) == 0 => run.reset(),
                _ if limits.refuses && !run.live.is_empty() => {
                    let block = run.live[random.below(run.live.len())];
                    let inside = block.addr() + 1 + random.below(block.size.max(8));
                    if run.live.iter().all(|other| other.addr() != inside) {
                        assert!(!run.subject.deallocate_bad(inside), "seed {seed}, step {step}");
                        run.verify();
                    }
                }
                _ => {}
            }
            if step % 50 == 0 {
                run.verify_contents();
            }
        }
        run.finish();
    }
}

/// The whole suite for one subject, as a module of tests.
macro_rules! conformance {
    ($name:ident, $make:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn alignments() {
                crate::conformance::alignments($make);
            }

            #[test]
            fn reallocation() {
                crate::conformance::reallocation($make);
            }

            #[test]
            fn exhaustion() {
                crate::conformance::exhaustion($make);
            }

            #[test]
            fn refusals() {
                crate::conformance::refusals($make);
            }

            #[test]
            fn injected_failures() {
                crate::conformance::injected_failures($make);
            }

            #[test]
            fn random_sequence() {
                crate::conformance::random_sequence($make);
            }
        }
    };
}
pub(crate) use conformance;
