//! `vexc translate`.

use std::fs;

use super::args::{Common, TranslateArgs};
use super::source::{self, SourceError};
use super::{FAILED, Messages, OK, fmt};
use crate::stack::on_deep_stack;
use crate::translate::{self, Failure, Translated};

/// Writes a program in another spelling.
pub(super) fn translate(args: &TranslateArgs, common: &Common, messages: &Messages) -> u8 {
    let input = match source::read(&args.file, common.spelling) {
        Ok(input) => input,
        Err(SourceError { title, help, status }) => {
            return messages.fail_with_help(status, &title, help.as_deref());
        }
    };
    let name = input.name.clone();
    let translated = match on_deep_stack(|| translate::translate(input, args.to)) {
        Ok(translated) => translated,
        Err(failure) => return report(&name, failure, messages),
    };
    let Translated { text, renamed } = translated;
    let outcome = match &args.output {
        None => fmt::print(&text, messages),
        Some(path) => fs::write(path, text)
            .map_err(|error| messages.fail(FAILED, &format!("cannot write `{}`: {error}", path.display()))),
    };
    for (old, new) in renamed {
        messages.note(&format!(
            "`{old}` is a word of .{} files: it is called `{new}` there",
            args.to.extension()
        ));
    }
    outcome.err().unwrap_or(OK)
}

fn report(name: &str, failure: Failure, messages: &Messages) -> u8 {
    match failure {
        Failure::Original(sources, diagnostics) => {
            messages.diagnostics(&diagnostics, &sources);
            messages.fail(FAILED, &format!("`{name}` does not compile, so nobody knows what it means"))
        }
        Failure::NoForm(sources, problems) => {
            for problem in problems {
                let title = format!("{}: {}", sources.place(problem.span), problem.title);
                messages.fail_with_help(FAILED, &title, Some(&problem.help));
            }
            FAILED
        }
        Failure::Result(sources, diagnostics) => {
            messages.diagnostics(&diagnostics, &sources);
            let title = format!("`{name}` was not translated: the result would not compile");
            messages.fail_with_help(FAILED, &title, Some("change what the messages above are about"))
        }
        Failure::TooLarge => messages.fail(FAILED, "the program is larger than 4 GiB"),
    }
}
