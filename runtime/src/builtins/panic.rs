//! Panics of the program: the message is gathered in a stream of its own, then
//! the fault funnel reports it and ends the program.

use super::stream;
use crate::fault::{self, Fault, FaultKind};

/// Reports the gathered message as a panic.
#[cold]
fn panic_with_message() -> ! {
    // Also where the message is empty it is this panic's own.
    drop(stream::program(stream::PANIC));
    stream::with_panic_message(|message| {
        let text = match core::str::from_utf8(message) {
            Ok(text) => text,
            // The prefix up to the error is valid by definition; this is also
            // where a message cut at the buffer's end loses half a character.
            Err(error) => core::str::from_utf8(&message[..error.valid_up_to()]).unwrap_or(""),
        };
        fault::report(&Fault { kind: FaultKind::Panic, address: 0, message: text })
    });
    unreachable!("a fault's report does not come back")
}

crate::exports! {
    group Builtin;

    /// Panics with the message printed to stream 3.
    pub fn vexrt_panic() -> ! {
        panic_with_message()
    }

    /// Panics because an index is not below a length.
    pub fn vexrt_panic_index(index: i64, len: u64) -> ! {
        crate::fault!(Panic, "index {index} is out of bounds: the length is {len}")
    }

    /// Panics because an unsigned index of 64 bits is not below a length.
    pub fn vexrt_panic_index_unsigned(index: u64, len: u64) -> ! {
        crate::fault!(Panic, "index {index} is out of bounds: the length is {len}")
    }

    /// Panics because a range of a slice does not lie inside it.
    pub fn vexrt_panic_range(start: i64, end: i64, len: u64) -> ! {
        crate::fault!(Panic, "range {start}..{end} is out of bounds: the length is {len}")
    }

    /// Panics because a shift amount is negative or not below the width.
    pub fn vexrt_panic_shift(amount: i64, bits: u32) -> ! {
        crate::fault!(Panic, "shift by {amount} of an integer of {bits} bits")
    }
}
