//! `vexc run`.

use std::sync::OnceLock;
use std::time::Instant;

use vex_runtime::builtins::process;
use vex_syntax::SourceMap;

use super::args::{Common, Opt, RunArgs};
use super::{FAILED, Messages, build, checked, tables};
use crate::driver::{Compiled, Phases};
use crate::jit::{self, CompiledProgram, JitOptions, Outcome, RunOptions};
use crate::stack::on_deep_stack;

/// Exit status of a program that panicked or trapped.
const PANICKED: i32 = 101;

/// Compiles a program and becomes it: on success this does not return.
pub(super) fn run(args: RunArgs, common: &Common, messages: &Messages) -> u8 {
    if let Err(status) = checked::look_at(&args, messages) {
        return status;
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
        let program = build::check(&args.file, common.spelling, messages)?;
        if args.checked {
            checked::enable(&program.sources, messages)?;
        }
        match program.compile(&options) {
            Some(Ok(compiled)) => Ok(compiled),
            Some(Err(error)) => Err(messages.fail(FAILED, &error.to_string())),
            None => Err(messages.fail(FAILED, "there is nothing to run")),
        }
    });
    match built {
        Ok(compiled) => {
            process::set_args(args.args.iter().cloned().map(super::argument_bytes));
            execute(compiled, &args, messages)
        }
        Err(status) => status,
    }
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
    checked: bool,
}

static AT_EXIT: OnceLock<AtExit> = OnceLock::new();

/// Runs the program and ends the process.
fn execute(compiled: Compiled, args: &RunArgs, messages: &Messages) -> u8 {
    let Compiled { sources, code, phases } = compiled;
    // The program may end the process from anywhere; what it needs until then stays.
    let sources: &'static SourceMap = Box::leak(Box::new(sources));
    let code: &'static CompiledProgram = Box::leak(Box::new(code));
    let RunArgs { time, heap_report, checked, .. } = *args;
    if checked {
        checked::watch(args, code, sources, messages);
    }
    if time || heap_report || checked {
        let phases = time.then_some(phases);
        if AT_EXIT.set(AtExit { sources, phases, start: Instant::now(), heap_report, checked }).is_ok() {
            process::set_exit_hook(report_at_exit);
        }
    }
    let options = RunOptions { color: messages.color, ..RunOptions::default() };
    match code.run(sources, &[], &options) {
        Ok(Outcome::Returned(value)) => process::finish(value as i32),
        Ok(Outcome::Failed(_)) if checked => process::finish(checked::failed(PANICKED, args.keep_going)),
        Ok(Outcome::Failed(_)) => process::finish(PANICKED),
        Ok(Outcome::Exited(status)) => process::finish(status),
        Ok(Outcome::Interrupted) => process::finish(130),
        Err(error) => messages.fail(FAILED, &error.to_string()),
    }
}

/// Prints the reports that were asked for. The status stays, unless memory errors were found.
fn report_at_exit(status: i32) -> i32 {
    let Some(at_exit) = AT_EXIT.get() else { return status };
    let status = if at_exit.checked { checked::finish(status) } else { status };
    let mut text = String::new();
    if at_exit.heap_report {
        text.push_str(&tables::heap_report(at_exit.sources));
    }
    if let Some(phases) = &at_exit.phases {
        text.push_str(&tables::phases(phases, at_exit.start.elapsed()));
    }
    super::messages::write_stderr(&text);
    status
}
