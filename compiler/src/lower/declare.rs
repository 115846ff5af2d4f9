//! Finding what is reachable from the entry, so that unused library functions cost nothing.

mod printed;

use std::sync::Arc;

use super::abi;
use super::checked::quiet_functions;
use super::data;
use super::decl::{
    Body, DataDecl, DataTarget, Declarations, Defers, GlobalData, InstanceDecl, LowerOptions, NO_INDEX,
    Summary, SymbolDecl,
};
use super::facts;
use super::plan;
use super::rt;
use super::text;
use super::value::TypeTable;
use crate::typed::walk;
use crate::typed::{
    Callee, Const, Expr, ExprKind, FormatSpec, FuncId, Function, FunctionBody, GlobalId, GlobalPattern,
    Lifetime, Program, Stmt, StmtKind,
};
use crate::types::{Ty, TyKind};
use vex_syntax::Span;

/// Finds everything reachable from the program's entry and gives it indices.
pub fn declare(program: &Program, options: LowerOptions) -> Declarations {
    let no_global = GlobalData { value: NO_INDEX, flag: NO_INDEX, outside: false };
    let mut declare = Declare {
        program,
        summary: Summary::default(),
        addresses: false,
        loops: 0,
        out: Declarations {
            types: TypeTable::new(&program.types, options.pointer),
            options,
            instances: Vec::new(),
            symbols: Vec::new(),
            data: Vec::new(),
            entry: 0,
            escapes: false,
            specs: Vec::new(),
            quiet: Default::default(),
            summaries: Vec::new(),
            index: Default::default(),
            functions: vec![NO_INDEX; program.functions.len()],
            symbol_index: Default::default(),
            strings: Default::default(),
            globals: vec![no_global; program.globals.len()],
            spec_data: Default::default(),
        },
    };
    for (name, data) in rt::symbols() {
        declare.symbol(name, data);
    }
    declare.out.entry = declare.function_instance(program.entry, &[]);
    if program.lifetime != Lifetime::Program {
        declare.all();
    }
    let mut next = 0;
    while next < declare.out.instances.len() {
        declare.walk_instance(next);
        next += 1;
    }
    if declare.may_run_elsewhere() {
        declare.out.options.heap = None;
    }
    if declare.out.options.inline {
        plan::plan(program, &mut declare.out);
    }
    if declare.out.options.checked {
        declare.out.quiet = quiet_functions(program, &declare.out);
    }
    declare.out
}

struct Declare<'p> {
    program: &'p Program,
    out: Declarations,
    /// Of the function being walked.
    summary: Summary,
    /// Whether the address of a function is taken.
    addresses: bool,
    /// How many loops and deferred actions are around the expression being walked.
    loops: u32,
}

