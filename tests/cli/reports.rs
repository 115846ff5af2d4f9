//! `--time`, `--heap-report` and `vexc emit`.

use vex_tests::Folder;

use super::vexc;

#[test]
fn time_lists_the_phases() {
    let folder = Folder::new();
    folder.file("a.vx", "println(1)\nexit(3)\n");
    let run = vexc(&folder).args(["run", "--time", "a.vx"]).output().expect_status(3).expect_stdout("1\n");
    let names: Vec<&str> =
        run.stderr.lines().skip(1).map(|line| &line[..line.find("  ").unwrap_or(0)]).collect();
    assert_eq!(names, ["read", "lex+parse", "check", "lower+compile", "run", "total"]);
}

#[test]
fn the_heap_report_counts_by_allocator_and_line() {
    let folder = Folder::new();
    let text = "unsafe {\n    let a = vex_malloc(100)\n    let! i = 0\n    while i < 3 {\n        vex_free(vex_malloc(1000))\n        i = i + 1\n    }\n    let b = a\n}\n";
    folder.file("a.vx", text);
    let run = vexc(&folder).args(["run", "--heap-report", "a.vx"]).output().expect_status(0);
    let row = |start: &str| -> Vec<u64> {
        let line = run.stderr.lines().find(|line| line.trim_start().starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no row `{start}` in:\n{}", run.stderr));
        line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    // Blocks, bytes allocated, freed, held, peak.
    assert_eq!(row("vex_malloc"), [4, 3100, 3000, 100, 1100]);
    assert_eq!(row("a.vx:2"), [1, 100, 0, 100, 100]);
    assert_eq!(row("a.vx:5"), [3, 3000, 3000, 0, 1000]);
}

#[test]
fn every_stage_is_printed() {
    let folder = Folder::new();
    folder.file("a.vx", "fn twice(n: i64): i64 { return n * 2 }\nprintln(twice(21))\n");
    for (stage, part) in
        [("tokens", "twice"), ("ast", "twice"), ("typed", "twice"), ("clif", "imul"), ("asm", "ret")]
    {
        let text = vexc(&folder).args(["emit", "--stage", stage, "a.vx"]).output().expect_status(0).stdout;
        assert!(text.contains(part), "{stage}:\n{text}");
    }
    vexc(&folder).args(["emit", "--stage", "llvm", "a.vx"]).output().expect_status(2).expect_stderr("clif");
}
