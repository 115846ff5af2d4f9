//! The output streams of a program: standard output, standard error, the message
//! of a panic, and text that the program makes ([`redirect`]).
//!
//! Each has a fixed buffer in the program's data, so printing never allocates;
//! only long texts that are made for the program do.
//! Standard output is written when its buffer is full, when a line ends and it
//! goes to a terminal, before standard input is read, and when the program ends
//! in whatever way. Standard error is written once a message: at the end of a
//! line or of the print call, so messages of two processes do not mix inside a
//! line. The message of a panic is never written from here: whoever reports the
//! panic takes it.
//!
//! An interactive session shares the streams with the programs it runs. It has
//! standard output written at the end of every print call, asks where the cursor
//! is, and writes its own text in order with the program's:
//!
//! ```text
//! pub fn set_prompt_output(on: bool)
//! pub fn at_line_start() -> bool
//! pub fn note_written(bytes: &[u8])
//! pub fn emit(stream: i32, bytes: &[u8])
//! ```
//!
//! One lock a stream keeps pieces whole. A signal handler may ask for a flush
//! ([`flush_from_signal`]): it only tries the locks, so it cannot wait for the
//! code it interrupted.

use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};

use super::process;

pub mod redirect;

/// Number of standard output in calls of generated code.
pub const STDOUT: i32 = 1;
/// Number of standard error in calls of generated code.
pub const STDERR: i32 = 2;
/// Number of the panic message in calls of generated code.
pub const PANIC: i32 = 3;

/// Number of the stream whose text is kept, in calls of generated code.
pub const CAPTURE: i32 = 4;

/// Bytes each stream can hold back.
const CAPACITY: usize = 64 * 1024;

/// When a stream's bytes are written; found out at its first use.
const UNKNOWN: u8 = 0;
/// When the buffer is full.
const FULL: u8 = 1;
/// When a line ends.
const LINE: u8 = 2;
/// Never; what does not fit is cut.
const KEEP: u8 = 3;
/// Never; what does not fit is kept elsewhere.
const GATHER: u8 = 4;

/// A stream's buffer and the lock that guards it.
struct Stream {
    locked: AtomicBool,
    mode: AtomicU8,
    buffer: UnsafeCell<Buffer>,
}

/// Bytes not written yet: `bytes[..len]`.
struct Buffer {
    len: usize,
    line_ended: bool,
    bytes: [u8; CAPACITY],
}

// SAFETY: `buffer` is only reached through a `Writer`, and there is at most one
// at a time: it exists between taking and releasing `locked`.
unsafe impl Sync for Stream {}

impl Stream {
    const fn new(mode: u8) -> Stream {
        let buffer = Buffer { len: 0, line_ended: false, bytes: [0; CAPACITY] };
        Stream { locked: AtomicBool::new(false), mode: AtomicU8::new(mode), buffer: UnsafeCell::new(buffer) }
    }
}

static OUT: Stream = Stream::new(UNKNOWN);
static ERR: Stream = Stream::new(LINE);
static MESSAGE: Stream = Stream::new(KEEP);
static CAPTURED: Stream = Stream::new(GATHER);

/// Exclusive access to a stream. Dropping it writes what is due and unlocks.
pub struct Writer {
    stream: &'static Stream,
    fd: i32,
}

/// Locks the stream that a program's print to `stream` goes to: where values
/// print themselves, standard output may be another one.
#[inline]
pub(super) fn program(stream: i32) -> Writer {
    lock(redirect::target(stream))
}

/// Locks the stream with this number; anything but 2, 3 and 4 is standard output.
#[inline]
pub fn lock(stream: i32) -> Writer {
    let (stream, fd) = pick(stream);
    while stream.locked.swap(true, Ordering::Acquire) {
        std::thread::yield_now();
    }
    Writer { stream, fd }
}

/// Locks the stream unless somebody holds it.
fn try_lock(stream: i32) -> Option<Writer> {
    let (stream, fd) = pick(stream);
    // Not `then_some`: a writer made for nothing would unlock when dropped.
    (!stream.locked.swap(true, Ordering::Acquire)).then(|| Writer { stream, fd })
}

fn pick(stream: i32) -> (&'static Stream, i32) {
    match stream {
        STDERR => (&ERR, STDERR),
        PANIC => (&MESSAGE, PANIC),
        CAPTURE => (&CAPTURED, CAPTURE),
        _ => (&OUT, STDOUT),
    }
}

impl Writer {
    #[inline]
    fn buffer(&mut self) -> &mut Buffer {
        // SAFETY: this writer holds the lock, and `&mut self` makes this the
        // only reference made from it.
        unsafe { &mut *self.stream.buffer.get() }
    }

