//! The frame of one function: where its variables live, how it starts and how it ends.

use cranelift_codegen::ir::{
    self, Block, BlockArg, FuncRef, Function, GlobalValue, InstBuilder, SourceLoc, StackSlot, StackSlotData,
    StackSlotKind, UserFuncName, types,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use vex_syntax::Span;

use super::abi;
use super::addr::{Addr, Kind};
use super::checked::Checks;
use super::control::Scope;
use super::decl::{Body, Declarations, INLINED, Inlined, Lowered, Summary, namespace};
use super::defer::Exits;
use super::facts::Fact;
use super::kept::{Bound, Kept};
use super::loops::LoopFrame;
use super::shadow::Shadows;
use super::value::{MAX_LEAVES, TypeInfo};
use crate::typed::{self, FunctionBody, LocalId, Program};
use crate::types::{Ty, TyKind, Types};

/// The scalars of a flat value, in memory order.
pub(super) type Leaves = SmallVec<[ir::Value; MAX_LEAVES]>;

/// Where a variable of the function lives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Home {
    /// In consecutive SSA variables, one a leaf, from this one on.
    Vars(u32),
    /// In the frame.
    Slot(StackSlot, Kind),
    /// At this address, which is a parameter.
    Pointer(ir::Value),
    /// In memory of a caller, in code that was put in place.
    Memory(Addr),
    /// It is a reference to this, in such code.
    Bound(Bound),
}

/// Where a function's result goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ret {
    /// Into consecutive SSA variables from this one on, when there is an exit sequence; else straight to `return`.
    Leaves(Option<u32>),
    /// To this address.
    Memory(Addr),
}

/// Entries of [`Lowered::inlined`], each once.
#[derive(Default)]
pub(super) struct InlinedTable {
    entries: Vec<Inlined>,
    numbers: FxHashMap<Inlined, u32>,
}

impl InlinedTable {
    fn number(&mut self, entry: Inlined) -> u32 {
        *self.numbers.entry(entry).or_insert_with(|| {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        })
    }
}

/// A function while its code is made.
pub(super) struct Lower<'a> {
    pub program: &'a Program,
    pub types: &'a Types,
    pub decls: &'a Declarations,
    pub b: FunctionBuilder<'a>,
    /// The type of pointers.
    pub ptr: ir::Type,
    /// The function being lowered; synthesized functions have none.
    pub function: Option<&'a typed::Function>,
    pub summary: &'a Summary,
    /// Whether calls out of this function are marked for the heap report.
    pub report: bool,
    /// By local id; filled when the variable is first needed.
    pub homes: Vec<Option<Home>>,
    /// By local id: the drop flag's variable.
    pub flags: Vec<Option<Variable>>,
    /// By local id: what is known of its value.
    pub facts: Vec<Option<Fact>>,
    pub scopes: Vec<Scope>,
    pub loops: Vec<LoopFrame>,
    pub ret: Ret,
    /// Where code goes on that was put in place of a call, with the leaves of the result as arguments.
    pub end: Option<Block>,
    pub exits: Exits<'a>,
    /// The region allocators whose fields are in SSA variables too.
    pub shadows: Shadows,
    /// The class of the block that was taken last.
    pub taken_class: Option<usize>,
    /// Where calls that leave the registers alone put their results.
    pub kept_result: Option<StackSlot>,
    /// Whether the code calls anything and goes on after it.
    pub calls: bool,
    /// How many calls that became code are around the current position.
    pub depth: u32,
    /// How many of them are calls of functions that call themselves.
    pub recursion: u32,
    /// How many parts the functions of that kind have that were put in place so far.
    pub inlined_size: u32,
    /// How many loops are around the innermost such call.
    pub outer_loops: usize,
    /// Whether the current position is guarded, as [`super::scan::guarded_call`] means it.
    pub guarded: bool,
    /// Words of memory for the values in the messages of panics.
    pub aside: Vec<StackSlot>,
    /// The variables that are in memory for calls.
    pub kept: Vec<Kept>,
    /// Of the checked mode.
    pub checks: Checks,
    /// The instance whose code this is and the location of its call, inside a function that was put in place.
    pub inlined_call: Option<(u32, u32)>,
    /// The locations that stand for positions in such functions.
    pub inlined: InlinedTable,
    /// What is called and pointed at already, by namespace and index.
    pub functions: FxHashMap<(u32, u32), FuncRef>,
    pub data: FxHashMap<(u32, u32), GlobalValue>,
}

