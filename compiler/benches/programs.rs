//! Whole-process benchmarks beside the peers that are installed: start-up, compile throughput, run time.
//!
//! `cargo bench -p vexc --bench programs [-- start|compile|run] [--rounds N]`. Every figure is the median over rounds
//! in which the contestants take turns, so that a slow moment of the machine meets them all. Peers that are not
//! installed are left out.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use race::{built, contestant, median, race, vexc, write};

mod race;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let rounds = args.iter().position(|arg| arg == "--rounds").and_then(|at| args.get(at + 1)?.parse().ok());
    let wants = |part: &str| {
        let named = args.iter().any(|arg| ["start", "compile", "run"].contains(&arg.as_str()));
        !named || args.iter().any(|arg| arg == part)
    };
    let dir = std::env::temp_dir().join(format!("vexc-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the benchmark's files");
    if wants("start") {
        start(&dir, rounds.unwrap_or(201));
    }
    if wants("compile") {
        compile(&dir, rounds.unwrap_or(7));
    }
    if wants("run") {
        run(&dir, rounds.unwrap_or(5));
    }
    let _ = std::fs::remove_dir_all(&dir);
}

fn installed(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
    // lua and tcc want `-v`; that they start at all is what matters.
    found.is_ok()
}

/// Time from the start of the process to its end, for programs that say hello.
fn start(dir: &Path, rounds: usize) {
    println!("start-up: a program that prints one line, whole process, median of {rounds} rounds\n");
    let vx = write(dir, "hello.vx", "println(\"hello\")\n");
    let c = write(dir, "hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n");
    let rs = write(dir, "hello.rs", "fn main() { println!(\"hello\"); }\n");
    let lua = write(dir, "hello.lua", "print(\"hello\")\n");
    let [vx, c_path, lua] = [&vx, &c, &lua].map(|path| path.to_string_lossy().into_owned());
    let mut all = vec![contestant("vexc run", &[&vexc(), "run", &vx])];
    let rust = dir.join("hello-rs");
    if Command::new("rustc").args(["-O", "-o"]).arg(&rust).arg(&rs).status().is_ok_and(|s| s.success()) {
        all.push(contestant("Rust binary", &[&rust.to_string_lossy()]));
    }
    if let Some(binary) = built(dir, "cc", &["-O1"], &c, "hello-c") {
        all.push(contestant("C binary", &[&binary]));
    }
    if installed("tcc") {
        all.push(contestant("tcc -run", &["tcc", "-run", &c_path]));
    }
    for tool in ["lua5.4", "lua", "luajit"] {
        if installed(tool) {
            all.push(contestant(tool, &[tool, &lua]));
        }
    }
    race(&mut all, rounds);
    let base = median(&all[0].wall);
    println!("{:<14} {:>9} {:>14}", "", "ms", "vexc run - it");
    for one in &all {
        let wall = median(&one.wall);
        println!("{:<14} {wall:>9.2} {:>+14.2}", one.name, base - wall);
    }
    println!();
}

/// A program of about `lines` lines: functions of ten lines that call each other.
fn generated(lines: usize) -> String {
    let count = lines / 11;
    let mut text = String::new();
    for index in 0..count {
        let callee =
            if index % 50 == 0 { "a + b".to_string() } else { format!("step{}(a, b & 7)", index - 1) };
        write!(
            text,
            "fn step{index}(a: i64, b: i64): i64 {{\n    let! sum = a * {index} + b\n    let limit = b & 15\n    \
             for i in 0..limit {{\n        if sum % 3 == 0 {{ sum += i }} else {{ sum -= {index} }}\n        \
             sum ^= i << 2\n    }}\n    let next = {callee}\n    return sum + next\n}}\n\n"
        )
        .expect("writing to a string");
    }
    // Every chain of fifty is called, since code that nothing reaches is not compiled.
    text.push_str("let! total = 0\n");
    for last in (0..count).filter(|index| index % 50 == 49 || index + 1 == count) {
        writeln!(text, "total += step{last}(3, 4)").expect("writing to a string");
    }
    text.push_str("println(total)\n");
    text
}

