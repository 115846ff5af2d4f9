//! What is known of pointers, and where in the code it still holds.
//!
//! What a tag stands for is looked up once and remembered until something is called that may free memory. It is known
//! in the block it was looked up in, and where the structure of the source says that this block comes before: in the
//! branches of an `if` and after them, and in a loop that frees nothing.

use cranelift_codegen::ir::{self, Block, InstBuilder, types};
use cranelift_frontend::Variable;
use rustc_hash::FxHashMap;
use vex_runtime::checked::map;

use crate::lower::addr::{Addr, Root, TABLE_REGION};
use crate::lower::func::{Home, Lower};
use crate::lower::kept::Bound;
use crate::lower::ops::Terms;
use crate::typed::{CastKind, Expr, ExprKind, Intrinsic, LocalId, walk};
use crate::types::{Ty, TyKind};

/// How many pointers are looked up before a loop.
const MOST_BEFORE_LOOP: usize = 4;

/// What a pointer is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The value.
    Value(ir::Value),
    /// The SSA variable that it is in.
    Var(u32),
    /// An integer.
    Integer(ir::Value),
    /// The SSA variable that an integer is in.
    IntegerVar(u32),
    /// All integers.
    Arena,
}

impl Key {
    /// The SSA variable.
    fn variable(self) -> Option<u32> {
        match self {
            Key::Var(var) | Key::IntegerVar(var) => Some(var),
            _ => None,
        }
    }
}

/// What is known of a pointer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub key: Key,
    /// It, without a tag.
    pub address: ir::Value,
    /// How far it is from the first byte of what its tag stands for.
    pub inside: ir::Value,
    /// How many bytes that has.
    pub size: ir::Value,
}

/// A pointer and what was added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub key: Key,
    pub early: Option<ir::Value>,
    pub late: Option<ir::Value>,
}

/// Bytes that were tested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tested {
    pub place: Place,
    /// From here on, counted from there.
    pub low: i64,
    /// Up to here.
    pub high: i64,
    /// Whether all of them are known to be written.
    pub written: bool,
    /// What they are multiples of, at `low`.
    pub align: u32,
    /// The address of the place, to be used for accesses.
    pub base: ir::Value,
}

/// What checks of a function share while its code is made.
#[derive(Debug, Default)]
pub(in crate::lower) struct Checks {
    /// The block that the rest holds in.
    block: Option<Block>,
    known: Vec<Known>,
    tested: Vec<Tested>,
    /// So many bytes from these places on are inside of what the pointer's tag stands for.
    reach: Vec<(Place, u64)>,
    /// How often something was called that may free.
    calls: u64,
    /// How often variables were set, and when each was last.
    sets: u64,
    last_set: FxHashMap<u32, u64>,
    /// Whether pointers to the frame may have been handed out.
    pub frame_is_lent: bool,
}

/// What was known at a point of the code.
#[derive(Clone, Debug, Default)]
pub(in crate::lower) struct Point {
    known: Vec<Known>,
    tested: Vec<Tested>,
    reach: Vec<(Place, u64)>,
    calls: u64,
    sets: u64,
}

impl Point {
    /// So many bytes from a place on are inside of what its pointer's tag stands for.
    pub(super) fn reach(&mut self, place: Place, bytes: u64) {
        self.reach.push((place, bytes));
    }
}

impl Checks {
    /// Something was called that may free memory.
    pub(in crate::lower) fn forget(&mut self) {
        self.known.clear();
        self.tested.clear();
        self.reach.clear();
        self.calls += 1;
    }

    /// Consecutive SSA variables are set.
    pub(in crate::lower) fn set(&mut self, first: u32, count: usize) {
        self.sets += 1;
        for var in first..first + count as u32 {
            self.last_set.insert(var, self.sets);
        }
        let gone = |key: Key| key.variable().is_some_and(|var| (first..first + count as u32).contains(&var));
        self.known.retain(|known| !gone(known.key));
        self.tested.retain(|tested| !gone(tested.place.key));
        self.reach.retain(|(place, _)| !gone(place.key));
    }

    fn is_set_since(&self, key: Key, sets: u64) -> bool {
        key.variable().is_some_and(|var| self.last_set.get(&var).is_some_and(|&last| last > sets))
    }

    /// Whether bytes are known to be inside of what a pointer's tag stands for.
    pub(super) fn reaches(&self, place: Place, offset: i32, size: u32) -> bool {
        let end = i64::from(offset) + i64::from(size);
        self.reach.iter().any(|&(known, bytes)| known == place && offset >= 0 && end <= bytes as i64)
    }

    /// Bytes that were tested before.
    pub(super) fn tested(&self) -> &[Tested] {
        &self.tested
    }

    /// Notes what was found out in `block`, the current one.
    pub(super) fn note(&mut self, block: Block, tested: Tested) {
        self.block = Some(block);
        self.tested.push(tested);
    }
}

