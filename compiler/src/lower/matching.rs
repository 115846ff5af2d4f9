//! `match`: a first jump by what the value is, then the remaining tests of each arm, in order.
//!
//! Every arm is tested by code that exists once. It is entered with or without knowing what the first jump found out; an
//! arm that does not take the value goes on with the next one that could.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder};
use cranelift_frontend::Switch;

use super::addr::Addr;
use super::control::Scope;
use super::func::{Leaves, Lower};
use crate::typed::{Arm, Expr, ExprKind, Test};
use crate::types::Ty;

/// How many values of a range get an entry of their own in the first jump.
const MAX_ENTRIES: i128 = 32;

/// Numbers from the first to the last of each pair.
type Ranges = Vec<(i128, i128)>;

/// What an arm asks of the whole value first.
enum Head {
    /// Nothing that the first jump could find out.
    Open,
    /// To be one of these numbers: indexes of variants, or values.
    Ranges(Ranges),
}

impl Head {
    fn takes(&self, value: i128) -> bool {
        match self {
            Head::Open => true,
            Head::Ranges(ranges) => ranges.iter().any(|(lo, hi)| (*lo..=*hi).contains(&value)),
        }
    }

    /// The only number that is taken.
    fn single(&self) -> Option<i128> {
        match self {
            Head::Ranges(ranges) => match ranges[..] {
                [(lo, hi)] if lo == hi => Some(lo),
                _ => None,
            },
            Head::Open => None,
        }
    }
}

/// Where the code of an arm begins.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// With all its tests.
    full: Option<Block>,
    /// When its head is known to hold.
    known: Option<Block>,
}

/// The whole value that a test asks about first, and what of it; the rest of the test.
fn head_of(test: &Test) -> Option<(&Expr, bool, Ranges)> {
    match test {
        Test::Variant { place, variant } => {
            let index = i128::from(*variant);
            Some((place, true, vec![(index, index)]))
        }
        Test::Ints { place, ranges } => Some((place, false, ranges.clone())),
        Test::All(tests) => head_of(tests.first()?),
        Test::One(tests) => {
            let (place, variants, mut all) = head_of(tests.first()?)?;
            for test in &tests[1..] {
                // Places that begin a test at the same depth are the same one.
                let (other, _, more) = head_of(test)?;
                if other.ty != place.ty || depth(other) != depth(place) {
                    return None;
                }
                all.extend(more);
            }
            Some((place, variants, all))
        }
        Test::Any | Test::Cond(_) => None,
    }
}

/// How many steps a place is away from a variable.
fn depth(place: &Expr) -> u32 {
    match &place.kind {
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => 1 + depth(base),
        ExprKind::Deref(pointer) => 1 + depth(pointer),
        _ => 0,
    }
}

/// Whether each value of a range may have an entry in the first jump.
fn is_short((lo, hi): &(i128, i128)) -> bool {
    hi - lo < MAX_ENTRIES
}

/// Whether a test says no more than its head.
fn is_head_only(test: &Test) -> bool {
    match test {
        Test::Variant { .. } | Test::Ints { .. } => true,
        Test::One(tests) => tests.iter().all(|test| matches!(test, Test::Variant { .. } | Test::Ints { .. })),
        _ => false,
    }
}

/// What the arms of a `match` begin with, while their code is made.
struct Arms {
    heads: Vec<Head>,
    entries: Vec<Entry>,
    /// Where values go that no arm takes. There are none in a checked program, unless a guard changed the value.
    none: Option<Block>,
    /// Whether no jump was made yet.
    open: bool,
}

impl<'a> Lower<'a> {
    /// `match`: its leaves, or into `dest`.
    pub(super) fn match_value(
        &mut self,
        ty: Ty,
        value: &'a Expr,
        arms: &'a [Arm],
        dest: Option<Addr>,
    ) -> Leaves {
        self.place(value);
        if arms.is_empty() {
            // A type without variants has no values.
            self.b.ins().trap(super::traps::Trap::Unreachable.code());
            self.unreachable();
            return if dest.is_some() { Leaves::new() } else { self.zeros(ty) };
        }
        let merge = if dest.is_some() { self.b.create_block() } else { self.block_for(ty) };
        let (root, heads) = heads(value, arms);
        let mut all = Arms { entries: vec![Entry::default(); arms.len()], heads, none: None, open: false };
        match root {
            Some((place, variants)) => self.first_jump(place, variants, &mut all),
            None => all.open = true,
        }
        for (index, arm) in arms.iter().enumerate() {
            if self.begin_arm(index, arm, &mut all) {
                let known = all.heads[index].single();
                let fail = arm.guard.is_some().then(|| self.entry_from(&mut all, index + 1, known));
                self.arm_body(arm, fail, ty, dest, merge);
            }
        }
        if let Some(none) = all.none {
            self.enter(none);
            self.b.ins().trap(super::traps::Trap::Unreachable.code());
        }
        self.enter(merge);
        self.params(merge)
    }

