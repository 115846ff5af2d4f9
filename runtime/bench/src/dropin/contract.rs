//! The corners of `malloc`'s contract, checked by a C program with each allocator preloaded.

use std::path::Path;
use std::process::{Command, Stdio};

use super::allocators::{Allocator, OURS};
use crate::options::Options;
use crate::project;
use crate::table::Table;

/// The groups of corners, each checked in a process of its own: an allocator that ends one fails only there.
const GROUPS: &[&str] =
    &["sizes", "absurd", "zeroed", "resizing", "alignments", "keeps_errno", "threads", "names"];

/// How long a group may take, in seconds.
const SECONDS: &str = "60";

/// The names that are looked up, which are too many for a line each.
const NAME: &str = "exports ";

/// A corner, and whether it holds.
type Verdict = (String, bool);

/// Checks all corners and prints the table; false when ours fails one.
pub fn compare(allocators: &[Allocator], options: &Options, folder: &Path) -> bool {
    let program = match compile(folder) {
        Ok(program) => program,
        Err(reason) => {
            println!("the contract: not checked, {reason}\n");
            return true;
        }
    };
    let all: Vec<Vec<Verdict>> = allocators.iter().map(|one| verdicts(one, &program)).collect();
    let names: Vec<&str> = allocators.iter().map(|one| one.name).collect();
    let mut table = Table::new("the contract of malloc, corner by corner", "corner", &names);
    let mut corners: Vec<&str> = Vec::new();
    for (corner, _) in all.iter().flatten().filter(|(corner, _)| !corner.starts_with(NAME)) {
        if !corners.contains(&corner.as_str()) {
            corners.push(corner);
        }
    }
    for corner in corners {
        let of = |verdicts: &Vec<Verdict>| match verdicts.iter().find(|(name, _)| name == corner) {
            Some((_, true)) => "ok",
            Some((_, false)) => "FAILS",
            // The group ended before it came to this.
            None => "–",
        };
        table.row(corner, all.iter().map(|verdicts| of(verdicts).to_string()));
    }
    let exports = |verdicts: &Vec<Verdict>| {
        let names: Vec<bool> =
            verdicts.iter().filter(|(name, _)| name.starts_with(NAME)).map(|(_, holds)| *holds).collect();
        format!("{} of {}", names.iter().filter(|holds| **holds).count(), names.len())
    };
    table.row("names exported", all.iter().map(exports));
    let failed = |verdicts: &Vec<Verdict>| verdicts.iter().filter(|(_, holds)| !holds).count();
    table.row("corners failed", all.iter().map(|verdicts| failed(verdicts).to_string()));
    table.print(options.markdown);
    allocators.iter().zip(&all).all(|(one, verdicts)| one.name != OURS || failed(verdicts) == 0)
}

/// Compiles the program that checks; why it cannot be otherwise.
fn compile(folder: &Path) -> Result<String, String> {
    let source = project::root()?.join("tests/dropin/contract.c");
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let program = folder.join("contract").to_string_lossy().into_owned();
    let mut command = Command::new("cc");
    // The compiler knows what `malloc` does, and would leave calls out.
    command.args(["-O1", "-fno-builtin", "-w", "-pthread", "-o", &program]).arg(source).args(["-ldl"]);
    match command.output() {
        Ok(output) if output.status.success() => Ok(program),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(_) => Err("cc is not installed".to_string()),
    }
}

/// What holds with one allocator. A group that does not come to its end is a corner of its own, which fails.
fn verdicts(allocator: &Allocator, program: &str) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for group in GROUPS {
        let mut command = Command::new("timeout");
        command.args([SECONDS, program, group]).stdin(Stdio::null()).stderr(Stdio::null());
        allocator.preload(&mut command);
        let output = command.output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let text = text.unwrap_or_default();
        verdicts.extend(text.lines().filter_map(verdict));
        let ended = text.lines().next_back().is_some_and(|line| line.ends_with(" corners fail"));
        verdicts.push((format!("{group}: comes to its end"), ended));
    }
    verdicts
}

/// Reads a line of the program: `ok` or `FAILS`, and the corner.
fn verdict(line: &str) -> Option<Verdict> {
    let (word, corner) = line.split_once(' ')?;
    match word {
        "ok" => Some((corner.trim().to_string(), true)),
        "FAILS" => Some((corner.trim().to_string(), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        assert_eq!(verdict("ok     calloc zeroes"), Some(("calloc zeroes".to_string(), true)));
        assert_eq!(verdict("FAILS  a corner"), Some(("a corner".to_string(), false)));
        assert_eq!(verdict("0 corners fail"), None);
    }
}
