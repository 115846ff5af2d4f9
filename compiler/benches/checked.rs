//! What `--checked` costs, beside AddressSanitizer and Valgrind on the same programs in C.
//!
//! `cargo bench -p vexc --bench checked [-- programs|shares|memory] [--rounds N] [--no-valgrind]`. A slowdown is the
//! processor time of the checked run over that of the same program without checks: ours over `vexc run`, the peers' over
//! `gcc -O2`. The contestants of a program take turns; figures are medians, those of Valgrind of one run. Peers that are
//! not installed are left out.

use std::path::Path;
use std::process::{Command, Stdio};

use race::{Contestant, built, contestant, median, race, vexc};

#[allow(dead_code, reason = "shared with benchmarks that write programs")]
mod race;

/// Programs that mostly compute, and those that mostly allocate.
const COMPUTING: &[&str] = &["fib", "sieve", "matmul", "nbody", "hash", "list", "structs", "copies"];
const ALLOCATING: &[&str] = &["trees", "churn", "batch", "pairs"];

/// The checks of which the share is shown, by the names that `VEX_CHECKED_OFF` knows.
const SHARES: &[&str] = &["bounds", "unwritten", "align", "stack", "subobject", "leaks"];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let rounds = args.iter().position(|arg| arg == "--rounds").and_then(|at| args.get(at + 1)?.parse().ok());
    let rounds = rounds.unwrap_or(3);
    let valgrind = !args.iter().any(|arg| arg == "--no-valgrind");
    let wants = |part: &str| {
        let named = args.iter().any(|arg| ["programs", "shares", "memory"].contains(&arg.as_str()));
        !named || args.iter().any(|arg| arg == part)
    };
    let dir = std::env::temp_dir().join(format!("vexc-checked-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the benchmark's files");
    if wants("programs") {
        programs(&dir, rounds, valgrind);
    }
    if wants("shares") {
        shares(rounds);
    }
    if wants("memory") {
        memory(&dir);
    }
    let _ = std::fs::remove_dir_all(&dir);
}

/// The file of a program: of this benchmark, or of that of programs.
fn source(program: &str, extension: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches");
    let own = root.join("checked").join(format!("{program}.{extension}"));
    let path = if own.exists() { own } else { root.join("programs").join(format!("{program}.{extension}")) };
    path.to_string_lossy().into_owned()
}

/// A tool's own time: what the medians of two contestants say.
fn slowdown(all: &[Contestant], checked: &str, plain: &str) -> Option<f64> {
    let cpu = |name: &str| all.iter().find(|one| one.name == name).map(|one| median(&one.cpu));
    Some(cpu(checked)? / cpu(plain)?)
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len().max(1) as f64).exp()
}

fn cell(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_string(), |ratio| format!("{ratio:.2}x"))
}

/// Slowdowns, a row a program.
fn programs(dir: &Path, rounds: usize, valgrind: bool) {
    println!("slowdown by checks, CPU time, median of {rounds} rounds (Valgrind: of one run)\n");
    println!(
        "{:<10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "plain ms", "checked", "--checked", "gcc ASan", "Valgrind"
    );
    for (title, list) in [("computing", COMPUTING), ("allocating", ALLOCATING)] {
        let mut columns: [Vec<f64>; 3] = Default::default();
        for program in list {
            let all = run_all(dir, program, rounds, valgrind);
            let ratios = [
                slowdown(&all, "checked", "plain"),
                slowdown(&all, "asan", "gcc"),
                slowdown(&all, "valgrind", "gcc"),
            ];
            for (column, ratio) in columns.iter_mut().zip(ratios) {
                column.extend(ratio);
            }
            let cells = ratios.map(cell);
            let (plain, checked) = (median(&all[0].cpu), median(&all[1].cpu));
            println!(
                "{program:<10} {plain:>9.0} {checked:>9.0} {:>9} {:>9} {:>9}",
                cells[0], cells[1], cells[2]
            );
        }
        let means = columns.map(|column| cell((!column.is_empty()).then(|| geometric_mean(&column))));
        println!(
            "{title:<10} {:>9} {:>9} {:>9} {:>9} {:>9}\n",
            "", "geo. mean", means[0], means[1], means[2]
        );
    }
}

