//! Ownership over a finished body: nothing is used after it was moved away or before it has a value. The analysis
//! follows the control flow; a loop's body is walked once more before, to know what its rounds leave for the next.

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::{Diagnostic, Span};

use super::local::LocalInfo;
use super::{Checker, codes};
use crate::loader::ModuleId;
use crate::typed::walk;
use crate::typed::{
    Arm, Expr, ExprKind, Function, FunctionBody, GlobalId, GlobalPattern, LocalId, LoopId, Pattern, Stmt,
    StmtKind,
};

/// A variable that can be moved out of or wait for its first value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Var {
    Local(LocalId),
    Global(GlobalId),
}

/// Why a variable may hold no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gone {
    Moved(Span),
    Unset,
}

/// The variables that may hold no value at a point; `None` where no path leads.
type State = Option<FxHashMap<Var, Gone>>;

fn join(a: State, b: State) -> State {
    match (a, b) {
        (None, other) | (other, None) => other,
        (Some(mut a), Some(b)) => {
            for (var, gone) in b {
                a.entry(var).or_insert(gone);
            }
            Some(a)
        }
    }
}

/// Checks a function and marks the locals whose drop needs a flag. Only a script may move out of globals.
pub(super) fn check(cx: &mut Checker, is_script: bool, function: &mut Function, info: &[LocalInfo]) {
    // Only a move or a late first value can leave a variable without one.
    let gone = cx.session.as_ref().filter(|_| is_script).map(|base| base.gone.clone()).unwrap_or_default();
    if !info.iter().any(|local| local.late) && gone.is_empty() && !contains_move(function) {
        return;
    }
    let FunctionBody::Code(body) = &function.body else { return };
    let mut flow = Flow {
        cx,
        function,
        info,
        is_script,
        state: Some(gone.into_iter().map(|(id, at)| (Var::Global(id), Gone::Moved(at))).collect()),
        leftovers: FxHashMap::default(),
        quiet: false,
        loops: FxHashMap::default(),
        defers: Vec::new(),
        bound: Vec::new(),
        reported: FxHashSet::default(),
        moved: FxHashSet::default(),
    };
    flow.expr(body);
    flow.leave();
    let moved = flow.moved;
    for var in moved {
        if let Var::Local(id) = var {
            function.locals[id.0 as usize].flagged = true;
        }
    }
}

fn contains_move(function: &Function) -> bool {
    fn any(expr: &Expr) -> bool {
        let mut found = matches!(expr.kind, ExprKind::Move(_));
        walk::children(expr, &mut |child| found = found || any(child));
        found
    }
    matches!(&function.body, FunctionBody::Code(body) if any(body))
}

#[derive(Default)]
struct LoopFlow {
    /// Joined states of the `break`s.
    exit: State,
    /// Joined states of the `continue`s.
    again: State,
}

struct Flow<'c, 'a> {
    cx: &'c mut Checker<'a>,
    function: &'c Function,
    info: &'c [LocalInfo],
    is_script: bool,
    state: State,
    loops: FxHashMap<LoopId, LoopFlow>,
    /// What one round of a loop may leave without a value, for the loops seen so far.
    leftovers: FxHashMap<LoopId, FxHashMap<Var, Gone>>,
    /// Whether reports wait for another walk over the same expression.
    quiet: bool,
    /// Deferred bodies reached so far.
    defers: Vec<&'c Expr>,
    /// What the guards around bind: it moves only when they hold.
    bound: Vec<LocalId>,
    reported: FxHashSet<Span>,
    moved: FxHashSet<Var>,
}

