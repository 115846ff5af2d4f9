//! From what the runtime knows to what people read: addresses become calls, variables get their names.

use std::collections::HashMap;
use std::ops::Range;

use vex_runtime::checked::{self, BlockInfo, Defect, Leak, LeakKind, Origin, Trace, map};
use vex_syntax::SourceMap;

use super::leaks::{Group, Held};
use super::model::{Block, Call, Calls, Finding, position};
use super::picture::{self, Byte, Picture, Region};
use super::words;
use crate::jit;
use crate::peek::Peek;

/// What is known of the program.
pub struct Resolver<'a> {
    /// The calls that return addresses stand for, innermost first.
    pub calls: &'a dyn Fn(&[usize]) -> Vec<jit::Call>,
    /// The name of the global variable at an address.
    pub variable: &'a dyn Fn(usize) -> Option<String>,
    /// The sources.
    pub sources: &'a SourceMap,
}

/// Most rows of a backtrace at its inner end.
const INNER: usize = 24;
/// Most rows at its outer end, when some in the middle are left out.
const OUTER: usize = 8;

/// The rows to show of calls: recursion is folded, and of very many the middle is left out.
pub fn rows(calls: Vec<jit::Call>) -> Calls {
    let mut rows = Vec::new();
    let mut at = 0;
    while at < calls.len() {
        let (cycle, rounds) = cycle(&calls[at..]);
        for step in 0..cycle {
            let jit::Call { function, position } = calls[at + step].clone();
            let repeated = if step + 1 == cycle && rounds > 1 { (cycle, rounds - 1) } else { (1, 0) };
            rows.push(Call { function, position, depth: at + step, gap: false, repeated });
        }
        at += cycle * rounds;
    }
    if rows.len() > INNER + OUTER {
        rows.drain(INNER..rows.len() - OUTER);
        rows[INNER].gap = true;
    }
    rows
}

/// Longest cycle of calls that is recognised as recursion.
const CYCLE: usize = 6;
/// Fewest rounds of a cycle that are folded.
const ROUNDS: usize = 3;

/// The cycle that calls begin with: its length and its rounds, `(1, 1)` when there is none.
fn cycle(calls: &[jit::Call]) -> (usize, usize) {
    for length in 1..=CYCLE.min(calls.len()) {
        let rounds =
            1 + calls.chunks_exact(length).skip(1).take_while(|next| **next == calls[..length]).count();
        if rounds >= ROUNDS {
            return (length, rounds);
        }
    }
    (1, 1)
}

/// Reallocations of a block that are told apart.
const MOVES: usize = 64;

impl Resolver<'_> {
    fn trace(&self, trace: Trace) -> Calls {
        rows((self.calls)(trace.frames()))
    }

    /// A block as people see it: where it was allocated first, and what became of it then.
    pub fn block(&self, info: &BlockInfo) -> Block {
        let mut reallocated = Vec::new();
        let mut first = info;
        while let Some(before) = first.moved_from.as_deref().filter(|_| reallocated.len() < MOVES) {
            reallocated.push(self.trace(first.allocated));
            first = before;
        }
        reallocated.reverse();
        reallocated.dedup();
        let named = matches!(info.origin, Origin::Static);
        Block {
            base: info.base,
            size: info.size,
            align: info.align,
            zeroed: info.zeroed,
            origin: info.origin,
            reason: info.reason.map(str::to_owned),
            state: info.state,
            allocated: self.trace(first.allocated),
            reallocated,
            freed: freed(info).map(|trace| self.trace(trace)),
            is_field: info.is_field,
            parent: info.parent.as_deref().map(|parent| Box::new(self.block(parent))),
            name: if named { (self.variable)(info.base) } else { None },
            is_area: info.tag == 0 && matches!(info.origin, Origin::Static | Origin::Variable),
        }
    }

    /// A defect as people see it. `calls` are those that led there.
    pub fn finding(&self, defect: &Defect<'_>, calls: Vec<jit::Call>) -> Finding {
        // What was remembered of a call is right where it begins; what is on the stack is complete.
        let remembered = self.trace(defect.trace);
        let complete = match (remembered.first(), calls.first()) {
            (Some(a), Some(b)) => a.position == b.position && a.function == b.function,
            (remembered, _) => remembered.is_none(),
        };
        let calls = if complete { rows(calls) } else { remembered };
        Finding {
            kind: defect.kind,
            access: defect.access,
            address: defect.address,
            start: defect.start,
            block: defect.block.as_ref().map(|block| self.block(block)),
            landed: defect.landed.as_ref().map(|block| self.block(block)),
            function: defect.function.to_owned(),
            given: defect.given,
            unwritten: defect.unwritten,
            calls,
            picture: self.picture(defect),
            refusal: refusal(),
        }
    }

    /// The bytes around an access, or around an address when nothing is accessed.
    fn picture(&self, defect: &Defect<'_>) -> Option<Picture> {
        let (start, wrong, block) = (defect.start, defect.address, defect.block.as_ref());
        let length = defect.access.map_or(0, |access| access.size);
        let marked = if length == 0 { start..start } else { start..start.saturating_add(length) };
        // Of a long access, the part where it goes wrong.
        let around =
            if marked.len() > picture::ROW * 2 { wrong..wrong.saturating_add(1) } else { marked.clone() };
        let window = picture::window(&around);
        if !map::in_arena(window.start) || !map::in_arena(window.end) {
            return None;
        }
        let regions = self.regions(&window, block);
        Some(Picture { start: window.start, bytes: bytes(&window), regions, marked })
    }

    /// The blocks in a window, by address. Parts of allocators' buffers come after the buffer. Of others than `about` it
    /// is said where they were allocated.
    fn regions(&self, window: &Range<usize>, about: Option<&BlockInfo>) -> Vec<Region> {
        let mut infos: Vec<BlockInfo> = Vec::new();
        for at in window.clone().step_by(8) {
            let mut found = checked::lookup(at);
            while let Some(info) = found {
                let seen = infos.iter().any(|known| known.base == info.base && known.size == info.size);
                let inside = info.base < window.end && info.end() > window.start;
                if inside && !seen && !info.is_field && info.origin != Origin::Internal {
                    infos.push(info.clone());
                }
                found = info.parent.map(|parent| *parent);
            }
        }
        if let Some(about) = about.filter(|about| about.base < window.end && about.end() > window.start) {
            infos.retain(|info| info.base != about.base || info.size != about.size);
            infos.push(about.clone());
        }
        infos.sort_by_key(|info| (info.base, std::cmp::Reverse(info.size)));
        let region = |info: &BlockInfo| {
            let block = self.block(info);
            let mut label = words::short(&block);
            let is_known = about.is_some_and(|about| about.base == info.base && about.size == info.size);
            if let Some((file, at)) = self.sources.locate(position(&block.allocated, self.sources))
                && !is_known
            {
                label.push_str(&format!(" ({}:{})", file.name, at.line));
            }
            Region { range: info.base..info.end(), label }
        };
        infos.iter().map(region).collect()
    }

    /// Leaked blocks with what leads to them, those with the same history together.
    pub fn leaks(&self, leaks: &[Leak]) -> Vec<Group> {
        let by_base: HashMap<usize, Trace> =
            leaks.iter().map(|leak| (leak.block.base, root(&leak.block).allocated)).collect();
        let mut groups: Vec<Group> = Vec::new();
        let mut index = HashMap::new();
        for Leak { block, kind } in leaks {
            // What holds it, before anything is looked up: there may be a million blocks.
            let key = match kind {
                LeakKind::Lost => (0, 0, Trace::NONE),
                LeakKind::Cyclic => (1, 0, Trace::NONE),
                LeakKind::HeldBy(base) => (2, 0, by_base.get(base).copied().unwrap_or(Trace::NONE)),
                LeakKind::Reachable { root } => (3, *root, Trace::NONE),
            };
            let place = *index.entry((key, root(block).allocated, block.origin)).or_insert_with(|| {
                let held = match kind {
                    LeakKind::Lost => Held::Lost,
                    LeakKind::Cyclic => Held::Cyclic,
                    LeakKind::HeldBy(_) => Held::ByLeaked(position(&self.trace(key.2), self.sources)),
                    LeakKind::Reachable { root } => Held::Reachable((self.variable)(*root)),
                };
                groups.push(Group { held, count: 0, bytes: 0, first: self.block(block) });
                groups.len() - 1
            });
            groups[place].count += 1;
            groups[place].bytes += block.size;
        }
        groups
    }
}

