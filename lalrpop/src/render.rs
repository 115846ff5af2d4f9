//! Diagnostics as text for people, with the source excerpt and carets, and as JSON for tools.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Help, Label, Severity};
use crate::span::{FileId, SourceFile, SourceMap, Span};

/// Labels further apart than this many lines get excerpts of their own.
const FAR_APART: u32 = 40;
/// Lines longer than this many bytes are cut before the renderer, which looks at every byte, sees them.
const LONG_LINE: usize = 4_000;
/// How much of a long line is kept on each side of what the excerpt is about, in bytes.
const KEPT: usize = 400;
/// Columns an excerpt may take; what goes beyond is trimmed around the label.
const WIDTH: usize = 120;

/// The diagnostic for people: several lines, ending in a newline. `color`: with terminal colours.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut main = Group::with_title(level.primary_title(&*diagnostic.title).id(diagnostic.code.0));
    for excerpt in excerpts(&diagnostic.labels, sources) {
        if let Some(origin) = excerpt.origin() {
            main = main.element(origin);
        }
        main = main.element(excerpt.annotated());
    }
    for note in &diagnostic.notes {
        main = main.element(Level::NOTE.message(&**note));
    }
    for help in diagnostic.helps.iter().filter(|h| placed_edit(h, sources).is_none()) {
        main = main.element(Level::HELP.message(words(help)));
    }
    let mut groups = vec![main];
    for help in &diagnostic.helps {
        if let Some((excerpt, edit)) = placed_edit(help, sources) {
            groups.push(Level::HELP.secondary_title(&*help.text).element(excerpt.patched(edit)));
        }
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.term_width(WIDTH).render(&groups);
    text.push('\n');
    text
}

/// The text of a help whose edit cannot be shown in place.
fn words(help: &Help) -> String {
    match &help.edit {
        Some((_, with)) if !with.is_empty() => format!("{}: `{with}`", help.text),
        _ => help.text.clone(),
    }
}

/// A range of whole lines of one file, and what is to be marked in it.
struct Excerpt<'a> {
    file: &'a SourceFile,
    id: FileId,
    first_line: u32,
    last_line: u32,
    /// The bytes of the file that are shown; whole lines, except when they are very long.
    shown: Range<usize>,
    labels: Vec<(&'a Label, bool)>,
}

/// The excerpts that show all labels, the one of the first label first.
fn excerpts<'a>(labels: &'a [Label], sources: &'a SourceMap) -> Vec<Excerpt<'a>> {
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let Some(mut new) = excerpt_of(label.span, sources) else { continue };
        let primary = index == 0;
        let near = excerpts.iter_mut().find(|e| e.joins(&new));
        match near {
            Some(old) => {
                old.first_line = old.first_line.min(new.first_line);
                old.last_line = old.last_line.max(new.last_line);
                old.shown = old.shown.start.min(new.shown.start)..old.shown.end.max(new.shown.end);
                old.labels.push((label, primary));
            }
            None => {
                new.labels.push((label, primary));
                excerpts.push(new);
            }
        }
    }
    excerpts
}

fn excerpt_of(span: Span, sources: &SourceMap) -> Option<Excerpt<'_>> {
    let id = sources.find(span.lo)?;
    let file = sources.file(id);
    let first_line = file.line_of(span.lo);
    // A span that ends with a line belongs to that line.
    let last_line = file.line_of(span.hi.max(span.lo + 1) - 1).max(first_line);
    let lines = file.line_start(first_line)..file.line_start(last_line + 1);
    let mut shown = lines.clone();
    if lines.len() > LONG_LINE {
        let (lo, hi) = offsets(file, span);
        shown.start = lines.start.max(boundary(&file.text, lo.saturating_sub(KEPT)));
        shown.end =
            lines.end.min(boundary(&file.text, hi.saturating_add(KEPT).min(lo.saturating_add(LONG_LINE))));
    }
    Some(Excerpt { file, id, first_line, last_line, shown, labels: Vec::new() })
}

/// The span as offsets into the file's text, at character boundaries.
fn offsets(file: &SourceFile, span: Span) -> (usize, usize) {
    let lo = boundary(&file.text, span.lo.saturating_sub(file.base) as usize);
    let hi = boundary(&file.text, span.hi.saturating_sub(file.base) as usize);
    (lo, hi.max(lo))
}

