//! Reading the program a command names.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use vex_syntax::Spelling;

use super::{FAILED, USAGE};
use crate::driver::Input;
use crate::suggest;

/// Why a program cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SourceError {
    /// What is wrong, in one sentence.
    pub title: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The exit status it stands for.
    pub status: u8,
}

impl SourceError {
    fn new(title: String) -> SourceError {
        SourceError { title, help: None, status: FAILED }
    }

    fn help(mut self, help: String) -> SourceError {
        self.help = Some(help);
        self
    }
}

/// Reads a program; `-` is standard input. Without `spelling` the name's
/// extension tells how it is written; standard input is then Vex.
///
/// # Errors
///
/// A message about the first thing wrong with the file.
pub(super) fn read(path: &Path, spelling: Option<Spelling>) -> Result<Input, SourceError> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let outcome = io::stdin().lock().read_to_end(&mut bytes);
        outcome.map_err(|error| SourceError::new(format!("cannot read standard input: {error}")))?;
        let name = "<stdin>".to_owned();
        let text = decode(bytes, &name)?;
        return Ok(Input { name, path: None, spelling: spelling.unwrap_or(Spelling::Vex), text });
    }
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let spelling = match spelling.or_else(|| Spelling::from_extension(path.extension()?.to_str()?)) {
        Some(spelling) => spelling,
        None => return Err(unknown_spelling(path)),
    };
    let text = decode(bytes, &name)?;
    Ok(Input { name, path: Some(path.to_owned()), spelling, text })
}

/// The text of a file. A byte order mark is dropped: it stands for nothing.
fn decode(bytes: Vec<u8>, name: &str) -> Result<String, SourceError> {
    let mut text = String::from_utf8(bytes).map_err(|error| not_utf8(error.as_bytes(), name))?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// Names the place of the first byte that is not UTF-8.
fn not_utf8(bytes: &[u8], name: &str) -> SourceError {
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let line = valid.matches('\n').count() + 1;
    let column = valid.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let byte = bytes[valid.len()];
    let error = SourceError::new(format!("{name}:{line}:{column}: byte 0x{byte:02x} is not UTF-8"));
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            error.help("save the file as UTF-8; it looks like UTF-16".into())
        }
        _ => error.help("save the file as UTF-8; in strings, write other bytes as `\\x..`".into()),
    }
}

/// Explains why a file cannot be read.
fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    let name = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            let error = SourceError::new(format!("there is no file `{name}`"));
            match similar(path) {
                Some(other) => error.help(format!("did you mean `{}`?", other.display())),
                None => error,
            }
        }
        io::ErrorKind::IsADirectory => {
            let error = SourceError::new(format!("`{name}` is a folder, not a program"));
            match programs_in(path).as_slice() {
                [] => error,
                [only] => error.help(format!("the program in it is `{}`", only.display())),
                _ => error.help(format!("`vexc test {name}` runs all programs in it")),
            }
        }
        _ => SourceError::new(format!("cannot read `{name}`: {error}")),
    }
}

/// Explains that a name does not tell the spelling.
fn unknown_spelling(path: &Path) -> SourceError {
    let name = path.display();
    let error = SourceError::new(format!("the name `{name}` does not say which spelling it is written in"));
    let guess = match path.extension().and_then(|extension| extension.to_str()) {
        Some("vex") => Some(Spelling::Vex),
        Some("ver" | "veras") => Some(Spelling::Vera),
        Some("vai" | "vias") => Some(Spelling::Vais),
        _ => None,
    };
    let help = match guess {
        Some(guess) => {
            let better = path.with_extension(guess.extension());
            format!("name it `{}`, or add `--spelling {}`", better.display(), guess.name())
        }
        None => "names end in .vx, .vera or .vais; or add `--spelling vex`, `vera` or `vais`".into(),
    };
    SourceError { status: USAGE, ..error.help(help) }
}

/// The programs in a folder, sorted; none when it cannot be read.
fn programs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_program = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.and_then(Spelling::from_extension).is_some()
    };
    let mut programs: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_program).collect();
    programs.sort();
    programs
}

/// The program beside a missing one whose name is most like its name; with another extension alone, before all.
fn similar(path: &Path) -> Option<PathBuf> {
    let programs = programs_in(match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    });
    if let Some(other) = programs.iter().find(|other| other.file_stem() == path.file_stem()) {
        return Some(path.with_file_name(other.file_name()?));
    }
    let names = programs.iter().filter_map(|other| other.file_name()?.to_str());
    Some(path.with_file_name(suggest::nearest(path.file_name()?.to_str()?, names)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_byte_is_placed() {
        let error = decode(b"ok\n\xc3\xa4b\xffc".to_vec(), "a.vx").expect_err("not UTF-8");
        assert_eq!(error.title, "a.vx:2:3: byte 0xff is not UTF-8");
        let error = decode(b"\xff\xfea\0".to_vec(), "a.vx").expect_err("not UTF-8");
        assert!(error.help.expect("help").contains("UTF-16"));
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(decode("\u{feff}x".into(), "a.vx").expect("fine"), "x");
    }

    #[test]
    fn names_say_the_spelling_or_get_help() {
        let error = unknown_spelling(Path::new("dir/a.vex"));
        assert!(error.help.expect("help").contains("`dir/a.vx`"));
        assert_eq!(unknown_spelling(Path::new("a")).status, USAGE);
    }
}
