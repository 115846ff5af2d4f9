//! Allocation without a call: blocks of a constant size are taken from the thread's bins, and given back to them, by code
//! in the program itself. Whatever is not the common case is a call, see [`vex_runtime::heap::inline`].

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, MemFlagsData, types};
use vex_runtime::heap::inline::{FastPath, class_of, facts_of};

use super::addr::{Addr, Kind};
use super::decl::namespace;
use super::expr::one;
use super::func::{Leaves, Lower};
use super::rt::Rt;
use crate::typed::{Expr, ExprKind};
use crate::types::TyKind;

/// What every block is aligned to at least, in bytes.
const LEAST_ALIGN: u64 = 16;

/// Blocks of at most so many bytes are zeroed without a call.
const MOST_ZEROED: u64 = 256;

impl<'a> Lower<'a> {
    /// A call of an allocation function as code of its own, where that is possible.
    pub(super) fn expand_heap(&mut self, symbol: &str, args: &'a [Expr], expr: &'a Expr) -> Option<Leaves> {
        let heap = self.decls.options.heap?;
        match (symbol, args) {
            ("vex_malloc", [size]) => {
                let size = self.constant_size(size)?;
                self.at(expr.span);
                Some(one(self.take_block(&heap, size, Rt::Malloc)?))
            }
            ("vex_calloc", [count, size]) => {
                let size = self.constant_size(count)?.checked_mul(self.constant_size(size)?)?;
                if size > MOST_ZEROED {
                    return None;
                }
                self.at(expr.span);
                Some(one(self.take_block(&heap, size, Rt::Calloc)?))
            }
            ("__vera_sys_alloc", [size, align]) => {
                let size = self.constant_size(size)?;
                let align = self.constant_size(align)?;
                if !align.is_power_of_two() || align > LEAST_ALIGN {
                    return None;
                }
                self.at(expr.span);
                Some(one(self.take_block(&heap, size, Rt::Malloc)?))
            }
            ("__vera_sys_free", [pointer, size, align]) => {
                // Whatever they are, the block's page decides; only the guess is better with them.
                let class = match self.constant_size(size) {
                    Some(size) => class_of(usize::try_from(size).ok()?),
                    None => self.likely_class(pointer),
                };
                let pointer = self.scalar(pointer);
                self.scalar(size);
                self.scalar(align);
                self.at(expr.span);
                self.give_block(&heap, pointer, class);
                Some(Leaves::new())
            }
            ("vex_free", [pointer]) => {
                let class = self.likely_class(pointer);
                let pointer = self.scalar(pointer);
                self.at(expr.span);
                self.give_block(&heap, pointer, class);
                Some(Leaves::new())
            }
            _ => None,
        }
    }

    /// The class that a block probably has: that of what the pointer points at, or of the blocks that this function
    /// takes. With it the bin is known before the block's page is looked at, so that nothing waits for that.
    fn likely_class(&self, pointer: &'a Expr) -> Option<usize> {
        let mut pointer = pointer;
        loop {
            let pointee = match self.types.kind(pointer.ty) {
                TyKind::RawPtr { pointee, .. } | TyKind::Ref { pointee, .. } => self.info(*pointee).size,
                _ => 0,
            };
            match &pointer.kind {
                _ if pointee > 1 => return class_of(pointee as usize),
                ExprKind::Cast { value, .. } => pointer = value,
                _ => return self.taken_class,
            }
        }
    }

    /// A number that is known here, and not negative.
    fn constant_size(&self, size: &'a Expr) -> Option<u64> {
        let (min, max) = self.range_of(size)?;
        if min == max { u64::try_from(min).ok() } else { None }
    }

    /// The heap of the thread that runs the program: the same for the whole run.
    fn thread_heap(&mut self) -> ir::Value {
        let cell = self.data_addr(namespace::SYMBOL, Rt::ThreadHeap.index());
        self.b.ins().load(self.ptr, MemFlagsData::trusted().with_readonly().with_can_move(), cell, 0)
    }

    /// An address in the heap's own data.
    fn field(base: ir::Value, offset: u32) -> Addr {
        Addr::value(base, Kind::Heap).plus(offset.into())
    }

