//! Standard input and files.
//!
//! What is read stays in memory until the process ends, because a `str` does not
//! own its bytes. Standard input is read in large pieces, and a line is a view
//! into its piece; only a line cut by the end of a piece is copied.
//!
//! A program that waits for input can be stopped: see
//!
//! ```text
//! pub type InterruptHook = fn();
//! pub fn set_interrupt_hook(hook: Option<InterruptHook>)
//! pub fn forget_end()
//! ```
//!
//! Waiting is done with `poll`, which no signal handler's flags restart, while no
//! lock is held and with everything that was read so far in [`INPUT`]. So the hook
//! may leave for good, and the next read goes on where this one stopped.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::stream;
use crate::abi::VexStr;

/// Bytes asked of the OS at once.
const PIECE: usize = 64 * 1024;

/// Standard input: what was read and is not consumed, `cut` followed by `rest`.
struct Input {
    /// The start of a line, or of everything, of which more is to come.
    cut: Vec<u8>,
    /// Whether `cut` may have whole lines in it.
    cut_has_lines: bool,
    /// The part of the current piece that is not consumed.
    rest: &'static [u8],
    ended: bool,
}

static INPUT: Mutex<Input> = Mutex::new(Input::new());

/// Called when a signal interrupts the wait for standard input, on the waiting
/// thread. It may return, and the wait goes on, or leave by a jump.
pub type InterruptHook = fn();

static INTERRUPT_HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Installs the function to call, after the signal's handler, whenever a signal
/// interrupts the wait for standard input; `None` for none. No lock of the
/// runtime is held then, and no input is lost if the hook does not come back.
///
/// A signal that arrives just before the wait begins does not interrupt it, so
/// whoever wants a program stopped for certain must go on raising signals until
/// it has.
pub fn set_interrupt_hook(hook: Option<InterruptHook>) {
    let hook = hook.map_or(core::ptr::null_mut(), |hook| hook as *mut ());
    INTERRUPT_HOOK.store(hook, Ordering::Release);
}

/// Asks the OS again when standard input has ended: what is typed on a terminal
/// goes on after an end.
pub fn forget_end() {
    lock(&INPUT).ended = false;
}

/// Keeps bytes for the rest of the process.
fn keep(bytes: Vec<u8>) -> VexStr {
    let bytes: &'static [u8] = bytes.leak();
    VexStr { ptr: bytes.as_ptr(), len: bytes.len() }
}

/// What input is read from.
trait Source {
    /// Returns when `read` would not block, or when it was interrupted.
    fn wait(&self);

    /// Whether `read` would not block.
    fn is_ready(&self) -> bool;

    /// Reads some bytes; 0 is the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Input {
    const fn new() -> Input {
        Input { cut: Vec::new(), cut_has_lines: false, rest: &[], ended: false }
    }

    /// Reads another piece, unless there is something or, meanwhile, nothing to
    /// read.
    fn refill(&mut self, from: &mut impl Source) -> io::Result<()> {
        if !self.rest.is_empty() || self.ended || !from.is_ready() {
            return Ok(());
        }
        let mut piece = vec![0; PIECE];
        let count = match from.read(&mut piece) {
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                return Ok(());
            }
            result => result?,
        };
        self.ended = count == 0;
        piece.truncate(count);
        // Short reads (a terminal's lines) should not keep the whole piece.
        piece.shrink_to_fit();
        self.rest = piece.leak();
        Ok(())
    }

    /// The next line without its end (`\n` or `\r\n`); empty at the end. `None`
    /// when it takes another piece to know.
    fn line(&mut self) -> Option<VexStr> {
        if core::mem::take(&mut self.cut_has_lines) {
            let mut joined = core::mem::take(&mut self.cut);
            joined.extend_from_slice(self.rest);
            self.rest = joined.leak();
        }
        if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line = &self.rest[..end];
            self.rest = &self.rest[end + 1..];
            if self.cut.is_empty() {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Some(VexStr { ptr: line.as_ptr(), len: line.len() });
            }
            self.cut.extend_from_slice(line);
            if self.cut.ends_with(b"\r") {
                self.cut.pop();
            }
            return Some(keep(core::mem::take(&mut self.cut)));
        }
        self.cut.extend_from_slice(self.rest);
        self.rest = &[];
        self.ended.then(|| keep(core::mem::take(&mut self.cut)))
    }

    /// Everything that is left; `None` when there may be more.
    fn all(&mut self) -> Option<VexStr> {
        self.cut.extend_from_slice(self.rest);
        self.rest = &[];
        self.cut_has_lines = !self.ended;
        self.ended.then(|| keep(core::mem::take(&mut self.cut)))
    }

    /// Whether nothing is left; `None` when it takes another piece to know.
    fn at_end(&self) -> Option<bool> {
        let empty = self.cut.is_empty() && self.rest.is_empty();
        if empty && !self.ended { None } else { Some(empty) }
    }
}

