//! Reading memory that may not be there: every read is the system's, which refuses where the process itself would
//! fault.
//!
//! A program may have put anything into a pointer. [`Peek`] reads whole pages and keeps the last one, so that a value
//! costs one call of the system and not one for each of its fields.

use vex_runtime::checked;

/// Bytes read at once. Every system protects memory in multiples of this many bytes, so such a page is readable as a
/// whole or not at all.
const PAGE: usize = 4096;

/// A reader of the process's own memory that never faults.
///
/// It keeps the page it read last: a reader is for looking at one value while the program stands still, not for
/// keeping.
#[derive(Debug)]
pub struct Peek {
    source: imp::Source,
    /// Address of the page in `bytes`; 1, which is no multiple of the page size, while there is none.
    page: usize,
    bytes: Box<[u8; PAGE]>,
}

impl Default for Peek {
    fn default() -> Peek {
        Peek::new()
    }
}

impl Peek {
    /// A reader that has read nothing yet.
    pub fn new() -> Peek {
        Peek { source: imp::Source::new(), page: 1, bytes: Box::new([0; PAGE]) }
    }

    /// Fills `buffer` from `address` on, as far as the memory can be read; the number of bytes read.
    pub fn read_some(&mut self, address: usize, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buffer.len() {
            let Some(at) = address.checked_add(done) else { break };
            let offset = at % PAGE;
            if !self.load(at - offset) {
                break;
            }
            let count = (PAGE - offset).min(buffer.len() - done);
            buffer[done..done + count].copy_from_slice(&self.bytes[offset..offset + count]);
            done += count;
        }
        done
    }

    /// Up to `most` bytes from `address` on, fewer where the memory ends. Takes room for what there is, however much is
    /// asked for.
    pub fn read_up_to(&mut self, address: usize, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < most {
            let done = bytes.len();
            let piece = (most - done).min(PAGE);
            let Some(at) = address.checked_add(done) else { break };
            bytes.resize(done + piece, 0);
            let read = self.read_some(at, &mut bytes[done..]);
            bytes.truncate(done + read);
            if read < piece {
                break;
            }
        }
        bytes
    }

    /// Fills all of `buffer` from `address` on; false when some of it cannot be read.
    pub fn read(&mut self, address: usize, buffer: &mut [u8]) -> bool {
        self.read_some(address, buffer) == buffer.len()
    }

    /// The bytes at `address`, if they can be read.
    pub fn bytes<const N: usize>(&mut self, address: usize) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.read(address, &mut bytes).then_some(bytes)
    }

    /// The address stored at `address`, if it can be read; without what checked programs carry beside it.
    pub fn pointer(&mut self, address: usize) -> Option<usize> {
        let stored = self.bytes(address).map(usize::from_ne_bytes)?;
        Some(if checked::is_enabled() { checked::map::strip(stored) } else { stored })
    }

    /// Whether there is a byte to read at `address`.
    pub fn readable(&mut self, address: usize) -> bool {
        self.load(address - address % PAGE)
    }

    /// Reads the page at `page`, unless it is the one at hand.
    fn load(&mut self, page: usize) -> bool {
        if self.page != page {
            let read = self.source.read(page, &mut self.bytes);
            self.page = if read { page } else { 1 };
        }
        self.page == page
    }
}

#[cfg(unix)]
mod imp {
    use std::io::{PipeReader, Read};
    use std::os::fd::{AsRawFd, OwnedFd};

    use super::PAGE;

    /// What reads.
    #[derive(Debug)]
    pub struct Source {
        /// Whether the system copies memory for us; containers may forbid it.
        copies: bool,
        /// The other way, made when it is needed.
        pipe: Option<(PipeReader, OwnedFd)>,
    }

    impl Source {
        pub fn new() -> Source {
            Source { copies: cfg!(target_os = "linux"), pipe: None }
        }

        /// Only the other way, for tests.
        #[cfg(test)]
        pub fn by_pipe() -> Source {
            Source { copies: false, pipe: None }
        }

        /// Reads the page at a multiple of its size; false when that is refused.
        pub fn read(&mut self, page: usize, bytes: &mut [u8; PAGE]) -> bool {
            if self.copies {
                match copy(page, bytes) {
                    Copied::Read => return true,
                    Copied::NoMemory => return false,
                    Copied::Forbidden => self.copies = false,
                }
            }
            self.through_pipe(page, bytes)
        }

