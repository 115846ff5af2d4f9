//! Trap codes of generated code and what each of them means to a programmer.

use cranelift_codegen::ir::TrapCode;

/// Traps that lowering emits itself. Division by zero, `MIN / -1`, a bad memory access and stack exhaustion use
/// Cranelift's own codes; [`message`] knows all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trap {
    /// A shift by the width of the type or more.
    Shift = 1,
    /// `unreachable()` was reached.
    Unreachable = 2,
    /// A function that does not return has returned; a fault of the runtime.
    Returned = 3,
}

impl Trap {
    /// The code in the machine code's trap table.
    pub const fn code(self) -> TrapCode {
        TrapCode::unwrap_user(self as u8)
    }
}

/// What a report says about a trap. [`TrapCode::HEAP_OUT_OF_BOUNDS`] is that of every plain load and store, so it
/// stands for a null or wild access.
pub fn message(code: TrapCode) -> &'static str {
    match code {
        TrapCode::STACK_OVERFLOW => "stack overflow",
        TrapCode::INTEGER_OVERFLOW => "division overflow: the smallest value divided by -1",
        TrapCode::INTEGER_DIVISION_BY_ZERO => "division by zero",
        TrapCode::HEAP_OUT_OF_BOUNDS => "invalid memory access",
        _ if code == Trap::Shift.code() => "shift by the width of the type or more",
        _ if code == Trap::Unreachable.code() => "unreachable code was reached",
        _ => "internal fault: trap in generated code",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trap_has_a_message_of_its_own() {
        let codes = [
            TrapCode::STACK_OVERFLOW,
            TrapCode::INTEGER_OVERFLOW,
            TrapCode::INTEGER_DIVISION_BY_ZERO,
            TrapCode::HEAP_OUT_OF_BOUNDS,
            Trap::Shift.code(),
            Trap::Unreachable.code(),
            Trap::Returned.code(),
        ];
        let messages: std::collections::HashSet<_> = codes.iter().map(|&code| message(code)).collect();
        assert_eq!(messages.len(), codes.len());
    }
}
