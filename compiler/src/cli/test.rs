//! `vexc test`.

use std::io;
use std::num::NonZeroUsize;
use std::thread;

use super::args::{Common, TestArgs};
use super::{FAILED, Messages, OK, USAGE, color};
use crate::golden::{self, Options};

/// Runs the golden tests.
pub(super) fn test(args: TestArgs, common: &Common, messages: &Messages) -> u8 {
    let vexc = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => return messages.fail(FAILED, &format!("cannot find vexc itself: {error}")),
    };
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let stdout = io::stdout();
    let options = Options {
        flags: args.checked.then(|| golden::CHECKED.to_owned()).into_iter().collect(),
        vexc,
        paths: args.paths,
        filter: args.filter,
        jobs,
        bless: args.bless,
        color: color::wanted(common.color, &stdout),
    };
    match golden::run(&options, &mut io::stdout()) {
        Ok(summary) if summary.failed == 0 => OK,
        Ok(_) => FAILED,
        Err(error) => messages.fail(USAGE, &error.to_string()),
    }
}
