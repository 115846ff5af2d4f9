//! The tracking twins: each calls the exported function it stands for and keeps
//! the books.

use super::books::{Allocator, Books};
use super::{books, vex_report_site};
use crate::abi::{self, Address, VexStr};
use crate::alloc::bump::BumpAllocator;
use crate::alloc::free_list::FreeListAllocator;
use crate::alloc::pool::PoolAllocator;
use crate::alloc::stack::StackAllocator;
use crate::layout::{Allocation, Layout};
use core::ffi::{c_char, c_void};
use core::ops::Range;
use core::sync::atomic::{AtomicPtr, Ordering};

/// An exported function and its twin.
struct Twin {
    symbol: &'static str,
    /// The function the twin calls; null until [`enable`].
    base: &'static AtomicPtr<()>,
    twin: Address,
}

/// Prepares the twins: from now on they call the heap's functions or, with
/// `managed`, those of the selected process manager.
pub fn enable(managed: bool) {
    for twin in TWINS {
        let base = abi::address(twin.symbol, managed).unwrap_or(core::ptr::null());
        twin.base.store(base.cast_mut().cast(), Ordering::Release);
    }
}

/// The address generated code calls in place of `symbol` to have it recorded;
/// `None` for functions that are not, and before [`enable`].
pub fn twin(symbol: &str) -> Option<*const u8> {
    let twin = TWINS.iter().find(|twin| twin.symbol == symbol)?;
    (!twin.base.load(Ordering::Acquire).is_null()).then_some(twin.twin.0)
}

/// The address generated code calls for `symbol` in a watched program: the
/// twin where there is one, else the function itself.
pub fn address(symbol: &str, managed: bool) -> Option<*const u8> {
    twin(symbol).or_else(|| abi::address(symbol, managed))
}

/// Records a block at the current position; nothing for a null address.
fn allocated(allocator: Allocator, at: usize, bytes: usize) {
    let site = vex_report_site.load(Ordering::Relaxed);
    if at == 0 {
        return;
    }
    // Arenas give empty requests addresses that are not unique.
    let arena = matches!(allocator, Allocator::Bump | Allocator::Stack);
    match arena && bytes == 0 {
        true => books().passed(allocator, site),
        false => books().allocated(allocator, site, at, bytes as u64),
    }
}

fn carved(allocator: Allocator, block: Allocation, layout: Layout) -> Allocation {
    allocated(allocator, block.ptr as usize, layout.size.max(0) as usize);
    block
}

/// Records what `freed` says when the operation returned 0.
fn done(result: i64, freed: impl FnOnce(&mut Books, u32)) -> i64 {
    if result == 0 {
        let site = vex_report_site.load(Ordering::Relaxed);
        freed(&mut books(), site);
    }
    result
}

/// Records that the current position frees a block; nothing for a null address.
fn freed(allocator: Allocator, at: usize) {
    let site = vex_report_site.load(Ordering::Relaxed);
    if at != 0 {
        books().freed(allocator, site, at);
    }
}

/// The addresses from `from` to `to` bytes behind `buffer`.
fn range(buffer: i64, from: i64, to: i64) -> Range<usize> {
    buffer.wrapping_add(from) as usize..buffer.wrapping_add(to) as usize
}

macro_rules! twins {
    ($(fn $name:ident($($param:ident: $ty:ty),*) $(-> $ret:ty)?, |$base:ident| $body:block)*) => {
        $(
            mod $name {
                use super::*;

                pub(super) static BASE: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

                pub(super) unsafe extern "C" fn twin($($param: $ty),*) $(-> $ret)? {
                    type Base = unsafe extern "C" fn($($ty),*) $(-> $ret)?;
                    // SAFETY: `twin` is handed out only while `BASE` holds the
                    // address of the exported function of this name, whose
                    // signature this is; a test compares it with the table.
                    let $base: Base = unsafe { core::mem::transmute::<*mut (), Base>(BASE.load(Ordering::Relaxed)) };
                    // SAFETY: the caller's word for the function holds for its
                    // twin: the arguments are passed on unchanged.
                    unsafe { $body }
                }

                #[cfg(test)]
                pub(super) const PARAMS: &[abi::AbiTy] = &[$(<$ty as abi::AbiType>::TY),*];
                #[cfg(test)]
                pub(super) const RET: abi::AbiTy = <fn() $(-> $ret)? as abi::AbiReturn>::TY;
            }
        )*

        static TWINS: &[Twin] = &[$(
            Twin { symbol: stringify!($name), base: &$name::BASE, twin: Address($name::twin as *const u8) }
        ),*];

        #[cfg(test)]
        static SIGNATURES: &[(&str, &[abi::AbiTy], abi::AbiTy)] = &[$(
            (stringify!($name), $name::PARAMS, $name::RET)
        ),*];
    };
}

