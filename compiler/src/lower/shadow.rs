//! Region allocators whose fields are known to the function: a local variable that is made by the library and then only
//! used through the library's methods. The fields that allocation changes live in SSA variables. Its memory is brought
//! up to date before the runtime is called about it, which hardly ever happens; nobody else looks there.
//!
//! Nobody else writes to such a variable's fields, so they are as the library leaves them: `0 <= offset <= capacity`,
//! all zero where there is no buffer.

use cranelift_codegen::ir::{self, InstBuilder, types};
use cranelift_frontend::Variable;
use rustc_hash::{FxHashMap, FxHashSet};
use vex_runtime::alloc::pool::rounded;

use super::addr::{Addr, Kind};
use super::facts;
use super::func::{Leaves, Lower};
use super::pool::Known;
use super::regions::{Fields, Request};
use super::rt::Rt;
use crate::typed::{
    self, Callee, Expr, ExprKind, FuncId, FunctionBody, LocalId, Pattern, Program, StmtKind, walk,
};
use crate::types::{Ty, Types};

/// Fields of the biggest of the allocators, the pool.
const MOST_FIELDS: usize = 6;

/// What the library's structures are called, how many fields they have, and what makes them.
const ALLOCATORS: &[(&str, usize, &[&str])] = &[
    ("BumpAllocator", 4, &["BumpAllocator.new", "BumpAllocator.from_buffer", "bump_new"]),
    ("StackAllocator", 4, &["StackAllocator.new", "stack_new"]),
    ("PoolAllocator", MOST_FIELDS, &["PoolAllocator.new", "pool_new"]),
];

/// All fields.
const ALL: [usize; MOST_FIELDS] = [0, 1, 2, 3, 4, 5];

/// The fields of a pool that each allocation reads: buffer, free list and number of free blocks.
const POOL_FIELDS: [usize; 3] = [0, 3, 5];

/// The function that is called where the code of an operation does not know what to do.
fn function(symbol: &str) -> Option<Rt> {
    Some(match symbol {
        "vex_bump_alloc" => Rt::BumpAlloc,
        "vex_bump_alloc_zeroed" => Rt::BumpAllocZeroed,
        "vex_bump_drop" => Rt::BumpDrop,
        "vex_stack_alloc" => Rt::StackAlloc,
        "vex_stack_pop" => Rt::StackPop,
        "vex_stack_drop" => Rt::StackDrop,
        "vex_pool_alloc" => Rt::PoolAlloc,
        "vex_pool_dealloc" => Rt::PoolDealloc,
        "vex_pool_drop" => Rt::PoolDrop,
        _ => return None,
    })
}

/// The fields that allocation changes, in a pool and in the others.
const POOL_CHANGES: [usize; 2] = [3, 5];
const CHANGES: [usize; 2] = [2, 3];

/// The fields that such a function changes.
fn changes(rt: Rt) -> &'static [usize] {
    match rt {
        Rt::PoolAlloc | Rt::PoolDealloc => &POOL_CHANGES,
        Rt::BumpDrop | Rt::StackDrop | Rt::PoolDrop => &ALL,
        _ => &CHANGES,
    }
}

/// The SSA variables beside an allocator.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    /// By field, for those that have one; all fields have 8 bytes.
    pub fields: Vec<Option<Variable>>,
    /// Two words of memory: the address of the allocator and that of where results of rare calls go. They are loaded
    /// where they are needed, which is hardly ever, so that they take no registers elsewhere.
    pub addresses: Addr,
    /// Of a pool: what its prefix says.
    pub pool: Option<Known<Variable>>,
}

/// The locals of the function that have a shadow.
#[derive(Debug, Default)]
pub(super) struct Shadows {
    /// Those that may have one.
    candidates: FxHashSet<LocalId>,
    /// Those that have been declared.
    known: FxHashMap<LocalId, Shadow>,
}

