//! Random programs: each prints the same and exits the same with and without optimisation, in checked mode, which has
//! nothing to report, and in every spelling.
//!
//! A few run with every test; with `VEX_LONG=1` there are a thousand. `VEX_SEED` is the first seed, and `VEX_PROGRAMS`
//! how many there are. A program that fails is left in a file, whose name the failure tells, next to a smaller one that
//! fails in the same way.

#[path = "random/mod.rs"]
mod random;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, thread};

use random::{programs::program, reduce::reduce};
use vex_syntax::Spelling;
use vex_tests::{Folder, Output, Run};

fn vexc(folder: &Path) -> Run {
    Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder)
}

fn run(folder: &Path, file: &str, opt: &str) -> Output {
    vexc(folder).args(["run", "--opt", opt, file]).output()
}

/// The first line of a report without its numbers, which says what kind of failure it is.
fn kind(report: &str) -> String {
    let line = report.lines().find(|line| line.contains("error") || line.contains("panic")).unwrap_or(report);
    line.chars().take(60).filter(|c| !c.is_ascii_digit() || line.starts_with("error[")).collect()
}

/// What is wrong with a program: its kind, and the details.
fn failure(text: &str) -> Option<(String, String)> {
    let folder = Folder::new();
    folder.file("program.vx", text);
    let plain = run(folder.path(), "program.vx", "none");
    if !plain.stderr.is_empty() || plain.status > 127 {
        return Some((format!("does not run: {}", kind(&plain.stderr)), plain.stderr));
    }
    let fast = run(folder.path(), "program.vx", "speed");
    if let Some(difference) = difference(&plain, &fast) {
        return Some(("--opt speed differs".into(), difference));
    }
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let checked = vexc(folder.path()).args(["run", "--checked", "program.vx"]).output();
        if let Some(difference) = difference(&plain, &checked) {
            return Some((format!("--checked differs {}", kind(&checked.stderr)), difference));
        }
    }
    for to in Spelling::ALL {
        let name = format!("translated.{}", to.extension());
        let translation =
            vexc(folder.path()).args(["translate", "--to", to.name(), "-o", &name, "program.vx"]).output();
        if translation.status != 0 {
            let report = translation.stderr;
            return Some((format!("no translation to {}: {}", to.name(), kind(&report)), report));
        }
        let other = run(folder.path(), &name, "none");
        if let Some(difference) = difference(&plain, &other) {
            let kind = if other.stderr.is_empty() { String::new() } else { kind(&other.stderr) };
            let text = fs::read_to_string(folder.path().join(&name)).unwrap_or_default();
            return Some((format!("{} differs {kind}", to.name()), format!("{difference}\n{text}")));
        }
    }
    None
}

/// Where two runs differ.
fn difference(one: &Output, other: &Output) -> Option<String> {
    if one.status == other.status && one.stdout == other.stdout && other.stderr.is_empty() {
        return None;
    }
    let mut lines = one.stdout.lines().zip(other.stdout.lines()).enumerate();
    let line = lines.find(|(_, (a, b))| a != b);
    Some(format!("status {} and {}\n{line:?}\n{}", one.status, other.status, other.stderr))
}

/// Writes a failing program and a smaller one, and says where.
fn report(seed: u64, text: &str, kind: &str, details: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let name = folder.join(format!("random-{seed}.vx"));
    fs::write(&name, text).expect("written");
    let small = reduce(text, 250, |less| failure(less).is_some_and(|(other, _)| other == kind));
    let why = failure(&small).map_or(details.to_owned(), |(_, details)| details);
    let small_name = folder.join(format!("random-{seed}-small.vx"));
    fs::write(&small_name, small).expect("written");
    let head = &why[..why.floor_char_boundary(1500)];
    format!("seed {seed}: {kind}\n{}\n{}\n{head}", name.display(), small_name.display())
}

#[test]
fn random_programs_print_the_same_everywhere() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let long = env::var_os("VEX_LONG").is_some();
    let count = number("VEX_PROGRAMS").unwrap_or(if long { 1000 } else { 40 });
    let first = number("VEX_SEED").unwrap_or(0);
    let next = AtomicU64::new(first);
    let work = || {
        let mut reports = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || reports.len() > 5 {
                return reports;
            }
            let text = program(seed);
            if let Some((kind, details)) = failure(&text) {
                reports.push(report(seed, &text, &kind, &details));
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let reports: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    });
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
}

#[test]
fn programs_of_a_seed_are_the_same() {
    assert_eq!(program(7), program(7));
    assert_ne!(program(7), program(8));
}

#[test]
fn the_reducer_keeps_what_fails() {
    let text = "a\nfn f() {\nb\nc\n}\nd\n";
    assert_eq!(reduce(text, 100, |less| less.contains('b')), "fn f() {\nb\n}\n");
}
