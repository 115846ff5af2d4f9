//! Closures: functions inside functions. What a closure captures becomes a structure of its own type; its code is a
//! function that takes a reference to that structure first.
//!
//! A closure is checked together with the function around it, so that types flow both ways. A variable is captured by
//! reference, unless the closure says `move` or the variable cannot change and is copied: then nobody can tell.

use std::rc::Rc;

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::function::{Expect, FnCx, LoopCx};
use super::generics::Need;
use super::infer::VarKind;
use super::local::LocalInfo;
use super::{FuncInfo, Signature, State, StructInfo, codes, moves};
use crate::typed::{
    Callee, Expr, ExprKind, Function, FunctionBody, GlobalId, Local, LocalId, Stmt, StmtKind,
};
use crate::types::{Field, FuncId, StructDef, StructId, Ty, TyKind};

/// What belongs to one function or closure while it is checked.
#[derive(Default)]
pub(super) struct Frame {
    func: Option<FuncId>,
    ret: Option<Ty>,
    ret_span: Span,
    locals: Vec<Local>,
    info: Vec<LocalInfo>,
    depth: u32,
    straight: bool,
    loops: Vec<LoopCx>,
    next_loop: u32,
    temps: Vec<LocalId>,
    defer: Option<super::defer::DeferCx>,
    promoted: Vec<LocalId>,
    script_globals: Option<rustc_hash::FxHashSet<GlobalId>>,
    closure: Option<Capturing>,
}

/// The closure being checked.
pub(super) struct Capturing {
    def: StructId,
    moves: bool,
    captures: Vec<Captured>,
}

/// A variable that a closure captured.
struct Captured {
    frame: usize,
    id: LocalId,
    name: Symbol,
    /// What is stored: the value or a reference to the variable.
    stored: Expr,
    by_reference: bool,
    /// Where it is declared, if it cannot be changed.
    fixed: Option<Span>,
}

/// What is written of a closure besides its parameters and its code.
pub(super) struct Form {
    /// The place of its head.
    pub(super) head: Span,
    /// The place of its result's type.
    pub(super) ret_span: Span,
    /// Whether it takes what it captures by value.
    pub(super) moves: bool,
    /// Its own place.
    pub(super) span: Span,
}

/// A closure whose types are settled with those of the function around it.
pub(super) struct Pending {
    func: FuncId,
    def: StructId,
    locals: Vec<Local>,
    info: Vec<LocalInfo>,
    params: Vec<LocalId>,
    ret: Ty,
    body: Expr,
    span: Span,
}

