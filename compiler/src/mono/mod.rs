//! Monomorphisation: every generic function that the program reaches becomes one function for each list of type
//! arguments it is called with, and every call of a trait's function one of a type's own. What follows sees no type
//! parameter.
//!
//! Only what is reached from the entry is looked at. Bodies were checked where they are defined, so the only thing
//! that can go wrong here is that there are instances without end.

mod body;
mod derive;
mod shown;

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::{Diagnostic, Span, Symbol};

use crate::codes;
use crate::typed::{Const, Function, FunctionBody, GlobalId, Lifetime, Program};
use crate::types::{FuncId, TraitId, Ty, TyKind, each_part};

/// How many calls of generic functions may lead to one another, each with type arguments that are new.
const DEEPEST: u32 = 200;

/// Most types that instances may bring along.
const MOST_TYPES: usize = 100_000;

/// Replaces type parameters all over a program.
///
/// # Errors
/// There are instances without end; the message names one.
pub fn expand(program: Program) -> Result<Program, Box<Diagnostic>> {
    Ok(expand_input(program)?.program)
}

/// A program without type parameters.
#[derive(Debug)]
pub struct Expanded {
    /// The program. What it had before has its number still.
    pub program: Program,
    /// The functions that were called with type arguments, or of traits, or of closures, by their numbers before.
    pub made_of: FxHashSet<FuncId>,
}

/// As [`expand`], for an input of a session, which has to know when it is out of date.
///
/// # Errors
/// As [`expand`].
pub fn expand_input(program: Program) -> Result<Expanded, Box<Diagnostic>> {
    if !is_generic(&program) {
        return Ok(Expanded { program, made_of: FxHashSet::default() });
    }
    let mut mono = Mono {
        known: vec![false; program.functions.len()],
        program,
        instances: FxHashMap::default(),
        made_of: FxHashSet::default(),
        queue: VecDeque::new(),
        types: FxHashSet::default(),
        waiting: Vec::new(),
        globals: FxHashSet::default(),
        printed: FxHashSet::default(),
        to_show: Vec::new(),
        depth: 0,
        caller: Span::NONE,
        endless: None,
    };
    mono.roots();
    mono.run();
    match mono.endless {
        Some(why) => Err(why),
        None => Ok(Expanded { program: mono.program, made_of: mono.made_of }),
    }
}

/// Whether there is anything to expand.
pub fn is_generic(program: &Program) -> bool {
    let generic = program.functions.iter().any(|function| function.generics > 0);
    let closures = program.types.structs.iter().any(|def| def.closure.is_some() || !def.generics.is_empty());
    generic || closures || !program.contracts.impls.is_empty()
}

/// A function whose body is to be gone through.
struct Pending {
    func: FuncId,
    /// Its type arguments.
    args: Arc<[Ty]>,
    /// How many instances led to it.
    depth: u32,
}

struct Mono {
    program: Program,
    /// The functions made so far.
    instances: FxHashMap<(FuncId, Arc<[Ty]>), FuncId>,
    /// What they are instances of.
    made_of: FxHashSet<FuncId>,
    /// The functions that need no type arguments and were reached.
    known: Vec<bool>,
    queue: VecDeque<Pending>,
    types: FxHashSet<Ty>,
    /// Types that were reached and not looked at.
    waiting: Vec<Ty>,
    globals: FxHashSet<GlobalId>,
    /// Types of values that are printed.
    printed: FxHashSet<Ty>,
    /// Those among them that were not looked at.
    to_show: Vec<Ty>,
    /// Of the function being gone through.
    depth: u32,
    /// Where the instance being made is asked for.
    caller: Span,
    endless: Option<Box<Diagnostic>>,
}

impl Mono {
    fn roots(&mut self) {
        self.reach(self.program.entry);
        if self.program.lifetime == Lifetime::Program {
            return;
        }
        // What a session keeps is made whether this input uses it or not.
        for index in 0..self.program.functions.len() {
            let function = &self.program.functions[index];
            if function.via.is_some() && matches!(function.body, FunctionBody::Code(_)) {
                self.reach(FuncId(index as u32));
            }
        }
        for index in 0..self.program.globals.len() {
            self.global(GlobalId(index as u32));
        }
    }

