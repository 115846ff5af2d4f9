//! Runs one program and says whether it did what it should.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use super::defects::Reported;
use super::process::{self, End, Outcome};
use super::{CHECKED, Directives, Options, diff, spelling_of};

/// What came of one program.
pub(super) enum Verdict {
    /// It did what it should.
    Passed,
    /// It passed, and these files now hold what it printed.
    Blessed(Vec<PathBuf>),
    /// It was not run, for this reason.
    Skipped(String),
    /// It did not do what it should; why, a line or more.
    Failed(String),
}

/// What the report says about a program; nothing when it passed.
pub(super) fn describe(program: &Path, verdict: &Verdict, color: bool) -> String {
    let name = program.display();
    let paint = |code, word: &str| if color { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() };
    match verdict {
        Verdict::Passed => String::new(),
        Verdict::Blessed(files) => {
            files.iter().map(|file| format!("{} {}\n", paint("33", "wrote"), file.display())).collect()
        }
        Verdict::Skipped(why) => format!("{} {name}: {why}\n", paint("33", "skip")),
        Verdict::Failed(why) => format!("{} {name}: {why}\n", paint("1;31", "FAIL")),
    }
}

/// Runs a program as its directives ask and compares.
pub(super) fn judge(options: &Options, program: &Path) -> Verdict {
    let source = match fs::read(program) {
        Ok(source) => source,
        Err(error) => return Verdict::Failed(format!("cannot be read: {error}")),
    };
    // Directives are found also in files that are wrong on purpose.
    let source = String::from_utf8_lossy(&source);
    let Some(spelling) = spelling_of(program) else { return Verdict::Failed("is not a program".into()) };
    let directives = match Directives::parse(&source, spelling) {
        Ok(directives) => directives,
        Err(wrong) => return Verdict::Failed(wrong.join("; ")),
    };
    if let Some(why) = directives.skip {
        return Verdict::Skipped(why);
    }
    match execute(options, program, &directives) {
        Ok(outcome) => compare(options, program, &directives, &outcome),
        Err(error) => Verdict::Failed(format!("cannot be run: {error}")),
    }
}

/// Runs the program in its own folder.
fn execute(options: &Options, program: &Path, directives: &Directives) -> io::Result<Outcome> {
    let program = std::path::absolute(program)?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let input = program.with_extension("in");
    let stdin = if input.exists() { File::open(input)?.into() } else { Stdio::null() };
    let mut command = Command::new(std::path::absolute(&options.vexc)?);
    let flags = if directives.flags.is_empty() { &options.flags } else { &directives.flags };
    command.arg("run").args(["--color", "never"]).args(flags);
    // Programs that are about another heap have that.
    let other_heap = flags.iter().any(|flag| flag.starts_with("--allocator") || flag == "--heap-report");
    let wanted = options.flags.iter().any(|flag| flag == CHECKED) && !other_heap;
    let checked = wanted || !directives.defects.is_empty();
    if checked && !flags.iter().any(|flag| flag == CHECKED) {
        command.arg(CHECKED);
    }
    if !directives.defects.is_empty() {
        command.args(["--message-format", "json"]);
    }
    command.arg(program.file_name().unwrap_or_default());
    if !directives.args.is_empty() {
        command.arg("--").args(&directives.args);
    }
    process::run(&mut command, folder, stdin, directives.timeout)
}

