//! What the project promises about itself, checked: headers, sizes, the edges between the compiler's modules, paths
//! that the documents name, commands that the README shows, and examples with their output.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use vex_tests::root;
use vexc::cli::args::Cli;

/// The most lines of a source file.
const MOST_LINES: usize = 500;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[
    ("lalrpop/src/grammar.lalrpop", "the generator reads a grammar from one file only"),
    ("stdlib/std/core.vx", "its parts need each other, and modules do not import each other in a circle"),
    ("stdlib/std/vec.vx", "it is the functions of one type, each with its description"),
];

/// Which modules of the compiler may use which others. No two use each other, and none but the command reads or
/// writes what a user sees.
const EDGES: &[(&str, &[&str])] = &[
    ("main", &[]),
    ("lib", &["manager"]),
    (
        "cli",
        &[
            "check",
            "defects",
            "docs",
            "driver",
            "explain",
            "golden",
            "jit",
            "repl",
            "session",
            "stack",
            "suggest",
            "translate",
            "typed",
        ],
    ),
    ("docs", &["explain", "stdlib", "suggest"]),
    ("driver", &["check", "jit", "loader", "mono", "stack", "typed"]),
    ("repl", &["session", "stack"]),
    (
        "session",
        &[
            "check", "codes", "defects", "driver", "explain", "jit", "loader", "mono", "peek", "stack",
            "stdlib", "suggest", "typed", "types",
        ],
    ),
    ("golden", &["defects"]),
    ("defects", &["jit", "peek"]),
    ("peek", &[]),
    ("explain", &[]),
    ("jit", &["lower", "typed"]),
    ("lower", &["typed", "types"]),
    ("check", &["codes", "loader", "stdlib", "suggest", "typed", "types"]),
    ("mono", &["codes", "typed", "types"]),
    ("loader", &["codes", "stdlib", "suggest"]),
    ("typed", &["types"]),
    ("types", &[]),
    ("codes", &[]),
    ("suggest", &[]),
    ("translate", &["check", "driver"]),
    ("stdlib", &[]),
    ("stack", &[]),
];

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &["target", ".git", "node_modules"];

/// All files under the root, relative to it, sorted.
fn files() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let entry = entry.expect("a readable entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().expect("a known type");
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                walk(&entry.path(), found);
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &mut found);
    let relative =
        |path: PathBuf| path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
    let mut names: Vec<String> = found.into_iter().map(relative).collect();
    names.sort();
    names
}

/// The Rust files.
fn rust_files() -> Vec<String> {
    files().into_iter().filter(|name| name.ends_with(".rs")).collect()
}

/// The text of a file of the project.
fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Fails with the list unless it is empty.
#[track_caller]
fn none(what: &str, wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[test]
fn every_source_file_says_what_it_is() {
    let bare = |name: &String| !text(name).starts_with("//!");
    none("files without a `//!` header", rust_files().into_iter().filter(bare).collect());
}

#[test]
fn source_files_stay_short() {
    let allowed = |name: &str| LONGER.iter().any(|(long, _)| *long == name);
    let mut wrong = Vec::new();
    for name in files() {
        let source = [".rs", ".lalrpop", ".vx", ".vera", ".vais"].iter().any(|end| name.ends_with(end));
        if !source || name.starts_with("tests/cases/") || name.starts_with("tests/repl/files/") {
            continue;
        }
        let lines = text(&name).lines().count();
        if lines > MOST_LINES && !allowed(&name) {
            wrong.push(format!("{name} has {lines} lines, more than {MOST_LINES}"));
        } else if lines <= MOST_LINES && allowed(&name) {
            wrong.push(format!("{name} is short enough; take it off the list of exceptions"));
        }
    }
    none("the limit is there so that files are split by topic", wrong);
}

/// The module of the compiler that a file belongs to: `check` for `check/expr.rs`.
fn module_of(file: &str) -> String {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first).to_string()
}

/// The modules of the compiler that each of them uses, from every `crate::name` in it.
fn actual_edges() -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in rust_files() {
        let Some(file) = name.strip_prefix("compiler/src/") else { continue };
        let module = module_of(file);
        let used = edges.entry(module.clone()).or_default();
        let text = text(&name);
        for part in text.split("crate::").skip(1) {
            let first: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !first.is_empty() && first != module {
                used.insert(first);
            }
            // `use crate::{a, b::c};`
            if let Some(group) = part.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                let names = group.0.split(',').map(|n| module_of(n.trim().split("::").next().unwrap_or("")));
                used.extend(names.filter(|n| !n.is_empty() && *n != module));
            }
        }
    }
    edges
}

