//! Growing arrays for an allocator's own bookkeeping, straight from the OS.
//!
//! An allocator that can be the process's manager must not keep its books in
//! memory it would have to ask itself for. A [`SideVec`] maps its elements and
//! doubles the mapping when it is full.

use crate::os;
use core::mem::size_of;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A growing array of plain values in mapped memory.
pub struct SideVec<T: Copy> {
    items: NonNull<T>,
    len: usize,
    /// Bytes mapped at `items`; 0 when nothing is.
    mapped: usize,
}

// SAFETY: the array owns its mapping, as `Vec` owns its block.
unsafe impl<T: Copy + Send> Send for SideVec<T> {}

impl<T: Copy> SideVec<T> {
    /// An empty array, which maps nothing.
    pub const fn new() -> SideVec<T> {
        const { assert!(size_of::<T>() > 0 && align_of::<T>() <= 4096) }
        SideVec { items: NonNull::dangling(), len: 0, mapped: 0 }
    }

    /// An array of `len` elements whose bytes are all zero, untouched until they
    /// are used; `None` when the OS refuses.
    ///
    /// # Safety
    ///
    /// All-zero bytes must be a valid `T`.
    pub unsafe fn zeroed(len: usize) -> Option<SideVec<T>> {
        let mut made = SideVec::new();
        made.grow(len)?;
        made.len = len;
        Some(made)
    }

    /// Adds an element at the end; `None`, with nothing changed, when the OS
    /// refuses more memory.
    #[must_use]
    pub fn push(&mut self, value: T) -> Option<usize> {
        if self.len == self.mapped / size_of::<T>() {
            self.grow((self.len + 1).checked_mul(2)?)?;
        }
        // SAFETY: `len` is below the capacity.
        unsafe { self.items.add(self.len).write(value) };
        self.len += 1;
        Some(self.len - 1)
    }

    /// Adds several elements at the end; otherwise as [`push`](SideVec::push).
    #[must_use]
    pub fn extend(&mut self, values: &[T]) -> Option<usize> {
        let start = self.len;
        for &value in values {
            if self.push(value).is_none() {
                self.len = start;
                return None;
            }
        }
        Some(start)
    }

    /// Makes room for `wanted` elements in all.
    fn grow(&mut self, wanted: usize) -> Option<()> {
        let bytes = os::round_to_pages(wanted.checked_mul(size_of::<T>())?.max(1))?;
        let fresh = NonNull::new(os::limit::map_held(bytes, os::page_size()))?.cast::<T>();
        // SAFETY: the new mapping is at least as long as the old one, and apart.
        unsafe { fresh.copy_from_nonoverlapping(self.items, self.len) };
        self.unmap();
        (self.items, self.mapped) = (fresh, bytes);
        Some(())
    }

    fn unmap(&mut self) {
        if self.mapped != 0 {
            // SAFETY: the whole mapping, which only this array knows.
            unsafe { os::limit::unmap_held(self.items.as_ptr().cast(), self.mapped) };
        }
    }
}

impl<T: Copy> Default for SideVec<T> {
    fn default() -> SideVec<T> {
        SideVec::new()
    }
}

impl<T: Copy> Deref for SideVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `len` elements are initialized, or `len` is 0.
        unsafe { core::slice::from_raw_parts(self.items.as_ptr(), self.len) }
    }
}

impl<T: Copy> DerefMut for SideVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes the borrow unique.
        unsafe { core::slice::from_raw_parts_mut(self.items.as_ptr(), self.len) }
    }
}

impl<T: Copy> Drop for SideVec<T> {
    fn drop(&mut self) {
        self.unmap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_survive_growth() {
        let mut items = SideVec::new();
        assert!(items.is_empty());
        for i in 0..10_000u64 {
            assert_eq!(items.push(i * 3), Some(i as usize));
        }
        assert_eq!(items.extend(&[1, 2, 3]), Some(10_000));
        assert!(items.iter().take(10_000).enumerate().all(|(i, &item)| item == i as u64 * 3));
        assert_eq!(items[10_000..], [1, 2, 3]);
    }

    #[test]
    fn a_large_zeroed_array_can_be_written_anywhere() {
        // SAFETY: zero is a `u32`.
        let mut items = unsafe { SideVec::<u32>::zeroed(1 << 24) }.expect("address space");
        items[(1 << 24) - 1] = 7;
        assert_eq!((items[0], items[(1 << 24) - 1], items.len()), (0, 7, 1 << 24));
        // SAFETY: as above.
        assert!(unsafe { SideVec::<u64>::zeroed(usize::MAX / 8) }.is_none());
    }
}
