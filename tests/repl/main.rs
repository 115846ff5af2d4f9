//! Interactive sessions as their users meet them: at a terminal, and with a script on standard input.
#![cfg(unix)]

mod checked;
mod edit;
mod memory;
mod normal;
mod restore;
mod script;
mod terminal;
mod transcripts;

use vex_tests::{Folder, Run};

/// `vexc repl` in this folder, where its history is, too.
fn repl(folder: &Folder, args: &[&str]) -> Run {
    let history = folder.path().join("history");
    Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder.path())
        .arg("repl")
        .args(args)
        .env("VEXC_HISTORY", &history.to_string_lossy())
        .env("TERM", "xterm")
}
