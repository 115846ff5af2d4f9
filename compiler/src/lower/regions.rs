//! Allocation from the region allocators of `std/allocator` without a call: the bump and the stack allocator are an
//! addition and a comparison. The program may have written anything to their fields, so what does not look as it should
//! is left to the function, which decides what to do about it.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, types};

use super::addr::{Addr, Kind};
use super::expr::one;
use super::func::{Leaves, Lower};
use crate::typed::{Expr, LocalId};
use crate::types::Ty;

/// Larger requests are left to the function.
const MOST_SIZE: i64 = 1 << 46;

/// So are larger alignments.
const MOST_ALIGN: i64 = 1 << 30;

/// Bytes in front of each block of a stack allocator, and their alignment.
const HEADER: i64 = 8;

/// Offsets of the fields that all of them begin with.
pub(super) const BUFFER: i64 = 0;
pub(super) const CAPACITY: i64 = 8;
/// What bump and stack allocators have after them.
const OFFSET: i64 = 16;
/// The last field of a bump allocator.
const ALLOCATED: i64 = 24;
/// The last field of a stack allocator.
const PREV_OFFSET: i64 = 24;

/// The fields of an allocator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// Where they are.
    pub addr: Addr,
    /// The local they belong to, if it has a shadow.
    pub shadow: Option<LocalId>,
}

/// A call that may become code of its own.
pub(super) struct Request<'s> {
    /// What would be called.
    pub symbol: &'s str,
    /// The allocator.
    pub fields: Fields,
    /// The types of the arguments.
    pub params: &'s [Ty],
    /// The arguments, without the allocator.
    pub args: &'s [Leaves],
    /// The type of the result.
    pub ret: Ty,
}

impl<'a> Lower<'a> {
    /// A call of one of their functions as code of its own, where that is possible.
    pub(super) fn expand_region(&mut self, symbol: &str, args: &'a [Expr], expr: &'a Expr) -> Option<Leaves> {
        let flat = args.iter().chain([expr]).all(|part| self.flat(part.ty));
        if !flat || !self.expands(symbol) {
            return None;
        }
        let params: Vec<Ty> = args.iter().map(|arg| arg.ty).collect();
        let pointer = self.scalar(&args[0]);
        let values: Vec<Leaves> = args[1..].iter().map(|arg| self.value(arg)).collect();
        self.at(expr.span);
        let fields = Fields { addr: Addr::value(pointer, Kind::Reference), shadow: None };
        let request = Request { symbol, fields, params: &params, args: &values, ret: expr.ty };
        Some(self.region(&request))
    }

    /// Whether calls of a function become code of their own.
    pub(super) fn expands(&self, symbol: &str) -> bool {
        // Where allocations are recorded all of them are calls.
        let wanted = self.decls.options.heap.is_some() && self.ptr == types::I64;
        wanted
            && matches!(
                symbol,
                "vex_bump_alloc"
                    | "vex_bump_reset"
                    | "vex_bump_remaining"
                    | "vex_bump_total_allocated"
                    | "vex_stack_alloc"
                    | "vex_stack_pop"
                    | "vex_stack_reset"
                    | "vex_stack_remaining"
                    | "vex_pool_alloc"
                    | "vex_pool_dealloc"
                    | "vex_pool_num_free_blocks"
                    | "vex_pool_num_allocated"
            )
    }

    /// The code for such a call.
    pub(super) fn region(&mut self, request: &Request) -> Leaves {
        let fields = request.fields;
        match request.symbol {
            "vex_bump_alloc" => self.place_block(request, false),
            "vex_stack_alloc" => self.place_block(request, true),
            "vex_stack_pop" => self.pop_block(request),
            "vex_bump_reset" | "vex_stack_reset" => self.reset_region(request),
            "vex_bump_remaining" | "vex_stack_remaining" => {
                let (capacity, offset) = (self.get_field(fields, CAPACITY), self.get_field(fields, OFFSET));
                one(self.b.ins().isub(capacity, offset))
            }
            "vex_bump_total_allocated" => one(self.get_field(fields, ALLOCATED)),
            _ => self.pool(request),
        }
    }