    /// Takes a block of a constant size; `None` when it has no class.
    fn take_block(&mut self, fast: &FastPath, size: u64, call: Rt) -> Option<ir::Value> {
        let class = class_of(usize::try_from(size).ok()?)?;
        self.taken_class = Some(class);
        let heap = self.thread_heap();
        let bin = class as u32 * fast.bin_size;
        let count = self.load(types::I64, Self::field(heap, bin + fast.bin_count));
        let (found, slow, done) = (self.b.create_block(), self.cold_block(), self.b.create_block());
        self.b.append_block_param(done, self.ptr);
        self.b.ins().brif(count, found, &[], slow, &[]);

        self.enter(found);
        let left = self.b.ins().iadd_imm_s(count, -1);
        self.store(left, Self::field(heap, bin + fast.bin_count));
        let last = self.stack_place(heap, count);
        // One before the count.
        let stack = facts_of(class).stack as i64 - i64::from(self.ptr.bytes());
        let slot = self.load(self.ptr, Addr::value(last, Kind::Heap).plus(stack));
        let words = Addr::value(slot, Kind::Raw);
        let zero = self.b.ins().iconst(self.ptr, 0);
        self.store(zero, words.plus(fast.slot_mark.into()));
        if call == Rt::Calloc {
            self.fill_inline(words, 0, size);
        }
        self.b.ins().jump(done, &[slot.into()]);

        self.enter(slow);
        let size = self.int(self.ptr, size as i64);
        let args = if call == Rt::Calloc { vec![self.int(self.ptr, 1), size] } else { vec![size] };
        let block = self.rt_rarely(call, &args)[0];
        self.b.ins().jump(done, &[block.into()]);

        self.enter(done);
        Some(self.b.block_params(done)[0])
    }

    /// Gives a block back, which is probably of this class.
    fn give_block(&mut self, fast: &FastPath, block: ir::Value, likely: Option<usize>) {
        let (slow, done) = (self.cold_block(), self.b.create_block());
        let heap = self.thread_heap();
        let word = self.map_word(fast, block, slow);
        if let Some(likely) = likely {
            let (same, other) = (self.b.create_block(), self.cold_block());
            let offset = likely as u32 * fast.bin_size;
            let bin = self.b.ins().iadd_imm_s(heap, i64::from(offset));
            let is_it = self.b.ins().icmp(IntCC::Equal, word, bin);
            self.b.ins().brif(is_it, same, &[], other, &[]);
            self.enter(same);
            self.push_known(fast, Self::field(heap, offset), likely, block, [slow, done]);
            self.enter(other);
        }
        let offset = self.b.ins().isub(word, heap);
        let own = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, offset, i64::from(fast.bins_size));
        self.go_on_if(own, slow);
        self.push_any(fast, word, block, [slow, done]);