impl Shadows {
    /// Finds the locals of a function of which every use is one that keeps the shadow true.
    pub(super) fn of(program: &Program, function: &typed::Function, body: &Expr) -> Shadows {
        let is_allocator = |id: &LocalId| {
            let local = &function.locals[id.0 as usize];
            local.borrowed && shape(&program.types, local.ty).is_some()
        };
        let all = (0..function.locals.len() as u32).map(LocalId);
        let mut search = Search { program, made: FxHashSet::default(), others: FxHashSet::default() };
        let mut candidates: FxHashSet<LocalId> = all.filter(is_allocator).collect();
        if !candidates.is_empty() {
            search.visit(body);
            candidates.retain(|id| search.made.contains(id) && !search.others.contains(id));
        }
        Shadows { candidates, known: FxHashMap::default() }
    }

    /// The shadow of a local.
    pub(super) fn get(&self, id: LocalId) -> Option<&Shadow> {
        self.known.get(&id)
    }
}

/// Whether values of a type are allocators that may have a shadow.
pub(super) fn is_allocator(types: &Types, ty: Ty) -> bool {
    shape(types, ty).is_some()
}

/// Name, number of fields and makers of an allocator type.
fn shape(types: &Types, ty: Ty) -> Option<(&'static str, usize, &'static [&'static str])> {
    let name = &types.struct_of(ty)?.name;
    ALLOCATORS.iter().copied().find(|(known, ..)| name.as_str() == *known)
}

/// Looks at all uses of locals in a function.
struct Search<'p> {
    program: &'p Program,
    /// Declared with a value that the library made.
    made: FxHashSet<LocalId>,
    /// Used in any way but as the receiver of a method or to read a field.
    others: FxHashSet<LocalId>,
}

impl Search<'_> {
    fn visit(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Local(id) => {
                self.others.insert(*id);
            }
            ExprKind::Field { base, .. } if matches!(base.kind, ExprKind::Local(_)) => return,
            ExprKind::Assign { place, .. } | ExprKind::Update { place, .. } | ExprKind::Borrow(place) => {
                self.others.extend(facts::root(place));
            }
            ExprKind::Defer(defer) => self.others.extend(defer.captures.iter().map(|capture| capture.from)),
            ExprKind::Call { callee, args } if receiver(self.program, callee, args).is_some() => {
                return args[1..].iter().for_each(|arg| self.visit(arg));
            }
            ExprKind::Block(block) => {
                for stmt in &block.stmts {
                    if let StmtKind::Let { pattern: Pattern::Local(id), init: Some(init) } = &stmt.kind
                        && maker(self.program, init).is_some()
                    {
                        self.made.insert(*id);
                    }
                }
            }
            _ => {}
        }
        walk::children(expr, &mut |part| self.visit(part));
    }
}

/// The arguments of a call that makes an allocator of the type of `init`.
fn maker<'p>(program: &Program, init: &'p Expr) -> Option<&'p [Expr]> {
    let ExprKind::Call { callee: Callee::Func { func, .. }, args } = &init.kind else { return None };
    let function = &program.functions[func.0 as usize];
    let (.., makers) = shape(&program.types, init.ty)?;
    (function.library && makers.contains(&function.name.as_str())).then_some(args)
}

/// A method of the library called on a local, which does nothing but to call a function of the runtime.
pub(super) struct Method<'p> {
    /// The local.
    pub local: LocalId,
    /// The method.
    pub func: FuncId,
    /// The runtime's function.
    pub symbol: &'p str,
    /// Where the method calls it.
    pub inner: &'p Expr,
}