/// Lines a second from source text to finished machine code, and memory.
fn compile(dir: &Path, rounds: usize) {
    let text = generated(100_000);
    let lines = text.lines().count();
    let file = write(dir, "large.vx", &text);
    let file = file.to_string_lossy().into_owned();
    println!("compiling a generated program of {lines} lines, median of {rounds} rounds\n");
    let mut all = vec![
        contestant("run", &[&vexc(), "run", &file]),
        contestant("run --opt none", &[&vexc(), "run", "--opt", "none", &file]),
    ];
    race(&mut all, rounds);
    println!("{:<16} {:>9} {:>9} {:>12}", "", "wall ms", "CPU ms", "lines/s");
    for one in &all {
        let (wall, cpu) = (median(&one.wall), median(&one.cpu));
        println!("{:<16} {wall:>9.0} {cpu:>9.0} {:>12.0}", one.name, lines as f64 / wall * 1e3);
    }
    let mut check = vec![contestant("check", &[&vexc(), "check", &file])];
    race(&mut check, rounds);
    let wall = median(&check[0].wall);
    println!(
        "{:<16} {wall:>9.0} {:>9.0} {:>12.0}",
        "check",
        median(&check[0].cpu),
        lines as f64 / wall * 1e3
    );
    // SAFETY: `usage` is a plain C structure for which all zeroes is a value, and getrusage only writes to it.
    let peak = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage.ru_maxrss
    };
    println!(
        "\npeak memory of the largest run: {} KiB, {:.2} KiB a line\n",
        peak,
        peak as f64 / lines as f64
    );
}

/// Run time of five programs, compile time included for those that compile at each run.
fn run(dir: &Path, rounds: usize) {
    println!(
        "run time: CPU ms of the whole process, median of {rounds} rounds; below 1 means vexc is faster\n"
    );
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/programs");
    let peers = ["gcc -O0", "gcc -O1", "gcc -O2", "luajit"];
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); peers.len()];
    println!(
        "{:<10} {:>9} {:>20} {:>20} {:>20} {:>20}",
        "", "vexc run", peers[0], peers[1], peers[2], peers[3]
    );
    for program in ["fib", "sieve", "matmul", "nbody", "hash"] {
        let source = programs.join(format!("{program}.c"));
        let vx = programs.join(format!("{program}.vx")).to_string_lossy().into_owned();
        let mut all = vec![contestant("vexc", &[&vexc(), "run", &vx])];
        for level in ["-O0", "-O1", "-O2"] {
            let flags = [level, "-fno-strict-aliasing", "-ffp-contract=off"];
            if let Some(binary) = built(dir, "gcc", &flags, &source, &format!("{program}{level}")) {
                all.push(contestant(&format!("gcc {level}"), &[&binary]));
            }
        }
        if installed("luajit") {
            let lua = programs.join(format!("{program}.lua")).to_string_lossy().into_owned();
            all.push(contestant("luajit", &["luajit", &lua]));
        }
        race(&mut all, rounds);
        let ours = median(&all[0].cpu);
        let mut row = format!("{program:<10} {ours:>9.0}");
        for (index, peer) in peers.iter().enumerate() {
            match all.iter().find(|one| one.name == *peer) {
                Some(one) => {
                    let theirs = median(&one.cpu);
                    ratios[index].push(ours / theirs);
                    let _ = write!(row, " {:>12.0} ({:>4.2}x)", theirs, ours / theirs);
                }
                None => row.push_str("                    -"),
            }
        }
        println!("{row}");
    }
    let mut row = format!("{:<10} {:>9}", "geo. mean", "");
    for list in &ratios {
        let mean = (list.iter().map(|ratio| ratio.ln()).sum::<f64>() / list.len().max(1) as f64).exp();
        let _ = if list.is_empty() { write!(row, "{:>21}", "-") } else { write!(row, " {:>18.2}x ", mean) };
    }
    println!("{row}");
}
