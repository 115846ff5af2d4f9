//! Buffers the family allocated for itself, told apart from buffers it was given.
//!
//! The document's structs have no field that says who owns the buffer, and a
//! program may drop a copy of a struct (`bump_free(alloc)`). So ownership is
//! kept beside the buffer: every buffer we allocate has a [`Prefix`] of
//! [`PREFIX`] bytes directly in front of it, and the prefix hangs in a table of
//! live buffers. `drop` frees what it finds in the table and nothing else; the
//! look-up compares addresses and never reads through one it does not know.
//!
//! In front of the prefix there may be **tags**: one byte per block or granule,
//! the allocator's bookkeeping that must survive whatever a program writes.
//!
//! ```text
//! block ─▶ [ tags … | Prefix | buffer, 64-aligned, `capacity` bytes ]
//!                            ▲ what programs see
//! ```
//!
//! Nothing here allocates except the buffers: the table's links are in the
//! prefixes.

use super::source;
use crate::size;
use crate::sync::{ForkHandlers, Guard, Lock};
use core::ptr::NonNull;

/// Alignment of every owned buffer in bytes: a cache line. What lies in a buffer
/// at a given offset has the same alignment in every run, up to this one.
pub const BUFFER_ALIGN: usize = 64;

/// Bytes between a prefix and its buffer.
pub const PREFIX: usize = size_of::<Prefix>();

/// Which allocator a buffer belongs to; a struct whose `buffer` was overwritten
/// with another allocator's address owns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Kind {
    /// A [`BumpAllocator`](super::bump::BumpAllocator)'s.
    Bump = 1,
    /// A [`PoolAllocator`](super::pool::PoolAllocator)'s.
    Pool,
    /// A [`FreeListAllocator`](super::free_list::FreeListAllocator)'s.
    FreeList,
    /// A [`StackAllocator`](super::stack::StackAllocator)'s.
    Stack,
}

/// What is known about an owned buffer; it lies directly in front of it.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Prefix {
    /// First tag byte; dangling when the buffer has no tags.
    pub tags: NonNull<u8>,
    /// How many tag bytes there are.
    pub tag_count: usize,
    /// Two words for the allocator; the pool keeps its divisor here.
    pub extra: [u64; 2],
    kind: Kind,
    /// The next prefix of the same bucket.
    next: Option<NonNull<Prefix>>,
    /// The whole block's start, to give it back.
    block: NonNull<u8>,
}

const _: () = assert!(size_of::<Prefix>() == BUFFER_ALIGN, "the prefix takes exactly one buffer alignment");

/// Buckets of the table of live buffers, a power of two.
const BUCKETS: usize = 256;

/// How many released buffers of bump allocators are remembered: only theirs
/// could be taken for a buffer that was lent.
const REMEMBERED: usize = 256;

/// The live owned buffers, and the latest released ones.
struct Table {
    /// Chains of prefixes by buffer address.
    buckets: [Option<NonNull<Prefix>>; BUCKETS],
    /// Addresses of released buffers of bump allocators whose memory nobody has used for a buffer
    /// since; 0 for none. A ring.
    released: [usize; REMEMBERED],
    /// Where in the ring the next one goes.
    next: usize,
}

// SAFETY: a prefix is reached only through the table, under its lock, or by the
// allocator that owns the buffer.
unsafe impl Send for Table {}

static TABLE: Lock<Table> = Lock::new(Table { buckets: [None; BUCKETS], released: [0; REMEMBERED], next: 0 });

static HANDLERS: ForkHandlers =
    ForkHandlers::new(crate::heap::prepare_for_fork, before_fork, after_fork, after_fork);

unsafe extern "C" fn before_fork() {
    TABLE.acquire();
}

unsafe extern "C" fn after_fork() {
    // SAFETY: taken by `before_fork`, on this thread or the one it is a copy of.
    unsafe { TABLE.release() }
}

/// Installs the `fork` handlers; see [`ForkHandlers::ensure`].
pub(crate) fn prepare_for_fork() {
    HANDLERS.ensure();
}

/// The table, for the calling thread alone.
fn table() -> Guard<'static, Table> {
    prepare_for_fork();
    TABLE.lock()
}

impl Table {
    /// The bucket of a buffer address: the bits above the alignment, mixed so
    /// that buffers of one size do not share a few buckets.
    fn bucket(buffer: usize) -> usize {
        let mixed = (buffer / BUFFER_ALIGN).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed >> (usize::BITS - BUCKETS.trailing_zeros())
    }

