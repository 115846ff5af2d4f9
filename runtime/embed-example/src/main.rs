//! Runs the loops with and without the fast paths and prints what that makes of them. An argument says how many blocks
//! each run takes and gives.

use std::error::Error;
use std::time::Instant;

use vex_embed_example::fast::known_offsets;
use vex_embed_example::programs::Programs;

/// Blocks of each run.
const BLOCKS: u64 = 20_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(BLOCKS), |text| text.parse())?;
    println!("{:>6}  {:>10}  {:>18}  {:>18}", "bytes", "allocating", "pair", "batch of 100");
    for size in [16, 100, 1024, 32 << 10] {
        for (name, fast) in [("calls", None), ("own code", known_offsets())] {
            let programs = Programs::compile(size, size, fast)?;
            let start = Instant::now();
            let pairs = programs.pairs(rounds);
            let middle = Instant::now();
            let batches = programs.batches(rounds / 100, 100);
            let end = Instant::now();
            let each = |time: std::time::Duration| time.as_nanos() as f64 / rounds as f64;
            println!(
                "{size:>6}  {name:>10}  {:>6.2} ns {:>7} k  {:>6.2} ns {:>7} k",
                each(middle - start),
                pairs.calls / 1000,
                each(end - middle),
                batches.calls / 1000,
            );
        }
    }
    println!("(ns for each block taken and given, and thousands of calls of the heap)");
    Ok(())
}
