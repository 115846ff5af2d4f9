//! What the golden cases cannot show: warnings, which `run` does not print, and programs that are made up to be
//! hard on the checker.

use std::time::{Duration, Instant};

use vex_syntax::{Diagnostic, Severity, Spelling};
use vexc::check::CheckOptions;
use vexc::driver::{Checked, Input, Phases};
use vexc::stack::on_deep_stack;

fn check_as(spelling: Spelling, text: &str) -> Checked {
    let input = Input { name: "a".into(), path: None, spelling, text: text.into() };
    let loaded = input.load(Phases::default()).expect("a small program");
    on_deep_stack(|| loaded.check(CheckOptions { needs_entry: false }))
}

/// Code and place of each diagnostic.
fn found(spelling: Spelling, text: &str) -> Vec<String> {
    let checked = check_as(spelling, text);
    let line = |d: &Diagnostic| {
        let place = checked.sources.place(d.span());
        format!("{} {}", d.code.0, place.trim_start_matches("a:"))
    };
    checked.diagnostics.iter().map(line).collect()
}

fn vex(text: &str) -> Vec<String> {
    found(Spelling::Vex, text)
}

#[test]
fn unused_variables_are_warned_of() {
    assert_eq!(vex("fn f() {\n let a = 1\n}"), ["W0001 2:6"]);
    assert_eq!(vex("fn f() {\n let! a = 1\n a = 2\n}"), ["W0001 2:7"], "assigned but never read");
    assert_eq!(vex("fn f() {\n let (a, b) = (1, 2)\n println(a)\n}"), ["W0001 2:10"]);
    assert_eq!(vex("fn f() {\n for i in 0..3 { }\n}"), ["W0001 2:6"]);
    for fine in [
        "fn f(a: i64) { }",
        "fn f() { let _a = 1 }",
        "fn f() { let _ = 1 }",
        "fn f() { for _ in 0..3 { } }",
        "fn f() {\n let a = 1\n println(\"{a}\")\n}",
        "fn f() {\n let a = 1\n println(sizeof(a))\n}",
        "fn f() {\n let a = 1\n defer println(a)\n}",
        "struct F: $Drop { }\nfn (self: &F!) drop() { }\nfn f() { let guard = F { } }",
        "let a = 1\nfn f() { }",
    ] {
        assert_eq!(vex(fine), [""; 0], "{fine}");
    }
}

#[test]
fn needless_mutability_is_warned_of() {
    assert_eq!(vex("fn f() {\n let! a = 1\n println(a)\n}"), ["W0003 2:7"]);
    let vera = found(Spelling::Vera, "function f() {\n var a = 1\n println(a)\n}");
    assert_eq!(vera, ["W0003 2:6"]);
    for fine in [
        "fn f() {\n let! a = 1\n a += 1\n println(a)\n}",
        "fn f() {\n let! a = [1]\n a[0] = 2\n println(a)\n}",
        "fn f() {\n let! a = 1\n g(&a!)\n println(a)\n}\nfn g(n: &i64!) { *n = 2 }",
        "struct S { n: i64 }\nfn (self: &S!) m!() { self.n = 1 }\nfn f() {\n let! s = S { n: 0 }\n s.m!()\n}",
    ] {
        assert_eq!(vex(fine), [""; 0], "{fine}");
    }
    assert_eq!(found(Spelling::Vais, "F f() {\n a := mut 1\n println(a)\n}"), [""; 0]);
}

#[test]
fn unreachable_code_is_warned_of_once() {
    assert_eq!(vex("fn f(): i64 {\n return 1\n println(1)\n println(2)\n}"), ["W0002 3:2"]);
    assert_eq!(vex("fn f() {\n loop { }\n println(1)\n}"), ["W0002 3:2"]);
    assert_eq!(vex("fn f() {\n loop {\n  break\n  println(1)\n }\n println(2)\n}"), ["W0002 4:3"]);
    assert_eq!(vex("fn f() {\n panic(\"x\")\n println(1)\n}"), ["W0002 3:2"]);
    assert_eq!(vex("fn f(c: bool) {\n if c { return }\n println(1)\n}"), [""; 0]);
}

#[test]
fn a_wrong_function_is_not_warned_about() {
    assert_eq!(vex("fn f() {\n let! a = 1\n b()\n}\nfn g() {\n let c = 1\n}"), ["E0101 3:2", "W0001 6:6"]);
}

/// Checks in a time that an exponential pass would exceed.
fn quickly(what: &str, text: &str) -> Checked {
    let start = Instant::now();
    let checked = check_as(Spelling::Vex, text);
    assert!(start.elapsed() < Duration::from_secs(20), "{what} took {:?}", start.elapsed());
    checked
}

#[test]
fn types_that_double_stay_cheap() {
    let mut structs = "struct S0 { a: u8 }\n".to_owned();
    for i in 1..60 {
        structs += &format!("struct S{i} {{ a: S{0}, b: S{0} }}\n", i - 1);
    }
    let checked = quickly("structures", &format!("{structs}fn main() {{ println(sizeof(S20)) }}"));
    let codes: Vec<_> = checked.diagnostics.iter().map(|d| d.code.0).collect();
    assert_eq!(codes, ["E0209"; 29], "those of more than 1 GiB are reported");

    let mut tuples = "fn main() {\n let t0 = (1, 2)\n".to_owned();
    for i in 1..60 {
        tuples += &format!(" let t{i} = (t{0}, t{0})\n", i - 1);
    }
    let checked = quickly("tuples", &format!("{tuples}}}"));
    assert_eq!(checked.diagnostics[0].code.0, "E0209");
    let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    assert_eq!(errors, 1, "{:?}", checked.diagnostics);
}

#[test]
fn nested_loops_with_moves_stay_cheap() {
    let mut text =
        "struct F: $Drop { n: i64 }\nfn (self: &F!) drop() { }\nfn use(f: F) { }\nfn main() {\n".to_owned();
    for i in 0..40 {
        text += &format!("let f{i} = F {{ n: {i} }}\nwhile args().len() > {i} {{\n");
    }
    for i in 0..40 {
        text += &format!("use(f{i})\n");
    }
    let checked = quickly("loops", &format!("{text}{}", "}".repeat(41)));
    assert!(checked.diagnostics.iter().all(|d| d.code.0 == "E0305") && checked.diagnostics.len() == 40);
}

#[test]
fn many_errors_are_all_reported() {
    let text: String = (0..200).map(|i| format!("fn f{i}() {{ println(missing{i}) }}\n")).collect();
    assert_eq!(quickly("errors", &text).diagnostics.len(), 200);
}

#[test]
fn a_long_chain_of_structures_is_no_deep_recursion() {
    let mut text = "struct S0 { a: u8 }\n".to_owned();
    for i in 1..20_000 {
        text += &format!("struct S{i} {{ a: S{} }}\n", i - 1);
    }
    assert_eq!(quickly("a chain", &text).diagnostics.len(), 0);
}
