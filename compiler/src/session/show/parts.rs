//! The parts of structures, tuples and types with variants.

use super::{Seen, Shower};
use crate::types::{Field, Ty};

impl Shower<'_> {
    /// A structure or a tuple.
    pub(super) fn fields(&mut self, ty: Ty, address: usize) -> Seen {
        let types = self.types;
        let def = types.struct_of(ty);
        match def {
            Some(def) => self.write(format_args!("{} {{", def.name)),
            None => self.text("("),
        };
        let (tys, offsets) = (types.field_types(ty), types.field_offsets(ty));
        let names = def.map(|def| &*def.fields);
        self.list(&tys, &offsets, names, address);
        self.text(match def {
            None if tys.len() == 1 => ",)",
            None => ")",
            Some(_) if tys.is_empty() => "}",
            Some(_) => " }",
        })
    }

    /// A value of a type with variants, which its tag tells apart.
    pub(super) fn variant(&mut self, ty: Ty, address: usize) -> Seen {
        let types = self.types;
        let variants = types.struct_of(ty).and_then(|def| def.variants.as_deref()).unwrap_or_default();
        let size = types.tag(ty).map_or(0, |tag| tag.bits() as usize / 8);
        let mut bytes = [0; 8];
        if !self.peek.read(address, &mut bytes[..size]) {
            return self.unreadable(address);
        }
        let tag = u64::from_le_bytes(bytes);
        let Some(variant) = usize::try_from(tag).ok().and_then(|index| variants.get(index)) else {
            let name = types.display(ty);
            return self.write(format_args!("<invalid {name} {tag}>"));
        };
        self.text(variant.name.as_str());
        if variant.fields.is_empty() {
            return Seen::Yes;
        }
        let (tys, offsets) = (types.variant_types(ty, tag as usize), types.variant_offsets(ty, tag as usize));
        self.text(if variant.named { " {" } else { "(" });
        self.list(&tys, &offsets, variant.named.then_some(&*variant.fields), address);
        self.text(if variant.named { " }" } else { ")" })
    }

    /// Values side by side, with their names if they have some.
    fn list(&mut self, tys: &[Ty], offsets: &[u64], names: Option<&[Field]>, address: usize) {
        for (index, (&field, offset)) in tys.iter().zip(offsets).enumerate() {
            self.text(match (index, names) {
                (0, None) => "",
                (0, Some(_)) => " ",
                _ => ", ",
            });
            if self.is_full() {
                self.write(format_args!("… {} more", tys.len() - index));
                break;
            }
            if let Some(names) = names {
                self.write(format_args!("{}: ", names[index].name));
            }
            self.value(field, address.wrapping_add(*offset as usize));
        }
    }
}