impl<'a> FnCx<'_, 'a> {
    /// How many closures are around the current expression.
    pub(super) fn level(&self) -> usize {
        self.frames.len()
    }

    fn swap_frame(&mut self, frame: &mut Frame) {
        use std::mem::swap;
        swap(&mut self.func, &mut frame.func);
        let ret = frame.ret.replace(self.ret);
        self.ret = ret.unwrap_or(Ty::UNIT);
        swap(&mut self.ret_span, &mut frame.ret_span);
        swap(&mut self.locals, &mut frame.locals);
        swap(&mut self.info, &mut frame.info);
        swap(&mut self.depth, &mut frame.depth);
        swap(&mut self.straight, &mut frame.straight);
        swap(&mut self.loops, &mut frame.loops);
        swap(&mut self.next_loop, &mut frame.next_loop);
        swap(&mut self.temps, &mut frame.temps);
        swap(&mut self.defer, &mut frame.defer);
        swap(&mut self.promoted, &mut frame.promoted);
        swap(&mut self.script_globals, &mut frame.script_globals);
        swap(&mut self.closure, &mut frame.closure);
    }

    /// What the surroundings want a closure to take and give.
    pub(super) fn wanted_call(&mut self, expect: Expect) -> Option<(Vec<Ty>, Ty)> {
        let ty = self.shallow(expect.ty()?);
        if self.var_kind(ty).is_none() {
            return self.callable(ty);
        }
        self.obligations.iter().find_map(|obligation| match &obligation.need {
            Need::Call(params, ret) if self.shallow(obligation.ty) == ty => Some((params.clone(), *ret)),
            _ => None,
        })
    }

    /// `|a| e`
    pub(super) fn closure(&mut self, closure: &'a ast::Closure, expect: Expect, span: Span) -> Expr {
        let wanted = self.wanted_call(expect);
        let ret = match (&closure.ret, &wanted) {
            (Some(ret), _) => self.resolve_type(ret),
            (None, Some((_, ret))) => *ret,
            (None, None) => self.fresh(VarKind::General, closure.body.span),
        };
        let types = self.closure_params(closure, wanted.as_ref().map(|(params, _)| params.as_slice()));
        let params = types.clone();
        let form = Form {
            head: closure.head,
            ret_span: closure.ret.as_ref().map_or(closure.head, |ret| ret.span),
            moves: closure.moves,
            span,
        };
        self.make_closure(form, types, ret, |fx, own| fx.closure_body(closure, &params, own, ret))
    }

    /// A closure with these types, whose parameters and code `body` makes, given the type of its structure.
    pub(super) fn make_closure(
        &mut self,
        form: Form,
        types: Vec<Ty>,
        ret: Ty,
        body: impl FnOnce(&mut Self, Ty) -> (Vec<LocalId>, Expr),
    ) -> Expr {
        let Form { head, ret_span, moves, span } = form;
        let (func, def) = self.declare_closure(head, span);
        let args = self.generics.types();
        let ty = self.cx.types.intern(TyKind::Struct { def, args });
        self.closures.insert(func, (types, ret));
        let capturing = Capturing { def, moves, captures: Vec::new() };
        let mut frame = Frame {
            func: Some(func),
            ret: Some(ret),
            ret_span,
            straight: true,
            closure: Some(capturing),
            ..Frame::default()
        };
        self.swap_frame(&mut frame);
        self.frames.push(frame);
        let (params, body) = self.scoped(|fx| body(fx, ty));
        let mut frame = self.frames.pop().expect("pushed above");
        self.swap_frame(&mut frame);
        let captures = frame.closure.take().map_or(Vec::new(), |closure| closure.captures);
        let fields = captures.iter().map(|c| Field { name: c.name, ty: c.stored.ty, span });
        self.cx.types.structs[def.0 as usize].fields = fields.collect();
        let values = captures.into_iter().enumerate().map(|(index, c)| (index as u32, c.stored));
        let values = values.collect();
        let (locals, info) = (frame.locals, frame.info);
        self.pending.push(Pending { func, def, locals, info, params, ret, body, span: head });
        Expr { kind: ExprKind::Struct(values), ty, span }
    }

    fn declare_closure(&mut self, head: Span, span: Span) -> (FuncId, StructId) {
        let outer = self.func.map(|func| self.cx.funcs[func.0 as usize].name.clone()).unwrap_or_default();
        let name = format!("closure in {outer}");
        let func = FuncId(self.cx.funcs.len() as u32);
        let def = StructId(self.cx.structs.len() as u32);
        self.cx.funcs.push(FuncInfo {
            decl: None,
            ident: ast::Ident { name: Symbol::new("closure"), span },
            head,
            module: self.module,
            owner: None,
            name,
            signature: None,
            busy: false,
            is_extern: false,
            required: false,
            generics: self.generics.clone(),
            decl_generics: 0,
            callables: Vec::new(),
            bounds: Some(self.bounds.clone()),
            bound_decls: Vec::new(),
            own_bound: None,
            of_trait: None,
        });
        self.cx.bodies.push(None);
        let generics = self.generics.clone();
        let names = generics.params.iter().map(|(name, _)| name.name).collect();
        self.cx.structs.push(StructInfo {
            decl: None,
            enum_decl: None,
            module: self.module,
            state: State::Done,
            generics,
            bound_decls: Vec::new(),
            bounds: None,
        });
        self.cx.types.structs.push(StructDef {
            generics: names,
            closure: Some(func),
            ..StructDef::new(Symbol::new("closure"), span)
        });
        (func, def)
    }

    fn closure_params(&mut self, closure: &'a ast::Closure, wanted: Option<&[Ty]>) -> Vec<Ty> {
        if let Some(wanted) = wanted.filter(|wanted| wanted.len() != closure.params.len()) {
            let counted = |count| super::arguments::count_of(count);
            let title = format!(
                "a closure that takes {} is needed here, not one that takes {}",
                counted(wanted.len()),
                counted(closure.params.len())
            );
            self.error(Diagnostic::error(codes::ARGUMENTS, closure.head, title));
        }
        let params = closure.params.iter().enumerate();
        params
            .map(|(index, param)| match (&param.ty, wanted.and_then(|wanted| wanted.get(index))) {
                (Some(ty), _) if !matches!(ty.kind, ast::TypeKind::Infer) => self.resolve_type(ty),
                (_, Some(&ty)) => ty,
                _ => self.fresh(VarKind::General, param.pattern.span()),
            })
            .collect()
    }

    fn closure_body(
        &mut self,
        closure: &'a ast::Closure,
        types: &[Ty],
        ty: Ty,
        ret: Ty,
    ) -> (Vec<LocalId>, Expr) {
        let own = self.cx.types.reference(ty, true);
        let mut params = vec![self.hidden(closure.head, own)];
        let mut parts = Vec::new();
        for (param, &ty) in closure.params.iter().zip(types) {
            let local = match &param.pattern {
                ast::Pattern::Name(name) if name.name.as_str() != "_" => {
                    self.declare(name.name, name.span, ty, param.mutable)
                }
                ast::Pattern::Wild(_) | ast::Pattern::Name(_) => self.hidden(param.pattern.span(), ty),
                pattern => {
                    let whole = self.hidden(pattern.span(), ty);
                    let read = Expr { kind: ExprKind::Local(whole), ty, span: pattern.span() };
                    let init = Some(self.consume(read));
                    let pattern = self.declare_pattern(pattern, ty, param.mutable);
                    let span = closure.head;
                    parts.push(Stmt { kind: StmtKind::Let { pattern, init }, span });
                    whole
                }
            };
            self.info[local.0 as usize].parameter = true;
            params.push(local);
        }
        let result = self.shallow(ret);
        let body = self.with_temps(|fx| match result {
            Ty::UNIT => {
                let value = fx.expr(&closure.body, Expect::Effect);
                fx.discard(value)
            }
            _ => fx.value(&closure.body, Expect::Type(result)),
        });
        let body = match self.shallow(ret) {
            Ty::UNIT => body,
            _ if self.shallow(body.ty) == Ty::NEVER && self.var_kind(ret) == Some(VarKind::General) => {
                self.unify(ret, Ty::UNIT);
                body
            }
            ret => self.coerce(body, ret),
        };
        if parts.is_empty() {
            return (params, body);
        }
        let (ty, span) = (body.ty, body.span);
        let block = crate::typed::Block { stmts: parts, value: Some(Box::new(body)) };
        (params, Expr { kind: ExprKind::Block(block), ty, span })
    }

    /// A variable of a function or closure around this one, as a place.
    pub(super) fn outer_variable(&mut self, frame: usize, id: LocalId, span: Span) -> Expr {
        self.capture_at(self.level(), frame, id, span)
    }

    /// The variable as the closure at `level` sees it.
    fn capture_at(&mut self, level: usize, frame: usize, id: LocalId, span: Span) -> Expr {
        if level == frame {
            let (local, info) = self.variable(frame, id);
            info.used = true;
            let ty = local.ty;
            return Expr { kind: ExprKind::Local(id), ty, span };
        }
        let known = self.capturing(level).captures.iter().position(|c| c.frame == frame && c.id == id);
        let index = match known {
            Some(index) => index,
            None => {
                let outer = self.capture_at(level - 1, frame, id, span);
                let captured = self.captured_from(level, outer, frame, id);
                let captures = &mut self.capturing(level).captures;
                captures.push(captured);
                captures.len() - 1
            }
        };
        let def = self.capturing(level).def;
        let args = self.generics.types();
        let whole = self.cx.types.intern(TyKind::Struct { def, args });
        let own = self.cx.types.reference(whole, true);
        let captured = &self.capturing(level).captures[index];
        let (stored, by_reference) = (captured.stored.ty, captured.by_reference);
        let env = Expr { kind: ExprKind::Local(LocalId(0)), ty: own, span };
        let base = Box::new(Expr { kind: ExprKind::Deref(Box::new(env)), ty: whole, span });
        let field = Expr { kind: ExprKind::Field { base, index: index as u32 }, ty: stored, span };
        match *self.cx.types.kind(stored) {
            TyKind::Ref { pointee, .. } if by_reference => {
                Expr { kind: ExprKind::Deref(Box::new(field)), ty: pointee, span }
            }
            _ => field,
        }
    }

    fn capturing(&mut self, level: usize) -> &mut Capturing {
        let current = self.frames.len();
        let found = if level == current { &mut self.closure } else { &mut self.frames[level].closure };
        found.as_mut().expect("every level above the first is a closure's")
    }

    fn variable(&mut self, frame: usize, id: LocalId) -> (&mut Local, &mut LocalInfo) {
        let index = id.0 as usize;
        match self.frames.get_mut(frame) {
            Some(frame) => (&mut frame.locals[index], &mut frame.info[index]),
            None => (&mut self.locals[index], &mut self.info[index]),
        }
    }

    /// How a closure stores a variable, which the function around it sees as `place`.
    fn captured_from(&mut self, level: usize, place: Expr, frame: usize, id: LocalId) -> Captured {
        let moves = self.capturing(level).moves;
        let ty = self.known(place.ty);
        let copied = !self.cx.types.needs_drop(ty) && !self.cx.types.has_infer(ty);
        let (local, info) = self.variable(frame, id);
        let (name, declared, mutable) = (local.name, local.span, info.mutable || info.late);
        let fixed = (!mutable).then_some(declared);
        let span = place.span;
        if moves || (copied && !mutable) {
            let stored = match copied {
                true => place,
                false => Expr { kind: ExprKind::Move(Box::new(place)), ty, span },
            };
            return Captured { frame, id, name, stored, by_reference: false, fixed };
        }
        if level == frame + 1 {
            let (local, info) = self.variable(frame, id);
            local.borrowed = true;
            info.changed |= mutable;
        }
        let reference = self.cx.types.reference(ty, mutable);
        let stored = match place.kind {
            ExprKind::Deref(pointer) if self.shallow(pointer.ty) == reference => *pointer,
            kind => {
                let place = Expr { kind, ty, span };
                Expr { kind: ExprKind::Borrow(Box::new(place)), ty: reference, span }
            }
        };
        Captured { frame, id, name, stored, by_reference: true, fixed }
    }

    /// If a place is a captured variable that cannot be changed: its name, and where it is declared.
    pub(super) fn fixed_capture(&self, base: &Expr, index: u32) -> Option<(Symbol, Span)> {
        let ExprKind::Deref(pointer) = &base.kind else { return None };
        if !matches!(pointer.kind, ExprKind::Local(LocalId(0))) {
            return None;
        }
        let captured = self.closure.as_ref()?.captures.get(index as usize)?;
        captured.fixed.map(|declared| (captured.name, declared))
    }

    /// A call of a closure, or of a value of a type parameter that can be called.
    pub(super) fn call_closure(&mut self, function: Expr, args: &'a [ast::Expr], span: Span) -> Option<Expr> {
        let ty = self.shallow(function.ty);
        let (params, ret) = self.callable(ty)?;
        let signature = Signature { params, names: Vec::new(), defaults: Vec::new(), has_self: false, ret };
        let place = match function.kind {
            ExprKind::Move(place) => *place,
            _ => function,
        };
        if let TyKind::Struct { def, args: own } = self.cx.types.kind(ty).clone() {
            let func = self.cx.types.structs[def.0 as usize].closure?;
            let place = if self.is_place(&place) { place } else { self.temporary(place) };
            let receiver = self.borrow_place(place, true);
            let params = [receiver.ty].into_iter().chain(signature.params).collect();
            let signature = Signature { params, ..signature };
            let callee = Callee::Func { func, args: own };
            return Some(self.call_function(callee, &signature, Some(receiver), args, span));
        }
        Some(self.call_function(Callee::Pointer(Box::new(place)), &signature, None, args, span))
    }

    /// A closure that captures nothing is a function, too: one without the structure.
    pub(super) fn closure_as_function(&mut self, closure: &Expr) -> Option<Expr> {
        let ty = self.shallow(closure.ty);
        let TyKind::Struct { def, args } = self.cx.types.kind(ty).clone() else { return None };
        let func = self.cx.types.structs[def.0 as usize].closure?;
        let (params, ret) = self.callable(ty)?;
        let ty = self.cx.types.intern(TyKind::Fn { params, ret });
        Some(Expr { kind: ExprKind::Func { func, args }, ty, span: closure.span })
    }

    /// Settles the types of the closures in a function and checks ownership in them.
    pub(super) fn finish_closures(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            self.finish_closure(pending);
        }
    }

    fn finish_closure(&mut self, pending: Pending) {
        let Pending { func, def, mut locals, info, params, ret, mut body, span } = pending;
        for index in 0..self.cx.types.structs[def.0 as usize].fields.len() {
            let mut ty = self.cx.types.structs[def.0 as usize].fields[index].ty;
            self.settle_type(&mut ty, span);
            self.cx.types.structs[def.0 as usize].fields[index].ty = ty;
        }
        std::mem::swap(&mut self.locals, &mut locals);
        self.settle_locals();
        self.settle(&mut body);
        std::mem::swap(&mut self.locals, &mut locals);
        let mut ret = ret;
        self.settle_type(&mut ret, span);
        let param_types: Vec<Ty> = params.iter().map(|param| locals[param.0 as usize].ty).collect();
        let names = vec![Symbol::new(""); params.len() - 1];
        let defaults = vec![None; params.len() - 1];
        self.cx.funcs[func.0 as usize].signature =
            Some(Rc::new(Signature { params: param_types, names, defaults, has_self: true, ret }));
        let mut function = Function {
            name: self.cx.funcs[func.0 as usize].name.clone(),
            span,
            generics: self.generics.params.len() as u32,
            callables: 0,
            owner: None,
            params,
            locals,
            ret,
            body: FunctionBody::Code(body),
            library: self.cx.loaded.module(self.module).library,
            via: None,
        };
        moves::check(self.cx, false, &mut function, &info);
        if self.cx.errors == self.errors_before {
            super::local::warn_unused(self.cx, self.module, &function.locals, &info);
        }
        self.cx.bodies[func.0 as usize] = Some(function);
    }
}
