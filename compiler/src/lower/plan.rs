//! Which calls become the callee's code, and which variables live in SSA variables although they are borrowed: decided
//! for the whole program before any code is made, from what [`super::scan`] sees.
//!
//! A reference is *tame* when it is only looked through, or handed on to parameters that are tame. A variable whose
//! references are all tame needs no address of its own: a call that becomes code works on the variable itself, and for
//! any other call it is in memory while the call lasts.

use rustc_hash::FxHashMap;

use super::decl::{Body, DataTarget, Declarations, InPlace};
use super::scan::{self, Flow, Scan, Site};
use crate::typed::{FuncId, LocalId, Program};
use crate::types::TyKind;

/// How many parts the body of a function may have, with what is put in place in it, whose calls become its code.
const SMALL: u32 = 60;

/// The same, for one with a parameter that is a tame reference: in place, what it refers to stays in registers.
const METHOD: u32 = 240;

/// A call that an `if` guards only becomes the code of functions that are not bigger than this, as do calls of
/// functions that call themselves.
pub(super) const TINY: u32 = 40;

/// How many parts may be put into one function: inside of its loops, and elsewhere.
const TOTAL: [u32; 2] = [6000, 1500];

/// A reference's cost and use, of a parameter in place or of a variable.
#[derive(Clone, Copy, Default)]
struct Balance {
    /// How often what it refers to is read or written.
    gain: u64,
    /// How often it is in memory for a call.
    cost: u64,
}

/// Completes the summaries of all instances.
pub(super) fn plan(program: &Program, decls: &mut Declarations) {
    let functions = decls.instances.iter().map(|instance| match instance.body {
        Body::Function { func, .. } => Some(func),
        _ => None,
    });
    let functions: Vec<Option<FuncId>> = functions.collect();
    let scans = functions.iter().zip(&decls.summaries).map(|(func, summary)| match func {
        Some(func) => scan::scan(program, &decls.types, &program.functions[func.0 as usize], summary.defers),
        None => Scan::default(),
    });
    let scans: Vec<Scan> = scans.collect();
    let mut plan = Plan { program, decls, functions, scans, states: Vec::new() };
    plan.spread();
    plan.states = vec![State::New; plan.scans.len()];
    for index in 0..plan.scans.len() as u32 {
        plan.decide_from(index);
    }
    plan.pin();
    let mut memo = FxHashMap::default();
    for index in 0..plan.scans.len() {
        plan.finish(index, &mut memo);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// Its callees are being decided on.
    Open,
    Done,
}

struct Plan<'p> {
    program: &'p Program,
    decls: &'p mut Declarations,
    /// By instance, like everything here.
    functions: Vec<Option<FuncId>>,
    scans: Vec<Scan>,
    states: Vec<State>,
}