#[test]
fn the_compilers_modules_use_only_what_they_may() {
    let mut wrong = Vec::new();
    let actual = actual_edges();
    for (module, used) in &actual {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| name == module) else {
            wrong.push(format!("the module `{module}` is not in the table of edges"));
            continue;
        };
        for target in used.iter().filter(|target| !allowed.contains(&target.as_str())) {
            // Macros and constants of the crate's root are no modules.
            if actual.contains_key(target) {
                wrong.push(format!("`{module}` uses `{target}`, which the table does not allow"));
            }
        }
    }
    none("edges between modules", wrong);
}

#[test]
fn the_table_of_edges_has_no_circle() {
    let targets = |name: &str| EDGES.iter().find(|(n, _)| *n == name).map_or(&[][..], |(_, t)| *t);
    for (start, _) in EDGES {
        let (mut seen, mut next) = (BTreeSet::new(), targets(start).to_vec());
        while let Some(module) = next.pop() {
            assert_ne!(module, *start, "`{start}` uses itself through others");
            if seen.insert(module) {
                next.extend(targets(module));
            }
        }
    }
}

#[test]
fn the_crates_know_only_those_below_them() {
    for (manifest, forbidden) in [
        ("lalrpop/Cargo.toml", &["vexc", "vex-runtime", "cranelift"][..]),
        ("runtime/Cargo.toml", &["vexc", "vex-syntax", "cranelift"]),
        ("compiler/Cargo.toml", &["vex-tests"]),
    ] {
        let text = text(manifest);
        let depends = text.split("dependencies]").skip(1).flat_map(|part| part.lines().skip(1));
        for line in depends {
            let bad = forbidden.iter().find(|name| line.starts_with(**name));
            assert!(bad.is_none(), "{manifest} depends on {bad:?}");
        }
    }
    for name in rust_files().iter().filter(|n| n.starts_with("compiler/src/check/")) {
        assert!(!text(name).contains("cranelift"), "{name}: the checker knows no machine code");
    }
}

