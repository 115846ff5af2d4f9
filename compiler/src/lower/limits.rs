//! Where a program stops: at the end of its stack, and in any loop when it was asked to.

use cranelift_codegen::cursor::{Cursor, CursorPosition, FuncCursor};
use cranelift_codegen::ir::{
    self, Block, ExternalName, GlobalValueData, InstBuilder, MemFlagsData, SourceLoc, TrapCode,
    UserExternalName,
};
use vex_syntax::Span;

use super::decl::namespace;
use super::func::Lower;
use super::rt::Rt;

/// A frame bigger than this is probed against the stack limit with its size, and never skips the check.
const SMALL_FRAME: u64 = 1024;

impl Lower<'_> {
    /// Compares the stack pointer with the limit, at the start of the function.
    pub(super) fn stack_check(&mut self, entry: Block) {
        let frame: u64 = self.b.func.sized_stack_slots.values().map(|slot| u64::from(slot.size)).sum();
        if !self.decls.options.stack_check || (!self.calls && frame <= SMALL_FRAME) {
            return;
        }
        let name = UserExternalName::new(namespace::SYMBOL, Rt::StackLimit.index());
        let name = self.b.func.declare_imported_user_function(name);
        let cell = self.b.create_global_value(GlobalValueData::Symbol {
            name: ExternalName::user(name),
            offset: 0.into(),
            colocated: false,
            tls: false,
        });
        let span = self.function.map_or(Span::NONE, |function| function.span);
        let ptr = self.ptr;
        let mut cursor = FuncCursor::new(self.b.func);
        cursor.set_position(CursorPosition::Before(entry));
        cursor.goto_first_insertion_point(entry);
        cursor.set_srcloc(SourceLoc::new(span.lo));
        let sp = cursor.ins().get_stack_pointer(ptr);
        let cell = cursor.ins().symbol_value(ptr, cell);
        let limit = cursor.ins().load(ptr, MemFlagsData::trusted().with_readonly(), cell, 0);
        let low = cursor.ins().icmp(ir::condcodes::IntCC::UnsignedLessThan, sp, limit);
        cursor.ins().trapnz(low, TrapCode::STACK_OVERFLOW);
    }

    /// At the start of a loop's round: stops if the program was asked to.
    pub(super) fn poll(&mut self) {
        if !self.decls.options.poll {
            return;
        }
        let cell = self.data_addr(namespace::SYMBOL, Rt::StackLimit.index());
        // Atomic, so that no earlier load of the limit stands in for it.
        let limit = self.b.ins().atomic_load(self.ptr, MemFlagsData::trusted(), cell);
        let sp = self.b.ins().get_stack_pointer(self.ptr);
        let low = self.b.ins().icmp(ir::condcodes::IntCC::UnsignedLessThan, sp, limit);
        self.b.ins().trapnz(low, TrapCode::STACK_OVERFLOW);
    }
}
