//! Allocation in compiled programs beside C with the allocators that are installed, and beside Rust for regions.
//!
//! `cargo bench -p vexc --bench heap [-- blocks|regions] [--rounds N] [--markdown]`. Every figure is the median of processor time
//! over rounds in which the contestants take turns, less what an empty program of the same kind takes. The allocators
//! are preloaded into the same C program; those that the dynamic linker does not find are left out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use race::{Contestant, built, contestant, median, race, vexc, write};
use table::{Table, factor};

mod race;
mod regions;
#[path = "../../runtime/bench/src/table.rs"]
mod table;

/// The general allocators: what the table calls them and what the dynamic linker does.
const PRELOADED: &[(&str, &str)] = &[
    ("mimalloc", "libmimalloc.so.2"),
    ("jemalloc", "libjemalloc.so.2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4"),
];

/// The programs about single blocks.
const BLOCKS: &[&str] = &["pairs", "batch", "churn", "trees"];

/// Keeps the C compiler from removing allocations or from computing with what it knows about them.
const C_FLAGS: &[&str] = &["-O2", "-fno-builtin-malloc", "-fno-builtin-free", "-fno-builtin-calloc"];

/// How often an empty program runs; it takes milliseconds, and what it takes is subtracted from everything.
const EMPTY_ROUNDS: usize = 31;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let Some(at) = args.iter().position(|arg| arg == "--region") {
        return regions::run(args.get(at + 1).map_or("", String::as_str));
    }
    let rounds = args.iter().position(|arg| arg == "--rounds").and_then(|at| args.get(at + 1)?.parse().ok());
    let rounds = rounds.unwrap_or(7);
    let wants = |part: &str| {
        let named = args.iter().any(|arg| ["blocks", "regions"].contains(&arg.as_str()));
        !named || args.iter().any(|arg| arg == part)
    };
    let markdown = args.iter().any(|arg| arg == "--markdown");
    let dir = std::env::temp_dir().join(format!("vexc-heap-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the benchmark's files");
    if wants("blocks") {
        blocks(&dir, rounds, markdown);
    }
    if wants("regions") {
        in_regions(&dir, rounds, markdown);
    }
    let _ = std::fs::remove_dir_all(&dir);
}

/// A program of the benchmarks.
fn program(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/programs").join(file)
}

/// The C library's allocator and those that can be preloaded: their names and what to preload.
fn allocators() -> Vec<(String, Option<String>)> {
    let mut found = vec![("glibc".to_string(), None)];
    let mut consider = |name: &str, library: String| {
        if loads(&library) {
            found.push((name.to_string(), Some(library)));
        } else {
            println!("{name} is not installed ({library})");
        }
    };
    for (name, library) in PRELOADED {
        consider(name, library.to_string());
    }
    // Ours, where it has been built in the same profile as the command.
    let ours = Path::new(&vexc()).with_file_name("libvexmalloc.so");
    if ours.exists() {
        consider("vexmalloc", ours.to_string_lossy().into_owned());
    }
    found
}

/// Whether the dynamic linker finds a library; it complains and goes on where it does not.
fn loads(library: &str) -> bool {
    let mut command = Command::new("true");
    command.env("LD_PRELOAD", library).stdin(Stdio::null());
    command.output().is_ok_and(|output| output.status.success() && output.stderr.is_empty())
}

/// A C program with an allocator preloaded.
fn preloaded(name: &str, binary: &str, library: &Option<String>) -> Contestant {
    let mut one = contestant(name, &[binary]);
    one.env.extend(library.iter().map(|library| ("LD_PRELOAD".to_string(), library.clone())));
    one
}

/// What empty programs of these kinds take, in milliseconds of processor time.
fn start_up(mut empty: Vec<Contestant>) -> Vec<f64> {
    race(&mut empty, EMPTY_ROUNDS);
    empty.iter().map(|one| median(&one.cpu)).collect()
}

