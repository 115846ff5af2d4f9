//! What an allocator that a program holds has to show, from the address of its
//! struct: for a session that displays it.
//!
//! ```text
//! pub unsafe fn figures(kind: &str, address: *const u8) -> Option<AllocFigures>
//! pub const KINDS: [&str; 5]
//! ```
//!
//! A struct is the program's to write to, so nothing it says is believed: the
//! buffer must be one the family knows, the numbers must fit it, and what lies in
//! the buffer is only compared with the bookkeeping outside. Nothing is changed,
//! and nothing here is a fault.

use super::bump::BumpAllocator;
use super::free_list::{self, FreeListAllocator, Piece};
use super::kmem;
use super::owned::{self, Kind};
use super::pool::PoolAllocator;
use super::stack::{self, StackAllocator};
use crate::size;

/// The kinds that [`figures`] knows: the structs of `std/allocator`, and kmem,
/// of which there is one.
pub const KINDS: [&str; 5] =
    ["BumpAllocator", "PoolAllocator", "FreeListAllocator", "StackAllocator", "kmem"];

/// A live block of an allocator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocBlock {
    /// Its first byte. For a stack allocator, the first byte behind the header:
    /// the block starts there or, when it is aligned to more than 8, a little later.
    pub address: usize,
    /// Its bytes, rounding included; for kmem, as requested.
    pub size: usize,
    /// What it is for, as kmem was told; `None` for every other allocator.
    pub reason: Option<String>,
}

/// What an allocator has to show, in bytes unless said otherwise.
///
/// `used + free == capacity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllocFigures {
    /// The buffer's address; 0 when there is none: dropped, or never made.
    pub buffer: usize,
    /// Whether the allocator made the buffer itself; false for one it was given.
    pub owns_buffer: bool,
    /// Bytes of the buffer.
    pub capacity: usize,
    /// Bytes in use, with headers, padding and rounding.
    pub used: usize,
    /// Bytes as requested, where that is known.
    pub requested: Option<usize>,
    /// Bytes not in use, in how many pieces so ever.
    pub free: usize,
    /// The largest request of default alignment that would succeed now.
    pub largest_free: usize,
    /// In how many pieces the free bytes are; for a pool, how many free blocks.
    pub free_pieces: usize,
    /// The most bytes in use at once, as requested, where that is known.
    pub peak: Option<usize>,
    /// Bytes of each block, for a pool.
    pub block_size: Option<usize>,
    /// The live blocks by address, where they are known.
    pub live: Option<Vec<AllocBlock>>,
    /// The address of a header that was overwritten, when one was found. A stack
    /// allocator's blocks below it are then not known.
    pub damaged: Option<usize>,
}

impl AllocFigures {
    /// How scattered the free bytes are: 0 when they are in one piece, near 1 when
    /// there are many small ones.
    pub fn fragmentation(&self) -> f64 {
        match (self.free, self.free_pieces) {
            (0, _) | (_, 0 | 1) => 0.0,
            (free, _) => 1.0 - self.largest_free.min(free) as f64 / free as f64,
        }
    }
}

/// The figures of the allocator whose struct is at `address`, which is ignored for
/// kmem. `None` when no allocator has this name, or the struct makes no sense: it
/// was never initialised, or was overwritten, or its buffer went with a copy of it.
///
/// # Safety
///
/// Unless `kind` is `"kmem"` or no kind at all, `address` is readable for a struct
/// of the kind. A buffer the struct was given is not read. Nobody uses the
/// allocator meanwhile.
pub unsafe fn figures(kind: &str, address: *const u8) -> Option<AllocFigures> {
    // SAFETY: the caller's word; every bit pattern is a value of the fields, which
    // are integers.
    unsafe {
        match kind {
            "BumpAllocator" => bump(&address.cast::<BumpAllocator>().read_unaligned()),
            "PoolAllocator" => pool(&address.cast::<PoolAllocator>().read_unaligned()),
            "FreeListAllocator" => list(&address.cast::<FreeListAllocator>().read_unaligned()),
            "StackAllocator" => stack(address.cast::<StackAllocator>().read_unaligned()),
            "kmem" => Some(kmem::figures()),
            _ => None,
        }
    }
}