/// Compares what a program did with what it should have done.
fn compare(options: &Options, program: &Path, directives: &Directives, outcome: &Outcome) -> Verdict {
    let mut wrong = Vec::new();
    match &outcome.end {
        End::TimedOut => wrong.push(format!("did not end within {} s", directives.timeout.as_secs_f64())),
        End::PrintedTooMuch => wrong.push("printed too much".into()),
        End::Exited(status) => {
            if status.code() != Some(directives.exit) {
                wrong.push(format!("{}, wanted {}", show_status(*status), directives.exit));
            }
        }
    }
    let reported =
        (!directives.defects.is_empty()).then(|| Reported::read(&String::from_utf8_lossy(&outcome.stderr)));
    if let Some(reported) = &reported {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        reported.compare(&directives.defects, &name, &mut wrong);
    }
    let messages = reported.as_ref().map_or(outcome.stderr.as_slice(), |reported| reported.text.as_bytes());
    let stderr = String::from_utf8_lossy(messages);
    if !directives.errors.is_empty() {
        compare_codes(&directives.errors, &stderr, &mut wrong);
    }
    let missing = directives.stderr.iter().filter(|text| !stderr.contains(text.as_str()));
    wrong.extend(missing.map(|text| format!("standard error lacks `{text}`")));

    let bless = options.bless && wrong.is_empty();
    let mut blessed = Vec::new();
    for (extension, printed) in [("out", outcome.stdout.as_slice()), ("err", messages)] {
        let file = program.with_extension(extension);
        match compare_file(&file, printed, bless, options.color) {
            Ok(Change::None) => {}
            Ok(Change::Wrote) => blessed.push(file),
            Ok(Change::Differs(diff)) => wrong.push(format!("what it printed differs\n{}", diff.trim_end())),
            Err(error) => wrong.push(format!("{}: {error}", file.display())),
        }
    }
    match (wrong.is_empty(), blessed.is_empty()) {
        (true, true) => Verdict::Passed,
        (true, false) => Verdict::Blessed(blessed),
        (false, _) => {
            if !matches!(&outcome.end, End::Exited(status) if status.code() == Some(directives.exit)) {
                // The first lines of its messages usually say what happened.
                wrong.extend(
                    stderr.lines().filter(|l| !l.trim().is_empty()).take(8).map(|l| format!("\n     {l}")),
                );
            }
            Verdict::Failed(join(&wrong))
        }
    }
}

/// Joins reasons by `; `, except where one starts a new line itself.
fn join(reasons: &[String]) -> String {
    let mut text = String::new();
    for reason in reasons {
        if !text.is_empty() && !reason.starts_with('\n') {
            text.push_str("; ");
        }
        text.push_str(reason);
    }
    text
}

/// A status in words, signals included.
fn show_status(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit {code}"),
        None => status.to_string(),
    }
}

/// Checks that the compiler reported exactly these error codes.
fn compare_codes(wanted: &[String], stderr: &str, wrong: &mut Vec<String>) {
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let reported: BTreeSet<&str> = stderr.lines().filter_map(error_code).collect();
    wrong.extend(wanted.difference(&reported).map(|code| format!("no error {code}")));
    wrong.extend(reported.difference(&wanted).map(|code| format!("unexpected error {code}")));
}

/// The code in a line such as `error[E0123]: title`.
fn error_code(line: &str) -> Option<&str> {
    line.strip_prefix("error[")?.split_once(']').map(|(code, _)| code)
}

/// What comparing with an expectation's file came to.
enum Change {
    None,
    Wrote,
    Differs(String),
}

/// Compares with the file, or writes it. Without a file anything may be printed;
/// blessing then starts one for standard output only, because most messages
/// would be noise there.
fn compare_file(file: &Path, printed: &[u8], bless: bool, color: bool) -> io::Result<Change> {
    let expected = match fs::read(file) {
        Ok(expected) => Some(expected),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let starts = file.extension().is_some_and(|extension| extension == "out") && !printed.is_empty();
    match expected {
        None if bless && starts => fs::write(file, printed)?,
        None => return Ok(Change::None),
        Some(expected) if expected == printed => return Ok(Change::None),
        Some(_) if bless => fs::write(file, printed)?,
        Some(expected) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let diff = diff::unified(&expected, printed, (&name, "printed"), color).unwrap_or_default();
            return Ok(Change::Differs(diff));
        }
    }
    Ok(Change::Wrote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_must_be_exactly_those_wanted() {
        let stderr = "error[E0101]: a\n --> x\nwarning[W0001]: b\nerror[E0101]: c\nerror: 2 errors\n";
        let check = |wanted: &[&str]| {
            let mut wrong = Vec::new();
            let wanted: Vec<String> = wanted.iter().map(|code| (*code).to_owned()).collect();
            compare_codes(&wanted, stderr, &mut wrong);
            wrong
        };
        assert!(check(&["E0101"]).is_empty());
        assert_eq!(check(&["E0102"]), ["no error E0102", "unexpected error E0101"]);
    }

    #[test]
    fn reasons_read_as_a_line_with_details_below() {
        assert_eq!(join(&["a".into(), "b".into(), "\n     c".into()]), "a; b\n     c");
    }
}
