//! Which blocks are live at the end, and what still points at them.
//!
//! First everything is followed that the program's variables lead to. What is left was
//! leaked for good: a block that no other one points at is lost, others are held by a lost
//! one or by a circle.
//!
//! The lock is taken for single questions only, since lists of blocks are allocated.

use super::blocks::tag_in;
use super::defect::{Leak, LeakKind};
use super::heap::HEAP;
use super::info::{BlockInfo, Origin};
use super::map::{ADDRESS_MASK, FIRST_TAG, POISON, UNWRITTEN, in_arena};
use super::shadow;
use super::tags::{Flags, Record, entry_of, record_of};
use core::ops::Range;
use std::sync::Mutex;

static ROOTS: Mutex<Vec<Range<usize>>> = Mutex::new(Vec::new());

/// Says where the program's variables are.
pub fn set_roots(ranges: &[Range<usize>]) {
    *ROOTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = ranges.to_vec();
}

/// A live object.
struct Node {
    tag: u32,
    serial: u64,
    base: usize,
    size: usize,
    /// Whether it is the runtime's: neither a leak, nor followed.
    internal: bool,
    /// The variable that leads here.
    root: Option<usize>,
    /// Whether all of it was followed, and not only a part.
    followed: bool,
}

/// No node.
const NONE: u32 = u32::MAX;

/// All live objects, and what points where.
struct Graph {
    nodes: Vec<Node>,
    /// By tag, the number of the node.
    numbers: Vec<u32>,
}

impl Graph {
    fn of_live_objects() -> Graph {
        let (end, last) = {
            let heap = HEAP.lock();
            (heap.tags.fresh(), heap.serial)
        };
        let mut graph = Graph { nodes: Vec::new(), numbers: vec![NONE; end as usize] };
        for tag in FIRST_TAG as u32..end {
            let Record { serial, origin, flags, size, .. } = record_of(tag);
            let is_block = !flags.contains(Flags::FIELD) && serial <= last;
            if record_of(tag).is_live() && is_block {
                graph.numbers[tag as usize] = graph.nodes.len() as u32;
                graph.nodes.push(Node {
                    tag,
                    serial,
                    base: entry_of(tag).base,
                    size,
                    internal: origin == Origin::Internal,
                    root: None,
                    followed: false,
                });
            }
        }
        graph
    }

    fn number(&self, tag: u32) -> Option<u32> {
        self.numbers.get(tag as usize).copied().filter(|number| *number != NONE)
    }

    /// The object that a word points at, if it is a pointer.
    fn target(&self, word: usize) -> Option<u32> {
        let address = word & ADDRESS_MASK;
        let tag = match tag_in(word) {
            Some(tag) => {
                let mut tag = tag;
                let reaches = address.wrapping_sub(entry_of(tag).base) <= record_of(tag).size;
                if !record_of(tag).is_live() || !reaches {
                    return None;
                }
                while record_of(tag).flags.contains(Flags::FIELD) && record_of(tag).parent != 0 {
                    tag = record_of(tag).parent;
                }
                tag
            }
            None if in_arena(word) => {
                let heap = HEAP.lock();
                let tag = heap.meant_by(word)?;
                let reaches = word.wrapping_sub(entry_of(tag).base) <= record_of(tag).size;
                reaches.then_some(tag)?
            }
            None => return None,
        };
        self.number(tag)
    }

    /// Visits the objects that words of a range point at, with the word's address.
    fn each_target(&self, range: Range<usize>, mut visit: impl FnMut(usize, u32)) {
        let mut at = range.start.next_multiple_of(8);
        while at + 8 <= range.end {
            if shadow::first_with(at, 8, POISON | UNWRITTEN).is_none() {
                // SAFETY: an aligned word of memory of the program's that is live and mapped:
                // a range of its variables or stack, or a live block.
                let word = unsafe { core::ptr::with_exposed_provenance::<usize>(at).read() };
                // Most words are small numbers.
                if word >= super::map::ARENA
                    && let Some(number) = self.target(word)
                {
                    visit(at, number);
                }
            }
            at += 8;
        }
    }

    fn range(&self, number: u32) -> Range<usize> {
        let node = &self.nodes[number as usize];
        node.base..node.base + node.size
    }

    /// Follows everything that a range of variables leads to.
    fn follow(&mut self, roots: Range<usize>) {
        let mut next: Vec<(u32, usize)> = Vec::new();
        self.each_target(roots, |at, number| next.push((number, at)));
        // In the order of the variables.
        next.reverse();
        while let Some((number, root)) = next.pop() {
            self.reach_whole(number, root);
            let node = &mut self.nodes[number as usize];
            node.root.get_or_insert(root);
            if core::mem::replace(&mut node.followed, true) || node.internal {
                continue;
            }
            let range = self.range(number);
            self.each_target(range, |_, number| next.push((number, root)));
        }
    }

    /// A part keeps its buffer, but not what else is in it.
    fn reach_whole(&mut self, number: u32, root: usize) {
        let mut parent = record_of(self.nodes[number as usize].tag).parent;
        while let Some(number) = self.number(parent) {
            self.nodes[number as usize].root.get_or_insert(root);
            parent = record_of(parent).parent;
        }
    }

