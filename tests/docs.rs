//! Runs every program in the documentation, so that none of it is wrong.
//!
//! A fenced block tagged `vx`, `vera` or `vais` is a program. After the tag may stand what should become of it:
//! `exit=N`, a status other than 0; `error=CODE,…`, the errors that the compiler reports, exactly these; `file=NAME`,
//! which makes the block a module for the next program rather than a program; `syntax`, of which only the form is
//! looked at: it shows how something is written, and names what is declared nowhere; `checked`, which runs it with
//! `--checked`. A `text` block directly below is the program's whole standard output; of a checked one also what it is
//! reported for, where all addresses count as the same, and all places in a module of the library.
//!
//! The examples in the documentation of the library's modules are marked the same way; one without a tag is written
//! in the spelling of its module.

use std::collections::BTreeSet;
use std::fs;

use vex_syntax::{Spelling, parse_file};
use vex_tests::{Folder, Output, Run, root};
use vexc::docs::Docs;
use vexc::docs::model::Kind;
use vexc::stack::on_deep_stack;

/// A program of a document and what it should do.
#[derive(Debug, Default)]
struct Program {
    /// The line of its fence.
    line: usize,
    /// The tag, which is also the file's extension.
    tag: String,
    text: String,
    exit: Option<i32>,
    errors: BTreeSet<String>,
    /// Whether it shows a form only.
    syntax: bool,
    /// Whether its memory errors are shown.
    checked: bool,
    output: Option<String>,
    /// Modules beside it: names and texts.
    modules: Vec<(String, String)>,
}

/// A fenced block as it stands in the document.
struct Block<'a> {
    line: usize,
    info: &'a str,
    text: String,
    /// Whether it follows the block before it without a line between them.
    attached: bool,
}

/// The fenced blocks of a document.
fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    let mut after_fence = false;
    for (index, line) in document.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(info) if !open => {
                open = true;
                found.push(Block { line: index + 1, info, text: String::new(), attached: after_fence });
            }
            Some(_) => open = false,
            None if open => {
                let block = found.last_mut().expect("a block is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
        after_fence = !open && line.starts_with("```");
    }
    assert!(!open, "the last fence is not closed");
    found
}

/// The programs of a document, or what is wrong with the way they are marked.
fn programs(document: &str) -> Result<Vec<Program>, String> {
    let mut found: Vec<Program> = Vec::new();
    let mut modules = Vec::new();
    let mut last_is_program = false;
    for block in blocks(document) {
        let mut words = block.info.split_whitespace();
        let tag = words.next().unwrap_or("");
        if tag == "text" && block.attached && last_is_program {
            found.last_mut().expect("the last one").output = Some(block.text);
            last_is_program = false;
            continue;
        }
        last_is_program = matches!(tag, "vx" | "vera" | "vais");
        if !last_is_program {
            continue;
        }
        let mut program =
            Program { line: block.line, tag: tag.into(), text: block.text, ..Program::default() };
        let mut module = None;
        for word in words {
            match word.split_once('=') {
                Some(("exit", n)) => program.exit = Some(n.parse().map_err(|_| format!("`{word}`?"))?),
                Some(("error", codes)) => program.errors.extend(codes.split(',').map(String::from)),
                None if word == "syntax" => program.syntax = true,
                None if word == "checked" => program.checked = true,
                Some(("file", name)) => module = Some(name.to_string()),
                _ => return Err(format!("line {}: what does `{word}` mean?", block.line)),
            }
        }
        match module {
            Some(name) => {
                modules.push((name, program.text));
                last_is_program = false;
            }
            None => {
                program.modules = std::mem::take(&mut modules);
                found.push(program);
            }
        }
    }
    if modules.is_empty() { Ok(found) } else { Err("a module without a program after it".into()) }
}

