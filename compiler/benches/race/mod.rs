//! Whole processes that take turns: what the benchmarks of programs and of the heap share.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// One way of running one program.
pub struct Contestant {
    /// What the tables call it.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Set in its environment.
    pub env: Vec<(String, String)>,
    /// Milliseconds of wall time of each round.
    pub wall: Vec<f64>,
    /// Milliseconds of processor time of each round.
    pub cpu: Vec<f64>,
    /// What it printed in the first round.
    pub output: Option<Vec<u8>>,
}

/// The command under test.
pub fn vexc() -> String {
    env!("CARGO_BIN_EXE_vexc").to_string()
}

/// A contestant that has not run yet.
pub fn contestant(name: &str, command: &[&str]) -> Contestant {
    let command = command.iter().map(|word| word.to_string()).collect();
    Contestant {
        name: name.into(),
        command,
        env: Vec::new(),
        wall: Vec::new(),
        cpu: Vec::new(),
        output: None,
    }
}

/// Runs every contestant once a round, in turn. All must print the same.
///
/// # Panics
///
/// When one cannot be started, fails, or prints something else than the first.
pub fn race(contestants: &mut [Contestant], rounds: usize) {
    for round in 0..=rounds {
        for one in contestants.iter_mut() {
            let before = children_cpu();
            let started = Instant::now();
            let mut command = Command::new(&one.command[0]);
            command.args(&one.command[1..]).envs(one.env.iter().cloned()).stdin(Stdio::null());
            let output = command.output();
            let wall = started.elapsed().as_secs_f64() * 1e3;
            let output = output.unwrap_or_else(|error| panic!("{}: {error}", one.name));
            assert!(
                output.status.success(),
                "{} failed: {}",
                one.name,
                String::from_utf8_lossy(&output.stderr)
            );
            // The first round only warms the caches.
            if round > 0 {
                one.wall.push(wall);
                one.cpu.push(children_cpu() - before);
            }
            one.output.get_or_insert(output.stdout);
        }
    }
    let first = contestants[0].output.clone();
    for one in contestants.iter() {
        assert_eq!(one.output, first, "{} and {} print different things", one.name, contestants[0].name);
    }
}

/// Milliseconds of processor time that ended child processes have used.
fn children_cpu() -> f64 {
    // SAFETY: `usage` is a plain C structure for which all zeroes is a value, and getrusage only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

/// The middle one of the values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Compiles `source` with `tool` and these flags; `None` when the tool is missing.
pub fn built(dir: &Path, tool: &str, flags: &[&str], source: &Path, name: &str) -> Option<String> {
    let binary = dir.join(name);
    let status =
        Command::new(tool).args(flags).arg(source).arg("-o").arg(&binary).arg("-lm").status().ok()?;
    status.success().then(|| binary.to_string_lossy().into_owned())
}

/// Writes a file of the benchmark.
pub fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("writing a benchmark's file");
    path
}
