//! Tests of the managers, the C ABI and code memory.

use super::abi::*;
use super::module::*;
use super::*;
use crate::layout::Layout as VexLayout;
use core::sync::atomic::{AtomicUsize, Ordering};

crate::instantiate_memory_manager!(PROCESS);

/// Hands out memory of a fixed array, remembers capabilities, and has only the
/// required methods: what it does not override is the trait's default.
struct Tiny {
    memory: core::cell::UnsafeCell<[u128; 64]>,
    used: AtomicUsize,
    last: AtomicUsize,
    frees: AtomicUsize,
}

// SAFETY: each test has its own, on one thread.
unsafe impl Sync for Tiny {}

// SAFETY: blocks are disjoint parts of the array, never reused.
unsafe impl ManagerTrait for Tiny {
    unsafe fn allocate(&self, capabilities: CapabilityFlags, layout: Layout) -> Option<NonNull<u8>> {
        let start = self.used.load(Ordering::Relaxed).next_multiple_of(layout.align());
        let end = start.checked_add(layout.size()).filter(|end| *end <= 1024)?;
        self.used.store(end, Ordering::Relaxed);
        self.last.store(capabilities.bits() as usize, Ordering::Relaxed);
        // SAFETY: `start` is inside the array.
        NonNull::new(unsafe { self.memory.get().cast::<u8>().add(start) })
    }

    unsafe fn deallocate(&self, _pointer: NonNull<u8>, _layout: Layout) {
        self.frees.fetch_add(1, Ordering::Relaxed);
    }

    fn get_used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn get_free(&self) -> usize {
        1024 - self.get_used()
    }
}

