//! Contestants that take turns, each workload in a process of its own.

use std::process::Command;

use crate::contestants;
use crate::measure::Sample;

/// Runs a workload with each contestant that takes part, `rounds` times, and gives the medians in their order. `sort` is
/// the first argument of the process that does it; those that do not take part get `None`.
pub fn samples(sort: &str, names: &[Option<&str>], workload: &str, rounds: usize) -> Vec<Option<Sample>> {
    let mut all: Vec<Vec<Sample>> = vec![Vec::new(); names.len()];
    for round in 0..rounds {
        for turn in 0..names.len() {
            // Another one begins each time, so that none always runs after the same one.
            let at = (turn + round) % names.len();
            if let Some(name) = names[at] {
                all[at].push(sample(sort, name, workload));
            }
        }
    }
    all.iter().map(|samples| (!samples.is_empty()).then(|| Sample::median(samples))).collect()
}

/// Runs a workload in a process of its own.
///
/// # Panics
///
/// When it fails.
pub fn sample(sort: &str, name: &str, workload: &str) -> Sample {
    let itself = std::env::current_exe().expect("this program's own path");
    let (program, named) = contestants::elsewhere(name).unwrap_or((&itself, name));
    let output = Command::new(program).args([sort, named, workload]).output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let sample = Sample::read(&text).filter(|_| output.status.success());
    sample.unwrap_or_else(|| panic!("{workload} with {name}: {}\n{text}{errors}", output.status))
}
