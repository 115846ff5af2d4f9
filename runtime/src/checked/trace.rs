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
pub const MOST_FRAMES: usize = 10;

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
    let mut known = KNOWN.lock();
    (known.low, known.high) = (range.start, range.end);
}

/// Frames that it looks at once there were [`MANY`] stacks: recursion that allocates does so with ever another stack, and
/// what is behind the first calls says little then.
const FEW_FRAMES: usize = 4;

/// Stacks that were not remembered, after which fewer frames are looked at.
const MANY: u32 = 1 << 15;

/// Stacks that are remembered; a power of two.
const RECENT: usize = 4096;

/// The stack, and the traces that were made of it last.
struct Known {
    low: usize,
    high: usize,
    /// Stacks so far that were not remembered.
    unknown: u32,
    /// At the upper bits of what the return addresses are mixed to: all of it, and their trace.
    recent: [(u64, Trace); RECENT],
}

static KNOWN: Owned<Known> =
    Owned::new(Known { low: 0, high: 0, unknown: 0, recent: [(0, Trace::NONE); RECENT] });

/// The two words at a frame pointer: the caller's frame pointer, and the return address.
#[inline]
fn frame(fp: usize) -> (usize, usize) {
    let place = core::ptr::with_exposed_provenance::<usize>(fp);
    // SAFETY: `Known::trace` has found `fp` to be an aligned place with two words of the
    // program's stack above it, which is mapped while the program runs.
    unsafe { (place.read(), place.add(1).read()) }
}

impl Known {
    /// The trace of a call. Programs allocate at few places, but often, so the return addresses are only read and
    /// mixed; two lists that mix to the same 64 bits are not to be expected.
    #[inline]
    fn trace(&mut self, pc: usize, fp: usize) -> Trace {
        let mut pcs = [0; MOST_FRAMES];
        pcs[0] = pc;
        let (mut len, mut at, mut mixed) = (1, fp, mix(0, pc));
        let most = if self.unknown < MANY { MOST_FRAMES } else { FEW_FRAMES };
        while len < most && at.is_multiple_of(8) && at >= self.low && at < self.high && self.high - at >= 16 {
            let (next, back) = frame(at);
            if back == 0 {
                break;
            }
            pcs[len] = back;
            len += 1;
            mixed = mix(mixed, back);
            if next <= at {
                break;
            }
            at = next;
        }
        let slot = (mixed >> (64 - RECENT.ilog2())) as usize;
        if self.recent[slot].0 != mixed {
            self.unknown = self.unknown.saturating_add(1);
            self.recent[slot] = (mixed, folded(&pcs[..len]));
        }
        self.recent[slot].1
    }
}

/// One more address in what a list of them is mixed to.
#[inline]
fn mix(mixed: u64, pc: usize) -> u64 {
    (mixed.rotate_left(23) ^ pc as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The trace that is kept of these calls: each place once, where it is innermost. Recursion that comes by the same
/// places in ever another order would make a trace of its own for each of its blocks.
#[cold]
fn folded(pcs: &[usize]) -> Trace {
    let mut places = [0; MOST_FRAMES];
    let mut count = 0;
    for pc in pcs {
        if !places[..count].contains(pc) {
            places[count] = *pc;
            count += 1;
        }
    }
    Trace::of(&places[..count])
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
            // What is remembered is not believed when the stack has changed.
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
            stack[1 + (MOST_FRAMES - 2) * 3] = 5000;
            assert_eq!(capture(70, low)[MOST_FRAMES - 1], 5000);
            // And more so when there were very many.
            for other in 0..MANY as usize {
                stack[1] = 10_000 + other;
                capture(70, low);
            }
            assert_eq!(capture(70, low), [70, 10_000 + MANY as usize - 1, 2, 3]);
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
