//! What one function does with references, and what it calls: read from its typed body, before any code exists.

use super::decl::Defers;
use super::shadow;
use super::value::TypeTable;
use crate::typed::{
    self, Callee, Expr, ExprKind, FuncId, FunctionBody, LocalId, Piece, Program, StmtKind, walk,
};
use crate::types::{Ty, TyKind, Types};

/// How often an expression runs, compared with one that is run once and has [`ONCE`].
pub(super) type Weight = u64;

/// The weight of what runs once.
pub(super) const ONCE: Weight = 4;

/// How many bytes the big variables of a function may take that is put in place: its frame is then the caller's.
const MOST_BYTES: u64 = 512;

/// A call of a function of the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// Which.
    pub callee: FuncId,
    /// Whether it stands in a loop.
    pub in_loop: bool,
    /// Whether it is all that an `if` guards.
    pub guarded: bool,
}

/// A reference that is an argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// The local that it is to a part of; or that is a reference, and this one is it or to a part of what it refers to.
    pub local: LocalId,
    /// Who gets it.
    pub callee: FuncId,
    /// As which parameter.
    pub param: u32,
    /// How often.
    pub weight: Weight,
    /// The call.
    pub site: u32,
}

/// What is known of a local.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uses {
    /// Whether a reference to it, or itself when it is a reference, may be kept by somebody, compared, or changed.
    pub wild: bool,
    /// Whether there is a reference to it, or to what it refers to. What generic code borrowed, its instances may not.
    pub lent: bool,
    /// How often it, or what it refers to, is read or written.
    pub weight: Weight,
}

/// What is known of a function.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The number of parts of its body; `None` when calls of it stay calls, whatever its size.
    pub size: Option<u32>,
    /// Whether there is a loop in it.
    pub loops: bool,
    /// Its calls.
    pub sites: Vec<Site>,
    /// The references it hands on, by local.
    pub flows: Vec<Flow>,
    /// By local id.
    pub uses: Vec<Uses>,
}

/// Whether an `if` does nothing but to make a call for its effect: such code, to make room or to refuse, hardly ever runs.
pub(super) fn guarded_call<'p>(then: &'p Expr, els: Option<&Expr>) -> Option<&'p Expr> {
    let ExprKind::Block(block) = &then.kind else { return None };
    let only = match (&block.stmts[..], block.value.as_deref()) {
        ([], Some(value)) => value,
        ([stmt], None) => match &stmt.kind {
            StmtKind::Expr(expr) => expr,
            _ => return None,
        },
        _ => return None,
    };
    let is_call = matches!(&only.kind, ExprKind::Call { callee: Callee::Func { .. }, .. });
    (els.is_none() && is_call && only.ty == Ty::UNIT).then_some(only)
}

impl Scan {
    /// The references that lead to a local, or to what it refers to.
    pub(super) fn flows_of(&self, id: LocalId) -> impl Iterator<Item = &Flow> {
        let first = self.flows.partition_point(|flow| flow.local < id);
        self.flows[first..].iter().take_while(move |flow| flow.local == id)
    }
}

/// Reads a function with a body.
pub(super) fn scan(program: &Program, table: &TypeTable, function: &typed::Function, defers: Defers) -> Scan {
    let FunctionBody::Code(body) = &function.body else { return Scan::default() };
    let uses = vec![Uses::default(); function.locals.len()];
    let mut scanner = Scanner {
        program,
        table,
        function,
        size: 0,
        place: defers != Defers::Many && function.via.is_none() && function.ret != Ty::NEVER,
        weight: ONCE,
        loops: 0,
        guarded: false,
        out: Scan { uses, ..Scan::default() },
    };
    let mut bytes = 0;
    for local in &function.locals {
        let info = table.get(local.ty);
        scanner.size += 4 * u32::from(info.needs_drop);
        bytes += if info.flat { 0 } else { info.size };
    }
    scanner.visit(body, Use::Value);
    let Scanner { size, place, mut out, .. } = scanner;
    out.flows.sort_by_key(|flow| flow.local);
    out.size = (place && bytes <= MOST_BYTES).then_some(size);
    out
}

/// What is done with the value of an expression.
#[derive(Clone, Copy)]
enum Use {
    /// Anything.
    Value,
    /// It is only looked through: the expression is a pointer.
    Looked,
    /// It is a place of which a part or the address is taken.
    Place,
    /// It is this argument of this call.
    Arg(FuncId, u32, u32),
}

struct Scanner<'p> {
    program: &'p Program,
    table: &'p TypeTable,
    function: &'p typed::Function,
    size: u32,
    /// Whether calls of it may become its code.
    place: bool,
    weight: Weight,
    /// How many loops are around the expression.
    loops: u32,
    guarded: bool,
    out: Scan,
}

impl<'p> Scanner<'p> {
    fn is_reference(&self, id: LocalId) -> bool {
        let ty = self.function.locals[id.0 as usize].ty;
        matches!(self.program.types.kind(ty), TyKind::Ref { .. })
    }

    fn uses(&mut self, id: LocalId) -> &mut Uses {
        &mut self.out.uses[id.0 as usize]
    }

