//! How values of each type are represented: which scalars ("leaves") a small value consists of, and where they lie
//! in memory. Big values live in memory only.

use cranelift_codegen::ir::{self, types};
use smallvec::SmallVec;

use crate::types::{Ty, TyKind, Types};

/// A value with more scalars than this, or with an array in it, lives in memory.
pub(super) const MAX_LEAVES: usize = 8;

/// A value with more scalars than this lives in memory too if they are narrow: there it is copied by whole words.
const MAX_NARROW: usize = 4;

/// How many bytes a scalar must have, on average, so that they are not narrow.
const WIDE: u64 = 4;

/// A scalar of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Its offset in bytes from the start of the value.
    pub offset: u32,
    /// What it is for the machine; booleans are `I8`, pointers the machine's pointer.
    pub ty: ir::Type,
}

/// A field of a structure, tuple or option, or one half of a `str` or slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldInfo {
    /// Its type.
    pub ty: Ty,
    /// Its offset in bytes.
    pub offset: u64,
    /// Index of its first leaf in the whole value's, when that is flat.
    pub leaf: u32,
}

/// What lowering knows of a type.
#[derive(Clone, Debug, Default)]
pub(super) struct TypeInfo {
    /// Size in bytes.
    pub size: u64,
    /// Alignment in bytes.
    pub align: u64,
    /// Whether the value consists of its leaves and lives in SSA values; else it lives in memory.
    pub flat: bool,
    /// The scalars of a flat value, in memory order.
    pub leaves: SmallVec<[Leaf; MAX_LEAVES]>,
    /// Of each leaf a bit: whether it belongs to the payload of a variant, so that nobody need have written it.
    pub payload: u32,
    /// Fields of a structure, tuple or option, in memory order.
    pub fields: Vec<FieldInfo>,
    /// Of a type with variants: the machine's type of its tag, which is its first leaf.
    pub tag: Option<ir::Type>,
    /// The payload of each variant.
    pub variants: Vec<Vec<FieldInfo>>,
    /// Whether dropping it does anything.
    pub needs_drop: bool,
}

impl TypeInfo {
    /// Whether it has so few leaves that they may live in SSA values.
    fn has_few_leaves(&self) -> bool {
        let count = self.leaves.len();
        count <= MAX_NARROW || (count <= MAX_LEAVES && self.size >= WIDE * count as u64)
    }

    /// Number of leaves of a flat type.
    pub(super) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// The types of the fields, or of those of all payloads.
    pub(super) fn part_types(&self) -> Vec<Ty> {
        self.fields.iter().chain(self.variants.iter().flatten()).map(|field| field.ty).collect()
    }

    /// What is known of the tag alone.
    pub(super) fn tag_only(&self, tag: ir::Type) -> TypeInfo {
        let bytes = u64::from(tag.bytes());
        let leaves = std::iter::once(Leaf { offset: 0, ty: tag }).collect();
        TypeInfo { size: bytes, align: bytes, flat: true, leaves, ..TypeInfo::default() }
    }
}

/// [`TypeInfo`] of every type of a program.
#[derive(Debug)]
pub(super) struct TypeTable {
    infos: Vec<TypeInfo>,
}

impl TypeTable {
    /// Computes the table. Types that cannot occur in a checked program have the default entry.
    pub(super) fn new(types: &Types, pointer: ir::Type) -> TypeTable {
        let mut table = TypeTable { infos: vec![TypeInfo::default(); types.all().count()] };
        let mut done = vec![false; table.infos.len()];
        for ty in types.all() {
            table.fill(types, ty, pointer, &mut done);
        }
        table
    }

    /// What is known of `ty`.
    pub(super) fn get(&self, ty: Ty) -> &TypeInfo {
        &self.infos[ty.index()]
    }

    fn fill(&mut self, types: &Types, ty: Ty, pointer: ir::Type, done: &mut [bool]) {
        if std::mem::replace(&mut done[ty.index()], true) {
            return;
        }
        if types.tag(ty).is_some() {
            return self.fill_variants(types, ty, pointer, done);
        }
        let parts = match types.kind(ty) {
            TyKind::Struct { .. } | TyKind::Tuple(_) => types.field_types(ty),
            TyKind::Array { elem, .. } => {
                self.fill(types, *elem, pointer, done);
                Vec::new()
            }
            TyKind::Param { .. } | TyKind::Infer(_) | TyKind::Error => return,
            _ => Vec::new(),
        };
        for &part in &parts {
            self.fill(types, part, pointer, done);
        }
        let layout = types.layout(ty);
        let mut info = TypeInfo {
            size: layout.size,
            align: layout.align,
            flat: true,
            needs_drop: types.needs_drop(ty),
            ..TypeInfo::default()
        };
        match types.kind(ty) {
            TyKind::Array { .. } => info.flat = layout.size == 0,
            TyKind::Struct { .. } | TyKind::Tuple(_) => {
                let offsets = types.field_offsets(ty);
                for (part, offset) in parts.into_iter().zip(offsets) {
                    self.add_field(&mut info, part, offset);
                }
            }
            TyKind::Str | TyKind::Slice { .. } => {
                info.leaves.push(Leaf { offset: 0, ty: pointer });
                info.leaves.push(Leaf { offset: pointer.bytes(), ty: pointer });
            }
            kind => info.leaves.extend(scalar(kind, pointer).map(|ty| Leaf { offset: 0, ty })),
        }
        info.flat &= info.has_few_leaves();
        if !info.flat {
            info.leaves.clear();
        }
        self.infos[ty.index()] = info;
    }

