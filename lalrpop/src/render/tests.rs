//! Tests of the renderer; in a file of their own for length.

use super::*;
use crate::codes;
use crate::spelling::Spelling;

/// A map with one file and the span of the first `what` in it.
fn source(text: &str, what: &str) -> (SourceMap, Span) {
    let mut map = SourceMap::new();
    map.add("lib.vx", None, Spelling::Vex, "let other = 1\n", true).unwrap();
    let id = map.add("a.vx", None, Spelling::Vex, text, false).unwrap();
    let lo = map.file(id).base + text.find(what).unwrap() as u32;
    (map, Span::new(lo, lo + what.len() as u32))
}

fn error(span: Span) -> Diagnostic {
    Diagnostic::error(codes::UNEXPECTED_TOKEN, span, "it is wrong").at("here")
}

#[test]
fn an_excerpt_shows_lines_labels_notes_and_edits() {
    let (map, span) = source("one\nlet x = function\nthree\nlet y = 2\n", "function");
    let far = Span::new(span.lo + 19, span.lo + 20);
    let message =
        error(span).label(far, "and this").note("a fact").help("do something").fix("write `fn`", span, "fn");
    let text = render(&message, &map, false);
    let expected = "\
error[E0001]: it is wrong
 --> a.vx:2:9
  |
2 | let x = function
  |         ^^^^^^^^ here
3 | three
4 | let y = 2
  |     - and this
  |
  = note: a fact
  = help: do something
help: write `fn`
  |
2 - let x = function
2 + let x = fn
  |
";
    assert_eq!(text, expected);
    assert!(render(&message, &map, true).contains("\u{1b}["));
}

#[test]
fn tabs_and_wide_characters_keep_carets_in_place() {
    let (map, span) = source("\tlet 日本 = bad", "bad");
    let text = render(&error(span), &map, false);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], " --> a.vx:1:11");
    assert_eq!(lines[3], "1 |     let 日本 = bad");
    assert_eq!(lines[4], "  |                ^^^ here");
}

#[test]
fn long_lines_are_trimmed_and_keep_their_column() {
    let long = format!("{}bad{}", "x + ".repeat(20_000), " + y".repeat(20_000));
    let (map, span) = source(&long, "bad");
    let text = render(&error(span).fix("better", span, "good"), &map, false);
    assert!(text.contains("a.vx:1:80001"), "{text}");
    assert!(text.len() < 1500, "{} bytes", text.len());
    assert!(text.contains("bad") && text.contains("^^^ here") && text.contains("better: `good`"), "{text}");
}

#[test]
fn labels_far_apart_get_their_own_excerpts() {
    let text = format!("first\n{}last\n", "\n".repeat(100_000));
    let (map, span) = source(&text, "last");
    let first = Span::new(map.files()[1].base, map.files()[1].base + 5);
    let text = render(&error(span).label(first, "opened here"), &map, false);
    assert!(text.contains("a.vx:100002:1") && text.contains("opened here"), "{text}");
    assert!(text.lines().count() < 14, "{text}");
}

#[test]
fn places_at_the_edges_render() {
    for (text, lo, hi) in
        [("", 0, 0), ("a", 1, 1), ("a\n", 2, 2), ("a\nb\n", 0, 4), ("äö", 1, 3), ("\0\r\n", 0, 3)]
    {
        let mut map = SourceMap::new();
        let id = map.add("a.vx", None, Spelling::Vex, text, false).unwrap();
        let base = map.file(id).base;
        let span = Span::new(base + lo, base + hi);
        let rendered = render(&error(span).fix("add", span.after(), ";").fix("cut", span, ""), &map, false);
        assert!(rendered.contains("E0001") && rendered.contains("a.vx"), "{rendered}");
    }
    let rendered = render(&error(Span::NONE), &SourceMap::new(), false);
    assert_eq!(rendered, "error[E0001]: it is wrong\n");
}

#[test]
fn json_has_places_and_edits() {
    let (map, span) = source("let ä = bad", "bad");
    let line = render_json(&error(span).fix("better", span, "good").note("why"), &map);
    assert!(!line.contains('\n'));
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["code"], "E0001");
    assert_eq!(value["severity"], "error");
    let at = &value["spans"][0];
    assert_eq!((&at["file"], &at["line"], &at["column"]), (&json!("a.vx"), &json!(1), &json!(9)));
    assert_eq!((&at["byte_start"], &at["byte_end"], &at["primary"]), (&json!(9), &json!(12), &json!(true)));
    assert_eq!(value["helps"][0]["edit"]["replacement"], "good");
    assert_eq!(value["notes"][0], "why");
    assert!(value["rendered"].as_str().unwrap().starts_with("error[E0001]"));
}