impl Plan<'_> {
    fn index(&self, func: FuncId) -> usize {
        self.decls.functions[func.0 as usize] as usize
    }

    /// The local that is a parameter, if that is a reference.
    fn reference_param(&self, func: FuncId, param: u32) -> Option<LocalId> {
        let function = &self.program.functions[func.0 as usize];
        let local = *function.params.get(param as usize)?;
        let ty = function.locals[local.0 as usize].ty;
        matches!(self.program.types.kind(ty), TyKind::Ref { .. }).then_some(local)
    }

    /// What is handed to a parameter that is not tame is not tame.
    fn spread(&mut self) {
        let mut sources: FxHashMap<(usize, LocalId), Vec<(usize, LocalId)>> = FxHashMap::default();
        let mut wild = Vec::new();
        for index in 0..self.scans.len() {
            for at in 0..self.scans[index].flows.len() {
                let Flow { local, callee, param, .. } = self.scans[index].flows[at];
                match self.reference_param(callee, param) {
                    Some(target) => {
                        sources.entry((self.index(callee), target)).or_default().push((index, local));
                    }
                    None => self.scans[index].uses[local.0 as usize].wild = true,
                }
            }
        }
        for (index, scan) in self.scans.iter().enumerate() {
            let locals = (0..).map(LocalId).zip(&scan.uses);
            wild.extend(locals.filter(|(_, uses)| uses.wild).map(|(local, _)| (index, local)));
        }
        while let Some(target) = wild.pop() {
            for (index, local) in sources.remove(&target).unwrap_or_default() {
                let uses = &mut self.scans[index].uses[local.0 as usize];
                if !std::mem::replace(&mut uses.wild, true) {
                    wild.push((index, local));
                }
            }
        }
    }

    /// Decides on a function, after those that it calls. One that is called while it is being decided on is recursive.
    fn decide_from(&mut self, first: u32) {
        let mut stack = vec![(first as usize, 0)];
        if std::mem::replace(&mut self.states[first as usize], State::Open) != State::New {
            self.states[first as usize] = State::Done;
            return;
        }
        while let Some((index, at)) = stack.last_mut() {
            let index = *index;
            let Some(site) = self.scans[index].sites.get(*at) else {
                self.decide(index);
                self.states[index] = State::Done;
                stack.pop();
                continue;
            };
            *at += 1;
            let callee = self.decls.functions[site.callee.0 as usize] as usize;
            match self.states[callee] {
                State::New => {
                    self.states[callee] = State::Open;
                    stack.push((callee, 0));
                }
                State::Open => self.decls.summaries[callee].recursive = true,
                State::Done => {}
            }
        }
    }

    fn decide(&mut self, index: usize) {
        let Some(own) = self.scans[index].size else { return };
        if self.functions[index] == Some(self.program.entry) || self.ends_with_variables(index) {
            return;
        }
        if self.decls.summaries[index].recursive {
            let fits = own <= TINY && !self.scans[index].loops;
            self.decls.summaries[index].in_place = fits.then_some(InPlace { size: own });
            return;
        }
        let inner = |site: &Site| self.size_in_place(site).unwrap_or(0);
        let size = self.scans[index].sites.iter().map(inner).fold(own, u32::saturating_add);
        let budget = match self.functions[index] {
            Some(func) if self.has_tame_parameter(index, func) => METHOD,
            // The call is little beside the loop.
            _ if self.scans[index].loops => TINY,
            _ => SMALL,
        };
        self.decls.summaries[index].in_place = (size <= budget).then_some(InPlace { size });
    }

    /// Whether it has to be seen that the variables of a function end when it returns.
    fn ends_with_variables(&self, index: usize) -> bool {
        let Some(func) = self.functions[index].filter(|_| self.decls.options.checked) else { return false };
        let locals = &self.program.functions[func.0 as usize].locals;
        locals
            .iter()
            .zip(&self.scans[index].uses)
            .any(|(local, uses)| local.borrowed && uses.lent && uses.wild)
    }

    fn has_tame_parameter(&self, index: usize, func: FuncId) -> bool {
        let params = self.program.functions[func.0 as usize].params.len() as u32;
        let mut references = (0..params).filter_map(|param| self.reference_param(func, param));
        references.any(|local| !self.scans[index].uses[local.0 as usize].wild)
    }

    /// The size of what a call becomes inside of a function that is put in place itself.
    fn size_in_place(&self, site: &Site) -> Option<u32> {
        let callee = &self.decls.summaries[self.index(site.callee)];
        let InPlace { size } = callee.in_place?;
        (!callee.recursive && (!site.guarded || size <= TINY)).then_some(size)
    }

    /// Functions that data refers to must have code of their own.
    fn pin(&mut self) {
        for (_, target) in self.decls.data.iter().flat_map(|data| &data.relocs) {
            if let DataTarget::Instance(index) = *target {
                self.decls.summaries[index as usize].pinned = true;
            }
        }
    }

    /// What can only be said when all functions are decided on.
    fn finish(&mut self, index: usize, memo: &mut FxHashMap<(usize, LocalId), Balance>) {
        self.decls.summaries[index].limits = self.limits(index);
        let Some(func) = self.functions[index] else { return };
        let function = &self.program.functions[func.0 as usize];
        for (id, local) in (0..).map(LocalId).zip(&function.locals) {
            if self.scans[index].uses[id.0 as usize].wild {
                continue;
            }
            let reference = matches!(self.program.types.kind(local.ty), TyKind::Ref { .. });
            if reference || local.borrowed {
                self.decls.summaries[index].tame.insert(id);
            }
            if local.borrowed && !self.scans[index].uses[id.0 as usize].lent {
                self.decls.summaries[index].unlent.insert(id);
            }
            if scan::may_be_kept(self.program, &self.decls.types, local) {
                let Balance { gain, cost } = self.balance(index, id, true, memo);
                let leaves = self.decls.types.get(local.ty).len() as u64;
                if gain > 2 * leaves * cost {
                    self.decls.summaries[index].kept.insert(id);
                }
            }
        }
    }

    /// The biggest functions whose calls in this one become code, inside of loops and elsewhere.
    fn limits(&self, index: usize) -> [u32; 2] {
        [true, false].map(|in_loop| {
            let sites = self.scans[index].sites.iter().filter(|site| site.in_loop == in_loop);
            let mut sizes: Vec<u32> = sites.filter_map(|site| self.size_in_place(site)).collect();
            sizes.sort_unstable();
            let mut left = TOTAL[usize::from(!in_loop)];
            let mut limit = u32::MAX;
            for size in sizes {
                match left.checked_sub(size) {
                    Some(less) => left = less,
                    None => {
                        limit = limit.min(size - 1);
                        break;
                    }
                }
            }
            limit
        })
    }

    /// What it is worth to keep a variable, or what a reference refers to, in registers.
    fn balance(
        &self,
        index: usize,
        id: LocalId,
        root: bool,
        memo: &mut FxHashMap<(usize, LocalId), Balance>,
    ) -> Balance {
        if let (false, Some(&known)) = (root, memo.get(&(index, id))) {
            return known;
        }
        let scan = &self.scans[index];
        let mut balance = Balance { gain: scan.uses[id.0 as usize].weight, cost: 0 };
        for flow in scan.flows_of(id) {
            let site = &scan.sites[flow.site as usize];
            let limits = &self.decls.summaries[index].limits;
            let in_place =
                self.size_in_place(site).filter(|&size| !root || size <= limits[usize::from(!site.in_loop)]);
            match (in_place, self.reference_param(flow.callee, flow.param)) {
                (Some(_), Some(param)) => {
                    let inner = self.balance(self.index(flow.callee), param, false, memo);
                    let times = |each: u64| each.saturating_mul(flow.weight) / scan::ONCE;
                    balance.gain = balance.gain.saturating_add(times(inner.gain));
                    balance.cost = balance.cost.saturating_add(times(inner.cost));
                }
                _ => balance.cost = balance.cost.saturating_add(flow.weight),
            }
        }
        if !root {
            memo.insert((index, id), balance);
        }
        balance
    }
}
