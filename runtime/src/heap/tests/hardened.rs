//! The hardened build: what it must notice.

use super::*;
use crate::fault::{FaultKind, testing::expect_fault};
use crate::heap::chunk::header_of;
use std::sync::mpsc::channel;

/// Runs `touch` in a forked child; whether the child died of touching what it must not.
fn dies(touch: impl FnOnce()) -> bool {
    // SAFETY: the child touches and exits without returning here.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        // SAFETY: the default action ends the process; nothing of Rust's is in between.
        unsafe {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            libc::signal(libc::SIGBUS, libc::SIG_DFL);
        }
        touch();
        // SAFETY: leaves at once.
        unsafe { libc::_exit(0) }
    }
    let mut status = 0;
    // SAFETY: `child` is a child of this process and `status` is writable.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    libc::WIFSIGNALED(status)
}

/// Writes a byte where there may be nothing.
fn poke(at: *mut u8) {
    // SAFETY: not sound: what the guard pages are for. In a child of its own.
    unsafe { at.write_volatile(1) };
}

#[test]
fn large_blocks_have_guards_on_both_sides() {
    for (size, align) in [(3 << 20, 16), ((5 << 20) + 100, 16), (3 << 20, 1 << 20), (1 << 20, 1 << 23)] {
        let mut live = Live::new(size, align, 1);
        for round in 0..2 {
            // SAFETY: live.
            let end = unsafe { usable_size(live.block) };
            assert!(!dies(|| poke(live.block.wrapping_add(end - 1))));
            assert!(dies(|| poke(live.block.wrapping_add(end))), "behind {size} at {align}");
            assert!(dies(|| poke(live.block.wrapping_sub(1))), "before {size} at {align}");
            if round == 0 {
                live.resize(size * 2, align);
            }
        }
        live.free();
        // The next one gets its mapping.
        let again = Live::new(size * 2, 16, 2);
        // SAFETY: live.
        assert!(dies(|| poke(again.block.wrapping_add(unsafe { usable_size(again.block) }))));
        again.free();
    }
}

#[test]
fn chunks_have_guards_at_both_ends() {
    let live = Live::new(100, 16, 1);
    // SAFETY: the block is in a chunk.
    let chunk = unsafe { &*header_of(live.block) };
    assert!(dies(|| poke(chunk.slice(1).wrapping_sub(1))));
    assert!(dies(|| poke(chunk.slice(chunk::SLICES - 1))));
    assert!(dies(|| poke(chunk.slice(chunk::SLICES).wrapping_sub(1))));
    live.free();
}

#[test]
fn slots_come_in_random_order() {
    in_child(|| {
        let blocks: Vec<_> = (0..400).map(|_| Live::new(600, 16, 1)).collect();
        let rising = blocks.windows(2).filter(|pair| pair[0].block < pair[1].block).count();
        assert!((100..300).contains(&rising), "{rising}");
        blocks.into_iter().for_each(Live::free);
        let spans: Vec<_> = (0..200).map(|_| Live::new(300 << 10, 16, 1)).collect();
        let rising = spans.windows(2).filter(|pair| pair[0].block < pair[1].block).count();
        assert!((40..160).contains(&rising), "{rising}");
        spans.into_iter().for_each(Live::free);
    });
}

#[test]
fn a_write_to_a_free_block_is_noticed_when_it_is_handed_out() {
    in_child(|| {
        let live = Live::new(200, 16, 1);
        let block = live.block;
        live.free();
        // SAFETY: not sound: the bug to be noticed. The slot is mapped.
        unsafe { block.cast::<usize>().add(1).write(0x4141_4141) };
        let (kind, message) = expect_fault(|| _ = allocate(200, 16));
        assert_eq!(kind, FaultKind::Corruption, "{message}");
    });
}

#[test]
fn a_broken_link_is_noticed() {
    in_child(|| {
        let victim = Live::new(64, 16, 9);
        let blocks: Vec<_> = (0..40).map(|i| Live::new(3000, 16, i)).collect();
        let addresses: Vec<_> = blocks.iter().map(|live| live.block as usize).collect();
        let (sent, received) = channel();
        let thread = std::thread::spawn(move || {
            blocks.into_iter().for_each(Live::free);
            collect();
            sent.send(()).expect("the test waits");
        });
        received.recv().expect("they were freed");
        thread.join().expect("no failure");
        // They wait in this thread's inbox. A link to a block of the attacker's choice:
        for address in addresses {
            // SAFETY: not sound: the bug to be noticed. The slots are mapped.
            unsafe { (address as *mut usize).write(victim.block as usize) };
        }
        let (kind, message) = expect_fault(collect);
        assert_eq!(kind, FaultKind::Corruption, "{message}");
        assert!(message.contains("link"), "{message}");
    });
}
