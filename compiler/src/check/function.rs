//! Checking one function: its context, its entry points, and the final pass that settles every type.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::closure::{Capturing, Frame, Pending};
use super::generics::{Bound, Generics};
use super::infer::Infer;
use super::local::{Binding, LocalInfo};
use super::solve::Obligation;
use super::structs::MAX_SIZE;
use super::{Checker, Signature, codes, local, moves};
use crate::loader::ModuleId;
use crate::typed::{
    Callee, CastKind, Expr, ExprKind, Function, FunctionBody, GlobalId, Local, LocalId, LoopId,
};
use crate::types::{FuncId, Ty, TyKind};

/// What the surroundings of an expression want of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expect {
    /// Nothing in particular.
    Any,
    /// A value of this type; a hint, coercion is the caller's.
    Type(Ty),
    /// Its effect; the value is not used.
    Effect,
}

impl Expect {
    /// The wanted type, if any.
    pub(super) fn ty(self) -> Option<Ty> {
        match self {
            Expect::Type(ty) => Some(ty),
            _ => None,
        }
    }
}

/// A loop being checked.
pub(super) struct LoopCx {
    pub(super) id: LoopId,
    /// The type of its `break` values; `None` for loops that have no value.
    pub(super) value: Option<Ty>,
    pub(super) broken: bool,
}

/// A literal whose range is checked once its type is known.
pub(super) struct Literal {
    pub(super) value: u64,
    pub(super) negative: bool,
    pub(super) ty: Ty,
    pub(super) span: Span,
}

/// The state while one function is checked.
pub(super) struct FnCx<'c, 'a> {
    pub(super) cx: &'c mut Checker<'a>,
    pub(super) module: ModuleId,
    pub(super) spelling: Spelling,
    pub(super) func: Option<FuncId>,
    pub(super) ret: Ty,
    /// Where the result type is written.
    pub(super) ret_span: Span,
    pub(super) infer: Infer,
    pub(super) locals: Vec<Local>,
    pub(super) info: Vec<LocalInfo>,
    pub(super) names: FxHashMap<Symbol, Binding>,
    /// In a constant expression: the variables around it, which it cannot read.
    pub(super) variables: rustc_hash::FxHashSet<Symbol>,
    /// Bindings to restore when scopes end.
    pub(super) undo: Vec<(Symbol, Option<Binding>)>,
    /// How many blocks deep; 0 for parameters, 1 for the outermost block.
    pub(super) depth: u32,
    /// Whether every block around this one is a plain block of the outermost one.
    pub(super) straight: bool,
    pub(super) unsafe_depth: u32,
    /// The expression around the current one that `unsafe { }` could be put around.
    pub(super) site: Span,
    /// The last one for which that was suggested.
    pub(super) unsafe_reported: Span,
    pub(super) loops: Vec<LoopCx>,
    pub(super) next_loop: u32,
    /// Temporaries of the statement being checked.
    pub(super) temps: Vec<LocalId>,
    /// The copies made by the `defer` being checked.
    pub(super) defer: Option<super::defer::DeferCx>,
    pub(super) literals: Vec<Literal>,
    /// The `match`es whose arms are looked through at the end.
    pub(super) matches: Vec<super::matching::PendingMatch>,
    /// How many errors there were before this function.
    pub(super) errors_before: usize,
    /// In an input of a session: temporaries that must outlive it, because a variable may refer to them.
    pub(super) promoted: Vec<LocalId>,
    /// Its type parameters and what they are bound to.
    pub(super) generics: Rc<Generics>,
    pub(super) bounds: Rc<[Bound]>,
    /// What types that are still inferred have to be able to do.
    pub(super) obligations: Vec<Obligation>,
    /// The closures seen so far: what they take and give.
    pub(super) closures: FxHashMap<FuncId, (Vec<Ty>, Ty)>,
    /// Whether arguments are converted for a function that is not of a `.vais` file: it says itself what it changes.
    pub(super) callee_changes: bool,
    /// The functions around the closure being checked, outermost first.
    pub(super) frames: Vec<Frame>,
    /// Of a closure: what it captured so far.
    pub(super) closure: Option<Capturing>,
    /// The closures that are checked and not settled.
    pub(super) pending: Vec<Pending>,
    /// The types of literals whose declarations ask something of their arguments.
    pub(super) made: Vec<(Ty, Span)>,
    /// In a script's function: which globals are set so far.
    pub(super) script_globals: Option<rustc_hash::FxHashSet<GlobalId>>,
}

