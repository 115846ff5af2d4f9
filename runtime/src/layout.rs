//! The two structs of the `std/allocator` document that cross the ABI by value.

use crate::abi::{AbiTy, AbiType};

/// A memory requirement as programs state it: a size and an alignment.
///
/// The fields are signed because the document's are; a negative `size` or an
/// `align` that is not a power of two describes no block, and every allocation
/// with it fails.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Bytes.
    pub size: i64,
    /// Alignment in bytes, a power of two.
    pub align: i64,
}

/// What an allocation call of `std/allocator` returned: `{0, 0}` is failure.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// Address of the block, 0 when there is none.
    pub ptr: i64,
    /// Usable bytes at that address, at least the bytes asked for.
    pub size: i64,
}

impl Allocation {
    /// The allocation that failed.
    pub const NONE: Allocation = Allocation { ptr: 0, size: 0 };
}

impl AbiType for Layout {
    const TY: AbiTy = AbiTy::Struct("Layout");
}

impl AbiType for Allocation {
    const TY: AbiTy = AbiTy::Struct("Allocation");
}
