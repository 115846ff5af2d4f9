//! The formatter: every program of the project, comments at odd places, and programs that are laid out by chance.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use vex_syntax::Spelling;
use vex_syntax::format::{FormatError, format};
use vex_syntax::lexer::lex;

const PROGRAMS: [(&str, Spelling); 9] = [
    (include_str!("programs/forms.vx"), Spelling::Vex),
    (include_str!("programs/forms.vera"), Spelling::Vera),
    (include_str!("programs/forms.vais"), Spelling::Vais),
    (include_str!("programs/tour.vx"), Spelling::Vex),
    (include_str!("programs/tour.vera"), Spelling::Vera),
    (include_str!("programs/tour.vais"), Spelling::Vais),
    (include_str!("../../examples/memory_dump.vx"), Spelling::Vex),
    (include_str!("../../examples/expression.vais"), Spelling::Vais),
    (include_str!("../../examples/frame_allocator.vera"), Spelling::Vera),
];

/// The files below a folder that are written in the language.
fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the project");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            programs(&path, found);
        } else if spelling_of(&path).is_some() {
            found.push(path);
        }
    }
}

fn spelling_of(path: &Path) -> Option<Spelling> {
    path.extension().and_then(|e| e.to_str()).and_then(Spelling::from_extension)
}

/// Formats a text; `None` when it does not parse.
fn formatted(text: &str, spelling: Spelling, name: &str) -> Option<String> {
    match format(text, 1, spelling) {
        Ok(text) => Some(text),
        Err(FormatError::Syntax(_)) => None,
        Err(FormatError::Changed(what)) => panic!("{name}: {what}\n{text}"),
    }
}

#[test]
fn every_program_keeps_its_meaning_and_is_formatted_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder");
    let mut files = Vec::new();
    for folder in ["examples", "stdlib", "tests/cases", "benches", "lalrpop/tests/programs"] {
        programs(&root.join(folder), &mut files);
    }
    let mut count = 0;
    for path in files {
        let name = path.display().to_string();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Some(once) = formatted(&text, spelling_of(&path).expect("chosen by it"), &name) else { continue };
        let twice = formatted(&once, spelling_of(&path).expect("chosen by it"), &name).expect("it parses");
        assert_eq!(once, twice, "{name}");
        count += 1;
    }
    assert!(count > 150, "only {count} files were formatted");
}

/// What may stand between two tokens. Where it makes no program, the case says nothing; most do.
const GAPS: [&str; 12] = [
    " ",
    " ",
    "   ",
    "\t",
    " /* c */ ",
    "/* c\n   d */",
    "\n",
    "\n\n\n\n",
    " // c\n",
    "\n// c\n",
    "\n\n/* c */ /* d */\n",
    "\r\n      ",
];

/// A program with its blanks exchanged: those at the chosen places, or some of a chosen stretch.
fn laid_out(program: usize, changes: &[(prop::sample::Index, usize)], width: usize) -> (String, Spelling) {
    let (text, spelling) = PROGRAMS[program];
    let tokens = lex(text, 0, spelling).tokens;
    let gaps: Vec<usize> = (1..tokens.len()).filter(|i| tokens[*i - 1].hi < tokens[*i].lo).collect();
    let mut new: Vec<Option<&str>> = vec![None; tokens.len()];
    for (at, gap) in changes {
        let at = at.index(gaps.len());
        for index in gaps.iter().skip(at).step_by(3).take(width) {
            new[*index] = Some(GAPS[*gap]);
        }
    }
    let mut out = String::new();
    let mut end = 0;
    for (index, token) in tokens.iter().enumerate() {
        let (lo, hi) = (token.lo as usize, token.hi as usize);
        let before = &text[end..lo];
        // Comments stay, and so do the newlines between statements.
        match new[index] {
            Some(gap) if before.trim().is_empty() && (!before.contains('\n') || gap.contains('\n')) => {
                out += gap
            }
            _ => out += before,
        }
        out += &text[lo..hi];
        end = hi;
    }
    out += &text[end..];
    (out, spelling)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_program_is_laid_out_it_is_formatted_once(
        program in 0..PROGRAMS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..GAPS.len()), 1..8),
        width in 1usize..6,
    ) {
        let (text, spelling) = laid_out(program, &changes, width);
        if let Some(once) = formatted(&text, spelling, "the program") {
            let twice = formatted(&once, spelling, "the formatted program").expect("it parses");
            prop_assert_eq!(&once, &twice, "{}", text);
            prop_assert!(once.lines().all(|line| line == line.trim_end() || line.contains("/*")), "{}", once);
        }
    }
}