        /// Writes the page into a pipe, which fails where there is no memory, and reads it back.
        fn through_pipe(&mut self, page: usize, bytes: &mut [u8; PAGE]) -> bool {
            /// What every system's pipe holds.
            const PIECE: usize = 512;
            if self.pipe.is_none() {
                self.pipe = std::io::pipe().ok().map(|(reader, writer)| (reader, writer.into()));
            }
            let Some((reader, writer)) = &mut self.pipe else { return false };
            bytes.chunks_mut(PIECE).enumerate().all(|(index, piece)| {
                let from = (page + index * PIECE) as *const libc::c_void;
                // SAFETY: the system checks the address and refuses what cannot be read; it writes nothing of ours.
                let written = unsafe { libc::write(writer.as_raw_fd(), from, piece.len()) };
                // The pipe was empty, so a piece goes in whole or not at all.
                written == piece.len() as isize && reader.read_exact(piece).is_ok()
            })
        }
    }

    /// How copying went.
    enum Copied {
        Read,
        NoMemory,
        /// It is not for us to do.
        Forbidden,
    }

    #[cfg(target_os = "linux")]
    fn copy(page: usize, bytes: &mut [u8; PAGE]) -> Copied {
        let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: PAGE };
        let remote = libc::iovec { iov_base: page as *mut libc::c_void, iov_len: PAGE };
        // SAFETY: `local` is a buffer of ours of that length; the other address the system checks.
        let count =
            unsafe { libc::process_vm_readv(std::process::id() as libc::pid_t, &local, 1, &remote, 1, 0) };
        match count {
            -1 if std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT) => Copied::NoMemory,
            -1 => Copied::Forbidden,
            count if count as usize == PAGE => Copied::Read,
            _ => Copied::NoMemory,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn copy(_: usize, _: &mut [u8; PAGE]) -> Copied {
        Copied::Forbidden
    }
}

#[cfg(windows)]
mod imp {
    use core::ffi::c_void;

    use super::PAGE;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetCurrentProcess() -> *mut c_void;
        fn ReadProcessMemory(
            process: *mut c_void,
            from: *const c_void,
            to: *mut c_void,
            size: usize,
            read: *mut usize,
        ) -> i32;
    }

    /// What reads.
    #[derive(Debug)]
    pub struct Source;

    impl Source {
        pub fn new() -> Source {
            Source
        }

        /// Reads the page at a multiple of its size; false when that is refused.
        pub fn read(&mut self, page: usize, bytes: &mut [u8; PAGE]) -> bool {
            let mut count = 0;
            // SAFETY: the buffer is ours and of that length; the other address the system checks.
            let read = unsafe {
                let process = GetCurrentProcess();
                ReadProcessMemory(process, page as *const c_void, bytes.as_mut_ptr().cast(), PAGE, &mut count)
            };
            read != 0 && count == PAGE
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Two pages, of which the second cannot be read.
    struct Edge(*mut libc::c_void);

    impl Edge {
        fn new() -> Edge {
            let (protection, flags) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
            // SAFETY: fresh memory anywhere, of which the second half is made inaccessible.
            unsafe {
                let base = libc::mmap(std::ptr::null_mut(), 2 * 65536, protection, flags, -1, 0);
                assert_ne!(base, libc::MAP_FAILED);
                base.write_bytes(7, 65536);
                assert_eq!(libc::mprotect(base.byte_add(65536), 65536, libc::PROT_NONE), 0);
                Edge(base)
            }
        }

        /// The first address that cannot be read.
        fn end(&self) -> usize {
            self.0 as usize + 65536
        }
    }

    impl Drop for Edge {
        fn drop(&mut self) {
            // SAFETY: the whole mapping, of which nobody keeps an address.
            unsafe { libc::munmap(self.0, 2 * 65536) };
        }
    }

    /// Every way of reading there is here.
    fn readers() -> [Peek; 2] {
        [Peek::new(), Peek { source: imp::Source::by_pipe(), ..Peek::new() }]
    }

    #[test]
    fn what_is_there_is_read_and_the_rest_refused() {
        let edge = Edge::new();
        for mut peek in readers() {
            let mut buffer = [0; 10];
            assert_eq!(peek.read_some(edge.end() - 5, &mut buffer), 5);
            assert_eq!(buffer, [7, 7, 7, 7, 7, 0, 0, 0, 0, 0]);
            assert!(!peek.read(edge.end() - 5, &mut buffer));
            assert!(peek.readable(edge.end() - 1) && !peek.readable(edge.end()));
            for nowhere in [0, 1, 8, usize::MAX, usize::MAX - 4095, 1 << 63] {
                assert!(!peek.readable(nowhere), "{nowhere:#x}");
                assert_eq!(peek.pointer(nowhere), None);
            }
            // A refusal spoils nothing.
            assert_eq!(peek.bytes(edge.end() - 2), Some([7, 7]));
        }
    }

    #[test]
    fn reads_span_pages() {
        let bytes: Vec<u8> = (0..3 * PAGE).map(|i| (i / 7) as u8).collect();
        for mut peek in readers() {
            let mut copy = vec![0; bytes.len()];
            assert!(peek.read(bytes.as_ptr() as usize, &mut copy));
            assert!(copy == bytes);
        }
    }
}
