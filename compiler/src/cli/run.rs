//! `vexc run`.

use std::sync::OnceLock;
use std::time::Instant;

use vex_runtime::builtins::process;
use vex_syntax::SourceMap;

use super::args::{Common, Opt, RunArgs};
use super::{FAILED, Messages, build, tables};
use crate::driver::{Compiled, Phases};
use crate::jit::{self, JitOptions, Outcome, RunOptions};
use crate::stack::on_deep_stack;

/// Exit status of a program that panicked or trapped.
const PANICKED: i32 = 101;

/// Compiles a program and becomes it: on success this does not return.
pub(super) fn run(args: RunArgs, common: &Common, messages: &Messages) -> u8 {
    if args.checked
        && let Err(error) = vex_runtime::checked::enable(vex_runtime::checked::Options::default())
    {
        return messages.fail(FAILED, &error.to_string());
    }
    jit::own_process();
    let managed = args.allocator.name != "heap";
    if managed && let Err(error) = vex_runtime::process::select(args.allocator) {
        return messages.fail(FAILED, &error.to_string());
    }
    let options = JitOptions {
        opt: level(args.opt),
        managed,
        heap_report: args.heap_report,
        checked: args.checked,
        ..JitOptions::default()
    };
    let built = on_deep_stack(|| -> Result<Compiled, u8> {
        let checked = build::check(&args.file, common.spelling, messages)?;
        match checked.compile(&options) {
            Some(Ok(compiled)) => Ok(compiled),
            Some(Err(error)) => Err(messages.fail(FAILED, &error.to_string())),
            None => Err(messages.fail(FAILED, "there is nothing to run")),
        }
    });
    let compiled = match built {
        Ok(compiled) => compiled,
        Err(status) => return status,
    };
    process::set_args(args.args.into_iter().map(super::argument_bytes));
    execute(compiled, args.time, args.heap_report, messages)
}

/// The code generator's word for an option.
pub(super) fn level(opt: Opt) -> jit::OptLevel {
    match opt {
        Opt::None => jit::OptLevel::None,
        Opt::Speed => jit::OptLevel::Speed,
    }
}

/// What the reports at exit need.
struct AtExit {
    sources: &'static SourceMap,
    phases: Option<Phases>,
    start: Instant,
    heap_report: bool,
}

static AT_EXIT: OnceLock<AtExit> = OnceLock::new();

/// Runs the program and ends the process.
fn execute(compiled: Compiled, time: bool, heap_report: bool, messages: &Messages) -> u8 {
    let Compiled { sources, code, phases } = compiled;
    // The program may end the process from anywhere; what it needs until then stays.
    let sources: &'static SourceMap = Box::leak(Box::new(sources));
    if time || heap_report {
        let phases = time.then_some(phases);
        if AT_EXIT.set(AtExit { sources, phases, start: Instant::now(), heap_report }).is_ok() {
            process::set_exit_hook(report_at_exit);
        }
    }
    let options = RunOptions { color: messages.color, ..RunOptions::default() };
    match code.run(sources, &[], &options) {
        Ok(Outcome::Returned(value)) => process::finish(value as i32),
        Ok(Outcome::Failed(_)) => process::finish(PANICKED),
        Ok(Outcome::Exited(status)) => process::finish(status),
        Ok(Outcome::Interrupted) => process::finish(130),
        Err(error) => messages.fail(FAILED, &error.to_string()),
    }
}

/// Prints the reports that were asked for; the status stays.
fn report_at_exit(status: i32) -> i32 {
    if let Some(at_exit) = AT_EXIT.get() {
        let mut text = String::new();
        if at_exit.heap_report {
            text.push_str(&tables::heap_report(at_exit.sources));
        }
        if let Some(phases) = &at_exit.phases {
            text.push_str(&tables::phases(phases, at_exit.start.elapsed()));
        }
        super::messages::write_stderr(&text);
    }
    status
}
