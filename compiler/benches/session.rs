//! How quickly a session answers: `cargo bench -p vexc --bench session [-- start|inputs|memory]`.
//!
//! The session runs on a terminal of its own, as for a person; an answer ends when the next prompt is there. For single
//! inputs the terminal is a dumb one, on which a prompt is written once and nothing is drawn over.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the session asks with.
const PROMPT: &[u8] = b"vex> ";
/// What it asks with for the rest of an input.
const MORE: &[u8] = b"...> ";

/// Inputs of the part about memory.
const MANY: usize = 10_000;

/// A session on a terminal.
struct Terminal {
    master: File,
    child: Child,
}

impl Terminal {
    fn start(term: &str) -> Terminal {
        let (mut master, mut slave) = (0, 0);
        let (name, settings, size) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the two numbers are written; null asks for no name and the default settings.
        let outcome = unsafe { libc::openpty(&mut master, &mut slave, name, settings, size) };
        assert_eq!(outcome, 0, "a terminal can be had");
        // SAFETY: both are new descriptors that nothing else owns.
        let (master, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        let copy = || Stdio::from(slave.try_clone().expect("a copy of the descriptor"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_vexc"));
        command.args(["repl", "--quiet", "--no-history", "--color", "never"]).env("TERM", term);
        let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("vexc starts");
        Terminal { master, child }
    }

    /// Reads until the session asks with `prompt`; what it said until then.
    fn wait(&mut self, prompt: &[u8]) -> Vec<u8> {
        let mut seen = Vec::new();
        let mut bytes = [0; 1 << 16];
        while !seen.ends_with(prompt) {
            let count = self.master.read(&mut bytes).expect("the session goes on");
            seen.extend_from_slice(&bytes[..count]);
        }
        seen
    }

    fn send(&mut self, line: &str) {
        self.master.write_all(format!("{line}\n").as_bytes()).expect("the session reads");
    }

    /// Feeds an input line by line; the time from its last line to the next prompt.
    fn ask(&mut self, input: &str) -> Duration {
        let lines: Vec<&str> = input.lines().collect();
        let (last, first) = lines.split_last().expect("an input has a line");
        for line in first {
            self.send(line);
            self.wait(MORE);
        }
        let start = Instant::now();
        self.send(last);
        self.wait(PROMPT);
        start.elapsed()
    }

    /// Bytes of memory that the session's processes hold.
    fn resident(&self) -> u64 {
        let of = |process: &str| -> u64 {
            let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("");
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0) * 1024
        };
        let id = self.child.id().to_string();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        of(&id) + children.split_whitespace().map(of).sum::<u64>()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let wants = |part: &str| args.is_empty() || args.iter().any(|arg| arg == part);
    if wants("start") {
        start();
    }
    if wants("inputs") {
        inputs();
    }
    if wants("memory") {
        memory();
    }
}

/// From the start of the process to the first prompt, with the full editor.
fn start() {
    let mut times: Vec<Duration> = (0..41)
        .map(|_| {
            let start = Instant::now();
            let mut terminal = Terminal::start("xterm");
            let mut seen = Vec::new();
            let mut bytes = [0; 4096];
            while !seen.windows(PROMPT.len()).any(|part| part == PROMPT) {
                let count = terminal.master.read(&mut bytes).expect("the session starts");
                seen.extend_from_slice(&bytes[..count]);
            }
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("first prompt    median {:>8}   most {:>8}   of {}", ms(times[20]), ms(times[40]), times.len());
}

/// A recorded session, a few times over.
fn inputs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/sessions/typical.vx");
    let text = std::fs::read_to_string(path).expect("the recorded session");
    let inputs: Vec<&str> = text.split("\n\n").map(str::trim).filter(|input| !input.is_empty()).collect();
    let mut times: Vec<(Duration, &str)> = Vec::new();
    for _ in 0..5 {
        let mut terminal = Terminal::start("dumb");
        terminal.wait(PROMPT);
        times.extend(inputs.iter().map(|input| (terminal.ask(input), *input)));
    }
    times.sort();
    let at = |share: usize| ms(times[(times.len() - 1) * share / 100].0);
    println!("{} inputs      50% within {:>8}   90% {:>8}   99% {:>8}", inputs.len(), at(50), at(90), at(99));
    for (time, input) in times.iter().rev().take(3) {
        println!("  slowest       {:>8}   {}", ms(*time), input.lines().next().unwrap_or(""));
    }
}

/// What ten thousand inputs leave behind.
fn memory() {
    let mut terminal = Terminal::start("dumb");
    terminal.wait(PROMPT);
    let input = |n: usize| match n % 5 {
        0 => format!("let x{n} = {n}"),
        1 => format!("x{} * 2 + 1", n - 1),
        2 => format!("fn f(a: i64): i64 {{ a + {n} }}"),
        3 => format!("f({n})"),
        _ => format!("let s{n} = \"text number {n}\""),
    };
    // The first inputs bring in what all of them need.
    for n in 0..100 {
        terminal.ask(&input(n));
    }
    let before = terminal.resident();
    let start = Instant::now();
    for n in 100..100 + MANY {
        terminal.ask(&input(n));
    }
    let each = start.elapsed() / MANY as u32;
    let grown = terminal.resident().saturating_sub(before);
    println!(
        "{MANY} inputs    {} bytes an input   from {} KiB to {} KiB   {} an input",
        grown / MANY as u64,
        before / 1024,
        (before + grown) / 1024,
        ms(each)
    );
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