    /// A buffer is in use at this address (again).
    fn forget(&mut self, buffer: usize) {
        self.released.iter_mut().filter(|known| **known == buffer).for_each(|known| *known = 0);
    }

    /// Takes the prefix of `buffer` out of the table.
    fn take(&mut self, buffer: usize, kind: Kind) -> Option<NonNull<Prefix>> {
        let mut link = &mut self.buckets[Table::bucket(buffer)];
        loop {
            let prefix = (*link)?;
            // SAFETY: prefixes in the table are live until `take` removes them,
            // and the lock is held.
            let node = unsafe { &mut *prefix.as_ptr() };
            if prefix.addr().get() + PREFIX == buffer {
                if node.kind != kind {
                    return None;
                }
                *link = node.next.take();
                if kind == Kind::Bump {
                    self.released[self.next] = buffer;
                    self.next = (self.next + 1) % REMEMBERED;
                }
                return Some(prefix);
            }
            link = &mut node.next;
        }
    }
}

/// Allocates a buffer of `capacity` bytes with `tag_count` tag bytes, all zero.
/// The buffer's own bytes are zero too if `zeroed`, else unspecified.
///
/// Returns the address as the document's structs hold it; `None` when the
/// capacity is negative or absurd, or the manager has no memory.
pub(super) fn obtain(kind: Kind, capacity: i64, tag_count: usize, zeroed: bool) -> Option<i64> {
    let capacity = size::from_signed(capacity)?;
    let front = front(tag_count)?;
    let block_size = size::sum(front, capacity)?;
    let block = source::allocate(block_size, BUFFER_ALIGN, zeroed)?;
    if !zeroed {
        // SAFETY: the block has at least `front` bytes.
        unsafe { block.write_bytes(0, front) };
    }
    // SAFETY: the block is fresh, big enough, aligned, and zero in front.
    let buffer = unsafe { dress(kind, block, tag_count) };
    let mut table = table();
    table.forget(buffer as usize);
    let bucket = &mut table.buckets[Table::bucket(buffer as usize)];
    // SAFETY: `dress` wrote the prefix; nobody else knows the buffer yet.
    let node = unsafe { prefix(buffer) };
    // SAFETY: as above.
    unsafe { (*node).next = *bucket };
    *bucket = NonNull::new(node);
    Some(buffer)
}

/// Bytes a buffer with `tag_count` tags has in front of it.
pub(crate) fn front(tag_count: usize) -> Option<usize> {
    size::sum(size::align_up(tag_count, BUFFER_ALIGN)?, PREFIX)
}

/// Writes the prefix of a buffer into its block and returns the buffer's
/// address. Such a buffer is not in the table: [`release`] does not know it.
///
/// # Safety
///
/// `block` must be [`BUFFER_ALIGN`]-aligned, at least [`front`] bytes long, which
/// must be zero, and nobody else's.
pub(crate) unsafe fn dress(kind: Kind, block: NonNull<u8>, tag_count: usize) -> i64 {
    let tags_end = tag_count.next_multiple_of(BUFFER_ALIGN);
    // SAFETY: tags and prefix lie inside the block by the caller's word.
    let (prefix, buffer) = unsafe { (block.add(tags_end).cast::<Prefix>(), block.add(tags_end + PREFIX)) };
    // SAFETY: the prefix lies inside the block, 64-aligned as the block is.
    unsafe {
        prefix.write(Prefix { tags: block, tag_count, extra: [0; 2], kind, next: None, block });
    }
    buffer.as_ptr().expose_provenance() as i64
}

/// Gives an owned buffer back; `false` when `buffer` is not a live buffer of
/// that kind, and then nothing is touched.
pub(super) fn release(kind: Kind, buffer: i64) -> bool {
    let Some(prefix) = table().take(buffer as usize, kind) else { return false };
    // SAFETY: the prefix just left the table, so this is the only release of it,
    // and `obtain` allocated its block.
    unsafe { source::deallocate(prefix.as_ref().block) };
    true
}

/// Whether `buffer` was a bump allocator's, released lately and nobody has said since that there is
/// a buffer at that address.
pub(super) fn was_released(buffer: i64) -> bool {
    table().released.contains(&(buffer as usize))
}

