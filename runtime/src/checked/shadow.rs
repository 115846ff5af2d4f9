//! The shadow: one byte for each byte of the program's memory. Eight or more are looked
//! at in one step, since every copy and every block goes through here.
//!
//! All functions take addresses inside the arena; see [`super::map`] for what the bits
//! mean.

use super::map::{POISON, SHADOW_OFFSET, UNWRITTEN};

/// A word of eight such bytes.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The shadow of `address`.
#[inline]
pub fn place(address: usize) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address + SHADOW_OFFSET)
}

/// The shadow byte of `address`.
#[inline]
pub fn get(address: usize) -> u8 {
    // SAFETY: every address of the arena has a shadow byte, which is mapped.
    unsafe { place(address).read() }
}

/// Sets the shadow of `len` bytes.
#[inline]
pub fn set(address: usize, len: usize, value: u8) {
    // SAFETY: the shadow of the range is mapped, and nobody has a reference to it.
    unsafe { place(address).write_bytes(value, len) }
}

/// Sets the shadow of a block of `len` bytes whose address is a multiple of 16 and behind
/// which `room` bytes (at least `len`, a multiple of 16) are poisoned with `rest`.
#[inline]
pub fn set_block(address: usize, len: usize, room: usize, value: u8, rest: u8) {
    debug_assert!(address.is_multiple_of(16) && room.is_multiple_of(16) && len <= room);
    if room > 256 {
        set(address, len, value);
        return set(address + len, room - len, rest);
    }
    let (word, other) = (each(value), each(rest));
    let mut at = 0;
    while at + 8 <= len {
        write_word(address + at, word);
        at += 8;
    }
    if at < len {
        let mask = (1u64 << ((len - at) * 8)) - 1;
        write_word(address + at, word & mask | other & !mask);
        at += 8;
    }
    while at < room {
        write_word(address + at, other);
        at += 8;
    }
}

/// Eight shadow bytes, the first in the lowest bits.
#[inline]
fn word(address: usize) -> u64 {
    // SAFETY: as in `get`; a word behind the last byte of the arena is never asked for.
    u64::from_le(unsafe { place(address).cast::<u64>().read_unaligned() })
}

#[inline]
fn write_word(address: usize, value: u64) {
    // SAFETY: as in `set`.
    unsafe { place(address).cast::<u64>().write_unaligned(value.to_le()) }
}

/// Whether one of 64 bytes has one of the bits of `bits` in its shadow.
#[inline]
fn any_of_64(address: usize, bits: u8) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::*;
        let start = place(address).cast::<__m128i>();
        // SAFETY: as in `get`, for 64 bytes; the processor has these instructions.
        unsafe {
            let [one, two, three, four] = [0, 1, 2, 3].map(|step| _mm_loadu_si128(start.add(step)));
            let all = _mm_or_si128(_mm_or_si128(one, two), _mm_or_si128(three, four));
            let found = _mm_and_si128(all, _mm_set1_epi8(bits as i8));
            _mm_movemask_epi8(_mm_cmpeq_epi8(found, _mm_setzero_si128())) != 0xFFFF
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        (0..8).fold(0, |any, step| any | word(address + step * 8)) & each(bits) != 0
    }
}

