//! The one way the runtime reports what it cannot return from.
//!
//! A failed request is not a fault: it returns null. A fault is misuse the
//! runtime noticed (a double free, a foreign pointer, a failed assertion of
//! kmem) or an OS call that must not fail and did. It goes through [`raise`],
//! which formats the message into a buffer on the stack and hands it to the
//! handler; nothing here allocates, so a fault in the middle of `free` is safe
//! to report. The default handler writes the message to standard error and
//! aborts; the compiler installs its own with [`set_handler`].

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicPtr, Ordering};

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// A block was freed that is free already.
    DoubleFree,
    /// A pointer that no allocation returned, or one into the middle of a block.
    BadPointer,
    /// Bookkeeping of an allocator was overwritten.
    Corruption,
    /// A program broke a function's stated precondition.
    Precondition,
    /// An assertion a document promises (kmem's) did not hold.
    Assertion,
    /// The OS refused something the runtime cannot do without.
    System,
    /// The program panicked: `panic`, a failed `assert`, an index out of range.
    Panic,
}

/// Every kind, with its name for C and what it says.
pub const KINDS: &[(FaultKind, &str, &str)] = &[
    (FaultKind::DoubleFree, "DOUBLE_FREE", "A block was freed that is free already."),
    (FaultKind::BadPointer, "BAD_POINTER", "A pointer that is no block, or a heap that was destroyed."),
    (FaultKind::Corruption, "CORRUPTION", "Bookkeeping of an allocator was overwritten."),
    (FaultKind::Precondition, "PRECONDITION", "A function's stated precondition was broken."),
    (FaultKind::Assertion, "ASSERTION", "An assertion a document promises (kmem's) did not hold."),
    (FaultKind::System, "SYSTEM", "The OS refused something that cannot be done without."),
    (FaultKind::Panic, "PANIC", "The program panicked."),
];

impl FaultKind {
    /// Its number for C: its place in [`KINDS`], from 1.
    pub const fn code(self) -> i32 {
        match self {
            FaultKind::DoubleFree => 1,
            FaultKind::BadPointer => 2,
            FaultKind::Corruption => 3,
            FaultKind::Precondition => 4,
            FaultKind::Assertion => 5,
            FaultKind::System => 6,
            FaultKind::Panic => 7,
        }
    }
}

/// A fault as the handler sees it.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// What kind of thing went wrong.
    pub kind: FaultKind,
    /// The address it is about, 0 when it is about none.
    pub address: usize,
    /// One line for the user, without a newline at its end.
    pub message: &'a str,
}