impl<'a> Lower<'a> {
    /// What is known here.
    pub(in crate::lower) fn point(&self) -> Point {
        let Checks { block, known, tested, reach, calls, sets, .. } = &self.checks;
        let here = block.is_some() && *block == self.b.current_block();
        if !here {
            return Point { calls: *calls, sets: *sets, ..Point::default() };
        }
        let (known, tested, reach) = (known.clone(), tested.clone(), reach.clone());
        Point { known, tested, reach, calls: *calls, sets: *sets }
    }

    /// What was known at a point holds at the start of the current block too, to which all ways lead through that point
    /// and the code that was made since; no others.
    pub(in crate::lower) fn resume(&mut self, point: &Point) {
        self.checks.block = self.b.current_block();
        if !self.is_checked() || self.checks.calls != point.calls {
            self.checks.known.clear();
            self.checks.tested.clear();
            self.checks.reach.clear();
            return;
        }
        let holds = |key: Key| !self.checks.is_set_since(key, point.sets);
        let known = point.known.iter().filter(|known| holds(known.key)).copied().collect();
        let tested = point.tested.iter().filter(|tested| holds(tested.place.key)).copied().collect();
        let reach = point.reach.iter().filter(|(place, _)| holds(place.key)).copied().collect();
        (self.checks.known, self.checks.tested, self.checks.reach) = (known, tested, reach);
    }

    /// Before a loop that consists of these parts: what is known in each of its rounds, and after it. Pointers that the
    /// loop goes through and leaves as they are, are looked up.
    pub(in crate::lower) fn before_loop(&mut self, parts: &[&'a Expr]) -> Point {
        if !self.is_checked() || self.b.is_unreachable() || !parts.iter().all(|part| self.is_quiet(part)) {
            // Nothing.
            return Point { calls: u64::MAX, ..Point::default() };
        }
        let mut changed = Vec::new();
        parts.iter().for_each(|part| self.changed(part, &mut changed));
        let is_changed = |var: u32| changed.iter().any(|&(first, end)| (first..end).contains(&var));
        let mut pointers = Vec::new();
        parts.iter().for_each(|part| self.pointers(part, &mut pointers));
        pointers.retain(|&(var, _)| !is_changed(var));
        for (var, integer) in pointers.into_iter().take(MOST_BEFORE_LOOP) {
            let value = self.b.use_var(Variable::from_u32(var));
            let root = Root { var: Some(var), ..Root::of(value) };
            if integer {
                self.known_start(root)
            } else {
                self.known(root)
            };
        }
        let mut point = self.point();
        let holds = |key: Key| !key.variable().is_some_and(is_changed);
        point.known.retain(|known| holds(known.key));
        point.tested.retain(|tested| holds(tested.place.key));
        point.reach.retain(|(place, _)| holds(place.key));
        point
    }

    /// The SSA variables that an expression may change.
    fn changed(&self, expr: &Expr, found: &mut Vec<(u32, u32)>) {
        match &expr.kind {
            ExprKind::Assign { place, .. } | ExprKind::Update { place, .. } | ExprKind::Borrow(place) => {
                self.changed_place(place, found);
            }
            // A reference that is handed on.
            ExprKind::Local(id) if matches!(self.homes[id.0 as usize], Some(Home::Bound(_))) => {
                self.changed_local(*id, found);
            }
            _ => {}
        }
        walk::children(expr, &mut |part| self.changed(part, found));
    }

    fn changed_place(&self, place: &Expr, found: &mut Vec<(u32, u32)>) {
        match &place.kind {
            ExprKind::Local(id) | ExprKind::Temp { local: id, .. } => self.changed_local(*id, found),
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } | ExprKind::Index { base, .. } => {
                self.changed_place(base, found);
            }
            ExprKind::Deref(pointer) => match &pointer.kind {
                ExprKind::Local(id) => self.changed_local(*id, found),
                ExprKind::Borrow(inner) => self.changed_place(inner, found),
                _ => {}
            },
            _ => {}
        }
    }

    fn changed_local(&self, id: LocalId, found: &mut Vec<(u32, u32)>) {
        let (first, ty) = match self.homes[id.0 as usize] {
            Some(Home::Vars(first)) => (first, self.local_ty(id)),
            Some(Home::Bound(Bound::Vars(first))) => match self.types.kind(self.local_ty(id)) {
                TyKind::Ref { pointee, .. } => (first, *pointee),
                _ => (first, Ty::UNIT),
            },
            _ => return,
        };
        found.push((first, first + self.info(ty).len() as u32));
    }

    /// The SSA variables of pointers, and of integers, that an expression accesses memory through.
    fn pointers(&self, expr: &'a Expr, found: &mut Vec<(u32, bool)>) {
        if let ExprKind::Intrinsic { op: Intrinsic::Load(_) | Intrinsic::Store(_), args } = &expr.kind {
            let mut sum = Terms::default();
            self.terms(&args[0], false, &mut sum);
            let start = match sum.terms[..] {
                [(term, false), ..] => self.integer_variable(term),
                _ => None,
            };
            found.extend(start.map(|var| (var, true)));
        }
        let base = match &expr.kind {
            ExprKind::Deref(pointer) => match &pointer.kind {
                ExprKind::PtrOffset { base, .. } => Some(base),
                _ => Some(pointer),
            },
            ExprKind::Index { base, .. } => Some(base),
            _ => None,
        };
        if let Some(var) = base.and_then(|base| self.pointer_variable(base))
            && !found.contains(&(var, false))
        {
            found.push((var, false));
        }
        walk::children(expr, &mut |part| self.pointers(part, found));
    }

