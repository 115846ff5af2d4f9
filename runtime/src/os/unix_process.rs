//! Linux and macOS: time, threads, processes, and what is asked of them. Contracts are
//! in the parent module.

#[cfg(test)]
use super::refusals::{Call, refused};
use super::unix::KeptErrno;
use core::ffi::{CStr, c_char, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Asks the system for [`barrier_in_all_threads`]; false when it has no such thing.
pub fn prepare_barriers() -> bool {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call changes nothing but what the next one may do.
        let done = unsafe {
            libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)
        };
        done == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Makes every running thread of the process finish its writes, as a fence in each of
/// them would. [`prepare_barriers`] has said that it works.
pub fn barrier_in_all_threads() {
    #[cfg(target_os = "linux")]
    // SAFETY: the call has no effect but the fences.
    unsafe {
        libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    }
}

/// A coarse monotonic clock in milliseconds; cheap enough for slow paths.
pub fn now_ms() -> u64 {
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is writable; the clock exists on every system built for.
    unsafe { libc::clock_gettime(CLOCK, &mut now) };
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// Lets another thread run.
pub fn yield_now() {
    // SAFETY: no preconditions.
    unsafe { libc::sched_yield() };
}

/// Waits so many milliseconds at least.
pub fn sleep_ms(ms: u64) {
    let mut left =
        libc::timespec { tv_sec: (ms / 1000) as libc::time_t, tv_nsec: (ms % 1000 * 1_000_000) as _ };
    // SAFETY: `left` is readable and writable. It fails when a signal came in between,
    // and then `left` is what is left.
    while unsafe { libc::nanosleep(&left, &mut left) } != 0 {}
}

/// A number that nobody can foresee, where the system gives such; else one that is
/// different each time.
pub fn random() -> u64 {
    let mut number = 0u64;
    #[cfg(target_os = "linux")]
    // SAFETY: `number` has room for so many bytes.
    let got = unsafe { libc::getrandom((&raw mut number).cast(), size_of::<u64>(), libc::GRND_NONBLOCK) };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above.
    let got = match unsafe { libc::getentropy((&raw mut number).cast(), size_of::<u64>()) } {
        0 => size_of::<u64>() as isize,
        _ => 0,
    };
    if got == size_of::<u64>() as isize {
        return number;
    }
    let place = &raw const number as u64;
    (now_ms() ^ place.rotate_left(20)).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ process_id() as u64
}

/// The number of the calling process, as the kernel knows it.
pub fn process_id() -> i32 {
    // SAFETY: no preconditions.
    unsafe { libc::getpid() }
}

/// Whether the variable of the environment is `0`. Never so in programs that run with
/// rights their user lacks, where the system can tell.
pub fn is_off(name: &CStr) -> bool {
    #[cfg(target_os = "linux")]
    unsafe extern "C" {
        /// libc's: as `getenv`, and null in a program with such rights.
        fn secure_getenv(name: *const c_char) -> *mut c_char;
    }
    #[cfg(not(target_os = "linux"))]
    use libc::getenv as secure_getenv;
    // SAFETY: the name ends with a zero.
    let value = unsafe { secure_getenv(name.as_ptr()) };
    // SAFETY: a value is a string that ends with a zero.
    !value.is_null() && unsafe { CStr::from_ptr(value) } == c"0"
}

/// Whether the thread is in a handler that runs on a stack for signals.
pub fn is_on_signal_stack() -> bool {
    // SAFETY: all zeros are a value of this type.
    let mut stack: libc::stack_t = unsafe { core::mem::zeroed() };
    // SAFETY: only asks, into a place of ours.
    unsafe { libc::sigaltstack(core::ptr::null(), &mut stack) };
    stack.ss_flags & libc::SS_ONSTACK != 0
}

/// Bytes of a helper's stack; with thread-local variables of libraries in them.
const HELPER_STACK: usize = 256 << 10;

extern "C" fn run_helper(work: *mut c_void) -> *mut c_void {
    // SAFETY: `start_helper` passes a `fn()`.
    let work = unsafe { core::mem::transmute::<*mut c_void, fn()>(work) };
    work();
    null_mut()
}

/// Runs `work` in a thread that nobody waits for and that gets no signal. False when
/// there can be none.
pub fn start_helper(work: fn()) -> bool {
    let _errno = KeptErrno::new();
    // SAFETY: every argument is a place of ours, initialised by the call before; the
    // mask is put back as it was.
    unsafe {
        let mut attributes = core::mem::zeroed::<libc::pthread_attr_t>();
        if libc::pthread_attr_init(&mut attributes) != 0 {
            return false;
        }
        let mut ok = libc::pthread_attr_setdetachstate(&mut attributes, libc::PTHREAD_CREATE_DETACHED) == 0;
        ok &= libc::pthread_attr_setstacksize(&mut attributes, HELPER_STACK) == 0;
        let mut all = core::mem::zeroed::<libc::sigset_t>();
        let mut before = all;
        libc::sigfillset(&mut all);
        ok = ok && libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) == 0;
        if ok {
            let mut thread = core::mem::zeroed::<libc::pthread_t>();
            ok = libc::pthread_create(&mut thread, &attributes, run_helper, work as *mut c_void) == 0;
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut());
        }
        libc::pthread_attr_destroy(&mut attributes);
        ok
    }
}

/// The thread-exit key, plus one (0: not made yet).
static EXIT_KEY: AtomicUsize = AtomicUsize::new(0);
/// What runs at thread exit.
static EXIT_HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());

unsafe extern "C" fn run_exit_hook(value: *mut c_void) {
    let hook = EXIT_HOOK.load(Ordering::Acquire);
    if !hook.is_null() {
        // SAFETY: only `at_thread_exit` stores here, always a `fn(*mut u8)`.
        let hook = unsafe { core::mem::transmute::<*mut (), fn(*mut u8)>(hook) };
        hook(value.cast());
    }
}

/// Runs `hook(value)` when the calling thread ends. The hook is one for the
/// process, the value one for the thread. False when the OS has no key left.
pub fn at_thread_exit(hook: fn(*mut u8), value: *mut u8) -> bool {
    #[cfg(test)]
    if refused(Call::ThreadExit) {
        return false;
    }
    // Simulated threads say themselves when they end.
    #[cfg(feature = "shuttle")]
    if crate::sync::atomic::task().is_some() {
        return true;
    }
    EXIT_HOOK.store(hook as *mut (), Ordering::Release);
    let mut key = EXIT_KEY.load(Ordering::Acquire);
    if key == 0 {
        let mut fresh: libc::pthread_key_t = 0;
        // SAFETY: `fresh` is writable and the destructor has the right type.
        if unsafe { libc::pthread_key_create(&mut fresh, Some(run_exit_hook)) } != 0 {
            return false;
        }
        let wanted = fresh as usize + 1;
        key = match EXIT_KEY.compare_exchange(0, wanted, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => wanted,
            Err(winner) => {
                // SAFETY: the key lost the race and was never used.
                unsafe { libc::pthread_key_delete(fresh) };
                winner
            }
        };
    }
    // SAFETY: the key exists for the rest of the process.
    unsafe { libc::pthread_setspecific((key - 1) as libc::pthread_key_t, value.cast()) == 0 }
}

/// Runs the three functions around every `fork`. Call once.
pub fn at_fork(
    before: unsafe extern "C" fn(),
    parent: unsafe extern "C" fn(),
    child: unsafe extern "C" fn(),
) {
    // SAFETY: the functions live as long as the process. Failure (no memory at
    // start-up) leaves fork as safe as it is for a program without handlers.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
}