/// The first of `len` bytes whose shadow has one of the bits of `bits`.
#[inline]
pub fn first_with(address: usize, len: usize, bits: u8) -> Option<usize> {
    let (end, mask) = (address + len, each(bits));
    let mut at = address;
    while end - at >= 64 {
        if any_of_64(at, bits) {
            break;
        }
        at += 64;
    }
    while end - at >= 8 {
        let found = word(at) & mask;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    (at..end).find(|at| get(*at) & bits != 0)
}

/// The first of `len` bytes that must not be touched.
#[inline]
pub fn first_poisoned(address: usize, len: usize) -> Option<usize> {
    first_with(address, len, POISON)
}

/// The first of `len` bytes that was never written.
#[inline]
pub fn first_unwritten(address: usize, len: usize) -> Option<usize> {
    first_with(address, len, UNWRITTEN)
}

/// Makes `len` bytes count as written. Leaves shadow alone that says so already, so that
/// memory of which nobody asked costs nothing.
#[inline]
pub fn mark_written(address: usize, len: usize) {
    let end = address + len;
    let mut at = address;
    while end - at >= 64 {
        if any_of_64(at, UNWRITTEN) {
            (0..8).for_each(|step| write_word(at + step * 8, word(at + step * 8) & !each(UNWRITTEN)));
        }
        at += 64;
    }
    while end - at >= 8 {
        let word = word(at);
        if word & each(UNWRITTEN) != 0 {
            write_word(at, word & !each(UNWRITTEN));
        }
        at += 8;
    }
    for at in at..end {
        let byte = get(at);
        if byte & UNWRITTEN != 0 {
            set(at, 1, byte & !UNWRITTEN);
        }
    }
}

/// Makes `len` bytes at `to` as much written as those at `from`, keeping the rest of
/// their shadow. The ranges may overlap: `from` is read as it was before.
#[inline]
pub fn copy_written(to: usize, from: usize, len: usize) {
    let forward = to <= from || to - from >= len;
    let words = len / 8;
    let move_word = |at: usize| {
        let (old, new) = (word(to + at), word(from + at) & each(UNWRITTEN));
        if old & each(UNWRITTEN) != new {
            write_word(to + at, old & !each(UNWRITTEN) | new);
        }
    };
    let move_byte = |at: usize| {
        let (old, new) = (get(to + at), get(from + at) & UNWRITTEN);
        if old & UNWRITTEN != new {
            set(to + at, 1, old & !UNWRITTEN | new);
        }
    };
    // All written, before and after: most of most copies.
    let nothing =
        |at: usize| first_unwritten(from + at, 512).is_none() && first_unwritten(to + at, 512).is_none();
    if forward {
        let (mut done, end) = (0, len / 512 * 512);
        while done < end {
            if !nothing(done) {
                (0..64).for_each(|index| move_word(done + index * 8));
            }
            done += 512;
        }
        (end / 8..words).for_each(|index| move_word(index * 8));
        (words * 8..len).for_each(move_byte);
    } else {
        (words * 8..len).rev().for_each(move_byte);
        (0..words).rev().for_each(|index| move_word(index * 8));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::testing::{Random, in_child_enabled};
    use super::*;

    /// A place in the arena for tests, and how much of it is used.
    fn area() -> (usize, usize) {
        (super::super::program_area(1 << 14).expect("room").as_ptr().addr() + 64, 3000)
    }

    #[test]
    fn searches_agree_with_a_model() {
        in_child_enabled(|| {
            let (base, most) = area();
            let mut random = Random(11);
            for _ in 0..1000 {
                let (start, len) = (base + random.below(32), random.below(most));
                set(base - 40, most + 80, 0x7E);
                let mut marked = Vec::new();
                for _ in 0..random.below(3) {
                    let at = base - 20 + random.below(most + 40);
                    let bits = [POISON, UNWRITTEN, POISON | UNWRITTEN][random.below(3)];
                    set(at, 1, bits);
                    marked.push((at, bits));
                }
                let expected = |bit: u8| (start..start + len).find(|at| get(*at) & bit != 0);
                assert_eq!(first_poisoned(start, len), expected(POISON), "{marked:?}");
                assert_eq!(first_unwritten(start, len), expected(UNWRITTEN), "{marked:?}");
            }
        });
    }

    #[test]
    fn marks_and_copies_agree_with_a_model() {
        in_child_enabled(|| {
            let (base, most) = area();
            let mut random = Random(12);
            for round in 0..600 {
                let mut model: Vec<u8> =
                    (0..most).map(|_| (random.below(4) as u8) << 1 | random.below(2) as u8).collect();
                for (at, byte) in model.iter().enumerate() {
                    set(base + at, 1, *byte);
                }
                let len = random.below(most / 2);
                let (to, from) = (random.below(most - len), random.below(most - len));
                if round % 2 == 0 {
                    mark_written(base + to, len);
                    model[to..to + len].iter_mut().for_each(|byte| *byte &= !UNWRITTEN);
                } else {
                    copy_written(base + to, base + from, len);
                    let source = model[from..from + len].to_vec();
                    for (byte, new) in model[to..to + len].iter_mut().zip(source) {
                        *byte = *byte & !UNWRITTEN | new & UNWRITTEN;
                    }
                }
                for (at, byte) in model.iter().enumerate() {
                    assert_eq!(get(base + at), *byte, "round {round}, byte {at}: {to} {from} {len}");
                }
            }
        });
    }

    #[test]
    fn a_block_has_its_bytes_and_no_more() {
        in_child_enabled(|| {
            let base = area().0;
            for room in [16, 32, 64, 256, 272, 512] {
                for len in 0..=room {
                    set(base, room + 8, 0x55);
                    set_block(base, len, room, 0x03, 0x82);
                    let bytes: Vec<u8> = (0..room + 8).map(|at| get(base + at)).collect();
                    assert!(bytes[..len].iter().all(|byte| *byte == 0x03));
                    assert!(bytes[len..room].iter().all(|byte| *byte == 0x82));
                    assert!(bytes[room..].iter().all(|byte| *byte == 0x55));
                }
            }
        });
    }
}
