//! Who called whom: walks the program's stack from a fault outwards.
//!
//! Generated functions keep frame pointers, so from one of them on it is a linked list. What they call (the runtime,
//! libc) does not: from there the platform's unwinder steps through its tables until it meets generated code. Where C
//! code called back into the program, the gap in the list is bridged by looking for the next return address.
//!
//! The program may have overwritten its stack with anything, so every address is checked before it is read and the
//! walk only ever goes up.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::arch::{self, Registers};
use super::codemap::{CodeMap, Location};

/// By address, the index of the map that it was found in the last time. A wrong one only costs the search.
static HINTS: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

/// The code that may appear on a stack, and the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// Maps of all generated code.
    pub maps: &'a [&'a CodeMap],
    /// First byte of the stack.
    pub low: usize,
    /// One past its last byte.
    pub high: usize,
}

impl Ground<'_> {
    /// The map that knows `address`. Recursion without end asks for the same few addresses millions of times, and a
    /// session has as many maps as inputs, so where an address was found is looked at first.
    pub fn map(&self, address: usize) -> Option<&CodeMap> {
        let hint = &HINTS[address / 16 % HINTS.len()];
        let hinted = self.maps.get(hint.load(Ordering::Relaxed)).copied();
        if let Some(map) = hinted.filter(|map| map.contains(address)) {
            return Some(map);
        }
        let index = self.maps.iter().position(|map| map.contains(address))?;
        hint.store(index, Ordering::Relaxed);
        Some(self.maps[index])
    }

    /// Function and position of an address.
    pub fn find(&self, address: usize) -> Option<Location<'_>> {
        self.map(address)?.find(address)
    }

    /// As [`Ground::find`], `level` calls further out, of those whose callees were put in place.
    pub fn find_at(&self, address: usize, level: usize) -> Option<Location<'_>> {
        self.map(address)?.find_at(address, level)
    }

    fn stack(&self) -> Range<usize> {
        self.low..self.high
    }

    /// The word at `address`, if that is an aligned place on the stack.
    pub fn word(&self, address: usize) -> Option<usize> {
        let inside = self.stack().contains(&address) && self.high - address >= 8 && address.is_multiple_of(8);
        // SAFETY: the word lies in the program's stack, which is mapped readable while the program runs.
        inside.then(|| unsafe { std::ptr::with_exposed_provenance::<usize>(address).read_volatile() })
    }

    /// The byte before `address` if that is a return address in generated code: the call it belongs to.
    fn call(&self, address: usize) -> Option<usize> {
        let start = self.map(address.wrapping_sub(1))?.range().start;
        let len = (address - start).min(7);
        // SAFETY: the bytes lie in a map's code, which is mapped readable as long as its program exists.
        let before = unsafe {
            std::slice::from_raw_parts(std::ptr::with_exposed_provenance::<u8>(address - len), len)
        };
        arch::ends_in_call(before).then_some(address - 1)
    }

    /// The first return address into generated code at or above `from`, as a frame.
    fn scan(&self, from: usize) -> Option<Frame> {
        let mut slot = from.max(self.low).next_multiple_of(8);
        while let Some(word) = self.word(slot) {
            if let Some(pc) = self.call(word) {
                let fp = slot + 8 + self.find(pc)?.frame as usize;
                // A value left over from an earlier call is not the head of a chain that continues.
                if self.word(fp).is_some_and(|next| next == 0 || self.stack().contains(&next)) {
                    return Some(Frame { pc, fp });
                }
            }
            slot += 8;
        }
        None
    }
}

/// A generated function in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// An address inside the instruction it is at: that of a fault, or one inside a call.
    pub pc: usize,
    /// Its frame pointer.
    pub fp: usize,
}

/// Frames from the innermost outwards, each as an address inside the instruction it is at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames<'a> {
    ground: Ground<'a>,
    next: Option<Frame>,
    /// The frame after `next`, when `next` has no frame of its own yet.
    then: Option<Frame>,
}

impl<'a> Frames<'a> {
    /// Frames of code that called out of the program: the innermost is found above the caller's own frames.
    pub fn above_here(ground: Ground<'a>) -> Frames<'a> {
        let here = 0usize;
        let next = unwind_to_program(&ground).or_else(|| ground.scan((&raw const here).addr()));
        Frames { ground, next, then: None }
    }

    /// Frames of code that a signal interrupted. Call it from the handler.
    pub fn at_signal(ground: Ground<'a>, registers: Registers) -> Frames<'a> {
        let Registers { pc, sp, fp } = registers;
        let caller = || ground.word(sp).and_then(|address| ground.call(address)).map(|pc| Frame { pc, fp });
        let (next, then) = match ground.find(pc) {
            // Its first instruction is the push of the caller's frame pointer.
            Some(location) if location.start == pc => (Some(Frame { pc, fp }), caller()),
            Some(_) => (Some(Frame { pc, fp }), None),
            // A jump to nowhere has just pushed a return address and nothing else.
            None => (caller().or_else(|| unwind_to_program(&ground)).or_else(|| ground.scan(sp)), None),
        };
        Frames { ground, next, then }
    }
}

impl Iterator for Frames<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let frame = self.next?;
        self.next = self.then.take().or_else(|| {
            let outer = self.ground.word(frame.fp)?;
            let back = self.ground.word(frame.fp + 8)?;
            if outer == 0 {
                return None;
            }
            match self.ground.call(back) {
                Some(pc) if outer > frame.fp => Some(Frame { pc, fp: outer }),
                _ => self.ground.scan(frame.fp + 16),
            }
        });
        Some(frame.pc)
    }
}

/// What the unwinder's callback looks for and finds.
struct Search<'a> {
    ground: &'a Ground<'a>,
    found: Option<Frame>,
}

/// The innermost generated frame above this function's, as the platform's unwinder sees it.
fn unwind_to_program(ground: &Ground<'_>) -> Option<Frame> {
    let mut search = Search { ground, found: None };
    // SAFETY: the callback gets the pointer back as `Search`, which outlives the call, and does not unwind.
    unsafe { _Unwind_Backtrace(visit, (&raw mut search).cast()) };
    search.found
}

/// Number of the frame pointer register in unwind tables.
const FRAME_POINTER: c_int = 6;

/// Stops the unwinder at generated code.
extern "C" fn visit(context: *mut c_void, search: *mut c_void) -> c_int {
    // SAFETY: it is the `Search` of `unwind_to_program`, and nobody else uses it during the walk.
    let search = unsafe { &mut *search.cast::<Search<'_>>() };
    // SAFETY: the unwinder's context, valid during the callback.
    let pc = unsafe { _Unwind_GetIP(context) };
    match search.ground.call(pc) {
        Some(pc) => {
            // SAFETY: as above.
            let fp = unsafe { _Unwind_GetGR(context, FRAME_POINTER) };
            search.found = Some(Frame { pc, fp });
            END_OF_STACK
        }
        None => NO_REASON,
    }
}

/// The callback's result that goes on with the walk.
const NO_REASON: c_int = 0;
/// One that ends it.
const END_OF_STACK: c_int = 5;

// The unwinder that Rust's own backtraces use; it is part of every Rust program.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        visit: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
    fn _Unwind_GetGR(context: *mut c_void, register: c_int) -> usize;
}