/// Says that there is a buffer at this address that we do not own.
pub(super) fn lend(buffer: i64) {
    table().forget(buffer as usize);
}

/// What is known of a live owned buffer.
pub(super) struct Room {
    /// Bytes of the buffer, at least as many as were asked for.
    pub bytes: usize,
    /// Its tags.
    pub tags: &'static [u8],
}

/// The room of a live owned buffer of that kind; `None` for any other address,
/// which is not read. Nobody may release the buffer while the room is looked at.
pub(super) fn room(kind: Kind, buffer: i64) -> Option<Room> {
    let table = table();
    let mut link = table.buckets[Table::bucket(buffer as usize)];
    while let Some(prefix) = link {
        // SAFETY: prefixes in the table are live, and the lock is held.
        let node = unsafe { prefix.as_ref() };
        if prefix.addr().get() + PREFIX == buffer as usize {
            if node.kind != kind {
                return None;
            }
            // SAFETY: the block is a live one of the source's, and the tags are the
            // start of it, `tag_count` bytes.
            let (usable, tags) = unsafe {
                let tags = core::slice::from_raw_parts(node.tags.as_ptr(), node.tag_count);
                (source::usable_size(node.block), tags)
            };
            let front = buffer as usize - node.block.addr().get();
            return Some(Room { bytes: usable - front, tags });
        }
        link = node.next;
    }
    None
}

/// The prefix in front of `buffer`.
///
/// # Safety
///
/// `buffer` must come from [`obtain`] and not have been released.
#[inline]
pub(super) unsafe fn prefix(buffer: i64) -> *mut Prefix {
    core::ptr::with_exposed_provenance_mut(buffer as usize - PREFIX)
}

/// How many owned buffers of any kind are live.
pub fn live() -> usize {
    let table = table();
    let mut count = 0;
    for bucket in &table.buckets {
        let mut link = *bucket;
        while let Some(prefix) = link {
            count += 1;
            // SAFETY: prefixes in the table are live, and the lock is held.
            link = unsafe { prefix.as_ref().next };
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_released_once_and_only_by_its_kind() {
        let buffer = obtain(Kind::Stack, 100, 7, false).expect("memory");
        assert_eq!(buffer as usize % BUFFER_ALIGN, 0);
        // SAFETY: the buffer is live.
        let prefix = unsafe { &*prefix(buffer) };
        assert_eq!(prefix.tag_count, 7);
        // SAFETY: seven tag bytes lie there.
        let tags = unsafe { core::slice::from_raw_parts(prefix.tags.as_ptr(), 7) };
        assert_eq!(tags, [0; 7]);
        assert!(!release(Kind::Bump, buffer));
        assert!(!release(Kind::Stack, buffer + 64));
        assert!(release(Kind::Stack, buffer));
        assert!(!release(Kind::Stack, buffer));
        assert!(!release(Kind::Stack, 0));
        assert!(!was_released(buffer), "only bump allocators need to know");
    }

    #[test]
    fn a_released_buffer_is_remembered_until_its_address_is_a_buffer_again() {
        let buffer = obtain(Kind::Bump, 100, 0, false).expect("memory");
        assert!(!was_released(buffer));
        assert!(release(Kind::Bump, buffer));
        assert!(was_released(buffer) && !was_released(buffer + 64));
        lend(buffer);
        assert!(!was_released(buffer));
    }

    #[test]
    fn many_buffers_share_buckets_and_leave_in_any_order() {
        let buffers: Vec<i64> =
            (0..3 * BUCKETS).map(|_| obtain(Kind::Pool, 16, 0, false).expect("memory")).collect();
        assert!(live() >= buffers.len());
        for &buffer in buffers.iter().step_by(2).chain(buffers.iter().skip(1).step_by(2)) {
            assert!(release(Kind::Pool, buffer));
        }
        assert!(buffers.iter().all(|&buffer| !release(Kind::Pool, buffer)));
    }

    #[test]
    fn absurd_sizes_are_refused() {
        assert_eq!(obtain(Kind::Bump, -1, 0, false), None);
        assert_eq!(obtain(Kind::Bump, i64::MAX, 0, false), None);
        assert_eq!(obtain(Kind::Bump, i64::MAX - 64, 0, false), None);
        assert_eq!(obtain(Kind::Bump, 0, usize::MAX, false), None);
    }
}
