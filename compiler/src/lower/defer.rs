//! How functions end: results, deferred actions, drops of the outermost scope.
//!
//! A function with deferred actions, or with something to drop in its outermost scope, has one exit sequence. Each
//! `return` stores the result and jumps to it: to the last action that may have been reached, from where the actions
//! follow each other backwards, and then the drops. When an action can be reached more than once, each time leaves a
//! record at run time, and the exit sequence takes records until there are none.

use cranelift_codegen::ir::{Block, InstBuilder, StackSlot, types};
use cranelift_frontend::Variable;

use super::addr::{Addr, Kind};
use super::control::Scope;
use super::decl::Defers;
use super::func::{Home, Leaves, Lower, Ret};
use super::place::Place;
use super::rt::Rt;
use vex_syntax::Span;

use crate::typed::{self, Defer, Expr, ExprKind, Pattern, StmtKind};

/// Where the copies of a record start, and where its site lies (see the runtime's `defer::Record`).
const COPIES: i64 = 16;
const SITE: i64 = 8;

/// The exit sequence of a function.
#[derive(Default)]
pub(super) struct Exits<'a> {
    /// Whether there is one.
    active: bool,
    /// The deferred actions met so far.
    sites: Vec<&'a Defer>,
    /// By site: whether it was reached, for those that need not be.
    reached: Vec<Variable>,
    /// By number of actions that may have been reached: where the exit sequence starts.
    blocks: Vec<Option<Block>>,
    /// The list of records, when actions may be reached more than once: its head and the record in use.
    records: Option<StackSlot>,
}

impl<'a> Lower<'a> {
    /// Prepares the exit sequence, if the function needs one, and says so.
    pub(super) fn begin_exits(&mut self, function: &'a typed::Function) -> bool {
        let outer = outer_locals(function);
        let drops: Vec<_> = outer.into_iter().filter(|&id| self.info(self.local_ty(id)).needs_drop).collect();
        let summary = self.summary;
        self.exits.active =
            summary.defers != Defers::None || !drops.is_empty() || !summary.init_globals.is_empty();
        if !self.exits.active {
            return false;
        }
        if let Ret::Leaves(_) = self.ret {
            self.ret = Ret::Leaves(Some(self.variables(self.info(function.ret))));
        }
        if summary.returns {
            // A `return` may come before a variable does.
            drops.into_iter().for_each(|id| {
                self.make_flag(id, false);
            });
        }
        match summary.defers {
            Defers::None => {}
            Defers::Once => {
                for _ in 0..summary.defer_count {
                    let reached = self.b.declare_var(types::I8);
                    let no = self.int(types::I8, 0);
                    self.b.def_var(reached, no);
                    self.exits.reached.push(reached);
                }
            }
            Defers::Many => {
                let size = u64::from(self.ptr.bytes());
                let slot = self.slot(2 * size, size);
                let null = self.int(self.ptr, 0);
                self.store(null, Addr::slot(slot, Kind::Shared));
                self.store(null, Addr::slot(slot, Kind::Shared).plus(size as i64));
                self.exits.records = Some(slot);
            }
        }
        true
    }

    /// The body of the function, and its end.
    pub(super) fn body(&mut self, function: &'a typed::Function, body: &'a Expr) {
        let leaves = self.body_value(function, body);
        self.at(function.span);
        if self.b.is_unreachable() {
            self.end_unreachable();
        } else {
            self.leave(&leaves);
        }
        if self.exits.active {
            self.exit_sequence();
        }
    }

    /// Evaluates the body, in the current scope.
    pub(super) fn body_value(&mut self, function: &'a typed::Function, body: &'a Expr) -> Leaves {
        let dest = self.result_memory(function);
        match outer_block(body) {
            Some(block) => self.statements(function.ret, block, dest),
            None => self.arm(body, function.ret, dest),
        }
    }

    /// Where the result goes while it is computed, unless it is flat.
    fn result_memory(&self, function: &typed::Function) -> Option<Addr> {
        match self.ret {
            Ret::Memory(memory) if !self.flat(function.ret) => Some(memory),
            _ => None,
        }
    }

    /// `return`
    pub(super) fn return_value(&mut self, value: Option<&'a Expr>) {
        let function = self.function.expect("`return` stands in a function of the program");
        let dest = self.result_memory(function);
        let leaves = match value {
            Some(value) => self.arm(value, function.ret, dest),
            None => Leaves::new(),
        };
        if !self.b.is_unreachable() {
            self.drop_scopes(1);
            self.leave(&leaves);
            self.unreachable();
        }
    }

