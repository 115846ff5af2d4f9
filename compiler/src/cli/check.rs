//! `vexc check`.

use std::path::Path;

use rustc_hash::FxHashSet;
use vex_syntax::{Diagnostic, SourceMap};

use super::args::{CheckArgs, Common};
use super::{FAILED, Messages, OK, build};
use crate::check::CheckOptions;
use crate::stack::on_deep_stack;

/// Checks each file as a program of its own, and prints errors and warnings. A module both named and imported is
/// reported once.
pub(super) fn check(args: &CheckArgs, common: &Common, messages: &Messages) -> u8 {
    let mut seen = FxHashSet::default();
    let mut status = OK;
    for file in &args.files {
        let ok = on_deep_stack(|| check_one(file, common, messages, &mut seen));
        if !ok {
            status = FAILED;
        }
    }
    status
}

/// Whether a file compiles.
fn check_one(file: &Path, common: &Common, messages: &Messages, seen: &mut FxHashSet<String>) -> bool {
    let Ok(loaded) = build::load(file, common.spelling, messages) else { return false };
    let checked = loaded.check(CheckOptions { needs_entry: false });
    let new = checked.diagnostics.iter().filter(|d| seen.insert(identity(d, &checked.sources)));
    messages.diagnostics(new, &checked.sources);
    messages.summary(file, &checked.diagnostics);
    !checked.failed()
}

/// What makes two diagnostics the same although they come from two compilations.
fn identity(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let place = sources.place(diagnostic.span());
    format!("{place} {} {}", diagnostic.code.0, diagnostic.title)
}