impl<'a> Checker<'a> {
    /// Checks a body.
    pub(super) fn check_body(&mut self, id: FuncId) {
        let signature = self.signature(id);
        let function = if self.funcs[id.0 as usize].is_extern {
            self.extern_function(id, &signature)
        } else if self.script.as_ref().is_some_and(|script| script.func == id) {
            self.script_function(id)
        } else {
            self.plain_function(id, &signature)
        };
        self.bodies[id.0 as usize] = Some(function);
    }

    /// Checks a function that is declared in a block.
    pub(super) fn check_nested(&mut self, id: FuncId) {
        let signature = self.signature(id);
        self.bodies[id.0 as usize] = Some(self.plain_function(id, &signature));
    }

    fn plain_function(&mut self, id: FuncId, signature: &Signature) -> Function {
        let info = &self.funcs[id.0 as usize];
        let module = info.module;
        let decl = info.decl.expect("only bodies of this input are checked");
        let mut fx = FnCx::new(self, module, Some(id), signature.ret);
        fx.ret_span = decl.ret.as_ref().map_or(decl.name.span, |ret| ret.span);
        let mut params = Vec::new();
        let mut types = signature.params.iter().copied();
        if let Some(param) = &decl.self_param {
            let ty = types.next().unwrap_or(Ty::ERROR);
            let local = fx.declare(Symbol::new("self"), param.span, ty, false);
            fx.info[local.0 as usize].used = true;
            params.push(local);
        }
        for (param, ty) in decl.params.iter().zip(types) {
            if param.name.name.as_str() == "_" {
                // It takes an argument and has no name.
                let local = fx.hidden(param.name.span, ty);
                fx.info[local.0 as usize].parameter = true;
                params.push(local);
                continue;
            }
            if decl
                .params
                .iter()
                .take_while(|p| p.name.span != param.name.span)
                .any(|p| p.name.name == param.name.name)
            {
                let title = format!("the parameter `{}` is declared twice", param.name.name);
                fx.cx.error(Diagnostic::error(codes::DUPLICATE, param.name.span, title));
            }
            let local = fx.declare(param.name.name, param.name.span, ty, param.mutable);
            fx.info[local.0 as usize].parameter = true;
            params.push(local);
        }
        let body = match &decl.body {
            Some(block) => fx.body(block, decl.name.span),
            None if fx.cx.funcs[id.0 as usize].of_trait.is_some() => {
                fx.cx.funcs[id.0 as usize].required = true;
                let mut function = {
                    let nothing = fx.poison(decl.head);
                    fx.finish(nothing, params, decl.head)
                };
                function.body = FunctionBody::Required;
                return function;
            }
            None => Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span: decl.head },
        };
        fx.finish(body, params, decl.head)
    }

    fn script_function(&mut self, id: FuncId) -> Function {
        let script = self.script.as_ref().expect("only called for the script");
        let (module, stmts) = (script.module, script.stmts.clone());
        let mut fx = FnCx::new(self, module, Some(id), Ty::UNIT);
        fx.script_globals = Some(Default::default());
        fx.unsafe_depth = u32::from(fx.cx.session.as_ref().is_some_and(|base| base.unsafe_on));
        let body = fx.script_body(&stmts);
        let span = body.span;
        fx.finish(body, Vec::new(), span)
    }

    fn extern_function(&mut self, id: FuncId, signature: &Signature) -> Function {
        let info = &self.funcs[id.0 as usize];
        let (module, name) = (info.module, info.name.clone());
        let decl = info.decl.expect("only declarations of this input are checked");
        self.check_extern(decl, signature);
        let local =
            |&ty: &Ty| Local { name: Symbol::new(""), ty, span: decl.head, borrowed: false, flagged: false };
        Function {
            name: name.clone(),
            span: decl.head,
            generics: 0,
            callables: 0,
            owner: None,
            params: (0..signature.params.len() as u32).map(LocalId).collect(),
            locals: signature.params.iter().map(local).collect(),
            ret: signature.ret,
            body: FunctionBody::Extern(name),
            library: self.loaded.module(module).library,
            via: None,
        }
    }
}

impl<'c, 'a> FnCx<'c, 'a> {
    /// The context of a function, or of a constant expression (`func` is `None`).
    pub(super) fn new(
        cx: &'c mut Checker<'a>,
        module: ModuleId,
        func: Option<FuncId>,
        ret: Ty,
    ) -> FnCx<'c, 'a> {
        let spelling = cx.spelling(module);
        let (generics, bounds) = match func {
            Some(func) => (cx.funcs[func.0 as usize].generics.clone(), cx.bounds(func)),
            None => (cx.generics.clone(), Rc::default()),
        };
        FnCx {
            generics,
            bounds,
            obligations: Vec::new(),
            callee_changes: false,
            frames: Vec::new(),
            closure: None,
            pending: Vec::new(),
            made: Vec::new(),
            closures: FxHashMap::default(),
            errors_before: cx.errors,
            cx,
            module,
            spelling,
            func,
            ret,
            ret_span: Span::NONE,
            infer: Infer::default(),
            locals: Vec::new(),
            info: Vec::new(),
            names: FxHashMap::default(),
            variables: Default::default(),
            undo: Vec::new(),
            depth: 0,
            straight: true,
            unsafe_depth: 0,
            site: Span::NONE,
            unsafe_reported: Span::NONE,
            loops: Vec::new(),
            next_loop: 0,
            temps: Vec::new(),
            defer: None,
            literals: Vec::new(),
            matches: Vec::new(),
            promoted: Vec::new(),
            script_globals: None,
        }
    }