    fn mode(&self) -> u8 {
        match self.stream.mode.load(Ordering::Relaxed) {
            UNKNOWN => {
                let mode = if is_terminal(self.fd) { LINE } else { FULL };
                self.stream.mode.store(mode, Ordering::Relaxed);
                mode
            }
            mode => mode,
        }
    }

    /// Adds bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        let mode = self.mode();
        let buffer = self.buffer();
        let end = buffer.len + bytes.len();
        if end > CAPACITY {
            return self.put_large(bytes, mode);
        }
        buffer.bytes[buffer.len..end].copy_from_slice(bytes);
        buffer.len = end;
        if mode < KEEP {
            note_written(bytes);
        }
        if mode == LINE && bytes.contains(&b'\n') {
            buffer.line_ended = true;
        }
    }

    #[cold]
    fn put_large(&mut self, mut bytes: &[u8], mode: u8) {
        if mode == GATHER {
            return redirect::spill(self, bytes);
        }
        if mode == KEEP {
            let buffer = self.buffer();
            let room = CAPACITY - buffer.len;
            buffer.bytes[buffer.len..].copy_from_slice(&bytes[..room]);
            buffer.len = CAPACITY;
            return;
        }
        self.flush();
        note_written(bytes);
        while bytes.len() >= CAPACITY {
            match write(self.fd, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) => return self.failed(error),
            }
        }
        self.put(bytes);
    }

    /// Writes everything held back. Does nothing for text that is not to be written.
    pub fn flush(&mut self) {
        if let Err(error) = self.try_flush() {
            self.failed(error)
        }
    }

    /// Writes everything held back; on an error the rest is thrown away and the
    /// OS's error number comes back.
    fn try_flush(&mut self) -> Result<(), i32> {
        if self.mode() >= KEEP {
            return Ok(());
        }
        let fd = self.fd;
        let buffer = self.buffer();
        let mut done = 0;
        let mut outcome = Ok(());
        while done < buffer.len {
            match write(fd, &buffer.bytes[done..buffer.len]) {
                Ok(count) => done += count,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        buffer.len = 0;
        buffer.line_ended = false;
        outcome
    }

    /// Ends the program because a stream cannot be written.
    #[cold]
    fn failed(&mut self, error: i32) {
        // The report and the exit use the streams, so this one must be free.
        self.buffer().len = 0;
        self.stream.locked.store(false, Ordering::Release);
        process::output_failed(self.fd, error)
    }

    /// Writes a line that has ended; called when a piece is complete.
    #[inline]
    fn settle(&mut self) {
        if self.buffer().line_ended {
            self.settle_line();
        }
    }

    /// Writes what is due when a print call ends.
    fn end_call(&mut self) {
        if self.mode() == LINE && self.buffer().len > 0 {
            self.settle_line();
        }
    }

    #[cold]
    fn settle_line(&mut self) {
        if self.fd == STDERR {
            flush_terminal_output();
        }
        self.flush();
    }
}

impl fmt::Write for Writer {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

impl Drop for Writer {
    #[inline]
    fn drop(&mut self) {
        self.settle();
        self.stream.locked.store(false, Ordering::Release);
        if END_STATUS.load(Ordering::Relaxed) != 0 {
            end_now();
        }
    }
}

/// Ends a print call whose text need not end in a newline: what goes to standard
/// error or to a terminal is written now, so that prompts and progress show.
pub fn end_message(stream: i32) {
    // The print call of the value that prints itself ends it.
    if stream == STDOUT && !redirect::is_plain() {
        return;
    }
    lock(stream).end_call();
}

/// Whether the last byte written to standard output or standard error, whichever
/// was written last, ended a line. Bytes that are held back count as written.
static LINE_START: AtomicBool = AtomicBool::new(true);

/// Whether what is printed next stands at the start of a line: nothing was
/// printed yet, or the last byte on standard output or standard error, whichever
/// was used last, is a newline. Bytes that are held back count.
pub fn at_line_start() -> bool {
    LINE_START.load(Ordering::Relaxed)
}

/// Tells [`at_line_start`] of bytes that somebody wrote to the terminal past the
/// streams: a line editor, a report of a failure. No bytes change nothing.
#[inline]
pub fn note_written(bytes: &[u8]) {
    if let Some(last) = bytes.last() {
        LINE_START.store(*last == b'\n', Ordering::Relaxed);
    }
}

/// With `on`, writes standard output at the end of every print call and every
/// line, wherever it goes, as is done for a terminal; what it holds back so far
/// is written now. Without, goes back to what suits its destination. A write
/// error ends the program.
pub fn set_prompt_output(on: bool) {
    let mut out = lock(STDOUT);
    if on {
        out.flush();
    }
    out.stream.mode.store(if on { LINE } else { UNKNOWN }, Ordering::Relaxed);
}

/// Writes `bytes` to standard output or standard error now, after everything
/// that was printed before to either: for text of whoever runs the program. A
/// write error ends the process.
pub fn emit(stream: i32, bytes: &[u8]) {
    flush_all();
    let mut writer = lock(stream);
    writer.put(bytes);
    writer.flush();
}

/// Before a message on standard error: what the same terminal should show first.
fn flush_terminal_output() {
    if OUT.mode.load(Ordering::Relaxed) == LINE
        && let Some(mut out) = try_lock(STDOUT)
    {
        out.flush();
    }
}

/// Writes what both streams hold back. A write error ends the program.
pub fn flush_all() {
    lock(STDOUT).flush();
    lock(STDERR).flush();
}

/// Writes what both streams hold back, from a signal handler or on the way out
/// after a failure: never waits for a lock, and ignores errors. False when a
/// stream was locked and may hold more.
pub fn flush_from_signal() -> bool {
    let mut all = true;
    for stream in [STDOUT, STDERR] {
        match try_lock(stream) {
            Some(mut writer) => {
                let _ = writer.try_flush();
            }
            None => all = false,
        }
    }
    all
}

/// The status to end the process with as soon as a stream is free; 0: go on.
static END_STATUS: AtomicI32 = AtomicI32::new(0);

/// Ends the process when the print call that a signal interrupted is complete,
/// with what it printed written.
pub fn end_when_free(status: i32) {
    END_STATUS.store(status, Ordering::Relaxed);
}

#[cold]
fn end_now() {
    let status = END_STATUS.swap(0, Ordering::Relaxed);
    if status != 0 {
        flush_from_signal();
        process::exit_now(status)
    }
}

/// Frees the output streams' locks after a failure inside a print call, whose
/// code will not go on. A piece being added counts as not printed: the length
/// of a buffer grows only once the bytes are in it. A panic message that was
/// being gathered is forgotten, unless it is the one being reported.
pub fn abandon_locks() {
    for stream in [&OUT, &ERR] {
        stream.locked.store(false, Ordering::Release);
    }
    redirect::abandon();
    if !REPORTING.load(Ordering::Relaxed) {
        forget_message();
    }
}

/// Whether [`with_panic_message`] is at work.
static REPORTING: AtomicBool = AtomicBool::new(false);

/// Hands the panic message gathered so far to `report`, and forgets it should
/// `report` come back. While it runs the buffer stays locked; a panic inside it
/// has an empty message. Whoever leaves `report` by other means than returning
/// calls [`abandon_report`].
pub fn with_panic_message(report: impl FnOnce(&[u8])) {
    let Some(mut writer) = try_lock(PANIC) else { return report(b"") };
    let buffer = writer.buffer();
    REPORTING.store(true, Ordering::Relaxed);
    report(&buffer.bytes[..buffer.len]);
    REPORTING.store(false, Ordering::Relaxed);
    buffer.len = 0;
}

/// Ends a report of [`with_panic_message`] that will not come back, so that
/// the next panic can gather its message; what values that printed themselves
/// had begun is forgotten, too.
pub fn abandon_report() {
    redirect::abandon();
    if REPORTING.swap(false, Ordering::Relaxed) {
        forget_message();
    }
}

/// Forgets the message of code that will not go on, even where that code held
/// the lock.
fn forget_message() {
    MESSAGE.locked.store(true, Ordering::Relaxed);
    // Dropping it unlocks.
    let mut writer = Writer { stream: &MESSAGE, fd: PANIC };
    writer.buffer().len = 0;
}

/// Whether the stream goes to a terminal.
fn is_terminal(fd: i32) -> bool {
    use std::io::IsTerminal;
    match fd {
        STDERR => std::io::stderr().is_terminal(),
        _ => std::io::stdout().is_terminal(),
    }
}

/// Writes some bytes to a descriptor and says how many.
///
/// # Errors
///
/// The OS's error number. Interruptions are retried, and a descriptor that
/// somebody made non-blocking is waited for.
pub(super) fn write(fd: i32, bytes: &[u8]) -> Result<usize, i32> {
    loop {
        // SAFETY: `bytes` is readable for its length.
        let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len() as _) };
        if count >= 0 {
            return Ok(count as usize);
        }
        match std::io::Error::last_os_error().raw_os_error().unwrap_or(0) {
            libc::EINTR => {}
            libc::EAGAIN => wait_writable(fd),
            error => return Err(error),
        }
    }
}

#[cfg(unix)]
fn wait_writable(fd: i32) {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one valid `pollfd`. A failure only means that `write` tries again.
    unsafe { libc::poll(&mut poll, 1, -1) };
}

#[cfg(not(unix))]
fn wait_writable(_fd: i32) {
    std::thread::yield_now();
}

#[cfg(test)]
mod tests;