    /// The SSA variable that has the value of a pointer, or the data pointer of a slice or `str`. Evaluates nothing.
    pub(in crate::lower) fn pointer_variable(&self, pointer: &Expr) -> Option<u32> {
        let slice = matches!(self.types.kind(pointer.ty), TyKind::Slice { .. } | TyKind::Str);
        if !self.is_checked() || !(slice || self.may_be_tagged(pointer.ty)) {
            return None;
        }
        match &pointer.kind {
            ExprKind::Cast { value, kind: CastKind::Bits } => {
                let narrows = matches!(self.types.kind(value.ty), TyKind::Ref { .. });
                if narrows { None } else { self.pointer_variable(value) }
            }
            _ => self.place_variable(pointer),
        }
    }

    pub(super) fn place_variable(&self, place: &Expr) -> Option<u32> {
        match &place.kind {
            ExprKind::Local(id) => match self.homes[id.0 as usize] {
                Some(Home::Vars(first)) => Some(first),
                _ => None,
            },
            ExprKind::Field { base, index } => {
                let first = self.place_variable(base)?;
                Some(first + self.info(base.ty).fields.get(*index as usize)?.leaf)
            }
            ExprKind::Deref(pointer) => match self.bound(pointer)? {
                Bound::Vars(first) => Some(first),
                Bound::Memory(_) => None,
            },
            _ => None,
        }
    }

    /// What a pointer is known by here.
    pub(super) fn key_of(&mut self, root: Root) -> Key {
        let value = self.b.func.dfg.resolve_aliases(root.value);
        let Some(var) = root.var else { return Key::Value(value) };
        let now = self.b.use_var(Variable::from_u32(var));
        // It may have been changed since its value was read.
        if self.b.func.dfg.resolve_aliases(now) == value { Key::Var(var) } else { Key::Value(value) }
    }

    /// What is known of a pointer; looks it up where nothing is.
    pub(super) fn known(&mut self, root: Root) -> Known {
        let key = self.key_of(root);
        if let Some(known) = self.find_known(key) {
            return known;
        }
        let flags = Self::own_flags(TABLE_REGION);
        let shift = i64::from(map::ADDRESS_BITS) - i64::from(map::ENTRY_SIZE.trailing_zeros());
        let shifted = self.b.ins().ushr_imm_u(root.value, shift);
        let entry = self.b.ins().band_imm_s(shifted, -(map::ENTRY_SIZE as i64));
        let table = map::TABLE as i32;
        let start = self.b.ins().load(types::I64, flags, entry, table + map::ENTRY_BASE as i32);
        let size = self.b.ins().load(types::I64, flags, entry, table + map::ENTRY_LIMIT as i32);
        let address = self.b.ins().band_imm_s(root.value, map::ADDRESS_MASK as i64);
        let inside = self.b.ins().isub(address, start);
        let known = Known { key, address, inside, size };
        self.remember(known);
        known
    }

    /// SSA variable `var` was set to a reference to a place: what is known of the pointer that led there is known of it.
    pub(in crate::lower) fn learn_reference(&mut self, var: u32, value: ir::Value, addr: Addr) {
        let Some(root) = addr.root().filter(|_| self.is_guarded(&addr)) else { return };
        let key = self.key_of(root);
        let Some(Known { mut address, mut inside, size, .. }) = self.find_known(key) else { return };
        for part in [root.early, root.late].into_iter().flatten() {
            address = self.b.ins().iadd(address, part);
            inside = self.b.ins().iadd(inside, part);
        }
        if addr.offset() != 0 {
            address = self.b.ins().iadd_imm_s(address, addr.offset());
            inside = self.b.ins().iadd_imm_s(inside, addr.offset());
        }
        let key = self.key_of(Root { var: Some(var), ..Root::of(value) });
        self.remember(Known { key, address, inside, size });
    }

    /// How many bytes of memory integers may be addresses of.
    pub(super) fn arena_size(&mut self) -> ir::Value {
        if let Some(known) = self.find_known(Key::Arena) {
            return known.size;
        }
        let table = self.int(self.ptr, map::TABLE as i64);
        let flags = Self::own_flags(TABLE_REGION);
        let size = self.b.ins().load(types::I64, flags, table, map::ENTRY_LIMIT as i32);
        self.remember(Known { key: Key::Arena, address: table, inside: table, size });
        size
    }

    /// Notes what is known of a pointer here.
    pub(super) fn remember(&mut self, known: Known) {
        self.checks.known.push(known);
    }

    pub(super) fn find_known(&mut self, key: Key) -> Option<Known> {
        let here = self.b.current_block();
        if self.checks.block != here {
            self.checks.known.clear();
            self.checks.tested.clear();
            self.checks.reach.clear();
            self.checks.block = here;
        }
        self.checks.known.iter().find(|known| known.key == key).copied()
    }
}