fn lock(input: &Mutex<Input>) -> MutexGuard<'_, Input> {
    input.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `attempt` says as soon as enough was read for it to say something.
fn read_until<T>(
    input: &Mutex<Input>,
    mut from: impl Source,
    attempt: impl Fn(&mut Input) -> Option<T>,
) -> T {
    loop {
        // The lock is free again before anything that may not return.
        let outcome = attempt(&mut lock(input));
        if let Some(outcome) = outcome {
            return outcome;
        }
        // Whoever answers on the other side should have seen the question.
        stream::flush_all();
        from.wait();
        let outcome = lock(input).refill(&mut from);
        if let Err(error) = outcome {
            crate::fault!(Panic, "cannot read standard input: {error}")
        }
    }
}

/// A descriptor of the OS, without a buffer of its own.
struct Descriptor(i32);

/// Standard input.
const STDIN: Descriptor = Descriptor(0);

impl Source for Descriptor {
    fn wait(&self) {
        if self.poll(-1) == Err(libc::EINTR) {
            let hook = INTERRUPT_HOOK.load(Ordering::Acquire);
            if !hook.is_null() {
                // SAFETY: the only non-null values ever stored are `InterruptHook`s.
                let hook: InterruptHook = unsafe { core::mem::transmute::<*mut (), InterruptHook>(hook) };
                hook();
            }
        }
    }

