//! The code that takes a block of a constant size and gives a block back.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, FuncRef, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use vex_runtime::heap::inline::{self, FastPath};

/// The version of the offsets that this file knows.
const KNOWN: u32 = 3;

/// An address.
const PTR: Type = types::I64;

/// What the code of one function allocates with.
#[derive(Clone, Copy, Debug)]
pub struct Emitter {
    /// Offsets; `None` when they are of a version we do not know, and everything is a call.
    pub fast: Option<FastPath>,
    /// `vex_malloc`.
    pub malloc: FuncRef,
    /// `vex_free`.
    pub free: FuncRef,
    /// The heap of the thread that runs the code.
    pub heap: Value,
    /// Address of a number of 64 bits that counts the calls.
    pub calls: Value,
}

/// What pushing a block needs to know of its bin, loaded or known.
struct Bin {
    address: Value,
    mask: Value,
    inverse: Value,
    end: Value,
    limit: Value,
    /// Offset of its stack from the heap.
    stack: Value,
}

/// The offsets of this process's heap, if we know what they mean.
pub fn known_offsets() -> Option<FastPath> {
    Some(inline::fast_path()).filter(|fast| fast.version == KNOWN && size_of::<usize>() == 8)
}

impl Emitter {
    /// Takes a block of a constant size: from the stack of the class's bin, or by a call when that is empty.
    pub fn take(&self, b: &mut FunctionBuilder<'_>, size: usize) -> Value {
        let (Some(fast), Some(class)) = (self.fast, inline::class_of(size)) else {
            return self.call_malloc(b, size);
        };
        let facts = inline::facts_of(class);
        let bin = (class as u32 * fast.bin_size) as i32;
        let (found, empty, done) = (b.create_block(), b.create_block(), b.create_block());
        b.append_block_param(done, PTR);
        b.set_cold_block(empty);

        let count = load(b, types::I64, self.heap, bin + fast.bin_count as i32);
        b.ins().brif(count, found, &[], empty, &[]);

        enter(b, found);
        let left = b.ins().iadd_imm_s(count, -1);
        store(b, left, self.heap, bin + fast.bin_count as i32);
        let place = indexed(b, self.heap, left);
        let slot = load(b, PTR, place, facts.stack as i32);
        let zero = b.ins().iconst(PTR, 0);
        store(b, zero, slot, fast.slot_mark as i32);
        b.ins().jump(done, &[BlockArg::Value(slot)]);

        enter(b, empty);
        let block = self.call_malloc(b, size);
        b.ins().jump(done, &[BlockArg::Value(block)]);

        enter(b, done);
        b.block_params(done)[0]
    }

    /// Gives a block back: to the stack of its bin if it is one of this heap's, there is room, and it is not free already;
    /// by a call, which finds out, in every other case. `likely` is the size it probably has: then nothing that follows
    /// waits for what the page map says, except to find the guess wrong.
    pub fn give(&self, b: &mut FunctionBuilder<'_>, block: Value, likely: usize) {
        let Some(fast) = self.fast else { return self.call_free(b, block) };
        let (slow, done) = (b.create_block(), b.create_block());
        b.set_cold_block(slow);

        // Which bin takes the blocks at this address?
        let start = b.ins().iadd_imm_s(block, -(fast.map_start as i64));
        let slice = b.ins().ushr_imm_u(start, i64::from(fast.slice.trailing_zeros()));
        let mapped = b.ins().icmp_imm_u(IntCC::UnsignedLessThan, slice, fast.map_slices as i64);
        go_on_if(b, mapped, slow);
        let map = b.ins().iconst(PTR, fast.map as i64);
        let offset = b.ins().ishl_imm_u(slice, 3);
        let word = b.ins().iadd(map, offset);
        let bin = load(b, PTR, word, 0);

        if let Some(class) = inline::class_of(likely) {
            let (same, other) = (b.create_block(), b.create_block());
            b.set_cold_block(other);
            let expected = b.ins().iadd_imm_s(self.heap, i64::from(class as u32 * fast.bin_size));
            let is_it = b.ins().icmp(IntCC::Equal, bin, expected);
            b.ins().brif(is_it, same, &[], other, &[]);
            enter(b, same);
            let facts = inline::facts_of(class);
            let [mask, end, stack] =
                [facts.mask, facts.end, facts.stack].map(|fact| b.ins().iconst(PTR, fact as i64));
            let inverse = b.ins().iconst(types::I64, facts.inverse as i64);
            let limit = b.ins().iconst(types::I64, i64::from(facts.limit));
            let bin = Bin { address: expected, mask, inverse, end, limit, stack };
            self.push(b, &fast, &bin, block, [slow, done]);
            enter(b, other);
        }

        // Is it one of this heap's?
        let in_heap = b.ins().isub(bin, self.heap);
        let own = b.ins().icmp_imm_u(IntCC::UnsignedLessThan, in_heap, i64::from(fast.bins_size));
        go_on_if(b, own, slow);
        let fields = [fast.bin_mask, fast.bin_end, fast.bin_limit, fast.bin_first];
        let [mask, end, limit, stack] = fields.map(|field| {
            let short = load(b, types::I32, bin, field as i32);
            b.ins().uextend(PTR, short)
        });
        let inverse = load(b, types::I64, bin, fast.bin_inverse as i32);
        self.push(b, &fast, &Bin { address: bin, mask, inverse, end, limit, stack }, block, [slow, done]);

        enter(b, slow);
        self.call_free(b, block);
        b.ins().jump(done, &[]);
        enter(b, done);
    }