    /// Hands over the result, when everything but the outermost scope is done with.
    fn leave(&mut self, leaves: &[cranelift_codegen::ir::Value]) {
        let function = self.function.expect("only functions of the program are left");
        let info = self.info(function.ret);
        match self.ret {
            Ret::Memory(memory) if info.flat => self.store_leaves(memory, info, leaves),
            Ret::Leaves(Some(first)) => self.def_vars(first, leaves),
            _ => {}
        }
        if self.exits.active {
            let start = self.exit_block();
            self.jump(start, &[]);
        } else {
            let results = if matches!(self.ret, Ret::Memory(_)) { &[] } else { leaves };
            self.go_back(results);
        }
    }

    /// Goes back to the caller, which in code that was put in place is around it.
    fn go_back(&mut self, results: &[cranelift_codegen::ir::Value]) {
        match self.end {
            Some(end) => self.jump(end, results),
            None => {
                self.leave_frame();
                self.b.ins().return_(results);
            }
        }
    }

    /// Where the exit sequence starts from here.
    fn exit_block(&mut self) -> Block {
        let at = if self.exits.records.is_some() { 0 } else { self.exits.sites.len() };
        if self.exits.blocks.len() <= at {
            self.exits.blocks.resize(at + 1, None);
        }
        match self.exits.blocks[at] {
            Some(block) => block,
            None => *self.exits.blocks[at].insert(self.b.create_block()),
        }
    }

    fn exit_sequence(&mut self) {
        if self.exits.records.is_some() {
            self.run_records();
        } else {
            self.run_sites();
        }
        debug_assert_eq!(self.scopes.len(), 1);
        self.at_end();
        self.drop_scopes(0);
        self.scopes = vec![Scope::default()];
        for index in (0..self.summary.init_globals.len()).rev() {
            self.drop_global(self.summary.init_globals[index]);
        }
        let results = match self.ret {
            Ret::Leaves(Some(first)) => {
                let function = self.function.expect("only functions of the program have exit sequences");
                self.use_vars(first, self.info(function.ret).len())
            }
            _ => Leaves::new(),
        };
        self.go_back(&results);
    }

    /// What follows stands where the function ends in the source: at its last `return` or brace.
    fn at_end(&mut self) {
        let function = self.function.expect("only functions of the program have exit sequences");
        if let typed::FunctionBody::Code(body) = &function.body
            && let Some(end) = end_of(body)
        {
            self.at(end);
        }
    }

    /// The actions, last first, each skipped when it was not reached. Ends in the block of the drops.
    fn run_sites(&mut self) {
        loop {
            let block = self.exit_block();
            self.enter(block);
            let Some(site) = self.exits.sites.pop() else { return };
            let next = self.exit_block();
            if !site.outermost {
                let run = self.b.create_block();
                let reached = self.b.use_var(self.exits.reached[self.exits.sites.len()]);
                self.b.ins().brif(reached, run, &[], next, &[]);
                self.enter(run);
            }
            self.effect(&site.body);
            self.jump(next, &[]);
        }
    }

    /// Takes records until there are none. Ends in the block of the drops.
    fn run_records(&mut self) {
        let slot = self.exits.records.expect("the caller looked");
        let take = self.exit_block();
        self.b.switch_to_block(take);
        let head = self.address(Addr::slot(slot, Kind::Shared));
        let record = self.rt(Rt::DeferPop, &[head])[0];
        let (found, end) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(record, found, &[], end, &[]);
        self.enter(found);
        let number = self.load(types::I32, Addr::value(record, Kind::Shared).plus(SITE));
        // Running an action may meet further ones: those in its own body.
        let mut index = 0;
        while let Some(&site) = self.exits.sites.get(index) {
            let (run, other) = (self.b.create_block(), self.b.create_block());
            let this =
                self.b.ins().icmp_imm_s(cranelift_codegen::ir::condcodes::IntCC::Equal, number, index as i64);
            self.b.ins().brif(this, run, &[], other, &[]);
            self.enter(run);
            for (capture, offset) in self.copies(site).0 {
                let info = self.info(self.local_ty(capture.to));
                let from = Addr::value(record, Kind::Shared).plus(offset);
                self.copy_to_local(capture.to, from, info);
            }
            self.effect(&site.body);
            self.jump(take, &[]);
            self.enter(other);
            index += 1;
        }
        self.end_unreachable();
        self.b.seal_block(take);
        self.enter(end);
    }

