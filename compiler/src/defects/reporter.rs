//! Who is told of memory errors while a program runs, what is written then, and how the program ends.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use vex_runtime::builtins::stream;
use vex_runtime::checked::{self, Defect, LeakKind, Verdict};
use vex_syntax::SourceMap;

use super::leaks::{self, Group, Which};
use super::model::{Finding, position};
use super::resolve::Resolver;
use super::text::Paint;
use super::words::bytes;
use super::{json, text};
use crate::jit;

/// Exit status of a program with memory errors.
pub const STATUS: i32 = checked::EXIT_CODE;

/// Different errors after which a program is stopped although it should keep going.
const MOST: usize = 100;

/// How memory errors are reported.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// As JSON rather than text.
    pub json: bool,
    /// With colours.
    pub color: bool,
    /// Whether the program goes on after an error.
    pub keep_going: bool,
    /// The name of the global variable at an address.
    pub variable: fn(usize) -> Option<String>,
}

/// An error that was reported.
#[derive(Clone, Debug)]
struct Known {
    kind: &'static str,
    position: u32,
    /// How often it happened.
    count: usize,
}

/// What is known while a program runs.
struct State {
    settings: Settings,
    known: Vec<Known>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reports memory errors from now on.
pub fn install(settings: Settings) {
    *state() = Some(State { settings, known: Vec::new() });
    checked::set_handler(on_defect);
}

/// Forgets what was reported: another program begins.
pub fn forget() {
    if let Some(state) = state().as_mut() {
        state.known.clear();
    }
}

/// How many errors were reported.
pub fn errors() -> usize {
    state().as_ref().map_or(0, |state| state.known.len())
}

/// What to do about an error.
enum Decision {
    /// Nothing: it is known, or it is about the reporter itself.
    GoOn,
    /// Say this and go on.
    Say(String),
    /// Say this and end the program.
    Stop(String),
}

/// What the runtime calls.
fn on_defect(defect: &Defect<'_>) -> Verdict {
    match decide(defect) {
        Decision::GoOn => {}
        Decision::Say(report) => {
            stream::flush_from_signal();
            write(&report);
        }
        Decision::Stop(report) => jit::fail_running(&report),
    }
    Verdict::Continue
}

fn decide(defect: &Defect<'_>) -> Decision {
    let Ok(mut state) = STATE.try_lock() else { return Decision::GoOn };
    let Some(state) = state.as_mut() else { return Decision::GoOn };
    let decided = jit::running_sources(|sources| {
        let resolver = Resolver {
            calls: &|returns| jit::calls_of(returns.iter().copied()),
            variable: &state.settings.variable,
            sources,
        };
        let finding = resolver.finding(defect, jit::running_calls().unwrap_or_default());
        state.take(&finding, sources)
    });
    decided.unwrap_or_else(|| {
        // Nothing of the program runs: what there is to say is all that can be done.
        write(&format!("memory error: {defect}\n"));
        vex_runtime::builtins::process::exit_now(STATUS)
    })
}

impl State {
    /// Notes an error; what to do about it.
    fn take(&mut self, finding: &Finding, sources: &SourceMap) -> Decision {
        let (kind, position) = (finding.name(), position(&finding.calls, sources));
        let Settings { json, color, keep_going, .. } = self.settings;
        match self.known.iter_mut().find(|known| known.kind == kind && known.position == position) {
            Some(known) if keep_going => {
                known.count += 1;
                return Decision::GoOn;
            }
            Some(known) => known.count += 1,
            None => self.known.push(Known { kind, position, count: 1 }),
        }
        let mut report = match json {
            true => json::finding(finding, sources) + "\n",
            false => text::finding(finding, sources, color),
        };
        if !keep_going {
            return Decision::Stop(report);
        }
        if !json {
            report.push('\n');
        }
        match self.known.len() < MOST {
            true => Decision::Say(report),
            false => Decision::Stop(report),
        }
    }

    /// Reports leaks and, where there is something to add, what was found in all. `None` when nothing was found.
    fn finish(&self, groups: &[Group], sources: &SourceMap) -> Option<String> {
        if self.known.is_empty() && groups.is_empty() {
            return None;
        }
        let Settings { json, color, .. } = self.settings;
        let mut report = String::new();
        for group in groups {
            match json {
                true => report.push_str(&group.json(sources)),
                false => report.push_str(&group.text(sources, color)),
            }
            report.push('\n');
        }
        let summary = self.summary(groups, sources);
        if json {
            report.push_str(&self.summary_json(groups, sources, &summary));
            report.push('\n');
        } else if self.known.len() + groups.len() > 1 || self.known.iter().any(|known| known.count > 1) {
            report.push_str(&summary);
        }
        Some(report)
    }

    /// How much was found in all, and what happened more than once.
    fn summary(&self, groups: &[Group], sources: &SourceMap) -> String {
        let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let mut parts = Vec::new();
        if !self.known.is_empty() {
            parts.push(counted(self.known.len(), "memory error"));
        }
        if !groups.is_empty() {
            let blocks = groups.iter().map(|group| group.count).sum();
            let size: usize = groups.iter().map(|group| group.bytes).sum();
            parts.push(format!("{} leaked in {}", bytes(size as i128), counted(blocks, "block")));
        }
        let paint = Paint { color: self.settings.color };
        let mut text = format!("{}: {}\n", paint.word("found"), parts.join(", "));
        for Known { kind, position, count } in self.known.iter().filter(|known| known.count > 1) {
            let place = match sources.locate(*position) {
                Some((file, at)) => format!("{}:{}", file.name, at.line),
                None => "an unknown place".into(),
            };
            text.push_str(&format!("  {count} times: {kind} at {place}\n"));
        }
        text
    }

    fn summary_json(&self, groups: &[Group], sources: &SourceMap, rendered: &str) -> String {
        let repeats = self.known.iter().filter(|known| known.count > 1).map(|known| {
            let at = sources.locate(known.position);
            json!({
                "kind": known.kind,
                "file": at.map(|(file, _)| &file.name),
                "line": at.map(|(_, at)| at.line),
                "count": known.count,
            })
        });
        json!({
            "kind": "summary",
            "errors": self.known.len(),
            "leaked_blocks": groups.iter().map(|group| group.count).sum::<usize>(),
            "leaked_bytes": groups.iter().map(|group| group.bytes).sum::<usize>(),
            "repeats": repeats.collect::<serde_json::Value>(),
            "rendered": rendered,
        })
        .to_string()
    }
}

/// Looks for leaks when a program has come to its end, writes what was found, and says whether that was anything.
/// `stack` is the part of its stack that still counts, when it ends in the middle of a function.
pub fn finish(resolver: &Resolver<'_>, which: Which, stack: Option<Range<usize>>) -> bool {
    let mut leaked = if which == Which::None { Vec::new() } else { checked::leaks(stack.clone()) };
    // What functions hold that are still running is no leak: they had no chance to free it.
    let is_running = |root: &usize| stack.as_ref().is_some_and(|stack| stack.contains(root));
    leaked.retain(|leak| !matches!(&leak.kind, LeakKind::Reachable { root } if is_running(root)));
    let groups = leaks::group(resolver.leaks(&leaked), which, resolver.sources);
    let Some(report) = state().as_ref().and_then(|state| state.finish(&groups, resolver.sources)) else {
        return false;
    };
    write(&report);
    true
}

/// Writes to standard error; there is nowhere to report that this fails.
fn write(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
