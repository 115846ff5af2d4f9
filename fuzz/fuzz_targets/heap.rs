//! Bytes as operations on the heap, beside a model of it.
#![no_main]

#[path = "../../runtime/tests/operations/mod.rs"]
mod operations;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| operations::interpreter::run(bytes));