    fn run(&mut self) {
        loop {
            while let Some(ty) = self.waiting.pop() {
                self.look_at(ty);
            }
            if let Some(ty) = self.to_show.pop() {
                self.show(ty);
                continue;
            }
            let Some(pending) = self.queue.pop_front() else { return };
            if self.endless.is_some() {
                return;
            }
            self.depth = pending.depth;
            self.go_through(pending);
        }
    }

    /// A function without type parameters is used.
    fn reach(&mut self, func: FuncId) {
        if !std::mem::replace(&mut self.known[func.0 as usize], true) {
            self.queue.push_back(Pending { func, args: Arc::new([]), depth: self.depth });
        }
    }

    fn global(&mut self, id: GlobalId) {
        if !self.globals.insert(id) {
            return;
        }
        let global = &self.program.globals[id.0 as usize];
        self.waiting.push(global.ty);
        let mut functions = Vec::new();
        if let Some(init) = &global.init {
            constant_functions(init, &mut functions);
        }
        functions.into_iter().for_each(|func| self.reach(func));
    }

    /// Replaces the type parameters in a body and in what belongs to it.
    fn go_through(&mut self, pending: Pending) {
        let index = pending.func.0 as usize;
        let body = std::mem::replace(&mut self.program.functions[index].body, FunctionBody::Required);
        for at in 0..self.program.functions[index].locals.len() {
            let ty = self.program.functions[index].locals[at].ty;
            self.program.functions[index].locals[at].ty = self.ty(ty, &pending.args);
        }
        let ret = self.program.functions[index].ret;
        self.program.functions[index].ret = self.ty(ret, &pending.args);
        self.program.functions[index].body = match body {
            FunctionBody::Code(mut body) => {
                self.expr(&mut body, &pending.args);
                FunctionBody::Code(body)
            }
            other => other,
        };
    }

    /// A type with its arguments put in; it is known from now on.
    fn ty(&mut self, ty: Ty, args: &[Ty]) -> Ty {
        let ty = self.program.types.subst(ty, args);
        if self.types.insert(ty) {
            self.waiting.push(ty);
        }
        ty
    }

    /// Completes a type and reaches what dropping a value of it calls.
    fn look_at(&mut self, ty: Ty) {
        self.types.insert(ty);
        let types = &self.program.types;
        if self.types.len() > MOST_TYPES || types.too_large {
            self.end(ty);
            return;
        }
        let mut parts = Vec::new();
        each_part(types.kind(ty), &mut |part| parts.push(part));
        if let TyKind::Struct { def, args } = types.kind(ty).clone() {
            let drop_fn = types.structs[def.0 as usize].drop_fn;
            let variants = types.structs[def.0 as usize].variants.as_ref().map_or(0, Vec::len);
            let drop_fn = drop_fn.map(|func| self.instance(func, &args));
            if !args.is_empty() {
                self.program.types.complete_instance(ty, drop_fn);
            }
            let types = &self.program.types;
            parts.extend(types.field_types(ty));
            parts.extend((0..variants).flat_map(|variant| types.variant_types(ty, variant)));
        }
        for part in parts {
            if self.types.insert(part) {
                self.waiting.push(part);
            }
        }
    }

    /// Notes that there is no end.
    fn end(&mut self, ty: Ty) {
        if self.endless.is_none() {
            let title =
                format!("types without end come from this, such as `{}`", self.program.types.display(ty));
            let d = Diagnostic::error(codes::ENDLESS, self.caller, title);
            self.endless = Some(Box::new(d.help("break the chain with a type that does not grow")));
        }
        self.waiting.clear();
        self.queue.clear();
    }

    /// The function that a function with these type arguments is.
    fn instance(&mut self, func: FuncId, args: &[Ty]) -> FuncId {
        if let Some(&(of, name)) = self.program.contracts.functions.get(&func) {
            self.made_of.insert(func);
            return self.of_trait(of, name, func, args);
        }
        self.plain_instance(func, args)
    }

