//! Operations of the typed program: conversions, raw accesses, and what the compiler knows by itself.

use super::BinaryOp;

/// Something that can be asked of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// Its size in bytes, an integer.
    Size,
    /// Its alignment in bytes, an integer.
    Align,
    /// Whether there is something to do when a value of it is dropped.
    NeedsDrop,
}

/// The operation of a compound assignment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateOp {
    /// As in `Binary`.
    Binary(BinaryOp),
    /// Move a pointer by elements of `scale` bytes.
    PtrOffset {
        /// Bytes an element.
        scale: u64,
        /// Whether to subtract.
        negative: bool,
    },
}

/// How a cast converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastKind {
    /// Integer or boolean to integer: truncate, or extend by the sign of the source type.
    IntToInt,
    /// Integer to float, rounding.
    IntToFloat,
    /// Float to integer, truncating towards zero, saturating; NaN becomes 0.
    FloatToInt,
    /// Between `f32` and `f64`.
    FloatToFloat,
    /// Between pointers, references, functions and 64-bit integers: the bits stay.
    Bits,
    /// Integer narrower than a pointer to pointer: extend by the sign of the source type.
    IntToPtr,
    /// Pointer to a narrower integer: truncate.
    PtrToInt,
    /// Never to anything: the operand does not end.
    Never,
}

/// A memory access size for the raw loads and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Access {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// Operations the compiler knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrinsic {
    /// `load_…(address)`: the address is a pointer or an `i64`, alignment 1; gives `i64` or `f64`/`f32`.
    Load(Access),
    /// `store_…(address, value)`: the value is an `i64` (truncated) or `f64`/`f32`.
    Store(Access),
    /// Square root of `f64` or `f32`.
    Sqrt,
    /// Rounds down.
    Floor,
    /// Rounds up.
    Ceil,
    /// Absolute value of integer (wraps) or float.
    Abs,
    /// Smaller of two numbers.
    Min,
    /// Larger of two numbers.
    Max,
    /// `unreachable()`: panics. `!`.
    Unreachable,
}
