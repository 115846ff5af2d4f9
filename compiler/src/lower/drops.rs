//! Dropping: at the end of scopes, of temporaries, of old values, of globals; and the functions that drop a value
//! part by part.

use cranelift_codegen::ir::{Block, InstBuilder, types};
use cranelift_frontend::Variable;

use super::addr::Addr;
use super::control::{Held, Scope};
use super::data;
use super::decl::{Body, NO_INDEX};
use super::func::{Home, Lower};
use super::place::Place;
use crate::typed::walk;
use crate::typed::{Expr, ExprKind, GlobalId, GlobalPattern, LocalId};
use crate::types::{Ty, TyKind};

/// The scope of the parts that are evaluated, if they need one.
pub(super) struct Parts(Option<usize>);

impl Parts {
    /// Whether one of them may leave the expression, so that the others are held.
    pub(super) fn are_held(&self) -> bool {
        self.0.is_some()
    }
}

/// Whether evaluating an expression may end with a jump out of it.
fn may_leave(expr: &Expr) -> bool {
    let mut found = matches!(expr.kind, ExprKind::Return(_) | ExprKind::Break { .. } | ExprKind::Continue(_));
    walk::children(expr, &mut |part| found = found || may_leave(part));
    found
}

impl<'a> Lower<'a> {
    /// A local comes into scope; `set` says whether it has a value by now.
    pub(super) fn enter_local(&mut self, id: LocalId, set: bool) {
        let local = self.local(id);
        if !self.info(local.ty).needs_drop {
            return;
        }
        if local.flagged || self.flags[id.0 as usize].is_some() {
            self.make_flag(id, set);
        }
        self.scopes.last_mut().expect("a local is declared in a scope").drops.push(Held::Local(id));
    }

    /// Drops what the scopes from `depth` on hold, innermost first. They stay open for other paths.
    pub(super) fn drop_scopes(&mut self, depth: usize) {
        if self.b.is_unreachable() {
            return;
        }
        for scope in (depth..self.scopes.len()).rev() {
            for index in (0..self.scopes[scope].drops.len()).rev() {
                match self.scopes[scope].drops[index].clone() {
                    Held::Local(id) => self.drop_local(id),
                    Held::Memory(ty, memory) => self.drop_at(ty, memory),
                    Held::Leaves(ty, leaves) => {
                        let memory = self.place_memory(Place::Leaves(leaves), ty);
                        self.drop_at(ty, memory);
                    }
                }
            }
        }
    }

    /// Before the parts of a value or call are evaluated, in this order: if one may leave the expression when there
    /// is something to drop already, opens a scope for what [`Lower::hold`] is told of.
    pub(super) fn begin_parts(&mut self, parts: impl IntoIterator<Item = &'a Expr>) -> Parts {
        let mut parts = parts.into_iter().skip_while(|part| !self.info(part.ty).needs_drop);
        if parts.next().is_none() || !parts.any(may_leave) {
            return Parts(None);
        }
        self.scopes.push(Scope::default());
        Parts(Some(self.scopes.len() - 1))
    }

    /// A part was evaluated: it is to be dropped if a later one leaves the expression.
    pub(super) fn hold(&mut self, parts: &Parts, ty: Ty, held: impl FnOnce() -> Held) {
        if let Some(scope) = parts.0
            && self.info(ty).needs_drop
        {
            self.scopes[scope].drops.push(held());
        }
    }

    /// All parts were evaluated, and belong to what they are parts of.
    pub(super) fn end_parts(&mut self, parts: Parts) {
        if let Some(scope) = parts.0 {
            self.scopes.truncate(scope);
        }
    }

    /// Drops the value of a local, if it holds one.
    fn drop_local(&mut self, id: LocalId) {
        let ty = self.local_ty(id);
        self.drop_if(self.flags[id.0 as usize], |lower| {
            let place = match lower.home(id) {
                Home::Vars(first) => Place::Vars(first),
                home => Place::Mem(Addr::home(home)),
            };
            let memory = lower.place_memory(place, ty);
            lower.drop_at(ty, memory);
        });
    }

    fn drop_if(&mut self, flag: Option<Variable>, drop: impl FnOnce(&mut Self)) {
        let Some(flag) = flag else { return drop(self) };
        let flag = self.b.use_var(flag);
        let (held, after) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(flag, held, &[], after, &[]);
        self.enter(held);
        drop(self);
        self.jump(after, &[]);
        self.enter(after);
    }

    /// Drops the value that a place holds, if it holds one.
    pub(super) fn drop_place(&mut self, place: &Place, expr: &'a Expr) {
        let ty = expr.ty;
        let memory = self.place_memory(place.clone(), ty);
        match &expr.kind {
            ExprKind::Local(id) => {
                self.drop_if(self.flags[id.0 as usize], |lower| lower.drop_at(ty, memory));
            }
            ExprKind::Global(id) => self.drop_global(*id),
            _ => self.drop_at(ty, memory),
        }
    }