/// The code of instance `index`, not yet optimised. Pure; may be called from several threads.
pub fn function(program: &Program, decls: &Declarations, index: u32) -> Lowered {
    thread_local! {
        static CONTEXT: std::cell::RefCell<FunctionBuilderContext> = Default::default();
    }
    CONTEXT.with(|context| function_with(program, decls, index, &mut context.borrow_mut()))
}

fn function_with(
    program: &Program,
    decls: &Declarations,
    index: u32,
    context: &mut FunctionBuilderContext,
) -> Lowered {
    let instance = &decls.instances[index as usize];
    let name = UserFuncName::user(namespace::INSTANCE, index);
    let mut func = Function::with_name_signature(name, instance.sig.clone());
    let function = match &instance.body {
        Body::Function { func, .. } => Some(&program.functions[func.0 as usize]),
        _ => None,
    };
    let locals = function.map_or(0, |function| function.locals.len());
    let mut lower = Lower {
        program,
        types: &program.types,
        decls,
        b: FunctionBuilder::new(&mut func, context),
        ptr: decls.options.pointer,
        function,
        summary: &decls.summaries[index as usize],
        report: decls.options.heap_report && !instance.library,
        homes: vec![None; locals],
        flags: vec![None; locals],
        facts: vec![None; locals],
        scopes: Vec::new(),
        loops: Vec::new(),
        ret: Ret::Leaves(None),
        end: None,
        exits: Exits::default(),
        shadows: Shadows::default(),
        taken_class: decls.summaries[index as usize].block_class,
        kept_result: None,
        calls: false,
        depth: 0,
        recursion: 0,
        inlined_size: 0,
        outer_loops: 0,
        guarded: false,
        aside: Vec::new(),
        kept: Vec::new(),
        checks: Checks::default(),
        inlined_call: None,
        inlined: InlinedTable::default(),
        functions: FxHashMap::default(),
        data: FxHashMap::default(),
    };
    let entry = lower.b.create_block();
    lower.b.append_block_params_for_function_params(entry);
    lower.b.switch_to_block(entry);
    lower.b.seal_block(entry);
    // Until it is in the layout, the entry counts as unreachable.
    lower.b.ensure_inserted_block();
    lower.declare_regions();
    lower.at(instance.span);
    match &instance.body {
        Body::Function { .. } => lower.code(entry),
        Body::Thunk(func) => lower.thunk(entry, &program.functions[func.0 as usize]),
        Body::Drop(ty) => lower.drop_glue(entry, *ty),
        Body::Print { ty, spec } => lower.print_glue(entry, *ty, decls.specs[*spec as usize]),
    }
    let inlined = lower.inlined.entries;
    lower.b.finalize(decls.options.frontend);
    if decls.options.inline {
        super::thread::thread(&mut func);
    }
    Lowered { func, inlined }
}

