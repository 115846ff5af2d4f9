//! Programs of everyday use with allocators preloaded: time, memory, and whether they print the same.

mod allocators;
mod contract;
mod programs;

use std::fs::{File, read, remove_dir_all};
use std::path::{Path, PathBuf};

use crate::measure::{Taken, geometric_mean, median, run};
use crate::options::{Options, Part};
use crate::table::{Table, factor};
use allocators::{Allocator, GLIBC, OURS};
use programs::{PROGRAMS, Program, script};

/// The C library's allocator once more: what its column shows is chance.
const AGAIN: &str = "glibc again";

/// What came of a program: what every contestant took in every round, and who printed something else or failed.
struct Row {
    name: &'static str,
    taken: Vec<Vec<Taken>>,
    wrong: Vec<String>,
}

/// The names of all programs.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|program| program.name)
}

/// Prints everything that is about the drop-in library; false when ours does what it must not.
pub fn compare(options: &Options) -> bool {
    let parts = [Part::Memory, Part::Dropin, Part::Contract];
    if !parts.iter().any(|part| options.has(*part)) {
        return true;
    }
    let wanted: Vec<&Program> = PROGRAMS.iter().filter(|program| options.wants(program.name)).collect();
    let times = options.has(Part::Dropin) && !wanted.is_empty();
    let trivial = options.has(Part::Memory) && options.wants("trivial");
    if !times && !trivial && !options.has(Part::Contract) {
        return true;
    }
    let (found, lines) = match allocators::all(options) {
        Ok(found) => found,
        Err(mistake) => {
            eprintln!("vex-bench: {mistake}");
            return false;
        }
    };
    println!("preloaded: {}\n", lines.join(", "));
    if trivial {
        allocators::trivial(&found, options);
    }
    let folder = std::env::temp_dir().join(format!("vex-bench-{}", std::process::id()));
    let fine = (!times || programs_of(&wanted, &found, options, &folder))
        & (!options.has(Part::Contract) || contract::compare(&found, options, &folder));
    // What is left in the folder for temporary files does no harm.
    let _ = remove_dir_all(&folder);
    fine
}

/// Runs the programs and prints the tables; false when one prints something else with ours, or fails.
fn programs_of(programs: &[&Program], found: &[Allocator], options: &Options, folder: &Path) -> bool {
    let mut contestants = found.to_vec();
    contestants.insert(1, Allocator { name: AGAIN, library: None });
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for program in programs {
        let folder = folder.join("work");
        let prepared = program.tool().and_then(|tool| {
            program.set_up(&folder, &tool)?;
            Ok(tool)
        });
        match prepared.and_then(|tool| race(program, &contestants, options, &folder, &tool)) {
            Ok(row) => rows.push(row),
            Err(reason) => missing.push(format!("{}: {reason}", program.name)),
        }
        // The next one must find it empty.
        let _ = remove_dir_all(&folder);
        eprintln!("{}: done", program.name);
    }
    if !rows.is_empty() {
        tables(&contestants, &rows, options);
    }
    for line in &missing {
        println!("not run: {line}\n");
    }
    rows.iter().all(|row| !row.wrong.iter().any(|line| line.starts_with(OURS)))
}

/// Runs one program with every contestant in turn; what it lacks otherwise.
fn race(
    program: &Program,
    contestants: &[Allocator],
    options: &Options,
    folder: &Path,
    tool: &Path,
) -> Result<Row, String> {
    let rounds = if program.long { options.rounds(5, 1) } else { options.rounds(9, 1) };
    // Not counted: it warms the caches, and shows what is to be printed.
    let (taken, expected) = once(program, &contestants[0], folder, tool)?;
    if !taken.status.success() {
        return Err(format!("it fails: {}", String::from_utf8_lossy(&read_all(folder, "errors"))));
    }
    let mut row = Row { name: program.name, taken: vec![Vec::new(); contestants.len()], wrong: Vec::new() };
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let at = (turn + round) % contestants.len();
            let (taken, output) = once(program, &contestants[at], folder, tool)?;
            let name = contestants[at].name;
            let wrong = match taken.status.success() {
                false => format!("{name} fails ({})", taken.status),
                true if output != expected => format!("{name} prints something else"),
                true => String::new(),
            };
            if !wrong.is_empty() && !row.wrong.contains(&wrong) {
                row.wrong.push(wrong);
            }
            row.taken[at].push(taken);
        }
    }
    Ok(row)
}

