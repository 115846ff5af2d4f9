//! What ends with a frame: pointers to its variables that were given a tag of their own.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types;

use crate::lower::addr::{Addr, Kind};
use crate::lower::decl::namespace;
use crate::lower::func::Lower;
use crate::lower::rt::Rt;
use crate::typed;

/// From the frame pointer to the first byte after the frame: the caller's frame pointer and the return address.
const FRAME_HEAD: i64 = 16;

impl Lower<'_> {
    /// Whether pointers to variables of a function may be kept by somebody.
    pub(in crate::lower) fn lends_frame(&self, function: &typed::Function) -> bool {
        let summary = self.summary;
        (0..).map(typed::LocalId).zip(&function.locals).any(|(id, local)| {
            local.borrowed
                && self.info(local.ty).size > 0
                && !summary.tame.contains(&id)
                && !summary.unlent.contains(&id)
        })
    }

    /// Before the function returns: pointers to its variables point to nothing from now on.
    pub(in crate::lower) fn leave_frame(&mut self) {
        if !self.checks.frame_is_lent {
            return;
        }
        let cell = self.data_addr(namespace::SYMBOL, Rt::CheckedLowest.index());
        let lowest = self.load(types::I64, Addr::value(cell, Kind::Shared));
        let frame = self.b.ins().get_frame_pointer(self.ptr);
        let end = self.b.ins().iadd_imm_s(frame, FRAME_HEAD);
        let tagged = self.b.ins().icmp(IntCC::UnsignedLessThan, lowest, end);
        let (leave, after) = (self.cold_block(), self.b.create_block());
        self.b.ins().brif(tagged, leave, &[], after, &[]);
        self.enter(leave);
        self.rt_rarely(Rt::CheckedLeave, &[end]);
        self.b.ins().jump(after, &[]);
        self.enter(after);
    }
}
