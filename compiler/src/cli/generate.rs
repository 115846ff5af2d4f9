//! Completion scripts and the manual page, made from the command's definition.

use std::io::{self, Write};

use clap::CommandFactory;

use super::args::Cli;
use super::{FAILED, OK};

/// `vexc completions SHELL`.
pub(super) fn completions(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vexc", &mut script);
    print(&script)
}

/// `vexc man`: the page of the command, then those of its subcommands.
pub(super) fn manual() -> u8 {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let mut render = |command: clap::Command| clap_mangen::Man::new(command).render(&mut page);
    let subcommands: Vec<_> = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    let outcome = render(command).and_then(|()| {
        subcommands.into_iter().filter(|c| c.get_name() != "help").try_for_each(|subcommand| {
            let name = format!("vexc-{}", subcommand.get_name());
            render(subcommand.display_name(name))
        })
    });
    match outcome {
        Ok(()) => print(&page),
        Err(_) => FAILED,
    }
}

/// Writes to standard output.
fn print(bytes: &[u8]) -> u8 {
    match io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()) {
        Ok(()) => OK,
        Err(error) => {
            eprintln!("error: cannot write to standard output: {error}");
            FAILED
        }
    }
}
