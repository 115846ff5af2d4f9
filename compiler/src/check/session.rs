//! A session's inputs are checked one by one: what earlier ones declared is known by its result, without its tree.
//!
//! An input that is accepted adds to the environment; one that is not leaves it as it was.

mod known;

use rustc_hash::FxHashMap;
use vex_syntax::{Diagnostic, SourceMap, Span, Symbol};

use super::generics::Head;
use super::{
    Checker, ConstInfo, FuncInfo, GlobalInfo, ImplInfo, ModuleScope, StructInfo, TraitInfo, Value, borrows,
    declared,
};
use crate::loader::{Loaded, ModuleId};
use crate::typed::{Function, FunctionBody, Global, GlobalId, Program};
use crate::types::{FuncId, TraitId, Ty, TypesMark};

/// How many of everything there were before an input.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) structs: usize,
    pub(super) funcs: usize,
    pub(super) consts: usize,
    pub(super) globals: usize,
    pub(super) traits: usize,
    pub(super) impls: usize,
}

/// What the check of an input knows of the session around it.
#[derive(Debug, Default)]
pub(super) struct Base {
    pub(super) counts: Counts,
    /// What the names meant before the input that it binds anew.
    pub(super) before: FxHashMap<Symbol, Value>,
    /// Functions and methods that the input declares anew: the earlier and the new one.
    pub(super) replaced: Vec<(FuncId, FuncId)>,
    /// Constants, types and traits that the input declares anew.
    pub(super) changed: Vec<Symbol>,
    /// Traits that the input gives to a type that had them.
    pub(super) given_again: Vec<TraitId>,
    /// Variables that hold no value any more, and where they lost it.
    pub(super) gone: FxHashMap<GlobalId, Span>,
    /// What is known of references.
    pub(super) lent: borrows::Known,
    /// The value to show.
    pub(super) shown: Option<Shown>,
    /// Whether the statements of the input need no `unsafe`.
    pub(super) unsafe_on: bool,
}

/// The value of an input that ends in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The variable that holds it.
    pub global: GlobalId,
    /// Its type; when `borrowed`, that of what the variable refers to.
    pub ty: Ty,
    /// Whether the variable only refers to the value, which has another owner.
    pub borrowed: bool,
    /// The expression.
    pub span: Span,
}

/// Everything the session's inputs declared so far.
#[derive(Default)]
pub struct Environment {
    modules: Vec<ModuleScope>,
    structs: Vec<StructInfo<'static>>,
    funcs: Vec<FuncInfo<'static>>,
    consts: Vec<ConstInfo<'static>>,
    globals: Vec<GlobalInfo<'static>>,
    methods: FxHashMap<(Head, Symbol), FuncId>,
    traits: Vec<TraitInfo<'static>>,
    impls: Vec<ImplInfo>,
    impl_index: FxHashMap<(TraitId, Head), u32>,
    trait_functions: FxHashMap<Symbol, Vec<(TraitId, FuncId)>>,
    /// What is known of references.
    lent: borrows::Known,
    /// Variables that hold no value any more, and where they lost it.
    pub gone: FxHashMap<GlobalId, Span>,
    /// Whether the statements of inputs need no `unsafe`.
    pub unsafe_on: bool,
}

/// What names meant.
#[derive(Debug, Default)]
pub struct Meanings(Vec<(Symbol, Option<Value>)>);

/// What an input changed, so that it can be undone.
#[derive(Debug)]
pub struct Saved {
    counts: Counts,
    types: TypesMark,
    modules: usize,
    scope: ModuleScope,
    methods: FxHashMap<(Head, Symbol), FuncId>,
    impl_index: FxHashMap<(TraitId, Head), u32>,
    held: borrows::Held,
}

