//! Programs that were damaged by chance: the compiler reports something or compiles them, and never panics.
//!
//! Every example and case is changed in a few places, word by word: one is dropped, doubled, swapped with its neighbour,
//! or replaced by another. What still compiles is compiled to machine code, but not run. The mutants are
//! the same each time; `VEX_MUTANTS` sets how many of each program are tried. Each is written to the file that
//! `VEX_MUTANT_FILE` names before it is tried, so that one that ends the test itself can be looked at.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use vex_syntax::lexer::lex;
use vex_syntax::token::Token;
use vex_syntax::{Spelling, render};
use vex_tests::{Random, root};
use vexc::check::CheckOptions;
use vexc::driver::{Input, Phases};
use vexc::jit::JitOptions;
use vexc::stack::on_deep_stack;

/// Mutants of each program, unless the environment says otherwise.
const MUTANTS: u32 = 6;

/// A program as words: each with the blanks and comments after it.
struct Program {
    path: PathBuf,
    spelling: Spelling,
    words: Vec<String>,
    kinds: Vec<Token>,
}

impl Program {
    fn read(path: PathBuf) -> Option<Program> {
        let spelling = Spelling::from_extension(path.extension()?.to_str()?)?;
        let text = fs::read_to_string(&path).ok()?;
        let tokens = lex(&text, 0, spelling).tokens;
        let kinds = tokens.iter().map(|token| token.token).collect();
        let starts: Vec<usize> = tokens.iter().map(|token| token.lo as usize).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let words = starts.iter().zip(ends).map(|(&lo, hi)| text[lo..hi].to_owned()).collect();
        Some(Program { path, spelling, words, kinds })
    }

    /// The text with one word replaced by another of its kind: a name by a name, a number by a number.
    fn variant(&self, random: &mut Random) -> String {
        let mut words = self.words.clone();
        let at = random.below(words.len());
        let same: Vec<usize> = (0..words.len()).filter(|&i| self.kinds[i] == self.kinds[at]).collect();
        words[at] = self.words[same[random.below(same.len())]].clone();
        words.concat()
    }

    /// The text with up to four changes.
    fn mutant(&self, random: &mut Random, others: &[Program]) -> String {
        let mut words = self.words.clone();
        for _ in 0..1 + random.below(4) {
            if words.is_empty() {
                break;
            }
            let at = random.below(words.len());
            match random.below(8) {
                0 => drop(words.remove(at)),
                1 => words.insert(at, words[at].clone()),
                2 => {
                    let other = (at + 1).min(words.len() - 1);
                    words.swap(at, other);
                }
                3 => words.truncate(at),
                // Words of its own fit more often, so that later stages get their share.
                4..=6 => words[at] = words[random.below(words.len())].clone(),
                _ => {
                    let other = &others[random.below(others.len())].words;
                    if !other.is_empty() {
                        words[at] = other[random.below(other.len())].clone();
                    }
                }
            }
        }
        words.concat()
    }
}

/// Every program under a folder.
fn collect(folder: &Path, programs: &mut Vec<Program>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, programs);
        } else {
            programs.extend(Program::read(path));
        }
    }
}

/// Takes a program as far as it goes; whether that was to the end.
fn compile(path: &Path, spelling: Spelling, text: String) -> bool {
    let input = Input { name: "mutant".into(), path: Some(path.to_owned()), spelling, text };
    let loaded = input.load(Phases::default()).expect("not too much source");
    let checked = loaded.check(CheckOptions { needs_entry: true });
    for diagnostic in &checked.diagnostics {
        render::render(diagnostic, &checked.sources, true);
        render::render_json(diagnostic, &checked.sources);
    }
    assert_eq!(checked.program.is_none(), checked.failed(), "a program, or an error that says why not");
    let options = JitOptions { verify: true, ..JitOptions::default() };
    match checked.compile(&options) {
        Some(Err(error)) => panic!("{error}"),
        Some(Ok(_)) => true,
        None => false,
    }
}

#[test]
fn damaged_programs_do_not_upset_the_compiler() {
    let mut programs = Vec::new();
    for folder in ["examples", "tests/cases", "stdlib"] {
        collect(&root().join(folder), &mut programs);
    }
    assert!(programs.len() > 30);
    let count = std::env::var("VEX_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(MUTANTS);
    let file = std::env::var_os("VEX_MUTANT_FILE");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut failures = String::new();
    let mut compiled = 0;
    for program in &programs {
        for _ in 0..count {
            let text = match random.below(2) {
                0 => program.variant(&mut random),
                _ => program.mutant(&mut random, &programs),
            };
            if let Some(file) = &file {
                fs::write(file, &text).expect("the file for mutants");
            }
            let attempt = || on_deep_stack(|| compile(&program.path, program.spelling, text.clone()));
            match catch_unwind(AssertUnwindSafe(attempt)) {
                Ok(done) => compiled += u32::from(done),
                Err(_) => failures.push_str(&format!("---- {}\n{text}\n", program.path.display())),
            }
        }
    }
    assert!(compiled > count, "only {compiled} mutants got as far as machine code");
    assert!(failures.is_empty(), "the compiler panicked on:\n{failures}");
}
