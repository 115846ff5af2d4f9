//! Comparing strings, and the clock.

use std::sync::OnceLock;
use std::time::Instant;

use crate::abi::VexStr;

crate::exports! {
    group Builtin;

    /// Whether two strings have the same bytes.
    pub fn vexrt_str_eq(a: VexStr, b: VexStr) -> bool {
        // SAFETY: strings of the program are readable for their length.
        unsafe { a.bytes() == b.bytes() }
    }

    /// Compares two strings byte by byte: below 0, 0 or above 0 as the first
    /// comes before, is equal to or comes after the second.
    pub fn vexrt_str_cmp(a: VexStr, b: VexStr) -> i32 {
        // SAFETY: strings of the program are readable for their length.
        unsafe { a.bytes().cmp(b.bytes()) as i32 }
    }

    /// Nanoseconds since some fixed moment of this process; never goes back.
    pub fn vexrt_now_ns() -> i64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_compare_by_bytes() {
        let order = |a: &'static str, b: &'static str| {
            // SAFETY: both are static strings.
            unsafe { (vexrt_str_eq(a.into(), b.into()), vexrt_str_cmp(a.into(), b.into()).signum()) }
        };
        assert_eq!(order("abc", "abc"), (true, 0));
        assert_eq!(order("abc", "abd"), (false, -1));
        assert_eq!(order("abc", "ab"), (false, 1));
        assert_eq!(order("", "é"), (false, -1));
    }

    #[test]
    fn the_clock_goes_forward() {
        // SAFETY: no preconditions.
        let (a, b) = unsafe { (vexrt_now_ns(), vexrt_now_ns()) };
        assert!(a >= 0 && b >= a);
    }
}