/// The codes of the errors among JSON messages, one a line.
fn error_codes(messages: &str) -> BTreeSet<String> {
    let parsed = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let errors = parsed.filter(|message| message["severity"] == "error");
    errors.filter_map(|message| message["code"].as_str().map(String::from)).collect()
}

/// Runs a program; what it does wrong.
fn judge(program: &Program) -> Result<(), String> {
    if program.syntax {
        let spelling = Spelling::from_extension(&program.tag).expect("the tag of a program");
        let (_, errors) = parse_file(&program.text, 1, spelling);
        return if errors.is_empty() { Ok(()) } else { Err(format!("it does not parse: {errors:#?}")) };
    }
    let folder = Folder::new();
    for (name, text) in &program.modules {
        folder.file(name, text);
    }
    let name = format!("program.{}", program.tag);
    folder.file(&name, &program.text);
    let run = Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder.path());
    if program.checked {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Ok(());
        }
        return judge_checked(program, run.args(["run", "--checked", &name]).output());
    }
    let output = run.args(["run", "--message-format", "json", &name]).output();
    let codes = error_codes(&output.stderr);
    if codes != program.errors {
        return Err(format!("errors {codes:?}, not {:?}\n{}", program.errors, output.stderr));
    }
    let status = program.exit.unwrap_or(if program.errors.is_empty() { 0 } else { 1 });
    if output.status != status {
        return Err(format!("status {}, not {status}\n{}{}", output.status, output.stdout, output.stderr));
    }
    match &program.output {
        Some(wanted) if *wanted != output.stdout => {
            Err(format!("it prints\n{}and the text says\n{wanted}", output.stdout))
        }
        None if !output.stdout.is_empty() => Err(format!("nothing says that it prints\n{}", output.stdout)),
        _ => Ok(()),
    }
}

/// As [`judge`], of a program that ran with `--checked`.
fn judge_checked(program: &Program, output: Output) -> Result<(), String> {
    let printed = output.stdout + &output.stderr;
    if output.status != program.exit.unwrap_or(0) {
        return Err(format!("status {}\n{printed}", output.status));
    }
    let wanted = program.output.as_deref().unwrap_or("");
    match without_addresses(wanted) == without_addresses(&printed) {
        true => Ok(()),
        false => Err(format!("it prints\n{printed}and the text says\n{wanted}")),
    }
}

/// A text in which all addresses are the same, and all places in the library's modules.
fn without_addresses(text: &str) -> String {
    let cut = |text: &str, mark: &str, digits: fn(char) -> bool| {
        let mut parts = text.split(mark);
        let mut rest = parts.next().unwrap_or("").to_owned();
        for part in parts {
            rest.extend([mark, part.trim_start_matches(digits)]);
        }
        rest
    };
    cut(&cut(text, "0x", |c| c.is_ascii_hexdigit()), ">:", |c| c.is_ascii_digit() || c == ':')
}

