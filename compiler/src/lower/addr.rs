//! Addresses, loads, stores and copies.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AliasRegion, AliasRegionData, InstBuilder, MemFlagsData, StackSlot, types,
};
use smallvec::SmallVec;

use super::checked::{Access, may_be_unwritten};
use super::decl::namespace;
use super::func::{Home, Leaves, Lower};
use super::rt::Rt;
use super::value::TypeInfo;

/// Copies of up to this many bytes are loads and stores; longer ones call libc.
pub(super) const MAX_INLINE: u64 = 128;

/// The alias region of the table of tags, in checked code.
pub(super) const TABLE_REGION: u32 = 3;

/// That of the shadow bytes.
pub(super) const SHADOW_REGION: u32 = 4;

/// What is known of the memory at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In the frame, and nothing points at it.
    Private,
    /// In the frame or a global: there and aligned, but pointers may point at it.
    Shared,
    /// Where a reference points: aligned; there unless the program lied to the checker.
    Reference,
    /// Where a raw pointer points: anything.
    Raw,
    /// Likewise, for an access that no type is behind and that need not be aligned.
    Bytes,
    /// Where an integer says.
    Integer,
    /// The heap's own data, which no pointer of the program points at.
    Heap,
}

/// What an address is counted from.
#[derive(Clone, Copy, Debug)]
enum Base {
    Value(ir::Value),
    Slot(StackSlot),
    Data(u32),
    Symbol(u32),
}

/// A pointer, and what was added to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    /// The pointer.
    pub value: ir::Value,
    /// The SSA variable that it is in, if it is in one.
    pub var: Option<u32>,
    /// What was added that does not change in the innermost loop, in bytes.
    pub early: Option<ir::Value>,
    /// What else was added, in bytes.
    pub late: Option<ir::Value>,
    /// What all that was added is a multiple of; 0 if nothing was.
    pub step: u64,
    /// Of a reference that nothing was added to: how many bytes it refers to, else 0.
    pub whole: u64,
    /// And what it is a multiple of.
    pub align: u64,
}

impl Root {
    /// A pointer that nothing was added to.
    pub(super) fn of(value: ir::Value) -> Root {
        Root { value, var: None, early: None, late: None, step: 0, whole: 0, align: 1 }
    }
}

/// An address: a base and a constant offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addr {
    base: Base,
    offset: i64,
    kind: Kind,
    /// What the base was computed from, for checked code.
    root: Option<Root>,
}

impl Addr {
    /// The address in `base`.
    pub(super) fn value(base: ir::Value, kind: Kind) -> Addr {
        Addr { base: Base::Value(base), offset: 0, kind, root: None }
    }

    /// The address in `base`, which was computed like this.
    pub(super) fn derived(base: ir::Value, kind: Kind, root: Root) -> Addr {
        Addr { root: Some(root), ..Addr::value(base, kind) }
    }

    /// The same address, of which it is known that SSA variable `var` has the base.
    pub(super) fn of_variable(self, var: Option<u32>) -> Addr {
        match (self.base, var) {
            (Base::Value(value), Some(_)) => Addr { root: Some(Root { var, ..Root::of(value) }), ..self },
            _ => self,
        }
    }

    /// How many bytes behind the base it is.
    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    /// The same address, which a reference to so many bytes with this alignment is.
    pub(super) fn of_whole(self, bytes: u64, align: u64) -> Addr {
        match self.root() {
            Some(root) if root.late.is_none() && root.early.is_none() && self.offset == 0 => {
                Addr { root: Some(Root { whole: bytes, align, ..root }), ..self }
            }
            _ => self,
        }
    }

    /// The same address, to which a multiple of `step` bytes was just added.
    pub(super) fn in_steps_of(self, step: u64, before: u64) -> Addr {
        let root = self.root.map(|root| Root { step: gcd(before, step), ..root });
        Addr { root, ..self }
    }

    /// What the base was computed from.
    pub(super) fn root(&self) -> Option<Root> {
        match self.base {
            Base::Value(value) => Some(self.root.unwrap_or(Root::of(value))),
            _ => None,
        }
    }

