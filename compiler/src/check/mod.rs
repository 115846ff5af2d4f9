//! From parsed modules to a typed program: names, types, ownership, `unsafe`. The only part of the compiler that
//! sees both trees; it reports every user error that is not a syntax error.
//!
//! Order of work: declare all names ([`collect`]), resolve types and signatures on demand ([`types`]), check each
//! body ([`function`] and the files by kind of expression), then ownership over the finished typed body ([`moves`]).

pub use crate::{codes, suggest};

mod aggregate;
mod arguments;
mod asserts;
mod assign;
mod bodies;
mod borrows;
mod braces;
mod branch;
mod builtins;
mod call;
mod chars;
mod closure;
mod coerce;
mod collect;
mod compute;
mod constant;
mod contracts;
mod declared;
mod defer;
mod enums;
mod exhaustive;
mod expr;
mod format;
mod function;
mod generics;
mod infer;
mod iterate;
mod lets;
mod literal;
mod local;
mod loops;
mod matching;
mod member;
mod memory;
mod method;
mod moves;
mod names;
mod nested;
mod numeric;
mod ops;
mod overload;
mod owned;
mod pattern;
mod place;
mod ranges;
mod resolve;
mod script;
mod session;
mod shown;
mod sizes;
mod solve;
mod stmt;
mod structs;
mod taken;
mod texts;
mod traits;
mod tries;
mod unary;
mod uses;
mod variant;
mod written;

pub use method::builtin_methods;
pub use session::{CheckedInput, Environment, Saved, Shown, seal};

use std::rc::Rc;

use generics::{Bound, BoundDecls, Generics, Head};
use rustc_hash::FxHashMap;
use vex_syntax::ast;
use vex_syntax::translate::Uses;
use vex_syntax::{Diagnostic, SourceMap, Span, Spelling, Symbol};

use crate::loader::{Loaded, ModuleId};
use crate::typed::{Const, Expr, Function, FunctionBody, Global, GlobalId, Lifetime, Program};
use crate::types::{FuncId, StructId, TraitId, Ty, Types};
use traits::{ImplInfo, TraitInfo};

/// How a program is checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckOptions {
    /// Whether the main module must have a `main` or be a script; false checks a module on its own.
    pub needs_entry: bool,
}

/// What checking gives.
#[derive(Debug)]
pub struct Checked {
    /// The program; `None` when there was an error, or no entry.
    pub program: Option<Program>,
    /// Errors and warnings in source order.
    pub diagnostics: Vec<Diagnostic>,
    /// Where defaults of the spellings decide what happens; whole when there was no error.
    pub uses: Uses,
}

/// Checks a loaded program. `resolve_symbol` says whether an extern symbol that the runtime lacks exists in the process.
pub fn check_program(
    loaded: &Loaded,
    sources: &SourceMap,
    options: CheckOptions,
    resolve_symbol: &dyn Fn(&str) -> bool,
) -> Checked {
    let kept = declared::Kept::default();
    let mut cx = Checker::new(loaded, sources, resolve_symbol, &kept);
    cx.collect();
    cx.check_declarations(!options.needs_entry);
    let entry = cx.check_entry(options.needs_entry);
    cx.check_bodies(!options.needs_entry);
    let mut diagnostics = std::mem::take(&mut cx.diags);
    diagnostics.sort_by_key(|d| d.span());
    // Only what is looked at without being run is translated: looking through all bodies would be for nothing.
    let uses = if options.needs_entry { Uses::default() } else { cx.take_uses() };
    let program = match entry {
        Some(entry) if cx.errors == 0 => Some(cx.finish(entry)),
        _ => None,
    };
    Checked { program, diagnostics, uses }
}

/// What a name of the value namespace stands for at module level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    Func(FuncId),
    Const(u32),
    Global(GlobalId),
}

/// What a name of a module stands for; the two namespaces are separate.
#[derive(Clone, Debug, Default)]
struct ModuleScope {
    values: FxHashMap<Symbol, Value>,
    types: FxHashMap<Symbol, StructId>,
    traits: FxHashMap<Symbol, TraitId>,
    imported_values: FxHashMap<Symbol, Imported<Value>>,
    imported_types: FxHashMap<Symbol, Imported<StructId>>,
    imported_traits: FxHashMap<Symbol, Imported<TraitId>>,
    /// The modules imported under a name, and where the name is given.
    aliases: FxHashMap<Symbol, (ModuleId, Span)>,
}