/// One run: what it took, and all that it and the script after it printed.
fn once(
    program: &Program,
    allocator: &Allocator,
    folder: &Path,
    tool: &Path,
) -> Result<(Taken, Vec<u8>), String> {
    let said = |error: std::io::Error| error.to_string();
    script(program.before, folder, tool).status().map_err(said)?;
    let mut command = script(program.run, folder, tool);
    allocator.preload(&mut command);
    // Files, so that nobody here must read while the program runs.
    let file = |name: &str| File::create(folder.with_extension(name)).map_err(said);
    command.stdout(file("output")?).stderr(file("errors")?);
    let taken = run(&mut command).map_err(said)?;
    let mut output = read_all(folder, "output");
    output.extend(read_all(folder, "errors"));
    output.extend(script(program.after, folder, tool).output().map_err(said)?.stdout);
    Ok((taken, output))
}

/// What a run printed.
fn read_all(folder: &Path, name: &str) -> Vec<u8> {
    let file: PathBuf = folder.with_extension(name);
    read(file).unwrap_or_default()
}

/// The tables of time and of memory.
fn tables(contestants: &[Allocator], rows: &[Row], options: &Options) {
    let rounds = rows.iter().map(|row| row.taken[0].len()).max().unwrap_or(0);
    let time = |what: &str| {
        format!("drop-in: {what}, median of {rounds}; {GLIBC} in ms, the others beside it, below 1 is less")
    };
    let table = |title: String, of: fn(&Taken) -> f64| relative(title, contestants, rows, of);
    let mut first = table(time("processor time, user and system"), Taken::cpu);
    for row in rows {
        for line in &row.wrong {
            first.note(format!("{}: {line}", row.name));
        }
    }
    first.note("same: standard output, standard error and what was written are the same, byte for byte, in every run");
    first.print(options.markdown);
    table(time("wall time"), |taken| taken.wall).print(options.markdown);
    if options.details {
        table(time("user time"), |taken| taken.user).print(options.markdown);
        table(time("system time"), |taken| taken.system).print(options.markdown);
    }
    let title = format!("drop-in: peak memory of the largest process; {GLIBC} in KiB, the others beside it");
    table(title, |taken| taken.peak as f64).print(options.markdown);
}

/// A table of medians: the first contestant's own, and the others' beside it.
fn relative(title: String, contestants: &[Allocator], rows: &[Row], of: fn(&Taken) -> f64) -> Table {
    let columns: Vec<&str> = contestants.iter().map(|one| one.name).chain(["same"]).collect();
    let mut table = Table::new(title, "program", &columns);
    let mut all: Vec<Vec<f64>> = Vec::new();
    for row in rows {
        let middle = |taken: &Vec<Taken>| median(&taken.iter().map(of).collect::<Vec<_>>()).max(1e-3);
        let values: Vec<f64> = row.taken.iter().map(middle).collect();
        let ratios: Vec<f64> = values[1..].iter().map(|value| value / values[0]).collect();
        let same = if row.wrong.is_empty() { "yes" } else { "NO" };
        let cells = std::iter::once(format!("{:.0}", values[0])).chain(ratios.iter().copied().map(factor));
        table.row(row.name, cells.chain([same.to_string()]));
        all.push(ratios);
    }
    let over = |of: fn(Vec<f64>) -> f64| {
        let column = |at: usize| of(all.iter().map(|ratios| ratios[at]).collect());
        let cells: Vec<String> = (0..contestants.len() - 1).map(|at| factor(column(at))).collect();
        std::iter::once(String::new()).chain(cells)
    };
    table.row("geometric mean", over(|ratios| geometric_mean(ratios.into_iter())));
    table.row("worst", over(|ratios| ratios.into_iter().fold(0.0, f64::max)));
    table
}
