//! The calls a running program is in, and those that an address was remembered of, for whoever explains what a checked
//! program did.

use std::ops::Range;

use vex_syntax::SourceMap;

use super::codemap::CodeMap;
use super::walk::{Frames, Ground};
use super::{CompiledProgram, run};

/// A function of the program in the middle of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function's name.
    pub function: String,
    /// Position in the source map's space.
    pub position: u32,
}

/// Frames that are looked at, at most.
const MOST: usize = 256;

/// The calls that the program running on this thread is in, innermost first: those around a fault while that is being
/// handled, else those that led here. `None` when none is running.
pub fn running_calls() -> Option<Vec<Call>> {
    let run = run::current()?;
    let ground = run.ground();
    let frames = match run.fault.get() {
        Some(registers) => Frames::at_signal(ground, registers),
        None => Frames::above_here(ground),
    };
    Some(frames.take(MOST).flat_map(|pc| calls_at(&ground, pc)).collect())
}

/// The calls that return addresses stand for, in their order, as the program that runs on this thread sees them.
pub fn calls_of(returns: impl IntoIterator<Item = usize>) -> Vec<Call> {
    let Some(run) = run::current() else { return Vec::new() };
    let ground = run.ground();
    returns.into_iter().flat_map(|address| calls_at(&ground, address.wrapping_sub(1))).collect()
}

/// The sources of the program that runs on this thread.
pub fn running_sources<R>(look: impl FnOnce(&SourceMap) -> R) -> Option<R> {
    run::current().map(|run| look(run.sources))
}

/// The part of its stack that the program on this thread uses: from the caller's frame on.
#[inline(never)]
pub fn running_stack() -> Option<Range<usize>> {
    let here = 0usize;
    let stack = run::current()?.stack.program();
    Some((&raw const here).addr().clamp(stack.start, stack.end)..stack.end)
}

/// Ends the program that runs on this thread as one that failed. `report` is what there is to say: it is handed over
/// with [`super::Outcome::Failed`] where the run comes back, else written to standard error.
///
/// # Panics
/// When none is running.
pub fn fail_running(report: &str) -> ! {
    let run = run::current().expect("a program is running");
    run.fail_reported(report)
}

/// The calls that return addresses stand for, in the code of these maps.
pub(super) fn calls_in(maps: &[&CodeMap], returns: &[usize]) -> Vec<Call> {
    let ground = Ground { maps, low: 0, high: 0 };
    returns.iter().flat_map(|address| calls_at(&ground, address.wrapping_sub(1))).collect()
}

impl CompiledProgram {
    /// The calls that return addresses stand for, in their order, also when the program does not run any more.
    pub fn calls_of(&self, returns: &[usize]) -> Vec<Call> {
        calls_in(&[&self.linked.map], returns)
    }

    /// The name of the global variable that an address lies in.
    pub fn variable_at(&self, address: usize) -> Option<&str> {
        let found = self.variables.iter().find(|variable| variable.range.contains(&address))?;
        Some(&found.name)
    }
}

/// A global variable of a program.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// Its addresses.
    pub range: Range<usize>,
    /// Its name.
    pub name: String,
}

/// The call at an address, and those around it that it was put in place of.
fn calls_at(ground: &Ground<'_>, pc: usize) -> Vec<Call> {
    let locations = (0..).map_while(|level| ground.find_at(pc, level));
    let call = |location: super::Location<'_>| Call {
        function: location.function.to_owned(),
        position: location.position,
    };
    locations.map(call).collect()
}
