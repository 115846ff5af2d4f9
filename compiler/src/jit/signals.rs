//! Signals: faults of a running program become reports; Ctrl-C ends it with its output written.
//!
//! The handlers are installed once for the process, by the first run, and stay. A signal that is not a running
//! program's own goes to whoever handled it before. A program that fails is left from the handler itself: no signal
//! is blocked while one runs, and the run's end is a jump to the stack of whoever started it.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use cranelift_codegen::ir::TrapCode;
use vex_runtime::checked::{self, Defect, DefectKind, map};

use super::arch::{self, Registers};
use super::interrupt;
use super::operand::{Operand, operand};
use super::report::Cause;
use super::run::{self, End, Run};
use super::stack::ProgramStack;
use super::walk::Frames;

/// The signals a fault can raise.
const FAULTS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT];

/// What handled the signals of [`FAULTS`] before.
struct Before(UnsafeCell<[MaybeUninit<libc::sigaction>; FAULTS.len()]>);

// SAFETY: written once, before any of our handlers is installed; only read afterwards.
unsafe impl Sync for Before {}

static BEFORE: Before = Before(UnsafeCell::new([MaybeUninit::uninit(); FAULTS.len()]));

/// The handlers of a thread that runs a program, on a stack of their own. Dropping it gives the thread its former
/// handlers' stack back.
pub(super) struct Handlers {
    former: libc::stack_t,
}

impl Handlers {
    /// Sets the thread up.
    pub fn install(stack: &ProgramStack) -> Handlers {
        static ONCE: Once = Once::new();
        ONCE.call_once(install_faults);
        let range = stack.handler();
        let own = libc::stack_t {
            ss_sp: ptr::with_exposed_provenance_mut(range.start),
            ss_flags: 0,
            ss_size: range.len(),
        };
        let mut former = MaybeUninit::uninit();
        // SAFETY: the range is a mapping that outlives this value; the former one is only stored.
        unsafe {
            libc::sigaltstack(&own, former.as_mut_ptr());
            Handlers { former: former.assume_init() }
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        // SAFETY: it is what the thread had before; we are not on the handlers' stack.
        unsafe { libc::sigaltstack(&self.former, ptr::null_mut()) };
    }
}

/// Installs `handler` for `signal` and says what was there.
pub(super) fn install(
    signal: c_int,
    handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void),
) -> libc::sigaction {
    // SAFETY: the all-zero action is valid: the default one with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    // A handler that faults itself must be able to say so, hence NODEFER; system calls it interrupts go on.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER | libc::SA_RESTART;
    let mut before = MaybeUninit::uninit();
    // SAFETY: both structures are valid; the handler only does what a handler may, see there.
    unsafe {
        libc::sigaction(signal, &action, before.as_mut_ptr());
        before.assume_init()
    }
}

fn install_faults() {
    for (index, signal) in FAULTS.into_iter().enumerate() {
        let before = install(signal, on_fault);
        // SAFETY: `Once` makes this the only writer. A fault between the two lines would be the compiler's own, and
        // would find an all-zero action, the default one (statics are zeroed).
        unsafe { (*BEFORE.0.get())[index].write(before) };
    }
}

/// Gives the signal back to whoever had it; returning from the handler then raises it again.
fn pass_on(signal: c_int) {
    let index = FAULTS.iter().position(|&fault| fault == signal);
    // SAFETY: written before the handler could run, and never again.
    let before = index.map(|index| unsafe { (*BEFORE.0.get())[index].assume_init_ref() });
    if let Some(before) = before {
        // SAFETY: an action that was installed before.
        unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
    }
}

/// Handles every signal of [`FAULTS`].
extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's arguments to a SA_SIGINFO handler.
    let (info, registers) = unsafe { (&*info, arch::registers(context)) };
    let Some(run) = run::current() else { return pass_on(signal) };
    // Sent by another process, not raised by an instruction.
    let sent = info.si_code <= 0 && signal != libc::SIGABRT;
    let stack = run.stack;
    let on_program_stack = stack.program().contains(&registers.sp) || stack.guard().contains(&registers.sp);
    let on_handler_stack = stack.handler().contains(&registers.sp);
    let in_program = run.ground().map(registers.pc).is_some();
    if sent || !(on_program_stack || on_handler_stack || in_program) {
        return pass_on(signal);
    }
    let cause = cause(run, signal, info, registers, context);
    if run.interrupted.get() && cause == Cause::Trap(TrapCode::STACK_OVERFLOW) {
        // Ctrl-C made the stack check fail.
        run.leave(End::Interrupted)
    }
    if let Some(address) = cause.bad_address().filter(|_| checked::is_enabled()) {
        report_access(run, address, registers);
    }
    run.fail(cause, Frames::at_signal(run.ground(), registers))
}

