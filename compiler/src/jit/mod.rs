//! Machine code in memory: compiles a typed program for the machine we run on, runs it, and explains its failures.
//!
//! | file | what |
//! | --- | --- |
//! | `isa`, `cpu` | the target and the code generator's settings |
//! | `codegen` | lowering and compiling, on all cores |
//! | `link`, `memory`, `symbols` | from batches of code to sealed memory |
//! | `kept` | calls of the runtime that leave every register as it was |
//! | `codemap`, `perf` | from addresses back to the source |
//! | `run`, `arch`, `stack` | entering a program and getting out of it |
//! | `signals`, `operand`, `interrupt`, `walk`, `trace`, `report` | faults, Ctrl-C, backtraces, what the user reads |
//! | `calls` | the calls a program is in, as data |
//! | `session`, `arena`, `slots` | the code of an interactive session, which grows and is replaced |
//! | `emit` | code as text |
//! | `ice` | when the compiler itself fails |
//!
//! The order of a failure: a signal, or a fault of the runtime, finds the [`run`] of its thread; `walk` lists the
//! frames; `report` writes them with the help of the code map; the run ends by a jump to where it was entered.

mod arch;
mod arena;
mod calls;
mod codegen;
mod codemap;
mod cpu;
mod emit;
pub mod ice;
mod interrupt;
mod isa;
mod kept;
mod link;
mod memory;
mod operand;
mod perf;
mod report;
mod run;
mod session;
mod signals;
mod slots;
mod stack;
mod symbols;
#[cfg(test)]
mod tests;
mod trace;
mod walk;

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cranelift_codegen::ir::types;
use cranelift_codegen::isa::TargetIsa;

use crate::lower::{self, DataDecl, Declarations, InstanceDecl, LowerOptions, SymbolDecl};
use crate::typed::{GlobalId, Program};

pub use calls::{Call, calls_of, fail_running, running_calls, running_sources, running_stack};
pub use codemap::{CodeMap, Location};
pub use emit::{asm, asm_of, clif, clif_of};
pub use isa::OptLevel;
pub use run::{DEFECT, FAILED, Outcome, RunOptions};
pub use session::{Input, Part, SessionCode};
pub use signals::{own_process, session_process};
pub use stack::was_stack;
pub use symbols::resolve_symbol;

/// How to compile.
#[derive(Clone, Debug, Default)]
pub struct JitOptions {
    /// How much effort goes into the code.
    pub opt: OptLevel,
    /// Check the lowered code also in a release build; for looking into a suspected bug.
    pub verify: bool,
    /// Most threads to compile on; `None`: one a core.
    pub threads: Option<NonZeroUsize>,
    /// Call the memory functions that go through the selected process manager rather than the heap's.
    pub managed: bool,
    /// Record allocations with their source positions, for the heap report.
    pub heap_report: bool,
    /// Test every access through a pointer. Only after [`vex_runtime::checked::enable`].
    pub checked: bool,
}

impl JitOptions {
    /// Whether memory comes from somebody else than the heap that this process has by itself.
    fn is_managed(&self) -> bool {
        self.managed || self.checked
    }
}

/// Why a program cannot be compiled or started although it is correct.
#[derive(Debug)]
#[non_exhaustive]
pub enum JitError {
    /// The machine is not supported.
    Host(String),
    /// A function is declared that neither the runtime nor the process has.
    UnknownSymbol(String),
    /// The code generator refuses a function, for instance because it is too large.
    Compile {
        /// Its index among the declared instances.
        function: u32,
        /// What the code generator says.
        reason: String,
    },
    /// No room for the code and data: they may take up to 2 GiB.
    OutOfMemory,
    /// The program's variables would exceed the limit of memory, in bytes.
    MemoryLimit(u64),
    /// The OS does not allow the code to be executed.
    Seal(io::Error),
    /// The module of the code generator refuses something; a bug.
    Link(String),
    /// No room for the program's stack.
    Stack(io::Error),
}

