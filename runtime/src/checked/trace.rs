//! Call traces: where an allocation function was called from.
//!
//! Generated code calls allocation functions through stubs ([`checked_stub!`]) that note
//! the return address and the frame pointer of the caller in two cells. From there the
//! frames of generated code are a linked list on the program's stack.

use super::depot;
use super::owned::Owned;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The return address of the last call of a function through a stub.
pub static CALLER_PC: AtomicUsize = AtomicUsize::new(0);

/// The frame pointer of the function that made that call.
pub static CALLER_FP: AtomicUsize = AtomicUsize::new(0);

/// Frames that a trace looks at most at.
pub const MOST_FRAMES: usize = 16;

/// A list of return addresses, kept once for all that have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace(pub(super) u32);

impl Trace {
    /// No frames.
    pub const NONE: Trace = Trace(0);

    /// The calls that led to the stub that was entered last.
    #[inline]
    pub fn capture() -> Trace {
        let (pc, fp) = (CALLER_PC.load(Ordering::Relaxed), CALLER_FP.load(Ordering::Relaxed));
        KNOWN.lock().trace(pc, fp)
    }

    /// The trace of these return addresses, innermost first. Keeps the first
    /// [`MOST_FRAMES`].
    pub fn of(frames: &[usize]) -> Trace {
        match frames {
            [] => Trace::NONE,
            _ => Trace(depot::intern(&frames[..frames.len().min(MOST_FRAMES)])),
        }
    }

    /// The return addresses, innermost first: each is the address behind a call.
    pub fn frames(self) -> &'static [usize] {
        depot::words(self.0)
    }

    /// Whether nothing is known.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Says where the program's stack lies.
pub(super) fn set_stack(range: Range<usize>) {
    KNOWN.own();
    *KNOWN.lock() = Known { low: range.start, high: range.end, walks: [const { Walk::new() }; WALKS] };
}

/// Walks that are remembered.
const WALKS: usize = 64;

/// The stack, and walks up it.
struct Known {
    low: usize,
    high: usize,
    walks: [Walk; WALKS],
}

static KNOWN: Owned<Known> = Owned::new(Known { low: 0, high: 0, walks: [const { Walk::new() }; WALKS] });

/// A walk from a call outwards: what was read, so that the next call at the same place
/// needs no more than a look whether all of it is still there.
#[derive(Clone, Copy)]
struct Walk {
    /// The return addresses.
    pcs: [usize; MOST_FRAMES],
    /// The frame pointers: where the next return address was read, but for 8 bytes.
    fps: [usize; MOST_FRAMES],
    /// Return addresses.
    len: usize,
    /// Frame pointers that were followed.
    steps: usize,
    trace: Trace,
}

impl Walk {
    const fn new() -> Walk {
        Walk { pcs: [0; MOST_FRAMES], fps: [0; MOST_FRAMES], len: 0, steps: 0, trace: Trace::NONE }
    }

    /// What is kept of it: each place once, where it is innermost. Recursion that comes by the same places in ever
    /// another order would make a trace of its own for each of its blocks.
    fn folded(&self) -> Trace {
        let mut places = [0; MOST_FRAMES];
        let mut count = 0;
        for &pc in &self.pcs[..self.len] {
            if !places[..count].contains(&pc) {
                places[count] = pc;
                count += 1;
            }
        }
        Trace::of(&places[..count])
    }

    /// Whether every word that the walk read is what it was.
    #[inline]
    fn holds(&self, pc: usize, fp: usize) -> bool {
        if self.pcs[0] != pc || self.fps[0] != fp || self.len == 0 {
            return false;
        }
        let mut changed = 0;
        for step in 0..self.steps {
            let (next, back) = frame(self.fps[step]);
            changed |= back ^ self.pcs[step + 1];
            changed |= next ^ self.fps[step + 1];
        }
        changed == 0
    }
}

/// The two words at a frame pointer: the caller's frame pointer, and the return address.
#[inline]
fn frame(fp: usize) -> (usize, usize) {
    let place = core::ptr::with_exposed_provenance::<usize>(fp);
    // SAFETY: `Known::walk` has found `fp` to be an aligned place with two words of the
    // program's stack above it, which is mapped while the program runs.
    unsafe { (place.read(), place.add(1).read()) }
}

impl Known {
    #[inline]
    fn trace(&mut self, pc: usize, fp: usize) -> Trace {
        let index = (pc ^ fp >> 4).wrapping_mul(0x9E37_79B9) >> 8 & (WALKS - 1);
        if !self.walks[index].holds(pc, fp) {
            self.walks[index] = self.walk(pc, fp);
        }
        self.walks[index].trace
    }

    #[cold]
    fn walk(&self, pc: usize, fp: usize) -> Walk {
        let mut walk = Walk::new();
        (walk.pcs[0], walk.fps[0], walk.len) = (pc, fp, 1);
        let mut at = fp;
        // The last place is for the frame pointer that is not followed.
        while walk.len < MOST_FRAMES
            && at.is_multiple_of(8)
            && at >= self.low
            && at < self.high
            && self.high - at >= 16
        {
            let (next, back) = frame(at);
            walk.pcs[walk.len] = back;
            walk.fps[walk.len] = next;
            walk.steps += 1;
            if back == 0 {
                break;
            }
            walk.len += 1;
            if next <= at {
                break;
            }
            at = next;
        }
        walk.trace = walk.folded();
        walk
    }
}

