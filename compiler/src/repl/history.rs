//! The file of earlier inputs, shared by all sessions of a user.
//!
//! One entry a line, with newlines and backslashes escaped. Entries are appended one at a time under a lock, so sessions
//! that run side by side keep each other's. A file that has grown to twice what is kept is written anew.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many entries are kept.
pub(super) const KEPT: usize = 10_000;
/// Most bytes of an entry in the file; longer ones are pasted files.
const LONGEST: usize = 1 << 16;

/// Where the history is, unless the environment gives no place.
pub(super) fn place() -> Option<PathBuf> {
    place_in(|name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn place_in(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // The rules for these folders say that a relative path counts as none.
    let state = || variable("XDG_STATE_HOME").filter(|folder| folder.is_absolute());
    let home = || variable("HOME").map(|home| home.join(".local/state"));
    variable("VEXC_HISTORY").or_else(|| Some(state().or_else(home)?.join("vexc/history")))
}

/// The entries in the file, oldest first; none when there is no file.
///
/// # Errors
/// There is one that cannot be read, or its lock cannot be had.
pub(super) fn load(path: &Path) -> io::Result<Vec<String>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    file.lock_shared()?;
    let mut entries = read_entries(&mut file)?;
    drop(file);
    if entries.len() >= 2 * KEPT {
        // Not being able to write will be reported by the next entry.
        let _ = rewrite(path);
    }
    entries.drain(..entries.len().saturating_sub(KEPT));
    Ok(entries)
}

/// Adds an entry at the end, making the file and its folder if need be.
///
/// # Errors
/// It cannot be written.
pub(super) fn append(path: &Path, entry: &str) -> io::Result<()> {
    if entry.len() > LONGEST {
        return Ok(());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut line = escape(entry);
    line.push('\n');
    locked(path)?.write_all(line.as_bytes())
}

/// Opens the file to append, and locks it.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        file.lock()?;
        // While this waited for the lock, another session may have put a new file in its place.
        let same = |now: fs::Metadata, ours: fs::Metadata| (now.dev(), now.ino()) == (ours.dev(), ours.ino());
        if fs::metadata(path).is_ok_and(|now| file.metadata().is_ok_and(|ours| same(now, ours))) {
            return Ok(file);
        }
    }
}

/// Writes the file anew with the entries that are kept.
fn rewrite(path: &Path) -> io::Result<()> {
    let mut old = locked(path)?;
    let entries = read_entries(&mut old)?;
    if entries.len() < 2 * KEPT {
        return Ok(());
    }
    let text: String =
        entries[entries.len() - KEPT..].iter().flat_map(|entry| [escape(entry), "\n".into()]).collect();
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(name);
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    let renamed = written.and_then(|()| fs::rename(&new, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&new);
    }
    renamed
}

fn read_entries(file: &mut File) -> io::Result<Vec<String>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter(|line| !line.is_empty()).map(unescape).collect())
}

fn escape(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        entry.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of its own, removed with its folder at the end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let folder = env::temp_dir().join(format!("vexc-history-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            Place(folder)
        }

        fn file(&self) -> PathBuf {
            self.0.join("state/history")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn entries_come_back_as_they_were() {
        let place = Place::new("back");
        assert_eq!(load(&place.file()).expect("no file is fine"), [""; 0]);
        let entries = ["a", "fn f() {\n  \"\\n\"\n}", "\\", "ü\r\n\t."];
        for entry in entries {
            append(&place.file(), entry).expect("written");
        }
        append(&place.file(), &"x".repeat(LONGEST + 1)).expect("left out");
        assert_eq!(load(&place.file()).expect("read"), entries);
        let mode = fs::metadata(place.file()).expect("a file").mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
    }

    #[test]
    fn sessions_keep_each_others_entries_even_when_it_is_written_anew() {
        let place = Place::new("shared");
        append(&place.file(), "first").expect("written");
        let many = "old\n".repeat(2 * KEPT);
        fs::write(place.file(), many).expect("written");
        let (file, each) = (place.file(), 300);
        std::thread::scope(|scope| {
            for session in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    for n in 0..each {
                        append(file, &format!("{session}:{n}")).expect("written");
                        if n % 50 == 0 {
                            load(file).expect("read");
                        }
                    }
                });
            }
        });
        let entries = load(&file).expect("read");
        for session in 0..4 {
            let prefix = format!("{session}:");
            let own: Vec<&String> = entries.iter().filter(|entry| entry.starts_with(&prefix)).collect();
            assert_eq!(own.len(), each, "of session {session}");
        }
        assert_eq!(entries.len(), KEPT);
        let kept = fs::read_to_string(&file).expect("read").lines().count();
        assert!(kept < 2 * KEPT, "{kept} lines are left");
    }

    #[test]
    fn bytes_that_are_no_text_spoil_nothing() {
        let place = Place::new("bytes");
        append(&place.file(), "a").expect("written");
        fs::write(place.file(), b"a\n\xFF\xFE\nb\\").expect("written");
        assert_eq!(load(&place.file()).expect("read"), ["a", "\u{FFFD}\u{FFFD}", "b\\"]);
    }

    #[test]
    fn the_environment_says_where() {
        let place = |set: &[(&str, &str)]| {
            let set: Vec<_> =
                set.iter().map(|(name, value)| (name.to_string(), PathBuf::from(value))).collect();
            place_in(|name| set.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()))
        };
        assert_eq!(place(&[]), None);
        assert_eq!(place(&[("HOME", "/h")]), Some("/h/.local/state/vexc/history".into()));
        assert_eq!(place(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/vexc/history".into()));
        assert_eq!(
            place(&[("HOME", "/h"), ("XDG_STATE_HOME", "s")]),
            Some("/h/.local/state/vexc/history".into())
        );
        assert_eq!(place(&[("VEXC_HISTORY", "mine"), ("HOME", "/h")]), Some("mine".into()));
    }
}
