//! Running a program: on its own stack, with an end that is always a value, whether it returned or failed.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use vex_runtime::builtins::stream;
use vex_runtime::checked;
use vex_runtime::fault::Fault;
use vex_syntax::SourceMap;

use super::arch::{self, Registers};
use super::codemap::CodeMap;
use super::interrupt;
use super::report::{self, Cause, Sink};
use super::signals;
use super::stack::ProgramStack;
use super::walk::{Frames, Ground};
use super::{CompiledProgram, EntryResult, JitError};

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned this value; 0 from an entry that returns nothing.
    Returned(i64),
    /// It panicked, trapped or was stopped by a fault. The report: empty when it went to standard error. The process
    /// should then end with [`FAILED`], and soon.
    Failed(String),
    /// It called `exit` (only with [`RunOptions::recover`]; otherwise that ends the process).
    Exited(i32),
    /// Ctrl-C stopped it (only with [`RunOptions::recover`]; otherwise that ends the process).
    Interrupted,
}

/// How to run a program.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Come back also from `exit` and Ctrl-C, and hand the report over instead of printing it: for an interactive
    /// session, which goes on.
    pub recover: bool,
    /// Use colour in the report.
    pub color: bool,
    /// Bytes of stack, less if the system does not have as many; memory is taken as it is touched.
    pub stack_size: usize,
}

impl Default for RunOptions {
    fn default() -> RunOptions {
        RunOptions { recover: false, color: false, stack_size: 64 << 20 }
    }
}

/// Exit status of a process whose program misused memory in the checked mode.
pub const DEFECT: i32 = checked::EXIT_CODE;

/// Exit status of a process whose program failed.
pub const FAILED: i32 = 101;

/// Bytes of a report that are kept when it is handed over.
const CAPTURE: usize = 32 * 1024;

/// A run in progress: what handlers need to know, all of it made before the program starts.
pub(super) struct Run<'a> {
    /// What `leave` needs; stored by `enter`.
    host: Cell<usize>,
    pub stack: &'a ProgramStack,
    maps: &'a [&'a CodeMap],
    limits: &'a [&'a AtomicUsize],
    pub sources: &'a SourceMap,
    pub recover: bool,
    color: bool,
    /// Set while the report is being written: a second failure then must not start another.
    failing: Cell<bool>,
    /// The registers at a fault that is being reported as a defect.
    pub fault: Cell<Option<Registers>>,
    /// Whether Ctrl-C asks the program to stop.
    pub interrupted: Cell<bool>,
    capture: RefCell<String>,
    ended: Cell<Option<End>>,
}

/// How a run ended other than by returning.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Failed,
    Exited(i32),
    Interrupted,
}

thread_local! {
    /// The innermost run of this thread.
    static CURRENT: Cell<*const Run<'static>> = const { Cell::new(std::ptr::null()) };
}

/// The run of this thread, if a program is running on it.
pub(super) fn current<'a>() -> Option<&'a Run<'a>> {
    let run = CURRENT.get();
    // SAFETY: non-null only while `execute` is on the stack below, with the run it points at. The lifetimes are
    // those of the borrows `execute` holds; callers are handlers, which end before it does.
    (!run.is_null()).then(|| unsafe { &*run.cast::<Run<'a>>() })
}

impl<'a> Run<'a> {
    /// The generated code there is, and the stack.
    pub fn ground(&self) -> Ground<'a> {
        let stack = self.stack.program();
        Ground { maps: self.maps, low: stack.start, high: stack.end }
    }

    /// Makes every function that starts from now on trap at once.
    pub fn stop_at_next_call(&self) {
        for limit in self.limits {
            limit.store(usize::MAX, Ordering::Relaxed);
        }
    }

    /// Writes the report and ends the run.
    pub fn fail(&self, cause: Cause<'_>, frames: Frames<'_>) -> ! {
        if self.failing.replace(true) {
            // The report itself failed, on memory the program destroyed. What is written of it has to do.
            self.leave(End::Failed)
        }
        // Output the program buffered comes first. Whoever holds the buffers is not coming back.
        stream::abandon_locks();
        stream::flush_from_signal();
        if let Ok(mut capture) = self.capture.try_borrow_mut() {
            let mut sink = Sink::new(self.recover.then_some(&mut *capture));
            // A sink never fails.
            let _ = report::write(&mut sink, cause, frames, &self.ground(), self.sources, self.color);
            sink.flush();
        }
        if !self.recover {
            interrupt::end_soon(FAILED);
        }
        self.leave(End::Failed)
    }

    /// Ends the run as one that failed, with a report that somebody else has made.
    pub fn fail_reported(&self, report: &str) -> ! {
        stream::abandon_locks();
        stream::flush_from_signal();
        if self.recover {
            if let Ok(mut capture) = self.capture.try_borrow_mut() {
                capture.push_str(report);
            }
        } else {
            let mut sink = Sink::new(None);
            // A sink never fails.
            let _ = sink.write_str(report);
            sink.flush();
            interrupt::end_soon(DEFECT);
        }
        self.leave(End::Failed)
    }

    /// Ends the run.
    pub fn leave(&self, end: End) -> ! {
        self.ended.set(Some(end));
        // The report of a panic is made while the runtime holds the message, and does not go back there.
        stream::abandon_report();
        // SAFETY: the run is current, so `enter` has stored its host and has not ended. The frames in between are
        // those of the program and of what it called: the former hold nothing, the latter can at most hold the
        // locks of the streams, which are free again.
        unsafe { arch::leave(self.host.get()) }
    }
}

