//! The Vex heap beside other allocators: `cargo run --release -p vex-bench --features peers [-- NAMES] [--rounds N]`.
//!
//! Every contestant does every workload in a process of its own, so that one's memory is not the other's, and the
//! contestants take turns. Figures are medians over the rounds. With words as arguments, only the workloads run whose
//! names contain one of them. Without the feature, ours is compared with the system's allocator only.

mod block;
mod contestants;
mod measure;
mod table;
mod workloads;

use std::process::Command;

use contestants::NOTHING;
use measure::{Sample, median};
use workloads::{IDLE, Run, TIMED, TRIVIAL};

/// How many rounds there are unless the command line says so.
const ROUNDS: usize = 3;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, contestant, workload] = args.as_slice()
        && flag == "--run"
    {
        let sample = contestants::with(contestant, Run(workload)).flatten();
        return sample.unwrap_or_else(|| panic!("no {workload} with {contestant}")).print();
    }
    let (mut rounds, mut words) = (ROUNDS, Vec::new());
    let mut rest = args.into_iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--rounds" => rounds = rest.next().and_then(|n| n.parse().ok()).expect("a number of rounds"),
            _ => words.push(arg),
        }
    }
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    compare(rounds.max(1), &wanted);
}

/// Runs all workloads that are wanted and prints the tables.
fn compare(rounds: usize, wanted: &dyn Fn(&str) -> bool) {
    let names = contestants::names();
    let own = samples(&[NOTHING], TRIVIAL, rounds)[0].resident;
    let mut rows = Vec::new();
    for workload in TIMED.iter().filter(|name| wanted(name)) {
        rows.push((*workload, samples(&names, workload, rounds)));
        eprintln!("{workload}: done");
    }
    if !rows.is_empty() {
        println!("median of {rounds} rounds; each contestant does each workload in a process of its own\n");
        table::times(&names, &rows);
        table::peaks(&names, &rows, own);
    }
    let mut resident = Vec::new();
    if wanted(TRIVIAL) {
        resident.push(("a trivial process", samples(&names, TRIVIAL, rounds)));
    }
    if wanted(IDLE) {
        resident.push(("1 GiB freed, 5 s idle", samples(&names, IDLE, 1)));
    }
    if !resident.is_empty() {
        table::resident(&names, &resident, own);
    }
}

/// The medians of each contestant's processes, which take turns.
fn samples(names: &[&str], workload: &str, rounds: usize) -> Vec<Sample> {
    let mut all: Vec<Vec<Sample>> = vec![Vec::new(); names.len()];
    for _ in 0..rounds {
        for (name, samples) in names.iter().zip(&mut all) {
            samples.push(sample(name, workload));
        }
    }
    let middle = |samples: &[Sample], of: fn(&Sample) -> u64| {
        median(&mut samples.iter().map(|sample| of(sample) as f64).collect::<Vec<_>>()) as u64
    };
    let medians = all.iter().map(|samples| Sample {
        operations: samples[0].operations,
        cpu: middle(samples, |sample| sample.cpu),
        resident: middle(samples, |sample| sample.resident),
        peak: middle(samples, |sample| sample.peak),
    });
    medians.collect()
}

/// Runs a workload in a process of its own.
fn sample(name: &str, workload: &str) -> Sample {
    let itself = std::env::current_exe().expect("this program's own path");
    let output = Command::new(itself).args(["--run", name, workload]).output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let sample = Sample::read(&text).filter(|_| output.status.success());
    sample.unwrap_or_else(|| panic!("{workload} with {name}: {}\n{text}{errors}", output.status))
}
