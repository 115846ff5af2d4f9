//! The golden runner behind `vexc test`: runs every program of a tree in a
//! process of its own and compares what it does with what it should do.
//!
//! What a program should do stands in comments at its line starts ([`directives`])
//! and in files beside it: `NAME.out` is its standard output and `NAME.err` its
//! standard error, both whole; `NAME.in` is its standard input. It runs in its own
//! folder, so messages show its bare name. [`bless`](Options::bless) rewrites the
//! files with what the programs print now, but only for those that pass otherwise.

mod defects;
mod diff;
mod directives;
mod judge;
mod process;

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use vex_syntax::Spelling;

pub use defects::{Expected, Place};
pub use diff::unified;
pub use directives::Directives;
use judge::Verdict;

/// The option that has memory errors found.
pub const CHECKED: &str = "--checked";

/// What to run and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The compiler to run the programs with.
    pub vexc: PathBuf,
    /// Further options of `vexc run`, for the programs that ask for none themselves; [`CHECKED`] is for all.
    pub flags: Vec<String>,
    /// Programs, or folders of programs.
    pub paths: Vec<PathBuf>,
    /// Only programs whose path contains this.
    pub filter: Option<String>,
    /// How many run at once; at least one.
    pub jobs: usize,
    /// Whether to write what they print into the files beside them.
    pub bless: bool,
    /// Whether the report is coloured.
    pub color: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Programs that did what they should.
    pub passed: usize,
    /// Programs that did not.
    pub failed: usize,
    /// Programs whose directive says not to run them.
    pub skipped: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Why nothing could be run.
#[derive(Debug)]
pub enum Error {
    /// A path or the filter selects no program.
    NothingToRun(String),
    /// A file or folder cannot be read, or the report cannot be written.
    Io(String, io::Error),
    /// The `CI` variable is set, where accepting results is a mistake.
    BlessInCi,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NothingToRun(what) => write!(f, "{what}"),
            Error::Io(what, error) => write!(f, "{what}: {error}"),
            Error::BlessInCi => {
                write!(f, "--bless accepts whatever the programs print, so it does not work where CI is set")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Runs the programs, writes a report and returns the figures.
///
/// # Errors
///
/// [`Error`]; a program that fails is not one.
pub fn run(options: &Options, out: &mut (dyn Write + Send)) -> Result<Summary, Error> {
    if options.bless && std::env::var_os("CI").is_some_and(|ci| !ci.is_empty()) {
        return Err(Error::BlessInCi);
    }
    let programs = collect(&options.paths, options.filter.as_deref())?;
    let verdicts =
        run_all(options, &programs, out).map_err(|e| Error::Io("cannot write the report".into(), e))?;
    let mut summary = Summary::default();
    for verdict in &verdicts {
        match verdict {
            Verdict::Passed | Verdict::Blessed(_) => summary.passed += 1,
            Verdict::Skipped(_) => summary.skipped += 1,
            Verdict::Failed(_) => summary.failed += 1,
        }
    }
    writeln!(out, "{summary}").map_err(|e| Error::Io("cannot write the report".into(), e))?;
    Ok(summary)
}

/// The programs under the paths that the filter lets through, sorted by path.
///
/// # Errors
///
/// A path that does not exist or holds no program, and a filter that matches none.
pub fn collect(paths: &[PathBuf], filter: Option<&str>) -> Result<Vec<PathBuf>, Error> {
    let mut programs = Vec::new();
    for path in paths {
        let before = programs.len();
        let kind = fs::metadata(path).map_err(|e| Error::Io(format!("cannot read {}", path.display()), e))?;
        if kind.is_dir() {
            walk(path, &mut programs)?;
        } else if spelling_of(path).is_some() {
            programs.push(path.clone());
        } else {
            let what =
                format!("{} is not a program: the name ends in none of .vx, .vera, .vais", path.display());
            return Err(Error::NothingToRun(what));
        }
        if programs.len() == before {
            return Err(Error::NothingToRun(format!("there are no programs in {}", path.display())));
        }
    }
    programs.sort();
    programs.dedup();
    if let Some(filter) = filter {
        let all = programs.len();
        programs.retain(|path| path.to_string_lossy().contains(filter));
        if programs.is_empty() {
            let what = format!("the filter `{filter}` matches none of the {all} programs");
            return Err(Error::NothingToRun(what));
        }
    }
    Ok(programs)
}

/// The spelling that a file's name says it is written in.
fn spelling_of(path: &Path) -> Option<Spelling> {
    Spelling::from_extension(path.extension()?.to_str()?)
}

/// Adds the programs in a folder and, apart from hidden and linked ones, its
/// subfolders.
fn walk(folder: &Path, programs: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |e| Error::Io(format!("cannot read {}", folder.display()), e);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                walk(&path, programs)?;
            }
        } else if spelling_of(&path).is_some() {
            programs.push(path);
        }
    }
    Ok(())
}

/// Verdicts so far, and how many of them are on the report, which is in order.
struct Report<'a> {
    verdicts: Vec<Option<Verdict>>,
    shown: usize,
    out: &'a mut (dyn Write + Send),
    outcome: io::Result<()>,
}

impl Report<'_> {
    /// Takes a verdict, and writes those that have nothing missing before them.
    fn take(&mut self, index: usize, verdict: Verdict, programs: &[PathBuf], color: bool) {
        self.verdicts[index] = Some(verdict);
        while let Some(Some(verdict)) = self.verdicts.get(self.shown) {
            let text = judge::describe(&programs[self.shown], verdict, color);
            self.shown += 1;
            if self.outcome.is_ok() && !text.is_empty() {
                self.outcome = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
            }
        }
    }
}

/// Runs the programs on several threads and reports them in order.
fn run_all(
    options: &Options,
    programs: &[PathBuf],
    out: &mut (dyn Write + Send),
) -> io::Result<Vec<Verdict>> {
    let next = AtomicUsize::new(0);
    let verdicts = programs.iter().map(|_| None).collect();
    let report = Mutex::new(Report { verdicts, shown: 0, out, outcome: Ok(()) });
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(program) = programs.get(index) else { break };
            let verdict = judge::judge(options, program);
            let Ok(mut report) = report.lock() else { break };
            report.take(index, verdict, programs, options.color);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, programs.len()) {
            scope.spawn(work);
        }
    });
    let report = report.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    report.outcome?;
    Ok(report.verdicts.into_iter().flatten().collect())
}