/// A fault of a checked program, which its own tests did not foresee: in a function that nobody checks, or a jump.
fn report_access(run: &Run<'_>, address: usize, registers: Registers) {
    let kind = if address < map::NULL_END { DefectKind::Null } else { DefectKind::Wild };
    run.fault.set(Some(registers));
    // What reports it does not come back, unless the check is off.
    checked::report(&Defect::new(kind, address));
    run.fault.set(None);
}

/// What a signal says about the instruction it came from.
fn cause(
    run: &Run<'_>,
    signal: c_int,
    info: &libc::siginfo_t,
    registers: Registers,
    context: *mut c_void,
) -> Cause<'static> {
    let ground = run.ground();
    let trap = || ground.map(registers.pc).and_then(|map| map.trap(registers.pc));
    // SAFETY: for the signals below the kernel fills in the address.
    let address = || unsafe { info.si_addr() }.addr();
    match signal {
        libc::SIGSEGV | libc::SIGBUS if run.stack.guard().contains(&address()) => Cause::StackOverflow,
        libc::SIGSEGV | libc::SIGBUS if info.si_code == UNKNOWN_ADDRESS => {
            impossible(run, registers, context)
        }
        libc::SIGSEGV if address() == registers.pc => Cause::Jump(address()),
        libc::SIGSEGV => Cause::Access(address()),
        libc::SIGBUS => Cause::Bus(address()),
        libc::SIGFPE => trap().map_or(Cause::Arithmetic, Cause::Trap),
        libc::SIGABRT => Cause::Abort,
        _ => trap().map_or(Cause::Illegal(registers.pc), Cause::Trap),
    }
}

/// An access to, or a jump to, what no address can be.
fn impossible(run: &Run<'_>, registers: Registers, context: *mut c_void) -> Cause<'static> {
    // SAFETY: the kernel's argument to the handler.
    let general = unsafe { arch::general(context) };
    // SAFETY: an instruction was fetched there and refused for its operand, so the code is readable; the page after
    // its own need not be, and no more is read than its own page has.
    let code = unsafe {
        let start = ptr::with_exposed_provenance::<u8>(registers.pc);
        std::slice::from_raw_parts(start, LONGEST_INSTRUCTION.min(4096 - registers.pc % 4096))
    };
    let suspect = match operand(code, &general) {
        Some(Operand::Memory(address)) => Cause::Impossible(Some(address)),
        Some(Operand::Code(address)) => Cause::Jump(address as usize),
        Some(Operand::Return) => run.ground().word(registers.sp).map_or(Cause::Impossible(None), Cause::Jump),
        None => Cause::Impossible(None),
    };
    match suspect {
        Cause::Impossible(Some(address)) if !arch::impossible(address) => Cause::Impossible(None),
        other => other,
    }
}

/// Bytes of the longest instruction.
const LONGEST_INSTRUCTION: usize = 15;

/// `si_code` of a fault whose address the processor does not tell (Linux: `SI_KERNEL`); on the stack it is a bus error.
const UNKNOWN_ADDRESS: c_int = 0x80;

/// Prepares the process for a program that it runs and ends with: Ctrl-C writes the program's output and ends the
/// process with status 130, and writing to a closed pipe ends it silently, as it does in any other program. Call it
/// once, on the thread that will run the program.
pub fn own_process() {
    use_handler_stack();
    tune_allocator();
    // SAFETY: takes plain numbers. Rust's start-up code ignores SIGPIPE; programs expect the default.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    interrupt::install();
}

/// Prepares the process for a session: Ctrl-C stops the input that runs, and does nothing while none does. Call it
/// once, on the thread that will run the inputs.
pub fn session_process() {
    use_handler_stack();
    tune_allocator();
    interrupt::install();
    interrupt::spare_process();
}

/// Suits the C library's allocator to the compiler, which allocates small blocks and frees them all at once: a tenth
/// of the time to compile a large program.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn tune_allocator() {
    // SAFETY: takes plain numbers; a refusal changes nothing.
    unsafe {
        // Without lists of free small blocks that are merged every time a large one is freed.
        libc::mallopt(libc::M_MXFAST, 0);
        // In larger steps, and giving back only what is really large.
        libc::mallopt(libc::M_TOP_PAD, 1 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 << 20);
    }
}

/// Other allocators are left alone.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn tune_allocator() {}

/// Gives the main thread's handlers a stack of their own while no program runs.
pub(super) fn use_handler_stack() {
    let stack = libc::stack_t {
        ss_sp: HANDLER_STACK.0.get().cast(),
        ss_flags: 0,
        ss_size: size_of::<HandlerStack>(),
    };
    // SAFETY: the static is used for nothing else.
    unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
}

/// That stack. Rust's own one for them has a few kilobytes, too few to write a report from.
#[repr(align(16))]
struct HandlerStack(UnsafeCell<[u8; 64 * 1024]>);

// SAFETY: only the kernel touches it, for the main thread.
unsafe impl Sync for HandlerStack {}

static HANDLER_STACK: HandlerStack = HandlerStack(UnsafeCell::new([0; 64 * 1024]));
