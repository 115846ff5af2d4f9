//! The lock of the heap's slow paths: const-initialised, never allocates, and
//! can be carried across `fork`.
//!
//! The standard library's lock promises none of the three. Contention is rare
//! (a page or a large block changes hands), so waiting is spinning that soon
//! yields to the scheduler.

pub mod atomic;

use crate::{os, tls};
use atomic::AtomicBool;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicUsize, Ordering};

/// How often a lock is looked at before the thread makes way for others.
const SPINS: u32 = if cfg!(feature = "shuttle") { 1 } else { 64 };

/// A value only one thread uses at a time.
pub struct Lock<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `taken` admits one thread at a time to `value`.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// An open lock around `value`.
    pub const fn new(value: T) -> Lock<T> {
        Lock { taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Waits for the lock. A thread that holds it must not call this again.
    pub fn lock(&self) -> Guard<'_, T> {
        self.acquire();
        Guard { lock: self }
    }

    /// Takes the lock if it is free. For code that runs while a fault is being
    /// reported: the faulting thread may hold it.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        let free = self.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        free.then(|| Guard { lock: self })
    }

    /// Takes the lock without a guard, as the `fork` handlers need.
    pub fn acquire(&self) {
        let mut spins = 0u32;
        while self.taken.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            spins += 1;
            if spins < SPINS { core::hint::spin_loop() } else { atomic::yield_now() }
        }
    }

    /// Opens a lock taken with [`acquire`](Lock::acquire).
    ///
    /// # Safety
    ///
    /// The calling thread, or the thread it was forked from, holds the lock.
    pub unsafe fn release(&self) {
        self.taken.store(false, Ordering::Release);
    }
}

/// The right to use a [`Lock`]'s value; opens the lock when dropped.
pub struct Guard<'a, T> {
    lock: &'a Lock<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard exists only while this thread holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` makes the borrow unique.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the guard is the proof that this thread holds the lock.
        unsafe { self.lock.release() }
    }
}

/// What a lock's owner does around `fork`: take the lock before, open it after on
/// both sides, so that a child never inherits a lock held by a thread it lacks.
///
/// The OS runs the handlers before `fork` in the reverse order of installation.
/// So the handlers of an inner lock, one that is taken while the outer one is
/// held, must be installed first; `inner` sees to that.
pub struct ForkHandlers {
    inner: fn(),
    before: unsafe extern "C" fn(),
    in_parent: unsafe extern "C" fn(),
    in_child: unsafe extern "C" fn(),
    /// [`UNKNOWN`](Self::UNKNOWN), [`READY`](Self::READY), or the token of the
    /// thread that is installing.
    state: AtomicUsize,
}

impl ForkHandlers {
    const UNKNOWN: usize = 0;
    const READY: usize = 1;

    /// Handlers that are not installed yet. `inner` installs those of every lock
    /// that is taken while this one is held.
    pub const fn new(
        inner: fn(),
        before: unsafe extern "C" fn(),
        in_parent: unsafe extern "C" fn(),
        in_child: unsafe extern "C" fn(),
    ) -> ForkHandlers {
        ForkHandlers { inner, before, in_parent, in_child, state: AtomicUsize::new(Self::UNKNOWN) }
    }

    /// Installs the handlers at the first call, and returns once they are in
    /// place. Call it before taking the lock, never while holding it: a fork by
    /// another thread must not find the lock taken and the handlers missing.
    #[inline]
    pub fn ensure(&self) {
        if self.state.load(Ordering::Acquire) != Self::READY {
            self.install();
        }
    }

    #[cold]
    fn install(&self) {
        let token = tls::with(|local| local as *const tls::Local as usize);
        match self.state.compare_exchange(Self::UNKNOWN, token, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                (self.inner)();
                os::at_fork(self.before, self.in_parent, self.in_child);
                self.state.store(Self::READY, Ordering::Release);
            }
            // Installing may allocate, and so come back here on the same thread.
            Err(installer) if installer == token => {}
            Err(_) => {
                while self.state.load(Ordering::Acquire) != Self::READY {
                    os::yield_now();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_are_not_lost() {
        static TOTAL: Lock<u64> = Lock::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        *TOTAL.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*TOTAL.lock(), 40_000);
        let held = TOTAL.lock();
        assert!(TOTAL.try_lock().is_none());
        drop(held);
        assert_eq!(TOTAL.try_lock().map(|total| *total), Some(40_000));
    }
}