/// An imported name: what it is and from where, or the two modules it may be from.
#[derive(Clone, Copy, Debug)]
enum Imported<T> {
    One(T, ModuleId),
    Two(ModuleId, ModuleId),
}

struct FuncInfo<'a> {
    /// `None`: an earlier input of the session declared it.
    decl: Option<&'a ast::FnDecl>,
    /// Its name as declared.
    ident: ast::Ident,
    /// The head of its declaration.
    head: Span,
    module: ModuleId,
    /// The type whose method or static function it is.
    owner: Option<Ty>,
    /// The type name written before the method, for backtraces.
    name: String,
    signature: Option<Rc<Signature>>,
    /// Whether its signature is being resolved.
    busy: bool,
    is_extern: bool,
    /// Whether a trait asks for it and has no code for it.
    required: bool,
    generics: Rc<Generics>,
    /// How many type parameters it declares itself, after those of the declaration around it.
    decl_generics: u32,
    /// The last type parameters: those that stand for its parameters of function type, by the parameters' numbers. A
    /// call may give such a parameter a closure, which has a type of its own.
    callables: Vec<(usize, Ty)>,
    /// What its type parameters are bound to, once that is needed.
    bounds: Option<Rc<[Bound]>>,
    bound_decls: BoundDecls<'a>,
    /// In a function of a trait: that `Self` has it.
    own_bound: Option<Bound>,
    /// The trait that it is a function of.
    of_trait: Option<TraitId>,
}

#[derive(Clone, Debug)]
struct Signature {
    /// Receiver first.
    params: Vec<Ty>,
    /// Names and defaults of the parameters, receiver excluded.
    names: Vec<Symbol>,
    defaults: Vec<Option<Const>>,
    has_self: bool,
    ret: Ty,
}

struct StructInfo<'a> {
    /// `None`: an earlier input of the session declared it.
    decl: Option<&'a ast::StructDecl>,
    /// Of a type with variants, in place of `decl`.
    enum_decl: Option<&'a ast::EnumDecl>,
    module: ModuleId,
    state: State,
    generics: Rc<Generics>,
    /// What it asks of its type arguments, as it is written.
    bound_decls: BoundDecls<'a>,
    /// The same; `None` until it is needed.
    bounds: Option<Rc<[Bound]>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    New,
    Busy,
    /// Of a structure: its fields are known, its layout is not.
    Resolved,
    Done,
}

struct ConstInfo<'a> {
    /// `None`: an earlier input of the session declared it.
    decl: Option<ConstSource<'a>>,
    name: Symbol,
    span: Span,
    module: ModuleId,
    state: State,
    ty: Ty,
    value: Option<Const>,
    /// The read-only global that holds an aggregate.
    storage: Option<GlobalId>,
}

#[derive(Clone, Copy)]
struct ConstSource<'a> {
    ty: Option<&'a ast::TypeExpr>,
    value: &'a ast::Expr,
}

struct GlobalInfo<'a> {
    name: Symbol,
    span: Span,
    module: ModuleId,
    mutable: bool,
    ty: Ty,
    init: Option<Const>,
    kind: GlobalKind,
    /// The declaration of one with a constant initialiser, unless an earlier input of the session has it.
    decl: Option<ConstSource<'a>>,
    state: State,
}

/// What a global variable was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum GlobalKind {
    /// A declaration with a constant initialiser.
    Declared,
    /// A binding of a script.
    Script,
    /// The memory of a constant.
    Constant,
}

impl GlobalInfo<'_> {
    /// Whether it is the memory of a constant.
    fn is_constant(&self) -> bool {
        self.kind == GlobalKind::Constant
    }
}

/// The function of a script's statements.
struct Script<'a> {
    func: FuncId,
    module: ModuleId,
    stmts: Vec<&'a ast::Stmt>,
}

