//! The atomic variables by which threads agree on who owns what: the owners of
//! pages, inboxes, epochs, states, locks.
//!
//! They are those of the language. With the feature `shuttle`, which is for tests
//! alone, every access is also a place where the scheduler of that crate may let
//! another thread go on, so that the heap's own code runs in as many orders as
//! one has patience for: see `heap::tests::orders`. Orders only: what weaker
//! orderings than sequential consistency would allow is not tried.

#[cfg(not(feature = "shuttle"))]
pub use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize};

#[cfg(not(feature = "shuttle"))]
pub(crate) use crate::os::yield_now;

#[cfg(feature = "shuttle")]
pub use scheduled::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize};

#[cfg(feature = "shuttle")]
pub(crate) use scheduled::{task, yield_now};

#[cfg(feature = "shuttle")]
mod scheduled {
    use core::sync::atomic::{self, Ordering};
    use shuttle::current::try_get_current_task;

    /// The number of the simulated thread that runs, or `None` outside of a
    /// simulation.
    pub(crate) fn task() -> Option<usize> {
        try_get_current_task().map(usize::from)
    }

    /// Lets the scheduler choose who goes on.
    fn point() {
        // Reading one of the crate's own variables is such a place. One for each
        // thread of the OS, for these variables are not what they seem to be there.
        std::thread_local! {
            static PLACE: shuttle::sync::atomic::AtomicBool = const { shuttle::sync::atomic::AtomicBool::new(false) };
        }
        if task().is_some() {
            PLACE.with(|place| place.load(Ordering::SeqCst));
        }
    }

    /// Lets another thread run, of those simulated or of those there are.
    pub(crate) fn yield_now() {
        match task() {
            Some(_) => shuttle::thread::yield_now(),
            None => crate::os::yield_now(),
        }
    }

    /// An atomic variable with the operations the runtime uses; laid out as the
    /// language's, because zeroed memory and generated code are such variables, too.
    macro_rules! variable {
        ($name:ident $(<$param:ident>)?, $value:ty) => {
            /// The language's variable of that name, and places to switch.
            #[derive(Debug, Default)]
            #[repr(transparent)]
            pub struct $name $(<$param>)?(atomic::$name $(<$param>)?);

            impl $(<$param>)? $name $(<$param>)? {
                /// A variable with this value.
                pub const fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }

                /// The value.
                pub fn load(&self, order: Ordering) -> $value {
                    point();
                    self.0.load(order)
                }

                /// Writes a value.
                pub fn store(&self, value: $value, order: Ordering) {
                    point();
                    self.0.store(value, order);
                }

                /// Writes a value and returns the one before.
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    point();
                    self.0.swap(value, order)
                }

                /// Writes `new` if the value is `current`; the value before.
                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    point();
                    self.0.compare_exchange(current, new, success, failure)
                }

                /// As `compare_exchange`, and may fail for no reason.
                pub fn compare_exchange_weak(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    point();
                    self.0.compare_exchange_weak(current, new, success, failure)
                }
            }
        };
    }

    /// Adds the arithmetic.
    macro_rules! number {
        ($name:ident, $value:ty) => {
            variable!($name, $value);

            impl $name {
                /// Adds, and returns the value before.
                pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                    point();
                    self.0.fetch_add(value, order)
                }

                /// Subtracts, and returns the value before.
                pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                    point();
                    self.0.fetch_sub(value, order)
                }
            }
        };
    }

    variable!(AtomicBool, bool);
    variable!(AtomicPtr<T>, *mut T);
    number!(AtomicU8, u8);
    number!(AtomicU32, u32);
    number!(AtomicUsize, usize);
}