/// A handler: it reports the fault and does not come back.
pub type Handler = fn(&Fault<'_>) -> !;

/// The installed handler, null for the default one.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Installs `handler` for the whole process; the last one installed wins.
pub fn set_handler(handler: Handler) {
    HANDLER.store(handler as *mut (), Ordering::Release);
}

/// Goes back to the default handler: message to standard error, then abort.
pub fn reset_handler() {
    HANDLER.store(core::ptr::null_mut(), Ordering::Release);
}

/// Is told of every fault before the handler is.
pub type Observer = fn(&Fault<'_>);

/// The observer, null for none.
static OBSERVER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Has `observer` told of every fault before the handler gets it; the last one wins.
pub fn set_observer(observer: Observer) {
    OBSERVER.store(observer as *mut (), Ordering::Release);
}

/// Reports a fault about an address, 0 for none, and does not return. See
/// [`fault!`](crate::fault!) for the form with a format string.
#[cold]
#[inline(never)]
pub fn raise(kind: FaultKind, address: usize, message: fmt::Arguments<'_>) -> ! {
    let mut text = Text::new();
    // A message that does not fit is cut; there is nobody to tell.
    let _ = text.write_fmt(message);
    report(&Fault { kind, address, message: text.as_str() })
}

/// Hands a fault to the handler; for messages that are formatted already, and
/// may be longer than [`raise`] has room for.
#[cold]
pub fn report(fault: &Fault<'_>) -> ! {
    let observer = OBSERVER.load(Ordering::Acquire);
    if !observer.is_null() {
        // SAFETY: the only non-null values ever stored are `Observer`s, in `set_observer`.
        unsafe { core::mem::transmute::<*mut (), Observer>(observer)(fault) };
    }
    let installed = HANDLER.load(Ordering::Acquire);
    if installed.is_null() {
        abort_with(fault)
    }
    // SAFETY: the only non-null values ever stored are `Handler`s, in `set_handler`.
    let handler: Handler = unsafe { core::mem::transmute::<*mut (), Handler>(installed) };
    handler(fault)
}

/// Reports a fault with a format string: `fault!(System, "no clock")`, or with the
/// address that it is about, `fault!(DoubleFree at block, "block {block:p}")`.
#[macro_export]
macro_rules! fault {
    ($kind:ident at $address:expr, $($message:tt)+) => {
        $crate::fault::raise($crate::fault::FaultKind::$kind, $address.addr(), format_args!($($message)+))
    };
    ($kind:ident, $($message:tt)+) => {
        $crate::fault::raise($crate::fault::FaultKind::$kind, 0, format_args!($($message)+))
    };
}

/// The default handler.
fn abort_with(fault: &Fault<'_>) -> ! {
    write_stderr(b"vex: ");
    write_stderr(fault.message.as_bytes());
    write_stderr(b"\n");
    std::process::abort()
}

/// Writes straight to standard error: no buffer, no lock, no allocation.
pub(crate) fn write_stderr(bytes: &[u8]) {
    // SAFETY: `bytes` is readable for its length; a failed or short write on
    // the way to an abort has no better place to be reported.
    unsafe {
        let _ = libc::write(2, bytes.as_ptr().cast(), bytes.len() as _);
    }
}

/// A message under construction, in a fixed buffer, cut on a character boundary.
struct Text {
    bytes: [u8; Text::CAPACITY],
    len: usize,
}

impl Text {
    const CAPACITY: usize = 512;

    const fn new() -> Text {
        Text { bytes: [0; Text::CAPACITY], len: 0 }
    }

    fn as_str(&self) -> &str {
        // `write_str` only ever adds whole characters, so this cannot fail.
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("fault")
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = Text::CAPACITY - self.len;
        let take = text.floor_char_boundary(room.min(text.len()));
        self.bytes[self.len..self.len + take].copy_from_slice(&text.as_bytes()[..take]);
        self.len += take;
        if take == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Test support: turning a fault into a value.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static CATCHING: Cell<bool> = const { Cell::new(false) };
    }

    /// A caught fault, carried by the panic that unwinds out of the operation.
    struct Caught(FaultKind, String);

    fn catching_handler(fault: &Fault<'_>) -> ! {
        if CATCHING.get() {
            std::panic::resume_unwind(Box::new(Caught(fault.kind, fault.message.to_owned())))
        }
        abort_with(fault)
    }

    /// Runs `operation`, which must raise a fault through Rust frames only (an
    /// `extern "C"` frame in between aborts), and returns its kind and message.
    pub(crate) fn expect_fault(operation: impl FnOnce()) -> (FaultKind, String) {
        set_handler(catching_handler);
        CATCHING.set(true);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(operation));
        CATCHING.set(false);
        match outcome {
            Ok(()) => panic!("the operation returned without a fault"),
            Err(payload) => match payload.downcast::<Caught>() {
                Ok(caught) => (caught.0, caught.1),
                Err(other) => std::panic::resume_unwind(other),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_gets_kind_and_message() {
        let (kind, message) = testing::expect_fault(|| fault!(BadPointer, "block {:#x} is {}", 16, "odd"));
        assert_eq!(kind, FaultKind::BadPointer);
        assert_eq!(message, "block 0x10 is odd");
    }

    #[test]
    fn numbers_of_kinds_are_their_places() {
        for (index, (kind, ..)) in KINDS.iter().enumerate() {
            assert_eq!(kind.code(), index as i32 + 1);
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut text = Text::new();
        let long = "é".repeat(Text::CAPACITY);
        assert!(text.write_str("x").is_ok());
        assert!(text.write_str(&long).is_err());
        assert_eq!(text.as_str().len(), Text::CAPACITY - 1);
        assert!(text.as_str().ends_with('é'));
    }
}
