//! The layout functions of the `std/allocator` document.
//!
//! A layout that overflows becomes `{size: -1, align}`, which every allocation
//! refuses; feeding it to another layout function gives `-1` again, so a program
//! need not check in between.

use crate::layout::Layout;
use crate::size;

/// The size of a layout that describes no block.
const OVERFLOW: i64 = -1;

/// A layout of `size` bytes aligned to `align`; checked where it is used.
pub const fn layout_new(size: i64, align: i64) -> Layout {
    Layout { size, align }
}

/// The layout of an `i64`: 8 bytes aligned to 8.
pub const fn layout_for_i64() -> Layout {
    layout_new(8, 8)
}

/// The layout of an `i32`: 4 bytes aligned to 4.
pub const fn layout_for_i32() -> Layout {
    layout_new(4, 4)
}

/// The layout of a pointer: 8 bytes aligned to 8.
pub const fn layout_for_ptr() -> Layout {
    layout_new(8, 8)
}

/// The layout of `count` elements, each padded to its alignment. A negative
/// argument, a bad alignment or an overflow gives a size of -1.
pub const fn layout_array(elem_size: i64, elem_align: i64, count: i64) -> Layout {
    let size = match (stride(elem_size, elem_align), count) {
        (Some(stride), 0..) => match stride.checked_mul(count) {
            Some(total) => total,
            None => OVERFLOW,
        },
        _ => OVERFLOW,
    };
    layout_new(size, elem_align)
}

/// The layout of `base` followed by `ext`: padding between them, none at the
/// end; the stricter alignment. Bad parts or an overflow give a size of -1.
pub const fn layout_extend(base: Layout, ext: Layout) -> Layout {
    let align = if base.align > ext.align { base.align } else { ext.align };
    let whole = match (stride(base.size, ext.align), size::align_from_signed(base.align)) {
        (Some(offset), Some(_)) if ext.size >= 0 => offset.checked_add(ext.size),
        _ => None,
    };
    match whole {
        Some(size) => layout_new(size, align),
        None => layout_new(OVERFLOW, align),
    }
}

/// `size` rounded up to a multiple of `align`; `None` when either is bad or the
/// result does not fit an `i64`.
const fn stride(size: i64, align: i64) -> Option<i64> {
    if size < 0 || size::align_from_signed(align).is_none() {
        return None;
    }
    match size.checked_add(align - 1) {
        Some(sum) => Some(sum & !(align - 1)),
        None => None,
    }
}

crate::exports! {
    group Allocator;

    /// A layout of `size` bytes aligned to `align`.
    pub fn vex_layout_new(size: i64, align: i64) -> Layout {
        layout_new(size, align)
    }

    /// The layout of `count` elements, each padded to its alignment; a size of
    /// -1 when that overflows.
    pub fn vex_layout_array(elem_size: i64, elem_align: i64, count: i64) -> Layout {
        layout_array(elem_size, elem_align, count)
    }

    /// The layout of `base` followed by `ext`, padded between them; a size of -1
    /// when that overflows.
    pub fn vex_layout_extend(base: Layout, ext: Layout) -> Layout {
        layout_extend(base, ext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_pad_each_element() {
        assert_eq!(layout_array(8, 8, 10), layout_new(80, 8));
        assert_eq!(layout_array(5, 4, 3), layout_new(24, 4));
        assert_eq!(layout_array(0, 16, 9), layout_new(0, 16));
        assert_eq!(layout_array(8, 8, 0), layout_new(0, 8));
    }

    #[test]
    fn bad_or_overflowing_arrays_are_minus_one() {
        for (size, align, count) in [
            (8, 8, i64::MAX),
            (i64::MAX, 8, 1),
            (-1, 8, 1),
            (8, 3, 1),
            (8, 0, 1),
            (8, 8, -1),
            (1 << 32, 8, 1 << 31),
        ] {
            assert_eq!(layout_array(size, align, count), layout_new(-1, align), "{size} {align} {count}");
        }
        assert_eq!(layout_array(1 << 31, 8, 1 << 31), layout_new(1 << 62, 8));
    }

    #[test]
    fn extending_pads_between_and_not_at_the_end() {
        let two = layout_extend(layout_for_i64(), layout_for_i32());
        assert_eq!(two, layout_new(12, 8));
        assert_eq!(layout_extend(two, layout_for_ptr()), layout_new(24, 8));
        assert_eq!(layout_extend(layout_new(1, 1), layout_new(1, 64)), layout_new(65, 64));
    }

    #[test]
    fn extending_what_overflowed_stays_minus_one() {
        let bad = layout_array(8, 16, i64::MAX);
        assert_eq!(layout_extend(bad, layout_for_i32()), layout_new(-1, 16));
        assert_eq!(layout_extend(layout_for_i32(), bad), layout_new(-1, 16));
        assert_eq!(layout_extend(layout_new(i64::MAX, 1), layout_new(1, 1)).size, -1);
        assert_eq!(layout_extend(layout_new(8, 3), layout_for_i32()).size, -1);
        assert_eq!(layout_extend(layout_new(8, 8), layout_new(4, 3)).size, -1);
    }
}
