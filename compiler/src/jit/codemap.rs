//! From machine addresses back to the source: which function a program counter lies in, which source position its
//! instruction came from, and why a trap instruction is there.
//!
//! Everything is kept as bytes, two to three per change of position, because a program of a hundred thousand lines
//! has as many positions and asks for a handful of them, once, when it fails. Lookups allocate nothing and take no
//! lock: signal handlers call them.

use std::num::NonZeroU8;

use cranelift_codegen::ir::TrapCode;
use cranelift_codegen::{Final, MachBufferFinalized};

use crate::lower::{INLINED, Inlined};

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// The function's name.
    pub function: &'a str,
    /// Position in the source map's space; that of the function's head for instructions without one of their own.
    pub position: u32,
    /// First address of the function.
    pub start: usize,
    /// Bytes from the stack pointer, as it is at calls, up to the frame pointer.
    pub frame: u32,
}

/// A function's place in the map.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Offset of its first byte from the start of the code.
    start: u32,
    /// Its number among all functions, of which some have no code of their own.
    function: u32,
    /// Offset of its rows in the table.
    rows: u32,
}

/// The map of one program's code.
#[derive(Debug, Default)]
pub struct CodeMap {
    /// Address of the first byte of code; 0 until the code is placed.
    base: usize,
    /// Bytes of code.
    len: usize,
    entries: Vec<Entry>,
    /// The names of all functions, one after the other, and where each begins.
    names: String,
    name_starts: Vec<u32>,
    table: Vec<u8>,
}

/// The rows of one function, taken from the code generator's buffer before it is reused.
///
/// `head` is the position of the function's head, which stands in for instructions without one; `inlined` says what
/// positions from [`INLINED`] on mean.
pub(super) fn encode_rows(
    buffer: &MachBufferFinalized<Final>,
    head: u32,
    inlined: &[Inlined],
    out: &mut Vec<u8>,
) {
    let mut positions = Vec::with_capacity(buffer.get_srclocs_sorted().len());
    let mut end = 0;
    for range in buffer.get_srclocs_sorted() {
        if range.start > end {
            positions.push((end, head));
        }
        let at = range.loc.bits();
        positions.push((range.start, if at == 0 || at == u32::MAX { head } else { at }));
        end = range.end;
    }
    // Every load and store that may fault is listed too; those explain themselves by their address.
    let traps = buffer.traps().iter().filter(|trap| trap.code != TrapCode::HEAP_OUT_OF_BOUNDS);
    let traps: Vec<_> = traps.map(|trap| (trap.offset, trap.code.as_raw().get())).collect();
    let frame = buffer.frame_layout().map_or(0, |layout| layout.frame_to_fp_offset);
    encode(frame, head, &positions, &traps, out);
    for entry in inlined {
        write(out, entry.position);
        write(out, entry.instance);
        write(out, entry.call);
    }
}

/// Writes a function's rows, all numbers LEB128: the frame's size; the head's position; the count of positions, then
/// for each the increase of the offset and the zigzag difference from the position before; the count of traps, then
/// for each the increase of the offset and the code. Behind them follow the entries for code that was put in place of
/// calls, three numbers each.
fn encode(frame: u32, head: u32, positions: &[(u32, u32)], traps: &[(u32, u8)], out: &mut Vec<u8>) {
    write(out, frame);
    write(out, head);
    write(out, positions.len() as u32);
    let (mut offset, mut last) = (0, head);
    for &(at, position) in positions {
        write(out, at - offset);
        let delta = position.wrapping_sub(last) as i32;
        write(out, ((delta << 1) ^ (delta >> 31)) as u32);
        (offset, last) = (at, position);
    }
    write(out, traps.len() as u32);
    offset = 0;
    for &(at, code) in traps {
        write(out, at - offset);
        out.push(code);
        offset = at;
    }
}

