//! What the user reads when a program fails: what happened, where, the line, and who called whom.
//!
//! It is written while the program's memory may be in any state, often from a signal handler, so nothing here
//! allocates, takes a lock or panics.

use std::fmt::{self, Write};

use cranelift_codegen::ir::TrapCode;
use vex_runtime::fault::FaultKind;
use vex_syntax::SourceMap;

use super::trace::Trace;
use super::walk::{Frames, Ground};
use crate::lower::traps;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause<'a> {
    /// The program or the runtime said so.
    Fault(FaultKind, &'a str),
    /// A trap instruction of generated code.
    Trap(TrapCode),
    /// The stack is used up.
    StackOverflow,
    /// An access to unmapped or protected memory.
    Access(usize),
    /// An access to an address no processor has; `None` when it is not known which.
    Impossible(Option<u64>),
    /// An access the memory behind the address could not serve.
    Bus(usize),
    /// A call of an address that is not code, or a return to one.
    Jump(usize),
    /// Instructions that are none.
    Illegal(usize),
    /// A processor exception in arithmetic, outside generated code.
    Arithmetic,
    /// The C library gave up.
    Abort,
}

impl Cause<'_> {
    /// The address that could not be accessed or jumped to, if that is what happened.
    pub fn bad_address(self) -> Option<usize> {
        match self {
            Cause::Access(address) | Cause::Bus(address) | Cause::Jump(address) => Some(address),
            Cause::Impossible(address) => Some(address.unwrap_or(u64::MAX) as usize),
            _ => None,
        }
    }
}

/// Addresses below this are a null pointer plus a field's offset.
const NULL_ZONE: usize = 64 * 1024;

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Cause::Fault(kind, message) => {
                let what = match kind {
                    FaultKind::DoubleFree | FaultKind::BadPointer | FaultKind::Corruption => "memory fault",
                    FaultKind::System => "system failure",
                    _ => "panic",
                };
                f.write_str(what)?;
                if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
            }
            Cause::Trap(TrapCode::STACK_OVERFLOW) | Cause::StackOverflow => f.write_str("stack overflow"),
            Cause::Trap(code) => write!(f, "panic: {}", traps::message(code)),
            Cause::Access(address) if address < NULL_ZONE => {
                write!(f, "null pointer access at address {address:#x}")
            }
            Cause::Access(address) => write!(f, "wild access at address {address:#x}"),
            Cause::Impossible(Some(address)) => write!(f, "wild access at address {address:#x}"),
            Cause::Impossible(None) => f.write_str("wild access at an address that cannot exist"),
            Cause::Bus(address) => write!(f, "bus error: no memory behind address {address:#x}"),
            Cause::Jump(address) if address < NULL_ZONE => {
                write!(f, "call of a null function pointer (address {address:#x})")
            }
            Cause::Jump(address) => write!(f, "jump to a wild address {address:#x}"),
            Cause::Illegal(address) => write!(f, "illegal instruction at address {address:#x}"),
            Cause::Arithmetic => f.write_str("arithmetic exception in a called function"),
            Cause::Abort => f.write_str("aborted by a called function"),
        }
    }
}

/// Where the report goes: standard error, or a buffer whose capacity is not exceeded.
pub(super) struct Sink<'a> {
    bytes: [u8; 1024],
    len: usize,
    capture: Option<&'a mut String>,
}