    /// The start of a stack slot.
    pub(super) fn slot(slot: StackSlot, kind: Kind) -> Addr {
        Addr { base: Base::Slot(slot), offset: 0, kind, root: None }
    }

    /// The start of a data object.
    pub(super) fn data(index: u32) -> Addr {
        Addr { base: Base::Data(index), offset: 0, kind: Kind::Shared, root: None }
    }

    /// The start of an object from outside.
    pub(super) fn symbol(index: u32) -> Addr {
        Addr { base: Base::Symbol(index), offset: 0, kind: Kind::Shared, root: None }
    }

    /// The memory of a variable that lives in memory.
    pub(super) fn home(home: Home) -> Addr {
        match home {
            Home::Slot(slot, kind) => Addr::slot(slot, kind),
            Home::Pointer(pointer) => Addr::value(pointer, Kind::Shared),
            Home::Memory(addr) => addr,
            Home::Vars(_) | Home::Bound(_) => unreachable!("the variable has no address"),
        }
    }

    /// `bytes` further.
    pub(super) fn plus(self, bytes: i64) -> Addr {
        Addr { offset: self.offset.wrapping_add(bytes), ..self }
    }

    /// The same address with other knowledge.
    pub(super) fn with_kind(self, kind: Kind) -> Addr {
        Addr { kind, ..self }
    }

    /// What is known of the memory.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is in a pointer or integer that the program may have made.
    pub(super) fn is_program_pointer(&self) -> bool {
        let own = matches!(self.kind, Kind::Reference | Kind::Raw | Kind::Bytes | Kind::Integer);
        own && matches!(self.base, Base::Value(_))
    }
}

impl<'a> Lower<'a> {
    /// The address in a register.
    pub(super) fn address(&mut self, addr: Addr) -> ir::Value {
        let (base, offset) = self.base(addr, 0);
        if offset == 0 { base } else { self.b.ins().iadd_imm_s(base, i64::from(offset)) }
    }

    /// The address `bytes` further, for a number of bytes known at run time only.
    pub(super) fn offset_by(&mut self, addr: Addr, bytes: ir::Value) -> Addr {
        let base = match addr.base {
            Base::Value(value) => value,
            _ => self.address(Addr { offset: 0, ..addr }),
        };
        let root = match addr.base {
            Base::Value(_) if self.is_guarded(&addr) => {
                let root = addr.root.unwrap_or(Root::of(base));
                let late = match root.late {
                    None => bytes,
                    Some(before) => self.b.ins().iadd(before, bytes),
                };
                Some(Root { late: Some(late), step: 1, whole: 0, ..root })
            }
            _ => None,
        };
        Addr { base: Base::Value(self.b.ins().iadd(base, bytes)), root, ..addr }
    }

    /// Base and small offset of an address, for accesses of at most `reach` bytes behind it.
    fn base(&mut self, addr: Addr, reach: i64) -> (ir::Value, i32) {
        let base = match addr.base {
            Base::Value(value) => value,
            Base::Slot(slot) => self.b.ins().stack_addr(self.ptr, slot, 0),
            Base::Data(index) => self.data_addr(namespace::DATA, index),
            Base::Symbol(index) => self.data_addr(namespace::SYMBOL, index),
        };
        match (i32::try_from(addr.offset), i32::try_from(addr.offset.wrapping_add(reach))) {
            (Ok(offset), Ok(_)) => (base, offset),
            _ => (self.b.ins().iadd_imm_s(base, addr.offset), 0),
        }
    }

    /// Three regions of memory for alias analysis: what only this function can reach, the heap's own data, and
    /// everything else.
    fn flags(&self, kind: Kind) -> MemFlagsData {
        let region = AliasRegion::from_u32(match kind {
            Kind::Private => 0,
            Kind::Heap => 2,
            _ => 1,
        });
        let flags = match kind {
            Kind::Private | Kind::Shared | Kind::Heap => MemFlagsData::trusted(),
            Kind::Reference => MemFlagsData::new().with_aligned(),
            Kind::Raw | Kind::Bytes | Kind::Integer => MemFlagsData::new(),
        };
        flags.with_alias_region(Some(region))
    }