    fn visit(&mut self, expr: &'p Expr, how: Use) {
        self.size = self.size.saturating_add(1);
        match &expr.kind {
            ExprKind::Local(id) => self.local(*id, how),
            ExprKind::Deref(pointer) => self.visit(pointer, Use::Looked),
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => self.visit(base, Use::Place),
            ExprKind::Borrow(place) => {
                self.borrow(place, how);
                self.visit(place, Use::Place);
            }
            ExprKind::Call { callee: Callee::Func { func, args: types }, args } if types.is_empty() => {
                self.call(*func, args);
            }
            ExprKind::If { cond, then, els } => {
                self.visit(cond, Use::Value);
                let around = (self.weight, self.guarded);
                if guarded_call(then, els.as_deref()).is_some() {
                    self.guarded = true;
                    self.weight = (self.weight / 4).max(1);
                }
                self.visit(then, Use::Value);
                (self.weight, self.guarded) = around;
                els.iter().for_each(|els| self.visit(els, Use::Value));
            }
            ExprKind::While { .. } | ExprKind::Loop { .. } | ExprKind::ForRange { .. } => {
                self.out.loops = true;
                let around = (self.weight, self.guarded);
                // Beyond some depth it is often enough.
                (self.weight, self.guarded) = ((self.weight * 8).min(ONCE << 12), false);
                self.loops += 1;
                walk::children(expr, &mut |part| self.visit(part, Use::Value));
                self.loops -= 1;
                (self.weight, self.guarded) = around;
            }
            ExprKind::Defer(defer) => {
                defer.captures.iter().for_each(|capture| self.uses(capture.from).wild = true);
                let around = (self.weight, self.guarded, self.loops);
                (self.weight, self.guarded, self.loops) = (ONCE, false, 0);
                self.visit(&defer.body, Use::Value);
                (self.weight, self.guarded, self.loops) = around;
            }
            _ => {
                self.judge(expr);
                walk::children(expr, &mut |part| self.visit(part, Use::Value));
            }
        }
    }

    /// Notes what makes a function big beyond the number of its parts, or forbids to put it in place.
    fn judge(&mut self, expr: &'p Expr) {
        let text = |pieces: &[Piece]| 4 + 2 * pieces.len() as u32;
        self.size += match &expr.kind {
            ExprKind::Print { pieces, .. } | ExprKind::Panic { pieces } | ExprKind::Assert { pieces, .. } => {
                text(pieces)
            }
            ExprKind::AssertEq { pieces, .. } => 8 + text(pieces),
            ExprKind::Assign { drop_old: true, .. } => 4,
            ExprKind::Block(block) => {
                let inits = |stmt: &typed::Stmt| matches!(stmt.kind, StmtKind::InitGlobal { .. });
                self.place &= !block.stmts.iter().any(inits);
                0
            }
            _ => 4 * u32::from(self.table.get(expr.ty).needs_drop),
        };
    }

    fn local(&mut self, id: LocalId, how: Use) {
        let weight = self.weight;
        if !self.is_reference(id) {
            self.uses(id).weight += weight;
            return;
        }
        match how {
            Use::Looked => self.uses(id).weight += weight,
            Use::Arg(callee, param, site) => {
                self.out.flows.push(Flow { local: id, callee, param, weight, site });
            }
            Use::Value | Use::Place => self.uses(id).wild = true,
        }
    }

    fn borrow(&mut self, place: &'p Expr, how: Use) {
        let Some(local) = target(&self.program.types, place) else { return };
        self.uses(local).lent = true;
        match how {
            Use::Looked => {}
            Use::Arg(callee, param, site) => {
                let weight = self.weight;
                self.out.flows.push(Flow { local, callee, param, weight, site });
            }
            Use::Value | Use::Place => self.uses(local).wild = true,
        }
    }

    fn call(&mut self, func: FuncId, args: &'p [Expr]) {
        let callee = &self.program.functions[func.0 as usize];
        let known = matches!(callee.body, FunctionBody::Code(_)) && callee.via.is_none();
        if !known {
            return args.iter().for_each(|arg| self.visit(arg, Use::Value));
        }
        let site = self.out.sites.len() as u32;
        self.out.sites.push(Site { callee: func, in_loop: self.loops > 0, guarded: self.guarded });
        // Only the call itself is guarded.
        let guarded = std::mem::replace(&mut self.guarded, false);
        for (param, arg) in (0..).zip(args) {
            self.visit(arg, Use::Arg(func, param, site));
        }
        self.guarded = guarded;
    }
}

/// The local that a place is a part of, or that is the reference to where it is.
fn target(types: &Types, place: &Expr) -> Option<LocalId> {
    match &place.kind {
        ExprKind::Local(id) | ExprKind::Temp { local: id, .. } => Some(*id),
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => target(types, base),
        ExprKind::Index { base, .. } if matches!(types.kind(base.ty), TyKind::Array { .. }) => {
            target(types, base)
        }
        ExprKind::Deref(pointer) => match &pointer.kind {
            ExprKind::Local(id) => Some(*id),
            ExprKind::Borrow(inner) => target(types, inner),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a local may live in SSA variables though it is borrowed, when all references to it are harmless.
pub(super) fn may_be_kept(program: &Program, table: &TypeTable, local: &typed::Local) -> bool {
    local.borrowed && table.get(local.ty).flat && !shadow::is_allocator(&program.types, local.ty)
}
