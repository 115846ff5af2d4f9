//! The allocators that can be preloaded.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure::{kib, median};
use crate::options::Options;
use crate::project::build_dropin;
use crate::table::Table;

/// What allocates for a program.
#[derive(Clone, Debug)]
pub struct Allocator {
    /// What the tables call it.
    pub name: &'static str,
    /// What is preloaded; nothing for the C library's own.
    pub library: Option<PathBuf>,
}

/// The C library's.
pub const GLIBC: &str = "glibc";
/// Ours.
pub const OURS: &str = "vexmalloc";

/// Those of distributions: the names of their libraries, of which the first that is found counts.
const PEERS: &[(&str, &[&str])] = &[
    ("mimalloc", &["libmimalloc.so.2", "libmimalloc.so.3", "libmimalloc.so"]),
    ("jemalloc", &["libjemalloc.so.2", "libjemalloc.so"]),
    ("tcmalloc", &["libtcmalloc_minimal.so.4", "libtcmalloc_minimal.so"]),
];

impl Allocator {
    /// Sets what a command preloads.
    pub fn preload(&self, command: &mut Command) {
        command.env_remove("LD_PRELOAD");
        if let Some(library) = &self.library {
            command.env("LD_PRELOAD", library);
        }
    }
}

/// The C library's allocator, ours, and the others that are installed, with a line about each that is not.
///
/// # Errors
///
/// When ours cannot be built or loaded.
pub fn all(options: &Options) -> Result<(Vec<Allocator>, Vec<String>), String> {
    let ours = match &options.library {
        Some(file) => file.canonicalize().map_err(|error| format!("{}: {error}", file.display()))?,
        None => build_dropin()?,
    };
    let ours =
        loaded(&ours.to_string_lossy()).ok_or_else(|| format!("{} cannot be preloaded", ours.display()))?;
    let mut found =
        vec![Allocator { name: GLIBC, library: None }, Allocator { name: OURS, library: Some(ours) }];
    let mut lines = Vec::new();
    for (name, libraries) in PEERS {
        match libraries.iter().find_map(|library| loaded(library)) {
            Some(library) => {
                lines.push(format!("{name}: {}", real_name(&library)));
                found.push(Allocator { name, library: Some(library) });
            }
            None => lines.push(format!("{name} is not installed ({})", libraries[0])),
        }
    }
    Ok((found, lines))
}

/// The name of a library's file, which often has its version.
fn real_name(library: &Path) -> String {
    let file = library.canonicalize().unwrap_or_else(|_| library.to_path_buf());
    file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Where a library lies that the dynamic linker finds, loads and keeps in a program.
fn loaded(library: &str) -> Option<PathBuf> {
    let mut command = Command::new("cat");
    command.arg("/proc/self/maps").env("LD_PRELOAD", library).stdin(Stdio::null());
    let output =
        command.output().ok().filter(|output| output.status.success() && output.stderr.is_empty())?;
    let maps = String::from_utf8_lossy(&output.stdout);
    let stem = Path::new(library).file_name()?.to_string_lossy().into_owned();
    let line = maps.lines().find(|line| {
        line.rsplit('/').next().is_some_and(|file| file.starts_with(&stem)) && line.contains('/')
    })?;
    Some(PathBuf::from(&line[line.find('/')?..]))
}

/// What a process that does nearly nothing has in memory, with each.
pub fn trivial(allocators: &[Allocator], options: &Options) {
    let names: Vec<&str> = allocators.iter().map(|one| one.name).collect();
    let title = "drop-in: KiB in memory of a process that reads one file (`cat`), pages of files included";
    let mut table = Table::new(title, "", &names);
    for (row, field) in [("all of it", "VmRSS:"), ("its own, not of files", "RssAnon:")] {
        let values = allocators.iter().map(|one| {
            let values: Vec<f64> = (0..options.rounds(9, 5)).map(|_| resident(one, field)).collect();
            format!("{:.0}", median(&values))
        });
        table.row(row, values);
    }
    table.print(options.markdown);
}

/// A figure of a process's status in KiB.
fn resident(allocator: &Allocator, field: &str) -> f64 {
    let mut command = Command::new("cat");
    allocator.preload(command.arg("/proc/self/status").stdin(Stdio::null()));
    let output = command.output().expect("a process");
    kib(&String::from_utf8_lossy(&output.stdout), field) as f64
}
