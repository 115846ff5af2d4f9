//! The library's containers, which show what is in them and not how they keep it.

use super::{Seen, Shower};
use crate::types::{Field, Ty, TyKind};

/// How a container keeps what is in it.
#[derive(Clone, Copy)]
enum Kind {
    /// Elements side by side: the field with the address of the first, and the field with their number.
    List(&'static str, &'static str),
    /// Pairs of fields `key` and `value` side by side, as a list.
    Map(&'static str, &'static str),
    /// One value, at the address in this field.
    Owner(&'static str),
    /// One value beside its counts, in a field of what lies at the address in another.
    Shared(&'static str, &'static str),
    /// The keys of the map in this field.
    Set(&'static str),
    /// Text, in a field that is a list of bytes.
    Text(&'static str),
}

/// The containers, by their structures' names. One whose fields are others shows them as any structure.
const CONTAINERS: &[(&str, Kind)] = &[
    ("Vec", Kind::List("data", "length")),
    ("Span", Kind::List("data", "length")),
    ("Map", Kind::Map("entries", "length")),
    ("Set", Kind::Set("table")),
    ("Box", Kind::Owner("raw")),
    ("Rc", Kind::Shared("raw", "value")),
    ("String", Kind::Text("bytes")),
];

/// Fields of a structure with their types and offsets.
struct Fields<'t> {
    fields: &'t [Field],
    types: Vec<Ty>,
    offsets: Vec<u64>,
}

impl Shower<'_> {
    /// A container of the library; `None` when the value is something else.
    pub(super) fn container(&mut self, ty: Ty, address: usize) -> Option<Seen> {
        match self.kind(ty)? {
            Kind::List(data, length) => {
                let (elem, start, len) = self.list_at(ty, address, data, length)?;
                Some(self.elements(elem, start, len as u64))
            }
            Kind::Map(data, length) => {
                let (entry, start, len) = self.list_at(ty, address, data, length)?;
                self.entries(entry, start, len, &[("key", ": "), ("value", "")])
            }
            Kind::Set(table) => {
                let (map, at) = self.fields_of(ty)?.field(table, address)?;
                let Kind::Map(data, length) = self.kind(map)? else { return None };
                let (entry, start, len) = self.list_at(map, at, data, length)?;
                self.entries(entry, start, len, &[("key", "")])
            }
            Kind::Owner(raw) => {
                let (content, field) = self.pointer_in(ty, address, raw)?;
                let target = self.peek.pointer(field)?;
                self.value(content, target);
                Some(Seen::Yes)
            }
            Kind::Shared(raw, value) => {
                let (counted, field) = self.pointer_in(ty, address, raw)?;
                let target = self.peek.pointer(field)?;
                let (content, at) = self.fields_of(counted)?.field(value, target)?;
                self.value(content, at);
                Some(Seen::Yes)
            }
            Kind::Text(bytes) => {
                let (inner, at) = self.fields_of(ty)?.field(bytes, address)?;
                let Kind::List(data, length) = self.kind(inner)? else { return None };
                let (elem, start, len) = self.list_at(inner, at, data, length)?;
                (elem == Ty::U8).then(|| self.quoted(start, len))
            }
        }
    }

    /// `{key: value}`, or what `parts` says: fields of the entries, and what stands behind each.
    fn entries(
        &mut self,
        entry: Ty,
        start: usize,
        len: usize,
        parts: &[(&str, &'static str)],
    ) -> Option<Seen> {
        let size = self.types.layout(entry).size as usize;
        for (name, _) in parts {
            self.fields_of(entry)?.field(name, start)?;
        }
        self.text("{");
        for index in 0..len {
            self.separate(index as u64);
            let at = start.wrapping_add(index.wrapping_mul(size));
            if index >= self.limits.elements || self.is_full() || !self.peek.readable(at) {
                self.write(format_args!("… {} more", len - index));
                break;
            }
            for &(name, after) in parts {
                let (ty, at) = self.fields_of(entry)?.field(name, at)?;
                self.value(ty, at);
                self.text(after);
            }
        }
        Some(self.text("}"))
    }

    /// What a type of the library is.
    fn kind(&self, ty: Ty) -> Option<Kind> {
        let def = self.types.struct_of(ty)?;
        let (_, kind) = CONTAINERS.iter().find(|(name, _)| *name == def.name.as_str())?;
        self.names.is_library(def.span).then_some(*kind)
    }

    fn fields_of(&self, ty: Ty) -> Option<Fields<'_>> {
        let (types, offsets) = (self.types.field_types(ty), self.types.field_offsets(ty));
        Some(Fields { fields: &self.types.struct_of(ty)?.fields, types, offsets })
    }

    /// What the pointer in a field points to, and where the field is.
    fn pointer_in(&self, ty: Ty, address: usize, name: &str) -> Option<(Ty, usize)> {
        let (pointer, at) = self.fields_of(ty)?.field(name, address)?;
        match self.types.kind(pointer) {
            TyKind::RawPtr { pointee, .. } => Some((*pointee, at)),
            _ => None,
        }
    }

    /// Type, address and number of elements.
    fn list_at(&mut self, ty: Ty, address: usize, data: &str, length: &str) -> Option<(Ty, usize, usize)> {
        let (elem, data) = self.pointer_in(ty, address, data)?;
        let (number, length) = self.fields_of(ty)?.field(length, address)?;
        if number != Ty::USIZE {
            return None;
        }
        Some((elem, self.peek.pointer(data)?, self.peek.pointer(length)?))
    }
}

impl Fields<'_> {
    /// Type and address of the field with this name, in a structure at an address.
    fn field(&self, name: &str, address: usize) -> Option<(Ty, usize)> {
        let index = self.fields.iter().position(|field| field.name.as_str() == name)?;
        Some((*self.types.get(index)?, address.wrapping_add(*self.offsets.get(index)? as usize)))
    }
}