/// Runs all programs of a document; there are at least `least`.
#[track_caller]
fn all_pass(path: &str, least: usize) {
    let document = fs::read_to_string(root().join(path)).expect(path);
    let programs = programs(&document).unwrap_or_else(|problem| panic!("{path}: {problem}"));
    assert!(programs.len() >= least, "{path} has only {} programs", programs.len());
    let wrong: Vec<String> = programs
        .iter()
        .filter_map(|p| judge(p).err().map(|problem| format!("{path}:{}: {problem}", p.line)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} programs:\n{}", wrong.len(), programs.len(), wrong.join("\n"));
}

#[test]
fn the_language_reference() {
    all_pass("docs/language.md", 50);
}

#[test]
fn the_readme() {
    all_pass("README.md", 3);
}

#[test]
fn the_document_of_the_checked_mode() {
    all_pass("docs/checked.md", 4);
}

/// A documentation text with the module's spelling as the tag of blocks that have none.
fn tagged(doc: &str, extension: &str) -> String {
    let mut open = false;
    let mut text = String::new();
    for line in doc.lines() {
        let fence = line.starts_with("```");
        let bare = fence && !open && line == "```";
        text.push_str(line);
        text.push_str(if bare { extension } else { "" });
        text.push('\n');
        open ^= fence;
    }
    text
}

#[test]
fn the_examples_of_the_library() {
    let docs = on_deep_stack(Docs::library);
    assert_eq!(docs.modules.len(), vexc::stdlib::modules().len(), "every module can be parsed");
    let (mut count, mut wrong) = (0, Vec::new());
    for module in &docs.modules {
        let of_module = (String::new(), &module.doc);
        let of_entries = module.entries().map(|entry| (format!(" {}", entry.path), &entry.doc));
        for (path, doc) in std::iter::once(of_module).chain(of_entries) {
            let place = format!("{}{path}", module.name);
            let programs = programs(&tagged(doc, module.spelling.extension()));
            let programs = programs.unwrap_or_else(|problem| panic!("{place}: {problem}"));
            count += programs.len();
            let problems = programs.iter().filter_map(|program| judge(program).err());
            wrong.extend(problems.map(|problem| format!("{place}: {problem}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} examples:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 10, "only {count} examples");
}

/// What a module offers is documented, all of it; the functions of a trait are where the trait is.
#[test]
fn the_library_is_documented() {
    let docs = on_deep_stack(Docs::library);
    let mut bare = Vec::new();
    for module in &docs.modules {
        let of_traits = module.types.iter().flat_map(|ty| &ty.contracts).flat_map(|of| &of.methods);
        let of_traits: BTreeSet<&str> = of_traits.map(|method| method.anchor.as_str()).collect();
        let entries = module.entries().filter(|entry| !of_traits.contains(entry.anchor.as_str()));
        let entries = entries.filter(|entry| entry.kind != Kind::Foreign && entry.doc.trim().is_empty());
        bare.extend(entries.map(|entry| format!("{} {}", module.name, entry.path)));
        if module.doc.trim().is_empty() {
            bare.push(module.name.clone());
        }
    }
    assert!(bare.is_empty(), "no `///` comments: {bare:#?}");
}

#[test]
fn examples_without_a_tag_get_that_of_their_module() {
    assert_eq!(tagged("a\n```\nb\n```\n```text\nc\n```", "vx"), "a\n```vx\nb\n```\n```text\nc\n```\n");
}

#[test]
fn what_is_wrong_is_noticed() {
    let judged = |text: &str| judge(&programs(text).expect("well marked")[0]);
    assert!(judged("```vx\nprintln(1)\n```\n```text\n1\n```\n").is_ok());
    assert!(judged("```vx\nprintln(1)\n```\n```text\n2\n```\n").is_err());
    assert!(judged("```vx\nprintln(1)\n```\n").is_err());
    assert!(judged("```vx exit=3\nexit(4)\n```\n").is_err());
    assert!(judged("```vx error=E0101\nlet x = 1\n```\n").is_err());
    assert!(judged("```vx\nprintln(nothing)\n```\n").is_err());
    assert!(judged("```vx syntax\nmatch x { 0 => nothing }\n```\n").is_ok());
    assert!(judged("```vx syntax\nmatch x { 0 -> nothing }\n```\n").is_err());
    assert!(judged("```vx checked\nprintln(1)\n```\n```text\n1\n```\n").is_ok());
    assert!(judged("```vx checked\nunsafe { vex_malloc(1) }\n```\n").is_err());
    assert_eq!(without_addresses("a 0x12f, 0x: b"), without_addresses("a 0x3, 0x77: b"));
    assert_eq!(without_addresses("<std/vec>:1:2 c"), without_addresses("<std/vec>:30:4 c"));
    assert_ne!(without_addresses("0x1 a"), without_addresses("0x1 b"));
    assert!(programs("```vx ignore\n```\n").is_err());
    assert!(programs("```vx file=a.vx\n```\n").is_err());
}
