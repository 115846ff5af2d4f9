//! The address an instruction was about to use. The processor reports the address of a fault, except when it is none
//! (its upper bits are wrong); then the instruction has to be read to find it.
//!
//! Knows the encodings that generated code and the C library's memory functions use; what it does not know it leaves
//! alone.

/// General registers in the order instructions number them: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15.
pub(super) type General = [u64; 16];

/// What an instruction refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// Memory at this address.
    Memory(u64),
    /// Code at this address, to be run next.
    Code(u64),
    /// Code at the address on top of the stack.
    Return,
}

/// Prefixes and opcode of an instruction, up to its operand bytes.
struct Opcode<'a> {
    /// The bits that extend the operand's fields: `R X B` as bits 2, 1, 0.
    extend: u8,
    /// Map of opcodes: 1 plain, 2 behind `0F`, more for the others.
    map: u8,
    byte: u8,
    rest: &'a [u8],
}

impl Opcode<'_> {
    fn read(mut code: &[u8]) -> Option<Opcode<'_>> {
        // Size, repeat, lock and the segments that do nothing. FS and GS move the address; they are not ours.
        while let [0x66 | 0xf0 | 0xf2 | 0xf3 | 0x2e | 0x36 | 0x3e | 0x26, rest @ ..] = code {
            code = rest;
        }
        match *code {
            [0xc5, second, byte, ref rest @ ..] => {
                Some(Opcode { extend: (!second >> 5) & 4, map: 2, byte, rest })
            }
            [0xc4, second, _, byte, ref rest @ ..] => {
                Some(Opcode { extend: !second >> 5, map: 1 + (second & 0x1f), byte, rest })
            }
            // Compressed displacements.
            [0x62, ..] => None,
            _ => {
                let (rex, code) = match *code {
                    [rex @ 0x40..=0x4f, ref rest @ ..] => (rex, rest),
                    _ => (0, code),
                };
                let (map, byte, rest) = match *code {
                    [0x0f, 0x38 | 0x3a, byte, ref rest @ ..] => (3, byte, rest),
                    [0x0f, byte, ref rest @ ..] => (2, byte, rest),
                    [byte, ref rest @ ..] => (1, byte, rest),
                    [] => return None,
                };
                Some(Opcode { extend: rex & 7, map, byte, rest })
            }
        }
    }
}

/// What the instruction at the start of `code` refers to. Instructions whose operand is relative to the program
/// counter are not looked at: those addresses are never wrong.
pub(super) fn operand(code: &[u8], general: &General) -> Option<Operand> {
    let opcode = Opcode::read(code)?;
    let register = |low: u8, extend: u8| general[usize::from(low | (extend & 1) << 3)];
    if opcode.map == 1 {
        match opcode.byte {
            0xc2 | 0xc3 => return Some(Operand::Return),
            // Block copies and fills: the destination, which is what is usually wrong.
            0xa4 | 0xa5 | 0xaa | 0xab => return Some(Operand::Memory(general[7])),
            _ => {}
        }
    }
    let (&modrm, rest) = opcode.rest.split_first()?;
    let (mode, low) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        let call = opcode.map == 1 && opcode.byte == 0xff && matches!(modrm >> 3 & 7, 2 | 4);
        return call.then(|| Operand::Code(register(low, opcode.extend)));
    }
    let (base, rest) = match low {
        4 => {
            let (&sib, rest) = rest.split_first()?;
            let (scale, index, base) = (sib >> 6, sib >> 3 & 7, sib & 7);
            let extend = opcode.extend >> 1;
            // Index 4 without extension means that there is none; base 5 in mode 0 a displacement alone.
            let index = if index == 4 && extend & 1 == 0 { 0 } else { register(index, extend) << scale };
            if base == 5 && mode == 0 {
                return Some(Operand::Memory(index.wrapping_add(displacement(rest, 4)?)));
            }
            (register(base, opcode.extend).wrapping_add(index), rest)
        }
        5 if mode == 0 => return None,
        _ => (register(low, opcode.extend), rest),
    };
    let displacement = match mode {
        0 => 0,
        1 => displacement(rest, 1)?,
        _ => displacement(rest, 4)?,
    };
    Some(Operand::Memory(base.wrapping_add(displacement)))
}

/// A displacement of 1 or 4 bytes, extended by its sign.
fn displacement(bytes: &[u8], size: usize) -> Option<u64> {
    let value = match size {
        1 => i64::from(*bytes.first()? as i8),
        _ => i64::from(i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?)),
    };
    Some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_computed_as_the_processor_does() {
        let general: General = std::array::from_fn(|index| (index as u64 + 1) << 40);
        let r = |index: usize| general[index];
        let memory = |code: &[u8]| match operand(code, &general) {
            Some(Operand::Memory(address)) => address,
            other => panic!("{other:?}"),
        };
        // mov rax, [rcx]
        assert_eq!(memory(&[0x48, 0x8b, 0x01]), r(1));
        // mov byte [r9 - 1], 0
        assert_eq!(memory(&[0x41, 0xc6, 0x41, 0xff, 0x00]), r(9) - 1);
        // mov [rdi + rsi*8 + 0x100], eax
        assert_eq!(memory(&[0x89, 0x84, 0xf7, 0, 1, 0, 0]), r(7) + 8 * r(6) + 0x100);
        // mov rax, [r12]
        assert_eq!(memory(&[0x49, 0x8b, 0x04, 0x24]), r(12));
        // mov rax, [r13 + r12*2]
        assert_eq!(memory(&[0x4b, 0x8b, 0x44, 0x65, 0]), r(13) + 2 * r(12));
        // movzx eax, byte [rdx + 5]
        assert_eq!(memory(&[0x0f, 0xb6, 0x42, 5]), r(2) + 5);
        // vmovdqu ymm0, [rsi]; vmovdqu [r8 + 32], ymm1
        assert_eq!(memory(&[0xc5, 0xfe, 0x6f, 0x06]), r(6));
        assert_eq!(memory(&[0xc4, 0xc1, 0x7e, 0x7f, 0x48, 0x20]), r(8) + 32);
        // rep stosb; mov eax, [0x1000]
        assert_eq!(memory(&[0xf3, 0xaa]), r(7));
        assert_eq!(memory(&[0x8b, 0x04, 0x25, 0, 0x10, 0, 0]), 0x1000);
        // call rdx; ret; mov rax, [rip + 1]; add rax, rcx
        assert_eq!(operand(&[0xff, 0xd2], &general), Some(Operand::Code(r(2))));
        assert_eq!(operand(&[0xc3], &general), Some(Operand::Return));
        assert_eq!(operand(&[0x48, 0x8b, 0x05, 1, 0, 0, 0], &general), None);
        assert_eq!(operand(&[0x48, 0x01, 0xc8], &general), None);
        assert_eq!(operand(&[], &general), None);
    }
}