    /// A type with variants is flat if the payloads agree on what lies where: no two leaves of different kinds overlap.
    fn fill_variants(&mut self, types: &Types, ty: Ty, pointer: ir::Type, done: &mut [bool]) {
        let count = types.struct_of(ty).and_then(|def| def.variants.as_ref()).map_or(0, Vec::len);
        let payloads: Vec<Vec<Ty>> = (0..count).map(|variant| types.variant_types(ty, variant)).collect();
        for &part in payloads.iter().flatten() {
            self.fill(types, part, pointer, done);
        }
        let layout = types.layout(ty);
        let bits = types.tag(ty).map_or(8, |tag| tag.bits());
        let tag = ir::Type::int(bits as u16).expect("the widths of integer types exist");
        let mut info = TypeInfo {
            size: layout.size,
            align: layout.align,
            flat: true,
            tag: Some(tag),
            needs_drop: types.needs_drop(ty),
            ..TypeInfo::default()
        };
        info.leaves.push(Leaf { offset: 0, ty: tag });
        for (variant, payload) in payloads.into_iter().enumerate() {
            let offsets = types.variant_offsets(ty, variant);
            let fields =
                payload.into_iter().zip(offsets).map(|(ty, offset)| FieldInfo { ty, offset, leaf: 0 });
            let fields: Vec<FieldInfo> = fields.collect();
            info.flat &= fields.iter().all(|field| self.infos[field.ty.index()].flat);
            if info.flat {
                let parts = fields.iter().flat_map(|field| {
                    let leaves = self.infos[field.ty.index()].leaves.iter();
                    leaves.map(|leaf| Leaf { offset: leaf.offset + field.offset as u32, ty: leaf.ty })
                });
                info.flat = parts.into_iter().all(|leaf| add_leaf(&mut info.leaves, leaf));
            }
            info.variants.push(fields);
        }
        info.flat &= info.has_few_leaves();
        info.payload = !1;
        if info.flat {
            let (leaves, variants) = (&info.leaves, &mut info.variants);
            info.flat = variants.iter_mut().flatten().all(|field| {
                let own = &self.infos[field.ty.index()].leaves;
                own.is_empty() || place_field(leaves, field, own)
            });
        }
        if !info.flat {
            info.leaves.clear();
        }
        self.infos[ty.index()] = info;
    }

    fn add_field(&self, info: &mut TypeInfo, ty: Ty, offset: u64) {
        let part = &self.infos[ty.index()];
        info.fields.push(FieldInfo { ty, offset, leaf: info.leaves.len() as u32 });
        info.flat &= part.flat && info.leaves.len() + part.leaves.len() <= MAX_LEAVES;
        if info.flat {
            info.payload |= part.payload << info.leaves.len();
            info.leaves.extend(
                part.leaves.iter().map(|leaf| Leaf { offset: leaf.offset + offset as u32, ty: leaf.ty }),
            );
        }
    }
}

/// Adds a leaf in order of offsets; false if it overlaps with another that is not the same.
fn add_leaf(leaves: &mut SmallVec<[Leaf; MAX_LEAVES]>, leaf: Leaf) -> bool {
    let end = |leaf: &Leaf| leaf.offset + leaf.ty.bytes();
    let at = leaves.partition_point(|known| known.offset < leaf.offset);
    if leaves.get(at) == Some(&leaf) {
        return true;
    }
    let before = at.checked_sub(1).is_none_or(|before| end(&leaves[before]) <= leaf.offset);
    let after = leaves.get(at).is_none_or(|next| end(&leaf) <= next.offset);
    if before && after {
        leaves.insert(at, leaf);
    }
    before && after && leaves.len() <= MAX_LEAVES
}

/// Finds the leaves of a field among those of the whole; false if others lie between them.
fn place_field(leaves: &[Leaf], field: &mut FieldInfo, own: &[Leaf]) -> bool {
    let first =
        leaves.partition_point(|leaf| u64::from(leaf.offset) < field.offset + u64::from(own[0].offset));
    field.leaf = first as u32;
    let same = |(leaf, own): (&Leaf, &Leaf)| u64::from(leaf.offset) == field.offset + u64::from(own.offset);
    first + own.len() <= leaves.len() && leaves[first..].iter().zip(own).all(same)
}

