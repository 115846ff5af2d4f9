//! The containers of the standard library beside those of Rust and, where a compiler is installed, of C++.
//!
//! `cargo bench -p vexc --bench containers [-- --rounds N] [--markdown]`. Each program times its own parts, so that
//! neither starting nor compiling counts; every figure is the median over rounds in which the programs take turns.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use race::{built, median, vexc};
use table::{Table, factor};

#[allow(dead_code)]
mod race;
#[path = "../../runtime/bench/src/table.rs"]
#[allow(dead_code)]
mod table;

/// What the programs time, in the order in which they do.
const PARTS: &[(&str, &str)] = &[
    ("push", "`Vec<i64>`: push 10M"),
    ("sum", "`Vec<i64>`: sum of 10M, five times"),
    ("sort", "`Vec<i64>`: sort 1M"),
    ("insert", "`Map<i64, i64>`: insert 1M"),
    ("lookup", "`Map<i64, i64>`: look up 1M"),
];

/// A program and the milliseconds that each part of it took in each round.
struct Program {
    name: &'static str,
    command: Vec<String>,
    parts: Vec<Vec<f64>>,
    check: Option<String>,
}

impl Program {
    fn new(name: &'static str, command: &[&str]) -> Program {
        let command = command.iter().map(|word| word.to_string()).collect();
        Program { name, command, parts: vec![Vec::new(); PARTS.len()], check: None }
    }

    /// Runs it once; a round that only warms the caches does not count.
    fn run(&mut self, counts: bool) {
        let output = Command::new(&self.command[0]).args(&self.command[1..]).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for line in text.lines() {
            let Some((part, value)) = line.split_once(' ') else { continue };
            match PARTS.iter().position(|(name, _)| *name == part) {
                Some(index) if counts => {
                    let nanoseconds: f64 = value.parse().expect("a number of nanoseconds");
                    self.parts[index].push(nanoseconds / 1e6);
                }
                None if part == "check" => self.check = Some(value.to_string()),
                _ => {}
            }
        }
    }
}

/// The source of the program in one language.
fn source(extension: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/containers");
    folder.join("containers").with_extension(extension)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let rounds = args.iter().position(|arg| arg == "--rounds").and_then(|at| args.get(at + 1)?.parse().ok());
    let rounds: usize = rounds.unwrap_or(9);
    let markdown = args.iter().any(|arg| arg == "--markdown");
    let dir = std::env::temp_dir().join(format!("vexc-containers-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the benchmark's files");
    let vx = source("vx");
    let mut all = vec![Program::new("vexc run", &[&vexc(), "run", &vx.to_string_lossy()])];
    let rust = dir.join("containers-rs");
    let status =
        Command::new("rustc").args(["-O", "--edition", "2024", "-o"]).arg(&rust).arg(source("rs")).status();
    if status.is_ok_and(|status| status.success()) {
        all.push(Program::new("Rust -O", &[&rust.to_string_lossy()]));
    }
    if let Some(binary) = built(&dir, "c++", &["-O2", "-std=c++17"], &source("cpp"), "containers-cpp") {
        all.push(Program::new("C++ -O2", &[&binary]));
    }
    for round in 0..=rounds {
        all.iter_mut().for_each(|program| program.run(round > 0));
    }
    for program in &all {
        assert_eq!(program.check, all[0].check, "{} finds something else", program.name);
    }
    show(&all, rounds, markdown);
    let _ = std::fs::remove_dir_all(&dir);
}

fn show(all: &[Program], rounds: usize, markdown: bool) {
    let peers = &all[1..];
    let mut columns = vec!["ms".to_string()];
    columns.extend(peers.iter().flat_map(|peer| [format!("{} ms", peer.name), format!("of {}", peer.name)]));
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let title = format!("containers, median of {rounds} rounds; below 1.00x is faster than the peer");
    let mut table = Table::new(title, "", &names);
    for (index, (_, shown)) in PARTS.iter().enumerate() {
        let own = median(&all[0].parts[index]);
        let mut values = vec![format!("{own:.1}")];
        for peer in peers {
            let theirs = median(&peer.parts[index]);
            values.extend([format!("{theirs:.1}"), factor(own / theirs)]);
        }
        table.row(*shown, values);
    }
    table.print(markdown);
}