/// Something that must not occur in files of a kind.
fn banned(ends: &[&str], words: &[&str], except: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for name in files() {
        if name == "tests/tidy.rs"
            || except.contains(&name.as_str())
            || !ends.iter().any(|end| name.ends_with(end))
        {
            continue;
        }
        let Ok(text) = fs::read_to_string(root().join(&name)) else { continue };
        for (index, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!("{name}:{}: `{word}`", index + 1));
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    none(
        "stubs and tests that do not run",
        banned(&[".rs"], &["todo!(", "unimplemented!(", "#[ignore", "```ignore"], &[]),
    );
}

#[test]
fn no_paths_of_one_machine() {
    let ends = [
        ".rs", ".md", ".toml", ".vx", ".vera", ".vais", ".out", ".err", ".h", ".hpp", ".json", ".lalrpop",
        "run",
    ];
    // Tools that profile look for their map in this folder.
    let except = ["compiler/src/jit/perf.rs"];
    none("paths of one machine", banned(&ends, &["/work/", "/home/", "/Users/", "/tmp/"], &except));
}

#[test]
fn unsafe_code_is_explained() {
    let manifest = text("Cargo.toml");
    for lint in ["undocumented_unsafe_blocks", "missing_safety_doc", "unsafe_op_in_unsafe_fn"] {
        assert!(manifest.contains(&format!("{lint} = \"deny\"")), "the lint {lint} is not denied");
    }
    let crates = [
        "lalrpop",
        "runtime",
        "runtime/capi",
        "runtime/dropin",
        "runtime/bench",
        "runtime/embed-example",
        "compiler",
        "tests",
    ];
    for crate_manifest in crates {
        let manifest = text(&format!("{crate_manifest}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{crate_manifest} does not take the lints");
    }
}

/// The commands in a document's shell blocks, joined over `\` and without comments.
fn commands(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut shell = false;
    for line in document.lines() {
        match line.strip_prefix("```") {
            Some(info) => shell = matches!(info, "sh" | "console"),
            None if shell => {
                let line = line.trim_start_matches("$ ");
                let command = line.split("  #").next().unwrap_or(line).trim();
                if !command.is_empty() && !command.starts_with('#') {
                    found.push(command.to_string());
                }
            }
            None => {}
        }
    }
    found
}

/// What is wrong with a command of a document.
fn command_problem(command: &str) -> Option<String> {
    let words: Vec<&str> =
        command.split_whitespace().take_while(|w| !matches!(*w, "<" | ">" | "|")).collect();
    let files = words.iter().filter(|w| w.contains('/') && !w.contains("://") && !w.starts_with(['~', '$']));
    for file in files {
        let made = file.starts_with("target/") || vexc::stdlib::find(file).is_some();
        if !made && !root().join(file.trim_start_matches("./")).exists() {
            return Some(format!("there is no {file}"));
        }
    }
    let arguments = match words.as_slice() {
        ["cargo", "run", "--release", "--", rest @ ..] | ["vexc" | "target/release/vexc", rest @ ..] => rest,
        ["cargo", subcommand, ..] => {
            let known = ["build", "run", "test", "bench", "fmt", "clippy", "install"];
            return (!known.contains(subcommand)).then(|| format!("what is cargo {subcommand}?"));
        }
        ["cc" | "c++" | "git" | "cd" | "./program" | ".ci/run", ..] => return None,
        _ => return Some("nobody checks this command".into()),
    };
    let parsed = Cli::try_parse_from(std::iter::once("vexc").chain(arguments.iter().copied()));
    parsed.err().map(|error| error.to_string())
}

#[test]
fn the_commands_of_the_documents_exist() {
    let mut count = 0;
    for name in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let wrong = commands(&text(name)).into_iter().filter_map(|command| {
            count += 1;
            command_problem(&command).map(|problem| format!("{name}: `{command}`: {problem}"))
        });
        none("commands", wrong.collect());
    }
    assert!(count > 10, "only {count} commands found");
    assert!(text(".ci/run").contains("cargo test --workspace"), "the script runs the README's test command");
}

/// The paths that a document names in backticks, as far as they look like paths of the project.
fn named_paths(document: &str) -> BTreeSet<String> {
    let folders = [
        "lalrpop/",
        "runtime/",
        "compiler/",
        "stdlib/",
        "examples/",
        "tests/",
        "docs/",
        "benches/",
        ".ci/",
        "editors/",
    ];
    let spans = document.split('`').skip(1).step_by(2);
    let pattern = [" ", "*", "{", "<", "CODE", "NAME"];
    let is_path =
        |s: &&str| folders.iter().any(|f| s.starts_with(f)) && !pattern.iter().any(|p| s.contains(p));
    let paths = spans.filter(is_path);
    paths.map(String::from).collect()
}

#[test]
fn the_paths_of_the_documents_exist() {
    let mut count = 0;
    for name in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/language.md"] {
        let paths = named_paths(&text(name));
        count += paths.len();
        none(name, paths.into_iter().filter(|path| !root().join(path).exists()).collect());
    }
    assert!(count > 20, "only {count} paths found");
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for name in files().into_iter().filter(|name| name.ends_with(".md")) {
        let text = text(&name);
        let folder = root().join(&name).parent().expect("a folder").to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or("");
            if !file.is_empty() && !file.contains("://") {
                assert!(folder.join(file).exists(), "{name}: the link to {file} leads nowhere");
            }
        }
    }
}

#[test]
fn there_are_examples_and_every_one_shows_its_output() {
    let mut programs = BTreeSet::new();
    for name in files().into_iter().filter(|name| name.starts_with("examples/")) {
        let Some((stem, "vx" | "vera" | "vais")) = name.rsplit_once('.') else { continue };
        let text = text(&name);
        assert!(text.starts_with(['/', '#']), "{name} does not begin with a comment");
        if text.contains("@ skip: ") {
            continue;
        }
        assert!(root().join(format!("{stem}.out")).exists(), "{name} has no {stem}.out beside it");
        programs.insert(stem.to_string());
    }
    assert!(programs.len() >= 25, "only {} examples", programs.len());
}

#[test]
fn the_checks_notice() {
    assert!(command_problem("cargo run --release -- run examples/hello.vx").is_none());
    assert!(command_problem("cargo run --release -- run examples/missing.vx").is_some());
    assert!(command_problem("vexc run --no-such-flag examples/hello.vx").is_some());
    assert!(command_problem("frobnicate").is_some());
    assert_eq!(commands("```sh\n# no\n$ a b  # c\n```\nd\n"), ["a b"]);
    assert_eq!(module_of("check/expr.rs"), "check");
}