/// `value` as a size, unless it is negative or above `most`.
fn within(value: i64, most: usize) -> Option<usize> {
    size::from_signed(value).filter(|value| *value <= most)
}

/// The figures every kind has.
fn common(buffer: i64, owns_buffer: bool, capacity: usize, used: usize) -> AllocFigures {
    let free = capacity - used;
    AllocFigures {
        buffer: buffer as usize,
        owns_buffer,
        capacity,
        used,
        free,
        largest_free: free,
        free_pieces: usize::from(free > 0),
        ..AllocFigures::default()
    }
}

fn bump(bump: &BumpAllocator) -> Option<AllocFigures> {
    let BumpAllocator { buffer, capacity, offset, allocated } = *bump;
    let room = owned::room(Kind::Bump, buffer);
    let capacity = within(capacity, room.as_ref().map_or(size::MAX_SIZE, |room| room.bytes))?;
    let used = within(offset, capacity)?;
    let requested = within(allocated, used)?;
    // Of a buffer that the allocator was given only this much is known.
    let sound = match buffer {
        0 => capacity == 0,
        _ => room.is_some() || !owned::was_released(buffer),
    };
    if !sound {
        return None;
    }
    let owns_buffer = room.is_some();
    Some(AllocFigures { requested: Some(requested), ..common(buffer, owns_buffer, capacity, used) })
}

fn pool(pool: &PoolAllocator) -> Option<AllocFigures> {
    let PoolAllocator { buffer, capacity, block_size, num_blocks, num_free, .. } = *pool;
    if buffer == 0 {
        let empty = (capacity, num_blocks, num_free) == (0, 0, 0);
        return empty.then(|| AllocFigures { live: Some(Vec::new()), ..AllocFigures::default() });
    }
    let room = owned::room(Kind::Pool, buffer)?;
    let (capacity, block_size) = (within(capacity, room.bytes)?, within(block_size, size::MAX_SIZE)?);
    let blocks = within(num_blocks, room.tags.len())?;
    if blocks != room.tags.len() || size::array(blocks, block_size) != Some(capacity) {
        return None;
    }
    let live: Vec<AllocBlock> = (room.tags.iter().enumerate())
        .filter(|(_, tag)| super::pool::is_live(**tag))
        .map(|(index, _)| block(buffer as usize + index * block_size, block_size))
        .collect();
    let free_pieces = blocks - live.len();
    let used = live.len() * block_size;
    Some(AllocFigures {
        largest_free: if free_pieces > 0 { block_size } else { 0 },
        free_pieces,
        block_size: Some(block_size),
        live: Some(live),
        ..common(buffer, true, capacity, used)
    })
}

fn block(address: usize, size: usize) -> AllocBlock {
    AllocBlock { address, size, reason: None }
}

fn list(list: &FreeListAllocator) -> Option<AllocFigures> {
    let FreeListAllocator { buffer, capacity, free_list, allocated } = *list;
    if buffer == 0 {
        let empty = (capacity, free_list, allocated) == (0, 0, 0);
        return empty.then(|| AllocFigures { live: Some(Vec::new()), ..AllocFigures::default() });
    }
    let room = owned::room(Kind::FreeList, buffer)?;
    let capacity = within(capacity, room.bytes)?;
    if capacity / free_list::GRANULE != room.tags.len() {
        return None;
    }
    Some(free_list_figures(list, room.tags))
}

/// The figures of a free list whose buffer and tags are known to be good.
pub(crate) fn free_list_figures(list: &FreeListAllocator, tags: &[u8]) -> AllocFigures {
    let mut live = Vec::new();
    let (mut used, mut largest, mut pieces, mut damaged) = (0, 0, 0, None);
    free_list::survey(list.buffer as usize, tags, &mut |piece: Piece| {
        if piece.live {
            used += piece.size;
            live.push(block(piece.start + free_list::HEADER, piece.size - free_list::HEADER));
        } else {
            pieces += 1;
            largest = largest.max(piece.size - free_list::HEADER);
        }
        if piece.damaged && damaged.is_none() {
            damaged = Some(piece.start);
        }
    });
    AllocFigures {
        largest_free: largest,
        free_pieces: pieces,
        live: Some(live),
        damaged,
        ..common(list.buffer, true, list.capacity as usize, used)
    }
}

