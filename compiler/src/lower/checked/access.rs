//! One load or store.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, MemFlagsData, types};
use vex_runtime::checked::map;

use super::Known;
use crate::lower::addr::{Addr, Kind, SHADOW_REGION, TABLE_REGION};
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

/// `byte` in each of `size` bytes.
fn each(byte: u8, size: u32) -> i64 {
    let word = u64::from_ne_bytes([byte; 8]);
    (if size >= 8 { word } else { word & ((1 << (8 * size)) - 1) }) as i64
}

impl Lower<'_> {
    /// Memory flags for the checker's own tables: `region` is the alias region.
    fn own_flags(region: u32) -> MemFlagsData {
        MemFlagsData::trusted().with_alias_region(Some(ir::AliasRegion::from_u32(region)))
    }

    /// Memory flags for shadow bytes.
    pub(super) fn shadow_flags() -> MemFlagsData {
        Self::own_flags(SHADOW_REGION)
    }

    /// What a pointer's tag stands for.
    fn known(&mut self, root: ir::Value, integer: bool) -> Known {
        let here = self.b.current_block();
        if self.checks.block != here {
            self.checks.known.clear();
            self.checks.block = here;
        }
        if let Some(known) = self.checks.known.iter().find(|known| known.root == root) {
            return *known;
        }
        let flags = Self::own_flags(TABLE_REGION);
        let (entry, table) = if integer {
            (self.int(self.ptr, map::TABLE as i64), 0)
        } else {
            let shift = i64::from(map::ADDRESS_BITS) - i64::from(map::ENTRY_SIZE.trailing_zeros());
            let shifted = self.b.ins().ushr_imm_u(root, shift);
            (self.b.ins().band_imm_s(shifted, -(map::ENTRY_SIZE as i64)), map::TABLE as i32)
        };
        let start = if integer {
            self.int(self.ptr, map::ARENA as i64)
        } else {
            self.b.ins().load(types::I64, flags, entry, table + map::ENTRY_BASE as i32)
        };
        let size = self.b.ins().load(types::I64, flags, entry, table + map::ENTRY_LIMIT as i32);
        let known = Known { root, start, size };
        self.checks.known.push(known);
        known
    }

    /// Tests an access of the bytes from `base + offset` on, of which `root` has the tag. The address to use instead of
    /// `base`, without a tag.
    pub(in crate::lower) fn guard(
        &mut self,
        base: ir::Value,
        offset: i32,
        root: ir::Value,
        access: Access,
    ) -> ir::Value {
        let known = self.known(root, access.integer);
        let address =
            if access.integer { base } else { self.b.ins().band_imm_s(base, map::ADDRESS_MASK as i64) };
        let (slow, inside, done) = (self.cold_block(), self.b.create_block(), self.b.create_block());
        let ptr = self.ptr;
        self.b.append_block_param(done, ptr);
        let inside_bounds = self.in_bounds(known, address, offset, access);
        self.b.ins().brif(inside_bounds, inside, &[], slow, &[]);
        self.enter(inside);
        self.test_shadow(address, offset, access, [slow, done]);
        self.enter(slow);
        let instead = self.refused(base, offset, root, access);
        self.b.ins().jump(done, &[instead.into()]);
        self.enter(done);
        self.checks.block = Some(done);
        self.b.block_params(done)[0]
    }

    /// Whether an access is inside of what a tag stands for.
    fn in_bounds(&mut self, known: Known, address: ir::Value, offset: i32, access: Access) -> ir::Value {
        let Access { size, align, .. } = access;
        let from = self.b.ins().isub(address, known.start);
        let from = if offset == 0 { from } else { self.b.ins().iadd_imm_s(from, i64::from(offset)) };
        if size == 1 || align == size {
            // An aligned access that begins before an aligned start ends before it.
            let last = if size == 1 { from } else { self.b.ins().iadd_imm_s(from, i64::from(size) - 1) };
            return self.b.ins().icmp(IntCC::UnsignedLessThan, last, known.size);
        }
        let left = self.b.ins().isub(known.size, from);
        let left = self.b.ins().iadd_imm_s(left, -i64::from(size));
        let both = self.b.ins().bor(left, from);
        self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, both, 0)
    }

    /// Looks at the alignment and the shadow; what is written counts as such from then on.
    fn test_shadow(&mut self, address: ir::Value, offset: i32, access: Access, [slow, done]: [Block; 2]) {
        let Access { size, align, write, unwritten, .. } = access;
        let shadow = self.b.ins().iadd_imm_s(address, map::SHADOW_OFFSET as i64);
        let states = self.shadow_of(shadow, offset, size);
        let misaligned = (align > 1).then(|| {
            let at = if offset == 0 { address } else { self.b.ins().iadd_imm_s(address, i64::from(offset)) };
            self.b.ins().band_imm_u(at, i64::from(align) - 1)
        });
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
