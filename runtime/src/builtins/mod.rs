//! What generated code calls besides memory: printing, panics, input, output.
//!
//! Each file has its own table of [`Export`] rows; [`TABLES`] lists them, and
//! [`crate::abi::exports`] chains them to the rest.

use crate::abi::Export;

/// The export tables of this folder's files.
pub static TABLES: &[&[Export]] = &[];
