//! The values of constants, which have no place in memory, as text.

use super::Session;
use super::show::Limits;
use crate::typed::Const;
use crate::types::{Ty, TyKind, Types};

impl Session {
    /// The text of a constant's value.
    pub(super) fn constant_text(&self, ty: Ty, value: &Const, limits: &Limits) -> String {
        if let Const::Func(id) = value {
            return self.program.functions[id.0 as usize].name.clone();
        }
        // As a value of the program, which is what there is a text for. Words, so that its start is aligned.
        let size = self.program.types.layout(ty).size as usize;
        let mut words = vec![0u64; size.div_ceil(8).max(1)];
        let bytes: &mut [u8] = bytes_of(&mut words);
        match store(&self.program.types, ty, value, bytes) {
            Some(()) => self.text_of(ty, words.as_ptr().addr(), limits),
            None => "…".to_string(),
        }
    }
}

/// The same memory, byte for byte.
fn bytes_of(words: &mut [u64]) -> &mut [u8] {
    let length = size_of_val(words);
    // SAFETY: it is the memory of the words, borrowed for as long as the bytes are used, and any bytes make words.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), length) }
}

/// Writes a constant as the program has it; `None` when it has parts without a fixed value: addresses of functions.
fn store(types: &Types, ty: Ty, value: &Const, into: &mut [u8]) -> Option<()> {
    let size = types.layout(ty).size as usize;
    match (value, types.kind(ty)) {
        (Const::Int(bits) | Const::Ptr(bits), _) => into[..size].copy_from_slice(&bits.to_le_bytes()[..size]),
        (Const::Float(value), TyKind::F32) => into[..4].copy_from_slice(&(*value as f32).to_le_bytes()),
        (Const::Float(value), _) => into[..8].copy_from_slice(&value.to_le_bytes()),
        (Const::Str(text), _) => {
            into[..8].copy_from_slice(&(text.as_ptr().expose_provenance() as u64).to_le_bytes());
            into[8..16].copy_from_slice(&(text.len() as u64).to_le_bytes());
        }
        (Const::Func(_), _) => return None,
        (Const::Variant(variant, payload), _) => {
            let tag = types.tag(ty).map_or(0, |tag| tag.bits() as usize / 8);
            into[..tag].copy_from_slice(&variant.to_le_bytes()[..tag]);
            let variant = *variant as usize;
            let places = types.variant_offsets(ty, variant).into_iter().zip(types.variant_types(ty, variant));
            for (field, (offset, ty)) in payload.iter().zip(places) {
                store(types, ty, field, &mut into[offset as usize..])?;
            }
        }
        (Const::Aggregate(elements), TyKind::Array { elem, .. }) => {
            let each = types.layout(*elem).size as usize;
            for (index, element) in elements.iter().enumerate() {
                store(types, *elem, element, &mut into[index * each..])?;
            }
        }
        (Const::Aggregate(fields), _) => {
            let places = types.field_offsets(ty).into_iter().zip(types.field_types(ty));
            for (field, (offset, ty)) in fields.iter().zip(places) {
                store(types, ty, field, &mut into[offset as usize..])?;
            }
        }
    }
    Some(())
}
