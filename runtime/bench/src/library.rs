//! The heap beside allocators as crates: processor time, peak memory, and what idle processes hold.

use crate::contestants::{self, NOTHING};
use crate::machine;
use crate::measure::{Sample, geometric_mean};
use crate::options::{Options, Part};
use crate::race;
use crate::table::{Table, factor};
use crate::workloads::{IDLE, TIMED, TRIVIAL};

/// What tells a process of its own to do a workload of this part.
pub const FLAG: &str = "--run";

/// KiB that count at least: what a process has by chance differs by some hundred.
const FLOOR: u64 = 1024;

/// A workload and what came of it, in the order of the contestants, ours first.
type Row = (&'static str, Vec<Sample>);

/// The names of all workloads.
pub fn names() -> impl Iterator<Item = &'static str> {
    TIMED.iter().copied().chain([TRIVIAL, IDLE])
}

/// Runs all workloads that are wanted and prints the tables.
pub fn compare(options: &Options) {
    let rounds = options.rounds(5, 1);
    let wanted = |name: &&&str| options.has(Part::Library) && options.wants(name);
    let timed: Vec<&str> = TIMED.iter().filter(wanted).copied().collect();
    let resting = [TRIVIAL, IDLE].map(|name| options.has(Part::Memory) && options.wants(name));
    if timed.is_empty() && resting == [false; 2] {
        return;
    }
    let names = contestants::names();
    if cfg!(feature = "peers") {
        let crates = ["mimalloc", "libmimalloc-sys", "tikv-jemallocator", "tikv-jemalloc-sys", "snmalloc-rs"];
        println!("peers as crates: {}\n", machine::versions(&crates));
    }
    let own = samples(&[NOTHING], TRIVIAL, rounds.max(3))[0].resident;
    let mut rows: Vec<Row> = Vec::new();
    for workload in timed {
        rows.push((workload, samples(&names, workload, rounds)));
        eprintln!("{workload}: done");
    }
    if !rows.is_empty() {
        times(&names, &rows, rounds).print(options.markdown);
        peaks(&names, &rows, own, rounds).print(options.markdown);
        if options.details {
            details(&names, &rows).print(options.markdown);
        }
    }
    rest(&names, own, options, resting);
}

/// The medians of each contestant's processes, which take turns.
fn samples(names: &[&str], workload: &str, rounds: usize) -> Vec<Sample> {
    let names: Vec<Option<&str>> = names.iter().map(|name| Some(*name)).collect();
    race::samples(FLAG, &names, workload, rounds).into_iter().flatten().collect()
}

/// Ours, the first of the values, beside the least of the crates', which follow the system's; then beside the least of all.
fn beside(values: &[f64]) -> [f64; 2] {
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let all = least(&values[1..]);
    let crates = if values.len() > 2 { least(&values[2..]) } else { all };
    [values[0] / crates, values[0] / all]
}

/// The columns: the contestants, and ours beside the best of the others.
fn columns<'a>(names: &[&'a str]) -> Vec<&'a str> {
    names.iter().copied().chain(["ours / best crate", "ours / best of all"]).collect()
}

/// The last row of a table: the geometric means of ours beside each. At the end, beside the single one that is best.
fn means(rows: &[Vec<f64>]) -> Vec<String> {
    let ratios: Vec<f64> = (1..rows[0].len())
        .map(|peer| geometric_mean(rows.iter().map(|values| values[0] / values[peer])))
        .collect();
    let most = |ratios: &[f64]| ratios.iter().copied().fold(0.0, f64::max);
    let crates = most(if ratios.len() > 1 { &ratios[1..] } else { &ratios });
    let ends = [factor(crates), factor(most(&ratios))];
    std::iter::once(String::new()).chain(ratios.iter().copied().map(factor)).chain(ends).collect()
}

/// Processor time of an operation.
fn times(names: &[&str], rows: &[Row], rounds: usize) -> Table {
    let title =
        format!("heap: ns of CPU time an operation (a block allocated and freed); median of {rounds}");
    let mut table = Table::new(title, "workload", &columns(names));
    let (mut all, mut worst) = (Vec::new(), ("", 0.0));
    for (workload, samples) in rows {
        let values: Vec<f64> = samples.iter().map(|sample| sample.per_operation()).collect();
        let ratios = beside(&values);
        if ratios[0] > worst.1 {
            worst = (workload, ratios[0]);
        }
        let cells = values.iter().map(|value| format!("{value:.1}"));
        table.row(*workload, cells.chain(ratios.map(factor)));
        all.push(values);
    }
    table.row("ours / it, geometric mean", means(&all));
    table.note(format!(
        "below 1 ours takes less; in the last row, the best is one for all; worst beside the best crate: {}, {}",
        worst.0,
        factor(worst.1)
    ));
    table
}

/// The most memory, less what a process has that allocates nothing.
fn peaks(names: &[&str], rows: &[Row], own: u64, rounds: usize) -> Table {
    let title = format!(
        "heap: peak memory in KiB over that of a process that allocates nothing ({own} KiB); median of {rounds}"
    );
    let mut table = Table::new(title, "workload", &columns(names));
    let mut all = Vec::new();
    for (workload, samples) in rows {
        let net = |sample: &Sample| sample.peak.saturating_sub(own);
        let counted: Vec<f64> = samples.iter().map(|sample| net(sample).max(FLOOR) as f64).collect();
        let cells = samples.iter().map(|sample| net(sample).to_string());
        table.row(*workload, cells.chain(beside(&counted).map(factor)));
        all.push(counted);
    }
    table.row("ours / it, geometric mean", means(&all));
    table.note("below 1 MiB counts as 1 MiB in the factors");
    table
}

/// Page faults, and the kernel's part of the time.
fn details(names: &[&str], rows: &[Row]) -> Table {
    let mut table = Table::new("heap: page faults / ms of system time", "workload", names);
    for (workload, samples) in rows {
        table.row(*workload, samples.iter().map(|sample| format!("{} / {}", sample.faults, sample.system)));
    }
    table
}

/// What is in memory at the end of processes that do little, or nothing any more.
fn rest(names: &[&str], own: u64, options: &Options, [trivial, idle]: [bool; 2]) {
    let title = format!("heap: KiB in memory at the end, over a process that allocates nothing ({own} KiB)");
    let mut table = Table::new(title, "process", names);
    let net = |sample: &Sample| sample.resident.saturating_sub(own);
    if trivial {
        let samples = samples(names, TRIVIAL, options.rounds(9, 3));
        table.row("one block allocated and freed", samples.iter().map(|sample| net(sample).to_string()));
    }
    if idle {
        let samples = samples(names, IDLE, options.rounds(3, 1).min(3));
        let share = |sample: &Sample| {
            let kib = net(sample);
            format!("{kib} ({:.1}%)", kib as f64 / (1 << 20) as f64 * 100.0)
        };
        table.row("1 GiB freed, then 5 s idle", samples.iter().map(share));
    }
    if trivial || idle {
        table.print(options.markdown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_crate_is_not_the_system() {
        assert_eq!(beside(&[2.0, 1.0, 4.0, 8.0]), [0.5, 2.0]);
        assert_eq!(beside(&[2.0, 1.0]), [2.0, 2.0]);
        let rows = [vec![2.0, 1.0, 4.0, 8.0], vec![2.0, 4.0, 1.0, 8.0]];
        assert_eq!(means(&rows), ["", "1.00x", "1.00x", "0.25x", "1.00x", "1.00x"]);
    }
}
