//! The tables.

use crate::measure::{Sample, geometric_mean};

/// A workload and what came of it, in the order of the contestants.
pub type Row = (&'static str, Vec<Sample>);

/// The longest name of a row.
const NAME: usize = 22;

fn head(title: &str, names: &[&str], more: &[&str]) {
    println!("{title}");
    print!("{:<NAME$}", "");
    for name in names.iter().chain(more) {
        print!(" {name:>10}");
    }
    println!();
}

/// The least value of the contestants that are not ours; ours is the first.
fn best_peer(values: &[f64]) -> f64 {
    values[1..].iter().copied().fold(f64::INFINITY, f64::min)
}

/// Processor time of an operation.
pub fn times(names: &[&str], rows: &[Row]) {
    head("ns of CPU time an operation; the last column is ours beside the best peer's", names, &["ratio"]);
    let mut worst = ("", 0.0);
    for (workload, samples) in rows {
        let values: Vec<f64> = samples.iter().map(|sample| sample.per_operation()).collect();
        let ratio = values[0] / best_peer(&values);
        if ratio > worst.1 {
            worst = (workload, ratio);
        }
        print!("{workload:<NAME$}");
        values.iter().for_each(|value| print!(" {value:>10.1}"));
        println!(" {ratio:>9.2}x");
    }
    print!("{:<NAME$} {:>10}", "ours, geometric mean", "");
    for peer in 1..names.len() {
        let ratios =
            rows.iter().map(|(_, samples)| samples[0].per_operation() / samples[peer].per_operation());
        print!(" {:>9.2}x", geometric_mean(ratios));
    }
    println!("\nworst beside the best peer: {}, {:.2}x\n", worst.0, worst.1);
}

/// KiB that count at least: what a process has by chance differs by some hundred.
const FLOOR: u64 = 1024;

/// The most memory, less what a process has that allocates nothing.
pub fn peaks(names: &[&str], rows: &[Row], own: u64) {
    let title =
        "peak memory in KiB over that of a process that allocates nothing; below 1 MiB counts as 1 MiB";
    head(title, names, &["ratio"]);
    let net = |sample: &Sample| sample.peak.saturating_sub(own) as f64;
    let counted = |sample: &Sample| net(sample).max(FLOOR as f64);
    for (workload, samples) in rows {
        let values: Vec<f64> = samples.iter().map(net).collect();
        print!("{workload:<NAME$}");
        values.iter().for_each(|value| print!(" {value:>10.0}"));
        let counted: Vec<f64> = samples.iter().map(counted).collect();
        println!(" {:>9.2}x", counted[0] / best_peer(&counted));
    }
    print!("{:<NAME$} {:>10}", "ours, geometric mean", "");
    for peer in 1..names.len() {
        let ratios = rows.iter().map(|(_, all)| counted(&all[0]) / counted(&all[peer]));
        print!(" {:>9.2}x", geometric_mean(ratios));
    }
    println!("\n");
}

/// What is in memory at the end of a process, less what one has that allocates nothing.
pub fn resident(names: &[&str], rows: &[Row], own: u64) {
    head("KiB in memory at the end, over a process that allocates nothing", names, &[]);
    for (what, samples) in rows {
        print!("{what:<NAME$}");
        for sample in samples {
            print!(" {:>10}", sample.resident.saturating_sub(own));
        }
        println!();
    }
    println!("a process that allocates nothing has {own} KiB");
}
