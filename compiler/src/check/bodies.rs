//! Which bodies are checked: all of the program's own, and of the library's those that may be reached. A program that
//! uses a little of a large module does not wait for the rest of it.

use rustc_hash::FxHashSet;

use super::Checker;
use crate::typed::{Callee, Expr, ExprKind, Function, FunctionBody, walk};
use crate::types::{FuncId, StructId, Ty, TyKind, each_part};

/// What was reached so far.
#[derive(Default)]
struct Reached {
    funcs: FxHashSet<FuncId>,
    types: FxHashSet<Ty>,
    /// Functions that are reached and not looked at.
    waiting: Vec<FuncId>,
}

impl Reached {
    fn need(&mut self, func: FuncId) {
        if self.funcs.insert(func) {
            self.waiting.push(func);
        }
    }
}

impl Checker<'_> {
    /// Checks the bodies of this input's functions. With `all` those of the library, too, that nothing reaches.
    pub(super) fn check_bodies(&mut self, all: bool) {
        // The script first: its bindings are globals whose types the functions need.
        let script = self.script.as_ref().map(|script| script.func);
        let own = (self.counts().funcs..self.funcs.len()).map(|index| FuncId(index as u32));
        let own: Vec<FuncId> =
            own.filter(|&id| Some(id) != script && (all || !self.is_of_library(id))).collect();
        let mut reached = Reached::default();
        for id in script.into_iter().chain(own) {
            reached.funcs.insert(id);
            self.check_reached(id, &mut reached);
        }
        while let Some(id) = reached.waiting.pop() {
            self.check_reached(id, &mut reached);
        }
        for index in self.counts().funcs..self.funcs.len() {
            if self.bodies[index].is_none() {
                self.bodies[index] = Some(self.unreached(FuncId(index as u32)));
            }
        }
        self.check_written();
        if self.errors == 0 {
            super::borrows::check(self);
        }
    }

    /// Whether a function is of a library module of this input.
    pub(super) fn is_of_library(&self, id: FuncId) -> bool {
        self.loaded.module(self.funcs[id.0 as usize].module).library
    }

    /// Whether a function is declared in a `.vais` file, where references may be written through unless they say more.
    pub(super) fn is_of_vais(&self, id: FuncId) -> bool {
        self.spelling(self.funcs[id.0 as usize].module) == vex_syntax::Spelling::Vais
    }

    fn check_reached(&mut self, id: FuncId, reached: &mut Reached) {
        let first = self.funcs.len();
        if (id.0 as usize) < self.counts().funcs {
            return;
        }
        if self.bodies[id.0 as usize].is_none() {
            self.check_body(id);
        }
        // Closures and functions in blocks were checked with it.
        for index in [id.0 as usize].into_iter().chain(first..self.funcs.len()) {
            let Some(function) = self.bodies[index].take() else { continue };
            self.look_through(&function, reached);
            self.bodies[index] = Some(function);
        }
    }

    fn look_through(&self, function: &Function, reached: &mut Reached) {
        function.locals.iter().for_each(|local| self.see_type(local.ty, reached));
        if let FunctionBody::Code(body) = &function.body {
            self.see(body, reached);
        }
    }

    fn see(&self, expr: &Expr, reached: &mut Reached) {
        self.see_type(expr.ty, reached);
        match &expr.kind {
            ExprKind::Call { callee: Callee::Func { func, args }, .. } | ExprKind::Func { func, args } => {
                args.iter().for_each(|&ty| self.see_type(ty, reached));
                self.see_function(*func, reached);
            }
            _ => {}
        }
        walk::children(expr, &mut |part| self.see(part, reached));
    }

    fn see_function(&self, func: FuncId, reached: &mut Reached) {
        if reached.funcs.contains(&func) {
            return;
        }
        reached.need(func);
        let info = &self.funcs[func.0 as usize];
        if let Some(of) = info.of_trait {
            // Which type's it is, is not known before there are instances.
            let name = info.ident.name;
            let of_types = self.impls.iter().filter(|known| known.of == of);
            let functions: Vec<FuncId> =
                of_types.filter_map(|known| known.functions.get(&name).copied()).collect();
            functions.into_iter().for_each(|func| reached.need(func));
        }
    }

    /// The functions that values of a type need to be dropped and printed.
    fn see_type(&self, ty: Ty, reached: &mut Reached) {
        if !reached.types.insert(ty) {
            return;
        }
        each_part(self.types.kind(ty), &mut |part| self.see_type(part, reached));
        let TyKind::Struct { def, .. } = *self.types.kind(ty) else { return };
        let structure = &self.types.structs[def.0 as usize];
        structure.drop_fn.into_iter().for_each(|func| reached.need(func));
        if let Some(code) = structure.closure {
            reached.need(code);
        }
        self.see_shown(def, reached);
        let fields = structure.fields.iter();
        let payloads = structure.variants.iter().flatten().flat_map(|variant| &variant.fields);
        fields.chain(payloads).for_each(|field| self.see_type(field.ty, reached));
    }

    fn see_shown(&self, def: StructId, reached: &mut Reached) {
        let Some(display) = self.core_trait("Display") else { return };
        if let Some(known) = self.impl_of(display, super::generics::Head::Declared(def)) {
            known.functions.values().for_each(|&func| reached.need(func));
            let own = &self.traits[display.0 as usize].functions;
            own.iter().for_each(|(_, func)| reached.need(*func));
        }
    }

    /// What stands for a function that nothing reaches.
    fn unreached(&self, id: FuncId) -> Function {
        let info = &self.funcs[id.0 as usize];
        Function {
            name: info.name.clone(),
            span: info.head,
            generics: info.generics.params.len() as u32,
            callables: info.callables.len() as u32,
            owner: info.owner,
            params: Vec::new(),
            locals: Vec::new(),
            ret: Ty::UNIT,
            body: FunctionBody::Required,
            library: true,
            via: None,
        }
    }
}
