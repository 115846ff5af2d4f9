//! Allocation from the region allocators of `std/allocator` without a call: the bump and the stack allocator are an
//! addition and a comparison. The program may have written anything to their fields, so what does not look as it should
//! is left to the function, which decides what to do about it.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

use super::addr::{Addr, Kind};
use super::func::{Leaves, Lower};
use crate::typed::Expr;
use crate::types::Ty;

/// Buffers lie below this address, and are no larger.
const MOST_ADDRESS: i64 = 1 << 47;

/// Larger requests are left to the function.
const MOST_SIZE: i64 = 1 << 46;

/// So are larger alignments.
const MOST_ALIGN: i64 = 1 << 30;

/// Bytes in front of each block of a stack allocator, and their alignment.
const HEADER: i64 = 8;

/// Offsets of the fields that both allocators begin with.
const BUFFER: i64 = 0;
const CAPACITY: i64 = 8;
const OFFSET: i64 = 16;
/// What a bump allocator has after them.
const ALLOCATED: i64 = 24;
/// What a stack allocator has after them.
const PREV_OFFSET: i64 = 24;

impl<'a> Lower<'a> {
    /// A call of one of their functions as code of its own, where that is possible.
    pub(super) fn expand_region(&mut self, symbol: &str, args: &'a [Expr], expr: &'a Expr) -> Option<Leaves> {
        // Where allocations are recorded all of them are calls.
        self.decls.options.heap?;
        let is_stack = match symbol {
            "vex_bump_alloc" => false,
            "vex_stack_alloc" => true,
            _ => return None,
        };
        let [this, layout] = args else { return None };
        if self.ptr != types::I64 || self.info(layout.ty).len() != 2 || self.info(expr.ty).len() != 2 {
            return None;
        }
        let (params, pointer) = ([this.ty, layout.ty], self.scalar(this));
        let layout = self.value(layout);
        self.at(expr.span);
        Some(self.region_alloc(symbol, is_stack, &params, pointer, layout, expr.ty))
    }

    fn region_alloc(
        &mut self,
        symbol: &str,
        is_stack: bool,
        params: &[Ty],
        this: ir::Value,
        layout: Leaves,
        ret: Ty,
    ) -> Leaves {
        let (size, align) = (layout[0], layout[1]);
        let fields = Addr::value(this, Kind::Reference);
        let mut load = |offset| self.load(types::I64, fields.plus(offset));
        let (buffer, capacity, offset) = (load(BUFFER), load(CAPACITY), load(OFFSET));
        let top = self.b.ins().iadd(buffer, offset);
        let header = if is_stack { self.aligned(top, HEADER - 1) } else { top };
        let body = if is_stack { self.b.ins().iadd_imm_s(header, HEADER) } else { top };
        let last = self.b.ins().iadd_imm_s(align, -1);
        let above = self.b.ins().iadd(body, last);
        let start = self.b.ins().band_not(above, last);
        let end = self.b.ins().iadd(start, size);
        let limit = self.b.ins().iadd(buffer, capacity);

        let before = self.b.ins().iadd_imm_s(buffer, -1);
        let one_less = self.b.ins().iadd_imm_s(size, -1);
        let common = self.b.ins().band(align, last);
        let checks = [
            self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, before, MOST_ADDRESS - 1),
            self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, capacity, MOST_ADDRESS),
            self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, offset, capacity),
            self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, one_less, MOST_SIZE),
            self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, last, MOST_ALIGN),
            self.b.ins().icmp_imm_u(IntCC::Equal, common, 0),
            self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, limit),
        ];
        let slow = self.cold_block();
        for check in checks {
            self.go_on_if(check, slow);
        }
        let used = self.b.ins().isub(end, buffer);
        if is_stack {
            let below = self.load(types::I64, fields.plus(PREV_OFFSET));
            self.store(below, Addr::value(header, Kind::Raw));
            self.store(offset, fields.plus(PREV_OFFSET));
        } else {
            let allocated = self.load(types::I64, fields.plus(ALLOCATED));
            let allocated = self.b.ins().iadd(allocated, size);
            self.store(allocated, fields.plus(ALLOCATED));
        }
        self.store(used, fields.plus(OFFSET));
        let done = self.block_for(ret);
        self.jump(done, &[start, size]);

        self.enter(slow);
        let pointer: Leaves = [this].into_iter().collect();
        let block = self.call_symbol_with(symbol, params, [pointer, layout], ret);
        self.jump(done, &block);
        self.enter(done);
        self.params(done)
    }

    /// The first multiple of a power of two at or above an address; `last` is the power less one.
    fn aligned(&mut self, address: ir::Value, last: i64) -> ir::Value {
        let above = self.b.ins().iadd_imm_s(address, last);
        self.b.ins().band_imm_s(above, !last)
    }
}
