//! One load or store.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, MemFlagsData, types};
use vex_runtime::checked::map;

use super::integers::OF_BLOCK;
use super::known::{Key, Known, Tested};
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
    /// It, without a tag.
    address: ir::Value,
    /// How far it is from the first byte that may be accessed.
    inside: ir::Value,
    /// How many bytes may be accessed from there on.
    size: ir::Value,
    /// The shadow byte at the address that an integer started from.
    state: Option<ir::Value>,
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
        let (slow, inside, done) = (self.cold_block(), self.b.create_block(), self.b.create_block());
        let ptr = self.ptr;
        self.b.append_block_param(done, ptr);
        let point = self.point();
        let fits = self.in_bounds(&bounds, offset, access);
        self.b.ins().brif(fits, inside, &[], slow, &[]);
        self.enter(inside);
        self.test_shadow(&bounds, offset, access, [slow, done]);
        self.enter(slow);
        let instead = self.refused(base, offset, root.value, access);
        self.b.ins().jump(done, &[instead.into()]);
        self.enter(done);
        self.resume(&point);
        let result = self.b.block_params(done)[0];
        let Bounds { key, early, late, .. } = bounds;
        let (low, high) = (i64::from(offset), i64::from(offset) + i64::from(access.size));
        let written = access.write || !access.unwritten;
        let tested = Tested { key, early, late, low, high, written, align: access.align, base: result };
        self.checks.note(done, tested);
        result
    }

    /// What an earlier test of the same bytes found, if there is one that says as much.
    fn tested_before(&self, bounds: &Bounds, offset: i32, access: Access) -> Option<ir::Value> {
        let (low, high) = (i64::from(offset), i64::from(offset) + i64::from(access.size));
        let says = |tested: &&Tested| {
            tested.key == bounds.key
                && (tested.early, tested.late) == (bounds.early, bounds.late)
                && tested.low <= low
                && high <= tested.high
                && (tested.written || (access.unwritten && !access.write))
                && (access.align == 1 || (tested.low == low && access.align <= tested.align))
        };
        self.checks.tested().iter().find(says).map(|tested| tested.base)
    }

    /// What an address that was computed from a pointer is to be compared with.
    fn bounds(&mut self, root: Root) -> Bounds {
        let Known { key, mut address, mut inside, size } = self.known(root);
        for part in [root.early, root.late].into_iter().flatten() {
            address = self.b.ins().iadd(address, part);
            inside = self.b.ins().iadd(inside, part);
        }
        Bounds { key, early: root.early, late: root.late, address, inside, size, state: None }
    }

    fn bounds_of_integer(&mut self, address: ir::Value, offset: i32, root: Root) -> Bounds {
        let size = self.arena_size();
        // Of an address that is not computed nothing more is known.
        let state = (root.value != address || offset != 0).then(|| self.known_start(root).inside);
        let inside = self.b.ins().iadd_imm_s(address, -(map::ARENA as i64));
        Bounds { key: Key::Value(address), early: None, late: None, address, inside, size, state }
    }

    /// Whether an access is inside of what a tag stands for.
    fn in_bounds(&mut self, bounds: &Bounds, offset: i32, access: Access) -> ir::Value {
        let Access { size, align, .. } = access;
        if size == 1 || align == size {
            // An aligned access that begins before an aligned start ends before it.
            let last = i64::from(offset) + i64::from(size) - 1;
            let last = if last == 0 { bounds.inside } else { self.b.ins().iadd_imm_s(bounds.inside, last) };
            return self.b.ins().icmp(IntCC::UnsignedLessThan, last, bounds.size);
        }
        let from = bounds.inside;
        let from = if offset == 0 { from } else { self.b.ins().iadd_imm_s(from, i64::from(offset)) };
        let left = self.b.ins().isub(bounds.size, from);
        let left = self.b.ins().iadd_imm_s(left, -i64::from(size));
        let both = self.b.ins().bor(left, from);
        self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, both, 0)
    }

    /// Looks at the alignment and the shadow; what is written counts as such from then on.
    fn test_shadow(&mut self, bounds: &Bounds, offset: i32, access: Access, [slow, done]: [Block; 2]) {
        let address = bounds.address;
        let Access { size, align, write, unwritten, .. } = access;
        let shadow = self.b.ins().iadd_imm_s(address, map::SHADOW_OFFSET as i64);
        let states = self.shadow_of(shadow, offset, size);
        let mut misaligned = (align > 1).then(|| {
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
