//! Lines from standard input, whatever their bytes.

use std::io;

use super::interrupt;

/// Reads the lines of a descriptor. What is read ahead stays here, so nobody else may read from it meanwhile.
#[derive(Debug)]
pub(super) struct Lines {
    descriptor: i32,
    buffer: Vec<u8>,
    /// Where in `buffer` the next line starts.
    start: usize,
    /// Up to where there is no newline in `buffer` after `start`.
    searched: usize,
    ended: bool,
}

/// What came of waiting for a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A line without its newline; the last may never have had one.
    Line(Vec<u8>),
    /// There are no more.
    End,
    /// Ctrl-C came first, or since the last line. What was read of the line is still there.
    Interrupted,
}

impl Lines {
    /// Of an open descriptor.
    pub(super) fn new(descriptor: i32) -> Lines {
        Lines { descriptor, buffer: Vec::new(), start: 0, searched: 0, ended: false }
    }

    /// The next line.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn next(&mut self) -> io::Result<Read> {
        loop {
            if let Some(length) = self.buffer[self.searched..].iter().position(|b| *b == b'\n') {
                let end = self.searched + length;
                let line = self.buffer[self.start..end].to_vec();
                (self.start, self.searched) = (end + 1, end + 1);
                return Ok(Read::Line(line));
            }
            self.searched = self.buffer.len();
            if self.ended {
                let rest = self.buffer.split_off(self.start);
                (self.start, self.searched) = (self.buffer.len(), self.buffer.len());
                return Ok(if rest.is_empty() { Read::End } else { Read::Line(rest) });
            }
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
            if !interrupt::wait_for(self.descriptor) {
                return Ok(Read::Interrupted);
            }
            match self.fill() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Read::Interrupted),
                other => self.ended = other? == 0,
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        const CHUNK: usize = 1 << 16;
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK, 0);
        // SAFETY: `CHUNK` bytes of the buffer lie behind the old ones, and are ours to write.
        let count = unsafe { libc::read(self.descriptor, self.buffer[old..].as_mut_ptr().cast(), CHUNK) };
        let result = usize::try_from(count).map_err(|_| io::Error::last_os_error());
        self.buffer.truncate(old + *result.as_ref().unwrap_or(&0));
        result
    }
}

/// A line as text; when it is none, what can be made of it and what is wrong with it.
pub(super) fn text_of(line: Vec<u8>) -> Result<String, (String, String)> {
    String::from_utf8(line).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let column = String::from_utf8_lossy(&bytes[..valid]).chars().count() + 1;
        let what = format!("byte 0x{:02x} at column {column}", bytes[valid]);
        (String::from_utf8_lossy(bytes).into_owned(), what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    fn lines_of(bytes: &[u8]) -> Vec<Read> {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        let bytes = bytes.to_vec();
        let thread = std::thread::spawn(move || writer.write_all(&bytes));
        let mut lines = Lines::new(reader.as_raw_fd());
        let mut found = Vec::new();
        while let read @ Read::Line(_) = lines.next().expect("readable") {
            found.push(read);
        }
        thread.join().expect("the writer ends").expect("everything was read");
        assert_eq!(lines.next().expect("readable"), Read::End);
        found
    }

    #[test]
    fn lines_come_whole() {
        let line = |text: &str| Read::Line(text.into());
        assert_eq!(lines_of(b""), []);
        assert_eq!(lines_of(b"a\n\nb\n"), [line("a"), line(""), line("b")]);
        assert_eq!(lines_of(b"a\r\nb"), [line("a\r"), line("b")]);
        assert_eq!(lines_of(b"\xFF\n"), [Read::Line(vec![0xFF])]);
        let long = "x".repeat(200_000);
        assert_eq!(lines_of(format!("{long}\n{long}\ny").as_bytes()), [line(&long), line(&long), line("y")]);
    }

    #[test]
    fn what_is_no_text_is_told_in_columns() {
        assert_eq!(text_of(b"a".to_vec()), Ok("a".into()));
        let (text, what) = text_of(b"\xC3\xBCa\xFFb".to_vec()).expect_err("no text");
        assert_eq!((text.as_str(), what.as_str()), ("üa\u{FFFD}b", "byte 0xff at column 3"));
    }
}