/// The machine type of a scalar; `None` for zero-sized kinds.
fn scalar(kind: &TyKind, pointer: ir::Type) -> Option<ir::Type> {
    match kind {
        TyKind::Bool => Some(types::I8),
        TyKind::Int(int) => {
            Some(ir::Type::int(int.bits() as u16).expect("the widths of integer types exist"))
        }
        TyKind::Char => Some(types::I32),
        TyKind::F32 => Some(types::F32),
        TyKind::F64 => Some(types::F64),
        TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Ref { .. } | TyKind::Fn { .. } => Some(pointer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_aggregates_are_flat_and_big_ones_are_not() {
        let mut all = Types::new();
        let pair = all.intern(TyKind::Tuple(vec![Ty::U8, Ty::STR]));
        let opt = crate::types::tests::option(&mut all, pair);
        let most = all.intern(TyKind::Tuple(vec![opt, opt]));
        let big = all.intern(TyKind::Tuple(vec![most, Ty::I64]));
        let narrow = all.intern(TyKind::Tuple(vec![Ty::U16; 5]));
        let array = all.intern(TyKind::Array { elem: Ty::I64, len: 2 });
        let table = TypeTable::new(&all, types::I64);
        let leaves = |ty| table.get(ty).leaves.iter().map(|l| (l.offset, l.ty)).collect::<Vec<_>>();
        assert_eq!(leaves(pair), [(0, types::I8), (8, types::I64), (16, types::I64)]);
        assert_eq!(leaves(opt), [(0, types::I8), (8, types::I8), (16, types::I64), (24, types::I64)]);
        assert!(table.get(opt).flat && !table.get(big).flat && !table.get(array).flat);
        assert!(table.get(most).flat && !table.get(narrow).flat);
        assert_eq!(table.get(big).fields[1].offset, 64);
        assert_eq!(table.get(Ty::UNIT).len(), 0);
    }

    /// A type with variants of these payloads.
    fn variants(all: &mut Types, payloads: &[&[Ty]]) -> Ty {
        let name = |text: &str| vex_syntax::Symbol::new(text);
        let span = vex_syntax::Span::NONE;
        let variant = |payload: &&[Ty]| crate::types::Variant {
            name: name("V"),
            span,
            fields: payload.iter().map(|&ty| crate::types::Field { name: name("f"), ty, span }).collect(),
            named: false,
        };
        let def = crate::types::StructId(all.structs.len() as u32);
        all.structs.push(crate::types::StructDef {
            variants: Some(payloads.iter().map(variant).collect()),
            ..crate::types::StructDef::new(name("E"), span)
        });
        all.complete(def);
        all.intern(TyKind::Struct { def, args: Vec::new() })
    }

    #[test]
    fn variants_that_agree_on_their_leaves_are_flat() {
        let mut all = Types::new();
        let pair = all.intern(TyKind::Tuple(vec![Ty::U8, Ty::I64]));
        let option = variants(&mut all, &[&[Ty::I64], &[]]);
        let result = variants(&mut all, &[&[Ty::I64], &[Ty::STR]]);
        let small = variants(&mut all, &[&[Ty::U8], &[Ty::I64], &[Ty::U16]]);
        let mixed = variants(&mut all, &[&[Ty::I64], &[Ty::F64]]);
        let overlap = variants(&mut all, &[&[Ty::U8, Ty::U8], &[Ty::U16]]);
        let between = variants(&mut all, &[&[pair], &[Ty::I64, Ty::I64], &[Ty::U8]]);
        let nested = variants(&mut all, &[&[option], &[]]);
        let plain = variants(&mut all, &[&[], &[], &[]]);
        let table = TypeTable::new(&all, types::I64);
        let leaves = |ty| table.get(ty).leaves.iter().map(|l| (l.offset, l.ty)).collect::<Vec<_>>();
        assert_eq!(leaves(option), [(0, types::I8), (8, types::I64)]);
        assert_eq!(leaves(result), [(0, types::I8), (8, types::I64), (16, types::I64)]);
        assert_eq!(leaves(nested), [(0, types::I8), (8, types::I8), (16, types::I64)]);
        assert_eq!(leaves(plain), [(0, types::I8)]);
        assert_eq!((table.get(small).variants[1][0].leaf, table.get(small).len()), (3, 4));
        assert_eq!(table.get(result).variants[1][0].offset, 8);
        for ty in [mixed, overlap, between] {
            assert!(!table.get(ty).flat && table.get(ty).leaves.is_empty(), "{}", all.display(ty));
        }
    }
}