    /// Adds the regions that [`Lower::flags`] uses. Their ids are the same in every function, so that an inlined one
    /// agrees with its caller.
    pub(super) fn declare_regions(&mut self) {
        let heap = self.decls.options.heap.map(|_| (2, "heap"));
        let checked: &[(u32, &str)] = if self.is_checked() {
            &[(2, "heap"), (TABLE_REGION, "tags"), (SHADOW_REGION, "shadow")]
        } else {
            &[]
        };
        let regions = [(0, "frame"), (1, "memory")].into_iter().chain(heap).chain(checked.iter().copied());
        for (user_id, description) in regions {
            let description = description.into();
            self.b.func.dfg.alias_regions.insert(AliasRegionData { user_id, description });
        }
    }

    /// Loads a scalar.
    pub(super) fn load(&mut self, ty: ir::Type, addr: Addr) -> ir::Value {
        self.load_as(ty, addr, false)
    }

    /// Loads a scalar that, with `unwritten`, may be loaded although nobody wrote it.
    fn load_as(&mut self, ty: ir::Type, addr: Addr, unwritten: bool) -> ir::Value {
        let access = Access { unwritten, ..Access::scalar(ty, addr.kind, false) };
        let (base, offset) = self.guarded_base(addr, access);
        let flags = self.flags(addr.kind);
        self.b.ins().load(ty, flags, base, offset)
    }

    /// Base and offset of an access, tested in checked code.
    fn guarded_base(&mut self, addr: Addr, access: Access) -> (ir::Value, i32) {
        let (base, offset) = self.base(addr, i64::from(access.size));
        match addr.root() {
            Some(root) if self.is_guarded(&addr) => {
                // An offset that is too large for an instruction is a part of the base.
                let far = i64::from(offset) != addr.offset;
                let root = if far { Root::of(base) } else { root };
                (self.guard(base, offset, root, access), offset)
            }
            _ => (base, offset),
        }
    }

    /// Stores a scalar.
    pub(super) fn store(&mut self, value: ir::Value, addr: Addr) {
        let access = Access::scalar(self.b.func.dfg.value_type(value), addr.kind, true);
        let (base, offset) = self.guarded_base(addr, access);
        let flags = self.flags(addr.kind);
        self.b.ins().store(flags, value, base, offset);
    }

    /// Loads a flat value.
    pub(super) fn load_leaves(&mut self, addr: Addr, info: &TypeInfo) -> Leaves {
        let leaves = info.leaves.iter().enumerate();
        leaves
            .map(|(index, leaf)| {
                let unwritten = may_be_unwritten(info, index);
                self.load_as(leaf.ty, addr.plus(leaf.offset.into()), unwritten)
            })
            .collect()
    }

    /// Stores a flat value.
    pub(super) fn store_leaves(&mut self, addr: Addr, info: &TypeInfo, leaves: &[ir::Value]) {
        for (leaf, &value) in info.leaves.iter().zip(leaves) {
            self.store(value, addr.plus(leaf.offset.into()));
        }
    }

    /// Copies a value from `src` to `dst`, which may be the same or overlap.
    pub(super) fn copy(&mut self, dst: Addr, src: Addr, info: &TypeInfo) {
        if info.flat {
            let leaves = self.load_leaves(src, info);
            return self.store_leaves(dst, info, &leaves);
        }
        if self.is_guarded(&dst) || self.is_guarded(&src) {
            return self.copy_tested(dst, src, info.size, info.align);
        }
        self.copy_bytes(dst, src, info.size);
    }