impl<'a> Sink<'a> {
    /// A sink that appends to `capture`, or writes to standard error without one.
    pub fn new(capture: Option<&'a mut String>) -> Sink<'a> {
        Sink { bytes: [0; 1024], len: 0, capture }
    }

    /// Writes what is held back to standard error. Errors are ignored: there is nowhere left to report them.
    pub fn flush(&mut self) {
        let mut rest = &self.bytes[..self.len];
        while !rest.is_empty() {
            // SAFETY: `rest` is readable for its length.
            let count = unsafe { libc::write(2, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(count) {
                Ok(count) => rest = &rest[count..],
                Err(_) if io_error() == libc::EINTR => {}
                Err(_) => break,
            }
        }
        self.len = 0;
    }
}

fn io_error() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

impl Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(capture) = &mut self.capture {
            if capture.capacity() - capture.len() >= text.len() {
                capture.push_str(text);
            }
            return Ok(());
        }
        for part in text.as_bytes().chunks(self.bytes.len()) {
            if self.bytes.len() - self.len < part.len() {
                self.flush();
            }
            self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
            self.len += part.len();
        }
        Ok(())
    }
}

/// Writes the report. `color` is for terminals.
pub(super) fn write(
    sink: &mut Sink<'_>,
    cause: Cause<'_>,
    frames: Frames<'_>,
    ground: &Ground<'_>,
    sources: &SourceMap,
    color: bool,
) -> fmt::Result {
    let (bold, plain) = if color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    writeln!(sink, "{bold}{cause}{plain}")?;
    if let (Cause::Access(0..NULL_ZONE), Some(refusal)) = (cause, vex_runtime::process::last_refusal()) {
        let vex_runtime::process::Refusal { allocator, size, limit } = refusal;
        match limit {
            Some(limit) => writeln!(
                sink,
                "  note: the memory limit of {limit} bytes was reached: a request for {size} bytes returned null before"
            )?,
            None => writeln!(
                sink,
                "  note: the {allocator} allocator had no room for {size} bytes and returned null before"
            )?,
        }
    }
    // Should what follows fail on destroyed memory, at least this is known.
    sink.flush();
    let trace = Trace::new(frames, ground);
    if let Some(position) = main_position(&trace, ground, sources) {
        write_excerpt(sink, position, sources)?;
    }
    write_trace(sink, &trace, ground, sources)
}

/// The position that the report is about: the innermost in the user's own code, else the innermost at all.
fn main_position(trace: &Trace, ground: &Ground<'_>, sources: &SourceMap) -> Option<u32> {
    let positions =
        || trace.shown().filter_map(|(row, _)| row.locate(ground)).map(|location| location.position);
    let own = |position: &u32| sources.locate(*position).is_some_and(|(file, _)| !file.library);
    positions().find(own).or_else(|| positions().find(|&position| sources.find(position).is_some()))
}

/// Characters of a source line that are shown.
const LINE_WIDTH: usize = 120;

/// Writes the place, the source line and a caret under the column.
fn write_excerpt(sink: &mut Sink<'_>, position: u32, sources: &SourceMap) -> fmt::Result {
    let Some((file, at)) = sources.locate(position) else { return Ok(()) };
    writeln!(sink, "  at {}:{}:{}", file.name, at.line, at.column)?;
    let line = file.text.get(file.line_start(at.line)..).and_then(|rest| rest.lines().next()).unwrap_or("");
    if line.trim().is_empty() {
        return Ok(());
    }
    // Of a very long line, the part around the column.
    let column = at.column as usize - 1;
    let skip = column.saturating_sub(LINE_WIDTH / 2);
    let (skip, cut) = if column < LINE_WIDTH { (0, "") } else { (skip, "…") };
    write!(sink, "{:5} | {cut}", at.line)?;
    for c in line.chars().skip(skip).take(LINE_WIDTH) {
        sink.write_char(if c.is_control() { ' ' } else { c })?;
    }
    writeln!(sink)?;
    let width = column - skip + cut.chars().count();
    writeln!(sink, "      | {:width$}^", "")
}

/// Longest function name the places are lined up for.
const NAME_WIDTH: usize = 32;

/// Writes the backtrace.
fn write_trace(sink: &mut Sink<'_>, trace: &Trace, ground: &Ground<'_>, sources: &SourceMap) -> fmt::Result {
    let names = trace.shown().filter_map(|(row, _)| row.locate(ground));
    let width = names.map(|location| location.function.chars().count()).max().unwrap_or(0).min(NAME_WIDTH);
    let depth = trace.shown().last().map_or(0, |(row, _)| row.depth);
    let digits = depth.checked_ilog10().unwrap_or(0) as usize + 1;
    for (row, gap) in trace.shown() {
        if gap {
            writeln!(sink, "  … more calls, not shown")?;
        }
        let Some(location) = row.locate(ground) else { continue };
        write!(sink, "  {:digits$}: ", row.depth)?;
        match sources.locate(location.position) {
            Some((file, at)) => {
                writeln!(sink, "{:width$}  {}:{}:{}", location.function, file.name, at.line, at.column)?;
            }
            None => writeln!(sink, "{}", location.function)?,
        }
        match (row.cycle, row.rounds) {
            (_, 0) => {}
            (1, rounds) => writeln!(sink, "  … repeated {rounds} more times")?,
            (cycle, rounds) => writeln!(sink, "  … these {cycle} calls repeated {rounds} more times")?,
        }
    }
    Ok(())
}