impl<'a> Lower<'a> {
    /// The code of a function of the program.
    fn code(&mut self, entry: Block) {
        let function = self.function.expect("this body belongs to a function");
        let FunctionBody::Code(body) = &function.body else {
            unreachable!("`extern` functions are called, not compiled")
        };
        let params: SmallVec<[ir::Value; 8]> = self.b.block_params(entry).iter().copied().collect();
        let mut params = params.into_iter();
        let mut next = || params.next().expect("the signature was made from these parameters");
        let result = self.info(function.ret);
        if abi::returns_through_memory(result) {
            self.ret = Ret::Memory(Addr::value(next(), Kind::Shared));
        }
        if self.decls.options.heap.is_some() {
            self.shadows = Shadows::of(self.program, function, body);
        }
        self.checks.frame_is_lent = self.is_checked() && self.lends_frame(function);
        self.scopes.push(Scope::default());
        self.begin_exits(function);
        for &local in &function.params {
            let ty = function.locals[local.0 as usize].ty;
            let info = self.info(ty);
            if info.flat {
                let leaves: Leaves = info.leaves.iter().map(|_| next()).collect();
                self.store_local(local, &leaves);
            } else {
                self.homes[local.0 as usize] = Some(Home::Pointer(next()));
            }
            self.enter_local(local, true);
        }
        self.body(function, body);
        self.stack_check(entry);
    }

