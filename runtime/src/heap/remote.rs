//! Remote frees: a block freed by a thread that does not own its page.
//!
//! The freeing thread collects such blocks by owner and sends a batch with one
//! compare-exchange to the owner's inbox; the owner empties the inbox when it
//! next needs memory. Nobody waits for anybody.
//!
//! Pages can change owner while a batch is under way (their thread died and
//! another adopted them). Who moves pages raises the old owner's epoch and then
//! empties its inbox; who sends reads the epoch before it looks at the page and
//! again after the batch is in the inbox. So a batch that arrives too late for
//! the one is noticed by the other, which takes the inbox and sends every block
//! to where it belongs now.

use super::chunk::{self, Page, Slot};
use super::thread::{BATCHES, Batch, State, ThreadHeap};
use super::{class, harden, local, registry};
use core::ptr::null_mut;
use core::sync::atomic::Ordering;

/// Blocks in a batch at most.
const BATCH_COUNT: u32 = 32;
/// Bytes in a batch at most: big blocks are not held back.
const BATCH_BYTES: usize = 16 << 10;

/// Frees a block of another heap's page.
///
/// # Safety
///
/// `block` is a live block, `page` the record of its slice.
#[cold]
#[inline(never)]
pub unsafe fn free(heap: &'static ThreadHeap, page: &Page, block: *mut u8) {
    // A thread that frees more than it allocates may never run out of slots, but
    // does come to own pages, by adopting them; what others free there is taken
    // in here, or those pages would never be empty.
    receive(heap);
    let class = page.class.get() as usize;
    let slot = block.cast::<Slot>();
    // SAFETY: the block is dead from here on, and two words long at least.
    unsafe { (*slot).mark = chunk::free_mark(block) };
    heap.add_base(class, -1);
    // SAFETY: the slot is marked, in no list, and its page is alive through it.
    unsafe { post(heap, page, slot) };
}

/// Hands a marked slot to the owner of its page: at once when that is `heap`,
/// else by way of a batch.
///
/// # Safety
///
/// `slot` is a marked free slot in no list; `page` is the record of its slice.
unsafe fn post(heap: &'static ThreadHeap, page: &Page, slot: *mut Slot) {
    // Epoch first, owner second: see the file's header.
    let (target, epoch) = loop {
        let target = page.owner.load(Ordering::SeqCst);
        // SAFETY: a page with a block out has an owner, and heaps are never unmapped.
        let epoch = unsafe { (*target).epoch.load(Ordering::SeqCst) };
        if page.owner.load(Ordering::SeqCst) == target {
            break (target.cast_const(), epoch);
        }
    };
    if core::ptr::eq(target, heap) {
        // SAFETY: the page is this heap's, so its lists are this thread's.
        unsafe { local::return_to_page(heap, slot) };
        return;
    }
    let batch = &heap.outbox[target as usize / size_of::<ThreadHeap>() % BATCHES];
    while batch.target.get() != target || batch.epoch.get() != epoch {
        if batch.first.get().is_null() {
            batch.target.set(target);
            batch.epoch.set(epoch);
        } else {
            // Sending may post other slots, even to this batch: look again.
            send(heap, batch);
        }
    }
    // SAFETY: the slot is free and in no list.
    unsafe { (*slot).next = harden::seal(slot, batch.first.get()) };
    if batch.first.get().is_null() {
        batch.last.set(slot);
    }
    batch.first.set(slot);
    batch.count.set(batch.count.get() + 1);
    batch.bytes.set(batch.bytes.get() + class::TABLE[page.class.get() as usize].size as usize);
    if batch.count.get() >= BATCH_COUNT || batch.bytes.get() >= BATCH_BYTES {
        send(heap, batch);
    }
}

/// Sends a batch, if there is anything in it.
fn send(heap: &'static ThreadHeap, batch: &Batch) {
    let (first, last) = (batch.first.replace(null_mut()), batch.last.replace(null_mut()));
    batch.count.set(0);
    batch.bytes.set(0);
    if first.is_null() {
        return;
    }
    let epoch = batch.epoch.get();
    // SAFETY: heaps are never unmapped.
    let target = unsafe { &*batch.target.get() };
    let mut head = target.inbox.load(Ordering::Relaxed);
    loop {
        // SAFETY: the batch is ours until the exchange succeeds.
        unsafe { (*last).next = harden::seal(last, head) };
        match target.inbox.compare_exchange_weak(head, first, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => break,
            Err(now) => head = now,
        }
    }
    if target.epoch.load(Ordering::SeqCst) != epoch {
        deliver(heap, target.inbox.swap(null_mut(), Ordering::SeqCst));
    } else if target.state() == State::Orphan {
        // Nobody will look into that inbox.
        registry::tend(heap, target);
    }
}

/// Sends every batch, and those that sending them may begin.
pub fn send_all(heap: &'static ThreadHeap) {
    while heap.outbox.iter().any(|batch| !batch.first.get().is_null()) {
        for batch in &heap.outbox {
            send(heap, batch);
        }
    }
}

/// Takes in what other threads freed.
#[inline]
pub fn receive(heap: &'static ThreadHeap) {
    if !heap.inbox.load(Ordering::Relaxed).is_null() {
        deliver(heap, heap.inbox.swap(null_mut(), Ordering::SeqCst));
    }
}

/// Takes in what was sent to `orphan`, which is this thread's for the moment; slots
/// that were sent there by mistake go on from `heap`.
pub fn take_in(heap: &'static ThreadHeap, orphan: &'static ThreadHeap) {
    let mut list = orphan.inbox.swap(null_mut(), Ordering::SeqCst);
    while !list.is_null() {
        // SAFETY: as in `deliver`; pages of `orphan` are this thread's for the moment.
        unsafe {
            let next = harden::open(list, (*list).next);
            let page = (*chunk::header_of(list.cast())).page_of(list.cast());
            if core::ptr::eq(page.owner.load(Ordering::SeqCst), orphan) {
                local::return_to_orphan(orphan, list);
            } else {
                post(heap, page, list);
            }
            list = next;
        }
    }
}

/// Hands every slot of a list to the owner of its page.
pub fn deliver(heap: &'static ThreadHeap, mut list: *mut Slot) {
    while !list.is_null() {
        // SAFETY: slots under way keep their pages, and so their chunks, alive;
        // the list was taken off the inbox as a whole, so it is ours.
        unsafe {
            let next = harden::open(list, (*list).next);
            let chunk = &*chunk::header_of(list.cast());
            post(heap, chunk.page_of(list.cast()), list);
            list = next;
        }
    }
}