/// What the runtime calls when it cannot go on.
fn on_fault(fault: &Fault<'_>) -> ! {
    if let Some(run) = current() {
        run.fail(Cause::Fault(fault.kind, fault.message), Frames::above_here(run.ground()))
    }
    // No program is running: the compiler itself misused the runtime.
    let mut sink = Sink::new(None);
    let _ = writeln!(sink, "{}", Cause::Fault(fault.kind, fault.message));
    sink.flush();
    std::process::abort()
}

/// What the runtime calls when the program asks to exit and its run comes back.
fn on_exit(status: i32) -> i32 {
    if let Some(run) = current().filter(|run| run.recover) {
        run.leave(End::Exited(status))
    }
    status
}

/// What to run, and what may be called meanwhile.
pub(super) struct Start<'a> {
    /// A function without arguments.
    pub entry: *const u8,
    /// What it returns.
    pub result: EntryResult,
    /// Maps of all code that may be called.
    pub maps: &'a [&'a CodeMap],
    /// The stack limits that this code reads.
    pub limits: &'a [&'a AtomicUsize],
    /// Where this code reads which heap is the thread's.
    pub heaps: &'a [&'a AtomicUsize],
    /// Where the variables are that live as long as the code.
    pub variables: &'a [Range<usize>],
}

/// Runs a program's entry.
///
/// # Errors
/// [`JitError::Stack`] when there is no room for the stack.
pub(super) fn run(start: &Start<'_>, sources: &SourceMap, options: &RunOptions) -> Result<Outcome, JitError> {
    // Under a limit on address space a smaller one does for most programs.
    let size = options.stack_size;
    let stack = ProgramStack::new(size)
        .or_else(|_| ProgramStack::new(size / 8))
        .or_else(|_| ProgramStack::new(size / 64))
        .map_err(JitError::Stack)?;
    for limit in start.limits {
        limit.store(stack.limit(), Ordering::Relaxed);
    }
    let heap = vex_runtime::heap::inline::thread_heap();
    for cell in start.heaps {
        cell.store(heap.expose_provenance(), Ordering::Relaxed);
    }
    let run = Run {
        host: Cell::new(0),
        stack: &stack,
        maps: start.maps,
        limits: start.limits,
        sources,
        recover: options.recover,
        color: options.color,
        failing: Cell::new(false),
        fault: Cell::new(None),
        interrupted: Cell::new(false),
        capture: RefCell::new(String::with_capacity(if options.recover { CAPTURE } else { 0 })),
        ended: Cell::new(None),
    };
    vex_runtime::fault::set_handler(on_fault);
    if checked::is_enabled() {
        checked::set_stack(stack.program());
        checked::set_roots(start.variables);
    }
    if options.recover {
        vex_runtime::builtins::process::set_exit_hook(on_exit);
        vex_runtime::builtins::input::set_interrupt_hook(Some(on_interrupted_read));
    }
    let value = execute(&run, start.entry);
    if options.recover {
        interrupt::settle();
        stream::abandon_report();
    }
    let outcome = match run.ended.get() {
        None => Outcome::Returned(start.result.read(value)),
        Some(End::Failed) => Outcome::Failed(run.capture.into_inner()),
        Some(End::Exited(status)) => Outcome::Exited(status),
        Some(End::Interrupted) => Outcome::Interrupted,
    };
    if !options.recover && vex_runtime::checked::is_enabled() {
        // The process ends now. Checked memory that is given back is poisoned, which takes as much memory again.
        std::mem::forget(stack);
    }
    Ok(outcome)
}

/// What the runtime calls when a signal interrupts the wait for input: nothing is held then, so the program can stop.
fn on_interrupted_read() {
    if let Some(run) = current().filter(|run| run.recover && run.interrupted.get()) {
        run.leave(End::Interrupted)
    }
}

impl CompiledProgram {
    /// Runs the program's entry. The sources are those it was compiled from; `others` are the programs whose code
    /// it may call.
    ///
    /// Without [`RunOptions::recover`], `exit` and Ctrl-C end the process. Nothing is flushed after a return.
    ///
    /// # Errors
    /// [`JitError::Stack`] when there is no room for the stack.
    pub fn run(
        &self,
        sources: &SourceMap,
        others: &[&CompiledProgram],
        options: &RunOptions,
    ) -> Result<Outcome, JitError> {
        let programs = || std::iter::once(&self).chain(others);
        let maps: Vec<&CodeMap> = programs().map(|program| &program.linked.map).collect();
        let limits: Vec<&AtomicUsize> = programs().map(|program| &*program.stack_limit).collect();
        let heaps: Vec<&AtomicUsize> = programs().map(|program| &*program.heap).collect();
        let variables: Vec<Range<usize>> =
            programs().map(|program| program.memory.variables_range()).collect();
        let start = Start {
            entry: self.entry,
            result: self.result,
            maps: &maps,
            limits: &limits,
            heaps: &heaps,
            variables: &variables,
        };
        run(&start, sources, options)
    }
}

/// Calls the entry with everything in place for a failure; the register it returns its value in.
fn execute(run: &Run<'_>, entry: *const u8) -> i64 {
    let handlers = signals::Handlers::install(run.stack);
    let outer = CURRENT.replace((&raw const *run).cast());
    // SAFETY: the entry is a compiled function without arguments, in sealed memory that its program keeps; the stack
    // is the run's own; `host` lives as long as the run.
    let value = unsafe { arch::enter(entry, run.stack.top(), run.host.as_ptr()) };
    CURRENT.set(outer);
    drop(handlers);
    value
}
