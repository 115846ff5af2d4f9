//! The calls a running program is in, and those that an address was remembered of, for whoever explains what a checked
//! program did.

use super::run;
use super::walk::{Frames, Ground};

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

/// The call at an address, and those around it that it was put in place of.
fn calls_at(ground: &Ground<'_>, pc: usize) -> Vec<Call> {
    let locations = (0..).map_while(|level| ground.find_at(pc, level));
    let call = |location: super::Location<'_>| Call {
        function: location.function.to_owned(),
        position: location.position,
    };
    locations.map(call).collect()
}
