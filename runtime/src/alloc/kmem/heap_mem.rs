//! A typed, owning view of one kmem block.

use super::{allocate, release, sizeof_allocation};
use core::ffi::c_void;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// Plain data: what `memset` may be used on.
///
/// # Safety
///
/// All-zero bytes must be a valid value, and dropping one must do nothing.
pub unsafe trait Pod: Copy + 'static {}

macro_rules! pod {
    ($($ty:ty),*) => {
        $(
            // SAFETY: a number; zero is one of its values.
            unsafe impl Pod for $ty {}
        )*
    };
}

pod!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, bool, char);

// SAFETY: zero in every element is a value when zero is a value of one.
unsafe impl<T: Pod, const N: usize> Pod for [T; N] {}
// SAFETY: the null pointer is a value.
unsafe impl<T: 'static> Pod for *mut T {}
// SAFETY: the null pointer is a value.
unsafe impl<T: 'static> Pod for *const T {}

/// A zeroed array of plain data in kmem's buffer, released when dropped.
///
/// ```
/// use vex_runtime::alloc::kmem::HeapMem;
///
/// let mut ints = HeapMem::<i32>::new(2, "A pair of ints");
/// ints[1] = 1234;
/// assert_eq!(*ints, [0, 1234]);
/// ```
///
/// A type with a destructor is refused:
///
/// ```compile_fail
/// use vex_runtime::alloc::kmem::HeapMem;
///
/// let strings = HeapMem::<String>::new(2, "not plain data");
/// ```
#[derive(Debug)]
pub struct HeapMem<T: Pod> {
    data: NonNull<T>,
    count: usize,
}

// SAFETY: the array owns its block.
unsafe impl<T: Pod + Send> Send for HeapMem<T> {}
// SAFETY: shared access only reads.
unsafe impl<T: Pod + Sync> Sync for HeapMem<T> {}

impl<T: Pod> HeapMem<T> {
    /// Allocates `count` zeroed elements.
    ///
    /// # Faults
    ///
    /// When `count` is 0, the size overflows, or the buffer has no room.
    pub fn new(count: usize, reason: &str) -> HeapMem<T> {
        const { assert!(align_of::<T>() <= super::BLOCK_ALIGN && size_of::<T>() > 0) }
        // A request nobody can meet makes the same message an overflow would.
        let bytes = count.checked_mul(size_of::<T>()).and_then(|bytes| i64::try_from(bytes).ok());
        HeapMem { data: allocate(bytes.unwrap_or(i64::MAX), reason).cast(), count }
    }

    /// The block's size in bytes, as kmem knows it.
    pub fn size_of_allocation(&self) -> u64 {
        sizeof_allocation(self.data.as_ptr().cast::<c_void>())
    }
}

impl<T: Pod> Deref for HeapMem<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `count` elements, zeroed at first, live until the drop.
        unsafe { core::slice::from_raw_parts(self.data.as_ptr(), self.count) }
    }
}

impl<T: Pod> DerefMut for HeapMem<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes the borrow unique.
        unsafe { core::slice::from_raw_parts_mut(self.data.as_ptr(), self.count) }
    }
}

impl<T: Pod> Drop for HeapMem<T> {
    fn drop(&mut self) {
        let mut mem = self.data.as_ptr().cast::<c_void>();
        // SAFETY: the block is ours, and this is its last use.
        unsafe { release(&raw mut mem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::kmem::usage;
    use crate::fault::testing::expect_fault;

    #[test]
    fn elements_are_zeroed_and_the_block_goes_with_the_owner() {
        let mut a = HeapMem::<[u16; 3]>::new(5, "heap_mem test");
        assert!(a.iter().flatten().all(|&x| x == 0));
        a[4][2] = 9;
        assert_eq!((a.len(), a.size_of_allocation(), a[4]), (5, 30, [0, 0, 9]));
        assert_eq!(usage("heap_mem test").bytes, 30);
        drop(a);
        assert_eq!(usage("heap_mem test").bytes, 0);
    }

    #[test]
    fn impossible_counts_are_assertion_failures() {
        for count in [0, usize::MAX, usize::MAX / 8] {
            let (_, message) = expect_fault(|| drop(HeapMem::<u64>::new(count, "too many")));
            assert!(message.contains("too many"), "{message}");
        }
    }
}