/// Adds one row: our time, and each peer's with how many times faster we are. The factors.
fn row(table: &mut Table, name: &str, all: &[Contestant], start_up: &[f64]) -> Vec<f64> {
    // Nothing measured here is that short; a machine that hiccups must not make it negative.
    let net = |at: usize| (median(&all[at].cpu) - start_up[at]).max(0.1);
    let factors: Vec<f64> = (1..all.len()).map(|at| net(at) / net(0)).collect();
    let peers = factors.iter().zip(1..).map(|(times, at)| format!("{:.0} ({})", net(at), factor(*times)));
    table.row(name, std::iter::once(format!("{:.0}", net(0))).chain(peers));
    factors
}

/// A table with the columns of `vexc run` and its peers.
fn table(title: String, peers: &[String]) -> Table {
    let columns: Vec<&str> = std::iter::once("vexc run").chain(peers.iter().map(String::as_str)).collect();
    let mut table = Table::new(title, "program", &columns);
    table.note("in parentheses: how many times faster vexc is; below 1 means slower");
    table
}

/// Adds the geometric means of the factors of several rows, and prints the table.
fn finish(mut table: Table, rows: &[Vec<f64>], markdown: bool) {
    let mean = |at: usize| (rows.iter().map(|row| row[at].ln()).sum::<f64>() / rows.len() as f64).exp();
    let means = (0..rows.first().map_or(0, Vec::len)).map(|at| factor(mean(at)));
    table.row("geometric mean", std::iter::once(String::new()).chain(means));
    table.print(markdown);
}

/// `malloc` and `free`: vexc against C with every allocator.
fn blocks(dir: &Path, rounds: usize, markdown: bool) {
    let nothing = write(dir, "empty.c", "int main(void) { return 0; }\n");
    let Some(nothing) = built(dir, "gcc", C_FLAGS, &nothing, "empty") else {
        return println!("gcc is not installed: no comparison");
    };
    let empty = write(dir, "empty.vx", "fn main() {}\n").to_string_lossy().into_owned();
    let allocators = allocators();
    let mut kinds = vec![contestant("vexc", &[&vexc(), "run", &empty])];
    kinds.extend(allocators.iter().map(|(name, library)| preloaded(name, &nothing, library)));
    let start_up = start_up(kinds);
    let names: Vec<String> = allocators.iter().map(|(name, _)| format!("C + {name}")).collect();
    let title =
        format!("compiled programs: CPU ms without start-up, median of {rounds}; C is gcc -O2, preloaded");
    let mut table = table(title, &names);
    let mut rows = Vec::new();
    for name in BLOCKS {
        let vx = program(&format!("{name}.vx")).to_string_lossy().into_owned();
        let binary = built(dir, "gcc", C_FLAGS, &program(&format!("{name}.c")), name);
        let binary = binary.unwrap_or_else(|| panic!("{name}.c does not compile"));
        let mut all = vec![contestant("vexc", &[&vexc(), "run", &vx])];
        all.extend(allocators.iter().map(|(name, library)| preloaded(name, &binary, library)));
        race(&mut all, rounds);
        rows.push(row(&mut table, name, &all, &start_up));
    }
    finish(table, &rows, markdown);
}

/// `std/allocator` against the same in Rust, which this very program runs.
fn in_regions(dir: &Path, rounds: usize, markdown: bool) {
    let title = format!(
        "compiled programs with regions: CPU ms without start-up, median of {rounds}; Rust is bumpalo, \
         and a pool and a stack that make the same checks"
    );
    let mut table = table(title, &["Rust".to_string()]);
    let itself = std::env::current_exe().expect("this program's own path").to_string_lossy().into_owned();
    let text = "import \"std/allocator\"\nfn main() {}\n";
    let empty = write(dir, "empty-regions.vx", text).to_string_lossy().into_owned();
    let start_up = start_up(vec![
        contestant("vexc", &[&vexc(), "run", &empty]),
        contestant("Rust", &[&itself, "--region", "empty"]),
    ]);
    let mut rows = Vec::new();
    for name in regions::PROGRAMS {
        let vx = program(&format!("{name}.vx")).to_string_lossy().into_owned();
        let mut all = vec![
            contestant("vexc", &[&vexc(), "run", &vx]),
            contestant("Rust", &[&itself, "--region", name]),
        ];
        race(&mut all, rounds);
        rows.push(row(&mut table, name, &all, &start_up));
    }
    finish(table, &rows, markdown);
}
