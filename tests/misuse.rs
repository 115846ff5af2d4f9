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

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod checked {
    use std::fs;
    use std::path::PathBuf;

    use super::{folder, programs};
    use vex_runtime::checked::{Checks, OFF_VARIABLE};
    use vex_syntax::Spelling;
    use vex_tests::{Folder, Run, root};
    use vexc::golden::{Options, Summary, run};

    /// The command under test.
    const VEXC: &str = env!("CARGO_BIN_EXE_vexc-under-test");

    /// Runs a folder's programs and fails with the runner's report.
    fn all_pass(folder: PathBuf, flags: &[&str]) -> Summary {
        let options = Options {
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            vexc: PathBuf::from(VEXC),
            paths: vec![folder],
            filter: None,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            bless: false,
            color: false,
        };
        let mut report = Vec::new();
        let summary = run(&options, &mut report).unwrap_or_else(|error| panic!("{error}"));
        assert!(summary.failed == 0, "{}", String::from_utf8_lossy(&report));
        summary
    }

    #[test]
    fn bad_programs_are_reported_at_their_lines_and_good_ones_are_not() {
        let summary = all_pass(folder(), &[]);
        assert!(summary.passed >= 260 && summary.skipped == 0, "{summary}");
    }

    /// Each program means the same in another spelling, so the same is reported there. A part of them with every test,
    /// all with `VEX_LONG=1`.
    #[test]
    fn translated_programs_are_reported_as_their_originals() {
        let part = if std::env::var_os("VEX_LONG").is_some() { 1 } else { 7 };
        let (folder, mut count) = (Folder::new(), 0);
        for to in Spelling::ALL {
            let others = programs().into_iter().filter(|program| program.spelling != to.extension());
            for program in others.skip(to as usize).step_by(part) {
                let side = if program.bad { "bad" } else { "good" };
                let name = format!("{}/{}_{}_{side}", program.class, program.stem, program.spelling);
                let run = Run::new(VEXC, folder.path()).args(["translate", "--to", to.name()]);
                let text = run.arg(&program.path).output().expect_status(0).stdout;
                // Where lines moved, those of the directive are others.
                if text.lines().count() != program.text.lines().count() {
                    continue;
                }
                folder.file(&format!("{name}.{}", to.extension()), text);
                if !program.bad {
                    let printed =
                        fs::read_to_string(program.path.with_extension("out")).expect("what it prints");
                    folder.file(&format!("{name}.out"), printed);
                }
                count += 1;
            }
        }
        let summary = all_pass(folder.path().to_owned(), &[]);
        assert!(summary.passed == count && count > 1000 / part, "{summary} of {count}");
    }

    #[test]
    fn examples_print_the_same_and_are_not_reported() {
        assert!(all_pass(root().join("examples"), &["--checked"]).passed >= 60);
    }

    /// Bad programs that only the check of this name finds.
    const FOUND_BY: [(&str, &[&str]); 17] = [
        (
            "bounds",
            &[
                "past_end/write_one_direct_bad.vx",
                "past_end/memset_past_bad.vx",
                "before_start/store_one_bad.vais",
                "live_neighbour/write_by_distance_bad.vx",
                "bump/past_block_bad.vais",
                "inside_object/local_array_bad.vx",
            ],
        ),
        ("subobject", &["inside_object/array_before_field_bad.vx", "inside_object/copy_whole_struct_bad.vx"]),
        (
            "freed",
            &[
                "use_after_free/read_now_bad.vx",
                "use_after_free/after_realloc_bad.vx",
                "use_after_free/after_reuse_bad.vx",
                "use_after_free/load_now_bad.vais",
            ],
        ),
        ("stack", &["dead_stack/returned_local_bad.vx", "dead_stack/kept_in_global_bad.vx"]),
        ("null", &["null/read_direct_bad.vx", "null/copy_to_bad.vx", "null/store_field_bad.vais"]),
        ("wild", &["wild/number_as_pointer_bad.vx", "wild/number_bad.vais"]),
        ("align", &["misaligned/read_direct_bad.vx", "misaligned/typed_pointer_bad.vera"]),
        (
            "unwritten",
            &[
                "unwritten/one_of_eight_bad.vx",
                "unwritten/compare_bad.vx",
                "unwritten/copied_bad.vx",
                "unwritten/load_fresh_bad.vais",
            ],
        ),
        (
            "double_free",
            &["double_free/now_bad.vx", "double_free/after_reuse_bad.vx", "double_free/address_bad.vais"],
        ),
        ("bad_free", &["bad_free/interior_direct_bad.vx", "bad_free/stack_variable_bad.vx"]),
        (
            "wrong_allocator",
            &["wrong_function/vex_free_of_allocate_bad.vx", "wrong_function/vex_free_of_kmem_bad.vx"],
        ),
        ("size", &["wrong_size/sized_free_bad.vera", "wrong_size/layout_align_bad.vais"]),
        ("overlap", &["overlap/forward_bad.vx", "overlap/memcpy_bad.vais"]),
        ("negative_size", &["bad_size/negative_malloc_bad.vx", "bad_size/negative_copy_bad.vx"]),
        ("zero_sized", &["zero_sized/write_direct_bad.vx", "zero_sized/malloc_bad.vais"]),
        (
            "region",
            &["bump/after_reset_bad.vais", "stack/after_pop_bad.vais", "pool/allocator_after_free_bad.vx"],
        ),
        ("leaks", &["leaks/lost_direct_bad.vx", "leaks/cycle_bad.vx", "leaks/global_variable_bad.vx"]),
    ];

    /// The checker is tested by taking a check away: the corpus must notice, for every check.
    #[test]
    fn a_check_that_is_switched_off_is_missed() {
        let listed: Vec<String> = FOUND_BY.iter().map(|(check, _)| check.to_uppercase()).collect();
        let known: Vec<&str> = Checks::all().iter_names().map(|(name, _)| name).collect();
        assert_eq!(listed, known, "programs for each check, in their order");
        let mut wrong = Vec::new();
        for (check, programs) in FOUND_BY {
            let all = |off: &str| {
                let run = Run::new(VEXC, &folder()).env(OFF_VARIABLE, off).arg("test").args(programs);
                run.output()
            };
            let with = all("");
            if with.status != 0 {
                wrong.push(format!("with all checks:\n{}{}", with.stdout, with.stderr));
                continue;
            }
            let without = all(check);
            let blind = |program: &&&str| !without.stdout.contains(&format!("FAIL {program}: "));
            for program in programs.iter().filter(blind) {
                wrong.push(format!("{program} is reported as demanded without the check `{check}`"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
