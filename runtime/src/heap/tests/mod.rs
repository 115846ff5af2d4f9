//! Tests of the heap. Those that count run in a forked child, where no other
//! test allocates; so every one of them also tests `fork`.

mod bounds;
mod cache;
mod figures;
mod first_class;
mod going_back;
#[cfg(feature = "hardened")]
mod hardened;
mod huge;
mod in_place;
mod limit;
#[cfg(feature = "shuttle")]
mod orders;
mod page_sizes;
mod refusals;
mod single;
mod threads;
mod walk;

use super::*;
use core::sync::atomic::AtomicBool;
use std::sync::Once;

/// A small deterministic generator (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Mostly small sizes, some of every kind of block.
    fn size(&mut self) -> usize {
        match self.below(100) {
            0..60 => self.below(256),
            60..90 => self.below(8 << 10),
            90..97 => self.below(300 << 10),
            97..99 => self.below(2 << 20),
            _ => self.below(9 << 20),
        }
    }
}

/// Whether this process is a child of [`in_child`].
static CHILD: AtomicBool = AtomicBool::new(false);

/// Makes panics of a child visible. The harness keeps what a test prints to
/// itself, and the child's copy of the harness dies with it, so the child says it
/// to standard error directly. Done in the parent: in the child the hook's lock
/// may be held by a thread that does not exist there.
fn report_panics_of_children() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CHILD.load(Ordering::Relaxed) {
                return usual(info);
            }
            let text = format!("in the child: {info}\n");
            // SAFETY: `text` is readable for its length.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        }));
    });
}

/// Runs `test` in a forked child and fails when it does.
pub(crate) fn in_child(test: impl FnOnce()) {
    let test = || {
        test();
        []
    };
    in_child_with(test, |[]| ());
}

/// As [`in_child`], and hands over what the child says in so many bytes.
fn in_child_with<const N: usize>(test: impl FnOnce() -> [u8; N], take: impl FnOnce([u8; N])) {
    report_panics_of_children();
    let mut pipe = [0; 2];
    // SAFETY: room for both descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    // SAFETY: the child runs the test and exits without returning here.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        CHILD.store(true, Ordering::Relaxed);
        // A child that hangs dies of a signal, and the test fails.
        // SAFETY: no preconditions.
        unsafe { libc::alarm(crate::long::pick(120, 3600)) };
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test));
        // SAFETY: `said` is readable; leaves at once, running no exit handlers of the parent's.
        unsafe {
            if let Ok(said) = said {
                libc::write(pipe[1], said.as_ptr().cast(), N);
                libc::_exit(0);
            }
            libc::_exit(1)
        }
    }
    let (mut status, mut said) = (0, [0; N]);
    // SAFETY: `child` is a child of this process; the places are writable; the
    // descriptors are ours.
    unsafe {
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert_eq!(status, 0, "the child failed");
        assert_eq!(libc::read(pipe[0], said.as_mut_ptr().cast(), N), N as isize);
        libc::close(pipe[0]);
        libc::close(pipe[1]);
    }
    take(said);
}

/// A live block of a test: what it was asked for, and what was written to it.
struct Live {
    block: *mut u8,
    size: usize,
    fill: u8,
}

// SAFETY: a block may be used by whichever thread has it.
unsafe impl Send for Live {}

impl Live {
    fn new(size: usize, align: usize, fill: u8) -> Live {
        let block = allocate(size, align);
        assert!(!block.is_null());
        assert_eq!(block as usize % align.max(MIN_ALIGN), 0, "{size} at {align}");
        let live = Live { block, size, fill };
        live.write();
        live
    }

    /// Fills the start, the end, and a word per OS page between them.
    fn write(&self) {
        for at in self.places() {
            // SAFETY: inside the block.
            unsafe { *self.block.add(at) = self.fill };
        }
    }

    fn check(&self) {
        // SAFETY: the block is live.
        assert!(unsafe { usable_size(self.block) } >= self.size);
        for at in self.places() {
            // SAFETY: inside the block.
            assert_eq!(unsafe { *self.block.add(at) }, self.fill, "at {at} of {}", self.size);
        }
    }

    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let size = self.size;
        (0..size.min(64)).chain((64..size).step_by(1021)).chain(size.saturating_sub(8)..size)
    }

    fn resize(&mut self, size: usize, align: usize) {
        // SAFETY: the block is live and the old address is not used again.
        let moved = unsafe { reallocate(self.block, size, align) };
        assert!(!moved.is_null());
        let kept = Live { block: moved, size: self.size.min(size), fill: self.fill };
        for at in kept.places().filter(|at| self.places().any(|p| p == *at)).take(80) {
            // SAFETY: inside both the old and the new size.
            assert_eq!(unsafe { *moved.add(at) }, self.fill);
        }
        (self.block, self.size) = (moved, size);
        self.write();
    }

    /// Resizes the block where it lies, if that can be done.
    fn resize_in_place(&mut self, size: usize) -> bool {
        // SAFETY: the block is live.
        let done = unsafe { resize_in_place(self.block, size) };
        if done {
            for at in self.places().filter(|at| *at < size) {
                // SAFETY: inside both the old and the new size.
                assert_eq!(unsafe { *self.block.add(at) }, self.fill, "at {at} of {size}");
            }
            self.size = size;
            self.write();
        }
        done
    }

    fn free(self) {
        self.check();
        // SAFETY: the block is live, and `self` is gone.
        unsafe { deallocate(self.block) };
    }
}

/// A figure of this process in bytes, as the kernel names it.
fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line
        .and_then(|line| line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<usize>().ok());
    number.unwrap_or(0) << 10
}

/// Resident bytes of this process that are memory, not pages of its program: a forked child counts those anew as it comes
/// by them.
fn resident() -> usize {
    status("RssAnon")
}

/// Pages in use by heaps that are in use or can be adopted.
fn pages() -> usize {
    let mut pages = 0;
    registry::sum_over_heaps(|heap| {
        if heap.state() != thread::State::Lost {
            pages += heap.pages.get();
        }
    });
    pages
}

/// Adopts what dead threads left and gives back what is empty. Afterwards, with
/// no other thread alive, only pages with live blocks are in use; a block that
/// got lost on its way to its owner would keep its page.
fn settle() {
    thread::with_heap(|heap| while registry::adopt_any(heap) {});
    collect();
}
