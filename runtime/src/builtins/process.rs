//! How a program begins and ends: its arguments, its exit, and the exit of a
//! program whose output cannot be written.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::stream;
use crate::abi::{AbiTy, AbiType, VexStr};
use crate::alloc::kmem;

/// Called once when the program ends, with the exit status it asked for; returns
/// the status to end with. Reports at exit are written from here.
pub type ExitHook = fn(status: i32) -> i32;

static EXIT_HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Installs the function to call when the program ends.
pub fn set_exit_hook(hook: ExitHook) {
    EXIT_HOOK.store(hook as *mut (), Ordering::Release);
}

/// Ends the program: writes what the streams hold back, kmem's report if it was
/// asked for, calls the exit hook and leaves the process without running destructors. Every regular way out, and a
/// panic's after its report, comes through here.
pub fn finish(status: i32) -> ! {
    stream::flush_all();
    kmem::finish();
    let status = run_exit_hook(status);
    stream::flush_all();
    exit_now(status)
}

/// Runs the hook at most once, also when the hook itself ends the program.
fn run_exit_hook(status: i32) -> i32 {
    let hook = EXIT_HOOK.swap(core::ptr::null_mut(), Ordering::AcqRel);
    if hook.is_null() {
        return status;
    }
    // SAFETY: the only non-null values ever stored are `ExitHook`s.
    let hook: ExitHook = unsafe { core::mem::transmute::<*mut (), ExitHook>(hook) };
    hook(status)
}

/// Leaves the process at once: nothing is written, no handler runs.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(status) }
}

/// Ends the program because standard output or error cannot be written.
///
/// A reader that went away (`program | head`) ends it as the default action of
/// SIGPIPE would; any other error is reported once and the status is 1.
#[cold]
pub(super) fn output_failed(fd: i32, error: i32) -> ! {
    static REPORTED: AtomicBool = AtomicBool::new(false);
    #[cfg(unix)]
    if error == libc::EPIPE {
        // SAFETY: both take plain numbers. Should the signal be blocked, the
        // status a shell would show is used instead.
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            libc::raise(libc::SIGPIPE);
        }
        exit_now(128 + libc::SIGPIPE)
    }
    if fd == stream::STDOUT && !REPORTED.swap(true, Ordering::Relaxed) {
        let reason = std::io::Error::from_raw_os_error(error);
        let text = format!("error: cannot write to standard output: {reason}\n");
        let _ = stream::write(stream::STDERR, text.as_bytes());
    }
    exit_now(1)
}

/// A `&[str]` of the language: strings in memory and their number.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VexStrs {
    /// The first string; dangling when there are none.
    pub ptr: *const VexStr,
    /// How many.
    pub len: usize,
}

impl AbiType for VexStrs {
    const TY: AbiTy = AbiTy::Struct("VexStrs");
}

static ARGS: AtomicPtr<VexStr> = AtomicPtr::new(core::ptr::NonNull::dangling().as_ptr());
static ARG_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Sets what `args()` returns. Call it once, before the program starts: the
/// strings stay for the rest of the process.
pub fn set_args(args: impl IntoIterator<Item = Vec<u8>>) {
    let args: Vec<VexStr> = args
        .into_iter()
        .map(|arg| {
            let bytes: &'static [u8] = arg.leak();
            VexStr { ptr: bytes.as_ptr(), len: bytes.len() }
        })
        .collect();
    let args = args.leak();
    ARG_COUNT.store(args.len(), Ordering::Relaxed);
    ARGS.store(args.as_mut_ptr(), Ordering::Release);
}

crate::exports! {
    group Builtin;

    /// The program's arguments, those after `--` on the command line.
    pub fn vexrt_args() -> VexStrs {
        let ptr = ARGS.load(Ordering::Acquire);
        VexStrs { ptr, len: ARG_COUNT.load(Ordering::Relaxed) }
    }

    /// Ends the program with a status, of which the OS keeps the low 8 bits.
    pub fn vexrt_exit(code: i32) -> ! {
        finish(code)
    }
}
