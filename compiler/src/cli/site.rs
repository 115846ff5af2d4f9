//! Writing a site of documentation into a folder, and nothing over what is not its own.
//!
//! A folder of ours holds a list of the files that were written into it. Only those are ever replaced or removed, so
//! what people put beside them stays.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::docs::html;

/// The file that lists what was written; its first line says what it is.
const MARKER: &str = ".vexc-doc";

/// The first line of the list.
const FIRST_LINE: &str = "Written by `vexc doc --html`; these files are replaced when it runs again:";

/// Why a site cannot be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SiteError {
    /// What is wrong, in one sentence.
    pub title: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl SiteError {
    fn io(what: &str, path: &Path, error: &io::Error) -> SiteError {
        SiteError { title: format!("cannot {what} `{}`: {error}", path.display()), help: None }
    }
}

/// Writes the files into the folder, which is made if there is none. Files of an earlier run go first.
///
/// # Errors
///
/// The folder holds something else, or cannot be written to. What is not ours is as it was then.
pub(super) fn write(folder: &Path, files: &[html::File]) -> Result<(), SiteError> {
    let ours = claim(folder)?;
    let foreign = files
        .iter()
        .find(|file| !ours.contains(&file.name) && fs::symlink_metadata(folder.join(&file.name)).is_ok());
    if let Some(file) = foreign {
        return Err(SiteError {
            title: format!("`{}` was not made by `vexc doc`", folder.join(&file.name).display()),
            help: Some("a page has to have that name: move the file away".into()),
        });
    }
    // The list is written before the files: if this ends half-way, all of them are still known to be ours.
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.extend(ours.iter().map(String::as_str).filter(|name| !files.iter().any(|file| file.name == *name)));
    list(folder, &names)?;
    for name in &ours {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SiteError::io("replace", &path, &error));
            }
            _ => {}
        }
    }
    for file in files {
        let path = folder.join(&file.name);
        // A new file: nothing that is there, and no link's target, is ever written to.
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = made.and_then(|mut made| made.write_all(file.text.as_bytes()));
        written.map_err(|error| SiteError::io("write", &path, &error))?;
    }
    names.truncate(files.len());
    list(folder, &names)
}

/// Makes the folder, or looks whether it may be written to: the names of the files in it that are ours.
fn claim(folder: &Path) -> Result<Vec<String>, SiteError> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(|error| SiteError::io("make the folder", folder, &error))?;
            Ok(Vec::new())
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(SiteError { title: format!("`{shown}` is a file, not a folder"), help: None })
        }
        Err(error) => Err(SiteError::io("read the folder", folder, &error)),
        Ok(mut entries) => {
            if entries.next().is_none() {
                return Ok(Vec::new());
            }
            listed(folder).ok_or_else(|| SiteError {
                title: format!("the folder `{shown}` is not empty and was not made by `vexc doc`"),
                help: Some("name a new or an empty folder".into()),
            })
        }
    }
}

/// The files that the list in a folder names; `None` without a list of ours. Names that lead out of the folder are
/// none of ours.
fn listed(folder: &Path) -> Option<Vec<String>> {
    let path = folder.join(MARKER);
    // A link could be to anything.
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return None;
    }
    let plain = |name: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !name.starts_with('.') && name.chars().all(allowed) && !name.is_empty()
    };
    Some(lines.filter(plain).map(str::to_owned).collect())
}

/// Writes the list.
fn list(folder: &Path, names: &[&str]) -> Result<(), SiteError> {
    let path = folder.join(MARKER);
    let text = format!("{FIRST_LINE}\n{}\n", names.join("\n"));
    let written = File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| SiteError::io("write", &path, &error))
}