    fn plain_instance(&mut self, func: FuncId, args: &[Ty]) -> FuncId {
        if args.is_empty() {
            self.reach(func);
            return func;
        }
        self.made_of.insert(func);
        let key = (func, Arc::from(args));
        if let Some(&known) = self.instances.get(&key) {
            return known;
        }
        let mut function = self.program.functions[func.0 as usize].clone();
        function.name = self.instance_name(&function, args);
        function.generics = 0;
        let depth = self.depth + 1;
        if depth > DEEPEST {
            self.too_deep(&function);
        }
        self.add(key, function, depth)
    }

    fn add(&mut self, key: (FuncId, Arc<[Ty]>), function: Function, depth: u32) -> FuncId {
        let id = FuncId(self.program.functions.len() as u32);
        self.program.functions.push(function);
        self.known.push(true);
        if self.endless.is_none() {
            self.queue.push_back(Pending { func: id, args: key.1.clone(), depth });
        }
        self.instances.insert(key, id);
        id
    }

    fn too_deep(&mut self, function: &Function) {
        if self.endless.is_some() {
            return;
        }
        let short: String = function.name.chars().take(80).collect();
        let title =
            format!("`{}` is called with ever larger types", short.split('<').next().unwrap_or(&short));
        let d = Diagnostic::error(codes::ENDLESS, self.caller, title);
        let d = d.label(function.span, "each call from here needs another instance of it");
        self.endless = Some(Box::new(d.note(format!("one of them is `{short}…`"))));
        self.queue.clear();
    }

    /// What an instance is called in backtraces: `Vec<i64>.push`, `largest<i64>`.
    fn instance_name(&mut self, function: &Function, args: &[Ty]) -> String {
        let last = function.name.rsplit('.').next().unwrap_or(&function.name).to_string();
        match function.owner {
            Some(owner) => {
                let owner = self.program.types.subst(owner, args);
                format!("{}.{last}", self.program.types.display(owner))
            }
            None => {
                let args = &args[..args.len() - function.callables as usize];
                if args.is_empty() {
                    return function.name.clone();
                }
                let args: Vec<String> = args.iter().map(|&ty| self.program.types.display(ty)).collect();
                format!("{}<{}>", function.name, args.join(", "))
            }
        }
    }

    /// The function of a type that a function of a trait stands for.
    fn of_trait(&mut self, of: TraitId, name: Symbol, func: FuncId, args: &[Ty]) -> FuncId {
        let this = args[0];
        let declared = self.program.contracts.declared[of.0 as usize].len();
        // The last one: an input of a session may give a type what it had.
        let found = self.program.contracts.impls.iter().rev().find_map(|known| {
            let mut own = vec![Ty::ERROR; known.generics as usize];
            let fits = known.of == of && self.program.types.matches(known.ty, this, &mut own);
            fits.then(|| (own, known.functions.get(&name).copied(), known.derived, known.args.len()))
        });
        match found {
            Some((mut own, Some(func), ..)) => {
                // After `Self` and the trait's own parameters come the function's.
                let more = self.program.functions[func.0 as usize].generics as usize - own.len();
                own.extend_from_slice(&args[args.len() - more..]);
                self.plain_instance(func, &own)
            }
            Some((_, None, false, _)) => self.plain_instance(func, args),
            // A trait whose functions are made from the parts has no others.
            _ if declared > 0 && self.is_required(func) => self.derived(of, func, this),
            _ => self.plain_instance(func, args),
        }
    }

    fn is_required(&self, func: FuncId) -> bool {
        matches!(self.program.functions[func.0 as usize].body, FunctionBody::Required)
    }
}

/// The functions whose addresses are in a constant.
fn constant_functions(value: &Const, out: &mut Vec<FuncId>) {
    match value {
        Const::Func(func) => out.push(*func),
        Const::Aggregate(parts) | Const::Variant(_, parts) => {
            parts.iter().for_each(|part| constant_functions(part, out))
        }
        _ => {}
    }
}
