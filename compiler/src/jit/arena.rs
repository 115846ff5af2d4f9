//! The memory of a session: chunks of code, constants and variables that its inputs share, so that an input of one
//! line does not take pages of its own, and the code of replaced functions is used again.
//!
//! As everywhere, memory is never writable and executable at once: the pages an input goes to are opened, written and
//! sealed again, while nothing of the session runs.

use std::ptr::NonNull;

use vex_runtime::manager::executable;
use vex_runtime::os;

use super::JitError;
use super::memory::{Place, ProgramMemory, Sizes};

/// What a chunk holds at least. Untouched pages take no memory.
const CHUNK: Sizes = Sizes { code: 1 << 20, constants: 1 << 20, variables: 4 << 20 };

/// Code is handed out in multiples of this, its alignment.
const CODE_GRAIN: usize = 64;

/// Constants and variables of an input begin at multiples of this, the largest alignment an object may ask for.
const DATA_GRAIN: usize = 64;

/// A range of a chunk's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: usize,
    end: usize,
}

/// The free code of a chunk: ranges in order, no two of them adjacent.
#[derive(Debug)]
struct FreeCode(Vec<Range>);

impl FreeCode {
    /// Takes `size` bytes, a multiple of the grain, from the first range that has them.
    fn take(&mut self, size: usize) -> Option<usize> {
        let index = self.0.iter().position(|range| range.end - range.start >= size)?;
        let range = &mut self.0[index];
        let start = range.start;
        range.start += size;
        if range.start == range.end {
            self.0.remove(index);
        }
        Some(start)
    }

    /// Gives a range back.
    fn give(&mut self, start: usize, end: usize) {
        let at = self.0.partition_point(|range| range.start < start);
        let joins_next = self.0.get(at).is_some_and(|next| next.start == end);
        let joins_last = at > 0 && self.0[at - 1].end == start;
        match (joins_last, joins_next) {
            (true, true) => {
                self.0[at - 1].end = self.0[at].end;
                self.0.remove(at);
            }
            (true, false) => self.0[at - 1].end = end,
            (false, true) => self.0[at].start = start,
            (false, false) => self.0.insert(at, Range { start, end }),
        }
    }
}

#[derive(Debug)]
struct Chunk {
    memory: ProgramMemory,
    sizes: Sizes,
    free: FreeCode,
    constants: usize,
    variables: usize,
}

impl Chunk {
    fn new(sizes: Sizes) -> Result<Chunk, JitError> {
        let memory = ProgramMemory::new(sizes)?;
        memory.seal()?;
        let free = FreeCode(vec![Range { start: 0, end: sizes.code }]);
        Ok(Chunk { memory, sizes, free, constants: 0, variables: 0 })
    }

    /// Room for `sizes`; nothing is taken when one of the parts has too little.
    fn take(&mut self, sizes: Sizes) -> Option<Taken> {
        let fits = sizes.constants <= self.sizes.constants - self.constants
            && sizes.variables <= self.sizes.variables - self.variables;
        let code = if fits { self.free.take(sizes.code)? } else { return None };
        let taken = Taken { chunk: 0, code, constants: self.constants, variables: self.variables, sizes };
        self.constants += sizes.constants;
        self.variables += sizes.variables;
        Some(taken)
    }

    /// Opens (`seal` false) or seals the pages of the code and constants of `taken`.
    fn protect(&self, taken: &Taken, seal: bool) -> Result<(), JitError> {
        let page = os::page_size();
        let constants = self.memory.constants().addr() - self.memory.code().addr() + taken.constants;
        let parts = [(taken.code, taken.sizes.code), (constants, taken.sizes.constants)];
        for (start, size) in parts.into_iter().filter(|(_, size)| *size > 0) {
            let low = start / page * page;
            let size = (start + size).next_multiple_of(page) - low;
            // SAFETY: whole pages of this chunk's own code memory, below its variables. No code of the session runs
            // while an input is put in place, and nobody writes to sealed pages.
            let done = unsafe {
                let start = NonNull::new_unchecked(self.memory.code().add(low));
                if seal { executable::seal(start, size) } else { executable::unseal(start, size) }
            };
            if !done {
                return Err(JitError::Seal(std::io::Error::last_os_error()));
            }
        }
        Ok(())
    }
}

/// Where an input is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    chunk: usize,
    code: usize,
    constants: usize,
    variables: usize,
    sizes: Sizes,
}

/// What a byte of the session's memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Machine code.
    Code,
    /// Data that is not written.
    Constants,
    /// Data that may be written.
    Variables,
}

/// All chunks of a session.
#[derive(Debug, Default)]
pub(super) struct Arena {
    chunks: Vec<Chunk>,
}

