//! The pool of `std/allocator` without a call: a block's number is a multiplication and a rotation, its tag says whether
//! it may be taken or given back. What the fields mean is said in `runtime/src/alloc/pool.rs`.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, types};
use vex_runtime::alloc::owned::{PREFIX, Prefix};
use vex_runtime::alloc::pool::{Divisor, FREE, LAST, LIVE};

use super::addr::{Addr, Kind};
use super::expr::one;
use super::func::{Leaves, Lower};
use super::regions::{BUFFER, CAPACITY, Fields, Request};

/// Offsets of the fields that only a pool has.
const BLOCK_SIZE: i64 = 16;
const FREE_LIST: i64 = 24;
const NUM_BLOCKS: i64 = 32;
const NUM_FREE: i64 = 40;

// Code tells them apart by what is zero and what is negative.
const _: () = assert!(FREE == 0 && LIVE == 1 && LAST < 0);

/// What the prefix of a pool's buffer says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<T> {
    /// The address of the first tag.
    pub tags: T,
    /// How many tags there are.
    pub count: T,
    /// The two numbers of the divisor.
    pub inverse: T,
    pub twos: T,
    /// The size of the blocks, if it is a constant.
    pub block_size: Option<i64>,
}

/// A block's tag.
struct Tag {
    addr: Addr,
    /// The number of the block.
    index: ir::Value,
    /// Of its pool.
    known: Known<ir::Value>,
}