/// An input that was accepted. Its functions and variables were added to the program, whose entry it is.
#[derive(Debug)]
pub struct CheckedInput {
    /// The value to show.
    pub shown: Option<Shown>,
    /// Functions that it declares anew with the same types: the earlier and the new one.
    pub replaced: Vec<(FuncId, FuncId)>,
    /// Functions that it declares anew with other types: whoever calls an earlier one goes on doing so.
    pub split: Vec<(FuncId, FuncId)>,
    /// Traits that it gives to a type that had them.
    pub given_again: Vec<TraitId>,
    /// Constants, types and traits that it declares anew: whoever uses the earlier one goes on doing so.
    pub changed: Vec<Symbol>,
    /// The first of its functions.
    pub first_func: usize,
    /// The first of its variables.
    pub first_global: usize,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
    /// What it changed.
    pub saved: Saved,
}

/// The session's own module.
const INPUTS: usize = 0;

impl Environment {
    /// Checks an input, which is the main module of `loaded`, and adds it to `program`.
    ///
    /// # Errors
    /// What is wrong with it, in source order, with warnings among it; environment and program are then unchanged.
    pub fn check(
        &mut self,
        program: &mut Program,
        loaded: &Loaded,
        sources: &SourceMap,
        resolve_symbol: &dyn Fn(&str) -> bool,
    ) -> Result<CheckedInput, Vec<Diagnostic>> {
        let kept = declared::Kept::default();
        let counts = self.counts();
        let modules = self.modules.len();
        self.modules.resize_with(loaded.modules.len(), ModuleScope::default);
        let saved = Saved {
            counts,
            types: program.types.mark(),
            modules,
            scope: self.modules[INPUTS].clone(),
            methods: self.methods.clone(),
            impl_index: self.impl_index.clone(),
            held: self.lent.held(),
        };
        let mut cx = Checker::new(loaded, sources, resolve_symbol, &kept);
        self.lend(&mut cx, program);
        cx.session = Some(Base {
            counts,
            gone: std::mem::take(&mut self.gone),
            unsafe_on: self.unsafe_on,
            lent: std::mem::take(&mut self.lent),
            ..Base::default()
        });
        cx.collect();
        cx.check_declarations(true);
        let entry = cx.check_entry(true);
        cx.check_bodies(true);
        let mut diagnostics = std::mem::take(&mut cx.diags);
        diagnostics.sort_by_key(|d| d.span());
        let accepted = cx.errors == 0 && entry.is_some();
        let base = cx.session.take().unwrap_or_default();
        if let (true, Some(shown)) = (accepted, base.shown) {
            cx.modules[INPUTS].values.insert(Symbol::new("_"), Value::Global(shown.global));
        }
        let (replaced, split) = base.replaced.into_iter().partition(|&(old, new)| cx.same_types(old, new));
        self.take_back(cx, program, if accepted { Some(counts) } else { None });
        self.gone = base.gone;
        self.lent = base.lent;
        if !accepted {
            self.undo(saved, program);
            return Err(diagnostics);
        }
        program.entry = entry.unwrap_or(program.entry);
        Ok(CheckedInput {
            shown: base.shown,
            replaced,
            split,
            given_again: base.given_again,
            changed: base.changed,
            first_func: counts.funcs,
            first_global: counts.globals,
            warnings: diagnostics,
            saved,
        })
    }

    fn counts(&self) -> Counts {
        Counts {
            structs: self.structs.len(),
            funcs: self.funcs.len(),
            consts: self.consts.len(),
            globals: self.globals.len(),
            traits: self.traits.len(),
            impls: self.impls.len(),
        }
    }

