//! The command line: parses it, runs the command, and turns what came of it into
//! an exit status.

pub mod args;
mod build;
mod check;
mod checked;
mod color;
mod doc;
mod emit;
mod explain;
mod fmt;
mod generate;
mod messages;
mod new;
mod quick;
mod repl;
mod run;
mod site;
mod source;
mod tables;
mod test;
mod translate;
mod tree;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use args::{Cli, Command};
use messages::Messages;

/// Everything went well.
const OK: u8 = 0;
/// A program does not compile or cannot be read, or a test failed.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;

/// The whole of `vexc`: reads the process's arguments, does what they say and
/// returns the exit status. A program that runs ends the process itself.
pub fn main() -> ExitCode {
    restore_sigpipe();
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match quick::parse(&args) {
        Some(cli) => Ok(cli),
        None => Cli::try_parse_from(&args),
    };
    ExitCode::from(match cli {
        Ok(cli) => dispatch(cli),
        Err(error) => usage_error(&error),
    })
}

fn dispatch(cli: Cli) -> u8 {
    let messages = Messages::new(&cli.common);
    match cli.command {
        Command::Run(args) => run::run(args, &cli.common, &messages),
        Command::Check(args) => check::check(&args, &cli.common, &messages),
        Command::Test(args) => test::test(args, &cli.common, &messages),
        Command::Fmt(args) => fmt::fmt(&args, &cli.common, &messages),
        Command::Translate(args) => translate::translate(&args, &cli.common, &messages),
        Command::Emit(args) => emit::emit(&args, &cli.common, &messages),
        Command::Explain(args) => explain::explain(&args, &cli.common, &messages),
        Command::Repl(args) => repl::repl(&args, &cli.common, &messages),
        Command::Doc(args) => doc::doc(&args, &cli.common, &messages),
        Command::New(args) => new::new(&args, &cli.common, &messages),
        Command::Completions(args) => generate::completions(args.shell),
        Command::Man => generate::manual(),
    }
}

/// Lets a reader that goes away end the process quietly, as everywhere else;
/// Rust's start-up code ignores the signal.
fn restore_sigpipe() {
    #[cfg(unix)]
    // SAFETY: sets a signal to its default action; no handler is involved.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Prints what is wrong with the command line, or the help that was asked for.
fn usage_error(error: &clap::Error) -> u8 {
    // Nothing can be done about a closed stream here.
    let _ = error.print();
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && looks_like_program(word)
    {
        eprintln!("\nTo run a program, write `vexc run {word}`.");
    }
    u8::try_from(error.exit_code()).unwrap_or(USAGE)
}

/// Whether a word in place of a command is probably a program's name.
fn looks_like_program(word: &str) -> bool {
    let path = Path::new(word);
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.and_then(vex_syntax::Spelling::from_extension).is_some() || path.is_file()
}

/// The bytes of an argument, as the program will see them.
fn argument_bytes(argument: OsString) -> Vec<u8> {
    #[cfg(unix)]
    {
        std::os::unix::ffi::OsStringExt::into_vec(argument)
    }
    #[cfg(not(unix))]
    {
        argument.to_string_lossy().into_owned().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
