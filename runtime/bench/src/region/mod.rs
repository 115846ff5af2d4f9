//! Region allocators beside crates: the same work, called from Rust.
//!
//! `BumpAllocator` stands beside bumpalo and typed-arena, `PoolAllocator` beside slab, `FreeListAllocator` beside talc. All
//! write to every byte they allocate. Nothing here measures what compiled programs do, which have these allocators in
//! their own code; the benchmark `heap` of `vexc` does.

mod bump;
mod list;
mod pool;

use crate::machine;
use crate::measure::Sample;
use crate::options::{Options, Part};
use crate::race;
use crate::table::{Table, factor};

/// What tells a process of its own to do a workload of this part.
pub const FLAG: &str = "--region";

/// Who takes part in what: a workload's name, and its contestants, ours first.
type Entry = (&'static str, &'static [&'static str]);

/// The workloads in the order of the table.
const WORKLOADS: &[Entry] = &[
    ("bump 24 B, reset", &["vex", "bumpalo"]),
    ("bump 8-200 B, reset", &["vex", "bumpalo"]),
    ("bump 24 B, new each time", &["vex", "bumpalo", "typed-arena"]),
    ("pool 64 B, by hundreds", &["vex", "slab"]),
    ("pool 64 B, at random", &["vex", "slab"]),
    ("list 64 B, pairs", &["vex", "talc"]),
    ("list 16-512 B, lifo", &["vex", "talc"]),
    ("list 16-512 B, fifo", &["vex", "talc"]),
    ("list 16-512 B, at random", &["vex", "talc"]),
];

/// The peers, as columns.
const PEERS: &[&str] = &["bumpalo", "typed-arena", "slab", "talc"];

/// Does a workload with one contestant and measures it; `None` when there is no such thing.
pub fn run(contestant: &str, workload: &str) -> Option<Sample> {
    let (sort, what) = workload.split_once(' ')?;
    Sample::of(|| match sort {
        "bump" => bump::run(contestant, what),
        "pool" => pool::run(contestant, what),
        "list" => list::run(contestant, what),
        _ => None,
    })
}

/// The names of all workloads.
pub fn names() -> impl Iterator<Item = &'static str> {
    WORKLOADS.iter().map(|(name, _)| *name)
}

/// Runs all workloads that are wanted and prints the table.
pub fn compare(options: &Options) {
    let wanted = |entry: &&Entry| options.has(Part::Region) && options.wants(entry.0);
    let wanted: Vec<&Entry> = WORKLOADS.iter().filter(wanted).collect();
    if wanted.is_empty() {
        return;
    }
    if !cfg!(feature = "peers") {
        return println!("regions: nothing to compare with, built without the feature `peers`\n");
    }
    let rounds = options.rounds(9, 3);
    let title = format!("regions: ns of CPU time an operation (a block allocated); median of {rounds}");
    let columns: Vec<&str> = ["vex"].iter().chain(PEERS).chain(&["ours / best"]).copied().collect();
    let mut table = Table::new(title, "workload", &columns);
    for (workload, contestants) in wanted {
        let names: Vec<Option<&str>> = columns[..columns.len() - 1]
            .iter()
            .map(|name| contestants.contains(name).then_some(*name))
            .collect();
        let samples = race::samples(FLAG, &names, workload, rounds);
        let value = |sample: &Option<Sample>| sample.map(Sample::per_operation);
        let best = samples[1..].iter().filter_map(value).fold(f64::INFINITY, f64::min);
        let ratio = value(&samples[0]).unwrap_or(f64::NAN) / best;
        let cells =
            samples.iter().map(|sample| value(sample).map_or("–".to_string(), |ns| format!("{ns:.2}")));
        table.row(*workload, cells.chain([factor(ratio)]));
        eprintln!("{workload}: done");
    }
    table.note(format!("peers: {}", machine::versions(PEERS)));
    table.print(options.markdown);
}