    fn is_ready(&self) -> bool {
        // What cannot be waited for is read, and says what is wrong with it.
        !matches!(self.poll(0), Ok(false) | Err(libc::EINTR))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: `buffer` is writable for its length.
        let count = unsafe { libc::read(self.0, buffer.as_mut_ptr().cast(), buffer.len() as _) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

impl Descriptor {
    /// Whether a read would not block, after waiting so many milliseconds for
    /// that (-1: as long as it takes), or the OS's error number.
    #[cfg(unix)]
    fn poll(&self, milliseconds: i32) -> Result<bool, i32> {
        let mut poll = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid `pollfd`.
        match unsafe { libc::poll(&mut poll, 1, milliseconds) } {
            0 => Ok(false),
            1.. => Ok(true),
            _ => Err(io::Error::last_os_error().raw_os_error().unwrap_or(0)),
        }
    }

    /// Nothing to wait with: reading waits.
    #[cfg(not(unix))]
    fn poll(&self, _milliseconds: i32) -> Result<bool, i32> {
        Ok(true)
    }
}

crate::exports! {
    group Builtin;

    /// The next line of standard input without its end; empty at the end.
    pub fn vexrt_read_line() -> VexStr {
        read_until(&INPUT, STDIN, Input::line)
    }

    /// Whether standard input has nothing more; waits until it is known.
    pub fn vexrt_at_end() -> bool {
        read_until(&INPUT, STDIN, |input| input.at_end())
    }

    /// The rest of standard input.
    pub fn vexrt_read_all() -> VexStr {
        read_until(&INPUT, STDIN, Input::all)
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

    impl Source for &mut Pieces {
        fn wait(&self) {}

        fn is_ready(&self) -> bool {
            true
        }

        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn line(input: &Mutex<Input>, from: impl Source) -> String {
        // SAFETY: `line` returns bytes that live for the rest of the process.
        unsafe { read_until(input, from, Input::line).as_str() }.to_owned()
    }

    fn lines(pieces: &[&'static [u8]], count: usize) -> Vec<String> {
        let mut from = Pieces(pieces.to_vec());
        let input = Mutex::new(Input::new());
        (0..count).map(|_| line(&input, &mut from)).collect()
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
        let input = Mutex::new(Input::new());
        assert_eq!(line(&input, &mut from), "head");
        assert!(!read_until(&input, &mut from, |input| input.at_end()));
        // SAFETY: as above.
        let rest = unsafe { read_until(&input, &mut from, Input::all).as_str() };
        assert_eq!(rest, "body and more");
        assert!(read_until(&input, &mut from, |input| input.at_end()));
        from.0.push(b"again\n");
        assert_eq!(line(&input, &mut from), "");
        lock(&input).ended = false;
        assert_eq!(line(&input, &mut from), "again");
    }

    #[test]
    fn what_an_abandoned_read_took_is_still_there() {
        let input = Mutex::new(Input::new());
        lock(&input).rest = b"one\ntwo\nthr";
        assert!(lock(&input).all().is_none());
        assert_eq!(lock(&input).at_end(), Some(false));
        let mut from = Pieces(vec![b"ee\n", b"four"]);
        let read: Vec<String> = (0..4).map(|_| line(&input, &mut from)).collect();
        assert_eq!(read, ["one", "two", "three", "four"]);
    }

    #[cfg(unix)]
    mod interrupts {
        use super::*;
        use std::io::Write;
        use std::os::fd::AsRawFd;
        use std::os::unix::thread::JoinHandleExt;
        use std::sync::atomic::AtomicUsize;
        use std::sync::{Arc, mpsc};
        use std::time::Duration;

        static CALLS: AtomicUsize = AtomicUsize::new(0);

        /// Returns from the first interruption and leaves at the second.
        fn hook() {
            if CALLS.fetch_add(1, Ordering::Relaxed) == 1 {
                std::panic::resume_unwind(Box::new("left"));
            }
        }

        extern "C" fn on_signal(_: i32) {}

        /// Signals a thread until `done`, or fails.
        fn signal(thread: libc::pthread_t, done: impl Fn() -> bool) {
            for _ in 0..1000 {
                if done() {
                    return;
                }
                // SAFETY: the thread is not joined before this returns.
                unsafe { libc::pthread_kill(thread, libc::SIGUSR2) };
                std::thread::sleep(Duration::from_millis(10));
            }
            panic!("the reader was not interrupted");
        }

        #[test]
        fn a_waiting_reader_is_interrupted_and_loses_nothing() {
            // SAFETY: an all-zero action is valid, and the handler does nothing. It restarts
            // system calls, as the handlers of a running program do.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                action.sa_flags = libc::SA_RESTART;
                libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut());
            }
            set_interrupt_hook(Some(hook));
            let (from, mut to) = std::io::pipe().expect("a pipe");
            let fd = from.as_raw_fd();
            let input = Arc::new(Mutex::new(Input::new()));
            to.write_all(b"first\npar").expect("room in the pipe");
            let (result, results) = mpsc::channel();
            let shared = input.clone();
            let reader = std::thread::spawn(move || {
                let read = || line(&shared, Descriptor(fd));
                result.send(read()).expect("the test waits");
                let left = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
                assert_eq!(left.expect_err("the hook left").downcast_ref(), Some(&"left"));
                result.send(String::from("left")).expect("the test waits");
                result.send(read()).expect("the test waits");
            });
            let next = || results.recv_timeout(Duration::from_secs(10)).expect("an answer");
            assert_eq!(next(), "first");
            signal(reader.as_pthread_t(), || CALLS.load(Ordering::Relaxed) >= 2);
            assert_eq!(next(), "left");
            assert!(input.try_lock().is_ok(), "no lock is held");
            to.write_all(b"tial\n").expect("room in the pipe");
            assert_eq!(next(), "partial");
            set_interrupt_hook(None);
            reader.join().expect("no failure");
        }
    }
}