        self.enter(slow);
        self.rt_rarely(Rt::Free, &[block]);
        self.b.ins().jump(done, &[]);
        self.enter(done);
    }

    /// The word of the page map for any address; goes on at `slow` where there is none.
    fn map_word(&mut self, fast: &FastPath, block: ir::Value, slow: Block) -> ir::Value {
        let shift = i64::from(fast.slice.trailing_zeros());
        let slice = self.b.ins().ushr_imm_u(block, shift);
        let slice = self.b.ins().iadd_imm_s(slice, -((fast.map_start >> shift) as i64));
        let inside = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, slice, fast.map_slices as i64);
        self.go_on_if(inside, slow);
        let map = self.data_addr(namespace::SYMBOL, Rt::PageMap.index());
        let offset = self.b.ins().ishl_imm_u(slice, i64::from(self.ptr.bytes().trailing_zeros()));
        let address = self.b.ins().iadd(map, offset);
        self.load(self.ptr, Addr::value(address, Kind::Heap))
    }

    /// Pushes a block of a known class on the stack of its bin and goes on at `done`; whatever else it is, at `slow`.
    fn push_known(
        &mut self,
        fast: &FastPath,
        bin: Addr,
        class: usize,
        block: ir::Value,
        [slow, done]: [Block; 2],
    ) {
        let facts = facts_of(class);
        // The address of a slot: in a page that is aligned to its size, a mask tells where the slots of a power of two are.
        let is_slot = if facts.size.is_power_of_two() {
            let offset = self.b.ins().band_imm_u(block, facts.size as i64 - 1);
            self.b.ins().icmp_imm_u(IntCC::Equal, offset, 0)
        } else {
            let offset = self.b.ins().band_imm_u(block, facts.mask as i64);
            let before_end = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, offset, facts.end as i64);
            self.go_on_if(before_end, slow);
            let rest = self.b.ins().imul_imm_s(offset, facts.inverse as i64);
            self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, rest, facts.inverse as i64)
        };
        self.go_on_if(is_slot, slow);
        let mark = self.mark_unless_free(fast, block, slow);
        let count = self.load(types::I64, bin.plus(fast.bin_count.into()));
        let more = self.b.ins().iadd_imm_s(count, 1);
        let fits = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, more, i64::from(facts.limit));
        self.go_on_if(fits, slow);

        self.store(more, bin.plus(fast.bin_count.into()));
        let heap = self.thread_heap();
        let place = self.stack_place(heap, count);
        self.store(block, Addr::value(place, Kind::Heap).plus(facts.stack as i64));
        self.store(mark, Addr::value(block, Kind::Raw).plus(fast.slot_mark.into()));
        self.b.ins().jump(done, &[]);
    }

    /// Pushes a block on the stack of a bin and goes on at `done`; whatever else it is, at `slow`.
    fn push_any(&mut self, fast: &FastPath, bin: ir::Value, block: ir::Value, [slow, done]: [Block; 2]) {
        let inverse = self.load(types::I64, Self::field(bin, fast.bin_inverse));
        let mask = self.load_word32(Self::field(bin, fast.bin_mask));
        let offset = self.b.ins().band(block, mask);
        let end = self.load_word32(Self::field(bin, fast.bin_end));
        let before_end = self.b.ins().icmp(IntCC::UnsignedLessThan, offset, end);
        self.go_on_if(before_end, slow);
        let rest = self.b.ins().imul(offset, inverse);
        let is_slot = self.b.ins().icmp(IntCC::UnsignedLessThan, rest, inverse);
        self.go_on_if(is_slot, slow);
        let mark = self.mark_unless_free(fast, block, slow);
        let count = self.load(types::I64, Self::field(bin, fast.bin_count));
        let limit = self.load_word32(Self::field(bin, fast.bin_limit));
        let more = self.b.ins().iadd_imm_s(count, 1);
        let fits = self.b.ins().icmp(IntCC::UnsignedLessThan, more, limit);
        self.go_on_if(fits, slow);

        self.store(more, Self::field(bin, fast.bin_count));
        let first = self.load_word32(Self::field(bin, fast.bin_first));
        let heap = self.thread_heap();
        let stack = self.b.ins().iadd(heap, first);
        let place = self.stack_place(stack, count);
        self.store(block, Addr::value(place, Kind::Heap));
        self.store(mark, Addr::value(block, Kind::Raw).plus(fast.slot_mark.into()));
        self.b.ins().jump(done, &[]);
    }

    /// The mark that a block will have when it is free; goes on at `slow` when it may have it already.
    fn mark_unless_free(&mut self, fast: &FastPath, block: ir::Value, slow: Block) -> ir::Value {
        let free_mark = match fast.free_mark {
            usize::MAX => self.b.ins().bnot(block),
            secret => self.b.ins().bxor_imm_s(block, secret as i64),
        };
        // Half of it tells nearly always, and who has just written the other half need not wait here.
        let half = self.load(types::I32, Addr::value(block, Kind::Raw).plus(fast.slot_mark.into()));
        let free_half = self.b.ins().ireduce(types::I32, free_mark);
        let in_use = self.b.ins().icmp(IntCC::NotEqual, free_half, half);
        self.go_on_if(in_use, slow);
        free_mark
    }

    /// Loads 32 bits of the heap's data, as wide as an address.
    fn load_word32(&mut self, addr: Addr) -> ir::Value {
        let word = self.load(types::I32, addr);
        self.b.ins().uextend(self.ptr, word)
    }

    /// The place of slot `index` of a stack.
    fn stack_place(&mut self, stack: ir::Value, index: ir::Value) -> ir::Value {
        let offset = self.b.ins().ishl_imm_u(index, i64::from(self.ptr.bytes().trailing_zeros()));
        self.b.ins().iadd(stack, offset)
    }

    /// Goes on in a new block if the condition holds, else at `slow`, which is not sealed yet.
    pub(super) fn go_on_if(&mut self, condition: ir::Value, slow: Block) {
        let next = self.b.create_block();
        self.b.ins().brif(condition, next, &[], slow, &[]);
        self.enter(next);
    }
}