impl Arena {
    /// Takes room for `sizes` and opens it for writing. Constants and variables stay for as long as the arena.
    ///
    /// # Errors
    /// [`JitError::OutOfMemory`], [`JitError::Seal`].
    pub fn take(&mut self, sizes: Sizes) -> Result<Taken, JitError> {
        let sizes = Sizes {
            code: sizes.code.max(1).next_multiple_of(CODE_GRAIN),
            constants: sizes.constants.next_multiple_of(DATA_GRAIN),
            variables: sizes.variables.next_multiple_of(DATA_GRAIN),
        };
        let known = self.chunks.iter_mut().enumerate().rev();
        let found = known.into_iter().find_map(|(index, chunk)| Some((index, chunk.take(sizes)?)));
        let (chunk, taken) = match found {
            Some(found) => found,
            None => {
                let mut chunk = Chunk::new(Sizes {
                    code: CHUNK.code.max(sizes.code),
                    constants: CHUNK.constants.max(sizes.constants),
                    variables: CHUNK.variables.max(sizes.variables),
                })?;
                let taken = chunk.take(sizes).ok_or(JitError::OutOfMemory)?;
                self.chunks.push(chunk);
                (self.chunks.len() - 1, taken)
            }
        };
        let taken = Taken { chunk, ..taken };
        self.chunks[chunk].protect(&taken, false)?;
        Ok(taken)
    }

    /// Where to write what was taken.
    pub fn place(&self, taken: &Taken) -> Place {
        let memory = &self.chunks[taken.chunk].memory;
        Place {
            code: memory.code().wrapping_add(taken.code),
            code_size: taken.sizes.code,
            constants: memory.constants().wrapping_add(taken.constants),
            variables: memory.variables().wrapping_add(taken.variables),
        }
    }

    /// Makes the code executable; it and the constants can no longer be written.
    ///
    /// # Errors
    /// [`JitError::Seal`]
    pub fn seal(&self, taken: &Taken) -> Result<(), JitError> {
        self.chunks[taken.chunk].protect(taken, true)
    }

    /// Gives the code of an input back, which nobody will run again.
    pub fn free_code(&mut self, taken: &Taken) {
        self.chunks[taken.chunk].free.give(taken.code, taken.code + taken.sizes.code);
    }

    /// What an address is for; `None` when it is in none of the chunks.
    pub fn part_at(&self, address: usize) -> Option<Part> {
        self.chunks.iter().find_map(|chunk| {
            let (memory, sizes) = (&chunk.memory, &chunk.sizes);
            let parts = [
                (Part::Variables, memory.variables(), sizes.variables),
                (Part::Constants, memory.constants(), sizes.constants),
                (Part::Code, memory.code(), sizes.code),
            ];
            let found = parts.into_iter().find(|(_, start, size)| address.wrapping_sub(start.addr()) < *size);
            found.map(|(part, ..)| part)
        })
    }

    /// Where variables are.
    pub fn variables(&self) -> Vec<std::ops::Range<usize>> {
        let used = |chunk: &Chunk| {
            let start = chunk.memory.variables().addr();
            start..start + chunk.variables
        };
        self.chunks.iter().map(used).collect()
    }

    /// Bytes of code in use.
    pub fn code_bytes(&self) -> usize {
        let free = |chunk: &Chunk| chunk.free.0.iter().map(|range| range.end - range.start).sum::<usize>();
        self.chunks.iter().map(|chunk| chunk.sizes.code - free(chunk)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Sizes = Sizes { code: 100, constants: 10, variables: 8 };

    #[test]
    fn code_that_was_given_back_is_used_again_and_joins_its_neighbours() {
        let mut arena = Arena::default();
        let taken: Vec<Taken> = (0..3).map(|_| arena.take(SMALL).unwrap()).collect();
        assert_eq!(arena.code_bytes(), 3 * 128);
        arena.free_code(&taken[0]);
        arena.free_code(&taken[2]);
        arena.free_code(&taken[1]);
        assert_eq!(arena.code_bytes(), 0);
        assert_eq!(arena.chunks[0].free.0, [Range { start: 0, end: CHUNK.code }]);
        let again = arena.take(Sizes { code: 300, ..SMALL }).unwrap();
        assert_eq!(arena.place(&again).code, arena.place(&taken[0]).code);
        // Data is never given out twice.
        assert!(arena.place(&again).variables > arena.place(&taken[2]).variables);
    }

    #[test]
    fn addresses_tell_what_they_are_for() {
        let mut arena = Arena::default();
        let taken = arena.take(SMALL).unwrap();
        let place = arena.place(&taken);
        assert_eq!(arena.part_at(place.code.addr()), Some(Part::Code));
        assert_eq!(arena.part_at(place.constants.addr() + 9), Some(Part::Constants));
        assert_eq!(arena.part_at(place.variables.addr() + CHUNK.variables - 1), Some(Part::Variables));
        assert_eq!(arena.part_at(place.variables.addr() + CHUNK.variables), None);
        assert_eq!(arena.part_at(0), None);
    }

    #[test]
    fn what_is_too_large_for_a_chunk_gets_its_own() {
        let mut arena = Arena::default();
        arena.take(SMALL).unwrap();
        let large = arena.take(Sizes { variables: 2 * CHUNK.variables, ..SMALL }).unwrap();
        assert_eq!(large.chunk, 1);
        assert!(arena.take(Sizes { variables: usize::MAX / 2, ..SMALL }).is_err());
    }

    #[test]
    fn neighbours_on_a_page_stay_sealed_around_an_input() {
        let mut arena = Arena::default();
        for round in 0..100u8 {
            let taken = arena.take(SMALL).unwrap();
            let place = arena.place(&taken);
            // SAFETY: the bytes were just taken and are open; after the seal they can be read.
            unsafe {
                place.code.write(round);
                place.constants.write(round);
                arena.seal(&taken).unwrap();
                assert_eq!((place.code.read(), place.constants.read()), (round, round));
                place.variables.write(round);
            }
        }
    }
}