    /// What nothing leads to, and what of that points at what, by places in the first list.
    fn unreached(&self) -> (Vec<u32>, Vec<Vec<u32>>) {
        let is_left = |number: &u32| {
            let node = &self.nodes[*number as usize];
            node.root.is_none() && !node.internal
        };
        let left: Vec<u32> = (0..self.nodes.len() as u32).filter(is_left).collect();
        let mut places = vec![NONE; self.nodes.len()];
        left.iter().enumerate().for_each(|(place, number)| places[*number as usize] = place as u32);
        let targets = |number: &u32| {
            let mut targets = Vec::new();
            self.each_target(self.range(*number), |_, target| match places[target as usize] {
                NONE => {}
                place => targets.push(place),
            });
            targets
        };
        let edges = left.iter().map(targets).collect();
        (left, edges)
    }
}

/// What holds each of the objects that are left: by place, the place of a holder, which is
/// the place itself for those that nothing holds ([`LeakKind::Lost`]) and those in circles.
fn holders(edges: &[Vec<u32>]) -> Vec<(u32, bool)> {
    let mut holder = vec![(NONE, false); edges.len()];
    let mut pointed = vec![false; edges.len()];
    edges.iter().flatten().for_each(|target| pointed[*target as usize] = true);
    for place in 0..edges.len() as u32 {
        if !pointed[place as usize] {
            holder[place as usize] = (place, false);
            spread(place, edges, &mut holder);
        }
    }
    let cyclic = in_circles(edges, |place| holder[place as usize].0 == NONE);
    for place in cyclic {
        holder[place as usize] = (place, true);
        spread(place, edges, &mut holder);
    }
    holder
}

/// Notes `from` as the holder of all that it leads to and that have none yet.
fn spread(from: u32, edges: &[Vec<u32>], holder: &mut [(u32, bool)]) {
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        for target in &edges[at as usize] {
            if holder[*target as usize].0 == NONE {
                holder[*target as usize] = (from, false);
                next.push(*target);
            }
        }
    }
}

/// The objects, among those that `counts` names, that lead back to themselves: by the
/// strongly connected components (Tarjan), without recursion.
fn in_circles(edges: &[Vec<u32>], counts: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut index = vec![NONE; edges.len()];
    let mut low = vec![0u32; edges.len()];
    let mut on_stack = vec![false; edges.len()];
    let (mut stack, mut found, mut clock) = (Vec::new(), Vec::new(), 0);
    for start in 0..edges.len() as u32 {
        if index[start as usize] != NONE || !counts(start) {
            continue;
        }
        let mut calls = vec![(start, 0usize)];
        while let Some((at, step)) = calls.pop() {
            let here = at as usize;
            if step == 0 {
                (index[here], low[here]) = (clock, clock);
                clock += 1;
                stack.push(at);
                on_stack[here] = true;
            }
            if step > 0 {
                let child = edges[here][step - 1] as usize;
                if on_stack[child] {
                    low[here] = low[here].min(low[child]);
                }
            }
            if let Some(target) = edges[here].get(step) {
                calls.push((at, step + 1));
                if index[*target as usize] == NONE && counts(*target) {
                    calls.push((*target, 0));
                }
            } else if low[here] == index[here] {
                let first = stack.iter().rposition(|other| *other == at).unwrap_or(0);
                let component: Vec<u32> = stack.drain(first..).collect();
                component.iter().for_each(|member| on_stack[*member as usize] = false);
                if component.len() > 1 || edges[here].contains(&at) {
                    found.extend(component);
                }
            }
        }
    }
    found.sort_unstable();
    found
}

/// Every live block; see [`super::leaks`].
pub fn find(stack: Option<Range<usize>>) -> Vec<Leak> {
    let roots = ROOTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    let mut graph = Graph::of_live_objects();
    for range in roots.into_iter().chain(stack) {
        if in_arena(range.start) && range.end <= super::map::ARENA_END {
            graph.follow(range);
        }
    }
    let (left, edges) = graph.unreached();
    let holders = holders(&edges);
    let mut kinds: Vec<Option<LeakKind>> =
        graph.nodes.iter().map(|node| node.root.map(|root| LeakKind::Reachable { root })).collect();
    for (place, (number, (holder, cyclic))) in left.iter().zip(holders).enumerate() {
        kinds[*number as usize] = Some(match (holder == place as u32, cyclic) {
            (true, false) => LeakKind::Lost,
            (true, true) => LeakKind::Cyclic,
            (false, _) => LeakKind::HeldBy(graph.nodes[left[holder as usize] as usize].base),
        });
    }
    let mut leaks: Vec<(u64, Leak)> = Vec::new();
    for (node, kind) in graph.nodes.iter().zip(kinds) {
        let Record { origin, flags, .. } = record_of(node.tag);
        let is_leak = !node.internal && (!flags.contains(Flags::PART) || origin.parts_leak());
        if let (true, Some(kind), Some(block)) = (is_leak, kind, BlockInfo::of(node.tag)) {
            leaks.push((node.serial, Leak { block, kind }));
        }
    }
    leaks.sort_unstable_by_key(|(serial, _)| *serial);
    leaks.into_iter().map(|(_, leak)| leak).collect()
}

#[cfg(all(test, unix))]
#[path = "leaks_tests.rs"]
mod tests;
