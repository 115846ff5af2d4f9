//! What generated code calls besides memory: printing, panics, input, output.
//!
//! Each file has its own table of [`Export`] rows; [`TABLES`] lists them, and
//! [`crate::abi::exports`] chains them to the rest.
//!
//! | file | what |
//! | --- | --- |
//! | [`stream`] | buffers of standard output, standard error, the panic message and text that is made |
//! | [`print`] | one value, the plain way |
//! | [`format`] | one value, with base, width and precision |
//! | [`panic`] | the ways a program panics |
//! | [`process`] | arguments and exit |
//! | [`defer`] | records of deferred actions |
//! | [`input`] | standard input and files |
//! | [`math`], [`text`] | functions of numbers; strings and the clock |

use crate::abi::Export;

pub mod defer;
pub mod format;
pub mod input;
pub mod math;
pub mod panic;
pub mod print;
pub mod process;
pub mod stream;
pub mod text;

/// The export tables of this folder's files.
pub static TABLES: &[&[Export]] = &[
    print::EXPORTS,
    format::EXPORTS,
    panic::EXPORTS,
    process::EXPORTS,
    input::EXPORTS,
    math::EXPORTS,
    text::EXPORTS,
    defer::EXPORTS,
    stream::redirect::EXPORTS,
];
