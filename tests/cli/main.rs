//! The command line as its users meet it: exit statuses, messages, help, and what it does with odd input.

mod checked;
mod command;
mod doc;
mod fmt_command;
mod hostile;
mod new;
mod programs;
mod reports;
#[cfg(unix)]
mod terminal;
mod test_command;

use vex_tests::{Folder, Run};

/// The command, to be run in this folder.
fn vexc(folder: &Folder) -> Run {
    Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder.path())
}

/// `vexc run -` of a program with this text, which imports and opens nothing.
fn run_vex(text: &str) -> Run {
    let folder = std::env::temp_dir();
    Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), &folder).arg("run").arg("-").input(text)
}
