//! Types with variants: making values, reading their tags, and going by them.

use cranelift_codegen::ir::{self, Block};
use cranelift_frontend::Switch;

use super::addr::Addr;
use super::func::{Leaves, Lower};
use crate::typed::{Expr, ExprKind};
use crate::types::Ty;

impl<'a> Lower<'a> {
    /// A flat value of a type with variants.
    pub(super) fn flat_variant(&mut self, ty: Ty, variant: u32, fields: &'a [(u32, Expr)]) -> Leaves {
        let info = self.info(ty);
        let parts = self.part_values(fields.iter().map(|(_, value)| value));
        let mut leaves: smallvec::SmallVec<[Option<ir::Value>; 4]> =
            info.leaves.iter().map(|_| None).collect();
        let tag = info.tag.expect("a type with variants has a tag");
        leaves[0] = Some(self.int(tag, i64::from(variant)));
        for ((index, _), part) in fields.iter().zip(parts) {
            let field = info.variants[variant as usize][*index as usize];
            for (leaf, value) in (field.leaf as usize..).zip(part) {
                leaves[leaf] = Some(value);
            }
        }
        let types = info.leaves.iter().map(|leaf| leaf.ty);
        leaves.into_iter().zip(types).map(|(leaf, ty)| leaf.unwrap_or_else(|| self.zero(ty))).collect()
    }

    /// Makes a value of a type with variants in memory.
    pub(super) fn variant_into(&mut self, ty: Ty, variant: u32, fields: &'a [(u32, Expr)], dest: Addr) {
        let info = self.info(ty);
        let declared = &info.variants[variant as usize];
        let parts = fields.iter().map(|(index, part)| (part, declared[*index as usize].offset));
        self.parts_into(ty, parts, dest);
        let tag = info.tag.expect("a type with variants has a tag");
        let tag = self.int(tag, i64::from(variant));
        self.store(tag, dest);
    }

    /// Which variant a value is.
    pub(super) fn tag(&mut self, value: &'a Expr, ty: Ty) -> ir::Value {
        let tag = self.variant_tag(value);
        let target = self.info(ty).leaves[0].ty;
        self.resize(tag, target, false)
    }

    /// The tag of a value, which is only looked at.
    pub(super) fn variant_tag(&mut self, value: &'a Expr) -> ir::Value {
        let tag = self.info(value.ty).tag.expect("a type with variants has a tag");
        let place = match &value.kind {
            ExprKind::Move(inner) => self.place(inner),
            _ => self.place(value),
        };
        self.at(value.span);
        let part = self.info(value.ty).tag_only(tag);
        self.read(place, &part)[0]
    }

    /// Runs `work` for the variant that the value in memory is, of those that are wanted. Ends in a block of its own.
    pub(super) fn each_variant(
        &mut self,
        ty: Ty,
        memory: Addr,
        wanted: impl Fn(usize) -> bool,
        mut work: impl FnMut(&mut Self, usize),
    ) {
        let info = self.info(ty);
        let tag = info.tag.expect("a type with variants has a tag");
        let tag = self.load(tag, memory);
        let after = self.b.create_block();
        let mut switch = Switch::new();
        let mut blocks: Vec<(usize, Block)> = Vec::new();
        for index in (0..info.variants.len()).filter(|index| wanted(*index)) {
            let block = self.b.create_block();
            switch.set_entry(index as u128, block);
            blocks.push((index, block));
        }
        switch.emit(&mut self.b, tag, after);
        for (index, block) in blocks {
            self.enter(block);
            work(self, index);
            self.jump(after, &[]);
        }
        self.enter(after);
    }
}