    /// Copies bytes of memory that is not tested, or was.
    pub(super) fn copy_bytes(&mut self, dst: Addr, src: Addr, size: u64) {
        if size <= MAX_INLINE {
            return self.copy_inline(dst, src, size);
        }
        // Two variables of the frame are the same or apart; C's memcpy copes with the same in practice, not by its
        // definition, so only what is known to be apart uses it.
        let apart = !self.is_checked()
            && dst.kind == Kind::Private
            && src.kind == Kind::Private
            && !same_base(dst, src);
        let (dst, src) = (self.address(dst), self.address(src));
        let size = self.int(self.ptr, size as i64);
        self.rt(if apart { Rt::Memcpy } else { Rt::Memmove }, &[dst, src, size]);
    }

    /// Copies `size` bytes with loads and stores. Everything is loaded first, so the two may overlap.
    pub(super) fn copy_inline(&mut self, dst: Addr, src: Addr, size: u64) {
        let mut pieces: SmallVec<[(ir::Value, i64); 16]> = SmallVec::new();
        for (offset, ty) in pieces_of(size) {
            pieces.push((self.load(ty, src.plus(offset)), offset));
        }
        for (value, offset) in pieces {
            self.store(value, dst.plus(offset));
        }
    }

    /// Fills `size` bytes with a constant byte, with stores.
    pub(super) fn fill_inline(&mut self, dst: Addr, byte: u8, size: u64) {
        let word = i64::from_ne_bytes([byte; 8]);
        let dst = if self.is_guarded(&dst) { self.tested(dst, size, 1, true) } else { dst };
        for (offset, ty) in pieces_of(size) {
            let value = if ty == types::I8X16 {
                let byte = self.int(types::I8, i64::from(byte));
                self.b.ins().splat(ty, byte)
            } else {
                self.int(ty, word)
            };
            self.store(value, dst.plus(offset));
        }
    }

    /// Whether the first `size` bytes at two addresses are equal, with loads: a boolean.
    pub(super) fn equal_inline(&mut self, left: Addr, right: Addr, size: u64) -> ir::Value {
        let mut differences: Option<ir::Value> = None;
        for (offset, ty) in words_of(size) {
            let (a, b) = (self.load(ty, left.plus(offset)), self.load(ty, right.plus(offset)));
            let mut difference = self.b.ins().bxor(a, b);
            if ty != types::I64 {
                difference = self.b.ins().uextend(types::I64, difference);
            }
            differences = Some(match differences {
                None => difference,
                Some(before) => self.b.ins().bor(before, difference),
            });
        }
        match differences {
            None => self.int(types::I8, 1),
            Some(all) => self.b.ins().icmp_imm_s(IntCC::Equal, all, 0),
        }
    }
}

/// The greatest number that both are a multiple of.
pub(super) fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn same_base(a: Addr, b: Addr) -> bool {
    matches!((a.base, b.base), (Base::Slot(a), Base::Slot(b)) if a == b)
        || !matches!((a.base, b.base), (Base::Slot(_), Base::Slot(_)))
}

/// The accesses that cover `size` bytes, biggest first: the last ones may cover bytes twice.
fn pieces_of(size: u64) -> SmallVec<[(i64, ir::Type); 16]> {
    let mut pieces = SmallVec::new();
    let mut offset = 0;
    while offset + 16 <= size {
        pieces.push((offset as i64, types::I8X16));
        offset += 16;
    }
    pieces.extend(words_of(size - offset).into_iter().map(|(at, ty)| (offset as i64 + at, ty)));
    pieces
}

/// The accesses of at most 8 bytes that cover `size` bytes, each byte once.
fn words_of(size: u64) -> SmallVec<[(i64, ir::Type); 16]> {
    let mut pieces = SmallVec::new();
    let mut offset = 0;
    for (width, ty) in [(8, types::I64), (4, types::I32), (2, types::I16), (1, types::I8)] {
        while offset + width <= size {
            pieces.push((offset as i64, ty));
            offset += width;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_covered_once() {
        for size in 0..=MAX_INLINE {
            for pieces in [pieces_of(size), words_of(size)] {
                let mut at = 0;
                for (offset, ty) in pieces {
                    assert_eq!(offset, at);
                    at += i64::from(ty.bytes());
                }
                assert_eq!(at as u64, size);
            }
        }
    }
}