impl Lower<'_> {
    /// The code for a call about a pool.
    pub(super) fn pool(&mut self, request: &Request) -> Leaves {
        let fields = request.fields;
        match request.symbol {
            "vex_pool_alloc" => self.take_from_pool(request),
            "vex_pool_dealloc" => self.give_to_pool(request),
            "vex_pool_num_allocated" => {
                let (all, free) = (self.get_field(fields, NUM_BLOCKS), self.get_field(fields, NUM_FREE));
                one(self.b.ins().isub(all, free))
            }
            _ => one(self.get_field(fields, NUM_FREE)),
        }
    }

    /// What the prefix in front of a buffer says.
    pub(super) fn prefix(&mut self, buffer: ir::Value, kind: Kind) -> Known<ir::Value> {
        let prefix = Addr::value(buffer, kind).plus(-(PREFIX as i64));
        let mut word = |offset: usize| self.load(types::I64, prefix.plus(offset as i64));
        Known {
            tags: word(offset_of!(Prefix, tags)),
            count: word(offset_of!(Prefix, tag_count)),
            inverse: word(offset_of!(Prefix, extra)),
            twos: word(offset_of!(Prefix, extra) + 8),
            block_size: None,
        }
    }

    /// The tag of the block at `block`; goes on at `slow` when no block starts there.
    fn tag_of(&mut self, fields: Fields, block: ir::Value, slow: Block) -> Tag {
        let buffer = self.get_field(fields, BUFFER);
        let shadow = fields.shadow.and_then(|id| self.shadows.get(id)).and_then(|shadow| shadow.pool);
        let known = match shadow {
            Some(Known { tags, count, inverse, twos, block_size }) => {
                let mut word = |var| self.b.use_var(var);
                Known {
                    tags: word(tags),
                    count: word(count),
                    inverse: word(inverse),
                    twos: word(twos),
                    block_size,
                }
            }
            None => {
                self.go_on_if(buffer, slow);
                self.prefix(buffer, Kind::Raw)
            }
        };
        let offset = self.b.ins().isub(block, buffer);
        let index = match known.block_size.map(|size| Divisor::of(size as u64)) {
            Some(Divisor { inverse, twos }) => {
                let odd = self.b.ins().imul_imm_s(offset, inverse as i64);
                self.b.ins().rotr_imm_u(odd, i64::from(twos))
            }
            None => {
                let odd = self.b.ins().imul(offset, known.inverse);
                self.b.ins().rotr(odd, known.twos)
            }
        };
        let is_block = self.b.ins().icmp(IntCC::UnsignedLessThan, index, known.count);
        self.go_on_if(is_block, slow);
        let address = self.b.ins().iadd(known.tags, index);
        Tag { addr: Addr::value(address, Kind::Heap), index, known }
    }

    fn take_from_pool(&mut self, request: &Request) -> Leaves {
        let fields = request.fields;
        let (slow, done) = (self.cold_block(), self.block_for(request.ret));
        let block = self.get_field(fields, FREE_LIST);
        let tag = self.tag_of(fields, block, slow);
        let state = self.load(types::I8, tag.addr);
        let is_free = self.b.ins().icmp_imm_u(IntCC::Equal, state, i64::from(FREE));
        self.go_on_if(is_free, slow);
        let live = self.int(types::I8, i64::from(LIVE));
        self.store(live, tag.addr);

        let link = self.load(types::I64, Addr::value(block, Kind::Raw));
        let next = self.next_of(fields, block, link, &tag);
        self.set_field(fields, FREE_LIST, next);
        let free = self.get_field(fields, NUM_FREE);
        let free = self.b.ins().iadd_imm_s(free, -1);
        self.set_field(fields, NUM_FREE, free);
        self.jump(done, &[block]);
        self.or_call(request, slow, done)
    }

    /// The block that a link means. Most links are addresses; the branch lets the next allocation begin before it is
    /// known that this one is.
    fn next_of(&mut self, fields: Fields, block: ir::Value, link: ir::Value, tag: &Tag) -> ir::Value {
        let (special, fresh, found) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let next = self.b.append_block_param(found, types::I64);
        let plain = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, link, 0);
        self.b.ins().brif(plain, found, &[link.into()], special, &[]);
        self.enter(special);
        let zero = self.int(types::I64, 0);
        let last = self.b.ins().icmp_imm_s(IntCC::Equal, link, LAST);
        let strange = self.b.ins().select(last, zero, link);
        self.b.ins().brif(link, found, &[strange.into()], fresh, &[]);
        self.enter(fresh);
        let size = match tag.known.block_size {
            Some(size) => self.int(types::I64, size),
            None => self.get_field(fields, BLOCK_SIZE),
        };
        let behind = self.b.ins().iadd(block, size);
        let was_last = match fields.shadow {
            // The fields agree with the prefix.
            Some(_) => {
                let following = self.b.ins().iadd_imm_s(tag.index, 1);
                self.b.ins().icmp(IntCC::Equal, following, tag.known.count)
            }
            None => {
                let (buffer, capacity) = (self.get_field(fields, BUFFER), self.get_field(fields, CAPACITY));
                let end = self.b.ins().iadd(buffer, capacity);
                self.b.ins().icmp(IntCC::Equal, behind, end)
            }
        };
        let behind = self.b.ins().select(was_last, zero, behind);
        self.b.ins().jump(found, &[behind.into()]);
        self.enter(found);
        next
    }

    fn give_to_pool(&mut self, request: &Request) -> Leaves {
        let (fields, block) = (request.fields, request.args[0][0]);
        let (slow, done) = (self.cold_block(), self.block_for(request.ret));
        let tag = self.tag_of(fields, block, slow);
        let state = self.load(types::I8, tag.addr);
        let is_live = self.b.ins().icmp_imm_u(IntCC::Equal, state, i64::from(LIVE));
        self.go_on_if(is_live, slow);
        let free = self.int(types::I8, i64::from(FREE));
        self.store(free, tag.addr);

        let next = self.get_field(fields, FREE_LIST);
        let (none, link) = (self.cold_block(), self.b.create_block());
        let stored = self.b.append_block_param(link, types::I64);
        self.b.ins().brif(next, link, &[next.into()], none, &[]);
        self.enter(none);
        let last = self.int(types::I64, LAST);
        self.b.ins().jump(link, &[last.into()]);
        self.enter(link);
        self.store(stored, Addr::value(block, Kind::Raw));
        self.set_field(fields, FREE_LIST, block);
        let free = self.get_field(fields, NUM_FREE);
        let free = self.b.ins().iadd_imm_s(free, 1);
        self.set_field(fields, NUM_FREE, free);
        let done_code = self.int(types::I64, 0);
        self.jump(done, &[done_code]);
        self.or_call(request, slow, done)
    }
}