    /// Pushes a block on the stack of its bin and goes on at `done`; at `slow` where that cannot be done.
    fn push(
        &self,
        b: &mut FunctionBuilder<'_>,
        fast: &FastPath,
        bin: &Bin,
        block: Value,
        [slow, done]: [Block; 2],
    ) {
        // Is it the address of a block, and one that is not free?
        let in_page = b.ins().band(block, bin.mask);
        let before_end = b.ins().icmp(IntCC::UnsignedLessThan, in_page, bin.end);
        go_on_if(b, before_end, slow);
        let rest = b.ins().imul(in_page, bin.inverse);
        let is_slot = b.ins().icmp(IntCC::UnsignedLessThan, rest, bin.inverse);
        go_on_if(b, is_slot, slow);
        let secret = b.ins().iconst(PTR, fast.free_mark as i64);
        let free_mark = b.ins().bxor(block, secret);
        let mark = load(b, PTR, block, fast.slot_mark as i32);
        let in_use = b.ins().icmp(IntCC::NotEqual, mark, free_mark);
        go_on_if(b, in_use, slow);

        // Is there room for one more, without reaching the limit?
        let count = load(b, types::I64, bin.address, fast.bin_count as i32);
        let more = b.ins().iadd_imm_s(count, 1);
        let fits = b.ins().icmp(IntCC::UnsignedLessThan, more, bin.limit);
        go_on_if(b, fits, slow);
        store(b, free_mark, block, fast.slot_mark as i32);
        let stack = b.ins().iadd(self.heap, bin.stack);
        let place = indexed(b, stack, count);
        store(b, block, place, 0);
        store(b, more, bin.address, fast.bin_count as i32);
        b.ins().jump(done, &[]);
    }

    fn call_malloc(&self, b: &mut FunctionBuilder<'_>, size: usize) -> Value {
        self.count_call(b);
        let size = b.ins().iconst(PTR, size as i64);
        let call = b.ins().call(self.malloc, &[size]);
        b.inst_results(call)[0]
    }

    fn call_free(&self, b: &mut FunctionBuilder<'_>, block: Value) {
        self.count_call(b);
        b.ins().call(self.free, &[block]);
    }

    fn count_call(&self, b: &mut FunctionBuilder<'_>) {
        let calls = load(b, types::I64, self.calls, 0);
        let more = b.ins().iadd_imm_s(calls, 1);
        store(b, more, self.calls, 0);
    }
}

/// A value at an address that is known to be good.
pub fn load(b: &mut FunctionBuilder<'_>, ty: Type, address: Value, offset: i32) -> Value {
    b.ins().load(ty, MemFlagsData::trusted(), address, offset)
}

/// See [`load`].
pub fn store(b: &mut FunctionBuilder<'_>, value: Value, address: Value, offset: i32) {
    b.ins().store(MemFlagsData::trusted(), value, address, offset);
}

/// The address of word `index` from `start`.
fn indexed(b: &mut FunctionBuilder<'_>, start: Value, index: Value) -> Value {
    let offset = b.ins().ishl_imm_u(index, 3);
    b.ins().iadd(start, offset)
}

/// Goes on in a block that is reached from nowhere else.
fn enter(b: &mut FunctionBuilder<'_>, block: Block) {
    b.seal_block(block);
    b.switch_to_block(block);
}

/// Goes on if the condition holds, else at `slow`.
fn go_on_if(b: &mut FunctionBuilder<'_>, condition: Value, slow: Block) {
    let next = b.create_block();
    b.ins().brif(condition, next, &[], slow, &[]);
    enter(b, next);
}
