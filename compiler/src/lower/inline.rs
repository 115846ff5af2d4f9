//! Calls that become the callee's code. Each source location in such code says what was called where, so that reports
//! show the calls as if they had been made.

use smallvec::SmallVec;

use super::addr::Addr;
use super::control::{Held, Scope};
use super::decl::Summary;
use super::defer::Exits;
use super::func::{Home, Leaves, Lower, Ret};
use super::kept::Bound;
use super::plan::TINY;
use super::shadow::Shadows;
use crate::typed::{self, Expr, FunctionBody, LocalId};
use crate::types::TyKind;

/// How deep functions that call themselves are put into each other.
const DEPTH: u32 = 2;

/// How many parts of such functions may be put into one function in all.
const TOTAL: u32 = 1500;

/// An evaluated argument.
enum Given {
    /// A flat value, and what is known of it.
    Leaves(Leaves, Option<(i64, i64)>),
    /// Any other, in memory of its own.
    Memory(Addr),
    /// What a reference refers to.
    Bound(Bound),
}

impl<'a> Lower<'a> {
    /// Whether a call of an instance becomes its code here.
    fn goes_in_place(&mut self, summary: &Summary) -> bool {
        let Some(callee) = summary.in_place else { return false };
        if summary.recursive {
            let fits = self.recursion < DEPTH && self.inlined_size + callee.size <= TOTAL;
            self.inlined_size += if fits { callee.size } else { 0 };
            return fits;
        }
        if self.guarded && callee.size > TINY {
            return false;
        }
        // What is put into a function that is put in place was counted with it.
        self.depth > 0 || callee.size <= self.summary.limits[usize::from(self.loops.is_empty())]
    }

    /// A call as the callee's code, if that is wanted. A result that is not flat goes to `dest`.
    pub(super) fn call_in_place(
        &mut self,
        function: &'a typed::Function,
        instance: u32,
        args: &'a [Expr],
        expr: &'a Expr,
        dest: Option<Addr>,
    ) -> Option<Leaves> {
        let summary = self.decls.summaries.get(instance as usize)?;
        let FunctionBody::Code(body) = &function.body else { return None };
        if !self.goes_in_place(summary) {
            return None;
        }
        let guarded = std::mem::replace(&mut self.guarded, false);
        let given = self.given(function, summary, args);
        if function.library {
            self.mark_site(expr);
        }
        let memory = match dest {
            _ if self.flat(function.ret) => None,
            Some(dest) => Some(dest),
            None => Some(self.temp(function.ret)),
        };
        let call = self.location(expr.span);
        let around = self.inlined_call.replace((instance, call));
        self.at(function.span);
        let leaves = self.in_frame(function, summary, |lower| {
            lower.ret = memory.map_or(Ret::Leaves(None), Ret::Memory);
            lower.body_in_place(function, body, given)
        });
        self.inlined_call = around;
        self.guarded = guarded;
        self.at(expr.span);
        Some(leaves)
    }

    /// Evaluates the arguments.
    fn given(
        &mut self,
        function: &typed::Function,
        summary: &Summary,
        args: &'a [Expr],
    ) -> SmallVec<[Given; 4]> {
        let parts = self.begin_parts(args);
        let mut given = SmallVec::new();
        for (arg, &param) in args.iter().zip(&function.params) {
            let reference = matches!(self.types.kind(arg.ty), TyKind::Ref { .. });
            let bound = match reference && summary.tame.contains(&param) {
                true => self.bind_reference(arg),
                false => None,
            };
            given.push(if let Some(bound) = bound {
                Given::Bound(bound)
            } else if self.flat(arg.ty) {
                let range = self.range_of(arg);
                let leaves = self.value(arg);
                self.hold(&parts, arg.ty, || Held::Leaves(arg.ty, leaves.clone()));
                Given::Leaves(leaves, range)
            } else {
                let temp = self.shared_temp(arg.ty);
                self.into(arg, temp);
                self.hold(&parts, arg.ty, || Held::Memory(arg.ty, temp));
                Given::Memory(temp)
            });
        }
        self.end_parts(parts);
        given
    }

    /// The code of a function whose frame this is, from its parameters to its end.
    fn body_in_place(
        &mut self,
        function: &'a typed::Function,
        body: &'a Expr,
        given: SmallVec<[Given; 4]>,
    ) -> Leaves {
        if self.decls.options.heap.is_some() {
            self.shadows = Shadows::of(self.program, function, body);
        }
        let straight = !self.begin_exits(function) && !self.summary.returns;
        for (&param, given) in function.params.iter().zip(given) {
            self.set_parameter(param, given);
            self.enter_local(param, true);
        }
        if straight {
            return self.body_value(function, body);
        }
        let end = self.block_for(function.ret);
        self.end = Some(end);
        self.body(function, body);
        self.enter(end);
        self.params(end)
    }

    fn set_parameter(&mut self, param: LocalId, given: Given) {
        match given {
            Given::Leaves(leaves, range) => {
                self.store_local(param, &leaves);
                self.learn_given(param, range);
            }
            Given::Memory(addr) => self.homes[param.0 as usize] = Some(Home::Memory(addr)),
            Given::Bound(bound) => self.homes[param.0 as usize] = Some(Home::Bound(bound)),
        }
    }

    /// Runs `work` with the variables of another function.
    fn in_frame<T>(
        &mut self,
        function: &'a typed::Function,
        summary: &'a Summary,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        use std::mem::{replace, take};
        let locals = function.locals.len();
        let library = function.library;
        let function = self.function.replace(function);
        let summary = replace(&mut self.summary, summary);
        let homes = replace(&mut self.homes, vec![None; locals]);
        let flags = replace(&mut self.flags, vec![None; locals]);
        let facts = replace(&mut self.facts, vec![None; locals]);
        let scopes = replace(&mut self.scopes, vec![Scope::default()]);
        let outer_loops = self.outer_loops;
        self.outer_loops += self.loops.len();
        let loops = take(&mut self.loops);
        let (ret, end) = (replace(&mut self.ret, Ret::Leaves(None)), self.end.take());
        let exits: Exits<'a> = take(&mut self.exits);
        let shadows = take(&mut self.shadows);
        let report = self.report;
        self.report &= !library;
        let recursive = u32::from(self.summary.recursive);
        (self.depth, self.recursion) = (self.depth + 1, self.recursion + recursive);
        let result = work(self);
        (self.depth, self.recursion) = (self.depth - 1, self.recursion - recursive);
        (self.function, self.summary, self.homes, self.flags) = (function, summary, homes, flags);
        (self.facts, self.scopes, self.loops, self.outer_loops) = (facts, scopes, loops, outer_loops);
        (self.ret, self.end, self.exits, self.report) = (ret, end, exits, report);
        self.shadows = shadows;
        result
    }
}