impl<'c> Flow<'c, '_> {
    fn report(&mut self, span: Span, d: Diagnostic) {
        if !self.quiet && self.reported.insert(span) {
            self.cx.error(d);
        }
    }

    fn name(&self, var: Var) -> String {
        match var {
            Var::Local(id) => self.function.locals[id.0 as usize].name.to_string(),
            Var::Global(id) => self.cx.globals[id.0 as usize].name.to_string(),
        }
    }

    fn declared(&self, var: Var) -> Span {
        match var {
            Var::Local(id) => self.function.locals[id.0 as usize].span,
            Var::Global(id) => self.cx.globals[id.0 as usize].span,
        }
    }

    /// A use of a variable's value.
    fn read(&mut self, var: Var, span: Span) {
        let Some(state) = &self.state else { return };
        let Some(&gone) = state.get(&var) else { return };
        let name = self.name(var);
        let declared = self.declared(var);
        let d = match gone {
            Gone::Moved(at) if at == span => {
                let title = format!("`{name}` is moved again in the loop's next round");
                let d = Diagnostic::error(codes::MOVED, span, title).at("moved here, in each round");
                d.label(declared, "it is bound outside the loop")
            }
            Gone::Moved(at) => {
                Diagnostic::error(codes::MOVED, span, format!("`{name}` is used after it was moved"))
                    .at("used here")
                    .label(at, "moved here")
                    .note("a value whose type declares `$Drop` has one owner; passing it on gives it away")
            }
            Gone::Unset => {
                let title = format!("`{name}` may be used before it has a value");
                let d =
                    Diagnostic::error(codes::UNSET, span, title).label(declared, "declared without one here");
                d.help("give it a value on every path that leads here")
            }
        };
        let d = match gone {
            Gone::Moved(at) if self.cx.sources.text(at).starts_with(&format!("{name}.")) => {
                d.help("take it apart with a pattern where several of its parts are wanted")
            }
            Gone::Moved(_) => d.help("lend it with `&` where it is only looked at, or make a second value"),
            Gone::Unset => d,
        };
        self.report(span, d);
        // Later uses have the same cause.
        self.set(var);
    }

    fn set(&mut self, var: Var) {
        if let Some(state) = &mut self.state {
            state.remove(&var);
        }
    }

    fn gone(&mut self, var: Var, gone: Gone) {
        if let Some(state) = &mut self.state {
            state.insert(var, gone);
        }
    }

    fn var(expr: &'c Expr) -> Option<Var> {
        match &expr.kind {
            ExprKind::Local(id) => Some(Var::Local(*id)),
            ExprKind::Global(id) => Some(Var::Global(*id)),
            _ => None,
        }
    }

    fn move_out(&mut self, place: &'c Expr, span: Span) {
        let Some(var) = Self::var(place) else {
            if matches!(place.kind, ExprKind::Temp { .. }) {
                return self.expr(place);
            }
            self.expr(place);
            if let ExprKind::Field { base, .. } = &place.kind
                && self.cx.types.struct_of(base.ty).is_some_and(|def| def.declares_drop)
            {
                let (part, owner) = (self.cx.a(place.ty), self.cx.a(base.ty));
                let title = format!("{part} cannot be moved out of {owner}");
                let d =
                    Diagnostic::error(codes::MOVE_OUT, span, title).note("its `drop` needs the whole of it");
                return self.report(span, d.help("lend it with `&`"));
            }
            let what = match &place.kind {
                ExprKind::Field { .. } | ExprKind::Payload { .. } => "a field",
                ExprKind::Index { .. } => "an element",
                _ => "what a pointer refers to",
            };
            let title = format!("{} cannot be moved out of {what}", self.cx.a(place.ty));
            let d = Diagnostic::error(codes::MOVE_OUT, span, title)
                .note("its owner would drop it a second time")
                .help("lend it with `&`");
            return self.report(span, d);
        };
        self.read(var, span);
        if matches!(var, Var::Local(id) if self.bound.contains(&id)) {
            let title =
                format!("`{}` cannot be moved by the guard that decides about its arm", self.name(var));
            let d = Diagnostic::error(codes::MOVE_OUT, span, title);
            return self.report(span, d.help("lend it with `&`, or move it in the arm"));
        }
        if matches!(var, Var::Global(_)) && !self.is_script {
            let title = format!("`{}` is global and cannot be moved out of a function", self.name(var));
            let d = Diagnostic::error(codes::MOVE_OUT, span, title);
            return self.report(span, d.help("lend it with `&`"));
        }
        self.moved.insert(var);
        self.gone(var, Gone::Moved(span));
    }

    fn expr(&mut self, expr: &'c Expr) {
        let (span, never) = (expr.span, expr.ty == crate::types::Ty::NEVER);
        match &expr.kind {
            ExprKind::Local(id) => self.read(Var::Local(*id), span),
            ExprKind::Global(id) => self.read(Var::Global(*id), span),
            ExprKind::Move(place) => self.move_out(place, span),
            ExprKind::Temp { local, init } => {
                self.expr(init);
                self.set(Var::Local(*local));
            }
            ExprKind::Assign { place, value, .. } => {
                self.expr(value);
                match Self::var(place) {
                    Some(var) => self.assign(var, span),
                    None => self.expr(place),
                }
            }
            ExprKind::If { .. }
            | ExprKind::Logic { .. }
            | ExprKind::While { .. }
            | ExprKind::Loop { .. }
            | ExprKind::Match { .. }
            | ExprKind::ForRange { .. } => self.branch(expr),
            ExprKind::Break { .. } | ExprKind::Continue(_) | ExprKind::Return(_) => self.jump(expr),
            ExprKind::Defer(defer) => {
                for capture in &defer.captures {
                    self.read(Var::Local(capture.from), defer.body.span);
                }
                self.defers.push(&defer.body);
            }
            ExprKind::Block(block) => {
                for stmt in &block.stmts {
                    self.stmt(stmt);
                }
                if let Some(value) = &block.value {
                    self.expr(value);
                }
            }
            _ => walk::children(expr, &mut |child| self.expr(child)),
        }
        if never {
            self.state = None;
        }
    }

    /// Control flow that splits and joins.
    fn branch(&mut self, expr: &'c Expr) {
        match &expr.kind {
            ExprKind::If { cond, then, els } => {
                self.expr(cond);
                let before = self.state.clone();
                self.expr(then);
                let after = std::mem::replace(&mut self.state, before);
                if let Some(els) = els {
                    self.expr(els);
                }
                self.state = join(after, self.state.take());
            }
            ExprKind::Logic { left, right, .. } => {
                self.expr(left);
                let before = self.state.clone();
                self.expr(right);
                self.state = join(before, self.state.take());
            }
            ExprKind::Match { value, arms } => self.arms(value, arms),
            ExprKind::While { id, cond, body } => {
                let id = *id;
                self.repeat(id, true, &mut |flow| {
                    flow.expr(cond);
                    let after = flow.state.clone();
                    flow.expr(body);
                    after
                });
            }
            ExprKind::Loop { id, body } => {
                let id = *id;
                self.repeat(id, false, &mut |flow| {
                    flow.expr(body);
                    None
                });
            }
            ExprKind::ForRange { id, lo, hi, body, .. } => {
                let id = *id;
                self.expr(lo);
                self.expr(hi);
                self.repeat(id, true, &mut |flow| {
                    let after = flow.state.clone();
                    flow.expr(body);
                    after
                });
            }
            _ => {}
        }
    }

    /// The arms of a `match`: each starts with what the guards before it left.
    fn arms(&mut self, value: &'c Expr, arms: &'c [Arm]) {
        self.expr(value);
        let mut after: State = None;
        for (index, arm) in arms.iter().enumerate() {
            for (local, value) in &arm.bindings {
                self.expr(value);
                self.set(Var::Local(*local));
            }
            if let Some(guard) = &arm.guard {
                let outer = self.bound.len();
                self.bound.extend(arm.bindings.iter().map(|(local, _)| *local));
                self.expr(guard);
                self.bound.truncate(outer);
            }
            let next = if index + 1 < arms.len() { self.state.clone() } else { None };
            self.expr(&arm.body);
            after = join(after, std::mem::replace(&mut self.state, next));
        }
        self.state = after;
    }

    /// Control flow that leaves.
    fn jump(&mut self, expr: &'c Expr) {
        match &expr.kind {
            ExprKind::Break { target, value } => {
                if let Some(value) = value {
                    self.expr(value);
                }
                let state = self.state.take();
                let entry = self.loops.entry(*target).or_default();
                entry.exit = join(entry.exit.take(), state);
            }
            ExprKind::Continue(target) => {
                let state = self.state.take();
                let entry = self.loops.entry(*target).or_default();
                entry.again = join(entry.again.take(), state);
            }
            ExprKind::Return(value) => {
                if let Some(value) = value {
                    self.expr(value);
                }
                self.leave();
                self.state = None;
            }
            _ => {}
        }
    }

    /// A loop whose rounds are walked by `round`, which gives the state in which the loop may end by itself.
    fn repeat(&mut self, id: LoopId, ends: bool, round: &mut dyn FnMut(&mut Self) -> State) {
        let entry = self.state.take();
        if !self.leftovers.contains_key(&id) {
            let left = self.leftover(id, round);
            self.leftovers.insert(id, left);
        }
        let left = &self.leftovers[&id];
        self.state = entry.map(|mut head| {
            left.iter().for_each(|(var, gone)| {
                head.entry(*var).or_insert(*gone);
            });
            head
        });
        self.loops.insert(id, LoopFlow::default());
        let end = round(self);
        let left = self.loops.remove(&id).unwrap_or_default();
        let end = if ends { end } else { None };
        self.state = join(end, left.exit);
    }

    /// What a round of a loop that starts with everything in its place may leave without a value for the next one.
    /// It does not depend on what was gone before the loop, so it is found once, also for loops in loops.
    fn leftover(&mut self, id: LoopId, round: &mut dyn FnMut(&mut Self) -> State) -> FxHashMap<Var, Gone> {
        let quiet = std::mem::replace(&mut self.quiet, true);
        let defers = self.defers.len();
        self.state = Some(FxHashMap::default());
        self.loops.insert(id, LoopFlow::default());
        round(self);
        let again = self.loops.remove(&id).and_then(|flow| flow.again);
        self.defers.truncate(defers);
        self.quiet = quiet;
        join(self.state.take(), again).unwrap_or_default()
    }

    /// Assigning to a variable gives it a value, whatever it held before.
    fn assign(&mut self, var: Var, span: Span) {
        let waiting = self.state.as_ref().is_some_and(|state| state.get(&var) == Some(&Gone::Unset));
        if let Var::Local(id) = var
            && self.info[id.0 as usize].late
            && !self.info[id.0 as usize].mutable
            && !waiting
            && self.state.is_some()
        {
            if self.cx.spelling(self.module()) == vex_syntax::Spelling::Vais {
                let declared = self.declared(var);
                self.cx.uses.changed.push(declared);
                return self.set(var);
            }
            let name = self.name(var);
            let d = Diagnostic::error(codes::IMMUTABLE, span, format!("`{name}` already has its value"));
            let d = d.label(self.declared(var), "declared here without the mutable mark");
            let d = d.note("a variable that is declared without a value gets it once");
            self.report(span, d);
        }
        self.set(var);
    }

    fn module(&self) -> ModuleId {
        let file = self.cx.sources.find(self.function.span.lo);
        let position = self.cx.loaded.modules.iter().position(|module| Some(module.file) == file);
        ModuleId(position.unwrap_or(0) as u32)
    }

    fn stmt(&mut self, stmt: &'c Stmt) {
        match &stmt.kind {
            StmtKind::Let { pattern, init } => {
                if let Some(init) = init {
                    self.expr(init);
                }
                let unset = init.is_none();
                self.bind(pattern, unset);
            }
            StmtKind::InitGlobal { pattern, init } => {
                self.expr(init);
                self.bind_global(pattern);
            }
            StmtKind::Expr(expr) => self.expr(expr),
        }
    }

    fn bind(&mut self, pattern: &Pattern, unset: bool) {
        match pattern {
            Pattern::Local(id) if unset && self.info[id.0 as usize].late => {
                self.gone(Var::Local(*id), Gone::Unset)
            }
            Pattern::Local(id) => self.set(Var::Local(*id)),
            Pattern::Wild => {}
            Pattern::Tuple(parts) => parts.iter().for_each(|part| self.bind(part, unset)),
        }
    }

    fn bind_global(&mut self, pattern: &GlobalPattern) {
        match pattern {
            GlobalPattern::Global(id) => self.set(Var::Global(*id)),
            GlobalPattern::Wild => {}
            GlobalPattern::Tuple(parts) => parts.iter().for_each(|part| self.bind_global(part)),
        }
    }

    /// The function returns here: what it deferred runs, last first, and sees what was moved meanwhile.
    fn leave(&mut self) {
        if self.state.is_none() || self.defers.is_empty() {
            return;
        }
        let defers = std::mem::take(&mut self.defers);
        for body in defers.iter().rev() {
            self.expr(body);
        }
        self.defers = defers;
    }
}