impl fmt::Display for JitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JitError::Host(reason) => write!(f, "this machine is not supported: {reason}"),
            JitError::UnknownSymbol(name) => {
                write!(f, "no function `{name}` in the runtime or the C library")
            }
            JitError::Compile { reason, .. } => write!(f, "a function cannot be compiled: {reason}"),
            JitError::OutOfMemory => f.write_str("not enough memory for the program's code and data"),
            JitError::MemoryLimit(limit) => {
                write!(f, "the variables do not fit into the memory limit of {limit} bytes")
            }
            JitError::Seal(error) => write!(f, "the system does not allow running generated code: {error}"),
            JitError::Link(reason) => write!(f, "linking failed: {reason}"),
            JitError::Stack(error) => write!(f, "no memory for the program's stack: {error}"),
        }
    }
}

impl std::error::Error for JitError {}

/// A compiled program. Its code and data are freed when it is dropped.
#[derive(Debug)]
pub struct CompiledProgram {
    linked: link::Linked,
    /// Where it lives; held so that it is freed with the program.
    memory: memory::ProgramMemory,
    /// The lowest stack pointer with which its functions start; they read it at this address.
    stack_limit: Arc<AtomicUsize>,
    /// The heap of the thread that runs it; its code reads it at this address.
    heap: Arc<AtomicUsize>,
    entry: *const u8,
    result: EntryResult,
    /// The global variables, of checked programs.
    variables: Vec<calls::Variable>,
}

// SAFETY: the addresses in it point into memory that it owns and that is read-only, or a program's own variables,
// which only `run` lets anybody touch.
unsafe impl Send for CompiledProgram {}

impl CompiledProgram {
    /// What is where in its code.
    pub fn code_map(&self) -> &CodeMap {
        &self.linked.map
    }

    /// The address of a function, by its index among the declared instances; `None` also when it has no code of its own,
    /// since all calls of it became code of their callers.
    pub fn function(&self, index: u32) -> Option<*const u8> {
        self.linked.functions.get(index as usize).copied().filter(|address| !address.is_null())
    }
}

/// The part of the result register that an entry sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntryResult {
    Nothing,
    I32,
    I64,
}

impl EntryResult {
    fn of(entry: &InstanceDecl) -> EntryResult {
        match entry.sig.returns.first().map(|param| param.value_type) {
            None => EntryResult::Nothing,
            Some(types::I64) => EntryResult::I64,
            Some(_) => EntryResult::I32,
        }
    }

    /// The value in the register.
    fn read(self, register: i64) -> i64 {
        match self {
            EntryResult::Nothing => 0,
            EntryResult::I32 => i64::from(register as i32),
            EntryResult::I64 => register,
        }
    }
}

/// A program as lowering declares it, with the means to make its functions. Tests write theirs by hand.
struct Unit<'a> {
    instances: &'a [InstanceDecl],
    symbols: &'a [SymbolDecl],
    data: &'a [DataDecl],
    entry: u32,
    build: codegen::Build<'a>,
    optional: &'a (dyn Fn(u32) -> bool + Sync),
}

/// The host as a target for lowering and for [`compile`].
///
/// # Errors
/// [`JitError::Host`]
pub fn target(options: &JitOptions) -> Result<Arc<dyn TargetIsa>, JitError> {
    // Debug builds are for finding bugs; what their tests compile is checked.
    isa::host(options.opt, options.verify || cfg!(debug_assertions))
}

/// Declares what has to be compiled of a program.
pub fn declare(program: &Program, isa: &dyn TargetIsa, options: &JitOptions) -> Declarations {
    declare_with(program, isa, options, false)
}

/// As [`declare`]; with `poll` every loop can be stopped.
fn declare_with(program: &Program, isa: &dyn TargetIsa, options: &JitOptions, poll: bool) -> Declarations {
    let JitOptions { heap_report, checked, .. } = *options;
    let inline = options.opt != OptLevel::None;
    // Where somebody else allocates, or wants to know who does, allocation is called.
    let heap = inline && !options.is_managed() && !options.heap_report;
    let heap = heap.then(vex_runtime::heap::inline::fast_path);
    let options = LowerOptions::new(isa);
    let kept_calls = kept::AVAILABLE;
    lower::declare(program, LowerOptions { heap_report, inline, poll, heap, kept_calls, checked, ..options })
}

