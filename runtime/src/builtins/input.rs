//! Standard input and files.
//!
//! What is read stays in memory until the process ends, because a `str` does not
//! own its bytes. Standard input is read in large pieces, and a line is a view
//! into its piece; only a line cut by the end of a piece is copied.

use std::fs;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use super::stream;
use crate::abi::VexStr;

/// Bytes asked of the OS at once.
const PIECE: usize = 64 * 1024;

/// Standard input: the part of the current piece that is not consumed.
struct Input {
    rest: &'static [u8],
    ended: bool,
}

static INPUT: Mutex<Input> = Mutex::new(Input { rest: &[], ended: false });

/// Keeps bytes for the rest of the process.
fn keep(bytes: Vec<u8>) -> VexStr {
    let bytes: &'static [u8] = bytes.leak();
    VexStr { ptr: bytes.as_ptr(), len: bytes.len() }
}

impl Input {
    /// Reads another piece when the current one is used up. Output is written
    /// first: whoever answers on the other side should have seen the question.
    fn refill(&mut self, from: &mut impl Read) {
        if !self.rest.is_empty() || self.ended {
            return;
        }
        stream::flush_all();
        let mut piece = vec![0; PIECE];
        let count = loop {
            match from.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => crate::fault!(Panic, "cannot read standard input: {error}"),
                Ok(count) => break count,
            }
        };
        self.ended = count == 0;
        piece.truncate(count);
        // Short reads (a terminal's lines) should not keep the whole piece.
        piece.shrink_to_fit();
        self.rest = piece.leak();
    }

    /// The next line without its end (`\n` or `\r\n`); empty at the end.
    fn line(&mut self, from: &mut impl Read) -> VexStr {
        let mut cut = Vec::new();
        loop {
            self.refill(from);
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                if cut.is_empty() {
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    return VexStr { ptr: line.as_ptr(), len: line.len() };
                }
                cut.extend_from_slice(line);
                if cut.ends_with(b"\r") {
                    cut.pop();
                }
                return keep(cut);
            }
            if self.ended {
                return keep(cut);
            }
            cut.extend_from_slice(self.rest);
            self.rest = &[];
        }
    }

    /// Everything that is left.
    fn all(&mut self, from: &mut impl Read) -> VexStr {
        let mut bytes = Vec::new();
        loop {
            self.refill(from);
            if self.ended {
                return keep(bytes);
            }
            bytes.extend_from_slice(self.rest);
            self.rest = &[];
        }
    }
}

/// Standard input without a buffer of its own.
struct Stdin;

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: `buffer` is writable for its length.
        let count = unsafe { libc::read(0, buffer.as_mut_ptr().cast(), buffer.len() as _) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

/// Runs `operation` on standard input.
fn with_input<T>(operation: impl FnOnce(&mut Input) -> T) -> T {
    operation(&mut INPUT.lock().unwrap_or_else(PoisonError::into_inner))
}

crate::exports! {
    group Builtin;

    /// The next line of standard input without its end; empty at the end.
    pub fn vexrt_read_line() -> VexStr {
        with_input(|input| input.line(&mut Stdin))
    }

    /// Whether standard input has nothing more; waits until it is known.
    pub fn vexrt_at_end() -> bool {
        with_input(|input| {
            input.refill(&mut Stdin);
            input.ended
        })
    }

    /// The rest of standard input.
    pub fn vexrt_read_all() -> VexStr {
        with_input(|input| input.all(&mut Stdin))
    }

    /// The bytes of a file; a panic that names the path when it cannot be read.
    pub fn vexrt_read_file(path: VexStr) -> VexStr {
        // SAFETY: a `str` of the program is readable for its length.
        let path = unsafe { path.as_str() };
        match fs::read(path) {
            Ok(bytes) => keep(bytes),
            Err(error) => crate::fault!(Panic, "cannot read {path}: {error}"),
        }
    }

    /// Replaces the contents of a file, which is created when missing; a panic
    /// that names the path when it cannot be written.
    pub fn vexrt_write_file(path: VexStr, bytes: VexStr) {
        // SAFETY: strings of the program are readable for their length.
        let (path, bytes) = unsafe { (path.as_str(), bytes.bytes()) };
        if let Err(error) = fs::write(path, bytes) {
            crate::fault!(Panic, "cannot write {path}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out its pieces one a read.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn lines(pieces: &[&'static [u8]], count: usize) -> Vec<String> {
        let mut from = Pieces(pieces.to_vec());
        let mut input = Input { rest: &[], ended: false };
        // SAFETY: `line` returns bytes that live for the rest of the process.
        (0..count).map(|_| unsafe { input.line(&mut from).as_str() }.to_owned()).collect()
    }

    #[test]
    fn lines_end_where_they_should() {
        assert_eq!(lines(&[b"one\ntwo\r\n\nlast"], 5), ["one", "two", "", "last", ""]);
    }

    #[test]
    fn a_line_may_span_pieces() {
        assert_eq!(lines(&[b"on", b"e\r", b"\ntw", b"o"], 3), ["one", "two", ""]);
    }

    #[test]
    fn the_rest_is_what_lines_left() {
        let mut from = Pieces(vec![b"head\nbody ", b"and more"]);
        let mut input = Input { rest: &[], ended: false };
        input.line(&mut from);
        // SAFETY: as above.
        assert_eq!(unsafe { input.all(&mut from).as_str() }, "body and more");
    }
}