    pub(super) fn error(&mut self, diagnostic: Diagnostic) {
        self.cx.error(diagnostic);
    }

    /// The type a written type stands for; lengths in it may name the constants of the blocks around.
    pub(super) fn resolve_type(&mut self, ty: &ast::TypeExpr) -> Ty {
        std::mem::swap(&mut self.cx.block_names, &mut self.names);
        let (module, generics) = (self.module, self.generics.clone());
        let resolved = self.cx.with_params(&generics, |cx| cx.resolve_type(module, ty));
        std::mem::swap(&mut self.cx.block_names, &mut self.names);
        resolved
    }

    /// An expression that stands for one with an error.
    pub(super) fn poison(&self, span: Span) -> Expr {
        Expr { kind: ExprKind::Unit, ty: Ty::ERROR, span }
    }

    fn body(&mut self, block: &'a ast::Block, name: Span) -> Expr {
        let ret = self.ret;
        let expect = if ret == Ty::UNIT { Expect::Effect } else { Expect::Type(ret) };
        let body = self.block(block, expect);
        if ret == Ty::UNIT {
            return body;
        }
        let is_unit = self.shallow(body.ty) == Ty::UNIT;
        if is_unit && ret != Ty::ERROR {
            let title = "this function may end without a value";
            let close = Span::new(block.span.hi.saturating_sub(1), block.span.hi);
            let shown = self.show(ret);
            let mut d =
                Diagnostic::error(codes::MISSING_RETURN, name, title).at(format!("promises `{shown}`"));
            d = d.label(close, "the end is reached here");
            if block.ends_with_semicolon
                && let Some(ast::Stmt { kind: ast::StmtKind::Expr(last), .. }) = block.stmts.last()
            {
                d = d.label(last.span, "the `;` after this drops its value");
            }
            self.error(d.help("end it with the value, or with `return` and the value"));
            return body;
        }
        self.coerce(body, ret)
    }

    /// Settles all types and checks ownership.
    pub(super) fn finish(mut self, mut body: Expr, params: Vec<LocalId>, span: Span) -> Function {
        self.solve(false);
        self.solve(true);
        self.finish_closures();
        self.settle_locals();
        self.settle(&mut body);
        for (ty, span) in std::mem::take(&mut self.made) {
            let ty = self.known(ty);
            let bounds = self.bounds.clone();
            self.cx.note_written(ty, span, Some(bounds));
        }
        self.check_literals();
        self.check_matches();
        let is_script = self.script_globals.is_some();
        self.promote(&mut body);
        let mut function = Function {
            name: self.func.map_or(String::new(), |id| self.cx.funcs[id.0 as usize].name.clone()),
            span,
            generics: self.generics.params.len() as u32,
            callables: self.func.map_or(0, |id| self.cx.funcs[id.0 as usize].callables.len() as u32),
            owner: self.func.and_then(|id| self.cx.funcs[id.0 as usize].owner),
            params,
            locals: self.locals,
            ret: self.ret,
            body: FunctionBody::Code(body),
            library: self.cx.loaded.module(self.module).library,
            via: None,
        };
        moves::check(self.cx, is_script, &mut function, &self.info);
        // What a wrong function uses and changes is not known well enough to warn.
        if self.cx.errors == self.errors_before {
            local::warn_unused(self.cx, self.module, &function.locals, &self.info);
        }
        function
    }

    /// Settles an expression outside any function body (a constant's value).
    pub(super) fn finish_expr(mut self, mut expr: Expr) -> Expr {
        self.settle_locals();
        self.settle(&mut expr);
        self.check_literals();
        expr
    }

