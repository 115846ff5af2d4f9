//! `vexc fmt`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vex_syntax::format::{FormatError, format};
use vex_syntax::{SourceMap, Spelling};

use super::args::{Common, FmtArgs};
use super::source::{self, SourceError};
use super::{FAILED, Messages, OK, USAGE};
use crate::driver::Input;
use crate::stack::on_deep_stack;

/// Formats files in place, and what comes from standard input to standard output. One that does not parse is left as it
/// is; the others are formatted all the same.
pub(super) fn fmt(args: &FmtArgs, common: &Common, messages: &Messages) -> u8 {
    let mut files = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            let before = files.len();
            if let Err(error) = programs(path, &mut files) {
                return messages
                    .fail(FAILED, &format!("cannot read the folder `{}`: {error}", path.display()));
            }
            if files.len() == before {
                let title = format!("there is no program in `{}`", path.display());
                return messages.fail_with_help(USAGE, &title, Some("names end in .vx, .vera or .vais"));
            }
        } else {
            files.push(path.clone());
        }
    }
    let mut status = OK;
    for file in &files {
        if let Err(failed) = on_deep_stack(|| one(file, args.check, common.spelling, messages)) {
            status = status.max(failed);
        }
    }
    status
}

/// The programs in a folder and those below it, in order. Hidden files and folders are passed over, and links to folders,
/// which might lead back here.
fn programs(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            programs(&path, found)?;
        } else if path.is_file()
            && path.extension().and_then(|e| e.to_str()).and_then(Spelling::from_extension).is_some()
        {
            found.push(path);
        }
    }
    Ok(())
}

/// Formats one file, or says that it would change.
fn one(path: &Path, check: bool, spelling: Option<Spelling>, messages: &Messages) -> Result<(), u8> {
    let input = source::read(path, spelling).map_err(|SourceError { title, help, status }| {
        messages.fail_with_help(status, &title, help.as_deref())
    })?;
    let formatted = text(&input, messages)?;
    if check && formatted != input.text {
        print(&format!("{}\n", input.name), messages)?;
        return Err(FAILED);
    }
    match &input.path {
        _ if check => Ok(()),
        None => print(&formatted, messages),
        Some(_) if formatted == input.text => Ok(()),
        Some(path) => fs::write(path, formatted)
            .map_err(|error| messages.fail(FAILED, &format!("cannot write `{}`: {error}", input.name))),
    }
}

/// The formatted text. On failure the message is out and the exit status comes back.
pub(super) fn text(input: &Input, messages: &Messages) -> Result<String, u8> {
    let mut sources = SourceMap::new();
    let added = sources.add(&*input.name, input.path.as_deref(), input.spelling, &*input.text, false);
    let file = added.map_err(|_| messages.fail(FAILED, "the program is larger than 4 GiB"))?;
    format(&input.text, sources.file(file).base, input.spelling).map_err(|error| match error {
        FormatError::Syntax(diagnostics) => {
            messages.diagnostics(&diagnostics, &sources);
            messages.fail(FAILED, &format!("`{}` does not parse and is left as it is", input.name))
        }
        FormatError::Changed(what) => messages.fail_with_help(
            FAILED,
            &format!("`{}` is left as it is: formatted, it would mean something else", input.name),
            Some(&format!("this is a mistake of vexc, please report it: {what}")),
        ),
    })
}

/// Writes to standard output.
pub(super) fn print(text: &str, messages: &Messages) -> Result<(), u8> {
    let outcome = io::stdout().lock().write_all(text.as_bytes());
    outcome.map_err(|error| messages.fail(FAILED, &format!("cannot write to standard output: {error}")))
}