fn tiny() -> Tiny {
    Tiny {
        memory: core::cell::UnsafeCell::new([0; 64]),
        used: AtomicUsize::new(0),
        last: AtomicUsize::new(0),
        frees: AtomicUsize::new(0),
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a valid layout")
}

#[test]
fn the_default_reallocate_keeps_contents_and_capabilities() {
    let tiny = tiny();
    let manager = Manager::new(&tiny);
    let p = manager.allocate(CapabilityFlags::Executable, layout(16, 16));
    // SAFETY: every block is live when used and of the layout given.
    unsafe {
        p.write_bytes(7, 16);
        tiny.last.store(0, Ordering::Relaxed);
        let q = manager.reallocate(CapabilityFlags::Executable, p, layout(16, 16), 64);
        assert!(!q.is_null() && q != p);
        assert_eq!(*q.add(15), 7);
        assert_eq!(tiny.last.load(Ordering::Relaxed), 1, "the new block has the capabilities");
        assert_eq!(tiny.frees.load(Ordering::Relaxed), 1);
        assert!(manager.reallocate(CapabilityFlags::empty(), q, layout(64, 16), 5000).is_null());
        assert_eq!(
            (*q.add(15), tiny.frees.load(Ordering::Relaxed)),
            (7, 1),
            "a failure leaves the old block"
        );
        assert!(!manager.reallocate(CapabilityFlags::empty(), null_mut(), layout(0, 8), 8).is_null());
        manager.deallocate(null_mut(), layout(8, 8));
        assert_eq!(tiny.frees.load(Ordering::Relaxed), 1);
    }
    assert_eq!(manager.get_total_size(), 1024);
}

#[test]
fn a_manager_serves_as_rusts_global_allocator() {
    let manager = Manager::new(&HEAP);
    // SAFETY: blocks are live when used and freed with their layout.
    unsafe {
        let p = manager.alloc_zeroed(layout(100, 8));
        assert_eq!(*p.add(99), 0);
        *p = 5;
        let p = manager.realloc(p, layout(100, 8), 10_000);
        assert_eq!(*p, 5);
        manager.dealloc(p, layout(10_000, 8));
    }
}

#[test]
fn the_heap_meets_capabilities_or_refuses() {
    let manager = Manager::new(&HEAP);
    assert!(manager.allocate(CapabilityFlags::from_bits_retain(4), layout(8, 8)).is_null());
    let both = CapabilityFlags::Executable | CapabilityFlags::DirectMemoryAccess;
    for capabilities in [CapabilityFlags::Executable, both] {
        let p = manager.allocate(capabilities, layout(5000, 8192));
        if p.is_null() && capabilities == both {
            continue; // The limit on locked memory may be zero.
        }
        assert!(!p.is_null() && (p as usize).is_multiple_of(8192));
        // SAFETY: live when used, and freed once.
        unsafe {
            p.write_bytes(9, 5000);
            let q = manager.reallocate(CapabilityFlags::empty(), p, layout(5000, 8192), 50_000);
            assert_eq!((*q, *q.add(4999)), (9, 9));
            assert_eq!(crate::heap::flags_of(q), capabilities.bits(), "resizing keeps capabilities");
            manager.deallocate(q, layout(50_000, 8192));
        }
    }
    let p = manager.allocate(CapabilityFlags::empty(), layout(100, 16));
    // SAFETY: live when used, and freed once.
    unsafe {
        *p = 3;
        let q = manager.reallocate(CapabilityFlags::Executable, p, layout(100, 16), 100);
        assert_eq!((*q, crate::heap::flags_of(q)), (3, crate::heap::large::EXECUTABLE));
        manager.deallocate(q, layout(100, 16));
    }
    assert!(manager.allocate(CapabilityFlags::DirectMemoryAccess, layout(1 << 46, 16)).is_null());
}

#[cfg(target_arch = "x86_64")]
#[test]
fn sealed_code_runs_and_can_be_rewritten() {
    let code = executable::allocate(100).expect("code memory");
    let page = crate::os::page_size();
    for answer in [42u8, 43] {
        // mov eax, answer; ret
        let program = [0xB8, answer, 0, 0, 0, 0xC3];
        // SAFETY: the memory is unsealed here; after sealing it holds a function
        // that follows the C calling convention.
        let result = unsafe {
            assert!(executable::unseal(code, page));
            code.copy_from_nonoverlapping(NonNull::from(&program).cast(), program.len());
            assert!(executable::seal(code, program.len()));
            core::mem::transmute::<*mut u8, extern "C" fn() -> i32>(code.as_ptr())()
        };
        assert_eq!(result, answer as i32);
    }
    // SAFETY: inside the code memory, but not at the start of an OS page.
    assert!(!unsafe { executable::seal(code.add(1), 8) });
    if cfg!(target_os = "linux") {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("the process's mappings");
        let start = format!("{:x}-", code.as_ptr() as usize);
        let line = maps.lines().find(|line| line.starts_with(&start));
        assert!(line.is_some_and(|line| line.contains(" r-xp ")), "{line:?}");
    }
    // SAFETY: the code is not running any more.
    unsafe { executable::free(code, 100) };
}

#[test]
fn the_c_abi_remembers_layouts() {
    // SAFETY: every block is live when used and freed once.
    unsafe {
        for align in [0usize, 1, 8, 16, 64, 4096, 1 << 20] {
            let p = xila_memory_allocate(null_mut(), 100, align, 0);
            assert_eq!(p as usize % align.max(16), 0);
            xila_memory_set(p, 0x155, 100);
            let q = xila_memory_reallocate(p, 70_000);
            assert_eq!(q as usize % align.max(16), 0, "the alignment is kept");
            assert_eq!((*q.cast::<u8>(), *q.cast::<u8>().add(99)), (0x55, 0x55));
            assert!(xila_memory_reallocate(q, usize::MAX - 8).is_null());
            assert_eq!(xila_memory_compare(q, q.cast::<u8>().add(50).cast(), 50), 0);
            assert!(xila_memory_reallocate(q, 0).is_null());
        }
        assert!(xila_memory_allocate(null_mut(), 8, 24, 0).is_null());
        assert!(xila_memory_allocate(null_mut(), 8, 8, 4).is_null());
        assert!(xila_memory_allocate(null_mut(), usize::MAX, 8, 0).is_null());
        xila_memory_deallocate(null_mut());
        let p = xila_memory_reallocate(null_mut(), 10);
        xila_memory_deallocate(p);
        let code = xila_memory_allocate(null_mut(), 100, 4096, 1);
        assert!(!code.is_null());
        let code = xila_memory_reallocate(code, 9000);
        assert_eq!(code as usize % 4096, 0);
        xila_memory_deallocate(code);
    }
}

#[test]
fn the_c_abi_is_safe_to_use_from_many_threads() {
    std::thread::scope(|scope| {
        for seed in 1..5usize {
            scope.spawn(move || {
                for i in 0..2_000usize {
                    // SAFETY: each block is this thread's, live, and freed once.
                    unsafe {
                        let p = xila_memory_allocate(null_mut(), i % 500 * seed, 16, 0).cast::<u8>();
                        p.write_bytes(seed as u8, i % 500 * seed);
                        assert!((0..i % 500 * seed).all(|at| *p.add(at) == seed as u8));
                        xila_memory_deallocate(p.cast());
                    }
                }
            });
        }
    });
}

#[test]
fn the_module_checks_layouts() {
    let of = |size, align| VexLayout { size, align };
    // SAFETY: every block is live when used and freed once with its layout.
    unsafe {
        for bad in [of(-1, 8), of(8, 0), of(8, 3), of(8, -8), of(i64::MAX, 1 << 40)] {
            assert!(xila_manager_allocate(0, bad).is_null());
            assert!(xila_manager_reallocate(0, null_mut(), bad, 8).is_null() || bad.size == i64::MAX);
        }
        assert!(xila_manager_allocate(8, of(8, 8)).is_null());
        let p = xila_manager_allocate(0, of(100, 64));
        *p.cast::<u8>().add(99) = 1;
        let q = xila_manager_reallocate(0, p, of(100, 64), 5000);
        assert_eq!(*q.cast::<u8>().add(99), 1);
        assert_eq!(q as usize % 64, 0);
        assert!(xila_manager_reallocate(0, q, of(5000, 64), usize::MAX).is_null());
        xila_manager_deallocate(q, of(5000, 64));
        xila_manager_deallocate(null_mut(), of(8, 8));
        assert!(xila_manager_get_page_size() >= 4096);
        xila_manager_flush_instruction_cache(null_mut(), 8);
        xila_manager_flush_data_cache(null_mut(), 8);
    }
}
