//! Blocks without a tag: what a program with more live blocks than there are tags gets
//! for further small ones. Their ends and their death are known by the shadow alone, and
//! their header has all that is known of them.

use super::heap::{HEADER, Header, Heap, bytes_of, class_of, header, seal};
use super::map::{ADDRESS_MASK, FREED, REDZONE};
use super::spans::{Use, page_of, span, start_of};
use super::{Release, Request, shadow};

/// In the header in place of a tag.
const NO_TAG: u32 = 1;

/// A live block without a tag.
pub struct Untagged {
    /// Its slot.
    slot: usize,
    /// Its size in bytes.
    pub size: usize,
}

impl Heap {
    /// Makes a block without a tag, if it is a small one of the usual alignment.
    #[cold]
    pub fn allocate_untagged(&mut self, request: &Request<'_>, bytes: usize) -> Option<*mut u8> {
        if request.align > HEADER {
            return None;
        }
        let size = u16::try_from(request.size).ok()?;
        let class = class_of(bytes);
        let slot = self.take_slot(class)?;
        // SAFETY: the slot was just taken; the reference ends below.
        let header: &mut Header = unsafe { header(slot) };
        header.tag = NO_TAG;
        header.seal = seal(slot, NO_TAG);
        header.link = size;
        header.origin = request.origin as u8;
        header.align = request.align.trailing_zeros() as u8;
        let shade = super::blocks::shade(header.colour, request.zeroed);
        let block = core::ptr::with_exposed_provenance_mut::<u8>(slot + HEADER);
        shadow::set_block(slot + HEADER, request.size, bytes_of(class) - HEADER, shade, REDZONE);
        if request.zeroed {
            // SAFETY: the slot's bytes behind its header, which nobody uses.
            unsafe { block.write_bytes(0, request.size) };
        }
        self.blocks += 1;
        self.bytes += request.size;
        Some(block)
    }

    /// The size of the live block without a tag that starts at an address.
    pub fn untagged_size(&self, address: usize) -> Option<usize> {
        self.untagged_header(address).map(|(_, header)| header.link as usize)
    }

    /// The slot and header of the live block without a tag that starts at an address.
    fn untagged_header(&self, address: usize) -> Option<(usize, Header)> {
        if address > ADDRESS_MASK || !address.is_multiple_of(HEADER) {
            return None;
        }
        let page = page_of(address)?;
        // SAFETY: the lock is held; the copies need no reference.
        let span = unsafe { *span(page) };
        let slot = address.wrapping_sub(HEADER);
        if span.used_for != Use::Slots || slot < start_of(page) {
            return None;
        }
        // SAFETY: memory of the span; what is there is looked at before it is believed.
        let header = unsafe { *header(slot) };
        (header.tag == NO_TAG && header.seal == seal(slot, NO_TAG)).then_some((slot, header))
    }

    /// The live block without a tag that starts at an address, if what `release` says of it
    /// is true.
    pub fn untagged_at(&self, address: usize, release: &Release<'_>) -> Option<Untagged> {
        let (slot, header) = self.untagged_header(address)?;
        let size = header.link as usize;
        let wrong = |given: Option<i128>, right: usize| given.is_some_and(|given| given != right as i128);
        let right = header.origin == release.by as u8
            && !wrong(release.size, size)
            && !wrong(release.align, 1 << header.align);
        right.then_some(Untagged { slot, size })
    }

    /// Frees a block without a tag.
    pub fn free_untagged(&mut self, block: &Untagged) {
        // SAFETY: the slot is in use; the reference ends with the statement.
        unsafe { header(block.slot) }.seal = 0;
        let room = block.size.next_multiple_of(16);
        shadow::set_block(block.slot + HEADER, room, room, FREED, FREED);
        self.blocks -= 1;
        self.bytes -= block.size;
        self.give_slot(block.slot);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::heap::HEAP;
    use super::super::testing::{found, found_one, in_child_enabled};
    use super::super::*;

    #[test]
    fn blocks_beyond_the_last_tag_live_and_die() {
        in_child_enabled(|| {
            HEAP.lock().tags.use_up();
            let release = Release::new(Origin::Vex, "vex_free", Trace::NONE);
            let alloc = |size, zeroed| allocate(size, 16, zeroed, Origin::Vex, Trace::NONE);
            let blocks: Vec<*mut u8> = (0..1000).map(|size| alloc(size, size % 2 == 0)).collect();
            for (size, block) in blocks.iter().enumerate() {
                assert!(map::in_arena(block.addr()), "no tag");
                assert_eq!(size_of(*block), Some(size));
                check_range(*block, size, true, false, "");
                // SAFETY: the block is live.
                unsafe { block.write_bytes(5, size) };
            }
            assert!(found().is_empty());
            check_range(blocks[100].wrapping_add(100), 1, true, false, "");
            assert_eq!(found_one().kind, DefectKind::Wild);
            let request = Request {
                size: 60,
                align: 16,
                zeroed: false,
                origin: Origin::Vex,
                trace: Trace::NONE,
                reason: None,
            };
            let moved = reallocate(blocks[50], &request, &release);
            check_range(moved, 50, false, false, "");
            assert!(found().is_empty());
            // SAFETY: the block is live.
            assert!((0..50).all(|at| unsafe { *moved.add(at) } == 5));
            for (size, block) in blocks.iter().enumerate().filter(|(size, _)| *size != 50) {
                assert!(deallocate(*block, &Release { size: Some(size as i128), ..release }));
            }
            assert!(deallocate(moved, &release));
            assert_eq!((figures().blocks, figures().used), (0, 0));
            assert!(found().is_empty());
            assert!(!deallocate(moved, &release));
            assert_eq!(found().len(), 1);
            // Big ones have tags that are kept for them.
            assert!(map::tag_of(alloc(1 << 20, false).addr()) != 0);
        });
    }
}