    /// The end of a call's code: `block`, which takes the result, is entered with that of the function from `slow`.
    pub(super) fn or_call(&mut self, request: &Request, slow: Block, done: Block) -> Leaves {
        self.enter(slow);
        let result = self.call_region(request);
        self.jump(done, &result);
        self.enter(done);
        self.params(done)
    }

    /// Takes a block above the offset.
    ///
    /// Where the block can start right there, what the next allocation waits for is one addition; else the start is
    /// computed. With fields that are in order no sum can wrap, and the block fits if its end does.
    fn place_block(&mut self, request: &Request, is_stack: bool) -> Leaves {
        let (fields, size, align) = (request.fields, request.args[0][0], request.args[0][1]);
        let (slow, done) = (self.cold_block(), self.b.create_block());
        let placed = self.b.append_block_param(done, types::I64);
        let last = self.b.ins().iadd_imm_s(align, -1);
        self.check_layout(size, align, last, slow);
        let buffer = self.get_field(fields, BUFFER);
        let capacity = self.get_field(fields, CAPACITY);
        let offset = self.get_field(fields, OFFSET);
        self.check_fields(fields, buffer, &[capacity, offset], slow);

        let header = if is_stack { HEADER } else { 0 };
        let top = self.b.ins().iadd(buffer, offset);
        let start = self.b.ins().iadd_imm_s(top, header);
        let bytes = self.b.ins().iadd_imm_s(size, header);
        let end = self.b.ins().iadd(offset, bytes);
        let mask = if is_stack { self.b.ins().bor_imm_s(last, HEADER - 1) } else { last };
        let crooked = self.b.ins().band(start, mask);
        let (pad, fit) = (self.b.create_block(), self.b.create_block());
        for _ in 0..3 {
            self.b.append_block_param(fit, types::I64);
        }
        self.b.ins().brif(crooked, pad, &[], fit, &[top.into(), start.into(), end.into()]);
        self.enter(pad);
        let below = if is_stack { self.aligned(top, HEADER - 1) } else { top };
        let above = self.b.ins().iadd_imm_s(below, header);
        let above = self.b.ins().iadd(above, last);
        let start = self.b.ins().band_not(above, last);
        let end = self.b.ins().iadd(start, size);
        let end = self.b.ins().isub(end, buffer);
        self.jump(fit, &[below, start, end]);
        self.enter(fit);
        let [below, start, end] = self.params(fit)[..] else { unreachable!("it was made with three") };
        let fits = self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, capacity);
        self.go_on_if(fits, slow);