/// Runs a program in every way there is; the first two are ours, plain and checked.
fn run_all(dir: &Path, program: &str, rounds: usize, valgrind: bool) -> Vec<Contestant> {
    let (vx, c) = (source(program, "vx"), source(program, "c"));
    let mut all = vec![
        contestant("plain", &[&vexc(), "run", &vx]),
        contestant("checked", &[&vexc(), "run", "--checked", &vx]),
    ];
    let flags = ["-O2", "-g", "-fno-strict-aliasing", "-ffp-contract=off"];
    let plain = built(dir, "gcc", &flags, Path::new(&c), program);
    if let Some(binary) = &plain {
        all.push(contestant("gcc", &[binary]));
    }
    // The level that its users have: more inlining hides frames.
    let asan = ["-O1", "-g", "-fsanitize=address", "-fno-strict-aliasing", "-ffp-contract=off"];
    if let Some(binary) = built(dir, "gcc", &asan, Path::new(&c), &format!("{program}-asan")) {
        all.push(contestant("asan", &[&binary]));
    }
    race(&mut all, rounds);
    if let (Some(binary), true, true) = (plain, valgrind, installed("valgrind")) {
        let mut one = [contestant("valgrind", &["valgrind", "-q", "--leak-check=full", &binary])];
        // The round that warms the caches is as long as the one that counts.
        race(&mut one, 1);
        all.extend(one);
    }
    all
}

fn installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdin(Stdio::null()).output().is_ok()
}

/// What each check costs: the time that is saved without it.
fn shares(rounds: usize) {
    println!(
        "share of each check: time saved when it alone is off, of the checked run, median of {rounds} rounds\n"
    );
    print!("{:<10} {:>10}", "", "checked ms");
    SHARES.iter().for_each(|check| print!(" {check:>10}"));
    println!();
    for program in COMPUTING.iter().chain(ALLOCATING) {
        let vx = source(program, "vx");
        let mut all = vec![contestant("all", &[&vexc(), "run", "--checked", &vx])];
        for check in SHARES {
            let mut one = contestant(check, &[&vexc(), "run", "--checked", &vx]);
            one.env.push(("VEX_CHECKED_OFF".into(), check.to_string()));
            all.push(one);
        }
        race(&mut all, rounds);
        let full = median(&all[0].cpu);
        print!("{program:<10} {full:>10.0}");
        for one in &all[1..] {
            print!(" {:>9.0}%", (1.0 - median(&one.cpu) / full) * 100.0);
        }
        println!();
    }
    println!();
}

/// Peak memory with and without checks: arrays, and blocks of 16 bytes.
fn memory(dir: &Path) {
    println!("peak memory in KiB\n");
    println!("{:<10} {:>10} {:>10} {:>8} {:>10} {:>10} {:>8}", "", "plain", "checked", "", "gcc", "ASan", "");
    for program in ["matmul", "sieve", "hash", "trees"] {
        let (vx, c) = (source(program, "vx"), source(program, "c"));
        let flags = ["-O2", "-fno-strict-aliasing"];
        let gcc = built(dir, "gcc", &flags, Path::new(&c), program);
        let asan = ["-O1", "-fsanitize=address", "-fno-strict-aliasing"];
        let asan = built(dir, "gcc", &asan, Path::new(&c), &format!("{program}-asan"));
        let ours = [peak(&[&vexc(), "run", &vx]), peak(&[&vexc(), "run", "--checked", &vx])];
        let theirs = [gcc, asan].map(|binary| binary.and_then(|binary| peak(&[&binary])));
        let ratio = |pair: [Option<u64>; 2]| Some(pair[1]? as f64 / pair[0]? as f64);
        let show = |peak: Option<u64>| peak.map_or_else(|| "-".to_string(), |kib| kib.to_string());
        println!(
            "{program:<10} {:>10} {:>10} {:>8} {:>10} {:>10} {:>8}",
            show(ours[0]),
            show(ours[1]),
            cell(ratio(ours)),
            show(theirs[0]),
            show(theirs[1]),
            cell(ratio(theirs))
        );
    }
}

/// Peak resident memory of one run, in KiB.
fn peak(command: &[&str]) -> Option<u64> {
    let mut child = Command::new(command[0]);
    child.args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::null());
    let pid = child.spawn().ok()?.id();
    let mut status = 0;
    // SAFETY: `usage` is a plain C structure for which all zeroes is a value; the child is ours, and nobody else waits
    // for it, since its handle was dropped.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let waited = libc::wait4(pid as libc::pid_t, &raw mut status, 0, &raw mut usage);
        (waited, usage)
    };
    assert!(waited == pid as libc::pid_t && status == 0, "{command:?} failed");
    Some(usage.ru_maxrss as u64)
}