struct Checker<'a> {
    loaded: &'a Loaded,
    sources: &'a SourceMap,
    resolve_symbol: &'a dyn Fn(&str) -> bool,
    types: Types,
    diags: Vec<Diagnostic>,
    /// How many of them are errors.
    errors: usize,
    uses: Uses,
    modules: Vec<ModuleScope>,
    structs: Vec<StructInfo<'a>>,
    /// The structures whose contents are being completed, outermost first, each with the field it is at.
    struct_path: Vec<(StructId, Span)>,
    funcs: Vec<FuncInfo<'a>>,
    consts: Vec<ConstInfo<'a>>,
    globals: Vec<GlobalInfo<'a>>,
    /// The variants of all types, by name.
    variants: FxHashMap<Symbol, Vec<(StructId, u32)>>,
    /// Methods and static functions by owner and name.
    methods: FxHashMap<(Head, Symbol), FuncId>,
    traits: Vec<TraitInfo<'a>>,
    /// Which types have which traits.
    impls: Vec<ImplInfo>,
    impl_index: FxHashMap<(TraitId, Head), u32>,
    /// The functions of traits by name.
    trait_functions: FxHashMap<Symbol, Vec<(TraitId, FuncId)>>,
    /// The types that say they are copied.
    asks_for_copies: Vec<(Ty, Span)>,
    /// Types whose arguments are checked at the end.
    written: Vec<written::Written>,
    /// The type parameters that can be named where a type is resolved.
    generics: Rc<Generics>,
    bodies: Vec<Option<Function>>,
    script: Option<Script<'a>>,
    /// While a type written in a function is resolved: the names of the blocks around it.
    block_names: FxHashMap<Symbol, local::Binding>,
    no_decl: &'a ast::FnDecl,
    /// The last of the kept expressions.
    kept: &'a declared::Kept,
    /// What earlier inputs of the session declared; `None` outside of one.
    session: Option<session::Base>,
}

/// Panics when a part of a function that was accepted has no type: an error went unreported.
fn assert_typed(function: &Function) {
    fn check(expr: &Expr) {
        assert_ne!(expr.ty, Ty::ERROR, "an error went unreported at {:?}", expr.span);
        crate::typed::walk::children(expr, &mut |part| check(part));
    }
    assert!(function.locals.iter().all(|local| local.ty != Ty::ERROR), "an untyped local");
    if let FunctionBody::Code(body) = &function.body {
        check(body);
    }
}

impl<'a> Checker<'a> {
    fn new(
        loaded: &'a Loaded,
        sources: &'a SourceMap,
        resolve_symbol: &'a dyn Fn(&str) -> bool,
        kept: &'a declared::Kept,
    ) -> Checker<'a> {
        Checker {
            loaded,
            sources,
            resolve_symbol,
            types: Types::new(),
            diags: Vec::new(),
            errors: 0,
            uses: Uses::default(),
            modules: vec![ModuleScope::default(); loaded.modules.len()],
            structs: Vec::new(),
            struct_path: Vec::new(),
            funcs: Vec::new(),
            consts: Vec::new(),
            globals: Vec::new(),
            variants: FxHashMap::default(),
            methods: FxHashMap::default(),
            traits: Vec::new(),
            impls: Vec::new(),
            impl_index: FxHashMap::default(),
            trait_functions: FxHashMap::default(),
            asks_for_copies: Vec::new(),
            written: Vec::new(),
            generics: Rc::default(),
            bodies: Vec::new(),
            script: None,
            block_names: FxHashMap::default(),
            no_decl: collect::script_declaration(),
            kept,
            session: None,
        }
    }

    /// How many of everything earlier inputs of the session declared.
    fn counts(&self) -> session::Counts {
        self.session.as_ref().map(|base| base.counts).unwrap_or_default()
    }

    fn error(&mut self, diagnostic: Diagnostic) {
        // One place, one error: the first is the cause, the others usually follow from it.
        let same = |d: &Diagnostic| d.span() == diagnostic.span() && d.code == diagnostic.code;
        if !self.diags.iter().rev().take(8).any(same) {
            self.errors += 1;
            self.diags.push(diagnostic);
        }
    }

    fn spelling(&self, module: ModuleId) -> Spelling {
        self.loaded.module(module).spelling
    }

    fn show(&self, ty: Ty) -> String {
        self.types.display(ty)
    }

    fn finish(self, entry: FuncId) -> Program {
        let contracts = self.contracts();
        let globals = self
            .globals
            .into_iter()
            .map(|g| Global { name: g.name, ty: g.ty, span: g.span, init: g.init, at: None })
            .collect();
        let functions: Vec<Function> =
            self.bodies.into_iter().map(|body| body.expect("every body was checked")).collect();
        if cfg!(debug_assertions) {
            functions.iter().for_each(assert_typed);
        }
        Program {
            types: self.types,
            functions,
            globals,
            entry,
            lifetime: Lifetime::Program,
            contracts,
            shown: FxHashMap::default(),
            debugged: FxHashMap::default(),
        }
    }
}
