//! References over finished bodies: none is used after what it refers to is gone, none leaves the function whose
//! variable it refers to, and no call gets two ways to change one place.
//!
//! Nothing is written in signatures about it. What a call's result may refer to, what a function changes and what it
//! keeps is found in its body: functions are looked at callees first, and each leaves a [`Summary`]. Where there is no
//! body, the result refers to the receiver or, without one, to every argument. In doubt nothing is reported.

mod calls;
mod flow;
mod holds;
mod loan;
mod paths;
mod places;
mod report;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::{Diagnostic, Spelling};

use super::{Checker, codes, generics};
use crate::typed::{Callee, Expr, ExprKind, Function, FunctionBody, walk};
use crate::types::{FuncId, Ty};
use flow::Flow;
use holds::Holds;
use loan::{Loan, Loans};

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

/// What is known while functions are looked at one after the other.
struct Program<'c, 'a> {
    cx: &'c Checker<'a>,
    holds: Holds,
    summaries: FxHashMap<FuncId, Summary>,
    found: Vec<Diagnostic>,
}

/// Checks the references in all bodies of this input. They have no other errors.
pub(super) fn check(cx: &mut Checker) {
    let mut program =
        Program { cx, holds: Holds::default(), summaries: FxHashMap::default(), found: Vec::new() };
    for id in program.callees_first() {
        program.function(id);
    }
    let found = program.found;
    found.into_iter().for_each(|d| cx.error(d));
}

impl<'c, 'a> Program<'c, 'a> {
    fn body(&self, id: FuncId) -> Option<(&'c Function, &'c Expr)> {
        let function = self.cx.bodies.get(id.0 as usize)?.as_ref()?;
        match &function.body {
            FunctionBody::Code(body) => Some((function, body)),
            _ => None,
        }
    }

    /// The functions of this input that have bodies, each after those that it calls, except in circles.
    fn callees_first(&self) -> Vec<FuncId> {
        let first = self.cx.counts().funcs as u32;
        let mut seen = FxHashSet::default();
        let mut order = Vec::new();
        for id in (first..self.cx.bodies.len() as u32).map(FuncId) {
            if !seen.insert(id) {
                continue;
            }
            let mut path = vec![(id, self.callees(id))];
            while let Some((id, callees)) = path.last_mut() {
                match callees.pop() {
                    Some(callee) if seen.insert(callee) => {
                        let further = self.callees(callee);
                        path.push((callee, further));
                    }
                    Some(_) => {}
                    None => {
                        order.push(*id);
                        path.pop();
                    }
                }
            }
        }
        order.retain(|&id| id.0 >= first && self.body(id).is_some());
        order
    }

    fn callees(&self, id: FuncId) -> Vec<FuncId> {
        fn see(program: &Program, expr: &Expr, found: &mut Vec<FuncId>) {
            match &expr.kind {
                ExprKind::Call { callee: Callee::Func { func, args }, .. } => {
                    found.push(program.resolve(*func, args));
                }
                ExprKind::Struct(_) => found.extend(program.closure_of(expr.ty)),
                _ => {}
            }
            walk::children(expr, &mut |part| see(program, part, found));
        }
        let mut found = Vec::new();
        if let Some((_, body)) = self.body(id) {
            see(self, body, &mut found);
        }
        found
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
        let Some((function, body)) = self.body(id) else { return };
        let mut flow = Flow::new(self, id, function);
        flow.run(body);
        let (summary, found) = flow.finish();
        self.summaries.insert(id, summary);
        self.found.extend(found);
    }
}
