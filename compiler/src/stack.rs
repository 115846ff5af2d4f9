//! A stack deep enough for the compiler: it walks trees by recursion, and the
//! depth of those is up to the program's author.
//!
//! Switching the stack pointer to a fresh mapping costs about ten microseconds,
//! a fifth of what a thread costs, and `vexc run` is measured against a process
//! that does nothing. Where there is no switch written, a thread does it.

/// Bytes of address space; only what is touched takes memory.
const SIZE: usize = 1 << 30;

/// Calls `f` on a stack of a gibibyte and returns what it returns. A panic of
/// `f` comes out of here as it would out of a plain call.
pub fn on_deep_stack<T>(f: impl FnOnce() -> T) -> T {
    imp::run(f)
}

#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod imp {
    use core::arch::naked_asm;
    use core::cell::Cell;
    use core::ffi::c_void;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::SIZE;

    /// Room left for whoever runs when the stack overflows.
    const GUARD: usize = 1 << 16;

    /// A mapping, unmapped when dropped.
    struct Mapping(*mut c_void, usize);

    impl Mapping {
        /// The largest stack the OS grants, if any; its lowest part stays
        /// inaccessible so that running out of it faults.
        fn new() -> Option<Mapping> {
            [SIZE, SIZE / 8, SIZE / 64].into_iter().find_map(Mapping::of_size)
        }

        fn of_size(size: usize) -> Option<Mapping> {
            #[cfg(target_os = "linux")]
            let flags = libc::MAP_NORESERVE | libc::MAP_STACK;
            #[cfg(not(target_os = "linux"))]
            let flags = libc::MAP_NORESERVE;
            // SAFETY: asks for fresh memory anywhere; touches nothing of ours.
            let base = unsafe {
                libc::mmap(
                    core::ptr::null_mut(),
                    size,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags,
                    -1,
                    0,
                )
            };
            if base == libc::MAP_FAILED {
                return None;
            }
            // SAFETY: the range is the start of the mapping just made, unused.
            unsafe { libc::mprotect(base, GUARD, libc::PROT_NONE) };
            Some(Mapping(base, size))
        }

        /// One past the highest byte, aligned as every stack wants it.
        fn top(&self) -> *mut c_void {
            self.0.wrapping_byte_add(self.1)
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: the mapping is ours, and nothing runs on it any more.
            unsafe { libc::munmap(self.0, self.1) };
        }
    }

    thread_local! {
        /// The stack of the last call, for the next one. Unmapping it would cost more than the rest of a switch.
        static SPARE: Cell<Option<Mapping>> = const { Cell::new(None) };
    }

    /// Calls `entry(data)` with the stack pointer at `top`, then comes back.
    #[cfg(target_arch = "x86_64")]
    #[unsafe(naked)]
    unsafe extern "C" fn switch(
        data: *mut c_void,
        entry: unsafe extern "C" fn(*mut c_void),
        top: *mut c_void,
    ) {
        naked_asm!("push rbp", "mov rbp, rsp", "mov rsp, rdx", "call rsi", "mov rsp, rbp", "pop rbp", "ret")
    }

    /// Calls `entry(data)` with the stack pointer at `top`, then comes back.
    #[cfg(target_arch = "aarch64")]
    #[unsafe(naked)]
    unsafe extern "C" fn switch(
        data: *mut c_void,
        entry: unsafe extern "C" fn(*mut c_void),
        top: *mut c_void,
    ) {
        naked_asm!(
            "stp x29, x30, [sp, #-16]!",
            "mov x29, sp",
            "mov sp, x2",
            "blr x1",
            "mov sp, x29",
            "ldp x29, x30, [sp], #16",
            "ret"
        )
    }

    /// What travels to the other stack and back.
    struct Call<F, T> {
        f: Option<F>,
        result: Option<std::thread::Result<T>>,
    }

    unsafe extern "C" fn entry<F: FnOnce() -> T, T>(data: *mut c_void) {
        // SAFETY: `run` passes a `Call` of exactly these types that outlives
        // the switch, and does not look at it meanwhile.
        let call = unsafe { &mut *data.cast::<Call<F, T>>() };
        if let Some(f) = call.f.take() {
            // A panic must not unwind through the switch.
            call.result = Some(catch_unwind(AssertUnwindSafe(f)));
        }
    }

    pub(super) fn run<F: FnOnce() -> T, T>(f: F) -> T {
        let Some(stack) = SPARE.take().or_else(Mapping::new) else { return f() };
        let mut call = Call { f: Some(f), result: None };
        // SAFETY: the top is that of an unused, writable stack; `entry` gets the
        // `Call` it expects and never unwinds.
        unsafe { switch((&raw mut call).cast(), entry::<F, T>, stack.top()) };
        // Should there be one from a nested call, it is unmapped.
        SPARE.set(Some(stack));
        match call.result.expect("the entry ran") {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }
}

#[cfg(not(all(unix, any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod imp {
    use super::SIZE;

    pub(super) fn run<F: FnOnce() -> T, T>(f: F) -> T {
        /// Moves a value to the thread that is waited for.
        struct Borrowed<T>(T);
        // SAFETY: the spawning thread does nothing until the other has ended,
        // so there is never concurrent access to what `f` borrows or returns.
        unsafe impl<T> Send for Borrowed<T> {}

        let f = Borrowed(f);
        std::thread::scope(|scope| {
            let call = move || {
                let f = f;
                Borrowed((f.0)())
            };
            let thread = std::thread::Builder::new().stack_size(SIZE).spawn_scoped(scope, call);
            match thread.expect("a thread can be started").join() {
                Ok(value) => value.0,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recursion_may_be_deep() {
        fn depth(n: u64) -> u64 {
            let pad = std::hint::black_box([n; 64]);
            if n == 0 { 0 } else { depth(n - 1) + pad[3] / n }
        }
        let n = 200_000;
        assert_eq!(on_deep_stack(|| depth(n)), n);
    }

    #[test]
    fn panics_and_borrows_cross_the_switch() {
        let text = String::from("kept");
        assert_eq!(on_deep_stack(|| text.as_str()), "kept");
        let panic = std::panic::catch_unwind(|| on_deep_stack(|| panic!("from below")));
        assert_eq!(*panic.expect_err("a panic").downcast::<&str>().expect("a text"), "from below");
    }
}