    pub(super) fn settle_locals(&mut self) {
        for index in 0..self.locals.len() {
            let local = &self.locals[index];
            let (ty, span, name) = (local.ty, local.span, local.name);
            self.locals[index].ty = match self.resolved(ty) {
                Ok(ty) => ty,
                Err(unknown) => {
                    self.give_up(unknown);
                    let hidden = name.as_str().is_empty();
                    let title = match hidden {
                        true => "the type of this cannot be inferred".to_string(),
                        false => format!("the type of `{name}` cannot be inferred"),
                    };
                    let help = match hidden {
                        true => {
                            "write the type arguments, or bind the value to a name with its type".to_string()
                        }
                        false => format!("write its type: `{name}: T`"),
                    };
                    self.error(Diagnostic::error(codes::CANNOT_INFER, span, title).help(help));
                    Ty::ERROR
                }
            };
        }
    }

    pub(super) fn settle_type(&mut self, ty: &mut Ty, span: Span) {
        *ty = match self.resolved(*ty) {
            Ok(ty) => ty,
            Err(unknown) => {
                let place = self.give_up(unknown);
                let place = if place.is_none() { span } else { place };
                let title = "the type of this cannot be inferred";
                let d = Diagnostic::error(codes::CANNOT_INFER, place, title);
                self.error(d.help("write the type where the value is bound"));
                Ty::ERROR
            }
        };
    }

    fn settle_args(&mut self, args: &mut [Ty], span: Span) {
        for arg in args {
            self.settle_type(arg, span);
        }
    }

    /// Replaces type variables below `expr` and finishes what waited for types.
    pub(super) fn settle(&mut self, expr: &mut Expr) {
        crate::typed::walk::children_mut(expr, &mut |child| self.settle(child));
        self.settle_type(&mut expr.ty, expr.span);
        if let TyKind::Array { .. } | TyKind::Tuple(_) = self.cx.types.kind(expr.ty)
            && self.cx.types.layout(expr.ty).size > MAX_SIZE
        {
            self.cx.too_large(expr.ty, expr.span);
            expr.ty = Ty::ERROR;
        }
        match &mut expr.kind {
            ExprKind::Func { args, .. } => self.settle_args(args, expr.span),
            ExprKind::Call { callee: Callee::Func { args, .. }, .. } => self.settle_args(args, expr.span),
            ExprKind::Move(place) if !self.cx.types.needs_drop(place.ty) => {
                let place = std::mem::replace(&mut place.kind, ExprKind::Unit);
                expr.kind = place;
            }
            ExprKind::Assign { place, drop_old, .. } => *drop_old &= self.cx.types.needs_drop(place.ty),
            ExprKind::Take(place) if !self.cx.types.needs_drop(place.ty) => {
                let place = std::mem::replace(&mut place.kind, ExprKind::Unit);
                expr.kind = place;
            }
            ExprKind::Match { .. } => self.settle_match(expr),
            ExprKind::Move(_) => self.settle_move(expr),
            ExprKind::Block(block) => self.join_moves(block),
            ExprKind::Cast { value, kind } if *kind != CastKind::Never => {
                *kind = self.cast_kind(value, expr.ty, expr.span);
            }
            _ => {}
        }
        if let ExprKind::Call { .. }
        | ExprKind::Struct(_)
        | ExprKind::Variant { .. }
        | ExprKind::Tuple(_)
        | ExprKind::Array(_) = expr.kind
        {
            self.join_operands(expr);
        }
        self.settle_numbers(expr);
    }

    /// An integer literal that turned out to be a float's value.
    fn settle_numbers(&mut self, expr: &mut Expr) {
        if let ExprKind::Int(bits) = expr.kind {
            match self.cx.types.kind(expr.ty) {
                TyKind::Int(int) if int.bits() < 64 => {
                    expr.kind = ExprKind::Int(bits & (u64::MAX >> (64 - int.bits())))
                }
                _ => {}
            }
        }
    }

    fn check_literals(&mut self) {
        for literal in std::mem::take(&mut self.literals) {
            let Ok(ty) = self.resolved(literal.ty) else { continue };
            let Some(int) = self.cx.types.as_int(ty) else { continue };
            if int.holds(literal.value, literal.negative) {
                continue;
            }
            let sign = if literal.negative { "-" } else { "" };
            let title = format!("the number {sign}{} does not fit in `{}`", literal.value, int.name());
            let mut d = Diagnostic::error(codes::LITERAL_RANGE, literal.span, title).note(range_note(int));
            if ty == Ty::I64 && !literal.negative {
                d = d.help("give it the suffix `u64`, if an unsigned number is meant");
            } else {
                d = d.help(format!("use a wider type, or cut it to size with `as {}`", int.name()));
            }
            self.error(d);
        }
    }
}

fn range_note(int: crate::types::IntTy) -> String {
    if int.signed() {
        let max = (1u128 << (int.bits() - 1)) - 1;
        format!("`{}` holds -{} to {max}", int.name(), max + 1)
    } else {
        format!("`{}` holds 0 to {}", int.name(), u64::MAX >> (64 - int.bits()))
    }
}