    /// Hands everything to the check of an input.
    fn lend<'a>(&mut self, cx: &mut Checker<'a>, program: &mut Program) {
        cx.types = std::mem::take(&mut program.types);
        cx.modules = std::mem::take(&mut self.modules);
        cx.structs = std::mem::take(&mut self.structs);
        cx.funcs = std::mem::take(&mut self.funcs);
        cx.consts = std::mem::take(&mut self.consts);
        cx.globals = std::mem::take(&mut self.globals);
        cx.methods = std::mem::take(&mut self.methods);
        cx.traits = std::mem::take(&mut self.traits);
        cx.impls = std::mem::take(&mut self.impls);
        cx.impl_index = std::mem::take(&mut self.impl_index);
        cx.trait_functions = std::mem::take(&mut self.trait_functions);
        cx.bodies.resize_with(cx.funcs.len(), || None);
    }

    /// Takes everything back, without what points into the input's tree; adds what is new to the program.
    fn take_back(&mut self, cx: Checker<'_>, program: &mut Program, accepted: Option<Counts>) {
        program.contracts = cx.contracts();
        if let Some(counts) = accepted {
            let new = cx.globals[counts.globals..].iter();
            program.globals.extend(new.map(|g| Global {
                name: g.name,
                ty: g.ty,
                span: g.span,
                init: g.init.clone(),
                at: None,
            }));
            let bodies = cx.bodies.into_iter().skip(counts.funcs);
            program.functions.extend(bodies.map(|body| body.expect("every body was checked")));
        }
        program.types = cx.types;
        self.modules = cx.modules;
        self.methods = cx.methods;
        self.impls = cx.impls;
        self.impl_index = cx.impl_index;
        self.trait_functions = cx.trait_functions;
        self.traits = cx.traits.into_iter().map(|info| TraitInfo { decl: None, ..info }).collect();
        self.structs = cx
            .structs
            .into_iter()
            .map(|info| StructInfo { decl: None, enum_decl: None, bound_decls: Vec::new(), ..info })
            .collect();
        self.funcs = cx
            .funcs
            .into_iter()
            .map(|info| FuncInfo { decl: None, bound_decls: Vec::new(), ..info })
            .collect();
        self.consts = cx.consts.into_iter().map(|info| ConstInfo { decl: None, ..info }).collect();
        self.globals = cx.globals.into_iter().map(|info| GlobalInfo { decl: None, ..info }).collect();
    }

    /// Undoes an input.
    pub fn undo(&mut self, saved: Saved, program: &mut Program) {
        let Counts { structs, funcs, consts, globals, traits, impls } = saved.counts;
        for def in &mut program.types.structs[..structs] {
            // One that the input gave an earlier structure.
            def.drop_fn = def.drop_fn.filter(|id| (id.0 as usize) < funcs);
        }
        self.structs.truncate(structs);
        self.funcs.truncate(funcs);
        self.consts.truncate(consts);
        self.globals.truncate(globals);
        self.modules.truncate(saved.modules.max(1));
        if let Some(scope) = self.modules.get_mut(INPUTS) {
            *scope = saved.scope;
        }
        self.methods = saved.methods;
        self.impl_index = saved.impl_index;
        self.traits.truncate(traits);
        self.impls.truncate(impls);
        self.lent.undo(funcs, saved.held);
        self.trait_functions.values_mut().for_each(|known| known.retain(|(id, _)| (id.0 as usize) < traits));
        self.gone.retain(|id, _| (id.0 as usize) < globals);
        let contracts = &mut program.contracts;
        contracts.functions.retain(|id, _| (id.0 as usize) < funcs);
        contracts.declared.truncate(traits);
        contracts.impls.truncate(impls);
        program.types.truncate(saved.types);
        program.functions.truncate(funcs);
        program.globals.truncate(globals);
    }

    /// The modules loaded before the input.
    pub fn modules_before(saved: &Saved) -> usize {
        saved.modules.max(1)
    }

    /// Lets a name mean what it did before an input again, because that input never gave it a value.
    pub fn restore_name(&mut self, name: Symbol, saved: &Saved) {
        let scope = &mut self.modules[INPUTS];
        match saved.scope.values.get(&name) {
            Some(&value) => scope.values.insert(name, value),
            None => scope.values.remove(&name),
        };
    }

    /// Whether the name of a variable of the session means something else now.
    pub fn is_hidden(&self, id: GlobalId) -> bool {
        let global = &self.globals[id.0 as usize];
        let meaning = self.modules.first().and_then(|scope| scope.values.get(&global.name));
        global.module == ModuleId(INPUTS as u32) && meaning != Some(&Value::Global(id))
    }

    /// Lets the names of variables mean them; what they meant, for [`Environment::cover`].
    pub fn uncover(&mut self, variables: &[GlobalId]) -> Meanings {
        let names = variables.iter().map(|id| (self.globals[id.0 as usize].name, *id));
        let Some(scope) = self.modules.get_mut(INPUTS) else { return Meanings::default() };
        let change = |(name, id)| (name, scope.values.insert(name, Value::Global(id)));
        Meanings(names.map(change).collect())
    }

    /// Lets names mean again what they did before [`Environment::uncover`].
    pub fn cover(&mut self, meanings: Meanings) {
        let Some(scope) = self.modules.get_mut(INPUTS) else { return };
        for (name, value) in meanings.0.into_iter().rev() {
            match value {
                Some(value) => scope.values.insert(name, value),
                None => scope.values.remove(&name),
            };
        }
    }
}

