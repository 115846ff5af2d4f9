//! The command line most runs have, read without the parser.
//!
//! Building the parser's tables takes about 80 microseconds, a tenth of the time a small program takes from start to
//! end. `vexc run FILE ARGS… [-- ARGS…]` without options needs none of it.

use std::ffi::OsString;

use vex_runtime::process::Choice;

use super::args::{Cli, ColorWhen, Command, Common, Leaks, MessageFormat, Opt, RunArgs};

/// The command line when it is a plain `run`; `args` starts with the program's own name. `None` leaves it to the
/// parser, which gives the same result for everything read here.
pub(super) fn parse(args: &[OsString]) -> Option<Cli> {
    let [_, command, file, rest @ ..] = args else { return None };
    if command != "run" || file.is_empty() || is_option(file) {
        return None;
    }
    let own = rest.iter().position(|arg| arg == "--").unwrap_or(rest.len());
    let (before, after) = rest.split_at(own);
    if before.iter().any(is_option) {
        return None;
    }
    let run = RunArgs {
        file: file.into(),
        args: before.iter().chain(after.iter().skip(1)).cloned().collect(),
        allocator: Choice::parse("heap").ok()?,
        opt: Opt::Speed,
        time: false,
        heap_report: false,
        checked: false,
        keep_going: false,
        leaks: Leaks::All,
    };
    let common = Common { color: ColorWhen::Auto, message_format: MessageFormat::Human, spelling: None };
    Some(Cli { command: Command::Run(run), common })
}

/// Whether the parser may see more in an argument than a word; `-` alone is a file.
fn is_option(arg: &OsString) -> bool {
    arg.as_encoded_bytes().starts_with(b"-") && arg != "-"
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn both(args: &[&str]) -> (Option<String>, String) {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let quick = parse(&args).map(|cli| format!("{cli:?}"));
        let full = Cli::try_parse_from(&args).map_or_else(|e| e.kind().to_string(), |cli| format!("{cli:?}"));
        (quick, full)
    }

    #[test]
    fn what_is_read_quickly_is_read_alike() {
        for args in [
            &["vexc", "run", "a.vx"][..],
            &["vexc", "run", "-"],
            &["vexc", "run", "a.vx", "one", "two"],
            &["vexc", "run", "a.vx", "", "-", "--"],
            &["vexc", "run", "a.vx", "--", "--time", "-x", "--", "y"],
            &["vexc", "run", "a.vx", "one", "--", "--time"],
        ] {
            let (quick, full) = both(args);
            assert_eq!(quick.as_deref(), Some(full.as_str()), "{args:?}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_parser() {
        for args in [
            &["vexc"][..],
            &["vexc", "run"],
            &["vexc", "run", ""],
            &["vexc", "run", "--time", "a.vx"],
            &["vexc", "run", "a.vx", "--time"],
            &["vexc", "run", "a.vx", "one", "--time", "--", "x"],
            &["vexc", "run", "--", "a.vx"],
            &["vexc", "check", "a.vx"],
            &["vexc", "-h"],
        ] {
            assert_eq!(both(args).0, None, "{args:?}");
        }
    }
}
