//! An interactive session without a terminal: inputs in, what they do and print out.
//!
//! | file | what |
//! | --- | --- |
//! | `reply` | what a session answers |
//! | `input` | one input, from its text to what it printed |
//! | `commands` | the table of `:commands` |
//! | `inspect`, `code`, `clock`, `files` | what the commands do |
//! | `show`, `peek` | values as text |
//! | `complete` | what a text could become |
//! | `constant` | the values of constants as text |
//! | `instances` | code that was made of generic functions |
//! | `refresh` | functions that mention what was redefined |
//! | `evaluate` | the value of an expression that a command asks for |
//! | `memory` | the commands that show memory |
//! | `checked` | what checked sessions report and show |
//!
//! An input is parsed, checked against what earlier ones declared ([`crate::check::Environment`]), compiled into
//! memory that the session keeps ([`crate::jit::SessionCode`]), and run. One that does not compile changes nothing.

mod builtins;
mod checked;
mod clock;
mod code;
mod commands;
mod complete;
mod constant;
mod evaluate;
mod files;
mod help;
mod input;
mod inspect;
mod instances;
mod memory;
mod output;
pub use crate::peek;
mod refresh;
mod reply;
pub mod save;
pub mod show;
mod store;

use std::path::PathBuf;

use rustc_hash::FxHashMap;
use vex_runtime::builtins::{input as program_input, stream};
use vex_runtime::process;
use vex_syntax::{FileId, SourceMap, Spelling};

use crate::check::Environment;
use crate::driver::Phases;
use crate::jit::{JitError, JitOptions, OptLevel, SessionCode};
use crate::loader::Loaded;
use crate::typed::{Contract, FuncId, GlobalId, Lifetime, Program};
use crate::types::{Ty, Types};

pub use reply::{Candidate, Completion, Engine, Next, Reply};

/// How a session is set up.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The spelling of the first input.
    pub spelling: Spelling,
    /// How much effort goes into the code.
    pub opt: OptLevel,
    /// The most bytes its programs may hold; `None`: half of what the machine has.
    pub memory_limit: Option<u64>,
    /// Whether standard output is coloured.
    pub color: bool,
    /// Whether standard error is coloured.
    pub color_errors: bool,
    /// Whether a person sits at it, or will read it as if: whatever is printed shows at once, and each input leaves the
    /// output at the start of a line.
    pub interactive: bool,
    /// Whether memory errors of its programs are found and reported.
    pub checked: bool,
    /// Where imports are looked for, and what no import may leave.
    pub folder: PathBuf,
}

/// An input that was accepted and run.
#[derive(Clone, Debug)]
struct Accepted {
    /// What was fed.
    text: String,
    /// Its source, unless it was a command.
    file: Option<FileId>,
    /// The type of the value it showed, and whether it only looked at it.
    shown: Option<(String, bool)>,
    /// Whether its program failed or was stopped.
    failed: bool,
    /// Whether it could do without `unsafe`.
    unsafe_on: bool,
    /// Earlier declarations that were compiled again for it.
    again: Vec<Again>,
}

/// A declaration that was compiled again because something that it mentions had changed.
#[derive(Clone, Debug)]
struct Again {
    spelling: Spelling,
    text: String,
    /// The variables it uses that were hidden by then.
    hidden: Vec<GlobalId>,
}

/// A session.
pub struct Session {
    options: SessionOptions,
    spelling: Spelling,
    sources: SourceMap,
    loaded: Loaded,
    env: Environment,
    program: Program,
    code: SessionCode,
    /// The inputs that made the session what it is.
    log: Vec<Accepted>,
    /// How many inputs there were.
    count: u32,
    /// Variables whose values need dropping, in the order they were declared.
    owners: Vec<GlobalId>,
    /// The variables that functions use.
    uses: FxHashMap<FuncId, Vec<GlobalId>>,
    /// Bodies to compile again when what they are made of changes.
    instances: instances::Instances,
    /// Whether unsafe operations need no `unsafe` at the prompt.
    unsafe_on: bool,
    /// The books of allocations as they were before the last input.
    before: Option<vex_runtime::report::Mark>,
    /// How long the parts of the last input took.
    phases: Option<Phases>,
    /// Where the session was saved last.
    saved: Option<PathBuf>,
    /// Whether the end of the session has been prepared: nothing is dropped twice.
    closed: bool,
}

impl Session {
    /// Starts a session in this process, which it takes over: signals, the program's streams, the limit of memory.
    ///
    /// # Errors
    /// [`JitError::Host`], also where the checked mode is asked for and there is none.
    pub fn new(options: SessionOptions) -> Result<Session, JitError> {
        let SessionOptions { opt, checked, .. } = options;
        if checked {
            checked::enable(&options).map_err(|error| JitError::Host(error.to_string()))?;
        }
        let jit = JitOptions { opt, checked, heap_report: !checked, ..JitOptions::default() };
        let code = SessionCode::new(jit)?;
        crate::jit::session_process();
        process::set_memory_limit(options.memory_limit.or_else(default_limit));
        stream::set_prompt_output(options.interactive);
        Ok(Session {
            spelling: options.spelling,
            options,
            sources: SourceMap::new(),
            loaded: Loaded::session(),
            env: Environment::default(),
            program: Program {
                types: Types::new(),
                functions: Vec::new(),
                globals: Vec::new(),
                entry: FuncId(0),
                lifetime: Lifetime::Session,
                contracts: Contract::default(),
                shown: FxHashMap::default(),
                debugged: FxHashMap::default(),
            },
            code,
            log: Vec::new(),
            count: 0,
            owners: Vec::new(),
            uses: FxHashMap::default(),
            instances: instances::Instances::default(),
            unsafe_on: false,
            before: None,
            phases: None,
            saved: None,
            closed: false,
        })
    }

    /// Bytes of machine code that the session holds.
    pub fn code_bytes(&self) -> usize {
        self.code.code_bytes()
    }

    /// The name of a type.
    fn show_type(&self, ty: Ty) -> String {
        self.program.types.display(ty)
    }

    fn reply(&self, ok: bool, keep: bool) -> Reply {
        Reply { next: Next::Input, ok, keep, at_line_start: stream::at_line_start(), spelling: self.spelling }
    }
}

impl Engine for Session {
    fn feed(&mut self, input: &str) -> Reply {
        // What a program reads comes from the terminal again, even if its last reader met the end.
        program_input::forget_end();
        if self.options.interactive {
            // Whoever typed this ended a line with it.
            stream::note_written(b"\n");
        }
        let trimmed = input.trim_start();
        match trimmed.strip_prefix(':') {
            Some(command) => self.command(command.trim_end()),
            None => self.input(input),
        }
    }

    fn complete(&mut self, text: &str, at: usize) -> Completion {
        self.completion(text, at)
    }

    fn close(&mut self) -> bool {
        Session::close(self)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

/// Half of the machine's memory, in bytes.
fn default_limit() -> Option<u64> {
    // SAFETY: takes plain numbers.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    let bytes = u64::try_from(pages).ok()?.checked_mul(u64::try_from(page).ok()?)?;
    Some(bytes / 2)
}