    /// The type table's entry.
    pub(super) fn info(&self, ty: Ty) -> &'a TypeInfo {
        self.decls.types.get(ty)
    }

    /// Whether values of this type live in SSA values.
    pub(super) fn flat(&self, ty: Ty) -> bool {
        self.info(ty).flat
    }

    /// What follows stands at `span` in the source.
    pub(super) fn at(&mut self, span: Span) {
        let location = self.location(span);
        self.b.set_srcloc(SourceLoc::new(location));
    }

    /// The number of a place in the source, in machine code.
    pub(super) fn location(&mut self, span: Span) -> u32 {
        // Sources that big have no positions left for their ends.
        let position = if span.lo < INLINED { span.lo } else { 0 };
        match self.inlined_call {
            None => position,
            Some((instance, call)) => INLINED + self.inlined.number(Inlined { position, instance, call }),
        }
    }

    /// An integer constant.
    pub(super) fn int(&mut self, ty: ir::Type, value: i64) -> ir::Value {
        // Immediates are zero-extended from the type's width.
        let bits = if ty.bits() < 64 { value & ((1 << ty.bits()) - 1) } else { value };
        self.b.ins().iconst(ty, bits)
    }

    /// Values for an expression that is never reached, or for parts of an empty option.
    pub(super) fn zeros(&mut self, ty: Ty) -> Leaves {
        let info = self.info(ty);
        info.leaves.iter().map(|leaf| self.zero(leaf.ty)).collect()
    }

    /// A zero.
    pub(super) fn zero(&mut self, ty: ir::Type) -> ir::Value {
        match ty {
            types::F32 => self.b.ins().f32const(0.0),
            types::F64 => self.b.ins().f64const(0.0),
            _ => self.b.ins().iconst(ty, 0),
        }
    }

    /// A new stack slot.
    pub(super) fn slot(&mut self, size: u64, align: u64) -> StackSlot {
        // A frame of 4 GiB cannot exist: the prologue's probe ends the program first.
        let size = u32::try_from(size).unwrap_or(!15);
        let align = align.trailing_zeros().min(4) as u8;
        self.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, size, align))
    }

    /// Memory for a value of type `ty` that nothing else points at.
    pub(super) fn temp(&mut self, ty: Ty) -> Addr {
        let info = self.info(ty);
        let slot = self.slot(info.size, info.align);
        Addr::slot(slot, Kind::Private)
    }

    /// Memory for a value of type `ty` whose address is handed out.
    pub(super) fn shared_temp(&mut self, ty: Ty) -> Addr {
        let info = self.info(ty);
        let slot = self.slot(info.size, info.align);
        Addr::slot(slot, Kind::Shared)
    }

    /// The type of a local.
    pub(super) fn local_ty(&self, local: LocalId) -> Ty {
        self.local(local).ty
    }

    /// A local's declaration.
    pub(super) fn local(&self, local: LocalId) -> &'a typed::Local {
        &self.function.expect("only functions of the program have locals").locals[local.0 as usize]
    }

    /// Where a local lives.
    pub(super) fn home(&mut self, id: LocalId) -> Home {
        if let Some(home) = self.homes[id.0 as usize] {
            return home;
        }
        let local = self.local(id);
        let info = self.info(local.ty);
        let home = if info.flat && (!local.borrowed || info.size == 0) {
            Home::Vars(self.variables(info))
        } else if self.summary.kept.contains(&id) {
            Home::Vars(self.kept_variables(local.ty))
        } else {
            let slot = self.slot(info.size, info.align);
            let private = if local.borrowed { self.summary.tame.contains(&id) } else { !info.needs_drop };
            Home::Slot(slot, if private { Kind::Private } else { Kind::Shared })
        };
        self.homes[id.0 as usize] = Some(home);
        home
    }

    /// Gives a local that has no home yet one in memory that pointers may point at, unless it is known to need none.
    pub(super) fn home_in_memory(&mut self, id: LocalId) {
        if self.homes[id.0 as usize].is_none() && !self.summary.kept.contains(&id) {
            let info = self.info(self.local_ty(id));
            let slot = self.slot(info.size, info.align);
            self.homes[id.0 as usize] = Some(Home::Slot(slot, Kind::Shared));
        }
    }

    /// One new variable a leaf; the first one's number.
    pub(super) fn variables(&mut self, info: &TypeInfo) -> u32 {
        let mut first = 0;
        for (index, leaf) in info.leaves.iter().enumerate() {
            let var = self.b.declare_var(leaf.ty);
            if index == 0 {
                first = var.as_u32();
            }
        }
        first
    }

    /// Reads consecutive variables.
    pub(super) fn use_vars(&mut self, first: u32, count: usize) -> Leaves {
        (first..first + count as u32).map(|var| self.b.use_var(Variable::from_u32(var))).collect()
    }

    /// Writes consecutive variables.
    pub(super) fn def_vars(&mut self, first: u32, leaves: &[ir::Value]) {
        if self.is_checked() {
            self.checks.set(first, leaves.len());
        }
        for (var, &leaf) in (first..).zip(leaves) {
            self.b.def_var(Variable::from_u32(var), leaf);
        }
    }

    /// Writes a flat value to a local.
    pub(super) fn store_local(&mut self, id: LocalId, leaves: &[ir::Value]) {
        match self.home(id) {
            Home::Vars(first) => self.def_vars(first, leaves),
            home => {
                let info = self.info(self.local_ty(id));
                self.store_leaves(Addr::home(home), info, leaves);
            }
        }
    }

    /// Goes on in a block that nothing jumps to, after an instruction that ends the one before.
    pub(super) fn unreachable(&mut self) {
        let block = self.b.create_block();
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }

    /// Jumps, with the leaves of a value as arguments, unless this is never reached.
    pub(super) fn jump(&mut self, block: Block, leaves: &[ir::Value]) {
        if self.b.is_unreachable() {
            return self.end_unreachable();
        }
        let args: SmallVec<[BlockArg; MAX_LEAVES]> = leaves.iter().map(|&leaf| leaf.into()).collect();
        self.b.ins().jump(block, &args);
    }

    /// A block that takes the leaves of a value of type `ty`.
    pub(super) fn block_for(&mut self, ty: Ty) -> Block {
        let block = self.b.create_block();
        for leaf in &self.info(ty).leaves {
            self.b.append_block_param(block, leaf.ty);
        }
        block
    }

    /// The leaves that a block made by [`Lower::block_for`] was entered with.
    pub(super) fn params(&self, block: Block) -> Leaves {
        self.b.block_params(block).iter().copied().collect()
    }

    /// Goes on in a block that has all its predecessors.
    pub(super) fn enter(&mut self, block: Block) {
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }

    /// A block for code that hardly ever runs.
    pub(super) fn cold_block(&mut self) -> Block {
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        block
    }

    /// The element type of an array or slice.
    pub(super) fn elem(&self, ty: Ty) -> Ty {
        match self.types.kind(ty) {
            TyKind::Array { elem, .. } | TyKind::Slice { elem, .. } => *elem,
            kind => unreachable!("{kind:?} has no elements"),
        }
    }
}