        if is_stack {
            let previous = self.get_field(fields, PREV_OFFSET);
            self.store(previous, Addr::value(below, Kind::Raw));
            self.set_field(fields, PREV_OFFSET, offset);
        } else {
            let allocated = self.get_field(fields, ALLOCATED);
            let allocated = self.b.ins().iadd(allocated, size);
            self.set_field(fields, ALLOCATED, allocated);
        }
        self.set_field(fields, OFFSET, end);
        self.jump(done, &[start]);
        self.enter(slow);
        let result = self.call_region(request);
        self.jump(done, &result[..1]);
        self.enter(done);
        // What is placed has the size that was asked for, and nothing is left of this if nobody asks.
        let zero = self.int(types::I64, 0);
        let refused = self.b.ins().icmp_imm_s(IntCC::Equal, placed, 0);
        let size = self.b.ins().select(refused, zero, size);
        [placed, size].into_iter().collect()
    }

    /// Goes on with a layout that is in order and not of zero bytes. Of a constant one nothing of this remains.
    fn check_layout(&mut self, size: ir::Value, align: ir::Value, last: ir::Value, slow: Block) {
        let one_less = self.b.ins().iadd_imm_s(size, -1);
        let common = self.b.ins().band(align, last);
        let checks = [
            self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, one_less, MOST_SIZE),
            self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, last, MOST_ALIGN),
            self.b.ins().icmp_imm_u(IntCC::Equal, common, 0),
        ];
        for check in checks {
            self.go_on_if(check, slow);
        }
    }

    /// Goes on if the buffer is in the lower half of all addresses and not null, and none of the others is negative. A
    /// shadow is in order.
    fn check_fields(&mut self, fields: Fields, buffer: ir::Value, others: &[ir::Value], slow: Block) {
        if fields.shadow.is_some() {
            return;
        }
        let mut all = self.b.ins().iadd_imm_s(buffer, -1);
        for &other in others {
            all = self.b.ins().bor(all, other);
        }
        let check = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, all, 0);
        self.go_on_if(check, slow);
    }

    /// Gives the top block of a stack back.
    fn pop_block(&mut self, request: &Request) -> Leaves {
        let fields = request.fields;
        let (slow, done) = (self.cold_block(), self.block_for(request.ret));
        let buffer = self.get_field(fields, BUFFER);
        let offset = self.get_field(fields, OFFSET);
        let previous = self.get_field(fields, PREV_OFFSET);
        if fields.shadow.is_none() {
            let capacity = self.get_field(fields, CAPACITY);
            self.check_fields(fields, buffer, &[capacity, offset, previous], slow);
            let inside = self.b.ins().icmp(IntCC::SignedLessThanOrEqual, offset, capacity);
            self.go_on_if(inside, slow);
        }
        // The header lies below the top, where the block was put without padding in front of it.
        let between = self.b.ins().isub(offset, previous);
        let holds = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, between, HEADER);
        self.go_on_if(holds, slow);
        let header = self.b.ins().iadd(buffer, previous);
        let crooked = self.b.ins().band_imm_s(header, HEADER - 1);
        let straight = self.b.ins().icmp_imm_s(IntCC::Equal, crooked, 0);
        self.go_on_if(straight, slow);
        // It names an offset below, or it is that of the first block.
        let below = self.load(types::I64, Addr::value(header, Kind::Raw));
        let (first, good) = (self.b.create_block(), self.b.create_block());
        let descends = self.b.ins().icmp(IntCC::UnsignedLessThan, below, previous);
        self.b.ins().brif(descends, good, &[], first, &[]);
        self.enter(first);
        let both = self.b.ins().bor(below, previous);
        self.b.ins().brif(both, slow, &[], good, &[]);
        self.enter(good);
        self.set_field(fields, OFFSET, previous);
        self.set_field(fields, PREV_OFFSET, below);
        let popped = self.int(types::I64, 0);
        self.jump(done, &[popped]);
        self.or_call(request, slow, done)
    }

    /// Forgets every block of a bump or stack allocator, if it has a buffer.
    fn reset_region(&mut self, request: &Request) -> Leaves {
        let fields = request.fields;
        let (none, some, done) = (self.cold_block(), self.b.create_block(), self.block_for(request.ret));
        let buffer = self.get_field(fields, BUFFER);
        self.b.ins().brif(buffer, some, &[], none, &[]);
        self.enter(some);
        let zero = self.int(types::I64, 0);
        self.set_field(fields, OFFSET, zero);
        // Either allocator's last field.
        self.set_field(fields, ALLOCATED, zero);
        self.jump(done, &[zero]);
        self.enter(none);
        let refused = self.int(types::I64, -1);
        self.jump(done, &[refused]);
        self.enter(done);
        self.params(done)
    }

    /// The first multiple of a power of two at or above an address; `last` is the power less one.
    fn aligned(&mut self, address: ir::Value, last: i64) -> ir::Value {
        let above = self.b.ins().iadd_imm_s(address, last);
        self.b.ins().band_imm_s(above, !last)
    }
}

const _: () = assert!(ALLOCATED == PREV_OFFSET);
