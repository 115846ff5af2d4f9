//! References over finished bodies: none is used after what it refers to is gone, none leaves the function whose
//! variable it refers to, and no call gets two ways to change one place.
//!
//! Nothing is written in signatures about it. What a call's result may refer to, what a function changes and what it
//! keeps is found in its body: functions are looked at callees first, and each leaves a [`Summary`]. Where there is no
//! body, the result refers to the receiver or, without one, to every argument. In doubt nothing is reported.

mod calls;
mod closures;
mod flow;
mod holds;
mod loan;
mod order;
mod paths;
mod places;
mod reach;
mod report;

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::{Diagnostic, Spelling};

use super::{Checker, codes, generics};
use crate::typed::{Callee, Expr, ExprKind, Function, FunctionBody, Local, walk};
use crate::types::{FuncId, Ty};
use flow::Flow;
use holds::Holds;
use loan::{Loan, Loans, State};

/// What a function does with references, in terms of its parameters and of globals.
#[derive(Clone, Default, Debug)]
pub(super) struct Summary {
    /// What its result refers to.
    result: Loans,
    /// Where what a place owns is freed, moved or replaced: references into that are gone.
    changes: Loans,
    /// What is written to at all.
    writes: Loans,
    /// Where references are kept, and which.
    stores: Vec<(Loan, Loan)>,
}

/// What the variables of a session refer to.
#[derive(Clone, Default, Debug)]
pub(super) struct Held(State);

/// What earlier inputs of a session leave for later ones.
#[derive(Clone, Default, Debug)]
pub(super) struct Known {
    summaries: FxHashMap<FuncId, Rc<Summary>>,
    /// What the variables refer to.
    held: Held,
}

impl Known {
    /// Forgets what is said of functions from this number on, and lets variables refer to what they did.
    pub(super) fn undo(&mut self, funcs: usize, held: Held) {
        self.summaries.retain(|id, _| (id.0 as usize) < funcs);
        self.held = held;
    }

    /// What the variables refer to.
    pub(super) fn held(&self) -> Held {
        self.held.clone()
    }
}

/// What is known while functions are looked at one after the other.
struct Program<'c, 'a> {
    cx: &'c Checker<'a>,
    holds: Holds,
    /// The same without texts that are parts of something.
    refers: Holds,
    reach: reach::Reach,
    summaries: FxHashMap<FuncId, Rc<Summary>>,
    /// What a session's variables refer to.
    held: State,
    /// Functions without references: there is nothing to find.
    plain: FxHashSet<FuncId>,
    found: Vec<Diagnostic>,
}

/// What is called in a body.
#[derive(Default)]
struct Callees {
    functions: Vec<FuncId>,
    /// Whether there is a borrow, or an assignment that drops what was there.
    lends: bool,
}

impl Callees {
    fn see(&mut self, program: &Program, expr: &Expr) {
        match &expr.kind {
            ExprKind::Call { callee: Callee::Func { func, args }, .. } => {
                self.functions.push(program.resolve(*func, args));
            }
            ExprKind::Struct(_) => self.functions.extend(program.closure_of(expr.ty)),
            ExprKind::Borrow(_) | ExprKind::Assign { drop_old: true, .. } => self.lends = true,
            _ => {}
        }
        walk::children(expr, &mut |part| self.see(program, part));
    }
}

/// Checks the references in all bodies of this input. They have no other errors.
pub(super) fn check(cx: &mut Checker) {
    let known = cx.session.as_mut().map(|base| std::mem::take(&mut base.lent)).unwrap_or_default();
    let mut program = Program {
        cx,
        holds: Holds::new(true),
        refers: Holds::new(false),
        reach: reach::Reach::default(),
        summaries: known.summaries,
        held: known.held.0,
        plain: FxHashSet::default(),
        found: Vec::new(),
    };
    for together in order::callees_first(&mut program) {
        // Functions that call each other: what the first look finds of all of them the second knows.
        if together.circular {
            let before = program.found.len();
            together.functions.iter().for_each(|&id| program.function(id));
            program.found.truncate(before);
        }
        together.functions.iter().for_each(|&id| program.function(id));
    }
    let Program { found, summaries, held, .. } = program;
    if let Some(base) = &mut cx.session {
        base.lent = Known { summaries, held: Held(held) };
    }
    found.into_iter().for_each(|d| cx.error(d));
}

impl<'c, 'a> Program<'c, 'a> {
    /// Whether a function has its body in this input, and so a summary sooner or later.
    fn is_known(&self, id: FuncId) -> bool {
        id.0 as usize >= self.cx.counts().funcs && self.body(id).is_some()
    }

    fn body(&self, id: FuncId) -> Option<(&'c Function, &'c Expr)> {
        let function = self.cx.bodies.get(id.0 as usize)?.as_ref()?;
        match &function.body {
            FunctionBody::Code(body) => Some((function, body)),
            _ => None,
        }
    }

    /// The functions that a function calls. One without references is noted as plain.
    fn callees(&mut self, id: FuncId) -> Vec<FuncId> {
        let mut found = Callees::default();
        let Some((function, body)) = self.body(id) else { return found.functions };
        found.see(self, body);
        // The variables of a session may refer to something since an earlier input.
        let known = self.is_entry(id) && !self.held.is_empty();
        let types = &self.cx.types;
        let refers = |local: &Local| self.holds.holds(types, local.ty);
        if !known
            && !found.lends
            && !function.locals.iter().any(refers)
            && !self.holds.holds(types, function.ret)
        {
            self.summaries.insert(id, Rc::default());
            self.plain.insert(id);
        }
        found.functions
    }

    /// The function that is called: of a trait's, the one of the type, if that is known.
    fn resolve(&self, func: FuncId, args: &[Ty]) -> FuncId {
        let info = &self.cx.funcs[func.0 as usize];
        let (Some(of), Some(&own)) = (info.of_trait, args.first()) else { return func };
        let known = self.cx.impl_of(of, generics::head(&self.cx.types, own));
        known.and_then(|known| known.functions.get(&info.ident.name).copied()).unwrap_or(func)
    }

    fn closure_of(&self, ty: Ty) -> Option<FuncId> {
        self.cx.types.struct_of(ty).and_then(|def| def.closure)
    }

    fn is_entry(&self, id: FuncId) -> bool {
        self.cx.script.as_ref().is_some_and(|script| script.func == id)
    }

    /// Whether every reference that a function takes is a mutable one, so that the type says nothing.
    fn is_vais(&self, id: FuncId) -> bool {
        self.cx.spelling(self.cx.funcs[id.0 as usize].module) == Spelling::Vais
    }

    fn function(&mut self, id: FuncId) {
        let Some((function, body)) = self.body(id).filter(|_| !self.plain.contains(&id)) else { return };
        let entry = self.is_entry(id) && self.cx.session.is_some();
        let mut flow = Flow::new(self, id, function);
        if entry {
            flow.state = Some(flow.program.held.clone());
        }
        flow.run(body);
        let state = flow.state.take();
        let (summary, found) = flow.finish();
        self.summaries.insert(id, Rc::new(summary));
        if let Some(state) = state.filter(|_| entry) {
            self.held = state.of_globals();
        }
        self.found.extend(found);
    }
}