    /// The tests of an arm, up to its body; false if nothing leads to it.
    fn begin_arm(&mut self, index: usize, arm: &'a Arm, all: &mut Arms) -> bool {
        let Entry { full, known } = all.entries[index];
        // The first arm may begin right here.
        let here = std::mem::take(&mut all.open);
        let whole = is_head_only(&arm.test) || matches!(arm.test, Test::Any);
        // Where both ways meet: behind the tests that follow the head.
        let body = match (full, known) {
            (None, None) if !here => return false,
            (Some(_), Some(known)) if whole => Some(known),
            (Some(_), Some(_)) => Some(self.b.create_block()),
            _ => None,
        };
        full.iter().for_each(|full| self.enter(*full));
        if here || full.is_some() {
            if !matches!(arm.test, Test::Any) {
                let fail = self.entry_from(all, index + 1, None);
                self.test(&arm.test, fail);
            }
            body.iter().for_each(|body| self.jump(*body, &[]));
        }
        if let Some(known) = known {
            self.enter(known);
            if !whole {
                let single = all.heads[index].single();
                let fail = self.entry_from(all, index + 1, single);
                match &arm.test {
                    Test::All(tests) if is_head_only(&tests[0]) => {
                        tests[1..].iter().for_each(|test| self.test(test, fail));
                    }
                    test => self.test(test, fail),
                }
                if let Some(body) = body {
                    self.jump(body, &[]);
                    self.enter(body);
                }
            }
        }
        true
    }

    /// Binds what the pattern names, asks the guard, and evaluates the arm.
    fn arm_body(&mut self, arm: &'a Arm, fail: Option<Block>, ty: Ty, dest: Option<Addr>, merge: Block) {
        let depth = self.scopes.len();
        self.scopes.push(Scope::default());
        for (local, value) in &arm.bindings {
            self.init_local(*local, value);
        }
        if let (Some(guard), Some(fail)) = (&arm.guard, fail) {
            let holds = self.b.create_block();
            self.condition(guard, holds, fail);
            self.enter(holds);
        }
        for (local, _) in &arm.bindings {
            self.enter_local(*local, true);
        }
        let leaves = self.arm(&arm.body, ty, dest);
        self.drop_scopes(depth);
        self.scopes.truncate(depth);
        self.jump(merge, &leaves);
    }

    /// Where the first arm from `from` on begins that could take the value, of which the head may be known.
    fn entry_from(&mut self, all: &mut Arms, from: usize, known: Option<i128>) -> Block {
        let takes = |head: &Head| known.is_none_or(|value| head.takes(value));
        let Some(index) = (from..all.heads.len()).find(|&index| takes(&all.heads[index])) else {
            return match all.none {
                Some(block) => block,
                None => *all.none.insert(self.cold_block()),
            };
        };
        let is_known = known.is_some() && matches!(all.heads[index], Head::Ranges(_));
        let entry = &mut all.entries[index];
        let slot = if is_known { &mut entry.known } else { &mut entry.full };
        match *slot {
            Some(block) => block,
            None => *slot.insert(self.b.create_block()),
        }
    }

