//! What the heap keeps per thread, in one thread-local variable without a
//! destructor: registering one would need memory.
//!
//! In a shared library, the compiler's own thread-local variables are found by
//! calling `__tls_get_addr`. In a `malloc` that is slow, and can be wrong: the
//! first such call after other libraries were loaded may itself allocate. With
//! the feature `initial-exec` the variable is therefore declared in assembly,
//! and found by adding its offset, which the dynamic linker has filled in, to
//! the thread's address.

use crate::heap::thread::{NONE, ThreadHeap};
use core::cell::Cell;

/// What is kept per thread.
#[repr(C)]
pub(crate) struct Local {
    /// The thread's heap, or the stand-in.
    pub heap: Cell<&'static ThreadHeap>,
    /// The limit that refused the thread's last charge; all ones when none did.
    pub reached: Cell<usize>,
    /// Whether the thread is ending and its heap was given up.
    pub ended: Cell<bool>,
    /// Whether what the thread maps is not the program's.
    pub uncounted: Cell<bool>,
}

pub(crate) use form::{heap, with};

/// The form for simulated threads, which all run on one of the OS: a variable for
/// each of them.
#[cfg(feature = "shuttle")]
pub(crate) mod form {
    use super::*;
    use crate::sync::atomic::task;

    /// Simulated threads there can be at once.
    const TASKS: usize = 16;

    /// The variables of simulated threads, by their numbers.
    struct Tasks([Local; TASKS]);

    // SAFETY: one simulated thread runs at a time, and uses its own variable; only
    // one simulation is under way in a process.
    unsafe impl Sync for Tasks {}

    static LOCALS: Tasks = Tasks([const { NEW }; TASKS]);

    #[allow(clippy::declare_interior_mutable_const, reason = "every thread has a variable of its own")]
    const NEW: Local = Local {
        heap: Cell::new(&NONE),
        reached: Cell::new(usize::MAX),
        ended: Cell::new(false),
        uncounted: Cell::new(false),
    };

    thread_local! {
        static OUTSIDE: Local = const { NEW };
    }

    /// The thread's heap, or the stand-in.
    pub fn heap() -> &'static ThreadHeap {
        with(|local| local.heap.get())
    }

    /// Runs `operation` with the thread's variable.
    pub fn with<R>(operation: impl FnOnce(&Local) -> R) -> R {
        match task() {
            Some(task) => operation(&LOCALS.0[task]),
            None => OUTSIDE.with(operation),
        }
    }
}

/// The compiler's form.
#[cfg(not(any(
    feature = "shuttle",
    all(feature = "initial-exec", target_arch = "x86_64", target_os = "linux")
)))]
mod form {
    use super::*;

    thread_local! {
        static LOCAL: Local = const {
            Local {
                heap: Cell::new(&NONE),
                reached: Cell::new(usize::MAX),
                ended: Cell::new(false),
                uncounted: Cell::new(false),
            }
        };
    }

    /// The thread's heap, or the stand-in.
    #[inline]
    pub fn heap() -> &'static ThreadHeap {
        LOCAL.with(|local| local.heap.get())
    }

    /// Runs `operation` with the thread's variable.
    #[inline]
    pub fn with<R>(operation: impl FnOnce(&Local) -> R) -> R {
        LOCAL.with(operation)
    }
}

/// The form for libraries that are loaded with the program.
#[cfg(all(not(feature = "shuttle"), feature = "initial-exec", target_arch = "x86_64", target_os = "linux"))]
mod form {
    use super::*;
    use core::arch::{asm, global_asm};
    use core::mem::offset_of;

    // The variable's first contents, field by field as in `Local`.
    const _: () = assert!(
        size_of::<Local>() == 24
            && offset_of!(Local, heap) == 0
            && offset_of!(Local, reached) == 8
            && offset_of!(Local, ended) >= 16
    );

    global_asm!(
        ".pushsection .tdata,\"awT\",@progbits",
        ".balign 8",
        ".globl vex_runtime_thread_local",
        ".hidden vex_runtime_thread_local",
        ".type vex_runtime_thread_local,@object",
        ".size vex_runtime_thread_local,24",
        "vex_runtime_thread_local:",
        ".quad {none}",
        ".quad -1",
        ".quad 0",
        ".popsection",
        none = sym NONE,
    );

    /// The thread's heap, or the stand-in.
    #[inline]
    pub fn heap() -> &'static ThreadHeap {
        let heap: *const ThreadHeap;
        // SAFETY: reads the field `heap` of the calling thread's variable, which
        // only this thread writes, through `with`.
        unsafe {
            asm!(
                "mov {heap}, qword ptr [rip + vex_runtime_thread_local@GOTTPOFF]",
                "mov {heap}, qword ptr fs:[{heap}]",
                heap = out(reg) heap,
                options(pure, readonly, nostack, preserves_flags),
            );
            &*heap
        }
    }

    /// Runs `operation` with the thread's variable.
    #[inline]
    pub fn with<R>(operation: impl FnOnce(&Local) -> R) -> R {
        let local: *const Local;
        // SAFETY: computes the variable's address; the thread's address is at its
        // own offset 0.
        unsafe {
            asm!(
                "mov {local}, qword ptr fs:[0]",
                "add {local}, qword ptr [rip + vex_runtime_thread_local@GOTTPOFF]",
                local = out(reg) local,
                options(pure, readonly, nostack),
            );
        }
        // SAFETY: the variable lives as long as the thread, holds a `Local` from
        // its beginning, and no other thread gets at it.
        operation(unsafe { &*local })
    }
}
