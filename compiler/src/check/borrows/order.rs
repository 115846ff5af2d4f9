//! In which order functions are looked at.

use rustc_hash::FxHashMap;

use super::Program;
use crate::types::FuncId;

/// Functions that call each other, or one.
pub(super) struct Together {
    pub(super) functions: Vec<FuncId>,
    /// Whether they call themselves, directly or by others.
    pub(super) circular: bool,
}

/// A function that is being visited.
struct Visit {
    id: FuncId,
    number: u32,
    /// The lowest number of a function that waits and is called from here, by however many others.
    low: u32,
    callees: Vec<FuncId>,
    circular: bool,
}

impl Visit {
    fn of(program: &mut Program, id: FuncId, number: u32) -> Visit {
        Visit { id, number, low: number, callees: program.callees(id), circular: false }
    }
}

/// The functions of this input that have bodies, each after those that it calls. (Tarjan's algorithm, without
/// recursion: chains of calls may be long.)
pub(super) fn callees_first(program: &mut Program) -> Vec<Together> {
    let first = program.cx.counts().funcs as u32;
    // The numbers of those seen; those that are done have the last one.
    let mut numbers: FxHashMap<FuncId, u32> = FxHashMap::default();
    let mut waiting: Vec<FuncId> = Vec::new();
    let mut order = Vec::new();
    for id in (first..program.cx.bodies.len() as u32).map(FuncId) {
        if numbers.contains_key(&id) {
            continue;
        }
        let mut path: Vec<Visit> = Vec::new();
        let mut next = Some(id);
        loop {
            if let Some(id) = next.take() {
                let number = numbers.len() as u32;
                numbers.insert(id, number);
                waiting.push(id);
                path.push(Visit::of(program, id, number));
            }
            let Some(visit) = path.last_mut() else { break };
            match visit.callees.pop() {
                Some(callee) if callee.0 < first => {}
                Some(callee) => match numbers.get(&callee) {
                    None => next = Some(callee),
                    Some(&number) => {
                        visit.circular |= callee == visit.id;
                        visit.low = visit.low.min(number);
                    }
                },
                None => finish(&mut path, &mut waiting, &mut numbers, &mut order),
            }
        }
    }
    order.retain(|together: &Together| together.functions.iter().any(|&id| program.body(id).is_some()));
    order
}

/// All that the last function of the path calls was visited.
fn finish(
    path: &mut Vec<Visit>,
    waiting: &mut Vec<FuncId>,
    numbers: &mut FxHashMap<FuncId, u32>,
    order: &mut Vec<Together>,
) {
    let Some(visit) = path.pop() else { return };
    if visit.low < visit.number {
        if let Some(caller) = path.last_mut() {
            caller.low = caller.low.min(visit.low);
        }
        return;
    }
    let start = waiting.iter().rposition(|&id| id == visit.id).unwrap_or(0);
    let mut functions = waiting.split_off(start);
    functions.reverse();
    functions.iter().for_each(|&id| {
        numbers.insert(id, u32::MAX);
    });
    let circular = visit.circular || functions.len() > 1;
    order.push(Together { functions, circular });
}