twins! {
    fn vex_malloc(size: usize) -> *mut c_void, |base| {
        let block = base(size);
        allocated(Allocator::Vex, block.addr(), size);
        block
    }

    fn vex_calloc(count: usize, size: usize) -> *mut c_void, |base| {
        let block = base(count, size);
        allocated(Allocator::Vex, block.addr(), count.saturating_mul(size));
        block
    }

    fn vex_aligned_alloc(alignment: usize, size: usize) -> *mut c_void, |base| {
        let block = base(alignment, size);
        allocated(Allocator::Vex, block.addr(), size);
        block
    }

    fn vex_realloc(ptr: *mut c_void, size: usize) -> *mut c_void, |base| {
        let old = ptr.addr();
        let block = base(ptr, size);
        if !block.is_null() || size == 0 {
            freed(Allocator::Vex, old);
        }
        allocated(Allocator::Vex, block.addr(), size);
        block
    }

    fn vex_free(ptr: *mut c_void), |base| {
        freed(Allocator::Vex, ptr.addr());
        base(ptr)
    }

    fn __vera_sys_alloc(size: i64, align: i64) -> *mut c_void, |base| {
        let block = base(size, align);
        allocated(Allocator::Vera, block.addr(), size.max(0) as usize);
        block
    }

    fn __vera_sys_free(addr: *mut c_void, size: i64, align: i64), |base| {
        freed(Allocator::Vera, addr.addr());
        base(addr, size, align)
    }

    fn vex_global_alloc(layout: Layout) -> Allocation, |base| {
        carved(Allocator::Global, base(layout), layout)
    }

    fn vex_global_alloc_zeroed(layout: Layout) -> Allocation, |base| {
        carved(Allocator::Global, base(layout), layout)
    }

    fn vex_global_dealloc(ptr: i64, layout: Layout), |base| {
        freed(Allocator::Global, ptr as usize);
        base(ptr, layout)
    }

    fn vex_global_realloc(ptr: i64, old_layout: Layout, new_layout: Layout) -> Allocation, |base| {
        let block = base(ptr, old_layout, new_layout);
        if block.ptr != 0 {
            freed(Allocator::Global, ptr as usize);
        }
        carved(Allocator::Global, block, new_layout)
    }

    fn xila_manager_allocate(capabilities: u8, layout: Layout) -> *mut c_void, |base| {
        let block = base(capabilities, layout);
        allocated(Allocator::Xila, block.addr(), layout.size.max(0) as usize);
        block
    }

    fn xila_manager_deallocate(pointer: *mut c_void, layout: Layout), |base| {
        freed(Allocator::Xila, pointer.addr());
        base(pointer, layout)
    }

    fn xila_manager_reallocate(
        capabilities: u8, pointer: *mut c_void, old: Layout, new_size: usize
    ) -> *mut c_void, |base| {
        let block = base(capabilities, pointer, old, new_size);
        if !block.is_null() {
            freed(Allocator::Xila, pointer.addr());
        }
        allocated(Allocator::Xila, block.addr(), new_size);
        block
    }

    fn vex_bump_alloc(this: *mut BumpAllocator, layout: Layout) -> Allocation, |base| {
        carved(Allocator::Bump, base(this, layout), layout)
    }

    fn vex_bump_alloc_zeroed(this: *mut BumpAllocator, layout: Layout) -> Allocation, |base| {
        carved(Allocator::Bump, base(this, layout), layout)
    }

    fn vex_bump_reset(this: *mut BumpAllocator) -> i64, |base| {
        let all = range((*this).buffer, 0, (*this).capacity);
        done(base(this), |books, site| books.freed_all(Allocator::Bump, site, all))
    }

    fn vex_bump_drop(this: *mut BumpAllocator) -> i64, |base| {
        let all = range((*this).buffer, 0, (*this).capacity);
        done(base(this), |books, site| books.freed_all(Allocator::Bump, site, all))
    }

    fn vex_pool_alloc(this: *mut PoolAllocator) -> i64, |base| {
        let block = base(this);
        allocated(Allocator::Pool, block as usize, (*this).block_size as usize);
        block
    }

    fn vex_pool_dealloc(this: *mut PoolAllocator, ptr: i64) -> i64, |base| {
        done(base(this, ptr), |books, site| books.freed(Allocator::Pool, site, ptr as usize))
    }

    fn vex_pool_drop(this: *mut PoolAllocator) -> i64, |base| {
        let all = range((*this).buffer, 0, (*this).capacity);
        done(base(this), |books, site| books.freed_all(Allocator::Pool, site, all))
    }

    fn vex_freelist_alloc(this: *mut FreeListAllocator, layout: Layout) -> Allocation, |base| {
        carved(Allocator::FreeList, base(this, layout), layout)
    }

    fn vex_freelist_dealloc(this: *mut FreeListAllocator, ptr: i64) -> i64, |base| {
        done(base(this, ptr), |books, site| books.freed(Allocator::FreeList, site, ptr as usize))
    }

    fn vex_freelist_drop(this: *mut FreeListAllocator) -> i64, |base| {
        let all = range((*this).buffer, 0, (*this).capacity);
        done(base(this), |books, site| books.freed_all(Allocator::FreeList, site, all))
    }

    fn vex_stack_alloc(this: *mut StackAllocator, layout: Layout) -> Allocation, |base| {
        carved(Allocator::Stack, base(this, layout), layout)
    }

    fn vex_stack_pop(this: *mut StackAllocator) -> i64, |base| {
        let top = range((*this).buffer, (*this).prev_offset, (*this).offset);
        done(base(this), |books, site| books.freed_all(Allocator::Stack, site, top))
    }

    fn vex_stack_reset(this: *mut StackAllocator) -> i64, |base| {
        let all = range((*this).buffer, 0, (*this).capacity);
        done(base(this), |books, site| books.freed_all(Allocator::Stack, site, all))
    }

    fn vex_stack_drop(this: *mut StackAllocator) -> i64, |base| {
        let all = range((*this).buffer, 0, (*this).capacity);
        done(base(this), |books, site| books.freed_all(Allocator::Stack, site, all))
    }

    fn vex_kmem_allocate(bytes: i32, reason: VexStr) -> *mut c_void, |base| {
        let block = base(bytes, reason);
        allocated(Allocator::Kmem, block.addr(), bytes.max(0) as usize);
        block
    }

    fn vex_kmem_release(mem: *mut *mut c_void), |base| {
        if !mem.is_null() {
            freed(Allocator::Kmem, (*mem).addr());
        }
        base(mem)
    }

    fn kmem_allocate(num_bytes: i32, reason: *const c_char) -> *mut c_void, |base| {
        let block = base(num_bytes, reason);
        allocated(Allocator::Kmem, block.addr(), num_bytes.max(0) as usize);
        block
    }

    fn kmem_release(mem: *mut *mut c_void), |base| {
        if !mem.is_null() {
            freed(Allocator::Kmem, (*mem).addr());
        }
        base(mem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::layouts::layout_new;
    use crate::report::{self, clear, rows, set_site, totals};

    #[test]
    fn each_twin_has_the_signature_of_its_function() {
        for (symbol, params, ret) in SIGNATURES {
            let export = abi::find(symbol).unwrap_or_else(|| panic!("{symbol} is not exported"));
            let types: Vec<_> = export.params.iter().map(|(_, ty)| *ty).collect();
            assert_eq!((&types[..], export.ret), (*params, *ret), "{symbol}");
        }
    }

    /// The twin of `symbol` as a function.
    macro_rules! call {
        ($symbol:ident as fn($($ty:ty),*) $(-> $ret:ty)?, $($arg:expr),*) => {{
            type F = unsafe extern "C" fn($($ty),*) $(-> $ret)?;
            let address = twin(stringify!($symbol)).expect("an enabled twin");
            // SAFETY: the type is the function's; the arguments are valid.
            unsafe { core::mem::transmute::<*const u8, F>(address)($($arg),*) }
        }};
    }

    // The books are the process's, so one test covers everything that uses them.
    #[test]
    fn the_books_follow_a_program() {
        assert_eq!(twin("vex_bump_remaining"), None);
        enable(false);
        clear();
        let mut bump = BumpAllocator::new(256);
        set_site(11);
        call!(
            vex_bump_alloc as fn(*mut BumpAllocator, Layout) -> Allocation,
            &raw mut bump,
            layout_new(10, 8)
        );
        call!(
            vex_bump_alloc as fn(*mut BumpAllocator, Layout) -> Allocation,
            &raw mut bump,
            layout_new(1000, 8)
        );
        set_site(12);
        call!(
            vex_bump_alloc_zeroed as fn(*mut BumpAllocator, Layout) -> Allocation,
            &raw mut bump,
            layout_new(30, 8)
        );
        call!(vex_bump_reset as fn(*mut BumpAllocator) -> i64, &raw mut bump);
        call!(
            vex_bump_alloc as fn(*mut BumpAllocator, Layout) -> Allocation,
            &raw mut bump,
            layout_new(0, 8)
        );
        let mut stack = StackAllocator::new(256);
        set_site(21);
        for bytes in [8, 0, 16] {
            call!(
                vex_stack_alloc as fn(*mut StackAllocator, Layout) -> Allocation,
                &raw mut stack,
                layout_new(bytes, 8)
            );
        }
        assert_eq!(call!(vex_stack_pop as fn(*mut StackAllocator) -> i64, &raw mut stack), 0);
        let mut pool = PoolAllocator::new(24, 4);
        set_site(31);
        let block = call!(vex_pool_alloc as fn(*mut PoolAllocator) -> i64, &raw mut pool);
        call!(vex_pool_alloc as fn(*mut PoolAllocator) -> i64, &raw mut pool);
        assert_eq!(
            call!(vex_pool_dealloc as fn(*mut PoolAllocator, i64) -> i64, &raw mut pool, block + 8),
            -1
        );
        call!(vex_pool_dealloc as fn(*mut PoolAllocator, i64) -> i64, &raw mut pool, block);
        let figures = |allocator, site| {
            let row = rows().into_iter().find(|row| (row.allocator, row.site) == (allocator, site));
            let f = row.expect("a row").figures;
            (f.allocations, f.allocated, f.frees, f.freed, f.peak)
        };
        assert_eq!(figures(Allocator::Bump, 11), (1, 10, 1, 10, 10));
        assert_eq!(figures(Allocator::Bump, 12), (2, 30, 2, 30, 30));
        assert_eq!(figures(Allocator::Stack, 21), (3, 24, 2, 16, 24));
        assert_eq!(figures(Allocator::Pool, 31), (2, 48, 1, 24, 48));
        assert_eq!(totals().iter().map(|row| row.figures.held()).collect::<Vec<_>>(), [0, 24, 8]);
        set_site(41);
        let heap = call!(vex_malloc as fn(usize) -> *mut c_void, 100);
        set_site(42);
        let heap = call!(vex_realloc as fn(*mut c_void, usize) -> *mut c_void, heap, 300);
        let failed = call!(vex_realloc as fn(*mut c_void, usize) -> *mut c_void, heap, usize::MAX);
        assert!(failed.is_null());
        assert_eq!(figures(Allocator::Vex, 41), (1, 100, 1, 100, 100));
        assert_eq!(figures(Allocator::Vex, 42), (1, 300, 0, 0, 300));
        set_site(43);
        let sized = call!(__vera_sys_alloc as fn(i64, i64) -> *mut c_void, 50, 8);
        call!(__vera_sys_free as fn(*mut c_void, i64, i64), heap, 300, 8);
        call!(vex_free as fn(*mut c_void), sized);
        assert_eq!(figures(Allocator::Vex, 42), (1, 300, 1, 300, 300));
        assert_eq!(figures(Allocator::Vera, 43), (1, 50, 1, 50, 50));
        set_site(51);
        let mut held =
            call!(vex_kmem_allocate as fn(i32, VexStr) -> *mut c_void, 7, VexStr::from("report twins"));
        assert_eq!(figures(Allocator::Kmem, 51), (1, 7, 0, 0, 7));
        call!(vex_kmem_release as fn(*mut *mut c_void), &raw mut held);
        assert_eq!((held.is_null(), figures(Allocator::Kmem, 51)), (true, (1, 7, 1, 7, 7)));
        blocks_are_told_about();
        assert_eq!(address("vex_malloc", false), twin("vex_malloc"));
        assert_eq!(address("vex_memcpy", false), abi::address("vex_memcpy", false));
        bump.drop();
        stack.drop();
        pool.drop();
        clear();
        assert!(rows().is_empty());
    }

    /// Part of the test above: what a session asks.
    fn blocks_are_told_about() {
        set_site(61);
        let mark = report::mark();
        let gone = call!(vex_malloc as fn(usize) -> *mut c_void, 100);
        let kept = call!(vex_malloc as fn(usize) -> *mut c_void, 50);
        let why = VexStr::from("told about");
        let mut held = call!(vex_kmem_allocate as fn(i32, VexStr) -> *mut c_void, 9, why);
        set_site(62);
        call!(vex_free as fn(*mut c_void), core::ptr::null_mut());
        call!(vex_free as fn(*mut c_void), gone);
        let since = report::since(mark);
        assert_eq!((since.allocations, since.allocated, since.frees, since.freed), (3, 159, 1, 100));
        let left: Vec<_> =
            since.left.iter().map(|b| (b.address, b.size, b.site, b.reason.as_deref())).collect();
        assert_eq!(left, [(kept.addr(), 50, 61, None), (held.addr(), 9, 61, Some("told about"))]);
        assert!(report::live().ends_with(&since.left));
        let found = report::find(kept.addr() + 49).expect("live");
        assert_eq!((found.address, found.serial), (kept.addr(), since.left[0].serial));
        assert_eq!((report::find(kept.addr() + 50), report::find(gone.addr())), (None, None));
        let freed = report::freed(gone.addr() + 99).expect("freed lately");
        assert_eq!((freed.address, freed.size), (gone.addr(), 100));
        assert_eq!((freed.site, freed.free_site), (61, 62));
        call!(vex_kmem_release as fn(*mut *mut c_void), &raw mut held);
        call!(vex_free as fn(*mut c_void), kept);
    }
}
