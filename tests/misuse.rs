//! The corpus of memory errors: every bad program is reported at exactly its lines, no good one and no example is, and a
//! check that is switched off is missed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use vex_tests::root;

/// Spellings by the ends of their files' names, as the table has them.
const SPELLINGS: [&str; 3] = ["vx", "vera", "vais"];

/// The shapes of control flow, as the bad programs' comments say them behind the weakness; without one the error is in
/// plain sight.
const SHAPES: [(&str, &str); 8] = [
    ("direct", ""),
    ("call", ", through a call"),
    ("field", ", through a field"),
    ("loop", ", in a loop"),
    ("closure", ", in a closure"),
    ("callback", ", in a callback"),
    ("method", ", in a method"),
    ("generic", ", in generic code"),
];

/// Weaknesses of Juliet's list that concern memory of the heap; each is there in more than one shape.
const WEAKNESSES: [u32; 16] =
    [122, 124, 126, 127, 401, 415, 416, 457, 476, 562, 590, 680, 690, 761, 762, 789];

/// A program of the corpus.
struct Program {
    /// Its class, the folder it lies in.
    class: String,
    /// Its name without `_bad.vx`.
    stem: String,
    /// The end of its file's name.
    spelling: &'static str,
    /// Whether it has an error.
    bad: bool,
    path: PathBuf,
    text: String,
}

impl Program {
    /// The first line that is a comment and no directive, without what begins a comment.
    fn comment(&self) -> &str {
        let sign = if self.spelling == "vais" { "# " } else { "// " };
        self.text.lines().find_map(|line| line.strip_prefix(sign)).unwrap_or_default()
    }

    /// The number of the weakness and the shape that the comment of a bad program names.
    fn kind(&self) -> Option<(u32, &'static str)> {
        let (head, _) = self.comment().strip_prefix("CWE-")?.split_once(": ")?;
        let digits = head.find(|c: char| !c.is_ascii_digit()).unwrap_or(head.len());
        let shape = SHAPES.iter().find(|(_, phrase)| *phrase == &head[digits..])?.0;
        Some((head[..digits].parse().ok()?, shape))
    }

    fn directive(&self, key: &str) -> bool {
        let sign = if self.spelling == "vais" { "#@ " } else { "//@ " };
        self.text.lines().any(|line| line.strip_prefix(sign).is_some_and(|rest| rest.starts_with(key)))
    }
}

/// The folder of the corpus.
fn folder() -> PathBuf {
    root().join("tests/misuse")
}

/// All programs, in the order of their names.
fn programs() -> Vec<Program> {
    let mut found = Vec::new();
    for class in fs::read_dir(folder()).expect("the folder of the corpus") {
        let class = class.expect("an entry").path();
        if !class.is_dir() {
            continue;
        }
        for file in fs::read_dir(&class).expect("the folder of a class") {
            let path = file.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let (stem, end) = name.rsplit_once('.').expect("a name with an end");
            if ["out", "in", "err"].contains(&end) {
                continue;
            }
            let spelling = SPELLINGS.into_iter().find(|spelling| *spelling == end);
            let (stem, side) = stem.rsplit_once('_').unwrap_or((stem, ""));
            assert!(["bad", "good"].contains(&side), "{name} is neither bad nor good");
            found.push(Program {
                class: class.file_name().and_then(|name| name.to_str()).expect("a name").to_owned(),
                stem: stem.to_owned(),
                spelling: spelling.unwrap_or_else(|| panic!("{name} is no program")),
                bad: side == "bad",
                text: fs::read_to_string(&path).expect("a text"),
                path,
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[test]
fn every_bad_program_has_a_good_twin_and_says_what_is_wrong() {
    let programs = programs();
    let name = |program: &Program| (program.class.clone(), program.stem.clone(), program.spelling);
    let (bad, good): (Vec<&Program>, Vec<&Program>) = programs.iter().partition(|program| program.bad);
    let names: BTreeSet<_> = bad.iter().map(|program| name(program)).collect();
    assert_eq!(names, good.iter().map(|program| name(program)).collect(), "bad programs and their twins");
    assert!(bad.len() >= 130, "only {} pairs", bad.len());
    for program in &bad {
        let at = program.path.display();
        assert!(program.directive("defect: "), "{at} does not say which error it has");
        assert!(program.kind().is_some(), "{at} does not say what is wrong: `{}`", program.comment());
    }
    for program in good {
        let at = program.path.display();
        assert!(program.directive("flags: --checked") && !program.directive("defect: "), "{at}");
        assert!(!program.comment().is_empty(), "{at} does not say what was put right");
        let printed = fs::read_to_string(program.path.with_extension("out")).unwrap_or_default();
        assert!(!printed.is_empty(), "{at} prints nothing, or nothing is known of it");
    }
}

#[test]
fn every_weakness_comes_in_several_shapes() {
    let mut shapes: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for program in programs().iter().filter(|program| program.bad) {
        let (weakness, shape) = program.kind().expect("what is wrong");
        shapes.entry(weakness).or_default().insert(shape);
    }
    for weakness in WEAKNESSES {
        let shapes = shapes.get(&weakness).map_or(0, BTreeSet::len);
        assert!(shapes >= 3, "CWE-{weakness} comes in {shapes} shapes");
    }
}

/// The table of the corpus as its README should show it.
fn table() -> String {
    let mut classes: BTreeMap<String, Vec<Program>> = BTreeMap::new();
    for program in programs().into_iter().filter(|program| program.bad) {
        classes.entry(program.class.clone()).or_default().push(program);
    }
    let mut table = String::from("| class | weaknesses | pairs |");
    SHAPES.iter().for_each(|(shape, _)| write!(table, " {shape} |").expect("writes to a string"));
    table.push_str("\n| --- | --- | --- |");
    table.push_str(&" --- |".repeat(SHAPES.len()));
    for (class, programs) in classes {
        let kinds = || programs.iter().filter_map(|program| Some((program, program.kind()?)));
        let weaknesses: BTreeSet<String> = kinds().map(|(_, (number, _))| number.to_string()).collect();
        let weaknesses = weaknesses.into_iter().collect::<Vec<_>>().join(", ");
        write!(table, "\n| `{class}` | {weaknesses} | {} |", programs.len()).expect("writes to a string");
        for (shape, _) in SHAPES {
            let has = |spelling: &&str| {
                kinds().any(|(program, (_, own))| own == shape && program.spelling == *spelling)
            };
            let spellings: Vec<&str> = SPELLINGS.into_iter().filter(has).collect();
            write!(table, " {} |", spellings.join(" ")).expect("writes to a string");
        }
    }
    table
}

#[test]
fn the_readme_has_the_table_of_the_corpus() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("the README of the corpus");
    let table = table();
    assert!(readme.contains(&table), "the README of the corpus should contain\n{table}\n");
}
