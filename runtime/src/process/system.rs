//! The C library's `malloc` as the process's manager: what the heap is compared
//! with.

use super::{Family, ProcessAllocator};
use crate::heap::Figures;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The system allocator's row.
pub const FAMILY: Family = Family { name: "system", sized: false, create: |_| Some(&SYSTEM) };

/// The C library's allocator, and what the program holds of it.
pub struct System {
    used: AtomicUsize,
    blocks: AtomicUsize,
}

/// The one instance.
pub static SYSTEM: System = System { used: AtomicUsize::new(0), blocks: AtomicUsize::new(0) };

impl System {
    /// Counts a block, null or not.
    fn counted(&self, block: *mut u8) -> *mut u8 {
        if !block.is_null() {
            // SAFETY: just allocated.
            self.used.fetch_add(unsafe { c::usable_size(block) }, Ordering::Relaxed);
            self.blocks.fetch_add(1, Ordering::Relaxed);
        }
        block
    }

    /// Takes a live block out of the count.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator.
    unsafe fn uncount(&self, block: *mut u8) {
        // SAFETY: the caller's word.
        self.used.fetch_sub(unsafe { c::usable_size(block) }, Ordering::Relaxed);
        self.blocks.fetch_sub(1, Ordering::Relaxed);
    }
}

// SAFETY: the C library's allocator is thread-safe, and its blocks are 16-aligned
// or aligned as asked, disjoint, and know their size.
unsafe impl ProcessAllocator for System {
    fn name(&self) -> &'static str {
        FAMILY.name
    }

    fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        self.counted(c::allocate(size.max(1), align))
    }

    fn allocate_zeroed(&self, size: usize, align: usize) -> *mut u8 {
        self.counted(c::allocate_zeroed(size.max(1), align))
    }

    unsafe fn deallocate(&self, block: *mut u8) {
        // SAFETY: the caller's word.
        unsafe {
            self.uncount(block);
            c::free(block);
        }
    }

    unsafe fn reallocate(&self, block: *mut u8, new_size: usize, align: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        let usable = unsafe { c::usable_size(block) };
        if (1..=c::NATURAL_ALIGN).contains(&align) {
            // SAFETY: the caller's word.
            let moved = unsafe { c::reallocate(block, new_size.max(1)) };
            if !moved.is_null() {
                self.used.fetch_sub(usable, Ordering::Relaxed);
                self.blocks.fetch_sub(1, Ordering::Relaxed);
            }
            return self.counted(moved);
        }
        // SAFETY: the caller's word.
        unsafe { self.move_block(block, usable, new_size, align) }
    }

    unsafe fn usable_size(&self, block: *mut u8) -> usize {
        // SAFETY: the caller's word.
        unsafe { c::usable_size(block) }
    }

    fn figures(&self) -> Figures {
        // What the C library has beyond its blocks it does not tell.
        let used = self.used.load(Ordering::Relaxed);
        Figures { used, free: 0, total: used, blocks: self.blocks.load(Ordering::Relaxed) }
    }
}

/// The C library of Linux and macOS.
#[cfg(unix)]
mod c {
    use super::null_mut;

    /// What `malloc` aligns to.
    pub const NATURAL_ALIGN: usize = 16;

    pub fn allocate(size: usize, align: usize) -> *mut u8 {
        if align <= NATURAL_ALIGN {
            // SAFETY: `malloc` has no preconditions.
            return unsafe { libc::malloc(size) }.cast();
        }
        let mut block = null_mut();
        // SAFETY: `align` is a power of two of at least a pointer's size.
        match unsafe { libc::posix_memalign(&mut block, align, size) } {
            0 => block.cast(),
            _ => null_mut(),
        }
    }

    pub fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
        if align <= NATURAL_ALIGN {
            // SAFETY: `calloc` has no preconditions.
            return unsafe { libc::calloc(1, size) }.cast();
        }
        let block = allocate(size, align);
        if !block.is_null() {
            // SAFETY: the block has `size` bytes.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    /// # Safety
    ///
    /// `block` is a live block of this module.
    pub unsafe fn reallocate(block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's word.
        unsafe { libc::realloc(block.cast(), size) }.cast()
    }

    /// # Safety
    ///
    /// `block` is a live block of this module.
    pub unsafe fn free(block: *mut u8) {
        // SAFETY: the caller's word.
        unsafe { libc::free(block.cast()) }
    }

    /// # Safety
    ///
    /// `block` is a live block of this module.
    pub unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller's word.
        #[cfg(not(target_vendor = "apple"))]
        return unsafe { libc::malloc_usable_size(block.cast()) };
        // SAFETY: the caller's word.
        #[cfg(target_vendor = "apple")]
        return unsafe { libc::malloc_size(block.cast()) };
    }
}

/// The C library of Windows, whose `malloc` neither aligns nor tells sizes: each
/// block has both in front of it.
#[cfg(windows)]
mod c {
    use super::null_mut;

    /// Every block is aligned by hand, so `realloc` cannot keep an alignment.
    pub const NATURAL_ALIGN: usize = 0;

    #[repr(C)]
    struct Front {
        size: usize,
        start: *mut u8,
    }

    pub fn allocate(size: usize, align: usize) -> *mut u8 {
        let align = align.max(16);
        let Some(whole) = size.checked_add(align).and_then(|sum| sum.checked_add(size_of::<Front>())) else {
            return null_mut();
        };
        // SAFETY: `malloc` has no preconditions.
        let start: *mut u8 = unsafe { libc::malloc(whole) }.cast();
        if start.is_null() {
            return start;
        }
        let body = start.addr() + size_of::<Front>();
        let block = start.wrapping_add(body.next_multiple_of(align) - start.addr());
        // SAFETY: the front lies between `start` and `block`, aligned.
        unsafe { block.cast::<Front>().sub(1).write(Front { size, start }) };
        block
    }

    pub fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
        let block = allocate(size, align);
        if !block.is_null() {
            // SAFETY: the block has `size` bytes.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    /// Never called: no alignment is natural here.
    ///
    /// # Safety
    ///
    /// None is needed; the signature is the shared one.
    pub unsafe fn reallocate(_block: *mut u8, _size: usize) -> *mut u8 {
        null_mut()
    }

    /// # Safety
    ///
    /// `block` is a live block of this module.
    pub unsafe fn free(block: *mut u8) {
        // SAFETY: the caller's word; the front says where the memory starts.
        unsafe { libc::free((*block.cast::<Front>().sub(1)).start.cast()) }
    }

    /// # Safety
    ///
    /// `block` is a live block of this module.
    pub unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller's word.
        unsafe { (*block.cast::<Front>().sub(1)).size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_the_blocks() {
        let system = System { used: AtomicUsize::new(0), blocks: AtomicUsize::new(0) };
        // SAFETY: every block is used as its size allows and freed once.
        unsafe {
            let mut block = system.allocate(100, 16);
            for (size, align) in [(5000, 16), (10, 16), (300, 256), (9000, 256)] {
                block = system.reallocate(block, size, align);
                assert_eq!(block.addr() % align, 0);
                let figures = system.figures();
                assert_eq!((figures.blocks, figures.used), (1, system.usable_size(block)));
            }
            system.deallocate(block);
        }
        assert_eq!(system.figures(), Figures::default());
    }
}