    fn copy_to_local(&mut self, id: typed::LocalId, from: Addr, info: &super::value::TypeInfo) {
        if info.flat {
            let leaves = self.load_leaves(from, info);
            self.store_local(id, &leaves);
        } else {
            let home = self.home(id);
            self.copy(Addr::home(home), from, info);
        }
    }

    /// Where a record keeps its captured variables, and how many bytes they take.
    fn copies(&self, defer: &'a Defer) -> (Vec<(typed::Capture, i64)>, u64) {
        let mut size = 0u64;
        let copies = defer.captures.iter().map(|&capture| {
            let info = self.info(self.local_ty(capture.to));
            size = size.next_multiple_of(info.align.max(1));
            let offset = COPIES + size as i64;
            size += info.size;
            (capture, offset)
        });
        (copies.collect(), size)
    }

    /// `defer`: remembers the action and copies what it needs.
    pub(super) fn defer(&mut self, defer: &'a Defer) {
        let number = self.exits.sites.len();
        self.exits.sites.push(defer);
        if let Some(slot) = self.exits.records {
            let (copies, size) = self.copies(defer);
            let head = self.address(Addr::slot(slot, Kind::Shared));
            let site = self.int(types::I32, number as i64);
            let size = self.int(types::I64, size as i64);
            let record = self.rt(Rt::DeferPush, &[head, site, size])[0];
            for (capture, offset) in copies {
                self.copy_from_local(capture.from, Addr::value(record, Kind::Shared).plus(offset));
            }
            return;
        }
        for capture in &defer.captures {
            let info = self.info(self.local_ty(capture.to));
            let home = self.home(capture.from);
            let from = home_place(home);
            if info.flat {
                let leaves = self.read(from, info);
                self.store_local(capture.to, &leaves);
            } else {
                let to = self.home(capture.to);
                self.copy(Addr::home(to), Addr::home(home), info);
            }
        }
        if !defer.outermost {
            let yes = self.int(types::I8, 1);
            self.b.def_var(self.exits.reached[number], yes);
        }
    }

    fn copy_from_local(&mut self, id: typed::LocalId, to: Addr) {
        let info = self.info(self.local_ty(id));
        let home = self.home(id);
        if info.flat {
            let leaves = self.read(home_place(home), info);
            self.store_leaves(to, info, &leaves);
        } else {
            self.copy(to, Addr::home(home), info);
        }
    }
}

fn home_place(home: Home) -> Place {
    match home {
        Home::Vars(first) => Place::Vars(first),
        home => Place::Mem(Addr::home(home)),
    }
}

/// The parameters of a function and the variables declared directly in its outermost block.
fn outer_locals(function: &typed::Function) -> Vec<typed::LocalId> {
    fn collect(pattern: &Pattern, out: &mut Vec<typed::LocalId>) {
        match pattern {
            Pattern::Local(id) => out.push(*id),
            Pattern::Wild => {}
            Pattern::Tuple(parts) => parts.iter().for_each(|part| collect(part, out)),
        }
    }
    let mut locals = function.params.clone();
    if let typed::FunctionBody::Code(body) = &function.body
        && let Some(block) = outer_block(body)
    {
        for stmt in &block.stmts {
            if let StmtKind::Let { pattern, .. } = &stmt.kind {
                collect(pattern, &mut locals);
            }
        }
    }
    locals
}

/// Where a function's body ends.
fn end_of(body: &Expr) -> Option<Span> {
    let block = outer_block(body)?;
    let last = match (&block.value, block.stmts.last().map(|stmt| &stmt.kind)) {
        (Some(value), _) => Some(&**value),
        (None, Some(StmtKind::Expr(last))) => Some(last),
        _ => None,
    };
    match last {
        Some(last) if matches!(last.kind, ExprKind::Return(_)) => Some(last.span),
        _ if body.span.hi > body.span.lo => Some(Span::new(body.span.hi - 1, body.span.hi)),
        _ => None,
    }
}

/// The outermost block of a function's body; one that does not end may stand for a value.
fn outer_block(body: &Expr) -> Option<&typed::Block> {
    match &body.kind {
        ExprKind::Block(block) => Some(block),
        ExprKind::Cast { value, kind: typed::CastKind::Never } => outer_block(value),
        _ => None,
    }
}
