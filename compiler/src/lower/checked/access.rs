//! One load or store.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, MemFlagsData, types};
use vex_runtime::checked::map;

use super::integers::OF_BLOCK;
use super::known::{Key, Known, Place, Tested};
use crate::lower::addr::{Addr, Kind, Root, SHADOW_REGION};
use crate::lower::func::Lower;
use crate::lower::rt::Rt;

/// An access.
#[derive(Clone, Copy, Debug)]
pub(in crate::lower) struct Access {
    /// Bytes.
    pub size: u32,
    /// What the address has to be a multiple of.
    pub align: u32,
    /// Whether it writes.
    pub write: bool,
    /// Whether bytes may be read that were never written.
    pub unwritten: bool,
    /// Whether the address is an integer.
    pub integer: bool,
}

impl Access {
    /// The access of a scalar at an address of some kind.
    pub(in crate::lower) fn scalar(ty: ir::Type, kind: Kind, write: bool) -> Access {
        let size = ty.bytes();
        let align = if matches!(kind, Kind::Bytes | Kind::Integer) { 1 } else { size.min(8) };
        Access { size, align, write, unwritten: false, integer: kind == Kind::Integer }
    }

    /// What the runtime is told of it.
    pub(super) fn what(self) -> i64 {
        i64::from(self.size)
            | i64::from(self.write) << 32
            | i64::from(self.align.trailing_zeros()) << 40
            | i64::from(self.unwritten) << 48
            | i64::from(self.integer) << 49
    }
}

/// What an address is compared with.
struct Bounds {
    key: Key,
    early: Option<ir::Value>,
    late: Option<ir::Value>,
    /// The pointer, without a tag.
    start: ir::Value,
    /// What all that was added to it is a multiple of.
    step: u64,
    /// How many bytes it refers to, if it is a reference.
    whole: u64,
    /// And its alignment.
    align: u64,
    /// The sum, without a tag.
    address: ir::Value,
    /// How far it is from the first byte that may be accessed.
    inside: ir::Value,
    /// How many bytes may be accessed from there on.
    size: ir::Value,
    /// The shadow byte at the address that an integer started from.
    state: Option<ir::Value>,
}

impl Bounds {
    fn place(&self) -> Place {
        Place { key: self.key, early: self.early, late: self.late }
    }

    /// Whether an access is in what a reference refers to, whole.
    fn covers(&self, offset: i32, size: u32) -> bool {
        offset >= 0 && i64::from(offset) + i64::from(size) <= self.whole as i64
    }
}

/// `byte` in each of `size` bytes.
fn each(byte: u8, size: u32) -> i64 {
    let word = u64::from_ne_bytes([byte; 8]);
    (if size >= 8 { word } else { word & ((1 << (8 * size)) - 1) }) as i64
}

