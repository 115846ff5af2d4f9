//! What printed values need: texts around them, formats, functions that print them.

use super::Declare;
use crate::lower::decl::Body;
use crate::lower::text::{self, Part};
use crate::typed::{FormatSpec, Piece};
use crate::types::{Ty, TyKind};

impl Declare<'_> {
    /// Registers what printing pieces needs.
    pub(super) fn pieces(&mut self, prefix: &str, pieces: &[Piece]) {
        for part in text::parts(prefix, pieces) {
            match part {
                Part::Text(text) => {
                    self.string_of(&text);
                }
                Part::Value(value, spec) => self.value(value.ty, &spec, false),
            }
        }
    }

    /// Registers what printing a value needs, `inside` of another one or not.
    pub(super) fn value(&mut self, ty: Ty, spec: &FormatSpec, inside: bool) {
        if !text::is_plain(spec) {
            self.spec_data(text::spec_words(spec, false));
            self.spec_data(text::spec_words(spec, true));
        }
        let types = &self.program.types;
        let ty = text::printed_type(types, ty);
        let (spec, _) = text::printed_as(self.program, ty, spec, inside);
        if text::is_aggregate(types, ty) || text::own_print(self.program, ty, &spec).is_some() {
            if !text::is_plain(&spec) {
                self.spec_data(text::spec_words(&spec, false));
            }
            let spec = self.spec(&spec);
            self.synthesized(Body::Print { ty, spec });
        } else if ty == Ty::UNIT {
            self.string_of("()");
        }
    }

    /// Registers what the function for this type and format calls.
    pub(super) fn walk_print(&mut self, ty: Ty, spec: u32) {
        if let Some(func) = text::own_print(self.program, ty, &self.out.specs[spec as usize]) {
            return self.reference(func, &[]);
        }
        let types = &self.program.types;
        for text in text::aggregate_texts(types, ty) {
            self.string_of(&text);
        }
        let mut spec = self.out.specs[spec as usize];
        if let Some((parts, whole)) = text::padded_whole(types, ty, &spec) {
            self.spec_data(text::spec_words(&whole, false));
            spec = parts;
        }
        match types.kind(ty) {
            TyKind::Array { elem, .. } | TyKind::Slice { elem, .. } => self.value(*elem, &spec, true),
            _ => {
                self.out.types.get(ty).part_types().into_iter().for_each(|part| self.value(part, &spec, true))
            }
        }
    }
}
