//! The tables printed when a program has ended: times, and what its memory was used for.

use std::fmt::Write;
use std::time::Duration;

use vex_runtime::alloc::kmem;
use vex_runtime::report::{self, Figures};
use vex_syntax::SourceMap;

use crate::driver::Phases;

/// `--time`: a line a phase, in milliseconds, and their sum.
pub(super) fn phases(phases: &Phases, run: Duration) -> String {
    let mut text = String::from("phase               ms\n");
    let all = phases.0.iter().copied().chain([("run", run)]);
    let total = all.clone().map(|(_, time)| time).sum();
    for (name, time) in all.chain([("total", total)]) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<13} {:>8.3}", time.as_secs_f64() * 1e3);
    }
    text
}

/// `--heap-report`: what each allocator and each source line allocated, in bytes as requested, and what kmem holds
/// for which reason.
pub(super) fn heap_report(sources: &SourceMap) -> String {
    let totals: Vec<_> =
        report::totals().iter().map(|row| (row.allocator.name().into(), row.figures)).collect();
    if totals.is_empty() {
        return "heap report: the program allocated nothing\n".into();
    }
    let rows = report::rows();
    let lines: Vec<_> = rows
        .iter()
        .map(|row| (format!("{} {}", line_of(sources, row.site), row.allocator.name()), row.figures))
        .collect();
    let mut text = String::from("heap report, in bytes\n\n");
    table("allocator", &totals, &mut text);
    text.push('\n');
    table("line and allocator", &lines, &mut text);
    let mut held = String::new();
    if kmem::report(&mut held).is_ok() && !held.is_empty() {
        text.push('\n');
        text.push_str(&held);
    }
    text
}

/// `name:line` of a position.
fn line_of(sources: &SourceMap, site: u32) -> String {
    match sources.locate(site) {
        Some((file, at)) => format!("{}:{}", file.name, at.line),
        None => "(unknown)".into(),
    }
}

/// Names, then figures in columns.
fn table(heading: &str, rows: &[(String, Figures)], text: &mut String) {
    let width = rows.iter().map(|(name, _)| name.chars().count()).chain([heading.len()]).max().unwrap_or(0);
    let columns = ["blocks", "allocated", "freed", "held", "peak"];
    let _ = write!(text, "{heading:<width$}");
    for column in columns {
        let _ = write!(text, " {column:>12}");
    }
    text.push('\n');
    for (name, figures) in rows {
        let _ = write!(text, "{name:<width$}");
        let held = figures.held();
        for figure in [figures.allocations, figures.allocated, figures.freed, held, figures.peak] {
            let _ = write!(text, " {figure:>12}");
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let figures = Figures { allocations: 3, allocated: 30, frees: 1, freed: 10, peak: 25 };
        let rows = [("a.vx:1 bump".to_owned(), figures), ("a.vx:100 bump".to_owned(), figures)];
        let mut text = String::new();
        table("line", &rows, &mut text);
        let expected = "\
line                blocks    allocated        freed         held         peak
a.vx:1 bump              3           30           10           20           25
a.vx:100 bump            3           30           10           20           25
";
        assert_eq!(text, expected);
    }

    #[test]
    fn times_are_in_milliseconds() {
        let phases = super::phases(
            &Phases(vec![("read", Duration::from_micros(1500)), ("check", Duration::from_millis(20))]),
            Duration::from_millis(100),
        );
        let expected = "phase               ms\nread             1.500\ncheck           20.000\nrun            100.000\ntotal          121.500\n";
        assert_eq!(phases, expected);
    }
}
