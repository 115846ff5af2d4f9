//! `vexc repl`.

use std::io;

use vex_syntax::Spelling;

use super::args::{Common, ReplArgs};
use super::{FAILED, Messages, USAGE, color, run};
use crate::repl::{self, Options};
use crate::session::{Session, SessionOptions};

/// Runs a session to its end.
pub(super) fn repl(args: &ReplArgs, common: &Common, messages: &Messages) -> u8 {
    let mut first = Vec::new();
    for file in &args.files {
        match file.to_str().filter(|name| !name.contains('\n')) {
            Some(name) => first.push(format!(":load {name}")),
            None => {
                return messages
                    .fail(USAGE, &format!("`{}` is not a name that can be typed", file.display()));
            }
        }
    }
    let spelling = common.spelling.unwrap_or(Spelling::Vex);
    let color = color::wanted(common.color, &io::stdout());
    let session = SessionOptions {
        spelling,
        memory_limit: args.memory_limit,
        checked: args.checked,
        opt: run::level(args.opt),
        color,
        color_errors: messages.color,
        interactive: repl::is_interactive() || args.transcript,
        folder: "".into(),
    };
    let options = Options {
        spelling,
        color,
        color_errors: messages.color,
        banner: !args.quiet,
        history: !args.no_history,
        transcript: args.transcript && !repl::is_interactive(),
        first,
    };
    let messages = *messages;
    repl::run(options, move || match Session::new(session.clone()) {
        Ok(session) => Box::new(session),
        // This is the session's own process, which nobody can use.
        Err(error) => std::process::exit(messages.fail(FAILED, &error.to_string()).into()),
    })
}