/// What a call is, if it is one of those of a method on a local.
pub(super) fn receiver<'p>(program: &'p Program, callee: &Callee, args: &[Expr]) -> Option<Method<'p>> {
    let (Callee::Func { func, .. }, Some(Expr { kind: ExprKind::Borrow(place), .. })) =
        (callee, args.first())
    else {
        return None;
    };
    let ExprKind::Local(local) = place.kind else { return None };
    let function = &program.functions[func.0 as usize];
    shape(&program.types, place.ty).filter(|_| function.library && function.via.is_none())?;
    let FunctionBody::Code(body) = &function.body else { return None };
    let mut inner = body;
    while let ExprKind::Block(block) = &inner.kind {
        inner = block.value.as_deref().filter(|_| block.stmts.is_empty())?;
    }
    let ExprKind::Call { callee: Callee::Func { func: called, .. }, args: passed } = &inner.kind else {
        return None;
    };
    let FunctionBody::Extern(symbol) = &program.functions[called.0 as usize].body else { return None };
    let forwards = passed.len() == function.params.len()
        && passed
            .iter()
            .zip(&function.params)
            .all(|(arg, param)| matches!(arg.kind, ExprKind::Local(id) if id == *param));
    forwards.then_some(Method { local, func: *func, symbol, inner })
}

impl<'a> Lower<'a> {
    /// After the declaration of a local: begins its shadow, if it is to have one.
    pub(super) fn begin_shadow(&mut self, id: LocalId, init: &'a Expr) {
        if !self.shadows.candidates.contains(&id) {
            return;
        }
        let Some((name, fields, _)) = shape(self.types, init.ty) else { return };
        let is_pool = name == "PoolAllocator";
        // Of a pool, the others are hardly ever read.
        let wanted = |field: usize| !is_pool || POOL_FIELDS.contains(&field);
        let fields = (0..fields).map(|field| wanted(field).then(|| self.b.declare_var(types::I64))).collect();
        let pool = is_pool.then(|| {
            let size = maker(self.program, init).and_then(|args| self.const_int(args.first()?));
            let block_size = size.and_then(rounded);
            let mut word = || self.b.declare_var(types::I64);
            Known { tags: word(), count: word(), inverse: word(), twos: word(), block_size }
        });
        let addresses = self.shadow_addresses(id);
        self.shadows.known.insert(id, Shadow { fields, addresses, pool });
        self.read_shadow(id, &ALL);
    }

    fn shadow_addresses(&mut self, id: LocalId) -> Addr {
        let addresses = Addr::slot(self.slot(16, 8), Kind::Shared);
        let home = Addr::home(self.home(id));
        for (at, addr) in [(0, home), (8, self.kept_result())] {
            let address = self.address(addr);
            self.store(address, addresses.plus(at));
        }
        addresses
    }

    /// Reads these fields, which somebody may have changed.
    fn read_shadow(&mut self, id: LocalId, changed: &[usize]) {
        let home = Addr::home(self.home(id));
        let Some(Shadow { fields, pool, .. }) = self.shadows.get(id).cloned() else { return };
        for (field, &var) in fields.iter().enumerate() {
            if let (Some(var), true) = (var, changed.contains(&field)) {
                let value = self.load(types::I64, home.plus(8 * field as i64));
                self.b.def_var(var, value);
            }
        }
        if let (true, Some(pool), Some(buffer)) = (changed.contains(&0), pool, fields[0]) {
            self.read_prefix(buffer, &pool);
        }
    }

    /// Reads what the prefix of a pool's buffer says; without a buffer there are no blocks.
    fn read_prefix(&mut self, buffer: Variable, pool: &Known<Variable>) {
        let buffer = self.b.use_var(buffer);
        let zero = self.int(types::I64, 0);
        let vars = [pool.tags, pool.count, pool.inverse, pool.twos];
        vars.into_iter().for_each(|var| self.b.def_var(var, zero));
        let (some, after) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(buffer, some, &[], after, &[]);
        self.enter(some);
        let Known { tags, count, inverse, twos, .. } = self.prefix(buffer, Kind::Heap);
        for (var, value) in vars.into_iter().zip([tags, count, inverse, twos]) {
            self.b.def_var(var, value);
        }
        self.jump(after, &[]);
        self.enter(after);
    }