impl Lower<'_> {
    /// Memory flags for the checker's own tables: `region` is the alias region.
    pub(super) fn own_flags(region: u32) -> MemFlagsData {
        MemFlagsData::trusted().with_alias_region(Some(ir::AliasRegion::from_u32(region)))
    }

    /// Memory flags for shadow bytes.
    pub(super) fn shadow_flags() -> MemFlagsData {
        Self::own_flags(SHADOW_REGION)
    }

    /// Tests an access of the bytes from `base + offset` on, which `root` says how `base` was computed. The address to use
    /// instead of `base`, without a tag.
    pub(in crate::lower) fn guard(
        &mut self,
        base: ir::Value,
        offset: i32,
        root: Root,
        access: Access,
    ) -> ir::Value {
        let bounds =
            if access.integer { self.bounds_of_integer(base, offset, root) } else { self.bounds(root) };
        if let Some(known) = self.tested_before(&bounds, offset, access) {
            return known;
        }
        let (slow, done) = (self.cold_block(), self.b.create_block());
        let ptr = self.ptr;
        self.b.append_block_param(done, ptr);
        let mut point = self.point();
        let stepwise = self.is_stepwise(&bounds, offset, access);
        if !self.checks.reaches(bounds.place(), offset, access.size) {
            let inside = self.b.create_block();
            let fits = self.in_bounds(&bounds, offset, access, stepwise);
            self.b.ins().brif(fits, inside, &[], slow, &[]);
            self.enter(inside);
            if bounds.covers(offset, access.size) {
                point.reach(bounds.place(), bounds.whole);
            }
        }
        self.test_shadow(&bounds, offset, access, stepwise, [slow, done]);
        self.enter(slow);
        let instead = self.refused(base, offset, root.value, access);
        self.b.ins().jump(done, &[instead.into()]);
        self.enter(done);
        self.resume(&point);
        let result = self.b.block_params(done)[0];
        let (low, high) = (i64::from(offset), i64::from(offset) + i64::from(access.size));
        let written = access.write || !access.unwritten;
        let place = bounds.place();
        self.checks.note(done, Tested { place, low, high, written, align: access.align, base: result });
        result
    }

    /// Whether an access is aligned if the pointer is that its address was computed from.
    fn is_stepwise(&self, bounds: &Bounds, offset: i32, access: Access) -> bool {
        let align = u64::from(access.align);
        // A reference has the alignment of all that it refers to.
        let known = !bounds.covers(offset, access.size) || align <= bounds.align;
        known && bounds.step.is_multiple_of(align) && i64::from(offset) % align as i64 == 0
    }

    /// What an earlier test of the same bytes found, if there is one that says as much.
    fn tested_before(&self, bounds: &Bounds, offset: i32, access: Access) -> Option<ir::Value> {
        let (low, high) = (i64::from(offset), i64::from(offset) + i64::from(access.size));
        let says = |tested: &&Tested| {
            tested.place == bounds.place()
                && tested.low <= low
                && high <= tested.high
                && (tested.written || (access.unwritten && !access.write))
                && (access.align == 1 || (tested.low == low && access.align <= tested.align))
        };
        self.checks.tested().iter().find(says).map(|tested| tested.base)
    }

    /// What an address that was computed from a pointer is to be compared with.
    fn bounds(&mut self, root: Root) -> Bounds {
        let Known { key, address: start, mut inside, size } = self.known(root);
        let mut address = start;
        for part in [root.early, root.late].into_iter().flatten() {
            address = self.b.ins().iadd(address, part);
            inside = self.b.ins().iadd(inside, part);
        }
        let Root { early, late, step, whole, align, .. } = root;
        Bounds { key, early, late, start, step, whole, align, address, inside, size, state: None }
    }

    fn bounds_of_integer(&mut self, address: ir::Value, offset: i32, root: Root) -> Bounds {
        let size = self.arena_size();
        // Of an address that is not computed nothing more is known.
        let state = (root.value != address || offset != 0).then(|| self.known_start(root).inside);
        let inside = self.b.ins().iadd_imm_s(address, -(map::ARENA as i64));
        let key = Key::Value(address);
        Bounds {
            key,
            early: None,
            late: None,
            start: address,
            step: 1,
            whole: 0,
            align: 1,
            address,
            inside,
            size,
            state,
        }
    }

    /// Whether an access is inside of what a tag stands for, and with `stepwise` whether the pointer is aligned that it
    /// was computed from. Of a reference all that it refers to is tested at once.
    fn in_bounds(&mut self, bounds: &Bounds, offset: i32, access: Access, stepwise: bool) -> ir::Value {
        let (offset, size, align) = match bounds.covers(offset, access.size) {
            true => (0, bounds.whole as i64, bounds.align.max(1)),
            false => (i64::from(offset), i64::from(access.size), u64::from(access.align)),
        };
        let from = if offset == 0 { bounds.inside } else { self.b.ins().iadd_imm_s(bounds.inside, offset) };
        // The limit does not change in a loop: it is computed before.
        let zero = self.int(types::I64, 0);
        let mut limit = bounds.size;
        if size > 1 {
            let less = self.b.ins().iadd_imm_s(limit, 1 - size);
            let fits = self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThanOrEqual, limit, size);
            limit = self.b.ins().select(fits, less, zero);
        }
        if stepwise && align > 1 {
            let rest = self.b.ins().band_imm_u(bounds.start, align as i64 - 1);
            limit = self.b.ins().select(rest, zero, limit);
        }
        self.b.ins().icmp(IntCC::UnsignedLessThan, from, limit)
    }

    /// Looks at the alignment and the shadow; what is written counts as such from then on.
    fn test_shadow(
        &mut self,
        bounds: &Bounds,
        offset: i32,
        access: Access,
        stepwise: bool,
        [slow, done]: [Block; 2],
    ) {
        let address = bounds.address;
        let Access { size, align, write, unwritten, .. } = access;
        let shadow = self.b.ins().iadd_imm_s(address, map::SHADOW_OFFSET as i64);
        let states = self.shadow_of(shadow, offset, size);
        let mut misaligned = (align > 1 && !stepwise).then(|| {
            let at = if offset == 0 { address } else { self.b.ins().iadd_imm_s(address, i64::from(offset)) };
            self.b.ins().band_imm_u(at, i64::from(align) - 1)
        });
        if let Some(state) = bounds.state {
            // Another block's byte is as bad as an address that is not aligned.
            let differs = self.b.ins().bxor(state, states);
            misaligned = Some(self.b.ins().band_imm_u(differs, i64::from(OF_BLOCK)));
        }
        let wrong = |lower: &mut Self, bad: u8| {
            let wrong = lower.b.ins().band_imm_s(states, each(bad, size));
            misaligned.map_or(wrong, |misaligned| lower.b.ins().bor(wrong, misaligned))
        };
        if !write {
            let wrong = wrong(self, if unwritten { map::POISON } else { map::POISON | map::UNWRITTEN });
            self.b.ins().brif(wrong, slow, &[], done, &[address.into()]);
            return;
        }
        let (first, mark) = (self.cold_block(), self.cold_block());
        let new_or_wrong = wrong(self, map::POISON | map::UNWRITTEN);
        self.b.ins().brif(new_or_wrong, first, &[], done, &[address.into()]);
        self.enter(first);
        let wrong = wrong(self, map::POISON);
        self.b.ins().brif(wrong, slow, &[], mark, &[]);
        self.enter(mark);
        let written = self.b.ins().band_imm_s(states, each(!map::UNWRITTEN, size));
        self.set_shadow(shadow, offset, size, written);
        self.b.ins().jump(done, &[address.into()]);
    }

    /// The call for what the tests did not allow: it reports a defect, or knows better. What to use instead of the base.
    fn refused(&mut self, base: ir::Value, offset: i32, root: ir::Value, access: Access) -> ir::Value {
        let at = if offset == 0 { base } else { self.b.ins().iadd_imm_s(base, i64::from(offset)) };
        let what = self.int(types::I64, access.what());
        let instead = self.rt_rarely(Rt::CheckedAccess, &[at, root, what])[0];
        if offset == 0 { instead } else { self.b.ins().iadd_imm_s(instead, -i64::from(offset)) }
    }

    /// The shadow of up to eight bytes.
    fn shadow_of(&mut self, shadow: ir::Value, offset: i32, size: u32) -> ir::Value {
        let flags = Self::shadow_flags();
        match size {
            1 => self.b.ins().uload8(types::I64, flags, shadow, offset),
            2 => self.b.ins().uload16(types::I64, flags, shadow, offset),
            4 => self.b.ins().uload32(flags, shadow, offset),
            _ => self.b.ins().load(types::I64, flags, shadow, offset),
        }
    }

    fn set_shadow(&mut self, shadow: ir::Value, offset: i32, size: u32, states: ir::Value) {
        let flags = Self::shadow_flags();
        match size {
            1 => self.b.ins().istore8(flags, states, shadow, offset),
            2 => self.b.ins().istore16(flags, states, shadow, offset),
            4 => self.b.ins().istore32(flags, states, shadow, offset),
            _ => self.b.ins().store(flags, states, shadow, offset),
        };
    }

    /// Whether accesses of an address are tested.
    pub(in crate::lower) fn is_guarded(&self, addr: &Addr) -> bool {
        self.is_checked() && addr.is_program_pointer()
    }
}
