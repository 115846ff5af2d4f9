//! The checks by name, and which are on.

use core::sync::atomic::{AtomicU32, Ordering};

bitflags::bitflags! {
    /// The checks, each of which can be switched off.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Checks: u32 {
        /// Accesses past the ends of a block.
        const BOUNDS = 1 << 0;
        /// Accesses past the ends of a part of a block.
        const SUBOBJECT = 1 << 1;
        /// Accesses of freed blocks.
        const FREED = 1 << 2;
        /// Accesses of variables whose function has returned.
        const STACK = 1 << 3;
        /// Accesses through null.
        const NULL = 1 << 4;
        /// Accesses through numbers that never were an address.
        const WILD = 1 << 5;
        /// Accesses at addresses that the type does not allow.
        const ALIGN = 1 << 6;
        /// Reads of bytes that were never written.
        const UNWRITTEN = 1 << 7;
        /// Frees of freed blocks.
        const DOUBLE_FREE = 1 << 8;
        /// Frees of what is not the start of a block.
        const BAD_FREE = 1 << 9;
        /// Frees through the function of another allocator.
        const WRONG_ALLOCATOR = 1 << 10;
        /// Sizes and alignments at a free that are not those of the allocation.
        const SIZE = 1 << 11;
        /// Copies between overlapping ranges by functions that must not get such.
        const OVERLAP = 1 << 12;
        /// Negative and absurd sizes.
        const NEGATIVE_SIZE = 1 << 13;
        /// Accesses of blocks of no bytes.
        const ZERO_SIZED = 1 << 14;
        /// Accesses of what an allocator took back by `reset`, `pop` or `drop`.
        const REGION = 1 << 15;
        /// Leaks.
        const LEAKS = 1 << 16;
    }
}

/// The variable of the environment that names checks to leave out, separated by commas:
/// the checker is tested by what it then no longer finds.
pub const OFF_VARIABLE: &str = "VEX_CHECKED_OFF";

impl Checks {
    /// Every check but those that `names` lists, in lower case, separated by commas.
    /// Names of no check are handed back as the error.
    pub fn all_but(names: &str) -> Result<Checks, String> {
        let mut checks = Checks::all();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let check = Checks::from_name(&name.to_ascii_uppercase());
            checks.remove(check.ok_or_else(|| name.to_owned())?);
        }
        Ok(checks)
    }
}

/// The checks that are on.
static CHECKS: AtomicU32 = AtomicU32::new(u32::MAX);

/// Decides which checks are on.
pub(super) fn set_checks(checks: Checks) {
    CHECKS.store(checks.bits(), Ordering::Relaxed);
}

/// Whether a check is on.
pub fn is_on(check: Checks) -> bool {
    CHECKS.load(Ordering::Relaxed) & check.bits() != 0
}