fn stack(mut stack: StackAllocator) -> Option<AllocFigures> {
    let StackAllocator { buffer, capacity, offset, prev_offset } = stack;
    let room = owned::room(Kind::Stack, buffer);
    let capacity = within(capacity, room.as_ref().map_or(0, |room| room.bytes))?;
    let used = within(offset, capacity)?;
    within(prev_offset, used)?;
    if room.is_none() && buffer != 0 {
        return None;
    }
    // The struct is a copy: popping it changes nothing of the program's.
    let mut live = Vec::new();
    let mut damaged = None;
    while stack.offset > 0 {
        let header = (buffer + stack.prev_offset) as usize;
        let start = header.next_multiple_of(stack::HEADER) + stack::HEADER;
        let end = (buffer + stack.offset) as usize;
        if stack.pop() != 0 || start > end {
            damaged = Some(start - stack::HEADER);
            break;
        }
        live.push(block(start, end - start));
    }
    live.reverse();
    let figures = common(buffer, room.is_some(), capacity, used);
    let aligned = (buffer as usize + used).next_multiple_of(stack::HEADER) - buffer as usize;
    let largest_free = capacity.saturating_sub(aligned + stack::HEADER);
    Some(AllocFigures { live: Some(live), damaged, largest_free, ..figures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::layouts::layout_new;

    /// The figures of a struct, as a session asks for them.
    fn of<T>(kind: &str, allocator: &T) -> Option<AllocFigures> {
        // SAFETY: a reference to the struct.
        unsafe { figures(kind, (&raw const *allocator).cast()) }
    }

    fn addresses(figures: &AllocFigures) -> Vec<(i64, usize)> {
        figures.live.iter().flatten().map(|block| (block.address as i64, block.size)).collect()
    }

    #[test]
    fn a_bump_allocator_shows_its_padding() {
        let mut b = BumpAllocator::new(1000);
        b.alloc(layout_new(10, 1));
        b.alloc(layout_new(8, 8));
        let shown = of("BumpAllocator", &b).expect("a good struct");
        assert_eq!((shown.capacity, shown.used, shown.requested, shown.free), (1000, 24, Some(18), 976));
        assert_eq!((shown.largest_free, shown.owns_buffer, shown.live), (976, true, None));
        let copy = BumpAllocator { ..b };
        b.drop();
        assert_eq!(of("BumpAllocator", &copy), None, "the buffer is gone");
        assert_eq!(
            of("BumpAllocator", &b),
            Some(AllocFigures { requested: Some(0), ..AllocFigures::default() })
        );
        let mut bytes = [0u64; 8];
        // SAFETY: the array outlives the allocator.
        let lent = unsafe { BumpAllocator::from_buffer((&raw mut bytes).expose_provenance() as i64, 64) };
        assert_eq!(of("BumpAllocator", &lent).map(|f| (f.owns_buffer, f.free)), Some((false, 64)));
    }

    #[test]
    fn a_pool_shows_its_live_blocks() {
        let mut p = PoolAllocator::new(24, 5);
        let [a, b, c] = [0; 3].map(|_| p.alloc());
        p.dealloc(b);
        let shown = of("PoolAllocator", &p).expect("a good struct");
        assert_eq!(addresses(&shown), [(a, 24), (c, 24)]);
        assert_eq!((shown.capacity, shown.used, shown.free, shown.free_pieces), (120, 48, 72, 3));
        assert_eq!((shown.block_size, shown.largest_free), (Some(24), 24));
        let mut wrong = PoolAllocator { block_size: 32, ..p };
        assert_eq!(of("PoolAllocator", &wrong), None);
        wrong = PoolAllocator { num_blocks: 4, capacity: 96, ..p };
        assert_eq!(of("PoolAllocator", &wrong), None);
        p.drop();
        assert_eq!(of("PoolAllocator", &wrong), None);
        assert_eq!(of("PoolAllocator", &p).map(|f| (f.buffer, f.live)), Some((0, Some(Vec::new()))));
    }

    #[test]
    fn a_free_list_shows_its_pieces_and_what_was_overwritten() {
        let mut l = FreeListAllocator::new(1 << 10);
        let blocks = [100, 40, 200, 16].map(|bytes| l.alloc(layout_new(bytes, 8)));
        l.dealloc(blocks[0].ptr);
        l.dealloc(blocks[2].ptr);
        let shown = of("FreeListAllocator", &l).expect("a good struct");
        let expected = [blocks[1], blocks[3]].map(|block| (block.ptr, block.size as usize));
        assert_eq!(addresses(&shown), expected);
        assert_eq!((shown.used as i64, shown.used + shown.free), (l.total_allocated(), 1 << 10));
        assert_eq!((shown.free_pieces, shown.largest_free), (3, l.largest_free()));
        assert!(shown.fragmentation() > 0.2 && shown.damaged.is_none());
        let header = core::ptr::with_exposed_provenance_mut::<u64>(blocks[3].ptr as usize - 16);
        // SAFETY: inside the buffer; the overwritten header is the bug under test.
        let before = unsafe { header.replace(99) };
        let broken = of("FreeListAllocator", &l).expect("still a good struct");
        assert_eq!((broken.damaged, addresses(&broken)), (Some(header.addr()), expected.to_vec()));
        // SAFETY: as above.
        unsafe { header.write(before) };
        assert_eq!(of("FreeListAllocator", &FreeListAllocator { capacity: 1 << 20, ..l }), None);
        l.drop();
    }

    #[test]
    fn a_stack_shows_its_blocks_from_the_bottom() {
        let mut s = StackAllocator::new(256);
        let blocks = [10, 0, 24].map(|bytes| s.alloc(layout_new(bytes, 8)));
        let shown = of("StackAllocator", &s).expect("a good struct");
        assert_eq!(addresses(&shown), blocks.map(|block| (block.ptr, block.size as usize)));
        assert_eq!((shown.used as i64, shown.free as i64), (s.offset, s.remaining()));
        let largest = shown.largest_free as i64;
        assert_eq!(s.alloc(layout_new(largest + 1, 1)).ptr, 0);
        assert_ne!(s.alloc(layout_new(largest, 1)).ptr, 0);
        s.pop();
        let header = core::ptr::with_exposed_provenance_mut::<i64>(blocks[1].ptr as usize - 8);
        // SAFETY: inside the buffer; the overwritten header is the bug under test.
        unsafe { header.write(-4) };
        let broken = of("StackAllocator", &s).expect("still a good struct");
        assert_eq!((broken.damaged, addresses(&broken)), (Some(header.addr()), vec![(blocks[2].ptr, 24)]));
        s.drop();
        assert_eq!(of("StackAllocator", &s).map(|f| f.capacity), Some(0));
    }

    #[test]
    fn kmem_tells_reasons_too() {
        let held = kmem::allocate(33, "shown as a figure");
        let shown = without_struct("kmem").expect("there is always one");
        let block = shown.live.iter().flatten().find(|block| block.address == held.addr().get());
        let block = block.expect("a live block");
        assert_eq!((block.size, block.reason.as_deref()), (33, Some("shown as a figure")));
        assert_eq!(shown.capacity, kmem::occupancy().0);
        assert!(shown.used >= 33 && shown.peak >= Some(33) && shown.largest_free <= shown.free);
        kmem::try_release(held.addr().get()).expect("live");
        assert_eq!(without_struct("std::vector"), None);
    }

    /// The figures of what has no struct.
    fn without_struct(kind: &str) -> Option<AllocFigures> {
        // SAFETY: the address of these kinds is not read.
        unsafe { figures(kind, core::ptr::null()) }
    }

    #[test]
    fn structs_of_any_bytes_are_refused_or_harmless() {
        let mut state = 0x1234_5678_9ABC_DEF1u64;
        let pool = PoolAllocator::new(24, 5);
        for _ in 0..2000 {
            let mut words = [0i64; 6].map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as i64 >> (state % 64)
            });
            if state.is_multiple_of(3) {
                words[0] = pool.buffer;
            }
            for kind in &KINDS[..4] {
                if let Some(shown) = of(kind, &words) {
                    assert_eq!(shown.used + shown.free, shown.capacity);
                }
            }
        }
        PoolAllocator { ..pool }.drop();
    }
}