/// The last character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl<'a> Excerpt<'a> {
    fn joins(&self, other: &Excerpt<'_>) -> bool {
        let shown = self.shown.len() + other.shown.len();
        self.id == other.id
            && shown <= LONG_LINE
            && self.first_line <= other.last_line.saturating_add(FAR_APART)
            && other.first_line <= self.last_line.saturating_add(FAR_APART)
    }

    fn cut(&self) -> bool {
        self.shown.start != self.file.line_start(self.first_line)
    }

    /// The heading of an excerpt that does not start at a line's start.
    fn origin(&self) -> Option<Origin<'a>> {
        let (label, _) = self.labels.first().filter(|_| self.cut())?;
        let at = self.file.line_col(label.span.lo);
        Some(Origin::path(&*self.file.name).line(at.line as usize).char_column(at.column as usize))
    }

    fn text(&self) -> &'a str {
        let text = &self.file.text[self.shown.clone()];
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text)
    }

    /// The span as a range of the excerpt's text.
    fn range(&self, span: Span) -> Range<usize> {
        let (lo, hi) = offsets(self.file, span);
        let within = |at: usize| boundary(self.text(), at.saturating_sub(self.shown.start));
        within(lo)..within(hi)
    }

    fn annotated(&self) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let mut snippet = Snippet::source(self.text()).line_start(self.first_line as usize);
        if !self.cut() {
            snippet = snippet.path(&*self.file.name);
        }
        for (label, primary) in &self.labels {
            let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mut annotation = kind.span(self.range(label.span));
            if !label.text.is_empty() {
                annotation = annotation.label(&*label.text);
            }
            snippet = snippet.annotation(annotation);
        }
        snippet
    }

    fn patched(&self, (span, with): (Span, &'a str)) -> Snippet<'a, Patch<'a>> {
        let patch = Patch::new(self.range(span), with);
        Snippet::source(self.text()).line_start(self.first_line as usize).patch(patch)
    }
}

/// Where to show a help's edit, when it can be shown: its place is known and its lines are not too long.
fn placed_edit<'a>(help: &'a Help, sources: &'a SourceMap) -> Option<(Excerpt<'a>, (Span, &'a str))> {
    let (span, with) = help.edit.as_ref()?;
    let excerpt = excerpt_of(*span, sources)?;
    let removes_nothing = span.lo == span.hi && with.is_empty();
    (!excerpt.cut() && !removes_nothing && excerpt.shown.len() <= LONG_LINE)
        .then_some((excerpt, (*span, &**with)))
}

/// The diagnostic for tools: one line of JSON without a newline.
///
/// Lines and columns count from 1, columns in characters; byte offsets count from the start of the file. The first
/// span is the one the message is about. `rendered` is what [`render`] gives without colours.
pub fn render_json(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let spans: Vec<Value> = diagnostic
        .labels
        .iter()
        .enumerate()
        .filter_map(|(index, label)| {
            let mut span = json_span(label.span, sources)?;
            span["label"] = json!(label.text);
            span["primary"] = json!(index == 0);
            Some(span)
        })
        .collect();
    let helps: Vec<Value> = diagnostic
        .helps
        .iter()
        .map(|help| {
            let edit = help.edit.as_ref().and_then(|(span, with)| {
                let mut edit = json_span(*span, sources)?;
                edit["replacement"] = json!(with);
                Some(edit)
            });
            json!({ "text": help.text, "edit": edit })
        })
        .collect();
    json!({
        "code": diagnostic.code.0,
        "severity": severity,
        "title": diagnostic.title,
        "spans": spans,
        "notes": diagnostic.notes,
        "helps": helps,
        "rendered": render(diagnostic, sources, false),
    })
    .to_string()
}

fn json_span(span: Span, sources: &SourceMap) -> Option<Value> {
    let file = sources.file(sources.find(span.lo)?);
    let (start, end) = (file.line_col(span.lo), file.line_col(span.hi));
    Some(json!({
        "file": file.name,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "byte_start": span.lo.saturating_sub(file.base),
        "byte_end": span.hi.saturating_sub(file.base),
    }))
}

#[cfg(test)]
mod tests;
