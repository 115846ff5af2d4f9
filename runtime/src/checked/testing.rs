//! Test support: processes of their own, numbers, and defects as values.

use super::{Checks, Defect, Options, Verdict};
use std::sync::Mutex;

/// Numbers that look random and are the same each time.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Runs a test in a process of its own, in which the checked mode is on: it stays on for
/// good, and reserves addresses.
pub fn in_child_enabled(test: impl FnOnce()) {
    in_child_with(Options::default(), test);
}

/// As [`in_child_enabled`], with options.
pub fn in_child_with(options: Options, test: impl FnOnce()) {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return;
    }
    crate::heap::tests::in_child(|| {
        super::enable(options).expect("addresses");
        super::set_handler(collect);
        test();
    });
}

/// Every defect reported in this process.
static FOUND: Mutex<Vec<Defect<'static>>> = Mutex::new(Vec::new());

fn collect(defect: &Defect<'_>) -> Verdict {
    let function = Box::leak(defect.function.to_owned().into_boxed_str());
    FOUND.lock().expect("no panic").push(Defect { function, ..defect.clone() });
    Verdict::Continue
}

/// The defects reported since the last call.
pub fn found() -> Vec<Defect<'static>> {
    core::mem::take(&mut FOUND.lock().expect("no panic"))
}

/// The one defect reported since the last call.
#[track_caller]
pub fn found_one() -> Defect<'static> {
    let mut found = found();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Options with some checks off.
pub fn without(off: Checks) -> Options {
    Options { checks: Checks::all() - off, ..Options::default() }
}