    /// Drops the value at an address.
    pub(super) fn drop_at(&mut self, ty: Ty, memory: Addr) {
        if !self.info(ty).needs_drop {
            return;
        }
        let body = match data::drop_target(self.program, &self.decls.types, ty) {
            Some(func) => Body::Function { func, args: Vec::new() },
            None => Body::Drop(ty),
        };
        let address = self.address(memory);
        self.call_instance(&body, &[address]);
    }

    fn call_instance(&mut self, body: &Body, args: &[cranelift_codegen::ir::Value]) {
        let func = self.reference(body);
        self.calls = true;
        self.checks.forget();
        self.b.ins().call(func, args);
    }

    /// Drops the value of a global, if it holds one.
    pub(super) fn drop_global(&mut self, id: GlobalId) {
        let ty = self.program.globals[id.0 as usize].ty;
        let Some(flag) = self.global_flag(id) else { return };
        let flag = self.load(types::I8, flag);
        let (held, after) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(flag, held, &[], after, &[]);
        self.enter(held);
        self.drop_at(ty, self.global(id));
        self.jump(after, &[]);
        self.enter(after);
    }

    /// First assignment of a script's globals by the script itself; a function may have been faster.
    pub(super) fn init_global(&mut self, pattern: &'a GlobalPattern, init: &'a Expr) {
        match pattern {
            GlobalPattern::Global(id) if self.info(init.ty).needs_drop => {
                let temp = self.in_memory(init);
                self.take_in_global(*id, init.ty, temp);
            }
            GlobalPattern::Global(id) => {
                let memory = self.global(*id);
                self.into(init, memory);
                self.mark_global(*id);
            }
            GlobalPattern::Wild => self.effect(init),
            GlobalPattern::Tuple(parts) => {
                let memory = self.in_memory(init);
                self.init_global_parts(parts, init.ty, memory);
            }
        }
    }

    fn init_global_parts(&mut self, parts: &'a [GlobalPattern], ty: Ty, memory: Addr) {
        let fields = &self.info(ty).fields;
        for (part, field) in parts.iter().zip(fields) {
            let from = memory.plus(field.offset as i64);
            match part {
                GlobalPattern::Global(id) => self.take_in_global(*id, field.ty, from),
                GlobalPattern::Wild => self.drop_at(field.ty, from),
                GlobalPattern::Tuple(parts) => self.init_global_parts(parts, field.ty, from),
            }
        }
    }

    /// Moves a value into a global, which drops what a function may have put there before.
    fn take_in_global(&mut self, id: GlobalId, ty: Ty, from: Addr) {
        if self.info(ty).needs_drop {
            self.drop_global(id);
        }
        let to = self.global(id);
        self.copy(to, from, self.info(ty));
        self.mark_global(id);
    }

    fn mark_global(&mut self, id: GlobalId) {
        if let Some(flag) = self.global_flag(id) {
            let set = self.int(types::I8, 1);
            self.store(set, flag);
        }
    }

    /// The memory of a global.
    pub(super) fn global(&self, id: GlobalId) -> Addr {
        let data = self.decls.globals[id.0 as usize];
        if data.outside { Addr::symbol(data.value) } else { Addr::data(data.value) }
    }

    /// The byte that says whether a global holds a value, if there is one.
    pub(super) fn global_flag(&self, id: GlobalId) -> Option<Addr> {
        let data = self.decls.globals[id.0 as usize];
        match data.flag {
            NO_INDEX => None,
            flag if data.outside => Some(Addr::symbol(flag)),
            flag => Some(Addr::data(flag)),
        }
    }

    /// A function that drops the value its parameter points at: its own `drop` first, then its parts in order.
    pub(super) fn drop_glue(&mut self, entry: Block, ty: Ty) {
        let memory = Addr::value(self.b.block_params(entry)[0], self.glue_kind());
        match *self.types.kind(ty) {
            TyKind::Array { elem, len } => {
                let stride = self.info(elem).size;
                self.each_index(0, len, |lower, index| {
                    let offset = lower.scaled(index, stride);
                    let element = lower.offset_by(memory, offset);
                    lower.drop_at(elem, element);
                });
            }
            _ if !self.info(ty).variants.is_empty() => {
                let payloads = &self.info(ty).variants;
                let table = &self.decls.types;
                let drops =
                    |variant: usize| payloads[variant].iter().any(|field| table.get(field.ty).needs_drop);
                self.each_variant(ty, memory, drops, |lower, variant| {
                    for field in &payloads[variant] {
                        lower.drop_at(field.ty, memory.plus(field.offset as i64));
                    }
                });
            }
            _ => {
                if let Some(func) = self.types.drop_fn(ty) {
                    let address = self.address(memory);
                    self.call_instance(&Body::Function { func, args: Vec::new() }, &[address]);
                }
                for field in &self.info(ty).fields {
                    self.drop_at(field.ty, memory.plus(field.offset as i64));
                }
            }
        }
        self.b.ins().return_(&[]);
    }
}
