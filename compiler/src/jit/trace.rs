//! A backtrace as it is shown: of fixed size, with recursion folded.
//!
//! Calls are compared as the source sees them, by function and place. Code that was put in place of calls makes one
//! frame stand for several calls, and one place in the source for several addresses.

use std::cell::Cell;

use super::codemap::Location;
use super::walk::{Frames, Ground};

/// Rows shown at the inner end.
const INNER: usize = 48;
/// Rows shown at the outer end when some in the middle are left out.
const OUTER: usize = 12;
/// Longest cycle of calls that is recognised as recursion.
const CYCLE: usize = 6;
/// Fewest rounds of a cycle that are folded.
const ROUNDS: usize = 3;

/// A function in the middle of something: several of them may share a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Call {
    /// An address inside the instruction it is at.
    pc: usize,
    /// How many functions that were put in place lie between it and the instruction.
    level: usize,
    /// The same for calls that look the same in a report.
    look: u64,
}

/// Most calls in a frame that are remembered.
const LEVELS: usize = 6;
/// Addresses that are remembered; a power of two.
const SLOTS: usize = 32;

/// The calls of one address: as many as have a look that is not 0.
#[derive(Clone, Copy, Debug, Default)]
struct Expansion {
    pc: usize,
    looks: [u64; LEVELS],
}

/// What calls look like. Recursion has millions of frames at a few addresses, so those are remembered.
struct Looks<'a> {
    ground: &'a Ground<'a>,
    slots: [Cell<Expansion>; SLOTS],
}

impl<'a> Looks<'a> {
    fn new(ground: &'a Ground<'a>) -> Looks<'a> {
        Looks { ground, slots: std::array::from_fn(|_| Cell::default()) }
    }

    /// What the call at an address and level looks like; 0 when there is none.
    fn of(&self, pc: usize, level: usize) -> u64 {
        if level >= LEVELS {
            return self.find(pc, level);
        }
        // Return addresses differ in any of their bits.
        let slot = &self.slots[(pc ^ pc >> 5) % SLOTS];
        let mut known = slot.get();
        if known.pc != pc {
            known = Expansion { pc, looks: std::array::from_fn(|level| self.find(pc, level)) };
            slot.set(known);
        }
        known.looks[level]
    }

    fn find(&self, pc: usize, level: usize) -> u64 {
        // Names are compared by address: each function has one of its own. One that is nowhere looks like itself.
        let look = |location: Location<'_>| {
            (location.function.as_ptr().addr() as u64) << 24 ^ u64::from(location.position) | 1 << 63
        };
        match self.ground.find_at(pc, level) {
            Some(location) => look(location),
            None if level == 0 => pc as u64,
            None => 0,
        }
    }
}

/// The calls that frames stand for, from the innermost outwards.
#[derive(Clone, Copy)]
struct Calls<'a> {
    looks: &'a Looks<'a>,
    frames: Frames<'a>,
    /// The next call, once it is known.
    next: Option<Call>,
}

impl Iterator for Calls<'_> {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        let call = match self.next.take() {
            Some(call) => call,
            None => {
                let pc = self.frames.next()?;
                Call { pc, level: 0, look: self.looks.of(pc, 0) }
            }
        };
        let outer = Call { level: call.level + 1, look: self.looks.of(call.pc, call.level + 1), ..call };
        self.next = (outer.look != 0).then_some(outer);
        Some(call)
    }
}

impl Calls<'_> {
    /// The cycle of calls that comes next: its length and its rounds, `(1, 1)` when there is none.
    fn cycle(self) -> (usize, usize) {
        for cycle in 1..=CYCLE {
            let mut pattern = [0; CYCLE];
            let mut rest = self;
            for place in &mut pattern[..cycle] {
                match rest.next() {
                    Some(call) => *place = call.look,
                    None => return (1, 1),
                }
            }
            let mut rounds = 1;
            while pattern[..cycle].iter().all(|&look| rest.next().is_some_and(|call| call.look == look)) {
                rounds += 1;
            }
            if rounds >= ROUNDS {
                return (cycle, rounds);
            }
        }
        (1, 1)
    }
}

/// A line of a backtrace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    /// Number of the call, from 0.
    pub depth: usize,
    call: Call,
    /// How many rows, this one the last, make up a cycle.
    pub cycle: usize,
    /// How many more rounds of that cycle follow.
    pub rounds: usize,
}

impl Row {
    /// Function and position of the call.
    pub fn locate<'a>(&self, ground: &'a Ground<'_>) -> Option<Location<'a>> {
        ground.find_at(self.call.pc, self.call.level)
    }
}

/// A backtrace.
pub(super) struct Trace {
    inner: [Row; INNER],
    outer: [Row; OUTER],
    /// Rows seen in all; those in neither array are left out.
    rows: usize,
}

impl Trace {
    /// Walks the frames.
    pub fn new(frames: Frames<'_>, ground: &Ground<'_>) -> Trace {
        let mut trace = Trace { inner: [Row::default(); INNER], outer: [Row::default(); OUTER], rows: 0 };
        let looks = Looks::new(ground);
        let mut calls = Calls { looks: &looks, frames, next: None };
        let mut depth = 0;
        loop {
            let (cycle, rounds) = calls.cycle();
            for step in 1..=cycle {
                let Some(call) = calls.next() else { return trace };
                let end = step == cycle && rounds > 1;
                trace.push(Row { depth, call, cycle, rounds: if end { rounds - 1 } else { 0 } });
                depth += 1;
            }
            for _ in 0..cycle * (rounds - 1) {
                calls.next();
                depth += 1;
            }
        }
    }

    fn push(&mut self, row: Row) {
        match self.inner.get_mut(self.rows) {
            Some(place) => *place = row,
            None => self.outer[(self.rows - INNER) % OUTER] = row,
        }
        self.rows += 1;
    }

    /// The rows to show, each with whether rows before it are left out.
    pub fn shown(&self) -> impl Iterator<Item = (&Row, bool)> {
        let inner = self.inner[..self.rows.min(INNER)].iter().map(|row| (row, false));
        let rest = self.rows.saturating_sub(INNER);
        let first = rest.saturating_sub(OUTER);
        let outer = (first..rest).map(move |index| (&self.outer[index % OUTER], first > 0 && index == first));
        inner.chain(outer)
    }
}