    /// Jumps to the first arm that could take the value, by its variant or number.
    fn first_jump(&mut self, place: &'a Expr, variants: bool, all: &mut Arms) {
        let number = if variants { self.variant_tag(place) } else { self.scalar(place) };
        let mut values: Vec<i128> = Vec::new();
        for head in &all.heads {
            let Head::Ranges(ranges) = head else { continue };
            for &(lo, hi) in ranges.iter().filter(|range| is_short(range)) {
                values.extend(lo..=hi);
            }
        }
        values.sort_unstable();
        values.dedup();
        let whole = variants && self.info(place.ty).variants.len() == values.len();
        // When all variants are there, the last one needs no comparison.
        let last = if whole { values.pop() } else { None };
        let open = |head: &Head| match head {
            Head::Open => true,
            Head::Ranges(ranges) => !ranges.iter().all(is_short),
        };
        let otherwise = match all.heads.iter().position(open) {
            _ if last.is_some() => self.entry_from(all, 0, last),
            Some(index) => self.entry_from(all, index, None),
            None => self.entry_from(all, all.heads.len(), None),
        };
        let mask = (1u128 << self.b.func.dfg.value_type(number).bits()) - 1;
        let mut switch = Switch::new();
        for value in values {
            let block = self.entry_from(all, 0, Some(value));
            if block != otherwise {
                switch.set_entry(value as u128 & mask, block);
            }
        }
        switch.emit(&mut self.b, number, otherwise);
    }

    /// Goes on when the test holds, and to `fail` when it does not.
    fn test(&mut self, test: &'a Test, fail: Block) {
        match test {
            Test::Any => {}
            Test::All(tests) => tests.iter().for_each(|test| self.test(test, fail)),
            Test::One(tests) => {
                let holds = self.b.create_block();
                for (index, test) in tests.iter().enumerate() {
                    let last = index + 1 == tests.len();
                    let next = if last { fail } else { self.b.create_block() };
                    self.test(test, next);
                    self.jump(holds, &[]);
                    if !last {
                        self.enter(next);
                    }
                }
                self.enter(holds);
            }
            Test::Variant { place, variant } => {
                let tag = self.variant_tag(place);
                let same = self.b.ins().icmp_imm_u(IntCC::Equal, tag, i64::from(*variant));
                self.go_on_if(same, fail);
            }
            Test::Ints { place, ranges } => {
                let value = self.scalar(place);
                let holds = self.in_ranges(value, ranges);
                self.go_on_if(holds, fail);
            }
            Test::Cond(cond) => {
                let holds = self.b.create_block();
                self.condition(cond, holds, fail);
                self.enter(holds);
            }
        }
    }

    /// Whether a number is in one of these ranges.
    fn in_ranges(&mut self, value: ir::Value, ranges: &[(i128, i128)]) -> ir::Value {
        let ty = self.b.func.dfg.value_type(value);
        let mut any: Option<ir::Value> = None;
        for &(lo, hi) in ranges {
            let first = self.int(ty, lo as i64);
            let inside = if lo == hi {
                self.b.ins().icmp(IntCC::Equal, value, first)
            } else {
                let distance = self.b.ins().isub(value, first);
                let width = self.int(ty, (hi - lo) as i64);
                self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, distance, width)
            };
            any = Some(match any {
                None => inside,
                Some(before) => self.b.ins().bor(before, inside),
            });
        }
        match any {
            Some(any) => any,
            None => self.int(ir::types::I8, 0),
        }
    }
}

/// What the first jump looks at, if it is worth it, and what each arm asks of that.
fn heads<'a>(value: &Expr, arms: &'a [Arm]) -> (Option<(&'a Expr, bool)>, Vec<Head>) {
    let root_depth = match &value.kind {
        ExprKind::Temp { .. } => 0,
        _ => depth(value),
    };
    let mut root: Option<(&Expr, bool)> = None;
    let mut count = 0;
    let mut heads: Vec<Head> = Vec::with_capacity(arms.len());
    for arm in arms {
        let found = head_of(&arm.test).filter(|(place, ..)| {
            // References that patterns look through do not count.
            root.is_none_or(|(known, _)| known.ty == place.ty && depth(known) == depth(place))
                && is_whole(place, root_depth)
        });
        heads.push(match found {
            Some((place, variants, ranges)) => {
                root.get_or_insert((place, variants));
                count += 1;
                Head::Ranges(ranges)
            }
            None => Head::Open,
        });
    }
    if count < 2 {
        return (None, arms.iter().map(|_| Head::Open).collect());
    }
    (root, heads)
}

/// Whether a place is the value that is looked at, through references at most.
fn is_whole(place: &Expr, root_depth: u32) -> bool {
    let mut place = place;
    while depth(place) > root_depth {
        match &place.kind {
            ExprKind::Deref(pointer) => place = pointer,
            _ => return false,
        }
    }
    true
}