/// Makes `$name`, the address to call in place of the function `$body`: it notes its
/// caller for [`Trace::capture`] and goes on at `$body` with the same arguments.
///
/// ```text
/// checked_stub! { fn vex_free_stub => vex_free_checked }
/// unsafe extern "C" fn vex_free_checked(ptr: *mut c_void) { … Trace::capture() … }
/// ```
///
/// Neither may be exported from a library: the stub reaches both by their distance.
#[cfg(target_arch = "x86_64")]
#[macro_export]
macro_rules! checked_stub {
    ($vis:vis fn $name:ident => $body:path) => {
        #[doc = concat!("Notes the caller and goes on at `", stringify!($body), "`.")]
        ///
        /// # Safety
        ///
        /// As for that function, whose signature it has.
        #[unsafe(naked)]
        $vis unsafe extern "C" fn $name() {
            // Only r11 is changed, which a call may change anyway and no argument is in.
            core::arch::naked_asm!(
                "mov r11, qword ptr [rsp]",
                "mov qword ptr [rip + {pc}], r11",
                "mov qword ptr [rip + {fp}], rbp",
                "jmp {body}",
                pc = sym $crate::checked::trace::CALLER_PC,
                fp = sym $crate::checked::trace::CALLER_FP,
                body = sym $body,
            )
        }
    };
}

/// Elsewhere the checked mode is refused, and a stub is never called.
#[cfg(not(target_arch = "x86_64"))]
#[macro_export]
macro_rules! checked_stub {
    ($vis:vis fn $name:ident => $body:path) => {
        #[doc = concat!("Stands for `", stringify!($body), "`; never called.")]
        ///
        /// # Safety
        ///
        /// None is needed.
        $vis unsafe extern "C" fn $name() {
            let _ = $body as *const u8;
        }
    };
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::testing::in_child_enabled;
    use super::*;

    /// Words as a stack, with frames as a list of (place, frame pointer, return address).
    fn with_frames(stack: &mut [usize], frames: &[(usize, usize, usize)]) -> usize {
        let low = stack.as_ptr().addr();
        for (place, next, back) in frames {
            stack[*place] = if *next == 0 { 0 } else { low + next * 8 };
            stack[place + 1] = *back;
        }
        low
    }

    fn capture(pc: usize, fp: usize) -> &'static [usize] {
        CALLER_PC.store(pc, Ordering::Relaxed);
        CALLER_FP.store(fp, Ordering::Relaxed);
        Trace::capture().frames()
    }

    #[test]
    fn frames_are_followed_up_the_stack_and_no_further() {
        in_child_enabled(|| {
            let mut stack = vec![0usize; 200];
            let low = with_frames(&mut stack, &[(10, 20, 111), (20, 30, 222), (30, 0, 333)]);
            set_stack(low..low + 200 * 8);
            for _ in 0..2 {
                assert_eq!(capture(7, low + 80), [7, 111, 222, 333]);
            }
            // A walk that is remembered is not believed when the stack has changed.
            stack[21] = 444;
            assert_eq!(capture(7, low + 80), [7, 111, 444, 333]);
            stack[20] = low + 40 * 8;
            with_frames(&mut stack, &[(40, 10, 555)]);
            assert_eq!(capture(7, low + 80), [7, 111, 444, 555]);
            stack[11] = 0;
            assert_eq!(capture(7, low + 80), [7]);
            for outside in [0, low - 8, low + 199 * 8, low + 81, usize::MAX - 7] {
                assert_eq!(capture(9, outside), [9]);
            }
            // Recursion comes by the same places again and again.
            with_frames(
                &mut stack,
                &[(10, 20, 111), (20, 30, 222), (30, 40, 111), (40, 50, 222), (50, 0, 333)],
            );
            assert_eq!(capture(7, low + 80), [7, 111, 222, 333]);
            // Deep ones are cut.
            let deep: Vec<_> = (0..50).map(|step| (step * 3, (step + 1) * 3, step + 1)).collect();
            with_frames(&mut stack, &deep);
            assert_eq!(capture(70, low).len(), MOST_FRAMES);
            stack[1 + 14 * 3] = 5000;
            assert_eq!(capture(70, low)[15], 5000);
        });
    }

    checked_stub! { fn stub => body }

    unsafe extern "C" fn body(left: usize, right: usize) -> usize {
        left * 100 + right
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_stub_notes_its_caller_and_passes_arguments_on() {
        in_child_enabled(|| {
            // SAFETY: the stub has the signature of its body.
            let stub = unsafe {
                core::mem::transmute::<*const u8, unsafe extern "C" fn(usize, usize) -> usize>(
                    stub as *const u8,
                )
            };
            // SAFETY: the body has no preconditions.
            assert_eq!(unsafe { stub(3, 4) }, 304);
            let pc = CALLER_PC.load(Ordering::Relaxed);
            let here = Trace::of as *const () as usize;
            assert!(pc.abs_diff(here) < 1 << 28, "{pc:#x} is no address of this program");
        });
    }
}
