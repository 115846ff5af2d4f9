//! Call traces: where an allocation function was called from.
//!
//! Generated code calls allocation functions through stubs ([`checked_stub!`]) that note
//! the return address and the frame pointer of the caller in two cells. From there the
//! frames of generated code are a linked list on the program's stack.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The return address of the last call of a function through a stub.
pub static CALLER_PC: AtomicUsize = AtomicUsize::new(0);

/// The frame pointer of the function that made that call.
pub static CALLER_FP: AtomicUsize = AtomicUsize::new(0);

/// Frames that a trace remembers at most.
pub const MOST_FRAMES: usize = 16;

/// A list of return addresses, kept once for all that have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace(pub(super) u32);

impl Trace {
    /// No frames.
    pub const NONE: Trace = Trace(0);

    /// The calls that led to the stub that was entered last.
    pub fn capture() -> Trace {
        let _ = (CALLER_PC.load(Ordering::Relaxed), CALLER_FP.load(Ordering::Relaxed));
        Trace::NONE
    }

    /// The trace of these return addresses, innermost first. Keeps the first
    /// [`MOST_FRAMES`].
    pub fn of(frames: &[usize]) -> Trace {
        let _ = frames;
        Trace::NONE
    }

    /// The return addresses, innermost first: each is the address behind a call.
    pub fn frames(self) -> &'static [usize] {
        &[]
    }

    /// Whether nothing is known.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Says where the program's stack lies.
pub(super) fn set_stack(range: Range<usize>) {
    let _ = range;
}

/// Makes `$name`, the address to call in place of the function `$body`: it notes its
/// caller for [`Trace::capture`] and goes on at `$body` with the same arguments.
///
/// ```text
/// checked_stub! { fn vex_free_stub => vex_free_checked }
/// unsafe extern "C" fn vex_free_checked(ptr: *mut c_void) { … Trace::capture() … }
/// ```
///
/// Neither may be exported from a library: the stub reaches both by their distance.
#[cfg(target_arch = "x86_64")]
#[macro_export]
macro_rules! checked_stub {
    ($vis:vis fn $name:ident => $body:path) => {
        #[doc = concat!("Notes the caller and goes on at `", stringify!($body), "`.")]
        ///
        /// # Safety
        ///
        /// As for that function, whose signature it has.
        #[unsafe(naked)]
        $vis unsafe extern "C" fn $name() {
            // Only r11 is changed, which a call may change anyway and no argument is in.
            core::arch::naked_asm!(
                "mov r11, qword ptr [rsp]",
                "mov qword ptr [rip + {pc}], r11",
                "mov qword ptr [rip + {fp}], rbp",
                "jmp {body}",
                pc = sym $crate::checked::trace::CALLER_PC,
                fp = sym $crate::checked::trace::CALLER_FP,
                body = sym $body,
            )
        }
    };
}

/// Elsewhere the checked mode is refused, and a stub is never called.
#[cfg(not(target_arch = "x86_64"))]
#[macro_export]
macro_rules! checked_stub {
    ($vis:vis fn $name:ident => $body:path) => {
        #[doc = concat!("Stands for `", stringify!($body), "`; never called.")]
        ///
        /// # Safety
        ///
        /// None is needed.
        $vis unsafe extern "C" fn $name() {
            let _ = $body as *const u8;
        }
    };
}