    /// A call of a method on a local with a shadow.
    pub(super) fn call_method(
        &mut self,
        callee: &'a Callee,
        args: &'a [Expr],
        expr: &'a Expr,
    ) -> Option<Leaves> {
        if self.shadows.known.is_empty() {
            return None;
        }
        let method = receiver(self.program, callee, args)?;
        self.shadows.get(method.local)?;
        let types: Vec<Ty> = args.iter().map(|arg| arg.ty).collect();
        let values: Vec<Leaves> = args[1..].iter().map(|arg| self.value(arg)).collect();
        // Reports show the method as if it had been called.
        let body = super::decl::Body::Function { func: method.func, args: Vec::new() };
        let (instance, call) = (self.decls.instance(&body), self.location(expr.span));
        let around = self.inlined_call.replace((instance, call));
        self.at(method.inner.span);
        let fields = Fields { addr: Addr::home(self.home(method.local)), shadow: Some(method.local) };
        let symbol = method.symbol;
        let request = Request { symbol, fields, params: &types, args: &values, ret: expr.ty };
        let leaves = if self.expands(symbol) { self.region(&request) } else { self.call_region(&request) };
        self.inlined_call = around;
        self.at(expr.span);
        Some(leaves)
    }

    /// Calls one of the runtime's functions about an allocator.
    pub(super) fn call_region(&mut self, request: &Request) -> Leaves {
        let Request { symbol, fields, params, args, ret } = *request;
        self.write_shadow(fields);
        let addresses = fields.shadow.and_then(|id| self.shadows.get(id)).map(|shadow| shadow.addresses);
        let (leaves, changed): (Leaves, &[usize]) = match (function(symbol), addresses) {
            (Some(rt), Some(addresses)) => {
                // Straight to where such calls take them.
                let word = if self.decls.options.kept_calls { types::F64 } else { self.ptr };
                let this = self.load(word, addresses);
                let result = self.load(word, addresses.plus(8));
                let words: Vec<_> = [this].into_iter().chain(args.iter().flatten().copied()).collect();
                (self.rt_rarely_to(rt, &words, Some(result)), changes(rt))
            }
            (Some(rt), None) => {
                let this = self.address(fields.addr);
                let words: Vec<_> = [this].into_iter().chain(args.iter().flatten().copied()).collect();
                (self.rt_rarely(rt, &words), &[])
            }
            (None, _) => {
                let this: Leaves = [self.address(fields.addr)].into_iter().collect();
                let args = [this].into_iter().chain(args.iter().cloned());
                (self.call_symbol_with(symbol, params, args, ret), &ALL)
            }
        };
        if let Some(id) = fields.shadow {
            self.read_shadow(id, changed);
        }
        leaves
    }

    /// Reads a field.
    pub(super) fn get_field(&mut self, fields: Fields, offset: i64) -> ir::Value {
        match self.shadow_field(fields, offset) {
            Some(var) => self.b.use_var(var),
            None => self.load(types::I64, fields.addr.plus(offset)),
        }
    }

    /// Writes a field.
    pub(super) fn set_field(&mut self, fields: Fields, offset: i64, value: ir::Value) {
        match self.shadow_field(fields, offset) {
            Some(var) => self.b.def_var(var, value),
            None => self.store(value, fields.addr.plus(offset)),
        }
    }

    /// A field of a local that has a shadow.
    pub(super) fn field_of_shadow(&mut self, base: &Expr, index: u32) -> Option<ir::Value> {
        let ExprKind::Local(id) = base.kind else { return None };
        let var = self.shadows.get(id)?.fields[index as usize]?;
        Some(self.b.use_var(var))
    }

    /// Brings the memory of an allocator up to date.
    fn write_shadow(&mut self, fields: Fields) {
        let Some(shadow) = fields.shadow.and_then(|id| self.shadows.get(id)) else { return };
        let changing = if shadow.pool.is_some() { POOL_CHANGES } else { CHANGES };
        for field in changing {
            if let Some(var) = self.shadow_field(fields, 8 * field as i64) {
                let value = self.b.use_var(var);
                self.store(value, fields.addr.plus(8 * field as i64));
            }
        }
    }

    fn shadow_field(&self, fields: Fields, offset: i64) -> Option<Variable> {
        self.shadows.get(fields.shadow?)?.fields[(offset / 8) as usize]
    }
}