/// The block that reallocations have made a block of.
fn root(info: &BlockInfo) -> &BlockInfo {
    let mut first = info;
    for _ in 0..MOVES {
        match first.moved_from.as_deref() {
            Some(before) => first = before,
            None => break,
        }
    }
    first
}

/// Where a block was freed; a part may have gone with the whole.
fn freed(info: &BlockInfo) -> Option<Trace> {
    let with_parent = || freed(info.parent.as_deref().filter(|_| !info.is_live())?);
    info.freed.filter(|trace| !trace.is_empty()).or_else(with_parent)
}

/// The bytes of a window of the program's memory.
fn bytes(window: &Range<usize>) -> Vec<Byte> {
    let mut peek = Peek::new();
    let shadow = checked::shadow_bytes(window.clone());
    let byte = |(at, shadow): (usize, u8)| match shadow {
        map::FREED => Byte::Freed,
        shadow if shadow & map::POISON != 0 => Byte::Guard,
        shadow if shadow & map::UNWRITTEN != 0 => Byte::Unwritten,
        _ => peek.bytes::<1>(at).map_or(Byte::Outside, |[value]| Byte::Written(value)),
    };
    window.clone().zip(shadow).map(byte).collect()
}

/// What the allocator refused last, if it refused anything.
fn refusal() -> Option<String> {
    let vex_runtime::process::Refusal { allocator, size, limit } = vex_runtime::process::last_refusal()?;
    Some(match limit {
        Some(limit) => {
            format!(
                "the memory limit of {limit} bytes was reached: a request for {size} bytes returned null before"
            )
        }
        None => format!("the {allocator} allocator had no room for {size} bytes and returned null before"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: &str, position: u32) -> jit::Call {
        jit::Call { function: function.into(), position }
    }

    #[test]
    fn recursion_is_folded() {
        let mut calls = vec![call("leaf", 1)];
        for _ in 0..50 {
            calls.extend([call("even", 2), call("odd", 3)]);
        }
        calls.push(call("main", 4));
        let rows = rows(calls);
        let shown: Vec<_> = rows.iter().map(|row| (row.function.as_str(), row.depth, row.repeated)).collect();
        let expected = [("leaf", 0, (1, 0)), ("even", 1, (1, 0)), ("odd", 2, (2, 49)), ("main", 101, (1, 0))];
        assert_eq!(shown, expected);
    }

    #[test]
    fn of_very_many_calls_the_middle_is_left_out() {
        let rows = rows((0..100).map(|n| call("f", n)).collect());
        assert_eq!(rows.len(), INNER + OUTER);
        assert_eq!((rows[INNER - 1].depth, rows[INNER].depth), (INNER - 1, 100 - OUTER));
        assert!(rows[INNER].gap && rows.iter().filter(|row| row.gap).count() == 1);
        assert!(super::rows(Vec::new()).is_empty());
    }
}