/// Appends `value` as LEB128.
fn write(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A LEB128 number off the front of `bytes`; 0 at their end, which no table reaches.
fn read(bytes: &mut &[u8]) -> u32 {
    let (mut value, mut shift) = (0u32, 0);
    while let Some((&byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    value
}

impl CodeMap {
    /// A map without code, of functions with these names, by their numbers.
    pub(super) fn named<'a>(names: impl Iterator<Item = &'a str>) -> CodeMap {
        let mut map = CodeMap::default();
        for name in names {
            map.name_starts.push(map.names.len() as u32);
            map.names.push_str(name);
        }
        map
    }

    /// Adds the code of a function, which starts at byte `start`, with the rows [`encode_rows`] made. It is added in the
    /// order of addresses.
    pub(super) fn add(&mut self, function: u32, start: u32, rows: &[u8]) {
        debug_assert!(self.entries.last().is_none_or(|last| last.start < start));
        self.entries.push(Entry { start, function, rows: self.table.len() as u32 });
        self.table.extend_from_slice(rows);
    }

    /// Says where the code was placed.
    pub(super) fn place(&mut self, base: *const u8, len: usize) {
        self.base = base.addr();
        self.len = len;
        self.entries.shrink_to_fit();
        self.names.shrink_to_fit();
        self.name_starts.shrink_to_fit();
        self.table.shrink_to_fit();
    }

    /// The addresses of the code.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.base..self.base + self.len
    }

    /// Whether `address` lies in the code.
    pub fn contains(&self, address: usize) -> bool {
        self.range().contains(&address)
    }

    /// Bytes the map takes.
    pub fn size(&self) -> usize {
        let names = self.names.len() + self.name_starts.len() * size_of::<u32>();
        self.entries.len() * size_of::<Entry>() + names + self.table.len()
    }

    /// The function and source position of the instruction that `address` lies in. For a return address ask for the
    /// byte before it, which belongs to the call.
    pub fn find(&self, address: usize) -> Option<Location<'_>> {
        self.find_at(address, 0)
    }

    /// As [`CodeMap::find`], `level` calls further out, of those whose callees were put in place. `None` when there
    /// are not as many.
    pub fn find_at(&self, address: usize, level: usize) -> Option<Location<'_>> {
        let (index, offset) = self.index(address)?;
        let entry = self.entries[index];
        let end = self.entries.get(index + 1).map_or(self.table.len(), |next| next.rows as usize);
        let mut rows = &self.table[entry.rows as usize..end];
        let frame = read(&mut rows);
        let mut position = read(&mut rows);
        let mut at = 0;
        let mut current = position;
        for _ in 0..read(&mut rows) {
            at += read(&mut rows);
            let zigzag = read(&mut rows);
            current = current.wrapping_add((zigzag >> 1) ^ (zigzag & 1).wrapping_neg());
            if at <= offset {
                position = current;
            }
        }
        for _ in 0..read(&mut rows) {
            read(&mut rows);
            rows = rows.get(1..)?;
        }
        let mut function = entry.function;
        for further in 0..=level {
            let Some(number) = position.checked_sub(INLINED).filter(|_| !rows.is_empty()) else {
                if further < level {
                    return None;
                }
                function = self.entries[index].function;
                break;
            };
            let mut entry = rows;
            for _ in 0..3 * number {
                read(&mut entry);
            }
            let place = read(&mut entry);
            function = read(&mut entry);
            let call = read(&mut entry);
            position = if further == level { place } else { call };
        }
        Some(Location {
            function: self.name(function),
            position,
            start: self.base + entry.start as usize,
            frame,
        })
    }

    /// Why the instruction at `address` exactly is a trap, if it is one.
    pub fn trap(&self, address: usize) -> Option<TrapCode> {
        let (index, offset) = self.index(address)?;
        let mut rows = &self.table[self.entries[index].rows as usize..];
        read(&mut rows);
        read(&mut rows);
        for _ in 0..read(&mut rows) {
            read(&mut rows);
            read(&mut rows);
        }
        let mut at = 0;
        for _ in 0..read(&mut rows) {
            at += read(&mut rows);
            let (&code, rest) = rows.split_first()?;
            rows = rest;
            if at >= offset {
                return (at == offset).then(|| NonZeroU8::new(code).map(TrapCode::from_raw))?;
            }
        }
        None
    }

    /// Each function: its name, its first address and its length in bytes (padding behind it included).
    pub fn functions(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.entries.iter().enumerate().map(|(index, entry)| {
            let end = self.entries.get(index + 1).map_or(self.len, |next| next.start as usize);
            (self.name(entry.function), self.base + entry.start as usize, end - entry.start as usize)
        })
    }

    /// Index of the function `address` lies in, and the address's offset from its start.
    fn index(&self, address: usize) -> Option<(usize, u32)> {
        if !self.contains(address) {
            return None;
        }
        let offset = (address - self.base) as u32;
        let index = self.entries.partition_point(|entry| entry.start <= offset).checked_sub(1)?;
        Some((index, offset - self.entries[index].start))
    }

    fn name(&self, function: u32) -> &str {
        let function = function as usize;
        let end = self.name_starts.get(function + 1).map_or(self.names.len(), |&next| next as usize);
        &self.names[self.name_starts[function] as usize..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(head: u32, positions: &[(u32, u32)], traps: &[(u32, u8)]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(48, head, positions, traps, &mut out);
        out
    }

    #[test]
    fn functions_that_were_put_in_place_have_levels_of_their_own() {
        let mut map = CodeMap::named(["one", "two", "nowhere", "three"].into_iter());
        let mut one = rows(600, &[(2, INLINED + 1), (5, INLINED), (9, 640)], &[(7, 3)]);
        for number in [700, 1, 610, 800, 3, INLINED] {
            write(&mut one, number);
        }
        map.add(0, 0, &one);
        map.add(1, 32, &rows(690, &[], &[]));
        map.add(3, 48, &rows(790, &[], &[]));
        map.place(0x1000 as *const u8, 64);
        let at = |offset: usize, level| map.find_at(0x1000 + offset, level).map(|l| (l.function, l.position));
        assert_eq!([at(0, 0), at(0, 1)], [Some(("one", 600)), None]);
        assert_eq!([at(3, 0), at(3, 1)], [Some(("three", 800)), Some(("two", 700))]);
        assert_eq!([at(3, 2), at(3, 3)], [Some(("one", 610)), None]);
        assert_eq!([at(6, 0), at(6, 1), at(6, 2)], [Some(("two", 700)), Some(("one", 610)), None]);
        assert_eq!([at(9, 0), at(9, 1)], [Some(("one", 640)), None]);
        assert_eq!(map.trap(0x1007), TrapCode::user(3));
        assert_eq!(map.find(0x1003).map(|l| l.start), Some(0x1000));
    }

    #[test]
    fn addresses_find_their_function_position_and_trap() {
        let mut map = CodeMap::named(["two", "one"].into_iter());
        map.add(1, 0, &rows(600, &[(2, 700), (5, 20), (9, 600), (12, 1_000_000)], &[(7, 3), (13, 252)]));
        map.add(0, 32, &rows(4_000_000_000, &[], &[]));
        map.place(0x1000 as *const u8, 48);
        let at = |offset: usize| map.find(0x1000 + offset).map(|l| (l.function, l.position, l.start));
        assert_eq!(at(0), Some(("one", 600, 0x1000)));
        assert_eq!(at(4), Some(("one", 700, 0x1000)));
        assert_eq!(at(5), Some(("one", 20, 0x1000)));
        assert_eq!(at(10), Some(("one", 600, 0x1000)));
        assert_eq!(at(12), Some(("one", 1_000_000, 0x1000)));
        assert_eq!(at(31), Some(("one", 1_000_000, 0x1000)));
        assert_eq!(at(33), Some(("two", 4_000_000_000, 0x1020)));
        assert_eq!(at(48), None);
        assert_eq!(map.find(0xfff), None);
        assert_eq!(map.find(0x1000).map(|l| l.frame), Some(48));
        assert_eq!(map.trap(0x1007), TrapCode::user(3));
        assert_eq!(map.trap(0x1008), None);
        assert_eq!(map.trap(0x100d).map(|code| code.as_raw().get()), Some(252));
        assert_eq!(map.trap(0x1027), None);
        let all: Vec<_> = map.functions().collect();
        assert_eq!(all, [("one", 0x1000, 32), ("two", 0x1020, 16)]);
    }
}
