//! What ends with a frame: pointers to its variables that were given a tag of their own.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types;

use crate::lower::addr::{Addr, Kind};
use crate::lower::decl::namespace;
use crate::lower::func::{Home, Lower};
use crate::lower::rt::Rt;
use crate::typed::{self, Pattern, StmtKind};

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

    /// At the end of a block of the source: pointers to variables that it declares point to nothing from now on.
    pub(in crate::lower) fn end_variables(&mut self, block: &typed::Block) {
        if !self.checks.frame_is_lent || self.b.is_unreachable() {
            return;
        }
        for stmt in &block.stmts {
            if let StmtKind::Let { pattern, .. } = &stmt.kind {
                self.end_pattern(pattern);
            }
        }
    }

    fn end_pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Local(id) => self.end_variable(*id),
            Pattern::Wild => {}
            Pattern::Tuple(parts) => parts.iter().for_each(|part| self.end_pattern(part)),
        }
    }

    fn end_variable(&mut self, id: typed::LocalId) {
        let Some(Home::Slot(slot, Kind::Shared)) = self.homes[id.0 as usize] else { return };
        let local = self.local(id);
        if !local.borrowed || self.summary.tame.contains(&id) || self.summary.unlent.contains(&id) {
            return;
        }
        let start = self.address(Addr::slot(slot, Kind::Shared));
        let size = self.int(types::I64, self.info(local.ty).size as i64);
        self.if_tagged_below_frame(|lower| {
            lower.rt(Rt::CheckedEnd, &[start, size]);
        });
    }

    /// Before the function returns: pointers to its variables point to nothing from now on.
    pub(in crate::lower) fn leave_frame(&mut self) {
        if !self.checks.frame_is_lent {
            return;
        }
        self.if_tagged_below_frame(|lower| {
            let frame = lower.b.ins().get_frame_pointer(lower.ptr);
            let end = lower.b.ins().iadd_imm_s(frame, FRAME_HEAD);
            lower.rt_rarely(Rt::CheckedLeave, &[end]);
        });
    }

    /// Runs `work` if there are pointers with a tag to variables of this frame or of one below.
    fn if_tagged_below_frame(&mut self, work: impl FnOnce(&mut Self)) {
        let cell = self.data_addr(namespace::SYMBOL, Rt::CheckedLowest.index());
        let lowest = self.load(types::I64, Addr::value(cell, Kind::Shared));
        let frame = self.b.ins().get_frame_pointer(self.ptr);
        let end = self.b.ins().iadd_imm_s(frame, FRAME_HEAD);
        let tagged = self.b.ins().icmp(IntCC::UnsignedLessThan, lowest, end);
        let (leave, after) = (self.cold_block(), self.b.create_block());
        self.b.ins().brif(tagged, leave, &[], after, &[]);
        self.enter(leave);
        work(self);
        self.b.ins().jump(after, &[]);
        self.enter(after);
    }
}