impl Checker<'_> {
    /// Whether an earlier input of the session declared this.
    pub(super) fn is_earlier(&self, value: Value) -> bool {
        let counts = self.counts();
        match value {
            Value::Func(id) => (id.0 as usize) < counts.funcs,
            Value::Const(id) => (id as usize) < counts.consts,
            Value::Global(id) => (id.0 as usize) < counts.globals,
        }
    }

    /// Notes that the input declares a name anew.
    pub(super) fn replaced(&mut self, old: Value, new: Value) {
        if !self.is_earlier(old) {
            return;
        }
        let name = match old {
            Value::Func(id) => self.funcs[id.0 as usize].ident.name,
            Value::Const(id) => self.consts[id as usize].name,
            Value::Global(id) => self.globals[id.0 as usize].name,
        };
        let Some(base) = &mut self.session else { return };
        if matches!(new, Value::Global(_)) {
            base.before.insert(name, old);
        }
        match (old, new) {
            (Value::Func(old), Value::Func(new)) => base.replaced.push((old, new)),
            // Who uses a variable goes on doing so; who meant what the variable had hidden means the new one.
            (_, Value::Const(_) | Value::Func(_)) => base.changed.push(name),
            (_, Value::Global(_)) => {}
        }
    }

    /// Whether two functions take and give the same.
    fn same_types(&mut self, old: FuncId, new: FuncId) -> bool {
        if self.are_drops(old, new) {
            // Called through whichever reference to the value.
            return true;
        }
        let [asked, asks] = [old, new].map(|id| self.bounds(id));
        if !asked.iter().map(|bound| (bound.ty, &bound.what)).eq(asks.iter().map(|b| (b.ty, &b.what))) {
            return false;
        }
        let (old, new) = (self.signature(old), self.signature(new));
        (&old.params, old.ret, old.has_self) == (&new.params, new.ret, new.has_self)
    }

    /// Whether both are what drops the values of one structure.
    fn are_drops(&self, old: FuncId, new: FuncId) -> bool {
        let [old, new] = [old, new].map(|id| &self.funcs[id.0 as usize]);
        let structure = new.owner.and_then(|owner| self.types.struct_of(owner));
        old.owner == new.owner
            && new.ident.name.as_str() == "drop"
            && structure.is_some_and(|structure| structure.declares_drop && structure.drop_fn.is_some())
    }
}

/// Forgets the body of a function that is in memory: who calls it needs its types.
pub fn seal(function: &mut Function) {
    if function.via.is_some() {
        function.body = FunctionBody::Elsewhere;
        function.locals.truncate(function.params.len());
        function.locals.shrink_to_fit();
    }
}