impl<'p> Declare<'p> {
    fn function(&self, func: FuncId) -> &'p Function {
        &self.program.functions[func.0 as usize]
    }

    /// Whether a thread that the program did not start on may run its code: a C function that is not the runtime's could
    /// get the address of a function and start one.
    fn may_run_elsewhere(&self) -> bool {
        let known = rt::symbols().count();
        let foreign = |symbol: &SymbolDecl| !symbol.data && vex_runtime::abi::find(&symbol.name).is_none();
        self.addresses && self.out.symbols[known..].iter().any(foreign)
    }

    /// What a session keeps is made whether this input uses it or not.
    fn all(&mut self) {
        for (index, function) in self.program.functions.iter().enumerate() {
            if function.via.is_some() && matches!(function.body, FunctionBody::Code(_)) {
                self.function_instance(FuncId(index as u32), &[]);
            }
        }
        for (index, global) in self.program.globals.iter().enumerate() {
            if global.at.is_none() {
                self.global(GlobalId(index as u32));
            }
        }
    }

    fn walk_instance(&mut self, index: usize) {
        self.summary = Summary::default();
        self.loops = 0;
        match self.out.instances[index].body.clone() {
            Body::Function { func, .. } => {
                let function = self.function(func);
                for local in &function.locals {
                    self.drop_of(local.ty);
                }
                if let FunctionBody::Code(body) = &function.body {
                    self.walk(body);
                }
                if let (Lifetime::End(globals), true) = (&self.program.lifetime, func == self.program.entry) {
                    globals.iter().for_each(|&id| self.global(id));
                    self.summary.init_globals.clone_from(globals);
                }
            }
            Body::Thunk(func) => {
                if let FunctionBody::Extern(symbol) = &self.function(func).body {
                    self.symbol(symbol, false);
                }
            }
            Body::Drop(ty) => {
                self.walk_drop(ty);
            }
            Body::Print { ty, spec } => {
                self.walk_print(ty, spec);
            }
        }
        self.out.summaries.push(std::mem::take(&mut self.summary));
    }

    fn walk(&mut self, expr: &'p Expr) {
        self.note(expr);
        use ExprKind::*;
        let is_loop = matches!(expr.kind, While { .. } | Loop { .. } | ForRange { .. } | Defer(_));
        self.loops += u32::from(is_loop);
        walk::children(expr, &mut |child| self.walk(child));
        self.loops -= u32::from(is_loop);
    }

    /// Registers what this expression, apart from its parts, needs.
    fn note(&mut self, expr: &'p Expr) {
        match &expr.kind {
            ExprKind::Str(text) => {
                self.string(text);
            }
            ExprKind::Func { func, args } => {
                self.function_address(*func, args);
            }
            ExprKind::Global(global) => self.global(*global),
            ExprKind::Call { callee, args } => {
                self.note_block(callee, args);
                self.note_call(callee);
            }
            ExprKind::Print { pieces, .. } => self.pieces("", pieces),
            ExprKind::Panic { pieces } => self.pieces("", pieces),
            ExprKind::Assert { pieces, .. } => self.pieces(text::assert_prefix(pieces), pieces),
            ExprKind::AssertEq { left, right, pieces } => {
                for text in text::ASSERT_EQ {
                    self.string_of(text);
                }
                self.value(left.ty, &ASSERT_SPEC, false);
                self.value(right.ty, &ASSERT_SPEC, false);
                self.pieces(text::assert_eq_suffix(pieces), pieces);
            }
            ExprKind::Assign { place, drop_old, .. } => {
                self.summary.assigned.extend(facts::root(place));
                if *drop_old {
                    self.drop_of(place.ty);
                }
            }
            ExprKind::Update { place, .. } => self.summary.assigned.extend(facts::root(place)),
            ExprKind::Block(block) => block.stmts.iter().for_each(|stmt| self.stmt(stmt)),
            ExprKind::Return(_) => self.summary.returns = true,
            ExprKind::Defer(_) => {
                self.summary.defer_count += 1;
                if self.loops > 0 {
                    self.summary.defers = Defers::Many;
                } else if self.summary.defers == Defers::None {
                    self.summary.defers = Defers::Once;
                }
            }
            _ => {}
        }
    }

    /// What the function frees is probably what it allocates, also where it frees first: in the next round of a loop.
    fn note_block(&mut self, callee: &Callee, args: &[Expr]) {
        if let (Callee::Runtime(symbol), [size]) = (callee, args)
            && &**symbol == "vex_malloc"
            && let ExprKind::Int(size) = size.kind
        {
            self.summary.block_class =
                self.summary.block_class.or(vex_runtime::heap::inline::class_of(size as usize));
        }
    }

    fn note_call(&mut self, callee: &Callee) {
        match callee {
            Callee::Func { func, args } => match &self.function(*func).body {
                FunctionBody::Extern(symbol) => {
                    self.symbol(symbol, false);
                }
                _ => self.reference(*func, args),
            },
            Callee::Runtime(symbol) => {
                self.symbol(symbol, false);
            }
            Callee::Pointer(_) => {}
        }
    }

    /// Registers what a call of a function of the program calls.
    fn reference(&mut self, func: FuncId, args: &[Ty]) {
        match &self.function(func).via {
            Some(symbol) => self.symbol(symbol, false),
            None => self.function_instance(func, args),
        };
    }

    fn stmt(&mut self, stmt: &'p Stmt) {
        match &stmt.kind {
            StmtKind::Let { init, .. } => init.iter().for_each(|init| self.drop_of(init.ty)),
            StmtKind::Expr(expr) => self.drop_of(expr.ty),
            StmtKind::InitGlobal { pattern, init } => {
                self.drop_of(init.ty);
                self.init_globals(pattern);
            }
        }
    }

    fn init_globals(&mut self, pattern: &GlobalPattern) {
        match pattern {
            GlobalPattern::Global(id) => {
                self.global(*id);
                let ty = self.program.globals[id.0 as usize].ty;
                let ends = self.program.lifetime == Lifetime::Program;
                if ends && self.out.types.get(ty).needs_drop {
                    self.summary.init_globals.push(*id);
                }
            }
            GlobalPattern::Wild => {}
            GlobalPattern::Tuple(parts) => parts.iter().for_each(|part| self.init_globals(part)),
        }
    }

    /// Registers what dropping a value of type `ty` calls.
    fn drop_of(&mut self, ty: Ty) {
        if !self.out.types.get(ty).needs_drop {
            return;
        }
        match data::drop_target(self.program, &self.out.types, ty) {
            Some(func) => self.reference(func, &[]),
            None => {
                self.synthesized(Body::Drop(ty));
            }
        }
    }

    fn walk_drop(&mut self, ty: Ty) {
        let types = &self.program.types;
        match types.kind(ty) {
            TyKind::Array { elem, .. } => self.drop_of(*elem),
            _ => {
                if let Some(func) = types.drop_fn(ty) {
                    self.reference(func, &[]);
                }
                self.out.types.get(ty).part_types().into_iter().for_each(|part| self.drop_of(part));
            }
        }
    }

    fn function_address(&mut self, func: FuncId, args: &[Ty]) -> DataTarget {
        let function = self.function(func);
        self.addresses = true;
        if let Some(symbol) = &function.via {
            return DataTarget::Symbol(self.symbol(symbol, false));
        }
        self.out.escapes = true;
        DataTarget::Instance(match &function.body {
            FunctionBody::Extern(_) => {
                let sig = self.signature(function);
                self.add(Body::Thunk(func), function.name.clone(), sig, Span::NONE, true)
            }
            _ => self.function_instance(func, args),
        })
    }

    fn function_instance(&mut self, func: FuncId, args: &[Ty]) -> u32 {
        let known = self.out.functions[func.0 as usize];
        if args.is_empty() && known != NO_INDEX {
            return known;
        }
        let function = self.function(func);
        let sig = self.signature(function);
        let body = Body::Function { func, args: args.to_vec() };
        let index = self.add(body, function.name.clone(), sig, function.span, function.library);
        if args.is_empty() {
            self.out.functions[func.0 as usize] = index;
        }
        index
    }

    fn signature(&self, function: &Function) -> cranelift_codegen::ir::Signature {
        let params = function.params.iter().map(|local| function.locals[local.0 as usize].ty);
        abi::own_signature(&self.out.types, &self.out.options, params, function.ret)
    }

    fn synthesized(&mut self, body: Body) {
        if self.out.index.contains_key(&body) {
            return;
        }
        let types = &self.program.types;
        let (name, params) = match &body {
            Body::Drop(ty) => (format!("drop {}", types.display(*ty)), vec![Ty::PTR]),
            Body::Print { ty, .. } => (format!("print {}", types.display(*ty)), vec![Ty::I32, Ty::PTR]),
            _ => unreachable!("functions of the program have heads of their own"),
        };
        let sig = abi::own_signature(&self.out.types, &self.out.options, params.into_iter(), Ty::UNIT);
        self.add(body, name, sig, Span::NONE, true);
    }

    fn add(
        &mut self,
        body: Body,
        name: String,
        sig: cranelift_codegen::ir::Signature,
        span: Span,
        library: bool,
    ) -> u32 {
        let next = self.out.instances.len() as u32;
        match self.out.index.entry(body.clone()) {
            std::collections::hash_map::Entry::Occupied(known) => *known.get(),
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(next);
                self.out.instances.push(InstanceDecl { body, name, sig, span, library });
                next
            }
        }
    }

    fn symbol(&mut self, name: &str, data: bool) -> u32 {
        if let Some(&index) = self.out.symbol_index.get(name) {
            return index;
        }
        let index = self.out.symbols.len() as u32;
        self.out.symbols.push(SymbolDecl { name: name.to_owned(), data });
        self.out.symbol_index.insert(name.to_owned(), index);
        index
    }

    fn string_of(&mut self, text: &str) -> u32 {
        match self.out.strings.get(text) {
            Some(&index) => index,
            None => self.string(&Arc::from(text)),
        }
    }

    fn string(&mut self, text: &Arc<str>) -> u32 {
        if let Some(&index) = self.out.strings.get(text) {
            return index;
        }
        let index = self.push_data(data::string(text));
        self.out.strings.insert(text.clone(), index);
        index
    }

    fn spec(&mut self, spec: &FormatSpec) -> u32 {
        let specs = &mut self.out.specs;
        let index = specs.iter().position(|known| known == spec).unwrap_or_else(|| {
            specs.push(*spec);
            specs.len() - 1
        });
        index as u32
    }

    fn spec_data(&mut self, words: [u32; 6]) {
        if !self.out.spec_data.contains_key(&words) {
            let index = self.push_data(data::spec(&words));
            self.out.spec_data.insert(words, index);
        }
    }

    fn push_data(&mut self, data: DataDecl) -> u32 {
        self.out.data.push(data);
        self.out.data.len() as u32 - 1
    }

    fn global(&mut self, id: GlobalId) {
        if self.out.globals[id.0 as usize].value != NO_INDEX {
            return;
        }
        let global = &self.program.globals[id.0 as usize];
        if let Some(placed) = &global.at {
            let (value, flag) = (self.symbol(&placed.value, true), self.symbol(&placed.flag, true));
            self.drop_of(global.ty);
            self.out.globals[id.0 as usize] = GlobalData { value, flag, outside: true };
            return;
        }
        let (size, align, needs_drop) = {
            let info = self.out.types.get(global.ty);
            (info.size, info.align, info.needs_drop)
        };
        let mut decl =
            DataDecl { bytes: Box::new([]), size: size.max(1), align, writable: true, relocs: Vec::new() };
        if let Some(init) = &global.init {
            decl = self.constant(decl, global.ty, init);
        }
        let value = self.push_data(decl);
        let flag = if needs_drop || self.program.lifetime != Lifetime::Program {
            self.drop_of(global.ty);
            self.push_data(data::flag(global.init.is_some()))
        } else {
            NO_INDEX
        };
        self.out.globals[id.0 as usize] = GlobalData { value, flag, outside: false };
    }

    fn constant(&mut self, mut decl: DataDecl, ty: Ty, value: &Const) -> DataDecl {
        let mut bytes = vec![0; decl.size as usize];
        let mut refs = Vec::new();
        data::write_const(&self.program.types, &self.out.types, ty, value, 0, &mut bytes, &mut refs);
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        for (offset, target) in refs {
            let target = match target {
                data::Ref::Func(func) => self.function_address(func, &[]),
                data::Ref::Str(text) => DataTarget::Data(self.string(&text)),
            };
            decl.relocs.push((offset, target));
        }
        decl.bytes = bytes.into();
        decl
    }
}

/// The format of the values that a failed `assert_eq` shows.
pub(super) const ASSERT_SPEC: FormatSpec = FormatSpec {
    style: crate::typed::FormatStyle::Debug,
    alternate: false,
    plus: false,
    zero: false,
    precision: None,
    width: 0,
    align: None,
    fill: '\0',
    bool_as_int: false,
};
