//! Every diagnostic code has a page, and the pages tell the truth: a wrong example gives exactly the page's code, a
//! right one nothing at all.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use vexc::check::{CheckOptions, codes};
use vexc::driver::{Input, Phases};
use vexc::explain::{Example, pages};
use vexc::stack::on_deep_stack;

/// A folder of its own for one example's files, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("vexc-explain-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in the temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What compiling an example reports, a line each: code, place and title.
fn reports(example: &Example, name: &str) -> Vec<(&'static str, String)> {
    let folder = Folder::new(name);
    for (file, text) in &example.files {
        fs::write(folder.0.join(file), text).expect("a file of the example");
    }
    let path = folder.0.join(format!("main.{}", example.spelling.extension()));
    fs::write(&path, example.source).expect("the example");
    let text = example.source.to_owned();
    let input = Input { name: "main".into(), path: Some(path), spelling: example.spelling, text };
    let loaded = input.load(Phases::default()).expect("a small program");
    let checked = loaded.check(CheckOptions { needs_entry: false });
    let line = |d: &vex_syntax::Diagnostic| {
        (d.code.0, format!("{} {}: {}", d.code.0, checked.sources.place(d.span()), d.title))
    };
    checked.diagnostics.iter().map(line).collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let known: BTreeSet<&str> = vex_syntax::codes::ALL.iter().chain(codes::ALL).map(|code| code.0).collect();
    let paged: BTreeSet<&str> = pages().map(|page| page.code).collect();
    assert_eq!(known.difference(&paged).collect::<Vec<_>>(), [&""; 0], "codes without a page");
    assert_eq!(paged.difference(&known).collect::<Vec<_>>(), [&""; 0], "pages without a code");
    let count = vex_syntax::codes::ALL.len() + codes::ALL.len();
    assert_eq!(known.len(), count, "a code is used twice");
}

#[test]
fn examples_give_what_their_page_says() {
    let mut failures = String::new();
    for page in pages() {
        for example in page.examples() {
            let name = format!("{}-{}", page.code, example.line);
            let found = on_deep_stack(|| reports(&example, &name));
            let wanted = if example.wrong {
                !found.is_empty() && found.iter().all(|(code, _)| *code == page.code)
            } else {
                found.is_empty()
            };
            if !wanted {
                let kind = if example.wrong { "wrong" } else { "right" };
                failures.push_str(&format!("{}.md:{}: the {kind} example gives\n", page.code, example.line));
                found.iter().for_each(|(_, line)| failures.push_str(&format!("    {line}\n")));
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The page about nesting has no wrong example: nobody wants to read one.
#[test]
fn nesting_is_limited_as_the_page_says() {
    let deep = usize::try_from(vex_syntax::ast::MAX_DEPTH).expect("a small number");
    assert_eq!(deep, 2500, "the page says 2500");
    let source = format!("let x = {}1{}\n", "(".repeat(deep + 1), ")".repeat(deep + 1));
    let source: &'static str = source.leak();
    let spelling = vex_syntax::Spelling::Vex;
    let example = Example { wrong: true, spelling, source, line: 0, files: Vec::new() };
    let found = on_deep_stack(|| reports(&example, "deep"));
    assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [vex_syntax::codes::TOO_DEEP.0]);
}
