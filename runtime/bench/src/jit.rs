//! Allocation in compiled programs beside C: the benchmark `heap` of `vexc`, which this runs.

use std::process::Command;

use crate::options::{Options, Part};
use crate::project;

/// Runs the benchmark, which prints its tables itself; false when it fails.
pub fn compare(options: &Options) -> bool {
    if !options.has(Part::Jit) {
        return true;
    }
    let root = match project::root() {
        Ok(root) => root,
        Err(reason) => {
            println!("compiled programs: not run, {reason}\n");
            return true;
        }
    };
    // The benchmark preloads it where it finds it; without it, there is a column less.
    if let Err(reason) = project::build_dropin() {
        eprintln!("vex-bench: {reason}");
    }
    let rounds = options.rounds(7, 2).to_string();
    let mut command = Command::new(project::cargo());
    command.args(["bench", "--quiet", "-p", "vexc", "--bench", "heap", "--", "--rounds", &rounds]);
    command.args(options.markdown.then_some("--markdown"));
    match command.current_dir(root).status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("vex-bench: cargo: {error}");
            false
        }
    }
}