/// Compiles a program into memory.
///
/// # Errors
/// See [`JitError`]. Programs are checked before they come here, so none of them is about what they mean.
pub fn compile(program: &Program, options: &JitOptions) -> Result<CompiledProgram, JitError> {
    let isa = target(options)?;
    let decls = declare(program, &*isa, options);
    let build = |index| lower::function(program, &decls, index);
    let unit = Unit {
        instances: &decls.instances,
        symbols: &decls.symbols,
        data: &decls.data,
        entry: decls.entry,
        build: &build,
        optional: &|index| decls.is_optional(index),
    };
    let mut compiled = compile_unit(isa, &unit, options)?;
    if options.checked {
        compiled.variables = variables(program, &decls, &compiled.linked.data);
    }
    Ok(compiled)
}

/// The global variables that a program uses, and where they are.
fn variables(program: &Program, decls: &Declarations, data: &[*mut u8]) -> Vec<calls::Variable> {
    let placed = program.globals.iter().enumerate().filter_map(|(index, global)| {
        let value = decls.value_of(GlobalId(index as u32))?;
        let start = data[value as usize].addr();
        let range = start..start + decls.data[value as usize].size as usize;
        Some(calls::Variable { range, name: global.name.to_string() })
    });
    placed.collect()
}

/// The cell that checked code compares with its frame when it returns.
const LOWEST_STACK_TAG: &str = "vexrt_checked_lowest_stack_tag";

/// The words of the heap's page map.
fn page_map() -> *const u8 {
    std::ptr::with_exposed_provenance(vex_runtime::heap::inline::fast_path().map)
}

/// The address of a symbol that programs compiled with these options call.
fn resolve_with(name: &str, options: &JitOptions) -> Option<*const u8> {
    let twin = match () {
        _ if options.checked => vex_runtime::checked::twin(name),
        _ if options.heap_report => vex_runtime::report::twin(name),
        _ => None,
    };
    twin.or_else(|| resolve_symbol(name, options.is_managed()))
}

/// Compiles and links.
fn compile_unit(
    isa: Arc<dyn TargetIsa>,
    unit: &Unit<'_>,
    options: &JitOptions,
) -> Result<CompiledProgram, JitError> {
    let job = codegen::Job {
        isa: &*isa,
        count: unit.instances.len(),
        optional: unit.optional,
        build: unit.build,
        head: &|index| unit.instances[index as usize].span.lo,
        threads: options.threads,
    };
    let batches = job.run()?;
    let stack_limit = Arc::new(AtomicUsize::new(0));
    if options.heap_report {
        vex_runtime::report::enable(options.managed);
    }
    let heap = Arc::new(AtomicUsize::new(0));
    let resolve = |symbol: &SymbolDecl| match &*symbol.name {
        "vexrt_stack_limit" => Some(stack_limit.as_ptr().cast_const().cast()),
        "vexrt_thread_heap" => Some(heap.as_ptr().cast_const().cast()),
        "vexrt_page_map" => Some(page_map()),
        LOWEST_STACK_TAG => Some(vex_runtime::checked::lowest_stack_tag_cell().cast()),
        "vex_report_site" => Some(vex_runtime::report::site_cell().cast_const().cast()),
        name => resolve_with(name, options),
    };
    let name = |index: u32| &*unit.instances[index as usize].name;
    let functions = unit.instances.len();
    let parts =
        link::Parts { functions, name: &name, symbols: unit.symbols, data: unit.data, resolve: &resolve };
    let layout = link::DataLayout::new(unit.data).ok_or(JitError::OutOfMemory)?;
    let memory = memory::ProgramMemory::new(link::sizes(&batches, &layout))?;
    let linked = link::link(isa, batches, &parts, &layout, &memory.place())?;
    memory.seal()?;
    perf::write_map(&linked.map);
    let entry = linked.functions[unit.entry as usize];
    let result = EntryResult::of(&unit.instances[unit.entry as usize]);
    Ok(CompiledProgram { linked, memory, stack_limit, heap, entry, result, variables: Vec::new() })
}
