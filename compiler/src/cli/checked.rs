//! What `--checked` is to the command line: which options go with it, and how a checked program is watched and ends.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, Ordering};

use vex_runtime::checked::{self, EnableError};
use vex_syntax::{SourceMap, Spelling};

use super::args::{Leaks, RunArgs};
use super::{FAILED, Messages, USAGE};
use crate::defects::leaks::Which;
use crate::defects::reporter::{self, Settings};
use crate::defects::resolve::Resolver;
use crate::jit::{self, CompiledProgram};

/// Bytes of freed blocks that are not used again at once, where programs keep addresses in integers.
const DELAY_OF_INTEGERS: usize = 16 << 20;

/// The same where pointers are pointers, which are told apart by more than their address.
const DELAY: usize = 1 << 20;

/// Refuses options that do not go together with `--checked`.
///
/// # Errors
/// The exit status, after saying why.
pub(super) fn look_at(args: &RunArgs, messages: &Messages) -> Result<(), u8> {
    if !args.checked {
        return Ok(());
    }
    let (what, help) = if args.allocator.name != "heap" {
        (
            "`--allocator`: all blocks come from the checked heap",
            "leave out one of the two; allocators that the program makes itself are checked",
        )
    } else if args.heap_report {
        ("`--heap-report`: the checked heap keeps other books", "leave out one of the two")
    } else {
        return Ok(());
    };
    Err(messages.fail_with_help(USAGE, &format!("`--checked` does not go together with {what}"), Some(help)))
}

/// Turns the checked mode on, for a program from these sources.
///
/// # Errors
/// The exit status, after saying why.
pub(super) fn enable(sources: &SourceMap, messages: &Messages) -> Result<(), u8> {
    let integers = sources.files().iter().any(|file| file.spelling == Spelling::Vais);
    let delay = if integers { DELAY_OF_INTEGERS } else { DELAY };
    checked::enable(checked::Options { delay, ..checked::Options::default() }).map_err(|error| {
        let (status, help) = match &error {
            EnableError::Unsupported => {
                (FAILED, Some("without `--checked`, wild accesses and many double frees are still reported"))
            }
            EnableError::UnknownCheck(_) => (USAGE, None),
            EnableError::Reserve(..) | EnableError::AlreadySelected => (FAILED, None),
        };
        messages.fail_with_help(status, &error.to_string(), help)
    })
}

/// The leaks that an option asks for.
pub(super) fn which(leaks: Leaks) -> Which {
    match leaks {
        Leaks::All => Which::All,
        Leaks::Lost => Which::Lost,
        Leaks::None => Which::None,
    }
}

/// What is needed to explain the program, wherever it ends.
struct Watched {
    program: &'static CompiledProgram,
    sources: &'static SourceMap,
    which: Which,
}

thread_local! {
    /// The program of this thread, on which it also ends.
    static WATCHED: OnceCell<Watched> = const { OnceCell::new() };
}

/// The name of the global variable at an address.
fn variable(address: usize) -> Option<String> {
    WATCHED.with(|watched| Some(watched.get()?.program.variable_at(address)?.to_owned()))
}

/// Whether the program has failed, so that nobody looks for leaks.
static FAILED_RUN: AtomicBool = AtomicBool::new(false);

/// Has memory errors of this program reported from now on.
pub(super) fn watch(
    args: &RunArgs,
    program: &'static CompiledProgram,
    sources: &'static SourceMap,
    messages: &Messages,
) {
    let which = which(args.leaks);
    WATCHED.with(|watched| {
        watched.get_or_init(|| Watched { program, sources, which });
    });
    reporter::install(Settings {
        json: messages.is_json(),
        color: messages.color,
        keep_going: args.keep_going,
        variable,
    });
}

/// The status of a program that failed: that of memory errors, if it was stopped for one.
pub(super) fn failed(status: i32, keep_going: bool) -> i32 {
    FAILED_RUN.store(true, Ordering::Relaxed);
    if reporter::errors() > 0 && !keep_going { reporter::STATUS } else { status }
}

/// At the end of a checked program: looks for leaks and sums up. The status to end with.
pub(super) fn finish(status: i32) -> i32 {
    WATCHED.with(|watched| watched.get().map_or(status, |watched| watched.finish(status)))
}

impl Watched {
    fn finish(&self, status: i32) -> i32 {
        let resolver = Resolver {
            calls: &|returns| self.program.calls_of(returns),
            variable: &variable,
            sources: self.sources,
        };
        let failed = FAILED_RUN.load(Ordering::Relaxed);
        let which = if failed { Which::None } else { self.which };
        let found = reporter::finish(&resolver, which, jit::running_stack());
        if found && !failed { reporter::STATUS } else { status }
    }
}
