//! Size and alignment arithmetic that cannot wrap.
//!
//! Everything that computes with a caller's numbers goes through here, so an
//! absurd request becomes `None` (and then null) and never a small block.

/// The largest size any allocator of the family accepts, in bytes: beyond it
/// the distance between two addresses would not fit an `isize`.
pub const MAX_SIZE: usize = isize::MAX as usize;

/// Whether `align` is a power of two.
#[inline]
pub const fn is_alignment(align: usize) -> bool {
    align.is_power_of_two()
}

/// `value` rounded up to a multiple of `align`; `None` when that wraps or
/// `align` is not a power of two.
#[inline]
pub const fn align_up(value: usize, align: usize) -> Option<usize> {
    if !is_alignment(align) {
        return None;
    }
    match value.checked_add(align - 1) {
        Some(sum) => Some(sum & !(align - 1)),
        None => None,
    }
}

/// `value` rounded down to a multiple of `align`, a power of two.
#[inline]
pub const fn align_down(value: usize, align: usize) -> usize {
    debug_assert!(is_alignment(align));
    value & !(align - 1)
}

/// Whether `value` is a multiple of `align`, a power of two.
#[inline]
pub const fn is_aligned(value: usize, align: usize) -> bool {
    debug_assert!(is_alignment(align));
    value & (align - 1) == 0
}

/// The bytes `count` elements of `size` bytes need; `None` above [`MAX_SIZE`].
#[inline]
pub const fn array(count: usize, size: usize) -> Option<usize> {
    match count.checked_mul(size) {
        Some(total) if total <= MAX_SIZE => Some(total),
        _ => None,
    }
}

/// `a + b` bytes; `None` above [`MAX_SIZE`].
#[inline]
pub const fn sum(a: usize, b: usize) -> Option<usize> {
    match a.checked_add(b) {
        Some(total) if total <= MAX_SIZE => Some(total),
        _ => None,
    }
}

/// A program's signed size as bytes; `None` when it is negative.
#[inline]
pub const fn from_signed(size: i64) -> Option<usize> {
    if size < 0 { None } else { Some(size as usize) }
}

/// A program's signed alignment; `None` unless it is a positive power of two.
#[inline]
pub const fn align_from_signed(align: i64) -> Option<usize> {
    if align > 0 && is_alignment(align as usize) { Some(align as usize) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn align_up_rounds_and_refuses_to_wrap() {
        assert_eq!(align_up(0, 16), Some(0));
        assert_eq!(align_up(1, 16), Some(16));
        assert_eq!(align_up(16, 16), Some(16));
        assert_eq!(align_up(17, 1), Some(17));
        assert_eq!(align_up(usize::MAX, 2), None);
        assert_eq!(align_up(usize::MAX - 14, 16), None);
        assert_eq!(align_up(usize::MAX - 15, 16), Some(usize::MAX - 15));
        assert_eq!(align_up(8, 3), None);
        assert_eq!(align_up(8, 0), None);
    }

    #[test]
    fn products_and_sums_stop_at_the_largest_size() {
        assert_eq!(array(3, 5), Some(15));
        assert_eq!(array(usize::MAX, 2), None);
        assert_eq!(array(MAX_SIZE, 1), Some(MAX_SIZE));
        assert_eq!(array(MAX_SIZE / 2 + 1, 2), None);
        assert_eq!(sum(MAX_SIZE, 0), Some(MAX_SIZE));
        assert_eq!(sum(MAX_SIZE, 1), None);
        assert_eq!(sum(usize::MAX, 1), None);
    }

    #[test]
    fn signed_arguments_are_checked() {
        assert_eq!(from_signed(-1), None);
        assert_eq!(from_signed(7), Some(7));
        assert_eq!(align_from_signed(0), None);
        assert_eq!(align_from_signed(i64::MIN), None);
        assert_eq!(align_from_signed(24), None);
        assert_eq!(align_from_signed(4096), Some(4096));
    }
}
