//! A lock that costs its owner next to nothing.
//!
//! The program runs in one thread, and asks for the books at every allocation. Taking a
//! lock makes a processor wait for its earlier writes, which are to memory that it has
//! not touched for long: that would be most of the cost of an allocation. So the thread
//! that runs the program owns the lock and only says that it is inside. Another thread
//! that wants in first takes the ownership away, for good until it is given anew, and makes
//! every processor finish its writes (`membarrier`): afterwards either the owner is seen
//! inside, or it will see that it owns nothing any more.

use crate::os;
use crate::sync::Lock;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering, compiler_fence};

/// A value that one thread uses at a time, mostly the same.
pub struct Owned<T> {
    /// The owning thread, 0 for none.
    owner: AtomicUsize,
    /// Whether the owner is inside.
    inside: AtomicBool,
    lock: Lock<()>,
    value: UnsafeCell<T>,
}

// SAFETY: `lock` admits one thread at a time that is not the owner, and only after the
// owner was taken its right and has left.
unsafe impl<T: Send> Sync for Owned<T> {}

/// A number that no other live thread has; 0 where that is not known cheaply.
#[inline]
fn this_thread() -> usize {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        let thread: usize;
        // SAFETY: the first word of a thread's control block is its own address, as the
        // platform's ABI says; reading it has no effect.
        unsafe {
            core::arch::asm!("mov {}, fs:[0]", out(reg) thread, options(nostack, preserves_flags, readonly, pure));
        }
        thread
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    0
}

impl<T> Owned<T> {
    /// An open lock around `value` that nobody owns.
    pub const fn new(value: T) -> Owned<T> {
        Owned {
            owner: AtomicUsize::new(0),
            inside: AtomicBool::new(false),
            lock: Lock::new(()),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the right to use the value. A thread that has it must not call this.
    #[inline]
    pub fn lock(&self) -> Inside<'_, T> {
        let me = this_thread();
        if me != 0 && self.owner.load(Ordering::Relaxed) == me {
            debug_assert!(!self.inside.load(Ordering::Relaxed), "the owner is inside already");
            self.inside.store(true, Ordering::Relaxed);
            compiler_fence(Ordering::SeqCst);
            if self.owner.load(Ordering::Relaxed) == me {
                return Inside { owned: self, as_owner: true };
            }
            self.inside.store(false, Ordering::Release);
        }
        self.lock_as_guest()
    }

    #[cold]
    fn lock_as_guest(&self) -> Inside<'_, T> {
        self.lock.acquire();
        if self.owner.swap(0, Ordering::SeqCst) != 0 {
            os::barrier_in_all_threads();
            while self.inside.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
        Inside { owned: self, as_owner: false }
    }

    /// Makes the calling thread the owner, if the system can take that away again.
    pub fn own(&self) {
        let guest = self.lock_as_guest();
        if os::prepare_barriers() {
            self.owner.store(this_thread(), Ordering::SeqCst);
        }
        drop(guest);
    }
}

/// The right to use the value; ends when dropped.
pub struct Inside<'a, T> {
    owned: &'a Owned<T>,
    as_owner: bool,
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: one thread at a time has an `Inside`.
        unsafe { &*self.owned.value.get() }
    }
}

impl<T> DerefMut for Inside<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` makes the borrow unique.
        unsafe { &mut *self.owned.value.get() }
    }
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.as_owner {
            self.owned.inside.store(false, Ordering::Release);
        } else {
            // SAFETY: this thread took the lock in `lock_as_guest`.
            unsafe { self.owned.lock.release() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_and_guests_take_turns() {
        static COUNT: Owned<u64> = Owned::new(0);
        const ROUNDS: u64 = 20_000;
        let count = || {
            for round in 0..ROUNDS {
                if round % 1000 == 0 {
                    // Ownership comes and goes meanwhile.
                    COUNT.own();
                }
                let mut count = COUNT.lock();
                let seen = *count;
                std::hint::black_box(&count);
                *count = seen + 1;
            }
        };
        std::thread::scope(|scope| {
            (0..3).for_each(|_| {
                scope.spawn(count);
            });
        });
        assert_eq!(*COUNT.lock(), 3 * ROUNDS);
    }
}
