//! The memory runtime beside its peers: `cargo run --release -p vex-bench --features peers [-- PART...] [--quick]`.
//!
//! Prints everything there is to measure about allocation, as tables in which ours and the peers stand side by side:
//! compiled programs beside C, region allocators, the heap as a library, memory at rest, programs of everyday use with
//! the heap preloaded, and the corners of `malloc`'s contract. `--help` lists the parts.
//!
//! Every contestant does every workload in a process of its own, so that one's memory is not the other's, and the
//! contestants take turns. Figures are medians over the rounds. Without the feature, the heap is compared with the
//! system's allocator only, and there is nothing to compare regions with.

mod block;
mod contestants;
mod dropin;
mod jit;
mod library;
mod machine;
mod measure;
mod options;
mod project;
mod race;
mod region;
mod table;
#[cfg(test)]
mod table_tests;
mod workloads;

use options::{Options, USAGE};
use std::process::ExitCode;
use workloads::Run;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, contestant, workload] = args.as_slice()
        && [library::FLAG, region::FLAG].contains(&flag.as_str())
    {
        let sample = match flag.as_str() {
            region::FLAG => region::run(contestant, workload),
            _ => contestants::with(contestant, Run(workload)).flatten(),
        };
        sample.unwrap_or_else(|| panic!("no {workload} with {contestant}")).print();
        return ExitCode::SUCCESS;
    }
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Options::read(args.into_iter()).and_then(known) {
        Ok(options) => {
            if let Some(program) = options.hardened.clone() {
                contestants::add_hardened(program);
            }
            compare(&options)
        }
        Err(mistake) => {
            eprint!("vex-bench: {mistake}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The options, if every word in them is part of some name.
fn known(options: Options) -> Result<Options, String> {
    let names: Vec<&str> = region::names().chain(library::names()).chain(dropin::names()).collect();
    match options.stranger(&names) {
        Some(word) => Err(format!("no part, workload or program is called {word}")),
        None => Ok(options),
    }
}

/// Prints the parts that are wanted; fails when ours does what it must not.
fn compare(options: &Options) -> ExitCode {
    let between = if options.markdown { "\n\n" } else { "\n" };
    println!("{}\n", machine::describe().join(between));
    let jit = jit::compare(options);
    region::compare(options);
    library::compare(options);
    let dropin = dropin::compare(options);
    if jit && dropin { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
