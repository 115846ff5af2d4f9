//! Data objects: constants as bytes in memory.

use std::sync::Arc;

use super::decl::DataDecl;
use super::value::TypeTable;
use crate::typed::{Const, FuncId, Program};
use crate::types::{Ty, TyKind, Types};

/// A string literal: its bytes and a NUL, which its length does not count.
pub(super) fn string(text: &str) -> DataDecl {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    constant(bytes, 1)
}

/// A format for the runtime.
pub(super) fn spec(words: &[u32; 6]) -> DataDecl {
    constant(words.iter().flat_map(|word| word.to_ne_bytes()).collect(), 4)
}

/// The drop flag of a global.
pub(super) fn flag(set: bool) -> DataDecl {
    DataDecl { writable: true, ..constant(vec![u8::from(set)], 1) }
}

fn constant(bytes: Vec<u8>, align: u64) -> DataDecl {
    let size = bytes.len() as u64;
    DataDecl { bytes: bytes.into(), size, align, writable: false, relocs: Vec::new() }
}

/// What a pointer in a constant points at.
pub(super) enum Ref {
    /// A function.
    Func(FuncId),
    /// A string's bytes.
    Str(Arc<str>),
}

/// Writes `value`, of type `ty`, to `bytes` from `offset` on, and the pointers in it to `refs`.
pub(super) fn write_const(
    types: &Types,
    table: &TypeTable,
    ty: Ty,
    value: &Const,
    offset: usize,
    bytes: &mut [u8],
    refs: &mut Vec<(u32, Ref)>,
) {
    let size = table.get(ty).size as usize;
    let mut put = |offset: usize, raw: &[u8]| bytes[offset..offset + raw.len()].copy_from_slice(raw);
    match value {
        Const::Int(bits) | Const::Ptr(bits) => put(offset, &bits.to_le_bytes()[..size.min(8)]),
        Const::Float(value) if *types.kind(ty) == TyKind::F32 => {
            put(offset, &(*value as f32).to_le_bytes());
        }
        Const::Float(value) => put(offset, &value.to_le_bytes()),
        Const::Str(text) => {
            refs.push((offset as u32, Ref::Str(text.clone())));
            put(offset + size / 2, &(text.len() as u64).to_le_bytes()[..size / 2]);
        }
        Const::Variant(variant, payload) => {
            let info = table.get(ty);
            let tag = info.tag.map_or(0, |tag| tag.bytes()) as usize;
            put(offset, &variant.to_le_bytes()[..tag]);
            for (field, part) in info.variants[*variant as usize].iter().zip(payload) {
                let offset = offset + field.offset as usize;
                write_const(types, table, field.ty, part, offset, bytes, refs);
            }
        }
        Const::Func(func) => refs.push((offset as u32, Ref::Func(*func))),
        Const::Aggregate(parts) => {
            if let TyKind::Array { elem, .. } = types.kind(ty) {
                let stride = table.get(*elem).size as usize;
                for (index, part) in parts.iter().enumerate() {
                    write_const(types, table, *elem, part, offset + index * stride, bytes, refs);
                }
            }
            for (field, part) in table.get(ty).fields.iter().zip(parts) {
                let offset = offset + field.offset as usize;
                write_const(types, table, field.ty, part, offset, bytes, refs);
            }
        }
    }
}

/// The function of the program that alone drops a value of type `ty`: its own `drop`, when no part of it needs
/// dropping. Otherwise the value has a synthesized function.
pub(super) fn drop_target(program: &Program, table: &TypeTable, ty: Ty) -> Option<FuncId> {
    let parts = table.get(ty).fields.iter().any(|field| table.get(field.ty).needs_drop);
    if parts { None } else { program.types.drop_fn(ty) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::ir::types::I64;

    #[test]
    fn constants_have_the_bytes_of_c() {
        let mut all = Types::new();
        let array = all.intern(TyKind::Array { elem: Ty::U16, len: 2 });
        let tuple = all.intern(TyKind::Tuple(vec![Ty::I8, Ty::F32, array, Ty::STR]));
        let table = TypeTable::new(&all, I64);
        let value = Const::Aggregate(vec![
            Const::Int(-2i64 as u64),
            Const::Float(1.5),
            Const::Aggregate(vec![Const::Int(0x102), Const::Int(3)]),
            Const::Str("abc".into()),
        ]);
        let mut bytes = vec![0; 32];
        let mut refs = Vec::new();
        write_const(&all, &table, tuple, &value, 0, &mut bytes, &mut refs);
        let mut wanted = vec![0xfe, 0, 0, 0, 0, 0, 0xc0, 0x3f, 2, 1, 3, 0, 0, 0, 0, 0];
        wanted.extend([0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes, wanted);
        assert!(matches!(&refs[..], [(16, Ref::Str(text))] if &**text == "abc"));
        assert_eq!(&*string("hi").bytes, b"hi\0");
        assert_eq!(spec(&[1, 2, u32::MAX, 4, 5, 6]).size, 24);
    }
}
